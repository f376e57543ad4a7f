"""Binding in closed form, against published values, limits and the law of mass action."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib import evidence
from course_lib.models import binding

amounts = st.floats(0, 1e6)
constants = st.floats(1e-6, 1e6)


@pytest.mark.parametrize(("kd", "percent"), [(0.029, 99.1), (3.0, 52.8)])
def test_occupancy_at_half_a_microgram_against_published_percentages(kd, percent):
    molecules = binding.micrograms_per_ml_to_nanomolar(0.5, 149)
    assert round(100 * binding.occupancy(molecules, kd), 1) == percent


def test_one_microgram_per_ml_is_6_71_nanomolar():
    molar_mass = evidence.get("pembrolizumab.molar_mass").value
    assert round(binding.micrograms_per_ml_to_nanomolar(1, molar_mass), 2) == 6.71


@given(amounts, constants)
def test_a_unit_changes_the_number_and_not_the_amount(amount, mass):
    there = binding.micrograms_per_ml_to_nanomolar(amount, mass)
    assert there * mass == pytest.approx(1000 * amount, rel=1e-12)


def test_occupancy_limits():
    assert binding.occupancy(0, 3) == 0
    assert binding.occupancy(3, 3) == 0.5
    assert binding.occupancy(3e20, 3) == 1
    assert binding.occupancy([0, 3], [[3], [9]]).shape == (2, 2)


@given(amounts, constants, amounts, constants)
def test_competition_obeys_the_law_of_mass_action(first, kd_first, second, kd_second):
    shares = binding.competition(first, kd_first, second, kd_second)
    assert sum(shares) == pytest.approx(1, rel=1e-12)
    assert shares.first * kd_first == pytest.approx(shares.free * first, rel=1e-12)
    assert shares.second * kd_second == pytest.approx(shares.free * second, rel=1e-12)


def test_competition_without_a_rival_is_occupancy():
    alone = binding.competition(2.0, 3.0, 0.0, 1.0)
    assert alone.first == pytest.approx(binding.occupancy(2.0, 3.0), rel=1e-15)
    assert alone.second == 0


def test_ctla4_outcompetes_cd28_by_the_ratio_of_their_constants():
    cd28, ctla4, _ = binding.competition(1.0, 4.0, 1.0, 0.42)
    assert ctla4 / cd28 == pytest.approx(4.0 / 0.42, rel=1e-12)


@given(st.lists(amounts, min_size=2, max_size=5, unique=True), constants)
def test_a_rival_only_ever_displaces(rivals, kd):
    first = binding.competition(1.0, 1.0, np.sort(rivals), kd).first
    assert np.all(np.diff(first) <= 0)


@given(amounts, amounts, constants)
def test_complexes_obey_the_law_of_mass_action(first, second, constant):
    pairs = binding.complexes(first, second, constant)
    assert pairs == binding.complexes(second, first, constant)
    assert 0 <= pairs <= min(first, second)
    # The residue of the law, weighed against its largest term.
    residue = constant * pairs - (first - pairs) * (second - pairs)
    largest = max(constant * pairs, first * second, 1e-300)
    assert abs(residue) <= 1e-12 * largest


@given(amounts, amounts)
def test_complexes_in_the_limits(first, second):
    assert binding.complexes(first, second, 0) == pytest.approx(min(first, second))
    assert binding.complexes(first, second, np.inf) == 0
    # Few of one partner beside plenty of the other: binding does not use the plenty up.
    few = 1e-9 * second
    assert binding.complexes(few, second, 2.0) == pytest.approx(
        few * binding.occupancy(second, 2.0), rel=1e-6
    )


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: binding.occupancy(-1, 3), "concentration must be a finite number at least 0"),
        (lambda: binding.occupancy(np.nan, 3), "concentration must be a finite number at least 0"),
        (
            lambda: binding.occupancy([1, np.inf], 3),
            "concentration must be a finite number at least 0",
        ),
        (lambda: binding.occupancy(1, 0), "kd must be a finite number above 0, you gave 0"),
        (lambda: binding.competition(1, 1, -2, 1), "second must be a finite number at least 0"),
        (lambda: binding.competition(1, 1, 2, np.nan), "kd_second must be a finite number above 0"),
        (lambda: binding.complexes(-1, 2, 3), "first must be a finite number at least 0"),
        (lambda: binding.complexes(1, np.inf, 3), "second must be a finite number at least 0"),
        (lambda: binding.complexes(1, 2, -3), "constant must be at least 0, you gave -3"),
        (lambda: binding.complexes(1, 2, np.nan), "constant must be at least 0, you gave nan"),
        (
            lambda: binding.micrograms_per_ml_to_nanomolar(1, 0),
            "molar_mass_kda must be a finite number above 0",
        ),
        (
            lambda: binding.micrograms_per_ml_to_nanomolar(-1, 9),
            "concentration must be a finite number at least 0",
        ),
    ],
)
def test_impossible_values_are_refused_by_name(call, words):
    with pytest.raises(ValueError, match=words):
        call()
