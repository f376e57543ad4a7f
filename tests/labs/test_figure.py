"""What every plot of the course promises: contrast, fixed axes, names on lines, ghosts."""

from dataclasses import replace

import numpy as np
import pytest

from course_lib.labs import figure as drawing
from course_lib.labs.view import ACTORS, Panel, Reading, Series, Table, Texts, View

PANELS = (Panel("Top", "mg/L", (0.1, 1000), log=True), Panel("Bottom", "mm", (0, 250)))


def a_view(level: float | np.ndarray, end: float = 50.0) -> View:
    x = np.arange(5.0)
    return View(
        series=(
            Series("drug", 0, x, level * np.ones(5), "drug"),
            Series("tumour", 1, x, np.linspace(10, end, 5), "tumour"),
            Series("limit", 1, x, np.full(5, 30.0), "control", moves=False),
        ),
        sentence="A sentence.",
        alt="A plot.",
        readings=(Reading("Level", float(np.mean(level)), "mg/L", 1),),
        table=Table("Numbers", ("Day", "Level"), (("0", "1"),)),
    )


def built(view):
    return drawing.live(drawing.build(view, PANELS, "Days", (0, 4)))


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return float(np.dot((0.2126, 0.7152, 0.0722), linear))


def contrast_with_white(colour: str) -> float:
    return 1.05 / (luminance(colour) + 0.05)


def test_contrast_formula_against_the_extremes():
    assert contrast_with_white("#000000") == pytest.approx(21)
    assert contrast_with_white("#FFFFFF") == pytest.approx(1)


@pytest.mark.parametrize("actor", ACTORS)
def test_every_actor_reaches_3_to_1_on_white(actor):
    assert contrast_with_white(ACTORS[actor]) >= 3


def test_text_reaches_4_5_to_1_on_white():
    assert contrast_with_white(drawing.TEXT) >= 4.5


def test_axes_are_fixed_and_say_unit_and_log():
    figure = built(a_view(10))
    assert figure.layout.yaxis.title.text == "mg/L (log)"
    assert figure.layout.yaxis2.title.text == "mm"
    assert tuple(figure.layout.yaxis.range) == (-1, 3)
    before = figure.layout.to_plotly_json()
    drawing.move(figure, a_view(500, end=240), a_view(10))
    assert figure.layout.to_plotly_json() == before


def test_every_line_carries_its_name_at_its_end():
    figure = built(a_view(10))
    drawing.move(figure, a_view(10, end=77), before=None)
    top, bottom = figure.data[5:]
    assert [text.strip() for text in (*top.text, *bottom.text)] == ["drug", "tumour", "limit"]
    assert (*top.x, *top.y) == (4, 10)
    assert (*bottom.x, *bottom.y) == (4, 4, 77, 30)


def test_a_name_stays_where_its_line_is_last_drawn():
    def until(days):
        return a_view(np.where(np.arange(5) < days, 10.0, np.nan))

    figure = built(until(3))
    assert (figure.data[5].x[0], figure.data[5].y[0]) == (2, 10)
    drawing.move(figure, until(0), before=None)
    assert np.isnan(figure.data[5].y[0])


def test_moving_shows_the_new_run_and_the_one_before():
    figure = built(a_view(10))
    assert np.isnan(figure.data[0].y).all()
    drawing.move(figure, a_view(20), before=a_view(10))
    assert np.array_equal(figure.data[0].y, np.full(5, 10.0))
    assert np.array_equal(figure.data[2].y, np.full(5, 20.0))
    assert figure.data[0].name == "drug (before)"


def test_reference_lines_have_no_ghost():
    names = [trace.name for trace in built(a_view(10)).data]
    assert "limit" in names
    assert "limit (before)" not in names


def test_names_of_lines_that_end_together_do_not_meet():
    figure = built(a_view(10, end=31))  # tumour ends just above the limit at 30
    assert figure.data[6].textposition == ("top right", "bottom right")
    drawing.move(figure, a_view(10, end=12), before=None)
    assert figure.data[6].textposition == ("bottom right", "top right")


def middles(trace, panel, height):
    """Where plotly writes the middles of names in a panel of this height, pixels."""
    scale = np.log10 if panel.log else np.asarray
    low, high = scale(panel.y_range)
    lift = np.array([{"top": 6.5, "middle": 0, "bottom": -6.5}[p.split()[0]] for p in
                     trace.textposition])  # fmt: skip
    return (scale(trace.y) - low) / (high - low) * height + lift


@pytest.mark.parametrize("panel", [Panel("One", "mm", (0, 250)), Panel("One", "g", (1, 1e4), True)])
@pytest.mark.parametrize("ends", [(3, 3, 3, 3), (189, 189, 159, 159), (1, 1, 250, 250)])
def test_four_names_never_meet_each_other_the_axis_or_the_title(panel, ends):
    lines = tuple(
        Series(f"line {i}", 0, np.arange(2.0), np.array([20.0, end]), "drug")
        for i, end in enumerate(ends)
    )
    figure = drawing.build(replace(a_view(10), series=lines), (panel,), "Days", (0, 1))
    height = figure.layout.height - 34 - 48
    at = np.sort(middles(figure.data[8], panel, height))
    assert at[0] >= 6.4
    assert at[-1] <= height - 6.4
    assert np.diff(at).min() >= 14.9


def test_names_that_meet_nothing_stay_at_their_lines():
    lines = tuple(
        Series(f"line {end}", 0, np.arange(2.0), np.array([20.0, end]), "drug")
        for end in (40.0, 120.0, 200.0)
    )
    figure = drawing.build(replace(a_view(10), series=lines), PANELS[1:], "Days", (0, 1))
    assert tuple(figure.data[6].y) == (40, 120, 200)


def test_no_button_can_send_a_plot_elsewhere():
    assert built(a_view(10))._config["displayModeBar"] is False


def test_a_line_that_leaves_its_panel_keeps_its_name_at_the_top():
    figure = built(a_view(10, end=400))  # the panel ends at 250
    assert figure.data[6].text[0].strip() == "tumour ↑"
    at = middles(figure.data[6], PANELS[1], figure.data[6].meta[3])
    assert at[0] == pytest.approx(figure.data[6].meta[3] - 6.5)  # all of it below the title
    drawing.move(figure, a_view(10, end=100), before=None)
    assert figure.data[6].text[0].strip() == "tumour"
    assert figure.data[6].y[0] == 100


COUNTS = Panel("At risk", "", (-0.7, 1.7), ticks=((1, "drug"), (0, "control")), height=0.35)


def with_counts(level, counts):
    view = a_view(level)
    rows = Texts("at risk", 2, np.array([0.0, 2.0]), np.ones(2), counts)
    return replace(view, texts=(rows,))


def test_numbers_in_a_panel_of_texts_move_and_are_named():
    panels = (*PANELS, COUNTS)
    figure = drawing.live(drawing.build(with_counts(10, ("9", "4")), panels, "Days", (0, 4)))
    assert figure.layout.yaxis3.ticktext == ("drug", "control")
    assert figure.data[-1].text == ("9", "4")
    drawing.move(figure, with_counts(20, ("8", "3")), before=a_view(10))
    assert figure.data[-1].text == ("8", "3")
    assert np.array_equal(figure.data[2].y, np.full(5, 20.0))


def test_months_are_ticked_by_the_year_as_patients_at_risk_are_counted():
    months, days = (
        drawing.build(a_view(10), PANELS, f"{unit} since the first dose", (0, 42)).layout
        for unit in ("Months", "Days")
    )
    assert (months.xaxis.dtick, days.xaxis.dtick) == (12, None)


def test_a_lower_panel_makes_the_figure_less_high():
    tall = drawing.build(
        with_counts(10, ("9", "4")), (*PANELS, replace(COUNTS, height=1)), "", (0, 4)
    )
    low = drawing.build(with_counts(10, ("9", "4")), (*PANELS, COUNTS), "", (0, 4))
    assert low.layout.height < tall.layout.height
    heights = [np.ptp(low.layout[axis].domain) for axis in ("yaxis", "yaxis3")]
    assert heights[1] == pytest.approx(0.35 * heights[0])


def test_survival_curves_and_their_ghosts_are_steps():
    view = a_view(10)
    steps = replace(view, series=(replace(view.series[0], steps=True), *view.series[1:]))
    shapes = [trace.line.shape for trace in built(steps).data[:5]]
    assert shapes == ["hv", "linear", "hv", "linear", "linear"]


def test_a_move_is_one_message_that_leaves_the_axes_alone():
    """Redrawn axes cost as much as all lines together; ``redraw`` off also spares the ticks."""
    figure, sent = built(a_view(10)), []
    figure._send_animate_msg = lambda **message: sent.append(message)
    drawing.move(figure, a_view(20), before=a_view(10))
    (message,) = sent
    assert message["animation_opts"]["frame"] == {"duration": 0, "redraw": False}
    assert message["relayout_data"] == {}


def test_a_move_names_a_line_of_every_panel():
    """Plotly takes everything out of a panel that an animation does not name."""
    figure, sent = built(a_view(10)), []
    figure.observe(lambda change: sent.append(change["new"]), "_py2js_animate")
    drawing.move(figure, a_view(20), before=None)  # the lower panel stands still
    message = next(each for each in sent if each)
    panels = [figure.data[index].yaxis for index in message["style_traces"]]
    assert set(panels) == {"y", "y2"}
    assert len(message["style_data"]) == len(panels)


PHASE = (
    Panel("Phase", "mm", (1, 100), log=True, x_title="cells", x_range=(10, 1e4), x_log=True),
    Panel("Course", "mm", (0, 250)),
    Panel("Below", "mm", (0, 250)),
)


def in_three_panels(symbol):
    x = np.arange(5.0)
    return replace(
        a_view(10),
        series=(
            Series("path", 0, 10 + x, 1 + x, "tumour"),
            Series("start", 0, x[:1] + 10, x[:1] + 1, "t_cell", symbol=symbol, label=False),
            Series("course", 1, x, x, "tumour"),
            Series("below", 2, x, x, "tumour"),
        ),
    )


def test_a_panel_can_have_an_x_axis_of_its_own():
    layout = drawing.build(in_three_panels("circle"), PHASE, "Days", (0, 4)).layout
    assert (layout.xaxis.type, tuple(layout.xaxis.range)) == ("log", (1, 4))
    assert layout.xaxis.title.text == "cells (log)"
    assert tuple(layout.xaxis2.range) == tuple(layout.xaxis3.range) == (0, 4)
    assert (layout.xaxis2.title.text, layout.xaxis3.title.text) == (None, "Days")
    assert (layout.xaxis2.showticklabels, layout.xaxis3.showticklabels) == (False, True)
    tops, bottoms = zip(*(layout[f"yaxis{n}"].domain[::-1] for n in ("", 2, 3)), strict=True)
    plots = layout.height - layout.margin.t - layout.margin.b
    room = (np.array(bottoms[:-1]) - np.array(tops[1:])) * plots
    assert (room > 60).all()  # for the numbers and the title of an x axis, and a panel's title


def test_points_are_told_by_their_symbol_and_leave_an_open_one_behind():
    figure = drawing.live(drawing.build(in_three_panels("circle"), PHASE, "Days", (0, 4)))
    point = next(trace for trace in figure.data if trace.name == "start")
    ghost = next(trace for trace in figure.data if trace.name == "start (before)")
    assert (point.mode, point.marker.symbol) == ("markers", "circle")
    assert (ghost.mode, ghost.marker.symbol) == ("markers", "circle-open")
    names = [t for trace in figure.data if trace.mode == "text" for t in trace.text]
    assert [name.strip() for name in names] == ["path", "course", "below"]
