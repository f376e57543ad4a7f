"""Predict, observe, explain: the questions around a lab, the same in every one."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import ipywidgets as widgets

from course_lib.labs import predictions
from course_lib.labs.blocks import block, choices, push_button, reveal
from course_lib.labs.spec import Prediction


class Questions:
    """The questions of the lab called ``name``, as two boxes of widgets.

    ``before`` asks for a prediction, and all in ``locked`` waits for it, or for the wish to look
    without one. ``after`` is shown by ``ask``; its answer is explained. ``go_on`` is the sentence
    that leads into the lab, ``say`` announces, and ``unlocked`` is called when nothing waits.
    """

    def __init__(
        self,
        name: str,
        plan: Prediction,
        say: Callable[[str], None],
        unlocked: Callable[[], None] = lambda: None,
        go_on: str = "Now try it.",
    ) -> None:
        self._name, self._plan, self._say = name, plan, say
        self._unlocked, self._go_on = unlocked, go_on
        self.answers = predictions.read(name)
        self.locked: list[widgets.Widget] = []
        self.predict, self.why = choices("predict", plan.predict), choices("why", plan.why)
        self.observe = choices("observe", plan.observe)
        self.record = push_button("Record my prediction", self._record)
        self.record.button_style, self.record.disabled = "primary", True
        self.skip = push_button("Show me without predicting", self._skip)
        self.said, self.explained = widgets.HTML(), widgets.HTML()
        for radio in (self.predict, self.why):
            radio.observe(lambda _: self._may_record(), "value")
        self.observe.observe(lambda _: self._explain(), "value")
        self._asking = block(
            [
                widgets.HTML(f"<p><strong>Predict first.</strong> {escape(plan.predict.text)}</p>"),
                self.predict,
                widgets.HTML(f"<p>{escape(plan.why.text)}</p>"),
                self.why,
                block([self.record, self.skip], "course-buttons"),
            ]
        )
        self.before = block([self._asking, self.said], "course-predict")
        asked = f"<p><strong>Observe.</strong> {escape(plan.observe.text)}</p>"
        self.after = block([widgets.HTML(asked), self.observe, self.explained], "course-explain")
        self.ask(False)
        if "predict" in self.answers:
            reveal(self._asking, False)
            self.said.value = self._quote()

    @staticmethod
    def names(plan: Prediction) -> dict[str, tuple[str, str]]:
        """Return the accessible name of each group of options, as ``Access.names`` wants it."""
        questions = {"predict": plan.predict, "why": plan.why, "observe": plan.observe}
        return {name: (question.text, "") for name, question in questions.items()}

    @property
    def waiting(self) -> bool:
        """Whether the lab is locked: nobody has predicted, here or in an earlier session."""
        return not self.answers

    def lock(self, controls: list[widgets.Widget]) -> None:
        """Keep these out of reach until there is a prediction."""
        self.locked.extend(controls)
        for control in controls:
            control.disabled = self.waiting

    def ask(self, visible: bool = True) -> None:
        """Show the question about what was observed, or hide it again."""
        reveal(self.after, visible)

    def _may_record(self) -> None:
        self.record.disabled = None in (self.predict.value, self.why.value)

    def _record(self) -> None:
        self.answers = {"predict": self.predict.value, "why": self.why.value}
        predictions.write(self._name, **self.answers)
        self._open(self._quote())

    def _skip(self) -> None:
        question = escape(self._plan.predict.text)
        self._open(f"<p><strong>Look at this:</strong> {question} {escape(self._go_on)}</p>")

    def _quote(self) -> str:
        plan = self._plan
        try:
            predicted = plan.predict.words(self.answers["predict"])
            why = plan.why.words(self.answers["why"])
        except KeyError:  # a record of an older version of this lab
            return "<p>You have used this lab before.</p>"
        return (
            f"<p>{escape(plan.predict.text)}</p><p><strong>You predicted:</strong> "
            f"{escape(predicted)} <strong>Because:</strong> {escape(why)} {escape(self._go_on)}</p>"
        )

    def _open(self, said: str) -> None:
        reveal(self._asking, False)
        self.said.value = said
        for control in self.locked:
            control.disabled = False
        self._unlocked()
        self._say("The controls are unlocked.")

    def _explain(self) -> None:
        self.answers = {**self.answers, "observe": self.observe.value}
        predictions.write(self._name, observe=self.observe.value)
        self.explained.value = self._plan.explain(self.answers)
        self._say("The explanation is below your answer.")
