"""The synthetic cases reach every branch of the table; what makes no sense is refused."""

import pytest

from course_lib.models import patient_selection as model
from course_lib.models.patient_selection_cases import CASES, case

#: Case -> rules that do not say "does not apply", besides the withdrawn one.
FITS = {
    1: "us_metastatic us_sacituzumab eu_metastatic eu_atezolizumab england_atezolizumab",
    2: "us_early eu_early england_early",
    3: "eu_atezolizumab england_atezolizumab",
    4: "us_metastatic us_sacituzumab eu_metastatic england_metastatic",
    5: "",
    6: "us_repair us_mutations us_dostarlimab",
    7: "",
    8: "",
    9: "us_deruxtecan_before",
    10: "us_deruxtecan_after trial_flamingo01",
    11: "us_deruxtecan_after",
    12: "",
}
WAITS = {
    5: "us_metastatic us_sacituzumab eu_metastatic eu_atezolizumab england_metastatic "
    "england_atezolizumab",
    7: "us_repair us_mutations us_dostarlimab",
    8: "us_early us_deruxtecan_before eu_early england_early",
    11: "trial_flamingo01",
    12: "us_deruxtecan_before us_deruxtecan_after",
}


@pytest.mark.parametrize("number", FITS)
def test_each_case_gets_the_answers_worked_out_by_hand(number):
    found = {v.rule.name: v.answer for v in model.board(case(number).facts)}
    fits = {
        name for name, answer in found.items() if answer in ("applies", "fits, but unconfirmed")
    }
    waits = {name for name, answer in found.items() if answer == "cannot tell"}
    assert fits == set(FITS[number].split())
    assert waits == set(WAITS.get(number, "").split())


@pytest.mark.parametrize("rule", model.RULES, ids=lambda rule: rule.name)
def test_the_cases_reach_every_answer_of_every_rule(rule):
    found = {model.judge(rule, each.facts).answer for each in CASES}
    fits = {True: "applies", None: "fits, but unconfirmed"}.get(rule.stands)
    assert found == ({fits, "cannot tell", "does not apply"} if fits else {"withdrawn"})


def test_the_cases_reach_every_state_of_every_caution():
    for caution in model.CAUTIONS:
        assert {each.cautions[caution.name] for each in CASES} == {"no", "yes", "unknown"}


def test_cases_are_numbered_and_titled_apart():
    assert [each.number for each in CASES] == list(range(1, 13))
    assert len({each.title for each in CASES}) == len(CASES)


# ---- refusals ----------------------------------------------------------------------------------


def test_an_unknown_fact_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match=r"no fact 'subtyp'\. Did you mean 'subtype'\? There are"):
        model.board({"subtyp": "triple_negative"})
    with pytest.raises(ValueError, match=r"There is no fact 3\. There are: subtype, setting"):
        model.judge(model.RULES[0], {3: "high"})


@pytest.mark.parametrize("value", ["10", 10, 12.0, None, True, float("nan"), ["high"], ""])
def test_a_value_that_is_none_of_the_fact_is_refused(value):
    with pytest.raises(ValueError, match="cps must be one of 'low', 'high', 'unknown', you gave"):
        model.deciding({"cps": value})


@pytest.mark.parametrize("number", [0, 13, -1])
def test_a_case_that_does_not_exist_is_refused(number):
    with pytest.raises(ValueError, match=f"from 1 to 12; you gave {number}"):
        case(number)


@pytest.mark.parametrize("number", ["1", 1.0, True, None])
def test_a_case_must_be_a_whole_number(number):
    with pytest.raises(TypeError, match="case must be a whole number from 1 to 12; you gave"):
        case(number)
