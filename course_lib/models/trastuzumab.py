r"""Trastuzumab: an antibody that is cleared in two ways, and what it does to cells with HER2.

The antibody binds a target that takes it in and breaks it down. That way is soon full, so it
removes hardly more at a high concentration than at a low one:

$$\dot A_1 = -\frac{CL}{V_1} A_1 - \frac{V_{max}\,C}{K_m + C} - \frac{Q}{V_1} A_1
    + \frac{Q}{V_2} A_2,\qquad
  \dot A_2 = \frac{Q}{V_1} A_1 - \frac{Q}{V_2} A_2,\qquad C = \frac{A_1}{V_1}$$

The equations are not linear, so courses of single doses do not add up: they are integrated.

On a cell with $D$ copies of HER2 sit $B = D\,C/(C + C_{50})$ antibodies. $C_{50}$ is far above the
$K_d$ of binding, because antibodies enter a tumour slowly. They mark the cell for effector cells,
such as natural killer cells, which kill at the rate

$$\dot G = k\,e\,\frac{B}{B + B_{50}}$$

A teaching model. The kinetics are published; what follows from them for a tumour is assumed.
"""

from dataclasses import dataclass

import numpy as np

from course_lib import evidence
from course_lib.models.binding import occupancy
from course_lib.models.ode import days_between, rk4, summed
from course_lib.models.parameters import Parameters, checked, given, required
from course_lib.models.patient import ASSUMED, Effects
from course_lib.models.pharmacokinetics import TwoCompartment, checked_doses, published

STEP = 0.4  # times 1/λ, the shortest time in the model; errors: ``concentration``


@dataclass(frozen=True)
class SaturableTwoCompartment(Parameters):
    r"""A drug that leaves the blood in two ways, one of which can be full.

    Arguments: as in ``TwoCompartment``, and ``maximal_rate`` $V_{max}$ (mg/day) and
    ``half_saturation`` $K_m$ (mg/L) of the saturable way; each one number, or an array of shape
    (patients,). With a maximal rate of 0 it is the linear model.
    Raises ``ValueError`` or ``TypeError`` naming the field, the range and the value.
    Source: structure of Quartino 2019 (``trastuzumab.clearance``).
    """

    clearance: float = required(1e-6, 2, "L/day")
    central_volume: float = required(1, 50, "L")
    intercompartmental_clearance: float = required(1e-6, 2, "L/day")
    peripheral_volume: float = required(1, 50, "L")
    maximal_rate: float = required(0, 50, "mg/day")
    half_saturation: float = required(1, 1e4, "mg/L")

    def _fastest(self):
        """Return a bound on the rate (1/day) at which anything changes here."""
        out = self.clearance + self.maximal_rate / self.half_saturation
        exchange = self.intercompartmental_clearance
        return (out + exchange) / self.central_volume + exchange / self.peripheral_volume

    def linear(self, concentration=np.inf):
        r"""Return the linear model that clears as this one does at ``concentration`` (mg/L).

        $$CL(C) = CL + \frac{V_{max}}{K_m + C}$$

        At infinity, the saturable way is full and adds nothing.
        """
        concentration = np.asarray(concentration, dtype=float)[()]
        if not np.all(concentration >= 0):
            raise ValueError(f"concentration must be at least 0 mg/L, you gave {concentration}.")
        return TwoCompartment(
            clearance=self.clearance + self.maximal_rate / (self.half_saturation + concentration),
            central_volume=self.central_volume,
            intercompartmental_clearance=self.intercompartmental_clearance,
            peripheral_volume=self.peripheral_volume,
        )

    def half_life(self, concentration=np.inf):
        """Return the terminal half-life (days) if clearance stayed as it is at a concentration.

        Argument: ``concentration`` in mg/L, one number or shape (concentrations,), infinity
        for the linear way alone. It is short at a low concentration and long at a high one.
        Raises ``ValueError`` if a concentration is negative or missing.
        """
        return self.linear(concentration).half_lives().beta

    def concentration(self, times, dose_times, doses, *, before=False, step=STEP):
        r"""Return the concentration in the blood, mg/L, by ``rk4``.

        The step was chosen by measured convergence, over the sliders of the lab and at more than
        0.1 mg/L, each against a step of 0.03: at 0.4 no value is off by more than 0.02 %, at 0.8
        by more than 0.2 %, at 1 by more than 0.5 %.

        Arguments
            times: days, any shape.
            dose_times: days, shape (doses,), in any order.
            doses: mg, one number, shape (doses,), or shape (doses, patients).
            before: at the very moment of a dose, the value just before it instead of just after
                it; one truth value, or one per time.
            step: longest step, 0.01 to 1.2, times $1/\lambda$, the shortest time in the model:
                $\lambda = (CL + V_{max}/K_m + Q)/V_1 + Q/V_2$.

        Returns mg/L, shape of ``times``, followed by (patients,) if the parameters or doses
        are given per patient.
        Raises ``ValueError`` if a time is not finite, a dose negative or not finite, or the
        numbers of doses and dose times differ, or if the step is out of range.
        Source: the equations at the top of this file.
        """
        times, dose_times, doses = checked_doses(times, dose_times, doses)
        step = checked("step", step, 0.01, 1.2, scalar=True) / np.max(self._fastest())
        shape = np.broadcast_shapes(doses.shape[1:], *map(np.shape, vars(self).values()))
        number = int(np.prod(shape))
        given_on = dose_times[dose_times <= times.max(initial=-np.inf)]
        if not given_on.size:
            return np.zeros(times.shape + shape)[()]
        first, last = given_on.min(), max(times.max(), given_on.min() + step)
        grid = days_between([times.ravel(), given_on], first, last, step)
        added = np.zeros((grid.size, number))  # several doses may fall on one day
        rows = doses[dose_times <= times.max()].reshape(given_on.size, -1)
        np.add.at(added, np.searchsorted(grid, given_on), rows)
        start = np.stack([added[0], np.zeros(number)])
        nothing = np.zeros((grid.size - 1, 1))
        amounts = rk4(
            _rates,
            start,
            grid,
            parameters=[
                self.clearance / self.central_volume,
                self.intercompartmental_clearance / self.central_volume,
                self.intercompartmental_clearance / self.peripheral_volume,
                self.maximal_rate,
                self.half_saturation * self.central_volume,
            ],
            falls=[-added[1:], nothing],
        )[:, 0]
        at = np.searchsorted(grid, np.maximum(times, first))
        just_before = np.asarray(before)[..., None] & np.isin(times, given_on)[..., None]
        seen = amounts[at] - np.where(just_before, added[at], 0.0)
        seen = np.where((times < first)[..., None], 0.0, seen) / self.central_volume
        return seen.reshape(times.shape + shape)[()]


def _rates(t, state, out, there, back, maximal_rate, half_amount):
    """Return the rates of change of both amounts: the equations at the top of this file."""
    blood, tissue = state
    exchange = there * blood - back * tissue
    return -(out + maximal_rate / (half_amount + blood)) * blood - exchange, exchange


def trastuzumab(weight=None):
    r"""Return the kinetics of trastuzumab in breast cancer for a body weight.

    $$CL = CL_{ref}\left(\frac{W}{W_{ref}}\right)^{0.967}$$

    The volumes do not depend on weight. Albumin and a liver enzyme are those of the typical
    patient, without metastases in the liver.

    Argument: ``weight`` in kg, one number or shape (patients,); the reference weight if left out.
    Raises ``ValueError`` or ``TypeError`` if the weight is not between 20 and 300 kg.
    Source: Quartino 2019, ``trastuzumab.clearance``, ``.central_volume``,
    ``.intercompartmental_clearance``, ``.peripheral_volume``, ``.maximal_rate``,
    ``.half_saturation``, ``.clearance_weight_exponent``, ``.reference_weight``.
    """

    def value(name):
        return evidence.get(f"trastuzumab.{name}").value

    weight = value("reference_weight") if weight is None else weight
    ratio = checked("weight", weight, 20, 300, "kg") / value("reference_weight")
    numbers = published("trastuzumab")
    numbers["clearance"] *= np.power(ratio, value("clearance_weight_exponent"))
    return SaturableTwoCompartment(
        **numbers, maximal_rate=value("maximal_rate"), half_saturation=value("half_saturation")
    )


@dataclass(frozen=True)
class Trastuzumab(Parameters):
    r"""Doses of trastuzumab, and how fast marked cells are killed: an assumed effect.

    Arguments, one number each
        loading_dose: the first dose, mg/kg.
        dose: every later dose, mg/kg.
        interval: days between doses.
        number_of_doses: whole number; the first dose is on day 0.
        weight: body weight, kg.
        half_reach: $C_{50}$, concentration in the blood that marks half of a tumour's HER2, mg/L.
        kill_rate: $k$, greatest kill rate with typical effector cells, 1/day.
        half_tags: $B_{50}$, antibodies on a cell at half the greatest kill rate.

    Raises ``ValueError`` or ``TypeError`` naming the field, the allowed range and the value.
    Source: ``trastuzumab.*``; ``.half_reach``, ``.kill_rate`` and ``.half_tags`` are own choices.
    """

    basis = ASSUMED

    loading_dose: float = given("trastuzumab.loading_dose", 0, 50, "mg/kg", scalar=True)
    dose: float = given("trastuzumab.dose", 0, 50, "mg/kg", scalar=True)
    interval: float = given("trastuzumab.interval", 1, 365, "day", scalar=True)
    number_of_doses: int = given("trastuzumab.number_of_doses", 1, 200, "", whole=True)
    weight: float = given("trastuzumab.reference_weight", 20, 300, "kg", scalar=True)
    half_reach: float = given("trastuzumab.half_reach", 1e-3, 1e6, "mg/L", scalar=True)
    kill_rate: float = given("trastuzumab.kill_rate", 0, 1, "1/day", scalar=True)
    half_tags: float = given("trastuzumab.half_tags", 1, 1e8, "", scalar=True)

    def dose_times(self):
        """Return the days on which a dose is given, shape (number_of_doses,)."""
        return self.interval * np.arange(self.number_of_doses)

    def doses(self):
        """Return the doses in mg, shape (number_of_doses,)."""
        doses = np.full(self.number_of_doses, self.dose)
        doses[0] = self.loading_dose
        return doses * self.weight

    def concentration(self, times, stop=np.inf, *, before=False, step=STEP):
        """Return the concentration in the blood, mg/L, at ``times`` (days).

        Shape of ``times`` followed by that of ``stop``: no dose is given on that day or later.
        On a dose day it is the value just after the dose, or just ``before`` it. ``step``: as
        in ``SaturableTwoCompartment.concentration``.
        """
        each = (..., *[None] * np.ndim(stop))
        doses = np.where(self.dose_times()[each] < stop, self.doses()[each], 0.0)
        kinetics = trastuzumab(self.weight)
        return kinetics.concentration(times, self.dose_times(), doses, before=before, step=step)

    def effects(self, stages, stop, patient):
        """Return the ``Effects`` on a patient: effector cells kill what carries the antibody."""
        stops, which = np.unique(stop, return_inverse=True)
        her2, effectors = patient.her2_by_class(), patient.effector_cells

        def kill_rate(days):
            bound = occupancy(self.concentration(days, stops), self.half_reach)[..., None, which]
            return self.kill_rate * effectors * occupancy(bound * her2, self.half_tags)

        killed = summed(kill_rate, stages, self.dose_times())
        return Effects(log_kill_high=killed[..., 0, :], log_kill_low=killed[..., 1, :])
