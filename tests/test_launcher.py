"""The launcher, driven as a person would, in copies that share nothing with this clone."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

import house
from course_lib import cli, evidence


@pytest.fixture
def clone(tmp_path):
    return house.make(tmp_path / "course")


@pytest.fixture
def uv(tmp_path, clone):
    return house.fake_uv(tmp_path / "bin", clone)


@pytest.fixture
def with_uv(uv):
    return house.environment(PATH=f"{uv}:/usr/bin:/bin")


def calls(uv):
    notes = uv / "calls.txt"
    lines = notes.read_text().splitlines() if notes.exists() else []
    notes.unlink(missing_ok=True)
    return lines


def locks_installed(uv):
    return [line.rsplit("/", 1)[1] for line in calls(uv) if line.startswith("pip sync")]


# --- what a person reads ---------------------------------------------------------------


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["help"]])
def test_alone_it_prints_its_verbs(clone, words):
    done = house.course(clone, *words)
    assert done.returncode == 0
    for verb in cli.HELP:
        assert f"\n  {verb} " in done.stdout


@pytest.mark.parametrize("verb", cli.HELP)
def test_each_verb_explains_itself_without_a_set_up(clone, verb):
    done = house.course(clone, verb, "--help")
    assert done.returncode == 0
    assert f"./course {verb}" in done.stdout
    assert not (clone / ".venv").exists()


WRONG = [
    (["la"], "unknown verb 'la'; did you mean ./course lab?"),
    (["bundel", "x.zip"], "did you mean ./course bundle?"),
    (["xyzzy"], "unknown verb 'xyzzy'; there are lab, hand-in, evidence"),
    (["lab", "99"], "unknown lesson '99'; there are 00_start_here, 03_checkpoint_inhibitors"),
    (["lab", "checkpoint_inhibitor"], "did you mean checkpoint_inhibitors?"),
    (["lab", "--fresh"], "name it: ./course lab LESSON --fresh"),
    (["lab", "--port", "http"], "'http' is not a port"),
    (["lab", "--port", "70000"], "'70000' is not a port"),
    (["lab", "--fast"], "unrecognized arguments: --fast"),
    (["bundle"], "FILE.zip"),
    (["bench", "tisue"], "no benchmark 'tisue'; there are "),
    (["bench", "trial", "--attacks"], "--attacks belongs to ./course bench grading"),
    (["evidence"], "name one KEY"),
    (["evidence", "pembrolizumab.clearence"], "pembrolizumab.clearance"),
]


@pytest.mark.parametrize(("words", "sentence"), WRONG, ids=[" ".join(words) for words, _ in WRONG])
def test_wrong_use_gets_one_sentence_before_any_set_up(clone, words, sentence):
    assert sentence in house.one_sentence(house.course(clone, *words))
    assert not (clone / ".venv").exists()
    assert not (clone / ".tools").exists()


def test_every_benchmark_is_meant_where_none_is_named():
    assert cli.parse(["bench"]).name == []
    assert cli.parse(["bench", "tissue", "trial"]).name == ["tissue", "trial"]


def test_an_old_python_is_told_so(clone):
    start = (
        "import runpy, sys; sys.version_info = (3, 10, 2); sys.argv = ['course', '--help'];"
        f"runpy.run_path({str(clone / 'course')!r}, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", start], capture_output=True, text=True)
    assert "needs Python 3.11 or newer; it was started with 3.10" in house.one_sentence(done)


def test_evidence_needs_no_set_up(clone):
    done = house.course(clone, "evidence", "pembrolizumab.clearance")
    assert done.returncode == 0, done.stderr
    assert "0.22" in done.stdout
    assert house.course(clone, "evidence", "--due").returncode == 0
    assert not (clone / ".venv").exists()


def test_what_is_due_for_review_is_a_line_each(monkeypatch, capsys):
    late = evidence.get("keynote_355.os_cps10")
    monkeypatch.setattr(evidence, "due", lambda today: [late])
    assert cli.main(["evidence", "--due"]) == 0
    assert capsys.readouterr().out == f"{late.review_by}  keynote_355.os_cps10: {late.label}\n"
    monkeypatch.setattr(evidence, "due", lambda today: [])
    assert cli.main(["evidence", "--due"]) == 0
    assert capsys.readouterr().out == "Nothing is due for review.\n"


# --- set-up ----------------------------------------------------------------------------


def stub_pip(folder, words):
    """A `pip` that fails with these words, as the real one does on this occasion."""
    house.write(folder / "pip/__init__.py", "")
    house.write(folder / "pip/__main__.py", f"import sys; sys.exit({words!r})")
    return house.environment(PATH="/nowhere", PYTHONPATH=str(folder))


def test_no_network_at_first_set_up(clone, tmp_path):
    words = (
        "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError("
        "Failed to establish a new connection: [Errno -3] Temporary failure in name resolution')\n"
        "ERROR: No matching distribution found for uv"
    )
    done = house.course(clone, "lab", "--no-browser", env=stub_pip(tmp_path / "stub", words))
    assert "no network while fetching the installer" in house.one_sentence(done)
    assert not (clone / "work").exists()


def test_no_network_while_installing_then_again_with_network(clone, uv, with_uv):
    (uv / "says.txt").write_text("error: Request failed after 3 retries: error sending request")
    done = house.course(clone, "test", "--fast", env=with_uv)
    assert "no network while installing the packages" in house.one_sentence(done)
    assert "error sending request" in (clone / ".tools/setup.log").read_text()
    (uv / "says.txt").unlink()
    calls(uv)
    ensure(clone, "-dev", with_uv)
    assert locks_installed(uv) == ["requirements-dev.lock"]


def test_another_failure_names_its_last_line(clone, tmp_path):
    env = stub_pip(tmp_path / "stub", "ERROR: No space left on device")
    sentence = house.one_sentence(house.course(clone, "lab", env=env))
    assert "while fetching the installer: ERROR: No space left on device" in sentence


def stamped(clone):
    return json.loads((clone / ".venv/course.json").read_text())["lock"]


def ensure(clone, lock, env):
    """What lab (the small lock) and test (the large one) do first."""
    start = (
        "import runpy; course = runpy.run_path('course');"
        f"print(course['ensure']('requirements{lock}.lock'))"
    )
    done = subprocess.run([sys.executable, "-c", start], cwd=clone, env=env, capture_output=True)
    assert done.returncode == 0, done.stderr


def test_a_second_start_asks_nothing(clone, uv, with_uv):
    ensure(clone, "", with_uv)
    first = calls(uv)
    assert [line.split()[:2] for line in first] == [
        ["venv", "--clear"],
        ["pip", "sync"],
        ["pip", "install"],
    ]
    assert "--require-hashes" in first[1]
    assert "--no-deps --no-build-isolation" in first[2]
    ensure(clone, "", with_uv)
    assert calls(uv) == []


def test_an_environment_is_upgraded_and_never_downgraded(clone, uv, with_uv):
    ensure(clone, "", with_uv)
    ensure(clone, "-dev", with_uv)
    assert locks_installed(uv) == ["requirements.lock", "requirements-dev.lock"]
    ensure(clone, "", with_uv)
    ensure(clone, "-grade", with_uv)
    assert calls(uv) == []
    assert stamped(clone) == "requirements-dev.lock"


@pytest.mark.parametrize("changed", ["requirements-dev.lock", "pyproject.toml"])
def test_a_changed_lock_or_project_is_installed(clone, uv, with_uv, changed):
    ensure(clone, "-dev", with_uv)
    calls(uv)
    with (clone / changed).open("a") as file:
        file.write("\n# changed\n")
    ensure(clone, "", with_uv)
    assert locks_installed(uv) == ["requirements-dev.lock"]


def test_a_moved_course_and_a_broken_stamp_are_set_up_again(clone, uv, with_uv, tmp_path):
    ensure(clone, "", with_uv)
    calls(uv)
    (clone / ".venv/course.json").write_text("{")
    ensure(clone, "", with_uv)
    assert locks_installed(uv) == ["requirements.lock"]
    moved = clone.rename(tmp_path / "moved")
    ensure(moved, "", with_uv)
    assert locks_installed(uv) == ["requirements.lock"]


# --- serving ---------------------------------------------------------------------------


class Lab:
    """A running ./course lab; `url` is what it printed after "Ready: "."""

    def __init__(self, clone, env, *words):
        self.process = subprocess.Popen(
            [sys.executable, "course", "lab", "--no-browser", *words],
            cwd=clone,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines = []
        for line in self.process.stdout:
            self.lines.append(line)
            if line.startswith("Ready: "):
                break
        else:
            pytest.fail("".join(self.lines))
        self.url = self.lines[-1].removeprefix("Ready: ").strip()
        self.base = self.url.split("/lab")[0]
        self.token = self.url.split("token=")[1]

    def get(self, path, token=True):
        query = f"?token={self.token}" if token else ""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{self.base}/{path}{query}") as reply:
            return reply.read().decode()

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        rest, _ = self.process.communicate()
        return rest


@pytest.fixture
def lab(clone, with_uv, tmp_path):
    running = []

    def start(*words):
        home = with_uv | {"HOME": str(tmp_path / "home")}
        running.append(Lab(clone, home, *words))
        return running[-1]

    yield start
    for each in running:
        if each.process.poll() is None:
            each.stop()


def test_lab_serves_the_student_edition_on_this_machine_only(lab, clone):
    server = lab()
    assert server.url.startswith("http://127.0.0.1:")
    assert "/lab/tree/notebooks/00_start_here.ipynb?token=" in server.url
    served = json.loads(server.get("api/contents/notebooks"))["content"]
    assert sorted(entry["name"] for entry in served) == [
        "00_start_here.ipynb",
        "03_checkpoint_inhibitors.ipynb",
    ]
    assert {entry["name"] for entry in json.loads(server.get("api/contents"))["content"]} == {
        "assets",
        "notebooks",
        "quizzes",
    }
    with pytest.raises(urllib.error.HTTPError, match="403"):
        server.get("api/contents", token=False)


def test_lab_asks_the_outside_for_nothing_and_has_no_grader(lab):
    server = lab("3")
    assert "/lab/tree/notebooks/03_checkpoint_inhibitors.ipynb?" in server.url
    page = server.get("lab")
    config = page.split('id="jupyter-config-data" type="application/json">')[1]
    config = json.loads(config.split("</script>")[0])
    off = set(config["disabledExtensions"])
    assert "@jupyterlab/apputils-extension:announcements" in off
    assert "@jupyterlab/extensionmanager-extension" in off
    assert "@jupyter/nbgrader" in off
    assert config["extensionManager"]["can_install"] is False
    assert config["news"] == {"disabled": True}
    with pytest.raises(urllib.error.HTTPError, match="404"):
        server.get("formgrader")


def test_interrupt_stops_the_server_and_leaves_cleanly(lab):
    server = lab("checkpoint_inhibitors")
    rest = server.stop()
    assert server.process.returncode == 0
    assert "Traceback" not in rest
    with pytest.raises(urllib.error.URLError):
        server.get("api")


def test_a_busy_port_is_refused_and_a_free_one_taken(lab, clone, with_uv):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = house.course(clone, "lab", "--no-browser", "--port", port, env=with_uv)
        assert f"port {port} is busy" in house.one_sentence(done)
    assert f":{port}/" in lab("--port", port).url


def test_a_later_start_keeps_what_the_student_wrote(lab, clone):
    lab().stop()
    mine = clone / "work/notebooks/03_checkpoint_inhibitors.ipynb"
    mine.write_text("mine")
    lab().stop()
    assert mine.read_text() == "mine"
    told = "".join(lab("--fresh", "3").lines)
    kept = mine.with_name("03_checkpoint_inhibitors.before-1.ipynb")
    assert "your copy is kept as 03_checkpoint_inhibitors.before-1.ipynb" in told
    assert kept.read_text() == "mine"
    assert "brake" in mine.read_text()


def test_the_launcher_can_be_executed_directly():
    assert os.access(house.ROOT / "course", os.X_OK)
    assert (house.ROOT / "course").read_text().startswith("#!/usr/bin/env python3\n")
