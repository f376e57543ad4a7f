"""Chemotherapy's closed form, against DOP853, its limits and its plan of doses."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

import model_oracles as oracles
from course_lib.models.chemotherapy import Chemotherapy
from course_lib.models.patient import Patient, simulate

PLANS = {
    "typical": {},
    "weekly without a pause": {"cycle": 21, "doses_per_cycle": 3, "number_of_cycles": 4},
    "slow to fade": {"effect_half_life": 30, "kill_rate": 0.02, "cycle": 14, "doses_per_cycle": 1},
    "quick to fade": {"effect_half_life": 0.1, "doses_per_cycle": 12, "days_between_doses": 1},
    "one cycle": {"number_of_cycles": 1, "kill_rate": 0.5, "effect_half_life": 7},
}


def exposure_by_scipy(days, **changes):
    """Return K on ``days``: an effect that fades, and the integral of its kill rate."""
    p = oracles.TYPICAL | changes
    fading = np.log(2) / p["effect_half_life"]
    doses = oracles.chemotherapy_days(p)
    y, at = np.zeros(2), {}
    for i, now in enumerate(marks := sorted({0.0, *doses, *days})):
        if i:
            span = (marks[i - 1], now)
            rates = {"method": "DOP853", "rtol": 1e-11, "atol": 1e-13}
            y = solve_ivp(lambda t, y: [-fading * y[0], p["kill_rate"] * y[0]], span, y, **rates).y[
                :, -1
            ]
        at[now] = y[1]
        if now in doses:
            y[0] += fading * p["cycle"] / p["doses_per_cycle"]
        if now >= days[-1]:
            break
    return np.array([at[day] for day in days])


@pytest.mark.parametrize("plan", PLANS)
def test_exposure_against_dop853(plan):
    days = [0.0, 0.5, 7.0, 8.25, 27.9, 28.0, 100.0, 183.4]
    exposure = Chemotherapy(**PLANS[plan]).exposure(days)
    np.testing.assert_allclose(exposure, exposure_by_scipy(days, **PLANS[plan]), rtol=1e-9)


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("resistant", [0.001, 0.415, 0.9])
def test_kill_against_two_kinds_of_cells_by_dop853(plan, resistant):
    """Without T cells and hardly any growth, sensitive and resistant cells are on their own."""
    days = [28.0, 50.0, 182.0]
    changes = {"infiltration": 0, "resistant_fraction": resistant, "dose": 0, **PLANS[plan]}
    start, *later = oracles.by_scipy([0.0, *days], True, **changes)[0]
    expected = start + np.log(2) / 103 * np.array(days) - later
    stages = np.tile(np.array(days)[:, None], 3)
    patient = Patient(resistant_fraction=resistant)
    effects = Chemotherapy(**PLANS[plan]).effects(stages, np.array([np.inf]), patient)
    np.testing.assert_allclose(effects.log_kill_high[:, 0, 0], expected, rtol=1e-7)
    assert effects.log_kill_low is effects.log_kill_high
    assert effects.free_pd1 == 1


def kill(drug, days, resistant, stop=np.inf):
    """Return G on ``days``, (days, patients)."""
    patient = Patient(resistant_fraction=resistant)
    stages = np.tile(np.asarray(days, dtype=float)[:, None], 3)
    return drug.effects(stages, np.atleast_1d(stop), patient).log_kill_high[:, 2]


def test_a_tumour_that_is_all_resistant_feels_nothing():
    days = np.linspace(0, 500, 300)
    assert not kill(Chemotherapy(kill_rate=1), days, 1).any()
    course = simulate(Patient(resistant_fraction=1, infiltration=3), [Chemotherapy()], 357)
    nothing = simulate(Patient(infiltration=3), days=357)
    once = np.flatnonzero(np.diff(course.times, prepend=-1) > 0)
    assert np.array_equal(course.size[once], nothing.size)


def test_without_resistance_the_log_kill_is_the_exposure_however_large():
    drug, days = Chemotherapy(kill_rate=1), np.linspace(0, 1300, 400)
    exposure = drug.exposure(days)
    assert exposure[-1] > 1000  # far below the smallest number there is
    np.testing.assert_array_equal(kill(drug, days, 0)[:, 0], exposure)


@pytest.mark.parametrize("resistant", [1e-9, 0.01, 0.5])
def test_what_is_left_falls_to_the_resistant_part(resistant):
    drug = Chemotherapy(kill_rate=0.5)
    assert kill(drug, [1300], resistant)[0, 0] == pytest.approx(-np.log(resistant))
    course = simulate(
        Patient(resistant_fraction=resistant, infiltration=0, antigen_low_share=0), [drug], days=720
    )
    left = course.tumour_cells[-1, 0] / course.tumour_cells[0, 0] / np.exp(720 * np.log(2) / 103)
    assert left == pytest.approx(resistant, rel=1e-9)


@pytest.mark.parametrize("half_life", [0.1, 2, 30])
@pytest.mark.parametrize(("cycle", "doses"), [(28, 3), (21, 2), (7, 1), (84, 12)])
def test_mean_exposure_is_one(half_life, cycle, doses):
    """Once all effects have faded, K is the kill rate times the days treated."""
    drug = Chemotherapy(0.05, half_life, cycle, doses, 7, 10)
    assert drug.exposure(10 * cycle + 60 * half_life) == pytest.approx(0.05 * 10 * cycle, rel=1e-9)
    plan = Chemotherapy(0.05, half_life, cycle, doses, 7, 200)
    late = plan.exposure([190 * cycle, 191 * cycle])
    assert late[1] - late[0] == pytest.approx(0.05 * cycle, rel=1e-9)


def test_a_closed_form_of_one_dose():
    drug = Chemotherapy(0.1, 3, 28, 1, 7, 1)
    assert drug.exposure(0.0) == 0
    assert drug.exposure(3.0) == pytest.approx(0.1 * 28 / 2, rel=1e-14)
    assert drug.exposure(6.0) == pytest.approx(0.1 * 28 * 3 / 4, rel=1e-14)


plans = st.builds(
    Chemotherapy,
    kill_rate=st.floats(0, 1),
    effect_half_life=st.floats(0.1, 30),
    cycle=st.integers(12, 84),
    doses_per_cycle=st.integers(1, 12),
    days_between_doses=st.just(1),
    number_of_cycles=st.integers(1, 40),
)


@settings(max_examples=200)
@given(plans, st.lists(st.floats(0, 2000), min_size=2, max_size=20), st.floats(0, 1))
def test_exposure_and_kill_never_fall_and_never_jump(drug, days, resistant):
    days = np.sort(days)
    exposure, killed = drug.exposure(days), kill(drug, days, resistant)[:, 0]
    scale = 1 + exposure[-1]
    assert np.all(np.diff(exposure) >= -1e-12 * scale)
    assert np.all(np.diff(killed) >= -1e-12 * scale)
    assert np.all((killed >= -1e-12) & (killed <= exposure * (1 + 1e-12) + 1e-12))
    around = drug.dose_times()[:, None] + [-1e-9, 0, 1e-9]
    steepest = drug.kill_rate * drug.cycle * np.log(2) / drug.effect_half_life
    assert np.all(np.ptp(drug.exposure(around), axis=1) <= 1e-8 * steepest + 1e-11 * scale)


@pytest.mark.parametrize("stop", [0, 1, 7, 7.5, 28, 300])
def test_after_stopping_no_dose_is_given_and_the_last_fades(stop):
    drug = Chemotherapy(cycle=7, doses_per_cycle=1)
    given_before = int(np.ceil(stop / 7))
    days = np.linspace(0, 400, 101)
    if given_before:
        fewer = Chemotherapy(cycle=7, doses_per_cycle=1, number_of_cycles=given_before)
        np.testing.assert_allclose(drug.exposure(days, stop), fewer.exposure(days), rtol=1e-12)
    else:
        assert not drug.exposure(days, stop).any()
    stops = np.array([stop, np.inf, 100])
    several = drug.exposure(days, stops)
    assert several.shape == (101, 3)
    for column, one in zip(several.T, stops, strict=True):
        assert np.array_equal(column, drug.exposure(days, one))


@pytest.mark.parametrize(
    ("cycle", "doses", "apart", "cycles"), list(itertools.product([21, 28], [1, 3], [3, 7], [1, 5]))
)
def test_the_days_of_the_doses(cycle, doses, apart, cycles):
    drug = Chemotherapy(0.1, 2, cycle, doses, apart, cycles)
    expected = [i * cycle + j * apart for i in range(cycles) for j in range(doses)]
    assert drug.dose_times().tolist() == expected
    assert drug.dose_times().dtype == float


def test_the_typical_plan_is_days_1_8_and_15_of_28():
    assert (Chemotherapy().dose_times()[:6] + 1).tolist() == [1, 8, 15, 29, 36, 43]


@pytest.mark.parametrize(
    ("cycle", "apart", "most"), [(28, 7, 4), (21, 7, 3), (22, 7, 4), (7, 28, 1), (28, 3, 10)]
)
def test_the_doses_of_a_cycle_must_fit_into_it(cycle, apart, most):
    plan = {"cycle": cycle, "days_between_doses": apart}
    days = Chemotherapy(doses_per_cycle=most, **plan).dose_times()
    assert np.all(np.diff(days) > 0)
    with pytest.raises(ValueError, match="doses_per_cycle") as refused:
        Chemotherapy(doses_per_cycle=most + 1, **plan)
    assert str(refused.value) == (
        f"doses_per_cycle must fit into the cycle: at most {most} in {cycle} days, "
        f"{apart} days apart, you gave {most + 1}."
    )


@pytest.mark.parametrize(
    ("wrong", "kind", "sentence"),
    [
        ({"kill_rate": -0.1}, ValueError, "kill_rate must be one number between 0 and 1 1/day"),
        ({"kill_rate": [0.1, 0.2]}, TypeError, "kill_rate must be one number between 0 and 1"),
        ({"effect_half_life": 0}, ValueError, "effect_half_life .* between 0.1 and 30 days"),
        ({"effect_half_life": np.nan}, ValueError, "effect_half_life .* you gave NaN"),
        ({"cycle": 27.5}, ValueError, "cycle must be a whole number between 7 and 84 days"),
        ({"number_of_cycles": 0}, ValueError, "number_of_cycles must be a whole number between 1"),
        ({"doses_per_cycle": True}, TypeError, "doses_per_cycle must be a whole number"),
        ({"days_between_doses": "7"}, TypeError, "days_between_doses must be a whole number"),
        ({"cycles": 3}, TypeError, "Chemotherapy has no setting 'cycles'. Did you mean 'cycle'"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(wrong, kind, sentence):
    with pytest.raises(kind, match=sentence):
        Chemotherapy(**wrong)
