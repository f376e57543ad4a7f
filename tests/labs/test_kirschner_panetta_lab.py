"""The lab of regimes: what a student finds, and that it goes when its cause goes."""

import numpy as np
import pytest

from course_lib.labs.kirschner_panetta import SPEC
from course_lib.models import kirschner_panetta as model

pytestmark = pytest.mark.filterwarnings("error")

LARGEST, LATE, LEAST, EFFECTORS, FALLS, NEEDED = range(6)


show = SPEC.at


def millions(reading):
    """Numbers of cells in millions, whatever unit the reading has; others as they are."""
    factors = {"thousand cells": 1e-3, "cells": 1e-6}
    return reading.value * factors.get(reading.unit, 1)


def values(**settings):
    return [millions(reading) for reading in show(**settings).readings]


def drawn(shown, name):
    return next(each for each in shown.series if each.name == name)


def test_three_regimes():
    large, swings, small = (values(antigenicity=c) for c in (5, 2000, 3500))
    assert large[LATE] == pytest.approx(988)
    assert swings[FALLS] >= 3
    assert swings[LARGEST] == pytest.approx(0.384)
    assert small[FALLS] == 0
    assert small[LATE] < 0.05
    assert small[LEAST] > 0.004


def test_without_antigenicity_the_regimes_are_gone(monkeypatch):
    """Flipped: the tumour calls nobody, whatever the slider says."""
    kept = model.KirschnerPanetta

    def silent(**settings):
        return kept(**{**settings, "antigenicity": 0})

    monkeypatch.setattr("course_lib.labs.kirschner_panetta.KirschnerPanetta", silent)
    found = {values(antigenicity=c)[LATE] for c in (5, 2000, 3500)}
    assert found == {1000}


def test_a_weak_call_ends_a_large_tumour_only_through_il2(monkeypatch):
    """Flipped: effector cells that IL-2 does not make multiply."""
    kept = model.KirschnerPanetta
    found = values(antigenicity=50)
    assert found[FALLS] > 0
    assert found[EFFECTORS] > 100

    def no_response(**settings):
        return kept(**settings, stimulation=0)

    monkeypatch.setattr("course_lib.labs.kirschner_panetta.KirschnerPanetta", no_response)
    found = values(antigenicity=50)
    assert found[FALLS] == 0
    assert found[LATE] > 900


def test_a_small_tumour_shrinks_above_540_cells_a_day_and_grows_below():
    assert values()[NEEDED] == pytest.approx(540)
    below, above = show(effector_inflow=500), show(effector_inflow=600)
    assert millions(below.readings[LATE]) > 900
    assert millions(above.readings[LARGEST]) < 0.001
    assert above.readings[FALLS].value == 1
    assert "tumour grows here" in below.sentence
    assert "tumour shrinks here" in above.sentence


def test_above_540_a_large_tumour_stays_because_the_inflow_is_too_late():
    late = {"effector_inflow": 1000, "tumour": 1e8}
    assert values(**late)[LATE] > 900
    assert values(effector_inflow=1000)[LARGEST] < 0.001


def test_il2_given_lowers_the_inflow_that_is_needed():
    needed = [values(il2_inflow=million)[NEEDED] for million in (0, 20, 40, 60)]
    assert np.all(np.diff(needed) < 0)


def test_a_little_inflow_calms_the_swings_and_none_does_not():
    assert values(antigenicity=2000, effector_inflow=300)[FALLS] == 0
    assert values(antigenicity=2000)[FALLS] > 0


def test_less_than_one_cell_is_drawn_apart_and_never_called_a_cure():
    shown = show(antigenicity=2000)
    tumour, beyond = drawn(shown, "tumour"), drawn(shown, "equations go on")
    first = float(np.nanmax(tumour.x[np.isfinite(tumour.y)]))
    assert first == pytest.approx(115, abs=0.5)
    assert np.nanmin(beyond.x[np.isfinite(beyond.y)]) > first
    assert not np.any(np.isfinite(tumour.y) & np.isfinite(beyond.y))
    assert "the equations say nothing" in shown.sentence
    for settings in ({"antigenicity": 2000}, {"effector_inflow": 600}, {"antigenicity": 50}):
        text = show(**settings).sentence
        assert "say nothing" in text
        assert "not a cure" in text or "no cell can do" in text
        assert "gone" not in text


def test_what_effector_cells_do_below_one_tumour_cell_is_drawn_dotted_too():
    shown = show(antigenicity=2000)
    known, beyond = drawn(shown, "effector cells"), drawn(shown, "effectors go on")
    assert np.nanmax(known.x[np.isfinite(known.y)]) == pytest.approx(115, abs=0.5)
    assert np.nanmin(beyond.x[np.isfinite(beyond.y)]) == pytest.approx(115, abs=0.5)
    assert not known.label  # its end is no end of the plot
    held = show(antigenicity=3500)
    assert drawn(held, "effector cells").label
    assert not np.isfinite(drawn(held, "effectors go on").y).any()


def test_cells_are_told_in_units_that_can_be_read():
    told = [str(each) for each in show(antigenicity=2000).readings]
    assert told[LARGEST] == "384 thousand cells"
    assert told[LEAST] == "less than 1000 cells"
    assert str(show().readings[LATE]) == "988 million cells"
    assert str(show(antigenicity=3500).readings[LEAST]) == "4.94 thousand cells"


def test_the_phase_plane_marks_what_attracts():
    large = show()
    stable, unstable = drawn(large, "attracts"), drawn(large, "does not attract")
    assert np.nanmax(stable.y) == pytest.approx(9.88e8, rel=1e-3)
    assert np.isfinite(unstable.y).sum() == 2
    swings = show(antigenicity=2000)
    assert not np.isfinite(drawn(swings, "attracts").y).any()
    held = drawn(show(antigenicity=3500), "attracts")
    assert held.y[0] == pytest.approx(18200, rel=1e-2)


def test_sentences_fit_the_end():
    assert "The tumour is large: 988 million cells" in show().sentence
    assert "ever less" in show(antigenicity=3500).sentence
    assert "The tumour is small" in show(antigenicity=2000, effector_inflow=500).sentence
    assert "the tumour shrinks and has 19 cells" in show(effector_inflow=550).sentence
    assert "the tumour grows, then turns, and has 988 million" in show(effector_inflow=530).sentence
    assert "c is 0.00005)" in show().sentence
    swings = show(antigenicity=2500).sentence
    assert "swings between" in swings
    assert "ever less" not in swings


def test_the_readings_are_those_of_the_course():
    rates = model.KirschnerPanetta(antigenicity=0.035)
    course = model.simulate(rates, days=1000)
    found = values(antigenicity=3500)
    assert found[LARGEST] == pytest.approx(course.tumour.max() / 1e6, rel=5e-3)
    assert found[EFFECTORS] == pytest.approx(course.effectors.max() / 1e6, rel=5e-3)
    late = course.tumour[course.times >= 500]
    assert found[LATE] == pytest.approx(late.max() / 1e6, rel=5e-3)
    assert found[LEAST] == pytest.approx(late.min() / 1e6, rel=5e-3)


def test_the_explanation_names_what_the_model_gives():
    text = SPEC.prediction.explain({"observe": "swings"})
    assert "993 million cells" in text
    assert "384 thousand cells" in text
    assert "neither a cure nor a relapse" in text
    assert "18,200" in text


def test_what_counts_as_tried():
    tried = SPEC.prediction.tried
    assert tried({**SPEC.defaults, "antigenicity": 2000})
    assert not tried({**SPEC.defaults, "antigenicity": 3500})
    assert not tried({**SPEC.defaults, "antigenicity": 2000, "effector_inflow": 300})
