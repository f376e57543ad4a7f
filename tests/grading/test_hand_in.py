"""./course hand-in: a student's file, looked over and packed, without any set-up."""

import json
import sys
import zipfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import house
from course_lib.cli import edition
from course_lib.grading import collect

QUIZ = "q03_checkpoint_inhibitors"
FILE = f"{QUIZ}.ipynb"


def cell(name, source, kind="code", **roles):
    roles = {"grade_id": name, "solution": False, **roles}
    return {"cell_type": kind, "metadata": {"nbgrader": roles}, "source": source}


CELLS = [
    cell("q03_intro", "# Quiz", "markdown"),
    cell("q03_1_answer", ["answer_1 = None\n", "# YOUR CODE HERE"], solution=True),
    cell("q03_1_test", "assert answer_1"),
    cell("q03_2_answer", "YOUR ANSWER HERE", "markdown", solution=True),
]


def notebook(cells):
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture
def clone(tmp_path):
    clone = house.make(tmp_path / "course")
    house.write(clone / "notebooks/release" / QUIZ / FILE, notebook(CELLS))
    edition.lay_out(clone, clone / "work")
    return clone


@pytest.fixture
def own(clone):
    return clone / "work/quizzes" / QUIZ / FILE


def answered(**sources):
    changed = json.loads(notebook(CELLS))["cells"]
    for one in changed:
        name = one["metadata"]["nbgrader"]["grade_id"]
        one["source"] = sources.get(name, one["source"])
    return changed


FULL = {"q03_1_answer": "answer_1 = 3", "q03_2_answer": "Because."}


def hand_in(clone, *words):
    done = house.course(clone, "hand-in", *words)
    assert done.returncode == 0, done.stderr
    assert not (clone / ".venv").exists()
    return done.stdout


def test_a_finished_quiz_is_packed_as_it_is_without_a_word_too_much(clone, own):
    own.write_text(notebook(answered(**FULL)))
    *told, packed, where, by_mail = hand_in(clone, "q03").splitlines()
    assert told == []
    path = clone / "work/hand-in" / f"{QUIZ}.zip"
    assert packed == f"Packed as you last saved it: {path}"
    assert where == "Hand in this file where your instructor told you to."
    assert by_mail == "By mail? Then add your name: ./course hand-in q03 --name NAME"
    with zipfile.ZipFile(path) as bundle:
        assert bundle.namelist() == [FILE]
        assert bundle.read(FILE) == own.read_bytes()


def test_the_same_answers_make_the_same_file(clone, own):
    own.write_text(notebook(answered(**FULL)))
    packed = clone / "work/hand-in" / f"{QUIZ}.zip"
    hand_in(clone, "q03")
    first = packed.read_bytes()
    hand_in(clone, QUIZ)
    assert packed.read_bytes() == first


def test_with_a_name_the_file_tells_whose_it_is(clone, own, tmp_path):
    own.write_text(notebook(answered(**FULL)))
    assert "By mail?" not in hand_in(clone, "q03", "--name", "Ada Lovelace")
    packed = clone / "work/hand-in" / f"{QUIZ}_Ada-Lovelace.zip"
    collect.collect(packed.parent, QUIZ, tmp_path / "submitted", tmp_path / "downloaded")
    found = tmp_path / "submitted/Ada-Lovelace" / QUIZ / FILE
    assert found.read_bytes() == own.read_bytes()


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        (answered(q03_1_answer="answer_1 = 3"), "Not answered yet: question 2."),
        (answered(), "Not answered yet: question 1, question 2."),
        (answered(**FULL)[1:], "These cells are missing: q03_intro."),
        ([*answered(**FULL), answered(**FULL)[1]], "These cells are there twice: q03_1_answer."),
    ],
)
def test_what_is_odd_is_told_and_packed_all_the_same(clone, own, cells, sentence):
    own.write_text(notebook(cells))
    assert sentence in hand_in(clone, "q03")
    assert (clone / "work/hand-in" / f"{QUIZ}.zip").exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"cells": 3}', '{"cells": [{}]}', "\udcff"])
def test_a_damaged_file_is_told_with_the_way_out(clone, own, text):
    own.write_bytes(text.encode("utf-8", "surrogateescape"))
    told = house.one_sentence(house.course(clone, "hand-in", "q03"))
    assert "is damaged and cannot be read" in told
    assert f"./course lab {QUIZ} --fresh" in told
    assert not (clone / "work/hand-in").exists()


def test_a_file_too_large_to_be_graded_is_told(clone, own):
    own.write_text(notebook(answered(**FULL)) + " " * 10_000_000)
    told = house.one_sentence(house.course(clone, "hand-in", "q03"))
    assert "more than 10 MB" in told


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["03"], "03 is a lesson; only a quiz is handed in"),
        (["q99"], "unknown lesson 'q99'"),
        ([], "QUIZ"),
        (["q03", "--name", "../.."], "has no letter and no digit"),
    ],
)
def test_wrong_use_gets_one_sentence(clone, words, sentence):
    assert sentence in house.one_sentence(house.course(clone, "hand-in", *words))


def test_a_quiz_never_opened_is_told(clone, own):
    own.unlink()
    assert "./course lab" in house.one_sentence(house.course(clone, "hand-in", "q03"))


def test_the_real_quizzes_say_what_is_not_answered():
    from course_lib.cli import hand_in

    for given in sorted((house.ROOT / "notebooks/release").glob("*/*.ipynb")):
        (told,) = hand_in.look_over(given, given)
        numbers = [
            int(word.strip(".")) for word in told.replace(",", "").split() if word[0].isdigit()
        ]
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) in (6, 7)
