"""The second lab of lesson 09: a cohort in a waterfall plot and in a spider plot."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from course_lib import evidence
from course_lib.labs.cohort_responses_words import (
    HIGHEST,
    NAMES,
    PROGRESSION,
    RESPONSE,
    about_all,
    about_one,
    alt,
    signed,
    table,
)
from course_lib.labs.frame import Lab
from course_lib.labs.spec import Choice, Control, Goal, LabSpec, Prediction, Preset, Question
from course_lib.labs.view import Panel, Reading, Series, Table, Texts, View, point
from course_lib.models.recist import CR, PR
from course_lib.models.response_cohort import (
    PATIENTS,
    SCANS,
    WEEKS,
    Followed,
    cohort,
    shrinks_later,
)

PLACES = np.arange(1.0, PATIENTS + 1)
#: Half the width of a bar, in places.
HALF = 0.4
LAST_WEEK = 50
SHORT = 16  # weeks: a response that is soon over


def view(
    patient: float,
    rules: str,
    swelling: float,
    therapy: str,
    new_lesions: float,
    no_second_scan: float,
) -> View:
    """Return what the lab shows: one patient, by place in the waterfall, among the others."""
    shown = together(rules, swelling, therapy, new_lesions, no_second_scan)
    everybody, changes, best = shown.patients, shown.changes, shown.best
    place = int(patient)
    one = everybody[place - 1]
    bars = np.minimum(best, HIGHEST)
    here = place == PLACES
    limits = ((RESPONSE, "dot"), (PROGRESSION, "dash"))
    series = (
        _bars("all", bars, PLACES > 0, moves=False),
        _bars("patient", bars, here, moves=True),
        point("this bar", 0, PLACES[here], bars[here], "tumour", "diamond"),
        *(_limit(0, value, dash) for value, dash in limits),
        Series(
            "all",
            1,
            np.tile(np.append(WEEKS, LAST_WEEK), PATIENTS),
            np.pad(changes, ((0, 0), (0, 1)), constant_values=np.nan).ravel(),
            "tumour",
            moves=False,
            label=False,
        ),
        Series("patient", 1, WEEKS, changes[place - 1], "tumour", label=False),
        point("scans", 1, WEEKS, changes[place - 1], "tumour", "diamond"),
        *(_limit(1, value, dash) for value, dash in limits),
    )
    texts = tuple(
        Texts(
            f"calls by {name}",
            2,
            WEEKS[1:].astype(float),
            np.full(SCANS, float(row)),
            tuple(
                one.calls(rule)[scan] if scan <= one.last(rules) else "·"
                for scan in range(1, SCANS + 1)
            ),
        )
        for row, (rule, name) in zip((1, 0), NAMES.items(), strict=True)
    )
    counts = shown.counts
    labels = (
        "Patients with a bar",
        f"Bars at {signed(RESPONSE)} or lower",
        "Confirmed responses by RECIST 1.1",
        "Progressions that were scanned again",
        "Of these, taken back later",
    )
    return View(
        series=series,
        texts=texts,
        sentence=f"{shown.told} {about_one(place, one, rules)}",
        alt=alt(place, one, rules, best, changes),
        readings=tuple(
            Reading(label, float(count), "") for label, count in zip(labels, counts, strict=True)
        ),
        table=shown.table,
    )


class Together(NamedTuple):
    """The cohort in the order of the waterfall plot; patients without a bar come last."""

    patients: tuple[Followed, ...]
    changes: np.ndarray
    best: np.ndarray
    counts: tuple[int, ...]
    told: str
    table: Table


@lru_cache(maxsize=64)
def together(
    rules: str, swelling: float, therapy: str, new_lesions: float, no_second_scan: float
) -> Together:
    """Return what does not depend on who is highlighted."""
    found = cohort(therapy, swelling, new_lesions, no_second_scan)
    order = sorted(found, key=lambda each: -each.best(rules) if each.scanned else np.inf)
    counts = _counts(order, rules)
    ended = sum(each.scanned and each.last(rules) < SCANS for each in order)
    return Together(
        patients=tuple(order),
        changes=np.array([each.changes(rules) for each in order]),
        best=np.array([each.best(rules) for each in order]),
        counts=counts,
        told=about_all(counts, ended, len(_moved(order))),
        table=table(order, rules),
    )


def _bars(name: str, heights: np.ndarray, which: np.ndarray, moves: bool) -> Series:
    """Outlines of bars, from the zero line and back to it."""
    left, right = PLACES[which] - HALF, PLACES[which] + HALF
    high = heights[which]
    zero = np.where(np.isnan(high), np.nan, 0.0)
    x = np.stack([left, left, right, right], axis=1).ravel()
    y = np.stack([zero, high, high, zero], axis=1).ravel()
    return Series(name, 0, x, y, "tumour", moves=moves, label=False)


def _limit(panel: int, value: float, dash: str) -> Series:
    x = np.array([0.0, LAST_WEEK if panel else PATIENTS + 0.6])
    return Series(signed(value), panel, x, np.full(2, float(value)), "control", dash, moves=False)


def _counts(everybody: Sequence[Followed], rules: str) -> tuple[int, ...]:
    """Return the numbers of the readings."""
    again = [shrinks_later(each) for each in everybody] if rules == "irecist" else []
    return (
        sum(each.scanned for each in everybody),
        sum(each.scanned and each.best(rules) <= RESPONSE for each in everybody),
        sum(each.rules.summary(confirmed=True).best in (CR, PR) for each in everybody),
        sum(each is not None for each in again),
        sum(each is True for each in again),
    )


def _moved(everybody: Sequence[Followed]) -> list[tuple[float, float]]:
    """Return both heights of the bars that depend on how long patients are scanned."""
    heights = [(each.best("recist"), each.best("irecist")) for each in everybody if each.scanned]
    return [pair for pair in heights if pair[0] != pair[1]]


def _explanation() -> str:
    """Compare both ways of scanning at the opening."""
    opened = {**SPEC.defaults, "rules": "irecist"}
    bars, _, _, again, back = (int(each.value) for each in view(**opened).readings)
    moved = _moved(cohort(opened["therapy"], opened["swelling"]))
    without = _moved(cohort(opened["therapy"], 0))
    before, after = max(moved, key=lambda pair: pair[0] - pair[1])
    return (
        f"Of {bars} bars {len(moved)} changed, one of them from {signed(before)} to "
        f"{signed(after)}. Of {again} progressions that were scanned again, the number taken back "
        f"is {back}: immune cells had swollen those lesions. If nobody swells, the number of bars "
        f"that change is {len(without)}."
    )


def _afterword() -> str:
    pool = evidence.get("pseudoprogression.of_unconfirmed")
    return (
        "Here you set how many tumours swell. In a pool of trials, "
        f"{pool.value} of 100 unconfirmed progressions were taken back at a later scan "
        f"(95 % interval {pool.low} to {pool.high}). A waterfall plot leaves out time, new "
        "lesions, and patients without a second scan. A spider plot shows time, but new lesions "
        "only as an early end."
    )


def _short(settings: dict[str, float | str]) -> bool:
    """Whether the highlighted patient's bar shows a response that was over soon."""
    chosen = dict(settings)
    place, rules = int(chosen.pop("patient")), str(chosen["rules"])
    one = together(**chosen).patients[place - 1]
    response = one.response(rules)
    if not response or one.best(rules) > RESPONSE:
        return False
    first, last = (WEEKS[scan] for scan in response)
    return one.progressed(rules) and last - first <= SHORT


SPEC = LabSpec(
    name="cohort_responses",
    title="Two plots of one cohort",
    lead=f"{PATIENTS} virtual patients with triple-negative breast cancer, CPS 10 or more. Go "
    "through them with the arrow keys: one is drawn thick in both plots.",
    controls=(
        Control("patient", "Patient, from the left", "cohort_responses.patient", 1),
        Choice(
            "rules",
            "Scan each patient",
            (
                ("recist", "until progression (RECIST 1.1)"),
                ("irecist", "until confirmed (iRECIST)"),
            ),
            "recist",
        ),
        Control("swelling", "Patients whose lesions swell", "cohort_responses.swelling", 5),
        Choice(
            "therapy",
            "Pembrolizumab",
            (("combination", "with chemotherapy"), ("pembrolizumab", "alone")),
            "combination",
        ),
        Control(
            "new_lesions",
            "New lesions, of 100 patients in eight weeks",
            "cohort_responses.new_lesions",
            1,
            stage=2,
        ),
        Control(
            "no_second_scan",
            "Patients without a second scan",
            "cohort_responses.no_second_scan",
            5,
            stage=2,
        ),
    ),
    panels=(
        Panel(
            "Waterfall: best change from baseline",
            "%",
            (-108, 108),
            x_title="Patients, most growth first",
            x_range=(0, PATIENTS + 0.6),
        ),
        Panel(
            "Spider: change at each scan",
            "%",
            (-108, 150),
            x_title="Weeks since the baseline scan",
            x_range=(0, LAST_WEEK),
        ),
        Panel.two_rows("Calls for the patient drawn thick", "RECIST 1.1", "iRECIST"),
    ),
    x_title="Weeks since the baseline scan",
    x_range=(0, LAST_WEEK),
    sides=(56, 88),  # in a narrow window the calls of two scans must not meet
    view=view,
    presets=(
        Preset("Stop at the first progression", {"rules": "recist"}),
        Preset("Go on until it is confirmed", {"rules": "irecist"}),
        Preset("Nobody swells", {"rules": "irecist", "swelling": 0}),
        Preset("Many new lesions", {"new_lesions": 15}),
        Preset("Everybody has a second scan", {"no_second_scan": 0}),
        Preset("Pembrolizumab alone", {"therapy": "pembrolizumab", "rules": "irecist"}),
    ),
    goal=Goal(
        text=f"Find a patient whose bar reaches {signed(RESPONSE)}, and who progressed within "
        f"{SHORT} weeks of the first response.",
        reached=lambda settings, view: _short(settings),
        praise="The bar shows the best moment of a course, and not how long it lasted.",
        solutions=(
            {"patient": 13},
            {"patient": 13, "rules": "irecist"},
            {"patient": 22, "new_lesions": 15},
        ),
    ),
    prediction=Prediction(
        predict=Question(
            "At first, scans end with the first progression. Now all go on until a progression is "
            "confirmed. What happens to the bars of the waterfall plot?",
            (
                ("none", "Nothing: the tumours are the same."),
                ("few", "A few become smaller or turn round."),
                ("most", "Most of those that show growth turn round."),
            ),
        ),
        why=Question(
            "Why?",
            (
                ("best", "A bar shows the best change, and that comes early."),
                ("some", "Some lesions shrink only after they have swollen."),
                ("pseudo", "Under immunotherapy growth is mostly immune cells."),
            ),
        ),
        tried=lambda settings: settings["rules"] == "irecist",
        observe=Question(
            "Go from “Stop at the first progression” to “Go on until it is confirmed”. How many "
            "bars changed?",
            (("none", "None."), ("few", "A few."), ("most", "More than half.")),
        ),
        right="few",
        explanation=_explanation,
        replies={
            "none": "Look at the bars on the left: press the two buttons in turn.",
            "few": "That is what you saw.",
            "most": "Count again: most bars stay where they are.",
        },
        reasons={
            "best": "That holds for most patients, but a lesion that swells shrinks late.",
            "pseudo": "That is rare: most tumours that grow really grow.",
        },
        afterword=_afterword,
    ),
)


def lab(**settings: float | str) -> Lab:
    """Open the lab, at other settings if you name them: ``lab(patient=13, rules="irecist")``.

    Raises ValueError, saying what is allowed, for an unknown name or a value outside
    its slider's range.
    """
    return Lab(SPEC, **settings)
