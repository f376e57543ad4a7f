"""ASTCT grades against the consensus tables, typed again here sign by sign and set by set."""

import itertools

import numpy as np
import pytest

from course_lib import evidence
from course_lib.models.cytokine_release import (
    BLOOD_PRESSURE,
    OXYGEN,
    crs_grade,
    signs,
)

pytestmark = pytest.mark.filterwarnings("error")

#: Rows: blood pressure; columns: oxygen. With fever.
OXYGEN_IDS = ("none", "low flow", "high flow", "positive pressure")
CRS_WITH_FEVER = {
    "normal": (1, 2, 3, 4),
    "low": (2, 2, 3, 4),
    "one pressor": (3, 3, 3, 4),
    "several pressors": (4, 4, 4, 4),
}
THRESHOLDS = {
    "low": 3,
    "one_pressor": 10,
    "several_pressors": 30,
    "low_flow": 5,
    "high_flow": 15,
    "positive_pressure": 50,
}
LIMITS = {"fever": 38, "low_flow_limit": 6, "seizure_limit": 5, "ice_points": 10}


@pytest.mark.parametrize(("name", "value"), [*THRESHOLDS.items(), *LIMITS.items()])
def test_a_number_of_the_registry_is_what_was_decided(name, value):
    entry = evidence.get(f"cytokine_release.{name}")
    assert entry.value == value
    assert (entry.kind == "assumption") == (name in THRESHOLDS)


def test_every_combination_of_crs_signs():
    assert list(BLOOD_PRESSURE) == list(CRS_WITH_FEVER)
    assert tuple(OXYGEN) == OXYGEN_IDS
    for (pressure, row), treated in itertools.product(CRS_WITH_FEVER.items(), (False, True)):
        for oxygen, grade in zip(OXYGEN_IDS, row, strict=True):
            assert crs_grade(True, pressure, oxygen, treated) == grade
            assert crs_grade(False, pressure, oxygen) == 0
            no_sign = (pressure, oxygen) == ("normal", "none")
            assert crs_grade(False, pressure, oxygen, treated=True) == (0 if no_sign else grade)


def test_signs_begin_at_the_thresholds_and_not_before():
    assert signs(0) == (False, "normal", "none")
    assert signs(np.nextafter(1, 0)).fever is False
    assert signs(1) == (True, "normal", "none")
    for position, names in ((1, list(BLOOD_PRESSURE)[1:]), (2, list(OXYGEN)[1:])):
        for name in names:
            start = THRESHOLDS[name.replace(" ", "_")]
            assert signs(start)[position] == name
            assert signs(np.nextafter(start, 0))[position] != name
    assert signs(1e9) == (True, "several pressors", "positive pressure")


def test_more_cytokine_never_lowers_the_grade_and_all_grades_occur():
    levels = np.geomspace(0.01, 1000, 400)
    grades = crs_grade(*signs(levels))
    assert grades.shape == (400,)
    assert np.all(np.diff(grades) >= 0)
    assert set(grades) == {0, 1, 2, 3, 4}
    assert [crs_grade(*signs(level)) for level in levels] == grades.tolist()


def test_a_grade_is_a_plain_number_and_shapes_are_kept():
    assert type(crs_grade(True)) is int
    assert crs_grade([True, False], [["low"], ["normal"]]).tolist() == [[2, 0], [1, 0]]
    assert signs([[1, 3], [5, 0]]).oxygen.shape == (2, 2)


@pytest.mark.parametrize("bad", ["Low", "", None, 2, True, np.nan, ["low", "x"]])
def test_an_unknown_id_is_refused_with_the_known_ones(bad):
    with pytest.raises(ValueError, match=r"blood_pressure must be one of 'normal', 'low', 'one "):
        crs_grade(True, bad)
    with pytest.raises(ValueError, match=r"oxygen must be one of 'none', 'low flow', 'high fl"):
        crs_grade(True, "low", bad)


@pytest.mark.parametrize("bad", [1, 0, "yes", None, 38.5, np.nan, [1, 0]])
def test_what_is_not_true_or_false_is_refused(bad):
    for name in ("fever", "treated"):
        with pytest.raises(TypeError, match=f"{name} must be True or False"):
            crs_grade(**{"fever": True, name: bad})


@pytest.mark.parametrize("bad", [-0.1, np.nan, np.inf, "3", True, None, [1, -1]])
def test_an_impossible_level_is_refused(bad):
    with pytest.raises(ValueError, match="level must be a finite number at least 0"):
        signs(bad)
