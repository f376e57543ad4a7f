"""Drive JupyterLab in a browser, waiting on its states; for browser tests and benchmarks."""

import json
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import nbformat
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import TimeoutError

PANEL = ".jp-NotebookPanel:not(.lm-mod-hidden)"
STDERR = f"{PANEL} .jp-OutputArea-output[data-mime-type='application/vnd.jupyter.stderr']"

#: True once every code cell has a number (none is "*" or empty), or one has failed.
ALL_RUN = """([panel, stderr]) => {
  const failed = [...document.querySelectorAll(stderr)]
    .some(output => output.textContent.includes("Traceback"));
  const prompts = [...document.querySelectorAll(panel + " .jp-CodeCell .jp-InputPrompt")]
    .map(prompt => prompt.textContent);
  return failed || (prompts.length > 0 && prompts.every(text => /\\[\\d+\\]/.test(text)));
}"""


def one_cell(source: str, **saved) -> nbformat.NotebookNode:
    """A notebook of one code cell; ``saved`` are its ``outputs`` and ``execution_count``."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cell = nbformat.v4.new_code_cell(source, **saved)
    return nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": kernel})


def notebook_url(course_url: str, name: str) -> str:
    """Where the notebook ``name`` opens, from the address that ``./course lab`` prints."""
    head, _, query = course_url.partition("?")
    return f"{head.split('/lab')[0]}/lab/tree/notebooks/{name}.ipynb?{query}"


def stop_kernels(url: str) -> None:
    """End every session of the server at ``url``: the next page meets a fresh kernel."""
    parts = urlsplit(url)
    sessions = f"{parts.scheme}://{parts.netloc}/api/sessions"
    for session in json.load(urlopen(f"{sessions}?{parts.query}")):
        urlopen(Request(f"{sessions}/{session['id']}?{parts.query}", method="DELETE"))


def open_notebook(page, url: str, timeout: float = 60_000) -> None:
    """Go to a notebook and wait until it is drawn and its kernel is idle.

    ``reset`` keeps JupyterLab from opening again what an earlier page had open.
    """
    page.goto(f"{url}&reset")
    page.wait_for_selector("#jupyterlab-splash", state="detached", timeout=timeout)
    page.wait_for_selector(f"{PANEL} .jp-Cell", timeout=timeout)
    # Not the toolbar's indicator: it says "idle" even before there is a kernel.
    page.locator("#jp-main-statusbar").get_by_text("| Idle").wait_for(timeout=timeout)


def run_all(page, timeout: float = 60_000) -> None:
    """Run every cell and wait until none is waiting or running; a failing cell is an error."""
    page.evaluate(CLEAR_NUMBERS, PANEL)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    try:
        page.wait_for_function(ALL_RUN, arg=[PANEL, STDERR], timeout=timeout)
    except TimeoutError:
        numbers = page.locator(f"{PANEL} .jp-CodeCell .jp-InputPrompt").all_text_contents()
        raise RuntimeError(f"Not all cells have run: {numbers}") from None
    failed = page.locator(STDERR, has_text="Traceback")
    if failed.count():
        raise RuntimeError("A cell failed:\n" + failed.first.inner_text())


#: Off in axe by itself: a place to press is 24 pixels wide and high, or stands apart.
TARGETS = {"rules": {"target-size": {"enabled": True}}}
DARK = "/lab/api/themes/@jupyterlab/theme-dark-extension/index.css"


def axe_violations(page) -> list[str]:
    """What axe-core finds in the outputs of the notebook, in words."""
    results = Axe().run(page, context={"include": [[".jp-Cell-outputArea"]]}, options=TARGETS)
    return [
        f"{found['id']}: {found['help']}: {[node['html'][:200] for node in found['nodes'][:3]]}"
        for found in results.response["violations"]
    ]


def darken(page) -> None:
    """Put JupyterLab's dark theme in place of the light one, at once and without its menu."""
    page.add_style_tag(url=DARK)
    # It stands in the body, so it would win over what was added to the head.
    page.evaluate("document.querySelectorAll('link[href*=theme-light]').forEach(e => e.remove())")
    page.evaluate("document.body.dataset.jpThemeLight = 'false'")
    page.wait_for_function(
        "getComputedStyle(document.body).getPropertyValue('--jp-layout-color0').trim() === '#111'"
    )


def clipped(page, lab: str) -> list[str]:
    """Classes of the elements in ``lab`` that cut their content off and cannot be scrolled by key.

    A picture or a table may scroll, if a keyboard reaches it. What reaches out of the lab is cut
    off by the notebook.
    """
    return page.evaluate(
        """lab => [...document.querySelectorAll(`${lab}, ${lab} *`)]
          .filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 1 &&
                       (getComputedStyle(e).overflowX !== 'visible' || e.matches(lab)) &&
                       e.tabIndex < 0)
          .map(e => e.className)""",
        lab,
    )


def press_until(page, key: str, target):
    """Press a key until ``target`` has the focus; return it."""
    for _ in range(60):
        page.keyboard.press(key)
        if target.evaluate("element => element === document.activeElement"):
            return target
    raise AssertionError(f"{key} never reached {target}")


def first_lab(page):
    """The first lab of the notebook: a lesson has several."""
    return page.locator(".course-lab").first


#: Committed notebooks come with numbers: blank those on the screen, so that the wait
#: is for this run.
CLEAR_NUMBERS = """panel => {
  for (const prompt of document.querySelectorAll(panel + " .jp-CodeCell .jp-InputPrompt"))
    prompt.textContent = "[ ]:";
}"""
