"""The release versions: fresh, complete, and free of anything that answers a question."""

import json
import re
import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient

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


def automatic(name):
    return [item for item in quizzes.bank(name)["item"] if "right" in item]


@pytest.mark.parametrize("name", QUIZZES)
def test_the_end_of_a_quiz_names_its_own_file_and_how_to_pack_it(name):
    *_, end = nbformat.read(quizzes.released(name), as_version=4).cells
    assert f"`work/quizzes/{name}`" in end.source
    assert f"`./course hand-in {name.split('_')[0]}`" in end.source


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
def test_a_failing_check_shows_its_message_alone(name):
    """Run in a kernel, as a student does who has answered nothing."""
    notebook = nbformat.read(quizzes.released(name), as_version=4)
    NotebookClient(notebook, kernel_name="python3", allow_errors=True).execute()
    errors = [o for c in notebook.cells for o in c.get("outputs", []) if o.output_type == "error"]
    assert len(errors) == len(automatic(name))
    for error in errors:
        shown = re.sub(r"\x1b\[[\d;]*m", "", "\n".join(error.traceback)).strip()
        assert shown == f"AssertionError: {error.evalue}"


@pytest.mark.parametrize("name", QUIZZES)
def test_a_quiz_ends_by_saying_how_to_hand_it_in(name):
    last = nbformat.read(quizzes.released(name), as_version=4).cells[-1]
    assert last.source.startswith("## Hand in\n")
    assert f"`{name}.ipynb`" in last.source


@pytest.mark.parametrize("name", QUIZZES)
def test_prose_has_curly_quotes(name):
    for cell in nbformat.read(quizzes.source(name), as_version=4).cells:
        if cell.cell_type == "markdown":
            assert '"' not in re.sub("`[^`]*`", "", cell.source), cell.id


@pytest.mark.parametrize("name", QUIZZES)
def test_a_student_without_nbgrader_can_run_the_release(name):
    notebook = nbformat.read(quizzes.released(name), as_version=4)
    code = [quiz_runner.python(cell.source) for cell in notebook.cells if cell.cell_type == "code"]
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT_NBGRADER],
        input=json.dumps(code),
        capture_output=True,
        text=True,
        cwd=quizzes.ROOT,
        check=True,
    )
    lines = ran.stdout.splitlines()
    assert len(lines) == len(automatic(name))
    assert all(" should be " in line for line in lines)


@pytest.mark.parametrize("name", QUIZZES)
def test_no_code_cell_a_student_sees_is_over_twelve_lines(name):
    committed = json.loads(quizzes.released(name).read_text(encoding="utf-8"))
    code = [cell for cell in committed["cells"] if cell["cell_type"] == "code"]
    assert {cell["id"]: n for cell in code if (n := len(cell["source"])) > 12} == {}
