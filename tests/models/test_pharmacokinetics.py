"""Two compartments by superposition, against published values, DOP853 and libroadrunner."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import model_oracles as oracles
from course_lib.models.pharmacokinetics import TwoCompartment, pembrolizumab

DOSES = 21.0 * np.arange(35)


def test_half_lives_against_published_values():
    alpha, beta = pembrolizumab(76.8).half_lives()
    assert round(beta, 1) == 25.8
    assert round(alpha, 2) == 1.50


def test_steady_state_against_published_values():
    state = pembrolizumab(76.8).steady_state(200, 21)
    assert round(state.trough, 1) == 29.5
    assert round(state.peak, 1) == 87.0
    assert round(state.auc) == 909


def test_first_dose_against_published_values():
    model = pembrolizumab(76.8)
    assert round(model.concentration(0, [0], 200), 1) == 57.5
    assert round(model.concentration(21, [0], 200), 1) == 12.7


def test_steady_state_is_what_repeated_doses_reach():
    model = pembrolizumab(60)
    late = 21.0 * np.arange(80)
    trough, peak, auc = model.steady_state(200, 21)
    assert model.concentration(late[-1], late, 200) == pytest.approx(peak, rel=1e-12)
    assert model.concentration(late[-1], late, 200, before=True) == pytest.approx(trough, rel=1e-12)
    fine = np.linspace(late[-2], late[-1], 200_001)
    curve = model.concentration(fine, late[:-1], 200)
    assert np.trapezoid(curve, fine) == pytest.approx(auc, rel=1e-8)


@pytest.mark.parametrize("weight", [40, 76.8, 140])
def test_concentration_against_dop853(weight):
    days = [1.0, 20.0, 21.0, 100.0, 357.0, 730.0]
    exact = oracles.by_scipy(days, weight=weight)[2]
    ours = pembrolizumab(weight).concentration(days, DOSES, 200, before=True)
    np.testing.assert_allclose(ours, exact, rtol=1e-8)


def test_concentration_against_libroadrunner():
    days = [1.0, 20.0, 100.0, 200.0, 360.0]
    exact = oracles.by_roadrunner(days, weight=55, dose=400, interval=42)[1]
    ours = pembrolizumab(55).concentration(days, 42.0 * np.arange(9), 400)
    np.testing.assert_allclose(ours, exact, rtol=1e-6)


def test_a_dose_jumps_by_dose_over_volume_and_before_tells_the_two_sides():
    model = pembrolizumab(76.8)
    after = model.concentration(DOSES, DOSES, 200)
    before = model.concentration(DOSES, DOSES, 200, before=True)
    np.testing.assert_allclose(after - before, 200 / 3.48, rtol=1e-12)
    assert before[0] == 0
    mixed = model.concentration([21, 21], DOSES, 200, before=[True, False])
    assert mixed == pytest.approx([before[1], after[1]], rel=1e-15)


def test_nothing_before_the_first_dose_and_nothing_without_doses():
    model = pembrolizumab(76.8)
    assert np.array_equal(model.concentration([-1, 4.9], [5], 200), [0, 0])
    assert np.array_equal(model.concentration([0, 9], [], []), [0, 0])
    assert model.concentration(1e6, [0], 200) == 0


def test_shapes_follow_times_and_patients():
    cohort = pembrolizumab(np.array([50.0, 76.8, 120.0]))
    assert pembrolizumab(70).concentration(3, [0], 200).shape == ()
    assert pembrolizumab(70).concentration([[1, 2]], [0], 200).shape == (1, 2)
    assert cohort.concentration([1, 2], [0], 200).shape == (2, 3)
    doses = np.array([[200, 100, 0], [200, 100, 0]])
    both = cohort.concentration([1, 30], [0, 21], doses)
    for i, weight in enumerate([50.0, 76.8, 120.0]):
        alone = pembrolizumab(weight).concentration([1, 30], [0, 21], doses[:, i])
        assert np.array_equal(both[:, i], alone)


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 400)), min_size=1, max_size=12),
    st.randoms(use_true_random=False),
)
def test_superposition_does_not_depend_on_the_order_of_doses(given_doses, random):
    shuffled = given_doses.copy()
    random.shuffle(shuffled)
    model, days = pembrolizumab(76.8), np.linspace(0, 250, 60)

    def course(doses):
        return model.concentration(days, [at for at, _ in doses], [mg for _, mg in doses])

    assert np.array_equal(course(given_doses), course(shuffled))
    single = sum(model.concentration(days, [at], [mg]) for at, mg in given_doses)
    np.testing.assert_allclose(course(given_doses), single, rtol=1e-12, atol=1e-12)


def test_doses_on_one_day_add_up_in_any_order_bit_for_bit():
    model, days = pembrolizumab(76.8), np.linspace(0, 60, 40)
    courses = [
        model.concentration(days, [5] * 4, doses) for doses in permutations([0.1, 0.7, 9, 133.3])
    ]
    assert all(np.array_equal(course, courses[0]) for course in courses)


def test_doses_scale_the_course():
    model, days = pembrolizumab(76.8), np.linspace(0, 100, 50)
    twice = model.concentration(days, DOSES, 400)
    np.testing.assert_allclose(twice, 2 * model.concentration(days, DOSES, 200), rtol=1e-13)


@settings(max_examples=60)
@given(*[st.floats(1e-2, 1e2)] * 4)
def test_exponentials_solve_the_equations(clearance, central, exchange, peripheral):
    model = TwoCompartment(clearance, central, exchange, peripheral)
    out, there, back = clearance / central, exchange / central, exchange / peripheral
    alpha, beta = model.rates()
    assert alpha > beta > 0
    assert alpha + beta == pytest.approx(out + there + back, rel=1e-9)
    assert alpha * beta == pytest.approx(out * back, rel=1e-9)
    assert sum(model.shares()) == pytest.approx(1 / central, rel=1e-9)
    slope = -alpha * model.shares()[0] - beta * model.shares()[1]
    assert slope == pytest.approx(-(out + there) / central, rel=1e-6)


@pytest.mark.parametrize("weight", [40.0, 60.0, 100.0, 140.0])
def test_weight_scaling_against_the_published_exponents(weight):
    expected = oracles.kinetics(weight)
    model = pembrolizumab(weight)
    ours = (
        model.clearance,
        model.central_volume,
        model.intercompartmental_clearance,
        model.peripheral_volume,
    )
    assert ours == pytest.approx(expected, rel=1e-12)


def test_the_reference_weight_is_used_when_none_is_given():
    assert pembrolizumab() == pembrolizumab(76.8)
    assert pembrolizumab().clearance == 0.22


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m: m.concentration([np.nan], [0], 200), "times and dose_times must be finite"),
        (lambda m: m.concentration([0], [np.inf], 200), "times and dose_times must be finite"),
        (lambda m: m.concentration([0], [0], -200), "doses must be finite and at least 0 mg"),
        (lambda m: m.concentration([0], [0], np.nan), "doses must be finite"),
        (lambda m: m.concentration([0], [0, 21], [200]), "2 dose_times and 1 doses"),
        (lambda m: m.steady_state(-1, 21), "dose must be between 0 and .* mg, you gave -1"),
        (lambda m: m.steady_state(200, 0), "interval must be between .* days, you gave 0"),
        (lambda m: pembrolizumab(-70), "weight must be between 20 and 300 kg, you gave -70"),
        (lambda m: pembrolizumab(np.nan), "weight must be .* you gave NaN"),
        (lambda m: TwoCompartment(0, 1, 1, 1), "clearance must be between"),
    ],
)
def test_impossible_values_are_refused_by_name(call, words):
    with pytest.raises(ValueError, match=words):
        call(pembrolizumab(76.8))
