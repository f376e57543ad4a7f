"""Years of silent growth: the closed form, the sentence, and what the plot shows."""

import re
from math import log2, pi

import numpy as np
import pytest

from course_lib.labs import silent_growth
from course_lib.labs.silent_growth import SPEC, view
from every_lab import anywhere, corners

pytestmark = pytest.mark.filterwarnings("error")
CONTROLS = {c.name: c for c in SPEC.controls}
STARTS = ("cell", "1mm", "2mm")
PER_MM3 = 2.06e5


def worked_out(doubling_time, start, found):
    """Doublings and years, by hand."""
    first = {"cell": (6 / (pi * PER_MM3)) ** (1 / 3), "1mm": 1, "2mm": 2}[start]
    doublings = 3 * log2(found / first)
    return doublings, doublings * doubling_time / 365.25


def is_sound_and_true(settings):
    shown = view(**settings)
    doublings, years = worked_out(**settings)
    assert shown.readings[0].value == pytest.approx(years, rel=1e-9)
    assert shown.readings[1].value == pytest.approx(doublings, rel=1e-9)
    cells = PER_MM3 * pi / 6 * settings["found"] ** 3 / 1e6
    assert shown.readings[2].value == pytest.approx(cells, rel=1e-9)
    assert shown.readings[3].value == pytest.approx(100 * (doublings - 3) / doublings)
    said = re.search(
        r"to (\d+) mm a tumour doubles its volume ([\d.]+) times. At one doubling in (\d+) days, "
        r"that is ([\d.]+) years",
        shown.sentence,
    )
    expected = (settings["found"], doublings, settings["doubling_time"], years)
    for text, value in zip(said.groups(), expected, strict=True):
        assert float(text) == pytest.approx(value, abs=0.051 if "." in text else 0.51)
    assert f"silent: {years:.1f} years" == shown.texts[0].texts[0]
    for series in shown.series:
        panel = SPEC.panels[series.panel]
        assert series.x.shape == series.y.shape
        assert np.all((series.x >= 0) & (series.x <= SPEC.x_range[1]))
        assert np.all((series.y >= panel.y_range[0]) & (series.y <= panel.y_range[1]))
    growth = shown.series[0]
    assert growth.y[-1] == pytest.approx(settings["found"], rel=1e-9)
    assert np.diff(np.log(growth.y)) == pytest.approx(doublings * np.log(2) / 3 / 80, rel=1e-6)
    return shown


def test_it_is_sound_and_its_sentence_true_at_corners_and_random_settings():
    for settings in [*corners(SPEC), *anywhere(SPEC)]:
        is_sound_and_true(settings)


opened = SPEC.at


def test_the_controls_are_what_these_tests_try():
    assert list(CONTROLS) == ["doubling_time", "start", "found"]
    assert tuple(dict(CONTROLS["start"].options)) == STARTS
    ranges = [
        (CONTROLS[n].quantity.low, CONTROLS[n].quantity.high) for n in ("doubling_time", "found")
    ]
    assert ranges == [(40, 400), (5, 50)]
    assert SPEC.defaults == {"doubling_time": 103, "start": "cell", "found": 20}


@pytest.mark.parametrize(
    ("number", "days", "years"), [(0, 103, 8.4), (1, 162, 13.2), (2, 241, 19.6)]
)
def test_the_presets_are_the_three_subtypes(number, days, years):
    preset = SPEC.presets[number]
    assert preset.settings == {"doubling_time": days}
    assert f"{days} days" in preset.name
    assert f"that is {years} years" in opened(**preset.settings).sentence


def years(**settings):
    return opened(**settings).readings[0].value


def test_the_direction_of_each_control_over_its_range():
    assert np.all(np.diff([years(doubling_time=d) for d in np.linspace(40, 400, 25)]) > 0)
    assert np.all(np.diff([years(found=d) for d in np.linspace(5, 50, 25)]) > 0)
    assert np.all(np.diff([years(start=start) for start in STARTS]) < 0)


def test_more_than_half_of_the_time_lies_before_1_mm_at_every_doubling_time():
    for days in (40, 103, 400):
        share = 1 - years(start="1mm", doubling_time=days) / years(doubling_time=days)
        assert share == pytest.approx(0.563, abs=0.001)


def test_the_table_holds_the_plotted_values():
    shown = opened()
    assert shown.table.rows[0] == ("0 %", "0.0", "0.021")
    assert shown.table.rows[-1] == ("100 %", "8.4", "20")
    assert float(shown.table.rows[5][2]) == pytest.approx(shown.series[0].y[40], rel=0.005)


@pytest.mark.parametrize(
    "settings", [{}, {"doubling_time": 40}, {"start": "1mm"}, {"start": "2mm", "doubling_time": 40}]
)
def test_the_goal_is_not_reached_by_doing_nothing_or_half(settings):
    settings = {**SPEC.defaults, **settings}
    assert not SPEC.goal.reached(settings, view(**settings))


@pytest.mark.parametrize("predicted", ["little", "half", "most"])
@pytest.mark.parametrize("observed", ["little", "half", "most"])
def test_the_explanation_fits_every_answer_with_the_labs_numbers(predicted, observed):
    text = SPEC.prediction.explain({"predict": predicted, "why": "even", "observe": observed})
    assert ("That is what the model shows" in text) == (predicted == "half")
    assert ("That is what you saw" in text) == (observed == "half")
    assert "29.7 times; from 1 mm only 13.0 times. So 56 % of the 8.4 years" in text


def test_it_opens_before_the_answer():
    settings = silent_growth.lab().settings
    assert not SPEC.prediction.tried(settings)
    assert SPEC.prediction.tried({**settings, "start": "1mm"})
