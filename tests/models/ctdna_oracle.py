"""The course of tumour cells and tumour DNA, and the end of a line of cells, by scipy."""

from itertools import pairwise

import numpy as np
from scipy.integrate import solve_ivp

#: Typed in again: cells, doubling time, deaths, genomes per 10,000 deaths, half-life, litres.
TYPICAL = {
    "cells": 1e6,
    "doubling_time": 103,
    "death_rate": 0.136,
    "shedding": 1.4,
    "half_life": 30,
    "plasma_volume": 2.75,
}


def by_scipy(days, start=np.inf, log_kill=0, length=90, **changed):
    """Return cells and genomes per mL on some days, phase by phase with DOP853."""
    p = {**TYPICAL, **changed}
    growth, cleared = np.log(2) / p["doubling_time"], np.log(2) / (p["half_life"] / 1440)
    per_death = p["shedding"] / 10_000
    per_ml = 1 / (1000 * p["plasma_volume"])
    y = [p["cells"], per_death * p["death_rate"] * p["cells"] / (cleared + growth)]
    stops = [stop for stop in (start, start + length) if stop < max(days)]
    edges, found = sorted({0.0, *stops, max(days)}), {0.0: list(y)}
    for begin, stop in pairwise(edges):
        kill = log_kill * np.log(10) / length if start <= begin < start + length else 0

        def rhs(t, y, kill=kill):
            deaths = (p["death_rate"] + kill) * y[0]
            return [(growth - kill) * y[0], per_death * deaths - cleared * y[1]]

        asked = sorted({stop, *(day for day in days if begin < day <= stop)})
        state = solve_ivp(
            rhs, (begin, stop), y, "DOP853", asked, rtol=1e-10, atol=1e-13 * np.array(y)
        )
        y = state.y[:, -1]
        found.update(zip(asked, state.y.T.tolist(), strict=True))
    cells, genomes = np.array([found[day] for day in days]).T
    return cells, genomes * per_ml


def one_cell_lives_on(log_kill=0, length=90, **changed):
    """Return the chance that a cell's line never ends, by the backward equation of the process."""
    p = {**TYPICAL, **changed}
    births = np.log(2) / p["doubling_time"] + p["death_rate"]
    deaths = p["death_rate"] + log_kill * np.log(10) / length
    # Written for the chance to live on, so that a small one keeps its digits.
    state = solve_ivp(
        lambda t, u: (births - deaths) * u - births * u**2,
        (0, length),
        [1 - p["death_rate"] / births],
        "DOP853",
        rtol=1e-11,
        atol=1e-30,
    )
    return float(state.y[0, -1])
