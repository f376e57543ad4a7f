"""Feedback pages without hidden tests: a small nbgrader plug-in.

nbgrader puts the hidden tests back into a submission when it grades it, and its feedback
page then shows them, in the cell and again in the traceback (nbgrader issues #917 and
#1363). This preprocessor takes both out before the page is rendered. It is switched on in
``nbgrader_config.py``::

    c.GenerateFeedback.preprocessors = [
        "nbgrader.preprocessors.GetGrades",
        "course_lib.grading.feedback.HideHiddenTests",
        "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
    ]

What stays is the message of the check that failed: it is written for the student.
"""

from textwrap import fill

from nbformat.v4 import new_output
from nbgrader import utils
from nbgrader.preprocessors import ClearHiddenTests

#: Errors whose message speaks about the student's own cells, never about the test.
OWN_MESSAGE = ("AssertionError", "NameError", "NotImplementedError")


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
