"""A class with one tiny quiz, and graded submissions made by hand: no sandbox, no waiting."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from types import SimpleNamespace

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbgrader import utils

from course_lib.grading import canonical, classes, record

ROOT = Path(__file__).resolve().parents[2]
QUIZ = "t01_tiny"
#: The cells that carry marks, with their points.
POINTS = {"t01_1_test": 2.0, "t01_2_test": 1.0, "t01_3_answer": 5.0}
SOLVED = "{answer}\n### BEGIN SOLUTION\n{solution}\n### END SOLUTION"
HIDDEN = "### BEGIN HIDDEN TESTS\nassert {hidden}, {said!r}\n### END HIDDEN TESTS"
TEST = "assert {visible}, 'Fill it in.'\n" + HIDDEN


def roles(name: str, points: float | None = None, solution: bool = False) -> dict:
    found = {"grade_id": name, "grade": points is not None, "solution": solution, "task": False}
    found |= {"locked": not solution, "schema_version": 3}
    return {"nbgrader": found | ({} if points is None else {"points": points})}


def source() -> nbformat.NotebookNode:
    """The instructor's notebook: two automatic items and a written one."""
    answers = [
        ("answer_1 = None", "answer_1 = 6 * 7", "answer_1 == 42", "Multiply."),
        ("answer_2 = None", "answer_2 = 'b'", "answer_2 == 'b'", "Read again."),
    ]
    cells = [new_markdown_cell("# Tiny", metadata=roles("t01_intro"))]
    for number, (answer, solution, hidden, said) in enumerate(answers, start=1):
        stem, points = f"t01_{number}", POINTS[f"t01_{number}_test"]
        test = TEST.format(visible=f"answer_{number} is not None", hidden=hidden, said=said)
        cells += [
            new_markdown_cell(f"## Question {number}", metadata=roles(f"{stem}_question")),
            new_code_cell(
                SOLVED.format(answer=answer, solution=solution),
                metadata=roles(f"{stem}_answer", solution=True),
            ),
            new_code_cell(test, metadata=roles(f"{stem}_test", points)),
        ]
    written = roles("t01_3_answer", POINTS["t01_3_answer"], solution=True)
    cells.append(new_markdown_cell("A model answer.", metadata=written))
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=cells, metadata={"kernelspec": spec})


def make(folder: Path) -> classes.Classroom:
    """Make the class and release the quiz."""
    (folder / "source" / QUIZ).mkdir(parents=True)
    shutil.copy(ROOT / "notebooks/quizzes/nbgrader_config.py", folder)
    nbformat.write(source(), folder / "source" / QUIZ / f"{QUIZ}.ipynb")
    room = classes.Classroom(folder)
    classes.release(room, QUIZ)
    return room


def hand_in(room: classes.Classroom, student: str, one=42, two="b", words="Mine.") -> Path:
    """Put a submission into the class folder."""
    notebook = nbformat.read(room.step("release") / QUIZ / f"{QUIZ}.ipynb", as_version=4)
    filled = {"t01_1_answer": f"answer_1 = {one!r}", "t01_2_answer": f"answer_2 = {two!r}"}
    for cell in notebook.cells:
        name = cell.metadata.nbgrader.grade_id
        cell.source = (filled | {"t01_3_answer": words}).get(name, cell.source)
    path = room.step("submitted") / student / QUIZ / f"{QUIZ}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return path


def graded(room: classes.Classroom, path: Path, *flags: tuple[str, str]) -> SimpleNamespace:
    """What the sandbox and the judge would return for a submission, without them."""
    found = canonical.rebuild(path, canonical.release(room.source(QUIZ), room.api.config))
    names: dict = {}
    for cell in found.notebook.cells:
        if cell.cell_type == "code":
            try:
                exec(cell.source, names)
            except Exception as error:
                said = {"ename": type(error).__name__, "evalue": str(error), "traceback": []}
                cell.outputs = [new_output("error", **said)]
    scores = {
        cell.metadata.nbgrader.grade_id: utils.determine_grade(cell)
        for cell in found.notebook.cells
        if utils.is_grade(cell)
    }
    flags = [*found.flags, *(canonical.Flag(*flag) for flag in flags)]
    return SimpleNamespace(notebook=found.notebook, scores=scores, flags=flags, seconds=0.0)


def grader(room: classes.Classroom, calls: list | None = None, flags: dict | None = None):
    """A stand-in for stages 1 to 3 that notes whom it graded."""

    def run(paths, source):
        for student, path in paths.items():
            if calls is not None:
                calls.append(student)
            yield student, graded(room, path, *(flags or {}).get(student, []))

    return run


def grade(room: classes.Classroom, **options) -> list[str]:
    """Grade what is due; return the lines that are told."""
    regrade = options.pop("regrade", False)
    return list(classes.grade(room, QUIZ, grader(room, **options), regrade))


def marks(room: classes.Classroom) -> dict[str, dict]:
    """Read the gradebook with nothing but SQL: ``{student: {cell: (auto, manual, waits)}}``."""
    found: dict = {}
    with sqlite3.connect(room.folder / "gradebook.db") as gradebook:
        assert gradebook.execute("pragma integrity_check").fetchone() == ("ok",)
        rows = gradebook.execute(
            "select s.student_id, c.name, g.auto_score, g.manual_score, g.needs_manual_grade"
            " from grade g join base_cell c on c.id = g.cell_id"
            " join submitted_notebook n on n.id = g.notebook_id"
            " join submitted_assignment s on s.id = n.assignment_id"
        ).fetchall()
    gradebook.close()
    for student, cell, auto, manual, waits in rows:
        assert cell not in found.setdefault(student, {}), "counted twice"
        found[student][cell] = (auto, manual, bool(waits))
    return found


def states(room: classes.Classroom) -> dict[str, str]:
    """Read the state of every submission; one with marks of earlier tests is "older"."""
    with sqlite3.connect(room.folder / "gradebook.db") as gradebook:
        tables = gradebook.execute("select name from sqlite_master").fetchall()
        rows = "select student, state, tests from course_grading"
        found = gradebook.execute(rows).fetchall() if ("course_grading",) in tables else []
    gradebook.close()
    assert len({student for student, *_ in found}) == len(found)
    tests = record.fingerprint(room.source(QUIZ))
    return {student: state if used == tests else "older" for student, state, used in found}


def change_tests(room: classes.Classroom, old: str, new: str) -> None:
    """Correct the instructor's notebook, as after a wrong hidden test."""
    path = room.source(QUIZ)
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
