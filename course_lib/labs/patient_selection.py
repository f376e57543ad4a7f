"""A tumour board: which facts decide whether an immunotherapy is approved for a patient?

The student reads a synthetic case, names the facts that decide, and compares. Then any fact can
be changed, and the table says which rules change. It recommends nothing, and ranks nothing.
"""

from __future__ import annotations

from functools import cached_property
from html import escape

import ipywidgets as widgets

from course_lib.labs import patient_selection_words as words
from course_lib.labs.blocks import block, bundle, push_button, reveal
from course_lib.labs.frame import Access
from course_lib.labs.questions import Questions
from course_lib.labs.spec import Prediction, Question
from course_lib.models import patient_selection as model
from course_lib.models import patient_selection_cases as cases
from course_lib.models.patient_selection_cases import CASES, Case

NAME = "patient_selection"
TITLE = "Tumour board: the facts that decide"
LEAD = (
    "Read a made-up case. Which facts decide whether an approval covers this patient? Name them, "
    "then compare with a dated table of rules."
)
LIMITS = (
    "A rule says what is allowed, where and when. It does not say what is right for a patient: "
    "that takes far more, and a physician. The table ranks nothing. It is not complete: of "
    "the antibodies against HER2, two uses stand for many. Each condition "
    "is this course's reading of the notices."
)
#: The case that the prediction is about, and the one in which the same fact is missing.
PREDICTED, CONTRAST = 2, 5


def explanation() -> str:
    """Return which rules fit in the predicted case, and why none waits for a test."""
    facts = CASES[PREDICTED - 1].facts
    fitting = [v for v in model.board(facts) if v.answer in (model.APPLIES, model.UNCONFIRMED)]
    places = "; ".join(
        verdict.rule.place + (" (unconfirmed)" if verdict.answer == model.UNCONFIRMED else "")
        for verdict in fitting
    )
    return (
        f"In case {PREDICTED}, {len(fitting)} rules fit: {places}. None of them asks for PD-L1. "
        "The rules that do ask for it are for metastatic disease. They already say no, because of "
        "the stage: one fact that does not fit is enough."
    )


def afterword() -> str:
    """Return in how many rules the same missing test matters, in another case."""
    board = model.board(CASES[CONTRAST - 1].facts)
    waiting = [verdict for verdict in board if {"cps", "ic"} & set(verdict.missing)]
    return (
        f"In case {CONTRAST} the same tests are missing, and {len(waiting)} rules wait for them. "
        "So whether a fact is missing depends on the other facts."
    )


PREDICTION = Prediction(
    predict=Question(
        "A patient has triple-negative breast cancer of stage II. Surgery is planned, and PD-L1 "
        "was not tested. Can one say whether an approval of pembrolizumab covers the treatment?",
        (
            ("missing", "No: the PD-L1 test is missing."),
            ("never", "Yes: none covers it before surgery."),
            ("covered", "Yes: one covers it, whatever the test would say."),
        ),
    ),
    why=Question(
        "What did you go by?",
        (
            ("always", "Every use of a checkpoint inhibitor asks for PD-L1."),
            ("late", "Checkpoint inhibitors are for metastatic disease."),
            ("early", "In early disease the approvals do not ask for PD-L1."),
        ),
    ),
    tried=lambda settings: settings["case"] == PREDICTED,
    observe=Question(
        f"Look at the table of case {PREDICTED}. How many rules wait for the PD-L1 test?",
        (
            ("many", "All that have to do with pembrolizumab."),
            ("early", "Those for early disease."),
            ("none", "None."),
        ),
    ),
    right="covered",
    shown_by="table",
    explanation=explanation,
    replies={
        "many": "You saw many. Read the column “Why”: most rules fail on the stage.",
        "early": "You saw those for early disease. Read their line again: every fact is there.",
        "none": "You saw none wait, and none does.",
    },
    reasons={
        "always": "Not every use asks for PD-L1: those for metastatic triple-negative disease do.",
        "late": "There are rules for early disease as well, for triple-negative cancer at high "
        "risk.",
    },
    afterword=afterword,
)
#: What a student can name: every fact of the rules, and one caution.
NAMED = (*model.FACTS, model.CAUTIONS[0])
_STYLE = """<style>
.course-lab.course-tumour-board .course-plot { color: #222; }
.course-lab.course-tumour-board .course-change { min-height: 0; }
.course-lab.course-tumour-board .widget-checkbox { width: 100%; height: auto; }
.course-lab.course-tumour-board .widget-checkbox label { display: flex; align-items: baseline;
  gap: 4px; white-space: normal; line-height: 1.4; }
table.course-board { border-collapse: collapse; width: 100%; font-size: 0.92em; color: #222; }
table.course-board caption { text-align: left; padding: 4px 8px; }
table.course-board th, table.course-board td { text-align: left; vertical-align: top;
  padding: 4px 8px; border-bottom: 1px solid #bbb; white-space: normal; line-height: 1.35; }
table.course-board .course-changed > * { background: #fff4cc; }
.course-lab.course-tumour-board table.course-data :is(th, td) { text-align: left;
  vertical-align: top; }
.course-lab.course-tumour-board .course-main { grid-template-columns: minmax(270px, 4fr) 9fr; }
@container (max-width: 640px) {
  .course-lab.course-tumour-board .course-main { grid-template-columns: minmax(0, 1fr);
    grid-template-areas: "controls" "plot" "says" "more"; }
}
</style>"""


def _paragraphs(parts: list[str]) -> str:
    return "".join(f"<p>{escape(part, quote=False)}</p>" for part in parts)


class TumourBoard:
    """The exercise in one output cell."""

    def __init__(self, case: Case, **facts: str) -> None:
        self.case = case
        self.facts = model.known({**case.facts, **facts})
        self.answered = False

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, object]:
        return bundle(self.widget, self.text(), self.html())

    def text(self) -> str:
        """The case in words, without the answers."""
        return f"{self.told()}\n  Rules: {len(model.RULES)}, as known on {words.dated()}"

    def told(self) -> str:
        """The case with its facts as they stand now."""
        facts = " ".join(words.facts_told(self.facts))
        return f"Case {self.case.number}: {self.case.title}. {facts}"

    def html(self) -> str:
        """What stays in a saved notebook: the case and the rules, and the answers, folded."""
        return (
            f'<div class="course-lab-saved" role="group" aria-label="{TITLE}">'
            f"<p><strong>{TITLE}.</strong> {LEAD}</p><p>{LIMITS}</p><p>{escape(self.told())}</p>"
            "<p>The lab is asleep. To wake it, choose <em>Run</em>, then "
            "<em>Run All Cells</em>.</p>"
            f"<details><summary>Show the rules</summary>{words.table().html()}"
            f"<p>No rule in the table:</p>{words.no_rule()}</details>"
            f"<details><summary>Show the answers for this case</summary>"
            f"{words.board_html(self.facts, answered=True)}"
            f"{_paragraphs([words.missing(self.facts), *words.cautions(self.case)])}"
            "</details></div>"
        )

    @property
    def code(self) -> str:
        """This case, and what was changed in it, as one line that can be pasted into a cell."""
        changed = (
            f', {name}="{value}"'
            for name, value in self.facts.items()
            if value != self.case.facts[name]
        )
        return f"{NAME}.lab(case={self.case.number}{''.join(changed)})"

    # --- widgets -------------------------------------------------------------------

    @cached_property
    def access(self) -> Access:
        names = {"case": ("Case", "")} | {fact.name: (fact.label, "") for fact in model.FACTS}
        return Access(title=TITLE, names=names | Questions.names(PREDICTION))

    @cached_property
    def questions(self) -> Questions:
        """What is asked before and after; the case waits for a prediction."""
        go_on = f"It is case {PREDICTED}."
        return Questions(NAME, PREDICTION, self.access.say, go_on=go_on)

    @cached_property
    def boxes(self) -> dict[str, widgets.Checkbox]:
        """A box to tick for each fact that a student can name."""
        return {fact.name: widgets.Checkbox(description=fact.label, indent=False) for fact in NAMED}

    @cached_property
    def menus(self) -> dict[str, widgets.Dropdown]:
        """A menu for each fact, by name."""
        made = {}
        for fact in model.FACTS:
            options = [(text, value) for value, text in fact.values]
            menu = self._menu(fact.name, fact.label, [*options, ("not known", model.UNKNOWN)])
            menu.value = self.facts[fact.name]
            menu.observe(lambda change, name=fact.name: self._moved(name, change["new"]), "value")
            made[fact.name] = menu
        return made

    def _menu(self, name: str, label: str, options: list) -> widgets.Dropdown:
        menu = widgets.Dropdown(
            options=options, description=label, layout=widgets.Layout(width="100%")
        )
        return menu.add_class("course-control").add_class(f"course-control-{name}")

    @cached_property
    def widget(self) -> widgets.VBox:
        """The whole exercise as one ipywidgets box."""
        options = [(f"{each.number}. {each.title}", each.number) for each in CASES]
        self.pick = self._menu("case", "Case", options)
        self.pick.value = self.case.number
        self.pick.observe(lambda change: self.open(cases.case(change["new"])), "value")
        self._case, self._said, self._board = widgets.HTML(), widgets.HTML(), widgets.HTML()
        compare = push_button("Compare", self.compare)
        compare.button_style = "primary"
        back = push_button("Back to the case", lambda: self.open(self.case))
        self._changing = block(
            [
                widgets.HTML("<p><strong>Change a fact.</strong> Which rules change?</p>"),
                *self.menus.values(),
                block([back], "course-buttons"),
            ]
        )
        self.questions.lock([self.pick, *self.boxes.values(), compare])
        controls = [
            self.pick,
            self._case,
            widgets.HTML("<p><strong>Which facts decide here?</strong></p>"),
            *self.boxes.values(),
            block([compare], "course-buttons"),
            self._said,
            self._changing,
        ]
        plot = block([self._board], "course-plot")
        head = f"{_STYLE}<h3>{TITLE}</h3><p>{LEAD}</p><p>{LIMITS}</p>"
        none = '<details class="course-details"><summary>For what there is no rule</summary>'
        main = block([block(controls, "course-controls"), plot, self.access], "course-main")
        root = block(
            [
                widgets.HTML(head),
                self.questions.before,
                main,
                self.questions.after,
                widgets.HTML(f"{none}{words.no_rule()}</details>"),
            ],
            "course-lab",
            "course-tumour-board",
        )
        self.access.observe(lambda _: self._fill_table(), "table_open")
        self._show(announce="")
        return root

    # --- name, compare, change --------------------------------------------------------

    def open(self, opened: Case) -> None:
        """Show a case as it was written; its answers wait until the student has compared."""
        again = opened is self.case and self.answered
        self.case, self.answered = opened, again
        self._set(opened.facts)
        if not again:
            for box in self.boxes.values():
                box.value = False
            self._said.value = ""
        news = "The facts are those of the case again." if again else "Name the facts that decide."
        self._show(announce=f"{self.told()} {news}")

    def compare(self) -> None:
        """Say which of the named facts decide, and show the answers."""
        named = [name for name, box in self.boxes.items() if box.value]
        self.answered = True
        parts = [*words.compared(named, self.facts), *words.cautions(self.case)]
        self._said.value = _paragraphs(parts)
        self._show(announce=" ".join(parts))
        if PREDICTION.tried({"case": self.case.number}):
            self.questions.ask()

    def _set(self, facts: dict[str, str]) -> None:
        self.facts = dict(facts)
        for name, value in facts.items():
            self.menus[name].value = value  # _moved sees that nothing changed

    def _moved(self, name: str, value: str) -> None:
        if value == self.facts[name]:
            return
        before, fact = self.facts, model.BY_NAME[name]
        self.facts = {**before, name: value}
        changes = model.changed(before, self.facts)
        moved = f"{fact.label}: {fact.words(before[name])}, now {fact.words(value)}."
        self._show(announce=f"{moved} {words.told(changes)}", changes=changes, change=moved)

    def _show(self, announce: str, changes: tuple = (), change: str = "") -> None:
        told = "".join(f"<li>{escape(fact)}</li>" for fact in words.facts_told(self.facts))
        self._case.value = f"<ul>{told}</ul>"
        self._board.value = words.board_html(self.facts, self.answered, changes)
        reveal(self._changing, self.answered)
        with self.access.hold_sync():
            counted = words.counts(self.facts)
            self.access.sentence = counted if self.answered else "Compare to see the answers."
            self.access.change = f"{change} {words.told(changes)}" if change else ""
            self.access.code = self.code
            self._fill_table()
            if announce:
                self.access.say(announce)

    def _fill_table(self) -> None:
        self.access.table = words.table().html() if self.access.table_open else ""


def lab(case: int = 1, **facts: str) -> TumourBoard:
    """Open the tumour board on case 1, or on another, with facts changed if you name them:
    ``lab(case=5, cps="high")``.

    Raises TypeError or ValueError, saying what is allowed, for an unknown case, fact or value.
    """
    return TumourBoard(cases.case(case), **facts)
