"""The JupyterHub of docs/hub.md: real accounts, an instructor and two students, each in Chromium.

A quiz is released, fetched, solved, handed in, collected, graded and given back; and a student
who tries finds everybody else's files closed.
"""

from __future__ import annotations

import json
import re
import shutil
import sys

import nbformat
import pytest
from playwright.sync_api import expect

import quizzes
from course_lib.cli.lab import free_port
from course_lib.labs import virtual_trial
from labpage import PANEL, first_lab, one_cell, run_all
from machine import ROOT, Machine
from serving import served

QUIZ = "q06_adoptive_cell_therapy"
FILE = f"{QUIZ}.ipynb"
LESSON = "11_virtual_trial"
FOLDER = "/srv/course"
PEOPLE = {"carol": "instructors", "ada": "students", "ben": "students"}
READY = r"JupyterHub is now running at (http://127\.0\.0\.1:\d+)"
WAIT = 90_000  # a slow computer's time to start a server, or to grade a submission
SOURCE = ("course_lib", "assets", "notebooks", "tools")
PORTS = """c = get_config()
c.JupyterHub.bind_url = "http://127.0.0.1:{}"
c.JupyterHub.hub_port = {}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{}"
"""
LATER = "2036-01-01 00:00:00.000000 UTC"
#: What Ben's answer does when it runs: it leaves a file beside the marks, if it can.
HOSTILE = "from pathlib import Path\nPath('/home/carol/class/stolen').touch()"
#: What Ben tries in a notebook on his own server.
TRIES = f"""
import json, os, subprocess, sys
from pathlib import Path
EXCHANGE = Path({FOLDER!r}, "exchange"); CLASS = EXCHANGE / "breast_cancer_immunotherapy"
theirs = [p for p in Path("/proc").glob("[0-9]*") if p.stat().st_uid not in (0, os.getuid())]
tries = {{
    "a classmate's home": lambda: os.listdir("/home/ada"),
    "the instructor's class": lambda: os.listdir("/home/carol/class"),
    "the instructor's copy of the course": lambda: os.listdir("/home/carol/private"),
    "what others handed in": lambda: os.listdir(CLASS / "inbound"),
    "other people's feedback": lambda: os.listdir(CLASS / "feedback"),
    "what the hub remembers": lambda: os.listdir({FOLDER!r} + "/state"),
    "changing what is handed out": lambda: (CLASS / "outbound" / {QUIZ!r} / "x").touch(),
    "changing the course": lambda: Path({FOLDER!r}, "edition", "x").touch(),
    "a classmate's environment": lambda: (theirs[0] / "environ").read_bytes(),
    "ending a classmate's server": lambda: os.kill(int(theirs[0].name), 0),
    "moving the class away": lambda: CLASS.rename(EXCHANGE / "mine"),
}}
found = {{}}
for name, attempt in tries.items():
    try:
        attempt(); found[name] = "open"
    except PermissionError:
        found[name] = "closed"
print(json.dumps(found))
"""
#: What Ben hands in in Ada's name.
FORGERY = f"""
from pathlib import Path
folder = Path({FOLDER!r}, "exchange/breast_cancer_immunotherapy/inbound", "ada+{QUIZ}+{LATER}+x")
folder.mkdir()
(folder / "{FILE}").symlink_to("/home/carol/class/source/{QUIZ}/{FILE}")
(folder / "timestamp.txt").write_text("{LATER}")
print("forged")
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """A machine on which docs/hub.md was followed, and Carol's private copy of the course."""
    made = Machine(tmp_path_factory.mktemp("machine"))
    made.run(sys.executable, "tools/hub.py", FOLDER)
    for group in ("students", "instructors"):
        made.run("groupadd", group)
    for name, group in PEOPLE.items():
        made.account(name, group, f"{name}'s password")
    private = made.place / "home" / "carol" / "private"
    private.mkdir()
    for name in SOURCE:
        shutil.copytree(ROOT / name, private / name)
    made.run("chown", "--recursive", "carol:carol", "/home/carol/private")
    return made


@pytest.fixture(scope="module")
def hub(machine):
    """The address of the hub."""
    ports = PORTS.format(*(free_port() for _ in range(3)))
    (machine.place / FOLDER[1:] / "local_config.py").write_text(ports)
    command = [f"{FOLDER}/env/bin/jupyterhub", "-f", f"{FOLDER}/jupyterhub_config.py"]
    with served(machine.command(*command), READY) as url:
        yield url


@pytest.fixture(scope="module")
def people(hub, browser):
    """A page for each, signed in with the password of their account, on a server of their own."""
    found = {}
    for name in PEOPLE:
        page = browser.new_context(viewport={"width": 1280, "height": 1000}).new_page()
        page.goto(hub)
        page.get_by_label("Username").fill(name)
        page.get_by_label("Password").fill(f"{name}'s password")
        page.get_by_role("button", name="Sign in").click()
        page.locator(".jp-DirListing-item").first.wait_for(timeout=WAIT)
        found[name] = page
    yield found
    for page in found.values():
        page.context.close()


def opened(people, hub, name, place):
    """Open a notebook on somebody's own server, and wait until its kernel is idle."""
    page = people[name]
    page.goto(f"{hub}/user/{name}/lab/tree/{place}?reset")
    page.locator(f"{PANEL} .jp-Cell").first.wait_for(timeout=WAIT)
    page.locator("#jp-main-statusbar").get_by_text("| Idle").wait_for(timeout=WAIT)
    return page


def ran(people, hub, machine, name, source):
    """Run a cell in a notebook of somebody's own; return what it printed."""
    path = machine.place / "home" / name / "tries.ipynb"
    nbformat.write(one_cell(source), path)
    path.chmod(0o644)
    page = opened(people, hub, name, path.name)
    run_all(page)
    return page.locator(f"{PANEL} .jp-OutputArea-output").inner_text()


def assignments(people, hub, name):
    """Open nbgrader's list of assignments."""
    page = people[name]
    page.goto(f"{hub}/user/{name}/lab?reset")
    page.locator(".jp-Launcher").wait_for(timeout=WAIT)
    page.get_by_role("menuitem", name="Nbgrader").click()
    page.get_by_role("menuitem", name="Assignment List").click()
    return page


def answer(page, cell, text):
    """Write into an answer cell as a person does."""
    cell.scroll_into_view_if_needed()
    if "jp-MarkdownCell" in cell.get_attribute("class"):
        cell.dblclick()
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)


def save(page):
    """Save the notebook, and wait until JupyterLab says that it is saved."""
    page.locator(f"{PANEL} .jp-Notebook").press("Control+s")
    page.wait_for_selector(".lm-TabBar-tab.jp-mod-current:not(.jp-mod-dirty)")


def solve(people, hub, name, hostile=""):
    """Fetch the quiz, write the model answers into it, save it, and hand it in."""
    page = assignments(people, hub, name)
    page.locator("#released_assignments_list").get_by_role("button", name="Fetch").click()
    fetched = page.locator("#fetched_assignments_list")
    fetched.get_by_role("button", name="Submit").wait_for(timeout=WAIT)

    opened(people, hub, name, f"course/quizzes/{QUIZ}/{FILE}")
    model = nbformat.read(quizzes.source(QUIZ), as_version=4)
    for number, cell in enumerate(model.cells):
        if cell.metadata.nbgrader.solution:
            lines = [x for x in cell.source.splitlines() if not x.strip().startswith("###")]
            text = "\n".join([*lines, hostile if cell.cell_type == "code" else ""])
            answer(page, page.locator(f"{PANEL} .jp-Cell").nth(number), text)
    save(page)

    page = assignments(people, hub, name)
    page.locator("#fetched_assignments_list").get_by_role("button", name="Submit").click()
    expect(page.locator("#submitted_assignments_list")).to_contain_text(QUIZ, timeout=WAIT)
    return page


def pressed(page, row, button):
    """Press one of the formgrader's buttons and wait until it has worked."""
    row.locator(f".{button} a").click()
    expect(page.locator(".modal.in .modal-title")).to_have_text("Success", timeout=WAIT)
    page.locator(".modal.in").get_by_role("button", name="OK").click()
    expect(page.locator(".modal-backdrop")).to_have_count(0)


def typed(page, hub, command, done):
    """Type a command into a terminal of JupyterLab; wait until it has made a folder."""
    page.goto(f"{hub}/user/carol/lab?reset")
    page.locator(".jp-Launcher").get_by_text("Terminal", exact=True).click()
    page.locator(".jp-Terminal .xterm-screen").click()
    page.keyboard.type(f"cd ~/private && {command} && mkdir ~/{done}\n")
    listed = page.locator(".jp-DirListing-item", has_text=done)
    expect(listed).to_be_visible(timeout=WAIT)


def test_a_quiz_goes_out_comes_back_and_is_graded(people, hub, machine, screenshots):
    carol, verb = people["carol"], "python -m course_lib.cli class"
    typed(carol, hub, f"{verb} new ~/class q06", "made")
    carol.goto(f"{hub}/hub/user-redirect/formgrader")
    row = carol.get_by_role("row", name=QUIZ)
    pressed(carol, row, "assign")
    pressed(carol, row, "release")

    solve(people, hub, "ada").screenshot(path=screenshots / "hub_submitted.png")
    solve(people, hub, "ben", HOSTILE)
    assert "forged" in ran(people, hub, machine, "ben", FORGERY)

    carol.reload()
    pressed(carol, row, "collect")
    expect(row.locator(".num-submissions")).to_have_text("2")
    adas = machine.place / f"home/carol/class/submitted/ada/{QUIZ}/timestamp.txt"
    assert adas.read_text() != LATER
    row.locator(".num-submissions a").click()
    bens = carol.get_by_role("row", name="ben")
    pressed(carol, bens, "autograde")
    carol.screenshot(path=screenshots / "hub_formgrader.png")
    grade = f"{verb} grade ~/class q06 && {verb} feedback ~/class q06"
    typed(carol, hub, grade, "graded")
    assert not (machine.place / "home/carol/class/stolen").exists()

    ada = assignments(people, hub, "ada")
    submitted = ada.locator("#submitted_assignments_list")
    submitted.get_by_role("button", name="Fetch").click()
    expect(submitted.get_by_text("view feedback")).to_be_visible(timeout=WAIT)
    ada.screenshot(path=screenshots / "hub_feedback.png")
    pages = list((machine.place / "home/ada/course/quizzes").rglob("feedback/*/*.html"))
    text = pages[0].read_text()
    assert "10 of 15 points" in text
    assert "HIDDEN TESTS" not in text


def test_a_student_reaches_nobody_elses_files(people, hub, machine):
    found = json.loads(ran(people, hub, machine, "ben", TRIES))
    assert set(found.values()) == {"closed"}, found
    page = people["ben"]
    page.get_by_role("menuitem", name="Nbgrader").click()
    expect(page.get_by_role("menuitem", name="Assignment List")).to_be_visible()
    expect(page.get_by_role("menuitem", name="Formgrader")).to_have_count(0)
    for address in (f"{hub}/user/carol/lab", f"{hub}/hub/admin"):
        assert page.goto(address).status in (403, 404)
    assert page.goto(f"{hub}/user/ben/formgrader").status == 404


def test_a_lesson_runs_and_its_lab_moves(people, hub, machine, screenshots):
    page = opened(people, hub, "ada", f"course/notebooks/{LESSON}.ipynb")
    run_all(page)
    lab = first_lab(page)
    lab.get_by_role("button", name="Show me without predicting").click()
    page.wait_for_selector(".course-control-patients .noUi-target:not([disabled])")
    lab.locator(".course-control-patients .noUi-handle").press("Home")
    fewest = virtual_trial.lab(patients=virtual_trial.SPEC.controls[1].quantity.low)
    expect(lab.locator(".course-sentence")).to_have_text(fewest.view.sentence)
    page.screenshot(path=screenshots / "hub_lesson.png")
    save(page)
    saved = (machine.place / f"home/ada/course/notebooks/{LESSON}.ipynb").read_text()
    assert not re.search(r"widget-view", saved)
