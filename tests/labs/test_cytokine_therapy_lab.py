"""The bench for IL-2: what a student finds, and that it goes when its cause goes."""

import numpy as np
import pytest

from course_lib.labs import cytokine_therapy as lab
from course_lib.labs.cytokine_therapy import SPEC

pytestmark = pytest.mark.filterwarnings("error")

REGULATORY, NK, CD8, KILLING, LEAK, HIGHEST, AFTER = range(7)
DOSES = np.geomspace(0.6, 6000, 25)
SCHEDULES = [name for name, _ in lab.SCHEDULES]


show = SPEC.at


def values(**settings):
    return [reading.value for reading in show(**settings).readings]


def line(name, panel, **settings):
    found = [each for each in show(**settings).series if (each.name, each.panel) == (name, panel)]
    assert len(found) == 1
    return found[0].y


def least_dose(reading, enough, **settings):
    reached = [values(dose=dose, **settings)[reading] >= enough for dose in DOSES]
    return DOSES[np.argmax(reached)] if any(reached) else np.inf


def test_it_opens_on_the_dose_of_the_label():
    found = values()
    assert SPEC.defaults["dose"] == 600
    assert found[LEAK] == pytest.approx(100)
    assert found[HIGHEST] == pytest.approx(44.4, rel=1e-2)
    assert found[AFTER] == pytest.approx(0.053, rel=2e-2)


@pytest.mark.parametrize("schedule", ["label", "continuous"])
def test_as_the_dose_rises_regulatory_cells_come_first_and_leak_last(schedule):
    order = [least_dose(each, 1.5, schedule=schedule) for each in (REGULATORY, NK, CD8)]
    order.append(least_dose(LEAK, 100, schedule=schedule))
    assert order == sorted(order)
    assert order[0] < order[2] / 20


def test_with_one_grip_regulatory_cells_are_not_first():
    settings = {"kd_three_chains": 1}
    assert least_dose(REGULATORY, 1.5, **settings) == least_dose(CD8, 1.5, **settings)


def test_no_native_dose_at_any_schedule_reaches_the_goal():
    for schedule in SCHEDULES:
        for dose in DOSES:
            settings = {**SPEC.defaults, "schedule": schedule, "dose": dose}
            assert not SPEC.goal.reached(settings, SPEC.view(**settings))


def test_no_native_dose_makes_more_cd8_than_regulatory_cells():
    for schedule in SCHEDULES:
        for dose in DOSES:
            found = values(schedule=schedule, dose=dose)
            assert found[CD8] <= found[REGULATORY]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_low_native_dose_lowers_killing_and_only_through_suppression(schedule):
    lowest = min(values(schedule=schedule, dose=dose)[KILLING] for dose in DOSES)
    assert lowest < 0.998
    settings = {"schedule": schedule, "half_suppression": 1000}
    free = min(values(dose=dose, **settings)[KILLING] for dose in DOSES)
    assert free > 0.998
    blocked = {"schedule": schedule, "variant": "alpha_blocked"}
    assert min(values(dose=dose, **blocked)[KILLING] for dose in DOSES) >= 1


def test_an_alpha_block_moves_the_curve_of_regulatory_cells_only():
    for name in ("NK", "CD8 T", "vessels"):
        np.testing.assert_array_equal(line(name, 0), line(name, 0, variant="alpha_blocked"))
    moved = line("regulatory T", 0, variant="alpha_blocked")
    np.testing.assert_array_equal(moved, line("CD8 T", 0))
    assert np.all(moved < line("regulatory T", 0))
    for reading in (NK, CD8, LEAK, HIGHEST, AFTER):
        assert values()[reading] == values(variant="alpha_blocked")[reading]


def test_a_mask_moves_the_blood_and_the_leak_only():
    for name in ("regulatory T", "NK", "CD8 T"):
        np.testing.assert_array_equal(line(name, 2), line(name, 2, variant="masked"))
    np.testing.assert_array_equal(
        line("in the tumour", 1), line("in the tumour", 1, variant="masked")
    )
    blood, native = line("in the blood", 1, variant="masked"), line("in the blood", 1)
    drawn = np.isfinite(blood)
    np.testing.assert_allclose(blood[drawn], 0.02 * native[drawn])
    assert values(variant="masked")[LEAK] < 6


def test_a_long_acting_variant_moves_time_and_no_curve_of_signals():
    for name in ("regulatory T", "NK", "CD8 T", "vessels"):
        np.testing.assert_array_equal(line(name, 0), line(name, 0, variant="long_acting"))
    native, longer = values(), values(variant="long_acting")
    assert longer[AFTER] > 50 * native[AFTER]
    assert longer[LEAK] > 3 * native[LEAK]


def test_every_eight_hours_makes_peaks_and_one_infusion_a_level():
    peaks = line("in the tumour", 1)
    assert peaks[2] > 500 * peaks[64]  # 15 minutes and 8 hours after the start
    level = line("in the tumour", 1, schedule="continuous")[64:]
    assert level.max() / level.min() < 1.1


def test_a_low_daily_dose_reaches_regulatory_cells_and_hardly_nk_cells():
    """As in Mani 2009. With the grip of three chains on all of them it would reach them."""
    low = {"dose": 24, "schedule": "daily"}
    found = values(**low)
    assert found[REGULATORY] > 1.4
    assert found[NK] < 1.1


def test_the_readings_are_those_of_the_plotted_lines():
    found = values(dose=60)
    for reading, name in ((REGULATORY, "regulatory T"), (NK, "NK"), (CD8, "CD8 T")):
        assert found[reading] == line(name, 2, dose=60).max()
    assert found[KILLING] == pytest.approx(line("killing", 3, dose=60).mean())


def test_the_table_tells_both_half_lives_and_the_peaks_then_each_day():
    table = show(dose=60).table
    rows = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    level = line("in the tumour", 1, dose=60)
    for hour in (0.25, 0.5, 6, 8, 8.25, 16.25):  # eight points an hour
        told = rows[f"hour {hour:g}"]["IL-2 in the tumour"]
        assert float(told.removesuffix(" nM")) == pytest.approx(level[int(8 * hour)], rel=0.1)
    cells = line("regulatory T", 2, dose=60)
    for day in (1, 5, 14):  # ten points a day
        row = rows[f"day {day}"]
        assert row["IL-2 in the tumour"] == "–"  # only the first day is plotted
        assert float(row["Regulatory T cells"]) == pytest.approx(cells[10 * day], abs=0.006)
    assert len(table.rows) == len(rows) == lab.TOLD.size + lab.DAYS


def test_readings_have_three_figures_and_levels_two():
    long_acting = [str(each) for each in show(variant="long_acting").readings]
    assert long_acting[REGULATORY] == "10.9 times"
    assert long_acting[HIGHEST] == "69 nM"
    assert str(show(schedule="continuous").readings[AFTER]) == "3.0 nM"


def test_the_sentence_says_what_is_set_and_what_happens():
    assert "Native IL-2, 6 million IU/kg a dose" in show(dose=6000).sentence
    text = show(dose=6).sentence
    assert "Native IL-2, 6 thousand IU/kg" in text
    assert "4 % less than before" in text
    assert "hardly" in show(dose=0.6).sentence
    assert "more than before" in show().sentence
    assert "as much as before" in show(dose=0.6, schedule="once").sentence


def test_only_the_native_label_schedule_counts_as_tried():
    tried = SPEC.prediction.tried
    opening = SPEC.defaults
    assert tried({**opening, "dose": 6})
    for other in ({"dose": 60}, {"dose": 6, "variant": "masked"}, {"dose": 6, "schedule": "once"}):
        assert not tried({**opening, **other})


def test_the_explanation_names_what_the_model_gives():
    text = SPEC.prediction.explain({"observe": "regulatory"})
    assert f"{values(dose=6)[REGULATORY]:.3g} times as many" in text
    assert "a hundred times as firmly" in text
