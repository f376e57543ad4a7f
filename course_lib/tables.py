"""Tables from the evidence registry: printable HTML with a plain-text twin, no widgets.

Both tables print the same cells in both forms, in the order they were asked
for, and need no colour to be read.
"""

from __future__ import annotations

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
_LEFT = 'style="text-align:left; vertical-align:top; padding:4px 6px"'
#: A table of more rows than this starts folded, so that what follows it is not lost.
LONG = 15
_PRINTED = (
    "<style>@media print { .course-folded::details-content { content-visibility: visible; } "
    "}</style>"
)


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
        plain = [["".join(_plain(part) for part in cell) for cell in row] for row in self.rows]
        lines = [list(self.columns), *plain]
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
        if len(self.rows) <= LONG:
            return self.html()
        summary = f'<summary style="cursor:pointer">Show all {len(self.rows)} rows</summary>'
        return f'{_PRINTED}<details class="course-folded">{summary}\n{self.html()}</details>'

    def html(self) -> str:
        """A table with a caption and headings that name their row or column."""
        head = "".join(f'<th scope="col" {_LEFT}>{escape(name)}</th>' for name in self.columns)
        body = []
        for first, *rest in self.rows:
            cells = f'<th scope="row" {_LEFT}>{_marked_up(first)}</th>'
            cells += "".join(f"<td {_LEFT}>{_marked_up(cell)}</td>" for cell in rest)
            body.append(f"<tr>{cells}</tr>")
        return (
            f"<table><caption {_LEFT}>{escape(self.caption)}</caption>"
            f"<thead><tr>{head}</tr></thead>\n<tbody>" + "\n".join(body) + "</tbody></table>"
        )


def _plain(part: str | Link) -> str:
    return part.text if isinstance(part, Link) else part


def _marked_up(cell: tuple[str | Link, ...]) -> str:
    return "".join(
        f'<a href="{escape(part.url)}">{escape(part.text)}</a>'
        if isinstance(part, Link)
        else escape(part)
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
