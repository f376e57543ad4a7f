"""Survival curves and hazard ratios, against lifelines, scipy, published values and limits."""

import dataclasses
import math
import warnings
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines import CoxPHFitter, KaplanMeierFitter
from lifelines.statistics import logrank_test
from scipy import optimize, stats

from course_lib.models.survival import cox, kaplan_meier, log_rank

# Weeks in remission on 6-MP (+ still in remission when last seen) and on placebo. Freireich
# 1963, as listed by Gehan 1965.
ON_6MP = "6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+"
ON_PLACEBO = "1 1 2 2 3 4 4 5 5 8 8 8 8 11 11 12 12 15 17 22 23"
SIZES = (2, 3, 5, 8, 20, 60, 200, 1000)


def freireich():
    weeks = [*ON_6MP.split(), *ON_PLACEBO.split()]
    time = np.array([float(week.rstrip("+")) for week in weeks])
    event = np.array([not week.endswith("+") for week in weeks])
    return time, event, np.arange(42) >= 21


def trial(seed, patients, ratio=0.6, scans=None):
    """Return a random trial: time, event, arm. Progression is seen on the next scan, if any."""
    rng = np.random.default_rng(seed)
    arm = rng.permutation(np.arange(patients) % 2 == 1)
    time = rng.exponential(np.where(arm, 300 / ratio, 300))
    if scans:
        time = np.ceil(time / scans) * scans
    last_visit = rng.uniform(0, 900, patients)
    if scans:  # half of the patients leave on a scan day: ties of events with censoring
        on_scan = rng.random(patients) < 0.5
        last_visit[on_scan] = np.ceil(last_visit[on_scan] / scans) * scans
    return np.minimum(time, last_visit), time <= last_visit, arm


each_trial = pytest.mark.parametrize(
    ("seed", "patients", "scans"),
    [(seed, size, scans) for seed in range(4) for size in SIZES for scans in (None, 63, 250)],
)


@each_trial
def test_the_curve_and_its_band_against_lifelines(seed, patients, scans):
    time, event, _ = trial(seed, patients, scans=scans)
    ours = kaplan_meier(time, event)
    theirs = KaplanMeierFitter().fit(time, event)
    table, band = theirs.event_table, theirs.confidence_interval_
    inside = ours.survival > 0
    at = ours.times
    np.testing.assert_allclose(ours.survival, theirs.predict(at), rtol=1e-11, atol=1e-14)
    np.testing.assert_array_equal(ours.at_risk[1:], table.at_risk[at[1:]])
    np.testing.assert_array_equal(at[1:], table.index[table.observed > 0])
    np.testing.assert_allclose(ours.low[inside], band.iloc[:, 0][at[inside]], rtol=1e-9)
    np.testing.assert_allclose(ours.high[inside], band.iloc[:, 1][at[inside]], rtol=1e-9)
    days = np.linspace(0, 900, 77)
    np.testing.assert_allclose(ours.at(days), theirs.predict(days), rtol=1e-11, atol=1e-14)
    assert ours.median() == theirs.median_survival_time_


@each_trial
def test_the_curve_and_its_band_against_scipy(seed, patients, scans):
    time, event, _ = trial(seed + 100, patients, scans=scans)
    ours = kaplan_meier(time, event)
    theirs = stats.ecdf(stats.CensoredData.right_censored(time, ~event)).sf
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scipy's band is nan where survival is 1 or 0
        band = theirs.confidence_interval(method="log-log")
    rows = np.searchsorted(ours.times, theirs.quantiles, side="right") - 1
    np.testing.assert_allclose(ours.survival[rows], theirs.probabilities, rtol=1e-11, atol=1e-14)
    known = np.isfinite(band.low.probabilities) & (theirs.probabilities < 1)
    np.testing.assert_allclose(ours.low[rows][known], band.low.probabilities[known], rtol=1e-9)
    np.testing.assert_allclose(ours.high[rows][known], band.high.probabilities[known], rtol=1e-9)


@each_trial
def test_log_rank_against_lifelines_and_scipy(seed, patients, scans):
    time, event, arm = trial(seed + 200, patients, scans=scans)
    chi2, p = log_rank(time, event, arm)
    if math.isnan(chi2):
        assert patients <= 5
        return
    theirs = logrank_test(time[arm], time[~arm], event[arm], event[~arm])
    assert chi2 == pytest.approx(theirs.test_statistic, rel=1e-9, abs=1e-12)
    assert p == pytest.approx(theirs.p_value, rel=1e-9)
    groups = [stats.CensoredData.right_censored(time[g], ~event[g]) for g in (arm, ~arm)]
    exact = stats.logrank(*groups)
    assert chi2 == pytest.approx(exact.statistic**2, rel=1e-9, abs=1e-12)
    assert p == pytest.approx(exact.pvalue, rel=1e-9)


@each_trial
def test_hazard_ratio_against_lifelines_with_efron_ties(seed, patients, scans):
    time, event, arm = trial(seed + 300, patients, scans=scans)
    ours = cox(time, event, arm)
    if not 0 < ours.hazard_ratio < math.inf:
        assert patients <= 8
        return
    table = pd.DataFrame({"time": time, "event": event, "arm": arm.astype(float)})
    strict = {"precision": 1e-12, "r_precision": 1e-14}  # by default it stops at 1e-6
    row = CoxPHFitter().fit(table, "time", "event", fit_options=strict).summary.loc["arm"]
    theirs = row[["exp(coef)", "exp(coef) lower 95%", "exp(coef) upper 95%", "se(coef)", "p"]]
    np.testing.assert_allclose(dataclasses.astuple(ours), theirs, rtol=1e-5)


def efron_score(beta, time, event, arm):
    """Return the slope of Efron's log likelihood, patient by patient, and its own slope."""
    score = slope = 0.0
    weight = np.exp(beta * arm)
    for day in np.unique(time[event]):
        at_risk, dead = time >= day, event & (time == day)
        score += arm[dead].sum()
        for gone in np.arange(dead.sum()) / dead.sum():
            kept = weight * (at_risk - gone * dead)
            mean = np.sum(kept * arm) / np.sum(kept)
            score -= mean
            slope -= mean - mean**2
    return score, slope


@each_trial
def test_hazard_ratio_against_the_likelihood_patient_by_patient(seed, patients, scans):
    data = trial(seed + 350, min(patients, 120), 0.2, scans)
    ours = cox(*data)
    ends = [efron_score(beta, *data)[0] for beta in (-20, 20)]
    if ends[0] < 1e-6 or ends[1] > -1e-6:  # no root: the likelihood rises to one end, or is flat
        flat = abs(ends[0] - ends[1]) < 1e-6
        expected = math.nan if flat else 0 if ends[0] < 1e-6 else math.inf
        assert ours.hazard_ratio == pytest.approx(expected, nan_ok=True)
        return
    beta = optimize.brentq(lambda b: efron_score(b, *data)[0], -20, 20, xtol=1e-13)
    error = (-efron_score(beta, *data)[1]) ** -0.5
    assert math.log(ours.hazard_ratio) == pytest.approx(beta, rel=1e-9, abs=1e-10)
    assert ours.log_standard_error == pytest.approx(error, rel=1e-9)
    assert ours.low == pytest.approx(math.exp(beta - stats.norm.ppf(0.975) * error), rel=1e-8)
    assert ours.high == pytest.approx(math.exp(beta + stats.norm.ppf(0.975) * error), rel=1e-8)
    assert ours.p == pytest.approx(2 * stats.norm.sf(abs(beta) / error), rel=1e-8)


def test_a_published_trial_against_r_and_stata():
    # 30 relapses in 541 weeks, and 0.9048 (from 0.6700) a week after placebo: Stata, at
    # data.princeton.edu/pop509/gehan.html. Log-rank 16.79294 and, with Efron's ties, a log ratio
    # of 1.572 with error 0.412: R's survdiff and coxph (1.509 would be Breslow's, 1.628 exact).
    time, event, arm = freireich()
    assert event.sum() == 30
    assert time.sum() == 541
    placebo, drug = (kaplan_meier(time[g], event[g]) for g in (arm, ~arm))
    assert (drug.median(), placebo.median()) == (23, 8)
    assert round(placebo.at(1), 4) == 0.9048
    assert round(placebo.low[1], 4) == 0.67
    assert round(log_rank(time, event, arm)[0], 5) == 16.79294
    ratio = cox(time, event, arm)
    assert round(math.log(ratio.hazard_ratio), 3) == 1.572
    assert round(ratio.log_standard_error, 3) == 0.412


def test_efron_ties_against_the_closed_form_of_therneau_and_grambsch():
    # Data set 1 of their appendix: the score is (30 + 23 r - r^3) / ((r + 1)(r + 3)(r + 5)).
    time, event, arm = [9, 1, 1, 6, 6, 8], [1, 1, 0, 1, 1, 0], [0, 1, 1, 1, 0, 0]
    r = np.roots([1, 0, -23, -30]).real.max()
    shares = np.array([r / (r + 1), r / (r + 5), r / (r + 3)])
    ours = cox(time, event, arm)
    assert ours.hazard_ratio == pytest.approx(r, rel=1e-12)
    assert ours.log_standard_error == pytest.approx(np.sum(shares - shares**2) ** -0.5, rel=1e-9)


def test_the_numbers_at_risk_of_a_published_trial():
    time, event, arm = freireich()
    drug = kaplan_meier(time[~arm], event[~arm])
    days = [0, 6, 6.5, 7, 10, 23, 24, 35, 36]
    assert drug.number_at_risk(days).tolist() == [21, 21, 17, 17, 15, 6, 5, 1, 0]
    assert drug.number_at_risk(10) == 15


@pytest.mark.parametrize("patients", range(1, 200))
def test_the_median_of_all_observed_times_against_exact_fractions(patients):
    curve = kaplan_meier(np.arange(1, patients + 1), np.ones(patients))
    halves = [day for day in curve.times[1:] if 1 - Fraction(int(day), patients) <= Fraction(1, 2)]
    assert curve.median() == halves[0] == math.ceil(patients / 2)


def test_a_curve_that_never_reaches_one_half_has_no_median():
    curve = kaplan_meier([1, 2, 3, 4, 5], [1, 0, 0, 1, 0])
    assert curve.survival.tolist() == pytest.approx([1, 0.8, 0.4])
    assert curve.median() == 4
    curve = kaplan_meier([1, 2, 3, 4, 5], [1, 1, 0, 0, 0])
    assert curve.median() == math.inf
    censored = kaplan_meier([5, 6, 7], [0, 0, 0])
    assert censored.times.tolist() == [0]
    assert censored.survival.tolist() == censored.low.tolist() == censored.high.tolist() == [1]
    assert censored.median() == math.inf
    assert censored.at(36500) == 1


def test_a_curve_that_reaches_zero_keeps_its_upper_limit():
    curve = kaplan_meier([1, 2, 3, 4], [1, 1, 1, 1])
    assert (curve.survival[-1], curve.low[-1], curve.high[-1]) == (0, 0, curve.high[-2])
    assert 0.5 < curve.high[-1] < 1
    assert kaplan_meier(7, 1).high.tolist() == [1, 1]


def test_events_on_day_zero_are_in_the_first_row():
    curve = kaplan_meier([0, 0, 3, 4], [1, 0, 1, 0])
    assert curve.times.tolist() == [0, 3]
    assert curve.survival.tolist() == [0.75, 0.375]
    assert curve.at_risk.tolist() == [4, 2]
    assert curve.at(0) == 0.75
    all_at_once = kaplan_meier([0, 0], [1, 1])
    assert [all_at_once.survival, all_at_once.low, all_at_once.high] == [0, 0, 1]


def test_two_identical_arms_have_a_ratio_of_one_and_no_log_rank():
    time, event, _ = trial(1, 50, scans=63)
    twice = np.tile(time, 2), np.tile(event, 2), np.repeat([False, True], 50)
    assert cox(*twice).hazard_ratio == pytest.approx(1, abs=1e-12)
    assert cox(*twice).p == pytest.approx(1, abs=1e-10)
    assert log_rank(*twice) == pytest.approx((0, 1), abs=1e-10)


@pytest.mark.parametrize("ratio", [0.3, 0.73, 1, 2.5])
def test_two_exponential_arms_give_back_their_hazard_ratio(ratio):
    found = cox(*trial(11, 100_000, ratio))
    assert abs(math.log(found.hazard_ratio / ratio)) < 3 * found.log_standard_error < 0.04
    assert found.low < ratio < found.high


def test_the_interval_and_the_p_value_hold_what_they_promise():
    cover, small = [], []
    for seed in range(1000):
        time, event, arm = trial(seed + 5000, 200, ratio=1, scans=63)
        found = cox(time, event, arm)
        cover.append(found.low <= 1 <= found.high)
        small.append(log_rank(time, event, arm)[1] < 0.05)
    assert np.mean(cover) == pytest.approx(0.95, abs=0.028)  # 4 standard deviations
    assert np.mean(small) == pytest.approx(0.05, abs=0.028)


@each_trial
def test_other_units_of_time_other_orders_and_swapped_arms(seed, patients, scans):
    time, event, arm = trial(seed + 400, patients, scans=scans)
    ratio, test = cox(time, event, arm), log_rank(time, event, arm)
    mixed = np.random.default_rng(seed).permutation(patients)
    shuffled = time[mixed], event[mixed], arm[mixed]
    assert repr(cox(*shuffled)) == repr(ratio)
    assert repr(log_rank(*shuffled)) == repr(test)
    curve, again = vars(kaplan_meier(time, event)), vars(kaplan_meier(*shuffled[:2]))
    for name in curve:
        np.testing.assert_array_equal(curve[name], again[name])
    assert repr(cox(time / 8, event, arm)) == repr(ratio)
    assert repr(log_rank(time / 8, event, arm)) == repr(test)
    swapped = cox(time, event, ~arm)
    assert log_rank(time, event, ~arm) == pytest.approx(test, rel=1e-9, abs=1e-12, nan_ok=True)
    if 0 < ratio.hazard_ratio < math.inf:
        assert swapped.hazard_ratio == pytest.approx(1 / ratio.hazard_ratio, rel=1e-9)
        assert swapped.low == pytest.approx(1 / ratio.high, rel=1e-9)
        assert swapped.p == pytest.approx(ratio.p, rel=1e-9)
    else:
        opposite = {0: math.inf, math.inf: 0}.get(ratio.hazard_ratio, math.nan)
        assert swapped.hazard_ratio == pytest.approx(opposite, nan_ok=True)


@pytest.mark.parametrize(
    ("time", "event", "arm", "ratio"),
    [
        ([1, 2, 3, 4], [0, 1, 0, 1], [1, 0, 1, 0], 0),  # no event in the experimental arm
        ([1, 2, 3, 4], [1, 0, 1, 0], [1, 0, 1, 0], math.inf),  # none in the control arm
        ([1, 2, 3, 4], [1, 1, 1, 1], [1, 1, 0, 0], math.inf),  # all experimental ones first
        ([1, 2, 3, 4], [1, 1, 1, 1], [0, 0, 1, 1], 0),
        ([1, 2, 3, 4], [0, 0, 0, 0], [0, 1, 0, 1], math.nan),  # no event
        ([1, 2, 3, 4], [0, 0, 1, 1], [0, 0, 1, 1], math.nan),  # events when one arm is left
    ],
)
def test_a_ratio_that_runs_away_is_said_to_be_zero_infinite_or_nan(time, event, arm, ratio):
    found = dataclasses.astuple(cox(time, event, arm))
    assert found == pytest.approx((ratio, *[math.nan] * 4), nan_ok=True)
    if math.isnan(ratio):
        assert np.isnan(log_rank(time, event, arm)).all()
    else:
        assert log_rank(time, event, arm)[0] > 0


def test_all_events_on_one_day_tell_nothing_to_the_log_rank_test():
    assert np.isnan(log_rank([5, 5, 5, 5], [1, 1, 1, 1], [0, 0, 1, 1])).all()
    assert cox([5, 5, 5, 5], [1, 1, 1, 1], [0, 0, 1, 1]).hazard_ratio == pytest.approx(1)


@pytest.mark.parametrize("k", [1, 2, 10, 100, 300])
@pytest.mark.parametrize("left", [1, 2, 50])
def test_two_far_apart_events_against_the_closed_form(k, left):
    # k control and k * k experimental patients; an experimental one has the event first. All
    # but ``left`` of the experimental ones go; then a control patient has the event. So b/a is
    # k, then left/k, and the shares add up to 1 where their product with r squared is 1.
    k_squared = max(k * k, left + 1)
    first, second = k_squared / k, left / k
    time = np.concatenate([np.full(k, 5.0), np.full(k_squared, 5.0)])
    arm = np.arange(k + k_squared) >= k
    event = np.zeros(time.size, dtype=bool)
    time[k : k_squared + k - left], time[[k, 0]], event[[k, 0]] = 2, (1, 3), True
    r = 1 / math.sqrt(first * second)
    share = r * first / (1 + r * first)
    found = cox(time, event, arm)
    assert found.hazard_ratio == pytest.approx(r, rel=1e-9)
    assert found.log_standard_error == pytest.approx((2 * share * (1 - share)) ** -0.5, rel=1e-9)


ages = st.integers(0, 12) | st.floats(0, 36500)
patients = st.lists(st.tuples(ages, st.booleans(), st.booleans()), min_size=1, max_size=40)


@settings(max_examples=1000)
@given(patients)
def test_any_patients_give_a_falling_curve_and_no_warning(listed):
    time, event, arm = map(np.array, zip(*listed, strict=True))
    # lifelines tells numpy to be silent, for everybody, so numpy is asked to speak again
    with warnings.catch_warnings(), np.errstate(divide="warn", over="warn", invalid="warn"):
        warnings.simplefilter("error")
        curve = kaplan_meier(time, event)
        assert curve.times[0] == 0
        assert np.all(np.diff(curve.times) > 0)
        assert np.all(np.diff(curve.survival) <= 0)
        assert np.all(np.diff(curve.at_risk) <= 0)
        rows = np.stack([0 * curve.low, curve.low, curve.survival, curve.high, curve.high**0])
        assert np.all(np.diff(rows, axis=0) >= 0)  # 0, low, survival, high, 1
        np.testing.assert_array_equal(curve.at(curve.times), curve.survival)
        np.testing.assert_array_equal(curve.number_at_risk(curve.times), curve.at_risk)
        if len(set(arm)) == 2:
            ratio, (chi2, p) = cox(time, event, arm), log_rank(time, event, arm)
            assert math.isnan(chi2) or chi2 >= 0
            assert p == pytest.approx(stats.chi2.sf(chi2, 1), rel=1e-9, nan_ok=True)
            if 0 < ratio.hazard_ratio < math.inf:
                assert ratio.low <= ratio.hazard_ratio <= ratio.high
                assert 0 <= ratio.p <= 1
            else:
                assert np.isnan(dataclasses.astuple(ratio)[1:]).all()


@pytest.mark.parametrize(
    ("time", "event", "arm", "kind", "sentence"),
    [
        ([1, -2], [1, 0], [0, 1], ValueError, "time must be between 0 and 36500 days, you gave -2"),
        ([1, np.nan], [1, 0], [0, 1], ValueError, "you gave NaN, which is not a number for pati"),
        ([1, np.inf], [1, 0], [0, 1], ValueError, "time must be between 0 and 36500 days"),
        ([], [], [], TypeError, "time must be between 0 and 36500 days"),
        (["1", "2"], [1, 0], [0, 1], TypeError, "time must be between 0 and 36500 days"),
        ([1, 2], [1, 2], [0, 1], ValueError, "event must be 0 or 1 .* you gave 2 for patient 1 "),
        ([1, 2], [1, np.nan], [0, 1], ValueError, "event must be 0 or 1 .* you gave nan for pati"),
        ([1, 2], ["1", "0"], [0, 1], TypeError, "event must be 0 or 1 .* you gave .'1', '0'"),
        ([1, 2], None, [0, 1], TypeError, "event must be 0 or 1 .* you gave None"),
        ([1, 2], [1, [0, 1]], [0, 1], TypeError, "event must be 0 or 1 .* you gave .1, .0, 1"),
        ([1, 2], [1, 0, 1], [0, 1], ValueError, "event .*you gave 3 values, and 2 of time"),
        ([1, 2], 1, [0, 1], ValueError, "event .*you gave 1 values, and 2 of time"),
        ([1, 2], [[1, 0]], [0, 1], TypeError, "event must be 0 or 1 .* you gave ..1, 0"),
        ([1, 2], [1, 0], [1, 1], ValueError, "arm must hold True .* you gave only True"),
        ([1, 2], [1, 0], [0, 0], ValueError, "arm must hold True .* you gave only False"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(time, event, arm, kind, sentence):
    for call in (cox, log_rank):
        with pytest.raises(kind, match=sentence):
            call(time, event, arm)
    if not sentence.startswith("arm"):
        with pytest.raises(kind, match=sentence):
            kaplan_meier(time, event)


@pytest.mark.parametrize("days", [-1, np.nan, np.inf, "5", None, True, []])
def test_bad_days_are_refused_by_name(days):
    curve = kaplan_meier([1, 2], [1, 0])
    for call in (curve.at, curve.number_at_risk):
        with pytest.raises((ValueError, TypeError), match="days must be between 0 and 36500 days"):
            call(days)


def test_zeros_and_ones_mean_the_same_as_booleans_and_inputs_stay_as_they_were():
    time, event, arm = trial(3, 30)
    copies = time.copy(), event.copy(), arm.copy()
    as_lists = cox(time.tolist(), event.astype(int).tolist(), arm.astype(float).tolist())
    assert as_lists == cox(time, event, arm)
    for before, after in zip(copies, (time, event, arm), strict=True):
        np.testing.assert_array_equal(before, after)
    with pytest.raises(dataclasses.FrozenInstanceError):
        as_lists.hazard_ratio = 1
