"""The first lab of lesson 05: a design studio for CAR-T cells against HER2."""

from __future__ import annotations

import numpy as np

from course_lib import evidence
from course_lib.labs.frame import Lab
from course_lib.labs.spec import Choice, Control, Goal, LabSpec, Prediction, Preset, Question
from course_lib.labs.view import Panel, Reading, Series, Table, View, gaps_below, point
from course_lib.labs.words import described, figures
from course_lib.models.car_t_engineering import Body, CarT, course
from course_lib.models.cytokine_release import crs_grade, signs
from course_lib.models.patient import Patient

DAYS = 360
#: The days on which cytokines are drawn; they matter at once, or never.
EARLY = 30
GRID = np.unique(
    np.concatenate([[0], np.geomspace(0.02, EARLY, 60), np.arange(EARLY, DAYS + 1, 5)])
)
TABLE_DAYS = (0, 1, 2, 5, 7, 10, 15, 30, 60, 120, 180, 240, 300, 360)
CAPTION = (
    "The plotted values on some days, cells in % of day 0; last, one contact in % of the most "
    "(assumed effect)"
)
DENSITIES = np.geomspace(10, 3e6, 96)
#: Less is not drawn: percent of day 0, billion cells, cytokine level.
FEWEST, FEWEST_CELLS, LOWEST = 1e-3, 1e-3, 0.03
MOST_KILLED = 99.9
DOUBLING_TIME = evidence.get("tumour.volume_doubling_time_her2").value
LOW_RATIO = evidence.get("car_t_lab.low_her2_ratio").value
WEAK = evidence.get("car_t_lab.weak_kd").value
KILLED, LOST, GRADE = (
    evidence.get(f"car_t_lab.goal_{name}").value for name in ("killed", "lost", "grade")
)
#: Cytokine levels at which the grade rises: the course's assumption. Fever begins at 1.
GRADES = {"grade 1": 1.0} | {
    f"grade {grade}": evidence.get(f"cytokine_release.{sign}").value
    for grade, sign in ((2, "low"), (3, "one_pressor"), (4, "several_pressors"))
}
#: The case of 2010, as far as it is known.
CASE = {
    "kd": evidence.get("car_t_lab.case_kd").value,
    "signalling": "both",
    "dose": evidence.get("car_t.dose_of_2010").value / 1e6,
}
BLOOD_PRESSURE = {
    "normal": "normal blood pressure",
    "low": "low blood pressure that needs no pressor",
    "one pressor": "low blood pressure that needs one pressor",
    "several pressors": "low blood pressure that needs several pressors",
}
OXYGEN = {
    "none": "no oxygen needed",
    "low flow": "low-flow oxygen",
    "high flow": "high-flow oxygen",
    "positive pressure": "positive-pressure breathing",
}


def view(
    kd: float,
    signalling: str,
    gate: str,
    dose: float,
    hinge: str,
    her2: float,
    healthy_her2: float,
    low_share: float,
    switch_day: float,
) -> View:
    """Return what the lab shows at one setting; units as on the sliders."""
    product = CarT.built(signalling, hinge, kd=kd, dose=1e6 * dose, switch_day=switch_day)
    patient = Patient(
        infiltration=0,  # no T cells of the patient's own: what is seen is the product alone
        her2=her2,
        low_her2_ratio=LOW_RATIO,
        antigen_low_share=low_share / 100,
        doubling_time=DOUBLING_TIME,
    )
    body = Body(antigens=healthy_her2)
    days = np.unique(np.append(GRID, np.clip([switch_day - 1e-3, switch_day], 0, DAYS)))
    run = course(product, patient, days, gate, body)

    tumour = run.high + run.low
    high, low, healthy = (
        100 * part for part in (run.high / tumour[0], run.low / tumour[0], run.healthy)
    )
    left = high + low
    cells, early = run.cells / 1e9, days <= EARLY
    smallest, worst = int(left.argmin()), int(run.level.argmax())
    found = signs(float(run.level[worst]))
    inhibition = body.inhibition if gate == "not" else 0.0
    densities = np.array([her2, LOW_RATIO * her2, healthy_her2])
    marks = 100 * product.lysis(densities, [0.0, 0.0, inhibition])
    series = (
        Series("killing", 0, DENSITIES, 100 * product.lysis(DENSITIES), "t_cell"),
        Series("cytokines", 0, DENSITIES, 100 * product.cytokines(DENSITIES), "drug"),
        point("HER2-high tumour", 0, densities[0], marks[0], "tumour", "square"),
        point("HER2-low tumour", 0, densities[1], marks[1], "tumour", "square-open"),
        point("healthy lung", 0, densities[2], marks[2], "healthy", "circle"),
        Series("HER2-high", 1, days, gaps_below(high, FEWEST), "tumour"),
        Series("HER2-low", 1, days, gaps_below(low, FEWEST), "tumour", dash="dash", label=False),
        Series("healthy lung", 1, days, gaps_below(healthy, FEWEST), "healthy"),
        Series("CAR-T cells", 2, days, gaps_below(cells, FEWEST_CELLS), "t_cell", dash="dashdot"),
        *(
            Series(name, 3, np.array([0.0, EARLY]), np.full(2, level), "toxicity", moves=False)
            for name, level in GRADES.items()
        ),
        Series("cytokines", 3, days[early], gaps_below(run.level[early], LOWEST), "drug"),
    )
    # Below a thousandth the model says little: it never claims that a tumour is gone.
    killed = min(float(100 - left[smallest]), MOST_KILLED)
    readings = (
        _reading(f"Tumour cells killed, at its smallest ({MOST_KILLED}: or more)", killed, "%"),
        _reading(f"Tumour cells on day {DAYS}, of day 0", left[-1], "%", 0.1),
        _reading(f"HER2-low tumour cells on day {DAYS}, of day 0's tumour", low[-1], "%", 0.1),
        _reading("Healthy lung cells lost", 100 - healthy[-1], "%"),
        Reading("CRS grade", float(crs_grade(*found)), "of 4"),
        _reading("Highest cytokine level", run.level[worst], "times that of fever"),
        _reading("Most CAR-T cells", cells.max(), "billion", 0.1),
        _reading(f"CAR-T cells on day {DAYS}", 1000 * cells[-1], "million", 0.1),
    )
    at = np.searchsorted(days, TABLE_DAYS)
    contact = np.array([marks, 100 * product.cytokines(densities, [0.0, 0.0, inhibition])])
    columns = {
        "Day": [*map(str, TABLE_DAYS), "One contact: killing", "One contact: cytokines"],
        "HER2-high tumour cells, %": [*high[at], *contact[:, 0]],
        "HER2-low tumour cells, %": [*low[at], *contact[:, 1]],
        "Healthy lung cells, %": [*healthy[at], *contact[:, 2]],
        "CAR-T cells, billion": [*cells[at], "—", "—"],
        "Cytokine level, times that of fever": [*run.level[at], "—", "—"],
    }
    return View(
        series=series,
        sentence=_sentence(readings, days[smallest], days[worst], found),
        alt=described(SPEC, series),
        readings=readings,
        table=Table.of(CAPTION, columns, figures),
    )


def _reading(label: str, value: float, unit: str, least: float = 0.0) -> Reading:
    """Return a reading of at most three figures."""
    return Reading(label, float(value), unit, 1 if value < 99.95 else 0, least)


def _sentence(readings, smallest: float, worst: float, found) -> str:
    killed, end, low, lost, grade, level, *_ = readings
    more = " or more" if killed.value == MOST_KILLED else ""
    shrinks = (
        f"By day {smallest:.0f} CAR-T cells have killed {killed}{more} of the tumour."
        if killed.value >= 0.05
        else "The tumour never shrinks."
    )
    share = f", {100 * low.value / end.value:.0f} % of them HER2-low" * (end.value >= end.least)
    when = f"on day {worst:.1f}" if worst >= 0.05 else "right after the infusion"
    fever = "fever" if found.fever else "no fever"
    height = level if found.fever or level.shown != 1 else "just below that of fever"
    return (
        f"Assumed effects, not a forecast. {shrinks} On day {DAYS} it has {end} of its first "
        f"cells{share}. Of the healthy lung cells {lost} are lost. The cytokine level is highest "
        f"{when}, at {height}. Its signs: {fever}, {BLOOD_PRESSURE[found.blood_pressure]}, "
        f"{OXYGEN[found.oxygen]}. That makes CRS grade {grade}."
    )


def _marks(shown: View) -> list[float]:
    return [float(shown.series[i].y[0]) for i in (2, 3, 4)]


def _explanation() -> str:
    """Say what a weak binder does to one contact with each kind of cell."""
    tight, weak = _marks(SPEC.at()), _marks(SPEC.at(kd=WEAK))
    return (
        f"With 1 nM, a contact reaches {tight[0]:.0f} % of the greatest killing of HER2-high "
        f"tumour cells and {tight[2]:.0f} % of that of lung cells. With {WEAK:,} nM it is "
        f"{weak[0]:.0f} % and {weak[2]:.1f} %. A weak binder holds only a small part of the HER2 "
        "it meets. On a tumour cell a small part of very many is still enough. On a lung cell it "
        "is not."
    )


def _afterword() -> str:
    """Say who is left after a year with the weak binder."""
    weak = SPEC.at(kd=WEAK).readings
    return (
        f"On day {DAYS} the tumour has {weak[1]} of its first cells, "
        f"{100 * weak[2].value / weak[1].value:.0f} % of them HER2-low. A binder that spares "
        "cells with little HER2 spares them in the tumour too."
    )


def _reached(settings, shown: View) -> bool:
    as_given = ("her2", "healthy_her2", "low_share")
    return (
        all(abs(settings[name] / SPEC.defaults[name] - 1) < 0.02 for name in as_given)
        and shown.readings[0].shown >= KILLED
        and shown.readings[3].shown <= LOST
        and shown.readings[4].value <= GRADE
    )


SPEC = LabSpec(
    name="car_t_engineering",
    title="CAR-T design studio: assumed effects, not a forecast",
    lead="Design a CAR-T cell against HER2. The tumour carries much of it, healthy lung a "
    "hundredth, and some tumour cells little more than the lung. Most numbers are our assumptions.",
    controls=(
        Control("kd", "Grip of the binder, Kd (small: tight)", "car.kd", 0.1, log=True),
        Choice(
            "signalling",
            "Signalling part",
            (("41bb", "4-1BB"), ("cd28", "CD28"), ("both", "CD28 and 4-1BB (third generation)")),
            "41bb",
        ),
        Choice(
            "gate",
            "Gate",
            (
                ("none", "none: HER2 alone"),
                ("and", "AND: after a second antigen"),
                ("not", "NOT: braked on healthy cells"),
            ),
            "none",
        ),
        Control("dose", "Dose", "car_t_lab.dose", 0.1, log=True),
        Choice(
            "hinge",
            "Hinge and transmembrane part",
            (("cd8", "from CD8"), ("cd28", "from CD28")),
            "cd8",
            stage=2,
        ),
        Control("her2", "HER2 on HER2-high tumour cells", "car_t_lab.her2", 0.1, stage=2, log=True),
        Control(
            "healthy_her2", "HER2 on lung cells", "car_t_body.antigens", 0.1, stage=2, log=True
        ),
        Control("low_share", "HER2-low cells of the tumour", "car_t_lab.low_share", 1, stage=2),
        Control(
            "switch_day",
            f"Off-switch used (later than day {DAYS}: never)",
            "car_t.switch_day",
            0.1,
            stage=2,
            log=True,
        ),
    ),
    panels=(
        Panel(
            "One contact (■ high □ low ● lung)",
            "% of the most",
            (0, 105),
            x_title="HER2 per cell",
            x_range=(DENSITIES[0], DENSITIES[-1]),
            x_log=True,
        ),
        Panel("Cells left (thick dashes: HER2-low)", "% of day 0", (FEWEST / 4, 1000), log=True),
        Panel("CAR-T cells in the body", "billion", (FEWEST_CELLS / 4, 1000), log=True),
        Panel(
            f"Cytokines, first {EARLY} days",
            "times fever",
            (LOWEST / 3, 1000),
            log=True,
            x_title="Days since the infusion",
            x_range=(0, EARLY),
        ),
    ),
    x_title="Days since the infusion",
    x_range=(0, DAYS),
    view=view,
    presets=(
        Preset("The case of 2010", CASE),
        Preset("The case, a hundredth of the cells", CASE | {"dose": CASE["dose"] / 100}),
        Preset("The case, weak binder", CASE | {"kd": WEAK}),
        Preset("The case, AND gate", CASE | {"gate": "and"}),
        Preset("The case, switched off within hours", CASE | {"switch_day": 0.1}),
        Preset("Weak binder, many HER2-low cells", {"kd": WEAK, "low_share": 20}),
    ),
    goal=Goal(
        text=f"Kill at least {KILLED} % of the tumour. Lose at most {LOST} % of the healthy lung "
        f"cells, and let CRS reach grade {GRADE} at the most. Tumour and lung stay as given.",
        reached=_reached,
        praise="There are several such designs, and each fails in its own way. Look at the "
        "HER2-low cells on the last day, then change one part.",
        solutions=(
            {"kd": 320},
            {"gate": "and"},
            {"gate": "not"},
            CASE | {"gate": "and", "dose": 130},
            CASE | {"kd": 320, "dose": 200},
        ),
    ),
    prediction=Prediction(
        predict=Question(
            f"The lab opens with a binder of 1 nM. You take one of {WEAK:,} nM, which holds 1,000 "
            "times less tightly. How does killing in one contact change?",
            (
                ("alike", "It falls alike, for tumour and lung cells."),
                ("lung", "It falls nearly to nothing for lung cells, little for the tumour."),
                ("tumour", "It falls nearly to nothing for the tumour, little for lung cells."),
            ),
        ),
        why=Question(
            "Why?",
            (
                ("number", "The number of bonds counts, and the tumour carries more HER2."),
                ("bond", "Each bond is weaker, and killing needs strong bonds."),
                ("used", "The tumour's many copies use up the CARs."),
            ),
        ),
        tried=lambda settings: settings["kd"] >= WEAK,
        observe=Question(
            "Follow the tumour for the year with the weak binder. What did you see?",
            (
                ("gone", "It shrank and stayed small."),
                ("back", "It shrank and grew again, mostly from HER2-low cells."),
                ("never", "It never shrank."),
            ),
        ),
        right="lung",
        explanation=_explanation,
        replies={
            "gone": "You saw it stay small. Follow the HER2-low cells, the thick dashes, "
            "once more: they rise.",
            "back": "That is what the model shows: the tumour comes back from HER2-low cells.",
            "never": "You saw it never shrink. Compare days 0 and 30: HER2-high cells fall first.",
        },
        afterword=_afterword,
    ),
)


def lab(**settings: float | str) -> Lab:
    """Open the lab, at other settings if you name them: ``lab(kd=1000, gate="and")``.

    Raises ValueError, saying what is allowed, for an unknown name or a value outside
    its control's range.
    """
    return Lab(SPEC, **settings)
