r"""Bridging: how many pairs of target and effector receptor a bispecific antibody connects.

Target $A$, antibody $B$ and effector receptor $C$, with constants $K_A$ and $K_C$ for the first
bond and a cooperativity $\alpha$: with one side bound, the other binds $\alpha$ times as well.
At a free antibody concentration $b$, the bridges $T = [ABC]$ follow from one quadratic:

$$T = \kappa\,(A_t - T)(C_t - T),\qquad \kappa = \frac{\alpha\,b}{(K_A + b)(K_C + b)}$$

$\kappa$ has its maximum at $b = \sqrt{K_A K_C}$: with too much antibody every target and every
receptor carries an antibody of its own, and no bridge is left to build (hook effect).

All partners move freely in a solution here; on two membranes the numbers differ.
A teaching model: it is not a clinical prediction.
"""

from typing import NamedTuple

import numpy as np

from course_lib.models.binding import complexes
from course_lib.models.parameters import amount

#: Halvings of the logarithmic interval in which the free antibody is sought: to the last digit.
HALVINGS = 60


class Ternary(NamedTuple):
    """Concentrations at equilibrium, in the unit that went in."""

    bridges: np.ndarray
    on_target: np.ndarray
    on_effector: np.ndarray
    free_target: np.ndarray
    free_antibody: np.ndarray
    free_effector: np.ndarray


class Best(NamedTuple):
    """The antibody concentration that builds most bridges, and how many it builds."""

    antibody: np.ndarray
    bridges: np.ndarray


def ternary(target, antibody, effector, kd_target, kd_effector, cooperativity=1.0):
    r"""Return ``Ternary``: who is bound to whom at equilibrium.

    $$A_t = a\left(1 + \frac{b}{K_A}\right) + T,\quad C_t = c\left(1 + \frac{b}{K_C}\right) + T,
      \quad B_t = b + \frac{ab}{K_A} + \frac{bc}{K_C} + T,\quad T = \frac{\alpha\,abc}{K_A K_C}$$

    Arguments: total concentrations ``target``, ``antibody``, ``effector`` and constants
    ``kd_target``, ``kd_effector``, all in one unit; ``cooperativity``, 1 for none; numbers or
    arrays that fit together.
    Raises ``ValueError`` if an amount is negative, a constant not positive, or one not finite.
    Source: Douglass 2013 (``bispecifics.model``).
    """
    target, antibody, effector, kd_target, kd_effector, cooperativity = _checked(
        target=target,
        antibody=antibody,
        effector=effector,
        kd_target=kd_target,
        kd_effector=kd_effector,
        cooperativity=cooperativity,
    )
    rest = (target, effector, kd_target, kd_effector, cooperativity)
    # The total antibody rises with the free one, so halving the interval finds it. The free one
    # is at most all of it, and at least what would be left if no partner were ever used up.
    target_sites, effector_sites = target / kd_target, effector / kd_effector
    partners = target_sites + effector_sites + cooperativity * target_sites * effector_sites
    low, high = antibody / (1 + partners), antibody
    for _ in range(HALVINGS):
        middle = np.sqrt(low * high)
        above = sum(_bound(middle, *rest)[:3], middle) > antibody
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    bound = _bound(high, *rest)
    return Ternary(*(part[()] for part in (*bound[:4], high, bound[4])))


def best(target, effector, kd_target, kd_effector, cooperativity=1.0):
    r"""Return ``Best``: position and height of the maximum, exactly.

    $$B^* = \sqrt{K_A K_C} + \frac{A_t\sqrt{K_C} + C_t\sqrt{K_A}}{\sqrt{K_A} + \sqrt{K_C}}$$

    $$T^* = \psi - \sqrt{\psi^2 - A_t C_t},\qquad
      \psi = \frac{1}{2}\left[A_t + C_t + \frac{(\sqrt{K_A} + \sqrt{K_C})^2}{\alpha}\right]$$

    Cooperativity raises the maximum but does not move it.

    Arguments and refusals as ``ternary``.
    Source: Douglass 2013; with unequal constants and cooperativity calculated by the course
    (``bispecifics.model``).
    """
    target, effector, kd_target, kd_effector, cooperativity = _checked(
        target=target,
        effector=effector,
        kd_target=kd_target,
        kd_effector=kd_effector,
        cooperativity=cooperativity,
    )
    root_target, root_effector = np.sqrt(kd_target), np.sqrt(kd_effector)
    both = root_target + root_effector
    antibody = root_target * root_effector
    antibody = antibody + (target * root_effector + effector * root_target) / both
    return Best(antibody[()], complexes(target, effector, both**2 / cooperativity)[()])


def _bound(free, target, effector, kd_target, kd_effector, cooperativity):
    """Return bridges, antibody on target, on effector, free target, free effector."""
    share_target, share_effector = free / (kd_target + free), free / (kd_effector + free)
    with np.errstate(divide="ignore"):  # without antibody no bridge forms: 1/kappa is infinite
        inverse = (kd_target + free) / share_effector / cooperativity
    bridges = complexes(target, effector, inverse)
    rest_target, rest_effector = target - bridges, effector - bridges
    return (
        bridges,
        rest_target * share_target,
        rest_effector * share_effector,
        rest_target * (1 - share_target),
        rest_effector * (1 - share_effector),
    )


def _checked(**values):
    """Return the values as arrays of one shape; refuse what makes no sense, by name."""
    amounts = ("target", "antibody", "effector")
    arrays = [amount(name, each, positive=name not in amounts) for name, each in values.items()]
    return np.broadcast_arrays(*arrays)
