"""The large run of the trial lab: it tells how far it is, sliders answer, and Stop stops it."""

import re

import pytest
from playwright.sync_api import expect

from course_lib.labs import virtual_trial
from labpage import axe_violations

SOURCE = "from course_lib.labs import virtual_trial\nvirtual_trial.lab()"
TOLD = ".course-many .widget-html-content"
#: True once the run has followed more patients than that.
FOLLOWED = """([selector, number]) => {
  const told = document.querySelector(selector)?.textContent ?? "";
  return +(told.trim().match(/^([\\d,]+) of/)?.[1] ?? "0").replaceAll(",", "") > number;
}"""


@pytest.fixture
def lab(open_cell):
    page = open_cell(SOURCE, height=1700)
    page.wait_for_selector(".course-plot .scatterlayer .js-line", state="attached")
    page.get_by_role("button", name="Show me without predicting").click()
    page.wait_for_selector(".course-control-patients .noUi-target:not([disabled])")
    return page


def test_a_large_run_goes_on_beside_the_sliders_and_stops_when_told(lab, screenshots):
    many = lab.get_by_role("button", name="Run 100,000 patients")
    many.press("Enter")
    expect(many).to_be_disabled()
    lab.wait_for_function(FOLLOWED, arg=[TOLD, 8000])
    expect(lab.get_by_role("progressbar", name="Large run")).to_be_visible()

    lab.locator(".course-control-patients .noUi-handle").press("Home")
    fewest = virtual_trial.lab(patients=virtual_trial.SPEC.controls[1].quantity.low)
    expect(lab.locator(".course-sentence")).to_have_text(fewest.view.sentence)

    lab.get_by_role("button", name="Stop the run").press("Enter")
    told = lab.locator(TOLD)
    expect(told).to_contain_text("Stopped: ")
    expect(many).to_be_enabled()
    followed = int(re.search(r"Stopped: ([\d,]+) patients", told.inner_text())[1].replace(",", ""))
    assert 8000 < followed < 100_000
    # The kernel is free: nothing is left of the run that could hold an answer back.
    lab.locator("#jp-main-statusbar").get_by_text("| Idle").wait_for()
    lab.locator(".course-lab").screenshot(path=screenshots / "trial-run-stopped.png")
    assert axe_violations(lab) == []


def test_a_large_run_ends_with_the_truth(lab, screenshots):
    lab.get_by_role("button", name="Run 100,000 patients").click()
    expect(lab.locator(TOLD)).to_contain_text("Done: 100,000 patients.", timeout=180_000)
    expect(lab.locator(".course-sentence")).to_contain_text("100,000")
    lab.locator(".course-lab").screenshot(path=screenshots / "trial-run-done.png")
