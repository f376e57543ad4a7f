"""A lesson as one page that needs no kernel, no script and no network."""

from __future__ import annotations

import base64
import importlib
import mimetypes
import re
import tomllib
from dataclasses import dataclass
from html import escape
from pathlib import Path

from bs4 import BeautifulSoup, Tag
from markupsafe import Markup
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from course_lib import checks
from course_lib.evidence import ASSETS
from course_lib.labs.spec import LabSpec, Prediction
from pages import layout
from pages.doors import Doors

LESSON = re.compile(r"(\d\d_\w+)\.ipynb$")
QUIZ = re.compile(r"\.\./(quizzes/.+\.ipynb)$")
CALL = re.compile(r'^(?:checks\.ask\("(?P<check>[\w-]+)"\)|(?P<lab>\w+)\.lab\(.*\))$', re.M)
WORDS = "Words-of-this-lesson"
#: The fold of a lab that holds what its reader is asked to find: the others show data.
TO_WORK_OUT = re.compile(r"answers|scores")
#: Styles of the notebook's own: the page has its style sheet.
PLAIN = ("table", "caption", "th", "td", "fieldset", "legend", "details", "summary", "p")


class Renderer(IPythonRenderer):
    """Markdown to HTML; a formula becomes an empty element that carries its TeX."""

    def inline_math(self, body: str) -> str:
        return f'<span data-tex="{escape(body)}"></span>'

    def block_math(self, body: str) -> str:
        return f'<div data-tex="{escape(body)}"></div>'


def markdown(source: str) -> str:
    """Return the HTML of a cell; its headings are named as JupyterLab names them."""
    return MarkdownWithMath(Renderer(escape=False)).render(source)


@dataclass(frozen=True)
class Page:
    """A lesson on its way to a page; its formulas are still TeX."""

    name: str
    title: str
    question: str
    body: BeautifulSoup

    def formulas(self) -> list[tuple[str, bool]]:
        """TeX, and whether it stands on a line of its own."""
        return [(tag["data-tex"], tag.name == "div") for tag in self._untold()]

    def draw(self, drawn: list[str]) -> None:
        """Put the formulas in their places, in the order of ``formulas``."""
        for tag, html in zip(self._untold(), drawn, strict=True):
            tag.replace_with(fragment(html))

    def _untold(self) -> list[Tag]:
        return self.body.select("[data-tex]")


def fragment(html: str) -> BeautifulSoup:
    return BeautifulSoup(html, "html.parser")


def read(path: Path, doors: Doors) -> Page:
    """Return the page of the lesson in ``path``, which has its outputs.

    Raises ValueError for a notebook without the title, question or words of a lesson.
    """
    exporter = HTMLExporter(
        extra_template_basedirs=[str(layout.TEMPLATES.parent)], template_name="template"
    )
    exporter.register_filter("markdown2html", markdown)
    body = fragment(exporter.from_filename(str(path))[0])
    if not (body.h1 and body.h2 and body.find(id=WORDS)):
        raise ValueError(f"{path.name} is no lesson: it lacks its title or “{WORDS}”.")
    for tag in body.select("style, .anchor-link"):
        tag.decompose()
    for tag in body.find_all(PLAIN):
        del tag["style"]
    for tag in body.select("th:empty"):
        tag.name = "td"
    embed_pictures(body, path.parent)
    _lead_elsewhere(body, doors)
    _explain_words(body, path.stem)
    _scroll(body)
    _ask_and_answer(body)
    heading = body.h1
    question = heading.find_next("p").get_text().removeprefix("The question. ")
    links = doors.to(f"notebooks/{path.name}", path.stem[:2])
    body.h2.insert_before(fragment(layout.fill("doors", doors=links)))
    return Page(path.stem, heading.get_text(), question, body)


def embed_pictures(body: BeautifulSoup, folder: Path) -> None:
    """Put every picture file into the page itself."""
    for tag in body.find_all("img", src=lambda address: not address.startswith("data:")):
        file = folder / tag["src"]
        kind, _ = mimetypes.guess_type(file.name)
        tag["src"] = f"data:{kind};base64,{base64.b64encode(file.read_bytes()).decode()}"


def _lead_elsewhere(body: BeautifulSoup, doors: Doors) -> None:
    """A link to a lesson leads to its page; one to a quiz to where that can be done."""
    for tag in body.find_all("a", href=True):
        if found := LESSON.fullmatch(tag["href"]):
            tag["href"] = f"{found[1]}.html"
        elif found := QUIZ.fullmatch(tag["href"]):
            if address := doors.in_browser(found[1]):
                tag["href"] = address
            else:
                tag.unwrap()


def _explain_words(body: BeautifulSoup, lesson: str) -> None:
    """The first use of each term leads to its definition in the lesson's list of words."""
    glossary = tomllib.loads((ASSETS / "glossary.toml").read_text(encoding="utf-8"))
    mine = {term for term, entry in glossary.items() if lesson in entry["lessons"]}
    names = {term.lower(): f"word-{re.sub(r'[^a-z0-9]+', '-', term.lower())}" for term in mine}
    listed = body.find(id=WORDS).find_next("ul")
    for item in listed.find_all("li"):
        item["id"] = names[item.strong.get_text().lower()]
    for tag in body.find_all("strong"):
        word = tag.get_text().lower()
        name = names.pop(word, None) or names.pop(word.removesuffix("s"), None)
        if name and listed not in tag.parents:
            tag.wrap(body.new_tag("a", href=f"#{name}", attrs={"class": "term"}))


def _scroll(body: BeautifulSoup) -> None:
    """A wide table or listing scrolls by itself, and can be reached by keyboard to do so."""
    for tag in body.find_all(["table", "pre"]):
        caption = tag.caption.get_text() if tag.caption else "Code"
        tag.wrap(
            body.new_tag(
                "div",
                attrs={"class": "wide", "role": "group", "aria-label": caption, "tabindex": 0},
            )
        )


def _ask_and_answer(body: BeautifulSoup) -> None:
    """Ask before each lab, and gather the answers at the end, for paper.

    On the screen an answer is folded where its question stands. Paper cannot be folded: an answer
    beside its question would be read first.
    """
    asked, labs, seen = [], [], set()
    for output in body.select("[data-source]"):
        call = CALL.search(output["data-source"])
        del output["data-source"]
        if call and call["check"]:
            asked.append(checks.bank()[call["check"]])
        elif call:
            labs += _around_lab(output, call["lab"], seen)
    told = layout.fill("answers", labs=labs, checks=asked, verdict=checks.verdict)
    body.append(fragment(told))


def _around_lab(output: Tag, name: str, seen: set[str]) -> list[tuple[str, str]]:
    """Put a lab's question before it and the answer after it; return (what, answer) pairs.

    ``seen`` are labs and tables of data that the page has already: a question is asked once, and
    paper holds a table once.
    """
    saved = output.select_one(".course-lab-saved")
    title = saved["aria-label"]
    told = []
    if name not in seen:
        seen.add(name)
        plan = prediction(name)
        parts = [plan.explanation(), plan.afterword()]
        explained = " ".join(part for part in parts if part)
        output.insert_before(fragment(layout.fill("predict", plan=plan)))
        output.append(fragment(layout.fill("explain", plan=plan, told=explained)))
        told.append((title, f"{plan.predict.words(plan.right)} {explained}"))
    asleep = next(p for p in output.find_all("p") if p.get_text().startswith("The lab is asleep"))
    asleep.decompose()
    for fold in saved.find_all("details"):
        if TO_WORK_OUT.search(fold.summary.get_text()):
            fold["class"] = "answer"
            told.append((title, Markup(fold.decode_contents().partition("</summary>")[2])))
        elif str(fold) in seen:
            fold["class"] = "again"
        seen.add(str(fold))
    return told


def spec(lab: str) -> LabSpec | None:
    """How this lab is declared; None for one with a frame of its own."""
    return getattr(_module(lab), "SPEC", None)


def title(lab: str) -> str:
    """What this lab is called."""
    declared = spec(lab)
    return declared.title if declared else _module(lab).TITLE


def prediction(lab: str) -> Prediction:
    """What this lab asks before it opens."""
    declared = spec(lab)
    return declared.prediction if declared else _module(lab).PREDICTION


def _module(lab: str):
    return importlib.import_module(f"course_lib.labs.{lab}")
