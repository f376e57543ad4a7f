r"""Interleukin-2 (IL-2) as a drug: in the blood, on three kinds of cell, and in leaking vessels.

The concentration $C$ after infusions is a sum of exponentials. Regulatory T cells carry receptors
of three chains ($\alpha\beta\gamma$), which grip IL-2 a hundred times as firmly as those of two
($\beta\gamma$) on CD8 T cells and NK cells. The signal $s$ in a cell is the share of its greatest:

$$s_{reg} = \frac{C}{C + K_{\alpha\beta\gamma}},\qquad
  s_{CD8} = \frac{C}{C + K_{\beta\gamma}},\qquad s_{NK} = \frac{C}{C + K_{\beta\gamma}/n},\qquad
  s_{leak} = \frac{C_{blood}}{C_{blood} + K_{leak}}$$

NK cells carry $n$ times the receptors of CD8 T cells. All three multiply by the same rule, and
return to their usual number $N = 1$; only their receptors differ. The leak $\lambda$ follows its
signal:

$$\frac{d \ln N}{dt} = g\,s - k \ln N,\qquad \frac{d\lambda}{dt} = h\,(s_{leak} - \lambda)$$

Regulatory T cells hold CD8 T cells back, so that these kill
$N_{CD8}\,(S + 1)/(S + N_{reg})$ times as much as before.

Kinetics and constants of binding are published. How signals become cells, suppression and leak
is assumed. A teaching model: it is not a clinical prediction.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from course_lib.models.binding import occupancy
from course_lib.models.interleukin2 import (
    HOURS,
    MINUTES,
    concentration,
    summed_and_fading,
    value_of,
)
from course_lib.models.parameters import Parameters, checked, given
from course_lib.models.patient import ASSUMED, Effects

MOST_IU = 1e8  # IU/kg


class Schedule(NamedTuple):
    """When infusions begin (days), how many doses each one holds, and how long each takes."""

    starts: np.ndarray
    doses: float
    duration: float


def schedules():
    """Return the schedules of the lab by name, each a ``Schedule``.

    "label": 14 doses, one every 8 hours; "daily": one dose a day for 5 days; "continuous": the
    same 14 doses in one infusion without a pause; "once": one dose.

    Source: ``aldesleukin.interval``, ``.number_of_doses``, ``.infusion_time``,
    ``il2_model.daily_doses``.
    """
    interval = value_of("aldesleukin.interval") / HOURS
    number = value_of("aldesleukin.number_of_doses")
    short = value_of("aldesleukin.infusion_time") / MINUTES
    return {
        "label": Schedule(interval * np.arange(number), 1.0, short),
        "daily": Schedule(np.arange(value_of("il2_model.daily_doses"), dtype=float), 1.0, short),
        "continuous": Schedule(np.zeros(1), float(number), interval * number),
        "once": Schedule(np.zeros(1), 1.0, short),
    }


class Variant(NamedTuple):
    """What an engineer changed; ``None``, 1 and 1 is native IL-2.

    kd_three_chains: grip of the receptor of three chains, nM; ``None`` leaves it as it is.
    active_outside: share of the drug that is active outside the tumour.
    slowing: factor on both half-lives.
    """

    kd_three_chains: float | None = None
    active_outside: float = 1.0
    slowing: float = 1.0


def variants(kd_two_chains=None):
    """Return the variants of IL-2 by name, each a ``Variant`` that changes one thing.

    "native"; "alpha_blocked": it no longer holds the α chain, so three chains grip it as two
    do; "masked": a mask comes off in the tumour only; "long_acting": it stays longer.

    Argument: ``kd_two_chains``, grip of the receptor of two chains, nM; published if left out.
    Source: ``il2_receptors.two_chains``, ``il2_model.mask``, ``il2_model.slowing``.
    """
    two = value_of("il2_receptors.two_chains") if kd_two_chains is None else kd_two_chains
    return {
        "native": Variant(),
        "alpha_blocked": Variant(kd_three_chains=two),
        "masked": Variant(active_outside=value_of("il2_model.mask")),
        "long_acting": Variant(slowing=value_of("il2_model.slowing")),
    }


class Signals(NamedTuple):
    """Shares of the greatest signal, 0 to 1."""

    regulatory: np.ndarray
    nk: np.ndarray
    cd8: np.ndarray
    vessels: np.ndarray


class Course(NamedTuple):
    """What happens, arrays of shape (times,).

    times: days.  tumour, blood: active IL-2, nM.  regulatory, nk, cd8: cells, times as many as
    before.  killing: by CD8 T cells, times as much as before.  leak: 0 to 1.
    """

    times: np.ndarray
    tumour: np.ndarray
    blood: np.ndarray
    regulatory: np.ndarray
    nk: np.ndarray
    cd8: np.ndarray
    killing: np.ndarray
    leak: np.ndarray


@dataclass(frozen=True)
class Response(Parameters):
    r"""How cells and vessels respond to IL-2.

    Arguments, one number each
        kd_three_chains: $K_{\alpha\beta\gamma}$ of regulatory T cells, nM.
        kd_two_chains: $K_{\beta\gamma}$ of CD8 T cells and NK cells, nM.
        nk_receptors: $n$, receptors of an NK cell relative to a CD8 T cell.
        half_leak: $K_{leak}$, IL-2 in the blood at half of the greatest leak, nM.
        growth: $g$, greatest rate at which each kind of cell multiplies, 1/day.
        return_rate: $k$, rate at which its number returns, 1/day.
        leak_rate: $h$, rate at which leak comes and goes, 1/day.
        half_suppression: $S$, regulatory T cells, relative to before, at which half is held back.

    Raises ``ValueError`` or ``TypeError`` naming the field, the allowed range and the value.
    Source: ``il2_receptors.*``; all others, ``il2_model.*``, are own choices.
    """

    kd_three_chains: float = given("il2_receptors.three_chains", 1e-6, 1e6, "nM", scalar=True)
    kd_two_chains: float = given("il2_receptors.two_chains", 1e-6, 1e6, "nM", scalar=True)
    nk_receptors: float = given("il2_model.nk_receptors", 0.01, 100, "", scalar=True)
    half_leak: float = given("il2_model.half_leak", 1e-6, 1e6, "nM", scalar=True)
    growth: float = given("il2_model.growth", 0, 5, "1/day", scalar=True)
    return_rate: float = given("il2_model.return_rate", 0.01, 5, "1/day", scalar=True)
    leak_rate: float = given("il2_model.leak_rate", 0.01, 10, "1/day", scalar=True)
    half_suppression: float = given("il2_model.half_suppression", 1e-3, 1e9, "", scalar=True)

    def signals(self, tumour, blood=None):
        """Return the ``Signals`` at concentrations of active IL-2 in tumour and blood, nM.

        The same concentration in the blood as in the tumour if ``blood`` is left out.
        Raises ``ValueError`` if a concentration is negative or not finite.
        """
        blood = tumour if blood is None else blood
        return Signals(
            occupancy(tumour, self.kd_three_chains),
            occupancy(tumour, self.kd_two_chains / self.nk_receptors),
            occupancy(tumour, self.kd_two_chains),
            occupancy(blood, self.half_leak),
        )

    def killing(self, cd8, regulatory):
        """Return how much CD8 T cells kill, times as much as before; both relative numbers."""
        held = self.half_suppression
        return cd8 * (held + 1) / (held + regulatory)

    def follow(self, signals, times, jumps=()):
        r"""Return how three kinds of cell and the leak follow their signals.

        $$\ln N(t) = g \int_0^t s\,e^{-k(t - u)}\,du,\qquad
          \lambda(t) = h \int_0^t s_{leak}\,e^{-h(t - u)}\,du$$

        No value is off by more than 0.1 % from DOP853 (tests/models/test_cytokine_therapy.py).

        Arguments: ``signals``, a function of days (any shape) that returns ``Signals``;
        ``times``, days from 0 to 400, any shape; ``jumps``, days on which an infusion begins or
        ends.
        Returns (regulatory, nk, cd8, leak), each of the shape of ``times``.
        """
        rates = [self.return_rate] * 3 + [self.leak_rate]
        followed = summed_and_fading(
            lambda days: np.stack(signals(days), axis=-1), rates, times, jumps
        )
        cells = np.exp(self.growth * followed[..., :3])
        return *np.moveaxis(cells, -1, 0), self.leak_rate * followed[..., 3]


def run(dose, schedule="label", variant="native", response=None, times=None):
    """Return the ``Course`` of one treatment.

    Arguments
        dose: IU/kg, one number, 0 to 1e8.
        schedule: a name in ``schedules()``.
        variant: a name in ``variants()``.
        response: a ``Response``; the default one if left out.
        times: days, from 0 to 400; 0 to 14 in steps of 0.1 if left out.

    Raises ``ValueError`` or ``TypeError`` naming what is wrong and what is allowed.
    Source: the equations at the top of this file.
    """
    dose = checked("dose", dose, 0, MOST_IU, "IU/kg", scalar=True)
    plan = _named("schedule", schedule, schedules())
    response = _response(response)
    made = _named("variant", variant, variants(response.kd_two_chains))
    if made.kd_three_chains is not None:
        response = Response(**{**vars(response), "kd_three_chains": made.kd_three_chains})
    times = np.linspace(0, 14, 141) if times is None else np.asarray(times, dtype=float)
    if not np.all((times >= 0) & (times <= 400)):
        raise ValueError(f"times must be between 0 and 400 days, you gave {times}.")

    def active(days):
        return concentration(days, plan.starts, dose * plan.doses, plan.duration, made.slowing)

    def signals(days):
        inside = active(days)
        return response.signals(inside, inside * made.active_outside)

    jumps = np.concatenate([plan.starts, plan.starts + plan.duration])
    regulatory, nk, cd8, leak = response.follow(signals, times, jumps)
    tumour = active(times)
    blood = tumour * made.active_outside
    killing = response.killing(cd8, regulatory)
    return Course(times, tumour, blood, regulatory, nk, cd8, killing, leak)


@lru_cache(maxsize=1)
def label_leak():
    """Return the highest leak under the label's dose and schedule of native IL-2, 0 to 1.

    Source: ``aldesleukin.dose``.
    """
    return float(run(value_of("aldesleukin.dose")).leak.max())


@dataclass(frozen=True)
class Interleukin2(Parameters):
    r"""Courses of IL-2 for the composed patient: an assumed effect.

    T cells at the tumour multiply at the rate $g\,s_{CD8}$ while IL-2 is there. Regulatory T cells
    multiply too, and hold back the supply of further T cells: it is multiplied by
    $(S + 1)/(S + N_{reg})$. The leak of vessels is not part of the patient.

    Arguments, one number each
        dose: IU/kg, in an infusion of 15 minutes.
        interval: between two doses of a course, days.
        doses_per_course: whole number; the first dose is on day 0.
        courses: whole number.
        days_between_courses: from the start of one course to that of the next.
        slowing: factor on both half-lives; more than 1 for a long-acting variant.
        kd_three_chains, kd_two_chains, growth, return_rate, half_suppression: as in ``Response``.

    Raises ``ValueError`` or ``TypeError`` naming the field, the allowed range and the value; also
    if a course lasts longer than the days to the next.
    Source: ``aldesleukin.*``, ``il2_receptors.*``; ``il2_model.*`` are own choices.
    """

    basis = ASSUMED

    dose: float = given("aldesleukin.dose", 0, MOST_IU, "IU/kg", scalar=True)
    interval: float = given("il2_model.interval", 0.05, 100, "day", scalar=True)
    doses_per_course: int = given("aldesleukin.number_of_doses", 1, 100, "", whole=True)
    courses: int = given("aldesleukin.courses", 1, 20, "", whole=True)
    days_between_courses: float = given(
        "aldesleukin.days_between_courses", 1, 365, "day", scalar=True
    )
    slowing: float = given("il2_model.native_slowing", 1, 1000, "", scalar=True)
    kd_three_chains: float = given("il2_receptors.three_chains", 1e-6, 1e6, "nM", scalar=True)
    kd_two_chains: float = given("il2_receptors.two_chains", 1e-6, 1e6, "nM", scalar=True)
    growth: float = given("il2_model.growth", 0, 5, "1/day", scalar=True)
    return_rate: float = given("il2_model.return_rate", 0.01, 5, "1/day", scalar=True)
    half_suppression: float = given("il2_model.half_suppression", 1e-3, 1e9, "", scalar=True)

    def __post_init__(self):
        super().__post_init__()
        lasts = self.interval * (self.doses_per_course - 1)
        if self.courses > 1 and lasts >= self.days_between_courses:
            raise ValueError(
                f"days_between_courses must be more than the {lasts:g} days that one course "
                f"lasts, you gave {self.days_between_courses:g}."
            )

    def dose_times(self):
        """Return the days on which a dose is given, shape (doses,)."""
        course = self.interval * np.arange(self.doses_per_course)
        starts = self.days_between_courses * np.arange(self.courses)
        return (starts[:, None] + course).ravel()

    def effects(self, stages, stop, patient):
        """Return the ``Effects``: growth as the mean of each step, because hours are too short."""
        starts, duration = self.dose_times(), value_of("aldesleukin.infusion_time") / MINUTES
        given_before, which = np.unique(np.searchsorted(starts, stop), return_inverse=True)
        doses = np.where(np.arange(starts.size)[:, None] < given_before, self.dose, 0.0)

        def signals(days):
            il2 = concentration(days, starts, doses, duration, self.slowing)
            kds = np.array([self.kd_two_chains, self.kd_three_chains])
            return occupancy(il2[..., None, :], kds[:, None])

        jumps = np.concatenate([starts, starts + duration])
        followed = summed_and_fading(signals, [0.0, self.return_rate], stages, jumps)
        multiplied, regulatory = np.moveaxis(self.growth * followed, -2, 0)
        lasting = (stages[:, 2:] - stages[:, :1])[..., None]
        rate = (multiplied[:, 2:] - multiplied[:, :1]) / lasting
        rate = np.broadcast_to(rate, multiplied.shape)
        held = self.half_suppression
        recruitment = (held + 1) / (held + np.exp(regulatory))
        return Effects(t_cell_growth=rate[..., which], recruitment=recruitment[..., which])


def _named(what, name, known):
    if name not in known:
        allowed = ", ".join(repr(each) for each in known)
        raise ValueError(f"{what} must be one of {allowed}, you gave {name!r}.")
    return known[name]


def _response(response):
    response = Response() if response is None else response
    if not isinstance(response, Response):
        raise TypeError(f"response must be a Response(...), you gave {response!r}.")
    return response
