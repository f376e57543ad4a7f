r"""Two scores of PD-L1 on one drawn field of cells.

The fields are invented for teaching: no patient's tissue. Every cell of one kind has the
same drawn area, so both scores follow exactly from counts. ``pd_l1_feedback`` judges what a
student counted.
"""

import math
import random
from collections.abc import Iterable
from functools import cache
from numbers import Integral, Real
from typing import NamedTuple

import numpy as np

from course_lib import evidence

#: Drawn area of one cell of each kind, percent of the field: the course's own choice.
SHARES = {
    "tumour cell": 0.22,
    "dead tumour cell": 0.14,
    "lymphocyte": 0.06,
    "macrophage": 0.20,
    "neutrophil": 0.10,
    "plasma cell": 0.09,
    "stroma cell": 0.07,
}
KINDS = tuple(SHARES)
#: Immune cells above the line of the CPS (``cps.definition``).
IN_CPS = ("lymphocyte", "macrophage")
#: Immune cells in the area score: granulocytes too, but no plasma cells (``ic.counted_cells``).
IN_AREA = ("lymphocyte", "macrophage", "neutrophil")
NOT_COUNTED = ("dead tumour cell", "neutrophil", "plasma cell", "stroma cell")  # cps.not_counted

THRESHOLD = evidence.get("cps.treatment_threshold").value
HIGHEST = evidence.get("cps.maximum").value
FEWEST = evidence.get("cps.minimum_tumour_cells").value
#: Cut-off of the area score, percent.
AREA_THRESHOLD = evidence.get("ic.threshold").value

WIDTH, HEIGHT = 800, 600
REGIONS = "ABCDEF"  # three columns, two rows
#: Kind -> (stained, unstained), in the order of KINDS; the first field has a CPS of 15.
_FIELDS = (
    ((9, 91), (2, 3), (2, 12), (4, 4), (4, 3), (2, 3), (1, 6)),
    ((1, 124), (2, 4), (0, 10), (4, 3), (6, 2), (1, 3), (2, 5)),
    ((41, 69), (2, 4), (3, 9), (0, 4), (1, 3), (2, 2), (4, 4)),
)
#: Free space around a cell, between cells, and beside the lines between regions.
_GAP, _MARGIN, _LABEL = 3.5, 5.0, 36.0
_TRIES = 300
_LOBES = {"tumour cell": (5, 0.05), "dead tumour cell": (9, 0.09), "macrophage": (8, 0.11)}
_LONG = {"plasma cell": 1.35, "stroma cell": 3.2}


class Cell(NamedTuple):
    """One drawn cell: ``x`` and ``y`` of its middle in the field, ``turn`` in degrees."""

    kind: str
    stained: bool
    region: str
    x: float
    y: float
    turn: int


class Field(NamedTuple):
    """A drawn field, WIDTH times HEIGHT; all of it lies inside the tumour's border."""

    number: int
    cells: tuple[Cell, ...]

    def count(
        self, kinds: str | Iterable[str], stained: bool | None = None, region: str | None = None
    ) -> int:
        """Return how many cells of these kinds there are: stained, unstained, or both (None)."""
        return len(self.find(kinds, stained, region))

    def find(
        self, kinds: str | Iterable[str], stained: bool | None = None, region: str | None = None
    ) -> list[Cell]:
        """Return these cells, region by region, in reading order."""
        wanted = (kinds,) if isinstance(kinds, str) else tuple(kinds)
        for kind in wanted:
            if kind not in SHARES:
                raise ValueError(f"kind must be one of {', '.join(KINDS)}; you gave {kind!r}.")
        return [
            cell
            for cell in self.cells
            if cell.kind in wanted
            and stained in (None, cell.stained)
            and region in (None, cell.region)
        ]


def outline(kind: str) -> np.ndarray:
    """Return the outline of a cell around (0, 0), shape (n, 2); its area is exactly its share."""
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    lobes, depth = _LOBES.get(kind, (1, 0.0))
    radius = 1 + depth * np.cos(lobes * angle)
    points = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    if kind == "stroma cell":
        points[:, 1] = np.sign(points[:, 1]) * (1 - np.abs(points[:, 0])) ** 1.2
    points[:, 0] *= _LONG.get(kind, 1)
    return points * math.sqrt(SHARES[kind] / 100 * WIDTH * HEIGHT / area(points))


def area(points: np.ndarray) -> float:
    r"""Return the area of a polygon, $\frac12\left|\sum_i x_i y_{i+1} - x_{i+1} y_i\right|$.

    Arguments: ``points``, shape (n, 2), the corners in order, not closed.
    """
    x, y = np.asarray(points, dtype=float).T
    return float(abs(x @ np.roll(y, -1) - np.roll(x, -1) @ y) / 2)


@cache
def field(number: int) -> Field:
    """Return field 1, 2 or 3: invented, and the same on every machine.

    Raises ``TypeError`` if ``number`` is no whole number, ``ValueError`` outside 1 to 3.
    """
    if isinstance(number, bool) or not isinstance(number, Integral):
        raise TypeError(f"field must be a whole number from 1 to 3; you gave {number!r}.")
    if not 1 <= number <= len(_FIELDS):
        raise ValueError(f"field must be from 1 to {len(_FIELDS)}; you gave {number!r}.")
    dice = random.Random(40 + number)
    waiting = []
    for kind, (stained, unstained) in zip(KINDS, _FIELDS[number - 1], strict=True):
        marks = [True] * stained + [False] * unstained
        dice.shuffle(marks)
        regions = REGIONS * (len(marks) // len(REGIONS))  # as even as the number allows
        regions += "".join(dice.sample(REGIONS, len(marks) - len(regions)))
        waiting += [(kind, mark, region) for mark, region in zip(marks, regions, strict=True)]
    reach = {kind: float(np.hypot(*outline(kind).T).max()) for kind in KINDS}
    waiting.sort(key=lambda cell: -reach[cell[0]])  # the largest find room first
    cells, taken = [], np.empty((0, 3))
    for kind, mark, region in waiting:
        x, y = _room(dice, reach[kind], region, taken)
        taken = np.vstack([taken, (x, y, reach[kind])])
        cells.append(Cell(kind, mark, region, x, y, dice.randrange(360)))
    cells.sort(key=lambda cell: (cell.region, cell.y // 60, cell.x))
    return Field(number, tuple(cells))


def _room(dice: random.Random, reach: float, region: str, taken: np.ndarray) -> tuple:
    """Return a free place in a region: off its lines, its letter and the cells there.

    Of many free places it takes the one closest to other cells: so cells form nests, as in
    tissue, and the last one still finds room.
    """
    wide, high = WIDTH / 3, HEIGHT / 2
    row, column = divmod(REGIONS.index(region), 3)
    left, top, edge = column * wide, row * high, reach + _MARGIN
    tries = np.array([(dice.random(), dice.random()) for _ in range(_TRIES)])
    points = np.round((left + edge, top + edge) + tries * (wide - 2 * edge, high - 2 * edge), 1)
    space = np.hypot(*(points[:, None] - taken[:, :2]).T).T - taken[:, 2] - reach
    nearest = space.min(axis=1, initial=WIDTH)
    on_letter = np.all(points - (left, top) < _LABEL + reach, axis=1)
    free = (nearest > _GAP) & ~on_letter
    if not free.any():
        raise RuntimeError(f"no room in region {region}")
    best = np.where(free, nearest, np.inf).argmin()
    return float(points[best, 0]), float(points[best, 1])


def combined_positive_score(stained: float, viable_tumour: float) -> float:
    r"""Return the combined positive score.

    $$\text{CPS} = \min\!\left(100,\; 100\,
      \frac{\text{stained tumour cells, lymphocytes, macrophages}}{\text{viable tumour cells}}
      \right)$$

    It is no percentage: the immune cells above the line are not below it. A real sample
    needs at least 100 viable tumour cells (``cps.minimum_tumour_cells``).

    Arguments: both are numbers of cells.
    Raises ``ValueError`` if a count is negative or not finite, or ``viable_tumour`` is 0.
    Source: ``cps.definition``, ``cps.maximum``.
    """
    stained = number("stained", stained)
    viable_tumour = number("viable_tumour", viable_tumour)
    if viable_tumour == 0:
        raise ValueError("viable_tumour must be above 0: without tumour cells there is no CPS.")
    return min(float(HIGHEST), 100 * stained / viable_tumour)


def cps(field: Field) -> float:
    """Return the combined positive score of a field."""
    stained = field.count(("tumour cell", *IN_CPS), True)
    return combined_positive_score(stained, field.count("tumour cell"))


def immune_cell_score(field: Field, kinds: Iterable[str] = IN_AREA) -> float:
    r"""Return the share of the tumour area that stained immune cells cover, percent.

    $$\text{IC} = 100\,\frac{\sum_k n_k\,a_k}{A} = \sum_k n_k\,\text{SHARES}_k$$

    with $n_k$ stained cells of kind $k$, each of area $a_k$ as drawn. The whole field lies
    inside the tumour's border, so $A$ is the area of the field.

    Arguments: ``kinds`` of cells to add up; others than the default show what a mistake does.
    Source: ``ic.definition``, ``ic.counted_cells``.
    """
    return round(sum(field.count(kind, True) * SHARES[kind] for kind in kinds), 6)


def number(name: str, value: object) -> float:
    """Return ``value`` as a float; refuse what is no finite number of 0 or more."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, 0 or more; you gave {value!r}.")
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{name} must be 0 or more, and finite; you gave {value!r}.")
    return float(value)
