r"""How long until an event: Kaplan–Meier, the log-rank test and the hazard ratio of two arms.

Every patient has a ``time`` in days: of the event, or of the last visit without it (censored).
At each distinct event time $t_j$, $n_j$ patients are still at risk ($time \ge t_j$) and $d_j$ of
them have the event; $n_{1j}$ and $d_{1j}$ are the same in the experimental arm.
"""

import math
from dataclasses import dataclass

import numpy as np

from course_lib.models.parameters import checked

DAYS_MAX = 36500  # a hundred years
Z_95 = 1.959963984540054  # 95 % of a normal distribution lies within this many standard errors
ROUNDING = 1e-9  # a survival of exactly one half may be stored as 0.5000000000000001


@dataclass(frozen=True, eq=False)
class KaplanMeier:
    """A survival curve: made by ``kaplan_meier``.

    times: day 0, then each distinct event time, days; shape (times,), as the next four.
    survival: $S$ from that day on.  at_risk: patients at risk on that day.
    low, high: 95 % confidence band of ``survival``, for each day on its own.
    follow_up: the time of every patient, with or without event, sorted; shape (patients,).
    """

    times: np.ndarray
    survival: np.ndarray
    at_risk: np.ndarray
    low: np.ndarray
    high: np.ndarray
    follow_up: np.ndarray

    def median(self):
        r"""Return the first day with $S \le 0.5$, or infinity if the curve stays above."""
        return self._half(self.survival)

    def at(self, days):
        """Return the survival on ``days``. Draw none after ``follow_up[-1]``: nobody is watched."""
        days = checked("days", days, 0, DAYS_MAX, "day")
        return self.survival[np.searchsorted(self.times, days, side="right") - 1]

    def number_at_risk(self, days):
        """Return how many patients are at risk just before ``days`` (time >= day), as ``at``."""
        days = checked("days", days, 0, DAYS_MAX, "day")
        return self.follow_up.size - np.searchsorted(self.follow_up, days)

    def _half(self, curve):
        reached = self.times[curve <= 0.5 + ROUNDING]
        return float(reached[0]) if reached.size else math.inf


@dataclass(frozen=True)
class HazardRatio:
    """Experimental arm over control: made by ``cox``.

    low, high: 95 % confidence interval.  p: two-sided, that the ratio is 1; both after Wald.
    log_standard_error: of the ratio's natural logarithm.
    """

    hazard_ratio: float
    low: float
    high: float
    log_standard_error: float
    p: float


def kaplan_meier(time, event):
    r"""Return the Kaplan–Meier curve of one group of patients.

    $$S(t) = \prod_{t_j \le t} \left(1 - \frac{d_j}{n_j}\right),\qquad
      V(t) = \sum_{t_j \le t} \frac{d_j}{n_j (n_j - d_j)},\qquad
      band = S^{\exp(\pm 1.96 \sqrt V / \ln S)}$$

    Where $S = 1$ the band is 1 to 1. Where $S = 0$ it has no formula. Survival cannot rise, so
    the band there runs from 0 to the upper limit of the row before.

    Arguments
        time: days to the event or to the last visit, 0 to 36500, shape (patients,).
        event: True or 1 if the event came, False or 0 if censored, shape (patients,).

    Raises ``ValueError`` or ``TypeError`` naming the argument, what is allowed and the value.
    Source: Kaplan and Meier 1958; band: Kalbfleisch and Prentice 1980, as in lifelines.
    """
    time, event = _patients(time, event=event)
    times = np.unique(np.append(0.0, time[event]))
    n, d = _counts(times, time, event)
    survival = np.cumprod(1 - d / n)
    with np.errstate(divide="ignore", invalid="ignore"):  # where S is 1, or 0
        power = np.exp(Z_95 * np.sqrt(np.cumsum(d / (n * (n - d)))) / np.log(survival))
    low, high = survival ** (1 / power), survival**power
    if survival[-1] == 0:
        low[-1], high[-1] = 0, np.append(1.0, high)[-2]
    return KaplanMeier(times, survival, n, low, high, np.sort(time))


def log_rank(time, event, arm):
    r"""Return the log-rank test that two arms have the same hazard: chi squared and p.

    $$\chi^2 = \frac{\left[\sum_j (d_{1j} - d_j\,n_{1j}/n_j)\right]^2}{\sum_j
      d_j \frac{n_{1j}}{n_j} \left(1 - \frac{n_{1j}}{n_j}\right) \frac{n_j - d_j}{n_j - 1}},
      \qquad p = \operatorname{erfc}\sqrt{\chi^2 / 2}$$

    Both are nan if no event can tell the arms apart: there is none, or each finds only one arm
    at risk, or all who are at risk have it on the same day.

    Arguments and what it raises: as ``kaplan_meier``; ``arm``, True for the experimental arm,
    False for control, shape (patients,).
    Source: Mantel 1966.
    """
    n, d, n1, d1 = _two_arms(time, event, arm)
    share = n1 / n
    variance = np.sum(d * share * (1 - share) * (n - d) / (n - 1))
    if variance == 0:
        return math.nan, math.nan
    chi2 = float(np.sum(d1 - d * share) ** 2 / variance)
    return chi2, math.erfc(math.sqrt(chi2 / 2))


def cox(time, event, arm):
    r"""Return the hazard ratio $e^\beta$ of two arms by Cox's partial likelihood, ties by Efron.

    Each event at $t_j$, $l = 0 \dots d_j - 1$, finds $a = n_{0j} - \frac{l}{d_j} d_{0j}$ control
    and $b = n_{1j} - \frac{l}{d_j} d_{1j}$ experimental patients at risk. $\beta$ is where the
    experimental arm has as many events as expected:

    $$\sum_j d_{1j} = \sum \pi,\qquad \pi = \frac{e^\beta b}{a + e^\beta b},\qquad
      SE = \left[\sum \pi (1 - \pi)\right]^{-1/2}$$

    Only events that find both arms at risk can tell them apart. If all of those fall in the
    control arm the ratio is 0; if all in the experimental arm, infinity; if there are none, nan.
    The other four values are then nan: these data set no limit by this method.

    Arguments and what it raises: as ``log_rank``. Source: Cox 1972; Efron 1977.
    """
    n, d, n1, d1 = _two_arms(time, event, arm)
    total, seen = int(d.sum()), int(d1.sum())
    if seen in (0, total):
        ratio = math.nan if total == 0 else math.inf if seen else 0.0
        return HazardRatio(ratio, *[math.nan] * 4)
    gone = (np.arange(total) - np.repeat(np.cumsum(d) - d, d)) / np.repeat(d, d)  # l / d
    a = np.repeat(n - n1, d) - gone * np.repeat(d - d1, d)
    b = np.repeat(n1, d) - gone * np.repeat(d1, d)
    beta = 0.0
    for _ in range(100):
        share = b / (a * math.exp(-beta) + b)
        information = float(np.sum(share * (1 - share)))
        # Per unit of beta the information changes by a factor e at most. So a Newton step, cut
        # to at most 1, always ends nearer to the answer than it began.
        step = min(max((seen - float(share.sum())) / information, -1.0), 1.0)
        beta += step
        if abs(step) < 1e-10:
            break
    error = 1 / math.sqrt(information)
    ratio, low, high = (math.exp(beta + z * error) for z in (0, -Z_95, Z_95))
    return HazardRatio(ratio, low, high, error, math.erfc(abs(beta) / error / math.sqrt(2)))


def _counts(times, time, event):
    """Return how many patients are at risk, and how many have the event, at each of ``times``."""
    came = np.sort(time[event])
    events = np.searchsorted(came, times, side="right") - np.searchsorted(came, times)
    return time.size - np.searchsorted(np.sort(time), times), events


def _two_arms(time, event, arm):
    """Return ``_counts`` of all, then of the experimental arm, while both arms are at risk."""
    time, event, arm = _patients(time, event=event, arm=arm)
    if arm.all() or not arm.any():
        raise ValueError(f"arm must hold True (experimental) and False, you gave only {arm[0]}.")
    times = np.unique(time[event])
    rows = np.stack([*_counts(times, time, event), *_counts(times, time[arm], event[arm])])
    return rows[:, (rows[2] > 0) & (rows[2] < rows[0])]  # other events cannot tell the arms apart


def _patients(time, **flags):
    """Return ``time`` as floats and each of ``flags`` as booleans, all of shape (patients,)."""
    time = np.atleast_1d(checked("time", time, 0, DAYS_MAX, "day"))
    for name, values in flags.items():
        rule = f"{name} must be 0 or 1 (False or True), one per patient, you gave"
        try:
            flag = np.atleast_1d(values)
        except ValueError:  # a list with lists in it
            flag = np.array(None)
        if flag.dtype.kind not in "biuf" or flag.ndim != 1:
            raise TypeError(f"{rule} {values!r}.")
        if flag.size != time.size:
            raise ValueError(f"{rule} {flag.size} values, and {time.size} of time.")
        for first in np.flatnonzero((flag != 0) & (flag != 1))[:1]:
            raise ValueError(f"{rule} {flag[first]:g} for patient {first} (counted from 0).")
        flags[name] = flag.astype(bool)
    return time, *flags.values()
