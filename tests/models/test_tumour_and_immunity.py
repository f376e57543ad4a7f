"""Kuznetsov 1994: its published points, a second way to find them, and growth without T cells."""

import dataclasses
from itertools import pairwise
from math import log2, pi

import numpy as np
import pytest
from scipy.optimize import root

from course_lib import evidence
from course_lib.models import tumour_and_immunity as model
from course_lib.models.tumour_and_immunity import Kuznetsov
from kuznetsov_oracle import FIT, SCALED, rates, some_settings

pytestmark = pytest.mark.filterwarnings("error")


# --- the published points ---------------------------------------------------------------


def test_the_defaults_are_the_fitted_values():
    assert dataclasses.asdict(Kuznetsov()) == pytest.approx(FIT, rel=1e-12)
    assert evidence.get("kuznetsov.least_tumour").value == 1
    assert evidence.get("kuznetsov.escape_share").value == 0.5
    assert evidence.get("kuznetsov.scale").value == 1_000_000
    assert evidence.get("kuznetsov.days").value == 500
    assert evidence.get("kuznetsov.fit_effectors").value == 320_000
    assert evidence.get("kuznetsov.fit_tumour").value == 5_000_000


def test_the_scaled_values_are_those_of_the_paper():
    ours = dataclasses.asdict(Kuznetsov().scaled())
    assert ours == pytest.approx(SCALED, rel=1e-3)
    assert ours["inflow"] == pytest.approx(0.1181, abs=5e-5)


def test_the_four_published_equilibria_without_units():
    points = model.equilibria(Kuznetsov(**SCALED))
    expected = [(0.3155, 0), (1.609, 8.19), (0.7598, 267.8), (0.173, 447.1)]
    kinds = ["saddle", "stable spiral", "saddle", "stable node"]
    assert [each.kind for each in points] == kinds
    for point, (x, y) in zip(points, expected, strict=True):
        assert point.effectors == pytest.approx(x, rel=5e-4)
        assert point.tumour == pytest.approx(y, rel=5e-4)


def test_the_published_eigenvalues_of_the_spiral():
    spiral = model.equilibria(Kuznetsov(**SCALED))[1]
    assert spiral.eigenvalues.real == pytest.approx([-0.0501, -0.0501], abs=1e-4)
    assert sorted(spiral.eigenvalues.imag) == pytest.approx([-0.576, 0.576], abs=1e-3)


def test_scaling_changes_only_the_units():
    k = Kuznetsov()
    per_tau = k.killing * 1e6
    for ours, scaled in zip(model.equilibria(k), model.equilibria(k.scaled()), strict=True):
        assert ours.effectors == pytest.approx(1e6 * scaled.effectors, rel=1e-9)
        assert ours.tumour == pytest.approx(1e6 * scaled.tumour, rel=1e-9)
        assert ours.kind == scaled.kind
        np.testing.assert_allclose(
            np.sort_complex(ours.eigenvalues),
            per_tau * np.sort_complex(scaled.eigenvalues),
            rtol=1e-9,
        )
    halved = k.scaled(cells=2e6)
    assert halved.half_recruitment == pytest.approx(k.scaled().half_recruitment / 2)


# --- equilibria, a second way -----------------------------------------------------------


def found_from_a_grid(k):
    """Roots of the scaled rates by scipy, from a grid of starts, none negative."""
    k = k.scaled()
    found = []
    for x in np.linspace(0.02, 4, 8):
        for y in np.geomspace(0.05, 1 / k.crowding, 10):
            done = root(lambda z: rates(k, z[0], np.log(abs(z[1]))), [x, y], tol=1e-12)
            point = np.abs(done.x)
            if (
                done.success
                and done.x[0] > -1e-9
                and not any(np.allclose(point, other, rtol=1e-5) for other in found)
            ):
                found.append(point)
    return sorted(map(tuple, found), key=lambda point: point[1])


@pytest.mark.parametrize(
    "changes",
    [{}, {"inflow": 5000}, {"inflow": 30000}, {"inflow": 80000}, {"recruitment": 0.07}],
)
def test_equilibria_with_a_tumour_against_scipy_from_a_grid(changes):
    k = Kuznetsov(**changes)
    ours = [(e.effectors / 1e6, e.tumour / 1e6) for e in model.equilibria(k) if e.tumour > 0]
    np.testing.assert_allclose(
        np.array(ours).reshape(-1, 2),
        np.array(found_from_a_grid(k)).reshape(-1, 2),
        rtol=1e-6,
    )


def test_at_every_equilibrium_nothing_changes_and_the_kind_fits_the_derivatives():
    for k, _, _ in some_settings(200, 1):
        points = model.equilibria(k)
        assert points[0] == (points[0].effectors, 0, points[0].eigenvalues, points[0].kind)
        assert points[0].effectors == k.inflow / k.effector_death
        assert len(points) in (1, 2, 3, 4)
        for point in points:
            turnover = k.inflow + k.effector_death * point.effectors
            effectors, tumour = k.rates_of_change(point.effectors, point.tumour)
            assert abs(effectors) <= 1e-7 * turnover + 1e-7
            assert abs(tumour) <= 1e-7 * k.growth * point.tumour
            steps = np.array([point.effectors, point.tumour]) * 1e-4 + 1e-3
            derivatives = [
                np.subtract(
                    k.rates_of_change(point.effectors + de, point.tumour + dt),
                    k.rates_of_change(point.effectors - de, point.tumour - dt),
                )
                / (2 * step)
                for step, (de, dt) in zip(steps, np.diag(steps), strict=True)
            ]
            values = np.linalg.eigvals(np.transpose(derivatives))
            np.testing.assert_allclose(
                np.sort_complex(values), np.sort_complex(point.eigenvalues), rtol=1e-3, atol=1e-5
            )
            assert point.stable == (values.real.max() < 0)
            assert (point.kind == "stable spiral") == np.iscomplexobj(values)


def test_without_inflow_the_tumour_alone_fills_the_tissue_exactly():
    for k, _, _ in some_settings(100, 4):
        alone = model.equilibria(dataclasses.replace(k, inflow=0))[-1]
        assert (alone.effectors, alone.tumour) == (0, 1 / k.crowding)


def test_stable_and_unstable_take_turns_so_that_there_is_at_most_one_saddle_with_a_tumour():
    for k, _, _ in some_settings(500, 2):
        kinds = [each.stable for each in model.equilibria(k)]
        assert all(a != b for a, b in pairwise(kinds))
        assert kinds[-1]


# --- what each rate does ----------------------------------------------------------------


def held(**changes):
    """Return the equilibrium of the held tumour, or None."""
    points = model.equilibria(Kuznetsov(**changes))
    found = [each for each in points if each.kind == "stable spiral"]
    return found[0] if found else None


@pytest.mark.parametrize(
    ("name", "low", "high", "sign"),
    [
        ("inflow", 0, 60_000, -1),
        ("recruitment", 0.09, 0.3, -1),
        ("half_recruitment", 5e6, 3e7, 1),
        ("inactivation", 0, 1e-9, 1),
        ("effector_death", 0.015, 0.06, 1),
        ("growth", 0.1, 1.0, 1),
        ("killing", 2e-8, 4e-7, -1),
    ],
)
def test_the_direction_of_each_rate_on_the_held_tumour(name, low, high, sign):
    tumours = [held(**{name: value}).tumour for value in np.linspace(low, high, 25)]
    assert np.all(sign * np.diff(tumours) > 0)


def test_less_room_makes_the_escaped_tumour_smaller():
    sizes = [
        model.equilibria(Kuznetsov(crowding=b))[-1].tumour for b in np.linspace(1.2e-9, 2.1e-9, 9)
    ]
    assert np.all(np.diff(sizes) < 0)


def test_only_an_inflow_above_growth_times_death_over_killing_removes_every_tumour():
    needed = 0.18 * 0.0412 / 1.101e-7
    assert needed == pytest.approx(67_357, abs=1)
    below, above = (model.equilibria(Kuznetsov(inflow=needed * f)) for f in (0.999, 1.001))
    assert not below[0].stable
    assert below[-1].stable
    assert below[-1].tumour > 0
    assert len(above) == 1
    assert above[0].stable


def test_a_stronger_inflow_hardly_changes_how_many_effector_cells_hold_the_tumour():
    few, many = held(inflow=1000), held(inflow=60_000)
    assert many.tumour < 0.1 * few.tumour
    assert many.effectors == pytest.approx(few.effectors, rel=0.03)


# --- growth without effector cells ------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "days"),
    [
        ("tumour.volume_doubling_time", 103),
        ("tumour.volume_doubling_time_her2", 162),
        ("tumour.volume_doubling_time_er", 241),
    ],
)
def test_years_of_silent_growth_by_subtype_against_the_closed_form(key, days):
    cells = 2.06e5 * pi / 6 * 20**3
    years = log2(cells) * days / 365.25
    grown = model.silent_growth(evidence.get(key).value, 1, model.cells_in_sphere(20))
    assert grown.years == pytest.approx(years, rel=1e-12)
    assert grown.doublings == pytest.approx(29.68, abs=0.01)


def test_ten_times_the_diameter_is_a_little_less_than_ten_doublings():
    small, large = model.cells_in_sphere(np.array([1.0, 10.0]))
    grown = model.silent_growth(np.array([100.0, 200.0]), small, large)
    assert grown.doublings == pytest.approx(3 * log2(10), rel=1e-12)
    assert grown.years[1] == pytest.approx(2 * grown.years[0], rel=1e-12)
    assert model.silent_growth(100, small, small) == (0, 0)
    halves = [model.silent_growth(100, *pair).years for pair in ((small, 1e6), (1e6, large))]
    assert sum(halves) == pytest.approx(grown.years[0], rel=1e-12)


def test_cells_and_diameter_there_and_back():
    diameters = np.geomspace(0.05, 100, 9)
    cells = model.cells_in_sphere(diameters)
    np.testing.assert_allclose(model.diameter_of(cells), diameters, rtol=1e-12)
    assert model.diameter_of(1) == pytest.approx(0.021, abs=5e-4)


# --- refusals ---------------------------------------------------------------------------


GOOD = Kuznetsov()


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: model.equilibria({}), TypeError, "parameters must be a Kuznetsov"),
        (lambda: model.borders(None), TypeError, "parameters must be a Kuznetsov"),
        (lambda: model.simulate(3, 1, 1), TypeError, "parameters must be a Kuznetsov"),
        (lambda: model.simulate(GOOD, -1, 1), ValueError, "effectors must be one number between"),
        (lambda: model.simulate(GOOD, 1, np.nan), ValueError, "tumour must be one number between"),
        (lambda: model.simulate(GOOD, 1, np.inf), ValueError, "tumour must be one number between"),
        (lambda: model.simulate(GOOD, [1, 2], 1), TypeError, "effectors must be one number"),
        (lambda: model.simulate(GOOD, "1", 1), TypeError, "effectors must be one number"),
        (lambda: model.simulate(GOOD, 1, True), TypeError, "tumour must be one number"),
        (lambda: model.simulate(GOOD, 1, 1, days=0), ValueError, "days must be one number"),
        (lambda: GOOD.scaled(cells=0), ValueError, "cells must be between 1 and"),
        (lambda: model.silent_growth(0, 1, 2), ValueError, "doubling_time must be between 1"),
        (lambda: model.silent_growth(9, 3, 2), ValueError, "found must be at least start, 3"),
        (lambda: model.silent_growth(9, 1, np.nan), ValueError, "found must be between"),
        (lambda: model.silent_growth("9", 1, 2), TypeError, "doubling_time must be between"),
        (lambda: model.cells_in_sphere(-1), ValueError, "diameter must be between"),
        (lambda: model.diameter_of(0.5), ValueError, "cells must be between 1"),
    ],
)
def test_impossible_values_are_refused_by_name(call, error, words):
    with pytest.raises(error, match=words):
        call()
