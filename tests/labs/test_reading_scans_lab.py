"""Reading scans: nothing is given away before the call, and after it every rule is told."""

import re

import numpy as np
import pytest

from course_lib.labs import reading_scans as lab
from course_lib.labs.reading_scans import IRECIST_CALLS, OPEN, RECIST_CALLS, SPEC, view
from course_lib.models import scan_cases
from course_lib.models.response_monitoring import explain
from course_lib.models.scan_cases import CASES, SCANS, read

pytestmark = pytest.mark.filterwarnings("error")
EVERY_SCAN = [(case, scan) for case in CASES for scan in range(1, SCANS + 1)]


def shown(case="a", scan=1, recist=OPEN, irecist=OPEN):
    return view(case, scan, recist, irecist)


def right(case, scan):
    _, rules, immune = read(case)
    return rules.overall[scan], immune.responses[scan]


@pytest.mark.parametrize(("case", "scan"), EVERY_SCAN)
def test_before_the_call_nothing_is_given_away(case, scan):
    found = shown(case, scan)
    said = f"{found.sentence} {' '.join(found.table.rows[-1])}"
    assert not re.search(r"\b(i?CR|i?PR|i?SD|PD|iUPD|iCPD|NE)\b|progression|response|stable", said)
    assert "%" not in said
    marks = [text.texts[scan - 1] for text in found.texts]
    assert marks == ["?", "?"]
    for series in found.series:
        if series.name in ("sum", "lesion A", "lesion B", "node", "new lesion"):
            assert np.isnan(series.y[scan + 1 :]).all()
    bar = found.series[2].y
    assert np.isfinite(bar[:scan]).all() == (scan > 1)  # the bar for this scan is not drawn
    assert np.isnan(bar[scan:]).all()


@pytest.mark.parametrize(("case", "scan"), EVERY_SCAN)
def test_the_scan_is_told_as_it_was_measured(case, scan):
    table, rules, _ = read(case)
    found = shown(case, scan)
    for name, size in zip(scan_cases.NAMES, table.sizes[scan], strict=False):
        words = "not assessed" if np.isnan(size) else f"{size:g} mm"
        assert f"{name} {words}".lower() in found.sentence.lower()
    assert f"sum {rules.sums[scan]:g} mm" in found.sentence
    values = [reading.value for reading in found.readings]
    assert values == [rules.sums[scan], rules.smallest[scan], rules.sums[0]]
    assert len(found.table.rows) == scan + 1


@pytest.mark.parametrize(("case", "scan"), EVERY_SCAN)
def test_after_the_call_every_rule_is_told(case, scan):
    calls = right(case, scan)
    found = shown(case, scan, *calls)
    assert found.sentence.count(": right.") == 2
    assert found.sentence.split(" \n")[2:] == explain(read(case)[0], scan)
    assert tuple(text.texts[scan - 1] for text in found.texts) == calls
    assert found.table.rows[-1][-2:] == calls


@pytest.mark.parametrize(("recist", "irecist"), [("NE", "iCR"), ("CR", "NE"), ("PR", "iUPD")])
def test_a_wrong_call_is_told_with_what_the_rules_say(recist, irecist):
    sentence = shown("e", 2, recist, irecist).sentence
    assert f"You called {recist} by RECIST 1.1: the rules say PD." in sentence
    assert f"You called {irecist} by iRECIST: the rules say iCPD." in sentence


def test_one_call_alone_opens_nothing():
    for calls in (("PD", OPEN), (OPEN, "iUPD")):
        found = shown("d", 1, *calls)
        assert "You called" in found.sentence
        assert "%" not in found.sentence
        assert found.texts[0].texts[0] == "?"


def test_the_menus_hold_every_call_and_no_other():
    said = [right(case, scan) for case, scan in EVERY_SCAN]
    for options, calls in zip((RECIST_CALLS, IRECIST_CALLS), zip(*said, strict=True), strict=True):
        assert set(calls) | {OPEN} == set(dict(options))


def test_the_bar_for_progression_stands_where_the_rules_put_it():
    """From the scan before it on; typed in for patient B: 36 of 30 mm, then 25 of 20 mm."""
    assert shown("b", 3, "PD", "iUPD").series[2].y[:4].tolist() == [36, 25, 25, 25]
    assert shown("c", 4, "PD", "iCPD").series[2].y.tolist() == pytest.approx(
        [120, 76.8, 48, 48, 48]
    )
    assert np.isnan(shown("a", 4, "CR", "iCR").series[2].y[3:]).all()


# ---- the goal, and the calls of one scan -------------------------------------------------


def test_only_a_new_lesion_that_shrinks_reaches_the_goal():
    reached = [
        (case, scan)
        for case, scan in EVERY_SCAN
        for settings in [dict(zip(SPEC.defaults, (case, scan, "PD", "iPR"), strict=True))]
        if SPEC.goal.reached(settings, None)
    ]
    assert reached == [("f", 2), ("f", 3)]


def test_calls_belong_to_their_scan_and_come_back_with_it():
    reader = lab.lab(case="d")
    assert reader.widget
    inputs = reader.inputs
    inputs["recist"].value = "PD"
    inputs["irecist"].value = "iUPD"
    assert "RECIST 1.1: PD." in reader.view.sentence
    inputs["scan"].value = 2
    assert (reader.settings["recist"], reader.settings["irecist"]) == (OPEN, OPEN)
    assert inputs["recist"].value == OPEN
    assert reader.view.sentence.endswith("What do the two sets of rules say?")
    inputs["case"].value = "e"
    assert reader.settings["scan"] == 2
    assert inputs["irecist"].value == OPEN
    inputs["case"].value = "d"
    inputs["scan"].value = 1
    assert (inputs["recist"].value, inputs["irecist"].value) == ("PD", "iUPD")
    reader.reset()
    assert reader.settings == {**SPEC.defaults, "case": "d"}


def test_its_widget_gives_each_rule_a_line():
    reader = lab.lab()
    assert "white-space: pre-line" in reader.widget.children[0].value
    assert "course-reading" in reader.widget._dom_classes
    assert reader.widget is reader.widget


# ---- what is explained ----------------------------------------------------------------------


def test_the_explanation_is_true_of_the_model():
    told = SPEC.prediction.explain({"observe": "apart"})
    for number in ("from 80 to 100 mm", "patient D was 74 mm", "patient E 123 mm", "only 42 %"):
        assert number in told
    for rate in ("it was 6 of 100", "15 of 100 unconfirmed", "8 to 26"):
        assert rate in told


def test_the_two_patients_are_told_apart_by_the_second_scan_only():
    first, second = ([shown(case, scan) for case in "de"] for scan in (1, 2))
    said = [view.sentence.replace("Patient D", "").replace("Patient E", "") for view in first]
    assert said[0] == said[1]
    assert second[0].readings[0].value < 80 < 100 < second[1].readings[0].value


def test_without_infiltrate_the_two_would_differ_at_once(monkeypatch):
    """The finding goes when the term behind it is set to nothing."""
    lesion = scan_cases.pseudoprogression()
    dry = scan_cases.modelled(type(lesion)(diameter=lesion.diameter, infiltrate=0))
    monkeypatch.setitem(CASES, "d", dry)
    read.cache_clear()
    try:
        assert right("d", 1) != right("e", 1)
        assert shown("d", 1).readings[0].value < 80
    finally:
        read.cache_clear()
