"""The same model written a second time, for tests only: plain numbers, other solvers.

Nothing here reads ``course_lib``. The numbers are typed in from the published sources and
the course's plan, so that a changed default is noticed. Chemotherapy has no closed form here:
the parts of the tumour that it can and cannot kill are cells of their own, and its effect is
a quantity that fades.
"""

from math import exp, inf, log, pi

import antimony
import numpy as np
import roadrunner
from scipy.integrate import solve_ivp

TYPICAL = {
    "dose": 200,
    "interval": 21,
    "number_of_doses": 35,
    "weight": 76.8,
    "functional_ic50": 0.535,
    "binding_kd": 0.029,
    "molar_mass": 149,
    "kill_rate": 0.0776,
    "effect_half_life": 2,
    "cycle": 28,
    "doses_per_cycle": 3,
    "days_between_doses": 7,
    "number_of_cycles": 48,
    "infiltration": 1,
    "cps": 20,
    "doubling_time": 103,
    "sum_of_diameters": 89.6,
    "antigen_low_share": 0.03,
    "resistant_fraction": 0.38,
    "lesions": 3,
    "cells_per_volume": 2.06e5,
    "killing_capacity": 0.9,
    "half_killing_ratio": 0.225,
    "t_cell_supply": 7.2e-4,
    "t_cell_turnover": 0.05,
    "antigen_low_visibility": 0.1,
    "brake_maximum": 0.9,
    "brake_half_cps": 5,
    "reference_size": 89.6,
}

ANTIMONY = """
model patient
  // amounts of antibody, mg
  k10 = CL/V1; k12 = Q/V1; k21 = Q/V2;
  A1' = -(k10 + k12)*A1 + k21*A2;
  A2' = k12*A1 - k21*A2;
  // how much of the brake is left
  C := A1/V1;
  F := 1 - C/(C + functional_ic50);
  b := brake_maximum*cps/(cps + brake_half_cps);
  // the effect of chemotherapy, 1 on average
  X' = -ln(2)/effect_half_life*X;
  // tumour cells, each kind as a logarithm: seen well or hardly, sensitive or resistant
  H := exp(hs) + exp(hr); L := exp(ls) + exp(lr);
  T := H + L; A := H + antigen_low_visibility*L;
  g := ln(2)/doubling_time;
  kill := (1 - b*F)*killing_capacity*(E/T)/(E/T + half_killing_ratio);
  hs' = g - kill - kill_rate*X;
  hr' = g - kill;
  ls' = g - antigen_low_visibility*kill - kill_rate*X;
  lr' = g - antigen_low_visibility*kill;
  // T cells, as a number
  E' = t_cell_turnover*(t_cell_supply*infiltration*Tref^(1/3)*A^(2/3) - E);
  size := lesions*(6*T/(pi*lesions*cells_per_volume))^(1/3);
  low := L/T;
  Tref := lesions*cells_per_volume*pi/6*(reference_size/lesions)^3;
  T0 := lesions*cells_per_volume*pi/6*(sum_of_diameters/lesions)^3;
  hs = ln(T0*(1 - antigen_low_share)*(1 - resistant_fraction));
  hr = ln(T0*(1 - antigen_low_share)*resistant_fraction);
  ls = ln(T0*antigen_low_share*(1 - resistant_fraction));
  lr = ln(T0*antigen_low_share*resistant_fraction);
  E = t_cell_supply*infiltration*Tref^(1/3)*A^(2/3);
  A1 = dose; A2 = 0; X = first_effect;
  CL = 0.22*(weight/76.8)^0.595; Q = 0.795*(weight/76.8)^0.595;
  V1 = 3.48*(weight/76.8)^0.489; V2 = 4.06*(weight/76.8)^0.489;
  %s
end
"""


def kinetics(weight):
    """Return CL, V1, Q, V2 of a person of this weight (kg)."""
    flow, volume = (weight / 76.8) ** 0.595, (weight / 76.8) ** 0.489
    return 0.22 * flow, 3.48 * volume, 0.795 * flow, 4.06 * volume


def log_left(resistant, exposure):
    """Return the logarithm of the share of cells left after chemotherapy alone."""
    return np.log(resistant + (1 - resistant) * np.exp(-np.asarray(exposure)))


def antibody_days(p, stop=inf):
    """Return the days on which the antibody is given."""
    doses = [i * p["interval"] for i in range(p["number_of_doses"])] if p["dose"] else []
    return [day for day in doses if day < stop]


def chemotherapy_days(p, stop=inf):
    """Return the days on which chemotherapy is given."""
    cycles = [i * p["cycle"] for i in range(p["number_of_cycles"])]
    each = [j * p["days_between_doses"] for j in range(p["doses_per_cycle"])]
    return [first + later for first in cycles for later in each if first + later < stop]


def by_scipy(days, chemotherapy=False, stop=inf, **changes):
    """Return ln T, E, the concentration (just before a dose) and the antigen-low share.

    On ``days``, which must increase and are reached exactly, by DOP853; shape (4, days).
    Amounts of drug are integrated too. No dose on day ``stop`` or later.
    """
    p = TYPICAL | changes
    clearance, central, exchange, peripheral = kinetics(p["weight"])
    spheres = p["lesions"] * p["cells_per_volume"] * pi / 6
    reference = spheres * (p["reference_size"] / p["lesions"]) ** 3
    supply = p["t_cell_supply"] * p["infiltration"] * reference ** (1 / 3)
    brake = p["brake_maximum"] * p["cps"] / (p["cps"] + p["brake_half_cps"])
    growth, seen = log(2) / p["doubling_time"], p["antigen_low_visibility"]
    fading = log(2) / p["effect_half_life"]

    def rhs(t, y):
        here, there, effect, *logs, t_cells = y
        flow = exchange / central * here - exchange / peripheral * there
        free = p["functional_ic50"] / (here / central + p["functional_ic50"])
        cells = [exp(each) for each in logs]
        high, low = cells[0] + cells[1], cells[2] + cells[3]
        ratio = t_cells / (high + low)
        kill = p["killing_capacity"] * ratio / (ratio + p["half_killing_ratio"])
        kill *= 1 - brake * free
        drug = p["kill_rate"] * effect
        return [
            -clearance / central * here - flow,
            flow,
            -fading * effect,
            growth - kill - drug,
            growth - kill,
            growth - seen * kill - drug,
            growth - seen * kill,
            p["t_cell_turnover"] * (supply * (high + seen * low) ** (2 / 3) - t_cells),
        ]

    total, share = spheres * (p["sum_of_diameters"] / p["lesions"]) ** 3, p["antigen_low_share"]
    f = p["resistant_fraction"]
    parts = [(1 - share) * (1 - f), (1 - share) * f, share * (1 - f), share * f]
    logs = [log(part * total) if part else -600.0 for part in parts]  # exp(-600) is no cell
    t_cells = supply * (total * (1 - share + seen * share)) ** (2 / 3)
    y = np.array([0.0, 0.0, 0.0, *logs, t_cells])
    doses = antibody_days(p, stop)
    infusions = chemotherapy_days(p, stop) if chemotherapy else []
    marks = sorted({0.0, *doses, *infusions, *days})
    at = {}
    for i, now in enumerate(marks):
        if i:
            scale = np.array([*[1e-12] * 7, max(1.0, abs(y[-1])) * 1e-12])
            span = (marks[i - 1], now)
            y = solve_ivp(rhs, span, y, method="DOP853", rtol=1e-10, atol=scale).y[:, -1]
        high, low = np.exp(y[3:5]).sum(), np.exp(y[5:7]).sum()
        at[now] = (log(high + low), y[-1], y[0] / central, low / (high + low))
        if now in doses:
            y[0] += p["dose"]
        if now in infusions:  # the area under the effects of a cycle is the cycle's length
            y[2] += fading * p["cycle"] / p["doses_per_cycle"]
        if now >= days[-1]:
            break
    return np.array([at[day] for day in days]).T


def size_by_scipy(days, chemotherapy=False, stop=inf, **changes):
    """Return the sum of diameters (mm) on ``days``."""
    p = TYPICAL | changes
    cells = np.exp(by_scipy(days, chemotherapy, stop, **changes)[0])
    sphere = cells / p["lesions"] / p["cells_per_volume"]
    return p["lesions"] * (6 * sphere / pi) ** (1 / 3)


def by_roadrunner(days, chemotherapy=False, **changes):
    """Return size, concentration, antigen-low share and T cells at ``days``, by CVODE.

    From the Antimony text. There must be some of each kind of tumour cell.
    """
    p = TYPICAL | changes
    effect = log(2) / p["effect_half_life"] * p["cycle"] / p["doses_per_cycle"]
    doses, infusions = antibody_days(p, days[-1]), chemotherapy_days(p, days[-1])
    lines = [f"{name} = {value!r};" for name, value in p.items()]
    lines += [f"first_effect = {effect if chemotherapy else 0.0!r};"]
    lines += [f"at (time > {day}): A1 = A1 + dose;" for day in doses if day]
    if chemotherapy:
        lines += [f"at (time > {day}): X = X + first_effect;" for day in infusions if day]
    antimony.clearPreviousLoads()
    if antimony.loadAntimonyString(ANTIMONY % "\n  ".join(lines)) < 0:
        raise RuntimeError(antimony.getLastError())
    runner = roadrunner.RoadRunner(antimony.getSBMLString("patient"))
    runner.integrator.relative_tolerance = 1e-10
    runner.integrator.absolute_tolerance = 1e-10
    runner.integrator.maximum_time_step = 0.5
    runner.timeCourseSelections = ["time", "size", "C", "low", "E"]
    return np.array(runner.simulate(times=[0.0, *days]))[1:, 1:].T
