"""Pictures a second: the living tissue of lesson 02 beside a plotly heatmap, 256 × 256 sites.

Both show the same tissue in one JupyterLab and one Chromium, a minute each. A picture counts if an
animation frame shows it and it differs from the one before. Each side asks for up to three
pictures ahead: the lab by itself, the heatmap by presses of a button that steps the tissue and
puts the new sites into the figure. The lab's lag is the time from a question on its way to the
kernel to the picture that answers it.
"""

import os
import statistics
import tempfile
from pathlib import Path

import nbformat
from lab import served
from playwright.sync_api import sync_playwright

from labpage import one_cell, open_notebook, run_all

SECONDS, EDGE = 60, 10
COURSE = """from course_lib.labs import tissue
tissue.lab()"""
PEER = """import ipywidgets, plotly.graph_objects as go
from course_lib.models.tissue import Tissue
tissue = Tissue()
figure = go.FigureWidget(go.Heatmap(z=tissue.frame()), layout=dict(width=600, height=600))
def step(_):
    tissue.step()
    figure.data[0].z = tissue.frame().copy()
button = ipywidgets.Button(description="Next picture")
button.on_click(step)
ipywidgets.VBox([button, figure])"""

#: Before the page loads: note when the lab asks, and what it paints.
WATCH = """(() => {
  window.asked = [];
  window.hash = 0;
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (data) {
    const text = typeof data === "string" ? data : new TextDecoder().decode(data);
    if (/"ask":\\s*[1-9]/.test(text)) window.asked.push(performance.now());
    return send.call(this, data);
  };
  const put = CanvasRenderingContext2D.prototype.putImageData;
  CanvasRenderingContext2D.prototype.putImageData = function (image, ...rest) {
    const pixels = new Uint32Array(image.data.buffer);
    let hash = 0;
    for (let at = 0; at < pixels.length; at += 1) hash = (Math.imul(hash, 31) + pixels[at]) | 0;
    window.hash = hash;
    return put.call(this, image, ...rest);
  };
})()"""
#: The browser's own clock: the time of each frame that shows another picture.
COUNT = """([seconds, heatmap]) => new Promise(resolve => {
  const look = () => heatmap
    ? document.querySelector(".heatmaplayer image")?.href.baseVal
    : window.hash;
  const button = heatmap ? [...document.querySelectorAll("button")]
    .find(each => each.textContent.trim() === "Next picture") : null;
  const start = performance.now(), times = [];
  let last = look(), moved = start;
  if (button) for (let at = 0; at < 3; at += 1) button.click();
  const frame = now => {
    const shown = look();
    if (shown !== last) {
      times.push(now - start);
      last = shown;
      moved = now;
      button?.click();
    } else if (button && now - moved > 1000) {  // pictures were merged: ask again
      moved = now;
      button.click();
    }
    if (now - start < 1000 * seconds) requestAnimationFrame(frame);
    else resolve([times, start]);
  };
  requestAnimationFrame(frame);
})"""


def measure() -> dict:
    """Return pictures a second, course beside peer, and the lab's lag, late beside early."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for who, source in (("course", COURSE), ("peer", PEER)):
            nbformat.write(one_cell(source), Path(folder) / f"{who}.ipynb")
        with served(folder) as address, sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=os.environ.get("COURSE_CHROMIUM"), args=["--no-sandbox"]
            )
            for who in ("course", "peer"):
                page = browser.new_page(viewport={"width": 1280, "height": 1000})
                page.add_init_script(WATCH)
                open_notebook(page, address(who))
                run_all(page)
                if who == "course":
                    page.get_by_role("button", name="Show me without predicting").click()
                    play = page.locator(".course-play:not([disabled])")
                    page.get_by_label("Speed").select_option(label="60 steps/s")
                    play.scroll_into_view_if_needed()
                    play.click()
                else:
                    page.locator(".heatmaplayer image").wait_for(timeout=60_000)
                times, start = page.evaluate(COUNT, [SECONDS, who == "peer"])
                found[who] = [time / 1000 for time in times]
                if who == "course":
                    asked = [(time - start) / 1000 for time in page.evaluate("window.asked")]
                page.close()
            browser.close()
    early, late = lags(found["course"], asked)
    rows = [
        rates(name, found, *edge)
        for name, edge in (
            ("pictures a second", (0, SECONDS)),
            (f"first {EDGE} s, pictures a second", (0, EDGE)),
            (f"last {EDGE} s, pictures a second", (SECONDS - EDGE, SECONDS)),
        )
    ]
    name = f"lag, last v first {EDGE} s, ms"
    rows.append({"name": name, "course": late, "peer": early, "ratio": early / late})
    return {
        "what": f"different pictures in {SECONDS} s, 256 × 256 sites, one Chromium",
        "rows": rows,
    }


def rates(name: str, found: dict[str, list[float]], start: float, end: float) -> dict:
    """Return a row of pictures a second between two times."""
    course, peer = (
        sum(start <= time < end for time in found[who]) / (end - start)
        for who in ("course", "peer")
    )
    return {"name": name, "course": course, "peer": peer, "ratio": course / peer if peer else None}


def lags(painted: list[float], asked: list[float]) -> tuple[float, float]:
    """Return the median lag, ms, of the first and of the last seconds.

    A picture answers the latest question that left three pictures earlier or before.
    """
    early, late = [], []
    for time in painted:
        before = [question for question in asked if question < time]
        if len(before) < 3:
            continue
        lag = 1000 * (time - before[-3])
        if time < EDGE:
            early.append(lag)
        elif time >= SECONDS - EDGE:
            late.append(lag)
    return statistics.median(early), statistics.median(late)
