"""Every lab on the frame, by keyboard alone: predict, try, read, explain; then every control.

What the browser shows is compared with what the model says, computed here.
"""

import numpy as np
import pytest
from playwright.sync_api import expect

import every_lab
from course_lib.labs.spec import Choice
from course_lib.labs.tissue_frame import TissueLab
from labpage import axe_violations

#: Labs drawn by plotly; what draws by itself has a test of its own.
LABS = [module for module in every_lab.modules() if not isinstance(module.lab(), TissueLab)]
EVERY_LAB = pytest.mark.parametrize("module", LABS, ids=lambda module: module.SPEC.name)
SOURCE = "from course_lib.labs import {name}\n{name}.lab()"
#: True once plotly holds the given numbers, by name and axis; null stands for a gap. Plotly takes
#: new numbers over in its next frame, so this is waited for. A pasted setting has six digits, the
#: browser's slider sixteen: hence the tolerance.
HOLDS = """wanted => {
  const traces = document.querySelector('.course-lab .js-plotly-plot').data;
  return Object.entries(wanted).every(([name, numbers]) => {
    const trace = traces.find(each => each.name + each.yaxis === name && each.mode !== 'text');
    const held = Array.from(trace?.y ?? [], value => (value === value ? value : null));
    const near = (a, b) => a === b
      || (a !== null && b !== null && Math.abs(a - b) <= 1e-9 + 2e-3 * Math.abs(b));
    return held.length === numbers.length && held.every((value, at) => near(value, numbers[at]));
  });
}"""
#: What is on the screen: lines with a course, and points.
DRAWN = """() => [...document.querySelectorAll('.course-lab .js-line, .course-lab .points path')]
  .filter(each => (each.getAttribute('d') ?? '').length > 3).length"""
#: The texts of the plot that stand out of it or lie on another, once it has the width of its place.
#: Turned numbers of one axis have boxes that meet where the numbers do not.
MISPLACED = """() => {
  const place = document.querySelector('.course-plot').getBoundingClientRect();
  const svg = document.querySelector('.course-plot .main-svg').getBoundingClientRect();
  if (Math.abs(svg.width - place.width) > 3) return null;
  const texts = [...document.querySelectorAll('.course-plot svg text')]
    .filter(text => text.textContent.trim() && text.getClientRects().length)
    .map(text => ({ box: text.getBoundingClientRect(), tick: text.closest('[class$="tick"]'),
                    words: text.textContent }));
  const meet = (one, two) => !(one.tick && two.tick) &&
    Math.min(one.box.right, two.box.right) - Math.max(one.box.left, two.box.left) > 1.5 &&
    Math.min(one.box.bottom, two.box.bottom) - Math.max(one.box.top, two.box.top) > 3.5;
  return [
    ...texts.filter(({ box }) => box.left < place.left - 1 || box.right > place.right + 1)
      .map(({ words }) => words),
    ...texts.flatMap((one, at) => texts.slice(at + 1).filter(two => meet(one, two))
      .map(two => `${one.words} / ${two.words}`)),
  ];
}"""
#: Beside an open file list at 200 %, the plot keeps room for its lines, and a keyboard scrolls it.
SCROLLS = """() => {
  const place = document.querySelector('.course-plot');
  const width = place.querySelector('.main-svg').getBoundingClientRect().width;
  const lab = document.querySelector('.course-lab');
  return place.clientWidth < 300 && width > 320 && place.tabIndex === 0 &&
    lab.scrollWidth <= lab.clientWidth;
}"""


@pytest.fixture
def page_with(open_cell):
    """A function that opens a notebook with one lab, run, at its opening settings."""

    def opened(module, width):
        page = open_cell(SOURCE.format(name=module.SPEC.name), width=width, height=1700)
        page.wait_for_selector(".course-plot .scatterlayer .js-line", state="attached")
        return page

    return opened


def assert_shows(page, module, settings):
    """Settings, sentence, held data and drawn lines are those of the model."""
    lab = module.lab(**settings)
    expect(page.locator(".course-settings-line")).to_have_value(lab.code)
    expect(page.locator(".course-sentence")).to_have_text(lab.view.sentence)
    wanted = {}
    for series in lab.view.series:
        axis = f"y{series.panel + 1}" if series.panel else "y"
        numbers = [None if value != value else value for value in series.y.tolist()]
        wanted[series.name + axis] = numbers
    page.wait_for_function(HOLDS, arg=wanted)
    drawn = sum(np.isfinite(series.y).any() for series in lab.view.series)
    page.wait_for_function(f"n => ({DRAWN})() >= n", arg=int(drawn))


def settings_shown(page, module):
    """The settings in the lab's line of code."""
    code = page.locator(".course-settings-line").input_value()
    return eval(code, {module.SPEC.name: module}).settings


def wait_until_unlocked(page):
    """The kernel unlocks one control after the other, and says so after the last."""
    expect(page.locator(".course-lab [aria-live]")).to_contain_text("The controls are unlocked.")


def press(page, selector, key):
    page.locator(selector).first.focus()
    page.keyboard.press(key)


def try_it(page, module):
    """By keyboard, set what the prediction is about: by a preset or with one control."""
    spec, opening = module.SPEC, module.lab().settings
    for preset in spec.presets:
        if spec.prediction.tried({**opening, **preset.settings}):
            page.get_by_role("button", name=preset.name, exact=True).focus()
            page.keyboard.press("Enter")
            return {**opening, **preset.settings}
    for control in spec.controls:
        if isinstance(control, Choice):
            ways = enumerate(name for name, _ in control.options)
        else:
            ways = (("Home", control.quantity.low), ("End", control.quantity.high))
        for how, value in ways:
            if spec.prediction.tried({**opening, control.name: value}):
                if control.stage == 2:
                    page.get_by_role("button", name="More controls").press("Enter")
                if isinstance(control, Choice):
                    press(page, f".course-control-{control.name} select", "Home")
                    for _ in range(how):
                        page.keyboard.press("ArrowDown")
                else:
                    press(page, f".course-control-{control.name} .noUi-handle", how)
                return {**opening, control.name: value}
    raise AssertionError("no preset and no control sets what the prediction is about")


@EVERY_LAB
def test_by_keyboard_alone(module, page_with, screenshots):
    page, spec = page_with(module, 1280), module.SPEC
    for name in ("predict", "why"):
        press(page, f".course-control-{name} input", "Space")
    record = page.get_by_role("button", name="Record my prediction")
    expect(record).to_be_enabled()  # once the kernel has heard both answers
    record.press("Enter")
    wait_until_unlocked(page)
    page.get_by_text("Settings as code").press("Enter")
    tried = try_it(page, module)
    assert_shows(page, module, tried)
    page.locator(".course-lab").screenshot(path=screenshots / f"{spec.name}-1280.png")

    page.get_by_text("Show data").press("Enter")
    rows = page.locator(".course-table tbody tr")
    expect(rows).to_have_count(len(module.lab(**tried).view.table.rows))
    press(page, ".course-control-observe input", "Space")
    explained = page.locator(".course-explain")
    words = spec.prediction.predict.options[0][1]
    expect(explained).to_contain_text(f"You predicted: “{words}”")

    more = page.get_by_role("button", name="More controls")
    if more.is_visible() and more.get_attribute("aria-expanded") != "true":
        more.press("Enter")
    for control in spec.controls:
        before = page.locator(".course-settings-line").input_value()
        if isinstance(control, Choice):
            at = [name for name, _ in control.options].index(
                settings_shown(page, module)[control.name]
            )
            key = "ArrowDown" if at == 0 else "ArrowUp"
            press(page, f".course-control-{control.name} select", key)
        else:
            high = settings_shown(page, module)[control.name] >= control.quantity.high * 0.999
            key = "ArrowLeft" if high else "ArrowRight"
            press(page, f".course-control-{control.name} .noUi-handle", key)
        expect(page.locator(".course-settings-line")).not_to_have_value(before)
        assert_shows(page, module, settings_shown(page, module))

    assert axe_violations(page) == []


@EVERY_LAB
def test_nothing_is_clipped_in_a_narrow_window(module, page_with, screenshots):
    page = page_with(module, 800)
    page.get_by_role("button", name="Show me without predicting").click()
    # One step: a photograph of a tall lab changes the window, and the plot is drawn again.
    misplaced = page.wait_for_function(MISPLACED).json_value()
    page.locator(".course-lab").screenshot(path=screenshots / f"{module.SPEC.name}-800.png")
    assert misplaced == []
    page.set_viewport_size({"width": 640, "height": 1700})
    page.wait_for_function(SCROLLS)


CLICKABLE = [m for m in LABS if any(panel.sets for panel in m.SPEC.panels)]


@pytest.mark.parametrize("module", CLICKABLE, ids=lambda module: module.SPEC.name)
def test_a_click_into_a_panel_sets_the_start(module, page_with):
    page = page_with(module, 1280)
    page.get_by_role("button", name="Show me without predicting").click()
    wait_until_unlocked(page)
    page.get_by_text("Settings as code").press("Enter")
    index = next(i for i, panel in enumerate(module.SPEC.panels) if panel.sets)
    panel = module.SPEC.panels[index]
    before = page.locator(".course-settings-line").input_value()
    drawn = page.locator(f".course-plot .xy{'' if index == 0 else index + 1} .plot").first
    area = page.locator(".course-plot .nsewdrag").nth(index).bounding_box()
    assert drawn
    page.mouse.click(area["x"] + 0.6 * area["width"], area["y"] + 0.3 * area["height"])
    expect(page.locator(".course-settings-line")).not_to_have_value(before)
    found = settings_shown(page, module)
    wanted = (
        at(*panel.x_range, panel.x_log, 0.6),
        at(*panel.y_range, panel.log, 0.7),
    )
    controls = {control.name: control for control in module.SPEC.controls}
    for name, value in zip(panel.sets, wanted, strict=True):
        assert found[name] == pytest.approx(controls[name].nearest(value), rel=0.08), name
    assert_shows(page, module, found)


def at(low, high, log, share):
    if log:
        return 10 ** (np.log10(low) + share * (np.log10(high) - np.log10(low)))
    return low + share * (high - low)
