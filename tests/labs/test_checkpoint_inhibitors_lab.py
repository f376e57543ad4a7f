"""The first lab's view: every corner, many random settings, and what it must show."""

import numpy as np
import pytest

from course_lib.labs import checkpoint_inhibitors
from course_lib.labs.checkpoint_inhibitors import DAYS, SPEC, view
from every_lab import anywhere, corners

CONTROLS = {c.name: c.quantity for c in SPEC.controls}
PRESETS = {each.name: each.settings for each in SPEC.presets}


def is_sound(settings):
    shown = view(**settings)
    for series in shown.series:
        values = series.y[np.isfinite(series.y)]
        assert (values >= 0).all()
        if series.panel == 1:
            assert (values <= 100).all()
        if series.panel == 2:
            assert np.isfinite(series.y).all()
    return shown


def test_what_it_shows_is_sound_at_corners_and_random_settings():
    for settings in [*corners(SPEC), *anywhere(SPEC)]:
        is_sound(settings)


def sizes(**settings):
    shown = SPEC.at(**settings)
    return shown.series[3].y, shown.series[4].y


def test_2_and_10_mg_per_kg_hardly_differ():
    low, _ = sizes(**PRESETS["2 mg/kg"])
    high, _ = sizes(**PRESETS["10 mg/kg"])
    none, _ = sizes(dose=0, weight=75)
    benefit = none[-1] - low[-1]
    assert benefit > 10  # there is something to lose
    assert abs(high[-1] - low[-1]) < 0.05 * benefit


def test_a_cold_tumour_does_not_respond():
    treated, untreated = sizes(**PRESETS["Cold tumour"])
    assert treated[-1] > 0.95 * untreated[-1]
    assert treated[-1] > treated[0]


def test_a_hot_tumour_shrinks_until_its_antigen_low_cells_grow():
    treated, _ = sizes(**PRESETS["Hot tumour"])
    assert treated[-1] < 0.7 * treated[0]
    assert treated.min() < treated[-1] - 1


def test_without_pd_l1_there_is_no_brake_to_release():
    treated, untreated = sizes(**PRESETS["PD-L1 negative"])
    assert treated == pytest.approx(untreated)


@pytest.mark.parametrize("settings", [{}, {"dose": 100}, {"dose": 0, "infiltration": 8}])
def test_the_goal_is_not_reached_by_doing_nothing(settings):
    settings = {**SPEC.defaults, **settings}
    assert not SPEC.goal.reached(settings, view(**settings))


def test_the_sentence_says_what_the_lines_show():
    treated, untreated = sizes()
    sentence = SPEC.at().sentence
    assert "With 200 mg every 21 days" in sentence
    assert f"from {treated[0]:.0f} mm to {treated[-1]:.0f} mm" in sentence
    assert f"it would measure {untreated[-1]:.0f} mm" in sentence
    assert "grows" in sentence
    assert "shrinks" in SPEC.at(**PRESETS["Hot tumour"]).sentence
    assert "No pembrolizumab is given" in SPEC.at(dose=0).sentence


def test_the_table_holds_the_plotted_values():
    shown = SPEC.at()
    assert shown.table.rows[0][0] == "0"
    assert shown.table.rows[-1][0] == str(DAYS)
    assert float(shown.table.rows[-1][4]) == pytest.approx(shown.series[3].y[-1], abs=0.051)
    assert float(shown.table.rows[0][1]) == pytest.approx(shown.series[0].y[0], abs=0.051)


@pytest.mark.parametrize("predicted", ["half", "smaller", "same"])
@pytest.mark.parametrize("observed", ["halved", "saturated", "nothing"])
def test_the_explanation_fits_every_answer(predicted, observed):
    text = SPEC.prediction.explain({"predict": predicted, "why": "free_left", "observe": observed})
    assert ("That is what the model shows" in text) == (predicted == "same")
    assert ("That is what you saw" in text) == (observed == "saturated")
    assert "doubled the concentration" in text


def test_the_explanation_states_the_models_own_numbers():
    once, twice = SPEC.at(), SPEC.at(dose=400)
    ratio = twice.readings[0].value / once.readings[0].value
    assert ratio == pytest.approx(2)  # linear pharmacokinetics: "doubled" is exact
    text = SPEC.prediction.explain({"observe": "saturated"})
    for shown in (once, twice):
        assert str(shown.readings[1]) in text
        assert str(shown.readings[2]) in text
    assert checkpoint_inhibitors.lab().settings["dose"] == 200  # the question says 200 mg


def test_chemotherapy_shrinks_both_tumours_and_the_drug_still_helps():
    treated, untreated = sizes()
    with_both, with_chemotherapy = sizes(**PRESETS["With chemotherapy"])
    assert with_both[-1] < treated[-1] < untreated[-1]
    assert with_both[-1] < with_chemotherapy[-1] < untreated[-1]


def test_more_cycles_of_chemotherapy_never_leave_a_larger_tumour():
    ends = [sizes(chemotherapy=cycles)[1][-1] for cycles in range(14)]
    assert np.all(np.diff(ends) < 0)


def test_the_sentence_says_that_chemotherapy_is_given():
    assert "6 cycles" in SPEC.at(**PRESETS["With chemotherapy"]).sentence
    assert "chemotherapy" not in SPEC.at().sentence
