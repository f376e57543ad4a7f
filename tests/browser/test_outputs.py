"""What every lesson shows when it is opened: checked by axe in both themes, and narrow.

No server: the outputs stand on a page with the colours of the theme, as JupyterLab lays them on.
"""

import sys
from pathlib import Path

import nbformat
import pytest

import house
from course_lib.cli import edition
from labpage import axe_violations

THEMES = Path(sys.prefix, "share/jupyter/lab/themes/@jupyterlab")
PAGE = """<!DOCTYPE html><html lang="en"><title>x</title><style>{theme}
body {{ font: 14px/1.5 system-ui, sans-serif; margin: 0;
  background: var(--jp-layout-color0); color: var(--jp-content-font-color1); }}
a {{ color: var(--jp-content-link-color); }}
tbody tr:nth-child(odd) {{ background: var(--jp-rendermime-table-row-background); }}
table {{ font-size: 12px; line-height: 1.3; border-collapse: collapse; }}
td, th {{ padding: 0.5em; }}
</style><main class="jp-Cell-outputArea">{outputs}</main></html>"""
#: Opens all that is folded. The rows of a table are alike; two hundred would take axe minutes.
OPEN = """() => {
  for (const fold of document.querySelectorAll('details')) fold.open = true;
  for (const row of document.querySelectorAll('tbody tr:nth-child(n + 6)')) row.remove();
}"""
#: What makes the page scroll sideways; a lab's table may scroll inside its own place.
OUT = """() => [...document.querySelectorAll('fieldset, table:not(.course-data, .course-board)')]
  .filter(each => each.getBoundingClientRect().right > innerWidth + 1)
  .map(each => `${each.localName} ${each.textContent.slice(0, 60)}`)"""


def shown(path) -> str:
    cells = nbformat.read(path, as_version=4).cells
    outputs = [one for cell in cells for one in cell.get("outputs", []) if "data" in one]
    return "\n".join(one.data.get("text/html", "") for one in outputs)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_any_output(page, theme):
    colours = (THEMES / f"theme-{theme}-extension/index.css").read_text(encoding="utf-8")
    for name, place in edition.lessons(house.ROOT).items():
        page.set_content(PAGE.format(theme=colours, outputs=shown(house.ROOT / place)))
        page.evaluate(OPEN)
        assert axe_violations(page) == [], name
        for width in (1280, 368):  # 368: beside the list of files in a window of 800
            page.set_viewport_size({"width": width, "height": 1000})
            assert page.evaluate(OUT) == [], (name, width)
