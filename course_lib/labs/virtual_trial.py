"""The lab of lesson 11: design a trial, see what it finds, and how often it would find it."""

from __future__ import annotations

import math

import numpy as np

from course_lib import evidence
from course_lib.labs.spec import Choice, Control, Goal, LabSpec, Prediction, Preset, Question
from course_lib.labs.trial_frame import TrialLab
from course_lib.labs.trial_numbers import TARGET, TRIALS, Found, beside, run
from course_lib.labs.view import Panel, Reading, Series, Table, Texts, View, point
from course_lib.labs.words import described, limit
from course_lib.models import survival
from course_lib.models.trial_power import power_of
from course_lib.models.virtual_trial import DAYS_PER_MONTH

MONTHS = 42
#: Where the curves are drawn: every week, so that each scan is met.
WEEKS = np.arange(0, MONTHS * DAYS_PER_MONTH, 7.0)
#: Where patients at risk are written into the plot, and rows of the table, months.
COUNTED = (0, 12, 24, 36)
TABLE_MONTHS = tuple(range(0, MONTHS + 1, 6))
#: Edges of the bars, and the sizes at which Schoenfeld's curve is drawn.
BARS = np.arange(2, 19) / 10
SIZES = np.arange(60.0, 1001, 20)
LEAST = 0.01  # of an arm, at risk: the curve is drawn no further
MOST_NEEDED = 100_000  # more patients than this nobody could enrol
EVENT = {"pfs": "progression or death", "survival": "death"}
CAME = {"pfs": "had progression or died", "survival": "died"}
ARMS = ((True, "drug", "drug"), (False, "control", "control"))


def view(**settings) -> View:
    """Return what the lab shows at one setting; units as on the sliders."""
    return shown(run(settings), settings)


def shown(found: Found, settings) -> View:
    """Return the view of a trial that was run with these settings, however large it was."""
    endpoint, truth, many = settings["endpoint"], found.asked.truth, found.many
    times, events = found.result.endpoint(endpoint)
    treated = found.result.experimental
    curves = {
        arm: survival.kaplan_meier(times[treated == arm], events[treated == arm])
        for arm, _, _ in ARMS
    }
    power, size = 100 * many.power(), float(settings["patients"])
    series = (
        *(
            Series(label, 0, WEEKS / DAYS_PER_MONTH, 100 * _drawn(curves[arm]), actor, steps=True)
            for arm, label, actor in ARMS
        ),
        *_bars(many),
        _line("truth", 2, [truth, truth], [0.0, 80.0]),
        _line("formula", 3, SIZES, 100 * power_of(SIZES * found.asked.event_share, truth)),
        _line(f"{TARGET:.0f} %", 3, SIZES[[0, -1]], [TARGET, TARGET]),
        point("counted at this size", 3, size, power, "drug", "circle"),
    )
    texts = tuple(
        Texts(
            f"at risk, {label}",
            1,
            np.array(COUNTED, dtype=float),
            np.full(len(COUNTED), float(row)),
            _at_risk(curves[arm], COUNTED),
        )
        for row, (arm, label, _) in enumerate(reversed(ARMS))
    )
    months = _rows(list(curves.values()))
    columns: dict[str, tuple] = {"Month": tuple(f"{month:.3g}" for month in months)}
    for arm, label, _ in ARMS:
        columns[f"Without {EVENT[endpoint]}, {label}, %"] = _left(curves[arm], months)
        columns[f"At risk, {label}"] = _at_risk(curves[arm], months)
    return View(
        series=series,
        texts=texts,
        sentence=_sentence(found, settings),
        alt=described(SPEC, [each for each in series if each.moves], texts),
        readings=(
            Reading("Hazard ratio in this trial", found.ratio.hazard_ratio, "", 2),
            Reading("Lower limit", found.ratio.low, "", 2),
            Reading("Upper limit", found.ratio.high, "", 2),
            Reading("Hazard ratio in truth", truth, "", 2),
            Reading("Power, counted", power, "%", 0),
            Reading("Patients who may enter", 100 * found.asked.share, "%", 0),
        ),
        table=Table.of("This trial, every six months and at its end", columns),
    )


def _line(label: str, panel: int, x, y) -> Series:
    """A line to compare with."""
    dash = "solid" if label in ("formula", "truth") else "dot"
    moves = label == "formula"
    named = label != "truth"  # a third name would meet those of the bars; the title tells it
    return Series(
        label, panel, np.array(x), np.array(y), "control", dash=dash, moves=moves, label=named
    )


def _watched(curve: survival.KaplanMeier, days: np.ndarray) -> np.ndarray:
    """Whether enough of the arm is left for the curve to mean something.

    Patients without progression leave with their last scan; of those who remain until the last
    day, all die. So few would take the curve of a large run down to zero.
    """
    return curve.number_at_risk(days) >= max(1, LEAST * curve.follow_up.size)


def _drawn(curve: survival.KaplanMeier) -> np.ndarray:
    """The curve on the days drawn, as far as enough patients were watched."""
    return np.where(_watched(curve, WEEKS), curve.at(WEEKS), np.nan)


def _rows(curves: list[survival.KaplanMeier]) -> list[float]:
    """The months of the table: every six, and the end of the curves, such as the last scan."""
    months = np.append(TABLE_MONTHS, WEEKS / DAYS_PER_MONTH)
    days = months * DAYS_PER_MONTH
    end = float(months[np.any([_watched(curve, days) for curve in curves], axis=0)].max())
    return [*(month for month in TABLE_MONTHS if month < end), end]


def _left(curve: survival.KaplanMeier, months: list[float]) -> tuple[str, ...]:
    """The percentages of the table, as far as enough patients were watched."""
    days = np.array(months) * DAYS_PER_MONTH
    return tuple(
        f"{100 * left:.0f}" if watched else "not watched"
        for left, watched in zip(curve.at(days), _watched(curve, days), strict=True)
    )


def _at_risk(curve: survival.KaplanMeier, months) -> tuple[str, ...]:
    return tuple(f"{n:,}" for n in curve.number_at_risk(np.array(months) * DAYS_PER_MONTH))


def _bars(many) -> tuple[Series, ...]:
    """How many of the repeated trials found which hazard ratio: all, and two kinds of them."""
    found = np.clip(np.nan_to_num(many.hazard_ratio, nan=1.0), BARS[0], BARS[-1])
    kinds = (
        ("all trials", np.full(found.size, True), "control", "solid"),
        ("significant", many.significant, "drug", "solid"),
        ("stopped early", many.stopped, "drug", "dot"),
    )
    return tuple(
        Series(
            label,
            2,
            BARS,
            np.append(np.histogram(found[which], BARS)[0], 0) * 100 / found.size,
            actor,
            dash=dash,
            steps=True,
            label=label != "stopped early",  # all three end at the same point
        )
        for label, which, actor, dash in kinds
    )


def _judged(ratio) -> str:
    """The ratio, its interval, and what they say."""
    if not math.isfinite(ratio.high):
        return f"{ratio.hazard_ratio:.2f}, without an interval"
    said = f"{ratio.hazard_ratio:.2f} (95 % interval {limit(ratio.low)} to {limit(ratio.high)})"
    if ratio.low <= 1 <= ratio.high:
        return f"{said}, which includes 1"
    return f"{said}, a benefit" if ratio.high < 1 else f"{said}, harm"


def _sentence(found: Found, settings) -> str:
    _, events = found.result.endpoint(settings["endpoint"])
    many, cps, size = found.many, settings["cps_from"], settings["patients"]
    who = f"with CPS {cps:.0f} or more" if cps else "with any CPS"
    ended = f"were watched for {settings['follow_up']:.0f} months"
    if found.stopped is not None:
        ended = f"were in the trial until the early look stopped it on day {found.stopped:.0f}"
    shows = found.shows()
    middle = "" if math.isnan(shows) else f"; typically, those for the drug find {shows:.2f}"
    needed, patients = found.needed()
    asks = (
        f"For {TARGET:.0f} % the formula asks for {math.ceil(needed):,} events, here about "
        f"{math.ceil(patients):,} patients."
        if patients < MOST_NEEDED
        else f"No size that could be enrolled would reach {TARGET:.0f} %."
    )
    doubt = ""
    if found.stopped is not None and found.ratio.low <= 1 <= found.ratio.high:
        doubt = " (The look judges by other counts and another test than the interval.)"
    said = (
        f"{events.size:,} patients {who} {ended}; {int(events.sum()):,} "
        f"{CAME[settings['endpoint']]}. Hazard ratio {_judged(found.ratio)}.{doubt} "
        f"In truth, in this model, it is {found.asked.truth:.2f}. To enrol {size:,.0f}, about "
        f"{found.screened(size):,.0f} must be screened. Of {TRIALS} such trials "
        f"{100 * many.power():.0f} % are significant{middle}. {asks}"
    )
    if settings["look"] == "none":
        return said
    early = f"{said} The early look stops {100 * many.stopped.mean():.0f} % of them"
    middle = found.reported()
    if math.isnan(middle):
        return f"{early}."
    return f"{early}. Typically, those in favour of the drug report {middle:.2f}."


def _explanation() -> str:
    """Compare the trials that stop early with the truth."""
    found = run({**SPEC.defaults, **EARLY})
    return (
        f"With {EARLY['patients']} patients of CPS {EARLY['cps_from']} or more, the true hazard "
        f"ratio is {found.asked.truth:.2f}. The look stops {100 * found.many.stopped.mean():.0f} % "
        "of the trials. Typically, those in favour of the drug report "
        f"{found.reported():.2f}. Halfway, chance still moves the result a lot. The trials that "
        "cross the line are those in which chance helped the drug."
    )


def _afterword() -> str:
    """What two looks do if there is nothing to find."""
    both = evidence.get("trial_design.false_alarms_two_looks").value
    return (
        "Now press “No effect, two looks”. There is nothing to find, and yet some trials are "
        f"significant. In theory it is {both:g} % with two looks at p < 0.05, and 5 % with one. "
        "O'Brien and Fleming's rule asks for more at the first look, and keeps the 5 %."
    )


def _reached(settings, shown: View) -> bool:
    """The drug as it opened, an honest look or none, power, and not too many to screen."""
    same = all(
        settings[name] == SPEC.defaults[name] for name in ("drug", "hazard_ratio", "works_from")
    )
    power, share = shown.readings[4].shown, shown.readings[5].value / 100
    few = settings["patients"] / share <= 1000
    return same and few and settings["look"] != "every_look_05" and power >= TARGET


EARLY = {"cps_from": 10, "patients": 160, "look": "every_look_05"}
NOTHING = {"hazard_ratio": 1, "look": "every_look_05", "endpoint": "survival"}
LATE = {"cps_from": 10, "endpoint": "survival", "patients": 1000, "follow_up": 42}

SPEC = LabSpec(
    name="virtual_trial",
    title="Design a trial",
    lead="You design the trial, and chance runs it. The control arm receives chemotherapy, the "
    "other arm a drug as well. Here, and only here, you also see the truth.",
    controls=(
        Control("cps_from", "Enrol patients with PD-L1 of at least", "trial_design.cps_from", 1),
        Control("patients", "Patients in the trial", "trial_design.patients", 20),
        Control("follow_up", "Watch everybody for", "trial_design.follow_up", 6),
        Choice(
            "look",
            "Look at half of the events",
            (
                ("none", "No: only at the end"),
                ("every_look_05", "Yes: stop if p < 0.05"),
                ("obrien_fleming", "Yes: O'Brien and Fleming's rule"),
            ),
            "none",
        ),
        Choice(
            "drug",
            "Drug, added to chemotherapy",
            (
                ("hypothetical", "A hypothetical drug"),
                ("combination", "Pembrolizumab (KEYNOTE-355)"),
            ),
            "hypothetical",
            stage=2,
        ),
        Control(
            "hazard_ratio",
            "Hypothetical drug: true hazard ratio",
            "trial_design.hazard_ratio",
            0.05,
            2,
            stage=2,
        ),
        Control(
            "works_from",
            "Hypothetical drug: it works from PD-L1 of",
            "trial_design.works_from",
            1,
            stage=2,
        ),
        Control(
            "crossover",
            "Control patients who get the drug after progression",
            "trial_design.crossover",
            10,
            stage=2,
        ),
        Choice(
            "endpoint",
            "Count",
            (("pfs", "Progression or death"), ("survival", "Death")),
            "pfs",
            stage=2,
        ),
        Control("repetition", "Repetition (other patients)", "trial_design.repetition", 1, stage=2),
    ),
    panels=(
        Panel("Patients without the event", "%", (0, 105)),
        Panel(
            "Patients at risk",
            "",
            (-0.7, 1.7),
            ticks=((1, " drug"), (0, " control")),
            height=0.35,
        ),
        Panel(
            f"{TRIALS} trials (| truth; dotted: stopped)",
            "% of trials",
            (0, 100),
            x_title="Hazard ratio found",
            x_range=(0.2, 1.8),
            height=0.8,
        ),
        Panel(
            "Power: how often it is significant",
            "%",
            (0, 105),
            x_title="Patients in the trial",
            x_range=(0, 1000),
            height=0.8,
        ),
    ),
    x_title="Months since the first dose",
    x_range=(0, MONTHS),
    view=view,
    presets=(
        Preset("Everybody", {}),
        Preset("The right cut-off", {"cps_from": 10}),
        Preset("A cut-off too high", {"cps_from": 25}),
        Preset("An early look", EARLY),
        Preset("No effect, two looks", NOTHING),
        Preset("Death, nobody crosses over", LATE),
        Preset("Death, all cross over", {**LATE, "crossover": 100}),
        Preset("Pembrolizumab", {"drug": "combination", "cps_from": 10}),
    ),
    goal=Goal(
        text=f"Find the hypothetical drug's effect with a power of at least {TARGET:.0f} %, and "
        "screen at most 1,000 patients. Leave the drug as it is, and keep false alarms at 5 %.",
        reached=_reached,
        praise="You enrolled those in whom the drug works. The price: you learn nothing about the "
        "others. And in a real trial nobody shows you the right cut-off.",
        solutions=(
            {"cps_from": 10, "patients": 340},
            {"cps_from": 12, "patients": 320, "follow_up": 42},
            {"cps_from": 10, "patients": 360, "look": "obrien_fleming"},
        ),
    ),
    prediction=Prediction(
        predict=Question(
            "Somebody looks at the data when half of the events have come, and stops the trial "
            "if p < 0.05. How large does the effect look in the trials that stop there?",
            (
                ("smaller", "Smaller than it is."),
                ("true", "As large as it is."),
                ("larger", "Larger than it is."),
            ),
        ),
        why=Question(
            "Why?",
            (
                ("half", "Half of the events show half of the effect."),
                ("even", "Chance goes both ways, so it evens out."),
                ("lucky", "A trial stops when chance has helped the drug."),
            ),
        ),
        tried=lambda settings: settings["look"] != "none",
        observe=Question(
            "Press “An early look”. Compare what the stopped trials report with the truth.",
            (
                ("nearer", "They report a hazard ratio nearer to 1 than the truth."),
                ("same", "They report the truth."),
                ("further", "They report a hazard ratio further from 1 than the truth."),
            ),
        ),
        right="larger",
        explanation=_explanation,
        replies={
            "further": "That is what you saw: the stopped trials lie left of the truth.",
            "same": "Look once more at the third plot. Do the stopped trials lie left or right of "
            "the truth?",
            "nearer": "Look once more at the third plot. A smaller hazard ratio is further from "
            "1, and says that the effect is larger.",
        },
        reasons={
            "half": "The hazard ratio compares the two arms at each moment. It needs no end.",
            "even": "It evens out over all trials. Those that stop are not all trials.",
        },
        afterword=_afterword,
    ),
)


def lab(**settings: float | str) -> TrialLab:
    """Open the lab, at other settings if you name them: ``lab(cps_from=10, patients=600)``.

    Raises ValueError, saying what is allowed, for an unknown name or a value outside
    its slider's range.
    """
    return TrialLab(SPEC, lambda result, now: shown(beside(result, now), now), **settings)
