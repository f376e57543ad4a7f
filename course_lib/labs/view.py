"""What a lab shows at one setting, as plain data: series, sentence, numbers, table.

Nothing here draws or needs a kernel. The same ``View`` becomes the live plot
(``figure.py``), the sentence a screen reader hears, and the text and HTML that
stay in a saved notebook.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import ArrayLike

from course_lib.evidence import counted
from course_lib.tables import together

#: Hue is the actor, in every plot and picture of the course. Each reaches a
#: contrast of 3:1 on the white plot background (tests/labs/test_figure.py).
ACTORS = {
    "tumour": "#B34E00",
    "t_cell": "#0072B2",
    "drug": "#007D5A",
    "toxicity": "#A6477F",
    "healthy": "#6E6E6E",
    "control": "#000000",
}


@dataclass(frozen=True)
class Panel:
    """One set of axes. The ranges are fixed, so that motion has meaning."""

    title: str
    y_title: str
    y_range: tuple[float, float]
    log: bool = False
    #: (value, label) pairs instead of numbers on the y axis: a panel of ``Texts``.
    ticks: tuple[tuple[float, str], ...] = ()
    #: Relative to the other panels.
    height: float = 1.0
    #: An x axis of its own instead of the lab's: its title, range in data units, and scale.
    x_title: str = ""
    x_range: tuple[float, float] | None = None
    x_log: bool = False
    #: Names of the two controls, for x and y, that a click into the panel sets.
    sets: tuple[str, ...] = ()

    @classmethod
    def two_rows(cls, title: str, above: str, below: str) -> Panel:
        """Return a low panel of ``Texts``: two named rows, at 1 and at 0."""
        ticks = ((1, f" {above}"), (0, f" {below}"))
        return cls(title, "", (-0.7, 1.7), ticks=ticks, height=0.35)


@dataclass(frozen=True)
class Series:
    """One line, or points: ``x`` and ``y`` have the same shape; NaN leaves a gap."""

    name: str
    panel: int
    x: np.ndarray
    y: np.ndarray
    actor: str
    dash: str = "solid"
    #: False for reference lines and borders: they get no "before" ghost, though they may change.
    moves: bool = True
    #: True for a survival curve: level until the next point.
    steps: bool = False
    #: Points instead of a line, with this plotly symbol, such as "circle-open".
    symbol: str = ""
    #: False if no name stands at its end: the name then appears elsewhere, or on hovering.
    label: bool = True


def point(
    name: str, panel: int, x: ArrayLike, y: ArrayLike, actor: str, symbol: str, moves: bool = True
) -> Series:
    """Return marks at ``x`` and ``y``: numbers, or arrays of one shape. No name stands beside."""
    places = np.atleast_1d(x), np.atleast_1d(y)
    return Series(name, panel, *places, actor, moves=moves, symbol=symbol, label=False)


def gaps_below(values: np.ndarray, least: float) -> np.ndarray:
    """Return what a log axis from ``least`` on can show: it has no zero, so smaller is a gap."""
    return np.where(values >= least, values, np.nan)


@dataclass(frozen=True)
class Texts:
    """Numbers written into a panel, such as patients at risk; shapes (texts,)."""

    name: str
    panel: int
    x: np.ndarray
    y: np.ndarray
    texts: tuple[str, ...]
    position: str = "middle center"  # plotly's word for where the text lies at its point


@dataclass(frozen=True)
class Reading:
    """One key number of a view, rounded as the screen shows it.

    Below ``least`` it reads "less than ...": a model's 0.04 mm is no measurement. From ``most``
    on it reads "more than ...": what did not happen while the model ran.
    """

    label: str
    value: float
    unit: str
    digits: int = 0
    least: float = 0.0
    most: float = np.inf

    def __str__(self) -> str:
        return self._with(f",.{self.digits}f")

    @property
    def shown(self) -> float:
        """The value as it is read: what a goal judges, so that it agrees with the screen."""
        return round(self.value, self.digits)

    def precise(self) -> str:
        """The value to three digits."""
        return self._with(".3g")

    def _with(self, form: str) -> str:
        if self.value < self.least:
            return counted(f"less than {self.least:g}", self.unit)
        if self.value >= self.most:
            return counted(f"more than {self.most:g}", self.unit)
        return counted(f"{self.value:{form}}", self.unit)


@dataclass(frozen=True)
class Table:
    """The plotted numbers: first column names the row."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @classmethod
    def of(
        cls, caption: str, columns: dict[str, Iterable], form: str | Callable[[float], str] = ".1f"
    ) -> Table:
        """Build a table of columns by their headings; ``form`` says how numbers are written."""
        write = form if callable(form) else lambda number: format(number, form)
        cells = [
            [each if isinstance(each, str) else write(each) for each in column]
            for column in columns.values()
        ]
        return cls(caption, tuple(columns), tuple(zip(*cells, strict=True)))

    def html(self) -> str:
        head = "".join(f'<th scope="col">{together(c)}</th>' for c in self.columns)
        body = "".join(
            f'<tr><th scope="row">{together(row[0])}</th>'
            + "".join(f"<td>{together(cell)}</td>" for cell in row[1:])
            + "</tr>"
            for row in self.rows
        )
        return (
            f'<table class="course-data"><caption>{together(self.caption)}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )


@dataclass(frozen=True)
class View:
    """Everything a lab shows at one setting."""

    series: tuple[Series, ...]
    #: One or two sentences: what the plot shows now.
    sentence: str
    #: What is drawn, for readers who do not see the plot.
    alt: str
    readings: tuple[Reading, ...]
    table: Table
    texts: tuple[Texts, ...] = ()

    def change(self, before: View) -> str:
        """Say how the key numbers moved since ``before``; empty if none did."""
        moved = [
            f"{now.label}: {then}, now {now}"
            for then, now in zip(before.readings, self.readings, strict=True)
            if str(then) != str(now)
        ]
        return ". ".join(moved) + "." if moved else ""

    def text(self) -> str:
        """The sentence and the key numbers to three digits: what nbval compares."""
        numbers = "\n".join(f"  {r.label}: {r.precise()}" for r in self.readings)
        return f"{self.sentence}\n{numbers}"

    def html(self, title: str) -> str:
        """What a reader without a kernel sees; ``./course author`` adds the picture."""
        return (
            f'<div class="course-lab-saved" role="group" aria-label="{escape(title)}">'
            f"<p><strong>{escape(title)}.</strong> {together(self.sentence)}</p>"
            f"{PICTURE_SLOT}"
            "<p>The lab is asleep. To wake it, choose <em>Run</em>, then "
            "<em>Run All Cells</em>.</p>"
            f"<details><summary>Show data</summary>{self.table.html()}</details></div>"
        )


#: Replaced by the committed picture; nbval's sanitize file removes that picture again.
PICTURE_SLOT = "<!-- picture -->"
