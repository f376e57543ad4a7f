"""Self-check questions inside a lesson: choose an option and read why it is right or wrong.

A question is plain HTML: native ``details`` elements in a ``fieldset``. It needs no
kernel, script or network, so it works on a reopened, printed or static page. JupyterLab
removes ``<style>``, roles and ARIA from notebooks it does not trust: meaning rests on
elements, and the style only adds comfort. The questions live in ``assets/checks``.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from course_lib.evidence import ASSETS
from course_lib.tables import together

OPTIONS = 3
STYLE = """<style>
.course-check summary:hover { background: var(--jp-layout-color2, #eeeeee); }
.course-check summary:focus-visible { outline: 3px solid var(--jp-brand-color1, #0072b2); }
@media print { .course-check details::details-content { content-visibility: visible; } }
</style>"""
_BOX = "border:1px solid #767676;border-radius:4px;padding:8px 14px"
_OPTION = "border:1px solid #767676;border-radius:4px;margin:8px 0"
_SUMMARY = "cursor:pointer;padding:8px 12px;min-height:24px"


@dataclass(frozen=True)
class Option:
    """One answer, what it tells the reader who chose it, and the idea behind a wrong one."""

    text: str
    feedback: str
    right: bool = False
    misconception: str = ""


@dataclass(frozen=True)
class Check:
    """One question; Jupyter shows it as HTML, or as text where there is no HTML."""

    id: str
    objective: str
    question: str
    options: tuple[Option, ...]

    def lettered(self) -> list[tuple[str, Option]]:
        """The options with their letters, in the order in which they are shown."""
        return list(zip("ABC", self.options, strict=True))

    def html(self) -> str:
        """The question as HTML that survives JupyterLab's sanitiser."""
        items = "".join(
            f'<details style="{_OPTION}"><summary style="{_SUMMARY}">'
            f"<strong>{letter}.</strong> {together(option.text)}</summary>"
            f'<p style="padding:4px 12px"><strong>{verdict(option)}</strong> '
            f"{together(option.feedback)}</p></details>"
            for letter, option in self.lettered()
        )
        return (
            f'{STYLE}<fieldset class="course-check" style="{_BOX}">'
            f'<legend style="padding:0 6px"><strong>Check yourself</strong> {self.id}</legend>'
            f"<p>{together(self.question)}</p>{items}"
            "<p>Choose an option to open it. It says whether it is right, and why.</p></fieldset>"
        )

    def text(self) -> str:
        """The same in plain text; the explanations come after all options."""
        lines = [f"Check yourself {self.id}", self.question]
        lines += [f"  {letter}. {option.text}" for letter, option in self.lettered()]
        lines.append("Choose first, then read:")
        lines += [f"  {letter}. {verdict(o)} {o.feedback}" for letter, o in self.lettered()]
        return "\n".join(lines)

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {"text/plain": self.text(), "text/html": self.html()}


def verdict(option: Option) -> str:
    """Right or wrong, in words, because colour alone tells nobody enough."""
    return "Right." if option.right else "Not this one."


def read(path: Path) -> dict[str, Check]:
    """Read one bank; refuse a question that is not complete, saying what is missing."""
    found = {}
    for name, raw in tomllib.loads(path.read_text(encoding="utf-8")).items():
        options = tuple(Option(**option) for option in raw["options"])
        faults = {
            f"has {len(options)} options, needs {OPTIONS}": len(options) != OPTIONS,
            "needs exactly one right option": sum(o.right for o in options) != 1,
            "needs a misconception for each wrong option, and none for the right one": any(
                o.right == bool(o.misconception) for o in options
            ),
            "has an option without text or feedback": not all(
                o.text and o.feedback for o in options
            ),
            f"is not named after {raw['objective']}": not name.startswith(raw["objective"]),
        }
        for message in (message for message, faulty in faults.items() if faulty):
            raise ValueError(f"{path.name}: question {name} {message}")
        found[name] = Check(name, raw["objective"], raw["question"], options)
    return found


@cache
def bank() -> dict[str, Check]:
    """All questions of the course by id."""
    return {k: c for p in sorted((ASSETS / "checks").glob("*.toml")) for k, c in read(p).items()}


def ask(name: str) -> Check:
    """The question with this id, ready to be shown as the last line of a cell."""
    if name not in bank():
        near = get_close_matches(str(name), bank(), n=3) or sorted(bank())
        raise KeyError(f"there is no question {name!r}; there are, for example, {', '.join(near)}")
    return bank()[name]
