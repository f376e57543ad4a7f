"""Count PD-L1 in a drawn field: the CPS of one test, the area score of another.

The student predicts first, then counts, works out both scores and reads what a wrong number
came from. ``pd_l1_drawing`` draws the field; ``models.pd_l1_feedback`` judges the numbers.
"""

from __future__ import annotations

import base64
from functools import cached_property
from html import escape

import ipywidgets as widgets

from course_lib import evidence
from course_lib.labs.blocks import block, bundle, push_button
from course_lib.labs.frame import Access
from course_lib.labs.pd_l1_drawing import alt, draw, sentence, table
from course_lib.labs.questions import Questions
from course_lib.labs.spec import Prediction, Question
from course_lib.models import pd_l1_counting as model
from course_lib.models.pd_l1_feedback import Answer, Finding, diagnose, diagnose_area

NAME = "pd_l1_counting"
TITLE = "Count PD-L1: one sample, two scores"
FIELDS = (1, 2, 3)
SAME = evidence.get("pdl1_assay.agreement_cps1")
THRESHOLD = model.THRESHOLD
LEAD = "A drawn field from a tumour. A thick brown rim marks PD-L1. Work out two scores."
RULES = (
    "<p><strong>CPS</strong> = 100 × (stained tumour cells + stained lymphocytes and "
    f"macrophages) / all viable tumour cells, at most {model.HIGHEST}.</p>"
)
AREA_RULES = (
    "<p><strong>Immune cell score, IC (test SP142)</strong>: the share of the tumour area that "
    "stained immune cells cover. Lymphocytes, macrophages and granulocytes, such as neutrophils, "
    "count; plasma cells, which make antibodies, and stroma cells, those of the tissue between, do "
    "not. Multiply each count by the area of one such "
    "cell, which stands in the legend, and add. The whole field is tumour area. From "
    f"{model.AREA_THRESHOLD} % on it is positive.</p>"
)
LIMITS = (
    "The fields are invented. A real slide holds far more cells, and below "
    f"{model.FEWEST} viable tumour cells there is no CPS. In the laboratory each score has its own "
    "antibody and its own slide, and the two stain differently. Here one drawing serves for both."
)
PREDICTION = Prediction(
    predict=Question(
        "Look at field 1, or at its table, for ten seconds, without counting. What is its CPS?",
        (
            ("below_1", "Below 1."),
            ("1_to_9", f"From 1 to below {THRESHOLD}."),
            ("10_or_more", f"{THRESHOLD} or more."),
        ),
    ),
    why=Question(
        "What did you go by?",
        (
            ("tumour", "By the stained tumour cells alone."),
            ("both", "By stained tumour and immune cells, compared with all tumour cells."),
            ("area", "By how much of the picture is brown."),
        ),
    ),
    tried=lambda settings: disagree(model.field(int(settings["field"]))),
    observe=Question(
        "In this field the two scores disagree. Why can they?",
        (
            ("error", "One of the two tests must be wrong."),
            ("scale", "Both count the same cells, on different scales."),
            ("cells", "They count different cells, and divide by different things."),
        ),
    ),
    right="10_or_more",
    shown_by="count of field 1",
    explanation=lambda: (
        "The CPS compares a number of cells with the number of tumour cells. The immune cell score "
        "compares an area with an area. Stained tumour cells raise only the CPS. Large "
        "macrophages and neutrophils raise the area."
    ),
    replies={
        "error": "Neither test is wrong. Each keeps its own rule.",
        "scale": "They do not count the same cells: tumour cells count in the CPS alone, and "
        "neutrophils in the immune cell score alone.",
        "cells": "Yes, you have found the reason.",
    },
    reasons={
        "tumour": "For field 1 you went by the stained tumour cells. That is a third score, the "
        "tumour proportion score (TPS), which leaves immune cells out.",
        "both": "For field 1 you went by both kinds of cells. That is the CPS.",
        "area": "For field 1 you went by the brown area. That is closer to the immune cell "
        "score, if only immune cells count.",
    },
    afterword=lambda: (
        f"In {SAME.n} samples from one trial, the immune cell score and a CPS of 1 or more made "
        f"the same call in {SAME.value:.0f} %. So a result needs the name of its test."
    ),
)
#: A window too narrow for the picture scrolls it, rather than making cells too small to count.
_STYLE = """<style>
.course-lab.course-counting .course-plot svg { min-width: 540px; }
.course-lab.course-counting .course-aid > select { height: 30px; }
.course-lab.course-counting .course-change { min-height: 0; }
@container (max-width: 640px) {
  .course-lab.course-counting .course-main { grid-template-areas: "plot" "controls" "says" "more"; }
}
</style>"""
#: What "Count with me" can mark: words -> (kinds, stained).
AIDS = {
    "stained tumour cells": ("tumour cell", True),
    "stained lymphocytes and macrophages": (model.IN_CPS, True),
    "all viable tumour cells": ("tumour cell", None),
    "stained cells that the CPS leaves out": (model.NOT_COUNTED, True),
}


def disagree(field: model.Field) -> bool:
    """Whether one score calls this field positive and the other does not."""
    high = model.cps(field) >= THRESHOLD
    return high != (model.immune_cell_score(field) >= model.AREA_THRESHOLD)


def solution(field: model.Field) -> tuple[str, str]:
    """Both scores, worked out in a sentence each."""
    counts = (field.count(k, True) for k in ("tumour cell", model.IN_CPS))
    answer = Answer(*counts, field.count("tumour cell"), model.cps(field))
    area = diagnose_area(model.immune_cell_score(field), field)
    cps, area = (f.message.removeprefix("Right. ") for f in (diagnose(answer, field), area))
    return f"CPS: {cps}", f"Immune cell score: {area}"


class Counting:
    """The exercise in one output cell."""

    def __init__(self, field: int = 1) -> None:
        self.field = model.field(field)
        self._solved: set[str] = set()
        self._marked: list[model.Cell] = []
        self.picture = widgets.HTML()

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, object]:
        return bundle(self.widget, self.text(), self.html())

    def text(self) -> str:
        """The field and both rules in numbers, without the answer."""
        return (
            f"{sentence(self.field)}\n  Cells: {len(self.field.cells)}\n"
            f"  CPS threshold: {THRESHOLD}\n  Area score threshold: {model.AREA_THRESHOLD} %"
        )

    def html(self) -> str:
        """What stays in a saved notebook: the picture, its counts, and the answer, folded."""
        words = escape(alt(self.field), quote=True)
        code = base64.b64encode(draw(self.field).encode()).decode()
        return (
            f'<div class="course-lab-saved" role="group" aria-label="{TITLE}">'
            f"<p><strong>{TITLE}.</strong> {LEAD}</p>{RULES}{AREA_RULES}<p>{LIMITS}</p>"
            f'<img alt="{words}" width="800" src="data:image/svg+xml;base64,{code}">'
            "<p>The lab is asleep. To wake it, choose <em>Run</em>, then "
            "<em>Run All Cells</em>.</p>"
            f"<details><summary>Show the counts as a table</summary>{table(self.field).html()}"
            "</details><details><summary>Show both scores</summary>"
            f"{''.join(f'<p>{escape(part)}</p>' for part in solution(self.field))}"
            "</details></div>"
        )

    @property
    def code(self) -> str:
        """This field as one line that can be pasted into a cell."""
        return f"{NAME}.lab(field={self.field.number})"

    # --- widgets -------------------------------------------------------------------

    @cached_property
    def access(self) -> Access:
        return Access(title=TITLE, names=Questions.names(PREDICTION))

    @cached_property
    def questions(self) -> Questions:
        """What is asked before and after; the number boxes wait for a prediction."""
        return Questions(NAME, PREDICTION, self.access.say, go_on="Now count.")

    @cached_property
    def boxes(self) -> dict[str, widgets.BoundedIntText | widgets.BoundedFloatText]:
        """The number boxes; a description is the visible label and the accessible name."""
        whole, decimal = widgets.BoundedIntText, widgets.BoundedFloatText
        made = {
            "stained_tumour": whole(max=999, description="Stained tumour cells"),
            "stained_immune": whole(max=999, description="Stained lymphocytes and macrophages"),
            "viable_tumour": whole(max=999, description="All viable tumour cells"),
            "cps": decimal(max=9999, step=0.1, description="CPS"),
            "area": decimal(max=100, step=0.01, description="Immune cell score, % of the area"),
        }
        for name, box in made.items():
            box.layout.width = "100%"
            box.add_class("course-control")
            box.add_class(f"course-count-{name}")
        return made

    @cached_property
    def widget(self) -> widgets.VBox:
        """The whole exercise as one ipywidgets box."""
        boxes = self.boxes
        self._feedback = {part: widgets.HTML() for part in ("cps", "area")}
        check = push_button("Check counts and CPS", self._check_cps)
        check_area = push_button("Check immune cell score", self._check_area)
        self._aid = widgets.Dropdown(
            options=list(AIDS), description="Count with me", layout=widgets.Layout(width="100%")
        )
        self._aid.add_class("course-control").add_class("course-aid")
        self._aid.observe(lambda _: self._mark(0), "value")
        aids = [
            push_button("Mark the next", lambda: self._mark(len(self._marked) + 1)),
            push_button("Mark all", lambda: self._mark(len(self.field.cells))),
            push_button("Clear marks", lambda: self._mark(0)),
        ]
        self._counted = widgets.HTML()
        counting = [
            *(boxes[name] for name in ("stained_tumour", "stained_immune", "viable_tumour", "cps")),
            block([check], "course-buttons"),
            self._feedback["cps"],
            boxes["area"],
            block([check_area], "course-buttons"),
            self._feedback["area"],
            self._aid,
            block(aids, "course-buttons"),
            self._counted,
        ]
        self._fields = [push_button(f"Field {n}", lambda n=n: self.open(n)) for n in FIELDS]
        self.questions.lock([*boxes.values(), check, check_area, self._aid, *aids, *self._fields])
        plot = block([self.picture], "course-plot")
        head = f"{_STYLE}<h3>{TITLE}</h3><p>{LEAD}</p>{RULES}{AREA_RULES}<p>{LIMITS}</p>"
        controls = block(counting, "course-controls")
        root = block(
            [
                widgets.HTML(head),
                self.questions.before,
                block([widgets.HTML("<strong>Open:</strong>"), *self._fields], "course-buttons"),
                block([controls, plot, self.access], "course-main"),
                self.questions.after,
            ],
            "course-lab",
            "course-counting",
        )
        self.access.observe(lambda _: self._fill_table(), "table_open")
        self.open(self.field.number, announce=False)
        return root

    # --- count ---------------------------------------------------------------------

    def open(self, number: int, announce: bool = True) -> None:
        """Show another field, with empty boxes."""
        self.field = model.field(number)
        self._solved = set()
        for box in self.boxes.values():
            box.value = 0
        for part in self._feedback.values():
            part.value = ""
        self.questions.ask(False)  # its question is about the field before
        for button, n in zip(self._fields, FIELDS, strict=True):
            button.description = f"Field {n} (open)" if n == number else f"Field {n}"
        self._mark(0, announce=False)
        with self.access.hold_sync():
            self.access.sentence = sentence(self.field)
            self.access.code = self.code
            self._fill_table()
            if announce:
                self.access.announcement = f"{sentence(self.field)} The boxes are empty."

    def _fill_table(self) -> None:
        self.access.table = table(self.field).html() if self.access.table_open else ""

    def _mark(self, how_many: int, announce: bool = True) -> None:
        """Ring and number the first cells of the chosen kind, region by region."""
        kinds, stained = AIDS[self._aid.value]
        cells = self.field.find(kinds, stained)
        self._marked = cells[:how_many]
        self.picture.value = draw(self.field, self._marked, alt(self.field))
        said = f"Nothing is marked. To mark: {self._aid.value}."
        if self._marked:
            last = self._marked[-1]
            said = f"{len(self._marked)}: {last.kind}, region {last.region}."
        if self._marked and len(self._marked) == len(cells):
            said += " That was the last one."
        self._counted.value = f"<p>{said}</p>"
        if announce:
            self.access.say(said)

    def _check_cps(self) -> None:
        answer = Answer(*(self.boxes[name].value for name in Answer._fields))
        finding = diagnose(answer, self.field)
        predicted = self.questions.answers.get("predict")
        if not finding.mistake and self.field.number == 1 and predicted:
            right = predicted == PREDICTION.right
            said = "Your prediction was right, too." if right else "By eye it had looked otherwise."
            finding = finding._replace(message=f"{finding.message} {said}")
        self._tell("cps", finding)

    def _check_area(self) -> None:
        self._tell("area", diagnose_area(self.boxes["area"].value, self.field))

    def _tell(self, part: str, finding: Finding) -> None:
        message = finding.message
        if not finding.mistake:
            self._solved.add(part)
            message += f" {self._next()}"
        self._feedback[part].value = f"<p>{'' if finding.mistake else '✓ '}{escape(message)}</p>"
        self.access.say(message)

    def _next(self) -> str:
        """What to do after a right answer."""
        if len(self._solved) < 2:
            return "Now the other score."
        if PREDICTION.tried({"field": self.field.number}):
            self.questions.ask()
            return "The two scores disagree. A question about it is below."
        return "Both scores call this field positive. Open field 2: do they always agree?"


def lab(field: int = 1) -> Counting:
    """Open the counting exercise on field 1, or on the field you name: ``lab(field=2)``.

    Raises TypeError or ValueError, saying what is allowed, if there is no such field.
    """
    return Counting(field)
