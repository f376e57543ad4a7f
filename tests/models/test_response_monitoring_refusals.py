"""What lesion tables, cohorts and criteria refuse, and what the message says."""

import numpy as np
import pytest

from course_lib.models.response_monitoring import (
    Criteria,
    LesionTable,
    best_change,
    best_response,
    explain,
    irecist,
    progression_scan,
    recist,
)


def table(*sizes, **more):
    """One target lesion, scanned every eight weeks."""
    days = [56 * scan for scan in range(len(sizes))]
    return LesionTable(days=days, sizes=[[size] for size in sizes], **more)


GOOD = {"days": [0, 56], "sizes": [[20.0, 30.0], [20.0, 30.0]]}
REFUSED = [  # changes, error, words of the message
    ({"days": [0, np.nan]}, ValueError, ["days", "0 and 10000", "nan"]),
    ({"days": [0, np.inf]}, ValueError, ["days", "inf"]),
    ({"days": [1, 56]}, ValueError, ["days", "start at 0", "1.0"]),
    ({"days": [0, 0]}, ValueError, ["days", "rise"]),
    ({"days": [0], "sizes": [[20]]}, ValueError, ["days", "two scans"]),
    ({"days": "0, 56"}, TypeError, ["days", "0, 56"]),
    ({"days": [False, True]}, TypeError, ["days", "True"]),
    ({"sizes": [[20, 30]]}, ValueError, ["sizes", "2 rows", "gave 1"]),
    ({"sizes": [20, 30]}, TypeError, ["sizes", "one column per lesion", "[20, 30]"]),
    ({"sizes": [[20, 30], [20]]}, TypeError, ["sizes"]),
    ({"sizes": [["20", "30"], ["20", "30"]]}, TypeError, ["sizes", "'20'"]),
    ({"sizes": [[20, 30], [20, -1]]}, ValueError, ["sizes", "0 and 500 mm", "-1"]),
    ({"sizes": [[20, 30], [20, np.inf]]}, ValueError, ["sizes", "inf"]),
    ({"sizes": [[20, 30], [20, 501]]}, ValueError, ["sizes", "501"]),
    ({"sizes": [[9.9, 30], [20, 30]]}, ValueError, ["at least 10 mm", "9.9 for lesion 0"]),
    ({"sizes": [[20, np.nan], [20, 30]]}, ValueError, ["baseline", "NaN for lesion 1"]),
    ({"sizes": [[14.9, 30], [5, 5]], "node": [True, False]}, ValueError, ["15 mm", "14.9"]),
    ({"sizes": [[20] * 6] * 2}, ValueError, ["1 to 5 target lesions", "gave 6"]),
    ({"sizes": [[20] * 3] * 2, "organ": ["liver"] * 3}, ValueError, ["at most 2", "3", "liver"]),
    ({"sizes": [[20] * 3] * 2, "node": [True] * 3}, ValueError, ["at most 2", "lymph nodes"]),
    ({"organ": ["liver"]}, ValueError, ["organ", "gave 1"]),
    ({"organ": ["liver", 3]}, TypeError, ["organ", "3"]),
    ({"node": [0, 1]}, TypeError, ["node", "True or False", "[0, 1]"]),
    ({"node": [True]}, ValueError, ["node", "gave 1"]),
    ({"node": True}, TypeError, ["node", "True"]),
    ({"non_target": ["present", "gone"]}, ValueError, ["non_target", "absent", "'gone'"]),
    ({"non_target": ["progression", "present"]}, ValueError, ["non_target", "scan 0"]),
    ({"non_target": ["absent", "present"]}, ValueError, ["non_target", "scan 1"]),
    ({"non_target": "present"}, TypeError, ["non_target", "present"]),
    ({"non_target": ["present"]}, ValueError, ["non_target", "gave 1"]),
    ({"non_target_larger": [False, True]}, ValueError, ["non_target_larger", "scan 1"]),
    ({"new_lesions": [1, 1]}, ValueError, ["new_lesions", "0 at baseline"]),
    ({"new_lesions": [0, 0.5]}, ValueError, ["new_lesions", "whole", "scan 1"]),
    ({"new_lesions": [0, np.nan]}, ValueError, ["new_lesions", "nan"]),
    ({"new_lesions": [0]}, ValueError, ["new_lesions", "gave 1"]),
    ({"new_lesions": [False, True]}, TypeError, ["new_lesions", "True"]),
    ({"new_sum": [0, 10]}, ValueError, ["new_sum", "scan 1"]),
    ({"new_lesions": [0, 1], "new_sum": [0, 0]}, ValueError, ["new_sum", "above 0"]),
    ({"new_larger": [False, True]}, ValueError, ["new_larger", "scan 1"]),
]


@pytest.mark.parametrize(("changes", "error", "words"), REFUSED)
def test_bad_lesions_are_refused_with_field_rule_and_value(changes, error, words):
    with pytest.raises(error) as refusal:
        LesionTable(**(GOOD | changes))
    for word in words:
        assert word in str(refusal.value)


def test_new_lesions_never_become_fewer():
    with pytest.raises(ValueError, match="never fall, you gave another at scan 2"):
        table(20, 20, 20, new_lesions=[0, 2, 1])


@pytest.mark.parametrize(
    "sums", [[[1.0, 2.0]], [1.0, 2.0], "12", [[1], [1, 2]], [[True], [True]], None]
)
def test_a_bad_shape_of_a_cohort_is_refused(sums):
    for helper in (progression_scan, best_response, best_change):
        with pytest.raises(TypeError, match=r"sums must be .* \(scans, patients\)"):
            helper(sums)


@pytest.mark.parametrize("wrong", [-1.0, np.inf, 2501.0])
def test_a_bad_sum_of_a_cohort_is_refused(wrong):
    with pytest.raises(ValueError, match=f"0 to 2500 mm.*{wrong:g}"):
        progression_scan([[20.0], [wrong]])
    for baseline in (0.0, np.nan):
        with pytest.raises(ValueError, match=f"above 0 mm in row 0.*gave {baseline:g}"):
            progression_scan([[baseline], [20.0]])


def test_other_arguments_are_refused():
    good = table(20, 20)
    for call in (recist, irecist, lambda wrong: explain(wrong, 1)):
        with pytest.raises(TypeError, match=r"table must be a LesionTable.*\[1\]"):
            call([1])
    for call in (recist, irecist, lambda t, wrong: progression_scan([[1], [1]], wrong)):
        with pytest.raises(TypeError, match=r"criteria must be a Criteria.*5"):
            call(good, 5)
    for wrong in (0, 2, -1):
        with pytest.raises(ValueError, match=f"between 1 and 1, you gave {wrong}"):
            explain(good, wrong)
    for wrong in (1.0, True, "1"):
        with pytest.raises(TypeError, match="visit must be a whole number"):
            explain(good, wrong)
    with pytest.raises(TypeError, match="confirmed must be True or False, you gave 1"):
        recist(good).summary(confirmed=1)
    with pytest.raises(ValueError, match=r"progression_percent must be .* 0 and 100"):
        Criteria(progression_percent=101)


def test_a_table_cannot_be_changed_and_leaves_its_input_alone():
    sizes = np.array([[20.0], [20.0]])
    seen = LesionTable(days=[0, 56], sizes=sizes)
    sizes[1] = 0
    assert seen.sizes[1, 0] == 20
    for name in ("days", "sizes", "node", "new_lesions", "new_sum"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(seen, name)[0] = 1
