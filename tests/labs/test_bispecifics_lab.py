"""The bell curve's lab: any setting is sound, its sentence is true, its goal can be reached."""

import re

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from course_lib.labs import bispecifics
from course_lib.labs.bispecifics import SPEC, view
from course_lib.models.bispecifics import ternary
from every_lab import anywhere, corners

SLIDERS = {c.name: c.quantity for c in SPEC.controls}
PRESETS = {each.name: each.settings for each in SPEC.presets}
NAMES = ["bridges", "most", "your setting", "target", "receptor"]


def is_sound(settings):
    shown = view(**settings)
    assert [series.name for series in shown.series] == NAMES
    for series in shown.series:
        panel = SPEC.panels[series.panel]
        assert np.all((series.y >= 0) & (series.y <= 100 + 1e-6))
        assert np.all(series.x >= 0.999 * panel.x_range[0])
        assert np.all(series.x <= 1.001 * panel.x_range[1])
    check_the_sentence(shown.sentence, settings)
    return shown


def bridges(settings, antibody):
    now = ternary(**{**settings, "antibody": antibody}).bridges
    return 100 * now / min(settings["target"], settings["effector"])


def number(words):
    return float(words.replace(",", ""))


def check_the_sentence(sentence, settings):
    """Each claim from the model: the numbers, the place of the top, and what more would do."""
    dose = settings["antibody"]
    found = re.match(
        r"With ([\d.,e-]+) nM of antibody, (fewer than 1|[\d.]+) of 100 possible bridges form\. "
        r"The best concentration is ([\d.,e-]+) nM: it builds (fewer than 1|[\d.]+)\. (.*)$",
        sentence,
    )
    assert found, sentence
    assert number(found[1]) == pytest.approx(dose, rel=0.006)
    top = number(found[3])
    around = top * np.array([0.01, 0.3, 0.9, 1.1, 3, 100])
    here, there, more, *others = bridges(settings, np.array([dose, top, 1.02 * dose, *around]))
    for words, value in ((found[2], here), (found[4], there)):
        if words == "fewer than 1":
            assert value < 1.001
        else:
            assert float(words) == pytest.approx(value, abs=0.051)
    # No place near or far builds more than the one that is named.
    assert max(others) <= there * (1 + 1e-4)
    more -= here
    if "You are within" in found[5]:
        assert abs(dose / top - 1) <= 0.106
    elif "more antibody builds more" in found[5]:
        assert "You are below it" in found[5]
        assert more > 0
    else:
        assert found[5] == "You are above it: more antibody builds fewer bridges."
        assert more < 0


def test_what_it_shows_is_sound_at_corners_and_random_settings():
    for settings in [*corners(SPEC), *anywhere(SPEC)]:
        is_sound(settings)


def readings(**settings):
    return [reading.value for reading in SPEC.at(**settings).readings]


def ladder(name):
    return np.geomspace(SLIDERS[name].low, SLIDERS[name].high, 40)


def test_antibody_raises_the_bridges_and_then_lowers_them():
    doses = ladder("antibody")
    built = np.array([readings(antibody=dose)[0] for dose in doses])
    top = readings()[1]
    assert np.all(np.diff(built[doses < top]) > 0)
    assert np.all(np.diff(built[doses > top]) < 0)


# Which way the best concentration and the height there (of 100 possible) go.
@pytest.mark.parametrize(
    ("name", "position", "height"),
    [("kd_target", 1, -1), ("kd_effector", 1, -1), ("cooperativity", 0, 1)],
)
def test_direction_of_the_grips_and_of_cooperativity(name, position, height):
    told = np.array([readings(**{name: x})[1:3] for x in ladder(name)]).T
    for values, sign in zip(told, (position, height), strict=True):
        assert np.all(np.diff(values) * sign > 0) if sign else np.ptp(values) == 0


@pytest.mark.parametrize("name", ["target", "effector"])
def test_more_of_a_partner_moves_the_best_concentration_up(name):
    told = np.array([readings(**{name: x}) for x in ladder(name)])
    assert np.all(np.diff(told[:, 1]) > 0)
    # Bridges themselves, not their share of the scarcer partner, only ever rise.
    most = np.minimum(ladder(name), 10)
    assert np.all(np.diff(told[:, 2] * most) > 0)


def test_the_diamond_stands_on_top_as_scipy_finds_it():
    settings = {**SPEC.defaults, "target": 40.0, "kd_effector": 100.0, "cooperativity": 5.0}
    shown = view(**settings)
    found = minimize_scalar(
        lambda log: -float(bridges(settings, np.exp(log))), bounds=(0, 8), method="bounded"
    )
    curve, diamond, circle, *_ = shown.series
    assert diamond.x[0] == pytest.approx(np.exp(found.x), rel=1e-3)
    assert diamond.y[0] == pytest.approx(-found.fun, rel=1e-7)
    assert curve.y.max() <= diamond.y[0] * (1 + 1e-9)
    assert circle.x[0] == settings["antibody"]
    assert circle.y[0] == pytest.approx(np.interp(1, curve.x, curve.y), rel=1e-3)
    assert diamond.symbol != circle.symbol


def test_the_table_holds_the_plotted_values():
    shown = SPEC.at()
    assert [row[0] for row in shown.table.rows][3::5] == ["1 nM", "100,000 nM"]
    assert float(shown.table.rows[3][1]) == pytest.approx(shown.readings[0].value, abs=0.051)
    assert float(shown.table.rows[-1][2]) == pytest.approx(shown.series[3].y[-1], abs=0.051)


def test_the_presets_tell_their_beats():
    little, right = readings(**PRESETS["Too little"]), readings(**PRESETS["Just right"])
    much = readings(**PRESETS["Ten times too much"])
    assert right[0] > 3 * little[0]
    assert right[0] > 3 * much[0]
    assert right[3] == pytest.approx(1, abs=0.1)
    assert much[3] == pytest.approx(10, rel=0.05)
    assert readings(**PRESETS["Ten times the target"])[1] > 5 * right[1]
    weak = readings(**PRESETS["Weak grip on the T cell"])
    assert weak[2] < right[2] / 5
    helped = readings(**PRESETS["One bond helps the other"])
    assert helped[2] > 2 * right[2]
    assert helped[1] == right[1]


@pytest.mark.parametrize(
    "settings",
    [{}, {"antibody": 13.16}, {"cooperativity": 20, "antibody": 15}, {"cooperativity": 20}],
)
def test_the_goal_is_not_reached_otherwise(settings):
    settings = {**SPEC.defaults, **settings}
    assert not SPEC.goal.reached(settings, view(**settings))


@pytest.mark.parametrize("solution", [*SPEC.goal.solutions, {"cooperativity": 1000}])
def test_the_slider_has_a_place_within_10_percent_of_the_best(solution):
    control = SPEC.controls[0]
    settings = {**SPEC.defaults, **solution}
    settings["antibody"] = control.nearest(view(**settings).readings[1].value)
    assert SPEC.goal.reached(settings, view(**settings))


@pytest.mark.parametrize("predicted", ["more", "same", "fewer"])
@pytest.mark.parametrize("observed", ["rose", "stayed", "fell"])
def test_the_explanation_fits_every_answer(predicted, observed):
    text = SPEC.prediction.explain({"predict": predicted, "why": "own", "observe": observed})
    assert ("That is what the model shows" in text) == (predicted == "fewer")
    assert ("That is what you saw" in text) == (observed == "fell")
    top = readings()[1]
    once, ten = (SPEC.at(antibody=x * top) for x in (1, 10))
    assert f"{once.readings[0]} of 100" in text
    assert f"ten times as much {ten.readings[0]}" in text
    assert ten.readings[0].value < once.readings[0].value / 3


def test_the_observation_is_asked_after_ten_times_the_best():
    tried = SPEC.prediction.tried
    assert not tried(SPEC.defaults)
    assert not tried({**SPEC.defaults, **PRESETS["Just right"]})
    assert tried({**SPEC.defaults, **PRESETS["Ten times too much"]})
    assert bispecifics.lab().settings["antibody"] == 1
