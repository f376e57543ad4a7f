"""Draws a ``View`` with plotly, once, and afterwards only moves the lines."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from course_lib.labs.view import ACTORS, Panel, Series, View

TEXT = "#222222"
GRID = "#E3E3E3"
ROW_HEIGHT = 185


def build(view: View, panels: tuple[Panel, ...], x_title: str, x_range: tuple[float, float]):
    """Return a plotly figure of ``view``: stacked panels over one shared x axis.

    Traces come in the order: ghosts of the moving series, the series, their names.
    Names stand at the line's end instead of in a legend, in dark text. They are traces
    of one point each: as text of the lines they would cost plotly a node per point.
    """
    figure = make_subplots(
        rows=len(panels),
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.09,
        subplot_titles=[panel.title for panel in panels],
    )
    for series in _moving(view):
        figure.add_trace(_ghost(series), row=series.panel + 1, col=1)
    for series in view.series:
        figure.add_trace(_line(series), row=series.panel + 1, col=1)
    for series, position in zip(view.series, _label_positions(view), strict=True):
        figure.add_trace(_name(series, position), row=series.panel + 1, col=1)
    for row, panel in enumerate(panels, start=1):
        low, high = panel.y_range
        figure.update_yaxes(
            title_text=panel.y_title + (" (log)" if panel.log else ""),
            type="log" if panel.log else "linear",
            range=[np.log10(low), np.log10(high)] if panel.log else [low, high],
            dtick=1 if panel.log else None,
            row=row,
            col=1,
        )
    figure.update_xaxes(title_text=x_title, row=len(panels), col=1)
    figure.update_xaxes(range=list(x_range), gridcolor=GRID, linecolor=TEXT, fixedrange=True)
    figure.update_yaxes(gridcolor=GRID, linecolor=TEXT, fixedrange=True, title_standoff=6)
    figure.update_xaxes(title_font_size=13)
    figure.update_yaxes(title_font_size=13)
    # Left-aligned panel titles read as headings and leave room for the lines.
    figure.update_annotations(x=0, xanchor="left", font={"size": 14, "color": TEXT})
    figure.update_layout(
        height=ROW_HEIGHT * len(panels) + 70,
        autosize=True,
        showlegend=False,
        paper_bgcolor="#FFFFFF",
        plot_bgcolor="#FFFFFF",
        font={"size": 13, "color": TEXT, "family": "system-ui, sans-serif"},
        margin={"l": 66, "r": 112, "t": 34, "b": 48},
        hovermode="x",
    )
    return figure


def live(figure: go.Figure) -> go.FigureWidget:
    """Turn a built figure into the one widget a lab keeps for its whole life."""
    widget = go.FigureWidget(figure)
    # No mode bar: the axes are fixed, "Show data" gives the numbers, and plotly's
    # "Share chart" button would send a student's plot to another host.
    widget._config = {**widget._config, "displayModeBar": False, "responsive": True}
    return widget


def move(figure: go.FigureWidget, view: View, before: View | None) -> None:
    """Show ``view`` and, thin and dashed, the run ``before``: one message to the browser."""
    moving, count = len(_moving(view)), len(view.series)
    ghosts, lines, names = (
        figure.data[:moving],
        figure.data[moving : moving + count],
        figure.data[moving + count :],
    )
    with figure.batch_update():
        if before is not None:
            for trace, series in zip(ghosts, _moving(before), strict=True):
                _assign(trace, series.x, series.y)
        for trace, series in zip(lines, view.series, strict=True):
            _assign(trace, series.x, series.y)
        for trace, series, position in zip(names, view.series, _label_positions(view), strict=True):
            _assign(trace, *_end(series))
            if trace.textposition != position:
                trace.textposition = position


def _moving(view: View) -> list[Series]:
    return [series for series in view.series if series.moves]


def _assign(trace, x: np.ndarray, y: np.ndarray) -> None:
    """Send only what differs."""
    if not np.array_equal(trace.x, x):
        trace.x = x
    if not np.array_equal(trace.y, y, equal_nan=True):
        trace.y = y


def _line(series: Series) -> go.Scatter:
    return go.Scatter(
        x=series.x,
        y=series.y,
        name=series.name,
        mode="lines",
        line={
            "color": ACTORS[series.actor],
            "dash": series.dash,
            "width": 2.5 if series.moves else 1.2,
        },
        hovertemplate="%{y:.3g}<extra>" + series.name + "</extra>",
    )


def _ghost(series: Series) -> go.Scatter:
    return go.Scatter(
        x=series.x,
        y=np.full(len(series.x), np.nan),
        name=f"{series.name} (before)",
        mode="lines",
        line={"color": ACTORS[series.actor], "dash": "4px,4px", "width": 1.2},
        hoverinfo="skip",
    )


def _name(series: Series, position: str) -> go.Scatter:
    x, y = _end(series)
    return go.Scatter(
        x=x,
        y=y,
        name=f"{series.name} (name)",
        mode="text",
        text=[f" {series.name}"],
        textposition=position,
        textfont={"size": 13, "color": TEXT},
        cliponaxis=False,
        hoverinfo="skip",
    )


def _end(series: Series) -> tuple[np.ndarray, np.ndarray]:
    """The last drawn point; a line with none has no name either."""
    drawn = np.flatnonzero(np.isfinite(series.y))
    last = drawn[-1:]
    if not last.size:
        return series.x[-1:], np.array([np.nan])
    return series.x[last], series.y[last]


def _label_positions(view: View) -> list[str]:
    """Above, beside or below the line's end, so that two names do not meet."""
    positions = ["middle right"] * len(view.series)
    for panel in {series.panel for series in view.series}:
        here = [i for i, series in enumerate(view.series) if series.panel == panel]
        ends = sorted(here, key=lambda i: np.nan_to_num(_end(view.series[i])[1][0], nan=-1))
        if len(ends) > 1:
            positions[ends[0]], positions[ends[-1]] = "bottom right", "top right"
    return positions
