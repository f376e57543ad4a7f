r"""From a biopsy to an infusion: T cell clones in a dish, in the blood, and at the tumour.

In the dish, clone $i$ of $n_i$ cells divides at the rate $r_i$, and all clones share one room $K$:

$$\frac{dn_i}{dt} = r_i\,n_i\left(1 - \frac{\sum_j n_j}{K}\right)
  \quad\Rightarrow\quad n_i = n_i(0)\,e^{r_i \tau},\qquad
  \frac{d\tau}{dt} = 1 - \frac1K \sum_j n_j(0)\,e^{r_j \tau}$$

So one number, the time with room $\tau$, says how far all clones have come.

In the body, the patient's own lymphocytes use up the cytokines that T cells live on. Chemotherapy
before the infusion, called lymphodepletion, removes the share $L$ of them. They come back at the
rate $\rho$:

$$w = 1 - L\,e^{-\rho t},\qquad S = \frac{s}{w} + b\,[\text{IL-2 is given}],\qquad
  \frac{d \ln n_i}{dt} = p\,\frac{S}{1 + S} - \delta_i$$

$S$ is the cytokine signal, relative to the one at which T cells divide at half of their greatest
rate $p$. Infused cells use up cytokines too; the model leaves that out.

A teaching model. No number of it was measured in breast cancer.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from course_lib import evidence
from course_lib.models.binding import occupancy
from course_lib.models.ode import days_between, rk4
from course_lib.models.parameters import Parameters, checked, given, required
from course_lib.models.patient import ASSUMED, Effects

STEP = 0.25  # days; see the measured error in ``expanded``
FEWEST_DAYS = 0.5  # shortest doubling time in the dish
HOURS = 24.0  # in a day
CHEMOTHERAPY_DAYS = 7
#: Days with a boundary of two steps while cells arrive, times the rate of arrival.
ARRIVALS = np.array([0.25, 0.5, 1.0, 2.0, 3.0])


@dataclass(frozen=True)
class Clones(Parameters):
    r"""T cell clones: each field one number, or one per clone, shape (clones,).

    Arguments
        cells: $n_i(0)$, at the start.
        doubling_time: in the dish as long as there is room, days; $r_i = \ln 2 / $ this.
        reactive: 1 if the clone responds to the tumour, 0 if not.
        death_rate: $\delta_i$ in the body, 1/day.

    Raises ``ValueError`` or ``TypeError`` naming the field, the allowed range and the value.
    """

    cells: float = required(0, 2e12, "cells")
    doubling_time: float = required(FEWEST_DAYS, 1000, "day")
    reactive: float = required(0, 1, "")
    death_rate: float = required(0, 1, "1/day")

    def reactive_share(self):
        """Return the share of all cells that respond to the tumour; 0 if there is no cell."""
        total = np.sum(self.cells)
        return float(np.sum(self.cells * np.asarray(self.reactive)) / total) if total else 0.0


def expanded(clones, days, room):
    r"""Return the cells of each clone after ``days`` in the dish, shape (days, clones).

    The equation of the dish at the top of this file, by ``rk4`` over $\tau$ at steps of at most
    0.25 days. Against DOP853 the cells are right to 2 in 100,000 at a doubling time of 0.5 days,
    and to 2 in a million from 1 day on.

    Arguments: ``clones``, ``Clones``; ``days``, increasing from 0 or later, shape (days,);
    ``room``, cells the dish can hold, at least as many as there are.
    Raises ``ValueError`` or ``TypeError`` naming the argument, the allowed range and the value.
    Source: logistic growth with a shared capacity, an assumption (``cell_culture.model``).
    """
    cells, doubling = np.broadcast_arrays(np.atleast_1d(clones.cells), clones.doubling_time)
    days = np.atleast_1d(checked("days", days, 0, 365, "day"))
    if np.any(np.diff(days) <= 0):
        raise ValueError(f"days must increase: each later than the one before, you gave {days}.")
    room = checked("room", room, 1, 1e12, "cells", scalar=True)
    if cells.sum() > room * (1 + 1e-6):  # a full dish may be rounded to a little more
        raise ValueError(
            f"room must be at least as large as all clones together, {cells.sum():g} cells, "
            f"you gave {room:g}."
        )
    rates = np.log(2) / doubling

    def with_room(t, tau):
        return 1 - np.sum(cells * np.exp(rates * tau), axis=-1, keepdims=True) / room

    if days[-1] == 0:
        return cells[None].astype(float)
    grid = days_between([days], 0.0, days[-1], STEP)
    tau = rk4(with_room, np.zeros((1, 1)), grid)[np.searchsorted(grid, days), 0]
    return cells * np.exp(rates * tau)


def selected(clones, enrichment, recovery):
    r"""Return the ``Clones`` after a selection for cells that respond to the tumour.

    Of reactive cells the share $q$ is kept, of others $q/e$: the odds of being reactive rise
    $e$-fold.

    Arguments: ``clones``, ``Clones``; ``enrichment`` $e$, at least 1, may be infinite; ``recovery``
    $q$, 0 to 1.
    Raises ``ValueError`` or ``TypeError`` naming the argument, the allowed range and the value.
    Source: an assumption (``cell_culture.enrichment``).
    """
    enrichment = checked("enrichment", enrichment, 1, np.inf, scalar=True)
    recovery = checked("recovery", recovery, 0, 1, scalar=True)
    kept = recovery * (clones.reactive + (1 - np.asarray(clones.reactive)) / enrichment)
    return _with_cells(clones, clones.cells * kept)


class Culture(NamedTuple):
    """A culture from biopsy to harvest: its course, what is harvested, and its history."""

    days: np.ndarray  # (days,); the day of the selection twice: before and after it
    cells: np.ndarray  # (days, clones)
    product: Clones  # the harvest, with death rates after so many divisions
    divisions: np.ndarray  # of each clone, (clones,)


def culture(clones, harvest, room, *, selection=None, ageing=None):
    r"""Return the ``Culture`` of ``clones`` up to the day of ``harvest``.

    Cells that have divided $g$ times in the dish die sooner in the body, at the rate
    $\delta_i + a\,g_i$.

    Arguments
        clones: ``Clones`` in the biopsy.
        harvest: day, 0 to 365.
        room: cells the dish can hold.
        selection: None, or the day, ``enrichment`` and ``recovery`` of ``selected``.
        ageing: $a$, 1/day for each division; that of the course if left out.

    Raises ``ValueError`` or ``TypeError`` naming the argument, the allowed range and the value.
    Source: assumptions (``cell_culture.*``, ``til.ageing``).
    """
    harvest = checked("harvest", harvest, 0, 365, "day", scalar=True)
    ageing = evidence.get("til.ageing").value if ageing is None else ageing
    ageing = checked("ageing", ageing, 0, 1, "1/day", scalar=True)
    until = harvest
    if selection is not None:
        until = checked("the day of selection", selection[0], 0, harvest, "day", scalar=True)
    days = days_between([], 0.0, until, 1.0) if until else np.zeros(1)
    cells = expanded(clones, days, room)
    times_grown = _fold(cells)
    if selection is not None:
        clones = selected(_with_cells(clones, cells[-1]), *selection[1:])
        rest = harvest - until
        later = days_between([], 0.0, rest, 1.0) if rest else np.zeros(1)
        regrown = expanded(clones, later, room)
        days, cells = np.append(days, until + later), np.concatenate([cells, regrown])
        times_grown = times_grown * _fold(regrown)
    divisions = np.log2(times_grown)
    death_rate = np.minimum(clones.death_rate + ageing * divisions, 1.0)
    product = Clones(cells[-1], clones.doubling_time, clones.reactive, death_rate)
    return Culture(days, cells, product, divisions)


def _fold(cells):
    """Return how many times each clone has grown from the first row to the last; 1 if absent."""
    there = cells[0] > 0
    return np.where(there, cells[-1] / np.where(there, cells[0], 1.0), 1.0)


def _with_cells(clones, cells):
    """Return the same clones with other numbers of cells."""
    return Clones(cells, clones.doubling_time, clones.reactive, clones.death_rate)


@dataclass(frozen=True)
class Host(Parameters):
    r"""The body that receives the cells: lymphodepletion, IL-2, and what they change.

    Arguments, one number each
        lymphodepletion: $L$, share of the own lymphocytes that chemotherapy removes, percent.
        il2_doses: of IL-2 after the infusion, one every eight hours.
        il2_interval: between two doses, hours.
        lymphocyte_recovery: $\rho$, rate at which the own lymphocytes come back, 1/day.
        cytokine_supply: $s$, cytokine signal with all own lymphocytes, in half-saturating signals.
        il2_signal: $b$, what IL-2 adds to the signal while it is given.
        division_rate: $p$, greatest division rate in the body, 1/day.

    Raises ``ValueError`` or ``TypeError`` naming the field, the allowed range and the value.
    Source: ``til.*``; the numbers are own choices.
    """

    lymphodepletion: float = given("til.lymphodepletion", 0, 99.9, "%", scalar=True)
    il2_doses: int = given("til.il2_doses", 0, 100, "", whole=True)
    il2_interval: float = given("til.il2_interval", 1, 168, "hours", scalar=True)
    lymphocyte_recovery: float = given("til.lymphocyte_recovery", 1e-3, 1, "1/day", scalar=True)
    cytokine_supply: float = given("til.cytokine_supply", 1e-3, 10, "", scalar=True)
    il2_signal: float = given("til.il2_signal", 0, 1000, "", scalar=True)
    division_rate: float = given("til.division_rate", 0, 2, "1/day", scalar=True)

    def il2_days(self):
        """Return for how many days after the infusion IL-2 acts: its doses times their interval."""
        return self.il2_doses * self.il2_interval / HOURS

    def own_lymphocytes(self, days):
        r"""Return $w$, the own lymphocytes ``days`` after the infusion, as a share of the usual."""
        return 1 - self.lymphodepletion / 100 * np.exp(-self.lymphocyte_recovery * _days(days))

    def days_below(self, share):
        r"""Return for how many days the own lymphocytes stay below ``share`` of their number.

        $$t = \frac1\rho \ln \frac{L}{1 - share}$$
        """
        share = checked("share", share, 0, 1 - 1e-9, scalar=True)
        ratio = max(self.lymphodepletion / 100 / (1 - share), 1.0)
        return float(np.log(ratio) / self.lymphocyte_recovery)

    def signal(self, days, with_il2):
        r"""Return $S$ at ``days`` after the infusion; ``with_il2`` says where IL-2 is acting."""
        return self.cytokine_supply / self.own_lymphocytes(days) + self.il2_signal * with_il2

    def support(self, days):
        r"""Return $\int_0^t S/(1+S)\,ds$, in days: the time the cells could have divided at $p$.

        With $A = s + 1 + b$ and $B = (1 + b)L$, where $b = 0$ once IL-2 has ended,

        $$\int_0^t \frac{S}{1+S}\,ds = \frac{s + b}{A}\,t +
          \frac1\rho\left(\frac{s + b}{A} - \frac{b}{1 + b}\right)
          \ln\frac{A - B\,e^{-\rho t}}{A - B}$$

        Argument: ``days`` after the infusion, any shape. Returns that shape.
        """
        days = _days(days)
        during = np.minimum(days, self.il2_days())
        alone = self._support(days, 0.0) - self._support(during, 0.0)
        return alone + self._support(during, self.il2_signal)

    def _support(self, days, added):
        """Return the integral of ``support`` with the same added signal all along."""
        depleted = (1 + added) * self.lymphodepletion / 100
        total = self.cytokine_supply + 1 + added
        part = (self.cytokine_supply + added) / total
        left = total - depleted * np.exp(-self.lymphocyte_recovery * days)
        logs = np.log(left / (total - depleted)) / self.lymphocyte_recovery
        return part * days + (part - added / (1 + added)) * logs

    def in_blood(self, clones, days):
        r"""Return the cells of each infused clone: $n_i\,e^{p \int S/(1+S) - \delta_i t}$.

        Arguments: ``clones``, ``Clones``; ``days`` after the infusion, shape (days,).
        Returns shape (days, clones).
        """
        days = np.atleast_1d(_days(days))[:, None]
        cells = np.atleast_1d(clones.cells)
        return cells * np.exp(self.division_rate * self.support(days) - clones.death_rate * days)


def _days(days):
    days = np.asarray(days, dtype=float)
    if not np.all(np.isfinite(days) & (days >= 0)):
        raise ValueError(f"days must be finite numbers of at least 0, you gave {days}.")
    return days


@dataclass(frozen=True)
class TumourInfiltratingLymphocytes(Host):
    r"""One infusion of TIL, with lymphodepletion before and IL-2 after it: an assumed effect.

    Chemotherapy begins on day 0 and lasts ``conditioning`` days; the cells follow at its end. It
    kills T cells at the tumour as it kills those in the blood, so their supply falls by the share
    $w$ of own lymphocytes. Of the infused reactive cells the share $h$ reaches the tumour:

    $$R = w,\qquad P = p\left[\frac{S}{1 + S} - \frac{s}{1 + s}\right],\qquad
      J = h\,f\,N\left(1 - e^{-k (t - t_0)}\right)$$

    Before the infusion at $t_0$, $w = (1 - L)^{t/t_0}$ and $P = \ln(1 - L)/t_0$.

    Arguments, one number each: those of ``Host``, and
        cells: $N$, infused.
        reactive_share: $f$, of them that respond to the tumour, percent.
        homing: $h$, share of the reactive cells that reach the tumour, percent.
        arrival_rate: $k$, at which they do, 1/day.
        conditioning: $t_0$, days from the first chemotherapy to the infusion.

    Raises ``ValueError`` or ``TypeError`` naming the field, the allowed range and the value.
    Source: ``til.*``.
    """

    basis = ASSUMED

    cells: float = given("til.cells", 0, 1e12, "cells", scalar=True)
    reactive_share: float = given("til.reactive_share", 0, 100, "%", scalar=True)
    homing: float = given("til.homing", 0, 100, "%", scalar=True)
    arrival_rate: float = given("til.arrival_rate", 0.01, 10, "1/day", scalar=True)
    conditioning: float = given("til.conditioning", 1, 60, "day", scalar=True)

    def dose_times(self):
        """Return the days of chemotherapy, of the infusion, and on which IL-2 ends.

        Chemotherapy has seven days, or as many equal parts of another time. After the infusion come
        days on which the cells arrive: without them a tumour could be 6 % too large at the course's
        longest step, with them it is right to 1 %.
        """
        ends = np.append(ARRIVALS / self.arrival_rate, self.il2_days())
        before = np.linspace(0.0, self.conditioning, CHEMOTHERAPY_DAYS + 1)
        return np.unique([*before, *(self.conditioning + ends)])

    def effects(self, stages, stop, patient):
        """Return the ``Effects`` on a patient: what conditioning, cells and IL-2 do to T cells.

        Chemotherapy is given if the patient stops after day 0, cells and IL-2 if after the
        infusion is due.
        """
        conditioned, infused = np.asarray(stop) > 0, np.asarray(stop) > self.conditioning
        # A stage on the boundary of two steps belongs to the step: its middle tells which.
        middle = np.broadcast_to(stages[:, 1:2], stages.shape)[..., None]
        since = np.maximum(stages[..., None] - self.conditioning, 0.0)
        after = middle > self.conditioning
        with_il2 = infused & after & (middle < self.conditioning + self.il2_days())
        left = 1 - self.lymphodepletion / 100
        part = np.minimum(stages[..., None] / self.conditioning, 1.0)
        own = np.where(after, self.own_lymphocytes(since), left**part)
        signal = np.where(conditioned, self.cytokine_supply / own, self.cytokine_supply)
        grown = occupancy(signal + self.il2_signal * with_il2, 1.0)
        usual = occupancy(self.cytokine_supply, 1.0)
        dying = np.log(left) / self.conditioning
        reactive = self.cells * self.reactive_share / 100 * self.homing / 100
        arrived = -np.expm1(-self.arrival_rate * since)
        return Effects(
            recruitment=np.where(conditioned, own, 1.0),
            t_cell_growth=conditioned
            * np.where(after, self.division_rate * (grown - usual), dying),
            arrived_t_cells=infused * reactive * arrived,
        )


def biopsy(exhausted_share, fresh_share, *, doubling_times=None):
    """Return the ``Clones`` of the lab's biopsy: bystanders, an exhausted and a fresh clone.

    Bystanders respond to something else, such as a virus. The other two respond to the tumour: the
    exhausted one is large and divides slowly, the fresh one is rare.

    Arguments: shares of the T cells in the biopsy, percent, together at most 100;
    ``doubling_times`` of the three in this order, days.
    Raises ``ValueError`` or ``TypeError`` naming the argument, the allowed range and the value.
    Source: ``cell_culture.*``, ``til.death_rate``, ``til.death_rate_exhausted``: own choices.
    """
    exhausted = checked("exhausted_share", exhausted_share, 0, 100, "%", scalar=True)
    fresh = checked("fresh_share", fresh_share, 0, 100 - exhausted, "%", scalar=True)
    value = {each: evidence.get(f"cell_culture.{each}").value for each in NAMES}
    death = [evidence.get(f"til.death_rate{each}").value for each in ("", "_exhausted", "")]
    shares = np.array([100 - exhausted - fresh, exhausted, fresh])
    cells = evidence.get("cell_culture.biopsy_cells").value * shares / 100
    return Clones(cells, doubling_times or list(value.values()), [0.0, 1.0, 1.0], death)


#: Evidence keys of the doubling times, in the order of the clones.
NAMES = ("bystander_doubling", "exhausted_doubling", "fresh_doubling")
