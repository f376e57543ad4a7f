"""The lessons as pages: whole without a kernel, a script or a network, on screen and on paper."""

from __future__ import annotations

import json
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup

import house
import pages
from course_lib import checks
from course_lib.cli import edition
from pages import lesson, maths

LESSONS = edition.lessons(house.ROOT)
LARGEST = "03_checkpoint_inhibitors"
SITE, REPOSITORY, HUB = "../", "some/course", "https://hub.example/user-redirect/lab/tree/course"
EACH = pytest.mark.parametrize("name", LESSONS)


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("pages")
    pages.write(house.ROOT, out, pages.Doors(SITE, REPOSITORY, HUB))
    return out


@pytest.fixture(scope="session")
def soups(folder):
    texts = {path.stem: path.read_text(encoding="utf-8") for path in folder.iterdir()}
    return {name: BeautifulSoup(text, "html.parser") for name, text in texts.items()}


def sources(name, kind):
    cells = json.loads((house.ROOT / LESSONS[name]).read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == kind]


# --- whole ---------------------------------------------------------------------------------


def test_there_is_a_page_for_each_lesson_and_a_list_of_them(soups):
    assert set(soups) == {*LESSONS, "index"}
    listed = [a["href"] for a in soups["index"].main.find_all("a")]
    assert listed == [f"{name}.html" for name in LESSONS]


@EACH
def test_it_names_itself_its_language_and_every_heading(soups, name):
    page = soups[name]
    assert page.html["lang"] == "en-GB"
    assert page.title.get_text().startswith(page.h1.get_text())
    headings = re.findall(r"^#+ (.+)$", "\n\n".join(sources(name, "markdown")), re.M)
    found = [tag.get_text() for tag in page.main.find_all(["h1", "h2", "h3"])]
    assert found == [*headings, "Answers"]


@EACH
def test_nothing_on_it_waits_for_a_kernel_a_script_or_a_file(soups, name):
    page = soups[name]
    assert not page.select("script, link, iframe, [data-tex], [data-source], [onclick]")
    assert all(image["src"].startswith("data:image/") for image in page.find_all("img"))
    assert "The lab is asleep" not in page.get_text()


@EACH
def test_every_link_leads_somewhere(soups, folder, name):
    page = soups[name]
    names = [tag["id"] for tag in page.select("[id]")]
    assert len(names) == len(set(names))
    for link in page.find_all("a"):
        address = link["href"]
        if address.startswith("#"):
            assert address[1:] in names
        elif address.startswith(f"{SITE}lab/index.html?path="):
            place = address.partition("=")[2]
            assert place in edition.served_files(house.ROOT)
        elif not address.startswith("https://"):
            assert (folder / address).is_file(), address


@EACH
def test_every_lab_is_a_question_a_sentence_a_table_and_an_answer(soups, name):
    calls = re.findall(r"^(\w+)\.lab\(", "\n".join(sources(name, "code")), re.M)
    labs = soups[name].select(".course-lab-saved")
    assert len(labs) == len(calls)
    answers = soups[name].select_one(".answers").get_text()
    for lab in labs:
        assert lab.p.get_text().startswith(lab["aria-label"])
        assert lab.img or lab["aria-label"].startswith("Tumour board")
        assert lab.table
        assert lab["aria-label"] in answers
        open_on_paper = {fold.summary.get_text() for fold in lab.select("details:not(.answer)")}
        assert open_on_paper <= {"Show data", "Show the rules", "Show the counts as a table"}
        for fold in lab.select("details.answer"):
            assert (fold.p or fold.caption).get_text() in answers
    asked = [lesson.prediction(call) for call in dict.fromkeys(calls)]
    boxes, folds = soups[name].select(".predict"), soups[name].select(".output > .answer")
    for plan, box, fold in zip(asked, boxes, folds, strict=True):
        assert plan.predict.text in box.get_text()
        assert fold.summary.get_text() == f"What the {plan.shown_by} shows, and why"
        assert plan.predict.words(plan.right) in fold.p.get_text()


@EACH
def test_every_check_is_folded_on_the_screen_and_answered_at_the_end(soups, name):
    asked = re.findall(r'checks\.ask\("(.+?)"\)', "\n".join(sources(name, "code")))
    shown = soups[name].select(".course-check")
    assert [box.legend.get_text() for box in shown] == [f"Check yourself {one}" for one in asked]
    told = soups[name].select_one(".answers").get_text()
    for box, one in zip(shown, asked, strict=True):
        assert not [fold for fold in box.find_all("details") if fold.has_attr("open")]
        assert all(option.feedback in told for option in checks.bank()[one].options)


@EACH
def test_every_word_of_the_lesson_leads_to_its_definition(soups, name):
    defined = [item["id"] for item in soups[name].select("li[id^=word-]")]
    led = [link["href"][1:] for link in soups[name].select("a.term")]
    assert sorted(led) == sorted(defined)


@EACH
def test_every_formula_is_drawn_and_told(soups, name):
    text = re.sub(r"`[^`]*`", "", "\n\n".join(sources(name, "markdown")))
    own_line = re.findall(r"\$\$.+?\$\$", text, re.S)
    inline = re.findall(r"\$[^$]+\$", re.sub(r"\$\$.+?\$\$", "", text, flags=re.S))
    for kind, formulas in ((".formula", own_line), (".maths", inline)):
        drawn = soups[name].select(kind)
        assert len(drawn) == len(formulas)
        assert all(one.svg.path and one.math for one in drawn)
    prose = soups[name].main.find_all(["p", "li", "td"])
    assert not [tag for tag in prose if "$" in tag.get_text()]


def test_a_formula_that_cannot_be_drawn_is_named():
    with pytest.raises(ValueError, match=r"\\frac{1 cannot be drawn"):
        maths.drawn([("x", False), (r"\frac{1", False)])


def test_a_lab_that_opens_twice_asks_once_and_prints_its_rules_once(soups):
    page = soups["10_patient_selection"]
    assert len(page.select(".course-lab-saved")) == 2
    assert len(page.select(".predict")) == 1
    rules = [fold.parent for fold in page.find_all("summary", string="Show the rules")]
    assert [fold.get("class") for fold in rules] == [None, ["again"]]


def test_a_notebook_that_is_no_lesson_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"^00_start_here\.ipynb is no lesson"):
        pages.write(house.make(tmp_path), tmp_path / "out")
    assert not (tmp_path / "out").exists()


# --- doors ---------------------------------------------------------------------------------


def test_a_page_leads_to_every_door_that_is_known(soups):
    doors = soups[LARGEST].select_one(".doors")
    place = f"notebooks/{LARGEST}.ipynb"
    assert [link["href"] for link in doors.find_all("a")] == [
        f"../lab/index.html?path={place}",
        f"https://mybinder.org/v2/gh/{REPOSITORY}/HEAD?urlpath=lab/tree/{place}",
        f"{HUB}/{place}",
    ]
    assert "type ./course lab 03" in doors.get_text()


def test_a_door_that_is_not_known_is_described():
    told = pages.Doors().to(LESSONS[LARGEST], "03")
    assert [door.address for door in told] == ["", "", "", ""]
    assert all(door.how for door in told)


# --- in a browser --------------------------------------------------------------------------


@pytest.fixture
def reader(page):
    """A browser page that fails on any request but the one for the page itself."""
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    yield page
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert len([url for url in asked if url.startswith("file:")]) == 1


def violations(page):
    found = Axe().run(page).response["violations"]
    return [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found]


@pytest.mark.parametrize("name", [*LESSONS, "index"])
def test_it_asks_no_host_fits_its_window_and_suits_everybody(reader, folder, name, screenshots):
    reader.set_viewport_size({"width": 800, "height": 1000})
    reader.goto((folder / f"{name}.html").as_uri())
    assert violations(reader) == []
    for width in (800, 320):
        reader.set_viewport_size({"width": width, "height": 1000})
        assert reader.evaluate("document.documentElement.scrollWidth") == width
    reader.screenshot(path=screenshots / f"page_{name}.png")


def test_on_paper_all_is_unfolded_and_answers_stand_at_the_end(reader, folder, screenshots):
    reader.goto((folder / f"{LARGEST}.html").as_uri())
    answers, feedback = reader.locator(".answers"), reader.locator(".course-check details p")
    data = reader.locator(".course-lab-saved table").first
    assert (answers.is_visible(), data.is_visible()) == (False, False)
    reader.locator(".course-check summary").first.press("Enter")
    assert feedback.first.is_visible()
    reader.emulate_media(media="print")
    assert (answers.is_visible(), data.is_visible()) == (True, True)
    assert not any(one.is_visible() for one in feedback.all())
    assert not reader.locator(".answer").first.is_visible()
    assert violations(reader) == []
    reader.pdf(path=screenshots / f"page_{LARGEST}.pdf")
