"""Predict, observe, explain in the labs that are no plot with sliders."""

import pytest

from course_lib.labs import patient_selection, pd_l1_counting, predictions
from widget_tree import button

#: Of each lab: what waits for a prediction; a prediction, in ids and words; what may be observed.
LABS = {
    "patient_selection": (
        patient_selection,
        lambda lab: [lab.pick, *lab.boxes.values(), button(lab, "Compare")],
        ({"predict": "covered", "why": "early"}, "Yes: one covers it"),
        ("none", "3 rules fit"),
    ),
    "pd_l1_counting": (
        pd_l1_counting,
        lambda lab: [*lab.boxes.values(), button(lab, "Mark all"), button(lab, "Field 2")],
        ({"predict": "10_or_more", "why": "both"}, "10 or more."),
        ("cells", "In 614 samples"),
    ),
}
each_lab = pytest.mark.parametrize("name", LABS)


@each_lab
def test_all_is_locked_until_there_is_a_prediction(name):
    module, controls, (answers, words), _ = LABS[name]
    lab = module.lab()
    record = button(lab, "Record my prediction")
    locked = controls(lab)
    assert record.disabled
    assert all(control.disabled for control in locked)
    lab.questions.predict.value = answers["predict"]
    assert record.disabled
    lab.questions.why.value = answers["why"]
    record.click()
    assert not any(control.disabled for control in locked)
    assert predictions.read(name) == answers
    assert "You predicted:" in lab.questions.said.value
    assert words in lab.questions.said.value
    assert "unlocked" in lab.access.announcement


@each_lab
def test_a_prediction_is_remembered_in_the_next_session(name):
    module, controls, (answers, words), _ = LABS[name]
    predictions.write(name, **answers)
    lab = module.lab()
    lab.widget  # noqa: B018
    assert not any(control.disabled for control in controls(lab))
    assert words in lab.questions.said.value


@each_lab
def test_a_record_of_an_older_version_is_no_error(name):
    module, _, _, (observed, explanation) = LABS[name]
    predictions.write(name, predict="gone", why="gone")
    lab = module.lab()
    lab.widget  # noqa: B018
    assert "used this lab before" in lab.questions.said.value
    lab.questions.observe.value = observed
    assert "You predicted" not in lab.questions.explained.value
    assert explanation in lab.questions.explained.value
