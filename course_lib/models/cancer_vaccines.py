r"""Vaccination: T cells are primed, contract and leave memory; a residual tumour meets them.

Antigen $A$ of a dose wakes naive cells $N$ and memory cells $M$. Awake, they divide ($D$) as
long as antigen lasts, and then become effector cells $E$, of which few become memory cells:

$$\sigma = \frac{hA}{1 + hA},\qquad \dot A = -\Big(\frac{\ln 2}{T_A} + c(D + E)\Big)A,\qquad
  \dot N = -a\sigma N,\qquad \dot D = a\sigma(N + M) + \rho q\sigma D - w(1 - \sigma)D$$
$$\dot E = w(1 - \sigma)D - \delta E,\qquad
  \dot M = (1 - f)\,\delta E - a\sigma M - \frac{\ln 2}{T_M}M$$

HLA holds the peptide for a share $h$ of the time, and the adjuvant gives a share $q$ of the
second signal. Tolerance $\tau$ deletes cells wherever HLA shows the body's own peptide, the
most avid first: a share $\ell$ of the naive cells is left, and sees a tumour so much worse.

$$\ell = \tau^{-h},\qquad N(0) = \ell N_0$$

Of a residual tumour $T$, the cells $P$ with HLA can be killed, the cells $Q$ without cannot:

$$\frac{d\ln Q}{dt} = g,\qquad \frac{d\ln P}{dt} = g - \kappa,\qquad
  \kappa = (1 - s)\,m\,\frac{r}{r + \rho_{50}},\qquad
  r = \ell h\,u\,e\,\beta\,(E + M)\,\frac{T_0^{1/3} P^{2/3}}{T}$$

T cells are primed by the vaccine alone: the tumour wakes none. Wilson and Levy's model of a
tumour vaccine (BioModels 0791) starts where this one ends, with effector cells at a mouse's
tumour: it has no priming, contraction or memory to compare.

A teaching model: it is not a clinical prediction.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from course_lib.models.ode import days_between, rk4
from course_lib.models.parameters import Parameters, checked, given, patients_in
from course_lib.models.patient import ASSUMED, LOG_CELLS_MIN, Effects

#: After so many half-lives, antigen wakes no cell; from then on the equations have a closed form.
GONE = 14
#: Longest steps, days: of the T cells while there is antigen, and of the tumour.
STEP, LONG_STEP = 0.4, 16.0
#: Days after a dose on which the tumour's steps end, because the T cells then change fast.
SOON = np.arange(0, 27, 2)


class Response(NamedTuple):
    """Vaccine-specific T cells, cells, and antigen, in doses that wake at half speed.

    Shape (times,), or (times, patients) if a setting is given per patient.
    """

    times: np.ndarray
    antigen: np.ndarray
    naive: np.ndarray
    dividing: np.ndarray
    effector: np.ndarray
    memory: np.ndarray

    @property
    def all(self):
        """Every T cell that carries a receptor for the peptide: what a blood test counts."""
        return self.naive + self.dividing + self.effector + self.memory

    @property
    def killers(self):
        """Effector and memory cells: those that leave the lymph node."""
        return self.effector + self.memory


class Course(NamedTuple):
    """A residual tumour over time, cells, each of shape (times,).

    ``response`` holds the T cells, at these times and at more between them; None if there was
    no vaccine.
    """

    times: np.ndarray
    with_hla: np.ndarray
    without_hla: np.ndarray
    response: Response | None

    @property
    def cells(self):
        """All tumour cells."""
        return self.with_hla + self.without_hla


@dataclass(frozen=True)
class Vaccine(Parameters):
    r"""Doses of a vaccine against one peptide, and how T cells respond.

    Arguments, each one number or an array of shape (patients,) unless marked
        held: $h$, share of the time that HLA holds the vaccine's peptide, 0 to 1.
        tolerance: $\tau$: of so many matching T cells one would be left if HLA always held the
            peptide. 1, none is deleted, for a peptide that is not the body's own.
        costimulation: $q$, share of the second signal that the adjuvant gives, 0 to 1.
        interval: days between doses, one number for all patients.
        number_of_doses: whole number, one for all patients; the first dose is on day 0.
        dose: antigen of one dose, in amounts that wake T cells at half speed if $h = 1$.
        antigen_half_life: $T_A$, days, one number.
        precursors: $N_0$, naive T cells for the peptide without tolerance, cells.
        divisions: per day at most; $\rho = \ln 2$ times this.
        activation: $a$, 1/day.
        maturation: $w$, 1/day.
        effector_loss: $\delta$, 1/day.
        contraction: $f$, share of the effector cells that die instead of becoming memory cells.
        memory_half_life: $T_M$, days.
        clearance: $c$, rate at which one dividing or effector cell clears antigen, 1/day.
        own_t_cells: killers that add as much to a tumour's T cell supply as the patient has.

    Raises ``ValueError`` or ``TypeError`` naming the field, the allowed range and the value.
    Source: ``vaccine.*``.
    """

    basis = ASSUMED

    held: float = given("vaccine.held", 0, 1, "")
    tolerance: float = given("vaccine.tolerance", 1, 1e9, "")
    costimulation: float = given("vaccine.costimulation", 0, 1, "")
    interval: float = given("vaccine.interval", 1, 3650, "day", scalar=True)
    number_of_doses: int = given("vaccine.number_of_doses", 1, 100, "", whole=True)
    dose: float = given("vaccine.dose", 0, 1e4, "")
    antigen_half_life: float = given("vaccine.antigen_half_life", 0.1, 14, "day", scalar=True)
    precursors: float = given("vaccine.precursors", 0, 1e9, "cells")
    divisions: float = given("vaccine.divisions", 0, 4, "1/day")
    activation: float = given("vaccine.activation", 0, 3, "1/day")
    maturation: float = given("vaccine.maturation", 0.5, 3, "1/day")
    effector_loss: float = given("vaccine.effector_loss", 0.02, 0.4, "1/day")
    contraction: float = given("vaccine.contraction", 0, 1, "")
    memory_half_life: float = given("vaccine.memory_half_life", 60, 36500, "day")
    clearance: float = given("vaccine.clearance", 0, 1e-3, "1/day")
    own_t_cells: float = given("vaccine.own_t_cells", 1e3, 1e12, "cells")

    def dose_times(self):
        """Return the days on which a dose is given, shape (number_of_doses,)."""
        return self.interval * np.arange(self.number_of_doses)

    def left(self):
        r"""Return $\ell = \tau^{-h}$: share of the T cells left, and how well they see."""
        return np.power(np.asarray(self.tolerance), -np.asarray(self.held))

    def seen(self):
        r"""Return $\ell h$: how well the T cells that are left see a tumour with the peptide."""
        return self.left() * self.held

    def response(self, times, stop=np.inf):
        """Return the ``Response`` at ``times``, days; no dose is given on day ``stop`` or later.

        With antigen the equations are integrated, without it they are linear and solved exactly.
        The cells are then within 1 % of DOP853 (tests/models/test_cancer_vaccines.py).

        Arguments: ``times``, one day or shape (times,); ``stop``, one number or (patients,).
        Raises ``ValueError`` or ``TypeError`` if a time is negative or no number.
        """
        times = np.atleast_1d(checked("times", times, 0, 36500, "day"))
        number = max(patients_in(**vars(self)), np.size(stop))
        rates = [np.broadcast_to(rate, (number,)) for rate in self._rates()]
        with np.errstate(divide="ignore"):  # no dose, or nothing held: no antigen is meant
            injected = np.log(np.multiply(self.held, self.dose))
        state = np.zeros((5, number))
        state[0] = -np.inf  # the antigen's logarithm: clearing is then never too fast to follow
        state[1] = self.precursors * self.left()
        states = np.empty((times.size, 5, number))
        doses = self.dose_times()
        for day, following in zip(doses, [*doses[1:], np.inf], strict=True):
            state[0] = np.logaddexp(state[0], np.where(day < stop, injected, -np.inf))
            end = min(day + GONE * self.antigen_half_life, following)
            inside, later = (times >= day) & (times < end), (times >= end) & (times < following)
            grid = days_between([times[inside]], day, end, STEP)
            course = rk4(_rates_of_change, state, grid, parameters=rates)
            states[inside] = course[np.searchsorted(grid, times[inside])]
            states[later] = _without_antigen(times[later] - end, course[-1], *rates)
            if following > times.max():
                break
            state = _without_antigen(np.array([following - end]), course[-1], *rates)[0]
        states[:, 0] = np.exp(states[:, 0])
        alone = number == 1 and np.ndim(stop) == 0
        return Response(times, *np.moveaxis(states[..., 0] if alone else states, 1, 0))

    def effects(self, stages, stop, patient):
        """Return the ``Effects``: killers add to the supply of tumour-reactive T cells."""
        alike = patients_in(**vars(self)) == 1
        stops, which = np.unique(stop, return_inverse=True) if alike else (stop, slice(None))
        days, where = np.unique(stages, return_inverse=True)
        killers = self.response(days, stops).killers * self.seen() / self.own_t_cells
        return Effects(recruitment=1 + killers[where.reshape(stages.shape)][..., which])

    def _rates(self):
        """Return the rates of the equations, 1/day, and the share that becomes memory cells."""
        return (
            np.log(2) / self.antigen_half_life,
            self.clearance,
            self.activation,
            np.log(2) * np.multiply(self.divisions, self.costimulation),
            self.maturation,
            self.effector_loss,
            1 - np.asarray(self.contraction),
            np.log(2) / np.asarray(self.memory_half_life),
        )


def _rates_of_change(t, state, decay, clear, wake, divide, ripen, loss, keep, fade):
    """Return the rates of change of ln hA, N, D, E and M: the equations at the top."""
    antigen, naive, dividing, effector, memory = state
    held = np.exp(antigen)
    signal = held / (1 + held)
    first, again = wake * signal * naive, wake * signal * memory
    ripe, lost = ripen * (1 - signal) * dividing, loss * effector
    return (
        -decay - clear * (dividing + effector),
        -first,
        first + again + divide * signal * dividing - ripe,
        ripe - lost,
        keep * lost - again - fade * memory,
    )


def _without_antigen(days, state, decay, clear, wake, divide, ripen, loss, keep, fade):
    """Return the states ``days`` later: chains of exponentials, shape (days, 5, patients)."""
    antigen, naive, dividing, effector, memory = state
    days = days[:, None]
    ripe, lost, faded = (np.exp(-rate * days) for rate in (ripen, loss, fade))
    made = ripen * dividing / (ripen - loss)
    from_effector = (faded - lost) / (loss - fade)
    from_dividing = from_effector - (faded - ripe) / (ripen - fade)
    rows = (
        antigen - decay * days,
        naive + 0 * days,
        dividing * ripe,
        effector * lost + made * (lost - ripe),
        memory * faded + keep * loss * (effector * from_effector + made * from_dividing),
    )
    return np.stack(rows, axis=1)


@dataclass(frozen=True)
class ResidualTumour(Parameters):
    r"""A small tumour left after treatment, and how T cells reach it; one number each.

    Arguments
        cells: $T$ on day 0, cells.
        hla_lost: share of these cells that show no peptide ($Q$), 0 to 1.
        shown: $u$, whether the tumour shows the vaccine's peptide, 0 to 1.
        entry: $e$, T cells that enter, relative to the typical tumour.
        suppression: $s$, share of the killing that is stopped in the tumour, 0 to 1.
        doubling_time: of the volume without T cells, days; $g = \ln 2 / $ this.
        killing_capacity: $m$, greatest kill rate, 1/day.
        half_killing_ratio: $\rho_{50}$, T cells per tumour cell at half of it.
        reach: $\beta$, T cells in a tumour of ``reference`` cells, per tumour cell and for each
            vaccine-specific killer in the body.
        reference: $T_0$, cells.

    Raises ``ValueError`` or ``TypeError`` naming the field, the allowed range and the value.
    Source: ``residual.*``, ``tumour.*``, ``checkpoint_model.*``.
    """

    cells: float = given("residual.cells", 1, 1e12, "cells", scalar=True)
    hla_lost: float = given("residual.hla_lost", 0, 1, "", scalar=True)
    shown: float = given("residual.shown", 0, 1, "", scalar=True)
    entry: float = given("residual.entry", 0, 100, "", scalar=True)
    suppression: float = given("residual.suppression", 0, 1, "", scalar=True)
    doubling_time: float = given("tumour.volume_doubling_time", 5, 10000, "day", scalar=True)
    killing_capacity: float = given("checkpoint_model.killing_capacity", 0, 2, "1/day", scalar=True)
    half_killing_ratio: float = given(
        "checkpoint_model.half_killing_ratio", 1e-4, 100, "", scalar=True
    )
    reach: float = given("residual.reach", 0, 1, "per cell", scalar=True)
    reference: float = given("residual.reference", 1, 1e12, "cells", scalar=True)

    def course(self, days, vaccine=None):
        """Return the ``Course`` on ``days``, with a vaccine or without.

        The model never claims that a tumour is gone: of the cells with HLA one always stays.

        Arguments: ``days`` that increase, shape (times,); ``vaccine``, a ``Vaccine`` of one
        patient, or None.
        Raises ``TypeError`` or ``ValueError`` if an argument is something else.
        """
        days = np.atleast_1d(checked("days", days, 0, 36500, "day"))
        if np.any(np.diff(days) <= 0):
            raise ValueError("days must increase: each later than the one before.")
        last = max(days[-1], 1.0)
        seen = 0.0 if vaccine is None else self._seen(vaccine)
        soon = [] if vaccine is None else np.add.outer(vaccine.dose_times(), SOON).ravel()
        grid = days_between([days, soon], 0.0, last, LONG_STEP)
        stages = np.stack([grid[:-1], (grid[:-1] + grid[1:]) / 2, grid[1:]], axis=1)
        reached, response = np.zeros(stages.shape), None
        if vaccine is not None:
            times, where = np.unique(stages, return_inverse=True)
            response = vaccine.response(times)
            reached = seen * response.killers[where.reshape(stages.shape)]
        others = self.hla_lost * self.cells * np.exp(self.growth() * stages)
        without = self.hla_lost * self.cells * np.exp(self.growth() * days)
        if self.hla_lost == 1:
            return Course(days, np.zeros(days.size), without, response)
        start = max(np.log((1 - self.hla_lost) * self.cells), LOG_CELLS_MIN)
        logs = rk4(
            self._rate_of_change,
            [[start]],
            grid,
            drives=[reached[..., None], others[..., None]],
            lower=[[LOG_CELLS_MIN]],
        )
        with_hla = np.exp(logs[np.searchsorted(grid, days), 0, 0])
        return Course(days, with_hla, without, response)

    def killing(self, vaccine, killers, with_hla, without_hla=0.0):
        r"""Return $\kappa$, the rate at which tumour cells with HLA are killed, 1/day.

        Arguments: ``vaccine``, a ``Vaccine`` of one patient; ``killers``, $E + M$; ``with_hla``
        and ``without_hla``, $P$ and $Q$, cells; numbers or arrays that fit together.
        Raises ``TypeError`` or ``ValueError`` if an argument is something else.
        """
        killers = checked("killers", killers, 0, 1e15, "cells")
        with_hla = checked("with_hla", with_hla, 1, 1e15, "cells")
        without_hla = checked("without_hla", without_hla, 0, 1e15, "cells")
        return self._kill(self._seen(vaccine) * killers, with_hla, without_hla)

    def killers_needed(self, vaccine, cells):
        r"""Return how many vaccine-specific killers hold ``cells`` with HLA in check.

        $$(E + M)^* = \frac{\rho_{50}\,g}{(1 - s)\,m - g}\;
          \frac{(P / T_0)^{1/3}}{\ell h\,u\,e\,\beta}$$

        It is infinite if the greatest killing is slower than growth, or no T cell sees the tumour.

        Arguments: ``vaccine``, a ``Vaccine`` of one patient; ``cells``, $P$, one number or an
        array, without any cells that lost HLA.
        Raises ``TypeError`` or ``ValueError`` if an argument is something else.
        Source: $\kappa = g$ in the equations at the top.
        """
        seen = self._seen(vaccine)
        cells = checked("cells", cells, 1, 1e15, "cells")
        spare = (1 - self.suppression) * self.killing_capacity - self.growth()
        if spare <= 0 or seen <= 0:
            return np.full(np.shape(cells), np.inf)[()]
        ratio = self.half_killing_ratio * self.growth() / spare
        return ratio * np.cbrt(cells / self.reference) / seen

    def growth(self):
        r"""Return $g = \ln 2 / $ doubling time, 1/day."""
        return np.log(2) / self.doubling_time

    def _seen(self, vaccine):
        r"""Return $\ell h\,u\,e\,\beta$: T cells per tumour cell, for each killer in the body."""
        if not isinstance(vaccine, Vaccine):
            raise TypeError(f"vaccine must be a Vaccine, you gave {vaccine!r}.")
        if patients_in(**vars(vaccine)) > 1:
            raise ValueError("vaccine must be that of one patient, you gave one of several.")
        return vaccine.seen() * self.shown * self.entry * self.reach

    def _rate_of_change(self, t, state, reached, others):
        """Return the rate of change of ln P, 1/day."""
        return (self.growth() - self._kill(reached, np.exp(state[0]), others),)

    def _kill(self, reached, with_hla, without_hla):
        r"""Return $\kappa$, with ``reached`` the T cells per tumour cell of ``reference`` cells."""
        ratio = reached * np.cbrt(self.reference * with_hla**2) / (with_hla + without_hla)
        share = ratio / (ratio + self.half_killing_ratio)
        return (1 - self.suppression) * self.killing_capacity * share
