"""Trastuzumab: kinetics against published values, DOP853, libroadrunner and the linear model."""

from dataclasses import astuple, replace

import numpy as np
import pytest
from scipy.integrate import quad

import her2_oracles as oracles
from course_lib.models.patient import Patient, simulate
from course_lib.models.pharmacokinetics import TwoCompartment
from course_lib.models.trastuzumab import SaturableTwoCompartment, Trastuzumab, trastuzumab
from her2_oracles import CL, KM, V1, V2, VMAX, Q, clearance

LABEL, MG = oracles.label_days(), oracles.label_doses()
HER2 = 5e5


def by_dop853(days, dose_days, doses, weight=66):
    return oracles.trastuzumab_by_scipy(days, dose_days, doses, weight)[0]


def test_the_parameters_are_those_published():
    assert astuple(trastuzumab(66)) == (CL, V1, Q, V2, VMAX, KM) == astuple(trastuzumab())
    assert trastuzumab(100).clearance == pytest.approx(clearance(100), rel=1e-12)
    assert astuple(trastuzumab(100))[1:] == (V1, Q, V2, VMAX, KM)


def test_cycle_1_against_the_values_of_the_plan():
    drug = trastuzumab()
    assert drug.concentration(21.0, LABEL, MG, before=True) == pytest.approx(29.2, abs=0.05)
    assert drug.concentration(0.0, LABEL, MG) == pytest.approx(528 / V1, rel=1e-12)
    area = quad(lambda day: drug.concentration(day, LABEL, MG), 0, 21, epsrel=1e-6)[0]
    assert area == pytest.approx(1370, abs=1)


def test_steady_state_against_the_values_of_the_plan():
    drug, day = trastuzumab(), LABEL[-1]
    assert drug.concentration(day, LABEL, MG, before=True) == pytest.approx(48.0, abs=0.05)
    assert drug.concentration(day, LABEL, MG) == pytest.approx(199, abs=0.5)
    area = quad(lambda t: drug.concentration(t, LABEL, MG), day, day + 21, epsrel=1e-6)[0]
    assert area == pytest.approx(1812, abs=1)


def test_half_life_against_the_published_value():
    assert trastuzumab().half_life() == pytest.approx(32.6, abs=0.05)


def test_the_half_life_at_a_concentration_is_that_of_the_clearance_there():
    concentrations = np.array([0.0, 0.3, 8.92, 50, 400])
    total = CL + VMAX / (KM + concentrations)
    expected = TwoCompartment(total, V1, Q, V2).half_lives().beta
    found = trastuzumab().half_life(concentrations)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert np.all(np.diff(found) > 0)
    assert found[-1] < trastuzumab().half_life()


def test_at_low_concentrations_the_drug_falls_with_the_short_half_life():
    late = trastuzumab().concentration([250.0, 250 + trastuzumab().half_life(0)], [0.0], 500.0)
    assert late[0] < 0.01
    assert late[1] / late[0] == pytest.approx(0.5, rel=1e-3)


REGIMENS = {
    "every three weeks": (LABEL[:8], MG[:8], 66),
    "every week": (7.0 * np.arange(10), 66 * np.array([4.0, *[2.0] * 9]), 66),
    "a dose missed": (np.array([0.0, 21, 63, 84]), 66 * np.array([8.0, 6, 6, 6]), 66),
    "light": (42.0 * np.arange(3), np.array([320.0, 0, 80]), 40),
    "heavy, odd days": (np.array([0.0, 3.3, 90.7]), np.array([1.0, 900, 5]), 140),
}


@pytest.mark.parametrize("case", REGIMENS)
def test_concentration_against_dop853(case):
    dose_days, doses, weight = REGIMENS[case]
    days = [0.4, 7.0, 21.0, 40.0, 84.0, 100.0, 180.0]
    ours = trastuzumab(weight).concentration(days, dose_days, doses, before=True)
    exact = by_dop853(days, dose_days.tolist(), doses, weight)
    np.testing.assert_allclose(ours, exact, rtol=2e-4)
    fine = trastuzumab(weight).concentration(days, dose_days, doses, before=True, step=0.05)
    np.testing.assert_allclose(fine, exact, rtol=1e-7)


def test_concentration_against_libroadrunner():
    days = [10.0, 30.0, 100.0, 150.0, 200.0]
    ours = trastuzumab().concentration(days, LABEL[:6], MG[:6], step=0.05)
    np.testing.assert_allclose(
        ours, oracles.trastuzumab_by_roadrunner(days, LABEL[:6], MG[:6]), rtol=1e-6
    )


def test_without_the_saturable_way_it_is_the_closed_form():
    drug = replace(trastuzumab(80), maximal_rate=0)
    exact = TwoCompartment(clearance(80), V1, Q, V2)
    days = np.linspace(0, 300, 97).reshape(1, 97)
    ours = drug.concentration(days, LABEL, MG, step=0.05)
    np.testing.assert_allclose(ours, exact.concentration(days, LABEL, MG), rtol=1e-7)
    assert drug.half_life(3.0) == drug.half_life() == exact.half_lives().beta
    assert trastuzumab(80).linear() == exact


def test_the_step_is_within_the_error_its_docstring_states():
    rng, worst = np.random.default_rng(1), dict.fromkeys((0.4, 0.8, 1.0), 0.0)
    for _ in range(12):
        drug = replace(
            trastuzumab(rng.uniform(40, 140)), maximal_rate=rng.choice([8.81, rng.uniform(0, 17.6)])
        )
        dose_days = rng.uniform(7, 42) * np.arange(6)
        doses = 66 * np.array([rng.uniform(0, 12), *[rng.uniform(0, 12)] * 5])
        days = np.linspace(0, 210, 121)
        exact = drug.concentration(days, dose_days, doses, step=0.06)
        for step in worst:
            ours = drug.concentration(days, dose_days, doses, step=step)
            apart = np.max(np.abs(ours / exact - 1)[exact > 0.1], initial=0)
            worst[step] = max(worst[step], apart)
    assert worst[0.4] < 2e-4
    assert worst[0.8] < 2e-3
    assert worst[1.0] < 5e-3


def test_the_error_falls_with_the_fourth_power_of_the_step():
    exact = by_dop853([40.0], [0.0, 21.0], [528, 396])[0]
    drug = trastuzumab()
    errors = [
        abs(drug.concentration(40.0, [0.0, 21.0], [528, 396], step=step) - exact)
        for step in (0.8, 0.4, 0.2)
    ]
    assert errors[0] / errors[1] > 10
    assert errors[1] / errors[2] > 10


def test_a_patient_does_not_depend_on_the_others():
    weights, doses = np.array([50.0, 66, 120]), np.array([[400.0, 528, 0], [300, 396, 10]])
    days = np.array([[0.0, 10], [21, 60]])
    together = trastuzumab(weights).concentration(days, [0.0, 21.0], doses, before=True, step=0.1)
    assert together.shape == (2, 2, 3)
    for i, weight in enumerate(weights):
        alone = trastuzumab(weight).concentration(
            days, [0.0, 21.0], doses[:, i], before=True, step=0.1
        )
        assert alone.shape == (2, 2)
        np.testing.assert_allclose(together[..., i], alone, rtol=1e-6)


def test_doses_in_any_order_on_one_day_and_before_the_first():
    drug = trastuzumab()
    days = np.array([0.0, 5, 5, 30])
    before = np.array([False, True, False, False])
    ours = drug.concentration(days, [5, 20, 5], [100, 50, 200], before=before)
    same = drug.concentration(days, [5, 20], [300, 50], before=before)
    assert np.array_equal(ours, same)
    assert ours[:3].tolist() == [0, 0, pytest.approx(300 / V1)]
    assert drug.concentration([1.0, 2.0], [5.0], 100.0).tolist() == [0, 0]
    assert drug.concentration(3.0, [], []) == 0


KINETIC = {
    "clearance": -1,
    "central_volume": 1,
    "peripheral_volume": 1,
    "intercompartmental_clearance": -1,
    "maximal_rate": -1,
    "half_saturation": 1,
}


@pytest.mark.parametrize("name", KINETIC)
def test_each_parameter_of_the_kinetics_pushes_its_way(name):
    limits = SaturableTwoCompartment.__dataclass_fields__[name].metadata
    low = max(limits["low"], limits["high"] / 1e4)
    values = np.geomspace(low, limits["high"], 31)
    drug = replace(trastuzumab(), **{name: values})
    for concentration in (0.0, 20.0):
        way = KINETIC[name] * np.diff(drug.half_life(concentration))
        assert np.all(way > 0)
    if name in ("clearance", "maximal_rate", "half_saturation"):
        late = drug.concentration(20.0, [0.0], 500.0)
        assert np.all(KINETIC[name] * np.diff(late) >= -1e-9 * late[:-1])
        assert KINETIC[name] * (late[-1] - late[0]) > 0


def test_the_kinetics_have_a_direction_for_every_field():
    assert set(KINETIC) == set(SaturableTwoCompartment.__dataclass_fields__)


# ---- the therapy ------------------------------------------------------------------------------


def test_defaults_are_those_of_the_registry():
    assert astuple(Trastuzumab()) == (8, 6, 21, 18, 66, 10, 0.012, 1e5)
    assert Trastuzumab.basis == "assumed"
    patient = Patient()
    assert (patient.her2, patient.low_her2_ratio, patient.effector_cells) == (11250, 0.1, 1)


def test_its_concentration_is_that_of_the_kinetics():
    drug = Trastuzumab(number_of_doses=3)
    days = np.array([0.0, 21, 50])
    expected = by_dop853(days.tolist(), [0.0, 21, 42], [528, 396, 396])
    np.testing.assert_allclose(drug.concentration(days, before=True), expected, rtol=2e-4)
    stopped = drug.concentration(days, np.array([np.inf, 21, 0]), before=True)
    assert stopped.shape == (3, 3)
    np.testing.assert_allclose(stopped[2, 1], by_dop853([50.0], [0.0], [528])[0], rtol=2e-4)
    assert not stopped[:, 2].any()


@pytest.mark.parametrize(("her2", "effectors", "stop"), [(5e5, 1, np.inf), (2e4, 3, 42.0)])
def test_what_it_kills_against_dop853(her2, effectors, stop):
    """The integral of the kill rate, of both classes, integrated beside the drug."""
    patient = Patient(her2=her2, effector_cells=effectors, low_her2_ratio=0.2)
    drug, days, given = Trastuzumab(number_of_doses=4), [3.0, 21.0, 60.0, 200.0], LABEL[:4] < stop
    classes = her2, 0.2 * her2
    _, high, low = oracles.trastuzumab_by_scipy(
        days, LABEL[:4][given], MG[:4][given], her2=classes, effectors=effectors
    )
    stages = np.tile(np.array(days)[:, None], 3)
    effects = drug.effects(stages, np.array([stop]), patient)
    np.testing.assert_allclose(effects.log_kill_high[:, 0, 0], high, rtol=1e-4)
    np.testing.assert_allclose(effects.log_kill_low[:, 2, 0], low, rtol=1e-4)
    assert effects.free_pd1 == 1
    assert effects.bystander_kill == 0


def test_without_t_cells_a_tumour_is_growth_minus_what_is_killed():
    patient = Patient(her2=HER2, infiltration=0, antigen_low_share=0)
    course = simulate(patient, [Trastuzumab()], days=210)
    stages = np.tile(course.times[:, None], 3)
    killed = Trastuzumab().effects(stages, np.array([np.inf]), patient).log_kill_high[:, 0, 0]
    grown = np.log(course.tumour_cells[:, 0] / course.tumour_cells[0, 0])
    np.testing.assert_allclose(grown, np.log(2) / 103 * course.times - killed, atol=1e-10)


def test_it_selects_cells_with_little_her2():
    course = simulate(Patient(her2=HER2, infiltration=0), [Trastuzumab()])
    assert course.antigen_low_share[-1, 0] > 3 * course.antigen_low_share[0, 0]


@pytest.mark.parametrize(
    "same", [{"her2": 0}, {"effector_cells": 0}, {"her2": HER2, "effector_cells": 0}]
)
def test_without_her2_or_effector_cells_it_is_inert(same):
    patient = Patient(**same)
    treated, untreated = simulate(patient, [Trastuzumab()], 84), simulate(patient, [], 84)
    once = ~treated.before
    np.testing.assert_allclose(treated.size[once], untreated.size, rtol=1e-6)


def test_many_patients_together_are_the_same_bit_for_bit():
    traits = {"her2": np.array([1e4, 5e5, 2e6]), "effector_cells": np.array([0.5, 1, 2])}
    stop = np.array([np.inf, 42, 0])
    together = simulate(Patient(**traits), [Trastuzumab()], 120, stop=stop)
    cut = simulate(Patient(**traits), [Trastuzumab()], 120, stop=stop, chunk=1)
    assert np.array_equal(together.size, cut.size)


@pytest.mark.parametrize(
    ("wrong", "kind", "sentence"),
    [
        ({"dose": -1}, ValueError, "dose must be one number between 0 and 50 mg/kg, you gave -1"),
        ({"loading_dose": [8, 6]}, TypeError, "loading_dose must be one number"),
        ({"interval": 0}, ValueError, "interval must be one number between 1 and 365 days"),
        ({"number_of_doses": 1.5}, ValueError, "number_of_doses must be a whole number"),
        ({"weight": np.nan}, ValueError, "weight .* you gave NaN"),
        ({"kill_rate": 2}, ValueError, "kill_rate must be one number between 0 and 1 1/day"),
        ({"half_tags": True}, TypeError, "half_tags must be one number"),
        ({"half_reach": "10"}, TypeError, "half_reach must be one number"),
        ({"loading": 8}, TypeError, "no setting 'loading'. Did you mean 'loading_dose'"),
    ],
)
def test_bad_doses_are_refused_by_name(wrong, kind, sentence):
    with pytest.raises(kind, match=sentence):
        Trastuzumab(**wrong)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m: m.concentration([np.nan], [0], 200), "times and dose_times must be finite"),
        (lambda m: m.concentration([0], [0], -200), "doses must be finite and at least 0 mg"),
        (lambda m: m.concentration([0], [0, 21], [200]), "2 dose_times and 1 doses"),
        (lambda m: m.concentration([0], [0], 1, step=2), "step must be .* 0.01 and 1.2"),
        (lambda m: m.half_life(-1), "concentration must be at least 0 mg/L, you gave -1"),
        (lambda m: m.half_life(np.nan), "concentration must be at least 0 mg/L, you gave nan"),
        (lambda m: trastuzumab(10), "weight must be between 20 and 300 kg, you gave 10"),
        (lambda m: replace(m, maximal_rate=-1), "maximal_rate must be between 0 and 50 mg/day"),
        (lambda m: replace(m, half_saturation=0), "half_saturation must be between 1 and"),
    ],
)
def test_impossible_kinetics_are_refused_by_name(call, words):
    with pytest.raises(ValueError, match=words):
        call(trastuzumab())
