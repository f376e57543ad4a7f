"""The drawn field of cells as SVG, and its text twin.

Shape tells the kind of cell, a thick dark rim PD-L1: nothing rests on colour alone. A cell is
a filled outline, whose area is exactly the area that the score counts, with its inside and its
nucleus on top.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape

import numpy as np

from course_lib.labs.view import ACTORS, Table
from course_lib.models.pd_l1_counting import (
    HEIGHT,
    KINDS,
    REGIONS,
    SHARES,
    WIDTH,
    Cell,
    Field,
    outline,
)

#: The brown of the stain.
STAIN = "#5A2D0C"
TEXT = "#222222"
LINE = "#6E6E6E"
_HUE = {
    "tumour cell": ACTORS["tumour"],
    "dead tumour cell": ACTORS["tumour"],
    "stroma cell": ACTORS["healthy"],
}
_PALE = {ACTORS["tumour"]: "#FBE9DC", ACTORS["healthy"]: "#EFEFEF", ACTORS["t_cell"]: "#E3F0F8"}
#: Width of the rim, in units of the drawing.
STAINED, UNSTAINED = 4.6, 1.3
LEGEND = 226
_ROW, _COLUMN = 46, 345


def draw(field: Field, marked: Iterable[Cell] = (), alt: str = "") -> str:
    """Return the field with its legend as SVG; ``marked`` cells are ringed and numbered."""
    size = f"{WIDTH} {HEIGHT + LEGEND}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" role="img" '
        f'width="{WIDTH}" height="{HEIGHT + LEGEND}" style="width:100%;height:auto;display:block" '
        f'aria-label="{escape(alt, quote=True)}" font-family="sans-serif" fill="{TEXT}">',
        _symbols(),
        f'<rect width="{WIDTH}" height="{HEIGHT + LEGEND}" fill="#fff"/>',
        _regions(),
    ]
    parts += [_use(cell.kind, cell.stained, cell.x, cell.y, cell.turn) for cell in field.cells]
    parts += [_mark(cell, number) for number, cell in enumerate(marked, start=1)]
    parts += [_legend(), "</svg>"]
    return "".join(parts)


def _use(kind: str, stained: bool, x: float, y: float, turn: int, sample: bool = False) -> str:
    name = _name(kind, stained)
    group = "sample" if sample else "cell"
    return (
        f'<use class="{group} {name.replace("_", " ")}" href="#pdl1_{name}" '
        f'transform="translate({x:g} {y:g}) rotate({turn})"/>'
    )


def _name(kind: str, stained: bool) -> str:
    return f"{kind.replace(' ', '-')}_{'stained' if stained else 'unstained'}"


def _symbols() -> str:
    """Each kind once, with and without stain; the cells refer to them."""
    cells = []
    for kind in KINDS:
        hue = _HUE.get(kind, ACTORS["t_cell"])
        for stained in (True, False):
            rim, width = (STAIN, STAINED) if stained else (hue, UNSTAINED)
            cells.append(
                f'<g id="pdl1_{_name(kind, stained)}">'
                f'<path d="{_path(outline(kind))}" fill="{rim}"/>'
                f'<path d="{_path(_shrunk(outline(kind), width))}" fill="{_PALE[hue]}"/>'
                f"{_nucleus(kind, hue)}</g>"
            )
    return f"<defs>{''.join(cells)}</defs>"


def _shrunk(points: np.ndarray, width: float) -> np.ndarray:
    """The inside of a rim of this width; a slender cell keeps a little inside."""
    low, high = points.min(axis=0), points.max(axis=0)
    return points * np.maximum(1 - 2 * width / (high - low), 0.3)


def _path(points: np.ndarray) -> str:
    return "M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in points) + "Z"


def _nucleus(kind: str, hue: str) -> str:
    """What lies inside tells the kinds apart, also in grey."""
    r = math.sqrt(SHARES[kind] / 100 * WIDTH * HEIGHT / math.pi)
    if kind == "dead tumour cell":
        a = 0.38 * r
        cross = f"M{-a:.1f} {-a:.1f}L{a:.1f} {a:.1f}M{-a:.1f} {a:.1f}L{a:.1f} {-a:.1f}"
        return f'<path d="{cross}" stroke="{hue}" stroke-width="2.6" fill="none"/>'
    spots = {
        "tumour cell": ((0.08, 0, 0.46, 0.4),),
        "lymphocyte": ((0, 0, 0.5, 0.5),),
        "macrophage": ((0.1, -0.22, 0.36, 0.17), (-0.15, 0.02, 0.17, 0.3)),
        "neutrophil": ((-0.24, 0.14, 0.2, 0.2), (0.24, 0.14, 0.2, 0.2), (0, -0.26, 0.2, 0.2)),
        "plasma cell": ((-0.5, 0, 0.3, 0.3),),
        "stroma cell": ((0, 0, 0.62, 0.13),),
    }[kind]
    return "".join(
        f'<ellipse cx="{x * r:.1f}" cy="{y * r:.1f}" rx="{a * r:.1f}" ry="{b * r:.1f}" '
        f'fill="{hue}"/>'
        for x, y, a, b in spots
    )


def _regions() -> str:
    across = "".join(f"M{WIDTH * i / 3:.1f} 0V{HEIGHT}" for i in (1, 2))
    lines = (
        f'<path d="{across}M0 {HEIGHT / 2:g}H{WIDTH}" stroke="{LINE}" stroke-dasharray="7 5" '
        f'fill="none"/><rect x="1" y="1" width="{WIDTH - 2}" height="{HEIGHT - 2}" '
        f'fill="none" stroke="{LINE}" stroke-width="2"/>'
    )
    letters = "".join(
        f'<text x="{WIDTH * (i % 3) / 3 + 9:.1f}" y="{HEIGHT / 2 * (i // 3) + 27}" '
        f'font-size="22" font-weight="bold">{region}</text>'
        for i, region in enumerate(REGIONS)
    )
    return lines + letters


def _mark(cell: Cell, number: int) -> str:
    r = float(np.hypot(*outline(cell.kind).T).max()) + 2
    return (
        f'<g class="mark"><circle cx="{cell.x:g}" cy="{cell.y:g}" r="{r:.1f}" fill="none" '
        f'stroke="#000" stroke-width="2.4"/><text x="{cell.x:g}" y="{cell.y + 7:g}" '
        f'font-size="21" font-weight="bold" text-anchor="middle" fill="#000" stroke="#fff" '
        f'stroke-width="4" paint-order="stroke">{number}</text></g>'
    )


def _legend() -> str:
    """Each kind without and with stain, and the area that one cell of it covers."""
    top = HEIGHT + 26
    parts = [
        f'<text x="4" y="{top}" font-size="18">Left: no PD-L1. Right: PD-L1, a thick brown rim. '
        "Percent: area of one cell.</text>"
    ]
    for i, kind in enumerate(KINDS):
        x, y = (i // 4) * _COLUMN, top + 34 + (i % 4) * _ROW
        turn = -45 if kind == "stroma cell" else 0
        parts += [
            _use(kind, False, x + 26, y, turn, sample=True),
            _use(kind, True, x + 76, y, turn, sample=True),
            f'<text x="{x + 106}" y="{y + 6}" font-size="18">{_label(kind)}</text>',
        ]
    side = math.sqrt(WIDTH * HEIGHT / 100)
    x, y = 700, top + 20
    parts.append(
        f'<rect x="{x}" y="{y}" width="{side:.2f}" height="{side:.2f}" fill="none" '
        f'stroke="{TEXT}" stroke-width="1.5" stroke-dasharray="4 3"/>'
        f'<text x="{x}" y="{y + side + 22:.1f}" font-size="18">1 % of the</text>'
        f'<text x="{x}" y="{y + side + 44:.1f}" font-size="18">area</text>'
    )
    return f'<g class="legend">{"".join(parts)}</g>'


def _label(kind: str) -> str:
    return f"{kind.capitalize()}, {SHARES[kind]:.2f} %"


def sentence(field: Field) -> str:
    """What is drawn, without the answer."""
    return (
        f"Field {field.number} shows {len(field.cells)} cells in six regions, A to F, some of "
        "them with PD-L1."
    )


def alt(field: Field) -> str:
    """The field for readers who do not see it: what it holds and where its counts are."""
    return (
        f"{sentence(field)} Seven kinds: {', '.join(f'{kind}s' for kind in KINDS)}. "
        "Cells with PD-L1 have a thick brown rim. The data table below counts them by region."
    )


def table(field: Field) -> Table:
    """Counts by region, so that both scores can be worked out without the picture."""
    rows = [
        (
            region,
            *(
                f"{field.count(kind, True, region)} of {field.count(kind, region=region)}"
                for kind in KINDS
            ),
        )
        for region in REGIONS
    ]
    rows.append(("Area of one cell", *(f"{SHARES[kind]:.2f} %" for kind in KINDS)))
    caption = f"Field {field.number}: cells with PD-L1, of all cells of that kind. Add up yourself."
    heads = ("Region", *(f"{kind.capitalize()}s" for kind in KINDS))
    return Table(caption, heads, tuple(rows))
