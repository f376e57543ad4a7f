"""The lessons keep the rules of the course: short, plain, sourced, and never a lecture."""

import ast
import importlib
import re
import tomllib
from collections import Counter

import nbformat
import pytest

import prose
from course_lib import evidence
from course_lib.labs import published_trials
from course_lib.models import patient_selection, patient_selection_cases, pd_l1_counting

LESSONS = pytest.mark.parametrize("path", prose.LESSONS, ids=lambda path: path.stem)
GLOSSARY = tomllib.loads((evidence.ASSETS / "glossary.toml").read_text(encoding="utf-8"))


@LESSONS
def test_it_is_a_valid_notebook_with_readable_cell_ids(path):
    book = nbformat.read(path, as_version=4)
    nbformat.validate(book)
    assert (book.nbformat, book.nbformat_minor) == (4, 5)
    assert book.metadata.kernelspec.name == "python3"
    ids = [cell.id for cell in book.cells]
    assert len({name[:4] for name in ids}) == 1
    assert all(re.fullmatch(r"[a-z]{3}-[a-z0-9]+(-[a-z0-9]+)*", name) for name in ids)


@LESSONS
def test_code_cells_are_short_calls(path):
    for cell in prose.cells(path):
        if cell["cell_type"] == "code":
            assert len(cell["source"].splitlines()) <= 12, cell["id"]
            kinds = {type(node) for node in ast.walk(ast.parse(cell["source"]))}
            assert not kinds & {ast.FunctionDef, ast.ClassDef, ast.Lambda}, cell["id"]
            assert "http" not in cell["source"], cell["id"]


@LESSONS
def test_sentences_are_short(path):
    found = [s for cell in prose.taught(path) for s in prose.sentences(cell["source"])]
    lengths = [len(prose.words(sentence)) for sentence in found]
    assert max(lengths) <= 25, found[lengths.index(max(lengths))]
    assert sum(lengths) / len(lengths) <= 18


@LESSONS
def test_sections_are_short(path):
    for heading, text in prose.sections(path):
        if heading not in prose.LISTS:
            assert len(prose.words(prose.plain(text))) <= 200, heading


@LESSONS
def test_the_reader_acts_at_least_every_200_words(path):
    """An act is a question in the text, a self-check or a lab."""
    passive, where = 0, ""
    for cell in prose.cells(path):
        if cell["source"].startswith("## In five lines"):
            break
        if cell["cell_type"] == "code":
            if re.search(r"checks\.ask|\.lab\(", cell["source"]):
                passive = 0
            continue
        for sentence in prose.sentences(cell["source"]):
            passive += len(prose.words(sentence))
            assert passive <= 200, f"{cell['id']}: {sentence}"
            if sentence.rstrip('"”)').endswith("?"):
                passive, where = 0, cell["id"]
    assert where


@LESSONS
def test_terms_are_bold_and_explained_where_they_first_stand(path):
    mine = {term for term, entry in GLOSSARY.items() if path.stem in entry["lessons"]}
    text = "\n\n".join(prose.plain(cell["source"]) for cell in prose.taught(path))
    for term in mine:
        first = re.search(rf"(\*\*)?(?<!\w){re.escape(term)}(?![\w-])", text, re.IGNORECASE)
        assert first, f"{term} is not used"
        around = text[max(0, first.start() - 60) : first.end() + 60]
        assert first[1] == "**", f"{term} is not bold: {around}"
        assert text[first.end() :][:2] in ("**", "s*"), f"{term} is not bold: {around}"
        block = next(b for b in prose.paragraphs(text) if f"**{first[0][2:]}" in b)
        sentence = next(s for s in prose.sentences(block) if first[0][2:] in s)
        assert len(prose.words(sentence)) >= 8, f"{term} is not explained: {sentence}"


@LESSONS
def test_the_lessons_words_are_those_of_the_glossary(path):
    listed = dict(prose.sections(path))["Words of this lesson"]
    found = dict(re.findall(r"^- \*\*(.+?)\*\*: (.+)$", listed, re.M))
    mine = {t: e["definition"] for t, e in GLOSSARY.items() if path.stem in e["lessons"]}
    assert found == mine
    assert list(found) == sorted(found, key=str.lower)


def test_glossary_terms_name_existing_lessons():
    stems = {path.stem for path in prose.LESSONS}
    assert all(entry["lessons"] and set(entry["lessons"]) <= stems for entry in GLOSSARY.values())


ACTORS = r"(cells?|tumours?|antibod(?:y|ies)|receptors?|drugs?|immune systems?|it|they)"
MINDS = (
    r"(wants?|decid\w+|hid(?:es?|ing|den)|tr(?:y|ies|ying)|knows?|chooses?|prefers?|"
    r"tricks?|fools?|learns?|remembers?|recruits? help|disguis\w+|notices?|evades?)"
)


@LESSONS
def test_no_cell_wants_decides_or_hides(path):
    for cell in prose.cells(path):
        if cell["cell_type"] == "markdown":
            found = re.search(
                rf"\b{ACTORS} (?:(?!and\b|or\b)\w+ )?{MINDS}\b", cell["source"], re.IGNORECASE
            )
            assert not found, f"{cell['id']}: {found[0]}"


AMERICAN = (
    r"\b(tumor\w*|color\w*|center\w*|behavior\w*|estrogen\w*|hemo\w+|edema|anemia|fiber\w*|"
    r"program(?!me|med|ming)\w*|recogniz\w+|randomiz\w+|analyz\w+|summariz\w+|organiz\w+|"
    r"diarrhea|esophag\w*|catalog|labeled|signaling|modeling|favor\w*)\b"
)


@LESSONS
def test_spelling_is_british(path):
    for cell in prose.cells(path):
        found = re.search(AMERICAN, cell["source"], re.IGNORECASE)
        assert not found or cell["cell_type"] == "code", f"{cell['id']}: {found[0]}"


# A cell that states numbers names them in its metadata, "evidence": a list of notes such as
#   keynote_355.os_cps10                        the value of this entry is printed
#   keynote_355.os_cps10:low                    this field of the entry is printed
#   approval.early:whatever the PD-L1           these words stand in the entry and in the cell
#   checkpoint_inhibitors.lab(dose=400)[1]: 97.9 %     what the lab reads at these settings
#   pd_l1_counting.lab(field=2)[0]: 4           the CPS of this field; [1] is its area score
#   patient_selection.lab(case=5, cps=high)[0]: 3    rules that answer the first way; [5]: changed
#   published_trials.table(KEYNOTE-119, CPS ≥ 10, death)[4]: 1.26    stands in column 4 of this row
LAB_NOTE = re.compile(r"(\w+)\.lab\((.*)\)\[(\d)\]: (.+)")
ROW_NOTE = re.compile(r"published_trials\.table\((.+), ([a-z ]+)\)\[(\d)\]: (.+)")


def notes(path):
    for cell in prose.cells(path):
        for note in cell["metadata"].get("evidence", []):
            yield cell, note


#: Units that are taken for each other: by a slip of the pen, or on the way from another table.
ALIKE = ("minute hour day week month year", "pM nM uM mM", "ng ug mg", "nm um mm cm")


def printed(number, text, unit=""):
    """True if the text holds this number, not as part of another, nor with another unit."""
    others = {other for kind in ALIKE if unit in (names := kind.split()) for other in names}
    foreign = "|".join(sorted(others - {unit})).replace("u", "[uµ]")
    behind = rf"(?!\s+({foreign})s?\b)" if foreign else ""
    found = re.search(rf"(?<![\d.,]){re.escape(str(number))}(?![\d]|[.,]\d){behind}", text)
    return found is not None


def forms(quantity, field):
    """The ways in which prose may print one field of an evidence entry."""
    value = getattr(quantity, field)
    unit = quantity.arm_unit if field in ("experimental", "control") else quantity.unit
    if field == "n":
        unit = "patients"
    yield evidence.shown(value, unit)
    yield f"{value:g}"
    if unit == "percent":  # as a count of 1,000 people
        yield f"{10 * value:.0f}"


@LESSONS
def test_numbers_print_the_value_of_the_evidence_entry_they_name(path):
    named = 0
    for cell, note in notes(path):
        if LAB_NOTE.fullmatch(note) or ROW_NOTE.fullmatch(note):
            continue
        named += 1
        key, _, field = note.partition(":")
        quantity = evidence.get(key)
        assert quantity.status != "open", f"{cell['id']}: {key} is open"
        if quantity.unit == "text":
            assert field, f"{cell['id']}: {key} needs its words"
            assert field in cell["source"], (cell["id"], note)
            assert field in quantity.value, (cell["id"], note)
        else:
            shown, unit = list(forms(quantity, field or "value")), quantity.unit.removesuffix("s")
            found = any(printed(form, cell["source"], unit) for form in shown)
            assert found, (cell["id"], note, shown)
    assert named


def reading(name, settings, number):
    """One reading of a lab, as it is shown, at settings such as "dose=400, interval=42"."""
    named = dict(setting.split("=") for setting in settings.split(", ") if setting)
    if name == "pd_l1_counting":
        field = pd_l1_counting.field(int(named["field"]))
        area = f"{pd_l1_counting.immune_cell_score(field):.2f} %"
        return (f"{pd_l1_counting.cps(field):.0f}", area)[number]
    if name == "patient_selection":
        before = patient_selection_cases.case(int(named.pop("case"))).facts
        facts = {**before, **named}
        answers = Counter(verdict.answer for verdict in patient_selection.board(facts))
        changed = len(patient_selection.changed(before, facts))
        return str([*(answers[answer] for answer in patient_selection.ANSWERS), changed][number])
    spec = importlib.import_module(f"course_lib.labs.{name}").SPEC
    controls = {control.name: control for control in spec.controls}
    settings = {key: controls[key].checked(value) for key, value in named.items()}
    return str(spec.at(**settings).readings[number])


@LESSONS
def test_numbers_read_off_a_lab_are_what_the_lab_shows(path):
    read = 0
    for cell, note in notes(path):
        if claim := LAB_NOTE.fullmatch(note):
            read += 1
            name, settings, number, text = claim.groups()
            assert reading(name, settings, int(number)) == text, (cell["id"], note)
            assert printed(text, cell["source"]), (cell["id"], note)
    assert read


def test_numbers_read_off_the_table_of_published_trials_stand_in_it():
    path = next(path for path in prose.LESSONS if path.stem.startswith("03"))
    rows = {}
    for row in published_trials.table().rows:
        columns = ["".join(cell) for cell in row]
        rows[columns[0].split(" (")[0], columns[1]] = columns
    claims = [(cell, ROW_NOTE.fullmatch(note)) for cell, note in notes(path)]
    claims = [(cell, claim) for cell, claim in claims if claim]
    assert claims
    for cell, claim in claims:
        trial, endpoint, column, text = claim.groups()
        assert printed(text, rows[trial, endpoint][int(column)]), (cell["id"], claim[0])
        assert printed(text, cell["source"]), (cell["id"], claim[0])


@LESSONS
def test_links_and_pictures_exist(path):
    text = "\n".join(c["source"] for c in prose.cells(path) if c["cell_type"] == "markdown")
    for mark, words, target in re.findall(r"(!?)\[([^\]]*)\]\(([^)]+)\)", text):
        if target.startswith("https://doi.org/"):
            bibliography = (evidence.ASSETS / "references.bib").read_text(encoding="utf-8")
            assert target.removeprefix("https://doi.org/") in bibliography
        elif target.startswith("#"):  # JupyterLab's name for a heading of this lesson
            headings = [heading for heading, _ in prose.sections(path)]
            assert target[1:] in [heading.replace(" ", "-") for heading in headings]
        elif target.startswith("../quizzes/"):  # in work/, where students read
            assert (path.parent / target.removeprefix("../")).is_file()
        else:
            assert (path.parent / target).is_file(), target
        if mark:
            assert len(words) > 100, f"{target} needs a description in its place"


@LESSONS
def test_who_does_not_see_the_numbers_of_a_picture_follows_them_too(path):
    for cell in prose.cells(path):
        if cell["cell_type"] == "markdown" and "Follow the numbers" in cell["source"]:
            ((words, target),) = re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", cell["source"])
            steps = re.findall(r"Step (\d):", (path.parent / target).read_text(encoding="utf-8"))
            assert steps == re.findall(r"(?<!\S)(\d): ", words), cell["id"]


@LESSONS
def test_every_lesson_says_that_it_gives_no_medical_advice(path):
    first = prose.cells(path)[0]["source"]
    assert "no medical advice" in first
    assert "physician" in first


def test_only_lesson_00_has_no_question_from_an_earlier_lesson():
    for path in prose.LESSONS[1:]:
        prefix = prose.cells(path)[0]["id"][:3].upper()
        found = "\n".join(cell["source"] for cell in prose.cells(path))
        assert "## One question from an earlier lesson" in found
        first = re.search(r'checks\.ask\("(\w+)-', found)[1]
        assert first != prefix
