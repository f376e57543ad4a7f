r"""Who can be treated: HLA types by Hardy–Weinberg, and the steps from a patient to a treatment.

A person has two copies of each HLA gene. If they are drawn independently, the share of people
with at least one copy of an allele of frequency $f$, or of one of several alleles, is

$$c = 1 - \left(1 - \sum_k f_k\right)^2$$

A TCR needs its HLA type, and its antigen in the tumour; a CAR needs a surface antigen and no HLA
type; TIL need a clone that responds to the tumour, and strongly enough. Of $N$ patients are left
after each step, if the steps do not depend on each other,

$$N_j = N \prod_{i \le j} q_i$$

A teaching model: it is not a forecast for a trial.
"""

from typing import NamedTuple

import numpy as np

from course_lib.models.parameters import checked

#: The steps from all patients to those who can be treated, the same for every kind of cell.
STEPS = ("HLA type", "target", "product", "fit")
#: Standard normal quantile of a 95 % interval.
Z = 1.959964


class Interval(NamedTuple):
    """The bounds of a 95 % confidence interval of a share."""

    low: np.ndarray
    high: np.ndarray


def carriers(frequencies):
    r"""Return the share of people who carry at least one of some alleles of one gene.

    $$c = 1 - \left(1 - \sum_k f_k\right)^2$$

    Argument: ``frequencies`` $f_k$ of the alleles, one number or a list, together at most 1.
    Raises ``ValueError`` or ``TypeError`` if a frequency, or their sum, is not between 0 and 1.
    Source: Hardy and Weinberg 1908, in every textbook; it fits HLA-A in most groups of organ
    donors (``hla.hardy_weinberg``).
    """
    together = np.sum(checked("frequencies", frequencies, 0, 1))
    together = checked("the sum of the frequencies", float(together), 0, 1 + 1e-9)
    return float(1 - max(1 - together, 0.0) ** 2)


def remaining(patients, shares):
    r"""Return how many patients are left at the start and after each step, $N \prod q_i$.

    Arguments: ``patients`` $N$, 0 to 1e9; ``shares`` $q_i$, those who pass each step, 0 to 1,
    shape (steps,).
    Returns shape (steps + 1,).
    Raises ``ValueError`` or ``TypeError`` naming the argument, the allowed range and the value.
    """
    patients = checked("patients", patients, 0, 1e9, scalar=True)
    shares = np.atleast_1d(checked("shares", shares, 0, 1))
    return patients * np.cumprod(np.append(1.0, shares))


def car(antigen, product, fit):
    """Return the shares that pass each of ``STEPS`` for CAR-T cells: no HLA type is needed.

    Arguments, 0 to 1: ``antigen``, tumours with the surface antigen; ``product``, cells that can
    be made; ``fit``, patients still fit when they are ready.
    Raises ``ValueError`` or ``TypeError`` naming the argument, the allowed range and the value.
    """
    return _shares(hla=1.0, antigen=antigen, product=product, fit=fit)


def tcr(frequencies, antigen, product, fit):
    """Return the shares that pass each of ``STEPS`` for cells with a new T cell receptor.

    Arguments: ``frequencies`` of the HLA alleles it works with, as in ``carriers``; the rest, 0 to
    1, as in ``car``, but the antigen may lie inside the cell.
    Raises ``ValueError`` or ``TypeError`` naming the argument, the allowed range and the value.
    """
    return _shares(hla=carriers(frequencies), antigen=antigen, product=product, fit=fit)


def til(reactive, robust, fit):
    """Return the shares that pass each of ``STEPS`` for TIL: whatever HLA type they work with.

    Arguments, 0 to 1: ``reactive``, patients with a clone that responds to the tumour; ``robust``,
    those of them whose response is strong enough; ``fit`` as in ``car``.
    Raises ``ValueError`` or ``TypeError`` naming the argument, the allowed range and the value.
    """
    return _shares(hla=1.0, reactive=reactive, robust=robust, fit=fit)


def _shares(**shares):
    """Return the shares as an array, each checked under its own name."""
    return np.array([checked(name, each, 0, 1, scalar=True) for name, each in shares.items()])


def interval(successes, number):
    r"""Return the 95 % ``Interval`` of a share seen in a small group, by Wilson's score.

    $$\frac{k + z^2/2 \mp z\sqrt{k(n-k)/n + z^2/4}}{n + z^2},\qquad z = 1.96$$

    Arguments: ``successes`` $k$ of ``number`` $n$, whole numbers, $0 \le k \le n$, $n \ge 1$.
    Raises ``ValueError`` or ``TypeError`` naming the argument, the allowed range and the value.
    Source: Wilson 1927, in every textbook.
    """
    number = checked("number", number, 1, 1e9, whole=True)
    successes = checked("successes", successes, 0, number, whole=True)
    spread = Z * np.sqrt(successes * (number - successes) / number + Z**2 / 4)
    middle = successes + Z**2 / 2
    return Interval(*((middle + each) / (number + Z**2) for each in (-spread, spread)))
