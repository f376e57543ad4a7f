"""The first lab of lesson 06: from a biopsy to an infusion."""

from __future__ import annotations

import numpy as np

from course_lib import evidence
from course_lib.labs.frame import Lab
from course_lib.labs.spec import Choice, Control, Goal, LabSpec, Prediction, Preset, Question
from course_lib.labs.view import Panel, Reading, Series, Table, View, gaps_below, point
from course_lib.labs.words import aloud, described, short
from course_lib.models.adoptive_cell_therapy import Host, biopsy, culture

ROOM = evidence.get("cell_culture.room").value
SELECTION_DAY = evidence.get("cell_culture.selection_day").value
DAY = int(evidence.get("til_lab.day").value)
GOAL = evidence.get("til_lab.goal_cells").value
LATEST = evidence.get("til_lab.goal_harvest").value
MOST_IL2 = evidence.get("til_lab.goal_il2").value
IN_BLOOD = np.arange(91.0)  # days
LEAST = 1e3  # fewer cells are not drawn
CELLS = (1e2, 1e12)  # on the log axes
#: The clones, in the order of the model: name, dash.
CLONES = (("bystanders", "dash"), ("exhausted", "dot"), ("fresh", "solid"))
LEADERS = ("The bystanders", "The cells of the exhausted clone", "The cells of the fresh clone")
#: Rows of the table.
DISH_ROWS, BLOOD_ROWS = np.arange(0, 43, 7), np.arange(0, 91, 15)


def view(
    harvest: float,
    selection: str,
    lymphodepletion: float,
    il2_doses: float,
    exhausted_share: float,
    fresh_share: float,
    bystander_doubling: float,
    exhausted_doubling: float,
    fresh_doubling: float,
    enrichment: float,
    recovery: float,
) -> View:
    """Return what the lab shows at one setting; units as on the sliders."""
    doubling_times = [bystander_doubling, exhausted_doubling, fresh_doubling]
    clones = biopsy(exhausted_share, fresh_share, doubling_times=doubling_times)
    how = (SELECTION_DAY, enrichment, recovery / 100) if selection == "reactive" else None
    grown = culture(clones, harvest, ROOM, selection=how)
    host = Host(lymphodepletion=lymphodepletion, il2_doses=round(il2_doses))
    blood = host.in_blood(grown.product, IN_BLOOD)
    reactive = blood[:, 1] + blood[:, 2]
    later = float(reactive[DAY])
    series = (
        *_lines(0, grown.days, grown.cells),
        *_lines(1, IN_BLOOD, blood),
        point(
            "reactive cells then", 1, DAY, gaps_below(reactive[[DAY]], LEAST), "t_cell", "circle"
        ),
    )
    total = float(grown.cells[-1].sum())
    readings = (
        Reading("Cells harvested", total / 1e9, "billion", _digits(total / 1e9), least=0.01),
        Reading(
            "Respond to the tumour, of those harvested",
            100 * grown.product.reactive_share(),
            "%",
            1,
        ),
        Reading(
            "Exhausted clone, of those harvested",
            100 * grown.cells[-1, 1] / total,
            "%",
            1,
            least=0.1,
        ),
        Reading(
            f"Reactive cells in the blood on day {DAY}",
            later / 1e6,
            "million",
            _digits(later / 1e6),
            least=0.01,
        ),
        Reading("Divisions of the fresh clone in the dish", float(grown.divisions[2]), "", 1),
        Reading("Own lymphocytes below half", host.days_below(0.5), "days", 0),
    )
    return View(
        series=series,
        sentence=_sentence(harvest, grown, later),
        alt=described(SPEC, series),
        readings=readings,
        table=_table(grown, blood),
    )


def _lines(panel: int, days: np.ndarray, cells: np.ndarray) -> list[Series]:
    """Return one line per clone; a log axis has no place for fewer cells than its least."""
    return [
        Series(name, panel, days, gaps_below(cells[:, clone], LEAST), "t_cell", dash)
        for clone, (name, dash) in enumerate(CLONES)
    ]


def _sentence(harvest: float, grown, later: float) -> str:
    cells = grown.cells[-1]
    first = int(cells.argmax())
    shares = [_percent(100 * each) for each in cells / cells.sum()]
    return (
        f"Harvested on day {harvest:.0f}: {_cells(cells.sum())} cells. {LEADERS[first]} "
        f"lead with {shares[first]}, and {_percent(100 * grown.product.reactive_share())} of all "
        f"respond to the tumour: {shares[1]} are the exhausted clone, {shares[2]} the fresh one. "
        f"On day {DAY} after the infusion, {_cells(later)} reactive cells are in the blood."
    )


def _digits(value: float) -> int:
    """Return the decimals that show three digits, at most two."""
    return 2 if value < 10 else 1 if value < 100 else 0


def _cells(number: float) -> str:
    return aloud(short(number)) if number >= LEAST else f"fewer than {LEAST:,.0f}"


def _percent(value: float) -> str:
    return f"{value:.1f} %" if value >= 0.1 else "less than 0.1 %"


def _table(grown, blood: np.ndarray) -> Table:
    """Return the plotted cells: weekly in the dish until the harvest, then in the blood."""
    days = DISH_ROWS[grown.days[-1] >= DISH_ROWS]
    # The day of the selection stands twice; the row shows the cells after it.
    rows = [np.flatnonzero(grown.days <= day)[-1] for day in days]
    columns = {"Day": [f"dish, day {day}" for day in days]}
    columns["Day"] += [f"blood, day {day}" for day in BLOOD_ROWS]
    for clone, (name, _) in enumerate(CLONES):
        cells = np.append(grown.cells[rows, clone], blood[BLOOD_ROWS, clone])
        columns[name.capitalize()] = [_cells(each) for each in cells]
    return Table.of("The plotted numbers of cells", columns)


def _shares(**settings) -> tuple[float, float]:
    """Return percent of exhausted cells in the biopsy and in the harvest of four weeks."""
    settings = {**SPEC.defaults, "harvest": 28.0, **settings}
    return settings["exhausted_share"], view(**settings).readings[2].value


def _explanation() -> str:
    before, after = _shares()
    slow, fast = SPEC.defaults["exhausted_doubling"], SPEC.defaults["bystander_doubling"]
    _, even = _shares(exhausted_doubling=fast)
    return (
        f"The clone begins as {before:.0f} % of the cells and ends as {_percent(after)}. "
        f"It needs {slow:g} days for a division; the bystanders need {fast:g}. All share one room, "
        "so what one clone takes is gone for the others. If all clones divided equally fast, it "
        f"would end as {even:.0f} %, as it began: press “All clones equally fast”."
    )


def _afterword() -> str:
    grown, chosen = (
        SPEC.at(harvest=35.0, selection=each).readings[1].value for each in ("none", "reactive")
    )
    return (
        f"So neither the clone that led in the tumour nor the one that led in the dish is the one "
        f"to infuse. After five weeks {_percent(grown)} of the cells respond to the tumour. With "
        f"selection it is {_percent(chosen)}."
    )


DAYS_IN_DISH = evidence.get("cell_culture.harvest")


def _second(name: str, label: str, key: str, step: float, digits: int = 0, **more) -> Control:
    return Control(name, label, f"cell_culture.{key}", step, digits=digits, stage=2, **more)


SPEC = LabSpec(
    name="adoptive_cell_therapy",
    title="From a biopsy to an infusion",
    lead="T cells from a tumour grow in a dish and return to the blood. A large, exhausted clone "
    "and a rare, fresh one are reactive: they respond to the tumour. Bystanders do not.",
    controls=(
        Control("harvest", "Harvest after", "cell_culture.harvest", 1),
        Choice(
            "selection",
            f"Selection on day {SELECTION_DAY:.0f}",
            (("none", "None: keep all cells"), ("reactive", "Keep cells that respond")),
            "none",
        ),
        Control("lymphodepletion", "Own lymphocytes removed", "til_lab.lymphodepletion", 1),
        Control("il2_doses", "IL-2 after the infusion, doses", "til_lab.il2_doses", 1),
        _second("exhausted_share", "Exhausted clone in the biopsy", "exhausted_share", 1),
        _second("fresh_share", "Fresh clone in the biopsy", "fresh_share", 0.05, log=True),
        _second("bystander_doubling", "Bystanders double in", "bystander_doubling", 0.1, 1),
        _second("exhausted_doubling", "Exhausted clone doubles in", "exhausted_doubling", 0.1, 1),
        _second("fresh_doubling", "Fresh clone doubles in", "fresh_doubling", 0.1, 1),
        _second("enrichment", "Others kept: one in so many", "enrichment", 0.05, log=True),
        _second("recovery", "Reactive cells kept", "recovery", 5),
    ),
    panels=(
        Panel(
            "In the dish, log axis",
            "cells",
            CELLS,
            log=True,
            x_title="Days in the dish",
            x_range=(0, DAYS_IN_DISH.high),
        ),
        Panel(
            f"In the blood, log axis (● day {DAY})",
            "cells",
            CELLS,
            log=True,
            x_title="Days since the infusion",
            x_range=(0, IN_BLOOD[-1]),
        ),
    ),
    x_title="Days",
    x_range=(0, IN_BLOOD[-1]),
    view=view,
    blind=True,
    presets=(
        Preset("Four weeks of growth", {"harvest": 28}),
        Preset("All clones equally fast", {"harvest": 28, "exhausted_doubling": 1.5}),
        Preset("Keep what responds", {"harvest": 35, "selection": "reactive"}),
        Preset(
            "IL-2 without lymphodepletion",
            {"harvest": 35, "selection": "reactive", "il2_doses": 6},
        ),
        Preset(
            "Lymphodepletion without IL-2",
            {"harvest": 35, "selection": "reactive", "lymphodepletion": 99},
        ),
        Preset(
            "Both",
            {"harvest": 35, "selection": "reactive", "lymphodepletion": 99, "il2_doses": 6},
        ),
    ),
    goal=Goal(
        text=f"Have {aloud(GOAL)} reactive cells in the blood on day {DAY}. Harvest on day "
        f"{LATEST:.0f} at the latest, and give at most {MOST_IL2:.0f} doses of IL-2.",
        reached=lambda settings, view: (
            view.readings[3].shown >= GOAL / 1e6
            and settings["harvest"] <= LATEST
            and settings["il2_doses"] <= MOST_IL2
        ),
        praise="What counted was not the number infused: the right cells multiplied.",
        solutions=(
            {"harvest": 35, "selection": "reactive", "lymphodepletion": 99},
            {"harvest": 30, "selection": "reactive", "lymphodepletion": 95, "il2_doses": 6},
            {"harvest": 28, "fresh_share": 10, "lymphodepletion": 90, "il2_doses": 4},
        ),
    ),
    prediction=Prediction(
        predict=Question(
            "In the biopsy, 30 of 100 T cells belong to one clone that responds to the tumour. The "
            "cells grow for four weeks. How many of 100 harvested cells belong to that clone?",
            (
                ("more", "More than 30: it leads, and it has responded to the tumour."),
                ("same", "About 30: all cells get the same food."),
                ("fewer", "Fewer than 1: other clones fill the dish."),
            ),
        ),
        why=Question(
            "Why?",
            (
                ("lead", "A clone that is ahead stays ahead."),
                ("food", "All clones divide at the same pace in a dish."),
                ("pace", "It divides more slowly than the others do."),
            ),
        ),
        tried=lambda settings: settings["harvest"] >= 21 and settings["selection"] == "none",
        observe=Question(
            "Move the harvest to day 28, without selection. What happened to the share of the "
            "exhausted clone?",
            (
                ("rose", "It rose."),
                ("stayed", "It stayed near 30 %."),
                ("fell", "It fell below 1 %."),
            ),
        ),
        right="fewer",
        explanation=_explanation,
        replies={
            "rose": "You saw it rise. Its number rises, but the others rise faster: read its share "
            "once more.",
            "stayed": "You saw it stay. That happens if all clones divide equally fast. Press "
            "Reset and look again.",
            "fell": "That is what you saw. The clone is still there, but hardly any cell of it.",
        },
        reasons={
            "lead": "A lead lasts only among equals. A faster clone makes it smaller each day.",
        },
        afterword=_afterword,
    ),
)


def lab(**settings: float | str) -> Lab:
    """Open the lab, at other settings if you name them: ``lab(harvest=35, lymphodepletion=99)``.

    Raises ValueError, saying what is allowed, for an unknown name or a value outside
    its slider's range.
    """
    return Lab(SPEC, **settings)
