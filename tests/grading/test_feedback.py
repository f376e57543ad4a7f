"""What a page shows of a student's work cannot act on whoever reads it."""

import numpy as np
import pytest
from bs4 import BeautifulSoup
from nbconvert.exporters import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_lib import charts, tables
from course_lib.grading.feedback import clean_html, clean_markdown, harmless

LOCKED = {"nbgrader": {"locked": True, "grade_id": "x", "grade": False, "solution": False}}
PIXEL = "data:image/png;base64,iVBORw0KGgo="
ACTING = {"script", "style", "iframe", "object", "embed", "form", "input", "meta", "base", "svg"}
HTML = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil/x.js></SCRIPT>",
    "<img src=x onerror=alert(1)>",
    "<img src='http://evil/who-reads-this.png'>",
    "<img src='data:text/html;base64,PHNjcmlwdD4='>",
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<iframe src='javascript:alert(1)'></iframe>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href=' java&#10;script:alert(1)'>x</a>",
    "<div style='position:fixed;background:url(http://evil)' onclick=alert(1)>x</div>",
    "<style>body { display: none }</style>",
    "<form action='http://evil'><input name=token></form>",
    "<meta http-equiv=refresh content='0;url=http://evil'>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<object data='http://evil'></object><embed src='http://evil'><base href='http://evil'>",
]
MARKDOWN = [
    *HTML,
    "[x](javascript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](vbscript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x][y]\n\n[y]: javascript:alert(1)",
    "<javascript:alert(1)>",
    "![x](http://evil/who-reads-this.png)",
    "![x][y]\n\n[y]: http://evil/who-reads-this.png",
    "[![x](http://evil/x.png)](javascript:alert(1))",
]


def acts(page):
    """Return what in a page could run, load or lead astray, by a real parser."""
    found = []
    for tag in BeautifulSoup(page, "html.parser").find_all(True):
        for name, value in tag.attrs.items():
            text = " ".join(value) if isinstance(value, list) else value
            bad = name.startswith("on") or (tag.name == "img" and name == "src" and "evil" in text)
            scheme = "".join(text.split()).lower().split(":")[0]
            bad |= name in ("href", "src") and scheme in ("javascript", "vbscript")
            bad |= name in ("href", "src") and text.startswith("data:text")
            bad |= name == "style" and ("url" in text or "position" in text)
            found += [f"{tag.name} {name}={text}"] if bad else []
        if tag.name in ACTING:
            found.append(tag.name)
    return found


def body(cell):
    page, _ = HTMLExporter(template_name="classic").from_notebook_node(new_notebook(cells=[cell]))
    return page[page.index("<body") :]


def cleaned(cell):
    notebook = new_notebook(cells=[cell])
    harmless(notebook)
    return notebook.cells[0]


def shown(kind, text, **metadata):
    output = new_output("display_data", data={kind: text}, metadata=metadata)
    return new_code_cell("", outputs=[output])


@pytest.mark.parametrize("text", HTML)
def test_html_that_acts_is_disarmed(text):
    assert acts(text) or "<a href" in text, "the test's own eye is blind"
    assert acts(clean_html(text)) == []
    assert acts(body(cleaned(shown("text/html", text)))) == []


@pytest.mark.parametrize("text", MARKDOWN)
def test_markdown_that_acts_is_disarmed(text):
    assert acts(body(new_markdown_cell(text))), "the test's own eye is blind"
    assert acts(body(cleaned(new_markdown_cell(text)))) == []
    assert acts(body(cleaned(shown("text/markdown", text)))) == []


@pytest.mark.parametrize(
    ("kind", "text", "metadata"),
    [
        ("application/javascript", "alert(1)", {}),
        ("application/vnd.jupyter.widget-view+json", "{}", {}),
        ("image/png", "AAAA", {"image/png": {"width": "1 onerror=alert(1)"}}),
        ("text/html", "x", {"text/html": {"isolated": True}}),
    ],
)
def test_other_outputs_and_their_metadata_do_not_act(kind, text, metadata):
    assert acts(body(cleaned(shown(kind, text, **metadata)))) == []


@pytest.mark.parametrize(
    "text",
    [
        "p < 0.05 and CD8 > CD4; *emphasis*, `a < b`, $x < y$",
        "[a trial](https://doi.org/10.1056/NEJMoa2202809)",
        f"![a drawing]({PIXEL})",
        "1. one\n2. two\n\n> a quotation\n\n    code",
    ],
)
def test_what_students_write_stays_as_it_is(text):
    assert clean_markdown(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "<div>" * 20_000,
        "<div>" * 20_000 + "</div>" * 20_000,
        "<style " * 20_000,
        "<style>" * 20_000 + "</script>",
        "\\begin{a}" * 20_000,
        "[" * 200_000,
    ],
)
def test_what_would_take_minutes_to_read_is_left_out(text):
    """No clock here: before, each of these kept the one writer busy for 40 to 100 seconds."""
    for cell in (new_markdown_cell(text), shown("text/html", text), shown("text/markdown", text)):
        assert len(body(cleaned(cell))) < 400_000


def test_many_small_texts_do_not_add_up_to_a_long_wait():
    notebook = new_notebook(cells=[new_markdown_cell("[a](" * 5_000) for _ in range(200)])
    harmless(notebook)
    assert sum(len(cell.source) for cell in notebook.cells) < 150_000


@pytest.mark.parametrize(
    ("attachments", "shows"),
    [
        ({"x.png": {"image/png": "iVBORw0KGgo="}}, True),
        ({"x.png": {"text/html": "PHNjcmlwdD4="}}, False),
        ({"x.png": {"image/svg+xml": "PHN2Zz4="}}, False),
        ({}, False),
    ],
)
def test_a_pasted_picture_shows_and_anything_else_in_its_place_does_not(attachments, shows):
    cell = new_markdown_cell("![mine](attachment:x.png)", attachments=attachments)
    page = body(cleaned(cell))
    assert ("data:image/png;base64" in page) is shows
    assert acts(page) == []


def test_a_style_sheet_leaves_no_trace():
    assert clean_html("<style>@media print { .a { } }</style><p>x</p>") == "<p>x</p>"


def test_text_that_looks_like_a_tag_is_still_readable():
    page = body(cleaned(new_markdown_cell("if CD8<CD4 then <b>less</b>")))
    assert "if CD8&lt; CD4 then &lt; b&gt;less&lt; /b&gt;" in page


def test_the_courses_own_charts_and_tables_pass_unharmed():
    axis, times = charts.Axis("days", 0, 20, 10), np.array([0.0, 10.0, 20.0])
    lines = {"A": {"with": times, "without": times / 2}}
    chart = charts.Chart("T", "alt text", times, lines, axis, axis, (0, 20))
    for html in (
        chart._repr_html_(),
        tables.trials(["alexandra.idfs"], caption="Trials")._repr_mimebundle_()["text/html"],
    ):
        made = clean_html(html)
        assert made.count("<td") == html.count("<td")
        assert made.count("data:image/svg+xml;base64,") == html.count("data:image/svg+xml;base64,")
        assert "&lt;" not in made.replace("&lt; ", "")


def test_the_instructors_own_text_may_hold_html():
    text = "<details><summary>More</summary>text</details>"
    assert cleaned(new_markdown_cell(text, metadata=LOCKED)).source == text
