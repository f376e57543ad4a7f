"""Tumour DNA beside scans: what a student can find, and when it is not there."""

import numpy as np
import pytest

from course_lib.labs.ctdna import SPEC, view
from course_lib.models.ctdna import BloodTest, Relapse, Treatment, cells_of
from every_lab import anywhere

pytestmark = pytest.mark.filterwarnings("error")
LEAD, FIRST, SIZE, LATE, EARLY, CURED_LATE, CURED_EARLY, JUMP, ALARMS = range(9)
LABELS = [
    "Lead of the blood test over the scan",
    "Found by blood before the scan, of 100",
    "Lesion size at which a blood test finds 95 of 100",
    "100 mm reached, scans only, after",
    "100 mm reached, with blood tests, after",
    "Cured, scans only, of 100",
    "Cured, with blood tests, of 100",
    "Tumour DNA after a day of treatment",
    "False alarms within five years, of 100 without tumour",
]
#: Neither the tests nor the scans come in large steps: for trends.
OFTEN = {"weeks": 4, "months": 3}


opened = SPEC.at


def read(which, **settings):
    return opened(**settings).readings[which].value


def lines(shown, panel):
    """Return the lines of a panel by name, without marks."""
    return {each.name: each for each in shown.series if each.panel == panel and not each.symbol}


def test_the_controls_and_readings_are_what_these_tests_try():
    assert SPEC.defaults == {
        "shedding": 1.4,
        "variants": 16,
        "lesions": 1,
        "log_kill": 0,
        "doubling_time": 103,
        "half_life": 30,
        "plasma": 4,
        "needed": 2,
        "errors": 0.05,
        "weeks": 12,
        "months": 6,
    }
    assert [reading.label for reading in opened().readings] == LABELS


def test_the_opening_worked_out_by_hand():
    shown = opened()
    relapse, test = Relapse(), BloodTest(errors=0)
    month = 365.25 / 12
    due = relapse.day_of(float(cells_of(10)))
    scan = next(6 * month * n for n in range(1, 30) if 6 * month * n >= due)
    chance, missed = 0.0, 1.0
    for number in range(1, 20):
        day = 84.0 * number
        if day >= scan:
            break
        missed *= 1 - test.positive(relapse.course(day).concentration)
        if 1 - missed >= 0.5 and not chance:
            chance = day
    values = [reading.value for reading in shown.readings]
    assert values[LEAD] == pytest.approx((scan - chance) / month)
    assert values[FIRST] == pytest.approx(100 * (1 - missed))
    assert values[LATE] == values[EARLY] == pytest.approx(relapse.day_of(1e12 * np.pi / 6) / 365.25)
    assert values[JUMP] == pytest.approx(2 ** (1 / 103))  # a day's growth, as nothing is killed
    false = 1 - np.exp(-0.05) * 1.05
    assert values[ALARMS] == pytest.approx(100 * (1 - (1 - false) ** 21))


def test_the_lines_are_the_models_and_end_at_100_mm():
    shown = opened(log_kill=2)
    scan, blood = (each for each in shown.series if each.panel == 0 and each.symbol)
    for name, start in (
        ("no treatment", np.inf),
        ("scans only", scan),
        ("with blood tests", blood),
    ):
        day = start if start is np.inf else float(start.x[0]) * 365.25
        for panel in (0, 1):
            line = lines(shown, panel)[name]
            drawn = np.isfinite(line.y)
            course = Relapse().course(line.x[drawn] * 365.25, Treatment(2), day)
            expected = (course.cells, course.concentration * 64)[panel]
            np.testing.assert_allclose(line.y[drawn], expected)
            assert (line.y[drawn] <= (1e12 * np.pi / 6 * 1.0001, 1e9)[panel]).all()
        cells = lines(shown, 0)[name].y
        assert np.nanmax(cells) == pytest.approx(1e12 * np.pi / 6)


def test_treatment_bends_the_lines_where_it_starts_and_ends():
    shown = opened(log_kill=5)
    line = lines(shown, 0)["with blood tests"]
    start = next(each for each in shown.series if each.name == "found by blood tests").x[0]
    for bend in (start, start + 90 / 365.25):
        assert np.isclose(line.x, bend).any()
    inside = (line.x >= start) & (line.x <= start + 90 / 365.25)
    assert np.all(np.diff(line.y[inside]) < 0)
    assert np.all(np.diff(line.y[~inside & np.isfinite(line.y)])[:3] > 0)


def test_the_found_patients_rise_from_none_to_the_number_that_is_read():
    for settings in [SPEC.defaults, *anywhere(SPEC)]:
        shown = view(**settings)
        found = lines(shown, 2)
        readings = [reading.value for reading in shown.readings]
        assert np.all(np.diff(found["blood"].y) >= 0)
        assert found["blood"].y[0] == 0
        assert found["blood"].y[-1] == pytest.approx(readings[FIRST])
        assert readings[LEAD] >= 0
        assert (readings[LEAD] > 0) == (readings[FIRST] >= 50 - 1e-9)
        assert 0 <= readings[CURED_LATE] <= readings[CURED_EARLY] + 1e-9 <= 100 + 1e-8


# ---- findings, each with the term that makes it ------------------------------------------------


def test_the_blood_is_first_in_nearly_all_patients_unless_the_tumour_sheds_little():
    assert read(FIRST) > 99
    assert read(LEAD) > 6
    assert read(LEAD, shedding=0.03) == 0
    assert read(FIRST, shedding=0.03) < 50
    assert "usually no earlier" in opened(shedding=0.03).sentence
    # The tumour is no smaller, and its course is the same.
    assert read(LATE, shedding=0.03) == read(LATE)


def test_many_small_lesions_are_the_bloods_strength():
    leads = [read(LEAD, lesions=each, **OFTEN) for each in (1, 3, 10, 20)]
    assert np.all(np.diff(leads) > 0)
    assert read(SIZE, lesions=10) == pytest.approx(read(SIZE) / 10 ** (1 / 3), rel=1e-6)
    # What the blood finds is the sum of all, however it is divided.
    found = [
        next(s for s in opened(lesions=n).series if s.name == "found by blood tests").y[0]
        for n in (1, 10)
    ]
    assert found[0] == found[1]


def test_each_tenfold_buys_the_same_time_and_no_tenfold_lead():
    sizes = [read(SIZE, shedding=each) for each in (0.1, 1, 10, 100)]
    np.testing.assert_allclose(np.divide(sizes[:-1], sizes[1:]), 10 ** (1 / 3), rtol=1e-3)
    leads = [read(LEAD, shedding=each, **OFTEN) for each in (0.5, 5, 50)]
    gained = np.diff(leads)
    assert gained == pytest.approx(103 * np.log2(10) / (365.25 / 12), abs=2)
    assert read(SIZE, variants=32) == pytest.approx(read(SIZE, plasma=8))


def test_earlier_treatment_that_leaves_cells_gains_nothing_but_lead_time():
    for log_kill in (1, 2, 3, 5):
        shown = opened(log_kill=log_kill)
        late, early = (shown.readings[row].value for row in (LATE, EARLY))
        assert early == pytest.approx(late, abs=1e-9)
        assert late > read(LATE) + 0.9
        assert max(shown.readings[row].value for row in (CURED_LATE, CURED_EARLY)) < 0.5
    # Counted from the day it was found, the time differs by the lead, whatever the treatment does.
    assert read(LEAD, log_kill=2) == read(LEAD) > 6


def test_earlier_treatment_cures_more_if_it_can_kill_the_last_cell():
    strong = {"log_kill": 7.5}
    assert read(CURED_EARLY, **strong) > read(CURED_LATE, **strong) + 50
    # If the blood test leads by nothing, neither does the cure.
    none = {"shedding": 0.01}
    assert read(CURED_EARLY, **strong, **none) < read(CURED_LATE, **strong, **none) + 10
    assert read(CURED_LATE, log_kill=10) > 90  # a treatment so strong may begin late as well


def test_treatment_first_raises_the_tumour_dna_because_more_cells_die():
    assert read(JUMP, log_kill=4) > 1.5
    assert read(JUMP, log_kill=0) < 1.02
    # Half-life is no reason: one ten times as long changes little.
    assert read(JUMP, log_kill=4, half_life=150) == pytest.approx(
        read(JUMP, log_kill=4, half_life=15), rel=0.02
    )


def test_one_molecule_is_earlier_and_often_a_false_alarm():
    assert read(LEAD, needed=1) > read(LEAD) + 5
    assert read(ALARMS, needed=1) > 60
    assert read(ALARMS) < 5
    assert read(ALARMS, needed=1, errors=0) == 0
    assert read(LEAD, needed=1, errors=0) == read(LEAD, needed=1)  # errors find no tumour
    assert read(ALARMS, needed=1, weeks=26) < read(ALARMS, needed=1)


# ---- direction of the controls, goal, presets, prediction ------------------------------------


@pytest.mark.parametrize(
    ("name", "size", "lead"),
    [
        ("shedding", -1, 1),
        ("variants", -1, 1),
        ("plasma", -1, 1),
        ("half_life", -1, 1),
        ("needed", 1, -1),
        ("lesions", -1, 1),
        ("months", 0, 1),
        ("weeks", 0, -1),
    ],
)
def test_direction_of_the_sliders(name, size, lead):
    quantity = next(c for c in SPEC.controls if c.name == name).quantity
    values = np.linspace(quantity.low, quantity.high, 5)
    shown = [opened(**{**OFTEN, name: each}) for each in values]
    sizes = np.diff([each.readings[SIZE].value for each in shown])
    assert np.all(np.sign(np.round(sizes, 9)) == size)
    leads = [each.readings[LEAD].value for each in shown]
    assert lead * (leads[-1] - leads[0]) > 0


def test_direction_of_doubling_time_treatment_and_errors():
    for name, rows in (("doubling_time", (LATE, EARLY)), ("log_kill", (LATE, EARLY, CURED_EARLY))):
        low, high = (next(c for c in SPEC.controls if c.name == name).quantity.low, 10)
        high = 200 if name == "doubling_time" else high
        for row in rows:
            steps = np.diff([read(row, **{name: each}) for each in np.linspace(low, high, 6)])
            assert np.all(steps >= -1e-9)
            assert steps.max() > 0
    assert read(ALARMS, errors=0) < read(ALARMS) < read(ALARMS, errors=0.5)
    slow = [read(LEAD, **OFTEN, doubling_time=each) for each in (30, 103, 200)]
    assert np.all(np.diff(slow) > 0)


@pytest.mark.parametrize(
    "settings",
    [
        {"log_kill": 7.5},  # too many are not cured by blood tests either
        {"log_kill": 10},  # cures late as well
        {"shedding": 50},
        {"lesions": 10, "log_kill": 3},
    ],
)
def test_the_goal_is_not_reached_otherwise(settings):
    settings = {**SPEC.defaults, **settings}
    assert not SPEC.goal.reached(settings, view(**settings))


def test_the_presets_tell_their_beats():
    little, ten, weak, strong, one = (opened(**preset.settings) for preset in SPEC.presets)
    opening = opened().readings
    assert little.readings[LEAD].value == 0
    assert ten.readings[LEAD].value > opening[LEAD].value + 3
    assert weak.readings[EARLY].value == pytest.approx(weak.readings[LATE].value)
    assert strong.readings[CURED_EARLY].value > 60 > 10 > strong.readings[CURED_LATE].value
    assert one.readings[ALARMS].value > 60


def test_the_numbers_of_the_prediction_are_those_of_the_model():
    shown = opened(log_kill=2)
    assert SPEC.prediction.tried({**SPEC.defaults, "log_kill": 2})
    assert not SPEC.prediction.tried({**SPEC.defaults, "log_kill": 7.5})
    assert SPEC.prediction.right == "same"
    text = SPEC.prediction.explain({"observe": "same", "why": "start"})
    lead, late, early = (str(shown.readings[row]) for row in (LEAD, LATE, EARLY))
    assert f"positive {lead} before the scan" in text
    assert f"100 mm after {early} with blood tests, and after {late} with scans only" in text
    assert f"took {lead} longer" in text
    assert "ahead by 10.5 months (median)" in text


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "blood tests 11.2 months earlier. In 100 of 100 such patients the blood is first."),
        ({"log_kill": 2}, "measures 100 mm after 7.2 years with scans only, and after 7.2 years"),
        ({"log_kill": 7.5}, "cures 1 of them with scans only, and 71 with blood tests."),
        ({"shedding": 0.03}, "and blood tests usually no earlier. In 11 of 100"),
    ],
)
def test_the_sentence_says_what_the_numbers_say(settings, words):
    assert words in opened(**settings).sentence


def test_the_table_holds_the_plotted_values_as_one_reads_them_aloud():
    table = opened(log_kill=2).table
    assert len(table.rows) == 11
    assert table.columns[0] == "Years"
    assert table.rows[0][1:] == ("0", "0", *("1 million", "0.0133") * 3)
    assert table.rows[3][1:4] == ("100", "100", "1.59 billion")
    assert table.rows[6][7:] == ("past 100 mm",) * 2  # without treatment the run ended before
    cured = opened(log_kill=10).table
    assert "less than 0.01" in cured.rows[4]
    assert not any("e+" in cell or "e-" in cell for row in cured.rows for cell in row)
