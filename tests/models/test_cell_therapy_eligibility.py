"""Eligibility: Hardy–Weinberg against counting, published shares, products of steps, Wilson."""

import re
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from course_lib import evidence
from course_lib.models.cell_therapy_eligibility import (
    STEPS,
    car,
    carriers,
    interval,
    remaining,
    tcr,
    til,
)

pytestmark = pytest.mark.filterwarnings("error")
#: Frequencies of the allele groups A*02 and A*01 (OPTN donors), and carriers worked out by hand.
GROUPS = {
    "caucasian": (0.293, 0.157, 50),
    "hispanic": (0.278, 0.063, 48),
    "asian": (0.27, 0.032, 47),
    "african_american": (0.185, 0.055, 34),
}
NUMBERS = {
    "eligibility.tcr_antigen": 53,
    "eligibility.surface_antigen": 36,
    "eligibility.reactive_til": 67,
    "eligibility.robust_til": 46,
    "eligibility.engineered_product": 95,
    "eligibility.fit": 62,
    "eligibility.patients": 1000,
    "eligibility.goal": 200,
    "hla_a02.screened": 44.8,
    "til_breast.screened": 42,
    "til_breast.reactive": 28,
    "til_breast.robust": 13,
    "til_breast.eligible": 8,
    "til_breast.treated": 6,
    "til_breast.responses": 3,
}


@pytest.mark.parametrize("key", NUMBERS)
def test_a_number_of_the_registry_is_what_was_read(key):
    assert evidence.get(key).value == NUMBERS[key]


@pytest.mark.parametrize("group", GROUPS)
def test_carriers_of_the_four_groups(group):
    a02, a01, percent = GROUPS[group]
    assert evidence.get(f"hla_a02.{group}").value == a02
    assert evidence.get(f"hla_a01.{group}").value == a01
    assert round(100 * carriers(a02)) == percent


def test_carriers_against_the_share_counted_in_a_population():
    """Wales, 1,798 people, allelefrequencies.net: frequency of A*02 and A*01, and carriers."""
    for frequency, counted in ((0.302, 51.3), (0.211, 37.4)):
        assert 100 * carriers(frequency) == pytest.approx(counted, abs=0.5)


def test_the_screened_patients_lie_between_the_groups():
    """Patients of many origins: 44.8 % had an eligible A*02 type."""
    shares = [100 * carriers(a02) for a02, *_ in GROUPS.values()]
    assert min(shares) < evidence.get("hla_a02.screened").value < max(shares)


frequencies = st.lists(st.floats(0, 1 / 4), min_size=1, max_size=4)


@given(frequencies)
def test_carriers_against_counting_all_pairs_of_copies(several):
    alleles = [*several, 1 - sum(several)]  # the last one stands for all others
    counted = sum(
        one * other
        for (i, one), (j, other) in product(enumerate(alleles), repeat=2)
        if min(i, j) < len(several)
    )
    assert carriers(several) == pytest.approx(counted, abs=1e-12)


@given(frequencies)
def test_carriers_lie_between_the_frequency_and_its_double(several):
    together = sum(several)
    assert together - 1e-12 <= carriers(several) <= min(2 * together, 1) + 1e-12
    one_by_one = sum(carriers(each) for each in several)
    assert carriers(several) <= one_by_one + 1e-12


def test_limits_of_carriers():
    assert carriers(0) == carriers([0.0, 0.0]) == 0
    assert carriers(1) == carriers([0.5, 0.5]) == 1
    assert np.all(np.diff([carriers(each) for each in np.linspace(0, 1, 101)]) > 0)
    assert carriers(1e-6) == pytest.approx(2e-6, rel=1e-5)  # rare: two chances


# ---- the steps ----------------------------------------------------------------------------


def test_the_product_of_the_trials_shares_is_the_trial():
    left = remaining(42, [28 / 42, 13 / 28, 8 / 13, 6 / 8, 3 / 6])
    np.testing.assert_allclose(left, [42, 28, 13, 8, 6, 3])
    lab = remaining(1000, til(0.67, 0.46, 0.62))[-1]
    assert lab == pytest.approx(1000 * 8 / 42, rel=0.01)


def test_the_rounded_shares_are_those_of_the_trial():
    for key, (after, before) in {
        "eligibility.reactive_til": (28, 42),
        "eligibility.robust_til": (13, 28),
        "eligibility.fit": (8, 13),
    }.items():
        assert evidence.get(key).value == round(100 * after / before)


def test_each_kind_of_cell_passes_its_own_steps():
    assert len(STEPS) == len(car(1, 1, 1)) == len(tcr(1, 1, 1, 1)) == len(til(1, 1, 1))
    assert np.array_equal(car(0.36, 0.95, 0.62), [1, 0.36, 0.95, 0.62])
    np.testing.assert_allclose(tcr([0.2, 0.1], 0.5, 0.9, 0.6), [0.51, 0.5, 0.9, 0.6])
    assert np.array_equal(til(0.67, 0.46, 0.62), [1, 0.67, 0.46, 0.62])


def test_limits_of_the_steps():
    assert np.array_equal(remaining(1000, [1, 1]), [1000, 1000, 1000])
    assert np.array_equal(remaining(1000, [0.5, 0, 1]), [1000, 500, 0, 0])
    assert np.array_equal(remaining(0, 0.5), [0, 0])
    # An HLA type that everybody has excludes nobody: a TCR then does what a CAR does.
    assert np.array_equal(tcr(1, 0.36, 0.9, 0.6), car(0.36, 0.9, 0.6))


def test_no_order_of_the_steps_changes_the_end():
    shares = [0.67, 0.46, 0.62]
    assert remaining(1000, shares)[-1] == pytest.approx(remaining(1000, shares[::-1])[-1])


# ---- the interval -------------------------------------------------------------------------


@pytest.mark.parametrize(("successes", "number"), [(3, 6), (0, 6), (6, 6), (8, 42), (88, 104)])
def test_the_interval_against_scipy(successes, number):
    exact = binomtest(successes, number).proportion_ci(method="wilson")
    ours = interval(successes, number)
    assert ours.low == pytest.approx(exact.low, abs=1e-8)
    assert ours.high == pytest.approx(exact.high, abs=1e-8)


def test_the_interval_narrows_with_more_patients():
    widths = [np.diff(interval(n // 2, n))[0] for n in (2, 6, 20, 100, 10000)]
    assert np.all(np.diff(widths) < 0)


# ---- refusals -----------------------------------------------------------------------------

BAD = [np.nan, np.inf, -0.1, 1.1, True, "3", None]
CALLS = {
    "frequencies": carriers,
    "shares": lambda bad: remaining(10, bad),
    "patients": lambda bad: remaining(-1 if bad in (0, 1.1) else bad, [0.5]),
    "antigen": lambda bad: car(bad, 1, 1),
    "product": lambda bad: tcr(0.2, 1, bad, 1),
    "fit": lambda bad: til(1, 1, bad),
    "reactive": lambda bad: til(bad, 1, 1),
    "robust": lambda bad: til(1, bad, 1),
    "number": lambda bad: interval(0, bad),
    "successes": lambda bad: interval(bad, 6),
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("name", CALLS)
def test_an_impossible_value_is_refused_by_name(name, bad):
    with pytest.raises((ValueError, TypeError), match=f"{name} must be"):
        CALLS[name](bad)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: carriers([0.6, 0.5]), "the sum of the frequencies must be between 0 and 1"),
        (lambda: interval(7, 6), "successes must be a whole number between 0 and 6, you gave 7."),
        (lambda: interval(0, 0), "number must be a whole number between 1 and 1e+09"),
        (lambda: remaining(10, [0.5, 2]), "shares must be between 0 and 1, you gave 2 for"),
    ],
)
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
