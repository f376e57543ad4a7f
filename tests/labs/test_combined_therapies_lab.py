"""The lab that combines therapies: runs of ``simulate``, honest labels, and what it must show."""

import itertools

import numpy as np
import pytest

from course_lib.labs.combined_therapies import (
    DAYS,
    NONE,
    SPEC,
    TABLE_DAYS,
    THERAPIES,
    chosen,
    lab,
)
from course_lib.models.checkpoint_inhibitors import Pembrolizumab
from course_lib.models.chemotherapy import Chemotherapy
from course_lib.models.patient import Patient, assumed, simulate
from course_lib.models.virtual_trial import Trial

shown = SPEC.at


def end(**settings):
    return shown(**settings).series[0].y[-1]


def test_lines_are_runs_of_the_composed_patient():
    drawn = shown(first="pembrolizumab", second="chemotherapy", infiltration=2, cps=5)
    patient = Patient(infiltration=2, cps=5)
    arms = {
        "together": [Pembrolizumab(), Chemotherapy()],
        "first alone": [Pembrolizumab()],
        "second alone": [Chemotherapy()],
        "nothing": [],
    }
    for series in drawn.series[:4]:
        run = simulate(patient, arms[series.name], DAYS)
        for day in TABLE_DAYS:
            size = run.size[np.flatnonzero(run.times == day)[-1], 0] if day in run.times else None
            if size is not None:
                assert series.y[series.x == day][0] == pytest.approx(size, rel=1e-9)
    assert drawn.readings[0].value == drawn.series[0].y[-1]


def test_a_line_that_would_repeat_another_one_is_left_out():
    for settings, drawn in (
        ({}, []),
        ({"first": NONE, "second": "til"}, []),
        ({"second": "til"}, ["first alone", "second alone"]),
        ({"third": "til"}, ["first alone"]),
        ({"first": NONE, "second": "til", "third": "vaccine"}, ["second alone"]),
    ):
        alone = shown(**settings).series[1:3]
        assert [each.name for each in alone if np.isfinite(each.y).all()] == drawn
        assert all(np.isnan(each.y).all() for each in alone if each.name not in drawn)


def test_every_therapy_of_the_course_can_be_chosen_once():
    assert set(THERAPIES) == {
        *("pembrolizumab", "chemotherapy", "trastuzumab", "conjugate"),
        *("car_t", "til", "interleukin2", "vaccine"),
    }
    assert chosen("til", "til", "til") == ("til",)
    assert chosen(NONE, NONE, NONE) == ()
    for one, two in itertools.combinations(THERAPIES, 2):
        assert set(chosen(one, NONE, two)) == {one, two}
    assert end(first="til", second="til") == end(first=NONE, second="til")


def test_the_order_does_not_matter():
    one, other = (
        shown(first=a, second=b) for a, b in (("til", "pembrolizumab"), ("pembrolizumab", "til"))
    )
    assert one.sentence == other.sentence
    assert np.array_equal(one.series[0].y, other.series[0].y)


@pytest.mark.parametrize("name", THERAPIES)
def test_an_assumed_effect_is_called_assumed_and_no_hazard_ratio_is_shown(name):
    words, therapy = THERAPIES[name]
    drawn = shown(first=name, second="chemotherapy")
    says = f"Assumed, not measured in patients: the effect of {words}" in drawn.sentence
    assert says == bool(assumed([therapy()]))
    assert "hazard" not in (drawn.sentence + drawn.alt + drawn.table.html()).lower()
    if says:  # and the virtual trial would refuse to make one
        with pytest.raises(ValueError, match="calibrated on a trial"):
            Trial([therapy()], [])
    else:
        assert "Effects as calibrated on KEYNOTE-355" in drawn.sentence


def test_infused_cells_and_a_released_brake_do_more_than_both_gains():
    nothing = end(first=NONE)
    drug, cells, both = end(), end(first="til"), end(second="til")
    assert nothing - both > 1.5 * ((nothing - drug) + (nothing - cells))
    assert both < 1 < cells


def test_that_is_gone_without_the_brake():
    bare = {"cps": 0, "infiltration": 0}  # no brake to release, and none of the patient's T cells
    assert end(second="til", **bare) == pytest.approx(end(first="til", **bare), rel=1e-9)
    assert end(**bare) == pytest.approx(end(first=NONE, **bare), rel=1e-9)


def test_interleukin_helps_infused_cells_and_little_without_them():
    alone = end(first=NONE) - end(first="interleukin2")
    beside = end(first="til") - end(first="til", second="interleukin2")
    assert beside > 5 * alone > 0


def test_her2_matters_to_what_binds_it_and_to_nothing_else():
    for name in ("trastuzumab", "conjugate"):
        assert end(first=name, her2="high") < 0.5 * end(first=name, her2="low")
    for name in ("pembrolizumab", "chemotherapy", "til"):
        assert end(first=name, her2="high") == end(first=name, her2="low")


def test_the_explanation_says_what_the_lab_shows():
    text = SPEC.prediction.explanation()
    for settings in ({}, {"first": "til"}, {"second": "til"}):
        assert str(shown(**settings).readings[0]) in text


def test_the_goal_refuses_one_therapy_that_does_it_alone_and_three():
    for trick in ({"first": "car_t"}, {"second": "car_t"}, {"second": "til", "third": "vaccine"}):
        opened = lab(**trick)
        assert not SPEC.goal.reached(opened.settings, opened.view), trick
