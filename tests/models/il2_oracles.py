"""IL-2 in the blood and in the whole patient a second time, for tests only: DOP853.

Nothing here reads ``course_lib``; the numbers are typed in from the published sources and the
course's plan.
"""

from itertools import pairwise

import numpy as np
from scipy.integrate import solve_ivp

# The two-compartment model, typed in: volumes in L, rates per day.
FAST, SLOW = np.log(2) / 12.9 * 1440, np.log(2) / 85 * 1440
V1 = 1e6 * 1.73 / 650 / 1000
OUT = (1e6 * 1.73 * 4 / 41 / 1000) / V1
BACK = FAST * SLOW / OUT
THERE = FAST + SLOW - OUT - BACK
NM = 0.037 / 6e5 * 70 / 15.3 * 1000 / V1  # nM in the blood for one IU/kg at once
SHORT = 15 / 1440


def blood(t, starts, doses, duration, slowing=1.0):
    """Return the concentration (nM) at one day after the other, both amounts by DOP853."""
    marks = np.unique([0.0, *starts, *(np.asarray(starts) + duration), *t])
    y, found = np.zeros(2), {0.0: 0.0}
    for begin, end in pairwise(marks):
        middle = (begin + end) / 2
        rate = sum(
            dose / duration * NM
            for start, dose in zip(starts, doses, strict=True)
            if start < middle < start + duration
        )

        def rhs(_, y, rate=rate):
            flow = (THERE * y[0] - BACK * y[1]) / slowing
            return [rate - OUT / slowing * y[0] - flow, flow]

        y = solve_ivp(rhs, (begin, end), y, "DOP853", rtol=1e-10, atol=1e-14).y[:, -1]
        found[end] = y[0]
    return np.array([found[day] for day in t])


def whole_patient(days, dose=6e5, courses=2, stop=np.inf, slowing=1.0, kd=(0.01, 1.0)):
    """Return ln T and E on ``days``: drug, regulatory cells, tumour and T cells by DOP853.

    Everything follows the drug from hour to hour; numbers are those of the typical patient.
    """
    spheres = 3 * 2.06e5 * np.pi / 6
    total = spheres * (89.6 / 3) ** 3
    supply, growth = 7.2e-4 * total ** (1 / 3), np.log(2) / 103
    brake = 0.9 * 20 / 25
    starts = np.array([14.0 * c + i / 3 for c in range(courses) for i in range(14)])
    starts = starts[starts < stop]
    high, low = np.log(0.97 * total), np.log(0.03 * total)
    y = np.array([0, 0, 0, high, low, supply * (0.97 * total + 0.003 * total) ** (2 / 3)])
    marks = np.unique([0.0, *starts, *(starts + SHORT), *days])
    found = {}
    for begin, end in pairwise(marks):
        middle = (begin + end) / 2
        rate = dose / SHORT * NM * np.any((starts < middle) & (middle < starts + SHORT))

        def rhs(_, y, rate=rate):
            c = max(y[0], 0)
            flow = (THERE * y[0] - BACK * y[1]) / slowing
            high, low, e = np.exp(y[3]), np.exp(y[4]), y[5]
            kill = (1 - brake) * 0.9 * e / (e + 0.225 * (high + low))
            held = 6 / (5 + np.exp(y[2]))
            return [
                rate - OUT / slowing * y[0] - flow,
                flow,
                0.6 * c / (c + kd[0]) - 0.2 * y[2],
                growth - kill,
                growth - 0.1 * kill,
                0.05 * (held * supply * np.cbrt(high + 0.1 * low) ** 2 - e)
                + 0.6 * c / (c + kd[1]) * e,
            ]

        scale = [1e-10, 1e-10, 1e-10, 1e-10, 1e-10, 1e-10 * y[5]]
        y = solve_ivp(rhs, (begin, end), y, "DOP853", rtol=1e-9, atol=scale).y[:, -1]
        found[end] = (np.logaddexp(y[3], y[4]), y[5])
    return np.array([found[day] for day in days]).T
