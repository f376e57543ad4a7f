"""Is it working? iRECIST, and both sets of rules in words; RECIST 1.1 itself is in ``recist``.

Under immunotherapy a tumour may grow before it shrinks. In iRECIST a first progression is
unconfirmed (iUPD) until a later scan shows further growth (iCPD), or shrinkage sets the bar back.

Where the paper leaves room, this course decides: a repeat scan before four weeks is set aside;
growth after iUPD counts from the smallest sum since, so that small steps add up; any shrinkage
counts as such; and iCPD, once reached, stays.
"""

from dataclasses import dataclass

import numpy as np

from course_lib import evidence
from course_lib.models.lesions import LesionTable
from course_lib.models.recist import (
    CR,
    EXACT,
    NE,
    NEITHER,
    PD,
    PR,
    Criteria,
    best_change,
    best_response,
    criteria_for,
    overall_response,
    progressed,
    progression_scan,
    recist,
    smallest_before,
)

__all__ = [
    "Criteria",
    "LesionTable",
    "best_change",
    "best_response",
    "explain",
    "irecist",
    "progression_scan",
    "recist",
]
CATEGORIES = ("target lesions", "non-target lesions", "new lesions")


@dataclass(frozen=True, eq=False)
class IRecist:
    """What iRECIST says at each visit; the first is the baseline, called "baseline".

    responses: iCR, iPR, iSD, iUPD, iCPD or NE.  reasons: one sentence for each.
    progression_day: of the first iUPD that no shrinkage has undone, or None.
    confirmed: whether it became iCPD.  best: the best response before any iCPD.
    """

    responses: tuple
    reasons: tuple
    progression_day: float | None
    confirmed: bool
    best: str


def irecist(table, criteria=None):
    r"""Read one patient's scans by iRECIST.

    A first RECIST progression is iUPD. From four weeks on, a scan confirms it (iCPD) if

    - the target lesions still progress and their sum grew by 5 mm,
    - the non-target lesions grew at all, if they progressed,
    - new lesions grew, by 5 mm if measured, or another appeared, or
    - a category progresses that did not.

    Shrinkage to iSD, iPR or iCR sets the bar back; otherwise it remains iUPD.

    Arguments: ``table``, a ``LesionTable``; ``criteria``, a ``Criteria``, or None for the
    published thresholds.

    Returns an ``IRecist``.
    Raises ``TypeError`` naming the argument and what to give.
    Source: Seymour 2017, table 2; the EORTC's answers to questions.
    """
    c = criteria_for(table, criteria)
    r = recist(table, c)
    before_new = smallest_before(np.where(table.new_lesions > 0, table.new_sum, np.nan))
    calls, why = ["baseline"], ["The scans to compare with."]
    first, series, counted = None, {}, 0
    for visit in range(1, table.days.size):
        another = table.new_lesions[visit] > table.new_lesions[counted]
        progressing = {
            name
            for name, true in {
                "target lesions": r.target[visit] == PD,
                "non-target lesions": r.non_target[visit] == PD,
                "new lesions": another or progressed(table.new_sum[visit], before_new[visit], c),
            }.items()
            if true
        }
        base = overall_response(r.target[visit], r.non_target[visit])
        better = NE if base == NE else "iPR" if base == CR and r.new[visit] else "i" + base
        sums = {
            "target lesions": r.sums[visit] if r.complete[visit] else np.nan,
            "new lesions": table.new_sum[visit],
        }
        early = (
            first is not None and table.days[visit] - table.days[first] < c.confirmation_earliest
        )
        if calls[-1] == "iCPD":
            call, reason = "iCPD", "Confirmed at an earlier scan."
        elif first is None and progressing:
            call, reason = "iUPD", f"First progression: {_listed(progressing)}."
            first, series = visit, {"names": progressing, "smallest": sums}
        elif first is None:
            call, reason = better, "No progression to confirm."
        elif early:
            call = "iUPD" if progressing or base != NE else NE
            reason = "Too early to confirm the progression, or to lift it."
        elif reason := _further(table, visit, r, c, progressing, series, another):
            call = "iCPD"
        elif progressing:
            call, reason = "iUPD", f"Progression of {_listed(progressing)}, but no further growth."
        elif base == NE or ("non-target lesions" in series["names"] and r.non_target[visit] == NE):
            call, reason = NE, "Not enough was assessed to judge the progression."
        elif _shrunk(series, sums):
            call, reason = better, "It shrank: the bar is set back, the next progression is new."
            first = None
        else:
            call, reason = "iUPD", "Neither growth nor shrinkage since the progression."
        counted = counted if early else visit
        if call == "iUPD" and not early:
            series["smallest"] = {
                name: np.fmin(series["smallest"][name], value) for name, value in sums.items()
            }
        calls.append(call)
        why.append(reason)
    before = calls[1 : calls.index("iCPD") + 1] if "iCPD" in calls else calls[1:]
    order = ("iCR", "iPR", "iSD", "iCPD", "iUPD", NE)
    return IRecist(
        responses=tuple(calls),
        reasons=tuple(why),
        progression_day=None if first is None else float(table.days[first]),
        confirmed="iCPD" in calls,
        best=min(before, key=order.index),
    )


def explain(table, visit, criteria=None):
    """Return the two calls at one visit as a list of short sentences.

    Arguments: ``table``, a ``LesionTable``; ``visit``, its number, baseline is 0;
    ``criteria`` as for ``recist``.

    Raises ``TypeError`` or ``ValueError`` naming the argument, the allowed range and the value.
    """
    c = criteria_for(table, criteria)
    last = table.days.size - 1
    if isinstance(visit, bool) or not isinstance(visit, int | np.integer):
        raise TypeError(f"visit must be a whole number between 1 and {last}, you gave {visit!r}.")
    if not 1 <= visit <= last:
        raise ValueError(f"visit must be a whole number between 1 and {last}, you gave {visit}.")
    r, i = recist(table, c), irecist(table, c)
    others = {
        CR: "Non-target lesions: none left.",
        NEITHER: "Non-target lesions: still there, no clear progression.",
        PD: "Non-target lesions: progression.",
        NE: "Non-target lesions: not assessed.",
    }[r.non_target[visit]]
    sentences = [
        *_about_targets(r, visit, c),
        "No non-target lesions." if table.non_target[0] == "absent" else others,
        "A new lesion is seen: progression." if r.new[visit] else "No new lesion.",
        f"RECIST 1.1: {r.overall[visit]}.",
        f"iRECIST: {i.responses[visit]}. {i.reasons[visit]}",
    ]
    if i.reasons[visit].startswith("First"):
        weeks = c.confirmation_earliest / 7, evidence.get("irecist.confirmation_latest").value / 7
        sentences.append("Scan again after {:g} to {:g} weeks.".format(*weeks))
    return sentences


def _about_targets(r, visit, c):
    """Return the sentences about the target lesions."""
    call, total, low, start = r.target[visit], r.sums[visit], r.smallest[visit], r.sums[0]
    missing = "" if r.complete[visit] else " of what was assessed; a target lesion is missing"
    sum_of = f"Sum {total:g} mm{missing}; smallest before {low:g} mm; baseline {start:g} mm."
    if call == NE:
        return [sum_of, "Target lesions: cannot be judged."]
    if call == CR:
        return [sum_of, "Target lesions: none left, and nodes are normal: complete response."]
    if call == PD and CR in r.overall[:visit]:
        return [sum_of, "Target lesions: back after a complete response: progression."]
    percent = f"{_signed(100 * (total / low - 1))} % and " if low > 0 else ""
    grown = f"{percent}{_signed(total - low)} mm from the smallest"
    if call == PD:
        return [sum_of, f"{grown}: progression."]
    in_percent = 100 * total - (100 + c.progression_percent) * low >= -EXACT
    one = in_percent or total - low >= c.progression_growth - EXACT
    both = f"; it takes {c.progression_percent:g} % and {c.progression_growth:g} mm" if one else ""
    change = f"{_signed(100 * (total / start - 1))} % from baseline"
    words = "partial response" if call == PR else "stable"
    return [sum_of, f"{grown}: no progression{both}.", f"{change}: {words}."]


def _signed(value):
    """Write a change as a person would: +20, −33.3, +0."""
    return f"{round(value, 1) + 0.0:+.1f}".removesuffix(".0").replace("-", "−")


def _further(table, visit, r, c, progressing, series, another):
    """Return why a progression is confirmed, as a sentence, or an empty string."""
    names, smallest = series["names"], series["smallest"]
    least = c.growth - EXACT
    if progressing - names:
        return f"Confirmed: now also progression of {_listed(progressing - names)}."
    target = r.target[visit] == PD and r.sums[visit] - smallest["target lesions"] >= least
    if target:  # in ``names``, or the line above had returned
        return f"Confirmed: the sum grew by another {c.growth:g} mm or more."
    if "non-target lesions" in names and table.non_target_larger[visit]:
        return "Confirmed: the non-target lesions grew further."
    if "new lesions" in names:
        if another:
            return "Confirmed: another new lesion."
        if table.new_larger[visit] or table.new_sum[visit] - smallest["new lesions"] >= least:
            return "Confirmed: the new lesions grew."
    return ""


def _shrunk(series, sums):
    """Return whether anything shrank; a category that no longer progresses did."""
    smaller = (sums[name] < series["smallest"][name] - EXACT for name in sums)
    return bool({"target lesions", "non-target lesions"} & series["names"]) or any(smaller)


def _listed(names):
    """Return names in the order target, non-target, new."""
    return " and ".join(name for name in CATEGORIES if name in names)
