"""Tumour DNA: published levels and lead, DOP853, the backward equation, limits, any setting."""

import re
from dataclasses import astuple, fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib import evidence
from course_lib.models.ctdna import (
    NOTHING,
    BloodTest,
    Relapse,
    Treatment,
    cells_of,
    diameter_of,
    first_positive,
    lead_time,
    scan_day,
)
from ctdna_oracle import TYPICAL, by_scipy, one_cell_lives_on

pytestmark = pytest.mark.filterwarnings("error")
NUMBERS = {
    "ctdna.shedding": 1.4,
    "ctdna.death_rate": 0.136,
    "ctdna.half_life": 30,
    "ctdna.plasma_volume": 2.75,
    "ctdna.cells_per_volume": 1e6,
    "ctdna.level_of_one_cubic_centimetre": 0.21,
    "ctdna.lead_in_lung_model": 140,
    "ctdna.lead_time": 10.5,
    "ctdna.lead_time_late": 12.4,
    "ctdna.variants": 16,
    "ctdna.needed": 2,
    "ctdna.plasma": 4,
    "ctdna.errors": 0.05,
    "ctdna.cells": 1e6,
    "ctdna.doubling_time": 103,
    "ctdna.lesions": 1,
    "ctdna.log_kill": 0,
    "ctdna.treatment_days": 90,
    "ctdna.weeks": 12,
    "ctdna.months": 6,
    "ctdna.scan_limit": 10,
    "ctdna.end": 100,
    "ctdna.goal_early": 90,
    "ctdna.goal_late": 10,
}
CUBIC_CENTIMETRE = 1e9  # cells


@pytest.mark.parametrize("key", NUMBERS)
def test_a_number_of_the_registry_is_what_was_read(key):
    assert evidence.get(key).value == NUMBERS[key]


def test_the_defaults_are_those_of_the_registry():
    assert Relapse() == Relapse(**TYPICAL)
    assert astuple(BloodTest()) == (4, 16, 2, 0.05)
    assert astuple(Treatment()) == (0, 90) == astuple(NOTHING)
    assert evidence.get("ctdna.scan_limit").value == evidence.get("recist.lesion_minimum").value
    doubling = evidence.get("tumour.volume_doubling_time").value
    assert evidence.get("ctdna.doubling_time").value == doubling


# ---- published values -------------------------------------------------------------------------

#: Early lung cancer: doubling in 181 days. Relapsed: b 0.14 and d 0.13 per day.
EARLY_LUNG = {"doubling_time": 181}
RELAPSED_LUNG = {"doubling_time": float(np.log(2) / 0.01), "death_rate": 0.13, "cells": 1e5}


def test_the_published_level_of_a_tumour_of_one_cubic_centimetre():
    level = Relapse(**EARLY_LUNG).level(CUBIC_CENTIMETRE)
    assert round(level, 2) == evidence.get("ctdna.level_of_one_cubic_centimetre").value
    # Preprint: 15 mL of blood, 55 % of it plasma, hold 1.7 genomes on average.
    assert round(level * 15 * 0.55, 1) == 1.7


def test_the_published_lead_of_monthly_tests_over_scans():
    """20 mutations, 15 mL of blood, half read, at most 5 % false alarms a year: 140 to 150 days.

    The published program judges each mutation, we count the molecules of all: so within a fifth.
    """
    relapse = Relapse(**RELAPSED_LUNG)
    # Ordinary DNA: 953 copies per mL; one base in 100,000 is read wrongly.
    errors = 20 * 953 * 15 * 0.55 * 0.5 * 1e-5
    test = BloodTest(plasma=15 * 0.55 * 0.5, variants=20, needed=5, errors=errors)
    assert test.false_alarm(12) < 0.05 < BloodTest(test.plasma, 20, 4, errors).false_alarm(12)
    days = 30 * np.arange(1.0, 60)
    found = first_positive(test.positive(relapse.course(days).concentration)).cumsum()
    day = days[np.flatnonzero(found >= 0.5)[0]]
    assert relapse.day_of(CUBIC_CENTIMETRE) - day == pytest.approx(145, rel=0.2)
    assert diameter_of(relapse.course(float(day)).cells) / 10 == pytest.approx(0.83, rel=0.2)


def test_the_lead_in_breast_cancer_is_of_the_order_seen():
    """Nothing is fitted to it: 10.5 months in the median, 8 in triple-negative cancer, 0 to 38."""
    months = lead_time(Relapse(), BloodTest()) / 30.4
    assert 4 < months < 16


# ---- the course -----------------------------------------------------------------------------

COURSES = (
    {},
    {"start": 60.0, "log_kill": 2},
    {"start": 0.0, "log_kill": 6, "length": 30},
    {"start": 100.0, "log_kill": 0.5, "length": 200, "half_life": 240},
    {"start": 30.0, "log_kill": 4, "shedding": 80, "doubling_time": 30, "death_rate": 0.02},
    {"start": 50.0, "log_kill": 1, "plasma_volume": 1.5, "cells": 1e3},
)


@pytest.mark.parametrize("case", COURSES, ids=str)
def test_the_course_against_dop853(case):
    days = [0.0, 0.5, 30.0, 30.01, 59.0, 60.0, 60.02, 61.0, 75.0, 120.0, 149.9, 150.1, 200.0, 320.0]
    cells, level = by_scipy(days, **case)
    more = {name: value for name, value in case.items() if name in TYPICAL}
    treatment = Treatment(case.get("log_kill", 0), case.get("length", 90))
    found = Relapse(**more).course(np.array(days), treatment, case.get("start", np.inf))
    np.testing.assert_allclose(found.cells, cells, rtol=1e-7)
    np.testing.assert_allclose(found.concentration, level, rtol=1e-7)


def test_limits_of_the_course():
    days, relapse = np.linspace(0, 2000, 41), Relapse()
    free = relapse.course(days)
    np.testing.assert_allclose(free.cells, 1e6 * 2 ** (days / 103))
    np.testing.assert_allclose(free.concentration, relapse.level(free.cells))
    for same in (relapse.course(days, NOTHING, 500), relapse.course(days, Treatment(3), np.inf)):
        np.testing.assert_allclose(same.cells, free.cells)
        np.testing.assert_allclose(same.concentration, free.concentration)
    assert np.all(Relapse(shedding=0).course(days, Treatment(3), 500).concentration == 0)
    late = relapse.course(1000.0, Treatment(3, 90), 500)
    assert late.cells == pytest.approx(1e6 * 2 ** (1000 / 103) / 1000)
    assert relapse.course(7.0).cells == relapse.course(np.array([7.0])).cells[0]


def test_dying_cells_shed_more_at_first_and_then_the_blood_follows_the_cells():
    relapse, strong = Relapse(), Treatment(4, 90)
    before = relapse.course(1000.0)
    kill = 4 * np.log(10) / 90
    next_day = relapse.course(1001.0, strong, 1000)
    assert next_day.concentration / before.concentration == pytest.approx(
        (0.136 + kill) / 0.136 * np.exp(relapse.growth() - kill), rel=0.01
    )
    assert next_day.concentration > 1.5 * before.concentration
    # A half-life ten times as long leaves the shape over weeks as it was.
    shapes = []
    for half_life in (15, 150):
        course = Relapse(half_life=half_life).course(np.arange(1001.0, 1090.0, 7), strong, 1000)
        shapes.append(course.concentration / course.concentration[0])
    np.testing.assert_allclose(*shapes, rtol=0.01)


def test_without_extra_deaths_the_level_does_not_rise():
    """The rise is the treatment's deaths: of a dose that kills nothing there is none."""
    relapse = Relapse()
    ratio = relapse.course(1001.0, Treatment(0), 1000).concentration / relapse.level(
        relapse.course(1001.0).cells
    )
    assert ratio == pytest.approx(1)


@pytest.mark.parametrize(
    ("log_kill", "start", "cells"),
    [(2, 300, 5e6), (0.1, 300, 8e6), (0.1, 300, 1.2e7), (3, 300, 1e9), (0, 50, 1e8), (5, 0, 1e6)],
)
def test_the_day_of_a_size_is_when_the_course_reaches_it(log_kill, start, cells):
    relapse, treatment = Relapse(), Treatment(log_kill)
    day = relapse.day_of(cells, treatment, start)
    assert relapse.course(day, treatment, start).cells == pytest.approx(cells)
    earlier = relapse.course(np.linspace(0, day, 300)[:-1], treatment, start).cells
    assert np.all(earlier <= cells * (1 + 1e-9))


# ---- what earlier treatment is worth --------------------------------------------------------


def test_an_earlier_start_changes_no_day_of_return():
    relapse = Relapse()
    for log_kill in (1, 2, 5):
        treated = [relapse.day_of(1e11, Treatment(log_kill), day) for day in (0, 300, 900, 1200)]
        np.testing.assert_allclose(treated, treated[0])
        delay = 103 * log_kill * np.log2(10)
        assert treated[0] - relapse.day_of(1e11) == pytest.approx(delay)


def test_a_start_after_the_day_is_too_late():
    relapse = Relapse()
    day = relapse.day_of(1e9)
    assert relapse.day_of(1e9, Treatment(2), day + 1) == pytest.approx(day)
    assert relapse.day_of(1e9, Treatment(2), day - 1) > day + 500


def test_an_earlier_start_cures_more_if_the_last_cell_can_be_killed():
    days = np.linspace(0, 1500, 31)
    cured = Relapse().cured(days, Treatment(7.5))
    assert np.all(np.diff(cured) < 0)
    assert cured[0] > 0.99
    assert cured[-1] < 0.01
    assert np.all(Relapse().cured(days, Treatment(2)) < 1e-6)


@pytest.mark.parametrize("log_kill", [0, 0.5, 2, 6, 9])
@pytest.mark.parametrize("more", [{}, {"death_rate": 0.01}, {"doubling_time": 20}])
def test_the_chance_of_cure_against_the_backward_equation(log_kill, more):
    lives_on = one_cell_lives_on(log_kill, **more)
    for cells, start in ((1.0, 0.0), (1e3, 0.0), (1e3, 200.0)):
        relapse = Relapse(**more | {"cells": cells})
        number = cells * np.exp(relapse.growth() * start)
        expected = np.exp(number * np.log1p(-lives_on))
        assert relapse.cured(start, Treatment(log_kill)) == pytest.approx(expected, rel=1e-6)


def test_limits_of_cure():
    births = np.log(2) / 103 + 0.136
    one = Relapse(cells=1)
    assert one.cured(0.0, NOTHING) == pytest.approx(0.136 / births)
    assert Relapse().cured(0.0, NOTHING) < 1e-300
    assert Relapse().cured(0.0, Treatment(15)) == pytest.approx(1, abs=1e-6)
    standing = np.log(2) / 103 * 90 / np.log(10)  # as many are killed as grow
    assert one.cured(0.0, Treatment(standing)) == pytest.approx(
        one.cured(0.0, Treatment(standing * (1 + 1e-9)))
    )


# ---- directions, any setting, refusals --------------------------------------------------------

UP, DOWN = 1, -1
LEVEL = {
    "cells": UP,
    "doubling_time": DOWN,
    "death_rate": UP,
    "shedding": UP,
    "half_life": UP,
    "plasma_volume": DOWN,
}
POSITIVE = {"plasma": UP, "variants": UP, "needed": DOWN, "errors": UP}


def grid(cls, name):
    """Return values over the whole allowed range, but not where a sample is surely positive."""
    rule = cls.__dataclass_fields__[name].metadata
    low, high = max(rule["low"], 1e-6), min(rule["high"], 1e13)
    if rule["whole"]:
        return sorted({int(each) for each in np.geomspace(low, min(high, 100), 12)})
    return np.geomspace(low, high, 12).tolist()


@pytest.mark.parametrize("name", [each.name for each in fields(Relapse)])
def test_direction_of_every_field_of_the_relapse(name):
    levels = [Relapse(**{name: value}).course(50.0).concentration for value in grid(Relapse, name)]
    assert np.all(np.diff(np.log(levels)) * LEVEL[name] > 0)


@pytest.mark.parametrize("name", [each.name for each in fields(BloodTest)])
def test_direction_of_every_field_of_the_blood_test(name):
    chances = [BloodTest(**{name: value}).positive(0.001) for value in grid(BloodTest, name)]
    steps = np.diff(chances) * POSITIVE[name]
    assert np.all(steps >= 0)
    assert steps.max() > 0


def test_direction_of_both_fields_of_the_treatment():
    cells = [Relapse().course(500.0, Treatment(k), 400).cells for k in np.linspace(0, 15, 16)]
    assert np.all(np.diff(cells) < 0)
    during = [Relapse().course(420.0, Treatment(3, days), 400).cells for days in (14, 90, 1000)]
    assert np.all(np.diff(during) > 0)  # the same kill, spread over more days


@settings(max_examples=300)
@given(st.integers(0, 2**32 - 1))
def test_any_setting_gives_something_possible(seed):
    rng = np.random.default_rng(seed)
    relapse, test, treatment = (any_setting(cls, rng) for cls in (Relapse, BloodTest, Treatment))
    start = float(rng.choice([0, rng.uniform(0, 4000), np.inf]))
    days = np.sort(rng.uniform(0, 4000, 30))
    course = relapse.course(days, treatment, start)
    for values in course:
        assert np.all((values >= 0) & np.isfinite(values))
    chance = test.positive(course.concentration)
    assert np.all((chance >= 0) & (chance <= 1))
    first = first_positive(chance)
    assert np.all(first >= 0)
    assert first.sum() <= 1 + 1e-9
    cured = relapse.cured(days, treatment)
    assert np.all((cured >= 0) & (cured <= 1))
    assert relapse.day_of(1e14, treatment, start) >= 0
    assert 0 <= test.limit() < np.inf
    assert 0 <= test.false_alarm(20) <= 1
    assert not np.isnan(lead_time(relapse, test))


def any_setting(cls, rng):
    chosen = {}
    for each in fields(cls):
        low, high = each.metadata["low"], each.metadata["high"]
        value = np.exp(rng.uniform(np.log(max(low, 1e-6)), np.log(high)))
        value = float(np.clip(rng.choice([low, high, value, value, value]), low, high))
        chosen[each.name] = int(value) if each.metadata["whole"] else value
    return cls(**chosen)


BAD = [np.nan, -1, True, "3", None]
CALLS = {
    "times": lambda bad: Relapse().course(bad),
    "start": lambda bad: Relapse().cured(bad, NOTHING),
    "concentration": lambda bad: BloodTest().positive(bad),
    "probability": lambda bad: BloodTest().limit(bad),
    "probabilities": first_positive,
    "tests": lambda bad: BloodTest().false_alarm(bad),
    "samples": lambda bad: BloodTest().draw(1.0, bad, 0),
    "seed": lambda bad: BloodTest().draw(1.0, 1, bad),
    "diameter": cells_of,
    "lesions": lambda bad: cells_of(10, bad),
    "cells": diameter_of,
    "day": lambda bad: scan_day(bad, 100),
    "interval": lambda bad: scan_day(10, bad),
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("name", CALLS)
def test_an_impossible_value_is_refused_by_name(name, bad):
    with pytest.raises((ValueError, TypeError), match=f"{name} must be"):
        CALLS[name](bad)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Relapse(cells=0.5), "cells must be one number between 1 and 1e+13 cells"),
        (lambda: Relapse().day_of(1e5), "cells must be one number between 1e+06 and 1e+15 cells"),
        (lambda: Relapse(half_life=np.inf), "half_life must be one number between 1 and 240 min"),
        (lambda: BloodTest(variants=2.5), "variants must be a whole number between 1 and 100000"),
        (lambda: Relapse().course(-1), "times must be between 0 and 100000 days, you gave -1"),
    ],
)
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
