"""Expansion and contraction in leukaemia, against Stein's numbers and compartments (DOP853)."""

import dataclasses

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp

from course_lib import evidence
from course_lib.models.car_t_expansion import CarTKinetics

pytestmark = pytest.mark.filterwarnings("error")

DEFAULTS = {
    "peak": 24000,
    "peak_day": 9.3,
    "fold": 3900,
    "contraction": 0.16,
    "persisting_share": 0.0079,
    "slow_loss": 0.0032,
}
OTHERS = {
    "patients": 90,
    "doubling_time": 0.78,
    "half_life_fast": 4.3,
    "half_life_slow": 217,
    "dose": 1,
    "follows": 0,
    "mark": 100,
    "dose_lowest": 0.2,
    "dose_median": 3.1,
    "dose_highest": 5.4,
}
DAYS = np.concatenate([np.linspace(0, 40, 81), np.linspace(41, 400, 60)])
CASES = (
    {},
    {"fold": 50, "peak_day": 20},
    {"persisting_share": 0.3, "slow_loss": 0.01},
    {"contraction": 0.5, "peak": 3000},
)


def compartments(days, **changed):
    """Stein 2019, figure 2: effector cells E, and memory cells M that come from them."""
    peak, peak_day, fold, alpha, share, beta = {**DEFAULTS, **changed}.values()
    growth, moves = np.log(fold) / peak_day, share * (alpha - beta)
    exact = {"method": "DOP853", "rtol": 1e-11, "atol": 1e-9, "dense_output": True, "max_step": 0.5}
    up = solve_ivp(lambda t, y: growth * y, (0, peak_day), [peak / fold], **exact)
    down = solve_ivp(
        lambda t, y: (-alpha * y[0], moves * y[0] - beta * y[1]),
        (peak_day, days.max()),
        [up.y[0, -1], 0],
        **exact,
    )
    early = days < peak_day
    return np.where(early, up.sol(np.minimum(days, peak_day))[0], down.sol(days).sum(axis=0))


@pytest.mark.parametrize("name", [*DEFAULTS, *OTHERS])
def test_a_number_of_the_registry_is_what_was_decided(name):
    value = evidence.get(f"car_t_leukaemia.{name}").value
    assert value == (DEFAULTS | OTHERS)[name]
    if name in DEFAULTS:
        assert getattr(CarTKinetics(), name) == value


def test_the_published_numbers_come_out():
    cells = CarTKinetics()
    grid = np.linspace(0, 60, 60001)
    level = cells.level(grid)
    assert grid[level.argmax()] == pytest.approx(9.3)
    assert level.max() == pytest.approx(24000)
    assert level.max() / level[0] == pytest.approx(3900)
    assert level[0] == pytest.approx(cells.start())
    assert round(cells.doubling_time(), 2) == 0.78
    fast, slow = cells.half_lives()
    assert round(fast, 1) == 4.3
    assert round(slow) == 217
    # The library that quotes the paper finds this area over 28 days by trapezoids.
    assert cells.area(28) == pytest.approx(172_000, rel=0.003)


def test_half_lives_read_from_the_curve():
    cells = CarTKinetics()
    fast, slow = cells.half_lives()
    early, late = cells.level([9.3, 9.3 + fast]), cells.level([900, 900 + slow])
    assert early[1] / early[0] == pytest.approx(0.5, rel=0.01)
    assert late[1] / late[0] == pytest.approx(0.5, rel=1e-9)


@pytest.mark.parametrize("changed", CASES)
def test_levels_against_the_compartments_of_the_paper(changed):
    ours = CarTKinetics(**changed).level(DAYS)
    np.testing.assert_allclose(ours, compartments(DAYS, **changed), rtol=1e-8)


@pytest.mark.parametrize("changed", [*CASES, {"slow_loss": 0}])
def test_area_against_quadrature(changed):
    cells = CarTKinetics(**changed)
    for end in (0, 3, cells.peak_day, 30, 400):
        parts = [(0, min(end, cells.peak_day)), (min(end, cells.peak_day), end)]
        area = sum(quad(lambda t: float(cells.level(t)), *p, limit=200)[0] for p in parts)
        assert cells.area(end) == pytest.approx(area, rel=1e-8, abs=1e-9)


def test_the_parts_add_up_and_the_small_one_persists():
    cells = CarTKinetics()
    parts = cells.parts(DAYS)
    np.testing.assert_allclose(parts.contracting + parts.persisting, cells.level(DAYS))
    late = cells.parts(200.0)
    assert late.persisting > 1e6 * late.contracting
    at_peak = cells.parts(9.3)
    assert at_peak.persisting / at_peak.level == pytest.approx(0.0079)


def test_without_the_persisting_share_the_cells_are_gone_in_weeks():
    with_it, without = CarTKinetics(), CarTKinetics(persisting_share=0)
    assert with_it.level(180.0) > 100
    assert without.level(60.0) < 10
    assert without.level(180.0) < 1e-6
    assert with_it.level(9.3) == pytest.approx(without.level(9.3))


# ---- the dose ------------------------------------------------------------------------------


def test_ten_times_the_dose_moves_the_peak_forward_and_not_up():
    little, usual = CarTKinetics().with_dose(0.1), CarTKinetics()
    assert usual.start() / little.start() == pytest.approx(10)
    assert usual.peak == little.peak
    earlier = little.peak_day - usual.peak_day
    assert earlier == pytest.approx(np.log2(10) * usual.doubling_time())
    assert little.doubling_time() == pytest.approx(usual.doubling_time())
    # Until the earlier of the peaks the curves lie ten times apart; then they meet.
    apart = usual.level([1.0, 9.0, 40.0]) / little.level([1.0, 9.0, 40.0])
    assert apart[:2] == pytest.approx([10, 10])
    assert 0.6 < apart[2] < 1


@pytest.mark.parametrize(("follows", "times"), [(0, 1), (0.5, 10**0.5), (1, 10)])
def test_only_a_peak_that_follows_the_dose_grows_with_it(follows, times):
    little = CarTKinetics().with_dose(0.1, follows)
    assert CarTKinetics().peak / little.peak == pytest.approx(times)
    assert CarTKinetics().start() / little.start() == pytest.approx(10)


def test_in_proportion_is_the_same_curve_lower():
    little = CarTKinetics().with_dose(0.1, 1)
    np.testing.assert_allclose(little.level(DAYS), CarTKinetics().level(DAYS) / 10)
    assert CarTKinetics().with_dose(1) == CarTKinetics()


def test_a_dose_that_needs_no_expansion_is_refused():
    with pytest.raises(ValueError, match="dose must be below the fold expansion of 5, you gave 7"):
        CarTKinetics(fold=5).with_dose(7)
    assert CarTKinetics(fold=5).with_dose(7, 1).peak == 7 * 24000


# ---- directions, limits, refusals --------------------------------------------------------------


# Level in week 1, at the first peak day, in week 8, after a year; a factor of 3 more.
@pytest.mark.parametrize(
    ("name", "signs"),
    [
        ("peak", (1, 1, 1, 1)),
        ("peak_day", (-1, -1, 1, 1)),
        ("fold", (-1, 0, 0, 0)),
        ("contraction", (0, 0, -1, 0)),
        ("persisting_share", (0, 0, 1, 1)),
        ("slow_loss", (0, 0, -1, -1)),
    ],
)
def test_direction_of_every_parameter(name, signs):
    """More of it, over a factor of 30; a later peak lowers early levels once it passes them."""
    ladder = DEFAULTS[name] * np.geomspace(0.4, 12, 30)
    if name == "peak_day":
        ladder = np.linspace(9.3, 50, 30)
    cells = CarTKinetics(**{name: ladder})
    days = np.array([5.0, 9.3, 60.0, 365.0])
    for row, sign in zip(cells.level(days), signs, strict=True):
        change = np.diff(row)
        if sign:
            assert np.all(change * sign > -1e-9 * row[1:]), name
            assert row[-1] * sign > row[0] * sign
        else:
            np.testing.assert_allclose(row, row[0], rtol=1e-3)


def test_several_patients_are_each_like_one():
    many = CarTKinetics(fold=[100, 3900, 10000], contraction=[0.1, 0.16, 0.3])
    for index, (fold, rate) in enumerate(zip(many.fold, many.contraction, strict=True)):
        one = CarTKinetics(fold=float(fold), contraction=float(rate))
        np.testing.assert_array_equal(many.level(DAYS)[:, index], one.level(DAYS))
        np.testing.assert_allclose(many.area(DAYS)[:, index], one.area(DAYS), rtol=1e-12)
    dosed = many.with_dose(0.1)
    assert dosed.fold.tolist() == pytest.approx([1000, 39000, 100000])


@pytest.mark.parametrize("bad", [-1, np.nan, np.inf, "3", True, None, [1, -2], [[1, 2], [3]]])
def test_impossible_days_are_refused(bad):
    for read in (CarTKinetics().level, CarTKinetics().area):
        with pytest.raises(ValueError, match=r"days must be finite numbers of at least 0|inhomog"):
            read(bad)


@pytest.mark.parametrize(("name", "bad"), [("dose", 0), ("dose", 101), ("follows", -0.1)])
def test_an_impossible_dose_is_refused(name, bad):
    with pytest.raises(ValueError, match=f"{name} must be between"):
        CarTKinetics().with_dose(**{"dose": 1, name: bad})


def test_corners_of_the_domain_are_finite():
    rows = [
        [each.metadata[end] for each in dataclasses.fields(CarTKinetics)] for end in ("low", "high")
    ]
    mixed = np.random.default_rng(1).integers(0, 2, (200, 6))
    values = np.where(mixed == 1, rows[1], rows[0]).T
    cells = CarTKinetics(*values)
    for found in (cells.level(DAYS), cells.area(DAYS)):
        assert np.all(np.isfinite(found) & (found >= 0))
