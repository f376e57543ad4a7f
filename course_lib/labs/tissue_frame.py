"""The shared frame around a tissue that goes on for as long as the browser asks for it.

The browser asks for a picture and the kernel answers with one byte a site: nothing runs in the
kernel that was not asked for, so Pause stops at once and a closed lab leaves nothing behind.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path

import anywidget
import traitlets

from course_lib.labs.blocks import bundle
from course_lib.labs.frame import Lab
from course_lib.labs.spec import LabSpec, Settings
from course_lib.labs.tissue_drawing import PALETTE, SITES, Run, picture, pixels
from course_lib.labs.view import PICTURE_SLOT, View
from course_lib.models.parameters import checked

HERE = Path(__file__).parent
#: Steps after which the sentence is written anew while the tissue plays.
OFTEN = 30
MOST = 8  # steps between two pictures
WATCHED = 150  # steps before the lab asks what was seen


class Canvas(anywidget.AnyWidget):
    """The picture, its buttons and its small plot, in the browser; see ``tissue.js``."""

    _esm = HERE / "tissue.js"
    _css = HERE / "tissue.css"
    palette = traitlets.List().tag(sync=True)
    pixels = traitlets.List().tag(sync=True)
    key = traitlets.List().tag(sync=True)
    panels = traitlets.List().tag(sync=True)
    steps = traitlets.Float().tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)
    disabled = traitlets.Bool(False).tag(sync=True)


class TissueLab(Lab):
    """The shared frame around a run that goes on for as long as it is asked to."""

    def __init__(self, spec: LabSpec, seed: int = 1, steps: int = 0, **settings: float) -> None:
        self.seed = self._first_seed = checked("seed", seed, 1, 2**31, whole=True)
        steps = checked("steps", steps, 0, 2000, whole=True)
        self.ghost: Run | None = None
        self._asked = 0  # pictures the browser has asked for
        self._restart = False

        def opened(**settings: float) -> View:
            self.run = Run(self.seed, **settings)
            for _ in range(steps):
                self.run.step()
            return self.run.view()

        super().__init__(replace(spec, view=opened), **settings)

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, object]:
        html = self.view.html(self.spec.title)
        shown = picture(self.run.tissue.frame(), self.view.alt)
        return bundle(self.widget, self.view.text(), html.replace(PICTURE_SLOT, shown))

    @property
    def code(self) -> str:
        return f"{super().code[:-1]}, seed={self.seed})"

    @cached_property
    def figure(self) -> Canvas:
        canvas = Canvas(
            palette=list(PALETTE),
            pixels=pixels().ravel().tolist(),
            key=[[cell, words] for cell, (words, _) in SITES.items()],
            panels=[[panel.title, panel.y_range[1]] for panel in self.spec.panels],
            steps=self.spec.x_range[1],
            alt=self.view.alt,
        )
        canvas.on_msg(lambda _, told, __: self._heard(**told))
        return canvas

    @cached_property
    def widget(self):
        root = super().widget
        root.add_class("course-tissue")
        self.questions.lock([self.figure])
        return root

    # --- frames --------------------------------------------------------------------

    def _heard(self, ask: int = 0, shown: int | None = None, do: str = "") -> None:
        """Answer the browser: the next picture, what stands on the screen, or a button."""
        if do:
            self.seed += do == "another"
            self._begin()
        elif shown is not None:
            self._tell(shown)
        elif not ask:
            self._send(fresh=True)
        else:
            self._asked += 1
            before = self.run.tissue.steps
            for _ in range(min(int(ask), MOST)):
                self.run.step()
            self._send()
            if before // OFTEN != self.run.tissue.steps // OFTEN:
                self._tell(announce=False)

    def _send(self, fresh: bool = False) -> None:
        told: dict[str, object] = {"curve": [_point(self.run.history[-1])]}
        if fresh:
            told = {"fresh": True, "heard": self._asked}
            told |= {"curve": _curve(self.run), "before": _curve(self.ghost)}
        self.figure.send(told, buffers=[self.run.tissue.frame().tobytes()])

    def _tell(self, step: int | None = None, announce: bool = True, news: str = "") -> None:
        """Write the sentence, and what depends on it, for a step that is on the screen."""
        last = self.run.tissue.steps
        step = last if step is None else min(max(int(step), 0), last)
        self.view = self.run.view(step)
        change = ""
        if self.ghost and 0 < step < len(self.ghost.history):
            then = self.ghost.history[step]
            change = (
                f"At step {step} the run before had {then.tumour:,} tumour cells and "
                f"{then.t_cells:,} T cells."
            )
        with self.access.hold_sync():
            self.access.sentence, self.access.change = self.view.sentence, change
            self.access.alt = self.figure.alt = self.view.alt
            self.access.code = self.code
            self._fill_table()
            if announce:
                parts = (news, self.view.sentence, change)
                self.access.announcement = " ".join(part for part in parts if part)
        self._show_goal()
        if step >= WATCHED and self.spec.prediction.tried(self.settings):
            self.questions.ask()

    # --- a new tissue, or other rules ------------------------------------------------

    def _begin(self, news: str = "A new tissue.") -> None:
        if not self._marked and self.run.tissue.steps:
            self.ghost = self.run
        self.run = Run(self.seed, **self.settings)
        self._send(fresh=True)
        self._tell(news=news)

    def apply(self, settings: Settings) -> None:
        self._restart = True
        super().apply(settings)

    def reset(self) -> None:
        self.seed = self._first_seed
        super().reset()
        self.ghost = None
        self._send(fresh=True)

    def mark(self) -> None:
        self.ghost, self._marked = self.run, True
        self._heard(do="again")
        self.access.change = "That run stays “before”, until you press Reset or mark another."

    def _update(self, settings: Settings) -> None:
        moved = [c for c in self.spec.controls if settings[c.name] != self.settings[c.name]]
        news = ", ".join(f"{c.label} {c.shown(settings[c.name])}" for c in moved)
        self.settings = settings
        if self._restart or any(c.name != "blocked" for c in moved):
            self._restart = False
            self._begin(f"{news}. A new tissue." if news else "A new tissue.")
        else:
            self.run.change(blocked=settings["blocked"])
            self._tell(news=f"{news}.")


def _point(counts) -> list[int]:
    return [counts.step, counts.tumour, counts.pd_l1, counts.t_cells, counts.exhausted]


def _curve(run: Run | None) -> list[list[int]]:
    """Return at most about 1,000 points of a run."""
    if run is None:
        return []
    return [_point(each) for each in run.history[:: 1 + len(run.history) // 1000]]
