"""The living tissue in JupyterLab: what is painted is the model, and Pause means that it stops."""

import base64

import numpy as np
import pytest
from playwright.sync_api import expect

from course_lib.labs.tissue_drawing import PALETTE, pixels
from course_lib.models.tissue import Rules, Tissue
from labpage import axe_violations, clipped, darken, run_all

SOURCE = "from course_lib.labs import tissue\ntissue.lab()"
LAB = ".course-tissue"
#: Counts, in the page, how often a lab asked the kernel for a picture.
ASKS = """(() => {
  window.asks = 0;
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (data) {
    const text = typeof data === "string" ? data : new TextDecoder().decode(data);
    if (/"ask":\\s*[1-9]/.test(text)) window.asks += 1;
    return send.call(this, data);
  };
})()"""
FRAMES = """count => new Promise(resolve => {
  const frame = () => (count-- ? requestAnimationFrame(frame) : resolve());
  frame();
})"""
STEP = f"() => +document.querySelector('{LAB} [data-step]').dataset.step"


@pytest.fixture
def lab(page, open_cell):
    page.add_init_script(ASKS)
    open_cell(SOURCE)
    opened(page)
    return page


def opened(page):
    page.locator(f"{LAB} [data-step='0']").wait_for(state="attached")
    page.locator(f"{LAB}[role=group]").wait_for()  # access.js has been here


def unlock(page):
    page.get_by_role("button", name="Show me without predicting").click()
    page.locator(f"{LAB} .course-play:not([disabled])").wait_for()


def reaches(page, step):
    page.wait_for_function(f"step => ({STEP})() >= step", arg=step)


def painted(page):
    """Return the canvas as colours, shape (rows, columns, 3)."""
    url = page.locator(f"{LAB} .course-tissue-picture").evaluate(
        """canvas => {
          const image = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          let text = "";
          for (let at = 0; at < image.data.length; at += 8192)
            text += String.fromCharCode(...image.data.subarray(at, at + 8192));
          return btoa(text);
        }"""
    )
    return np.frombuffer(base64.b64decode(url), np.uint8).reshape(512, 512, 4)[:, :, :3]


def expected(steps, **rules):
    """Return what the model holds after these steps, in the same colours."""
    tissue = Tissue(Rules(**rules))
    for _ in range(steps):
        tissue.step()
    colours = np.array([list(bytes.fromhex(name[1:])) for name in PALETTE], np.uint8)
    sites = colours[pixels()[tissue.frame()]].reshape(256, 256, 2, 2, 3)
    return sites.swapaxes(1, 2).reshape(512, 512, 3)


def test_what_is_painted_is_the_model(lab):
    assert np.array_equal(painted(lab), expected(0))
    unlock(lab)
    play = lab.locator(f"{LAB} .course-play")
    play.click()
    reaches(lab, 20)
    play.click()
    shown = lab.evaluate(STEP)
    assert np.array_equal(painted(lab), expected(shown))
    sentence = lab.locator(f"{LAB} .course-sentence")
    expect(sentence).to_contain_text(f"Step {shown}.")
    lab.get_by_role("button", name="Excluded", exact=True).click()
    lab.locator(f"{LAB} [data-step='0']").wait_for(state="attached")
    assert np.array_equal(painted(lab), expected(0, exclusion=0.85))


def test_pause_stops_at_once_and_step_shows_the_next_picture(lab):
    unlock(lab)
    lab.locator(f"{LAB} .course-play").click()
    reaches(lab, 10)
    shown, later = lab.evaluate(
        f"""async () => {{
          document.querySelector("{LAB} .course-play").click();
          const shown = ({STEP})();
          await ({FRAMES})(30);
          return [shown, ({STEP})()];
        }}"""
    )
    assert shown == later
    lab.get_by_role("button", name="Step", exact=True).click()
    lab.locator(f"{LAB} [data-step='{shown + 1}']").wait_for(state="attached")
    assert np.array_equal(painted(lab), expected(shown + 1))


def test_play_counts_from_the_last_button_that_made_a_new_tissue(lab):
    """Pressed before the new tissue is there, Play plays it; a new tissue stops an older Play."""
    unlock(lab)
    press = f"""name => {{
      const buttons = [...document.querySelectorAll("{LAB} button")];
      for (const text of name) buttons.find(each => each.textContent === text).click();
    }}"""
    lab.evaluate(press, ["Excluded", "Play"])
    reaches(lab, 5)
    expect(lab.locator(f"{LAB} .course-play")).to_have_text("Pause")
    lab.evaluate(press, ["Cold"])
    lab.locator(f"{LAB} [data-step='0']").wait_for(state="attached")
    expect(lab.locator(f"{LAB} .course-play")).to_have_text("Play")


def test_step_is_one_step_at_any_speed(lab):
    unlock(lab)
    lab.locator(f"{LAB} label select").select_option(label="240 steps/s")
    lab.get_by_role("button", name="Step", exact=True).click()
    lab.locator(f"{LAB} [data-step='1']").wait_for(state="attached")


def test_a_cell_run_again_leaves_nothing_running(lab):
    unlock(lab)
    lab.locator(f"{LAB} .course-play").click()
    reaches(lab, 10)
    run_all(lab)
    opened(lab)
    lab.locator("#jp-main-statusbar").get_by_text("| Idle").wait_for()
    before = lab.evaluate("window.asks")
    lab.evaluate(FRAMES, 30)
    assert lab.evaluate("window.asks") == before >= 10
    assert lab.evaluate(STEP) == 0


def test_played_and_paused_by_keyboard_alone(lab):
    lab.get_by_role("button", name="Show me without predicting").focus()
    lab.keyboard.press("Enter")
    play = lab.locator(f"{LAB} .course-play:not([disabled])")
    play.wait_for()
    for _ in range(40):
        lab.keyboard.press("Tab")
        if play.evaluate("element => element === document.activeElement"):
            break
    expect(play).to_be_focused()
    expect(play).to_have_text("Play")
    lab.keyboard.press("Space")
    expect(play).to_have_text("Pause")
    reaches(lab, 5)
    lab.keyboard.press("Space")
    expect(play).to_have_text("Play")
    shown = lab.evaluate(STEP)
    live = lab.locator(f"{LAB} [aria-live=polite]")
    expect(live).to_contain_text(f"Step {shown}.")
    lab.keyboard.press("Tab")
    lab.keyboard.press("Enter")
    expect(live).to_contain_text(f"Step {shown + 1}.")
    picture = lab.locator(f"{LAB} .course-tissue-picture")
    assert f"after {shown + 1} steps" in picture.get_attribute("aria-label")


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (800, "dark")])
def test_axe_finds_nothing_and_nothing_is_clipped(lab, width, theme, screenshots):
    lab.set_viewport_size({"width": width, "height": 1000})
    if theme == "dark":
        darken(lab)
    unlock(lab)
    lab.locator(f"{LAB} .course-play").click()
    reaches(lab, 40)
    lab.locator(f"{LAB} .course-play").click()
    lab.locator(f"{LAB} summary", has_text="Show data").click()
    lab.locator(f"{LAB} table.course-data td").first.wait_for()
    assert axe_violations(lab) == []
    assert clipped(lab, LAB) == []
    lab.locator(f"{LAB} .course-plot").screenshot(path=screenshots / f"tissue-{width}.png")
