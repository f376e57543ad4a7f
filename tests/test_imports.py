"""The import contracts hold, and each of them bites."""

import shutil
import subprocess
import sys

import pytest

import house

LINT = "from importlinter.cli import lint_imports_command as lint; lint(['--no-cache'])"
BREACHES = [
    ("evidence <- models <- labs", "models/binding.py", "import course_lib.labs"),
    ("evidence <- models <- labs", "evidence.py", "from course_lib.models import binding"),
    ("models are numpy only", "models/binding.py", "import plotly"),
    ("models are numpy only", "models/ode.py", "import scipy"),
    ("grading depends on no lab", "grading/__init__.py", "from course_lib import models"),
    ("a student's install has no grader", "labs/frame.py", "import nbgrader"),
    ("a student's install has no grader", "checks.py", "import course_lib.grading"),
    ("before anything is installed", "cli/lab.py", "import numpy"),
]


def lint(root):
    shutil.copy(house.ROOT / "pyproject.toml", root)
    return subprocess.run(
        [sys.executable, "-P", "-c", LINT],
        cwd=root,
        env=house.environment(PYTHONPATH=str(root), NO_COLOR="1"),
        capture_output=True,
        text=True,
    )


@pytest.fixture
def copy(tmp_path):
    leave = shutil.ignore_patterns("__pycache__")
    shutil.copytree(house.ROOT / "course_lib", tmp_path / "course_lib", ignore=leave)
    return tmp_path


def test_the_contracts_hold(copy):
    done = lint(copy)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(("contract", "module", "line"), BREACHES)
def test_a_contract_bites(copy, contract, module, line):
    path = copy / "course_lib" / module
    path.write_text(path.read_text(encoding="utf-8") + f"\n{line}\n", encoding="utf-8")
    done = lint(copy)
    assert done.returncode != 0
    broken = [text for text in done.stdout.splitlines() if text.endswith("BROKEN")]
    assert any(contract in text for text in broken), done.stdout
