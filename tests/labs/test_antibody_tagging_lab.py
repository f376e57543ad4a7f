"""The tagging bench: any setting is sound, its sentence is true, its story can be told."""

import itertools
import re

import numpy as np
import pytest

from course_lib.labs import antibody_tagging
from course_lib.labs.antibody_tagging import FEWEST, SPEC, view
from course_lib.labs.spec import Choice
from course_lib.models.antibody_tagging import Antibody, Effectors, killing
from every_lab import anywhere, corners

SLIDERS = {c.name: c.quantity for c in SPEC.controls if not isinstance(c, Choice)}
PRESETS = {each.name: each.settings for each in SPEC.presets}
LOGARITHMIC = {c.name for c in SPEC.controls if getattr(c, "log", False)}
LINES = {  # what a test below looks for, by panel and name
    (0, "tumour"),
    (0, "healthy"),
    (1, "tumour"),
    (1, "healthy"),
    (2, "any cell"),
    *((panel, f"{who}, your setting") for panel in range(3) for who in ("tumour", "healthy")),
}


def expected(settings):
    """Return tumour and healthy tissue from the model, with the menus read once more."""
    drug = Antibody(
        kd=settings["kd"],
        arms={"one": 1, "two": 2}[settings["arms"]],
        fc_gain={"usual": 1, "low": 2.35}[settings["fucose"]],
    )
    helpers = Effectors(
        nk_cells=settings["nk_cells"],
        v_alleles=settings["fc_receptor"].count("v"),
        macrophages=settings["macrophages"],
        complement_regulators={"intact": 0.95, "removed": 0}[settings["shield"]],
    )
    return [
        killing(drug, helpers, settings["concentration"], settings[name])
        for name in ("receptors", "healthy_receptors")
    ]


def about(number):
    return f"{float(f'{number:.3g}'):,.0f}" if number >= FEWEST else f"fewer than {FEWEST}"


def is_sound(settings):
    shown = view(**settings)
    tumour, healthy = expected(settings)
    assert {(s.panel, s.name) for s in shown.series} == LINES
    assert len(shown.series) == len(LINES)
    for series in shown.series:
        panel = SPEC.panels[series.panel]
        values = series.y[np.isfinite(series.y)]
        assert np.all((values >= panel.y_range[0]) & (values <= panel.y_range[1]))
        assert np.all(series.x >= 0.999 * panel.x_range[0])
        assert np.all(series.x <= 1.001 * panel.x_range[1])
        if series.panel != 0:
            assert np.isfinite(series.y).all()
            assert values.max() <= 100 + 1e-9
    # Every claim of the sentence, from the model.
    carried = f"a tumour cell carries {about(tumour.tags)} antibodies and a healthy cell"
    assert f"{carried} {about(healthy.tags)}. " in shown.sentence
    killed = re.search(
        r"tumour cells (\d+) are killed, of 100 healthy cells (\d+)\.", shown.sentence
    )
    assert int(killed[1]) == pytest.approx(100 * tumour.killed, abs=0.501)
    assert int(killed[2]) == pytest.approx(100 * healthy.killed, abs=0.501)
    blocked = re.search(r"On the tumour (\d+) % of HER2 is blocked", shown.sentence)
    assert int(blocked[1]) == pytest.approx(100 * tumour.blocked, abs=0.501)
    arm = {"one": "one arm", "two": "two arms"}[settings["arms"]]
    assert f" nM, with {arm} and Kd " in shown.sentence
    assert max(len(part.split()) for part in shown.sentence.split(". ")) <= 25
    return shown


def test_what_it_shows_is_sound_at_corners_and_random_settings():
    for settings in [*corners(SPEC), *anywhere(SPEC)]:
        is_sound(settings)


def line(shown, panel, name):
    return next(s for s in shown.series if (s.panel, s.name) == (panel, name))


def readings(**settings):
    return [reading.value for reading in SPEC.at(**settings).readings]


def ladder(name):
    q = SLIDERS[name]
    return (
        np.geomspace(q.low, q.high, 40) if name in LOGARITHMIC else np.linspace(q.low, q.high, 40)
    )


# Which way tumour cells killed (2) and healthy cells killed (3) go.
DIRECTIONS = {
    "concentration": (1, 1),
    "kd": (-1, -1),
    "receptors": (1, 0),
    "healthy_receptors": (0, 1),
    "nk_cells": (1, 1),
    "macrophages": (1, 1),
}


@pytest.mark.parametrize("arms", ["one", "two"])
@pytest.mark.parametrize("name", DIRECTIONS)
def test_direction_of_each_slider_over_its_range(name, arms):
    killed = np.array([readings(**{name: x, "arms": arms})[2:4] for x in ladder(name)])
    for column, sign in zip(killed.T, DIRECTIONS[name], strict=True):
        steps = sign * np.diff(column)
        if sign == 0:
            assert np.ptp(column) == 0
        else:
            assert np.all(steps >= -1e-9)
            assert np.ptp(column) > 0.5


@pytest.mark.parametrize(
    ("name", "rising"),
    [
        ("fc_receptor", ("ff", "vf", "vv")),
        ("fucose", ("usual", "low")),
        ("shield", ("intact", "removed")),
    ],
)
def test_direction_of_each_menu(name, rising):
    for reading in (2, 3):
        killed = [readings(receptors=32000, **{name: option})[reading] for option in rising]
        assert np.all(np.diff(killed) > 0.1)


def test_two_arms_help_a_weak_grip_and_halve_the_tags_of_a_flooded_cell():
    one, two = (readings(kd=50, arms=arms)[0] for arms in ("one", "two"))
    assert two > 5 * one
    one, two = (readings(kd=0.01, arms=arms)[0] for arms in ("one", "two"))
    assert two == pytest.approx(one / 2, rel=0.1)


def test_the_points_stand_on_the_lines():
    settings = {**SPEC.defaults, "concentration": 3.0, "kd": 20}
    shown = view(**settings)
    for panel, who in itertools.product((0, 1), ("tumour", "healthy")):
        course, point = line(shown, panel, who), line(shown, panel, f"{who}, your setting")
        assert point.x[0] == 3.0
        assert point.y[0] == pytest.approx(np.interp(3.0, course.x, course.y), rel=0.02)
    for who, name in (("tumour", "receptors"), ("healthy", "healthy_receptors")):
        course, point = line(shown, 2, "any cell"), line(shown, 2, f"{who}, your setting")
        assert point.x[0] == settings[name]
        assert point.y[0] == pytest.approx(np.interp(point.x[0], course.x, course.y), abs=0.2)
        assert point.symbol == {"tumour": "circle", "healthy": "square"}[who]


def test_the_table_holds_the_plotted_values():
    shown = SPEC.at()
    assert [row[0] for row in shown.table.rows[:8]] == [
        f"{x} nM" for x in ("0.001", "0.01", "0.1", "1", "10", "100", "1,000", "10,000")
    ]
    at_1 = shown.table.rows[3]
    assert at_1[3:] == tuple(f"{reading.value:.1f}" for reading in shown.readings[2:4])
    assert at_1[1] == about(1000 * shown.readings[0].value)
    last = shown.table.rows[-1]
    assert last[0] == "1 nM, 3,000,000 HER2"
    assert float(last[4]) == pytest.approx(line(shown, 2, "any cell").y[-1], abs=0.051)


# ---- the story ----------------------------------------------------------------------------


def test_the_presets_tell_their_beats():
    high, low = (
        readings(**PRESETS["HER2-high tumour"]),
        readings(**PRESETS["HER2-low tumour"]),
    )
    assert high[2] > 80 > 2 * low[2]
    two, one = (
        readings(**PRESETS["Weak grip, two arms"]),
        readings(**PRESETS["Weak grip, one arm"]),
    )
    assert two[2] > 80 > 4 * one[2]
    assert two[3] < 1 < 15 < high[3]
    better = readings(**PRESETS["HER2-low, low fucose"])
    assert better[2] > low[2] + 20
    assert better[3] > low[3] + 20  # the price: healthy tissue too
    alone = readings(**PRESETS["No NK cells"])
    assert alone[2] < 5
    assert alone[4] > 95  # blocked, and hardly anything dies
    assert readings(**PRESETS["No shield"])[7] > 80


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"concentration": 0.001, "kd": 10000},
        {"kd": 50},  # too little HER2 blocked
        {"kd": 13, "healthy_receptors": 3e6},
        {"kd": 13, "shield": "removed"},  # other cells: not the task
        {"kd": 13, "nk_cells": 3},
        {"kd": 13, "fc_receptor": "vv"},
    ],
)
def test_the_goal_is_not_reached_otherwise(settings):
    settings = {**SPEC.defaults, **settings}
    assert not SPEC.goal.reached(settings, view(**settings))


@pytest.mark.parametrize("predicted", ["escape", "alike", "spared"])
@pytest.mark.parametrize("observed", ["both", "healthy", "none"])
def test_the_explanation_fits_every_answer(predicted, observed):
    text = SPEC.prediction.explain({"predict": predicted, "why": "near", "observe": observed})
    assert ("That is what the model shows" in text) == (predicted == "spared")
    assert ("That is what you saw" in text) == (observed == "healthy")
    tight, weak = SPEC.at(), SPEC.at(kd=50)
    for shown in (tight, weak):
        assert f"{shown.readings[2]}" in text
        assert f"{shown.readings[3]}" in text
    assert weak.readings[2].value > 0.9 * tight.readings[2].value  # "almost as before"
    assert weak.readings[3].value < 0.1 * tight.readings[3].value  # "spared"


def test_the_question_names_the_opening():
    assert SPEC.defaults["kd"] == 1
    assert antibody_tagging.WEAK == 50
    assert SPEC.defaults["arms"] == "two"
    tried = SPEC.prediction.tried
    assert not tried(SPEC.defaults)
    assert tried({**SPEC.defaults, "kd": 50})
    assert not tried({**SPEC.defaults, "kd": 50, "arms": "one"})
