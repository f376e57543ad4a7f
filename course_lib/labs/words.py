"""A lab's plots in words, for readers who do not see them: what is drawn, extremes, trend."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np

from course_lib.evidence import counted
from course_lib.labs.spec import LabSpec
from course_lib.labs.view import Series, Texts

COUNTS = ("No plot", "One plot", "Two plots", "Three plots", "Four plots", "Five plots")
#: From here on a number is told in millions or billions, as one reads it aloud.
LARGE = ((1e9, "billion"), (1e6, "million"))
#: No number of a table is told in full above this: no body holds so many cells.
MOST = 1e14
#: A line may begin or end this far, as a share of the axis, from the axis's own ends.
NEAR = 0.02


def short(value: float) -> float:
    """Round to three digits."""
    return float(f"{value:.3g}")


def decimals(value: float, figures: int = 3) -> int:
    """Say how many decimals write a value above zero with so many figures, at most three."""
    return min(3, max(0, figures - 1 - math.floor(math.log10(value)))) if value > 0 else 0


def aloud(number: float) -> str:
    """Write a number that is already rounded as one reads it aloud: 1,200, or 25 million."""
    for size, name in LARGE:
        if number >= size:
            return f"{number / size:,g} {name}"
    return f"{number:,g}"


def figures(value: float, least: float = 0.001) -> str:
    """Write a number with three digits, as one reads it aloud: 21,500, not 2.15e+04."""
    if 0 < value < least:
        return f"less than {least:g}"
    return aloud(short(value)) if value < MOST else f"more than {aloud(MOST)}"


def nanomolar(value: float) -> str:
    """Write a concentration in nM with three digits."""
    return f"{short(value):,g} nM"


def millimetres(size: float) -> str:
    """Write a size of a tumour as a scan can measure it."""
    return f"{size:.0f} mm" if size >= 1 else "less than 1 mm"


def listed(words: Sequence[str]) -> str:
    """Write names as one reads a list of them aloud: "a, b and c"."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def limit(value: float) -> str:
    """Write the limit of an interval; one that would read 1.00 says on which side of 1 it is."""
    if f"{value:.2f}" != "1.00":
        return f"{value:.2f}"
    closer = f"{value:.3f}"
    return closer if closer != "1.000" else "just below 1" if value < 1 else "just above 1"


def how_many(number: float, none: str = "no") -> str:
    """Write a number of cells as one reads it aloud; ``none`` stands for less than one."""
    return aloud(round(short(number))) if number >= 1 else none


class Axis:
    """How the values on one axis are told: with what precision, and in which unit."""

    def __init__(self, title: str, limits: tuple[float, float], log: bool) -> None:
        self.limits, self.log = limits, log
        self.title = title
        #: "mg/L" of "Concentration, mg/L"; "days" of "Days since the first dose".
        self.unit = title.rpartition(", ")[2]
        if self.unit == title and title.partition(" ")[0].istitle():
            self.unit = title.lower().partition(" since ")[0]
        #: What a linear axis can show: about a hundredth of it, at most 1.
        self.digits = max(0, 2 - math.floor(math.log10(limits[1] - limits[0])))

    def number(self, value: float) -> str:
        """Write a value: three digits on a log axis, else as precise as the axis can show."""
        least = self.limits[0] if self.log else 10.0**-self.digits
        if value < least and (self.log or value > 0):
            return f"less than {least:,g}"
        return aloud(short(value) if self.log else round(float(value), self.digits))

    def told(self, value: float) -> str:
        """Write a value with its unit."""
        return counted(self.number(value), self.unit)

    def peaks(self, values: np.ndarray) -> int:
        """Count how often a line turns from rising to falling, as far as the axis can show it."""
        heights = np.round(np.log10(values), 2) if self.log else np.round(values, self.digits)
        trend = np.sign(np.diff(heights))
        return int((np.diff(trend[trend != 0]) < 0).sum())

    def at_end(self, value: float, end: int) -> bool:
        """Say whether a value lies so near to the start (0) or the end (1) that it is one."""
        low, high, value = np.log((*self.limits, value)) if self.log else (*self.limits, value)
        return bool(abs(value - (low, high)[end]) <= NEAR * (high - low))


def described(spec: LabSpec, series: Sequence[Series], texts: Sequence[Texts] = ()) -> str:
    """Tell panel by panel what is drawn: of each line where it starts, turns and ends.

    ``texts`` are told where they stand alone in their panel, such as patients at risk.
    """
    shared = Axis(spec.x_title, spec.x_range, False)
    own = any(panel.x_range for panel in spec.panels)
    told = [COUNTS[len(spec.panels)] + ("" if own else f" against {_along(shared)}")]
    for row, panel in enumerate(spec.panels):
        x = Axis(panel.x_title, panel.x_range, panel.x_log) if panel.x_range else shared
        y = Axis(panel.y_title, panel.y_range, panel.log)
        heading = re.split(r"[:(]", panel.title)[0].strip()
        if panel.y_title:
            heading += f", {panel.y_title}"
        if panel.log and "log" not in panel.title:
            heading += ", log axis"
        if own:
            heading += f", against {_along(x)}"
        told.append(heading)
        inside = [each for each in series if each.panel == row]
        told += [_line(each, x, y) for each in inside]
        if not inside:
            told += [_list(each, x) for each in texts if each.panel == row]
    return ". ".join(part[:1].upper() + part[1:] for part in told) + "."


def _along(x: Axis) -> str:
    """Name an x axis and its ends. It may begin below zero, to show a mark at zero whole."""
    name, comma, unit = x.title.rpartition(", ")
    name = name or unit
    if name[1:2].islower():  # "Days", but not "CD80"
        name = name[:1].lower() + name[1:]
    ends = f"{x.number(max(x.limits[0], 0))} to {x.number(x.limits[1])}"
    return f"{name}, {ends}{' ' + unit if comma else ''}{', log axis' if x.log else ''}"


def _line(series: Series, x: Axis, y: Axis) -> str:
    """One line: from where to where, and its extremes in between. Points: one by one."""
    drawn = np.isfinite(series.x + series.y)
    along, values = series.x[drawn], series.y[drawn]
    if not values.size:
        return f"{series.name}: not drawn"
    if series.symbol:
        points = (f"{y.told(v)} at {x.told(at)}" for at, v in zip(along, values, strict=True))
        return f"{series.name}: {'; '.join(points)}"
    highest, lowest = values.argmax(), values.argmin()
    first, last, most, least = (y.told(values[i]) for i in (0, -1, highest, lowest))
    if most == least:
        return f"{series.name}: level at {first}"
    starts = y.number(values[0])
    if not x.at_end(along[0], 0):
        starts = f"{first} at {x.told(along[0])}"
    ends = "" if x.at_end(along[-1], 1) else f" at {x.told(along[-1])}"
    steps = np.diff(values)
    trend = "rising " if (steps >= 0).all() else "falling " if (steps <= 0).all() else ""
    text = f"{series.name}: {trend}from {starts} to {last}{ends}"
    for word, value, index in (("highest", most, highest), ("lowest", least, lowest)):
        if value not in (first, last):
            text += f", {word} {value} at {x.told(along[index])}"
    peaks = y.peaks(values)
    return f"{text}, {peaks} peaks" if peaks > 1 else text


def _list(texts: Texts, x: Axis) -> str:
    places = ", ".join(x.number(at) for at in texts.x)
    return f"{texts.name}: {', '.join(texts.texts)} (at {places} {x.unit})"
