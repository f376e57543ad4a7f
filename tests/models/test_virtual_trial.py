"""A virtual trial against closed forms, a second implementation, and what scans can show."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from course_lib.models import virtual_trial
from course_lib.models.checkpoint_inhibitors import Pembrolizumab
from course_lib.models.chemotherapy import Chemotherapy
from course_lib.models.cohort import Cohort
from course_lib.models.patient import LOG_CELLS_MAX, integrate, simulate
from course_lib.models.recist import Criteria, best_change, progression_scan
from course_lib.models.survival import cox, kaplan_meier
from course_lib.models.virtual_trial import (
    DAYS_PER_MONTH,
    Fate,
    Trial,
    follow,
    repeat,
    run,
)

CHEMOTHERAPY = [Chemotherapy()]
BOTH = [Pembrolizumab(), Chemotherapy()]
NOBODY_PROGRESSES = Criteria(progression_percent=100, progression_growth=100)
ALIKE = {
    name: 0
    for name in (
        "growth_log_sd",
        "infiltration_log_sd",
        "cps_log_sd",
        "size_log_sd",
        "antigen_low_logit_sd",
        "resistant_logit_sd",
    )
}


def drawn(number, seed=5, **cohort):
    """Return patients and the summed risk at which each dies."""
    rng = np.random.default_rng(seed)
    return Cohort(**cohort).draw(rng, number), rng.standard_exponential(number)


@pytest.fixture(scope="module")
def main():
    return run(Trial(BOTH, CHEMOTHERAPY, cohort=Cohort(cps_from=10)), 8192)


def test_scans_of_keynote_355_in_days():
    weeks = [8, 16, 24, 33, 42, 51, *range(63, 184, 12)]
    assert Trial([], []).scan_days().tolist() == [7 * week for week in weeks]
    assert Trial([], []).scan_days()[:5].tolist() == [56, 112, 168, 231, 294]


def test_scans_stop_with_the_trial_and_the_last_pair_goes_on_until_then():
    short = Trial([], [], scans=((6, 6), (1, 8)), follow_up=3)
    assert short.last_day() == pytest.approx(91.3125)
    assert short.scan_days().tolist() == [7 * week for week in (6, *range(7, 14))]
    never = run(Trial([], [], scans=((100, 100),), follow_up=1), 50)
    assert not never.pfs[~never.progressed].any()
    assert np.all(never.best_ratio == 1)
    assert not never.responded.any()


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("later", [0.0, 0.24, 1.5])
def test_without_t_cells_or_therapy_every_day_has_a_closed_form(exponent, later):
    """Sizes grow as exp(g t / 3), so scans and the hazard's integral are known by hand."""
    patient, tolerance = drawn(2000, infiltration=0, size_log_sd=0.4, growth_log_sd=0.2)
    fate = Fate(death_size_exponent=exponent, later_lines_growth=later)
    trial = Trial([], [], fate=fate, follow_up=24)
    progression, death, sizes = follow(patient, trial, (), tolerance)
    scans, end = trial.scan_days(), trial.last_day()

    rate, start = patient.growth_rate() / 3, patient.sum_of_diameters
    below = patient.log_cells(start) + 3 * rate * max(later, 1) * end < LOG_CELLS_MAX
    assert below.mean() > 0.7
    fold = np.maximum(1.2, 1 + 5 / start)
    first = np.searchsorted(scans, np.log(fold) / rate - 1e-9)
    at = np.append(scans, np.inf)[first]
    hazard = fate.death_hazard * (start / fate.reference_size) ** exponent
    grown = exponent * rate
    until = hazard * np.expm1(grown * np.minimum(at, end)) / grown
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        before = np.log1p(tolerance * grown / hazard) / grown
        then = (tolerance - until) / (hazard * np.exp(grown * at))
        after = at + (np.log1p(then * later * grown) / (later * grown) if later else then)
    expected = np.where(tolerance <= until, before, after)
    expected = np.where(expected <= end, expected, np.inf)
    np.testing.assert_array_equal(progression, np.where(at < expected, at, np.inf))
    assert np.array_equal(np.isfinite(death[below]), np.isfinite(expected[below]))
    dead = np.isfinite(death) & below
    assert dead.mean() > 0.5
    np.testing.assert_allclose(death[dead], expected[dead], atol=0.05)
    growing = np.minimum(scans[:, None], at) + later * np.maximum(scans[:, None] - at, 0)
    exact = np.where(scans[:, None] < expected, start * np.exp(rate * growing), np.nan)
    np.testing.assert_allclose(sizes[:, below], exact[:, below], rtol=1e-9)


def test_with_exponent_zero_each_dies_when_the_constant_risk_is_used_up():
    patient, tolerance = drawn(3000)
    fate = Fate(death_size_exponent=0, death_hazard=0.002)
    _, death, _ = follow(patient, Trial(BOTH, [], fate=fate), BOTH, tolerance)
    expected = tolerance / 0.002
    expected[expected > Trial([], []).last_day()] = np.inf
    np.testing.assert_allclose(death, expected, rtol=1e-9)


def test_with_exponent_zero_survival_is_exponential():
    """Kaplan–Meier within five standard errors, and the draws themselves are Exp(1)."""
    fate = Fate(death_size_exponent=0, death_hazard=0.004)
    seen = run(Trial(BOTH, [], fate=fate, follow_up=30), 20_000)
    curve = kaplan_meier(seen.survival, seen.died)
    for day in (30, 100, 173.3, 400, 800):
        expected = np.exp(-0.004 * day)
        error = np.sqrt(expected * (1 - expected) / 20_000)
        assert abs(curve.at(day) - expected) < 5 * error
    fast = Fate(death_size_exponent=0, death_hazard=0.05)
    seen = run(Trial([], [], fate=fast, follow_up=30), 20_000)
    assert seen.died.all()
    assert stats.kstest(0.05 * seen.survival, stats.expon.cdf).pvalue > 1e-3


def test_deaths_after_the_end_of_the_trial_are_not_seen():
    """Patients are watched for 10 to 30 months, evenly: the share that dies is an integral."""
    fate = Fate(death_size_exponent=0, death_hazard=0.002)
    seen = run(Trial([], [], fate=fate, accrual=20, follow_up=10), 10_000)
    low, high = 0.002 * 10 * DAYS_PER_MONTH, 0.002 * 30 * DAYS_PER_MONTH
    share = 1 - (np.exp(-low) - np.exp(-high)) / (high - low)
    assert abs(seen.died.mean() - share) < 5 * np.sqrt(share * (1 - share) / 10_000)


def test_a_scan_on_the_very_last_day_counts():
    trial = Trial([], [], follow_up=112 / DAYS_PER_MONTH, criteria=NOBODY_PROGRESSES)
    assert trial.last_day() == 112
    seen = run(replace(trial, fate=Fate(death_hazard=0)), 10)
    assert np.all(seen.pfs[~seen.progressed] == 112)
    assert not seen.progressed.all()


def test_without_risk_nobody_dies():
    seen = run(Trial(BOTH, [], fate=Fate(death_hazard=0)), 500)
    assert not seen.died.any()
    assert np.all(seen.survival == Trial([], []).last_day())


def test_sizes_are_those_of_simulate_with_the_drugs_stopped_at_progression():
    """With growth unchanged after progression: to the end. Otherwise: until progression."""
    patient, _ = drawn(400)
    never = np.full(400, np.inf)
    for later in (1.0, 0.24):
        trial = Trial(BOTH, [], fate=Fate(later_lines_growth=later))
        progression, _, sizes = follow(patient, trial, BOTH, never)
        course = simulate(patient, BOTH, days=trial.last_day(), stop=progression)
        scans = trial.scan_days()
        rows = np.searchsorted(course.times, scans)
        assert np.array_equal(course.times[rows], scans)
        same = scans[:, None] <= (never if later == 1 else progression)
        assert same.mean() > 0.3
        np.testing.assert_allclose(sizes[same], course.size[rows][same], rtol=1e-12)
        untreated = simulate(patient, [], days=trial.last_day()).size[-1]
        assert np.mean(untreated > sizes[-1]) > 0.8
    after = scans[:, None] > progression + 1
    slower, full = sizes[after], course.size[rows][after]
    assert np.all(slower <= full)  # 0.24 v 1 times the growth
    assert np.mean(slower < full) > 0.95  # the others have reached the bounds


def test_progression_and_best_change_are_what_recist_says_of_the_sizes():
    patient, tolerance = drawn(600)
    trial = Trial(BOTH, [])
    progression, death, sizes = follow(patient, trial, BOTH, tolerance)
    sums = np.vstack([patient.sum_of_diameters, sizes])
    at = progression_scan(sums)
    days = np.append(trial.scan_days(), np.inf)
    np.testing.assert_array_equal(progression, days[np.where(at < 0, -1, at - 1)])
    assert np.array_equal(np.isnan(sizes), trial.scan_days()[:, None] >= death)
    assert 0.1 < np.mean(at < 0) < 0.9
    typical = Cohort(**ALIKE)
    for therapies in ([], BOTH):
        seen = run(replace(trial, experimental=therapies, cohort=typical, experimental_share=1), 9)
        course = simulate(typical.draw(np.random.default_rng(1), 1), therapies, days=1281)
        sums = course.size[np.searchsorted(course.times, [0, *trial.scan_days()])]
        alive = seen.survival >= seen.pfs.max()
        expected = 1 + best_change(sums)[0] / 100
        np.testing.assert_allclose(seen.best_ratio[alive], expected, rtol=1e-6)
        assert np.all(seen.responded[alive] == (expected <= 0.7))


def test_against_a_second_implementation_in_plain_loops():
    """Steps of 0.5 instead of 3.5 days; the same scan for 99 %, the same death to a day."""
    patient, tolerance = drawn(300, cps_from=10)
    trial = Trial(BOTH, [], follow_up=30)
    progression, death, _ = follow(patient, trial, BOTH, tolerance)
    at, died = by_hand(patient, trial, BOTH, tolerance)
    same = progression == at
    assert same.sum() >= 297
    assert np.array_equal(np.isinf(death[same]), np.isinf(died[same]))
    finite = same & np.isfinite(death)
    assert finite.sum() > 100
    error = np.abs(death[finite] - died[finite])
    assert error.max() < 1  # days, over 30 months
    assert np.quantile(error, 0.9) < 0.05


def by_hand(patient, trial, therapies, tolerance, step=0.5):
    """Follow each patient through finished courses, one number at a time."""
    end = trial.last_day()
    course = simulate(patient, therapies, days=end, step=step)
    keep = np.flatnonzero(~course.before)
    times, size = course.times[keep], course.size[keep].copy()
    scans = [int(np.searchsorted(times, day)) for day in trial.scan_days() if day <= end]
    at = []
    for one in range(patient.number()):
        smallest, found = size[0, one], None
        for row in scans:
            now = size[row, one]
            if found is None and now >= 1.2 * smallest and now >= smallest + 5:
                found = row
            smallest = min(smallest, now)
        at.append(found)
    for row in sorted({found for found in at if found is not None}):
        who = np.array([one for one, found in enumerate(at) if found == row])
        cells, low = (getattr(course, name)[keep][row, who] for name in NAMES)
        state = np.stack(
            [np.log(cells * (1 - low)), np.log(cells * low), course.t_cells[keep][row, who]]
        )
        later = trial.fate.later_lines_growth
        states = integrate(patient.some(who), state, times[row:], therapies, times[row], later)
        size[row:, who] = patient.some(who).size(np.exp(states[:, 0]) + np.exp(states[:, 1]))
    progression, death = [], []
    for one in range(patient.number()):
        fate, used, day = trial.fate, 0.0, np.inf
        risk = [
            fate.death_hazard * (mm / fate.reference_size) ** fate.death_size_exponent
            for mm in size[:, one]
        ]
        for row in range(1, times.size):
            more = (times[row] - times[row - 1]) * (risk[row - 1] + risk[row]) / 2
            if used + more >= tolerance[one]:
                day = times[row - 1] + (tolerance[one] - used) / risk[row]
                break
            used += more
        seen = np.inf if at[one] is None else times[at[one]]
        progression.append(seen if seen < day else np.inf)
        death.append(day)
    return np.array(progression), np.array(death)


NAMES = ("tumour_cells", "antigen_low_share")


def test_events_come_on_scan_days_or_by_death_and_the_rest_ends_at_the_last_scan(main):
    scans, end = Trial([], []).scan_days(), Trial([], []).last_day()
    by_death = main.died & (main.pfs == main.survival)
    at_scan = np.isin(main.pfs, scans)
    assert np.all((by_death | at_scan)[main.progressed])
    assert np.all(main.pfs[~main.progressed] == scans[-1])
    assert np.all(main.survival[~main.died] == end)
    assert np.all(main.pfs <= main.survival)
    assert np.all(main.progressed[main.died])
    counts = [by_death.sum(), (at_scan & main.progressed).sum(), (~main.progressed).sum()]
    assert min(counts) > 200
    assert np.all((main.best_ratio > 0) & np.isfinite(main.best_ratio))
    assert np.array_equal(main.responded, main.best_ratio <= 0.7)
    assert np.all(main.cps >= 10)


def test_patients_enter_evenly_and_are_watched_until_the_end():
    trial = Trial([], [], accrual=12, follow_up=20, criteria=NOBODY_PROGRESSES)
    trial = replace(trial, cohort=Cohort(doubling_time=10000), fate=Fate(death_hazard=0))
    seen = run(trial, 10_000)
    months = seen.survival / DAYS_PER_MONTH
    assert stats.kstest(months, stats.uniform(20, 12).cdf).pvalue > 1e-3
    assert not seen.progressed.any()
    scans = np.append(0.0, trial.scan_days())
    assert np.array_equal(seen.pfs, [scans[scans <= day].max() for day in seen.survival])
    everyone = run(replace(trial, accrual=0.0), 100)
    assert np.all(everyone.survival == 20 * DAYS_PER_MONTH)


def test_what_comes_after_a_patients_last_day_is_not_seen():
    long = Trial(BOTH, CHEMOTHERAPY, follow_up=40)
    short = replace(long, follow_up=14)
    late, early = run(long, 2048), run(short, 2048)
    end = short.last_day()
    assert np.array_equal(early.died, late.died & (late.survival <= end))
    assert np.array_equal(early.progressed, late.progressed & (late.pfs <= end))
    both = early.died
    assert np.any(both)
    np.testing.assert_allclose(early.survival[both], late.survival[both], rtol=1e-5)
    assert np.all(early.best_ratio >= late.best_ratio)


@pytest.mark.parametrize("share", [0.0, 0.5, 2 / 3, 1.0])
def test_arms_are_drawn_with_the_chance_asked_for(share):
    seen = run(Trial([], [], follow_up=1, experimental_share=share), 10_000)
    error = np.sqrt(share * (1 - share) / 10_000)
    assert abs(seen.experimental.mean() - share) <= 5 * error


def test_arms_differ_by_treatment_only():
    """Which arm a patient is in has nothing to do with who the patient is."""
    seen = run(Trial([], [], follow_up=6), 20_000)
    assert stats.ks_2samp(seen.cps[seen.experimental], seen.cps[~seen.experimental]).pvalue > 1e-3


@pytest.mark.parametrize("endpoint", ["pfs", "survival"])
def test_an_arm_against_itself(endpoint):
    """Hazard ratio 1, and p values as they must be: 5 % below 0.05 within binomial limits."""
    same = run(Trial(CHEMOTHERAPY, CHEMOTHERAPY, seed=3), 16_384)
    found = cox(*same.endpoint(endpoint), same.experimental)
    assert abs(np.log(found.hazard_ratio)) < 4 * found.log_standard_error
    ratios, p = repeat(same, 200, 1000, endpoint=endpoint)
    low, high = stats.binom.interval(0.999, 1000, 0.05)
    assert low <= np.sum(p < 0.05) <= high
    low, high = stats.binom.interval(0.999, 1000, 0.5)
    assert low <= np.sum(ratios < 1) <= high
    assert low <= np.sum(p < 0.5) <= high


def test_repeated_trials_have_more_power_the_more_patients(main):
    powers = [np.mean(repeat(main, number, 200)[1] < 0.05) for number in (30, 80, 200, 500)]
    assert powers == sorted(set(powers))
    assert powers[0] < 0.5
    assert powers[-1] > 0.95
    ratios, _ = repeat(main, 500, 200)
    whole = cox(*main.endpoint("pfs"), main.experimental)
    expected = whole.log_standard_error * np.sqrt(8192 / 500)
    assert np.log(ratios).std() == pytest.approx(expected, rel=0.15)
    assert np.log(ratios).mean() == pytest.approx(np.log(whole.hazard_ratio), abs=5 * expected / 14)


def test_repeated_trials_keep_the_split_between_the_arms(monkeypatch):
    seen = []

    def watched(time, event, arm):
        seen.append((arm.size, arm.sum()))
        return cox(time, event, arm)

    monkeypatch.setattr(virtual_trial, "cox", watched)
    split = run(Trial(BOTH, CHEMOTHERAPY, experimental_share=0.9), 2048)
    first, again, other = (repeat(split, 40, 20, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert set(seen) == {(40, round(40 * split.experimental.mean()))}
    tiny = run(Trial(BOTH, CHEMOTHERAPY, experimental_share=0.999), 4096)
    assert 0 < np.sum(~tiny.experimental) < 20
    assert repeat(tiny, 4, 10)[0].shape == (10,)  # at least one patient in each arm
