"""A living tissue: T cells meet a hot, an excluded or a cold tumour, step by step.

``tissue_frame`` plays it, ``tissue_drawing`` draws it and says what is seen.
"""

from __future__ import annotations

from course_lib.labs.spec import (
    Control,
    Goal,
    LabSpec,
    Panel,
    Prediction,
    Preset,
    Question,
    Settings,
)
from course_lib.labs.tissue_drawing import Run
from course_lib.labs.tissue_frame import TissueLab
from course_lib.labs.view import View
from course_lib.tables import Table

WITHIN = 400  # steps of the goal
ANTIBODY = 0.95  # share of PD-1 that the presets block
HOT = {"arrival": 8.0, "exclusion": 0.0}
EXCLUDED = {"arrival": 8.0, "exclusion": 0.85}
COLD = {"arrival": 0.4, "exclusion": 0.0}


def view(seed: int = 1, steps: int = 100, **settings: float) -> View:
    """Return what is seen after ``steps`` steps of a new tissue."""
    run = Run(seed, **settings)
    for _ in range(steps):
        run.step()
    return run.view()


def _reached(settings: Settings, seen: View) -> bool:
    tumour = seen.series[0]
    return bool((tumour.y[tumour.x <= WITHIN] < tumour.y[0] / 2).any())


SPEC = LabSpec(
    name="tissue",
    title="A living tissue: hot, excluded and cold",
    lead="Press Play and watch T cells meet a tumour. Inflow, stroma and PD-L1 start a new "
    "tissue; the antibody acts at once in the one you see.",
    controls=(
        Control("arrival", "T cells that arrive", "tissue.arrival", 0.2, 1),
        Control("exclusion", "Dense stroma around the tumour", "tissue.exclusion", 0.05, 2),
        Control("induction", "PD-L1 that interferon switches on", "tissue.induction", 0.05, 2),
        Control("blocked", "PD-1 blocked by an antibody", "tissue.blocked", 0.05, 2),
    ),
    panels=(
        Panel("Tumour cells", "cells", (0, 16000)),
        Panel("T cells", "cells", (0, 3000)),
    ),
    x_title="Step",
    x_range=(0, 400),
    view=view,
    presets=(
        Preset("Hot", HOT),
        Preset("Hot + antibody", HOT | {"blocked": ANTIBODY}),
        Preset("Excluded", EXCLUDED),
        Preset("Excluded + antibody", EXCLUDED | {"blocked": ANTIBODY}),
        Preset("Cold", COLD),
        Preset("Cold + antibody", COLD | {"blocked": ANTIBODY}),
    ),
    goal=Goal(
        f"Bring the tumour below half of its first size within {WITHIN} steps.",
        _reached,
        "T cells have to be there, get near, and keep working.",
        (
            {"blocked": ANTIBODY, "steps": WITHIN},
            {"induction": 0.0, "steps": WITHIN},
            {"arrival": 12.0, "exclusion": 0.4, "blocked": 1.0, "steps": WITHIN},
        ),
    ),
    prediction=Prediction(
        predict=Question(
            "A hot tumour is full of T cells. An excluded one has them outside, behind dense "
            "stroma. A cold one has few. Where does an antibody that blocks PD-1 change the "
            "tumour most?",
            (
                ("hot", "In the hot tumour."),
                ("excluded", "In the excluded tumour."),
                ("cold", "In the cold tumour."),
                ("alike", "In all three alike."),
            ),
        ),
        why=Question(
            "Why?",
            (
                ("releases", "It releases T cells that already touch the tumour."),
                ("brings", "It brings T cells into the tumour."),
                ("tumour", "It acts on the tumour cells themselves."),
            ),
        ),
        tried=lambda settings: (
            settings["exclusion"] >= 0.7
            and settings["blocked"] >= 0.5
            and settings["arrival"] >= 0.9 * EXCLUDED["arrival"]
        ),
        observe=Question(
            "The excluded tumour grew although PD-1 was blocked. What held the T cells back?",
            (
                ("pd_l1", "PD-L1 on the tumour cells."),
                ("stroma", "The stroma: few of them touched the tumour."),
                ("few", "There were too few T cells in the tissue."),
            ),
        ),
        right="hot",
        explanation=lambda: (
            "Blocking PD-1 releases T cells that already touch the tumour. In the hot tumour there "
            "are hundreds, and their interferon has switched PD-L1 on. In the cold tumour there "
            "are few T cells to release. In the excluded tumour they cannot get near."
        ),
        replies={
            "stroma": "That is what you saw: few T cells touched the tumour, with or without the "
            "antibody.",
            "pd_l1": "PD-L1 brakes only T cells that touch a tumour cell, and few did. The "
            "antibody took that brake away, and little changed.",
            "few": "The tissue held over a thousand T cells, as many as around the hot tumour. "
            "They stood outside.",
        },
        reasons={
            "brings": "You expected that the antibody brings T cells in. It does not: it adds none."
        },
    ),
    continuous=False,
)


def compare(steps: int = WITHIN, seed: int = 1) -> Table:
    """Run the three tumours with and without the antibody, and put them side by side."""
    rows = []
    for preset in SPEC.presets:
        seen = view(seed, steps, **SPEC.defaults | preset.settings)
        value = {reading.label: reading.value for reading in seen.readings}
        cells = (
            preset.name,
            f"{value['Tumour cells at the start']:,.0f}",
            f"{value['Tumour cells']:,.0f}",
            f"{value['Tumour cells with PD-L1']:.0f} in 100",
            f"{value['T cells']:,.0f}",
            f"{value['T cells that touch the tumour']:,.0f}",
        )
        rows.append(tuple((cell,) for cell in cells))
    return Table(
        f"Three tumours after {steps} steps, with and without an antibody against PD-1.",
        ("Tumour", "Cells at the start", "Cells now", "with PD-L1", "T cells", "touching it"),
        tuple(rows),
    )


def lab(seed: int = 1, steps: int = 0, **settings: float) -> TissueLab:
    """Open the living tissue, for example ``lab(exclusion=0.85, blocked=1)``.

    ``seed`` is a whole number, another for another tissue; ``steps``, at most 2000, are done
    before it opens.

    Raises ValueError or TypeError, saying what is allowed, for a setting that does not exist or
    a value outside its range.
    """
    return TissueLab(SPEC, seed, steps, **settings)
