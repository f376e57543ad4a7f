"""A T cell's decision, against published ratios, closed forms, simulation and scipy."""

import dataclasses
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from course_lib import evidence
from course_lib.models import binding
from course_lib.models import t_cell_checkpoints as model
from course_lib.models.t_cell_checkpoints import TCell

pytestmark = pytest.mark.filterwarnings("error")

# ---- kinetic proofreading ---------------------------------------------------------------


@pytest.mark.parametrize(("steps", "ratio"), [(1, 1.82), (2.67, 4.93), (5, 19.9), (10, 395)])
def test_the_published_ratios_of_a_long_and_a_short_bond(steps, ratio):
    found = model.discrimination(0.1, 1, steps, 1)
    assert float(f"{found:.3g}") == ratio
    one_by_one = [model.proofreading(off_rate, steps, 1) for off_rate in (0.1, 1)]
    assert found == pytest.approx(one_by_one[0] / one_by_one[1], rel=1e-12)
    key = f"proofreading.ratio_{steps}".replace(".67", "_67")
    assert evidence.get(key).value == ratio


def test_ten_steps_let_few_short_bonds_through():
    long, short = model.proofreading(np.array([0.1, 1]), 10, 1)
    assert round(long, 3) == 0.386
    assert round(short, 5) == 0.00098


def test_the_measured_delay_is_about_one_step_a_second():
    steps, delay = (evidence.get(f"proofreading.{name}").value for name in ("steps", "delay"))
    assert (steps, delay) == (2.67, 2.8)
    assert steps / delay == pytest.approx(evidence.get("proofreading.rate").value, rel=0.05)


@pytest.mark.parametrize("steps", [1, 2.67, 5, 10])
@pytest.mark.parametrize("off_rate", [0.1, 1])
@pytest.mark.parametrize("rate", [0.5, 2])
def test_simulated_bonds_complete_the_steps_as_often(steps, off_rate, rate):
    """A bond lasts an exponential time; the steps take a gamma time, whole number or not."""
    random = np.random.default_rng(20261121)
    lasts = random.exponential(1 / off_rate, 200_000)
    needed = random.gamma(steps, 1 / rate, 200_000)
    expected = model.proofreading(off_rate, steps, rate)
    spread = np.sqrt(expected * (1 - expected) / 200_000)
    assert abs(np.mean(lasts > needed) - expected) < 5 * spread + 1e-12


def test_step_by_step_simulation_of_the_chain():
    """Three steps, one after the other, each against the chance that the bond breaks first."""
    random = np.random.default_rng(7)
    bound = np.full(100_000, True)
    for _ in range(3):
        step, unbinding = random.exponential(1, 100_000), random.exponential(1 / 0.4, 100_000)
        bound &= step < unbinding
    assert bound.mean() == pytest.approx(model.proofreading(0.4, 3, 1), abs=0.008)


def test_proofreading_limits():
    assert model.proofreading(0, 10, 1) == 1
    assert model.proofreading(3, 0, 1) == 1
    assert model.proofreading(1e6, 10, 1) < 1e-59
    assert model.discrimination(0.5, 0.5, 10, 1) == 1
    assert model.discrimination(0.1, 1, 0, 1) == 1
    assert np.all(np.diff([model.discrimination(0.1, 1, n, 1) for n in range(20)]) > 0)
    # Steps cost: each lets fewer long bonds through.
    assert np.all(np.diff([model.proofreading(0.1, n, 1) for n in range(20)]) < 0)


# ---- binding that uses molecules up -------------------------------------------------------


def test_one_micromolar_in_a_gap_of_three_nanometres():
    assert model.surface_kd(1, 3) == pytest.approx(6.02214e23 * 1e-6 * 1e-15 * 0.003, rel=1e-6)
    assert round(model.surface_kd(8.2, 3), 1) == 14.8


amounts = st.floats(0, 1e5)
constants = st.floats(1e-2, 1e3)


@given(amounts, amounts, constants)
def test_complexes_obey_mass_action(first, second, kd):
    pairs = model.complexes(first, second, kd)
    assert 0 <= pairs <= min(first, second) * (1 + 1e-12)
    found = (first - pairs) * (second - pairs)
    assert found == pytest.approx(kd * pairs, rel=1e-6, abs=1e-9 * (first + second) ** 2 + 1e-12)


def test_complexes_limits():
    assert model.complexes(0, 5, 1) == 0
    assert model.complexes(5, 0, 1) == 0
    assert model.complexes(1e-3, 50, 10) == pytest.approx(
        1e-3 * binding.occupancy(50, 10), rel=1e-4
    )
    assert model.complexes(300, 400, 1e-9) == pytest.approx(300, rel=1e-9)
    assert model.complexes([3, 4], [4, 3], 1).tolist() == [2, 2]  # (3 - 2)(4 - 2) = 1 * 2


KD = np.array([[4, 20], [0.42, 2.6]]) * 1.806642  # CD28, CTLA-4 on CD80, CD86; per µm²


@cache
def by_kinetics(receptors, ligands):
    """Let free molecules bind until nothing changes; every bond breaks once per unit time."""

    def slope(_, bound):
        bound = bound.reshape(2, 2)
        free = np.outer(receptors - bound.sum(1), ligands - bound.sum(0))
        return (free / KD - bound).ravel()

    done = solve_ivp(slope, (0, 30), np.zeros(4), method="DOP853", rtol=1e-10, atol=1e-9)
    return done.y[:, -1].reshape(2, 2)


@pytest.mark.parametrize(
    ("receptors", "ligands"),
    [((120, 60), (30, 90)), ((120, 120), (300, 0)), ((60, 5), (4, 96)), ((12, 20), (3, 1))],
)
def test_competition_against_dop853(receptors, ligands):
    ours = model.competition(receptors, ligands, KD)
    np.testing.assert_allclose(ours, by_kinetics(receptors, ligands), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("ctla4", [0, 1, 53, 600, 1200])
@pytest.mark.parametrize("cd80", [1, 44, 300, 1000])
def test_competition_for_one_ligand_against_brentq(ctla4, cd80):
    def surplus(free):
        return free * (1 + 1200 / (KD[0, 0] + free) + ctla4 / (KD[1, 0] + free)) - cd80

    free = brentq(surplus, 0, cd80, xtol=1e-14, rtol=1e-14)
    expected = [1200 * free / (KD[0, 0] + free), ctla4 * free / (KD[1, 0] + free)]
    ours = model.competition((1200, ctla4), (cd80,), KD[:, :1])
    np.testing.assert_allclose(ours[:, 0], expected, rtol=1e-9)


@settings(max_examples=200)
@given(st.integers(0, 2**32 - 1))
def test_competition_obeys_mass_action(seed):
    """From a millionth to a million molecules, some kinds absent; 20 cases at a time."""
    random = np.random.default_rng(seed)
    receptors, ligands = 10 ** random.uniform(-6, 6, (2, 2, 20)) * (random.random((2, 2, 20)) > 0.1)
    kd = 10 ** random.uniform(-3, 4, (2, 2))
    bound = model.competition(receptors, ligands, kd)
    free_receptors, free_ligands = receptors - bound.sum(axis=1), ligands - bound.sum(axis=0)
    assert np.all(bound >= 0)
    assert np.all(free_receptors >= -1e-10 * receptors)
    assert np.all(free_ligands >= -1e-10 * ligands)
    found = free_receptors[:, None] * free_ligands
    floor = 1e-9 * receptors[:, None] * ligands  # what subtraction leaves
    assert np.all(np.abs(found - bound * kd[..., None]) <= 1e-6 * found + floor)


def test_competition_without_a_rival_is_complexes():
    ours = model.competition((1200, 0), (300, 0), KD)
    assert ours[0, 0] == pytest.approx(model.complexes(1200, 300, KD[0, 0]), rel=1e-12)
    assert ours[1].tolist() == [0, 0]
    assert ours[0, 1] == 0


def test_competition_with_receptors_in_excess_is_the_simple_one():
    ours = model.competition((1200, 600), (1e-6,), KD[:, :1])[:, 0] / 1e-6
    simple = binding.competition(1200, KD[0, 0], 600, KD[1, 0])
    np.testing.assert_allclose(ours, simple[:2], rtol=1e-6)
    assert ours[1] / ours[0] == pytest.approx(4 / 0.42 / 2, rel=1e-6)


def test_competition_with_equal_constants_follows_the_amounts():
    cd28, ctla4 = model.competition((900, 300), (200,), [[5], [5]])[:, 0]
    assert cd28 == pytest.approx(3 * ctla4, rel=1e-12)
    assert cd28 + ctla4 == pytest.approx(model.complexes(1200, 200, 5), rel=1e-12)


def test_ctla4_in_excess_leaves_cd28_nothing():
    shares = model.competition((1200, 1e6), (300, 300), KD)
    assert np.all(shares[0] < 3)
    assert shares[1].sum() == pytest.approx(600, rel=0.01)


def test_two_receptors_and_two_ligands_are_exchangeable():
    ours = model.competition((1200, 600), (300, 900), KD)
    np.testing.assert_allclose(model.competition((300, 900), (1200, 600), KD.T), ours.T, rtol=1e-9)
    many = model.competition(np.full((2, 3), 100), np.full((2, 3), 50), KD)
    assert many.shape == (2, 2, 3)


def test_hill_limits():
    assert model.hill(0, 50, 2) == 0
    assert model.hill(50, 50, 2) == 0.5
    assert model.hill(150, 50, 2) == pytest.approx(0.9, rel=1e-12)
    assert model.hill([1e6, 100], 1, 8)[0] == pytest.approx(1, rel=1e-12)


# ---- the whole decision, with its numbers typed in ------------------------------------------

BUSY = {"cd86": 200.0, "ctla4": 300.0, "pd_l1": 60.0, "pd1_blocked": 85.0}


def expected(dwell_time=10, peptides=100, cd80=300, cd86=0, ctla4=0, pd_l1=0, pd1_blocked=0):
    """Return signals, brake and killing from other solvers."""
    completed = (1 / (1 + 1 / dwell_time)) ** 2.67
    first = 1 - np.exp(-0.03 * peptides * completed)
    bound = by_kinetics((1200, ctla4), (cd80, cd86))
    ratio = (bound[0].sum() / 200) ** 2
    free, kd = 400 * (1 - pd1_blocked / 100), 8.2 * 1.806642
    half = (free + pd_l1 + kd) / 2
    pairs = half - np.sqrt(half**2 - free * pd_l1)
    brake = (pairs / 50) ** 2 / (1 + (pairs / 50) ** 2)
    second = ratio / (1 + ratio)
    return completed, first, second, brake, first * second * (1 - brake)


def found(**settings):
    cell = TCell(**settings)
    names = ("completion", "first_signal", "second_signal", "brake", "killing")
    return [float(getattr(cell, name)()) for name in names]


@pytest.mark.parametrize("settings", [{}, BUSY, BUSY | {"dwell_time": 1.0, "peptides": 7.0}])
def test_the_decision_against_its_independent_twin(settings):
    np.testing.assert_allclose(found(**settings), expected(**settings), rtol=1e-6)


def test_controls_that_open_at_zero():
    assert (TCell().cd86, TCell().ctla4, TCell().pd_l1, TCell().pd1_blocked) == (0, 0, 0, 0)


KEYS = sorted({each.metadata["key"] for each in dataclasses.fields(TCell)})


@pytest.mark.parametrize("key", [key for key in KEYS if evidence.get(key).value])
@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_a_default_changed_by_ten_percent_is_noticed(key, factor, monkeypatch):
    get = evidence.get

    def changed(asked):
        quantity = get(asked)
        return dataclasses.replace(quantity, value=quantity.value * (factor if asked == key else 1))

    monkeypatch.setattr(evidence, "get", changed)
    assert not np.allclose(found(**BUSY), expected(**BUSY), rtol=1e-6, atol=0)


def test_the_numbers_of_the_lesson():
    """Bound fractions at 1 µM of ligand in excess, and what the published amounts come to."""
    kds = [evidence.get(key).value for key in ("cd28_cd80.kd", "ctla4_cd80.kd", "pd1_pdl1.kd")]
    assert kds == [4, 0.42, 8.2]
    assert [round(100 * binding.occupancy(1, kd)) for kd in kds] == [20, 70, 11]
    assert evidence.get("ctla4_cd80.affinity_ratio").value == round(4 / 0.42, 1)
    t_cell, tumour_cell = (4 * np.pi * (diameter / 2) ** 2 for diameter in (6.94, 17))
    assert evidence.get("synapse.cd28").value == round(9200 * 20 / t_cell, -2)
    assert evidence.get("synapse.pd1").value == round(3100 * 20 / t_cell, -2)
    assert evidence.get("synapse.pd_l1_without_interferon").value == round(
        5e4 * 20 / 6 / tumour_cell, -1
    )


def test_the_two_signals_and_the_two_brakes():
    assert TCell(cd80=0).activation() == 0
    assert TCell(peptides=0).activation() == 0
    assert TCell(bonds_per_peptide=0).first_signal() == 0
    assert TCell(pd_l1=0).brake() == 0
    assert TCell(pd1=0, pd_l1=300).brake() == 0
    assert TCell(pd_l1=300, pd1_blocked=100).killing() == TCell().activation()
    assert TCell(ctla4=1e5).activation() < 1e-4 < TCell().activation()
    shares = TCell(cd80=44, cd86=956, ctla4=600).costimulation()
    assert shares.cd28 + shares.ctla4 == pytest.approx(sum(shares), rel=1e-12)
    # CD80 favours CTLA-4 more than CD86 does.
    assert shares.ctla4_cd80 / shares.cd28_cd80 > shares.ctla4_cd86 / shares.cd28_cd86
    # Half of PD-1 blocked is not half of the brake released.
    blocked = TCell(pd_l1=300, pd1_blocked=[0, 50, 95]).killing()
    assert blocked[1] - blocked[0] < 0.1 * (blocked[2] - blocked[0])


# ---- the direction of every parameter ---------------------------------------------------------


STRONG, WEAK = {"cd28_half": 50.0}, {"cd28_half": 2000.0}
UP, DOWN = 1, -1
DIRECTIONS = [
    ("dwell_time", UP, {}),
    ("peptides", UP, {"bonds_per_peptide": 1e-5}),
    ("steps", DOWN, {}),
    ("cd80", UP, {"ctla4": 300.0}),
    ("cd86", UP, {"ctla4": 300.0}),
    ("ctla4", DOWN, {}),
    ("pd_l1", DOWN, {}),
    ("pd1_blocked", UP, {}),
    ("rate", UP, {}),
    ("bonds_per_peptide", UP, {"peptides": 0.01}),
    ("cd28", UP, {}),
    ("pd1", DOWN, {}),
    ("kd_cd28_cd80", DOWN, {}),
    ("kd_cd28_cd86", DOWN, {}),
    ("kd_ctla4_cd80", UP, {}),
    ("kd_ctla4_cd86", UP, {}),
    ("kd_pd1_pdl1", UP, {}),
    ("cd28_half", DOWN, {}),
    ("cd28_hill", UP, STRONG),
    ("cd28_hill", DOWN, WEAK),
    ("pd1_half", UP, {}),
    ("pd1_hill", DOWN, {"pd1_half": 5.0}),
    ("pd1_hill", UP, {"pd1_half": 500.0}),
]


@pytest.mark.parametrize(("name", "way", "more"), DIRECTIONS)
def test_direction(name, way, more):
    limits = TCell.__dataclass_fields__[name].metadata
    low, high = limits["low"], limits["high"]
    values = np.linspace(low, high, 41)
    if high > 1000 * max(low, 1e-3):
        values = np.append(low, np.geomspace(max(low, 1e-3 * high / 1e3), high, 40))
    effect = np.array([TCell(**BUSY | more | {name: float(value)}).killing() for value in values])
    assert np.all(way * np.diff(effect) >= -1e-12)
    assert way * (effect[-1] - effect[0]) > 0.01


def test_a_wider_gap_dilutes_every_pair():
    gaps = np.geomspace(0.1, 100, 31)
    cells = [TCell(**BUSY, gap=float(gap)) for gap in gaps]
    assert np.all(np.diff([cell.pd1_complexes() for cell in cells]) < 0)
    assert np.all(np.diff([sum(cell.costimulation()) for cell in cells]) < 0)


def test_every_field_has_a_direction():
    assert {row[0] for row in DIRECTIONS} | {"gap"} == set(TCell.__dataclass_fields__)


# ---- any setting, and impossible ones -----------------------------------------------------------


@settings(max_examples=100)
@given(st.integers(0, 2**32 - 1))
def test_any_allowed_setting_is_finite_and_possible(seed):
    random = np.random.default_rng(seed)
    chosen = {}
    for each in dataclasses.fields(TCell):
        low, high = each.metadata["low"], each.metadata["high"]
        wide = np.exp(random.uniform(np.log(max(low, 1e-6 * high)), np.log(high), 10))
        values = np.where(random.random(10) < 0.1, low, np.clip(wide, low, high))
        chosen[each.name] = float(values[0]) if each.metadata["scalar"] else values
    cell = TCell(**chosen)
    for values in (cell.completion(), cell.activation(), cell.brake(), cell.killing()):
        assert np.all((values >= 0) & (values <= 1))
    shares = cell.costimulation()
    assert np.all(shares.cd28 + shares.ctla4 <= (cell.cd80 + cell.cd86) * (1 + 1e-9))
    assert np.all(cell.killing() <= cell.activation())


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: TCell(dwell_time=0), ValueError, "dwell_time must be between 0.001 and 100000 s"),
        (lambda: TCell(pd1_blocked=101), ValueError, "between 0 and 100 %, you gave 101"),
        (lambda: TCell(steps=np.nan), ValueError, "steps must be .* NaN"),
        (lambda: TCell(ctla4=[1, -2]), ValueError, "ctla4 must be .* you gave -2 for patient 1"),
        (lambda: TCell(ctla4=[1, 2], cd80=[1, 2, 3]), ValueError, "one value, or one per"),
        (lambda: TCell(cd80="300"), TypeError, "cd80 must be"),
        (lambda: TCell(cd80=True), TypeError, "cd80 must be"),
        (lambda: TCell(gap=[3, 3]), TypeError, "gap must be one number"),
        (lambda: TCell(dwell=3), TypeError, "Did you mean 'dwell_time'"),
        (lambda: model.proofreading(-1, 3, 1), ValueError, "off_rate must be between 0"),
        (lambda: model.proofreading(np.inf, 3, 1), ValueError, "off_rate must be .* you gave inf"),
        (lambda: model.proofreading(1, -3, 1), ValueError, "steps must be between 0"),
        (lambda: model.proofreading(1, 3, 0), ValueError, "rate must be between"),
        (lambda: model.proofreading("1", 3, 1), TypeError, "off_rate must be"),
        (lambda: model.discrimination(1, np.nan, 1, 1), ValueError, "off_rate must be .* NaN"),
        (lambda: model.discrimination(1, 2, -1, 1), ValueError, "steps must be between 0"),
        (lambda: model.surface_kd(0, 3), ValueError, "kd must be between"),
        (lambda: model.surface_kd(1, True), TypeError, "gap must be between"),
        (lambda: model.complexes(-1, 3, 1), ValueError, "first must be between 0"),
        (lambda: model.complexes(1, [3, np.nan], 1), ValueError, "second must be .* NaN"),
        (lambda: model.complexes(1, 3, 0), ValueError, "kd must be between"),
        (lambda: model.competition((1, -1), (1,), [[1], [1]]), ValueError, "receptors must be"),
        (lambda: model.competition((1, 1), (np.inf,), [[1], [1]]), ValueError, "ligands must be"),
        (
            lambda: model.competition((1, 1), (1,), [[1], [0]]),
            ValueError,
            "kd must be numbers between 1e-09",
        ),
        (lambda: model.competition((1, 1), (1,), [[1, 1]]), ValueError, "kd must have a row"),
        (lambda: model.competition((1, True), ("1",), [[1], [1]]), TypeError, "ligands must be"),
        (lambda: model.hill(-1, 3, 1), ValueError, "amount must be between 0"),
        (lambda: model.hill(1, 0, 1), ValueError, "half must be between"),
        (lambda: model.hill(1, 1, np.nan), ValueError, "exponent must be .* NaN"),
    ],
)
def test_impossible_values_are_refused_by_name(call, error, words):
    with pytest.raises(error, match=words):
        call()
