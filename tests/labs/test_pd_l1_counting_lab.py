"""What is drawn is what is counted; the exercise, driven through its real widgets."""

import base64
import math
import re
from collections import Counter
from xml.etree import ElementTree

import numpy as np
import pytest

from course_lib.labs import pd_l1_counting, pd_l1_drawing, predictions
from course_lib.labs.view import PICTURE_SLOT
from course_lib.models import pd_l1_counting as model
from test_figure import contrast_with_white
from widget_tree import button

SVG = "{http://www.w3.org/2000/svg}"
FIELDS = [model.field(number) for number in (1, 2, 3)]
EACH_FIELD = pytest.mark.parametrize("field", FIELDS, ids=lambda field: f"field {field.number}")
NUMBER = r"-?[\d.]+"
#: Field -> stained tumour cells, stained lymphocytes and macrophages, tumour cells, CPS, area.
RIGHT = {1: (9, 6, 100, 15, 1.32), 2: (1, 4, 125, 4, 1.4), 3: (41, 3, 110, 40, 0.28)}


@pytest.fixture
def lab():
    opened = pd_l1_counting.lab()
    button(opened, "Show me without predicting").click()
    return opened


def type_in(lab, *numbers):
    for box, number in zip(lab.boxes.values(), numbers, strict=True):
        box.value = number


def drawn(svg):
    """Every cell of a picture: class words -> number, read from the SVG itself."""
    uses = ElementTree.fromstring(svg).iter(f"{SVG}use")
    return Counter(
        tuple(words[1:]) for use in uses if (words := use.get("class").split())[0] == "cell"
    )


def corners(path):
    numbers = [float(number) for number in re.findall(NUMBER, path.get("d"))]
    return np.array(numbers).reshape(-1, 2)


def shapes(svg):
    """Class words -> the outer and the inner path, as the browser draws them."""
    root = ElementTree.fromstring(svg)
    groups = {group.get("id"): group.findall(f"{SVG}path")[:2] for group in root.iter(f"{SVG}g")}
    return {
        tuple(name.removeprefix("pdl1_").split("_")): paths
        for name, paths in groups.items()
        if name
    }


# ---- the picture ------------------------------------------------------------------------


@EACH_FIELD
def test_the_drawn_cells_are_the_counted_cells(field):
    counts = drawn(pd_l1_drawing.draw(field))
    assert sum(counts.values()) == len(field.cells)
    for kind in model.KINDS:
        name = kind.replace(" ", "-")
        assert counts[name, "stained"] == field.count(kind, True)
        assert counts[name, "unstained"] == field.count(kind, False)


@EACH_FIELD
def test_both_scores_follow_from_the_picture_alone(field):
    svg = pd_l1_drawing.draw(field)
    counts, outlines = drawn(svg), shapes(svg)
    tumour = counts["tumour-cell", "stained"]
    immune = counts["lymphocyte", "stained"] + counts["macrophage", "stained"]
    viable = tumour + counts["tumour-cell", "unstained"]
    assert 100 * (tumour + immune) / viable == pytest.approx(model.cps(field), rel=1e-12)
    covered = sum(
        counts[kind, "stained"] * model.area(corners(outlines[kind, "stained"][0]))
        for kind in ("lymphocyte", "macrophage", "neutrophil")
    )
    frame = ElementTree.fromstring(svg).find(f"{SVG}rect[@fill='none']")
    size = [float(frame.get(side)) + 2 for side in ("width", "height")]
    assert 100 * covered / math.prod(size) == pytest.approx(
        model.immune_cell_score(field), abs=2e-3
    )


def test_stain_differs_in_rim_not_only_in_colour():
    outlines = shapes(pd_l1_drawing.draw(FIELDS[0]))
    assert len(outlines) == 2 * len(model.KINDS)
    for kind in {kind for kind, _ in outlines}:
        width = {}
        for stain in ("stained", "unstained"):
            outer, inner = (corners(path) for path in outlines[kind, stain])
            width[stain] = (np.ptp(outer[:, 0]) - np.ptp(inner[:, 0])) / 2
        assert width["stained"] >= 3 * width["unstained"]


def test_shapes_tell_the_kinds_apart_without_colour():
    root = ElementTree.fromstring(pd_l1_drawing.draw(FIELDS[0]))
    groups = [group for group in root.iter(f"{SVG}g") if group.get("id", "").endswith("_stained")]
    forms = {
        tuple(
            tuple(sorted((k, v) for k, v in part.attrib.items() if k not in ("fill", "stroke")))
            for part in group
        )
        for group in groups
    }
    assert len(forms) == len(groups) == 7


def test_marks_reach_3_to_1_and_text_4_5_to_1_on_white():
    outlines = shapes(pd_l1_drawing.draw(FIELDS[0]))
    for (kind, stain), (rim, _) in outlines.items():
        assert contrast_with_white(rim.get("fill")) >= 3, (kind, stain)
    assert contrast_with_white(pd_l1_drawing.STAIN) >= 7
    assert contrast_with_white(pd_l1_drawing.TEXT) >= 4.5
    assert contrast_with_white(pd_l1_drawing.LINE) >= 3
    # The nucleus lies on the pale inside of its cell.
    for group in ElementTree.fromstring(pd_l1_drawing.draw(FIELDS[0])).iter(f"{SVG}g"):
        if group.get("id"):
            inside = contrast_with_white(group[1].get("fill"))
            nucleus = contrast_with_white(group[2].get("stroke") or group[2].get("fill"))
            assert nucleus / inside >= 3, group.get("id")


def test_the_legend_names_every_kind_with_its_area_and_stays_inside():
    root = ElementTree.fromstring(pd_l1_drawing.draw(FIELDS[0]))
    texts = ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]
    for kind in model.KINDS:
        assert f"{kind.capitalize()}, {model.SHARES[kind]:.2f} %" in texts
    height = float(root.get("viewBox").split()[3])
    for text in root.iter(f"{SVG}text"):
        assert float(text.get("y")) < height - 4


# ---- its text twin --------------------------------------------------------------------------


@EACH_FIELD
def test_the_table_lets_a_reader_work_out_both_scores(field):
    table = pd_l1_drawing.table(field)
    *regions, areas = table.rows
    assert [row[0] for row in regions] == list("ABCDEF")
    sums = {}
    for column, name in enumerate(table.columns[1:], start=1):
        pairs = [map(int, row[column].split(" of ")) for row in regions]
        sums[name] = tuple(map(sum, zip(*pairs, strict=True)))
    stained = sum(sums[name][0] for name in ("Tumour cells", "Lymphocytes", "Macrophages"))
    assert 100 * stained / sums["Tumour cells"][1] == pytest.approx(model.cps(field), rel=1e-12)
    each = dict(zip(table.columns[1:], (float(a.split()[0]) for a in areas[1:]), strict=True))
    area = sum(sums[n][0] * each[n] for n in ("Lymphocytes", "Macrophages", "Neutrophils"))
    assert area == pytest.approx(model.immune_cell_score(field), rel=1e-9)


@EACH_FIELD
def test_the_words_describe_and_do_not_answer(field):
    words = f"{pd_l1_drawing.alt(field)} {pd_l1_counting.Counting(field.number).text()}"
    numbers = {float(number) for number in re.findall(r"\d+(?:\.\d+)?", words)}
    assert numbers == {field.number, len(field.cells), 1, 10}


def test_saved_output_reads_without_a_kernel():
    bundle = pd_l1_counting.lab()._repr_mimebundle_()
    html = bundle["text/html"]
    code = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', html).group(1)
    svg = base64.b64decode(code).decode()
    assert drawn(svg)["tumour-cell", "stained"] == 9
    assert PICTURE_SLOT not in html  # ./course author would look for a plotly figure
    assert "The lab is asleep" in html
    assert pd_l1_drawing.table(FIELDS[0]).html() in html
    assert html.index("Show both scores") < html.index("CPS: 100 × (9 + 6) / 100 = 15")
    assert "Immune cell score: Lymphocytes" in html
    assert bundle["text/plain"].startswith("Field 1 shows 146 cells")
    assert len(html) < 80_000


def test_the_same_picture_every_time():
    model.field.cache_clear()
    again = model.field(1)
    assert pd_l1_drawing.draw(again) == pd_l1_drawing.draw(FIELDS[0])


# ---- predict, count, explain -------------------------------------------------------------------


@pytest.mark.parametrize("number", RIGHT)
def test_right_answers_are_praised_on_screen_and_aloud(lab, number):
    lab.open(number)
    type_in(lab, *RIGHT[number])
    button(lab, "Check counts and CPS").click()
    assert lab._feedback["cps"].value.startswith("<p>✓ Right.")
    assert lab.access.announcement.endswith("Now the other score.")
    button(lab, "Check immune cell score").click()
    assert lab._feedback["area"].value.startswith("<p>✓ Right.")
    opened = lab.questions.after.layout.display == "block"
    assert opened == (number != 1)
    assert ("The two scores disagree" in lab.access.announcement) == opened
    lab.open(1)
    assert lab.questions.after.layout.display == "none"


def test_a_wrong_answer_is_explained_on_screen_and_aloud(lab):
    type_in(lab, 9, 0, 100, 9, 0)
    button(lab, "Check counts and CPS").click()
    assert "tumour proportion score (TPS)" in lab._feedback["cps"].value
    assert lab.access.announcement in lab._feedback["cps"].value
    assert "✓" not in lab._feedback["cps"].value
    assert lab._solved == set()


def test_the_same_mistake_twice_is_heard_twice(lab):
    type_in(lab, 9, 0, 100, 9, 0)
    heard = []
    lab.access.observe(lambda change: heard.append(change["new"].strip()), "announcement")
    for _ in range(3):
        button(lab, "Check counts and CPS").click()
    assert len(heard) == 3
    assert len(set(heard)) == 1


@pytest.mark.parametrize(
    ("predicted", "said"),
    [("10_or_more", "was right, too"), ("below_1", "it had looked otherwise")],
)
def test_the_first_field_comes_back_to_the_prediction(predicted, said):
    predictions.write("pd_l1_counting", predict=predicted, why="both")
    lab = pd_l1_counting.lab()
    check = button(lab, "Check counts and CPS")
    type_in(lab, *RIGHT[1])
    check.click()
    assert said in lab._feedback["cps"].value


def test_another_field_opens_empty(lab):
    type_in(lab, *RIGHT[1])
    button(lab, "Check counts and CPS").click()
    lab.access.table_open = True
    button(lab, "Field 2").click()
    assert [box.value for box in lab.boxes.values()] == [0, 0, 0, 0, 0]
    assert lab._feedback["cps"].value == ""
    assert lab.access.code == "pd_l1_counting.lab(field=2)"
    assert lab.access.sentence.startswith("Field 2 shows 167 cells")
    assert "Field 2: cells with PD-L1" in lab.access.table
    assert sum(drawn(lab.picture.value).values()) == 167
    assert button(lab, "Field 2 (open)")


def test_what_was_solved_in_one_field_is_not_solved_in_the_next(lab):
    type_in(lab, *RIGHT[1])
    button(lab, "Check immune cell score").click()
    lab.open(2)
    type_in(lab, *RIGHT[2])
    button(lab, "Check counts and CPS").click()
    assert lab.access.announcement.endswith("Now the other score.")


@pytest.mark.parametrize("words", pd_l1_counting.AIDS)
def test_count_with_me_marks_one_cell_after_the_other(lab, words):
    kinds, stained = pd_l1_counting.AIDS[words]
    lab._aid.value = words
    step = button(lab, "Mark the next")
    for number, cell in enumerate(FIELDS[0].find(kinds, stained), start=1):
        step.click()
        assert lab.access.announcement.startswith(f"{number}: {cell.kind}, region {cell.region}.")
    assert lab.access.announcement.endswith("That was the last one.")
    marks = re.findall(r'<g class="mark"><circle cx="([^"]+)" cy="([^"]+)"', lab.picture.value)
    expected = [(f"{c.x:g}", f"{c.y:g}") for c in FIELDS[0].find(kinds, stained)]
    assert marks == expected
    button(lab, "Clear marks").click()
    assert 'class="mark"' not in lab.picture.value
    button(lab, "Mark all").click()
    assert lab.picture.value.count('class="mark"') == len(expected)


def test_another_class_to_count_starts_again(lab):
    button(lab, "Mark all").click()
    lab._aid.value = "all viable tumour cells"
    assert 'class="mark"' not in lab.picture.value
    assert lab.access.announcement == "Nothing is marked. To mark: all viable tumour cells."


@pytest.mark.parametrize("why", [key for key, _ in pd_l1_counting.PREDICTION.why.options])
@pytest.mark.parametrize("choice", [key for key, _ in pd_l1_counting.PREDICTION.observe.options])
def test_the_explanation_fits_every_answer(why, choice):
    predictions.write("pd_l1_counting", predict="below_1", why=why)
    lab = pd_l1_counting.lab()
    lab.widget  # noqa: B018
    lab.questions.observe.value = choice
    said = lab.questions.explained.value
    assert ("<p>Yes, you have found the reason.</p>" in said) == (choice == "cells")
    assert ("third score, the tumour proportion score (TPS)" in said) == (why == "tumour")
    assert "In 614 samples" in said
    assert "64 %" in said
    assert predictions.read("pd_l1_counting")["observe"] == choice


def test_prose_keeps_to_25_words_a_sentence(lab):
    prose = [pd_l1_counting.LEAD, pd_l1_counting.RULES, pd_l1_counting.AREA_RULES]
    prose += [pd_l1_counting.LIMITS, lab.access.sentence, pd_l1_drawing.alt(FIELDS[0])]
    lab.questions.observe.value = "scale"
    prose.append(lab.questions.explained.value)
    for text in prose:
        for sentence in re.split(r"(?<=[.?:])\s|</p>", re.sub(r"<(?!/p>)[^>]+>", "", text)):
            assert len(sentence.split()) <= 25, sentence


def test_a_field_can_be_named_and_a_wrong_one_is_refused():
    assert pd_l1_counting.lab(field=3).field is model.field(3)
    with pytest.raises(ValueError, match="from 1 to 3; you gave 4"):
        pd_l1_counting.lab(field=4)
