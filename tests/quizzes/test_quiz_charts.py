"""Still charts in quizzes: the picture and its table show the same numbers."""

import re
from base64 import b64decode
from xml.etree import ElementTree

import numpy as np
import pytest

from course_lib import charts
from course_lib.models.checkpoint_inhibitors import Schedule, Tumour, simulate

TIMES = np.array([0.0, 10.0, 20.0])
PANELS = {
    "A & B": {"with": np.array([1.0, 3.0, 5.0]), "without": np.array([1.0, 6.0, 10.0])},
    "C": {"with": np.array([1.0, 1.0, 2.0]), "without": np.array([1.0, 2.0, 99.0])},
}
CHART = charts.Chart(
    title="Two <tumours>",
    alt='Two "plots"',
    times=TIMES,
    panels=PANELS,
    x=charts.Axis("days", 0, 20, 10),
    y=charts.Axis("mm", 0, 10, 5),
    rows=(0, 5, 20),
)


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_the_table_gives_the_plotted_values_between_the_points_too():
    heads, *rows = CHART.table()
    assert heads == ["days", "A & B, with", "A & B, without", "C, with", "C, without"]
    assert rows == [
        ["0", "1", "1", "1", "1"],
        ["5", "2", "4", "1", "2"],
        ["20", "5", "10", "2", "99"],
    ]


def test_the_lines_lie_where_the_axes_say_and_stay_inside_them():
    lines = re.findall(r'points="([^"]+)" fill="none"', CHART.svg())[2:]
    corners = [[tuple(map(float, p.split(","))) for p in line.split()] for line in lines]
    left, bottom, top = charts.LEFT, CHART.height - charts.BOTTOM, charts.TOP
    for points, values in zip(
        corners, [v for p in PANELS.values() for v in p.values()], strict=True
    ):
        for (across, up), time, value in zip(points, TIMES, values, strict=True):
            assert (across - left) % (CHART.width + charts.GAP) == pytest.approx(
                time / 20 * CHART.width, abs=0.1
            )
            expected = bottom - min(value, 10) / 10 * (bottom - top)
            assert up == pytest.approx(expected, abs=0.1)


def test_the_picture_is_well_formed_and_described():
    page = CHART._repr_html_()
    (data,) = re.findall(
        r'<img alt="Two &quot;plots&quot;" src="data:image/svg\+xml;base64,(.+?)"', page
    )
    assert b64decode(data).decode() == CHART.svg()
    assert ElementTree.fromstring(CHART.svg()).tag.endswith("svg")
    assert "<caption>Two &lt;tumours&gt;: the plotted values, mm</caption>" in page
    assert "<script" not in page
    assert page == CHART._repr_html_()


def test_a_chart_of_tumours_shows_each_run_with_and_without_the_drug():
    run = simulate(Tumour(infiltration=2.5, cps=50), Schedule(dose=[200, 0]), 240)
    chart = charts.tumour_sizes({"A": run}, "One tumour")
    assert chart.panels["A"]["with the drug"].tolist() == run.size[:, 0].tolist()
    assert chart.panels["A"]["without the drug"].tolist() == run.size[:, 1].tolist()
    assert chart.y.high - 20 < run.size.max() <= chart.y.high
    last = "; ".join(chart.table()[-1])
    assert last == f"240; {run.size[-1, 0]:.0f}; {run.size[-1, 1]:.0f}"
    assert f"A: {run.size[-1, 0]:.0f} with the drug, {run.size[-1, 1]:.0f} without" in chart.alt


def test_lines_differ_in_dash_and_stand_out_from_white():
    assert len({dash for _, dash in charts.STYLES}) == len(charts.STYLES)
    for colour, _ in charts.STYLES:
        assert 1.05 / (luminance(colour) + 0.05) >= 3
