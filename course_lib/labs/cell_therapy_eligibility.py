"""The second lab of lesson 06: who can be treated with CAR-T, TCR-T or TIL."""

from __future__ import annotations

import numpy as np

from course_lib import evidence
from course_lib.labs.frame import Lab
from course_lib.labs.spec import Choice, Control, Goal, LabSpec, Prediction, Preset, Question
from course_lib.labs.view import Panel, Reading, Series, Table, Texts, View, point
from course_lib.labs.words import described
from course_lib.models.cell_therapy_eligibility import car, carriers, interval, remaining, tcr, til

PATIENTS = int(evidence.get("eligibility.patients").value)
GOAL = evidence.get("eligibility.goal").value
#: Groups of donors, named as their registry names them.
GROUPS = {
    "african_american": "African American",
    "asian": "Asian",
    "caucasian": "Caucasian",
    "hispanic": "Hispanic",
}
OPENING = "caucasian"
ALLELES = {
    "a02": ("A*02", ("a02",)),
    "a01": ("A*01", ("a01",)),
    "both": ("A*02 or A*01", ("a02", "a01")),
}
STEPS = ("all", "HLA type", "target or reactive clone", "made, or strong enough", "still fit")
PASSED = np.arange(float(len(STEPS)))
#: The lines of CAR-T, TCR-T and TIL, and how their names show them.
DASHES = (("dashdot", "–·–"), ("solid", "——"), ("dash", "– –"))
#: Names of lines stand so many patients apart, and above the axis.
GAP, MARGIN = 100, 30
FREQUENCIES = np.linspace(0, 1, 101)
#: The trial of TIL, from screening to responses: one entry of the registry each.
TRIAL = tuple(
    int(evidence.get(f"til_breast.{each}").value)
    for each in ("screened", "reactive", "robust", "eligible", "treated", "responses")
)


def view(
    group: str,
    alleles: str,
    tcr_antigen: float,
    surface_antigen: float,
    reactive: float,
    robust: float,
    product: float,
    fit: float,
) -> View:
    """Return what the lab shows at one setting; shares in percent."""
    frequencies = _frequencies(group, alleles)
    together, share = sum(frequencies), carriers(frequencies)
    product, fit = product / 100, fit / 100
    left = {
        "CAR-T": remaining(PATIENTS, car(surface_antigen / 100, product, fit)),
        "TCR-T": remaining(PATIENTS, tcr(frequencies, tcr_antigen / 100, product, fit)),
        "TIL": remaining(PATIENTS, til(reactive / 100, robust / 100, fit)),
    }
    lines = (
        Series(name, 0, PASSED, each, "t_cell", dash, label=False)
        for (name, each), (dash, _) in zip(left.items(), DASHES, strict=True)
    )
    screened = np.array([TRIAL[0], *TRIAL[:4]]) * PATIENTS / TRIAL[0]
    everyone = np.array([100 * carriers(each) for each in FREQUENCIES])
    series = (
        *lines,
        point("TIL in the trial", 0, PASSED, screened, "control", "circle-open", moves=False),
        Series("carriers", 1, FREQUENCIES, everyone, "t_cell", label=False, moves=False),
        point("your choice", 1, together, 100 * share, "control", "circle"),
    )
    ends = {name: float(each[-1]) for name, each in left.items()}
    readings = (
        Reading("Carriers of the HLA type", 100 * share, "%", 1),
        *(
            Reading(f"{name}: can be treated, of {PATIENTS:,}", end, "patients", 0)
            for name, end in ends.items()
        ),
        Reading("Without the HLA type", PATIENTS * (1 - share), "patients", 0),
        Reading(
            "Without a strong enough response", PATIENTS - float(left["TIL"][3]), "patients", 0
        ),
    )
    sentence = (
        f"{100 * share:.0f} of 100 people in this group carry {ALLELES[alleles][0]}. Of "
        f"{PATIENTS:,} patients, {ends['CAR-T']:,.0f} can be treated with CAR-T cells, "
        f"{ends['TCR-T']:,.0f} with TCR-T cells and {ends['TIL']:,.0f} with TIL."
    )
    columns = {"Patients left": STEPS} | {
        name: (f"{each:,.0f}" for each in numbers) for name, numbers in left.items()
    }
    columns["TIL in the trial"] = [f"{each:,.0f}" for each in screened]
    return View(
        series=series,
        texts=(_names(left),),
        sentence=sentence,
        alt=described(SPEC, series),
        readings=readings,
        table=Table.of(f"Of {PATIENTS:,} patients, left after each step", columns),
    )


def _names(left: dict[str, np.ndarray]) -> Texts:
    """Return the names of the lines, with their dashes, in their order beside their ends."""
    ends = np.array([each[-1] for each in left.values()])
    order, apart = ends.argsort(kind="stable"), GAP * np.arange(len(ends))
    y = np.maximum.accumulate(ends[order] - apart) + apart
    y -= min((y - ends[order]).mean(), y[0] - MARGIN)
    names = tuple(f"{name} {dash}" for name, (_, dash) in zip(left, DASHES, strict=True))
    # beside the last circle, not on it, however narrow the plot is
    return Texts("names", 0, np.full(len(left), 4.3), y[order.argsort()], names, "middle right")


def _frequencies(group: str, alleles: str) -> list[float]:
    keys = (f"hla_{each}.{group}" for each in ALLELES[alleles][1])
    return [float(evidence.get(key).value) for key in keys]


def _people(alleles: str) -> float:
    """Return carriers in percent in the group the lab opens with."""
    return 100 * carriers(_frequencies(OPENING, alleles))


def _explanation() -> str:
    one, other, both = (_people(each) for each in ALLELES)
    return (
        f"{one:.0f} of 100 people carry A*02, and {other:.0f} carry A*01. "
        f"{both:.0f} carry one or the other: {one + other - both:.0f} have both, and count once. "
        "A person has two copies of the gene. Whoever is left out has neither allele on either "
        f"copy: that is true of {100 - both:.0f}."
    )


def _afterword() -> str:
    _, reactive, robust, eligible, treated, responses = TRIAL
    bounds = interval(responses, treated)
    opening = SPEC.at()
    return (
        f"TIL need no fixed HLA type, yet few patients get them. In a trial of {TRIAL[0]} patients "
        f"with breast cancer, {reactive} had a reactive clone, {robust} a strong enough response. "
        f"{eligible} were still eligible. The product of these shares gives "
        f"{opening.readings[3].value:.0f} of {PATIENTS:,} in the lab. {treated} were treated, and "
        f"tumours shrank in {responses}: the true share may lie between {100 * bounds.low:.0f} and "
        f"{100 * bounds.high:.0f} %."
    )


def _share(name: str, label: str, key: str, stage: int = 2) -> Control:
    return Control(name, label, f"eligibility.{key}", 1, stage=stage)


SPEC = LabSpec(
    name="cell_therapy_eligibility",
    title="Who can be treated",
    lead="CAR-T cells need an antigen on the surface. TCR-T cells need an antigen and an HLA type. "
    "TIL need a reactive clone: one that responds to the tumour, and strongly enough.",
    controls=(
        Choice(
            "group",
            "US organ donors registered as",
            tuple(GROUPS.items()),
            OPENING,
        ),
        Choice(
            "alleles",
            "The TCR works with HLA",
            tuple((name, words) for name, (words, _) in ALLELES.items()),
            "a02",
        ),
        _share("tcr_antigen", "Tumours with the TCR's antigen", "tcr_antigen", 1),
        _share("surface_antigen", "Tumours with the CAR's antigen", "surface_antigen", 1),
        _share("reactive", "Patients with a reactive clone", "reactive_til"),
        _share("robust", "Reactive clones strong enough", "robust_til"),
        _share("product", "CAR and TCR products that succeed", "engineered_product"),
        _share("fit", "Still fit when the cells are ready", "fit"),
    ),
    panels=(
        Panel(
            "Patients left (○ TIL in the trial)",
            "of 1,000 patients",
            (0, 1050),
            x_title="HLA · target · made · fit, steps",
            x_range=(0, 4.95),  # with room for the names of the lines
        ),
        Panel(
            "Carriers (● your choice)",
            "%",
            (0, 105),
            x_title="Frequency of the alleles together",
            x_range=(0, 1),
        ),
    ),
    x_title="Steps passed",
    x_range=(0, PASSED[-1]),
    view=view,
    presets=(
        Preset("African American donors", {"group": "african_american"}),
        Preset("A second allele", {"alleles": "both"}),
        Preset("An antigen on every tumour", {"tcr_antigen": 100}),
        Preset("Every response strong enough", {"robust": 100}),
        Preset("Cells ready at once", {"fit": 100}),
    ),
    goal=Goal(
        text=f"Of {PATIENTS:,} patients with HLA types like those of African American donors, "
        f"treat {GOAL:.0f} or more with TCR-T cells.",
        reached=lambda settings, view: (
            settings["group"] == "african_american" and view.readings[2].shown >= GOAL
        ),
        praise="An allele that is common in one group can be rare in another. A list of several "
        "alleles reaches more people.",
        solutions=(
            {"group": "african_american", "alleles": "both", "tcr_antigen": 85},
            {"group": "african_american", "alleles": "both", "fit": 100},
            {"group": "african_american", "tcr_antigen": 80, "fit": 85},
        ),
    ),
    prediction=Prediction(
        predict=Question(
            "In the group the lab opens with, 50 of 100 people carry HLA-A*02 and 29 carry A*01. "
            "A second product works with A*01. How many of 100 carry one or the other?",
            (
                ("same", "50: the larger number decides."),
                ("fewer", "70: some carry both."),
                ("sum", "79: the two numbers add up."),
            ),
        ),
        why=Question(
            "Why?",
            (
                ("copies", "A person has two copies of the gene, so one can carry both alleles."),
                ("one", "A person carries only one of the two."),
                ("within", "Those with A*01 are among those with A*02."),
            ),
        ),
        tried=lambda settings: settings["alleles"] == "both",
        observe=Question(
            "Choose “A*02 or A*01”. How many of 100 people carry one or the other?",
            (("same", "About 50."), ("fewer", "About 70."), ("sum", "About 79.")),
        ),
        right="fewer",
        explanation=_explanation,
        replies={
            "same": "You saw 50. Press Reset, choose “A*02 or A*01”, and read the carriers.",
            "fewer": "That is what you saw in the group the lab opens with.",
            "sum": "You saw 79. Press Reset, choose “A*02 or A*01”, and read the carriers.",
        },
        reasons={
            "one": "Each of a person's two copies can be another allele.",
            "within": "The two alleles are drawn independently: neither is part of the other.",
        },
        afterword=_afterword,
    ),
)


def lab(**settings: float | str) -> Lab:
    """Open the lab, at other settings if you name them: ``lab(alleles="both", fit=80)``.

    Raises ValueError, saying what is allowed, for an unknown name or a value outside
    its slider's range.
    """
    return Lab(SPEC, **settings)
