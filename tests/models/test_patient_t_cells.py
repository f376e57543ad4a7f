"""Therapies that act on T cells of the composed patient: against DOP853, and at their limits."""

from dataclasses import dataclass

import numpy as np
import pytest

from course_lib.models.patient import Effects, Patient, simulate
from t_cell_oracle import by_scipy

DAYS = [10.0, 50.0, 120.0, 200.0]


@dataclass(frozen=True)
class Made:
    """A made-up therapy: what it does from day 0 on, and infusions on two days."""

    recruitment: float = 1.0
    growth: float = 0.0
    cells: float = 0.0
    first: float = 0.0
    second: float = 30.0
    homing: float = 0.5  # 1/day

    def dose_times(self):
        return np.array([self.first, self.second])

    def effects(self, stages, stop, patient):
        since = np.maximum(stages[..., None] - self.dose_times(), 0.0)
        arrived = self.cells * (1 - np.exp(-self.homing * since)).sum(axis=-1)
        return Effects(
            recruitment=np.full((*stages.shape, 1), self.recruitment),
            t_cell_growth=np.full((*stages.shape, 1), self.growth),
            arrived_t_cells=arrived[..., None],
        )

    def arriving(self, day):
        since = day - self.dose_times()
        return float((self.cells * self.homing * np.exp(-self.homing * since))[since > 0].sum())


@pytest.mark.parametrize(
    "therapy",
    [
        Made(recruitment=3),
        Made(recruitment=0),
        Made(growth=0.04),
        Made(growth=-0.1),
        Made(cells=1e10),
        Made(cells=1e9, first=7.0, second=70.0),
        Made(recruitment=2, growth=0.02, cells=3e8, first=14.0),
    ],
)
def test_t_cells_and_tumour_against_dop853(therapy):
    course = simulate(Patient(), [therapy], days=200, step=0.1)
    rows = np.searchsorted(course.times, DAYS)
    exact = by_scipy(
        DAYS,
        lambda t: therapy.recruitment,
        lambda t: therapy.growth,
        therapy.arriving,
        therapy.dose_times(),
    )
    for ours, theirs in zip(
        (course.size, course.t_cells, course.antigen_low_share), exact, strict=True
    ):
        np.testing.assert_allclose(ours[rows, 0], theirs, rtol=1e-4)


def test_every_infused_cell_arrives_whatever_the_step():
    """With no loss and no tumour to attract others, T cells are those that came."""
    nobody = Patient(t_cell_supply=0, t_cell_turnover=0)
    therapy = Made(cells=1e9, homing=2.0)
    for step in (0.1, 3.5):
        t_cells = simulate(nobody, [therapy], 100, step).t_cells
        assert t_cells[-1, 0] == pytest.approx(2e9, rel=1e-12)
        assert np.all(np.diff(t_cells[:, 0]) >= 0)


def test_growth_without_turnover_is_exponential():
    still = Patient(t_cell_turnover=0)
    course = simulate(still, [Made(growth=0.03)], 100, step=0.5)
    expected = course.t_cells[0, 0] * np.exp(0.03 * course.times)
    np.testing.assert_allclose(course.t_cells[:, 0], expected, rtol=1e-7)


def test_without_supply_t_cells_fade_with_their_turnover():
    course = simulate(Patient(), [Made(recruitment=0)], 100, step=0.5)
    expected = course.t_cells[0, 0] * np.exp(-0.05 * course.times)
    np.testing.assert_allclose(course.t_cells[:, 0], expected, rtol=1e-7)


@pytest.mark.parametrize("field", ["recruitment", "growth", "cells"])
def test_more_of_each_leaves_a_smaller_tumour(field):
    values = {"recruitment": [0, 1, 2, 5, 20], "growth": [-0.1, 0, 0.05], "cells": [0, 1e9, 1e11]}
    sizes = [
        simulate(Patient(), [Made(**{field: value})], 120).size[-1, 0] for value in values[field]
    ]
    assert np.all(np.diff(sizes) < 0)


def test_t_cells_without_bound_stay_finite():
    course = simulate(Patient(), [Made(growth=2.0)], 3650)
    assert np.all(np.isfinite(course.size))
    assert course.t_cells.max() <= 1e30


def test_a_therapy_that_acts_within_days_asks_for_short_steps():
    class Quick(Made):
        step = 0.5

    for given, longest in ((3.5, 0.5), (0.25, 0.25)):
        course = simulate(Patient(), [Quick(cells=1e9), Made()], 60, given)
        assert np.diff(course.times).max() == pytest.approx(longest)
