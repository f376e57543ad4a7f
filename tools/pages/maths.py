"""Formulas for a page without scripts: a picture for the eye, MathML for whoever listens.

MathML alone would look wrong wherever no font for maths is installed. ziamath draws with a font
of its own; it lies in an environment beside the course's.
"""

from __future__ import annotations

import json
import subprocess

import aside

#: Runs there: reads [[tex, is it a line of its own]] and prints [[svg, mathml]]. Sizes are in em,
#: so that a formula grows with its text.
DRAW = r"""
import json, re, sys
import ziamath
from latex2mathml.converter import convert
ziamath.config.svg2 = False
def drawn(tex, own_line):
    formula = ziamath.Latex(tex, size=16, inline=not own_line, color="currentColor")
    svg = re.sub(r'(?<!-)(width|height)="([\d.]+)"', lambda m: f'{m[1]}="{float(m[2]) / 16:.3f}em"',
                 formula.svg(), count=2)
    style = f'vertical-align:{formula.getyofst() / 16:.3f}em'
    svg = svg.replace("<svg ", f'<svg aria-hidden="true" focusable="false" style="{style}" ', 1)
    svg = svg.replace(' xmlns:xlink="http://www.w3.org/1999/xlink"', "", 1)
    svg = re.sub(r"(\.\d\d)\d+", r"\1", svg)
    return svg, convert(tex, display="block" if own_line else "inline")
pictures = []
for tex, own_line in json.load(sys.stdin):
    try:
        pictures.append(drawn(tex, own_line))
    except Exception as error:
        sys.exit(f"the formula {tex} cannot be drawn: {error!r}")
json.dump(pictures, sys.stdout)
"""


def drawn(formulas: list[tuple[str, bool]]) -> list[str]:
    """Return the HTML of each formula, given as TeX and whether it has a line of its own."""
    command = [str(aside.python("pages")), "-c", DRAW]
    asked = json.dumps(formulas)
    done = subprocess.run(command, input=asked, capture_output=True, text=True, encoding="utf-8")
    if done.returncode:
        raise ValueError(done.stderr.strip().splitlines()[-1])
    pictures = zip(formulas, json.loads(done.stdout), strict=True)
    return [
        f'<span class="{"formula" if own_line else "maths"}">{svg}'
        f'<span class="unseen">{mathml}</span></span>'
        for (_, own_line), (svg, mathml) in pictures
    ]
