r"""One virtual patient whom every therapy treats: a tumour, its T cells, and what is given.

A tumour holds cells that T cells see well ($H$, antigen-high) and cells they hardly see ($L$,
antigen-low). T cells $E$ enter through its surface, and PD-1 takes away a part of their killing:

$$T = H + L,\qquad A = H + \varphi L,\qquad
  b = b_{max}\frac{CPS}{CPS + c_{50}},\qquad
  \kappa = (1 - b\,F)\,m\,\frac{E}{E + \rho_{50} T}$$
$$\frac{d \ln H}{dt} = g - \kappa - \dot G_H,\qquad
  \frac{d \ln L}{dt} = g - \varphi\kappa - \dot G_L - n\frac{H}{T},\qquad
  \frac{dE}{dt} = d\left[R\,\varepsilon\,I\,T_{ref}^{1/3} A^{2/3} - E\right] + P\,E + \dot J$$

A therapy acts through ``Effects``: the share of PD-1 that still brakes, $F$; the logarithm
of what it has killed by itself so far, $G_H$ and $G_L$; the rate $n$ at which antigen-high
neighbours that took it up kill antigen-low cells; and on T cells: $R$ multiplies their supply,
$P$ is the rate at which they multiply at the tumour, $J$ counts those brought by infusions.
Without therapy $F = R = 1$, and all others are 0.

A teaching model: it is not a clinical prediction.
"""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from course_lib.models.binding import occupancy
from course_lib.models.ode import CHUNK, days_between, rk4
from course_lib.models.parameters import Parameters, checked, given, patients_in

LOG_CELLS_MIN = 0.0  # one cell: the model never claims that a tumour is gone
LOG_CELLS_MAX = 32.0  # 8e13 cells, beyond any living patient
T_CELLS_MAX = 1e30  # far beyond any balance; keeps T cells that multiply without end finite
STEP = 3.5  # days; see the measured errors in ``simulate``
ASSUMED = "assumed"  # the basis of a therapy whose effect was not calibrated on a trial


@dataclass(frozen=True)
class Patient(Parameters):
    r"""A tumour and the T cells in it, of one patient or of a cohort.

    Arguments, each one number or an array of shape (patients,)
        infiltration: $I$, tumour-reactive T cells relative to the median tumour.
        cps: PD-L1 combined positive score, 0 to 100.
        doubling_time: of the tumour's volume without T cells, days; $g = \ln 2 / $ this.
        sum_of_diameters: at the start, mm.
        antigen_low_share: share of the tumour cells that are antigen-low at the start.
        resistant_fraction: share of the tumour that chemotherapy cannot kill.
        lesions: $N$, number of equal spheres that share the sum of diameters.
        cells_per_volume: $c$, cells per mm³.
        killing_capacity: $m$, greatest kill rate, 1/day.
        half_killing_ratio: $\rho_{50}$, T cells per tumour cell at half the greatest kill rate.
        t_cell_supply: $\varepsilon$, T cells per tumour cell at the reference size and $I = 1$.
        t_cell_turnover: $d$, 1/day.
        antigen_low_visibility: $\varphi$, how well T cells see an antigen-low cell, 0 to 1.
        brake_maximum: $b_{max}$, share of the killing that PD-1 can take away.
        brake_half_cps: $c_{50}$, CPS at half of the maximal brake.
        reference_size: sum of diameters at which $\varepsilon$ holds ($T_{ref}$), mm.
        her2: copies of HER2 on an antigen-high cell.
        low_her2_ratio: HER2 of an antigen-low cell, relative to an antigen-high one, 0 to 1.
        effector_cells: cells that kill what antibodies mark, relative to the typical patient.

    The default HER2 is that of a triple-negative line. HER2 and the antigen of T cells share the
    two classes: a simplification.
    Raises ``ValueError`` or ``TypeError`` naming the field, the allowed range and the value.
    Source: ``patient.*``, ``tumour.*``, ``checkpoint_model.*``.
    """

    infiltration: float = given("patient.t_cell_infiltration", 0, 100, "")
    cps: float = given("patient.cps", 0, 100, "")
    doubling_time: float = given("tumour.volume_doubling_time", 5, 10000, "day")
    sum_of_diameters: float = given("tumour.sum_of_diameters", 1, 1000, "mm")
    antigen_low_share: float = given("patient.antigen_low_share", 0, 1, "")
    resistant_fraction: float = given("patient.resistant_fraction", 0, 1, "")
    lesions: float = given("tumour.lesions", 1, 100, "")
    cells_per_volume: float = given("tumour.cells_per_volume", 1e3, 1e7, "cells/mm3")
    killing_capacity: float = given("checkpoint_model.killing_capacity", 0, 2, "1/day")
    half_killing_ratio: float = given("checkpoint_model.half_killing_ratio", 1e-4, 100, "")
    t_cell_supply: float = given("checkpoint_model.t_cell_supply", 0, 1, "")
    t_cell_turnover: float = given("checkpoint_model.t_cell_turnover", 0, 0.5, "1/day")
    antigen_low_visibility: float = given("patient.antigen_low_visibility", 0, 1, "")
    brake_maximum: float = given("checkpoint_model.brake_maximum", 0, 1, "")
    brake_half_cps: float = given("checkpoint_model.brake_half_cps", 1e-3, 1000, "")
    reference_size: float = given("tumour.sum_of_diameters", 1, 1000, "mm")
    her2: float = given("her2_copies.mda_mb_231", 0, 1e8, "copies per cell")
    low_her2_ratio: float = given("patient.low_her2_ratio", 0, 1, "")
    effector_cells: float = given("patient.effector_cells", 0, 100, "")

    def growth_rate(self):
        r"""Return $g = \ln 2 / $ doubling time, 1/day."""
        return np.log(2) / self.doubling_time

    def brake(self):
        r"""Return $b = b_{max}\,CPS / (CPS + c_{50})$: the share of killing PD-1 takes away."""
        return self.brake_maximum * occupancy(self.cps, self.brake_half_cps)

    def log_cells(self, size):
        r"""Return $\ln T$ of a sum of diameters (mm), $T = N\,c\,\frac\pi6\,(size/N)^3$."""
        in_1_mm_spheres = self.lesions * self.cells_per_volume * np.pi / 6
        return np.log(in_1_mm_spheres) + 3 * np.log(np.divide(size, self.lesions))

    def size(self, cells):
        r"""Return the sum of diameters (mm) of $T$ cells, $N\,[6T / (\pi N c)]^{1/3}$."""
        one_cell = self.lesions * np.cbrt(6 / (np.pi * self.lesions * self.cells_per_volume))
        return one_cell * np.cbrt(cells)

    def supply(self):
        r"""Return $\varepsilon\,I\,T_{ref}^{1/3}$: T cells at balance are this times $A^{2/3}$."""
        reference = np.exp(self.log_cells(self.reference_size) / 3)
        return self.t_cell_supply * self.infiltration * reference

    def start(self):
        r"""Return the state on day 0, rows $\ln H$, $\ln L$ and $E$, shape (3, patients).

        T cells are in balance with the tumour. A class without cells is $-\infty$; a class with
        cells has at least one.
        """
        total = np.clip(self.log_cells(self.sum_of_diameters), LOG_CELLS_MIN, LOG_CELLS_MAX)
        low = np.asarray(self.antigen_low_share, dtype=float)
        with np.errstate(divide="ignore"):  # a share of none is meant
            shares = np.log1p(-low), np.log(low)
        log_high, log_low = (
            np.where(share == -np.inf, share, np.maximum(total + share, LOG_CELLS_MIN))
            for share in shares
        )
        seen = np.exp(log_high) + self.antigen_low_visibility * np.exp(log_low)
        # np.square, not **: one number and a list then go through the same code, bit for bit
        state = log_high, log_low, self.supply() * np.square(np.cbrt(seen))
        return np.stack([np.broadcast_to(row, (self.number(),)) for row in state])

    def her2_by_class(self):
        """Return the HER2 copies of an antigen-high and of an antigen-low cell, (2, patients)."""
        both = [self.her2, np.multiply(self.her2, self.low_her2_ratio)]
        return np.stack([np.broadcast_to(each, (self.number(),)) for each in both])

    def number(self):
        """Return how many patients this is."""
        return patients_in(**vars(self))

    def some(self, which):
        """Return the patients that ``which`` selects: a slice, indices or truth values."""
        return chosen(self, which)


@dataclass(frozen=True)
class Effects:
    """What therapies do, at the start, middle and end of each step: (steps, 3, patients or 1).

    free_pd1: share of PD-1 that still brakes; therapies multiply.
    log_kill_high, log_kill_low: natural logarithm of the fold by which a therapy alone has
    reduced antigen-high and antigen-low cells since day 0; therapies add.
    bystander_kill: rate at which an antigen-low cell dies when all its neighbours are
    antigen-high ones that took up a payload, 1/day; therapies add.
    recruitment: factor on the supply of tumour-reactive T cells; therapies multiply.
    t_cell_growth: rate at which T cells at the tumour multiply, or die if below 0, beyond
    their usual turnover, 1/day; therapies add.
    arrived_t_cells: tumour-reactive T cells that infusions have brought to the tumour since day
    0, cells, never falling; within a step they arrive evenly; therapies add.
    """

    free_pd1: np.ndarray | float = 1.0
    log_kill_high: np.ndarray | float = 0.0
    log_kill_low: np.ndarray | float = 0.0
    bystander_kill: np.ndarray | float = 0.0
    recruitment: np.ndarray | float = 1.0
    t_cell_growth: np.ndarray | float = 0.0
    arrived_t_cells: np.ndarray | float = 0.0

    def __add__(self, other):
        """Return what both do together."""
        return Effects(
            self.free_pd1 * other.free_pd1,
            self.log_kill_high + other.log_kill_high,
            self.log_kill_low + other.log_kill_low,
            self.bystander_kill + other.bystander_kill,
            self.recruitment * other.recruitment,
            self.t_cell_growth + other.t_cell_growth,
            self.arrived_t_cells + other.arrived_t_cells,
        )


class Therapy(Protocol):
    """What ``simulate`` asks of a therapy: a ``Parameters``, if it has a setting per patient.

    ``basis`` says what its effect rests on: the trial it was calibrated on, or ``ASSUMED``. A
    therapy that does not say counts as assumed: it shows tumour curves, never a hazard ratio.
    One that acts within days, such as an infusion of cells, may name the longest ``step`` (days)
    that follows it.
    """

    basis: str

    def dose_times(self):
        """Return the days of all doses planned: they fall on the boundary of two steps."""

    def effects(self, stages, stop, patient):
        """Return the ``Effects`` at ``stages``, days of shape (steps, 3).

        No dose is given on day ``stop`` (patients,) or later; the last stage of a step comes
        just before a dose on that day.
        """


@dataclass(frozen=True, eq=False)
class Course:
    """What happened: arrays of shape (times, patients); ``times``, ``before`` (times,), days.

    size: sum of diameters, mm.  tumour_cells and t_cells: cells.  antigen_low_share: 0 to 1.

    A dose day is listed twice, just before and just after the dose (day 0: after only, last
    day: before only), so that plots of a drug rise upright; ``before`` marks the first of the
    two.
    """

    times: np.ndarray
    before: np.ndarray
    size: np.ndarray
    tumour_cells: np.ndarray
    antigen_low_share: np.ndarray
    t_cells: np.ndarray


def rates_of_change(
    t,
    state,
    free,
    killed_high,
    killed_low,
    bystander,
    recruitment,
    t_cell_growth,
    arriving,
    g,
    m,
    rho50,
    b,
    supply,
    d,
    phi,
):
    """Return the rates of change of ln H, ln L and E: the equations at the top of this file.

    Arguments: day; state, rows ln H, ln L and E, without the direct kill of this step; what
    therapies do, as in ``Effects``, but ``killed_...`` since the start of this step, and
    ``arriving`` T cells a day; then the parameters, with ``supply`` as in ``Patient.supply``.
    Shape (patients,) each.
    """
    log_high, log_low, t_cells = state
    high, low = np.exp(log_high - killed_high), np.exp(log_low - killed_low)
    kill = (1 - b * free) * m * t_cells / (t_cells + rho50 * (high + low))
    kill_low = phi * kill + bystander * high / (high + low)
    in_balance = recruitment * supply * np.square(np.cbrt(high + phi * low))
    return g - kill, g - kill_low, d * (in_balance - t_cells) + t_cell_growth * t_cells + arriving


def integrate(patient, state, grid, therapies, stop=np.inf, growth=1.0, chunk=CHUNK):
    """Return the states along ``grid``, shape (days, 3, patients): the core of ``simulate``.

    Arguments: ``state`` on the first day, (3, patients); ``grid`` of days that holds every
    dose day between its ends; ``stop``, the day from which no dose is given, and ``growth``, a
    factor on the growth rate, one number or (patients,); ``chunk``, patients run together.
    What a therapy kills directly is exact; the rest is ``rk4``.
    """
    number = state.shape[1]
    stop, growth = (np.broadcast_to(np.asarray(v, float), (number,)) for v in (stop, growth))
    stages = np.stack([grid[:-1], (grid[:-1] + grid[1:]) / 2, grid[1:]], axis=1)
    states = np.empty((grid.size, *state.shape))
    for first in range(0, number, chunk):
        part = slice(first, first + chunk)
        some = patient.some(part)
        all_effects = (chosen(each, part).effects(stages, stop[part], some) for each in therapies)
        effects = sum(all_effects, Effects())
        free, *killed, bystander, recruitment, t_cell_growth, arrived = (
            np.broadcast_to(effect, np.broadcast_shapes(np.shape(effect), (*stages.shape, 1)))
            for effect in vars(effects).values()
        )
        within = [each - each[:, :1] for each in killed]
        arriving = (arrived[:, 2:] - arrived[:, :1]) / np.diff(grid)[:, None, None]
        arriving = np.broadcast_to(arriving, arrived.shape)
        start = state[:, part]
        # A class that has cells keeps at least one; a class without cells never gets any.
        lower = np.where(start == -np.inf, -np.inf, [[LOG_CELLS_MIN], [LOG_CELLS_MIN], [0.0]])
        states[:, :, part] = rk4(
            rates_of_change,
            start,
            grid,
            drives=[free, *within, bystander, recruitment, t_cell_growth, arriving],
            parameters=[
                growth[part] * some.growth_rate(),
                some.killing_capacity,
                some.half_killing_ratio,
                some.brake(),
                some.supply(),
                some.t_cell_turnover,
                some.antigen_low_visibility,
            ],
            falls=[*(each[:, 2] for each in within), np.zeros((grid.size - 1, 1))],
            lower=lower,
            upper=np.array([[LOG_CELLS_MAX], [LOG_CELLS_MAX], [T_CELLS_MAX]]),
            chunk=chunk,
        )
    return states


def simulate(patient, therapies=(), days=360, step=STEP, *, stop=np.inf, chunk=CHUNK):
    r"""Run one patient, or a cohort, under any therapies of this course.

    The equations at the top of this file, by ``rk4``. Every dose falls on the boundary of two
    steps; what a drug kills directly enters exactly.

    The step was chosen by measured convergence: at 3.5 days, over random settings of the sliders
    and starting sizes of 10 to 400 mm, 360 days, 12,000 runs, each against 0.05 days: half of the
    runs never differ by more than 0.0001 mm, and 999 of 1,000 by no more than 0.1 mm, or 1 % of a
    size above 1 mm. The worst, by 0.4 mm, was a tumour in the midst of its collapse.

    $\ln H$ and $\ln L$ are kept between 0 and 32. Below one cell the equations say nothing, so
    a class stops at one cell: a remission, not a cure. Above 8e13 cells it stops growing.

    Arguments
        patient: a ``Patient``.
        therapies: what is given, such as ``[Pembrolizumab(), Chemotherapy()]``; none if empty.
        days: length of the run, 1 to 3650.
        step: longest step, 0.01 to 3.5 days, or what a therapy asks for; each interval between
            doses is cut into equal steps.
        stop: no dose on this day or later; one number or one per patient; 0 is never treated.
        chunk: patients integrated together; the result does not depend on it.

    Returns a ``Course``.
    Raises ``TypeError`` or ``ValueError`` naming the argument, the allowed range and the value.
    Source: the composed patient of this course; ``checkpoint_model.*``, ``patient.*``.
    """
    if not isinstance(patient, Patient):
        raise TypeError(
            f"patient must be a Patient, such as Patient(cps=20), you gave {patient!r}."
        )
    therapies = checked_therapies(therapies)
    days = checked("days", days, 1, 3650, "day", scalar=True)
    step = checked("step", step, 0.01, STEP, "day", scalar=True)
    stop = checked("stop", stop, 0, np.inf, "day")
    chunk = checked("chunk", chunk, 1, 10**6, "patients", whole=True)
    settings = vars(patient) | {"stop": stop}
    for number, each in enumerate(therapies, start=1):
        for name, value in vars(each).items():
            settings[f"{name} of therapy {number}" if name in settings else name] = value
    patients = patients_in(**settings)
    step = min([step, *(getattr(each, "step", STEP) for each in therapies)])
    grid = days_between([each.dose_times() for each in therapies], 0.0, days, step)
    start = np.broadcast_to(patient.start(), (3, patients))
    states = integrate(patient, start, grid, therapies, stop, chunk=chunk)

    doses = np.concatenate([[], *(each.dose_times() for each in therapies)])
    dose_rows = np.flatnonzero(np.isin(grid[1:-1], doses)) + 1
    rows = np.sort(np.append(np.arange(grid.size), dose_rows))
    high, low = np.exp(states[rows, 0]), np.exp(states[rows, 1])
    return Course(
        times=grid[rows],
        before=np.append(rows[1:] == rows[:-1], False),
        size=patient.size(high + low),
        tumour_cells=high + low,
        antigen_low_share=low / (high + low),
        t_cells=states[rows, 2],
    )


def assumed(therapies):
    """Return the names of those ``therapies`` whose effect was calibrated on no trial."""
    return tuple(
        type(each).__name__
        for each in therapies
        if not getattr(each, "basis", ASSUMED).startswith("calibrated")
    )


def chosen(settings, which):
    """Return ``settings`` with the lists among them cut to the patients ``which`` selects.

    ``settings``: a ``Patient`` or a therapy. Nothing changes if all patients share all of them.
    """
    lists = {name: value for name, value in vars(settings).items() if np.size(value) > 1}
    cut = {name: each[which] for name, each in lists.items()}
    return replace(settings, **cut) if cut else settings


def checked_therapies(therapies, name="therapies"):
    """Return ``therapies`` as a tuple; raise TypeError unless each one is a therapy."""
    allowed = f"{name} must be a list of therapies, such as [Pembrolizumab(dose=200)]"
    if not isinstance(therapies, list | tuple):
        raise TypeError(f"{allowed}, you gave {therapies!r}.")
    for each in therapies:
        if isinstance(each, type) or not (hasattr(each, "effects") and hasattr(each, "dose_times")):
            raise TypeError(f"{allowed}, you gave {each!r} in it.")
    return tuple(therapies)
