"""The eight patients whose scans students read: every call typed in, and the rule behind it."""

import numpy as np
import pytest

from course_lib import evidence
from course_lib.models.response_monitoring import Criteria, LesionTable, explain, irecist, recist
from course_lib.models.scan_cases import (
    CASES,
    EVERY,
    SCANS,
    modelled,
    progression,
    pseudoprogression,
    read,
)

pytestmark = pytest.mark.filterwarnings("error")

#: Worked out by hand: sums, calls by RECIST 1.1, calls by iRECIST.
BY_HAND = {
    "a": ([90, 66, 42, 9, 8], "SD PR CR CR", "iSD iPR iCR iCR"),
    "b": ([30, 20, 24, 25, 31], "PR SD PD PD", "iPR iSD iUPD iCPD"),
    "c": ([100, 64, 40, 50, 60], "PR PR PD PD", "iPR iPR iUPD iCPD"),
    "d": ([80, 100, 74, 53, 44], "PD SD PR PR", "iUPD iSD iPR iPR"),
    "e": ([80, 100, 123, 153, 189], "PD PD PD PD", "iUPD iCPD iCPD iCPD"),
    "f": ([88, 60, 46, 38, 33], "PD PD PD PR", "iUPD iPR iPR iPR"),
    "g": ([72, 41, 53, 51, 50], "NE SD PD PD", "NE iSD iUPD iCPD"),
    "h": ([60, 75, 81, 84, 92], "PD PD PD PD", "iUPD iUPD iCPD iCPD"),
}


def test_the_numbers_of_scans_are_what_was_decided():
    scan = evidence.get("reading_scans.scan")
    assert (scan.value, scan.low, scan.high, SCANS) == (1, 1, 4, 4)
    assert evidence.get("reading_scans.every").value == EVERY == 8


@pytest.mark.parametrize("case", CASES)
def test_the_calls_are_those_worked_out_by_hand(case):
    sums, rules, immune = BY_HAND[case]
    table, found, found_immune = read(case)
    assert found.sums.tolist() == sums
    assert " ".join(found.overall[1:]) == rules
    assert " ".join(found_immune.responses[1:]) == immune
    assert len(explain(table, SCANS)) >= 5


def test_every_call_occurs():
    rules = {call for case in CASES for call in read(case)[1].overall[1:]}
    immune = {call for case in CASES for call in read(case)[2].responses[1:]}
    assert rules == {"CR", "PR", "SD", "PD", "NE"}
    assert immune == {"iCR", "iPR", "iSD", "iUPD", "iCPD", "NE"}


def changed(case, criteria=None, **more):
    """Read a case again with something else than it has."""
    table = CASES[case].table()
    values = {name: getattr(table, name) for name in table.__dataclass_fields__}
    other = LesionTable(**values | more)
    return recist(other, criteria).overall[1:], irecist(other, criteria).responses[1:]


# ---- each finding is there, and gone when its reason is taken away ----------------------


def test_a_normal_node_may_be_left_in_a_complete_response():
    assert read("a")[0].sizes[3].tolist() == [0, 0, 9]
    assert changed("a", Criteria(node_normal=5))[0][2] == "PR"


def test_small_sums_need_5_mm_as_well():
    assert changed("b", Criteria(progression_growth=0))[0] == ("PR", "PD", "PD", "PD")
    assert changed("b")[0][1] == "SD"


def test_progression_counts_from_the_smallest_sum():
    _, rules, _ = read("c")
    assert rules.sums[3] == 0.5 * rules.sums[0]
    without = changed(
        "c",
        days=[0, 56, 168, 224],
        sizes=CASES["c"].table().sizes[[0, 1, 3, 4]],
        non_target=None,
        non_target_larger=None,
        new_lesions=None,
        new_sum=None,
        new_larger=None,
    )
    assert without[0][1] == "PR"  # 64 to 50 mm: without the scan of 40 mm nothing has grown


def test_two_patients_look_the_same_until_the_second_scan():
    (d, _, _), (e, _, _) = read("d"), read("e")
    np.testing.assert_array_equal(d.sizes[:2], e.sizes[:2])
    assert d.sizes[2].sum() < d.sizes[0].sum() < e.sizes[1].sum() < e.sizes[2].sum()
    dry = modelled(type(pseudoprogression())(diameter=(36, 24, 20), infiltrate=0)).table()
    assert "PD" not in recist(dry).overall
    assert 56 * np.log(2) / np.log(1.24**3) == pytest.approx(progression().doubling_time, rel=0.01)


def test_a_new_lesion_is_progression_to_one_set_of_rules_and_a_reason_to_look_to_the_other():
    none = np.zeros(SCANS + 1)
    rules, immune = changed("f", new_lesions=none, new_sum=none)
    assert rules == ("PR",) * 4
    assert immune == ("iPR",) * 4
    grown = changed("f", new_sum=[0, 12, 18, 22, 25])[1]
    assert grown == ("iUPD", "iCPD", "iCPD", "iCPD")


def test_a_lesion_that_is_not_assessed_leaves_the_scan_open():
    sizes = CASES["g"].table().sizes.copy()
    sizes[1, 1] = 22
    assert changed("g", sizes=sizes)[0][0] == "SD"


def test_clear_growth_of_what_is_not_measured_is_progression():
    rules, immune = changed("g", non_target=["present"] * 5)
    assert rules == ("NE", "SD", "SD", "PR")
    assert immune[2] == "iSD"


def test_a_scan_that_comes_too_early_confirms_nothing():
    assert read("h")[2].responses[2] == "iUPD"
    assert changed("h", Criteria(confirmation_earliest=14))[1][1] == "iCPD"
