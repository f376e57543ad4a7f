"""The trastuzumab lab: every corner, many random settings, and what its words say."""

import re

import numpy as np
import pytest

from course_lib.labs.trastuzumab import DAYS, LOWEST, SPEC, TARGET, view
from course_lib.models.trastuzumab import trastuzumab as kinetics
from every_lab import anywhere, corners

CONTROLS = {c.name: c.quantity for c in SPEC.controls}
PRESETS = {each.name: each.settings for each in SPEC.presets}


def number(text):
    return float(re.search(r"[\d.]+", text).group())


def is_sound(settings):
    shown = view(**settings)
    assert len(shown.series) == 7
    for series in shown.series:
        values = series.y[np.isfinite(series.y)]
        assert np.all((values >= 0) & (values <= 2000))
    drug, linear = (series.y for series in shown.series[:2])
    both = np.isfinite(drug) & np.isfinite(linear)
    assert np.all(drug[both] <= linear[both] * 1.01)
    return shown


def claims_agree(settings, shown):
    """Compare each claim of the sentence with the lines and the table."""
    peak, start, end = (shown.readings[i] for i in (1, 2, 3))
    if peak.value == 0:
        assert shown.sentence == "No trastuzumab is given, so there is none in the blood."
        return
    assert f"the peak is {peak}." in shown.sentence
    drug = shown.series[0]
    assert peak.value == pytest.approx(np.nanmax(drug.y), rel=1e-12) or peak.value < LOWEST
    above = drug.x[drug.y >= TARGET]
    if "still above" in shown.sentence:
        assert drug.y[-1] >= TARGET
    elif "never reaches" in shown.sentence:
        assert not above.size
    else:
        day = number(shown.sentence.split("from day")[1])
        assert above[-1] - 0.5 <= day
        assert not np.any(above > day + 0.5)
        first, last = np.flatnonzero(drug.y >= TARGET)[[0, -1]]
        between = drug.y[first : last + 1]
        lowest = between.min(where=np.isfinite(between), initial=np.inf)
        assert ("before that it had fallen" in shown.sentence) == (lowest < TARGET)
        if lowest < TARGET:
            told = number(shown.sentence.split("had fallen to")[1])
            assert told == pytest.approx(lowest, abs=0.051)
    if "a larger share leaves" in shown.sentence:
        assert end.value < start.value
        assert f"the half-life is {start}" in shown.sentence
        assert f"it is {end}" in shown.sentence
    else:
        assert end.value == pytest.approx(start.value, abs=0.06)
    later = re.search(r"and (\d+) later doses?", shown.sentence)
    planned = np.arange(int(settings["number_of_doses"])) * settings["interval"]
    count = int(np.sum(planned < DAYS)) - 1
    missed = int(settings["missed_dose"])
    skipped = 1 <= missed < planned.size and planned[missed] < DAYS
    assert (int(later.group(1)) if later else 0) == count - skipped
    assert ("missed" in shown.sentence) == skipped


def test_it_is_sound_and_its_sentence_true_at_corners_and_random_settings():
    for settings in [*corners(SPEC), *anywhere(SPEC)]:
        claims_agree(settings, is_sound(settings))


shown_at = SPEC.at


# (control, values, index of the reading, which way it goes)
WAYS = [
    ("loading_dose", np.arange(0, 12.5, 1), 0, 1),
    ("loading_dose", np.arange(0, 12.5, 1), 7, 1),
    ("dose", np.arange(0, 12.5, 1), 2, 1),
    ("dose", np.arange(0, 12.5, 1), 4, 1),
    ("dose", np.arange(0, 12.5, 1), 6, 1),
    ("interval", np.arange(7, 43, 7), 0, -1),
    ("number_of_doses", np.arange(1, 11), 5, 1),
    ("number_of_doses", np.arange(1, 11), 6, 1),
    ("missed_dose", np.arange(1, 6), 4, -1),
    ("weight", np.arange(40, 141, 10), 1, 1),
    ("her2_way", np.linspace(0, 200, 12), 0, -1),
    ("her2_way", np.linspace(0, 200, 12), 3, -1),
    ("her2_way", np.linspace(0, 200, 12), 4, -1),
    ("her2_way", np.linspace(0, 200, 12), 5, 0),
]


@pytest.mark.parametrize("row", WAYS, ids=[f"{row[0]}-{row[2]}" for row in WAYS])
def test_direction(row):
    name, values, index, way = row
    seen = np.array([shown_at(**{name: float(v)}).readings[index].value for v in values])
    if way:
        assert np.all(np.diff(seen) * way > -1e-9)
        assert (seen[-1] - seen[0]) * way > 0.01 * seen.max()
    else:
        assert np.ptp(seen) <= 1e-9 * seen.max()


def test_every_control_has_a_direction():
    assert {row[0] for row in WAYS} == set(CONTROLS)


def test_the_opening_shows_the_numbers_of_the_label():
    shown = shown_at()
    assert shown.readings[0].value == pytest.approx(29.2, abs=0.1)  # label: 29.4
    assert shown.readings[1].value == pytest.approx(528 / 2.62, rel=1e-9)
    exact = kinetics().concentration(DAYS, 21.0 * np.arange(6), [528, *[396] * 5], step=0.1)
    assert shown.readings[4].value == pytest.approx(exact, rel=0.01)
    assert shown.readings[2].value == pytest.approx(25.0, abs=0.1)
    assert shown.readings[3].value == pytest.approx(6.3, abs=0.1)


def test_without_a_loading_dose_the_first_cycle_misses_the_target():
    assert (
        shown_at(**PRESETS["No loading dose"]).readings[0].value
        < TARGET
        < shown_at().readings[0].value
    )


def test_a_missed_dose_lets_it_fall_below_the_target():
    missed, given = (
        each.series[0] for each in (shown_at(**PRESETS["One dose missed"]), shown_at())
    )
    lowest = [drug.y[(drug.x > 63) & (drug.x < 84)].min() for drug in (missed, given)]
    assert lowest[0] < TARGET < lowest[1]
    assert "the dose of day 63 missed" in shown_at(**PRESETS["One dose missed"]).sentence


def test_with_an_empty_her2_way_both_lines_are_one():
    shown = shown_at(her2_way=0.0)
    np.testing.assert_allclose(shown.series[0].y, shown.series[1].y, rtol=3e-3)
    assert "32.6 days at every concentration" in shown.sentence


def test_weekly_doses_give_smaller_waves():
    weekly, rare = shown_at(**PRESETS["Every week"]), shown_at()
    assert weekly.readings[1].value < 0.6 * rare.readings[1].value
    assert weekly.readings[7].value < rare.readings[7].value


@pytest.mark.parametrize(
    "settings",
    [{}, *(p.settings for p in SPEC.presets), {"dose": 0, "loading_dose": 12}, {"dose": 3}],
)
def test_the_goal_is_not_reached_by_doing_little(settings):
    settings = {**SPEC.defaults, **settings}
    assert not SPEC.goal.reached(settings, view(**settings))


@pytest.mark.parametrize("predicted", ["same", "faster", "slower"])
@pytest.mark.parametrize("observed", ["apart", "together", "crossed"])
def test_the_explanation_fits_every_answer(predicted, observed):
    text = SPEC.prediction.explain({"predict": predicted, "why": "full", "observe": observed})
    assert ("That is what the model shows" in text) == (predicted == "faster")
    assert ("That is what you saw" in text) == (observed == "apart")
    for index in (2, 3):
        assert str(shown_at().readings[index]) in text


def test_the_observation_can_be_made_once_tried():
    for doses in (2.0, 3.0):
        settings = {**SPEC.defaults, "number_of_doses": doses}
        assert SPEC.prediction.tried(settings)
        drug, linear = view(**settings).series[:2]
        gap = (linear.y / drug.y)[drug.x > 50]
        assert np.all(np.diff(gap[np.isfinite(gap)]) > 0)  # apart, and not crossing
    assert not SPEC.prediction.tried(SPEC.defaults)


def test_the_table_holds_the_plotted_values():
    shown = shown_at()
    assert [row[0] for row in shown.table.rows] == [str(day) for day in range(0, DAYS + 1, 21)]
    assert float(shown.table.rows[1][1]) == pytest.approx(shown.readings[0].value, abs=0.051)
    assert float(shown.table.rows[-1][2]) == pytest.approx(shown.series[1].y[-1], abs=0.051)
