"""The lab "Design a trial": what it shows, what it must let a student find, and its large run."""

import asyncio
import math

import numpy as np
import pytest

from course_lib.labs import predictions, trial_frame, virtual_trial
from course_lib.labs.trial_numbers import (
    FOLLOWED,
    TARGET,
    TRIALS,
    asked,
    beside,
    design,
    population,
    run,
)
from course_lib.labs.virtual_trial import COUNTED, EARLY, LATE, SPEC, lab, shown, view
from course_lib.models import trial_design
from course_lib.models.survival import cox, kaplan_meier
from course_lib.models.trial_power import events_needed, power_of
from course_lib.models.virtual_trial import BLOCK, DAYS_PER_MONTH


def found(**settings):
    return run({**SPEC.defaults, **settings})


seen = SPEC.at


# ---- what it shows --------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{}, {"cps_from": 10, "patients": 61}, LATE])
def test_curves_numbers_at_risk_and_the_ratio_are_those_of_the_trial(settings):
    settings = {**SPEC.defaults, **settings}
    trial, drawn = run(settings).result, view(**settings)
    times, events = trial.endpoint(settings["endpoint"])
    assert times.size == settings["patients"]
    ratio = cox(times, events, trial.experimental)
    values = [reading.value for reading in drawn.readings[:3]]
    assert values == [ratio.hazard_ratio, ratio.low, ratio.high]
    for row, arm in enumerate((True, False)):
        own = trial.experimental == arm
        curve = kaplan_meier(times[own], events[own])
        line = drawn.series[row]
        here = np.isfinite(line.y)
        np.testing.assert_allclose(line.y[here], 100 * curve.at(line.x[here] * DAYS_PER_MONTH))
        assert line.x[here][-1] <= curve.follow_up[-1] / DAYS_PER_MONTH < line.x[here][-1] + 0.24
        at_risk = [int(text.replace(",", "")) for text in drawn.texts[1 - row].texts]
        assert at_risk == [(times[own] >= month * DAYS_PER_MONTH).sum() for month in COUNTED]


def test_a_curve_ends_before_the_last_few_take_it_down():
    """998 patients leave with their last scan, and the two who stayed die: the curve ends."""
    curve = kaplan_meier(np.array([100.0] * 998 + [200.0] * 2), np.arange(1000) >= 998)
    drawn = virtual_trial._drawn(curve)
    days = virtual_trial.WEEKS
    assert np.array_equal(np.isfinite(drawn), days <= 100)
    assert (drawn[days <= 100] == 1).all()


def test_the_table_ends_where_the_curves_end():
    """The last scan comes before the last day, and a look may end the trial earlier still."""
    months = {
        name: [row[0] for row in seen(**settings).table.rows]
        for name, settings in {
            "scans": {},
            "deaths": {"endpoint": "survival"},
            "look": EARLY,
        }.items()
    }
    assert months["scans"] == ["0", "6", "12", "18", "22.8"]
    assert months["deaths"] == ["0", "6", "12", "18", "24"]
    assert months["look"] == ["0", "5.52"]
    for settings in ({}, EARLY):
        drawn = seen(**settings)
        ends = [f"{line.y[np.isfinite(line.y)][-1]:.0f}" for line in drawn.series[:2]]
        assert list(drawn.table.rows[-1][1::2]) == ends


def test_the_sentence_tells_where_the_significant_trials_lie():
    """What an eye sees in the third plot: in a small trial only a lucky result crosses the line."""
    small, enough = found(), found(cps_from=10, patients=1000)
    assert small.shows() < small.asked.truth - 0.1
    assert enough.shows() == pytest.approx(enough.asked.truth, abs=0.01)
    assert f"those for the drug find {small.shows():.2f}." in seen().sentence


def test_bars_are_the_repeated_trials():
    drawn, many = seen(**EARLY), found(**EARLY).many
    bars = {series.name: series.y for series in drawn.series if series.panel == 2}
    assert bars["all trials"].sum() == pytest.approx(100)
    assert bars["significant"].sum() == pytest.approx(100 * many.power())
    assert bars["stopped early"].sum() == pytest.approx(100 * many.stopped.mean())
    assert np.all(bars["all trials"] >= bars["significant"])
    assert np.all(bars["significant"] >= bars["stopped early"])
    at = (many.hazard_ratio >= 0.6) & (many.hazard_ratio < 0.7)
    index = int(np.argmin(abs(virtual_trial.BARS - 0.6)))
    assert bars["all trials"][index] == pytest.approx(100 * at.mean())


def test_power_stands_on_the_curve_of_the_formula():
    """Where risks are proportional: progression, the right cut-off, no look."""
    for patients in (100, 300, 600):
        drawn = seen(cps_from=10, patients=patients)
        curve = next(series for series in drawn.series if series.name == "formula")
        counted = next(series for series in drawn.series if series.symbol)
        assert counted.x.tolist() == [patients]
        assert counted.y[0] == pytest.approx(np.interp(patients, curve.x, curve.y), abs=6)
        one = found(cps_from=10, patients=patients)
        expected = power_of(patients * one.asked.event_share, one.asked.truth)
        assert np.interp(patients, curve.x, curve.y) == pytest.approx(100 * expected, abs=0.5)


def test_what_is_needed_is_schoenfelds():
    one = found(cps_from=10)
    events, patients = one.needed()
    assert events == pytest.approx(events_needed(one.asked.truth, 0.8))
    assert patients == pytest.approx(events / one.asked.event_share)
    sentence = seen(cps_from=10).sentence
    assert f"asks for {math.ceil(events):,} events" in sentence
    assert f"about {one.screened(300):,.0f} must be screened" in sentence
    assert one.screened(300) == pytest.approx(300 / np.mean(population().patient.cps >= 10))
    assert "No size that could be enrolled" in seen(hazard_ratio=1).sentence


def test_the_truth_of_the_hypothetical_drug_is_what_was_stated():
    for stated in (0.4, 0.7, 1.0):
        truth = found(cps_from=10, hazard_ratio=stated).asked.truth
        assert truth == pytest.approx(stated, abs=0.01)


def test_repetitions_are_other_patients_and_a_larger_trial_keeps_its_first_ones():
    one, again, other = (found(repetition=number).result for number in (2, 2, 3))
    assert np.array_equal(one.pfs, again.pfs)
    assert not np.array_equal(one.pfs, other.pfs)
    small, large = (found(patients=number).result for number in (100, 400))
    for arm in (True, False):
        few = small.pfs[small.experimental == arm]
        assert np.array_equal(large.pfs[large.experimental == arm][: few.size], few)


def test_a_trial_that_its_look_stops_ends_on_that_day():
    stopped = found(**EARLY)
    assert stopped.stopped is not None
    assert stopped.result.pfs.max() <= stopped.stopped
    assert stopped.result.survival.max() == stopped.stopped
    assert f"stopped it on day {stopped.stopped:.0f}" in seen(**EARLY).sentence
    whole = found(**{**EARLY, "look": "none"})
    assert whole.stopped is None
    assert whole.result.survival.max() == pytest.approx(24 * DAYS_PER_MONTH)


def test_it_opens_as_the_registry_says():
    numbers = {"cps_from": 0, "patients": 300, "follow_up": 24, "hazard_ratio": 0.7}
    numbers |= {"works_from": 10, "crossover": 0, "repetition": 1}
    menus = {"look": "none", "drug": "hypothetical", "endpoint": "pfs"}
    assert SPEC.defaults == numbers | menus
    assert (FOLLOWED, TRIALS, TARGET, trial_frame.MANY) == (4096, 400, 80, 100_000)


def test_1000_patients_are_the_end_of_the_slider():
    assert SPEC.continuous
    assert SPEC.controls[1].quantity.high == 1000
    assert found(patients=1000).result.pfs.size == 1000


# ---- what it must let a student find, and that it is gone without its cause ----------------


def test_a_cut_off_too_low_dilutes_unless_the_drug_works_in_everybody():
    low, right = found(cps_from=0, hazard_ratio=0.6), found(cps_from=10, hazard_ratio=0.6)
    assert low.asked.truth > right.asked.truth + 0.15
    assert low.many.power() < right.many.power() - 0.3
    low, right = (found(cps_from=c, hazard_ratio=0.6, works_from=0) for c in (0, 10))
    assert low.asked.truth == pytest.approx(right.asked.truth, abs=0.01)


def test_a_cut_off_too_high_costs_patients_and_gains_nothing():
    right, high = found(cps_from=10), found(cps_from=25)
    assert high.asked.truth == pytest.approx(right.asked.truth, abs=0.02)
    assert high.screened(300) > 1.4 * right.screened(300)
    higher = found(cps_from=25, works_from=25)  # now 25 is right and 10 too low
    assert found(cps_from=10, works_from=25).asked.truth > higher.asked.truth + 0.05


def test_an_early_look_flatters_the_drug_and_an_honest_rule_flatters_it_rarely():
    many = found(**EARLY).many
    assert many.stopped.mean() > 0.2
    assert found(**EARLY).reported() < found(**EARLY).asked.truth - 0.08
    strict = found(**{**EARLY, "look": "obrien_fleming"}).many
    assert strict.stopped.mean() < many.stopped.mean() / 2
    large = found(**{**EARLY, "patients": 1000})  # with many events chance moves little
    assert large.reported() > found(**EARLY).reported() + 0.06


def test_without_an_effect_two_looks_alarm_more_often_than_one_or_than_the_honest_rule():
    nothing = {"hazard_ratio": 1, "endpoint": "survival"}
    alarms = {
        rule: found(look=rule, **nothing).many.power()
        for rule in ("none", "obrien_fleming", "every_look_05")
    }
    assert alarms["every_look_05"] > 0.07
    assert alarms["none"] < 0.07
    assert alarms["obrien_fleming"] < 0.07


def test_crossover_hides_the_gain_in_survival_but_not_in_progression():
    without, crossed = found(**LATE), found(**{**LATE, "crossover": 100})
    assert crossed.asked.truth > without.asked.truth + 0.15
    assert crossed.many.power() < without.many.power() - 0.5
    progress = {**LATE, "endpoint": "pfs"}
    assert found(**progress).asked.truth == found(**{**progress, "crossover": 100}).asked.truth
    useless = {**LATE, "hazard_ratio": 1}
    assert found(**useless).asked.truth == found(**{**useless, "crossover": 100}).asked.truth


def test_pembrolizumab_in_the_model_and_its_cut_off():
    some, all_ = (found(drug="combination", cps_from=cut).asked.truth for cut in (10, 0))
    assert 0.5 < some < 0.65
    assert all_ > some + 0.1


def test_the_explanation_says_what_the_lab_shows():
    text = SPEC.prediction.explanation()
    one = found(**EARLY)
    for number in (one.asked.truth, one.reported()):
        assert f"{number:.2f}" in text
    assert f"{100 * one.many.stopped.mean():.0f} %" in text
    assert "8.3 %" in SPEC.prediction.afterword()


def test_the_goal_needs_the_right_patients_and_refuses_tricks():
    good = dict(SPEC.goal.solutions[0])
    for trick in (
        {"hazard_ratio": 0.5},
        {"works_from": 5},
        {"drug": "combination"},
        {"look": "every_look_05"},
        {"patients": 600},
        {"cps_from": 3},
    ):
        settings = {**SPEC.defaults, **good, **trick}
        assert not SPEC.goal.reached(settings, view(**settings)), trick
    settings = {**SPEC.defaults, **good}
    assert SPEC.goal.reached(settings, view(**settings))


# ---- the large run -----------------------------------------------------------------------


class Counted:
    """Stands for ``stream``: gives blocks that cost nothing, and counts how many were asked for."""

    def __init__(self, monkeypatch):
        self.begun = 0
        monkeypatch.setattr(trial_frame, "stream", self)

    def __call__(self, wanted, patients, seed):
        self.asked = wanted, patients, seed
        known = asked(wanted, "pfs")
        for first in range(0, patients, BLOCK):
            self.begun += 1
            count = min(BLOCK, patients - first)
            rng = np.random.default_rng(first)
            yield trial_design.trial(known.experimental, known.control, count, 24, rng)


@pytest.fixture
def opened():
    predictions.write("virtual_trial", predict="true", why="even")
    opened = lab(cps_from=10)
    opened.widget  # noqa: B018  it is built when first looked at
    return opened


def test_the_large_run_follows_everybody_and_shows_the_result(opened, monkeypatch):
    blocks = Counted(monkeypatch)
    before = opened.view
    result = asyncio.run(opened.run_many(5000))
    assert blocks.asked == (design(**opened.settings), 5000, 1)
    assert blocks.begun == 5
    assert result.pfs.size == 5000
    ratio = cox(result.pfs, result.progressed, result.experimental)
    assert f"Done: 5,000 patients. Hazard ratio {ratio.hazard_ratio:.3f}" in opened._progress.value
    assert opened.view.text() == shown(beside(result, opened.settings), opened.settings).text()
    assert opened.view.sentence.startswith("5,000 patients")
    assert opened.access.sentence == opened.view.sentence
    assert opened.before is before
    assert (opened._many.disabled, opened._stop.disabled) == (False, True)


def test_the_run_goes_to_100000_and_tells_its_progress(opened, monkeypatch):
    blocks, told = Counted(monkeypatch), []
    opened.access.observe(lambda change: told.append(change["new"]), "announcement")
    asyncio.run(opened.run_many())
    assert blocks.asked[1] == 100_000
    assert blocks.begun == math.ceil(100_000 / BLOCK)
    progress = [text for text in told if " of 100,000 patients, " in text]
    assert [text.split(", ")[1].split()[0] for text in progress] == ["25", "50", "75"]
    assert all("Hazard ratio" in text for text in progress)
    assert told[-1].startswith("Done: 100,000 patients. Hazard ratio")


def test_stop_really_stops_the_work(opened, monkeypatch):
    blocks = Counted(monkeypatch)

    async def three_blocks():
        opened._many.click()
        assert opened.running
        assert (opened._many.disabled, opened._stop.disabled) == (True, False)
        while blocks.begun < 3:
            await asyncio.sleep(0)
        assert (opened._many.disabled, opened._stop.disabled) == (True, False)
        assert "progress" in opened._progress.value
        opened.start()  # a second run would share the buttons: there is none
        opened._stop.click()
        await asyncio.sleep(0.05)
        assert not opened.running
        return blocks.begun

    stopped_at = asyncio.run(three_blocks())
    assert stopped_at == blocks.begun == 3
    assert f"Stopped: {3 * BLOCK:,} patients. Hazard ratio" in opened._progress.value
    assert (opened._many.disabled, opened._stop.disabled) == (False, True)
    opened.stop()  # nothing runs: nothing happens


def test_stop_before_the_first_block(opened, monkeypatch):
    blocks = Counted(monkeypatch)

    async def at_once():
        opened.start()
        opened.stop()
        await asyncio.sleep(0.05)

    asyncio.run(at_once())
    assert blocks.begun == 0
    assert not opened.running
    assert (opened._many.disabled, opened._stop.disabled) == (False, True)


def test_sliders_answer_during_the_run_and_the_plot_stays_theirs(opened, monkeypatch):
    Counted(monkeypatch)

    async def moved():
        task = asyncio.ensure_future(opened.run_many(3 * BLOCK))
        await asyncio.sleep(0)
        opened.inputs["patients"].value = 500
        return await task

    result = asyncio.run(moved())
    assert result.pfs.size == 3 * BLOCK
    assert opened.settings["patients"] == 500
    assert opened.view.sentence.startswith("500 patients")
    assert "with the settings it began with" in opened._progress.value
    opened.reset()
    assert not opened._progress.value  # it would stand beside another trial
    assert opened.view.sentence.startswith("300 patients")


def test_moving_a_slider_after_the_run_keeps_it_as_before(opened, monkeypatch):
    Counted(monkeypatch)
    asyncio.run(opened.run_many(BLOCK))
    large = opened.view
    opened.inputs["patients"].value = 400
    assert opened.before is large
    assert opened.view.sentence.startswith("400 patients")


def test_a_real_block_of_new_patients_is_followed(opened):
    result = asyncio.run(opened.run_many(300))
    assert result.pfs.size == 300
    assert result.experimental.sum() == 150


def test_the_button_is_locked_until_a_prediction():
    fresh = lab()
    fresh.widget  # noqa: B018
    assert fresh._many.disabled
    fresh.questions.skip.click()
    assert not fresh._many.disabled
