"""From a biopsy to an infusion: what a student can find, and when it is not there."""

import re

import numpy as np
import pytest

from course_lib.labs.adoptive_cell_therapy import SPEC, view
from course_lib.models.adoptive_cell_therapy import Host, biopsy, culture

pytestmark = pytest.mark.filterwarnings("error")
PRESETS = {each.name: each.settings for each in SPEC.presets}
LABELS = [
    "Cells harvested",
    "Respond to the tumour, of those harvested",
    "Exhausted clone, of those harvested",
    "Reactive cells in the blood on day 60",
    "Divisions of the fresh clone in the dish",
    "Own lymphocytes below half",
]
CELLS, REACTIVE, EXHAUSTED, LATER, DIVISIONS, LOW_COUNTS = range(6)


opened = SPEC.at


def read(which, **settings):
    return opened(**settings).readings[which].value


def test_the_controls_and_readings_are_what_these_tests_try():
    assert SPEC.defaults == {
        "harvest": 7,
        "selection": "none",
        "lymphodepletion": 0,
        "il2_doses": 0,
        "exhausted_share": 30,
        "fresh_share": 0.5,
        "bystander_doubling": 1.5,
        "exhausted_doubling": 4,
        "fresh_doubling": 1.5,
        "enrichment": 100,
        "recovery": 30,
    }
    assert [reading.label for reading in opened().readings] == LABELS
    assert [control.name for control in SPEC.controls if control.stage == 1] == [
        "harvest",
        "selection",
        "lymphodepletion",
        "il2_doses",
    ]


def test_the_plot_shows_the_model():
    settings = {"harvest": 30.0, "selection": "reactive", "lymphodepletion": 90.0, "il2_doses": 4.0}
    shown = opened(**settings)
    made = culture(biopsy(30, 0.5), 30, 5e10, selection=(7, 100, 0.3))
    blood = Host(lymphodepletion=90, il2_doses=4).in_blood(made.product, np.arange(91))
    for clone in range(3):
        np.testing.assert_allclose(shown.series[clone].y, made.cells[:, clone])
        drawn = shown.series[3 + clone]
        there = blood[:, clone] >= 1e3
        np.testing.assert_allclose(drawn.y[there], blood[there, clone])
        assert np.isnan(drawn.y[~there]).all()
    assert [series.dash for series in shown.series[:3]] == ["dash", "dot", "solid"]
    later = blood[60, 1] + blood[60, 2]
    assert shown.series[6].y[0] == pytest.approx(later)
    assert shown.readings[LATER].value == pytest.approx(later / 1e6)
    assert shown.readings[CELLS].value == pytest.approx(made.cells[-1].sum() / 1e9)


@pytest.mark.parametrize(
    ("harvest", "leader"), [(21, "The bystanders"), (7, "The cells of the exhausted clone")]
)
def test_the_sentence_names_the_clone_that_leads(harvest, leader):
    shown = opened(harvest=harvest, selection="none" if harvest > 7 else "reactive")
    assert f"{leader} lead with" in shown.sentence
    share = float(re.search(r"and ([\d.]+) % of all respond", shown.sentence)[1])
    assert share == pytest.approx(shown.readings[REACTIVE].value, abs=0.051)
    exhausted, fresh = re.search(
        r"tumour: ([\d.]+) % are the exhausted clone, ([\d.]+) % the fresh one", shown.sentence
    ).groups()
    assert float(exhausted) == pytest.approx(shown.readings[EXHAUSTED].value, abs=0.051)
    assert float(exhausted) + float(fresh) == pytest.approx(share, abs=0.11)


def test_the_table_holds_the_plotted_values():
    shown = opened(**PRESETS["Keep what responds"])
    rows = [row[0] for row in shown.table.rows]
    assert rows[:6] == [f"dish, day {day}" for day in (0, 7, 14, 21, 28, 35)]
    assert rows[6:] == [f"blood, day {day}" for day in range(0, 91, 15)]
    assert shown.table.rows[0][1:] == ("6.95 million", "3 million", "50,000")
    # The day of the selection: the cells that were kept.
    assert shown.table.rows[1][1] == "528,000"
    assert shown.table.rows[5][1:] == shown.table.rows[6][1:]


# ---- findings, each with the term that makes it --------------------------------------------


def test_the_clone_that_led_in_the_tumour_is_lost_in_the_dish():
    assert read(EXHAUSTED, harvest=28) < 0.3
    assert read(EXHAUSTED, harvest=28, exhausted_doubling=1.5) == pytest.approx(30)


def test_the_clone_that_leads_in_the_dish_does_not_respond_to_the_tumour():
    shown = opened(harvest=28)
    assert "The bystanders lead with 99.1 %" in shown.sentence
    assert shown.readings[REACTIVE].value < 1
    # As slow as the exhausted clone, the bystanders would not lead.
    even = opened(harvest=28, bystander_doubling=6)
    assert even.readings[REACTIVE].value > 95


def test_selection_changes_who_leads_and_costs_cells_at_first():
    kept = {"selection": "reactive", "harvest": 35}
    assert read(REACTIVE, **kept) > 40 * read(REACTIVE, harvest=35)
    assert read(CELLS, selection="reactive", harvest=14) < 0.01 * read(CELLS, harvest=14)
    # A selection that tells no cell from another changes no share.
    unsorted = read(REACTIVE, enrichment=1, **kept)  # a second growth, with the same loser
    assert 0.75 < unsorted / read(REACTIVE, harvest=35) < 1
    idle = {"enrichment": 1, "recovery": 100, "selection": "reactive", "harvest": 14}
    assert read(CELLS, **idle) == pytest.approx(read(CELLS, harvest=14), rel=1e-6)


def test_an_exhausted_clone_that_leads_at_infusion_is_gone_two_months_later():
    shown = opened(selection="reactive", enrichment=1000, lymphodepletion=99)
    assert shown.readings[EXHAUSTED].value > 80
    exhausted, fresh = (shown.series[4], shown.series[5])
    assert exhausted.y[0] > 5 * fresh.y[0]
    assert np.isnan(exhausted.y[60]) or exhausted.y[60] < 0.1 * fresh.y[60]


def test_lymphodepletion_lets_infused_cells_last():
    kept = {"selection": "reactive", "harvest": 35}
    gain = read(LATER, lymphodepletion=99, **kept) / read(LATER, **kept)
    assert gain > 10
    assert read(LOW_COUNTS, lymphodepletion=99, **kept) > 10  # and its cost
    assert read(LOW_COUNTS, **kept) == 0
    # It works only through division: see test_lymphodepletion_helps_only_through_division.
    assert read(CELLS, lymphodepletion=99, **kept) == read(CELLS, **kept)


def test_il2_adds_much_without_lymphodepletion_and_little_after_it():
    kept = {"selection": "reactive", "harvest": 35}

    def gain(depth):
        with_it = read(LATER, lymphodepletion=depth, il2_doses=6, **kept)
        return with_it / read(LATER, lymphodepletion=depth, **kept)

    assert gain(0) > 1.9
    assert 1 < gain(99) < 1.25


def test_neither_selection_nor_lymphodepletion_reaches_the_goal_alone():
    def reached(**settings):
        settings = {**SPEC.defaults, "harvest": 35, **settings}
        return SPEC.goal.reached(settings, view(**settings))

    both = {"selection": "reactive", "lymphodepletion": 99}
    assert reached(**both)
    assert not reached(selection="reactive", il2_doses=6)
    assert not reached(lymphodepletion=99, il2_doses=6)
    assert not reached(**both, harvest=36)
    assert not reached(**both, il2_doses=7)


# ---- direction of the controls, presets, prediction -----------------------------------------


@pytest.mark.parametrize(
    ("name", "which", "sign"),
    [
        ("harvest", CELLS, 1),
        ("harvest", DIVISIONS, 1),
        ("lymphodepletion", LATER, 1),
        ("il2_doses", LATER, 1),
        ("exhausted_share", EXHAUSTED, 1),
        ("fresh_share", REACTIVE, 1),
        ("bystander_doubling", REACTIVE, 1),
        ("exhausted_doubling", EXHAUSTED, -1),
        ("fresh_doubling", REACTIVE, -1),
        ("enrichment", REACTIVE, 1),
        ("recovery", CELLS, 1),
    ],
)
def test_direction_of_each_control(name, which, sign):
    control = next(c for c in SPEC.controls if c.name == name)
    values = np.geomspace if control.log else np.linspace
    values = values(control.quantity.low, control.quantity.high, 15)
    base = {"harvest": 21, "selection": "reactive", "lymphodepletion": 50}
    assert np.all(np.diff([read(which, **{**base, name: each}) for each in values]) * sign > 0)


def test_the_presets_tell_their_beats():
    grown, even, chosen, il2, depleted, both = (opened(**p.settings) for p in SPEC.presets)
    assert grown.readings[EXHAUSTED].value < 1 < even.readings[EXHAUSTED].value
    assert chosen.readings[REACTIVE].value > 40 > 1 > grown.readings[REACTIVE].value
    later = [each.readings[LATER].value for each in (grown, chosen, il2, depleted, both)]
    assert later == sorted(later)


@pytest.mark.parametrize("observed", ["rose", "stayed", "fell"])
def test_the_explanation_is_true_of_the_model(observed):
    text = SPEC.prediction.explain({"predict": "fewer", "observe": observed})
    ends = read(EXHAUSTED, harvest=28)
    assert f"ends as {ends:.1f} %" in text
    assert "it would end as 30 %" in text
    assert f"{read(REACTIVE, harvest=35):.1f} % of the cells respond" in text
    kept = read(REACTIVE, harvest=35, selection="reactive")
    assert f"With selection it is {kept:.1f} %" in text
    assert ("That is what you saw" in text) == (observed == "fell")


def test_the_observation_is_asked_after_three_weeks_without_selection():
    tried = SPEC.prediction.tried
    assert not tried(SPEC.defaults)
    assert tried({**SPEC.defaults, **PRESETS["Four weeks of growth"]})
    assert not tried({**SPEC.defaults, **PRESETS["Keep what responds"]})
