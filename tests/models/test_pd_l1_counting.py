"""The drawn fields and both scores, by hand counts; every typical mistake is recognised."""

import math
import re
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib import evidence
from course_lib.models import pd_l1_counting as model
from course_lib.models.pd_l1_feedback import Answer, diagnose, diagnose_area

FIELDS = [model.field(number) for number in (1, 2, 3)]
EACH_FIELD = pytest.mark.parametrize("field", FIELDS, ids=lambda field: f"field {field.number}")


def tally(field, *kinds, stained=None):
    """Counts one by one, without the field's own method."""
    total = 0
    for cell in field.cells:
        if cell.kind in kinds and (stained is None or cell.stained is stained):
            total += 1
    return total


@dataclass
class Truth:
    """What is really drawn in one field."""

    tumour: int
    immune: int
    viable: int
    cps: float

    @classmethod
    def of(cls, field):
        tumour = tally(field, "tumour cell", stained=True)
        immune = tally(field, "lymphocyte", "macrophage", stained=True)
        viable = tally(field, "tumour cell")
        return cls(tumour, immune, viable, 100 * (tumour + immune) / viable)


# ---- the fields --------------------------------------------------------------------------


def test_the_three_fields_against_the_plan_of_the_lesson():
    assert [model.cps(field) for field in FIELDS] == [15, 4, 40]
    assert [model.immune_cell_score(field) for field in FIELDS] == [1.32, 1.40, 0.28]
    assert [(Truth.of(f).tumour, Truth.of(f).immune) for f in FIELDS] == [(9, 6), (1, 4), (41, 3)]
    assert [Truth.of(f).viable for f in FIELDS] == [100, 125, 110]


def test_both_scores_agree_once_and_disagree_in_both_directions():
    calls = [(model.cps(f) >= 10, model.immune_cell_score(f) >= 1) for f in FIELDS]
    assert calls == [(True, True), (False, True), (True, False)]


@EACH_FIELD
def test_scores_against_a_tally_cell_by_cell(field):
    assert model.cps(field) == pytest.approx(Truth.of(field).cps, rel=1e-12)
    shares = {"lymphocyte": 0.06, "macrophage": 0.20, "neutrophil": 0.10}
    area = sum(shares[c.kind] for c in field.cells if c.stained and c.kind in shares)
    assert model.immune_cell_score(field) == pytest.approx(area, rel=1e-9)


@EACH_FIELD
def test_a_field_has_enough_tumour_cells_and_every_trap(field):
    assert Truth.of(field).viable >= evidence.get("cps.minimum_tumour_cells").value
    for kind in ("neutrophil", "plasma cell", "stroma cell", "dead tumour cell"):
        assert tally(field, kind, stained=True) >= 1
    for part in ("neutrophils", "plasma cells", "stroma", "necrosis"):
        assert part in evidence.get("cps.not_counted").value


@EACH_FIELD
def test_no_two_cells_touch_and_none_crosses_a_line(field):
    shapes = []
    for cell in field.cells:
        a = math.radians(cell.turn)
        turn = np.array([[math.cos(a), math.sin(a)], [-math.sin(a), math.cos(a)]])
        shapes.append(model.outline(cell.kind) @ turn + (cell.x, cell.y))
    for i, shape in enumerate(shapes):
        column, row = shape[:, 0] // (800 / 3), shape[:, 1] // 300
        assert {"ABCDEF"[int(3 * r + c)] for r, c in zip(row, column, strict=True)} == {
            field.cells[i].region
        }
        for other in shapes[:i]:
            gaps = np.hypot(*(shape[:, None] - other).T)
            assert gaps.min() > 3


@pytest.mark.parametrize("kind", model.KINDS)
def test_the_area_of_an_outline_is_its_share(kind):
    share = 100 * model.area(model.outline(kind)) / (800 * 600)
    assert share == pytest.approx(model.SHARES[kind], rel=1e-12)


def test_area_of_a_polygon_against_a_triangle_and_a_square():
    assert model.area([(0, 0), (4, 0), (0, 3)]) == 6
    assert model.area([(0, 0), (0, 2), (2, 2), (2, 0)]) == 4


def test_the_registry_gives_the_limits():
    assert model.THRESHOLD == evidence.get("cps.treatment_threshold").value == 10
    assert model.HIGHEST == evidence.get("cps.maximum").value == 100
    assert model.AREA_THRESHOLD == evidence.get("ic.threshold").value == 1
    label = evidence.get("pdl1_assay.sp142_positive").label
    assert re.findall(r"≥ (\d+) %", label) == [str(model.AREA_THRESHOLD)]
    named = evidence.get("ic.counted_cells").value  # a neutrophil is a granulocyte
    for part in ("lymphocytes", "macrophages", "granulocytes"):
        assert part in named
    assert "plasma" not in named


# ---- the score -----------------------------------------------------------------------------


def test_the_worked_example_of_200_tumour_cells():
    assert model.combined_positive_score(10 + 15 + 5, 200) == 15


@given(st.integers(0, 1000), st.integers(1, 1000))
def test_the_score_is_capped_and_counts_every_stained_cell(stained, viable):
    score = model.combined_positive_score(stained, viable)
    assert score == min(100, 100 * stained / viable)
    assert model.combined_positive_score(stained + 1, viable) >= score


@pytest.mark.parametrize("bad", [-1, math.nan, math.inf])
@pytest.mark.parametrize("place", [0, 1])
def test_impossible_counts_are_refused_by_name(bad, place):
    counts = [3, 100]
    counts[place] = bad
    with pytest.raises(ValueError, match=("stained", "viable_tumour")[place]):
        model.combined_positive_score(*counts)


@pytest.mark.parametrize("bad", ["3", True, None, [3]])
def test_what_is_no_number_is_refused(bad):
    with pytest.raises(TypeError, match="stained must be a number"):
        model.combined_positive_score(bad, 100)
    with pytest.raises(TypeError, match="percent must be a number"):
        diagnose_area(bad, FIELDS[0])
    with pytest.raises(TypeError, match="cps must be a number"):
        diagnose(Answer(9, 6, 100, bad), FIELDS[0])


def test_no_tumour_cell_no_score():
    with pytest.raises(ValueError, match="viable_tumour must be above 0"):
        model.combined_positive_score(3, 0)


@pytest.mark.parametrize("bad", [0, 4, -1])
def test_there_are_three_fields(bad):
    with pytest.raises(ValueError, match=rf"from 1 to 3; you gave {bad}"):
        model.field(bad)


@pytest.mark.parametrize("bad", ["1", 1.0, True, None])
def test_a_field_is_a_whole_number(bad):
    with pytest.raises(TypeError, match="whole number from 1 to 3"):
        model.field(bad)


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="'T cell'"):
        FIELDS[0].count("T cell")


# ---- what a wrong answer comes from -----------------------------------------------------------


@EACH_FIELD
def test_the_right_answer_is_praised(field):
    truth = Truth.of(field)
    finding = diagnose(Answer(truth.tumour, truth.immune, truth.viable, truth.cps), field)
    assert finding.mistake == ""
    assert finding.message.startswith(
        f"Right. 100 × ({truth.tumour} + {truth.immune}) / {truth.viable} = {truth.cps:g}: "
    )
    assert ("at least 10" in finding.message) == (truth.cps >= 10)


def wrong_counts(field):
    """(what was done, the counts it leads to, the mistake it must be called)."""
    truth = Truth.of(field)

    def stained(*kinds):
        return tally(field, *kinds, stained=True)

    right = (truth.tumour, truth.immune, truth.viable)
    tumour = {
        "every tumour cell": (truth.viable, "unstained tumour"),
        "dead cells too": (truth.tumour + stained("dead tumour cell"), "dead stained"),
        "immune cells too": (truth.tumour + truth.immune, "immune in tumour"),
        "many too many": (truth.tumour + 30, "miscount"),
    }
    immune = {
        "none": (0, "forgot immune"),
        "unstained too": (tally(field, "lymphocyte", "macrophage"), "unstained immune"),
        "neutrophils too": (truth.immune + stained("neutrophil"), "not counted"),
        "plasma cells too": (truth.immune + stained("plasma cell"), "not counted"),
        "stroma cells too": (truth.immune + stained("stroma cell"), "not counted"),
        "all three too": (
            truth.immune + stained("neutrophil", "plasma cell", "stroma cell"),
            "not counted",
        ),
        "many too many": (truth.immune + 30, "miscount"),
    }
    viable = {
        "all cells": (len(field.cells), "all cells"),
        "immune cells too": (truth.viable + tally(field, "lymphocyte", "macrophage"), None),
        "dead cells too": (truth.viable + tally(field, "dead tumour cell"), "dead cells"),
        "many too few": (truth.viable - 20, "miscount"),
    }
    for place, table in enumerate((tumour, immune, viable)):
        for name, (number, mistake) in table.items():
            counts = list(right)
            counts[place] = number
            yield name, tuple(counts), mistake or "immune below"


@EACH_FIELD
def test_each_wrong_count_is_named(field):
    for name, counts, mistake in wrong_counts(field):
        score = model.combined_positive_score(counts[0] + counts[1], counts[2])
        finding = diagnose(Answer(*counts, score), field)
        assert finding.mistake == mistake, f"{name}: {finding.message}"


def test_only_the_kinds_that_were_counted_are_named():
    truth = Truth.of(FIELDS[0])
    said = diagnose(Answer(9, truth.immune + 2, 100, 17), FIELDS[0]).message
    assert "plasma cells" in said
    assert "neutrophils" not in said
    assert "stroma" not in said


@pytest.mark.parametrize(("immune", "alone"), [(2, "lymphocytes"), (4, "macrophages")])
def test_one_kind_of_immune_cell_alone_is_named(immune, alone):
    finding = diagnose(Answer(9, immune, 100, 9 + immune), FIELDS[0])
    assert finding.mistake == "one kind"
    assert f"{immune} are the {alone} alone" in finding.message


@pytest.mark.parametrize("field", [FIELDS[0], FIELDS[2]], ids=["field 1", "field 3"])
def test_unstained_tumour_cells_alone_below_the_line_are_named(field):
    truth = Truth.of(field)
    answer = Answer(truth.tumour, truth.immune, truth.viable - truth.tumour, 20)
    assert diagnose(answer, field).mistake == "unstained only"


def wrong_arithmetic(field):
    truth, cells = Truth.of(field), len(field.cells)
    stained = truth.tumour + truth.immune
    inside = truth.viable + tally(field, "lymphocyte", "macrophage")
    return {
        "times 100": stained / truth.viable,
        "tumour proportion": 100 * truth.tumour / truth.viable,
        "all cells": 100 * stained / cells,
        "all cells, only tumour and immune": 100 * stained / inside,
        "upside down": 100 * truth.viable / stained,
        "area": model.immune_cell_score(field),
        "arithmetic": 77.7,
        "no cps": 0,
    }


@EACH_FIELD
def test_each_wrong_calculation_from_right_counts_is_named(field):
    truth = Truth.of(field)
    for mistake, score in wrong_arithmetic(field).items():
        for typed in {score, round(score, 2)}:
            answer = Answer(truth.tumour, truth.immune, truth.viable, typed)
            assert diagnose(answer, field).mistake == mistake.split(",")[0], (mistake, typed)


def test_the_unstained_tumour_cells_below_the_line_give_another_score():
    assert diagnose(Answer(9, 6, 100, 16.5), FIELDS[0]).mistake == "unstained only"
    assert diagnose(Answer(41, 3, 110, 63.8), FIELDS[2]).mistake == "unstained only"


def test_all_stained_area_is_not_the_cps():
    covered = 9 * 0.22 + 2 * 0.06 + 4 * 0.20
    assert diagnose(Answer(9, 6, 100, covered), FIELDS[0]).mistake == "area"


@EACH_FIELD
def test_a_count_of_tumour_cells_that_is_off_by_three_percent_is_forgiven(field):
    truth = Truth.of(field)
    viable = truth.viable - math.floor(0.03 * truth.viable)
    score = 100 * (truth.tumour + truth.immune) / viable
    finding = diagnose(Answer(truth.tumour, truth.immune, viable, round(score, 1)), field)
    assert finding.mistake == ""
    assert "close enough" in finding.message


def test_nothing_typed_yet_is_no_mistake_in_counting():
    assert diagnose(Answer(0, 0, 0, 0), FIELDS[0]).mistake == "empty"
    assert diagnose(Answer(9, 6, 0, 15), FIELDS[0]).mistake == "empty"


@EACH_FIELD
def test_the_right_area_is_praised_and_called(field):
    right = model.immune_cell_score(field)
    for estimate in (right, round(right, 1)):
        finding = diagnose_area(estimate, field)
        assert finding.mistake == ""
        assert ("positive" in finding.message) == (right >= 1)
        assert ("negative" in finding.message) == (right < 1)


@EACH_FIELD
def test_each_wrong_area_is_named(field):
    def score(*kinds, stained=True):
        return sum(tally(field, kind, stained=stained) * model.SHARES[kind] for kind in kinds)

    counted = ("lymphocyte", "macrophage", "neutrophil")
    right = score(*counted)
    wrong = {
        "empty": 0,
        "forgot neutrophils": score("lymphocyte", "macrophage"),
        "tumour included": right + score("tumour cell"),
        "plasma cells": right + score("plasma cell"),
        "unstained": score(*counted, stained=None),
        "times 100": right / 100,
        "cps": model.cps(field),
        "number, not area": 100 * tally(field, *counted, stained=True) / len(field.cells),
        "off": 60,
    }
    for mistake, percent in wrong.items():
        assert diagnose_area(percent, field).mistake == mistake, mistake


@EACH_FIELD
def test_no_estimate_on_the_wrong_side_of_the_cut_off_is_close_enough(field):
    positive = model.immune_cell_score(field) >= 1
    accepted = [p for p in np.arange(0, 5, 0.01) if not diagnose_area(float(p), field).mistake]
    assert accepted
    assert {p >= 1 for p in accepted} == {positive}


# ---- how it is said -----------------------------------------------------------------------------


@EACH_FIELD
def test_feedback_is_short_and_never_blames(field):
    answers = [Answer(*counts, 1) for _, counts, _ in wrong_counts(field)]
    truth = Truth.of(field)
    for score in wrong_arithmetic(field).values():
        answers.append(Answer(truth.tumour, truth.immune, truth.viable, score))
    said = [diagnose(answer, field).message for answer in answers]
    said += [diagnose_area(percent, field).message for percent in (0, 0.5, 2, 60)]
    for message in said:
        for sentence in re.split(r"(?<=[.?:])\s", message):
            assert len(sentence.split()) <= 25, sentence
        assert not re.search(r"\bwrong|\bstupid|\bfail", message, re.IGNORECASE)
