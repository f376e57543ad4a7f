"""Draws a ``View`` with plotly, once, and afterwards only moves the lines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots
from traitlets import Unicode

from course_lib.labs.spec import SIDES
from course_lib.labs.view import ACTORS, Panel, Series, Texts, View

TEXT = "#222222"
GRID = "#E3E3E3"
ROW_HEIGHT = 185
#: Between two panels of which the upper has an x axis of its own, pixels.
X_AXIS_HEIGHT = 84
MARGIN = {"t": 34, "b": 48}
#: Size of a line's name, and how far apart two of them stand at least, pixels.
NAME_SIZE, NAME_STEP = 13, 15
#: By how much plotly lifts a text's middle above its point, in sizes of the text.
LIFT = {"top right": 0.5, "middle right": 0.0, "bottom right": -0.5}


def build(
    view: View,
    panels: tuple[Panel, ...],
    x_title: str,
    x_range: tuple[float, float],
    sides: tuple[int, int] = SIDES,
):
    """Return a plotly figure of ``view``: stacked panels over one x axis, or over their own.

    Traces come in the order: ghosts of the moving series, the series, the names of
    each panel, the texts. Names stand at the line's end instead of in a legend, in dark text; as
    text of the lines themselves they would cost plotly a node per point.
    """
    own = any(panel.x_range for panel in panels)
    plots = ROW_HEIGHT * sum(panel.height for panel in panels)
    gaps = X_AXIS_HEIGHT * (len(panels) - 1) if own else 0
    figure = make_subplots(
        rows=len(panels),
        cols=1,
        shared_xaxes=not own,
        vertical_spacing=X_AXIS_HEIGHT / (plots + gaps) if own else 0.09,
        row_heights=[panel.height for panel in panels],
        subplot_titles=[panel.title for panel in panels],
    )
    for series in _moving(view):
        figure.add_trace(_ghost(series), row=series.panel + 1, col=1)
    for series in view.series:
        figure.add_trace(_line(series), row=series.panel + 1, col=1)
    drawn = plots + gaps + 70 - MARGIN["t"] - MARGIN["b"]
    for row in _named(view):
        low, high = figure.get_subplot(row + 1, 1).yaxis.domain
        place = [*panels[row].y_range, panels[row].log, drawn * (high - low)]
        figure.add_trace(_names(view, row, place), row=row + 1, col=1)
    for texts in view.texts:
        figure.add_trace(_texts(texts), row=texts.panel + 1, col=1)
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
        if panel.ticks:
            values, labels = zip(*panel.ticks, strict=True)
            figure.update_yaxes(
                tickvals=values,
                ticktext=labels,
                side="right",
                showgrid=False,
                showline=False,
                zeroline=False,
                row=row,
                col=1,
            )
            figure.update_xaxes(showgrid=False, zeroline=False, row=row, col=1)
    figure.update_xaxes(
        range=list(x_range),
        # Patients at risk stand at whole years, and so do the ticks beside them.
        dtick=12 if x_title.startswith("Months") else None,
        gridcolor=GRID,
        linecolor=TEXT,
        fixedrange=True,
    )
    for row, panel in enumerate(panels, start=1):
        if panel.x_range:
            low, high = panel.x_range
            figure.update_xaxes(
                title_text=panel.x_title + (" (log)" if panel.x_log else ""),
                type="log" if panel.x_log else "linear",
                range=[np.log10(low), np.log10(high)] if panel.x_log else [low, high],
                dtick=_decades(low, high) if panel.x_log else None,
                row=row,
                col=1,
            )
        elif row == len(panels) or panels[row].x_range:  # the last above an axis of another
            figure.update_xaxes(title_text=x_title, showticklabels=True, row=row, col=1)
        elif own:
            figure.update_xaxes(showticklabels=False, row=row, col=1)
    figure.update_yaxes(gridcolor=GRID, linecolor=TEXT, fixedrange=True, title_standoff=6)
    figure.update_xaxes(title_font_size=13)
    figure.update_yaxes(title_font_size=13)
    # Left-aligned panel titles read as headings and leave room for the lines.
    figure.update_annotations(x=0, xanchor="left", font={"size": 14, "color": TEXT})
    figure.update_layout(
        template="none",  # plotly would coerce its whole template at every redraw
        height=round(plots + gaps + 70),
        autosize=True,
        showlegend=False,
        paper_bgcolor="#FFFFFF",
        plot_bgcolor="#FFFFFF",
        font={"size": 13, "color": TEXT, "family": "system-ui, sans-serif"},
        margin={"l": sides[0], "r": sides[1], **MARGIN},
        hovermode="x",
    )
    return figure


class OneWayFigure(go.FigureWidget):
    """A FigureWidget that is told nothing, and draws only what moves.

    Plotly's own module travels beside a small one that is ready at once, and that keeps plotly's
    reports from the kernel: FigureWidget merges them into its own copy and has them echoed back,
    80 ms in which the kernel cannot answer the next key (measured). See ``figure.js``.

    An update draws axes, ticks and titles again, 12 of 25 ms. They never change here, so a
    move is sent as an animation of no duration and without ``redraw``.
    """

    _esm = Path(__file__).parent / "figure.js"
    _plotly = Unicode(str(go.FigureWidget._esm)).tag(sync=True)

    def _send_animate_msg(self, styles_data, relayout_data, trace_indexes, animation_opts):
        """Name one line of every panel: plotly empties a panel of which an animation has none."""
        first = {trace.yaxis: index for index, trace in reversed(list(enumerate(self.data)))}
        moved = {self.data[index].yaxis for index in trace_indexes}
        still = [index for panel, index in first.items() if panel not in moved]
        super()._send_animate_msg(
            styles_data=[*styles_data, *({} for _ in still)],
            relayout_data=relayout_data,
            trace_indexes=[*trace_indexes, *still],
            animation_opts=animation_opts,
        )

    def _perform_batch_animate(self, animation_opts):
        animation_opts["frame"]["redraw"] = False
        animation_opts["mode"] = "immediate"
        super()._perform_batch_animate(animation_opts)


def live(figure: go.Figure) -> OneWayFigure:
    """Turn a built figure into the one widget a lab keeps for its whole life."""
    widget = OneWayFigure(figure)
    # No mode bar: the axes are fixed, "Show data" gives the numbers, and plotly's
    # "Share chart" button would send a student's plot to another host.
    widget._config = {**widget._config, "displayModeBar": False, "responsive": True}
    return widget


def move(figure: go.FigureWidget, view: View, before: View | None) -> None:
    """Show ``view`` and, thin and dashed, the run ``before``: one message to the browser."""
    moving, count = len(_moving(view)), len(view.series)
    rows = _named(view)
    ghosts, lines, names, texts = np.split(
        np.array(figure.data, dtype=object), np.cumsum([moving, count, len(rows)])
    )
    with figure.batch_animate(duration=0):  # at once: one frame
        if before is not None:
            for trace, series in zip(ghosts, _moving(before), strict=True):
                _assign(trace, series.x, series.y)
        for trace, series in zip(lines, view.series, strict=True):
            _assign(trace, series.x, series.y)
        for panel, trace in zip(rows, names, strict=True):
            x, y, positions, words = _ends(view, panel, trace.meta)
            _assign(trace, x, y)
            if list(trace.textposition) != positions:
                trace.textposition = positions
            if list(trace.text) != words:
                trace.text = words
        for trace, new in zip(texts, view.texts, strict=True):
            _assign(trace, new.x, new.y)
            if tuple(trace.text) != new.texts:
                trace.text = new.texts


def _decades(low: float, high: float) -> int:
    """Decades between two ticks of a log axis: in a narrow window more labels would turn."""
    return 1 if np.log10(high / low) <= 6 else 2


def _named(view: View) -> list[int]:
    """The panels in which lines have names."""
    return sorted({series.panel for series in view.series if series.label})


def _shown(view: View, panel: int) -> list[Series]:
    return [series for series in view.series if series.panel == panel and series.label]


def _moving(view: View) -> list[Series]:
    return [series for series in view.series if series.moves]


def _assign(trace, x: np.ndarray, y: np.ndarray) -> None:
    """Send only what differs."""
    if not np.array_equal(trace.x, x):
        trace.x = x
    if not np.array_equal(trace.y, y, equal_nan=True):
        trace.y = y


def _line(series: Series) -> go.Scatter:
    hover = "%{y:.3g}<extra>" + series.name + "</extra>"
    if series.symbol:
        colour = ACTORS[series.actor]
        marker = {"symbol": series.symbol, "size": 11, "color": colour, "line": {"width": 2}}
        return go.Scatter(
            x=series.x,
            y=series.y,
            name=series.name,
            mode="markers",
            marker=marker,
            cliponaxis=False,
            hovertemplate=hover,
        )
    return go.Scatter(
        x=series.x,
        y=series.y,
        name=series.name,
        mode="lines",
        line={
            "color": ACTORS[series.actor],
            "dash": series.dash,
            "shape": "hv" if series.steps else "linear",
            # The control is drawn last and thinner: a line of equal course shows beside it.
            "width": (1.4 if series.actor == "control" else 2.8) if series.moves else 1.2,
        },
        hovertemplate=hover,
    )


def _ghost(series: Series) -> go.Scatter:
    if series.symbol:
        open_symbol = series.symbol.removesuffix("-open") + "-open"
        return go.Scatter(
            x=series.x,
            y=np.full(len(series.x), np.nan),
            name=f"{series.name} (before)",
            mode="markers",
            marker={"symbol": open_symbol, "size": 8, "color": ACTORS[series.actor]},
            cliponaxis=False,
            hoverinfo="skip",
        )
    return go.Scatter(
        x=series.x,
        y=np.full(len(series.x), np.nan),
        name=f"{series.name} (before)",
        mode="lines",
        line={
            "color": ACTORS[series.actor],
            "dash": "4px,4px",
            "shape": "hv" if series.steps else "linear",
            "width": 1.2,
        },
        hoverinfo="skip",
    )


def _names(view: View, panel: int, place: list) -> go.Scatter:
    """The names of one panel's lines, each where its line is last drawn.

    place: lowest and highest value of the panel, whether it is logarithmic, its height in pixels.
    """
    x, y, positions, texts = _ends(view, panel, place)
    name = f"names of panel {panel}"
    return _written(name, x, y, texts, size=NAME_SIZE, textposition=positions, meta=place)


def _texts(texts: Texts) -> go.Scatter:
    name, x, y, written = texts.name, texts.x, texts.y, texts.texts
    return _written(name, x, y, written, size=12, textposition=texts.position)


def _written(name: str, x: np.ndarray, y: np.ndarray, texts, size: int, **more) -> go.Scatter:
    return go.Scatter(
        x=x,
        y=y,
        name=name,
        mode="text",
        text=texts,
        textfont={"size": size, "color": TEXT},
        cliponaxis=False,
        hoverinfo="skip",
        **more,
    )


def _ends(
    view: View, panel: int, place: list
) -> tuple[np.ndarray, np.ndarray, list[str], list[str]]:
    """Where the names of a panel's lines stand, on which side of that point, and the names.

    A line that leaves the panel at the top keeps its name there, with an arrow.
    """
    highest = place[1]
    shown = _shown(view, panel)
    ends = np.array([_end(series) for series in shown])
    x, y = ends.reshape(-1, 2).T
    texts = [
        f" {series.name} ↑" if end > highest else f" {series.name}"
        for series, end in zip(shown, y, strict=True)
    ]
    # A line that stops early stands on the axis: its name goes above, not across it.
    last = max(series.x[-1] for series in shown)
    positions = ["top right" if end < last else "middle right" for end in x]
    if len(y) > 1:  # the outer two lean away, so that names do not meet
        order = np.argsort(np.nan_to_num(y, nan=-1), kind="stable")
        positions[order[0]], positions[order[-1]] = "bottom right", "top right"
    return x.copy(), _apart(x, np.minimum(y, highest), positions, place), positions, texts


def _apart(x: np.ndarray, y: np.ndarray, positions: list[str], place: list) -> np.ndarray:
    """Return ``y`` with those names moved that would meet another one, or the axis below."""
    low, high, log, pixels = place
    scale = np.log10 if log else np.asarray
    unit = (scale(high) - scale(low)) / pixels  # of the axis, a pixel
    y = y.copy()
    for end in np.unique(x):
        here = np.flatnonzero((x == end) & (y > 0 if log else np.isfinite(y)))
        lift = NAME_SIZE * np.array([LIFT[positions[at]] for at in here])
        middle = (scale(y[here]) - scale(low)) / unit + lift
        order = np.argsort(middle, kind="stable")
        wanted, here, lift = middle[order], here[order], lift[order]
        moved = _spread(wanted, pixels)
        away = np.abs(moved - wanted) > 1e-6
        value = (moved - lift) * unit + scale(low)
        y[here[away]] = (10**value if log else value)[away]
    return y


def _spread(wanted: np.ndarray, height: float) -> np.ndarray:
    """Return the nearest heights that keep their order, stand apart and inside the panel.

    wanted: rising heights, pixels; height: of the panel, whose title stands above it.  Names that
    meet become a block around their mean.
    """
    blocks: list[list[float]] = []  # lowest height of each block that keeps its steps, and sizes
    for middle in wanted:
        blocks.append([middle, 1])
        while len(blocks) > 1 and blocks[-1][0] < blocks[-2][0] + NAME_STEP * blocks[-2][1]:
            start, size = blocks.pop()
            below, count = blocks[-1]
            mean = (below * count + (start - NAME_STEP * count) * size) / (count + size)
            blocks[-1] = [mean, count + size]
    steps = [start + NAME_STEP * step for start, size in blocks for step in range(int(size))]
    up = NAME_STEP * np.arange(len(steps))
    steps = np.minimum(steps, height - NAME_SIZE / 2 - up[::-1])
    return np.maximum(steps, NAME_SIZE / 2 + up)


def _end(series: Series) -> tuple[float, float]:
    """The last drawn point; a line with none has no name either."""
    drawn = np.flatnonzero(np.isfinite(series.y))
    last = drawn[-1] if drawn.size else -1
    return float(series.x[last]), float(series.y[last])
