"""Who is enrolled in a virtual trial, against the distributions in closed form."""

from dataclasses import fields

import numpy as np
import pytest
from scipy import stats

from course_lib import evidence
from course_lib.models.cohort import PATIENCE, Cohort

NUMBER = 100_000
#: How far a share of so many patients may lie from its probability: five standard errors.
#: Correct code fails once in two million draws, and the seed is fixed.
FIVE_ERRORS = 5
TRAITS = (
    "doubling_time",
    "cps",
    "infiltration",
    "sum_of_diameters",
    "antigen_low_share",
    "resistant_fraction",
)


@pytest.fixture(scope="module")
def everybody():
    return drawn(Cohort())


def drawn(cohort, number=NUMBER, seed=20261121):
    return cohort.draw(np.random.default_rng(seed), number)


def assert_share(truth_values, probability):
    error = np.sqrt(probability * (1 - probability) / truth_values.size)
    assert abs(truth_values.mean() - probability) < FIVE_ERRORS * error


def value(key):
    return evidence.get(key).value


def logit(share):
    return np.log(share / (1 - share))


@pytest.mark.parametrize(("cut", "published"), [(10, 0.38), (1, 0.75)])
def test_share_with_cps_above_a_cut_off_against_keynote_355(everybody, cut, published):
    assert_share(everybody.cps >= cut, published)


def test_every_trait_against_its_distribution_by_kolmogorov_and_smirnov(everybody):
    """On the scale on which the trait is normal; what is set to a bound is left out."""
    size = everybody.sum_of_diameters
    inside = (size > value("cohort.size_low")) & (size < value("cohort.size_high"))
    low, high = (np.log(value(f"cohort.size_{end}")) for end in ("low", "high"))
    centre, spread = np.log(value("tumour.sum_of_diameters")), value("cohort.size_log_sd")
    cases = {
        "growth": (
            np.log(everybody.doubling_time),
            stats.norm(np.log(value("tumour.volume_doubling_time")), value("cohort.growth_log_sd")),
        ),
        "infiltration": (
            np.log(everybody.infiltration),
            stats.norm(0, value("cohort.infiltration_log_sd")),
        ),
        "size": (
            np.log(size[inside]),
            stats.truncnorm((low - centre) / spread, (high - centre) / spread, centre, spread),
        ),
        "antigen": (
            logit(everybody.antigen_low_share),
            stats.norm(
                logit(value("patient.antigen_low_share")), value("cohort.antigen_low_logit_sd")
            ),
        ),
        "resistance": (
            logit(everybody.resistant_fraction),
            stats.norm(
                logit(value("patient.resistant_fraction")), value("cohort.resistant_logit_sd")
            ),
        ),
    }
    for name, (values, distribution) in cases.items():
        assert stats.kstest(values, distribution.cdf).pvalue > 1e-3, name
    below = everybody.cps < 100
    cps = stats.norm(value("cohort.cps_log_mean"), value("cohort.cps_log_sd"))
    ceiling = cps.cdf(np.log(100))
    assert_share(below, ceiling)
    capped = stats.kstest(
        np.log(everybody.cps[below]), lambda x: np.minimum(cps.cdf(x) / ceiling, 1)
    )
    assert capped.pvalue > 1e-3


def test_medians_are_those_of_the_typical_patient(everybody):
    for trait, key in {
        "doubling_time": "tumour.volume_doubling_time",
        "infiltration": "patient.t_cell_infiltration",
        "sum_of_diameters": "tumour.sum_of_diameters",
        "antigen_low_share": "patient.antigen_low_share",
        "resistant_fraction": "patient.resistant_fraction",
    }.items():
        assert_share(getattr(everybody, trait) < value(key), 0.5)
    assert_share(everybody.cps < np.exp(value("cohort.cps_log_mean")), 0.5)


def test_spreads_of_growth_and_infiltration_are_those_of_the_measured_variation(everybody):
    """A lognormal's relative spread: CV² = exp(sd²) - 1; 43/103 days and 20/23 per cent."""
    for values, variation in (
        (everybody.doubling_time, 43 / 103),
        (everybody.infiltration, 20 / 23),
    ):
        sd = np.log(values).std()
        error = sd / np.sqrt(2 * NUMBER)
        assert abs(sd - np.sqrt(np.log(1 + variation**2))) < FIVE_ERRORS * error + 0.005  # rounding


def test_cps_and_infiltration_are_correlated_and_nothing_else_is(everybody):
    """Rank correlation of a normal pair: (6 / pi) asin(r / 2); a cap changes hardly a rank."""
    ranks = stats.spearmanr(np.stack([getattr(everybody, trait) for trait in TRAITS], 1)).statistic
    expected = np.eye(len(TRAITS))
    pair = 6 / np.pi * np.arcsin(value("cohort.cps_infiltration_correlation") / 2)
    expected[1, 2] = expected[2, 1] = pair
    allowed = np.full_like(expected, FIVE_ERRORS / np.sqrt(NUMBER))
    allowed[1, 2] = allowed[2, 1] = 0.02  # a tenth of the CPS are tied at the cap
    assert np.all(np.abs(ranks - expected) < allowed)


@pytest.mark.parametrize("correlation", [-1.0, -0.5, 0.0, 0.9, 1.0])
def test_correlation_of_cps_and_infiltration_is_the_one_asked_for(correlation):
    some = drawn(Cohort(cps_infiltration_correlation=correlation, cps_log_mean=-3), 40_000)
    free = some.cps < 100
    found = np.corrcoef(np.log(some.cps[free]), np.log(some.infiltration[free]))[0, 1]
    assert found == pytest.approx(correlation, abs=0.02)


def test_sizes_are_set_to_the_bounds_they_would_cross(everybody):
    size, spread = everybody.sum_of_diameters, value("cohort.size_log_sd")
    for bound, far in ((10, stats.norm.cdf), (400, stats.norm.sf)):
        share = far(np.log(bound / value("tumour.sum_of_diameters")) / spread)
        assert_share(size == bound, share)
    assert (size.min(), size.max()) == (10, 400)
    narrow = drawn(Cohort(size_low=80, size_high=90), 2000).sum_of_diameters
    assert (narrow.min(), narrow.max()) == (80, 90)
    assert np.unique(narrow).size > 100


@pytest.mark.parametrize(
    ("low", "high"), [(10, 101), (1, 10), (10, 20), (20, 101), (0, 1), (80, 101)]
)
def test_cut_offs_of_cps_are_kept_and_shape_nothing_else(low, high):
    cohort = Cohort(cps_from=low, cps_below=high)
    some = drawn(cohort, 20_000)
    assert np.all((some.cps >= low) & (some.cps < high))
    assert some.number() == 20_000
    cps = stats.norm(cohort.cps_log_mean, cohort.cps_log_sd)
    edge = [-np.inf if low == 0 else np.log(low), np.inf if high > 100 else np.log(high)]
    middle = min(np.exp(cps.ppf(np.mean(cps.cdf(edge)))), 99)  # below the cap
    enrolled = cps.cdf(np.log(middle)) - cps.cdf(edge[0])
    assert_share(some.cps < middle, enrolled / np.diff(cps.cdf(edge))[0])
    assert_share(some.doubling_time < cohort.doubling_time, 0.5)


@pytest.mark.parametrize("share", [0.01, 0.41, 0.99])
def test_immune_cell_share_keeps_that_share_and_those_have_higher_cps(share):
    """The patients kept are those of the whole cohort's stream, in order."""
    whole = drawn(Cohort(), 30_000).doubling_time
    kept = drawn(Cohort(immune_cell_share=share), max(int(30_000 * share * 0.9), 100))
    place = np.flatnonzero(np.isin(whole, kept.doubling_time))
    assert_share(np.isin(np.arange(place[-1] + 1), place), share)
    cut, r = stats.norm.ppf(1 - share), value("cohort.cps_immune_cell_correlation")
    mean_score = stats.norm.pdf(cut) / share  # of a normal deviate above the cut
    typical = np.exp(value("cohort.cps_log_mean") + value("cohort.cps_log_sd") * r * mean_score)
    assert np.median(np.minimum(kept.cps, 100)) == pytest.approx(min(typical, 100), rel=0.25)


@pytest.mark.parametrize("correlation", [-1.0, 1.0])
def test_a_perfectly_correlated_immune_cell_score_is_a_cut_off_of_cps(correlation):
    some = drawn(Cohort(cps_immune_cell_correlation=correlation, immune_cell_share=0.5), 20_000)
    typical = np.exp(value("cohort.cps_log_mean"))
    assert np.all((some.cps > typical) == (correlation > 0))


def test_about_three_in_four_are_on_the_same_side_of_both_cut_offs():
    """What the evidence entry of the correlation says, from the enrolled."""
    top = drawn(Cohort(immune_cell_share=0.41), 40_000)
    both = 0.41 * np.mean(top.cps >= 10)
    same = both + (1 - 0.38 - 0.41 + both)
    assert same == pytest.approx(0.75, abs=0.02)


def test_without_any_spread_all_patients_are_the_typical_one():
    names = [each.name for each in fields(Cohort) if each.name.endswith("_sd")]
    assert len(names) == 6
    same = drawn(Cohort(**dict.fromkeys(names, 0)), 3000)
    for trait, typical in {
        "doubling_time": 103,
        "infiltration": 1,
        "sum_of_diameters": 89.6,
        "cps": np.exp(1.585),
        "antigen_low_share": 0.03,
        "resistant_fraction": value("patient.resistant_fraction"),
    }.items():
        np.testing.assert_allclose(getattr(same, trait), np.full(3000, typical), rtol=1e-12)


def test_extremes_stay_within_what_a_patient_may_be():
    wild = drawn(
        Cohort(
            doubling_time=10000,
            growth_log_sd=3,
            infiltration=50,
            infiltration_log_sd=3,
            cps_log_mean=-10,
            cps_log_sd=10,
            size_log_sd=3,
            antigen_low_share=1e-9,
            antigen_low_logit_sd=10,
            resistant_fraction=0.999,
            resistant_logit_sd=10,
        ),
        20_000,
    )
    assert wild.number() == 20_000  # Patient itself refuses anything else
    assert (wild.doubling_time.max(), wild.infiltration.max(), wild.cps.max()) == (10000, 100, 100)


def test_the_first_patients_of_a_larger_cohort_are_those_of_a_smaller_one():
    small, large = drawn(Cohort(cps_from=10), 700), drawn(Cohort(cps_from=10), 5000)
    for trait in TRAITS:
        assert np.array_equal(getattr(large, trait)[:700], getattr(small, trait))


@pytest.mark.parametrize(
    "cohort",
    [
        Cohort(cps_from=10, cps_log_sd=0),
        Cohort(cps_from=10, cps_below=10.001),
        Cohort(cps_from=50, immune_cell_share=0.01, cps_immune_cell_correlation=-1),
    ],
)
def test_a_cohort_that_nobody_fits_is_refused_and_not_looked_for_for_long(cohort):
    drawn_numbers = CountedGenerator()
    with pytest.raises(ValueError, match=r"^fewer than 1 in 1000 patients here has a CPS from "):
        cohort.draw(drawn_numbers, 1024)
    assert drawn_numbers.rows == PATIENCE


def test_a_rare_kind_of_patient_is_found_all_the_same():
    low, high = 10, 10.2
    share = np.diff(stats.norm(1.585, 2.352).cdf(np.log([low, high])))[0]
    assert 0.002 < share < 0.004
    numbers = CountedGenerator()
    some = Cohort(cps_from=low, cps_below=high).draw(numbers, 1000)
    assert np.all((some.cps >= low) & (some.cps < high))
    assert numbers.rows > PATIENCE  # it went on: one in a thousand is enough


class CountedGenerator(np.random.Generator):
    """A random generator that counts the patients drawn."""

    def __init__(self):
        super().__init__(np.random.PCG64(1))
        self.rows = 0

    def standard_normal(self, size):
        self.rows += size[0]
        return super().standard_normal(size)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: Cohort(cps_from=10, cps_below=10),
            "cps_from must be less than cps_below, you gave 10 and 10.",
        ),
        (
            lambda: Cohort(size_low=400, size_high=10),
            "size_low must be less than size_high, you gave 400 and 10.",
        ),
        (
            lambda: Cohort(growth_log_sd=float("nan")),
            "growth_log_sd must be one number between 0 and 3, you gave NaN, "
            "which is not a number.",
        ),
        (
            lambda: Cohort().draw(np.random.default_rng(1), 0),
            "patients must be a whole number between 1 and 1e+07 patients, you gave 0.",
        ),
    ],
)
def test_a_wrong_value_gets_one_clear_sentence(call, sentence):
    with pytest.raises(ValueError, match="you gave") as refused:
        call()
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: Cohort(infiltration=[1, 2]),
            "infiltration must be one number between 0 and 50, you gave [1, 2].",
        ),
        (
            lambda: Cohort(cps_log_sd=True),
            "cps_log_sd must be one number between 0 and 10, you gave True.",
        ),
        (
            lambda: Cohort(cps_form=10),
            "Cohort has no setting 'cps_form'. Did you mean 'cps_from'? Its settings are "
            + ", ".join(each.name for each in fields(Cohort))
            + ".",
        ),
        (
            lambda: Cohort().draw(1, 10),
            "rng must be a random generator, such as numpy.random.default_rng(1), you gave 1.",
        ),
    ],
)
def test_a_wrong_kind_of_thing_gets_one_clear_sentence(call, sentence):
    with pytest.raises(TypeError) as refused:
        call()
    assert str(refused.value) == sentence
