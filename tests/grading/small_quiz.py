"""A quiz of a few lines, and submissions to it: what the tests of the grader work with."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course_lib.grading.grade import Graded

SETUP = "import math\n\nstart = [1, 2, 3]\n\n\ndef double(x):\n    return 2 * x"
ANSWERS = {
    "one": "answer = None\n### BEGIN SOLUTION\nanswer = 6\n### END SOLUTION",
    "two": "def square(x):\n    ### BEGIN SOLUTION\n    return x * x\n    ### END SOLUTION",
    "three": "part = None\n### BEGIN SOLUTION\npart = 0.5\n### END SOLUTION",
}
TESTS = {
    "one": "assert answer is not None, 'answer is missing'\n### BEGIN HIDDEN TESTS\n"
    "assert abs(answer - double(3)) < math.ulp(8), 'secret six'\n### END HIDDEN TESTS",
    "two": "assert callable(square)\n### BEGIN HIDDEN TESTS\n"
    "for number in (2, -3, 1.5):\n    assert square(number) == number**2\n### END HIDDEN TESTS",
    "three": "2 * part  # points",
}
RIGHT = {"one": "answer = 6", "two": "def square(x):\n    return x * x", "three": "part = 1"}


def roles(name: str, **kind) -> dict:
    """Return the metadata nbgrader gives a cell."""
    usual = {"grade": False, "solution": False, "locked": False, "task": False}
    return {"nbgrader": {**usual, **kind, "grade_id": name, "schema_version": 3}}


def notebook(answers: dict[str, str], tests: dict[str, str] = TESTS, setup: str = SETUP):
    """Return the quiz with these answers; each test is worth two points."""
    cells = [new_markdown_cell("# A quiz", metadata=roles("intro", locked=True))]
    cells.append(new_code_cell(setup, metadata=roles("setup", locked=True)))
    for name, source in answers.items():
        cells.append(new_code_cell(source, metadata=roles(name, solution=True)))
        kind = roles(f"{name}_test", grade=True, locked=True, points=2)
        cells.append(new_code_cell(tests[name], metadata=kind))
    words = roles("words", grade=True, solution=True, points=3)
    cells.append(new_markdown_cell("Write here.", metadata=words))
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=cells, metadata={"kernelspec": spec})


def source(folder: Path, **changes) -> Path:
    """Write the instructor's notebook; return its path."""
    path = folder / "source.ipynb"
    nbformat.write(notebook(ANSWERS, **changes), path)
    return path


def submitted(folder: Path, edit=None, **answers: str) -> Path:
    """Write a submission: right answers but for ``answers``, then changed by ``edit(notebook)``."""
    handed_in = notebook({**RIGHT, **answers})
    for cell in handed_in.cells:  # a student has no hidden tests
        cell.source = cell.source.partition("\n### BEGIN HIDDEN TESTS")[0]
    if edit:
        edit(handed_in)
    folder.mkdir(exist_ok=True)
    path = folder / "quiz.ipynb"
    path.write_text(json.dumps(handed_in))  # nbformat would mend it
    return path


def points(graded: Graded) -> list[float | None]:
    """Return the points of the three tests."""
    return [graded.scores[f"{name}_test"][0] for name in ANSWERS]


def cell(graded: Graded, name: str):
    """Return a cell by its grade_id."""
    return next(
        c for c in graded.notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name
    )


def said(graded: Graded, name: str) -> str:
    """Return all that a cell shows, as text."""
    return "\n".join(str(dict(output)) for output in cell(graded, name).outputs)
