"""The three stages together, on the course's own quizzes and from several workers."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from itertools import cycle, islice
from pathlib import Path

import nbformat
import pytest

import quizzes
import small_quiz
from course_lib.grading import grade
from course_lib.grading.grade import Grader, grade_all, grade_one
from course_lib.grading.sandbox import Limits, SandboxError

LIMITS = Limits(cell=3, memory=300 << 20)


def handed_in(folder, name: str, entries: dict) -> os.PathLike:
    """Write a submission that answers each item as an entry of the bank does."""
    notebook = nbformat.read(quizzes.source(name), as_version=4)
    for cell in notebook.cells:
        stem, _, kind = cell.metadata.nbgrader.grade_id.rpartition("_")
        if kind == "answer" and stem.replace("_", "-") in entries:
            kept = [x for x in cell.source.splitlines() if not x.strip().startswith("### ")]
            cell.source = "\n".join([*kept, entries[stem.replace("_", "-")]["code"]])
    path = folder / f"{name}.ipynb"
    nbformat.write(notebook, path)
    return path


def rounds(name: str):
    """Yield submissions that together hold every entry of a quiz's bank, as ``{item: entry}``."""
    items = [item for item in quizzes.bank(name)["item"] if "right" in item]
    full = {i["id"]: [{**e, "points": i["points"]} for e in i["right"]] + i["wrong"] for i in items}
    longest = max(map(len, full.values()))
    columns = {item: list(islice(cycle(entries), longest)) for item, entries in full.items()}
    for number in range(longest):
        yield {item: entries[number] for item, entries in columns.items()}


@pytest.mark.parametrize("name", quizzes.names())
def test_answers_of_the_bank_earn_what_it_says(tmp_path, name):
    """Every entry of one quiz, and some of each other: tests/quizzes runs them all, unboxed."""
    every = None if name == "q03_checkpoint_inhibitors" else 3
    with Grader(quizzes.source(name)) as grader:
        for entries in islice(rounds(name), every):
            graded = grader.grade(handed_in(tmp_path, name, entries))
            for item, entry in entries.items():
                stem = item.replace("-", "_")
                found = graded.scores[f"{stem}_test"][0]
                assert found == entry["points"], (item, entry["says"])
            assert graded.flags == []
        assert sum(most for _, most in graded.scores.values()) == 15
        untouched = grader.grade(quizzes.released(name))
        assert sum(points or 0 for points, _ in untouched.scores.values()) == 0
        assert untouched.flags == []


def test_a_graded_notebook_is_complete_and_can_be_saved(tmp_path):
    name = "q03_checkpoint_inhibitors"
    with Grader(quizzes.source(name)) as grader:
        graded = grader.grade(handed_in(tmp_path, name, {}))
    nbformat.validate(graded.notebook)
    assert all(
        c.execution_count for c in graded.notebook.cells if c.cell_type == "code" and c.source
    )
    charts = [
        o
        for c in graded.notebook.cells
        for o in c.get("outputs", [])
        if "text/html" in o.get("data", {})
    ]
    assert len(charts) == 4
    assert graded.seconds < 60


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return small_quiz.source(tmp_path_factory.mktemp("quiz"))


def test_the_same_submission_earns_the_same_twice_and_leaves_nothing(tmp_path, source):
    path = small_quiz.submitted(tmp_path, one="import random\nanswer = {'a', 'b', 'c'}")
    with Grader(source, limits=LIMITS) as grader:
        one, other = grader.grade(path), grader.grade(path)
    assert (one.notebook, one.scores) == (other.notebook, other.scores)


def test_any_number_of_submissions_is_graded_by_several_workers(tmp_path, source):
    expected = {}
    for number in range(9):
        answers = (
            {"one": f"answer = {number}"} if number != 4 else {"one": "import os; os._exit(1)"}
        )
        path = small_quiz.submitted(tmp_path / str(number), **answers)
        expected[path] = [2 if number == 6 else 0, 2, 2]
    expected[tmp_path / "none" / "quiz.ipynb"] = [0, 0, 0]
    submissions = ((path, path.parent) for path in expected)
    found = dict(grade_all(submissions, source, workers=2, limits=LIMITS))
    assert {path: small_quiz.points(graded) for path, graded in found.items()} == expected


def test_few_submissions_are_under_way_at_a_time(tmp_path, source):
    path, taken = small_quiz.submitted(tmp_path), 0

    def many():
        nonlocal taken
        for _ in range(12):
            taken += 1
            yield path, tmp_path

    most = 0
    for done, _ in enumerate(grade_all(many(), source, workers=1, limits=LIMITS)):
        most = max(most, taken - done)
    assert taken == 12
    assert most <= 3


def test_who_stops_early_does_not_wait_for_code_that_never_ends(tmp_path, source):
    quick, slow = (tmp_path / name for name in ("quick", "slow"))
    paths = [
        small_quiz.submitted(quick),
        small_quiz.submitted(slow, one="import time\ntime.sleep(3000)"),
    ]
    before, patient = below(os.getpid()), Limits(cell=3600, total=3600)
    found = grade_all([(path, path.parent) for path in paths], source, limits=patient)
    assert next(found)[0] == paths[0]
    closing = threading.Thread(target=found.close, daemon=True)
    closing.start()
    closing.join(120)
    assert not closing.is_alive()
    assert below(os.getpid()) == before


def test_processes_that_are_ended_from_outside_are_started_again(tmp_path, source):
    path = small_quiz.submitted(tmp_path)
    with Grader(source, limits=LIMITS) as grader:
        for warm in (grader._judge, grader._sandbox):
            warm._process.kill()
            warm._process.wait()
        assert small_quiz.points(grader.grade(path)) == [2, 2, 2]


@pytest.mark.parametrize(
    ("victim", "which"),
    [("_judge", 0), ("_judge", -1), ("_sandbox", 0), ("_sandbox", 2), ("_sandbox", -1)],
    ids=["judge", "judge's child", "bubblewrap", "sandbox", "sandbox's child"],
)
def test_a_process_killed_from_outside_costs_no_points(tmp_path, source, victim, which):
    path = small_quiz.submitted(tmp_path)
    with Grader(source, limits=LIMITS) as grader:
        warm, forks = getattr(grader, victim), []
        fork = warm.fork

        def killed_once():
            channel = fork()
            forks.append(channel)
            if len(forks) == 1:
                first = warm._process.pid
                os.kill([first, *sorted(below(first))][which], signal.SIGKILL)
            return channel

        warm.fork = killed_once
        graded = grader.grade(path)
    assert len(forks) > 1
    assert small_quiz.points(graded) == [2, 2, 2]
    assert graded.flags == []


def test_code_that_kills_itself_is_flagged_and_costs_the_others_nothing(tmp_path, source):
    path = small_quiz.submitted(tmp_path, one="import os; os.kill(os.getpid(), 9)")
    with Grader(source, limits=LIMITS) as grader:
        graded = grader.grade(path)
    assert small_quiz.points(graded) == [0, 2, 2]
    assert [flag.kind for flag in graded.flags] == ["stopped"]


def test_a_check_that_never_ends_is_flagged(tmp_path):
    endless = {**small_quiz.TESTS, "one": "while True: pass"}
    own = small_quiz.source(tmp_path, tests=endless)
    with Grader(own, limits=Limits(test=1)) as grader:
        graded = grader.grade(small_quiz.submitted(tmp_path / "mine"))
    assert small_quiz.points(graded) == [0, 2, 2]
    assert "unjudged" in [flag.kind for flag in graded.flags]


def test_warm_processes_end_when_the_grader_is_killed(tmp_path, source):
    path = small_quiz.submitted(tmp_path, one="while True: pass")
    program = (
        "from pathlib import Path\nfrom course_lib.grading.grade import grade_all\n"
        f"path, source = Path({str(path)!r}), Path({str(source)!r})\n"
        "if __name__ == '__main__':\n"
        "    list(grade_all([(path, path.parent)] * 4, source, workers=2))\n"
    )
    script = tmp_path / "script.py"
    script.write_text(program)
    with subprocess.Popen([sys.executable, str(script)], start_new_session=True) as victim:
        until = time.monotonic() + 60
        while len(below(victim.pid)) < 8 and time.monotonic() < until:
            time.sleep(0.1)
        started = below(victim.pid)
        victim.kill()
    assert len(started) >= 8
    until = time.monotonic() + 20
    while any(map(alive, started)) and time.monotonic() < until:
        time.sleep(0.1)
    assert [pid for pid in started if alive(pid)] == []


def below(ancestor: int) -> set[int]:
    """Return all processes that a process has started, at however many removes."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    found = {ancestor}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {ancestor}


def alive(pid: int) -> bool:
    """Return whether a process is still there, and not merely waiting to be collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_one_grader_is_kept_until_the_quiz_changes(tmp_path, source):
    own = shutil.copy(source, tmp_path / "own.ipynb")
    path = small_quiz.submitted(tmp_path / "mine")
    try:
        assert small_quiz.points(grade_one(path, own, limits=LIMITS)) == [2, 2, 2]
        kept = grade._KEPT["grader"]
        grade_one(path, own, limits=LIMITS)
        assert grade._KEPT["grader"] is kept
        own.write_text(own.read_text().replace("double(3)", "double(4)"))
        os.utime(own, ns=(1, 1))
        assert small_quiz.points(grade_one(path, own, limits=LIMITS)) == [0, 2, 2]
        assert kept._sandbox._process.poll() is not None
    finally:
        grade._forget()


def test_a_grader_without_a_sandbox_is_refused(monkeypatch, source):
    monkeypatch.setattr("course_lib.grading.sandbox._bubblewrap", lambda *_: ["bwrap", "--bad"])
    with pytest.raises(SandboxError, match="--bad"):
        Grader(source)
    with pytest.raises(ValueError, match="not 'off'"):
        Grader(source, sandbox="off")


@pytest.mark.parametrize("odd", [None, 5, "x", {}, [5], [None], [{}], [{"output_type": "stream"}]])
def test_outputs_that_are_none_are_left_out(odd):
    assert grade.checked(odd) == []


def test_outputs_are_what_a_notebook_can_hold():
    html = {"text/html": "<b>\ud800</b>", "image/png": b"\0", "application/javascript": "evil()"}
    claimed = [
        {"output_type": "stream", "name": ["x"], "text": "a\ud800", "evil": 1},
        {"output_type": "execute_result", "data": {**html, 5: 6, "text/plain": 7}},
        {"output_type": "error", "ename": 1, "evalue": None, "traceback": ["x", 5]},
        {"output_type": "error", "ename": "E", "evalue": "e", "traceback": "x"},
    ]
    found = grade.checked(claimed)
    assert [o.output_type for o in found] == ["stream", "execute_result", "error"]
    assert found[0] == {"output_type": "stream", "name": "stdout", "text": "a?"}
    assert found[1].data == {"text/html": "<b>?</b>", "image/png": "AA=="}
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", outputs=found)])
    notebook.cells[0].execution_count = found[1].execution_count = 1
    nbformat.validate(notebook)
    assert nbformat.writes(notebook).encode()


def test_without_a_sandbox_the_points_are_the_same(tmp_path, source):
    with Grader(source, sandbox="none", limits=LIMITS) as grader:
        ends = small_quiz.submitted(tmp_path, two="import os; os._exit(1)")
        assert small_quiz.points(grader.grade(ends)) == [2, 0, 2]
        assert small_quiz.points(grader.grade(small_quiz.submitted(tmp_path))) == [2, 2, 2]
