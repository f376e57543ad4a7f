"""The words after ./course class; what they do is in course_lib/grading/classes.py."""

import importlib
from pathlib import Path

ACTIONS = {
    "new": "make a class folder outside the course, or add quizzes to one",
    "release": "make the students' version of a quiz",
    "collect": "take in submissions: a zip of Canvas or Moodle, a folder, or the exchange",
    "grade": "grade what is new, in a sandbox; the same command finishes an interrupted run",
    "feedback": "make a page for each student, without hidden tests",
    "report": "write a page and tables: scores, items, frequent misconceptions, flags",
}


def count(text):
    """Read a whole number above zero."""
    if not text.isdecimal() or int(text) < 1:
        raise ValueError
    return int(text)


def arguments(parser):
    """Add the actions to the parser of the verb class."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for action, words in ACTIONS.items():
        made = actions.add_parser(
            action,
            prog=f"./course class {action}",
            help=words,
            description=f"{words[0].upper()}{words[1:]}.",
            allow_abbrev=False,
        )
        made.add_argument("folder", type=Path, metavar="DIR", help="the class folder")
        if action in ("new", "report"):
            made.add_argument("quizzes", nargs="*", metavar="QUIZ", help="all, if none is named")
        else:
            made.add_argument("quiz", metavar="QUIZ", help="q03 or its whole name")
        if action == "new":
            made.add_argument(
                "--db", metavar="URL", help="keep the gradebook there (an SQLAlchemy URL)"
            )
        if action == "collect":
            made.add_argument(
                "files", nargs="*", type=Path, metavar="FILE", help="a zip, a folder, one file"
            )
        if action == "grade":
            made.add_argument(
                "--regrade",
                action="store_true",
                help="apply corrected tests to all; manual marks and comments stay",
            )
            made.add_argument(
                "--sandbox",
                choices=["bubblewrap", "none"],
                default="bubblewrap",
                help="none runs students' code with your rights",
            )
            made.add_argument("--workers", type=count, metavar="N", default=2)
            made.add_argument(
                "--scheduler", metavar="URL", help="send the work to this dask.distributed cluster"
            )


def run(root, options):
    """Leave for the grader, which only the grading lock installs and no student ever imports."""
    return importlib.import_module("course_lib.grading.classes").main(root, options)
