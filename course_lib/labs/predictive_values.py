"""A lab of lesson 09: what a positive and a negative test mean, in counts of 1,000 people."""

from __future__ import annotations

import numpy as np

from course_lib import evidence
from course_lib.labs.frame import Lab
from course_lib.labs.spec import Choice, Control, Goal, LabSpec, Prediction, Preset, Question
from course_lib.labs.view import Panel, Reading, Series, Table, View, point
from course_lib.labs.words import described
from course_lib.models.predictive_values import combined, counts, predictive_values

PEOPLE = int(evidence.get("predictive.people").value)
GOAL_RIGHT = evidence.get("predictive.goal_right").value
GOAL_FOUND = evidence.get("predictive.goal_found").value
GOAL_PREVALENCE = evidence.get("predictive.goal_prevalence").value
#: Marks in columns of eight; each stands for five people.
COLUMNS, ROWS = 25, 8
MARKS = COLUMNS * ROWS
EACH = PEOPLE // MARKS
X = (np.arange(MARKS) // ROWS + 0.5) * PEOPLE / COLUMNS
Y = ROWS - np.arange(MARKS) % ROWS
#: Groups of people in the order of the marks: name, actor, symbol.
GROUPS = (
    ("relapse, test positive", "tumour", "square"),
    ("relapse, test negative", "tumour", "square-open"),
    ("no relapse, test positive", "healthy", "circle"),
    ("no relapse, test negative", "healthy", "circle-open"),
)
MOST = 60
PERCENT = np.linspace(0.5, MOST, 120)
TABLE_PERCENT = (0.5, 1, 2, 5, 10, 20, 40, 60)
RULES = (
    ("one", "one test"),
    ("both", "two tests, both must be positive"),
    ("either", "two tests, one positive is enough"),
)
#: What the prediction asks about.
RARE = 5


def view(
    prevalence: float, sensitivity: float, specificity: float, rule: str, alike: float
) -> View:
    """Return what the lab shows at one setting; shares in percent."""
    test = combined(sensitivity / 100, specificity / 100, rule, alike / 100)
    people = counts(prevalence / 100, *test, PEOPLE)
    here, along = (100 * np.array(predictive_values(p / 100, *test)) for p in (prevalence, PERCENT))
    bounds = np.round(np.cumsum(people) / EACH)
    group = np.searchsorted(bounds, np.arange(MARKS), side="right")
    missed = 100 - here[1]
    series = (
        *(
            point(name, 0, X, np.where(group == row, Y, np.nan), actor, symbol, moves=False)
            for row, (name, actor, symbol) in enumerate(GROUPS)
        ),
        Series("if positive", 1, PERCENT, along[0], "tumour"),
        Series("before the test", 1, PERCENT, PERCENT, "control", moves=False),
        Series("if negative", 1, PERCENT, 100 - along[1], "healthy"),
        point("your positive", 1, prevalence, here[0], "tumour", "square"),
        point("your negative", 1, prevalence, missed, "healthy", "circle-open"),
    )
    true, _, false, _ = people
    readings = (
        Reading("Of the positive results are right", float(here[0]), "%", 0),
        Reading("Of the negative results are right", float(here[1]), "%", 1),
        Reading(f"Right alarms, of {PEOPLE:,} people", true, "people", 0),
        Reading(f"False alarms, of {PEOPLE:,} people", false, "people", 0),
        Reading(f"Relapses missed, of {PEOPLE:,} people", people.false_negative, "people", 0),
        Reading("Of the relapses are found", 100 * test.sensitivity, "%", 0),
    )
    shares = predictive_values(np.array(TABLE_PERCENT) / 100, *test)
    rows = counts(np.array(TABLE_PERCENT) / 100, *test, PEOPLE)
    columns = {"People who relapse, %": [f"{each:g}" for each in TABLE_PERCENT]}
    columns |= {
        "Positive results that are right, %": 100 * shares.positive,
        "Negative results that are right, %": 100 * shares.negative,
        "Right alarms": rows.true_positive,
        "False alarms": rows.false_positive,
        "Relapses missed": rows.false_negative,
    }
    return View(
        series=series,
        sentence=_sentence(people, here),
        alt=described(SPEC, series[len(GROUPS) :]) + _marks(people),
        readings=readings,
        table=Table.of(f"This test in groups that differ; counts of {PEOPLE:,}", columns),
    )


def _sentence(people, here) -> str:
    ill = round(float(people.true_positive + people.false_negative))
    true, false = round(float(people.true_positive)), round(float(people.false_positive))
    positive, negative = (
        "more than 99" if 99.5 <= percent < 100 else f"{percent:.0f}" for percent in here
    )
    have = "has" if false == 1 else "have"
    about = "" if positive.startswith("more") else "about "
    return (
        f"Of {PEOPLE:,} people, {ill} relapse: the test is positive in {true} of them, and "
        f"negative in {ill - true}. Of the {PEOPLE - ill} others, {false} {have} a false alarm. "
        f"So {about}{positive} of 100 positive results are right, and {negative} of 100 negative "
        "ones."
    )


def _marks(people) -> str:
    told = (f"{name}, {float(count):.0f}" for (name, *_), count in zip(GROUPS, people, strict=True))
    return f" The marks stand for people: {'; '.join(told)}."


def _explanation() -> str:
    """Count the alarms in a group in which few relapse, and in the opening group."""
    rare, opening = SPEC.at(prevalence=RARE), SPEC.at()
    right, _, true, false, *_ = rare.readings
    ill = PEOPLE * RARE // 100
    return (
        f"Of {PEOPLE:,} people, {ill} relapse, and the test finds {true.value:.0f} of them. The "
        f"other {PEOPLE - ill} are many: with an error in 5 of 100, they have "
        f"{false.value:.0f} false alarms. So about {right.value:.0f} of 100 positive results are "
        f"right. In the opening group, with more relapses, it was {opening.readings[0].value:.0f} "
        "of 100. The test was the same."
    )


def _afterword() -> str:
    rare = SPEC.at(prevalence=RARE)
    return (
        f"A negative result was right in {rare.readings[1].value:.0f} of 100. That sounds better "
        f"than it is: without any test, {100 - RARE} of 100 would be right to expect no relapse. "
        "The numbers of the test come from one study, with 34 relapses. They were counted for each "
        "patient over years of blood samples, not for a single sample."
    )


def _reached(settings: dict, shown: View) -> bool:
    return (
        settings["prevalence"] <= GOAL_PREVALENCE
        and shown.readings[0].shown >= GOAL_RIGHT
        and shown.readings[5].shown >= GOAL_FOUND
    )


def _control(name: str, label: str, step: float, digits: int = 0, **more) -> Control:
    return Control(name, label, f"predictive.{name}", step, digits, **more)


LATE = {
    name: float(evidence.get(f"predictive.{name}_late").value)
    for name in ("sensitivity", "specificity")
}

SPEC = LabSpec(
    name="predictive_values",
    title="What a positive test means",
    lead="A blood test looks for tumour DNA. Sensitivity is the share of relapses it finds. "
    "Specificity is the share of the others in whom it stays negative.",
    controls=(
        _control("prevalence", "People who relapse", 0.5, 1),
        _control("sensitivity", "Sensitivity: relapses found", 0.1, 1),
        _control("specificity", "Specificity: others who stay negative", 0.1, 1),
        Choice("rule", "How many tests", RULES, "one"),
        _control("alike", "Second tests that only repeat the first", 5, stage=2),
    ),
    panels=(
        Panel(
            "People (■ relapse; open: test −)",
            "",
            (0, ROWS + 1),
            ticks=((ROWS / 2, ""),),
            x_title=f"People (each mark: {EACH})",
            x_range=(0, PEOPLE),
        ),
        Panel(
            "Chance of a relapse",
            "%",
            (0, 105),
            height=1.3,
            x_title="People who relapse, %",
            x_range=(0, MOST),
        ),
    ),
    x_title="People who relapse, %",
    x_range=(0, MOST),
    view=view,
    presets=(
        Preset("Few relapse: 5 of 100", {"prevalence": RARE}),
        Preset("Many relapse: 40 of 100", {"prevalence": 40}),
        Preset("After five years, another test", {"prevalence": 8.5, **LATE}),
        Preset("Two tests, both positive", {"prevalence": RARE, "rule": "both"}),
        Preset("Two tests that err alike", {"prevalence": RARE, "rule": "both", "alike": 100}),
    ),
    goal=Goal(
        text=f"At most {GOAL_PREVALENCE} of 100 relapse. Let {GOAL_RIGHT} of 100 positive results "
        f"or more be right, while {GOAL_FOUND} of 100 relapses or more are found.",
        reached=_reached,
        praise="Where few relapse, false alarms must be very rare: specificity counts most.",
        solutions=(
            {"prevalence": 10, "specificity": 99},
            {"prevalence": 5, "specificity": 99.6},
            {"prevalence": 5, "sensitivity": 92, "rule": "both"},
        ),
    ),
    prediction=Prediction(
        predict=Question(
            "A test finds 88 of 100 relapses. In 95 of 100 people without relapse it is negative. "
            f"In a group of {PEOPLE:,} people, {PEOPLE * RARE // 100} relapse. Somebody's test is "
            "positive. How many of 100 such results are right?",
            (
                ("half", "About 50."),
                ("sensitivity", "About 88."),
                ("specificity", "About 95."),
            ),
        ),
        why=Question(
            "Why?",
            (
                ("others", "Few people relapse, so even rare errors among the others weigh much."),
                ("finds", "The test finds 88 of 100, so it is right in 88 of 100."),
                ("errs", "It errs in 5 of 100, so it is right in 95 of 100."),
            ),
        ),
        tried=lambda settings: settings["prevalence"] <= RARE,
        observe=Question(
            f"Set the people who relapse to {RARE} %. How many of 100 positive results are right?",
            (
                ("half", "About 50."),
                ("sensitivity", "About 88."),
                ("specificity", "About 95."),
            ),
        ),
        right="half",
        explanation=_explanation,
        replies={
            "half": "That is what you saw.",
            "sensitivity": "You saw 88. That is the share of relapses found. Press Reset, set the "
            f"people who relapse to {RARE} %, and read how many positive results are right.",
            "specificity": "You saw 95. That is the share of the others who stay negative. Press "
            f"Reset, set the people who relapse to {RARE} %, and read how many positive results "
            "are right.",
        },
        reasons={
            "finds": "That counts among those who relapse. The question counts among those whose "
            "test is positive.",
            "errs": "That counts among those without relapse. The question counts among those "
            "whose test is positive.",
        },
        afterword=_afterword,
    ),
)


def lab(**settings: float | str) -> Lab:
    """Open the lab, at other settings if you name them: ``lab(prevalence=5, rule="both")``.

    Raises ValueError, saying what is allowed, for an unknown name or a value outside
    its slider's range.
    """
    return Lab(SPEC, **settings)
