"""Every parameter pushes in the direction that biology gives it, over its whole range.

The table below must have a row for every field of every parameter class: a field that is added
without saying which way it pushes makes a test fail.
"""

import dataclasses

import numpy as np
import pytest

from course_lib.models.checkpoint_inhibitors import Pembrolizumab
from course_lib.models.chemotherapy import Chemotherapy
from course_lib.models.patient import Patient, simulate
from course_lib.models.pharmacokinetics import TwoCompartment, pembrolizumab
from course_lib.models.trastuzumab import Trastuzumab

UP, DOWN, NOTHING = 1, -1, 0
HOT = {"infiltration": 3}
MANY_COPIES = {"her2": 5e5, "infiltration": 0}


def grid(cls, name, points=41):
    """Return values over the whole allowed range of a field, as a logarithm if it is wide."""
    each = cls.__dataclass_fields__[name].metadata
    low, high = each["low"], each["high"]
    wide = low > 0 and high / low > 100
    values = np.geomspace(low, high, points) if wide else np.linspace(low, high, points)
    return np.clip(values, low, high)


def last(course, what="size"):
    return getattr(course, what)[-1]


def untreated(values, what="size", **more):
    return last(simulate(Patient(**more | values)), what)


def treated(values, what="size", dose=200, **more):
    return last(simulate(Patient(**more | values), [Pembrolizumab(dose)]), what)


def with_chemotherapy(values, what="size", **more):
    return last(simulate(Patient(**more | values), [Chemotherapy()]), what)


def with_trastuzumab(values, what="size", **more):
    return last(simulate(Patient(**more | values), [Trastuzumab()], 120), what)


def trastuzumab(values, days=120, **more):
    """Run a tumour with much HER2 under trastuzumab, one call per setting."""
    ((name, several),) = values.items()
    drugs = [Trastuzumab(**more | {name: value}) for value in several.tolist()]
    return np.array([last(simulate(Patient(**MANY_COPIES), [drug], days))[0] for drug in drugs])


def benefit(values, **more):
    """How many times larger the tumour is without the drug."""
    return untreated(values, **more) / treated(values, **more)


def grown(values, **more):
    """Final over initial size."""
    start = np.asarray(next(iter(values.values())))
    return treated(values, **more) / start


def dosed(values, days=360, **more):
    """Run a hot tumour under pembrolizumab, one call per drug."""
    ((name, several),) = values.items()
    drugs = [Pembrolizumab(**more | {name: value}) for value in several]
    return np.array([last(simulate(Patient(**HOT), [drug], days))[0] for drug in drugs])


def at_day(values, what, day=360.0, **more):
    """Read the drug itself: its occupancy or its effect on a day."""
    ((name, several),) = values.items()
    drugs = [Pembrolizumab(**more | {name: value}) for value in several]
    return np.array([getattr(drug, what)(drug.concentration(day)) for drug in drugs])


def chemotherapy(values, read, **more):
    """Read chemotherapy with one setting changed, one call per setting."""
    ((name, several),) = values.items()
    return np.array([read(Chemotherapy(**more | {name: value})) for value in several])


def chemotherapy_size(values, days=360, **more):
    """Run a cold tumour under chemotherapy, one call per setting."""
    patient = Patient(infiltration=0.3)
    return chemotherapy(values, lambda drug: last(simulate(patient, [drug], days))[0], **more)


def exposure(values, until=365.0):
    """Area under the concentration over a year, from the integral of each exponential."""
    (name, several) = next(iter(values.items()))

    def area(drug):
        model = pembrolizumab(drug.weight)
        since = np.maximum(until - drug.dose_times(), 0)
        terms = zip(model.rates(), model.shares(), strict=True)
        return drug.dose * sum(
            (share / rate * -np.expm1(-rate * since)).sum() for rate, share in terms
        )

    return np.array([area(Pembrolizumab(**{name: value})) for value in several])


def kinetic(values, read):
    base = {
        "clearance": 0.22,
        "central_volume": 3.48,
        "intercompartmental_clearance": 0.795,
        "peripheral_volume": 4.06,
    }
    return read(TwoCompartment(**base | values))


WHOLE_NUMBERS = np.arange(1, 201, 4)
LAB_DAYS = np.arange(7, 85, 7)

CYCLES = np.arange(7, 85)

# (class, field, what is read from a list of values, which way it goes[, values])
TABLE = [
    (Patient, "infiltration", untreated, DOWN),
    (Patient, "infiltration", treated, DOWN),
    (Patient, "infiltration", lambda v: untreated(v, "antigen_low_share"), UP, np.linspace(0, 2)),
    (Patient, "cps", lambda v: untreated(v, **HOT), UP),
    (Patient, "cps", lambda v: treated(v, dose=2, **HOT), UP),
    (Patient, "cps", lambda v: benefit(v, **HOT), UP),
    (Patient, "doubling_time", untreated, DOWN),
    (Patient, "doubling_time", treated, DOWN),
    (Patient, "doubling_time", with_chemotherapy, DOWN),
    (Patient, "sum_of_diameters", treated, UP),
    (Patient, "sum_of_diameters", with_chemotherapy, UP),
    (Patient, "sum_of_diameters", lambda v: grown(v, infiltration=0.005, doubling_time=400), UP),
    (Patient, "antigen_low_share", untreated, UP),
    (Patient, "antigen_low_share", treated, UP),
    (Patient, "antigen_low_share", lambda v: benefit(v, **HOT), DOWN),
    (Patient, "antigen_low_share", lambda v: treated(v, "antigen_low_share"), UP),
    (Patient, "resistant_fraction", with_chemotherapy, UP),
    (Patient, "resistant_fraction", untreated, NOTHING),
    (Patient, "resistant_fraction", treated, NOTHING),
    (Patient, "lesions", treated, NOTHING),
    (Patient, "lesions", with_chemotherapy, NOTHING),
    (Patient, "lesions", lambda v: treated(v, "tumour_cells"), DOWN),
    (Patient, "cells_per_volume", treated, NOTHING),
    (Patient, "cells_per_volume", lambda v: treated(v, "tumour_cells"), UP),
    (Patient, "killing_capacity", untreated, DOWN),
    (Patient, "killing_capacity", treated, DOWN),
    (Patient, "half_killing_ratio", untreated, UP),
    (Patient, "half_killing_ratio", treated, UP),
    (Patient, "t_cell_supply", untreated, DOWN),
    (Patient, "t_cell_supply", treated, DOWN),
    # T cells follow the tumour: they lag behind a growing one, and outlast a shrinking one
    (Patient, "t_cell_turnover", untreated, DOWN),
    (Patient, "t_cell_turnover", lambda v: treated(v, **HOT), UP),
    (Patient, "antigen_low_visibility", untreated, DOWN),
    (Patient, "antigen_low_visibility", lambda v: treated(v, antigen_low_share=0.3), DOWN),
    (Patient, "antigen_low_visibility", lambda v: treated(v, "antigen_low_share"), DOWN),
    (Patient, "brake_maximum", untreated, UP),
    (Patient, "brake_maximum", lambda v: benefit(v, **HOT), UP),
    (Patient, "brake_half_cps", untreated, DOWN),
    (Patient, "brake_half_cps", lambda v: benefit(v, **HOT), DOWN),
    (Patient, "reference_size", untreated, DOWN),
    (Patient, "reference_size", treated, DOWN),
    (Patient, "her2", with_trastuzumab, DOWN),
    (Patient, "her2", treated, NOTHING),
    (Patient, "her2", with_chemotherapy, NOTHING),
    (Patient, "low_her2_ratio", lambda v: with_trastuzumab(v, **MANY_COPIES), DOWN),
    (
        Patient,
        "low_her2_ratio",
        lambda v: with_trastuzumab(v, "antigen_low_share", **MANY_COPIES),
        DOWN,
    ),
    (Patient, "low_her2_ratio", treated, NOTHING),
    (
        Patient,
        "effector_cells",
        lambda v: with_trastuzumab(v, **MANY_COPIES),
        DOWN,
        np.linspace(0, 10, 21),
    ),
    (Patient, "effector_cells", treated, NOTHING),
    (Trastuzumab, "loading_dose", lambda v: trastuzumab(v, 20), DOWN, np.linspace(0, 50, 8)),
    (Trastuzumab, "dose", trastuzumab, DOWN, np.linspace(0, 50, 8)),
    (Trastuzumab, "interval", trastuzumab, UP, np.array([10, 15, 20, 30, 40, 60, 120])),
    (Trastuzumab, "number_of_doses", trastuzumab, DOWN, np.arange(1, 7)),
    # mg/kg: a heavy patient gets more into the same volume, and then clears it faster
    (
        Trastuzumab,
        "weight",
        lambda v: np.array([Trastuzumab(weight=each).concentration(1.0) for each in v["weight"]]),
        UP,
        np.linspace(20, 300, 8),
    ),
    (Trastuzumab, "half_reach", trastuzumab, UP, np.geomspace(1e-3, 1e6, 10)),
    (Trastuzumab, "kill_rate", trastuzumab, DOWN, np.linspace(0, 0.1, 8)),
    (Trastuzumab, "half_tags", trastuzumab, UP, np.geomspace(1, 1e8, 9)),
    (Pembrolizumab, "dose", dosed, DOWN),
    (Pembrolizumab, "dose", lambda v: at_day(v, "functional_effect"), UP),
    (Pembrolizumab, "dose", exposure, UP),
    (Pembrolizumab, "interval", exposure, DOWN),
    (Pembrolizumab, "interval", lambda v: dosed(v, dose=10), UP, LAB_DAYS),
    # as long as the effect is saturated, the same few doses cover more days if spread out
    (Pembrolizumab, "interval", lambda v: dosed(v, number_of_doses=4), DOWN, LAB_DAYS),
    (Pembrolizumab, "number_of_doses", lambda v: dosed(v, interval=7), DOWN, WHOLE_NUMBERS),
    (Pembrolizumab, "number_of_doses", exposure, UP, WHOLE_NUMBERS),
    (Pembrolizumab, "weight", dosed, UP),
    (Pembrolizumab, "weight", exposure, DOWN),
    (Pembrolizumab, "functional_ic50", dosed, UP),
    (Pembrolizumab, "functional_ic50", lambda v: at_day(v, "functional_effect"), DOWN),
    (Pembrolizumab, "functional_ic50", lambda v: at_day(v, "occupancy"), NOTHING),
    (Pembrolizumab, "binding_kd", dosed, NOTHING),
    (Pembrolizumab, "binding_kd", lambda v: at_day(v, "occupancy"), DOWN),
    (Pembrolizumab, "molar_mass", dosed, NOTHING),
    (Pembrolizumab, "molar_mass", lambda v: at_day(v, "occupancy", dose=0.01), DOWN),
    (Chemotherapy, "kill_rate", chemotherapy_size, DOWN),
    (Chemotherapy, "kill_rate", lambda v: chemotherapy(v, lambda d: d.exposure(100.0)), UP),
    # the same kill comes later if it fades slowly
    (Chemotherapy, "effect_half_life", lambda v: chemotherapy_size(v, 60), UP),
    (Chemotherapy, "effect_half_life", lambda v: chemotherapy(v, lambda d: d.exposure(40.0)), DOWN),
    # each dose is as strong as its cycle is long: a few long cycles kill more than short ones
    (
        Chemotherapy,
        "cycle",
        lambda v: chemotherapy_size(v, doses_per_cycle=1, number_of_cycles=2),
        DOWN,
        CYCLES,
    ),
    (
        Chemotherapy,
        "cycle",
        lambda v: chemotherapy(v, lambda d: d.exposure(40.0), doses_per_cycle=1),
        UP,
        np.arange(40, 85),
    ),
    # spread over the cycle, the same kill comes later
    (
        Chemotherapy,
        "doses_per_cycle",
        lambda v: chemotherapy(v, lambda d: d.exposure(84.0), cycle=84, number_of_cycles=1),
        DOWN,
        np.arange(1, 13),
    ),
    (
        Chemotherapy,
        "doses_per_cycle",
        lambda v: chemotherapy_size(v, 60, cycle=84),
        UP,
        np.arange(1, 13),
    ),
    (
        Chemotherapy,
        "days_between_doses",
        lambda v: chemotherapy(v, lambda d: d.exposure(56.0), cycle=84),
        DOWN,
        np.arange(1, 29),
    ),
    (
        Chemotherapy,
        "days_between_doses",
        lambda v: chemotherapy_size(v, 56, cycle=84),
        UP,
        np.arange(1, 29),
    ),
    (Chemotherapy, "number_of_cycles", chemotherapy_size, DOWN, np.arange(1, 14)),
    (
        Chemotherapy,
        "number_of_cycles",
        lambda v: chemotherapy(v, lambda d: d.exposure(5700.0)),
        UP,
        WHOLE_NUMBERS,
    ),
    (TwoCompartment, "clearance", lambda v: kinetic(v, lambda m: m.half_lives().beta), DOWN),
    (
        TwoCompartment,
        "clearance",
        lambda v: kinetic(v, lambda m: m.steady_state(200, 21).auc),
        DOWN,
    ),
    (TwoCompartment, "central_volume", lambda v: kinetic(v, lambda m: m.half_lives().beta), UP),
    (
        TwoCompartment,
        "central_volume",
        lambda v: kinetic(v, lambda m: m.concentration(0, [0], 200)),
        DOWN,
    ),
    (
        TwoCompartment,
        "intercompartmental_clearance",
        lambda v: kinetic(v, lambda m: m.half_lives().alpha),
        DOWN,
    ),
    (
        TwoCompartment,
        "intercompartmental_clearance",
        lambda v: kinetic(v, lambda m: m.half_lives().beta),
        DOWN,
    ),
    (TwoCompartment, "peripheral_volume", lambda v: kinetic(v, lambda m: m.half_lives().beta), UP),
    (
        TwoCompartment,
        "peripheral_volume",
        lambda v: kinetic(
            v, lambda m: m.steady_state(200, 21).peak - m.steady_state(200, 21).trough
        ),
        NOTHING,
    ),
]
NAMES = [f"{i}-{row[0].__name__}.{row[1]}" for i, row in enumerate(TABLE)]


@pytest.mark.parametrize("row", TABLE, ids=NAMES)
def test_direction(row):
    cls, name, read, direction, *values = row
    several = values[0] if values else grid(cls, name)
    seen = read({name: several})
    assert seen.shape == several.shape
    assert np.all(np.isfinite(seen))
    noise = 1e-7 * np.max(np.abs(seen))
    if direction == NOTHING:
        assert np.ptp(seen) <= noise
    else:
        assert np.min(np.diff(seen) * direction) >= -noise
        assert (seen[-1] - seen[0]) * direction > 1e-3 * np.max(np.abs(seen))


@pytest.mark.parametrize("cls", [Patient, Pembrolizumab, Chemotherapy, Trastuzumab, TwoCompartment])
def test_every_field_has_a_direction(cls):
    with_direction = {row[1] for row in TABLE if row[0] is cls and row[3] != NOTHING}
    assert {each.name for each in dataclasses.fields(cls)} == with_direction
