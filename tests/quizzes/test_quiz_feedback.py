"""The nbgrader plug-in that keeps hidden tests out of feedback pages."""

import pytest
from nbformat.v4 import new_code_cell, new_output
from nbgrader.preprocessors import ClearHiddenTests

from course_lib.grading.feedback import HideHiddenTests

VISIBLE = "assert isinstance(answer, float)\nprint('seen')"
HIDDEN = "### BEGIN HIDDEN TESTS\nassert answer(17.25) == 4, 'Look again.'\n### END HIDDEN TESTS"


def cleaned(source, *outputs, **roles):
    roles = {"grade": True, "solution": False, "grade_id": "t", "points": 1, **roles}
    cell = new_code_cell(source, metadata={"nbgrader": roles}, outputs=list(outputs))
    return HideHiddenTests().preprocess_cell(cell, {}, 0)[0]


def failure(name, message):
    lines = [f"{name}  Traceback", "---> 2 assert answer(17.25) == 4, 'Look again.'"]
    return new_output("error", ename=name, evalue=message, traceback=lines)


def test_a_hidden_test_leaves_the_cell_and_the_traceback():
    cell = cleaned(f"{VISIBLE}\n{HIDDEN}", failure("AssertionError", "Look again."))
    assert cell.source == VISIBLE
    assert cell.outputs == [
        new_output("error", ename="AssertionError", evalue="Look again.", traceback=["Look again."])
    ]


def test_what_a_students_code_prints_while_it_is_tested_is_dropped():
    leak = new_output("stream", name="stdout", text="called with 17.25")
    assert cleaned(f"{VISIBLE}\n{HIDDEN}", leak).outputs == []
    assert cleaned(VISIBLE, leak).outputs == [leak]


@pytest.mark.parametrize("name", ["ValueError", "TypeError", "KeyError"])
def test_an_error_of_the_students_code_does_not_quote_the_hidden_value(name):
    (shown,) = cleaned(HIDDEN, failure(name, "cannot take 17.25")).outputs
    assert "17.25" not in str(shown)
    assert name in shown.traceback[0]


def test_a_students_own_cell_is_left_as_it_is():
    error = failure("ValueError", "mine")
    cell = cleaned("raise ValueError('mine')", error, grade=False, solution=True)
    assert cell.outputs == [error]


def test_it_follows_the_settings_of_nbgraders_own_delimiters():
    assert issubclass(HideHiddenTests, ClearHiddenTests)
