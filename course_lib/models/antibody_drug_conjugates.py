r"""An antibody–drug conjugate: an antibody that carries a poison, the payload, to HER2.

The blood holds $C$ of the antibody and $P$ of the payload still on it, both in nM. A linker that
leaks at the rate $\ell$ loses payload on the way, and bare antibodies take up places on HER2. A
cell with $D$ copies takes in $u$ payloads a day, and dies at the rate $\dot G$:

$$P = R \sum_{t_i \le t} C_i\,e^{-\ell (t - t_i)},\qquad
  u = k_{in}\,D\,\frac{P}{C + C_{50}},\qquad
  \dot G = k\,\frac{u}{u + u_{50}}$$

$R$ is the drug-to-antibody ratio, $C_i$ what dose $i$ left. A payload that crosses membranes
leaves the cell that took it in and kills a neighbour with little HER2: the bystander effect. Of
neighbours, the share $H/T$ is antigen-high (``patient``), so such a cell dies at the rate

$$n\,\frac{H}{T},\qquad n = \beta\,\dot G_H$$

Payload also gets loose outside the tumour: in the blood, where the linker leaks, and in healthy
cells that break the antibody down, if it crosses membranes. So much per litre of blood:

$$\int_0^t \left(\ell + \beta\,\frac{CL}{V_1}\right) P\,ds$$

A teaching model. Kinetics and payloads per antibody are published; the effect is assumed.
"""

from dataclasses import dataclass

import numpy as np

from course_lib import evidence
from course_lib.models.binding import micrograms_per_ml_to_nanomolar, occupancy
from course_lib.models.ode import summed
from course_lib.models.parameters import Parameters, checked, given
from course_lib.models.patient import ASSUMED, Effects
from course_lib.models.pharmacokinetics import TwoCompartment, published


def trastuzumab_deruxtecan(weight=None):
    r"""Return the kinetics of the intact conjugate trastuzumab deruxtecan for a body weight.

    $$CL = CL_{ref}\left(\frac{W}{W_{ref}}\right)^{0.370},\qquad
      V_1 = V_{1,ref}\left(\frac{W}{W_{ref}}\right)^{0.489}$$

    Argument: ``weight`` in kg, one number or shape (patients,); the reference weight if left out.
    Raises ``ValueError`` or ``TypeError`` if the weight is not between 20 and 300 kg.
    Source: Yin 2021, ``trastuzumab_deruxtecan.clearance`` and the keys beside it: a woman,
    albumin 40 g/L, sum of diameters 57 mm.
    """

    def value(name):
        return evidence.get(f"trastuzumab_deruxtecan.{name}").value

    weight = value("reference_weight") if weight is None else weight
    ratio = checked("weight", weight, 20, 300, "kg") / value("reference_weight")
    numbers = published("trastuzumab_deruxtecan")
    numbers["clearance"] *= np.power(ratio, value("clearance_weight_exponent"))
    numbers["central_volume"] *= np.power(ratio, value("volume_weight_exponent"))
    return TwoCompartment(**numbers)


@dataclass(frozen=True)
class AntibodyDrugConjugate(Parameters):
    r"""Doses of a conjugate, its build, and how it kills: an assumed effect.

    Arguments, one number each
        dose: mg/kg per infusion.
        interval: days between doses.
        number_of_doses: whole number; the first dose is on day 0.
        weight: body weight, kg.
        drug_to_antibody_ratio: $R$, payloads on an antibody when it is given.
        linker_leak: $\ell$, share of the payload that falls off in the blood, 1/day.
        bystander: $\beta$, killing of a neighbour relative to that of the cell that took it up.
        half_reach: $C_{50}$, concentration in the blood that marks half of a tumour's HER2, mg/L.
        molar_mass: of the antibody, kDa.
        uptake_rate: $k_{in}$, share of the antibodies on a cell that it takes in, 1/day.
        kill_rate: $k$, greatest kill rate, 1/day.
        half_payload: $u_{50}$, payloads taken in at half the greatest kill rate, 1/day.

    Raises ``ValueError`` or ``TypeError`` naming the field, the allowed range and the value.
    Source: ``conjugate.*``, ``trastuzumab.half_reach``, ``trastuzumab.molar_mass``.
    """

    basis = ASSUMED

    dose: float = given("conjugate.dose", 0, 50, "mg/kg", scalar=True)
    interval: float = given("conjugate.interval", 1, 365, "day", scalar=True)
    number_of_doses: int = given("conjugate.number_of_doses", 1, 200, "", whole=True)
    weight: float = given("trastuzumab_deruxtecan.reference_weight", 20, 300, "kg", scalar=True)
    drug_to_antibody_ratio: float = given(
        "conjugate.drug_to_antibody_ratio", 0, 20, "", scalar=True
    )
    linker_leak: float = given("conjugate.linker_leak", 0, 1, "1/day", scalar=True)
    bystander: float = given("conjugate.bystander", 0, 1, "", scalar=True)
    half_reach: float = given("trastuzumab.half_reach", 1e-3, 1e6, "mg/L", scalar=True)
    molar_mass: float = given("trastuzumab.molar_mass", 1, 1000, "kDa", scalar=True)
    uptake_rate: float = given("conjugate.uptake_rate", 0, 100, "1/day", scalar=True)
    kill_rate: float = given("conjugate.kill_rate", 0, 1, "1/day", scalar=True)
    half_payload: float = given("conjugate.half_payload", 1, 1e10, "1/day", scalar=True)

    def dose_times(self):
        """Return the days on which a dose is given, shape (number_of_doses,)."""
        return self.interval * np.arange(self.number_of_doses)

    def in_blood(self, times, stop=np.inf, *, before=False):
        """Return antibody and payload still on it, both in nM, at ``times`` (days).

        Each has the shape of ``times`` followed by that of ``stop``: no dose is given on that day
        or later. On a dose day it is the value just after the dose, or just ``before`` it.
        """
        since = np.asarray(times, dtype=float)[..., None] - self.dose_times()
        kinetics, mass = trastuzumab_deruxtecan(self.weight), self.dose * self.weight
        each = kinetics.concentration(since, [0.0], mass, before=np.asarray(before)[..., None])
        antibody = micrograms_per_ml_to_nanomolar(each, self.molar_mass)
        left = self.drug_to_antibody_ratio * np.exp(-self.linker_leak * np.maximum(since, 0))
        so_many = np.searchsorted(self.dose_times(), stop)  # doses given before stopping
        nothing = np.zeros((*since.shape[:-1], 1))
        return tuple(
            np.concatenate([nothing, part], axis=-1).cumsum(axis=-1)[..., so_many]
            for part in (antibody, antibody * left)
        )

    def killing(self, antibody, payload, her2):
        r"""Return $\dot G$ (1/day) of cells with ``her2`` copies; antibody and payload in nM."""
        half = micrograms_per_ml_to_nanomolar(self.half_reach, self.molar_mass)
        uptake = self.uptake_rate * her2 * payload / (antibody + half)
        return self.kill_rate * occupancy(uptake, self.half_payload)

    def loose_payload(self, times, stop=np.inf):
        """Return the payload set loose outside the tumour since day 0, nM of blood.

        Shape of ``times`` (days) followed by that of ``stop``.
        """
        kinetics = trastuzumab_deruxtecan(self.weight)
        broken_down = kinetics.clearance / kinetics.central_volume
        rate = self.linker_leak + self.bystander * broken_down
        return rate * summed(lambda days: self.in_blood(days, stop)[1], times, self.dose_times())

    def effects(self, stages, stop, patient):
        """Return the ``Effects`` on a patient: uptake kills both classes, bystanders the low."""
        stops, which = np.unique(stop, return_inverse=True)
        her2 = patient.her2_by_class()

        def kill_rate(days, before=False):
            blood = self.in_blood(days, stops, before=before)
            return self.killing(*(part[..., None, which] for part in blood), her2)

        killed = summed(kill_rate, stages, self.dose_times())
        now = kill_rate(stages, before=[False, False, True])
        return Effects(
            log_kill_high=killed[..., 0, :],
            log_kill_low=killed[..., 1, :],
            bystander_kill=self.bystander * now[..., 0, :],
        )
