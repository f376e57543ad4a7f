"""The frame of every page: its templates and its style sheet."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import jinja2
from markupsafe import Markup

TEMPLATES = Path(__file__).parent / "template"
COURSE = "Immunotherapy for breast cancer"


@cache
def _templates() -> jinja2.Environment:
    loader = jinja2.FileSystemLoader(TEMPLATES)
    return jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )


def fill(template: str, **values: object) -> str:
    """Return the HTML of a template, with all that is put into it escaped."""
    return _templates().get_template(f"{template}.html.j2").render(course=COURSE, **values)


def page(title: str, body: str, links: list[tuple[str, str]] = ()) -> str:
    """Return a whole page; ``links`` are (name, address) pairs above it."""
    css = Markup((TEMPLATES / "page.css").read_text(encoding="utf-8"))
    return fill("page", title=title, body=body, links=links, css=css)
