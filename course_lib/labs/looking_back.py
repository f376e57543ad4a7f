"""A look back on all labs: what a student predicted, beside what the labs show.

Read from the file of ``predictions.py`` and shown to the student alone: no mark, no certificate.
"""

from __future__ import annotations

import importlib
import pkgutil
import tomllib
from dataclasses import dataclass
from functools import cache
from html import escape

from course_lib import labs
from course_lib.evidence import ASSETS
from course_lib.labs import predictions
from course_lib.labs.spec import LabSpec, Prediction, Question
from course_lib.tables import Table

NOTHING = (
    "No prediction is recorded in this folder yet. That is fine: the labs are open at any time. "
    "Record a prediction in one of them, then run this cell again, and you will find it here."
)
KEPT = f"All this stays in the file {predictions.FILE} beside the lessons. Nobody else receives it."


@dataclass(frozen=True)
class Asked:
    """What a lab asked before its sliders unlocked, and the option that it then shows."""

    title: str
    question: Question
    right: str


@dataclass(frozen=True)
class LookBack:
    """A sentence and, if anything was predicted, a table; HTML with a plain-text twin."""

    sentence: str
    table: Table | None = None

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self.html()}

    def __repr__(self) -> str:
        return f"{self.sentence}\n\n{self.table.text()}" if self.table else self.sentence

    def html(self) -> str:
        return f"<p>{escape(self.sentence)}</p>{self.table.html() if self.table else ''}"


def summary() -> LookBack:
    """Return what was predicted in each lab, beside what the lab shows, in the course's order.

    Labs without a prediction are left out, and so is an answer that is no longer an option.
    """
    rows, alike = [], 0
    for name, record in sorted(predictions.records().items(), key=lambda each: _place(each[0])):
        asked, choice = _asked(name), record.get("predict")
        if (
            asked is None
            or not isinstance(choice, str)
            or choice not in dict(asked.question.options)
        ):
            continue
        same = choice == asked.right
        alike += same
        shows = "The same." if same else asked.question.words(asked.right)
        lesson = _lessons().get(name)
        title = f"{asked.title} (lesson {lesson})" if lesson else asked.title
        cells = title, asked.question.text, asked.question.words(choice), shows
        rows.append(tuple((cell,) for cell in cells))
    if not rows:
        return LookBack(NOTHING)
    columns = ("Lab", "It asked", "You predicted", "The lab shows")
    return LookBack(_sentence(len(rows), alike), Table("Your predictions", columns, tuple(rows)))


def _sentence(recorded: int, alike: int) -> str:
    other = recorded - alike
    if recorded == 1:
        said = "You recorded a prediction in one lab. "
        said += "It shows the same." if alike else "It shows something else."
    else:
        said = f"You recorded a prediction in {recorded} labs. As you predicted: {alike}. "
        said += f"Something else was shown: {other}."
    return f"{said}{' There you had the most to learn.' if other else ''} {KEPT}"


def _asked(name: str) -> Asked | None:
    """Return what the lab of this name asked; None if there is no such lab."""
    if name not in {each.name for each in pkgutil.iter_modules(labs.__path__)}:
        return None
    lab = importlib.import_module(f"{labs.__name__}.{name}")
    spec = getattr(lab, "SPEC", None)
    if isinstance(spec, LabSpec):
        return Asked(spec.title, spec.prediction.predict, spec.prediction.right)
    plan = getattr(lab, "PREDICTION", None)
    if isinstance(plan, Prediction):  # a lab with a widget of its own
        return Asked(lab.TITLE, plan.predict, plan.right)
    return None


@cache
def _lessons() -> dict[str, str]:
    """Return the number of the lesson in which each lab is tried."""
    objectives = tomllib.loads((ASSETS / "objectives.toml").read_text(encoding="utf-8"))
    return {each["lab"]: each["lesson"][:2] for each in reversed(objectives.values())}


def _place(name: str) -> tuple[str, str]:
    """Where a lab stands in the course; labs without an objective of their own come last."""
    return _lessons().get(name, "99"), name
