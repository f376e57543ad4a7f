r"""Who is a candidate? A dated table of rules, read with facts that may be unknown.

A rule names the facts it asks for, and which of their values fit. One fact that does not fit is
enough to say no; a fact that is unknown leaves the answer open, unless another already says no.
With 1 for a fact that fits, 0 for one that does not and ½ for an unknown one, that is Kleene's
conjunction

$$\text{answer} = \min_i c_i$$

What a rule allows, where and since when stands in the registry of evidence; only its reading as
conditions is this course's. The table ranks nothing and recommends nothing.
"""

from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import NamedTuple

from course_lib import evidence

UNKNOWN = "unknown"
APPLIES, DOES_NOT, CANNOT_TELL = "applies", "does not apply", "cannot tell"
#: All facts fit, but whether the rule still stands was not confirmed. Or it stands no longer.
UNCONFIRMED, WITHDRAWN = "fits, but unconfirmed", "withdrawn"
ANSWERS = (APPLIES, UNCONFIRMED, CANNOT_TELL, DOES_NOT, WITHDRAWN)

CPS = int(evidence.get("cps.treatment_threshold").value)
IC = int(evidence.get("ic.threshold").value)


@dataclass(frozen=True)
class Fact:
    """One thing to know about a patient: its id, its name, and its values as (id, words).

    Besides these values every fact may be ``UNKNOWN``.
    """

    name: str
    label: str
    values: tuple[tuple[str, str], ...]

    def words(self, value):
        """Return the words of a value."""
        return {**dict(self.values), UNKNOWN: "not known"}[value]


YES_OR_NO = (("no", "no"), ("yes", "yes"))
FACTS = (
    Fact(
        "subtype",
        "Subtype",
        (
            ("triple_negative", "triple-negative"),
            ("her2_positive", "HER2-positive"),
            ("hormone_receptor", "hormone receptor-positive, HER2-negative"),
        ),
    ),
    Fact(
        "setting",
        "Stage and surgery",
        (
            ("stage_1", "stage I, before surgery"),
            ("stage_2_3", "stage II or III, before surgery"),
            ("clear", "after surgery, no invasive cancer found"),
            ("residual", "after surgery, invasive cancer was left"),
            ("metastatic", "metastatic, or cannot be removed"),
        ),
    ),
    Fact(
        "before",
        "Treatment of metastatic disease so far",
        (
            ("none", "none"),
            ("options", "some, and other good options are left"),
            ("no_option", "some, and no good option is left"),
        ),
    ),
    Fact(
        "cps",
        "PD-L1 by CPS (test 22C3)",
        (("low", f"below {CPS}"), ("high", f"{CPS} or more")),
    ),
    Fact(
        "ic",
        "PD-L1 by immune cell score (test SP142)",
        (("low", f"below {IC} %"), ("high", f"{IC} % or more")),
    ),
    Fact("repair", "Repair defect of the tumour (MSI-H or dMMR)", YES_OR_NO),
    Fact(
        "mutations", "Mutations per megabase (TMB)", (("low", "below 10"), ("high", "10 or more"))
    ),
    Fact("hla", "HLA-A*02", YES_OR_NO),
)
#: What calls for caution before a checkpoint inhibitor. No rule asks for any of it.
CAUTIONS = (
    Fact("autoimmune", "Autoimmune disease", YES_OR_NO),
    Fact("immunosuppressants", "Drugs that weaken the immune system", YES_OR_NO),
    Fact("transplant", "Transplanted organ", YES_OR_NO),
    Fact("donor_cells", "Stem cells from a donor", YES_OR_NO),
    Fact("lungs", "Problems of the lungs", YES_OR_NO),
    Fact("liver", "Problems of the liver", YES_OR_NO),
    Fact("pregnancy", "Pregnancy", YES_OR_NO),
)
BY_NAME = {fact.name: fact for fact in FACTS + CAUTIONS}
#: How a condition reads where the bare words of a value would not say enough.
_CONDITIONS = {
    ("before", "none"): "no treatment of metastatic disease yet",
    ("before", "no_option"): "treated for metastatic disease, no good option left",
    ("cps", "high"): f"CPS {CPS} or more",
    ("ic", "low"): f"immune cell score below {IC} %",
    ("ic", "high"): f"immune cell score {IC} % or more",
    ("repair", "yes"): "a repair defect",
    ("mutations", "high"): "10 or more mutations per megabase",
    ("hla", "yes"): "HLA-A*02",
}


def condition(name, value):
    """Return what a rule asks for, in words that need no heading: "CPS 10 or more"."""
    return _CONDITIONS.get((name, value)) or BY_NAME[name].words(value)


@dataclass(frozen=True, eq=False)
class Rule:
    """One rule: what it asks for, and the entries of the registry that it was read from.

    name: its id.  label: its name.  keys: the evidence; the first says what, where and how sure.
    needs: fact -> the values that fit.  stands: whether it is in force; None if that was not
    confirmed.
    """

    name: str
    label: str
    keys: tuple[str, ...]
    needs: dict[str, tuple[str, ...]]
    stands: bool | None = True

    @cached_property
    def entry(self):
        """The registry's entry: text, place, source, date."""
        return evidence.get(self.keys[0])

    @property
    def text(self):
        """What the authority allows, with its dates."""
        return "; ".join(str(evidence.get(key).value) for key in self.keys)

    @property
    def place(self):
        """Where it holds."""
        return self.entry.jurisdiction

    @property
    def asks(self):
        """The conditions in words, in the order of the facts."""
        return "; ".join(
            " or ".join(condition(name, value) for value in values)
            for name, values in self.needs.items()
        )


_TRIPLE = ("triple_negative",)
_METASTATIC = {"subtype": _TRIPLE, "setting": ("metastatic",)}
_FIRST = _METASTATIC | {"before": ("none",)}
_EARLY = {"subtype": _TRIPLE, "setting": ("stage_2_3",)}
_ANY_ORGAN = {"setting": ("metastatic",), "before": ("no_option",)}
_HIGH, _LOW, _YES = ("high",), ("low",), ("yes",)
RULES = (
    Rule(
        "us_metastatic",
        "Pembrolizumab with chemotherapy, metastatic disease",
        ("approval.metastatic",),
        _METASTATIC | {"cps": _HIGH},
    ),
    Rule(
        "us_sacituzumab",
        "Pembrolizumab with sacituzumab govitecan",
        ("approval.with_sacituzumab",),
        _FIRST | {"cps": _HIGH},
    ),
    Rule("us_early", "Pembrolizumab, early disease", ("approval.early",), _EARLY),
    Rule(
        "us_repair",
        "Pembrolizumab, any organ, repair defect",
        ("approval.many_mutations", "selection.repair_defect_dates"),
        _ANY_ORGAN | {"repair": _YES},
    ),
    Rule(
        "us_mutations",
        "Pembrolizumab, any organ, many mutations",
        ("approval.many_mutations", "selection.many_mutations_date"),
        _ANY_ORGAN | {"mutations": _HIGH},
    ),
    Rule(
        "us_dostarlimab",
        "Dostarlimab, any organ, repair defect",
        ("selection.dostarlimab",),
        _ANY_ORGAN | {"repair": _YES},
    ),
    Rule(
        "us_atezolizumab",
        "Atezolizumab with nab-paclitaxel",
        ("approval.atezolizumab_withdrawn",),
        _METASTATIC | {"ic": _HIGH},
        stands=False,
    ),
    Rule(
        "us_deruxtecan_before",
        "Trastuzumab deruxtecan before surgery",
        ("approval.deruxtecan_early",),
        {"subtype": ("her2_positive",), "setting": ("stage_2_3",)},
    ),
    Rule(
        "us_deruxtecan_after",
        "Trastuzumab deruxtecan after surgery",
        ("approval.deruxtecan_early",),
        {"subtype": ("her2_positive",), "setting": ("residual",)},
    ),
    Rule(
        "eu_metastatic",
        "Pembrolizumab with chemotherapy, metastatic disease",
        ("approval.metastatic_europe",),
        _FIRST | {"cps": _HIGH},
    ),
    Rule("eu_early", "Pembrolizumab, early disease", ("selection.early_europe",), _EARLY),
    Rule(
        "eu_atezolizumab",
        "Atezolizumab with nab-paclitaxel",
        ("selection.atezolizumab_europe",),
        _FIRST | {"ic": _HIGH},
        stands=None,
    ),
    Rule(
        "england_metastatic",
        "Pembrolizumab with chemotherapy, metastatic disease",
        ("selection.nice_metastatic",),
        _FIRST | {"cps": _HIGH, "ic": _LOW},
        stands=None,
    ),
    Rule(
        "england_early",
        "Pembrolizumab, early disease",
        ("selection.nice_early",),
        _EARLY,
        stands=None,
    ),
    Rule(
        "england_atezolizumab",
        "Atezolizumab with nab-paclitaxel",
        ("selection.nice_atezolizumab",),
        _FIRST | {"ic": _HIGH},
        stands=None,
    ),
    Rule(
        "trial_flamingo01",
        "FLAMINGO-01, trial of a vaccine",
        ("selection.flamingo01",),
        {"subtype": ("her2_positive",), "setting": ("residual",), "hla": _YES},
        stands=None,
    ),
)
#: Kinds of treatment for which the table has no rule.
NO_RULE = (
    "selection.repair_defect_europe",
    "approval.car_t_breast",
    "adoptive_breast.approval",
    "vaccine_approval.breast",
    "cytokine_breast.approval",
    "approval.bispecific_breast",
    "approval.other_brakes_breast",
)


class Verdict(NamedTuple):
    """What one rule says of one patient.

    answer: one of ``ANSWERS``.  failing: names of facts that do not fit, if the answer is
    ``DOES_NOT``.  missing: names of facts that must be known, if it is ``CANNOT_TELL``.
    """

    rule: Rule
    answer: str
    failing: tuple[str, ...]
    missing: tuple[str, ...]


class Change(NamedTuple):
    """A rule whose answer differs between two patients."""

    rule: Rule
    before: str
    after: str


def known(facts, among=FACTS):
    """Return every fact of ``among`` with its value; what is not given is ``UNKNOWN``.

    Argument: ``facts``, a dict of names and values such as ``{"cps": "high"}``.
    Raises ``ValueError`` naming the fact, what is allowed and what was given.
    """
    names = [fact.name for fact in among]
    for name in facts:
        if name not in names:
            near = get_close_matches(str(name), names, n=1)
            hint = f"Did you mean '{near[0]}'? " if near else ""
            raise ValueError(f"There is no fact {name!r}. {hint}There are: {', '.join(names)}.")
    complete = {name: facts.get(name, UNKNOWN) for name in names}
    for name, value in complete.items():
        allowed = (*dict(BY_NAME[name].values), UNKNOWN)
        if not isinstance(value, str) or value not in allowed:
            options = ", ".join(repr(each) for each in allowed)
            raise ValueError(f"{name} must be one of {options}, you gave {value!r}.")
    return complete


def judge(rule, facts):
    r"""Return the ``Verdict`` of one rule, $\min_i c_i$ over the facts that it asks for.

    Arguments: ``rule``, a ``Rule``; ``facts`` as in ``known``.
    Raises ``ValueError`` naming the fact, what is allowed and what was given.
    """
    facts = known(facts)
    if rule.stands is False:
        return Verdict(rule, WITHDRAWN, (), ())
    failing = tuple(
        name for name, fits in rule.needs.items() if facts[name] not in (*fits, UNKNOWN)
    )
    missing = tuple(name for name in rule.needs if facts[name] == UNKNOWN)
    if failing:
        return Verdict(rule, DOES_NOT, failing, ())
    if missing:
        return Verdict(rule, CANNOT_TELL, (), missing)
    return Verdict(rule, UNCONFIRMED if rule.stands is None else APPLIES, (), ())


def board(facts):
    """Return the verdicts of all ``RULES`` on a patient, in the order of the table."""
    return tuple(judge(rule, facts) for rule in RULES)


def changed(before, after):
    """Return a ``Change`` for each rule whose answer differs between two patients."""
    pairs = zip(board(before), board(after), strict=True)
    return tuple(Change(a.rule, a.answer, b.answer) for a, b in pairs if a.answer != b.answer)


def deciding(facts):
    """Return the facts that decide for this patient: name -> the rules that turn on it.

    A fact decides if some other value of it, with all other facts as they are, changes the answer
    of at least one rule.
    Raises ``ValueError`` as ``known`` does.
    """
    facts = known(facts)
    found = {}
    for fact in FACTS:
        others = (value for value, _ in fact.values if value != facts[fact.name])
        turned = {
            change.rule.name
            for value in others
            for change in changed(facts, {**facts, fact.name: value})
        }
        if turned:
            found[fact.name] = tuple(rule for rule in RULES if rule.name in turned)
    return found


def missing(facts):
    """Return the names of the unknown facts for which at least one rule waits."""
    waited = {name for verdict in board(facts) for name in verdict.missing}
    return tuple(fact.name for fact in FACTS if fact.name in waited)


def cautions(facts):
    """Return what calls for caution: names of ``CAUTIONS`` that are present, and of those unknown.

    They change no rule, and nothing adds them up: each asks for a conversation of its own.
    Argument: ``facts``, a dict of names and "no", "yes" or ``UNKNOWN``.
    Raises ``ValueError`` naming the fact, what is allowed and what was given.
    """
    facts = known(facts, CAUTIONS)
    present = tuple(name for name, value in facts.items() if value == "yes")
    return present, tuple(name for name, value in facts.items() if value == UNKNOWN)
