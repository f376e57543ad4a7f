"""Courses of IL-2 in the composed patient, against DOP853 of the whole system."""

import dataclasses

import numpy as np
import pytest

from course_lib.models.cytokine_therapy import Interleukin2
from course_lib.models.patient import ASSUMED, Effects, Patient, simulate
from il2_oracles import whole_patient

pytestmark = pytest.mark.filterwarnings("error")


@pytest.mark.parametrize(
    ("settings", "oracle"),
    [
        ({}, {}),
        ({"dose": 6e4, "courses": 1}, {"dose": 6e4, "courses": 1}),
        ({"slowing": 10}, {"slowing": 10.0}),
        ({"kd_three_chains": 1.0}, {"kd": (1.0, 1.0)}),
    ],
)
def test_the_whole_patient_against_dop853(settings, oracle):
    days = np.array([2.0, 4.0, 10.0, 14.0, 18.0, 60.0, 180.0])
    log_tumour, t_cells = whole_patient(days, **oracle)
    courses = [simulate(Patient(), [Interleukin2(**settings)], day, 0.5) for day in days]
    found = np.array([[each.tumour_cells[-1, 0], each.t_cells[-1, 0]] for each in courses]).T
    np.testing.assert_allclose(np.log(found[0]), log_tumour, atol=5e-4)
    np.testing.assert_allclose(found[1], t_cells, rtol=5e-3)


def test_at_the_courses_own_step_the_patient_is_still_right():
    days = np.array([60.0, 180.0])
    log_tumour, _ = whole_patient(days)
    sizes = [simulate(Patient(), [Interleukin2()], day).size[-1, 0] for day in days]
    np.testing.assert_allclose(sizes, Patient().size(np.exp(log_tumour)), rtol=2e-3)


def test_it_is_a_therapy_whose_effect_is_assumed():
    drug = Interleukin2()
    assert drug.basis == ASSUMED
    assert drug.dose_times().size == 28
    np.testing.assert_allclose(drug.dose_times()[[0, 1, 14]], [0, 1 / 3, 14])
    stages = np.array([[0, 0.1, 1 / 3]])
    effects = drug.effects(stages, np.array([np.inf, 0.0]), Patient())
    neutral = Effects()
    for name in vars(neutral):
        if name not in ("t_cell_growth", "recruitment"):
            assert getattr(effects, name) == getattr(neutral, name)
    assert np.all(effects.t_cell_growth[..., 0] > 0)
    assert np.all(effects.t_cell_growth[..., 1] == 0)  # never treated
    assert np.all(effects.recruitment[..., 1] == 1)
    assert np.all(effects.recruitment[0, 1:, 0] < 1)


def test_no_dose_on_the_day_of_the_stop_or_later():
    stopped = simulate(Patient(), [Interleukin2()], 60, stop=14.0)
    one = simulate(Patient(), [Interleukin2(courses=1)], 60)
    sizes = (np.interp([30, 60], each.times, each.size[:, 0]) for each in (stopped, one))
    np.testing.assert_allclose(*sizes, rtol=1e-4)
    never = simulate(Patient(), [Interleukin2()], 60, stop=0)
    alone = simulate(Patient(), [], 60)
    assert never.size[-1, 0] == pytest.approx(alone.size[-1, 0], rel=1e-6)


def test_what_it_does_in_the_patient():
    def size(**settings):
        return simulate(Patient(), [Interleukin2(**settings)], 60).size[-1, 0]

    alone = simulate(Patient(), [], 60).size[-1, 0]
    assert size(growth=0) == pytest.approx(alone, rel=1e-6)  # no cell multiplies, none suppresses
    assert size() < alone
    gain, low_gain = alone - size(), alone - size(dose=6e3)
    assert low_gain < 0.05 * gain  # a hundredth of the dose: regulatory cells, hardly others
    assert alone - size(half_suppression=1e9) > gain
    assert alone - size(dose=6e3, half_suppression=1e9) > 1.5 * low_gain


DRUG_DIRECTIONS = {
    "dose": 1,
    "slowing": 1,
    "kd_two_chains": -1,
    "growth": 1,
}


@pytest.mark.parametrize("name", DRUG_DIRECTIONS)
def test_direction_of_the_growth_of_t_cells(name):
    each = Interleukin2.__dataclass_fields__[name].metadata
    low = max(each["low"], each["high"] * 1e-8)
    stages = np.array([[0.0, 3.0, 6.0]])
    found = [
        Interleukin2(**{name: value}).effects(stages, np.array([np.inf]), Patient())
        for value in np.geomspace(low, each["high"], 9)
    ]
    growth = [each.t_cell_growth[0, 0, 0] for each in found]
    assert np.all(DRUG_DIRECTIONS[name] * np.diff(growth) > 0)


@pytest.mark.parametrize("name", ["kd_three_chains", "return_rate", "half_suppression"])
def test_direction_of_the_supply(name):
    each = Interleukin2.__dataclass_fields__[name].metadata
    stages = np.array([[0.0, 3.0, 6.0]])
    found = [
        Interleukin2(**{name: value}).effects(stages, np.array([np.inf]), Patient())
        for value in np.geomspace(max(each["low"], 1e-6), each["high"], 9)
    ]
    assert np.all(np.diff([each.recruitment[0, 2, 0] for each in found]) >= 0)
    assert found[-1].recruitment[0, 2, 0] > found[0].recruitment[0, 2, 0] + 0.05


def test_more_doses_and_courses_and_shorter_waits_are_more_growth():
    def total(**settings):
        stages = np.array([[0.0, 100.0, 200.0]])
        effects = Interleukin2(**settings).effects(stages, np.array([np.inf]), Patient())
        return 200 * effects.t_cell_growth[0, 0, 0]

    assert total(doses_per_course=7) < total() < total(courses=3)
    assert total(interval=0.1) < total()  # doses that overlap fill receptors that are full
    few = [
        simulate(Patient(), [Interleukin2(days_between_courses=gap)], 60).t_cells[-1, 0]
        for gap in (14, 40)
    ]
    assert few[1] > few[0]  # a later second course is still felt


@pytest.mark.parametrize("seed", range(8))
def test_any_setting_gives_finite_results(seed):
    rng = np.random.default_rng(seed)
    chosen = {}
    for each in dataclasses.fields(Interleukin2):
        low, high = each.metadata["low"], each.metadata["high"]
        value = np.exp(rng.uniform(np.log(max(low, 1e-9 * high)), np.log(high)))
        chosen[each.name] = int(value) if each.metadata["whole"] else float(value)
    lasts = chosen["interval"] * chosen["doses_per_course"]
    chosen["courses"] = 1 if lasts > 300 else chosen["courses"]
    chosen["days_between_courses"] = max(chosen["days_between_courses"], min(lasts, 365))
    patient = Patient(cps=rng.uniform(0, 100, 5), infiltration=rng.uniform(0, 10, 5))
    stop = np.where(rng.random(5) < 0.5, np.inf, rng.uniform(0, 100, 5))
    course = simulate(patient, [Interleukin2(**chosen)], float(rng.choice([30, 360])), stop=stop)
    for values in (course.size, course.t_cells, course.tumour_cells):
        assert np.all((values >= 0) & np.isfinite(values))
