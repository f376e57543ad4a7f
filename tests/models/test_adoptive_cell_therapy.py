"""Clones in the dish and in the blood: against DOP853, quadrature, closed forms and limits."""

from dataclasses import fields, replace
from itertools import pairwise
from math import exp, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad, solve_ivp

from course_lib import evidence
from course_lib.models.adoptive_cell_therapy import (
    Clones,
    Host,
    biopsy,
    culture,
    expanded,
    selected,
)

pytestmark = pytest.mark.filterwarnings("error")

ASSUMED = {
    "cell_culture.biopsy_cells": 1e7,
    "cell_culture.room": 5e10,
    "cell_culture.exhausted_share": 30,
    "cell_culture.fresh_share": 0.5,
    "cell_culture.bystander_doubling": 1.5,
    "cell_culture.exhausted_doubling": 4,
    "cell_culture.fresh_doubling": 1.5,
    "cell_culture.harvest": 7,
    "cell_culture.selection_day": 7,
    "cell_culture.enrichment": 100,
    "cell_culture.recovery": 30,
    "til.lymphodepletion": 99,
    "til.lymphocyte_recovery": 0.05,
    "til.cytokine_supply": 0.15,
    "til.il2_signal": 5,
    "til.il2_doses": 6,
    "til.il2_interval": 8,
    "til.division_rate": 0.5,
    "til.death_rate": 0.12,
    "til.death_rate_exhausted": 0.25,
    "til.ageing": 0.003,
    "til.cells": 2e10,
    "til.reactive_share": 40,
    "til.homing": 1,
    "til.arrival_rate": 0.5,
    "til.conditioning": 7,
    "til_lab.lymphodepletion": 0,
    "til_lab.il2_doses": 0,
    "til_lab.day": 60,
    "til_lab.goal_cells": 1e8,
    "til_lab.goal_harvest": 35,
    "til_lab.goal_il2": 6,
}
ROOM = 5e10
THREE = Clones([6.95e6, 3e6, 5e4], [1.5, 4, 1.5], [0.0, 1.0, 1.0], [0.12, 0.25, 0.12])


@pytest.mark.parametrize("key", ASSUMED)
def test_a_number_of_the_registry_is_what_was_decided(key):
    assert evidence.get(key).value == ASSUMED[key]


def test_the_dose_is_one_that_lifileucel_has():
    dose = evidence.get("til.dose_of_lifileucel")
    assert (dose.low, dose.high) == (7.5e9, 7.2e10)
    assert dose.low <= evidence.get("til.cells").value <= dose.high
    assert dose.low <= evidence.get("cell_culture.room").value <= dose.high


# ---- the dish -----------------------------------------------------------------------------


def by_scipy(clones, days, room):
    """The equation for each clone itself, without the time with room; logarithms of the cells."""
    rates = log(2) / np.asarray(clones.doubling_time)

    def rhs(t, logs):
        return rates * (1 - np.exp(logs).sum() / room)

    start = np.log(clones.cells)
    found = solve_ivp(rhs, (0, days[-1]), start, "DOP853", t_eval=days, rtol=1e-10, atol=1e-10)
    return np.exp(found.y.T)


@pytest.mark.parametrize(
    ("doubling", "tolerance"),
    [([1.5, 4, 1.5], 1e-6), ([1, 12, 6], 2e-6), ([0.5, 1, 0.7], 3e-5), ([6, 1, 1], 2e-6)],
)
def test_the_dish_against_dop853(doubling, tolerance):
    clones = replace(THREE, doubling_time=doubling)
    days = np.arange(1.0, 43)
    ours, exact = expanded(clones, days, ROOM), by_scipy(clones, days, ROOM)
    np.testing.assert_allclose(ours, exact, rtol=tolerance)
    assert exact[-1].sum() > 0.9 * ROOM  # it does fill


def test_without_competition_each_clone_grows_exponentially():
    days = np.arange(0.0, 15)
    alone = expanded(THREE, days, 1e12)
    free = THREE.cells * 2 ** (days[:, None] / THREE.doubling_time)
    np.testing.assert_allclose(alone, free, rtol=0.01)  # 5 billion cells in a room of 1e12
    np.testing.assert_allclose(expanded(THREE, [3.0], 1e12)[0], free[3], rtol=1e-4)


def test_equal_rates_keep_the_shares_and_follow_the_logistic_curve():
    clones, days = replace(THREE, doubling_time=1.5), np.arange(0.0, 43)
    cells = expanded(clones, days, ROOM)
    total = cells.sum(axis=1)
    np.testing.assert_allclose(cells / total[:, None], np.tile(THREE.cells / 1e7, (43, 1)))
    logistic = ROOM / (1 + (ROOM / 1e7 - 1) * 2 ** (-days / 1.5))
    np.testing.assert_allclose(total, logistic, rtol=1e-6)


@settings(max_examples=100)
@given(st.lists(st.floats(0.5, 20), min_size=3, max_size=3), st.floats(7, 12), st.floats(0.1, 60))
def test_the_folds_are_powers_of_each_other(doubling, room, day):
    """Whatever the room, one number says how far all clones have come."""
    cells = expanded(replace(THREE, doubling_time=doubling), [day], 10**room)[0]
    per_division = np.log2(cells / THREE.cells) * doubling
    np.testing.assert_allclose(per_division, per_division[0], rtol=1e-9, atol=1e-9)
    assert 1e7 * (1 - 1e-9) <= cells.sum() <= 10**room * (1 + 1e-6)


def test_a_full_dish_and_a_day_without_growth_stay_as_they_are():
    np.testing.assert_allclose(expanded(THREE, [5.0, 9.0], 1e7), np.tile(THREE.cells, (2, 1)))
    assert np.array_equal(expanded(THREE, 0, ROOM)[0], THREE.cells)


def test_selection_raises_the_odds_as_often_as_it_enriches():
    for enrichment in (1, 10, 100, 1e6):
        share = selected(THREE, enrichment, 0.3).reactive_share()
        odds = 3.05 / 6.95 * enrichment
        assert share == pytest.approx(odds / (1 + odds), rel=1e-12)
    assert selected(THREE, np.inf, 0.3).reactive_share() == 1
    assert np.array_equal(selected(THREE, 1, 1).cells, THREE.cells)
    np.testing.assert_allclose(selected(THREE, 50, 0.3).cells, [6.95e6 * 0.006, 9e5, 1.5e4])
    assert selected(THREE, 50, 0).reactive_share() == 0


def test_a_culture_is_growth_selection_and_growth():
    made = culture(THREE, 30, ROOM, selection=(7, 100, 0.3), ageing=0.01)
    first = by_scipy(THREE, [7.0], ROOM)[0]
    kept = first * [0.003, 0.3, 0.3]
    last = by_scipy(replace(THREE, cells=kept.tolist()), [23.0], ROOM)[0]
    np.testing.assert_allclose(made.cells[7], first, rtol=1e-6)
    np.testing.assert_allclose(made.cells[8], kept, rtol=1e-6)
    np.testing.assert_allclose(made.cells[-1], last, rtol=1e-6)
    assert (made.days[7], made.days[8], made.days[-1]) == (7, 7, 30)
    divisions = np.log2(first / THREE.cells) + np.log2(last / kept)
    np.testing.assert_allclose(made.divisions, divisions, rtol=1e-6)
    np.testing.assert_allclose(made.product.death_rate, THREE.death_rate + 0.01 * divisions)
    assert np.array_equal(made.product.cells, made.cells[-1])


def test_limits_of_a_culture():
    plain = culture(THREE, 21, ROOM)
    idle = culture(THREE, 21, ROOM, selection=(7, 1, 1))
    np.testing.assert_allclose(idle.product.cells, plain.product.cells, rtol=1e-6)
    assert np.array_equal(culture(THREE, 21, ROOM, ageing=0).product.death_rate, THREE.death_rate)
    assert np.array_equal(culture(THREE, 0, ROOM).product.cells, THREE.cells)
    assert culture(THREE, 7, ROOM, selection=(7, np.inf, 0.5)).product.reactive_share() == 1
    absent = culture(replace(THREE, cells=[1e7, 0.0, 5e4]), 14, ROOM, selection=(7, 10, 0.5))
    assert absent.product.cells[1] == absent.divisions[1] == 0


def test_the_biopsy_has_the_clones_of_the_registry():
    found = biopsy(30, 0.5)
    np.testing.assert_allclose(found.cells, THREE.cells)
    for name in ("doubling_time", "reactive", "death_rate"):
        assert np.array_equal(getattr(found, name), getattr(THREE, name))
    assert biopsy(0, 0).reactive_share() == 0
    assert biopsy(60, 40).reactive_share() == 1
    assert np.array_equal(biopsy(1, 1, doubling_times=[2, 3, 4]).doubling_time, [2, 3, 4])


# ---- the body -----------------------------------------------------------------------------


def signal(host, t, with_il2=True):
    own = 1 - host.lymphodepletion / 100 * exp(-host.lymphocyte_recovery * t)
    during = with_il2 and t < host.il2_doses * host.il2_interval / 24
    return host.cytokine_supply / own + host.il2_signal * during


HOSTS = [
    Host(),
    Host(lymphodepletion=0),
    Host(il2_doses=0),
    Host(lymphodepletion=99.9, il2_doses=14),
    Host(lymphodepletion=50, il2_doses=100, il2_signal=0.3, lymphocyte_recovery=0.4),
    Host(cytokine_supply=3, il2_signal=1000, il2_interval=100, lymphocyte_recovery=0.001),
]


@pytest.mark.parametrize("host", HOSTS)
def test_support_against_quadrature(host):
    days = [0.0, 0.5, 2.0, 10.0, 60.0, 400.0]
    ends = host.il2_doses * host.il2_interval / 24

    def share(t):
        return signal(host, t) / (1 + signal(host, t))

    for day, found in zip(days, host.support(days), strict=True):
        marks = sorted({0.0, min(ends, day), day})
        parts = [
            quad(share, a, b * (1 - 1e-15), epsabs=1e-13, epsrel=1e-12, limit=400)[0]
            for a, b in pairwise(marks)
        ]
        assert found == pytest.approx(sum(parts), rel=1e-9, abs=1e-12)


def test_cells_in_the_blood_against_dop853():
    host, days = Host(), np.array([1.0, 2.0, 7.0, 30.0, 60.0, 90.0])
    found, logs, since = host.in_blood(THREE, days), np.log(THREE.cells), 0.0
    for day, ours in zip(days, found, strict=True):
        args = {"method": "DOP853", "rtol": 1e-11, "atol": 1e-12}

        def rhs(t, y, during=day <= 2):
            now = signal(host, t, with_il2=False) + 5 * during
            return 0.5 * now / (1 + now) - np.array([0.12, 0.25, 0.12])

        logs, since = solve_ivp(rhs, (since, day), logs, **args).y[:, -1], day
        np.testing.assert_allclose(ours, np.exp(logs), rtol=1e-8)


def test_limits_of_the_body():
    days = np.array([0.0, 10.0, 60.0])
    normal = Host(lymphodepletion=0, il2_doses=0)
    np.testing.assert_allclose(normal.support(days), 0.15 / 1.15 * days)
    assert np.all(normal.own_lymphocytes(days) == 1)
    assert normal.days_below(0.5) == 0
    # Without division only death is left, whatever is given.
    idle = Host(division_rate=0).in_blood(THREE, days)
    np.testing.assert_allclose(idle, THREE.cells * np.exp(-days[:, None] * THREE.death_rate))
    # A signal without end: all the time is time to divide.
    flood = Host(il2_signal=1000, il2_doses=100, il2_interval=168)
    np.testing.assert_allclose(flood.support(days), days, rtol=2e-3)
    # Lymphocytes that come back at once leave no trace of lymphodepletion.
    quick = Host(lymphocyte_recovery=1, il2_doses=0).support(60)
    slow = Host(lymphocyte_recovery=1e-3, il2_doses=0).support(60)
    assert quick - 0.15 / 1.15 * 60 < 2 < slow - 0.15 / 1.15 * 60


def test_the_days_below_a_share_are_when_the_own_lymphocytes_reach_it():
    for depth, share in ((99, 0.5), (99, 0.1), (60, 0.5), (40, 0.9)):
        host = Host(lymphodepletion=depth)
        assert host.own_lymphocytes(host.days_below(share)) == pytest.approx(share)
    assert Host(lymphodepletion=40).days_below(0.5) == 0


WIDE = {"lymphocyte_recovery": np.geomspace(1e-3, 1, 30), "cytokine_supply": np.geomspace(1e-3, 10)}
# what the field does to fresh cells in the blood on day 60
DIRECTIONS = {
    "lymphodepletion": 1,
    "il2_doses": 1,
    "il2_interval": 1,
    "lymphocyte_recovery": -1,
    "cytokine_supply": 1,
    "il2_signal": 1,
    "division_rate": 1,
}


@pytest.mark.parametrize("name", [each.name for each in fields(Host)])
def test_direction_in_the_body(name):
    limits = Host.__dataclass_fields__[name].metadata
    values = WIDE.get(name, np.linspace(limits["low"], limits["high"], 31))
    values = np.arange(0, 101, 5) if limits["whole"] else values
    seen = [
        Host(**{"lymphodepletion": 50, name: each}).in_blood(THREE, 60)[0, 2]
        for each in values.tolist()
    ]
    assert np.all(np.diff(seen) * DIRECTIONS[name] > 0)


def test_direction_in_the_dish():
    def made(harvest=28.0, selection=None, room=ROOM, **clones):
        return culture(replace(THREE, **clones), harvest, room, selection=selection)

    def rises(values):
        return np.all(np.diff(values) > 0)

    assert rises([made(harvest=each).cells[-1].sum() for each in range(43)])
    assert rises([made(room=each).cells[-1].sum() for each in np.geomspace(1e8, 1e12, 20)])
    # The slower one clone, the larger the share of the other two; it never gains itself.
    slower = [made(doubling_time=[1.5, each, 1.5]).product for each in np.linspace(0.6, 20, 30)]
    assert rises([-each.cells[1] for each in slower])
    assert rises([each.cells[0] for each in slower])
    share = [
        made(selection=(7, each, 0.3)).product.reactive_share() for each in np.geomspace(1, 1e4, 20)
    ]
    assert rises(share)
    kept = [made(21, (7, 100, each)).product.cells.sum() for each in np.linspace(0.05, 1, 20)]
    assert rises(kept)


# ---- what the lab must let a student find -------------------------------------------------


def share(cells, clone):
    return cells[-1, clone] / cells[-1].sum()


def test_a_clone_that_led_in_the_tumour_is_lost_only_if_it_is_slower():
    assert share(culture(THREE, 28, ROOM).cells, 1) < 0.003
    even = replace(THREE, doubling_time=1.5)
    assert share(culture(even, 28, ROOM).cells, 1) == pytest.approx(0.3)


def test_a_clone_can_lead_at_infusion_and_be_gone_two_months_later():
    """The exhausted clone dies sooner; with equal death rates it would still lead."""
    lead = replace(THREE, cells=[0.0, 1e9, 1e7])
    blood = Host().in_blood(lead, 60)[0]
    assert blood[2] > 10 * blood[1]
    even = Host().in_blood(replace(lead, death_rate=0.12), 60)[0]
    assert even[1] == pytest.approx(100 * even[2])


def test_lymphodepletion_helps_only_through_division():
    fresh = [Host(lymphodepletion=each, il2_doses=0).in_blood(THREE, 60)[0, 2] for each in (0, 99)]
    assert fresh[1] > 10 * fresh[0]
    idle = [
        Host(lymphodepletion=each, il2_doses=0, division_rate=0).in_blood(THREE, 60)[0, 2]
        for each in (0, 99)
    ]
    assert idle[1] == idle[0]


def test_il2_helps_much_without_lymphodepletion_and_little_after_it():
    def helped(depth, **more):
        with_it, without = (
            Host(lymphodepletion=depth, il2_doses=doses, **more).in_blood(THREE, 60)[0, 2]
            for doses in (6, 0)
        )
        return with_it / without

    assert helped(0) > 1.9
    assert 1 < helped(99) < 1.25
    assert helped(0, il2_signal=0) == pytest.approx(1)


def test_a_longer_culture_gives_cells_that_last_less_long_only_through_ageing():
    def left(day, **more):
        product = culture(THREE, day, ROOM, **more).product
        return Host().in_blood(product, 60)[0, 2] / product.cells[2]

    assert left(14) < 0.5 * left(0)
    assert left(14, ageing=0) == pytest.approx(left(0, ageing=0))


# ---- refusals -----------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1, True, "3", None, [[1.0]], []])
@pytest.mark.parametrize("name", [each.name for each in fields(Clones)])
def test_an_impossible_clone_is_refused_by_name(name, bad):
    with pytest.raises((ValueError, TypeError), match=name):
        replace(THREE, **{name: bad})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: replace(THREE, doubling_time=[1.0, 2.0]), "doubling_time has 2 values"),
        (lambda: expanded(THREE, [3.0, 3.0], ROOM), "days must increase"),
        (lambda: expanded(THREE, [-1.0], ROOM), "days must be between 0 and 365"),
        (lambda: expanded(THREE, np.nan, ROOM), "days must be between 0 and 365"),
        (lambda: expanded(THREE, [1.0], 1e6), "room must be at least as large as all clones"),
        (lambda: expanded(THREE, [1.0], np.inf), "room must be one number between 1 and 1e"),
        (lambda: selected(THREE, 0.5, 0.3), "enrichment must be one number between 1 and inf"),
        (lambda: selected(THREE, 10, 1.1), "recovery must be one number between 0 and 1"),
        (lambda: culture(THREE, 400, ROOM), "harvest must be one number between 0 and 365"),
        (lambda: culture(THREE, 7, ROOM, selection=(8, 10, 1)), "day of selection must be"),
        (lambda: culture(THREE, 7, ROOM, ageing=2), "ageing must be one number between 0 and 1"),
        (lambda: biopsy(101, 0), "exhausted_share must be one number between 0 and 100"),
        (lambda: biopsy(80, 30), "fresh_share must be one number between 0 and 20"),
        (lambda: Host().support(-1), "days must be finite numbers of at least 0"),
        (lambda: Host().in_blood(THREE, np.inf), "days must be finite numbers of at least 0"),
        (lambda: Host().days_below(1), "share must be one number between 0 and 1"),
    ],
)
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
