"""The same model written a second time, for tests only: plain numbers, other solvers.

Nothing here reads ``course_lib``. The numbers are typed in from the published sources and
the course's plan, so that a changed default is noticed.
"""

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
    "infiltration": 1,
    "cps": 20,
    "doubling_time": 103,
    "sum_of_diameters": 89.6,
    "lesions": 3,
    "cells_per_volume": 2.06e5,
    "killing_capacity": 0.9,
    "half_killing_ratio": 0.225,
    "t_cell_supply": 7.9e-4,
    "t_cell_turnover": 0.05,
    "brake_maximum": 0.9,
    "brake_half_cps": 5,
    "reference_size": 89.6,
}

ANTIMONY = """
model checkpoint
  // amounts of antibody, mg
  k10 = CL/V1; k12 = Q/V1; k21 = Q/V2;
  A1' = -(k10 + k12)*A1 + k21*A2;
  A2' = k12*A1 - k21*A2;
  // how much of the brake is left
  C := A1/V1;
  F := 1 - C/(C + functional_ic50);
  b := brake_maximum*cps/(cps + brake_half_cps);
  // tumour cells as a logarithm, T cells as a number
  g := ln(2)/doubling_time;
  kill := (1 - b*F)*killing_capacity*E/(E + half_killing_ratio*exp(x));
  x' = g - kill;
  E' = t_cell_turnover*(t_cell_supply*infiltration*Tref^(1/3)*exp(2*x/3) - E);
  size := lesions*(6*exp(x)/(pi*lesions*cells_per_volume))^(1/3);
  Tref := lesions*cells_per_volume*pi/6*(reference_size/lesions)^3;
  x = ln(lesions*cells_per_volume*pi/6*(sum_of_diameters/lesions)^3);
  E = t_cell_supply*infiltration*Tref^(1/3)*exp(2*x/3);
  A1 = dose; A2 = 0;
  CL = 0.22*(weight/76.8)^0.595; Q = 0.795*(weight/76.8)^0.595;
  V1 = 3.48*(weight/76.8)^0.489; V2 = 4.06*(weight/76.8)^0.489;
  %s
end
"""


def kinetics(weight):
    """Return CL, V1, Q, V2 of a person of this weight (kg)."""
    flow, volume = (weight / 76.8) ** 0.595, (weight / 76.8) ** 0.489
    return 0.22 * flow, 3.48 * volume, 0.795 * flow, 4.06 * volume


def by_scipy(days, **changes):
    """Return ln T, E and the concentration (just before a dose) on ``days``, by DOP853.

    Amounts of drug are integrated too. ``days`` must increase; each is reached exactly.
    """
    p = TYPICAL | changes
    clearance, central, exchange, peripheral = kinetics(p["weight"])
    spheres = p["lesions"] * p["cells_per_volume"] * np.pi / 6
    reference = spheres * (p["reference_size"] / p["lesions"]) ** 3
    supply = p["t_cell_supply"] * p["infiltration"] * reference ** (1 / 3)
    brake = p["brake_maximum"] * p["cps"] / (p["cps"] + p["brake_half_cps"])

    def rhs(t, y):
        central_amount, other_amount, log_cells, t_cells = y
        there = exchange / central * central_amount - exchange / peripheral * other_amount
        concentration = central_amount / central
        free = p["functional_ic50"] / (concentration + p["functional_ic50"])
        ratio = t_cells / np.exp(log_cells)
        kill = p["killing_capacity"] * ratio / (ratio + p["half_killing_ratio"])
        return [
            -clearance / central * central_amount - there,
            there,
            np.log(2) / p["doubling_time"] - (1 - brake * free) * kill,
            p["t_cell_turnover"] * (supply * np.exp(2 / 3 * log_cells) - t_cells),
        ]

    start = np.log(spheres * (p["sum_of_diameters"] / p["lesions"]) ** 3)
    y = np.array([0.0, 0.0, start, supply * np.exp(2 / 3 * start)])
    doses = [i * p["interval"] for i in range(p["number_of_doses"])] if p["dose"] else []
    marks = sorted({0.0, *doses, *days})
    at = {}
    for i, now in enumerate(marks):
        if i:
            scale = np.array([1e-12, 1e-12, 1e-12, max(1.0, abs(y[3])) * 1e-12])
            y = solve_ivp(rhs, (marks[i - 1], now), y, method="DOP853", rtol=1e-10, atol=scale).y[
                :, -1
            ]
        at[now] = (y[2], y[3], y[0] / central)
        if now in doses:
            y = y + np.array([p["dose"], 0, 0, 0])
        if now >= days[-1]:
            break
    return np.array([at[day] for day in days]).T


def size_by_scipy(days, **changes):
    """Return the sum of diameters (mm) on ``days``."""
    p = TYPICAL | changes
    cells = np.exp(by_scipy(days, **changes)[0])
    sphere = cells / p["lesions"] / p["cells_per_volume"]
    return p["lesions"] * (6 * sphere / np.pi) ** (1 / 3)


def by_roadrunner(days, **changes):
    """Return size and concentration at ``days``, from the Antimony text, by CVODE."""
    p = TYPICAL | changes
    later = [i * p["interval"] for i in range(1, p["number_of_doses"])]
    lines = [f"{name} = {value!r};" for name, value in p.items()]
    lines += [f"at (time > {day}): A1 = A1 + dose;" for day in later if day < days[-1]]
    antimony.clearPreviousLoads()
    if antimony.loadAntimonyString(ANTIMONY % "\n  ".join(lines)) < 0:
        raise RuntimeError(antimony.getLastError())
    runner = roadrunner.RoadRunner(antimony.getSBMLString("checkpoint"))
    runner.integrator.relative_tolerance = 1e-10
    runner.integrator.absolute_tolerance = 1e-10
    runner.integrator.maximum_time_step = 0.5
    runner.timeCourseSelections = ["time", "size", "C"]
    table = np.array(runner.simulate(times=[0.0, *days]))
    return table[1:, 1], table[1:, 2]
