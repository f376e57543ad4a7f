"""Arms of a designed trial against closed forms, by-hand integration and ``virtual_trial.run``."""

from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from course_lib import evidence
from course_lib.models.checkpoint_inhibitors import Pembrolizumab
from course_lib.models.chemotherapy import Chemotherapy
from course_lib.models.cohort import Cohort
from course_lib.models.ode import days_between
from course_lib.models.patient import STEP, assumed, integrate
from course_lib.models.survival import cox, kaplan_meier
from course_lib.models.trial_design import (
    BASE,
    CALIBRATED,
    CONTROL,
    AfterProgression,
    Design,
    Events,
    HypotheticalDrug,
    Population,
    Result,
    everybody,
    seen,
    trial,
)
from course_lib.models.virtual_trial import BLOCK, DAYS_PER_MONTH, Trial, run

CROSSED = (*CONTROL, AfterProgression(Pembrolizumab()))


@pytest.fixture(scope="module")
def population():
    return Population.drawn(2048, [7, 0])


@pytest.fixture(scope="module")
def control(population):
    return population.under(CONTROL)


def ratio(result, endpoint="pfs"):
    return cox(*result.endpoint(endpoint), result.experimental)


def assert_same(one, other):
    for each in fields(Result):
        assert np.array_equal(getattr(one, each.name), getattr(other, each.name)), each.name


# ---- the hypothetical drug ---------------------------------------------------------


@pytest.mark.parametrize("hazard_ratio", [0.4, 0.7, 1.5])
def test_survival_is_the_control_arms_to_the_power_of_the_stated_ratio(control, hazard_ratio):
    drug = HypotheticalDrug(hazard_ratio, works_from=0)
    treated = drug.given_first(control, np.zeros(2048))
    for day in (40, 56, 112, 200, 300, 500, 900, 1281):
        before, after = ((each.first() > day).mean() for each in (control, treated))
        assert after == pytest.approx(before**hazard_ratio, abs=1.5 / 2048)


@pytest.mark.parametrize("hazard_ratio", [0.4, 0.55, 0.7, 0.85, 1.0])
def test_coxs_ratio_is_the_stated_one_wherever_the_drug_works(population, control, hazard_ratio):
    drug = HypotheticalDrug(hazard_ratio, works_from=10)
    cps = population.patient.cps
    works = cps >= 10
    treated = drug.given_first(control, cps)
    found = ratio(everybody(treated.some(works), control.some(works), 24))
    assert found.hazard_ratio == pytest.approx(hazard_ratio, abs=0.012)
    assert np.array_equal(treated.progression[~works], control.progression[~works])
    assert np.array_equal(treated.death[~works], control.death[~works])


def test_a_ratio_of_one_changes_nothing(population, control):
    drug = HypotheticalDrug(1, works_from=5)
    for arm in (drug.given_first, drug.given_after_progression):
        for one, other in zip(arm(control, population.patient.cps), control, strict=True):
            assert np.array_equal(one, other)


def test_the_stronger_the_later_for_every_single_patient(population, control):
    cps = population.patient.cps
    arms = [HypotheticalDrug(hr, 0).given_first(control, cps) for hr in (2, 1, 0.8, 0.4)]
    for worse, better in pairwise(arms):
        assert np.all(better.first() >= worse.first())
        assert np.any(better.first() > worse.first())
        assert np.mean(better.death > 730) > np.mean(worse.death > 730)


def test_the_higher_it_works_from_the_fewer_gain(population, control):
    cps = population.patient.cps
    gains = [
        np.sum(HypotheticalDrug(0.5, start).given_first(control, cps).first() > control.first())
        for start in (0, 1, 10, 30, 100)
    ]
    assert gains == sorted(set(gains), reverse=True)
    assert gains[-1] <= np.sum(cps >= 100)


def test_patients_take_whole_courses_of_the_control_arm(population, control):
    treated = HypotheticalDrug(0.5, 0).given_first(control, population.patient.cps)
    known = set(zip(*control, strict=True))
    assert set(zip(*treated, strict=True)) <= known


def made(number=20_000, seed=3, risk=0.004):
    """Return patients who progress at a scan and die at a constant risk, both known."""
    rng = np.random.default_rng(seed)
    progression = 56.0 * np.ceil(rng.exponential(150, number) / 56)
    death = rng.exponential(1 / risk, number)
    return Events(np.where(progression < death, progression, np.inf), death)


@pytest.mark.parametrize("hazard_ratio", [0.3, 0.6, 1.8])
def test_after_progression_a_constant_risk_is_multiplied(hazard_ratio):
    """Then D' = P + (D - P) / HR, and D' - P is exponential with HR times the risk."""
    events = made()
    cps = np.full(events.death.size, 50.0)
    later = HypotheticalDrug(hazard_ratio, 10).given_after_progression(events, cps)
    assert np.array_equal(later.progression, events.progression)
    progressed = np.isfinite(events.progression)
    assert np.array_equal(later.death[~progressed], events.death[~progressed])
    start = np.where(progressed, events.progression, 0)
    by_hand = start + (events.death - start) / hazard_ratio
    inside = progressed & np.isfinite(later.death) & (by_hand < 1000)
    assert inside.mean() > 0.3
    assert np.median(np.abs(later.death / by_hand - 1)[inside]) < 0.02
    curve = kaplan_meier(
        np.minimum(later.death - start, 300)[progressed], (later.death - start <= 300)[progressed]
    )
    for day in (50, 100, 200, 299):
        assert curve.at(day) == pytest.approx(np.exp(-0.004 * hazard_ratio * day), abs=0.015)


def test_after_progression_only_those_gain_in_whom_it_works(population, control):
    cps = population.patient.cps
    later = HypotheticalDrug(0.5, 10).given_after_progression(control, cps)
    gains = later.death > control.death
    assert np.array_equal(
        gains, (cps >= 10) & np.isfinite(control.progression) & np.isfinite(control.death)
    )
    assert np.all(later.death[~gains] == control.death[~gains])


# ---- a calibrated drug after progression -------------------------------------------


def test_the_crossover_is_the_same_equations_begun_on_the_day_of_progression(population):
    """By hand: the state on that day, then the drug alone from day 0 on, growth as after it."""
    patient, day = population.patient.some(slice(50)), 112.0
    state = integrate(patient, patient.start(), np.arange(0, day + 1, STEP), [])[-1]
    after = days_between([7.0 * np.arange(60)], 0.0, 300.0, STEP)
    growth = BASE.fate.later_lines_growth
    expected = integrate(patient, state, after, [Pembrolizumab()], growth=growth)
    crossed = [AfterProgression(Pembrolizumab())]
    stop = np.where(np.arange(50) < 30, day, np.inf)
    moved = integrate(patient, state, day + after, crossed, stop, growth)
    np.testing.assert_allclose(moved[:, :, :30], expected[:, :, :30], rtol=1e-9)
    alone = integrate(patient, state, after, [], growth=growth)
    np.testing.assert_allclose(moved[:, :, 30:], alone[:, :, 30:], rtol=1e-9)
    assert np.mean(expected[-1, 0] < alone[-1, 0] - 0.01) > 0.5


def test_some_of_a_population_fare_as_they_do_in_all_of_it(population, control):
    part = population.some(slice(1, 400, 2)).under(CONTROL)
    expected = control.some(slice(1, 400, 2))
    assert np.array_equal(part.progression, expected.progression)
    np.testing.assert_allclose(part.death, expected.death, rtol=1e-12)


def test_the_crossover_changes_only_what_comes_after_progression(population, control):
    crossed = population.under(CROSSED)
    assert np.array_equal(crossed.progression, control.progression)
    never = np.isinf(control.progression)
    np.testing.assert_allclose(crossed.death[never], control.death[never], rtol=1e-12)
    assert np.all(crossed.death[~never] >= control.death[~never] * (1 - 1e-12))
    assert np.mean(crossed.death[~never] > control.death[~never] + 1) > 0.3


def test_a_dose_of_nothing_after_progression_is_no_crossover(population, control):
    few = population.some(slice(300))
    nothing = few.under((*CONTROL, AfterProgression(Pembrolizumab(dose=0))))
    np.testing.assert_allclose(nothing.death, control.death[:300], rtol=1e-9)
    assert np.array_equal(nothing.progression, control.progression[:300])


def test_a_therapy_after_progression_says_what_its_effect_rests_on():
    assert AfterProgression(Pembrolizumab()).basis == "calibrated on KEYNOTE-355"
    assert not assumed([AfterProgression(Pembrolizumab())])
    days = set(AfterProgression(Pembrolizumab()).dose_times())
    assert {56.0, 77.0, 168.0, 189.0} <= days
    assert AfterProgression(Pembrolizumab(interval=10)).dose_times()[:4].tolist() == [0, 1, 2, 3]
    with pytest.raises(TypeError, match=r"^drug must be a list of therapies"):
        AfterProgression("pembrolizumab")


# ---- what a trial sees --------------------------------------------------------------


def test_what_is_seen_is_what_virtual_trial_sees_of_the_same_patients():
    """The same random numbers, once through ``run`` and once through both arms."""
    months = 24
    same = Trial(CALIBRATED["combination"], CONTROL, cohort=Cohort(), follow_up=months, seed=7)
    outcome = run(same, BLOCK)
    known = Population.drawn(BLOCK, [7, 0])
    for arm, therapies in ((True, CALIBRATED["combination"]), (False, CONTROL)):
        rows = outcome.experimental == arm
        here = seen(known.under(therapies), arm, months)
        assert np.array_equal(here.progressed[rows], outcome.progressed[rows])
        assert np.array_equal(here.died[rows], outcome.died[rows])
        np.testing.assert_allclose(here.pfs[rows], outcome.pfs[rows], rtol=1e-5)
        np.testing.assert_allclose(here.survival[rows], outcome.survival[rows], rtol=1e-5)


def test_nobody_is_watched_after_the_end_nor_after_the_last_scan(control):
    found = seen(control, True, 12)
    end = 12 * DAYS_PER_MONTH
    assert np.all(found.survival <= end)
    assert np.all(found.survival[~found.died] == end)
    assert np.all(found.pfs[~found.progressed] == 7 * 51)
    short = seen(control, True, 1)
    assert np.all(short.pfs[~short.progressed] == 0)


def test_a_trial_cut_at_a_day_is_a_trial_watched_until_then(control):
    whole, part = seen(control, True, 24), seen(control, True, 10)
    cut = whole.until(10 * DAYS_PER_MONTH)
    assert_same(replace(cut, experimental=part.experimental), part)
    assert_same(whole.until(99_999), whole)


def test_endpoints_have_names(control):
    found = seen(control, True, 24)
    assert found.endpoint("pfs")[0] is found.pfs
    assert found.endpoint("survival")[1] is found.died
    for wrong in ("os", None, 1):
        with pytest.raises(ValueError, match=r"^endpoint must be one of pfs, survival, you gave "):
            found.endpoint(wrong)


@pytest.mark.parametrize("patients", [60, 61, 300])
def test_a_trial_has_two_arms_of_equal_size_from_the_right_patients(control, patients):
    later = Events(control.progression + 7, control.death + 7)
    drawn = trial(later, control, patients, 44, np.random.default_rng(1))
    assert drawn.pfs.size == patients
    assert drawn.experimental.sum() == (patients + 1) // 2
    days = seen(control, False, 44).pfs
    assert set(drawn.pfs[~drawn.experimental]) <= set(days)


# ---- designs ---------------------------------------------------------------------------


def test_defaults_are_those_of_the_registry():
    drug, design = HypotheticalDrug(), Design()
    assert (drug.hazard_ratio, drug.works_from) == (0.7, 10)
    assert (design.cps_from, design.follow_up, design.crossover) == (0, 24, 0)
    assert design.drug == drug
    assert drug.basis.startswith("calibrated by definition")
    assert evidence.get("trial_design.followed").value == 4096
    assert evidence.get("trial_design.many").value == 100_000


def test_only_calibrated_arms_have_a_name():
    assert list(CALIBRATED) == ["combination"]
    assert CALIBRATED["combination"] == (Pembrolizumab(), Chemotherapy())
    assert [*CONTROL] == [Chemotherapy()]
    for therapies in (*CALIBRATED.values(), CONTROL):
        assert not assumed(therapies)


def test_enrolled_are_those_with_the_cps_asked_for(population):
    for cut in (0, 1, 10, 25):
        enrolled = Design(cps_from=cut).eligible(population)
        assert np.array_equal(enrolled, population.patient.cps >= cut)
        assert Design(cps_from=cut).experimental(population).death.size == enrolled.sum()
    few = population.some(population.patient.cps < 10)
    with pytest.raises(
        ValueError, match=r"^cps_from must leave somebody to enrol, you gave 20 and"
    ):
        Design(cps_from=20).experimental(few)


@pytest.mark.parametrize("drug", [HypotheticalDrug(0.5, 0), "combination"])
def test_the_crossover_is_drawn_with_the_share_asked_for(population, control, drug):
    def deaths(percent):
        rng = np.random.default_rng(2)
        return Design(drug, crossover=percent).control(population, rng).death

    none, some, everyone = (deaths(percent) for percent in (0, 30, 100))
    assert np.array_equal(none, control.death)
    gain = everyone > control.death
    assert gain.sum() > 800
    crossed = (some == everyone) & gain
    assert np.all((some == everyone) | (some == control.death))
    low, high = stats.binom.interval(0.999, gain.sum(), 0.3)
    assert low <= crossed.sum() <= high


def test_a_wrong_cut_off_dilutes_or_excludes(population):
    """Truth over cut-offs: diluted below the right one, as stated from there on."""
    truths = []
    for cut in (0, 3, 10, 20):
        design = Design(HypotheticalDrug(0.6, 10), cps_from=cut)
        arms = design.experimental(population), design.control(population, None)
        truths.append(ratio(everybody(*arms, 24)).hazard_ratio)
    assert truths[0] > truths[1] > truths[2] + 0.05
    assert truths[2] == pytest.approx(0.6, abs=0.012)
    assert truths[3] == pytest.approx(0.6, abs=0.03)
    for cut in (0, 10):  # no right cut-off: no wrong one
        design = Design(HypotheticalDrug(0.6, 0), cps_from=cut)
        arms = design.experimental(population), design.control(population, None)
        assert ratio(everybody(*arms, 24)).hazard_ratio == pytest.approx(0.6, abs=0.02)


@pytest.mark.parametrize("drug", [HypotheticalDrug(0.6, 0), "combination"])
def test_crossover_hides_a_gain_in_survival_and_leaves_progression(population, drug):
    def truth(endpoint, crossover):
        design = Design(drug, crossover=crossover, follow_up=42)
        arms = design.experimental(population), design.control(population, np.random.default_rng(1))
        return ratio(everybody(*arms, 42), endpoint).hazard_ratio

    assert truth("survival", 0) < truth("survival", 50) < truth("survival", 100)
    assert truth("survival", 100) - truth("survival", 0) > 0.04
    assert truth("pfs", 100) == truth("pfs", 0)


def test_designs_that_make_no_sense_are_refused():
    for name, wrong in (("cps_from", -1), ("cps_from", 81), ("follow_up", 0), ("follow_up", 45)):
        with pytest.raises(ValueError, match=rf"^{name} must be one number .*, you gave {wrong}"):
            Design(**{name: wrong})
    for name in ("cps_from", "follow_up", "crossover"):
        for wrong in (np.nan, np.inf):
            with pytest.raises(ValueError, match=rf"^{name} must be .*, you gave "):
                Design(**{name: wrong})
        for wrong in ("1", None, True, [10, 20]):
            with pytest.raises(TypeError, match=rf"^{name} must be .*, you gave "):
                Design(**{name: wrong})
    for wrong in ("aspirin", None, Pembrolizumab(), 1):
        with pytest.raises(ValueError, match=r"^drug must be a HypotheticalDrug or 'combination'"):
            Design(wrong)
    for name, bad in (("hazard_ratio", 0), ("hazard_ratio", 11), ("works_from", 101)):
        with pytest.raises(ValueError, match=rf"^{name} must be one number .*, you gave {bad}"):
            HypotheticalDrug(**{name: bad})
    with pytest.raises(TypeError, match=r"^HypotheticalDrug has no setting 'hr'"):
        HypotheticalDrug(hr=1)
