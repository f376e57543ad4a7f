r"""How much of a receptor is bound: closed forms for binding at equilibrium.

Binding is fast compared with everything else in this course, so it is never integrated:
the bound fraction follows the concentration at once (quasi-equilibrium). The ligand is
assumed to be in excess, so that binding does not use it up; only ``complexes`` uses up both.
"""

from typing import NamedTuple

import numpy as np

from course_lib.models.parameters import amount


class Competition(NamedTuple):
    """Fractions of the receptor bound by the first ligand, by the second, and free."""

    first: np.ndarray
    second: np.ndarray
    free: np.ndarray


def occupancy(concentration, kd):
    r"""Return the bound fraction of a receptor.

    $$\theta = \frac{C}{C + K_d}$$

    The same curve with a functional $IC_{50}$ in place of $K_d$ gives the fraction of the
    maximal effect; the two constants are different quantities, from different assays.

    Arguments: ``concentration`` of free ligand and dissociation constant ``kd``, any shapes
    that fit together, in the same unit.
    Returns a fraction between 0 and 1.
    Raises ``ValueError`` if a concentration is negative or not finite, or ``kd`` not positive.
    Source: law of mass action; ``pembrolizumab.binding_kd``, ``pembrolizumab.functional_ic50``.
    """
    concentration = amount("concentration", concentration)
    return concentration / (concentration + amount("kd", kd, positive=True))


def competition(first, kd_first, second, kd_second):
    r"""Return how two ligands share one receptor, when only one of them can bind at a time.

    $$\theta_1 = \frac{L_1/K_1}{1 + L_1/K_1 + L_2/K_2},\qquad
      \theta_2 = \frac{L_2/K_2}{1 + L_1/K_1 + L_2/K_2}$$

    Arguments: free concentrations ``first`` and ``second`` and their dissociation constants
    ``kd_first`` and ``kd_second``, any shapes that fit together, all in the same unit.
    Returns ``Competition(first, second, free)``, three fractions that add up to 1.
    Raises ``ValueError`` if a concentration is negative or not finite, or a constant not
    positive.
    Source: law of mass action.
    """
    one = amount("first", first) / amount("kd_first", kd_first, positive=True)
    two = amount("second", second) / amount("kd_second", kd_second, positive=True)
    total = 1 + one + two
    return Competition(one / total, two / total, 1 / total)


def complexes(first, second, constant):
    r"""Return how many pairs two partners form if binding uses up both.

    $$X = \frac{(A - X)(C - X)}{K},\qquad
      X = \frac{2AC}{S + \sqrt{(A - C)^2 + K(K + 2A + 2C)}},\qquad S = A + C + K$$

    The second form is the smaller root, without a difference that could cancel.

    Arguments: total amounts ``first`` and ``second``, $A$ and $C$, and the dissociation
    ``constant`` $K$, any shapes that fit together, in the same unit. $K$ may be infinite: then
    nothing binds.
    Raises ``ValueError`` if an amount is negative or not finite, or $K$ negative or no number.
    Source: law of mass action.
    """
    first, second = amount("first", first), amount("second", second)
    constant = np.asarray(constant, dtype=float)
    if not np.all(constant >= 0):
        raise ValueError(f"constant must be at least 0, you gave {constant}.")
    scarce, plenty = np.minimum(first, second), np.maximum(first, second)
    both = scarce + plenty
    root = np.sqrt((plenty - scarce) ** 2 + constant * (constant + 2 * both))
    with np.errstate(invalid="ignore"):
        part = 2 * plenty / (both + constant + root)
    return (scarce * np.where(np.isfinite(part), part, 0))[()]


def micrograms_per_ml_to_nanomolar(concentration, molar_mass_kda):
    r"""Return a mass concentration as a number of molecules.

    $$C_{nM} = \frac{1000\;C_{\mu g/mL}}{M_{kDa}}$$

    Arguments: ``concentration`` in µg/mL (the same number as mg/L); ``molar_mass_kda`` in kDa
    (the same number as kg/mol).
    Raises ``ValueError`` if the concentration is negative or not finite, or the mass not
    positive.
    Source: ``pembrolizumab.molar_mass``.
    """
    mass = amount("molar_mass_kda", molar_mass_kda, positive=True)
    return 1000 * amount("concentration", concentration) / mass
