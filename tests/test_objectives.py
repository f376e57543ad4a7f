"""Every tie of assets/objectives.toml: section, lab, self-check, quiz item, misconception."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from course_lib import checks
from course_lib.evidence import ASSETS

ROOT = Path(__file__).resolve().parents[1]


def toml(path):
    return tomllib.loads(path.read_text(encoding="utf-8"))


OBJECTIVES = toml(ASSETS / "objectives.toml")
MISCONCEPTIONS = toml(ASSETS / "misconceptions.toml")
QUIZZES = sorted((ROOT / "notebooks" / "quizzes").glob("*/answers.toml"))
ITEMS = {item["id"]: item for path in QUIZZES for item in toml(path)["item"]}
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def text(lesson):
    cells = json.loads((ROOT / "notebooks" / f"{lesson}.ipynb").read_text(encoding="utf-8"))
    return "\n".join("".join(cell["source"]) for cell in cells["cells"])


def wrong_ideas(item):
    named = [wrong.get("misconception") for wrong in item.get("wrong", [])]
    return {name for name in (*named, *item.get("misconceptions", [])) if name}


def test_each_lesson_states_exactly_its_objectives():
    stated = {}
    for path in LESSONS:
        for name, words in re.findall(r"^- \*\*([A-Z]{3}-\d+)\*\* (.+)$", text(path.stem), re.M):
            stated[name] = (path.stem, words)
    assert stated == {name: (o["lesson"], o["text"]) for name, o in OBJECTIVES.items()}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_it_has_its_section_and_its_lab(name):
    objective = OBJECTIVES[name]
    lesson = text(objective["lesson"])
    assert f"\n## {objective['section']}\n" in lesson
    if objective["lab"]:
        assert (ROOT / "course_lib" / "labs" / f"{objective['lab']}.py").is_file()
        assert f"{objective['lab']}.lab(" in lesson


@pytest.mark.parametrize("name", OBJECTIVES)
def test_it_is_checked_and_examined(name):
    objective = OBJECTIVES[name]
    mine = [check.id for check in checks.bank().values() if check.objective == name]
    assert objective["checks"] == sorted(mine)
    assert mine
    assert objective["items"] == sorted(i for i, item in ITEMS.items() if item["objective"] == name)
    number = objective["lesson"][:2]
    if any(path.parent.name.startswith(f"q{number}_") for path in QUIZZES):
        assert objective["items"]


@pytest.mark.parametrize("name", OBJECTIVES)
def test_its_misconceptions_are_those_of_its_checks_and_items(name):
    objective = OBJECTIVES[name]
    used = {o.misconception for c in objective["checks"] for o in checks.bank()[c].options}
    used = used.union(*(wrong_ideas(ITEMS[item]) for item in objective["items"])) - {""}
    assert set(objective["misconceptions"]) == used
    assert used <= set(MISCONCEPTIONS)


def test_every_check_is_asked_in_a_lesson():
    asked = re.findall(r'checks\.ask\("(.+?)"\)', "\n".join(text(path.stem) for path in LESSONS))
    assert sorted(asked) == sorted(checks.bank())
