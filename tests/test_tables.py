"""Evidence tables: the same cells as text and as HTML, accessible, printable, no widgets."""

import re
from html import escape
from html.parser import HTMLParser

import pytest

from course_lib import evidence, tables
from course_lib.tables import Link, Table

SOURCES = [tables.sources(name) for name in evidence.topics()]
COMPARED = [
    q.key
    for name in evidence.topics()
    for q in evidence.topic(name).values()
    if q.tested and q.status != "open"
]
TRIALS = tables.trials(COMPARED, caption="All comparisons")
EVERY = [*SOURCES, TRIALS]


class Reader(HTMLParser):
    """What a browser would find: caption, cells with their tag and scope, links, attributes."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.open, self.rows, self.links, self.attributes = [], [], [], [], set()
        self.caption = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.open.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "tr":
            self.rows.append([])
        elif tag in ("th", "td"):
            self.rows[-1].append([tag, dict(attrs).get("scope"), ""])
        elif tag == "a":
            self.links.append(dict(attrs)["href"])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        data = data.replace("\N{NO-BREAK SPACE}", " ")
        if "caption" in self.open:
            self.caption += data
        elif self.rows and self.rows[-1] and self.open[-1] in ("th", "td", "a"):
            self.rows[-1][-1][2] += data


@pytest.mark.parametrize("table", EVERY, ids=lambda table: table.caption)
def test_html_is_accessible(table):
    page = Reader(table.html())
    assert page.open == []
    assert page.tags[:2] == ["table", "caption"]
    assert page.caption == table.caption
    head, *body = page.rows
    assert [(tag, scope) for tag, scope, _ in head] == [("th", "col")] * len(head)
    assert all(text for _, _, text in head)
    for row in body:
        assert len(row) == len(head)
        assert row[0][:2] == ["th", "row"]
        assert {tag for tag, _, _ in row[1:]} == {"td"}
        assert all(text.strip() for _, _, text in row)
    assert all(link.startswith("https://") for link in page.links)


@pytest.mark.parametrize("table", EVERY, ids=lambda table: table.caption)
def test_nothing_but_a_plain_table(table):
    page = Reader(table.html())
    allowed = {"table", "caption", "thead", "tbody", "tr", "th", "td", "a"}
    assert set(page.tags) <= allowed
    assert page.attributes <= {"scope", "style", "href", "data-name"}
    assert set(table._repr_mimebundle_()) == {"text/plain", "text/html"}
    for word in ("color", "background", "width", "<script"):
        assert word not in table.html()


@pytest.mark.parametrize("table", EVERY, ids=lambda table: table.caption)
def test_text_and_html_hold_the_same_cells(table):
    """Short tables in aligned columns; long ones would be mostly spaces."""
    page = Reader(table.html())
    if len(table.rows) > tables.LONG:
        caption, blank, *lines = table.text().split("\n")
        assert (caption, blank) == (table.caption, "")
        for line, row in zip(lines, page.rows, strict=True):
            assert line.split(" | ") == [text for _, _, text in row]
        return
    caption, blank, head, rule, *lines = table.text().split("\n")
    assert (caption, blank) == (table.caption, "")
    starts = [i for i in range(len(rule)) if rule[i] == "-" and (i == 0 or rule[i - 1] == " ")]
    ends = [*starts[1:], None]
    for line, row in zip([head, *lines], page.rows, strict=True):
        cells = [line[a:b].strip() for a, b in zip(starts, ends, strict=True)]
        assert cells == [text for _, _, text in row]
        assert line == line.rstrip()


def test_tables_are_the_same_at_every_run():
    again = tables.trials(COMPARED, caption="All comparisons")
    assert again._repr_mimebundle_() == TRIALS._repr_mimebundle_()
    assert (
        tables.sources("checkpoint_inhibitors").html()
        == SOURCES[evidence.topics().index("checkpoint_inhibitors")].html()
    )


def test_sources_show_value_unit_kind_status_and_doi():
    keys = ["pembrolizumab.clearance", "immune_events.any", "tumour.lesions"]
    table = tables.sources(keys, caption="Three")
    head, *rows = Reader(table.html()).rows
    assert [text for *_, text in head] == ["Quantity", "Value", "Kind", "Status", "Source"]
    shown = [[text for *_, text in row] for row in rows]
    assert shown[0] == [
        "Clearance",
        "0.22 L/day",
        "model fit",
        "read in the source",
        "Ahamadi 2017, doi:10.1002/psp4.12139",
    ]
    assert shown[1][1] == "23.7 %"
    assert shown[2][3:] == ["own choice or calculation", "this course"]
    assert "https://doi.org/10.1002/psp4.12139" in Reader(table.html()).links


def test_a_publisher_that_is_its_own_author_is_named_once():
    keys = ["approval.metastatic_europe", "patient_advice.when_to_call", "cps.minimum_tumour_cells"]
    page = Reader(tables.sources(keys, caption="Three").html())
    assert [row[-1][2] for row in page.rows[1:]] == [
        "Merck 2021",
        "Merck, undated",
        "PubMed Central PMC7265767, undated",
    ]
    assert len(page.links) == 3


@pytest.mark.parametrize("table", EVERY, ids=lambda table: table.caption)
def test_no_source_repeats_itself(table):
    for row in Reader(table.html()).rows[1:]:
        name, _, link = row[-1][2].partition(", ")
        assert not link or not name.startswith(link), row[-1][2]


@pytest.mark.parametrize(("rows", "folded"), [(1, False), (15, False), (16, True), (40, True)])
def test_only_a_table_of_more_than_15_rows_is_folded(rows, folded):
    table = Table("Many", ("A", "B"), ((("x",), ("y",)),) * rows)
    shown = table._repr_mimebundle_()["text/html"]
    assert table.html() in shown
    assert ('<details class="course-folded">' in shown) == folded
    assert (f"Show all {rows} rows</summary>" in shown) == folded
    assert shown.startswith("<table") != folded


@pytest.mark.parametrize("table", EVERY, ids=lambda table: table.caption)
def test_a_wide_table_can_become_blocks_that_name_every_cell(table):
    """For a narrow window: five columns of long words do not fit beside the list of files."""
    head, *body = Reader(table.html()).rows
    names = [re.findall('data-name="(.+?)"', row) for row in table.html().split("<tr>")[2:]]
    assert names == [[escape(text) for *_, text in head[1:]]] * len(body)
    assert '<div class="course-wide"><table>' in table._repr_mimebundle_()["text/html"]


def test_a_narrow_table_stays_a_table():
    table = Table("Two", ("A", "B"), ((("x",), ("y",)),))
    assert table._repr_mimebundle_()["text/html"] == table.html()


def test_a_number_keeps_its_percent_sign():
    assert tables.together("CPS < 1 % of 2") == "CPS &lt; 1\N{NO-BREAK SPACE}% of 2"


def test_trials_show_arms_effect_interval_and_testing():
    table = tables.trials(["keynote_355.os_cps1", "keynote_522.pcr"], caption="Two trials")
    first, second = ([text for *_, text in row] for row in Reader(table.html()).rows[1:])
    assert first == [
        "KEYNOTE-355 (Cortes 2022)",
        "CPS ≥ 1 (636)",
        "overall survival (data to 15 June 2021)",
        "pembrolizumab + chemotherapy: 17.6 months; placebo + chemotherapy: 16.0 months",
        "hazard ratio 0.86 (0.72 to 1.04)",
        "not met, p = 0.11 (two-sided)",
    ]
    assert second[4:] == ["13.6 percentage points (5.4 to 21.8)", "met, p = 0.00055 (one-sided)"]


def test_rows_keep_the_order_they_were_asked_for():
    keys = ["keynote_355.os_itt", "keynote_355.os_cps10"]
    there, back = (tables.trials(order, caption="x").rows for order in (keys, keys[::-1]))
    assert there == back[::-1]


def test_what_is_no_comparison_or_open_is_refused():
    with pytest.raises(ValueError, match=r"'pembrolizumab\.clearance' compares nothing"):
        tables.trials(["pembrolizumab.clearance"], caption="x")
    with pytest.raises(ValueError, match=r"'keynote_355\.immune_mediated' is open"):
        tables.trials(["keynote_355.immune_mediated"], caption="x")
    with pytest.raises(KeyError, match="nearest"):
        tables.sources(["pembrolizumab.clearence"])
    with pytest.raises(KeyError, match="no evidence topic"):
        tables.sources("no_such_topic")


def test_signs_of_html_are_escaped():
    table = Table("a < b", ("<i>", "&"), ((("x",), ("<b>", Link("<u>", 'https://x.org/"'))),))
    page = Reader(table.html())
    assert (page.caption, page.rows[1][1][2], page.links) == (
        "a < b",
        "<b><u>",
        ['https://x.org/"'],
    )
    assert {"i", "b", "u"}.isdisjoint(page.tags)
