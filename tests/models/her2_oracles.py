"""Antibodies against HER2 written a second time, for tests only: plain numbers, other solvers.

Nothing here reads ``course_lib``. Numbers are typed in from the published sources and from the
course's own choices, so that a changed default is noticed.
"""

import antimony
import numpy as np
import roadrunner
from scipy.integrate import solve_ivp

# Quartino 2019, table 1.
CL, V1, Q, V2, VMAX, KM = 0.127, 2.62, 0.544, 2.97, 8.81, 8.92
# Yin 2021, table 1.
CONJUGATE = {"CL": 0.421, "V1": 2.77, "Q": 0.199, "V2": 5.16, "weight": 57.8}
LOG_CELLS = np.log(3 * 2.06e5 * np.pi / 6 * (89.6 / 3) ** 3)
GROWTH = np.log(2) / 103
TIGHT = {"method": "DOP853", "rtol": 1e-10, "atol": 1e-10}


def clearance(weight):
    return CL * (weight / 66) ** 0.967


def label_days(number=18):
    return 21.0 * np.arange(number)


def label_doses(weight=66, number=18):
    return weight * np.array([8.0, *[6.0] * (number - 1)])


def trastuzumab_by_scipy(days, dose_days, doses, weight=66, her2=(11250, 1125), effectors=1):
    """Return the concentration, and what is killed of either class, just before doses (3, days)."""
    out = clearance(weight)

    def rhs(t, y):
        c, flow = y[0] / V1, Q / V1 * y[0] - Q / V2 * y[1]
        tags = np.array(her2) * c / (c + 10)
        kill = 0.012 * effectors * tags / (tags + 1e5)
        return [-out * c - VMAX * c / (KM + c) - flow, flow, *kill]

    given = dict(zip(np.asarray(dose_days, float).tolist(), doses, strict=True))
    y, at, since = np.zeros(4), {}, 0.0
    for day in sorted({*given, *days}):
        if day > since:
            y = solve_ivp(rhs, (since, day), y, **TIGHT).y[:, -1]
        at[day], since = [y[0] / V1, *y[2:]], day
        y[0] += given.get(day, 0.0)
    return np.array([at[day] for day in days]).T


def trastuzumab_by_roadrunner(days, dose_days, doses):
    """Return the concentration at ``days``, none of them a dose day, from an Antimony text."""
    later = zip(dose_days[1:], doses[1:], strict=True)
    text = f"""
    model kinetics
      C := A1/{V1};
      A1' = -{CL}*C - {VMAX}*C/({KM} + C) - {Q}/{V1}*A1 + {Q}/{V2}*A2;
      A2' = {Q}/{V1}*A1 - {Q}/{V2}*A2;
      A1 = {doses[0]}; A2 = 0;
      {" ".join(f"at (time > {day}): A1 = A1 + {dose};" for day, dose in later)}
    end"""
    antimony.clearPreviousLoads()
    if antimony.loadAntimonyString(text) < 0:
        raise RuntimeError(antimony.getLastError())
    runner = roadrunner.RoadRunner(antimony.getSBMLString("kinetics"))
    runner.integrator.relative_tolerance = runner.integrator.absolute_tolerance = 1e-10
    runner.integrator.maximum_time_step = 0.5
    runner.timeCourseSelections = ["time", "C"]
    return np.array(runner.simulate(times=[0.0, *days]))[1:, 1]


def conjugate_by_scipy(days, stop=np.inf, her2=(5e5, 5e4), share=0.5, **changes):
    """Return antibody and payload (nM), loose payload, ln H, ln L just before doses (5, days).

    Payload on antibodies is a drug of its own, which also leaks in both volumes.
    """
    p = {"dose": 5.4, "number": 8, "dar": 8, "leak": 0.01, "bystander": 0.5} | CONJUGATE | changes
    relative = p["weight"] / 57.8
    k10 = p["CL"] * relative**0.370 / (p["V1"] * relative**0.489)
    k12, k21 = p["Q"] / (p["V1"] * relative**0.489), p["Q"] / p["V2"]
    nanomolar = 1000 / 145.5
    per_litre = nanomolar / (p["V1"] * relative**0.489)

    def rhs(t, y):
        a1, a2, p1, p2, _, log_high, log_low = y
        flow, payload_flow = k12 * a1 - k21 * a2, k12 * p1 - k21 * p2
        uptake = np.array(her2) * p1 * per_litre / (a1 * per_litre + 10 * nanomolar)
        kill = 0.05 * uptake / (uptake + 1e6)
        near = np.exp(log_high) / (np.exp(log_high) + np.exp(log_low))
        return [
            -k10 * a1 - flow,
            flow,
            -(k10 + p["leak"]) * p1 - payload_flow,
            payload_flow - p["leak"] * p2,
            (p["leak"] + p["bystander"] * k10) * p1 * per_litre,
            GROWTH - kill[0],
            GROWTH - kill[1] - p["bystander"] * kill[0] * near,
        ]

    doses = [21.0 * i for i in range(p["number"]) if 21.0 * i < stop]
    y = np.array([0, 0, 0, 0, 0, LOG_CELLS + np.log(1 - share), LOG_CELLS + np.log(share)])
    at, since = {}, 0.0
    for day in sorted({0.0, *doses, *days}):
        if day:
            y = solve_ivp(rhs, (since, day), y, **TIGHT).y[:, -1]
        at[day], since = [y[0] * per_litre, y[2] * per_litre, *y[4:]], day
        if day in doses:
            y[0] += p["dose"] * p["weight"]
            y[2] += p["dar"] * p["dose"] * p["weight"]
    return np.array([at[day] for day in days]).T
