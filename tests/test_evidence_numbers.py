"""The numbers of the registry agree with each other, with their units and with the model."""

import math
import re
from datetime import timedelta
from statistics import NormalDist

import pint
import pytest

from course_lib import evidence
from course_lib.models.pharmacokinetics import TwoCompartment

ENTRIES = {key: q for name in evidence.topics() for key, q in evidence.topic(name).items()}
RATIOS = {key: q for key, q in ENTRIES.items() if q.unit == "hazard ratio"}


def value(key):
    return evidence.get(key).value


# ---- what every entry must keep ---------------------------------------------------


def test_reviews_come_within_a_year():
    for key, q in ENTRIES.items():
        if q.kind in ("trial result", "regulation"):
            assert q.review_by - q.as_of <= timedelta(days=366), key


def test_a_read_entry_says_where_it_was_read():
    for key, q in ENTRIES.items():
        if q.status == "read":
            assert re.search(r"\bread\b", q.note, re.IGNORECASE), key


def test_notes_name_no_address_of_a_machine():
    for key, q in ENTRIES.items():
        assert not re.search(r"https?:|localhost|\d+\.\d+\.\d+\.\d+:|/work|/tmp", q.note), key


def test_open_questions_stay_few_and_known():
    opened = {key for key, q in ENTRIES.items() if q.status == "open"}
    events = {"keynote_355.immune_mediated", "keynote_522.immune_mediated_severe"}
    progression = {f"keynote_119.pfs_{who}" for who in ("cps10", "cps1", "itt")}
    assert opened == events | progression | {f"keynote_355.response_{w}" for w in ("cps1", "itt")}


# ---- units ----------------------------------------------------------------------------

WORDS = {"1", "text", "percent", "percentage points", "hazard ratio", "CPS", "doses", "lesions"}
WORDS |= {"cells", "patients", "T cells per tumour cell", "relative to the median tumour"}
WORDS |= {"copies per cell", "antibodies per cell"}
# The lattice of the tissue has sites and steps instead of millimetres and days.
WORDS |= {"sites", "contacts", "share", "share/step", "T cells/step"}
WORDS |= {f"share of {what}" for what in ("contacts", "sites", "steps", "tumour cells")}
# Counts and scales that are said in words.
WORDS |= {"points", "times", "million", "billion", "million cells", "million cells/kg"}
WORDS |= {"units", "units/day", "units/mL", "million units/day", "IU/kg", "thousand IU/kg"}
WORDS |= {"per cell", "per day", "per cell and day", "copies/µg", "1/cells", "cells/day"}
WORDS |= {"times the level at which fever begins"}
UNITS = pint.UnitRegistry()
UNITS.define("cells = [cells]")


def parsed(unit):
    return UNITS.parse_units(unit.replace("mm3", "mm**3"))


def test_every_unit_is_a_word_of_the_course_or_parses():
    for key, q in ENTRIES.items():
        if q.unit not in WORDS:
            assert parsed(q.unit) is not None, key


# The defaults of the models: changing one by mistake must show here.
MODEL = {
    "pembrolizumab.clearance": (0.22, "[length]**3 / [time]"),
    "pembrolizumab.central_volume": (3.48, "[length]**3"),
    "pembrolizumab.intercompartmental_clearance": (0.795, "[length]**3 / [time]"),
    "pembrolizumab.peripheral_volume": (4.06, "[length]**3"),
    "pembrolizumab.clearance_weight_exponent": (0.595, None),
    "pembrolizumab.volume_weight_exponent": (0.489, None),
    "pembrolizumab.reference_weight": (76.8, "[mass]"),
    "pembrolizumab.dose": (200, "[mass]"),
    "pembrolizumab.interval": (21, "[time]"),
    "pembrolizumab.number_of_doses": (35, None),
    "pembrolizumab.molar_mass": (149, "[mass]"),
    "pembrolizumab.binding_kd": (0.029, "[substance] / [length]**3"),
    "pembrolizumab.functional_ic50": (0.535, "[mass] / [length]**3"),
    "pembrolizumab.terminal_half_life": (25.8, "[time]"),
    "pembrolizumab.steady_state_trough": (29.5, "[mass] / [length]**3"),
    "pembrolizumab.steady_state_peak": (87.0, "[mass] / [length]**3"),
    "pembrolizumab.steady_state_auc": (909, "[mass] * [time] / [length]**3"),
    "tumour.volume_doubling_time": (103, "[time]"),
    "tumour.sum_of_diameters": (89.6, "[length]"),
    "tumour.cells_per_volume": (2.06e5, "[cells] / [length]**3"),
    "tumour.lesions": (3, None),
    "checkpoint_model.killing_capacity": (0.9, "1 / [time]"),
    "checkpoint_model.half_killing_ratio": (0.225, None),
    "checkpoint_model.t_cell_turnover": (0.05, "1 / [time]"),
    "checkpoint_model.brake_maximum": (0.9, None),
    "checkpoint_model.brake_half_cps": (5, None),
    "patient.weight": (76.8, "[mass]"),
    "patient.t_cell_infiltration": (1, None),
    "patient.cps": (20, None),
    "patient.antigen_low_share": (0.03, None),
    "patient.antigen_low_visibility": (0.1, None),
    "chemotherapy.effect_half_life": (2, "[time]"),
    "chemotherapy.cycle_days": (28, "[time]"),
    "chemotherapy.doses_per_cycle": (3, None),
    "chemotherapy.days_between_doses": (7, "[time]"),
    "cohort.cps_infiltration_correlation": (0.5, None),
    "cohort.size_log_sd": (0.6, None),
    "cohort.size_low": (10, "[length]"),
    "cohort.size_high": (400, "[length]"),
    "cohort.antigen_low_logit_sd": (1.5, None),
    "cohort.resistant_logit_sd": (4, None),
    "published_trials.single_drug": (0.5, None),
    "chemotherapy.kill_rate": (0.0776, "1/[time]"),
    "outcome.later_lines_growth": (0.25, None),
    "outcome.death_size_exponent": (1, None),
    "outcome.follow_up": (44, "[time]"),
}
# Fitted numbers change with every fit: only what they may be is held here.
FITTED = {
    "patient.resistant_fraction": ("1", 1),
    "checkpoint_model.t_cell_supply": ("T cells per tumour cell", 0.01),
    "outcome.death_hazard": ("1/day", 0.01),
}


@pytest.mark.parametrize("key", MODEL)
def test_model_values_and_dimensions(key):
    number, dimension = MODEL[key]
    assert value(key) == number
    unit = evidence.get(key).unit
    if dimension is None:
        assert unit in WORDS
    else:
        assert parsed(unit).dimensionality == UNITS.get_dimensionality(dimension)


@pytest.mark.parametrize("key", FITTED)
def test_a_fitted_value_says_so_and_stays_possible(key):
    unit, most = FITTED[key]
    q = evidence.get(key)
    assert (q.unit, q.kind, q.status) == (unit, "calibrated", "own")
    assert "itted by tools/calibrate.py on KEYNOTE-355 CPS ≥10" in q.note
    assert 0 < q.value < most


# ---- trial results agree with themselves ---------------------------------------------


@pytest.mark.parametrize("key", RATIOS)
def test_a_hazard_ratio_sits_in_the_middle_of_its_interval(key):
    q = RATIOS[key]
    assert q.low < q.value < q.high
    assert math.sqrt(q.low * q.high) == pytest.approx(q.value, abs=0.015)


@pytest.mark.parametrize("key", [k for k, q in RATIOS.items() if re.match(r"0\.\d+ \(", q.p_value)])
def test_a_p_value_fits_its_interval_and_its_side(key):
    q = RATIOS[key]
    printed = float(q.p_value.split()[0])
    z = math.log(q.value) / (math.log(q.high / q.low) / (2 * 1.959964))
    tails = 2 if "two-sided" in q.p_value else 1
    expected = tails * 0.5 * math.erfc(abs(z) / math.sqrt(2))
    assert printed == pytest.approx(expected, rel=0.3)


def test_no_hazard_ratio_is_upside_down():
    """Below 1 the experimental arm does better; two null results are known to differ."""
    for key, q in RATIOS.items():
        if q.experimental is None or key in ("keynote_119.os_itt", "sophia.os"):
            continue
        better = q.experimental > q.control
        if "with an event" in q.endpoint:
            better = not better
        assert better == (q.value < 1), key


def test_differences_are_recomputed():
    for key, q in ENTRIES.items():
        if q.unit == "percentage points":
            # one difference allows for strata, so it may miss by 0.1 more
            slack = 0.15 if key == "keynote_522.pcr_all" else 0.051
            assert q.value == pytest.approx(q.experimental - q.control, abs=slack), key


def test_numbers_of_patients_add_up():
    n = {key: q.n for key, q in ENTRIES.items()}
    assert n["keynote_355.os_cps10_19"] + n["keynote_355.os_cps20"] == n["keynote_355.os_cps10"]
    assert n["keynote_355.os_cps1_9"] + n["keynote_355.os_cps10"] == n["keynote_355.os_cps1"]
    for who in ("cps10", "cps1"):
        share = 100 * n[f"keynote_355.os_{who}"] / n["keynote_355.os_itt"]
        assert value(f"keynote_355.share_{who}") == pytest.approx(share, abs=0.05)
    assert value("immune_events.patients") == n["immune_events.any"] == 8937
    assert value("beliefs.goal_is_cure") == pytest.approx(100 * 36 / 105, abs=0.5)


@pytest.mark.parametrize("key", [key for key in ENTRIES if ".arms_" in key])
def test_arms_add_up_and_fit_the_ratio_of_the_lots(key):
    q = ENTRIES[key]
    trial, who = key.split(".arms_")
    assert q.experimental + q.control == q.value == q.n == ENTRIES[f"{trial}.os_{who}"].n
    wanted = float(value(f"{trial}.randomisation").split(" to ")[0])
    # a group by PD-L1 may miss the ratio by chance, all patients by a block cut short
    slack = 0.03 if key.endswith("itt") else 0.2
    assert q.experimental / q.control == pytest.approx(wanted, rel=slack)


def test_the_two_tests_for_pd_l1_are_recomputed():
    cells = {
        name: value(f"pdl1_assay.{name}")
        for name in ("both_positive", "only_cps1", "only_sp142", "neither")
    }
    n = sum(cells.values())
    assert n == ENTRIES["pdl1_assay.agreement_cps1"].n == 614
    same = 100 * (cells["both_positive"] + cells["neither"]) / n
    assert value("pdl1_assay.agreement_cps1") == pytest.approx(same, abs=0.05)
    for name, alone in (("sp142", "only_sp142"), ("cps", "only_cps1")):
        positive = 100 * (cells["both_positive"] + cells[alone]) / n
        assert value(f"pdl1_assay.{name}_positive") == pytest.approx(positive, abs=0.5)
    for key in ("agreement_cps1", "agreement_22c3_ic"):
        q = ENTRIES[f"pdl1_assay.{key}"]
        counted, of = map(int, re.search(r"(\d+) of (\d+)", q.note).groups())
        assert q.value == pytest.approx(100 * counted / of, abs=0.05)


# ---- what the course calculated itself -------------------------------------------------


@pytest.fixture(scope="module")
def typical():
    names = ("clearance", "central_volume", "intercompartmental_clearance", "peripheral_volume")
    return TwoCompartment(**{name: value(f"pembrolizumab.{name}") for name in names})


def test_own_pharmacokinetics_follow_from_the_model(typical):
    alpha, beta = typical.half_lives()
    steady = typical.steady_state(value("pembrolizumab.dose"), value("pembrolizumab.interval"))
    assert value("pembrolizumab.distribution_half_life") == pytest.approx(alpha, abs=0.005)
    assert value("pembrolizumab.terminal_half_life") == pytest.approx(beta, abs=0.05)
    assert value("pembrolizumab.steady_state_trough") == pytest.approx(steady.trough, abs=0.05)
    assert value("pembrolizumab.steady_state_peak") == pytest.approx(steady.peak, abs=0.05)
    assert value("pembrolizumab.steady_state_auc") == pytest.approx(steady.auc, abs=0.5)


def test_own_binding_numbers_are_recomputed():
    nanomolar = 1000 / value("pembrolizumab.molar_mass")
    assert value("pembrolizumab.nanomolar_per_mg_per_litre") == pytest.approx(nanomolar, abs=0.005)
    concentration = 0.5 * nanomolar
    for key, kd in (("tight", value("pembrolizumab.binding_kd")), ("loose", 3.0)):
        occupied = 100 * concentration / (concentration + kd)
        assert value(f"pembrolizumab.occupancy_{key}") == pytest.approx(occupied, abs=0.05)
    ratio = 1000 * value("pd1_pdl1.kd") / value("nivolumab.binding_kd_biosensor")
    assert value("pd1_pdl1.antibody_advantage") == pytest.approx(ratio, rel=0.05)


def test_own_spreads_of_the_cohort_are_recomputed():
    def log_sd(mean, sd):
        return math.sqrt(math.log(1 + (sd / mean) ** 2))

    growth = log_sd(value("tumour.volume_doubling_time"), value("tumour.volume_doubling_time_sd"))
    infiltration = log_sd(value("cohort.infiltration_mean"), value("cohort.infiltration_sd"))
    assert value("cohort.growth_log_sd") == pytest.approx(growth, abs=0.005)
    assert value("cohort.infiltration_log_sd") == pytest.approx(infiltration, abs=0.005)
    cps = NormalDist(value("cohort.cps_log_mean"), value("cohort.cps_log_sd"))
    for who, threshold in (("cps10", 10), ("cps1", 1)):
        share = 100 * (1 - cps.cdf(math.log(threshold)))
        assert share == pytest.approx(value(f"keynote_355.share_{who}"), abs=0.2)
    assert value("outcome.follow_up") == round(value("keynote_355.follow_up"))


def test_the_worked_cps_is_recomputed():
    numbers = [int(number) for number in re.findall(r"\d+", value("cps.worked_example"))]
    cells, tumour, lymphocytes, macrophages, hundred, stained, again, score = numbers
    assert (hundred, again, stained) == (100, cells, tumour + lymphocytes + macrophages)
    assert score == 100 * stained / cells > value("cps.treatment_threshold")


def test_the_antibody_is_never_weaker_than_the_ligand():
    antibodies = [q for key, q in ENTRIES.items() if ".binding_kd" in key]
    ligand = [q for key, q in ENTRIES.items() if key.startswith("pd1_pdl1.kd")]
    assert {q.unit for q in antibodies} == {"nM"}
    assert {q.unit for q in ligand} == {"uM"}
    assert 100 * max(q.value for q in antibodies) < 1000 * min(q.value for q in ligand)
