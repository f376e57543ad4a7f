"""The second lab of lesson 07: large, swinging or small, by the tumour's antigenicity."""

from __future__ import annotations

import math

import numpy as np

from course_lib import evidence
from course_lib.evidence import counted
from course_lib.labs.frame import Lab
from course_lib.labs.spec import Control, Goal, LabSpec, Prediction, Preset, Question
from course_lib.labs.view import Panel, Reading, Series, Table, View, gaps_below, point
from course_lib.labs.words import decimals, described, how_many, short
from course_lib.models import kirschner_panetta as model
from course_lib.models.kirschner_panetta import KirschnerPanetta

DAYS = int(evidence.get("kirschner_panetta_lab.days").value)
TIMES = np.linspace(0, DAYS, 199)
TABLE_DAYS = np.arange(0, DAYS + 1, 100)
#: What the panels show, cells.
CELLS, EFFECTORS = (1.0, 4e9), (1.0, 1e9)
#: The phase plane begins a little below one cell, so that marks at one stand inside.
PLANE = {"tumour": (0.3, CELLS[1]), "effectors": (0.3, EFFECTORS[1])}
UNITS = {"million cells": 1e6, "thousand cells": 1e3}
#: So many equilibria there are at most.
MOST = 6
#: From here on a tumour is called large, and a swing a swing (largest through smallest).
LARGE, SWING = 1e8, 3.0
ENOUGH = evidence.get("kirschner_panetta_lab.goal_tumour").value
WEAK = evidence.get("kirschner_panetta_lab.goal_antigenicity").value
STRONGER = 2000.0  # the antigenicity that the prediction asks about


def view(
    antigenicity: float,
    effector_inflow: float,
    il2_inflow: float,
    tumour: float,
    effectors: float,
) -> View:
    """Return what the lab shows at one setting; units as on the sliders."""
    rates = KirschnerPanetta(
        antigenicity=antigenicity / 1e5,
        effector_inflow=effector_inflow,
        il2_inflow=il2_inflow * 1e6,
    )
    course = model.simulate(rates, effectors, tumour, DAYS)
    points = model.equilibria(rates)
    # The fall below one cell is a point of its own, so that the line reaches the axis.
    fall = course.below_one_on if course.below_one_on < DAYS else DAYS / 2
    times = np.sort(np.append(TIMES, fall))
    log_tumour = np.interp(times, course.times, course.log_tumour)
    cells = np.exp(np.where(times == course.below_one_on, 0, log_tumour))
    killers = np.exp(np.interp(times, course.times, np.log(course.effectors)))
    # Where ``below_one_on`` is NaN, nothing lies beyond it.
    beyond = times > course.below_one_on
    inside = np.where(beyond, np.nan, cells)
    known = np.where(beyond, np.nan, killers)
    stable, unstable = (_places(points, kind) for kind in (True, False))
    series = (
        Series("tumour", 0, times, gaps_below(inside, CELLS[0]), "tumour"),
        Series(
            "equations go on",
            0,
            times,
            gaps_below(np.where(beyond, cells, np.nan), CELLS[0]),
            "healthy",
            dash="dot",
        ),
        Series(
            "effector cells",
            0,
            times,
            gaps_below(known, CELLS[0]),
            "t_cell",
            label=not beyond.any(),
        ),
        Series(
            "effectors go on",
            0,
            times,
            gaps_below(np.where(times >= course.below_one_on, killers, np.nan), CELLS[0]),
            "t_cell",
            dash="dot",
        ),
        Series("course", 1, killers, gaps_below(inside, CELLS[0]), "tumour", label=False),
        point("start", 1, effectors, tumour, "tumour", "diamond"),
        point("attracts", 1, *stable, "control", "circle"),
        point("does not attract", 1, *unstable, "control", "x"),
    )
    late = course.log_tumour[course.times >= DAYS / 2]
    falls = int((np.diff((course.log_tumour < 0).astype(int)) > 0).sum())
    readings = (
        _many("Largest tumour", course.tumour.max()),
        _many("Largest tumour in the second half", math.exp(late.max())),
        _many("Smallest tumour in the second half", math.exp(late.min())),
        _many("Effector cells at their most", course.effectors.max()),
        Reading("Times it falls below one tumour cell", falls, ""),
        Reading("Inflow above which a very small tumour shrinks", rates.least_inflow(), "a day"),
    )
    listed = "; ".join(
        f"{how_many(each.tumour)} tumour cells with {how_many(each.effectors)} effector cells "
        f"({'attracts' if each.stable else 'does not attract'})"
        for each in points
    )
    columns = {
        "Day": [f"Day {day}" for day in TABLE_DAYS],
        "Tumour cells": map(_told, np.exp(np.interp(TABLE_DAYS, course.times, course.log_tumour))),
        "Effector cells": map(_told, np.interp(TABLE_DAYS, course.times, course.effectors)),
    }
    return View(
        series=series,
        sentence=_sentence(antigenicity, rates, course, late, points),
        alt=f"{described(SPEC, series[:6])} Equilibria: {listed or 'none'}.",
        readings=readings,
        table=Table.of("The course every 100 days", columns),
    )


def _many(label: str, cells: float) -> Reading:
    """Write cells in thousands or millions with three digits, a thousand at least."""
    unit = next((each for each, size in UNITS.items() if short(cells) >= size), "cells")
    value = short(cells) / UNITS.get(unit, 1.0)
    return Reading(label, value, unit, decimals(value), least=0 if unit in UNITS else 1000)


def _places(points, stable: bool) -> np.ndarray:
    """The equilibria of one kind, (2, MOST); one without a tumour lies on the lower edge."""
    drawn = np.full((2, MOST), np.nan)
    chosen = [each for each in points if each.stable == stable and each.effectors >= EFFECTORS[0]]
    for column, each in enumerate(chosen):
        drawn[:, column] = each.effectors, max(each.tumour, CELLS[0])
    return drawn


def _told(number: float) -> str:
    return how_many(number, "less than 1")


def _sentence(antigenicity, rates, course, late, points) -> str:
    text = (
        f"100,000 tumour cells call {counted(f'{antigenicity:,g}', 'effector cells')} a day "
        f"(in the paper, c is {_number(rates.antigenicity)}). "
    )
    if course.below_one_on < DAYS:
        after = course.log_tumour[course.times > course.below_one_on]
        text += (
            f"On day {course.below_one_on:.0f} the tumour falls below one cell, and from there on "
            "the equations say nothing. "
        )
        if after.max() > 0:
            text += "They go on to grow it again from a part of a cell, which no cell can do. "
        else:
            text += "They go on to ever smaller parts of a cell, which is not a cure. "
    else:
        text += _end(late, points)
    if rates.effector_inflow > rates.least_inflow():
        return text + "A very small tumour shrinks here, whatever its antigenicity."
    return text + "A very small tumour grows here."


def _end(late, points) -> str:
    """Say how a tumour ends that never falls below one cell."""
    low, high = math.exp(late.min()), math.exp(late.max())
    if high / low < SWING:
        large = "large" if high >= LARGE else "small"
        return f"The tumour is {large}: {how_many(math.exp(late[-1]))} cells on day {DAYS}. "
    ways = np.sign(np.diff(late))
    turns = np.count_nonzero(np.diff(ways[ways != 0]))
    if turns < 2:
        first = "grows" if ways[ways != 0][0] > 0 else "shrinks"
        turned = ", then turns," if turns else ""
        return (
            f"From day {DAYS // 2} on the tumour {first}{turned} and has "
            f"{how_many(math.exp(late[-1]))} cells on day {DAYS}. "
        )
    text = f"From day {DAYS // 2} on it swings between {how_many(low)} and {how_many(high)} cells"
    if any(each.stable and each.tumour >= 1 for each in points):
        return f"{text}, ever less. "
    return f"{text}. "


def _number(value: float) -> str:
    """Write c without an exponent: 0.00005, not 5e-05."""
    return f"{value:.7f}".rstrip("0")


def _explanation() -> str:
    """Say what a much higher antigenicity did, and what it did not do."""
    before, after = (
        SPEC.at(antigenicity=each) for each in (SPEC.defaults["antigenicity"], STRONGER)
    )
    course = model.simulate(KirschnerPanetta(antigenicity=STRONGER / 1e5), days=DAYS)
    least = float(f"{math.exp(course.log_tumour.min()):.1g}")
    return (
        f"At an antigenicity of {SPEC.defaults['antigenicity']:g} the tumour reached "
        f"{before.readings[0]}; at {STRONGER:,.0f} never more than {after.readings[0]}. But it did "
        "not settle. Many effector cells gather, the tumour shrinks, nothing calls effector cells "
        "any more, and they die. Then the tumour grows again. At its smallest the equations hold "
        f"{_number(least)} tumour cells. No tumour has a part of a cell: there, chance decides "
        "whether the last cell dies, and this model has no chance. So the fall is neither a cure "
        "nor a relapse."
    )


def _afterword() -> str:
    held = KirschnerPanetta()
    settled = next(each for each in model.equilibria(held) if each.stable)
    return (
        f"Go on to {1e5 * held.antigenicity:,.0f}, the value of the paper: the swings die down, "
        f"towards {how_many(settled.tumour)} tumour cells."
    )


AXIS = {"x_title": "effector cells", "x_range": PLANE["effectors"], "x_log": True}

SPEC = LabSpec(
    name="kirschner_panetta",
    title="Large, swinging or small",
    lead="A tumour calls effector cells, they release IL-2, and IL-2 makes them multiply. How "
    "strongly the tumour calls is its antigenicity.",
    controls=(
        Control(
            "antigenicity",
            "Antigenicity: called by 100,000 tumour cells",
            "kirschner_panetta_lab.antigenicity",
            0.05,
            log=True,
        ),
        Control(
            "effector_inflow",
            "Effector cells given",
            "kirschner_panetta_lab.effector_inflow",
            step=10,
        ),
        Control("il2_inflow", "IL-2 given", "kirschner_panetta_lab.il2_inflow", step=1),
        Control(
            "tumour",
            "Tumour cells at the start",
            "kirschner_panetta_lab.tumour",
            0.1,
            stage=2,
            log=True,
        ),
        Control(
            "effectors",
            "Effector cells at the start",
            "kirschner_panetta_lab.effectors",
            0.1,
            stage=2,
            log=True,
        ),
    ),
    panels=(
        Panel("Tumour and effector cells", "cells", (0.1, CELLS[1]), log=True, height=1.3),
        Panel(
            "Phase plane (◆ start, ● attracts)",
            "tumour cells",
            PLANE["tumour"],
            log=True,
            **AXIS,
        ),
    ),
    x_title="Days",
    x_range=(0, DAYS),
    view=view,
    presets=(
        Preset("Calls hardly any", {"antigenicity": 5}),
        Preset("Deep swings", {"antigenicity": STRONGER}),
        Preset("Held", {"antigenicity": 3500}),
        Preset("Effector cells, below the limit", {"effector_inflow": 500}),
        Preset("Effector cells, above the limit", {"effector_inflow": 600}),
        Preset(
            "Above the limit, but too late",
            {"antigenicity": 5, "effector_inflow": 1000, "tumour": 1e8},
        ),
        Preset("IL-2 alone", {"antigenicity": STRONGER, "il2_inflow": 40}),
    ),
    goal=Goal(
        text=f"Take an antigenicity of {WEAK:,.0f} or less. Keep the tumour at {ENOUGH:,.0f} cells "
        f"or fewer from day {DAYS // 2} on, without it ever falling below one cell.",
        reached=lambda settings, view: (
            settings["antigenicity"] <= WEAK
            and view.readings[1].shown * UNITS.get(view.readings[1].unit, 1) <= ENOUGH
            and view.readings[4].value == 0
        ),
        praise="A little help from outside calmed the swings. More is not better here: above the "
        "limit the equations leave what they can describe.",
        solutions=(
            {"antigenicity": 2000, "effector_inflow": 300},
            {"antigenicity": 2000, "effector_inflow": 500},
            {"antigenicity": 1000, "effector_inflow": 480},
        ),
    ),
    prediction=Prediction(
        predict=Question(
            "The lab opens on a tumour that calls hardly any effector cells: 5 a day for each "
            "100,000 of its cells. It becomes large. What will it do if it calls 2,000?",
            (
                ("smaller", "It settles at a smaller size, and stays there."),
                ("swings", "It swings: large, nearly nothing, and large again."),
                ("gone", "It shrinks until it is gone for good."),
            ),
        ),
        why=Question(
            "Why?",
            (
                ("balance", "Growth and killing soon balance each other."),
                ("delay", "A small tumour calls few effector cells, and those there are die."),
                ("all", "More effector cells kill until nothing is left."),
            ),
        ),
        tried=lambda settings: (
            1500 <= settings["antigenicity"] <= 2500
            and settings["effector_inflow"] == settings["il2_inflow"] == 0
        ),
        observe=Question(
            "Move the antigenicity from 5 to 2,000. What did the tumour's line do?",
            (
                ("smaller", "It became level, lower than before."),
                ("swings", "It fell to the bottom, and came back."),
                ("gone", "It fell to the bottom, and stayed there."),
            ),
        ),
        right="swings",
        explanation=_explanation,
        replies={
            "smaller": "You saw a level line. Press Reset, and move only the antigenicity to "
            "2,000.",
            "swings": "You saw it return. The dotted line is what the equations do after a part of "
            "a cell.",
            "gone": "You saw it fall. Follow the dotted line to its right: it comes back.",
        },
        reasons={
            "balance": "They do balance at some size, but here the course swings around it and "
            "does not settle.",
            "all": "Effector cells need the tumour's call. The fewer tumour cells, the fewer of "
            "them stay.",
        },
        afterword=_afterword,
    ),
)


def lab(**settings: float) -> Lab:
    """Open the lab, at other settings if you name them: ``lab(antigenicity=3500)``.

    Raises ValueError, saying what is allowed, for an unknown name or a value outside
    its slider's range.
    """
    return Lab(SPEC, **settings)
