"""./course hand-in QUIZ: look a student's own quiz file over and pack it for upload."""

import json
import re
import zipfile

from course_lib.cli import complain, edition

LARGEST = 10_000_000
EARLIEST = (1980, 1, 1, 0, 0, 0)  # no clock enters the file: the same answers make the same zip


def cells(path):
    """{cell name: source} of the quiz cells in a notebook, and the names found twice."""
    found, twice = {}, []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        name = cell["metadata"].get("nbgrader", {}).get("grade_id")
        if name in found:
            twice.append(name)
        elif name:
            found[name] = "".join(cell["source"])
    return found, twice


def answers(notebook):
    """The names of the cells that a student fills in, in order."""
    found = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    roles = [cell["metadata"].get("nbgrader", {}) for cell in found]
    return [role["grade_id"] for role in roles if role.get("solution")]


def question(name):
    """'question 3' for the cell q03_3_answer."""
    found = re.match(r"[a-z]+\d+_(\d+)_", name)
    return f"question {found[1]}" if found else name


def look_over(own, given):
    """What a student should know of their file, in sentences; nothing if all is well."""
    mine, twice = cells(own)
    original, _ = cells(given)
    told = []
    missing = [name for name in original if name not in mine]
    if missing:
        told.append(
            f"These cells are missing: {', '.join(missing)}. Answers in other cells still count."
        )
    if twice:
        told.append(f"These cells are there twice: {', '.join(twice)}. Keep one of each.")
    empty = [n for n in answers(given) if n in mine and mine[n].strip() == original[n].strip()]
    if empty:
        told.append(f"Not answered yet: {', '.join(question(name) for name in empty)}.")
    return told


def run(root, options):
    quiz = options.page.split("/")[1]
    own, given = root / "work" / options.page, edition.quiz_folder(root) / quiz / f"{quiz}.ipynb"
    name = re.sub(r"[^\w.@+]+", "-", options.name or "").strip("-.")
    if options.name is not None and not name:
        complain(f"the name {options.name!r} has no letter and no digit.", 2)
    if not own.is_file():
        complain(f"you have no {own.name} yet; open it first: ./course lab {quiz}.")
    if own.stat().st_size > LARGEST:
        complain(
            f"{own.name} has more than 10 MB; choose Edit, Clear Outputs of All Cells, save, "
            "and type this again."
        )
    try:
        told = look_over(own, given)
    except (ValueError, KeyError, TypeError, AttributeError):
        complain(
            f"{own.name} is damaged and cannot be read; ./course lab {quiz} --fresh gives you a "
            "new one and keeps this one beside it."
        )
    packed = root / "work" / "hand-in" / f"{'_'.join(filter(None, [quiz, name]))}.zip"
    packed.parent.mkdir(parents=True, exist_ok=True)
    half = packed.with_suffix(".half")
    with zipfile.ZipFile(half, "w", zipfile.ZIP_DEFLATED) as bundle:
        entry = zipfile.ZipInfo(own.name, EARLIEST)
        entry.compress_type = zipfile.ZIP_DEFLATED
        bundle.writestr(entry, own.read_bytes())
    half.replace(packed)
    for sentence in told:
        print(sentence)
    print(f"Packed as you last saved it: {packed}")
    print("Hand in this file where your instructor told you to.")
    if not name:
        print(f"By mail? Then add your name: ./course hand-in {options.quiz} --name NAME")
    return 0
