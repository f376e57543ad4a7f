r"""How much of a receptor is bound: closed forms for binding at equilibrium.

Binding is fast compared with everything else in this course, so it is never integrated:
the bound fraction follows the concentration at once (quasi-equilibrium). The ligand is
assumed to be in excess: binding does not use it up.
"""

from typing import NamedTuple

import numpy as np


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
    concentration = _at_least_zero("concentration", concentration)
    return concentration / (concentration + _positive("kd", kd))


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
    one = _at_least_zero("first", first) / _positive("kd_first", kd_first)
    two = _at_least_zero("second", second) / _positive("kd_second", kd_second)
    total = 1 + one + two
    return Competition(one / total, two / total, 1 / total)


def concentration_for(fraction, half):
    r"""Return the concentration that binds a wanted fraction: ``occupancy`` read backwards.

    $$C = \frac{\theta}{1 - \theta}\,K$$

    Arguments: ``fraction`` from 0 up to, but not including, 1; ``half``, the concentration
    that gives one half ($K_d$ or $IC_{50}$), any unit.
    Returns the concentration in the unit of ``half``: 19 times ``half`` for 95 %.
    Raises ``ValueError`` if the fraction is outside 0 to 1 or ``half`` not positive.
    Source: law of mass action.
    """
    fraction = np.asarray(fraction, dtype=float)[()]
    if not np.all((fraction >= 0) & (fraction < 1)):
        raise ValueError(
            f"fraction must be between 0 and 1, without 1 itself, you gave {fraction}: "
            "no concentration binds every receptor."
        )
    return _positive("half", half) * fraction / (1 - fraction)


def micrograms_per_ml_to_nanomolar(concentration, molar_mass_kda):
    r"""Return a mass concentration as a number of molecules.

    $$C_{nM} = \frac{1000\;C_{\mu g/mL}}{M_{kDa}}$$

    Arguments: ``concentration`` in µg/mL (the same number as mg/L); ``molar_mass_kda`` in kDa
    (the same number as kg/mol).
    Raises ``ValueError`` if the concentration is negative or not finite, or the mass not
    positive.
    Source: ``pembrolizumab.molar_mass``.
    """
    mass = _positive("molar_mass_kda", molar_mass_kda)
    return 1000 * _at_least_zero("concentration", concentration) / mass


def nanomolar_to_micrograms_per_ml(concentration, molar_mass_kda):
    r"""Return a number of molecules as a mass concentration.

    $$C_{\mu g/mL} = \frac{C_{nM}\,M_{kDa}}{1000}$$

    Arguments: ``concentration`` in nM; ``molar_mass_kda`` in kDa. Returns µg/mL.
    Raises ``ValueError`` if the concentration is negative or not finite, or the mass not
    positive.
    Source: ``pembrolizumab.molar_mass``.
    """
    mass = _positive("molar_mass_kda", molar_mass_kda)
    return _at_least_zero("concentration", concentration) * mass / 1000


def _at_least_zero(name, values):
    values = np.asarray(values, dtype=float)[()]
    if not np.all((values >= 0) & np.isfinite(values)):
        raise ValueError(f"{name} must be finite and at least 0, you gave {values}.")
    return values


def _positive(name, values):
    values = np.asarray(values, dtype=float)[()]
    if not np.all((values > 0) & np.isfinite(values)):
        raise ValueError(f"{name} must be finite and above 0, you gave {values}.")
    return values
