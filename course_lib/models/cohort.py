"""How patients differ from each other, and who of them is enrolled in a virtual trial."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from course_lib.models.ode import CHUNK
from course_lib.models.parameters import Parameters, checked, given
from course_lib.models.patient import Patient

PATIENCE = 100 * CHUNK  # patients looked at before a cohort that hardly anybody fits is refused


@dataclass(frozen=True)
class Cohort(Parameters):
    r"""How patients differ, and who of them is enrolled.

    Arguments, one number each
        doubling_time, infiltration, sum_of_diameters, antigen_low_share, resistant_fraction:
            medians, as in ``Patient``.
        growth_log_sd, infiltration_log_sd, size_log_sd: standard deviations of logarithms.
        antigen_low_logit_sd, resistant_logit_sd: standard deviations of logits.
        cps_log_mean, cps_log_sd: of ln CPS; CPS is capped at 100.
        cps_infiltration_correlation: of ln CPS with ln infiltration.
        cps_immune_cell_correlation: of ln CPS with the immune-cell score, on a normal scale.
        size_low, size_high: a smaller or larger sum of diameters is set to these, mm.
        t_cell_supply: the same for all, as in ``Patient``.
        cps_from, cps_below: enrolled are patients with cps_from <= CPS < cps_below.
        immune_cell_share: enrolled are this share of all patients, those with the highest
            immune-cell score.

    Raises ``ValueError`` or ``TypeError`` naming the field, the allowed range and the value.
    Source: ``cohort.*``.
    """

    doubling_time: float = given("tumour.volume_doubling_time", 5, 10000, "day", scalar=True)
    growth_log_sd: float = given("cohort.growth_log_sd", 0, 3, "", scalar=True)
    infiltration: float = given("patient.t_cell_infiltration", 0, 50, "", scalar=True)
    infiltration_log_sd: float = given("cohort.infiltration_log_sd", 0, 3, "", scalar=True)
    cps_log_mean: float = given("cohort.cps_log_mean", -10, 4, "", scalar=True)
    cps_log_sd: float = given("cohort.cps_log_sd", 0, 10, "", scalar=True)
    cps_infiltration_correlation: float = given(
        "cohort.cps_infiltration_correlation", -1, 1, "", scalar=True
    )
    cps_immune_cell_correlation: float = given(
        "cohort.cps_immune_cell_correlation", -1, 1, "", scalar=True
    )
    sum_of_diameters: float = given("tumour.sum_of_diameters", 1, 1000, "mm", scalar=True)
    size_log_sd: float = given("cohort.size_log_sd", 0, 3, "", scalar=True)
    size_low: float = given("cohort.size_low", 1, 1000, "mm", scalar=True)
    size_high: float = given("cohort.size_high", 1, 1000, "mm", scalar=True)
    antigen_low_share: float = given("patient.antigen_low_share", 1e-9, 0.999, "", scalar=True)
    antigen_low_logit_sd: float = given("cohort.antigen_low_logit_sd", 0, 10, "", scalar=True)
    resistant_fraction: float = given("patient.resistant_fraction", 1e-9, 0.999, "", scalar=True)
    resistant_logit_sd: float = given("cohort.resistant_logit_sd", 0, 10, "", scalar=True)
    t_cell_supply: float = given("checkpoint_model.t_cell_supply", 0, 1, "", scalar=True)
    cps_from: float = given("cohort.cps_from", 0, 80, "", scalar=True)
    cps_below: float = given("cohort.cps_below", 0.01, 101, "", scalar=True)
    immune_cell_share: float = given("cohort.immune_cell_share", 0.01, 1, "", scalar=True)

    def __post_init__(self):
        super().__post_init__()
        for low, high in (("size_low", "size_high"), ("cps_from", "cps_below")):
            if not getattr(self, low) < getattr(self, high):
                raise ValueError(
                    f"{low} must be less than {high}, you gave {getattr(self, low):g} "
                    f"and {getattr(self, high):g}."
                )

    def draw(self, rng, patients):
        """Return a ``Patient`` of this many patients who may be enrolled.

        Arguments: ``rng``, a ``numpy.random.Generator``; ``patients``, how many.
        Raises ``ValueError`` if fewer than 1 in 1000 patients fit, and ``TypeError`` or
        ``ValueError`` naming the argument, the allowed range and the value.
        """
        if not isinstance(rng, np.random.Generator):
            raise TypeError(
                "rng must be a random generator, such as numpy.random.default_rng(1), "
                f"you gave {rng!r}."
            )
        patients = checked("patients", patients, 1, 10**7, "patients", whole=True)
        kept, found, screened = [], 0, 0
        while found < patients:
            z = rng.standard_normal((CHUNK, 7))
            z[:, 2] = _correlated(z[:, 1], z[:, 2], self.cps_infiltration_correlation)
            z[:, 6] = _correlated(z[:, 1], z[:, 6], self.cps_immune_cell_correlation)
            cps = np.minimum(np.exp(self.cps_log_mean + self.cps_log_sd * z[:, 1]), 100)
            fits = (cps >= self.cps_from) & (cps < self.cps_below)
            if self.immune_cell_share < 1:
                fits &= z[:, 6] > NormalDist().inv_cdf(1 - self.immune_cell_share)
            kept.append(z[fits])
            found += len(kept[-1])
            screened += CHUNK
            if screened >= PATIENCE and 1000 * found < screened:
                raise ValueError(
                    f"fewer than 1 in 1000 patients here has a CPS from {self.cps_from:g} to below "
                    f"{self.cps_below:g}, and an immune-cell score among the highest "
                    f"{100 * self.immune_cell_share:g} %: widen the range or the share."
                )
        growth, cps, infiltration, size, low, resistant, _ = np.concatenate(kept)[:patients].T
        return Patient(
            t_cell_supply=self.t_cell_supply,
            doubling_time=np.clip(
                self.doubling_time * np.exp(-self.growth_log_sd * growth), 5, 10000
            ),
            cps=np.minimum(np.exp(self.cps_log_mean + self.cps_log_sd * cps), 100),
            infiltration=np.minimum(
                self.infiltration * np.exp(self.infiltration_log_sd * infiltration), 100
            ),
            sum_of_diameters=np.clip(
                self.sum_of_diameters * np.exp(self.size_log_sd * size),
                self.size_low,
                self.size_high,
            ),
            antigen_low_share=_logit_normal(self.antigen_low_share, self.antigen_low_logit_sd, low),
            resistant_fraction=_logit_normal(
                self.resistant_fraction, self.resistant_logit_sd, resistant
            ),
        )


def _correlated(z, other, correlation):
    """Return a normal deviate with this correlation to ``z``, made from an independent one."""
    return correlation * z + np.sqrt(1 - correlation**2) * other


def _logit_normal(median, sd, z):
    """Return values between 0 and 1 whose logit is normal."""
    return 1 / (1 + (1 - median) / median * np.exp(-sd * z))
