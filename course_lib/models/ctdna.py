r"""Tumour DNA in the blood (ctDNA) of a relapse that grows or is treated, and tests that find it.

Tumour cells $N$ grow at the net rate $g$ and die at the rate $\delta$; a treatment adds deaths at
the rate $k$ while it lasts. Each death sheds $q$ genomes into the blood, which clears them at the
rate $\lambda$:

$$\dot N = (g - k)\,N,\qquad \dot A = q\,(\delta + k)\,N - \lambda A,\qquad C = A / V$$

Between the first and the last day of treatment all rates are constant, so the course is a chain of
closed forms. A blood test reads $v$ mL of plasma for $m$ variants, so it holds a Poisson number of
tumour molecules with the mean $C\,v\,m$ (each genome carries each variant once).

A scan sees the diameter of each lesion; the blood sees the cells of all.

Source: equation 1 of Avanzini 2020, fitted to early lung cancer (``ctdna.shedding``). The treatment
and all that follows it are assumptions of this course. It is not a forecast for a patient.
"""

from dataclasses import dataclass
from math import factorial
from typing import NamedTuple

import numpy as np

from course_lib import evidence
from course_lib.models.parameters import Parameters, checked, given

MINUTES = 24 * 60
#: Deaths for which ``shedding`` counts the genomes.
DEATHS = 10_000
#: Bisections of a number of molecules: to thirteen digits.
BISECTIONS = 50
#: No tumour grows by more powers of e in one phase; numbers beyond would overflow.
BEYOND = 100.0
#: Beyond any course: a concentration, genomes per mL.
MOST = 1e200
#: With so many molecules on average, a sample without any does not occur.
MANY = 700.0


class Course(NamedTuple):
    """Tumour cells, and genomes of the tumour per mL of plasma; each of the shape of ``times``."""

    cells: np.ndarray
    concentration: np.ndarray


@dataclass(frozen=True)
class Treatment(Parameters):
    r"""A treatment that kills all but $10^{-K}$ of the tumour cells, evenly in some days.

    $$k = K \ln 10 / T$$

    Arguments: ``log_kill`` $K$, powers of ten; ``treatment_days`` $T$. The cells that are left go
    on growing as before, and also grow during the treatment.
    Source: assumption of the course (``ctdna.log_kill``).
    """

    log_kill: float = given("ctdna.log_kill", 0, 15, "powers of ten", scalar=True)
    treatment_days: float = given("ctdna.treatment_days", 14, 1000, "day", scalar=True)

    def rate(self):
        """Return the deaths the treatment adds, per cell and day."""
        return self.log_kill * np.log(10) / self.treatment_days


NOTHING = Treatment(0, 90)


@dataclass(frozen=True)
class Relapse(Parameters):
    """A tumour that is left after surgery, and the DNA it sheds.

    Arguments, one number each: ``cells`` on day 0; ``doubling_time`` (days); ``death_rate``
    (1/day), deaths without treatment; ``shedding``, genomes per 10,000 deaths; ``half_life`` of
    the DNA (min); ``plasma_volume`` (L).
    Raises ``ValueError`` or ``TypeError`` naming the field, the range and the value.
    Source: ``ctdna.shedding`` and the keys beside it.
    """

    cells: float = given("ctdna.cells", 1, 1e13, "cells", scalar=True)
    doubling_time: float = given("ctdna.doubling_time", 1, 10_000, "day", scalar=True)
    death_rate: float = given("ctdna.death_rate", 1e-4, 5, "1/day", scalar=True)
    shedding: float = given(
        "ctdna.shedding", 0, 10_000, "genomes per 10,000 dying cells", scalar=True
    )
    half_life: float = given("ctdna.half_life", 1, 240, "min", scalar=True)
    plasma_volume: float = given("ctdna.plasma_volume", 0.1, 20, "L", scalar=True)

    def growth(self):
        r"""Return the net growth rate $g = \ln 2 / T_2$, 1/day."""
        return np.log(2) / self.doubling_time

    def clearance(self):
        r"""Return the rate $\lambda$ at which the blood loses the DNA, 1/day."""
        return np.log(2) * MINUTES / self.half_life

    def level(self, cells):
        r"""Return the concentration above a growing tumour without treatment, genomes per mL.

        $$C = \frac{q\,\delta\,N}{(\lambda + g)\,V}$$

        Arguments: ``cells`` $N$, one number or shape (tumours,).
        Raises ``ValueError`` or ``TypeError`` naming the argument, the range and the value.
        Source: equation 1 of Avanzini 2020.
        """
        cells = checked("cells", cells, 0, 1e15, "cells")
        per_cell = self.shedding / DEATHS * self.death_rate / (self.clearance() + self.growth())
        return per_cell * cells / (1000 * self.plasma_volume)

    def cells_with(self, concentration):
        """Return the tumour cells with this level without treatment; infinite if none is shed."""
        concentration = checked("concentration", concentration, 0, MOST, "genomes per mL")
        per_cell = self.level(1.0)
        return concentration / per_cell if per_cell else concentration + np.inf

    def course(self, times, treatment=NOTHING, start=np.inf):
        r"""Return the ``Course`` of a tumour that is treated from day ``start`` on.

        Within each phase, with its own $r = g - k$ and deaths $\delta + k$,

        $$N = N_0 e^{rt},\qquad
          A = A_0 e^{-\lambda t} + q(\delta + k) N_0 \frac{e^{rt} - e^{-\lambda t}}{\lambda + r}$$

        Arguments: ``times``, days from 0 on, one number or shape (times,); ``treatment``;
        ``start``, a day from 0 on, or infinity for never.
        Raises ``ValueError`` or ``TypeError`` naming the argument, the range and the value.
        Source: Avanzini 2020 for the tumour without treatment; the rest is an assumption.
        """
        times = checked("times", times, 0, 100_000, "day")
        start = checked("start", start, 0, np.inf, "day", scalar=True)
        length, g, k = treatment.treatment_days, self.growth(), treatment.rate()
        since = np.maximum(times - start, 0.0)
        phases = (
            (np.minimum(times, start), g, self.death_rate),
            (np.minimum(since, length), g - k, self.death_rate + k),
            (np.maximum(since - length, 0.0), g, self.death_rate),
        )
        cells = self.cells
        genomes = self.level(cells) * 1000 * self.plasma_volume
        for elapsed, rate, deaths in phases:
            cells, genomes = self._after(elapsed, cells, genomes, rate, deaths)
        return Course(cells, genomes / (1000 * self.plasma_volume))

    def _after(self, elapsed, cells, genomes, rate, deaths):
        """Return cells and genomes after a phase of constant rates."""
        lost = self.clearance()
        shed = self.shedding / DEATHS * deaths * cells
        grown = np.exp(np.minimum(rate * elapsed, BEYOND))
        left = np.exp(-lost * elapsed)
        # The blood is far quicker than any treatment: lost + rate is never near zero.
        return cells * grown, genomes * left + shed * (grown - left) / (lost + rate)

    def day_of(self, cells, treatment=NOTHING, start=np.inf):
        r"""Return the first day on which the tumour has so many cells.

        Arguments: ``cells``, one number from those of day 0 on; the rest as for ``course``.
        Returns one number: as the tumour always grows in the end, the day always comes.
        Raises ``ValueError`` or ``TypeError`` naming the argument, the range and the value.
        """
        cells = checked("cells", cells, self.cells, 1e15, "cells", scalar=True)
        start = checked("start", start, 0, np.inf, "day", scalar=True)
        to_come, g = np.log(cells / self.cells), self.growth()
        if to_come <= g * start:
            return to_come / g
        rate, days = g - treatment.rate(), treatment.treatment_days
        to_come -= g * start
        if to_come <= rate * days:
            return start + to_come / rate
        return start + days + (to_come - rate * days) / g

    def cured(self, start, treatment):
        r"""Return the probability that the treatment leaves no line of cells that lives on.

        Each cell divides at the rate $b = g + \delta$ and dies, by chance, independently of the
        others. Of one cell on the first day of treatment a line lives on with the probability

        $$P = \frac{u\,e^{rT}}{1 + b\,u\,(e^{rT} - 1)/r},\qquad u = \frac{g}{b},\qquad r = g - k$$

        and the tumour is gone with $(1 - P)^N$.

        Arguments: ``start``, days from 0 on, one number or shape (tumours,); ``treatment``.
        Raises ``ValueError`` or ``TypeError`` naming the argument, the range and the value.
        Source: linear birth-death process, Athreya and Ney, as in Avanzini 2020.
        """
        start = checked("start", start, 0, 100_000, "day")
        g, length = self.growth(), treatment.treatment_days
        births, rate = g + self.death_rate, g - treatment.rate()
        alone = g / births
        through = length if rate == 0 else np.expm1(rate * length) / rate
        lives_on = alone * np.exp(rate * length) / (1 + births * alone * through)
        cells = self.cells * np.exp(np.minimum(g * start, BEYOND))
        return np.exp(cells * np.log1p(-lives_on))


@dataclass(frozen=True)
class BloodTest(Parameters):
    """A test for variants of the patient's own tumour in a blood sample.

    Arguments, one number each: ``plasma`` read (mL); ``variants`` followed; ``needed``, molecules
    that make it positive; ``errors``, mean number of false molecules per sample.
    Raises ``ValueError`` or ``TypeError`` naming the field, the range and the value.
    Source: assumptions of the course (``ctdna.plasma`` and the keys beside it).
    """

    plasma: float = given("ctdna.plasma", 0.01, 1000, "mL", scalar=True)
    variants: int = given("ctdna.variants", 1, 100_000, "variants", whole=True)
    needed: int = given("ctdna.needed", 1, 20, "molecules", whole=True)
    errors: float = given("ctdna.errors", 0, 100, "molecules", scalar=True)

    def molecules(self, concentration):
        r"""Return the mean number of tumour molecules in a sample, $C\,v\,m$.

        Arguments: ``concentration`` $C$, genomes per mL, one number or shape (samples,).
        Raises ``ValueError`` or ``TypeError`` naming the argument, the range and the value.
        """
        concentration = checked("concentration", concentration, 0, MOST, "genomes per mL")
        return concentration * self.plasma * self.variants

    def positive(self, concentration):
        r"""Return the probability of a positive test, errors included.

        $$1 - \sum_{j < n} \frac{\mu^j e^{-\mu}}{j!},\qquad \mu = C\,v\,m + e$$

        Arguments and errors as for ``molecules``.
        """
        return self._enough(self.molecules(concentration) + self.errors)

    def _enough(self, mean):
        """Return the probability of at least the molecules that are needed."""
        mean = np.minimum(mean, MANY)
        fewer = sum(mean**j / factorial(j) for j in range(self.needed)) * np.exp(-mean)
        return np.maximum(1 - fewer, 0.0)  # not below 0 by rounding

    def limit(self, probability=0.95):
        """Return the concentration at which so many of a hundred samples are positive, per mL.

        Arguments: ``probability``, between 0.01 and 0.999. If errors alone reach it: 0.
        Raises ``ValueError`` or ``TypeError`` naming the argument, the range and the value.
        """
        probability = checked("probability", probability, 0.01, 0.999, scalar=True)
        low, high = 0.0, 100.0
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            low, high = (middle, high) if self._enough(middle) < probability else (low, middle)
        return max(high - self.errors, 0.0) / (self.plasma * self.variants)

    def false_alarm(self, tests):
        r"""Return the probability of one or more positive tests without any tumour DNA.

        $$1 - (1 - f)^n$$

        Arguments: ``tests`` $n$, a whole number from 0 on.
        Raises ``ValueError`` or ``TypeError`` naming the argument, the range and the value.
        """
        tests = checked("tests", tests, 0, 1e6, "tests", whole=True)
        return 1 - (1 - self.positive(0.0)) ** tests

    def draw(self, concentration, samples, seed):
        """Return the molecules counted in some samples, drawn at random, shape (samples,).

        Arguments: ``concentration``, one number; ``samples`` and ``seed``, whole numbers.
        Raises ``ValueError`` or ``TypeError`` naming the argument, the range and the value.
        """
        samples = checked("samples", samples, 1, 1e6, "samples", whole=True)
        seed = checked("seed", seed, 0, 2**32 - 1, whole=True)
        mean = self.molecules(
            checked("concentration", concentration, 0, 1e9, "genomes per mL", scalar=True)
        )
        return np.random.default_rng(seed).poisson(mean + self.errors, samples)


def first_positive(probabilities):
    r"""Return the probability that each test in a row is the first one that is positive.

    $$P_i = p_i \prod_{j < i} (1 - p_j)$$

    Arguments: ``probabilities`` $p_i$, 0 to 1, shape (tests,).
    Raises ``ValueError`` or ``TypeError`` naming the argument, the range and the value.
    """
    each = np.atleast_1d(checked("probabilities", probabilities, 0, 1))
    return each * np.append(1.0, np.cumprod(1 - each)[:-1])


def cells_of(diameter, lesions=1):
    r"""Return the tumour cells of equal lesions, $N = n\,\rho\,\frac{\pi}{6} D^3$.

    Arguments: ``diameter`` $D$ in mm and ``lesions`` $n$, one number each or arrays.
    Raises ``ValueError`` or ``TypeError`` naming the argument, the range and the value.
    Source: ``ctdna.cells_per_volume``.
    """
    diameter = checked("diameter", diameter, 1e-3, 1000, "mm")
    lesions = checked("lesions", lesions, 1, 10_000)
    return lesions * evidence.get("ctdna.cells_per_volume").value * np.pi / 6 * diameter**3


def diameter_of(cells, lesions=1):
    """Return the diameter of equal lesions with so many cells together, mm: see ``cells_of``."""
    cells = checked("cells", cells, 0, np.inf, "cells")
    lesions = checked("lesions", lesions, 1, 10_000)
    density = evidence.get("ctdna.cells_per_volume").value
    return np.cbrt(6 * cells / (np.pi * density * lesions))


def lead_time(relapse, test, lesions=1, diameter=10.0, probability=0.5):
    r"""Return by how many days daily blood tests precede daily scans; below 0, scans are first.

    $$\Delta = T_2 \log_2 \frac{N_{scan}}{N_{blood}}$$

    Ten times the shedding, plasma or variants buy the same time each: $T_2 \log_2 10$.

    Arguments: ``relapse``; ``test``, a ``BloodTest``; ``lesions``; ``diameter``, mm, that a scan
    finds; ``probability`` with which a single blood test finds the tumour.
    Returns minus infinity if nothing is shed, and infinity if errors alone are enough.
    Raises ``ValueError`` or ``TypeError`` naming the argument, the range and the value.
    """
    by_blood = relapse.cells_with(test.limit(probability))
    with np.errstate(divide="ignore"):
        return relapse.doubling_time * np.log2(cells_of(diameter, lesions) / by_blood)


def scan_day(day, interval):
    """Return the first scan on or after the day from which a scan would find the tumour.

    Arguments: ``day``, days; ``interval`` between scans, days; the first scan is one interval
    after day 0.
    Raises ``ValueError`` or ``TypeError`` naming the argument, the range and the value.
    """
    day = checked("day", day, 0, 1e6, "day", scalar=True)
    interval = checked("interval", interval, 1, 10_000, "day", scalar=True)
    return interval * max(np.ceil(day / interval - 1e-9), 1.0)
