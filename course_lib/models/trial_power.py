r"""How often a trial finds what is there: power, the events it takes, and looking too early.

By Schoenfeld's formula, a log-rank test at the two-sided level $\alpha$ with a share $\pi$ of
patients in the experimental arm finds a hazard ratio $HR$ with power $1 - \beta$ after

$$d = \frac{(z_{1-\alpha/2} + z_{1-\beta})^2}{\pi (1 - \pi) (\ln HR)^2}$$

events. ``repeated`` does not need it: it draws the same trial many times and counts. Times are
counted in periods of three weeks there, so that all trials are tested at once. In period $j$,
$n_j$ patients are at risk and $d_j$ have the event, $n_{1j}$ and $d_{1j}$ in the experimental arm:

$$Z = \frac{\sum_j \left(d_{1j} - d_j n_{1j}/n_j\right)}{\sqrt{\sum_j d_j \frac{n_{1j}}{n_j}
  \left(1 - \frac{n_{1j}}{n_j}\right) \frac{n_j - d_j}{n_j - 1}}}$$

An interim look sums up to the period in which half of the events have come. A trial stops there
if $|Z|$ exceeds the first critical value, and is significant; else the second decides at the end.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from course_lib import evidence
from course_lib.models.parameters import checked
from course_lib.models.survival import Z_95, log_rank

#: Days. Scans are at least eight weeks apart, so each falls into a period of its own.
PERIOD = 21.0
#: Names of the rules for an interim look.
RULES = ("none", "every_look_05", "obrien_fleming")


def events_needed(hazard_ratio, power=0.8, alpha=0.05, share=0.5):
    """Return the events that Schoenfeld's formula asks for, not rounded; infinity if HR is 1.

    Arguments, one number each: ``hazard_ratio``, 0.01 to 100; ``power``; ``alpha``, two-sided;
    ``share`` of patients in the experimental arm.
    Raises ``ValueError`` or ``TypeError`` naming the argument, the allowed range and the value.
    Source: ``trial_design.schoenfeld``.
    """
    log_ratio, share, z = _schoenfeld(hazard_ratio, alpha, share)
    power = checked("power", power, 0.05, 0.999, scalar=True)
    if log_ratio == 0:
        return math.inf
    return (z + NormalDist().inv_cdf(power)) ** 2 / (share * (1 - share) * log_ratio**2)


def power_of(events, hazard_ratio, alpha=0.05, share=0.5):
    """Return the power after so many ``events``, a number or an array; the rest as above."""
    log_ratio, share, z = _schoenfeld(hazard_ratio, alpha, share)
    distance = abs(log_ratio) * np.sqrt(share * (1 - share) * np.asarray(events, dtype=float))
    powers = [NormalDist().cdf(d - z) for d in np.atleast_1d(distance)]
    return np.array(powers) if np.ndim(events) else powers[0]


def critical_values(rule):
    """Return the critical |Z| at the interim look and at the end; infinity if there is no look.

    ``rule``: "none"; "every_look_05", p < 0.05 at each; or "obrien_fleming", which keeps false
    alarms at 5 % over both looks. Raises ``ValueError`` for another.
    Source: ``trial_design.obrien_fleming``.
    """
    if not isinstance(rule, str) or rule not in RULES:
        raise ValueError(f"rule must be one of {', '.join(RULES)}, you gave {rule!r}.")
    end = evidence.get("trial_design.obrien_fleming").value
    return {
        "none": (math.inf, Z_95),
        "every_look_05": (Z_95, Z_95),
        "obrien_fleming": (end * math.sqrt(2), end),  # half of the information at the look
    }[rule]


def look(times, events, experimental, rule):
    """Return the day of the interim look of one trial, and whether ``rule`` stops it there.

    The day ends the period in which half of the events have come. Arguments as in ``log_rank``.
    """
    first, _ = critical_values(rule)
    came = np.sort(np.asarray(times, dtype=float)[np.asarray(events, dtype=bool)])
    if not came.size:
        return 0.0, False
    day = PERIOD * math.ceil(came[(came.size - 1) // 2] / PERIOD - 1e-9)
    chi2, _ = log_rank(np.minimum(times, day), events & (times <= day), experimental)
    return day, bool(chi2 > first**2)


@dataclass(frozen=True, eq=False)
class Repeated:
    """What many trials of one design found, arrays of shape (trials,).

    hazard_ratio: Cox's, when the trial ended; NaN if an arm had no event.
    z: the log-rank Z at the end, above 0 if the experimental arm had more events than expected,
    whether or not the trial had stopped.  z_look: at the interim look.
    stopped: at the interim look.  significant: then, or at the end.  events: when it ended.
    """

    hazard_ratio: np.ndarray
    z: np.ndarray
    z_look: np.ndarray
    stopped: np.ndarray
    significant: np.ndarray
    events: np.ndarray

    def power(self):
        """Return the share of trials with a significant result, in either direction."""
        return float(self.significant.mean())


def repeated(experimental, control, patients, trials, rng, rule="none"):
    """Draw so many ``trials`` from the patients of both arms, with replacement, and test each.

    Arguments
        experimental, control: (times, events) of an arm, days and truth values, each (patients,).
        patients: of one trial, half of them in each arm.
        trials: how many.
        rng: a ``numpy.random.Generator``.
        rule: of the interim look, as in ``critical_values``.

    Returns ``Repeated``.
    Raises ``ValueError`` or ``TypeError`` naming the argument, the allowed range and the value.
    """
    first, last = critical_values(rule)
    patients = checked("patients", patients, 4, 10**6, "patients", whole=True)
    trials = checked("trials", trials, 1, 10**5, "trials", whole=True)
    arms = [_cells(*arm) for arm in (experimental, control)]
    if not all(cells.size for cells in arms):
        raise ValueError("both arms must have patients.")
    periods = 1 + max(int(cells.max()) // 2 for cells in arms)
    (n1, d1), (n0, d0) = (
        _drawn(cells, number, trials, periods, rng)
        for cells, number in zip(arms, (patients - patients // 2, patients // 2), strict=True)
    )
    n, d = n1 + n0, d1 + d0
    share = n1 / np.maximum(n, 1)
    variance = d * share * (1 - share) * (n - d) / np.maximum(n - 1, 1)
    summed, spread = np.cumsum(d1 - d * share, axis=1), np.cumsum(variance, axis=1)
    so_far = np.cumsum(d, axis=1)
    half = np.argmax(2 * so_far >= so_far[:, -1:], axis=1)
    row = np.arange(trials)
    z_look, z = (_z(summed[row, at], spread[row, at]) for at in (half, np.full(trials, -1)))
    stopped = np.abs(z_look) > first
    end = np.where(stopped, half, periods - 1)
    if stopped.any():
        counted = np.arange(periods) <= end[:, None]
        d0, d1 = d0 * counted, d1 * counted
    return Repeated(
        hazard_ratio=_cox(n0, n1, d0, d1),
        z=z,
        z_look=z_look,
        stopped=stopped,
        significant=stopped | (np.abs(z) > last),
        events=so_far[row, end],
    )


def _schoenfeld(hazard_ratio, alpha, share):
    """Return ln HR, the share, and the critical value, each checked."""
    hazard_ratio = checked("hazard_ratio", hazard_ratio, 0.01, 100, scalar=True)
    alpha = checked("alpha", alpha, 1e-6, 0.5, scalar=True)
    share = checked("share", share, 0.01, 0.99, scalar=True)
    return math.log(hazard_ratio), share, NormalDist().inv_cdf(1 - alpha / 2)


def _cells(times, events):
    """Return 2 × period + event for each patient: a period includes its last day."""
    periods = np.ceil(np.asarray(times, dtype=float) / PERIOD - 1e-9).astype(np.intp)
    return 2 * periods + np.asarray(events, dtype=bool)


def _drawn(cells, number, trials, periods, rng):
    """Draw ``number`` patients for each trial: those at risk and events, (trials, periods)."""
    picked = cells[rng.integers(0, cells.size, (trials, number), dtype=np.uint32)]
    picked += 2 * periods * np.arange(trials)[:, None]
    counts = np.bincount(picked.ravel(), minlength=2 * periods * trials)
    counts = counts.reshape(trials, periods, 2).astype(float)
    left = counts.sum(axis=2)
    return left[:, ::-1].cumsum(axis=1)[:, ::-1], counts[:, :, 1]


def _z(summed, variance):
    """Return the log-rank Z; 0 if no event could tell the arms apart."""
    return np.divide(summed, np.sqrt(variance), out=np.zeros_like(summed), where=variance > 0)


def _cox(n0, n1, d0, d1):
    """Return Cox's hazard ratio of each trial, ties as by Efron, arrays (trials, periods).

    Efron takes the ties of a period out of the risk set one by one. Here all of them meet the risk
    set in the middle. From 150 patients an arm on, ``survival.cox`` differs by less than 1 %,
    even if all events fall on scans eight weeks apart; and this is much faster.
    """
    d = d0 + d1
    counted = (n0 > 0) & (n1 > 0) & (d > 0)
    gone = np.where(counted, (d - 1) / np.maximum(2 * d, 1), 0.0)
    # Where only ties are left, the middle may hold nobody of one arm: a small rest keeps it finite.
    odds = np.maximum(n0 - gone * d0, 1e-9) / np.maximum(n1 - gone * d1, 1e-9)
    weight = np.where(counted, d, 0.0)
    observed, total = np.where(counted, d1, 0).sum(axis=1), weight.sum(axis=1)
    factor = np.ones((len(n0), 1))  # exp(-beta)
    for _ in range(6):
        share = 1 / (1 + odds * factor)
        expected = weight * share
        missing = observed - expected.sum(axis=1)
        share -= 1
        expected *= share
        information = -expected.sum(axis=1)
        step = np.divide(missing, information, out=np.zeros_like(missing), where=information > 0)
        factor *= np.exp(-np.clip(step, -1, 1))[:, None]
    return np.where((observed > 0) & (observed < total), 1 / factor[:, 0], np.nan)
