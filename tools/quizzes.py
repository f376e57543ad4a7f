"""Release versions of the quizzes, made by nbgrader itself, and the answer banks beside them.

``./course author`` calls ``release_all()``; the tests call the same functions, so what is committed
under ``notebooks/release`` is always what nbgrader makes of ``notebooks/quizzes``.
"""

from __future__ import annotations

import os
import shutil
import sysconfig
import tempfile
import tomllib
from contextlib import contextmanager
from pathlib import Path

import nbformat
from nbgrader.apps import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from traitlets.config import PyFileConfigLoader

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "notebooks" / "quizzes"
RELEASES = ROOT / "notebooks" / "release"
CONFIG = "nbgrader_config.py"


def names() -> list[str]:
    """Return the names of all quizzes, such as ``q03_checkpoint_inhibitors``."""
    return sorted(path.parent.name for path in SOURCES.glob("*/*.ipynb"))


def source(name: str) -> Path:
    """Return the instructor's notebook of a quiz, solutions and hidden tests included."""
    return SOURCES / name / f"{name}.ipynb"


def released(name: str) -> Path:
    """Return the committed release version of a quiz: what students get."""
    return RELEASES / name / f"{name}.ipynb"


def bank(name: str) -> dict:
    """Return the answer bank of a quiz."""
    return tomllib.loads((SOURCES / name / "answers.toml").read_text(encoding="utf-8"))


def class_folder(folder: Path, *quizzes: str) -> Path:
    """Lay out a class folder: the course's nbgrader settings, the exchange, the quiz sources."""
    (folder / "source").mkdir(parents=True)
    (folder / "exchange").mkdir()
    shutil.copy(SOURCES / CONFIG, folder)
    for name in quizzes or names():
        shutil.copytree(source(name).parent, folder / "source" / name)
    return folder


def api(folder: Path) -> NbGraderAPI:
    """Return nbgrader's own interface to a class folder, with that folder's settings."""
    config = PyFileConfigLoader(CONFIG, path=str(folder)).load_config()
    config.CourseDirectory.root = str(folder)
    return NbGraderAPI(coursedir=CourseDirectory(config=config), config=config)


@contextmanager
def nbgrader_on_path():
    """Let nbgrader find the ``alembic`` command beside this Python, activated or not."""
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), before])
    try:
        yield
    finally:
        os.environ["PATH"] = before


def done(result: dict) -> str:
    """Return the log of a step of nbgrader's interface; raise with that log if it failed."""
    if not result["success"]:
        raise RuntimeError(f"nbgrader failed:\n{result.get('log')}\n{result.get('error') or ''}")
    return result["log"]


def release_text(name: str) -> str:
    """Return the release version of a quiz, made by nbgrader in a temporary folder."""
    with tempfile.TemporaryDirectory() as place, nbgrader_on_path():
        folder = class_folder(Path(place) / "class", name)
        done(api(folder).generate_assignment(name))
        files = [path for path in (folder / "release" / name).rglob("*") if path.is_file()]
        if [path.name for path in files] != [f"{name}.ipynb"]:
            raise RuntimeError(f"{name}: the release holds more than the notebook: {files}")
        notebook = nbformat.read(files[0], as_version=4)
    return nbformat.writes(notebook) + "\n"


def release_all(*quizzes: str) -> list[Path]:
    """Write the release versions that are out of date; return the paths written."""
    written = []
    for name in quizzes or names():
        text, path = release_text(name), released(name)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            written.append(path)
    return written
