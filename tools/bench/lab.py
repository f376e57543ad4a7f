"""Key to redraw: labs of the course beside ``ipywidgets.interactive`` with ``fig.show()``.

Both run on one server and in one Chromium, each in a notebook and a window of its own, on the
same model and the same figure. A real key moves the first slider; the clock starts at the
browser's keydown event and stops at the first animation frame in which a drawn line differs. A
single key is pressed when the kernel is at rest; "back to back" presses the next key at the
redraw. Presses alternate in blocks between the two, so that a noisy machine is noisy for both.
Left out are labs that redraw on release only, because their view takes long, those with more than
the plain frame, and one without a slider.
"""

import math
import os
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import nbformat
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))
from course_lib.cli import settings
from course_lib.labs.frame import Lab
from course_lib.labs.spec import Control
from every_lab import modules
from labpage import one_cell, open_notebook, run_all

COURSE = """from course_lib.labs import {name}
lab = {name}.lab()
lab"""
PEER = """from ipywidgets import interactive
from course_lib.labs import {name}, blocks, figure
spec = {name}.SPEC
def show(**settings):
    view = spec.view(**settings)
    figure.build(view, spec.panels, spec.x_title, spec.x_range).show()
inputs = {{c.name: blocks.slider(c, c.default, True) if hasattr(c, "key")
          else blocks.menu(c, c.default) for c in spec.controls}}
interactive(show, **inputs)"""
BLOCKS, PRESSES = 6, 12

#: The kernel has nothing left to do, as when a person pauses between two keys.
AT_REST = "() => document.querySelector('#jp-main-statusbar').textContent.includes('| Idle')"
#: Resolves with milliseconds from the next keydown to the first frame with other lines.
STOPWATCH = """() => new Promise((resolve, reject) => {
  const lines = () => [...document.querySelectorAll('.scatterlayer :is(.js-line, .points path)')]
    .map(each => each.getAttribute('d') + each.getAttribute('transform')).join('|');
  const before = lines();
  addEventListener('keydown', () => {
    const start = performance.now();
    const look = () => {
      const now = lines();
      if (performance.now() - start > 10000) reject(new Error("a key moved no line in 10 s"));
      if (now && now !== before) resolve(performance.now() - start);
      else requestAnimationFrame(look);
    };
    look();
  }, { capture: true, once: true });
})"""


def live_labs() -> list[str]:
    """Names of the labs that redraw while a slider moves."""
    labs = [m for m in modules() if m.SPEC.continuous and type(m.lab()) is Lab]
    return [m.SPEC.name for m in labs if sliders(m)]


def sliders(module) -> list[Control]:
    return [each for each in module.SPEC.controls if isinstance(each, Control)]


def measure(lab: str = "") -> dict:
    """Return rows of milliseconds, course beside peer, of one lab or of all."""
    names = live_labs()
    if lab and lab not in names:
        sys.exit(f"course: no lab {lab!r} that redraws while a slider moves; {', '.join(names)}.")
    rows = []
    with (
        tempfile.TemporaryDirectory() as folder,
        served(folder) as address,
        sync_playwright() as playwright,
    ):
        for name in [lab] if lab else names:
            print(f"  {name} …", flush=True)
            rows += measured(name, folder, address, playwright)
    presses = BLOCKS * PRESSES
    return {"what": f"key to redraw, ms, {presses} presses each, one Chromium", "rows": rows}


def measured(name: str, folder: str, address, playwright) -> list[dict]:
    """Return the rows of one lab."""
    for who, source in (("course", COURSE), ("peer", PEER)):
        notebook = one_cell(source.format(name=name))
        nbformat.write(notebook, Path(folder) / f"{name}_{who}.ipynb")
    times = {(who, pace): [] for who in ("course", "peer") for pace in ("single", "held")}
    browser = playwright.chromium.launch(
        executable_path=os.environ.get("COURSE_CHROMIUM"), args=["--no-sandbox"]
    )
    pages = {who: opened(browser, address(f"{name}_{who}")) for who in ("course", "peer")}
    pages["course"].get_by_role("button", name="Show me without predicting").click()
    for page in pages.values():
        page.wait_for_selector(".noUi-target:not([disabled])")
    control = sliders(next(m for m in modules() if m.SPEC.name == name))[0]
    high = control.quantity.high
    room = math.log10(high / control.default) if control.log else high - control.default
    keys = ("ArrowRight", "ArrowLeft")
    if room / control.step < PRESSES:  # the slider would stand at its end, and nothing move
        keys = keys[::-1]
    for block in range(BLOCKS):
        for who, page in pages.items():
            page.bring_to_front()
            page.locator(".noUi-handle").first.focus()
            page.locator(".js-plotly-plot").scroll_into_view_if_needed()
            key = keys[block % 2]
            pace = "held" if block % 3 == 2 else "single"
            for _ in range(PRESSES):
                if pace == "single":
                    page.wait_for_function(AT_REST)
                times[who, pace].append(press(page, key))
    browser.close()
    rows = []
    for what, pace, share in (
        ("p50", "single", 0.50),
        ("p95", "single", 0.95),
        ("p50, back to back", "held", 0.50),
    ):
        course, peer = (quantile(times[who, pace], share) for who in ("course", "peer"))
        rows.append(
            {"name": f"{name}, {what}", "course": course, "peer": peer, "ratio": peer / course}
        )
    return rows


def opened(browser, url: str):
    """A window with the notebook at ``url``, run, its plot drawn."""
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    open_notebook(page, url)
    run_all(page)
    page.wait_for_selector(".scatterlayer .js-line", state="attached", timeout=60_000)
    return page


def press(page, key: str) -> float:
    """Press a key on the focused slider and return the milliseconds until lines moved."""
    page.evaluate(f"() => {{ window.took = ({STOPWATCH})(); }}")
    page.keyboard.press(key)
    return page.evaluate("() => window.took")


def quantile(values: list[float], share: float) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[round(share * 100) - 1]


class served:
    """A JupyterLab on ``folder``; gives the address of a notebook in it by name."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def __enter__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        token = secrets.token_hex(16)
        options = [
            "--no-browser",
            "--allow-root",
            "--ip=127.0.0.1",
            f"--port={port}",
            f"--IdentityProvider.token={token}",
            f"--ServerApp.root_dir={self.folder}",
            *settings.flags(),
        ]
        self.server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        address = f"http://127.0.0.1:{port}"
        while True:
            try:
                urllib.request.urlopen(f"{address}/api?token={token}")
                return lambda name: f"{address}/lab/tree/{name}.ipynb?token={token}"
            except OSError:
                if self.server.poll() is not None:
                    sys.exit("course: JupyterLab did not start.")
                time.sleep(0.1)

    def __exit__(self, *_) -> None:
        self.server.terminate()
        self.server.wait()
