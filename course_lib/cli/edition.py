"""The student edition: which files a student receives, and laying them out in work/.

The source edition keeps the quizzes a student takes in notebooks/release (made by
./course author); a student edition keeps the same files in quizzes.
"""

import difflib
import hashlib
import json
import os
import re
from pathlib import Path

START = "00_start_here"
MANIFEST = ".edition.json"
LESSON = re.compile(r"(\d\d)_(\w+)\.ipynb")


def lessons(root):
    """{'03_checkpoint_inhibitors': path in the edition}, in order."""
    found = sorted(
        path for path in (root / "notebooks").glob("*.ipynb") if LESSON.fullmatch(path.name)
    )
    return {path.stem: f"notebooks/{path.name}" for path in found}


def quiz_folder(root):
    release = root / "notebooks" / "release"
    return release if release.is_dir() else root / "quizzes"


def quizzes(root):
    """{'q03_checkpoint_inhibitors': path in the edition}."""
    found = sorted(quiz_folder(root).glob("*/*.ipynb"))
    return {
        path.stem: f"quizzes/{path.stem}/{path.name}"
        for path in found
        if path.parent.name == path.stem
    }


def visible_files(folder):
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith(".") or part == "__pycache__" for part in parts)
        if path.is_file() and not hidden and path.suffix not in (".pyc", ".db"):
            yield path


def served_files(root):
    """{path in the edition: file}: what a student works on."""
    files = {place: root / place for place in lessons(root).values()}
    for folder, place in (
        (root / "assets" / "figures", "assets/figures"),
        (quiz_folder(root), "quizzes"),
    ):
        for path in visible_files(folder):
            files[f"{place}/{path.relative_to(folder).as_posix()}"] = path
    return files


def find(root, name):
    """The page called '03', '3', 'checkpoint_inhibitors' or, a quiz, 'q03'; None is the start."""
    pages = lessons(root) | quizzes(root)
    if name is None:
        return pages.get(START, "")
    word = name.removesuffix(".ipynb").replace("-", "_").lower()
    number = f"{int(word):02}" if word.isdecimal() else word
    for stem, place in pages.items():
        if word == stem or number == stem.split("_")[0] or word == stem.partition("_")[2]:
            return place
    bare = [stem.partition("_")[2] for stem in lessons(root)]
    near = difflib.get_close_matches(word, [*pages, *bare], n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(pages) or 'none yet'}."
    raise LookupError(f"unknown lesson {name!r}; {hint}")


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def replace(path, data):
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.half")
    half.write_bytes(data)
    os.replace(half, path)


def set_aside(path):
    """Move a file to the first free NAME.before-1.SUFFIX beside it."""
    number = 1
    while (kept := path.with_name(f"{path.stem}.before-{number}{path.suffix}")).exists():
        number += 1
    path.rename(kept)
    return kept


def read_manifest(work):
    try:
        files = json.loads((work / MANIFEST).read_text(encoding="utf-8"))["files"]
        return {place: known for place, known in files.items() if isinstance(known, str)}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}  # then every file that differs counts as the student's own


def lay_out(root, work, fresh=None):
    """Bring work/ up to date without ever overwriting a student's change.

    Missing files are added; a file is updated only if it still is what was laid
    out last. `fresh` names one file to restore; the student's copy is kept
    beside it. Returns sentences to tell.
    """
    work.mkdir(parents=True, exist_ok=True)
    laid, told = read_manifest(work), []
    for place, source in served_files(root).items():
        target, new = work / place, digest(source)
        if target.is_file() and digest(target) == new:
            laid[place] = new
            continue
        present = os.path.lexists(target)
        unchanged = target.is_file() and digest(target) == laid.get(place)
        if present and place == fresh and not unchanged:
            kept = set_aside(target)
            told.append(f"Restored {place}; your copy is kept as {kept.name}.")
        elif present and not unchanged:
            if laid.get(place) != new:
                told.append(
                    f"A newer {place} exists; yours is kept. "
                    f"To get it: ./course lab {Path(place).stem} --fresh"
                )
            continue
        replace(target, source.read_bytes())
        laid[place] = new
    manifest = {
        "about": "sha256 of each file as it was laid out",
        "files": dict(sorted(laid.items())),
    }
    replace(work / MANIFEST, (json.dumps(manifest, indent=1) + "\n").encode())
    return told
