"""The teaching matrix's lab: its numbers are the matrix's, and anchors matter through them."""

import re

import nbformat
import numpy as np
import pytest

from course_lib import evidence
from course_lib.labs import peptide_binding as lab
from course_lib.labs.peptide_binding import PEPTIDES, SPEC, SWAPS, sequence, view
from course_lib.models import peptide_binding as model

pytestmark = pytest.mark.filterwarnings("error")


shown = SPEC.at


@pytest.mark.parametrize("peptide", PEPTIDES)
def test_the_readings_are_those_of_the_matrix(peptide):
    letters = evidence.get(f"peptide_binding.{PEPTIDES[peptide][1]}").value
    points = model.contributions(letters)
    readings = [reading.value for reading in shown(peptide=peptide).readings]
    total = points.sum()
    rest = total - points[1] - points[8]
    assert readings[:4] == [total, points[1], points[8], rest]
    assert readings[4] == pytest.approx(100 * model.held(total))
    np.testing.assert_array_equal(shown(peptide=peptide).series[2].y, points)


def test_a_change_replaces_one_letter():
    assert sequence("e75", "own", "own", "own") == "KIFGSLAFL"
    assert sequence("e75", "L", "K", "V") == "KLFGSKAFV"
    assert sequence("gp2", "own", "own", "D") == "IISAVVGID"
    assert set(SWAPS) == {2, 6, 9}


def lost(where, **settings):
    return shown().readings[0].value - shown(**{where: "K"}, **settings).readings[0].value


def test_a_wrong_anchor_costs_more_than_the_same_change_elsewhere(monkeypatch):
    assert lost("second") > 4 * lost("sixth")
    assert lost("ninth") > 4 * lost("sixth")
    # Counterfactual: give the anchors no more points than other places.
    flat = np.where(
        np.isin(np.arange(1, 10), model.ANCHORS)[:, None], model.matrix()[4], model.matrix()
    )
    monkeypatch.setattr(model, "matrix", lambda: flat)
    assert lost("second") <= lost("sixth")
    assert lost("ninth") <= lost("sixth")


@pytest.mark.parametrize(
    "settings", [{}, {"second": "K"}, {"second": "D", "ninth": "D"}, {"peptide": "ideal"}]
)
def test_the_sentence_is_true(settings):
    now = shown(**settings)
    letters, total = re.match(r"(\w{9}) scores (-?\d+) points", now.sentence).groups()
    assert model.score(letters) == float(total)
    told = re.search(r"(less than 1|\d+) % of the time", now.sentence)[1]
    held = 100 * model.held(model.score(letters))
    assert held < 0.5 if told == "less than 1" else float(told) == pytest.approx(held, abs=0.51)
    unchanged = not set(settings) & {"second", "sixth", "ninth"}
    assert ("changed" not in now.sentence) == unchanged
    assert "".join(now.texts[0].texts) == letters
    assert [row[1] for row in now.table.rows] == list(letters)


def test_negative_points_are_told_as_they_are():
    assert str(shown(second="K").readings[1]) == "-10 points"


def test_the_prediction_is_right():
    assert SPEC.prediction.right == "second"
    text = SPEC.prediction.explanation()
    for change in ({}, {"second": "K"}, {"sixth": "K"}):
        assert str(shown(**change).readings[0]) in text
    tried = SPEC.prediction.tried
    assert tried({**SPEC.defaults, "second": "K"})
    assert not tried({**SPEC.defaults, "second": "D"})


def test_the_goal_needs_a_her2_peptide():
    virus = {**SPEC.defaults, "peptide": "virus"}
    assert view(**virus).readings[4].value > 80
    assert not SPEC.goal.reached(virus, view(**virus))


def test_it_says_that_it_is_a_teaching_matrix():
    assert "teaching matrix, not a predictor" in SPEC.lead
    assert lab.lab(peptide="gp2").settings["peptide"] == "gp2"


@pytest.mark.parametrize("settings", [{}, *(preset.settings for preset in SPEC.presets)])
def test_the_alternative_text_tells_the_points_that_are_drawn(settings):
    shown = SPEC.at(**settings)
    told = re.findall(r"(\d), ([A-Z]): (-?\d+)", shown.alt)
    drawn = next(each for each in shown.series if each.name == "now")
    assert [int(place) for place, _, _ in told] == list(range(1, 10))
    assert [int(points) for _, _, points in told] == [round(y) for y in drawn.y]
    assert f"at {shown.readings[0].value:.0f} points and" in shown.alt


def test_the_matrix_printed_in_the_lesson_is_that_of_the_model():
    lesson = nbformat.read(evidence.ASSETS.parent / "notebooks/08_cancer_vaccines.ipynb", 4)
    text = next(cell.source for cell in lesson.cells if cell.id == "vac-matrix")
    head, _, *rows = [
        [each.strip(" *") for each in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]
    printed = {
        (int(position), letter): int(points)
        for letters, *row in rows
        for positions, points in zip(head[1:], row, strict=True)
        for letter in letters.split(", ")
        for position in positions.split(", ")
    }
    assert len(printed) == model.matrix().size
    for (position, letter), points in printed.items():
        assert model.matrix()[position - 1, model.AMINO_ACIDS.index(letter)] == points
