"""From a dose to a tumour's size, against DOP853, libroadrunner, limits and closed forms."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import model_oracles as oracles
from course_lib import evidence
from course_lib.models.checkpoint_inhibitors import (
    LOG_CELLS_MAX,
    Course,
    Schedule,
    Tumour,
    simulate,
)

CASES = {
    "typical": {},
    "no drug": {"dose": 0},
    "hot": {"infiltration": 3},
    "hot, few doses": {"infiltration": 3, "number_of_doses": 2},
    "hot, a small dose": {"infiltration": 3, "dose": 2, "weight": 100},
    "cold, fast": {"infiltration": 0.1, "doubling_time": 30, "interval": 42, "dose": 400},
    "other constants": {
        "killing_capacity": 0.5,
        "half_killing_ratio": 0.1,
        "t_cell_supply": 1e-3,
        "t_cell_turnover": 0.1,
        "brake_maximum": 0.7,
        "brake_half_cps": 20,
        "lesions": 1,
        "cells_per_volume": 1e5,
        "reference_size": 60,
        "functional_ic50": 5,
    },
}
COLLAPSING = {
    "hotter": {"infiltration": 4, "cps": 60, "sum_of_diameters": 60},
    "hottest": {"infiltration": 8, "cps": 100, "dose": 800},
    "slow, small": {"doubling_time": 400, "sum_of_diameters": 20, "cps": 1, "interval": 10},
}
SCHEDULE = ("dose", "interval", "number_of_doses", "weight", "functional_ic50")
SCHEDULE = (*SCHEDULE, "binding_kd", "molar_mass")


def ours(days=360, step=3.5, **changes):
    """Run our model with the same named changes as the oracles take."""
    schedule = {name: value for name, value in changes.items() if name in SCHEDULE}
    tumour = {name: value for name, value in changes.items() if name not in SCHEDULE}
    return simulate(Tumour(**tumour), Schedule(**schedule), days=days, step=step)


def whole_days(course):
    """Return one row for each day of the course: that before a dose."""
    return np.flatnonzero(np.diff(course.times, prepend=-1.0) > 0)


@pytest.mark.parametrize("case", CASES)
def test_size_against_dop853(case):
    course = ours(**CASES[case])
    rows = whole_days(course)
    exact = oracles.size_by_scipy(course.times[rows].tolist(), **CASES[case])
    np.testing.assert_allclose(course.size[rows, 0], exact, rtol=1e-5)


@pytest.mark.parametrize("case", COLLAPSING)
def test_a_collapsing_tumour_against_dop853_down_to_one_cell(case):
    course = ours(**COLLAPSING[case])
    rows = whole_days(course)
    exact = oracles.size_by_scipy(course.times[rows].tolist(), **COLLAPSING[case])
    size = course.size[rows, 0]
    visible, one_cell = exact > 1, Tumour().size(0.0)
    assert 5 < visible.sum() < visible.size
    np.testing.assert_allclose(size[visible], exact[visible], rtol=5e-3)
    np.testing.assert_allclose(size[exact < one_cell / 2], one_cell, rtol=1e-12)


@pytest.mark.parametrize("case", ["typical", "hot", "other constants"])
def test_cells_against_dop853(case):
    course = ours(**CASES[case], step=0.5)
    log_cells, t_cells, _ = oracles.by_scipy([120.0, 360.0], **CASES[case])
    rows = np.searchsorted(course.times, [120.0, 360.0])
    np.testing.assert_allclose(course.tumour_cells[rows, 0], np.exp(log_cells), rtol=1e-7)
    np.testing.assert_allclose(course.t_cells[rows, 0], t_cells, rtol=1e-7)


@pytest.mark.parametrize("case", ["typical", "hot, a small dose", "cold, fast", "other constants"])
def test_size_against_libroadrunner_on_the_antimony_text(case):
    days = [50.0, 200.0, 360.0]
    course = ours(**CASES[case], step=0.5)
    exact, concentration = oracles.by_roadrunner(days, **CASES[case])
    rows = np.searchsorted(course.times, days)
    np.testing.assert_allclose(course.size[rows, 0], exact, rtol=1e-7)
    np.testing.assert_allclose(course.concentration[rows, 0], concentration, rtol=1e-6)


def test_the_default_step_is_within_the_error_its_docstring_states():
    """Slider corners and random settings; a tumour near collapse is the hardest."""
    rng = np.random.default_rng(2)

    def settings_between(low, high):
        values, kind = rng.uniform(low, high, 150), rng.random(150)
        return np.where(kind < 0.25, low, np.where(kind > 0.75, high, values))

    for interval, number in itertools.product([7, 21, 84], [1, 35]):
        tumour = Tumour(
            infiltration=settings_between(0, 8),
            cps=settings_between(0, 100),
            doubling_time=settings_between(30, 400),
            sum_of_diameters=settings_between(10, 400),
        )
        schedule = Schedule(
            dose=settings_between(0, 800),
            interval=interval,
            number_of_doses=number,
            weight=settings_between(40, 140),
        )
        coarse = simulate(tumour, schedule, days=357)
        fine = simulate(tumour, schedule, days=357, step=3.5 / 16)
        same = np.searchsorted(fine.times, coarse.times)
        assert np.array_equal(fine.times[same], coarse.times)
        assert np.max(np.abs(coarse.size - fine.size[same])) < 0.1
        alive = coarse.size > 1
        assert np.max(np.abs(coarse.size / fine.size[same] - 1)[alive]) < 0.005


def test_the_error_falls_with_the_fourth_power_of_the_step():
    exact = oracles.size_by_scipy([360.0], **CASES["hot, a small dose"])[0]
    errors = [
        abs(ours(**CASES["hot, a small dose"], step=step).size[-1, 0] - exact)
        for step in (3.5, 1.75, 0.875)
    ]
    assert errors[0] / errors[1] > 10
    assert errors[1] / errors[2] > 10


@pytest.mark.parametrize("doubling_time", [30, 103, 400])
def test_without_t_cells_growth_is_exactly_exponential(doubling_time):
    tumour = Tumour(infiltration=0, doubling_time=doubling_time)
    for schedule in (None, Schedule()):
        course = simulate(tumour, schedule, days=200)
        growth = np.log(course.tumour_cells[:, 0] / course.tumour_cells[0, 0])
        np.testing.assert_allclose(growth, np.log(2) / doubling_time * course.times, atol=1e-12)
        assert not course.t_cells.any()


def test_without_t_cells_the_drug_changes_nothing_bit_for_bit():
    course = simulate(Tumour(infiltration=0), Schedule(dose=[800, 0]))
    assert np.array_equal(course.size[:, 0], course.size[:, 1])


def test_without_pd_l1_the_drug_is_inert_bit_for_bit():
    course = simulate(Tumour(cps=0, infiltration=3), Schedule(dose=[800, 0]))
    assert np.array_equal(course.size[:, 0], course.size[:, 1])


def test_no_schedule_equals_a_dose_of_zero():
    none, zero = simulate(Tumour(infiltration=3)), simulate(Tumour(infiltration=3), Schedule(0))
    assert not none.concentration.any()
    assert not zero.concentration.any()
    assert not none.occupancy.any()
    assert not none.functional_effect.any()
    assert none.size[-1] == pytest.approx(zero.size[-1], rel=1e-7)


def test_an_infinite_dose_releases_the_brake_fully():
    """With no PD-1 left to brake, CPS does not matter: the tumour behaves like CPS 0."""
    endless = Schedule(dose=2000, functional_ic50=1e-9)
    released = simulate(Tumour(cps=[5, 20, 100], infiltration=3), endless)
    unbraked = simulate(Tumour(cps=0, infiltration=3), endless)
    np.testing.assert_allclose(released.functional_effect, 1, rtol=1e-9)
    np.testing.assert_allclose(released.size, np.repeat(unbraked.size, 3, axis=1), rtol=1e-8)


def test_doubling_the_dose_does_not_double_the_effect():
    tumour = Tumour(infiltration=3)
    none, label, double, tiny = simulate(tumour, Schedule([0, 200, 400, 2])).size[-1]
    assert double < label < none
    assert (none - double) < 1.02 * (none - label)
    assert (none - label) > 1.2 * (none - tiny)


def test_2_and_10_mg_per_kg_hardly_differ_and_a_cold_tumour_does_not_respond():
    none, two, ten = simulate(Tumour(infiltration=3), Schedule(np.array([0, 2, 10]) * 76.8)).size[
        -1
    ]
    assert two < 0.5 * none
    assert 0 < two - ten < 0.05 * (none - two)
    cold = simulate(Tumour(infiltration=0.05), Schedule([0, 200])).size[-1]
    assert cold[1] == pytest.approx(cold[0], rel=0.02)


def test_occupancy_outlasts_the_effect():
    """The functional IC50 is about a hundred times the binding Kd."""
    course = simulate(Tumour(), Schedule(number_of_doses=1), days=300)
    late = (course.times > 200) & (course.times < 230)
    assert np.all(course.occupancy[late] > 0.9)
    assert np.all(course.functional_effect[late] < 0.2)


def test_the_occupancy_columns_follow_their_formulas():
    course = ours(dose=5)
    nanomolar = course.concentration * 1000 / 149
    np.testing.assert_allclose(course.occupancy, nanomolar / (nanomolar + 0.029), rtol=1e-12)
    effect = course.concentration / (course.concentration + 0.535)
    np.testing.assert_allclose(course.functional_effect, effect, rtol=1e-12)


def test_the_start_is_as_described():
    tumour = Tumour()
    course = simulate(tumour)
    volume = 3 * np.pi / 6 * (89.6 / 3) ** 3
    assert course.size[0, 0] == pytest.approx(89.6, rel=1e-12)
    assert course.tumour_cells[0, 0] == pytest.approx(2.06e5 * volume, rel=1e-12)
    assert course.t_cells[0, 0] == pytest.approx(7.9e-4 * 2.06e5 * volume, rel=1e-12)
    assert tumour.brake() == pytest.approx(0.9 * 20 / 25)
    assert tumour.growth_rate() == pytest.approx(np.log(2) / 103)


@given(st.floats(0.1, 900), st.floats(1, 9))
def test_size_and_cells_convert_there_and_back(size, lesions):
    tumour = Tumour(lesions=lesions)
    assert tumour.size(tumour.log_cells(size)) == pytest.approx(size, rel=1e-12)


def test_dose_days_are_listed_before_and_after_and_extremes_are_exact():
    course = simulate(Tumour(), Schedule(), days=357)
    assert course.times[0] == 0
    assert course.times[-1] == 357
    twice = course.times[1:][np.diff(course.times) == 0]
    assert np.array_equal(twice, 21.0 * np.arange(1, 17))
    jumps = np.diff(course.concentration[:, 0])[np.diff(course.times) == 0]
    np.testing.assert_allclose(jumps, 200 / 3.48, rtol=1e-12)
    assert np.all(np.diff(course.concentration[:, 0])[np.diff(course.times) > 0] < 0)
    state_columns = np.column_stack([course.size, course.t_cells, course.tumour_cells])
    assert not np.diff(state_columns, axis=0)[np.diff(course.times) == 0].any()
    trough = Schedule().concentration(357.0, before=True)
    assert course.concentration[-1, 0] == pytest.approx(trough, rel=1e-12)


@pytest.mark.parametrize(("interval", "days"), [(7, 50), (10, 33.3), (21, 1), (45.5, 400)])
def test_the_grid_meets_every_dose_and_no_step_is_too_long(interval, days):
    course = simulate(Tumour(), Schedule(interval=interval), days=days, step=3)
    assert np.max(np.diff(course.times)) <= 3 + 1e-9
    doses = interval * np.arange(1, 40)
    assert np.all(np.isin(doses[doses < days], course.times))
    assert course.times[-1] == days


def test_a_run_lasts_360_days_in_steps_of_at_most_three_and_a_half():
    plain = simulate(Tumour())
    assert plain.times[-1] == 360
    assert plain.times.size == 1 + np.ceil(360 / 3.5)
    assert np.array_equal(np.unique(np.diff(simulate(Tumour(), Schedule()).times)[:6]), [3.5])


def test_every_array_has_a_row_per_time_and_a_column_per_patient():
    for patients, tumour in ((1, Tumour()), (3, Tumour(cps=[1, 10, 100]))):
        course = simulate(tumour, Schedule(), days=30)
        for name in Course.__dataclass_fields__:
            expected = (course.times.size,) if name == "times" else (course.times.size, patients)
            assert getattr(course, name).shape == expected


def test_a_patient_alone_equals_the_same_patient_in_a_cohort_bit_for_bit():
    rng = np.random.default_rng(5)
    tumours = {"infiltration": rng.lognormal(0, 0.75, 2100), "cps": rng.uniform(0, 100, 2100)}
    weight = rng.uniform(40, 140, 2100)
    cohort = simulate(Tumour(**tumours), Schedule(weight=weight))
    for i in (0, 511, 1023, 1024, 2099):
        one = Tumour(**{name: values[i] for name, values in tumours.items()})
        alone = simulate(one, Schedule(weight=weight[i]))
        for name in ("concentration", "occupancy", "functional_effect", "size", "t_cells"):
            assert np.array_equal(getattr(alone, name)[:, 0], getattr(cohort, name)[:, i])


def slider(key):
    quantity = evidence.get(key)
    return st.sampled_from([quantity.low, quantity.high]) | st.floats(quantity.low, quantity.high)


@settings(max_examples=60)
@given(
    slider("pembrolizumab.dose"),
    slider("pembrolizumab.interval"),
    st.integers(1, 35),
    slider("patient.weight"),
    slider("patient.t_cell_infiltration"),
    slider("patient.cps"),
    st.sampled_from([30, 400]) | st.floats(30, 400),
)
def test_any_slider_setting_stays_finite(
    dose, interval, number, weight, infiltration, cps, doubling_time
):
    tumour = Tumour(infiltration=infiltration, cps=cps, doubling_time=doubling_time)
    course = simulate(tumour, Schedule(dose, interval, number, weight), days=1100)
    for name in Course.__dataclass_fields__:
        assert np.all(np.isfinite(getattr(course, name)))
        assert np.all(getattr(course, name) >= 0)
    assert np.all(course.tumour_cells >= 1)
    assert np.all(course.tumour_cells <= np.exp(LOG_CELLS_MAX) * (1 + 1e-12))


def test_a_tumour_stops_at_one_cell_and_is_never_called_gone():
    course = simulate(Tumour(infiltration=8), Schedule(), days=720)
    assert course.tumour_cells.min() == 1
    assert 0 < course.size[-1, 0] < 0.1


def test_a_tumour_stops_at_a_size_beyond_any_living_patient():
    course = simulate(Tumour(doubling_time=10, infiltration=0), days=720)
    assert np.log(course.tumour_cells[-1, 0]) == pytest.approx(LOG_CELLS_MAX)
    assert course.tumour_cells[-1, 0] == pytest.approx(8e13, rel=0.02)
