r"""Releasing a brake: how much of PD-1 a dose of pembrolizumab blocks.

A dose becomes a concentration $C$ (``pharmacokinetics``). It occupies PD-1 (``binding``), and
takes away a part of its effect:

$$\theta = \frac{C}{C + K_d},\qquad F = 1 - \frac{C}{C + IC_{50}}$$

The antibody adds no T cell and does not touch the tumour: it acts through $F$, the share of PD-1
that still brakes, alone. What follows from $F$ stands in ``patient``.

A teaching model: it is not a clinical prediction.
"""

from dataclasses import dataclass

import numpy as np

from course_lib.models.binding import micrograms_per_ml_to_nanomolar, occupancy
from course_lib.models.parameters import Parameters, given
from course_lib.models.patient import Effects
from course_lib.models.pharmacokinetics import pembrolizumab


@dataclass(frozen=True)
class Pembrolizumab(Parameters):
    r"""Doses of pembrolizumab, who receives them, and how the antibody acts.

    Arguments, each one number or an array of shape (patients,) unless marked
        dose: mg per infusion.
        interval: days between doses, one number for all patients.
        number_of_doses: whole number, one for all patients; the first dose is on day 0.
        weight: body weight, kg.
        functional_ic50: concentration that takes away half of PD-1's effect, mg/L.
        binding_kd: concentration that occupies half of the PD-1 molecules, nM.
        molar_mass: of the antibody, kDa.

    Raises ``ValueError`` or ``TypeError`` naming the field, the allowed range and the value.
    Source: ``pembrolizumab.*``, ``patient.weight``.
    """

    basis = "calibrated on KEYNOTE-355"

    dose: float = given("pembrolizumab.dose", 0, 2000, "mg")
    interval: float = given("pembrolizumab.interval", 1, 365, "day", scalar=True)
    number_of_doses: int = given("pembrolizumab.number_of_doses", 1, 200, "", whole=True)
    weight: float = given("patient.weight", 20, 300, "kg")
    functional_ic50: float = given("pembrolizumab.functional_ic50", 1e-9, 1e6, "mg/L")
    binding_kd: float = given("pembrolizumab.binding_kd", 1e-9, 1e6, "nM")
    molar_mass: float = given("pembrolizumab.molar_mass", 1, 1000, "kDa")

    def dose_times(self):
        """Return the days on which a dose is given, shape (number_of_doses,)."""
        return self.interval * np.arange(self.number_of_doses)

    def concentration(self, times, *, before=False):
        r"""Return the concentration in the blood, mg/L, at ``times`` (days).

        Shape (times,), or (times, patients) if dose or weight is given per patient. On a dose
        day it is the value just after the dose, or just ``before`` it.
        """
        doses = np.broadcast_to(self.dose, (self.number_of_doses, *np.shape(self.dose)))
        kinetics = pembrolizumab(self.weight)
        return kinetics.concentration(times, self.dose_times(), doses, before=before)

    def occupancy(self, concentration):
        """Return the share of PD-1 molecules that carry the antibody, from mg/L."""
        molecules = micrograms_per_ml_to_nanomolar(concentration, self.molar_mass)
        return occupancy(molecules, self.binding_kd)

    def functional_effect(self, concentration):
        """Return the share of PD-1's effect that is taken away, $1 - F$, from mg/L."""
        return occupancy(concentration, self.functional_ic50)

    def effects(self, stages, stop, patient):
        """Return the ``Effects``: PD-1 is blocked as far as the concentration reaches."""
        alike = not any(map(np.ndim, (self.dose, self.weight, self.functional_ic50)))
        stops, which = np.unique(stop, return_inverse=True) if alike else (stop, slice(None))
        doses = np.where(self.dose_times()[:, None] < stops, self.dose, 0.0)
        concentration = pembrolizumab(self.weight).concentration(
            stages, self.dose_times(), doses, before=[False, False, True]
        )
        return Effects(free_pd1=(1 - self.functional_effect(concentration))[..., which])
