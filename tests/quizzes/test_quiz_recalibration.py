"""Calibrated numbers move when the model is fitted again: right stays right, wrong stays wrong."""

from dataclasses import replace

import pytest

import quiz_runner
import quizzes
from course_lib import evidence

CALIBRATED = (
    "checkpoint_model.t_cell_supply",
    "patient.resistant_fraction",
    "outcome.death_hazard",
)
#: 15 % either way, and for the supply of T cells, which moved most so far, even 30 % down.
CHANGES = [*((key, factor) for key in CALIBRATED for factor in (0.85, 1.15)), (CALIBRATED[0], 0.7)]


def judged(quiz, item, entry, wanted):
    names = quiz.answer(item["id"], entry["code"], stops=entry.get("stops", False))
    return [] if quiz.judge(item["id"], names)[0] == wanted else [entry["says"]]


@pytest.mark.parametrize(("key", "factor"), CHANGES)
@pytest.mark.parametrize("name", quizzes.names())
def test_the_bank_holds_if_a_calibrated_number_moves(name, key, factor, monkeypatch):
    entry = evidence.get(key)
    moved = replace(entry, value=entry.value * factor)
    monkeypatch.setitem(evidence._registry(), key, moved)
    quiz = quiz_runner.Quiz(quizzes.source(name))  # not the shared one: it must run anew
    found = []
    for item in quizzes.bank(name)["item"]:
        right = [{"says": "reference", "code": ""}, *item["right"]] if "right" in item else []
        for answer in right:
            found += judged(quiz, item, answer, item["points"])
        for answer in item.get("wrong", []):
            found += judged(quiz, item, answer, answer["points"])
    assert found == []


def test_the_tumours_of_quiz_03_keep_their_story(monkeypatch):
    """B shrinks most, also without the drug, and C gains most: the colleague's trap stays one."""
    key = "checkpoint_model.t_cell_supply"
    entry = evidence.get(key)
    for factor in (0.85, 1, 1.15):
        monkeypatch.setitem(evidence._registry(), key, replace(entry, value=entry.value * factor))
        runs = quiz_runner.Quiz(quizzes.source("q03_checkpoint_inhibitors")).shared["runs"]
        few, many, both = runs.values()
        shrinkage = [run.size[0, 0] - run.size[-1, 0] for run in (few, many, both)]
        gains = [run.size[-1, 1] - run.size[-1, 0] for run in (few, many, both)]
        assert shrinkage[1] > 10
        assert shrinkage[1] > max(shrinkage[0], shrinkage[2]) + 10
        assert gains[2] > max(gains[:2]) + 20
