r"""IL-2 in the blood, and sums over what follows from it hour by hour.

Two compartments, as for an antibody, but with half-lives of minutes: an infusion of 15 minutes is
not short beside them, so it enters as an infusion.
"""

import numpy as np

from course_lib import evidence
from course_lib.models.binding import micrograms_per_ml_to_nanomolar
from course_lib.models.parameters import checked
from course_lib.models.pharmacokinetics import TwoCompartment, checked_doses

MINUTES, HOURS = 1440.0, 24.0  # in a day
#: Pieces of a sum, days: the first after each start or end of an infusion takes two minutes,
#: each one half as much again as the one before, half a day at most.
FIRST_PIECE, LONGER, LONGEST_PIECE = 2 / MINUTES, 1.5, 0.5


def value_of(key):
    """Return the value of an evidence key."""
    return evidence.get(key).value


def kinetics(slowing=1.0):
    r"""Return the two-compartment model of aldesleukin in the typical patient.

    Four published numbers fix it: both half-lives, the concentration just after a dose (which
    gives $V_1$), and the level that a long infusion holds (which gives the clearance):

    $$V_1 = \frac{dose}{C_0},\quad CL = \frac{rate}{C_{hold}},\quad
      k_{21} = \frac{\alpha\beta\,V_1}{CL},\quad k_{12} = \alpha + \beta - k_{21} - \frac{CL}{V_1}$$

    The clearance differs much between methods and studies: use it here, but do not print it.

    Argument: ``slowing``, factor on both half-lives, 1 to 1000.
    Raises ``ValueError`` or ``TypeError`` if it is out of range.
    Source: Konrad 1990, ``aldesleukin.fast_half_life``, ``.slow_half_life``, ``.first_level``,
    ``.infusion_level``; ``il2_model.body_surface``.
    """
    slowing = checked("slowing", slowing, 1, 1000, scalar=True)
    fast, slow = (
        np.log(2) / value_of(f"aldesleukin.{name}_half_life") * MINUTES for name in ("fast", "slow")
    )
    surface, dose = value_of("il2_model.body_surface"), 1e6  # units per m2 in all three numbers
    central = dose * surface / value_of("aldesleukin.first_level") / 1000
    rate = dose * surface / value_of("aldesleukin.infusion_hours") * HOURS
    clearance = rate / value_of("aldesleukin.infusion_level") / 1000
    back = fast * slow * central / clearance
    exchange = (fast + slow - back) * central - clearance
    return TwoCompartment(
        clearance=clearance / slowing,
        central_volume=central,
        intercompartmental_clearance=exchange / slowing,
        peripheral_volume=exchange / back,
    )


def concentration(times, starts, doses, duration, slowing=1.0):
    r"""Return the concentration of IL-2 in the blood after infusions, by exact superposition.

    $$C(t) = \sum_i \frac{dose_i}{\tau} \sum_\lambda \frac{a_\lambda}{\lambda}
      \left(1 - e^{-\lambda \min(t - t_i, \tau)}\right) e^{-\lambda \max(t - t_i - \tau, 0)}$$

    The sum is built infusion by infusion, so many cost hardly more than one.

    Arguments
        times: days, any shape.
        starts: days on which an infusion begins, increasing, shape (infusions,).
        doses: IU/kg, one number, shape (infusions,) or (infusions, patients).
        duration: of each infusion, $\tau$, days.
        slowing: as in ``kinetics``.

    Returns nM, shape of ``times``, followed by (patients,) if doses are given per patient.
    Raises ``ValueError`` if a time or dose is not finite, a dose negative, the numbers of doses
    and starts differ, the duration is not between 1e-6 and 1000 days, or two infusions overlap.
    Source: ``kinetics``; ``aldesleukin.dose``, ``.dose_mass``, ``.molar_mass``,
    ``il2_model.weight``.
    """
    times, starts, doses = checked_doses(times, starts, doses)
    duration = checked("duration", duration, 1e-6, 1000, "day", scalar=True)
    if np.any(np.diff(starts) < duration):
        raise ValueError(f"infusions of {duration:g} days must not overlap, you gave {starts}.")
    model = kinetics(slowing)
    mg = value_of("aldesleukin.dose_mass") / value_of("aldesleukin.dose")
    doses = doses * mg * value_of("il2_model.weight")
    given_now = np.searchsorted(starts, times, "right")
    ended = np.searchsorted(starts + duration, times, "right")
    running = given_now > ended
    first = np.append(doses, np.zeros((1, *doses.shape[1:])), axis=0)
    flat = (..., *[None] * (doses.ndim - 1))
    since_end = np.where(ended > 0, times - (starts + duration)[ended - 1], 0.0)[flat]
    since_start = np.where(running, times - starts[given_now - 1], 0.0)[flat]
    total = 0.0
    for rate, share in zip(model.rates(), model.shares(), strict=True):
        whole = -share * np.expm1(-rate * duration) / (rate * duration)
        left = np.zeros_like(first)  # at the end of each infusion; row -1: before all
        for i, wait in enumerate(np.diff(starts, prepend=starts[0])):
            left[i] = left[i - 1] * np.exp(-rate * wait) + whole * doses[i]
        part = -share * np.expm1(-rate * since_start) / (rate * duration)
        total = total + left[ended - 1] * np.exp(-rate * since_end) + part * first[given_now - 1]
    return micrograms_per_ml_to_nanomolar(total, value_of("aldesleukin.molar_mass"))


def summed_and_fading(signal, rates, times, events):
    r"""Return sums of known functions of time that fade, $\int_0^t s(u)\,e^{-k(t - u)}\,du$.

    By the three-point rule of Gauss, on pieces that are short after each event.

    Arguments: ``signal``, a function of days, shape (pieces, 3), that returns that shape followed
    by (channels,) or (channels, patients); ``rates`` $k$, 1/day, shape (channels,); ``times``,
    days from 0 on, any shape; ``events``, days on which something begins or ends.
    Returns the shape of ``times``, followed by (channels,) or (channels, patients).
    """
    times = np.asarray(times, dtype=float)
    last = max(times.max(), FIRST_PIECE)
    events = np.unique([0.0, *events])
    events = np.append(events[events < last], last)
    lengths = np.minimum(FIRST_PIECE * LONGER ** np.arange(40), LONGEST_PIECE)
    after = np.cumsum(lengths)
    rest = np.arange(after[-1], last + LONGEST_PIECE, LONGEST_PIECE)
    after = np.concatenate([[0.0], after, rest[1:]])
    parts = [
        start + after[: np.searchsorted(after, gap)]
        for start, gap in zip(events[:-1], np.diff(events), strict=True)
    ]
    ends = np.unique(np.concatenate([*parts, [last], times.ravel()]))
    nodes, weights = np.polynomial.legendre.leggauss(3)
    half = np.diff(ends)[:, None] / 2
    values = np.asarray(signal(ends[:-1, None] + half * (1 + nodes)))
    rates = np.asarray(rates, dtype=float)
    fading = np.exp(-rates * (half * (1 - nodes))[..., None]) * (half * weights)[..., None]
    extra = [None] * (values.ndim - 3)
    pieces = np.sum(values * fading[(..., *extra)], axis=1)
    kept = np.exp(-rates * 2 * half)[(..., *extra)]
    so_far = np.zeros((ends.size, *pieces.shape[1:]))
    for i in range(half.size):
        so_far[i + 1] = so_far[i] * kept[i] + pieces[i]
    return so_far[np.searchsorted(ends, times)]
