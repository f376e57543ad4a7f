"""What a student's count of PD-L1 gets wrong: typical mistakes, recognised by their numbers.

A wrong count rarely is a random number. All lymphocytes instead of the stained ones, or
a division by all cells, leave a number of their own in each field; tests hold them apart.
"""

import math
from typing import NamedTuple

from course_lib.models.pd_l1_counting import (
    AREA_THRESHOLD,
    IN_AREA,
    IN_CPS,
    NOT_COUNTED,
    SHARES,
    THRESHOLD,
    Field,
    combined_positive_score,
    cps,
    immune_cell_score,
    number,
)

#: Two counts of 100 cells rarely agree: this share of a count is forgiven (own choice).
CLOSE = 0.03
#: An estimate of the area score may be off by this, in percent of the area (own choice).
CLOSE_AREA = 0.25


class Answer(NamedTuple):
    """What a student typed: three counts and the CPS worked out from them."""

    stained_tumour: int
    stained_immune: int
    viable_tumour: int
    cps: float


class Finding(NamedTuple):
    """A judged answer: the ``mistake`` (empty if there is none) and what to say."""

    mistake: str
    message: str


def diagnose(answer: Answer, field: Field) -> Finding:
    """Judge three counts and a CPS, and say what a typical wrong number comes from.

    Raises ``ValueError`` if a number is negative or not finite.
    """
    answer = Answer(*(number(name, value) for name, value in answer._asdict().items()))
    if not any(answer[:3]):
        return Finding("empty", "Type your three counts first, then the CPS.")
    if answer.viable_tumour == 0:
        return Finding("empty", "Count the viable tumour cells too: they stand below the line.")
    for judge in (_stained_tumour, _stained_immune, _viable_tumour, _arithmetic):
        if finding := judge(answer, field):
            return finding
    exact = (
        field.count("tumour cell", True),
        field.count(IN_CPS, True),
        field.count("tumour cell"),
    )
    side = "at least" if cps(field) >= THRESHOLD else "below"
    said = "Right. 100 × ({} + {}) / {} = ".format(*exact) + f"{cps(field):g}: {side} {THRESHOLD}."
    if answer[:3] != exact:
        said += " Your counts differ a little from these. That is close enough: two readers "
        said += "differ, too."
    return Finding("", said)


def _stained_tumour(answer: Answer, field: Field) -> Finding | None:
    given, right = answer.stained_tumour, field.count("tumour cell", True)
    dead, stained_immune = (field.count(k, True) for k in ("dead tumour cell", IN_CPS))
    known = {
        field.count("tumour cell"): (
            "unstained tumour",
            "Stained tumour cells: you gave all tumour cells. Count those with a thick brown rim.",
        ),
        right + dead: (
            "dead stained",
            f"Stained tumour cells: {given:g} would include the dead ones. A dead cell, drawn "
            "with a cross, does not count, stained or not.",
        ),
        right + stained_immune: (
            "immune in tumour",
            "Stained tumour cells: that is tumour and immune cells together. Keep the immune "
            "cells for the next box.",
        ),
    }
    return _judged("Stained tumour cells", given, right, known, CLOSE)


def _stained_immune(answer: Answer, field: Field) -> Finding | None:
    given, right = answer.stained_immune, field.count(IN_CPS, True)
    known = {}
    trap = [kind for kind in NOT_COUNTED[1:] if field.count(kind, True)]
    for bits in range(1, 2 ** len(trap)):
        kinds = [kind for i, kind in enumerate(trap) if bits >> i & 1]
        known[right + field.count(kinds, True)] = (
            "not counted",
            f"Stained immune cells: {given:g} would include {_and(kinds)}. They can stain, but "
            "in the CPS only lymphocytes and macrophages count.",
        )
    for kind, other in (IN_CPS, IN_CPS[::-1]):
        if 0 < field.count(kind, True) < right:
            known[field.count(kind, True)] = (
                "one kind",
                f"Stained immune cells: {given:g} are the {kind}s alone. Add the {other}s.",
            )
    known[field.count(IN_CPS)] = (
        "unstained immune",
        "Stained immune cells: you gave all lymphocytes and macrophages. Those without a "
        "thick brown rim do not count.",
    )
    known[0] = (
        "forgot immune",
        "You left out the immune cells. Stained tumour cells alone make another score, the "
        "tumour proportion score (TPS). Add the stained lymphocytes and macrophages.",
    )
    return _judged("Stained immune cells", given, right, known, 0)


def _viable_tumour(answer: Answer, field: Field) -> Finding | None:
    given, right = answer.viable_tumour, field.count("tumour cell")
    known = {
        len(field.cells): (
            "all cells",
            "Viable tumour cells: you gave all cells of the field. Below the line stand the "
            "tumour cells alone.",
        ),
        right + field.count(IN_CPS): (
            "immune below",
            "Viable tumour cells: immune cells do not stand below the line, stained or not.",
        ),
        right + field.count("dead tumour cell"): (
            "dead cells",
            "Viable tumour cells: that includes the dead ones, drawn with a cross. Leave them out.",
        ),
        field.count("tumour cell", False): (
            "unstained only",
            "Viable tumour cells: you gave the unstained ones. The stained ones belong below "
            "the line as well.",
        ),
    }
    return _judged("Viable tumour cells", given, right, known, CLOSE)


def _judged(box: str, given: float, right: int, known: dict, close: float) -> Finding | None:
    """Right, close enough, a known mistake, or simply too many or too few."""
    if abs(given - right) <= close * right:
        return None
    if given in known:
        return Finding(*known[given])
    word = "more" if given < right else "fewer"
    return Finding(
        "miscount",
        f"{box}: there are {word} than {given:g}. Go region by region, or use “Count with me”.",
    )


def _arithmetic(answer: Answer, field: Field) -> Finding | None:
    tumour, immune, viable, given = answer
    own = combined_positive_score(tumour + immune, viable)
    if given == round(own) or abs(given - own) <= 0.05 + 1e-9:
        return None
    counts = f"Your counts are right. The CPS is 100 × ({tumour:g} + {immune:g}) / {viable:g}. "
    if given == 0:
        return Finding("no cps", counts + "What is it?")
    everything = len(field.cells)
    inside = viable + field.count(IN_CPS)
    covered = immune_cell_score(field, ("tumour cell", *IN_CPS))
    known = (
        (own / 100, "times 100", f"{given:g} still has to be multiplied by 100."),
        (
            100 * tumour / viable,
            "tumour proportion",
            "You left the immune cells out: that is the tumour proportion score (TPS).",
        ),
        (
            100 * (tumour + immune) / everything,
            "all cells",
            "You divided by all cells of the field. Divide by the viable tumour cells.",
        ),
        (
            100 * (tumour + immune) / inside,
            "all cells",
            "You divided by tumour and immune cells. Divide by the viable tumour cells alone.",
        ),
        (
            100 * (tumour + immune) / (viable - tumour) if viable > tumour else math.inf,
            "unstained only",
            "You divided by the unstained tumour cells. Divide by all viable ones.",
        ),
        (
            100 * viable / (tumour + immune) if tumour + immune else math.inf,
            "upside down",
            "You turned the fraction upside down.",
        ),
        (covered, "area", "You gave a share of the area. The CPS counts cells, not area."),
        (
            immune_cell_score(field),
            "area",
            "That is the share of the area. The CPS counts cells, not area.",
        ),
    )
    for value, mistake, message in known:
        near = 0.051 + 0.005 * value if value >= 1 else 0.006  # as students round
        if abs(given - value) <= near or (value >= 5 and given == round(value)):
            return Finding(mistake, counts + message)
    return Finding("arithmetic", counts + "Work it out once more.")


def diagnose_area(percent: float, field: Field) -> Finding:
    """Judge an estimate of the area score (percent of the tumour area).

    Raises ``ValueError`` if it is negative or not finite.
    """
    percent = number("percent", percent)
    right = immune_cell_score(field)
    stained, immune = field.count(IN_AREA, True), ("plasma cell", *IN_AREA)
    unstained = sum(field.count(kind) * SHARES[kind] for kind in IN_AREA)
    known = (
        (0, "empty", "Estimate the area first; in these fields it is never 0."),
        (
            immune_cell_score(field, IN_CPS),
            "forgot neutrophils",
            "You left out the neutrophils. This score counts stained granulocytes too, and "
            "neutrophils are granulocytes.",
        ),
        (
            immune_cell_score(field, ("tumour cell", *IN_AREA)),
            "tumour included",
            "You added the stained tumour cells. This score takes immune cells alone.",
        ),
        (
            immune_cell_score(field, immune),
            "plasma cells",
            "That fits if plasma cells are added. The reading guide does not name them, so we "
            "leave them out.",
        ),
        (unstained, "unstained", "You added unstained immune cells. Only stained ones count."),
        (right / 100, "times 100", "Give it in percent: multiply by 100."),
        (cps(field), "cps", "That is the CPS. Here the area counts, not the number of cells."),
        (
            100 * stained / len(field.cells),
            "number, not area",
            "That is a share of the cells. Here the area counts: small cells cover little.",
        ),
    )
    for value, mistake, message in known:
        if abs(percent - value) <= min(0.01 * max(value, 0.5), 0.2 * value) + 1e-9:
            return Finding(mistake, message)
    side = right >= AREA_THRESHOLD
    if abs(percent - right) > CLOSE_AREA:
        word = "more" if percent < right else "less"
        return Finding(
            "off", f"It is {word} than {percent:g} %. Add the areas of the stained immune cells."
        )
    word = f"from {AREA_THRESHOLD} % on positive" if side else f"below {AREA_THRESHOLD} %, negative"
    parts = " + ".join(f"{field.count(kind, True)} × {SHARES[kind]:.2f}" for kind in IN_AREA)
    return Finding(
        "",
        f"Right. Lymphocytes, macrophages, neutrophils: {parts} = {right:.2f} %: {word}.",
    )


def _and(kinds: list[str]) -> str:
    names = [f"{kind}s" for kind in kinds]
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
