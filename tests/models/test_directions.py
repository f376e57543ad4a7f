"""Every parameter pushes in the direction that biology gives it, over its whole range.

The table below must have a row for every field of every parameter class: a field that is added
without saying which way it pushes makes a test fail.
"""

import dataclasses

import numpy as np
import pytest

from course_lib.models.checkpoint_inhibitors import Schedule, Tumour, simulate
from course_lib.models.pharmacokinetics import TwoCompartment, pembrolizumab

UP, DOWN, NOTHING = 1, -1, 0
HOT = {"infiltration": 3}


def grid(cls, name, points=41):
    """Return values over the whole allowed range of a field, as a logarithm if it is wide."""
    each = cls.__dataclass_fields__[name].metadata
    low, high = each["low"], each["high"]
    wide = low > 0 and high / low > 100
    values = np.geomspace(low, high, points) if wide else np.linspace(low, high, points)
    return np.clip(values, low, high)


def last(course, what="size"):
    return getattr(course, what)[-1]


def untreated(values, **more):
    return last(simulate(Tumour(**more | values)))


def treated(values, what="size", dose=200, **more):
    return last(simulate(Tumour(**more | values), Schedule(dose)), what)


def benefit(values, **more):
    """How many times larger the tumour is without the drug."""
    return untreated(values, **more) / treated(values, **more)


def grown(values, **more):
    """Final over initial size."""
    start = np.asarray(next(iter(values.values())))
    return treated(values, **more) / start


def dosed(values, what="size", days=360, **more):
    """Run a hot tumour under schedules, one call per schedule."""
    (name, several) = next(iter(values.items()))
    return np.array(
        [
            last(simulate(Tumour(**HOT), Schedule(**more | {name: v}), days), what)[0]
            for v in several
        ]
    )


def exposure(values, until=365.0):
    """Area under the concentration over a year, from the integral of each exponential."""
    (name, several) = next(iter(values.items()))

    def area(schedule):
        model = pembrolizumab(schedule.weight)
        since = np.maximum(until - schedule.dose_times(), 0)
        terms = zip(model.rates(), model.shares(), strict=True)
        return schedule.dose * sum(
            (share / rate * -np.expm1(-rate * since)).sum() for rate, share in terms
        )

    return np.array([area(Schedule(**{name: value})) for value in several])


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

# (class, field, what is read from a list of values, which way it goes[, values])
TABLE = [
    (Tumour, "infiltration", untreated, DOWN),
    (Tumour, "infiltration", treated, DOWN),
    (Tumour, "cps", lambda v: untreated(v, **HOT), UP),
    (Tumour, "cps", lambda v: treated(v, dose=2, **HOT), UP),
    (Tumour, "cps", lambda v: benefit(v, **HOT), UP),
    (Tumour, "doubling_time", untreated, DOWN),
    (Tumour, "doubling_time", treated, DOWN),
    (Tumour, "sum_of_diameters", treated, UP),
    (Tumour, "sum_of_diameters", lambda v: grown(v, infiltration=0.005, doubling_time=400), UP),
    (Tumour, "lesions", treated, NOTHING),
    (Tumour, "lesions", lambda v: treated(v, "tumour_cells"), DOWN),
    (Tumour, "cells_per_volume", treated, NOTHING),
    (Tumour, "cells_per_volume", lambda v: treated(v, "tumour_cells"), UP),
    (Tumour, "killing_capacity", untreated, DOWN),
    (Tumour, "killing_capacity", treated, DOWN),
    (Tumour, "half_killing_ratio", untreated, UP),
    (Tumour, "half_killing_ratio", treated, UP),
    (Tumour, "t_cell_supply", untreated, DOWN),
    (Tumour, "t_cell_supply", treated, DOWN),
    # T cells follow the tumour: they lag behind a growing one, and outlast a shrinking one
    (Tumour, "t_cell_turnover", untreated, DOWN),
    (Tumour, "t_cell_turnover", lambda v: treated(v, **HOT), UP),
    (Tumour, "brake_maximum", untreated, UP),
    (Tumour, "brake_maximum", lambda v: benefit(v, **HOT), UP),
    (Tumour, "brake_half_cps", untreated, DOWN),
    (Tumour, "brake_half_cps", lambda v: benefit(v, **HOT), DOWN),
    (Tumour, "reference_size", untreated, DOWN),
    (Tumour, "reference_size", treated, DOWN),
    (Schedule, "dose", dosed, DOWN),
    (Schedule, "dose", lambda v: dosed(v, "functional_effect"), UP),
    (Schedule, "dose", exposure, UP),
    (Schedule, "interval", exposure, DOWN),
    (Schedule, "interval", lambda v: dosed(v, dose=10), UP, LAB_DAYS),
    # as long as the effect is saturated, the same few doses cover more days if spread out
    (Schedule, "interval", lambda v: dosed(v, number_of_doses=4), DOWN, LAB_DAYS),
    (Schedule, "number_of_doses", lambda v: dosed(v, interval=7), DOWN, WHOLE_NUMBERS),
    (Schedule, "number_of_doses", exposure, UP, WHOLE_NUMBERS),
    (Schedule, "weight", dosed, UP),
    (Schedule, "weight", exposure, DOWN),
    (Schedule, "functional_ic50", dosed, UP),
    (Schedule, "functional_ic50", lambda v: dosed(v, "functional_effect"), DOWN),
    (Schedule, "functional_ic50", lambda v: dosed(v, "occupancy"), NOTHING),
    (Schedule, "binding_kd", dosed, NOTHING),
    (Schedule, "binding_kd", lambda v: dosed(v, "occupancy"), DOWN),
    (Schedule, "molar_mass", dosed, NOTHING),
    (Schedule, "molar_mass", lambda v: dosed(v, "occupancy", dose=0.01), DOWN),
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


@pytest.mark.parametrize("cls", [Tumour, Schedule, TwoCompartment])
def test_every_field_has_a_direction(cls):
    with_direction = {row[1] for row in TABLE if row[0] is cls and row[3] != NOTHING}
    assert {each.name for each in dataclasses.fields(cls)} == with_direction
