"""The first lab of lesson 09: read the scans of eight patients, and call every visit.

The patients are in ``models.scan_cases``.
"""

from __future__ import annotations

from functools import cached_property

import ipywidgets as widgets
import numpy as np

from course_lib import evidence
from course_lib.labs.frame import Lab
from course_lib.labs.spec import Choice, Control, Goal, LabSpec, Prediction, Preset, Question
from course_lib.labs.view import Panel, Reading, Series, Table, Texts, View, point
from course_lib.labs.words import described
from course_lib.models.lesions import LesionTable
from course_lib.models.response_monitoring import explain
from course_lib.models.scan_cases import CASES, EVERY, NAMES, SCANS, pseudoprogression, read

LAST_WEEK = 36
NORMAL = float(evidence.get("recist.node_normal").value)
OPEN = "open"
RULES = {"recist": "RECIST 1.1", "irecist": "iRECIST"}
NOT_CALLED = dict.fromkeys(RULES, OPEN)
RECIST_CALLS = (
    (OPEN, "not called yet"),
    ("CR", "CR: complete response"),
    ("PR", "PR: partial response"),
    ("SD", "SD: stable disease"),
    ("PD", "PD: progressive disease"),
    ("NE", "NE: cannot be judged"),
)
IRECIST_CALLS = (
    (OPEN, "not called yet"),
    ("iCR", "iCR: complete response"),
    ("iPR", "iPR: partial response"),
    ("iSD", "iSD: stable disease"),
    ("iUPD", "iUPD: unconfirmed progression"),
    ("iCPD", "iCPD: confirmed progression"),
    ("NE", "NE: cannot be judged"),
)
#: Rule by rule, each on its own line.
_STYLE = """<style>
.course-lab.course-reading .course-sentence { white-space: pre-line; font-weight: 400; }
.course-lab.course-reading .course-sentence::first-line { font-weight: 600; }
</style>"""


def view(case: str, scan: float, recist: str, irecist: str) -> View:
    """Return what the lab shows: scans of one patient up to ``scan``, and the two calls."""
    scan = int(scan)
    table, rules, immune = read(case)
    called = OPEN not in (recist, irecist)
    last = scan if called else scan - 1  # the last scan that the rules have judged
    judged = np.arange(SCANS + 1) <= last
    judged[0] = False
    seen = np.arange(SCANS + 1) <= scan
    weeks = table.days / 7
    total = np.where(seen & rules.complete, rules.sums, np.nan)
    new = np.where(seen & (table.new_lesions > 0), table.new_sum, np.nan)
    response = (1 - rules.criteria.response_percent / 100) * rules.sums[0]
    series = (
        Series("sum", 0, weeks, total, "tumour", label=False),
        point("this scan", 0, weeks[scan], total[scan], "tumour", "diamond"),
        _line("PD from here", 0, weeks, _bar(rules, last), "dash", steps=True),
        _line("PR to here", 0, weeks, np.where(seen & (last > 0), response, np.nan), "dot"),
        *(
            Series(name, 1, weeks, _column(table, lesion, seen), "tumour", dash)
            for lesion, (name, dash) in enumerate(zip(NAMES, ("solid", "dash", "dot"), strict=True))
        ),
        point("new lesion", 1, weeks, new, "tumour", "star"),
        Series(
            "normal node",
            1,
            np.array([0.0, weeks[scan]]),
            np.full(2, NORMAL),
            "control",
            "dash",
            moves=False,
            label=False,
        ),
    )
    calls = {"RECIST 1.1": rules.overall, "iRECIST": immune.responses}
    texts = tuple(
        Texts(
            f"calls by {name}", 2, weeks[1:], np.full(SCANS, float(row)), _told(told, judged, scan)
        )
        for row, (name, told) in zip((1, 0), calls.items(), strict=True)
    )
    if called:
        said = [_scan(case, scan, table)]
        said += [_verdict(recist, rules.overall[scan], irecist, immune.responses[scan])]
        said += explain(table, scan)
    else:
        said = [_scan(case, scan, table), *_measured(scan, table, rules)]
        said.append(_question(recist, irecist))
    return View(
        series=series,
        texts=texts,
        # A line each on the screen; a space, too, for where line breaks do not show.
        sentence=" \n".join(said),
        alt=described(SPEC, series, texts),
        readings=(
            Reading("Sum of the target lesions seen", float(rules.sums[scan]), "mm"),
            Reading("Smallest sum before", float(rules.smallest[scan]), "mm"),
            Reading("Sum at baseline", float(rules.sums[0]), "mm"),
        ),
        table=_table(table, rules, immune, scan, judged),
    )


def _bar(rules, last: int) -> np.ndarray:
    """From which sum each scan up to ``last`` shows progression, drawn from the scan before it on.

    After a complete response there is no such sum: any disease is progression.
    """
    low, c = rules.smallest, rules.criteria
    bar = np.fmax(low * (1 + c.progression_percent / 100), low + c.progression_growth)
    after = ["CR" in rules.overall[:visit] for visit in range(SCANS + 1)]
    bar = np.where(after, np.nan, bar)
    visits = np.arange(SCANS + 1)
    return np.where((visits <= last) & (last > 0), bar[np.minimum(visits + 1, last)], np.nan)


def _line(name: str, panel: int, x: np.ndarray, y: np.ndarray, dash: str, steps=False) -> Series:
    return Series(name, panel, x, y, "control", dash, moves=False, steps=steps)


def _column(table: LesionTable, lesion: int, seen: np.ndarray) -> np.ndarray:
    """The sizes of one lesion up to now; nothing if the patient does not have it."""
    if lesion >= table.sizes.shape[1]:
        return np.full(SCANS + 1, np.nan)
    return np.where(seen, table.sizes[:, lesion], np.nan)


def _told(calls: tuple, judged: np.ndarray, scan: int) -> tuple[str, ...]:
    """The calls of the scans up to now, with a question mark where the student has to call."""
    return tuple(
        calls[visit] if judged[visit] else "?" if visit == scan else "·"
        for visit in range(1, SCANS + 1)
    )


def _size(value: float) -> str:
    return "not assessed" if np.isnan(value) else f"{value:g} mm"


def _scan(case: str, scan: int, table: LesionTable) -> str:
    return f"Patient {case.upper()}, scan {scan}, week {table.days[scan] / 7:g}."


def _measured(scan: int, table: LesionTable, rules) -> list[str]:
    """What the radiologist writes down at one scan."""
    pairs = zip(NAMES, table.sizes[scan].tolist(), strict=False)
    sizes = ", ".join(f"{name} {_size(size)}" for name, size in pairs)
    missing = "" if rules.complete[scan] else " without it"
    return [
        f"{_capital(sizes)}: sum {rules.sums[scan]:g} mm{missing}.",
        f"Smallest sum before: {rules.smallest[scan]:g} mm; at baseline: {rules.sums[0]:g} mm.",
        f"Non-target lesions: {_others(table, scan)}. New lesions: {_new(table, scan)}.",
    ]


def _question(recist: str, irecist: str) -> str:
    """Ask for the calls that are missing."""
    if recist == irecist:
        return "What do the two sets of rules say?"
    if irecist == OPEN:
        return f"You called {recist} by RECIST 1.1. What does iRECIST say?"
    return f"You called {irecist} by iRECIST. What does RECIST 1.1 say?"


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _others(table: LesionTable, scan: int) -> str:
    if table.non_target[0] == "absent":
        return "none"
    status = table.non_target[scan]
    if status == "progression":
        return "clearly and much larger"
    return "a little larger" if table.non_target_larger[scan] else status


def _new(table: LesionTable, scan: int) -> str:
    if not table.new_lesions[scan]:
        return "none"
    size = table.new_sum[scan]
    return f"one, {size:g} mm" if size else "one was found, and is gone"


def _verdict(recist: str, right: str, irecist: str, immune_right: str) -> str:
    """Compare the two calls with the rules."""
    pairs = zip(RULES.values(), (recist, irecist), (right, immune_right), strict=True)
    return " ".join(
        f"You called {call} by {name}: {'right' if call == rule else f'the rules say {rule}'}."
        for name, call, rule in pairs
    )


def _table(table: LesionTable, rules, immune, scan: int, judged: np.ndarray) -> Table:
    """What was measured up to now, and the calls of the scans that were judged."""
    columns = ["Scan", "Week", *(f"{_capital(name)}, mm" for name in NAMES)]
    columns += ["Sum, mm", "Non-target lesions", "New lesions", *RULES.values()]
    rows = []
    for visit in range(scan + 1):
        sizes = [_size(size).removesuffix(" mm") for size in table.sizes[visit].tolist()]
        sizes += ["has none"] * (len(NAMES) - len(sizes))
        calls = (rules.overall[visit], immune.responses[visit])
        rows.append(
            (
                str(visit) if visit else "baseline",
                f"{table.days[visit] / 7:g}",
                *sizes,
                f"{rules.sums[visit]:g}" if rules.complete[visit] else "incomplete",
                _others(table, visit),
                _new(table, visit),
                *(call if judged[visit] or not visit else "?" for call in calls),
            )
        )
    return Table("What was seen up to now", tuple(columns), tuple(rows))


def _explanation() -> str:
    """Compare patients D and E at the first two scans."""
    sums = {case: read(case)[1].sums for case in "de"}
    left = 100 * float(np.mean(pseudoprogression().tumour(7.0 * EVERY)))
    first, grown = sums["d"][:2]
    return (
        f"At scan 1 both sums had grown from {first:g} to {grown:g} mm. RECIST 1.1 calls both PD, "
        f"iRECIST calls both iUPD. At scan 2 the sum of patient D was {sums['d'][2]:g} mm, that of "
        f"patient E {sums['e'][2]:g} mm. In this model only {left:.0f} % of the living tumour of "
        "patient D was left at scan 1. The rest of the volume was immune cells and fluid. "
        "A scan measures volume, and cannot tell them apart."
    )


def _afterword() -> str:
    treated, again = (
        evidence.get(f"pseudoprogression.{name}") for name in ("of_treated", "of_unconfirmed")
    )
    return (
        "How often is it like patient D? In a pool of studies of many cancers it was "
        f"{treated.value:.0f} of 100 patients treated with a checkpoint inhibitor. In a pool of "
        f"trials, {again.value} of 100 unconfirmed progressions were taken back at a later scan "
        f"(95 % interval {again.low} to {again.high}). So most tumours that seem to grow do grow. "
        "For breast cancer the course knows no such number."
    )


class Reader(Lab):
    """The shared frame, which keeps the calls of every scan apart, and gives each rule a line."""

    def __init__(self, spec: LabSpec, **settings: float | str) -> None:
        self._called: dict[tuple, dict[str, str]] = {}
        super().__init__(spec, **settings)

    @cached_property
    def widget(self) -> widgets.VBox:
        root = super().widget
        root.add_class("course-reading")
        root.children = (widgets.HTML(_STYLE), *root.children)
        return root

    def _moved(self, control: Control | Choice, value: float | str) -> None:
        if self._quiet or control.name in RULES:
            super()._moved(control, value)
        elif value != self.settings[control.name]:
            there = {**self.settings, control.name: value}
            calls = self._called.get((there["case"], there["scan"]), NOT_CALLED)
            self._set({**there, **calls})

    def _update(self, settings: dict[str, float | str]) -> None:
        calls = {name: str(settings[name]) for name in RULES}
        self._called[settings["case"], settings["scan"]] = calls
        super()._update(settings)


SPEC = LabSpec(
    name="reading_scans",
    title="Read the scans",
    lead="Eight invented patients on an immunotherapy. Look at one scan after the other, and call "
    "each: what does RECIST 1.1 say, and what does iRECIST say?",
    controls=(
        Choice("case", "Patient", tuple((case, f"Patient {case.upper()}") for case in CASES), "a"),
        Control("scan", "Scan", "reading_scans.scan", 1),
        Choice("recist", "Your call by RECIST 1.1", RECIST_CALLS, OPEN),
        Choice("irecist", "Your call by iRECIST", IRECIST_CALLS, OPEN),
    ),
    panels=(
        Panel("Sum of target lesions (◆ now)", "mm", (0, 200)),
        Panel("Lesions (★ new; black: normal node)", "mm", (0, 90)),
        Panel.two_rows("What the rules said", "RECIST 1.1", "iRECIST"),
    ),
    x_title="Weeks since the baseline scan",
    x_range=(0, LAST_WEEK),
    view=view,
    presets=(
        Preset("B: small sums", {"case": "b", "scan": 2}),
        Preset("C: growth after a response", {"case": "c", "scan": 3}),
        Preset("D: larger at the first scan", {"case": "d", "scan": 1}),
        Preset("E: larger, too", {"case": "e", "scan": 1}),
        Preset("E: the scan after it", {"case": "e", "scan": 2}),
        Preset("F: a new lesion", {"case": "f", "scan": 1}),
        Preset("G: one lesion not assessed", {"case": "g", "scan": 1}),
        Preset("H: scanned again early", {"case": "h", "scan": 2}),
    ),
    goal=Goal(
        text="Find a scan at which RECIST 1.1 says progression and iRECIST says response. Call "
        "both right.",
        reached=lambda settings, view: (
            (settings["recist"], settings["irecist"]) == ("PD", "iPR") and _right(settings)
        ),
        praise="To RECIST 1.1 a new lesion is progression, for as long as it is seen. To iRECIST "
        "it is a reason to look again, and here what was found later was smaller.",
        solutions=(
            {"case": "f", "scan": 2, "recist": "PD", "irecist": "iPR"},
            {"case": "f", "scan": 3, "recist": "PD", "irecist": "iPR"},
        ),
    ),
    prediction=Prediction(
        predict=Question(
            "Patients D and E: at the first scan on a checkpoint inhibitor, both sums have grown "
            "from 80 to 100 mm. Does this scan tell whose tumour will shrink?",
            (
                ("yes", "Yes: the one that will shrink looks different."),
                ("no", "No: only a later scan tells."),
                ("neither", "Neither will shrink: progression is progression."),
            ),
        ),
        why=Question(
            "Why?",
            (
                ("volume", "A scan measures volume, whatever cells it is made of."),
                ("edge", "Growing tumours and inflamed ones differ on the scan."),
                ("rule", "More than 20 % means that the treatment has failed."),
            ),
        ),
        tried=lambda settings: settings["case"] == "e" and settings["scan"] >= 2,
        observe=Question(
            "Compare patients D and E, first at scan 1, then at scan 2. What did you see?",
            (
                ("apart", "The same at scan 1, different at scan 2."),
                ("early", "Different at scan 1 already."),
                ("same", "The same at both scans."),
            ),
        ),
        right="no",
        explanation=_explanation,
        replies={
            "apart": "That is what you saw.",
            "early": "Look again: press “D: larger at the first scan”, then “E: larger, too”. "
            "Every number is the same.",
            "same": "Look again: choose scan 2 for both patients, and compare the sums.",
        },
        reasons={
            "edge": "Radiologists look for such signs, but none is part of these rules.",
            "rule": "That is the rule of RECIST 1.1. It sorts scans, and does not foretell.",
        },
        afterword=_afterword,
    ),
)


def _right(settings: dict[str, float | str]) -> bool:
    """Whether both calls are what the rules say."""
    _, rules, immune = read(settings["case"])
    scan = int(settings["scan"])
    said = rules.overall[scan], immune.responses[scan]
    return said == (settings["recist"], settings["irecist"])


def lab(**settings: float | str) -> Reader:
    """Open the lab, at another patient or scan if you name them: ``lab(case="d", scan=1)``.

    Raises ValueError, saying what is allowed, for an unknown name or a value outside
    its slider's range.
    """
    return Reader(SPEC, **settings)
