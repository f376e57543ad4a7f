"""The blood test and its lead over scans: Poisson's and the gamma law, closed forms, limits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from course_lib.models.ctdna import (
    BloodTest,
    Relapse,
    cells_of,
    diameter_of,
    first_positive,
    lead_time,
    scan_day,
)

pytestmark = pytest.mark.filterwarnings("error")


# ---- the blood test -------------------------------------------------------------------------


@pytest.mark.parametrize("needed", [1, 2, 5, 20])
@pytest.mark.parametrize("errors", [0, 0.05, 3])
def test_a_positive_test_against_poissons_law(needed, errors):
    test = BloodTest(4, 16, needed, errors)
    level = np.geomspace(1e-4, 5, 40)
    expected = stats.poisson.sf(needed - 1, 64 * level + errors)
    np.testing.assert_allclose(test.positive(level), expected, rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(test.molecules(level), 64 * level)
    assert test.false_alarm(5) == pytest.approx(
        1 - (1 - stats.poisson.sf(needed - 1, errors)) ** 5, abs=1e-14
    )


@pytest.mark.parametrize("needed", [1, 2, 5])
@pytest.mark.parametrize("share", [0.5, 0.95])
def test_the_detection_limit_against_the_gamma_law(needed, share):
    test = BloodTest(4, 16, needed, 0)
    assert test.limit(share) == pytest.approx(stats.gamma.ppf(share, needed) / 64)
    assert test.positive(test.limit(share)) == pytest.approx(share)


def test_the_rule_of_three():
    """If one molecule is enough, three on average are found in 95 of 100 samples."""
    assert BloodTest(1, 1, 1, 0).limit() == pytest.approx(3, rel=0.002)


def test_drawn_samples_follow_the_law():
    test = BloodTest()
    drawn = test.draw(0.03, 200_000, seed=9)
    assert drawn.mean() == pytest.approx(0.03 * 64 + 0.05, rel=0.01)
    assert np.mean(drawn >= 2) == pytest.approx(test.positive(0.03), abs=0.005)
    assert np.array_equal(drawn[:5], test.draw(0.03, 200_000, seed=9)[:5])


def test_limits_of_the_blood_test():
    assert BloodTest(errors=0).positive(0.0) == 0
    assert BloodTest().positive(1e6) == 1
    assert BloodTest(errors=0).false_alarm(100) == 0
    assert BloodTest().false_alarm(0) == 0
    assert BloodTest(errors=90).limit() == 0  # errors alone are enough


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_the_first_positive_test_against_going_through_them(chances):
    left, expected = 1.0, []
    for chance in chances:
        expected.append(left * chance)
        left *= 1 - chance
    found = first_positive(chances)
    np.testing.assert_allclose(found, expected, atol=1e-15)
    assert found.sum() == pytest.approx(1 - left)


# ---- lead time ------------------------------------------------------------------------------


def test_lead_time_in_closed_form():
    found_by_blood = np.log(2) / 103 + np.log(2) * 48  # clearance and growth, per day
    found_by_blood *= stats.gamma.ppf(0.5, 2) / 64 * 2750 / (1.4e-4 * 0.136)
    by_scan = 1e6 * np.pi / 6 * 10**3
    expected = 103 * np.log2(by_scan / found_by_blood)
    assert lead_time(Relapse(), BloodTest(errors=0)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("relapse", "test", "lesions"),
    [
        (Relapse(shedding=14), BloodTest(errors=0), 1),
        (Relapse(), BloodTest(variants=160, errors=0), 1),
        (Relapse(), BloodTest(plasma=40, errors=0), 1),
        (Relapse(), BloodTest(errors=0), 10),
        (Relapse(plasma_volume=0.275), BloodTest(errors=0), 1),
    ],
)
def test_ten_times_as_much_of_anything_buys_the_same_time(relapse, test, lesions):
    gained = lead_time(relapse, test, lesions) - lead_time(Relapse(), BloodTest(errors=0))
    assert gained == pytest.approx(103 * np.log2(10))


def test_a_tumour_that_sheds_little_is_found_by_the_scan():
    assert lead_time(Relapse(), BloodTest()) > 100
    assert lead_time(Relapse(shedding=0.1), BloodTest()) < 0
    assert lead_time(Relapse(shedding=0.1), BloodTest(), lesions=20) > 100
    assert lead_time(Relapse(shedding=0), BloodTest()) == -np.inf
    assert lead_time(Relapse(), BloodTest(errors=90)) == np.inf
    assert lead_time(Relapse(), BloodTest(), diameter=5) < lead_time(Relapse(), BloodTest())


def test_a_slow_tumour_gives_a_long_lead():
    leads = [lead_time(Relapse(doubling_time=each), BloodTest()) for each in (30, 103, 200)]
    assert np.all(np.diff(leads) > 0)
    np.testing.assert_allclose(np.array(leads) / leads[0], np.array([30, 103, 200]) / 30, rtol=0.01)


def test_cells_and_diameters_of_equal_lesions():
    assert cells_of(10) == pytest.approx(1e6 * np.pi / 6 * 1000)
    assert cells_of(10, 4) == pytest.approx(4 * cells_of(10))
    assert diameter_of(cells_of(7.3, 5), 5) == pytest.approx(7.3)
    assert diameter_of(np.inf) == np.inf
    np.testing.assert_allclose(diameter_of(cells_of([3.0, 9.0])), [3, 9])


@pytest.mark.parametrize(("day", "scan"), [(0, 180), (1, 180), (180, 180), (181, 360), (900, 900)])
def test_the_scan_is_the_next_of_a_row(day, scan):
    assert scan_day(day, 180) == scan
