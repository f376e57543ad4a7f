"""Two plots of one cohort: both show what the rules said, and each leaves out what it should."""

import re

import numpy as np
import pytest

from course_lib.labs import cohort_responses as lab
from course_lib.labs.cohort_responses import HIGHEST, SPEC, together
from course_lib.models.response_cohort import PATIENTS, SCANS, WEEKS, cohort, shrinks_later

pytestmark = pytest.mark.filterwarnings("error")
BARS, LOW, CONFIRMED, AGAIN, BACK = range(5)
ALL, ONE, TIP = 0, 1, 2  # series of the waterfall plot
SPIDER, LINE = 5, 6
GOING_ON = {"rules": "irecist"}


shown = SPEC.at


def everybody(**settings):
    chosen = {**SPEC.defaults, **settings}
    chosen.pop("patient")
    return together(**chosen).patients


def counts(**settings):
    return [reading.value for reading in shown(**settings).readings]


def test_the_controls_and_readings_are_what_these_tests_try():
    assert SPEC.defaults == {
        "patient": 1,
        "rules": "recist",
        "swelling": 20,
        "therapy": "combination",
        "new_lesions": 5,
        "no_second_scan": 10,
    }
    assert [reading.label for reading in shown().readings] == [
        "Patients with a bar",
        "Bars at −30 % or lower",
        "Confirmed responses by RECIST 1.1",
        "Progressions that were scanned again",
        "Of these, taken back later",
    ]


@pytest.mark.parametrize("settings", [{}, GOING_ON, {"therapy": "pembrolizumab"}])
def test_bars_fall_from_left_to_right_and_show_the_best_change(settings):
    heights = shown(**settings).series[ALL].y.reshape(PATIENTS, 4)
    patients = everybody(**settings)
    best = [each.best(settings.get("rules", "recist")) for each in patients]
    np.testing.assert_array_equal(heights[:, 1], np.minimum(best, HIGHEST))
    np.testing.assert_array_equal(heights[:, 1], heights[:, 2])
    drawn = heights[np.isfinite(heights[:, 1])]
    assert (drawn[:, [0, 3]] == 0).all()
    assert (np.diff(drawn[:, 1]) <= 0).all()
    assert np.isnan(heights[len(drawn) :]).all()
    assert len(drawn) == sum(each.scanned for each in patients) == 22


def test_a_higher_bar_is_cut(monkeypatch):
    assert HIGHEST == 100 < SPEC.panels[0].y_range[1]
    assert shown().series[ALL].y.max(initial=0, where=lab.PLACES.repeat(4) < 20) > 30
    monkeypatch.setattr(lab, "HIGHEST", 30.0)
    assert np.nanmax(shown().series[ALL].y) == 30
    assert shown().series[TIP].y.tolist() == [30]


@pytest.mark.parametrize("place", [1, 2, 13, 22])
@pytest.mark.parametrize("rules", ["recist", "irecist"])
def test_the_patient_drawn_thick_is_the_same_in_both_plots(place, rules):
    found = shown(patient=place, rules=rules)
    one = everybody(rules=rules)[place - 1]
    np.testing.assert_array_equal(found.series[LINE].y, one.changes(rules))
    lines = found.series[SPIDER].y.reshape(PATIENTS, SCANS + 2)
    np.testing.assert_array_equal(lines[place - 1, :-1], one.changes(rules))
    assert np.isnan(lines[:, -1]).all()
    assert found.series[TIP].x.tolist() == [place]
    assert found.series[TIP].y[0] == found.series[ONE].y[1] == one.best(rules)
    for text, calls in zip(found.texts, (one.rules.overall, one.immune.responses), strict=True):
        told = [call for call in text.texts if call != "·"]
        assert told == list(calls[1 : one.last(rules) + 1])
    assert f"Patient {place} from the left" in found.sentence


def test_who_has_no_second_scan_has_no_bar_and_no_line():
    found = shown(patient=24)
    assert "has no bar" in found.sentence
    assert np.isnan(found.series[ONE].y).all()
    assert np.isnan(found.series[LINE].y[1:]).all()
    assert counts(no_second_scan=0)[BARS] == 24
    assert counts(no_second_scan=40)[BARS] == 14


# ---- what the plots show, and what they leave out ------------------------------------------


def test_going_on_turns_round_only_bars_of_lesions_that_swelled():
    def moved(swelling):
        pairs = (
            (each.best("recist"), each.best("irecist"))
            for each in cohort("combination", swelling)
            if each.scanned
        )
        return [(before, after) for before, after in pairs if before != after]

    assert len(moved(20)) >= 2
    assert any(before > 20 and after < 0 for before, after in moved(20))
    assert len(moved(0)) == 0
    assert counts(**GOING_ON)[BACK] >= 1
    assert counts(**GOING_ON, swelling=0)[BACK] == 0


def test_who_stops_at_the_first_progression_never_learns_what_followed():
    assert counts()[AGAIN:] == [0, 0]
    patients = everybody(**GOING_ON)
    again = [shrinks_later(each) for each in patients]
    assert counts(**GOING_ON)[AGAIN:] == [
        sum(each is not None for each in again),
        sum(each is True for each in again),
    ]


def test_bars_hide_responses_that_were_not_confirmed():
    assert counts()[LOW:AGAIN] == [10, 9]
    assert counts(new_lesions=0)[LOW:AGAIN] == [10, 10]


def test_bars_alike_hide_times_that_differ():
    """Two bars within 2 points of each other, of which one response lasts twice as long."""
    patients = [each for each in everybody() if each.response("recist")]
    spans = [
        (each.best("recist"), np.diff(WEEKS[list(each.response("recist"))])[0]) for each in patients
    ]
    assert any(
        abs(one[0] - other[0]) < 2 and one[1] >= 2 * other[1] > 0
        for one in spans
        for other in spans
    )


def test_pembrolizumab_alone_shrinks_fewer():
    assert counts(therapy="pembrolizumab")[LOW] < counts()[LOW]


def test_the_goal_is_a_deep_bar_of_a_short_response():
    reached = [
        place
        for place in range(1, PATIENTS + 1)
        if SPEC.goal.reached({**SPEC.defaults, "patient": place}, None)
    ]
    assert reached == [13]
    one = everybody()[12]
    assert one.best("recist") == pytest.approx(-38.5, abs=1)
    assert one.response("recist") == (1, 2)
    for place in range(1, PATIENTS + 1):  # and without new lesions nobody has one
        settings = {**SPEC.defaults, "patient": place, "new_lesions": 0}
        assert not SPEC.goal.reached(settings, None)


# ---- words ------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{}, GOING_ON, {"swelling": 60, **GOING_ON}])
def test_the_sentence_tells_the_readings(settings):
    said = re.search(
        r"Of 24 patients, (\d+) have a bar; without a scan after the baseline: (\d+)\. "
        r"Bars that reach −30 %: (\d+)\. Confirmed responses: (\d+)\.",
        shown(**settings).sentence,
    ).groups()
    found = counts(**settings)
    assert [int(each) for each in said] == [found[BARS], 24 - found[BARS], *found[LOW:AGAIN]]
    again = f"scanned again: {found[AGAIN]:.0f}, of which taken back: {found[BACK]:.0f}."
    assert (again in shown(**settings).sentence) == (found[AGAIN] > 0)


def test_the_sentence_tells_what_else_an_eye_sees_in_the_two_plots():
    """Which plot new lesions change, and how many bars the scans after a progression change."""
    assert "Lines that end before week 48: 11." in shown().sentence
    assert "Lines that end before week 48: 14." in shown(new_lesions=15).sentence
    lines = shown().series[SPIDER].y.reshape(PATIENTS, -1)
    early = [line for line in lines if np.isfinite(line[0]) and np.isnan(line[len(WEEKS) - 1])]
    assert sum(np.isfinite(line[1]) for line in early) == 11
    assert "Bars that these scans changed: 2." in shown(**GOING_ON).sentence
    assert "Bars that these scans changed: 0." in shown(**GOING_ON, swelling=0).sentence
    assert "changed" not in shown().sentence


def test_a_progression_with_two_reasons_is_told_with_both():
    assert "in week 8, by growth of the sum and a new lesion." in shown().sentence
    assert "in week 16, by a new lesion." in shown(patient=13).sentence
    assert "by growth of the sum." in shown(patient=3).sentence


def test_the_table_has_a_row_for_each_patient_in_the_order_of_the_bars():
    table = shown(**GOING_ON).table
    assert [row[0] for row in table.rows] == [str(n) for n in range(1, 25)]
    for row, one in zip(table.rows, everybody(**GOING_ON), strict=True):
        if one.scanned:
            assert row[2].count("%") == one.last("irecist")
            assert row[3].split(", ")[-1] == one.immune.responses[one.last("irecist")]
        else:
            assert row[1] == row[2] == "no scan"


def test_the_explanation_is_true_of_the_model():
    told = SPEC.prediction.explain({"observe": "few"})
    found = counts(**GOING_ON)
    assert f"Of {found[AGAIN]:.0f} progressions that were scanned again" in told
    assert f"taken back is {found[BACK]:.0f}" in told
    assert "Of 22 bars 2 changed, one of them from +21 % to −14 %" in told
    assert "the number of bars that change is 0" in told
    assert "15 of 100" in told


def test_patients_can_be_gone_through_without_changing_anything_else():
    """Stepping with the arrow keys redraws only who is drawn thick."""
    first, second = shown(patient=4), shown(patient=5)
    assert [r.value for r in first.readings] == [r.value for r in second.readings]
    np.testing.assert_array_equal(first.series[ALL].y, second.series[ALL].y)
    assert first.sentence != second.sentence


@pytest.mark.parametrize("settings", [{}, GOING_ON, {"swelling": 0}, {"therapy": "pembrolizumab"}])
def test_the_words_for_the_plots_are_counted_in_the_drawing(settings):
    seen = shown(**settings)
    heights = seen.series[ALL].y.reshape(PATIENTS, 4)[:, 1]
    bars = heights[np.isfinite(heights)]
    lines = seen.series[SPIDER].y.reshape(PATIENTS, -1)
    ends = [line[np.isfinite(line)][-1] for line in lines if np.isfinite(line[1:]).any()]
    said = re.search(
        r"(\d+) bars, from \+(\d+) % to −(\d+) %.*"
        r"end at −30 % or lower: (\d+); at \+20 % or higher: (\d+)\.",
        seen.alt,
    )
    responses, growth = np.sum(np.array(ends) <= -30), np.sum(np.array(ends) >= 20)
    found = [bars.size, round(bars.max()), round(-bars.min()), responses, growth]
    assert [int(number) for number in said.groups()] == found
