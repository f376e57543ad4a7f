"""What lies where a notebook should lie: links, pipes, broken text, strange schemas."""

import json
import os

from nbformat.v4 import new_notebook

from . import attack

# --- links and other things ---------------------------------------------------------------------


@attack("links", "a link to a classmate's notebook", fair=0, flagged=True)
def link_to_classmate(sub):
    sub.instead().symlink_to(f"/class/submitted/zoe/{sub.path.parent.name}/{sub.path.name}")


@attack("links", "a relative link to a classmate's notebook", fair=0, flagged=True)
def link_relative(sub):
    sub.instead().symlink_to(f"../../zoe/{sub.path.parent.name}/{sub.path.name}")


@attack("links", "a link to the instructor's solution", fair=0, flagged=True)
def link_to_source(sub):
    sub.instead().symlink_to(f"/class/source/{sub.path.parent.name}/{sub.path.name}")


@attack("links", "the whole folder a link to a classmate's", fair=0, flagged=True)
def folder_link(sub):
    sub.instead().parent.rmdir()
    sub.path.parent.symlink_to(f"../zoe/{sub.path.parent.name}")


@attack("links", "a link to itself", fair=0, flagged=True)
def link_to_itself(sub):
    sub.instead().symlink_to(sub.path.name)


@attack("links", "a link to nothing", fair=0, flagged=True)
def link_to_nothing(sub):
    sub.instead().symlink_to("/nowhere/at/all.ipynb")


@attack("links", "a link to an endless device", fair=0, flagged=True)
def link_to_zero(sub):
    sub.instead().symlink_to("/dev/zero")


@attack("links", "a pipe that never says anything", fair=0, flagged=True)
def pipe(sub):
    os.mkfifo(sub.instead())


@attack("links", "a folder with the notebook's name", fair=0, flagged=True)
def folder_as_notebook(sub):
    sub.instead().mkdir()


@attack("links", "a data file that is a link to the instructor's letter")
def data_link(sub):
    (sub.path.parent / "data.csv").symlink_to("/home/instructor/letter.txt")
    sub.write(1, "print(open('data.csv').read())")


@attack("links", "a data file that is a link to the gradebook")
def gradebook_link(sub):
    (sub.path.parent / "data.db").symlink_to("/class/gradebook.db")
    sub.write(1, "import os\nopen('data.db', 'wb').write(b'') if os.path.islink('data.db') else 0")


@attack("links", "a data folder that is a link to its own parent")
def folder_loop(sub):
    (sub.path.parent / "data").symlink_to("..")


@attack("links", "a pipe beside the notebook")
def pipe_beside(sub):
    os.mkfifo(sub.path.parent / "data.csv")


# --- files beside the notebook ------------------------------------------------------------------


@attack("beside", "a module beside the notebook that is called like the course's")
def module_shadows_course(sub):
    liar = "class N:\n    def __getattr__(s, n): return lambda *a, **k: s\n    __getitem__ = lambda s, k: s\n"
    ops = "    __sub__ = __rsub__ = __abs__ = __truediv__ = lambda s, *o: 0\n    __eq__ = lambda s, o: True\n"
    checked = "def checked(*a): return N()\ndef Number(*a): pass\ndef Word(*a): pass\n"
    sub.files = {"course_lib/__init__.py": "", "course_lib/answers.py": liar + ops + checked}
    sub.write(
        1,
        "import sys\nfor n in [n for n in sys.modules if n.startswith('course_lib')]: del sys.modules[n]\nimport os; sys.path.insert(0, os.getcwd())",
    )


@attack("beside", "a module beside the notebook that is called like numpy")
def module_shadows_numpy(sub):
    sub.files = {
        "numpy.py": "open('/class/PWNED-by-numpy', 'w')",
        "json.py": "open('/class/PWNED-by-json', 'w')",
    }


@attack("beside", "settings of nbgrader and Jupyter beside the notebook")
def settings_beside(sub):
    line = "open('/class/PWNED-by-settings', 'w')\nget_config().Execute.allow_errors = True"
    sub.files = {
        "nbgrader_config.py": line,
        "jupyter_config.py": line,
        "sitecustomize.py": line,
        "conftest.py": line,
    }


@attack("beside", "a time of handing in that is no time")
def timestamp_nonsense(sub):
    sub.files = {"timestamp.txt": "the day before yesterday, more or less"}


@attack("beside", "a time of handing in far from every calendar")
def timestamp_far(sub):
    sub.files = {"timestamp.txt": "9999-12-31 23:59:59.999999 UTC+99:99"}


@attack("beside", "a time of handing in that is a link")
def timestamp_link(sub):
    (sub.path.parent / "timestamp.txt").symlink_to("/home/instructor/letter.txt")


@attack("beside", "a second notebook with another name")
def second_notebook(sub):
    sub.files = {"copy of quiz.ipynb": "{}", "notes.ipynb": "not JSON"}


@attack("beside", "the notebook under another name alone", flagged=True)
def renamed(sub):
    name = f"{sub.path.stem} (1).ipynb"
    sub.files = {name: json.dumps(sub.notebook)}
    sub.instead()


@attack("beside", "nothing handed in but the folder", fair=0, flagged=True)
def nothing(sub):
    sub.instead()


@attack("beside", "names with line breaks, quotes and commands")
def strange_names(sub):
    sub.files = {"$(touch PWNED)": "x", "a\nb;c": "x", "'\"<script>PWNED": "x", "-rf": "x"}
    sub.files = {name.replace("PWNED", "p"): text for name, text in sub.files.items()}


# --- text that is no notebook ---------------------------------------------------------------------

TEXTS = (
    ("empty_file", "an empty file", lambda book: ""),
    ("words", "words instead of JSON", lambda book: "My answer is 42."),
    ("truncated", "a notebook cut off in the middle", lambda book: json.dumps(book)[:9000]),
    ("binary", "bytes instead of text", lambda book: bytes(range(256)) * 40),
    ("utf16", "a notebook in UTF-16", lambda book: json.dumps(book).encode("utf-16")),
    ("other_json", "JSON that is no notebook", lambda book: '[1, 2, {"cells": "none"}]'),
    ("null_json", "the JSON null", lambda book: "null"),
    ("deep_json", "lists in lists, 200,000 deep", lambda book: "[" * 200_000 + "]" * 200_000),
    ("deep_metadata", "metadata 900 deep", lambda book: json.dumps(book).replace('"metadata": {', '"metadata": {"x": ' + "[" * 900 + "]" * 900 + ", ", 1)),
    ("huge_file", "a notebook of 60 MB", lambda book: json.dumps(book) + " " * 60_000_000),
    ("huge_number", "a number of five million digits in the metadata", lambda book: json.dumps(book).replace('"metadata": {', '"metadata": {"x": ' + "9" * 5_000_000 + ", ", 1)),
    ("surrogates", "half characters in the text", lambda book: json.dumps(book).replace("answer_1 = 5", "answer_1 = 5 # \\ud800")),
    ("nul_characters", "the character zero in the text", lambda book: json.dumps(book).replace("answer_1 = 5", "answer_1 = 5 # \\u0000")),
    ("cells_missing", "a notebook without a list of cells", lambda book: json.dumps({k: v for k, v in book.items() if k != "cells"})),
    ("cells_text", "a notebook whose cells are text", lambda book: json.dumps(dict(book, cells="all"))),
    ("cells_null", "a notebook of empty cells", lambda book: json.dumps(dict(book, cells=[None, {}, 3, []]))),
)  # fmt: skip


def _text(name, says, make):
    def edit(sub):
        sub.text = make(sub.notebook)

    edit.__name__ = name
    whole = name in ("surrogates", "nul_characters", "deep_metadata", "huge_number")
    attack("text", says, flagged=not whole)(edit)


for entry in TEXTS:
    _text(*entry)

# --- schemas ----------------------------------------------------------------------------------------


@attack("schema", "the schema version of all nbgrader metadata too new")
def schema_new(sub):
    for cell in sub.notebook.cells:
        cell.metadata.nbgrader.schema_version = 99


@attack("schema", "the schema version of all nbgrader metadata too old")
def schema_old(sub):
    for cell in sub.notebook.cells:
        cell.metadata.nbgrader.schema_version = 1


@attack("schema", "a schema version that is a word")
def schema_word(sub):
    for cell in sub.notebook.cells:
        cell.metadata.nbgrader.schema_version = "three"


@attack("schema", "nbgrader metadata of the wrong kind")
def metadata_kinds(sub):
    for cell, value in zip(
        sub.notebook.cells, [None, [], "x", 3, {"grade_id": []}] * 9, strict=False
    ):
        if cell.metadata.nbgrader.grade_id.endswith(("_question", "_test")):
            cell.metadata.nbgrader = value


@attack("schema", "grade ids that are paths")
def ids_are_paths(sub):
    for cell in sub.tests():
        cell.metadata.nbgrader.grade_id = f"../../{cell.metadata.nbgrader.grade_id}"


@attack("schema", "a notebook format of the future")
def format_new(sub):
    sub.notebook.update(nbformat=9, nbformat_minor=9)


@attack("schema", "a notebook format of long ago")
def format_old(sub):
    sub.notebook.update(nbformat=2, nbformat_minor=0)


@attack("schema", "a format number that is a word")
def format_word(sub):
    sub.notebook.update(nbformat="four")


@attack("schema", "sources that are numbers and lists of lists")
def sources_odd(sub):
    for cell in sub.notebook.cells[::3]:
        cell.source = [["x"], 3] if cell.cell_type == "code" else 7


@attack("schema", "outputs of a kind that does not exist")
def outputs_odd(sub):
    for cell in sub.notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [{"output_type": "applause", "data": 3}, None]


@attack("schema", "one cell id for all cells")
def same_cell_ids(sub):
    for cell in sub.notebook.cells:
        cell.id = "x"


@attack("schema", "cell ids that are no ids")
def odd_cell_ids(sub):
    for cell in sub.notebook.cells:
        cell.id = "a b/../'\"<x>" * 40


@attack("schema", "ten thousand empty cells")
def many_cells(sub):
    for number in range(10_000):
        sub.notebook.cells.append(
            dict(sub.notebook.cells[1], id=f"x{number}", source="", metadata={})
        )


@attack("schema", "a notebook without any cell", fair=0, flagged=True)
def no_cells(sub):
    sub.notebook = new_notebook()
