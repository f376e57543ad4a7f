"""The second lab of lesson 11: any two or three therapies of the course in one patient.

Tumour curves only: most effects are assumed, so no hazard ratio may be made of them.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from course_lib import evidence
from course_lib.labs.frame import Lab
from course_lib.labs.spec import Choice, Control, Goal, LabSpec, Prediction, Preset, Question
from course_lib.labs.view import Panel, Reading, Series, Table, View, gaps_below
from course_lib.labs.words import described, listed, millimetres
from course_lib.models.adoptive_cell_therapy import TumourInfiltratingLymphocytes
from course_lib.models.antibody_drug_conjugates import AntibodyDrugConjugate
from course_lib.models.cancer_vaccines import Vaccine
from course_lib.models.car_t_engineering import CarT
from course_lib.models.checkpoint_inhibitors import Pembrolizumab
from course_lib.models.chemotherapy import Chemotherapy
from course_lib.models.cytokine_therapy import Interleukin2
from course_lib.models.patient import Patient, assumed, simulate
from course_lib.models.trastuzumab import Trastuzumab

DAYS = 360
TIMES = np.arange(0.0, DAYS + 1, 3)
TABLE_DAYS = tuple(range(0, DAYS + 1, 30))
FEWEST = 1e5  # T cells from which on the axis shows them
NONE = "none"
#: id -> words, therapy.
THERAPIES = {
    "pembrolizumab": ("pembrolizumab", Pembrolizumab),
    "chemotherapy": ("chemotherapy", Chemotherapy),
    "trastuzumab": ("trastuzumab", Trastuzumab),
    "conjugate": ("an antibody–drug conjugate", AntibodyDrugConjugate),
    "car_t": ("CAR-T cells", CarT),
    "til": ("tumour-infiltrating lymphocytes", TumourInfiltratingLymphocytes),
    "interleukin2": ("interleukin-2", Interleukin2),
    "vaccine": ("a vaccine", Vaccine),
}
#: id -> words, evidence key of the HER2 copies per cell.
TUMOURS = {
    "low": ("little: as a triple-negative line", "her2_copies.mda_mb_231"),
    "high": ("much: as a HER2-positive line", "her2_copies.bt474"),
}
OPTIONS = ((NONE, "nothing"), *((name, words) for name, (words, _) in THERAPIES.items()))


@lru_cache(maxsize=256)
def course(given: tuple[str, ...], infiltration: float, cps: float, her2: str):
    """Return the size (mm) and the T cells at ``TIMES``, shape (2, times)."""
    copies = evidence.get(TUMOURS[her2][1]).value
    patient = Patient(infiltration=infiltration, cps=cps, her2=copies)
    run = simulate(patient, [THERAPIES[name][1]() for name in given], DAYS)
    after = ~run.before  # a dose day is listed twice, but a size does not jump
    return np.stack(
        [np.interp(TIMES, run.times[after], row[after, 0]) for row in (run.size, run.t_cells)]
    )


def chosen(first: str, second: str, third: str) -> tuple[str, ...]:
    """Return the therapies chosen, each once, in the order of the course."""
    return tuple(name for name in THERAPIES if name in (first, second, third))


def view(first: str, second: str, third: str, infiltration: float, cps: float, her2: str) -> View:
    """Return what the lab shows at one setting: ids of therapies, units as on the sliders."""
    tumour = infiltration, cps, her2
    given = chosen(first, second, third)
    together, nothing = course(given, *tumour), course((), *tumour)
    alone = {
        name: course((), *tumour) if name == NONE else course((name,), *tumour)
        for name in {first, second, third}
    }
    # A line that would only repeat another one is left out.
    apart = {
        name: run[0] if len(given) > 1 and name != NONE else np.full(TIMES.size, np.nan)
        for name, run in alone.items()
    }
    best = min((alone[name] for name in given), key=lambda each: each[0, -1], default=nothing)
    series = (
        Series("together", 0, TIMES, together[0], "tumour"),
        Series("first alone", 0, TIMES, apart[first], "drug", dash="dash"),
        Series("second alone", 0, TIMES, apart[second], "drug", dash="dot"),
        Series("nothing", 0, TIMES, nothing[0], "control"),
        Series("together", 1, TIMES, gaps_below(together[1], FEWEST), "t_cell"),
        Series("nothing", 1, TIMES, gaps_below(nothing[1], FEWEST), "control"),
    )
    end = {"Together": together, "The best one alone": best, "Nothing": nothing}
    columns = {
        "Day": map(str, TABLE_DAYS),
        "Together, mm": np.interp(TABLE_DAYS, TIMES, together[0]),
        "First alone, mm": np.interp(TABLE_DAYS, TIMES, alone[first][0]),
        "Second alone, mm": np.interp(TABLE_DAYS, TIMES, alone[second][0]),
        "Nothing, mm": np.interp(TABLE_DAYS, TIMES, nothing[0]),
        "T cells together, millions": np.interp(TABLE_DAYS, TIMES, together[1]) / 1e6,
    }
    return View(
        series=series,
        sentence=_sentence(given, together[0, -1], best[0, -1], nothing[0, -1]),
        alt=described(SPEC, series),
        readings=tuple(
            Reading(f"{words}, day {DAYS}", float(run[0, -1]), "mm", 0, least=1)
            for words, run in end.items()
        ),
        table=Table.of("The plotted values every 30 days", columns),
    )


def _sentence(given, together: float, best: float, nothing: float) -> str:
    untreated = f"Without treatment it measures {millimetres(nothing)}."
    if not given:
        return f"Nothing is given. On day {DAYS} the tumour measures {millimetres(together)}."
    words = [THERAPIES[name][0] for name in given]
    said = f"With {listed(words)} the tumour measures {millimetres(together)} on day {DAYS}."
    if len(given) > 1:
        said += f" The best one alone leaves {millimetres(best)}."
    guessed = [words for name, words in zip(given, words, strict=True) if _assumed(name)]
    if not guessed:
        return f"{said} {untreated} Effects as calibrated on KEYNOTE-355."
    return (
        f"{said} {untreated} Assumed, not measured in patients: the effect of {listed(guessed)}. "
        "So this is a tumour curve, not a result, and it shows no harm."
    )


def _assumed(name: str) -> bool:
    return bool(assumed([THERAPIES[name][1]()]))


def _explanation() -> str:
    """Say what the two do together, and why it is more than either."""
    both = SPEC.at(second="til")
    drug, cells = (SPEC.at(first=name).readings[0] for name in ("pembrolizumab", "til"))
    return (
        f"Pembrolizumab alone leaves {drug}, the infused T cells alone {cells}, and both "
        f"together {both.readings[0]}. One adds T cells, the other takes off their brake. "
        "Killing is their product: many T cells under a brake kill little, and so do few T cells "
        "without one."
    )


def _reached(settings, shown: View) -> bool:
    """Together below half of the start, each alone above it, two therapies only."""
    two = chosen(settings["first"], settings["second"], settings["third"])
    half = shown.series[0].y[0] / 2
    return len(two) == 2 and shown.readings[0].shown < half < shown.readings[1].shown


SPEC = LabSpec(
    name="combined_therapies",
    title="Combine two therapies in one patient",
    lead="One patient, one tumour, and every therapy of this course. Choose two, or three. Most of "
    "their effects are assumed: the lab shows how they work together, not how well.",
    controls=(
        Choice("first", "First therapy", OPTIONS, "pembrolizumab"),
        Choice("second", "Second therapy", OPTIONS, NONE),
        Control("infiltration", "T cells in the tumour", "patient.t_cell_infiltration", 0.1, 1),
        Control("cps", "PD-L1", "patient.cps", 1),
        Choice("third", "Third therapy", OPTIONS, NONE, stage=2),
        Choice(
            "her2",
            "HER2 on the tumour",
            tuple((name, words) for name, (words, _) in TUMOURS.items()),
            "low",
            stage=2,
        ),
    ),
    panels=(
        Panel("Tumour, sum of diameters", "mm", (0, 220)),
        Panel("Tumour-reactive T cells at the tumour", "cells", (FEWEST, 1e12), log=True),
    ),
    x_title="Days since the first dose",
    x_range=(0, DAYS),
    view=view,
    presets=(
        Preset("Pembrolizumab alone", {}),
        Preset("With infused T cells", {"second": "til"}),
        Preset("With infused T cells, without PD-L1", {"second": "til", "cps": 0}),
        Preset("As in KEYNOTE-355", {"second": "chemotherapy"}),
        Preset("Infused T cells and interleukin-2", {"first": "til", "second": "interleukin2"}),
        Preset(
            "HER2-positive: antibody and conjugate",
            {"first": "trastuzumab", "second": "conjugate", "her2": "high"},
        ),
    ),
    goal=Goal(
        text="Find two therapies that together bring the tumour below half of its size, though "
        "neither does so alone.",
        reached=_reached,
        praise="In the model. Such a pair is a reason for a trial, and no more: harm adds up as "
        "well, and it is not shown here.",
        solutions=(
            {"second": "til"},
            {"first": "chemotherapy", "second": "til"},
            {"first": "til", "second": "interleukin2"},
        ),
    ),
    prediction=Prediction(
        predict=Question(
            "Pembrolizumab alone slows this tumour a little. Infused T cells alone slow it, too. "
            "What do both do together?",
            (
                ("best", "As much as the better of the two."),
                ("sum", "About the two gains added."),
                ("more", "Far more than the two gains added."),
            ),
        ),
        why=Question(
            "Why?",
            (
                ("same", "Both work through T cells, so the second adds nothing."),
                ("apart", "Each works for itself."),
                ("product", "One adds T cells, the other lets each of them kill more."),
            ),
        ),
        tried=lambda settings: (
            {"pembrolizumab", "til"} <= {settings["first"], settings["second"], settings["third"]}
        ),
        observe=Question(
            "Press “With infused T cells”. Where does the tumour end?",
            (
                ("near", "Near the better of the two alone."),
                ("between", "Lower, by about as much as both gains."),
                ("gone", "Far below both."),
            ),
        ),
        right="more",
        explanation=_explanation,
        replies={
            "gone": "That is what you saw: the tumour shrinks, where each alone only slowed it.",
            "near": "Look once more at the first plot, at the end of the line “together”.",
            "between": "Look once more at the first plot, at the end of the line “together”.",
        },
        reasons={
            "same": "They work on the same cells at two places: their number, and their brake.",
        },
        afterword=lambda: (
            "Now press “With infused T cells, without PD-L1”. Where there is no brake, "
            "pembrolizumab adds nothing to the infused cells."
        ),
    ),
    continuous=False,
)


def lab(**settings: float | str) -> Lab:
    """Open the lab, at other settings if you name them: ``lab(second="til", cps=50)``.

    Raises ValueError, saying what is allowed, for an unknown name or a value outside
    its slider's range.
    """
    return Lab(SPEC, **settings)
