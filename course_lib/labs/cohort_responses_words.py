"""A cohort's two plots in words: the sentence, the text for who does not see them, the table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from course_lib import evidence
from course_lib.labs.view import Table
from course_lib.models.recist import PD
from course_lib.models.response_cohort import PATIENTS, WEEKS, Followed, shrinks_later

NAMES = {"recist": "RECIST 1.1", "irecist": "iRECIST"}
RESPONSE = -evidence.get("recist.response_percent").value
PROGRESSION = evidence.get("recist.progression_percent").value
#: Higher bars are cut here, %.
HIGHEST = 100.0


def signed(percent: float) -> str:
    """Write a change in whole percent: +5 %, 0 %, −12 %."""
    whole = round(percent)
    return f"{'+' if whole > 0 else '−' if whole < 0 else ''}{abs(whole)} %"


def about_all(counts: tuple[int, ...], ended: int, changed: int) -> str:
    """Tell the counts, how many lines end early, and how many bars further scans changed."""
    bars, low, confirmed, again, back = counts
    told = (
        f"Of {PATIENTS} patients, {bars} have a bar; without a scan after the baseline: "
        f"{PATIENTS - bars}. Bars that reach {signed(RESPONSE)}: {low}. Confirmed responses: "
        f"{confirmed}. Lines that end before week {WEEKS[-1]}: {ended}."
    )
    if again:
        told += f" Progressions that were scanned again: {again}, of which taken back: {back}."
        told += f" Bars that these scans changed: {changed}."
    return told


def about_one(place: int, one: Followed, rules: str) -> str:
    """Say of the highlighted patient what the plots show, and what ended it."""
    if not one.scanned:
        return f"Patient {place} from the left has no bar: no scan after the baseline."
    when = WEEKS[int(np.nanargmin(one.changes(rules)[1:])) + 1]
    told = f"Patient {place} from the left: best change {signed(one.best(rules))}, in week {when}."
    response = one.response(rules)
    if response:
        first, last = (WEEKS[scan] for scan in response)
        told += f" A response was seen from week {first} to week {last}."
    return f"{told} {_ended(one, rules)}"


def _ended(one: Followed, rules: str) -> str:
    """Say whether the patient progressed, and by what."""
    end = one.last(rules)
    if PD not in one.rules.overall[: end + 1]:
        return f"No progression until week {WEEKS[end]}."
    first = one.rules.overall.index(PD)
    grown = "growth of the sum" if one.rules.target[first] == PD else ""
    by = " and ".join(filter(None, (grown, "a new lesion" if one.rules.new[first] else "")))
    told = f"First progression in week {WEEKS[first]}, by {by}"
    if rules == "recist":
        return f"{told}."
    if one.immune.confirmed:
        return f"{told}; confirmed in week {WEEKS[end]}."
    return f"{told}; {'taken back later' if shrinks_later(one) else 'not confirmed'}."


def alt(place: int, one: Followed, rules: str, best: np.ndarray, changes: np.ndarray) -> str:
    """What is drawn, for readers who do not see the plots."""
    shown = best[np.isfinite(best)]
    ends = np.array([each[np.isfinite(each)][-1] for each in changes])[np.isfinite(best)]
    told = (
        f"Two plots of {PATIENTS} patients, and the calls for one. Waterfall plot: the best change "
        "of the sum from baseline, percent, one bar for each patient. The most growth is on the "
        f"left, the most shrinkage on the right. {shown.size} bars, from "
        f"{signed(shown.max())} to {signed(shown.min())}, cut at {signed(HIGHEST)}. "
        "Spider plot: the change from baseline, percent, one line for each patient, against weeks, "
        f"0 to {WEEKS[-1]}. Lines that end at {signed(RESPONSE)} or lower: "
        f"{int((ends <= RESPONSE).sum())}; at {signed(PROGRESSION)} or higher: "
        f"{int((ends >= PROGRESSION).sum())}. "
    )
    if not one.scanned:
        return f"{told}Highlighted: patient {place} from the left, who has neither bar nor line."
    line = [
        f"{signed(change)} in week {week}"
        for week, change in zip(WEEKS, one.changes(rules), strict=True)
        if np.isfinite(change)
    ]
    return f"{told}Highlighted: patient {place} from the left, {', '.join(line)}."


def table(everybody: Sequence[Followed], rules: str) -> Table:
    """One row for each patient, as in the waterfall plot."""
    rows = []
    for place, one in enumerate(everybody, start=1):
        calls = [name for name in one.calls(rules)[1 : one.last(rules) + 1]]
        shown = [signed(each) for each in one.changes(rules)[1:] if np.isfinite(each)]
        rows.append(
            (
                str(place),
                signed(one.best(rules)) if one.scanned else "no scan",
                ", ".join(shown) or "no scan",
                ", ".join(calls) or "no scan",
                one.rules.summary(confirmed=True).best,
            )
        )
    return Table(
        f"Patients from left to right; scans every {WEEKS[1]} weeks, calls by {NAMES[rules]}",
        ("Place", "Bar", "Change at each scan", "Calls", "Best response, confirmed, RECIST 1.1"),
        tuple(rows),
    )
