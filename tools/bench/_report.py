"""All measurements of one run as a page that needs nothing from elsewhere."""

import os
import platform
from datetime import date
from html import escape
from pathlib import Path

import plotly.graph_objects as go

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
    rows = [(name, row) for name, found in report.items() for row in found["rows"]]
    ratios = [(f"{name}: {row['name']}", row["ratio"]) for name, row in rows if row["ratio"]]
    machine = f"{os.cpu_count()} processors, {platform.system()}, Python "
    machine += platform.python_version()
    title = "The course beside its peers"
    parts = [
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">',
        f"<title>{title}</title><style>{STYLE}</style></head><body><main><h1>{title}</h1>",
        f"<p>Measured on {date.today():%d %B %Y} in one run: {escape(machine)}. A ratio above 1 "
        "means that the course is better.</p>",
    ]
    if ratios:
        parts.append(chart(ratios).to_html(full_html=False, include_plotlyjs=True))
    parts += [table(name, found) for name, found in report.items()]
    path.write_text("\n".join([*parts, "</main></body></html>\n"]), encoding="utf-8")


def chart(ratios: list[tuple[str, float]]) -> go.Figure:
    """Return one bar for each ratio, from 1 to the right if the course is better."""
    names, values = zip(*reversed(ratios), strict=True)
    bars = go.Bar(
        y=names,
        x=[value - 1 for value in values],  # on a logarithmic axis a bar starts at its base
        base=1,
        orientation="h",
        marker_color=[BETTER if value >= 1 else WORSE for value in values],
        text=[f"{value:.2g}" for value in values],
        hovertemplate="%{y}: %{text}<extra></extra>",
    )
    axis = {"type": "log", "title": "ratio, logarithmic"}
    size = {"height": 140 + 26 * len(names), "margin": {"l": 340, "t": 20}}
    return go.Figure(bars, {"xaxis": axis, "template": "plotly_white", **size})


def table(name: str, found: dict) -> str:
    """Return the rows of one benchmark."""
    lines = [
        f"<tr><th scope='row'>{escape(row['name'])}</th>"
        + "".join(f"<td>{shown(row[key])}</td>" for key in ("course", "peer", "ratio"))
        + "</tr>"
        for row in found["rows"]
    ]
    head = "<tr><th scope='col'></th><th scope='col'>course</th><th scope='col'>peer</th>"
    caption = f"<caption>{escape(name)}: {escape(found['what'])}</caption>"
    return f"<table>{caption}<thead>{head}<th scope='col'>ratio</th></tr></thead>\n" + (
        "\n".join(["<tbody>", *lines, "</tbody></table>"])
    )


def shown(number: float | None) -> str:
    """Return three digits; a dash where there is nothing to compare."""
    return "–" if number is None else f"{number:,.3g}" if abs(number) < 1000 else f"{number:,.0f}"
