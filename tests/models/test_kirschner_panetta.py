"""Kirschner and Panetta 1998: BioModels by libroadrunner, DOP853, and their published regimes."""

import dataclasses

import antimony
import numpy as np
import pytest
import roadrunner
from scipy.integrate import solve_ivp
from scipy.optimize import root

from course_lib import evidence
from course_lib.models.kirschner_panetta import KirschnerPanetta, equilibria, simulate

pytestmark = pytest.mark.filterwarnings("error")

#: The values of BioModels BIOMD0000000732, and of the lab.
PUBLISHED = {
    "antigenicity": 0.035,
    "effector_death": 0.03,
    "stimulation": 0.1245,
    "half_stimulation": 2e7,
    "growth": 0.18,
    "crowding": 1e-9,
    "killing": 1,
    "half_killing": 1e5,
    "il2_loss": 10,
    "il2_production": 5,
    "half_production": 1e3,
    "effector_inflow": 0,
    "il2_inflow": 0,
}
LAB = {
    "antigenicity": 5,
    "effector_inflow": 0,
    "il2_inflow": 0,
    "tumour": 1,
    "effectors": 1,
    "days": 1000,
    "goal_tumour": 50000,
    "goal_antigenicity": 2000,
}
#: The inflow of IL-2 above which effector cells grow without end, units/day: where stimulation
#: at the IL-2 of rest equals death, mu2 mu3 g1 / (p1 - mu2).
MOST_IL2 = 0.03 * 10 * 2e7 / (0.1245 - 0.03)
#: The reactions of BIOMD0000000732, with its own names; %s is the saturation by IL-2.
BIOMODELS = """
Growth: -> T; r2*(1 - b*T)*T;
Killing: T -> ; a*E*T/(g2 + T);
Activation: -> E; s1 + c*T + p1*E*%s;
Use: E -> ; mu2*E;
Synthesis: -> I; s2 + p2*E*T/(g3 + T);
Degradation: I -> ; mu3*I;
T = 1; E = 1; I = 1;
c = 0.035; mu2 = 0.03; p1 = 0.1245; g1 = 2e7; r2 = 0.18; b = 1e-9; a = 1; g2 = 1e5;
mu3 = 10; p2 = 5; g3 = 1e3; s1 = 0; s2 = 0;
"""
PAPER, FILE = "I/(g1 + I)", "I/g1"
NAMES = {"antigenicity": "c", "effector_inflow": "s1", "il2_inflow": "s2"}


def by_roadrunner(times, saturation=PAPER, **changes):
    """Return E and T at ``times``, (2, times)."""
    antimony.clearPreviousLoads()
    assert antimony.loadAntimonyString(BIOMODELS % saturation) >= 0, antimony.getLastError()
    runner = roadrunner.RoadRunner(antimony.getSBMLString())
    for name, value in changes.items():
        runner[NAMES[name]] = value
    runner.integrator.relative_tolerance = 1e-10
    runner.integrator.absolute_tolerance = 1e-10
    runner.timeCourseSelections = ["E", "T"]
    return np.array(runner.simulate(times=list(times))).T


def by_scipy(times, effectors=1.0, tumour=1.0, **changes):
    """Return ln E, ln T and I at ``times`` by DOP853, all three equations, (3, times)."""
    p = PUBLISHED | changes

    def rhs(_, y):
        e, t, i = np.exp(y[0]), np.exp(y[1]), y[2]
        stimulated = p["stimulation"] * i / (p["half_stimulation"] + i)
        return [
            (p["antigenicity"] * t + p["effector_inflow"]) / e - p["effector_death"] + stimulated,
            p["growth"] * (1 - p["crowding"] * t) - p["killing"] * e / (p["half_killing"] + t),
            p["il2_production"] * e * t / (p["half_production"] + t)
            - p["il2_loss"] * i
            + p["il2_inflow"],
        ]

    start = [np.log(effectors), np.log(tumour), p["il2_inflow"] / p["il2_loss"]]
    span = (0, times[-1])
    return solve_ivp(rhs, span, start, "DOP853", times, rtol=1e-8, atol=1e-8).y


def until_below_one(course):
    """Return how many points lie before the first fall below one cell."""
    below = np.flatnonzero(course.log_tumour < 0)
    return below[0] if below.size else course.times.size


# ---- the numbers --------------------------------------------------------------------------


def test_the_defaults_are_the_published_values():
    assert dataclasses.asdict(KirschnerPanetta()) == PUBLISHED
    for name, value in PUBLISHED.items():
        assert evidence.get(f"kirschner_panetta.{name}").value == value


@pytest.mark.parametrize("name", LAB)
def test_a_number_of_the_lab_is_what_was_decided(name):
    assert evidence.get(f"kirschner_panetta_lab.{name}").value == LAB[name]


# ---- two other solvers --------------------------------------------------------------------

CASES = [
    {},
    {"antigenicity": 5e-5},
    {"antigenicity": 0.025},
    {"antigenicity": 0.02, "effector_inflow": 300},
    {"antigenicity": 0.035, "il2_inflow": 1e7},
    {"antigenicity": 0.01, "effector_inflow": 480},
]


@pytest.mark.parametrize("changes", CASES)
def test_against_biomodels_with_the_missing_term(changes):
    course = simulate(KirschnerPanetta(**changes), days=700)
    n = until_below_one(course)
    effectors, tumour = by_roadrunner(course.times[:n], **changes)
    np.testing.assert_allclose(course.log_tumour[:n], np.log(tumour), atol=5e-3)
    np.testing.assert_allclose(np.log(course.effectors[:n]), np.log(effectors), atol=5e-3)


def test_the_file_of_biomodels_leaves_a_term_out_and_it_matters():
    """Without "+ I" stimulation has no upper end: effector cells grow without end, too soon."""
    changes = {"effector_inflow": 100, "il2_inflow": 5.5e7}
    assert MOST_IL2 > 5.5e7
    times = np.linspace(0, 300, 301)
    right, wrong = (by_roadrunner(times, form, **changes)[0, -1] for form in (PAPER, FILE))
    course = simulate(KirschnerPanetta(**changes), days=300)
    assert course.effectors[-1] == pytest.approx(right, rel=5e-3)
    assert wrong > 1.5 * right


def test_against_dop853_at_random_settings():
    """All three equations: no value comes more than five minutes early or late.

    Where a tumour collapses, its logarithm falls by a thousand a day: time is the fair measure.
    """
    rng = np.random.default_rng(20261121)
    errors = []
    for _ in range(30):
        changes = {
            "antigenicity": 10 ** rng.uniform(-5, np.log10(0.05)),
            "effector_inflow": rng.choice([0, rng.uniform(0, 1000)]),
            "il2_inflow": rng.choice([0, rng.uniform(0, 6e7)]),
        }
        start = 10 ** rng.uniform(0, 6, 2)
        course = simulate(KirschnerPanetta(**changes), *start, days=500)
        n = until_below_one(course)
        if n > 10:
            _, log_tumour, _ = by_scipy(course.times[:n], *start, **changes)
            speed = np.abs(np.gradient(log_tumour, course.times[:n]))
            apart = np.abs(log_tumour - course.log_tumour[:n])
            errors.append((apart / np.maximum(speed, 1)).max())
    assert len(errors) > 25
    assert max(errors) < 5 / 1440


def test_through_a_part_of_a_cell_the_course_is_still_right():
    """The swings at c = 0.02 as the equations have them: the logarithm loses nothing."""
    course = simulate(KirschnerPanetta(antigenicity=0.02), days=600)
    _, log_tumour, _ = by_scipy(course.times, antigenicity=0.02)
    assert course.log_tumour.min() < -9
    np.testing.assert_allclose(course.log_tumour, log_tumour, atol=0.02)


# ---- what the paper and the course's plan report -------------------------------------------


def test_three_regimes_of_antigenicity():
    large, swings, small = (
        simulate(KirschnerPanetta(antigenicity=c), days=5000) for c in (5e-5, 0.02, 0.035)
    )
    assert large.tumour[-1] == pytest.approx(9.9e8, rel=5e-3)
    assert swings.tumour.max() == pytest.approx(3.8e5, rel=0.02)
    assert swings.log_tumour.min() < 0
    assert swings.below_one_on == pytest.approx(115, abs=1)
    late = small.tumour[small.times > 4500]
    assert 1.7e4 < late.min() < late.max() < 2e4
    assert np.isnan(small.below_one_on)


@pytest.mark.parametrize(
    ("low", "high", "stable"), [(8.5e-5, 8.6e-5, (True, False)), (0.032, 0.033, (False, True))]
)
def test_where_the_regimes_change(low, high, stable):
    """A stable tumour vanishes in a fold near c = 8.55e-5, and comes back in a Hopf bifurcation."""
    for c, expected in zip((low, high), stable, strict=True):
        found = equilibria(KirschnerPanetta(antigenicity=c))
        assert any(each.stable and each.tumour > 0 for each in found) == expected


def test_the_state_without_a_tumour_is_stable_above_540_cells_a_day():
    assert KirschnerPanetta().least_inflow() == pytest.approx(540, rel=1e-12)
    for inflow, stable in ((535, False), (545, True)):
        first = equilibria(KirschnerPanetta(effector_inflow=inflow))[0]
        assert first.tumour == 0
        assert first.stable == stable
        k = KirschnerPanetta(effector_inflow=inflow)
        course = simulate(k, first.effectors, 1.0, days=300)
        assert (course.log_tumour[-1] < 0) == stable


@pytest.mark.parametrize("million", [0, 10, 40, 60])
def test_with_il2_less_inflow_is_enough(million):
    k = KirschnerPanetta(il2_inflow=million * 1e6)
    il2 = million * 1e6 / 10
    expected = 18000 * (0.03 - 0.1245 * il2 / (2e7 + il2))
    assert k.least_inflow() == pytest.approx(expected)
    judged = [
        equilibria(KirschnerPanetta(il2_inflow=million * 1e6, effector_inflow=s))[0].stable
        for s in (0.98 * expected, 1.02 * expected)
    ]
    assert judged == [False, True]


def test_beyond_a_dose_of_il2_effector_cells_grow_without_end():
    for factor, finite in ((0.99, True), (1.01, False)):
        k = KirschnerPanetta(il2_inflow=factor * MOST_IL2, effector_inflow=1)
        assert np.isfinite(k.without_tumour()) == finite
        assert any(each.tumour == 0 for each in equilibria(k)) == finite
    assert KirschnerPanetta(il2_inflow=1.01 * MOST_IL2).least_inflow() == 0
    grown = simulate(KirschnerPanetta(il2_inflow=1e12, effector_inflow=1), days=2000)
    assert grown.effectors[-1] == pytest.approx(np.exp(32))


# ---- equilibria ---------------------------------------------------------------------------


def some_settings(number=60):
    rng = np.random.default_rng(7)
    for _ in range(number):
        yield KirschnerPanetta(
            antigenicity=10 ** rng.uniform(-5, np.log10(0.05)),
            effector_inflow=rng.choice([0, rng.uniform(0, 1000)]),
            il2_inflow=rng.choice([0, rng.uniform(0, 6e7)]),
        )


def test_at_an_equilibrium_nothing_changes_and_its_kind_is_that_of_differences():
    for k in some_settings():
        for each in equilibria(k):
            values = np.array([each.effectors, each.tumour, each.il2])
            rates = np.array(k.rates_of_change(*values))
            turnover = np.array([0.03, 0.18, 10]) * values + 1
            assert np.all(np.abs(rates) < 1e-6 * turnover)
            steps = 1e-5 * values + 1e-4
            jacobian = [
                (np.array(k.rates_of_change(*(values + shift))) - rates) / step
                for shift, step in zip(np.diag(steps), steps, strict=True)
            ]
            expected = np.linalg.eigvals(np.transpose(jacobian)).real.max()
            if abs(expected) > 1e-3:
                assert each.stable == (expected < 0)


def test_no_equilibrium_is_missed():
    """scipy from many starts finds none that is not in the list."""
    for k in some_settings(12):
        known = [each.tumour for each in equilibria(k)]
        for start in np.geomspace(2, 9e8, 12):

            def unchanged(logs, k=k):
                e, t = np.exp(np.clip(logs, -50, 50))
                rates = k.rates_of_change(e, t, k.il2(e, t))
                return [rates[0] / e, rates[1] / t]

            guess = [np.log(0.18 * (1e5 + start)), np.log(start)]
            done = root(unchanged, guess, tol=1e-12)
            if done.success and np.abs(unchanged(done.x)).max() < 1e-12 and done.x[1] > 0:
                assert np.exp(done.x[1]) == pytest.approx(
                    min(known, key=lambda t, x=done.x: abs(t - np.exp(x[1]))), rel=1e-3
                )


# ---- limits and directions ----------------------------------------------------------------


def test_without_effector_cells_the_tumour_grows_logistically():
    course = simulate(KirschnerPanetta(antigenicity=0, killing=1e-6), 1, 1e4, days=120)
    expected = 1e9 / (1 + (1e9 / 1e4 - 1) * np.exp(-0.18 * course.times))
    np.testing.assert_allclose(course.tumour, expected, rtol=1e-5)


def test_without_a_call_or_inflow_effector_cells_die_at_their_rate():
    k = KirschnerPanetta(antigenicity=0, stimulation=0)
    course = simulate(k, 1e4, 1, days=100)
    np.testing.assert_allclose(course.effectors, 1e4 * np.exp(-0.03 * course.times), rtol=1e-9)


#: Where the tumour settles, by parameter: up, down, or not at all.
DIRECTIONS = {
    "antigenicity": ("down", 0.033, 1),
    "effector_death": ("up", 0.01, 0.0315),
    "stimulation": ("down", 0.06, 0.128),
    "half_stimulation": ("up", 1.9e7, 1e12),
    "growth": ("up", 1e-4, 0.185),
    "killing": ("down", 0.97, 1000),
    "half_killing": ("up", 1e3, 1.03e5),
    "il2_production": ("down", 0, 5.2),
    "il2_loss": ("up", 9.7, 1000),
    "half_production": ("up", 1, 4e3),
    "effector_inflow": ("down", 0, 530),
}


@pytest.mark.parametrize("name", DIRECTIONS)
def test_direction_of_the_small_tumour(name):
    """Over the range in which the small tumour stays where the model settles."""
    way, low, high = DIRECTIONS[name]
    found = []
    for value in np.linspace(low, high, 15):
        points = equilibria(KirschnerPanetta(**{name: value}))
        found.append(next(each.tumour for each in points if each.tumour > 0))
    steps = np.diff(found)
    assert np.all(steps > 0) if way == "up" else np.all(steps < 0)


def test_crowding_and_il2_given_set_the_large_and_the_small_tumour():
    large = [
        equilibria(KirschnerPanetta(antigenicity=1e-6, crowding=b))[-1].tumour
        for b in np.geomspace(5e-10, 1e-8, 9)
    ]
    assert np.all(np.diff(large) < 0)
    small = [
        next(e.tumour for e in equilibria(KirschnerPanetta(il2_inflow=s)) if e.tumour > 0)
        for s in np.linspace(0, 6e7, 9)
    ]
    assert np.all(np.diff(small) < 0)


# ---- refusals -----------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [0, -1, np.nan, np.inf, "3", True, None, [1, 2]])
@pytest.mark.parametrize("name", ["effectors", "tumour", "days"])
def test_an_impossible_start_is_refused_by_name(name, bad):
    with pytest.raises((ValueError, TypeError), match=f"{name} must be one number"):
        simulate(KirschnerPanetta(), **{name: bad})


@pytest.mark.parametrize("wrong", [None, {}, "c"])
def test_only_a_model_is_accepted(wrong):
    for function in (simulate, equilibria):
        with pytest.raises(TypeError, match="parameters must be a KirschnerPanetta"):
            function(wrong)
