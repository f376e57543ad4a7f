"""The frame every lab stands on: predict, explore, explain, on one plot.

A lab declares a ``LabSpec`` (``spec.py``): controls (each an evidence entry), a pure
``view(**settings) -> View`` and its questions. ``Lab`` supplies the rest, the same
in every lesson: locked controls until a prediction, sliders with units, presets, a
goal, reset, the previous run as a thin dashed line, a sentence, a data table, and
settings that can be copied as one line of code.
"""

from __future__ import annotations

import difflib
import math
from functools import cached_property
from html import escape
from pathlib import Path

import anywidget
import ipywidgets as widgets
import traitlets

from course_lib.labs import figure as drawing
from course_lib.labs.blocks import block, bundle, menu, push_button, reveal, slider
from course_lib.labs.questions import Questions
from course_lib.labs.spec import Choice, Control, LabSpec, Settings
from course_lib.labs.view import View

HERE = Path(__file__).parent


class Access(anywidget.AnyWidget):
    """Text twin and accessibility repairs, in the browser; see ``access.js``."""

    _esm = HERE / "access.js"
    _css = HERE / "access.css"
    title = traitlets.Unicode().tag(sync=True)
    names = traitlets.Dict().tag(sync=True)
    sentence = traitlets.Unicode().tag(sync=True)
    change = traitlets.Unicode().tag(sync=True)
    announcement = traitlets.Unicode().tag(sync=True)
    sets = traitlets.List().tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)
    code = traitlets.Unicode().tag(sync=True)
    table = traitlets.Unicode().tag(sync=True)
    table_open = traitlets.Bool(False).tag(sync=True)

    def say(self, text: str) -> None:
        """Announce; a text said twice gets a space, or nobody would hear it again."""
        self.announcement = f"{text} " if text == self.announcement else text


class Lab:
    """One laboratory in one output cell.

    ``settings`` maps control names to floats, or to the id of a menu's option.
    ``Lab(spec, dose=400)`` opens with another dose; a name the lab does not have or a value
    it does not allow raises ValueError and says what is allowed.
    """

    def __init__(self, spec: LabSpec, **settings: float | str) -> None:
        self.spec = spec
        self.opening = {**spec.defaults, **self._checked(settings)}
        self.settings = self.opening
        self.view = spec.view(**self.settings)
        self.before: View | None = None
        self._moving: str | None = None  # the control being moved: one gesture, one ghost
        self._marked = False  # "before" was chosen, and stays
        self._quiet = False

    def _checked(self, settings: Settings) -> Settings:
        controls = {c.name: c for c in self.spec.controls}
        for name in settings:
            if name not in controls:
                near = difflib.get_close_matches(name, controls, n=1)
                hint = f" Did you mean {near[0]}?" if near else ""
                raise ValueError(
                    f"This lab has no control called {name}.{hint} It has: {', '.join(controls)}."
                )
        return {name: controls[name].checked(value) for name, value in settings.items()}

    # --- what the notebook shows -------------------------------------------------

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, object]:
        return bundle(self.widget, self.view.text(), self.view.html(self.spec.title))

    @property
    def code(self) -> str:
        """These settings as one line that can be pasted into a cell."""
        arguments = ", ".join(
            f'{name}="{value}"' if isinstance(value, str) else f"{name}={value:g}"
            for name, value in self.settings.items()
        )
        return f"{self.spec.name}.lab({arguments})"

    @cached_property
    def figure(self):
        """The plotly FigureWidget, created once and afterwards only moved."""
        spec = self.spec
        static = drawing.build(self.view, spec.panels, spec.x_title, spec.x_range, spec.sides)
        return drawing.live(static)

    @cached_property
    def access(self) -> Access:
        names = {c.name: (c.label_with_unit, c.unit) for c in self.spec.controls}
        names |= Questions.names(self.spec.prediction)
        access = Access(
            title=self.spec.title,
            names=names,
            sets=[list(panel.sets) for panel in self.spec.panels],
            sentence=self.view.sentence,
            alt=self.view.alt,
            code=self.code,
        )
        access.on_msg(lambda _, told, __: self._clicked(**told))
        return access

    @cached_property
    def questions(self) -> Questions:
        """What is asked before and after; ``questions.locked`` waits for a prediction."""
        plan = self.spec.prediction
        return Questions(self.spec.name, plan, self.access.say, lambda: self._hide(False))

    @cached_property
    def inputs(self) -> dict[str, widgets.Widget]:
        """The slider or the menu of each control, by name."""
        return {c.name: self._input(c) for c in self.spec.controls}

    def _input(self, control: Control | Choice) -> widgets.Widget:
        value = self.settings[control.name]
        if isinstance(control, Choice):
            made = menu(control, value)
        else:
            made = slider(control, value, self.spec.continuous)
        made.add_class("course-control")
        made.add_class(f"course-control-{control.name}")
        made.observe(lambda change: self._moved(control, change["new"]), "value")
        return made

    @cached_property
    def widget(self) -> widgets.VBox:
        """The whole lab as one ipywidgets box."""
        spec = self.spec
        more = widgets.ToggleButton(value=False, description="More controls", tooltip="")
        second = block([self.inputs[c.name] for c in spec.controls if c.stage == 2])
        second.layout.display = "none"
        more.observe(lambda change: reveal(second, change["new"]), "value")
        first = [self.inputs[c.name] for c in spec.controls if c.stage == 1]
        more.layout.display = None if second.children else "none"
        reset = push_button("Reset", self.reset)
        mark = push_button("Mark as “before”", self.mark)
        presets = [
            push_button(p.name, lambda settings=p.settings: self.apply(settings))
            for p in spec.presets
        ]
        self._goal = widgets.HTML()
        self._goal.add_class("course-goal")
        controls = block([*first, more, second, block([reset, mark], "course-buttons")])
        controls.add_class("course-controls")
        lines = any(each.moves and not each.symbol for each in self.view.series)
        ghosts = "Thin dashed lines" if lines else "Small empty marks"
        key = widgets.HTML(f'<p class="course-before-key">{ghosts}: the run before.</p>')
        plot = block([self.figure, key], "course-plot")
        self.questions.lock([*self.inputs.values(), more, reset, mark, *presets])
        self._main = block([controls, plot, self.access], "course-main")
        root = block(
            [
                widgets.HTML(f"<h3>{escape(spec.title)}</h3><p>{escape(spec.lead)}</p>"),
                self.questions.before,
                block([widgets.HTML("<strong>Try:</strong>"), *presets], "course-buttons"),
                self._main,
                self._goal,
                self.questions.after,
            ],
            "course-lab",
        )
        self._show_goal()
        self.access.observe(lambda _: self._fill_table(), "table_open")
        self._hide(spec.blind and self.questions.waiting)
        return root

    def _hide(self, hidden: bool) -> None:
        """Keep the plot back: at the opening it would give the prediction away."""
        (self._main.add_class if hidden else self._main.remove_class)("course-blind")

    # --- exploring ------------------------------------------------------------------

    def apply(self, settings: Settings) -> None:
        """Open again, but with these settings: one new view, one "before"."""
        self._set(self.opening | self._checked(settings))

    def _set(self, settings: Settings) -> None:
        self._gesture(None)
        self._quiet = True
        try:
            for name, value in settings.items():
                self.inputs[name].value = value
        finally:
            self._quiet = False
        self._update(settings)

    def _clicked(self, panel: int, x: float, y: float) -> None:
        """A click into a panel sets two controls to the nearest values they allow."""
        controls = {c.name: c for c in self.spec.controls}
        names = self.spec.panels[panel].sets
        if any(self.inputs[name].disabled for name in names):  # no prediction yet
            return
        start = {name: controls[name].nearest(v) for name, v in zip(names, (x, y), strict=True)}
        self._set(self.settings | start)

    def reset(self) -> None:
        """Open again as at first; a marked "before" is let go."""
        self._marked = False
        self.apply({})

    def mark(self) -> None:
        """Keep what is shown now as "before", until ``reset`` or the next mark."""
        self.before, self._marked = self.view, True
        drawing.move(self.figure, self.view, self.before)
        self.access.change = "This run is now “before”, until you press Reset or mark another."

    def _moved(self, control: Control | Choice, value: float | str) -> None:
        if isinstance(control, Control):
            # The browser says 5.011872336272722 for 5, and 7.999999999999999 for patient 8.
            value = control.nearest(value)
        now = self.settings[control.name]
        # The browser sends 76.80000000000001 for the 76.8 it was given: nobody moved anything.
        same = isinstance(value, float) and math.isclose(value, now, abs_tol=1e-9)
        if self._quiet or same:
            return
        self._gesture(control.name)
        self._update({**self.settings, control.name: value})

    def _gesture(self, name: str | None) -> None:
        """Moving one slider, however far, is one gesture: "before" is where it began."""
        if not self._marked and (name is None or name != self._moving):
            self.before = self.view
        self._moving = name

    def _update(self, settings: Settings) -> None:
        # ipywidgets sends a slider's next value only when this one is done, and then
        # the latest: so nothing queues up however fast the slider moves.
        moved = [c for c in self.spec.controls if settings[c.name] != self.settings[c.name]]
        self.settings = settings
        self.view = self.spec.view(**settings)
        drawing.move(self.figure, self.view, self.before)
        change = self.view.change(self.before) if self.before else ""
        new = ", ".join(f"{c.label} {c.shown(settings[c.name])}" for c in moved)
        with self.access.hold_sync():
            self.access.sentence = self.view.sentence
            self.access.change = change and f"Before and now. {change}"
            self.access.announcement = " ".join(
                part for part in (new and f"{new}.", self.view.sentence, change) if part
            )
            self.access.alt = self.view.alt
            self.access.code = self.code
            self._fill_table()
        self._show_goal()
        if self.spec.prediction.tried(settings):
            self.questions.ask()  # and it stays

    def _fill_table(self) -> None:
        self.access.table = self.view.table.html() if self.access.table_open else ""

    def _show_goal(self) -> None:
        goal = self.spec.goal
        if goal.reached(self.settings, self.view):
            text = (
                f"<p><strong>Goal reached.</strong> {escape(goal.text)} {escape(goal.praise)}</p>"
            )
        else:
            text = f"<p><strong>Goal.</strong> {escape(goal.text)} Not reached yet.</p>"
        if self._goal.value != text:
            self._goal.value = text
