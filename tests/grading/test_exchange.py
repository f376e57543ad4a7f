"""Collecting from the exchange: what a class can put into a folder that all may write to."""

import os
import shutil
import stat
from pathlib import Path

import pytest

import tiny
from course_lib import cli
from course_lib.grading import exchange
from course_lib.grading.record import LARGEST

WHEN = "2026-11-21 10:0{}:00.000000 UTC"


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    """A class with an exchange."""
    room = tiny.make(tmp_path_factory.mktemp("exchange") / "class").folder
    (room / "exchange").mkdir(mode=0o777)
    (room / "exchange").chmod(0o777)
    return room


@pytest.fixture
def inbound(room):
    """The folder that a class hands in to, empty."""
    folder = room / "exchange" / "breast_cancer_immunotherapy" / "inbound"
    for used in (folder, room / "submitted"):
        shutil.rmtree(used, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def accounts(monkeypatch):
    """Let all accounts of this computer be named as the test says."""
    owners = {}
    monkeypatch.setattr(exchange, "account", lambda number: owners.get(number, str(number)))

    def named(name):
        owners[os.getuid()] = name

    return named


def hand_in(inbound, student, minute=1, text="{}", quiz=tiny.QUIZ):
    """Do what nbgrader's button does: a folder of one's own with the notebook and the time."""
    when = WHEN.format(minute)
    folder = inbound / f"{student}+{quiz}+{when}+abc"
    folder.mkdir()
    (folder / f"{quiz}.ipynb").write_text(text)
    (folder / "timestamp.txt").write_text(when)
    return folder


def collected(inbound, capsys):
    """Collect, and return {student: {file: text}} and what was said."""
    room = inbound.parents[2]
    capsys.readouterr()
    assert cli.main(["class", "collect", str(room), "t01"]) == 0
    folders = (room / "submitted").glob(f"*/{tiny.QUIZ}")
    found = {
        folder.parent.name: {file.name: file.read_text() for file in folder.iterdir()}
        for folder in folders
    }
    return found, capsys.readouterr().out


def test_the_newest_of_a_students_own_is_taken(inbound, accounts, capsys):
    accounts("ada")
    hand_in(inbound, "ada", 1, "old")
    hand_in(inbound, "ada", 2, "new")
    found, _ = collected(inbound, capsys)
    assert found["ada"] == {f"{tiny.QUIZ}.ipynb": "new", "timestamp.txt": WHEN.format(2)}


def test_nobody_hands_in_under_another_s_name(inbound, accounts, capsys):
    accounts("ben")
    hand_in(inbound, "ada", 5, "forged")
    hand_in(inbound, "ben", 1, "own")
    found, told = collected(inbound, capsys)
    assert set(found) == {"ben"}
    assert "it says ada, and belongs to the account ben" in told


def test_where_all_accounts_are_one_the_name_counts(inbound, accounts, capsys):
    accounts("jovyan")
    hand_in(inbound, "ada")
    assert collected(inbound, capsys)[0] == {}
    settings = inbound.parents[2] / "nbgrader_config.py"
    kept = settings.read_text()
    settings.write_text(kept + "\nc.ExchangeCollect.check_owner = False\n")
    assert set(collected(inbound, capsys)[0]) == {"ada"}
    settings.write_text(kept)


def test_links_pipes_and_large_files_are_left_where_they_are(inbound, accounts, capsys):
    accounts("ben")
    solved = inbound.parents[2] / "source" / tiny.QUIZ / f"{tiny.QUIZ}.ipynb"
    folder = hand_in(inbound, "ben")
    (folder / f"{tiny.QUIZ}.ipynb").unlink()
    (folder / f"{tiny.QUIZ}.ipynb").symlink_to(solved)
    os.mkfifo(folder / "pipe")
    (folder / "more").symlink_to(solved.parent, target_is_directory=True)
    with (folder / "large").open("wb") as large:
        large.truncate(LARGEST + 1)
    found, told = collected(inbound, capsys)
    assert found == {"ben": {"timestamp.txt": WHEN.format(1)}}
    assert told.count("Left out: ") == 4


def test_a_link_instead_of_a_folder_is_left_out(inbound, accounts, capsys):
    accounts("ben")
    elsewhere = Path(shutil.move(hand_in(inbound, "ben"), inbound.parents[2] / "elsewhere"))
    (inbound / f"ben+{tiny.QUIZ}+{WHEN.format(1)}+abc").symlink_to(elsewhere)
    assert collected(inbound, capsys)[0] == {}


@pytest.mark.parametrize("name", ["ben+{}+never+abc", "ben+{}+99999999999999999999+abc"])
def test_a_folder_with_a_date_that_is_none_stops_nobody(inbound, accounts, capsys, name):
    accounts("ben")
    (inbound / name.format(tiny.QUIZ)).mkdir()
    hand_in(inbound, "ben")
    found, told = collected(inbound, capsys)
    assert set(found) == {"ben"}
    assert "Left out: " in told


def test_a_file_of_another_account_is_not_read(inbound, accounts, capsys, monkeypatch):
    accounts("ben")
    folder, real = hand_in(inbound, "ben"), os.fstat
    private = (folder / f"{tiny.QUIZ}.ipynb").stat().st_ino

    def seen(handle):  # only root could give the file away
        found = list(real(handle))
        found[stat.ST_UID] += found[stat.ST_INO] == private
        return os.stat_result(found)

    monkeypatch.setattr(exchange.os, "fstat", seen)
    found, told = collected(inbound, capsys)
    assert set(found["ben"]) == {"timestamp.txt"}
    assert "not a plain file of their own" in told
