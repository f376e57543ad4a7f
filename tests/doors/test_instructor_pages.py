"""The instructor's pages: complete, one sheet each, and never a student's."""

from __future__ import annotations

import re

import pytest
from bs4 import BeautifulSoup

import bundle
import house
import pages
from course_lib import checks, evidence
from course_lib.cli import edition
from pages import instructor
from test_pages import violations

LESSONS = edition.lessons(house.ROOT)
EACH = pytest.mark.parametrize("name", LESSONS)
OBJECTIVES = instructor.toml(evidence.ASSETS / "objectives.toml")
MISCONCEPTIONS = instructor.toml(evidence.ASSETS / "misconceptions.toml")
A4 = 2  # sides of one sheet


def said(name):
    return instructor.toml(house.ROOT / "docs" / "instructor" / f"{name[3:]}.toml")


def answers(name):
    bank = house.ROOT / "notebooks" / "quizzes" / f"q{name}" / "answers.toml"
    return instructor.toml(bank)["item"] if bank.is_file() else []


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("instructor")
    pages.write_for_instructors(house.ROOT, out)
    return out


def text(folder, name):
    soup = BeautifulSoup((folder / f"{name}.html").read_text(encoding="utf-8"), "html.parser")
    return re.sub(r"\s+", " ", soup.main.get_text())


@EACH
def test_it_holds_objectives_talk_labs_and_checks(folder, name):
    found = text(folder, name)
    for key, objective in OBJECTIVES.items():
        if objective["lesson"] == name:
            assert f"{key} {objective['text']}" in found
    lesson = (house.ROOT / LESSONS[name]).read_text(encoding="utf-8")
    for check in re.findall(r'checks\.ask\(\\"(.+?)\\"\)', lesson):
        letter = next(a for a, o in checks.bank()[check].lettered() if o.right)
        assert f"{check} {letter}" in found
    entries = said(name)
    assert len(entries["discuss"]) >= 3
    assert len(entries["asked"]) >= 3
    for entry in [*entries["discuss"], *entries["asked"]]:
        assert entry["question"] in found
    assert re.search(r"takes about \d+ minutes", found)
    assert not re.search(r"\?\.|\*\w+\*", found)  # a title that asks, and marks of Markdown


@EACH
def test_it_holds_the_answer_and_every_named_mistake_of_each_question(folder, name):
    found = text(folder, name)
    quiz = instructor.quiz(house.ROOT, name)
    for item, shown in zip(answers(name), quiz.items if quiz else [], strict=True):
        assert item["objective"] == shown.objective
        assert shown.expected.split("\n")[0] in found
        named = [wrong.get("misconception") for wrong in item.get("wrong", [])]
        for idea in {*named, *item.get("misconceptions", [])} - {None}:
            assert MISCONCEPTIONS[idea]["wrong"] in found
            assert MISCONCEPTIONS[idea]["right"] in found


def test_an_expected_answer_is_what_the_quiz_computes():
    quiz = instructor.quiz(house.ROOT, "05_car_t_engineering")
    assert quiz.items[1].expected == "peak: 9,000; day: 13.3; persisting: 87.6"
    assert instructor.shown({"a": [1, 2.5], "b": True}) == "a: 1, 2.5; b: True"


def test_nothing_of_it_reaches_a_student():
    packed = bundle.contents(house.ROOT)
    assert not [place for place in packed if "instructor" in place]


@pytest.mark.parametrize("name", [*LESSONS, "index"])
def test_it_fits_a_sheet_and_suits_everybody(page, folder, name, screenshots):
    page.set_viewport_size({"width": 800, "height": 1000})
    page.goto((folder / f"{name}.html").as_uri())
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == 800
    page.screenshot(path=screenshots / f"instructor_{name}.png", full_page=True)
    printed = page.pdf(prefer_css_page_size=True)
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b(?!s)", printed)) <= A4
