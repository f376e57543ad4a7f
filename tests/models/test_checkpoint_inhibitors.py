"""From a dose of pembrolizumab to blocked PD-1, against DOP853, libroadrunner and formulas."""

import numpy as np
import pytest

import model_oracles as oracles
from course_lib.models.checkpoint_inhibitors import Pembrolizumab
from course_lib.models.patient import Patient, simulate

DRUGS = {
    "typical": {},
    "light, one small dose": {"weight": 40, "dose": 5, "number_of_doses": 1},
    "heavy, double": {"weight": 140, "dose": 400, "interval": 42},
    "often": {"interval": 7, "number_of_doses": 12, "functional_ic50": 20},
}
DAYS = [1.0, 20.0, 21.0, 42.0, 100.5, 210.0]


@pytest.mark.parametrize("case", DRUGS)
def test_concentration_against_dop853(case):
    ours = Pembrolizumab(**DRUGS[case]).concentration(DAYS, before=True)
    np.testing.assert_allclose(ours, oracles.by_scipy(DAYS, **DRUGS[case])[2], rtol=1e-8)


@pytest.mark.parametrize("case", DRUGS)
def test_concentration_against_libroadrunner_on_the_antimony_text(case):
    days = [1.0, 20.0, 100.5, 200.0]
    exact = oracles.by_roadrunner(days, **DRUGS[case])[1]
    ours = Pembrolizumab(**DRUGS[case]).concentration(days)
    np.testing.assert_allclose(ours, exact, rtol=1e-6)


@pytest.mark.parametrize("case", DRUGS)
def test_free_pd1_at_the_stages_of_a_step_against_dop853(case):
    """At the end of a step it is the value before a dose, at its start the value after."""
    drug = Pembrolizumab(**DRUGS[case])
    stages = np.array([[0, 10.5, 21], [21, 31.5, 42], [42, 44.5, 47]], dtype=float)
    effects = drug.effects(stages, np.array([np.inf]), Patient())
    ic50 = drug.functional_ic50
    before = oracles.by_scipy(np.unique(stages).tolist(), **DRUGS[case])[2]
    after = before + drug.dose / oracles.kinetics(drug.weight)[1] * np.isin(
        np.unique(stages), drug.dose_times()
    )
    expected = ic50 / (ic50 + before[np.searchsorted(np.unique(stages), stages)])
    started = ic50 / (ic50 + after[np.searchsorted(np.unique(stages), stages)])
    assert effects.free_pd1.shape == (3, 3, 1)
    np.testing.assert_allclose(effects.free_pd1[:, 1:, 0], expected[:, 1:], rtol=1e-8)
    np.testing.assert_allclose(effects.free_pd1[:, 0, 0], started[:, 0], rtol=1e-8)
    assert effects.log_kill_high == effects.log_kill_low == 0


@pytest.mark.parametrize("dose", [200, [200, 5, 0, 800]])
@pytest.mark.parametrize("ic50", [0.535, [0.5, 50, 5, 1]])
def test_each_patient_is_blocked_by_their_own_drug_until_they_stop(dose, ic50):
    """Whatever is given per patient, and in whatever order they stop."""
    stages = np.linspace(0, 200, 60).reshape(20, 3)
    stops = np.array([100.0, 0.0, np.inf, 21.0])
    together = Pembrolizumab(dose=dose, functional_ic50=ic50).effects(stages, stops, Patient())
    assert together.free_pd1.shape == (20, 3, 4)
    for i, stop in enumerate(stops):
        own = {"dose": np.broadcast_to(dose, 4)[i], "functional_ic50": np.broadcast_to(ic50, 4)[i]}
        given = max(int(np.sum(21 * np.arange(35) < stop)), 1)
        drug = Pembrolizumab(**own | ({} if stop else {"dose": 0}), number_of_doses=given)
        concentration = drug.concentration(stages, before=[False, False, True])
        free = 1 - drug.functional_effect(concentration)
        np.testing.assert_allclose(together.free_pd1[..., i], free, rtol=1e-11)
    assert np.all(together.free_pd1[..., 1] == 1)


def test_occupancy_and_effect_follow_their_formulas():
    drug, concentration = Pembrolizumab(), np.array([0, 0.01, 0.5, 30])
    nanomolar = concentration * 1000 / 149
    np.testing.assert_allclose(
        drug.occupancy(concentration), nanomolar / (nanomolar + 0.029), rtol=1e-12
    )
    np.testing.assert_allclose(
        drug.functional_effect(concentration), concentration / (concentration + 0.535), rtol=1e-12
    )


def test_occupancy_outlasts_the_effect():
    """The functional IC50 is about a hundred times the binding Kd."""
    drug = Pembrolizumab(number_of_doses=1)
    late = drug.concentration(np.arange(200.0, 231.0))
    assert np.all(drug.occupancy(late) > 0.9)
    assert np.all(drug.functional_effect(late) < 0.2)


def test_each_dose_raises_the_concentration_at_once_and_then_it_falls():
    drug = Pembrolizumab()
    jump = drug.concentration(drug.dose_times()) - drug.concentration(
        drug.dose_times(), before=True
    )
    np.testing.assert_allclose(jump, 200 / 3.48, rtol=1e-12)
    between = drug.concentration(np.linspace(21, 41.999, 100))
    assert np.all(np.diff(between) < 0)
    assert drug.dose_times().tolist() == [21.0 * i for i in range(35)]


def test_concentration_has_a_column_per_patient_only_if_patients_differ():
    assert Pembrolizumab().concentration(DAYS).shape == (6,)
    assert Pembrolizumab(dose=[1, 2, 3]).concentration(DAYS).shape == (6, 3)
    assert Pembrolizumab(weight=[50, 60]).concentration(DAYS).shape == (6, 2)
    assert Pembrolizumab(dose=[1, 2], weight=[50, 60]).concentration(5.0).shape == (2,)


def final_size(patient, doses):
    return simulate(patient, [Pembrolizumab(dose=doses)]).size[-1]


def test_no_drug_equals_a_dose_of_zero():
    none = simulate(Patient(infiltration=3), days=357)
    zero = simulate(Patient(infiltration=3), [Pembrolizumab(0)], days=357)
    assert none.size[-1] == zero.size[-1]


def test_doubling_the_dose_does_not_double_the_effect():
    none, label, double, tiny = final_size(Patient(infiltration=3), [0, 200, 400, 2])
    assert double < label < none
    assert (none - double) < 1.02 * (none - label)
    assert (none - label) > 1.2 * (none - tiny)


def test_2_and_10_mg_per_kg_hardly_differ_and_a_cold_tumour_does_not_respond():
    none, two, ten = final_size(Patient(infiltration=3), np.array([0, 2, 10]) * 76.8)
    assert two < 0.6 * none
    assert 0 < two - ten < 0.05 * (none - two)
    untreated, treated = final_size(Patient(infiltration=0.05), [0, 200])
    assert treated == pytest.approx(untreated, rel=0.02)
