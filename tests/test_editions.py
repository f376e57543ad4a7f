"""What a student receives, and that nothing of theirs is ever overwritten."""

import io
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import house
import leaks
from course_lib.cli import edition

sys.path.insert(0, str(house.ROOT / "tools"))
import bundle

LESSON = "notebooks/03_checkpoint_inhibitors.ipynb"
QUIZ = "quizzes/q03_checkpoint_inhibitors/q03_checkpoint_inhibitors.ipynb"


@pytest.fixture
def clone(tmp_path):
    return house.make(tmp_path / "course")


@pytest.fixture
def work(clone):
    edition.lay_out(clone, clone / "work")
    return clone / "work"


def source(clone, text):
    (clone / LESSON).write_text(text)


# --- laying out ------------------------------------------------------------------------


def test_a_student_gets_lessons_figures_and_release_quizzes(clone, work):
    assert (work / LESSON).read_bytes() == (clone / LESSON).read_bytes()
    assert "YOUR CODE HERE" in (work / QUIZ).read_text()
    figures = {path.name for path in (clone / "assets/figures").glob("*.svg")}
    assert {path.name for path in (work / "assets/figures").glob("*.svg")} == figures
    everything = "".join(path.read_text() for path in work.rglob("*.*") if path.is_file())
    assert house.SECRET not in everything
    assert house.HIDDEN not in everything
    assert not (work / "notebooks/scratch.ipynb").exists()


def test_an_untouched_file_follows_its_source(clone, work):
    source(clone, "second")
    assert edition.lay_out(clone, work) == []
    assert (work / LESSON).read_text() == "second"


def test_a_changed_file_is_never_overwritten_and_the_newer_one_is_named(clone, work):
    (work / LESSON).write_text("mine")
    assert edition.lay_out(clone, work) == []  # nothing newer: nothing to tell
    source(clone, "second")
    told = edition.lay_out(clone, work)
    assert len(told) == 1
    assert "./course lab 03_checkpoint_inhibitors --fresh" in told[0]
    assert (work / LESSON).read_text() == "mine"


def test_a_missing_file_comes_back(clone, work):
    (work / LESSON).unlink()
    edition.lay_out(clone, work)
    assert (work / LESSON).read_bytes() == (clone / LESSON).read_bytes()


@pytest.mark.parametrize("manifest", ["{", "[]", '{"files": 3}', '{"files": {"x": []}}', None])
def test_without_a_readable_manifest_every_difference_is_the_students(clone, work, manifest):
    (work / edition.MANIFEST).unlink()
    if manifest is not None:
        (work / edition.MANIFEST).write_text(manifest)
    (work / LESSON).write_text("mine")
    edition.lay_out(clone, work)
    assert (work / LESSON).read_text() == "mine"


def test_a_folder_or_link_in_the_place_of_a_file_stays(clone, work):
    (work / LESSON).unlink()
    (work / LESSON).mkdir()
    (work / QUIZ).unlink()
    (work / QUIZ).symlink_to("nowhere")
    edition.lay_out(clone, work)
    assert (work / LESSON).is_dir()
    assert (work / QUIZ).is_symlink()


def test_fresh_restores_one_file_and_keeps_each_old_copy(clone, work):
    (work / QUIZ).write_text("my answers")
    for number, text in enumerate(["mine", "mine again"], start=1):
        (work / LESSON).write_text(text)
        told = edition.lay_out(clone, work, LESSON)
        kept = work / f"notebooks/03_checkpoint_inhibitors.before-{number}.ipynb"
        assert kept.read_text() == text
        assert kept.name in told[0]
        assert (work / LESSON).read_bytes() == (clone / LESSON).read_bytes()
    assert (work / QUIZ).read_text() == "my answers"


def test_fresh_of_an_untouched_lesson_leaves_no_copy(clone, work):
    assert edition.lay_out(clone, work, LESSON) == []
    assert not list(work.rglob("*.before-*"))


@pytest.mark.parametrize(
    "name",
    ["3", "03", "checkpoint_inhibitors", "checkpoint-inhibitors", "03_checkpoint_inhibitors"],
)
def test_a_lesson_has_several_names(clone, name):
    assert edition.find(clone, name) == LESSON
    assert edition.find(clone, "q03") == QUIZ
    assert edition.find(clone, None) == "notebooks/00_start_here.ipynb"


# --- the bundle ------------------------------------------------------------------------


def unpack(clone, target):
    done = house.course(clone, "bundle", str(clone / "out.zip"))
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(clone / "out.zip") as packed:
        packed.extractall(target)
        executable = {i.filename for i in packed.infolist() if i.external_attr >> 16 & 0o111}
    assert executable == {f"{bundle.TOP}/course", f"{bundle.TOP}/postBuild"}
    return target / bundle.TOP


def tree(folder):
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def test_the_bundle_holds_what_a_student_receives_and_no_more(clone, tmp_path):
    packed = tree(unpack(clone, tmp_path / "student"))
    assert {LESSON, QUIZ, "course", "README.md", "LICENSE", "LICENSE-content"} <= packed
    assert {"requirements.lock", "environment.yml", "pyproject.toml", "postBuild"} <= packed
    assert {"course_lib/cli/lab.py", "assets/references.bib"} <= packed
    tops = {path.split("/")[0] for path in packed}
    assert [path for path in packed if path.startswith("docs/")] == ["docs/lab.png"]
    assert tops == {"assets", "course_lib", "docs", "notebooks", "quizzes", *bundle.SINGLE} | {
        "environment.yml"
    }
    assert not [
        path for path in packed if re.search(r"answers\.toml|/release/|scratch|/\.|pyc", path)
    ]


def test_the_bundle_is_the_same_bytes_every_time(clone, tmp_path):
    first, second = clone / "1.zip", tmp_path / "deep" / "er" / "2.zip"
    assert house.course(clone, "bundle", str(first)).returncode == 0
    for path in clone.rglob("*"):
        os.utime(path, (1, 1))
    assert house.course(clone, "bundle", str(second)).returncode == 0
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as packed:
        assert {entry.date_time for entry in packed.infolist()} == {bundle.EARLIEST}
    assert bundle.EARLIEST == (1980, 1, 1, 0, 0, 0)


def test_an_unpacked_bundle_is_a_course_of_its_own(clone, tmp_path):
    student = unpack(clone, tmp_path / "student")
    shown = house.course(student).stdout
    assert "\n  lab " in shown
    assert "bundle" not in shown
    assert "unknown verb 'test'" in house.one_sentence(house.course(student, "test"))
    assert "unknown lesson '7'" in house.one_sentence(house.course(student, "lab", "7"))
    edition.lay_out(student, student / "work")
    edition.lay_out(clone, clone / "work")
    assert tree(student / "work") == tree(clone / "work")
    uv = house.fake_uv(tmp_path / "bin", student)
    env = house.environment(PATH=f"{uv}:/usr/bin:/bin")
    start = "import runpy; runpy.run_path('course')['ensure']('requirements.lock')"
    subprocess.run([sys.executable, "-c", start], cwd=student, env=env, check=True)
    assert "requirements.lock" in (uv / "calls.txt").read_text()


def test_a_quiz_without_release_version_stops_the_bundle(clone):
    (clone / "notebooks/release/q03_checkpoint_inhibitors/q03_checkpoint_inhibitors.ipynb").unlink()
    sentence = house.one_sentence(house.course(clone, "bundle", str(clone / "x.zip")))
    assert "no release version of q03_checkpoint_inhibitors" in sentence
    assert not (clone / "x.zip").exists()


@pytest.mark.parametrize("mark", ["### BEGIN SOLUTION", "### BEGIN HIDDEN TESTS"])
def test_a_left_over_solution_stops_the_bundle(clone, mark):
    release = clone / "notebooks/release/q03_checkpoint_inhibitors"
    house.write(release / "q03_checkpoint_inhibitors.ipynb", house.notebook(mark))
    sentence = house.one_sentence(house.course(clone, "bundle", str(clone / "x.zip")))
    assert "still holds a solution or a hidden test" in sentence
    assert not (clone / "x.zip").exists()


# --- this course's own bundle ----------------------------------------------------------


def test_no_solution_and_no_hidden_test_of_ours_is_in_our_bundle():
    assert leaks.found(bundle.contents(house.ROOT)) == []


def test_the_readme_of_our_bundle_names_only_what_is_in_it():
    packed = bundle.contents(house.ROOT)
    readme = packed["README.md"].decode()
    named = re.findall(r"\[[^]]*\]\(([^)#]+)\)", readme)
    assert {path for path in named if "//" not in path} <= set(packed)
    assert set(re.findall(r"(?m)(?:^|`)\./course ([\w-]+)", readme)) == {"lab", "hand-in"}


def test_our_bundle_has_every_lesson_and_quiz():
    packed = set(bundle.contents(house.ROOT))
    sources = (house.ROOT / "notebooks").glob("[0-9]*.ipynb")
    assert {f"notebooks/{path.name}" for path in sources} <= packed
    assert {
        f"quizzes/{p.stem}/{p.name}" for p in (house.ROOT / "notebooks/quizzes").glob("*/*.ipynb")
    } <= packed


# --- Binder ----------------------------------------------------------------------------


def run_post_build(root, tmp_path, **extra):
    stub = house.write(tmp_path / "stub" / "python", '#!/bin/sh\necho "$@" >> "$NOTES"\n')
    stub.chmod(0o755)
    env = house.environment(
        PATH=f"{stub.parent}:/usr/bin:/bin", NOTES=str(tmp_path / "notes"), **extra
    )
    return subprocess.run(
        [str(root / "postBuild")], cwd=root, env=env, capture_output=True, text=True
    )


def test_post_build_leaves_the_student_edition_in_the_image(clone, tmp_path):
    student = tree(unpack(clone, tmp_path / "student"))
    (clone / "out.zip").unlink()
    done = run_post_build(clone, tmp_path, REPO_DIR=str(clone))
    assert done.returncode == 0, done.stderr
    assert tree(clone) - student == {"notebooks/scratch.ipynb"}
    assert student - tree(clone) == set()
    pip = (tmp_path / "notes").read_text()
    assert "-m pip install --no-deps --no-build-isolation --no-index --editable ." in pip


def test_post_build_works_in_the_student_edition_too(clone, tmp_path):
    student = unpack(clone, tmp_path / "student")
    (student / "postBuild").chmod(0o755)
    before = tree(student)
    assert run_post_build(student, tmp_path, REPO_DIR=str(student)).returncode == 0
    assert tree(student) == before


def test_post_build_refuses_to_run_outside_binder(clone, tmp_path):
    before = tree(clone)
    done = run_post_build(clone, tmp_path)
    assert done.returncode != 0
    assert "for Binder only" in done.stderr
    assert tree(clone) == before


def test_a_stored_bundle_can_be_read_back(clone):
    """The bytes in the zip are the files' own."""
    house.course(clone, "bundle", str(clone / "x.zip"))
    with zipfile.ZipFile(io.BytesIO(Path(clone / "x.zip").read_bytes())) as packed:
        assert packed.testzip() is None
        assert packed.read(f"{bundle.TOP}/{LESSON}") == (clone / LESSON).read_bytes()
