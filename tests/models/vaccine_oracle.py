"""Vaccine, residual tumour and vaccinated patient written a second time, for tests only.

Plain numbers typed in, equations typed again, DOP853. Nothing here reads ``course_lib``.
"""

from math import inf, log

import numpy as np
from scipy.integrate import solve_ivp

VACCINE = {
    "held": 0.41,
    "tolerance": 1000,
    "costimulation": 0.8,
    "interval": 28,
    "number_of_doses": 3,
    "dose": 150,
    "antigen_half_life": 1,
    "precursors": 1e5,
    "divisions": 3,
    "activation": 1,
    "maturation": 2,
    "effector_loss": 0.1,
    "contraction": 0.93,
    "memory_half_life": 365,
    "clearance": 3e-8,
    "own_t_cells": 1e8,
}
TUMOUR = {
    "cells": 1e6,
    "hla_lost": 0.001,
    "shown": 1,
    "entry": 1,
    "suppression": 0.5,
    "doubling_time": 103,
    "killing_capacity": 0.9,
    "half_killing_ratio": 0.225,
    "reach": 3e-9,
    "reference": 1e6,
}
EXACT = {"method": "DOP853", "rtol": 1e-10, "atol": 1e-10}
NEW = {"held": 0.72, "tolerance": 1}


def with_antigen(p, t, y):
    """The equations typed a second time; antigen as a logarithm, N, D, E, M."""
    amount = np.exp(y[0])
    s = amount / (1 + amount)
    n, d, e, m = y[1:]
    a, w = p["activation"], p["maturation"]
    return [
        -log(2) / p["antigen_half_life"] - p["clearance"] * (d + e),
        -a * s * n,
        a * s * (n + m) + log(2) * p["divisions"] * p["costimulation"] * s * d - w * (1 - s) * d,
        w * (1 - s) * d - p["effector_loss"] * e,
        (1 - p["contraction"]) * p["effector_loss"] * e
        - a * s * m
        - log(2) / p["memory_half_life"] * m,
    ]


def by_scipy(days, rest=None, start=(), **changed):
    """Return the states on ``days``: the five of the vaccine, then those of ``rest(t, y, x)``."""
    p = VACCINE | changed
    doses = [i * p["interval"] for i in range(p["number_of_doses"])]
    y = np.array([-inf, p["precursors"] * p["tolerance"] ** -p["held"], 0, 0, 0, *start])
    marks = sorted({*doses, *days})
    at = {}

    def rhs(t, y):
        return [*with_antigen(p, t, y[:5]), *(rest(t, y[:5], y[5:]) if rest else ())]

    for i, now in enumerate(marks):
        if i:
            y = solve_ivp(rhs, (marks[i - 1], now), y, **EXACT).y[:, -1]
        if now in doses:
            y[0] = np.logaddexp(y[0], log(p["held"] * p["dose"]))
        at[now] = y
    return np.array([at[day] for day in days]).T


def tumour_by_scipy(days, tumour, vaccine):
    p, v = TUMOUR | tumour, VACCINE | vaccine
    growth, seen = log(2) / p["doubling_time"], v["tolerance"] ** -v["held"] * v["held"]

    def rest(t, y, x):
        with_hla = np.exp(x[0])
        total = with_hla + p["hla_lost"] * p["cells"] * np.exp(growth * t)
        ratio = seen * p["shown"] * p["entry"] * p["reach"] * (y[3] + y[4])
        ratio *= p["reference"] ** (1 / 3) * with_hla ** (2 / 3) / total
        kill = (1 - p["suppression"]) * p["killing_capacity"]
        return [growth - kill * ratio / (ratio + p["half_killing_ratio"])]

    return by_scipy(days, rest, [log((1 - p["hla_lost"]) * p["cells"])], **vaccine)[5]


def patient_by_scipy(days, **vaccine):
    """The composed patient without any brake, and the vaccine: one system, DOP853."""
    v = VACCINE | vaccine
    spheres = 3 * 2.06e5 * np.pi / 6 * (89.6 / 3) ** 3
    supply = 7.2e-4 * spheres ** (1 / 3)
    seen = v["tolerance"] ** -v["held"] * v["held"]

    def rest(t, y, x):
        high, low = np.exp(x[:2])
        kill = (1 - 0.9 * 20 / 25) * 0.9 * x[2] / (x[2] + 0.225 * (high + low))
        recruited = 1 + seen * (y[3] + y[4]) / v["own_t_cells"]
        balance = recruited * supply * (high + 0.1 * low) ** (2 / 3)
        return [log(2) / 103 - kill, log(2) / 103 - 0.1 * kill, 0.05 * (balance - x[2])]

    high, low = 0.97 * spheres, 0.03 * spheres
    start = [log(high), log(low), supply * (high + 0.1 * low) ** (2 / 3)]
    return by_scipy(days, rest, start, **vaccine)[5:]
