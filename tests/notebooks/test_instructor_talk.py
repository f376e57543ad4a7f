"""What docs/instructor says to teachers: the rules of the lessons hold there, too."""

from __future__ import annotations

import re
import tomllib

import pytest

import prose
from course_lib import evidence
from test_lessons import ACTORS, AMERICAN, MINDS, forms

FOLDER = prose.ROOT / "docs" / "instructor"
TALKS = pytest.mark.parametrize("lesson", prose.LESSONS, ids=lambda path: path.stem)
NUMBER = re.compile(r"(?<![\w.,-])\d[\d.,]*(?<![.,])(?![\w-])")
#: Numbers that are names, or what something is counted of.
NAMES = re.compile(r"lesson \d\d|CALGB \d+|of 1,000|past 1\b", re.IGNORECASE)


def entries(lesson):
    talk = tomllib.loads((FOLDER / f"{lesson.stem[3:]}.toml").read_text(encoding="utf-8"))
    assert set(talk) == {"discuss", "asked"}
    for kind, reply in (("discuss", "listen"), ("asked", "answer")):
        assert len(talk[kind]) >= 3, kind
        for entry in talk[kind]:
            assert {"question", reply} <= set(entry) <= {"question", reply, "evidence"}
            assert entry["question"].rstrip("”").endswith((".", "?"))
            yield entry["question"], entry[reply], entry.get("evidence", [])


def covered(key):
    """The numbers that an entry of the evidence prints."""
    quantity = evidence.get(key)
    assert quantity.status != "open", key
    return (
        NUMBER.findall(quantity.value) if quantity.unit == "text" else [*forms(quantity, "value")]
    )


@TALKS
def test_every_number_is_one_of_the_evidence_that_it_names(lesson):
    for question, reply, keys in entries(lesson):
        found = set(NUMBER.findall(NAMES.sub("", f"{question} {reply}")))
        assert found <= {number for key in keys for number in covered(key)}, question


@TALKS
def test_it_is_plain_and_british_and_no_cell_wants_anything(lesson):
    for question, reply, _ in entries(lesson):
        for words in (question, reply):
            for sentence in prose.sentences(words):
                assert len(prose.words(sentence)) <= 25, sentence
            assert not re.search(AMERICAN, words, re.IGNORECASE), words
            mind = re.search(rf"\b{ACTORS} (?:(?!and\b|or\b)\w+ )?{MINDS}\b", words, re.I)
            assert not mind, words


def test_there_is_a_talk_for_each_lesson_and_no_other():
    names = {path.stem for path in FOLDER.glob("*.toml")}
    assert names == {path.stem[3:] for path in prose.LESSONS}
