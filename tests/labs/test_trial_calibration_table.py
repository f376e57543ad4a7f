"""The table of predictions says what each row is worth, and explains each miss."""

import pytest

from course_lib.labs import trial_calibration
from course_lib.labs.trial_calibration import SAME_TRIAL, TEST, WHY, table
from course_lib.models.published_trials import predict, scenarios


@pytest.fixture(scope="module")
def rows():
    printed = [[cell[0] for cell in row] for row in table().rows]
    found = [each for scenario in scenarios() for each in predict(scenario)]
    return list(zip(found, printed, strict=True))


def test_every_number_comes_from_the_model_or_the_registry(rows):
    for found, (name, _, model, published, inside, _) in rows:
        entry = found.published
        assert name.startswith(f"{found.scenario.name}, ")
        assert model.startswith(f"{found.hazard_ratio.hazard_ratio:.2f} ({found.low:.2f} to ")
        assert published == f"{entry.value:.2f} ({entry.low:.2f} to {entry.high:.2f})"
        within = entry.low <= found.hazard_ratio.hazard_ratio <= entry.high
        assert inside == ("yes" if within else "no: a miss")


def test_what_was_fitted_is_called_calibration_and_the_rest_not(rows):
    kinds = {found.scenario.name: kind for found, (_, kind, *_) in rows}
    assert [name for name, kind in kinds.items() if kind.startswith("calibration")] == [
        "KEYNOTE-355, CPS ≥ 10"
    ]
    tests = [name for name, kind in kinds.items() if kind == TEST]
    assert tests == [
        "KEYNOTE-119, CPS ≥ 10",
        "IMpassion130, PD-L1 positive",
        "IMpassion131, PD-L1 positive",
    ]
    assert kinds["KEYNOTE-355, CPS 1 to 9"] == SAME_TRIAL


def test_the_calibrated_arms_lie_inside_the_published_intervals(rows):
    fitted = [found for found, (_, kind, *_) in rows if kind.startswith("calibration")]
    assert [found.endpoint for found in fitted] == ["pfs", "survival"]
    assert all(found.inside for found in fitted)


def test_every_miss_is_explained_and_only_misses_are(rows):
    missed = [found.scenario.name for found, row in rows if row[4] == "no: a miss"]
    assert {name.split(",")[0] for name in missed} == set(WHY)
    for _, row in rows:
        explained = row[5] in WHY.values()
        assert explained == (row[4] == "no: a miss")


def test_a_miss_that_nobody_can_explain_says_so(rows, monkeypatch):
    monkeypatch.setattr(trial_calibration, "WHY", {})
    missed = next(found for found, row in rows if row[4] == "no: a miss")
    assert trial_calibration._remark(missed) == "Why is not known."


def test_agreement_says_in_which_direction_the_model_errs(rows):
    for found, row in rows:
        if found.inside and not row[1].startswith("calibration"):
            hopeful = found.hazard_ratio.hazard_ratio < found.published.value
            assert ("more hopeful" in row[5]) == hopeful


def test_agreement_is_cheap_where_a_model_that_says_1_agrees_as_well(rows):
    agree = [(found, row) for found, row in rows if found.inside]
    said = {row[0]: row[5].rpartition("have ")[2] for _, row in agree if row[1] == TEST}
    assert said == {
        "IMpassion130, PD-L1 positive, progression or death": "missed.",
        "IMpassion130, PD-L1 positive, death": "missed.",
        "IMpassion131, PD-L1 positive, progression or death": "agreed as well.",
    }
    for found, row in agree:
        if not row[1].startswith("calibration"):
            holds_one = found.published.low <= 1 <= found.published.high
            assert row[5].endswith("agreed as well." if holds_one else "missed.")
