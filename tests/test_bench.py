"""The page of ./course bench; the benches themselves are measured, not tested."""

from bench import _report

ROWS = [
    {"name": "never seen", "course": 0.0, "peer": 3.0, "ratio": 0.0},
    {"name": "far ahead", "course": 1.0, "peer": 54321.0, "ratio": 54321.0},
    {"name": "alone", "course": 39.6, "peer": None, "ratio": None},
]


def test_the_page_begins_with_the_worst_ratio_and_shows_every_row(tmp_path):
    page = tmp_path / "bench.html"
    _report.write({"doors": {"what": "a <door>", "rows": ROWS}}, page)
    text = page.read_text(encoding="utf-8")
    first, second = text.split("<table>")[1:]
    assert "<td>never seen: 0</td><td>27,160</td><td>54,321</td>" in first
    assert "a &lt;door&gt;" in second
    for name in ("never seen", "far ahead", "alone"):
        assert second.count(f">{name}</th>") == 1
    assert "<td>39.6</td><td>–</td><td>–</td>" in second


def test_no_bar_leaves_the_chart():
    (bars,) = _report.chart(_report.compared({"rows": ROWS})).data
    assert bars.y == ("far ahead", "never seen")
    assert all(0.099 < 1 + value < 1000 for value in bars.x)
    assert bars.text == ("54,321", "0")
