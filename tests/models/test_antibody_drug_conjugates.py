"""Antibody–drug conjugates: blood, uptake and bystanders against DOP853, formulas and limits."""

from dataclasses import astuple

import numpy as np
import pytest
from scipy.integrate import quad

import her2_oracles as oracles
from course_lib.models.antibody_drug_conjugates import (
    AntibodyDrugConjugate,
    trastuzumab_deruxtecan,
)
from course_lib.models.checkpoint_inhibitors import Pembrolizumab
from course_lib.models.chemotherapy import Chemotherapy
from course_lib.models.ode import summed
from course_lib.models.patient import Effects, Patient, assumed, simulate
from course_lib.models.trastuzumab import Trastuzumab
from course_lib.models.virtual_trial import Trial

CL, V1, Q, V2, WEIGHT = oracles.CONJUGATE.values()
HER2 = 5e5

NAMES = {"dar": "drug_to_antibody_ratio", "leak": "linker_leak", "number": "number_of_doses"}
CASES = {
    "typical": {},
    "leaky": {"leak": 0.2},
    "no bystander": {"bystander": 0, "dar": 3.5, "dose": 3.6},
    "full bystander, few doses": {"bystander": 1, "number": 2},
}
DAYS = [1.0, 20.0, 21.0, 63.0, 100.0, 200.0]


def conjugate(**changes):
    return AntibodyDrugConjugate(**{NAMES.get(name, name): v for name, v in changes.items()})


def cold(**changes):
    return Patient(**{"infiltration": 0, "antigen_low_share": 0.5, "her2": HER2} | changes)


def test_defaults_are_those_of_the_registry():
    assert astuple(conjugate()) == (5.4, 21, 8, 57.8, 8, 0.01, 0.5, 10, 145.5, 1, 0.05, 1e6)
    assert AntibodyDrugConjugate.basis == "assumed"
    assert astuple(trastuzumab_deruxtecan()) == (CL, V1, Q, V2)
    heavy = trastuzumab_deruxtecan(90)
    assert heavy.clearance == pytest.approx(CL * (90 / 57.8) ** 0.370, rel=1e-12)
    assert heavy.central_volume == pytest.approx(V1 * (90 / 57.8) ** 0.489, rel=1e-12)
    assert (heavy.intercompartmental_clearance, heavy.peripheral_volume) == (Q, V2)


@pytest.mark.parametrize("case", CASES)
def test_blood_and_loose_payload_against_dop853(case):
    drug, exact = conjugate(**CASES[case]), oracles.conjugate_by_scipy(DAYS, **CASES[case])
    blood = drug.in_blood(DAYS, before=True)
    np.testing.assert_allclose(blood, exact[:2], rtol=1e-7)
    np.testing.assert_allclose(drug.loose_payload(DAYS), exact[2], rtol=1e-5)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("stop", [np.inf, 42.0])
def test_both_classes_of_cells_against_dop853(case, stop):
    days = [7.0, 14.0, 21.0, 200.0]  # in every case between two steps
    exact = oracles.conjugate_by_scipy(days, stop, **CASES[case])[3:]
    for step, tolerance in ((3.5, 1e-3), (0.5, 2e-6)):
        course = simulate(cold(), [conjugate(**CASES[case])], 200, step, stop=stop)
        rows = np.searchsorted(course.times, days)
        cells, low = course.tumour_cells[rows, 0], course.antigen_low_share[rows, 0]
        found = np.log(cells * (1 - low)), np.log(cells * low)
        np.testing.assert_allclose(found, exact, atol=tolerance)


def test_a_payload_that_stays_in_its_cell_has_no_bystander():
    drug = conjugate(bystander=0)
    stages = np.tile(np.array(DAYS)[:, None], 3)
    assert not np.any(drug.effects(stages, np.array([np.inf]), cold()).bystander_kill)
    alone = simulate(cold(antigen_low_share=1), [drug], 168)
    mixed = simulate(cold(), [drug], 168)
    low = np.log(mixed.tumour_cells * mixed.antigen_low_share)
    np.testing.assert_allclose(low - low[0], np.log(alone.tumour_cells / alone.tumour_cells[0]))


def test_without_antigen_high_neighbours_a_bystander_effect_does_nothing():
    with_it, without = (
        simulate(cold(antigen_low_share=1), [conjugate(bystander=b)], 168).size for b in (1, 0)
    )
    assert np.array_equal(with_it, without)


def test_the_bystander_effect_never_touches_antigen_high_cells():
    kept = [simulate(cold(), [conjugate(bystander=b)], 168) for b in (0, 0.4, 1)]
    high = np.array([c.tumour_cells * (1 - c.antigen_low_share) for c in kept])
    np.testing.assert_allclose(high[1:], high[[0, 0]], rtol=1e-9)
    low = np.array([c.tumour_cells * c.antigen_low_share for c in kept])
    assert np.all(np.diff(low[:, -1], axis=0) < 0)


def test_one_antigen_low_cell_among_many_dies_at_the_full_bystander_rate():
    patient = cold(antigen_low_share=1e-6, low_her2_ratio=0)
    drug = conjugate(bystander=1, number=1)
    course = simulate(patient, [drug], 21, 0.5)
    stages = np.tile(np.array([[21.0]]), 3)
    killed = drug.effects(stages, np.array([np.inf]), patient).log_kill_high[0, 0, 0]
    low = np.log(course.tumour_cells * course.antigen_low_share)[:, 0]
    assert low[-1] - low[0] == pytest.approx(oracles.GROWTH * 21 - killed, rel=1e-4)


def test_the_bystander_effect_fades_with_its_source():
    """As measured in mixed cultures: it grows with the share of antigen-high cells."""
    gains = []
    for share in (0.1, 0.5, 0.9):
        left = [
            simulate(cold(antigen_low_share=share), [conjugate(bystander=b)], 168) for b in (0, 1)
        ]
        low = [np.log(c.tumour_cells * c.antigen_low_share)[-1, 0] for c in left]
        gains.append(low[0] - low[1])
    assert gains[0] > gains[1] > gains[2] > 0


def test_a_payload_that_never_leaks_and_never_crosses_is_never_loose():
    drug = conjugate(leak=0, bystander=0)
    assert not drug.loose_payload(np.array(DAYS)).any()
    antibody, payload = drug.in_blood(DAYS)
    np.testing.assert_allclose(payload, 8 * antibody, rtol=1e-12)


def test_no_more_payload_gets_loose_than_was_given():
    for leak, bystander in ((0.01, 0.5), (1, 1), (0.3, 1)):
        drug = conjugate(leak=leak, bystander=bystander, number=1)
        given = 8 * 5.4 * WEIGHT * 1000 / 145.5 / V1
        assert drug.loose_payload(3000.0) <= given * (1 + 1e-6)
    assert conjugate(leak=0, bystander=1, number=1).loose_payload(3000.0) == pytest.approx(
        given, rel=1e-6
    )


def test_without_her2_or_payload_or_dose_it_is_inert():
    untreated = simulate(cold(), [], 168)
    inert = [
        (cold(her2=0), conjugate()),
        (cold(), conjugate(dar=0)),
        (cold(), conjugate(dose=0)),
    ]
    for patient, drug in inert:
        course = simulate(patient, [drug], 168)
        once = ~course.before
        np.testing.assert_allclose(course.size[once], untreated.size, rtol=1e-6)


def test_naked_antibodies_take_places_on_her2():
    drug = conjugate()
    full = drug.killing(100.0, 800.0, HER2)
    assert drug.killing(200.0, 800.0, HER2) < full
    uptake = HER2 * 800 / (100 + 10 * 1000 / 145.5)
    assert full == pytest.approx(0.05 * uptake / (uptake + 1e6), rel=1e-12)


# ---- what a student can set, and which way it pushes --------------------------------------------


def final(drug, **patient):
    return simulate(cold(**patient), [drug], 168).size[-1, 0]


def loose(drug):
    return float(drug.loose_payload(168.0))


# (field, values, way of the tumour, way of the loose payload)
WAYS = [
    ("dose", np.linspace(0, 50, 12), -1, 1),
    ("interval", np.arange(7, 85, 7), 1, -1),
    ("number_of_doses", np.arange(1, 9), -1, 1),
    ("weight", np.linspace(20, 300, 8), None, 1),
    ("drug_to_antibody_ratio", np.linspace(0, 20, 11), -1, 1),
    ("linker_leak", np.geomspace(1e-3, 1, 9), 1, 1),
    ("bystander", np.linspace(0, 1, 9), -1, 1),
    ("half_reach", np.geomspace(1e-3, 1e6, 12), 1, 0),
    ("molar_mass", np.geomspace(1, 1000, 9), 0, -1),
    ("uptake_rate", np.linspace(0, 100, 11), -1, 0),
    ("kill_rate", np.linspace(0, 0.1, 9), -1, 0),
    ("half_payload", np.geomspace(1, 1e10, 12), 1, 0),
]


@pytest.mark.parametrize("row", WAYS, ids=[row[0] for row in WAYS])
def test_direction_on_tumour_and_on_loose_payload(row):
    name, values, *ways = row
    more = {"number_of_doses": 30} if name == "interval" else {}
    drugs = [AntibodyDrugConjugate(**{name: each} | more) for each in values.tolist()]
    for way, read in zip(ways, (final, loose), strict=True):
        seen = np.array([read(drug) for drug in drugs])
        if way is None:
            continue
        if way == 0:
            assert np.ptp(seen) <= 1e-7 * seen.max()
        else:
            assert np.all(np.diff(seen) * way >= -1e-4 * seen.max())
            assert (seen[-1] - seen[0]) * way > 1e-3 * seen.max()


def test_every_field_has_a_direction():
    assert [row[0] for row in WAYS] == list(AntibodyDrugConjugate.__dataclass_fields__)


@pytest.mark.parametrize(
    ("name", "values", "way"),
    [
        ("her2", np.geomspace(1e3, 1e7, 9), -1),
        ("low_her2_ratio", np.linspace(0, 1, 9), -1),
        ("antigen_low_share", np.linspace(0, 1, 9), 1),
        ("effector_cells", np.linspace(0, 10, 5), 0),
    ],
)
def test_direction_of_what_the_patient_brings(name, values, way):
    sizes = simulate(cold(**{name: values}), [conjugate()], 168).size[-1]
    if way:
        assert np.all(np.diff(sizes) * way > 0)
    else:
        assert np.ptp(sizes) == 0


# ---- combined, and what a trial may say ---------------------------------------------------------


def test_both_antibodies_combine_in_any_order():
    both = [Trastuzumab(), conjugate()]
    sizes = [simulate(cold(infiltration=1), each, 120).size for each in (both, both[::-1])]
    np.testing.assert_allclose(*sizes, rtol=1e-12)


def test_a_list_of_therapies_tells_which_are_assumed():
    drugs = [Pembrolizumab(), Chemotherapy(), Trastuzumab(), conjugate(), Silent()]
    assert assumed(drugs) == ("Trastuzumab", "AntibodyDrugConjugate", "Silent")
    assert assumed(drugs[:2]) == ()


class Silent:
    """A therapy that does not say what its effect rests on."""

    def dose_times(self):
        return np.array([0.0])

    def effects(self, stages, stop, patient):
        return Effects()


@pytest.mark.parametrize("drug", [Trastuzumab(), AntibodyDrugConjugate(), Silent()])
@pytest.mark.parametrize("arm", ["experimental", "control"])
def test_a_trial_refuses_an_assumed_effect(drug, arm):
    arms = {"experimental": [Pembrolizumab()], "control": [Chemotherapy()]}
    Trial(**arms)
    with pytest.raises(ValueError, match=f"{arm} must .* {type(drug).__name__} is assumed"):
        Trial(**arms | {arm: [Chemotherapy(), drug]})


@pytest.mark.parametrize(
    ("wrong", "kind", "sentence"),
    [
        ({"dose": -1}, ValueError, "dose must be one number between 0 and 50 mg/kg, you gave -1"),
        ({"dose": [1, 2]}, TypeError, "dose must be one number"),
        ({"bystander": 1.1}, ValueError, "bystander must be one number between 0 and 1, you"),
        ({"linker_leak": np.inf}, ValueError, "linker_leak .* you gave inf"),
        ({"drug_to_antibody_ratio": np.nan}, ValueError, "you gave NaN, which is not a number"),
        ({"number_of_doses": 2.5}, ValueError, "number_of_doses must be a whole number"),
        ({"uptake_rate": True}, TypeError, "uptake_rate must be one number"),
        ({"payload": 8}, TypeError, "AntibodyDrugConjugate has no setting 'payload'"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(wrong, kind, sentence):
    with pytest.raises(kind, match=sentence):
        AntibodyDrugConjugate(**wrong)


def test_a_weight_out_of_range_is_refused():
    with pytest.raises(ValueError, match="weight must be between 20 and 300 kg, you gave 5"):
        trastuzumab_deruxtecan(5)


# ---- the integral of a known function -----------------------------------------------------------


def test_summed_against_quad_across_a_jump():
    def rate(days):
        return np.where(days < 10, np.exp(-days / 3), 2 + np.sin(days))

    times = np.array([[0.0, 4.2], [10, 33.3]])
    found = summed(rate, times, [10.0])
    for day, value in zip(times.ravel(), found.ravel(), strict=True):
        exact = quad(rate, 0, min(day, 10))[0] + (quad(rate, 10, day)[0] if day > 10 else 0)
        assert value == pytest.approx(exact, abs=1e-5)
    assert summed(lambda days: days[..., None] * [1, 2], 3.0, []).tolist() == pytest.approx(
        [4.5, 9]
    )
