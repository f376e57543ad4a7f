r"""A tumour, effector cells and IL-2: large, swinging or small, by the tumour's antigenicity.

The model of Kirschner and Panetta (1998), with effector cells $E$, tumour cells $T$ and IL-2
$I$; the antigenicity $c$ says how many effector cells the tumour calls:

$$\dot E = c\,T - \mu_2 E + \frac{p_1 E\,I}{g_1 + I} + s_1,\qquad
  \dot T = r_2 T (1 - b\,T) - \frac{a\,E\,T}{g_2 + T},\qquad
  \dot I = \frac{p_2 E\,T}{g_3 + T} - \mu_3 I + s_2$$

Its speeds are those of tumours in mice or dishes: this tumour doubles in under four days.

Below one tumour cell the equations say nothing. They divide a cell into fractions, and may
let a tumour grow again from a millionth of one. That is neither a cure nor a return.

A teaching model: it is not a clinical prediction.
"""

from dataclasses import dataclass
from math import exp, inf, log
from typing import NamedTuple

import numpy as np

from course_lib.models.parameters import Parameters, checked, given

MOST_CELLS = 1e12
LOG_CELLS_MAX = 32.0  # 8e13 cells: effector cells that grow without end stop there
#: Steps: a part of the time in which a logarithm changes by one, and days at most.
STEP, LONGEST = 0.4, 1.5
#: Tumours at which the balance of effector cells is looked at, to find where it changes sign.
SCAN, HALVINGS = 4000, 60
SMALLEST = 1e-6  # cells: no equilibrium is sought below


@dataclass(frozen=True)
class KirschnerPanetta(Parameters):
    r"""The rates of the model, in cells and days; the unit of IL-2 is free.

    Arguments, one number each
        antigenicity: $c$, effector cells that one tumour cell calls, per day.
        effector_death: $\mu_2$, per day.
        stimulation: $p_1$, fastest rate at which IL-2 makes effector cells multiply, per day.
        half_stimulation: $g_1$, IL-2 at which half of that is reached, units.
        growth: $r_2$, per day.
        crowding: $b$, one over the most tumour cells that the tissue can hold, per cell.
        killing: $a$, tumour cells that one effector cell kills at most, per day.
        half_killing: $g_2$, tumour cells at which half of that is reached, cells.
        il2_loss: $\mu_3$, per day.
        il2_production: $p_2$, by one effector cell at most, units per day.
        half_production: $g_3$, tumour cells at which half of that is reached, cells.
        effector_inflow: $s_1$, effector cells given from outside, cells/day.
        il2_inflow: $s_2$, IL-2 given from outside, units/day.

    Raises ``ValueError`` or ``TypeError`` naming the field, the allowed range and the value.
    Source: ``kirschner_panetta.*``.
    """

    antigenicity: float = given("kirschner_panetta.antigenicity", 0, 1, "per day", scalar=True)
    effector_death: float = given(
        "kirschner_panetta.effector_death", 1e-6, 100, "per day", scalar=True
    )
    stimulation: float = given("kirschner_panetta.stimulation", 0, 100, "per day", scalar=True)
    half_stimulation: float = given(
        "kirschner_panetta.half_stimulation", 1e-3, MOST_CELLS, "units", scalar=True
    )
    growth: float = given("kirschner_panetta.growth", 1e-6, 100, "per day", scalar=True)
    crowding: float = given("kirschner_panetta.crowding", 1e-12, 1, "per cell", scalar=True)
    killing: float = given("kirschner_panetta.killing", 1e-6, 1000, "cells/day", scalar=True)
    half_killing: float = given(
        "kirschner_panetta.half_killing", 1e-3, MOST_CELLS, "cells", scalar=True
    )
    il2_loss: float = given("kirschner_panetta.il2_loss", 1, 1000, "per day", scalar=True)
    il2_production: float = given(
        "kirschner_panetta.il2_production", 0, 1e6, "units/day", scalar=True
    )
    half_production: float = given(
        "kirschner_panetta.half_production", 1e-3, MOST_CELLS, "cells", scalar=True
    )
    effector_inflow: float = given(
        "kirschner_panetta.effector_inflow", 0, 1e9, "cells/day", scalar=True
    )
    il2_inflow: float = given("kirschner_panetta.il2_inflow", 0, 1e12, "units/day", scalar=True)

    def il2(self, effectors, tumour):
        r"""Return IL-2 in balance with the cells, $I = [p_2 E T/(g_3 + T) + s_2]/\mu_3$, units."""
        made = self.il2_production * effectors * tumour / (self.half_production + tumour)
        return (made + self.il2_inflow) / self.il2_loss

    def rates_of_change(self, effectors, tumour, il2):
        r"""Return $(\dot E, \dot T, \dot I)$ per day, of arrays of any one shape."""
        stimulated = self.stimulation * il2 / (self.half_stimulation + il2)
        killed = self.killing * effectors * tumour / (self.half_killing + tumour)
        return (
            self.antigenicity * tumour
            + (stimulated - self.effector_death) * effectors
            + self.effector_inflow,
            self.growth * tumour * (1 - self.crowding * tumour) - killed,
            self.il2_loss * (self.il2(effectors, tumour) - il2),
        )

    def without_tumour(self):
        r"""Return the effector cells on which the model settles without a tumour.

        $$E_0 = \frac{s_1}{\mu_2 - p_1 I_0/(g_1 + I_0)},\qquad I_0 = s_2/\mu_3$$

        Infinite if the IL-2 given makes effector cells multiply faster than they die.
        """
        given_il2 = self.il2_inflow / self.il2_loss
        loss = self.effector_death - self.stimulation * given_il2 / (
            self.half_stimulation + given_il2
        )
        if loss <= 0:
            return inf
        return self.effector_inflow / loss

    def least_inflow(self):
        r"""Return the inflow $s_1$ (cells/day) above which a very small tumour shrinks.

        $$s_1 > \frac{r_2\,g_2}{a}\left(\mu_2 - \frac{p_1 I_0}{g_1 + I_0}\right)$$

        540 cells a day without IL-2 from outside. Above it, the state without a tumour is
        stable. Zero if the IL-2 given lets effector cells grow without end.
        """
        given_il2 = self.il2_inflow / self.il2_loss
        loss = self.effector_death - self.stimulation * given_il2 / (
            self.half_stimulation + given_il2
        )
        return max(0.0, self.growth * self.half_killing / self.killing * loss)


class Equilibrium(NamedTuple):
    """Numbers at which nothing changes. ``stable``: from nearby, all courses lead there."""

    effectors: float
    tumour: float
    il2: float
    eigenvalues: np.ndarray
    stable: bool


class Course(NamedTuple):
    """One tumour over time, arrays of shape (times,): days, cells, cells and units.

    ``log_tumour`` is $\\ln T$, which may be below 0. ``below_one_on`` is the first day with less
    than one tumour cell, NaN if there is none: from then on the numbers mean nothing.
    """

    times: np.ndarray
    effectors: np.ndarray
    log_tumour: np.ndarray
    il2: np.ndarray
    below_one_on: float

    @property
    def tumour(self):
        """Tumour cells, without rounding to whole ones."""
        return np.exp(self.log_tumour)


def equilibria(parameters):
    r"""Return every equilibrium with finite numbers of cells, the smallest tumour first.

    Where a tumour does not change, $E = \frac{r_2}{a}(1 - bT)(g_2 + T)$; IL-2 is in balance. The
    tumours at which $\dot E$ is then zero are found by halving intervals of $\ln T$.

    Arguments: ``parameters``, a ``KirschnerPanetta``.
    Returns a tuple of ``Equilibrium``, first the one without a tumour, if there is one.
    Raises ``TypeError`` if it is given something else.
    Source: Kirschner and Panetta 1998; the eigenvalues are those of the Jacobian of all three.
    """
    k = _model(parameters)

    def effectors(tumour):
        return k.growth / k.killing * (1 - k.crowding * tumour) * (k.half_killing + tumour)

    def balance(logs):
        tumour = np.exp(logs)
        cells = effectors(tumour)
        return k.rates_of_change(cells, tumour, k.il2(cells, tumour))[0]

    grid = np.linspace(log(SMALLEST), log((1 - 1e-12) / k.crowding), SCAN)
    signs = np.sign(balance(grid))
    at = np.flatnonzero(signs[:-1] * signs[1:] < 0)
    low, high = grid[at], grid[at + 1]
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        same = np.sign(balance(middle)) == signs[at]
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    tumours = np.exp(high).tolist()
    found = [(float(effectors(tumour)), tumour) for tumour in tumours]
    if k.without_tumour() < inf:
        found.insert(0, (k.without_tumour(), 0.0))
    return tuple(_judged(k, *pair) for pair in found)


def _judged(k, effectors, tumour):
    il2 = k.il2(effectors, tumour)
    far = k.half_stimulation + il2
    near, nearer = k.half_killing + tumour, k.half_production + tumour
    jacobian = np.array(
        [
            [
                k.stimulation * il2 / far - k.effector_death,
                k.antigenicity,
                k.stimulation * effectors * k.half_stimulation / far**2,
            ],
            [
                -k.killing * tumour / near,
                k.growth * (1 - 2 * k.crowding * tumour)
                - k.killing * effectors * k.half_killing / near**2,
                0,
            ],
            [
                k.il2_production * tumour / nearer,
                k.il2_production * effectors * k.half_production / nearer**2,
                -k.il2_loss,
            ],
        ]
    )
    eigenvalues = np.linalg.eigvals(jacobian)
    stable = bool(eigenvalues.real.max() < 0)
    return Equilibrium(effectors, tumour, float(il2), eigenvalues, stable)


def simulate(parameters, effectors=1.0, tumour=1.0, days=1000):
    r"""Follow one tumour from a number of effector and tumour cells.

    The states are $\ln E$ and $\ln T$: the tumour spans many decades. IL-2 is lost ten times a
    day, so it follows the cells within hours. It is put in balance, with the first correction
    for this delay, and has no state of its own:

    $$I = \frac{1}{\mu_3}\left[s_2 + P - \frac{\dot P}{\mu_3}\right],\qquad
      P = \frac{p_2 E\,T}{g_3 + T}$$

    The rule is Runge and Kutta's of fourth order, on plain numbers, because one course in
    arrays takes thirty times as long. A step is short where a logarithm changes fast, but
    not below one cell, where nothing follows from it. Against DOP853 with all three equations,
    from random settings of the lab and until the first fall below one cell, every value comes
    within five minutes of its time.

    Arguments
        parameters: a ``KirschnerPanetta``.
        effectors, tumour: cells at the start, one number each, at least 1.
        days: how long.

    Returns a ``Course``. It does not stop below one cell, so that a student can see what the
    equations go on to do there.
    Raises ``ValueError`` or ``TypeError`` for impossible starts or days.
    Source: the equations at the top of this file.
    """
    k = _model(parameters)
    effectors = checked("effectors", effectors, 1, MOST_CELLS, "cells", scalar=True)
    tumour = checked("tumour", tumour, 1, MOST_CELLS, "cells", scalar=True)
    days = checked("days", days, 1, 36500, "day", scalar=True)
    rates = _rates_of_logs(k)
    t, e, c = 0.0, log(effectors), log(tumour)
    course = [(t, e, c)]
    while t < days:
        e1, c1 = rates(e, c)
        counts = exp(min(c, 0.0))  # below one cell its fall has no effect on anything
        h = min(1 / ((abs(e1) + counts * abs(c1)) / STEP + 1 / LONGEST), days - t)
        e2, c2 = rates(e + h / 2 * e1, c + h / 2 * c1)
        e3, c3 = rates(e + h / 2 * e2, c + h / 2 * c2)
        e4, c4 = rates(e + h * e3, c + h * c3)
        e = min(e + h / 6 * (e1 + 2 * e2 + 2 * e3 + e4), LOG_CELLS_MAX)
        c += h / 6 * (c1 + 2 * c2 + 2 * c3 + c4)
        t = days if days - t - h < 1e-9 else t + h
        course.append((t, e, c))
    times, e, c = np.array(course).T
    below = np.flatnonzero(c < 0)
    first = np.nan
    if below.size:
        last = below[0] - 1
        share = c[last] / (c[last] - c[last + 1])
        first = float(times[last] + share * (times[last + 1] - times[last]))
    effectors = np.exp(e)
    return Course(times, effectors, c, k.il2(effectors, np.exp(c)), first)


def _rates_of_logs(k):
    """Return the function that gives the rates of change of ln E and ln T, per day."""
    called, inflow, death = k.antigenicity, k.effector_inflow, k.effector_death
    stimulation, half_stimulation = k.stimulation, k.half_stimulation
    growth, crowding, killing, half_killing = k.growth, k.crowding, k.killing, k.half_killing
    loss, production, half, il2_inflow = (
        k.il2_loss,
        k.il2_production,
        k.half_production,
        k.il2_inflow,
    )

    def rates(log_effectors, log_tumour):
        e, t = exp(min(log_effectors, LOG_CELLS_MAX)), exp(min(log_tumour, LOG_CELLS_MAX))
        share = t / (half + t)
        made = production * e * share
        growing = growth * (1 - crowding * t) - killing * e / (half_killing + t)
        il2 = (il2_inflow + made) / loss
        alone = (called * t + inflow) / e - death
        gathering = alone + stimulation * il2 / (half_stimulation + il2)
        il2 = max(0.0, il2 - made * (gathering + (1 - share) * growing) / loss**2)
        return alone + stimulation * il2 / (half_stimulation + il2), growing

    return rates


def _model(parameters):
    if not isinstance(parameters, KirschnerPanetta):
        raise TypeError(f"parameters must be a KirschnerPanetta(...), you gave {parameters!r}.")
    return parameters
