r"""Expansion, contraction and persistence of CAR-T cells, as measured in one leukaemia.

Stein 2019 described the level $C$ of tisagenlecleucel in the blood of 90 children and young adults
with B-cell acute lymphoblastic leukaemia by one curve, with a peak $C_{max}$ on day $T_{max}$:

$$C(t) = \frac{C_{max}}{F}\,e^{\rho t}\ \ (t < T_{max}),\qquad
  C(t) = C_{max}\left[(1 - F_B)\,e^{-\alpha (t - T_{max})} + F_B\,e^{-\beta (t - T_{max})}\right]$$

$F$ is how many times the cells multiply, $\rho = \ln F / T_{max}$; a small share $F_B$ of the peak
goes slowly (rate $\beta$), all others go fast (rate $\alpha$).

In that population nothing recorded about a patient, the dose included, changed the peak. These are
numbers from leukaemia: in lymphoma the cells multiplied less, and of breast cancer the course
knows no such curve.
A teaching model: it is not a clinical prediction.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from course_lib.models.parameters import Parameters, checked, given


class Parts(NamedTuple):
    """Levels by what becomes of the cells: shape (days,) or (days, patients)."""

    contracting: np.ndarray
    persisting: np.ndarray

    @property
    def level(self):
        """All CAR-T cells in the blood."""
        return self.contracting + self.persisting


@dataclass(frozen=True)
class CarTKinetics(Parameters):
    """CAR-T cells in the blood of a patient with leukaemia; levels in copies per µg of DNA.

    Arguments: ``peak``; ``peak_day``; ``fold``, the level at the peak over that at the start;
    ``contraction`` and ``slow_loss``, rates per day; ``persisting_share`` of the peak. Numbers,
    or one per patient.
    Source: Stein 2019, table 1 (``car_t_leukaemia.peak`` and its neighbours).
    """

    peak: float = given("car_t_leukaemia.peak", 1, 1e8, "copies/µg")
    peak_day: float = given("car_t_leukaemia.peak_day", 0.1, 100, "day")
    fold: float = given("car_t_leukaemia.fold", 1.1, 1e8, "1")
    contraction: float = given("car_t_leukaemia.contraction", 1e-4, 5, "1/day")
    persisting_share: float = given("car_t_leukaemia.persisting_share", 0, 1, "1")
    slow_loss: float = given("car_t_leukaemia.slow_loss", 0, 1, "1/day")

    def start(self):
        """Return the level just after the infusion, copies per µg."""
        return self.peak / self.fold

    def doubling_time(self):
        r"""Return the days in which the expanding cells double: $T_{max} \ln 2 / \ln F$."""
        return self.peak_day * np.log(2) / np.log(self.fold)

    def half_lives(self):
        r"""Return both half-lives after the peak, days: $\ln 2/\alpha$ and $\ln 2/\beta$."""
        with np.errstate(divide="ignore"):
            return np.log(2) / self.contraction, np.log(2) / np.asarray(self.slow_loss)

    def parts(self, days):
        """Return ``Parts`` on ``days``: which cells of the level will go fast, and which slowly.

        Before the peak both parts grow alike.

        Arguments: ``days`` since the infusion, at least 0, shape (days,) or one number.
        Raises ``ValueError`` if a day is negative or not finite.
        """
        days = self._days(days)
        before = np.minimum(days - self.peak_day, 0) / self.doubling_time()
        after = np.maximum(days - self.peak_day, 0)
        rising = self.peak * 2.0**before
        share = self.persisting_share
        return Parts(
            rising * (1 - share) * np.exp(-self.contraction * after),
            rising * share * np.exp(-self.slow_loss * after),
        )

    def level(self, days):
        """Return the level on ``days``, copies per µg; arguments as ``parts``."""
        return self.parts(days).level

    def area(self, days):
        r"""Return the area under the level, $\int_0^t C\,ds$, in copies per µg times days.

        Arguments and refusals as ``parts``.
        """
        days = self._days(days)
        rate = np.log(self.fold) / self.peak_day
        before = np.minimum(days, self.peak_day)
        after = np.maximum(days - self.peak_day, 0)
        share = self.persisting_share
        rising = self.start() * np.expm1(rate * before) / rate
        return rising + self.peak * (
            (1 - share) * _integral(self.contraction, after)
            + share * _integral(self.slow_loss, after)
        )

    def with_dose(self, dose, follows=0.0):
        r"""Return the kinetics after another dose: an assumption about what the dose changes.

        More cells start the expansion, which doubles at the same pace. The peak becomes
        $C_{max}\,d^{\,s}$ at $d$ times the dose. With $s = 0$ it has the same height, as in the
        data, and comes $\ln d/\rho$ days earlier; with $s = 1$ it is in proportion to the dose.

        Arguments: ``dose``, times the usual one, 0.01 to 100; ``follows``, the exponent $s$.
        Raises ``ValueError`` if so many cells are given that they need not multiply.
        Source: ``car_t_leukaemia.dose_model``, kind assumption.
        """
        dose = checked("dose", dose, 0.01, 100)
        follows = checked("follows", follows, 0, 1)
        fold = self.fold * dose ** (follows - 1)
        if np.any(fold < 1.1):
            raise ValueError(
                f"dose must be below the fold expansion of {np.min(self.fold):g}, you gave {dose}."
            )
        return replace(
            self,
            peak=self.peak * dose**follows,
            fold=fold,
            peak_day=self.peak_day * np.log(fold) / np.log(self.fold),
        )

    def _days(self, days):
        """Return ``days`` so that they fit one patient, or patients in a second axis."""
        days = np.asarray(days)
        if days.dtype.kind not in "iuf" or not np.all(np.isfinite(days) & (days >= 0)):
            raise ValueError("days must be finite numbers of at least 0, since the infusion.")
        many = any(np.ndim(getattr(self, name)) for name in self.__dataclass_fields__)
        return days[..., None] if many else days


def _integral(rate, days):
    """Return the integral of exp(-rate s) from 0 to ``days``, also for a rate of 0."""
    rate = np.asarray(rate, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(rate * days > 1e-12, -np.expm1(-rate * days) / rate, days)
