"""What every lab promises, whatever it is about: at every corner and at 500 random settings."""

import itertools
import re
from functools import cache

import numpy as np
import pytest

from course_lib.labs.spec import Choice
from every_lab import anywhere, corners, ends, modules

EVERY_LAB = pytest.mark.parametrize("module", modules(), ids=lambda m: m.SPEC.name)
pytestmark = pytest.mark.filterwarnings("error")


@cache
def opening_of(module):
    return module.SPEC.at()


def assert_sound(module, settings):
    spec = module.SPEC
    shown, opening = spec.view(**settings), opening_of(module)
    for series, other in zip(shown.series, opening.series, strict=True):
        assert (series.name, series.panel, series.actor) == (other.name, other.panel, other.actor)
        assert len(series.x) == len(series.y) <= 200
        assert not np.isinf(series.y).any()
        panel = spec.panels[series.panel]
        if panel.log:
            assert not (series.y <= 0).any(), series.name
        if panel.x_log:
            assert not (series.x <= 0).any(), series.name
    for texts, other in zip(shown.texts, opening.texts, strict=True):
        assert (texts.name, len(texts.texts)) == (other.name, len(other.texts))
    assert all(np.isfinite(reading.value) for reading in shown.readings)
    labels = [reading.label for reading in shown.readings]
    assert len(labels) == len(opening.readings)
    assert len(set(labels)) == len(labels)
    for row in shown.table.rows:
        assert len(row) == len(shown.table.columns)
    told = f"{shown.sentence} {shown.alt} {shown.table.html()} {shown.text()}"
    assert not re.search(r"\b(nan|NaN|inf|None)\b|-0(\.0+)?\b", told), told
    assert not re.search(r"\de[+-]\d", shown.sentence + shown.alt + shown.table.html())
    assert shown.sentence[-1] in ".?!"
    longest = max(re.split(r"(?<=[.?!]) ", shown.sentence), key=lambda s: len(s.split()))
    assert len(longest.split()) <= 32, longest


@EVERY_LAB
def test_all_corners_are_sound(module):
    for settings in corners(module.SPEC):
        assert_sound(module, settings)


@EVERY_LAB
def test_random_settings_are_sound(module):
    for settings in anywhere(module.SPEC):
        assert_sound(module, settings)


@EVERY_LAB
def test_the_same_settings_always_show_the_same(module):
    for settings in corners(module.SPEC)[:: max(1, len(corners(module.SPEC)) // 8)]:
        one, two = (module.SPEC.view(**settings) for _ in range(2))
        assert one.text() == two.text()
        pairs = zip(one.series, two.series, strict=True)
        assert all(np.array_equal(a.y, b.y, equal_nan=True) for a, b in pairs)


@EVERY_LAB
def test_every_control_changes_something(module):
    """From one of the corners at least: a slider that does nothing teaches the wrong thing."""
    spec = module.SPEC
    for control in spec.controls:
        for corner in [spec.defaults, *(p.settings for p in spec.presets), *corners(spec)[::7]]:
            base = {**spec.defaults, **corner}
            shown = {spec.view(**{**base, control.name: end}).text() for end in ends(control)}
            if len(shown) > 1:
                break
        else:
            pytest.fail(f"{control.name} changes no sentence and no number")


@EVERY_LAB
def test_its_title_is_a_name_and_no_question(module):
    assert module.SPEC.title[-1] not in ".?!"  # pages and sheets set a full stop after it


@EVERY_LAB
def test_at_most_four_controls_open_it(module):
    assert 1 <= sum(control.stage == 1 for control in module.SPEC.controls) <= 4


@EVERY_LAB
def test_it_does_not_open_with_its_goal_reached_or_its_prediction_tried(module):
    lab = module.lab()
    assert not module.SPEC.goal.reached(lab.settings, lab.view)
    assert not module.SPEC.prediction.tried(lab.settings)


@EVERY_LAB
def test_its_goal_can_be_reached_from_the_opening_in_several_ways(module):
    assert len(module.SPEC.goal.solutions) >= 2
    for solution in module.SPEC.goal.solutions:
        lab = module.lab(**solution)
        assert module.SPEC.goal.reached(lab.settings, lab.view), solution


@EVERY_LAB
def test_what_it_has_no_control_for_is_refused(module):
    with pytest.raises(ValueError, match="This lab has no control called nonsense"):
        module.lab(nonsense=1)


@EVERY_LAB
def test_its_presets_are_settings_it_allows(module):
    names = [preset.name for preset in module.SPEC.presets]
    assert len(set(names)) == len(names) >= 2
    for preset in module.SPEC.presets:
        lab = module.lab(**preset.settings)
        assert lab.settings.items() >= preset.settings.items()


@EVERY_LAB
def test_what_it_asks_to_try_can_be_tried(module):
    """By a preset, by a solution of the goal, or by one control at one of its ends."""
    spec = module.SPEC
    opening = module.lab().settings
    ways = [preset.settings for preset in spec.presets] + list(spec.goal.solutions)
    ways += [{control.name: end} for control in spec.controls for end in ends(control)]
    assert any(spec.prediction.tried({**opening, **way}) for way in ways)


@EVERY_LAB
def test_its_explanation_fits_every_answer(module):
    plan = module.SPEC.prediction
    assert set(plan.replies) == set(dict(plan.observe.options))
    assert set(plan.reasons) <= set(dict(plan.why.options))
    for (observed, _), (predicted, words) in itertools.product(
        plan.observe.options, plan.predict.options
    ):
        skipped = plan.explain({"observe": observed})
        answered = plan.explain({"observe": observed, "predict": predicted, "why": "?"})
        assert len(skipped) > 200
        assert "You predicted" not in skipped
        assert f"You predicted: “{words}”" in answered
    told = [
        plan.explain({"observe": plan.observe.options[0][0], "predict": predicted})
        for predicted, _ in plan.predict.options
    ]
    agreeing = [text for text in told if "That is what the model shows" in text]
    assert len(agreeing) == 1  # one prediction is right, the others are not
    assert len({plan.explain({"observe": observed}) for observed, _ in plan.observe.options}) > 1


@EVERY_LAB
def test_a_click_sets_two_sliders_of_the_lab(module):
    sliders = {c.name for c in module.SPEC.controls if not isinstance(c, Choice)}
    for panel in module.SPEC.panels:
        assert len(panel.sets) in (0, 2)
        assert set(panel.sets) <= sliders
        assert not panel.sets or panel.x_range
