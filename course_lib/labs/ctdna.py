"""A lab of lesson 09: tumour DNA in the blood beside scans, and what earlier is worth."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from course_lib import evidence
from course_lib.labs.frame import Lab
from course_lib.labs.spec import Control, Goal, LabSpec, Prediction, Preset, Question
from course_lib.labs.view import Panel, Reading, Series, Table, Texts, View, gaps_below, point
from course_lib.labs.words import decimals, described, figures
from course_lib.models.ctdna import (
    BloodTest,
    Relapse,
    Treatment,
    cells_of,
    diameter_of,
    first_positive,
    scan_day,
)

YEAR, MONTH, WEEK = 365.25, 365.25 / 12, 7
YEARS = 10
DAYS = np.linspace(0, YEARS * YEAR, 161)
#: Years of tests in which false alarms are counted.
ALARM_YEARS = 5
PEOPLE = 100
FEWEST, FEWEST_MOLECULES = 1.0, 0.01
SCAN_LIMIT = evidence.get("ctdna.scan_limit").value
END = evidence.get("ctdna.end").value
GOAL_EARLY = evidence.get("ctdna.goal_early").value
GOAL_LATE = evidence.get("ctdna.goal_late").value
#: Powers of ten that the prediction asks about.
ASKED = 2


#: The lines of tumour cells and of molecules: name, actor, dash.
LINES = (
    ("scans only", "tumour", "solid"),
    ("with blood tests", "tumour", "dash"),
    ("no treatment", "control", "solid"),
)
#: They often lie on each other, so their names stand apart: words, and the height in cells.
KEY = (("—— scans only", 2e4), ("– – with blood tests", 1.5e3), ("thin: no treatment", 1e2))


class Found(NamedTuple):
    """When a relapse is found: the scan, the blood tests, and where half of them are positive."""

    scan: float
    tests: np.ndarray
    #: Patients whose first positive test it is, of 1; only tests before the scan.
    first: np.ndarray
    median: float


def _found(relapse: Relapse, test: BloodTest, lesions: int, weeks: float, months: float) -> Found:
    scan = scan_day(relapse.day_of(float(cells_of(SCAN_LIMIT, lesions))), months * MONTH)
    # What is found by an error is a false alarm, and counted as such.
    test = replace(test, errors=0)
    tests = weeks * WEEK * np.arange(1, int(YEARS * YEAR / (weeks * WEEK)) + 1)
    first = first_positive(test.positive(relapse.course(tests).concentration))
    first = np.where(tests < scan, first, 0.0)
    half = np.flatnonzero(np.cumsum(first) >= 0.5)
    return Found(scan, tests, first, float(tests[half[0]]) if half.size else scan)


def view(
    shedding: float,
    variants: float,
    lesions: float,
    log_kill: float,
    doubling_time: float,
    half_life: float,
    plasma: float,
    needed: float,
    errors: float,
    weeks: float,
    months: float,
) -> View:
    """Return what the lab shows at one setting; units as on the sliders."""
    relapse = Relapse(doubling_time=doubling_time, shedding=shedding, half_life=half_life)
    test = BloodTest(plasma=plasma, variants=round(variants), needed=round(needed), errors=errors)
    treatment = Treatment(log_kill)
    lesions, end = round(lesions), float(cells_of(END))
    found = _found(relapse, test, lesions, weeks, months)

    limit = replace(test, errors=0).limit()
    starts = (found.scan, found.median, np.inf)
    ends = [relapse.day_of(end, treatment, day) for day in starts]
    # Days at which a line bends or ends belong to the grid; rounded, so that two ends which
    # differ by the last bit of a number are one point.
    bends = [day + more for day in starts for more in (0, treatment.treatment_days)]
    days = np.unique(np.round([*DAYS, *(day for day in (*bends, *ends) if day < DAYS[-1])], 6))
    cells, molecules = [], []
    for name, start, last in zip(LINES, starts, ends, strict=True):
        course, x = relapse.course(days, treatment, start), days / YEAR
        shown = np.where(
            days <= last + 1e-6, (course.cells, test.molecules(course.concentration)), np.nan
        )
        cells.append(_line(name, 0, x, shown[0], FEWEST))
        molecules.append(_line(name, 1, x, shown[1], FEWEST_MOLECULES))
    there = [float(relapse.course(day).cells) for day in starts[:2]]
    series = (
        *cells,
        _level("a scan finds", 0, float(cells_of(SCAN_LIMIT, lesions))),
        point("found by a scan", 0, found.scan / YEAR, there[0], "tumour", "diamond"),
        point("found by blood tests", 0, found.median / YEAR, there[1], "tumour", "circle-open"),
        *molecules,
        _level("limit", 1, float(test.molecules(limit))),
        *_found_so_far(found),
    )
    chance = float(found.first.sum())
    cured = relapse.cured(np.append(found.tests, found.scan), treatment)
    by_scan = float(cured[-1])
    with_blood = float(found.first @ cured[:-1]) + (1 - chance) * by_scan
    alarms = test.false_alarm(int(ALARM_YEARS * YEAR / (weeks * WEEK)))
    size = float(diameter_of(relapse.cells_with(limit), lesions))
    after = relapse.course(found.median + 1, treatment, found.median).concentration
    jump = float(after / relapse.course(found.median).concentration)
    readings = (
        Reading(
            "Lead of the blood test over the scan", (found.scan - found.median) / MONTH, "months", 1
        ),
        Reading("Found by blood before the scan, of 100", PEOPLE * chance, "patients", 0),
        Reading("Lesion size at which a blood test finds 95 of 100", size, "mm", decimals(size, 2)),
        Reading(f"{END} mm reached, scans only, after", ends[0] / YEAR, "years", 1),
        Reading(f"{END} mm reached, with blood tests, after", ends[1] / YEAR, "years", 1),
        Reading("Cured, scans only, of 100", PEOPLE * by_scan, "patients", 0),
        Reading("Cured, with blood tests, of 100", PEOPLE * with_blood, "patients", 0),
        Reading("Tumour DNA after a day of treatment", jump, "times that before", 2),
        Reading(
            "False alarms within five years, of 100 without tumour", PEOPLE * alarms, "patients", 0
        ),
    )
    words, heights = zip(*KEY, strict=True)
    return View(
        series=series,
        texts=(Texts("key", 0, np.full(len(KEY), 7.6), np.array(heights), words),),
        sentence=_sentence(found, readings),
        alt=described(SPEC, series),
        readings=readings,
        table=_table(relapse, test, treatment, found),
    )


def _line(name: tuple[str, str, str], panel: int, x, y, least: float) -> Series:
    return Series(name[0], panel, x, gaps_below(y, least), *name[1:], label=False)


def _level(name: str, panel: int, value: float) -> Series:
    ends = np.array([0.0, YEARS])
    return Series(name, panel, ends, np.full(2, value), "healthy", moves=False)


def _found_so_far(found: Found) -> tuple[Series, Series]:
    """Return the patients found by the scan, all on one day, and by blood tests before it."""
    early = np.cumsum(found.first)
    return (
        Series(
            "scan",
            2,
            np.array([0.0, found.scan / YEAR, YEARS]),
            np.array([0.0, PEOPLE, PEOPLE]),
            "tumour",
            steps=True,
        ),
        Series(
            "blood",
            2,
            np.array([0.0, *found.tests / YEAR, YEARS]),
            PEOPLE * np.array([0.0, *early, early[-1]]),
            "tumour",
            "dash",
            steps=True,
        ),
    )


def _sentence(found: Found, readings: tuple[Reading, ...]) -> str:
    lead, first, _, late, early, by_scan, with_blood, *_ = readings
    scan = f"{found.scan / YEAR:.1f} years"
    if round(lead.value, 1) > 0:
        told = f"A scan finds this relapse after {scan}, and blood tests {lead} earlier."
    elif first.value >= 50:
        told = f"A scan finds this relapse after {scan}, and blood tests a day or so earlier."
    else:
        told = f"A scan finds this relapse after {scan}, and blood tests usually no earlier."
    told += f" In {first.value:.0f} of 100 such patients the blood is first."
    if max(by_scan.value, with_blood.value) >= 0.5:
        return (
            f"{told} The treatment cures {by_scan.value:.0f} of them with scans only, and "
            f"{with_blood.value:.0f} with blood tests."
        )
    return (
        f"{told} The tumour measures {END} mm after {late} with scans only, and after {early} with "
        "blood tests."
    )


def _table(relapse: Relapse, test: BloodTest, treatment: Treatment, found: Found) -> Table:
    """Return the plotted values year by year; a run that has reached its end says so."""
    days = YEAR * np.arange(YEARS + 1)
    columns: dict[str, list[str]] = {"Years": [str(year) for year in range(YEARS + 1)]}
    early = [float(found.first[found.tests <= day].sum()) for day in days]
    columns["Found by the scan, of 100"] = [f"{PEOPLE * (day >= found.scan):.0f}" for day in days]
    columns["Found by blood before it, of 100"] = [f"{PEOPLE * share:.0f}" for share in early]
    starts = (found.scan, found.median, np.inf)
    for (name, *_), day in zip(LINES, starts, strict=True):
        course = relapse.course(days, treatment, day)
        inside = days <= relapse.day_of(float(cells_of(END)), treatment, day)
        for what, values, least in (
            ("cells", course.cells, FEWEST),
            ("molecules in a sample", test.molecules(course.concentration), FEWEST_MOLECULES),
        ):
            columns[f"{name[:1].upper()}{name[1:]}: {what}"] = [
                figures(value, least) if shown else f"past {END} mm"
                for value, shown in zip(values, inside, strict=True)
            ]
    return Table.of(f"The plotted values; a run ends at {END} mm", columns)


def _explanation() -> str:
    """Compare a treatment that begins with the blood test with one that begins with the scan."""
    shown = SPEC.at(log_kill=ASKED)
    lead, _, _, late, early, *_ = shown.readings
    return (
        f"The blood test is positive {lead} before the scan, and treatment begins {lead} earlier. "
        f"The tumour still measures {END} mm after {early} with blood tests, and after {late} with "
        "scans only. The treatment kills 99 of 100 cells whenever it begins. What is left grows "
        "at the same pace as before, so both runs return to the same line."
    )


def _afterword() -> str:
    shown = SPEC.at(log_kill=ASKED)
    lead = shown.readings[0]
    study = evidence.get("ctdna.lead_time").value
    return (
        f"Counted from the day it was found, the tumour took {lead} longer to reach {END} mm "
        "with blood tests. Nobody gained a day: only the clock started earlier. This is lead-time "
        f"bias. In a study of breast cancer the blood was ahead by {study} months (median). "
        "Whether treating then helps patients is a question for a trial with a control arm. Real "
        "treatment may do better than here, if few cells are easier to kill. It may do worse, if "
        "it harms for longer."
    )


def _goal(settings: dict, shown: View) -> bool:
    late, early = (shown.readings[row].shown for row in (5, 6))
    return early >= GOAL_EARLY and late <= GOAL_LATE


def _control(name: str, label: str, step: float, digits: int = 0, **more) -> Control:
    return Control(name, label, f"ctdna.{name}", step, digits, **more)


SPEC = LabSpec(
    name="ctdna",
    title="Tumour DNA in the blood, beside scans",
    lead="After surgery some tumour cells are left. They grow, and dying cells shed DNA into the "
    "blood. Which finds the relapse first, the blood test or the scan, and what is that worth?",
    controls=(
        _control("shedding", "Tumour DNA shed, genomes per 10,000 dying cells", 0.05, log=True),
        _control("variants", "Variants followed in the blood", 1),
        _control("lesions", "Lesions of equal size", 1),
        _control("log_kill", "Treatment (2 leaves 1 cell in 100, 3 leaves 1 in 1,000)", 0.5, 1),
        _control("doubling_time", "The relapse doubles its volume in", 1, stage=2),
        _control("half_life", "Half-life of tumour DNA in the blood", 5, stage=2),
        _control("plasma", "Plasma read in one blood test", 1, stage=2),
        _control("needed", "Molecules that make a test positive", 1, stage=2),
        _control("errors", "False molecules per blood test", 0.05, 2, stage=2),
        _control("weeks", "Between two blood tests", 1, stage=2),
        _control("months", "Between two scans", 1, stage=2),
    ),
    panels=(
        Panel(
            "Tumour cells (found ○ blood, ◆ scan)",
            "cells",
            (FEWEST, 1e12),
            log=True,
        ),
        Panel("Tumour molecules in a blood sample", "molecules", (FEWEST_MOLECULES, 1e6), log=True),
        Panel("Found so far", "of 100 patients", (0, 108), height=0.7),
    ),
    x_title="Years",
    x_range=(0, YEARS),
    view=view,
    presets=(
        Preset("A tumour that sheds little", {"shedding": 0.032}),
        Preset("Ten lesions, each small", {"lesions": 10}),
        Preset("Treatment kills 99 of 100 cells", {"log_kill": ASKED}),
        Preset("Treatment that nearly cures", {"log_kill": 7.5}),
        Preset("One molecule is enough", {"needed": 1}),
    ),
    goal=Goal(
        text=f"Find a treatment and a test with which blood tests cure {GOAL_EARLY} of 100 "
        f"patients or more, and scans only {GOAL_LATE} or fewer.",
        reached=_goal,
        praise="Here earlier is better: the treatment can kill the last cell of a small tumour, "
        "but not of a large one.",
        solutions=(
            {"log_kill": 7, "shedding": 50},
            {"log_kill": 7.5, "variants": 50, "plasma": 20, "weeks": 4},
            {"log_kill": 8, "lesions": 10, "weeks": 4},
        ),
    ),
    prediction=Prediction(
        predict=Question(
            "The lab opens without treatment. Now a treatment kills 99 of 100 tumour cells. It "
            "begins when a scan finds the relapse, or months earlier, when a blood test does. When "
            f"does the tumour measure {END} mm?",
            (
                ("same", "On the same day, either way."),
                ("months", "Later with blood tests, by the months gained."),
                ("more", "Much later with blood tests: a small tumour is killed more easily."),
            ),
        ),
        why=Question(
            "Why?",
            (
                ("share", "The same share dies, and what is left grows at the same pace."),
                ("start", "An earlier start shifts all that follows by the same time."),
                ("few", "Of fewer cells, fewer are left, and few cells grow more slowly."),
            ),
        ),
        tried=lambda settings: 1 <= settings["log_kill"] <= 3,
        observe=Question(
            "Set the treatment to 2 (99 of 100 cells killed). When did the two runs reach "
            f"{END} mm?",
            (
                ("same", "On the same day."),
                ("months", "With blood tests some months later."),
                ("more", "With blood tests years later."),
            ),
        ),
        right="same",
        explanation=_explanation,
        replies={
            "same": "That is what you saw: the two numbers of years are equal.",
            "months": "You saw some months between them. Press Reset, set the treatment to 2, and "
            "compare the two numbers of years to 100 mm.",
            "more": "You saw years between them. Perhaps the treatment was stronger. Press Reset, "
            "set it to 2, and compare the two numbers.",
        },
        reasons={
            "start": "The start is earlier, but the gain is the time the cells need to grow back. "
            "That time depends on the share killed, not on the day.",
            "few": "Fewer cells are left, but they have more time to grow. In this model few cells "
            "double as fast as many.",
        },
        afterword=_afterword,
    ),
)


def lab(**settings: float | str) -> Lab:
    """Open the lab, at other settings if you name them: ``lab(lesions=10, log_kill=2)``.

    Raises ValueError, saying what is allowed, for an unknown name or a value outside
    its slider's range.
    """
    return Lab(SPEC, **settings)
