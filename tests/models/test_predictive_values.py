"""Predictive values: the four-row table, counting, Bayes' rule by odds, two tests by listing."""

import re
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib import evidence
from course_lib.models.predictive_values import (
    RULES,
    combined,
    counts,
    predictive_values,
)

pytestmark = pytest.mark.filterwarnings("error")
NUMBERS = {
    "predictive.prevalence": 20,
    "predictive.prevalence_shaw": 22,
    "predictive.sensitivity": 88,
    "predictive.specificity": 95,
    "predictive.sensitivity_late": 85.7,
    "predictive.specificity_late": 97.4,
    "predictive.alike": 0,
    "predictive.people": 1000,
    "predictive.goal_right": 90,
    "predictive.goal_found": 80,
    "predictive.goal_prevalence": 10,
}
#: Sensitivity 0.88: prevalence, then PPV and NPV at specificity 0.95, and at 0.99.
TABLE = (
    (0.05, 0.481, 0.993, 0.822, 0.994),
    (0.10, 0.662, 0.986, 0.907, 0.987),
    (0.20, 0.815, 0.969, 0.957, 0.971),
    (0.40, 0.921, 0.922, 0.983, 0.925),
)
shares = st.floats(0.001, 0.999)


@pytest.mark.parametrize("key", NUMBERS)
def test_a_number_of_the_registry_is_what_was_read(key):
    assert evidence.get(key).value == NUMBERS[key]


def test_the_rounded_shares_are_those_of_the_studies():
    assert round(100 * 30 / 34) == NUMBERS["predictive.sensitivity"]
    assert round(100 * 34 / 156) == NUMBERS["predictive.prevalence_shaw"]
    assert round(100 * 6 / 7, 1) == NUMBERS["predictive.sensitivity_late"]
    assert round(100 * 74 / 76, 1) == NUMBERS["predictive.specificity_late"]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: str(row[0]))
def test_the_four_row_table(row):
    prevalence, *values = row
    found = [*predictive_values(prevalence, 0.88, 0.95), *predictive_values(prevalence, 0.88, 0.99)]
    np.testing.assert_allclose(found, values, atol=0.0005)


def test_a_whole_column_at_once_is_row_by_row():
    prevalence = np.array([row[0] for row in TABLE])
    positive, negative = predictive_values(prevalence, 0.88, 0.95)
    for at, p in enumerate(prevalence.tolist()):
        assert (positive[at], negative[at]) == predictive_values(p, 0.88, 0.95)


@given(st.integers(1, 999), st.integers(1, 99), st.integers(1, 99))
def test_against_counting_people_in_exact_fractions(ill, found, free):
    p, s, c = Fraction(ill, 1000), Fraction(found, 100), Fraction(free, 100)
    true, false = p * s, (1 - p) * (1 - c)
    rightly, missed = (1 - p) * c, p * (1 - s)
    ours = predictive_values(float(p), float(s), float(c))
    assert ours.positive == pytest.approx(float(true / (true + false)))
    assert ours.negative == pytest.approx(float(rightly / (rightly + missed)))
    people = counts(float(p), float(s), float(c), 1000)
    expected = [float(1000 * each) for each in (true, missed, false, rightly)]
    assert list(people) == pytest.approx(expected)
    assert sum(people) == pytest.approx(1000)


@given(shares, shares, shares)
def test_against_bayes_rule_in_odds(prevalence, sensitivity, specificity):
    up, down = sensitivity / (1 - specificity), (1 - sensitivity) / specificity
    positive, negative = predictive_values(prevalence, sensitivity, specificity)
    odds = prevalence / (1 - prevalence)
    assert positive == pytest.approx(odds * up / (1 + odds * up))
    assert 1 - negative == pytest.approx(odds * down / (1 + odds * down), abs=1e-12)


def test_against_a_simulated_clinic():
    rng = np.random.default_rng(9)
    ill = rng.random(1_000_000) < 0.1
    positive = rng.random(ill.size) < np.where(ill, 0.88, 1 - 0.95)
    found = predictive_values(0.1, 0.88, 0.95)
    assert ill[positive].mean() == pytest.approx(found.positive, abs=0.005)
    assert 1 - ill[~positive].mean() == pytest.approx(found.negative, abs=0.001)


# ---- limits -------------------------------------------------------------------------------


def test_limits():
    assert predictive_values(0.2, 1, 1) == (1, 1)
    assert predictive_values(0.2, 0.88, 1).positive == 1  # without false alarms
    assert predictive_values(0.2, 1, 0.95).negative == 1  # nothing missed
    assert predictive_values(0, 0.88, 0.95) == (0, 1)
    assert predictive_values(1, 0.88, 0.95) == (1, 0)
    for coin in (0.1, 0.5, 0.9):  # a test that takes no notice of the tumour teaches nothing
        blind = predictive_values(0.2, coin, 1 - coin)
        assert blind.positive == pytest.approx(0.2)
        assert blind.negative == pytest.approx(0.8)


def test_a_result_that_cannot_occur_has_no_value():
    assert np.isnan(predictive_values(0, 0.88, 1).positive)
    assert np.isnan(predictive_values(1, 1, 0.95).negative)


def test_sensitivity_is_not_the_predictive_value():
    """They are equal for one prevalence only; specificity and prevalence move one of the two."""
    prevalence = np.linspace(0.01, 0.99, 99)
    positive = predictive_values(prevalence, 0.88, 0.95).positive
    assert (positive < 0.88).any()
    assert (positive > 0.88).any()


# ---- directions -----------------------------------------------------------------------------

GRID = np.linspace(0.01, 0.99, 99)


@pytest.mark.parametrize(
    ("name", "positive", "negative"),
    [("prevalence", 1, -1), ("sensitivity", 1, 1), ("specificity", 1, 1)],
)
def test_direction_of_every_argument(name, positive, negative):
    base = {"prevalence": 0.2, "sensitivity": 0.88, "specificity": 0.95}
    found = predictive_values(**base | {name: GRID})
    assert np.all(np.sign(np.diff(found.positive)) == positive)
    assert np.all(np.sign(np.diff(found.negative)) == negative)


# ---- two tests ------------------------------------------------------------------------------


def listed(share, alike, needed):
    """Return the chance of at least so many positive tests of two, from all ways they can fall."""
    chance = alike * share  # the second only repeats the first
    for first, second in product((True, False), repeat=2):
        weight = (share if first else 1 - share) * (share if second else 1 - share)
        chance += (1 - alike) * weight * (first + second >= needed)
    return chance


@given(shares, shares, st.sampled_from(["both", "either"]), st.floats(0, 1))
def test_two_tests_against_listing_all_results(sensitivity, specificity, rule, alike):
    needed = 2 if rule == "both" else 1
    found = combined(sensitivity, specificity, rule, alike)
    assert found.sensitivity == pytest.approx(listed(sensitivity, alike, needed))
    assert 1 - found.specificity == pytest.approx(listed(1 - specificity, alike, needed))


def test_a_second_test_that_only_repeats_the_first_adds_nothing():
    for rule in RULES:
        assert combined(0.88, 0.95, rule, 1) == pytest.approx((0.88, 0.95))
        assert combined(0.88, 0.95, "one", 0.3) == (0.88, 0.95)


def test_asking_for_both_trades_found_relapses_for_fewer_false_alarms():
    both, either = combined(0.88, 0.95, "both"), combined(0.88, 0.95, "either")
    assert both == pytest.approx((0.88**2, 1 - 0.05**2))
    assert either == pytest.approx((1 - 0.12**2, 0.95**2))
    share = np.linspace(0, 1, 21).tolist()
    falling = [combined(0.88, 0.95, "both", each).specificity for each in share]
    rising = [combined(0.88, 0.95, "both", each).sensitivity for each in share]
    assert np.all(np.diff(falling) < 0)
    assert np.all(np.diff(rising) > 0)


# ---- refusals -------------------------------------------------------------------------------

BAD = [np.nan, np.inf, -0.1, 1.1, True, "3", None]
CALLS = {
    "prevalence": lambda bad: predictive_values(bad, 0.9, 0.9),
    "sensitivity": lambda bad: counts(0.1, bad, 0.9),
    "specificity": lambda bad: combined(0.9, bad, "both"),
    "alike": lambda bad: combined(0.9, 0.9, "both", bad),
    "people": lambda bad: counts(0.1, 0.9, 0.9, -1 if bad == 1.1 else bad),
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("name", CALLS)
def test_an_impossible_value_is_refused_by_name(name, bad):
    with pytest.raises((ValueError, TypeError), match=f"{name} must be"):
        CALLS[name](bad)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: combined(0.9, 0.9, "three"), "rule must be one of one, both, either, you gave"),
        (lambda: counts([0.1, 2], 0.9, 0.9), "prevalence must be between 0 and 1, you gave 2 for"),
    ],
)
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
