r"""A tissue of single cells: T cells meet a tumour, and interferon switches PD-L1 on.

A square lattice, closed at its edges. A site holds loose stroma, dense stroma, a tumour cell
or nothing; at most one T cell stands on a site without a tumour cell. In each step

1. T cells die with a fixed chance, and new ones arrive at the edge of the tissue.
2. Each T cell tries to move to one of the eight sites around it: up the tumour's chemokine, or
   anywhere. Another T cell there stops it, dense stroma almost always. With a tumour cell it
   changes places now and then: it squeezes between them.
3. Each T cell that is not exhausted feels for a tumour cell on one of the eight sites around
   it. A contact releases interferon. It kills with chance
   $k\,(1 - b\,L\,(1 - \beta))$, where $L$ is 1 if the cell carries PD-L1 and $\beta$ is the
   share of PD-1 that an antibody blocks; and it exhausts the T cell with chance
   $x\,L\,(1 - \beta)$.
4. Interferon $I$ and chemokine spread and decay, in blocks of 4 × 4 sites.
5. Tumour cells divide into a neighbouring site without tumour cell or T cell.
6. A tumour cell carries PD-L1 if $u < m\,I / (I + I_{50})$, where $u$, uniform on 0 to 1, is a
   fixed property of its site.

All tumour cells bear the antigen. A teaching model: its numbers are illustrative, and a step
stands for no fixed time.
"""

from dataclasses import dataclass

import numpy as np

from course_lib.models.parameters import Parameters, checked, given

#: What a site holds, as bits of one byte; 0 is a site that a killed cell has left.
LOOSE, DENSE, TUMOUR, PD_L1, T_CELL, EXHAUSTED, WALL = 1, 2, 4, 8, 16, 32, 128
BLOCK = 4  # sites: interferon and chemokine are known block by block
SETTLING = 200  # steps in which the chemokine reaches its level at the start


@dataclass(frozen=True)
class Rules(Parameters):
    """The chances and sizes of the tissue; each is one number.

    Arguments
        radius: of the tumour at the start, sites.
        collar: width of the stroma around it, sites.
        exclusion: share of the collar's sites that are dense stroma.
        passage: share of steps into dense stroma that succeed.
        squeeze: share of steps to a tumour cell that succeed; the two change places.
        arrival: T cells that come to the tissue per step, on average.
        t_cell_death: share of T cells that die per step.
        chemotaxis: share of a T cell's steps that go up the chemokine.
        killing: share of contacts that kill a tumour cell without PD-L1.
        brake: share of the killing that PD-L1 takes away, with all PD-1 free.
        exhaustion: share of contacts with PD-L1 that exhaust a T cell, with all PD-1 free.
        blocked: share of PD-1 that an antibody blocks.
        induction: share of tumour cells on which much interferon switches PD-L1 on.
        half_interferon: interferon for half of that, contacts.
        interferon_decay, chemokine_decay: share that decays per step.
        spread: share of both that leaves its block per step.
        division: chance of a tumour cell to divide per step, if there is room.

    Raises ``ValueError`` or ``TypeError`` naming the field, the allowed range and the value.
    Source: ``tissue.*``.
    """

    radius: float = given("tissue.radius", 0, 10000, "sites", scalar=True)
    collar: float = given("tissue.collar", 0, 10000, "sites", scalar=True)
    exclusion: float = given("tissue.exclusion", 0, 1, "", scalar=True)
    passage: float = given("tissue.passage", 0, 1, "", scalar=True)
    squeeze: float = given("tissue.squeeze", 0, 1, "", scalar=True)
    arrival: float = given("tissue.arrival", 0, 10000, "T cells/step", scalar=True)
    t_cell_death: float = given("tissue.t_cell_death", 1e-4, 1, "", scalar=True)
    chemotaxis: float = given("tissue.chemotaxis", 0, 1, "", scalar=True)
    killing: float = given("tissue.killing", 0, 1, "", scalar=True)
    brake: float = given("tissue.brake", 0, 1, "", scalar=True)
    exhaustion: float = given("tissue.exhaustion", 0, 1, "", scalar=True)
    blocked: float = given("tissue.blocked", 0, 1, "", scalar=True)
    induction: float = given("tissue.induction", 0, 1, "", scalar=True)
    half_interferon: float = given("tissue.half_interferon", 1e-6, 1e6, "", scalar=True)
    interferon_decay: float = given("tissue.interferon_decay", 1e-4, 1, "", scalar=True)
    chemokine_decay: float = given("tissue.chemokine_decay", 1e-4, 1, "", scalar=True)
    spread: float = given("tissue.spread", 0, 1, "", scalar=True)
    division: float = given("tissue.division", 0, 1, "", scalar=True)


@dataclass(frozen=True)
class Counts:
    """What is counted after a step: cells now, and events since the start."""

    step: int
    tumour: int
    pd_l1: int  # tumour cells that carry PD-L1
    t_cells: int
    exhausted: int  # of the T cells
    touching: int  # T cells with a tumour cell on one of the eight sites around them
    births: int
    kills: int
    arrivals: int
    deaths: int  # of T cells


class Tissue:
    """A tissue at one moment; ``step`` moves it on.

    Arguments: ``rules``, which may be replaced between two steps; ``size``, sites along an
    edge, a multiple of 4; ``seed``, a whole number. The same seed gives the same tissue.

    Raises ``ValueError`` or ``TypeError`` naming the argument, its range and the value.
    """

    def __init__(self, rules: Rules | None = None, *, size: int = 256, seed: int = 1) -> None:
        self.rules = rules or Rules()
        self.size = checked("size", size, 8, 4096, "sites", whole=True)
        if self.size % BLOCK:
            raise ValueError(f"size must be a multiple of {BLOCK} sites, you gave {size}.")
        self.rng = np.random.default_rng(checked("seed", seed, 0, 2**32, whole=True))
        self.steps = self.births = self.kills = self.arrivals = self.deaths = 0
        width = self.size + 2  # with a wall around
        row, column = np.divmod(np.arange(width * width), width)
        wall = (row % (width - 1) == 0) | (column % (width - 1) == 0)
        blocks = self.size // BLOCK
        self._offsets = np.array(
            [-width - 1, -width, 1 - width, -1, 1, width - 1, width, width + 1]
        )
        self._block = ((row - 1) // BLOCK * blocks + (column - 1) // BLOCK).clip(0, blocks**2 - 1)
        inside = np.flatnonzero(~wall)
        self._edge = inside[
            np.isin(row, (1, self.size))[inside] | np.isin(column, (1, self.size))[inside]
        ]
        self._sensitivity = self.rng.random(width * width)
        self._claims = np.zeros(width * width, np.int64)
        self.plane = self._arranged(row, column, wall)
        self.interferon = np.zeros((blocks, blocks))
        self.chemokine = np.zeros((blocks, blocks))
        cells = self._tumour()
        for _ in range(SETTLING):
            self._secrete(cells)

    def _arranged(self, row, column, wall):
        """Return the tissue at the start: a tumour with uneven edge, its collar, T cells."""
        rules, rng, middle = self.rules, self.rng, (self.size + 1) / 2
        angle = np.arctan2(row - middle, column - middle)
        waves = sum(np.cos(k * angle + rng.uniform(0, 2 * np.pi)) / k for k in (2, 3, 5))
        beyond = np.hypot(row - middle, column - middle) - rules.radius * (1 + 0.1 * waves)
        plane = np.full(row.size, LOOSE, np.uint8)
        near = (beyond >= 0) & (beyond < rules.collar)
        plane[near & (rng.random(row.size) < rules.exclusion)] = DENSE
        plane[beyond < 0] = TUMOUR
        plane[wall] = WALL
        # As many T cells as stay when as many die as arrive; dense stroma has kept them out.
        there = min(rules.arrival / rules.t_cell_death / self.size**2, 1.0)
        there = np.where(beyond < rules.collar, 1 - rules.exclusion, 1.0) * there
        self.t_cells = np.flatnonzero((rng.random(row.size) < there) & ~wall)
        self.exhausted = np.zeros(self.t_cells.size, bool)
        plane[self.t_cells] = np.where(plane[self.t_cells] == TUMOUR, 0, plane[self.t_cells])
        plane[self.t_cells] |= T_CELL
        return plane

    def frame(self) -> np.ndarray:
        """Return one byte a site, shape (size, size): what stands there."""
        width = self.size + 2
        return self.plane.reshape(width, width)[1:-1, 1:-1]

    def counts(self) -> Counts:
        """Count the cells."""
        cells = self.plane[self._tumour()]
        around = self.plane[self.t_cells[:, None] + self._offsets] & TUMOUR
        return Counts(
            step=self.steps,
            tumour=cells.size,
            pd_l1=int(np.count_nonzero(cells & PD_L1)),
            t_cells=self.t_cells.size,
            exhausted=int(np.count_nonzero(self.exhausted)),
            touching=int(np.count_nonzero(around.any(axis=1))),
            births=self.births,
            kills=self.kills,
            arrivals=self.arrivals,
            deaths=self.deaths,
        )

    def step(self) -> None:
        """Move the tissue on by one step."""
        self._die_and_arrive()
        self._move()
        self._attack()
        self._divide()
        self.steps += 1

    def _tumour(self):
        return np.flatnonzero(self.plane & TUMOUR != 0)  # seven times faster on booleans

    def _die_and_arrive(self):
        rules, rng, plane = self.rules, self.rng, self.plane
        stays = rng.random(self.t_cells.size) >= rules.t_cell_death
        plane[self.t_cells[~stays]] &= ~np.uint8(T_CELL | EXHAUSTED)
        self.deaths += int(stays.size - np.count_nonzero(stays))
        come = rng.choice(self._edge, rng.poisson(rules.arrival))
        come = np.unique(come[plane[come] & (TUMOUR | T_CELL) == 0])
        plane[come] |= T_CELL
        self.arrivals += come.size
        self.t_cells = np.concatenate([self.t_cells[stays], come])
        self.exhausted = np.concatenate([self.exhausted[stays], np.zeros(come.size, bool)])

    def _move(self):
        rules, rng, plane, here = self.rules, self.rng, self.plane, self.t_cells
        rows, columns = rng.integers(-1, 2, size=(2, here.size))
        upward = rng.random(here.size) < rules.chemotaxis
        rows, columns = np.where(upward, self._uphill(here), (rows, columns))
        there = here + rows * (self.size + 2) + columns
        stands = plane[there]
        kinds = [stands & kind != 0 for kind in (T_CELL | WALL, TUMOUR, DENSE)]
        chance = np.select(kinds, [0.0, rules.squeeze, rules.passage], 1.0)
        goes = np.flatnonzero(rng.random(here.size) < chance)
        # Of several that go to one site, the last gets it.
        self._claims[there[goes]] = goes
        goes = goes[self._claims[there[goes]] == goes]
        old, new = here[goes], there[goes]
        swapped = plane[new] & TUMOUR != 0
        plane[old] = np.where(swapped, plane[new], plane[old] & ~np.uint8(T_CELL | EXHAUSTED))
        ground = np.where(swapped, 0, plane[new])
        plane[new] = ground | np.where(self.exhausted[goes], T_CELL | EXHAUSTED, T_CELL)
        here[goes] = new

    def _uphill(self, sites):
        """Return rows and columns, (2, sites), of a step up the chemokine.

        On average the steps have the gradient's direction: the longer part always, the
        shorter in proportion.
        """
        slope = np.stack(np.gradient(self.chemokine)).reshape(2, -1)[:, self._block[sites]]
        size = np.abs(slope)
        longer = size > self.rng.random(sites.size) * np.maximum(*size)
        return np.sign(slope).astype(np.int64) * longer

    def _attack(self):
        rules, rng, plane = self.rules, self.rng, self.plane
        active = np.flatnonzero(~self.exhausted)
        felt = self.t_cells[active] + self._offsets[rng.integers(8, size=active.size)]
        meets = plane[felt] & TUMOUR != 0
        active, felt = active[meets], felt[meets]
        braked = np.where(plane[felt] & PD_L1, 1 - rules.blocked, 0.0)
        kills = rng.random(felt.size) < rules.killing * (1 - rules.brake * braked)
        tired = active[rng.random(felt.size) < rules.exhaustion * braked]
        self.exhausted[tired] = True
        plane[self.t_cells[tired]] |= EXHAUSTED
        dead = np.unique(felt[kills])
        plane[dead] = 0
        self.kills += dead.size
        self.interferon += np.bincount(self._block[felt], minlength=self.interferon.size).reshape(
            self.interferon.shape
        )
        self.interferon = _spread(self.interferon, rules.spread, rules.interferon_decay)

    def _divide(self):
        rules, rng, plane = self.rules, self.rng, self.plane
        cells = self._tumour()
        parents = cells[rng.random(cells.size) < rules.division]
        new = parents + self._offsets[rng.integers(8, size=parents.size)]
        new = np.unique(new[plane[new] & (TUMOUR | T_CELL | WALL) == 0])
        plane[new] = TUMOUR
        self.births += new.size
        cells = np.concatenate([cells, new])
        self._secrete(cells)
        on = rules.induction * self.interferon / (self.interferon + rules.half_interferon)
        on = self._sensitivity[cells] < on.ravel()[self._block[cells]]
        plane[cells] = np.where(on, TUMOUR | PD_L1, TUMOUR)

    def _secrete(self, cells):
        """Let each tumour cell release one unit of chemokine, which spreads and decays."""
        shape = self.chemokine.shape
        released = np.bincount(self._block[cells], minlength=self.chemokine.size).reshape(shape)
        self.chemokine = _spread(
            self.chemokine + released, self.rules.spread, self.rules.chemokine_decay
        )


def _spread(field, spread, decay):
    """Return the field after a step in which nothing leaves the tissue."""
    edged = np.pad(field, 1, mode="edge")
    beside = edged[:-2, 1:-1] + edged[2:, 1:-1] + edged[1:-1, :-2] + edged[1:-1, 2:]
    return (1 - decay) * (field + spread / 4 * (beside - 4 * field))
