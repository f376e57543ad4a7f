"""A lab of lesson 04: how long trastuzumab stays in the blood, and why that depends on how much."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from course_lib import evidence
from course_lib.labs.frame import Lab
from course_lib.labs.spec import Control, Goal, LabSpec, Prediction, Preset, Question
from course_lib.labs.view import Panel, Reading, Series, Table, Texts, View, gaps_below, point
from course_lib.labs.words import described
from course_lib.models.trastuzumab import trastuzumab

DAYS = 210
#: Drawn every quarter of a week, so that doses on whole weeks are met.
DRAWN = np.arange(0, DAYS + 1, 1.75)
TABLE_DAYS = tuple(range(0, DAYS + 1, 21))
#: The concentrations drawn, mg/L.
LOWEST, HIGHEST = 0.01, 2000
CONCENTRATIONS = np.geomspace(LOWEST, HIGHEST, 100)
TARGET = float(evidence.get("trastuzumab.historic_target").value)
#: Where a run stands on the curve of half-lives.
POINTS = ("last dose", f"day {DAYS}")
#: Long steps, for speed: see the measured errors in the model.
STEP = 1.1


def view(
    loading_dose: float,
    dose: float,
    interval: float,
    weight: float,
    number_of_doses: float,
    missed_dose: float,
    her2_way: float,
) -> View:
    """Return what the lab shows at one setting; units as on the sliders."""
    typical = trastuzumab(weight)
    kinetics = replace(typical, maximal_rate=typical.maximal_rate * her2_way / 100)
    planned = interval * np.arange(int(number_of_doses))
    per_kg = np.where(planned == 0, loading_dose, dose)
    given = (planned < DAYS) & ((missed_dose < 1) | (np.arange(planned.size) != int(missed_dose)))
    dose_days, per_kg = planned[given], per_kg[given]

    days = np.unique(np.concatenate([DRAWN, dose_days]))
    days = np.sort(np.concatenate([days, dose_days[1:]]))  # just before and just after a dose
    before = np.append(days[1:] == days[:-1], False)
    doses = per_kg * weight
    drug = kinetics.concentration(days, dose_days, doses, before=before, step=STEP)
    linear = kinetics.linear().concentration(days, dose_days, doses, before=before)

    last = float(dose_days[-1])
    ends = np.array([drug[(days == last) & ~before][0], drug[-1]])
    half_lives = kinetics.half_life(ends)
    (x, later_x), (y, later_y) = gaps_below(ends, LOWEST), half_lives
    trough = drug[days <= min(interval, DAYS)][-1 - (interval in dose_days)]
    below = _last_day_above(days, drug, TARGET)
    series = (
        Series("trastuzumab", 0, days, gaps_below(drug, LOWEST), "drug"),
        Series("linear only", 0, days, gaps_below(linear, LOWEST), "control", dash="dash"),
        Series(
            f"{TARGET:.0f} mg/L",
            0,
            np.array([0.0, DAYS]),
            np.full(2, TARGET),
            "healthy",
            dash="dot",
            moves=False,
            label=False,
        ),
        Series("half-life", 1, CONCENTRATIONS, kinetics.half_life(CONCENTRATIONS), "drug"),
        Series(
            "linear only",
            1,
            CONCENTRATIONS[[0, -1]],
            np.full(2, kinetics.half_life()),
            "control",
            dash="dash",
        ),
        point(POINTS[0], 1, x, y, "drug", "circle"),
        point(POINTS[1], 1, later_x, later_y, "drug", "circle-open"),
    )
    later_x = np.maximum(later_x / 2.5, 1.3 * LOWEST)  # the words stand beside the point
    texts = (
        Texts(POINTS[0], 1, np.array([2.5 * x]), np.array([y - 6]), POINTS[:1]),
        Texts(
            POINTS[1], 1, np.array([later_x]), np.array([later_y + 5]), POINTS[1:], "middle right"
        ),
        Texts(
            "target",
            0,
            np.array([3.0]),
            np.array([TARGET / 2]),
            (f"{TARGET:.0f} mg/L",),
            "middle right",
        ),
    )
    readings = (
        Reading("Lowest concentration before the second dose", float(trough), "mg/L", 1),
        Reading("Highest concentration", float(drug.max()), "mg/L", 0),
        Reading("Half-life just after the last dose", float(half_lives[0]), "days", 1),
        Reading(f"Half-life on day {DAYS}", float(half_lives[1]), "days", 1),
        Reading(f"Concentration on day {DAYS}", float(drug[-1]), "mg/L", 2, least=0.01),
        Reading("The same with linear clearance alone", float(linear[-1]), "mg/L", 2, least=0.01),
        Reading(f"Last day above {TARGET:.0f} mg/L", math.floor(below), "", 0),
        Reading("Antibody given in all", float(per_kg.sum()), "mg/kg", 1),
    )
    regimen = _regimen(loading_dose, dose, interval, dose_days, planned[~given])
    at = np.searchsorted(days, TABLE_DAYS)  # on the day of a dose: just before it
    columns = {
        "Day": map(str, TABLE_DAYS),
        "Trastuzumab, mg/L": drug[at],
        "With linear clearance alone, mg/L": linear[at],
        "Half-life at this concentration, days": kinetics.half_life(drug[at]),
    }
    return View(
        series=series,
        texts=texts,
        sentence=_sentence(regimen, readings, last, drug, her2_way, below),
        alt=described(SPEC, series),
        readings=readings,
        table=Table.of("Every 21 days, just before a dose of that day", columns),
    )


def _last_day_above(days: np.ndarray, drug: np.ndarray, target: float) -> float:
    """The last day with at least ``target``; 0 if there is none."""
    above = np.flatnonzero(drug >= target)
    if not above.size or above[-1] == days.size - 1:
        return float(days[above[-1]]) if above.size else 0.0
    here, there = above[-1], above[-1] + 1
    share = np.log(drug[here] / target) / np.log(drug[here] / drug[there])
    return float(days[here] + share * (days[there] - days[here]))


def _regimen(loading_dose, dose, interval, dose_days, missed) -> str:
    later = dose_days.size - 1
    text = f"{loading_dose:.1f} mg/kg on day 0"
    if later:
        text += f" and {later} later dose{'s' * (later > 1)} of {dose:.1f} mg/kg"
        text += f", planned every {interval:.0f} days"
    skipped = missed[missed < DAYS]
    return text + (f", the dose of day {skipped[0]:.0f} missed" if skipped.size else "")


def _sentence(regimen, readings, last, drug, her2_way, below) -> str:
    if not drug.max():
        return "No trastuzumab is given, so there is none in the blood."
    fast, slow = readings[3], readings[2]
    if fast.value < slow.value - 0.05:
        compared = (
            f"Just after the last dose, on day {last:.0f}, the half-life is {slow}. On day {DAYS}, "
            f"at {readings[4]}, it is {fast}: a larger share leaves each day."
        )
    elif her2_way == 0:
        compared = f"From day {last:.0f} on, the half-life is {slow} at every concentration."
    elif readings[4].value < 1:
        compared = f"On day {last:.0f} little is left: the half-life is near its shortest, {fast}."
    else:
        compared = f"From day {last:.0f} on, the half-life stays near {fast}."
    if below >= DAYS:
        target = f"It is still above {TARGET:.0f} mg/L on day {DAYS}."
    elif below > 0:
        target = f"It is below {TARGET:.0f} mg/L from day {math.ceil(below)} on."
        above = np.flatnonzero(drug >= TARGET)
        lowest = drug[above[0] : above[-1]].min(initial=np.inf)
        if lowest < TARGET:
            target = target[:-1] + f", and before that it had fallen to {lowest:.1f} mg/L."
    else:
        target = f"It never reaches {TARGET:.0f} mg/L."
    return f"With {regimen}, the peak is {readings[1]}. {target} {compared}"


def _explanation() -> str:
    """Say how the half-life changed after the last dose."""
    shown = SPEC.at()
    return (
        f"Just after the last dose the half-life is {shown.readings[2]}. On day {DAYS} it is "
        f"{shown.readings[3]}. Part of the antibody, it is thought, is lost on HER2: a cell takes "
        "the pair in and breaks it down. At a high concentration this way is full: just after "
        "that dose it takes about a quarter of what leaves. At a low concentration it takes most."
    )


def _enough(settings, shown: View) -> bool:
    """At least the target from the first dose to day 126, with 30 mg/kg or less."""
    drug = shown.series[0]
    return bool(shown.readings[7].shown <= 30 and np.all(drug.y[drug.x <= 126] >= TARGET))


SPEC = LabSpec(
    name="trastuzumab",
    title="How long trastuzumab stays",
    lead="One patient with breast cancer, and trastuzumab in her blood. It leaves in two ways: "
    "one is always open; the other, probably through HER2, can be full.",
    controls=(
        Control("loading_dose", "First dose", "trastuzumab.loading_dose", step=0.5, digits=1),
        Control("dose", "Each later dose", "trastuzumab.dose", step=0.5, digits=1),
        Control("interval", "Interval between doses", "trastuzumab.interval", step=7),
        Control("number_of_doses", "Number of doses", "trastuzumab_lab.number_of_doses", step=1),
        Control("weight", "Body weight", "trastuzumab.reference_weight", step=1, stage=2),
        Control(
            "missed_dose",
            "Later dose that is missed (0: none)",
            "trastuzumab_lab.missed_dose",
            step=1,
            stage=2,
        ),
        Control("her2_way", "The way through HER2", "trastuzumab_lab.her2_way", step=5, stage=2),
    ),
    panels=(
        Panel("Trastuzumab in the blood", "mg/L", (LOWEST / 5, HIGHEST), log=True),
        Panel(
            "Half-life at each concentration",
            "days",
            (0, 45),
            x_title="Concentration, mg/L",
            x_range=(LOWEST, HIGHEST),
            x_log=True,
        ),
    ),
    x_title="Days since the first dose",
    x_range=(0, DAYS),
    view=view,
    blind=True,
    presets=(
        Preset("Every three weeks", {}),
        Preset("Every week", {"loading_dose": 4, "dose": 2, "interval": 7, "number_of_doses": 16}),
        Preset("No loading dose", {"loading_dose": 6}),
        Preset("One dose missed", {"missed_dose": 3}),
        Preset("Stop after two doses", {"number_of_doses": 2}),
    ),
    goal=Goal(
        text=f"Keep the blood at {TARGET:.0f} mg/L or more from the first dose to day 126, with "
        "30 mg/kg or less in all.",
        reached=_enough,
        praise="Small doses more often waste less: high peaks are cleared too. A target "
        "concentration is not an effect: no trial has shown that this level is what matters.",
        solutions=(
            {"loading_dose": 7, "dose": 4.5},
            {"loading_dose": 5, "dose": 2.5, "interval": 14, "number_of_doses": 9},
            {"loading_dose": 3.5, "dose": 1.5, "interval": 7, "number_of_doses": 18},
        ),
    ),
    prediction=Prediction(
        predict=Question(
            "The lab opens with six doses. After the last one the drug only leaves. Does its "
            "half-life change while the concentration falls?",
            (
                ("same", "No: a half-life is a property of the drug."),
                ("faster", "It gets shorter: of a small amount, a larger share leaves a day."),
                ("slower", "It gets longer: of a small amount, a smaller share leaves a day."),
            ),
        ),
        why=Question(
            "Why?",
            (
                ("constant", "The body removes the same share of a drug every day."),
                ("full", "One way out can be full; at low concentrations it has room."),
                ("hidden", "The last of the drug sits in tissues and comes out slowly."),
            ),
        ),
        tried=lambda settings: settings["number_of_doses"] <= 3,
        observe=Question(
            "Stop earlier: set two or three doses. After the last one, how do the solid line, "
            "trastuzumab, and the dashed one, linear clearance alone, run?",
            (
                ("together", "They stay together to the end."),
                ("apart", "They move apart: the solid line falls faster and faster."),
                ("crossed", "They cross: the solid line ends above the dashed one."),
            ),
        ),
        right="faster",
        explanation=_explanation,
        replies={
            "apart": "That is what you saw. It also means that a missed dose costs more than its "
            "share, and that the drug is gone sooner than its half-life on treatment suggests.",
            "together": "Look at the right end once more: the solid line lies far below the "
            "dashed one.",
            "crossed": "Look at the plot once more: with both ways the line never lies above the "
            "line for linear clearance alone.",
        },
    ),
)


def lab(**settings: float) -> Lab:
    """Open the lab, at other settings if you name them: ``lab(loading_dose=6, interval=7)``.

    Raises ValueError, saying what is allowed, for an unknown name or a value outside
    its slider's range.
    """
    return Lab(SPEC, **settings)
