"""A run of patients: doses and when they stop, days listed, and nobody changes anybody."""

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import model_oracles as oracles
from course_lib import evidence
from course_lib.models.checkpoint_inhibitors import Pembrolizumab
from course_lib.models.chemotherapy import Chemotherapy
from course_lib.models.patient import (
    LOG_CELLS_MAX,
    STEP,
    Course,
    Effects,
    Patient,
    days_between,
    integrate,
    simulate,
)

BOTH = [Pembrolizumab(), Chemotherapy()]


def each_day(course):
    """Return one row for each day of the course."""
    return np.flatnonzero(np.diff(course.times, prepend=-1.0) > 0)


def same_rows(one, other):
    """Check that two courses are equal, bit for bit, but for the days listed twice."""
    for name in ("times", "size", "tumour_cells", "antigen_low_share", "t_cells"):
        np.testing.assert_array_equal(
            getattr(one, name)[each_day(one)], getattr(other, name)[each_day(other)]
        )


def test_therapies_in_any_order_agree():
    patient = Patient(infiltration=[0.1, 1, 3], resistant_fraction=[0, 0.4, 1])
    three = [Pembrolizumab(), Chemotherapy(), Chemotherapy(cycle=21, doses_per_cycle=1)]
    first, *others = (simulate(patient, order) for order in itertools.permutations(three))
    for other in others:
        assert np.array_equal(other.times, first.times)
        np.testing.assert_allclose(other.size, first.size, rtol=1e-12)
        np.testing.assert_allclose(other.t_cells, first.t_cells, rtol=1e-12)


def test_effects_combine_shares_and_factors_multiply_and_the_others_add():
    one, other = (
        Effects(0.5, 1.0, 2.0, 0.1, 3.0, 0.2, 1e9),
        Effects(0.4, 10.0, 20.0, 0.02, 2.0, -0.1, 5.0),
    )
    both = (0.2, 11.0, 22.0, 0.12, 6.0, 0.1, 1e9 + 5)
    assert dataclasses.astuple(one + other) == pytest.approx(both)
    assert Effects() + one == one


@pytest.mark.parametrize("therapies", [BOTH, BOTH[:1], BOTH[1:]], ids=["both", "p", "c"])
def test_stopping_on_day_0_equals_no_therapy_bit_for_bit(therapies):
    patient = Patient(infiltration=[0.2, 1, 5], sum_of_diameters=[20, 90, 200])
    same_rows(simulate(patient, therapies, 357, stop=0), simulate(patient, days=357))


@pytest.mark.parametrize(
    ("stop", "doses", "cycles"), [(42, 2, 2), (42.5, 3, 2), (63, 3, 3), (64, 4, 3), (84, 4, 3)]
)
def test_stopping_equals_a_plan_with_fewer_doses_and_none_on_the_day_itself(stop, doses, cycles):
    patient = Patient(infiltration=[0.2, 1, 5], resistant_fraction=[0, 0.4, 1])
    plan = {"cycle": 28, "doses_per_cycle": 1}
    whole = [Pembrolizumab(), Chemotherapy(**plan)]
    fewer = [Pembrolizumab(number_of_doses=doses), Chemotherapy(**plan, number_of_cycles=cycles)]
    stopped = simulate(patient, whole, 357, stop=stop)
    planned = simulate(patient, fewer, 357)
    for name in ("times", "size", "antigen_low_share", "t_cells"):
        one, other = (getattr(each, name)[each_day(each)] for each in (stopped, planned))
        np.testing.assert_allclose(one, other, rtol=1e-12)
    assert not np.array_equal(
        stopped.size[-1], simulate(patient, whole, 357, stop=stop + 28).size[-1]
    )


def test_stopping_within_a_cycle_against_dop853():
    days = [50.0, 150.0, 357.0]
    for stop in (35, 36, 90):
        course = simulate(Patient(), BOTH, days=357, step=0.5, stop=stop)
        exact = oracles.size_by_scipy(days, True, stop)
        rows = np.searchsorted(course.times, days)
        np.testing.assert_allclose(course.size[rows, 0], exact, rtol=1e-7)


def test_each_patient_has_a_day_of_stopping_of_their_own():
    stops = np.array([84, 0, np.inf, 30])
    for doses in (200, [200, 100, 50, 400]):
        drugs = [Pembrolizumab(dose=doses), Chemotherapy()]
        course = simulate(Patient(), drugs, stop=stops)
        for i, stop in enumerate(stops):
            one = [Pembrolizumab(dose=np.broadcast_to(doses, 4)[i]), Chemotherapy()]
            assert np.array_equal(simulate(Patient(), one, stop=stop).size[:, 0], course.size[:, i])


def test_a_run_in_two_parts_equals_the_whole():
    """What the trial does: from scan to scan."""
    patient = Patient(infiltration=[0.2, 1, 5])
    grid = days_between([each.dose_times() for each in BOTH], 0.0, 200.0, STEP)
    whole = integrate(patient, patient.start(), grid, BOTH)
    first = integrate(patient, patient.start(), grid[:30], BOTH)
    second = integrate(patient, first[-1], grid[29:], BOTH)
    np.testing.assert_allclose(second, whole[29:], rtol=1e-12)


def cohort(patients):
    """Return settings of a random cohort: of the patient and, each for all, of the drug."""
    rng = np.random.default_rng(5)
    patient = {
        "infiltration": rng.lognormal(0, 0.75, patients),
        "cps": rng.uniform(0, 100, patients),
        "doubling_time": rng.uniform(40, 400, patients),
        "sum_of_diameters": rng.uniform(10, 400, patients),
        "antigen_low_share": rng.uniform(0, 0.5, patients) * rng.integers(0, 2, patients),
        "resistant_fraction": rng.uniform(0, 1, patients),
        "lesions": rng.uniform(1, 9, patients),
    }
    drug = {"weight": rng.uniform(40, 140, patients), "dose": rng.uniform(0, 800, patients)}
    drug["functional_ic50"] = rng.uniform(0.1, 50, patients)
    return (
        patient,
        drug,
        np.where(rng.random(patients) < 0.5, rng.uniform(0, 200, patients), np.inf),
    )


def run_cohort(patients, chunk=1024, days=120, which=slice(None)):
    """Run some of these patients together."""
    patient, drug, stop = cohort(patients)
    some = [{name: values[which] for name, values in each.items()} for each in (patient, drug)]
    therapies = [Pembrolizumab(**some[1]), Chemotherapy()]
    return simulate(Patient(**some[0]), therapies, days, stop=stop[which], chunk=chunk)


@pytest.mark.parametrize("chunk", [1, 7, 512, 1000, 1024, 2100])
def test_results_do_not_depend_on_chunking_bit_for_bit(chunk):
    patients = 60 if chunk == 1 else 2100
    whole, parts = run_cohort(patients, chunk=patients), run_cohort(patients, chunk=chunk)
    for name in Course.__dataclass_fields__:
        assert np.array_equal(getattr(parts, name), getattr(whole, name))


def test_a_patient_alone_equals_the_same_patient_in_a_cohort_bit_for_bit():
    together = run_cohort(2100, days=200)
    for i in (0, 1, 2, 511, 1023, 1024, 2099):
        alone = run_cohort(2100, days=200, which=i)
        for name in ("size", "tumour_cells", "antigen_low_share", "t_cells"):
            assert np.array_equal(getattr(alone, name)[:, 0], getattr(together, name)[:, i])


def test_a_patient_alone_starts_as_in_a_cohort_bit_for_bit():
    settings = cohort(3000)[0]
    together = Patient(**settings).start()
    for i in range(3000):
        alone = Patient(**{name: values[i] for name, values in settings.items()}).start()
        assert np.array_equal(alone[:, 0], together[:, i])


def test_some_patients_of_a_cohort():
    patient = Patient(cps=[1, 2, 3, 4], infiltration=3)
    assert patient.number() == 4
    assert patient.some(slice(1, 3)).cps.tolist() == [2, 3]
    assert patient.some(np.array([True, False, False, True])).cps.tolist() == [1, 4]
    assert patient.some([2]).infiltration == 3
    assert Patient().some(slice(0, 1)) == Patient()


def test_dose_days_are_listed_before_and_after_the_dose():
    course = simulate(Patient(), BOTH, days=84)
    assert (course.times[0], course.times[-1]) == (0, 84)
    twice = course.times[1:][np.diff(course.times) == 0]
    doses = {7, 14, 21, 28, 35, 42, 56, 63, 70}  # not day 0, not the last day
    assert twice.tolist() == sorted(doses)
    assert course.times[course.before].tolist() == sorted(doses)
    assert np.all(course.times[1:][course.before[:-1]] == course.times[:-1][course.before[:-1]])
    columns = np.column_stack([course.size, course.t_cells, course.tumour_cells])
    assert not np.diff(columns, axis=0)[np.diff(course.times) == 0].any()
    assert not simulate(Patient()).before.any()


@pytest.mark.parametrize(("interval", "days"), [(7, 50), (10, 33.3), (21, 1), (45.5, 400)])
def test_the_grid_meets_every_dose_and_no_step_is_too_long(interval, days):
    drugs = [Pembrolizumab(interval=interval), Chemotherapy(cycle=20, days_between_doses=5)]
    course = simulate(Patient(), drugs, days=days, step=3)
    assert np.max(np.diff(course.times)) <= 3 + 1e-9
    for doses in (
        interval * np.arange(1, 35),
        5 * np.setdiff1d(np.arange(80), np.arange(3, 80, 4)),
    ):
        assert np.all(np.isin(doses[doses < days], course.times))
    assert course.times[-1] == days


def test_a_run_lasts_360_days_in_steps_of_at_most_three_and_a_half():
    plain = simulate(Patient())
    assert plain.times[-1] == 360
    assert plain.times.size == 1 + np.ceil(360 / 3.5)
    steps = np.diff(simulate(Patient(), BOTH).times)
    assert np.array_equal(np.unique(steps[:12]), [0, 3.5])


@pytest.mark.parametrize(
    ("patient", "drug", "stop", "patients"),
    [
        (Patient(), Pembrolizumab(), np.inf, 1),
        (Patient(cps=[1, 10, 100]), Pembrolizumab(), np.inf, 3),
        (Patient(), Pembrolizumab(weight=[50, 60]), [7.0], 2),
        (Patient(cps=[5]), Pembrolizumab(), [0, 7, 14, np.inf], 4),
    ],
)
def test_every_array_has_a_row_per_time_and_a_column_per_patient(patient, drug, stop, patients):
    course = simulate(patient, [drug, Chemotherapy(), Pembrolizumab()], days=30, stop=stop)
    for name in Course.__dataclass_fields__:
        alone = name in ("times", "before")
        shape = (course.times.size,) if alone else (course.times.size, patients)
        assert getattr(course, name).shape == shape


def slider(key):
    quantity = evidence.get(key)
    return st.sampled_from([quantity.low, quantity.high]) | st.floats(quantity.low, quantity.high)


@settings(max_examples=60)
@given(
    drug=st.builds(
        Pembrolizumab,
        dose=slider("pembrolizumab.dose"),
        interval=slider("pembrolizumab.interval"),
        number_of_doses=st.integers(1, 35),
        weight=slider("patient.weight"),
    ),
    cycles=st.integers(0, 48),
    patient=st.builds(
        Patient,
        infiltration=slider("patient.t_cell_infiltration"),
        cps=slider("patient.cps"),
        doubling_time=slider("tumour.volume_doubling_time"),
        antigen_low_share=slider("patient.antigen_low_share") | st.just(1),
        antigen_low_visibility=slider("patient.antigen_low_visibility"),
        resistant_fraction=slider("patient.resistant_fraction"),
    ),
)
def test_any_slider_setting_stays_finite(drug, cycles, patient):
    drugs = [drug, *[Chemotherapy(number_of_cycles=max(cycles, 1))] * (cycles > 0)]
    course = simulate(patient, drugs, days=1100)
    for name in Course.__dataclass_fields__:
        assert np.all(np.isfinite(getattr(course, name)))
        assert np.all(getattr(course, name) >= 0)
    assert np.all(course.tumour_cells >= 1)
    assert np.all(course.tumour_cells <= 2 * np.exp(LOG_CELLS_MAX) * (1 + 1e-12))
    assert np.all(course.antigen_low_share <= 1)
