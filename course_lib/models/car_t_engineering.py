r"""CAR-T cells against HER2: a receptor, a contact, a product of cells, and three tissues.

Where a CAR-T cell touches another cell, $C$ CARs meet $A$ antigens. One molecule counts as the
concentration $c$ for another, so the dissociation constant $K_d$ is $K = K_d / c$ molecules. At
equilibrium, with both partners used up, $X$ complexes hold:

$$X = \frac{(A - X)(C - X)}{K},\qquad
  p_{lysis} = \frac{X^n}{X^n + (\theta X_l)^n},\qquad
  p_{cytokine} = \frac{X^n}{X^n + (\theta X_c)^n}$$

Lysis needs few complexes, cytokines about ten times as many. Signalling and hinge set $\theta$. A
product of cells grows and contracts in a closed form (``CarT.cells``), and kills at a known rate:

$$\frac{d \ln H}{dt} = g - k\,p_{lysis}\,\frac{E}{E + \rho\,T_0}$$

A teaching model, not a clinical prediction: apart from the two thresholds the numbers are assumed.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from course_lib import evidence
from course_lib.models import binding
from course_lib.models.binding import occupancy
from course_lib.models.ode import summed
from course_lib.models.parameters import Parameters, amount, given
from course_lib.models.patient import ASSUMED, LOG_CELLS_MAX, LOG_CELLS_MIN, Effects

#: Settings that a signalling part or a hinge multiplies: ids as in the evidence registry.
SIGNALLING = ("cd28", "41bb", "both")
HINGES = ("cd8", "cd28")
GATES = ("none", "and", "not")
LONGEST = 1.75  # days; the longest interval of an integral, as in ``ode.summed``


@dataclass(frozen=True)
class Car(Parameters):
    r"""A chimeric antigen receptor (CAR) and the contact it works in.

    Arguments, one number each
        kd: dissociation constant of the binder, nM.
        cars: $C$, CARs on one T cell.
        local_concentration: $c$, what one molecule in the contact counts as, nM.
        lysis_complexes: $X_l$, complexes at half of the greatest lysis, with $\theta = 1$.
        cytokine_complexes: $X_c$, the same for cytokines.
        steepness: $n$, how steeply both rise.
        threshold: $\theta$, more for a weaker signal; 1 is CD28 signalling on a CD28 hinge.

    Raises ``ValueError`` or ``TypeError`` naming the field, the allowed range and the value.
    Source: ``car.*``; thresholds from Watanabe 2015 (``watanabe2015.lysis``).
    """

    kd: float = given("car.kd", 1e-3, 1e6, "nM", scalar=True)
    cars: float = given("car.cars", 1, 1e7, "per cell", scalar=True)
    local_concentration: float = given("car.local_concentration", 1e-9, 1e3, "nM", scalar=True)
    lysis_complexes: float = given("car.lysis_complexes", 1e-3, 1e6, "", scalar=True)
    cytokine_complexes: float = given("car.cytokine_complexes", 1e-3, 1e7, "", scalar=True)
    steepness: float = given("car.steepness", 0.1, 10, "", scalar=True)
    threshold: float = given("car.threshold", 0.01, 100, "", scalar=True)

    def complexes(self, antigens):
        """Return $X$, the complexes in one contact; ``binding.complexes`` gives the formula.

        Argument: ``antigens`` on the cell that is touched, any shape.
        Raises ``ValueError`` if a number is negative or not finite.
        Source: law of mass action; structure of Singh 2020 (``car.model``).
        """
        antigens = amount("antigens", antigens)
        return binding.complexes(antigens, self.cars, self.kd / self.local_concentration)

    def lysis(self, antigens, inhibition=0.0):
        """Return the share of the greatest lysis; ``antigens`` as in ``complexes``.

        ``inhibition``, 0 for none, divides the complexes that count by one plus itself: what an
        inhibitory CAR does where it finds its own antigen.
        """
        return self._share(antigens, inhibition, self.lysis_complexes)

    def cytokines(self, antigens, inhibition=0.0):
        """Return the share of the greatest cytokine release; arguments as in ``lysis``."""
        return self._share(antigens, inhibition, self.cytokine_complexes)

    def _share(self, antigens, inhibition, half):
        counted = self.complexes(antigens) / (1 + amount("inhibition", inhibition))
        return occupancy((counted / (self.threshold * half)) ** self.steepness, 1)


@dataclass(frozen=True)
class CarT(Car):
    r"""One infusion of CAR-T cells on day 0: an assumed effect.

    The receptor's arguments as in ``Car``; further ones, one number each
        dose: CAR-T cells infused.
        fold: greatest expansion, reached if every contact releases cytokines.
        peak_day: $t_m$, days until the cells are most.
        contraction: $\alpha$, rate at which most of them then die, 1/day.
        persisting_share: share of the peak that dies more slowly.
        slow_loss: $\beta$, rate at which these die, 1/day.
        release: cytokines a cell releases at the most, compared with CD28 signalling.
        kill_rate: $k$, greatest kill rate, 1/day.
        half_ratio: $\rho$, CAR-T cells per tumour cell of day 0 at half the greatest kill rate.
        arrival: $\tau$, days in which the infused cells spread from the lungs.
        tumour_share: share of all CAR-T cells that is in the tumour once they have spread.
        switch_day: day on which the off-switch is used; beyond the days of interest, never.
        switch_kill: share of the CAR-T cells that the switch kills at once, percent.

    Raises ``ValueError`` or ``TypeError`` naming the field, the allowed range and the value.
    Source: ``car_t.*``, ``car_switch.removed``. These are not the kinetics measured in leukaemia.
    """

    basis = ASSUMED

    dose: float = given("car_t.dose", 0, 1e12, "cells", scalar=True)
    fold: float = given("car_t.fold", 1, 1e5, "", scalar=True)
    peak_day: float = given("car_t.cd28.peak_day", 0.1, 100, "day", scalar=True)
    contraction: float = given("car_t.contraction", 0, 10, "1/day", scalar=True)
    persisting_share: float = given("car_t.cd28.persisting_share", 0, 1, "", scalar=True)
    slow_loss: float = given("car_t.slow_loss", 0, 10, "1/day", scalar=True)
    release: float = given("car_t.cd28.release", 0, 100, "", scalar=True)
    kill_rate: float = given("car_t.kill_rate", 0, 10, "1/day", scalar=True)
    half_ratio: float = given("car_t.half_ratio", 1e-6, 1e3, "", scalar=True)
    arrival: float = given("car_t.arrival", 0.01, 100, "day", scalar=True)
    tumour_share: float = given("car_t.tumour_share", 0, 1, "", scalar=True)
    switch_day: float = given("car_t.switch_day", 0, 1e4, "day", scalar=True)
    switch_kill: float = given("car_switch.removed", 0, 100, "percent", scalar=True)

    @classmethod
    def built(cls, signalling="cd28", hinge="cd28", **settings):
        """Return the product with a signalling part and a hinge; other settings by name.

        Arguments: ``signalling``, "cd28", "41bb" or "both" (third generation); ``hinge`` with
        transmembrane part, "cd8" or "cd28".
        Raises ``ValueError`` for another id, else as ``CarT``.
        Source: directions from Majzner 2020, sizes assumed (``car_t.41bb.threshold``).
        """
        _known("signalling", signalling, SIGNALLING)
        _known("hinge", hinge, HINGES)

        def value(name):
            return evidence.get(f"car_t.{name}").value

        own = {
            name: value(f"{signalling}.{name}")
            for name in ("peak_day", "persisting_share", "release")
        }
        threshold = value(f"{signalling}.threshold") * value(f"{hinge}_hinge.threshold")
        return cls(**{"threshold": threshold} | own | settings)

    def dose_times(self):
        """Return the day of the infusion, shape (1,)."""
        return np.zeros(1)

    def bends(self):
        """Return the days between which every rate of the product is smooth, or nearly so."""
        first = self.arrival * np.geomspace(1e-4, 1, 9)  # many cells reach their full rate at once
        return [*first, self.peak_day, self.switch_day]

    def cells(self, days, activation):
        r"""Return the CAR-T cells in the body, shape of ``days`` followed by ``activation``'s.

        $$C = D\,f^{t/t_m}\ (t < t_m),\qquad
          C = D f\left[(1 - b)\,e^{-\alpha (t - t_m)} + b\,e^{-\beta (t - t_m)}\right]$$

        with $f = F^a$, the greatest fold $F$ and the ``activation`` $a$ from 0 to 1. Off-switch
        included.
        """
        days = _along(days, activation)
        left = np.where(days < self.switch_day, 1.0, 1 - self.switch_kill / 100)
        rising = np.power(self.fold, activation * np.minimum(days / self.peak_day, 1))
        after = np.maximum(days - self.peak_day, 0)
        quick, slow = np.exp(-self.contraction * after), np.exp(-self.slow_loss * after)
        return (
            self.dose
            * rising
            * left
            * ((1 - self.persisting_share) * quick + self.persisting_share * slow)
        )

    def in_tumour(self, days, activation):
        r"""Return the CAR-T cells in the tumour, $E = s\,(1 - e^{-t/\tau})\,C$; as ``cells``."""
        spread = -np.expm1(-_along(days, activation) / self.arrival)
        return self.tumour_share * spread * self.cells(days, activation)

    def activation(self, patient):
        """Return the share of contacts in the tumour on day 0 that release cytokines."""
        high, low = self.cytokines(patient.her2_by_class())
        return high + patient.antigen_low_share * (low - high)

    def log_kill(self, days, patient):
        r"""Return $\int_0^t k\,p_{lysis}\,E/(E + \rho T_0)\,ds$ of both classes.

        Shape of ``days``, then 2 (antigen-high, antigen-low), then patients.
        """
        half = self.half_ratio * np.exp(patient.start()[:2]).sum(axis=0)
        activation = self.activation(patient)

        def contact(at):
            return occupancy(self.in_tumour(at, activation), half)

        met = summed(contact, days, self.bends(), LONGEST)
        return self.kill_rate * self.lysis(patient.her2_by_class()) * met[..., None, :]

    def effects(self, stages, stop, patient):
        """Return the ``Effects`` on a patient; none if the infusion day is ``stop`` or later."""
        killed = np.where(np.asarray(stop) > 0, self.log_kill(stages, patient), 0)
        return Effects(log_kill_high=killed[..., 0, :], log_kill_low=killed[..., 1, :])


@dataclass(frozen=True)
class Body(Parameters):
    r"""Healthy tissue that carries some of the antigen, here the lung, and what a gate meets there.

    Arguments, one number each
        antigens: on a healthy cell.
        cells: healthy cells within reach.
        first_share: share of the infused CAR-T cells in the lung just after infusion.
        late_share: share of all CAR-T cells that is there once they have spread.
        leak: $\lambda$ of an AND gate; share of the cells in the lung that bring along a CAR made
            in the tumour, while every CAR-T cell there is in contact.
        inhibition: of a NOT gate; see ``Car.lysis``.
        unit: CAR-T cells releasing all they can, with CD28 signalling, at cytokine level 1.

    Raises ``ValueError`` or ``TypeError`` naming the field, the allowed range and the value.
    Source: ``car_t_body.*``.
    """

    antigens: float = given("car_t_body.antigens", 0, 1e8, "per cell", scalar=True)
    cells: float = given("car_t_body.cells", 1, 1e15, "cells", scalar=True)
    first_share: float = given("car_t_body.first_share", 0, 1, "", scalar=True)
    late_share: float = given("car_t_body.late_share", 0, 1, "", scalar=True)
    leak: float = given("car_t_body.leak", 0, 1, "", scalar=True)
    inhibition: float = given("car_t_body.inhibition", 0, 1e6, "", scalar=True)
    unit: float = given("car_t_body.unit", 1, 1e15, "cells", scalar=True)


class Course(NamedTuple):
    """What happened after one infusion: arrays of shape (days,).

    high, low: tumour cells with much and with little antigen.  healthy: share of the healthy
    cells left.  cells: CAR-T cells.  level: of cytokines, 1 where fever begins.
    """

    high: np.ndarray
    low: np.ndarray
    healthy: np.ndarray
    cells: np.ndarray
    level: np.ndarray


def course(product, patient, days, gate="none", body=None):
    r"""Return the ``Course`` of one patient whose tumour meets no other T cells.

    Tumour cells grow and die as above. Healthy cells $N$ do not grow back within the run; the
    CAR-T cells in the lung, $E_N$, are first many, then a small share of all:

    $$\frac{d \ln N}{dt} = -k\,p_{lysis}\,\frac{E_N}{E_N + \rho N_0},\qquad
      E_N = C\left[s_\infty + (s_0 - s_\infty)\,e^{-t/\tau}\right]$$

    With an AND gate only those kill that were primed in the tumour and came away with their CAR,
    the leak: $E_N = C\,s_\infty\,\lambda\,(1 - e^{-t/\tau})\,T/(T + E)$. A NOT gate weakens each
    contact with healthy cells. Cytokines fade within hours, so their level follows the contacts,
    $E\,T/(E + T)$ and $E_N\,N/(E_N + N)$, each times its $p_{cytokine}$.

    A class of tumour cells stops at one cell, as in ``patient``: a remission, not a cure.

    Arguments: a ``CarT``; a ``Patient``, one, of whom the tumour is used; ``days``, increasing
    from 0 on; ``gate``, "none", "and" or "not"; a ``Body``, the typical one if left out.
    Raises ``ValueError`` for an unknown gate, ``TypeError`` for lists of patients.
    Source: assumption of the course.
    """
    _known("gate", gate, GATES)
    if patient.number() > 1:
        raise TypeError(f"course is for one patient, you gave {patient.number()}.")
    body = Body() if body is None else body
    days = amount("days", days)
    if days.ndim != 1 or np.any(np.diff(days) < 0):
        raise ValueError("days must be one list of increasing days.")
    inhibition = body.inhibition if gate == "not" else 0.0
    activation = product.activation(patient)[0]
    half = product.half_ratio * body.cells

    def tumour(at):
        """Return the cells of both classes at increasing days, shape (days, 2)."""
        start = patient.start()[:2, 0]
        grid = np.union1d(at, [each for each in product.bends() if each < at[-1]])
        killed = product.log_kill(grid, patient)[..., 0]
        logs = np.where(start > -np.inf, start, 0) + patient.growth_rate() * grid[:, None] - killed
        # A class that would fall below one cell waits there and grows again from one.
        logs -= np.minimum(np.minimum.accumulate(logs), LOG_CELLS_MIN)
        logs = np.minimum(logs[np.searchsorted(grid, at)], LOG_CELLS_MAX)
        return np.where(start > -np.inf, np.exp(logs), 0)

    def in_lung(at):
        """Return the CAR-T cells in the lung that can kill, shape (days,)."""
        left_behind = np.exp(-at / product.arrival)
        share = body.late_share + (body.first_share - body.late_share) * left_behind
        if gate == "and":
            cells = tumour(at).sum(axis=-1)
            primed = (1 - left_behind) * cells / (cells + product.in_tumour(at, activation))
            share = body.late_share * body.leak * primed
        return share * product.cells(at, activation)

    def harm(at):
        return occupancy(in_lung(at.ravel()), half).reshape(at.shape)

    met = summed(harm, days, product.bends(), LONGEST)
    healthy = np.exp(-product.kill_rate * product.lysis(body.antigens, inhibition) * met)
    both, there, lung = tumour(days), product.in_tumour(days, activation), in_lung(days)
    cells = both.sum(axis=-1)
    releasing = both / cells[:, None] @ product.cytokines(patient.her2_by_class())[:, 0]
    releasing = releasing * _contacts(there, cells) + product.cytokines(
        body.antigens, inhibition
    ) * _contacts(lung, body.cells * healthy)
    level = product.release * releasing / body.unit
    return Course(both[:, 0], both[:, 1], healthy, product.cells(days, activation), level)


def _contacts(one, other):
    """Return how many pairs meet, $ab/(a + b)$: never more than the scarcer kind has."""
    both = one + other
    return np.divide(one * other, both, out=np.zeros_like(both), where=both > 0)


def _known(name, given_id, allowed):
    """Refuse an id that is not one of the allowed ones."""
    if given_id not in allowed:
        ids = ", ".join(repr(each) for each in allowed)
        raise ValueError(f"{name} must be one of {ids}, you gave {given_id!r}.")


def _along(days, other):
    """Return the days as an array that fits to ``other`` in its last axes."""
    return np.asarray(days, dtype=float)[(..., *[None] * np.ndim(other))]
