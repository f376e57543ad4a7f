"""A lab of lesson 05: the same patient fifty times, and cure as a matter of chance."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from course_lib import evidence
from course_lib.labs.frame import Lab
from course_lib.labs.spec import Control, Goal, LabSpec, Prediction, Preset, Question
from course_lib.labs.view import Panel, Reading, Series, Table, View, point
from course_lib.labs.words import described, figures, short
from course_lib.models.car_t_extinction import CarTCompetition, cure_chance, draw

DAYS, STEP = 365, 3.0
TABLE_DAYS = (0, 3, 7, 14, 30, 45, 60, 90, 120, 180, 240, 300, 365)
#: The axis of cells; less and more are not drawn.
FEWEST, MOST = 0.1, 1e13
PATIENTS = int(evidence.get("car_t_lymphoma.draw").high)
SWITCH = evidence.get("car_t_lymphoma.switch").value
GOAL = evidence.get("car_t_extinction.goal_chance").value
GROWTH = evidence.get("car_t_lymphoma.tumour_growth").value
#: Any seed would do; with this one the first two patients fare differently.
SEED = 53


@lru_cache(maxsize=8)
def _run(tumour_growth: float, infused: float, left: float, kill_rate: float, tumour: float):
    """Return the mean course, the chance of cure by day, and fifty equal patients."""
    patient = CarTCompetition(
        tumour_growth=tumour_growth,
        kill_rate=kill_rate,
        normal_cells=1e9 * left,
        car_t_cells=1e6 * infused,
        tumour_cells=1e9 * tumour,
    )
    course = patient.course(DAYS, STEP)
    chance = 100 * cure_chance(course, tumour_growth)[:, 0]
    return course, chance, draw(course, tumour_growth, SEED, PATIENTS)


def view(
    tumour_growth: float,
    infused: float,
    left: float,
    draw: float,
    kill_rate: float,
    tumour: float,
) -> View:
    """Return what the lab shows at one setting; units as on the sliders."""
    course, chance, drawn = _run(tumour_growth, infused, left, kill_rate, tumour)
    days, mean = course.times, course.tumour[:, 0]
    cells = drawn.cells[:, round(draw) - 1]
    gone = np.flatnonzero(cells == 0)[:1]
    last = days[gone], np.full(gone.size, 2 * FEWEST)
    series = (
        Series("normal T cells", 0, days, _inside(course.normal[:, 0]), "healthy"),
        Series("CAR-T cells", 0, days, _inside(course.car_t[:, 0]), "t_cell", dash="dashdot"),
        Series("average", 0, days, _inside(mean), "tumour", dash="dot", label=False),
        Series("this patient", 0, days, _inside(cells), "tumour", label=False),
        point("gone", 0, *(each if gone.size else [np.nan] for each in last), "tumour", "x"),
        Series("chance", 1, days, chance, "control"),
    )
    lowest = int(mean.argmin())
    readings = (
        # Never certain: 100.0 would say so.
        Reading(
            f"Chance that the tumour is gone by day {DAYS}", min(99.9, chance[-1]), "%", 1, 0.1
        ),
        Reading(f"Of {PATIENTS} equal patients, gone in", float(drawn.cured.sum()), "", 0),
        _count("This patient's tumour, at its smallest", cells.min()),
        _count("Average tumour, at its smallest", mean[lowest], 2),
        Reading("Day on which the average is smallest", float(days[lowest]), "", 0),
        Reading("Most CAR-T cells", float(course.car_t.max() / 1e9), "billion", 1, 0.1),
    )
    at = np.searchsorted(days, TABLE_DAYS)
    columns = {
        "Day": [f"{day:.0f}" for day in days[at]],
        "CAR-T cells": course.car_t[at, 0],
        "Normal T cells": course.normal[at, 0],
        "Tumour cells, average": mean[at],
        "Tumour cells, this patient": cells[at],
        "Chance that it is gone, %": chance[at],
    }
    return View(
        series=series,
        sentence=_sentence(round(draw), readings, days[gone], mean.min() > SWITCH),
        # A log axis has no zero: the height of the cross says nothing.
        alt=described(SPEC, (*series[:4], series[5]))
        + (f" A cross marks day {days[gone][0]:.0f}: no tumour cell is left." if gone.size else ""),
        readings=readings,
        table=Table.of("The plotted values on some days (lymphoma)", columns, figures),
    )


def _inside(values: np.ndarray) -> np.ndarray:
    """Return what the axis can show; the rest is a gap."""
    return np.where((values >= FEWEST) & (values <= MOST), values, np.nan)


def _count(label: str, cells: float, digits: int = 0) -> Reading:
    """Return a number of cells with three digits: in millions, if it is large."""
    if cells >= 1e6:
        return Reading(label, short(cells / 1e6), "million cells")
    digits = digits if cells < 10 else 0
    return Reading(label, short(cells), "cell" if cells == 1 else "cells", digits, digits / 200)


def _sentence(patient: int, readings: tuple[Reading, ...], gone: np.ndarray, never: bool) -> str:
    chance, cured, fewest, _, lowest, _ = readings
    if never:
        back = "grows back" if lowest.value else "grows from the first day"
        return (
            f"In this model of lymphoma the tumour never has {SWITCH} cells or fewer, so chance "
            f"cannot end it. It {back} in all {PATIENTS} equal patients."
        )
    fate = (
        f"In patient {patient} the last tumour cell died by day {gone[0]:.0f}."
        if gone.size
        else f"In patient {patient} the tumour fell to {fewest} and was not gone on day {DAYS}."
    )
    return (
        f"In this model of lymphoma the chance that the tumour vanishes is {chance}. Of {PATIENTS} "
        f"patients with equal numbers it vanished in {cured}. {fate}"
    )


def _explanation() -> str:
    """Say what the fifty share, and what they do not."""
    chance, cured, _, average, day, _ = SPEC.at().readings
    return (
        f"All {PATIENTS} share one set of equations, and their average falls to {average} "
        f"near day {day}. But there is no such part of a cell. Each of the last cells divides or "
        f"is killed, by chance. The tumour vanished in {cured} of {PATIENTS}; the model gives "
        f"{chance}. In the others at least one cell was left, and it grew back."
    )


def _afterword() -> str:
    slow, fast = (SPEC.at(tumour_growth=x).readings[0] for x in (GROWTH / 2, 1.3 * GROWTH))
    more = SPEC.at(infused=360).readings[0]
    return (
        f"The chance can be changed. If the tumour grows at half the speed, it is {slow}; at 1.3 "
        f"times the speed {fast}. With twice as many CAR-T cells it is {more}. All these numbers "
        "are of lymphoma, not of breast cancer."
    )


def _reached(settings, shown: View) -> bool:
    return settings["tumour_growth"] >= GROWTH and shown.readings[0].shown >= GOAL


SPEC = LabSpec(
    name="car_t_extinction",
    title="The last cells: cure by chance in lymphoma (model of Kimmel 2021)",
    lead="Normal T cells and CAR-T cells compete for room, and CAR-T cells kill a lymphoma. "
    f"{PATIENTS} patients have exactly equal numbers. The numbers are not from breast cancer.",
    controls=(
        Control(
            "tumour_growth",
            "Growth of the tumour",
            "car_t_lymphoma.tumour_growth",
            0.05,
            log=True,
        ),
        Control("infused", "CAR-T cells infused", "car_t_extinction.infused", 0.05, log=True),
        Control("left", "Normal T cells left", "car_t_extinction.left", 0.05, log=True),
        Control("draw", f"Which of the {PATIENTS} equal patients", "car_t_lymphoma.draw", 1),
        Control(
            "kill_rate", "Killing at most", "car_t_lymphoma.kill_rate", 0.05, digits=2, stage=2
        ),
        Control("tumour", "Tumour cells", "car_t_extinction.tumour", 0.05, stage=2, log=True),
    ),
    panels=(
        Panel(
            "Lymphoma (··· average, × gone)",
            "cells",
            (FEWEST, 10 * MOST),
            log=True,
            height=1.6,
        ),
        Panel("Lymphoma: chance that it is gone", "%", (0, 105)),
    ),
    x_title="Days since the infusion",
    x_range=(0, DAYS),
    view=view,
    blind=True,
    presets=(
        Preset("Another of the equal patients", {"draw": 2}),
        Preset("A tumour that grows half as fast", {"tumour_growth": 0.05}),
        Preset("A tumour that grows faster", {"tumour_growth": 0.13}),
        Preset("Twice as many CAR-T cells", {"infused": 360}),
        Preset("Too many normal T cells left", {"left": 9.5}),
    ),
    goal=Goal(
        text=f"Raise the chance to at least {GOAL} %, with a tumour that grows at least as fast as "
        "at the opening.",
        reached=_reached,
        praise="More than one way leads there, and none to certainty.",
        solutions=({"infused": 450}, {"left": 1.9}, {"kill_rate": 1.3}),
    ),
    prediction=Prediction(
        predict=Question(
            f"CAR-T cells are infused into {PATIENTS} patients with exactly the same numbers. On "
            "average, about one tumour cell is left after three months. What happens?",
            (
                ("back", "The tumour grows back in all of them."),
                ("gone", "The tumour is gone in all of them."),
                ("some", "It is gone in some and grows back in others."),
            ),
        ),
        why=Question(
            "Why?",
            (
                ("same", "Equal numbers lead to equal results."),
                ("chance", "With so few cells, chance decides about each of them."),
                ("differ", "No two patients are alike."),
            ),
        ),
        tried=lambda settings: settings["draw"] != SPEC.defaults["draw"],
        observe=Question(
            "Go through some of the patients. What did you see?",
            (
                ("back", "The tumour grew back in each of them."),
                ("gone", "The tumour was gone in each of them."),
                ("some", "It was gone in some and grew back in others."),
            ),
        ),
        right="some",
        explanation=_explanation,
        replies={
            "back": "You saw it grow back each time. Go through ten patients more.",
            "gone": "You saw it vanish each time. Go through ten patients more.",
            "some": "That is what the model shows.",
        },
        reasons={
            "differ": "In life that is true. Here their numbers are equal, and still the ends "
            "differ.",
        },
        afterword=_afterword,
    ),
)


def lab(**settings: float) -> Lab:
    """Open the lab, at other settings if you name them: ``lab(tumour_growth=0.05, draw=7)``.

    Raises ValueError, saying what is allowed, for an unknown name or a value outside
    its slider's range.
    """
    return Lab(SPEC, **settings)
