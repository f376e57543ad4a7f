r"""What activates a T cell, and its brakes: proofreading, CD28 against CTLA-4, PD-1.

Two signals must come together in the lymph node. An activated T cell kills at the tumour unless
PD-1 stops it:

$$A = S_1 S_2,\qquad K = A\,(1 - B)$$

$S_1$: at least one bond with the antigen completes all proofreading steps. $S_2$: enough CD28 has
a ligand that CTLA-4 has not taken. $B$: PD-1 that has found PD-L1. Amounts are molecules per µm²
of the contact between two cells; binding is at equilibrium, one to one, and uses molecules up.

A teaching model: how the three parts are put together is our own assumption, and so is that
recognition at the tumour does not have to succeed a second time.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from course_lib.models.parameters import Parameters, checked, given

#: Molecules per µm³ at 1 µM: Avogadro's number over 10^21.
PER_CUBIC_MICROMETRE = 602.214
MOST = 1e6  # molecules per µm²: more do not fit on a membrane


class Costimulation(NamedTuple):
    """Ligands of the dendritic cell, molecules per µm²: who holds how many."""

    cd28_cd80: np.ndarray
    cd28_cd86: np.ndarray
    ctla4_cd80: np.ndarray
    ctla4_cd86: np.ndarray

    @property
    def cd28(self):
        """Return all ligands that CD28 holds: these signal."""
        return self.cd28_cd80 + self.cd28_cd86

    @property
    def ctla4(self):
        """Return all ligands that CTLA-4 holds: these are lost for CD28."""
        return self.ctla4_cd80 + self.ctla4_cd86


def proofreading(off_rate, steps, rate):
    r"""Return the chance that one bond completes all proofreading steps.

    $$P = \left(\frac{k_p}{k_p + k_{off}}\right)^{N}$$

    Arguments, numbers or shape (values,): ``off_rate`` $k_{off}$, 1/s, one over the dwell time;
    ``steps`` $N$, need not be whole (a fit may give 2.67); ``rate`` $k_p$ of one step, 1/s.
    Raises ``ValueError`` or ``TypeError`` naming the argument, the allowed range and the value.
    Source: ``proofreading.definition``, ``proofreading.steps``, ``proofreading.rate``.
    """
    off_rate = checked("off_rate", off_rate, 0, 1e6, "1/s")
    steps = checked("steps", steps, 0, 1000)
    rate = checked("rate", rate, 1e-6, 1e6, "1/s")
    return (rate / (rate + off_rate)) ** steps


def discrimination(off_rate_long, off_rate_short, steps, rate):
    r"""Return how many times likelier a long bond completes all steps than a short one.

    $$\frac{P_{long}}{P_{short}} = \left(\frac{k_p + k_{short}}{k_p + k_{long}}\right)^{N}$$

    Arguments as for ``proofreading``; 1 means that the two are not told apart.
    Raises ``ValueError`` or ``TypeError`` as ``proofreading`` does.
    Source: ``proofreading.ratio_1`` and its neighbours.
    """
    # One over the other would be 0 / 0 for very many steps.
    long, short = (
        rate / proofreading(off_rate, 1, rate) for off_rate in (off_rate_long, off_rate_short)
    )
    return (short / long) ** checked("steps", steps, 0, 1000)


def surface_kd(kd, gap):
    r"""Return a dissociation constant in molecules per µm², for two molecules on two membranes.

    $$K_{2D} = K_d\,N_A\,h$$

    Arguments, numbers or shape (values,): ``kd`` in solution, µM; ``gap`` $h$ between the
    membranes, nm: the layer in which the molecules meet.
    Raises ``ValueError`` or ``TypeError`` naming the argument, the allowed range and the value.
    Source: ``synapse.gap``.
    """
    kd = checked("kd", kd, 1e-9, 1e6, "µM")
    return kd * PER_CUBIC_MICROMETRE * checked("gap", gap, 1e-3, 1000, "nm") / 1000


def complexes(first, second, kd):
    r"""Return how many pairs two kinds of molecules form when both are used up by binding.

    $$C = \frac{2ab}{s + \sqrt{s^2 - 4ab}},\qquad s = a + b + K$$

    Arguments, numbers or shape (values,), all in molecules per µm²: amounts ``first`` $a$ and
    ``second`` $b$, free and bound together; ``kd`` $K$, see ``surface_kd``.
    Raises ``ValueError`` or ``TypeError`` naming the argument, the allowed range and the value.
    Source: law of mass action.
    """
    a = checked("first", first, 0, MOST, "per µm²")
    b = checked("second", second, 0, MOST, "per µm²")
    kd = checked("kd", kd, 1e-9, 1e9, "per µm²")
    # (a - b)² + K (2a + 2b + K) is s² - 4ab without the cancellation.
    root = np.sqrt((a - b) ** 2 + kd * (2 * a + 2 * b + kd))
    return 2 * a * b / (a + b + kd + root)


def competition(receptors, ligands, kd):
    r"""Return how receptors share ligands when both are used up by binding.

    $$R_i = r_i\Big(1 + \sum_j \frac{l_j}{K_{ij}}\Big),\qquad
      L_j = l_j\Big(1 + \sum_i \frac{r_i}{K_{ij}}\Big),\qquad C_{ij} = \frac{r_i l_j}{K_{ij}}$$

    The free amounts $r$, $l$ are unknown. In $\ln l$ the equations are the slope of a convex
    function, so there is one solution; Newton steps of limited length find it. With ligands in
    excess this is ``binding.competition``; with one of each kind it is ``complexes``.

    Arguments, molecules per µm², at least 0: ``receptors``, shape (n, ...);
    ``ligands``, shape (m, ...); ``kd``, n rows of m positive numbers.
    Returns $C$, shape (n, m, ...).
    Raises ``ValueError`` or ``TypeError`` naming the argument, the allowed range and the value.
    Source: law of mass action.
    """
    total = [_numbers("receptors", receptors, 0), _numbers("ligands", ligands, 0)]
    kd = _numbers("kd", kd, 1e-9)
    if kd.shape != (len(total[0]), len(total[1])):
        raise ValueError(
            f"kd must have a row for each of the {len(total[0])} receptors and a column for each "
            f"of the {len(total[1])} ligands, you gave shape {kd.shape}."
        )
    cases = np.broadcast_shapes(*(amounts.shape[1:] for amounts in total))
    # Kinds last: (..., n) and (..., m).
    receptor, ligand = (
        np.broadcast_to(np.moveaxis(amounts, 0, -1), (*cases, kinds))
        for amounts, kinds in zip(total, kd.shape, strict=True)
    )
    needed = np.maximum(ligand, np.finfo(float).tiny)  # its logarithm is finite
    free = np.log(needed)
    for _ in range(400):
        pull = np.exp(free)[..., None, :] / kd
        share = pull / (1 + pull.sum(axis=-1, keepdims=True))
        held = receptor[..., None] * share  # (..., n, m)
        used = np.exp(free) + held.sum(axis=-2)
        # The slope, each row divided by its ligand.
        slope = np.eye(kd.shape[1]) * used[..., None] - np.swapaxes(held, -1, -2) @ share
        step = np.linalg.solve(slope / needed[..., None], (used / needed - 1)[..., None])[..., 0]
        free = free - np.clip(step, -2, 2)
        if np.all(np.abs(step) < 1e-12):
            break
    # Of what is held, each ligand's own part: exact where there is none of it.
    pull = np.exp(free)[..., None, :] / kd
    one = receptor[..., None] / (1 + pull.sum(axis=-1, keepdims=True)) / kd
    held = ligand[..., None, :] * one / (1 + one.sum(axis=-2, keepdims=True))
    return np.moveaxis(held, (-2, -1), (0, 1))


def _numbers(name, values, low):
    """Return ``values`` as floats of any shape, at least one axis; refuse what is impossible."""
    rule = f"{name} must be numbers between {low:g} and {MOST:g} per µm²"
    numbers = np.asarray(values)
    if numbers.dtype.kind not in "iuf" or numbers.ndim == 0:
        raise TypeError(f"{rule}, in a list, you gave {values!r}.")
    if not np.all((numbers >= low) & (numbers <= MOST)):  # also refuses NaN
        raise ValueError(f"{rule}, you gave {values!r}.")
    return numbers.astype(float)


def hill(amount, half, exponent):
    r"""Return a share that rises with an amount and saturates.

    $$H = \frac{x^n}{x_{1/2}^n + x^n}$$

    Arguments, numbers or shape (values,): ``amount`` $x$ and ``half`` $x_{1/2}$, the amount that
    gives one half, in the same unit; ``exponent`` $n$, the steepness.
    Raises ``ValueError`` or ``TypeError`` naming the argument, the allowed range and the value.
    Source: ``synapse.cd28_hill``, ``synapse.pd1_hill``.
    """
    amount = checked("amount", amount, 0, 1e12)
    ratio = amount / checked("half", half, 1e-9, 1e12)
    power = ratio ** checked("exponent", exponent, 0.1, 10)
    return power / (1 + power)


@dataclass(frozen=True)
class TCell(Parameters):
    r"""One T cell: what it meets in the lymph node, and what it meets at the tumour.

    Arguments, each one number or an array of shape (values,); amounts in molecules per µm²
        dwell_time: how long the antigen stays bound on average, s.
        peptides: antigen of this kind on the dendritic cell, a number of molecules.
        steps: proofreading steps, need not be whole.
        cd80, cd86: ligands on the dendritic cell.
        ctla4: CTLA-4, on this or on neighbouring T cells.
        pd_l1: on the tumour cell.
        pd1_blocked: PD-1 that carries an antibody, percent.
        rate: of one proofreading step, 1/s.
        bonds_per_peptide: bonds that each peptide forms while the two cells touch.
        cd28, pd1: on the T cell.
        gap: between the two cells, for binding, nm.
        kd_...: dissociation constants in solution, µM.
        cd28_half, cd28_hill: CD28 with a ligand for half of the second signal, and steepness.
        pd1_half, pd1_hill: PD-1 with PD-L1 for half of the brake, and steepness.

    Raises ``ValueError`` or ``TypeError`` naming the field, the allowed range and the value.
    Source: ``t_cell.*``, ``proofreading.*``, ``synapse.*``, ``cd28_*``, ``ctla4_*``,
    ``pd1_pdl1.kd``.
    """

    dwell_time: float = given("t_cell.dwell_time", 1e-3, 1e5, "s")
    peptides: float = given("t_cell.peptides", 0, 1e6, "")
    steps: float = given("proofreading.steps", 0, 100, "")
    cd80: float = given("t_cell.cd80", 0, 1e5, "per µm²")
    cd86: float = given("t_cell.cd86", 0, 1e5, "per µm²")
    ctla4: float = given("t_cell.ctla4", 0, 1e5, "per µm²")
    pd_l1: float = given("t_cell.pd_l1", 0, 1e5, "per µm²")
    pd1_blocked: float = given("t_cell.pd1_blocked", 0, 100, "%")
    rate: float = given("proofreading.rate", 1e-3, 1e3, "1/s")
    bonds_per_peptide: float = given("synapse.bonds_per_peptide", 0, 1000, "")
    cd28: float = given("synapse.cd28", 0, 1e5, "per µm²")
    pd1: float = given("synapse.pd1", 0, 1e5, "per µm²")
    gap: float = given("synapse.gap", 0.1, 100, "nm", scalar=True)
    kd_cd28_cd80: float = given("cd28_cd80.kd", 1e-3, 1e3, "µM", scalar=True)
    kd_cd28_cd86: float = given("cd28_cd86.kd", 1e-3, 1e3, "µM", scalar=True)
    kd_ctla4_cd80: float = given("ctla4_cd80.kd", 1e-3, 1e3, "µM", scalar=True)
    kd_ctla4_cd86: float = given("ctla4_cd86.kd", 1e-3, 1e3, "µM", scalar=True)
    kd_pd1_pdl1: float = given("pd1_pdl1.kd", 1e-3, 1e3, "µM")
    cd28_half: float = given("synapse.cd28_half", 1e-3, 1e5, "per µm²")
    cd28_hill: float = given("synapse.cd28_hill", 0.5, 8, "")
    pd1_half: float = given("synapse.pd1_half", 1e-3, 1e5, "per µm²")
    pd1_hill: float = given("synapse.pd1_hill", 0.5, 8, "")

    def completion(self):
        """Return the chance that one bond with the antigen completes all steps."""
        return proofreading(1 / self.dwell_time, self.steps, self.rate)

    def first_signal(self):
        r"""Return the chance that at least one bond completes all steps.

        $$S_1 = 1 - e^{-n b P}$$

        with $n$ peptides, $b$ bonds for each: bonds come independently of one another.
        """
        return -np.expm1(-self.peptides * self.bonds_per_peptide * self.completion())

    def costimulation(self):
        """Return the ``Costimulation``: who holds CD80 and CD86."""
        rows = (
            (self.kd_cd28_cd80, self.kd_cd28_cd86),
            (self.kd_ctla4_cd80, self.kd_ctla4_cd86),
        )
        kd = [[surface_kd(each, self.gap) for each in row] for row in rows]
        receptors = np.stack(np.broadcast_arrays(self.cd28, self.ctla4))
        ligands = np.stack(np.broadcast_arrays(self.cd80, self.cd86))
        (cd28_cd80, cd28_cd86), (ctla4_cd80, ctla4_cd86) = competition(receptors, ligands, kd)
        return Costimulation(cd28_cd80, cd28_cd86, ctla4_cd80, ctla4_cd86)

    def second_signal(self):
        """Return the second signal, 0 to 1: a Hill curve of CD28 with a ligand."""
        amount = self.costimulation().cd28
        return hill(amount, self.cd28_half, self.cd28_hill)

    def activation(self):
        """Return the chance of activation: both signals, taken as independent."""
        return self.first_signal() * self.second_signal()

    def pd1_complexes(self):
        """Return PD-1 bound to PD-L1, molecules per µm²; PD-1 under an antibody binds none."""
        free = self.pd1 * (1 - self.pd1_blocked / 100)
        return complexes(free, self.pd_l1, surface_kd(self.kd_pd1_pdl1, self.gap))

    def brake(self):
        """Return the share of killing that PD-1 stops, 0 to 1: a Hill curve of its complexes."""
        return hill(self.pd1_complexes(), self.pd1_half, self.pd1_hill)

    def killing(self):
        """Return the chance that the T cell was activated and then kills a tumour cell."""
        return self.activation() * (1 - self.brake())
