"""How a lab is declared: its controls, presets, goal, prediction and view."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from course_lib import evidence
from course_lib.labs.view import Panel, View


@dataclass(frozen=True)
class Control:
    """One slider. Default, unit and range come from the evidence entry ``key``.

    ``stage`` 1 is visible from the start; 2 appears under "More controls".
    """

    name: str
    label: str
    key: str
    step: float
    digits: int = 0
    stage: int = 1

    @property
    def quantity(self) -> evidence.Quantity:
        return evidence.get(self.key)

    @property
    def unit(self) -> str:
        """The unit as a label writes it."""
        shown = {"day": "days", "doses": "", "patients": "", "cycles": "", "1": ""}
        return shown.get(self.quantity.unit, self.quantity.unit)

    @property
    def label_with_unit(self) -> str:
        return f"{self.label}, {self.unit}" if self.unit else self.label

    def checked(self, value: object) -> float:
        """Return ``value`` as a float; raise ValueError if it is outside the range."""
        low, high = self.quantity.low, self.quantity.high
        try:
            number = float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            number = math.nan
        if not low <= number <= high:  # also refuses NaN
            raise ValueError(
                f"{self.name} must be a number {self._allowed(low, high)}; you gave {value!r}."
            )
        return number

    def _allowed(self, low: float, high: float) -> str:
        return f"between {low:g} and {high:g} {self.unit}".strip()


@dataclass(frozen=True)
class Preset:
    """A named situation: a story beat of the lesson. Other controls return to the opening."""

    name: str
    settings: dict[str, float]


@dataclass(frozen=True)
class Goal:
    """A state to reach. ``solutions`` prove that it can be reached in several ways."""

    text: str
    reached: Callable[[dict[str, float], View], bool]
    praise: str
    solutions: tuple[dict[str, float], ...]


@dataclass(frozen=True)
class Question:
    """Options as (short id, text) pairs; the ids go into the predictions file."""

    text: str
    options: tuple[tuple[str, str], ...]

    def words(self, choice: str) -> str:
        return dict(self.options)[choice]


@dataclass(frozen=True)
class Prediction:
    """Predict, why, observe; then ``explain(record) -> html`` refers to all three.

    ``tried(settings)`` says whether the student has set what the prediction is about:
    only then does the lab ask what was observed.
    """

    predict: Question
    why: Question
    tried: Callable[[dict[str, float]], bool]
    observe: Question
    explain: Callable[[dict[str, str]], str]

    def compared(self, record: dict[str, str], right: str) -> list[str]:
        """Quote what was predicted and say whether the model agrees; nothing if it was skipped."""
        if "predict" not in record:
            return []
        agrees = record["predict"] == right
        verdict = "That is what the model shows." if agrees else "The model shows something else."
        return [f"You predicted: “{self.predict.words(record['predict'])}” {verdict}"]


@dataclass(frozen=True)
class LabSpec:
    """Everything that makes one lab different from another."""

    name: str
    title: str
    lead: str
    controls: tuple[Control, ...]
    panels: tuple[Panel, ...]
    x_title: str
    x_range: tuple[float, float]
    view: Callable[..., View]
    presets: tuple[Preset, ...]
    goal: Goal
    prediction: Prediction
    #: Redraw while a slider moves; False for a view slower than about 50 ms.
    continuous: bool = True

    @property
    def defaults(self) -> dict[str, float]:
        return {c.name: float(c.quantity.value) for c in self.controls}
