"""Binder: what repo2docker makes of both editions, its steps executed, every lesson run there."""

from __future__ import annotations

import contextlib
import re
import shutil
import zipfile
from functools import cache

import psutil
import pytest
import requests
from playwright.sync_api import expect
from requests.adapters import HTTPAdapter
from urllib3 import Retry

import binder_image
import bundle
import house
import labpage
import leaks
from binder_image import GIGABYTE, Image
from course_lib.cli import edition
from course_lib.cli.lab import free_port
from serving import served

LESSONS = list(edition.lessons(house.ROOT).values())
FOUR_LABS = "notebooks/09_response_monitoring.ipynb"
LIVE = ".course-lab .course-plot .scatterlayer .js-line"  # a line that plotly has drawn
TOKEN = "a-token-of-the-hub"
READY = r"(http://127\.0\.0\.1:\d+/user/reader/)lab\?token="
#: Imports of a lesson, and then what they cost the processor beyond plotly.
IMPORTS = """
import importlib, pkgutil, time
import plotly.graph_objects
plotly.graph_objects.FigureWidget
start = time.process_time()
from course_lib import checks, labs, tables
for module in pkgutil.iter_modules(labs.__path__):
    importlib.import_module(f"course_lib.labs.{module.name}")
print(time.process_time() - start)
"""
#: Runs a lesson as nbval does, and says how much memory the kernel and its runner had at most.
LESSON = """
import resource, sys, pytest
patience = [f"--nbval-{part}-timeout=120" for part in ("cell", "kernel-startup")]
quiet = ["-q", "-p", "no:cacheprovider", "--rootdir=/tmp"]
failed = pytest.main([*sys.argv[1:], "--nbval", *patience, *quiet])
who = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
print("\\nKB:", sum(resource.getrusage(each).ru_maxrss for each in who))
sys.exit(failed)
"""


def source_edition(folder):
    return binder_image.source_edition(folder / "source")


def student_edition(folder):
    """What ./course bundle packs, unpacked and committed as a repository of its own."""
    with zipfile.ZipFile(folder / "course.zip", "w") as packed:
        for place, data in bundle.contents(house.ROOT).items():
            packed.writestr(place, data)
        packed.extractall(folder / "source")
    return binder_image.commit(folder / "source")


EDITIONS = {"source": source_edition, "student": student_edition}


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """A function that gives the image of one edition, built to its last step."""

    @cache
    def built(name):
        folder = tmp_path_factory.mktemp(name)
        made = Image(EDITIONS[name](folder), folder / "image")
        made.entered = leaks.contents(made.home)
        made.install()
        for step in made.last_steps():
            done = made.run("bash", "-c", step)
            assert done.returncode == 0, f"{step}: {done.stdout}{done.stderr}"
        return made

    return built


@pytest.fixture(params=list(EDITIONS))
def image(request, images):
    return images(request.param)


def test_the_packages_are_installed_before_the_repository_is_copied(image):
    """So that a new commit does not rebuild the environment."""
    packages, repository, steps = (
        image.dockerfile.index(text)
        for text in ('--file "environment.yml"', "src/ ${REPO_DIR}/", "RUN ./postBuild")
    )
    assert packages < repository < steps
    assert image.dockerfile.rindex("USER ${NB_USER}", 0, steps) > repository


def test_binder_s_own_packages_and_ours_agree(image):
    done = image.run("python", "-m", "pip", "check")
    assert done.returncode == 0, done.stdout


def test_the_image_holds_the_student_edition_and_nothing_else(image):
    held = {name: data for name, data in leaks.contents(image.home).items() if ".pyc" not in name}
    wanted = bundle.contents(house.ROOT)
    if "nbgrader" in held["environment.yml"].decode():  # the source edition's
        held["environment.yml"] = wanted["environment.yml"]
    assert held == wanted


def test_no_solution_is_in_the_image_nor_in_a_layer_beneath(image):
    ours = re.compile(r"breast_cancer|etc/jupyter/")  # what our steps leave beside the home
    beside = {
        f"env/{name}": data
        for name, data in leaks.contents(image.prefix).items()
        if ours.search(name)
    }
    assert len(beside) > 5
    assert leaks.found(image.entered | leaks.contents(image.home) | beside) == []


def test_importing_the_course_costs_less_than_a_second_beyond_plotly(image):
    done = image.run("python", "-c", IMPORTS)
    assert float(done.stdout) < 1, done.stderr


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_gives_the_same_without_network_in_a_gigabyte(images, lesson):
    image = images("source")
    shutil.copy(house.ROOT / "tests/nbval_sanitize.cfg", image.context)
    words = ["-c", LESSON, lesson, "--nbval-sanitize-with=/srv/context/nbval_sanitize.cfg"]
    done = image.run("python", *words, memory=GIGABYTE)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert int(done.stdout.split()[-1]) * 1024 < GIGABYTE


@contextlib.contextmanager
def session(image):
    """The address of a server started as BinderHub starts it."""
    words = ["python3", "-u", "/srv/context/repo2docker-entrypoint", "jupyter-lab"]
    words += ["--ip=127.0.0.1", f"--port={free_port()}", "--ServerApp.base_url=/user/reader/"]
    words += [f"--IdentityProvider.token={TOKEN}", "--ServerApp.trust_xheaders=True"]
    words += ["--ServerApp.allow_origin=*", "--no-browser"]
    command = image.command(*words, network=True)
    with served(command, READY, preexec_fn=binder_image.capped(GIGABYTE)) as address:
        # It says that it is ready a moment before it listens.
        patient = requests.Session()
        patient.mount("http://", HTTPAdapter(max_retries=Retry(connect=10, backoff_factor=0.1)))
        patient.get(f"{address}api/status?token={TOKEN}").raise_for_status()
        yield address


def memory(address):
    """Bytes of the server and all its kernels, as Binder's own meter counts them."""
    return requests.get(f"{address}api/metrics/v1?token={TOKEN}").json()["rss"]


def effort():
    """Seconds that the processors have worked for the server, its kernels and the browser.

    On an idle machine no wait is longer; unlike the clock, it does not count other programs.
    """
    seconds = 0
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            seconds += sum(process.cpu_times()[:2])
    return seconds


def launch_path():
    """What the README's launch link opens."""
    readme = (house.ROOT / "README.md").read_text(encoding="utf-8")
    link = r"^https://mybinder\.org/v2/gh/OWNER/NAME/HEAD\?urlpath=(\S+)$"
    (path,) = re.findall(link, readme, re.MULTILINE)
    return path


def test_the_launch_link_opens_the_start_page(image, page, screenshots):
    with session(image) as address:
        labpage.open_notebook(page, f"{address}{launch_path()}?token={TOKEN}")
        expect(page.locator(f"{labpage.PANEL} h1").first).to_contain_text("Start here")
        assert page.get_by_text("Nbgrader").count() == 0
        page.screenshot(path=screenshots / "binder_start.png")


def test_a_lesson_of_four_labs_is_live_in_ten_seconds_and_stays_in_a_gigabyte(
    images, page, screenshots
):
    image = images("source")
    with session(image) as address:
        labpage.open_notebook(page, f"{address}lab/tree/{FOUR_LABS}?token={TOKEN}")
        before = effort()
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        page.locator(LIVE).first.wait_for(state="attached")
        assert effort() - before < 10
        labpage.run_all(page)
        page.locator(".course-lab").first.scroll_into_view_if_needed()
        page.screenshot(path=screenshots / "binder_lesson.png")
        assert memory(address) < GIGABYTE
        with page.expect_response(lambda reply: reply.request.method == "PUT" and reply.ok):
            page.locator(f"{labpage.PANEL} .jp-Notebook").press("Control+s")
    saved = (image.home / FOUR_LABS).read_text(encoding="utf-8")
    assert '"text/html"' in saved
    assert "widget-view" not in saved  # or it would not open again
