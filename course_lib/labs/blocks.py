"""The plain blocks that every lab is built of; the course's own style sheet lays them out."""

from __future__ import annotations

import math
from collections.abc import Callable

import ipywidgets as widgets

from course_lib.labs.spec import Choice, Control, Question


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
    box = widgets.Box(children, layout=widgets.Layout(display="block"))
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


def slider(control: Control, value: float, continuous: bool) -> widgets.FloatSlider:
    """A slider over the range of its evidence entry; ``continuous``: tells while it moves."""
    low, high = control.quantity.low, control.quantity.high
    shared = {
        "value": value,
        "step": control.step,
        "description": control.label_with_unit,
        "continuous_update": continuous,
        "layout": widgets.Layout(width="100%"),
    }
    if control.log:
        return widgets.FloatLogSlider(
            min=math.log10(low), max=math.log10(high), readout_format=",.2r", **shared
        )
    return widgets.FloatSlider(min=low, max=high, readout_format=f",.{control.digits}f", **shared)


def menu(choice: Choice, value: str) -> widgets.Dropdown:
    """A menu of named options."""
    return widgets.Dropdown(
        options=[(words, name) for name, words in choice.options],
        value=value,
        description=choice.label,
        layout=widgets.Layout(width="100%"),
    )


def choices(name: str, question: Question) -> widgets.RadioButtons:
    radio = widgets.RadioButtons(
        options=[(text, key) for key, text in question.options],
        value=None,
        layout=widgets.Layout(width="100%"),
    )
    for style in ("course-question", f"course-control-{name}"):
        radio.add_class(style)
    return radio
