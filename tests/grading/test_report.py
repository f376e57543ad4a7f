"""The report of a class: its numbers against numpy, its tables against what platforms read."""

import csv
import io
import re

import numpy as np
import pytest
from bs4 import BeautifulSoup

import quizzes
import tiny
from course_lib.grading import classes, collect, report

CANVAS, MOODLE = "Canvas", "Moodle"
HOSTILE = "=HYPERLINK(1)<script>alert(1)</script>"


@pytest.fixture
def told(room):
    """A class of six, graded: right, half right, wrong; one flagged, one without an answer."""
    answers = [(42, "b"), (42, "a"), (41, "b"), (41, "a"), (7, "a"), (None, None)]
    for number, (one, two) in enumerate(answers, start=1):
        tiny.hand_in(
            room, str(number), one, two, words="Mine." if number > 2 else "YOUR ANSWER HERE"
        )
    release = room.step("release") / tiny.QUIZ / f"{tiny.QUIZ}.ipynb"
    (room.step("submitted") / "6" / tiny.QUIZ / f"{tiny.QUIZ}.ipynb").write_bytes(
        release.read_bytes()
    )
    tiny.grade(room, flags={"3": [("odd", "Look & see <here>.")]})
    return room


def book(room, *lines):
    """Say where submissions came from, as collect does."""
    path = room.folder / "downloaded" / tiny.QUIZ / "collected.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as out:
        table = csv.writer(out)
        table.writerow(["student", "name", "platform", "number", "late", "place"])
        table.writerows(lines)


def read(room, name):
    text = (room.folder / "report" / name).read_bytes().decode("utf-8")
    return list(csv.DictReader(io.StringIO(text)))


def write(room):
    return report.write(room, [tiny.QUIZ])


# --- numbers ---------------------------------------------------------------------------


def test_difficulty_and_discrimination_are_numpys(told):
    results, changes = report.gather(told, tiny.QUIZ)
    assert changes == []
    found = report.page(told, tiny.QUIZ, results, changes)
    one, two, written = found["items"]
    marks = np.array([[r.marks[item.cell] for item in found["items"]] for r in results])
    totals = marks.sum(axis=1)
    assert totals.tolist() == [3, 2, 1, 0, 0, 0]
    for item, column in ((one, 0), (two, 1)):
        rest = totals - marks[:, column]
        assert item.difficulty == pytest.approx(marks[:, column].mean() / item.points)
        assert item.discrimination == pytest.approx(np.corrcoef(marks[:, column], rest)[0, 1])
    assert written.discrimination is None
    assert (one.answered, two.answered, written.answered) == pytest.approx((5 / 6, 5 / 6, 3 / 6))
    assert found["mean"] == totals.mean()
    assert found["median"] == np.median(totals)
    assert found["most"] == 8
    assert found["waiting"] == 3
    assert sum(count for _, count in found["bars"]) == 6


@pytest.mark.parametrize(
    ("totals", "counts"), [([0, 1.9, 2, 10], [2, 1, 0, 0, 1]), ([10, 12, 9.99], [0, 0, 0, 0, 3])]
)
def test_bars_count_every_student_once(totals, counts):
    assert [count for _, count in report.bars(totals, 10)] == counts


def test_the_most_frequent_replies_to_wrong_answers(told):
    results, _ = report.gather(told, tiny.QUIZ)
    one, two, _ = report.page(told, tiny.QUIZ, results, [])["items"]
    assert one.wrong == [(3, "Multiply.", [])]  # the untouched one gave no answer
    assert two.wrong == [(3, "Read again.", [])]


def test_a_mark_of_a_person_and_a_penalty_count_as_in_nbgrader(told):
    with told.api.gradebook as gradebook:
        grade = gradebook.find_grade("t01_3_answer", tiny.QUIZ, tiny.QUIZ, "3")
        grade.manual_score, grade.extra_credit, grade.needs_manual_grade = 4, 0.5, False
        notebook = gradebook.find_submission_notebook(tiny.QUIZ, tiny.QUIZ, "3")
        notebook.late_submission_penalty = 2
        gradebook.db.commit()
        submission = gradebook.find_submission(tiny.QUIZ, "3")
        expected = submission.score - submission.late_submission_penalty
    results, _ = report.gather(told, tiny.QUIZ)
    (result,) = [one for one in results if one.student == "3"]
    assert result.total == expected == 3.5
    assert not result.waiting


# --- misconceptions --------------------------------------------------------------------


def test_every_misconception_of_a_bank_is_found_behind_a_reply(tmp_path):
    name = "q06_adoptive_cell_therapy"
    room = classes.Classroom(quizzes.class_folder(tmp_path / "class", name))
    found = report.misconceptions(room, name)
    for item in quizzes.bank(name)["item"]:
        meant = {e["misconception"] for e in item.get("wrong", []) if "misconception" in e}
        cell = f"{item['id'].replace('-', '_')}_test"
        assert set().union(*found.get(cell, {}).values()) == meant
        for entry in item.get("wrong", []):  # options are told apart
            if "misconception" in entry and "options" in item:
                assert {entry["misconception"]} in found[cell].values()


def test_a_quiz_without_a_bank_has_no_misconceptions(told):
    assert report.misconceptions(told, tiny.QUIZ) == {}


# --- the page --------------------------------------------------------------------------


def test_the_page_stands_alone_runs_nothing_and_shows_names_as_text(told):
    book(told, ["1", HOSTILE, "", "", "", "x"], ["2", "Ada", CANVAS, "2", "late", "x"])
    write(told)
    text = (told.folder / "report" / "report.html").read_text(encoding="utf-8")
    page = BeautifulSoup(text, "html.parser")
    assert not page.find_all(["script", "link", "img", "iframe"])
    assert not re.search(r"https?://", text)
    assert HOSTILE in page.get_text()
    assert "Look & see <here>." in page.get_text()
    assert page.html["lang"] == "en"
    for table in page.find_all("table"):
        assert table.caption
        assert all(cell.get("scope") for cell in table.find_all("th"))
    captions = [table.caption.get_text() for table in page.find_all("table")]
    assert captions == [
        "Scores",
        "To look at",
        "Questions",
        "Students: points for each question",
    ]


def test_the_page_lists_the_marks_a_regrade_changed(told):
    tiny.change_tests(told, "answer_1 == 42", "answer_1 == 41")
    tiny.grade(told, regrade=True)
    write(told)
    page = BeautifulSoup((told.folder / "report" / "report.html").read_text(), "html.parser")
    (table,) = [t for t in page.find_all("table") if "regrade" in t.caption.get_text()]
    rows = [
        [cell.get_text() for cell in row.find_all(["th", "td"])] for row in table.find_all("tr")
    ]
    assert rows[1:] == [
        ["1", "Question 1", "2", "0"],
        ["2", "Question 1", "2", "0"],
        ["3", "Question 1", "0", "2"],
        ["4", "Question 1", "0", "2"],
    ]


# --- tables for other programs ---------------------------------------------------------


def test_the_table_of_scores_says_all(told):
    book(told, ["2", "Ada", CANVAS, "2", "late", "x"])
    write(told)
    rows = read(told, f"scores_{tiny.QUIZ}.csv")
    assert [float(row["total"]) for row in rows] == [3, 2, 1, 0, 0, 0]
    assert [row["complete"] for row in rows] == ["yes", "yes", "no", "no", "no", "yes"]
    assert rows[1]["late"] == "late"
    assert rows[2]["flags"] == "Look & see <here>."
    assert list(rows[0])[2:5] == ["t01_1_test", "t01_2_test", "t01_3_answer"]
    written = [row["t01_3_answer"] for row in rows]
    assert written == ["0.0", "0.0", "", "", "", "0.0"], "what nobody has marked is not a 0"


def test_a_written_answer_counts_once_it_is_marked(told):
    written = report.page(told, tiny.QUIZ, *report.gather(told, tiny.QUIZ))["items"][-1]
    assert (written.unmarked, written.difficulty) == (3, 0), "three blanks earn nothing"
    with told.api.gradebook as gradebook:
        grade = gradebook.find_grade("t01_3_answer", tiny.QUIZ, tiny.QUIZ, "3")
        grade.manual_score, grade.needs_manual_grade = 4, False
        gradebook.db.commit()
    written = report.page(told, tiny.QUIZ, *report.gather(told, tiny.QUIZ))["items"][-1]
    assert (written.unmarked, written.difficulty) == (2, pytest.approx(4 / 5 / 4))


def test_a_platform_gets_only_its_own_students(told):
    book(told, ["1", "lovelaceada", CANVAS, "1", "", "x"], ["3", "Eve", MOODLE, "3", "", "x"])
    write(told)
    names = {row["Full name"] for row in read(told, f"moodle_{tiny.QUIZ}.csv")}
    assert names == {"Eve", "2", "4", "5", "6"}
    names = {row["Student"].strip() for row in read(told, "canvas.csv")}
    assert names == {"Points Possible", "lovelaceada", "2", "4", "5", "6"}


def test_canvas_finds_its_columns_and_students(told):
    book(told, ["1", "lovelaceada", CANVAS, "1", "", "x"], ["3", "eve", CANVAS, "3", "", "x"])
    write(told)
    head, points, *rows = csv.reader((told.folder / "report" / "canvas.csv").open(newline=""))
    # As Canvas's importer reads them: "Student" first, "ID" second, "Section" the last about a
    # student, and a row whose first cell holds "Points Possible".
    assert head == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", tiny.QUIZ]
    assert "Points Possible" in points[0]
    assert float(points[-1]) == 8
    assert rows[0] == ["lovelaceada", "1", "", "", "", "3.0"]
    assert rows[1] == ["2", "", "", "2", "", "2.0"]
    assert rows[2] == ["eve", "3", "", "", "", ""], "waits for a person: no mark yet"


def test_moodle_finds_its_columns_and_participants(told):
    book(told, ["1", "Ada Lovelace", MOODLE, "7012", "", "x"])
    write(told)
    rows = read(told, f"moodle_{tiny.QUIZ}.csv")
    # As Moodle's offline importer asks for them.
    assert {"Identifier", "Grade", "Last modified (grade)"} <= set(rows[0])
    assert rows[0]["Identifier"] == "Participant 7012"
    assert rows[0]["Grade"] == "3.0"
    assert (rows[1]["Identifier"], rows[1]["Username"]) == ("", "2")
    assert rows[2]["Grade"] == ""


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(1)", "\t=1"])
def test_no_text_is_a_formula_for_a_spreadsheet(text):
    assert report.table(["a"], [[text], [-1.5], ["x=1"]]) == f"a\r\n'{text}\r\n-1.5\r\nx=1\r\n"


def test_collected_csv_that_somebody_spoiled_is_no_obstacle(told):
    path = told.folder / "downloaded" / tiny.QUIZ / "collected.csv"
    path.parent.mkdir(parents=True)
    path.write_text("a,b\n1,2\n")
    assert collect.collected(path) == {}
    assert "Wrote" in write(told)[0]
