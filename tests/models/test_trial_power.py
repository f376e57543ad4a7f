"""Power against Schoenfeld's formula, scipy, and trials that are tested one by one."""

import math
from dataclasses import fields

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import brentq

from course_lib import evidence
from course_lib.models import virtual_trial
from course_lib.models.survival import cox, log_rank
from course_lib.models.trial_power import (
    RULES,
    critical_values,
    events_needed,
    look,
    power_of,
    repeated,
)
from course_lib.models.virtual_trial import Outcome

END = 735.0


def arm(hazard_ratio=1.0, number=4000, median=200, end=END):
    """Return times and events of patients at a constant risk: evenly spaced, so without chance."""
    times = -median / math.log(2) / hazard_ratio * np.log((np.arange(number) + 0.5) / number)
    return np.minimum(times, end), times <= end


class InOrder:
    """A generator that draws every patient of an arm exactly once, in every trial."""

    def integers(self, low, high, shape, dtype):
        assert (low, high) == (0, shape[1])
        return np.tile(np.arange(high, dtype=dtype), (shape[0], 1))


def bivariate(first, last, shift=0.0):
    """Return the chance that |Z| exceeds a critical value at half or at all of the information."""
    normal = stats.multivariate_normal(
        [shift * math.sqrt(0.5), shift], [[1, math.sqrt(0.5)], [math.sqrt(0.5), 1]]
    )
    corners = [(first, last, 1), (-first, last, -1), (first, -last, -1), (-first, -last, 1)]
    return 1 - sum(sign * normal.cdf([one, two]) for one, two, sign in corners)


# ---- the formula --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hazard_ratio", "power", "alpha", "share"),
    [(0.7, 0.8, 0.05, 0.5), (0.5, 0.9, 0.05, 0.5), (0.8, 0.8, 0.01, 2 / 3), (1.4, 0.6, 0.1, 0.3)],
)
def test_events_against_the_formula_with_scipys_quantiles(hazard_ratio, power, alpha, share):
    z = stats.norm.ppf(1 - alpha / 2) + stats.norm.ppf(power)
    expected = z**2 / (share * (1 - share) * np.log(hazard_ratio) ** 2)
    found = events_needed(hazard_ratio, power, alpha, share)
    assert found == pytest.approx(expected, rel=1e-9)
    assert power_of(found, hazard_ratio, alpha, share) == pytest.approx(power, abs=1e-9)
    assert events_needed(1 / hazard_ratio, power, alpha, share) == pytest.approx(found)


def test_events_of_common_designs():
    """Typed numbers: 0.7 and 80 % take 247 events, 0.5 takes 66, and two to one an eighth more."""
    assert math.ceil(events_needed(0.7)) == 247
    assert math.ceil(events_needed(0.5)) == 66
    assert events_needed(0.7, share=2 / 3) == pytest.approx(9 / 8 * events_needed(0.7))
    assert events_needed(1) == math.inf


def test_power_grows_with_events_and_effect_and_starts_at_half_of_alpha():
    powers = power_of(np.arange(0, 1000, 50), 0.7)
    assert np.all(np.diff(powers) > 0)
    assert powers[0] == pytest.approx(0.025)
    by_effect = [power_of(100, hr) for hr in (1, 0.9, 0.7, 0.5)]
    assert by_effect == sorted(set(by_effect))


# ---- rules for an early look ----------------------------------------------------------


def test_the_critical_values_of_obrien_and_fleming_keep_five_percent():
    """By scipy's bivariate normal, solved for the value at the end."""
    solved = brentq(lambda c: bivariate(c * math.sqrt(2), c) - 0.05, 1.5, 2.5)
    assert evidence.get("trial_design.obrien_fleming").value == 1.977
    assert solved == pytest.approx(1.977, abs=6e-4)
    first, last = critical_values("obrien_fleming")
    assert (first, last) == (pytest.approx(2.796, abs=1e-3), 1.977)


def test_two_looks_at_five_percent_make_eight_percent_false_alarms():
    first, last = critical_values("every_look_05")
    assert (first, last) == (pytest.approx(1.96, abs=1e-3), pytest.approx(1.96, abs=1e-3))
    assert 100 * bivariate(first, last) == pytest.approx(8.3, abs=0.05)
    assert evidence.get("trial_design.false_alarms_two_looks").value == 8.3


def test_without_a_look_nothing_stops():
    assert critical_values("none")[0] == math.inf
    found = repeated(arm(0.3), arm(), 400, 50, np.random.default_rng(1))
    assert not found.stopped.any()
    for wrong in ("weekly", None, 1):
        with pytest.raises(ValueError, match=r"^rule must be one of none, every_look_05, obrien_"):
            critical_values(wrong)


# ---- many trials at once, against trials one by one --------------------------------------


@pytest.mark.parametrize("every", [21, 63])
@pytest.mark.parametrize("hazard_ratio", [0.5, 0.8, 1.3])
def test_one_trial_is_tested_as_by_log_rank_and_cox(every, hazard_ratio):
    """Each patient once; days in whole periods, or on scans nine weeks apart."""
    arms = []
    for ratio in (hazard_ratio, 1):
        times, _ = arm(ratio, 175, end=1e9)
        times = every * np.ceil(times / every)
        arms.append((np.minimum(times, END), times <= END))
    times, events = (np.concatenate(pair) for pair in zip(*arms, strict=True))
    treated = np.arange(350) < 175
    found = repeated(*arms, 350, 3, InOrder())
    chi2, _ = log_rank(times, events, treated)
    np.testing.assert_allclose(found.z**2, chi2, rtol=1e-9)
    assert np.all(np.sign(found.z) == np.sign(hazard_ratio - 1))
    expected = cox(times, events, treated).hazard_ratio
    np.testing.assert_allclose(found.hazard_ratio, expected, rtol=0.01)
    assert np.all(found.events == events.sum())
    assert np.all(found.significant == (chi2 > stats.chi2.ppf(0.95, 1)))


@pytest.mark.parametrize("rule", ["every_look_05", "obrien_fleming"])
@pytest.mark.parametrize("hazard_ratio", [0.5, 0.75])
def test_one_trial_stops_as_if_cut_on_the_day_of_the_look(rule, hazard_ratio):
    arms = []
    for ratio in (hazard_ratio, 1):
        times, events = arm(ratio, 175)
        arms.append((21 * np.ceil(times / 21), events))
    times, events = (np.concatenate(pair) for pair in zip(*arms, strict=True))
    treated = np.arange(350) < 175
    day, stops = look(times, events, treated, rule)
    half = np.sum(events) / 2
    assert np.sum(events & (times <= day)) >= half > np.sum(events & (times <= day - 21))
    cut = np.minimum(times, day), events & (times <= day), treated
    found = repeated(*arms, 350, 1, InOrder(), rule)
    chi2, _ = log_rank(*cut)
    assert found.z_look[0] ** 2 == pytest.approx(chi2, rel=1e-9)
    assert bool(found.stopped[0]) == stops == (chi2 > critical_values(rule)[0] ** 2)
    ended = cut if stops else (times, events, treated)
    assert found.hazard_ratio[0] == pytest.approx(cox(*ended).hazard_ratio, rel=0.01)
    assert found.events[0] == ended[1].sum()


def test_a_period_includes_its_last_day_and_no_later_one():
    """Days of any length, one of them the last of a period: the look counts up to its end."""
    times, events = arm(number=100)
    times[40] = 126.0
    treated = np.arange(200) < 100
    fast = times / 3
    both = np.concatenate([times, fast])
    day, stops = look(both, np.concatenate([events, events]), ~treated, "every_look_05")
    assert stops
    found = repeated((fast, events), (times, events), 200, 1, InOrder(), "every_look_05")
    assert found.events[0] == np.sum(np.concatenate([events, events]) & (both <= day))


def test_a_look_without_events_stops_nothing():
    nothing = np.full(10, 30.0), np.zeros(10, dtype=bool), np.arange(10) < 5
    assert look(*nothing, "every_look_05") == (0.0, False)


def test_power_against_repeat_of_virtual_trial():
    """The older implementation: patient by patient, with days instead of periods."""
    arms = arm(0.72), arm()
    found = repeated(*arms, 240, 2000, np.random.default_rng(5))
    times, events = (np.concatenate(pair) for pair in zip(*arms, strict=True))
    rest = {each.name: np.zeros(8000) for each in fields(Outcome)}
    treated = np.arange(8000) < 4000
    outcome = Outcome(**rest | {"pfs": times, "progressed": events, "experimental": treated})
    ratios, p = virtual_trial.repeat(outcome, 240, 400)
    error = math.sqrt(0.25 / 400 + 0.25 / 2000)
    assert abs(found.power() - np.mean(p < 0.05)) < 4 * error
    assert np.median(found.hazard_ratio) == pytest.approx(np.median(ratios), abs=0.03)
    assert np.std(np.log(found.hazard_ratio)) == pytest.approx(np.std(np.log(ratios)), rel=0.15)


@pytest.mark.parametrize(("hazard_ratio", "patients"), [(0.7, 300), (0.8, 300), (0.6, 100)])
def test_power_against_the_formula(hazard_ratio, patients):
    arms = arm(hazard_ratio), arm()
    found = repeated(*arms, patients, 3000, np.random.default_rng(6))
    expected = power_of(found.events.mean(), hazard_ratio)
    assert found.power() == pytest.approx(expected, abs=0.035)


def test_an_early_look_against_the_bivariate_normal():
    """Chance to be significant under both rules, with an effect and without."""
    for hazard_ratio in (1, 0.75):
        arms = arm(hazard_ratio), arm()
        plain = repeated(*arms, 300, 4000, np.random.default_rng(7))
        shift = plain.z.mean()
        for rule in RULES[1:]:
            found = repeated(*arms, 300, 4000, np.random.default_rng(7), rule)
            expected = bivariate(*critical_values(rule), shift)
            error = math.sqrt(expected * (1 - expected) / 4000)
            assert abs(found.power() - expected) < 4 * error + 0.01
        correlation = np.corrcoef(plain.z_look, plain.z)[0, 1]
        assert correlation == pytest.approx(math.sqrt(0.5), abs=0.03)


def test_trials_that_stop_early_overestimate_and_all_together_do_not():
    """The gap closes if every trial stops at the look, whatever it finds."""
    arms = arm(0.75), arm()
    found = repeated(*arms, 160, 3000, np.random.default_rng(8), "every_look_05")
    assert 0.1 < found.stopped.mean() < 0.5
    assert np.median(found.hazard_ratio[found.stopped]) < 0.65
    assert np.all(found.events[found.stopped] < found.events[~found.stopped].mean())
    plain = repeated(*arms, 160, 3000, np.random.default_rng(8))
    assert np.median(plain.hazard_ratio) == pytest.approx(0.75, abs=0.02)
    everyone = np.exp(2 * plain.z_look / np.sqrt(plain.events / 2))  # ln HR = 2 Z / sqrt(events)
    assert np.median(everyone) == pytest.approx(0.75, abs=0.03)


def test_power_rises_with_patients_effect_and_follow_up():
    def power(hazard_ratio=0.75, patients=200, end=END):
        arms = arm(hazard_ratio, end=end), arm(end=end)
        return repeated(*arms, patients, 600, np.random.default_rng(9)).power()

    for name, values in (
        ("patients", (60, 200, 600)),
        ("hazard_ratio", (0.9, 0.75, 0.5)),
        ("end", (90, 250, END)),
    ):
        powers = [power(**{name: value}) for value in values]
        assert powers == sorted(set(powers)), name


def test_trials_in_which_an_arm_has_no_event_have_no_ratio():
    nobody = np.full(50, END), np.zeros(50, dtype=bool)
    found = repeated(nobody, nobody, 20, 5, np.random.default_rng(1))
    assert np.isnan(found.hazard_ratio).all()
    assert not found.significant.any()
    assert np.all(found.z == 0)
    one = repeated(nobody, arm(number=50), 20, 5, np.random.default_rng(1))
    assert np.isnan(one.hazard_ratio).all()
    assert np.all(one.z < 0)


def test_what_makes_no_sense_is_refused():
    for name, wrong in (
        ("hazard_ratio", 0),
        ("hazard_ratio", np.nan),
        ("power", 1),
        ("alpha", 0),
        ("share", 1),
    ):
        with pytest.raises(ValueError, match=rf"^{name} must be one number .*, you gave "):
            events_needed(**{"hazard_ratio": 0.7} | {name: wrong})
    for name in ("hazard_ratio", "power", "alpha", "share"):
        for wrong in ("1", None, True, [0.5]):
            with pytest.raises(TypeError, match=rf"^{name} must be one number .*, you gave "):
                events_needed(**{"hazard_ratio": 0.7} | {name: wrong})
    rng, both = np.random.default_rng(1), (arm(), arm())
    for patients, trials in ((3, 5), (np.nan, 5), (10, 0), (10, np.inf)):
        with pytest.raises(ValueError, match=r"must be a whole number .*, you gave "):
            repeated(*both, patients, trials, rng)
    for wrong in ("10", None, True, [10]):
        with pytest.raises(TypeError, match=r"^patients must be a whole number .*, you gave "):
            repeated(*both, wrong, 5, rng)
    with pytest.raises(ValueError, match=r"^both arms must have patients\.$"):
        repeated((np.array([]), np.array([])), arm(), 10, 5, rng)
