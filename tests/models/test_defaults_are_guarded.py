"""A default that changes by 10 % is noticed: every reading has an independent twin.

``READINGS`` runs the models with their defaults. ``EXPECTED`` holds the same quantities from
other solvers and from closed forms, with the numbers typed in (``model_oracles``).
"""

import dataclasses
import math
from functools import cache

import numpy as np
import pytest

import her2_oracles
import model_oracles as oracles
from course_lib import evidence
from course_lib.models import binding
from course_lib.models.antibody_drug_conjugates import AntibodyDrugConjugate
from course_lib.models.checkpoint_inhibitors import Pembrolizumab
from course_lib.models.chemotherapy import Chemotherapy
from course_lib.models.patient import Patient, simulate
from course_lib.models.pharmacokinetics import pembrolizumab
from course_lib.models.trastuzumab import Trastuzumab

DAYS = [120.0, 360.0]
WHOLE = {
    "pembrolizumab.number_of_doses",
    "chemotherapy.cycle_days",
    "chemotherapy.days_between_doses",
    "chemotherapy.doses_per_cycle",
    "chemotherapy.number_of_cycles",
    "trastuzumab.number_of_doses",
    "conjugate.number_of_doses",
}
CLASSES = (Patient, Pembrolizumab, Chemotherapy, Trastuzumab, AntibodyDrugConjugate)


def run(patient=None, therapies=(), step=1):
    course = simulate(Patient(**patient or {}), therapies, step=step)
    rows = np.searchsorted(course.times, DAYS)
    return course.size[rows, 0], course.antigen_low_share[rows, 0]


def treated(patient=None, **drug):
    return run(patient, [Pembrolizumab(**drug)])[0]


def start(name, **patient):
    return getattr(simulate(Patient(**patient), days=1), name)[0, 0]


def occupancy_of_a_small_dose():
    drug = Pembrolizumab(dose=0.01)
    return drug.occupancy(drug.concentration(20.0))


def expected_occupancy_of_a_small_dose():
    nanomolar = oracles.by_scipy([20.0], dose=0.01)[2][0] * 1000 / 149
    return nanomolar / (nanomolar + 0.029)


def killed(drug, day=200.0):
    """Return G of either class of the typical patient."""
    stages = np.full((1, 3), day)
    effects = drug.effects(stages, np.array([np.inf]), Patient())
    return [float(effects.log_kill_high[0, 0, 0]), float(effects.log_kill_low[0, 0, 0])]


def trastuzumab_in_blood(day=100.0, **more):
    return Trastuzumab(**more).concentration(day, step=0.1)


def expected_trastuzumab(row, day, weight=66):
    days, doses = her2_oracles.label_days(), her2_oracles.label_doses(weight)
    return her2_oracles.trastuzumab_by_scipy([day], days, doses, weight)[row, 0]


def conjugate_readings(**more):
    drug = AntibodyDrugConjugate(**more)
    return [*drug.in_blood(100.0), drug.loose_payload(100.0)]


def expected_conjugate(rows, day=100.0, **more):
    return her2_oracles.conjugate_by_scipy([day], her2=(11250, 1125), **more)[rows, 0]


def conjugate_cells():
    """Return ln H and ln L of the typical patient without T cells, on day 200."""
    patient = Patient(infiltration=0)
    course = simulate(patient, [AntibodyDrugConjugate()], 200, 0.5)
    cells, low = course.tumour_cells[-1, 0], course.antigen_low_share[-1, 0]
    return np.log([cells * (1 - low), cells * low])


READINGS = {
    "treated": lambda: treated(),
    "untreated": lambda: run()[0],
    "chemotherapy": lambda: run({}, [Chemotherapy()], 0.5)[0],
    "both": lambda: run({}, [Pembrolizumab(), Chemotherapy()], 0.5)[0],
    "hot, small dose": lambda: treated({"infiltration": 3}, dose=5),
    "hot, cps 3": lambda: treated({"infiltration": 3, "cps": 3}),
    "antigen-low share": lambda: run({"infiltration": 3}, [Pembrolizumab()])[1],
    "concentration": lambda: Pembrolizumab().concentration(DAYS, before=True),
    "concentration, 50 kg": lambda: Pembrolizumab(weight=50).concentration(DAYS, before=True),
    "kinetics, 50 kg": lambda: dataclasses.astuple(pembrolizumab(50)),
    "last dose day": lambda: Pembrolizumab().dose_times()[-1],
    "days of chemotherapy": lambda: Chemotherapy().dose_times()[[1, 2, 3, -1]],
    "occupancy": occupancy_of_a_small_dose,
    "tumour cells": lambda: start("tumour_cells"),
    "antigen-low share at the start": lambda: start("antigen_low_share"),
    "cps and brake": lambda: (Patient().cps, Patient().brake(), Patient(cps=5).brake()),
    "T cells, small tumour": lambda: start("t_cells", sum_of_diameters=20),
    "trastuzumab": trastuzumab_in_blood,
    "trastuzumab, 90 kg": lambda: trastuzumab_in_blood(weight=90),
    "trastuzumab, last dose day": lambda: Trastuzumab().dose_times()[-1],
    "killed by trastuzumab": lambda: killed(Trastuzumab()),
    "conjugate": conjugate_readings,
    "conjugate, 90 kg": lambda: conjugate_readings(weight=90),
    "conjugate, last dose day": lambda: AntibodyDrugConjugate().dose_times()[-1],
    "cells under the conjugate": conjugate_cells,
}


def spheres(diameters):
    return 3 * 2.06e5 * np.pi / 6 * (diameters / 3) ** 3


def expected_t_cells(diameters):
    seen = spheres(diameters) * (0.97 + 0.1 * 0.03)
    return oracles.TYPICAL["t_cell_supply"] * spheres(89.6) ** (1 / 3) * seen ** (2 / 3)


EXPECTED = {
    "treated": lambda: oracles.size_by_scipy(DAYS),
    "untreated": lambda: oracles.size_by_scipy(DAYS, dose=0),
    "chemotherapy": lambda: oracles.size_by_scipy(DAYS, True, dose=0),
    "both": lambda: oracles.size_by_scipy(DAYS, True),
    "hot, small dose": lambda: oracles.size_by_scipy(DAYS, infiltration=3, dose=5),
    "hot, cps 3": lambda: oracles.size_by_scipy(DAYS, infiltration=3, cps=3),
    "antigen-low share": lambda: oracles.by_scipy(DAYS, infiltration=3)[3],
    "concentration": lambda: oracles.by_scipy(DAYS)[2],
    "concentration, 50 kg": lambda: oracles.by_scipy(DAYS, weight=50)[2],
    "kinetics, 50 kg": lambda: oracles.kinetics(50),
    "last dose day": lambda: 21 * 34,
    "days of chemotherapy": lambda: (7, 14, 28, 47 * 28 + 14),
    "occupancy": expected_occupancy_of_a_small_dose,
    "tumour cells": lambda: spheres(89.6),
    "antigen-low share at the start": lambda: 0.03,
    "cps and brake": lambda: (20, 0.9 * 20 / 25, 0.9 * 5 / 10),
    "T cells, small tumour": lambda: expected_t_cells(20),
    "trastuzumab": lambda: expected_trastuzumab(0, 100.0),
    "trastuzumab, 90 kg": lambda: expected_trastuzumab(0, 100.0, 90),
    "trastuzumab, last dose day": lambda: 21 * 17,
    "killed by trastuzumab": lambda: expected_trastuzumab(slice(1, 3), 200.0),
    "conjugate": lambda: expected_conjugate(slice(0, 3)),
    "conjugate, 90 kg": lambda: expected_conjugate(slice(0, 3), weight=90),
    "conjugate, last dose day": lambda: 21 * 7,
    "cells under the conjugate": lambda: expected_conjugate(slice(3, 5), 200.0, share=0.03),
}
TOLERANCE = 1e-6
# The steps of trastuzumab's kinetics, and of integrals between doses, are longer.
LOOSER = {"killed by trastuzumab": 2e-5, "conjugate": 2e-5, "conjugate, 90 kg": 2e-5}


@cache
def twin(name):
    """Return the independent value, computed once."""
    return EXPECTED[name]()


def differing():
    """Return the names of the readings that differ from their twins."""
    return [
        name
        for name, read in READINGS.items()
        if not np.allclose(read(), twin(name), rtol=LOOSER.get(name, TOLERANCE), atol=0)
    ]


def used_keys():
    """Return every evidence key that the models read while they run."""
    seen, get = set(), evidence.get
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evidence, "get", lambda key: seen.add(key) or get(key))
        for read in READINGS.values():
            read()
        pembrolizumab()
    return sorted(seen)


@pytest.mark.parametrize("name", READINGS)
def test_reading_against_its_independent_twin(name):
    np.testing.assert_allclose(READINGS[name](), twin(name), rtol=LOOSER.get(name, TOLERANCE))


@pytest.mark.parametrize("key", used_keys())
@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_a_default_changed_by_ten_percent_is_noticed(key, factor, monkeypatch):
    get = evidence.get

    def changed(asked):
        quantity = get(asked)
        if asked != key:
            return quantity
        value = quantity.value * factor
        away = math.floor if factor < 1 else math.ceil  # by a whole one at least
        return dataclasses.replace(quantity, value=away(value) if key in WHOLE else value)

    monkeypatch.setattr(evidence, "get", changed)
    assert differing()


def test_no_default_hides_from_the_readings():
    """Every field's default and every number of the kinetics is read, and so guarded above."""
    declared = {each.metadata["key"] for cls in CLASSES for each in dataclasses.fields(cls)}
    assert declared <= set(used_keys())
    known = {
        key
        for topic in evidence.topics()
        for key, each in evidence.topic(topic).items()
        if each.unit != "text"
    }
    constants = {key for key in known if key.startswith(("checkpoint_model.", "chemotherapy."))}
    assert constants
    assert constants <= declared
    # the numbers of the kinetics: pembrolizumab, trastuzumab, conjugate
    assert len(used_keys()) == len(declared) + 7 + 7 + 6


def calculated():
    """Return what the models make of every number that evidence calls our own calculation."""
    model, drug = pembrolizumab(), Pembrolizumab()
    trough, peak, auc = model.steady_state(drug.dose, drug.interval)
    per_mg = binding.micrograms_per_ml_to_nanomolar(1, drug.molar_mass)
    return {
        "pembrolizumab.terminal_half_life": model.half_lives().beta,
        "pembrolizumab.distribution_half_life": model.half_lives().alpha,
        "pembrolizumab.steady_state_trough": trough,
        "pembrolizumab.steady_state_peak": peak,
        "pembrolizumab.steady_state_auc": auc,
        "pembrolizumab.nanomolar_per_mg_per_litre": per_mg,
        "pembrolizumab.occupancy_tight": 100 * binding.occupancy(per_mg / 2, drug.binding_kd),
        "pembrolizumab.occupancy_loose": 100 * binding.occupancy(per_mg / 2, 3.0),
    }


def test_numbers_that_evidence_calls_calculated_are_what_the_models_say():
    known = {
        key: each for topic in evidence.topics() for key, each in evidence.topic(topic).items()
    }
    printed = {
        key: each.value
        for key, each in known.items()
        if key.startswith("pembrolizumab.") and each.kind == "calculated"
    }
    ours = calculated()
    assert printed.keys() == ours.keys()
    for key, value in printed.items():
        decimals = len(str(value).partition(".")[2])
        assert round(float(ours[key]), decimals) == value, key
