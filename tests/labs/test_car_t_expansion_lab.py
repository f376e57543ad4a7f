"""CAR-T cells in leukaemia: the dose moves the peak sideways, and few cells do the lasting."""

import re

import numpy as np
import pytest

from course_lib.labs import car_t_expansion
from course_lib.labs.car_t_expansion import SPEC, view
from course_lib.models.car_t_expansion import CarTKinetics

PEAK, DAY, FOLD, DOUBLING, YEAR, LAST = range(6)
SLIDERS = {control.name: control.quantity for control in SPEC.controls}


def readings(**settings):
    shown = SPEC.at(**settings)
    return np.array([reading.value for reading in shown.readings])


def lines(**settings):
    return {each.name: each for each in SPEC.at(**settings).series[:3]}


def number(words):
    return float(words.replace(",", ""))


def test_the_opening_is_the_typical_patient():
    assert SPEC.defaults["dose"] == 1
    told = readings()
    assert told[:3] == pytest.approx([24000, 9.3, 3900])
    assert told[DOUBLING] == pytest.approx(0.78, abs=0.005)
    assert told[YEAR] == pytest.approx(CarTKinetics().level(365.0), rel=0.01)


def test_it_says_leukaemia_wherever_a_number_could_be_mistaken():
    assert "leukaemia" in SPEC.title
    assert all("Leukaemia" in panel.title and panel.log for panel in SPEC.panels)
    assert "leukaemia" in SPEC.at().sentence
    assert "not from breast cancer" in SPEC.lead


# ---- ten times the dose is not ten times the peak ----


def test_ten_times_the_dose_gives_the_same_peak_earlier():
    tenth, usual = readings(dose=0.1), readings()
    assert usual[PEAK] == tenth[PEAK]
    assert tenth[DAY] - usual[DAY] == pytest.approx(2.6, abs=0.05)
    assert tenth[FOLD] / usual[FOLD] == pytest.approx(10)
    assert tenth[YEAR] == pytest.approx(usual[YEAR], rel=0.02)


def test_if_the_peak_followed_the_dose_it_would_be_ten_times_as_high():
    tenth, usual = readings(dose=0.1, follows=1), readings(follows=1)
    assert usual[PEAK] / tenth[PEAK] == pytest.approx(10)
    assert usual[DAY] == tenth[DAY]


def test_over_the_whole_range_of_doses():
    doses = np.geomspace(SLIDERS["dose"].low, SLIDERS["dose"].high, 30)
    free = np.array([readings(dose=dose) for dose in doses])
    assert np.ptp(free[:, PEAK]) == 0
    assert np.all(np.diff(free[:, DAY]) < 0)
    bound = np.array([readings(dose=dose, follows=1) for dose in doses])
    np.testing.assert_allclose(bound[:, PEAK] / doses, 24000)


# ---- the few that persist ----


def test_what_is_left_after_a_year_comes_from_the_cells_that_persist():
    usual, hardly = readings(), readings(persisting_share=0.0001)
    assert usual[YEAR] > 50 * hardly[YEAR]
    assert usual[LAST] > 200 > 50 > hardly[LAST]
    # The peak is the same: it does not tell.
    assert usual[PEAK] == hardly[PEAK]


def test_the_gap_closes_if_all_cells_are_lost_alike():
    """With one half-life for all, the share of persisting cells means nothing."""
    alike = float(np.log(2) / CarTKinetics().contraction)
    many = CarTKinetics(persisting_share=0.05, slow_loss=0.16)
    few = CarTKinetics(persisting_share=0.0001, slow_loss=0.16)
    assert alike < SLIDERS["half_life_slow"].low
    np.testing.assert_allclose(many.level([30.0, 365.0]), few.level([30.0, 365.0]), rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "row", "sign"),
    [
        ("peak", PEAK, 1),
        ("peak", YEAR, 1),
        ("persisting_share", YEAR, 1),
        ("persisting_share", LAST, 1),
        ("half_life_slow", YEAR, 1),
        ("dose", DAY, -1),
        ("dose", FOLD, -1),
    ],
)
def test_directions(name, row, sign):
    ladder = np.geomspace(SLIDERS[name].low, SLIDERS[name].high, 25)
    told = np.array([readings(**{name: value})[row] for value in ladder])
    assert np.all(np.diff(told) * sign > 0)


# ---- what it says and draws ----


@pytest.mark.parametrize(
    "settings",
    [{}, {"dose": 0.1}, {"dose": 2, "follows": 1}, {"persisting_share": 0.1}, {"peak": 3000}],
)
def test_every_number_of_the_sentence_is_the_models(settings):
    told = {**SPEC.defaults, **settings}
    found = re.search(
        r"peak of ([\d,]+) copies per µg of DNA on day ([\d.]+)\. .* multiplied ([\d,]+) times\. "
        r".* until day ([\d,]+)\. .* the level is (less than 1|[\d,]+) copies",
        view(**told).sentence,
    )
    cells = CarTKinetics(
        peak=told["peak"],
        persisting_share=told["persisting_share"],
        slow_loss=np.log(2) / told["half_life_slow"],
    ).with_dose(told["dose"], told["follows"])
    assert number(found[1]) == pytest.approx(cells.peak, rel=0.005)
    assert number(found[2]) == pytest.approx(cells.peak_day, abs=0.05)
    assert number(found[3]) == pytest.approx(cells.fold, rel=0.005)
    assert cells.level(number(found[4]) - 1) > 100 > cells.level(number(found[4]) + 1)
    assert number(found[5].removeprefix("less than ")) == pytest.approx(cells.level(365.0), abs=1)


def test_the_drawn_peak_is_the_highest_point_and_the_dashed_line_the_median_dose():
    found = lines(dose=0.1)
    mark = found["peak"]
    assert np.nanmax(found["your dose"].y) == pytest.approx(mark.y[0])
    assert np.nanmax(found["median dose"].y) == pytest.approx(24000)
    same = lines()
    np.testing.assert_array_equal(same["median dose"].y, same["your dose"].y)


def test_the_goal_needs_lasting_cells_and_neither_dose_nor_peak():
    def reached(**settings):
        settings = {**SPEC.defaults, **settings}
        return SPEC.goal.reached(settings, view(**settings))

    assert not reached(dose=2)
    assert not reached(peak=200_000)
    assert not reached(dose=2, persisting_share=0.05)
    assert not reached(peak=30_000, persisting_share=0.05)
    assert reached(persisting_share=0.05)


def test_the_explanation_carries_the_models_numbers():
    text = SPEC.prediction.explain({"predict": "same", "why": "room", "observe": "later"})
    assert "2.6 days later" in text
    assert "24,000 copies/µg" in text
    assert "90 children" in text
    tried = SPEC.prediction.tried
    assert tried({**SPEC.defaults, "dose": 0.1})
    assert not tried({**SPEC.defaults, "dose": 0.2})
    assert car_t_expansion.lab(dose=0.5).settings["dose"] == 0.5
