"""Stage 4: marks and outputs go into nbgrader's gradebook, written by one process alone.

A submission is done when the gradebook says so, and the gradebook says so in the same
transaction that holds its marks. The graded notebook is on disk before that. So a run that is
killed at any moment leaves submissions that are done, and submissions that the next run
takes up again; nothing is half done and nothing is counted twice.

nbgrader keeps what it keeps. The course adds one table, ``course_grading``: which file and which
tests a mark stands for, and the flags a person should look at.
"""

from __future__ import annotations

import hashlib
import json
import logging
import stat
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbgrader import utils
from nbgrader.api import (
    Assignment,
    BaseCell,
    Course,
    Grade,
    Gradebook,
    InvalidEntry,
    MissingEntry,
    Notebook,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import AssignLatePenalties
from sqlalchemy import (
    Column,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError, SAWarning, SQLAlchemyError

from course_lib.grading.feedback import harmless

#: Submissions in one transaction: few enough that formgrader is never kept waiting.
BATCH = 20
#: How often, five seconds each, to wait for a gradebook that somebody else is writing to.
TRIES = 6
#: What a gradebook says when somebody else was quicker: it is held, or has that row by now.
PASSING = ("locked", "duplicate key", "already exists")
LARGEST = 10_000_000
#: What the exchange adds to a submission: when it came, and where its feedback goes.
NOTES = ("timestamp.txt", "submission_secret.txt")

STATE = Table(
    "course_grading",
    MetaData(),
    Column("assignment", String(128), primary_key=True),
    Column("notebook", String(128), primary_key=True),
    Column("student", String(128), primary_key=True),
    Column("submitted", String(64), nullable=False),  # what the mark stands for: the file …
    Column("tests", String(64), nullable=False),  # … and the tests
    Column("state", String(16), nullable=False),  # graded, flagged, or due again
    Column("flags", Text, nullable=False),  # [[kind, message], …]
    Column("before", Text, nullable=False),  # {cell: mark} before the last regrade, or {}
)

# nbgrader logs a whole traceback before it raises the error, which we tell in one sentence.
logging.getLogger("tornado.application").addHandler(logging.NullHandler())
# SQLAlchemy 2.1 remarks on how nbgrader 0.9.6 builds its objects; the results are right.
warnings.filterwarnings("ignore", "Object of type", SAWarning)


class RecordError(Exception):
    """One sentence: why marks could not be kept, and what to do."""


@dataclass
class Marks:
    """What is kept of one graded submission until its transaction."""

    student: str
    submitted: str
    scores: dict
    unanswered: set
    flags: list = field(default_factory=list)


def unusable(problem: Exception | str) -> RecordError:
    """Return the sentence on a gradebook that failed with this, and what to do."""
    words = str(getattr(problem, "orig", problem)).split("\n")[0]
    words = words.split("Error) ")[-1]  # behind the error's own name, which nbgrader puts there
    remedy = "close other programs that use it or make room"
    if "connect" in words:
        remedy = "see that its server runs and can be reached from here"
    return RecordError(
        f"the gradebook cannot be used ({words}); {remedy}, then type the same command again: "
        "marks already written stay, the others are graded again."
    )


def fingerprint(path: Path) -> str:
    """Return what a file is known by: a digest of its bytes, or why there are none to read."""
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode):
            return "not a file"
        if found.st_size > LARGEST:
            return f"{found.st_size} bytes"
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return "missing"


def write_whole(path: Path, data: str | bytes) -> None:
    """Write a file whole or not at all."""
    half = path.with_name(f".{path.name}.half")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        half.write_bytes(data.encode("utf-8", "replace") if isinstance(data, str) else data)
        half.replace(path)
    except OSError as problem:
        half.unlink(missing_ok=True)
        raise RecordError(
            f"{path} cannot be written ({problem.strerror}); make room or give access, then "
            "type the same command again: nothing is lost."
        ) from problem


def reach(url: str) -> None:
    """Raise RecordError unless a gradebook can be kept at this SQLAlchemy URL."""
    try:
        engine = create_engine(url)
        engine.connect().close()
        engine.dispose()
    except (SQLAlchemyError, ImportError) as problem:
        words = str(getattr(problem, "orig", problem)).strip().split("\n")[0]
        raise RecordError(
            f"no gradebook can be kept there ({words}); for PostgreSQL, make a database and name "
            "it as postgresql+psycopg://NAME:PASSWORD@HOST/DATABASE."
        ) from None


class Record:
    """The marks of one notebook of one assignment; use it as a context manager.

    Arguments
    ---------
    coursedir: nbgrader's description of the class folder
    assignment, notebook: their names
    tests: the fingerprint of the instructor's notebook
    """

    def __init__(self, coursedir: CourseDirectory, assignment: str, notebook: str, tests: str):
        self.coursedir, self.tests = coursedir, tests
        self.assignment, self.notebook = assignment, notebook
        self.waiting: list[Marks] = []
        self.since = time.monotonic()

    def __enter__(self) -> Record:
        self.gradebook = self._retried(self._open)
        # nbgrader's own methods then take part in our transaction instead of ending it.
        self.session = self.gradebook.db()
        self.gradebook.db.commit = self.gradebook.db.flush
        return self

    def __exit__(self, kind, problem, trace):
        try:
            if kind is None or not issubclass(kind, RecordError):
                self.save()  # what is graded stays, whatever ended the run
        finally:
            self.gradebook.close()

    def _open(self) -> Gradebook:
        gradebook = Gradebook(self.coursedir.db_url, self.coursedir.course_id)
        STATE.create(gradebook.engine, checkfirst=True)
        try:
            gradebook.find_notebook(self.notebook, self.assignment)
        except MissingEntry:
            gradebook.close()
            raise RecordError(
                f"the gradebook does not know {self.assignment}; release it first."
            ) from None
        return gradebook

    # --- what is to be done ----------------------------------------------------------------

    def states(self) -> dict[str, dict]:
        """Return the row of every submission this gradebook has a state for, by student."""
        rows = self.session.execute(select(STATE).where(*self._mine())).mappings()
        return {row["student"]: dict(row) for row in rows}

    def due(self, submitted: dict[str, str]) -> list[str]:
        """Return the students, of ``{student: fingerprint}``, who are not done yet."""
        done = {
            name: row["submitted"]
            for name, row in self._retried(self.states).items()
            if row["state"] != "due"
        }
        self.session.rollback()  # no transaction stays open while students' work is graded
        return [
            name
            for name in submitted
            if done.get(name) != submitted[name] or not self.graded_path(name).exists()
        ]

    def regrade(self) -> None:
        """Make every submission due again; an interrupted regrade with these tests goes on."""
        rows = self._retried(self.states)
        if any(row["state"] == "due" and row["tests"] == self.tests for row in rows.values()):
            return

        def mark():
            marks = self._marks()
            for name, row in rows.items():
                kept = row["before"] if row["state"] == "due" else json.dumps(marks.get(name, {}))
                change = {"state": "due", "tests": self.tests, "before": kept}
                self.session.execute(
                    update(STATE).where(*self._mine(), STATE.c.student == name).values(change)
                )
            self.session.commit()

        self._retried(mark)

    def changes(self) -> list[tuple[str, str, float | None, float | None]]:
        """Return ``(student, cell, mark before, mark now)`` for all that the last regrade moved."""
        marks, found = self._marks(), []
        for name, row in sorted(self.states().items()):
            before = json.loads(row["before"])
            if row["state"] != "due":
                now = marks.get(name, {})
                cells = [cell for cell in before if before[cell] != now.get(cell)]
                found += [(name, cell, before[cell], now.get(cell)) for cell in cells]
        return found

    def _mine(self):
        return STATE.c.assignment == self.assignment, STATE.c.notebook == self.notebook

    def _marks(self) -> dict[str, dict[str, float | None]]:
        """Return the automatic marks in the gradebook, by student and cell."""
        found = (
            select(SubmittedAssignment.student_id, BaseCell.name, Grade.auto_score)
            .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
            .join(Notebook, Notebook.id == SubmittedNotebook.notebook_id)
            .join(Assignment, Assignment.id == Notebook.assignment_id)
            .join(Grade, Grade.notebook_id == SubmittedNotebook.id)
            .join(BaseCell, BaseCell.id == Grade.cell_id)
            .where(Notebook.name == self.notebook, Assignment.name == self.assignment)
        )
        marks: dict[str, dict[str, float | None]] = {}
        for student, cell, mark in self.session.execute(found):
            marks.setdefault(student, {})[cell] = mark
        return marks

    def graded_path(self, student: str) -> Path:
        """Return where nbgrader expects a student's graded notebook."""
        folder = self.coursedir.autograded_directory
        place = self.coursedir.format_path(folder, student, self.assignment)
        return Path(place) / f"{self.notebook}.ipynb"

    # --- keeping marks ---------------------------------------------------------------------

    def put(self, student: str, submitted: str, graded) -> None:
        """Keep one graded submission: its notebook at once, its marks with the next batch."""
        unanswered = {
            cell.metadata.nbgrader.grade_id
            for cell in graded.notebook.cells
            if utils.is_solution(cell)
            and cell.metadata.nbgrader.get("checksum") == utils.compute_checksum(cell)
        }
        harmless(graded.notebook)
        write_whole(self.graded_path(student), nbformat.v4.writes(graded.notebook) + "\n")
        for name in NOTES:
            if text := self._note(student, name):
                write_whole(self.graded_path(student).with_name(name), text)
        flags = [[flag.kind, flag.message] for flag in graded.flags]
        self.waiting.append(Marks(student, submitted, graded.scores, unanswered, flags))
        if len(self.waiting) >= BATCH or time.monotonic() - self.since > 10:
            self.save()

    def save(self) -> None:
        """Write all waiting marks in one transaction."""

        def write():
            # One writer at a time, also where the gradebook is a server: others wait here.
            self.session.execute(select(Course.id).order_by(Course.id).with_for_update())
            known = self.states()
            for marks in self.waiting:
                self._write(marks, known.get(marks.student))
            self.session.commit()

        self.since = time.monotonic()
        if self.waiting:
            self._retried(write)
            self.waiting.clear()

    def _write(self, marks: Marks, row: dict | None) -> None:
        timestamp = self._note(marks.student, NOTES[0])
        self.gradebook.update_or_create_student(marks.student)
        submission = self.gradebook.update_or_create_submission(
            self.assignment, marks.student, **({"timestamp": timestamp} if timestamp else {})
        )
        self.session.flush()
        (notebook,) = (one for one in submission.notebooks if one.name == self.notebook)
        same = row is not None and row["submitted"] == marks.submitted
        before = row["before"] if same or (row and row["state"] == "due") else "{}"
        old = {grade.name: grade.auto_score for grade in notebook.grades}
        if not row and any(mark is not None for mark in old.values()):
            before = json.dumps(old)  # graded before by nbgrader alone
        for grade in notebook.grades:
            points = marks.scores[grade.name][0] if grade.name in marks.scores else None
            # A person's mark stands; they look again where what they judged has changed.
            judged = same and grade.manual_score is not None and grade.auto_score == points
            if not judged:
                grade.needs_manual_grade = grade.manual_score is not None or points is None
            grade.auto_score = points
        for comment in notebook.comments:
            comment.auto_comment = "No response." if comment.name in marks.unanswered else None
        if marks.flags or (row and json.loads(row["flags"])):
            notebook.flagged = bool(marks.flags)
        self.session.flush()
        self._late(submission, notebook)
        self.session.execute(delete(STATE).where(*self._mine(), STATE.c.student == marks.student))
        self.session.execute(
            insert(STATE).values(
                assignment=self.assignment,
                notebook=self.notebook,
                student=marks.student,
                submitted=marks.submitted,
                tests=self.tests,
                state="flagged" if marks.flags else "graded",
                flags=json.dumps(marks.flags),
                before=before,
            )
        )

    def _note(self, student: str, name: str) -> str | None:
        """Return what the exchange noted beside a submission; a student can put anything there."""
        folder = self.coursedir.submitted_directory
        path = Path(self.coursedir.format_path(folder, student, self.assignment)) / name
        try:
            if len(fingerprint(path)) == 64 and path.stat().st_size < 200:
                text = path.read_text(encoding="utf-8").strip()
                if name == NOTES[0]:
                    utils.parse_utc(text)
                return text
        except (OSError, ValueError, OverflowError):
            pass
        return None

    def _late(self, submission, notebook) -> None:
        """Apply the class's own rule for late submissions, if it has one."""
        notebook.late_submission_penalty = None
        if submission.total_seconds_late > 0:
            rule = AssignLatePenalties(parent=self.coursedir)
            rule.init_plugin()
            self.session.refresh(notebook)
            penalty = rule.plugin_inst.late_submission_penalty(
                submission.student.id, notebook.score, submission.total_seconds_late
            )
            if penalty is not None:
                notebook.late_submission_penalty = rule._check_late_penalty(notebook, penalty)

    def _retried(self, action):
        """Do something with the gradebook, again while another program holds it."""
        for attempt in range(TRIES):
            try:
                return action()
            except (DBAPIError, InvalidEntry) as problem:
                if hasattr(self, "session"):
                    self.session.rollback()
                words = str(getattr(problem, "orig", problem)).split("\n")[0]
                if not any(sign in words for sign in PASSING) or attempt == TRIES - 1:
                    raise unusable(problem) from problem
        raise AssertionError("unreachable")
