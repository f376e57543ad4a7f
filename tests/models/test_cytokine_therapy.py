"""IL-2: published half-lives, DOP853, Fallon's binding by libroadrunner, and the whole patient."""

from itertools import pairwise

import antimony
import numpy as np
import pytest
import roadrunner
from scipy.integrate import solve_ivp

from course_lib import evidence
from course_lib.models.cytokine_therapy import (
    Interleukin2,
    Response,
    label_leak,
    run,
    schedules,
    variants,
)
from course_lib.models.interleukin2 import concentration, kinetics, summed_and_fading
from il2_oracles import BACK, NM, OUT, SHORT, THERE, blood

pytestmark = pytest.mark.filterwarnings("error")

NUMBERS = {
    "aldesleukin.dose": 600000,
    "aldesleukin.dose_mass": 0.037,
    "aldesleukin.infusion_time": 15,
    "aldesleukin.interval": 8,
    "aldesleukin.number_of_doses": 14,
    "aldesleukin.courses": 2,
    "aldesleukin.days_between_courses": 14,
    "aldesleukin.molar_mass": 15.3,
    "aldesleukin.fast_half_life": 12.9,
    "aldesleukin.slow_half_life": 85,
    "aldesleukin.first_level": 650,
    "aldesleukin.infusion_level": 41,
    "aldesleukin.infusion_hours": 6,
    "il2_receptors.three_chains": 0.01,
    "il2_receptors.two_chains": 1,
    "il2_receptors.fallon": 0.0111,
    "il2_model.body_surface": 1.73,
    "il2_model.weight": 70,
    "il2_model.interval": 1 / 3,
    "il2_model.native_slowing": 1,
    "il2_model.daily_doses": 5,
    "il2_model.nk_receptors": 2,
    "il2_model.half_leak": 10,
    "il2_model.leak_rate": 1,
    "il2_model.growth": 0.6,
    "il2_model.return_rate": 0.2,
    "il2_model.half_suppression": 5,
    "il2_model.mask": 0.02,
    "il2_model.slowing": 10,
    "il2_model.goal_killing": 1.2,
    "il2_model.goal_leak": 30,
    "il2_model.days": 14,
    "il2_bench.dose": 600,
}


@pytest.mark.parametrize("key", NUMBERS)
def test_a_number_of_the_registry_is_what_was_decided(key):
    assert evidence.get(key).value == pytest.approx(NUMBERS[key], rel=1e-12)


# ---- in the blood -------------------------------------------------------------------------


def test_half_lives_volume_and_the_level_of_a_long_infusion_are_the_published_ones():
    model = kinetics()
    assert np.array(model.half_lives()) * 1440 == pytest.approx([12.9, 85], rel=1e-12)
    dose = 1e6 * 1.73  # units
    assert dose / model.central_volume / 1000 == pytest.approx(650)
    assert dose / 0.25 / model.clearance / 1000 == pytest.approx(41)


def test_a_long_acting_variant_has_longer_half_lives_and_the_same_volumes():
    slow, native = kinetics(10), kinetics()
    assert np.array(slow.half_lives()) == pytest.approx(10 * np.array(native.half_lives()))
    assert slow.central_volume == native.central_volume
    assert slow.peripheral_volume == pytest.approx(native.peripheral_volume)


@pytest.mark.parametrize("slowing", [1, 10])
@pytest.mark.parametrize("duration", [SHORT, 0.3])
def test_infusions_against_dop853(duration, slowing):
    starts, doses = [0.1, 0.5, 1.4], [6e5, 2e5, 1e6]
    days = np.linspace(0, 3, 61)
    ours = concentration(days, starts, doses, duration, slowing)
    np.testing.assert_allclose(
        ours, blood(days, starts, doses, duration, slowing), rtol=1e-7, atol=1e-10
    )


def test_a_very_short_infusion_is_the_bolus_of_the_shared_model():
    days = np.linspace(0.01, 2, 50)
    bolus = kinetics().concentration(days, [0.0, 1.0], 70 * 0.037) * 1000 / 15.3
    np.testing.assert_allclose(concentration(days, [0.0, 1.0], 6e5, 1e-6), bolus, rtol=1e-3)


def test_infusions_add_up_and_scale_with_the_dose():
    days, starts = np.linspace(0, 2, 40), np.array([0.0, 0.4, 0.9])
    each = [concentration(days, [start], 6e5, SHORT) for start in starts]
    np.testing.assert_allclose(concentration(days, starts, 6e5, SHORT), sum(each), rtol=1e-9)
    np.testing.assert_allclose(concentration(days, [0.0], 6e4, SHORT), each[0] / 10, rtol=1e-12)
    patients = concentration(days, starts, np.ones((3, 2)) * [6e5, 0], SHORT)
    assert patients.shape == (40, 2)
    assert np.all(patients[:, 1] == 0)
    assert concentration(-1.0, [0.0], 6e5, SHORT) == 0


def test_the_labels_doses_do_not_pile_up():
    """Eight hours are more than five slow half-lives."""
    plan = schedules()["label"]
    ends = plan.starts + plan.duration
    peaks = concentration(ends, plan.starts, 6e5, plan.duration)
    assert peaks[-1] / peaks[0] < 1.01
    before = concentration(plan.starts[1], plan.starts, 6e5, plan.duration)
    assert before / peaks[0] < 0.005
    assert peaks[0] == pytest.approx(44.4, rel=5e-3)


def test_schedules_give_what_they_say():
    plans = schedules()
    np.testing.assert_allclose(plans["label"].starts, np.arange(14) / 3)
    assert plans["label"].doses * plans["label"].starts.size == plans["continuous"].doses == 14
    assert plans["continuous"].duration == pytest.approx(14 / 3)
    np.testing.assert_allclose(plans["daily"].starts, range(5))
    assert plans["once"].starts.tolist() == [0]
    assert plans["once"].duration == pytest.approx(SHORT)


# ---- on the cells -------------------------------------------------------------------------


def test_binding_in_fallons_model_is_our_occupancy():
    """BIOMD0000000665: its binding alone, without traffic, at rest in libroadrunner."""
    antimony.clearPreviousLoads()
    text = """
    kr = 0.0138; kf := kr/11.1; L = 10; R = 1500; C = 0;
    Bind: R -> C; kf*L*R - kr*C;
    """
    assert antimony.loadAntimonyString(text) >= 0, antimony.getLastError()
    model = roadrunner.RoadRunner(antimony.getSBMLString())
    bound = model.simulate(0, 1e5, 2, ["C"])[-1, 0] / 1500
    ours = Response(kd_three_chains=evidence.get("il2_receptors.fallon").value).signals(0.010)
    assert ours.regulatory == pytest.approx(bound, rel=1e-6)
    ours = Response().signals(0.010)
    assert ours.regulatory == pytest.approx(bound, rel=0.06)  # 10 pM and 11.1 pM are near


def test_signals_half_way_and_in_order():
    response = Response()
    for at, name in ((0.01, "regulatory"), (0.5, "nk"), (1, "cd8"), (10, "vessels")):
        assert getattr(response.signals(at), name) == pytest.approx(0.5)
    levels = np.geomspace(1e-4, 1e3, 60)
    shares = np.array(response.signals(levels))
    assert np.all(np.diff(shares, axis=0) < 0)  # regulatory > NK > CD8 > vessels
    assert np.all(np.diff(shares, axis=1) > 0)
    assert response.signals(0) == (0, 0, 0, 0)
    assert response.signals(5, 0).vessels == 0


def test_a_constant_signal_has_a_closed_form():
    days = np.array([0, 0.5, 3, 40])
    for rate in (0.0, 0.2, 5.0):
        found = summed_and_fading(lambda t: np.full((*t.shape, 1), 0.7), [rate], days, [0.1, 2.0])[
            :, 0
        ]
        expected = 0.7 * days if rate == 0 else 0.7 * -np.expm1(-rate * days) / rate
        np.testing.assert_allclose(found, expected, rtol=5e-5, atol=1e-15)


@pytest.mark.parametrize(
    ("dose", "schedule", "variant"),
    [
        (6e5, "label", "native"),
        (6e3, "label", "alpha_blocked"),
        (6e4, "daily", "masked"),
        (6e4, "continuous", "native"),
        (6e5, "daily", "long_acting"),
        (6e6, "once", "native"),
    ],
)
def test_cells_and_leak_against_dop853(dose, schedule, variant):
    """The whole bench integrated as written, by another solver with other numbers typed in."""
    plan = {
        "label": (np.arange(14) / 3, 1, SHORT),
        "daily": (np.arange(5.0), 1, SHORT),
        "continuous": (np.zeros(1), 14, 14 / 3),
        "once": (np.zeros(1), 1, SHORT),
    }[schedule]
    starts, number, duration = plan
    kd = 1.0 if variant == "alpha_blocked" else 0.01
    outside = 0.02 if variant == "masked" else 1.0
    slowing = 10.0 if variant == "long_acting" else 1.0
    y, found = np.zeros(6), []
    days = np.arange(1.0, 15)
    marks = np.unique([0.0, *starts, *(starts + duration), *days])
    for begin, end in pairwise(marks):
        middle = (begin + end) / 2
        on = np.any((starts < middle) & (middle < starts + duration))
        rate = dose * number / duration * NM * on

        def rhs(_, y, rate=rate):
            c = max(y[0], 0)
            flow = (THERE * y[0] - BACK * y[1]) / slowing
            return [
                rate - OUT / slowing * y[0] - flow,
                flow,
                0.6 * c / (c + kd) - 0.2 * y[2],
                0.6 * c / (c + 0.5) - 0.2 * y[3],
                0.6 * c / (c + 1) - 0.2 * y[4],
                c * outside / (c * outside + 10) - y[5],
            ]

        y = solve_ivp(rhs, (begin, end), y, "DOP853", rtol=1e-9, atol=1e-12).y[:, -1]
        if end in days:
            found.append(y)
    expected = np.array(found).T
    course = run(dose, schedule, variant, times=days)
    cells = np.array([course.regulatory, course.nk, course.cd8])
    np.testing.assert_allclose(cells, np.exp(expected[2:5]), rtol=1e-3)
    np.testing.assert_allclose(course.leak, expected[5], rtol=1e-3, atol=1e-7)
    held = np.exp(expected[4]) * 6 / (5 + np.exp(expected[2]))
    np.testing.assert_allclose(course.killing, held, rtol=2e-3)
    np.testing.assert_allclose(course.blood, course.tumour * outside)


def test_without_il2_nothing_changes():
    course = run(0)
    for name in ("regulatory", "nk", "cd8", "killing"):
        np.testing.assert_array_equal(getattr(course, name), 1)
    np.testing.assert_array_equal(course.leak, 0)


# ---- variants: each moves one thing ---------------------------------------------------------


def test_each_variant_changes_one_thing():
    native, *others = variants().values()
    for variant in others:
        assert sum(a != b for a, b in zip(native, variant, strict=True)) == 1
    assert variants()["alpha_blocked"].kd_three_chains == 1
    assert variants(3.0)["alpha_blocked"].kd_three_chains == 3


@pytest.mark.parametrize(
    ("variant", "moved"),
    [
        ("alpha_blocked", {"regulatory", "killing"}),
        ("masked", {"blood", "leak"}),
    ],
)
def test_a_variant_moves_its_own_curves_only(variant, moved):
    native, changed = run(6e4), run(6e4, variant=variant)
    for name in changed._fields[1:]:
        same = np.allclose(getattr(native, name), getattr(changed, name), rtol=1e-12)
        assert same == (name not in moved), name


def test_a_long_acting_variant_moves_time_and_no_grip():
    native, changed = run(6e4, "once"), run(6e4, "once", "long_acting")
    # At ten times the time after the infusion it stands where the native one stands.
    late = np.array([0.5, 1, 2])
    slow = concentration(10 * late, [0.0], 6e4, 10 * SHORT, 10)
    np.testing.assert_allclose(slow, concentration(late, [0.0], 6e4, SHORT), rtol=1e-9)
    assert np.all(changed.leak[1:] > native.leak[1:])
    assert changed.regulatory.max() > native.regulatory.max()


# ---- directions ---------------------------------------------------------------------------

DIRECTIONS = {
    "kd_three_chains": ("regulatory", "down"),
    "kd_two_chains": ("cd8", "down"),
    "nk_receptors": ("nk", "up"),
    "half_leak": ("leak", "down"),
    "growth": ("cd8", "up"),
    "return_rate": ("cd8", "down"),
    "half_suppression": ("killing", "up"),
}


@pytest.mark.parametrize("name", DIRECTIONS)
def test_direction_of_every_parameter_of_the_response(name):
    what, way = DIRECTIONS[name]
    each = Response.__dataclass_fields__[name].metadata
    low = max(each["low"], each["high"] * 1e-12) or 1e-3
    day = np.array([4.0])
    found = [
        getattr(run(6e4, response=Response(**{name: value}), times=day), what)[0]
        for value in np.geomspace(low, each["high"], 13)
    ]
    steps = np.diff(np.log(found))
    tolerance = 1e-12
    assert np.all(steps > -tolerance) if way == "up" else np.all(steps < tolerance)
    assert np.abs(steps).max() > 1e-3


def test_a_higher_leak_rate_follows_sooner_and_leaves_sooner():
    slow, fast = (run(6e5, response=Response(leak_rate=rate)) for rate in (0.5, 5))
    assert fast.leak[3] > slow.leak[3]
    assert fast.leak[-1] < slow.leak[-1]


def test_more_of_the_drug_is_more_of_everything_but_killing():
    courses = [run(dose) for dose in np.geomspace(10, 1e8, 15)]
    for name in ("regulatory", "nk", "cd8", "leak"):
        assert np.all(np.diff([getattr(each, name).max() for each in courses]) > 0)


# ---- what a student finds --------------------------------------------------------------------

LADDER = np.geomspace(100, 6e6, 40)


def least_dose(read, enough, **response):
    """Return the least dose at which a reading reaches enough."""
    reached = [read(run(dose, response=Response(**response))) >= enough for dose in LADDER]
    return LADDER[np.argmax(reached)] if any(reached) else np.inf


def doses(**response):
    return [
        least_dose(lambda course, name=name: getattr(course, name).max(), 1.5, **response)
        for name in ("regulatory", "nk", "cd8")
    ] + [least_dose(lambda course: course.leak.max() / label_leak(), 1, **response)]


def test_regulatory_cells_respond_first_and_vessels_leak_last():
    found = doses()
    assert np.all(np.diff(found) > 0), found
    assert found[2] > 50 * found[0]


def test_with_one_grip_for_all_regulatory_cells_are_no_longer_first():
    regulatory, nk, cd8, _ = doses(kd_three_chains=1, nk_receptors=1)
    assert regulatory == nk == cd8


def test_with_vessels_as_sensitive_as_regulatory_cells_leak_is_no_longer_last():
    *_, cd8, leak = doses(half_leak=0.01)
    assert leak < cd8


def test_a_low_dose_lowers_killing_and_without_suppression_it_does_not():
    assert run(6e3).killing.mean() < 0.97
    assert run(6e3, response=Response(half_suppression=1e9)).killing.mean() > 1
    assert run(6e3, variant="alpha_blocked").killing.mean() > 1


def test_a_low_daily_dose_hardly_reaches_nk_cells():
    """As in Mani 2009: a million IU per m2 a day; NK cells were not expanded."""
    low = run(1e6 * 1.73 / 70, "daily")
    assert low.nk.max() < 1.1 < 1.5 < low.regulatory.max()
    assert run(6e5).nk.max() > 2


# ---- refusals -----------------------------------------------------------------------------


def test_impossible_runs_are_refused():
    for bad in (-1, np.nan, "3", True, None):
        with pytest.raises((ValueError, TypeError), match="dose must be one number"):
            run(bad)
        with pytest.raises((ValueError, TypeError), match="slowing must be one number"):
            kinetics(bad)
        with pytest.raises((ValueError, TypeError), match="duration must be one number"):
            concentration(1.0, [0.0], 1, bad)
    for call in (lambda: run(1, "hourly"), lambda: run(1, variant="blue")):
        with pytest.raises(ValueError, match=r"must be one of '(label|native)'"):
            call()
    with pytest.raises(TypeError, match="response must be a Response"):
        run(1, response={})
    for times in ([-1.0], [500.0], [np.nan]):
        with pytest.raises(ValueError, match="times must be between 0 and 400"):
            run(1, times=times)
    with pytest.raises(ValueError, match="must not overlap"):
        concentration(1.0, [0.0, 0.1], 1, 0.2)
    with pytest.raises(ValueError, match="doses must be finite"):
        concentration(1.0, [0.0], -1, 0.2)
    with pytest.raises(ValueError, match="days_between_courses must be more than"):
        Interleukin2(interval=2)
