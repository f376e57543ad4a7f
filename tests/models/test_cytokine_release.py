"""ASTCT grades against the consensus tables, typed again here sign by sign and set by set."""

import itertools

import numpy as np
import pytest

from course_lib import evidence
from course_lib.models.cytokine_release import (
    BLOOD_PRESSURE,
    CONSCIOUSNESS,
    ICE,
    OXYGEN,
    SEIZURE,
    SWELLING,
    crs_grade,
    icans_grade,
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
#: Each column of the printed table: what alone makes this grade.
ICANS_SIGNS = {
    0: [{"ice": 10}, {"consciousness": "awake"}, {"seizure": "none"}, {"swelling": "none"}],
    1: [{"ice": 7}, {"ice": 8}, {"ice": 9}, {"consciousness": "by itself"}],
    2: [{"ice": 3}, {"ice": 4}, {"ice": 5}, {"ice": 6}, {"consciousness": "voice"}],
    3: [
        {"ice": 0},
        {"ice": 1},
        {"ice": 2},
        {"consciousness": "touch"},
        {"seizure": "rapid"},
        {"swelling": "focal"},
    ],
    4: [
        {"consciousness": "unarousable"},
        {"seizure": "prolonged"},
        {"weakness": True},
        {"swelling": "diffuse"},
    ],
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


def test_one_sign_of_icans_alone():
    for grade, alone in ICANS_SIGNS.items():
        for sign in alone:
            assert icans_grade(**sign) == grade, sign


def test_every_combination_of_icans_signs():
    """990 sets: of the grades its signs have alone, the highest."""
    alone = {}
    for grade, several in ICANS_SIGNS.items():
        for sign in several:
            ((name, value),) = sign.items()
            alone.setdefault(name, {})[value] = grade
    alone["weakness"][False] = 0
    assert [alone["ice"][points] for points in range(11)] == list(ICE)
    for name, table in (
        ("consciousness", CONSCIOUSNESS),
        ("seizure", SEIZURE),
        ("swelling", SWELLING),
    ):
        assert set(alone[name]) == set(table)
    names = ("ice", "consciousness", "seizure", "weakness", "swelling")
    sets = list(itertools.product(*(alone[name] for name in names)))
    assert len(sets) == 11 * 5 * 3 * 2 * 3
    columns = dict(zip(names, map(np.array, zip(*sets, strict=True)), strict=True))
    expected = [
        max(alone[name][value] for name, value in zip(names, each, strict=True)) for each in sets
    ]
    np.testing.assert_array_equal(icans_grade(**columns), expected)


def test_an_ice_score_of_0_is_grade_4_only_if_the_patient_cannot_be_woken():
    assert [icans_grade(0, how) for how in CONSCIOUSNESS] == [3, 3, 3, 3, 4]


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
    assert type(icans_grade()) is int
    assert crs_grade([True, False], [["low"], ["normal"]]).tolist() == [[2, 0], [1, 0]]
    assert signs([[1, 3], [5, 0]]).oxygen.shape == (2, 2)


@pytest.mark.parametrize("bad", ["Low", "", None, 2, True, np.nan, ["low", "x"]])
def test_an_unknown_id_is_refused_with_the_known_ones(bad):
    with pytest.raises(ValueError, match=r"blood_pressure must be one of 'normal', 'low', 'one "):
        crs_grade(True, bad)
    with pytest.raises(ValueError, match=r"oxygen must be one of 'none', 'low flow', 'high fl"):
        crs_grade(True, "low", bad)
    for name in ("consciousness", "seizure", "swelling"):
        with pytest.raises(ValueError, match=f"{name} must be one of '"):
            icans_grade(**{name: bad})


@pytest.mark.parametrize("bad", [1, 0, "yes", None, 38.5, np.nan, [1, 0]])
def test_what_is_not_true_or_false_is_refused(bad):
    for name in ("fever", "treated"):
        with pytest.raises(TypeError, match=f"{name} must be True or False"):
            crs_grade(**{"fever": True, name: bad})
    with pytest.raises(TypeError, match="weakness must be True or False"):
        icans_grade(weakness=bad)


@pytest.mark.parametrize("bad", [-1, 11, 3.0, np.nan, True, "3", None, [3, 11]])
def test_an_impossible_ice_score_is_refused(bad):
    with pytest.raises(ValueError, match="ice must be a whole number from 0 to 10"):
        icans_grade(bad)


@pytest.mark.parametrize("bad", [-0.1, np.nan, np.inf, "3", True, None, [1, -1]])
def test_an_impossible_level_is_refused(bad):
    with pytest.raises(ValueError, match="level must be a finite number at least 0"):
        signs(bad)
