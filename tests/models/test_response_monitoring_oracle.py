"""RECIST 1.1 and iRECIST against a second implementation, on 10,000 random lesion tables."""

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

import recist_oracle as oracle
from course_lib.models.response_monitoring import (
    Criteria,
    LesionTable,
    best_change,
    best_response,
    irecist,
    progression_scan,
    recist,
)

TABLES = 10_000
CALLS = ("CR", "PR", "SD", "PD", "NE")
GAPS = [13, 14, 27, 28, 42, 56, 57]


def next_size(rng, before, start, node):
    """A size that often lands on a boundary: gone, normal, 20 %, 30 %, 5 mm."""
    now, low = before[-1], min(before)
    pick = rng.integers(14)
    if pick < 3:
        return now
    if pick == 3:
        return 0
    if pick == 4:
        return 70 * start // 100
    if pick == 5:
        return 120 * low // 100
    if pick == 6:
        return low + 50
    if pick == 7:
        return now + 50
    if pick == 8:
        return 99 if node else 50
    if pick == 9:
        return 100 if node else 10
    if pick == 10:
        return low + 49
    if pick == 11:
        return max(0, now - int(rng.integers(1, 200)))
    return now + int(rng.integers(-40, 80)) * (1 if now > 40 else 0)


def draw(seed):
    """One patient in tenths of a millimetre, as the visits of the oracle and its nodes."""
    rng = np.random.default_rng(seed)
    lesions = int(rng.choice([1, 1, 1, 2, 3, 5]))
    nodes = [lesion < int(rng.integers(0, 3)) for lesion in range(lesions)]
    if rng.random() < 0.3:
        nodes = [False] * lesions
    grid = int(rng.choice([10, 10, 1]))  # whole millimetres, or tenths
    starts = [int(rng.integers(15 if node else 10, 60)) * 10 for node in nodes]
    if grid == 1:
        starts = [start + int(rng.integers(0, 10)) for start in starts]
    shrinks_all = rng.random() < 0.15
    path = [[start] for start in starts]
    others = str(rng.choice(["absent", "present"]))
    visits = [oracle.Visit(0, [Fraction(s, 10) for s in starts], others)]
    found, new_sum, has_others = 0, 0, others == "present"
    for scan in range(int(rng.integers(1, 8))):
        row = []
        for sizes, start, node in zip(path, starts, nodes, strict=True):
            vanish = shrinks_all and 1 <= scan <= 3 and rng.random() < 0.9
            size = int(rng.choice([0, 60])) * node if vanish else None
            size = next_size(rng, sizes, start, node) if size is None else size
            sizes.append(max(0, size // grid * grid))
            row.append(None if rng.random() < 0.04 else Fraction(sizes[-1], 10))
        if has_others:
            weights = [0.5, 0.4, 0.0, 0.1] if shrinks_all else [0.1, 0.7, 0.12, 0.08]
            others = str(
                rng.choice(["absent", "present", "progression", "not assessed"], p=weights)
            )
        appears = rng.random() < 0.08
        found += int(appears)
        if found:
            new_sum = max(
                0, new_sum + int(rng.choice([-100, -20, 0, 0, 20, 49, 50])) // grid * grid
            )
            new_sum = max(new_sum, 100) if appears else new_sum * (rng.random() > 0.1)
        measured = not found or new_sum == 0 or rng.random() > 0.2
        visits.append(
            oracle.Visit(
                visits[-1].day + int(rng.choice(GAPS)),
                row,
                others,
                others in ("present", "progression") and bool(rng.random() < 0.15),
                found,
                Fraction(int(new_sum), 10) if measured else None,
                bool(found and new_sum and rng.random() < 0.1),
            )
        )
    return visits, nodes


def as_table(visits, nodes):
    """The same patient as floats, in our table."""

    def number(value):
        return np.nan if value is None else float(value)

    return LesionTable(
        days=[visit.day for visit in visits],
        sizes=[[number(size) for size in visit.sizes] for visit in visits],
        node=nodes,
        non_target=[visit.others for visit in visits],
        non_target_larger=[visit.others_larger for visit in visits],
        new_lesions=[visit.new_found for visit in visits],
        new_sum=[number(visit.new_sum) for visit in visits],
        new_larger=[visit.new_larger for visit in visits],
    )


@pytest.fixture(scope="module")
def patients():
    criteria = Criteria()
    drawn = [draw(seed) for seed in range(TABLES)]
    tables = [as_table(*each) for each in drawn]
    return [
        (visits, nodes, recist(table, criteria), irecist(table, criteria))
        for (visits, nodes), table in zip(drawn, tables, strict=True)
    ]


def test_time_points_against_the_second_implementation(patients):
    for number, (visits, nodes, ours, _) in enumerate(patients):
        triples = list(zip(ours.target, ours.non_target, ours.overall, strict=True))[1:]
        assert triples == oracle.recist(visits, nodes), number


@pytest.mark.parametrize("confirmed", [False, True])
def test_best_overall_and_progression_against_the_second_implementation(patients, confirmed):
    for number, (visits, _, ours, _) in enumerate(patients):
        days = [visit.day for visit in visits[1:]]
        best, progression, start = oracle.best_overall(days, ours.overall[1:], confirmed)
        found = ours.summary(confirmed)
        assert (found.best, found.progression_day, found.response_day) == (
            best,
            progression,
            start,
        ), number
        if start is not None:
            end = days[-1] if progression is None else progression
            assert found.duration == end - start, number


def test_irecist_against_the_second_implementation(patients):
    for number, (visits, nodes, _, ours) in enumerate(patients):
        theirs = oracle.Immune(visits, nodes)
        assert list(ours.responses[1:]) == theirs.calls, number
        assert ours.progression_day == theirs.progression_day(), number
        assert (ours.confirmed, ours.best) == (theirs.confirmed, theirs.best()), number


def categories(visits, nodes, ours, immune):
    """What occurs in one table, by name."""
    yield from {f"target {each}" for each in ours.target[1:]}
    yield from {f"non-target {each}" for each in ours.non_target[1:]}
    yield from {f"overall {each}" for each in ours.overall[1:]}
    yield from {f"best {ours.summary().best}", f"best confirmed {ours.summary(True).best}"}
    yield from {each for each in immune.responses[1:]}
    yield from {each.split(":")[0] for each in immune.reasons[1:]}
    yield from {each for each in immune.reasons[1:] if each.startswith("Confirmed")}
    yield f"iRECIST best {immune.best}"
    sums = [None if None in visit.sizes else sum(visit.sizes) for visit in visits]
    for visit, (one, total) in enumerate(zip(visits, sums, strict=True)):
        if not visit:
            continue
        known = [each for each in sums[:visit] if each is not None]
        some = sum(each for each in one.sizes if each is not None)
        if total is None:
            yield f"a lesion missing, target {ours.target[visit]}"
        else:
            if total == min(known) * Fraction(6, 5) and total - min(known) > 5:
                yield "exactly 20 %"
            if total == min(known) + 5 and total > min(known) * Fraction(6, 5):
                yield "exactly 5 mm"
            if total == min(known) + 5 and total < min(known) * Fraction(6, 5):
                yield "5 mm, but below 20 %"
            if 0 < min(known) * Fraction(6, 5) <= total < min(known) + 5:
                yield "20 %, but below 5 mm"
            if total == sums[0] * Fraction(7, 10):
                yield "exactly -30 %"
            if total > 0 and ours.target[visit] == "CR":
                yield "CR with a sum above 0"
            if oracle.new_there(one) and ours.target[visit] in ("PR", "CR"):
                yield "a new lesion with shrinkage"
            if "CR" in ours.overall[:visit] and ours.overall[visit] == "PD" and some:
                yield "back after CR"
        pairs = zip(one.sizes, nodes, strict=True)
        if any(node and size is not None and size < 10 for size, node in pairs):
            yield "a node under 10 mm"
    text = " ".join(immune.responses)
    for name, pattern in {
        "iUPD, then set back": ("iUPD iSD", "iUPD iPR", "iUPD iCR"),
        "set back, then iUPD again": ("iUPD iSD iUPD", "iUPD iPR iUPD", "iUPD iCR iUPD"),
        "iUPD, iUPD, iCPD": ("iUPD iUPD iCPD",),
        "iUPD, NE": ("iUPD NE",),
    }.items():
        if any(each in text for each in pattern):
            yield name


def test_the_random_tables_hold_every_case_the_rules_tell_apart(patients):
    counts = Counter()
    for each in patients:
        counts.update(set(categories(*each)))
    expected = {
        *(f"{kind} {call}" for kind in ("target", "overall") for call in CALLS),
        *(f"non-target {call}" for call in ("CR", "non-CR/non-PD", "PD", "NE")),
        *(f"{kind} {x}" for kind in ("best", "best confirmed") for x in CALLS),
        *(f"iRECIST best {call}" for call in ("iCR", "iPR", "iSD", "iCPD", "iUPD", "NE")),
        *("iCR", "iPR", "iSD", "iUPD", "iCPD", "NE"),
        *("First progression", "Too early to confirm the progression, or to lift it."),
        "Not enough was assessed to judge the progression.",
        "Neither growth nor shrinkage since the progression.",
        "It shrank",
        "Confirmed: the sum grew by another 5 mm or more.",
        "Confirmed: the non-target lesions grew further.",
        "Confirmed: another new lesion.",
        "Confirmed: the new lesions grew.",
        *(f"Confirmed: now also progression of {x}-target lesions." for x in ("non",)),
        *(f"Confirmed: now also progression of {x} lesions." for x in ("target", "new")),
        *("a lesion missing, target PD", "a lesion missing, target NE"),
        *("exactly 20 %", "exactly 5 mm", "5 mm, but below 20 %", "20 %, but below 5 mm"),
        *("exactly -30 %", "CR with a sum above 0", "a new lesion with shrinkage"),
        *("back after CR", "a node under 10 mm", "iUPD, then set back"),
        *("set back, then iUPD again", "iUPD, iUPD, iCPD", "iUPD, NE"),
    }
    rare = {name: counts[name] for name in expected if counts[name] < 20}
    assert not rare


def test_cohort_helpers_against_the_tables_of_single_patients():
    """Every sum that one or more lesions without a node can make, measured at all scans."""
    rng = np.random.default_rng(4)
    tenths = np.full((6, 3000), 0)
    tenths[0] = rng.integers(100, 1200, 3000)
    for scan in range(1, 6):
        low, now = tenths[:scan].min(0), tenths[scan - 1]
        choices = [low * 12 // 10, low + 50, now, tenths[0] * 7 // 10, now // 2, now + 30, low + 49]
        tenths[scan] = np.choose(rng.integers(0, 7, 3000), choices)
    sums = tenths / 10
    first, best, change = progression_scan(sums), best_response(sums), best_change(sums)
    exact = [[Fraction(int(each), 10) for each in patient] for patient in tenths.T]
    for number, patient in enumerate(exact):
        visits = [oracle.Visit(60 * scan, [size]) for scan, size in enumerate(patient)]
        calls = [call for _, _, call in oracle.recist(visits, [False])]
        at = calls.index("PD") + 1 if "PD" in calls else -1
        assert first[number] == at, number
        assert best[number] == oracle.best_overall(range(60, 360, 60), calls, False)[0], number
        until = patient[1 : at + 1] if at > 0 else patient[1:]
        assert change[number] == pytest.approx(float(100 * (min(until) / patient[0] - 1)))
    assert min(Counter(best.tolist())[each] for each in ("PR", "SD", "PD")) > 50
    assert 0 < (first < 0).sum() < first.size


# ---- a cohort ------------------------------------------------------------------------


def test_progression_of_a_cohort_is_exact_at_every_tenth_of_a_millimetre():
    """All smallest sums up to 60 mm, at both sides of both thresholds, against fractions."""
    for shift in (-1, 0, 1):
        low = np.arange(1, 600)
        five = low + 50 + shift
        twenty = -(-12 * low // 10) + shift
        for now in (five, twenty):
            sums = np.array([np.full(low.size, 100.0), low / 10, np.maximum(now, 0) / 10])
            exact = [
                Fraction(int(n), int(m)) >= Fraction(6, 5) and n - m >= 50
                for n, m in zip(now, low, strict=True)
            ]
            assert (progression_scan(sums) == np.where(exact, 2, -1)).all()


def test_a_cohort_by_hand():
    sums = np.array(
        [[100, 60, 60, 60, 60, 60], [40, 20, 0, 80, 60, np.nan], [48, 24, 5, 1, 60, np.nan]]
    )
    assert progression_scan(sums).tolist() == [2, -1, 2, 1, -1, -1]
    assert best_response(sums).tolist() == ["PR", "PR", "CR", "PD", "SD", "NE"]
    change = [-60, -200 / 3, -100, 100 / 3, 0, np.nan]
    np.testing.assert_allclose(best_change(sums), change, rtol=1e-14, atol=1e-14)


def test_a_scan_that_was_not_made_neither_progresses_nor_counts():
    sums = np.array([[100.0], [40.0], [np.nan], [48.0]])
    assert progression_scan(sums).tolist() == [3]
    assert best_response(sums).tolist() == ["PR"]


def test_a_patient_does_not_depend_on_the_cohort():
    rng = np.random.default_rng(1)
    sums = rng.uniform(0, 200, (7, 400)) + [[1.0]] * 7
    for helper in (progression_scan, best_response, best_change):
        whole = helper(sums)
        alone = np.concatenate([helper(sums[:, [patient]]) for patient in range(400)])
        assert np.array_equal(whole, alone)
