"""A small course in a temporary folder, with the real launcher and library."""

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SECRET = "answer = 6 * 7  # only the instructor knows"
HIDDEN = "assert answer == 42, 'the hidden test'"
COPIED = [
    ".dockerignore",
    "course",
    "course_lib",
    "tools",
    "assets",
    "pyproject.toml",
    "requirements.lock",
    "requirements-grade.lock",
    "requirements-dev.lock",
    "environment.yml",
    "postBuild",
    "LICENSE",
    "LICENSE-content",
]
# Stands for uv: notes what it is asked, makes a .venv whose Python is this one.
FAKE_UV = """#!{python}
import json, pathlib, sys
here = pathlib.Path({folder!r})
with (here / "calls.txt").open("a") as calls:
    calls.write(" ".join(sys.argv[1:]) + "\\n")
says = here / "says.txt"
if says.exists() and sys.argv[1] == "pip":
    sys.exit(says.read_text())
if sys.argv[1] == "venv":
    python = pathlib.Path(sys.argv[-1], "bin", "python")
    python.parent.mkdir(parents=True, exist_ok=True)
    python.write_text('#!/bin/sh\\nPYTHONPATH={root} exec {python} "$@"\\n')
    python.chmod(0o755)
"""


def notebook(*cells):
    code = [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": f"cell-{number}",
            "metadata": {},
            "outputs": [],
            "source": source,
        }
        for number, source in enumerate(cells)
    ]
    return json.dumps({"cells": code, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def make(folder):
    """A source edition with two lessons and one quiz."""
    leave = shutil.ignore_patterns("__pycache__", ".*")
    for name in COPIED:
        source, target = ROOT / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=leave)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    write(folder / "README.md", "# A course\n")
    write(folder / "notebooks/00_start_here.ipynb", notebook("print('start')"))
    write(folder / "notebooks/03_checkpoint_inhibitors.ipynb", notebook("print('brake')"))
    write(folder / "notebooks/scratch.ipynb", notebook("print('not a lesson')"))
    quiz = "q03_checkpoint_inhibitors"
    marked = f"### BEGIN SOLUTION\n{SECRET}\n### END SOLUTION"
    hidden = f"### BEGIN HIDDEN TESTS\n{HIDDEN}\n### END HIDDEN TESTS"
    source = folder / "notebooks/quizzes" / quiz
    write(source / f"{quiz}.ipynb", notebook(marked, hidden))
    write(source / "answers.toml", f"reference = '''{SECRET}'''\n")
    write(folder / f"notebooks/release/{quiz}/{quiz}.ipynb", notebook("# YOUR CODE HERE"))
    write(folder / "tests/test_something.py", "")
    write(folder / "docs/instructor/start_here.toml", f"expected = '''{SECRET}'''\n")
    write(folder / "docs/instructors.md", "")
    write(folder / "docs/hub/config.py", "")
    write(folder / "docs/lab.png", "a picture")
    write(folder / "CONTRIBUTING.md", "")
    write(folder / ".ci/run", "")
    write(folder / ".git/HEAD", "")
    return folder


def fake_uv(folder, root):
    """A folder for PATH that holds only the stand-in for uv."""
    folder.mkdir(parents=True, exist_ok=True)
    text = FAKE_UV.format(python=sys.executable, folder=str(folder), root=root)
    uv = write(folder / "uv", text)
    uv.chmod(uv.stat().st_mode | stat.S_IXUSR)
    return folder


def environment(**changes):
    """This environment without what would steer Python or a set-up, then the changes."""
    steering = ("UV_", "PIP_", "PYTHON", "COURSE_", "VIRTUAL_ENV", "JUPYTER")
    env = {name: value for name, value in os.environ.items() if not name.startswith(steering)}
    return env | {"PYTHONDONTWRITEBYTECODE": "1"} | changes


def course(root, *words, env=None, python=sys.executable):
    """Run ./course to its end."""
    return subprocess.run(
        [python, str(root / "course"), *words],
        cwd=root,
        env=env or environment(PATH="/nowhere"),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def one_sentence(done):
    """The launcher's single complaint; fails on success, on a traceback, on several lines."""
    assert done.returncode != 0
    lines = [line for line in done.stderr.splitlines() if not line.endswith("…")]
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("course: ")
    assert lines[0].endswith((".", "?"))
    return lines[0]
