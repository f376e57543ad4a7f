"""Lesson 00 opens first, runs from top to bottom, and its first slider works."""

import pytest
from playwright.sync_api import expect

from course_lib.labs import start_here
from labpage import axe_violations, open_notebook, run_all, stop_kernels


@pytest.fixture
def start_page(page, course_url, course_copy):
    (course_copy / "work/notebooks/my_predictions.json").unlink(missing_ok=True)
    stop_kernels(course_url)  # of the test before: a student starts with none
    open_notebook(page, course_url)  # the address ./course lab prints
    return page


def test_the_first_lesson_runs_and_its_slider_answers(start_page, screenshots):
    run_all(start_page)
    start_page.locator(".course-lab .course-main").scroll_into_view_if_needed()
    start_page.get_by_text("40 mm: twice as wide.").click()
    start_page.get_by_text("The volume grows in three directions at once.").click()
    start_page.get_by_role("button", name="Record my prediction").click()
    start_page.wait_for_selector(".course-lab .noUi-target:not([disabled])")
    start_page.get_by_role("button", name="Triple-negative: 103 days").click()
    expected = start_here.lab(doubling_time=103)
    start_page.wait_for_function(
        "code => document.querySelector('.course-settings-line').value === code",
        arg=expected.code,
    )
    expect(start_page.locator(".course-sentence")).to_have_text(expected.view.sentence)
    assert "40 mm" in expected.view.sentence
    start_page.get_by_text("The volume rose by a larger factor than the diameter.").click()
    start_page.get_by_text("That is what you saw.").wait_for()
    start_page.screenshot(path=screenshots / "lesson-00.png")
    assert axe_violations(start_page) == []


def test_links_lead_to_the_lesson_and_its_quiz(start_page):
    link = start_page.get_by_role("link", name="quiz 01", exact=True)
    link.scroll_into_view_if_needed()
    link.click()
    start_page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)").get_by_text(
        "# YOUR CODE"
    ).first.wait_for()


def test_a_lab_run_before_its_first_cell_is_put_right_as_the_page_says(start_page):
    """The advice of "If something does not run", taken after the commonest mistake."""
    cell = start_page.locator(".jp-CodeCell", has_text="start_here.lab()").last
    cell.scroll_into_view_if_needed()
    cell.locator(".jp-InputArea-editor").click()
    start_page.keyboard.press("Shift+Enter")
    start_page.get_by_text("NameError: name 'start_here' is not defined").wait_for()
    start_page.get_by_role("menuitem", name="Kernel", exact=True).click()
    start_page.get_by_role("menuitem", name="Restart Kernel and Run All Cells").click()
    start_page.get_by_role("button", name="Confirm Kernel Restart").click()
    cell.locator(".course-lab .js-plotly-plot").wait_for()
    assert start_page.get_by_text("NameError").count() == 0
