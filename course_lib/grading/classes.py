"""./course class …: a class folder, and nbgrader's steps on it in the order a teacher takes them.

Each verb is a thin layer over nbgrader's own interface, so that every nbgrader command and the
formgrader work in the same folder. Only ``grade`` takes another road: through the course's four
stages (see this package's docstring), because nbgrader would run students' code with your rights.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
import sysconfig
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from nbgrader.api import Student
from nbgrader.apps import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from sqlalchemy.exc import DBAPIError, IntegrityError
from traitlets.config import PyFileConfigLoader

from course_lib.grading import collect as collecting
from course_lib.grading.record import (
    NOTES,
    Record,
    RecordError,
    fingerprint,
    reach,
    unusable,
    write_whole,
)

CONFIG = "nbgrader_config.py"
AGAIN = "type the same command again: what is graded stays."


class ClassError(Exception):
    """One sentence: what is wrong with the class folder or the request, and what to do."""


class Classroom:
    """A class folder, opened with its own nbgrader settings."""

    def __init__(self, folder: Path):
        self.folder = folder.resolve()
        if not (self.folder / CONFIG).is_file():
            raise ClassError(
                f"{folder} is no class folder (it has no {CONFIG}); make one with "
                f"./course class new {folder}."
            )
        config = PyFileConfigLoader(CONFIG, path=str(self.folder)).load_config()
        config.CourseDirectory.root = str(self.folder)
        config.NbGraderAPI.log_level = config.CourseDirectory.log_level = "ERROR"
        config.ExchangeReleaseAssignment.force = True  # releasing again hands out the newer version
        # nbgrader calls the command alembic, which lies beside this Python, activated or not.
        path = [sysconfig.get_path("scripts"), os.environ.get("PATH", "")]
        os.environ["PATH"] = os.pathsep.join(path)
        self.api = NbGraderAPI(coursedir=CourseDirectory(config=config), config=config)
        self.coursedir = self.api.coursedir

    def step(self, name: str) -> Path:
        """Return the folder of one of nbgrader's steps, such as ``submitted``."""
        return self.folder / getattr(self.coursedir, f"{name}_directory")

    def quizzes(self) -> list[str]:
        return sorted({path.parent.name for path in self.step("source").glob("*/*.ipynb")})

    def quiz(self, word: str) -> str:
        """Return the quiz that ``q03`` or its whole name stands for."""
        found = [name for name in self.quizzes() if word in (name, name.split("_")[0])]
        if len(found) != 1:
            known = ", ".join(self.quizzes()) or "none"
            raise ClassError(f"this class has no quiz {word!r}; in its source folder: {known}.")
        return found[0]

    def source(self, quiz: str) -> Path:
        """Return the instructor's notebook of a quiz."""
        path = self.step("source") / quiz / f"{quiz}.ipynb"
        others = [p.name for p in path.parent.glob("*.ipynb") if p != path]
        if others or not path.is_file():
            raise ClassError(
                f"source/{quiz} should hold one notebook, {quiz}.ipynb; for an assignment of "
                "several notebooks, use nbgrader autograde."
            )
        return path

    def submissions(self, quiz: str) -> dict[str, Path]:
        """Return the path where each student's notebook of a quiz should be."""
        folders = sorted(self.step("submitted").glob(f"*/{quiz}"))
        return {folder.parent.name: folder / f"{quiz}.ipynb" for folder in folders}

    def record(self, quiz: str) -> Record:
        return Record(self.coursedir, quiz, quiz, fingerprint(self.source(quiz)))

    def done(self, result: dict) -> str:
        """Return the log of a step of nbgrader's; raise with what stopped it if it failed."""
        if not result["success"]:
            said = "\n".join(filter(None, [result.get("log"), result.get("error")]))
            if found := re.search(r"OperationalError\) (?!no such)(.+)", said):
                raise unusable(found[1])
            if found := re.search(r"Error: \[Errno \d+\] (.+)", said):
                raise ClassError(f"{found[1]}; make room or give access, then {AGAIN}")
            lines = (result.get("log") or result.get("error") or "no reason given").splitlines()
            told = [line for line in lines if "[ERROR]" in line or "Error" in line] or lines
            raise ClassError(f"nbgrader stopped: {told[-1].replace('[ERROR] ', '').strip()}")
        return result.get("log", "")

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the class while marks are written; another grading run is told to wait."""
        with (self.folder / ".grading.lock").open("w") as lock:
            with contextlib.suppress(ImportError):  # Windows has no such locks
                import fcntl

                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise ClassError(
                        "another grading run works on this class; wait until it has ended."
                    ) from None
            yield


def new(root: Path, folder: Path, quizzes: list[str], db: str | None) -> list[str]:
    """Make a class folder outside the repository, or add what is missing to one."""
    folder, sources = folder.resolve(), root / "notebooks" / "quizzes"
    known = sorted(path.parent.name for path in sources.glob("*/*.ipynb"))
    chosen = [name for name in known for word in quizzes if word in (name, name.split("_")[0])]
    if quizzes and len(chosen) != len(quizzes):
        raise ClassError(f"there are the quizzes {', '.join(known)}; name them as q03.")
    if root.resolve() in (folder, *folder.parents):
        raise ClassError(
            f"{folder} lies inside the course's own folder; students' work must not enter it. "
            "Choose a folder outside."
        )
    if folder.is_dir() and any(folder.iterdir()) and not (folder / CONFIG).is_file():
        raise ClassError(f"{folder} holds something else; choose an empty or a new folder.")
    if db and not (folder / CONFIG).is_file():
        reach(db)
    elif db and repr(db) not in (folder / CONFIG).read_text(encoding="utf-8"):
        raise ClassError(f"this class has a gradebook; to move it, change db_url in its {CONFIG}.")
    told = []
    (folder / "source").mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)  # marks and submissions are nobody else's business
    if not (folder / CONFIG).is_file():
        text = (sources / CONFIG).read_text(encoding="utf-8")
        if db:
            text += f"\nc.CourseDirectory.db_url = {db!r}\n"
        write_whole(folder / CONFIG, text)
        told.append(f"Made the class folder {folder}.")
    for name in chosen or known:
        if not (folder / "source" / name).exists():
            half = folder / "source" / f".{name}.half"
            shutil.rmtree(half, ignore_errors=True)
            shutil.copytree(sources / name, half)
            half.rename(folder / "source" / name)
            told.append(f"Added the quiz {name}.")
    return told or [f"{folder} has it all already; nothing was changed."]


def release(room: Classroom, quiz: str) -> list[str]:
    """Make the students' version, and hand it out if the class has an exchange."""
    source = room.source(quiz)
    room.done(room.api.generate_assignment(quiz))
    made = room.step("release") / quiz / source.name
    told = [f"Made the students' version of {source.name}: {made}."]
    exchange = Path(room.api.exchange_root or "/nowhere")
    if not exchange.is_dir():
        return [*told, "Upload that file to your learning platform, or hand it out by mail."]
    room.done(room.api.release_assignment(quiz))
    return [*told, f"Handed it out through the exchange {exchange}."]


def collect(room: Classroom, quiz: str, files: list[Path]) -> list[str]:
    """Take in what a learning platform exported, or what the exchange holds."""
    told = []
    before = {name: fingerprint(path) for name, path in room.submissions(quiz).items()}
    if not files:
        if not Path(room.api.exchange_root or "/nowhere").is_dir():
            raise ClassError(
                "this class has no exchange folder; name the zip or folder you downloaded."
            )
        log = room.done(room.api.collect(quiz)).splitlines()
        told += [line.removeprefix("[ERROR] ") for line in log if line.startswith("[ERROR]")]
    for file in files:
        if not file.exists():
            raise ClassError(f"{file} does not exist.")
        downloaded = room.folder / "downloaded"
        told += collecting.collect(file, quiz, room.step("submitted"), downloaded)[1]
    introduce(room, quiz)
    after = {name: fingerprint(path) for name, path in room.submissions(quiz).items()}
    new = sum(before.get(name) != found for name, found in after.items())
    return [*told, f"{quiz}: {len(after)} submissions in the class folder, {new} of them new."]


def introduce(room: Classroom, quiz: str) -> None:
    """Give students a name in the gradebook where they have none: formgrader calls them by it."""
    who = collecting.collected(room.folder / "downloaded" / quiz / "collected.csv")
    with room.api.gradebook as gradebook:
        known = {student.id: student for student in gradebook.db.query(Student)}
        for name in room.submissions(quiz):
            student = known.get(name) or Student(id=name)
            if student.first_name is None and student.last_name is None:
                called = who[name].name if name in who else ""
                *first, last = called.encode("utf-8", "replace").decode().split() or [name]
                student.first_name, student.last_name = " ".join(first)[:128], last[:128]
                gradebook.db.add(student)
        try:
            gradebook.db.commit()
            return
        except IntegrityError:  # another grader was quicker
            gradebook.db.rollback()
    introduce(room, quiz)


def grade(room: Classroom, quiz: str, grader, regrade: bool = False) -> Iterator[str]:
    """Grade all that is due, and yield a line for each thing a person should know.

    ``grader(paths, source)`` yields ``(student, Graded)`` for ``{student: path}`` in any order.
    """
    source = room.source(quiz)
    if regrade:  # nbgrader keeps its own copy of the tests and the points
        room.done(room.api.generate_assignment(quiz))
    paths = room.submissions(quiz)
    submitted = {student: fingerprint(path) for student, path in paths.items()}
    with room.alone(), room.record(quiz) as record:
        if regrade:
            record.regrade()
        due = record.due(submitted)
        introduce(room, quiz)
        older = [s for s, row in record.states().items() if row["tests"] != record.tests]
        if older:
            yield (
                f"The tests of {quiz} have changed since {len(older)} submissions were graded; "
                "they keep their marks. To apply the new tests to all: "
                f"./course class grade {room.folder} {quiz} --regrade"
            )
        progress = Progress(len(due))
        for student, graded in grader({student: paths[student] for student in due}, source):
            if not os.path.lexists(paths[student].parent):
                yield f"{student}: the submission has vanished while it was graded; not recorded."
                continue
            record.put(student, submitted[student], graded)
            progress.clear()
            yield from (f"{student}: {flag.message}" for flag in graded.flags)
            progress.step()
        record.save()
        progress.clear()
        changes = record.changes() if regrade or due else []
        for student, cell, before, now in changes:
            yield f"{student}: {cell} was {shown(before)}, is now {shown(now)}"
        if changes:
            yield f"The last regrade changed {len(changes)} marks."
        if not due:
            for student, row in sorted(record.states().items()):
                yield from (f"{student}: {message}" for _, message in json.loads(row["flags"]))
        yield from summary(room, quiz, record, set(paths), len(due))


def shown(mark: float | None) -> str:
    return "not marked" if mark is None else f"{mark:g}"


def summary(room: Classroom, quiz: str, record: Record, here: set, due: int) -> Iterator[str]:
    """Say where the quiz stands after a run."""
    states = [row["state"] for row in record.states().values()]
    if not states:
        yield f"{quiz}: nothing to grade; the folder {room.step('submitted')} has no submission."
        return
    gone = sorted(set(record.states()) - here)
    if gone:
        yield f"No longer in the class folder, marks kept: {', '.join(gone)}."
    submissions = record.gradebook.notebook_submissions(quiz, quiz)
    waiting = sum(one.needs_manual_grade for one in submissions)
    yield (
        f"{quiz}: {len(states)} submissions, {due} graded in this run, "
        f"{states.count('flagged')} flagged, {waiting} wait for a person to mark a written answer."
    )


def feedback(room: Classroom, quiz: str) -> list[str]:
    """Make the feedback pages, and hand them back if the class has an exchange."""
    with room.alone(), room.record(quiz) as record:
        states = record.states()
    if not states:
        raise ClassError(
            f"{quiz} is not graded yet; first type ./course class grade {room.folder} {quiz}."
        )
    due = [name for name, row in states.items() if row["state"] == "due"]
    if due:
        raise ClassError(f"{len(due)} submissions are being graded anew; finish that first.")
    room.done(room.api.generate_feedback(quiz))
    made = sorted(room.step("feedback").glob(f"*/{quiz}/*.html"))
    told = [f"{len(made)} feedback pages in {room.step('feedback')}."]
    if Path(room.api.exchange_root or "/nowhere").is_dir():
        known = [page for page in made if all((page.parent / note).is_file() for note in NOTES)]
        for page in known:
            room.done(room.api.release_feedback(quiz, page.parts[-3]))
        told.append(f"Handed back {len(known)} of them through the exchange.")
    return told


class Progress:
    """A line that says how far a run is and how long it will take; silent without a terminal."""

    def __init__(self, total: int):
        self.total, self.count, self.start = total, 0, time.monotonic()

    def step(self) -> None:
        self.count += 1
        if sys.stderr.isatty():
            each = (time.monotonic() - self.start) / self.count
            left = each * (self.total - self.count)
            words = f"{self.count} of {self.total} graded, about {left / 60:.0f} min to go"
            print(f"\r{words:<60}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Make room for another line."""
        if sys.stderr.isatty():
            print(f"\r{'':60}\r", end="", file=sys.stderr, flush=True)


def main(root: Path, options) -> int:
    """Carry out ``./course class ACTION DIR …``."""
    try:
        if options.action == "new":
            lines = new(root, options.folder, options.quizzes, options.db)
        else:
            room = Classroom(options.folder)
            lines = act(room, options)
        for line in lines:
            print(line, flush=True)
    except (ClassError, RecordError) as problem:
        print(f"course: {problem}", file=sys.stderr)
        return 1
    except DBAPIError as problem:
        print(f"course: {unusable(problem)}", file=sys.stderr)
        return 1
    except OSError as problem:
        print(f"course: {problem}; {AGAIN}", file=sys.stderr)
        return 1
    return 0


def act(room: Classroom, options):
    """Return the lines that an action on an existing class tells."""
    if options.action == "report":
        from course_lib.grading import report

        return report.write(room, [room.quiz(word) for word in options.quizzes] or room.quizzes())
    quiz = room.quiz(options.quiz)
    if options.action == "release":
        return release(room, quiz)
    if options.action == "collect":
        return collect(room, quiz, options.files)
    if options.action == "feedback":
        return feedback(room, quiz)
    return grade(room, quiz, partial(graded, room, options), options.regrade)


def graded(room: Classroom, options, paths: dict[str, Path], source: Path):
    """Yield ``(student, Graded)`` as they come."""
    from course_lib.grading import cluster, grade
    from course_lib.grading.sandbox import SandboxError, probe

    if not paths:
        return
    if options.sandbox == "none":
        print(
            "Without a sandbox, students' code can read and change all that you can.",
            file=sys.stderr,
        )
    students = {path: student for student, path in paths.items()}
    submissions = ((path, room.step("submitted")) for path in students)
    settings = {"config": room.api.config, "sandbox": options.sandbox}
    if options.scheduler:
        found = cluster.grade_all(submissions, source, options.scheduler, **settings)
    else:
        workers = min(options.workers, len(paths))
        found = grade.grade_all(submissions, source, workers, **settings)
    try:
        for path, one in found:
            yield students[path], one
    except cluster.ClusterError as problem:
        raise ClassError(str(problem)) from problem
    except (SandboxError, FileNotFoundError) as problem:
        raise ClassError(probe() or f"{problem}; {AGAIN}") from problem
