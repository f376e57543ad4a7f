"""The living tissue against counting by hand, closed forms and two other simulations of it."""

import dataclasses
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from bench.tissue import MesaTissue
from course_lib import evidence
from course_lib.models.tissue import (
    DENSE,
    EXHAUSTED,
    PD_L1,
    T_CELL,
    TUMOUR,
    WALL,
    Rules,
    Tissue,
    _spread,
)
from tissue_oracle import AROUND, SlowTissue

DEFAULTS = {
    "radius": 48,
    "collar": 24,
    "exclusion": 0,
    "passage": 0.02,
    "squeeze": 0.1,
    "arrival": 8,
    "t_cell_death": 0.005,
    "chemotaxis": 0.5,
    "killing": 0.3,
    "brake": 0.9,
    "exhaustion": 0.1,
    "blocked": 0,
    "induction": 0.9,
    "half_interferon": 0.3,
    "interferon_decay": 0.1,
    "chemokine_decay": 0.02,
    "spread": 0.8,
    "division": 0.025,
}
#: A quarter of the tissue's width, for many runs.
SMALL = {"radius": 13, "collar": 7, "arrival": 1.5}
HOT, EXCLUDED, COLD = {}, {"exclusion": 0.85}, {"arrival": 0.4}
NO_T_CELLS = {"arrival": 0}


def small(steps=0, seed=1, size=64, **settings):
    tissue = Tissue(Rules(**SMALL | settings), size=size, seed=seed)
    return run(tissue, steps)


def run(tissue, steps):
    for _ in range(steps):
        tissue.step()
    return tissue


def test_defaults():
    assert dataclasses.asdict(Rules()) == DEFAULTS
    for each in dataclasses.fields(Rules):
        assert each.metadata["key"] == f"tissue.{each.name}"
    quantities = evidence.topic("tissue")
    assert {key.removeprefix("tissue.") for key in quantities} == DEFAULTS.keys()
    assert {(q.kind, q.source, q.status) for q in quantities.values()} == {
        ("assumption", "course", "own")
    }
    assert Tissue().size == 256


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"size": 4}, "size must be"),
        ({"size": 30}, "multiple of 4 sites, you gave 30"),
        ({"size": 64.5}, "size must be"),
        ({"size": True}, "size must be"),
        ({"seed": -1}, "seed must be"),
        ({"seed": "1"}, "seed must be"),
    ],
)
def test_a_size_or_seed_that_makes_no_sense_is_refused(wrong, message):
    with pytest.raises((TypeError, ValueError), match=message):
        Tissue(**wrong)


def test_the_same_seed_gives_the_same_tissue_and_another_seed_another():
    first, again, other = small(30), small(30), small(30, seed=2)
    assert first.plane.tobytes() == again.plane.tobytes()
    assert first.counts() == again.counts()
    assert first.plane.tobytes() != other.plane.tobytes()


# --- the same rules, written twice more ------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [
        HOT,
        {"blocked": 0.6, "division": 0.1},
        EXCLUDED,
        {"exclusion": 0.5, "passage": 0.3, "squeeze": 0.5, "chemotaxis": 1, "division": 0.2},
        {"killing": 1, "exhaustion": 0.5, "spread": 0.2, "t_cell_death": 0.05, "arrival": 20},
    ],
)
def test_against_a_slow_simulation_with_the_same_draws_site_by_site(settings):
    fast = small(size=32, **{"radius": 8, "collar": 4} | settings)
    slow = SlowTissue(fast)
    for step in range(60):
        fast.step()
        slow.step()
        assert fast.frame().tolist() == slow.bytes(), step
    np.testing.assert_allclose(fast.interferon, slow.interferon, rtol=1e-12)
    np.testing.assert_allclose(fast.chemokine, slow.chemokine, rtol=1e-12)
    for name in ("births", "kills", "arrivals", "deaths"):
        assert getattr(fast, name) == getattr(slow, name) > 0


@pytest.mark.parametrize("settings", [HOT, {"blocked": 0.9}, EXCLUDED])
def test_against_mesa_on_average(settings):
    """Mesa lets agents act one after another, so the two agree on average only."""
    ours, theirs = [], []
    for seed in range(1, 9):
        tissue = small(seed=seed, **settings)
        theirs.append(list(run(MesaTissue(tissue, seed), 60).counts().values()))
        counts = run(tissue, 60).counts()
        names = ("tumour", "pd_l1", "t_cells", "exhausted", "births", "kills")
        ours.append([getattr(counts, name) for name in names])
    ours, theirs = np.array(ours), np.array(theirs)
    error = np.hypot(ours.std(axis=0, ddof=1), theirs.std(axis=0, ddof=1)) / np.sqrt(8)
    apart = np.abs(ours.mean(axis=0) - theirs.mean(axis=0))
    assert np.all(apart < 4 * error + 0.02 * theirs.mean(axis=0))


# --- growth alone ------------------------------------------------------------------------


def test_without_t_cells_nothing_dies_and_no_pd_l1_appears():
    tissue = small(**NO_T_CELLS)
    sizes = []
    for _ in range(100):
        tissue.step()
        counts = tissue.counts()
        assert counts.kills == counts.pd_l1 == counts.t_cells == counts.exhausted == 0
        sizes.append(counts.tumour)
    assert np.all(np.diff(sizes) >= 0)
    assert sizes[-1] > sizes[0] > 0
    assert tissue.interferon.max() == 0


def test_births_in_one_step_against_the_closed_form():
    r"""A free site with $k$ tumour neighbours is filled with chance $1 - (1 - p/8)^k$."""
    chance = 0.4
    start = small(**NO_T_CELLS, division=chance, exclusion=0.5)
    tumour = np.pad(start.frame() & TUMOUR != 0, 1)
    beside = sum(np.roll(tumour, step, axis=(0, 1)) for step in map(tuple, AROUND))
    neighbours = beside[~tumour & (np.pad(np.ones_like(start.frame()), 1) == 1)]
    filled = 1 - (1 - chance / 8) ** neighbours.astype(float)
    births = []
    for seed in range(400):
        start = small(**NO_T_CELLS, division=chance, exclusion=0.5)
        start.rng = np.random.default_rng(seed)
        births.append(run(start, 1).births)
    # Sites with a common neighbour exclude each other a little: their variance is smaller.
    error = np.sqrt((filled * (1 - filled)).sum() / len(births))
    assert np.mean(births) == pytest.approx(filled.sum(), abs=4 * error)


def test_growth_ends_when_every_site_is_taken():
    tissue = small(200, size=16, radius=3, collar=2, exclusion=1, division=1, **NO_T_CELLS)
    assert np.all(tissue.frame() == TUMOUR)
    assert tissue.counts().tumour == 256
    before = tissue.plane.copy()
    assert np.array_equal(run(tissue, 5).plane, before)


def test_a_tumour_that_does_not_divide_stays_as_it_is():
    tissue = small(**NO_T_CELLS, division=0)
    before = tissue.plane.copy()
    assert np.array_equal(run(tissue, 50).plane, before)


# --- killing -------------------------------------------------------------------------------


def test_perfect_killing_clears_the_tumour_and_it_stays_away():
    tissue = small(250, killing=1, blocked=1, squeeze=1, arrival=4)
    assert tissue.counts().tumour == 0
    assert tissue.counts().kills == small(killing=1, arrival=4).counts().tumour + tissue.births
    assert run(tissue, 50).counts().tumour == 0


def test_no_killing_kills_nothing_yet_switches_pd_l1_on():
    counts = small(60, killing=0).counts()
    assert counts.kills == 0
    assert counts.pd_l1 > 50


def test_with_all_of_pd_1_blocked_pd_l1_changes_nothing_but_itself():
    with_it, without = (small(60, blocked=1, induction=share) for share in (0.9, 0))
    assert with_it.counts().pd_l1 > without.counts().pd_l1 == 0
    assert np.array_equal(with_it.plane & ~np.uint8(PD_L1), without.plane)
    assert with_it.counts().exhausted == 0


def test_without_pd_l1_blocking_pd_1_changes_nothing():
    free, blocked = (small(60, induction=0, blocked=share) for share in (0, 1))
    assert np.array_equal(free.plane, blocked.plane)


def test_t_cells_in_a_tumour_without_arrivals_die_out_as_a_geometric_law():
    tissue = small(killing=0, exhaustion=0, t_cell_death=0.02, size=128, arrival=40)
    first = tissue.counts().t_cells
    tissue.rules = replace(tissue.rules, arrival=0)
    left = run(tissue, 50).counts().t_cells
    share = 0.98**50
    assert left == pytest.approx(first * share, abs=4 * np.sqrt(first * share * (1 - share)))


# --- what never happens -----------------------------------------------------------------------


@pytest.mark.parametrize("settings", [HOT, {"blocked": 1, "arrival": 6}, EXCLUDED, COLD])
def test_cells_are_conserved_and_no_two_stand_on_one_site(settings):
    tissue = small(**settings)
    start = tissue.counts()
    for _ in range(150):
        tissue.step()
        now, plane = tissue.counts(), tissue.plane
        assert now.tumour - start.tumour == now.births - now.kills
        assert now.t_cells - start.t_cells == now.arrivals - now.deaths
        assert np.unique(tissue.t_cells).size == tissue.t_cells.size == now.t_cells
        assert set(np.flatnonzero(plane & T_CELL)) == set(tissue.t_cells)
        assert set(np.flatnonzero(plane & EXHAUSTED)) == set(tissue.t_cells[tissue.exhausted])
        assert not np.any((plane & T_CELL != 0) & (plane & (TUMOUR | PD_L1) != 0))
        assert not np.any((plane & PD_L1 != 0) & (plane & TUMOUR == 0))
        assert not np.any((plane & TUMOUR != 0) & (plane & DENSE != 0))
        assert np.count_nonzero(plane == WALL) == 4 * 65
        assert not np.any((plane & WALL != 0) & (plane != WALL))
    assert now.arrivals > 0
    assert now.deaths > 0


def test_touching_against_a_search_of_every_neighbour():
    tissue = small(40)
    sites = np.pad(tissue.frame(), 1)
    tumour = sites & TUMOUR != 0
    near = sum(np.roll(tumour, step, axis=(0, 1)) for step in map(tuple, AROUND)) > 0
    assert tissue.counts().touching == np.count_nonzero(near & (sites & T_CELL != 0)) > 0


def test_exhausted_t_cells_do_not_kill():
    tissue = small(20)
    tissue.exhausted[:] = True
    tissue.rules = replace(tissue.rules, arrival=0)
    before = tissue.kills
    assert run(tissue, 30).kills == before


# --- spreading ---------------------------------------------------------------------------------


def test_a_field_keeps_its_amount_and_spreads_by_the_closed_form():
    r"""From one block, the variance along each axis grows by half of ``spread`` per step."""
    field = np.zeros((41, 41))
    field[20, 20] = 1.0
    for _ in range(30):
        field = _spread(field, 0.6, 0.0)
    assert field.sum() == pytest.approx(1)
    distance = np.arange(41) - 20
    assert field.sum(axis=0) @ distance**2 == pytest.approx(30 * 0.6 / 2)
    corner = np.zeros((5, 5))
    corner[0, 0] = 1.0
    for _ in range(2000):
        corner = _spread(corner, 0.8, 0.0)
    np.testing.assert_allclose(corner, 1 / 25)
    assert _spread(corner, 0.8, 0.3).sum() == pytest.approx(0.7)


# --- hot, excluded, cold -------------------------------------------------------------------------


@cache
def ended(kind, blocked, seeds=(1, 2, 3), steps=400):
    """Return counts after ``steps``, averaged over seeds: growth, touching, share with PD-L1."""
    settings = {"hot": HOT, "excluded": EXCLUDED, "cold": COLD}[kind]
    found = []
    for seed in seeds:
        tissue = Tissue(Rules(**settings, blocked=blocked), seed=seed)
        first = tissue.counts().tumour
        now = run(tissue, steps).counts()
        found.append((now.tumour / first, now.touching, now.pd_l1 / now.tumour, now.t_cells))
    return np.mean(found, axis=0)


def test_hot_excluded_and_cold_differ_as_they_should():
    hot, excluded, cold = (ended(kind, 0.0) for kind in ("hot", "excluded", "cold"))
    growth, touching, pd_l1, t_cells = np.array([hot, excluded, cold]).T
    assert np.all(growth > 1.1)  # none is controlled without the antibody
    assert touching[0] > 300 > 60 > touching[2] > touching[1]
    assert t_cells[0] == pytest.approx(t_cells[1], rel=0.1)  # as many T cells, elsewhere
    assert t_cells[0] > 10 * t_cells[2]
    assert pd_l1[0] > 0.2 > 0.12 > max(pd_l1[1:])


def test_blocking_pd_1_changes_the_hot_tumour_the_cold_little_and_the_excluded_hardly():
    change = {
        kind: ended(kind, 0.95)[0] / ended(kind, 0.0)[0] for kind in ("hot", "excluded", "cold")
    }
    assert change["hot"] < 0.3
    assert change["cold"] == pytest.approx(1, abs=0.1)
    assert change["excluded"] == pytest.approx(1, abs=0.05)


def test_the_antibody_brings_no_t_cell():
    with_it, without = ended("hot", 0.95), ended("hot", 0.0)
    assert with_it[3] == pytest.approx(without[3], rel=0.05)


# --- the direction of every parameter --------------------------------------------------------

UP, DOWN = 1, -1
#: Field -> direction, what is read, where it is tried, and other settings.
DIRECTIONS = {
    "radius": (UP, "tumour", (4, 8, 12, 16), {}),
    "collar": (DOWN, "kills", (0, 4, 8, 16), {"exclusion": 0.9}),
    "exclusion": (DOWN, "kills", (0, 0.4, 0.7, 1), {}),
    "passage": (UP, "touching", (0, 0.03, 0.2, 1), {"exclusion": 0.95, "killing": 0}),
    "squeeze": (UP, "inside", (0, 0.05, 0.3, 1), {"killing": 0, "arrival": 0.5}),
    "arrival": (UP, "kills", (0, 0.5, 2, 8), {}),
    "t_cell_death": (DOWN, "t_cells", (0.001, 0.01, 0.1, 1), {}),
    "chemotaxis": (UP, "touching", (0, 0.2, 0.5, 1), {"squeeze": 0, "arrival": 0.5}),
    "killing": (UP, "kills", (0, 0.1, 0.3, 0.7), {}),
    "brake": (DOWN, "kills", (0, 0.3, 0.6, 1), {"exhaustion": 0, "killing": 0.1}),
    "exhaustion": (UP, "exhausted", (0, 0.03, 0.1, 0.5), {}),
    "blocked": (UP, "kills", (0, 0.3, 0.6, 1), {}),
    "induction": (DOWN, "kills", (0, 0.3, 0.6, 1), {}),
    "half_interferon": (DOWN, "pd_l1", (0.01, 0.1, 1, 10), {"blocked": 1}),
    "interferon_decay": (DOWN, "interferon", (0.01, 0.05, 0.2, 1), {"blocked": 1}),
    "chemokine_decay": (DOWN, "chemokine", (0.001, 0.02, 0.2, 1), {}),
    "spread": (UP, "reached", (0, 0.1, 0.4, 1), {"killing": 0, "squeeze": 0}),
    "division": (UP, "births", (0, 0.02, 0.1, 1), {}),
}


def read(tissue, what):
    if what == "interferon":
        return tissue.interferon.sum()
    if what == "chemokine":
        return tissue.chemokine.sum()
    if what == "inside":  # T cells in the middle of the tumour
        return np.count_nonzero(tissue.frame()[24:40, 24:40] & T_CELL)
    if what == "reached":  # blocks with interferon
        return np.count_nonzero(tissue.interferon > 0.1)
    return getattr(tissue.counts(), what)


def test_every_parameter_has_a_direction():
    assert DIRECTIONS.keys() == DEFAULTS.keys()


@pytest.mark.parametrize("name", DIRECTIONS)
def test_direction(name):
    way, what, values, settings = DIRECTIONS[name]
    means = []
    for value in values:
        found = [
            read(small(60, seed=seed, **settings | {name: value}), what) for seed in range(1, 7)
        ]
        means.append(np.mean(found))
    assert np.all(np.sign(np.diff(means)) == way), means
