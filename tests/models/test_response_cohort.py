"""A cohort scan by scan: what is added to the virtual patient, and what each of it does."""

from itertools import pairwise

import numpy as np
import pytest

from course_lib import evidence
from course_lib.models import response_cohort as model
from course_lib.models.checkpoint_inhibitors import Pembrolizumab
from course_lib.models.chemotherapy import Chemotherapy
from course_lib.models.cohort import Cohort
from course_lib.models.patient import simulate
from course_lib.models.recist import best_change, progression_scan
from course_lib.models.response_cohort import PATIENTS, SCANS, WEEKS, cohort, living, shrinks_later

pytestmark = pytest.mark.filterwarnings("error")
NOTHING = {"swelling": 0, "new_lesions": 0, "no_second_scan": 0}
DEFAULTS = {"patient": (1, 1, 24), "swelling": (20, 0, 60), "new_lesions": (5, 0, 20)}
DEFAULTS["no_second_scan"] = (10, 0, 40)


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_default_is_what_was_decided(name):
    entry = evidence.get(f"cohort_responses.{name}")
    assert (entry.value, entry.low, entry.high) == DEFAULTS[name]


def test_defaults_are_those_of_the_registry():
    assert cohort() == cohort("combination", 20, 5, 10)
    assert len(cohort()) == PATIENTS == 24
    assert WEEKS.tolist() == [0, 8, 16, 24, 32, 40, 48]


@pytest.mark.parametrize(
    ("therapy", "drugs"),
    [("combination", (Pembrolizumab, Chemotherapy)), ("pembrolizumab", (Pembrolizumab,))],
)
def test_the_living_tumours_are_the_virtual_patients(therapy, drugs):
    patients = Cohort(cps_from=10, size_low=30).draw(np.random.default_rng(4), 24)
    course = simulate(patients, [make() for make in drugs], days=337)
    for row, day in zip(living(therapy), 7.0 * WEEKS, strict=True):
        before = np.flatnonzero(course.times == day)[0]
        np.testing.assert_allclose(row, course.size[before], rtol=1e-6)


def test_with_nothing_added_the_rules_are_those_of_the_sums_alone():
    found = cohort(**NOTHING)
    sums = 3 * np.round(living("combination") / 3)
    first = progression_scan(sums)
    best = best_change(sums)
    for patient, scan, change in zip(found, first, best, strict=True):
        assert patient.progressed("recist") == (scan > 0)
        assert patient.last("recist") == (scan if scan > 0 else SCANS)
        assert patient.best("recist") == pytest.approx(change)
        assert not patient.swells
        assert not patient.rules.new[-1]


# ---- what each addition does, over its whole range -------------------------------------------


def having(name, share):
    found = cohort(**NOTHING | {name: share})
    has = {
        "swelling": lambda each: each.swells,
        "new_lesions": lambda each: each.rules.new[-1],
        "no_second_scan": lambda each: not each.scanned,
    }[name]
    return {number for number, each in enumerate(found) if has(each)}


@pytest.mark.parametrize("name", NOTHING)
def test_more_of_something_adds_patients_and_takes_it_from_nobody(name):
    most = 99 if name == "new_lesions" else 100
    groups = [having(name, share) for share in np.linspace(0, most, 12)]
    assert not groups[0]
    assert len(groups[-1]) == PATIENTS
    assert all(less <= more for less, more in pairwise(groups))
    assert len({len(group) for group in groups}) > 5


def test_the_shares_are_met():
    assert len(having("swelling", 20)) == round(0.2 * 24) == 5
    assert len(having("no_second_scan", 10)) == 2


def test_new_lesions_come_at_a_constant_rate():
    """By the last scan 1 - (1 - p)^6 of the patients should have one."""
    for share in (5, 10, 20):
        expected = 24 * (1 - (1 - share / 100) ** SCANS)
        assert abs(len(having("new_lesions", share)) - expected) < 3 * np.sqrt(24) / 2


def test_a_patient_without_a_second_scan_has_no_response_at_all():
    for each in cohort(**NOTHING | {"no_second_scan": 100}):
        assert np.isnan(each.best("recist"))
        assert np.isnan(each.changes("irecist")[1:]).all()
        assert each.rules.summary().best == "NE"
        assert each.response("recist") is None
        assert shrinks_later(each) is None


def taken_back(**settings):
    return sum(shrinks_later(each) is True for each in cohort(**NOTHING | settings))


def test_a_tumour_that_grew_shrinks_later_only_where_lesions_swell():
    for therapy in model.THERAPIES:
        assert taken_back(therapy=therapy) == 0
        assert taken_back(therapy=therapy, swelling=60) >= 1


def test_a_new_lesion_ends_a_response_by_recist_and_is_confirmed_by_irecist():
    shrinking = [
        (before, after)
        for before, after in zip(
            cohort(**NOTHING), cohort(**NOTHING | {"new_lesions": 20}), strict=True
        )
        if before.response("recist") and not before.progressed("recist") and after.rules.new[-1]
    ]
    assert shrinking
    for _, after in shrinking:
        found = after.rules.new.index(True)
        assert after.last("recist") == found
        if found < SCANS:
            assert after.last("irecist") == found + 1
            assert after.immune.confirmed


def test_going_on_changes_a_bar_only_after_a_progression():
    for each in cohort(swelling=60):
        if each.scanned and each.best("recist") != each.best("irecist"):
            assert each.progressed("recist")
            assert each.best("irecist") < each.best("recist")


def test_a_response_lasts_from_its_first_scan_to_the_progression():
    for each in cohort():
        days = each.rules.summary()
        found = each.response("recist")
        if days.best in ("CR", "PR"):
            first, last = found
            assert 7 * WEEKS[first] == days.response_day or days.best == "CR"
            if days.best == "PR":
                assert 7 * (WEEKS[last] - WEEKS[first]) == days.duration
        else:
            assert found is None


def test_to_irecist_a_response_ends_where_the_confirmed_progression_began():
    ended = [
        each
        for each in cohort(new_lesions=20)
        if each.response("irecist") and each.progressed("irecist")
    ]
    assert len(ended) >= 3
    for each in ended:
        found = each.immune.responses.index("iUPD")
        assert each.response("irecist")[1] == found < each.last("irecist")


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"therapy": "rest"}, ValueError, "therapy must be one of 'combination', 'pembrolizumab'"),
        ({"swelling": 101}, ValueError, "swelling must be one number between 0 and 100 %"),
        ({"swelling": -1}, ValueError, "swelling must .* you gave -1"),
        ({"new_lesions": 100}, ValueError, "new_lesions must be one number between 0 and 99 %"),
        ({"new_lesions": np.nan}, ValueError, "new_lesions must .* NaN"),
        ({"no_second_scan": "few"}, TypeError, "no_second_scan must"),
        ({"no_second_scan": True}, TypeError, "no_second_scan must"),
    ],
)
def test_what_makes_no_sense_is_refused(settings, error, message):
    with pytest.raises(error, match=message):
        cohort(**settings)
