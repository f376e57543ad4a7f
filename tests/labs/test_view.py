"""The text twin of a lab: what is read aloud, printed, and kept without a kernel."""

import numpy as np
import pytest

from course_lib.labs.view import (
    PICTURE_SLOT,
    Reading,
    Series,
    Table,
    View,
    gaps_below,
    point,
)


def a_view(size: float) -> View:
    x = np.arange(3.0)
    return View(
        series=(Series("tumour", 0, x, x * size, "tumour"),),
        sentence="The tumour <grows>.",
        alt="A line.",
        readings=(Reading("Size", size, "mm", 0), Reading("Share", 50.0, "%", 1)),
        table=Table("Sizes", ("Day", "Size, mm"), (("0", "1 < 2"),)),
    )


def test_change_names_only_what_moved_on_the_screen():
    assert a_view(80).change(a_view(60)) == "Size: 60 mm, now 80 mm."
    assert a_view(80.1).change(a_view(80.2)) == ""  # both read "80 mm"


def test_a_model_value_too_small_to_measure_is_not_printed_as_zero():
    tiny = Reading("Size", 0.04, "mm", 0, least=1)
    assert str(tiny) == tiny.precise() == "less than 1 mm"
    assert str(Reading("Size", 1.4, "mm", 0, least=1)) == "1 mm"


def test_what_did_not_happen_in_time_is_told_so():
    late = Reading("Tumour has 10 mm after", 36.0, "months", 1, most=36)
    assert str(late) == late.precise() == "more than 36 months"
    assert str(Reading("Tumour has 10 mm after", 35.9, "months", 1, most=36)) == "35.9 months"


def test_one_of_a_unit_is_no_plural():
    assert str(Reading("Cured", 1.2, "patients")) == Reading("Cured", 1, "patients").precise()
    assert str(Reading("Cured", 1.2, "patients")) == "1 patient"
    assert str(Reading("Cured", 1.2, "patients", 1)) == "1.2 patients"
    assert str(Reading("Cured", 2, "patients")) == "2 patients"


def test_a_large_reading_has_commas():
    assert str(Reading("Cured", 13483, "patients")) == "13,483 patients"


def test_text_is_the_sentence_and_the_numbers_to_three_digits():
    assert a_view(83.456).text() == "The tumour <grows>.\n  Size: 83.5 mm\n  Share: 50 %"


def test_html_escapes_and_keeps_table_and_slot():
    html = a_view(80).html("A & B")
    assert "The tumour &lt;grows&gt;." in html
    assert "A &amp; B" in html
    assert html.count(PICTURE_SLOT) == 1
    assert '<th scope="row">0</th><td>1 &lt; 2</td>' in html
    assert '<th scope="col">Size, mm</th>' in html
    assert "<caption>Sizes</caption>" in html
    assert "<strong>A &amp; B.</strong>" in html


def test_the_same_view_gives_the_same_bytes():
    assert a_view(80).html("T") == a_view(80).html("T")


def test_a_table_is_built_of_columns_and_a_text_stays_as_it_is():
    table = Table.of("Sizes", {"Day": map(str, (0, 7)), "Size, mm": np.array([20, 81.26])})
    assert table == Table("Sizes", ("Day", "Size, mm"), (("0", "20.0"), ("7", "81.3")))
    assert Table.of("Sizes", {"Size": [1234.6, "–"]}, ",.0f").rows == (("1,235",), ("–",))
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        Table.of("Sizes", {"Day": ["0", "7"], "Size": [1.0]})


def test_a_point_is_a_nameless_mark_of_one_or_several_places():
    mark = point("start", 1, 3, 4.5, "tumour", "diamond", moves=False)
    assert (mark.name, mark.panel, mark.symbol) == ("start", 1, "diamond")
    assert (mark.label, mark.moves) == (False, False)
    assert mark.x.tolist() == [3]
    assert mark.y.tolist() == [4.5]
    assert point("both", 0, [1, 1], [2, 3], "control", "x").y.tolist() == [2, 3]
    assert point("both", 0, [1, 1], [2, 3], "control", "x").moves


def test_what_a_log_axis_cannot_show_is_a_gap():
    drawn = gaps_below(np.array([0.0, 0.099, 0.1, 5]), 0.1)
    np.testing.assert_array_equal(drawn, [np.nan, np.nan, 0.1, 5])
