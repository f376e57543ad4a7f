"""Every quiz through nbgrader's own commands, in one class folder outside the repository.

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

COMMENT = "You give the reason and an example."
QUIZZES = pytest.mark.parametrize("name", quizzes.names())
ADDRESS = re.compile(" at 0x[0-9a-f]+")
STUDENTS = ("reference", "untouched", "misconceived", "careless")


def manual(name: str) -> str:
    """Return the last item, which a person marks, as the cells name it: q03_7."""
    return quizzes.bank(name)["item"][-1]["id"].replace("-", "_")


def answers(name: str) -> dict:
    """What each student writes: the code that follows the reference solution, per item."""
    items = [item for item in quizzes.bank(name)["item"] if "wrong" in item]
    wrong = {item["id"]: item["wrong"] for item in items}
    ideas = {item: [e for e in found if "misconception" in e] for item, found in wrong.items()}
    slips = {item: [e for e in found if "misconception" not in e] for item, found in wrong.items()}
    right = {item["id"]: item["right"][-1] for item in items}
    points = {item["id"]: item["points"] for item in items}
    first, *rest = wrong
    stops = next(item for item in rest if any(e.get("stops") for e in slips[item]))
    return {
        "reference": {item: {"code": "", "points": points[item]} for item in wrong},
        "misconceived": {item: found[0] for item, found in ideas.items() if found},
        "careless": {
            first: {**right[first], "points": points[first]},
            stops: next(e for e in slips[stops] if e.get("stops")),
            **{item: slips[item][-1] for item in rest if item != stops and slips[item]},
        },
    }


def expected(name: str, student: str) -> float:
    return sum(entry["points"] for entry in answers(name).get(student, {}).values())


def hand_in(name: str, notebook, student: str):
    """Fill in a student's copy of the release version."""
    source = quiz_runner.load(quizzes.source(name))
    for cell in notebook.cells:
        item = "-".join(cell.metadata.nbgrader.grade_id.split("_")[:2])
        entry = answers(name).get(student, {}).get(item)
        if cell.metadata.nbgrader.solution and entry:
            solution = source.items[item].answer.source.splitlines()
            kept = [line for line in solution if line.strip() not in quiz_runner.REGIONS]
            cell.source = "\n".join([*kept, entry["code"]])
        elif cell.metadata.nbgrader.grade_id == f"{manual(name)}_answer" and student == "reference":
            cell.source = source.cells[f"{manual(name)}_answer"].source
    return notebook


def handed_out(folder, name: str) -> Path:
    """Return the folder from which students fetch the assignment."""
    return folder / "exchange" / "breast_cancer_immunotherapy" / "outbound" / name


def mark_by_hand(name: str, gradebook):
    """Do what a grader does in the formgrader: all points and a comment."""
    with gradebook:
        cell = (f"{manual(name)}_answer", name, name, "reference")
        grade = gradebook.find_grade(*cell)
        assert grade.needs_manual_grade
        grade.manual_score, grade.needs_manual_grade = grade.cell.max_score, False
        gradebook.find_comment(*cell).manual_comment = COMMENT
        gradebook.db.commit()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A class folder in which the four students have been graded in every quiz."""
    place = tmp_path_factory.mktemp("nbgrader")
    with pytest.MonkeyPatch.context() as patch, quizzes.nbgrader_on_path():
        for variable in ("JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
            patch.setenv(variable, str(place / variable))
        patch.setenv("PYTHONPATH", str(quizzes.ROOT))  # kernels find the course
        folder = quizzes.class_folder(place / "class")
        with (folder / quizzes.CONFIG).open("a") as settings:  # one account plays all students
            settings.write("\nc.ExchangeCollect.check_owner = False\n")
        api = quizzes.api(folder)
        for name in quizzes.names():
            grade(name, api, folder, place / "desks", patch)
        nbgrader = [sys.executable, "-m", "nbgrader"]
        subprocess.run([*nbgrader, "export"], cwd=folder, check=True, capture_output=True)
    return folder


def grade(name: str, api, folder: Path, desks: Path, patch) -> None:
    """Release one quiz, hand in what the students write, grade it and give feedback."""
    quizzes.done(api.generate_assignment(name))
    quizzes.done(api.release_assignment(name))
    for student in STUDENTS:
        desk = desks / student
        shutil.copytree(handed_out(folder, name), desk / name)
        path = desk / name / f"{name}.ipynb"
        nbformat.write(hand_in(name, nbformat.read(path, as_version=4), student), path)
        patch.chdir(desk)
        with temp_attrs(api.coursedir, assignment_id=name, student_id=student):
            api.exchange.Submit(
                coursedir=api.coursedir, authenticator=api.authenticator, parent=api
            ).start()
    quizzes.done(api.collect(name))
    for student in STUDENTS:
        quizzes.done(api.autograde(name, student))
    mark_by_hand(name, api.gradebook)
    quizzes.done(api.generate_feedback(name))


def feedback(folder, name: str, student: str) -> str:
    """Return the words of a student's feedback page, however its lines are broken."""
    page = (folder / "feedback" / student / name / f"{name}.html").read_text(encoding="utf-8")
    body = page[page.index("<body") :]
    return plain(html.unescape(re.sub("<[^>]+>", "", body)))


def plain(text: str) -> str:
    """Return text with single spaces and without addresses in memory."""
    return ADDRESS.sub("", " ".join(text.split()))


def hidden_lines(name: str) -> set[str]:
    cells = quiz_runner.load(quizzes.source(name)).notebook.cells
    return {line for cell in cells for line in quiz_runner.lines_of(cell.source, "hidden")}


@QUIZZES
def test_students_receive_only_the_committed_release(folder, name):
    assert [path.name for path in handed_out(folder, name).iterdir()] == [f"{name}.ipynb"]
    notebook = nbformat.read(handed_out(folder, name) / f"{name}.ipynb", as_version=4)
    assert notebook == nbformat.read(quizzes.released(name), as_version=4)


@QUIZZES
def test_the_export_holds_the_points_the_bank_promises(folder, name):
    with (folder / "grades.csv").open() as rows:
        found = [row for row in csv.DictReader(rows) if row["assignment"] == name]
    scores = {row["student_id"]: float(row["raw_score"]) for row in found}
    assert scores == {
        "reference": 15,
        "untouched": 0,
        "misconceived": expected(name, "misconceived"),
        "careless": expected(name, "careless"),
    }
    assert scores["careless"] != scores["misconceived"]


@QUIZZES
def test_a_grader_sees_the_rubric_beside_the_answer(folder, name):
    graded = folder / "autograded" / "reference" / name / f"{name}.ipynb"
    cells = {c.metadata.nbgrader.grade_id: c for c in nbformat.read(graded, as_version=4).cells}
    answer = cells[f"{manual(name)}_answer"]
    points = answer.metadata.nbgrader.points
    assert f"RUBRIC, {points:g} points" in cells[f"{manual(name)}_rubric"].source
    order = list(cells)
    assert order.index(f"{manual(name)}_rubric") == order.index(f"{manual(name)}_answer") + 1


@QUIZZES
@pytest.mark.parametrize("student", STUDENTS)
def test_feedback_shows_nothing_of_the_hidden_tests(folder, name, student):
    words = feedback(folder, name, student)
    points = 15 if student == "reference" else expected(name, student)
    assert words.startswith(f"{points:g} of 15 points")
    assert [line for line in hidden_lines(name) if plain(line) in words] == []
    assert "RUBRIC" not in words


@QUIZZES
def test_feedback_of_an_untouched_release_shows_no_solution(folder, name):
    secrets = quiz_runner.secrets(quiz_runner.load(quizzes.source(name)).notebook)
    words = feedback(folder, name, "untouched")
    assert [line for line in secrets if plain(line) in words] == []


@QUIZZES
def test_feedback_says_what_was_wrong_and_what_the_grader_wrote(folder, name):
    quiz = quiz_runner.load(quizzes.source(name))
    for student in ("misconceived", "careless"):
        words = feedback(folder, name, student)
        for item, entry in answers(name)[student].items():
            names = quiz.answer(item, entry["code"], stops=entry.get("stops", False))
            _, message = quiz.judge(item, names)
            assert plain(message.partition(": ")[2]) in words
    assert COMMENT in feedback(folder, name, "reference")
