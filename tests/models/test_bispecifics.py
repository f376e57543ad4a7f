"""Bridges at equilibrium, against Douglass' closed form, scipy, libroadrunner and BioModels."""

import antimony
import numpy as np
import pytest
import roadrunner
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import fsolve, minimize_scalar

from course_lib import evidence
from course_lib.models.bispecifics import best, ternary

pytestmark = pytest.mark.filterwarnings("error")

ASSUMED = {
    "bispecifics.antibody": 1,
    "bispecifics.target": 10,
    "bispecifics.effector": 10,
    "bispecifics.kd_target": 1,
    "bispecifics.kd_effector": 10,
    "bispecifics.cooperativity": 1,
}
RANDOM = np.random.default_rng(20261121)
#: target, effector, kd_target, kd_effector over four decades
CASES = 10 ** RANDOM.uniform(-2, 2, (300, 4))
powers = st.floats(-3, 3).map(lambda power: 10**power)


def closed_form(target, antibody, effector, kd_target, kd_effector):
    """Douglass 2013 without cooperativity: each side binds as if alone."""

    def bound(total, kd):
        half = (total + antibody + kd) / 2
        return total * antibody / (half + np.sqrt(half**2 - total * antibody))

    return bound(target, kd_target) * bound(effector, kd_effector) / antibody


@pytest.mark.parametrize("key", ASSUMED)
def test_a_number_of_the_registry_is_what_was_decided(key):
    assert evidence.get(key).value == ASSUMED[key]


def test_bridges_against_the_closed_form():
    target, effector, kd_target, kd_effector = CASES.T
    for antibody in (1e-3, 0.1, 1, 30, 1e4):
        ours = ternary(target, antibody, effector, kd_target, kd_effector).bridges
        expected = closed_form(target, antibody, effector, kd_target, kd_effector)
        np.testing.assert_allclose(ours, expected, rtol=1e-9)


@given(powers, powers, powers, powers, powers, powers)
def test_mass_action_and_mass_balance(target, antibody, effector, kd_a, kd_c, alpha):
    now = ternary(target, antibody, effector, kd_a, kd_c, alpha)
    assert min(now) >= 0
    assert now.bridges + now.on_target + now.free_target == pytest.approx(target, rel=1e-10)
    assert now.bridges + now.on_effector + now.free_effector == pytest.approx(effector, rel=1e-10)
    carried = now.free_antibody + now.on_target + now.on_effector + now.bridges
    assert carried == pytest.approx(antibody, rel=1e-9)
    loose = {"rel": 1e-6, "abs": 1e-13}
    assert now.on_target * kd_a == pytest.approx(now.free_target * now.free_antibody, **loose)
    assert now.on_effector * kd_c == pytest.approx(now.free_effector * now.free_antibody, **loose)
    thrice = alpha * now.on_target * now.free_effector
    assert now.bridges * kd_c == pytest.approx(thrice, rel=1e-5, abs=1e-11)


@pytest.mark.parametrize("alpha", [0.1, 1, 20, 1000])
def test_with_cooperativity_against_scipy(alpha):
    """The three balances, solved for the logarithms of the three free partners."""
    for target, effector, kd_target, kd_effector in CASES[:25]:
        antibody = 3 * effector

        def missing(logs, case=(target, effector, kd_target, kd_effector, antibody)):
            a, b, c = np.exp(logs)
            a_total, c_total, kd_a, kd_c, b_total = case
            pair_a, pair_c = a * b / kd_a, b * c / kd_c
            three = alpha * a * b * c / (kd_a * kd_c)
            return (
                (a + pair_a + three) / a_total - 1,
                (b + pair_a + pair_c + three) / b_total - 1,
                (c + pair_c + three) / c_total - 1,
            )

        ours = ternary(target, antibody, effector, kd_target, kd_effector, alpha)
        guess = np.log([target, antibody, effector]) - 1
        logs, _, solved, _ = fsolve(missing, guess, xtol=1e-13, full_output=True)
        if solved != 1:  # start where the answer should be, then it must stay there
            start = np.log([ours.free_target, ours.free_antibody, ours.free_effector])
            logs = fsolve(missing, start + 0.1, xtol=1e-13)
        a, b, c = np.exp(logs)
        assert max(np.abs(missing(logs))) < 1e-9
        assert ours.free_antibody == pytest.approx(b, rel=1e-6)
        three = alpha * a * b * c / (kd_target * kd_effector)
        assert ours.bridges == pytest.approx(three, rel=1e-6)


@pytest.mark.parametrize("alpha", [0.2, 1, 50])
def test_with_cooperativity_against_the_steady_state_of_libroadrunner(alpha):
    antimony.clearPreviousLoads()
    text = f"""
    J1: A + B -> AB; A*B - 2*AB;
    J2: B + C -> BC; B*C - 5*BC;
    J3: AB + C -> ABC; AB*C - {5 / alpha}*ABC;
    J4: A + BC -> ABC; A*BC - {2 / alpha}*ABC;
    A = 3; B = 8; C = 10; AB = 0; BC = 0; ABC = 0;
    """
    assert antimony.loadAntimonyString(text) >= 0, antimony.getLastError()
    model = roadrunner.RoadRunner(antimony.getSBMLString())
    model.integrator.relative_tolerance = 1e-12
    model.integrator.absolute_tolerance = 1e-14
    names = ["[ABC]", "[AB]", "[BC]", "[A]", "[B]", "[C]"]
    end = model.simulate(0, 1e4, 2, names)[-1]
    np.testing.assert_allclose(ternary(3, 8, 10, 2, 5, alpha), end, rtol=1e-8)


def test_biomodels_788_without_turnover():
    """Schropp 2019, BIOMD0000000788: its binding reactions alone, run to their steady state.

    Run once with libroadrunner 2.10.0 on the SBML, every rate of synthesis, loss and
    distribution set to 0. C 50, R_A 10, R_B 100; kon 10 and 1, koff 0.01, so Kd 0.001 and 0.01.
    """
    reference = {
        "bridges": 9.997750857310407,
        "on_target": 0.0019991505011979264,
        "on_effector": 39.992253140292064,
        "free_target": 0.00024999218779293294,
        "free_antibody": 0.007996851897043323,
        "free_effector": 50.009996002399895,
    }
    ours = ternary(10, 50, 100, 0.01 / 10, 0.01 / 1)._asdict()
    for name, value in reference.items():
        assert ours[name] == pytest.approx(value, rel=1e-9), name


# ---- the maximum ------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [1, 0.1, 100])
def test_position_and_height_of_the_maximum_on_300_random_cases(alpha):
    for case in CASES:
        target, effector, kd_target, kd_effector = case
        found = best(*case, alpha)

        def less(log, case=(target, effector, kd_target, kd_effector)):
            a, c, kd_a, kd_c = case
            return -float(ternary(a, np.exp(log), c, kd_a, kd_c, alpha).bridges)

        middle = np.log(found.antibody)
        bounds = (middle - 1, middle + 1)
        if case is CASES[0] or RANDOM.random() < 0.2:  # the search is the slow part
            top = minimize_scalar(less, bounds=bounds, method="bounded", options={"xatol": 1e-9})
            assert -top.fun == pytest.approx(found.bridges, rel=1e-8)
            assert top.x == pytest.approx(middle, abs=2e-3)
        assert -less(middle) == pytest.approx(found.bridges, rel=1e-9)
        for away in (-0.3, 0.3):
            assert -less(middle + away) < found.bridges


def test_the_popular_form_of_the_position_holds_only_if_two_are_equal():
    def popular(target, effector, kd_target, kd_effector):
        return np.sqrt(kd_target * kd_effector) + (target + effector) / 2

    for case in ((5, 5, 0.1, 30), (1, 40, 3, 3)):
        assert best(*case).antibody == pytest.approx(popular(*case), rel=1e-12)
    assert best(1, 40, 0.1, 30).antibody < 0.7 * popular(1, 40, 0.1, 30)


def test_cooperativity_raises_the_maximum_and_does_not_move_it():
    levels = np.logspace(-2, 4, 50)
    top = best(3, 20, 2, 30, levels)
    assert np.all(np.diff(top.bridges) > 0)
    assert len(set(top.antibody)) == 1


def test_limits():
    nothing = ternary(10, 0, 20, 1, 1)
    assert nothing == (0, 0, 0, 10, 0, 20)
    for target, effector in ((0, 10), (10, 0), (0, 0)):
        assert ternary(target, 5, effector, 1, 2).bridges == 0
        assert best(target, effector, 1, 2).bridges == 0
    # One side alone is ordinary binding.
    alone = ternary(4, 9, 0, 2, 1)
    assert alone.on_target * 2 == pytest.approx(alone.free_target * alone.free_antibody, rel=1e-12)
    # Far too much antibody: everybody has one of their own.
    hook = ternary(10, 1e9, 20, 1, 1)
    assert hook.bridges < 1e-6
    assert (hook.on_target, hook.on_effector) == (pytest.approx(10), pytest.approx(20))
    # Grips without end: every pair that can form, forms.
    assert best(10, 20, 1e-9, 1e-9).bridges == pytest.approx(10, rel=1e-8)
    assert ternary(10, [1, 2], [[3], [4]], 1, 1).bridges.shape == (2, 2)


def test_directions():
    ladder = np.logspace(-2, 3, 40)
    assert np.all(np.diff(ternary(ladder, 5, 10, 1, 10).bridges) > 0)
    assert np.all(np.diff(ternary(10, 5, ladder, 1, 10).bridges) > 0)
    assert np.all(np.diff(ternary(10, 5, 10, 1, 10, ladder).bridges) > 0)
    assert np.all(np.diff(best(10, 10, ladder, 10).bridges) < 0)
    assert np.all(np.diff(best(10, 10, 1, ladder).bridges) < 0)
    assert np.all(np.diff(best(ladder, 10, 1, 10).antibody) > 0)
    assert np.all(np.diff(best(10, ladder, 1, 10).antibody) > 0)
    assert np.all(np.diff(best(10, 10, ladder, 10).antibody) > 0)
    top = best(10, 10, 1, 10).antibody
    curve = ternary(10, top * np.logspace(-3, 3, 41), 10, 1, 10).bridges
    assert np.all(np.diff(curve[:21]) > 0)
    assert np.all(np.diff(curve[20:]) < 0)


# ---- refusals -----------------------------------------------------------------------------

GOOD = {"target": 1, "antibody": 1, "effector": 1, "kd_target": 1, "kd_effector": 1}


@pytest.mark.parametrize("bad", [-1, np.nan, np.inf, "3", True, None, [1, -2]])
@pytest.mark.parametrize("name", [*GOOD, "cooperativity"])
def test_an_impossible_value_is_refused_by_name(name, bad):
    with pytest.raises(ValueError, match=f"{name} must be a finite number"):
        ternary(**{**GOOD, name: bad})
    if name != "antibody":
        rest = {key: value for key, value in GOOD.items() if key != "antibody"}
        with pytest.raises(ValueError, match=f"{name} must be a finite number"):
            best(**{**rest, name: bad})


@pytest.mark.parametrize("name", ["kd_target", "kd_effector", "cooperativity"])
def test_a_constant_of_zero_is_refused(name):
    with pytest.raises(ValueError, match=f"{name} must be a finite number above 0"):
        ternary(**{**GOOD, name: 0})


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="shape"):
        ternary(**{**GOOD, "target": [1, 2], "antibody": [1, 2, 3]})
