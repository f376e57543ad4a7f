"""Draws a ``View`` with plotly, once, and afterwards only moves the lines."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from course_lib.labs.view import ACTORS, Panel, Series, View

TEXT = "#222222"
GRID = "#E3E3E3"
ROW_HEIGHT = 185


def build(view: View, panels: tuple[Panel, ...], x_title: str, x_range: tuple[float, float]):
    """Return a plotly figure of ``view``: stacked panels over one shared x axis.

    Traces come in the order: ghosts of the moving series, then the series. Names
    stand at the line's end instead of in a legend, in dark text.
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
    for trace, position in zip(
        figure.data[-len(view.series) :], _label_positions(view), strict=True
    ):
        trace.textposition = position
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
    ghosts = len(_moving(view))
    with figure.batch_update():
        if before is not None:
            for trace, series in zip(figure.data, _moving(before), strict=False):
                _assign(trace, series, None)
        for trace, series, position in zip(
            figure.data[ghosts:], view.series, _label_positions(view), strict=True
        ):
            _assign(trace, series, series.name)
            if trace.textposition != position:
                trace.textposition = position


def forget(figure: go.FigureWidget) -> None:
    """Take the "before" lines away."""
    with figure.batch_update():
        for trace in figure.data:
            if trace.name.endswith("(before)"):
                trace.y = np.full(len(trace.y), np.nan)


def _moving(view: View) -> list[Series]:
    return [series for series in view.series if series.moves]


def _assign(trace, series: Series, name: str | None) -> None:
    """Send only what differs; x and the name move where the days of the run differ."""
    if not np.array_equal(trace.x, series.x):
        trace.x = series.x
        if name is not None:
            trace.text = _label(series, name)
    if not np.array_equal(trace.y, series.y, equal_nan=True):
        trace.y = series.y


def _line(series: Series) -> go.Scatter:
    return go.Scatter(
        x=series.x,
        y=series.y,
        name=series.name,
        mode="lines+text",
        text=_label(series, series.name),
        textposition="middle right",
        textfont={"size": 13, "color": TEXT},
        cliponaxis=False,
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


def _label(series: Series, text: str) -> list[str]:
    """Text at the last point only, so that moving the line moves its name."""
    return [""] * (len(series.x) - 1) + [f" {text}"]


def _label_positions(view: View) -> Iterable[str]:
    """Above, beside or below the line's end, so that names do not meet.

    Where two lines of a panel end close together, the upper one's name goes up.
    """
    positions = ["middle right"] * len(view.series)
    for panel in {series.panel for series in view.series}:
        ends = sorted(
            ((_end(series), i) for i, series in enumerate(view.series) if series.panel == panel),
        )
        if len(ends) > 1:
            for rank, (_, i) in enumerate(ends):
                positions[i] = "bottom right" if rank == 0 else "top right"
            if len(ends) > 2:
                positions[ends[1][1]] = "middle right"
    return positions


def _end(series: Series) -> float:
    last = float(series.y[-1])
    return last if np.isfinite(last) else -np.inf
