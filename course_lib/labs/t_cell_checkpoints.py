"""The decision bench of lesson 02: two signals start a T cell, CTLA-4 and PD-1 hold it back."""

from __future__ import annotations

import numpy as np

from course_lib import evidence
from course_lib.labs.frame import Lab
from course_lib.labs.spec import Choice, Control, Goal, LabSpec, Prediction, Preset, Question
from course_lib.labs.view import Panel, Reading, Series, Table, View, point
from course_lib.labs.words import described
from course_lib.models.t_cell_checkpoints import TCell

#: The two example bonds, s.
LONG = evidence.get("t_cell.dwell_time").value
SHORT = evidence.get("t_cell.dwell_time_short").value
#: What is drawn along each panel, and the rows of the table, which are among it.
DWELL_ROWS, CD80_ROWS = (0.1, 0.3, 1, 3, 10, 30, 100), (20, 50, 100, 200, 400, 600, 1000)
PD_L1_ROWS = (0, 20, 50, 100, 200, 400, 600)
DWELL = np.union1d(np.geomspace(0.1, 150, 61), DWELL_ROWS)
CD80 = np.linspace(0, 1080, 109)
PD_L1 = np.linspace(0, 650, 131)
STEPS = evidence.get("proofreading.steps").value
MANY_STEPS = evidence.get("proofreading.steps_in_models").value


def view(
    dwell_time: float,
    peptides: float,
    cd80: float,
    ctla4: float,
    steps: str,
    pd_l1: float,
    pd1_blocked: float,
    cd86: float,
) -> View:
    """Return what the lab shows at one setting; units as on the controls."""
    met = {"peptides": peptides, "steps": float(steps), "cd86": cd86, "ctla4": ctla4}
    # Every curve carries the points marked on it at its end.
    bonds = np.append(DWELL, [LONG, SHORT, dwell_time])
    cell = TCell(dwell_time=bonds, cd80=cd80, **met)
    first, activated = 100 * cell.first_signal(), 100 * cell.activation()
    completed, second = 100 * cell.completion()[-1], 100 * cell.second_signal()

    ligands = np.append(CD80, cd80) + cd86
    held = TCell(cd80=np.append(CD80, cd80), **met).costimulation()
    # Nobody holds a share of nothing: a gap.
    share = 100 / np.where(ligands > 0, ligands, np.nan)
    by_cd28, by_ctla4 = share * held.cd28, share * held.ctla4

    tumour = np.append(PD_L1, pd_l1)
    brake = 100 * TCell(pd_l1=tumour, pd1_blocked=pd1_blocked).brake()
    killing = activated[-1] * (1 - brake / 100)
    killing_free = activated[-1] * (1 - TCell(pd_l1=tumour).brake())

    at = DWELL.size
    series = (
        Series("activated", 0, DWELL, activated[:at], "t_cell"),
        Series("first signal", 0, DWELL, first[:at], "control", dash="dot"),
        point("long bond", 0, LONG, activated[at], "control", "diamond-open"),
        point("short bond", 0, SHORT, activated[at + 1], "control", "square-open"),
        point("this antigen", 0, dwell_time, activated[-1], "control", "circle"),
        Series("CD28", 1, CD80, by_cd28[:-1], "t_cell"),
        Series("CTLA-4", 1, CD80, by_ctla4[:-1], "toxicity", dash="dash"),
        point("this much CD80", 1, [cd80] * 2, [by_cd28[-1], by_ctla4[-1]], "control", "circle"),
        Series("antibody", 2, PD_L1, killing[:-1] if pd1_blocked else PD_L1 * np.nan, "drug"),
        Series("no antibody", 2, PD_L1, killing_free[:-1], "control", dash="dot"),
        point("this much PD-L1", 2, pd_l1, killing[-1], "control", "circle"),
    )
    readings = (
        Reading("Bonds that complete all steps", completed, "%", 0),
        Reading("Second signal", float(second), "%", 0),
        Reading("T cell activated", activated[-1], "%", 0),
        Reading(f"Activated if the bond lasts {LONG:g} s", activated[at], "%", 0),
        Reading(f"Activated if the bond lasts {SHORT:g} s", activated[at + 1], "%", 0),
        Reading("Ligands held by CTLA-4", np.nan_to_num(by_ctla4[-1]), "%", 0),
        Reading("Killing stopped by PD-1", brake[-1], "%", 0),
        Reading("Tumour cell killed", killing[-1], "%", 0),
    )
    outcome = first[-1], (by_cd28[-1], by_ctla4[-1]), activated[-1], brake[-1]
    return View(
        series=series,
        sentence=_sentence(dwell_time, peptides, cd80, cd86, pd_l1, *outcome),
        alt=described(SPEC, series),
        readings=readings,
        table=_table(series),
    )


def _of_100(percent: float) -> str:
    if 0 < percent < 0.5:
        return "fewer than 1 of 100"
    return "more than 99 of 100" if 99.5 <= percent < 100 else f"{percent:.0f} of 100"


def _ligands(cd80: float, cd86: float) -> str:
    return " and ".join(name for name, amount in (("CD80", cd80), ("CD86", cd86)) if amount)


def _sentence(dwell_time, peptides, cd80, cd86, pd_l1, first, shares, activated, brake) -> str:
    dwell, dose = (SPEC.controls[i].shown(v) for i, v in enumerate((dwell_time, peptides)))
    stay = " that stays" if dose == "1" else "s that stay"
    begin = (
        f"With {dose} peptide{stay} bound for {dwell}, the first signal arrives in "
        f"{_of_100(first)} contacts. "
    )
    if not cd80 + cd86:
        return begin + "Without CD80 and CD86 there is no second signal: no T cell is activated."
    at_tumour = (
        f"PD-1 stops {brake:.0f} % of the killing" if pd_l1 else "no PD-L1 stops the killing"
    )
    return begin + (
        f"CD28 holds {shares[0]:.0f} % of {_ligands(cd80, cd86)}, CTLA-4 {shares[1]:.0f} %: "
        f"with this second signal, {_of_100(activated)} contacts activate the T cell. "
        f"At the tumour, {at_tumour}: {_of_100(activated * (1 - brake / 100))} end with a killed "
        "tumour cell."
    )


def _table(series) -> Table:
    """One row for each point of the three x axes; a dash where a line is not drawn."""
    kinds = (("{:g} s bond", DWELL_ROWS), ("CD80 {:g}", CD80_ROWS), ("PD-L1 {:g}", PD_L1_ROWS))
    lines = [[s for s in series if s.panel == panel and not s.symbol] for panel in range(3)]
    rows = []
    for panel, (words, places) in enumerate(kinds):
        for place in places:
            index = np.searchsorted(lines[panel][0].x, place - 1e-9)
            cells = [
                f"{line.y[index]:.1f}" if other == panel and np.isfinite(line.y[index]) else "–"
                for other in range(3)
                for line in lines[other]
            ]
            rows.append((words.format(place), *cells))
    heads = (
        "At (CD80, PD-L1 per µm²)",
        "T cell activated, %",
        "First signal alone, %",
        "Held by CD28, %",
        "Held by CTLA-4, %",
        "Killed, antibody as set, %",
        "Killed, no antibody, %",
    )
    return Table("The plotted values, each plot along its own axis", heads, tuple(rows))


def _explanation() -> str:
    """Say who got the CD80 when CTLA-4 matched CD28."""
    without = SPEC.at()
    equal = SPEC.at(ctla4=1200)
    ratio = evidence.get("ctla4_cd80.affinity_ratio").value
    return (
        f"With as much CTLA-4 as CD28, CTLA-4 held {equal.readings[5]} of the CD80 and CD28 "
        f"{equal.series[7].y[0]:.0f} %. CTLA-4 binds CD80 {ratio:g} times as tightly, so at "
        "equal amounts it holds several times as much. The second signal fell from "
        f"{without.readings[1]} to {equal.readings[1]}, and activation from "
        f"{without.readings[2]} to {equal.readings[2]}."
    )


SPEC = LabSpec(
    name="t_cell_checkpoints",
    title="The decision bench",
    lead="One T cell touches a dendritic cell in a lymph node, and later a tumour cell. Two "
    "signals start it; CTLA-4 and PD-1 hold it back.",
    controls=(
        Control("dwell_time", "Antigen stays bound", "t_cell.dwell_time", 0.05, log=True),
        Control("peptides", "Peptides of this kind", "t_cell.peptides", 0.05, log=True),
        Control("cd80", "CD80 on the dendritic cell", "t_cell.cd80", step=20),
        Control("ctla4", "CTLA-4 on T cells", "t_cell.ctla4", step=20),
        Choice(
            "steps",
            "Proofreading steps",
            (
                ("1", "1"),
                (f"{STEPS:g}", f"{STEPS:g}, fitted to human T cells"),
                ("5", "5"),
                (f"{MANY_STEPS:g}", f"{MANY_STEPS:g}, assumed in a published model"),
            ),
            start=f"{STEPS:g}",
            stage=2,
        ),
        Control("pd_l1", "PD-L1 on the tumour cell", "t_cell.pd_l1", step=20, stage=2),
        Control(
            "pd1_blocked", "PD-1 that carries an antibody", "t_cell.pd1_blocked", step=1, stage=2
        ),
        Control("cd86", "CD86 on the dendritic cell", "t_cell.cd86", step=20, stage=2),
    ),
    panels=(
        Panel(
            f"Activated: ● now, ◇ {LONG:g} s, □ {SHORT:g} s",
            "% of contacts",
            (0, 105),
            x_title="Antigen stays bound, s",
            x_range=(0.1, 150),
            x_log=True,
        ),
        Panel(
            "Who holds CD80 and CD86",
            "%",
            (0, 105),
            x_title="CD80, molecules per µm²",
            x_range=(-15, 1080),
        ),
        Panel(
            "Killing at the tumour",
            "% of contacts",
            (0, 105),
            x_title="PD-L1, molecules per µm²",
            x_range=(-10, 650),
        ),
    ),
    x_title="",
    x_range=(0, 1),
    view=view,
    presets=(
        Preset("Foreign peptide", {"dwell_time": LONG}),
        Preset("Self peptide", {"dwell_time": SHORT}),
        Preset("No second signal", {"cd80": 0}),
        Preset("CTLA-4 rises", {"ctla4": 600}),
        Preset("PD-L1 switched on", {"pd_l1": 300}),
        Preset("PD-1 blocked", {"pd_l1": 300, "pd1_blocked": 95}),
    ),
    goal=Goal(
        text=f"Tell the bonds apart: activation in at least 60 of 100 contacts on the {LONG:g} s "
        f"bond, and in at most 5 on the {SHORT:g} s bond.",
        reached=lambda settings, view: view.readings[3].shown >= 60 and view.readings[4].shown <= 5,
        praise="More steps tell bonds apart. The price: more peptides or more CD80 are needed.",
        solutions=(
            {"steps": "10", "peptides": 200},
            {"steps": "10", "cd80": 600},
            {"steps": "5", "peptides": 56, "cd80": 1000},
        ),
    ),
    prediction=Prediction(
        predict=Question(
            "The lab opens without CTLA-4. Now T cells show as much CTLA-4 as CD28, 1,200 "
            "molecules per µm². Who holds the CD80?",
            (
                ("ctla4", "CTLA-4 holds most of it."),
                ("half", "Each holds about half."),
                ("cd28", "CD28 keeps most of it."),
            ),
        ),
        why=Question(
            "Why?",
            (
                ("amount", "Equal amounts mean equal shares."),
                ("affinity", "CTLA-4 binds CD80 more tightly."),
                ("first", "CD28 was there first, and what is taken stays taken."),
            ),
        ),
        tried=lambda settings: settings["ctla4"] >= 1000 and settings["cd80"] > 0,
        observe=Question(
            "Compare no CTLA-4 with 1,200 per µm². What happened?",
            (
                ("share", "CD28 lost CD80, and activation stayed the same."),
                ("both", "CD28 lost most of its CD80, and activation nearly stopped."),
                ("nothing", "Neither CD28's share nor activation changed."),
            ),
        ),
        right="ctla4",
        explanation=_explanation,
        replies={
            "both": "That is what you saw. CTLA-4 sent no signal in this model: it only took "
            "what CD28 needs.",
            "share": "You saw activation stay. Press Reset, move only CTLA-4 to its end, and read "
            "how many contacts activate the T cell.",
            "nothing": "You saw nothing move. Press Reset, move only CTLA-4 to its end, and read "
            "who holds the CD80.",
        },
        reasons={
            "first": "And no ligand stays taken: these bonds break within seconds and form anew."
        },
    ),
)


def lab(**settings: float | str) -> Lab:
    """Open the bench, at other settings if you name them: ``lab(ctla4=600, steps="10")``.

    Raises ValueError, saying what is allowed, for an unknown name or a value outside
    its control's range.
    """
    return Lab(SPEC, **settings)
