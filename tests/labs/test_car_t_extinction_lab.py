"""Fifty equal patients with lymphoma: chance ends some tumours, and its odds can be moved."""

import re

import numpy as np
import pytest

from course_lib.labs.car_t_extinction import PATIENTS, SPEC, view
from course_lib.models.car_t_extinction import CarTCompetition, cure_chance

CHANCE, CURED, FEWEST, AVERAGE, DAY, CAR_T = range(6)
SLIDERS = {control.name: control.quantity for control in SPEC.controls}


at = SPEC.at


def readings(**settings):
    return np.array([reading.value for reading in at(**settings).readings])


def test_the_opening_is_kimmels_patient_and_chance_matters():
    patient = CarTCompetition()
    exact = 100 * cure_chance(patient.course(365, 0.5), 0.1)[-1, 0]
    assert readings()[CHANCE] == pytest.approx(exact, abs=1)
    assert 50 < exact < 90
    assert readings()[CAR_T] == pytest.approx(15.1, abs=0.1)
    assert readings()[AVERAGE] == pytest.approx(1.3, abs=0.05)


def test_it_says_lymphoma_wherever_a_number_could_be_mistaken():
    assert "lymphoma (model of Kimmel 2021)" in SPEC.title
    assert all("Lymphoma" in panel.title for panel in SPEC.panels)
    assert "lymphoma" in at().sentence
    assert "not from breast cancer" in SPEC.lead


# ---- same numbers, different ends ----


def test_equal_patients_end_differently():
    ends = [at(draw=patient) for patient in range(1, PATIENTS + 1)]
    gone = [shown.readings[FEWEST].value == 0 for shown in ends]
    assert gone[0] != gone[1]
    assert sum(gone) == readings()[CURED]
    assert 0 < sum(gone) < PATIENTS
    assert sum(gone) == pytest.approx(PATIENTS * readings()[CHANCE] / 100, abs=9)
    for shown, ended in zip(ends, gone, strict=True):
        assert ("last tumour cell died by day" in shown.sentence) == ended
        assert np.isfinite(shown.series[4].y).any() == ended
        # All but the draw is shared.
        for mine, other in zip(shown.series[:3], ends[0].series[:3], strict=True):
            np.testing.assert_array_equal(mine.y, other.y)


def test_without_chance_the_tumour_returns_in_everyone():
    """The equations alone, from 1.3 cells or from a hundredth of one, always grow back."""
    for growth in (0.1, 0.05):
        shown = at(tumour_growth=growth)
        mean = shown.series[2].y
        assert mean[-1] > 100 * shown.readings[AVERAGE].value
        assert shown.readings[CURED].value >= PATIENTS / 2


def test_without_few_cells_all_end_alike():
    """A tumour that never falls to 100 cells leaves nothing to chance."""
    ends = {at(tumour_growth=0.2, draw=patient).sentence for patient in (1, 2, 20, 50)}
    assert len(ends) == 1
    assert "chance cannot end it" in ends.pop()
    assert readings(tumour_growth=0.2)[CURED] == 0


def test_the_course_is_shared_until_100_cells_are_left():
    one, two = (at(draw=patient).series for patient in (1, 2))
    mean = one[2].y
    early = np.arange(mean.size) < np.flatnonzero(mean < 100)[0]
    for series in (one, two):
        np.testing.assert_array_equal(series[3].y[early], mean[early])
    assert not np.array_equal(one[3].y, two[3].y, equal_nan=True)


# ---- what moves the chance ----


@pytest.mark.parametrize(
    ("name", "sign"),
    [("tumour_growth", -1), ("infused", 1), ("left", -1), ("kill_rate", 1), ("tumour", -1)],
)
def test_directions(name, sign):
    ladder = np.geomspace(SLIDERS[name].low, SLIDERS[name].high, 40)
    told = np.array([readings(**{name: value})[CHANCE] for value in ladder])
    assert np.all(np.diff(told) * sign >= -1e-9)
    assert (told[-1] - told[0]) * sign > 50


def test_a_slower_tumour_or_more_cells_raise_the_chance_and_not_without_killing_power():
    usual = readings()[CHANCE]
    for better in ({"tumour_growth": 0.05}, {"infused": 360}, {"left": 1.9}):
        assert readings(**better)[CHANCE] > usual + 20
        assert readings(**better, kill_rate=0.3)[CHANCE] == 0


def test_more_cells_help_by_their_expansion():
    """Where normal T cells leave no room to expand, twice as many CAR-T cells change nothing."""
    assert readings(infused=360)[CAR_T] > readings()[CAR_T] + 5
    crowded = {"left": 30}
    assert readings(**crowded)[CAR_T] < 1
    assert readings(**crowded, infused=360)[CHANCE] == readings(**crowded)[CHANCE] == 0


def test_it_never_shows_certainty():
    sure = at(tumour_growth=0.01, infused=1800)
    assert str(sure.readings[CHANCE]) == "99.9 %"
    assert str(at(tumour_growth=0.3).readings[CHANCE]) == "less than 0.1 %"


# ---- what it says and draws ----


@pytest.mark.parametrize(
    "settings", [{}, {"draw": 2}, {"tumour_growth": 0.13, "draw": 7}, {"infused": 130}]
)
def test_every_number_of_the_sentence_is_the_models(settings):
    shown, told = at(**settings), {**SPEC.defaults, **settings}
    found = re.search(
        r"vanishes is ([\d.]+|less than 0\.1) %\. Of 50 .* vanished in (\d+)\. "
        r"In patient (\d+) (.*)$",
        shown.sentence,
    )
    patient = CarTCompetition(
        tumour_growth=told["tumour_growth"],
        car_t_cells=1e6 * told["infused"],
        normal_cells=1e9 * told["left"],
        tumour_cells=1e9 * told["tumour"],
    )
    exact = 100 * cure_chance(patient.course(365, 0.5), told["tumour_growth"])[-1, 0]
    assert float(found[1].removeprefix("less than ")) == pytest.approx(exact, abs=1)
    assert int(found[3]) == told["draw"]
    cells = shown.series[3]
    if "died by day" in found[4]:
        day = float(re.search(r"day (\d+)", found[4])[1])
        assert not np.isfinite(cells.y[cells.x > day + 1]).any()
        assert shown.series[4].x[0] == pytest.approx(day, abs=0.5)
    else:
        fewest = float(re.search(r"fell to (\d+)", found[4])[1])
        assert np.nanmin(cells.y) == fewest


def test_the_chance_curve_ends_where_the_reading_stands():
    chance = at().series[5].y
    assert np.all(np.diff(chance) >= -1e-9)
    assert chance[-1] == pytest.approx(readings()[CHANCE])
    day_100 = np.flatnonzero(at().series[2].y < 100)[0]
    assert chance[day_100 - 1] == 0


def test_the_goal_asks_for_a_tumour_that_grows_as_fast():
    settings = {**SPEC.defaults, "tumour_growth": 0.05}
    assert not SPEC.goal.reached(settings, view(**settings))


def test_the_explanation_carries_the_models_numbers():
    text = SPEC.prediction.explain({"predict": "some", "why": "differ", "observe": "some"})
    told = at().readings
    assert f"in {told[CURED]} of 50; the model gives {told[CHANCE]}" in text
    for settings in ({"tumour_growth": 0.05}, {"tumour_growth": 0.13}, {"infused": 360}):
        assert str(at(**settings).readings[CHANCE]) in text
    tried = SPEC.prediction.tried
    assert tried({**SPEC.defaults, "draw": 2})
    assert not tried({**SPEC.defaults, "tumour_growth": 0.2})
