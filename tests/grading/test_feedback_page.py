"""The page a student receives: readable for everybody, complete, nothing from elsewhere."""

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

import tiny
from course_lib.grading import classes

PICTURES = {"image/png": "iVBORw0KGgo=", "image/jpeg": "/9j/4AA=", "image/svg+xml": "<svg/>"}


def mark(room, student, points):
    with room.api.gradebook as gradebook:
        cell = ("t01_3_answer", tiny.QUIZ, tiny.QUIZ, student)
        gradebook.find_grade(*cell).manual_score = points
        gradebook.find_grade(*cell).needs_manual_grade = False
        gradebook.find_comment(*cell).manual_comment = "Well *said*."
        gradebook.db.commit()


def page(room, student):
    classes.feedback(room, tiny.QUIZ)
    path = room.step("feedback") / student / tiny.QUIZ / f"{tiny.QUIZ}.html"
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def words(part):
    return " ".join(part.get_text(" ").split())


def rows(made):
    return [words(row) for row in made.table.find_all("tr")]


@pytest.fixture
def graded(room):
    """A class with one submission; its quiz has a heading for each question, and a rubric."""
    notebook = nbformat.read(room.source(tiny.QUIZ), as_version=4)
    third = {"metadata": tiny.roles("t01_3_question")}
    notebook.cells.insert(-1, new_markdown_cell("## Question 3 (5 points)\n\nWrite.", **third))
    notebook.cells.append(new_code_cell("# See.", metadata=tiny.roles("t01_3_rubric", 0)))
    nbformat.write(notebook, room.source(tiny.QUIZ))
    classes.release(room, tiny.QUIZ)
    tiny.hand_in(room, "ada", two="a")
    tiny.grade(room)
    return room


def test_an_answer_that_waits_for_a_person_is_no_nought(graded):
    made = page(graded, "ada")
    assert words(made.body).startswith("2 of 8 points so far t01_tiny, handed in by ada")
    assert rows(made) == [
        "Question 1 2 of 2 points",
        "Question 2 0 of 1 points",
        "Question 3 not marked yet (5 points)",
    ]


def test_points_and_comment_of_a_person_are_shown(graded):
    mark(graded, "ada", 3.5)
    made = page(graded, "ada")
    assert words(made.body).startswith("5.5 of 8 points t01_tiny")
    assert rows(made)[-1] == "Question 3 3.5 of 5 points"
    assert words(made.find(class_="comment")) == "Comment Well said ."


def test_each_line_leads_to_its_part_and_the_check_says_what_was_wrong(graded):
    made = page(graded, "ada")
    right, wrong, written = [made.find(id=a["href"][1:]) for a in made.table.find_all("a")]
    assert words(right).startswith("✓ Check: 2 of 2 points")
    assert words(wrong).startswith("✗ Check: 0 of 1 points")
    assert "Read again." in words(wrong)
    assert words(written).startswith("Your answer: not marked yet (5 points) Mine.")


def test_the_page_says_its_language_and_title_and_asks_nobody_for_anything(graded):
    made = page(graded, "ada")
    assert made.html["lang"] == "en"
    assert made.title.text == "Feedback: Tiny"
    assert made.find_all(["script", "link", "iframe"]) == []
    assert "default-src 'none'" in made.find("meta", {"http-equiv": True})["content"]


def test_the_place_of_a_rubric_is_left_out(graded):
    assert "See." not in words(page(graded, "ada"))


def test_what_students_make_can_be_read_by_everybody(graded):
    path = graded.record(tiny.QUIZ).graded_path("ada")
    notebook = nbformat.read(path, as_version=4)
    shown = {**PICTURES, "text/html": "<table><tr><td>Wide.</td></tr></table>"}
    outputs = [new_output("display_data", data={kind: x}) for kind, x in shown.items()]
    notebook.cells.append(new_code_cell("plot()", id="added-1", outputs=outputs))
    nbformat.write(notebook, path)
    made = page(graded, "ada")
    found = made.find_all("img")
    assert [x["src"].partition(";")[0] for x in found] == [f"data:{kind}" for kind in PICTURES]
    assert all(x["alt"] for x in found)
    assert "A cell you added" in words(made)
    # A wide table scrolls by itself, by keyboard too, and the page stays as wide as a phone.
    around = made.find("td", string="Wide.").find_parent(class_="wide")
    assert (around["tabindex"], bool(around["aria-label"])) == ("0", True)
