"""The conjugate lab: every corner, many random settings, and what its words say."""

import numpy as np
import pytest

from course_lib.labs.antibody_drug_conjugates import DAYS, SPEC, view
from every_lab import anywhere, corners

CONTROLS = {c.name: c.quantity for c in SPEC.controls}
PRESETS = {each.name: each.settings for each in SPEC.presets}


def is_sound(settings):
    shown = view(**settings)
    assert len(shown.series) == 5
    for series in shown.series:
        low, high = SPEC.panels[series.panel].y_range
        values = series.y[np.isfinite(series.y)]
        assert np.all((values >= low) & (values <= high))
    growth = 2 ** (shown.series[3].x / (3 * 162))  # untreated: the volume doubles in 162 days
    np.testing.assert_allclose(shown.series[3].y, 89.6 * growth, rtol=1e-9)
    for series in shown.series[2:]:
        assert np.all(np.isfinite(series.y))
    return shown


def claims_agree(settings, shown):
    """Compare each claim of the sentence with the lines."""
    sentence, (high, low, size, untreated, loose) = shown.sentence, shown.series
    assert sentence.startswith("Assumed effect, not a forecast. ")
    change = size.y[-1] - size.y[0]
    verb = "shrinks" if change < -0.5 else "grows" if change > 0.5 else "stays at"
    verb = "stays at" if f"{size.y[0]:.0f}" == f"{size.y[-1]:.0f}" else verb
    assert verb in sentence
    assert f"to {size.y[-1]:.0f} mm in" in sentence or verb == "stays at" or size.y[-1] < 1
    assert f"Without the conjugate it measures {untreated.y[-1]:.0f} mm." in sentence
    assert f"{loose.y[-1]:.1f} µmol/L of blood" in sentence
    share = settings["low_share"]
    assert ("HER2-high cells" in sentence) == (share < 100)
    assert ("HER2-low cells" in sentence) == (share > 0)
    for part, reading in ((high, shown.readings[2]), (low, shown.readings[3])):
        if np.isfinite(part.y[-1]):
            assert reading.value == pytest.approx(100 * part.y[-1] / part.y[0], rel=1e-9)
            assert str(reading) in sentence
    if settings["dose"] == 0:
        assert "With no dose, the tumour" in sentence
        np.testing.assert_allclose(size.y, untreated.y, rtol=1e-6)


def test_it_is_sound_and_its_sentence_true_at_corners_and_random_settings():
    for settings in [*corners(SPEC), *anywhere(SPEC)]:
        claims_agree(settings, is_sound(settings))


shown_at = SPEC.at


# (control, values, way of the tumour, of HER2-high cells, of HER2-low cells, of loose payload)
WAYS = [
    ("dose", np.linspace(0, 8, 9), -1, -1, -1, 1),
    ("low_share", np.linspace(0, 100, 9), 1, None, None, 0),
    ("bystander", np.linspace(0, 100, 9), -1, 0, -1, 1),
    ("drug_to_antibody_ratio", np.linspace(1, 10, 7), -1, -1, -1, 1),
    ("number_of_doses", np.arange(1, 9), -1, -1, -1, 1),
    ("linker_leak", np.linspace(0, 20, 9), 1, 1, 1, 1),
    ("her2", np.geomspace(1e5, 2e6, 7), -1, -1, -1, 0),
]


@pytest.mark.parametrize("row", WAYS, ids=[row[0] for row in WAYS])
def test_direction(row):
    name, values, *ways = row
    views = [shown_at(**{name: float(v)}) for v in values]
    for index, way in zip((0, 2, 3, 4), ways, strict=True):
        seen = np.array([shown.readings[index].value for shown in views])
        if way == 0:
            assert np.ptp(seen) <= 1e-6 * seen.max()
        elif way:
            assert np.all(np.diff(seen) * way > -1e-6 * seen.max())
            assert (seen[-1] - seen[0]) * way > 0.01 * seen.max()


def test_every_control_has_a_direction():
    assert [row[0] for row in WAYS] == list(CONTROLS)


def test_the_bystander_effect_needs_neighbours():
    only_low = [shown_at(low_share=100, bystander=b).series[2].y for b in (0, 100)]
    np.testing.assert_allclose(*only_low, rtol=1e-12)
    few = [shown_at(low_share=20, bystander=b).readings[3].value for b in (0, 100)]
    many = [shown_at(low_share=80, bystander=b).readings[3].value for b in (0, 100)]
    assert few[0] / few[1] > many[0] / many[1] > 1.2


def test_the_presets_tell_their_stories():
    deruxtecan, emtansine = (
        shown_at(**PRESETS["Like T-DXd"]),
        shown_at(**PRESETS["Like T-DM1"]),
    )
    assert deruxtecan.sentence == shown_at().sentence
    assert deruxtecan.readings[3].value < 40 < 90 < emtansine.readings[3].value
    assert emtansine.readings[4].value < 0.1 * deruxtecan.readings[4].value
    assert (
        shown_at(**PRESETS["No HER2-low cells"]).readings[0].value
        < 0.5 * deruxtecan.readings[0].value
    )
    leaky = shown_at(**PRESETS["Leaky linker"])
    assert leaky.readings[0].value > 1.3 * deruxtecan.readings[0].value
    assert leaky.readings[4].value > deruxtecan.readings[4].value


def test_it_says_in_title_and_sentence_that_the_effect_is_assumed():
    assert "assumed" in SPEC.title
    assert "our assumption" in SPEC.lead
    assert "Assumed effect" in shown_at().sentence


@pytest.mark.parametrize(
    "settings",
    [{}, *(p.settings for p in SPEC.presets), {"her2": 2e6, "bystander": 0}, {"low_share": 0}],
)
def test_the_goal_is_not_reached_by_doing_little_or_by_another_tumour(settings):
    settings = {**SPEC.defaults, **settings}
    assert not SPEC.goal.reached(settings, view(**settings))


@pytest.mark.parametrize("predicted", ["both", "low", "none"])
@pytest.mark.parametrize("observed", ["less", "same", "more"])
def test_the_explanation_fits_every_answer(predicted, observed):
    text = SPEC.prediction.explain({"predict": predicted, "why": "neighbours", "observe": observed})
    assert ("That is what the model shows" in text) == (predicted == "low")
    assert ("You saw less loose payload" in text) == (observed == "less")
    on, off = shown_at(), shown_at(bystander=0.0)
    assert f"ended at {off.readings[3]} of their number, with it at {on.readings[3]}" in text
    assert str(on.readings[2]) == str(off.readings[2])
    assert f"fell from {on.readings[4]} to {off.readings[4]}" in text


def test_the_prediction_is_tried_without_the_bystander_effect_alone():
    assert SPEC.prediction.tried({**SPEC.defaults, "bystander": 0.0})
    assert not SPEC.prediction.tried(SPEC.defaults)


def test_the_table_holds_the_plotted_values():
    shown = shown_at()
    assert [row[0] for row in shown.table.rows] == [str(day) for day in range(0, DAYS + 1, 21)]
    for column, series in enumerate(shown.series, start=1):
        assert float(shown.table.rows[-1][column]) == pytest.approx(series.y[-1], rel=6e-3)
