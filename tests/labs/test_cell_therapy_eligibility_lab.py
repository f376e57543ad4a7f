"""Who can be treated: what a student can find, and when it is not there."""

import re

import numpy as np
import pytest

from course_lib.labs.cell_therapy_eligibility import SPEC, view

pytestmark = pytest.mark.filterwarnings("error")
CARRIERS, CAR, TCR, TIL, WITHOUT_HLA, WITHOUT_CLONE = range(6)
LABELS = [
    "Carriers of the HLA type",
    "CAR-T: can be treated, of 1,000",
    "TCR-T: can be treated, of 1,000",
    "TIL: can be treated, of 1,000",
    "Without the HLA type",
    "Without a strong enough response",
]
GROUPS = ("african_american", "asian", "caucasian", "hispanic")
FREQUENCIES = {"a02": (0.185, 0.27, 0.293, 0.278), "a01": (0.055, 0.032, 0.157, 0.063)}


opened = SPEC.at


def read(which, **settings):
    return opened(**settings).readings[which].value


def frequency(group, alleles):
    at = GROUPS.index(group)
    names = ("a02", "a01") if alleles == "both" else (alleles,)
    return sum(FREQUENCIES[name][at] for name in names)


def test_the_controls_and_readings_are_what_these_tests_try():
    assert SPEC.defaults == {
        "group": "caucasian",
        "alleles": "a02",
        "tcr_antigen": 53,
        "surface_antigen": 36,
        "reactive": 67,
        "robust": 46,
        "product": 95,
        "fit": 62,
    }
    assert [reading.label for reading in opened().readings] == LABELS
    assert tuple(dict(SPEC.controls[0].options)) == GROUPS


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("alleles", ["a02", "a01", "both"])
def test_worked_out_by_hand(group, alleles):
    f = frequency(group, alleles)
    share = 2 * f * (1 - f) + f**2  # one copy, or two
    shown = opened(group=group, alleles=alleles, tcr_antigen=40, product=90, fit=70)
    values = [reading.value for reading in shown.readings]
    expected = [
        100 * share,
        1000 * 0.36 * 0.9 * 0.7,
        1000 * share * 0.4 * 0.9 * 0.7,
        1000 * 0.67 * 0.46 * 0.7,
        1000 * (1 - share),
        1000 * (1 - 0.67 * 0.46),
    ]
    assert values == pytest.approx(expected)
    said = re.search(
        r"^(\d+) of 100 people .* Of 1,000 patients, (\d+) can be treated with CAR-T cells, "
        r"(\d+) with TCR-T cells and (\d+) with TIL\.$",
        shown.sentence,
    )
    for text, value in zip(said.groups(), expected, strict=False):
        assert int(text) == pytest.approx(value, abs=0.51)
    assert shown.series[5].x[0] == pytest.approx(f)
    assert shown.series[5].y[0] == pytest.approx(100 * share)


def test_the_lines_fall_and_the_circles_are_the_trial():
    shown = opened()
    for line in shown.series[:3]:
        assert np.all(np.diff(line.y) <= 0)
        assert line.y[0] == 1000
    trial = shown.series[3]
    np.testing.assert_allclose(trial.y, np.array([42, 42, 28, 13, 8]) * 1000 / 42)
    np.testing.assert_allclose(shown.series[2].y, trial.y, rtol=0.01)
    assert [line.dash for line in shown.series[:3]] == ["dashdot", "solid", "dash"]


def test_the_table_holds_the_plotted_values():
    table = opened().table
    assert table.columns[1:] == ("CAR-T", "TCR-T", "TIL", "TIL in the trial")
    assert table.rows[1] == ("HLA type", "1,000", "500", "1,000", "1,000")
    assert table.rows[-1] == ("still fit", "212", "156", "191", "190")


# ---- findings, each with the term that makes it --------------------------------------------


def test_the_hla_type_excludes_half_or_more_and_only_from_tcr_cells():
    for group in GROUPS:
        assert read(WITHOUT_HLA, group=group) >= 499
        for which in (CAR, TIL):
            assert read(which, group=group) == read(which)
    # With the same target on as many tumours, the HLA type is the whole difference.
    same = {"tcr_antigen": 36}
    assert read(TCR, **same) == pytest.approx(read(CAR) * read(CARRIERS) / 100)


def test_who_is_excluded_depends_on_where_an_allele_is_common():
    reach = [read(TCR, group=group) for group in GROUPS]
    assert max(reach) > 1.4 * min(reach)
    assert reach.index(min(reach)) == GROUPS.index("african_american")
    # For cells without an HLA type the groups are alike.
    assert len({read(TIL, group=group) for group in GROUPS}) == 1


def test_a_second_allele_helps_less_than_its_own_carriers():
    for group in GROUPS:
        one, other, both = (read(CARRIERS, group=group, alleles=a) for a in ("a02", "a01", "both"))
        assert max(one, other) < both < one + other


def test_most_patients_never_get_til_because_few_responses_are_strong_and_few_stay_fit():
    assert read(TIL) < 200
    assert read(WITHOUT_CLONE) > 650
    assert read(TIL, robust=100) > 400
    assert read(TIL, reactive=100, robust=100, fit=100) == 1000


# ---- direction of the controls, goal, prediction --------------------------------------------


@pytest.mark.parametrize(
    ("name", "rising"),
    [
        ("tcr_antigen", {TCR}),
        ("surface_antigen", {CAR}),
        ("reactive", {TIL}),
        ("robust", {TIL}),
        ("product", {CAR, TCR}),
        ("fit", {CAR, TCR, TIL}),
    ],
)
def test_direction_of_each_slider(name, rising):
    quantity = next(c for c in SPEC.controls if c.name == name).quantity
    values = np.linspace(quantity.low, quantity.high, 12)
    for which in (CAR, TCR, TIL):
        steps = np.diff([read(which, **{name: each}) for each in values])
        assert np.all(steps > 0) if which in rising else np.all(steps == 0)


@pytest.mark.parametrize(
    "settings",
    [
        {"alleles": "both"},
        {"group": "african_american"},
        {"group": "african_american", "alleles": "both"},
        {"tcr_antigen": 100, "alleles": "both"},  # another group
    ],
)
def test_the_goal_is_not_reached_otherwise(settings):
    settings = {**SPEC.defaults, **settings}
    assert not SPEC.goal.reached(settings, view(**settings))


def test_the_presets_tell_their_beats():
    donors, second, antigen, strong, at_once = (opened(**p.settings) for p in SPEC.presets)
    opening = opened()

    def readings(shown):
        return [reading.value for reading in shown.readings]

    assert readings(donors)[TCR] < 0.7 * readings(opening)[TCR]
    assert readings(second)[TCR] > 1.3 * readings(opening)[TCR]
    assert readings(antigen)[TCR] > readings(antigen)[CAR]
    assert readings(strong)[TIL] > 2 * readings(opening)[TIL]
    assert all(readings(at_once)[i] > 1.5 * readings(opening)[i] for i in (CAR, TCR, TIL))


def test_the_numbers_of_the_prediction_are_those_of_the_model():
    one, other, both = (round(read(CARRIERS, alleles=a)) for a in ("a02", "a01", "both"))
    plan = SPEC.prediction
    assert f"{one} of 100 people carry HLA-A*02 and {other} carry" in plan.predict.text
    options = dict(plan.predict.options)
    assert options["fewer"].startswith(f"{both}:")
    assert options["sum"].startswith(f"{one + other}:")
    assert options["same"].startswith(f"{one}:")
    text = plan.explain({"observe": "fewer"})
    assert f"{both} carry one or the other: {one + other - both} have both" in text
    assert "In a trial of 42 patients with breast cancer, 28 had" in text
    assert "6 were treated, and tumours shrank in 3: the true share may lie between 19" in text
    # nine of 100 carry both: two different copies, in either order
    assert (one + other - both) / 100 == pytest.approx(2 * 0.293 * 0.157, abs=0.01)
