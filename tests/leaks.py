"""What no student may see, in the quizzes' own words, and where it is found.

A secret is an expression, a sentence or a number of a solution, a hidden test, a rubric or an
answer bank. What the released quiz shows as well is none. Both sides are compared without spaces,
quotes, brackets and signs, so that other formatting hides nothing; archives and pages are opened.
"""

from __future__ import annotations

import ast
import gzip
import html
import io
import json
import re
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import house

QUIZZES = house.ROOT / "notebooks" / "quizzes"
BLOCK = re.compile(r"### BEGIN (SOLUTION|HIDDEN TESTS)\n(.*?)### END \1", re.DOTALL)
#: So many letters and digits make an expression, a text or one of its sentences unlike any other:
#: a reply to a wrong answer may well say in a short sentence what a lesson teaches.
EXPRESSION, TEXT, SENTENCE = 18, 24, 60
SPEAKING = (ast.BinOp, ast.Compare, ast.Call, ast.Dict, ast.Tuple, ast.List, ast.Subscript)
#: What the course says in public, too: calls of its library, words of a case, the days of a year.
PUBLIC = {
    "autoimmuneimmunosuppressants",
    "model.cellsinsphere2",
    "model.equilibriarates",
    "subtypeher2positive",
    "subtypetriplenegativesettingmetastatic",
    "subtypetriplenegativesettingmetastaticbeforenone",
    "tumourcelllymphocytemacrophage",
    "365.25",
}
SIGNS = bytes(set(range(256)) - set(b"abcdefghijklmnopqrstuvwxyz0123456789."))


def plain(text: str) -> str:
    """The letters, digits and points of a text, in small letters."""
    return text.lower().encode().translate(None, SIGNS).decode()


def pieces(source: str) -> Iterator[str]:
    """The long expressions and sentences of a piece of Python, and its short answers."""
    for line in source.splitlines():
        if line.lstrip().startswith("#") and len(plain(line)) >= TEXT:
            yield plain(line)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if len(plain(node.value)) >= TEXT:
                yield plain(node.value)
            sentences = re.split(r"[.?!]\s", node.value + " ")
            yield from (plain(text) for text in sentences if len(plain(text)) >= SENTENCE)
        elif isinstance(node, (*SPEAKING, ast.Assign)):
            if len(found := plain(ast.unparse(node))) >= EXPRESSION:
                yield found
        elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
            digits = f"{node.value!r}".replace(".", "").strip("0")
            if len(digits) >= 4 and "e" not in digits and not 1900 < node.value < 2100:  # no year
                yield f"{node.value!r}"


def short_answers(source: str) -> Iterator[str]:
    """Patterns of answers too short to be told from other text without their spelling."""
    for found in re.finditer(r"""^(answer_\d+) = ["'](\w+)["']$""", source, re.MULTILINE):
        yield rf"""{found[1]}\s*=\s*\\?["']{found[2]}\\?["']"""


def sources(quiz: Path) -> tuple[list[str], str]:
    """A quiz's secret pieces of Python, and the text that everybody sees."""
    bank = tomllib.loads((quiz.parent / "answers.toml").read_text(encoding="utf-8"))
    answers = [*(e for i in bank["item"] for e in (*i.get("right", []), *i.get("wrong", [])))]
    hidden, shown = [entry["code"] for entry in answers], []
    for cell in json.loads(quiz.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        hidden += [found[2] for found in BLOCK.finditer(source)]
        shown.append(BLOCK.sub("", source))
    return hidden, "\n".join(shown)


@cache
def secrets() -> Mapping[str, tuple[frozenset[str], frozenset[str]]]:
    """{quiz: (pieces of plain text, patterns)}; every quiz has many."""
    known = {}
    for quiz in sorted(QUIZZES.glob("*/*.ipynb")):
        hidden, shown = sources(quiz)
        seen = plain(shown)
        found = {piece for source in hidden for piece in pieces(source) if piece not in seen}
        patterns = {answer for source in hidden for answer in short_answers(source)}
        known[quiz.stem] = frozenset(found - PUBLIC), frozenset(patterns)
    assert known, "no quiz source was found: this search would prove nothing"
    return known


def strings(value) -> Iterator[str]:
    """All text in a JSON value; a list of lines, as in a notebook, is one text."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        if value and all(isinstance(line, str) for line in value):
            yield "".join(value)
        else:
            for part in value:
                yield from strings(part)
    elif isinstance(value, dict):
        for key, part in value.items():
            if not key.startswith("image/"):
                yield from strings(part)


def readings(place: str, data: bytes) -> Iterator[tuple[str, str]]:
    """A file as a person could read it: archives unpacked, JSON and pages as their text."""
    if data[:4] == b"PK\3\4":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                yield from readings(f"{place}/{name}", archive.read(name))
    elif data[:2] == b"\x1f\x8b":
        yield from readings(place, gzip.decompress(data))
    elif data[257:262] == b"ustar":
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for member in filter(tarfile.TarInfo.isfile, archive):
                yield from readings(f"{place}/{member.name}", archive.extractfile(member).read())
    else:
        text = data.decode("utf-8", "replace")
        try:
            yield place, "\n".join(strings(json.loads(text)))
        except ValueError:
            yield place, text
            if "</" in text:
                yield place, html.unescape(re.sub(r"<[^>]*>", "", text))


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden ones as well; links are not followed."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def found(files: Mapping[str, bytes]) -> list[str]:
    """A sentence for each secret in these files: {place: bytes}."""
    told = set()
    for place, text in (each for item in files.items() for each in readings(*item)):
        bare, numbers = plain(text), set(re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?!\w|\.\d)", text))
        windows = (bare[at : at + EXPRESSION] for at in range(len(bare)))
        starts = set(filter(beginnings().__contains__, windows))
        for quiz, (known, patterns) in secrets().items():
            here = {piece for piece in known if piece[:EXPRESSION] in starts and piece in bare}
            here |= known & numbers
            here |= {pattern for pattern in patterns if re.search(pattern, text)}
            told |= {f"{place} holds a secret of {quiz}: {piece}" for piece in here}
    return sorted(told)


@cache
def beginnings() -> frozenset[str]:
    """How the long secrets begin: a quick look for these spares most files the search."""
    return frozenset(piece[:EXPRESSION] for known, _ in secrets().values() for piece in known)
