"""Stages 1 to 3 for one submission: canonical form, student's sandbox, judge.

``Grader`` keeps the warm processes of one quiz, ``grade_all`` some of them side by side.
``grade_one`` is the same as one function, for a cluster. ``record`` writes what they return.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from queue import SimpleQueue

from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader import utils
from nbgrader.nbgraderformat import reads

from course_lib.grading import canonical, wire
from course_lib.grading.canonical import Flag
from course_lib.grading.cells import LONGEST, plain, stopped
from course_lib.grading.judge import plans, role
from course_lib.grading.sandbox import (
    ENVIRONMENT,
    PYTHON,
    Died,
    Limits,
    Sandbox,
    SandboxError,
    Student,
    Warm,
)

JUDGE_MEMORY = 2 << 30  # bytes
#: How a process ends that somebody killed: an administrator, or a computer out of memory.
KILLED = {"signal 9", "exit 9"}


@dataclass(frozen=True)
class Graded:
    """A graded submission.

    ``notebook`` is executed, with outputs; ``scores`` gives points and maximum by ``grade_id``,
    points None where a person marks; ``flags`` are for the instructor.
    """

    notebook: NotebookNode
    scores: dict[str, tuple[float | None, float]]
    flags: list[Flag]
    seconds: float


class Grader:
    """Grades submissions of one quiz, one after the other, in warm processes.

    ``source`` is the instructor's notebook, solutions included; ``config`` the class's nbgrader
    settings; ``sandbox`` "bubblewrap" or "none"; ``hide`` folders no student's code may see.
    Raises SandboxError if there can be no sandbox. Use it in a ``with`` block, or close it.
    """

    def __init__(self, source: Path, config=None, sandbox="bubblewrap", limits=None, hide=()):
        notebook = reads(Path(source).read_text(encoding="utf-8"), as_version=4)
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        given = [cell.source for cell in code if role(cell) == "given"]
        self.version, self._plans = canonical.release(notebook, config), plans(code)
        self._limits = limits or Limits()
        self._judge = _Judge([cell.source for cell in code], Path(source).parent, self._limits)
        try:
            self._sandbox = Sandbox(sandbox, limits, given, hide)
            self._sandbox.ready()
            self._judge.ready()
        except BaseException:
            self._judge.close()
            raise

    def __enter__(self) -> Grader:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """End the warm processes."""
        self._judge.close()
        self._sandbox.close()

    def grade(self, path: Path, root: Path | None = None) -> Graded:
        """Grade the submission at ``path``; no link is followed below ``root``.

        Raises SandboxError if the sandbox is lost for good, and nothing else whatever the file
        holds.
        """
        start = time.monotonic()
        try:
            notebook, scores, flags, ends = self._graded(path, root)
        except SandboxError:
            ends = KILLED
        if KILLED & set(ends):  # once more: code that kills itself does so again
            notebook, scores, flags, _ = self._graded(path, root)
        return Graded(notebook, scores, flags, time.monotonic() - start)

    def _graded(self, path: Path, root: Path | None) -> tuple:
        """Return notebook, scores and flags, and how each process ended that should not have."""
        found = canonical.rebuild(path, self.version, root)
        student, scores = Student(self._sandbox), {}
        self._judge.ends.clear()
        try:
            for number, cell in enumerate(found.notebook.cells, 1):
                if cell.cell_type == "code" and cell.source.strip():
                    cell.outputs, cell.execution_count = self._shown(cell, student), number
                if utils.is_grade(cell):
                    scores[cell.metadata.nbgrader.grade_id] = self._score(cell, found.flags)
        finally:
            try:
                student.close()
            finally:
                self._judge.stop()
        for why in dict.fromkeys(student.deaths):
            found.flags.append(Flag("stopped", f"The student's code was stopped. {why}"))
        for why in dict.fromkeys(self._judge.ends):
            found.flags.append(Flag("unjudged", f"A check could not be finished: {why}."))
        return found.notebook, scores, found.flags, [*student.ends, *self._judge.ends]

    def _shown(self, cell: NotebookNode, student: Student) -> list[NotebookNode]:
        """Run a cell where it belongs: tests with the judge, all others with the student."""
        if role(cell) == "test":
            return self._judge.test(cell, self._plans[cell.metadata.nbgrader.grade_id], student)
        try:
            return checked(student.run(cell.source))
        except Died as death:
            return checked(stopped("CellStopped", str(death)))

    def _score(self, cell: NotebookNode, flags: list[Flag]) -> tuple[float | None, float]:
        """Return the points of a cell by nbgrader's rule, and the maximum."""
        try:
            return utils.determine_grade(cell)
        except (KeyError, ValueError):  # nbgrader would stop grading here
            most = float(cell.metadata.nbgrader.points)
            name = cell.metadata.nbgrader.grade_id
            said = f"The test {name} ended in a value that is no number up to {most:g}."
            flags.append(Flag("points", f"{said} All its points were given."))
            return most, most


class _Judge(Warm):
    """The warm process of the judge, and the one forked for the submission at hand."""

    def __init__(self, rehearse: list[str], folder: Path, limits: Limits):
        settings = {
            "rehearse": rehearse,
            "memory": JUDGE_MEMORY,
            "processes": 1,
            "limits": {"RLIMIT_CORE": 0},
        }
        super().__init__([*PYTHON, "course_lib.grading.judge"], settings, ENVIRONMENT, folder)
        self._channel, self._seconds = None, limits.test
        self.ends: list[str] = []  # of checks that could not be finished

    def test(self, cell: NotebookNode, plan: tuple, student: Student) -> list[NotebookNode]:
        """Run one test cell, and hand its questions on to the student; return its outputs."""
        until = time.monotonic() + self._seconds
        self._channel = self._channel or self.fork()
        try:
            wire.send(self._channel, wire.encode((cell.source, *plan)))
            while True:
                message = wire.receive(self._channel, until)
                if message[:1] == b".":
                    return checked(wire.decode(message[1:]))
                try:
                    reply = student.ask(message[1:])
                except Died as death:
                    reply = wire.encode(("raised", "CellStopped", str(death)))
                wire.send(self._channel, reply)
        except TimeoutError:
            why = f"it took more than {self._seconds:g} seconds"
            self.stop()
        except (EOFError, OSError, wire.WireError):
            why = self.stop(ended=True)
        self.ends.append(why)
        return checked(stopped("TestStopped", f"This check could not be finished: {why}."))

    def stop(self, ended: bool = False) -> str:
        """End the process that judges the submission at hand; return how it ended."""
        if not self._channel:
            return ""
        self._channel.close()
        self._channel = None
        return super().stop(ended)


def checked(outputs: object) -> list[NotebookNode]:
    """Return outputs in nbformat's form, whatever a process claims that a cell has shown."""
    found = []
    for each in outputs[:1000] if isinstance(outputs, list) else []:
        match each:
            case {"output_type": "stream", "name": name, "text": str(text)}:
                name = "stderr" if name == "stderr" else "stdout"
                found.append(new_output("stream", name=name, text=_clean(text)))
            case {"output_type": "display_data" | "execute_result" as kind, "data": dict(data)}:
                data = {name: _clean(text) for name, text in plain(data).items()}
                found.append(new_output(kind, data=data))
            case {"output_type": "error", "ename": name, "evalue": said, "traceback": list(lines)}:
                lines = [_clean(line) for line in lines]
                error = {"ename": _clean(name), "evalue": _clean(said), "traceback": lines}
                found.append(new_output("error", **error))
    return found


def _clean(text: object) -> str:
    """Return text that can be written to a file: no lone surrogates, not too long."""
    return str(text)[:LONGEST].encode("utf-8", "replace").decode("utf-8")


def grade_one(path: Path, source: Path, root: Path | None = None, **settings) -> Graded:
    """Grade one submission as ``Grader(source, **settings)`` does, in this process's own Grader.

    It is started at the first call, kept for the next, and started anew if ``source`` or a
    setting changes.
    """
    key = (str(source), os.stat(source).st_mtime_ns, repr(sorted(settings.items())))
    with _LOCK:
        if _KEPT.get("key") != key:
            _forget()
            _KEPT.update(grader=Grader(source, **settings), key=key)
        return _KEPT["grader"].grade(path, root)


def grade_all(
    submissions: Iterable[tuple[Path, Path | None]], source: Path, workers: int = 2, **settings
) -> Iterator[tuple[Path, Graded]]:
    """Grade submissions, given as (notebook, its folder), side by side; yield each when done.

    Threads are enough: what takes time happens in each one's warm processes. Few submissions are
    under way at any time, so memory does not grow with the class.
    """
    waiting, under_way, free = iter(submissions), {}, SimpleQueue()

    def grade(path, root):
        grader = free.get()
        try:
            return grader.grade(path, root)
        finally:
            free.put(grader)

    with ThreadPoolExecutor(workers) as pool, ExitStack() as started:
        started.callback(pool.shutdown, wait=False, cancel_futures=True)
        starting = [pool.submit(Grader, source, **settings) for _ in range(workers)]
        wait(starting)
        for one in starting:  # close those that did start, should another have failed
            if not one.exception():
                free.put(started.enter_context(one.result()))
        for one in starting:
            one.result()
        while True:
            for path, root in islice(waiting, 2 * workers - len(under_way)):
                under_way[pool.submit(grade, path, root)] = path
            if not under_way:
                return
            for done in wait(under_way, return_when=FIRST_COMPLETED).done:
                yield under_way.pop(done), done.result()


_KEPT: dict = {}
_LOCK = threading.Lock()


@atexit.register
def _forget() -> None:
    """End the Grader that this process keeps."""
    if _KEPT:
        _KEPT["grader"].close()
        _KEPT.clear()
