"""The dated table against its rules typed again, and against every way unknown facts can turn out.

``TYPED`` states each rule a second time, as a function of a complete patient. With unknown facts
the oracle asks all complete patients they could be: if these agree, so must the table.
"""

import itertools
import re
from datetime import timedelta

import numpy as np
import pytest

from course_lib import evidence
from course_lib.models import patient_selection as model
from course_lib.models.patient_selection_cases import CASES, case

VALUES = {
    "subtype": ("triple_negative", "her2_positive", "hormone_receptor"),
    "setting": ("stage_1", "stage_2_3", "clear", "residual", "metastatic"),
    "before": ("none", "options", "no_option"),
    "cps": ("low", "high"),
    "ic": ("low", "high"),
    "repair": ("no", "yes"),
    "mutations": ("low", "high"),
    "hla": ("no", "yes"),
}


def triple_negative(p):
    return p["subtype"] == "triple_negative"


def metastatic(p):
    return triple_negative(p) and p["setting"] == "metastatic"


def first(p):
    return metastatic(p) and p["before"] == "none"


def early(p):
    return triple_negative(p) and p["setting"] == "stage_2_3"


def any_organ(p):
    return p["setting"] == "metastatic" and p["before"] == "no_option"


def her2(p):
    return p["subtype"] == "her2_positive"


#: Rule -> who fits it, and what the table then answers.
TYPED = {
    "us_metastatic": (lambda p: metastatic(p) and p["cps"] == "high", "applies"),
    "us_sacituzumab": (lambda p: first(p) and p["cps"] == "high", "applies"),
    "us_early": (early, "applies"),
    "us_repair": (lambda p: any_organ(p) and p["repair"] == "yes", "applies"),
    "us_mutations": (lambda p: any_organ(p) and p["mutations"] == "high", "applies"),
    "us_dostarlimab": (lambda p: any_organ(p) and p["repair"] == "yes", "applies"),
    "us_deruxtecan_before": (lambda p: her2(p) and p["setting"] == "stage_2_3", "applies"),
    "us_deruxtecan_after": (lambda p: her2(p) and p["setting"] == "residual", "applies"),
    "eu_metastatic": (lambda p: first(p) and p["cps"] == "high", "applies"),
    "eu_early": (early, "applies"),
    "eu_atezolizumab": (lambda p: first(p) and p["ic"] == "high", "fits, but unconfirmed"),
    "england_metastatic": (
        lambda p: first(p) and p["cps"] == "high" and p["ic"] == "low",
        "fits, but unconfirmed",
    ),
    "england_early": (early, "fits, but unconfirmed"),
    "england_atezolizumab": (lambda p: first(p) and p["ic"] == "high", "fits, but unconfirmed"),
    "trial_flamingo01": (
        lambda p: her2(p) and p["setting"] == "residual" and p["hla"] == "yes",
        "fits, but unconfirmed",
    ),
}
RULES = {rule.name: rule for rule in model.RULES}
EACH_RULE = pytest.mark.parametrize("name", RULES)
EACH_TYPED = pytest.mark.parametrize("name", TYPED)


def oracle(name, facts):
    """The answer of one rule, by asking every complete patient that the facts allow."""
    if name == "us_atezolizumab":
        return "withdrawn"
    fits, answer = TYPED[name]
    allowed = [VALUES[f] if facts[f] == "unknown" else (facts[f],) for f in VALUES]
    found = {fits(dict(zip(VALUES, p, strict=True))) for p in itertools.product(*allowed)}
    return "cannot tell" if len(found) == 2 else answer if found == {True} else "does not apply"


def answers(facts):
    return {verdict.rule.name: verdict.answer for verdict in model.board(facts)}


def drawn(number, unknown):
    """Random patients, each fact unknown with some probability."""
    random = np.random.default_rng(20261121)
    for _ in range(number):
        yield {
            name: "unknown" if random.random() < unknown else str(random.choice(values))
            for name, values in VALUES.items()
        }


def fitting(name):
    """A patient who fits a rule, all other facts unknown."""
    return model.known({fact: fits[0] for fact, fits in RULES[name].needs.items()})


# ---- answers ------------------------------------------------------------------------------


def test_the_typed_table_has_every_fact_value_and_rule():
    assert {f.name: tuple(v for v, _ in f.values) for f in model.FACTS} == VALUES
    assert set(RULES) == {*TYPED, "us_atezolizumab"}
    assert len(RULES) == len(model.RULES) == 16


@pytest.mark.parametrize(("unknown", "number"), [(0, 100), (0.15, 40), (0.4, 15)])
def test_answers_are_those_of_every_patient_it_could_be(unknown, number):
    for facts in drawn(number, unknown):
        assert answers(facts) == {name: oracle(name, facts) for name in RULES}, facts


@EACH_TYPED
def test_of_all_complete_patients_the_same_ones_fit(name):
    """Every complete patient whose facts matter to the rule: the others are left unknown."""
    needs = RULES[name].needs
    for values in itertools.product(*(VALUES[fact] for fact in needs)):
        facts = model.known(dict(zip(needs, values, strict=True)))
        assert model.judge(RULES[name], facts).answer == oracle(name, facts)


@EACH_TYPED
def test_each_fact_a_rule_asks_for_can_settle_it_alone(name):
    """Its direction: fitting, it lets the rule apply; unknown, it keeps it open; else it fails."""
    facts, answer = fitting(name), TYPED[name][1]
    assert model.judge(RULES[name], facts) == (RULES[name], answer, (), ())
    for fact, fits in RULES[name].needs.items():
        unknown = model.judge(RULES[name], {**facts, fact: "unknown"})
        assert unknown == (RULES[name], "cannot tell", (), (fact,))
        for other in set(VALUES[fact]) - set(fits):
            failing = model.judge(RULES[name], {**facts, fact: other})
            assert failing == (RULES[name], "does not apply", (fact,), ())


@EACH_TYPED
def test_a_fact_a_rule_does_not_ask_for_never_changes_it(name):
    facts = fitting(name)
    for fact in set(VALUES) - set(RULES[name].needs):
        for value in VALUES[fact]:
            assert model.judge(RULES[name], {**facts, fact: value}).answer == TYPED[name][1]


def test_one_fact_that_fails_says_no_however_much_is_unknown():
    verdict = model.judge(RULES["us_metastatic"], {"setting": "stage_1"})
    assert verdict == (RULES["us_metastatic"], "does not apply", ("setting",), ())


def test_a_withdrawn_rule_applies_to_nobody():
    withdrawn = RULES["us_atezolizumab"]
    for facts in (*drawn(20, 0.3), fitting("us_atezolizumab"), {}):
        assert model.judge(withdrawn, facts) == (withdrawn, "withdrawn", (), ())


def test_of_a_patient_nobody_knows_anything_about_no_rule_says_yes_or_no():
    assert set(answers({}).values()) == {"cannot tell", "withdrawn"}
    assert model.missing({}) == tuple(VALUES)


# ---- what a student can find, and how it disappears --------------------------------------


def test_in_early_disease_an_unknown_pd_l1_is_not_missing_in_metastatic_disease_it_is():
    facts = dict(subtype="triple_negative", setting="stage_2_3", before="none")
    assert model.missing(facts) == ()
    assert {"cps", "ic"}.isdisjoint(model.deciding(facts))
    assert answers(facts)["us_early"] == "applies"
    spread = facts | {"setting": "metastatic"}
    assert model.missing(spread) == ("cps", "ic")
    assert {"cps", "ic"} < set(model.deciding(spread))


def test_the_same_patient_is_covered_in_one_place_and_not_in_another():
    facts = fitting("us_metastatic") | {"before": "none", "ic": "high"}
    assert answers(facts)["us_metastatic"] == "applies"
    assert answers(facts)["england_metastatic"] == "does not apply"
    assert answers(facts | {"ic": "low"})["england_metastatic"] == "fits, but unconfirmed"


def test_treatment_before_changes_europe_not_the_older_american_rule():
    facts = fitting("us_metastatic") | {"ic": "low"}
    changed = model.changed(facts | {"before": "none"}, facts | {"before": "options"})
    assert [change.rule.name for change in changed] == [
        "us_sacituzumab",
        "eu_metastatic",
        "england_metastatic",
    ]
    # The same rules, from the other side: with a score below 10 there is nothing to change.
    low = facts | {"cps": "low"}
    assert not model.changed(low | {"before": "none"}, low | {"before": "options"})


def test_one_pd_l1_test_does_not_stand_for_the_other():
    facts = fitting("us_metastatic") | {"before": "none", "cps": "low", "ic": "high"}
    fits = {
        name for name, answer in answers(facts).items() if answer in ("applies", model.UNCONFIRMED)
    }
    assert fits == {"eu_atezolizumab", "england_atezolizumab"}
    both_low = answers(facts | {"ic": "low"})
    assert set(both_low.values()) == {"does not apply", "withdrawn"}


def test_the_hla_type_turns_a_trial_and_no_approval():
    for each in CASES:
        assert set(model.deciding(each.facts).get("hla", ())) <= {RULES["trial_flamingo01"]}
    assert "hla" in model.deciding(case(11).facts)


def test_mutations_open_rules_whatever_the_subtype():
    for subtype in VALUES["subtype"]:
        facts = fitting("us_mutations") | {"subtype": subtype}
        assert answers(facts)["us_mutations"] == "applies"


# ---- which facts decide ----------------------------------------------------------------------


@pytest.mark.parametrize("each", CASES, ids=lambda each: str(each.number))
def test_deciding_facts_by_trying_every_value(each):
    now = {name: oracle(name, each.facts) for name in RULES}
    found = {}
    for fact, values in VALUES.items():
        turned = set()
        for value in values:
            then = {name: oracle(name, {**each.facts, fact: value}) for name in RULES}
            turned |= {name for name in RULES if then[name] != now[name]}
        if turned:
            found[fact] = tuple(name for name in RULES if name in turned)
    decide = model.deciding(each.facts)
    assert {fact: tuple(r.name for r in rules) for fact, rules in decide.items()} == found


def test_an_unknown_fact_that_a_rule_waits_for_decides():
    for facts in drawn(40, 0.4):
        assert set(model.missing(facts)) <= set(model.deciding(facts))


def test_changed_names_each_rule_once_and_both_answers():
    before, after = case(5).facts, case(5).facts | {"cps": "high"}
    found = {change.rule.name: change[1:] for change in model.changed(before, after)}
    assert found == {
        "us_metastatic": ("cannot tell", "applies"),
        "us_sacituzumab": ("cannot tell", "applies"),
        "eu_metastatic": ("cannot tell", "applies"),
    }
    assert model.changed(before, before) == ()


# ---- no ranking, no score ----------------------------------------------------------------------


def test_the_table_stands_in_the_same_order_for_everybody_and_holds_no_number():
    for each in CASES:
        verdicts = model.board(each.facts)
        assert [verdict.rule for verdict in verdicts] == list(model.RULES)
        assert model.Verdict._fields == ("rule", "answer", "failing", "missing")
        assert all(isinstance(verdict.answer, str) for verdict in verdicts)


def test_a_caution_is_no_fact_of_any_rule_and_is_not_added_up():
    names = {caution.name for caution in model.CAUTIONS}
    assert len(names) == 7
    assert not any(names & set(rule.needs) for rule in model.RULES)
    for name in names:
        with pytest.raises(ValueError, match=f"There is no fact '{name}'"):
            model.board({name: "yes"})
    assert model.cautions(dict.fromkeys(names, "no")) == ((), ())
    present, unknown = model.cautions({"liver": "yes", "lungs": "yes", "pregnancy": "no"})
    assert present == ("lungs", "liver")  # in the order of the list, not of any weight
    assert set(unknown) == names - {"liver", "lungs", "pregnancy"}


# ---- the rules themselves ------------------------------------------------------------------


@EACH_RULE
def test_every_rule_has_a_place_a_date_and_a_source(name):
    for key in RULES[name].keys:
        quantity = evidence.get(key)
        assert quantity.kind == "regulation"
        assert quantity.status in ("read", "recalled")
        assert quantity.jurisdiction
        assert timedelta(0) < quantity.review_by - quantity.as_of <= timedelta(days=366)
        source = evidence.reference(quantity.source)
        assert source.doi or source.url
    assert re.search(r"\b20(1\d|2[0-6])\b", RULES[name].text), RULES[name].text
    assert RULES[name].place == RULES[name].entry.jurisdiction


@EACH_RULE
def test_the_conditions_are_those_of_the_text(name):
    """Each condition's word stands in the entry it was read from, and no such word is left out."""
    rule = RULES[name]
    text = f"{rule.text}; {rule.entry.population}"
    words = {
        "CPS ≥ 10": rule.needs.get("cps") == ("high",),
        "triple-negative": rule.needs.get("subtype") == ("triple_negative",),
        "HER2-positive": rule.needs.get("subtype") == ("her2_positive",),
        "HLA-A*02": rule.needs.get("hla") == ("yes",),
        "etastatic": rule.needs["setting"] == ("metastatic",),
        "no chemotherapy for metastatic disease before|first line": (
            rule.needs.get("before") == ("none",)
        ),
        "immune cell score < 1 %": rule.needs.get("ic") == ("low",),
        "immune cell score ≥ 1 %|1 % or more on immune cells|PD-L1 positive": (
            rule.needs.get("ic") == ("high",)
        ),
        "good alternative": rule.needs.get("before") == ("no_option",),
    }
    if name in ("us_dostarlimab",):
        text = text.replace("advanced", "metastatic")
    for word, expected in words.items():
        assert any(each in text for each in word.split("|")) == expected, word


def test_every_statement_that_there_is_no_rule_has_a_place_and_a_date():
    for quantity in map(evidence.get, model.NO_RULE):
        assert quantity.kind == "regulation"
        assert quantity.jurisdiction
        assert quantity.review_by > quantity.as_of
        assert quantity.status != "open"


def test_what_was_not_confirmed_is_shown_as_unconfirmed():
    unsure = {rule.name for rule in model.RULES if rule.stands is None}
    assert unsure == {
        name for name, (_, answer) in TYPED.items() if answer == "fits, but unconfirmed"
    }
    for name in unsure:
        assert re.search("not confirmed|not checked", RULES[name].entry.note), name


def test_thresholds_and_numbers_are_those_of_their_sources():
    assert (model.CPS, model.IC) == (10, 1)
    assert model.condition("cps", "high") == "CPS 10 or more"
    assert model.condition("ic", "low") == "immune cell score below 1 %"
    flares, rejection = evidence.get("caution.flares"), evidence.get("caution.rejection")
    assert (flares.value, flares.low, flares.high, flares.n) == (35, 29, 41, 619)
    assert (rejection.value, rejection.n) == (39.8, 83)
    assert rejection.value == pytest.approx(100 * 33 / 83, abs=0.05)
    assert evidence.get("selection.repair_defect_share").value == round(100 * 31 / 1635, 1)
    assert evidence.get("selection.many_mutations_share").value == 5
    assert evidence.get("selection.high_risk").value == "stage II or III"
