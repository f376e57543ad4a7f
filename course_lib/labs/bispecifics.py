"""The last lab of lesson 04: the bell curve of a bispecific antibody."""

from __future__ import annotations

import numpy as np

from course_lib import evidence
from course_lib.labs.frame import Lab
from course_lib.labs.spec import Control, Goal, LabSpec, Prediction, Preset, Question
from course_lib.labs.view import Panel, Reading, Series, Table, View, point
from course_lib.labs.words import described, nanomolar
from course_lib.models.bispecifics import best, ternary

DOSES = evidence.get("bispecifics.antibody")
CONCENTRATIONS = np.geomspace(DOSES.low, DOSES.high, 129)  # 16 a decade
#: Rows of the table: every decade.
ROWS = slice(None, None, 16)
#: The goal, percent: bridges at least, distance from the best concentration at most.
ENOUGH = evidence.get("bispecifics.goal_bridges").value
NEAR = evidence.get("bispecifics.goal_distance").value


def view(
    antibody: float,
    target: float,
    effector: float,
    kd_target: float,
    kd_effector: float,
    cooperativity: float,
) -> View:
    """Return what the lab shows at one setting; units as on the sliders.

    Bridges are counted in percent of those that could form: one for each of the scarcer partner.
    """
    constants = kd_target, kd_effector, cooperativity
    most = min(target, effector)
    top = best(target, effector, *constants)
    # The last concentration is the one that is set.
    course = ternary(target, np.append(CONCENTRATIONS, antibody), effector, *constants)
    bridges = 100 * course.bridges / most
    apart = 100 * course.on_target / target, 100 * course.on_effector / effector
    series = (
        Series("bridges", 0, CONCENTRATIONS, bridges[:-1], "drug"),
        point("most", 0, top.antibody, 100 * top.bridges / most, "drug", "diamond"),
        point("your setting", 0, antibody, bridges[-1], "control", "circle"),
        Series("target", 1, CONCENTRATIONS, apart[0][:-1], "tumour"),
        Series("receptor", 1, CONCENTRATIONS, apart[1][:-1], "t_cell", dash="dash"),
    )
    readings = (
        Reading("Bridges, of 100 that could form", float(bridges[-1]), "", 1),
        Reading("Best antibody concentration", float(top.antibody), "nM", 2),
        Reading("Bridges there, of 100", 100 * float(top.bridges) / most, "", 1),
        Reading("Your concentration, compared with the best", antibody / top.antibody, "times", 2),
        Reading("Target that carries an antibody without a bridge", float(apart[0][-1]), "%", 0),
        Reading("Receptor that carries an antibody without a bridge", float(apart[1][-1]), "%", 0),
    )
    columns = {
        "Antibody": map(nanomolar, CONCENTRATIONS[ROWS]),
        "Bridges, of 100 that could form": bridges[ROWS],
        "Target with antibody, no bridge, %": apart[0][ROWS],
        "Receptor with antibody, no bridge, %": apart[1][ROWS],
    }
    return View(
        series=series,
        sentence=_sentence(antibody, top.antibody, *(r.value for r in (readings[0], readings[2]))),
        alt=described(SPEC, series),
        readings=readings,
        table=Table.of("The plotted values in every decade", columns),
    )


def _count(bridges: float) -> str:
    return f"{bridges:.1f}" if bridges >= 1 else "fewer than 1"


def _sentence(antibody: float, top: float, bridges: float, most: float) -> str:
    text = (
        f"With {nanomolar(antibody)} of antibody, {_count(bridges)} of 100 possible bridges form. "
        f"The best concentration is {nanomolar(top)}: it builds {_count(most)}. "
    )
    if abs(antibody / top - 1) <= NEAR / 100:
        return text + f"You are within {NEAR} % of it."
    if antibody < top:
        return text + "You are below it: more antibody builds more bridges."
    return text + "You are above it: more antibody builds fewer bridges."


def _explanation() -> str:
    """Say what ten times the best concentration builds."""
    at_best = {**SPEC.defaults, "antibody": SPEC.at().readings[1].value}
    once, ten = view(**at_best), view(**{**at_best, "antibody": 10 * at_best["antibody"]})
    return (
        f"At {once.readings[1]} the antibody builds {once.readings[0]} of 100 possible bridges, at "
        f"ten times as much {ten.readings[0]}. There, {ten.readings[4]} of the target and "
        f"{ten.readings[5]} of the T cell's receptor carry an antibody of their own. Two partners "
        "that are both taken cannot share one. This is called the hook effect."
    )


def _reached(settings, shown: View) -> bool:
    return abs(shown.readings[3].value - 1) <= NEAR / 100 and shown.readings[0].shown >= ENOUGH


AXIS = {"x_title": "Antibody, nM", "x_range": (DOSES.low, DOSES.high), "x_log": True}

SPEC = LabSpec(
    name="bispecifics",
    title="The bell curve of a bispecific antibody",
    lead="One arm binds a target on tumour cells, the other a receptor on T cells. Only an "
    "antibody that holds both is a bridge.",
    controls=(
        Control("antibody", "Antibody", "bispecifics.antibody", 0.05, log=True),
        Control("target", "Target on tumour cells", "bispecifics.target", 0.05, log=True),
        Control("effector", "Receptor on T cells", "bispecifics.effector", 0.05, log=True),
        Control(
            "kd_target", "Grip on the target, Kd", "bispecifics.kd_target", 0.05, stage=2, log=True
        ),
        Control(
            "kd_effector",
            "Grip on the receptor, Kd",
            "bispecifics.kd_effector",
            0.05,
            stage=2,
            log=True,
        ),
        Control(
            "cooperativity",
            "Cooperativity (one bond helps the other)",
            "bispecifics.cooperativity",
            0.05,
            stage=2,
            log=True,
        ),
    ),
    panels=(
        Panel("Bridges (● your setting, ◆ most)", "of 100 possible", (0, 105), **AXIS),
        Panel("Held by antibodies of their own", "%", (0, 105), **AXIS),
    ),
    x_title="Antibody, nM",
    x_range=(DOSES.low, DOSES.high),
    view=view,
    blind=True,
    presets=(
        Preset("Too little", {"antibody": 0.1}),
        Preset("Just right", {"antibody": 13}),
        Preset("Ten times too much", {"antibody": 130}),
        Preset("Ten times the target", {"target": 100, "antibody": 13}),
        Preset("Weak grip on the T cell", {"kd_effector": 320, "antibody": 13}),
        Preset("One bond helps the other", {"cooperativity": 20, "antibody": 13}),
    ),
    goal=Goal(
        text=f"Build at least {ENOUGH} of 100 possible bridges, and stand within {NEAR} % of the "
        "best concentration.",
        reached=_reached,
        praise="The best dose is not the highest one. Where it lies depends on the partners.",
        solutions=(
            {"cooperativity": 20, "antibody": 13},
            {"target": 100, "antibody": 79},
            {"kd_effector": 0.5, "antibody": 11},
        ),
    ),
    prediction=Prediction(
        predict=Question(
            "The sentence names the best concentration, and a diamond marks it. You give ten times "
            "as much antibody as that. What happens to the bridges?",
            (
                ("more", "More of them form."),
                ("same", "As many form: all places are taken."),
                ("fewer", "Fewer of them form."),
            ),
        ),
        why=Question(
            "Why?",
            (
                ("supply", "Each antibody is one more possible bridge."),
                ("full", "Bound antibodies stay where they are."),
                ("own", "Each partner finds an antibody of its own."),
            ),
        ),
        tried=lambda settings: view(**settings).readings[3].value >= 9,
        observe=Question(
            "Move the antibody from the best concentration to ten times as much. What did the "
            "bridges do?",
            (
                ("rose", "They rose."),
                ("stayed", "They stayed as they were."),
                ("fell", "They fell."),
            ),
        ),
        right="fewer",
        explanation=_explanation,
        replies={
            "rose": "You saw the bridges rise. Read the sentence once more: above the best "
            "concentration, right of the diamond, they fall.",
            "stayed": "You saw them stay. The plot below the curve is the one that levels off.",
            "fell": "That is what you saw. Both sides must bind the same antibody.",
        },
    ),
)


def lab(**settings: float) -> Lab:
    """Open the lab, at other settings if you name them: ``lab(antibody=100, target=50)``.

    Raises ValueError, saying what is allowed, for an unknown name or a value outside
    its slider's range.
    """
    return Lab(SPEC, **settings)
