"""nbgrader settings of this course.

``./course class new DIR`` copies this file into a class folder outside this repository. Every
nbgrader command works there as its manual says, and so does the formgrader of a JupyterLab that
is started there.
"""

import os
from pathlib import Path

c = get_config()  # noqa: F821 (nbgrader provides it)

c.CourseDirectory.course_id = "breast_cancer_immunotherapy"

# The answer bank lies beside each quiz: it must never reach a student.
c.CourseDirectory.ignore = [
    ".ipynb_checkpoints",
    "*.pyc",
    "__pycache__",
    "feedback",
    "answers.toml",
]

# What stands in for a solution. No exception: the first check says kindly what is missing.
c.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE"}

# Students' code runs in a sandbox and is judged from outside; see docs/grading.md.
c.Autograde.exporter_class = "course_lib.grading.preprocessor.GradedExporter"
c.Autograde.sanitize_preprocessors = []
c.Autograde.autograde_preprocessors = []
c.Autograde.pre_convert_hook = "course_lib.grading.preprocessor.drop_links"

# Feedback pages show neither hidden tests nor tracebacks that quote them, and run no script.
c.GenerateFeedback.preprocessors = [
    "course_lib.grading.feedback.Grades",
    "course_lib.grading.feedback.HideHiddenTests",
    "course_lib.grading.feedback.Harmless",
]
c.GenerateFeedback.exporter_class = "course_lib.grading.feedback.FeedbackPage"

# Whose submission it is, the account says, not the name that its folder was given.
c.ExchangeFactory.collect = "course_lib.grading.exchange.Collect"

# Where assignments are handed out and in: make this folder before the first release. On a
# shared server, name one that all can reach.
c.Exchange.root = os.environ.get(
    "COURSE_EXCHANGE", str(Path(__file__).resolve().parent / "exchange")
)
