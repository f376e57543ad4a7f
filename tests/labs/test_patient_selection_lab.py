"""The tumour board, driven through its real widgets; what it says of every case and rule."""

import re
from html import unescape

import pytest

from course_lib import evidence
from course_lib.labs import patient_selection, predictions
from course_lib.labs import patient_selection_words as words
from course_lib.models import patient_selection as model
from course_lib.models.patient_selection_cases import CASES, case
from widget_tree import button

EACH_CASE = pytest.mark.parametrize("number", range(1, len(CASES) + 1))
PLAN = patient_selection.PREDICTION
FACTS = [fact.name for fact in model.FACTS]


@pytest.fixture
def lab():
    return started(1)


def started(number, **facts):
    opened = patient_selection.lab(number, **facts)
    button(opened, "Show me without predicting").click()
    return opened


def name_facts(lab, *names):
    for name, box in lab.boxes.items():
        box.value = name in names
    button(lab, "Compare").click()
    return unescape(lab._said.value)


def rows(html):
    """The cells of an HTML table, row by row, without the head."""
    body = html.split("<tbody>")[1]
    return [
        [unescape(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)]
        for row in re.findall(r"<tr[^>]*>(.*?)</tr>", body)
    ]


# ---- the table ------------------------------------------------------------------------------


@EACH_CASE
def test_the_board_shows_the_answers_of_the_model_by_sign_and_word(number):
    facts = case(number).facts
    shown = rows(words.board_html(facts, answered=True))
    assert len(shown) == len(model.RULES)
    for (label, place, answer, reason), verdict in zip(shown, model.board(facts), strict=True):
        assert (label, place) == (verdict.rule.label, verdict.rule.place)
        assert answer == f"{words.SIGNS[verdict.answer]} {verdict.answer}"
        for name in (*verdict.failing, *verdict.missing):
            fact = model.BY_NAME[name]
            told = fact.label if verdict.missing else f"here “{fact.words(facts[name])}”"
            assert told in reason
        assert reason.endswith(".")
    assert len(set(words.SIGNS.values())) == len(model.ANSWERS)


def test_before_the_answer_the_board_tells_what_each_rule_asks_for():
    shown = rows(words.board_html(case(1).facts, answered=False))
    for row, rule in zip(shown, model.RULES, strict=True):
        stands = {True: "", None: ". Whether it still stands was not confirmed."}
        assert row[2] == rule.asks + stands.get(rule.stands, ". Withdrawn.")
    assert shown[0][2] == "triple-negative; metastatic, or cannot be removed; CPS 10 or more"
    assert {True, None, False} == {rule.stands for rule in model.RULES}
    html = words.board_html(case(1).facts, answered=False)
    assert not any(sign in html for sign in "✓○?✗")


def in_words(day):
    """21 November 2026: a date that is read aloud as a date."""
    return day.strftime("%d %B %Y").removeprefix("0")


def test_the_data_table_dates_every_rule_and_names_its_place_and_source():
    table = words.table()
    assert len(table.rows) == len(model.RULES)
    for row, rule in zip(table.rows, model.RULES, strict=True):
        _, place, text, asks, as_of, review, source = row
        assert (place, text, asks) == (rule.place, rule.text, rule.asks)
        stands = {True: "stands", None: "not confirmed", False: "withdrawn"}[rule.stands]
        assert as_of == f"{stands}, {in_words(rule.entry.as_of)}"
        assert review == in_words(rule.entry.review_by)
        assert source.startswith(evidence.reference(rule.entry.source).short)
        assert source.endswith(("(read)", "(recalled)"))
    assert words.dated() == "21 November 2026"


def test_what_has_no_rule_is_listed_with_place_and_date():
    html = unescape(words.no_rule())
    for quantity in map(evidence.get, model.NO_RULE):
        assert (
            f"{quantity.value} ({quantity.jurisdiction}, as of {in_words(quantity.as_of)}" in html
        )


def test_the_sentence_counts_the_answers():
    assert words.counts(case(1).facts) == (
        "16 rules. Applies: 3; fits, but unconfirmed: 2; does not apply: 10; withdrawn: 1."
    )
    for each in CASES:
        numbers = [int(number) for number in re.findall(r": (\d+)", words.counts(each.facts))]
        assert sum(numbers) == 16


# ---- name, compare ----------------------------------------------------------------------------


def test_the_answers_and_the_menus_wait_for_the_comparison(lab):
    assert "Asks for" in lab._board.value
    assert "applies" not in lab._board.value
    assert lab._changing.layout.display == "none"
    assert lab.access.sentence == "Compare to see the answers."
    name_facts(lab, "cps")
    assert "✓ applies" in lab._board.value
    assert lab._changing.layout.display == "block"
    assert lab.access.sentence.startswith("16 rules. Applies: 3;")


@EACH_CASE
def test_naming_the_facts_that_decide_is_praised_and_nothing_else_is(number):
    lab, decide = started(number), set(model.deciding(case(number).facts))
    said = name_facts(lab, *decide)
    assert said.startswith("<p>✓ These are the facts that decide here.</p>")
    assert lab.access.announcement.startswith("✓ These are")
    for name in decide:
        said = name_facts(lab, *(decide - {name}))
        assert "✓" not in said
        assert f"You left out: {model.BY_NAME[name].label}." in said
    for name in set(FACTS) - decide:
        said = name_facts(lab, *decide, name)
        assert "✓" not in said
        assert f"You named what decides nothing here: {model.BY_NAME[name].label}." in said


@EACH_CASE
def test_it_names_the_missing_fact_and_the_unknown_one_that_is_not_missing(number):
    facts, said = case(number).facts, name_facts(started(number))
    waited = set(model.missing(facts))
    assert ("Nothing is missing" in said) == (not waited)
    unknown = {name for name, value in facts.items() if value == "unknown"}
    told = {"Missing:": waited, "Not known, and yet not missing here:": unknown - waited}
    for heading, names in told.items():
        found = re.search(rf"{heading} ([^.]*)\.", said)
        labels = set(found.group(1).split("; ")) if found else set()
        assert labels == {model.BY_NAME[name].label for name in names}


def test_a_caution_decides_nothing_and_is_not_added_up():
    lab = started(4)
    decide = model.deciding(case(4).facts)
    without, named = name_facts(lab, *decide), name_facts(lab, *decide, "autoimmune")
    assert "No rule asks for it, so it does not decide" in named
    assert "does not decide" not in without
    for said in (without, named):
        caution = "Caution before a checkpoint inhibitor: autoimmune disease."
        assert f"{caution} In 619 observed patients with one" in said
        assert "it flared in 35 of 100" in said
        assert "Nor does the table add it up" in said
    assert "40 of 100 organs" in name_facts(started(6))
    assert "nothing on the list is present" in name_facts(started(1))
    assert set(words.CAUTION_WORDS) == {caution.name for caution in model.CAUTIONS}


def test_the_same_comparison_twice_is_heard_twice(lab):
    heard = []
    lab.access.observe(lambda change: heard.append(change["new"].strip()), "announcement")
    for _ in range(3):
        name_facts(lab, "cps")
    assert len(heard) == 3
    assert len(set(heard)) == 1


# ---- change one fact, open another case ---------------------------------------------------------


def test_changing_one_fact_says_which_rules_change():
    lab = started(5)
    name_facts(lab, "cps")
    lab.menus["cps"].value = "high"
    said = "PD-L1 by CPS (test 22C3): not known, now 10 or more. 3 rules change."
    assert lab.access.change.startswith(said)
    assert lab.access.change.count("cannot tell, now applies") == 3
    assert lab.access.announcement == lab.access.change
    assert lab._board.value.count('class="course-changed"') == 3
    assert lab._board.value.count("✓ applies (before: cannot tell)") == 3
    assert "PD-L1 by CPS (test 22C3): 10 or more." in lab._case.value
    lab.menus["hla"].value = "yes"
    assert lab.access.change.endswith("No rule changes.")
    assert "course-changed" not in lab._board.value


def test_changes_shown_are_the_changes_of_the_model():
    lab = started(2)
    name_facts(lab)
    for fact in model.FACTS:
        for value, _ in fact.values:
            before = dict(lab.facts)
            lab.menus[fact.name].value = value
            changes = model.changed(before, lab.facts)
            assert lab._board.value.count("(before: ") == len(changes)


def test_back_to_the_case_brings_its_facts_and_keeps_the_answers():
    lab = started(5)
    name_facts(lab, "cps")
    said = lab._said.value
    lab.menus["cps"].value = "high"
    lab.menus["setting"].value = "stage_1"
    button(lab, "Back to the case").click()
    assert lab.facts == case(5).facts
    assert {name: menu.value for name, menu in lab.menus.items()} == case(5).facts
    assert "? cannot tell" in lab._board.value
    assert lab._said.value == said
    assert "facts are those of the case again" in lab.access.announcement


def test_another_case_opens_with_nothing_named_and_no_answer(lab):
    name_facts(lab, "cps", "subtype")
    lab.access.table_open = True
    assert "What it allows" in lab.access.table
    lab.pick.value = 6
    assert not any(box.value for box in lab.boxes.values())
    assert lab._said.value == ""
    assert "applies" not in lab._board.value
    assert lab.access.code == "patient_selection.lab(case=6)"
    assert lab.access.announcement.startswith("Case 6: Metastatic, genes tested.")


def test_the_code_brings_back_case_and_changes():
    lab = started(5)
    name_facts(lab)
    lab.menus["cps"].value = "low"
    lab.menus["ic"].value = "high"
    assert lab.code == 'patient_selection.lab(case=5, cps="low", ic="high")'
    again = started(5, cps="low", ic="high")
    assert again.facts == lab.facts
    assert again.code == lab.code
    name_facts(again)
    assert rows(again._board.value)[11][2] == "○ fits, but unconfirmed"


def test_an_unknown_case_fact_or_value_is_refused():
    with pytest.raises(ValueError, match="from 1 to 12; you gave 13"):
        patient_selection.lab(13)
    with pytest.raises(ValueError, match="Did you mean 'cps'"):
        patient_selection.lab(1, cp="high")
    with pytest.raises(ValueError, match="cps must be one of 'low', 'high', 'unknown'"):
        patient_selection.lab(1, cps=12)


# ---- explain ----------------------------------------------------------------------------------


def test_the_question_opens_after_the_predicted_case_and_stays():
    lab = started(1)
    name_facts(lab)
    assert lab.questions.after.layout.display == "none"
    lab.pick.value = patient_selection.PREDICTED
    assert lab.questions.after.layout.display == "none"
    name_facts(lab)
    assert lab.questions.after.layout.display == "block"
    lab.pick.value = 3
    assert lab.questions.after.layout.display == "block"


def test_the_case_of_the_question_is_the_one_that_is_predicted():
    facts = case(patient_selection.PREDICTED).facts
    assert (facts["subtype"], facts["setting"]) == ("triple_negative", "stage_2_3")
    assert facts["cps"] == facts["ic"] == "unknown"
    assert model.judge(model.RULES[2], facts).answer == "applies"


@pytest.mark.parametrize("why", [key for key, _ in PLAN.why.options])
@pytest.mark.parametrize("predicted", [key for key, _ in PLAN.predict.options])
@pytest.mark.parametrize("choice", [key for key, _ in PLAN.observe.options])
def test_the_explanation_fits_every_answer(why, predicted, choice):
    predictions.write("patient_selection", predict=predicted, why=why)
    lab = patient_selection.lab(2)
    name_facts(lab)
    lab.questions.observe.value = choice
    said = unescape(lab.questions.explained.value)
    quoted = dict(PLAN.predict.options)[predicted]
    assert f"You predicted: “{quoted}”" in said
    assert ("That is what the table shows." in said) == (predicted == PLAN.right)
    assert "3 rules fit: United States; European Union; England (unconfirmed)." in said
    assert "In case 5 the same tests are missing, and 6 rules wait for them." in said
    assert PLAN.replies[choice] in said
    assert ("Not every use asks for PD-L1" in said) == (why == "always")
    assert predictions.read("patient_selection")["observe"] == choice
    assert "below your answer" in lab.access.announcement


# ---- what is saved, and how it reads ----------------------------------------------------------


def test_saved_output_reads_without_a_kernel_and_folds_the_answers():
    bundle = patient_selection.lab(3)._repr_mimebundle_()
    html = bundle["text/html"]
    assert "The lab is asleep" in html
    assert words.table().html() in html
    answers = words.board_html(case(3).facts, answered=True)
    assert html.index("Show the answers for this case") < html.index(answers)
    assert "applies" not in bundle["text/plain"]
    assert bundle["text/plain"].startswith("Case 3: Metastatic, only CPS low.")
    assert "no vaccine is approved" in html
    assert len(html) < 30_000


def sentences(text):
    plain = unescape(re.sub(r"<(?!/p>|/li>)[^>]+>", "", text))
    return [part for part in re.split(r"(?<=[.?:;])\s|</p>|</li>", plain) if part]


@EACH_CASE
def test_prose_keeps_to_25_words_a_sentence_and_advises_nothing(number):
    lab = started(number)
    prose = [patient_selection.LEAD, patient_selection.LIMITS, lab.told()]
    prose += [name_facts(lab), name_facts(lab, *lab.boxes), lab.access.sentence]
    for fact in model.FACTS:
        for value, _ in fact.values:
            lab.menus[fact.name].value = value
            prose.append(lab.access.change)
    prose += [cell for row in rows(lab._board.value) for cell in row]
    said = PLAN.explain({"predict": "missing", "why": "late", "observe": "early"})
    prose += unescape(said).removeprefix("<p>").removesuffix("</p>").split("</p><p>")
    for text in prose:
        assert not re.search(r"\b(should (get|receive|take)|best|recommend(s|ed)? for)\b", text)
        for sentence in sentences(text):
            assert len(sentence.split()) <= 25, sentence


def test_every_control_has_a_name_of_its_own(lab):
    menus = [menu.description for menu in (lab.pick, *lab.menus.values())]
    assert menus == ["Case", *(fact.label for fact in model.FACTS)]
    boxes = [box.description for box in lab.boxes.values()]
    assert boxes == [*menus[1:], "Autoimmune disease"]
    assert len(set(boxes)) == 9
    assert set(lab.access.names) == {"case", "predict", "why", "observe", *FACTS}
    for name, menu in {**lab.menus, "case": lab.pick}.items():
        assert f"course-control-{name}" in menu._dom_classes
