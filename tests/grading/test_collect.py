"""Submissions out of what Canvas, Moodle, a folder or students' mail delivers."""

import csv
import errno
import io
import json
import os
import zipfile
from pathlib import Path

import pytest

from course_lib.grading import collect
from course_lib.grading.record import RecordError

QUIZ = "q03_checkpoint_inhibitors"
FILE = f"{QUIZ}.ipynb"


def notebook(text="mine"):
    cell = {"cell_type": "markdown", "metadata": {}, "source": text}
    return json.dumps(
        {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    ).encode()


def zipped(files):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, data in files.items():
            bundle.writestr(name, data)
    return packed.getvalue()


@pytest.fixture
def take(tmp_path):
    """Collect an export given as ``{path: content}``: as a zip, and unpacked as a folder."""

    def take(files, form="zip"):
        source = tmp_path / "export"
        if form == "zip":
            source = source.with_suffix(".zip")
            source.write_bytes(zipped(files))
        else:
            for name, data in files.items():
                (source / name).parent.mkdir(parents=True, exist_ok=True)
                (source / name).write_bytes(data)
        new, told = collect.collect(source, QUIZ, tmp_path / "submitted", tmp_path / "downloaded")
        return new, told

    return take


def submitted(tmp_path):
    found = (tmp_path / "submitted").rglob("*")
    return {p.relative_to(tmp_path / "submitted").as_posix(): p for p in found if p.is_file()}


def students(tmp_path):
    return {path.split("/")[0] for path in submitted(tmp_path)}


# --- whose file it is ------------------------------------------------------------------

WHOSE = [
    (f"lovelaceada_1234_5678_{FILE}", ("1234", "lovelaceada", "Canvas", "1234", "")),
    (f"lovelaceada_LATE_1234_5678_{FILE}", ("1234", "lovelaceada", "Canvas", "1234", "late")),
    (f"lovelaceada_late_1234_5678_{FILE}", ("1234", "lovelaceada", "Canvas", "1234", "late")),
    (f"anon_X1y2Z_5678_{FILE}", ("X1y2Z", "", "Canvas", "X1y2Z", "")),
    (
        f"Ada Lovelace_12_assignsubmission_file/{FILE}",
        ("Ada-Lovelace", "Ada Lovelace", "Moodle", "12", ""),
    ),
    (
        f"Ada Lovelace_12_assignsubmission_file_/a/{FILE}",
        ("Ada-Lovelace", "Ada Lovelace", "Moodle", "12", ""),
    ),
    (
        f"Ada Lovelace_12_assignsubmission_file_{FILE}",
        ("Ada-Lovelace", "Ada Lovelace", "Moodle", "12", ""),
    ),
    (
        f"Zoë Ångström_7_assignsubmission_file/{FILE}",
        ("Zoë-Ångström", "Zoë Ångström", "Moodle", "7", ""),
    ),
    (f"ada/{FILE}", ("ada", "ada", "", "", "")),
    (f"ada/{QUIZ}/{FILE}", ("ada", "ada", "", "", "")),
    (f"group_1_2_a/{FILE}", ("group_1_2_a", "group_1_2_a", "", "", "")),
    (f"{QUIZ}_ada.zip", ("ada", "ada", "", "", "")),
    (f"{QUIZ}-ada.ipynb", ("ada", "ada", "", "", "")),
]


@pytest.mark.parametrize(("place", "owner"), WHOSE, ids=[place for place, _ in WHOSE])
def test_the_path_says_whose_it_is(place, owner):
    assert collect.whose(place, QUIZ) == collect.Owner(*owner)


@pytest.mark.parametrize(
    ("name", "safe"),
    [("..", ""), ("-.-", ""), ("a/../b", "a-..-b"), (".hidden", "hidden"), ("x" * 99, "x" * 60)],
)
def test_a_name_can_name_a_folder(name, safe):
    assert collect.student_id(name) == safe


SPOOFS = [
    (f"eve_1_2_bob_3_4_{FILE}", "1"),
    (f"eve_1_2_Bob Builder_3_assignsubmission_file_{FILE}", None),
    (f"Eve_1_assignsubmission_file/Bob_2_assignsubmission_file/{FILE}", "Eve"),
    (f"Eve_1_assignsubmission_file_Bob_2_assignsubmission_file_{FILE}", "Eve"),
    (f"Eve_1_assignsubmission_file/bob_3_4_{FILE}", "Eve"),
    (f"eve/bob_3_4_{FILE}", "eve"),
    (f"eve/Bob_2_assignsubmission_file/{FILE}", "eve"),
    (f"eve/{QUIZ}_bob.zip", "eve"),
    (f"../bob/{FILE}", None),
    (FILE, None),
]


@pytest.mark.parametrize(("place", "student"), SPOOFS, ids=[place for place, _ in SPOOFS])
def test_what_a_student_chose_never_decides_whose_it_is(place, student):
    owner = collect.whose(place, QUIZ)
    if student is None:
        assert owner is None or owner.student not in ("bob", "Bob", "3")
    else:
        assert owner.student == student


@pytest.mark.parametrize("form", ["zip", "folder"])
@pytest.mark.parametrize(
    "paths",
    [
        {"1": f"lovelaceada_1_11_{FILE}", "2": f"builderbob_LATE_2_12_{QUIZ}-1.ipynb"},
        {
            "Ada": f"Ada_1_assignsubmission_file/{FILE}",
            "Bob": f"Bob_2_assignsubmission_file/{FILE}",
        },
        {"ada": f"ada/{QUIZ}/{FILE}", "bob": f"bob/{FILE}"},
        {"ada": f"{QUIZ}_ada.ipynb", "bob": f"{QUIZ}_bob.ipynb"},
    ],
    ids=["Canvas", "Moodle", "folders", "mail"],
)
def test_an_export_is_taken_in(take, tmp_path, paths, form):
    assert take({path: notebook(who) for who, path in paths.items()}, form) == (2, [])
    found = submitted(tmp_path)
    assert set(found) == {f"{who}/{QUIZ}/{FILE}" for who in paths}
    for who in paths:
        assert found[f"{who}/{QUIZ}/{FILE}"].read_bytes() == notebook(who)
    book = collect.collected(tmp_path / "downloaded" / QUIZ / "collected.csv")
    assert {who: line.place for who, line in book.items()} == paths


@pytest.mark.parametrize("place", [f"ada_1_2_{QUIZ}.zip", "Ada_1_assignsubmission_file/x.zip"])
def test_what_hand_in_packed_may_lie_in_a_platforms_zip(take, tmp_path, place):
    assert take({place: zipped({FILE: notebook("packed")})})[0] == 1
    (found,) = submitted(tmp_path).values()
    assert found.read_bytes() == notebook("packed")


def test_one_file_that_hand_in_packed_is_enough(tmp_path):
    path = tmp_path / f"{QUIZ}_ada.zip"
    path.write_bytes(zipped({FILE: notebook()}))
    assert collect.collect(path, QUIZ, tmp_path / "submitted", tmp_path / "d") == (1, [])
    assert students(tmp_path) == {"ada"}


def test_namesakes_on_moodle_are_kept_apart_and_told(take, tmp_path):
    files = {f"Ada_{n}_assignsubmission_file/{FILE}": notebook(str(n)) for n in (1, 2)}
    _, told = take(files | {f"Bob_3_assignsubmission_file/{FILE}": notebook()})
    assert students(tmp_path) == {"Ada-1", "Ada-2", "Bob"}
    assert len(told) == 1
    assert "2 students are called Ada" in told[0]


def test_elsewhere_one_name_for_two_is_left_out_and_told(take, tmp_path):
    files = {f"a b/{FILE}": notebook(), f"a-b/{FILE}": notebook(), f"c/{FILE}": notebook()}
    _, told = take(files)
    assert students(tmp_path) == {"c"}
    assert told == ["a-b is the name of several: a b, a-b. Left out; rename them."]


def test_of_several_attempts_the_last_counts(take, tmp_path):
    names = [FILE, f"{QUIZ}-1.ipynb", f"{QUIZ} (2).ipynb", "notes.ipynb"]
    files = {f"Ada_1_assignsubmission_file/{name}": notebook(name) for name in names}
    assert take(files) == (1, [])
    (found,) = submitted(tmp_path).values()
    assert found.read_bytes() == notebook(f"{QUIZ} (2).ipynb")


def test_a_single_notebook_of_another_name_is_taken_and_told(take):
    new, told = take({"Ada_1_assignsubmission_file/Untitled.ipynb": notebook()})
    assert new == 1
    assert "Ada: taken although it is named" in told[0]


def test_two_of_equal_right_are_left_out_and_told(take, tmp_path):
    files = {f"Ada_1_assignsubmission_file/{n}.ipynb": notebook(n) for n in ("x", "y")}
    new, told = take(files)
    assert new == 0
    assert "several notebooks" in told[0]
    assert students(tmp_path) == set()


# --- what is odd or hostile ------------------------------------------------------------


def test_what_has_no_owner_or_no_notebook_is_told(take):
    new, told = take({"readme.txt": b"x", "ada_1_2_essay.docx": b"x", "__MACOSX/._a": b"x"})
    assert new == 0
    assert told == [
        "readme.txt: its name does not say whose it is; left out. Call it "
        f"{QUIZ}_NAME.txt, with the student's name, and collect it again.",
        "1: handed in no notebook that can be read (ada_1_2_essay.docx: no notebook); left out.",
    ]


def test_a_hand_in_without_a_name_counts_once_it_is_renamed_as_told(tmp_path):
    path, places = tmp_path / f"{QUIZ}.zip", (QUIZ, tmp_path / "submitted", tmp_path / "d")
    path.write_bytes(zipped({FILE: notebook()}))
    new, (told,) = collect.collect(path, *places)
    assert new == 0
    advised = told.partition("Call it ")[2].partition(",")[0]
    assert advised == f"{QUIZ}_NAME.zip"
    path = path.rename(tmp_path / advised.replace("NAME", "ada"))
    assert collect.collect(path, *places) == (1, [])
    assert students(tmp_path) == {"ada"}


def test_nothing_lands_outside_the_class_folder(take, tmp_path):
    names = [f"../../../evil/{FILE}", f"/etc/evil/{FILE}", f"..\\..\\evil/{FILE}", f"./{FILE}"]
    take({name: notebook() for name in names})
    everything = {path.name for path in tmp_path.iterdir()}
    assert everything <= {"export.zip", "submitted", "downloaded"}
    assert not (tmp_path.parent / "evil").exists()


def test_a_file_that_unpacks_without_end_is_left_out(take, tmp_path):
    new, told = take({f"eve_1_2_{FILE}": bytes(11_000_000), f"ada_3_4_{FILE}": notebook()})
    assert new == 1
    assert "at most 10 MB" in told[0]
    assert students(tmp_path) == {"3"}


def test_a_zip_of_very_many_files_inside_a_zip_is_not_read_to_its_end(take, monkeypatch):
    opened = []
    real = collect.small_entry
    monkeypatch.setattr(collect, "small_entry", lambda *a: opened.append(1) or real(*a))
    inner = zipped({f"{n}.ipynb": notebook(str(n)) for n in range(1000)})
    new, _ = take({"eve_1_2_q.zip": inner})
    assert new == 0
    assert len(opened) == 1 + collect.MOST_IN_A_ZIP


@pytest.mark.parametrize("data", [b"PK no zip", b"", zipped({"x.ipynb": b"1"})[:-30]])
def test_a_broken_zip_of_a_student_harms_nobody_and_is_named(take, data):
    new, told = take({"eve_1_2_q.zip": data, f"ada_3_4_{FILE}": notebook()})
    assert new == 1
    assert told == [
        "1: handed in no notebook that can be read (eve_1_2_q.zip: File is not a zip file); "
        "left out."
    ]


def test_a_broken_export_is_told(tmp_path):
    path = tmp_path / "export.zip"
    path.write_bytes(b"PK no zip")
    with pytest.raises(RecordError, match=r"export\.zip: File is not a zip file"):
        collect.collect(path, QUIZ, tmp_path / "submitted", tmp_path / "d")


def test_links_and_pipes_in_a_folder_are_not_followed(take, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(notebook("secret"))
    folder = tmp_path / "export" / "eve"
    folder.mkdir(parents=True)
    (folder / FILE).symlink_to(secret)
    os.mkfifo(tmp_path / "export" / "pipe")
    new, told = take({f"ada/{FILE}": notebook()}, "folder")
    assert new == 1
    assert "eve: handed in no notebook" in told[0]
    assert students(tmp_path) == {"ada"}


# --- again, and interrupted ------------------------------------------------------------


def test_the_same_again_changes_nothing(take, tmp_path):
    files = {f"ada_1_2_{FILE}": notebook()}
    assert take(files) == (1, [])
    before = {path: path.stat().st_mtime_ns for path in submitted(tmp_path).values()}
    assert take(files) == (0, [])
    assert {path: path.stat().st_mtime_ns for path in submitted(tmp_path).values()} == before


def test_a_newer_file_replaces_and_the_older_is_kept(take, tmp_path):
    for text in ("first", "second", "third"):
        take({f"ada_1_2_{FILE}": notebook(text)})
    (found,) = submitted(tmp_path).values()
    assert found.read_bytes() == notebook("third")
    kept = tmp_path / "downloaded" / QUIZ / "replaced" / "1"
    assert (kept / "1.ipynb").read_bytes() == notebook("first")
    assert (kept / "2.ipynb").read_bytes() == notebook("second")


def test_a_second_export_adds_to_the_first(take, tmp_path):
    take({f"ada_1_2_{FILE}": notebook()})
    take({f"bob_3_4_{FILE}": notebook()})
    with (tmp_path / "downloaded" / QUIZ / "collected.csv").open(newline="") as lines:
        assert [row["student"] for row in csv.DictReader(lines)] == ["1", "3"]


def test_interrupted_it_is_finished_by_the_same_command(take, tmp_path, monkeypatch):
    files = {f"s_{n}_{n}_{FILE}": notebook(str(n)) for n in range(5)}
    real, calls = Path.replace, []

    def stopping(self, target):
        calls.append(target)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(self, target)

    monkeypatch.setattr(Path, "replace", stopping)
    with pytest.raises(KeyboardInterrupt):
        take(files)
    monkeypatch.undo()
    assert take(files) == (3, [])
    assert students(tmp_path) == set("01234")


def test_a_full_disk_is_told(take, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(RecordError, match=r"No space left on device.*the same command again"):
        take({f"ada_1_2_{FILE}": notebook()})
