"""Key to redraw: a lab of the course beside ``ipywidgets.interactive`` with ``fig.show()``.

Both run on one server and in one Chromium, each in a notebook and a window of its own, on the
same model and the same figure. A real key moves the dose slider; the clock starts at the
browser's keydown event and stops at the first animation frame in which a drawn line differs. A
single key is pressed when the kernel is at rest; "back to back" presses the next key at the
redraw. Presses alternate in blocks between the two, so that a noisy machine is noisy for both.
"""

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
from labpage import open_notebook, run_all

COURSE = """from course_lib.labs import checkpoint_inhibitors
lab = checkpoint_inhibitors.lab()
lab"""
PEER = """from ipywidgets import FloatSlider, interactive
from course_lib.labs import checkpoint_inhibitors, figure
spec = checkpoint_inhibitors.SPEC
def show(**settings):
    view = spec.view(**settings)
    figure.build(view, spec.panels, spec.x_title, spec.x_range).show()
sliders = {c.name: FloatSlider(c.quantity.value, min=c.quantity.low, max=c.quantity.high,
           step=c.step, description=c.name) for c in spec.controls}
interactive(show, **sliders)"""
BLOCKS, PRESSES = 9, 15

#: The kernel has nothing left to do, as when a person pauses between two keys.
AT_REST = "() => document.querySelector('#jp-main-statusbar').textContent.includes('| Idle')"
#: Resolves with milliseconds from the next keydown to the first frame with other lines.
STOPWATCH = """() => new Promise(resolve => {
  const lines = () => [...document.querySelectorAll('.scatterlayer .js-line')]
    .map(line => line.getAttribute('d')).join('|');
  const before = lines();
  addEventListener('keydown', () => {
    const start = performance.now();
    const look = () => {
      const now = lines();
      if (now && now !== before) resolve(performance.now() - start);
      else requestAnimationFrame(look);
    };
    look();
  }, { capture: true, once: true });
})"""


def measure() -> dict:
    """Return rows of milliseconds, course beside peer."""
    times = {(who, pace): [] for who in ("course", "peer") for pace in ("single", "held")}
    with tempfile.TemporaryDirectory() as folder:
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        for who, source in (("course", COURSE), ("peer", PEER)):
            notebook = nbformat.v4.new_notebook(
                cells=[nbformat.v4.new_code_cell(source)], metadata={"kernelspec": kernel}
            )
            nbformat.write(notebook, Path(folder) / f"{who}.ipynb")
        with served(folder) as address, sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=os.environ.get("COURSE_CHROMIUM"), args=["--no-sandbox"]
            )
            pages = {who: opened(browser, address(who)) for who in ("course", "peer")}
            pages["course"].get_by_role("button", name="Show me without predicting").click()
            for page in pages.values():
                page.wait_for_selector(".noUi-target:not([disabled])")
            for block in range(BLOCKS):
                for who, page in pages.items():
                    page.bring_to_front()
                    page.locator(".noUi-handle").first.focus()
                    page.locator(".js-plotly-plot").scroll_into_view_if_needed()
                    key = "ArrowRight" if block % 2 == 0 else "ArrowLeft"
                    pace = "held" if block % 3 == 2 else "single"
                    for _ in range(PRESSES):
                        if pace == "single":
                            page.wait_for_function(AT_REST)
                        times[who, pace].append(press(page, key))
            browser.close()
    rows = []
    for name, pace, share in (
        ("single key, p50, ms", "single", 0.50),
        ("single key, p95, ms", "single", 0.95),
        ("back to back, p50, ms", "held", 0.50),
    ):
        course, peer = (quantile(times[who, pace], share) for who in ("course", "peer"))
        rows.append({"name": name, "course": course, "peer": peer, "ratio": peer / course})
    presses = BLOCKS * PRESSES
    return {"what": f"key to redraw, {presses} presses each, one Chromium", "rows": rows}


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
            "--ServerApp.kernel_websocket_connection_class=course_lib.server.PromptConnection",
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
