"""All measurements of one run as a page that needs nothing from elsewhere."""

import os
import platform
from datetime import date
from html import escape
from pathlib import Path
from statistics import median

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

BETTER, WORSE = "#0072B2", "#B34E00"
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 60rem; margin: 2rem auto;
       padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; }
caption { text-align: left; font-weight: 600; }
th, td { text-align: right; padding: .2rem .8rem; border-bottom: 1px solid #ccc; }
th:first-child { text-align: left; font-weight: 400; }
"""


def write(report: dict[str, dict], path: Path) -> None:
    """Write what ``./course bench`` measured, ``{benchmark: {"what", "rows"}}``, as HTML."""
    machine = f"{os.cpu_count()} processors, {platform.system()}, Python "
    machine += platform.python_version()
    title = "The course beside its peers"
    parts = [
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">',
        f"<title>{title}</title><style>{STYLE}</style><script>{get_plotlyjs()}</script></head>",
        f"<body><main><h1>{title}</h1>",
        f"<p>Measured on {date.today():%d %B %Y} in one run: {escape(machine)}. A ratio above 1 "
        "means that the course is better.</p>",
        summary(report),
    ]
    for name, found in report.items():
        parts.append(f"<h2>{escape(name)}</h2>")
        if ratios := compared(found):
            still = {"displayModeBar": False}
            parts.append(chart(ratios).to_html(still, full_html=False, include_plotlyjs=False))
        parts.append(table(found))
    path.write_text("\n".join([*parts, "</main></body></html>\n"]), encoding="utf-8")


def compared(found: dict) -> list[tuple[str, float]]:
    """Return name and ratio of the rows that have a peer."""
    return [(row["name"], row["ratio"]) for row in found["rows"] if row["ratio"] is not None]


def summary(report: dict[str, dict]) -> str:
    """Return a table of the worst, the middle and the best ratio of each benchmark."""
    lines = []
    for name, found in report.items():
        if ratios := sorted(compared(found), key=lambda each: each[1]):
            middle = median(value for _, value in ratios)
            cells = [f"{ratios[0][0]}: {shown(ratios[0][1])}", shown(middle), shown(ratios[-1][1])]
            lines.append([name, *cells])
    return grid("Ratios of each benchmark", ["worst", "median", "best"], lines)


def chart(ratios: list[tuple[str, float]]) -> go.Figure:
    """Return one bar for each ratio, from 1 to the right if the course is better."""
    names, values = zip(*reversed(ratios), strict=True)
    drawn = [min(max(value, 0.1), 500) for value in values]  # beyond, only the number tells
    bars = go.Bar(
        y=names,
        x=[value - 1 for value in drawn],  # on a logarithmic axis a bar starts at its base
        base=1,
        orientation="h",
        marker_color=[BETTER if value >= 1 else WORSE for value in values],
        text=[shown(value) for value in values],
        textposition="outside",
        hovertemplate="%{y}: %{text}<extra></extra>",
    )
    axis = {"type": "log", "title": "ratio, logarithmic", "range": [-1, 3], "dtick": 1}
    size = {"height": 110 + 22 * len(names), "margin": {"l": 330, "t": 10, "b": 50}}
    return go.Figure(bars, {"xaxis": axis, "template": "plotly_white", **size})


def table(found: dict) -> str:
    """Return the rows of one benchmark."""
    keys = ["course", "peer", "ratio"]
    lines = [[row["name"], *(shown(row[key]) for key in keys)] for row in found["rows"]]
    return grid(found["what"], keys, lines)


def grid(caption: str, heads: list[str], lines: list[list[str]]) -> str:
    """Return a table whose lines begin with their name."""
    head = "".join(f"<th scope='col'>{escape(each)}</th>" for each in heads)
    body = "\n".join(
        f"<tr><th scope='row'>{escape(name)}</th>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        + "</tr>"
        for name, *cells in lines
    )
    return (
        f"<table><caption>{escape(caption)}</caption>"
        f"<thead><tr><td></td>{head}</tr></thead>\n<tbody>{body}</tbody></table>"
    )


def shown(number: float | None) -> str:
    """Return three digits; a dash where there is nothing to compare."""
    return "–" if number is None else f"{number:,.3g}" if abs(number) < 1000 else f"{number:,.0f}"
