"""TIL as a therapy of the composed patient: against DOP853, at limits, in every direction."""

from dataclasses import fields
from math import exp, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.models.adoptive_cell_therapy import TumourInfiltratingLymphocytes
from course_lib.models.checkpoint_inhibitors import Pembrolizumab
from course_lib.models.patient import ASSUMED, Patient, simulate
from t_cell_oracle import by_scipy

pytestmark = pytest.mark.filterwarnings("error")
DAYS = [5.0, 7.0, 20.0, 60.0, 120.0, 200.0]
#: Typed again, so that a changed default is noticed.
TYPICAL = {
    "lymphodepletion": 99,
    "il2_doses": 6,
    "il2_interval": 8,
    "lymphocyte_recovery": 0.05,
    "cytokine_supply": 0.15,
    "il2_signal": 5,
    "division_rate": 0.5,
    "cells": 2e10,
    "reactive_share": 40,
    "homing": 1,
    "arrival_rate": 0.5,
    "conditioning": 7,
}


def exact(days=DAYS, **changes):
    """The whole system by DOP853, with the therapy as plain functions of the day."""
    p = TYPICAL | changes
    depth, start = p["lymphodepletion"] / 100, p["conditioning"]
    end = start + p["il2_doses"] * p["il2_interval"] / 24

    def own(t):
        if t < start:
            return (1 - depth) ** (t / start)
        return 1 - depth * exp(-p["lymphocyte_recovery"] * (t - start))

    def growth(t):
        if t < start:
            return log(1 - depth) / start
        signal = p["cytokine_supply"] / own(t) + p["il2_signal"] * (t < end)
        usual = p["cytokine_supply"] / (1 + p["cytokine_supply"])
        return p["division_rate"] * (signal / (1 + signal) - usual)

    def arriving(t):
        homing = p["cells"] * p["reactive_share"] * p["homing"] / 1e4
        since = t - start
        return homing * p["arrival_rate"] * exp(-p["arrival_rate"] * since) if since > 0 else 0.0

    return by_scipy(days, own, growth, arriving, jumps=(start, end))


def run(step=3.5, days=200, patient=None, stop=np.inf, **changes):
    return simulate(
        patient or Patient(), [TumourInfiltratingLymphocytes(**changes)], days, step, stop=stop
    )


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"lymphodepletion": 0},
        {"lymphodepletion": 0, "il2_doses": 0},
        {"il2_doses": 14, "lymphodepletion": 60},
        {"cells": 0},
        {"conditioning": 12.5, "arrival_rate": 2, "cells": 7.2e10, "reactive_share": 90},
        {"cytokine_supply": 2, "lymphocyte_recovery": 0.2, "division_rate": 1, "homing": 0.1},
    ],
)
@pytest.mark.parametrize(("step", "tolerance"), [(0.1, 2e-4), (3.5, 0.01)])
def test_against_dop853(changes, step, tolerance):
    course = run(step, **changes)
    # The first days on the course's own grid from those on.
    days = np.unique(course.times[np.searchsorted(course.times, DAYS)])
    rows, expected = np.searchsorted(course.times, days), exact(days.tolist(), **changes)
    np.testing.assert_allclose(course.size[rows, 0], expected[0], rtol=tolerance)
    np.testing.assert_allclose(course.antigen_low_share[rows, 0], expected[2], rtol=5 * tolerance)
    if step < 1:
        np.testing.assert_allclose(course.t_cells[rows, 0], expected[1], rtol=1e-3)


def test_the_defaults_are_those_of_the_oracle():
    made = TumourInfiltratingLymphocytes()
    assert {each.name: getattr(made, each.name) for each in fields(made)} == TYPICAL
    assert made.basis == ASSUMED
    np.testing.assert_allclose(made.dose_times(), [*range(8), 7.5, 8, 9, 11, 13])


def test_without_cells_and_conditioning_nothing_happens():
    untreated = simulate(Patient(), [], 200)
    for none in (
        run(cells=0, lymphodepletion=0, il2_doses=0),
        run(reactive_share=0, lymphodepletion=0, il2_signal=0),
        run(homing=0, lymphodepletion=0, division_rate=0),
        run(stop=0),
    ):
        sizes = np.interp(untreated.times, none.times, none.size[:, 0])
        np.testing.assert_allclose(sizes, untreated.size[:, 0], rtol=1e-4)


def test_who_stops_before_the_infusion_has_had_chemotherapy_only():
    depleted, stopped = run(cells=0, il2_signal=0), run(stop=5)
    np.testing.assert_allclose(stopped.size, depleted.size, rtol=1e-12)
    assert np.array_equal(run(stop=7).size, stopped.size)
    assert run(stop=7.1).size[-1, 0] < 0.9 * stopped.size[-1, 0]


def test_a_cohort_is_its_patients():
    infiltration, stop = [0.2, 1.0, 3.0], np.array([np.inf, 3.0, 0.0])
    together = run(patient=Patient(infiltration=infiltration), stop=stop)
    for number, (each, when) in enumerate(zip(infiltration, stop, strict=True)):
        alone = run(patient=Patient(infiltration=each), stop=when)
        assert np.array_equal(alone.size[:, 0], together.size[:, number])


def test_it_can_be_given_with_a_checkpoint_inhibitor():
    both = simulate(Patient(), [TumourInfiltratingLymphocytes(), Pembrolizumab()], 120)
    assert both.size[-1, 0] < run(days=120).size[-1, 0]


# Field, values, direction of the size on day 60.
NARROW = {
    "cells": np.linspace(0, 7.2e10, 13),
    "division_rate": np.linspace(0, 1, 11),
    "lymphocyte_recovery": np.geomspace(1e-2, 1, 12),
    "cytokine_supply": np.geomspace(0.01, 1, 9),
    "il2_signal": np.geomspace(0.1, 1000, 12),
    "il2_doses": np.arange(0, 31, 3),
    "il2_interval": np.linspace(1, 48, 10),
    "homing": np.linspace(0, 5, 11),
    "arrival_rate": np.geomspace(0.03, 10, 12),
    "lymphodepletion": np.linspace(0, 99.9, 12),
    "conditioning": np.linspace(1, 50, 8),
}
#: A longer wait and a scarcer signal give a larger tumour; all else makes it smaller.
UP = {"lymphocyte_recovery", "conditioning"}


@pytest.mark.parametrize("name", [*TYPICAL])
def test_direction_of_the_size_on_day_60(name):
    values = NARROW.get(name, np.linspace(0, 100, 11)).tolist()
    more = {"lymphodepletion": 0} if name.startswith("il2") else {}
    if name == "cytokine_supply":
        more = {"lymphodepletion": 99.9}
    seen = [run(1, 60, **{**more, name: each}).size[-1, 0] for each in values]
    if name == "cytokine_supply":
        # More for the infused cells; but a large usual signal leaves nothing to gain.
        assert seen[0] > min(seen) < seen[-1]
        return
    assert np.all(np.diff(seen) * (1 if name in UP else -1) > 0)


def test_chemotherapy_takes_the_patients_own_t_cells_too():
    """Without infused cells lymphodepletion lets a tumour grow that was held before."""
    hot = Patient(infiltration=2, cps=0)
    own = simulate(hot, [], 60).size[-1, 0]
    assert run(1, 60, patient=hot, cells=0, division_rate=0).size[-1, 0] > 1.05 * own


@settings(max_examples=200)
@given(st.integers(0, 2**32 - 1))
def test_any_setting_gives_a_possible_course(seed):
    rng = np.random.default_rng(seed)
    chosen = {}
    for each in fields(TumourInfiltratingLymphocytes):
        low, high = each.metadata["low"], each.metadata["high"]
        value = rng.choice([low, high, rng.uniform(low, high), low + (high - low) / 1e3])
        chosen[each.name] = round(value) if each.metadata["whole"] else float(value)
    patients = Patient(infiltration=rng.uniform(0, 3, 5), cps=rng.uniform(0, 100, 5))
    stop = rng.choice([0.0, 3.0, 40.0, np.inf], 5)
    course = run(days=120, patient=patients, stop=stop, **chosen)
    for values in (course.size, course.t_cells, course.tumour_cells):
        assert np.all(np.isfinite(values) & (values >= 0))
    assert np.all((course.antigen_low_share >= 0) & (course.antigen_low_share <= 1))
