"""The phase plane's view: every corner, many random settings, and claims worked out again."""

import re
from itertools import islice

import numpy as np
import pytest

from course_lib.labs import tumour_and_immunity
from course_lib.labs.tumour_and_immunity import DAYS, EFFECTORS, SPEC, TUMOUR, view
from course_lib.models import tumour_and_immunity as model
from every_lab import anywhere, corners

pytestmark = pytest.mark.filterwarnings("error")
CONTROLS = {c.name: c for c in SPEC.controls}
PRESETS = {each.name: each.settings for each in SPEC.presets}


def rates(settings):
    """The rates behind a setting, with the fitted numbers typed in."""
    return model.Kuznetsov(
        inflow=settings["inflow"],
        killing=1.101e-7 * settings["killing"],
        recruitment=0.1245 * settings["recruitment"],
        inactivation=3.422e-10 * settings["inactivation"],
    )


def number(text):
    """Read a number of cells as the lab writes it."""
    if text == "no":
        return 0.0
    return float(text.replace(",", "").replace(" million", "")) * (1e6 if "million" in text else 1)


CELLS = r"(no|[\d.,]+(?: million)?)"


def is_sound(settings):
    shown = view(**settings)
    assert [len(each.x) for each in shown.series[:2]] == [170, 85]
    for series in shown.series:
        assert series.x.shape == series.y.shape
        values = series.y[np.isfinite(series.y)]
        assert (values > 0).all()
        assert len(values) <= 200
    for points in shown.series[3:6]:  # markers stay on the panel
        drawn = np.isfinite(points.x)
        assert np.all((points.x[drawn] >= EFFECTORS[0]) & (points.x[drawn] <= EFFECTORS[1]))
        assert np.all((points.y[drawn] >= TUMOUR[0]) & (points.y[drawn] <= TUMOUR[1]))
    stable, unstable = shown.series[4:6]
    assert not np.any(np.isfinite(stable.x) & np.isfinite(unstable.x))
    assert np.isfinite(stable.x).sum() == shown.readings[4].value in (1, 2)
    assert np.array_equal(
        np.isfinite(shown.texts[0].x[:4]), np.isfinite(stable.x) | np.isfinite(unstable.x)
    )
    assert max(len(part.split()) for part in re.split(r"[.:] ", shown.sentence)) <= 25
    return shown


def is_true(settings, shown):
    """Work every claim of the sentence out again, from the model and from the lines."""
    k, said = rates(settings), shown.sentence
    start = re.match(
        rf"{CELLS} effector cells meet {CELLS} tumour cells, and ([\d,]+) effector cells arrive",
        said,
    )
    for text, name in zip(start.groups(), ("effectors", "tumour", "inflow"), strict=True):
        assert number(text) == pytest.approx(settings[name], rel=0.006, abs=0.51)
    course = model.simulate(k, settings["effectors"], settings["tumour"], days=1000)
    line = shown.series[6]
    assert course.outcome.capitalize() in said
    for other in set(model.OUTCOMES) - {course.outcome}:
        assert other.capitalize() not in said
    held = re.search(rf"On day {DAYS} it holds {CELLS} cells\.", said)
    gone = re.search(r"On day (\d+) less than one tumour cell is left\.", said)
    assert (held is None) != (gone is None)
    if gone:
        assert course.outcome == "elimination"
        last = line.x[np.isfinite(line.y)].max()
        assert last <= float(gone[1]) + 0.5 <= last + 4.6
        assert shown.readings[0].value == 0
    else:
        assert number(held[1]) == pytest.approx(line.y[-1], rel=0.006, abs=1)
        assert number(held[1]) / 1e6 == pytest.approx(shown.readings[0].value, rel=0.006, abs=1e-6)
    near = re.search(rf"(?:settles|ends) near {CELLS} cells", said)
    assert (near is None) == (course.outcome == "elimination")
    if near:
        assert number(near[1]) == pytest.approx(course.end.tumour, rel=0.006)
    points = model.equilibria(k)
    assert ("A border separates" in said) == (sum(each.stable for each in points) == 2)
    without = re.search(r"No start leads to (escape|equilibrium) here", said)
    every = "Every start leads to elimination here" in said
    if without or every:
        tried = {
            model.simulate(k, e, t).outcome for e in (1e4, 3e5, 2e6, 3e7) for t in (1e3, 1e6, 5e8)
        }
        assert every == (tried == {"elimination"})
        assert not without or without[1] not in tried


def test_all_corners_are_sound_and_the_sentence_is_true():
    for settings in corners(SPEC):
        is_true(settings, is_sound(settings))


def test_random_settings_are_sound():
    for settings in anywhere(SPEC):
        is_sound(settings)


def test_the_sentence_is_true_at_random_settings():
    seen = set()
    for settings in islice(anywhere(SPEC, 7), 60):
        shown = is_sound(settings)
        is_true(settings, shown)
        seen |= set(
            re.findall("Elimination|Equilibrium|Escape|No start|Every|A border", shown.sentence)
        )
    assert len(seen) == 6


opened = SPEC.at


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("Published start", "Equilibrium"),
        ("Just below the border", "Equilibrium"),
        ("Just above the border", "Escape"),
        ("Stronger inflow", "Equilibrium"),
        ("Very strong inflow", "Elimination"),
        ("Many effector cells", "Elimination"),
        ("Small tumour, weak inflow", "Escape"),
    ],
)
def test_each_preset_tells_its_story(name, outcome):
    assert f"{outcome}" in opened(**PRESETS[name]).sentence
    assert len(SPEC.presets) == 7


def test_the_published_start_is_the_published_run():
    shown = opened(**PRESETS["Published start"])
    assert "320,000 effector cells meet 5 million tumour cells" in shown.sentence
    assert shown.readings[0].value == pytest.approx(6.8636, rel=1e-3)
    assert shown.readings[1].value == pytest.approx(1.6207, rel=1e-3)


def test_it_opens_on_the_four_published_equilibria():
    shown = opened()
    stable, unstable = shown.series[4:6]
    found = [*zip(unstable.x, unstable.y, strict=True), *zip(stable.x, stable.y, strict=True)]
    found = [each for each in found if np.isfinite(each[0])]
    expected = [(315_500, 1), (759_800, 267.8e6), (1_609_000, 8.19e6), (173_000, 447.1e6)]
    np.testing.assert_allclose(found, expected, rtol=2e-3)  # no tumour: on the lower edge
    assert shown.texts[0].texts[:4] == ("no tumour", "equilibrium", "border point", "escape")


def test_a_larger_small_tumour_is_held_where_a_tiny_one_slips_through():
    small = {"effectors": 3.2e5, "inflow": 5000}
    assert "Escape" in opened(**small, tumour=1e3).sentence
    assert "Equilibrium" in opened(**small, tumour=5e6).sentence


def test_the_border_lies_where_the_table_says():
    rows = {row[0]: row for row in opened().table.rows}
    border = float(rows["Border of escape, at your start's effector cells"][1].replace(",", ""))
    assert "Escape" in opened(tumour=1.02 * border).sentence
    assert "Equilibrium" in opened(tumour=0.98 * border).sentence
    edge = rows["Border of elimination, at your start's tumour cells"][2]
    edge = float(edge.replace(",", ""))
    assert "Elimination" in opened(effectors=1.03 * edge).sentence
    assert "Elimination" not in opened(effectors=0.97 * edge).sentence


def test_the_table_holds_the_plotted_values():
    shown = opened()
    assert shown.table.rows[0] == ("Day 0", "20,000,000", "100,000")
    assert shown.table.rows[10][0] == f"Day {DAYS}"
    for column, line in ((1, shown.series[6]), (2, shown.series[7])):
        last = float(shown.table.rows[10][column].replace(",", ""))
        assert last == pytest.approx(line.y[-1], abs=0.51)


# --- what each control does, over its range ---------------------------------------------


def equilibrium(**settings):
    """Tumour cells of the held equilibrium as drawn, NaN if there is none."""
    return opened(**settings).series[4].y[1]


@pytest.mark.parametrize(
    ("name", "sign"),
    [("inflow", -1), ("killing", -1), ("recruitment", -1), ("inactivation", 1)],
)
def test_the_direction_of_each_rate_over_its_range(name, sign):
    quantity = CONTROLS[name].quantity
    drawn = np.array(
        [equilibrium(**{name: v}) for v in np.linspace(quantity.low, quantity.high, 25)]
    )
    held = drawn[np.isfinite(drawn)]
    assert len(held) >= 15
    assert np.all(sign * np.diff(held) > 0)


def test_more_tumour_cells_at_the_opening_never_turn_escape_into_equilibrium():
    said = [opened(tumour=t).sentence for t in np.geomspace(1e3, 5e8, 30)]
    escaped = ["Escape" in each for each in said]
    assert escaped == sorted(escaped)
    assert len(set(escaped)) == 2


def test_more_effector_cells_at_the_opening_lead_from_escape_to_equilibrium_to_elimination():
    order = ["Escape", "Equilibrium", "Elimination"]
    said = [opened(effectors=e).sentence for e in np.geomspace(1e4, 3e7, 30)]
    found = [order.index(re.search("Escape|Equilibrium|Elimination", each)[0]) for each in said]
    assert found == sorted(found)
    assert set(found) == {0, 1, 2}


# --- goal and prediction ----------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"tumour": 1e8},
        {"tumour": 1e8, "inflow": 8000},
        {"tumour": 1e8, "inflow": 30000},
        {"tumour": 5e6, "inflow": 8000, "effectors": 2e6},
        {"tumour": 1e8, "inflow": 3000, "effectors": 7e6},  # too many, and they die out
    ],
)
def test_the_goal_is_not_reached_by_doing_nothing_or_half(settings):
    settings = {**SPEC.defaults, **settings}
    assert not SPEC.goal.reached(settings, view(**settings))


@pytest.mark.parametrize("predicted", ["same", "held", "gone"])
@pytest.mark.parametrize("observed", ["same", "held", "gone"])
def test_the_explanation_fits_every_answer(predicted, observed):
    text = SPEC.prediction.explain({"predict": predicted, "why": "late", "observe": observed})
    assert ("That is what the model shows" in text) == (predicted == "held")
    assert ("That is what you saw" in text) == (observed == "held")


def test_the_explanation_states_the_models_own_numbers():
    before, after = opened(), opened(inflow=20_000)
    assert "Escape" in before.sentence
    assert "Equilibrium" in after.sentence
    text = SPEC.prediction.explain({"observe": "held"})
    assert str(before.readings[0]) in text
    assert str(after.readings[0]) in text
    assert "only above 67,357 cells a day" in text
    assert "from 8.19 million to 6.72 million tumour cells, with 1.61 million" in text
    settings = tumour_and_immunity.lab().settings
    assert settings["inflow"] == 13_000  # the question says so
    assert not SPEC.prediction.tried(settings)
    assert SPEC.prediction.tried({**settings, "inflow": 20_000})


def test_a_click_into_the_phase_plane_sets_the_start():
    assert SPEC.panels[0].sets == ("effectors", "tumour")
    assert {"effectors", "tumour"} <= set(CONTROLS)
