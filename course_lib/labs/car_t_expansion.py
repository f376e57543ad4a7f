"""A lab of lesson 05: expansion, contraction and persistence of CAR-T cells in leukaemia."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from course_lib import evidence
from course_lib.labs.frame import Lab
from course_lib.labs.spec import Control, Goal, LabSpec, Prediction, Preset, Question
from course_lib.labs.view import Panel, Reading, Series, Table, View, gaps_below, point
from course_lib.labs.words import aloud, described, figures, short
from course_lib.models.car_t_expansion import CarTKinetics

YEAR, WEEKS = 365, 28
EARLY, ALL = np.linspace(0, WEEKS, 113), np.linspace(0, YEAR, 147)
#: A level that is sought lies on this grid of days after the peak.
LATER = np.linspace(0, 20_000, 8001)
TABLE_DAYS = (0, 3, 7, 10, 14, 21, 28, 60, 90, 180, 270, 365)
LOWEST, HIGHEST = 0.1, 1e6
MARK = evidence.get("car_t_leukaemia.mark").value
MOST = evidence.get("car_t_leukaemia.peak").value
#: What the prediction asks about, and the nearest that the slider can do.
TENTH = 0.1


def view(
    dose: float, peak: float, persisting_share: float, half_life_slow: float, follows: float
) -> View:
    """Return what the lab shows at one setting; units as on the sliders."""
    median = CarTKinetics(
        peak=peak, persisting_share=persisting_share, slow_loss=float(np.log(2)) / half_life_slow
    )
    cells = median.with_dose(dose, follows)
    # The peaks are corners, so both days belong to the grids.
    early, year = (np.unique([*grid, median.peak_day, cells.peak_day]) for grid in (EARLY, ALL))
    parts, marked = cells.parts(year), np.array([0.0, YEAR])
    series = (
        Series("median dose", 0, early, median.level(early), "control", dash="dash"),
        Series("your dose", 0, early, cells.level(early), "t_cell", dash="dashdot"),
        point("peak", 0, cells.peak_day, cells.peak, "t_cell", "diamond"),
        Series("goal", 1, marked, np.full(2, float(MARK)), "control", moves=False),
        Series("CAR-T cells", 1, year, parts.level, "t_cell", dash="dashdot"),
        Series("persisting", 1, year, parts.persisting, "t_cell", label=False),
    )
    series = tuple(replace(each, y=gaps_below(each.y, LOWEST)) for each in series)
    after = np.log(cells.level(cells.peak_day + LATER))
    below = cells.peak_day + float(np.interp(-np.log(MARK), -after, LATER))
    readings = (
        Reading("Peak level in the blood", cells.peak, "copies/µg", 0),
        Reading("Day of the peak", cells.peak_day, "", 1),
        Reading("Expansion from the start to the peak", cells.fold, "times", 0),
        Reading("The cells double in", float(cells.doubling_time()), "days", 2),
        Reading("Level after a year", float(cells.level(YEAR)), "copies/µg", 0, least=1),
        Reading(f"Last day with at least {MARK} copies/µg", below, "", 0),
    )
    days = np.array(TABLE_DAYS)
    columns = {
        "Day": map(str, TABLE_DAYS),
        "CAR-T cells, copies/µg": cells.level(days),
        "Of these, cells that persist": cells.parts(days).persisting,
        "CAR-T cells after the median dose": median.level(days),
    }
    return View(
        series=series,
        sentence=_sentence(cells, dose, *(readings[row] for row in (4, 5))),
        alt=described(SPEC, series),
        readings=readings,
        table=Table.of("The plotted values on some days (leukaemia)", columns, figures),
    )


def _sentence(cells: CarTKinetics, dose: float, year: Reading, last: Reading) -> str:
    given = "the median dose" if dose == 1 else f"{dose:g} times the median dose"
    return (
        f"In this leukaemia, {given} leads to a peak of {aloud(short(cells.peak))} copies per µg "
        f"of DNA on day {cells.peak_day:.1f}. The cells have then multiplied "
        f"{aloud(short(cells.fold))} times. They stay at {MARK} copies or more until day {last}. A "
        f"year after the infusion the level is {year}."
    )


def _explanation() -> str:
    """Compare a tenth of the dose with the median dose, and with an ordinary drug."""
    usual, tenth = SPEC.at(), SPEC.at(dose=TENTH)
    later = tenth.readings[1].value - usual.readings[1].value
    return (
        f"After the median dose the peak is {usual.readings[0]}, and after a tenth of the dose "
        f"it is {tenth.readings[0]}. It comes {later:.1f} days later: the cells double every "
        f"{usual.readings[3]}, and a tenfold rise takes a little over three doublings. Of an "
        "ordinary drug, a tenth of the dose gives a tenth of the level. These cells multiply."
    )


def _afterword() -> str:
    patients = evidence.get("car_t_leukaemia.patients").value
    return (
        f"What was measured: in {patients} children and young adults with leukaemia, no link "
        "between dose and peak was found. That a peak comes later after a smaller dose is our "
        "assumption. Already in lymphoma the cells multiplied less than in leukaemia."
    )


def _reached(settings, shown: View) -> bool:
    return settings["dose"] <= 1 and settings["peak"] <= MOST and shown.readings[4].shown >= MARK


SPEC = LabSpec(
    name="car_t_expansion",
    title="A drug that multiplies: CAR-T cells measured in leukaemia",
    lead="One infusion, and then the cells expand, contract and persist. The numbers come from "
    "children and young adults with leukaemia, not from breast cancer.",
    controls=(
        Control("dose", "Dose, compared with the median", "car_t_leukaemia.dose", 0.05, log=True),
        Control("peak", "Peak after the median dose", "car_t_leukaemia.peak", 0.05, log=True),
        Control(
            "persisting_share",
            "Share of the peak that persists",
            "car_t_leukaemia.persisting_share",
            0.05,
            log=True,
        ),
        Control(
            "half_life_slow",
            "Half-life of the cells that persist",
            "car_t_leukaemia.half_life_slow",
            1,
        ),
        Control(
            "follows",
            "How far the peak follows the dose (0 not at all, 1 in proportion)",
            "car_t_leukaemia.follows",
            0.1,
            digits=1,
            stage=2,
        ),
    ),
    panels=(
        Panel(
            "Leukaemia: first four weeks (◆ peak)",
            "copies/µg DNA",
            (LOWEST, HIGHEST),
            log=True,
            x_title="Days since the infusion",
            x_range=(0, WEEKS),
        ),
        Panel(
            "Leukaemia: first year (— persisting)",
            "copies/µg DNA",
            (LOWEST, HIGHEST),
            log=True,
        ),
    ),
    x_title="Days since the infusion",
    x_range=(0, YEAR),
    view=view,
    presets=(
        Preset("A tenth of the dose", {"dose": TENTH}),
        Preset("If the peak followed the dose", {"dose": TENTH, "follows": 1}),
        Preset("A patient with a peak a third as high", {"peak": 7500}),
        Preset("Hardly any cell persists", {"persisting_share": 0.0001}),
        Preset("Many cells persist", {"persisting_share": 0.05}),
    ),
    goal=Goal(
        text=f"Hold at least {MARK} copies/µg for a year, with at most the median dose and a peak "
        f"of at most {MOST:,} copies/µg.",
        reached=_reached,
        praise="The peak did not rise for that. What lasts comes from the few cells that persist.",
        solutions=(
            {"persisting_share": 0.02},
            {"half_life_slow": 500},
            {"persisting_share": 0.032, "dose": TENTH},
        ),
    ),
    prediction=Prediction(
        predict=Question(
            "The lab opens with the median dose. Another patient gets a tenth as many CAR-T cells. "
            "What do you expect of the peak?",
            (
                ("tenth", "It is about a tenth as high."),
                ("third", "It is about a third as high."),
                ("same", "It is as high."),
            ),
        ),
        why=Question(
            "Why?",
            (
                ("given", "What is in the blood is what was given."),
                (
                    "room",
                    "Fewer cells have more room, so they make up for a part of the difference.",
                ),
                ("multiply", "The cells multiply until something other than the dose stops them."),
            ),
        ),
        tried=lambda settings: settings["dose"] <= 1.05 * TENTH,
        observe=Question(
            "Set the dose to a tenth. What did the peak do?",
            (
                ("fell", "It fell to about a tenth."),
                ("later", "It came later and was as high."),
                ("nothing", "It did not move at all."),
            ),
        ),
        right="same",
        explanation=_explanation,
        replies={
            "fell": "You saw it fall. Is the last slider, under more controls, at 0? At 1 the peak "
            "follows the dose, as it does for an ordinary drug.",
            "later": "That is what the model shows: the curve moves to the right and keeps its "
            "height.",
            "nothing": "You saw it stay. Compare the day of the peak, the diamond, once more: it "
            "moved to the right.",
        },
        reasons={
            "room": "A part of the difference would be left then. In the data none was found.",
        },
        afterword=_afterword,
    ),
)


def lab(**settings: float) -> Lab:
    """Open the lab, at other settings if you name them: ``lab(dose=0.1, peak=60000)``.

    Raises ValueError, saying what is allowed, for an unknown name or a value outside
    its slider's range.
    """
    return Lab(SPEC, **settings)
