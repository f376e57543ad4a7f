"""The registry: strict reading, sources that resolve, numbers that agree with each other."""

import math
import re
from dataclasses import FrozenInstanceError
from datetime import date, timedelta

import pint
import pytest

from course_lib import bibliography, evidence
from course_lib.models.pharmacokinetics import TwoCompartment

ENTRIES = {key: q for name in evidence.topics() for key, q in evidence.topic(name).items()}
RATIOS = {key: q for key, q in ENTRIES.items() if q.unit == "hazard ratio"}


def value(key):
    return evidence.get(key).value


# ---- reading is strict --------------------------------------------------------

GOOD = """
[drug.dose]
value = 5.0
low = 1
high = 9
unit = "mg"
kind = "measured"
source = "smith2020"
status = "read"
note = "Read in table 1."
"""
TRIAL = """
[trial.survival]
value = 0.7
low = 0.5
high = 0.9
unit = "hazard ratio"
kind = "trial result"
trial = "TRIAL"
endpoint = "overall survival"
population = "adults"
n = 100
experimental = 20.0
control = 15.0
arm_unit = "months"
experimental_arm = "new"
control_arm = "old"
tested = "met"
as_of = 2026-01-01
review_by = 2026-12-31
source = "smith2020"
status = "read"
note = "Read in the abstract."
"""
BIB = """
@article{smith2020,
  author = {Smith A and Jones B and others},
  title = {A title},
  journal = {A Journal},
  year = {2020},
  volume = {1},
  pages = {2-3},
  doi = {10.1000/x},
}
"""


def read(tmp_path, text):
    (tmp_path / "references.bib").write_text(BIB, encoding="utf-8")
    (tmp_path / "drugs.toml").write_text(text, encoding="utf-8")
    references = bibliography.read(tmp_path / "references.bib")
    return evidence.read_topic(tmp_path / "drugs.toml", references)


def test_a_good_entry_is_read(tmp_path):
    entry = read(tmp_path, GOOD)["drug.dose"]
    assert (entry.value, entry.unit, entry.low, entry.high) == (5.0, "mg", 1, 9)
    assert (entry.key, entry.topic, entry.label) == ("drug.dose", "drugs", "drug: dose")
    with pytest.raises(FrozenInstanceError):
        entry.value = 6


def test_a_good_trial_result_is_read(tmp_path):
    entry = read(tmp_path, TRIAL)["trial.survival"]
    assert (entry.experimental, entry.control, entry.tested) == (20.0, 15.0, "met")
    assert entry.review_by == date(2026, 12, 31)


@pytest.mark.parametrize(
    ("line", "instead", "reason"),
    [
        ("value = 5.0", "", "the field 'value' is missing"),
        ('note = "Read in table 1."', "", "the field 'note' is missing"),
        ('note = "Read in table 1."', 'note = ""', "the field 'note' is missing"),
        ("value = 5.0", "value = 5.0\nvalues = 3", "unknown field 'values'"),
        ("value = 5.0", 'value = 5.0\nkey = "x"', "unknown field 'key'"),
        ("value = 5.0", "value = 50.0", "value 50.0 lies outside 1 to 9"),
        ("value = 5.0", "value = nan", "'value' is nan, but must be finite"),
        ("value = 5.0", "value = true", "'value' is True, but should be of type"),
        ("low = 1\n", "", "'low' and 'high' belong together"),
        ("low = 1\nhigh = 9", 'low = "1"\nhigh = 9', "'low' is '1', but should be of type"),
        ("value = 5.0", 'value = "five"', "a text value has the unit 'text'"),
        ('unit = "mg"', 'unit = "text"', "a text value has the unit 'text'"),
        ('"measured"', '"guess"', "kind 'guess' is not one of: measured"),
        ('status = "read"', 'status = "maybe"', "status 'maybe' is not one of: read"),
        ('"smith2020"', '"smth2020"', "source 'smth2020' is not in references.bib"),
        ('status = "read"', 'status = "own"', "status 'own' and source 'course' belong"),
        ('"smith2020"', '"course"', "status 'own' and source 'course' belong"),
        ("value = 5.0", "value = 5.0\nexperimental = 3", "arms are incomplete"),
        ("value = 5.0", "value = 5.0\nreview_by = 2026-01-01", "needs an earlier 'as_of'"),
        ('"measured"', '"regulation"', "the field 'as_of' is missing"),
        ("[drug.dose]", "[drug.dose", "not valid TOML"),
    ],
)
def test_a_bad_entry_is_refused(tmp_path, line, instead, reason):
    assert line in GOOD
    with pytest.raises(evidence.EvidenceError) as refusal:
        read(tmp_path, GOOD.replace(line, instead))
    assert "drugs.toml" in str(refusal.value)
    assert reason in str(refusal.value)
    assert "TOML" in reason or "'drug.dose'" in str(refusal.value)


@pytest.mark.parametrize(
    "field",
    ["as_of", "population", "review_by", "trial", "endpoint", "n"]
    + ["experimental", "control", "arm_unit", "experimental_arm", "control_arm", "tested"],
)
def test_a_trial_result_without_a_field_is_refused(tmp_path, field):
    with pytest.raises(evidence.EvidenceError, match=r"drugs\.toml, 'trial\.survival'") as refusal:
        read(tmp_path, re.sub(rf"(?m)^{field} = .*\n", "", TRIAL))
    assert field in str(refusal.value)


@pytest.mark.parametrize(
    ("line", "instead", "reason"),
    [
        ('tested = "met"', 'tested = "yes"', "tested 'yes' is not one of: met"),
        ("low = 0.5\nhigh = 0.9\n", "", "a hazard ratio needs 'low', 'high' and 'tested'"),
        ("low = 0.5", "low = 0.8", "value 0.7 lies outside 0.8 to 0.9"),
        ("n = 100", "n = 100.0", "'n' is 100.0, but should be of type"),
        ("as_of = 2026-01-01", 'as_of = "2026-01-01"', "'as_of' is '2026-01-01'"),
        ("review_by = 2026-12-31", "review_by = 2025-12-31", "needs an earlier 'as_of'"),
    ],
)
def test_a_bad_trial_result_is_refused(tmp_path, line, instead, reason):
    assert line in TRIAL
    with pytest.raises(evidence.EvidenceError) as refusal:
        read(tmp_path, TRIAL.replace(line, instead))
    assert reason in str(refusal.value)


@pytest.fixture
def own_assets(tmp_path, monkeypatch):
    """A registry of its own; the caches are emptied before and after."""

    def forget():
        evidence._registry.cache_clear()
        evidence._references.cache_clear()

    (tmp_path / "evidence").mkdir()
    (tmp_path / "references.bib").write_text(BIB, encoding="utf-8")
    monkeypatch.setattr(evidence, "ASSETS", tmp_path)
    forget()
    yield tmp_path
    forget()


def test_a_key_given_in_two_topics_is_refused(own_assets):
    for name in ("drugs", "more_drugs"):
        (own_assets / "evidence" / f"{name}.toml").write_text(GOOD, encoding="utf-8")
    with pytest.raises(
        evidence.EvidenceError, match=r"more_drugs\.toml, 'drug\.dose'.*drugs\.toml"
    ):
        evidence.get("drug.dose")


def test_a_new_topic_is_found_without_registering_it(own_assets):
    (own_assets / "evidence" / "drugs.toml").write_text(GOOD, encoding="utf-8")
    assert evidence.topics() == ["drugs"]
    assert evidence.get("drug.dose").topic == "drugs"


# ---- the bibliography -----------------------------------------------------------


def test_a_reference_is_a_sentence_with_an_address(tmp_path):
    (tmp_path / "references.bib").write_text(BIB, encoding="utf-8")
    smith = bibliography.read(tmp_path / "references.bib")["smith2020"]
    assert smith.text == "Smith A, Jones B, et al. A title. A Journal 2020;1:2-3."
    assert (smith.short, smith.url) == ("Smith 2020", "https://doi.org/10.1000/x")


@pytest.mark.parametrize(
    ("line", "instead", "reason"),
    [
        ("  year = {2020},\n", "", "the field 'year' is missing"),
        ("  journal = {A Journal},\n", "", "no journal, booktitle or publisher"),
        ("  year = {2020},", "  year = 2020,", "line 6: cannot read 'year = 2020,'"),
        ("@article{smith2020,", "@article{course,", "'course' is taken"),
    ],
)
def test_a_bad_bibliography_is_refused(tmp_path, line, instead, reason):
    assert line in BIB
    (tmp_path / "references.bib").write_text(BIB.replace(line, instead), encoding="utf-8")
    with pytest.raises(bibliography.BibliographyError, match=r"references\.bib") as refusal:
        bibliography.read(tmp_path / "references.bib")
    assert reason in str(refusal.value)


def test_every_source_is_used_and_can_be_found():
    used = {q.source for q in ENTRIES.values()}
    assert used == set(bibliography.read(evidence.ASSETS / "references.bib"))
    for source in used - {"course"}:
        reference = evidence.reference(source)
        assert reference.url.startswith("https://"), source
        assert not reference.doi or re.fullmatch(r"10\.\d{4,}/\S+", reference.doi), source


# ---- looking things up ------------------------------------------------------------


def test_an_unknown_key_names_the_nearest():
    with pytest.raises(KeyError, match=r"'pembrolizumab\.clearence'; nearest: pembrolizumab\.cl"):
        evidence.get("pembrolizumab.clearence")
    with pytest.raises(KeyError, match="no reference 'ahamadi2018'; nearest: ahamadi2017"):
        evidence.reference("ahamadi2018")
    with pytest.raises(KeyError, match="there are: .*checkpoint_inhibitors"):
        evidence.topic("checkpoints")


def test_describe_says_what_from_where_and_how_sure():
    text = evidence.describe("keynote_355.os_cps10")
    for part in ("0.73", "0.55", "hazard ratio", "CPS ≥ 10", "met", "10.1056/NEJMoa2202809"):
        assert part in text
    assert "Read" in text or "read" in text


def test_due_lists_what_is_past_its_date_the_oldest_first():
    dated = sorted(q.review_by for q in ENTRIES.values() if q.review_by)
    assert evidence.due(dated[0]) == []
    late = evidence.due(dated[-1] + timedelta(days=1))
    assert [q.review_by for q in late] == dated
    first = evidence.due(dated[0] + timedelta(days=1))
    assert first
    assert {q.review_by for q in first} == {dated[0]}


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
    assert opened == {"keynote_355.immune_mediated", "keynote_522.immune_mediated_severe"}


# ---- units ----------------------------------------------------------------------------

WORDS = {"1", "text", "percent", "percentage points", "hazard ratio", "CPS", "doses", "lesions"}
WORDS |= {"cells", "patients", "T cells per tumour cell", "relative to the median tumour"}
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
    "checkpoint_model.t_cell_supply": (7.9e-4, None),
    "checkpoint_model.t_cell_turnover": (0.05, "1 / [time]"),
    "checkpoint_model.brake_maximum": (0.9, None),
    "checkpoint_model.brake_half_cps": (5, None),
    "patient.weight": (76.8, "[mass]"),
    "patient.t_cell_infiltration": (1, None),
    "patient.cps": (20, None),
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


# ---- trial results agree with themselves ---------------------------------------------


@pytest.mark.parametrize("key", RATIOS)
def test_a_hazard_ratio_sits_in_the_middle_of_its_interval(key):
    q = RATIOS[key]
    assert q.low < q.value < q.high
    assert math.sqrt(q.low * q.high) == pytest.approx(q.value, abs=0.015)


@pytest.mark.parametrize("key", [k for k, q in RATIOS.items() if re.match(r"0\.\d+ \(", q.p_value)])
def test_a_p_value_fits_its_interval_and_its_side(key):
    q = RATIOS[key]
    if "first analysis" in q.p_value:
        q = evidence.get("keynote_355.pfs_cps10_first")
    printed = float(q.p_value.split()[0])
    z = math.log(q.value) / (math.log(q.high / q.low) / (2 * 1.959964))
    tails = 2 if "two-sided" in q.p_value else 1
    expected = tails * 0.5 * math.erfc(abs(z) / math.sqrt(2))
    assert printed == pytest.approx(expected, rel=0.3)


def test_no_hazard_ratio_is_upside_down():
    """Below 1 the experimental arm does better; one null result is known to differ."""
    for key, q in RATIOS.items():
        if q.experimental is None or key == "keynote_119.os_itt":
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
    share = 100 * n["keynote_355.os_cps10"] / n["keynote_355.os_itt"]
    assert value("keynote_355.share_cps10") == pytest.approx(share, abs=0.05)
    assert value("immune_events.patients") == n["immune_events.any"] == 8937
    assert value("beliefs.goal_is_cure") == pytest.approx(100 * 36 / 105, abs=0.5)


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
    most = 19 * value("pembrolizumab.functional_ic50")
    assert value("pembrolizumab.concentration_for_95_percent") == pytest.approx(most, abs=0.05)
    ratio = 1000 * value("pd1_pdl1.kd") / value("nivolumab.binding_kd_biosensor")
    assert value("pd1_pdl1.antibody_advantage") == pytest.approx(ratio, rel=0.05)


def test_the_antibody_is_never_weaker_than_the_ligand():
    antibodies = [q for key, q in ENTRIES.items() if ".binding_kd" in key]
    ligand = [q for key, q in ENTRIES.items() if key.startswith("pd1_pdl1.kd")]
    assert {q.unit for q in antibodies} == {"nM"}
    assert {q.unit for q in ligand} == {"uM"}
    assert 100 * max(q.value for q in antibodies) < 1000 * min(q.value for q in ligand)
