"""A lab of lesson 04: a payload in a mixed tumour, its neighbours, and the rest of the body."""

from __future__ import annotations

import numpy as np

from course_lib import evidence
from course_lib.labs.frame import Lab
from course_lib.labs.spec import Control, Goal, LabSpec, Prediction, Preset, Question
from course_lib.labs.view import Panel, Reading, Series, Table, View, gaps_below
from course_lib.labs.words import described, figures
from course_lib.models.antibody_drug_conjugates import AntibodyDrugConjugate
from course_lib.models.patient import Patient, simulate

#: Eight doses, three weeks apart.
DAYS = 168
TABLE_DAYS = tuple(range(0, DAYS + 1, 21))
DOUBLING_TIME = evidence.get("tumour.volume_doubling_time_her2").value
#: Less is not drawn, billion cells.
FEWEST = 1e-3
DERUXTECAN = {
    "dose": evidence.get("conjugate.dose").value,
    "drug_to_antibody_ratio": evidence.get("trastuzumab_deruxtecan.drug_to_antibody_ratio").value,
}
EMTANSINE = {
    "dose": evidence.get("trastuzumab_emtansine.dose").value,
    "drug_to_antibody_ratio": evidence.get("trastuzumab_emtansine.drug_to_antibody_ratio").value,
    "bystander": 0,
}


def view(
    dose: float,
    low_share: float,
    bystander: float,
    drug_to_antibody_ratio: float,
    number_of_doses: float,
    linker_leak: float,
    her2: float,
) -> View:
    """Return what the lab shows at one setting; units as on the sliders."""
    patient = Patient(
        infiltration=0,  # no T cells: what is seen is the conjugate alone
        antigen_low_share=low_share / 100,
        her2=her2,
        doubling_time=DOUBLING_TIME,
    )
    drug = AntibodyDrugConjugate(
        dose=dose,
        number_of_doses=int(number_of_doses),
        drug_to_antibody_ratio=drug_to_antibody_ratio,
        linker_leak=linker_leak / 100,
        bystander=bystander / 100,
    )
    # Two patients alike, the second never treated, so that both lines share their days.
    course = simulate(patient, [drug], days=DAYS, stop=np.array([np.inf, 0.0]))
    once = ~course.before
    days, size, untreated = course.times[once], *course.size[once].T
    cells, low = course.tumour_cells[once, 0] / 1e9, course.antigen_low_share[once, 0]
    high_cells, low_cells = cells * (1 - low), cells * low
    loose = drug.loose_payload(days) / 1000
    series = (
        Series("HER2-high", 0, days, gaps_below(high_cells, FEWEST), "tumour"),
        Series("HER2-low", 0, days, gaps_below(low_cells, FEWEST), "tumour", dash="dash"),
        Series("with conjugate", 1, days, size, "tumour"),
        Series("without", 1, days, untreated, "control"),
        Series("loose payload", 2, days, loose, "toxicity"),
    )
    readings = (
        Reading(f"Tumour on day {DAYS}", float(size[-1]), "mm", 0, least=1),
        Reading(f"Tumour on day {DAYS} without the conjugate", float(untreated[-1]), "mm", 0),
        Reading("HER2-high cells, compared with the start", _left(high_cells), "%", 1, least=0.1),
        Reading("HER2-low cells, compared with the start", _left(low_cells), "%", 1, least=0.1),
        Reading("Payload set loose outside the tumour", float(loose[-1]), "µmol/L", 1),
    )
    at = np.searchsorted(days, TABLE_DAYS)
    columns = {
        "Day": map(str, TABLE_DAYS),
        "HER2-high cells, billion": high_cells[at],
        "HER2-low cells, billion": low_cells[at],
        "Tumour with the conjugate, mm": size[at],
        "Tumour without it, mm": untreated[at],
        "Loose payload so far, µmol/L": loose[at],
    }
    return View(
        series=series,
        sentence=_sentence(dose, number_of_doses, low_share, readings, size[0]),
        alt=described(SPEC, series),
        readings=readings,
        table=Table.of("The plotted values every 21 days (assumed effect)", columns, figures),
    )


def _left(cells: np.ndarray) -> float:
    """The cells on the last day, in % of those on the first; 0 if there were none."""
    return float(100 * cells[-1] / cells[0]) if cells[0] > 0 else 0.0


def _sentence(dose, number_of_doses, low_share, readings, start) -> str:
    size, without, high, low, loose = readings
    plural = "s" if int(number_of_doses) > 1 else ""
    given = (
        f"With {int(number_of_doses)} dose{plural} of {dose:.1f} mg/kg" if dose else "With no dose"
    )
    verb = "shrinks" if size.value < start - 0.5 else "grows" if size.value > start + 0.5 else ""
    verb *= size.shown != round(start)  # it never grows from 90 mm to 90 mm
    outcome = f"{verb} from {start:.0f} mm to {size}" if verb else f"stays at {start:.0f} mm"
    parts = [f"{high} of the HER2-high cells"] if low_share < 100 else []
    parts += [f"{low} of the HER2-low cells"] if low_share > 0 else []
    return (
        f"Assumed effect, not a forecast. {given}, the tumour, {low_share:.0f} % HER2-low at the "
        f"start, {outcome} in {DAYS} days. Without the conjugate it measures {without}. "
        f"Compared with the start, there are {' and '.join(parts)}. "
        f"Payload set loose outside the tumour: {loose} of blood."
    )


def _explanation() -> str:
    """Say what the payload did to neighbours."""
    on, off = SPEC.at(), SPEC.at(bystander=0)
    return (
        f"Without the bystander effect HER2-low cells ended at {off.readings[3]} of their number, "
        f"with it at {on.readings[3]}. For HER2-high cells it made no difference: "
        f"{on.readings[2]} both times. They take the payload up themselves. Only their neighbours "
        "depend on what crosses a membrane."
    )


def _afterword() -> str:
    """Say what the same property costs."""
    on, off = SPEC.at(), SPEC.at(bystander=0)
    return (
        f"Loose payload fell from {on.readings[4]} to {off.readings[4]}. A payload that crosses "
        "the membrane of a tumour cell also crosses that of a healthy cell. Gain and cost come "
        "from the same property."
    )


SPEC = LabSpec(
    name="antibody_drug_conjugates",
    title="Payload and bystanders: assumed effects, not a forecast",
    lead="A mixed tumour without T cells: some cells carry much HER2, some a tenth of it. A "
    "conjugate brings its payload to HER2. How strongly it kills is our assumption.",
    controls=(
        Control("dose", "Dose, every 21 days", "conjugate.dose", step=0.1, digits=1),
        Control("low_share", "HER2-low cells", "conjugate_lab.low_share", step=5),
        Control("bystander", "Bystander effect", "conjugate_lab.bystander", step=5),
        Control(
            "drug_to_antibody_ratio",
            "Payloads on each antibody",
            "conjugate.drug_to_antibody_ratio",
            step=0.5,
            digits=1,
        ),
        Control("number_of_doses", "Number of doses", "conjugate.number_of_doses", 1, stage=2),
        Control("linker_leak", "Linker leak", "conjugate_lab.leak", 0.5, digits=1, stage=2),
        Control(
            "her2",
            "HER2 on HER2-high cells",
            "conjugate_lab.her2",
            step=0.05,
            stage=2,
            log=True,
        ),
    ),
    panels=(
        Panel("Tumour cells", "billion", (FEWEST, 100), log=True),
        Panel("Tumour, sum of diameters", "mm", (0, 125)),
        Panel("Loose payload so far", "µmol/L", (0, 90)),
    ),
    x_title="Days since the first dose",
    x_range=(0, DAYS),
    view=view,
    presets=(
        Preset("Like T-DXd", DERUXTECAN),
        Preset("Like T-DM1", EMTANSINE),
        Preset("No HER2-low cells", {"low_share": 0}),
        Preset("HER2-low cells only", {"low_share": 100}),
        Preset("Leaky linker", {"linker_leak": 15}),
    ),
    goal=Goal(
        text="Half the cells are HER2-low, the others as at the opening. Shrink the tumour to "
        "less than 42 mm, with less than 16 µmol/L of loose payload.",
        reached=lambda settings, view: (
            settings["low_share"] == 50
            and abs(settings["her2"] / SPEC.defaults["her2"] - 1) < 0.02
            and view.readings[0].shown < 42
            and view.readings[4].shown < 16
        ),
        praise="You bought effect with less loose payload. In a clinic nobody can move these "
        "sliders one by one: a new linker or payload is a new drug, and needs its own trial.",
        solutions=(
            {"dose": 1.5, "drug_to_antibody_ratio": 10, "bystander": 100},
            {"dose": 2, "bystander": 100, "linker_leak": 0, "number_of_doses": 6},
        ),
    ),
    prediction=Prediction(
        predict=Question(
            "Half the cells carry little HER2. The lab opens with a payload that crosses "
            "membranes. If it could not, which cells would survive in larger number?",
            (
                ("both", "Both kinds: the drug as a whole would be weaker."),
                ("low", "Only the HER2-low cells."),
                ("none", "Neither: the antibody brings the payload to every cell."),
            ),
        ),
        why=Question(
            "Why?",
            (
                ("weaker", "A payload that stays inside a cell kills less of everything."),
                ("neighbours", "Cells with little HER2 also depend on their neighbours' payload."),
                ("blood", "The payload reaches all cells with the blood."),
            ),
        ),
        tried=lambda settings: settings["bystander"] == 0,
        observe=Question(
            "Set the bystander effect to 0. What did the loose payload outside the tumour do?",
            (
                ("less", "It became less."),
                ("same", "It stayed the same."),
                ("more", "It became more."),
            ),
        ),
        right="low",
        explanation=_explanation,
        replies={
            "less": "You saw less loose payload.",
            "same": "Compare the lowest plot, or the end of the sentence, once more: it did "
            "change.",
            "more": "Compare the lowest plot, or the end of the sentence, once more: it "
            "became less.",
        },
        afterword=_afterword,
    ),
)


def lab(**settings: float) -> Lab:
    """Open the lab, at other settings if you name them: ``lab(low_share=90, bystander=0)``.

    Raises ValueError, saying what is allowed, for an unknown name or a value outside
    its slider's range.
    """
    return Lab(SPEC, **settings)
