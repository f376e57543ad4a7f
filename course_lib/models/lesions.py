"""The lesions of one patient, scan by scan, as a radiologist writes them down."""

from dataclasses import dataclass

import numpy as np

from course_lib import evidence

STATUSES = ("absent", "present", "progression", "not assessed")
LARGEST = 500  # mm, beyond any lesion of a living patient


@dataclass(frozen=True, eq=False)
class LesionTable:
    """What was seen at each scan; row 0 is the baseline.

    Arguments
        days: of the scans, shape (visits,), from day 0 upwards.
        sizes: of the target lesions, mm, shape (visits, lesions): longest diameter, for nodes
            the short axis. 0 if gone, 5 if seen but too small to measure (``recist.too_small``),
            NaN if not assessed.
        node: whether each lesion is a lymph node, shape (lesions,); default: none is.
        organ: name of each lesion's organ, shape (lesions,), to check the two per organ; all
            nodes count as one organ. Default: not checked, but for nodes.
        non_target: per visit "absent", "present", "progression" (unequivocal) or "not
            assessed". Default: there are none. "absent" at baseline means the same.
        non_target_larger: per visit, whether they grew since the last scan, clearly or not.
        new_lesions: per visit, how many new lesions have been found since baseline.
        new_sum: per visit, mm, sum of the new lesions: 0 if none is left, NaN if not measured.
        new_larger: per visit, whether new lesions that were not measured grew.

    Raises ``TypeError`` or ``ValueError`` naming the field, what is allowed and the value.
    Source: ``recist.*``; Eisenhauer 2009, Seymour 2017.
    """

    days: np.ndarray
    sizes: np.ndarray
    node: np.ndarray | None = None
    organ: tuple | None = None
    non_target: tuple | None = None
    non_target_larger: np.ndarray | None = None
    new_lesions: np.ndarray | None = None
    new_sum: np.ndarray | None = None
    new_larger: np.ndarray | None = None

    def __post_init__(self):
        days = _numbers("days", self.days, 1, 0, 10000, "days", missing=False)
        visits = days.size
        if visits < 2 or days[0] != 0 or (np.diff(days) <= 0).any():
            raise ValueError(
                "days must start at 0, the baseline, and rise, with at least two scans, "
                f"you gave {days.tolist()}."
            )
        sizes = _numbers("sizes", self.sizes, 2, 0, LARGEST, "mm")
        if len(sizes) != visits:
            raise ValueError(
                f"sizes must have one row per scan, {visits} rows, you gave {len(sizes)}."
            )
        lesions = sizes.shape[1]
        node = _flags("node", self.node, lesions, "lesion")
        organ = _words("organ", self.organ, lesions, "lesion")
        _check_baseline(sizes[0], node, organ)

        non_target = _words("non_target", self.non_target, visits, "scan") or ("absent",) * visits
        for visit, status in enumerate(non_target):
            allowed = STATUSES if visit else STATUSES[:2]
            if status not in allowed or (non_target[0] == "absent" and status != "absent"):
                raise ValueError(
                    f"non_target must be one of {', '.join(allowed)}, and absent at all scans if "
                    f"absent at baseline, you gave {status!r} for scan {visit}."
                )
        grew = _flags("non_target_larger", self.non_target_larger, visits, "scan")
        seen = np.isin(non_target, ("present", "progression"))
        _need("non_target_larger", grew & (~seen | (days == 0)), "False where none was seen")

        found = np.zeros(visits) if self.new_lesions is None else self.new_lesions
        found = _numbers("new_lesions", found, 1, 0, 100, "lesions", missing=False, length=visits)
        steps = np.diff(found, prepend=0)
        _need("new_lesions", (found % 1 > 0) | (steps < 0), "whole numbers that never fall")
        _need("new_lesions", found * (days == 0) > 0, "0 at baseline")
        total = np.where(found > 0, np.nan, 0.0) if self.new_sum is None else self.new_sum
        total = _numbers("new_sum", total, 1, 0, 100 * LARGEST, "mm", length=visits)
        _need("new_sum", (found == 0) & (total != 0), "0 before a new lesion is found")
        _need("new_sum", (steps > 0) & (total == 0), "above 0 when a new lesion is found")
        new_larger = _flags("new_larger", self.new_larger, visits, "scan")
        _need("new_larger", new_larger & (total == 0), "False where no new lesion is seen")
        checked = (days, sizes, node, organ, non_target, grew, found, total, new_larger)
        for name, value in zip(self.__dataclass_fields__, checked, strict=True):
            if isinstance(value, np.ndarray):
                value.flags.writeable = False
            object.__setattr__(self, name, value)

    def visible(self):
        """Return whether a new lesion is there at each scan, shape (visits,)."""
        return (self.new_lesions > 0) & (self.new_sum != 0)


def _check_baseline(sizes, node, organ):
    """Refuse target lesions that RECIST 1.1 would not accept."""
    most = evidence.get("recist.targets").value
    if not 1 <= sizes.size <= most:
        raise ValueError(f"sizes must have 1 to {most} target lesions, you gave {sizes.size}.")
    least = {
        False: evidence.get("recist.lesion_minimum").value,
        True: evidence.get("recist.node_minimum").value,
    }
    for lesion, (size, is_node) in enumerate(zip(sizes, node.tolist(), strict=True)):
        if not size >= least[is_node]:
            raise ValueError(
                f"sizes at baseline must be at least {least[is_node]} mm for a "
                f"{'lymph node' if is_node else 'lesion that is no node'}, you gave "
                f"{'NaN' if np.isnan(size) else f'{size:g}'} for lesion {lesion} (counted from 0)."
            )
    names = organ or [None] * sizes.size
    names = ["lymph nodes" if is_node else name for name, is_node in zip(names, node, strict=True)]
    most = evidence.get("recist.targets_per_organ").value
    for name in filter(None, names):
        if names.count(name) > most:
            raise ValueError(
                f"organ must name each organ at most {most} times, you gave "
                f"{names.count(name)} lesions in {name}."
            )


def _numbers(name, value, axes, low, high, unit, *, missing=True, length=None):
    """Return a copy as floats; refuse another shape, and numbers outside the range."""
    rule = f"{name} must be numbers between {low:g} and {high:g} {unit}"
    shape = {1: "one per scan", 2: "one row per scan and one column per lesion"}[axes]
    try:
        numbers = np.asarray(value)
    except ValueError:
        numbers = np.array(None)
    if numbers.dtype.kind not in "iuf" or numbers.ndim != axes or not numbers.size:
        raise TypeError(f"{rule}, {shape}, you gave {value!r}.")
    numbers = numbers.astype(float)
    if length is not None and numbers.size != length:
        raise ValueError(f"{rule}, {shape}, {length} in all, you gave {numbers.size}.")
    wrong = ~((numbers >= low) & (numbers <= high) | (missing & np.isnan(numbers)))
    if wrong.any():
        allowed = " (NaN: not assessed)" if missing else ""
        raise ValueError(f"{rule}{allowed}, you gave {numbers[wrong][0]:g}.")
    return numbers


def _flags(name, value, length, each):
    """Return a copy as booleans, all False by default; refuse anything but True and False."""
    if value is None:
        return np.zeros(length, dtype=bool)
    given = np.asarray(value) if isinstance(value, np.ndarray | list | tuple) else np.array(0)
    if given.dtype != bool or given.ndim != 1:
        raise TypeError(f"{name} must be True or False, one per {each}, you gave {value!r}.")
    if given.size != length:
        raise ValueError(f"{name} must have one value per {each}, {length}, you gave {given.size}.")
    return given.copy()


def _words(name, value, length, each):
    """Return a tuple of strings, or None by default; refuse anything else."""
    if value is None:
        return None
    if not isinstance(value, list | tuple | np.ndarray) or not all(
        isinstance(word, str) and word for word in value
    ):
        raise TypeError(f"{name} must be words, one per {each}, you gave {value!r}.")
    if len(value) != length:
        raise ValueError(f"{name} must have one word per {each}, {length}, you gave {len(value)}.")
    return tuple(str(word) for word in value)


def _need(name, wrong, rule):
    """Refuse the scans where ``wrong`` is true."""
    if np.any(wrong):
        raise ValueError(f"{name} must be {rule}, you gave another at scan {np.argmax(wrong)}.")
