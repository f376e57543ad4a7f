"""The second lab of lesson 01: from a doubling time to the years before a tumour is found."""

from __future__ import annotations

import numpy as np

from course_lib import evidence
from course_lib.labs.frame import Lab
from course_lib.labs.spec import Choice, Control, Goal, LabSpec, Prediction, Preset, Question
from course_lib.labs.view import Panel, Reading, Series, Table, Texts, View, point
from course_lib.labs.words import described, figures
from course_lib.models.tumour_and_immunity import cells_in_sphere, diameter_of, silent_growth

YEARS = 40
#: Diameters on the log axis, mm.
LOWEST, HIGHEST = 0.01, 100.0
SPAN = 0.014  # where the years are marked
POINTS = 81
#: Where a tumour starts: words, and number of cells.
STARTS = {
    "cell": ("one cell", 1.0),
    "1mm": ("1 mm", float(cells_in_sphere(1.0))),
    "2mm": ("2 mm", float(cells_in_sphere(2.0))),
}
SUBTYPES = (
    ("Triple-negative", "tumour.volume_doubling_time"),
    ("HER2-positive", "tumour.volume_doubling_time_her2"),
    ("Oestrogen receptor-positive", "tumour.volume_doubling_time_er"),
)


def view(doubling_time: float, start: str, found: float) -> View:
    """Return what the lab shows: doubling time in days, id of a start, diameter in mm."""
    words, first = STARTS[start]
    last = float(cells_in_sphere(found))
    doublings, years = silent_growth(doubling_time, first, last)
    cells = first * 2.0 ** np.linspace(0, doublings, POINTS)
    time, diameter = np.linspace(0, years, POINTS), diameter_of(cells)
    span = np.array([0.0, years])
    series = (
        Series("diameter", 0, time, diameter, "tumour", label=False),
        Series("silent", 0, span, np.full(2, SPAN), "control", moves=False, label=False),
        point("found", 0, years, found, "tumour", "diamond"),
        Series("diameter", 1, time, diameter, "tumour", label=False),
        point("found", 1, years, found, "tumour", "diamond"),
    )
    marked = Texts(
        "years",
        0,
        np.array([min(years + 0.6, 33.0)]),
        np.array([SPAN]),
        (f"silent: {years:.1f} years",),
        "middle right",
    )
    readings = (
        Reading("Silent growth", float(years), "years", 1),
        Reading("Doublings", float(doublings), "", 1),
        Reading("Tumour when found", last / 1e6, "million cells", 0, least=1),
        Reading("Share of that time below half the diameter", _share(doublings), "%", 0),
    )
    sentence = (
        f"From {words} to {found:.0f} mm a tumour doubles its volume {doublings:.1f} times. At one "
        f"doubling in {doubling_time:.0f} days, that is {years:.1f} years, if it always grows at "
        "this speed. Real growth was surely not so even."
    )
    parts = np.linspace(0, 1, 11)
    columns = {
        "Share of the time": [f"{100 * part:.0f} %" for part in parts],
        "Years": [f"{years * part:.1f}" for part in parts],
        "Diameter, mm": diameter_of(first * 2.0 ** (doublings * parts)),
    }
    return View(
        series=series,
        texts=(marked,),
        sentence=sentence,
        alt=described(SPEC, (series[0], *series[2:])),
        readings=readings,
        table=Table.of("The plotted values, in ten equal parts of the time", columns, figures),
    )


def _share(doublings: float) -> float:
    """Percent of the time after which the diameter doubles once more: three doublings are left."""
    return float(100 * (1 - 3 / doublings))


def _explanation() -> str:
    """Compare growth from one cell with growth from 1 mm."""
    cell, small = (SPEC.at(start=start) for start in ("cell", "1mm"))
    whole, left = cell.readings[0].value, small.readings[0].value
    return (
        f"From one cell to {SPEC.defaults['found']:.0f} mm the tumour doubles its volume "
        f"{cell.readings[1]} times; from 1 mm only {small.readings[1]} times. So "
        f"{100 * (1 - left / whole):.0f} % of the {whole:.1f} years lie before 1 mm. This share "
        "does not depend on the doubling time: try another subtype."
    )


SPEC = LabSpec(
    name="silent_growth",
    title="Years of silent growth",
    lead="A tumour without T cells that doubles its volume at a steady pace. How long does it "
    "grow before it is found?",
    controls=(
        Control("doubling_time", "Time to double the volume", "tumour.volume_doubling_time", 1),
        Choice(
            "start", "Start of the growth", tuple((i, w) for i, (w, _) in STARTS.items()), "cell"
        ),
        Control("found", "Diameter when found", "silent_growth.found", 1),
    ),
    panels=(
        Panel("Diameter, log axis", "mm", (LOWEST, HIGHEST), log=True),
        Panel("The same diameter", "mm", (0, 55)),
    ),
    x_title="Years",
    x_range=(0, YEARS),
    view=view,
    presets=tuple(
        Preset(f"{name}: {days} days", {"doubling_time": days})
        for name, key in SUBTYPES
        for days in (int(evidence.get(key).value),)
    ),
    goal=Goal(
        text="Find a tumour that grows from 1 mm to 20 mm or more within two years.",
        reached=lambda settings, view: (
            settings["start"] == "1mm" and settings["found"] >= 20 and view.readings[0].shown <= 2
        ),
        praise="Such a fast tumour can arise between two examinations that are two years apart.",
        solutions=(
            {"start": "1mm", "doubling_time": 55},
            {"start": "1mm", "doubling_time": 45, "found": 30},
        ),
    ),
    prediction=Prediction(
        predict=Question(
            "The lab opens on growth from one cell to 20 mm. How much of this time has passed when "
            "the tumour measures 1 mm?",
            (
                ("little", "About a twentieth: 1 mm is a twentieth of 20 mm."),
                ("half", "More than half of it."),
                ("most", "Nearly all of it: the rest takes some weeks."),
            ),
        ),
        why=Question(
            "Why?",
            (
                ("even", "The diameter grows by the same length each year."),
                ("doublings", "From one cell to 1 mm takes more doublings than from 1 to 20 mm."),
                ("faster", "Each doubling takes less time than the one before."),
            ),
        ),
        tried=lambda settings: settings["start"] == "1mm",
        observe=Question(
            "Choose 1 mm as the start. What happened to the years?",
            (
                ("little", "They hardly changed."),
                ("half", "They fell to less than half."),
                ("most", "They fell to almost nothing."),
            ),
        ),
        right="half",
        explanation=_explanation,
        replies={
            "little": "You saw the time hardly change. Press Reset, choose 1 mm as the start, and "
            "read the years once more.",
            "half": "That is what you saw: with more than half of the doublings gone, more than "
            "half of the years are gone too.",
            "most": "You saw nearly all of it go. Compare the two numbers of years once more.",
        },
        afterword=lambda: (
            "Nobody watched these years. The doubling times come from tumours that were large "
            "enough for ultrasound; what a tumour of a few cells does may be quite different."
        ),
    ),
)


def lab(**settings: float | str) -> Lab:
    """Open the lab, at other settings if you name them: ``lab(doubling_time=60, start="1mm")``.

    Raises ValueError, saying what is allowed, for an unknown name or a value outside
    its slider's range.
    """
    return Lab(SPEC, **settings)
