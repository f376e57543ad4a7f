"""The sources behind the numbers: a reader for ``assets/references.bib``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path


class BibliographyError(ValueError):
    """The bibliography cannot be read; the message says where."""


@dataclass(frozen=True)
class Reference:
    """One source; ``text`` is the citation as a sentence, ``short`` its name and year."""

    key: str
    authors: str
    title: str
    container: str
    year: str
    doi: str
    url: str
    text: str
    short: str


COURSE = Reference("course", "", "", "", "", "", "", "This course.", "this course")


def read(path: Path) -> dict[str, Reference]:
    """Read a plain .bib file: one field a line, ``name = {value},``."""
    entries: dict[str, dict[str, str]] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        line = line.strip()
        if not line or line == "}" or line.startswith("%"):
            continue
        if start := re.fullmatch(r"@\w+\{([\w-]+),", line):
            if start[1] in entries or start[1] == COURSE.key:
                raise BibliographyError(f"{path.name}, line {number}: '{start[1]}' is taken")
            current = entries[start[1]] = {}
        elif entries and (field := re.fullmatch(r"(\w+)\s*=\s*\{(.*)\},?", line)):
            current[field[1].lower()] = field[2]
        else:
            raise BibliographyError(f"{path.name}, line {number}: cannot read '{line}'")
    found = {COURSE.key: COURSE}
    for key, entry in entries.items():
        for name in ("author", "title", "year"):
            if not entry.get(name):
                raise BibliographyError(f"{path.name}, '{key}': the field '{name}' is missing")
        if not any(entry.get(name) for name in ("journal", "booktitle", "publisher")):
            raise BibliographyError(f"{path.name}, '{key}': no journal, booktitle or publisher")
        found[key] = _reference(key, entry)
    return found


def _reference(key: str, entry: dict[str, str]) -> Reference:
    container = entry.get("journal") or entry.get("booktitle") or entry["publisher"]
    institution = entry["author"].startswith("{")
    names = [entry["author"].strip("{}")] if institution else entry["author"].split(" and ")
    authors = ", ".join("et al" if name == "others" else name for name in names)
    first = names[0] if institution else names[0].rsplit(" ", 1)[0]
    place = f";{entry['volume']}" if entry.get("volume") else ""
    place += f":{entry['pages']}" if entry.get("pages") else ""
    # "Merck 2021", but "Merck, undated".
    year = ", undated" if entry["year"] == "undated" else f" {entry['year']}"
    where = entry["year"] if container == authors else container + year
    doi = entry.get("doi", "")
    return Reference(
        key=key,
        authors=authors,
        title=entry["title"],
        container=container,
        year=entry["year"],
        doi=doi,
        url=f"https://doi.org/{doi}" if doi else entry.get("url", ""),
        text=f"{authors}. {entry['title'].rstrip('.')}. {where}{place}.",
        short=first + year,
    )
