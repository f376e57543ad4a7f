"""The shared frame with a large run: many patients on a button, progress, and a real stop.

The run is a task beside the kernel's own work, so that sliders and the stop button answer
between two blocks of patients. It needs no thread: a browser without one runs it as well.
"""

from __future__ import annotations

import asyncio
from functools import cached_property
from html import escape

import ipywidgets as widgets

from course_lib import evidence
from course_lib.labs import figure as drawing
from course_lib.labs.blocks import block, push_button
from course_lib.labs.frame import Lab
from course_lib.labs.spec import LabSpec
from course_lib.labs.trial_numbers import design
from course_lib.models.survival import cox
from course_lib.models.trial_design import Result, stream
from course_lib.models.virtual_trial import BLOCK

MANY = int(evidence.get("trial_design.many").value)
DRAWN = 10  # blocks after which the curves are drawn anew
TOLD = 25  # percent after which the progress is announced


class TrialLab(Lab):
    """A trial lab with a large run; ``view_of(result, settings)`` is its view of any trial."""

    def __init__(self, spec: LabSpec, view_of, **settings: float | str) -> None:
        super().__init__(spec, **settings)
        self._view_of = view_of
        self._task: asyncio.Task | None = None
        self._large = False  # the plot shows the large run
        self._latest = ""  # what the large run has found so far

    @cached_property
    def widget(self) -> widgets.VBox:
        root = super().widget
        self._many = push_button(f"Run {MANY:,} patients", self.start)
        self._stop = push_button("Stop the run", self.stop)
        self._stop.disabled = True
        self._progress = widgets.HTML()
        box = block(
            [block([self._many, self._stop], "course-buttons"), self._progress], "course-many"
        )
        children = list(root.children)
        children.insert(children.index(self._main) + 1, box)
        root.children = children
        self.questions.lock([self._many])
        return root

    @property
    def running(self) -> bool:
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        """Begin the large run with the settings of now; nothing happens while one is running."""
        if not self.running:
            self._busy(True)
            self._task = asyncio.ensure_future(self.run_many())
            # Also of a run that was stopped before it could begin.
            self._task.add_done_callback(lambda _: self._busy(False))

    def stop(self) -> None:
        """Stop the large run: the block that is being followed is the last one."""
        if self.running:
            self._task.cancel()

    async def run_many(self, patients: int = MANY) -> Result | None:
        """Follow so many new patients, block by block; return what was seen, if anything."""
        settings, parts, done = dict(self.settings), [], 0
        self._busy(True)
        self._say(f"Following {patients:,} patients. You can stop the run.", 0)
        try:
            for part in stream(design(**settings), patients, int(settings["repetition"])):
                parts.append(part)
                before, done = done, done + part.pfs.size
                self._tell(parts, settings, done, patients, before)
                await asyncio.sleep(0.01)  # sliders and the stop button are heard here
        except asyncio.CancelledError:
            pass  # what was seen until now is shown below
        finally:
            self._busy(False)
        if not parts:
            self._say("Stopped before any patient was followed.")
            return None
        result = Result.joined(parts)
        self._show(result, settings)
        ended = "Done" if done == patients else "Stopped"
        moved = "" if settings == self.settings else " That is with the settings it began with."
        self._say(f"{ended}: {done:,} patients. {self._found(result, settings)}{moved}")
        return result

    def _tell(self, parts, settings, done: int, patients: int, before: int) -> None:
        """Write how far the run is; now and then also what it has found."""
        share, earlier = 100 * done // patients, 100 * before // patients
        said = f"{done:,} of {patients:,} patients, {share} %."
        announce = share // TOLD > earlier // TOLD and done < patients
        if done // BLOCK % DRAWN == 0:
            parts[:] = [Result.joined(parts)]
            self._latest = self._found(parts[0], settings)
            self._show(parts[0], settings)
        self._say(f"{said} {self._latest}".strip(), share, announce)

    def _found(self, result: Result, settings) -> str:
        ratio = cox(*result.endpoint(settings["endpoint"]), result.experimental)
        return (
            f"Hazard ratio {ratio.hazard_ratio:.3f}, 95 % interval {ratio.low:.3f} to "
            f"{ratio.high:.3f}."
        )

    def _show(self, result: Result, settings) -> None:
        """Draw the large run, with the trial before it as a thin dashed line; unless one moved."""
        if settings != self.settings:
            return
        if not self._large:
            self._gesture(None)
        self._large = True
        self.view = self._view_of(result, settings)
        drawing.move(self.figure, self.view, self.before)
        with self.access.hold_sync():
            self.access.sentence, self.access.alt = self.view.sentence, self.view.alt
            self.access.change = ""
            self._fill_table()

    def _update(self, settings) -> None:
        self._large = False
        if not self.running:  # what it says belongs to the settings before
            self._progress.value = ""
        super()._update(settings)

    def _busy(self, busy: bool) -> None:
        self._many.disabled, self._stop.disabled = busy, not busy
        self._latest = ""

    def _say(self, text: str, share: int | None = None, announce: bool = True) -> None:
        bar = ""
        if share is not None:
            bar = f'<progress aria-label="Large run" max="100" value="{share}"></progress> '
        self._progress.value = f"<p>{bar}{escape(text)}</p>"
        if announce:
            self.access.announcement = text
