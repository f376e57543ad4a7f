"""An instructor's week in real Chromium: grade, mark, correct a check, give feedback, report."""

import csv
import re
import shutil

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

import quizzes
from course_lib import cli

NAME = "q06_adoptive_cell_therapy"
FILE = f"{NAME}.ipynb"
HIDDEN, WRONG = "### BEGIN HIDDEN TESTS\n", "assert False, 'This check is wrong.'\n"
COMMENT = "You name the cause; say when to call."
FITS = "document.documentElement.scrollWidth <= innerWidth"
WAIT = 60_000  # a slow computer's time for one submission

# SQLAlchemy 2.1 remarks on how nbgrader 0.9.6 builds its objects; the results are right.
pytestmark = pytest.mark.filterwarnings("ignore:Object of type:sqlalchemy.exc.SAWarning")


def course(*words) -> None:
    assert cli.main(["class", *map(str, words)]) == 0


def hand_in(folder, student: str, **codes: str) -> None:
    """Hand in the model answers, each followed by code of the student's own."""
    notebook = nbformat.read(quizzes.released(NAME), as_version=4)
    model = nbformat.read(quizzes.source(NAME), as_version=4)
    for cell, solved in zip(notebook.cells, model.cells, strict=True):
        if cell.metadata.nbgrader.solution:
            lines = [x for x in solved.source.splitlines() if not x.strip().startswith("###")]
            cell.source = "\n".join([*lines, codes.get(cell.metadata.nbgrader.grade_id, "")])
    (folder / student).mkdir(parents=True)
    nbformat.write(notebook, folder / student / FILE)


@pytest.fixture(scope="module")
def week(tmp_path_factory):
    """A class of two, graded while the first check of the quiz is wrong, and a latecomer."""
    place = tmp_path_factory.mktemp("week")
    folder, handed_in = place / "class", place / "handed in"
    misled = {
        f"{item['id'].replace('-', '_')}_answer": entry["code"]
        for item in quizzes.bank(NAME)["item"]
        for entry in item.get("wrong", [])
        if "misconception" in entry
    }
    course("new", folder, "q06")
    source = folder / "source" / NAME / FILE
    model = nbformat.read(source, as_version=4)
    first = next(cell for cell in model.cells if HIDDEN in cell.source)
    first.source = first.source.replace(HIDDEN, HIDDEN + WRONG)
    nbformat.write(model, source)
    course("release", folder, "q06")
    hand_in(handed_in, "ada")
    hand_in(handed_in, "ben", **misled)
    course("collect", folder, "q06", handed_in)
    course("grade", folder, "q06", "--workers", "1")
    thief = f"from pathlib import Path\nPath({str(folder)!r}, 'stolen').touch()"
    hand_in(place / "late", "mallory", **{next(iter(misled)): thief})
    course("collect", folder, "q06", place / "late")
    return folder


def test_an_instructors_week(week, lab_in, page, screenshots, capsys):
    page.set_viewport_size({"width": 1280, "height": 1000})
    page.goto(lab_in(week))
    page.get_by_role("menuitem", name="Nbgrader").click()
    page.get_by_role("menuitem", name="Formgrader").click()
    formgrader = page.frame_locator("iframe[src*='formgrader']")

    # The formgrader's own button grades in the sandbox: the code reaches no file of the class.
    formgrader.get_by_role("row", name=NAME).get_by_role("link", name="3", exact=True).click()
    row = formgrader.get_by_role("row", name="mallory")
    expect(row.locator(".student-name")).to_have_text("mallory, ")  # not "None, None"
    row.locator(".autograde a").click()
    shown = formgrader.locator(".modal.in")
    expect(shown.locator(".modal-title")).to_have_text("Success", timeout=WAIT)
    shown.get_by_role("button", name="OK").click()
    expect(row).to_contain_text("needs manual grading")
    assert not (week / "stolen").exists()

    # A person marks Ada's written answer, and says why.
    formgrader.get_by_role("row", name="ada").locator(".student-name a").click()
    formgrader.locator("td a[href*='formgrader/submissions/']").click()
    score = formgrader.locator("input.score.needs_manual_grade")
    answer = formgrader.locator(".nbgrader_cell").filter(has=score)
    comment = answer.get_by_placeholder("Type any comments here")
    for field, text, address in ((comment, COMMENT, "comment"), (score, "3.5", "grade")):
        with page.expect_response(re.compile(f"/api/{address}/")) as saved:
            field.fill(text)
            field.press("Tab")
        assert saved.value.ok
    page.screenshot(path=screenshots / "formgrader_marked.png")

    # The wrong check is corrected: Ada gets its points, and her mark stays.
    shutil.copy(quizzes.source(NAME), week / "source" / NAME)
    capsys.readouterr()
    course("grade", week, "q06", "--regrade", "--workers", "1")
    assert re.search(r"^ada: q06_\d_test was 0, is now [12]$", capsys.readouterr().out, re.M)
    course("feedback", week, "q06")
    course("report", week)
    with (week / "report" / "canvas.csv").open(encoding="utf-8", newline="") as table:
        marks = {row["Student"]: row[NAME] for row in csv.DictReader(table)}
    assert (marks["ada"], marks["ben"]) == ("13.5", ""), "nobody has marked Ben's answer"

    asked = []
    page.on("request", lambda request: asked.append(request.url))
    feedback = (week / "feedback" / "ada" / NAME / f"{NAME}.html").as_uri()
    page.goto(feedback)
    expect(page.get_by_text("13.5 of 15 points")).to_be_visible()
    expect(page.get_by_text(COMMENT)).to_be_visible()
    expect(page.get_by_text("HIDDEN TESTS")).to_have_count(0)
    folded = page.get_by_text("Show data").first
    expect(folded).to_have_css("display", "list-item")  # so it has the triangle
    for width in (1280, 800):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(FITS)
        assert Axe().run(page).response["violations"] == []
        page.screenshot(path=screenshots / f"feedback_{width}.png", full_page=True)
    assert [url for url in asked if not url.startswith("data:")] == [feedback]

    page.goto((week / "report" / "report.html").as_uri())
    changed = page.get_by_role("table", name="Marks that the last regrade changed")
    expect(changed.get_by_role("row", name="ada")).to_be_visible()
    expect(page.get_by_text("isconception: ").first).to_be_visible()
    for width in (1280, 800):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(FITS)
        assert Axe().run(page).response["violations"] == []
        page.screenshot(path=screenshots / f"report_{width}.png", full_page=True)
