"""The living tissue drawn and told: every pixel, and every claim of the sentence."""

import re
import zlib

import numpy as np
import pytest

from course_lib.labs import tissue_drawing
from course_lib.labs.tissue import SPEC
from course_lib.labs.tissue_drawing import PALETTE, SITES, Run
from course_lib.labs.view import ACTORS
from course_lib.models.tissue import EXHAUSTED, PD_L1, T_CELL, TUMOUR
from test_figure import contrast_with_white

CORNERS = [
    {c.name: c.quantity.low if at >> bit & 1 == 0 else c.quantity.high
     for bit, c in enumerate(SPEC.controls)}
    for at in range(16)
]  # fmt: skip


def numbers(text):
    return [float(found.replace(",", "")) for found in re.findall(r"\d[\d,]*(?:\.\d+)?", text)]


# --- what is said -----------------------------------------------------------------------


def check_sentence(seen, sites, first):
    """Recompute each claim of the sentence from the sites."""
    said = seen.sentence
    tumour = np.count_nonzero(sites & TUMOUR)
    positive = np.count_nonzero(sites & PD_L1)
    t_cells = np.count_nonzero(sites & T_CELL)
    tired = np.count_nonzero(sites & EXHAUSTED)
    if not tumour:
        assert "No tumour cell is left" in said
        return
    values = numbers(said)
    assert values[1] == tumour
    apart = round(100 * (tumour / first - 1))
    if values[0] and apart:
        word = "more" if apart > 0 else "fewer"
        assert f"{abs(apart)} % {word} than at the start" in said
    assert f"{100 * positive / tumour:.0f} in 100 carry PD-L1" in said.replace(",", "")
    assert f"Of {t_cells:,} T cell" in said
    assert f"and {tired:,} {'is' if tired == 1 else 'are'} exhausted" in said


@pytest.mark.parametrize("settings", CORNERS)
def test_every_corner_over_some_steps(settings):
    run = Run(3, **settings)
    first = run.history[0].tumour
    for _ in range(3):
        for _ in range(8):
            run.step()
        seen = run.view()
        check_sentence(seen, run.tissue.frame(), first)
        assert all(np.isfinite(reading.value) for reading in seen.readings)
        assert seen.table.rows[-1][0] == str(run.tissue.steps)


def test_random_settings_over_some_steps():
    rng = np.random.default_rng(7)
    for seed in range(100):
        settings = {c.name: rng.uniform(c.quantity.low, c.quantity.high) for c in SPEC.controls}
        run = Run(seed + 1, **settings)
        for _ in range(int(rng.integers(0, 12))):
            run.step()
        check_sentence(run.view(), run.tissue.frame(), run.history[0].tumour)


def test_a_cleared_tumour_is_told():
    run = Run(1)
    run.change(killing=1.0, blocked=1.0, squeeze=1.0, division=0.0)
    sites = run.tissue.frame()
    sites[sites & TUMOUR != 0] = 0
    run.step()
    assert run.view().sentence.startswith("Step 1. No tumour cell is left; 0 were killed.")


def test_table_and_curves_are_the_counts():
    run = Run(2)
    counts = [run.tissue.counts()]
    for _ in range(120):
        run.step()
        counts.append(run.tissue.counts())
    seen = run.view()
    assert [row[0] for row in seen.table.rows] == ["0", "50", "100", "120"]
    for row in seen.table.rows:
        now = counts[int(row[0])]
        told = [now.tumour, now.pd_l1, now.t_cells, now.touching, now.exhausted, now.kills]
        assert [int(cell.replace(",", "")) for cell in row[1:]] == told
    for series, name in zip(seen.series, ("tumour", "t_cells"), strict=True):
        assert series.x.tolist() == list(range(121))
        assert series.y.tolist() == [getattr(each, name) for each in counts]
    assert run.view(50).sentence != seen.sentence
    assert run.view(50).readings[1].value == counts[50].tumour


def test_a_long_run_keeps_its_table_short():
    run = Run(1)
    run.history = run.history * 30_000
    assert len(run.view().table.rows) <= 25
    assert all(len(series.x) <= 200 for series in run.view().series)


# --- the picture ------------------------------------------------------------------------


def test_the_png_holds_the_tissue_pixel_by_pixel():
    sites = view_sites()
    data = tissue_drawing.png(sites)
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    start = data.index(b"IDAT") + 4
    size = int.from_bytes(data[start - 8 : start - 4], "big")
    lines = zlib.decompress(data[start : start + size])
    width = 2 * sites.shape[1]
    image = np.frombuffer(lines, np.uint8).reshape(-1, width + 1)
    assert not image[:, 0].any()
    ground = sites & ~np.uint8(3)
    for row, column in [(0, 0), (128, 128), (100, 90), (60, 200)]:
        what = int(ground[row, column]) or int(sites[row, column])
        block = image[2 * row : 2 * row + 2, 1 + 2 * column : 3 + 2 * column]
        assert block.ravel().tolist() == list(SITES[what][1])


def view_sites():
    run = Run(1, exclusion=0.5)
    for _ in range(30):
        run.step()
    return run.tissue.frame()


def test_every_byte_that_occurs_has_its_pixels_and_no_two_kinds_look_alike():
    table = tissue_drawing.pixels()
    known = {cell | ground for cell in SITES for ground in (0, 1, 2) if cell & T_CELL or not ground}
    seen = set(np.unique(view_sites()).tolist()) | {TUMOUR | PD_L1, T_CELL | EXHAUSTED}
    assert seen <= known
    looks = [tuple(colours) for _, colours in SITES.values()]
    assert len(set(looks)) == len(looks)
    assert tuple(table[TUMOUR | PD_L1]) == SITES[TUMOUR | PD_L1][1]


def test_tumour_and_t_cell_have_the_colours_of_the_course_and_reach_contrast():
    assert PALETTE[SITES[TUMOUR][1][0]] == ACTORS["tumour"]
    assert PALETTE[SITES[T_CELL][1][0]] == ACTORS["t_cell"]
    for cell in (TUMOUR, TUMOUR | PD_L1, T_CELL, 2):
        assert contrast_with_white(PALETTE[SITES[cell][1][0]]) >= 3
