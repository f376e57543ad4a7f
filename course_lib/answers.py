"""The form of a quiz answer: read it if it can be read, else say kindly what is missing.

A visible test of a quiz calls ``checked``; the hidden tests then judge what it returned. Nothing
here knows a right answer. Standard library only: it is also imported where answers are graded.
"""

from __future__ import annotations

import json
import numbers
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf


@dataclass(frozen=True)
class Number:
    """A number: ``what`` it is in words, an ``example``, and the least and greatest allowed."""

    what: str
    example: float
    low: float = -inf
    high: float = inf

    def read(self, name: str, value: object) -> float:
        """Return ``value`` as a float; raise AssertionError naming what was expected."""
        wanted = f"{name} should be {self.what}"
        real = isinstance(value, numbers.Real) and not isinstance(value, bool)
        _require(real, f"{wanted}, not {value!r}.")
        number = float(value)
        _require(abs(number) < inf, f"{wanted}, not {number}.")
        span = f"between {self.low:,g} and {self.high:,g}"
        if self.high == inf:
            span = f"{self.low:,g} or more"
        _require(self.low <= number <= self.high, f"{wanted}, {span}. You gave {number:g}.")
        return number


@dataclass(frozen=True)
class Word:
    """One of several words, in any spelling that is plainly meant.

    Capitals, a full stop, brackets, hyphens, "the", a plural s and "tumor" do not matter. ``also``
    gives the option that another wording stands for.
    """

    options: tuple[str, ...]
    example: str = "..."
    also: Mapping[str, str] = field(default_factory=dict)

    def read(self, name: str, value: object) -> str:
        """Return the option that ``value`` means; raise AssertionError naming them all."""
        known = {_plain(option): option for option in self.options}
        known |= {_plain(wording): option for wording, option in self.also.items()}
        quoted = [f'"{option}"' for option in self.options]
        wanted = f"{name} should be {', '.join(quoted[:-1])} or {quoted[-1]}"
        _require(isinstance(value, str), f"{wanted}, in quotes, not {value!r}.")
        _require(_plain(value) in known, f"{wanted}, not {value!r}.")
        return known[_plain(value)]


@dataclass(frozen=True)
class Several:
    """As many values in brackets, such as a pair of numbers."""

    parts: tuple[Number | Word, ...]

    @property
    def example(self) -> list:
        return [part.example for part in self.parts]

    def read(self, name: str, value: object) -> tuple:
        """Return what each value means; raise AssertionError if one is missing or unreadable."""
        wanted = f"{name} should be {len(self.parts)} values in brackets"
        _require(isinstance(value, list | tuple), f"{wanted}, not {value!r}.")
        _require(len(value) == len(self.parts), f"{wanted}, not {value!r}.")
        return tuple(part.read(name, each) for part, each in zip(self.parts, value, strict=True))


Form = Number | Word | Several


def checked(name: str, answer: object, form: Form | Mapping[str, Form]):
    """Return ``answer`` in plain numbers and words, if it has this ``form``, and say so.

    Arguments: the answer's name, such as "answer_1"; the answer; the form of a single value, or
    that of each field by name.
    Raises AssertionError, which shows the form once more, or names the field and what it may be.
    """
    if isinstance(form, Mapping):
        example = json.dumps({field: each.example for field, each in form.items()})
        wanted = f"{name} should look like {example}. You gave {answer!r}."
        _require(isinstance(answer, dict), wanted)
        _require(set(answer) == set(form), wanted)
        found = {field: each.read(field, answer[field]) for field, each in form.items()}
    else:
        found = form.read(name, answer)
    print(f"{name} has the right form.")
    return found


def _require(holds: bool, message: str) -> None:
    """Raise AssertionError with this message; unlike ``assert`` also where Python optimises."""
    if not holds:
        raise AssertionError(message)


def _plain(word: str) -> str:
    """Return a word without what does not matter in it."""
    word = word.strip(" .()").lower().replace("-", " ").replace("tumor", "tumour")
    word = word.removeprefix("in ").removeprefix("the ")
    return word.removesuffix("s")
