"""The first lab, of lesson 00: one slider, and why a tumour's size misleads the eye."""

from __future__ import annotations

import numpy as np

from course_lib import evidence
from course_lib.labs.frame import Lab
from course_lib.labs.spec import Control, Goal, LabSpec, Prediction, Preset, Question
from course_lib.labs.view import Panel, Reading, Series, Table, View
from course_lib.labs.words import described
from course_lib.models.patient import Patient, simulate

TRIPLE_NEGATIVE = int(evidence.get("tumour.volume_doubling_time").value)
OESTROGEN_RECEPTOR = int(evidence.get("tumour.volume_doubling_time_er").value)
#: Three doublings of the average triple-negative tumour.
DAYS = 3 * TRIPLE_NEGATIVE
START = 20  # mm
#: Rows of the data table, days.
TABLE_DAYS = np.linspace(0, DAYS, 10).round().astype(int)


def view(doubling_time: float) -> View:
    """Return what the lab shows at one doubling time (days): a tumour without any T cell."""
    patient = Patient(
        infiltration=0, doubling_time=doubling_time, sum_of_diameters=START, lesions=1
    )
    course = simulate(patient, days=DAYS)
    days, diameter = course.times, course.size[:, 0]
    volume = course.tumour_cells[:, 0] / course.tumour_cells[0, 0]
    series = (
        Series("volume", 0, days, volume, "tumour"),
        Series("diameter", 1, days, diameter, "tumour"),
    )
    readings = (
        Reading("Doublings", DAYS / doubling_time, "", 1),
        Reading(f"Volume on day {DAYS}, compared with day 0", float(volume[-1]), "times", 1),
        Reading(f"Diameter on day {DAYS}", float(diameter[-1]), "mm", 0),
    )
    sentence = (
        f"In {DAYS} days this tumour doubles its volume {DAYS / doubling_time:.1f} times: it holds "
        f"{volume[-1]:.1f} times as many cells as on day 0. Its diameter grows from {START} to "
        f"{diameter[-1]:.0f} mm, {diameter[-1] / START:.1f} times."
    )
    columns = {
        "Day": map(str, TABLE_DAYS),
        "Volume, compared with day 0": 2 ** (TABLE_DAYS / doubling_time),
        "Diameter, mm": np.interp(TABLE_DAYS, days, diameter),
    }
    table = Table.of("The plotted values, ten days", columns)
    return View(series, sentence, described(SPEC, series), readings, table)


def _explanation() -> str:
    """Say what three doublings do to a diameter."""
    shown = SPEC.at()
    return (
        f"Three doublings make 2 × 2 × 2 = {shown.readings[1].value:.0f} times the volume. But a "
        "tumour grows in length, width and height at once. Twice as wide, twice as long and twice "
        f"as high is also 8 times the volume. So the diameter only doubles, to {shown.readings[2]}."
    )


SPEC = LabSpec(
    name="start_here",
    title="A first slider: how fast a tumour grows",
    lead="One tumour, no T cells, no drug. Only the time it needs to double its volume changes.",
    controls=(
        Control("doubling_time", "Time to double the volume", "tumour.volume_doubling_time", 1),
    ),
    panels=(
        Panel("Volume, compared with day 0", "times", (0.9, 300), log=True),
        Panel("Diameter", "mm", (0, 125)),
    ),
    x_title="Days",
    x_range=(0, DAYS),
    view=view,
    presets=(
        Preset("Fast: 50 days", {"doubling_time": 50}),
        Preset(f"Triple-negative: {TRIPLE_NEGATIVE} days", {"doubling_time": TRIPLE_NEGATIVE}),
        Preset(
            f"Oestrogen receptor: {OESTROGEN_RECEPTOR} days", {"doubling_time": OESTROGEN_RECEPTOR}
        ),
    ),
    goal=Goal(
        text="Find the shortest doubling time, to a few days, at which the sentence gives less "
        f"than 30 mm for day {DAYS}.",
        reached=lambda settings, view: (
            view.readings[2].shown < 30 and settings["doubling_time"] <= 188
        ),
        praise="Slow growth is still growth: the number of cells rises all the time.",
        solutions=({"doubling_time": 184}, {"doubling_time": 187}),
    ),
    prediction=Prediction(
        predict=Question(
            f"The lab opens on a slow tumour: it doubles its volume once in {DAYS} days. An "
            "average triple-negative tumour doubles it three times, to eight times the volume. "
            f"It starts at {START} mm; how wide is it then?",
            (
                ("eight", "160 mm: eight times as wide."),
                ("three", "60 mm: three times as wide."),
                ("twice", "40 mm: twice as wide."),
            ),
        ),
        why=Question(
            "Why?",
            (
                ("same", "Volume and diameter grow by the same factor."),
                ("sum", "Each doubling adds one diameter."),
                ("cube", "The volume grows in three directions at once."),
            ),
        ),
        tried=lambda settings: settings["doubling_time"] == TRIPLE_NEGATIVE,
        observe=Question(
            f"You set {TRIPLE_NEGATIVE} days, so three doublings. Which of the two rose more by "
            "the last day?",
            (
                ("both", "Volume and diameter rose by the same factor."),
                ("volume_more", "The volume rose by a larger factor than the diameter."),
                ("none", "The volume rose, and the diameter stayed the same."),
            ),
        ),
        right="twice",
        explanation=_explanation,
        replies={
            "both": "You saw both plots end 8 times as high. Look at the units once more: the "
            "lower plot is in mm.",
            "volume_more": "That is what you saw. Keep it in mind: a scan that looks a little "
            "larger may show far more cells.",
            "none": "You saw the diameter stay. Read the sentence under the plot once more: it "
            f"says how wide the tumour is on day {DAYS}.",
        },
    ),
)


def lab(**settings: float) -> Lab:
    """Open the lab on a slow tumour, or at the doubling time you name: ``lab(doubling_time=60)``.

    It does not open at the average, because that would show the answer to the prediction.

    Raises ValueError, saying what is allowed, for an unknown name or a value outside
    its slider's range.
    """
    return Lab(SPEC, **{"doubling_time": DAYS, **settings})
