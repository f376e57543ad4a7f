"""Faulty and hostile submissions, each a few lines: what a student could hand in.

Everything here is handed to a grader inside a sandbox of ``arena.py`` and nowhere else. Whatever
succeeds says so with the word PWNED, put together at run time so that the source lacks it.
Attacks know where the class lies (/class), as a student on a shared server would.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

THEMES = ("points", "liars", "escapes", "files", "pages", "accidents")


@dataclass(frozen=True)
class Attack:
    """One submission: what it attempts, what it deserves, and who hands it in."""

    name: str
    family: str
    says: str
    edit: Callable[[Submission], None]
    least: float  # points below which the one who hands this in is robbed
    most: float  # points above which they were stolen
    honest: bool = False
    flagged: bool = False  # a person has to look at it
    wait: float = 0.5  # seconds after the grader ended at which the damage is looked at
    quiz: str = "real"


@dataclass
class Submission:
    """A student's copy of the release version, filled in, about to be handed in."""

    path: Path
    notebook: NotebookNode
    text: str | bytes | None = None  # handed in instead of the notebook
    handed: bool = True  # False: the attack laid something else at ``path`` itself
    files: dict[str, str] = field(default_factory=dict)  # beside the notebook

    def cell(self, ending: str) -> NotebookNode:
        """Return the cell whose grade_id ends so, such as ``_1_answer``."""
        return next(
            c
            for c in self.notebook.cells
            if c.metadata.get("nbgrader", {}).get("grade_id", "").endswith(ending)
        )

    def tests(self) -> list[NotebookNode]:
        """Return the cells whose points the grader gives."""
        return [
            c
            for c in self.notebook.cells
            if c.metadata.nbgrader.get("grade_id", "").endswith("_test")
        ]

    def write(self, number: int, code: str) -> None:
        """Write ``code`` below what an answer cell holds."""
        self.cell(f"_{number}_answer").source += "\n" + code.strip("\n")

    def insert(self, ending: str, code: str, *, before: bool = False, markdown: bool = False):
        """Put a cell of the student's own beside a known one."""
        place = self.notebook.cells.index(self.cell(ending)) + (not before)
        self.notebook.cells.insert(place, (new_markdown_cell if markdown else new_code_cell)(code))
        return self.notebook.cells[place]

    def duplicate(self, ending: str) -> NotebookNode:
        """Copy a cell with all its metadata, as copy and paste does; return the copy."""
        place = self.notebook.cells.index(self.cell(ending))
        self.notebook.cells.insert(place + 1, deepcopy(self.notebook.cells[place]))
        return self.notebook.cells[place + 1]

    def instead(self) -> Path:
        """Return the path of the notebook, for something that is no notebook."""
        self.handed = False
        return self.path

    def hand_in(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        for name, text in self.files.items():
            (self.path.parent / name).parent.mkdir(parents=True, exist_ok=True)
            (self.path.parent / name).write_text(text, encoding="utf-8")
        if self.handed:
            text = json.dumps(self.notebook) if self.text is None else self.text
            self.path.write_bytes(text if isinstance(text, bytes) else text.encode())


BANK: dict[str, Attack] = {}


def attack(family: str, says: str, *, fair: float | tuple = 2, **expected):
    """Register the function below as an attack; ``fair`` is what it deserves, or a range.

    Whoever attacks may also lose what they knew; whoever is honest may not.
    """

    def register(edit):
        least, most = fair if isinstance(fair, tuple) else (fair * expected.get("honest", 0), fair)
        name = edit.__name__.replace("_", "-")
        if name in BANK:
            raise ValueError(f"two attacks are called {name}")
        BANK[name] = Attack(name, family, says, edit, least, most, **expected)
        return edit

    return register


def code(name: str, family: str, says: str, source: str, *, at: int = 1, **expected) -> None:
    """Register an attack that is nothing but code in one answer cell."""

    def edit(submission: Submission):
        submission.write(at, source)

    edit.__name__ = name
    attack(family, says, **expected)(edit)


def bank() -> dict[str, Attack]:
    """Return every attack by its name."""
    for theme in THEMES:
        importlib.import_module(f"attacks.{theme}")
    return BANK
