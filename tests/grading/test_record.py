"""Marks in the gradebook: each once, none lost, whatever happens in between."""

import errno
import os
import random
import signal
import sqlite3
import sys
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

import tiny
from course_lib.grading import classes, record

SENTENCE = r"[^\n]*type the same command again[^\n]*"


def gradebook(room):
    return Gradebook(f"sqlite:///{room.folder}/gradebook.db", room.coursedir.course_id)


def by_hand(room, student, cell, points, comment="Well said."):
    """What a person does in the formgrader."""
    with gradebook(room) as book:
        grade = book.find_grade(cell, tiny.QUIZ, tiny.QUIZ, student)
        grade.manual_score, grade.needs_manual_grade = points, False
        book.find_comment("t01_3_answer", tiny.QUIZ, tiny.QUIZ, student).manual_comment = comment
        book.db.commit()


# --- what is kept ----------------------------------------------------------------------


def test_marks_are_those_that_were_given_and_nbgrader_adds_them_up(room):
    tiny.hand_in(room, "ada")
    tiny.hand_in(room, "bob", one=41, words="YOUR ANSWER HERE")
    tiny.grade(room)
    assert tiny.marks(room) == {
        "ada": {"t01_1_test": (2, None, False), "t01_2_test": (1, None, False)}
        | {"t01_3_answer": (None, None, True)},
        "bob": {"t01_1_test": (0, None, False), "t01_2_test": (1, None, False)}
        | {"t01_3_answer": (0, None, False)},  # nbgrader's rule: not answered, nothing to mark
    }
    with gradebook(room) as book:
        scores = {s.student.id: s.score for s in book.assignment_submissions(tiny.QUIZ)}
        answer = book.find_comment("t01_3_answer", tiny.QUIZ, tiny.QUIZ, "bob")
        assert scores == {"ada": 3, "bob": 1}
        assert answer.comment == "No response."


def test_the_graded_notebook_stands_where_formgrader_looks(room):
    tiny.hand_in(room, "ada", one=41)
    tiny.grade(room)
    assert record.fingerprint(room.step("autograded") / "ada" / tiny.QUIZ / f"{tiny.QUIZ}.ipynb")
    (found,) = room.api.get_submissions(tiny.QUIZ)
    assert found["student"] == "ada"
    assert found["autograded"]
    assert found["needs_manual_grade"]
    assert found["score"] == 1


def test_nothing_that_acts_reaches_the_formgrader(room):
    path = tiny.hand_in(room, "eve", words="<script>alert(1)</script>")
    tiny.grade(room)
    kept = (room.step("autograded") / "eve" / tiny.QUIZ / f"{tiny.QUIZ}.ipynb").read_text()
    assert "<script>" in path.read_text()
    assert "<script>" not in kept
    assert "script>alert(1)" in kept


def test_a_flag_is_kept_told_and_seen_in_the_formgrader(room):
    tiny.hand_in(room, "ada")
    told = tiny.grade(room, flags={"ada": [("odd", "Something is odd.")]})
    assert told[0] == "ada: Something is odd."
    assert tiny.states(room) == {"ada": "flagged"}
    with gradebook(room) as book:
        assert book.find_submission_notebook(tiny.QUIZ, tiny.QUIZ, "ada").flagged


@pytest.mark.parametrize("student", ["o'brien", "Zoë-Ångström", "a b", "x@example.org"])
def test_any_name_can_be_a_student(room, student):
    tiny.hand_in(room, student)
    tiny.grade(room)
    assert list(tiny.marks(room)) == [student]


def test_a_batch_is_one_transaction(room, monkeypatch):
    monkeypatch.setattr(record, "BATCH", 2)
    for number in range(5):
        tiny.hand_in(room, f"s{number}")
    with room.record(tiny.QUIZ) as kept:
        commits = []
        real = kept.session.commit
        monkeypatch.setattr(kept.session, "commit", lambda: commits.append(1) or real())
        for student, path in room.submissions(tiny.QUIZ).items():
            kept.put(student, record.fingerprint(path), tiny.graded(room, path))
    assert len(commits) == 3
    assert len(tiny.marks(room)) == 5


def test_the_time_of_handing_in_is_kept_and_nonsense_in_its_place_is_not(room):
    for student, text in {"ada": "2026-11-21 10:00:00 UTC", "bob": "tomorrow", "eve": ""}.items():
        tiny.hand_in(room, student).with_name("timestamp.txt").write_text(text)
    link = tiny.hand_in(room, "mallory").with_name("timestamp.txt")
    link.symlink_to(room.step("submitted") / "ada" / tiny.QUIZ / "timestamp.txt")
    tiny.grade(room)
    with gradebook(room) as book:
        times = {s.student.id: s.timestamp for s in book.assignment_submissions(tiny.QUIZ)}
    assert str(times.pop("ada")) == "2026-11-21 10:00:00"
    assert set(times.values()) == {None}


def test_a_classs_own_rule_for_late_work_counts(room):
    tiny.hand_in(room, "ada").with_name("timestamp.txt").write_text("2026-11-21 12:00:00 UTC")
    with gradebook(room) as book:
        book.update_or_create_assignment(tiny.QUIZ, duedate="2026-11-21 10:00:00 UTC")
    room.coursedir.config.LateSubmissionPlugin.penalty_method = "zero"
    tiny.grade(room)
    with gradebook(room) as book:
        assert book.find_submission(tiny.QUIZ, "ada").late_submission_penalty == 3


def test_a_quiz_that_was_never_released_is_said_to_be_so(room):
    with pytest.raises(record.RecordError, match="does not know t99; release it first"):
        record.Record(room.coursedir, "t99", "t99", "").__enter__()


# --- what is done and what is due ------------------------------------------------------


def test_what_is_done_is_not_graded_again(room):
    tiny.hand_in(room, "ada")
    tiny.grade(room)
    tiny.hand_in(room, "bob")
    calls, before = [], tiny.marks(room)["ada"]
    tiny.grade(room, calls=calls)
    assert calls == ["bob"]
    assert tiny.marks(room)["ada"] == before
    tiny.grade(room, calls=calls)
    assert calls == ["bob"]


def test_a_lost_graded_notebook_is_made_again(room):
    tiny.hand_in(room, "ada")
    tiny.grade(room)
    (room.step("autograded") / "ada" / tiny.QUIZ / f"{tiny.QUIZ}.ipynb").unlink()
    calls = []
    tiny.grade(room, calls=calls)
    assert calls == ["ada"]


def test_a_new_file_is_graded_anew_and_a_person_looks_again(room):
    tiny.hand_in(room, "ada", one=41)
    tiny.grade(room)
    by_hand(room, "ada", "t01_3_answer", 4)
    tiny.hand_in(room, "ada", one=42, words="Better.")
    tiny.grade(room)
    found = tiny.marks(room)["ada"]
    assert found["t01_1_test"] == (2, None, False)
    assert found["t01_3_answer"] == (None, 4, True)


def test_a_submission_that_vanishes_meanwhile_changes_nothing(room):
    path = tiny.hand_in(room, "ada")
    tiny.hand_in(room, "bob")
    stand_in = tiny.grader(room)

    def vanishing(paths, source):
        for student, graded in stand_in(paths, source):
            if student == "ada":
                path.unlink()
                path.parent.rmdir()
            yield student, graded

    told = list(classes.grade(room, tiny.QUIZ, vanishing))
    assert told[0] == "ada: the submission has vanished while it was graded; not recorded."
    assert list(tiny.marks(room)) == ["bob"]


def test_marks_of_a_folder_that_is_gone_stay(room):
    path = tiny.hand_in(room, "ada")
    tiny.hand_in(room, "bob")
    tiny.grade(room)
    path.unlink()
    path.parent.rmdir()
    assert "No longer in the class folder, marks kept: ada." in tiny.grade(room)
    assert set(tiny.marks(room)) == {"ada", "bob"}


# --- regrading -------------------------------------------------------------------------


def test_regrading_lists_every_changed_mark_and_keeps_what_a_person_gave(room):
    for student, one in {"ada": 42, "bob": 41, "eve": 7}.items():
        tiny.hand_in(room, student, one=one)
    tiny.grade(room)
    by_hand(room, "ada", "t01_3_answer", 4)
    tiny.change_tests(room, "answer_1 == 42", "answer_1 == 41")
    told = tiny.grade(room)
    assert "changed since 3 submissions were graded; they keep their marks" in told[0]
    assert tiny.marks(room)["bob"]["t01_1_test"][0] == 0
    told = tiny.grade(room, regrade=True)
    assert [line for line in told if "was" in line] == [
        "ada: t01_1_test was 2, is now 0",
        "bob: t01_1_test was 0, is now 2",
    ]
    found = tiny.marks(room)
    assert {s: found[s]["t01_1_test"][0] for s in found} == {"ada": 0, "bob": 2, "eve": 0}
    assert found["ada"]["t01_3_answer"] == (None, 4, False)
    with gradebook(room) as book:
        answer = book.find_comment("t01_3_answer", tiny.QUIZ, tiny.QUIZ, "ada")
        assert answer.comment == "Well said."


def test_a_persons_mark_on_a_changed_check_stands_and_is_looked_at_again(room):
    for student in ("ada", "bob"):
        tiny.hand_in(room, student, one=41)
    tiny.grade(room)
    by_hand(room, "ada", "t01_1_test", 1)
    by_hand(room, "ada", "t01_2_test", 0)
    tiny.change_tests(room, "answer_1 == 42", "answer_1 == 41")
    tiny.grade(room, regrade=True)
    found = tiny.marks(room)["ada"]
    assert found["t01_1_test"] == (2, 1, True)
    assert found["t01_2_test"] == (1, 0, False)


def test_a_regrade_tells_nbgrader_of_changed_points(room):
    tiny.hand_in(room, "ada")
    tiny.grade(room)
    tiny.change_tests(room, '"points": 2.0', '"points": 4.0')
    assert "ada: t01_1_test was 2, is now 4" in tiny.grade(room, regrade=True)
    with gradebook(room) as book:
        submission = book.find_submission(tiny.QUIZ, "ada")
        assert (submission.score, submission.max_score) == (5, 10)


def test_an_interrupted_regrade_goes_on_and_still_lists_all(room):
    for number in range(4):
        tiny.hand_in(room, f"s{number}", one=41)
    tiny.grade(room)
    tiny.change_tests(room, "answer_1 == 42", "answer_1 == 41")
    stand_in = tiny.grader(room)

    def killed(paths, source):
        for number, found in enumerate(stand_in(paths, source)):
            if number == 2:
                raise KeyboardInterrupt
            yield found

    with pytest.raises(KeyboardInterrupt):
        list(classes.grade(room, tiny.QUIZ, killed, regrade=True))
    assert sorted(tiny.states(room).values()) == ["due", "due", "graded", "graded"]
    calls = []
    told = tiny.grade(room, regrade=True, calls=calls)
    assert calls == ["s2", "s3"]
    assert [line.split(":")[0] for line in told if "was" in line] == ["s0", "s1", "s2", "s3"]


def test_marks_given_by_nbgrader_alone_are_compared_too(room):
    tiny.hand_in(room, "ada", one=41)
    with gradebook(room) as book:
        book.add_student("ada")
        book.add_submission(tiny.QUIZ, "ada")
        book.find_grade("t01_1_test", tiny.QUIZ, tiny.QUIZ, "ada").auto_score = 2
        book.db.commit()
    assert "ada: t01_1_test was 2, is now 0" in tiny.grade(room)


# --- interruptions and trouble ---------------------------------------------------------


def grade_until(room, regrade, steps):
    """Grade in a process that kills itself after so many calls and returns of functions."""
    if child := os.fork():
        return os.waitpid(child, 0)[1] == signal.SIGKILL
    try:
        count = iter(range(steps))
        sys.setprofile(lambda *_: next(count, None) is None and os.kill(os.getpid(), 9))
        tiny.grade(room, regrade=regrade)
    finally:
        os._exit(0)


@pytest.mark.parametrize("regrade", [False, True])
def test_killed_at_any_moment_the_same_command_finishes(room, regrade, monkeypatch):
    chance = random.Random(7)
    for number in range(12):
        tiny.hand_in(room, f"s{number:02}", one=chance.choice([41, 42]))
    if regrade:
        tiny.grade(room)
        tiny.change_tests(room, "answer_1 == 42", "answer_1 == 41")
    monkeypatch.setattr(record, "BATCH", 3)
    seen, kills = {}, 0
    for _ in range(15):
        kills += grade_until(room, regrade, int(10 ** chance.uniform(4, 6.3)))
        done = {s for s, state in tiny.states(room).items() if state == "graded"}
        found = tiny.marks(room)
        assert {s: found[s] for s in seen} == seen, "a finished grade has changed"
        seen = {student: found[student] for student in done}
    assert kills > 5
    tiny.grade(room, regrade=regrade)
    right = 41 if regrade else 42
    for student, found in tiny.marks(room).items():
        text = (room.step("submitted") / student / tiny.QUIZ / f"{tiny.QUIZ}.ipynb").read_text()
        assert found["t01_1_test"][0] == (2 if f"answer_1 = {right}" in text else 0)
    assert set(tiny.states(room).values()) == {"graded"}
    assert len(tiny.marks(room)) == 12


def test_a_transaction_that_fails_leaves_the_submission_due(room, monkeypatch):
    tiny.hand_in(room, "ada")
    monkeypatch.setattr(record.Record, "_late", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        tiny.grade(room)
    assert tiny.marks(room) == {}
    monkeypatch.undo()
    tiny.grade(room)
    assert tiny.states(room) == {"ada": "graded"}


def test_a_gradebook_that_another_program_holds_is_waited_for_then_told(room, monkeypatch):
    tiny.hand_in(room, "ada")
    monkeypatch.setattr(record, "TRIES", 1)
    other = sqlite3.connect(room.folder / "gradebook.db", isolation_level=None)
    stand_in = tiny.grader(room)

    def holding(paths, source):
        other.execute("begin immediate")
        yield from stand_in(paths, source)

    with pytest.raises(record.RecordError, match="database is locked" + SENTENCE):
        list(classes.grade(room, tiny.QUIZ, holding))
    other.execute("rollback")
    other.close()
    tiny.grade(room)
    assert tiny.states(room) == {"ada": "graded"}


def test_a_full_disk_is_told_and_loses_nothing(room, monkeypatch):
    tiny.hand_in(room, "ada")
    tiny.grade(room)
    tiny.hand_in(room, "bob")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(record.RecordError, match="No space left on device" + SENTENCE):
        tiny.grade(room)
    monkeypatch.undo()
    assert tiny.states(room) == {"ada": "graded"}
    tiny.grade(room)
    assert tiny.states(room) == {"ada": "graded", "bob": "graded"}


def test_a_file_that_is_no_gradebook_is_told(room):
    tiny.hand_in(room, "ada")
    (room.folder / "gradebook.db").write_bytes(b"not a database at all, not at all")
    with pytest.raises(record.RecordError, match="file is not a database"):
        tiny.grade(room)


def test_two_runs_at_once_are_not_possible(room):
    tiny.hand_in(room, "ada")
    with room.alone(), pytest.raises(classes.ClassError, match="another grading run"):
        tiny.grade(room)
    tiny.grade(room)


def test_a_file_is_known_by_what_it_holds(tmp_path):
    path = tmp_path / "a"
    assert record.fingerprint(path) == "missing"
    path.write_text("x")
    first = record.fingerprint(path)
    path.write_text("y")
    assert record.fingerprint(path) != first
    path.rename(tmp_path / "b")
    path.symlink_to(tmp_path / "b")
    assert record.fingerprint(path) == "not a file"
