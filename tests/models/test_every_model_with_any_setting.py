"""Any setting a model accepts: results are finite, possible, without a warning, and accurate.

A thousand settings of each model, from all of the ranges it allows: evenly, evenly on a
logarithmic scale, and on the bounds themselves.
"""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from course_lib.models import binding
from course_lib.models.antibody_drug_conjugates import AntibodyDrugConjugate
from course_lib.models.checkpoint_inhibitors import Pembrolizumab
from course_lib.models.chemotherapy import Chemotherapy
from course_lib.models.cohort import Cohort
from course_lib.models.patient import Patient, simulate
from course_lib.models.pharmacokinetics import TwoCompartment, pembrolizumab
from course_lib.models.recist import Criteria, best_change, best_response, progression_scan
from course_lib.models.response_monitoring import LesionTable, explain, irecist, recist
from course_lib.models.survival import cox, kaplan_meier, log_rank
from course_lib.models.trastuzumab import Trastuzumab
from course_lib.models.virtual_trial import Fate, Trial, run

pytestmark = pytest.mark.filterwarnings("error")
seeds = st.integers(0, 2**32 - 1)
HORIZON = 180  # days compared with DOP853
OWN = 3.5  # the course's own step, days


def any_value(each, rng, number):
    """Return allowed values of one field."""
    low, high = each.metadata["low"], each.metadata["high"]
    least = np.log(max(low, 1e-4 * high)) if low >= 0 else 0
    even = rng.uniform(low, high, number)
    values = np.exp(rng.uniform(least, np.log(high), number)) if low >= 0 else even
    values = np.where(rng.random(number) < 0.5, even, values)
    kind = rng.random(number)
    return np.clip(np.select([kind < 0.05, kind > 0.95], [low, high], values), low, high)


def any_setting(cls, rng, number=None, **fixed):
    """Return an instance with random settings: one of each, or ``number`` patients."""
    chosen = {}
    for each in fields(cls):
        values = any_value(each, rng, number or 1)
        if each.metadata["whole"]:
            chosen[each.name] = int(values[0])
        else:
            one = number is None or each.metadata["scalar"]
            chosen[each.name] = float(values[0]) if one else values
    return cls(**chosen | fixed)


def any_chemotherapy(rng):
    cycle, apart = int(rng.integers(7, 85)), int(rng.integers(1, 29))
    doses = int(rng.integers(1, min((cycle - 1) // apart + 1, 12) + 1))
    cycle = {"cycle": cycle, "days_between_doses": apart, "doses_per_cycle": doses}
    return any_setting(Chemotherapy, rng, **cycle)


def any_therapies(rng, number=None):
    drug = any_setting(Pembrolizumab, rng, number)
    return [[drug, any_chemotherapy(rng)], [drug], [any_chemotherapy(rng)], []][rng.integers(4)]


def any_assumed_therapies(rng):
    own = [any_setting(Trastuzumab, rng), any_setting(AntibodyDrugConjugate, rng)]
    return [own, own[:1], own[1:], []][rng.integers(4)]


def positive(low, high):
    return st.floats(np.log(low), np.log(high)).map(np.exp)


@settings(max_examples=1000)
@given(st.one_of(st.just(0.0), positive(1e-12, 1e12)), positive(1e-9, 1e9), positive(1e-9, 1e9))
def test_binding(concentration, kd, other):
    bound = binding.occupancy(concentration, kd)
    assert 0 <= bound <= 1
    shares = binding.competition(concentration, kd, other, kd)
    assert sum(shares) == pytest.approx(1)
    assert min(shares) >= 0
    nanomolar = binding.micrograms_per_ml_to_nanomolar(concentration, kd)
    assert nanomolar * kd == pytest.approx(1000 * concentration)


@settings(max_examples=100)
@given(seeds)
def test_pharmacokinetics(seed):
    """Ten drugs at a time: 1,000 in all; no more antibody than was given."""
    rng = np.random.default_rng(seed)
    drug = any_setting(TwoCompartment, rng, 10)
    alpha, beta = drug.rates()
    assert np.all((alpha >= beta) & (beta > 0) & np.isfinite(alpha))
    doses, interval = rng.uniform(0, 2000, 10), rng.uniform(1, 100)
    days = np.sort(rng.uniform(0, 400, 20))
    given_on = interval * np.arange(5)
    found = drug.concentration(days, given_on, np.broadcast_to(doses, (5, 10)))
    assert np.all((found >= 0) & np.isfinite(found))
    so_far = (given_on <= days[:, None]).sum(axis=1)[:, None] * doses
    assert np.all(found * drug.central_volume <= so_far * (1 + 1e-9))
    assert all(np.all((each >= 0) & np.isfinite(each)) for each in drug.half_lives())
    settled = drug.steady_state(doses, interval)
    assert all(np.all(np.isfinite(each)) for each in settled)
    assert np.all(settled.peak >= settled.trough)
    assert np.all(settled.trough >= 0)
    weight = rng.uniform(20, 300, 10)
    assert np.all(pembrolizumab(weight).concentration(days, [0.0], 200.0) >= 0)


@settings(max_examples=100)
@given(seeds)
def test_pembrolizumab(seed):
    rng = np.random.default_rng(seed)
    drug = any_setting(Pembrolizumab, rng, 10)
    concentration = drug.concentration(np.sort(rng.uniform(0, 3650, 30)))
    assert np.all((concentration >= 0) & np.isfinite(concentration))
    for share in (drug.occupancy(concentration), drug.functional_effect(concentration)):
        assert np.all((share >= 0) & (share <= 1))


@settings(max_examples=1000)
@given(seeds)
def test_chemotherapy(seed):
    rng = np.random.default_rng(seed)
    drug = any_chemotherapy(rng)
    days = np.sort(rng.uniform(0, 3650, 30))
    exposure = drug.exposure(days)
    assert np.all((exposure >= 0) & np.isfinite(exposure))
    assert np.all(np.diff(exposure) >= -1e-9 * exposure[-1])
    kill = drug.effects(days.reshape(-1, 3), np.array([np.inf]), any_setting(Patient, rng, 1))
    for each in (kill.log_kill_high, kill.log_kill_low):
        assert np.all((each >= -1e-9) & np.isfinite(each))


@settings(max_examples=25)
@given(seeds)
def test_patient(seed):
    """Forty patients at a time: 1,000 in all, some for ten years, some with a stop."""
    rng = np.random.default_rng(seed)
    patient, therapies = any_setting(Patient, rng, 40), any_therapies(rng, 40)
    therapies = [*therapies, *any_assumed_therapies(rng)]
    stop = np.where(rng.random(40) < 0.5, np.inf, rng.uniform(0, 400, 40))
    days, step = float(rng.choice([1, 30.5, 360, 3650])), float(rng.choice([0.5, 2, 3.5]))
    course = simulate(patient, therapies, days, step if days < 1000 else 3.5, stop=stop)
    for values in (course.size, course.tumour_cells):
        assert np.all((values > 0) & np.isfinite(values))
    assert np.all((course.t_cells >= 0) & np.isfinite(course.t_cells))
    assert np.all((course.antigen_low_share >= 0) & (course.antigen_low_share <= 1))
    assert np.all(np.diff(course.times) >= 0)


@settings(max_examples=250)
@given(seeds)
def test_virtual_trial(seed):
    """Four patients at a time: 1,000 in all."""
    rng = np.random.default_rng(seed)
    wide = {"cps_from": 0, "cps_below": 101, "immune_cell_share": float(rng.uniform(0.01, 1))}
    low, high = np.sort(rng.uniform(1, 1000, 2)).tolist()
    trial = Trial(
        any_therapies(rng),
        any_therapies(rng),
        cohort=any_setting(Cohort, rng, size_low=low, size_high=high, **wide),
        fate=any_setting(Fate, rng),
        criteria=any_setting(Criteria, rng),
        scans=((int(rng.integers(1, 12)), 24), (int(rng.integers(4, 30)), 100)),
        experimental_share=float(rng.uniform(0, 1)),
        accrual=float(rng.choice([0, rng.uniform(0, 60)])),
        follow_up=float(rng.uniform(1, 60)),
        seed=int(rng.integers(0, 2**31)),
    )
    seen = run(trial, 4)
    for values in vars(seen).values():
        assert values.shape == (4,)
        assert np.all((values >= 0) & np.isfinite(values))
    assert np.all(seen.pfs <= seen.survival)
    assert np.all(seen.survival <= trial.last_day())
    assert np.all(seen.progressed[seen.died])
    assert np.all(seen.best_ratio > 0)


@settings(max_examples=1000)
@given(
    st.lists(
        st.tuples(st.floats(0, 36500) | st.sampled_from([0.0, 56.0]), st.booleans(), st.booleans()),
        min_size=2,
        max_size=40,
    ).filter(lambda rows: len({arm for *_, arm in rows}) == 2)
)
def test_survival(rows):
    time, event, arm = map(np.array, zip(*rows, strict=True))
    curve = kaplan_meier(time, event)
    for values in (curve.low, curve.survival, curve.high):
        assert np.all((values >= 0) & (values <= 1))
        assert np.all(np.diff(values) <= 1e-12)
    assert np.all((curve.low <= curve.survival) & (curve.survival <= curve.high))
    chi2, p = log_rank(time, event, arm)
    assert np.isnan(chi2) or (chi2 >= 0 and 0 <= p <= 1)
    found = cox(time, event, arm)
    assert np.isnan(found.hazard_ratio) or found.hazard_ratio >= 0
    if np.isfinite(found.low):
        assert found.low <= found.hazard_ratio <= found.high
        assert 0 <= found.p <= 1


@settings(max_examples=25)
@given(seeds)
def test_recist_of_a_cohort(seed):
    """Forty patients at a time: 1,000 in all."""
    rng = np.random.default_rng(seed)
    sums = rng.choice([0, 5, 20, 24, 25, 100], (8, 40)) * rng.choice([1, rng.uniform(0.5, 2)])
    sums[0] = rng.uniform(10, 400, 40)
    sums[1:][rng.random((7, 40)) < 0.2] = np.nan
    criteria = any_setting(Criteria, rng)
    scan, change = progression_scan(sums, criteria), best_change(sums, criteria)
    assert np.all((scan == -1) | ((scan > 0) & (scan < 8)))
    assert np.array_equal(np.isnan(change), best_response(sums, criteria) == "NE")
    assert np.all(change[np.isfinite(change)] >= -100)


@settings(max_examples=1000)
@given(seeds)
def test_response_monitoring(seed):
    rng = np.random.default_rng(seed)
    visits, lesions = int(rng.integers(2, 8)), int(rng.integers(1, 6))
    sizes = rng.choice([0, 5, 9, 10, 15, 20, 26, 40, np.nan], (visits, lesions))
    sizes[0] = rng.uniform(15, 80, lesions)
    others = ["absent"] * visits
    if rng.random() < 0.5:
        statuses = ["absent", "present", "progression", "not assessed"]
        others = ["present", *rng.choice(statuses, visits - 1).tolist()]
    table = LesionTable(
        days=np.append(0, np.cumsum(rng.integers(1, 90, visits - 1))),
        sizes=sizes,
        node=np.arange(lesions) < rng.integers(0, 3),
        non_target=others,
        new_lesions=np.append(0, np.cumsum(rng.random(visits - 1) < 0.2)),
    )
    criteria = any_setting(Criteria, rng)
    plain, immune = recist(table, criteria), irecist(table, criteria)
    assert set(plain.overall[1:]) <= {"CR", "PR", "SD", "PD", "NE", "non-CR/non-PD"}
    assert set(immune.responses[1:]) <= {
        "iCR",
        "iPR",
        "iSD",
        "iUPD",
        "iCPD",
        "NE",
        "inon-CR/non-PD",
    }
    assert plain.summary(confirmed=True).best in {"CR", "PR", "SD", "PD", "NE"}
    sentences = explain(table, visits - 1, criteria)
    assert not any("nan" in sentence for sentence in sentences)


def test_patients_against_dop853():
    """A thousand patients in 20 schedules, 180 days, on every dose day and at the end.

    Compared while each class holds more than two cells, or none, and the tumour fewer than 7e13.
    All are within 1e-4 at steps of 0.35 days, or of a fifth of chemotherapy's half-life if that
    is less. Nobody is left out for being near a separatrix: these steps are fine enough. At the
    course's own 3.5 days 81 % are within 1e-4, 95 % within 0.6 %.
    """
    rng = np.random.default_rng(20261121)
    finest, own, amplified = [], [], []
    for _ in range(20):
        patient, chemotherapy = any_setting(Patient, rng, 50), any_chemotherapy(rng)
        interval = float(rng.choice([3.3, 7, 14, 21, 42]))
        therapies = [any_setting(Pembrolizumab, rng, 50, interval=interval), chemotherapy]
        days = np.unique(np.concatenate([each.dose_times() for each in therapies]))
        days = [*days[(days > 0) & (days < HORIZON)].tolist(), HORIZON]
        high, low = by_dop853(patient, *therapies, days)
        inside = comparable(patient, high, low)
        fine = min(0.35, chemotherapy.effect_half_life / 5)
        nudged = np.maximum(patient.sum_of_diameters * (1 - 1e-6), 1)
        nudged = replace(patient, sum_of_diameters=nudged)
        found = sizes(patient, therapies, days, fine)
        for errors, size, exact in (
            (finest, found, patient.size(np.exp(high) + np.exp(low))),
            (own, sizes(patient, therapies, days, OWN), found),
            (amplified, sizes(nudged, therapies, days, fine), found),
        ):
            apart = np.where(inside, np.abs(size / exact - 1), 0).max(axis=0)
            errors.append(apart[inside.any(axis=0)])
    finest, own, amplified = map(np.concatenate, (finest, own, amplified))
    assert finest.size > 800
    assert finest.max() < 1e-4
    assert np.mean(own < 1e-4) > 0.8
    assert np.mean(own < 0.01) > 0.95
    assert amplified.max() > 1e-5  # ten times the nudge: some do run along a separatrix


def sizes(patient, therapies, days, step):
    course = simulate(patient, therapies, HORIZON, step)
    return course.size[np.searchsorted(course.times, days)]


def comparable(patient, high, low):
    """Return where the bounds of one cell and of 8e13 cells have not been touched."""
    start = np.log(spheres(patient) * (patient.sum_of_diameters / patient.lesions) ** 3)
    share = patient.antigen_low_share
    with np.errstate(divide="ignore"):
        rows = [start + np.log1p(-share), start + np.log(share)]
    fewest = np.minimum(
        np.where(share < 1, np.vstack([rows[0], high]), np.inf),
        np.where(share > 0, np.vstack([rows[1], low]), np.inf),
    )
    most = np.logaddexp(np.vstack([rows[0], high]), np.vstack([rows[1], low]))
    fewest, most = np.minimum.accumulate(fewest), np.maximum.accumulate(most)
    return ((fewest > np.log(2)) & (most < 31.9))[1:]


def spheres(p):
    """Return the cells of all lesions at 1 mm each."""
    return p.lesions * p.cells_per_volume * np.pi / 6


def by_dop853(p, drug, chemotherapy, days):
    """Return ln H and ln L, (days, patients) each: drugs integrated too, nothing bounded."""
    number, nothing = p.number(), -700.0  # ln of no cell at all
    flow, volume = (drug.weight / 76.8) ** 0.595, (drug.weight / 76.8) ** 0.489
    clearance, exchange, central, other = 0.22 * flow, 0.795 * flow, 3.48 * volume, 4.06 * volume
    fading = np.log(2) / chemotherapy.effect_half_life
    each = chemotherapy.kill_rate * chemotherapy.cycle / chemotherapy.doses_per_cycle
    reference = spheres(p) * (p.reference_size / p.lesions) ** 3
    supply = p.t_cell_supply * p.infiltration * np.cbrt(reference)
    brake = p.brake_maximum * p.cps / (p.cps + p.brake_half_cps)
    growth, resistant = np.log(2) / p.doubling_time, p.resistant_fraction
    tiny = 1e-300  # where nobody is at home, nobody kills

    def rhs(t, y, since, to_come, so_far):
        a1, a2, log_high, log_low, t_cells = y.reshape(5, number)
        left = to_come * np.exp(-fading * (t - since))
        sensitive = (1 - resistant) * np.exp(-(so_far + to_come - left))
        direct = sensitive * fading * left / (resistant + sensitive + tiny)
        there = exchange / central * a1 - exchange / other * a2
        high, low = np.exp(log_high), np.exp(log_low)
        free = drug.functional_ic50 / (a1 / central + drug.functional_ic50)
        against = t_cells + p.half_killing_ratio * (high + low) + tiny
        kill = (1 - brake * free) * p.killing_capacity * t_cells / against
        seen = np.cbrt(high + p.antigen_low_visibility * low) ** 2
        return np.concatenate(
            [
                -clearance / central * a1 - there,
                there,
                growth - kill - direct,
                growth - p.antigen_low_visibility * kill - direct,
                p.t_cell_turnover * (supply * seen - t_cells),
            ]
        )

    start = np.log(spheres(p) * (p.sum_of_diameters / p.lesions) ** 3)
    with np.errstate(divide="ignore"):
        high = np.maximum(start + np.log1p(-p.antigen_low_share), nothing)
        low = np.maximum(start + np.log(p.antigen_low_share), nothing)
    t_cells = supply * np.cbrt(np.exp(high) + p.antigen_low_visibility * np.exp(low)) ** 2
    y = np.concatenate([np.zeros(2 * number), high, low, t_cells])
    doses, infusions = chemotherapy.dose_times(), drug.dose_times()
    to_come, so_far, since, found = 0.0, 0.0, 0.0, []
    for day in [0.0, *days]:
        if day:
            scale = np.full(5 * number, 1e-10)
            scale[4 * number :] *= np.maximum(y[4 * number :], 1e-3)
            state = solve_ivp(
                rhs,
                (since, day),
                y,
                "DOP853",
                rtol=1e-10,
                atol=scale,
                args=(since, to_come, so_far),
            )
            y = state.y[:, -1]
            left = to_come * np.exp(-fading * (day - since))
            to_come, so_far, since = left, so_far + to_come - left, day
            found.append(y[2 * number : 4 * number].reshape(2, number))
        y[:number] += drug.dose * (day in infusions)
        to_come += each * (day in doses)
    return np.stack(found, axis=1)
