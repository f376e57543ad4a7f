"""The CAR-T studio: what a student can find there, and that the equations make it so."""

import numpy as np
import pytest

from course_lib.labs import car_t_engineering
from course_lib.labs.car_t_engineering import CASE, DAYS, SPEC, view
from course_lib.models.car_t_engineering import Body, CarT
from course_lib.models.cytokine_release import crs_grade, signs

KILLED, END, LOW, LOST, GRADE, LEVEL, MOST, LATE = range(8)


shown = SPEC.at


def told(**settings):
    return np.array([reading.value for reading in shown(**settings).readings])


def case(**settings):
    return told(**CASE | settings)


def replaced(monkeypatch, name, **fixed):
    """Flip terms of the model: fields of ``CarT`` or ``Body`` are fixed in every run."""
    cls = {"CarT": CarT, "Body": Body}[name]
    made = cls.built if name == "CarT" else cls

    def flipped(*args, **more):
        return made(*args, **more | fixed)

    if name == "CarT":
        monkeypatch.setattr(cls, "built", flipped)
    else:
        monkeypatch.setattr(car_t_engineering, name, flipped)


def test_the_case_of_2010_is_what_was_reported():
    """Read in the abstract: 10^10 cells, receptor with CD28, 4-1BB and CD3 zeta; at once."""
    assert CASE == {"kd": 0.5, "signalling": "both", "dose": 1e4}
    found = shown(**CASE)
    assert found.readings[GRADE].value == 4
    assert found.readings[LOST].value > 90
    assert "highest right after the infusion" in found.sentence
    assert SPEC.presets[0].settings == CASE


def test_without_her2_on_the_lung_the_case_loses_none_and_nothing_happens_at_once():
    found = shown(**CASE, healthy_her2=100)
    assert found.readings[LOST].value < 10
    assert "right after" not in found.sentence


def test_without_a_first_pass_through_the_lung_nothing_happens_at_once(monkeypatch):
    replaced(monkeypatch, "Body", first_share=0.0)
    assert "right after" not in shown(**CASE).sentence


@pytest.mark.parametrize(
    "way", [{"kd": 320, "dose": 200}, {"gate": "and", "dose": 130}, {"gate": "not", "dose": 130}]
)
def test_the_case_can_be_prevented_while_the_tumour_is_cleared(way):
    settings = {**SPEC.defaults, **CASE, **way}
    assert SPEC.goal.reached(settings, view(**settings))
    alone = [{name: value} for name, value in way.items()]
    for each in alone:  # neither part is enough by itself
        settings = {**SPEC.defaults, **CASE, **each}
        assert not SPEC.goal.reached(settings, view(**settings))


def test_a_weak_binder_spares_the_lung_and_not_the_tumour():
    tight, weak = told(), told(kd=1000)
    assert tight[LOST] > 40
    assert weak[LOST] < 1
    assert weak[KILLED] > 98
    marks = [series.y[0] for series in shown(kd=1000).series[2:5]]
    assert marks[0] > 90 > 5 > marks[1] > marks[2]


def test_with_equal_her2_no_binder_tells_lung_from_tumour():
    for kd in (1, 1000, 10000):
        high, _, lung = (s.y[0] for s in shown(kd=kd, her2=1e5, healthy_her2=1e5).series[2:5])
        assert high == pytest.approx(lung, rel=1e-12)


def test_a_not_gate_moves_the_mark_of_the_lung_alone():
    free, braked = ([s.y[0] for s in shown(gate=g).series[2:5]] for g in ("none", "not"))
    assert free[:2] == braked[:2]
    assert braked[2] < free[2] / 5


def test_the_goal_needs_a_mild_reaction():
    settings = {**SPEC.defaults, "gate": "not", "signalling": "cd28", "dose": 400}
    found = view(**settings).readings
    assert found[KILLED].value >= 99
    assert found[LOST].value <= 5
    assert found[GRADE].value == 3
    assert not SPEC.goal.reached(settings, view(**settings))
    milder = settings | {"signalling": "41bb"}
    assert SPEC.goal.reached(milder, view(**milder))


def test_a_weak_binder_lets_her2_low_cells_return():
    weak = shown(kd=1000, low_share=20)
    high, low = (series.y for series in weak.series[5:7])
    assert low[-1] > 3 * np.nanmin(low)
    assert low[-1] > 1000 * high[-1]
    assert weak.readings[END].value > 3 * (100 - weak.readings[KILLED].value)
    tight = told(kd=1, low_share=20)
    assert tight[END] < 0.1
    assert told(kd=1000, low_share=0)[END] < 0.1


def test_the_relapse_is_due_to_their_little_her2(monkeypatch):
    monkeypatch.setattr(car_t_engineering, "LOW_RATIO", 1.0)
    assert told(kd=1000, low_share=20)[END] == pytest.approx(told(kd=1000, low_share=0)[END])
    assert told(kd=1000, low_share=20)[END] < 0.1


def test_an_and_gate_leaks_and_without_leak_it_does_not(monkeypatch):
    assert 5 < case(gate="and")[LOST] < 10
    assert 1 < told(gate="and")[LOST] < told()[LOST] / 10
    replaced(monkeypatch, "Body", leak=0.0)
    assert case(gate="and")[LOST] == 0
    assert told(gate="and")[LOST] == 0
    assert told()[LOST] > 40  # without a gate there is nothing that could leak


def test_a_not_gate_fails_against_many_cells_and_without_inhibition_always(monkeypatch):
    assert told(gate="not")[LOST] < 5
    assert case(gate="not")[LOST] > 20
    replaced(monkeypatch, "Body", inhibition=0.0)
    np.testing.assert_array_equal(told(gate="not"), told())


def test_fewer_cells_are_safer_and_clear_less():
    doses = [told(dose=float(d)) for d in np.geomspace(10, 1e4, 13)]
    for column, way in ((KILLED, 1), (LOST, 1), (LEVEL, 1), (MOST, 1)):
        steps = np.diff([each[column] for each in doses])
        assert np.all(steps >= 0)
        assert steps.sum() * way > 0
    few = case(dose=100)
    assert few[LOST] < case()[LOST] / 5
    assert few[GRADE] < 4
    # but no dose alone reaches the goal with this binder
    for dose in np.geomspace(10, 1e4, 31):
        settings = {**SPEC.defaults, **CASE, "dose": float(dose)}
        assert not SPEC.goal.reached(settings, view(**settings))


def test_the_switch_stops_slow_harm_and_comes_too_late_for_a_fast_one(monkeypatch):
    early, never = case(switch_day=0.1), case()
    assert early[LOST] < never[LOST] - 30
    assert early[LEVEL] == never[LEVEL]
    losses = [case(switch_day=day)[LOST] for day in (0.1, 1, 3, 10, 100, 1000)]
    assert np.all(np.diff(losses) > 0)
    replaced(monkeypatch, "CarT", switch_kill=0.0)
    assert case(switch_day=0.1)[LOST] == pytest.approx(never[LOST], rel=1e-6)


def test_signalling_and_hinge_trade_strength_for_staying_power():
    slow, quick, both = (told(signalling=s, dose=100) for s in ("41bb", "cd28", "both"))
    assert slow[LATE] > both[LATE] > quick[LATE]
    assert slow[LEVEL] < quick[LEVEL] < both[LEVEL]
    far, near = (shown(hinge=h, kd=1000).series[0].y for h in ("cd8", "cd28"))
    assert np.all(near > far)


def test_the_two_curves_are_about_ten_times_apart_at_the_reference():
    killing, cytokines = shown(signalling="cd28", hinge="cd28").series[:2]
    at = [10 ** np.interp(50, each.y, np.log10(each.x)) for each in (killing, cytokines)]
    np.testing.assert_allclose(at, [203, 2045], rtol=0.02)


@pytest.mark.parametrize("dose", [10, 100, 320, 1000, 3200, 10000])
@pytest.mark.parametrize("signalling", ["41bb", "cd28"])
def test_the_grade_follows_from_the_parts_in_the_sentence(dose, signalling):
    found = shown(dose=dose, signalling=signalling)
    drawn = max(np.nanmax(found.series[-1].y), 0)
    assert found.readings[LEVEL].value == pytest.approx(drawn, rel=1e-9)
    fever, pressure, oxygen = signs(drawn)
    grade = crs_grade(fever, pressure, oxygen)
    assert found.readings[GRADE].value == grade
    assert found.sentence.endswith(f"That makes CRS grade {grade} of 4.")
    assert ("no fever" in found.sentence) == (not fever)
    assert car_t_engineering.BLOOD_PRESSURE[pressure] in found.sentence
    assert car_t_engineering.OXYGEN[oxygen] in found.sentence


def test_all_grades_can_be_seen_and_the_lines_are_where_they_begin():
    grades = {told(dose=d, kd=kd)[GRADE] for d in (10, 320, 1000, 10000) for kd in (1, 320, 1000)}
    grades |= {case(dose=d)[GRADE] for d in (160, 10000)}
    assert grades == {0, 1, 2, 3, 4}
    for line in shown().series[-4:-1]:
        level, grade = line.y[0], int(line.name[-1])
        assert crs_grade(*signs(level)) == grade
        assert crs_grade(*signs(level * 0.999)) == grade - 1


@pytest.mark.parametrize("settings", [{}, *(p.settings for p in SPEC.presets), {"low_share": 0}])
def test_sentence_and_table_hold_what_is_drawn(settings):
    found = shown(**settings)
    readings = found.readings
    assert found.sentence.startswith("Assumed effects, not a forecast.")
    assert f"cells have killed {readings[KILLED]}" in found.sentence
    assert ("or more" in found.sentence) == (readings[KILLED].value == 99.9)
    assert f"Of the healthy lung cells {readings[LOST]} are lost" in found.sentence
    high, low, healthy, cells = (series.y for series in found.series[5:9])
    assert readings[LOST].value == pytest.approx(100 - healthy[-1], rel=1e-9)
    assert readings[END].value == pytest.approx(np.nansum([high[-1], low[-1]]), abs=2e-3)
    assert readings[MOST].value == pytest.approx(np.nanmax(cells), rel=1e-9)
    if np.isfinite(low[-1]):
        assert readings[LOW].value == pytest.approx(low[-1], rel=1e-9)
    *_, last, killing, cytokines = found.table.rows
    assert last[0] == str(DAYS)
    marks = [float(series.y[0]) for series in found.series[2:5]]
    assert [float(cell) for cell in killing[1:4]] == pytest.approx(marks, rel=6e-3)
    assert killing[0] == "One contact: killing"
    assert all(
        float(less) < float(more) for less, more in zip(cytokines[1:4], killing[1:4], strict=True)
    )
    assert float(last[3]) == pytest.approx(healthy[-1], rel=6e-3)
    drawn = SPEC.panels[1].y_range
    assert np.nanmax(np.concatenate([high, low, healthy])) < drawn[1]


def test_nothing_leaves_its_panel_and_no_number_has_four_figures():
    extremes = [
        CASE | {"hinge": "cd28", "healthy_her2": 1e5},
        {"dose": 10, "kd": 1e4},
        {"her2": 1e4},
    ]
    for settings in extremes:
        found = shown(**settings)
        for series in found.series:
            low, high = SPEC.panels[series.panel].y_range
            values = series.y[np.isfinite(series.y)]
            assert np.all((values >= low) & (values <= high)), series.name
        for reading in found.readings:
            figures = str(reading).partition(" ")[0].replace(".", "").lstrip("0")
            assert len(figures) <= 3 or "less" in str(reading), str(reading)


def test_another_tumour_or_lung_does_not_reach_the_goal():
    for settings in ({"healthy_her2": 100}, {"low_share": 0, "gate": "and"}, {"her2": 1e6}):
        settings = {**SPEC.defaults, "kd": 320, **settings}
        assert not SPEC.goal.reached(settings, view(**settings))


def test_the_explanation_gives_the_model_s_numbers():
    text = SPEC.prediction.explain({"observe": "back", "predict": "lung", "why": "number"})
    tight, weak = ([s.y[0] for s in shown(kd=kd).series[2:5]] for kd in (1, 1000))
    assert f"reaches {tight[0]:.0f} %" in text
    assert f"and {tight[2]:.0f} % of that of lung cells" in text
    assert f"it is {weak[0]:.0f} % and {weak[2]:.1f} %" in text
    assert weak[2] < 1 < 80 < weak[0]
    assert f"has {shown(kd=1000).readings[END]} of its first cells" in text
