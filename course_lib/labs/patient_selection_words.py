"""What the tumour board of lesson 10 says: cases, verdicts and rules in words and tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import date
from html import escape

from course_lib import evidence
from course_lib.labs.view import Table
from course_lib.models import patient_selection as model
from course_lib.models.patient_selection import BY_NAME, CAUTIONS, FACTS, RULES, UNKNOWN
from course_lib.models.patient_selection_cases import Case

#: A sign beside each answer: the words say the same.
SIGNS = dict(zip(model.ANSWERS, ("✓", "○", "?", "✗", "–"), strict=True))
STATUS = {"read": "read", "recalled": "recalled", "own": "own reading"}
STANDS = {True: "stands", None: "not confirmed", False: "withdrawn"}
#: What a condition does not tell of a rule that may stand no longer.
NOT_STANDING = {None: "Whether it still stands was not confirmed.", False: "Withdrawn."}
FLARES = evidence.get("caution.flares")
REJECTION = evidence.get("caution.rejection")
#: A sentence on each caution, in the order of the model.
CAUTION_WORDS = {
    "autoimmune": f"In {FLARES.n} observed patients with one, it flared in {FLARES.value:.0f} of "
    "100. Somebody had chosen to treat them, and there was no control group.",
    "immunosuppressants": "They may weaken the effect of the antibody. Nobody should stop a "
    "medicine without the physician.",
    "transplant": f"In {REJECTION.n} published cases, {REJECTION.value:.0f} of 100 organs were "
    "rejected. Published cases are no sample: the true share is not known.",
    "donor_cells": "Severe attacks of the donor's cells on the body have happened, some deadly.",
    "lungs": "The maker's guide asks patients to tell of it before treatment.",
    "liver": "The maker's guide asks patients to tell of it before treatment.",
    "pregnancy": "The antibody can harm an unborn child.",
}


def facts_told(facts: dict[str, str]) -> list[str]:
    """Return what is known of a patient, and what is not: a sentence for each fact."""
    return [f"{BY_NAME[name].label}: {BY_NAME[name].words(facts[name])}." for name in facts]


def counts(facts: dict[str, str]) -> str:
    """Return how many rules give which answer, in one sentence."""
    found = Counter(verdict.answer for verdict in model.board(facts))
    told = [f"{answer}: {found[answer]}" for answer in model.ANSWERS if found[answer]]
    return f"{len(RULES)} rules. {'; '.join(told).capitalize()}."


def why(verdict: model.Verdict, facts: dict[str, str]) -> str:
    """Return why a rule answers as it does, in short sentences."""
    if verdict.answer == model.CANNOT_TELL:
        return f"Not known: {'; '.join(BY_NAME[name].label for name in verdict.missing)}."
    if verdict.answer == model.DOES_NOT:
        needs = verdict.rule.needs
        return " ".join(
            f"Asks for “{model.condition(name, needs[name][0])}”; "
            f"here “{BY_NAME[name].words(facts[name])}”."
            for name in verdict.failing
        )
    return {
        model.APPLIES: "Every fact that it asks for is there.",
        model.UNCONFIRMED: "Every fact that it asks for is there. Whether the rule still stands "
        "was not confirmed.",
        model.WITHDRAWN: "It applies to nobody any more.",
    }[verdict.answer]


def board_html(facts: dict[str, str], answered: bool, changes: Sequence[model.Change] = ()) -> str:
    """Return the table of all rules: their answers, or, before the student's own, what they ask.

    ``changes``: rules that have just changed; the table says what they answered before.
    """
    before = {change.rule.name: change.before for change in changes}
    columns = ("Rule", "Where", "Answer", "Why") if answered else ("Rule", "Where", "Asks for")
    head = "".join(f'<th scope="col">{name}</th>' for name in columns)
    rows = []
    for verdict in model.board(facts):
        rule = verdict.rule
        cells = [". ".join(filter(None, (rule.asks, NOT_STANDING.get(rule.stands))))]
        if answered:
            was = f" (before: {before[rule.name]})" if rule.name in before else ""
            cells = [f"{SIGNS[verdict.answer]} {verdict.answer}{was}", why(verdict, facts)]
        row = "".join(f"<td>{escape(cell)}</td>" for cell in (rule.place, *cells))
        mark = ' class="course-changed"' if rule.name in before else ""
        rows.append(f'<tr{mark}><th scope="row">{escape(rule.label)}</th>{row}</tr>')
    return (
        f'<table class="course-board"><caption>The rules, as known on {dated()}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def dated() -> str:
    """Return the day of the oldest entry in the table, in words."""
    return _day(min(rule.entry.as_of for rule in RULES))


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def table() -> Table:
    """Return the rules with place, dates, conditions and source: the table behind the lab."""
    columns = {
        "Rule": [rule.label for rule in RULES],
        "Where": [rule.place for rule in RULES],
        "What it allows": [rule.text for rule in RULES],
        "Asks for, as this course reads it": [rule.asks for rule in RULES],
        "Stands, as of": [f"{STANDS[rule.stands]}, {_day(rule.entry.as_of)}" for rule in RULES],
        "To be checked by": [_day(rule.entry.review_by) for rule in RULES],
        "Source": [_source(rule) for rule in RULES],
    }
    return Table.of("Every rule, with its place and date", columns)


def _source(rule: model.Rule) -> str:
    return f"{evidence.reference(rule.entry.source).short} ({STATUS[rule.entry.status]})"


def no_rule() -> str:
    """Return as an HTML list for what the table has no rule, with places and dates."""
    items = []
    for quantity in map(evidence.get, model.NO_RULE):
        where = f"{quantity.jurisdiction}, as of {_day(quantity.as_of)}, {STATUS[quantity.status]}"
        items.append(f"<li>{escape(f'{quantity.label}: {quantity.value} ({where}).')}</li>")
    return f"<ul>{''.join(items)}</ul>"


def compared(named: Collection[str], facts: dict[str, str]) -> list[str]:
    """Compare the facts a student named with those that decide; return short paragraphs."""
    decide = model.deciding(facts)
    right = [name for name in decide if name in named]
    left = [name for name in decide if name not in named]
    extra = [name for name in named if name in {fact.name for fact in FACTS} - set(decide)]
    parts = ["✓ These are the facts that decide here."] if not left and not extra else []
    if right and not parts:
        parts.append(f"You named what decides: {_labels(right)}.")
    for name in left:
        rules = decide[name]
        turn = "1 rule turns on it:"
        if len(rules) > 1:
            turn = f"{len(rules)} rules turn on it, such as"
        parts.append(
            f"You left out: {BY_NAME[name].label}. {turn} “{rules[0].label}”, {rules[0].place}."
        )
    if extra:
        parts.append(
            f"You named what decides nothing here: {_labels(extra)}. Whatever the value, no rule "
            "changes."
        )
    if any(name in BY_NAME and BY_NAME[name] in CAUTIONS for name in named):
        parts.append(
            "An autoimmune disease calls for caution. No rule asks for it, so it does not decide "
            "whether a treatment is approved."
        )
    return [*parts, missing(facts)]


def missing(facts: dict[str, str]) -> str:
    """Return which unknown facts the rules wait for, and which they do not."""
    waited = model.missing(facts)
    unknown = [name for name, value in facts.items() if value == UNKNOWN and name not in waited]
    waiting = sum(verdict.answer == model.CANNOT_TELL for verdict in model.board(facts))
    rules = "1 rule waits" if waiting == 1 else f"{waiting} rules wait"
    parts = ["Nothing is missing: no rule waits for a fact."]
    if waited:
        parts = [f"Missing: {_labels(waited)}. Here {rules}."]
    if unknown:
        parts.append(f"Not known, and yet not missing here: {_labels(unknown)}.")
    return " ".join(parts)


def _labels(names: Collection[str]) -> str:
    return "; ".join(BY_NAME[name].label for name in names)


def cautions(case: Case) -> list[str]:
    """Return what calls for caution in a case, in short paragraphs."""
    present, unknown = model.cautions(case.cautions)
    parts = [f"{BY_NAME[name].label}. {CAUTION_WORDS[name]}" for name in present]
    if unknown:
        parts.append(f"Not known, and to be asked: {_labels(unknown).lower()}.")
    if not parts:
        parts = ["Nothing on the list is present in this case. The list is not complete."]
        return [_before_a_checkpoint_inhibitor(parts[0])]
    parts[0] = _before_a_checkpoint_inhibitor(parts[0])
    return [
        *parts,
        "No rule asks for any of it. Nor does the table add it up: a score would need a study that "
        "tested it. It is a reason to talk before treatment begins.",
    ]


def _before_a_checkpoint_inhibitor(sentence: str) -> str:
    return f"Caution before a checkpoint inhibitor: {sentence[0].lower()}{sentence[1:]}"


def told(changes: Sequence[model.Change]) -> str:
    """Return which rules have changed, in short sentences."""
    if not changes:
        return "No rule changes."
    number = "1 rule changes" if len(changes) == 1 else f"{len(changes)} rules change"
    rules = ". ".join(
        f"{change.rule.label}, {change.rule.place}: {change.before}, now {change.after}"
        for change in changes
    )
    return f"{number}. {rules}."
