"""The course served by its own launcher, and JupyterLab as an instructor starts it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from pathlib import Path

import nbformat
import pytest

import quizzes
from labpage import notebook_url, one_cell, open_notebook, run_all, stop_kernels
from serving import served

ROOT = Path(__file__).parents[2]
NEWS = "@jupyterlab/apputils-extension:announcements"  # asks on top of the page
READY = r"(http://127\.0\.0\.1:\d+/lab)\S*$"
FOLDERS = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
LAB = ["--no-browser", "--allow-root", "--ip=127.0.0.1", "--port=0", "--IdentityProvider.token="]


@pytest.fixture(scope="session")
def course_copy(tmp_path_factory) -> Path:
    """A clone of the course as it stands, so that tests never touch a student's work/.

    The launcher makes its student environment there, as it would for a student: nothing
    of the developers' is in it. Only what was downloaded into .tools is borrowed; the log of the
    set-up is its own, as another worker may set up its copy at the same time.
    """
    copy = tmp_path_factory.mktemp("clone") / "course"
    leave = (".git", ".venv", ".tools", "work", "screenshots", "__pycache__", ".*_cache")
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*leave))
    (copy / ".tools").mkdir()
    for here in (ROOT / ".tools").glob("*"):
        if here.name != "setup.log":
            (copy / ".tools" / here.name).symlink_to(here)
    return copy


@pytest.fixture(scope="session")
def course_url(course_copy) -> str:
    """The address that ``./course lab --no-browser`` prints once it answers."""
    command = [sys.executable, "course", "lab", "--no-browser"]
    with served(command, r"^Ready: (\S+)", cwd=course_copy) as url:
        yield url


@pytest.fixture
def open_cell(page, course_url, course_copy):
    """A function that opens a notebook of one cell, by default runs it, and returns the page."""
    folder = course_copy / "work/notebooks"
    made = folder / "one_cell.ipynb"

    # A kernel that had served forty labs sent all of them to each new page, in one message that
    # ended playwright's driver with "Zone Allocation failed".
    stop_kernels(course_url)

    def opened(source, width=1280, height=1000, run=True, **saved):
        (folder / "my_predictions.json").unlink(missing_ok=True)
        nbformat.write(one_cell(source, **saved), made)
        page.set_viewport_size({"width": width, "height": height})
        open_notebook(page, notebook_url(course_url, made.stem))
        if run:
            run_all(page)
        return page

    yield opened
    made.unlink()


@pytest.fixture(scope="module")
def lab_in(tmp_path_factory):
    """A function that starts a JupyterLab in a class folder, as an instructor does."""
    with contextlib.ExitStack() as running:
        yield lambda folder: running.enter_context(_lab(folder, tmp_path_factory.mktemp("jupyter")))


@contextlib.contextmanager
def _lab(folder: Path, place: Path):
    own = {name: str(place / name) for name in FOLDERS} | {"PYTHONPATH": str(ROOT)}
    page_config = place / "JUPYTER_CONFIG_DIR" / "labconfig" / "page_config.json"
    page_config.parent.mkdir(parents=True)
    page_config.write_text(json.dumps({"disabledExtensions": {NEWS: True}}))
    command = [sys.executable, "-m", "jupyterlab", *LAB]
    with (
        quizzes.nbgrader_on_path(),
        served(command, READY, cwd=folder, env=os.environ | own) as url,
    ):
        yield url
