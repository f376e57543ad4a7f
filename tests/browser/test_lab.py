"""Lesson 03 as a student meets it; what the browser shows is what the model says, computed here."""

import json
import re
from urllib.parse import urlsplit

import numpy as np
import pytest
from playwright.sync_api import expect

from course_lib.labs import checkpoint_inhibitors
from course_lib.labs.checkpoint_inhibitors import SPEC, view
from course_lib.models.checkpoint_inhibitors import Pembrolizumab
from course_lib.models.chemotherapy import Chemotherapy
from course_lib.models.patient import Patient, simulate
from labpage import (
    axe_violations,
    darken,
    first_lab,
    notebook_url,
    open_notebook,
    run_all,
    stop_kernels,
)

LESSON = "03_checkpoint_inhibitors"
#: The numbers behind the drawn lines, by name; plotly keeps them beside the SVG.
LINES = """() => Object.fromEntries(
  document.querySelector('.course-lab .js-plotly-plot').data
    .filter(trace => trace.mode === 'lines')
    .map(trace => [trace.name, Array.from(trace.y)]))"""
#: The vertical pixel of the last point of each drawn line: what is really on the screen.
DRAWN = """() => [...document.querySelector('.course-lab').querySelectorAll('.js-line')]
  .map(line => line.getAttribute('d')).join('|')"""
#: JupyterLab's own complaints about its debugger on a quick start are not the course's.
NOT_OURS = re.compile(r"debugger|service worker|ResizeObserver loop", re.IGNORECASE)


class Watch:
    """Console errors, requests elsewhere and what the kernel is told, from the first moment."""

    def __init__(self, page):
        self.errors, self.elsewhere, self.told = [], [], []
        page.on("websocket", lambda socket: socket.on("framesent", self._told))
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._request)

    def _console(self, message):
        if message.type == "error" and not NOT_OURS.search(message.text):
            self.errors.append(message.text)

    def _told(self, frame):
        self.told.append(frame.encode() if isinstance(frame, str) else frame)

    def _request(self, request):
        host = urlsplit(request.url).hostname
        if host not in (None, "127.0.0.1", "localhost"):
            self.elsewhere.append(request.url)


@pytest.fixture
def reopened(page, course_url):
    """The lesson as committed, opened but not run."""
    stop_kernels(course_url)
    page.set_viewport_size({"width": 1280, "height": 1000})
    page.watch = Watch(page)
    open_notebook(page, notebook_url(course_url, LESSON))
    return page


@pytest.fixture
def lesson(reopened, course_copy):
    """The lesson after "Run All Cells", its lab awake, with no earlier prediction."""
    (course_copy / "work/notebooks/my_predictions.json").unlink(missing_ok=True)
    run_all(reopened)
    wake(reopened)
    return reopened


def wake(page):
    # JupyterLab does not lay out what is off the screen.
    first_lab(page).locator(".course-main").scroll_into_view_if_needed()
    page.wait_for_selector(".course-lab .js-plotly-plot .scatterlayer .js-line", state="attached")
    page.wait_for_function(
        "n => document.querySelector('.course-lab')"
        ".querySelectorAll('.noUi-handle[aria-label]').length === n",
        arg=len(SPEC.controls),
    )


def unlock(page):
    first_lab(page).get_by_role("button", name="Show me without predicting").click()
    page.wait_for_selector(".course-control-dose .noUi-target:not([disabled])")


def shown_settings(page) -> dict[str, float]:
    first_lab(page).get_by_text("Settings as code").click()
    code = first_lab(page).get_by_label("These settings as one line of code").input_value()
    first_lab(page).get_by_text("Settings as code").click()
    return {name: float(value) for name, value in re.findall(r"(\w+)=([\d.]+)", code)}


def assert_shows(page, **changes):
    """Lines, sentence and settings are those of the model at the opening settings, changed."""
    lab = checkpoint_inhibitors.lab(**{**SPEC.defaults, **changes})
    shown = lab.view
    page.wait_for_function(
        "code => document.querySelector('.course-settings-line').value === code", arg=lab.code
    )
    expect(first_lab(page).locator(".course-sentence")).to_have_text(shown.sentence)
    lines = page.evaluate(LINES)
    for series in shown.series:
        drawn = lines[series.name]
        assert len(drawn) == len(series.y)
        expected = [None if value != value else value for value in series.y.tolist()]
        found = [None if value is None or value != value else value for value in drawn]
        assert [v is None for v in found] == [v is None for v in expected]
        numbers = zip(found, expected, strict=True)
        assert all(f is None or f == pytest.approx(e, rel=1e-6) for f, e in numbers), series.name
    # Plotly drops what an animation of other panels does not name: look at the screen, too.
    on_screen = page.evaluate(DRAWN).split("|")
    shown_lines = [series for series in shown.series if np.isfinite(series.y).any()]
    assert len([line for line in on_screen if line]) >= len(shown_lines)
    # And past the view, straight from the model: a view that says nothing new would agree
    # with itself.
    settings = lab.settings
    traits = ("infiltration", "cps", "doubling_time")
    names = ("dose", "interval", "weight")
    doses = int(settings["number_of_doses"])
    drug = Pembrolizumab(number_of_doses=doses, **{name: settings[name] for name in names})
    cycles = int(settings["chemotherapy"])
    both = [drug, Chemotherapy(number_of_cycles=cycles)] if cycles else [drug]
    course = simulate(Patient(**{name: settings[name] for name in traits}), both, days=360)
    end = course.size[-1, 0]
    assert lines["with drug"][-1] == pytest.approx(end, rel=1e-6)
    assert lines["pembrolizumab"][0] == pytest.approx(drug.concentration(0.0), rel=1e-6)
    assert (f"{end:.0f} mm" if end >= 1 else "less than 1 mm") in shown.sentence


def test_a_reopened_lesson_shows_its_lab_without_a_kernel(reopened, screenshots):
    saved = reopened.locator(".course-lab-saved").first
    picture = saved.locator("img.course-picture")
    picture.scroll_into_view_if_needed()
    assert picture.evaluate("img => img.complete && img.naturalWidth") == 820
    expect(saved).to_contain_text(SPEC.at().sentence)
    saved.get_by_text("Show data").click()
    assert saved.locator("table tbody tr").count() == len(SPEC.at().table.rows)
    assert reopened.get_by_text("Error displaying widget").count() == 0
    assert reopened.get_by_text("model not found").count() == 0
    reopened.screenshot(path=screenshots / "lesson-03-saved.png")
    assert reopened.watch.errors == []
    assert reopened.watch.elsewhere == []


def test_a_students_saved_lesson_reopens_without_an_error(lesson, course_url, course_copy):
    saved = course_copy / "work/notebooks" / f"{LESSON}.ipynb"
    pristine = saved.read_bytes()
    lesson.locator(".jp-Notebook").press("Control+s")
    lesson.wait_for_selector(".lm-TabBar-tab.lm-mod-current:not(.jp-mod-dirty)")
    stop_kernels(course_url)
    open_notebook(lesson, notebook_url(course_url, LESSON))
    asleep = lesson.locator(".course-lab-saved").first
    asleep.scroll_into_view_if_needed()
    asleep.get_by_text("The lab is asleep.").wait_for()
    expect(asleep).to_contain_text(SPEC.at().sentence)
    assert lesson.get_by_text("Error displaying widget").count() == 0
    saved.write_bytes(pristine)


def test_predict_explore_explain(lesson, course_copy, screenshots):
    """The way through the lab, by mouse for the questions and by keyboard for the slider."""
    lesson.screenshot(path=screenshots / "lab-locked.png")
    assert first_lab(lesson).locator(".course-control-dose .noUi-target[disabled]").count() == 1
    first_lab(lesson).get_by_text("About half as large as with 200 mg.").click()
    first_lab(lesson).get_by_text("Twice the drug brings twice as many T cells.").click()
    first_lab(lesson).get_by_role("button", name="Record my prediction").click()
    lesson.wait_for_selector(".course-control-dose .noUi-target:not([disabled])")
    handle = first_lab(lesson).get_by_role("slider", name="Dose, mg")
    handle.focus()
    before = lesson.evaluate(DRAWN)
    for _ in range(20):
        lesson.keyboard.press("ArrowRight")
    assert_shows(lesson, dose=400)
    assert lesson.evaluate(DRAWN) != before
    assert lesson.evaluate("document.activeElement.getAttribute('aria-label')") == "Dose, mg"
    first_lab(lesson).get_by_role("button", name="What did you see?").click()
    lesson.wait_for_function("() => document.activeElement.closest('.course-explain') !== null")
    first_lab(lesson).get_by_text("The concentration doubled; the other two plots").click()
    explained = first_lab(lesson).locator(".course-explain")
    explained.get_by_text("You predicted: “About half as large").wait_for()
    explained.scroll_into_view_if_needed()
    lesson.screenshot(path=screenshots / "lab-explained.png")
    kept = json.loads((course_copy / "work/notebooks/my_predictions.json").read_text())
    assert kept[SPEC.name] == {
        "predict": "half",
        "why": "more_cells",
        "observe": "saturated",
    }
    assert lesson.watch.errors == []
    assert lesson.watch.elsewhere == []


def test_dragging_moves_plot_sentence_and_table(lesson, screenshots):
    unlock(lesson)
    first_lab(lesson).locator(".course-more summary", has_text="Show data").click()
    cells = first_lab(lesson).locator(".course-table tbody tr").last
    cells.wait_for()
    handle = first_lab(lesson).get_by_role("slider", name="T cells in the tumour")
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    lesson.mouse.move(x, y)
    lesson.mouse.down()
    lesson.mouse.move(x + 60, y, steps=12)
    lesson.mouse.up()
    expect(first_lab(lesson).locator(".course-sentence")).not_to_have_text(SPEC.at().sentence)
    settings = shown_settings(lesson)
    assert settings["infiltration"] > SPEC.defaults["infiltration"]
    assert {**settings, "infiltration": 1.0} == SPEC.defaults
    shown = view(**settings)
    assert_shows(lesson, **settings)
    expect(cells.locator("th, td")).to_have_text(list(shown.table.rows[-1]))
    # The run before stays, thin and dashed.
    ghost = lesson.evaluate(LINES)["with drug (before)"]
    assert ghost[-1] == pytest.approx(SPEC.at().series[3].y[-1], rel=1e-6)
    for width in (1280, 800):
        lesson.set_viewport_size({"width": width, "height": 1000})
        first_lab(lesson).locator(".course-main").scroll_into_view_if_needed()
        lesson.wait_for_function(FITS)
        lesson.screenshot(path=screenshots / f"lab-{width}.png")
    assert lesson.watch.errors == []


#: The plot is as wide as its place: nothing is clipped after a change of width.
FITS = """() => {
  const place = document.querySelector('.course-plot');
  const plot = place.querySelector('.main-svg');
  return Math.abs(plot.getBoundingClientRect().width - place.clientWidth) < 3;
}"""


def test_a_held_key_ends_where_the_slider_ends(lesson):
    """Latest wins: however fast the key repeats, the last value is what stays."""
    unlock(lesson)
    first_lab(lesson).get_by_role("slider", name="PD-L1, CPS").focus()
    for _ in range(40):
        lesson.keyboard.down("ArrowRight")  # repeated "down" is what a held key sends
    lesson.keyboard.up("ArrowRight")
    assert_shows(lesson, cps=60)


def test_plotly_tells_the_kernel_nothing(lesson):
    unlock(lesson)
    first_lab(lesson).get_by_role("slider", name="Dose, mg").focus()
    for dose in (210, 220):  # what the first redraw has to tell would be sent before the second
        lesson.keyboard.press("ArrowRight")
        assert_shows(lesson, dose=dose)
    told = [frame for frame in lesson.watch.told if b"comm_msg" in frame]
    assert any(b'"value":2' in frame.replace(b" ", b"") for frame in told)
    assert not [frame for frame in told if b"_js2py" in frame]


def test_a_panel_in_which_nothing_moves_stays_drawn(lesson):
    """PD-L1 changes the lowest panel only; the second step moves no dashed line either."""
    unlock(lesson)
    first_lab(lesson).get_by_role("slider", name="PD-L1").focus()
    for step in (1, 2):
        lesson.keyboard.press("ArrowLeft")
        assert_shows(lesson, cps=SPEC.defaults["cps"] - step)


def test_arrow_keys_stay_in_the_lab(lesson):
    """JupyterLab would move to another cell; the lab keeps its keys."""
    unlock(lesson)
    selected = lesson.locator(".jp-Cell.jp-mod-selected")
    first_lab(lesson).get_by_role("slider", name="Dose, mg").focus()
    cell = selected.first.get_attribute("data-windowed-list-index")
    for key in ("ArrowUp", "ArrowUp", "ArrowDown"):
        lesson.keyboard.press(key)
    assert_shows(lesson, dose=210)
    assert selected.first.get_attribute("data-windowed-list-index") == cell


#: Whether the selected cell holds a lab, and where in the page the focus is.
IN_LABS_CELL = "() => document.querySelector('.jp-Cell.jp-mod-active .course-lab') !== null"
FOCUS_IN_LAB = "() => document.activeElement.closest('.course-lab') !== null"


def test_tab_leads_from_a_cell_into_its_lab(lesson):
    """From the top of the page by arrows to the lab's cell, then by Tab to its first question."""
    lesson.locator(".jp-Cell").first.click()
    lesson.keyboard.press("Escape")
    cells = lesson.locator(".jp-Notebook .jp-Cell").count()
    for _ in range(cells):
        if lesson.evaluate(IN_LABS_CELL):
            break
        lesson.keyboard.press("ArrowDown")
    stops = 0
    while not lesson.evaluate(FOCUS_IN_LAB):
        lesson.keyboard.press("Tab")
        stops += 1
        assert stops <= 3
    name = lesson.evaluate("() => document.activeElement.name")
    assert name == f"{SPEC.title}: predict"


#: What has the focus, and the line around it.
RING = """() => {
  const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
  return [document.activeElement.outerHTML.slice(0, 80), outlineStyle, outlineWidth];
}"""


def test_whatever_has_the_focus_in_a_lab_has_a_thick_ring(lesson):
    """ipywidgets gives its buttons a thin light line, which is hard to see."""
    unlock(lesson)
    first_lab(lesson).get_by_role("button", name=SPEC.presets[0].name, exact=True).focus()
    lesson.keyboard.press("Tab")
    seen = []
    while lesson.evaluate(FOCUS_IN_LAB):
        seen.append(lesson.evaluate(RING))
        lesson.keyboard.press("Tab")
    assert len(seen) > len(SPEC.presets)
    assert [ring for ring in seen if ring[1:] != ["solid", "3px"]] == []


#: Name and value of the radio button that has the focus, and whether it is in the lab.
FOCUSED = """() => {
  const { name, checked, type, parentElement } = document.activeElement;
  const inside = document.activeElement.closest('.course-lab') !== null;
  return [type, name, checked, parentElement.textContent.trim(), inside];
}"""


def test_radio_groups_work_by_keyboard_alone(lesson):
    """Tab goes from group to group and to the button; arrows choose in it; Enter records."""
    plan = SPEC.prediction
    record = first_lab(lesson).get_by_role("button", name="Record my prediction")
    first_lab(lesson).locator(".course-control-predict input").first.focus()
    for name, question in (("predict", plan.predict), ("why", plan.why)):
        texts = [text for _, text in question.options]
        group = f"{SPEC.title}: {name}"
        lesson.keyboard.press("Space")
        assert lesson.evaluate(FOCUSED) == ["radio", group, True, texts[0], True]
        for key, text in (("ArrowDown", 1), ("ArrowDown", 2), ("ArrowUp", 1)):
            lesson.keyboard.press(key)
            assert lesson.evaluate(FOCUSED) == ["radio", group, True, texts[text], True]
        if name == "why":
            expect(record).to_be_enabled()
        lesson.keyboard.press("Tab")  # one stop for each group
    expect(record).to_be_focused()
    lesson.keyboard.press("Enter")
    lesson.wait_for_selector(".course-control-dose .noUi-target:not([disabled])")
    said = f"You predicted: {plan.predict.options[1][1]}"
    first_lab(lesson).locator(".course-predict").get_by_text(said).wait_for()
    # The button is gone, and the focus goes to what it became.
    lesson.wait_for_function("() => document.activeElement.matches('.course-lab .course-predict')")


def test_plain_keys_in_a_lab_do_not_reach_the_notebook(lesson):
    """In JupyterLab "x" and "d d" remove a cell, "a" and "b" add one, "m" changes its kind."""
    cells = "() => document.querySelector('.jp-Notebook').querySelectorAll('.jp-Cell').length"
    unlock(lesson)
    number = lesson.evaluate(cells)
    assert number > 1
    reset = first_lab(lesson).get_by_role("button", name="Reset", exact=True)
    handle = first_lab(lesson).get_by_role("slider", name="Dose, mg")
    for place in (reset, handle):
        place.focus()
        for key in "xddabm":
            lesson.keyboard.press(key)
        lesson.keyboard.press("ArrowRight")
    assert_shows(lesson, dose=210)  # the lab lives, and has taken what came after those keys
    assert lesson.evaluate(cells) == number
    assert first_lab(lesson).locator(".course-main").count() == 1


def test_the_lesson_leads_back_to_its_lab(lesson):
    lesson.locator("a[href='#From-a-dose-to-a-tumour']").last.click()
    lesson.wait_for_function(
        """() => [...document.querySelectorAll('.jp-Notebook h2')].some(h => {
          const top = h.getBoundingClientRect().top;
          return h.textContent.startsWith('From a dose') && top > 0 && top < innerHeight / 2;
        })"""
    )


def test_presets_goal_reset_and_more_controls(lesson):
    unlock(lesson)
    first_lab(lesson).get_by_role("button", name="Cold tumour").click()
    assert_shows(lesson, infiltration=0.1)
    first_lab(lesson).get_by_role("button", name="Reset", exact=True).click()
    assert_shows(lesson)
    more = first_lab(lesson).get_by_role("button", name="More controls")
    assert not first_lab(lesson).get_by_role("slider", name="Body weight, kg").is_visible()
    for expanded in ("true", "false", "true"):
        more.click()
        expect(more).to_have_attribute("aria-expanded", expanded)
    first_lab(lesson).get_by_role("slider", name="Body weight, kg").wait_for()
    # Type the goal's solution into the readouts, as a student without a mouse may.
    for name, value in SPEC.goal.solutions[0].items():
        label = next(c.label_with_unit for c in SPEC.controls if c.name == name)
        readout = first_lab(lesson).get_by_role("textbox", name=f"{label}: type a value")
        readout.fill(f"{value:g}")
        readout.press("Enter")
    assert_shows(lesson, **SPEC.goal.solutions[0])
    first_lab(lesson).get_by_text("Goal reached.").wait_for()


def test_the_change_is_announced_once_it_settles(lesson):
    unlock(lesson)
    live = first_lab(lesson).locator(".course-live")
    assert live.get_attribute("aria-live") == "polite"
    first_lab(lesson).get_by_role("slider", name="Dose, mg").focus()
    lesson.keyboard.press("ArrowLeft")
    shown = SPEC.at(dose=190)
    lesson.wait_for_function(
        "text => document.querySelector('.course-live').textContent.startsWith(text)",
        arg=f"Dose 190 mg. {shown.sentence}",
    )
    plot = first_lab(lesson).locator(".js-plotly-plot")
    assert plot.get_attribute("role") == "img"
    assert plot.get_attribute("aria-label") == shown.alt


def test_a_self_check_answers(lesson):
    check = lesson.locator(".course-check").first
    option = check.locator("details").first
    feedback = option.locator(":scope > :not(summary)").first
    assert not feedback.is_visible()
    option.locator("summary").focus()
    lesson.keyboard.press("Enter")
    feedback.wait_for(state="visible")
    assert len(feedback.inner_text()) > 20


def test_axe_finds_nothing_before_and_after_use(lesson):
    assert axe_violations(lesson) == []
    unlock(lesson)
    readout = first_lab(lesson).get_by_role("textbox", name="Dose, mg: type a value")
    readout.fill("400")
    readout.press("Enter")
    assert_shows(lesson, dose=400)
    first_lab(lesson).locator(".course-more summary", has_text="Show data").click()
    first_lab(lesson).locator(".course-table table").wait_for()
    first_lab(lesson).get_by_role("button", name="More controls").click()
    lesson.wait_for_selector(".widget-toggle-button[aria-expanded='true']")
    first_lab(lesson).get_by_text("The concentration doubled and the tumour halved.").click()
    first_lab(lesson).locator(".course-explain").get_by_text("move only the dose").wait_for()
    lesson.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    lesson.locator(".course-table table").nth(1).wait_for(state="attached")  # of another lab
    assert axe_violations(lesson) == []
    darken(lesson)
    assert axe_violations(lesson) == []
