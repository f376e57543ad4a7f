"""Parameters with a source, a unit and an allowed range: shared by all models."""

from dataclasses import field, fields
from difflib import get_close_matches
from numbers import Real

import numpy as np

from course_lib import evidence


def given(key, low, high, unit, *, scalar=False, whole=False):
    """Declare a dataclass field whose default is an evidence value.

    Arguments: ``key``, evidence key of the default; ``low`` and ``high``, the physical
    domain (a slider may use less); ``unit``; ``scalar``, one number for all patients only;
    ``whole``, one whole number only.
    """
    limits = {"low": low, "high": high, "unit": unit, "scalar": scalar, "whole": whole, "key": key}
    return field(default_factory=lambda: evidence.get(key).value, metadata=limits)


def required(low, high, unit):
    """Declare a dataclass field without a default: its domain and unit."""
    limits = {"low": low, "high": high, "unit": unit, "scalar": False, "whole": False}
    return field(metadata=limits | {"key": None})


def checked(name, value, low, high, unit="", *, scalar=False, whole=False):
    """Return ``value`` as a float, or as a read-only array of floats (patients,).

    Raises ``TypeError`` if it is not a number or a list of numbers, and ``ValueError`` if
    a number is missing (NaN) or outside ``low`` to ``high``. The message names the
    setting, the allowed range and the value given.
    """
    kind = "a whole number " if whole else "one number " if scalar else ""
    plural = {"": "", "day": " days"}.get(unit, f" {unit}")
    rule = f"{name} must be {kind}between {low:g} and {high:g}{plural}"
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, Real) and not isinstance(value, bool | np.bool_):
        number = float(value)
        if not low <= number <= high or (whole and number != int(number)):
            raise ValueError(f"{rule}, you gave {_shown(value)}.")
        return int(number) if whole else number
    if scalar or whole or isinstance(value, str | bytes | bool | np.bool_ | None):
        raise TypeError(f"{rule}, you gave {value!r}.")
    try:
        numbers = np.asarray(value)
    except ValueError:
        numbers = np.array(None)
    if numbers.dtype.kind not in "iuf" or numbers.ndim != 1 or numbers.size == 0:
        raise TypeError(f"{rule}, as one number or one per patient, you gave {value!r}.")
    wrong = np.flatnonzero(~((numbers >= low) & (numbers <= high)))
    if wrong.size:
        first = wrong[0]
        given_there = _shown(numbers[first])
        raise ValueError(f"{rule}, you gave {given_there} for patient {first} (counted from 0).")
    numbers = numbers.astype(float)  # a copy
    numbers.flags.writeable = False
    return numbers


def patients_in(**values):
    """Return how many patients the given values describe: 1, or the common length.

    Raises ``ValueError`` if two lists of patients differ in length.
    """
    lengths = {name: np.size(value) for name, value in values.items() if np.ndim(value)}
    longest = max(lengths.values(), default=1)
    for name, length in lengths.items():
        if length not in (1, longest):
            other = next(known for known, size in lengths.items() if size == longest)
            raise ValueError(
                f"{name} has {length} values and {other} has {longest}: "
                "give one value, or one per patient."
            )
    return longest


def amount(name, value, *, positive=False):
    """Return ``value`` as an array of floats, any shape; refuse what cannot be an amount.

    Raises ``ValueError`` naming it if a number is negative (or 0, if ``positive``), not finite
    or no number at all.
    """
    try:
        array = np.asarray(value)
    except ValueError:  # a list of lists of different lengths
        array = np.array(None)
    number = array.dtype.kind in "iuf"
    if number and np.all(np.isfinite(array) & (array > 0 if positive else array >= 0)):
        return array.astype(float)
    rule = "above 0" if positive else "at least 0"
    raise ValueError(f"{name} must be a finite number {rule}, you gave {value!r}.")


class Parameters:
    """Base of the frozen dataclasses that hold parameters: refuses what makes no sense."""

    def __new__(cls, *values, **named):
        names = [each.name for each in fields(cls)]
        for name in named:
            if name not in names:
                near = get_close_matches(name, names, n=1)
                hint = f"Did you mean '{near[0]}'? " if near else ""
                raise TypeError(
                    f"{cls.__name__} has no setting '{name}'. {hint}"
                    f"Its settings are {', '.join(names)}."
                )
        if len(values) > len(names):
            raise TypeError(
                f"{cls.__name__} takes at most {len(names)} values, you gave {len(values)}."
            )
        return super().__new__(cls)

    def __post_init__(self):
        for each in fields(self):
            limits = {name: rule for name, rule in each.metadata.items() if name != "key"}
            object.__setattr__(
                self, each.name, checked(each.name, getattr(self, each.name), **limits)
            )
        patients_in(**{each.name: getattr(self, each.name) for each in fields(self)})


def _shown(value):
    """Write one number as a person would."""
    return "NaN, which is not a number" if value != value else f"{value:g}"
