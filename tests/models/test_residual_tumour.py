"""A residual tumour and a patient under a vaccine, against DOP853 and closed forms."""

from math import inf, log

import numpy as np
import pytest

from course_lib.models.cancer_vaccines import ResidualTumour, Vaccine
from course_lib.models.checkpoint_inhibitors import Pembrolizumab
from course_lib.models.patient import Patient, assumed, simulate
from vaccine_oracle import NEW, TUMOUR, patient_by_scipy, tumour_by_scipy

pytestmark = pytest.mark.filterwarnings("error")

DAYS = np.arange(0.0, 401.0, 8.0)


@pytest.mark.parametrize("name", TUMOUR)
def test_a_default_of_the_tumour_is_what_was_decided(name):
    assert getattr(ResidualTumour(), name) == TUMOUR[name]


@pytest.mark.parametrize(
    ("tumour", "vaccine"),
    [
        ({}, {}),
        ({"hla_lost": 0.1}, NEW),
        ({"entry": 0.3, "cells": 1e8, "suppression": 0}, NEW),
        ({"entry": 3}, {"interval": 60, "number_of_doses": 5}),
    ],
)
def test_the_tumour_against_dop853(tumour, vaccine):
    days = np.arange(0.0, 701.0, 50.0)
    course = ResidualTumour(**tumour).course(days, Vaccine(**vaccine))
    exact = tumour_by_scipy(days, tumour, vaccine)
    assert exact.min() > 1  # the model's floor of one cell is not reached
    np.testing.assert_allclose(np.log(course.with_hla), exact, atol=0.03)


def growing(days, cells=1e6):
    return cells * 2 ** (days / 103)


@pytest.mark.parametrize(
    ("tumour", "vaccine"),
    [
        ({}, None),
        ({}, Vaccine(dose=0)),
        ({"shown": 0}, Vaccine(**NEW)),
        ({"hla_lost": 1}, Vaccine(**NEW)),
        ({"entry": 0}, Vaccine(**NEW)),
        ({"suppression": 1}, Vaccine(**NEW)),
    ],
)
def test_a_tumour_that_no_t_cell_can_kill_grows_as_if_alone(tumour, vaccine):
    """Whatever the response: not shown, no HLA, no entry, or all killing stopped."""
    course = ResidualTumour(**tumour).course(DAYS, vaccine)
    np.testing.assert_allclose(course.cells, growing(DAYS), rtol=1e-9)


def test_the_same_vaccine_holds_the_tumour_if_all_is_in_its_favour():
    course = ResidualTumour(hla_lost=0).course(DAYS, Vaccine(**NEW))
    assert course.cells[-1] < 1e4
    assert course.cells.min() >= 1  # never fewer than one


def test_cells_without_hla_grow_undisturbed():
    course = ResidualTumour(hla_lost=0.02).course(DAYS, Vaccine(**NEW))
    np.testing.assert_allclose(course.without_hla, growing(DAYS, 2e4), rtol=1e-9)


@pytest.mark.parametrize("cells", [1e4, 1e6, 1e8])
def test_killers_needed_are_those_at_which_killing_equals_growth(cells):
    tumour, vaccine = ResidualTumour(entry=2, suppression=0.3), Vaccine(**NEW)
    needed = tumour.killers_needed(vaccine, cells)
    assert tumour.killing(vaccine, needed, cells) == pytest.approx(tumour.growth(), rel=1e-12)
    assert needed == pytest.approx(
        0.225
        * log(2)
        / 103
        / (0.7 * 0.9 - log(2) / 103)
        * (cells / 1e6) ** (1 / 3)
        / (0.72 * 2 * 3e-9),
        rel=1e-9,
    )


@pytest.mark.parametrize(
    "tumour", [{"suppression": 1}, {"shown": 0}, {"entry": 0}, {"suppression": 0.995}]
)
def test_no_number_of_killers_is_enough_if_killing_cannot_reach_growth(tumour):
    assert ResidualTumour(**tumour).killers_needed(Vaccine(**NEW), 1e6) == inf


@pytest.mark.parametrize(
    ("name", "values", "sign"),
    [
        ("cells", np.geomspace(1e3, 1e9, 8), 1),
        ("hla_lost", np.geomspace(1e-6, 1, 8), 1),
        ("shown", np.linspace(0, 1, 8), -1),
        ("entry", np.geomspace(0.01, 3, 8), -1),
        ("suppression", np.linspace(0, 1, 8), 1),
        ("doubling_time", np.geomspace(40, 400, 8), -1),
        ("killing_capacity", np.linspace(0, 2, 8), -1),
        ("half_killing_ratio", np.geomspace(1e-2, 10, 8), 1),
        ("reach", np.geomspace(1e-11, 1e-8, 8), -1),
        ("reference", np.geomspace(1e3, 1e7, 8), -1),
    ],
)
def test_direction_of_a_tumour_setting(name, values, sign):
    sizes = [
        ResidualTumour(**{name: each}).course([300.0], Vaccine(**NEW)).cells[0] for each in values
    ]
    assert np.all(np.diff(np.log(sizes)) * sign > 0)


def test_the_vaccine_is_a_therapy_declared_assumed():
    assert assumed([Vaccine(), Pembrolizumab()]) == ("Vaccine",)
    np.testing.assert_array_equal(Vaccine(interval=60).dose_times(), [0, 60, 120])


@pytest.mark.parametrize("vaccine", [{}, NEW, {**NEW, "interval": 60, "number_of_doses": 2}])
def test_the_patient_with_a_vaccine_against_dop853_of_the_whole(vaccine):
    days = [56.0, 120.0, 300.0]
    course = simulate(Patient(), [Vaccine(**vaccine)], 300, 0.5)
    rows = np.searchsorted(course.times, days)
    high, low, t_cells = patient_by_scipy(days, **vaccine)
    np.testing.assert_allclose(
        np.log(course.tumour_cells[rows, 0]), np.logaddexp(high, low), rtol=1e-4
    )
    np.testing.assert_allclose(course.t_cells[rows, 0], t_cells, rtol=5e-3)


def test_a_vaccine_that_is_stopped_boosts_no_more_and_one_without_effect_changes_nothing():
    stages = np.array([[0.0, 30, 60], [60, 100, 200]])
    stops = np.array([inf, 40.0, 40.0])
    recruited = Vaccine(**NEW).effects(stages, stops, Patient()).recruitment
    once = Vaccine(number_of_doses=2, **NEW).effects(stages, np.array([inf]), Patient()).recruitment
    np.testing.assert_allclose(recruited[..., 1:], np.broadcast_to(once, (2, 3, 2)), rtol=0.05)
    assert recruited[1, 1, 0] - 1 > 1.4 * (recruited[1, 1, 1] - 1)
    alone = simulate(Patient(), [], 200).size
    np.testing.assert_allclose(simulate(Patient(), [Vaccine(dose=0)], 200, 3.5).size[-1], alone[-1])
