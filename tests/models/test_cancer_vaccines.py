"""Priming, contraction and memory, against DOP853 and closed forms."""

import dataclasses
from math import inf, log, log10

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from course_lib import evidence
from course_lib.models.cancer_vaccines import ResidualTumour, Vaccine, _without_antigen
from vaccine_oracle import EXACT, NEW, TUMOUR, VACCINE, by_scipy

pytestmark = pytest.mark.filterwarnings("error")

DAYS = np.arange(0.0, 401.0, 8.0)
CASES = (
    {},
    NEW,
    {**NEW, "interval": 10, "number_of_doses": 6},
    {"costimulation": 0.3, "antigen_half_life": 3, "number_of_doses": 1},
    {"clearance": 0, "interval": 60, "number_of_doses": 2, "memory_half_life": 100},
)


@pytest.mark.parametrize("name", VACCINE)
def test_a_default_of_the_vaccine_is_what_was_decided(name):
    assert getattr(Vaccine(), name) == VACCINE[name]


def test_e75_is_held_as_the_teaching_matrix_says():
    assert evidence.get("vaccine.held").value == round(1 / (1 + 10 ** (2 / 12)), 2)


@pytest.mark.parametrize("changed", CASES)
def test_the_response_against_dop853(changed):
    ours, exact = Vaccine(**changed).response(DAYS), by_scipy(DAYS, **changed)
    # Steps of 0.4 days: within one percent.
    np.testing.assert_allclose(ours.all, exact[1:].sum(axis=0), rtol=1e-2)
    np.testing.assert_allclose(ours.killers[1:], exact[3:].sum(axis=0)[1:], rtol=1e-2)
    np.testing.assert_allclose(ours.naive, exact[1], rtol=1e-2, atol=1)


def test_half_the_step_brings_the_response_eight_times_nearer(monkeypatch):
    exact = by_scipy(DAYS, **NEW)[1:].sum(axis=0)
    errors = []
    for step in (0.4, 0.2):
        monkeypatch.setattr("course_lib.models.cancer_vaccines.STEP", step)
        errors.append(np.abs(Vaccine(**NEW).response(DAYS).all / exact - 1).max())
    assert errors[1] < errors[0] / 8


def test_a_list_of_patients_gives_each_what_he_gets_alone():
    held, tolerance = np.array([0.2, 0.41, 0.9]), np.array([1.0, 1000.0, 30.0])
    many = Vaccine(held=held, tolerance=tolerance).response(DAYS).all
    assert many.shape == (DAYS.size, 3)
    for i in range(3):
        alone = Vaccine(held=held[i], tolerance=tolerance[i]).response(DAYS).all
        np.testing.assert_array_equal(many[:, i], alone)


@pytest.mark.parametrize(
    "nothing", [{"dose": 0}, {"held": 0}, {"precursors": 0}], ids=lambda each: next(iter(each))
)
def test_without_antigen_or_cells_there_is_no_response(nothing):
    response = Vaccine(**nothing).response(DAYS)
    assert np.all(response.killers == 0)
    assert np.all(response.dividing == 0)
    assert np.ptp(response.naive) == 0


def test_without_a_second_signal_no_cell_divides():
    alone = Vaccine(costimulation=0).response(DAYS)
    assert np.all(alone.all <= alone.naive[0] * (1 + 1e-9))
    assert Vaccine().response(DAYS).all.max() > 1000 * alone.naive[0]


@pytest.mark.parametrize("share", [0.9, 0.93, 0.95])
def test_contraction_is_the_share_that_was_set(share):
    """One dose: of the effector cells at the end of priming, 90 to 95 % die (closed form)."""
    vaccine = Vaccine(number_of_doses=1, contraction=share, memory_half_life=36500, **NEW)
    days = np.arange(0, 401.0)
    response = vaccine.response(days)
    peak = response.all.max()
    # All that is born becomes an effector cell once; a share of those turns into memory.
    assert response.memory[150] / (0.1 * np.trapezoid(response.effector, days)) == pytest.approx(
        1 - share, rel=0.03
    )
    assert 0.88 < 1 - response.all[120] / peak < 0.96
    # Without antigen the effector cells fall as one exponential.
    assert response.effector[60] / response.effector[50] == pytest.approx(np.exp(-1), rel=1e-5)


def test_the_measured_contraction_is_inside_what_the_default_gives():
    quantity = evidence.get("vaccine.contraction")
    assert (quantity.low, quantity.value, quantity.high) == (0.9, 0.93, 0.95)


def memory_half_a_year_later(interval, **changed):
    vaccine = Vaccine(interval=interval, number_of_doses=2, **{**NEW, **changed})
    return vaccine.response([interval + 180.0]).memory[0]


def test_a_boost_too_early_leaves_less_memory():
    assert memory_half_a_year_later(10) < 0.5 * memory_half_a_year_later(42)


def test_an_early_boost_is_not_worse_if_no_cell_clears_antigen_and_memory_forms_at_once():
    """The two terms responsible, clearing and slow contraction, switched off."""
    neutral = {"clearance": 0, "effector_loss": 0.4, "costimulation": 0.4, "maturation": 3}
    slow = {**neutral, "effector_loss": 0.1}

    def early(**rates):
        return memory_half_a_year_later(10, **rates) / memory_half_a_year_later(42, **rates)

    assert early(**neutral) > 0.85
    assert early(**slow) < 0.8
    assert early(**neutral | {"clearance": 3e-5}) < early(**neutral)


def test_tolerance_leaves_fewer_cells_that_see_less():
    vaccines = [Vaccine(held=0.5, tolerance=each) for each in (1, 100, 1e4)]
    np.testing.assert_allclose([v.left() for v in vaccines], [1, 0.1, 0.01])
    np.testing.assert_allclose([v.seen() for v in vaccines], [0.5, 0.05, 0.005])
    firm = Vaccine(held=1, tolerance=100)
    assert firm.seen() < vaccines[1].seen()
    assert Vaccine(held=1, tolerance=1).seen() > vaccines[0].seen()


# field, values, which way the killers half a year after the first dose go
DIRECTIONS = (
    ("held", np.linspace(0.05, 1, 12), 1),
    ("tolerance", np.geomspace(1, 1e6, 12), -1),
    ("costimulation", np.linspace(0, 1, 12), 1),
    ("number_of_doses", (1, 2, 3, 4), 1),
    ("dose", np.geomspace(1, 1e4, 12), 1),
    ("antigen_half_life", np.linspace(0.2, 6, 10), 1),
    ("precursors", np.geomspace(1, 1e8, 12), 1),
    ("divisions", np.linspace(0, 4, 12), 1),
    ("maturation", np.linspace(0.5, 3, 12), -1),
    ("contraction", np.linspace(0, 1, 12), -1),
    ("memory_half_life", np.geomspace(60, 36500, 12), 1),
    ("clearance", np.geomspace(1e-10, 1e-3, 12), -1),
)


@pytest.mark.parametrize("row", DIRECTIONS, ids=lambda row: row[0])
def test_direction_of_a_setting(row):
    name, values, sign = row
    base = {"number_of_doses": 2} if name != "number_of_doses" else {}
    if name == "held":
        base["tolerance"] = 1
    if name == "maturation":
        base["clearance"] = 0
    killers = [Vaccine(**base, **{name: each}).response([180.0]).killers[0] for each in values]
    assert np.all(np.diff(killers) * sign > 0)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: Vaccine(held=1.2), ValueError, "held must be between 0 and 1"),
        (lambda: Vaccine(tolerance=0.5), ValueError, "tolerance must be between 1"),
        (lambda: Vaccine(number_of_doses=1.5), ValueError, "whole number"),
        (lambda: Vaccine(dose=np.nan), ValueError, "NaN"),
        (lambda: Vaccine(interval=[7, 8]), TypeError, "interval must be one number"),
        (lambda: Vaccine(costimulation=True), TypeError, "you gave True"),
        (lambda: Vaccine(adjuvant=1), TypeError, "no setting 'adjuvant'"),
        (lambda: Vaccine().response([-1.0]), ValueError, "times must be between 0"),
        (lambda: ResidualTumour(cells="many"), TypeError, "you gave 'many'"),
        (lambda: ResidualTumour().course([0, 0]), ValueError, "days must increase"),
        (lambda: ResidualTumour().course([1], "E75"), TypeError, "vaccine must be a Vaccine"),
        (lambda: ResidualTumour().course([1], Vaccine(held=[0.1, 0.2])), ValueError, "one patient"),
        (lambda: ResidualTumour().killing(Vaccine(), -1, 1e6), ValueError, "killers must be"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_every_field_is_named_here():
    assert {f.name for f in dataclasses.fields(Vaccine)} == set(VACCINE)
    assert {f.name for f in dataclasses.fields(ResidualTumour)} == set(TUMOUR)
    assert log10(VACCINE["tolerance"]) == 3


def test_the_closed_form_without_antigen_against_dop853():
    """From cells of every kind: at 14 half-lives too few divide for the cases above to tell."""
    rates = log(2), 0.0, 1.0, 1.7, 2.0, 0.1, 0.07, 0.002
    start = np.array([[-inf], [10.0], [1000.0], [200.0], [5.0]])
    days = np.array([0.0, 0.3, 1.0, 5.0, 40.0])
    ours = _without_antigen(days, start, *rates)[:, 2:, 0]

    def chain(t, y):
        ripe, lost = 2.0 * y[0], 0.1 * y[1]
        return [-ripe, ripe - lost, 0.07 * lost - 0.002 * y[2]]

    exact = solve_ivp(chain, (0, 40), start[2:, 0], t_eval=days, **EXACT).y.T
    np.testing.assert_allclose(ours, exact, rtol=1e-8, atol=1e-8)
