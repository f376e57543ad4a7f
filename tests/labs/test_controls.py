"""Logarithmic sliders, menus, and clicks into a panel: on a small lab of its own."""

import numpy as np
import pytest

from course_lib.labs.frame import Lab
from course_lib.labs.spec import Choice, Control, Goal, LabSpec, Prediction, Question
from course_lib.labs.view import Panel, Reading, Series, Table, View

AB = (("a", "First"), ("b", "Second"))


def view(days: float, weight: float, kind: str) -> View:
    point = Series("here", 0, np.array([days]), np.array([weight]), "tumour", symbol="circle")
    reading = Reading("Product", days * weight * (2 if kind == "b" else 1), "", 0)
    table = Table("Numbers", ("Days", "Weight"), ((f"{days:.0f}", f"{weight:.0f}"),))
    return View((point,), f"Kind {kind}.", "One point.", (reading,), table)


SPEC = LabSpec(
    name="small",
    title="A small lab",
    lead="One point.",
    controls=(
        Control("days", "Doubling", "tumour.volume_doubling_time", 0.05, log=True),
        Control("weight", "Weight", "patient.weight", 0.5, digits=1),
        Choice("kind", "Kind", AB, start="a"),
    ),
    panels=(Panel("Plane", "kg", (40, 200), x_range=(40, 400), sets=("days", "weight")),),
    x_title="Days",
    x_range=(0, 1),
    view=view,
    presets=(),
    goal=Goal("Second.", lambda settings, view: settings["kind"] == "b", "Good.", ({"kind": "b"},)),
    prediction=Prediction(
        predict=Question("Which?", AB),
        why=Question("Why?", AB),
        tried=lambda settings: settings["kind"] == "b",
        observe=Question("What?", AB),
        right="b",
        explanation=lambda: "So.",
        replies={"a": "A & a.", "b": "B."},
    ),
)
DAYS, WEIGHT, KIND = SPEC.controls


@pytest.fixture
def lab():
    lab = Lab(SPEC)
    assert lab.widget
    return lab


@pytest.fixture
def unlocked(lab):
    lab.questions.skip.click()
    return lab


def click(lab, panel, x, y):
    """What the browser sends when somebody clicks into the plot."""
    lab.access._handle_custom_msg({"panel": panel, "x": x, "y": y}, [])


def test_a_logarithmic_slider_has_the_range_of_its_evidence(lab):
    slider = lab.inputs["days"]
    assert (10**slider.min, 10**slider.max) == pytest.approx((40, 400))
    assert slider.value == DAYS.quantity.value
    assert slider.step == 0.05


@pytest.mark.parametrize(
    ("value", "words"),
    [(1e6, "1,000,000 days"), (120.0, "120 days"), (0.013, "0.013 days"), (5.0, "5 days")],
)
def test_a_logarithmic_value_is_written_out(value, words):
    assert DAYS.shown(value) == words


def test_a_logarithmic_slider_stands_at_two_digits(unlocked):
    """500000 stays 500000, though the browser's slider says 501187.2336272725."""
    steps = [DAYS.nearest(40 * 10 ** (0.05 * n)) for n in range(21)]
    assert steps == [float(f"{value:.2g}") for value in steps]
    assert len(set(steps)) == 21
    unlocked.apply({"days": 50.0})
    assert unlocked.settings["days"] == 50
    before = unlocked.view
    unlocked.inputs["days"].value = 40 * 10 ** (0.05 * 2)  # what the browser makes of 50
    assert unlocked.settings["days"] == 50
    assert unlocked.view is before
    unlocked.inputs["days"].value = 40 * 10 ** (0.05 * 3)
    assert unlocked.settings["days"] == 57


def test_a_menu_holds_ids_and_shows_words(unlocked):
    assert unlocked.settings["kind"] == "a"
    unlocked.inputs["kind"].value = "b"
    assert unlocked.settings["kind"] == "b"
    assert unlocked.view.sentence == "Kind b."
    assert unlocked.access.announcement.startswith("Kind Second.")
    assert "Goal reached" in unlocked._goal.value


def test_settings_with_a_menu_can_be_pasted_back(unlocked):
    unlocked.apply({"kind": "b", "days": 52.5})
    again = eval(unlocked.code, {"small": type("small", (), {"lab": lambda **s: Lab(SPEC, **s)})})
    assert again.settings == unlocked.settings


@pytest.mark.parametrize("value", ["c", "First", 1, None, float("nan")])
def test_an_option_that_does_not_exist_is_refused(value):
    with pytest.raises(ValueError, match=r"kind must be one of 'a', 'b'; you gave"):
        Lab(SPEC, kind=value)


def test_a_click_sets_both_controls_to_where_sliders_can_stand(unlocked):
    click(unlocked, 0, 200.0, 90.26)
    assert unlocked.settings["days"] == 200  # 14 steps make 200.475
    assert unlocked.settings["weight"] == 90.5
    assert unlocked.inputs["weight"].value == 90.5
    assert unlocked.settings["kind"] == "a"
    assert unlocked.before.series[0].y[0] == WEIGHT.quantity.value  # one gesture, one "before"


def test_a_click_keeps_what_was_set_before(unlocked):
    unlocked.inputs["kind"].value = "b"
    click(unlocked, 0, 100.0, 80.0)
    assert unlocked.settings["kind"] == "b"


def test_a_click_outside_the_ranges_goes_to_the_nearest_end(unlocked):
    click(unlocked, 0, 1e9, -5.0)
    assert unlocked.settings["days"] == pytest.approx(400)
    assert unlocked.settings["weight"] == WEIGHT.quantity.low


def test_a_click_does_nothing_before_the_prediction(lab):
    opening = lab.settings
    click(lab, 0, 200.0, 90.0)
    assert lab.settings == opening


@pytest.mark.parametrize("control", [DAYS, WEIGHT], ids=["log", "linear"])
def test_the_nearest_value_is_on_the_sliders_grid(control):
    low, high = control.quantity.low, control.quantity.high
    scale = np.log10 if control.log else np.asarray
    for value in np.linspace(low, high, 50):
        found = control.nearest(value)
        steps = (scale(found) - scale(low)) / control.step
        rounding = 0.45 if control.log else 1e-6  # two digits, of a step in decades
        assert found == high or steps == pytest.approx(round(steps), abs=rounding)
        assert abs(scale(found) - scale(value)) <= control.step * (0.5 + rounding) or found == high
