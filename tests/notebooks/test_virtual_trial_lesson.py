"""Numbers that lesson 11 takes from sentences and tables of its labs stand there."""

import re

import pytest

import prose
from course_lib.labs import trial_calibration, virtual_trial
from course_lib.models.trial_power import events_needed

LESSON = next(path for path in prose.LESSONS if path.stem.startswith("11"))
CELLS = {cell["id"]: cell["source"] for cell in prose.cells(LESSON)}
SPEC = virtual_trial.SPEC


def row(cell, start):
    return next(line for line in CELLS[cell].splitlines() if line.startswith(start))


@pytest.mark.parametrize(
    ("cell", "said", "settings", "pattern"),
    [
        ("tri-who", "10 |.*| {} |", {"cps_from": 10}, r"about ([\d,]+) must be screened"),
        ("tri-who", "25 |.*| {} |", {"cps_from": 25}, r"about ([\d,]+) must be screened"),
        ("tri-who", "the formula asks for about {}. With", {}, r"here about ([\d,]+) patients"),
        ("tri-who", "it asks for about {}.\n", {"cps_from": 10}, r"here about ([\d,]+) patients"),
        ("tri-who", "asks for {} instead", {"cps_from": 25}, r"here about ([\d,]+) patients"),
        ("tri-who", "instead of {} women", {"cps_from": 10}, r"here about ([\d,]+) patients"),
        (
            "tri-events",
            "asks for about {} women instead",
            {"cps_from": 10, "follow_up": 6},
            r"here about ([\d,]+) patients",
        ),
        ("tri-events", "instead of {}.", {"cps_from": 10}, r"here about ([\d,]+) patients"),
        ("tri-lucky", "such trials, {} are significant", {}, r"such trials (\d+) % are"),
        ("tri-lucky", "for the drug find {}.", {}, r"drug find ([\d.]+\d)"),
        ("tri-early", "these trials {} stop early", virtual_trial.EARLY, r"stops (\d+ %) of them"),
        ("tri-early", "the drug report {}.", virtual_trial.EARLY, r"drug report ([\d.]+\d)"),
        ("tri-large", "closes in on {}. Chance", {}, r"in this model, it is ([\d.]+\d)"),
        ("tri-large", "closes in on {}. Which", {"cps_from": 10}, r"model, it is ([\d.]+\d)"),
    ],
)
def test_numbers_of_the_labs_sentence_stand_in_the_lesson(cell, said, settings, pattern):
    found = re.search(pattern, SPEC.at(**settings).sentence)[1]
    before, _, after = said.partition("{}")
    parts = [re.escape(part).replace(r"\.\*", ".*") for part in (before, after)]
    assert re.search(parts[0] + re.escape(found) + parts[1], CELLS[cell])


def test_significant_and_missed_trials_make_a_hundred():
    found, missed = re.search(
        r"trials, (\d+) are significant, and (\d+)", CELLS["tri-lucky"]
    ).groups()
    assert int(found) + int(missed) == 100


def test_the_worked_example_is_what_the_formula_gives():
    assert f"31.4 / 0.127 = {31.4 / 0.127:.0f} events" in CELLS["tri-size"]
    assert round(31.4 / 0.127) == round(events_needed(0.7))
    assert 4.5 < events_needed(0.85) / events_needed(0.7) < 5  # "almost fivefold"
    assert events_needed(0.84) == pytest.approx(4 * events_needed(0.7), rel=0.05)  # TRI-2b


def test_the_rows_of_the_calibration_table_are_counted():
    rows = [["".join(cell) for cell in row] for row in trial_calibration.table().rows]
    kinds = {"calibration": [], "half a test": [], "test, but in the same trial": [], "test": []}
    for cells in rows:
        kinds[cells[1].partition(":")[0]].append(cells[4] == "yes")
    starts = ("| calibration", "| half a test", "| a test, but in the", "| a test: another")
    for start, inside in zip(starts, kinds.values(), strict=True):
        assert row("tri-rows", start).endswith(f"| {len(inside)} | {sum(inside)} |")
    inside = sum(map(sum, kinds.values()))
    assert f"In {inside} of {len(rows)} rows" in CELLS["tri-rows"]
    assert f"puts {len(rows)} hazard ratios" in CELLS["tri-calibration"]
    assert "the model missed two" in CELLS["tri-rows"]
    assert kinds["test"].count(False) == len(rows) - inside == 2


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ("tri-rows", "KEYNOTE-355, CPS 1 to 9, death"),
        ("tri-misses", "KEYNOTE-119, CPS ≥ 10, death"),
        ("tri-misses", "IMpassion131, PD-L1 positive, death"),
    ],
)
def test_the_ratios_told_are_those_of_the_table(cell, name):
    rows = {"".join(row[0]): row for row in trial_calibration.table().rows}
    model, published = ("".join(rows[name][column]).split(" (")[0] for column in (2, 3))
    assert re.search(rf"the model says {model}, (?:and )?the trial {published}", CELLS[cell])


def test_every_question_of_the_last_page_names_lessons_that_exist():
    numbers = {path.stem[:2] for path in prose.LESSONS}
    rows = re.findall(r"^\| “.*\| ([\d, ]+) \|$", CELLS["tri-judge"], re.M)
    assert len(rows) > 10
    assert {n for each in rows for n in each.split(", ")} <= numbers


def test_the_look_back_is_shown_and_was_saved_without_anybodys_predictions():
    assert CELLS["tri-predictions-table"] == "looking_back.summary()"
    saved = LESSON.read_text(encoding="utf-8")
    assert "No prediction is recorded in this folder yet" in saved
