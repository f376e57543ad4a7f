r"""A clinical trial of virtual patients: who is enrolled, what is given, what is seen at scans.

Patients differ by the distributions of ``Cohort``. Each is randomised to one of two arms and
followed by ``patient.integrate`` from scan to scan. At a scan that shows progression (RECIST 1.1,
``response_monitoring``) the study drugs stop, and the tumour grows on at $q\,g$: all later lines
of therapy in one number. The risk of death follows the tumour's size:

$$h(t) = h_0\left(\frac{size(t)}{size_{ref}}\right)^{\gamma},\qquad
  \text{death when } \int_0^t h\,dt > X,\quad X \sim \mathrm{Exp}(1)$$

Not modelled: new lesions, errors of measurement, patients who leave the trial, harm of treatment.
A teaching model: it is not a clinical prediction.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from functools import partial
from itertools import pairwise
from operator import index

import numpy as np

from course_lib import evidence
from course_lib.models.cohort import Cohort
from course_lib.models.ode import CHUNK
from course_lib.models.parameters import Parameters, checked, given
from course_lib.models.patient import (
    STEP,
    Effects,
    assumed,
    checked_therapies,
    days_between,
    integrate,
)
from course_lib.models.recist import CR, PR, Criteria, best_change, best_response, progressed
from course_lib.models.survival import cox, log_rank

DAYS_PER_MONTH = 365.25 / 12
BLOCK = CHUNK  # patients that share a random generator: results do not depend on workers


@dataclass(frozen=True)
class Fate(Parameters):
    r"""What becomes of a patient: the risk of death, and the tumour after progression.

    Arguments, one number each
        death_hazard: $h_0$, risk of death at the reference size, 1/day.
        death_size_exponent: $\gamma$.
        later_lines_growth: $q$, growth after progression relative to growth before treatment.
        reference_size: $size_{ref}$, mm.

    Raises ``ValueError`` or ``TypeError`` naming the field, the allowed range and the value.
    Source: ``outcome.*``.
    """

    death_hazard: float = given("outcome.death_hazard", 0, 1, "1/day", scalar=True)
    death_size_exponent: float = given("outcome.death_size_exponent", 0, 5, "", scalar=True)
    later_lines_growth: float = given("outcome.later_lines_growth", 0, 5, "", scalar=True)
    reference_size: float = given("tumour.sum_of_diameters", 1, 1000, "mm", scalar=True)


@dataclass(frozen=True)
class Trial:
    """A design: two arms, who is enrolled, and how long they are watched.

    Arguments
        experimental, control: therapies of the two arms, such as ``[Pembrolizumab()]``; their
            effect must have been calibrated on a trial (``basis``), not assumed.
        cohort: a ``Cohort``.
        fate: a ``Fate``.
        criteria: the ``Criteria`` of RECIST.
        scans: ((every, until), ...) in weeks: a scan every so many weeks until week ``until``,
            then the next pair; the last pair goes on to the end of the trial.
        experimental_share: chance of a patient to be randomised to the experimental arm.
        accrual: months in which patients enter, evenly spread.
        follow_up: months from the last entry to the end of the trial.
        seed: whole number; the same seed gives the same trial, bit for bit.

    Raises ``ValueError`` or ``TypeError`` naming the field, the allowed range and the value.
    Source: ``keynote_355.*``, ``scans.*``, ``outcome.follow_up``.
    """

    experimental: tuple
    control: tuple
    cohort: Cohort = field(default_factory=Cohort)
    fate: Fate = field(default_factory=Fate)
    criteria: Criteria = field(default_factory=Criteria)
    scans: tuple = ((8, 24), (9, 51), (12, 600))
    experimental_share: float = 0.5
    accrual: float = 0.0
    follow_up: float = field(default_factory=lambda: evidence.get("outcome.follow_up").value)
    seed: int = 1

    def __post_init__(self):
        def put(name, value):
            object.__setattr__(self, name, value)

        for arm in ("experimental", "control"):
            put(arm, checked_therapies(getattr(self, arm), name=arm))
            for name in assumed(getattr(self, arm)):
                raise ValueError(
                    f"{arm} must hold therapies calibrated on a trial: the effect of {name} is "
                    "assumed, and a hazard ratio made from it would be invented. Show its tumour "
                    "curves with simulate instead."
                )
            traits = [trait for each in getattr(self, arm) for trait in vars(each).items()]
            for name, value in traits:
                if np.size(value) > 1:
                    raise ValueError(
                        f"{arm} must treat all patients alike: give one {name}, you gave "
                        f"{np.size(value)} values."
                    )
        for name, kind in (("cohort", Cohort), ("fate", Fate), ("criteria", Criteria)):
            if not isinstance(getattr(self, name), kind):
                raise TypeError(
                    f"{name} must be a {kind.__name__}, such as {kind.__name__}(), "
                    f"you gave {getattr(self, name)!r}."
                )
        share = checked("experimental_share", self.experimental_share, 0, 1, scalar=True)
        put("experimental_share", share)
        put("accrual", checked("accrual", self.accrual, 0, 60, "months", scalar=True))
        put("follow_up", checked("follow_up", self.follow_up, 1, 60, "months", scalar=True))
        put("seed", checked("seed", self.seed, 0, 2**31, whole=True))
        put("scans", _checked_scans(self.scans))

    def last_day(self):
        """Return the days from the first entry to the end of the trial."""
        return (self.accrual + self.follow_up) * DAYS_PER_MONTH

    def scan_days(self):
        """Return the days of the scans, counted from a patient's entry, shape (scans,)."""
        days, week = [], 0
        for every, until in (*self.scans[:-1], (self.scans[-1][0], np.inf)):
            while week + every <= min(until, self.last_day() / 7):
                week += every
                days.append(7.0 * week)
        return np.array(days)


@dataclass(frozen=True, eq=False)
class Seen:
    """When what happened to whom, arrays of shape (patients,).

    experimental: in the experimental arm.
    pfs: days to progression at a scan or to death, or else to the last scan before the end;
    progressed: whether one of the two came.  survival: days to death or to the end; died: which.
    """

    experimental: np.ndarray
    pfs: np.ndarray
    progressed: np.ndarray
    survival: np.ndarray
    died: np.ndarray

    @classmethod
    def joined(cls, parts):
        """Return several of them as one."""
        parts = list(parts)
        names = [each.name for each in fields(cls)]
        return cls(**{n: np.concatenate([getattr(part, n) for part in parts]) for n in names})

    def endpoint(self, name):
        """Return times and events of "pfs" or "survival"; raise ValueError for another name."""
        known = {"pfs": (self.pfs, self.progressed), "survival": (self.survival, self.died)}
        if not isinstance(name, str) or name not in known:
            raise ValueError(f"endpoint must be one of {', '.join(known)}, you gave {name!r}.")
        return known[name]


@dataclass(frozen=True, eq=False)
class Outcome(Seen):
    """What a trial saw of its patients, arrays of shape (patients,): as ``Seen``, and

    cps: CPS.
    best_ratio: smallest size at a scan until progression, relative to the start; 1 if no scan.
    responded: that is a partial response or better (unconfirmed).
    """

    cps: np.ndarray
    best_ratio: np.ndarray
    responded: np.ndarray

    def some(self, which):
        """Return the patients that ``which`` selects: a slice, indices or truth values."""
        return Outcome(**{name: value[which] for name, value in vars(self).items()})


def follow(patient, trial, therapies, tolerance):
    r"""Follow patients under ``therapies``, scan by scan, to the last day of the ``trial``.

    ``tolerance``: $X$, the summed risk at which each patient dies, shape (patients,).

    Returns the day of progression and of death, infinity if none (patients,); and sizes at
    scans, shape (scans, patients), NaN after death.
    """
    number, fate, scans = patient.number(), trial.fate, trial.scan_days()
    doses = [each.dose_times() for each in therapies]
    state = patient.start()
    nadir = np.broadcast_to(patient.sum_of_diameters, (number,)).copy()
    risk = np.zeros(number)
    progression, death = np.full((2, number), np.inf)
    sizes = np.full((scans.size, number), np.nan)
    for begin, end in pairwise(np.unique([0.0, *scans, trial.last_day()])):
        alive = np.flatnonzero(np.isinf(death))
        if not alive.size:
            break
        some = patient.some(alive)
        grid = days_between(doses, begin, end, STEP)
        growth = np.where(np.isinf(progression[alive]), 1.0, fate.later_lines_growth)
        states = integrate(some, state[:, alive], grid, therapies, progression[alive], growth)
        state[:, alive] = states[-1]
        size = some.size(np.exp(states[:, 0]) + np.exp(states[:, 1]))
        middle = _size_between(some, states, grid, therapies, progression[alive])

        ends, between = (
            fate.death_hazard * (each / fate.reference_size) ** fate.death_size_exponent
            for each in (size, middle)
        )
        added = np.diff(grid)[:, None] * (ends[:-1] + 4 * between + ends[1:]) / 6  # Simpson's rule
        summed = np.concatenate([risk[None, alive], added]).cumsum(axis=0)
        risk[alive] = summed[-1]
        dead = summed[-1] >= tolerance[alive]
        death[alive[dead]] = _crossing(grid, summed[:, dead], tolerance[alive[dead]])

        scan = np.flatnonzero(scans == end)
        if scan.size:
            seen, size = alive[~dead], size[-1, ~dead]
            sizes[scan[0], seen] = size
            worse = progressed(size, nadir[seen], trial.criteria) & np.isinf(progression[seen])
            progression[seen[worse]] = end
            nadir[seen] = np.minimum(nadir[seen], size)
    return progression, death, sizes


def stream(trial, patients, mapper=map) -> Iterator[Outcome]:
    """Run a trial of so many patients; give an ``Outcome`` for each block of 1,024.

    ``mapper(function, blocks)`` is ``map``, or the same of a pool or a cluster, such as
    ``Pool.imap``. Each block has its own random numbers, so the result is the same, bit for
    bit. Nothing is kept: a million patients need no more memory than a block.
    Raises ``TypeError`` or ``ValueError`` naming the argument, the range and the value.
    """
    patients = checked("patients", patients, 1, 10**8, "patients", whole=True)
    if not isinstance(trial, Trial):
        raise TypeError(f"trial must be a Trial, you gave {trial!r}.")
    return iter(mapper(partial(_run_block, trial, patients), range(-(-patients // BLOCK))))


def run(trial, patients, mapper=map) -> Outcome:
    """Run a trial of so many patients and return one ``Outcome``; arguments as in ``stream``.

    The first patients of a larger trial are those of a smaller one.
    """
    return Outcome.joined(stream(trial, patients, mapper))


def repeat(outcome, patients, trials, seed=1, endpoint="pfs"):
    """Draw many trials of a real size from one large ``outcome``, with replacement.

    Arguments: ``patients`` of each trial, split between the arms as in ``outcome``; how many
    ``trials``; ``seed``; ``endpoint``, "pfs" or "survival".

    Returns hazard ratios and log-rank p values, shape (trials,) each. The share with p < 0.05
    is the power. Sampling only: the parameters are taken as known.
    Raises ``ValueError`` if an arm is empty or the endpoint unknown, and ``TypeError`` or
    ``ValueError`` naming the argument, the allowed range and the value.
    """
    if not isinstance(outcome, Outcome):
        raise TypeError(f"outcome must be an Outcome, made by run, you gave {outcome!r}.")
    patients = checked("patients", patients, 4, 10**6, "patients", whole=True)
    trials = checked("trials", trials, 1, 10**5, "trials", whole=True)
    times, events = outcome.endpoint(endpoint)
    arms = [np.flatnonzero(outcome.experimental == arm) for arm in (True, False)]
    if not all(arm.size for arm in arms):
        raise ValueError("outcome must have patients in both arms.")
    share = min(max(round(patients * outcome.experimental.mean()), 1), patients - 1)
    rng = np.random.default_rng(checked("seed", seed, 0, 2**31, whole=True))
    found = np.empty((2, trials))
    for trial in range(trials):
        rows = np.concatenate([rng.choice(arms[0], share), rng.choice(arms[1], patients - share)])
        sample = times[rows], events[rows], outcome.experimental[rows]
        found[:, trial] = cox(*sample).hazard_ratio, log_rank(*sample)[1]
    return found[0], found[1]


def _run_block(trial, patients, block):
    """Run one block of patients: what happens depends on the trial and the block alone."""
    count = min(BLOCK, patients - BLOCK * block)
    rng = np.random.default_rng([trial.seed, block])
    everybody = trial.cohort.draw(rng, BLOCK)
    tolerance = rng.standard_exponential(BLOCK)
    experimental = (rng.random(BLOCK) < trial.experimental_share)[:count]
    entry = trial.accrual * rng.random(BLOCK)[:count]
    watched = trial.last_day() - entry * DAYS_PER_MONTH
    scans = trial.scan_days()
    progression, death = np.full((2, count), np.inf)
    sizes = np.full((scans.size, count), np.nan)
    for arm, therapies in ((True, trial.experimental), (False, trial.control)):
        rows = np.flatnonzero(experimental == arm)
        if rows.size:
            progression[rows], death[rows], sizes[:, rows] = follow(
                everybody.some(rows), trial, therapies, tolerance[rows]
            )
    event = np.minimum(progression, death)
    last_scan = np.append(0.0, scans)[np.searchsorted(scans, watched, side="right")]
    # The last row is a scan that nobody had: a trial may end before its first scan.
    seen = np.where(scans[:, None] <= watched, sizes, np.nan)
    sums = np.vstack([everybody.sum_of_diameters[:count], seen, np.full(count, np.nan)])
    ratio = 1 + best_change(sums, trial.criteria) / 100
    return Outcome(
        experimental=experimental,
        cps=everybody.cps[:count],
        pfs=np.where(event <= watched, event, last_scan),
        progressed=event <= watched,
        survival=np.minimum(death, watched),
        died=death <= watched,
        best_ratio=np.where(np.isnan(ratio), 1.0, ratio),
        responded=np.isin(best_response(sums, trial.criteria), (CR, PR)),
    )


def _size_between(patient, states, grid, therapies, stop):
    """Return the sizes (mm) in the middle of each step, shape (steps, patients).

    What therapies kill directly is exact: it bends most just after a dose. The rest of ln H and
    ln L runs straight. With sizes at the ends alone, deaths came up to 4 % too early.
    """
    stages = np.stack([grid[:-1], (grid[:-1] + grid[1:]) / 2, grid[1:]], axis=1)
    effects = sum((each.effects(stages, stop, patient) for each in therapies), Effects())
    cells = 0.0
    for row, kill in enumerate((effects.log_kill_high, effects.log_kill_low)):
        bend = (kill[:, 0] + kill[:, 2]) / 2 - kill[:, 1] if np.ndim(kill) else 0.0
        cells = cells + np.exp((states[:-1, row] + states[1:, row]) / 2 + bend)
    return patient.size(cells)


def _crossing(days, summed, level):
    """Return the day on which each column of ``summed`` reaches ``level``, between two rows."""
    after = np.maximum(np.argmax(summed >= level, axis=0), 1)
    column = np.arange(level.size)
    low, high = summed[after - 1, column], summed[after, column]
    return days[after - 1] + (level - low) / (high - low) * (days[after] - days[after - 1])


def _checked_scans(scans):
    """Return ``scans`` as a tuple of pairs of weeks; raise ValueError if they make no sense."""
    allowed = (
        "scans must be pairs (every, until) of whole weeks, later and later, such as "
        f"((8, 24), (9, 51), (12, 600)), you gave {scans!r}."
    )
    try:
        pairs = tuple((index(every), index(until)) for every, until in scans)
        booleans = any(isinstance(week, bool | np.bool_) for pair in scans for week in pair)
    except (TypeError, ValueError):
        raise ValueError(allowed) from None
    ends = [0, *(until for _, until in pairs)]
    if booleans or not pairs or min(every for every, _ in pairs) < 1 or min(np.diff(ends)) <= 0:
        raise ValueError(allowed)
    return pairs
