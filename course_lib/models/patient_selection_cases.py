"""Synthetic cases for the table of ``patient_selection``: made up, and no patient's story.

Together they reach every answer that any rule can give, and every state of every caution.
"""

from dataclasses import dataclass

from course_lib.models.patient_selection import CAUTIONS, known


@dataclass(frozen=True)
class Case:
    """One case: its number, a title, what is known of the facts, and of the cautions."""

    number: int
    title: str
    facts: dict[str, str]
    cautions: dict[str, str]


def _case(number, title, cautions="", unknown="", **facts):
    """Build a case; a caution that neither list names is absent."""
    states = {caution.name: "no" for caution in CAUTIONS}
    states |= dict.fromkeys(cautions.split(), "yes") | dict.fromkeys(unknown.split(), "unknown")
    return Case(number, title, known(facts), known(states, CAUTIONS))


_METASTATIC = {"subtype": "triple_negative", "setting": "metastatic", "before": "none"}
_SURGERY = {"subtype": "her2_positive", "setting": "residual", "before": "none"}
CASES = (
    _case(
        1,
        "Metastatic, PD-L1 tested",
        **_METASTATIC,
        cps="high",
        ic="high",
        repair="no",
        mutations="low",
        hla="no",
    ),
    _case(
        2,
        "Before surgery, no PD-L1 test",
        subtype="triple_negative",
        setting="stage_2_3",
        before="none",
        unknown="pregnancy",
    ),
    _case(3, "Metastatic, only CPS low", **_METASTATIC, cps="low", ic="high"),
    _case(
        4,
        "Metastatic, only CPS high",
        **_METASTATIC,
        cps="high",
        ic="low",
        cautions="autoimmune immunosuppressants",
    ),
    _case(5, "Metastatic, no PD-L1 test", **_METASTATIC, repair="no", unknown="lungs liver"),
    _case(
        6,
        "Metastatic, genes tested",
        subtype="hormone_receptor",
        setting="metastatic",
        before="no_option",
        cps="low",
        ic="low",
        repair="yes",
        mutations="high",
        cautions="transplant",
        unknown="donor_cells",
    ),
    _case(
        7,
        "Metastatic, no gene test",
        subtype="hormone_receptor",
        setting="metastatic",
        before="no_option",
        cps="low",
        ic="low",
        cautions="liver donor_cells",
        unknown="immunosuppressants",
    ),
    _case(
        8,
        "Before surgery, no subtype",
        setting="stage_2_3",
        before="none",
        cautions="pregnancy",
        unknown="autoimmune transplant",
    ),
    _case(
        9,
        "Before surgery, HER2-positive",
        subtype="her2_positive",
        setting="stage_2_3",
        before="none",
        cps="high",
        cautions="lungs",
    ),
    _case(10, "After surgery, HLA tested", **_SURGERY, hla="yes"),
    _case(11, "After surgery, no HLA test", **_SURGERY),
    _case(
        12,
        "HER2-positive, no stage yet",
        subtype="her2_positive",
        before="none",
        hla="no",
    ),
)


def case(number):
    """Return a case by its number. Raises ``ValueError`` or ``TypeError`` if there is none."""
    rule = f"case must be a whole number from 1 to {len(CASES)}"
    if isinstance(number, bool) or not isinstance(number, int):
        raise TypeError(f"{rule}; you gave {number!r}.")
    if not 1 <= number <= len(CASES):
        raise ValueError(f"{rule}; you gave {number}.")
    return CASES[number - 1]
