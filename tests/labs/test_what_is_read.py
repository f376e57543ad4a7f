"""Where rounding decides: a goal and a sentence agree with the numbers that stand beside them."""

import importlib

import pytest

# A lab, a setting at which a number on the screen is the goal's own or next to it, and whether
# the goal is reached.
GOALS = [
    ("t_cell_checkpoints", {"steps": "10", "peptides": 120, "cd80": 400}, True),
    ("antibody_tagging", {"kd": 5}, True),
    ("antibody_tagging", {"kd": 5, "concentration": 0.056}, True),
    ("checkpoint_inhibitors", {"infiltration": 4, "dose": 40}, True),
    ("start_here", {"doubling_time": 180}, False),
    ("start_here", {"doubling_time": 184}, True),
    ("silent_growth", {"start": "1mm", "doubling_time": 57}, True),
    (
        "antibody_drug_conjugates",
        {"dose": 1.5, "drug_to_antibody_ratio": 10, "bystander": 100, "linker_leak": 2.5},
        False,
    ),
    (
        "antibody_drug_conjugates",
        {"dose": 2.4, "bystander": 100, "linker_leak": 0, "number_of_doses": 6},
        False,
    ),
    ("car_t_engineering", {"kd": 790}, True),
    ("car_t_expansion", {"half_life_slow": 385}, True),
    (
        "cell_therapy_eligibility",
        {"group": "african_american", "alleles": "both", "fit": 94},
        True,
    ),
    ("cytokine_therapy", {"variant": "masked", "dose": 4800}, True),
    ("cytokine_therapy", {"variant": "masked", "dose": 4800, "half_leak": 79}, False),
    ("cytokine_therapy", {"schedule": "continuous", "half_leak": 79}, False),
    ("predictive_values", {"prevalence": 10, "specificity": 98.9}, True),
    ("predictive_values", {"prevalence": 5, "specificity": 99.6, "sensitivity": 79.9}, True),
    ("ctdna", {"log_kill": 7, "shedding": 50, "needed": 5}, True),
    ("virtual_trial", {"cps_from": 9}, True),
    ("bispecifics", {"antibody": 11, "kd_effector": 1, "cooperativity": 0.79}, False),
]


@pytest.mark.parametrize(("name", "changed", "reached"), GOALS)
def test_a_goal_judges_what_is_shown(name, changed, reached):
    spec = importlib.import_module(f"course_lib.labs.{name}").SPEC
    settings = spec.defaults | changed
    assert spec.goal.reached(settings, spec.view(**settings)) == reached


SENTENCES = [
    ("trastuzumab", {"dose": 0}, "the half-life is near its shortest, 6.3 days"),
    ("trastuzumab", {"her2_way": 0}, "days at every concentration"),
    (
        "trastuzumab",
        {"loading_dose": 5, "dose": 2.5, "interval": 14, "number_of_doses": 9},
        "below 20 mg/L from day 127 on",
    ),
    (
        "trastuzumab",
        {"dose": 12, "interval": 7, "number_of_doses": 30, "her2_way": 5},
        "the half-life stays near 32",
    ),
    ("virtual_trial", {"follow_up": 12, "repetition": 2}, "to just below 1), a benefit"),
    (
        "virtual_trial",
        {"follow_up": 12, "hazard_ratio": 0.85, "repetition": 9},
        "to 1.003), which includes 1",
    ),
    (
        "virtual_trial",
        {"look": "every_look_05", "follow_up": 6, "repetition": 11},
        "which includes 1. (The look judges by other counts",
    ),
    ("ctdna", {"doubling_time": 30, "weeks": 26}, "blood tests a day or so earlier. In 100 of"),
    ("car_t_extinction", {"infused": 29, "left": 24}, "It grows from the first day in all"),
    ("checkpoint_inhibitors", {"chemotherapy": 1}, "1 cycle of 28 days"),
    ("checkpoint_inhibitors", {"doubling_time": 257}, "keeps its size, 90 mm"),
    (
        "antibody_drug_conjugates",
        {
            "dose": 5.8,
            "low_share": 55,
            "bystander": 60,
            "drug_to_antibody_ratio": 2,
            "linker_leak": 1.5,
            "her2": 160000,
        },
        "stays at 90 mm",
    ),
    ("t_cell_checkpoints", {"peptides": 1}, "With 1 peptide that stays bound"),
    ("predictive_values", {"specificity": 99.9}, "1 has a false alarm. So more than 99 of 100"),
    (
        "cancer_vaccines",
        {"peptide": "ideal", "adjuvant": 0, "tolerance": 10000},
        "Fewer than 100 T cells carry",
    ),
    (
        "cell_therapy_eligibility",
        {"surface_antigen": 100, "product": 100, "fit": 100},
        "1,000 can be treated with CAR",
    ),
    ("peptide_binding", {"second": "K", "sixth": "K", "ninth": "K"}, "Positions 2, 6 and 9"),
    (
        "car_t_engineering",
        {"kd": 0.16, "dose": 79, "healthy_her2": 1300},
        "at just below that of fever. Its signs: no fever",
    ),
]


@pytest.mark.parametrize(("name", "changed", "words"), SENTENCES)
def test_a_sentence_agrees_with_its_numbers(name, changed, words):
    spec = importlib.import_module(f"course_lib.labs.{name}").SPEC
    assert words in spec.view(**(spec.defaults | changed)).sentence
