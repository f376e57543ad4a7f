"""The tumour board in JupyterLab: by keyboard alone, narrow, asleep, and checked by axe."""

import nbformat
import pytest
from playwright.sync_api import expect

from course_lib.labs import patient_selection
from course_lib.models import patient_selection as model
from course_lib.models.patient_selection_cases import case
from labpage import axe_violations, clipped, darken, press_until

SOURCE = "from course_lib.labs import patient_selection\npatient_selection.lab()"
LAB = ".course-tumour-board"


@pytest.fixture
def lab(open_cell):
    page = open_cell(SOURCE)
    page.locator(f"{LAB} table.course-board").wait_for()
    page.locator(f"{LAB}[role=group]").wait_for()  # access.js has been here
    return page


def test_predict_name_compare_and_change_a_fact_by_keyboard_alone(lab):
    inside = lab.locator(LAB)
    inside.locator("input[type=radio]").first.focus()
    lab.keyboard.press("Space")
    lab.keyboard.press("Tab")
    lab.keyboard.press("Space")
    press_until(lab, "Tab", inside.get_by_role("button", name="Record my prediction"))
    lab.keyboard.press("Enter")
    pick = inside.get_by_role("combobox", name="Case", exact=True)
    expect(pick).to_be_enabled()
    press_until(lab, "Tab", pick)
    lab.keyboard.press("ArrowDown")
    live = inside.locator("[aria-live=polite]")
    expect(live).to_contain_text("Case 2: Before surgery")
    for name in ("Subtype", "Stage and surgery"):
        press_until(lab, "Tab", inside.get_by_role("checkbox", name=name))
        lab.keyboard.press("Space")
    press_until(lab, "Tab", inside.get_by_role("button", name="Compare", exact=True))
    lab.keyboard.press("Enter")
    expect(live).to_contain_text("✓ These are the facts that decide here.")
    stage = inside.get_by_role("combobox", name="Stage and surgery")
    press_until(lab, "Tab", stage)
    lab.keyboard.type("m")  # the first letter of "metastatic, or cannot be removed"
    expect(live).to_contain_text("9 rules change.")
    expect(inside.locator("table.course-board .course-changed")).to_have_count(9)
    expect(inside.locator(".course-explain")).to_be_visible()


def test_the_data_table_dates_every_rule(lab):
    lab.get_by_role("button", name="Show me without predicting").click()
    lab.locator(f"{LAB} summary", has_text="Show data").press("Enter")
    cells = lab.locator(f"{LAB} table.course-data tbody tr")
    expect(cells).to_have_count(len(model.RULES))


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (800, "dark")])
def test_axe_finds_nothing_and_nothing_is_clipped(lab, width, theme, screenshots):
    lab.set_viewport_size({"width": width, "height": 1000})
    if theme == "dark":
        darken(lab)
    lab.get_by_role("button", name="Show me without predicting").click()
    compare = lab.get_by_role("button", name="Compare", exact=True)
    expect(compare).to_be_enabled()
    compare.click()
    lab.locator(f"{LAB} table.course-board td", has_text="✓ applies").first.wait_for()
    lab.locator(f"{LAB} summary", has_text="Show data").click()
    lab.locator(f"{LAB} table.course-data td").first.wait_for()
    assert axe_violations(lab) == []
    assert clipped(lab, LAB) == []
    lab.locator(f"{LAB} summary", has_text="Show data").click()
    lab.set_viewport_size({"width": width, "height": 2600})  # a screen that holds the board
    lab.locator(f"{LAB} h3").scroll_into_view_if_needed()
    lab.screenshot(path=screenshots / f"tumour-board-{width}.png")


def test_reopened_without_a_kernel_it_shows_case_and_folded_answers(open_cell):
    board = patient_selection.TumourBoard(case(1))
    data = {"text/plain": board.text(), "text/html": board.html()}
    saved = nbformat.v4.new_output("execute_result", data=data, execution_count=1)
    page = open_cell(SOURCE, run=False, outputs=[saved], execution_count=1)
    answer = page.get_by_text("✓ applies").first
    expect(page.get_by_text("Case 1: Metastatic, PD-L1 tested.")).to_be_visible()
    expect(answer).to_be_hidden()
    page.locator("summary", has_text="Show the answers for this case").click()
    expect(answer).to_be_visible()
