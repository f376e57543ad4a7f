"""One quiz through stock nbgrader, in a class folder outside the repository.

generate → release → submit → collect → autograde → mark by hand → feedback → export, with four
students: the reference solution, an untouched release, and two who are wrong as the bank says.
"""

import csv
import html
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbgrader.utils import temp_attrs

import quiz_runner
import quizzes

# SQLAlchemy 2.1 remarks on how nbgrader 0.9.6 builds its objects; the results are right.
pytestmark = pytest.mark.filterwarnings("ignore:Object of type:sqlalchemy.exc.SAWarning")

NAME = "q03_checkpoint_inhibitors"
MANUAL = "q03_7"
COMMENT = "You name the gland and the way to help."
ADDRESS = re.compile(" at 0x[0-9a-f]+")
STUDENTS = ("reference", "untouched", "misconceived", "careless")


def answers() -> dict:
    """What each student writes: the code that follows the reference solution, per item."""
    items = [item for item in quizzes.bank(NAME)["item"] if "wrong" in item]
    wrong = {item["id"]: item["wrong"] for item in items}
    ideas = {name: [e for e in found if "misconception" in e] for name, found in wrong.items()}
    slips = {name: [e for e in found if "misconception" not in e] for name, found in wrong.items()}
    right = {item["id"]: item["right"][-1] for item in items}
    points = {item["id"]: item["points"] for item in items}
    first, second, *rest = wrong
    return {
        "reference": {name: {"code": "", "points": points[name]} for name in wrong},
        "misconceived": {name: found[0] for name, found in ideas.items()},
        "careless": {
            first: {**right[first], "points": points[first]},
            second: next(e for e in slips[second] if e.get("stops")),
            **{name: slips[name][-1] for name in rest},
        },
    }


def expected(student: str) -> float:
    return sum(entry["points"] for entry in answers().get(student, {}).values())


def hand_in(notebook, student: str):
    """Fill in a student's copy of the release version."""
    source = quiz_runner.load(quizzes.source(NAME))
    for cell in notebook.cells:
        number = cell.metadata.nbgrader.grade_id.split("_")[1]
        entry = answers().get(student, {}).get(f"q03-{number}")
        if cell.metadata.nbgrader.solution and entry:
            solution = source.items[f"q03-{number}"].answer.source.splitlines()
            kept = [line for line in solution if line.strip() not in quiz_runner.REGIONS]
            cell.source = "\n".join([*kept, entry["code"]])
        elif cell.metadata.nbgrader.grade_id == f"{MANUAL}_answer" and student == "reference":
            cell.source = source.cells[f"{MANUAL}_answer"].source
    return notebook


def handed_out(folder) -> Path:
    """Return the folder from which students fetch the assignment."""
    return folder / "exchange" / "breast_cancer_immunotherapy" / "outbound" / NAME


def mark_by_hand(gradebook):
    """Do what a grader does in the formgrader: five points and a comment."""
    with gradebook:
        cell = (f"{MANUAL}_answer", NAME, NAME, "reference")
        grade = gradebook.find_grade(*cell)
        assert grade.needs_manual_grade
        grade.manual_score, grade.needs_manual_grade = 5, False
        gradebook.find_comment(*cell).manual_comment = COMMENT
        gradebook.db.commit()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A class folder in which the four students have been graded."""
    place = tmp_path_factory.mktemp("nbgrader")
    with pytest.MonkeyPatch.context() as patch, quizzes.nbgrader_on_path():
        for name in ("JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
            patch.setenv(name, str(place / name))
        patch.setenv("PYTHONPATH", str(quizzes.ROOT))  # kernels find the course
        folder = quizzes.class_folder(place / "class", NAME)
        api = quizzes.api(folder)
        quizzes.done(api.generate_assignment(NAME))
        quizzes.done(api.release_assignment(NAME))
        for student in STUDENTS:
            desk = place / "desks" / student
            shutil.copytree(handed_out(folder), desk / NAME)
            path = desk / NAME / f"{NAME}.ipynb"
            nbformat.write(hand_in(nbformat.read(path, as_version=4), student), path)
            patch.chdir(desk)
            with temp_attrs(api.coursedir, assignment_id=NAME, student_id=student):
                api.exchange.Submit(
                    coursedir=api.coursedir, authenticator=api.authenticator, parent=api
                ).start()
        quizzes.done(api.collect(NAME))
        for student in STUDENTS:
            quizzes.done(api.autograde(NAME, student))
        mark_by_hand(api.gradebook)
        quizzes.done(api.generate_feedback(NAME))
        nbgrader = [sys.executable, "-m", "nbgrader"]
        subprocess.run([*nbgrader, "export"], cwd=folder, check=True, capture_output=True)
    return folder


def feedback(folder, student: str) -> str:
    """Return the words of a student's feedback page, however its lines are broken."""
    page = (folder / "feedback" / student / NAME / f"{NAME}.html").read_text(encoding="utf-8")
    body = page[page.index("<body") :]
    return plain(html.unescape(re.sub("<[^>]+>", "", body)))


def plain(text: str) -> str:
    """Return text with single spaces and without addresses in memory."""
    return ADDRESS.sub("", " ".join(text.split()))


def hidden_lines() -> set[str]:
    cells = quiz_runner.load(quizzes.source(NAME)).notebook.cells
    return {line for cell in cells for line in quiz_runner.lines_of(cell.source, "hidden")}


def test_students_receive_only_the_committed_release(folder):
    assert [path.name for path in handed_out(folder).iterdir()] == [f"{NAME}.ipynb"]
    notebook = nbformat.read(handed_out(folder) / f"{NAME}.ipynb", as_version=4)
    assert notebook == nbformat.read(quizzes.released(NAME), as_version=4)


def test_the_export_holds_the_points_the_bank_promises(folder):
    with (folder / "grades.csv").open() as rows:
        scores = {row["student_id"]: float(row["raw_score"]) for row in csv.DictReader(rows)}
    assert scores == {
        "reference": 15,
        "untouched": 0,
        "misconceived": expected("misconceived"),
        "careless": expected("careless"),
    }
    assert scores["careless"] != scores["misconceived"]


def test_a_grader_sees_the_rubric_beside_the_answer(folder):
    graded = folder / "autograded" / "reference" / NAME / f"{NAME}.ipynb"
    cells = {c.metadata.nbgrader.grade_id: c for c in nbformat.read(graded, as_version=4).cells}
    assert "RUBRIC, 5 points" in cells[f"{MANUAL}_rubric"].source
    order = list(cells)
    assert order.index(f"{MANUAL}_rubric") == order.index(f"{MANUAL}_answer") + 1


@pytest.mark.parametrize("student", STUDENTS)
def test_feedback_shows_nothing_of_the_hidden_tests(folder, student):
    words = feedback(folder, student)
    assert f"{NAME} (Score: {15 if student == 'reference' else expected(student)}" in words
    assert [line for line in hidden_lines() if plain(line) in words] == []
    assert "RUBRIC" not in words


def test_feedback_of_an_untouched_release_shows_no_solution(folder):
    secrets = quiz_runner.secrets(quiz_runner.load(quizzes.source(NAME)).notebook)
    words = feedback(folder, "untouched")
    assert [line for line in secrets if plain(line) in words] == []


def test_feedback_says_what_was_wrong_and_what_the_grader_wrote(folder):
    quiz = quiz_runner.load(quizzes.source(NAME))
    for student in ("misconceived", "careless"):
        words = feedback(folder, student)
        for item, entry in answers()[student].items():
            names = quiz.answer(item, entry["code"], stops=entry.get("stops", False))
            _, message = quiz.judge(item, names)
            assert plain(message.partition(": ")[2]) in words
    assert COMMENT in feedback(folder, "reference")
