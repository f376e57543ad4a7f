r"""A teaching matrix: how well HLA-A*02:01 holds a peptide of nine amino acids.

Each amino acid adds points by its position, and the points add up:

$$S = \sum_{i=1}^{9} M_{i,a_i},\qquad
  h = \frac{1}{1 + 10^{\,(S_{1/2} - S)/w}}$$

$h$ turns the score into an illustrative strength, the share of time for which the peptide is
held. Positions 2 and 9 are the anchors: their side chains reach into pockets of the molecule.

It is not a predictor: its points were set by hand from published motifs, and fitted to nothing.
"""

from functools import cache

import numpy as np

from course_lib import evidence

#: The twenty amino acids by their letters, in the order of the matrix's columns.
AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY"
POSITIONS = 9
#: Which positions are anchors, counted from 1.
ANCHORS = (2, 9)
HYDROPHOBIC, AROMATIC, CHARGED, ACIDIC = "AFILMVWY", "FWY", "DEHKR", "DE"
#: What a letter adds, as (positions, letters, key): a later line replaces an earlier one.
RULES = (
    ((1, 3, 4, 5, 6, 7, 8), HYDROPHOBIC, "hydrophobic"),
    ((3, 4, 5, 6, 7, 8), CHARGED, "charged"),
    ((1,), ACIDIC, "charged"),
    ((1,), AROMATIC, "auxiliary"),
    ((3,), AROMATIC, "position_3"),
    ((6,), "IL", "auxiliary_weak"),
    ((6,), "V", "auxiliary"),
    (ANCHORS, AMINO_ACIDS, "anchor_unsuited"),
    ((2,), "IVATQ", "anchor_tolerated"),
    ((9,), "IMAT", "anchor_tolerated"),
    ((2,), "M", "anchor_good"),
    ((9,), "L", "anchor_good"),
    ((2,), "L", "anchor_best"),
    ((9,), "V", "anchor_best"),
)


@cache
def matrix():
    """Return the points $M$, shape (9, 20): positions, and letters as in ``AMINO_ACIDS``.

    Source: ``peptide_binding.*``: own numbers, after the motif of Rötzschke 1992, with what
    Sidney 2001 and Ruppert 1993 add to it.
    """
    points = np.zeros((POSITIONS, len(AMINO_ACIDS)))
    for positions, letters, key in RULES:
        columns = [AMINO_ACIDS.index(letter) for letter in letters]
        rows = np.subtract(positions, 1)
        points[np.ix_(rows, columns)] = evidence.get(f"peptide_binding.{key}").value
    points.flags.writeable = False
    return points


def contributions(peptide):
    """Return the points of each position of ``peptide``, shape (9,).

    Arguments: ``peptide``, nine letters of the twenty amino acids, such as "KIFGSLAFL".
    Raises ``TypeError`` if it is not text, and ``ValueError`` if it has not nine letters or one
    of them is no amino acid; small letters count as capitals.
    Source: ``peptide_binding.*``.
    """
    rule = f"peptide must be {POSITIONS} letters of {AMINO_ACIDS}"
    if not isinstance(peptide, str):
        raise TypeError(f"{rule}, you gave {peptide!r}.")
    letters = peptide.strip().upper()
    if len(letters) != POSITIONS:
        raise ValueError(f"{rule}, you gave {peptide!r} with {len(letters)}.")
    unknown = [letter for letter in letters if letter not in AMINO_ACIDS]
    if unknown:
        raise ValueError(f"{rule}, you gave {peptide!r}: {unknown[0]} is no amino acid.")
    return matrix()[np.arange(POSITIONS), [AMINO_ACIDS.index(letter) for letter in letters]]


def score(peptide):
    """Return the score $S$ of ``peptide``, points; arguments and refusals as ``contributions``."""
    return float(contributions(peptide).sum())


def held(points):
    r"""Return the illustrative strength $h = 1/(1 + 10^{(S_{1/2} - S)/w})$, 0 to 1.

    Arguments: ``points``, a score or an array of any shape.
    Source: ``peptide_binding.half_held``, ``peptide_binding.points_per_decade``.
    """
    half = evidence.get("peptide_binding.half_held").value
    width = evidence.get("peptide_binding.points_per_decade").value
    return 1 / (1 + 10 ** ((half - np.asarray(points, dtype=float)) / width))[()]


def extremes():
    """Return the lowest and the highest score that a peptide can have."""
    return float(matrix().min(axis=1).sum()), float(matrix().max(axis=1).sum())
