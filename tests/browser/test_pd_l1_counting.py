"""The counting exercise in JupyterLab: by keyboard alone, narrow, asleep, and checked by axe."""

import nbformat
import pytest
from playwright.sync_api import expect

from course_lib.labs import pd_l1_counting, pd_l1_drawing
from course_lib.models import pd_l1_counting as model
from labpage import axe_violations, clipped, darken, press_until

SOURCE = "from course_lib.labs import pd_l1_counting\npd_l1_counting.lab()"
LAB = ".course-counting"


@pytest.fixture
def lab(open_cell):
    page = open_cell(SOURCE)
    page.locator(f"{LAB} svg[role=img]").wait_for()
    page.locator(f"{LAB}[role=group]").wait_for()  # access.js has been here
    return page


def named(page, name):
    """The control with this accessible name."""
    button = page.locator(LAB).get_by_role("button", name=name, exact=True)
    return page.locator(LAB).get_by_label(name, exact=True).or_(button)


def test_predict_count_check_and_mark_by_keyboard_alone(lab):
    lab.locator(f"{LAB} input[type=radio]").first.focus()
    lab.keyboard.press("ArrowDown")
    lab.keyboard.press("Tab")
    lab.keyboard.press("Space")
    press_until(lab, "Tab", named(lab, "Record my prediction"))
    lab.keyboard.press("Enter")
    lab.wait_for_selector(f"{LAB} .course-count-cps input:not([disabled])")
    for name, number in (
        ("Stained tumour cells", "9"),
        ("Stained lymphocytes and macrophages", "0"),
        ("All viable tumour cells", "100"),
        ("CPS", "9"),
    ):
        press_until(lab, "Tab", named(lab, name))
        lab.keyboard.press("Control+a")
        lab.keyboard.type(number)
    press_until(lab, "Tab", named(lab, "Check counts and CPS"))
    lab.keyboard.press("Enter")
    live = lab.locator(f"{LAB} [aria-live=polite]")
    expect(live).to_contain_text("tumour proportion score (TPS)")
    press_until(lab, "Shift+Tab", named(lab, "Stained lymphocytes and macrophages"))
    lab.keyboard.press("Control+a")
    lab.keyboard.type("6")
    press_until(lab, "Tab", named(lab, "CPS"))
    lab.keyboard.press("Control+a")
    lab.keyboard.type("15")
    press_until(lab, "Tab", named(lab, "Check counts and CPS"))
    lab.keyboard.press("Space")
    expect(live).to_contain_text("Right. 100 × (9 + 6) / 100 = 15")
    press_until(lab, "Tab", named(lab, "Count with me"))
    lab.keyboard.press("ArrowDown")
    step = press_until(lab, "Tab", named(lab, "Mark the next"))
    marks = lab.locator(f"{LAB} svg g.mark")
    cells = model.field(1).find(model.IN_CPS, True)
    for number, cell in enumerate(cells, start=1):
        lab.keyboard.press("Enter")
        expect(marks).to_have_count(number)
        expect(step).to_be_focused()
        expect(live).to_contain_text(f"{number}: {cell.kind}, region {cell.region}.")
    expect(live).to_contain_text("That was the last one.")


def test_the_table_alone_gives_the_counts(lab):
    lab.get_by_role("button", name="Show me without predicting").click()
    lab.wait_for_selector(f"{LAB} .course-count-cps input:not([disabled])")
    lab.get_by_role("button", name="Field 2").click()
    expect(lab.locator(f"{LAB} .course-sentence")).to_contain_text("Field 2")
    lab.locator(f"{LAB} summary", has_text="Show data").press("Enter")
    cells = lab.locator(f"{LAB} table.course-data tbody tr")
    expect(cells).to_have_count(len(model.REGIONS) + 1)
    for row, shown in zip(pd_l1_drawing.table(model.field(2)).rows, cells.all(), strict=True):
        expect(shown.locator("th, td")).to_have_text(list(row))


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (800, "dark")])
def test_axe_finds_nothing_and_nothing_is_clipped(lab, width, theme, screenshots):
    lab.set_viewport_size({"width": width, "height": 1000})
    if theme == "dark":
        darken(lab)
    lab.get_by_role("button", name="Show me without predicting").click()
    lab.wait_for_selector(f"{LAB} .course-count-cps input:not([disabled])")
    lab.get_by_role("button", name="Mark all").click()
    lab.locator(f"{LAB} svg g.mark").nth(8).wait_for()
    lab.locator(f"{LAB} summary", has_text="Show data").click()
    lab.locator(f"{LAB} table.course-data td").first.wait_for()
    assert axe_violations(lab) == []
    assert clipped(lab, LAB) == []
    lab.locator(f"{LAB} .course-plot").screenshot(path=screenshots / f"counting-{width}.png")


def test_reopened_without_a_kernel_it_shows_field_and_answer(open_cell):
    bundle = pd_l1_counting.Counting(1)
    data = {"text/plain": bundle.text(), "text/html": bundle.html()}
    saved = nbformat.v4.new_output("execute_result", data=data, execution_count=1)
    page = open_cell(SOURCE, run=False, outputs=[saved], execution_count=1)
    picture = page.get_by_role("img", name="Field 1 shows 146 cells")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.complete && image.naturalWidth") == 800
    answer = page.get_by_text("100 × (9 + 6) / 100 = 15")
    expect(answer).to_be_hidden()
    page.locator("summary", has_text="Show both scores").click()
    expect(answer).to_be_visible()
