"""The first lab of lesson 08: how the teaching matrix scores a peptide, position by position."""

from __future__ import annotations

import numpy as np

from course_lib import evidence
from course_lib.labs.frame import Lab
from course_lib.labs.spec import Choice, Goal, LabSpec, Prediction, Preset, Question
from course_lib.labs.view import Panel, Reading, Series, Table, Texts, View, point
from course_lib.labs.words import listed
from course_lib.models import peptide_binding as model

#: The peptides: words, and key of the sequence.
PEPTIDES = {
    "e75": ("E75, of HER2", "e75"),
    "gp2": ("GP2, of HER2", "gp2"),
    "variant": ("E75, changed at 1 and 2", "e75_variant"),
    "virus": ("Of cytomegalovirus", "virus"),
    "new": ("Made up: new", "new_peptide"),
    "ideal": ("Made up: ideal", "ideal_self"),
}
#: What may be put at each position that can be changed, by position.
SWAPS = {2: "LMIVDK", 6: "VLGK", 9: "VLIDK"}
POSITIONS = np.arange(1, model.POSITIONS + 1)
LOWEST, HIGHEST = model.extremes()
SCALE = np.linspace(LOWEST, HIGHEST, 101)
NAMES = {"L": "leucine", "M": "methionine", "I": "isoleucine", "V": "valine", "G": "glycine"}
NAMES |= {"D": "aspartate", "K": "lysine"}


def sequence(peptide: str, second: str, sixth: str, ninth: str) -> str:
    """Return the nine letters of a peptide whose positions 2, 6 and 9 may be changed."""
    letters = list(evidence.get(f"peptide_binding.{PEPTIDES[peptide][1]}").value)
    for position, swap in zip(SWAPS, (second, sixth, ninth), strict=True):
        if swap != "own":
            letters[position - 1] = swap
    return "".join(letters)


def view(peptide: str, second: str, sixth: str, ninth: str) -> View:
    """Return what the lab shows at one setting: ids of a peptide and of three amino acids."""
    before = sequence(peptide, "own", "own", "own")
    letters = sequence(peptide, second, sixth, ninth)
    points = model.contributions(letters)
    total, held = float(points.sum()), float(model.held(points.sum()))
    started = model.score(before)
    series = (
        Series(
            "no points", 0, POSITIONS[[0, -1]], np.zeros(2), "healthy", "dot", False, label=False
        ),
        point(
            "own amino acid",
            0,
            POSITIONS,
            model.contributions(before),
            "control",
            "circle-open",
            moves=False,
        ),
        point("now", 0, POSITIONS, points, "drug", "circle"),
        Series("held", 1, SCALE, 100 * model.held(SCALE), "drug", moves=False, label=False),
        point(
            "unchanged",
            1,
            started,
            100 * float(model.held(started)),
            "control",
            "circle-open",
            moves=False,
        ),
        point("this peptide", 1, total, 100 * held, "drug", "circle"),
    )
    anchors = points[[position - 1 for position in model.ANCHORS]]
    others = total - float(anchors.sum())
    readings = (
        Reading("Score", total, "points", least=LOWEST),
        Reading("Points of position 2", float(anchors[0]), "points", least=LOWEST),
        Reading("Points of position 9", float(anchors[1]), "points", least=LOWEST),
        Reading("Points of the other seven", others, "points", least=LOWEST),
        Reading("HLA holds it", 100 * held, "% of the time", least=0.5),
    )
    columns = {
        "Position": [
            f"{position}, anchor" if position in model.ANCHORS else f"{position}"
            for position in POSITIONS
        ],
        "Amino acid": list(letters),
        "Points": points,
        "Unchanged": list(before),
        "Points unchanged": model.contributions(before),
    }
    return View(
        series=series,
        texts=(
            Texts("amino acids", 0, POSITIONS.astype(float), np.full(9, -14.8), tuple(letters)),
        ),
        sentence=_sentence(letters, before, total, started, held),
        alt=_told(letters, points, total, started, held),
        readings=readings,
        table=Table.of("The points of each position", columns, ".0f"),
    )


def _told(letters, points, total, started, held) -> str:
    """Tell the plots: each position, and the place on the scale."""
    each = "; ".join(
        f"{position}, {letter}: {worth:.0f}"
        for position, letter, worth in zip(POSITIONS, letters, points, strict=True)
    )
    return (
        f"Two plots. Points of each position of the peptide, with its amino acid: {each}. A curve "
        f"that rises with the score, from {LOWEST:.0f} to {HIGHEST:.0f} points, to the percent of "
        f"the time that HLA holds a peptide. This peptide stands at {total:.0f} points and "
        f"{100 * held:.0f} %, the unchanged one at {started:.0f} points."
    )


def _sentence(letters, before, total, started, held) -> str:
    share = f"{100 * held:.0f} %" if held >= 0.005 else "less than 1 %"
    text = f"{letters} scores {total:.0f} points: HLA-A*02:01 would hold it {share} of the time."
    if letters == before:
        return text
    changed = [str(p) for p, a, b in zip(POSITIONS, letters, before, strict=True) if a != b]
    many = "Positions" if len(changed) > 1 else "Position"
    return f"{text} {many} {listed(changed)} changed; {before} scored {started:.0f}."


def _explanation() -> str:
    """Compare a change of an anchor with one of position 6."""
    start, anchor, sixth = (SPEC.at(**change) for change in ({}, {"second": "K"}, {"sixth": "K"}))
    return (
        f"E75 scores {start.readings[0]}. With lysine at position 6, {sixth.readings[0]} are left; "
        f"with lysine at position 2, {anchor.readings[0]}. The side chains at positions 2 and 9 "
        "reach into pockets of the HLA molecule: they are its anchors. This matrix gives them "
        "most of its points, because peptides washed off HLA-A*02:01 are most alike there."
    )


def _choice(position: int, label: str, name: str) -> Choice:
    options = tuple((letter, f"{letter}, {NAMES[letter]}") for letter in SWAPS[position])
    return Choice(name, label, (("own", "As it is"), *options), start="own")


SPEC = LabSpec(
    name="peptide_binding",
    title="A teaching matrix: which peptides an HLA molecule holds",
    lead="Nine amino acids, each worth points by its place. The points are set by hand for this "
    "course: a teaching matrix, not a predictor.",
    controls=(
        Choice(
            "peptide",
            "Peptide",
            tuple((name, words) for name, (words, _) in PEPTIDES.items()),
            start="e75",
        ),
        _choice(2, "Position 2, an anchor", "second"),
        _choice(9, "Position 9, an anchor", "ninth"),
        _choice(6, "Position 6, not an anchor", "sixth"),
    ),
    panels=(
        Panel(
            "Points (● now, ○ unchanged)",
            "points",
            (-17, 22),
            x_title="Position (2 and 9 are anchors)",
            x_range=(0.5, 9.5),
        ),
        Panel(
            "Scale (● now, ○ unchanged)",
            "% of the time held",
            (-3, 105),
            x_title="Score, points",
            x_range=(LOWEST - 1, HIGHEST + 1),
        ),
    ),
    x_title="",
    x_range=(0, 1),
    view=view,
    presets=(
        Preset("GP2", {"peptide": "gp2"}),
        Preset("A virus peptide", {"peptide": "virus"}),
        Preset("E75 with a better anchor", {"second": "L"}),
        Preset("An anchor lost", {"second": "K"}),
        Preset("The same change elsewhere", {"sixth": "K"}),
        Preset("E75 changed at 1 and 2", {"peptide": "variant"}),
    ),
    goal=Goal(
        text="Change a HER2 peptide, E75 or GP2, so that HLA would hold it 80 % of the time or "
        "more.",
        reached=lambda settings, shown: (
            settings["peptide"] in ("e75", "gp2") and shown.readings[4].shown >= 80
        ),
        praise="It binds. The next lab asks what binding is worth.",
        solutions=(
            {"second": "L"},
            {"second": "M", "ninth": "V"},
            {"peptide": "gp2", "second": "L"},
        ),
    ),
    prediction=Prediction(
        predict=Question(
            "Lysine, which is charged, replaces one amino acid of E75. Where does it cost most "
            "points?",
            (
                ("second", "At position 2."),
                ("sixth", "At position 6, in the middle."),
                ("equal", "It costs the same at both."),
            ),
        ),
        why=Question(
            "Why?",
            (
                ("pocket", "The side chain there sits in a pocket of the HLA molecule."),
                ("middle", "The middle of a peptide carries most of its weight."),
                ("sum", "Points are added, so every place counts alike."),
            ),
        ),
        tried=lambda settings: (
            settings["peptide"] == "e75" and "K" in (settings["second"], settings["sixth"])
        ),
        observe=Question(
            "Try lysine at position 2, then at position 6. Which peptide scored fewer points?",
            (
                ("second", "The one with lysine at position 2."),
                ("sixth", "The one with lysine at position 6."),
                ("equal", "Both scored the same."),
            ),
        ),
        right="second",
        explanation=_explanation,
        replies={
            "second": "That is what you saw. One wrong anchor is enough to lose the peptide.",
            "sixth": "You saw the opposite. Press Reset, then choose the two presets with lysine "
            "one after the other.",
            "equal": "You saw no difference. Press Reset and choose lysine at one place only, then "
            "at the other.",
        },
        reasons={
            "middle": "The middle matters for another partner: the T cell's receptor.",
            "sum": "They are added, but the matrix gives the places different points.",
        },
    ),
)


def lab(**settings: str) -> Lab:
    """Open the lab, at other settings if you name them: ``lab(peptide="gp2", second="L")``.

    Raises ValueError, saying what is allowed, for an unknown name or option.
    """
    return Lab(SPEC, **settings)
