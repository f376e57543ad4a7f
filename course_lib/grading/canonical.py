"""Stage 1: a submission, rebuilt on the instructor's own version of the notebook.

Only the sources of a student's answers (found by ``grade_id``) and of cells the student added are
taken over. Order, tests, metadata, points and kernel are the instructor's, whatever the file says.
What cannot be read becomes the untouched notebook and a flag for a person; nothing here crashes,
and nothing is ever silently zero.
"""

from __future__ import annotations

import json
import os
import stat
from collections import Counter
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader import utils
from nbgrader.nbgraderformat import reads
from nbgrader.preprocessors import (
    ClearHiddenTests,
    ClearMarkScheme,
    ClearOutput,
    ClearSolutions,
    ComputeChecksums,
)
from traitlets.config import Config

LARGEST = 10_000_000  # bytes of a submission
LONGEST = 200_000  # characters of a cell
ADDED = 200  # cells a student may add
PICTURES = ("image/png", "image/jpeg", "image/gif")


@dataclass(frozen=True)
class Flag:
    """Something an instructor should look at: a short ``kind`` and one sentence."""

    kind: str
    message: str


@dataclass(frozen=True)
class Canonical:
    """A submission on the instructor's version: what is graded, and what was odd about it."""

    notebook: NotebookNode
    flags: list[Flag] = field(default_factory=list)


class Unreadable(Exception):
    """The file is no notebook that could be graded; the message says why."""


def release(source: NotebookNode | Path, config: Config | None = None) -> NotebookNode:
    """Return the instructor's version that answers are put into: stubs, and hidden tests.

    It is what nbgrader keeps when it generates the assignment. ``config`` is the class's own.
    """
    if not isinstance(source, NotebookNode):
        source = reads(Path(source).read_text(encoding="utf-8"), as_version=4)
    notebook, resources = deepcopy(source), {}
    for step in (ClearSolutions, ClearOutput, ComputeChecksums):
        notebook, resources = step(config=config or Config()).preprocess(notebook, resources)
    return notebook


def rebuild(path: Path, version: NotebookNode, root: Path | None = None) -> Canonical:
    """Return the submission at ``path`` on the instructor's ``version`` (from ``release``).

    ``root`` is the folder of the submission, below which no link is followed (default: the
    folder the file lies in).
    """
    try:
        cells = _cells(_read(Path(path), Path(root or Path(path).parent)))
    except Unreadable as reason:
        message = f"The file could not be read ({reason}): an empty notebook was graded instead."
        return Canonical(deepcopy(version), [Flag("unreadable", message)])
    return _filled_in(version, cells)


def _read(path: Path, root: Path) -> bytes:
    """Return the contents of a plain file, following no link from ``root`` on."""
    handle = None
    try:
        if ".." in path.parts:
            raise Unreadable("it lies elsewhere")
        handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        for part in path.relative_to(root).parts:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            inner = os.open(part, flags, dir_fd=handle)
            os.close(handle)
            handle = inner
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise Unreadable("it is no plain file")
        if found.st_size > LARGEST:
            raise Unreadable(f"it has more than {LARGEST // 10**6} MB")
        with os.fdopen(os.dup(handle), "rb") as file:
            return file.read(LARGEST)
    except FileNotFoundError:
        raise Unreadable("there is none of this name") from None
    except (OSError, ValueError) as error:
        reason = "it is a link" if path.is_symlink() else "it cannot be opened"
        raise Unreadable(f"{reason}, {type(error).__name__}") from None
    finally:
        if handle is not None:
            os.close(handle)


@dataclass
class _Cell:
    """What is taken from a cell of a submission."""

    kind: str
    source: str
    grade_id: str | None
    pictures: dict[str, dict[str, str]]


def _cells(data: bytes) -> list[_Cell | None]:
    """Return the cells of a notebook; None for one that is none."""
    try:
        cells = json.loads(data.decode("utf-8-sig"))["cells"]
        return [_cell(cell) for cell in cells]
    except UnicodeDecodeError:
        raise Unreadable("it is not UTF-8 text") from None
    except RecursionError:
        raise Unreadable("its brackets are nested too deeply") from None
    except (ValueError, KeyError, TypeError):
        raise Unreadable("it is no notebook of nbformat 4") from None


def _cell(cell: object) -> _Cell | None:
    match cell:
        case {"cell_type": "code" | "markdown" | "raw" as kind, "source": str(source)}:
            pass
        case {"cell_type": "code" | "markdown" | "raw" as kind, "source": list(lines)}:
            source = "".join(line for line in lines if isinstance(line, str))
        case _:
            return None
    grade_id, pictures = None, {}
    match cell:
        case {"metadata": {"nbgrader": {"grade_id": str(grade_id)}}}:
            pass
    match cell:
        case {"attachments": dict(found)}:
            pictures = {name: _pictures(data) for name, data in found.items()}
    # A lone surrogate could not be written to a file again.
    source = source.encode("utf-8", "replace").decode("utf-8")
    return _Cell(kind, source, grade_id, {name: data for name, data in pictures.items() if data})


def _pictures(data: object) -> dict[str, str]:
    """Return the pictures among what a student attached to a written answer."""
    found = data if isinstance(data, dict) else {}
    return {kind: found[kind] for kind in PICTURES if isinstance(found.get(kind), str)}


def _filled_in(version: NotebookNode, cells: list[_Cell | None]) -> Canonical:
    """Put the answers and the added cells into a copy of the instructor's version."""
    notebook, flags = deepcopy(version), []
    known = {name: cell for cell in notebook.cells if (name := _grade_id(cell))}
    unnamed = {cell.source.strip() for cell in notebook.cells if not _grade_id(cell)}
    times = Counter(cell.grade_id for cell in cells if cell)
    added: dict[str | None, list[NotebookNode]] = {}
    place, extra, missing = None, 0, set(known)
    for cell in cells:
        if not cell or len(cell.source) > LONGEST:
            flags.append(Flag("odd-cell", "A cell is too long, or is none: it was left out."))
            continue
        name = cell.grade_id
        if name in known:
            missing.discard(name)
            times[name] -= 1
            if not utils.is_solution(known[name]):
                place = name
                if cell.source.strip() not in _handed_out(known[name]):
                    said = f"The cell {name} was changed; the original was used."
                    flags.append(Flag("changed-cell", said))
                continue
            if times[name] == 0:  # the last of several, as nbgrader decides
                place, known[name].source = name, cell.source
                if cell.pictures and known[name].cell_type == "markdown":
                    known[name].attachments = NotebookNode(cell.pictures)
                continue
            flags.append(Flag("duplicate-cell", f"The cell {name} is there more than once."))
        elif cell.source.strip() in unnamed or not cell.source.strip():
            continue
        elif name:
            flags.append(Flag("unknown-cell", f"A cell {name[:80]!r} is not of this quiz."))
        extra += 1
        if extra <= ADDED:
            added.setdefault(place, []).append(_added(cell, extra))
    if extra > ADDED:
        flags.append(Flag("many-cells", f"Of {extra} added cells, the first {ADDED} were kept."))
    for name in sorted(missing):
        flags.append(Flag("missing-cell", f"The cell {name} was missing; it was put back."))
    filled = list(added.get(None, []))
    for cell in notebook.cells:
        filled.append(cell)
        filled += added.get(_grade_id(cell) or "", [])
    notebook.cells = filled
    return Canonical(notebook, flags)


def _grade_id(cell: NotebookNode) -> str | None:
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def _handed_out(cell: NotebookNode) -> set[str]:
    """Return the sources a cell may have in a submission: without hidden tests, or with them."""
    copy = deepcopy(cell)
    ClearHiddenTests()._remove_hidden_test_region(copy)
    ClearMarkScheme()._remove_mark_scheme_region(copy)
    return {cell.source.strip(), copy.source.strip()}


def _added(cell: _Cell, number: int) -> NotebookNode:
    """Return a cell that the student added; its metadata and outputs stay behind."""
    if cell.kind == "code":
        return new_code_cell(cell.source, id=f"added-{number}")
    return new_markdown_cell(cell.source, id=f"added-{number}", attachments=cell.pictures)
