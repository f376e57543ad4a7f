"""Every quiz item against its answer bank, in one warm process."""

import ast
import re
import tomllib

import pytest

import quiz_runner
import quizzes
from course_lib import evidence

QUIZZES = quizzes.names()
ITEMS = [(name, item["id"]) for name in QUIZZES for item in quizzes.bank(name)["item"]]
AUTOMATIC = [(n, i["id"]) for n in QUIZZES for i in quizzes.bank(n)["item"] if "right" in i]
KINDS = {
    "read a plot",
    "compute one quantity",
    "find a setting that meets a goal",
    "write a function",
    "spot the misconception",
    "judge a claim",
    "manual",
}
MISCONCEPTIONS = tomllib.loads((evidence.ASSETS / "misconceptions.toml").read_text("utf-8"))


def source(name):
    return quiz_runner.load(quizzes.source(name))


def release(name):
    return quiz_runner.load(quizzes.released(name))


def item_of(name, item_id):
    return next(item for item in quizzes.bank(name)["item"] if item["id"] == item_id)


def said(entry):
    return f"{entry[1]['id']}: {entry[2]['says']}"


@pytest.mark.parametrize(("name", "item"), AUTOMATIC)
def test_the_reference_solution_earns_full_marks(name, item):
    quiz = source(name)
    assert quiz.judge(item, quiz.answer(item)) == (quiz.items[item].points, "")


@pytest.mark.parametrize(("name", "item"), AUTOMATIC)
def test_the_untouched_release_earns_nothing_and_says_kindly_why(name, item):
    number = item.split("-")[1]
    untouched = release(name).answer(item)
    assert source(name).judge(item, untouched)[0] == 0
    points, message = release(name).judge(item, untouched)
    assert points == 0
    assert re.match(rf"AssertionError: (answer_{number}|\w+) should be .*None", message)


@pytest.mark.parametrize("entry", quiz_runner.entries("right"), ids=said)
def test_a_right_answer_earns_full_marks_in_every_form(entry):
    name, item, answer = entry
    quiz = source(name)
    names = quiz.answer(item["id"], answer["code"])
    assert quiz.judge(item["id"], names) == (item["points"], "")


@pytest.mark.parametrize("entry", quiz_runner.entries("wrong"), ids=said)
def test_a_wrong_answer_earns_what_the_bank_says(entry):
    name, item, answer = entry
    quiz = source(name)
    names = quiz.answer(item["id"], answer["code"], stops=answer.get("stops", False))
    points, message = quiz.judge(item["id"], names)
    assert points == answer["points"]
    assert re.match("(AssertionError: .{20}|NameError: name 'answer_)", message)


@pytest.mark.parametrize(
    "entry",
    [
        e
        for e in quiz_runner.entries("right", "wrong")
        if "misconception" in e[2] or "points" not in e[2]
    ],
    ids=said,
)
def test_the_visible_checks_do_not_tell_right_from_wrong(entry):
    """A misconception is caught by the hidden tests, not by a slip of form."""
    name, item, answer = entry
    names = source(name).answer(item["id"], answer["code"])
    assert release(name).judge(item["id"], names) == (item["points"], "")


@pytest.mark.parametrize("name", QUIZZES)
def test_points_agree_in_prose_metadata_and_bank(name):
    quiz = source(name)
    total = 0
    assert list(quiz.items) == [item["id"] for item in quizzes.bank(name)["item"]]
    for item in quizzes.bank(name)["item"]:
        number = item["id"].split("-")[1]
        heading = quiz.items[item["id"]].question.splitlines()[0]
        unit = "point" if item["points"] == 1 else "points"
        assert heading == f"## Question {number} ({item['points']} {unit})"
        assert quiz.items[item["id"]].points == item["points"]
        total += item["points"]
    graded = [c.metadata.nbgrader for c in quiz.notebook.cells if c.metadata.nbgrader.grade]
    assert sum(roles.points for roles in graded) == total == 15
    assert f"{total} points" in quiz.cells[f"{quiz.prefix}_intro"].source


@pytest.mark.parametrize("name", QUIZZES)
def test_a_quiz_has_five_or_six_automatic_items_and_a_manual_one_with_a_rubric(name):
    quiz, items = source(name), quizzes.bank(name)["item"]
    assert {item["kind"] for item in items} <= KINDS
    *automatic, manual = items
    assert len(automatic) in (5, 6)
    if len(automatic) == 6:  # a guess among three options must not weigh as much as a number
        assert [i["points"] for i in automatic] == [1 if "options" in i else 2 for i in automatic]
    assert manual["points"] == 5
    assert quiz.automatic() == [item["id"] for item in automatic]
    assert all(item["right"] and item["wrong"] for item in automatic)
    rubric = quiz.items[manual["id"]].rubric
    assert rubric.metadata.nbgrader.points == 0
    marks = [float(n) for n in re.findall(r"^# (\d) points? ", rubric.source, re.M)]
    assert sum(marks) == manual["points"]


@pytest.mark.parametrize(("name", "item_id"), ITEMS)
def test_an_item_stands_on_what_the_evidence_says(name, item_id):
    for premise in item_of(name, item_id)["premises"]:
        assert eval(premise, {"evidence": evidence}), premise


@pytest.mark.parametrize(("name", "item_id"), ITEMS)
def test_every_wrong_option_stands_for_a_known_misconception(name, item_id):
    item = item_of(name, item_id)
    named = {e["misconception"] for e in item.get("wrong", []) if "misconception" in e}
    named |= set(item.get("misconceptions", []))
    assert named
    assert named <= set(MISCONCEPTIONS)
    offered = re.findall(r"^- \*\*(\w)\*\* ", source(name).items[item_id].question, re.M)
    options = item.get("options", {})
    assert list(options) == offered
    if options:
        assert len(options) == 3
        assert set(options.values()) - {"right"} == named
        answer = source(name).answer(item_id)[f"answer_{item_id.split('-')[1]}"]
        assert [letter for letter, idea in options.items() if idea == "right"] == [answer]


@pytest.mark.parametrize(("name", "item_id"), AUTOMATIC)
def test_no_test_cell_ends_in_a_value(name, item_id):
    """nbgrader would take such a value for the number of points."""
    last = ast.parse(source(name).items[item_id].test.source).body[-1]
    assert not isinstance(last, ast.Expr)


def test_each_misconception_has_both_ideas_and_a_status():
    for slug, entry in MISCONCEPTIONS.items():
        assert re.fullmatch(r"[a-z0-9-]{5,40}", slug)
        documented = entry.get("status") == "documented"
        assert set(entry) == {"wrong", "right", "status"} | ({"source"} if documented else set())
        assert documented or entry["status"] == "presumed"
        assert all(entry[idea].endswith(".") for idea in ("wrong", "right"))
        if documented:
            assert evidence.reference(entry["source"]).title
