"""The release versions: fresh, complete, and free of anything that answers a question."""

import json
import subprocess
import sys

import nbformat
import pytest

import quiz_runner
import quizzes

QUIZZES = quizzes.names()

# Runs a notebook's code in an interpreter that has no nbgrader, as a student's has not.
WITHOUT_NBGRADER = """
import json, sys
sys.modules["nbgrader"] = None
names = {}
for cell in json.loads(sys.stdin.read()):
    try:
        exec(cell, names)
    except AssertionError as missing:
        print(missing)
"""


@pytest.mark.parametrize("name", QUIZZES)
def test_the_committed_release_is_what_nbgrader_makes_now(name):
    committed = quizzes.released(name).read_text(encoding="utf-8")
    assert quizzes.release_text(name) == committed, "run ./course author"


@pytest.mark.parametrize("name", QUIZZES)
def test_the_release_holds_no_solution_and_no_hidden_test(name):
    committed = quizzes.released(name).read_text(encoding="utf-8")
    cells = json.loads(committed)["cells"]
    plain = "\n".join("".join(cell["source"]) for cell in cells)
    secrets = quiz_runner.secrets(nbformat.read(quizzes.source(name), as_version=4))
    assert len(secrets) > 20
    assert [line for line in secrets if line in plain] == []
    assert "BEGIN" not in plain
    assert all(cell.get("outputs", []) == [] for cell in cells)
    ideas = {e.get("misconception") for i in quizzes.bank(name)["item"] for e in i.get("wrong", [])}
    assert [idea for idea in ideas - {None} if idea in committed] == []


def test_a_release_folder_holds_one_notebook_and_nothing_else():
    found = {
        path.relative_to(quizzes.RELEASES) for path in quizzes.RELEASES.rglob("*") if path.is_file()
    }
    assert {str(path) for path in found} == {f"{name}/{name}.ipynb" for name in QUIZZES}


@pytest.mark.parametrize("name", QUIZZES)
def test_a_student_without_nbgrader_can_run_the_release(name):
    notebook = nbformat.read(quizzes.released(name), as_version=4)
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT_NBGRADER],
        input=json.dumps(code),
        capture_output=True,
        text=True,
        cwd=quizzes.ROOT,
        check=True,
    )
    assert len(ran.stdout.splitlines()) == 5
    assert ran.stdout.count("should be") == 5
