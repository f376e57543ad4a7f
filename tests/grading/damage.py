"""What an attack did: the class folder before and after, seen from outside the sandbox."""

from __future__ import annotations

import hashlib
import html
import json
import os
import re
import shutil
import sqlite3
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path

from arena import AFTER, BEFORE, FULL, TOKEN, Arena, Report, mallory, quiz_runner
from attacks import Attack

#: What can go wrong, worst first.
KINDS = {
    "stole": "got points that were not earned",
    "robbed": "cost an honest student points, a comment or the grading itself",
    "hurt": "changed files or tables of others",
    "leaked": "showed hidden tests, others' answers or the instructor's secrets",
    "script": "put code of its own into the feedback page",
    "escaped": "did what no student's code may: reached a network, left a process or too much",
    "stopped": "ended the grading with an error, or made it hang",
    "unseen": "should have been shown to a person and was not",
}
SCORES = """
SELECT s.student_id, b.name,
       coalesce(g.manual_score, g.auto_score, 0) + coalesce(g.extra_credit, 0),
       g.auto_score, g.manual_score, g.needs_manual_grade
FROM grade g JOIN base_cell b ON b.id = g.cell_id JOIN submitted_notebook n ON n.id = g.notebook_id
JOIN submitted_assignment s ON s.id = n.assignment_id
"""
FIXED = ["sqlite_master", "assignment", "notebook", "base_cell", "source_cell", "grade_cells"]
ACTIVE = {"script", "iframe", "object", "embed", "link", "meta", "base", "form", "style", "svg"}
#: How stock nbgrader tells of a submission it could not grade, while it went on with the others.
FAILED = re.compile("error processing assignment '.*' for student '(.*)'")
MUCH = 50e6  # bytes a submission may leave in the class folder


def tried(arena: Arena, attacks: list[Attack]) -> dict[str, list[str]]:
    """Return what each attack did, by its name, as "kind: what".

    All are handed in to one class. If that class was damaged as a whole, its halves are tried
    again, down to single attacks: so a grader that withstands all is asked once.
    """
    place, report = arena.attack(attacks)
    common, own = damage(arena, attacks, place, report)
    shutil.rmtree(place, ignore_errors=True)  # what was just killed may be writing still
    if common and len(attacks) > 1:
        half = len(attacks) // 2
        return tried(arena, attacks[:half]) | tried(arena, attacks[half:])
    return {name: common + found for name, found in own.items()}


def damage(arena: Arena, attacks: list[Attack], place: Path, report: Report):
    """Return what was done to the class, and what each attack did to its own marks and page."""
    common = []
    if not report.ended or not report.codes:
        common.append("stopped: the grader hung or was killed")
    shown = flags(place) | {name: ["failed"] for name in FAILED.findall(report.log)}
    if any(report.codes) and not FAILED.search(report.log):
        common.append(f"stopped: exit codes {report.codes}")
    common += [f"escaped: left running {line}" for line in report.left]
    common += [f"escaped: {report.knocks} connections to the instructor"] * bool(report.knocks)
    common += files(arena.template, place)
    now = gradebook(arena, place, common)
    own = {}
    for attack in attacks:
        student = mallory(attack)
        found = own[attack.name] = pages(arena, place, student)
        if now is not None:
            found += earned(attack, total(now.get(student, {})))
        if attack.flagged and not shown.get(student):
            found.append("unseen: no flag")
    return common, own


def scores(path: Path) -> dict[str, dict[str, tuple]]:
    """Return (points, automatic, by hand, waits for a person) by student and cell."""
    found = {}
    with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as database:
        for student, cell, *rest in database.execute(SCORES):
            found.setdefault(student, {})[cell] = tuple(rest)
    return found


def flags(place: Path) -> dict[str, list]:
    """Return what the course's grader shows a person, by student; stock nbgrader has no flags."""
    try:
        with closing(
            sqlite3.connect(f"file:{place / 'class/gradebook.db'}?mode=ro", uri=True)
        ) as book:
            rows = book.execute("SELECT student, flags FROM course_grading").fetchall()
        return {student: json.loads(text) for student, text in rows}
    except sqlite3.DatabaseError:
        return {}


def total(cells: dict) -> float:
    return sum(points for points, *_ in cells.values())


def earned(attack: Attack, points: float) -> list[str]:
    """Compare a mallory's points with what the attack deserves."""
    if points > attack.most + 1e-9:
        return [f"stole: {points:g} for {attack.most:g}"]
    if points < attack.least - 1e-9:
        return [f"robbed: {points:g} for {attack.least:g} earned"]
    return []


def gradebook(arena: Arena, place: Path, found: list[str]) -> dict | None:
    """Compare the gradebook with the one before; return all marks, or None if it is lost."""
    path, before = place / "class" / "gradebook.db", arena.template / "class" / "gradebook.db"
    if path.is_symlink() or not path.is_file():
        found.append("hurt: the gradebook is gone")
        return None
    try:
        now, was = scores(path), scores(before)
        fixed = [table for table in FIXED if dump(path, table) != dump(before, table)]
    except sqlite3.DatabaseError as error:
        found.append(f"hurt: the gradebook cannot be read: {error}")
        return None
    found += [f"hurt: the table {table} changed" for table in fixed]
    if now.get(BEFORE) != was[BEFORE]:
        found.append(f"robbed: marks of {BEFORE} changed")
    others = total(now.get(AFTER, {}))
    if others != FULL:
        found.append(f"{'robbed' if others < FULL else 'hurt'}: {AFTER} has {others:g} of {FULL}")
    return now


def dump(path: Path, table: str) -> list:
    """Return all rows of a table that no submission may change."""
    columns = "type, name, tbl_name, sql" if table == "sqlite_master" else "*"
    with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as database:
        known = [name for (name,) in database.execute("SELECT name FROM sqlite_master")]
        if table != "sqlite_master" and table not in known:
            return []
        return sorted(map(repr, database.execute(f"SELECT {columns} FROM {table}")))


def contents(place: Path) -> dict[str, str]:
    """Return a digest of every file that belongs to others, by its path."""
    kept = [place / "home" / "letter.txt"]
    for room in ("source", "release", f"submitted/{BEFORE}", f"submitted/{AFTER}"):
        kept += (place / "class" / room).rglob("*")
    kept += [
        place / "class" / "nbgrader_config.py",
        *(place / f"class/autograded/{BEFORE}").rglob("*"),
    ]
    found = {}
    for path in kept:
        if path.is_symlink():
            found[str(path.relative_to(place))] = f"link to {os.readlink(path)}"
        elif path.is_file():
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            found[str(path.relative_to(place))] = digest
    return found


def files(before: Path, after: Path) -> list[str]:
    """Compare the files of others; look for what was left behind."""
    was, now = contents(before), contents(after)
    changed = sorted(name for name in was.keys() | now.keys() if was.get(name) != now.get(name))
    found = [f"hurt: {name}" for name in changed]
    everything = [path for path in after.rglob("*") if not path.is_symlink()]
    found += [f"hurt: PWNED in {p.relative_to(after)}" for p in everything if "PWNED" in p.name]
    handed = after / "class" / "submitted"
    large = [path for path in everything if handed not in path.parents and path.is_file()]
    size = sum(path.stat().st_blocks * 512 for path in large)
    return found + [f"escaped: left {size / 1e6:.0f} MB"] * (size > MUCH)


def pages(arena: Arena, place: Path, student: str) -> list[str]:
    """Look through a mallory's feedback, as she sees it, and the outputs a grader opens."""
    found = []
    secrets = [TOKEN, f"{AFTER}-0815", f"{BEFORE}-0815", "73.59375"]
    for cell in arena.source_cells():
        secrets += [line for line in quiz_runner.lines_of(cell.source, "hidden") if len(line) > 30]
    for page in (place / "class" / "feedback" / student).rglob("*.html"):
        if page.is_symlink() or not page.is_file():
            continue
        text = page.read_text(encoding="utf-8", errors="replace")
        body = text[text.find("<body") :]
        plain = " ".join(html.unescape(re.sub("<[^>]*>", "", body)).split())
        shown = [secret for secret in secrets if " ".join(secret.split()) in plain]
        found += [f"leaked: {secret[:40]}" for secret in shown]
        reader = Active()
        reader.feed(text)
        found += [f"script: {what}" for what in reader.found]
    for graded in (place / "class" / "autograded" / student).rglob("*.ipynb"):
        if graded.is_file() and "PWNED by" in graded.read_text("utf-8", errors="replace"):
            found.append("escaped: its own outputs say so")
    return found


class Active(HTMLParser):
    """Finds what a browser would run or load, if it holds the word PWNED."""

    def __init__(self):
        super().__init__()
        self.found, self.open = [], ""

    def handle_starttag(self, tag, attributes):
        self.open = tag
        for name, value in attributes:
            address = re.sub(r"\s", "", value or "").lower()
            runs = name.startswith("on") or address.startswith(("javascript:", "data:text/html"))
            if "PWNED" in (value or "") and (runs or tag in ACTIVE):
                self.found.append(f"<{tag} {name}>")

    handle_startendtag = handle_starttag

    def handle_endtag(self, tag):
        self.open = ""

    def handle_data(self, data):
        if self.open in ("script", "style") and "PWNED" in data:
            self.found.append(f"<{self.open}>")
