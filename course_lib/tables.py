"""Tables from the evidence registry: printable HTML with a plain-text twin, no widgets.

Both tables print the same cells in both forms, in the order they were asked
for, and need no colour to be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from course_lib import evidence
from course_lib.evidence import Quantity

STATUS = {
    "read": "read in the source",
    "recalled": "recalled, not read in the source itself",
    "open": "open: not established",
    "own": "own choice or calculation",
}
UNITS = {
    "1": "",
    "text": "",
    "percent": "%",
    "day": "days",
    "uM": "µM",
    "mg*day/L": "mg·day/L",
    "cells/mm3": "cells/mm³",
}
_LEFT = 'style="text-align:left; vertical-align:top; padding:6px"'
#: A table of more rows than this starts folded, so that what follows it is not lost.
LONG = 15
#: A table whose longest words need more characters than this beside each other is too wide for a
#: window with the file list open. There its rows become blocks, each cell under its heading's name.
WIDE = 44
_SUMMARY = 'style="cursor:pointer; padding:4px 0"'
_STYLE = """<style>
@media print { .course-folded::details-content { content-visibility: visible; } }
.course-wide { container-type: inline-size; }
@container (max-width: 600px) {
  .course-wide :is(table, caption, tbody, tr, th, td) { display: block; max-width: none; }
  .course-wide thead { display: none; }
  .course-wide tr { padding: 4px 0; border-bottom: 1px solid #767676; }
  .course-wide :is(th, td) { padding: 1px 6px !important; border: 0; }
  .course-wide td::before { content: attr(data-name) ": "; font-weight: 600; }
}
</style>"""


@dataclass(frozen=True)
class Link:
    """A cell, or part of one, that leads to an address."""

    text: str
    url: str


@dataclass(frozen=True)
class Table:
    """Rows of cells; the first cell of a row is its heading."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[tuple[str | Link, ...], ...], ...]

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {"text/plain": self.text(), "text/html": self.folded()}

    def __repr__(self) -> str:
        return self.text()

    def text(self) -> str:
        """Columns under the caption: aligned, unless that would be mostly spaces."""
        lines = self._lines()
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.columns))]
        if len(self.rows) > LONG:
            return "\n".join([self.caption, "", *(" | ".join(line) for line in lines)])
        lines.insert(1, ["-" * width for width in widths])
        padded = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        ]
        return "\n".join([self.caption, "", *padded])

    def folded(self) -> str:
        """The table; a long one opens by mouse, keyboard or the browser's own search."""
        shown = f'<div class="course-wide">{self.html()}</div>' if self._wide() else self.html()
        if len(self.rows) > LONG:
            summary = f"<summary {_SUMMARY}>Show all {len(self.rows)} rows</summary>"
            shown = f'<details class="course-folded">{summary}\n{shown}</details>'
        return shown if shown.startswith("<table") else _STYLE + shown

    def _wide(self) -> bool:
        """Whether the columns do not fit a narrow window, however their text is wrapped."""
        columns = zip(*self._lines(), strict=True)
        return sum(max(len(w) for w in " ".join(cells).split()) for cells in columns) > WIDE

    def _lines(self) -> list[list[str]]:
        """Headings and rows as plain text."""
        plain = [["".join(_plain(part) for part in cell) for cell in row] for row in self.rows]
        return [list(self.columns), *plain]

    def html(self) -> str:
        """A table with a caption and headings that name their row or column."""
        head = "".join(f'<th scope="col" {_LEFT}>{together(name)}</th>' for name in self.columns)
        names = [f'data-name="{escape(name)}"' for name in self.columns[1:]]
        body = []
        for first, *rest in self.rows:
            cells = f'<th scope="row" {_LEFT}>{_marked_up(first)}</th>'
            cells += "".join(
                f"<td {name} {_LEFT}>{_marked_up(cell)}</td>"
                for name, cell in zip(names, rest, strict=True)
            )
            body.append(f"<tr>{cells}</tr>")
        return (
            f"<table><caption {_LEFT}>{together(self.caption)}</caption>"
            f"<thead><tr>{head}</tr></thead>\n<tbody>" + "\n".join(body) + "</tbody></table>"
        )


def together(text: str) -> str:
    """Return ``text`` as HTML in which no line ends between a number and its percent sign."""
    return re.sub(r"(?<=\d) (?=%)", "\N{NO-BREAK SPACE}", escape(text))


def _plain(part: str | Link) -> str:
    return part.text if isinstance(part, Link) else part


def _marked_up(cell: tuple[str | Link, ...]) -> str:
    return "".join(
        f'<a href="{escape(part.url)}">{together(part.text)}</a>'
        if isinstance(part, Link)
        else together(part)
        for part in cell
    )


def _cite(quantity: Quantity) -> tuple[str | Link, ...]:
    """Name and year, then the DOI (or the address) as a link."""
    source = evidence.reference(quantity.source)
    if not source.url:
        return (source.short,)
    if not source.doi and source.short.startswith(source.container):  # "Merck 2021, Merck"
        return (Link(source.short, source.url),)
    name = f"doi:{source.doi}" if source.doi else source.container
    return (f"{source.short}, ", Link(name, source.url))


def _with_unit(value: str, unit: str) -> str:
    return evidence.counted(value, UNITS.get(unit, unit))


def _amount(quantity: Quantity) -> str:
    """The value with its unit; in a trial result also the confidence interval."""
    unit = quantity.unit
    value = evidence.shown(quantity.value, unit)
    interval = ""
    if quantity.kind == "trial result" and quantity.low is not None:
        low, high = (evidence.shown(end, unit) for end in (quantity.low, quantity.high))
        interval = f" ({low} to {high})"
    if unit == "hazard ratio":
        return f"hazard ratio {value}{interval}"
    return _with_unit(value, unit) + interval


def sources(topic: str | Iterable[str], caption: str = "Where these numbers come from") -> Table:
    """Every number of a topic, or of a list of keys, with its source.

    Raises ``KeyError`` for an unknown topic or key.
    """
    if isinstance(topic, str):
        chosen = list(evidence.topic(topic).values())
    else:
        chosen = [evidence.get(key) for key in topic]
    rows = (((q.label,), (_amount(q),), (q.kind,), (STATUS[q.status],), _cite(q)) for q in chosen)
    return Table(caption, ("Quantity", "Value", "Kind", "Status", "Source"), tuple(rows))


def trials(keys: Iterable[str], caption: str) -> Table:
    """Comparisons of two arms: population, endpoint, both arms, effect and how it was tested.

    Raises ``ValueError`` for an entry that compares nothing, or whose status is open.
    """
    rows = []
    for q in map(evidence.get, keys):
        if not q.tested:
            raise ValueError(f"'{q.key}' compares nothing: it has no testing status")
        if q.status == "open":
            raise ValueError(f"'{q.key}' is open: it must not be shown as a result")
        # One column for both arms: six columns fit a narrow window, seven do not.
        arms = "; ".join(
            f"{name}: {_with_unit(evidence.shown(value, q.arm_unit), q.arm_unit)}"
            if name
            else "not given"
            for name, value in (
                (q.experimental_arm, q.experimental),
                (q.control_arm, q.control),
            )
        )
        endpoint = f"{q.endpoint} (data to {q.data_cut})" if q.data_cut else q.endpoint
        relation = "" if q.p_value.startswith("<") else "= "
        tested = f"{q.tested}, p {relation}{q.p_value}" if q.p_value else q.tested
        source = evidence.reference(q.source)
        doubt = "" if q.status == "read" else f"; {STATUS[q.status]}"
        name = (f"{q.trial} (", Link(source.short, source.url), f"{doubt})")
        population = f"{q.population} ({q.n:,})"
        cells = (name, population, endpoint, arms, _amount(q), tested)
        rows.append(tuple(cell if isinstance(cell, tuple) else (cell,) for cell in cells))
    columns = (
        "Trial",
        "Population (patients)",
        "Endpoint",
        "Experimental arm; control arm",
        "Effect (95 % CI)",
        "Tested",
    )
    return Table(caption, columns, tuple(rows))
