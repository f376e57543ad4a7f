r"""Cure as a matter of chance: normal T cells, CAR-T cells and the last cells of a lymphoma.

Kimmel 2021: after chemotherapy both kinds of T cell grow back and compete for the same room, and
CAR-T cells $C$ kill tumour cells $B$. With $T = N + C$:

$$\frac{dN}{dt} = -r_N N \ln\frac{T}{K_N},\qquad \frac{dC}{dt} = -r_C C \ln\frac{T}{K_C},\qquad
  \frac{dB}{dt} = r_B B - \gamma_B B \frac{C}{k_B + C}$$
$$r_C = \rho_C + \frac{b\,(T - K_N)^2}{a\,T^2 + (T - K_N)^2}$$

$K_C < K_N$, so the CAR-T cells lose in the end and the tumour, if a cell of it is left, returns.
Below 100 cells "a cell" cannot be a fraction: each divides at rate $r_B$ and is killed at rate
$\mu = \gamma_B C / (k_B + C)$, both by chance. From $n$ cells at $t_0$ all are gone by $t$ with

$$P = \left(1 - \frac{1}{D}\right)^n,\qquad
  D = \frac{B(t_0)}{B(t)} + r_B \int_{t_0}^{t} \frac{B(t_0)}{B(s)}\,ds$$

where $B$ is the solution of the equation above (Kendall's birth-death process, its rates changing
in time). The CAR-T cells are too many for chance to matter.

BioModels holds the same equations (BIOMD0000001041), with T cells per µl of blood (5e8 of our cells
to one of theirs, $K_C$ rounded to 139 and $k_B$ to 4.05) and the tumour in cm³ (1e9 cells); it has
no chance in it. Numbers are of lymphoma. A teaching model: it is not a clinical prediction.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from course_lib import evidence
from course_lib.models.ode import days_between, rk4
from course_lib.models.parameters import Parameters, checked, given

CELLS = (1.0, 1e13, "cells")
#: From so many cells on, growth without chance; and the most and the fewest the equations follow.
MANY, MOST, FEWEST = 10**6, 1e300, 1e-300


class Course(NamedTuple):
    """Cells by day: ``times`` (days,), the others (days, patients)."""

    times: np.ndarray
    normal: np.ndarray
    car_t: np.ndarray
    tumour: np.ndarray


class Chance(NamedTuple):
    """Patients with equal numbers, each with a chance of their own: (days,) and (days, draws)."""

    times: np.ndarray
    cells: np.ndarray

    @property
    def cured(self):
        """Whether the tumour is gone on the last day, one for each draw."""
        return self.cells[-1] == 0


@dataclass(frozen=True)
class CarTCompetition(Parameters):
    r"""One patient with lymphoma, or several; day 0 is the day of the CAR-T infusion.

    Arguments
        tumour_growth, kill_rate: $r_B$, $\gamma_B$, per day.
        half_kill: $k_B$, CAR-T cells at half of the greatest killing.
        normal_growth, car_t_growth: $r_N$, $\\rho_C$, per day.
        normal_capacity, car_t_capacity: $K_N$, $K_C$, cells.
        early_growth, early_width: $b$ per day, and $a$: the fast growth while T cells are few.
        normal_cells, car_t_cells, tumour_cells: at the infusion, cells.

    Source: Kimmel 2021 (``car_t_lymphoma.kill_rate`` and its neighbours).
    """

    tumour_growth: float = given("car_t_lymphoma.tumour_growth", 1e-3, 1, "1/day")
    kill_rate: float = given("car_t_lymphoma.kill_rate", 0, 5, "1/day")
    half_kill: float = given("car_t_lymphoma.half_kill", *CELLS)
    normal_growth: float = given("car_t_lymphoma.normal_growth", 0, 1, "1/day")
    car_t_growth: float = given("car_t_lymphoma.car_t_growth", 0, 1, "1/day")
    normal_capacity: float = given("car_t_lymphoma.normal_capacity", 1e9, 1e13, "cells")
    car_t_capacity: float = given("car_t_lymphoma.car_t_capacity", 1e9, 1e13, "cells")
    early_growth: float = given("car_t_lymphoma.early_growth", 0, 1, "1/day")
    early_width: float = given("car_t_lymphoma.early_width", 0.01, 10, "1")
    normal_cells: float = given("car_t_lymphoma.normal_cells", *CELLS)
    car_t_cells: float = given("car_t_lymphoma.car_t_cells", *CELLS)
    tumour_cells: float = given("car_t_lymphoma.tumour_cells", *CELLS)

    def course(self, days=365.0, step=2.0):
        """Return the deterministic ``Course``: the mean, where chance would decide.

        Arguments: ``days``, 1 to 3,650; ``step``, the longest step, days; it is a quarter of that
        in the first three weeks, while the T cells multiply fast.
        """
        days = checked("days", days, 1, 3650, "day", scalar=True)
        step = checked("step", step, 0.01, 10, "day", scalar=True)
        early = np.arange(0, min(21, days), step / 4)
        times = days_between([early], 0.0, days, step)
        logs = [np.log(x) for x in (self.normal_cells, self.car_t_cells, self.tumour_cells)]
        values = (getattr(self, name) for name in self.__dataclass_fields__)
        shape = np.broadcast_shapes((1,), *map(np.shape, values))
        rates = (
            self.normal_growth,
            np.log(self.normal_capacity),
            self.normal_capacity,
            self.car_t_growth,
            np.log(self.car_t_capacity),
            self.early_growth,
            self.early_width,
            self.tumour_growth,
            self.kill_rate,
            self.half_kill,
        )
        lower, upper = (np.full((3, 1), np.log(limit)) for limit in (FEWEST, MOST))
        start = np.array([np.broadcast_to(each, shape) for each in logs])
        cells = np.exp(
            rk4(_rates_of_change, start, times, parameters=rates, lower=lower, upper=upper)
        )
        return Course(times, *(cells[:, row] for row in range(3)))


def _rates_of_change(
    t, y, growth, log_room, room, car_t_growth, log_car_t_room, early, width, tumour, kill, half
):
    """Return the derivatives of the three logarithms."""
    normal, car_t = np.exp(y[0]), np.exp(y[1])
    total = normal + car_t
    log_total = np.log(total)
    free = (total - room) ** 2
    car_t_rate = car_t_growth + early * free / (width * total**2 + free)
    return (
        growth * (log_room - log_total),
        car_t_rate * (log_car_t_room - log_total),
        tumour - kill * car_t / (half + car_t),
    )


def cure_chance(course, tumour_growth):
    """Return the chance that the last tumour cell is gone by each day, (days, patients).

    It is 0 until the day on which 100 cells are left, and for good if that day never comes.

    Arguments: ``course`` of a ``CarTCompetition``; ``tumour_growth``, its $r_B$ per day, one number
    or one per patient.
    Source: Kendall 1948; the 100 cells are Kimmel's (``car_t_lymphoma.chance``).
    """
    growth = checked("tumour_growth", tumour_growth, 1e-3, 1)
    cells, change, days = _counted(course)
    with np.errstate(over="ignore", divide="ignore"):
        # B(t0) / B(t) at the start and at the end of each step
        ends = np.exp(-np.cumsum(change, axis=0))
        starts = np.concatenate([np.ones((1, ends.shape[1])), ends[:-1]])
        divisor = ends + growth * np.cumsum(starts * _mean_inverse(change) * days, axis=0)
        # Without deaths it is 1; rounding must not put it below.
        chance = np.exp(cells * np.log1p(-1 / np.maximum(divisor, 1)))
    return np.concatenate([np.zeros((1, chance.shape[1])), chance])


def draw(course, tumour_growth, seed, draws=1):
    r"""Return ``Chance``: tumour cells, counted one by one below 100, in equal patients.

    Over a step of length $h$, on which $B$ changes by the factor $e^{g h}$, each cell leaves no
    descendant with probability $1 - 1/D$, else a geometric number of mean $D\,e^{g h}$: the exact
    law. A million cells and more grow without chance.

    Arguments: ``course`` of one patient; ``tumour_growth``, its $r_B$ per day; ``seed``, a whole
    number from 0 on: the same seed draws the same courses; ``draws``, equal patients, 1 to 10,000.
    Source: Kendall 1948 (``car_t_lymphoma.chance``).
    """
    growth = checked("tumour_growth", tumour_growth, 1e-3, 1, scalar=True)
    draws = checked("draws", draws, 1, 10_000, whole=True)
    random = np.random.default_rng(checked("seed", seed, 0, 2**32, whole=True))
    if course.tumour.shape[1] != 1:
        raise ValueError(f"course must be of one patient, you gave {course.tumour.shape[1]}.")
    cells, change, days = (each[..., 0] for each in _counted(course))
    divisor = np.maximum(np.exp(-change) + growth * _mean_inverse(change) * days, 1)
    counts = np.repeat(course.tumour, draws, axis=1)
    now = np.full(draws, float(np.round(cells)))
    for step in np.flatnonzero(days):
        families = random.binomial(np.minimum(now, MANY).astype(int), 1 / divisor[step])
        more = random.negative_binomial(
            np.maximum(families, 1), min(1.0, np.exp(-change[step]) / divisor[step])
        )
        grown = np.minimum(now * np.exp(change[step]), MOST)
        now = np.where(now >= MANY, grown, families + np.where(families > 0, more, 0))
        counts[step + 1] = now
    return Chance(course.times, counts)


def _counted(course):
    r"""Return cells at the start of chance, (patients,), and of each step its part in that time.

    That is the change of $\ln B$ and the length in days, (steps, patients): 0 before chance begins.
    """
    switch = np.log(evidence.get("car_t_lymphoma.switch").value)
    logs = np.log(course.tumour)
    few = np.maximum.accumulate(logs <= switch, axis=0)
    start, end = logs[:-1], logs[1:]
    first = ~few[:-1] & few[1:]
    share = np.where(few[:-1], 1.0, 0.0)
    share[first] = (switch - end[first]) / (start - end)[first]
    change = share * (end - start)
    cells = np.minimum(course.tumour[0], np.exp(switch))
    return cells, change, share * np.diff(course.times)[:, None]


def _mean_inverse(change):
    """Return the mean of $e^{-x}$ while $x$ goes evenly from 0 to ``change``."""
    safe = np.where(np.abs(change) > 1e-9, change, 1.0)
    return np.where(np.abs(change) > 1e-9, -np.expm1(-safe) / safe, 1.0)
