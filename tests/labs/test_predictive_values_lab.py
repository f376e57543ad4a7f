"""The Bayes bench: what a student can find, and when it is not there."""

import re

import numpy as np
import pytest

from course_lib.labs.predictive_values import SPEC, view
from every_lab import anywhere

pytestmark = pytest.mark.filterwarnings("error")
PPV, NPV, TRUE, FALSE, MISSED, FOUND = range(6)
LABELS = [
    "Of the positive results are right",
    "Of the negative results are right",
    "Right alarms, of 1,000 people",
    "False alarms, of 1,000 people",
    "Relapses missed, of 1,000 people",
    "Of the relapses are found",
]


opened = SPEC.at


def read(which, **settings):
    return opened(**settings).readings[which].value


def test_the_controls_and_readings_are_what_these_tests_try():
    assert SPEC.defaults == {
        "prevalence": 20,
        "sensitivity": 88,
        "specificity": 95,
        "rule": "one",
        "alike": 0,
    }
    assert [reading.label for reading in opened().readings] == LABELS


def test_the_opening_worked_out_by_hand():
    values = [reading.value for reading in opened().readings]
    expected = [100 * 176 / 216, 100 * 760 / 784, 176, 40, 24, 88]
    assert values == pytest.approx(expected)
    assert opened().sentence == (
        "Of 1,000 people, 200 relapse: the test is positive in 176 of them, and negative in 24. Of "
        "the 800 others, 40 have a false alarm. So about 81 of 100 positive results are right, and "
        "97 of 100 negative ones."
    )


@pytest.mark.parametrize(
    ("prevalence", "specificity", "ppv", "npv"),
    [
        (5, 95, 48.1, 99.3),
        (10, 95, 66.2, 98.6),
        (20, 95, 81.5, 96.9),
        (40, 95, 92.1, 92.2),
        (5, 99, 82.2, 99.4),
        (40, 99, 98.3, 92.5),
    ],
)
def test_the_rows_of_the_table_of_predictive_values(prevalence, specificity, ppv, npv):
    shown = opened(prevalence=prevalence, specificity=specificity)
    assert shown.readings[PPV].value == pytest.approx(ppv, abs=0.05)
    assert shown.readings[NPV].value == pytest.approx(npv, abs=0.05)
    row = next(row for row in shown.table.rows if row[0] == str(prevalence))
    assert [float(cell) for cell in row[1:3]] == [ppv, npv]


def test_every_mark_stands_for_five_people_of_one_group():
    for settings in [SPEC.defaults, *anywhere(SPEC)]:
        shown = view(**settings)
        drawn = np.array([np.isfinite(each.y) for each in shown.series[:4]])
        assert np.all(drawn.sum(axis=0) == 1)  # each of the 200 marks belongs to one group
        readings = [reading.value for reading in shown.readings]
        counts = np.array([readings[TRUE], readings[MISSED], readings[FALSE]])
        assert np.all(np.abs(5 * drawn.sum(axis=1)[:3] - counts) <= 5)
        told = re.findall(r"(?:positive|negative), (\d+)", shown.alt.partition("The marks")[2])
        assert len(told) == 4
        assert abs(sum(map(int, told)) - 1000) <= 2
        ill, true, missed, others, false = map(
            int, re.findall(r"\d+", shown.sentence.replace("1,000", ""))[:5]
        )
        assert ill == true + missed
        assert ill + others == 1000
        assert ill == pytest.approx(10 * settings["prevalence"])
        assert false == pytest.approx(readings[FALSE], abs=0.5)


def test_marks_stand_eight_in_a_column_of_forty_people():
    x, y = opened().series[0].x, sum(np.nan_to_num(each.y) for each in opened().series[:4])
    assert x.size == 200
    assert sorted(set(x)) == [40 * column + 20 for column in range(25)]
    assert sorted(y[:8]) == list(range(1, 9))


# ---- findings, each with the term that makes it ------------------------------------------------


def test_the_same_test_means_less_where_few_relapse():
    values = [read(PPV, prevalence=each) for each in (40, 20, 10, 5, 1)]
    assert np.all(np.diff(values) < 0)
    assert values[-1] < 20
    # Without false alarms the share who relapse no longer matters.
    assert {read(PPV, prevalence=each, specificity=100) for each in (40, 5, 1)} == {100}


def test_where_few_relapse_specificity_counts_and_sensitivity_hardly_does():
    rare = {"prevalence": 5}
    assert read(PPV, **rare, specificity=99) > read(PPV, **rare) + 30
    assert read(PPV, **rare, sensitivity=100) < read(PPV, **rare) + 4


def test_a_negative_result_says_little_more_than_the_prevalence_where_few_relapse():
    gain = read(NPV, prevalence=5) - 95
    assert gain < 5
    assert read(NPV, prevalence=40) - 60 > 30


def test_asking_for_two_positive_tests_helps_only_if_they_err_in_different_people():
    rare = {"prevalence": 5}
    assert read(PPV, **rare, rule="both") > 90 > read(PPV, **rare) + 40
    assert read(FOUND, **rare, rule="both") < 80
    alike = {**rare, "rule": "both", "alike": 100}
    assert read(PPV, **alike) == pytest.approx(read(PPV, **rare))
    assert read(FOUND, **alike) == pytest.approx(read(FOUND, **rare))
    assert read(FALSE, **rare, rule="either") > 1.9 * read(FALSE, **rare)


# ---- direction of the controls, goal, presets, prediction ------------------------------------


@pytest.mark.parametrize(
    ("name", "signs"),
    [
        ("prevalence", {PPV: 1, NPV: -1, TRUE: 1, FALSE: -1, MISSED: 1, FOUND: 0}),
        ("sensitivity", {PPV: 1, NPV: 1, TRUE: 1, FALSE: 0, MISSED: -1, FOUND: 1}),
        ("specificity", {PPV: 1, NPV: 1, TRUE: 0, FALSE: -1, MISSED: 0, FOUND: 0}),
    ],
)
def test_direction_of_each_slider(name, signs):
    quantity = next(c for c in SPEC.controls if c.name == name).quantity
    values = np.linspace(quantity.low, quantity.high, 12)
    for which, sign in signs.items():
        steps = np.diff([read(which, **{name: each}) for each in values])
        assert np.all(np.sign(np.round(steps, 9)) == sign), LABELS[which]


def test_direction_of_the_share_that_errs_alike():
    for rule, sign in (("both", -1), ("either", 1), ("one", 0)):
        steps = np.diff([read(PPV, rule=rule, alike=each) for each in range(0, 101, 10)])
        assert np.all(np.sign(np.round(steps, 9)) == sign)


@pytest.mark.parametrize(
    "settings",
    [
        {"prevalence": 10},
        {"prevalence": 40, "specificity": 99},  # another group
        {"prevalence": 5, "rule": "both"},  # misses too many
        {"prevalence": 5, "sensitivity": 92, "rule": "both", "alike": 50},
    ],
)
def test_the_goal_is_not_reached_otherwise(settings):
    settings = {**SPEC.defaults, **settings}
    assert not SPEC.goal.reached(settings, view(**settings))


def test_the_presets_tell_their_beats():
    few, many, late, both, alike = (opened(**preset.settings) for preset in SPEC.presets)
    ppv = [shown.readings[PPV].value for shown in (few, many, late, both, alike)]
    assert ppv[0] < 50 < 90 < ppv[1]
    assert 70 < ppv[2] < 80
    assert ppv[3] > 90
    assert ppv[4] == pytest.approx(ppv[0])
    assert SPEC.presets[2].settings == {
        "prevalence": 8.5,
        "sensitivity": 85.7,
        "specificity": 97.4,
    }


def test_the_numbers_of_the_prediction_are_those_of_the_model():
    assert "50 relapse" in SPEC.prediction.predict.text
    assert 47 < read(PPV, prevalence=5) < 50  # about 50
    text = SPEC.prediction.explain({"observe": "half"})
    assert "50 relapse, and the test finds 44 of them" in text
    assert "48 false alarms. So about 48 of 100 positive results are right" in text
    assert "it was 81 of 100" in text
    assert "right in 99 of 100" in text
    assert SPEC.prediction.tried({**SPEC.defaults, "prevalence": 5})


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"specificity": 100}, "about 100 of 100 positive"),
        ({"sensitivity": 100}, "and 100 of 100 negative"),
        ({"prevalence": 1}, "and more than 99 of 100 negative"),
    ],
)
def test_hundred_of_hundred_is_said_only_if_it_is_true(settings, words):
    assert words in opened(**settings).sentence
