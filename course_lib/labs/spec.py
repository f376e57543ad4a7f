"""How a lab is declared: its controls, presets, goal, prediction and view."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape

from course_lib import evidence
from course_lib.labs.view import Panel, View


@dataclass(frozen=True)
class Control:
    """One slider. Default, unit and range come from the evidence entry ``key``.

    ``stage`` 1 is visible from the start; 2 appears under "More controls". With ``log`` the
    slider is logarithmic: ``step`` is then in decades, at least 0.05, and the slider stands at
    values of two digits, such as 5.0 for the 5.01 that 14 steps of 0.05 make.
    """

    name: str
    label: str
    key: str
    step: float
    digits: int = 0
    stage: int = 1
    log: bool = False

    @property
    def quantity(self) -> evidence.Quantity:
        return evidence.get(self.key)

    @property
    def unit(self) -> str:
        """The unit as a label writes it."""
        shown = {
            "day": "days",
            "doses": "",
            "patients": "",
            "cycles": "",
            "1": "",
            "1/µm²": "per µm²",
        }
        return shown.get(self.quantity.unit, self.quantity.unit)

    @property
    def label_with_unit(self) -> str:
        return f"{self.label}, {self.unit}" if self.unit else self.label

    @property
    def default(self) -> float:
        return float(self.quantity.value)

    def shown(self, value: float) -> str:
        """Write a value as the screen does, with its unit."""
        number = f"{value:,.{self.digits}f}"
        if self.log:
            number = f"{value:,.0f}" if value >= 100 else f"{value:g}"
        return evidence.counted(number, self.unit)

    def nearest(self, value: float) -> float:
        """Return the value nearest to ``value`` at which the slider can stand."""
        low, high = self.quantity.low, self.quantity.high
        value = min(max(value, low), high)
        if self.log:
            steps = round((math.log10(value) - math.log10(low)) / self.step)
            return float(min(float(f"{low * 10 ** (steps * self.step):.2g}"), high))
        steps = round((value - low) / self.step)
        return float(min(round(low + steps * self.step, 12), high))  # 0.6, not 0.6000000000000001

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
class Choice:
    """One menu: ``options`` as (id, words) pairs. The id is what settings and ``view`` hold."""

    name: str
    label: str
    options: tuple[tuple[str, str], ...]
    start: str
    stage: int = 1

    @property
    def unit(self) -> str:
        return ""

    @property
    def label_with_unit(self) -> str:
        return self.label

    @property
    def default(self) -> str:
        return self.start

    def shown(self, value: str) -> str:
        """Return the words of an option."""
        return dict(self.options)[value]

    def checked(self, value: object) -> str:
        """Return ``value``; raise ValueError unless it is the id of an option."""
        if value not in dict(self.options):
            allowed = ", ".join(repr(name) for name, _ in self.options)
            raise ValueError(f"{self.name} must be one of {allowed}; you gave {value!r}.")
        return str(value)


#: What the controls of a lab stand at, by name: a float for a slider, an id for a menu.
Settings = dict[str, float | str]


@dataclass(frozen=True)
class Preset:
    """A named situation: a story beat of the lesson. Other controls return to the opening."""

    name: str
    settings: Settings


@dataclass(frozen=True)
class Goal:
    """A state to reach. ``solutions`` prove that it can be reached in several ways.

    ``reached`` judges what the student reads: readings by their ``shown`` value.
    """

    text: str
    reached: Callable[[Settings, View], bool]
    praise: str
    solutions: tuple[Settings, ...]


@dataclass(frozen=True)
class Question:
    """Options as (short id, text) pairs; the ids go into the predictions file."""

    text: str
    options: tuple[tuple[str, str], ...]

    def words(self, choice: str) -> str:
        return dict(self.options)[choice]


@dataclass(frozen=True)
class Prediction:
    """Predict, why, observe; then ``explain`` refers to all three.

    ``tried(settings)`` says whether the student has set what the prediction is about:
    only then does the lab ask what was observed. ``right`` is the option of ``predict`` that the
    model shows, or what else is named in ``shown_by``. ``explanation()`` says what happens and
    why, with numbers the model gives then. ``replies`` answer each observation, ``reasons`` those
    reasons that need a word, and ``afterword()`` ends the explanation.
    """

    predict: Question
    why: Question
    tried: Callable[[Settings], bool]
    observe: Question
    right: str
    explanation: Callable[[], str]
    replies: dict[str, str]
    reasons: dict[str, str] = field(default_factory=dict)
    afterword: Callable[[], str] = str
    shown_by: str = "model"

    def explain(self, record: dict[str, str]) -> str:
        """Return the explanation as HTML of a record of predict and why, if given, and observe.

        An option that is no more, in a record of an older version, counts as not given.
        """
        parts = [
            self._compared(record.get("predict", "")),
            self.explanation(),
            self.replies[record["observe"]],
            self.reasons.get(record.get("why", ""), ""),
            self.afterword(),
        ]
        return "".join(f"<p>{escape(part, quote=False)}</p>" for part in parts if part)

    def _compared(self, predicted: str) -> str:
        """Quote what was predicted and say whether it is shown; empty if it was skipped."""
        if predicted not in dict(self.predict.options):
            return ""
        shown = f"That is what the {self.shown_by} shows."
        verdict = shown if predicted == self.right else f"The {self.shown_by} shows something else."
        return f"You predicted: “{self.predict.words(predicted)}” {verdict}"


SIDES = (66, 112)


@dataclass(frozen=True)
class LabSpec:
    """Everything that makes one lab different from another."""

    name: str
    title: str
    lead: str
    controls: tuple[Control | Choice, ...]
    panels: tuple[Panel, ...]
    x_title: str
    x_range: tuple[float, float]
    view: Callable[..., View]
    presets: tuple[Preset, ...]
    goal: Goal
    prediction: Prediction
    #: Redraw while a slider moves; False for a view slower than about 50 ms.
    continuous: bool = True
    #: Pixels left of the panels, for axes, and right of them, for the names of lines.
    sides: tuple[int, int] = SIDES
    #: Show the plot only after the prediction, because the opening would give it away.
    blind: bool = False

    @property
    def defaults(self) -> Settings:
        return {c.name: c.default for c in self.controls}

    def at(self, **settings: float | str) -> View:
        """Return the view at these settings; what is not named stands as at the opening."""
        return self.view(**{**self.defaults, **settings})
