r"""A tumour that looks larger because immune cells enter it, and one that really grows.

What a scan measures is the volume of everything in a lesion. Relative to the first scan it is
$v = T + I$, with living tumour $T$ and what came in, $I$ (immune cells and fluid):

$$T(t) = (1 - r)\,2^{-t/h} + r\,2^{\,t/d},\qquad
  I(t) = p\,\frac{t}{\tau}\,e^{\,1 - t/\tau},\qquad D(t) = D_0\,v(t)^{1/3}$$

The share $r$ of the tumour resists and doubles in the time $d$; the rest halves in the time $h$.
The infiltrate peaks on day $\tau$ at $p$ times the first volume. Without infiltrate and with
$r = 1$ the growth is true: $v = 2^{\,t/d}$.

Nobody has measured these courses: the numbers are assumptions, chosen so that the first scan shows
progression. What follows for the rules of RECIST depends on the shape alone.
A teaching model: it is not a clinical prediction.
"""

from dataclasses import dataclass, replace

import numpy as np

from course_lib.models.parameters import Parameters, checked, given


def infiltrate(days, peak, peak_day):
    r"""Return the infiltrate relative to the first volume: $p\,(t/\tau)\,e^{1 - t/\tau}$.

    Arguments: ``days`` since the first scan, at least 0, one number or shape (days,);
    ``peak``, $p$; ``peak_day``, $\tau$, day; numbers, or one per lesion, shape (lesions,).

    Returns shape (days, lesions); without an axis of what was one number.
    Raises ``TypeError`` or ``ValueError`` naming the argument, the allowed range and the value.
    Source: ``pseudoprogression.infiltrate``; the rise and fall is that of two steps of the same
    rate, arrival after a signal that fades and loss.
    """
    peak = checked("peak", peak, 0, 20)
    peak_day = checked("peak_day", peak_day, 1, 365, "day")
    return peak * _wave(_each_day(days, peak, peak_day) / peak_day)


def swollen(sizes, days, peak, peak_day):
    r"""Return sizes with infiltrate added to living tumour: $D_0\,((D/D_0)^3 + I)^{1/3}$, mm.

    Arguments
        sizes: of the living tumour, mm, shape (days, lesions); row 0 is the first scan.
        days, peak, peak_day: as for ``infiltrate``, ``days`` of shape (days,).

    Raises ``TypeError`` or ``ValueError`` naming the argument, the allowed range and the value.
    Source: this course.
    """
    sizes = np.asarray(sizes)
    if sizes.dtype.kind not in "iuf" or sizes.ndim != 2:
        raise TypeError(f"sizes must be numbers of shape (days, lesions), you gave {sizes!r}.")
    wrong = ~(np.isfinite(sizes) & (sizes >= 0)) | (
        (np.arange(len(sizes)) == 0)[:, None] & (sizes == 0)
    )
    if wrong.any():
        raise ValueError(
            "sizes must be finite, at least 0 mm and above 0 in row 0, the first scan, "
            f"you gave {sizes[wrong][0]:g}."
        )
    days = np.atleast_1d(_each_day(days, 0.0, 0.0))
    if days.size != len(sizes):
        raise ValueError(f"sizes must have one row per day, {days.size}, you gave {len(sizes)}.")
    added = infiltrate(days, np.atleast_1d(peak), np.atleast_1d(peak_day))
    return sizes[0] * ((sizes / sizes[0]) ** 3 + added) ** (1 / 3)


@dataclass(frozen=True)
class Lesion(Parameters):
    r"""One lesion, or several: numbers, or one per lesion.

    Arguments
        diameter: $D_0$ at the first scan, mm.
        resistant_share: $r$, share of the first volume that no treatment touches.
        shrinking_half_time: $h$, in which the rest halves, day.
        doubling_time: $d$, in which the volume of what resists doubles, day.
        infiltrate: $p$, most infiltrate, relative to the first volume.
        infiltrate_day: $\tau$, day of the most infiltrate.

    Raises ``ValueError`` or ``TypeError`` naming the field, the allowed range and the value.
    Source: ``pseudoprogression.*``, kind assumption; ``tumour.volume_doubling_time``.
    """

    diameter: float = given("pseudoprogression.diameter", 1, 500, "mm")
    resistant_share: float = given("pseudoprogression.resistant_share", 0, 1, "")
    shrinking_half_time: float = given("pseudoprogression.shrinking_half_time", 1, 3650, "day")
    doubling_time: float = given("tumour.volume_doubling_time", 5, 10000, "day")
    infiltrate: float = given("pseudoprogression.infiltrate", 0, 20, "")
    infiltrate_day: float = given("pseudoprogression.infiltrate_day", 1, 365, "day")

    def tumour(self, days):
        r"""Return the living tumour relative to the first volume, $T$.

        Arguments: ``days`` since the first scan, 0 to 3650, one number or shape (days,).
        Returns shape (days, lesions); without an axis of what is one number.
        Raises ``TypeError`` or ``ValueError`` naming the argument, the range and the value.
        """
        days = _each_day(days, *vars(self).values())
        left = 2.0 ** (-days / self.shrinking_half_time)
        grown = 2.0 ** (days / self.doubling_time)
        return (1 - self.resistant_share) * left + self.resistant_share * grown

    def infiltration(self, days):
        """Return the infiltrate relative to the first volume, $I$; arguments as ``tumour``."""
        days = _each_day(days, *vars(self).values())
        return self.infiltrate * _wave(days / self.infiltrate_day)

    def sizes(self, days):
        r"""Return the diameters that a scan shows, mm: $D_0\,(T + I)^{1/3}$; as ``tumour``."""
        return self.diameter * (self.tumour(days) + self.infiltration(days)) ** (1 / 3)

    def grown_alike(self, day):
        r"""Return the ``Lesion`` that truly grows, and looks the same at first and on ``day``.

        $$d = \frac{t \ln 2}{\ln v(t)},\qquad r = 1,\qquad p = 0$$

        Arguments: ``day``, 1 to 3650.
        Raises ``ValueError`` if a lesion is then no larger than at first: growth cannot explain
        that; or if it would have to double faster than a ``Lesion`` may.
        """
        day = checked("day", day, 1, 3650, "day", scalar=True)
        volume = self.tumour(day) + self.infiltration(day)
        if not np.all(volume > 1):
            raise ValueError(
                f"day must be one on which each lesion is larger than at first, you gave {day:g}."
            )
        doubling_time = day * np.log(2) / np.log(volume)
        return replace(self, resistant_share=1.0, infiltrate=0.0, doubling_time=doubling_time)


def _wave(time):
    """Return a rise to 1 at time 1 and the slower fall after it."""
    return time * np.exp(1 - time)


def _each_day(days, *values):
    """Return checked days, with an axis for the lesions if one of the values has it."""
    days = checked("days", days, 0, 3650, "day")
    several = any(np.ndim(value) for value in values)
    return days[:, None] if several and np.ndim(days) else days
