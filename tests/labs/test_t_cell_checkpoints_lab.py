"""The decision bench: every corner, many random settings, and what it must show and say."""

import itertools
import re

import numpy as np
import pytest

from course_lib.labs import t_cell_checkpoints
from course_lib.labs.spec import Choice
from course_lib.labs.t_cell_checkpoints import LONG, SHORT, SPEC, view
from course_lib.models.t_cell_checkpoints import TCell
from every_lab import anywhere, corners

STEPS = ("1", "2.67", "5", "10")
SLIDERS = {c.name: c for c in SPEC.controls if not isinstance(c, Choice)}
PRESETS = {each.name: each.settings for each in SPEC.presets}
READ = {"completion": 0, "second_signal": 1, "activation": 2, "brake": 6, "killing": 7}


def of_100(percent):
    """Write a chance as the sentence does."""
    if 0 < percent < 0.5:
        return "fewer than 1"
    return "more than 99" if 99.5 <= percent < 100 else f"{percent:.0f}"


def is_sound(chosen):
    """Check one setting: against the model, and what is said against what is drawn."""
    shown = view(**chosen)
    cell = TCell(**chosen | {"steps": float(chosen["steps"])})
    for name, index in READ.items():
        assert shown.readings[index].value == pytest.approx(100 * getattr(cell, name)(), abs=1e-9)
    for series in shown.series:
        panel, drawn = SPEC.panels[series.panel], np.isfinite(series.y)
        assert np.all((series.y[drawn] >= 0) & (series.y[drawn] <= 100 + 1e-9))
        assert np.all((series.x >= panel.x_range[0]) & (series.x <= panel.x_range[1]))
    for sentence in re.split(r"(?<=[.]) (?=[A-Z])", shown.sentence):
        assert len(sentence.split()) <= 25, sentence
    first, activated, brake = (
        100 * float(getattr(cell, name)()) for name in ("first_signal", "activation", "brake")
    )
    said = shown.sentence
    assert f"the first signal arrives in {of_100(first)} of 100 contacts" in said
    ligands = chosen["cd80"] + chosen["cd86"]
    if not ligands:
        assert activated == 0
        assert "no T cell is activated" in said
        assert np.isnan(shown.series[7].y).all()
        return shown
    shares = cell.costimulation()
    assert f"CD28 holds {100 * shares.cd28 / ligands:.0f} % of " in said
    assert f"CTLA-4 {100 * shares.ctla4 / ligands:.0f} %" in said
    assert f"{of_100(activated)} of 100 contacts activate the T cell" in said
    killed = 100 * float(cell.killing())
    assert f": {of_100(killed)} of 100 end with a killed tumour cell." in said
    assert (f"PD-1 stops {brake:.0f} % of the killing" in said) == (chosen["pd_l1"] > 0)
    assert ("no PD-L1 stops" in said) == (chosen["pd_l1"] == 0)
    for name in ("cd80", "cd86"):
        assert (name.upper() in said.partition("holds")[2]) == (chosen[name] > 0)
    return shown


def test_what_it_shows_is_sound_at_corners_and_random_settings():
    for settings in [*corners(SPEC), *anywhere(SPEC)]:
        is_sound(settings)


def test_the_menu_offers_the_published_numbers_of_steps():
    menu = next(c for c in SPEC.controls if c.name == "steps")
    assert tuple(name for name, _ in menu.options) == STEPS
    assert menu.default == "2.67"


def test_it_opens_with_four_controls_and_without_brakes():
    assert [c.name for c in SPEC.controls if c.stage == 1] == [
        "dwell_time",
        "peptides",
        "cd80",
        "ctla4",
    ]
    opening = SPEC.defaults
    assert (opening["dwell_time"], opening["peptides"], opening["cd80"]) == (10, 100, 300)
    assert opening["ctla4"] == opening["pd_l1"] == opening["pd1_blocked"] == opening["cd86"] == 0
    assert (LONG, SHORT) == (10, 1)


def readings(**chosen):
    return [r.value for r in SPEC.at(**chosen).readings]


UP, DOWN, STILL = 1, -1, 0
DIRECTIONS = [  # control, reading, way, other settings
    ("dwell_time", 2, UP, {}),
    ("dwell_time", 3, STILL, {}),
    ("peptides", 2, UP, {}),
    ("peptides", 0, STILL, {}),
    ("cd80", 2, UP, {"ctla4": 300}),
    ("cd86", 2, UP, {"ctla4": 300}),
    ("ctla4", 2, DOWN, {}),
    ("ctla4", 5, UP, {}),
    ("ctla4", 6, STILL, {"pd_l1": 100}),
    ("pd_l1", 7, DOWN, {}),
    ("pd_l1", 2, STILL, {}),
    ("pd1_blocked", 7, UP, {"pd_l1": 300}),
    ("pd1_blocked", 2, STILL, {"pd_l1": 300}),
]


@pytest.mark.parametrize(("name", "reading", "way", "more"), DIRECTIONS)
def test_direction_of_each_control(name, reading, way, more):
    limits = SLIDERS[name].quantity
    values = np.linspace(limits.low, limits.high, 41)
    if SLIDERS[name].log:
        values = np.geomspace(limits.low, limits.high, 41)
    found = np.array([readings(**more | {name: float(value)})[reading] for value in values])
    if way == STILL:
        np.testing.assert_allclose(found, found[0], rtol=1e-9)
    else:
        assert np.all(way * np.diff(found) >= -1e-9)
        assert way * (found[-1] - found[0]) > 5


def test_every_control_has_a_direction():
    assert {row[0] for row in DIRECTIONS} == set(SLIDERS)


def test_more_steps_tell_bonds_apart_and_cost_activation():
    rows = np.array([readings(steps=steps) for steps in STEPS])
    assert np.all(np.diff(rows[:, 3]) < 0)
    assert np.all(np.diff(rows[:, 3] / rows[:, 4]) > 0)


def test_the_presets_tell_their_story():
    foreign, self_peptide = (
        readings(**PRESETS["Foreign peptide"]),
        readings(**PRESETS["Self peptide"]),
    )
    assert foreign[2] > 60
    assert 20 < self_peptide[2] < 30  # discrimination is imperfect
    assert readings(**PRESETS["No second signal"])[2] == 0
    assert readings(**PRESETS["CTLA-4 rises"])[2] < 15
    braked, released = (
        readings(**PRESETS["PD-L1 switched on"]),
        readings(**PRESETS["PD-1 blocked"]),
    )
    assert braked[2] == released[2] == foreign[2]  # the brake acts at the tumour only
    assert braked[7] < 5
    assert released[7] > 50


@pytest.mark.parametrize("solution", SPEC.goal.solutions)
def test_the_goal_can_be_reached(solution):
    chosen = {**SPEC.defaults, **solution}
    shown = view(**chosen)
    assert SPEC.goal.reached(chosen, shown)
    assert shown.readings[3].value > 60
    assert shown.readings[4].value < 5


@pytest.mark.parametrize("chosen", [{}, *(p.settings for p in SPEC.presets), {"steps": "1"}])
def test_the_goal_is_not_reached_by_doing_nothing(chosen):
    chosen = {**SPEC.defaults, **chosen}
    assert not SPEC.goal.reached(chosen, view(**chosen))


def test_the_measured_number_of_steps_cannot_reach_the_goal():
    for peptides, cd80 in itertools.product(np.geomspace(1, 1e4, 41), np.linspace(0, 1000, 21)):
        long, short = readings(peptides=float(peptides), cd80=float(cd80))[3:5]
        assert long <= 60 or short >= 5


def test_the_opening_does_not_show_the_answer_to_the_prediction():
    lines = SPEC.at().series
    assert np.nanmin(lines[5].y) > 90
    assert np.nanmax(lines[6].y) == 0
    # With as much CTLA-4 as CD28, CTLA-4 holds most, however much CD80 there is.
    equal = SPEC.at(ctla4=1200).series
    assert np.all(equal[6].y[1:] > equal[5].y[1:])


def test_marks_lie_on_their_lines():
    chosen = SPEC.defaults | {
        "dwell_time": 3.0,
        "ctla4": 500.0,
        "cd80": 205.0,
        "pd_l1": 120.0,
        "pd1_blocked": 80,
    }
    lines = view(**chosen).series
    for mark, line in ((2, 0), (3, 0), (4, 0), (10, 8)):
        found = np.interp(lines[mark].x, lines[line].x, lines[line].y)
        np.testing.assert_allclose(lines[mark].y, found, atol=0.2)
    for index, line in enumerate((5, 6)):
        found = np.interp(205, lines[line].x, lines[line].y)
        assert lines[7].y[index] == pytest.approx(found, abs=0.2)
    assert (lines[4].x[0], lines[7].x[0], lines[10].x[0]) == (3, 205, 120)


def test_no_antibody_no_line_of_it():
    lines = SPEC.at(pd_l1=200).series
    assert np.isnan(lines[8].y).all()
    assert lines[10].y[0] == pytest.approx(np.interp(200, lines[9].x, lines[9].y))
    assert "Antibody: not drawn." in SPEC.at().alt


def test_the_table_holds_the_plotted_values():
    shown = SPEC.at(pd1_blocked=50, ctla4=300)
    rows = {row[0]: row[1:] for row in shown.table.rows}
    assert len(rows) == len(shown.table.rows)
    for start, panel, columns in (("{:g} s bond", 0, (0, 1)), ("CD80 {:g}", 1, (2, 3))):
        lines = [s for s in shown.series if s.panel == panel and not s.symbol]
        for place in (1, 10) if panel == 0 else (20, 600, 1000):
            for line, column in zip(lines, columns, strict=True):
                written = float(rows[start.format(place)][column])
                assert written == pytest.approx(np.interp(place, line.x, line.y), abs=0.051)
    assert rows["PD-L1 0"][4] == rows["PD-L1 0"][5]
    assert float(rows["PD-L1 600"][4]) == pytest.approx(
        100 * TCell(pd_l1=600, pd1_blocked=50, ctla4=300).killing(), abs=0.051
    )
    assert rows["PD-L1 600"][0] == "–"


@pytest.mark.parametrize("predicted", ["ctla4", "half", "cd28"])
@pytest.mark.parametrize("observed", ["share", "both", "nothing"])
@pytest.mark.parametrize("why", ["amount", "affinity", "first"])
def test_the_explanation_fits_every_answer(predicted, observed, why):
    record = {"predict": predicted, "why": why, "observe": observed}
    text = SPEC.prediction.explain(record)
    assert ("That is what the model shows" in text) == (predicted == "ctla4")
    assert ("That is what you saw" in text) == (observed == "both")
    assert ("no ligand stays taken" in text) == (why == "first")


def test_the_explanation_states_the_models_own_numbers():
    text = SPEC.prediction.explain({"observe": "both"})
    shares = TCell(ctla4=1200).costimulation()
    assert f"CTLA-4 held {100 * shares.ctla4 / 300:.0f} %" in text
    assert f"CD28 {100 * shares.cd28 / 300:.0f} %" in text
    assert f"from {100 * TCell().activation():.0f} %" in text
    assert shares.ctla4 > 5 * shares.cd28  # "several times as much"
    assert TCell().cd28 == 1200  # the question says 1,200


def test_the_prediction_waits_for_much_ctla4():
    tried = SPEC.prediction.tried
    assert tried(SPEC.defaults | {"ctla4": 1200})
    assert not tried(SPEC.defaults)
    assert not tried(SPEC.defaults | {"ctla4": 1200, "cd80": 0})


def test_lab_opens_where_it_is_told():
    assert t_cell_checkpoints.lab(ctla4=600, steps="10").settings["ctla4"] == 600
    with pytest.raises(ValueError, match="steps must be one of '1',"):
        t_cell_checkpoints.lab(steps="3")
    with pytest.raises(ValueError, match="cd80 must be a number between 0 and 1000"):
        t_cell_checkpoints.lab(cd80=2000)
    with pytest.raises(ValueError, match="Did you mean pd_l1"):
        t_cell_checkpoints.lab(pdl1=20)
