r"""How much antibody is in the blood: the linear two-compartment model, solved exactly.

$$\dot A_1 = -\left(\frac{CL}{V_1} + \frac{Q}{V_1}\right) A_1 + \frac{Q}{V_2} A_2,\qquad
  \dot A_2 = \frac{Q}{V_1} A_1 - \frac{Q}{V_2} A_2,\qquad C = \frac{A_1}{V_1}$$

A dose enters $A_1$ at once (the 30-minute infusion is short beside everything else). The
equations are linear, so the courses of single doses simply add up (superposition), and each
is a sum of two exponentials: nothing is integrated.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from course_lib import evidence
from course_lib.models.parameters import Parameters, checked, required


class HalfLives(NamedTuple):
    """Half-lives of the fast (alpha) and the slow, terminal (beta) exponential, in days."""

    alpha: float
    beta: float


class SteadyState(NamedTuple):
    """Lowest and highest concentration (mg/L) and area per interval (mg·day/L)."""

    trough: float
    peak: float
    auc: float


@dataclass(frozen=True)
class TwoCompartment(Parameters):
    r"""A drug that is cleared from the blood and exchanges with the tissues.

    Arguments: ``clearance`` CL (L/day), ``central_volume`` $V_1$ (L),
    ``intercompartmental_clearance`` Q (L/day), ``peripheral_volume`` $V_2$ (L); each one
    number, or an array of shape (patients,).
    Raises ``ValueError`` or ``TypeError`` naming the field, the range and the value.
    Source: structure of Ahamadi 2017 (``pembrolizumab.clearance``).
    """

    clearance: float = required(1e-6, 1e4, "L/day")
    central_volume: float = required(1e-3, 1e4, "L")
    intercompartmental_clearance: float = required(1e-6, 1e4, "L/day")
    peripheral_volume: float = required(1e-3, 1e4, "L")

    def rates(self):
        r"""Return the two rates $\alpha > \beta$ (1/day) at which the exponentials fall.

        With $k_{10} = CL/V_1$, $k_{12} = Q/V_1$, $k_{21} = Q/V_2$:

        $$\alpha + \beta = k_{10} + k_{12} + k_{21},\qquad \alpha\beta = k_{10}\,k_{21}$$
        """
        out = self.clearance / self.central_volume
        there = self.intercompartmental_clearance / self.central_volume
        back = self.intercompartmental_clearance / self.peripheral_volume
        # (sum)^2 - 4 product, written without a difference that could cancel
        root = np.sqrt((out - back) ** 2 + there * (there + 2 * (out + back)))
        alpha = (out + there + back + root) / 2
        return alpha, out * back / alpha

    def half_lives(self):
        r"""Return ``HalfLives(alpha, beta)`` in days, $t_{1/2} = \ln 2 / \lambda$."""
        alpha, beta = self.rates()
        return HalfLives(np.log(2) / alpha, np.log(2) / beta)

    def shares(self):
        r"""Return the two coefficients (1/L) of a single dose's course.

        $$\frac{C(t)}{dose} = \frac{1}{V_1}\left[
          \frac{\alpha - k_{21}}{\alpha - \beta}\,e^{-\alpha t} +
          \frac{k_{21} - \beta}{\alpha - \beta}\,e^{-\beta t}\right]$$
        """
        alpha, beta = self.rates()
        back = self.intercompartmental_clearance / self.peripheral_volume
        fast = (alpha - back) / (alpha - beta)
        return fast / self.central_volume, (1 - fast) / self.central_volume

    def concentration(self, times, dose_times, doses, *, before=False):
        r"""Return the concentration in the blood by exact superposition.

        $$C(t) = \sum_{t_i \le t} dose_i \left[a\,e^{-\alpha (t - t_i)} +
          b\,e^{-\beta (t - t_i)}\right]$$

        The sum is built dose by dose (each exponential carries on from the dose before), so
        35 doses cost as much as one.

        Arguments
            times: days, any shape.
            dose_times: days, shape (doses,), in any order.
            doses: mg, one number, shape (doses,), or shape (doses, patients).
            before: at the very moment of a dose, give the value just before it
                ($t_i < t$) instead of just after it; one truth value, or one per time.

        Returns mg/L, shape of ``times``, followed by (patients,) if the parameters or doses
        are given per patient.
        Raises ``ValueError`` if a time is not finite, a dose negative or not finite, or the
        numbers of doses and dose times differ.
        Source: ``pembrolizumab.clearance`` and the keys beside it.
        """
        times, dose_times, doses = checked_doses(times, dose_times, doses)
        order = np.lexsort((doses if doses.ndim == 1 else doses[:, 0], dose_times))
        dose_times, doses = dose_times[order], doses[order]

        if dose_times.size == 0:
            dose_times, doses = np.zeros(1), np.zeros((1, *doses.shape[1:]))
        upto, below = (np.searchsorted(dose_times, times, side) - 1 for side in ("right", "left"))
        last = np.where(before, below, upto)
        since = np.maximum(times - dose_times[np.maximum(last, 0)], 0)

        shape = np.broadcast_shapes(doses.shape[1:], *map(np.shape, self.rates()))
        rates = np.array([np.broadcast_to(rate, shape) for rate in self.rates()])
        shares = np.array([np.broadcast_to(share, shape) for share in self.shares()])
        left = np.zeros((dose_times.size + 1, 2, *shape))  # after each dose; row -1: before all
        for i, wait in enumerate(np.diff(dose_times, prepend=dose_times[0])):
            left[i] = left[i - 1] * np.exp(-rates * wait) + shares * doses[i]
        since = since.reshape(times.shape + (1,) * rates.ndim)
        return np.sum(left[last] * np.exp(-rates * since), axis=times.ndim)[()]

    def steady_state(self, dose, interval):
        r"""Return what repeated dosing settles to: ``SteadyState(trough, peak, auc)``.

        $$C_{max} = dose \sum_\lambda \frac{a_\lambda}{1 - e^{-\lambda\tau}},\qquad
          C_{min} = C_{max} - \frac{dose}{V_1},\qquad AUC_\tau = \frac{dose}{CL}$$

        Arguments: ``dose`` (mg) and ``interval`` $\tau$ (day), numbers or arrays.
        Returns mg/L, mg/L and mg·day/L.
        Raises ``ValueError`` if the dose is negative, the interval not positive, or one of
        them not finite.
        Source: ``pembrolizumab.steady_state_trough``, ``_peak``, ``_auc``.
        """
        dose = checked("dose", dose, 0, 1e6, "mg")
        interval = checked("interval", interval, 1e-3, 1e4, "day")
        trough, peak = 0.0, 0.0
        for rate, share in zip(self.rates(), self.shares(), strict=True):
            remaining = np.exp(-rate * interval)
            lost = -np.expm1(-rate * interval)
            trough = trough + dose * share * remaining / lost
            peak = peak + dose * share / lost
        return SteadyState(trough, peak, dose / self.clearance)


def checked_doses(times, dose_times, doses):
    """Return days, dose days and doses (doses, ...) as arrays; raise ValueError if they are wrong.

    As described in ``TwoCompartment.concentration``.
    """
    times = np.asarray(times, dtype=float)
    dose_times = np.atleast_1d(np.asarray(dose_times, dtype=float))
    doses = np.asarray(doses, dtype=float)
    if not (np.all(np.isfinite(times)) and np.all(np.isfinite(dose_times))):
        raise ValueError("times and dose_times must be finite numbers of days.")
    if not np.all((doses >= 0) & np.isfinite(doses)):
        raise ValueError(f"doses must be finite and at least 0 mg, you gave {doses}.")
    if doses.ndim == 0:
        doses = np.full(dose_times.shape, doses)
    if doses.shape[0] != dose_times.size:
        raise ValueError(
            f"there are {dose_times.size} dose_times and {doses.shape[0]} doses: "
            "give one dose per time."
        )
    return times, dose_times, doses


def published(drug, flow=1.0, volume=1.0):
    """Return the four published numbers of ``drug``, by the names of ``TwoCompartment``.

    ``flow`` and ``volume`` multiply both clearances and both volumes.
    """
    scale = {
        "clearance": flow,
        "central_volume": volume,
        "intercompartmental_clearance": flow,
        "peripheral_volume": volume,
    }
    return {name: evidence.get(f"{drug}.{name}").value * each for name, each in scale.items()}


def pembrolizumab(weight=None):
    r"""Return the kinetics of pembrolizumab for a body weight.

    $$CL = CL_{ref}\left(\frac{W}{W_{ref}}\right)^{0.595},\qquad
      V = V_{ref}\left(\frac{W}{W_{ref}}\right)^{0.489}$$

    Q scales like CL, both volumes like V. Clearance is constant in time here; in the clinic it
    falls by about a fifth during treatment.

    Argument: ``weight`` in kg, one number or shape (patients,); the reference weight if left out.
    Raises ``ValueError`` or ``TypeError`` if the weight is not between 20 and 300 kg.
    Source: Ahamadi 2017, ``pembrolizumab.clearance``, ``.central_volume``,
    ``.intercompartmental_clearance``, ``.peripheral_volume``, ``.clearance_weight_exponent``,
    ``.volume_weight_exponent``, ``.reference_weight``.
    """

    def value(name):
        return evidence.get(f"pembrolizumab.{name}").value

    weight = value("reference_weight") if weight is None else weight
    ratio = checked("weight", weight, 20, 300, "kg") / value("reference_weight")
    # np.power, not **: one number and a long array then go through the same code, bit for bit
    return TwoCompartment(
        **published(
            "pembrolizumab",
            flow=np.power(ratio, value("clearance_weight_exponent")),
            volume=np.power(ratio, value("volume_weight_exponent")),
        )
    )
