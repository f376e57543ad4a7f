"""The registry reads strictly, its sources resolve, and it answers questions about itself."""

import re
from dataclasses import FrozenInstanceError
from datetime import date, timedelta

import pytest

from course_lib import bibliography, evidence

ENTRIES = {key: q for name in evidence.topics() for key, q in evidence.topic(name).items()}


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


NEEDED = ["as_of", "population", "review_by", "trial", "endpoint", "n"]
NEEDED += ["experimental", "control", "arm_unit", "experimental_arm", "control_arm", "tested"]


@pytest.mark.parametrize("field", NEEDED)
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
    with pytest.raises(KeyError, match=r"there are: .*checkpoint_inhibitors"):
        evidence.topic("checkpoints")


def test_describe_says_what_from_where_and_how_sure():
    text = evidence.describe("keynote_355.os_cps10")
    for part in ("0.73", "0.55", "hazard ratio", "CPS ≥ 10", "met", "10.1056/NEJMoa2202809"):
        assert part in text
    assert "Read" in text or "read" in text


@pytest.mark.parametrize(
    ("number", "unit", "told"),
    [
        ("1", "days", "1 day"),
        ("less than 1", "tumour cells", "less than 1 tumour cell"),
        ("1", "cells/day", "1 cell/day"),
        ("21", "days", "21 days"),
        ("1.0", "days", "1.0 days"),
        ("1", "million cells", "1 million cells"),
        ("1 million", "cells", "1 million cells"),
        ("1", "of 1,000 patients", "1 of 1,000 patients"),
        ("3", "", "3"),
    ],
)
def test_one_of_a_unit_is_no_plural(number, unit, told):
    assert evidence.counted(number, unit) == told


def test_due_lists_what_is_past_its_date_the_oldest_first():
    dated = sorted(q.review_by for q in ENTRIES.values() if q.review_by)
    assert evidence.due(dated[0]) == []
    late = evidence.due(dated[-1] + timedelta(days=1))
    assert [q.review_by for q in late] == dated
    first = evidence.due(dated[0] + timedelta(days=1))
    assert first
    assert {q.review_by for q in first} == {dated[0]}
