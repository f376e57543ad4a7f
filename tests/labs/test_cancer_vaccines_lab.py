"""The vaccine bench: each finding is there, and goes if its term is made neutral."""

import re

import numpy as np
import pytest

from course_lib import evidence
from course_lib.labs import cancer_vaccines
from course_lib.labs.cancer_vaccines import FOUND, MONTHS, PEPTIDES, SPEC, TUMOUR, view
from course_lib.models import peptide_binding
from course_lib.models.cancer_vaccines import ResidualTumour, Vaccine

pytestmark = pytest.mark.filterwarnings("error")

HELD, MOST, LATER, SEEN, ENOUGH, FOUND_AFTER, LAST, LOST = range(8)


shown = SPEC.at


def read(number, **settings):
    return shown(**settings).readings[number].value


@pytest.mark.parametrize(
    ("name", "percent", "model"),
    [
        ("adjuvant", 100, Vaccine().costimulation),
        ("hla_lost", 100, ResidualTumour().hla_lost),
        ("suppression", 100, ResidualTumour().suppression),
        ("tolerance", 1, Vaccine().tolerance),
        ("cells", 1, ResidualTumour().cells),
        ("entry", 1, ResidualTumour().entry),
        ("interval", 1, Vaccine().interval),
        ("doses", 1, Vaccine().number_of_doses),
    ],
)
def test_the_lab_opens_with_the_defaults_of_the_models(name, percent, model):
    assert SPEC.defaults[name] == pytest.approx(percent * model)


def test_a_response_does_not_protect():
    """A thousand times as many T cells as at the start, and a tumour found as if untreated."""
    assert read(MOST) > 50
    assert read(FOUND_AFTER) < 1.1 * read(FOUND_AFTER, peptide="virus")
    assert read(LAST) > 100 * 1.0


@pytest.mark.parametrize("peptide", ["e75", "gp2"])
def test_the_same_response_protects_without_tolerance(peptide):
    """Counterfactual: without tolerance as many T cells, which see the tumour better."""
    tolerised, free = (shown(peptide=peptide, tolerance=each) for each in (1000, 1))
    assert free.readings[MOST].value < 2 * tolerised.readings[MOST].value
    assert free.readings[SEEN].value > 8 * tolerised.readings[SEEN].value
    assert free.readings[LAST].value < tolerised.readings[LAST].value / 50
    assert free.readings[FOUND_AFTER].value == MONTHS


def test_the_best_binder_is_a_poor_vaccine_because_of_tolerance():
    scores = {
        name: peptide_binding.score(evidence.get(f"peptide_binding.{key}").value)
        for name, (_, key, _, _) in PEPTIDES.items()
    }
    assert max(scores, key=scores.get) == "ideal"
    assert read(HELD, peptide="ideal") > 2 * read(HELD)
    assert read(MOST, peptide="ideal") > read(MOST)
    assert read(SEEN, peptide="ideal") < read(SEEN) / 5
    assert read(LAST, peptide="ideal") > read(LAST)
    # Counterfactual: without tolerance the best binder is the best vaccine.
    assert read(SEEN, peptide="ideal", tolerance=1) > read(SEEN, tolerance=1)
    assert read(ENOUGH, peptide="ideal", tolerance=1) > 2 * read(ENOUGH, tolerance=1)


def test_a_peptide_that_the_tumour_does_not_show_protects_from_nothing():
    virus = shown(peptide="virus", tolerance=1, entry=10, suppression=0, hla_lost=0.001, doses=6)
    assert virus.readings[MOST].value > 100
    assert virus.readings[SEEN].value == 0
    by_name = {line.name: line.y for line in virus.series}
    np.testing.assert_allclose(by_name["tumour"], by_name["untreated"], rtol=1e-9)
    assert np.all(np.isnan(by_name["needed"]))
    assert "does not show this peptide" in virus.sentence
    # Counterfactual: the new peptide is held less firmly, but shown.
    new = read(LAST, peptide="new", entry=10, suppression=0, hla_lost=0.001, doses=6)
    assert new < virus.readings[LAST].value / 1000


def test_a_boost_too_early_leaves_fewer_t_cells():
    assert read(LATER, peptide="new", interval=10) < 0.6 * read(LATER, peptide="new", interval=42)


def test_a_boost_too_early_loses_a_large_tumour_long_before_a_later_boost():
    large = {"peptide": "new", "cells": 1e8}
    early, later = (shown(**large, interval=days) for days in (10, 28))
    assert early.readings[FOUND_AFTER].value < later.readings[FOUND_AFTER].value / 2
    assert early.readings[LOST].value < 10  # cells that could be killed
    assert later.readings[LOST].value > 90  # cells that could not


def test_with_one_dose_the_interval_does_nothing():
    """Counterfactual: without a boost, none is too early."""
    one = {"peptide": "new", "doses": 1}
    assert shown(**one, interval=10).text() == shown(**one, interval=42).text()


def test_hla_loss_lets_the_tumour_through_the_best_response():
    lost, kept = (shown(peptide="new", hla_lost=each) for each in (10, 0.001))
    assert lost.readings[MOST].value == kept.readings[MOST].value
    assert lost.readings[FOUND_AFTER].value < MONTHS
    assert kept.readings[LAST].value < 0.1
    assert lost.readings[LOST].value > 90


@pytest.mark.parametrize(
    "change",
    [{"hla_lost": 100}, {"suppression": 100}],
    ids=["no HLA", "all killing stopped"],
)
def test_without_hla_or_killing_the_tumour_is_untreated(change):
    by_name = {line.name: line.y for line in shown(peptide="new", **change).series}
    np.testing.assert_allclose(by_name["tumour"], by_name["untreated"], rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "values", "number", "sign"),
    [
        ("adjuvant", range(0, 101, 10), MOST, 1),
        ("adjuvant", range(20, 101, 10), LAST, -1),
        ("tolerance", np.geomspace(1, 10000, 9), SEEN, -1),
        ("tolerance", np.geomspace(1, 10000, 9), LAST, 1),
        ("hla_lost", np.geomspace(0.001, 100, 9), LAST, 1),
        ("cells", np.geomspace(1e4, 1e8, 9), LAST, 1),
        ("suppression", range(0, 101, 10), LAST, 1),
        ("entry", np.geomspace(0.1, 10, 9), LAST, -1),
        ("doses", range(1, 7), MOST, 1),
    ],
)
def test_direction_of_a_control(name, values, number, sign):
    change = np.diff([read(number, **{name: float(each)}) for each in values]) * sign
    assert np.all(change >= 0)
    assert change.sum() > 0


@pytest.mark.parametrize("settings", [{}, *(preset.settings for preset in SPEC.presets)])
def test_the_sentence_is_true(settings):
    now = shown(**settings)
    tumour = next(line.y for line in now.series if line.name == "tumour")
    found = re.search(r"reaches 10 mm after ([\d.]+) months", now.sentence)
    if found:
        month = float(found[1])
        assert np.interp(month, TUMOUR, np.log(tumour)) == pytest.approx(np.log(FOUND), rel=1e-2)
        assert np.all(tumour[month - 0.5 > TUMOUR] < FOUND)
    else:
        assert np.nanmax(tumour) < FOUND
        larger = tumour[-1] > 1e6
        assert ("is larger" in now.sentence) == larger
        assert ("is smaller" in now.sentence) != larger
    most = re.match(r"At most ([\d.,]+) million T cells", now.sentence)
    assert float(most[1]) == pytest.approx(now.readings[MOST].value, rel=6e-3)


def test_no_part_of_a_t_cell_is_told():
    assert read(LATER, adjuvant=0) < 1e-4  # fewer than 100
    assert "and fewer than 100 after 12 months" in shown(adjuvant=0).sentence


def test_the_readings_are_those_of_the_models():
    days = TUMOUR * 365.25 / 12
    vaccine = Vaccine(held=peptide_binding.held(34))
    course = ResidualTumour().course(days, vaccine)
    assert read(LAST) == pytest.approx(course.cells[-1] / 1e6, rel=6e-3)
    assert read(MOST) == pytest.approx(
        vaccine.response(np.arange(0, 200, 0.5)).all.max() / 1e6, rel=0.03
    )
    needed = ResidualTumour().killers_needed(vaccine, 1e6)
    assert read(ENOUGH) == pytest.approx(100 * 1e6 * read(LATER) / needed, rel=0.02)


def test_no_number_is_told_with_more_than_three_digits():
    for preset in SPEC.presets:
        for reading in shown(**preset.settings).readings:
            digits = re.sub(r"^[0.]+|[^\d]", "", str(reading).removeprefix("less than ").split()[0])
            assert len(digits.rstrip("0")) <= 3, reading


def test_the_lab_never_shows_a_relapse_rate_or_a_hazard_ratio():
    told = " ".join([SPEC.title, SPEC.lead, SPEC.goal.text, shown().text(), shown().table.html()])
    assert not re.search(r"relapse|hazard|recurrence|survival", told, re.IGNORECASE)


@pytest.mark.parametrize("change", [{"tolerance": 1}, {"hla_lost": 0.01}, {"entry": 10}])
def test_one_condition_alone_does_not_reach_the_goal(change):
    settings = {**SPEC.defaults, **change}
    assert not SPEC.goal.reached(settings, view(**settings))


def test_another_peptide_does_not_reach_the_goal():
    settings = {**SPEC.defaults, "peptide": "new", "hla_lost": 0.01}
    now = view(**settings)
    assert now.readings[LAST].value < 1
    assert not SPEC.goal.reached(settings, now)


def test_the_prediction_is_right_and_explained_with_the_model_s_numbers():
    e75, ideal = shown(), shown(peptide="ideal")
    assert SPEC.prediction.right == "same"
    assert ideal.readings[MOST].value > e75.readings[MOST].value
    assert ideal.readings[LAST].value >= e75.readings[LAST].value
    text = SPEC.prediction.explanation()
    for number in (HELD, MOST, SEEN, LAST):
        assert str(e75.readings[number]) in text
        assert str(ideal.readings[number]) in text


def test_the_observation_is_asked_only_where_the_prediction_holds():
    tried = SPEC.prediction.tried
    assert tried({**SPEC.defaults, "peptide": "ideal"})
    assert not tried({**SPEC.defaults, "peptide": "ideal", "tolerance": 1.0})
    assert cancer_vaccines.lab(peptide="new").settings["peptide"] == "new"
