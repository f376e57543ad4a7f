"""Whose file is this? Submissions out of what Canvas, Moodle or students' mail delivers.

A learning platform says at the start of a file's path who handed it in. What the student chose
(the file's own name, what is inside it) comes after that, and never decides whose it is:

- Canvas: ``lovelaceada_1234_5678_FILE``, late ones ``lovelaceada_LATE_1234_5678_FILE``, and
  ``anon_X1y2Z_5678_FILE`` where names are hidden; 1234 is the student, 5678 the file.
- Moodle: a folder ``Ada Lovelace_1234_assignsubmission_file`` for each student, or one flat name
  ``Ada Lovelace_1234_assignsubmission_file_FILE``; 1234 is the participant in this assignment
  only, so the name is the student.
- otherwise: a folder for each student, or what ``./course hand-in --name`` packs,
  ``QUIZ_NAME.zip``.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
import re
import shutil
import stat
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path, PurePosixPath

from course_lib.grading.record import LARGEST, RecordError, write_whole

CANVAS = re.compile(
    r"(?:anon_(?P<anonymous>[^_]+)|(?P<name>.*?)(?P<late>_LATE)?_(?P<number>\d+))_\d+_(?P<file>.+)",
    re.IGNORECASE | re.DOTALL,
)
MOODLE = re.compile(
    r"(?P<name>.+?)_(?P<number>\d+)_assignsubmission_file(?:_?$|_(?P<file>.+))", re.DOTALL
)
MOST_FILES, MOST_IN_A_ZIP = 20_000, 100
#: What can go wrong in a zip that somebody else made.
BAD_ZIP = (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, EOFError, ValueError)


@dataclass(frozen=True)
class Owner:
    """Who handed in a file; ``number`` is what the platform calls them by."""

    student: str
    name: str
    platform: str = ""
    number: str = ""
    late: str = ""


@dataclass(frozen=True)
class Collected(Owner):
    """A line of collected.csv: whose submission came from where."""

    place: str = ""


def student_id(text: str) -> str:
    """Return a name so that it can name a folder and a line of the gradebook: ``Ada-Lovelace``."""
    return re.sub(r"[^\w.@+]+", "-", text).strip("-.")[:60]


def whose(place: str, quiz: str) -> Owner | None:
    """Return who handed in the file at this path of an export, or None."""
    first, *rest = PurePosixPath(place).parts
    if found := MOODLE.fullmatch(first):
        return Owner(student_id(found["name"]), found["name"], "Moodle", found["number"])
    if not rest and (found := CANVAS.fullmatch(first)):
        number = found["number"] or found["anonymous"]
        late = "late" if found["late"] else ""
        return Owner(student_id(number), found["name"] or "", "Canvas", number, late)
    own = re.fullmatch(rf"{re.escape(quiz)}[_-](.+)\.(?:zip|ipynb)", first)
    name = first if rest else own[1] if own else ""
    return Owner(student_id(name), name) if student_id(name) else None


def small_file(path: Path) -> bytes | None:
    """Return the content of a plain file of at most 10 MB; None for anything else."""
    found = path.lstat()
    plain = stat.S_ISREG(found.st_mode) and found.st_size <= LARGEST
    return path.read_bytes() if plain else None


def small_entry(packed: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes | None:
    """Return the content of a zip's file if it has at most 10 MB, whatever the zip claims."""
    with packed.open(entry) as opened:
        data = opened.read(LARGEST + 1)
    return data if len(data) <= LARGEST else None


@contextlib.contextmanager
def listing(source: Path, quiz: str) -> Iterator[dict[str, Callable[[], bytes | None]]]:
    """Give ``{path: function that reads it}`` for a folder, an export or one student's file."""
    if source.is_dir():
        found = [path for path in sorted(source.rglob("*")) if path.is_symlink() or path.is_file()]
        yield {p.relative_to(source).as_posix(): lambda p=p: small_file(p) for p in found}
        return
    if source.suffix.lower() == ".zip":
        with zipfile.ZipFile(source) as packed:
            if packed.namelist() != [f"{quiz}.ipynb"]:  # as hand-in packs it
                yield entries(packed)
                return
    yield {source.name: lambda: small_file(source)}


def entries(packed: zipfile.ZipFile) -> dict[str, Callable[[], bytes | None]]:
    """Return ``{path: function that reads it}`` for the files of a zip."""
    found = [entry for entry in packed.infolist() if not entry.is_dir()]
    return {e.filename.replace("\\", "/"): lambda e=e: small_entry(packed, e) for e in found}


def notebooks(place: str, data: bytes) -> dict[str, bytes]:
    """Return the notebooks in a file: itself, or what a zip (as hand-in packs it) holds."""
    if place.lower().endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            inside = list(entries(packed).items())[:MOST_IN_A_ZIP]
            read = {p: load() for p, load in inside if p.lower().endswith(".ipynb")}
            return {f"{place}/{p}": found for p, found in read.items() if found is not None}
    return {place: data} if place.lower().endswith(".ipynb") else {}


def attempt(place: str, quiz: str) -> int:
    """Return how well a file's name fits the quiz: -1 not at all, else the number of the attempt.

    Canvas and browsers make ``QUIZ-1.ipynb`` and ``QUIZ (1).ipynb`` of a second upload.
    """
    found = re.search(rf"{re.escape(quiz)}(?:[-_ ]*\(?(\d{{1,3}})\)?)?\.ipynb$", place)
    return int(found[1] or 0) if found else -1


def owners(places: list[str], quiz: str) -> tuple[dict[Owner, list[str]], list[str]]:
    """Sort the paths of an export by student; also return a sentence for each that has none."""
    found, told = defaultdict(list), []
    for place in places:
        hidden = any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(place).parts)
        owner = None if hidden else whose(place, quiz)
        if owner:
            found[owner].append(place)
        elif not hidden:
            told.append(
                f"{place}: its name does not say whose it is; left out. Call it "
                f"{quiz}_NAME{PurePosixPath(place).suffix}, with the student's name, and collect "
                "it again."
            )
    namesakes = defaultdict(list)
    for owner in found:
        namesakes[owner.student].append(owner)
    for student, same in namesakes.items():
        if len(same) > 1 and all(owner.platform == "Moodle" for owner in same):
            told.append(
                f"{len(same)} students are called {same[0].name}; Moodle's number keeps them "
                "apart, and it is another one in every assignment."
            )
            for owner in same:
                apart = replace(owner, student=student_id(f"{owner.student}-{owner.number}"))
                found[apart] = found.pop(owner)
        elif len(same) > 1:
            told.append(f"{student} is the name of several: {shown(same)}. Left out; rename them.")
            for owner in same:
                del found[owner]
    return found, told


def shown(owners: list[Owner]) -> str:
    return ", ".join(sorted(f"{owner.name} {owner.number}".strip() for owner in owners))


def choose(places: list[str], read: dict, quiz: str) -> tuple[str, bytes | None, str]:
    """Return place and content of a student's notebook, and a sentence where one is due."""
    found, unread = {}, []
    for place in places:
        try:
            data = read[place]()
            inside = {} if data is None else notebooks(place, data)
            why = "not a plain file of at most 10 MB" if data is None else "no notebook"
        except BAD_ZIP as problem:
            inside, why = {}, str(problem) or "it cannot be unpacked"
        found |= inside
        unread += [] if inside else [f"{place}: {why}"]
    if not found:
        return "", None, f"handed in no notebook that can be read ({'; '.join(unread)}); left out."
    best = max(attempt(place, quiz) for place in found)
    rivals = {place: data for place, data in found.items() if attempt(place, quiz) == best}
    if len(set(rivals.values())) > 1:
        return "", None, f"handed in several notebooks, {', '.join(rivals)}; left out."
    place, data = rivals.popitem()
    odd = best < 0 and quiz not in place
    return place, data, f"taken although it is named {place}." if odd else ""


def collect(source: Path, quiz: str, submitted: Path, downloaded: Path) -> tuple[int, list[str]]:
    """Put each student's notebook into the class folder; return how many are new, and sentences.

    A file that is replaced by another stays beside the list of what was collected. A run that
    was interrupted is finished by the same command.
    """
    book, new = downloaded / quiz / "collected.csv", 0
    known = collected(book)
    try:
        with listing(source, quiz) as read:
            if len(read) > MOST_FILES:
                raise RecordError(f"{source} holds {len(read)} files: is it the export?")
            found, told = owners(list(read), quiz)
            for owner, places in found.items():
                place, data, words = choose(places, read, quiz)
                told += [f"{owner.student}: {words}"] if words else []
                if data is not None:
                    target = submitted / owner.student / quiz / f"{quiz}.ipynb"
                    new += keep(data, target, downloaded / quiz / "replaced" / owner.student)
                    known[owner.student] = Collected(**asdict(owner), place=place)
    except BAD_ZIP as problem:
        raise RecordError(f"{source}: {problem}; nothing collected so far is lost.") from problem
    lines = io.StringIO()
    table = csv.DictWriter(lines, [one.name for one in fields(Collected)], lineterminator="\n")
    table.writeheader()
    table.writerows(asdict(one) for _, one in sorted(known.items()))
    write_whole(book, lines.getvalue())
    return new, told


def keep(data: bytes, target: Path, replaced: Path) -> bool:
    """Write a submission whole, keeping another one that was there; return whether it is new."""
    if os.path.lexists(target):
        if small_file(target) == data:
            return False
        replaced.mkdir(parents=True, exist_ok=True)
        number = len(list(replaced.iterdir())) + 1
        shutil.copy(target, replaced / f"{number}.ipynb", follow_symlinks=False)
    write_whole(target, data)
    return True


def collected(book: Path) -> dict[str, Collected]:
    """Return what collected.csv says, by student; nothing if there is none."""
    try:
        with book.open(encoding="utf-8", newline="") as lines:
            return {row["student"]: Collected(**row) for row in csv.DictReader(lines)}
    except (OSError, TypeError, KeyError):
        return {}
