"""Notebooks with random damage, and what each of them must still earn."""

from __future__ import annotations

import json
import random

import damage
from arena import FULL, run

ODD = (
    None,
    True,
    0,
    -1,
    4.5,
    10**30,
    "",
    "x",
    "\ud800",
    "../..",
    [],
    {},
    [None],
    {"x": []},
    "y" * 5000,
)


def mutated(notebook, seed: int) -> tuple[bytes, dict[str, str] | None]:
    """Return a damaged copy of a notebook, and the answers still in it by grade_id.

    The answers are None if the file may be unreadable: then only a flag is asked for.
    """
    dice = random.Random(seed)
    tree = json.loads(json.dumps(notebook))
    for _ in range(dice.randint(1, 4)):
        dice.choice([_replace, _remove, _move, _copy, _retype])(tree, dice)
    text = json.dumps(tree).encode("utf-8", "replace")
    if dice.random() < 0.2:
        text = dice.choice([_cut, _flip, _insert])(text, dice)
    return text, _answers(text)


def _places(tree) -> list[tuple]:
    """Return (container, key) of everything in a tree of JSON."""
    found, waiting = [], [tree]
    while waiting:
        one = waiting.pop()
        keys = one if isinstance(one, dict) else range(len(one))
        for key in keys:
            found.append((one, key))
            if isinstance(one[key], dict | list):
                waiting.append(one[key])
    return found


def _replace(tree, dice):
    where, key = dice.choice(_places(tree))
    where[key] = dice.choice(ODD)


def _remove(tree, dice):
    where, key = dice.choice(_places(tree))
    del where[key]


def _lists(tree) -> list[list]:
    return [
        where[key] for where, key in _places(tree) if isinstance(where[key], list) and where[key]
    ]


def _move(tree, dice):
    """Take one thing of a list and put it elsewhere in a list, most often a cell among cells."""
    lists = _lists(tree) or [[0]]
    source = dice.choice(lists)
    thing = source.pop(dice.randrange(len(source)))
    target = dice.choice([source, dice.choice(lists)])
    target.insert(dice.randint(0, len(target)), thing)


def _copy(tree, dice):
    lists = _lists(tree) or [[0]]
    chosen = dice.choice(lists)
    chosen.append(json.loads(json.dumps(dice.choice(chosen))))


def _retype(tree, dice):
    where, key = dice.choice(_places(tree))
    where[key] = dice.choice([str(where[key]), [where[key]], {"x": where[key]}])


def _cut(text, dice):
    return text[: dice.randrange(len(text))]


def _flip(text, dice):
    place = dice.randrange(len(text))
    return text[:place] + bytes([dice.randrange(256)]) + text[place + 1 :]


def _insert(text, dice):
    place = dice.randrange(len(text))
    return text[:place] + dice.choice([b"\0", b'"', b"[", b"{", b"\xff", b"\\u12"]) + text[place:]


def _answers(text: bytes) -> dict[str, str] | None:
    """Return the code of every answer cell that is there once and whole, or None."""
    try:
        cells, found = json.loads(text)["cells"], {}
        for cell in cells:
            name = cell["metadata"]["nbgrader"]["grade_id"]
            if name in found:
                return None  # which of the two counts is the grader's choice
            if cell["cell_type"] == "code" and isinstance(cell["source"], str):
                found[name] = cell["source"]
        return found
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def unfair(room, place, handed: dict[str, tuple]) -> list[str]:
    """Grade damaged notebooks, ``mutated`` by student; return a sentence for each wrong outcome."""
    room.crowd(place, {name: text for name, (text, _) in handed.items()})
    report = run(place, [(*room.grader.grade, room.name)], 300 + 20 * len(handed))
    found = [] if report.codes == [0] else [f"exit codes {report.codes}: {report.log[-2000:]}"]
    marks, flags = damage.scores(place / "class" / "gradebook.db"), damage.flags(place)
    for name, (_, answers) in handed.items():
        points, least = damage.total(marks.get(name, {})), deserved(room.honest, answers)
        if name not in marks:
            found.append(f"{name}: no marks")
        elif points > FULL or (points < least and not flags.get(name)):
            found.append(f"{name}: {points:g} points, not {least:g} or more, and no flag")
    return found


def deserved(notebook, answers: dict[str, str] | None) -> float:
    """Return the points of the answers that are still as they were in ``notebook``."""
    cells = {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells}
    found = 0.0
    for name in filter(lambda name: name.endswith("_test"), cells if answers else ()):
        answer = name.replace("_test", "_answer")
        if answers.get(answer) == cells[answer].source:
            found += cells[name].metadata.nbgrader.points
    return found
