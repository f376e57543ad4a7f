"""Still line charts for quizzes: one SVG with a table twin, made of text alone.

A release version carries no outputs, so a quiz draws its chart when it is run, and a
feedback page shows it again without a kernel and without JavaScript. Colour is never the
only sign: each line has its own dash, named in the key above the panels.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from html import escape

import numpy as np

from course_lib.models.survival import KaplanMeier
from course_lib.models.tumour_and_immunity import Course
from course_lib.models.virtual_trial import DAYS_PER_MONTH

INK, GRID = "#222222", "#D9D9D9"
#: Line colours with at least 3:1 on white, and the dash that goes with each.
STYLES = (("#B34E00", ""), ("#000000", "6 4"), ("#0072B2", "2 3"), ("#007D5A", "9 3 2 3"))
LEFT, TOP, BOTTOM, GAP = 52, 54, 44, 26
ROW = 18  # height of a row of numbers at risk


@dataclass(frozen=True)
class Axis:
    """A labelled axis from ``low`` to ``high`` with a grid line every ``step``.

    ``log``: ``step`` is a factor from one grid line to the next.
    """

    label: str
    low: float
    high: float
    step: float
    log: bool = False

    def ticks(self) -> np.ndarray:
        """Return the positions of the grid lines."""
        if self.log:
            lines = round(np.log(self.high / self.low) / np.log(self.step))
            return self.low * self.step ** np.arange(lines + 1.0)
        return np.arange(self.low, self.high + self.step / 2, self.step)

    def place(self, values, start: float, end: float):
        """Return where ``values`` lie on a line from ``start`` to ``end``."""
        values, low, high = np.asarray(values), self.low, self.high
        if self.log:
            values, low, high = np.log(values), np.log(low), np.log(high)
        return start + (values - low) / (high - low) * (end - start)


@dataclass(frozen=True)
class Chart:
    """Panels side by side on the same axes: ``{panel: {line: y values}}`` over ``times``.

    ``rows``: the positions on the x axis that the table lists. ``alt`` says what is drawn.
    ``stairs``: each value holds until the next time. ``at_risk``: ``{line: numbers at rows}``,
    written below a single panel; the table lists them too.
    Shown by Jupyter as HTML, and as a plain table where there is none.
    """

    title: str
    alt: str
    times: np.ndarray
    panels: dict
    x: Axis
    y: Axis
    rows: tuple
    width: int = 250
    height: int = 260
    stairs: bool = False
    at_risk: dict = field(default_factory=dict)

    def table(self) -> list[list[str]]:
        """Return the plotted values at ``rows``, the column heads first."""
        heads = [self.x.label] + [f"{p}, {n}" for p, lines in self.panels.items() for n in lines]
        heads += [f"at risk, {name}" for name in self.at_risk]
        body = [
            [f"{row:g}"]
            + [self._value(row, v) for lines in self.panels.values() for v in lines.values()]
            + [f"{counts[i]:g}" for counts in self.at_risk.values()]
            for i, row in enumerate(self.rows)
        ]
        return [heads, *body]

    def _value(self, row: float, values) -> str:
        """Return what a line shows at ``row``; a dash where it has ended."""
        if self.stairs:
            value = values[np.searchsorted(self.times, row, side="right") - 1]
        else:
            value = np.interp(row, self.times, values)
        return "–" if np.isnan(value) else f"{value:.0f}"

    def __repr__(self) -> str:
        """The table, for a terminal or a screen reader."""
        lines = [f"{self.title} ({self.y.label})", *("; ".join(row) for row in self.table())]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        heads, *body = self.table()
        head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
        rows = "".join(
            f'<tr><th scope="row">{row[0]}</th>{"".join(f"<td>{v}</td>" for v in row[1:])}</tr>'
            for row in body
        )
        caption = escape(f"{self.title}: the plotted values, {self.y.label}")
        # As an image: JupyterLab strips inline SVG from a notebook it does not trust yet.
        picture = b64encode(self.svg().encode()).decode()
        return (
            f'<figure style="margin:0"><img alt="{escape(self.alt)}" '
            f'src="data:image/svg+xml;base64,{picture}">'
            f"<figcaption>{escape(self.title)}</figcaption></figure>"
            f"<details><summary>Show data</summary><table><caption>{caption}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></details>"
        )

    def svg(self) -> str:
        """Return the picture, as the text of an SVG file."""
        step, left = self.width + GAP, self._left()
        total = left + step * len(self.panels)
        height = self.height + (ROW * (1 + len(self.at_risk)) if self.at_risk else 0)
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {height}" '
            f'width="{total}" height="{height}" '
            f'font-family="system-ui, sans-serif" font-size="12" fill="{INK}">',
            f'<rect width="{total}" height="{height}" fill="#FFFFFF"/>',
            _text(left - 38, (TOP + self.height - BOTTOM) / 2, self.y.label, turn=True),
            *self._key(left),
        ]
        for i, (name, lines) in enumerate(self.panels.items()):
            parts += self._panel(left + i * step, name, lines, numbered=i == 0)
        return "".join([*parts, *self._numbers_at_risk(left), "</svg>"])

    def _left(self) -> int:
        """Return where the first panel begins: names of rows at risk stand to its left."""
        return max([LEFT, *(34 + 7 * len(name) for name in self.at_risk)])

    def _numbers_at_risk(self, left: float) -> list[str]:
        """Write the patients at risk below the axis, a row for each line."""
        if not self.at_risk:
            return []
        parts = [_text(left - 18, self.height + 8, "Patients at risk", anchor="end", bold=True)]
        for i, (name, counts) in enumerate(self.at_risk.items(), start=1):
            up = self.height + 8 + ROW * i
            parts.append(_text(left - 18, up, name, anchor="end"))
            for row, count in zip(self.rows, counts, strict=True):
                parts.append(_text(self.x.place(row, left, left + self.width), up, f"{count:g}"))
        return parts

    def _panel(self, left: float, name: str, lines: dict, *, numbered: bool) -> list[str]:
        right, top, bottom = left + self.width, TOP, self.height - BOTTOM
        parts = [_text(left, TOP - 10, name, anchor="start", bold=True)]
        for tick in self.x.ticks():
            at = self.x.place(tick, left, right)
            parts += [_line(at, top, at, bottom), _text(at, bottom + 16, f"{tick:g}")]
        for tick in self.y.ticks():
            at = self.y.place(tick, bottom, top)
            parts.append(_line(left, at, right, at))
            if numbered:
                parts.append(_text(left - 6, at + 4, f"{tick:g}", anchor="end"))
        parts.append(_text((left + right) / 2, bottom + 34, self.x.label))
        for (name, values), (colour, dash) in zip(lines.items(), STYLES, strict=False):
            x, y = self._corners(values)
            across = self.x.place(x, left, right)
            up = self.y.place(np.clip(y, self.y.low, self.y.high), bottom, top)
            points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(across, up, strict=True))
            parts += [_curve(points, colour, dash), *self._start(across[0], up[0], name, colour)]
        return parts

    def _corners(self, values) -> tuple[np.ndarray, np.ndarray]:
        """Return the corners of a line, in units of the two axes."""
        times, drawn = self.times, ~np.isnan(values)
        if self.stairs:  # along to the next time, unless the line has ended there, then down
            drawn = np.repeat(drawn, 2)[1:] & np.repeat(drawn, 2)[:-1]
            times, values = np.repeat(times, 2)[1:], np.repeat(values, 2)[:-1]
        return times[drawn], values[drawn]

    def _start(self, across: float, up: float, name: str, colour: str) -> list[str]:
        """Return what marks the start of a line: nothing, as time runs to the right."""
        return []

    def _key(self, at: float) -> list[str]:
        """Draw a sample of each line, followed by its name."""
        names = next(iter(self.panels.values()))
        parts = []
        for name, (colour, dash) in zip(names, STYLES, strict=False):
            parts.append(_curve(f"{at},12 {at + 34},12", colour, dash))
            parts.append(_text(at + 42, 16, name, anchor="start"))
            at += 70 + 7 * len(name)
        return parts


@dataclass(frozen=True, repr=False)
class PhasePlane(Chart):
    """Paths of two numbers against each other: ``{panel: {path: (x values, y values)}}``.

    Time runs along a path, from a diamond with its name. The table lists both numbers at the times
    ``rows``. A path that falls below the y axis ends at the lower edge.
    """

    def table(self) -> list[list[str]]:
        """Return both numbers of each path at the days ``rows``, the column heads first."""
        paths = [path for panel in self.panels.values() for path in panel.items()]
        heads = [f"{name}: {axis.label}" for name, _ in paths for axis in (self.x, self.y)]
        body = [
            [f"{row:g}"]
            + [_million(np.interp(row, self.times, v)) for _, path in paths for v in path]
            for row in self.rows
        ]
        return [["day", *heads], *body]

    def _corners(self, values) -> tuple[np.ndarray, np.ndarray]:
        x, y = values
        below = np.append(y < self.y.low, True)
        last = 1 + np.argmax(below)
        return x[:last], y[:last]

    def _start(self, across: float, up: float, name: str, colour: str) -> list[str]:
        corners = ((across, up - 6), (across + 6, up), (across, up + 6), (across - 6, up))
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in corners)
        diamond = f'<polygon points="{points}" fill="{colour}"/>'
        return [diamond, _text(across - 10, up + 4, name, anchor="end", bold=True)]


def _million(value: float) -> str:
    """Write a number of millions with three digits, readable aloud."""
    return "< 0.001" if 0 < value < 0.001 else f"{value:.3g}"


def phase_plane(courses: dict[str, Course], title: str) -> PhasePlane:
    """Return the phase plane of tumours and their effector cells, ``{name: Course}``, in millions.

    All courses run over the same days. The table lists every fifth day up to day 100, the last
    one too.
    """
    times = next(iter(courses.values())).times
    paths = {name: (c.effectors / 1e6, c.tumour / 1e6) for name, c in courses.items()}
    ends = [
        f"{name} from {e[0]:.3g} effector and {t[0]:.3g} tumour cells "
        f"to {e[-1]:.3g} and {t[-1]:.3g}"
        for name, (e, t) in paths.items()
    ]
    return PhasePlane(
        title=title,
        alt=f"Phase plane with a path for each, over {times[-1]:g} days, in millions: "
        + "; ".join(ends)
        + ". The table below gives the days between.",
        times=times,
        panels={"Each path begins at its diamond": paths},
        x=Axis("effector cells, million", 0.01, 100, 10, log=True),
        y=Axis("tumour cells, million", 0.1, 1000, 10, log=True),
        rows=(*range(0, 101, 5), times[-1]),
        width=440,
        height=420,
    )


def tumour_sizes(runs: dict, title: str) -> Chart:
    """Return the chart of tumours followed twice: ``{name: Course}``, a panel for each.

    The first patient of each ``Course`` receives the drug and the second does not, as in
    ``simulate(patient, [Pembrolizumab(dose=[200, 0])], 240)``.
    """
    times = next(iter(runs.values())).times
    pairs = {name: run.size.T for name, run in runs.items()}
    highest = max(sizes.max() for sizes in pairs.values())
    ends = [
        f"{name}: {treated[-1]:.0f} with the drug, {untreated[-1]:.0f} without"
        for name, (treated, untreated) in pairs.items()
    ]
    return Chart(
        title=title,
        alt=f"Sums of diameters from day 0 to day {times[-1]:g}; on the last day, in mm, "
        + "; ".join(ends),
        times=times,
        panels={
            name: {"with the drug": treated, "without the drug": untreated}
            for name, (treated, untreated) in pairs.items()
        },
        x=Axis("days", 0, times[-1], 60),
        y=Axis("sum of diameters, mm", 0, 20 * np.ceil(highest / 20), 20),
        rows=tuple(np.arange(0, times[-1] + 1, 30)),
    )


def survival_curves(curves: dict[str, KaplanMeier], title: str, months: int) -> Chart:
    """Return the Kaplan–Meier plot of progression-free survival, ``{arm: curve}``.

    Numbers at risk stand below it and in the table, every 3 months. A curve ends with its last
    patient.
    """
    last = months * DAYS_PER_MONTH
    ends = [min(each.follow_up[-1], last) for each in curves.values()]
    days = np.unique(np.concatenate([[last], ends, *(each.times for each in curves.values())]))
    days = days[days <= last]
    lines = {
        name: np.where(days <= each.follow_up[-1], 100 * each.at(days), np.nan)
        for name, each in curves.items()
    }
    ticks = np.arange(0, months + 1, 3)
    at_risk = {name: each.number_at_risk(ticks * DAYS_PER_MONTH) for name, each in curves.items()}
    starts = ", ".join(f"{counts[0]} {name}" for name, counts in at_risk.items())
    return Chart(
        title=title,
        alt=f"Kaplan–Meier plot over {months} months. Step curves fall from 100 of 100 patients; "
        f"patients at the start: {starts}. The table below gives each curve, and the patients at "
        "risk, every 3 months.",
        times=days / DAYS_PER_MONTH,
        panels={"alive without progression": lines},
        x=Axis("months", 0, months, 3),
        y=Axis("of 100 patients", 0, 100, 20),
        rows=tuple(ticks),
        width=500,
        stairs=True,
        at_risk=at_risk,
    )


def _curve(points: str, colour: str, dash: str) -> str:
    return (
        f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2.2" '
        f'stroke-dasharray="{dash}"/>'
    )


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="{GRID}"/>'


def _text(x, y, text, *, anchor="middle", bold=False, turn=False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    turned = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if turn else ""
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{weight}{turned}'
    return f"<text {place}>{escape(text)}</text>"
