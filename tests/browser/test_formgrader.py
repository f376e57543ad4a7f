"""The formgrader of a JupyterLab started in a class folder, in real Chromium."""

import json
import os
import re
import signal
import subprocess
import sys

import pytest
from playwright.sync_api import expect

import quizzes

NAME = "q03_checkpoint_inhibitors"
NEWS = "@jupyterlab/apputils-extension:announcements"  # asks on top of the page
READY = re.compile(r"(http://127\.0\.0\.1:\d+/lab)\S*$")
FOLDERS = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
LAB = [
    "--no-browser",
    "--allow-root",
    "--ip=127.0.0.1",
    "--port=0",
    "--IdentityProvider.token=",
]


@pytest.fixture(scope="module")
def class_lab(tmp_path_factory):
    """The address of a JupyterLab that runs in a new class folder, nbgrader installed."""
    place = tmp_path_factory.mktemp("formgrader")
    folder = quizzes.class_folder(place / "class", NAME)
    own = {name: str(place / name) for name in FOLDERS} | {"PYTHONPATH": str(quizzes.ROOT)}
    page_config = place / "JUPYTER_CONFIG_DIR" / "labconfig" / "page_config.json"
    page_config.parent.mkdir(parents=True)
    page_config.write_text(json.dumps({"disabledExtensions": {NEWS: True}}))
    with quizzes.nbgrader_on_path():
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *LAB],
            cwd=folder,
            env=os.environ | own,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    lines = []
    for line in server.stderr:
        lines.append(line)
        if found := READY.search(line.strip()):
            break
    else:
        pytest.fail("JupyterLab stopped before it was ready:\n" + "".join(lines))
    # Keep reading, or a full pipe would stop the server.
    drain = subprocess.Popen(["cat"], stdin=server.stderr, stdout=subprocess.DEVNULL)
    yield found[1]
    os.killpg(server.pid, signal.SIGTERM)
    server.wait()
    drain.wait()


def test_the_formgrader_lists_the_quiz_and_makes_its_release(class_lab, page, screenshots):
    page.set_viewport_size({"width": 1280, "height": 1100})
    page.goto(class_lab)
    page.get_by_role("menuitem", name="Nbgrader").click()
    page.get_by_role("menuitem", name="Formgrader").click()
    formgrader = page.frame_locator("iframe[src*='formgrader']")
    row = formgrader.get_by_role("row", name=NAME)
    row.scroll_into_view_if_needed()
    expect(row).to_contain_text("draft")
    page.screenshot(path=screenshots / "formgrader_assignments.png")

    row.locator(".assign a").click()
    expect(formgrader.locator(".modal.in .modal-title")).to_have_text("Success")
    page.screenshot(path=screenshots / "formgrader_generated.png")
    formgrader.get_by_role("button", name="OK").click()
    expect(row.locator(".release a")).to_be_visible()
