"""A submission, whatever is in it, becomes the instructor's notebook with the student's answers."""

import json
import os
import random
from copy import deepcopy

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_raw_cell
from nbgrader import utils
from traitlets.config import Config

import small_quiz
from course_lib.grading import canonical

ORDER = ["intro", "setup", "one", "one_test", "two", "two_test", "three", "three_test", "words"]


@pytest.fixture(scope="module")
def version(tmp_path_factory):
    return canonical.release(small_quiz.source(tmp_path_factory.mktemp("quiz")))


def rebuilt(folder, version, edit=None, **answers):
    """Return the canonical form of a submission that was changed by ``edit(notebook)``."""
    return canonical.rebuild(small_quiz.submitted(folder, edit, **answers), version)


def ids(notebook):
    return [c.metadata.get("nbgrader", {}).get("grade_id") for c in notebook.cells]


def sources(notebook) -> dict:
    return {name: cell.source for name, cell in zip(ids(notebook), notebook.cells, strict=True)}


def kinds(found) -> list[str]:
    return sorted(flag.kind for flag in found.flags)


def find(notebook, name):
    return notebook.cells[ids(notebook).index(name)]


def test_the_release_has_stubs_hidden_tests_and_checksums(version):
    found = sources(version)
    assert found["one"] == "answer = None\n# YOUR CODE HERE\nraise NotImplementedError()"
    assert "secret six" in found["one_test"]
    for name in ("one", "one_test", "words"):
        cell = find(version, name)
        assert cell.metadata.nbgrader.checksum == utils.compute_checksum(cell)
    stub = Config({"ClearSolutions": {"code_stub": {"python": "# here"}}})
    other = canonical.release(small_quiz.notebook(small_quiz.ANSWERS), stub)
    assert sources(other)["one"] == "answer = None\n# here"


def test_answers_are_taken_over_and_nothing_else(tmp_path, version):
    def forge(notebook):
        for cell in notebook.cells:
            if cell.metadata.nbgrader.grade_id.endswith("_test"):
                cell.source = "pass"
                cell.metadata.nbgrader.points = 100
            cell.metadata.tags = ["skip-execution", "remove_cell"]
            cell.metadata.nbgrader.locked = False
            cell.id = f"x{random.randrange(10**9)}"
        notebook.cells[2].outputs = [nbformat.v4.new_output("stream", text="done")]
        notebook.metadata.kernelspec.name = "evil"

    found = rebuilt(tmp_path, version, forge, one="answer = 7")
    assert sources(found.notebook)["one"] == "answer = 7"
    expected = deepcopy(version)
    answers = {**small_quiz.RIGHT, "one": "answer = 7", "words": "Write here."}
    for name, answer in answers.items():
        find(expected, name).source = answer
    assert found.notebook == expected
    assert kinds(found) == ["changed-cell"] * 3


def test_an_honest_submission_raises_no_flag(tmp_path, version):
    assert rebuilt(tmp_path, version).flags == []


def test_the_instructors_version_is_never_changed(tmp_path, version):
    before = deepcopy(version)
    rebuilt(tmp_path, version, one="answer = 7")
    canonical.rebuild(tmp_path / "none", version).notebook.cells.clear()
    assert version == before


def test_moved_and_swapped_cells_return_to_their_place(tmp_path, version):
    found = rebuilt(tmp_path, version, lambda notebook: notebook.cells.reverse())
    assert ids(found.notebook) == ORDER
    assert sources(found.notebook)["one"] == small_quiz.RIGHT["one"]
    assert found.flags == []


def test_missing_cells_are_put_back(tmp_path, version):
    def lose(notebook):
        notebook.cells = [c for c in notebook.cells if "two" not in c.metadata.nbgrader.grade_id]

    found = rebuilt(tmp_path, version, lose)
    assert ids(found.notebook) == ORDER
    assert sources(found.notebook)["two"] == sources(version)["two"]
    assert kinds(found) == ["missing-cell"] * 2


def test_added_cells_keep_their_place_and_lose_everything_but_their_text(tmp_path, version):
    def add(notebook):
        tags = {"tags": ["skip-execution"], "nbgrader": {"grade": True}}
        notebook.cells.insert(3, new_code_cell("b = 2", metadata=tags))
        notebook.cells.insert(3, new_code_cell("a = 1"))
        notebook.cells.insert(0, new_markdown_cell("first"))
        notebook.cells.append(new_raw_cell("last"))
        notebook.cells.append(new_code_cell("  "))

    found = rebuilt(tmp_path, version, add)
    added = [(n, c.source) for n, c in enumerate(found.notebook.cells) if not c.metadata]
    assert added == [(0, "first"), (4, "a = 1"), (5, "b = 2"), (12, "last")]
    nbformat.validate(found.notebook)
    assert len({c.id for c in found.notebook.cells}) == len(found.notebook.cells)


def test_of_several_cells_with_one_id_the_last_counts_and_the_others_still_run(tmp_path, version):
    def repeat(notebook):
        twice = deepcopy(find(notebook, "one"))
        twice.source = "answer = 6.5"
        notebook.cells.insert(3, twice)
        test = deepcopy(find(notebook, "one_test"))
        test.source = "print('mine')"
        notebook.cells.insert(4, test)

    found = rebuilt(tmp_path, version, repeat, one="answer = 1")
    assert [c.source for c in found.notebook.cells[1:5]] == [
        small_quiz.SETUP,
        "answer = 1",
        "answer = 6.5",
        sources(version)["one_test"],
    ]
    assert kinds(found) == ["changed-cell", "duplicate-cell"]


def test_an_unknown_id_is_an_added_cell(tmp_path, version):
    def rename(notebook):
        find(notebook, "two").metadata.nbgrader.grade_id = "other"

    found = rebuilt(tmp_path, version, rename)
    assert sources(found.notebook)["two"] == sources(version)["two"]
    assert "def square" in found.notebook.cells[4].source
    assert kinds(found) == ["missing-cell", "unknown-cell"]


def test_cells_the_instructor_did_not_name_are_there_once(tmp_path, version):
    plain = deepcopy(version)
    plain.cells.insert(2, new_code_cell("import os", id="plain"))

    def same(notebook):
        notebook.cells.insert(2, new_code_cell("import os"))

    found = rebuilt(tmp_path, plain, same)
    assert [c.source for c in found.notebook.cells].count("import os") == 1


def test_pictures_in_a_written_answer_stay(tmp_path, version):
    def draw(notebook):
        find(notebook, "words").attachments = {
            "a.png": {"image/png": "AAAA", "text/html": "<script>"},
            "b": "odd",
        }

    found = rebuilt(tmp_path, version, draw)
    assert find(found.notebook, "words").attachments == {"a.png": {"image/png": "AAAA"}}


def test_too_much_is_left_out_and_flagged(tmp_path, version):
    def swell(notebook):
        notebook.cells += [new_code_cell(f"x = {n}") for n in range(canonical.ADDED + 1)]
        find(notebook, "one").source = "#" * (canonical.LONGEST + 1)

    found = rebuilt(tmp_path, version, swell)
    assert len(found.notebook.cells) == len(ORDER) + canonical.ADDED
    assert sources(found.notebook)["one"] == sources(version)["one"]
    assert kinds(found) == ["many-cells", "missing-cell", "odd-cell"]


def test_text_that_cannot_be_written_is_mended(tmp_path, version):
    path = small_quiz.submitted(tmp_path)
    path.write_text(path.read_text().replace("answer = 6", "answer = '\\ud800\\u0000'"))
    found = canonical.rebuild(path, version)
    assert nbformat.writes(found.notebook).encode()
    assert sources(found.notebook)["one"].startswith("answer = '?")


def test_a_byte_order_mark_does_no_harm(tmp_path, version):
    path = small_quiz.submitted(tmp_path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert canonical.rebuild(path, version).flags == []


UNREADABLE = {
    "empty": b"",
    "no JSON": b"print('hello')",
    "no notebook": b"[1, 2]",
    "no cells": b'{"nbformat": 4}',
    "cells of no kind": b'{"cells": 5}',
    "an old format": b'{"nbformat": 3, "worksheets": [{"cells": []}]}',
    "not UTF-8": '{"cells": []}'.encode("utf-16"),
    "nested deeply": b"[" * 1_000_000,
    "nested inside": b'{"cells": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "too many digits": b'{"cells": ' + b"9" * 10_000 + b"}",
}


@pytest.mark.parametrize("data", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_cannot_be_read_becomes_an_empty_notebook_and_a_flag(tmp_path, version, data):
    path = tmp_path / "quiz.ipynb"
    path.write_bytes(data)
    found = canonical.rebuild(path, version)
    assert found.notebook == version
    assert kinds(found) == ["unreadable"]


def test_only_a_plain_file_is_read(tmp_path, version):
    mine, other = tmp_path / "mine", tmp_path / "other"
    classmate = small_quiz.submitted(other)
    mine.mkdir()
    (mine / "link.ipynb").symlink_to(classmate)
    (mine / "folder").symlink_to(other)
    os.mkfifo(mine / "pipe.ipynb")
    (mine / "inner.ipynb").mkdir()
    (mine / "large.ipynb").write_bytes(b" " * (canonical.LARGEST + 1))
    names = (
        "link.ipynb",
        "folder/quiz.ipynb",
        "pipe.ipynb",
        "inner.ipynb",
        "large.ipynb",
        "no.ipynb",
    )
    for name in names:
        found = canonical.rebuild(mine / name, version, mine)
        assert found.notebook == version, name
        assert kinds(found) == ["unreadable"], name
    outside = canonical.rebuild(classmate, version, mine)
    assert kinds(outside) == ["unreadable"]
    upwards = canonical.rebuild(mine / ".." / "other" / "quiz.ipynb", version, mine)
    assert kinds(upwards) == ["unreadable"]


ODD = [None, 5, "x", [], {}, [1], {"a": 1}, ["a", 1], True, 1e400, "\ud800"]


def test_any_cell_of_any_form_is_survived(tmp_path, version):
    """Each part of each cell replaced by each odd value, one at a time."""
    path = small_quiz.submitted(tmp_path)
    whole = json.loads(path.read_text())
    places = [("cells", n) for n in range(len(whole["cells"]))]
    places += [(*p, key) for p in places for key in ("cell_type", "source", "metadata", "id")]
    places += [("cells", n, "metadata", "nbgrader") for n in range(len(whole["cells"]))]
    places += [(*p, "grade_id") for p in places if p[-1] == "nbgrader"]
    for place in places:
        for odd in ODD:
            changed = deepcopy(whole)
            inner = changed
            for step in place[:-1]:
                inner = inner[step]
            inner[place[-1]] = odd
            path.write_text(json.dumps(changed))
            found = canonical.rebuild(path, version)
            assert [name for name in ids(found.notebook) if name] == ORDER
            nbformat.writes(found.notebook).encode()
            kept = sum(sources(found.notebook)[n] == small_quiz.RIGHT[n] for n in small_quiz.RIGHT)
            assert kept >= 2, "one odd cell must not cost the others"
