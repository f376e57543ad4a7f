r"""Chemotherapy: it kills tumour cells directly, except those that were resistant before.

Each dose adds an effect that fades with half-life $\ln 2/\lambda$. A fraction $f$ of the tumour
does not respond to any of it. T cells do not tell the two parts apart, so what is left has a
closed form and needs no equation of its own:

$$G(t) = -\ln\left[f + (1 - f)\,e^{-K(t)}\right],\qquad
  K(t) = k_c\,a \sum_{t_i < t} \left(1 - e^{-\lambda (t - t_i)}\right)$$

$a$ is the cycle divided by its doses, so that the mean kill rate of the sensitive part is $k_c$.

A teaching model, calibrated on the chemotherapy arm of KEYNOTE-355 (CPS ≥ 10).
"""

from dataclasses import dataclass

import numpy as np

from course_lib.models.parameters import Parameters, given
from course_lib.models.patient import Effects


@dataclass(frozen=True)
class Chemotherapy(Parameters):
    r"""Doses in cycles, as in the taxane regimens of KEYNOTE-355.

    Arguments, one number each
        kill_rate: $k_c$, mean kill rate of the sensitive part while treated, 1/day.
        effect_half_life: of one dose's effect, days.
        cycle: days from one cycle to the next.
        doses_per_cycle: whole number; the first is on the first day of each cycle.
        days_between_doses: within a cycle.
        number_of_cycles: whole number.

    Raises ``ValueError`` or ``TypeError`` naming the field, the allowed range and the value.
    Source: ``chemotherapy.*``.
    """

    basis = "calibrated on KEYNOTE-355"

    kill_rate: float = given("chemotherapy.kill_rate", 0, 1, "1/day", scalar=True)
    effect_half_life: float = given("chemotherapy.effect_half_life", 0.1, 30, "day", scalar=True)
    cycle: int = given("chemotherapy.cycle_days", 7, 84, "day", whole=True)
    doses_per_cycle: int = given("chemotherapy.doses_per_cycle", 1, 12, "", whole=True)
    days_between_doses: int = given("chemotherapy.days_between_doses", 1, 28, "day", whole=True)
    number_of_cycles: int = given("chemotherapy.number_of_cycles", 1, 200, "", whole=True)

    def __post_init__(self):
        super().__post_init__()
        most = (self.cycle - 1) // self.days_between_doses + 1
        if self.doses_per_cycle > most:
            raise ValueError(
                f"doses_per_cycle must fit into the cycle: at most {most} in {self.cycle} days, "
                f"{self.days_between_doses} days apart, you gave {self.doses_per_cycle}."
            )

    def dose_times(self):
        """Return the days on which a dose is given, shape (doses,)."""
        cycles = float(self.cycle) * np.arange(self.number_of_cycles)
        within = self.days_between_doses * np.arange(self.doses_per_cycle)
        return (cycles[:, None] + within).ravel()

    def exposure(self, times, stop=np.inf):
        """Return K at ``times`` (days), shape of ``times`` followed by that of ``stop``.

        No dose is given on day ``stop`` or later.
        """
        doses = self.dose_times()
        rate = np.log(2) / self.effect_half_life
        fading = np.zeros(doses.size + 1)  # after each dose, how much of the effect is to come
        for i, wait in enumerate(np.diff(doses, prepend=doses[0]), start=1):
            fading[i] = fading[i - 1] * np.exp(-rate * wait) + 1
        times = np.asarray(times, dtype=float)[(..., *[None] * np.ndim(stop))]
        so_far = np.minimum(np.searchsorted(doses, times), np.searchsorted(doses, stop))
        since = times - doses[np.maximum(so_far - 1, 0)]
        each = self.kill_rate * self.cycle / self.doses_per_cycle
        return each * (so_far - fading[so_far] * np.exp(-rate * since))

    def effects(self, stages, stop, patient):
        """Return the ``Effects`` on a patient: both antigen classes die alike."""
        unique, which = np.unique(stop, return_inverse=True)
        exposure, resistant = self.exposure(stages, unique), patient.resistant_fraction
        with np.errstate(divide="ignore"):  # so much was killed that nothing is left to write
            killed = -np.log(resistant + (1 - resistant) * np.exp(-exposure)[..., which])
        killed = np.where(np.equal(resistant, 0), exposure[..., which], killed)
        return Effects(log_kill_high=killed, log_kill_low=killed)
