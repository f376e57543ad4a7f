"""What a quiz says about a class, and about itself: one page, and tables for other programs.

The wrong idea behind a wrong answer is found by grading the quiz's own answer bank: an entry of
``answers.toml`` that stands for a misconception is put into the quiz as a student would write it.
Whoever gets the same reply from the same check is counted with that misconception.
"""

from __future__ import annotations

import csv
import io
import json
import statistics
import tempfile
import tomllib
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

import nbformat
from jinja2 import Environment, PackageLoader
from nbgrader import utils
from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    Notebook,
    SubmittedAssignment,
    SubmittedNotebook,
)
from sqlalchemy import select

from course_lib import evidence
from course_lib.grading.collect import Collected, collected
from course_lib.grading.record import write_whole

MARKS = ("### BEGIN SOLUTION", "### END SOLUTION")


@dataclass
class Result:
    """One student's submission."""

    student: str
    who: Collected
    marks: dict[str, float] = field(default_factory=dict)
    unmarked: set[str] = field(default_factory=set)
    waiting: bool = False
    blank: set[str] = field(default_factory=set)
    penalty: float = 0
    flags: list[str] = field(default_factory=list)
    replies: dict[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Return whom a person knows: Canvas's numbers alone say nothing."""
        name = self.who.name or self.student
        return f"{name} ({self.student})" if self.who.platform == "Canvas" else name

    @property
    def total(self) -> float:
        """Return the points, as nbgrader counts them."""
        return max(0.0, sum(self.marks.values()) - self.penalty)


@dataclass
class Item:
    """One question: how hard it was, how well it tells strong from weak, what went wrong."""

    cell: str
    title: str
    points: float
    difficulty: float | None
    discrimination: float | None
    answered: float
    unmarked: int
    wrong: list[tuple[int, str, list[str]]]


def write(room, quizzes: list[str]) -> list[str]:
    """Write the report of a class into its folder; return what to tell."""
    folder, pages, books = room.folder / "report", [], {}
    for quiz in quizzes:
        results, changes = gather(room, quiz)
        if results:
            books[quiz] = results
            pages.append(page(room, quiz, results, changes))
            write_whole(folder / f"scores_{quiz}.csv", scores(pages[-1]["items"], results))
            write_whole(folder / f"moodle_{quiz}.csv", moodle(pages[-1]["most"], results))
    if not pages:
        return ["There is nothing to report yet: grade a quiz first."]
    most = {one["quiz"]: one["most"] for one in pages}
    write_whole(folder / "canvas.csv", canvas(most, books))
    templates = Environment(loader=PackageLoader("course_lib.grading", "."), autoescape=True)
    html = templates.get_template("report.html.j2").render(pages=pages)
    write_whole(folder / "report.html", html)
    told = [f"Wrote {folder / 'report.html'} and tables for {', '.join(books)} beside it."]
    waiting = sum(one.waiting for results in books.values() for one in results)
    if waiting:
        told.append(
            f"{waiting} submissions wait for a person; the tables for Canvas and Moodle leave "
            "their marks out."
        )
    return told


# --- reading the gradebook ------------------------------------------------------------------


def gather(room, quiz: str) -> tuple[list[Result], list[tuple]]:
    """Return every graded submission of a quiz, and the marks that a regrade has changed."""
    who = collected(room.folder / "downloaded" / quiz / "collected.csv")
    results: dict[str, Result] = {}

    def of(student):
        known = who.get(student) or Collected(student, "")
        return results.setdefault(student, Result(student, known))

    with room.record(quiz) as record:
        states = {s: row for s, row in record.states().items() if row["state"] != "due"}

        def read(kind, *columns):
            return record.session.execute(
                select(SubmittedAssignment.student_id, BaseCell.name, *columns)
                .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
                .join(Notebook, Notebook.id == SubmittedNotebook.notebook_id)
                .join(Assignment, Assignment.id == Notebook.assignment_id)
                .join(kind, kind.notebook_id == SubmittedNotebook.id)
                .join(BaseCell, BaseCell.id == kind.cell_id)
                .where(Notebook.name == quiz, Assignment.name == quiz)
            )

        late = SubmittedNotebook.late_submission_penalty
        columns = Grade.score, Grade.needs_manual_grade, Grade.auto_score, Grade.manual_score, late
        for student, cell, mark, waits, auto, manual, penalty in read(Grade, *columns):
            if student in states:
                of(student).marks[cell] = mark
                of(student).waiting |= waits
                of(student).penalty = penalty or 0
                if waits and auto is None and manual is None:  # its score, 0, is no mark
                    of(student).unmarked.add(cell)
        for student, cell, said in read(Comment, Comment.auto_comment):
            if student in states and said == "No response.":
                of(student).blank.add(cell)
        for student, result in results.items():
            result.flags = [message for _, message in json.loads(states[student]["flags"])]
            result.replies = replies(record.graded_path(student))
        return [results[name] for name in sorted(results)], record.changes()


def replies(path: Path) -> dict[str, str]:
    """Return what each failed check said, by cell, in a graded notebook."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError):
        return {}
    found = {}
    for cell in cells:
        name = cell["metadata"].get("nbgrader", {}).get("grade_id", "")
        for output in cell.get("outputs", []):
            if output["output_type"] == "error":
                found[name] = output["evalue"] or output["ename"]
    return found


def misconceptions(room, quiz: str) -> dict[str, dict[str, set[str]]]:
    """Return ``{cell: {reply: misconceptions}}`` of a quiz, found by grading its answer bank."""
    from course_lib.grading.grade import Grader

    source = room.source(quiz)
    bank = source.with_name("answers.toml")
    if not bank.is_file():
        return {}
    items = tomllib.loads(bank.read_text(encoding="utf-8"))["item"]
    told = {
        item["id"].replace("-", "_"): [e for e in item.get("wrong", []) if "misconception" in e]
        for item in items
    }
    found: dict = defaultdict(lambda: defaultdict(set))
    with (
        tempfile.TemporaryDirectory() as place,
        # The bank is the instructor's own code: it needs no walls.
        Grader(source, config=room.api.config, sandbox="none") as grader,
    ):
        for entries in zip_longest(*told.values()):
            chosen = {stem: e for stem, e in zip(told, entries, strict=True) if e}
            notebook = nbformat.read(source, as_version=4)
            for cell in notebook.cells:
                stem = cell.metadata.nbgrader.grade_id.removesuffix("_answer")
                if stem in chosen:
                    lines = [x for x in cell.source.splitlines() if x.strip() not in MARKS]
                    cell.source = "\n".join([*lines, chosen[stem]["code"]])
            path = Path(place) / "wrong.ipynb"
            nbformat.write(notebook, path)
            graded = grader.grade(path).notebook
            nbformat.write(graded, path)
            said = replies(path)
            for stem, entry in chosen.items():
                if f"{stem}_test" in said:
                    found[f"{stem}_test"][said[f"{stem}_test"]].add(entry["misconception"])
    return found


# --- what it means --------------------------------------------------------------------------


def page(room, quiz: str, results: list[Result], changes: list[tuple]) -> dict:
    """Return what the page shows of one quiz."""
    notebook = nbformat.read(room.source(quiz), as_version=4)
    cells = {c.metadata.nbgrader.grade_id: c for c in notebook.cells if "nbgrader" in c.metadata}
    behind = misconceptions(room, quiz)
    ideas = tomllib.loads((evidence.ASSETS / "misconceptions.toml").read_text(encoding="utf-8"))
    totals = [one.total for one in results]
    items = []
    for name, cell in cells.items():
        points = cell.metadata.nbgrader.get("points", 0) if utils.is_grade(cell) else 0
        if not points:
            continue
        stem = name.rpartition("_")[0]
        question = cells.get(f"{stem}_question")
        title = question.source.splitlines()[0].strip("# ") if question else name
        marked = [one for one in results if name not in one.unmarked]
        marks = [one.marks.get(name, 0.0) for one in marked]
        tried = [one for one in results if not {name, f"{stem}_answer"} & one.blank]
        said = Counter(one.replies[name] for one in tried if name in one.replies)
        wrong = [
            (
                number,
                reply,
                sorted(ideas[slug]["wrong"] for slug in behind.get(name, {}).get(reply, ())),
            )
            for reply, number in said.most_common(3)
        ]
        items.append(
            Item(
                name,
                title,
                points,
                statistics.fmean(marks) / points if marks else None,
                discrimination(marks, [one.total for one in marked]),
                len(tried) / len(results),
                len(results) - len(marked),
                wrong,
            )
        )
    most = sum(item.points for item in items)
    titles = {item.cell: item.title for item in items}
    labels = {one.student: one.label for one in results}
    return {
        "quiz": quiz,
        "items": items,
        "results": results,
        "changes": [(labels.get(s, s), titles.get(c, c), *marks) for s, c, *marks in changes],
        "most": most,
        "mean": statistics.fmean(totals),
        "median": statistics.median(totals),
        "waiting": sum(one.waiting for one in results),
        "bars": bars(totals, most),
    }


def discrimination(marks: list[float], totals: list[float]) -> float | None:
    """Return the correlation of an item with the rest of the quiz, or None where there is none."""
    rest = [total - mark for mark, total in zip(marks, totals, strict=True)]
    if len(marks) < 3 or len(set(marks)) == 1 or len(set(rest)) == 1:
        return None
    return statistics.correlation(marks, rest)


def bars(totals: list[float], most: float) -> list[tuple[str, int]]:
    """Return how many students are in each fifth of the scale."""
    step = most / 5 or 1
    counts = Counter(min(int(total // step), 4) for total in totals)
    ends = [f"{n * step:g}" for n in range(6)]
    to = ["to under"] * 4 + ["to"]
    return [(f"{ends[n]} {to[n]} {ends[n + 1]}", counts[n]) for n in range(5)]


# --- tables for other programs --------------------------------------------------------------


def table(head: list[str], rows: list[list]) -> str:
    """Return CSV; a spreadsheet would run a text that begins like a formula, so none does."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\r\n")
    writer.writerow(head)
    for row in rows:
        writer.writerow(
            f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" and value else value
            for value in row
        )
    return lines.getvalue()


def scores(items: list[Item], results: list[Result]) -> str:
    """Return a line for each student: every mark, the total, and what a person should look at."""
    head = ["student", "name", *(item.cell for item in items), "penalty", "total", "complete"]
    return table(
        [*head, "late", "flags"],
        [
            [one.student, one.who.name]
            + ["" if item.cell in one.unmarked else one.marks.get(item.cell, 0.0) for item in items]
            + [one.penalty, one.total, "no" if one.waiting else "yes", one.who.late]
            + [" ".join(one.flags)]
            for one in results
        ],
    )


def canvas(most: dict[str, float], books: dict[str, list[Result]]) -> str:
    """Return what Canvas's gradebook imports: its own columns, then one for each quiz.

    A student is found by ID, where the submission came from Canvas, else by SIS Login ID.
    """
    head = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *most]
    rows = [["    Points Possible", "", "", "", "", *most.values()]]
    marks = {quiz: {one.student: one for one in results} for quiz, results in books.items()}
    for student in sorted({name for known in marks.values() for name in known}):
        found = [known.get(student) for known in marks.values()]
        who = next(one.who for one in found if one)
        if who.platform == "Moodle":
            continue
        number = who.number if who.platform == "Canvas" and who.number.isdigit() else ""
        given = ["" if one is None or one.waiting else one.total for one in found]
        rows.append([who.name or student, number, "", "" if number else student, "", *given])
    return table(head, rows)


def moodle(most: float, results: list[Result]) -> str:
    """Return what Moodle imports: as a grading worksheet of the assignment, or by Username."""
    head = ["Identifier", "Full name", "Username", "Grade", "Maximum grade"]
    return table(
        [*head, "Last modified (grade)"],
        [
            [
                f"Participant {one.who.number}" if one.who.platform == "Moodle" else "",
                one.who.name or one.student,
                "" if one.who.platform == "Moodle" else one.student,
                "" if one.waiting else one.total,
                most,
                "",
            ]
            for one in results
            if one.who.platform != "Canvas"
        ],
    )
