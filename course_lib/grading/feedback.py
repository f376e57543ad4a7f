"""What a graded notebook may show: no hidden tests to students, no scripts to anybody.

nbgrader puts the hidden tests back into a submission when it grades it, and its feedback
page then shows them, in the cell and again in the traceback (nbgrader issues #917 and
#1363). ``HideHiddenTests`` takes both out before the page is rendered. And it shows outputs and
text as students made them, with any script, in feedback and in the formgrader alike: there
it would run with the grader's rights. ``harmless`` takes that out when a notebook is recorded, and
``Harmless`` does so again for every page. They are switched on in ``nbgrader_config.py``::

    c.GenerateFeedback.preprocessors = [
        "course_lib.grading.feedback.Grades",
        "course_lib.grading.feedback.HideHiddenTests",
        "course_lib.grading.feedback.Harmless",
    ]
    c.GenerateFeedback.exporter_class = "course_lib.grading.feedback.FeedbackPage"

What stays is the message of the check that failed: it is written for the student.
"""

import re
from itertools import accumulate
from pathlib import Path
from textwrap import fill

from bleach import ALLOWED_TAGS, Cleaner
from bleach.css_sanitizer import ALLOWED_CSS_PROPERTIES, CSSSanitizer
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader import utils
from nbgrader.preprocessors import ClearHiddenTests, GetGrades, NbGraderPreprocessor
from traitlets.config import Config

HERE = Path(__file__).parent

#: Errors whose message speaks about the student's own cells, never about the test.
OWN_MESSAGE = ("AssertionError", "NameError", "NotImplementedError")
TAGS = "p div span br hr pre h1 h2 h3 h4 h5 h6 sub sup img figure figcaption details summary s del"
TABLE = "table caption colgroup col thead tbody tfoot tr th td"
SHAPES = ("alt", "title", "width", "height", "scope", "colspan", "rowspan", "align", "style")
# A picture inside the page; one from elsewhere would tell who looks at it, and when.
PICTURE = re.compile(r"data:image/(png|jpeg|gif|svg\+xml);base64,[A-Za-z0-9+/=\s]+")
LINK = re.compile(r"https?://|mailto:|#")
STYLE = re.compile(r"<style>[^<]*</style>")
#: Nested tags, and work to clean one notebook (about a character of text each).
DEEPEST, MOST_WORK = 100, 100_000
LEFT_OUT = "(Left out of this page; it is in the file that was handed in.)"


def _allowed(tag: str, name: str, value: str) -> bool:
    if name in ("src", "href"):
        right = {("img", "src"): PICTURE.fullmatch, ("a", "href"): LINK.match}.get((tag, name))
        return right is not None and right(value) is not None
    return name in SHAPES


_CLEANER = Cleaner(
    tags={*ALLOWED_TAGS, *TAGS.split(), *TABLE.split()},
    attributes=_allowed,
    protocols={"http", "https", "mailto", "data"},
    css_sanitizer=CSSSanitizer({*ALLOWED_CSS_PROPERTIES, "padding"}),
)


def clean_html(text: str) -> str:
    """Return HTML with known tags alone; whatever else it holds is shown as text."""
    depth = list(accumulate(-1 if end else 1 for end in re.findall(r"<(/?)[A-Za-z]", text)))
    if max(depth, default=0) > DEEPEST:  # such a page takes minutes to read
        return LEFT_OUT
    return _CLEANER.clean(STYLE.sub("", text))


def clean_markdown(text: str, attachments: dict | None = None) -> str:
    """Return Markdown that makes no HTML of its own and links to nothing but pages."""
    text = re.sub(r"<(?=[A-Za-z/!?])", "< ", text)  # a tag's name stands right behind its "<"
    if text.count("\\begin") > 20:  # as does such a text
        text = text.replace("\\begin", "begin")
    try:
        renderer = IPythonRenderer(escape=False, attachments=attachments or {})
        page = MarkdownWithMath(renderer=renderer).render(text)
        for name, value in re.findall(r'\b(src|href)="([^"]*)"', page):
            if not _allowed("img" if name == "src" else "a", name, value):
                raise ValueError(value)
    except Exception:  # a picture that is not there, a link that leads astray: then no link at all
        return re.sub(r"\](?=[(:\[])", "] ", text)
    return text


#: What an output may hold, and how it is cleaned: words and pictures, no program and no widget.
SHOWN = {
    "text/plain": str,
    "text/latex": str,
    "image/png": str,
    "image/jpeg": str,
    "image/svg+xml": str,  # a page shows it as a picture, in which no script runs
    "text/html": clean_html,
    "text/markdown": clean_markdown,
}


def harmless(notebook: NotebookNode) -> None:
    """Take out of a notebook what could act on the reader of its page: scripts, styles, frames.

    Cells that the instructor locked keep their text; the outputs of all cells are cleaned.
    """
    room = MOST_WORK
    for cell in notebook.cells:
        if cell.cell_type != "code" and not utils.is_locked(cell):
            room -= len(cell.source)
            pasted = cell.get("attachments")
            cell.source = clean_markdown(cell.source, pasted) if room > 0 else LEFT_OUT
        for output in cell.get("outputs", []):
            if "data" not in output:
                continue
            output.metadata = NotebookNode()  # nbconvert writes sizes from it, unquoted
            data = {kind: text for kind, text in output.data.items() if kind in SHOWN}
            room -= 5 * data.get("text/html", "").count("<") + len(data.get("text/markdown", ""))
            data = {kind: SHOWN[kind](text) for kind, text in data.items()} if room > 0 else {}
            output.data = NotebookNode(data or {"text/plain": LEFT_OUT})


class Harmless(NbGraderPreprocessor):
    """``harmless`` as a step of making a page."""

    def preprocess(self, nb, resources):
        """Clean the whole notebook."""
        harmless(nb)
        return nb, resources


class Grades(GetGrades):
    """nbgrader's step that fetches points and comments; and what the page calls each of them."""

    def preprocess(self, nb, resources):
        """Give each part its points and a name a student knows: the heading above it."""
        nb, resources = super().preprocess(nb, resources)
        parts, heading, title = [], "", ""
        for cell in list(nb.cells):
            roles = cell.metadata.get("nbgrader", {})
            found = re.match(r"#+ *(.+)", cell.source)
            if found and cell.cell_type == "markdown" and utils.is_locked(cell):
                heading = re.sub(r" *\([^()]*points?\)$", "", found[1].strip())
                title = title or heading
            if utils.is_grade(cell) and not roles["points"] and not cell.get("outputs"):
                nb.cells.remove(cell)  # the place of a rubric
            elif utils.is_grade(cell):
                roles["title"] = heading or roles["grade_id"]
                parts.append(roles)
        said = resources["nbgrader"]
        said |= {"title": title or said["notebook"], "parts": parts}
        said["waiting"] = any(part["waits"] for part in parts)
        return nb, resources

    def _get_score(self, cell, resources):
        super()._get_score(cell, resources)
        roles = cell.metadata.nbgrader
        place = self.notebook_id, self.assignment_id, self.student_id
        grade = self.gradebook.find_grade(roles["grade_id"], *place)
        roles["waits"] = grade.auto_score is None and grade.manual_score is None


class FeedbackPage(HTMLExporter):
    """Makes a student's page with the template beside this file; nbgrader's own is not readable
    for everybody, and fetches a script from elsewhere."""

    @property
    def default_config(self):
        """Return settings that stand before nbgrader's, which are for any HTMLExporter."""
        place = {"template_name": "feedback_page", "extra_template_basedirs": [str(HERE)]}
        return Config({"FeedbackPage": place} | super().default_config)


class HideHiddenTests(ClearHiddenTests):
    """Remove hidden-test regions, and everything in the outputs that could quote them."""

    def preprocess_cell(self, cell, resources, cell_index):
        """Clean one cell; an error keeps its name and, if meant for students, its message."""
        hidden = self._remove_hidden_test_region(cell)
        cell.source = cell.source.rstrip()
        if cell.cell_type == "code" and utils.is_grade(cell) and not utils.is_solution(cell):
            errors = [_brief(out) for out in cell.outputs if out.output_type == "error"]
            shown = [out for out in cell.outputs if out.output_type != "error"]
            # A hidden test may hand its own numbers to the student's code, which may print them.
            cell.outputs = errors if hidden else shown + errors
        return cell, resources


def _brief(error):
    """Return the error without its traceback, which would quote the lines around it."""
    known = error.ename in OWN_MESSAGE and error.evalue
    text = error.evalue if known else f"Your answer stopped with a {error.ename} in this check."
    lines = fill(text, 88, break_on_hyphens=False)
    return new_output("error", ename=error.ename, evalue=text, traceback=[lines])
