"""The second lab of lesson 03: a randomised trial of virtual patients, and what chance does."""

from __future__ import annotations

import math

import numpy as np

from course_lib.labs.frame import Lab
from course_lib.labs.spec import Control, Goal, LabSpec, Prediction, Preset, Question
from course_lib.labs.view import Panel, Reading, Series, Table, Texts, View
from course_lib.labs.words import described, limit
from course_lib.models import survival
from course_lib.models.checkpoint_inhibitors import Pembrolizumab
from course_lib.models.chemotherapy import Chemotherapy
from course_lib.models.cohort import Cohort
from course_lib.models.virtual_trial import DAYS_PER_MONTH, Outcome, Trial, run

MONTHS = 42
#: Where the curves are drawn: every week, so that each scan is met.
WEEKS = np.arange(0, MONTHS * DAYS_PER_MONTH, 7.0)
#: Repetition 1 has some bad luck in everybody, and none in CPS 10 or more.
FIRST_SEED = 1401
#: Where patients at risk are written into the plot, and the rows of the table, months.
COUNTED = (0, 12, 24, 36)
TABLE_MONTHS = tuple(range(0, MONTHS + 1, 6))
ENDPOINTS = (("pfs", "Progression-free"), ("survival", "Alive"))
ARMS = ((True, "pembrolizumab", "drug"), (False, "control", "control"))


def trial(cps_from, infiltration, repetition) -> Trial:
    """Return the design of this lab: chemotherapy with and without pembrolizumab."""
    return Trial(
        experimental=[Pembrolizumab(), Chemotherapy()],
        control=[Chemotherapy()],
        cohort=Cohort(cps_from=cps_from, infiltration=infiltration),
        seed=FIRST_SEED - 1 + int(repetition),
    )


def view(cps_from: float, patients: float, infiltration: float, repetition: float) -> View:
    """Return what the lab shows at one setting; units as on the sliders."""
    outcome = run(trial(cps_from, infiltration, repetition), int(patients))
    curves = {
        (name, arm): _curve(outcome, name, arm) for name, _ in ENDPOINTS for arm, _, _ in ARMS
    }
    ratios = {
        name: survival.cox(*outcome.endpoint(name), outcome.experimental) for name, _ in ENDPOINTS
    }
    months = WEEKS / DAYS_PER_MONTH
    series = tuple(
        Series(label, panel, months, 100 * _drawn(curves[name, arm]), actor, steps=True)
        for panel, (name, _) in enumerate(ENDPOINTS)
        for arm, label, actor in ARMS
    )
    at_risk = tuple(
        Texts(
            f"at risk, {label}",
            2,
            np.array(COUNTED, dtype=float),
            np.full(len(COUNTED), float(row)),
            tuple(str(n) for n in _at_risk(curves["pfs", arm], COUNTED)),
        )
        for row, (arm, label, _) in enumerate(reversed(ARMS))
    )
    readings = tuple(
        reading
        for name, label in (("pfs", "progression or death"), ("survival", "death"))
        for reading in (
            Reading(f"Hazard ratio for {label}", ratios[name].hazard_ratio, "", 2),
            Reading(f"Upper limit for {label}", ratios[name].high, "", 2),
        )
    )
    columns = {"Month": map(str, TABLE_MONTHS)}
    days = np.array(TABLE_MONTHS) * DAYS_PER_MONTH
    for name, label in ENDPOINTS:
        for arm, words, _ in ARMS:
            columns[f"{label}, {words}, %"] = 100 * curves[name, arm].at(days)
    for arm, words, _ in ARMS:
        columns[f"At risk of progression, {words}"] = _at_risk(curves["pfs", arm], TABLE_MONTHS)
    return View(
        series=series,
        texts=at_risk,
        sentence=_sentence(cps_from, outcome, curves, ratios),
        alt=described(SPEC, series, at_risk),
        readings=readings,
        table=Table.of("Patients every six months", columns, ".0f"),
    )


def _curve(outcome: Outcome, name: str, arm: bool) -> survival.KaplanMeier:
    times, events = outcome.endpoint(name)
    own = outcome.experimental == arm
    return survival.kaplan_meier(times[own], events[own])


def _drawn(curve: survival.KaplanMeier) -> np.ndarray:
    """The curve on the days drawn; nothing after the last patient has left."""
    return np.where(curve.follow_up[-1] >= WEEKS, curve.at(WEEKS), np.nan)


def _at_risk(curve: survival.KaplanMeier, months: tuple[int, ...]) -> np.ndarray:
    return curve.number_at_risk(np.array(months) * DAYS_PER_MONTH)


def _median(curve: survival.KaplanMeier) -> str:
    days = curve.median()
    return f"{days / DAYS_PER_MONTH:.1f} months" if math.isfinite(days) else "not reached"


def _interval(ratio) -> str:
    low, high = (limit(each) for each in (ratio.low, ratio.high))
    return f"{ratio.hazard_ratio:.2f} (95 % interval {low} to {high})"


def _judged(ratio) -> str:
    """The ratio, its interval, and what they say."""
    if ratio.low <= 1 <= ratio.high:
        verdict = "the interval includes 1, so this trial alone does not show a difference."
    else:
        verdict = "below 1, a benefit." if ratio.high < 1 else "above 1, harm."
    return f"{_interval(ratio)}: {verdict}"


def _sentence(cps_from, outcome, curves, ratios) -> str:
    who = f"with CPS {cps_from:.0f} or more" if cps_from > 0 else "with any CPS"
    treated = int(outcome.experimental.sum())
    total = outcome.experimental.size
    return (
        f"{total:,} patients {who}: {treated} received pembrolizumab with chemotherapy and "
        f"{total - treated} chemotherapy alone. Median time to progression or death: "
        f"{_median(curves['pfs', True])} against {_median(curves['pfs', False])}. "
        f"Hazard ratio for progression or death {_judged(ratios['pfs'])} "
        f"For death {_judged(ratios['survival'])}"
    )


def _explanation() -> str:
    """Compare the trial in everybody with the trial in CPS 10 or more."""
    many = {**SPEC.defaults, "patients": 1000}
    everybody, selected = view(**many), view(**{**many, "cps_from": 10.0})
    return (
        "With 1,000 patients, where chance matters less, the hazard ratio for progression or "
        f"death is {everybody.readings[0]} in everybody, and {selected.readings[0]} in patients "
        "with CPS 10 or more. In this model PD-L1 is the brake that the drug releases. Patients "
        "with little of it gain little, and they dilute the effect."
    )


def _upper(view: View) -> float:
    """The upper end of the interval for progression or death."""
    return view.readings[1].value


SPEC = LabSpec(
    name="two_arms",
    title="Two arms, one question",
    lead="You run the trial. A virtual patient gets pembrolizumab with chemotherapy, or "
    "chemotherapy alone: the control. Chance decides for each patient.",
    controls=(
        Control("cps_from", "Enrol patients with PD-L1 of at least", "cohort.cps_from", 1),
        Control("patients", "Patients in the trial", "two_arms.patients", step=10),
        Control("repetition", "Repetition (other patients)", "two_arms.repetition", step=1),
        Control(
            "infiltration",
            "T cells in the typical tumour",
            "patient.t_cell_infiltration",
            0.1,
            1,
            stage=2,
        ),
    ),
    panels=(
        Panel("Without progression", "%", (0, 105)),
        Panel("Alive", "%", (0, 105)),
        Panel.two_rows("Patients at risk of progression", "pembrolizumab", "control"),
    ),
    x_title="Months since the first dose",
    x_range=(0, MONTHS),
    view=view,
    presets=(
        Preset("Everybody", {"cps_from": 0}),
        Preset("CPS 1 or more", {"cps_from": 1}),
        Preset("CPS 10 or more", {"cps_from": 10}),
        Preset("CPS 20 or more", {"cps_from": 20}),
        Preset("1,000 patients", {"patients": 1000}),
    ),
    goal=Goal(
        text="Show a benefit with 120 patients or fewer: the whole 95 % interval for progression "
        "or death below 1, in three repetitions (1, 2 and 3).",
        reached=lambda settings, view: (
            settings["patients"] <= 120
            and all(_upper(_repeated(settings, repetition)) < 1 for repetition in (1, 2, 3))
        ),
        praise="Choosing the patients made up for their number. The price: you now know nothing "
        "about all the others. And you chose the design after you had seen results: in a real "
        "trial it must be fixed before.",
        solutions=(
            {"cps_from": 30, "patients": 120},
            {"cps_from": 10, "patients": 120, "infiltration": 3},
        ),
    ),
    prediction=Prediction(
        predict=Question(
            "The lab opens with 300 patients of any CPS. If you enrol only patients with CPS 10 "
            "or more, what happens to the effect of pembrolizumab?",
            (
                ("weaker", "It gets weaker: fewer patients can benefit."),
                ("same", "It stays the same: the drug is the same."),
                ("stronger", "It gets stronger: the hazard ratio falls."),
            ),
        ),
        why=Question(
            "Why?",
            (
                ("fewer", "A drug that works in fewer patients works less."),
                ("drug", "PD-L1 says how ill a patient is, not how the drug acts."),
                ("brake", "Patients with more PD-L1 have more brake to release."),
            ),
        ),
        tried=lambda settings: settings["cps_from"] >= 10,
        observe=Question(
            "Compare “Everybody” with “CPS 10 or more”. What did the two curves do?",
            (
                ("apart", "They moved further apart."),
                ("same", "They stayed as far apart as they were."),
                ("together", "They moved closer together."),
            ),
        ),
        right="stronger",
        explanation=_explanation,
        replies={
            "apart": "That is what you saw: the gap between the curves widened.",
            "same": "Compare the two hazard ratios once more: press “Everybody”, then "
            "“CPS 10 or more”, and read the line below the plot.",
            "together": "Compare the two hazard ratios once more: press “Everybody”, then "
            "“CPS 10 or more”, and read the line below the plot.",
        },
        afterword=lambda: (
            "Now move “Repetition”. The design stays, the patients are others: what changes is "
            "chance."
        ),
    ),
    continuous=False,
)


def _repeated(settings: dict[str, float], repetition: int) -> View:
    return view(**{**settings, "repetition": repetition})


def lab(**settings: float) -> Lab:
    """Open the lab, at other settings if you name them: ``lab(cps_from=10, patients=600)``.

    Raises ValueError, saying what is allowed, for an unknown name or a value outside
    its slider's range.
    """
    return Lab(SPEC, **settings)
