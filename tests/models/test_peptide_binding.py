"""The teaching matrix, against its published motif and sums worked out by hand."""

import numpy as np
import pytest

from course_lib import evidence
from course_lib.models import peptide_binding
from course_lib.models.peptide_binding import AMINO_ACIDS, contributions, extremes, held, score

pytestmark = pytest.mark.filterwarnings("error")

DECIDED = {
    "anchors_alone": 30,
    "anchor_best": 20,
    "anchor_good": 16,
    "anchor_tolerated": 8,
    "anchor_unsuited": -10,
    "position_3": 6,
    "auxiliary": 4,
    "auxiliary_weak": 2,
    "hydrophobic": 1,
    "charged": -2,
    "half_held": 36,
    "points_per_decade": 12,
    "e75": "KIFGSLAFL",
    "e75_variant": "FLFGSLAFL",
    "gp2": "IISAVVGIL",
    "virus": "NLVPMVATV",
    "ideal_self": "FLFAVVAFV",
    "new_peptide": "SMYGNVAKL",
}
BY_HAND = {
    "KIFGSLAFL": [0, 8, 6, 0, 0, 2, 1, 1, 16],
    "IISAVVGIL": [1, 8, 0, 1, 1, 4, 0, 1, 16],
    "FLFGSLAFL": [4, 20, 6, 0, 0, 2, 1, 1, 16],
    "NLVPMVATV": [0, 20, 1, 0, 1, 4, 1, 0, 20],
    "FLFAVVAFV": [4, 20, 6, 1, 1, 4, 1, 1, 20],
    "SMYGNVAKL": [0, 16, 6, 0, 0, 4, 1, -2, 16],
    "DKEKRHDKE": [-2, -10, -2, -2, -2, -2, -2, -2, -10],
}


@pytest.mark.parametrize("name", DECIDED)
def test_a_number_of_the_registry_is_what_was_decided(name):
    assert evidence.get(f"peptide_binding.{name}").value == DECIDED[name]


@pytest.mark.parametrize("peptide", BY_HAND)
def test_points_against_sums_by_hand(peptide):
    np.testing.assert_array_equal(contributions(peptide), BY_HAND[peptide])
    assert score(peptide) == sum(BY_HAND[peptide])
    np.testing.assert_array_equal(contributions(f" {peptide.lower()} "), BY_HAND[peptide])


def row(position):
    """Return the points of a position by letter."""
    points = [contributions("G" * (position - 1) + a + "G" * (9 - position)) for a in AMINO_ACIDS]
    return {a: each[position - 1] for a, each in zip(AMINO_ACIDS, points, strict=True)}


def test_the_anchors_follow_the_published_motif():
    """Rötzschke 1992: L or M at 2, mostly V at 9. Sidney 2001: what else is tolerated."""
    second, ninth = row(2), row(9)
    assert max(second, key=second.get) == "L"
    assert sorted(second.values())[-2] == second["M"]
    assert max(ninth, key=ninth.get) == "V"
    assert {a for a, worth in second.items() if worth > 0} == set("LIVMATQ")
    assert {a for a, worth in ninth.items() if worth > 0} == set("LIVMAT")
    for position in (1, 3, 4, 5, 6, 7, 8):
        others = row(position)
        assert max(map(abs, others.values())) < second["M"] / 2
        assert others["D"] < others["G"] == 0  # Ruppert 1993: charged amino acids hinder
    assert row(6)["V"] > row(5)["V"]


def test_the_extremes_are_those_of_every_position():
    every = [row(position).values() for position in range(1, 10)]
    assert extremes() == (sum(map(min, every)), sum(map(max, every)))
    assert score("FLFAVVAFV") == extremes()[1]


def test_strength_rises_with_the_score_and_reaches_ten_to_one_after_a_decade():
    low, high = extremes()
    strength = held(np.linspace(low, high, 200))
    assert np.all(np.diff(strength) > 0)
    assert strength[0] > 0
    assert strength[-1] < 1
    assert held(36) == pytest.approx(0.5)
    assert held(48) == pytest.approx(10 / 11)
    assert held(24) == pytest.approx(1 / 11)


@pytest.mark.parametrize(
    ("peptide", "error", "words"),
    [
        ("KIFGSLAF", ValueError, "with 8"),
        ("KIFGSLAFLL", ValueError, "with 10"),
        ("", ValueError, "with 0"),
        ("KIFGSLAFB", ValueError, "B is no amino acid"),
        ("KIFGSLAF1", ValueError, "1 is no amino acid"),
        ("KIFGSßAFL", ValueError, "is no amino acid|with 10"),
        (None, TypeError, "you gave None"),
        (123456789, TypeError, "123456789"),
        (list("KIFGSLAFL"), TypeError, "peptide must be 9 letters"),
    ],
)
def test_what_is_no_peptide_is_refused_in_words(peptide, error, words):
    with pytest.raises(error, match=words) as caught:
        contributions(peptide)
    assert "peptide must be 9 letters" in str(caught.value)


def test_the_matrix_cannot_be_changed_by_accident():
    with pytest.raises(ValueError, match="read-only"):
        peptide_binding.matrix()[0, 0] = 1
