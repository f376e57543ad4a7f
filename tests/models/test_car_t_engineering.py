"""CAR-T cells: contacts against formulas, courses against DOP853, and published thresholds."""

from dataclasses import astuple, fields

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from course_lib import evidence
from course_lib.models.car_t_engineering import GATES, HINGES, SIGNALLING, Body, Car, CarT, course
from course_lib.models.patient import Patient, assumed, simulate
from test_every_model_with_any_setting import any_setting, seeds

pytestmark = pytest.mark.filterwarnings("error")
#: Typed again, so that a changed default is noticed.
CAR = (1, 15000, 0.001, 190, 1900, 2, 1)
PRODUCT = (*CAR, 1e9, 10, 7, 0.15, 0.01, 0.01, 1, 0.5, 0.01, 0.5, 0.1, 1000, 90)
BODY = (5000, 1e10, 0.5, 0.0005, 0.5, 20, 1e7)
PARTS = {"cd28": (1, 7, 0.01, 1), "41bb": (2, 12, 0.1, 0.5), "both": (1, 7, 0.05, 1.2)}
GROWTH = np.log(2) / 162
DAYS = np.array([0.0, 0.05, 0.3, 1, 3, 7, 12, 20, 45, 100, 200, 360])


def tumour(**more):
    start = {"infiltration": 0, "her2": 5e5, "low_her2_ratio": 0.02, "antigen_low_share": 0.01}
    return Patient(**start | {"doubling_time": 162} | more)


def test_defaults_are_those_of_the_registry():
    assert astuple(Car()) == CAR
    assert astuple(CarT()) == PRODUCT
    assert astuple(Body()) == BODY
    assert assumed([CarT()]) == ("CarT",)
    assert np.array_equal(CarT().dose_times(), [0.0])


@pytest.mark.parametrize("signalling", SIGNALLING)
@pytest.mark.parametrize("hinge", HINGES)
def test_parts_set_what_they_are_said_to_set(signalling, hinge):
    threshold, peak, share, release = PARTS[signalling]
    product = CarT.built(signalling, hinge, kd=7)
    assert product.threshold == threshold * {"cd8": 3, "cd28": 1}[hinge]
    assert (product.peak_day, product.persisting_share, product.release) == (peak, share, release)
    assert product.kd == 7
    assert CarT.built() == CarT()


@pytest.mark.parametrize("kd", [0.001, 0.1, 1, 1000, 1e6])
@pytest.mark.parametrize("antigens", [1e-3, 30, 5000, 14999.0, 15000, 15001, 1e7])
def test_complexes_solve_the_law_of_mass_action(kd, antigens):
    found = Car(kd=kd).complexes(antigens)
    k = kd / 0.001
    exact = brentq(
        lambda x: (antigens - x) * (15000 - x) - k * x, 0, min(antigens, 15000), xtol=1e-14
    )
    assert found == pytest.approx(exact, rel=1e-7)
    if found < 14990:
        assert density_for(found, kd) == pytest.approx(antigens, rel=1e-6)


def density_for(complexes, kd):
    """Return the antigens per cell at which so many complexes hold: the law, inverted."""
    return complexes + kd / 0.001 * complexes / (15000 - complexes)


def test_limits_of_binding():
    assert Car().complexes(0) == 0
    # a perfect binder uses up the scarcer partner; a poor one follows C/K
    np.testing.assert_allclose(Car(kd=1e-3).complexes([100, 1e6]), [100, 15000], rtol=2e-4)
    assert Car(kd=1e6).complexes(1000) == pytest.approx(1000 * 15000 / 1e9, rel=1e-4)


def half_density(share):
    return 10 ** brentq(lambda log: share(10.0**log) - 0.5, 0, 6)


def test_thresholds_are_those_of_watanabe():
    """Read in the abstract: lysis at about 200 per cell, cytokines at about ten times as many."""
    car = Car()
    lysis, cytokines = half_density(car.lysis), half_density(car.cytokines)
    known = evidence.get("car.lysis_density").value
    assert known == 200
    assert lysis == pytest.approx(known, rel=0.05)
    assert evidence.get("car.cytokine_density_ratio").value == 10
    assert cytokines / lysis == pytest.approx(10, rel=0.05)
    assert lysis == pytest.approx(density_for(190, car.kd), rel=1e-9)


def test_directions_of_the_parts_are_those_of_majzner():
    """Read in the abstract: CD28 responds to less antigen, also as hinge; 4-1BB persists."""
    halves = {
        (s, h): half_density(CarT.built(s, h).lysis) for s in ("cd28", "41bb") for h in HINGES
    }
    assert halves["cd28", "cd28"] < halves["41bb", "cd28"] < halves["41bb", "cd8"]
    assert halves["cd28", "cd28"] < halves["cd28", "cd8"]
    late = {s: CarT.built(s).cells(360.0, 1.0) / CarT.built(s).cells(30.0, 1.0) for s in PARTS}
    assert late["cd28"] < late["both"] < late["41bb"]


def test_a_not_gate_divides_the_complexes():
    car = Car(kd=30)
    assert car.lysis(800, 20) == pytest.approx(1 / (1 + (190 * 21 / car.complexes(800)) ** 2))
    assert car.cytokines(800, 0) == car.cytokines(800)


def test_cells_follow_their_closed_form():
    product = CarT(switch_day=40, switch_kill=90)
    for activation in (0.0, 0.5, 1.0):
        fold = 10**activation
        expected = [1e9, 1e9 * fold ** (3.5 / 7), 1e9 * fold]
        late = 0.99 * np.exp(-0.15 * 13) + 0.01 * np.exp(-0.01 * 13)
        last = 0.99 * np.exp(-0.15 * 33) + 0.01 * np.exp(-0.01 * 33)
        expected += [1e9 * fold * late, 1e9 * fold * last * 0.1]
        found = product.cells([0, 3.5, 7, 20, 40], activation)
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert product.cells(40 - 1e-9, 1.0) == pytest.approx(10 * product.cells(40.0, 1.0), rel=1e-6)
    assert product.cells(DAYS, np.zeros(3)).shape == (12, 3)


def exact(product, patient, gate="none"):
    """Return cells of both classes, healthy share and level by DOP853: the equations typed anew."""
    (kd, cars, c, few, many, n, theta), rest = astuple(product)[:7], astuple(product)[7:]
    dose, fold, t_m, alpha, b, beta, release, k, rho, tau, share, switch, killed = rest
    antigens, cells, first, later, leak, inhibition, unit = BODY

    def responses(density, brake=0.0):
        total = density + cars + kd / c
        x = (total - np.sqrt(total**2 - 4 * density * cars)) / 2 / (1 + brake)
        return [x**n / (x**n + (theta * half) ** n) for half in (few, many)]

    high, low = responses(patient.her2), responses(patient.her2 * patient.low_her2_ratio)
    lung = responses(antigens, inhibition if gate == "not" else 0)
    rare = patient.antigen_low_share
    start = 3 * 2.06e5 * np.pi / 6 * (89.6 / 3) ** 3
    grown = fold ** ((1 - rare) * high[1] + rare * low[1])

    def numbers(t, h, w):
        if t < t_m:
            number = dose * grown ** (t / t_m)
        else:
            late = (1 - b) * np.exp(-alpha * (t - t_m)) + b * np.exp(-beta * (t - t_m))
            number = dose * grown * late
        number *= 1 if t < switch else 1 - killed / 100
        spread = 1 - np.exp(-t / tau)
        inside = share * spread * number
        if gate == "and":
            return inside, number * later * leak * spread * (h + w) / (h + w + inside)
        return inside, number * (later + (first - later) * np.exp(-t / tau))

    def rhs(t, y):
        inside, outside = numbers(t, *np.exp(y[:2]))
        kill = k * inside / (inside + rho * start)
        harm = k * lung[0] * outside / (outside + rho * cells)
        return [GROWTH - kill * high[0], GROWTH - kill * low[0], -harm]

    y, found, ends = [np.log(start * (1 - rare)), np.log(start * rare), 0.0], [], 0.0
    for t in DAYS:
        for end in sorted({*(x for x in (t_m, switch) if ends < x < t), t}):
            if end > ends:
                inner = end - 1e-12 * end  # a jump belongs to the next piece
                y = solve_ivp(rhs, (ends, inner), y, "DOP853", rtol=1e-10, atol=1e-10).y[:, -1]
                ends = end
        h, w, healthy = np.exp(y)
        inside, outside = numbers(t, h, w)
        mean = (h * high[1] + w * low[1]) / (h + w)
        level = mean * inside * (h + w) / (inside + h + w)
        left = cells * healthy
        level += lung[1] * outside * left / (outside + left)
        found.append([h, w, healthy, release * level / unit])
    return np.array(found).T


CASES = {
    "weak binder": {"kd": 1000, "dose": 1e9},
    "few cells": {"kd": 1, "dose": 3e7},
    "slow and switched": {"kd": 100, "dose": 1e8, "switch_day": 9, "peak_day": 12.0},
}


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("case", CASES)
def test_course_against_dop853(case, gate):
    product, patient = CarT(**CASES[case]), tumour()
    found = course(product, patient, DAYS, gate)
    high, low, healthy, level = exact(product, patient, gate)
    np.testing.assert_allclose([found.high, found.low], [high, low], rtol=3e-4)
    np.testing.assert_allclose(found.healthy, healthy, rtol=3e-4)
    np.testing.assert_allclose(found.level, level, rtol=3e-4, atol=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_the_composed_patient_sees_the_same_tumour(case):
    product, patient = CarT(**CASES[case]), tumour()
    run = simulate(patient, [product], 360, 0.5)
    days = run.times[~run.before]
    cells, share = run.tumour_cells[~run.before, 0], run.antigen_low_share[~run.before, 0]
    own = course(product, patient, days)
    np.testing.assert_allclose([cells * (1 - share), cells * share], own[:2], rtol=1e-3)


def test_the_composed_patient_takes_lists_and_stops():
    patient = tumour(antigen_low_share=np.array([0, 0.1, 1]))
    run = simulate(patient, [CarT()], 60)
    for each in range(3):
        alone = simulate(patient.some([each]), [CarT()], 60)
        np.testing.assert_allclose(run.size[:, each], alone.size[:, 0], rtol=1e-12)
    never = simulate(tumour(), [CarT()], 60, stop=np.array([0.0, np.inf]))
    untreated = simulate(tumour(), [], 60)
    np.testing.assert_allclose(never.size[-1, 0], untreated.size[-1, 0], rtol=1e-9)
    assert never.size[-1, 1] < 0.5 * never.size[-1, 0]
    assert simulate(tumour(her2=0), [CarT()], 60).size[-1] == pytest.approx(untreated.size[-1])


def test_a_class_of_cells_stops_at_one_cell_and_grows_again():
    run = course(CarT(dose=1e10, fold=100, switch_day=60, switch_kill=100), tumour(), DAYS)
    assert run.high[DAYS <= 45].min() > 1
    np.testing.assert_allclose(run.high[-3:], np.exp(GROWTH * (DAYS[-3:] - 60)), rtol=1e-9)
    none = course(CarT(), tumour(antigen_low_share=0), DAYS)
    assert not none.low.any()


def outcome(product, gate="none", patient=None, **body):
    """Return what is left of both classes, what is lost of the lung, and the highest level."""
    days = np.unique([0, 7, *np.geomspace(0.02, 60, 80)])  # with the day of the peak
    run = course(product, patient or tumour(antigen_low_share=0.3), days, gate, Body(**body))
    return np.array([run.high[-1], run.low[-1], 1 - run.healthy[-1], run.level.max()])


# (setting, values, way of HER2-high cells, of HER2-low cells, of lung lost, of the highest level)
WAYS = [
    ("kd", np.geomspace(0.01, 1e5, 9), 1, 1, -1, -1),
    ("cars", np.geomspace(1e3, 1e5, 9), -1, -1, 1, 1),
    ("local_concentration", np.geomspace(1e-6, 1, 9), -1, -1, 1, 1),
    ("lysis_complexes", np.geomspace(10, 1e4, 9), 1, 1, -1, None),
    ("cytokine_complexes", np.geomspace(100, 1e5, 9), 1, 1, -1, -1),
    ("threshold", np.geomspace(0.1, 50, 9), 1, 1, -1, -1),
    ("dose", np.geomspace(1e6, 1e9, 9), -1, -1, 1, 1),
    ("fold", np.geomspace(1, 100, 9), -1, -1, 1, 1),
    ("peak_day", np.linspace(2, 20, 9), None, None, None, None),
    ("contraction", np.linspace(0, 1, 9), 1, 1, -1, 0),
    ("persisting_share", np.linspace(0, 1, 9), -1, -1, 1, 0),
    ("slow_loss", np.linspace(0, 0.15, 9), 1, 1, -1, 0),
    ("release", np.linspace(0, 3, 9), 0, 0, 0, 1),
    ("kill_rate", np.linspace(0, 1, 9), -1, -1, 1, None),
    ("half_ratio", np.geomspace(1e-4, 1, 9), 1, 1, -1, None),
    ("arrival", np.geomspace(0.1, 10, 9), 1, 1, 1, None),
    ("tumour_share", np.linspace(0, 1, 9), -1, -1, 0, None),
    ("switch_day", np.linspace(0.5, 50, 9), -1, -1, 1, None),
    ("switch_kill", np.linspace(0, 100, 9), 1, 1, -1, None),
    ("steepness", np.linspace(0.5, 4, 9), None, None, None, None),
]


@pytest.mark.parametrize("row", WAYS, ids=[row[0] for row in WAYS])
def test_direction(row):
    name, values, *ways = row
    base = {"dose": 1e8, "kd": 100, "switch_day": 20 if name == "switch_kill" else 1000}
    seen = np.array([outcome(CarT(**base | {name: float(v)})) for v in values])
    for column, way in zip(seen.T, ways, strict=True):
        if way == 0:
            np.testing.assert_allclose(column, column[0], rtol=1e-4)
        elif way:
            assert np.all(np.diff(column) * way >= -1e-6 * column.max())
            assert (column[-1] - column[0]) * way > 1e-3 * column.max()
    assert np.ptp(seen, axis=0).max() > 0  # also the two without one way do something


def test_every_field_has_a_direction():
    assert {row[0] for row in WAYS} == {each.name for each in fields(CarT)}


# (field, gate, values, way of lung lost, of the highest level)
BODY_WAYS = [
    ("antigens", "none", np.geomspace(100, 1e6, 9), 1, 1),
    ("first_share", "none", np.linspace(0, 1, 9), 1, 1),
    ("late_share", "none", np.linspace(0, 0.1, 9), 1, None),
    ("late_share", "and", np.linspace(0, 0.1, 9), 1, None),
    ("leak", "and", np.linspace(0, 1, 9), 1, None),
    ("inhibition", "not", np.geomspace(0.1, 1000, 9), -1, -1),
    ("cells", "none", np.geomspace(1e8, 1e12, 9), -1, None),
    ("unit", "none", np.geomspace(1e6, 1e9, 9), 0, -1),
]


@pytest.mark.parametrize("row", BODY_WAYS, ids=[f"{row[0]}, {row[1]}" for row in BODY_WAYS])
def test_direction_of_the_body(row):
    name, gate, values, *ways = row
    product = CarT(dose=1e10)
    seen = np.array([outcome(product, gate, **{name: float(v)}) for v in values])
    assert np.ptp(seen[:, :2]) <= np.ptp(seen[0, :2])  # the tumour does not see the lung
    for column, way in zip(seen.T[2:], ways, strict=True):
        if way == 0:
            assert np.ptp(column) == 0
        elif way:
            assert np.all(np.diff(column) * way >= -1e-9 * column.max())
            assert (column[-1] - column[0]) * way > 1e-3 * column.max()


def test_every_field_of_the_body_has_a_direction():
    assert {row[0] for row in BODY_WAYS} == {each.name for each in fields(Body)}


@settings(max_examples=60)
@given(seeds)
def test_any_setting_gives_possible_numbers(seed):
    rng = np.random.default_rng(seed)
    product, body = any_setting(CarT, rng), any_setting(Body, rng)
    patient = any_setting(Patient, rng)
    run = course(product, patient, DAYS, str(rng.choice(GATES)), body)
    assert all(np.all(np.isfinite(part) & (part >= 0)) for part in run)
    assert np.all(run.healthy <= 1)
    assert np.all(np.diff(run.healthy) <= 1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Car(kd=0), "kd must be one number between 0.001 and 1e"),
        (lambda: CarT(dose=-1), "dose must be one number between 0 and 1e"),
        (
            lambda: CarT(switch_kill=np.nan),
            "switch_kill must be one number between 0 and 100",
        ),
        (lambda: Body(leak=1.1), "leak must be one number between 0 and 1"),
        (lambda: CarT.built("ox40"), "signalling must be one of 'cd28', '41bb', 'both', you gave"),
        (lambda: CarT.built(hinge="igg4"), "hinge must be one of 'cd8', 'cd28', you gave 'igg4'"),
        (lambda: course(CarT(), tumour(), DAYS, "or"), "gate must be one of 'none', 'and', 'not'"),
        (lambda: course(CarT(), tumour(), [3, 1]), "increasing"),
        (lambda: course(CarT(), tumour(), 5.0), "increasing"),
        (lambda: course(CarT(), tumour(), [0, np.inf]), "days must be a finite number"),
        (lambda: course(CarT(), tumour(her2=[1e5, 2e5]), DAYS), "one patient, you gave 2"),
        (lambda: Car().complexes(-1), "antigens must be a finite number"),
        (lambda: Car().lysis(5, -1), "inhibition must be a finite number"),
        (lambda: Car(cars="many"), "cars must be one number"),
        (lambda: Car(kd=True), "kd must be one number"),
    ],
)
def test_refusals_name_what_is_wrong(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()
