"""``./course author`` reproduces what is committed, and leaves nothing heavy in it."""

import json
import re
from pathlib import Path

import nbformat
import pytest

import author

LESSONS = author.lessons([])
PICTURE = re.compile(r'<img class="course-picture"[^>]*>')
BOARD = '<table class="course-board"'  # a lab that is a table needs no picture of one
DRAWING = re.compile(r'<img alt="[^"]{100,}"[^>]* src="data:image/svg\+xml;')
#: What a lesson may take in its kernel, bytes: a small server holds a few students at once.
MEMORY = 1e9


def comparable(notebook) -> str:
    """The notebook as text, pictures left out: fonts differ between machines."""
    slot = json.dumps(author.PICTURE_SLOT).strip('"')
    return re.sub(r'<img class=\\"course-picture\\"[^>]*>', slot, nbformat.writes(notebook))


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_author_reproduces_the_committed_lesson(path):
    executed = author.execute(path)
    committed = nbformat.read(path, as_version=4)
    assert comparable(executed.notebook) == comparable(committed)
    assert 3e7 < executed.memory < MEMORY  # a bare Python takes ten million bytes


def test_what_a_kernel_prints_in_pieces_is_one_output(tmp_path):
    path = tmp_path / "pieces.ipynb"
    cell = nbformat.v4.new_code_cell("print('one', flush=True)\nprint('two')", id="pieces")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    (cell,) = author.execute(path).notebook.cells
    assert [output["text"] for output in cell.outputs] == ["one\ntwo\n"]


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_committed_lesson_is_light_and_readable_without_a_kernel(path):
    text = path.read_text("utf-8")
    assert len(text.encode()) < author.LARGEST
    assert author.WIDGET_VIEW not in text
    notebook = nbformat.reads(text, as_version=4)
    assert "widgets" not in notebook.metadata
    for cell in notebook.cells:
        if cell.cell_type == "code" and ".lab(" in cell.source:
            html = "".join(output.get("data", {}).get("text/html", "") for output in cell.outputs)
            assert PICTURE.search(html) or DRAWING.search(html) or BOARD in html
            assert "<table" in html
            assert "Run All Cells" in html


def test_the_readme_lists_the_lessons_there_are():
    readme = (author.ROOT / "README.md").read_text("utf-8")
    assert author.renewed(readme, author.lesson_list()) == readme
    for path in LESSONS:
        assert f"](notebooks/{path.name})" in readme


def test_the_map_of_lesson_00_leads_to_every_lesson_there_is():
    start = nbformat.read(LESSONS[0], as_version=4)
    (cell,) = [cell for cell in start.cells if author.LIST_START in cell.source]
    assert author.renewed(cell.source, author.cycle_map()) == cell.source
    linked = re.findall(r"\((\d\d_\w+\.ipynb)\)", cell.source)
    assert linked == [path.name for path in LESSONS[1:]]


def test_an_unknown_lesson_is_one_sentence():
    with pytest.raises(SystemExit, match="no lesson called nonsense"):
        author.lessons(["nonsense"])


def test_a_notebook_too_large_to_commit_is_refused(tmp_path):
    path = tmp_path / "big.ipynb"
    big = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("x" * 600_000)])
    with pytest.raises(SystemExit, match="would be 600 kB"):
        author.write(path, big)
    assert not Path(path).exists()


def test_pictures_replace_their_slot_and_carry_the_sentence():
    cell = nbformat.v4.new_code_cell("x.lab()", id="a-lab")
    data = {"text/html": f"<p>{author.PICTURE_SLOT}</p>", "text/plain": 'It "grows".\n  Size: 3 mm'}
    cell.outputs = [nbformat.v4.new_output("execute_result", data=data, execution_count=1)]
    author.put_pictures(nbformat.v4.new_notebook(cells=[cell]), {"a-lab": b"picture"})
    html = cell.outputs[0]["data"]["text/html"]
    assert 'alt="It &quot;grows&quot;."' in html
    assert 'src="data:image/webp;base64,cGljdHVyZQ=="' in html
    assert author.PICTURE_SLOT not in html
