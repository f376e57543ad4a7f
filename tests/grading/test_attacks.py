"""The bank of attacks, and the eyes that look for damage: proved on stock nbgrader and by hand."""

import contextlib
import os
import shutil
import sqlite3
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

import attacks
import damage
import mutations
from arena import AUTOGRADE, COURSE, FULL, ROOT_COURSE, STOCK, Arena, Report, run
from mutations import mutated, unfair

BANK = attacks.bank()
#: What stock nbgrader lets happen, by attack: proof that the detector sees it.
STOCK_FAILS = {
    "gradebook-now": "stole",
    "gradebook-trigger": "hurt",
    "classmate-overwritten": "hurt",
    "honest-os-exit": "robbed",
    "network-local": "escaped",
    "html-script": "script",
    "letter-read": "leaked",
}
#: A handful for the course's grader, one or two of each family.
SAMPLE = [*STOCK_FAILS, "skip-execution", "session-patched", "agreeable-float", "link-to-classmate"]
SAMPLE += ["cells-reversed", "truncated", "process-stays", "group-killed", "missing-attachment"]
#: The other ways to grade: nbgrader's own command, which formgrader's button calls too, and root.
ROADS = [AUTOGRADE, *([ROOT_COURSE] if os.geteuid() == 0 else [])]
FEW = ["gradebook-now", "classmate-overwritten", "letter-read", "network-local", "process-stays"]
FEW += ["link-to-classmate", "honest-os-exit"]


def named(*names):
    return [BANK[name] for name in names]


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    return Arena(tmp_path_factory.mktemp("stock"), STOCK)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    return Arena(tmp_path_factory.mktemp("course"), COURSE)


def kinds(found):
    return {each.partition(":")[0] for each in found}


def test_the_bank_is_large_and_every_kind_of_harm_is_tried():
    assert len(BANK) >= 77
    assert all(attack.least <= attack.most <= FULL for attack in BANK.values())
    assert all(attack.says for attack in BANK.values())
    assert sum(attack.honest for attack in BANK.values()) >= 50
    assert set(STOCK_FAILS.values()) | {"stopped", "unseen"} == set(damage.KINDS)


def test_stock_nbgrader_is_harmed_and_the_detector_sees_it(stock):
    place, report = stock.attack(named(*STOCK_FAILS))
    common, own = damage.damage(stock, named(*STOCK_FAILS), place, report)
    for name, kind in STOCK_FAILS.items():
        assert kind in kinds(common) | kinds(own[name]), (name, common, own[name])


def test_the_course_withstands_what_stock_nbgrader_does_not(course):
    place, report = course.attack(named(*SAMPLE))
    common, own = damage.damage(course, named(*SAMPLE), place, report)
    assert common == []
    assert {name: found for name, found in own.items() if found} == {}


@pytest.mark.parametrize("road", ROADS, ids=lambda road: road.name)
def test_the_other_roads_withstand_it_too(road, tmp_path):
    (tmp_path / "class").mkdir()
    (tmp_path / "home").mkdir()
    me = run(tmp_path, [(sys.executable, "-c", "import os; print(os.getuid())")], root=road.root)
    assert (me.log == "0\n") is road.root
    arena = Arena(tmp_path / "arena", road)
    place, report = arena.attack(named(*FEW))
    common, own = damage.damage(arena, named(*FEW), place, report)
    assert common == []
    assert {name: found for name, found in own.items() if found} == {}


def test_random_damage_to_a_notebook_costs_nothing_else(course, tmp_path):
    handed = {f"student-{seed:02}": mutated(course.honest, seed) for seed in range(20)}
    assert unfair(course, tmp_path / "class", handed) == []


def test_a_grader_that_grades_nobody_is_unfair(course, tmp_path, monkeypatch):
    monkeypatch.setattr(mutations, "run", lambda *_: Report(True, [0]))
    handed = {"one": mutated(course.honest, 1)}
    assert unfair(course, tmp_path / "class", handed) == ["one: no marks"]


def test_answers_that_are_still_there_deserve_their_points(course):
    answers = {c.metadata.nbgrader.grade_id: c.source for c in course.honest.cells}
    assert mutations.deserved(course.honest, answers) == FULL
    assert mutations.deserved(course.honest, answers | {"q03_1_answer": "answer_1 = 0"}) == FULL - 2
    assert mutations.deserved(course.honest, None) == 0


# --- the detector itself: each kind of harm done by hand to a class that was graded --------------


@pytest.fixture(scope="module")
def graded(course):
    """A class after an honest run: the attack is an untouched notebook."""
    place, report = course.attack(named("untouched"))
    return place, report


@pytest.fixture
def harmed(course, graded, tmp_path):
    """Return a function that does harm to a copy of that class and returns what is seen."""
    place = shutil.copytree(graded[0], tmp_path / "copy")

    def look(do=None, report=graded[1], attack="untouched"):
        if do:
            do(place / "class")
        common, own = damage.damage(course, named(attack), place, report)
        return common + own.get(attack, [])

    return look


def test_a_grader_that_hangs_is_ended_with_all_that_it_started(tmp_path):
    for name in ("class", "home"):
        (tmp_path / name).mkdir()
    report = run(tmp_path, [("sleep", "86400.5")], late=2)
    assert not report.ended

    def commands():
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):  # it has just ended
                yield path.read_bytes()

    late = time.monotonic() + 60  # the kernel ends them, soon
    while left := [command for command in commands() if b"86400.5" in command]:
        assert time.monotonic() < late, left


def test_an_honest_run_shows_no_damage(harmed):
    assert harmed() == []


def execute(*commands):
    def change(room):
        with closing(sqlite3.connect(room / "gradebook.db")) as database:
            for command in commands:
                database.execute(command)
            database.commit()

    return change


def on(student):
    return f"""WHERE notebook_id IN (SELECT n.id FROM submitted_notebook n
        JOIN submitted_assignment s ON s.id = n.assignment_id
        WHERE s.student_id LIKE '{student}%')"""


def append(path, text):
    return lambda room: next(room.glob(path)).open("a").write(text)


PAGE, GRADED = "feedback/mallory*/*/*.html", "autograded/{}/*/*.ipynb"
TEST = "<p>tumours_1 = Patient(infiltration=[0.2, 4.5, 3.3], cps=[80, 0, 50])</p>"
HARM = {
    "extra points": (execute(f"UPDATE grade SET extra_credit = 1 {on('mallory')}"), "stole"),
    "automatic points": (execute(f"UPDATE grade SET auto_score = 2 {on('mallory')}"), "stole"),
    "points by hand": (execute(f"UPDATE grade SET manual_score = 2 {on('mallory')}"), "stole"),
    "a classmate's points": (execute(f"UPDATE grade SET auto_score = 0 {on('zoe')}"), "robbed"),
    "a mark by hand": (execute(f"UPDATE grade SET manual_score = 0 {on('anna')}"), "robbed"),
    "a classmate's marks gone": (execute(f"DELETE FROM grade {on('zoe')}"), "robbed"),
    "greatest points": (execute("UPDATE grade_cells SET max_score = 1"), "hurt"),
    "the tests": (execute("UPDATE source_cell SET source = 'pass'"), "hurt"),
    "a trigger": (execute("CREATE TRIGGER t AFTER UPDATE ON grade BEGIN SELECT 1; END"), "hurt"),
    "no gradebook": (lambda room: (room / "gradebook.db").unlink(), "hurt"),
    "a broken gradebook": (lambda room: (room / "gradebook.db").write_text("no"), "hurt"),
    "a link": (lambda room: relink(room / "gradebook.db"), "hurt"),
    "a classmate's file": (append("submitted/zoe/*/*.ipynb", " "), "hurt"),
    "a classmate's file gone": (lambda room: shutil.rmtree(room / "submitted/zoe"), "hurt"),
    "a graded file": (lambda room: reopen(room, "anna"), "hurt"),
    "the source": (append("source/*/*.ipynb", " "), "hurt"),
    "the settings": (append("nbgrader_config.py", "#"), "hurt"),
    "a file of one's own": (lambda room: (room / "PWNED").write_text(""), "hurt"),
    "a letter": (append("../home/letter.txt", "x"), "hurt"),
    "hidden tests": (append(PAGE, TEST), "leaked"),
    "a classmate's answer": (append(PAGE, "# written by <b>zoe</b>-0815"), "leaked"),
    "the instructor's secret": (append(PAGE, "instructors-token-4711"), "leaked"),
    "a script": (append(PAGE, "<script>'PWNED'</script>"), "script"),
    "a handler": (append(PAGE, "<p onclick='PWNED'>"), "script"),
    "an address": (append(PAGE, "<a href='java\nscript:PWNED'>"), "script"),
    "a boast": (lambda room: reopen(room, "mallory*", "PWNED by"), "escaped"),
    "a full disk": (lambda room: (room / "much").write_bytes(bytes(60_000_000)), "escaped"),
}  # fmt: skip


def relink(path):
    path.rename(path.with_name("other.db"))
    path.symlink_to("other.db")


def reopen(room, student, text=" "):
    path = next(room.glob(GRADED.format(student)))
    path.chmod(0o600)
    path.write_text(path.read_text() + text)


@pytest.mark.parametrize("name", HARM)
def test_the_detector_sees_harm(harmed, name):
    do, kind = HARM[name]
    assert kind in kinds(harmed(do))


@pytest.mark.parametrize(
    ("report", "kind"),
    [
        (Report(False), "stopped"),
        (Report(True), "stopped"),
        (Report(True, [0, 1]), "stopped"),
        (Report(True, [0, 0], ["sleep 100"]), "escaped"),
        (Report(True, [0, 0], [], 1), "escaped"),
    ],
)
def test_the_detector_sees_what_a_run_did(harmed, report, kind):
    assert kinds(harmed(report=report)) == {kind}


def test_a_missing_flag_is_seen(course, graded):
    attack = replace(BANK["untouched"], flagged=True)
    assert kinds(damage.damage(course, [attack], *graded)[1]["untouched"]) == {"unseen"}


def test_an_honest_student_who_lost_points_is_seen(course, graded):
    attack = replace(BANK["untouched"], least=1)
    assert kinds(damage.damage(course, [attack], *graded)[1]["untouched"]) == {"robbed"}
