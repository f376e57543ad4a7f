"""The trial lab's view: sound at every corner, and what it must show."""

import itertools

import numpy as np
import pytest

from course_lib.labs.two_arms import COUNTED, SPEC, TABLE_MONTHS, trial, view
from course_lib.models.survival import cox, kaplan_meier, log_rank
from course_lib.models.virtual_trial import DAYS_PER_MONTH, run

CONTROLS = {c.name: c.quantity for c in SPEC.controls}


shown = SPEC.at


CORNERS = list(itertools.product(*[(q.low, q.high) for q in CONTROLS.values()]))


@pytest.mark.parametrize("corner", CORNERS)
def test_every_corner_is_sound(corner):
    found = view(**dict(zip(CONTROLS, corner, strict=True)))
    for series in found.series:
        drawn = series.y[np.isfinite(series.y)]
        assert len(series.x) == len(series.y) <= 200
        assert drawn[0] == 100
        assert np.all(np.diff(drawn) <= 0)
        assert np.all((drawn >= 0) & (drawn <= 100))
    for texts in found.texts:
        numbers = [int(text) for text in texts.texts]
        assert numbers == sorted(numbers, reverse=True)
    assert "nan" not in (found.sentence + found.alt + found.table.html()).lower()


def test_numbers_at_risk_and_hazard_ratios_are_those_of_the_trial():
    found = shown(cps_from=10)
    outcome = run(trial(10, 1, 1), 300)
    ratio = cox(outcome.pfs, outcome.progressed, outcome.experimental)
    assert found.readings[0].value == ratio.hazard_ratio
    assert found.readings[1].value == ratio.high
    for texts, arm in zip(found.texts, (False, True), strict=True):
        times = outcome.pfs[outcome.experimental == arm]
        by_hand = [str((times >= month * DAYS_PER_MONTH).sum()) for month in COUNTED]
        assert list(texts.texts) == by_hand
    assert int(found.texts[0].texts[0]) + int(found.texts[1].texts[0]) == 300


def test_curves_are_kaplan_meier_curves():
    outcome = run(trial(0, 1, 1), 300)
    for series, (endpoint, arm) in zip(
        shown().series, itertools.product(("pfs", "survival"), (True, False)), strict=True
    ):
        times, events = outcome.endpoint(endpoint)
        own = outcome.experimental == arm
        curve = kaplan_meier(times[own], events[own])
        here = np.isfinite(series.y)
        expected = [
            np.prod(
                [
                    1 - (times[own] == t)[events[own] == 1].sum() / (times[own] >= t).sum()
                    for t in np.unique(times[own][events[own] == 1])
                    if t <= day
                ]
            )
            for day in series.x[here] * DAYS_PER_MONTH + 1e-9
        ]
        assert np.allclose(series.y[here], 100 * np.array(expected))
        assert curve.follow_up[-1] + 1e-9 >= series.x[here][-1] * DAYS_PER_MONTH


def test_a_higher_cut_off_and_hotter_tumours_lower_the_hazard_ratio():
    def ratio(**settings):
        return shown(patients=1000, **settings).readings[0].value

    assert ratio(cps_from=20) < ratio(cps_from=0)
    assert ratio(infiltration=3) < ratio(infiltration=1) < ratio(infiltration=0.1)


def test_without_t_cells_the_drug_does_nothing():
    outcome = run(trial(0, 0.1, 3), 1000)
    _, p = log_rank(outcome.pfs, outcome.progressed, outcome.experimental)
    assert p > 0.001


def test_another_repetition_is_another_trial_of_the_same_design():
    ratios = [shown(repetition=n).readings[0].value for n in range(1, 13)]
    assert len(set(ratios)) == 12
    assert min(ratios) < 0.75 < max(ratios)


def test_more_patients_narrow_the_interval():
    small, large = (run(trial(0, 1, 1), n) for n in (100, 1000))
    widths = [
        np.log(r.high / r.low)
        for r in (cox(o.pfs, o.progressed, o.experimental) for o in (small, large))
    ]
    assert widths[1] < widths[0] / 2


def test_the_sentence_judges_the_interval():
    for repetition in range(1, 11):
        found = shown(patients=100, repetition=repetition)
        of_pfs, of_survival = found.sentence.split("For death")
        outcome = run(trial(0, 1, repetition), 100)
        for endpoint, words in (("pfs", of_pfs), ("survival", of_survival)):
            ratio = cox(*outcome.endpoint(endpoint), outcome.experimental)
            assert f"{ratio.hazard_ratio:.2f} (" in words
            assert ("includes 1" in words) == (ratio.low <= 1 <= ratio.high)
            assert ("a benefit" in words) == (ratio.high < 1)


def test_a_limit_near_to_1_shows_on_which_side_it_lies():
    assert "0.58 to 0.996): below 1" in shown(cps_from=1).sentence
    assert "0.58 to 1.001): the interval includes 1" in shown(cps_from=50).sentence


def test_the_table_holds_the_months_it_names():
    table = shown().table
    assert [row[0] for row in table.rows] == [str(month) for month in TABLE_MONTHS]
    assert table.rows[0][1:5] == ("100",) * 4


@pytest.mark.parametrize("choice", ["weaker", "same", "stronger"])
@pytest.mark.parametrize("seen", ["apart", "same", "together"])
def test_the_explanation_refers_to_the_prediction(choice, seen):
    text = SPEC.prediction.explain({"predict": choice, "why": "brake", "observe": seen})
    assert SPEC.prediction.predict.words(choice) in text
    assert ("That is what the model shows" in text) == (choice == "stronger")


def test_the_explanation_is_true_of_the_model():
    everybody, selected = (shown(cps_from=cps, patients=1000).readings[0] for cps in (0, 10))
    text = SPEC.prediction.explain({"observe": "apart"})
    assert f"{everybody} in everybody, and {selected} in patients" in text
    assert selected.value < everybody.value
