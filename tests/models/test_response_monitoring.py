"""RECIST 1.1 and iRECIST: worked cases, the papers' own examples, words and thresholds."""

import numpy as np
import pytest

from course_lib import evidence
from course_lib.models.response_monitoring import (
    Criteria,
    LesionTable,
    explain,
    irecist,
    recist,
)


def table(*sizes, every=56, days=None, **more):
    """One patient; each of ``sizes`` is one scan, a number or the list of its lesions."""
    rows = [np.atleast_1d(np.asarray(row, dtype=float)) for row in sizes]
    days = every * np.arange(len(rows)) if days is None else days
    return LesionTable(days=days, sizes=np.array(rows), **more)


def calls(*sizes, **more):
    return " ".join(recist(table(*sizes, **more)).overall[1:])


def immune(*sizes, **more):
    return " ".join(irecist(table(*sizes, **more)).responses[1:])


# ---- RECIST 1.1: the boundaries ------------------------------------------------------

STUDY = {  # sizes of one or more target lesions, and the calls
    "48 mm after a nadir of 40 mm": ([100, 40, 48], "PR PD"),
    "just below 48 mm": ([100, 40, 47.9], "PR PR"),
    "24 mm after 20 mm is not 5 mm": ([60, 20, 24], "PR PR"),
    "25 mm after 20 mm": ([60, 20, 25], "PR PD"),
    "5 mm, but not 20 %": ([100, 105, 119.9], "SD SD"),
    "20 % from a baseline that is the nadir": ([100, 120], "PD"),
    "exactly 30 % smaller": ([100, 70], "PR"),
    "not quite 30 % smaller": ([100, 70.1], "SD"),
    "decimals that do not fit in binary": ([12.1, 4.2, 9.2], "PR PD"),
    "a sum of decimals": ([[10.1, 10.1, 10.1], [7.07, 7.07, 7.07]], "PR"),
    "all gone": ([40, 0], "CR"),
    "5 mm, too small to measure, is not gone": ([40, 5], "PR"),
    "back after complete response, however small": ([40, 0, 2], "CR PD"),
    "the nadir comes from any earlier scan": ([100, 50, 55, 60], "PR PR PD"),
    "a scan without the lesion": ([100, np.nan, 60], "NE PR"),
    "half of it missing": ([[50, 50], [20, np.nan]], "NE"),
    "progression already in what was seen": ([[25, 25], [80, np.nan]], "PD"),
    "an incomplete scan is no nadir": ([[50, 50], [10, np.nan], [40, 40]], "NE SD"),
}


@pytest.mark.parametrize("case", STUDY)
def test_target_lesions_against_worked_cases(case):
    sizes, expected = STUDY[case]
    assert calls(*sizes) == expected


def test_nodes_against_worked_cases():
    """Short axis below 10 mm is normal, although the sum is not zero."""
    for last, expected in (([0, 9.9], "CR"), ([0, 10], "PR"), ([2, 9], "PR")):
        assert calls([30, 20], last, node=[False, True]) == expected
    assert calls(20, 3, 9.9, node=[True]) == "CR CR"  # normal, although 6.9 mm more
    assert calls(20, 3, 10, node=[True]) == "CR PD"


# ---- RECIST 1.1: overall response and the best of it ---------------------------------

PRESENT, ABSENT, WORSE, UNSEEN = "present", "absent", "progression", "not assessed"
TABLE_1 = [  # target size after 100 mm, non-target lesions, new lesion, overall response
    (0, ABSENT, 0, "CR"),
    (0, PRESENT, 0, "PR"),
    (0, UNSEEN, 0, "PR"),
    (60, PRESENT, 0, "PR"),
    (60, UNSEEN, 0, "PR"),
    (100, ABSENT, 0, "SD"),
    (100, UNSEEN, 0, "SD"),
    (np.nan, PRESENT, 0, "NE"),
    (120, ABSENT, 0, "PD"),
    (60, WORSE, 0, "PD"),
    (np.nan, WORSE, 0, "PD"),
    (0, ABSENT, 1, "PD"),
    (np.nan, UNSEEN, 1, "PD"),
]


@pytest.mark.parametrize(("size", "others", "new", "expected"), TABLE_1)
def test_overall_response_against_table_1_of_eisenhauer(size, others, new, expected):
    assert calls(100, size, non_target=[PRESENT, others], new_lesions=[0, new]) == expected


CR, PR, SD, PD, NE = 0, 60, 100, 200, np.nan
TABLE_3 = [  # first and second call, day of the first, confirmed best response
    ((CR, CR), 56, "CR"),
    ((CR, PD), 56, "SD"),
    ((CR, PD), 28, "PD"),
    ((CR, NE), 56, "SD"),
    ((CR, NE), 28, "NE"),
    ((PR, CR), 56, "PR"),
    ((PR, PR), 56, "PR"),
    ((PR, SD), 56, "SD"),
    ((PR, PD), 56, "SD"),
    ((PR, PD), 28, "PD"),
    ((PR, NE), 56, "SD"),
    ((PR, NE), 28, "NE"),
    ((NE, NE), 56, "NE"),
]


@pytest.mark.parametrize(("sizes", "day", "expected"), TABLE_3)
def test_confirmed_best_response_against_table_3_of_eisenhauer(sizes, day, expected):
    last = 83 if sizes in ((PR, SD),) else day + 28
    seen = table(100, *sizes, days=[0, day, last])
    assert recist(seen).summary(confirmed=True).best == expected


def test_confirmation_needs_four_weeks_and_allows_a_missed_scan():
    for gap, best in ((27, "SD"), (28, "PR")):
        seen = table(100, PR, PR, days=[0, 56, 56 + gap])
        assert recist(seen).summary(confirmed=True).best == best
    for sizes, best in (((PR, NE, PR), "PR"), ((PR, SD, PR), "SD"), ((CR, NE, CR), "CR")):
        assert recist(table(100, *sizes)).summary(confirmed=True).best == best


def test_summary_of_one_patient_by_hand():
    seen = recist(table(100, 100, 60, 50, 60, 20))
    found = seen.summary()
    assert seen.overall[1:] == ("SD", "PR", "PR", "PD", "PR")
    assert (found.best, found.progression_day) == ("PR", 224)
    assert (found.response_day, found.duration) == (112, 112)
    found = recist(table(100, 60, 0)).summary()
    assert (found.best, found.progression_day) == ("CR", None)
    assert (found.response_day, found.duration) == (112, 0)
    for day, best in ((41, "NE"), (42, "SD")):
        assert recist(table(100, 100, days=[0, day])).summary().best == best


# ---- iRECIST -------------------------------------------------------------------------


def new(*found, **more):
    return {"new_lesions": [0, *found], **more}


IMMUNE = {
    "confirmed by 5 mm": ([100, 40, 48, 53], {}, "iPR iUPD iCPD"),
    "4.9 mm do not confirm": ([100, 40, 48, 52.9], {}, "iPR iUPD iUPD"),
    "4 and then 2 mm add up (EORTC)": ([100, 40, 48, 52, 54], {}, "iPR iUPD iUPD iCPD"),
    "shrinks, regrows by 5 mm": ([100, 40, 60, 50, 55], {}, "iPR iUPD iUPD iCPD"),
    "bar reset, then unconfirmed again": (
        [100, 120, 90, 108, 113],
        {},
        "iUPD iSD iUPD iCPD",
    ),
    "pseudoprogression to partial response": ([100, 130, 60], {}, "iUPD iPR"),
    "pseudoprogression to complete response": ([100, 130, 0], {}, "iUPD iCR"),
    "after confirmation nothing undoes it": ([100, 120, 130, 50], {}, "iUPD iCPD iCPD"),
    "a missed scan keeps the question open": ([100, 120, np.nan, 126], {}, "iUPD NE iCPD"),
    "B: new lesion, then shrinkage (Seymour)": ([100, 100, 60], new(1, 1), "iUPD iPR"),
    "F: response, new lesion, no change (Seymour)": (
        [100, 60, 60, 60],
        new(0, 1, 1),
        "iPR iUPD iUPD",
    ),
    "another new lesion": ([100, 100, 100], new(1, 2), "iUPD iCPD"),
    "the new lesion grows by 5 mm": (
        [100, 100, 100],
        new(1, 1, new_sum=[0, 10, 15]),
        "iUPD iCPD",
    ),
    "the new lesion grows by 4.9 mm": (
        [100, 100, 100],
        new(1, 1, new_sum=[0, 10, 14.9]),
        "iUPD iUPD",
    ),
    "the new lesion shrinks": ([100, 100, 100], new(1, 1, new_sum=[0, 10, 8]), "iUPD iSD"),
    "the new lesion goes": ([100, 100, 100], new(1, 1, new_sum=[0, 10, 0]), "iUPD iSD"),
    "no target left, the new lesion still there": ([100, 100, 0], new(1, 1), "iUPD iPR"),
    "an unmeasured new lesion grows": (
        [100, 100, 100],
        new(1, 1, new_larger=[False, False, True]),
        "iUPD iCPD",
    ),
    "another category progresses": ([100, 120, 120], new(0, 1), "iUPD iCPD"),
    "after a reset, the old new lesion grows by 20 % and 5 mm": (
        [100, 100, 60, 60],
        new(1, 1, 1, new_sum=[0, 10, 10, 15]),
        "iUPD iPR iUPD",
    ),
}


@pytest.mark.parametrize("case", IMMUNE)
def test_irecist_against_worked_cases(case):
    sizes, more, expected = IMMUNE[case]
    assert immune(*sizes, **more) == expected


NON_TARGET = [  # at the second and third scan, grown at the third, expected
    (WORSE, WORSE, True, "iUPD iCPD"),
    (WORSE, WORSE, False, "iUPD iUPD"),
    (WORSE, PRESENT, True, "iUPD iCPD"),  # any increase: it need not be unequivocal
    (WORSE, PRESENT, False, "iUPD iSD"),
    (WORSE, UNSEEN, False, "iUPD NE"),
    (PRESENT, PRESENT, True, "iSD iSD"),
]


@pytest.mark.parametrize(("second", "third", "grew", "expected"), NON_TARGET)
def test_non_target_progression_against_table_2_of_seymour(second, third, grew, expected):
    more = {
        "non_target": [PRESENT, second, third],
        "non_target_larger": [False, False, grew],
    }
    assert immune(100, 100, 100, **more) == expected


def test_a_scan_before_four_weeks_is_set_aside():
    days = [0, 56, 56 + 27, 56 + 28]
    assert immune(100, 120, 126, 126, days=days) == "iUPD iUPD iCPD"
    assert immune(100, 120, 60, 60, days=days) == "iUPD iUPD iPR"
    assert immune(100, 120, 126, days=[0, 56, 84]) == "iUPD iCPD"
    # the EORTC's example: a new lesion found after two weeks counts at the repeat scan
    days = [0, 56, 70, 87]
    assert immune(100, 100, 100, 100, days=days, **new(1, 2, 2)) == "iUPD iUPD iCPD"


IBOR = {  # table 3 of Seymour 2017, in sizes of a target lesion of 100 mm
    1: ([0, 0, 20, 30], {}, "iCR iCR iUPD iCPD", "iCR", 168),
    2: ([120, 60, 0], {}, "iUPD iPR iCR", "iCR", None),
    3: ([120, 60, 80, 90], {}, "iUPD iPR iUPD iCPD", "iPR", 168),
    5: ([120, 90, 108, 120], {}, "iUPD iSD iUPD iCPD", "iSD", 168),
    6: ([120, 130, 10], {}, "iUPD iCPD iCPD", "iCPD", 56),
    7: ([120, 121, 130], {}, "iUPD iUPD iCPD", "iCPD", 56),
    8: ([120, np.nan, np.nan], {}, "iUPD NE NE", "iUPD", 56),
}


@pytest.mark.parametrize("example", IBOR)
def test_best_immune_response_against_table_3_of_seymour(example):
    sizes, more, expected, best, day = IBOR[example]
    found = irecist(table(100, *sizes, **more))
    assert " ".join(found.responses[1:]) == expected
    assert (found.best, found.progression_day) == (best, day)
    assert found.confirmed == ("iCPD" in expected)


def test_before_progression_both_rules_say_the_same():
    rng = np.random.default_rng(8)
    for _ in range(200):
        sizes = rng.integers(0, 130, (5, 2))
        sizes[0] = rng.integers(10, 80, 2)
        first, second = recist(table(*sizes)), irecist(table(*sizes))
        end = first.overall.index("PD") if "PD" in first.overall else 5
        assert [call.removeprefix("i") for call in second.responses[1:end]] == list(
            first.overall[1:end]
        )
        assert second.responses[end : end + 1] in ((), ("iUPD",))


# ---- in words ------------------------------------------------------------------------


def test_explanations_word_by_word():
    """48 mm after 40 mm is progression; 24 mm after 20 mm lacks a millimetre."""
    assert explain(table(100, 40, 48), 2) == [
        "Sum 48 mm; smallest before 40 mm; baseline 100 mm.",
        "+20 % and +8 mm from the smallest: progression.",
        "No non-target lesions.",
        "No new lesion.",
        "RECIST 1.1: PD.",
        "iRECIST: iUPD. First progression: target lesions.",
        "Scan again after 4 to 8 weeks.",
    ]
    assert explain(table(60, 20, 24), 2)[:3] == [
        "Sum 24 mm; smallest before 20 mm; baseline 60 mm.",
        "+20 % and +4 mm from the smallest: no progression; it takes 20 % and 5 mm.",
        "−60 % from baseline: partial response.",
    ]
    assert explain(table(60, 50.5), 1)[1:3] == [
        "−15.8 % and −9.5 mm from the smallest: no progression.",
        "−15.8 % from baseline: stable.",
    ]


def test_explanations_are_short_and_end_in_the_calls():
    more = {"non_target": [PRESENT, PRESENT, WORSE, UNSEEN, ABSENT, ABSENT, PRESENT]}
    more |= new(0, 0, 1, 1, 1, 1, new_sum=[0, 0, 0, 9, 0, 0, 0])
    sizes = [[20, 30], [20, 20], [5, np.nan], [12, 15], [0, 9], [0, 9], [2, 9]]
    seen = table(*sizes, node=[False, True], **more)
    first, second, said = recist(seen), irecist(seen), set()
    for visit in range(1, 7):
        sentences = explain(seen, visit)
        assert all(len(each.split()) <= 25 and each.endswith(".") for each in sentences)
        assert f"RECIST 1.1: {first.overall[visit]}." in sentences
        assert any(each.startswith(f"iRECIST: {second.responses[visit]}. ") for each in sentences)
        said.update(sentences)
    for word in (
        "a target lesion is missing",
        "Target lesions: cannot be judged.",
        "Target lesions: none left, and nodes are normal: complete response.",
        "Target lesions: back after a complete response: progression.",
        "Non-target lesions: none left.",
        "Non-target lesions: still there",
        "Non-target lesions: progression.",
        "Non-target lesions: not assessed.",
        "A new lesion is seen: progression.",
        "No new lesion.",
    ):
        assert any(word in each for each in said), word
    assert "nan" not in " ".join(said)


def test_growth_from_nothing_has_no_percentage():
    more = {"non_target": [PRESENT] * 3}
    assert explain(table(20, 0, 3, **more), 2)[1] == (
        "+3 mm from the smallest: no progression; it takes 20 % and 5 mm."
    )


# ---- thresholds come from the registry, and each acts --------------------------------

CHANGES = {  # a criterion, a value, sizes, and the calls with it (without: different ones)
    "progression_percent": (25, lambda c: recist(table(100, 40, 48), c).overall),
    "progression_growth": (4, lambda c: recist(table(60, 20, 24), c).overall),
    "response_percent": (50, lambda c: recist(table(100, 60), c).overall),
    "node_normal": (9, lambda c: recist(table(20, 9.5, node=[True]), c).overall),
    "response_confirmation": (60, lambda c: recist(table(100, 60, 60), c).summary(True).best),
    "stable_minimum": (60, lambda c: recist(table(100, 100), c).summary().best),
    "growth": (3, lambda c: irecist(table(100, 120, 124), c).responses),
    "confirmation_earliest": (60, lambda c: irecist(table(100, 120, 126), c).responses),
}


def test_every_criterion_changes_a_call():
    assert set(CHANGES) == set(Criteria.__dataclass_fields__)
    for name, (value, call) in CHANGES.items():
        assert call(Criteria(**{name: value})) != call(None), name
        assert call(Criteria()) == call(None), name


PUBLISHED = {
    "recist.progression_percent": (20, "percent"),
    "recist.progression_growth": (5, "mm"),
    "recist.response_percent": (30, "percent"),
    "recist.node_normal": (10, "mm"),
    "recist.lesion_minimum": (10, "mm"),
    "recist.node_minimum": (15, "mm"),
    "recist.targets": (5, "lesions"),
    "recist.targets_per_organ": (2, "lesions"),
    "recist.too_small": (5, "mm"),
    "recist.response_confirmation": (28, "day"),
    "recist.stable_minimum": (42, "day"),
    "irecist.growth": (5, "mm"),
    "irecist.confirmation_earliest": (28, "day"),
    "irecist.confirmation_latest": (56, "day"),
}


def test_the_registry_holds_the_published_thresholds():
    found = evidence.topic("response_monitoring")
    assert {key: (q.value, q.unit) for key, q in found.items()} == PUBLISHED
