"""The second lab of lesson 08, the vaccine bench: from a peptide to a residual tumour."""

from __future__ import annotations

import numpy as np

from course_lib import evidence
from course_lib.labs.frame import Lab
from course_lib.labs.spec import Choice, Control, Goal, LabSpec, Prediction, Preset, Question
from course_lib.labs.view import Panel, Reading, Series, Table, Texts, View, gaps_below
from course_lib.labs.words import aloud, described, short
from course_lib.models import peptide_binding
from course_lib.models.cancer_vaccines import ResidualTumour, Vaccine
from course_lib.models.tumour_and_immunity import cells_in_sphere
from course_lib.models.virtual_trial import DAYS_PER_MONTH

MONTHS = int(evidence.get("vaccine_bench.months").value)
#: When the tumour is drawn, months, and which rows are in the table: every third month.
TUMOUR = np.linspace(0, MONTHS, 73)
ROWS, YEAR = slice(None, None, 6), 24
#: Of the T cells the first year is drawn, in which the doses can be told apart, in so many points.
FIRST = 12
POINTS = 180
FOUND_MM = evidence.get("residual.found").value
FOUND = float(cells_in_sphere(FOUND_MM))
#: The peptides: words, key of the sequence, one of the body's own or not, shown by the tumour.
PEPTIDES = {
    "e75": ("E75 (HER2, own)", "e75", True, 1.0),
    "gp2": ("GP2 (HER2, own)", "gp2", True, 1.0),
    "ideal": ("Best binder (own)", "ideal_self", True, 1.0),
    "new": ("New peptide (mutated)", "new_peptide", False, 1.0),
    "virus": ("Virus peptide (foreign)", "virus", False, 0.0),
}
T_CELLS, CELLS = (1e2, 1e11), (1.0, 1e10)


def view(
    peptide: str,
    interval: float,
    adjuvant: float,
    hla_lost: float,
    doses: float,
    cells: float,
    tolerance: float,
    suppression: float,
    entry: float,
) -> View:
    """Return what the lab shows at one setting; units as on the controls."""
    _, key, own, shown = PEPTIDES[peptide]
    sequence = evidence.get(f"peptide_binding.{key}").value
    vaccine = Vaccine(
        held=peptide_binding.held(peptide_binding.score(sequence)),
        tolerance=tolerance if own else 1.0,
        costimulation=adjuvant / 100,
        interval=interval,
        number_of_doses=int(doses),
    )
    tumour = ResidualTumour(
        cells=cells,
        hla_lost=hla_lost / 100,
        shown=shown,
        entry=entry,
        suppression=suppression / 100,
    )
    course = tumour.course(TUMOUR * DAYS_PER_MONTH, vaccine)
    every, response = course.response.times / DAYS_PER_MONTH, course.response.all
    first = np.flatnonzero(every <= FIRST)
    picked = first[np.linspace(0, first.size - 1, POINTS).round().astype(int)]
    t_cells = np.interp(TUMOUR, every, response)
    untreated = cells * np.exp(tumour.growth() * TUMOUR * DAYS_PER_MONTH)
    needed = tumour.killers_needed(vaccine, np.maximum(course.with_hla, 1))
    series = (
        Series("T cells", 0, every[picked], _inside(response[picked], T_CELLS), "t_cell"),
        Series(
            "needed",
            0,
            TUMOUR[: YEAR + 1],
            _inside(needed[: YEAR + 1], T_CELLS),
            "control",
            dash="dash",
        ),
        Series("tumour", 1, TUMOUR, _inside(course.cells, CELLS), "tumour"),
        Series(
            "no HLA",
            1,
            TUMOUR,
            _inside(course.without_hla, CELLS),
            "tumour",
            dash="dash",
            label=False,
        ),
        Series("untreated", 1, TUMOUR, _inside(untreated, CELLS), "control", "dot", label=False),
        Series(
            f"{FOUND_MM:g} mm",
            1,
            TUMOUR[[0, -1]],
            np.full(2, FOUND),
            "healthy",
            dash="dash",
            moves=False,
        ),
    )
    months = {name: _found(size) for name, size in (("it", course.cells), ("no", untreated))}
    most, later, last = response.max(), t_cells[YEAR], float(course.cells[-1])
    seen = 100 * float(vaccine.seen()) * shown
    enough = 100 * later / float(needed[0])
    readings = (
        Reading("HLA holds the peptide", 100 * float(vaccine.held), "% of the time"),
        _three("Vaccine-specific T cells, most", most / 1e6, "million"),
        _three("T cells after 12 months", later / 1e6, "million"),
        _three("How well they see the tumour, at best 100", seen, "", shown),
        _three("T cells after 12 months, of those needed at the first dose", enough, "%", shown),
        Reading(f"Tumour measures {FOUND_MM:g} mm after", months["it"], "months", 1, most=MONTHS),
        _three(f"Tumour after {MONTHS} months", last / 1e6, "million cells"),
        _three("Of it without HLA", 100 * float(course.without_hla[-1]) / last, "%"),
    )
    # Written below its line: at the end, this line often meets the tumour's.
    beside = np.array([6.0])
    below = np.interp(beside, TUMOUR, course.without_hla) / 8
    return View(
        series=series,
        texts=(Texts("names", 1, beside, np.maximum(below, 2), ("no HLA",)),),
        sentence=_sentence(most, later, months, shown, last < cells),
        alt=described(SPEC, series),
        readings=readings,
        table=_table(t_cells, needed, course, untreated),
    )


def _inside(values: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    """What a log panel can show: above its range is a gap, as below."""
    return np.where(values <= limits[1], gaps_below(values, limits[0]), np.nan)


def _three(label: str, value: float, unit: str, some: float = 1.0) -> Reading:
    """A number to three digits, and no more precise than a hundredth; none is 0."""
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return Reading(label, short(value), unit, digits, least=0.01 if some else 0)


def _found(size: np.ndarray) -> float:
    """The month in which a tumour is as large as a scan finds it, at most the last."""
    if size.max() < FOUND:
        return float(MONTHS)
    first = int(np.argmax(size >= FOUND))
    around = slice(first - 1, first + 1)
    return float(np.interp(np.log(FOUND), np.log(size[around]), TUMOUR[around]))


def _told(t_cells: float) -> str:
    least = T_CELLS[0]
    return aloud(short(t_cells)) if t_cells >= least else f"fewer than {least:g}"


def _sentence(most, later, months, shown, smaller) -> str:
    most = f"At most {_told(most)}" if most >= T_CELLS[0] else _told(most).capitalize()
    text = f"{most} T cells carry a receptor for the peptide, and {_told(later)} after 12 months. "
    if not shown:
        text += "The tumour does not show this peptide. "
    if months["it"] < MONTHS:
        gained = months["it"] - months["no"]
        text += f"The tumour reaches {FOUND_MM:g} mm after {months['it']:.1f} months, "
        return text + (
            f"{gained:.1f} months later than without vaccine."
            if gained >= 0.05
            else "as without vaccine."
        )
    return text + (
        f"After {MONTHS} months the tumour is smaller than at the first dose."
        if smaller
        else f"After {MONTHS} months the tumour is larger, but has not reached {FOUND_MM:g} mm."
    )


def _table(t_cells, needed, course, untreated) -> Table:
    """One row for every third month; a dash if no number of T cells is enough."""
    lines = {
        "T cells": t_cells,
        "T cells needed": needed,
        "Tumour cells": course.cells,
        "Of them without HLA": course.without_hla,
        "Untreated": untreated,
    }
    columns = {"Month": [f"{month:g}" for month in TUMOUR[ROWS]]}
    for heading, cells in lines.items():
        columns[heading] = [
            f"{short(value):,.0f}" if np.isfinite(value) else "–" for value in cells[ROWS]
        ]
    return Table.of("Cells, every three months", columns)


def _explanation() -> str:
    """Say how many T cells either peptide makes, and how well they see."""
    e75, ideal = SPEC.at(), SPEC.at(peptide="ideal")
    return (
        f"HLA holds E75 for {e75.readings[0]}, the made-up peptide for {ideal.readings[0]}. It "
        f"made more T cells: {ideal.readings[1]} at most, instead of {e75.readings[1]}. But "
        "healthy cells show a self peptide just as firmly. Tolerance then deletes most of the T "
        "cells that see it well. How well those that are left see the tumour fell from "
        f"{e75.readings[3]} to {ideal.readings[3]}, of 100. After {MONTHS} months the tumour has "
        f"{ideal.readings[6]}, with E75 {e75.readings[6]}."
    )


def _reached(settings, shown: View) -> bool:
    at_start = settings["cells"] / 1e6
    return settings["peptide"] == "e75" and shown.readings[6].value < at_start


SPEC = LabSpec(
    name="cancer_vaccines",
    title="The vaccine bench",
    lead="A vaccine shows one peptide to T cells. A small tumour is left after treatment. The "
    "numbers are illustrative.",
    controls=(
        Choice(
            "peptide",
            "Peptide in the vaccine",
            tuple((name, words[0]) for name, words in PEPTIDES.items()),
            start="e75",
        ),
        Control("interval", "Time between doses", "vaccine.interval", 2),
        Control("adjuvant", "Second signal, from the adjuvant", "vaccine_bench.adjuvant", 5),
        Control("hla_lost", "Tumour cells without HLA", "vaccine_bench.hla_lost", 0.1, log=True),
        Control("doses", "Doses", "vaccine.number_of_doses", 1, stage=2),
        Control("cells", "Tumour at the first dose", "residual.cells", 0.1, stage=2, log=True),
        Control(
            "tolerance",
            "Tolerance: one T cell is left of",
            "vaccine.tolerance",
            0.1,
            stage=2,
            log=True,
        ),
        Control(
            "suppression", "Killing stopped in the tumour", "vaccine_bench.suppression", 5, stage=2
        ),
        Control("entry", "T cells that enter the tumour", "residual.entry", 0.1, stage=2, log=True),
    ),
    panels=(
        Panel(
            "T cells, and how many are needed",
            "cells",
            T_CELLS,
            log=True,
            x_title="Months since the first dose",
            x_range=(0, FIRST),
        ),
        Panel("Tumour (dotted: without vaccine)", "cells", CELLS, log=True),
    ),
    x_title="Months since the first dose",
    x_range=(0, MONTHS),
    view=view,
    presets=(
        Preset("The best binder", {"peptide": "ideal"}),
        Preset("A virus peptide", {"peptide": "virus"}),
        Preset("A new peptide", {"peptide": "new"}),
        Preset("A boost too early", {"peptide": "new", "interval": 10}),
        Preset("HLA lost in one of ten", {"peptide": "new", "hla_lost": 10}),
        Preset("E75 without tolerance", {"tolerance": 1}),
    ),
    goal=Goal(
        text=f"With E75, have fewer tumour cells after {MONTHS} months than at the first dose.",
        reached=_reached,
        praise="Enough killing for a tumour of its size, and HLA on nearly every cell: neither "
        "alone was enough.",
        solutions=(
            {"tolerance": 1, "hla_lost": 0.01},
            {"tolerance": 10, "hla_lost": 0.01, "suppression": 0, "doses": 6, "interval": 60},
            {"entry": 10, "hla_lost": 0.01, "suppression": 0, "doses": 6, "interval": 60},
        ),
    ),
    prediction=Prediction(
        predict=Question(
            "The lab opens with E75. Now the vaccine carries a made-up self peptide that HLA holds "
            "best of all. What happens?",
            (
                ("smaller", "More T cells, and a smaller tumour."),
                ("same", "More T cells, but no smaller tumour."),
                ("fewer", "Fewer T cells, and a larger tumour."),
            ),
        ),
        why=Question(
            "Why?",
            (
                ("binding", "Better binding makes a better vaccine."),
                ("tolerance", "Tolerance has removed the T cells that see it well."),
                ("blocked", "A peptide that stays bound cannot be seen by T cells."),
            ),
        ),
        tried=lambda settings: settings == {**SPEC.defaults, "peptide": "ideal"},
        observe=Question(
            "Choose the best binder, with all else as at the opening. What did you see?",
            (
                ("both", "More T cells, and a smaller tumour."),
                ("cells", "More T cells, but no smaller tumour."),
                ("neither", "No more T cells, and no smaller tumour."),
            ),
        ),
        right="same",
        explanation=_explanation,
        replies={
            "both": "You saw a smaller tumour. Press Reset, change the peptide only, and compare "
            "the tumour with the untreated one.",
            "cells": "That is what you saw. An immune response is one step; protection takes more.",
            "neither": "You saw no more T cells. Press Reset, change the peptide only, and compare "
            "how many T cells there are at most.",
        },
        reasons={
            "blocked": "And T cells see a peptide only while HLA holds it: firm binding helps them."
        },
    ),
)


def lab(**settings: float | str) -> Lab:
    """Open the bench, at other settings if you name them: ``lab(peptide="new", interval=60)``.

    Raises ValueError, saying what is allowed, for an unknown name or a value outside
    its control's range.
    """
    return Lab(SPEC, **settings)
