"""The search for solutions finds them, however they are wrapped."""

import gzip
import io
import json
import py_compile
import zipfile
from pathlib import Path

import pytest

import house
import leaks

QUIZZES = sorted(leaks.secrets())
SOLUTION = 'answer_2 = {"cps": 100 * (10 + 2 + 8) / 225, "ic": 2 * 0.03 + 8 * 0.1 + 10 * 0.05}'
TEST = "A tumour can shrink without the drug, and a drug can help a tumour that hardly shrinks."


def zipped(data):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a/b.txt", data)
    return packed.getvalue()


def is_found(data):
    return any("of q03_checkpoint_inhibitors" in line for line in leaks.found({"x": data}))


@pytest.mark.parametrize("quiz", QUIZZES)
def test_every_quiz_source_and_answer_bank_gives_itself_away(quiz):
    for name in (f"{quiz}.ipynb", "answers.toml"):
        data = (leaks.QUIZZES / quiz / name).read_bytes()
        assert len([line for line in leaks.found({name: data}) if f"of {quiz}:" in line]) > 30


@pytest.mark.parametrize("quiz", QUIZZES)
def test_the_released_quiz_is_clean(quiz):
    released = house.ROOT / "notebooks/release" / quiz / f"{quiz}.ipynb"
    assert leaks.found({"x": released.read_bytes()}) == []


@pytest.mark.parametrize(
    "text",
    [
        SOLUTION,
        "answer_2=dict(cps=100*(10+2+8) / 225,\n    ic = (2*0.03) + (8*0.1) + (10*0.05))",
        "pharmacokinetics.pembrolizumab(95)\\\n    .steady_state(50, 14).trough",
        f'("{TEST[:50]}"\n    "{TEST[50:]}")',
        "#   pressure with low sodium is an emergency. Say that a PD-1 antibody was given. Only",
        "answer_4='c'",
    ],
)
def test_a_piece_in_another_layout_is_found(text):
    assert is_found(text.encode())


def test_a_piece_is_found_in_whatever_holds_it(tmp_path):
    lines = SOLUTION.partition("8)")
    assert is_found(json.dumps({"cells": [{"source": lines}]}).encode())
    assert is_found("".join(f'<span class="n">{word}</span> ' for word in TEST.split()).encode())
    assert is_found(zipped(house.notebook(SOLUTION)))
    assert is_found(gzip.compress(zipped(TEST)))
    code = py_compile.compile(house.write(tmp_path / "x.py", f"x = {TEST!r}"), tmp_path / "x.pyc")
    assert is_found(Path(code).read_bytes())


def test_ordinary_text_is_clean():
    public = [
        "The effect of a drug on a tumour",
        'answer_4 = None  # "a", "b" or "c"',
        "in 2021, 2 * 365.25 days",
        "20.46510",
    ]
    assert leaks.found({"x": "\n".join(public).encode()}) == []
