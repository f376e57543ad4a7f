"""The form of quiz answers: what is read, what is refused, and what the refusal says."""

import subprocess
import sys
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from course_lib.answers import Number, Several, Word, checked

DAYS = Number("a number of days", 40, 0, 365)
PLACE = Word(("tumour", "lymph node"), also={"node": "lymph node"})


@pytest.mark.parametrize("value", [40, 40.0, np.float32(40), np.int64(40), Fraction(80, 2)])
def test_a_number_of_any_kind_becomes_a_plain_float(value):
    found = checked("answer_1", value, DAYS)
    assert type(found) is float
    assert found == 40


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("40", "answer_1 should be a number of days, not '40'."),
        (None, "not None."),
        (True, "not True."),
        (np.bool_(True), "not np.True_."),
        (Decimal(40), "not Decimal('40')."),
        (np.array(40.0), "not array(40.)."),
        (float("nan"), "a number of days, not nan."),
        (float("inf"), "a number of days, not inf."),
        (-1, "a number of days, between 0 and 365. You gave -1."),
        (366, "a number of days, between 0 and 365. You gave 366."),
    ],
)
def test_what_is_no_number_of_the_range_is_refused(value, said):
    with pytest.raises(AssertionError) as refusal:
        checked("answer_1", value, DAYS)
    assert said in str(refusal.value)


def test_ends_of_the_range_belong_to_it_and_an_open_end_is_said():
    assert [checked("a", end, DAYS) for end in (0, 365)] == [0, 365]
    with pytest.raises(AssertionError, match="0 or more"):
        checked("a", -1, Number("a number", 1, low=0))


def test_an_object_that_agrees_with_everything_is_taken_for_the_number_it_is():
    class Agreeable(float):
        def __ge__(self, other):
            return True

        __le__ = __lt__ = __gt__ = __eq__ = __ge__
        __hash__ = float.__hash__

    found = checked("a", {"a": Agreeable(5)}, {"a": DAYS})
    assert type(found["a"]) is float
    with pytest.raises(AssertionError):
        checked("a", Agreeable(500), DAYS)


@pytest.mark.parametrize(
    "word", ["tumour", " Tumour.", "TUMOR", "the tumour", "in the tumour", "tumours", "(tumour)"]
)
def test_a_word_may_be_spelled_in_any_plain_way(word):
    assert checked("answer_1", word, PLACE) == "tumour"


@pytest.mark.parametrize("word", ["lymph node", "Lymph-node", "lymph nodes", "node"])
def test_another_wording_stands_for_its_option(word):
    assert checked("answer_1", word, PLACE) == "lymph node"


@pytest.mark.parametrize("value", ["blood", "", "tum", 3, None, ["tumour"]])
def test_another_word_is_refused_and_the_options_are_named(value):
    with pytest.raises(AssertionError, match='answer_1 should be "tumour" or "lymph node"'):
        checked("answer_1", value, PLACE)


def test_a_letter_is_a_word():
    letter = Word(("a", "b", "c"))
    assert [checked("x", each, letter) for each in ("a", " B.", "(c)")] == ["a", "b", "c"]
    with pytest.raises(AssertionError, match='"a", "b" or "c"'):
        checked("x", "d", letter)


FIELDS = {"days": DAYS, "place": PLACE}


@pytest.mark.parametrize("answer", [None, 3, [1, 2], {"days": 3}, {"days": 3, "where": "node"}])
def test_an_answer_without_its_fields_is_shown_the_form(answer):
    with pytest.raises(AssertionError) as refusal:
        checked("answer_2", answer, FIELDS)
    assert 'answer_2 should look like {"days": 40, "place": "..."}. You gave' in str(refusal.value)


def test_fields_are_read_and_the_student_is_told(capsys):
    found = checked("answer_2", {"place": "Node", "days": 3}, FIELDS)
    assert found == {"days": 3.0, "place": "lymph node"}
    assert capsys.readouterr().out == "answer_2 has the right form.\n"


def test_a_refused_answer_is_not_praised(capsys):
    with pytest.raises(AssertionError, match="days should be a number of days"):
        checked("answer_2", {"place": "node", "days": "3"}, FIELDS)
    assert capsys.readouterr().out == ""


def test_several_values_in_brackets():
    pair = Several((Number("a number of cells", 20, 1), Number("a number of cells", 2, 1)))
    assert checked("answer_4", {"held": [3, 4]}, {"held": pair}) == {"held": (3.0, 4.0)}
    for wrong in (3, (3,), (3, 4, 5), (3, "4"), (3, 0), "34"):
        with pytest.raises(AssertionError, match="held should be"):
            checked("answer_4", {"held": wrong}, {"held": pair})
    with pytest.raises(AssertionError, match=r'look like \{"held": \[20, 2\]\}'):
        checked("answer_4", None, {"held": pair})


def test_it_needs_nothing_but_the_standard_library():
    code = "import sys, course_lib.answers; print({'numpy', 'plotly'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
