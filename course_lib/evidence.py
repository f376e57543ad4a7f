"""Every number the course uses, with its unit, range, source, status and date.

Entries live in ``assets/evidence/<topic>.toml``; their sources in
``assets/references.bib``.  Reading is strict: an entry with a missing or
unknown field, an unknown source or a value outside its own range is refused
with a message that names the file and the key.
"""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from dataclasses import MISSING, dataclass, fields
from datetime import date
from functools import cache
from pathlib import Path

from course_lib import bibliography
from course_lib.bibliography import Reference

_HERE = Path(__file__).resolve().parent
ASSETS = _HERE / "assets" if (_HERE / "assets").is_dir() else _HERE.parent / "assets"

KINDS = (
    "measured",
    "model fit",
    "trial result",
    "regulation",
    "calibrated",
    "calculated",
    "assumption",
    "definition",
)
STATUSES = ("read", "recalled", "open", "own")
TESTED = ("met", "not met", "not formally tested", "exploratory", "descriptive")
_DATED = ("as_of", "population", "review_by")
_NEEDS = {
    "trial result": (*_DATED, "trial", "endpoint", "n"),
    "regulation": (*_DATED, "jurisdiction"),
}
#: What a unit is called if there is one of it.
ONE = {"patients": "patient", "people": "person", "points": "point", "cells": "cell"}
ONE |= {f"{each}s": each for each in ("step", "hour", "day", "week", "month", "year")}
_MANY = re.compile(rf"^((?:tumour |effector )?)({'|'.join(ONE)})\b")
_ARMS = ("experimental", "control", "arm_unit", "experimental_arm", "control_arm")


class EvidenceError(ValueError):
    """The registry itself is wrong; the message says in which file and entry."""


@dataclass(frozen=True)
class Quantity:
    """One entry.  In a trial result ``low`` and ``high`` are the 95 % confidence interval."""

    key: str
    topic: str
    value: float | int | str
    unit: str
    kind: str
    source: str
    status: str
    note: str
    low: float | None = None
    high: float | None = None
    label: str = ""
    as_of: date | None = None
    population: str = ""
    review_by: date | None = None
    jurisdiction: str = ""
    trial: str = ""
    endpoint: str = ""
    experimental: float | None = None
    control: float | None = None
    arm_unit: str = ""
    experimental_arm: str = ""
    control_arm: str = ""
    n: int | None = None
    tested: str = ""
    data_cut: str = ""
    p_value: str = ""


_TYPES = {f.name: f.type for f in fields(Quantity)}
_OWN_FIELDS = ("key", "topic")
_REQUIRED = [f.name for f in fields(Quantity) if f.default is MISSING and f.name not in _OWN_FIELDS]


def read_topic(path: Path, references: dict[str, Reference]) -> dict[str, Quantity]:
    """Read one topic file; refuse anything that is not exactly an entry."""
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise EvidenceError(f"{path.name}: not valid TOML: {error}") from error
    found: dict[str, Quantity] = {}

    def walk(node: dict, key: str) -> None:
        if node and all(isinstance(child, dict) for child in node.values()):
            for name, child in node.items():
                walk(child, f"{key}.{name}" if key else name)
        else:
            found[key] = _entry(f"{path.name}, '{key}'", key, path.stem, node, references)

    walk(tree, "")
    return found


def _entry(where: str, key: str, topic: str, raw: dict, references: dict) -> Quantity:
    def refuse(reason: str) -> None:
        raise EvidenceError(f"{where}: {reason}")

    for name in raw:
        if name not in _TYPES or name in _OWN_FIELDS:
            refuse(f"unknown field '{name}'")
    kind = raw.get("kind")
    for name in (*_REQUIRED, *_NEEDS.get(kind, ())):
        if name not in raw or raw[name] == "":
            refuse(f"the field '{name}' is missing" + (f" (kind '{kind}')" if kind else ""))
    for name, value in raw.items():
        if type(value).__name__ not in _TYPES[name].replace("float", "float | int").split(" | "):
            refuse(f"'{name}' is {value!r}, but should be of type {_TYPES[name]}")
        if isinstance(value, float) and not math.isfinite(value):
            refuse(f"'{name}' is {value!r}, but must be finite")
    for name, allowed in (("kind", KINDS), ("status", STATUSES), ("tested", TESTED)):
        if name in raw and raw[name] not in allowed:
            refuse(f"{name} '{raw[name]}' is not one of: {', '.join(allowed)}")
    if raw["source"] not in references:
        refuse(f"source '{raw['source']}' is not in references.bib")
    if (raw["status"] == "own") != (raw["source"] == "course"):
        refuse("status 'own' and source 'course' belong together")
    if isinstance(raw["value"], str) != (raw["unit"] == "text"):
        refuse("a text value has the unit 'text', and a number has another unit")
    if any(name in raw for name in _ARMS) and not all(name in raw for name in (*_ARMS, "tested")):
        refuse(f"arms are incomplete: give all of {', '.join(_ARMS)} and tested, or none")
    if raw["unit"] == "hazard ratio" and not all(name in raw for name in ("low", "high", "tested")):
        refuse("a hazard ratio needs 'low', 'high' and 'tested'")
    low, high = raw.get("low"), raw.get("high")
    if (low is None) != (high is None):
        refuse("'low' and 'high' belong together")
    if low is not None and (isinstance(raw["value"], str) or not low <= raw["value"] <= high):
        refuse(f"value {raw['value']} lies outside {low} to {high}")
    if "review_by" in raw and not ("as_of" in raw and raw["as_of"] < raw["review_by"]):
        refuse("'review_by' needs an earlier 'as_of'")
    label = raw.get("label") or key.replace("_", " ").replace(".", ": ")
    return Quantity(key=key, topic=topic, **(raw | {"label": label}))


@cache
def _references() -> dict[str, Reference]:
    return bibliography.read(ASSETS / "references.bib")


@cache
def _registry() -> dict[str, Quantity]:
    everything: dict[str, Quantity] = {}
    for path in sorted((ASSETS / "evidence").glob("*.toml")):
        for key, quantity in read_topic(path, _references()).items():
            if key in everything:
                other = everything[key].topic
                raise EvidenceError(f"{path.name}, '{key}': also given in {other}.toml")
            everything[key] = quantity
    return everything


def _find(what: str, key: str, among: dict):
    if key not in among:
        near = difflib.get_close_matches(str(key), among, n=3, cutoff=0.4)
        hint = f"; nearest: {', '.join(near)}" if near else ""
        raise KeyError(f"no {what} '{key}'{hint}")
    return among[key]


def get(key: str) -> Quantity:
    """The entry of this key; an unknown key raises KeyError naming the nearest ones."""
    return _find("evidence entry", key, _registry())


def topics() -> list[str]:
    """The names of all topics, sorted."""
    return sorted({quantity.topic for quantity in _registry().values()})


def topic(name: str) -> dict[str, Quantity]:
    """All entries of one topic, in the order of its file."""
    if name not in topics():
        raise KeyError(f"no evidence topic '{name}'; there are: {', '.join(topics())}")
    return {key: quantity for key, quantity in _registry().items() if quantity.topic == name}


def reference(source: str) -> Reference:
    """The reference behind a source key."""
    return _find("reference", source, _references())


def due(today: date) -> list[Quantity]:
    """Entries past their review date, the oldest first."""
    late = [q for q in _registry().values() if q.review_by is not None and q.review_by < today]
    return sorted(late, key=lambda quantity: (quantity.review_by, quantity.key))


def shown(value: float | int | str, unit: str = "") -> str:
    """A value as the course prints it: a hazard ratio with two decimals, 206,000 with a comma."""
    if isinstance(value, str):
        return value
    if unit == "hazard ratio":
        return f"{value:.2f}"
    return f"{value:,.0f}" if isinstance(value, int) or abs(value) >= 10_000 else repr(value)


def counted(number: str, unit: str) -> str:
    """Write a number with its unit: "2 days", but "1 day" and "less than 1 tumour cell"."""
    if number.rpartition(" ")[2] == "1":
        unit = _MANY.sub(lambda found: found[1] + ONE[found[2]], unit)
    return f"{number} {unit}".strip()


def describe(key: str) -> str:
    """One entry as plain text, for ``./course evidence KEY``."""
    quantity, lines = get(key), []
    source = reference(quantity.source)
    for field in fields(Quantity):
        value = getattr(quantity, field.name)
        if value in ("", None) or field.name in ("key", "label", "source"):
            continue
        if isinstance(value, float | int):
            unit = quantity.unit if field.name in ("value", "low", "high") else quantity.arm_unit
            value = shown(value, unit)
        lines.append(f"  {field.name.replace('_', ' '):<18}{value}")
    lines.append(f"  {'source':<18}{source.text}{' ' + source.url if source.url else ''}")
    return "\n".join([f"{key}: {quantity.label}", *lines])
