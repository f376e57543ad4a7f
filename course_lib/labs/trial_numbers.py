"""What the trial lab of lesson 11 shows, as numbers: one trial, the truth, and 400 like it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np

from course_lib import evidence
from course_lib.models import survival, trial_design
from course_lib.models.trial_design import Design, Events, HypotheticalDrug, Population, Result
from course_lib.models.trial_power import Repeated, events_needed, look, repeated

SEED = 1109
FOLLOWED = int(evidence.get("trial_design.followed").value)
TRIALS = int(evidence.get("trial_design.trials").value)
#: Percent.
TARGET = float(evidence.get("trial_design.target_power").value)


@dataclass(frozen=True, eq=False)
class Asked:
    """A design and all patients who may be enrolled, followed in both arms.

    share: of all patients, how many may be enrolled.  truth: hazard ratio of all of them.
    event_share: how many of them have the event.  arms: times and events, experimental first.
    """

    experimental: Events
    control: Events
    share: float
    truth: float
    event_share: float
    arms: tuple


@dataclass(frozen=True, eq=False)
class Found:
    """One trial and what stands beside it.

    ratio: its ``HazardRatio``.  many: the same trial, drawn again and again.  stopped: days to
    the early look that ended this trial; None if it went on to its end.
    """

    result: Result
    ratio: survival.HazardRatio
    asked: Asked
    many: Repeated
    stopped: float | None

    def screened(self, patients: float) -> float:
        """Return how many patients must be looked at to enrol so many."""
        return patients / self.asked.share

    def needed(self) -> tuple[float, float]:
        """Return the events and the patients that the formula asks for; infinity if none do."""
        events = events_needed(self.asked.truth, TARGET / 100)
        return events, events / self.asked.event_share

    def reported(self) -> float:
        """Return the middle hazard ratio of the trials that stop early in favour of the drug."""
        return self._middle(self.many.stopped & (self.many.z_look < 0))

    def shows(self) -> float:
        """Return the middle hazard ratio of the significant trials in favour of the drug."""
        return self._middle(self.many.significant & (self.many.hazard_ratio < 1))

    def _middle(self, which: np.ndarray) -> float:
        ratios = self.many.hazard_ratio[which]
        ratios = ratios[np.isfinite(ratios)]
        return float(np.median(ratios)) if ratios.size else math.nan


@cache
def population() -> Population:
    """The patients of the lab: followed once under each arm, when first asked for."""
    return Population.drawn(FOLLOWED, SEED)


def design(cps_from, follow_up, drug, hazard_ratio, works_from, crossover, **_) -> Design:
    """Return the design that settings of the lab describe."""
    tested = HypotheticalDrug(hazard_ratio, works_from) if drug == "hypothetical" else drug
    return Design(tested, cps_from, follow_up, crossover)


@lru_cache(maxsize=64)
def asked(wanted: Design, endpoint: str) -> Asked:
    """Return what happens to all who may be enrolled: nothing of it depends on chance."""
    patients = population()
    experimental = wanted.experimental(patients)
    control = wanted.control(patients, np.random.default_rng([SEED, 1]))
    everybody = trial_design.everybody(experimental, control, wanted.follow_up)
    times, events = everybody.endpoint(endpoint)
    treated = everybody.experimental
    return Asked(
        experimental,
        control,
        experimental.death.size / patients.tolerance.size,
        survival.cox(times, events, treated).hazard_ratio,
        float(events.mean()),
        tuple((times[arm], events[arm]) for arm in (treated, ~treated)),
    )


def run(settings) -> Found:
    """Run the trial of these settings, and stop it early if its look says so."""
    wanted, endpoint = design(**settings), settings["endpoint"]
    known = asked(wanted, endpoint)
    rng = np.random.default_rng([SEED, 2, int(settings["repetition"])])
    result = trial_design.trial(
        known.experimental, known.control, int(settings["patients"]), wanted.follow_up, rng
    )
    day, stops = look(*result.endpoint(endpoint), result.experimental, settings["look"])
    return beside(result.until(day) if stops else result, settings, day if stops else None)


def beside(result: Result, settings, stopped: float | None = None) -> Found:
    """Return a trial of these settings, however large, beside the truth and its repetitions."""
    endpoint = settings["endpoint"]
    known = asked(design(**settings), endpoint)
    rng = np.random.default_rng([SEED, 3])
    many = repeated(*known.arms, int(settings["patients"]), TRIALS, rng, settings["look"])
    ratio = survival.cox(*result.endpoint(endpoint), result.experimental)
    return Found(result, ratio, known, many, stopped)
