"""The formgrader of a JupyterLab started in a class folder, in real Chromium."""

import pytest
from playwright.sync_api import expect

import quizzes

NAME = "q03_checkpoint_inhibitors"


@pytest.fixture(scope="module")
def class_lab(tmp_path_factory, lab_in):
    """The address of a JupyterLab that runs in a new class folder, nbgrader installed."""
    return lab_in(quizzes.class_folder(tmp_path_factory.mktemp("formgrader") / "class", NAME))


def test_the_formgrader_lists_the_quiz_and_makes_its_release(class_lab, page, screenshots):
    page.set_viewport_size({"width": 1280, "height": 1100})
    page.goto(class_lab)
    page.get_by_role("menuitem", name="Nbgrader").click()
    page.get_by_role("menuitem", name="Formgrader").click()
    formgrader = page.frame_locator("iframe[src*='formgrader']")
    row = formgrader.get_by_role("row", name=NAME)
    row.scroll_into_view_if_needed()
    expect(row).to_contain_text("draft")
    page.screenshot(path=screenshots / "formgrader_assignments.png")

    row.locator(".assign a").click()
    expect(formgrader.locator(".modal.in .modal-title")).to_have_text("Success")
    page.screenshot(path=screenshots / "formgrader_generated.png")
    formgrader.get_by_role("button", name="OK").click()
    expect(row.locator(".release a")).to_be_visible()
