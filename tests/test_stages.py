"""./course test: which stages run, and when the whole counts as failed."""

import sys
from types import SimpleNamespace

import pytest

import house

sys.path.insert(0, str(house.ROOT / "tools"))
import browser
import run_tests
import system


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Run the verb with commands that only answer with the exit codes given."""
    for folder in ("notebooks", "browser", "grading", "doors"):
        (tmp_path / "tests" / folder).mkdir(parents=True)
    house.write(tmp_path / "tests/test_one.py", "")
    house.write(tmp_path / "notebooks/03_lesson.ipynb", "")
    monkeypatch.delenv("COURSE_CHROMIUM", raising=False)
    monkeypatch.setattr(system, "python_library", lambda: None)
    monkeypatch.setattr(system, "grading", lambda: None)
    monkeypatch.setattr(browser, "ensure", lambda: "/opt/chromium")

    def start(*rest, fast=False, codes=()):
        asked, answers = [], iter(codes)

        def answer(command, cwd, env):
            asked.append((" ".join(command[1:]), env.get("COURSE_CHROMIUM")))
            return SimpleNamespace(returncode=next(answers, 0))

        monkeypatch.setattr(run_tests.subprocess, "run", answer)
        return run_tests.main(tmp_path, fast, list(rest)), asked

    return start


def kind(command):
    for name in ("browser", "grading", "doors"):
        if f" tests/{name}" in command:
            return name
    if "--nbval" in command:
        return "notebooks"
    return "units" if "--ignore=tests/browser" in command else "style"


def kinds(asked):
    return [kind(command) for command, _ in asked]


def test_everything_runs_and_the_fastest_first(run):
    code, asked = run()
    assert code == 0
    slow = ["grading", "browser", "browser", "doors"]
    assert kinds(asked) == ["style", "style", "style", "units", "notebooks", *slow]
    assert "notebooks/03_lesson.ipynb" in asked[4][0]
    assert {chromium for _, chromium in asked} == {"/opt/chromium"}


def test_fast_leaves_out_browser_and_doors_and_needs_none(run, monkeypatch):
    monkeypatch.setattr(browser, "ensure", lambda: pytest.fail("looked for a browser"))
    code, asked = run(fast=True)
    assert code == 0
    assert not {"browser", "doors"} & set(kinds(asked))


@pytest.mark.parametrize("failing", range(9))
def test_one_failure_fails_the_whole_and_stops_nothing(run, failing):
    codes = [0] * 9
    codes[failing] = 1
    code, asked = run(codes=codes)
    assert code == 1
    assert len(asked) == 9


@pytest.mark.parametrize("empty", [3, 4, 5, 6, 7, 8])
def test_a_stage_without_tests_is_a_failure(run, capsys, empty):
    codes = [0] * 9
    codes[empty] = run_tests.NO_TESTS
    assert run(codes=codes)[0] == 1
    assert "selected no tests" in capsys.readouterr().out


def test_own_arguments_may_leave_a_stage_empty_but_not_all(run):
    code, asked = run("-k", "trough", codes=[0, 5, 5, 5, 5, 5])
    assert code == 0
    assert kinds(asked) == ["units", "notebooks", "grading", "browser", "browser", "doors"]
    assert all(command.endswith("-k trough") for command, _ in asked)
    assert run("-k", "trough", codes=[5] * 6)[0] == 1
    assert run("-k", "trough", codes=[0, 5, 5, 5, 5, 1])[0] == 1


def test_named_files_run_alone(run):
    code, asked = run("tests/test_one.py::test_it", "-x")
    assert [command for command, _ in asked] == ["-m pytest tests/test_one.py::test_it -x"]
    assert code == 0
    assert "--nbval" in run("notebooks/03_lesson.ipynb")[1][0][0]
    assert run("tests/test_one.py", codes=[5])[0] == 1


def test_named_files_ask_for_a_browser_only_if_they_use_one(run):
    assert run("tests/test_one.py")[1][0][1] is None
    assert run("notebooks/03_lesson.ipynb")[1][0][1] is None
    for path in ("tests", "tests/browser", "tests/doors"):
        assert run(path)[1][0][1] == "/opt/chromium"


def test_a_missing_browser_is_one_sentence(run, monkeypatch, capsys):
    def none():
        raise system.Missing("no Chromium; type: this")

    monkeypatch.setattr(browser, "ensure", none)
    code, asked = run()
    assert (code, asked) == (1, [])
    assert capsys.readouterr().err == "course: no Chromium; type: this\n"


def test_the_browser_that_is_named_must_exist(monkeypatch):
    monkeypatch.setenv("COURSE_CHROMIUM", sys.executable)
    assert browser.installed() == sys.executable
    monkeypatch.setenv("COURSE_CHROMIUM", "/no/such/browser")
    with pytest.raises(system.Missing, match="/no/such/browser"):
        browser.installed()


# --- what pip cannot install -----------------------------------------------------------


@pytest.fixture
def bare(monkeypatch):
    """A machine without sandbox and server; apt-get would bring the packages asked for."""
    here, asked = set(), []
    monkeypatch.setattr(system.shutil, "which", lambda name: name if name in here else None)
    monkeypatch.setattr(system.Path, "glob", lambda *_: iter(()))
    monkeypatch.setattr(system, "is_debian", lambda relatives=False: True)
    monkeypatch.setattr(system, "is_root", lambda: True)

    def apt_get(*packages):
        asked.extend(packages)
        here.update({"bubblewrap": "bwrap", "postgresql": "initdb"}[name] for name in packages)
        return True

    monkeypatch.setattr(system, "apt_get", apt_get)
    return asked


def test_the_grader_s_programs_are_installed_once(bare):
    system.grading()
    assert bare == ["bubblewrap", "postgresql"]
    system.grading()
    assert bare == ["bubblewrap", "postgresql"]


@pytest.mark.parametrize("lacks", ["is_root", "is_debian"])
def test_what_may_not_be_installed_is_told_with_the_command(bare, lacks, monkeypatch):
    monkeypatch.setattr(system, lacks, lambda *_, **__: False)
    with pytest.raises(system.Missing) as missing:
        system.grading()
    assert missing.value.args[0].endswith("type: sudo apt-get install -y bubblewrap postgresql")
    assert bare == []


def test_only_tests_that_grade_need_the_grader_s_programs(run, monkeypatch, capsys):
    def none():
        raise system.Missing("no bubblewrap; type: this")

    monkeypatch.setattr(system, "grading", none)
    assert run("tests/test_one.py")[0] == 0
    for words in (
        [],
        ["tests"],
        ["tests/grading"],
        ["tests/browser"],
        ["tests/doors"],
        ["-k", "marks"],
    ):
        assert run(*words) == (1, [])
        assert capsys.readouterr().err == "course: no bubblewrap; type: this\n"
