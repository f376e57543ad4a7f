"""The living tissue as a picture, as a sentence and as numbers.

A site is drawn as 2 × 2 pixels of a few colours: shade and pattern tell cells apart, so that
nothing rests on hue alone. The browser paints with the same table (``tissue.js``).
"""

from __future__ import annotations

import base64
import struct
import zlib
from dataclasses import replace
from html import escape

import numpy as np

from course_lib.labs.view import ACTORS, Reading, Series, Table, View
from course_lib.models.tissue import (
    DENSE,
    EXHAUSTED,
    LOOSE,
    PD_L1,
    T_CELL,
    TUMOUR,
    Counts,
    Rules,
    Tissue,
)

#: Colours by index. Tumour and T cell have the hues of the course.
PALETTE = (
    "#FFFFFF",
    "#EDEDED",
    "#8F8F8F",
    ACTORS["tumour"],
    "#3A1700",
    ACTORS["t_cell"],
    "#93C6E8",
)
_WHITE, _PALE, _GREY, _TUMOUR, _DARK, _BLUE, _LIGHT = range(len(PALETTE))
#: What can stand on a site -> its words and its four pixels.
SITES = {
    TUMOUR: ("tumour cell", (_TUMOUR,) * 4),
    TUMOUR | PD_L1: ("tumour cell with PD-L1", (_TUMOUR, _DARK, _DARK, _DARK)),
    T_CELL: ("T cell", (_BLUE, _BLUE, _BLUE, _WHITE)),
    T_CELL | EXHAUSTED: ("exhausted T cell", (_LIGHT, _BLUE, _LIGHT, _LIGHT)),
    DENSE: ("dense stroma", (_GREY,) * 4),
    LOOSE: ("loose stroma", (_PALE,) * 4),
    0: ("left by a killed cell", (_WHITE,) * 4),
}
POINTS = 200  # of a curve


def pixels() -> np.ndarray:
    """Return the colour index of the four pixels of every byte, shape (256, 4)."""
    table = np.zeros((256, 4), np.uint8)
    for cell, (_, colours) in SITES.items():
        for ground in (0, LOOSE, DENSE) if cell & T_CELL else (0,):
            table[cell | ground] = colours
    return table


def png(sites: np.ndarray) -> bytes:
    """Return the tissue as a PNG file, from one byte a site."""
    rows, columns = sites.shape
    colours = pixels()[sites].reshape(rows, columns, 2, 2).swapaxes(1, 2)
    colours = colours.reshape(2 * rows, 2 * columns)
    lines = np.pad(colours, ((0, 0), (1, 0))).tobytes()  # each begins with its filter, none

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 2 * columns, 2 * rows, 8, 3, 0, 0, 0))
        + chunk(b"PLTE", bytes.fromhex("".join(PALETTE).replace("#", "")))
        + chunk(b"IDAT", zlib.compress(lines, 9))
        + chunk(b"IEND", b"")
    )


def picture(sites: np.ndarray, alt: str) -> str:
    """Return the tissue and its key as HTML, for a saved notebook."""
    key = "".join(
        f'<li><img alt="" width="16" height="16" src="{_url(np.full((8, 8), cell, np.uint8))}"> '
        f"{words}</li>"
        for cell, (words, _) in SITES.items()
    )
    return (
        f'<img class="course-picture" alt="{escape(alt, quote=True)}" src="{_url(sites)}">'
        f"<ul>{key}</ul>"
    )


def _url(sites: np.ndarray) -> str:
    return f"data:image/png;base64,{base64.b64encode(png(sites)).decode()}"


class Run:
    """A tissue and what was counted in it, step by step."""

    def __init__(self, seed: int = 1, **settings: float) -> None:
        self.tissue = Tissue(Rules(**settings), seed=seed)
        self.history = [self.tissue.counts()]

    def step(self) -> None:
        self.tissue.step()
        self.history.append(self.tissue.counts())

    def change(self, **settings: float) -> None:
        """Go on with other rules."""
        self.tissue.rules = replace(self.tissue.rules, **settings)

    def view(self, step: int | None = None) -> View:
        """Say what was seen at a step; at the last one if left out."""
        history = self.history if step is None else self.history[: step + 1]
        now, start = history[-1], history[0]
        readings = (
            Reading("Step", now.step, ""),
            Reading("Tumour cells", now.tumour, ""),
            Reading("Tumour cells at the start", start.tumour, ""),
            Reading("Tumour cells with PD-L1", _in_100(now.pd_l1, now.tumour), "in 100"),
            Reading("T cells", now.t_cells, ""),
            Reading("T cells that touch the tumour", now.touching, ""),
            Reading("Exhausted T cells", now.exhausted, ""),
            Reading("Tumour cells killed so far", now.kills, ""),
        )
        shown = history[:: 1 + len(history) // POINTS]
        steps, tumour, t_cells = (
            np.array([getattr(each, name) for each in shown])
            for name in ("step", "tumour", "t_cells")
        )
        return View(
            series=(
                Series("tumour cells", 0, steps, tumour, "tumour"),
                Series("T cells", 1, steps, t_cells, "t_cell"),
            ),
            sentence=sentence(now, start),
            alt=alt(now),
            readings=readings,
            table=table(history),
        )


def sentence(now: Counts, start: Counts) -> str:
    """Say what is seen at a step."""
    if not now.tumour:
        return (
            f"Step {now.step}. No tumour cell is left; {_number(now.kills)} were killed. "
            f"{_cells(now.t_cells, 'T cell')} in the tissue, {_number(now.exhausted)} exhausted."
        )
    apart = round(100 * (now.tumour / start.tumour - 1)) if start.tumour else 0
    size = (
        f"{abs(apart)} % {'more' if apart > 0 else 'fewer'} than" if apart else "about as many as"
    )
    size = f"The tumour has {_cells(now.tumour, 'cell')}, {size} at the start"
    if not now.step:
        size = f"The tumour has {_cells(now.tumour, 'cell')}"
    touch = "touches" if now.touching == 1 else "touch"
    are = "is" if now.exhausted == 1 else "are"
    return (
        f"Step {now.step}. {size}; {_in_100(now.pd_l1, now.tumour):.0f} in 100 carry PD-L1. "
        f"Of {_cells(now.t_cells, 'T cell')}, {_number(now.touching)} {touch} the tumour "
        f"and {_number(now.exhausted)} {are} exhausted."
    )


def alt(now: Counts) -> str:
    """Describe the picture for readers who do not see it."""
    return (
        f"A square of tissue after {now.step} steps: a tumour of {_cells(now.tumour, 'cell')} in "
        f"the middle, {_number(now.pd_l1)} of them with PD-L1, stroma around it, and "
        f"{_cells(now.t_cells, 'T cell')}, {_number(now.touching)} of them next to a tumour cell."
    )


def table(history: list[Counts]) -> Table:
    """Return the counts at up to about twenty steps, and the last."""
    every = 50 * max(1, round(len(history) / 1000))
    chosen = history[::every]
    if chosen[-1] is not history[-1]:
        chosen = [*chosen, history[-1]]
    columns = ("tumour", "pd_l1", "t_cells", "touching", "exhausted", "kills")
    return Table(
        caption="Cells in the tissue; killed: tumour cells since the start.",
        columns=(
            "Step",
            "Tumour cells",
            "with PD-L1",
            "T cells",
            "touching the tumour",
            "exhausted",
            "Killed",
        ),
        rows=tuple(
            (str(each.step), *(_number(getattr(each, name)) for name in columns)) for each in chosen
        ),
    )


def _in_100(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 0.0


def _number(value: int) -> str:
    return f"{value:,}"


def _cells(value: int, name: str) -> str:
    return f"{value:,} {name}{'' if value == 1 else 's'}"
