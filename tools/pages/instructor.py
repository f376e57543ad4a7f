"""For whoever teaches: one page a lesson, with what to expect and what to ask.

Nearly all of it is read from where the course keeps it. What only a teacher can say, questions
for a discussion and those that students ask, stands in docs/instructor. These pages hold the
answers of the quizzes: they are no part of anything a student receives.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from course_lib import checks, evidence
from course_lib.bibliography import Reference
from course_lib.evidence import ASSETS
from pages import layout, lesson


def toml(path: Path) -> dict:
    return tomllib.loads(path.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Item:
    """A question of the quiz: what is expected, and what is often said instead."""

    number: str
    kind: str
    points: int
    objective: str
    expected: str
    wrong: list[tuple[str, dict]]


def page(root: Path, name: str) -> tuple[str, str]:
    """Return (title, HTML) of the page for the lesson called ``name``."""
    cells = _cells(root / "notebooks" / f"{name}.ipynb")
    text = "\n\n".join(source for _, _, source in cells)
    title = text.partition("\n")[0].removeprefix("# ")
    objectives = {
        key: one for key, one in toml(ASSETS / "objectives.toml").items() if one["lesson"] == name
    }
    said = toml(root / "docs" / "instructor" / f"{name[3:]}.toml")
    asked = [checks.bank()[one] for one in re.findall(r'checks\.ask\("(.+?)"\)', text)]
    body = layout.fill(
        "instructor",
        title=title,
        question=re.search(r"\*\*The question\.\*\* (.+)", text)[1],
        minutes=_minutes(text),
        objectives=objectives,
        labs=list(labs(text)),
        checks=asked,
        quiz=quiz(root, name),
        said=said,
        cited=cited,
    )
    return title, body


def cited(said: dict) -> list[Reference]:
    """The sources of the numbers in one entry, each once; our own choices have none."""
    sources = [evidence.get(key).source for key in said.get("evidence", [])]
    return [evidence.reference(one) for one in dict.fromkeys(sources) if one != "course"]


def _cells(path: Path) -> list[tuple[str, str, str]]:
    """(id, kind, source) of each cell."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [(cell["id"], cell["cell_type"], "".join(cell["source"])) for cell in cells]


def _minutes(text: str) -> str:
    return re.search(r"about (\d+) minutes", text)[1]


def labs(text: str):
    """Each lab of a lesson: its question, and for its goal one way to reach it."""
    for name in dict.fromkeys(re.findall(r"^(\w+)\.lab\(", text, re.M)):
        spec = lesson.spec(name)
        plan = lesson.prediction(name)
        goal = getattr(spec, "goal", None)
        yield SimpleNamespace(
            title=lesson.title(name),
            plan=plan,
            wrong=[words for key, words in plan.predict.options if key != plan.right],
            goal=goal.text if goal else "",
            way=_way(spec, goal.solutions[0]) if goal else "",
        )


def _way(spec, settings) -> str:
    """Settings of a lab in the words of its controls."""
    named = {control.name: control for control in spec.controls}
    return "; ".join(
        f"{named[key].label}: {named[key].shown(value)}" if key in named else f"{key}: {value}"
        for key, value in settings.items()
    )


def quiz(root: Path, name: str) -> SimpleNamespace | None:
    """The quiz of a lesson with its expected answers; None for the start page, which has none."""
    folder = root / "notebooks" / "quizzes" / f"q{name}"
    if not folder.is_dir():
        return None
    cells = _cells(folder / f"q{name}.ipynb")
    answers = _answers(cells)
    misconceptions = toml(ASSETS / "misconceptions.toml")
    items = []
    for number, item in enumerate(toml(folder / "answers.toml")["item"], 1):
        wrong = {}
        for one in item.get("wrong", []):
            if idea := one.get("misconception"):
                wrong.setdefault(idea, one["says"])
        for idea in item.get("misconceptions", []):
            wrong.setdefault(idea, "")
        pairs = [(says, misconceptions[idea]) for idea, says in wrong.items()]
        kind = "written answer" if item["kind"] == "manual" else item["kind"]
        items.append(
            Item(str(number), kind, item["points"], item["objective"], answers[number], pairs)
        )
    return SimpleNamespace(minutes=_minutes(cells[0][2]), items=items)


def _answers(cells: list[tuple[str, str, str]]) -> dict[int, str]:
    """The expected answer of each question: what the quiz's own solutions compute or write."""
    space: dict = {}
    found = {}
    for place, kind, source in cells:
        parts = re.fullmatch(r"q\d\d-(\d)-(.+)", place)
        if kind == "markdown":
            if parts and parts[2] == "answer":
                found[int(parts[1])] = re.sub(r"\*(\w+)\*", r"\1", source)  # no Markdown here
        elif not parts or parts[2] not in ("test", "rubric"):
            with contextlib.redirect_stdout(io.StringIO()):
                exec(re.sub(r"^%.*$", "", source, flags=re.M), space)
            if parts and parts[2] == "answer":
                found[int(parts[1])] = shown(space[f"answer_{parts[1]}"])
    return found


def shown(answer: object) -> str:
    """An answer in words: numbers to three digits, names without quotes."""
    if isinstance(answer, dict):
        return "; ".join(f"{key}: {shown(value)}" for key, value in answer.items())
    if isinstance(answer, list | tuple | set):
        return ", ".join(map(shown, answer))
    if isinstance(answer, str | bool):
        return str(answer)
    number = f"{answer:,}" if isinstance(answer, int) else _three_digits(float(answer))
    return number.replace("-", "−")


def _three_digits(number: float) -> str:
    return f"{number:.3g}" if abs(number) < 1000 else f"{number:,.0f}"
