r"""Effector cells against a tumour: held, eliminated or escaped; and growth without them.

The model of Kuznetsov, Makalkin, Taylor and Perelson (1994), with effector cells $E$ (T cells
that kill) and tumour cells $T$:

$$\dot E = s + \frac{p\,E\,T}{g + T} - m\,E\,T - d\,E,\qquad
  \dot T = a\,T\,(1 - b\,T) - n\,E\,T$$

It was fitted to a lymphoma of mice (BCL1), not to breast cancer.

Every course ends in a stable equilibrium: with the factor $1/(ET)$ the divergence is
$-s/(E^2T) - ab/E < 0$, so nothing cycles for ever (Bendixson and Dulac). There is at most one
saddle with a tumour, and the curve of starts that lead into it parts two stable ends.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from course_lib import evidence
from course_lib.models.ode import rk4
from course_lib.models.parameters import Parameters, checked, given

#: How a tumour ends. "elimination": fewer than one cell is left, or no tumour can stay.
OUTCOMES = ("elimination", "equilibrium", "escape")
MOST_CELLS = 1e12
#: Time steps, days: the first is short, because many effector cells kill fast; they grow by a
#: tenth each. From random starts in the lab's ranges, both numbers of cells are then within 1 %
#: of DOP853 on every day, typically 0.01 % (tests/models/test_tumour_and_immunity_courses.py).
FIRST_STEP, GROWTH, STEP = 0.4, 1.1, 3.0
#: A course is followed for so many days at least, then 100 at a time while it is near the border.
SETTLED, FOLLOW_UP, LONGEST = 500.0, 100.0, 20_000.0
#: Points of a border and the distance between them, in units of a natural logarithm.
BORDER_STEPS, BORDER_STEP = 84, 0.27


@dataclass(frozen=True)
class Kuznetsov(Parameters):
    r"""The rates of the model, in cells and days.

    Arguments, one number each
        inflow: $s$, effector cells that arrive without being called, cells/day.
        recruitment: $p$, fastest rate at which the tumour makes effector cells gather, per day.
        half_recruitment: $g$, tumour cells at which half of that is reached, cells.
        inactivation: $m$, loss of effector cells on meeting tumour cells, per cell and day.
        effector_death: $d$, per day.
        growth: $a$, per day.
        crowding: $b$, one over the most tumour cells that the tissue can hold, per cell.
        killing: $n$, per effector cell and day.

    Raises ``ValueError`` or ``TypeError`` naming the field, the allowed range and the value.
    Source: ``kuznetsov.*``.
    """

    inflow: float = given("kuznetsov.inflow", 0, 1e9, "cells/day", scalar=True)
    recruitment: float = given("kuznetsov.recruitment", 0, 100, "per day", scalar=True)
    half_recruitment: float = given(
        "kuznetsov.half_recruitment", 1e-3, MOST_CELLS, "cells", scalar=True
    )
    inactivation: float = given("kuznetsov.inactivation", 0, 10, "per cell and day", scalar=True)
    effector_death: float = given("kuznetsov.effector_death", 1e-6, 100, "per day", scalar=True)
    growth: float = given("kuznetsov.growth", 1e-6, 100, "per day", scalar=True)
    crowding: float = given("kuznetsov.crowding", 1e-12, 10, "per cell", scalar=True)
    killing: float = given("kuznetsov.killing", 1e-15, 10, "per cell and day", scalar=True)

    def rates_of_change(self, effectors, tumour):
        """Return $(\\dot E, \\dot T)$ in cells/day, of arrays of any one shape, cells."""
        effector_rate, per_cell = self._rates(effectors, tumour)
        return effector_rate, tumour * per_cell

    def _rates(self, effectors, tumour):
        """Return the rate of the effector cells, and that of each tumour cell, per day."""
        gathering = self.recruitment * tumour / (self.half_recruitment + tumour)
        loss = self.inactivation * tumour + self.effector_death
        return (
            self.inflow + effectors * (gathering - loss),
            self.growth - (self.growth * self.crowding) * tumour - self.killing * effectors,
        )

    def scaled(self, cells=None):
        r"""Return the same model without units: $x = E/E_0$, $y = T/E_0$, $\tau = n E_0 t$.

        $$\sigma = \frac{s}{n E_0^2},\ \rho = \frac{p}{n E_0},\ \eta = \frac{g}{E_0},\
          \mu = \frac mn,\ \delta = \frac{d}{n E_0},\ \alpha = \frac{a}{n E_0},\ \beta = b E_0$$

        Arguments: ``cells``, $E_0$, cells; one million if left out.
        Returns ``Kuznetsov`` with $\sigma, \rho, \eta, \mu, \delta, \alpha, \beta$ and 1.
        Source: ``kuznetsov.scale``.
        """
        cells = evidence.get("kuznetsov.scale").value if cells is None else cells
        cells = checked("cells", cells, 1, MOST_CELLS, "cells")
        per_time = self.killing * cells
        return Kuznetsov(
            inflow=self.inflow / (per_time * cells),
            recruitment=self.recruitment / per_time,
            half_recruitment=self.half_recruitment / cells,
            inactivation=self.inactivation / self.killing,
            effector_death=self.effector_death / per_time,
            growth=self.growth / per_time,
            crowding=self.crowding * cells,
            killing=1.0,
        )


class Equilibrium(NamedTuple):
    """Numbers of cells at which nothing changes, and what happens beside them.

    ``kind``: "stable node", "stable spiral" (reached in ever smaller swings) or "saddle".
    """

    effectors: float
    tumour: float
    eigenvalues: np.ndarray
    kind: str

    @property
    def stable(self) -> bool:
        return self.kind != "saddle"


class Course(NamedTuple):
    """One tumour over time: arrays of shape (times,), and how it ends.

    ``eliminated_on`` is the first day with less than one cell (NaN if there is none): from
    then on ``tumour`` is 0.
    """

    times: np.ndarray
    effectors: np.ndarray
    tumour: np.ndarray
    outcome: str
    end: Equilibrium
    eliminated_on: float


class Border(NamedTuple):
    """A curve in the phase plane, in order: effector cells and tumour cells, shape (points,)."""

    effectors: np.ndarray
    tumour: np.ndarray


NOWHERE = Border(np.empty(0), np.empty(0))


class Borders(NamedTuple):
    """The two ``borders`` between outcomes."""

    separatrix: Border
    elimination: Border


class Growth(NamedTuple):
    """Doublings, and the years they take."""

    doublings: np.ndarray
    years: np.ndarray


def equilibria(parameters):
    r"""Return every equilibrium with no negative number of cells, the smallest tumour first.

    Without a tumour $E = s/d$. With one, $E = \frac an (1 - z)$ with $z = bT$, and $z$ solves
    $$\frac{s n}{a}\,(g b + z) + (1 - z)\left[p z - \left(\tfrac mb z + d\right)(g b + z)\right]
      = 0,\qquad 0 < z \le 1$$

    Arguments: ``parameters``, a ``Kuznetsov``.
    Returns a tuple of ``Equilibrium``, one to four.
    Raises ``TypeError`` if it is given something else.
    Source: Kuznetsov 1994; the eigenvalues are those of the Jacobian.
    """
    k = _model(parameters)
    half, loss = k.half_recruitment * k.crowding, k.inactivation / k.crowding
    bracket = np.array(
        [-loss, k.recruitment - k.effector_death - loss * half, -k.effector_death * half]
    )
    inflow = k.inflow * k.killing / k.growth
    cubic = np.convolve([-1.0, 1.0], bracket) + np.array([0, 0, inflow, inflow * half])
    roots = np.roots(cubic)
    roots = roots.real[np.abs(roots.imag) < 1e-9]
    shares = np.sort(roots[(roots > 1e-12) & (roots < 1 + 1e-9)])
    shares[shares > 1 - 1e-12] = 1.0  # without inflow: the tumour alone
    most = k.growth / k.killing
    pairs = [(k.inflow / k.effector_death, 0.0)]
    pairs += [(most * (1 - z), z / k.crowding) for z in shares.tolist()]
    return tuple(_judged(k, *pair) for pair in pairs)


def jacobian(parameters, effectors, tumour):
    """Return the matrix of derivatives of the rates of change at one point, shape (2, 2)."""
    k = parameters
    far = k.half_recruitment + tumour
    gathering = k.recruitment * tumour / far - k.inactivation * tumour - k.effector_death
    called = effectors * (k.recruitment * k.half_recruitment / far**2 - k.inactivation)
    own = k.growth * (1 - 2 * k.crowding * tumour) - k.killing * effectors
    return np.array([[gathering, called], [-k.killing * tumour, own]])


def saddle(points):
    """Return the saddle with both kinds of cell among the ``equilibria``, or None."""
    mixed = (each for each in points if each.tumour > 0 < each.effectors)
    return next((each for each in mixed if not each.stable), None)


def simulate(parameters, effectors, tumour, days=None):
    r"""Follow one tumour, and say how it ends.

    The states are $E$ and $\ln T$. The logarithm follows a tumour from a thousand million
    cells to one without losing digits, and its rate no longer depends on the small $T$.
    $E$ stays as it is: its equation is linear in $E$, and $\ln E$ would be stiff where $E$
    is small ($s/E$). Below one cell the tumour is gone; the equations would grow it again
    from a fraction of a cell.

    Arguments
        parameters: a ``Kuznetsov``.
        effectors, tumour: cells at the start, one number each.
        days: how long; 500 if left out.

    Returns a ``Course``. Its ``outcome`` is the end in the long run, also if it comes later:
    "escape" ends in more than half of what the tissue can hold, or beyond the border;
    "equilibrium" in fewer cells, and "elimination" in none.
    Raises ``ValueError`` or ``TypeError`` for impossible starts or days.
    Source: ``kuznetsov.least_tumour``, ``kuznetsov.escape_share``, ``kuznetsov.days``.
    """
    k = _model(parameters)
    effectors = checked("effectors", effectors, 0, MOST_CELLS, "cells", scalar=True)
    tumour = checked("tumour", tumour, 0, MOST_CELLS, "cells", scalar=True)
    days = evidence.get("kuznetsov.days").value if days is None else days
    days = checked("days", days, 1, 36500, "day", scalar=True)
    points = equilibria(k)
    least = evidence.get("kuznetsov.least_tumour").value
    times = _times(days)
    with np.errstate(divide="ignore"):  # a start without a tumour: ln 0
        course_e, course_t = _integrate(k, effectors, np.log(tumour), times)
    below = np.flatnonzero(course_t < least)
    if below.size:
        first, rest = below[0], points[0].effectors
        since = times[first:] - times[first]
        course_e[first:] = rest + (course_e[first] - rest) * np.exp(-k.effector_death * since)
        course_t[first:] = 0.0
        return Course(times, course_e, course_t, "elimination", points[0], float(times[first]))
    end = _end(k, points, course_e[-1], course_t[-1], times[-1], least)
    return Course(times, course_e, course_t, outcome_at(k, points, end), end, np.nan)


def outcome_at(parameters, points, end):
    """Return the outcome of a course that ends in ``end``, one of the ``equilibria``."""
    if end.tumour == 0:
        return "elimination"
    border = saddle(points)
    most = evidence.get("kuznetsov.escape_share").value / parameters.crowding
    return "escape" if end.tumour > (border.tumour if border else most) else "equilibrium"


def borders(parameters):
    r"""Return the curves that part the outcomes in the phase plane.

    The separatrix holds all starts that lead to the saddle with a tumour: from there it runs
    back in time, along the direction of the negative eigenvalue, to both sides. The border of
    elimination holds all starts whose smallest tumour is exactly one cell; to its right, with
    more effector cells, a tumour falls below one. Both are followed by their length in
    $(\ln E, \ln T)$ and not by time: a separatrix leaves the saddle slowly, and reaches
    infinity in a finite time.

    Arguments: ``parameters``, a ``Kuznetsov``.
    Returns ``Borders(separatrix, elimination)``, each a ``Border``: without points if there is
    no saddle with a tumour, or if the inflow alone removes every small tumour.
    Raises ``TypeError`` if it is given something else.
    Source: Kuznetsov 1994 for the separatrix; ``kuznetsov.least_tumour``.
    """
    k = _model(parameters)
    starts = []
    middle = saddle(equilibria(k))
    if middle is not None:
        values, vectors = np.linalg.eig(jacobian(k, middle.effectors, middle.tumour))
        way = vectors[:, np.argmin(values.real)].real / (middle.effectors, middle.tumour)
        for side in (1e-3, -1e-3) / np.hypot(*way):
            starts.append((middle.effectors * (1 + side * way[0]), side * way[1]))
        starts = [(e, np.log(middle.tumour) + log_t) for e, log_t in starts]
    least = evidence.get("kuznetsov.least_tumour").value
    grazing = k.growth / k.killing * (1 - k.crowding * least)
    if grazing > 0 > k.rates_of_change(grazing, least)[0]:  # a smallest, not a largest tumour
        starts.append((grazing, np.log(least)))
    if not starts:
        return Borders(NOWHERE, NOWHERE)
    e, t = _back(k, np.array(starts).T)
    separatrix = elimination = NOWHERE
    if middle is not None:
        separatrix = Border(*(np.append(each[::-1, 0], each[:, 1]) for each in (e, t)))
    if len(starts) % 2:
        elimination = Border(e[:, -1], t[:, -1])
    return Borders(separatrix, elimination)


def cells_in_sphere(diameter):
    r"""Return the tumour cells in a sphere, $N = c\,\frac\pi6\,D^3$.

    Arguments: ``diameter`` in mm, one number or shape (tumours,).
    Raises ``ValueError`` or ``TypeError`` if it is not between 0.001 and 1000 mm.
    Source: ``tumour.cells_per_volume``.
    """
    diameter = checked("diameter", diameter, 1e-3, 1000, "mm")
    return evidence.get("tumour.cells_per_volume").value * np.pi / 6 * diameter**3


def diameter_of(cells):
    r"""Return the diameter of a sphere of tumour cells, mm, $D = [6N/(\pi c)]^{1/3}$.

    Arguments: ``cells``, one number or shape (tumours,), from 1 upwards.
    Source: ``tumour.cells_per_volume``.
    """
    cells = checked("cells", cells, 1, 1e15, "cells")
    return np.cbrt(6 * cells / (np.pi * evidence.get("tumour.cells_per_volume").value))


def silent_growth(doubling_time, start, found):
    r"""Return how long a tumour grows from one size to another, if it grows evenly.

    $$k = \log_2 \frac{N_{found}}{N_{start}},\qquad t = k\,T_2$$

    Arguments: ``doubling_time`` of the volume, days; ``start`` and ``found``, numbers of cells;
    one number each, or shape (tumours,).
    Returns ``Growth(doublings, years)``.
    Raises ``ValueError`` or ``TypeError``; also if ``found`` is smaller than ``start``.
    Source: doubling times ``tumour.volume_doubling_time``; a year is 365.25 days.
    """
    doubling_time = checked("doubling_time", doubling_time, 1, 36500, "day")
    start = checked("start", start, 1, 1e15, "cells")
    found = checked("found", found, 1, 1e15, "cells")
    if np.any(found < np.asarray(start)):
        raise ValueError(f"found must be at least start, {start} cells, you gave {found}.")
    doublings = np.log2(found / np.asarray(start))[()]
    return Growth(doublings, doublings * doubling_time / 365.25)


def _model(parameters):
    if not isinstance(parameters, Kuznetsov):
        raise TypeError(f"parameters must be a Kuznetsov(...), you gave {parameters!r}.")
    return parameters


def _judged(k, effectors, tumour):
    eigenvalues = np.linalg.eigvals(jacobian(k, effectors, tumour))
    if eigenvalues.real.max() >= 0:
        kind = "saddle"
    else:
        kind = "stable spiral" if np.iscomplexobj(eigenvalues) else "stable node"
    return Equilibrium(effectors, tumour, eigenvalues, kind)


def _times(days):
    """Return the days of the steps: short at first, then of equal length, up to ``days``."""
    short = FIRST_STEP * GROWTH ** np.arange(int(np.log(STEP / FIRST_STEP) / np.log(GROWTH)))
    ends = np.append(0.0, np.cumsum(short))
    ends = ends[ends < days]
    left = days - ends[-1]
    return np.append(ends, ends[-1] + left * np.linspace(0, 1, int(np.ceil(left / STEP)) + 1)[1:])


def _integrate(k, effectors, log_tumour, times):
    def rhs(_, state):
        return k._rates(state[0], np.exp(state[1]))

    states = rk4(rhs, np.array([[effectors], [log_tumour]]), times)
    return states[:, 0, 0], np.exp(states[:, 1, 0])


def _end(k, points, effectors, tumour, day, least):
    """Return the equilibrium in which a course ends that is in this state on this day.

    Above and to the left of the saddle no course turns back: there the tumour grows and the
    effector cells become fewer, until both settle. So a course has escaped once it is there.
    """
    if effectors == k.inflow == 0:
        return points[-1]  # a tumour alone
    stable = [each for each in points if each.stable]
    border = saddle(points)
    while day < LONGEST:
        if border and effectors <= border.effectors and tumour >= border.tumour:
            return stable[-1]
        if day >= SETTLED and not (border and tumour > border.tumour / 3):
            break
        later = _integrate(k, effectors, np.log(tumour), _times(FOLLOW_UP))
        if later[1].min() < least:
            return points[0]
        effectors, tumour, day = later[0][-1], later[1][-1], day + FOLLOW_UP
    return stable[0]


def _back(k, starts):
    """Follow courses back in time, by length; return cells, each of shape (points, courses)."""

    def rhs(_, state):
        more, log_growth = k._rates(state[0], np.exp(state[1]))
        back = -1 / np.hypot(more / state[0], log_growth)
        return more * back, log_growth * back

    states = rk4(rhs, starts, BORDER_STEP * np.arange(BORDER_STEPS + 1))
    return states[:, 0], np.exp(states[:, 1])
