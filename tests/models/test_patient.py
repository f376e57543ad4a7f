"""One composed patient, against DOP853, libroadrunner, limiting cases and worked values."""

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import model_oracles as oracles
from course_lib.models.checkpoint_inhibitors import Pembrolizumab
from course_lib.models.chemotherapy import Chemotherapy
from course_lib.models.patient import (
    STEP,
    Effects,
    Patient,
    days_between,
    integrate,
    simulate,
)

CASES = {
    "nothing given": {"dose": 0},
    "pembrolizumab": {},
    "both": {"chemotherapy": True},
    "chemotherapy": {"chemotherapy": True, "dose": 0},
    "hot": {"infiltration": 3},
    "hot, few doses": {"infiltration": 3, "number_of_doses": 2},
    "hot, a small dose": {"infiltration": 3, "dose": 2, "weight": 100},
    "hot, mostly antigen-low": {"infiltration": 3, "antigen_low_share": 0.7},
    "antigen-low well seen": {"antigen_low_share": 0.5, "antigen_low_visibility": 0.6},
    "hardly resistant": {"chemotherapy": True, "resistant_fraction": 0.01, "infiltration": 0.3},
    "cold, fast": {"infiltration": 0.1, "doubling_time": 30, "interval": 42, "dose": 400},
    "other doses": {
        "chemotherapy": True,
        "interval": 10,
        "kill_rate": 0.2,
        "effect_half_life": 5,
        "cycle": 21,
        "doses_per_cycle": 2,
        "days_between_doses": 8,
        "number_of_cycles": 6,
    },
    "other constants": {
        "chemotherapy": True,
        "killing_capacity": 0.5,
        "half_killing_ratio": 0.1,
        "t_cell_supply": 1e-3,
        "t_cell_turnover": 0.1,
        "antigen_low_visibility": 0.3,
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
    "all sensitive": {"chemotherapy": True, "resistant_fraction": 0, "kill_rate": 0.2},
}
GIVEN = {
    cls: {each.name for each in dataclasses.fields(cls)} for cls in (Pembrolizumab, Chemotherapy)
}
BOTH = [Pembrolizumab(), Chemotherapy()]


def ours(days=360, step=STEP, chemotherapy=False, **changes):
    """Run our model with the same named changes as the oracles take."""
    parts = {
        cls: {name: value for name, value in changes.items() if name in names}
        for cls, names in GIVEN.items()
    }
    others = {n: v for n, v in changes.items() if not any(n in names for names in GIVEN.values())}
    therapies = [Pembrolizumab(**parts[Pembrolizumab])]
    therapies += [Chemotherapy(**parts[Chemotherapy])] * chemotherapy
    return simulate(Patient(**others), therapies, days, step)


def each_day(course):
    """Return one row for each day of the course."""
    return np.flatnonzero(np.diff(course.times, prepend=-1.0) > 0)


@pytest.mark.parametrize("case", CASES)
def test_a_course_against_dop853(case):
    course = ours(**CASES[case])
    rows = each_day(course)
    days = course.times[rows].tolist()
    np.testing.assert_allclose(
        course.size[rows, 0], oracles.size_by_scipy(days, **CASES[case]), rtol=1e-4
    )
    share = oracles.by_scipy(days, **CASES[case])[3]
    np.testing.assert_allclose(course.antigen_low_share[rows, 0], share, rtol=3e-4)


@pytest.mark.parametrize("case", CASES)
def test_cells_against_dop853_with_short_steps(case):
    course = ours(**CASES[case], step=0.5)
    log_cells, t_cells, _, share = oracles.by_scipy([120.0, 360.0], **CASES[case])
    rows = np.searchsorted(course.times, [120.0, 360.0])
    np.testing.assert_allclose(course.tumour_cells[rows, 0], np.exp(log_cells), rtol=1e-7)
    np.testing.assert_allclose(course.t_cells[rows, 0], t_cells, rtol=1e-7)
    np.testing.assert_allclose(course.antigen_low_share[rows, 0], share, rtol=1e-7)


@pytest.mark.parametrize("case", ["both", "cold, fast", "other doses", "other constants"])
def test_a_course_against_libroadrunner_on_the_antimony_text(case):
    days = [50.0, 200.0, 360.0]
    course = ours(**CASES[case], step=0.5)
    size, _, share, t_cells = oracles.by_roadrunner(days, **CASES[case])
    rows = np.searchsorted(course.times, days)
    np.testing.assert_allclose(course.size[rows, 0], size, rtol=1e-7)
    np.testing.assert_allclose(course.antigen_low_share[rows, 0], share, rtol=1e-7)
    np.testing.assert_allclose(course.t_cells[rows, 0], t_cells, rtol=1e-7)


@pytest.mark.parametrize("case", COLLAPSING)
def test_a_collapsing_tumour_against_dop853_down_to_one_cell(case):
    changes = {"antigen_low_share": 0} | COLLAPSING[case]
    course = ours(**changes)
    rows = each_day(course)
    exact = oracles.size_by_scipy(course.times[rows].tolist(), **changes)
    size = course.size[rows, 0]
    visible, one_cell = exact > 1, Patient().size(1)
    assert 5 < visible.sum() < visible.size
    np.testing.assert_allclose(size[visible], exact[visible], rtol=5e-3)
    np.testing.assert_allclose(size[exact < one_cell / 2], one_cell, rtol=1e-12)


@pytest.mark.parametrize(
    ("dose", "chemotherapy", "millimetres"),
    [
        (0, False, [67, 85, 114]),
        (200, False, [63, 71, 85]),
        (0, True, [44, 55, 72]),
        (200, True, [39, 39, 42]),
    ],
)
def test_size_on_days_60_180_and_330_against_the_sketch_of_the_plan(
    dose, chemotherapy, millimetres
):
    worked = {"t_cell_supply": 7.9e-4, "sum_of_diameters": 60, "resistant_fraction": 0.3}
    worked |= {"infiltration": 1, "cps": 20, "antigen_low_share": 0.03, "kill_rate": 0.0776}
    course = ours(330, 0.5, chemotherapy, dose=dose, **worked)
    seen = course.size[np.searchsorted(course.times, [60, 180, 330]), 0]
    assert seen.round().tolist() == millimetres


def test_the_default_step_is_within_the_error_its_docstring_states():
    """Slider corners and random settings, each step of ours against 16 of them."""
    rng, absolute, relative = np.random.default_rng(2), [], []

    def settings_between(low, high):
        values, kind = rng.uniform(low, high, 175), rng.random(175)
        return np.where(kind < 0.2, low, np.where(kind > 0.8, high, values))

    for interval, number, given_too in itertools.product([7, 30, 84], [1, 35], [0, 1]):
        patient = Patient(
            infiltration=settings_between(0, 8),
            cps=settings_between(0, 100),
            doubling_time=settings_between(40, 400),
            sum_of_diameters=settings_between(10, 400),
            antigen_low_share=settings_between(0, 0.5),
            resistant_fraction=settings_between(0, 1),
            antigen_low_visibility=settings_between(0, 1),
        )
        drug = Pembrolizumab(
            dose=settings_between(0, 800),
            interval=interval,
            number_of_doses=number,
            weight=settings_between(40, 140),
        )
        therapies = [drug, *[Chemotherapy(number_of_cycles=rng.integers(1, 49))] * given_too]
        grid = days_between([each.dose_times() for each in therapies], 0.0, 360.0, STEP)
        fine = np.interp(np.arange(16 * grid.size - 15) / 16, np.arange(grid.size), grid)
        ours, exact = (
            patient.size(np.exp(states[:, 0]) + np.exp(states[:, 1]))
            for states in (
                integrate(patient, patient.start(), grid, therapies),
                integrate(patient, patient.start(), fine, therapies)[::16],
            )
        )
        absolute.append(np.max(np.abs(ours - exact), axis=0))
        seen = np.minimum(ours, exact) > 1
        relative.append(np.max(np.where(seen, np.abs(ours / exact - 1), 0), axis=0))
    assert np.size(absolute) == 2100
    assert np.median(absolute) < 1e-4
    assert np.quantile(absolute, 0.999) < 0.1
    assert np.quantile(relative, 0.999) < 0.01
    assert np.max(absolute) < 0.4


@pytest.mark.parametrize("case", ["hot, a small dose", "other constants", "other doses"])
def test_the_error_falls_with_the_fourth_power_of_the_step(case):
    exact = oracles.size_by_scipy([357.0], **CASES[case])[0]
    sizes = [ours(357, step, **CASES[case]).size[-1, 0] for step in (1.75, 0.875, 0.4375)]
    errors = np.abs(np.array(sizes) - exact)
    assert errors[0] / errors[1] > 11
    assert errors[1] / errors[2] > 11


@pytest.mark.parametrize("share", [0, 0.03, 1])
@pytest.mark.parametrize("doubling_time", [40, 103, 400])
def test_without_t_cells_growth_minus_chemotherapy_is_exact(doubling_time, share):
    patient = Patient(infiltration=0, doubling_time=doubling_time, antigen_low_share=share)
    drug = Chemotherapy()
    for therapies in ([], [Pembrolizumab()], BOTH):
        course = simulate(patient, therapies, days=200)
        exposure = drug.exposure(course.times) if drug in therapies else 0 * course.times
        growth = np.log(course.tumour_cells[:, 0] / course.tumour_cells[0, 0])
        left = oracles.log_left(patient.resistant_fraction, exposure)
        expected = np.log(2) / doubling_time * course.times + left
        np.testing.assert_allclose(growth, expected, atol=1e-12)
        assert not course.t_cells.any()
        np.testing.assert_allclose(course.antigen_low_share, share, rtol=1e-12)


class Picky:
    """A therapy that kills the two classes at rates of their own, with a dose on day 10."""

    def dose_times(self):
        return np.array([10.0])

    def effects(self, stages, stop, patient):
        since = np.maximum(stages - 10, 0)[..., None]
        return Effects(log_kill_high=0.03 * since, log_kill_low=0.001 * since**2)


def test_each_class_is_killed_by_its_own_kill_exactly():
    course = simulate(Patient(infiltration=0, antigen_low_share=0.4), [Picky()], days=100)
    since, growth = np.maximum(course.times - 10, 0), np.log(2) / 103 * course.times
    for share, killed in ((0.6, 0.03 * since), (0.4, 0.001 * since**2)):
        of_class = course.antigen_low_share if share == 0.4 else 1 - course.antigen_low_share
        cells = (of_class * course.tumour_cells)[:, 0]
        expected = np.log(share * course.tumour_cells[0, 0]) + growth - killed
        np.testing.assert_allclose(np.log(cells), expected, rtol=1e-12)


def test_without_t_cells_pembrolizumab_changes_nothing_bit_for_bit():
    course = simulate(Patient(infiltration=0), [Pembrolizumab(dose=[800, 0])])
    assert np.array_equal(course.size[:, 0], course.size[:, 1])


def test_without_pd_l1_pembrolizumab_is_inert_bit_for_bit():
    for more in ([], [Chemotherapy()]):
        course = simulate(Patient(cps=0, infiltration=3), [Pembrolizumab(dose=[800, 0]), *more])
        assert np.array_equal(course.size[:, 0], course.size[:, 1])
        assert np.array_equal(course.t_cells[:, 0], course.t_cells[:, 1])


def test_with_pd_1_fully_blocked_cps_does_not_matter():
    endless = [Pembrolizumab(dose=2000, functional_ic50=1e-9), Chemotherapy()]
    released = simulate(Patient(cps=[5, 20, 100], infiltration=3), endless)
    unbraked = simulate(Patient(cps=0, infiltration=3), endless)
    np.testing.assert_allclose(released.size, np.repeat(unbraked.size, 3, axis=1), rtol=1e-8)


def test_a_tumour_without_antigen_low_cells_never_gets_any():
    course = simulate(Patient(antigen_low_share=0, infiltration=[1, 8]), BOTH, days=720)
    assert not course.antigen_low_share.any()
    assert np.min(course.tumour_cells) == 1  # the high class alone: one cell, not two


def test_a_tumour_of_antigen_low_cells_alone_stays_so():
    course = simulate(Patient(antigen_low_share=1, infiltration=8), BOTH)
    assert np.all(course.antigen_low_share == 1)


def test_antigen_low_cells_as_visible_as_the_others_make_no_difference():
    course = simulate(Patient(antigen_low_share=[0, 0.3, 1], antigen_low_visibility=1), BOTH)
    np.testing.assert_allclose(course.size[:, 1:], course.size[:, [0, 0]], rtol=1e-12)
    np.testing.assert_allclose(course.antigen_low_share[:, 1], 0.3, rtol=1e-12)


def test_antigen_low_cells_that_nobody_sees_grow_as_if_alone():
    course = simulate(Patient(antigen_low_visibility=0, infiltration=3), [Pembrolizumab()])
    low = np.log(course.tumour_cells * course.antigen_low_share)[:, 0]
    np.testing.assert_allclose(low - low[0], np.log(2) / 103 * course.times, atol=1e-11)


def test_killing_selects_antigen_low_cells():
    course = simulate(Patient(infiltration=[0.5, 3]), [Pembrolizumab()])
    assert np.all(np.diff(course.antigen_low_share[each_day(course)], axis=0) > 0)
    assert course.antigen_low_share[-1, 1] > 0.3 > course.antigen_low_share[-1, 0]


def test_growth_scales_the_growth_rate_alone():
    patient, grid = Patient(doubling_time=[103, 206, 51.5]), np.linspace(0, 100, 51)
    states = integrate(patient, patient.start(), grid, [], growth=[1, 2, 0.5])
    np.testing.assert_allclose(states[:, :, 1:], states[:, :, [0, 0]], rtol=1e-12)


def test_the_start_is_as_described():
    patient = Patient()
    course = simulate(patient)
    cells = 2.06e5 * 3 * np.pi / 6 * (89.6 / 3) ** 3
    assert course.size[0, 0] == pytest.approx(89.6, rel=1e-12)
    assert course.tumour_cells[0, 0] == pytest.approx(cells, rel=1e-12)
    assert course.antigen_low_share[0, 0] == pytest.approx(0.03, rel=1e-12)
    supply = oracles.TYPICAL["t_cell_supply"]
    seen = 0.97 + 0.1 * 0.03
    assert course.t_cells[0, 0] == pytest.approx(supply * cells * seen ** (2 / 3), rel=1e-12)
    assert patient.brake() == pytest.approx(0.9 * 20 / 25)
    assert patient.growth_rate() == pytest.approx(np.log(2) / 103)


def test_a_class_that_has_cells_has_at_least_one_from_the_start():
    course = simulate(Patient(antigen_low_share=1e-15))
    low = course.tumour_cells * course.antigen_low_share
    assert low[0, 0] == pytest.approx(1)
    assert np.all(np.diff(low[:, 0]) > 0)


@given(st.floats(0.1, 900), st.floats(1, 9))
def test_size_and_cells_convert_there_and_back(size, lesions):
    patient = Patient(lesions=lesions)
    assert patient.size(np.exp(patient.log_cells(size))) == pytest.approx(size, rel=1e-12)


def test_a_tumour_stops_at_one_cell_and_is_never_called_gone():
    course = simulate(Patient(infiltration=8, antigen_low_share=[0, 1e-9]), BOTH, days=720)
    assert course.tumour_cells.min() == 1
    assert np.all(course.size > 0)
    assert np.all(course.size[-1] < 0.1)


def test_a_class_at_one_cell_grows_again_when_nothing_kills_it():
    drug = Chemotherapy(kill_rate=1, number_of_cycles=4)
    course = simulate(
        Patient(infiltration=0, resistant_fraction=0, antigen_low_share=0), [drug], 720
    )
    at_one = course.times[course.tumour_cells[:, 0] == 1]
    growing = course.times > at_one[-1]
    grown = np.log(course.tumour_cells[growing, 0])
    effect = drug.exposure(course.times[growing]) - drug.exposure(at_one[-1])
    expected = np.log(2) / 103 * (course.times[growing] - at_one[-1]) - effect
    assert at_one.size > 5
    np.testing.assert_allclose(grown, expected, atol=1e-10)


def test_a_tumour_stops_at_a_size_beyond_any_living_patient():
    patient = Patient(doubling_time=10, infiltration=0, antigen_low_share=[0, 0.5, 1])
    course = simulate(patient, days=720)
    cap = np.exp(32.0)
    np.testing.assert_allclose(course.tumour_cells[-1], [cap, 2 * cap, cap], rtol=1e-12)
    assert cap == pytest.approx(8e13, rel=0.02)
