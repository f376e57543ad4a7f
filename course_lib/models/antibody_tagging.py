r"""Tagging a cell: how many antibodies it carries, and what that does to it.

An antibody in solution, concentration $L$, meets $R_t$ receptors on one cell. An arm grips a
receptor with $K_d$; once one arm holds, the other one looks for a second receptor in the thin
layer above the membrane, where each receptor counts as $c$ (``Antibody.bound``).

The antibody itself kills nothing. Natural killer (NK) cells, macrophages and complement do, and
each of them needs enough antibodies on one cell: with $T$ of them,

$$p(T) = \frac{T^n}{T^n + T_{1/2}^n}$$

is the share of its full strength that a killer reaches. Blocking a receptor kills nothing either:
it stops a signal. Antibody is in excess: binding does not use it up.

A teaching model: the numbers of killing are assumptions, and it is not a clinical prediction.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from course_lib import evidence
from course_lib.models.binding import occupancy
from course_lib.models.parameters import Parameters, amount, given

AVOGADRO = 6.02214076e23


class Bound(NamedTuple):
    """Antibodies held by one arm and by two, and receptors left free: molecules per cell."""

    one_arm: np.ndarray
    two_arms: np.ndarray
    free: np.ndarray

    @property
    def tags(self):
        """Antibodies on the cell."""
        return self.one_arm + self.two_arms

    @property
    def blocked(self):
        """Share of the receptors that an antibody holds: the share of their signal it stops."""
        taken = self.one_arm + 2 * self.two_arms
        receptors = taken + self.free
        return np.divide(taken, receptors, out=np.zeros_like(receptors), where=receptors > 0)[()]


class Killing(NamedTuple):
    """What an antibody does to one kind of cell: tags per cell, and fractions from 0 to 1."""

    tags: np.ndarray
    blocked: np.ndarray
    adcc: np.ndarray
    adcp: np.ndarray
    cdc: np.ndarray
    killed: np.ndarray


@dataclass(frozen=True)
class Antibody(Parameters):
    r"""An antibody against HER2: its grip, its arms, and its Fc part.

    Arguments, each one number or an array of shape (cells,) unless marked
        kd: dissociation constant of one arm, nM.
        arms: 1 or 2, the arms that can bind HER2, one number.
        fc_gain: affinity of the Fc part for FcγRIIIa, 1 with the usual fucose.
        cell_radius: of the cell, a smooth sphere, µm.
        layer: height above the membrane in which a held antibody's free arm moves, nm.
        reach: share of the receptors that this arm can reach.

    Raises ``ValueError`` or ``TypeError`` naming the field, the allowed range and the value.
    Source: ``antibody_tagging.*``.
    """

    kd: float = given("antibody_tagging.kd", 1e-6, 1e9, "nM")
    arms: int = given("antibody_tagging.arms", 1, 2, "", whole=True)
    fc_gain: float = given("antibody_tagging.usual_fc_gain", 1e-3, 1e3, "")
    cell_radius: float = given("antibody_tagging.cell_radius", 0.1, 100, "µm")
    layer: float = given("antibody_tagging.layer", 1e-9, 1000, "nm")
    reach: float = given("antibody_tagging.reach", 0, 1, "")

    def local_concentration(self):
        r"""Return what one receptor of a cell counts as for a free arm, nM.

        $$c = \frac{f}{N_A\,4\pi r^2 h}$$

        with the layer's height $h$ and the share $f$ (``reach``).
        Source: assumption of the course, ``antibody_tagging.reach``.
        """
        litres = 4 * np.pi * self.cell_radius**2 * self.layer * 1e-3 * 1e-15
        return 1e9 * self.reach / (AVOGADRO * litres)

    def bound(self, concentration, receptors):
        r"""Return ``Bound``, the antibodies on one cell at equilibrium.

        One arm: $R_t L/(L + K_d)$. Two arms, with $u = R/K_d$ for the free receptors $R$:

        $$[LR] = 2Lu,\qquad [LR_2] = Lc\,u^2,\qquad 2Lc\,u^2 + (K_d + 2L)\,u = R_t$$

        ($K_x = c/K_d$ is the local constant of the second arm; without it, $c = 0$, two arms are
        two chances to grip: $K_d/2$.)

        Arguments: ``concentration`` of free antibody, nM; ``receptors`` per cell; numbers or
        arrays that fit together.
        Raises ``ValueError`` if one is negative or not finite.
        Source: law of mass action; ``antibody_tagging.layer``, ``antibody_tagging.cell_radius``.
        """
        concentration = amount("concentration", concentration)
        receptors = amount("receptors", receptors)
        if self.arms == 1:
            held = occupancy(concentration, self.kd) * receptors
            return Bound(held, 0 * held, receptors * self.kd / (self.kd + concentration))
        linear = self.kd + 2 * concentration
        square = 2 * concentration * self.local_concentration()
        root = np.sqrt(linear**2 + 4 * square * receptors)
        free = 2 * receptors / (linear + root)  # of the two roots the positive one, over kd
        return Bound(2 * concentration * free, square * free**2 / 2, self.kd * free)


@dataclass(frozen=True)
class Effectors(Parameters):
    r"""What can kill a tagged cell: NK cells, macrophages, complement.

    Arguments, each one number or an array of shape (cells,) unless marked
        nk_cells: NK cells for each target cell.
        v_alleles: 0, 1 or 2 V158 alleles of FcγRIIIa (F/F, V/F, V/V), one number.
        macrophages: macrophages for each target cell.
        complement_regulators: share of the complement attack that CD55 and CD59 stop.
        hits_per_nk_cell, hits_per_macrophage: cells each of them kills at full strength.
        nk_half_tags, macrophage_half_tags, complement_half_tags: antibodies per cell for half
            of the full strength; of NK cells with V/V receptors and the usual fucose.
        clustering: exponent $n$ of $p$; above 1, tags count more where they stand together.

    Raises ``ValueError`` or ``TypeError`` naming the field, the allowed range and the value.
    Source: ``antibody_tagging.*``, ``fc_receptor.*``.
    """

    nk_cells: float = given("antibody_tagging.nk_cells", 0, 1000, "")
    v_alleles: int = given("antibody_tagging.v_alleles", 0, 2, "", whole=True)
    macrophages: float = given("antibody_tagging.macrophages", 0, 1000, "")
    complement_regulators: float = given("antibody_tagging.complement_regulators", 0, 1, "")
    hits_per_nk_cell: float = given("antibody_tagging.hits_per_nk_cell", 0, 1000, "")
    hits_per_macrophage: float = given("antibody_tagging.hits_per_macrophage", 0, 1000, "")
    nk_half_tags: float = given("antibody_tagging.nk_half_tags", 1, 1e8, "per cell")
    macrophage_half_tags: float = given("antibody_tagging.macrophage_half_tags", 1, 1e8, "per cell")
    complement_half_tags: float = given("antibody_tagging.complement_half_tags", 1, 1e8, "per cell")
    clustering: float = given("antibody_tagging.clustering", 0.1, 10, "")

    def fc_affinity(self):
        r"""Return the affinity of FcγRIIIa for IgG1, compared with V158: the mean of two alleles.

        Source: ``fc_receptor.v158_kd`` and ``fc_receptor.f158_kd``, from one assay.
        """
        ratio = (
            evidence.get("fc_receptor.v158_kd").value / evidence.get("fc_receptor.f158_kd").value
        )
        return (self.v_alleles + (2 - self.v_alleles) * ratio) / 2

    def adcc(self, tags, fc_gain=1.0):
        r"""Return the fraction that NK cells kill (antibody-dependent cellular cytotoxicity).

        $$1 - \exp\!\left(-k\,E\,p(g\,a\,T)\right)$$

        with $E$ NK cells per target, $a$ the affinity of the alleles and $g$ = ``fc_gain``. A
        tag that is gripped more tightly counts for more.
        Raises ``ValueError`` if ``tags`` or ``fc_gain`` is negative or not finite.
        Source: assumption of the course.
        """
        counted = amount("tags", tags) * amount("fc_gain", fc_gain) * self.fc_affinity()
        strength = self._strength(counted, self.nk_half_tags)
        return -np.expm1(-self.hits_per_nk_cell * self.nk_cells * strength)

    def adcp(self, tags):
        r"""Return the fraction that macrophages eat (antibody-dependent cellular phagocytosis).

        The law of ``adcc``, with macrophages. They carry several Fc receptors, so neither V/F
        nor fucose changes it here.
        Raises ``ValueError`` if ``tags`` is negative or not finite.
        Source: assumption of the course.
        """
        strength = self._strength(tags, self.macrophage_half_tags)
        return -np.expm1(-self.hits_per_macrophage * self.macrophages * strength)

    def cdc(self, tags):
        r"""Return the fraction that complement kills: $(1 - \rho)\,p(T)$, regulators $\rho$.

        Raises ``ValueError`` if ``tags`` is negative or not finite.
        Source: assumption of the course.
        """
        return (1 - self.complement_regulators) * self._strength(tags, self.complement_half_tags)

    def _strength(self, tags, half):
        return occupancy((amount("tags", tags) / half) ** self.clustering, 1)


def killing(antibody, effectors, concentration, receptors):
    r"""Return ``Killing`` for cells with this many receptors: tumour or healthy, the law is one.

    $$1 - (1 - \mathrm{ADCC})(1 - \mathrm{ADCP})(1 - \mathrm{CDC})$$

    Arguments: an ``Antibody``, ``Effectors``, ``concentration`` (nM) and ``receptors`` per cell,
    numbers or arrays that fit together.
    Raises ``ValueError`` if a number is negative or not finite.
    Source: assumption of the course: the three act independently.
    """
    held = antibody.bound(concentration, receptors)
    adcc = effectors.adcc(held.tags, antibody.fc_gain)
    adcp, cdc = effectors.adcp(held.tags), effectors.cdc(held.tags)
    killed = 1 - (1 - adcc) * (1 - adcp) * (1 - cdc)
    return Killing(held.tags, held.blocked, adcc, adcp, cdc, killed)
