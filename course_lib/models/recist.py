r"""RECIST 1.1, rule by rule: over the lesions of one patient, and over a cohort's sums.

With $S$ the sum of diameters of the target lesions, $S_0$ at baseline and $S_{min}$ the
smallest so far, baseline included:

$$\text{PD: } S \ge 1.2\,S_{min} \text{ and } S \ge S_{min} + 5\,mm,\qquad
  \text{PR: } S \le 0.7\,S_0$$

CR: no target lesion is left and every node is below 10 mm, so $S$ may exceed zero. Whatever is
none of these is SD.

Where the paper leaves room, this course decides: a visit at which a target lesion was not
assessed is NE unless those that were show PD; nodes below 10 mm are never PD; after CR, any
disease is PD; PR and SD are judged anew at each scan.

Sums are compared to a millionth of a millimetre, so 5 mm of growth is 5 mm whatever the decimals.
"""

from dataclasses import dataclass

import numpy as np

from course_lib.models.lesions import LARGEST, LesionTable
from course_lib.models.parameters import Parameters, given

CR, PR, SD, PD, NE = "CR", "PR", "SD", "PD", "NE"
NEITHER = "non-CR/non-PD"
EXACT = 1e-6  # mm: far above the rounding of a sum, far below any measurement


@dataclass(frozen=True)
class Criteria(Parameters):
    r"""The thresholds, one number each; the defaults are those of the two papers.

    Arguments
        progression_percent, progression_growth: growth from the smallest sum, % and mm.
        response_percent: shrinkage from baseline, %.
        node_normal: a node below this is no disease, mm.
        response_confirmation: days between a response and the scan that confirms it.
        stable_minimum: day from which stable disease counts as best response.
        growth: further growth that confirms a progression, mm.
        confirmation_earliest: days from iUPD to the first scan that may confirm it.

    Raises ``ValueError`` or ``TypeError`` naming the field, the allowed range and the value.
    Source: ``recist.*``, ``irecist.*``.
    """

    progression_percent: float = given("recist.progression_percent", 0, 100, "%", scalar=True)
    progression_growth: float = given("recist.progression_growth", 0, 100, "mm", scalar=True)
    response_percent: float = given("recist.response_percent", 0, 100, "%", scalar=True)
    node_normal: float = given("recist.node_normal", 0, 100, "mm", scalar=True)
    response_confirmation: float = given("recist.response_confirmation", 0, 365, "day", scalar=True)
    stable_minimum: float = given("recist.stable_minimum", 0, 365, "day", scalar=True)
    growth: float = given("irecist.growth", 0, 100, "mm", scalar=True)
    confirmation_earliest: float = given(
        "irecist.confirmation_earliest", 0, 365, "day", scalar=True
    )


@dataclass(frozen=True)
class Summary:
    """One patient in a line; days count from the baseline scan.

    best: best overall response.  progression_day: None if there was none.
    response_day: first day of the response that made ``best`` CR or PR, or None.
    duration: days from ``response_day`` to progression or, without one, to the last scan.
    """

    best: str
    progression_day: float | None
    response_day: float | None
    duration: float | None


@dataclass(frozen=True, eq=False)
class Recist:
    """What RECIST 1.1 says at each visit; the first is the baseline, called "baseline".

    sums: of what was measured, mm.  complete: whether that was every target lesion.
    smallest: smallest complete sum before the visit, mm (NaN at baseline).
    target, non_target, overall: responses.  new: whether a new lesion is seen.
    """

    days: np.ndarray
    sums: np.ndarray
    complete: np.ndarray
    smallest: np.ndarray
    target: tuple
    non_target: tuple
    new: tuple
    overall: tuple
    criteria: Criteria

    def summary(self, confirmed=False):
        """Return the ``Summary``, up to the first progression.

        With ``confirmed``, CR and PR count only if a scan at least ``response_confirmation``
        days later shows them again, with nothing worse between than NE. An unconfirmed one
        counts as SD. SD counts from day ``stable_minimum``.

        Raises ``TypeError`` if ``confirmed`` is not True or False.
        Source: Eisenhauer 2009, table 3.
        """
        if not isinstance(confirmed, bool | np.bool_):
            raise TypeError(f"confirmed must be True or False, you gave {confirmed!r}.")
        seen = self.overall[1:]
        end = seen.index(PD) if PD in seen else len(seen)
        days, seen = self.days[1:], seen[: end + 1]
        progression_day = float(days[end]) if PD in seen else None
        for best, enough in ((CR, (CR,)), (PR, (CR, PR))):
            for first in range(end):
                if seen[first] in enough and (not confirmed or self._again(first, end, enough)):
                    start = float(days[first])
                    stop = float(days[-1]) if progression_day is None else progression_day
                    return Summary(best, progression_day, start, stop - start)
        stable = any(
            response in (CR, PR, SD) and day >= self.criteria.stable_minimum
            for response, day in zip(seen, days, strict=False)
        )
        best = SD if stable else PD if progression_day is not None else NE
        return Summary(best, progression_day, None, None)

    def _again(self, first, end, enough):
        """Return whether a response is seen again late enough, with only NE between."""
        days, seen = self.days[1:], self.overall[1:]
        for later in range(first + 1, end):
            if seen[later] not in (*enough, NE):
                return False
            wait = days[later] - days[first]
            if seen[later] in enough and wait >= self.criteria.response_confirmation:
                return True
        return False


def recist(table, criteria=None):
    r"""Read one patient's scans by RECIST 1.1; the equations are at the top of this file.

    Arguments: ``table``, a ``LesionTable``; ``criteria``, a ``Criteria``, or None for the
    published thresholds.

    Returns a ``Recist``.
    Raises ``TypeError`` naming the argument and what to give.
    Source: Eisenhauer 2009.
    """
    c = criteria_for(table, criteria)
    measured = np.isfinite(table.sizes)
    sums = np.where(measured, table.sizes, 0.0).sum(axis=1)
    complete = measured.all(axis=1)
    smallest = smallest_before(np.where(complete, sums, np.nan))
    # missing compares as False: what was not assessed shows no disease
    disease = np.where(table.node, table.sizes >= c.node_normal, table.sizes > 0)
    visible = table.visible()
    target, non_target, overall = ["baseline"], ["baseline"], ["baseline"]
    for visit in range(1, table.days.size):
        back = CR in overall  # whatever is seen now has come back
        if not disease[visit].any():
            lesions = CR if complete[visit] else NE
        elif back or progressed(sums[visit], smallest[visit], c):
            lesions = PD
        elif not complete[visit]:
            lesions = NE
        elif 100 * sums[visit] - (100 - c.response_percent) * sums[0] <= EXACT:
            lesions = PR
        else:
            lesions = SD
        others = {
            "absent": CR,
            "present": PD if back else NEITHER,
            "progression": PD,
            "not assessed": NE,
        }[table.non_target[visit]]
        target.append(lesions)
        non_target.append(others)
        overall.append(PD if visible[visit] else overall_response(lesions, others))
    return Recist(
        days=table.days,
        sums=sums,
        complete=complete,
        smallest=smallest,
        target=tuple(target),
        non_target=tuple(non_target),
        new=tuple(visible.tolist()),
        overall=tuple(overall),
        criteria=c,
    )


def progression_scan(sums, criteria=None):
    r"""Return the first scan with progression of each patient, shape (patients,); -1 for none.

    $S \ge 1.2\,S_{min}$ and $S \ge S_{min} + 5\,mm$; scan 0 is the baseline.

    Arguments: ``sums``, sums of diameters, mm, shape (scans, patients); NaN for a scan that was
    not made, but not at baseline; ``criteria`` as for ``recist``.

    Raises ``TypeError`` or ``ValueError`` naming the argument, the allowed range and the value.
    Source: Eisenhauer 2009. After a complete response 5 mm are needed too: a sum cannot tell a
    normal node from a lesion that has come back.
    """
    c, sums = _criteria(criteria), _cohort(sums)
    shown = progressed(sums, smallest_before(sums), c)
    return np.where(shown.any(axis=0), shown.argmax(axis=0), -1)


def best_change(sums, criteria=None):
    """Return each patient's best change from baseline, %, up to progression; NaN if no scan.

    Arguments and errors as for ``progression_scan``. Shape (patients,).
    """
    sums, counted = _until_progression(sums, criteria)
    return 100 * (np.fmin.reduce(np.where(counted, sums, np.nan)[1:], axis=0) / sums[0] - 1)


def best_response(sums, criteria=None):
    """Return each patient's best response, unconfirmed, up to progression, shape (patients,).

    CR is a sum of zero. SD counts from the first scan. NE: no scan after baseline.
    Arguments and errors as for ``progression_scan``.
    """
    c = _criteria(criteria)
    sums, counted = _until_progression(sums, c)
    progression = progression_scan(sums, c)
    response = 100 * sums - (100 - c.response_percent) * sums[0] <= EXACT
    before = counted & (np.arange(len(sums))[:, None] != progression)
    before[0] = False
    return np.select(
        [(before & (sums == 0)).any(0), (before & response).any(0), before.any(0), progression > 0],
        [CR, PR, SD, PD],
        NE,
    )


def smallest_before(sums):
    """Return the smallest earlier sum, along the first axis; NaN if there is none."""
    nothing = np.full((1, *sums.shape[1:]), np.nan)
    return np.concatenate([nothing, np.fmin.accumulate(sums, axis=0)[:-1]])


def progressed(total, smallest, c):
    """Return whether a sum grew by 20 % and by 5 mm; False where either is NaN."""
    by_percent = 100 * total - (100 + c.progression_percent) * smallest >= -EXACT
    return by_percent & (total - smallest >= c.progression_growth - EXACT)


def overall_response(target, non_target):
    """Return the overall response without new lesions (Eisenhauer 2009, table 1)."""
    if PD in (target, non_target):
        return PD
    return PR if target == CR and non_target != CR else target


def criteria_for(table, criteria):
    """Return the criteria, the published ones by default; refuse what is neither."""
    if not isinstance(table, LesionTable):
        raise TypeError(
            "table must be a LesionTable, such as LesionTable(days=[0, 56], "
            f"sizes=[[40], [48]]), you gave {table!r}."
        )
    return _criteria(criteria)


def _criteria(criteria):
    """Return the criteria, the published ones by default."""
    if not (criteria is None or isinstance(criteria, Criteria)):
        raise TypeError(
            "criteria must be a Criteria, such as Criteria(growth=5), or None for the published "
            f"thresholds, you gave {criteria!r}."
        )
    return criteria or Criteria()


def _until_progression(sums, criteria):
    """Return the sums, and which scans exist and come no later than progression."""
    sums = _cohort(sums)
    progression = progression_scan(sums, criteria)
    last = np.where(progression < 0, len(sums), progression)
    return sums, np.isfinite(sums) & (np.arange(len(sums))[:, None] <= last)


def _cohort(sums):
    """Return sums of diameters as floats (scans, patients), checked."""
    most = 5 * LARGEST
    rule = f"sums must be numbers from 0 to {most} mm, shape (scans, patients), two scans or more"
    try:
        numbers = np.asarray(sums)
    except ValueError:
        numbers = np.array(None)
    if numbers.dtype.kind not in "iuf" or numbers.ndim != 2 or len(numbers) < 2:
        raise TypeError(f"{rule}, you gave {sums!r}.")
    numbers = numbers.astype(float)
    wrong = ~((numbers >= 0) & (numbers <= most) | np.isnan(numbers))
    if wrong.any():
        raise ValueError(f"{rule}, you gave {numbers[wrong][0]:g}.")
    if not (numbers[0] > 0).all():
        wrong = numbers[0][~(numbers[0] > 0)][0]
        raise ValueError(f"sums must be above 0 mm in row 0, the baseline, you gave {wrong:g}.")
    return numbers
