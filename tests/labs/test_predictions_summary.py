"""The look back of the last lesson: every lab, the student's own words, no mark."""

import importlib
import json
import pkgutil
from html.parser import HTMLParser

import pytest

from course_lib import labs
from course_lib.labs import looking_back, pd_l1_counting, predictions
from course_lib.labs.spec import LabSpec, Prediction
from course_lib.models import pd_l1_counting as counting


def _every():
    """Name -> question and right option of each module that asks one before it unlocks."""
    found = {}
    for each in pkgutil.iter_modules(labs.__path__):
        lab = importlib.import_module(f"{labs.__name__}.{each.name}")
        if isinstance(getattr(lab, "SPEC", None), LabSpec):
            found[each.name] = lab.SPEC.prediction.predict, lab.SPEC.prediction.right
        elif isinstance(getattr(lab, "PREDICTION", None), Prediction):
            found[each.name] = lab.PREDICTION.predict, lab.PREDICTION.right
    return found


EVERY = _every()


class Cells(HTMLParser):
    """Every element with its attributes, and the text of each cell."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.cells, self.inside = [], [], False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.inside = tag in ("td", "th")
        if self.inside:
            self.cells.append("")

    def handle_endtag(self, tag):
        self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.cells[-1] += data


def rows():
    return {row[0][0]: [cell[0] for cell in row[1:]] for row in looking_back.summary().table.rows}


def test_the_own_widgets_are_among_the_labs():
    assert {"pd_l1_counting", "patient_selection", "tissue", "virtual_trial"} <= set(EVERY)


@pytest.mark.parametrize("name", EVERY)
def test_every_lab_and_every_answer_is_looked_back_on(name):
    question, right = EVERY[name]
    assert right in dict(question.options)
    for choice, words in question.options:
        predictions.write(name, predict=choice, why="x")
        found = looking_back.summary()
        shown = [cell[0] for cell in found.table.rows[0]]
        assert shown[1:3] == [question.text, words]
        assert shown[3] == ("The same." if choice == right else question.words(right))
        told = "the same. All this" if choice == right else "something else. There"
        assert f"It shows {told}" in found.sentence


def test_the_score_that_the_first_field_shows_is_counted_again():
    score = counting.cps(counting.field(1))
    assert (score >= counting.THRESHOLD) == (pd_l1_counting.PREDICTION.right == "10_or_more")
    assert score == 15


def test_labs_stand_in_the_order_of_the_course():
    for name in ("tissue", "checkpoint_inhibitors", "start_here"):
        predictions.write(name, predict=EVERY[name][1], why="x")
    lessons = [title.rpartition("(")[2] for title in rows()]
    assert lessons == ["lesson 00)", "lesson 02)", "lesson 03)"]


def test_what_agrees_and_what_differs_is_counted():
    predictions.write("checkpoint_inhibitors", predict=EVERY["checkpoint_inhibitors"][1])
    predictions.write("virtual_trial", predict="true", why="even")
    said = looking_back.summary().sentence
    counted = "in 2 labs. As you predicted: 1. Something else was shown: 1. There you had the most"
    assert counted in said
    assert str(predictions.FILE) in said


def test_nothing_recorded_is_no_reproach():
    found = looking_back.summary()
    assert found.table is None
    assert "That is fine" in found.sentence
    assert found._repr_mimebundle_() == {
        "text/plain": found.sentence,
        "text/html": f"<p>{found.sentence}</p>",
    }


@pytest.mark.parametrize(
    "content",
    [
        "{ half a file",
        json.dumps({"virtual_trial": {"observe": "same"}}),  # skipped the prediction
        json.dumps({"virtual_trial": {"predict": "an option of an older edition"}}),
        json.dumps({"virtual_trial": {"predict": ["larger"]}, "tissue": "hot"}),
        json.dumps({"no_such_lab": {"predict": "x"}, "../frame": {"predict": "x"}}),
        json.dumps({"frame": {"predict": "x"}}),  # a module, but not a lab
        json.dumps(["virtual_trial"]),
    ],
)
def test_a_file_that_says_nothing_usable_counts_as_empty(content):
    predictions.FILE.write_text(content, encoding="utf-8")
    assert looking_back.summary() == looking_back.LookBack(looking_back.NOTHING)


def test_the_table_is_accessible_and_has_a_twin_in_text():
    predictions.write("virtual_trial", predict="true", why="even")
    predictions.write("start_here", predict=EVERY["start_here"][0].options[0][0])
    shown = looking_back.summary()._repr_mimebundle_()
    found = Cells(shown["text/html"])
    tags = [tag for tag, _ in found.elements]
    assert tags.count("caption") == 1
    assert [a["scope"] for t, a in found.elements if t == "th"] == ["col"] * 4 + ["row"] * 2
    assert not {"img", "script", "a"} & set(tags)
    assert all(cell in shown["text/plain"] for cell in found.cells)


def test_it_is_neither_a_mark_nor_a_certificate():
    for name, (_, right) in EVERY.items():
        predictions.write(name, predict=right)
    said = looking_back.summary().sentence
    for word in ("certif", "score", "congratulat", "passed", "points", "grade", "%"):
        assert word not in said.lower()
    assert f"in {len(EVERY)} labs. As you predicted: {len(EVERY)}. Something else was" in said
