"""Grades quiz answers in one warm process, cell by cell, as nbgrader would in a kernel."""

from __future__ import annotations

import contextlib
import io
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import nbformat

import quizzes

REGIONS = {
    "### BEGIN SOLUTION": "solution",
    "### END SOLUTION": "",
    "### BEGIN HIDDEN TESTS": "hidden",
    "### END HIDDEN TESTS": "",
}


@dataclass(frozen=True)
class Item:
    """The cells of one question; a manual one has a rubric instead of a test."""

    question: str
    answer: nbformat.NotebookNode
    test: nbformat.NotebookNode | None
    rubric: nbformat.NotebookNode | None

    @property
    def points(self) -> float:
        graded = self.test or self.answer
        return graded.metadata.nbgrader.points


class Quiz:
    """One notebook, read once; the cells that all answers share are run once."""

    def __init__(self, path: Path):
        self.notebook = nbformat.read(path, as_version=4)
        self.cells = {c.metadata.nbgrader.grade_id: c for c in self.notebook.cells}
        self.prefix = path.stem.split("_")[0]
        numbers = [name.split("_")[1] for name in self.cells if name.endswith("_answer")]
        self.items = {f"{self.prefix}-{n}": self._item(f"{self.prefix}_{n}") for n in numbers}
        self.shared = {}
        for cell in self.notebook.cells:
            roles = cell.metadata.nbgrader
            if cell.cell_type == "code" and not (roles.solution or roles.grade):
                exec(compile(python(cell.source), roles.grade_id, "exec"), self.shared)

    def _item(self, stem: str) -> Item:
        found = (self.cells.get(f"{stem}_{role}") for role in ("answer", "test", "rubric"))
        return Item(self.cells[f"{stem}_question"].source, *found)

    def answer(self, name: str, code: str = "", *, stops: bool = False) -> dict:
        """Run an item's answer cell and then ``code``; return the names they leave behind.

        Code that is not meant to stop with an error, and does, is a fault of the bank.
        """
        names = dict(self.shared)
        wanted = contextlib.suppress(Exception) if stops else contextlib.nullcontext()
        with wanted, contextlib.redirect_stdout(io.StringIO()):
            exec(compile(self.items[name].answer.source, f"{name} answer", "exec"), names)
            exec(compile(code, f"{name} code", "exec"), names)
        return names

    def judge(self, name: str, names: dict) -> tuple[float, str]:
        """Return the points that an item's test cell gives, and what it said.

        As in nbgrader, a test cell earns nothing if it stops with an error or writes to
        stderr, and everything otherwise.
        """
        names, errors = dict(names), io.StringIO()
        item = self.items[name]
        with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
            try:
                exec(compile(item.test.source, f"{name} test", "exec"), names)
            except Exception as error:
                return 0, f"{type(error).__name__}: {error}"
        return (0 if errors.getvalue() else item.points), errors.getvalue()

    def automatic(self) -> list[str]:
        """Return the ids of the items that are graded without a person."""
        return [name for name, item in self.items.items() if item.test]


def python(source: str) -> str:
    """Return a cell without its magics: they set up a notebook's kernel, and no answer."""
    return re.sub(r"^%\w.*$", "", source, flags=re.MULTILINE)


@cache
def load(path: Path) -> Quiz:
    """Return a quiz notebook, its shared cells executed once in this process."""
    return Quiz(path)


def entries(*kinds: str) -> list:
    """Return ``(quiz, item, entry)`` for the right or wrong entries of every answer bank."""
    return [
        (name, item, entry)
        for name in quizzes.names()
        for item in quizzes.bank(name)["item"]
        for kind in kinds
        for entry in item.get(kind, [])
    ]


def lines_of(source: str, region: str) -> list[str]:
    """Return the lines of a cell inside the regions ``solution`` or ``hidden``, or outside ("")."""
    inside, lines = "", []
    for line in map(str.strip, source.splitlines()):
        if line in REGIONS:
            inside = REGIONS[line]
        elif inside == region and any(map(str.isalpha, line)):
            lines.append(line)
    return lines


def secrets(notebook) -> set[str]:
    """Return the lines no student may see: solutions and hidden tests, unless visible elsewhere."""
    hidden, seen = set(), set()
    for cell in notebook.cells:
        roles = cell.metadata.nbgrader
        if roles.solution and roles.grade:
            hidden.update(filter(None, cell.source.splitlines()))
            continue
        seen.update(lines_of(cell.source, ""))
        hidden.update(lines_of(cell.source, "solution"), lines_of(cell.source, "hidden"))
    return hidden - seen
