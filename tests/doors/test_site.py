"""The browser-only course in real Chromium, below a subpath, with every other host refused."""

from __future__ import annotations

import csv
import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

import house
import labpage
import leaks
import quizzes
from course_lib import cli
from course_lib.cli import edition
from hosting import hosted

SUBPATH = "immunotherapy"  # as GitHub Pages has it: HOST/REPOSITORY/
LESSONS = edition.lessons(house.ROOT)
LARGEST = "03_checkpoint_inhibitors"
QUIZ = "q06_adoptive_cell_therapy"
FIRST_VISIT = 45e6  # bytes at most, for whichever lesson is the first
WAIT = 300_000  # a slow computer's time for Python to start, or for a lesson
WIDGET = "application/vnd.jupyter.widget-view+json"
PICTURE = re.compile(r'<img class="course-picture"[^>]*>|<!-- picture -->')
PICTURES_SHOW = """panel => [...document.querySelectorAll(`${panel} .jp-MarkdownOutput img`)]
  .every(picture => picture.complete && picture.naturalWidth > 0)"""
KEY_THAT_MOVES = """control => {
  if (control.tagName === "SELECT")
    return control.selectedIndex === control.length - 1 ? "ArrowUp" : "ArrowDown";
  return control.ariaValueNow === control.ariaValueMax ? "ArrowLeft" : "ArrowRight";
}"""
#: What the browser itself asks for, whatever the page.
BROWSERS_OWN = ("content-autofill.googleapis.com:443",)

# SQLAlchemy 2.1 remarks on how nbgrader 0.9.6 builds its objects; the results are right.
pytestmark = pytest.mark.filterwarnings("ignore:Object of type:sqlalchemy.exc.SAWarning")


def pyodide() -> list[str]:
    """Where Pyodide's files come from: the official download if no folder of them is at hand."""
    beside = house.ROOT.parent / "shared" / "pyodide-0.27.7"
    folder = os.environ.get("COURSE_PYODIDE") or (beside if beside.is_dir() else None)
    return ["--pyodide", str(folder)] if folder else []


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Path:
    """The folder of the site, built by its own verb."""
    out = tmp_path_factory.mktemp("host") / SUBPATH
    command = [sys.executable, "course", "site", "--out", out, *pyodide()]
    subprocess.run(command, cwd=house.ROOT, check=True)
    return out


@pytest.fixture
def host(site):
    """A server of the site, visited for the first time; every other host is refused."""
    with hosted(site.parent) as server:
        yield server
    assert [name for name in server.elsewhere if name not in BROWSERS_OWN] == []
    assert [
        place for place, _ in server.given if re.search("scipy|pandas|matplotlib-3", place)
    ] == []


@pytest.fixture
def browser_context_args(browser_context_args, host):
    proxy = {"server": host.address, "bypass": "127.0.0.1"}
    return {**browser_context_args, "proxy": proxy, "viewport": {"width": 1280, "height": 1000}}


@pytest.fixture
def opened(page, host):
    """A function that opens a page of the course in JupyterLite and waits for its Python."""

    def go(place):
        url = f"{host.address}/{SUBPATH}/lab/index.html?path={place}"
        labpage.open_notebook(page, url, WAIT)
        return page

    return go


def downloaded(page, folder):
    """The notebook on the screen, saved and downloaded as a student does it."""
    with page.expect_download() as download:
        page.get_by_role("button", name="Save and download a copy").click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def printed(path):
    """{cell id: what the cell shows, as text and as HTML}."""
    shown = {}
    for cell in nbformat.read(path, as_version=4).cells:
        for output in cell.get("outputs", []):
            data = dict(output.get("data", {})) or {"text": output.get("text", output)}
            assert WIDGET not in data, "it would be an error once the kernel has gone"
            kinds = {
                kind: data[kind] for kind in ("text/plain", "text/html", "text") if kind in data
            }
            shown.setdefault(cell.id, []).append(
                {kind: PICTURE.sub("", str(text)) for kind, text in kinds.items()}
            )
    return shown


def assert_moves(lab):
    """Move the first control of a lab by key; the lab then says what the same lab says here."""
    skip = lab.get_by_role("button", name="Show me without predicting")
    if skip.is_visible():
        skip.click()
        locked = lab.locator(".noUi-target[disabled], .course-control select:disabled")
        expect(locked).to_have_count(0, timeout=WAIT)
    line = lab.locator(".course-settings-line")
    before = line.input_value()
    another = lab.get_by_role("button", name="Field 2", exact=True)
    if another.count():  # nothing to slide: cells are counted here
        another.click()
    else:
        control = lab.locator(".course-control").locator("select, .noUi-handle").first
        control.press(control.evaluate(KEY_THAT_MOVES))
    expect(line).not_to_have_value(before, timeout=60_000)
    code = line.input_value()
    name = code.partition(".")[0]
    native = eval(code, {name: importlib.import_module(f"course_lib.labs.{name}")})
    assert native.widget
    expect(lab.locator(".course-sentence")).to_have_text(native.access.sentence)


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_runs_as_it_does_elsewhere(name, opened, host, tmp_path, screenshots):
    page = opened(LESSONS[name])
    labpage.run_all(page, WAIT)
    assert sum(size for _, size in host.given) < FIRST_VISIT
    assert printed(downloaded(page, tmp_path)) == printed(house.ROOT / LESSONS[name])
    page.wait_for_function(PICTURES_SHOW, arg=labpage.PANEL)
    labs = page.locator(f"{labpage.PANEL} .course-lab")
    assert labs.count() >= 1
    for lab in labs.all():
        assert_moves(lab)
    labs.first.locator("h3").scroll_into_view_if_needed()
    page.screenshot(path=screenshots / f"site_{name}.png")
    assert labpage.axe_violations(page) == []


def test_work_survives_a_reload_and_can_be_read_without_a_kernel(opened, host, screenshots):
    place = LESSONS[LARGEST]
    page = opened(place)
    labpage.run_all(page, WAIT)
    lab = labpage.first_lab(page)
    for name in ("predict", "why"):
        lab.locator(f".course-control-{name} input").first.press("Space")
    record = lab.get_by_role("button", name="Record my prediction")
    expect(record).to_be_enabled(timeout=WAIT)
    record.click()
    expect(lab.locator(".course-predict")).to_contain_text("You predicted:", timeout=WAIT)
    page.locator(f"{labpage.PANEL} .jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Control+End")
    page.keyboard.insert_text("\n# my own note")
    page.keyboard.press("Control+s")
    expect(page.locator(".lm-TabBar-tab.jp-mod-dirty")).to_have_count(0, timeout=WAIT)

    host.given.clear()
    opened(place)
    assert sum(size for _, size in host.given) < FIRST_VISIT / 2
    panel = page.locator(labpage.PANEL)
    expect(panel.get_by_text("# my own note")).to_be_visible()
    expect(panel.get_by_text("Error displaying widget")).to_have_count(0)
    saved = panel.locator(".course-lab-saved")
    expect(saved.first.locator("table")).to_be_attached()
    expect(saved.first).to_contain_text("With 200 mg every 21 days")
    saved.first.screenshot(path=screenshots / "site_reopened.png")
    labpage.run_all(page, WAIT)
    said = labpage.first_lab(page).locator(".course-predict")
    expect(said).to_contain_text("You predicted:")

    # Deleted, the lesson is as it was.
    page.locator(".jp-DirListing-item", has_text=f"{LARGEST[:2]}_").click(button="right")
    page.get_by_role("menuitem", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(panel).to_have_count(0)  # its tab is closed
    opened(place)
    expect(panel.locator(".jp-CodeCell").first).to_be_visible()
    expect(panel.get_by_text("# my own note")).to_have_count(0)


def test_a_quiz_is_filled_in_downloaded_and_graded(opened, tmp_path, screenshots):
    page = opened(f"quizzes/{QUIZ}/{QUIZ}.ipynb")
    model = nbformat.read(quizzes.source(QUIZ), as_version=4)
    cells = page.locator(f"{labpage.PANEL} .jp-Cell")
    expect(cells).to_have_count(len(model.cells))
    for cell, solved in zip(cells.all(), model.cells, strict=True):
        if solved.metadata.nbgrader.solution:
            lines = [x for x in solved.source.splitlines() if not x.strip().startswith("###")]
            written = solved.cell_type == "markdown"
            if written:
                cell.locator(".jp-RenderedMarkdown").dblclick()
            cell.locator(".cm-content").click()
            page.keyboard.press("Control+a")
            page.keyboard.insert_text("I write what I think." if written else "\n".join(lines))
            page.keyboard.press("Escape")
    labpage.run_all(page, WAIT)
    page.screenshot(path=screenshots / "site_quiz.png")
    handed_in = tmp_path / "handed in" / "ada"
    handed_in.mkdir(parents=True)
    path = downloaded(page, handed_in)
    outputs = [o for c in nbformat.read(path, as_version=4).cells for o in c.get("outputs", [])]
    assert outputs
    assert not [output for output in outputs if output.output_type == "error"]

    folder = tmp_path / "class"
    for words in (
        ["new", folder, "q06"],
        ["release", folder, "q06"],
        ["collect", folder, "q06", handed_in.parent],
        ["grade", folder, "q06", "--workers", "1"],
        ["report", folder],
    ):
        assert cli.main(["class", *map(str, words)]) == 0
    with (folder / "report" / f"scores_{QUIZ}.csv").open(encoding="utf-8", newline="") as table:
        (marks,) = csv.DictReader(table)
    tests = {name: float(mark) for name, mark in marks.items() if name.endswith("_test")}
    points = {
        cell.metadata.nbgrader.grade_id: cell.metadata.nbgrader.points
        for cell in model.cells
        if cell.metadata.nbgrader.grade_id.endswith("_test")
    }
    assert tests == points


def test_the_start_page_leads_to_all_and_suits_everybody(page, host, site, screenshots):
    page.goto(f"{host.address}/{SUBPATH}/")
    for width in (1280, 320):
        page.set_viewport_size({"width": width, "height": 1000})
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert Axe().run(page).response["violations"] == []
        page.screenshot(path=screenshots / f"site_start_{width}.png", full_page=True)
    links = page.locator("a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    opens = {link.partition("?path=")[2] for link in links} - {""}
    assert opens == {*LESSONS.values(), *edition.quizzes(house.ROOT).values()}
    assert all((site / "files" / place).is_file() for place in opens)
    reads = [link for link in links if "?path=" not in link]
    assert len(reads) == len(LESSONS)
    assert all((site / link).is_file() for link in reads)


def test_only_the_student_edition_is_in_it(site):
    laid = {path.relative_to(site / "files").as_posix() for path in (site / "files").rglob("*.*")}
    assert laid == set(edition.served_files(house.ROOT))
    ours = re.compile(r"(files|api|read)/|index\.html$|.*/breast_cancer_")  # the rest is published
    files = {place: data for place, data in leaks.contents(site).items() if ours.match(place)}
    assert any(place.endswith(".whl") for place in files)
    # Outlines of drawn formulas and sizes of files are long numbers, too.
    drawn = re.compile(rb"<svg.*?</svg>", re.DOTALL)
    files |= {place: drawn.sub(b"", files[place]) for place in files if place.startswith("read/")}
    assert [told for told in leaks.found(files) if ".dist-info/RECORD" not in told] == []


def test_lessons_and_quizzes_are_unchanged(site):
    for place, source in edition.served_files(house.ROOT).items():
        assert (site / "files" / place).read_bytes() == source.read_bytes()


def test_no_other_host_is_named_where_python_loads_its_packages(site):
    config = json.loads((site / "jupyter-lite.json").read_text(encoding="utf-8"))
    kernel = config["jupyter-config-data"]["litePluginSettings"][
        "@jupyterlite/pyodide-kernel-extension:kernel"
    ]
    assert kernel["disablePyPIFallback"]
    assert kernel["pyodideUrl"].startswith("./")
    lock = json.loads((site / "static/pyodide/pyodide-lock.json").read_text(encoding="utf-8"))
    for package in lock["packages"].values():
        assert (site / "static/pyodide" / package["file_name"]).is_file()
        assert {name.replace("_", "-") for name in package["depends"]} <= set(lock["packages"])
