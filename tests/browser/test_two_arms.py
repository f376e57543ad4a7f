"""The trial lab in JupyterLab: by keyboard, live for 1,000 patients, narrow, checked by axe."""

import pytest
from playwright.sync_api import expect

from course_lib.labs import two_arms
from labpage import axe_violations

SOURCE = "from course_lib.labs import two_arms\ntwo_arms.lab()"
#: The text that plotly has drawn into the lab: line names, ticks, numbers at risk.
DRAWN = "() => [...document.querySelectorAll('.course-plot svg text')].map(t => t.textContent)"

#: True once the plot is narrow and none of its texts stands out of it.
INSIDE = """() => {
  const plot = document.querySelector('.course-plot').getBoundingClientRect();
  return plot.width < 500 && [...document.querySelectorAll('.course-plot svg text')]
    .filter(text => text.textContent.trim())
    .map(text => text.getBoundingClientRect())
    .every(box => box.left >= plot.left - 1 && box.right <= plot.right + 1);
}"""


@pytest.fixture
def lab(open_cell):
    page = open_cell(SOURCE, height=1500)
    page.wait_for_selector(".course-plot .scatterlayer .js-line", state="attached")
    return page


def shows(page, **settings):
    """Wait until the lab says what the model says at these settings, and return that view."""
    expected = two_arms.lab(**settings).view
    expect(page.locator(".course-sentence")).to_have_text(expected.sentence)
    return expected


def test_the_lab_predicts_runs_and_explains(lab, screenshots):
    lab.get_by_text("It gets stronger: the hazard ratio falls.").click()
    lab.get_by_text("Patients with more PD-L1 have more brake to release.").click()
    lab.get_by_role("button", name="Record my prediction").click()
    lab.wait_for_selector(".course-control-cps_from .noUi-target:not([disabled])")
    lab.get_by_role("button", name="CPS 10 or more").click()
    view = shows(lab, cps_from=10)
    numbers = [text for texts in view.texts for text in texts.texts]
    lab.wait_for_function(
        f"numbers => {{ const drawn = ({DRAWN})(); return numbers.every(n => drawn.includes(n)) }}",
        arg=numbers,
    )
    lab.locator(".course-lab").screenshot(path=screenshots / "two-arms-1280.png")
    lab.get_by_text("They moved further apart.").click()
    lab.get_by_text("That is what the model shows.").wait_for()
    assert axe_violations(lab) == []


def test_1000_patients_and_another_repetition_by_keyboard(lab):
    lab.get_by_role("button", name="Show me without predicting").click()
    lab.wait_for_selector(".course-control-patients .noUi-target:not([disabled])")
    lab.locator(".course-control-patients .noUi-handle").focus()
    lab.keyboard.press("End")
    shows(lab, patients=1000)
    lab.locator(".course-control-repetition .noUi-handle").focus()
    lab.keyboard.press("ArrowRight")
    shows(lab, patients=1000, repetition=2)


def test_nothing_is_clipped_at_800_pixels(lab, screenshots):
    lab.get_by_role("button", name="Show me without predicting").click()
    lab.wait_for_selector(".course-control-patients .noUi-target:not([disabled])")
    lab.set_viewport_size({"width": 800, "height": 1700})
    lab.wait_for_function(INSIDE)  # a state: the plot is drawn again, narrow, and all in view
    lab.locator(".course-lab").screenshot(path=screenshots / "two-arms-800.png")
