"""Still charts in quizzes: the picture and its table show the same numbers."""

import re
from base64 import b64decode
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest

from course_lib import charts
from course_lib.models.checkpoint_inhibitors import Pembrolizumab
from course_lib.models.patient import Patient, simulate
from course_lib.models.survival import kaplan_meier
from course_lib.models.tumour_and_immunity import Course, Kuznetsov
from course_lib.models.tumour_and_immunity import simulate as follow
from course_lib.models.virtual_trial import DAYS_PER_MONTH

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
    run = simulate(Patient(infiltration=2.5, cps=50), [Pembrolizumab(dose=[200, 0])], 240)
    chart = charts.tumour_sizes({"A": run}, "One tumour")
    assert chart.panels["A"]["with the drug"].tolist() == run.size[:, 0].tolist()
    assert chart.panels["A"]["without the drug"].tolist() == run.size[:, 1].tolist()
    assert chart.y.high - 20 < run.size.max() <= chart.y.high
    last = "; ".join(chart.table()[-1])
    assert last == f"240; {run.size[-1, 0]:.0f}; {run.size[-1, 1]:.0f}"
    assert f"A: {run.size[-1, 0]:.0f} with the drug, {run.size[-1, 1]:.0f} without" in chart.alt


MONTHS = np.array([1.0, 4.0, 4.0, 5.0, 7.0, 8.0, 20.0])
CURVES = {
    "treated": kaplan_meier(MONTHS * DAYS_PER_MONTH, [1, 1, 0, 0, 1, 0, 0]),
    "not treated": kaplan_meier(MONTHS[:6] * DAYS_PER_MONTH, [1, 1, 1, 1, 0, 0]),
}


def test_a_survival_chart_lists_curves_and_numbers_at_risk_counted_by_hand():
    heads, *rows = charts.survival_curves(CURVES, "Two arms", 9).table()
    drawn = [f"alive without progression, {name}" for name in CURVES]
    assert heads == ["months", *drawn, *(f"at risk, {name}" for name in CURVES)]
    # treated: 6/7, then 5/6 of it, then 2/3 of it; not treated: 5/6, 3/6, 2/6 of all.
    assert rows == [
        ["0", "100", "100", "7", "6"],
        ["3", "86", "83", "6", "5"],
        ["6", "71", "33", "3", "2"],
        ["9", "48", "–", "1", "0"],
    ]


def test_a_survival_curve_falls_in_steps_and_ends_with_its_last_patient():
    chart = charts.survival_curves(CURVES, "Two arms", 9)
    lines = re.findall(r'points="([^"]+)" fill="none"', chart.svg())[2:]
    for line, curve in zip(lines, CURVES.values(), strict=True):
        points = [tuple(map(float, p.split(","))) for p in line.split()]
        for (x, y), (next_x, next_y) in pairwise(points):
            assert next_x == x or next_y == y, "a slope is no step"
            assert next_x >= x
            assert next_y >= y
        falls = sum(later[1] > first[1] for first, later in pairwise(points))
        assert falls == len(curve.times) - 1
    left, wide = chart._left(), chart.width
    ends = [max(float(p.split(",")[0]) for p in line.split()) for line in lines]
    assert ends == pytest.approx([left + wide, left + 8 / 9 * wide], abs=0.1)


def test_numbers_at_risk_stand_below_their_months_inside_the_picture():
    chart = charts.survival_curves(CURVES, "Two arms", 9)
    root = ElementTree.fromstring(chart.svg())
    texts = [e for e in root if e.tag.endswith("text") and float(e.get("y")) > chart.height]
    assert [e.text for e in texts] == [
        *("Patients at risk", "treated", "7", "6", "3", "1"),
        *("not treated", "6", "5", "2", "0"),
    ]
    high = float(root.get("height"))
    assert all(float(e.get("y")) < high - 4 for e in texts)
    places = [float(e.get("x")) for e in texts if e.text.isdigit()]
    assert places[:4] == places[4:]
    assert places[0] == chart._left()
    assert places[3] == chart._left() + chart.width


def test_a_phase_plane_lies_where_its_logarithmic_axes_say():
    """Grid lines are tenfold steps, and each path begins at a diamond, as in the lab."""
    days = np.array([0.0, 10.0, 20.0])
    held = Course(days, np.array([1e5, 1e6, 1e7]), np.array([1e6, 1e8, 1e7]), "", None, np.nan)
    gone = Course(days, np.array([1e7, 1e6, 1e5]), np.array([1e8, 1e4, 0.0]), "", None, 20.0)
    chart = charts.phase_plane({"A": held, "B": gone}, "Two tumours")
    assert chart.x.ticks() == pytest.approx([0.01, 0.1, 1, 10, 100])
    assert chart.y.ticks() == pytest.approx([0.1, 1, 10, 100, 1000])
    svg = chart.svg()
    across = chart.width / 4  # pixels for a tenfold step
    up = (chart.height - charts.TOP - charts.BOTTOM) / 4
    left, bottom = charts.LEFT, chart.height - charts.BOTTOM
    lines = re.findall(r'points="([^"]+)" fill="none"', svg)[2:]
    corners = [[tuple(map(float, p.split(","))) for p in line.split()] for line in lines]
    steps = [[(1, 1), (2, 3), (3, 2)], [(3, 3), (2, 0)]]  # below 0.1 million a path has ended
    for path, decades in zip(corners, steps, strict=True):
        expected = [(left + x * across, bottom - y * up) for x, y in decades]
        assert np.ravel(path) == pytest.approx(np.ravel(expected), abs=0.1)
    diamonds = re.findall(r'<polygon points="([^"]+)"', svg)
    for diamond, path in zip(diamonds, corners, strict=True):
        tips = np.array([point.split(",") for point in diamond.split()], dtype=float)
        directions = [(0, -6), (6, 0), (0, 6), (-6, 0)]  # up, right, down, left: no square
        assert tips - path[0] == pytest.approx(np.array(directions), abs=0.11)
    assert "<circle" not in svg, "a dot is an end state in the lab"
    assert list(chart.panels) == ["Each path begins at its diamond"]


def test_the_table_of_a_phase_plane_follows_the_days():
    k = Kuznetsov()
    courses = {"A": follow(k, 1e6, 2e7), "B": follow(k, 2e7, 2e7)}
    chart = charts.phase_plane(courses, "Two tumours")
    heads, *rows = chart.table()
    assert heads[:3] == ["day", "A: effector cells, million", "A: tumour cells, million"]
    assert rows[0] == ["0", "1", "20", "20", "20"]
    assert [row[0] for row in rows] == [*(f"{day}" for day in range(0, 101, 5)), "500"]
    assert rows[-1][2] == f"{courses['A'].tumour[-1] / 1e6:.3g}"
    assert rows[-1][4] == "0"
    small = [row[4] for row in rows if "<" in row[4]]
    assert set(small) == {"< 0.001"}, "1.5e-06 cannot be read aloud"
    assert f"to {rows[-1][1]} and {rows[-1][2]}; B" in chart.alt
    assert repr(chart).startswith("Two tumours (")
    assert "rsor" not in repr(chart)
    assert ElementTree.fromstring(chart.svg()).tag.endswith("svg")


def test_axis_labels_of_charts_stay_as_they_are_without_a_logarithm():
    assert charts.Axis("mm", 0, 60, 20).ticks().tolist() == [0, 20, 40, 60]
    assert charts.Axis("mm", 0, 60, 20).place(30, 0, 100) == 50


def test_lines_differ_in_dash_and_stand_out_from_white():
    assert len({dash for _, dash in charts.STYLES}) == len(charts.STYLES)
    for colour, _ in charts.STYLES:
        assert 1.05 / (luminance(colour) + 0.05) >= 3
