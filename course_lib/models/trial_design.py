r"""Designing a trial, with virtual patients whose course is known under every arm.

A real trial sees what a patient's own arm did. Here the same patients are followed
(``virtual_trial.follow``) under each arm, so the truth that a trial looks for is known.

A hypothetical drug has no mechanism: its effect is stated. In patients in whom it works, it
multiplies the risk of progression or death by $HR$ at each moment,

$$S_{drug}(t) = S_{control}(t)^{HR}$$

So a patient at $v$ of the control arm's curve takes the course of the patient at $v^{1/HR}$: with
$HR = 0.5$, the one at 25 % takes that of the one at 6 %. Given after progression, it multiplies
the risk of death from then on. $\Lambda$ is the summed risk of death after progression:

$$\Lambda(D_{crossover}) = \Lambda(P) + \frac{\Lambda(D) - \Lambda(P)}{HR},\qquad
  \Lambda(t) = \sum_{D_j \le t,\, P_j < D_j} \frac{1}{\#\{i: P_i < D_j \le D_i\}}$$

$P$ and $D$ are the days of progression and death. Everybody enters on the same day.

A teaching model: it is not a clinical prediction.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import NamedTuple

import numpy as np

from course_lib import evidence
from course_lib.models.checkpoint_inhibitors import Pembrolizumab
from course_lib.models.chemotherapy import Chemotherapy
from course_lib.models.cohort import Cohort
from course_lib.models.parameters import Parameters, checked, given
from course_lib.models.patient import Effects, Patient, checked_therapies
from course_lib.models.virtual_trial import BLOCK, DAYS_PER_MONTH, Seen, Trial, follow

#: The schedule of scans, the last day, and what becomes of patients: as in lesson 03.
BASE = Trial([], [])
CONTROL = (Chemotherapy(),)
#: Arms that may be tested against chemotherapy because they were calibrated on a trial.
CALIBRATED = {"combination": (Pembrolizumab(), Chemotherapy())}
WEEK = 7.0


class Events(NamedTuple):
    """Days of progression at a scan and of death, infinity if there was none, (patients,)."""

    progression: np.ndarray
    death: np.ndarray

    def first(self):
        """Return the day of progression or death, whichever came first."""
        return np.minimum(self.progression, self.death)

    def some(self, which):
        """Return the patients that ``which`` selects: a slice, indices or truth values."""
        return Events(self.progression[which], self.death[which])


@dataclass(frozen=True)
class HypotheticalDrug(Parameters):
    """A drug that does not exist: added to chemotherapy, its effect is stated.

    Arguments, one number each
        hazard_ratio: $HR$, for progression or death.
        works_from: it works in patients with this CPS or more, and does nothing in others.

    Raises ``ValueError`` or ``TypeError`` naming the field, the allowed range and the value.
    Source: ``trial_design.hazard_ratio``, ``trial_design.works_from``.
    """

    basis = "calibrated by definition: the effect is stated, the drug does not exist"

    hazard_ratio: float = given("trial_design.hazard_ratio", 0.1, 10, "", scalar=True)
    works_from: float = given("trial_design.works_from", 0, 100, "CPS", scalar=True)

    def given_first(self, control, cps):
        """Return the ``Events`` of patients with this ``cps``, from theirs in the control arm."""
        rows = np.flatnonzero(np.asarray(cps) >= self.works_from)
        order = rows[np.argsort(control.first()[rows], kind="stable")]
        at = 1 - (np.arange(rows.size) + 0.5) / max(rows.size, 1)
        taken = (rows.size * (1 - at ** (1 / self.hazard_ratio))).astype(int)
        becomes = np.arange(control.death.size)
        becomes[order] = order[taken]
        return control.some(becomes)

    def given_after_progression(self, control, cps):
        """Return the ``Events`` if control patients receive the drug after progression."""
        if self.hazard_ratio == 1:  # no rounding may move the last death out of the trial
            return control
        progression, death = control
        progressed = progression < death
        left = np.sort(death[progressed])
        died = left[np.isfinite(left)]
        entered = np.searchsorted(np.sort(progression[progressed]), died)
        at_risk = entered - np.searchsorted(left, died)
        days, summed = np.append(0.0, died), np.append(0.0, np.cumsum(1 / at_risk))
        gains = progressed & np.isfinite(death) & (np.asarray(cps) >= self.works_from)
        since, until = (np.interp(each[gains], days, summed) for each in control)
        later = death.copy()
        risk = since + (until - since) / self.hazard_ratio
        later[gains] = np.interp(risk, summed, days, right=np.inf)
        return Events(progression, later)


@dataclass(frozen=True)
class AfterProgression:
    """A therapy that begins on the day of progression, as in a crossover.

    ``virtual_trial.follow`` passes that day as ``stop``. It comes at a scan, in whole weeks.
    """

    drug: object

    def __post_init__(self):
        checked_therapies([self.drug], name="drug")

    @property
    def basis(self):
        """What the drug's own effect rests on; that it acts alike after progression is assumed."""
        return self.drug.basis

    def dose_times(self):
        """Return every day on which a dose may fall, whatever the week of progression."""
        within = np.unique(np.mod(self.drug.dose_times(), WEEK))
        last = BASE.last_day() // WEEK + 1
        return (WEEK * np.arange(last)[:, None] + within).ravel()

    def effects(self, stages, stop, patient):
        """Return the ``Effects`` of the drug, moved to the day ``stop`` of each patient."""
        found = {}
        stop = np.asarray(stop, dtype=float)
        for day in np.unique(stop[stop < stages.max()]):
            who = np.flatnonzero(stop == day)
            never = np.full(who.size, np.inf)
            moved = self.drug.effects(stages - day, never, patient.some(who))
            for each in fields(Effects):
                value = getattr(moved, each.name)
                if np.ndim(value):
                    empty = np.full((*stages.shape, stop.size), each.default)
                    found.setdefault(each.name, empty)[..., who] = value
        return Effects(**found)


class Population:
    """Patients, and what becomes of them under any therapies: each is followed when asked for.

    patient: a ``Patient``.  tolerance: the summed risk at which each dies, (patients,).
    """

    def __init__(self, patient: Patient, tolerance: np.ndarray):
        self.patient, self.tolerance = patient, tolerance
        self._known: dict = {}

    @classmethod
    def drawn(cls, patients, seed, **cohort):
        """Draw patients of ``Cohort(**cohort)``; ``seed``, a whole number or a list of them."""
        rng = np.random.default_rng(seed)
        return cls(Cohort(**cohort).draw(rng, patients), rng.standard_exponential(patients))

    def some(self, which):
        """Return the patients that ``which`` selects, as a population."""
        return Population(self.patient.some(which), self.tolerance[which])

    def under(self, therapies):
        """Return the ``Events`` of everybody under ``therapies``, a tuple."""
        if therapies not in self._known:
            progression, death, _ = follow(self.patient, BASE, therapies, self.tolerance)
            self._known[therapies] = Events(progression, death)
        return self._known[therapies]


@dataclass(frozen=True)
class Design:
    """What a trial asks: which drug, beside chemotherapy as control, in whom and how long.

    Arguments
        drug: a ``HypotheticalDrug``, added to chemotherapy; or "combination", pembrolizumab
            with chemotherapy, calibrated on KEYNOTE-355.
        cps_from: enrolled are patients with this CPS or more.
        follow_up: months in which everybody is watched.
        crossover: percent of control patients who receive the drug after progression.

    Raises ``ValueError`` or ``TypeError`` naming the field, the allowed range and the value.
    Source: ``trial_design.*``.
    """

    drug: HypotheticalDrug | str = field(default_factory=HypotheticalDrug)
    cps_from: float = field(default_factory=lambda: evidence.get("trial_design.cps_from").value)
    follow_up: float = field(default_factory=lambda: evidence.get("trial_design.follow_up").value)
    crossover: float = field(default_factory=lambda: evidence.get("trial_design.crossover").value)

    def __post_init__(self):
        known = isinstance(self.drug, str) and self.drug in CALIBRATED
        if not known and not isinstance(self.drug, HypotheticalDrug):
            raise ValueError(
                f"drug must be a HypotheticalDrug or '{', '.join(CALIBRATED)}', "
                f"you gave {self.drug!r}."
            )
        for name, high, unit in (
            ("cps_from", 80, "CPS"),
            ("follow_up", BASE.follow_up, "months"),
            ("crossover", 100, "percent"),
        ):
            low = 1 if name == "follow_up" else 0
            value = checked(name, getattr(self, name), low, high, unit, scalar=True)
            object.__setattr__(self, name, value)

    def eligible(self, population):
        """Return which patients may be enrolled, truth values; raise ValueError if nobody may."""
        enrolled = population.patient.cps >= self.cps_from
        if not enrolled.any():
            raise ValueError(
                f"cps_from must leave somebody to enrol, you gave {self.cps_from:g} "
                f"and nobody has more than {population.patient.cps.max():g}."
            )
        return enrolled

    def experimental(self, population):
        """Return the ``Events`` of the eligible in the experimental arm."""
        enrolled = self.eligible(population)
        if isinstance(self.drug, str):
            return population.under(CALIBRATED[self.drug]).some(enrolled)
        return self.drug.given_first(
            population.under(CONTROL).some(enrolled), population.patient.cps[enrolled]
        )

    def control(self, population, rng):
        """Return the ``Events`` of the eligible in the control arm; ``rng`` draws who crosses."""
        enrolled = self.eligible(population)
        events = population.under(CONTROL).some(enrolled)
        if not self.crossover:
            return events
        if isinstance(self.drug, str):
            later = population.under((*CONTROL, AfterProgression(Pembrolizumab()))).some(enrolled)
        else:
            later = self.drug.given_after_progression(events, population.patient.cps[enrolled])
        crosses = 100 * rng.random(events.death.size) < self.crossover
        return Events(events.progression, np.where(crosses, later.death, events.death))


class Result(Seen):
    """What a trial saw: when what happened to whom."""

    def until(self, day):
        """Return what was known on ``day``, if the trial ended there."""
        end = min(day, float(self.survival.max()))
        scans = np.append(0.0, BASE.scan_days())
        last = scans[scans <= end][-1]
        return Result(
            experimental=self.experimental,
            pfs=np.where(self.pfs <= end, self.pfs, last),
            progressed=self.progressed & (self.pfs <= end),
            survival=np.minimum(self.survival, end),
            died=self.died & (self.survival <= end),
        )


def seen(events, experimental, follow_up):
    """Return the ``Result`` for ``Events`` that were watched for ``follow_up`` months.

    ``experimental``: truth values (patients,), or one for all.
    """
    end = follow_up * DAYS_PER_MONTH
    scans = np.append(0.0, BASE.scan_days())
    first = events.first()
    return Result(
        experimental=np.broadcast_to(experimental, first.shape),
        pfs=np.where(first <= end, first, scans[scans <= end][-1]),
        progressed=first <= end,
        survival=np.minimum(events.death, end),
        died=events.death <= end,
    )


def trial(experimental, control, patients, follow_up, rng):
    """Draw a trial of ``patients`` from the ``Events`` of both arms, with replacement.

    The arms alternate, so that the first patients of a larger trial are those of a smaller one.
    """
    places = rng.random(patients)
    arms = []
    for arm, place in ((experimental, places[::2]), (control, places[1::2])):
        arms.append(arm.some((place * arm.death.size).astype(int)))
    treated = np.repeat([True, False], [arms[0].death.size, arms[1].death.size])
    joined = Events(*(np.concatenate(pair) for pair in zip(*arms, strict=True)))
    return seen(joined, treated, follow_up)


def everybody(experimental, control, follow_up):
    """Return the ``Result`` of all patients in both arms: the truth, as far as they reach."""
    return Result.joined(
        seen(arm, treated, follow_up) for arm, treated in ((experimental, True), (control, False))
    )


def stream(design, patients, seed=1) -> Iterator[Result]:
    """Enrol so many new patients and follow each in one arm; give a ``Result`` for each block.

    Blocks hold up to 1,024 patients, each with random numbers of its own. Nothing runs before it
    is asked for: who stops asking stops the work.
    Raises ``TypeError`` or ``ValueError`` naming the argument, the range and the value.
    """
    if not isinstance(design, Design):
        raise TypeError(f"design must be a Design, you gave {design!r}.")
    patients = checked("patients", patients, 2, 10**8, "patients", whole=True)
    seed = checked("seed", seed, 0, 2**31, whole=True)
    return (
        _block(design, min(BLOCK, patients - first), [seed, first // BLOCK])
        for first in range(0, patients, BLOCK)
    )


def _block(design, count, seed):
    """Run one block: every other patient in the experimental arm."""
    population = Population.drawn(BLOCK, seed, cps_from=design.cps_from)
    rng = np.random.default_rng([*seed, 1])
    experimental = design.experimental(population.some(slice(0, count, 2)))
    if count == 1:
        return seen(experimental, True, design.follow_up)
    control = design.control(population.some(slice(1, count, 2)), rng)
    return everybody(experimental, control, design.follow_up)
