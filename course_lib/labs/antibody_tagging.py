"""The first lab of lesson 04: from binding to killing, in tumour and in healthy tissue."""

from __future__ import annotations

import numpy as np

from course_lib import evidence
from course_lib.labs.frame import Lab
from course_lib.labs.spec import Choice, Control, Goal, LabSpec, Prediction, Preset, Question
from course_lib.labs.view import Panel, Reading, Series, Table, View, gaps_below, point
from course_lib.labs.words import described, nanomolar, short
from course_lib.models.antibody_tagging import Antibody, Effectors, Killing, killing

ARMS = {"two": 2, "one": 1}
V_ALLELES = {"vv": 2, "vf": 1, "ff": 0}
FC_GAIN = {"usual": 1.0, "low": evidence.get("fc_receptor.low_fucose_gain").value}
REGULATORS = {
    "intact": evidence.get("antibody_tagging.complement_regulators").value,
    "removed": 0.0,
}
LEAST_TUMOUR = evidence.get("antibody_tagging.goal_tumour").value
MOST_HEALTHY = evidence.get("antibody_tagging.goal_healthy").value
LEAST_BLOCKED = evidence.get("antibody_tagging.goal_blocked").value
COPIES_RANGE = evidence.get("antibody_tagging.receptors")
DOSES = evidence.get("antibody_tagging.concentration")
CONCENTRATIONS = np.geomspace(DOSES.low, DOSES.high, 113)  # 16 a decade
COPIES = np.geomspace(COPIES_RANGE.low, COPIES_RANGE.high, 85)
#: Fewer antibodies on a cell are not drawn.
FEWEST = 10
#: Rows of the table: every decade of the concentration, four numbers of copies.
ROWS, COPY_ROWS = slice(None, None, 16), slice(None, None, 28)
#: The tumour and the healthy tissue, as they are drawn.
KINDS = (("tumour", "tumour", "solid", "circle"), ("healthy", "healthy", "dash", "square"))
#: The grip of the prediction, nM.
WEAK = 50


def view(
    concentration: float,
    kd: float,
    arms: str,
    receptors: float,
    healthy_receptors: float,
    nk_cells: float,
    fc_receptor: str,
    fucose: str,
    macrophages: float,
    shield: str,
) -> View:
    """Return what the lab shows at one setting; units as on the sliders."""
    antibody = Antibody(kd=kd, arms=ARMS[arms], fc_gain=FC_GAIN[fucose])
    effectors = Effectors(
        nk_cells=nk_cells,
        v_alleles=V_ALLELES[fc_receptor],
        macrophages=macrophages,
        complement_regulators=REGULATORS[shield],
    )
    cells = np.array([[receptors], [healthy_receptors]])
    course = killing(antibody, effectors, CONCENTRATIONS, cells)
    by_copies = killing(antibody, effectors, concentration, COPIES)
    now = killing(antibody, effectors, concentration, cells[:, 0])
    series = [Series("any cell", 2, COPIES, 100 * by_copies.killed, "drug")]
    for row, (name, actor, dash, symbol) in enumerate(KINDS):
        tags = gaps_below(course.tags[row], FEWEST)
        series.append(Series(name, 0, CONCENTRATIONS, tags, actor, dash))
        series.append(Series(name, 1, CONCENTRATIONS, 100 * course.killed[row], actor, dash))
        for panel, x, y in (
            (0, concentration, gaps_below(now.tags[row], FEWEST)),
            (1, concentration, 100 * now.killed[row]),
            (2, cells[row], 100 * now.killed[row]),
        ):
            series.append(point(f"{name}, your setting", panel, x, y, actor, symbol, moves=False))
    tumour, healthy = (Killing(*(part[row] for part in now)) for row in (0, 1))
    readings = (
        Reading("Antibodies on a tumour cell", tumour.tags / 1000, "thousand", 1, least=0.1),
        Reading("Antibodies on a healthy cell", healthy.tags / 1000, "thousand", 1, least=0.1),
        Reading("Tumour cells killed", 100 * tumour.killed, "%", 0),
        Reading("Healthy cells killed", 100 * healthy.killed, "%", 0),
        Reading("HER2 blocked on the tumour", 100 * tumour.blocked, "%", 0),
        Reading("Tumour cells killed by NK cells alone", 100 * tumour.adcc, "%", 0),
        Reading("Tumour cells eaten by macrophages alone", 100 * tumour.adcp, "%", 0),
        Reading("Tumour cells killed by complement alone", 100 * tumour.cdc, "%", 0),
    )
    here = nanomolar(concentration)
    any_tags = [_about(tags) for tags in by_copies.tags[COPY_ROWS]]
    any_killed = 100 * by_copies.killed[COPY_ROWS]
    columns = {
        "Antibody, and cell": [
            *map(nanomolar, CONCENTRATIONS[ROWS]),
            *(f"{here}, {_about(copies)} HER2" for copies in COPIES[COPY_ROWS]),
        ],
        "On a tumour cell": [*map(_about, course.tags[0, ROWS]), *any_tags],
        "On a healthy cell": [*map(_about, course.tags[1, ROWS]), *any_tags],
        "Tumour cells killed, %": [*100 * course.killed[0, ROWS], *any_killed],
        "Healthy cells killed, %": [*100 * course.killed[1, ROWS], *any_killed],
    }
    return View(
        series=tuple(series),
        sentence=_sentence(concentration, kd, arms, tumour, healthy),
        alt=described(SPEC, series),
        readings=readings,
        table=Table.of("Plotted values; the last rows hold for any cell", columns),
    )


def _about(number: float) -> str:
    """Write a number of molecules as one says it: 262,000."""
    return f"{short(number):,.0f}" if number >= FEWEST else f"fewer than {FEWEST}"


def _sentence(concentration, kd, arms, tumour, healthy) -> str:
    hold = "two arms" if arms == "two" else "one arm"
    return (
        f"At {nanomolar(concentration)}, with {hold} and Kd {nanomolar(kd)}, a tumour cell "
        f"carries {_about(tumour.tags)} antibodies and a healthy cell {_about(healthy.tags)}. "
        f"Of 100 tumour cells {100 * tumour.killed:.0f} are killed, of 100 healthy cells "
        f"{100 * healthy.killed:.0f}. On the tumour {100 * tumour.blocked:.0f} % of HER2 is "
        "blocked."
    )


def _explanation() -> str:
    """Say what a weak grip did with two arms."""
    tight, weak = SPEC.at(), SPEC.at(kd=WEAK)
    return (
        f"With the tight grip {tight.readings[2]} of the tumour cells were killed, with the weak "
        f"one {weak.readings[2]}. Of the healthy cells it was {tight.readings[3]}, then "
        f"{weak.readings[3]}. When one arm lets go, the other still holds, if a second HER2 is "
        "near. On the tumour it is; on healthy cells it rarely is. This is called avidity."
    )


def _afterword() -> str:
    """Say what is left of it with one arm."""
    single = SPEC.at(kd=WEAK, arms="one")
    return (
        f"Take the second arm away, and the weak grip kills {single.readings[2]} of the tumour "
        "cells."
    )


def _reached(settings, shown: View) -> bool:
    """Any antibody may do it, with the cells as they are at the opening."""
    cells = ("receptors", "healthy_receptors", "nk_cells", "fc_receptor", "macrophages", "shield")
    return (
        all(settings[name] == SPEC.defaults[name] for name in cells)
        and shown.readings[2].shown >= LEAST_TUMOUR
        and shown.readings[3].shown <= MOST_HEALTHY
        and shown.readings[4].shown >= LEAST_BLOCKED
    )


AXIS = {"x_title": "Antibody, nM", "x_range": (DOSES.low, DOSES.high), "x_log": True}

SPEC = LabSpec(
    name="antibody_tagging",
    title="The tagging bench",
    lead="One antibody against HER2, two tissues: a tumour and a healthy one. Both carry HER2, "
    "and both meet the same NK cells. Follow the antibody from binding to killing.",
    controls=(
        Control("concentration", "Antibody", "antibody_tagging.concentration", 0.05, log=True),
        Control("kd", "Grip of one arm, Kd (small: tight)", "antibody_tagging.kd", 0.05, log=True),
        Choice("arms", "Arms that can bind", (("two", "Two arms"), ("one", "One arm")), "two"),
        Control("receptors", "HER2 on a tumour cell", "antibody_tagging.receptors", 0.05, log=True),
        Control(
            "healthy_receptors",
            "HER2 on a healthy cell",
            "antibody_tagging.healthy_receptors",
            0.05,
            stage=2,
            log=True,
        ),
        Control("nk_cells", "NK cells per cell", "antibody_tagging.nk_cells", 0.1, 1, stage=2),
        Choice(
            "fc_receptor",
            "Their Fc receptor (FcγRIIIa)",
            (("vv", "V/V"), ("vf", "V/F"), ("ff", "F/F")),
            "vf",
            stage=2,
        ),
        Choice(
            "fucose",
            "Fucose on the antibody",
            (("usual", "Usual"), ("low", "Low")),
            "usual",
            stage=2,
        ),
        Control(
            "macrophages", "Macrophages per cell", "antibody_tagging.macrophages", 0.1, 1, stage=2
        ),
        Choice(
            "shield",
            "Shield against complement",
            (("intact", "Intact"), ("removed", "Removed")),
            "intact",
            stage=2,
        ),
    ),
    panels=(
        Panel("Antibodies on one cell", "per cell", (FEWEST, 1e7), log=True, **AXIS),
        Panel("Cells killed", "%", (0, 105), **AXIS),
        Panel(
            "Killed now: ● tumour, ■ healthy",
            "%",
            (0, 105),
            x_title="HER2, copies per cell",
            x_range=(COPIES_RANGE.low, COPIES_RANGE.high),
            x_log=True,
        ),
    ),
    x_title="Antibody, nM",
    x_range=(DOSES.low, DOSES.high),
    view=view,
    presets=(
        Preset("HER2-high tumour", {"receptors": COPIES_RANGE.value}),
        Preset("HER2-low tumour", {"receptors": 32000}),
        Preset("Weak grip, two arms", {"kd": WEAK}),
        Preset("Weak grip, one arm", {"kd": WEAK, "arms": "one"}),
        Preset("HER2-low, low fucose", {"receptors": 32000, "fucose": "low"}),
        Preset("No NK cells", {"nk_cells": 0}),
        Preset("No shield", {"nk_cells": 0, "shield": "removed"}),
    ),
    goal=Goal(
        text=f"Kill at least {LEAST_TUMOUR} of 100 tumour cells and at most {MOST_HEALTHY} of 100 "
        f"healthy cells, and block at least {LEAST_BLOCKED} % of the tumour's HER2. Change only "
        "the antibody; leave all cells as they are.",
        reached=_reached,
        praise="Both tissues carry the target. What told them apart was how many copies stand "
        "together, not which target it is.",
        solutions=(
            {"kd": 13},
            {"kd": 5, "concentration": 0.32},
            {"kd": WEAK, "concentration": 10},
        ),
    ),
    prediction=Prediction(
        predict=Question(
            "The lab opens with a tight grip, Kd 1 nM, and two arms. What happens if the grip is "
            "50 times weaker, Kd 50 nM?",
            (
                ("escape", "Hardly any cell is killed, in either tissue."),
                ("alike", "Both tissues lose the same share of killing."),
                ("spared", "The tumour is killed almost as before; healthy cells are spared."),
            ),
        ),
        why=Question(
            "Why?",
            (
                ("useless", "An antibody that lets go easily is of no use."),
                ("near", "The other arm holds on where HER2 stands close together."),
                ("killers", "NK cells kill whatever the grip is."),
            ),
        ),
        tried=lambda settings: settings["kd"] >= 0.9 * WEAK and settings["arms"] == "two",
        observe=Question(
            "Compare Kd 1 nM with 50 nM, two arms. What did the killing do?",
            (
                ("both", "It fell in both tissues."),
                ("healthy", "It fell in healthy tissue and hardly in the tumour."),
                ("none", "It fell in neither."),
            ),
        ),
        right="spared",
        explanation=_explanation,
        replies={
            "both": "You saw both fall. Press Reset, move only the grip, and compare "
            "how many of 100 are killed, tumour and healthy.",
            "healthy": "That is what you saw. The weak grip chose the cells by their density.",
            "none": "You saw neither fall. Compare the healthy cells, the square, once more.",
        },
        afterword=_afterword,
    ),
)


def lab(**settings: float | str) -> Lab:
    """Open the lab, at other settings if you name them: ``lab(kd=1000, arms="one")``.

    Raises ValueError, saying what is allowed, for an unknown name or a value it does not allow.
    """
    return Lab(SPEC, **settings)
