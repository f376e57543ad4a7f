"""The plain blocks that every lab is built of; the course's own style sheet lays them out."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as widgets

from course_lib.labs.spec import Question


def bundle(widget: widgets.Widget, text: str, html: str) -> dict[str, object]:
    """What a lab gives the notebook: the live widget, and what stays when the kernel sleeps."""
    return {
        "application/vnd.jupyter.widget-view+json": {
            "version_major": 2,
            "version_minor": 0,
            "model_id": widget.model_id,
        },
        "text/plain": text,
        "text/html": html,
    }


def block(children: list[widgets.Widget], *classes: str) -> widgets.Box:
    """Put widgets below each other; ``classes`` name the style."""
    box = widgets.Box(children, layout=widgets.Layout(display="block", overflow="visible"))
    if "course-main" in classes or "course-buttons" in classes:
        box.layout.display = None
    for name in classes:
        box.add_class(name)
    return box


def reveal(box: widgets.Widget, visible: bool) -> None:
    box.layout.display = "block" if visible else "none"


def push_button(text: str, do: Callable[[], None]) -> widgets.Button:
    button = widgets.Button(description=text)
    button.on_click(lambda _: do())
    return button


def choices(name: str, question: Question) -> widgets.RadioButtons:
    radio = widgets.RadioButtons(
        options=[(text, key) for key, text in question.options],
        value=None,
        layout=widgets.Layout(width="100%"),
    )
    for style in ("course-question", f"course-control-{name}"):
        radio.add_class(style)
    return radio
