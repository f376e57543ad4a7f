"""The frame, driven through its real widgets: locking, gestures, presets, goal, twin."""

import pytest

from course_lib.labs import checkpoint_inhibitors, peptide_binding, predictions, start_here
from widget_tree import everything

SPEC = checkpoint_inhibitors.SPEC


@pytest.fixture
def lab():
    """A lab that has been built and unlocked without a prediction."""
    lab = checkpoint_inhibitors.lab()
    assert lab.widget
    lab.questions.skip.click()
    return lab


def button(lab, name):
    return next(b for b in lab.questions.locked if getattr(b, "description", "") == name)


# --- predict, observe, explain


def test_controls_are_locked_until_a_prediction_is_recorded():
    lab = checkpoint_inhibitors.lab()
    assert lab.widget
    assert all(control.disabled for control in lab.questions.locked)
    assert lab.questions.record.disabled
    lab.questions.predict.value = "half"
    assert lab.questions.record.disabled  # a prediction needs its reason
    lab.questions.why.value = "more_cells"
    lab.questions.record.click()
    assert not any(control.disabled for control in lab.questions.locked)
    assert predictions.read(SPEC.name) == {"predict": "half", "why": "more_cells"}
    assert "About half as large" in lab.questions.said.value


def test_one_click_unlocks_without_predicting():
    lab = checkpoint_inhibitors.lab()
    assert lab.widget
    lab.questions.skip.click()
    assert not any(control.disabled for control in lab.questions.locked)
    assert predictions.read(SPEC.name) == {}


def test_the_explanation_waits_for_the_observation_and_quotes_the_prediction():
    predictions.write(SPEC.name, predict="half", why="more_cells")
    lab = checkpoint_inhibitors.lab()
    assert lab.widget
    assert lab.questions.after.layout.display == "none"
    lab.inputs["dose"].value = 400
    assert lab.questions.after.layout.display == "block"
    assert lab.questions.explained.value == ""
    lab.questions.observe.value = "saturated"
    assert "You predicted: “About half as large" in lab.questions.explained.value
    assert "itself adds no T cells" in lab.questions.explained.value
    assert predictions.read(SPEC.name)["observe"] == "saturated"


def test_the_observation_is_asked_only_when_the_prediction_was_tried(lab):
    lab.inputs["cps"].value = 50
    lab.inputs["dose"].value = 390
    assert lab.questions.after.layout.display == "none"
    lab.inputs["dose"].value = 400
    lab.inputs["dose"].value = 100
    assert lab.questions.after.layout.display == "block"


def test_a_recorded_prediction_is_remembered_next_time():
    predictions.write(SPEC.name, predict="same", why="all_taken")
    lab = checkpoint_inhibitors.lab()
    assert lab.widget
    assert not any(control.disabled for control in lab.questions.locked)
    assert "Almost the same" in lab.questions.said.value


def test_a_record_of_an_older_lab_does_no_harm():
    predictions.write(SPEC.name, predict="no longer an option", why="x")
    assert checkpoint_inhibitors.lab().widget


# --- exploring


def test_moving_a_slider_moves_everything(lab):
    before = lab.view
    lab.inputs["dose"].value = 400
    expected = checkpoint_inhibitors.view(**{**SPEC.defaults, "dose": 400})
    assert lab.view.text() == expected.text()
    assert list(lab.figure.data[8].y) == pytest.approx(list(expected.series[3].y))
    assert lab.access.sentence == expected.sentence
    assert lab.access.alt == expected.alt
    assert lab.access.announcement.startswith("Dose 400 mg.")
    assert expected.change(before) in lab.access.change


def test_one_gesture_keeps_one_before(lab):
    start = lab.view
    for dose in (210, 220, 230):
        lab.inputs["dose"].value = dose
    assert lab.before is start
    at_230 = lab.view
    lab.inputs["cps"].value = 40
    lab.inputs["cps"].value = 50
    assert lab.before is at_230
    assert list(lab.figure.data[3].y) == pytest.approx(list(at_230.series[3].y))


def test_a_marked_before_stays_through_sliders_and_presets(lab):
    lab.inputs["dose"].value = 300
    shown = lab.view
    button(lab, "Mark as “before”").click()
    assert "until you press Reset" in lab.access.change
    lab.inputs["dose"].value = 100
    assert lab.before is shown
    lab.inputs["cps"].value = 50
    button(lab, "Cold tumour").click()
    assert lab.before is shown
    assert list(lab.figure.data[3].y) == pytest.approx(list(shown.series[3].y))


def test_the_next_mark_or_reset_lets_a_marked_before_go(lab):
    mark = button(lab, "Mark as “before”")
    lab.inputs["dose"].value = 300
    mark.click()
    lab.inputs["dose"].value = 100
    at_100 = lab.view
    mark.click()
    assert lab.before is at_100
    button(lab, "Reset").click()
    assert lab.before is at_100  # the run that Reset left
    reset = lab.view
    lab.inputs["cps"].value = 50
    assert lab.before is reset


def test_an_echo_of_the_browser_is_no_gesture(lab):
    """JavaScript counts 76.8 in steps of 0.2 as 76.80000000000001."""
    lab.inputs["dose"].value = 300
    before, shown, told = lab.before, lab.view, lab.access.announcement
    lab.inputs["weight"].value = SPEC.defaults["weight"] + 1e-13
    assert lab.inputs["weight"].value != SPEC.defaults["weight"]
    assert (lab.before, lab.view, lab.access.announcement) == (before, shown, told)
    assert lab.settings == {**SPEC.defaults, "dose": 300}
    lab.inputs["weight"].value = 77
    assert lab.settings["weight"] == 77
    assert lab.before is shown


def test_a_count_that_the_browser_gets_slightly_wrong_is_that_count(lab):
    """Its slider once said 7.999999999999999 for patient 8, and patient 7 stayed on the screen."""
    lab.inputs["number_of_doses"].value = SPEC.defaults["number_of_doses"] * (1 - 1e-15)
    assert lab.before is None  # an echo of the browser when it draws the slider: no gesture
    lab.inputs["number_of_doses"].value = 8 - 1e-15
    assert lab.settings["number_of_doses"] == 8
    assert lab.view.text() == SPEC.at(number_of_doses=8).text()


@pytest.mark.parametrize("preset", SPEC.presets, ids=lambda preset: preset.name)
def test_a_preset_sets_its_controls_in_one_step(lab, preset):
    start = lab.view
    button(lab, preset.name).click()
    assert lab.settings == {**SPEC.defaults, **preset.settings}
    assert lab.before is start


def test_a_preset_is_a_whole_situation(lab):
    lab.inputs["dose"].value = 10
    button(lab, "Cold tumour").click()
    assert lab.settings == {**SPEC.defaults, "infiltration": 0.1}


def test_reset_returns_to_the_settings_the_lab_was_opened_with():
    lab = checkpoint_inhibitors.lab(cps=3)
    assert lab.widget
    lab.questions.skip.click()
    lab.inputs["cps"].value = 90
    button(lab, "Reset").click()
    assert lab.settings == {**SPEC.defaults, "cps": 3}


def test_a_lab_without_second_stage_has_no_more_controls():
    lab = start_here.lab()
    assert lab.widget
    assert button(lab, "More controls").layout.display == "none"


def test_reset_returns_to_the_opening_view(lab):
    lab.inputs["dose"].value = 0
    button(lab, "Reset").click()
    assert lab.settings == SPEC.defaults
    assert lab.view.text() == checkpoint_inhibitors.lab().view.text()


def test_the_goal_announces_itself_only_when_reached(lab):
    assert "Not reached yet" in lab._goal.value
    lab.apply(SPEC.goal.solutions[0])
    assert "Goal reached" in lab._goal.value
    button(lab, "Reset").click()
    assert "Not reached yet" in lab._goal.value


def test_the_table_is_sent_only_while_open_and_follows_the_sliders(lab):
    assert lab.access.table == ""
    lab.access.table_open = True
    first = lab.access.table
    assert "<caption>" in first
    lab.inputs["dose"].value = 400
    assert lab.access.table not in ("", first)


def test_more_controls_appear_on_request(lab):
    second = lab.inputs["weight"]
    assert SPEC.controls[4].stage == 2
    toggle = button(lab, "More controls")
    box = next(w for w in lab.widget.children[3].children[0].children if second in _inside(w))
    assert box.layout.display == "none"
    toggle.value = True
    assert box.layout.display == "block"


def _inside(widget):
    return getattr(widget, "children", ())


# --- settings as code, and wrong input


def test_settings_can_be_pasted_back(lab):
    lab.apply({"dose": 410, "infiltration": 2.5, "weight": 61.2})
    again = eval(lab.code, {"checkpoint_inhibitors": checkpoint_inhibitors})
    assert again.settings == lab.settings
    assert lab.access.code == lab.code


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dose": -5}, r"dose must be a number between 0 and 800 mg; you gave -5"),
        ({"weight": float("nan")}, r"weight must be a number between .* kg; you gave nan"),
        ({"cps": "high"}, r"cps must be a number between 0 and 100.*; you gave 'high'"),
        ({"dosis": 3}, r"no control called dosis. Did you mean dose\? It has: dose, interval"),
    ],
)
def test_wrong_input_is_refused_in_one_sentence(settings, message):
    with pytest.raises(ValueError, match=message):
        checkpoint_inhibitors.lab(**settings)


def test_every_slider_takes_its_range_from_evidence():
    for control in SPEC.controls:
        slider = checkpoint_inhibitors.lab().inputs[control.name]
        quantity = control.quantity
        assert (slider.min, slider.max, slider.value) == (
            quantity.low,
            quantity.high,
            quantity.value,
        )
        assert control.unit in slider.description


@pytest.mark.parametrize(
    ("module", "ghosts"),
    [(checkpoint_inhibitors, "Thin dashed lines"), (peptide_binding, "Small empty marks")],
)
def test_the_key_names_how_the_run_before_is_drawn(module, ghosts):
    texts = [getattr(each, "value", "") for each in everything(module.lab().widget)]
    (key,) = [text for text in texts if "the run before." in str(text)]
    assert f"{ghosts}: the run before." in key
