"""A virtual trial is the same on any number of workers, and refuses what makes no sense."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields, replace
from functools import partial

import numpy as np
import pytest

from course_lib.models import virtual_trial
from course_lib.models.checkpoint_inhibitors import Pembrolizumab
from course_lib.models.chemotherapy import Chemotherapy
from course_lib.models.cohort import Cohort
from course_lib.models.patient import integrate
from course_lib.models.recist import Criteria
from course_lib.models.virtual_trial import (
    BLOCK,
    DAYS_PER_MONTH,
    Fate,
    Outcome,
    Trial,
    repeat,
    run,
    stream,
)

CHEMOTHERAPY = [Chemotherapy()]
BOTH = [Pembrolizumab(), Chemotherapy()]
TRIAL = Trial(BOTH, CHEMOTHERAPY, accrual=6, follow_up=12)
NUMBER = 2 * BLOCK + 500


@pytest.fixture(scope="module")
def outcome():
    return run(TRIAL, NUMBER)


def assert_same(one, other):
    for each in fields(Outcome):
        assert np.array_equal(getattr(one, each.name), getattr(other, each.name)), each.name


def backwards(function, blocks):
    """Run the blocks in reverse order and give them in order."""
    return [function(block) for block in reversed(blocks)][::-1]


def test_the_same_seed_gives_the_same_trial_and_another_seed_another(outcome):
    assert_same(outcome, run(TRIAL, NUMBER))
    other = run(replace(TRIAL, seed=2), NUMBER)
    assert not np.any(other.survival[other.died] == outcome.survival[other.died])


@pytest.mark.parametrize("number", [1, 2, 500, BLOCK - 1, BLOCK, BLOCK + 1])
def test_the_first_patients_of_a_larger_trial_are_those_of_a_smaller_one(outcome, number):
    assert_same(outcome.some(slice(number)), run(TRIAL, number))


def test_that_holds_too_if_not_everybody_is_enrolled():
    trial = replace(TRIAL, cohort=Cohort(cps_from=50))
    assert_same(run(trial, BLOCK + 9).some(slice(20)), run(trial, 20))


@pytest.mark.parametrize("chunk", [1, 7, 512, 4096])
def test_the_same_bits_in_chunks_of_any_size(outcome, chunk, monkeypatch):
    number = 60 if chunk == 1 else 500
    monkeypatch.setattr(virtual_trial, "integrate", partial(integrate, chunk=chunk))
    assert_same(outcome.some(slice(number)), run(TRIAL, number))


def test_the_same_bits_in_any_order(outcome):
    assert_same(outcome, run(TRIAL, NUMBER, backwards))


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_the_same_bits_on_two_workers(outcome, method):
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert_same(outcome, run(TRIAL, NUMBER, pool.imap))
        assert_same(outcome, run(TRIAL, NUMBER, pool.map))


def test_the_same_bits_from_an_executor(outcome):
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        assert_same(outcome, run(TRIAL, NUMBER, pool.map))


def test_a_stream_gives_the_blocks_of_a_run_one_by_one(outcome):
    started = []

    def watched(function, blocks):
        for block in blocks:
            started.append(block)
            yield function(block)

    blocks = stream(TRIAL, NUMBER, watched)
    first = next(blocks)
    assert started == [0]  # nothing runs before it is asked for
    parts = [first, *blocks]
    assert [part.pfs.size for part in parts] == [BLOCK, BLOCK, 500]
    assert_same(outcome, Outcome.joined(parts))


def test_blocks_differ_from_each_other(outcome):
    first, second = (outcome.some(slice(i, i + 500)) for i in (0, BLOCK))
    assert not np.any((first.survival == second.survival)[first.died])


def cohort(**changes):
    return lambda: {"cohort": Cohort(**changes)}


def fate(**changes):
    return lambda: {"fate": Fate(**changes)}


def late(seen):
    return -seen.survival.mean()


def progress(seen):
    return -seen.pfs[seen.experimental].mean()


def gain(seen):
    """Days of PFS that pembrolizumab adds, cut at the end of the trial."""
    return seen.pfs[seen.experimental].mean() - seen.pfs[~seen.experimental].mean()


def early_deaths(seen):
    return np.mean(seen.survival < 60)


def first_scan(seen):
    return np.mean(seen.progressed & (seen.pfs <= 56))


def responses(seen):
    return seen.responded[seen.experimental].mean()


def deep(seen):
    return np.mean(seen.best_ratio < 0.2)


#: Where the default trial would not show the direction.
ELSEWHERE = {
    "death_size_exponent": {"cohort": Cohort(sum_of_diameters=250)},
    "infiltration_log_sd": {"experimental": [Pembrolizumab()]},
}
#: What grows from the first setting to the second, with the same random numbers.
DIRECTIONS = {
    "doubling_time": (cohort(doubling_time=130), cohort(), progress),
    "growth_log_sd": (cohort(growth_log_sd=0.2), cohort(growth_log_sd=0.6), first_scan),
    "infiltration": (cohort(infiltration=2), cohort(), progress),
    "infiltration_log_sd": (
        cohort(infiltration_log_sd=0.3),
        cohort(infiltration_log_sd=1.2),
        responses,
    ),
    "t_cell_supply": (cohort(t_cell_supply=1.2e-3), cohort(), progress),
    "cps_log_mean": (cohort(cps_log_mean=0), cohort(cps_log_mean=3), gain),
    "cps_log_sd": (cohort(cps_log_sd=0.1, cps_log_mean=-2), cohort(cps_log_mean=-2), gain),
    "cps_infiltration_correlation": (
        cohort(cps_infiltration_correlation=0),
        cohort(cps_infiltration_correlation=0.9),
        gain,
    ),
    "cps_immune_cell_correlation": (
        cohort(cps_immune_cell_correlation=0, immune_cell_share=0.3),
        cohort(cps_immune_cell_correlation=0.9, immune_cell_share=0.3),
        gain,
    ),
    "sum_of_diameters": (cohort(sum_of_diameters=60), cohort(), late),
    "size_log_sd": (cohort(size_log_sd=0.2), cohort(size_log_sd=0.9), early_deaths),
    "size_low": (cohort(), cohort(size_low=80), late),
    "size_high": (cohort(size_high=100), cohort(), late),
    "antigen_low_share": (cohort(), cohort(antigen_low_share=0.3), progress),
    "antigen_low_logit_sd": (cohort(antigen_low_logit_sd=4), cohort(), deep),
    "resistant_fraction": (cohort(), cohort(resistant_fraction=0.7), progress),
    "resistant_logit_sd": (cohort(resistant_logit_sd=1), cohort(resistant_logit_sd=5), deep),
    "cps_from": (cohort(), cohort(cps_from=20), gain),
    "cps_below": (cohort(cps_below=1), cohort(), gain),
    "immune_cell_share": (cohort(), cohort(immune_cell_share=0.2), gain),
    "death_hazard": (fate(), fate(death_hazard=0.003), late),
    "death_size_exponent": (fate(death_size_exponent=0.5), fate(death_size_exponent=2), late),
    "later_lines_growth": (fate(), fate(later_lines_growth=1), late),
    "reference_size": (fate(reference_size=200), fate(), late),
}


@pytest.mark.parametrize("name", DIRECTIONS)
def test_direction_of_every_setting(name):
    less, more, measure = DIRECTIONS[name]
    trial = replace(TRIAL, **ELSEWHERE.get(name, {}))
    low, high = (measure(run(replace(trial, **change()), 2 * BLOCK)) for change in (less, more))
    assert low < high


def test_every_setting_has_a_direction():
    assert set(DIRECTIONS) == {each.name for cls in (Cohort, Fate) for each in fields(cls)}


def test_a_small_tumour_is_safer_the_higher_the_exponent():
    small = replace(TRIAL, cohort=Cohort(sum_of_diameters=20, size_high=30))
    low, high = (
        run(replace(small, fate=Fate(death_size_exponent=exponent)), 500) for exponent in (0.5, 2)
    )
    assert low.survival.mean() < high.survival.mean()


def test_what_comes_after_progression_changes_no_progression(outcome):
    """Without any growth T cells shrink many tumours later on: that is no response."""
    still, faster = (
        run(replace(TRIAL, fate=Fate(later_lines_growth=later)), NUMBER) for later in (0, 3)
    )
    for other in (still, faster):
        assert np.array_equal(other.pfs, outcome.pfs)
        assert np.array_equal(other.best_ratio, outcome.best_ratio)
    for worse, better in ((faster, outcome), (outcome, still)):
        assert np.all(worse.survival <= better.survival)
        assert np.any(worse.survival < better.survival)


@pytest.mark.parametrize("name", ["experimental_share", "accrual", "follow_up", "seed"])
def test_every_number_of_a_trial_is_checked(name):
    for wrong in (np.nan, np.inf, -1, 1e12):
        with pytest.raises(ValueError, match=rf"^{name} must be .*, you gave "):
            Trial([], [], **{name: wrong})
    for wrong in ("1", None, True, [0.5, 0.5], np.ones(2)):
        with pytest.raises(TypeError, match=rf"^{name} must be .*, you gave "):
            Trial([], [], **{name: wrong})


@pytest.mark.parametrize("name", ["experimental", "control"])
def test_an_arm_must_be_therapies_for_everybody_alike(name):
    arms = {"experimental": [], "control": []}
    for wrong in (Pembrolizumab(), None, "drug", [1], [Pembrolizumab], [[Pembrolizumab()]]):
        with pytest.raises(TypeError, match=rf"^{name} must be a list of therapies, .* you gave "):
            Trial(**arms | {name: wrong})
    with pytest.raises(ValueError, match="alike") as refused:
        Trial(**arms | {name: [Pembrolizumab(dose=[200, 0])]})
    assert str(refused.value) == (
        f"{name} must treat all patients alike: give one dose, you gave 2 values."
    )


@pytest.mark.parametrize(
    ("name", "kind"), [("cohort", Cohort), ("fate", Fate), ("criteria", Criteria)]
)
def test_the_parts_of_a_trial_must_be_of_their_kind(name, kind):
    for wrong in (None, kind, {}, 1, "x"):
        with pytest.raises(TypeError, match=rf"^{name} must be a {kind.__name__}, .*, you gave "):
            Trial([], [], **{name: wrong})


@pytest.mark.parametrize(
    "wrong",
    [
        (),
        None,
        8,
        "8, 24",
        ("ab",),
        (8, 24),
        ((8,),),
        ((8, 24, 3),),
        ((8, 24), (9, 24)),
        ((8, 24), (9, 20)),
        ((0, 24),),
        ((-8, 24),),
        ((8, 0),),
        ((8.5, 24),),
        ((8, float("nan")),),
        ((8, float("inf")),),
        (("8", 24),),
        ((True, 24),),
        ((8, np.True_),),
    ],
)
def test_scans_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match="scans must be pairs") as refused:
        Trial([], [], scans=wrong)
    assert str(refused.value) == (
        "scans must be pairs (every, until) of whole weeks, later and later, such as "
        f"((8, 24), (9, 51), (12, 600)), you gave {wrong!r}."
    )


def test_scans_may_be_lists_or_an_array():
    for scans in ([[8, 24], [9, 51]], np.array([[8, 24], [9, 51]])):
        assert Trial([], [], scans=scans).scans == ((8, 24), (9, 51))


def test_stream_and_run_check_at_once():
    for call in (stream, run):
        for wrong in (0, -5, 10.5, np.nan, np.inf, 1e9):
            with pytest.raises(ValueError, match=r"^patients must be a whole number .*, you gave "):
                call(TRIAL, wrong)
        for wrong in ("10", None, True, [10]):
            with pytest.raises(TypeError, match=r"^patients must be a whole number .*, you gave "):
                call(TRIAL, wrong)
        with pytest.raises(TypeError, match=r"^trial must be a Trial, you gave 'trial'\.$"):
            call("trial", 10)


def test_a_cohort_that_nobody_fits_is_refused_by_the_run():
    with pytest.raises(ValueError, match="fewer than 1 in 1000 patients here has a CPS from 50"):
        run(replace(TRIAL, cohort=Cohort(cps_log_sd=0, cps_from=50)), 10)


def test_repeat_refuses_what_makes_no_sense(outcome):
    for name, wrong in (("patients", 3), ("patients", np.nan), ("trials", 0), ("seed", -1)):
        with pytest.raises(ValueError, match=rf"^{name} must be a whole number .*, you gave "):
            repeat(outcome, **{"patients": 10, "trials": 2} | {name: wrong})
    for name in ("patients", "trials", "seed"):
        for wrong in ("10", None, True, [10]):
            with pytest.raises(TypeError, match=rf"^{name} must be a whole number .*, you gave "):
                repeat(outcome, **{"patients": 10, "trials": 2} | {name: wrong})
    for wrong in ("os", None, ["pfs"], 1):
        with pytest.raises(ValueError, match=r"^endpoint must be one of pfs, survival, you gave "):
            repeat(outcome, 10, 2, endpoint=wrong)
    with pytest.raises(TypeError, match=r"^outcome must be an Outcome, made by run, you gave 5\.$"):
        repeat(5, 10, 2)
    with pytest.raises(ValueError, match=r"^outcome must have patients in both arms\.$"):
        repeat(outcome.some(outcome.experimental), 10, 2)


def test_a_month_is_a_twelfth_of_a_year():
    assert pytest.approx(30.4375) == DAYS_PER_MONTH
    assert TRIAL.last_day() == pytest.approx(18 * 30.4375)
