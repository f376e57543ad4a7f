"""The verbs of ./course.

Standard library only: the launcher reads the command line with this package
before anything is installed, so that a wrong word is told at once.
"""

import argparse
import difflib
import os
import subprocess
import sys
from pathlib import Path

from course_lib.cli import bench, classes, edition, pages

ROOT = Path(__file__).resolve().parents[2]
STUDENT, DEVELOPER = "requirements.lock", "requirements-dev.lock"
GRADER = "requirements-grade.lock"
HELP = {
    "lab": "open JupyterLab on the start page or on a lesson",
    "hand-in": "look your quiz over and pack it for upload",
    "evidence": "show a number with its source, or what is due for review",
    "test": "run all checks; further arguments go to pytest",
    "author": "execute the notebooks and write their outputs and the quizzes",
    "bench": "measure the course beside its peers",
    "bundle": "pack what a student receives, without solutions",
    "pages": "write each lesson as a page to read and to print",
    "site": "build the course that runs in a browser alone",
    "class": "run a class: release, collect, grade, feedback, report",
}
SOURCE_ONLY = ("test", "author", "bench", "bundle", "pages", "site", "class")


class Parser(argparse.ArgumentParser):
    """An argparse parser whose complaint is one sentence."""

    def error(self, message):
        complain(f"{message} (see {self.prog} --help)", code=2)


def complain(sentence, code=1):
    end = "" if sentence.endswith((".", "?")) else "."
    print(f"course: {sentence}{end}", file=sys.stderr)
    raise SystemExit(code)


def verbs():
    """The verbs of this edition: a student's has no tools folder, so fewer of them."""
    source = (ROOT / "tools").is_dir()
    return [verb for verb in HELP if source or verb not in SOURCE_ONLY]


def overview():
    lines = ["Usage: ./course VERB [arguments]     (Windows: py course VERB …)", ""]
    lines += [f"  {verb:<10}{HELP[verb]}" for verb in verbs()]
    return "\n".join([*lines, "", "./course VERB --help tells more. Start with: ./course lab"])


def port(text):
    number = int(text) if text.isdecimal() else -1
    if not 1 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (1 to 65535)")
    return number


def folder(text):
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is not a folder")
    return Path(text)


def parser(verb):
    words = f"{HELP[verb][0].upper()}{HELP[verb][1:]}."
    made = Parser(prog=f"./course {verb}", description=words, allow_abbrev=False)
    made.set_defaults(verb=verb, lock=None)
    if verb == "lab":
        made.set_defaults(lock=STUDENT)
        made.add_argument(
            "lesson", nargs="?", metavar="LESSON", help="03, 3 or checkpoint_inhibitors"
        )
        made.add_argument(
            "--fresh", action="store_true", help="restore LESSON; your copy is kept beside it"
        )
        made.add_argument("--no-browser", action="store_true", help="only print the address")
        made.add_argument(
            "--port", type=port, metavar="N", help="this port instead of any free one"
        )
    elif verb == "hand-in":
        made.add_argument("quiz", metavar="QUIZ", help="q03 or its whole name")
        made.add_argument(
            "--name", help="your name or number, where the file must tell whose it is"
        )
    elif verb == "class":
        made.set_defaults(lock=GRADER)
        classes.arguments(made)
    elif verb == "evidence":
        made.add_argument("key", nargs="?", metavar="KEY", help="such as pembrolizumab.clearance")
        made.add_argument("--due", action="store_true", help="list what is past its review date")
    elif verb == "bundle":
        made.add_argument("file", type=Path, metavar="FILE.zip")
    elif verb == "pages":
        made.set_defaults(lock=STUDENT)
        pages.arguments(made)
    elif verb == "site":
        made.set_defaults(lock=STUDENT)
        made.add_argument("--out", type=Path, metavar="DIR", help="where to; site/ if left out")
        made.add_argument(
            "--pyodide",
            type=folder,
            metavar="DIR",
            help="Pyodide's files, not the official download",
        )
    elif verb == "test":
        made.set_defaults(lock=DEVELOPER)
        made.add_argument(
            "--fast", action="store_true", help="leave out the browser, the doors and the kills"
        )
        made.usage = "./course test [--fast] [pytest arguments]"
    elif verb == "bench":
        made.set_defaults(lock=DEVELOPER)
        bench.arguments(made, ROOT)
    else:
        made.set_defaults(lock=DEVELOPER)
        made.usage = "./course author [LESSON …]"
    return made


def parse(argv):
    """Read the command line; leave with one sentence if it makes no sense."""
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(overview())
        raise SystemExit(0)
    verb = argv[0]
    if verb not in verbs():
        near = difflib.get_close_matches(verb, verbs(), n=1, cutoff=0.5)
        hint = f"did you mean ./course {near[0]}?" if near else f"there are {', '.join(verbs())}."
        complain(f"unknown verb {verb!r}; {hint}", code=2)
    if verb in ("test", "author"):
        options, options.rest = parser(verb).parse_known_args(argv[1:])
    else:
        options = parser(verb).parse_args(argv[1:])
    if verb == "bench":
        options.rest = argv[1:]
        for option, name in bench.ONLY.items():
            if getattr(options, option) and name not in (options.name or [name]):
                complain(f"--{option} belongs to ./course bench {name}.", 2)
    if verb in ("lab", "hand-in"):
        try:
            options.page = edition.find(ROOT, options.lesson if verb == "lab" else options.quiz)
        except LookupError as unknown:
            complain(unknown.args[0], 2)
    if verb == "hand-in" and not options.page.startswith("quizzes/"):
        complain(f"{options.quiz} is a lesson; only a quiz is handed in, such as q03.", 2)
    if verb == "lab" and options.fresh and not options.lesson:
        complain("--fresh restores one lesson; name it: ./course lab LESSON --fresh.", 2)
    if verb == "evidence" and bool(options.key) == options.due:
        complain("name one KEY, or ask for what is --due.", 2)
    return options


def main(argv):
    options = parse(argv)
    if options.verb == "lab":
        from course_lib.cli import lab

        return lab.run(ROOT, options)
    if options.verb == "hand-in":
        from course_lib.cli import hand_in

        return hand_in.run(ROOT, options)
    if options.verb == "class":
        return classes.run(ROOT, options)
    if options.verb == "evidence":
        return evidence(options)
    sys.path.insert(0, str(ROOT / "tools"))
    if options.verb == "bundle":
        import bundle

        return bundle.write(ROOT, options.file)
    if options.verb == "pages":
        return pages.run(ROOT, options)
    if options.verb == "site":
        import website

        return website.write(ROOT, options.out, options.pyodide)
    if options.verb == "test":
        import run_tests

        return run_tests.main(ROOT, options.fast, options.rest)
    return tool(options)


def evidence(options):
    from datetime import date

    from course_lib import evidence

    if options.due:
        late = [f"{q.review_by}  {q.key}: {q.label}" for q in evidence.due(date.today())]
        print("\n".join(late) or "Nothing is due for review.")
        return 0
    try:
        print(evidence.describe(options.key))
    except KeyError as unknown:
        complain(unknown.args[0])
    return 0


def tool(options):
    """author and bench photograph and time real pages, so they get a browser."""
    import browser
    import system

    try:
        chromium = browser.ensure()
    except system.Missing as missing:
        complain(missing.args[0])
    script = ROOT / "tools" / options.verb
    script = script if script.is_dir() else script.with_suffix(".py")
    command = [sys.executable, str(script), *options.rest]
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    env = os.environ | {"COURSE_CHROMIUM": chromium, "PYTHONPATH": path}
    return subprocess.run(command, env=env, cwd=ROOT).returncode
