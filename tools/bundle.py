"""./course bundle FILE.zip: the student edition as one file, the same bytes every time."""

import re
import sys
import zipfile
from pathlib import Path

import locks
from course_lib.cli import edition

TOP = "breast-cancer-immunotherapy"
SINGLE = [
    ".dockerignore",
    "course",
    "LICENSE",
    "LICENSE-content",
    "README.md",
    "postBuild",
    "pyproject.toml",
    "requirements.lock",
]
EXECUTABLE = {"course", "postBuild"}
TELLTALES = [b"BEGIN SOLUTION", b"BEGIN HIDDEN TESTS", b"END HIDDEN TESTS", b"BEGIN MARK SCHEME"]
#: What the README says of files and verbs that a student does not receive.
NOT_FOR_STUDENTS = re.compile(rb"<!-- not for students -->.*?<!-- end -->\n\n?", re.DOTALL)
EARLIEST = (1980, 1, 1, 0, 0, 0)  # a zip's first day; no clock enters the file


class BundleError(Exception):
    """One sentence."""


def contents(root):
    """{path in the student edition: its bytes}: a list of what goes in, not of what stays out."""
    missing = [name for name in SINGLE if not (root / name).is_file()]
    if missing:
        raise BundleError(f"cannot bundle: {', '.join(missing)} is missing.")
    files = {name: root / name for name in SINGLE}
    for folder in ("course_lib", "assets"):
        for path in edition.visible_files(root / folder):
            files[path.relative_to(root).as_posix()] = path
    files |= edition.served_files(root)
    files |= {f"docs/{path.name}": path for path in (root / "docs").glob("*.png")}  # for README.md
    sources = {
        path.name
        for path in (root / "notebooks" / "quizzes").glob("*/")
        if any(path.glob("*.ipynb"))
    }
    unmade = sources - set(edition.quizzes(root))
    if unmade:
        raise BundleError(
            f"no release version of {', '.join(sorted(unmade))}; run ./course author first."
        )
    packed = {place: path.read_bytes() for place, path in files.items()}
    packed["README.md"] = NOT_FOR_STUDENTS.sub(b"", packed["README.md"])
    packed["environment.yml"] = locks.environment(root, student=True).encode()
    for place, data in packed.items():
        if place.endswith(".ipynb") and any(mark in data for mark in TELLTALES):
            raise BundleError(
                f"{place} still holds a solution or a hidden test; nothing was written."
            )
    return packed


def write(root, target):
    try:
        packed = contents(root)
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        half = Path(f"{target}.half")
        with zipfile.ZipFile(half, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as bundle:
            for place in sorted(packed):
                entry = zipfile.ZipInfo(f"{TOP}/{place}", EARLIEST)
                entry.create_system = 3  # Unix, whatever wrote it: the mode bits below count
                entry.external_attr = (0o100755 if place in EXECUTABLE else 0o100644) << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                bundle.writestr(entry, packed[place])
        half.replace(target)
    except (BundleError, OSError) as problem:
        print(f"course: {problem}", file=sys.stderr)
        return 1
    print(f"{target}: {len(packed)} files, {Path(target).stat().st_size / 1e6:.1f} MB")
    return 0
