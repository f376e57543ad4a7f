"""The lab of lesson 01: where a tumour ends depends on where it starts, and on the inflow."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from course_lib import evidence
from course_lib.labs.frame import Lab
from course_lib.labs.spec import Control, Goal, LabSpec, Prediction, Preset, Question
from course_lib.labs.view import Panel, Reading, Series, Table, Texts, View, point
from course_lib.labs.words import described, how_many
from course_lib.models import tumour_and_immunity as model

DAYS = int(evidence.get("kuznetsov.days").value)
#: What the phase plane shows, cells; "no tumour" is drawn on its lower edge.
EFFECTORS, TUMOUR = (1e4, 3e7), (1.0, 1e10)
#: Rows of the data table, days.
TABLE_DAYS = tuple(range(0, DAYS + 1, 50))
STRONGER = 20_000  # effector cells a day: the inflow that the prediction asks about
#: The places for equilibria: name, and where it is written beside the point, as factors.
PLACES = {
    "no tumour": (1.0, 3.5),
    "equilibrium": (1.0, 0.035),
    "border point": (3.2, 0.35),
    "escape": (0.75, 3.5),
}


def view(
    effectors: float,
    tumour: float,
    inflow: float,
    killing: float,
    recruitment: float,
    inactivation: float,
) -> View:
    """Return what the lab shows at one setting; units as on the sliders."""
    rates = _rates(inflow, killing, recruitment, inactivation)
    points = model.equilibria(rates)
    # Without inflow, a tumour alone may be a saddle; no start of this lab leads there.
    seen = (each for each in points if each.stable or each.effectors > 0 or each.tumour == 0)
    places = {_place(rates, points, each): each for each in seen}
    borders = _borders(rates)
    course = model.simulate(rates, effectors, tumour, DAYS)
    alive = np.where(course.tumour > 0, course.tumour, np.nan)
    stable, unstable = (_points(places, kind) for kind in (True, False))
    series = (
        Series(
            "border of escape", 0, *borders[0], "control", dash="dash", moves=False, label=False
        ),
        Series(
            "border of elimination", 0, *borders[1], "control", dash="dot", moves=False, label=False
        ),
        Series("course", 0, course.effectors, alive, "tumour", label=False),
        point("start", 0, effectors, tumour, "tumour", "diamond"),
        point("attracts", 0, *stable, "control", "circle"),
        point("does not attract", 0, *unstable, "control", "x"),
        Series("tumour", 1, course.times, alive, "tumour"),
        Series("effector cells", 1, course.times, course.effectors, "t_cell"),
    )
    readings = tuple(
        Reading(label, float(cells) / 1e6, "million cells", 2, least=0.01)
        for label, cells in (
            (f"Tumour on day {DAYS}", course.tumour[-1]),
            (f"Effector cells on day {DAYS}", course.effectors[-1]),
            ("Smallest tumour until then", course.tumour.min()),
            ("Largest tumour until then", course.tumour.max()),
        )
    )
    rows = _rows(effectors, tumour, places, borders)
    listed = "; ".join(
        f"{name}: {how_many(t)} tumour cells, {how_many(e)} effector cells" for name, t, e in rows
    )
    names, by_tumour, by_effectors = zip(*rows, strict=True)
    columns = {
        "Day, or point of the phase plane": [*(f"Day {day}" for day in TABLE_DAYS), *names],
        "Tumour cells": [*np.interp(TABLE_DAYS, course.times, course.tumour), *by_tumour],
        "Effector cells": [*np.interp(TABLE_DAYS, course.times, course.effectors), *by_effectors],
    }
    return View(
        series=series,
        texts=(_names(places, borders[1]),),
        sentence=_sentence(effectors, tumour, inflow, course, places),
        alt=f"{described(SPEC, (*series[2:4], *series[6:]))} In the phase plane: {listed}.",
        readings=(
            *readings,
            Reading("End states that attract", len(places) - _saddles(places), ""),
        ),
        table=Table.of("The course every 50 days, the equilibria and the borders", columns, ",.0f"),
    )


def _rates(inflow, killing, recruitment, inactivation) -> model.Kuznetsov:
    """The fitted rates, with the inflow and three factors of the sliders."""
    fit = model.Kuznetsov()
    return model.Kuznetsov(
        inflow=inflow,
        killing=killing * fit.killing,
        recruitment=recruitment * fit.recruitment,
        inactivation=inactivation * fit.inactivation,
    )


@lru_cache(maxsize=4)
def _borders(rates: model.Kuznetsov) -> tuple[np.ndarray, np.ndarray]:
    """Both borders, $(E, T)$, always of the same length; kept while only the start moves."""
    sizes = (2 * (model.BORDER_STEPS + 1), model.BORDER_STEPS + 1)
    return tuple(map(_inside, model.borders(rates), sizes))


def _inside(border: model.Border, size: int) -> np.ndarray:
    drawn = np.full((2, size), np.nan)
    drawn[:, : len(border.tumour)] = border
    x, y = drawn
    # Points a little beyond the edge are kept, for a line that reaches it.
    off = (x < EFFECTORS[0] / 2) | (x > EFFECTORS[1] * 2) | (y < TUMOUR[0]) | (y > TUMOUR[1] * 2)
    return np.where(off, np.nan, drawn)


def _place(rates, points, point) -> str:
    """Name an equilibrium by what it means for the tumour."""
    if point.tumour == 0:
        return "no tumour"
    return model.outcome_at(rates, points, point) if point.stable else "border point"


def _saddles(places) -> int:
    return sum(not each.stable for each in places.values())


def _points(places, *kinds: bool) -> np.ndarray:
    """The equilibria that are stable or not, each in its place; on the edge if beyond it."""
    drawn = np.full((2, len(PLACES)), np.nan)
    for column, name in enumerate(PLACES):
        if name in places and places[name].stable in kinds:
            drawn[0, column] = np.clip(places[name].effectors, *EFFECTORS)
            drawn[1, column] = np.clip(places[name].tumour, *TUMOUR)
    return drawn


def _names(places, elimination) -> Texts:
    """The names of the equilibria, and of the region beyond the dotted border if there is one."""
    x, y = _points(places, True, False) * np.array(list(PLACES.values())).T
    region = (1.05e7, 30.0) if np.isfinite(elimination).any() else (np.nan, np.nan)
    x, y = np.append(np.maximum(x, 2.4e4), region[0]), np.append(y, region[1])
    return Texts("names", 0, x, y, (*PLACES, "elimination"))


def _crossings(along, values, at: float) -> list[float]:
    """The ``values`` of a border where it crosses ``at``, between its points in logarithms."""
    x, y = np.log(along / at), np.log(values)
    left = np.flatnonzero(x[:-1] * x[1:] < 0)
    return sorted(np.exp(y[left] - x[left] * np.diff(y)[left] / np.diff(x)[left]).tolist())


def _sentence(effectors, tumour, inflow, course, places) -> str:
    left = f"On day {DAYS} it holds {how_many(course.tumour[-1])} cells."
    near = how_many(course.end.tumour)
    eliminated = np.isfinite(course.eliminated_on)
    if eliminated:
        left = f"On day {course.eliminated_on:.0f} less than one tumour cell is left."
    outcome = {
        "elimination": "Elimination." if eliminated else "Elimination, in the long run.",
        "equilibrium": f"Equilibrium: the tumour is held, and settles near {near} cells.",
        "escape": f"Escape: the tumour ends near {near} cells.",
    }[course.outcome]
    if "border point" in places:
        others = "A border separates the starts that escape from those that do not."
    elif "escape" in places:
        others = "No start leads to equilibrium here."
    elif "equilibrium" in places:
        others = "No start leads to escape here."
    else:
        others = "Every start leads to elimination here."
    return (
        f"{how_many(effectors)} effector cells meet {how_many(tumour)} tumour cells, and "
        f"{inflow:,.0f} effector cells arrive each day. {outcome} {left} {others}"
    )


def _rows(effectors, tumour, places, borders) -> list[tuple[str, float, float]]:
    """Name, tumour cells and effector cells of each equilibrium and of the borders nearby."""
    attracts = {True: "attracts", False: "does not attract"}
    rows = [
        (f"{name.capitalize()} ({attracts[each.stable]})", each.tumour, each.effectors)
        for name, each in places.items()
    ]
    name = "Border of escape, at your start's effector cells"
    rows += [(name, each, effectors) for each in _crossings(*borders[0], effectors)]
    name = "Border of elimination, at your start's tumour cells"
    return rows + [(name, tumour, each) for each in _crossings(*borders[1][::-1], tumour)]


def _explanation() -> str:
    """Say what a stronger inflow changed."""
    before, after = SPEC.at(), SPEC.at(inflow=STRONGER)
    return (
        f"At {SPEC.defaults['inflow']:,.0f} cells a day this tumour held {before.readings[0]} on "
        f"day {DAYS}; at {STRONGER:,} it held {after.readings[0]}. The border moved up, past your "
        "start. The same tumour now lies on the other side of it."
    )


def _afterword() -> str:
    """Say what a stronger inflow did not change."""
    fit = model.Kuznetsov()
    needed = fit.growth * fit.effector_death / fit.killing
    held = [
        next(each for each in model.equilibria(rates) if each.kind == "stable spiral")
        for rates in (fit, model.Kuznetsov(inflow=STRONGER))
    ]
    return (
        f"What the inflow did not do: remove the tumour. The equilibrium sank from "
        f"{how_many(held[0].tumour)} to {how_many(held[1].tumour)} tumour cells, with "
        f"{held[1].effectors / 1e6:.2f} million effector cells in both cases. Here the inflow "
        f"alone removes every tumour only above {needed:,.0f} cells a day."
    )


def _published(name: str) -> float:
    return float(evidence.get(f"kuznetsov.fit_{name}").value)


SPEC = LabSpec(
    name="tumour_and_immunity",
    title="Held, eliminated or escaped",
    lead="A tumour and the effector cells that kill it: T cells at work. Click into the upper plot "
    "to choose a start, or use the sliders.",
    controls=(
        Control("effectors", "Effector cells at the start", "tumour_lab.effectors", 0.05, log=True),
        Control("tumour", "Tumour cells at the start", "tumour_lab.tumour", 0.05, log=True),
        Control("inflow", "Inflow of effector cells", "kuznetsov.inflow", step=1000),
        Control("killing", "Killing (1: as fitted)", "tumour_lab.killing", 0.05, 2, stage=2),
        Control(
            "recruitment",
            "Recruitment by the tumour (1: as fitted)",
            "tumour_lab.recruitment",
            0.05,
            2,
            stage=2,
        ),
        Control(
            "inactivation",
            "Effector cells lost on contact (1: as fitted)",
            "tumour_lab.inactivation",
            0.05,
            2,
            stage=2,
        ),
    ),
    panels=(
        Panel(
            "Phase plane: a point is a state",
            "tumour cells",
            TUMOUR,
            log=True,
            height=2.2,
            x_title="effector cells",
            x_range=EFFECTORS,
            x_log=True,
            sets=("effectors", "tumour"),
        ),
        Panel("The same course against time", "cells", (1, 2e9), log=True, height=1.2),
    ),
    x_title="Days",
    x_range=(0, DAYS),
    view=view,
    presets=(
        Preset(
            "Published start",
            {"effectors": _published("effectors"), "tumour": _published("tumour")},
        ),
        Preset("Just below the border", {"tumour": 1e7}),
        Preset("Just above the border", {"tumour": 1.1e7}),
        Preset("Stronger inflow", {"inflow": STRONGER}),
        Preset("Very strong inflow", {"inflow": 80_000}),
        Preset("Many effector cells", {"effectors": 2e7}),
        Preset("Small tumour, weak inflow", {"effectors": 3.2e5, "tumour": 1e3, "inflow": 5000}),
    ),
    goal=Goal(
        text="Take a tumour of 100 million cells or more, and an inflow of 8,000 cells a day or "
        f"less. Keep it under 50 million cells on day {DAYS}.",
        reached=lambda settings, view: (
            settings["tumour"] >= 0.999e8
            and settings["inflow"] <= 8000
            and view.readings[0].value < 50
        ),
        praise="Enough effector cells were there in time. Try more of them: at a weak inflow, too "
        "many can kill so fast that they die out before the tumour returns.",
        solutions=(
            {"effectors": 2e6, "tumour": 1e8, "inflow": 8000},
            {"effectors": 2e7, "tumour": 1e8, "inflow": 5000},
            {"effectors": 1e6, "tumour": 2e8, "inflow": 8000, "recruitment": 1.5},
        ),
    ),
    prediction=Prediction(
        predict=Question(
            "The lab opens on a tumour that escapes. If 20,000 instead of 13,000 effector cells "
            "arrive each day, how does it end?",
            (
                ("same", "It still escapes: the start has decided."),
                ("held", "It is held: it shrinks, but some millions of cells stay."),
                ("gone", "It is eliminated: not one cell is left."),
            ),
        ),
        why=Question(
            "Why?",
            (
                ("late", "The tumour is ahead; more cells a day come too late."),
                ("border", "The border between two outcomes moves past this start."),
                ("all", "More effector cells kill until nothing is left."),
            ),
        ),
        tried=lambda settings: settings["inflow"] >= STRONGER,
        observe=Question(
            "Compare 13,000 with 20,000 cells a day. Where did the tumour line end?",
            (
                ("same", "At the top, as before."),
                ("held", "Far lower, at a few million cells."),
                ("gone", "It stopped: no cell was left."),
            ),
        ),
        right="held",
        explanation=_explanation,
        replies={
            "same": "You saw it escape as before. Press Reset, move only the inflow to "
            f"{STRONGER:,}, and read the sentence under the plot.",
            "held": "That is what you saw: it swings, ever less, around the equilibrium.",
            "gone": f"You saw it vanish. Set the inflow to {STRONGER:,}, and read the "
            "sentence once more: on the last day some millions of cells are left.",
        },
        afterword=_afterword,
    ),
)


def lab(**settings: float) -> Lab:
    """Open the lab, at other settings if you name them: ``lab(tumour=1e8, inflow=5000)``.

    Raises ValueError, saying what is allowed, for an unknown name or a value outside
    its slider's range.
    """
    return Lab(SPEC, **settings)
