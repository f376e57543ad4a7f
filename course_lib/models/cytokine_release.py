r"""Grades of cytokine release syndrome (CRS).

The ASTCT consensus of 2019 reads a grade from signs at the bedside, never from a blood level. The
worst sign decides:

$$\text{grade} = \max(\text{grade of each sign})$$

0 means that the signs make no syndrome, 5 is death; neither is in the consensus table of signs.
The nerve signs that can follow, ICANS, have grades of their own; none is worked out here.

From a cytokine level to signs there is no published rule that holds for every patient. ``signs``
is an assumption of this course, for teaching: it is not a clinical prediction.
"""

from typing import NamedTuple

import numpy as np

from course_lib import evidence
from course_lib.models.parameters import amount

#: What the blood pressure needs, with the grade. Vasopressin beside another does not make several.
BLOOD_PRESSURE = {"normal": 0, "low": 2, "one pressor": 3, "several pressors": 4}
#: What breathing needs: up to 6 L/min by nasal cannula is low flow.
OXYGEN = {"none": 0, "low flow": 2, "high flow": 3, "positive pressure": 4}


class Signs(NamedTuple):
    """Signs of CRS, in the order in which ``crs_grade`` takes them."""

    fever: np.ndarray
    blood_pressure: np.ndarray
    oxygen: np.ndarray


def crs_grade(fever, blood_pressure="normal", oxygen="none", treated=False):
    """Return the ASTCT grade of cytokine release syndrome, 0 to 4, one for each set of signs.

    Without fever there is no CRS, unless tocilizumab or steroids were given: then fever may be
    gone, and blood pressure and oxygen alone decide. Signs with another cause do not count.

    Arguments: ``fever``, True from 38 °C on; ``blood_pressure``, an id of ``BLOOD_PRESSURE``
    ("one pressor" with or without vasopressin); ``oxygen``, an id of ``OXYGEN`` ("high flow"
    also stands for a face mask; "positive pressure" for CPAP, BiPAP or a ventilator);
    ``treated``, True after tocilizumab or steroids. Single values, or arrays that fit together.
    Raises ``ValueError`` naming the allowed ids, ``TypeError`` for what is not True or False.
    Source: Lee 2019 (``cytokine_release.crs_rule``).
    """
    fever, treated = _truth("fever", fever), _truth("treated", treated)
    worst = np.maximum(
        _grade("blood_pressure", blood_pressure, BLOOD_PRESSURE), _grade("oxygen", oxygen, OXYGEN)
    )
    with_fever = np.maximum(worst, 1)
    return _plain(np.where(fever, with_fever, np.where(treated, worst, 0)))


def signs(level):
    """Return ``Signs`` at a cytokine level: an assumption of this course, not a measured rule.

    Fever begins at level 1; each further sign begins at a threshold of its own. Real patients
    with one and the same level can have different signs.

    Arguments: ``level``, in multiples of the level at which fever begins; any shape.
    Raises ``ValueError`` if a level is negative or not finite.
    Source: ``cytokine_release.low`` and its neighbours, kind assumption.
    """
    level = amount("level", level)
    return Signs(_plain(level >= 1), _reached(level, BLOOD_PRESSURE), _reached(level, OXYGEN))


def _reached(level, ids):
    """Return the id of the gravest sign whose threshold the level reaches."""
    first, *rest = ids
    starts = [evidence.get(f"cytokine_release.{each.replace(' ', '_')}").value for each in rest]
    return _plain(np.array([first, *rest])[np.searchsorted(starts, level, side="right")])


def _grade(name, given, grades):
    """Return the grades of one sign; refuse an unknown id and name the known ones."""
    found = np.asarray(given)
    if found.dtype.kind != "U" or not np.isin(found, list(grades)).all():
        allowed = ", ".join(repr(each) for each in grades)
        raise ValueError(f"{name} must be one of {allowed}, you gave {given!r}.")
    return np.select([found == each for each in grades], list(grades.values()))


def _truth(name, given):
    """Return True or False, or an array of them."""
    found = np.asarray(given)
    if found.dtype.kind != "b":
        raise TypeError(f"{name} must be True or False, you gave {given!r}.")
    return found


def _plain(array):
    """Return one value as Python writes it, several as an array."""
    return array.item() if np.ndim(array) == 0 else array
