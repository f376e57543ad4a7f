"""A large class: on a cluster, into a server's gradebook, with memory that stays flat."""

import json
import os
import random
import shutil
import sys
import weakref
from contextlib import ExitStack, closing
from functools import partial
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest
from distributed import Client, LocalCluster
from nbgrader.api import Gradebook
from sqlalchemy import select

import postgres
import tiny
from course_lib.grading import classes, cluster, grade, record

SOURCE = Path("source.ipynb")


@pytest.fixture(scope="module")
def scheduler():
    """The address of a cluster with two workers, each a process."""
    workers = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with LocalCluster(**workers, host="127.0.0.1") as cluster:
        yield cluster.scheduler_address


@pytest.fixture(scope="module")
def server():
    with postgres.server() as address:
        yield address


@pytest.fixture
def database(server, request):
    """The URL of an empty database."""
    return postgres.database(server, f"d{abs(hash(request.node.name))}")


def class_of(folder, released, url=None):
    """Copy the released class; keep its gradebook at ``url``."""
    shutil.copytree(released, folder)
    if url:
        (folder / "gradebook.db").unlink()
        with (folder / "nbgrader_config.py").open("a", encoding="utf-8") as config:
            config.write(f"\nc.CourseDirectory.db_url = {url!r}\n")
    return classes.Classroom(folder)


def kept(room):
    """Read all that a gradebook says of the quiz."""
    with Gradebook(room.coursedir.db_url, room.coursedir.course_id) as book:
        found = {}
        for submission in book.assignment_submissions(tiny.QUIZ):
            (notebook,) = submission.notebooks
            marks = {
                (g.name, g.auto_score, g.manual_score, g.needs_manual_grade)
                for g in notebook.grades
            }
            words = {(c.name, c.auto_comment, c.manual_comment) for c in notebook.comments}
            assert len(marks) == len(notebook.grades) == len(tiny.POINTS)
            about = submission.timestamp, submission.score, notebook.flagged
            found[submission.student.id] = (*about, marks, words)
        states = [dict(row) for row in book.db.execute(select(record.STATE)).mappings()]
    assert len(states) == len(found)
    texts = ("flags", "before")  # of JSON, in any order
    for row in states:
        found[row["student"], "state"] = row | {key: json.loads(row[key]) for key in texts}
    return found


def graded_files(room):
    return {
        path.relative_to(room.folder): path.read_bytes()
        for path in room.step("autograded").rglob("*.ipynb")
    }


def on_cluster(room, scheduler, regrade=False):
    """Grade as the command does with --scheduler, in sandboxes."""
    options = SimpleNamespace(sandbox="bubblewrap", scheduler=scheduler)
    return list(classes.grade(room, tiny.QUIZ, partial(classes.graded, room, options), regrade))


def in_turn(room, regrade=False):
    """Grade in sandboxes, too, but one after the other in this process."""

    def grader(paths, source):
        for student, path in paths.items():
            root, config = room.step("submitted"), room.api.config
            yield student, grade.grade_one(path, source, root, config=config)

    return list(classes.grade(room, tiny.QUIZ, grader, regrade))


def six(room):
    """Hand in what can come: right, wrong, not answered, deadly, a link, and late."""
    tiny.hand_in(room, "ada").with_name("timestamp.txt").write_text("2026-11-21 10:00:00 UTC")
    tiny.hand_in(room, "bob", one=41)
    tiny.hand_in(room, "cem", one=None, two=None, words="YOUR ANSWER HERE")
    deadly = tiny.hand_in(room, "dora")
    text = deadly.read_text().replace("answer_1 = 42", "import os; os._exit(1)")
    deadly.write_text(text)
    link = tiny.hand_in(room, "eve")
    link.unlink()
    link.symlink_to("/etc/passwd")
    tiny.hand_in(room, "finn", one=[42] * 3, two="c")


def by_hand(room):
    with Gradebook(room.coursedir.db_url, room.coursedir.course_id) as book:
        mark = book.find_grade("t01_3_answer", tiny.QUIZ, tiny.QUIZ, "ada")
        mark.manual_score, mark.needs_manual_grade = 4, False
        book.find_comment("t01_3_answer", tiny.QUIZ, tiny.QUIZ, "ada").manual_comment = "Schön."
        book.db.commit()


def test_a_cluster_and_a_server_keep_what_one_computer_and_a_file_keep(
    released, tmp_path, database, scheduler
):
    here = class_of(tmp_path / "here", released)
    there = class_of(tmp_path / "there", released, database)
    classes.release(there, tiny.QUIZ)
    told = []
    for room, run in ((here, in_turn), (there, partial(on_cluster, scheduler=scheduler))):
        six(room)
        told.append(sorted(run(room)))
        by_hand(room)
        tiny.change_tests(room, "answer_1 == 42", "answer_1 == 41")
        told.append(sorted(run(room, regrade=True)))
    assert told[:2] == told[2:]
    assert "ada: t01_1_test was 2, is now 0" in told[1]
    assert not (there.folder / "gradebook.db").exists()
    assert kept(here) == kept(there)
    assert graded_files(here) == graded_files(there)
    assert len(graded_files(here)) == 6
    flagged = [key[0] for key, row in kept(here).items() if "state" in key and row["flags"]]
    assert sorted(flagged) == ["dora", "eve"]


def test_several_graders_at_once_keep_what_one_keeps(released, tmp_path, database, monkeypatch):
    """Each has its own copy of the class; the same command in one folder is told to wait."""
    monkeypatch.setattr(record, "BATCH", 2)
    monkeypatch.setattr(record, "TRIES", 1)  # they take turns, so nothing is tried in vain
    alone = class_of(tmp_path / "alone", released)
    rooms = [class_of(tmp_path / f"{number}", released, database) for number in range(3)]
    classes.release(rooms[0], tiny.QUIZ)
    with rooms[0].record(tiny.QUIZ):
        pass  # the table is there
    for room in (alone, *rooms):
        for number in range(8):
            tiny.hand_in(room, f"s{number:02}", one=random.Random(number).choice([41, 42]))
    children = []
    for number, room in enumerate(rooms):
        children.append(os.fork())
        if not children[-1]:
            try:
                shuffled(number, room)
            except BaseException as problem:
                print(problem, file=sys.__stderr__)
                os._exit(1)
            os._exit(0)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    tiny.grade(alone)
    assert kept(rooms[0]) == kept(alone)


def test_a_table_that_another_grader_makes_just_now_is_no_trouble(
    released, tmp_path, database, monkeypatch
):
    room = class_of(tmp_path / "class", released, database)
    classes.release(room, tiny.QUIZ)
    tiny.hand_in(room, "ada")
    really, made = record.STATE.create, []

    def late(engine, checkfirst):
        if not made:
            made.append(really(engine))
            really(engine)  # as if the other had been quicker
        really(engine, checkfirst=checkfirst)

    monkeypatch.setattr(record.STATE, "create", late)
    tiny.grade(room)
    assert list(kept(room)) == ["ada", ("ada", "state")]


def shuffled(seed, room):
    stand_in = tiny.grader(room)

    def grader(paths, source):
        order = random.Random(seed).sample(sorted(paths), len(paths))
        yield from stand_in({student: paths[student] for student in order}, source)

    list(classes.grade(room, tiny.QUIZ, grader))


# --- where a gradebook can be -----------------------------------------------------------


def test_a_new_class_keeps_its_gradebook_where_it_is_told(tmp_path, database):
    classes.new(tiny.ROOT, tmp_path / "class", ["q03"], database)
    assert classes.Classroom(tmp_path / "class").coursedir.db_url == database
    again = classes.new(tiny.ROOT, tmp_path / "class", ["q03"], database)
    assert "nothing was changed" in again[0]
    with pytest.raises(classes.ClassError, match="to move it, change db_url"):
        classes.new(tiny.ROOT, tmp_path / "class", ["q03"], database + "&x=y")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("nonsense", "Could not parse"),
        ("postgresql+psycopg://a:secret@127.0.0.1:9/marks", "Connection refused"),
        ("mysql://a:secret@127.0.0.1/marks", "No module named"),
        ("word://127.0.0.1", "load plugin"),
    ],
)
def test_a_gradebook_that_cannot_be_is_told_before_anything_is_made(tmp_path, url, why):
    with pytest.raises(record.RecordError, match=why) as told:
        classes.new(tiny.ROOT, tmp_path / "class", ["q03"], url)
    assert "\n" not in str(told.value)
    assert "secret" not in str(told.value)
    assert not (tmp_path / "class").exists()


# --- what a cluster can lack -----------------------------------------------------------


def told(room, scheduler):
    """Return the sentence with which grading stops."""
    tiny.hand_in(room, "ada")
    with pytest.raises(classes.ClassError) as stopped:
        on_cluster(room, scheduler)
    assert "\n" not in str(stopped.value)
    assert tiny.states(room) == {}
    return str(stopped.value)


def test_no_cluster_at_this_address(room, monkeypatch):
    short = lambda address, timeout: Client(address, timeout=timeout / 10)  # noqa: E731
    monkeypatch.setattr("distributed.Client", short)
    assert "no cluster answers at tcp://127.0.0.1:9" in told(room, "tcp://127.0.0.1:9")


def test_a_cluster_without_workers(room):
    nobody = {"n_workers": 0, "dashboard_address": ":0", "host": "127.0.0.1"}
    with LocalCluster(**nobody) as empty:
        assert "the cluster has no workers" in told(room, empty.scheduler_address)


def test_a_machine_without_distributed(room, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert "needs the package distributed" in told(room, "tcp://127.0.0.1:9")


def test_workers_that_see_something_else(room, scheduler, monkeypatch):
    monkeypatch.setattr(cluster, "fingerprint", lambda source: f"another {os.getpid()}")
    assert "another version of the course, or does not see" in told(room, scheduler)


def test_workers_that_do_not_see_the_class_at_all(room, scheduler, monkeypatch):
    here = os.getpid()
    sees = lambda source: os.getpid() == here or (source / "elsewhere").read_bytes()  # noqa: E731
    monkeypatch.setattr(cluster, "fingerprint", sees)
    assert "does not see" in told(room, scheduler)


def test_a_worker_that_cannot_go_on_costs_nothing_that_is_graded(room, scheduler, monkeypatch):
    for number in range(8):
        tiny.hand_in(room, f"s{number}")
    stand_in = {path.parts[-3]: one for path, one in by_path(room)}

    def grader(path, source, root, **_):
        if path.parts[-3] == "s7":
            raise RuntimeError("no sandbox\nat all")
        return stand_in[path.parts[-3]]

    monkeypatch.setattr(cluster, "grade_one", grader)
    with pytest.raises(classes.ClassError, match=r"stopped: no sandbox.*same command again"):
        on_cluster(room, scheduler)
    assert len(tiny.states(room)) >= 4  # no more than four are under way at once
    tiny.grade(room)
    assert len(tiny.marks(room)) == 8


def by_path(room):
    for path in room.submissions(tiny.QUIZ).values():
        yield path, tiny.graded(room, path)


# --- memory ----------------------------------------------------------------------------


def endless(read):
    for number in count():
        read.append(number)
        yield Path(str(number)), None


def test_of_an_endless_class_only_a_few_are_under_way_on_this_computer(monkeypatch):
    class Numbers(ExitStack):
        def __init__(self, source):
            super().__init__()

        def grade(self, path, root):
            return int(path.name)

    monkeypatch.setattr(grade, "Grader", Numbers)
    read = []
    with closing(grade.grade_all(endless(read), SOURCE, workers=3)) as found:
        for done, _ in zip(range(100), found, strict=False):
            assert len(read) <= done + 1 + 2 * 3 + 3


def test_of_an_endless_class_only_a_few_are_under_way_on_a_cluster(scheduler, monkeypatch):
    monkeypatch.setattr(cluster, "_check", lambda *_: None)
    monkeypatch.setattr(cluster, "grade_one", lambda path, source, root: int(path.name))
    read = []
    with closing(cluster.grade_all(endless(read), SOURCE, scheduler)) as found:
        for done, (path, number) in zip(range(50), found, strict=False):
            assert int(path.name) == number
            assert len(read) <= done + 1 + 2 * 2


def test_a_graded_notebook_is_let_go_once_it_is_kept(room):
    for number in range(30):
        tiny.hand_in(room, f"s{number:02}")
    made, most = [], 0
    stand_in = tiny.grader(room)

    def grader(paths, source):
        nonlocal most
        for student, graded in stand_in(paths, source):
            made.append(weakref.ref(graded.notebook))
            most = max(most, sum(one() is not None for one in made))
            yield student, graded

    list(classes.grade(room, tiny.QUIZ, grader))
    assert len(tiny.marks(room)) == 30
    assert most <= 3
