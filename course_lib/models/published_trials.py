"""Published trials, run again with virtual patients: one that calibrated the model, others not.

Scenarios were fixed on a draft of the model; its numbers were fitted once more afterwards, again
to the calibrated trial alone. Where a trial differs from the model's one drug and
one chemotherapy, a comment says how it was translated. The misses are part of the result.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from course_lib import evidence
from course_lib.models.checkpoint_inhibitors import Pembrolizumab
from course_lib.models.chemotherapy import Chemotherapy
from course_lib.models.cohort import Cohort
from course_lib.models.survival import Z_95, HazardRatio, cox, kaplan_meier
from course_lib.models.virtual_trial import DAYS_PER_MONTH, Outcome, Trial, run

PATIENTS = 4096  # virtual, in each scenario
CALIBRATED = "calibrated"
CONTAINS = "contains the patients of the fit"
# scans.keynote_119 and scans.impassion130, .impassion131: to one year, then every 12 weeks.
EVERY_9_WEEKS = ((9, 54), (12, 600))
EVERY_8_WEEKS = ((8, 48), (12, 600))


@dataclass(frozen=True)
class Scenario:
    """A published trial, as the model can run it.

    name: words for a table.  trial: the ``Trial``.  pfs and survival: evidence
    keys of what was published, None if it is not known for sure.  role: what the trial was to
    the model.
    """

    name: str
    trial: Trial
    pfs: str | None
    survival: str
    role: str = "not used for the fit"


@dataclass(frozen=True)
class Prediction:
    """One endpoint of one scenario, model beside publication.

    medians: months, experimental and control arm.  hazard_ratio: a ``HazardRatio`` of all virtual
    patients.  low, high: where 95 % of trials with as many patients as the real one would lie;
    sampling only, the model's numbers are taken as known.
    published: the evidence entry.  inside: whether the model's ratio lies in its interval.
    """

    scenario: Scenario
    endpoint: str
    medians: tuple[float, float]
    hazard_ratio: HazardRatio
    low: float
    high: float
    published: evidence.Quantity

    @property
    def inside(self):
        return self.published.low <= self.hazard_ratio.hazard_ratio <= self.published.high


@cache
def scenarios():
    """Return the scenarios, the calibrated one first."""

    def first_line(seed, share, scans=Trial.scans, **cohort):
        return Trial(
            experimental=[Pembrolizumab(), Chemotherapy()],
            control=[Chemotherapy()],
            cohort=Cohort(**cohort),
            scans=scans,
            experimental_share=share,
            seed=seed,
        )

    # One drug alone, and patients as in first line.
    weaker = evidence.get("published_trials.single_drug").value
    single = Chemotherapy(kill_rate=weaker * Chemotherapy().kill_rate)
    second_line = Trial(
        experimental=[Pembrolizumab()],
        control=[single],
        cohort=Cohort(cps_from=10),
        scans=EVERY_9_WEEKS,
        seed=119,
    )

    def positive(trial):
        return evidence.get(f"{trial}.pfs_pdl1").n / evidence.get(f"{trial}.pfs_itt").n

    return (
        Scenario(
            "KEYNOTE-355, CPS ≥ 10",
            first_line(355, 2 / 3, cps_from=10),
            "keynote_355.pfs_cps10",
            "keynote_355.os_cps10",
            role=CALIBRATED,
        ),
        Scenario(
            "KEYNOTE-355, CPS 1 to 9",
            first_line(355, 2 / 3, cps_from=1, cps_below=10),
            "keynote_355.pfs_cps1_9",
            "keynote_355.os_cps1_9",
        ),
        Scenario(
            "KEYNOTE-355, CPS ≥ 1",
            first_line(355, 2 / 3, cps_from=1),
            "keynote_355.pfs_cps1",
            "keynote_355.os_cps1",
            role=CONTAINS,
        ),
        Scenario(
            "KEYNOTE-355, all patients",
            first_line(355, 2 / 3),
            "keynote_355.pfs_itt",
            "keynote_355.os_itt",
            role=CONTAINS,
        ),
        Scenario(
            "KEYNOTE-119, CPS ≥ 10",
            second_line,
            None,
            "keynote_119.os_cps10",
        ),
        # Atezolizumab acts like pembrolizumab, PD-L1 on immune cells goes with the CPS, and the
        # model knows only one taxane.
        Scenario(
            "IMpassion130, PD-L1 positive",
            first_line(130, 1 / 2, EVERY_8_WEEKS, immune_cell_share=positive("impassion130")),
            "impassion130.pfs_pdl1",
            "impassion130.os_pdl1",
        ),
        Scenario(
            "IMpassion131, PD-L1 positive",
            first_line(131, 2 / 3, EVERY_8_WEEKS, immune_cell_share=positive("impassion131")),
            "impassion131.pfs_pdl1",
            "impassion131.os_pdl1",
        ),
    )


@cache
def outcome(scenario: Scenario, patients: int = PATIENTS) -> Outcome:
    """Return what happens to so many virtual patients in a scenario."""
    return run(scenario.trial, patients)


def predict(scenario: Scenario, patients: int = PATIENTS) -> list[Prediction]:
    """Return a ``Prediction`` for each endpoint of a scenario that was published."""
    seen = outcome(scenario, patients)
    found = []
    for endpoint in ("pfs", "survival"):
        key = getattr(scenario, endpoint)
        if key is None:
            continue
        published = evidence.get(key)
        times, events = seen.endpoint(endpoint)
        arm = seen.experimental
        medians = tuple(
            kaplan_meier(times[own], events[own]).median() / DAYS_PER_MONTH for own in (arm, ~arm)
        )
        ratio = cox(times, events, arm)
        spread = Z_95 * ratio.log_standard_error * np.sqrt(patients / published.n)
        low, high = ratio.hazard_ratio * np.exp([-spread, spread])
        found.append(Prediction(scenario, endpoint, medians, ratio, low, high, published))
    return found
