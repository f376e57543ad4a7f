"""Lesson 03 until its first lab is live: in the browser alone, beside an installed JupyterLab.

A first visit starts from an empty browser; the second comes with what that one kept. Both sides
count from the address to the drawn plot, "Run All Cells" included. COURSE_PYODIDE names a folder
with Pyodide's files; without it they are downloaded. All comes from this machine: on a network,
add the time that it needs for the megabytes of the first visit.
"""

import os
import shutil
import tempfile
import time
from pathlib import Path

from lab import served
from playwright.sync_api import sync_playwright

import website
from course_lib.cli import edition
from hosting import hosted
from labpage import open_notebook

ROOT = Path(__file__).parents[2]
LESSON = "03_checkpoint_inhibitors"
PLOT = ".course-lab .js-plotly-plot .main-svg"
WAIT = 600_000


def first_lab(page, address: str) -> float:
    """Seconds from the address to the first plot of the lesson."""
    start = time.perf_counter()
    open_notebook(page, address, WAIT)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.wait_for_selector(PLOT, state="attached", timeout=WAIT)
    return time.perf_counter() - start


def visits(playwright, folder: str, address: str, size) -> list[tuple[float, float]]:
    """(seconds, bytes) of a first and a second visit; `size` tells what was sent so far."""
    told = []
    for _ in range(2):
        before = size()
        browser = playwright.chromium.launch_persistent_context(
            folder,
            executable_path=os.environ.get("COURSE_CHROMIUM"),
            args=["--no-sandbox"],
            viewport={"width": 1280, "height": 1000},
        )
        seconds = first_lab(browser.pages[0], address)
        browser.close()
        told.append((seconds, size() - before))
    return told


def measure() -> dict:
    """Return seconds to the first lab on both visits, and the megabytes sent to the browser."""
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        place = Path(place)
        chosen = os.environ.get("COURSE_PYODIDE")
        website.build(ROOT, place / "host/course", website.source(chosen and Path(chosen)))
        with hosted(place / "host") as host:
            address = f"{host.address}/course/lab/index.html?path=notebooks/{LESSON}.ipynb"
            sent = lambda: sum(size for _, size in host.given)  # noqa: E731
            browser = visits(playwright, place / "one", address, sent)
        (place / "work").mkdir()
        shutil.copy(ROOT / edition.lessons(ROOT)[LESSON], place / "work")
        with served(place / "work") as name:
            native = visits(playwright, place / "other", name(LESSON), lambda: 0)
    rows = []
    for visit, (seconds, size), (peer, _) in zip(("first", "second"), browser, native, strict=True):
        rows += [
            {"name": f"{visit} visit, s", "course": seconds, "peer": peer, "ratio": peer / seconds},
            {"name": f"{visit} visit, MB", "course": size / 1e6, "peer": None, "ratio": None},
        ]
    return {"what": "lesson 03 in the browser alone; peer: installed on this machine", "rows": rows}
