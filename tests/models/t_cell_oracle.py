"""The composed patient once more, for therapies that act on T cells: by DOP853, for tests only.

What the therapy does comes as plain functions of the day. Nothing here reads ``course_lib``.
"""

from itertools import pairwise
from math import exp, log, pi

import numpy as np
from scipy.integrate import solve_ivp

from model_oracles import TYPICAL


def by_scipy(
    days,
    recruitment=lambda t: 1.0,
    growth=lambda t: 0.0,
    arriving=lambda t: 0.0,
    jumps=(),
    **changes,
):
    """Return the sum of diameters (mm), T cells and the antigen-low share on ``days``.

    Arguments: increasing ``days`` from above 0; functions of the day that give the factor on the
    supply of T cells, the rate at which they multiply (1/day) and the cells that arrive (1/day);
    ``jumps``, days on which one of them jumps; ``changes`` to ``TYPICAL``.
    Returns shape (3, days).
    """
    p = TYPICAL | changes
    spheres = p["lesions"] * p["cells_per_volume"] * pi / 6
    reference = spheres * (p["reference_size"] / p["lesions"]) ** 3
    total = spheres * (p["sum_of_diameters"] / p["lesions"]) ** 3
    supply = p["t_cell_supply"] * p["infiltration"] * reference ** (1 / 3)
    brake = p["brake_maximum"] * p["cps"] / (p["cps"] + p["brake_half_cps"])
    seen, share = p["antigen_low_visibility"], p["antigen_low_share"]

    def rhs(t, y):
        high, low, t_cells = exp(y[0]), exp(y[1]), y[2]
        ratio = t_cells / (high + low)
        kill = (1 - brake) * p["killing_capacity"] * ratio / (ratio + p["half_killing_ratio"])
        supplied = recruitment(t) * supply * (high + seen * low) ** (2 / 3)
        return [
            log(2) / p["doubling_time"] - kill,
            log(2) / p["doubling_time"] - seen * kill,
            p["t_cell_turnover"] * (supplied - t_cells) + growth(t) * t_cells + arriving(t),
        ]

    y = np.array([log(total * (1 - share)), log(total * share), 0.0])
    y[2] = supply * (total * (1 - share + seen * share)) ** (2 / 3)
    at = {}
    for first, last in pairwise(sorted({0.0, *jumps, *days})):
        inside = (first + (last - first) * 1e-12, last - (last - first) * 1e-12)
        y = solve_ivp(rhs, inside, y, method="DOP853", rtol=1e-10, atol=1e-8).y[:, -1]
        cells = exp(y[0]) + exp(y[1])
        size = p["lesions"] * (6 * cells / (pi * p["lesions"] * p["cells_per_volume"])) ** (1 / 3)
        at[last] = (size, y[2], exp(y[1]) / cells)
        if last >= days[-1]:
            break
    return np.array([at[day] for day in days]).T
