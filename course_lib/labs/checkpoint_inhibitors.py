"""The lab of lesson 03: dose and schedule to concentration, PD-1 occupancy and tumour size."""

from __future__ import annotations

import numpy as np

from course_lib.labs.frame import Lab
from course_lib.labs.spec import Control, Goal, LabSpec, Prediction, Preset, Question
from course_lib.labs.view import Panel, Reading, Series, Table, View, gaps_below
from course_lib.labs.words import described, millimetres
from course_lib.models.checkpoint_inhibitors import Pembrolizumab
from course_lib.models.chemotherapy import Chemotherapy
from course_lib.models.patient import Patient, simulate

DAYS = 360
#: Rows of the data table, days.
TABLE_DAYS = tuple(range(0, DAYS + 1, 30))
#: The concentration axis starts here; less is not drawn, mg/L.
LOWEST = 0.1


def view(
    dose: float,
    interval: float,
    infiltration: float,
    cps: float,
    weight: float,
    number_of_doses: float,
    doubling_time: float,
    chemotherapy: float,
) -> View:
    """Return what the lab shows at one setting; units as on the sliders."""
    patient = Patient(infiltration=infiltration, cps=cps, doubling_time=doubling_time)
    # Two patients alike but for the drug, so that both lines share their days.
    drug = Pembrolizumab(
        dose=np.array([dose, 0.0]),
        interval=interval,
        number_of_doses=int(number_of_doses),
        weight=weight,
    )
    cycles = int(chemotherapy)
    both = [drug, Chemotherapy(number_of_cycles=cycles)] if cycles else [drug]
    course = simulate(patient, both, days=DAYS)
    days = course.times
    concentration = drug.concentration(days, before=course.before)[:, 0]
    binding = 100 * drug.occupancy(concentration)
    effect = 100 * drug.functional_effect(concentration)
    size, size_untreated = course.size.T

    lowest = _trough(concentration, days, interval)
    effect_at_trough = _trough(effect, days, interval)
    series = (
        Series("pembrolizumab", 0, days, gaps_below(concentration, LOWEST), "drug"),
        Series("PD-1 bound", 1, days, binding, "drug"),
        Series("brake released", 1, days, effect, "t_cell", dash="dot"),
        Series("with drug", 2, days, size, "tumour"),
        Series("without drug", 2, days, size_untreated, "control"),
    )
    readings = (
        Reading("Lowest concentration between doses", lowest, "mg/L", 1),
        Reading("PD-1 brake released at that moment", effect_at_trough, "%", 1),
        Reading(f"Tumour on day {DAYS}", float(size[-1]), "mm", 0, least=1),
        Reading(
            f"Tumour on day {DAYS} without pembrolizumab",
            float(size_untreated[-1]),
            "mm",
            0,
            least=1,
        ),
    )
    columns = {
        "Day": map(str, TABLE_DAYS),
        "Pembrolizumab, mg/L": np.interp(TABLE_DAYS, days, concentration),
        "PD-1 bound, %": np.interp(TABLE_DAYS, days, binding),
        "Brake released, %": np.interp(TABLE_DAYS, days, effect),
        "Tumour with pembrolizumab, mm": np.interp(TABLE_DAYS, days, size),
        "Tumour without pembrolizumab, mm": np.interp(TABLE_DAYS, days, size_untreated),
    }
    return View(
        series=series,
        sentence=_sentence(dose, interval, cycles, effect_at_trough, size, size_untreated),
        alt=described(SPEC, series),
        readings=readings,
        table=Table.of("The plotted values every 30 days", columns),
    )


def _trough(values: np.ndarray, days: np.ndarray, interval: float) -> float:
    """The lowest value of the first interval: on its last day, just before a second dose."""
    return float(values[(days > 0) & (days <= interval)].min())


def _change(size: np.ndarray) -> float:
    """The change of a size from the first to the last day, in %."""
    return float(100 * (size[-1] / size[0] - 1))


def _sentence(dose, interval, cycles, effect, size, size_untreated) -> str:
    start, end, without = (millimetres(v) for v in (size[0], size[-1], size_untreated[-1]))
    change = _change(size)
    if abs(change) < 0.5 or start == end:
        outcome = f"The tumour keeps its size, {start}, for {DAYS} days."
    elif size[-1] < 1:
        outcome = f"The tumour shrinks from {start} to {end} within {DAYS} days: a remission."
    else:
        verb = "grows" if change > 0 else "shrinks"
        outcome = f"The tumour {verb} by {abs(change):.0f} % in {DAYS} days, from {start} to {end}."
    if cycles:
        outcome += f" It also gets chemotherapy, {cycles} cycle{'s' * (cycles > 1)} of 28 days."
    if dose == 0:
        return f"No pembrolizumab is given. {outcome}"
    return (
        f"With {dose:.0f} mg every {interval:.0f} days, at least {effect:.0f} % of the PD-1 brake "
        f"is released in the first cycle. {outcome} Without pembrolizumab it would measure "
        f"{without}."
    )


def _explanation() -> str:
    """Say what happened when the dose doubled."""
    once = SPEC.at()
    twice = SPEC.at(dose=2 * SPEC.defaults["dose"])
    return (
        f"Doubling the dose doubled the concentration: {once.readings[0]} became "
        f"{twice.readings[0]} before the second dose. But the brake was already "
        f"{once.readings[1]} released, and twice the drug made that {twice.readings[1]}. "
        f"So the tumour measured {once.readings[2]} at the lower dose and {twice.readings[2]} "
        "at the higher one."
    )


SPEC = LabSpec(
    name="checkpoint_inhibitors",
    title="Releasing the PD-1 brake",
    lead="One patient. Follow a dose of pembrolizumab from the blood to the T cell's brake to the "
    "tumour.",
    controls=(
        Control("dose", "Dose", "pembrolizumab.dose", step=10),
        Control("interval", "Interval between doses", "pembrolizumab.interval", step=7),
        Control("infiltration", "T cells in the tumour", "patient.t_cell_infiltration", 0.1, 1),
        Control("cps", "PD-L1", "patient.cps", step=1),
        Control(
            "chemotherapy", "Cycles of chemotherapy", "checkpoint_lab.chemotherapy", 1, stage=2
        ),
        Control("weight", "Body weight", "patient.weight", step=0.2, digits=1, stage=2),
        Control(
            "number_of_doses", "Number of doses", "pembrolizumab.number_of_doses", step=1, stage=2
        ),
        Control(
            "doubling_time", "Tumour doubling time", "tumour.volume_doubling_time", step=1, stage=2
        ),
    ),
    panels=(
        Panel("Drug in the blood", "mg/L", (LOWEST, 1000), log=True),
        Panel("PD-1 on the T cells", "%", (0, 105)),
        Panel("Tumour, sum of diameters", "mm", (0, 250)),
    ),
    x_title="Days since the first dose",
    x_range=(0, DAYS),
    view=view,
    presets=(
        Preset("2 mg/kg", {"dose": 150, "weight": 75, "interval": 21}),
        Preset("10 mg/kg", {"dose": 750, "weight": 75, "interval": 21}),
        Preset("Cold tumour", {"infiltration": 0.1}),
        Preset("Hot tumour", {"infiltration": 4}),
        Preset("PD-L1 negative", {"cps": 0}),
        Preset("With chemotherapy", {"chemotherapy": 6}),
    ),
    goal=Goal(
        text="With 100 mg or less per dose, make the tumour at least 30 % smaller after a year. "
        "Without the drug it must not get so small.",
        reached=lambda settings, view: (
            0 < settings["dose"] <= 100
            and round(_change(view.series[3].y)) <= -30
            and round(_change(view.series[4].y)) > -30
        ),
        praise="Not the dose but the T cells already there made the difference.",
        solutions=(
            {"dose": 100, "infiltration": 5, "cps": 40},
            {"dose": 60, "infiltration": 4, "cps": 60, "doubling_time": 160},
        ),
    ),
    prediction=Prediction(
        predict=Question(
            "The lab opens at 200 mg every 21 days. If you double the dose, how large will the "
            "tumour be after a year?",
            (
                ("half", "About half as large as with 200 mg."),
                ("smaller", "Clearly smaller, but not half."),
                ("same", "Almost the same as with 200 mg."),
            ),
        ),
        why=Question(
            "Why?",
            (
                ("more_cells", "Twice the drug brings twice as many T cells."),
                ("free_left", "At 200 mg, many PD-1 molecules are still free."),
                ("all_taken", "At 200 mg, nearly every PD-1 molecule is already taken."),
            ),
        ),
        tried=lambda settings: settings["dose"] >= 400,
        observe=Question(
            "Compare 200 mg with 400 mg. What did the three plots do?",
            (
                ("halved", "The concentration doubled and the tumour halved."),
                ("saturated", "The concentration doubled; the other two plots hardly moved."),
                ("nothing", "None of the three plots moved."),
            ),
        ),
        right="same",
        explanation=_explanation,
        replies={
            "halved": "You saw the tumour halve. Press Reset, then move only the dose, "
            "and read the sentence under the plot again.",
            "saturated": "That is what you saw. This is called saturation: once nearly every "
            "PD-1 is taken, more antibody has nothing left to bind.",
            "nothing": "You saw no line move. Look at the top plot, or at the data, once more: "
            "the plot's axis is logarithmic, so doubling looks like a small step.",
        },
        reasons={
            "more_cells": "And the drug itself adds no T cells: it releases the ones that are "
            "there."
        },
    ),
)


def lab(**settings: float) -> Lab:
    """Open the lab, at other settings if you name them: ``lab(dose=400, cps=5)``.

    Raises ValueError, saying what is allowed, for an unknown name or a value outside
    its slider's range.
    """
    return Lab(SPEC, **settings)
