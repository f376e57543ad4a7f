"""The first slider: eight times the volume is twice the diameter, and the lab says so."""

import numpy as np
import pytest

from course_lib.labs import start_here
from course_lib.labs.start_here import DAYS, SPEC, START, view

RANGE = SPEC.controls[0].quantity


@pytest.mark.parametrize("doubling_time", np.linspace(RANGE.low, RANGE.high, 25))
def test_it_shows_doublings_exactly_and_inside_its_axes(doubling_time):
    shown = view(doubling_time)
    volume, diameter = (series.y for series in shown.series)
    assert volume[-1] == pytest.approx(2 ** (DAYS / doubling_time), rel=1e-6)
    assert diameter[-1] == pytest.approx(START * 2 ** (DAYS / doubling_time / 3), rel=1e-6)
    for series, panel in zip(shown.series, SPEC.panels, strict=True):
        assert panel.y_range[0] <= series.y.min()
        assert series.y.max() <= panel.y_range[1]
        assert len(series.x) == len(series.y) <= 200


def test_three_doublings_double_the_diameter():
    shown = SPEC.at()
    assert [str(reading) for reading in shown.readings[1:]] == ["8.0 times", "40 mm"]
    assert "Its diameter grows from 20 to 40 mm" in shown.sentence


def test_the_table_holds_the_plotted_values():
    shown = view(100)
    assert shown.table.rows[0] == ("0", "1.0", "20.0")
    assert shown.table.rows[-1][0] == str(DAYS)
    assert float(shown.table.rows[-1][2]) == pytest.approx(shown.series[1].y[-1], abs=0.051)


def test_it_does_not_open_with_the_answer():
    opened = start_here.lab()
    assert opened.settings["doubling_time"] != SPEC.defaults["doubling_time"]
    assert str(opened.view.readings[2]) == "25 mm"
    assert not SPEC.goal.reached(SPEC.defaults, SPEC.at())


def test_the_goal_is_the_shortest_doubling_time_below_30_mm_and_a_few_days_more():
    # 20 mm * 2 ** (DAYS / T / 3) = 29.5 mm, which reads 30 mm, solved for T by hand.
    shortest = np.ceil(DAYS / (3 * np.log2(29.5 / START)))
    reached = [
        days
        for days in np.arange(RANGE.low, RANGE.high + 1)
        if SPEC.goal.reached({"doubling_time": days}, view(days))
    ]
    assert reached == list(np.arange(shortest, 189))
    assert 1 < len(reached) <= 5


@pytest.mark.parametrize("predicted", ["eight", "three", "twice"])
@pytest.mark.parametrize("observed", ["both", "volume_more", "none"])
def test_the_explanation_fits_every_answer(predicted, observed):
    text = SPEC.prediction.explain({"predict": predicted, "why": "sum", "observe": observed})
    assert ("That is what the model shows" in text) == (predicted == "twice")
    assert ("That is what you saw" in text) == (observed == "volume_more")
    assert "only doubles, to 40 mm" in text
