"""Eight invented patients, A to H, whose scans students read. No patient is real.

The lesions of D and E come from ``pseudoprogression``: two courses that look the same at the first
scan. Each of the others is made to show one rule.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from course_lib import evidence
from course_lib.models.pseudoprogression import Lesion
from course_lib.models.response_monitoring import LesionTable, irecist, recist

SCANS = int(evidence.get("reading_scans.scan").high)
EVERY = int(evidence.get("reading_scans.every").value)
WEEKS = EVERY * np.arange(SCANS + 1)
NAMES = ("lesion A", "lesion B", "node")
NOT_SEEN = np.nan
#: Diameters at baseline of the two patients from the model: two lesions and a node, mm.
MODELLED = (36.0, 24.0, 20.0)
EARLY = 3  # weeks: too early for a repeat scan


@dataclass(frozen=True)
class Case:
    """A patient: target lesions by scan, mm, and what else was seen; as in ``LesionTable``."""

    sizes: tuple | np.ndarray
    weeks: tuple = tuple(WEEKS.tolist())
    new: dict | None = None
    non_target: tuple | None = None
    larger: tuple | None = None

    def table(self):
        """Return the ``LesionTable``; a third lesion is a lymph node."""
        sizes = np.array(self.sizes, dtype=float)
        return LesionTable(
            days=7.0 * np.array(self.weeks),
            sizes=sizes,
            node=[False, False, True][: sizes.shape[1]],
            non_target=self.non_target,
            non_target_larger=self.larger,
            **(self.new or {}),
        )


def modelled(lesion):
    """Return a patient with such lesions, measured to the millimetre."""
    return Case(np.round(lesion.sizes(7.0 * WEEKS)))


def pseudoprogression():
    """Return the lesions of patient D: immune cells come in while the tumour shrinks."""
    return Lesion(diameter=MODELLED)


def progression():
    """Return the lesions of patient E: they truly grow, and look the same at scan 1."""
    return pseudoprogression().grown_alike(7.0 * EVERY)


CASES = {
    # Complete response, though a node still has a size.
    "a": Case(((44, 26, 20), (32, 18, 16), (20, 10, 12), (0, 0, 9), (0, 0, 8))),
    # Small sums: 20 % is not enough without 5 mm.
    "b": Case(((18, 12), (12, 8), (14, 10), (15, 10), (18, 13))),
    # Progression counts from the smallest sum, though half of the first is gone.
    "c": Case(((46, 34, 20), (30, 20, 14), (18, 12, 10), (24, 16, 10), (28, 20, 12))),
    "d": modelled(pseudoprogression()),
    "e": modelled(progression()),
    # A new lesion, while all others shrink.
    "f": Case(
        ((40, 30, 18), (27, 20, 13), (20, 15, 11), (17, 12, 9), (15, 10, 8)),
        new={"new_lesions": (0, 1, 1, 1, 1), "new_sum": (0, 12, 8, 6, 0)},
    ),
    # A target lesion that is not assessed, then progression of what is not measured.
    "g": Case(
        ((30, 25, 17), (26, NOT_SEEN, 15), (22, 18, 13), (21, 18, 12), (21, 17, 12)),
        non_target=("present", "present", "present", "progression", "progression"),
        larger=(False, False, True, True, True),
    ),
    # A repeat scan that comes too early to count.
    "h": Case(
        ((32, 28), (40, 35), (43, 38), (45, 39), (49, 43)),
        weeks=(0, EVERY, EVERY + EARLY, 2 * EVERY, 3 * EVERY),
    ),
}


@cache
def read(case):
    """Return a patient's ``LesionTable``, ``Recist`` and ``IRecist``; ``case`` as in ``CASES``."""
    table = CASES[case].table()
    return table, recist(table), irecist(table)
