"""Courses, outcomes and borders of Kuznetsov 1994: BioModels 0762, DOP853 and closed forms."""

from math import log

import antimony
import numpy as np
import pytest
import roadrunner

from course_lib.models import tumour_and_immunity as model
from course_lib.models.tumour_and_immunity import Kuznetsov
from kuznetsov_oracle import ANTIMONY, BIOMODELS_0762, dop853, rates, some_settings

pytestmark = pytest.mark.filterwarnings("error")


# --- courses ----------------------------------------------------------------------------


def test_the_published_run_against_libroadrunner_on_the_reactions_and_its_stored_numbers():
    antimony.clearPreviousLoads()
    assert antimony.loadAntimonyString(ANTIMONY) >= 0, antimony.getLastError()
    runner = roadrunner.RoadRunner(antimony.getSBMLString("kuznetsov"))
    runner.integrator.relative_tolerance = 1e-12
    runner.integrator.maximum_time_step = 0.05
    runner.timeCourseSelections = ["time", "E", "T"]
    days = list(BIOMODELS_0762)
    by_cvode = np.array(runner.simulate(times=[0.0, *days]))[1:, 1:]
    np.testing.assert_allclose(by_cvode, list(BIOMODELS_0762.values()), rtol=1e-8)
    for day, expected in BIOMODELS_0762.items():
        course = model.simulate(Kuznetsov(), 320_000, 5_000_000, days=day)
        assert course.times[-1] == pytest.approx(day)
        assert (course.effectors[-1], course.tumour[-1]) == pytest.approx(expected, rel=2e-4)
    assert course.outcome == "equilibrium"


def test_courses_and_outcomes_from_anywhere_in_the_lab_against_dop853():
    seen, late = set(), np.geomspace(501, 20_000, 40)
    for k, effectors, tumour in some_settings(100, 3):
        course = model.simulate(k, effectors, tumour)
        e, t, gone = dop853(k, effectors, tumour, np.append(course.times, late))
        alive = min(int((course.tumour > 0).sum()), len(t))
        np.testing.assert_allclose(course.tumour[:alive], t[:alive], rtol=0.01)
        np.testing.assert_allclose(course.effectors[:alive], e[:alive], rtol=0.01)
        expected = model.equilibria(k)[0] if gone else course.end
        assert course.end.tumour == expected.tumour
        if gone:
            assert course.outcome == "elimination"
        else:
            slow = 0.5 * t[-40] if course.outcome == "elimination" else 0
            assert t[-1] == pytest.approx(course.end.tumour, rel=0.1, abs=slow)
            assert (course.outcome == "elimination") == (course.end.tumour == 0)
        seen.add(course.outcome)
    assert seen == set(model.OUTCOMES)


@pytest.mark.parametrize(
    ("inflow", "effectors", "tumour", "outcome"),
    [
        (13_000, 3.2e5, 5e6, "equilibrium"),
        (13_000, 1e5, 1e7, "equilibrium"),
        (13_000, 1e5, 1.1e7, "escape"),
        (20_000, 1e5, 2e7, "equilibrium"),
        (13_000, 2e7, 2e7, "elimination"),
        (80_000, 1e5, 2e7, "elimination"),
        (5_000, 3.2e5, 5e6, "equilibrium"),
        (5_000, 3.2e5, 1e3, "escape"),  # the smaller tumour slips through
        (5_000, 2e6, 2e7, "equilibrium"),
        (5_000, 6e6, 2e7, "escape"),  # more effector cells, and they die out too soon
    ],
)
def test_named_starts(inflow, effectors, tumour, outcome):
    k = Kuznetsov(inflow=inflow)
    assert model.simulate(k, effectors, tumour).outcome == outcome
    # A short look changes nothing: the outcome is that of the long run.
    assert model.simulate(k, effectors, tumour, days=5).outcome == outcome


def test_once_less_than_one_cell_is_left_the_tumour_is_gone_and_effector_cells_settle():
    k = Kuznetsov()
    course = model.simulate(k, 2e7, 2e7, days=400)
    gone = course.times >= course.eliminated_on
    assert 5 < course.eliminated_on < 20
    assert np.all(course.tumour[gone] == 0)
    assert np.all(course.tumour[~gone] >= 1)
    rest = k.inflow / k.effector_death
    since = course.times[gone] - course.eliminated_on
    expected = rest + (course.effectors[gone][0] - rest) * np.exp(-0.0412 * since)
    np.testing.assert_allclose(course.effectors[gone], expected, rtol=1e-12)
    assert np.isnan(model.simulate(k, 3.2e5, 5e6).eliminated_on)


def test_without_a_tumour_effector_cells_settle_at_inflow_over_death():
    course = model.simulate(Kuznetsov(), 1e6, 0)
    rest = 13000 / 0.0412
    expected = rest + (1e6 - rest) * np.exp(-0.0412 * course.times)
    np.testing.assert_allclose(course.effectors, expected, rtol=1e-9)
    assert course.outcome == "elimination"
    assert course.eliminated_on == 0


def test_without_effector_cells_the_tumour_grows_as_a_logistic_curve():
    course = model.simulate(Kuznetsov(inflow=0), 0, 1e5)
    expected = 5e8 / (1 + (5e8 / 1e5 - 1) * np.exp(-0.18 * course.times))
    np.testing.assert_allclose(course.tumour, expected, rtol=5e-3)
    assert np.all(course.effectors == 0)
    assert course.outcome == "escape"
    # Even where the first effector cell would find the tumour and hold it.
    easy = Kuznetsov(inflow=0, inactivation=0)
    assert model.simulate(easy, 0, 1e5).outcome == "escape"
    assert model.simulate(easy, 1, 1e5).outcome == "equilibrium"
    assert model.saddle(model.equilibria(easy)) is None


# --- borders ----------------------------------------------------------------------------


@pytest.mark.parametrize("inflow", [0, 5000, 13000, 20000])
def test_starts_on_either_side_of_the_separatrix_end_differently(inflow):
    k = Kuznetsov(inflow=inflow)
    border = model.borders(k).separatrix
    middle = model.saddle(model.equilibria(k))
    shown = (border.effectors > 1e4) & (border.effectors < 3e7)
    shown &= (border.tumour > 1e3) & (border.tumour < 5e8)
    assert shown.sum() > 20
    for e, t in zip(border.effectors[shown][::5], border.tumour[shown][::5], strict=True):
        way = np.array(rates(k, e, log(t))) / (e, 1)
        across = 0.02 * np.array([-way[1], way[0]]) / np.hypot(*way)  # 2 % to either side
        ends = {
            model.simulate(k, e * np.exp(sign * across[0]), t * np.exp(sign * across[1])).outcome
            for sign in (1, -1)
        }
        assert ends == {"equilibrium", "escape"}
        # A start on the curve itself comes close to the saddle, by another solver.
        near_e, near_t, _ = dop853(k, e, t, np.linspace(0, 400, 4000))
        away = np.hypot(np.log(near_e / middle.effectors), np.log(near_t / middle.tumour))
        assert away.min() < 0.05


@pytest.mark.parametrize("inflow", [0, 13000, 50000])
def test_starts_on_the_border_of_elimination_just_keep_one_cell(inflow):
    k = Kuznetsov(inflow=inflow)
    border = model.borders(k).elimination
    shown = (border.tumour > 2) & (border.tumour < 5e8) & (border.effectors < 3e7)
    assert shown.sum() > 20
    for e, t in zip(border.effectors[shown][::6], border.tumour[shown][::6], strict=True):
        _, course, _ = dop853(k, e, t, np.linspace(0, 150, 3000), down_to=-5.0)
        assert course.min() == pytest.approx(1, rel=0.02)
        assert model.simulate(k, 1.02 * e, t).outcome == "elimination"
        assert model.simulate(k, 0.98 * e, t).outcome != "elimination"


def test_where_there_is_no_border_there_are_no_points():
    one_end = model.borders(Kuznetsov(inflow=30000))
    assert len(one_end.separatrix.tumour) == 0
    assert len(one_end.elimination.tumour) > 0
    none = model.borders(Kuznetsov(inflow=80000))
    assert len(none.separatrix.tumour) == len(none.elimination.tumour) == 0
