"""The first lab of lesson 07: a bench for IL-2 with dose, schedule and engineered variants."""

from __future__ import annotations

import numpy as np

from course_lib import evidence
from course_lib.labs.frame import Lab
from course_lib.labs.spec import Choice, Control, Goal, LabSpec, Prediction, Preset, Question
from course_lib.labs.view import Panel, Reading, Series, Table, View, gaps_below
from course_lib.labs.words import decimals, described
from course_lib.models.cytokine_therapy import Response, label_leak, run, variants

DAYS = int(evidence.get("il2_model.days").value)
HOURS = np.linspace(0, 24, 193)  # every 7.5 minutes
TIMES = np.linspace(0, DAYS, 10 * DAYS + 1)
CONCENTRATIONS = np.geomspace(3e-4, 3e3, 141)  # nM, 20 a decade
#: What the panels show: IL-2 (nM), numbers of cells, killing, percent of the label's leak.
LEVELS, FOLDS, KILLING, PERCENT = (1e-3, 1e3), (0.8, 20.0), (0.0, 4.0), (1.0, 1000.0)
ENOUGH = evidence.get("il2_model.goal_killing").value
LEAST = evidence.get("il2_model.goal_leak").value
#: What the goal leaves as it is.
CONSTANTS = ("kd_three_chains", "half_suppression", "half_leak")
#: Hours of the first day that stand in the table: both phases after a dose, then two more peaks.
TOLD = np.array([0, 0.25, 0.5, 1, 2, 3, 4, 6, 8, 8.25, 16, 16.25])
A_HUNDREDTH = 6.0  # thousand IU/kg: the dose that the prediction asks about

SCHEDULES = (
    ("label", "14 doses, one every 8 hours"),
    ("daily", "5 doses, one a day"),
    ("continuous", "14 doses without a pause"),
    ("once", "1 dose"),
)
VARIANTS = (
    ("native", "Native IL-2"),
    ("alpha_blocked", "α-blocked: not held by α"),
    ("masked", "Masked: opens in the tumour"),
    ("long_acting", "Long-acting: leaves slowly"),
)


def view(
    dose: float,
    schedule: str,
    variant: str,
    kd_three_chains: float,
    half_suppression: float,
    half_leak: float,
) -> View:
    """Return what the lab shows at one setting; units as on the sliders."""
    response = Response(
        kd_three_chains=kd_three_chains, half_suppression=half_suppression, half_leak=half_leak
    )
    times = np.concatenate([HOURS / 24, TIMES])
    course = run(1000 * dose, schedule, variant, response, times)
    first, later = slice(HOURS.size), slice(HOURS.size, None)
    tumour, blood = course.tumour[first], course.blood[first]
    regulatory, nk, cd8 = (each[later] for each in (course.regulatory, course.nk, course.cd8))
    killing, leak = course.killing[later], 100 * course.leak[later] / label_leak()

    made = variants()[variant]
    grip = kd_three_chains if made.kd_three_chains is None else made.kd_three_chains
    shown = Response(kd_three_chains=grip, half_leak=half_leak).signals(CONCENTRATIONS)
    signals = [100 * each for each in shown]
    low, high = tumour[2:].min(), tumour.max()  # from the end of the first infusion on
    # A bar above the curves, from the lowest to the highest level.
    day = Series(
        "IL-2 on day 1",
        0,
        np.clip([low, high], CONCENTRATIONS[0], CONCENTRATIONS[-1]),
        np.full(2, 106.0),
        "drug",
        moves=False,
    )
    series = (
        Series("regulatory T", 0, CONCENTRATIONS, signals[0], "toxicity"),
        Series("NK", 0, CONCENTRATIONS, signals[1], "t_cell", dash="dash", label=False),
        Series("CD8 T", 0, CONCENTRATIONS, signals[2], "t_cell", label=False),
        Series("vessels", 0, CONCENTRATIONS, signals[3], "toxicity", dash="dot", label=False),
        day,
        Series("in the tumour", 1, HOURS, gaps_below(tumour, LEVELS[0]), "drug"),
        Series(
            "in the blood",
            1,
            HOURS,
            gaps_below(blood, LEVELS[0]),
            "drug",
            dash="dash",
            label=False,
        ),
        Series("regulatory T", 2, TIMES, regulatory, "toxicity"),
        Series("NK", 2, TIMES, nk, "t_cell", dash="dash", label=False),
        Series("CD8 T", 2, TIMES, cd8, "t_cell"),
        Series("untreated", 3, TIMES[[0, -1]], np.ones(2), "healthy", dash="dot", moves=False),
        Series("killing", 3, TIMES, killing, "t_cell", label=False),
        Series(
            "leak",
            4,
            TIMES,
            gaps_below(leak, PERCENT[0]),
            "toxicity",
            dash="dot",
            label=False,
        ),
    )
    readings = (
        _times("Regulatory T cells at their most", regulatory.max()),
        _times("NK cells at their most", nk.max()),
        _times("CD8 T cells at their most", cd8.max()),
        Reading(f"Killing by CD8 T cells, mean of {DAYS} days", killing.mean(), "times", 2),
        Reading("Leak at its highest (label's dose: 100)", leak.max(), "%", least=1),
        _nanomolar("Highest IL-2 in the tumour", tumour.max(), 0.01),
        _nanomolar("IL-2 in the tumour after 8 hours", tumour[64], 0.001),
    )
    hours = np.searchsorted(HOURS, TOLD)
    # The first hours, then each day; of the level only the first day is plotted.
    rows = np.append(hours, np.arange(HOURS.size + 10, times.size, 10))
    leaks = 100 * course.leak[rows] / label_leak()
    columns = {"Time": [f"hour {each:g}" for each in TOLD] + [f"day {d + 1}" for d in range(DAYS)]}
    for place, level in (("tumour", tumour), ("blood", blood)):
        told = [str(_nanomolar("", each, LEVELS[0])) for each in level[hours]]
        columns[f"IL-2 in the {place}"] = told + ["–"] * DAYS
    columns |= {
        "Regulatory T cells": course.regulatory[rows],
        "NK cells": course.nk[rows],
        "CD8 T cells": course.cd8[rows],
        "Killing": course.killing[rows],
        "Leak": [f"{each:.0f} %" if each >= 1 else "below 1 %" for each in leaks],
    }
    return View(
        series=series,
        sentence=_sentence(dose, schedule, variant, readings),
        alt=f"{described(SPEC, [each for each in series if each is not day])} "
        f"On day 1 IL-2 in the tumour goes from {_nanomolar('', low, 0.001)} to {readings[5]}.",
        readings=readings,
        table=Table.of(
            "First hours, then days: cells and killing, times as before; leak, share of the "
            "label's highest",
            columns,
            ".2f",
        ),
    )


def _times(label: str, value: float) -> Reading:
    return Reading(label, float(value), "times", decimals(value))


def _nanomolar(label: str, value: float, least: float) -> Reading:
    """Two figures: the level in a patient is not known better."""
    return Reading(label, float(value), "nM", decimals(value, 2), least=least)


def _sentence(dose: float, schedule: str, variant: str, readings: tuple[Reading, ...]) -> str:
    regulatory, nk, cd8, killing, leak = (reading.value for reading in readings[:5])
    name = dict(VARIANTS)[variant].partition(":")[0]
    plan = dict(SCHEDULES)[schedule]
    text = (
        f"{name}, {_amount(dose)} a dose, {plan}. "
        f"At their most there are {regulatory:.3g} times as many regulatory T cells as before, "
        f"{nk:.3g} times as many NK cells and {cd8:.3g} times as many CD8 T cells. "
    )
    if killing < 0.995:
        change = f"{100 * (1 - killing):.0f} % less than before"
    elif killing < 1.005:
        change = "as much as before"
    else:
        change = f"{100 * (killing - 1):.0f} % more than before"
    if leak < 1:
        leaking = "hardly leak"
    elif 99.5 <= leak < 100.5:
        leaking = "leak as much as under the label's dose"
    else:
        leaking = f"leak {leak:.0f} % as much as under the label's dose"
    return text + f"Over {DAYS} days CD8 T cells kill {change}. Vessels {leaking}."


def _amount(dose: float) -> str:
    """Write a dose in thousand or million IU/kg."""
    return f"{dose / 1000:g} million IU/kg" if dose >= 1000 else f"{dose:g} thousand IU/kg"


def _explanation() -> str:
    """Say what a hundredth of the dose did to each kind of cell."""
    label, less = (SPEC.at(dose=dose).readings for dose in (SPEC.defaults["dose"], A_HUNDREDTH))
    fall = 100 * (1 - less[3].value)
    return (
        f"A hundredth of the dose still makes regulatory T cells {less[0].value:.3g} times as many "
        f"as before; the full dose makes them {label[0].value:.3g} times as many. CD8 T cells "
        f"reach only {less[2].value:.3g} times instead of {label[2].value:.3g}. Three chains "
        "hold IL-2 a hundred times as firmly as two. So there is no dose of native IL-2 that "
        "reaches CD8 T cells and leaves regulatory T cells out. Here the small dose does harm: "
        f"over {DAYS} days CD8 T cells kill {fall:.0f} % less than without it."
    )


def _afterword() -> str:
    return (
        "Raise the dose again and watch the order: regulatory T cells first, then NK cells and "
        "CD8 T cells, vessels last. Then try the variants, and look which lines each one moves."
    )


SPEC = LabSpec(
    name="cytokine_therapy",
    title="A bench for IL-2",
    lead="IL-2 makes T cells and NK cells multiply. Choose how much of it, how often and which "
    "variant, and see which cells respond.",
    controls=(
        Control("dose", "Each dose", "il2_bench.dose", 0.05, log=True),
        Choice("schedule", "Schedule", SCHEDULES, "label"),
        Choice("variant", "Variant", VARIANTS, "native"),
        Control(
            "kd_three_chains",
            "Grip of three chains (regulatory T cells), Kd",
            "il2_receptors.three_chains",
            0.1,
            stage=2,
            log=True,
        ),
        Control(
            "half_suppression",
            "Regulatory T cells that hold back half of the killing, times as before",
            "il2_model.half_suppression",
            0.1,
            stage=2,
            log=True,
        ),
        Control(
            "half_leak",
            "IL-2 in the blood that gives half of the greatest leak",
            "il2_model.half_leak",
            0.1,
            stage=2,
            log=True,
        ),
    ),
    panels=(
        Panel(
            "Signal (— CD8, – – NK, ··· vessels)",
            "% of the greatest",
            (0, 112),
            height=1.2,
            x_title="Active IL-2, nM",
            x_range=(CONCENTRATIONS[0], CONCENTRATIONS[-1]),
            x_log=True,
        ),
        Panel(
            "Active IL-2, day 1 (– – in the blood)",
            "nM",
            LEVELS,
            log=True,
            x_title="Hours since the first dose",
            x_range=(0, 24),
        ),
        Panel("Cells (dashed: NK cells)", "times as many as before", FOLDS, log=True),
        Panel("Killing by CD8 T cells", "times as before", KILLING, height=0.9),
        Panel("Leak (label's dose at its highest: 100)", "%", PERCENT, log=True, height=0.7),
    ),
    x_title="Days since the first dose",
    x_range=(0, DAYS),
    view=view,
    presets=(
        Preset("The label's dose", {"dose": 600}),
        Preset("A hundredth of it", {"dose": A_HUNDREDTH}),
        Preset("A low dose once a day", {"dose": 24, "schedule": "daily"}),
        Preset("Ten times the label's dose", {"dose": 6000}),
        Preset("One long infusion", {"schedule": "continuous"}),
        Preset("α-blocked", {"variant": "alpha_blocked"}),
        Preset("Masked", {"variant": "masked"}),
        Preset("Long-acting", {"variant": "long_acting"}),
    ),
    goal=Goal(
        text=f"Raise the killing by CD8 T cells to at least {ENOUGH:g} times, as a mean of {DAYS} "
        f"days, and keep the leak at or below {LEAST:g} % of that under the label's dose. "
        "Leave what lies under More controls as it is.",
        reached=lambda settings, view: (
            view.readings[3].shown >= ENOUGH
            and view.readings[4].shown <= LEAST
            and all(settings[name] == SPEC.defaults[name] for name in CONSTANTS)
        ),
        praise="Native IL-2 cannot do this here, at any dose or schedule. It took a change in "
        "which cells respond, or in where the drug is active.",
        solutions=(
            {"variant": "masked", "schedule": "continuous"},
            {"variant": "masked", "dose": 3000},
            {"variant": "alpha_blocked", "schedule": "continuous", "dose": 76},
        ),
    ),
    prediction=Prediction(
        predict=Question(
            "The lab opens on the label's dose of native IL-2. You give a hundredth of it: 6 "
            "instead of 600 thousand IU/kg. Which cells still multiply clearly?",
            (
                ("all", "All three kinds, each a little less."),
                ("killers", "CD8 T cells and NK cells."),
                ("regulatory", "Regulatory T cells."),
            ),
        ),
        why=Question(
            "Why?",
            (
                ("share", "A smaller dose makes every effect smaller by the same factor."),
                ("grip", "One kind of cell holds IL-2 more firmly than the others."),
                ("order", "Cells that kill are the first to respond to IL-2."),
            ),
        ),
        tried=lambda settings: (
            settings["variant"] == "native"
            and settings["schedule"] == "label"
            and settings["dose"] <= A_HUNDREDTH
        ),
        observe=Question(
            "Move the dose from 600 to 6 thousand IU/kg. Which lines still rise clearly above 1 "
            "in the plot of cells?",
            (
                ("all", "All three."),
                ("killers", "Those of CD8 T cells and NK cells."),
                ("regulatory", "Only that of regulatory T cells."),
            ),
        ),
        right="regulatory",
        explanation=_explanation,
        replies={
            "all": "Look at the plot of cells once more: two of the lines lie almost at 1.",
            "killers": "Look at the names once more: the line that rises is that of regulatory T "
            "cells.",
            "regulatory": "That is what you saw: one line is left.",
        },
        reasons={
            "share": "The level does fall by one factor. But three chains stay nearly full at the "
            "lower peaks, and two chains do not.",
            "order": "Cells that kill carry receptors of two chains here, which hold IL-2 weakly.",
        },
        afterword=_afterword,
    ),
)


def lab(**settings: float | str) -> Lab:
    """Open the lab, at other settings if you name them: ``lab(dose=6, variant="masked")``.

    Raises ValueError, saying what is allowed, for an unknown name or a value outside
    its slider's range.
    """
    return Lab(SPEC, **settings)
