"""./course pages: the lessons to read and to print."""

import re
import sys
from argparse import ArgumentTypeError
from pathlib import Path


def repository(text):
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", text):
        raise ArgumentTypeError(f"{text!r} is not OWNER/NAME of a repository on GitHub")
    return text


def address(text):
    if not re.match(r"https?://", text):
        raise ArgumentTypeError(f"{text!r} is not an address: it starts with https://")
    return text


def arguments(made):
    made.add_argument(
        "--instructor",
        action="store_true",
        help="write those for the instructor, with the answers of the quizzes",
    )
    made.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="where to; by default pages, or instructor for those pages",
    )
    made.add_argument(
        "--repository",
        type=repository,
        metavar="OWNER/NAME",
        help="your copy on GitHub: the pages link to Binder",
    )
    made.add_argument(
        "--site", type=address, metavar="URL", help="where the browser-only course is"
    )
    made.add_argument(
        "--hub",
        type=address,
        metavar="URL",
        help="the folder of the course as your JupyterHub shows it",
    )


def run(root, options):
    import pages  # the tool; the launcher has no nbconvert yet when it reads this file

    doors = pages.Doors(options.site or "", options.repository or "", options.hub or "")
    out = options.out or Path("instructor" if options.instructor else "pages")
    try:
        if options.instructor:
            written = pages.write_for_instructors(root, out)
        else:
            written = pages.write(root, out, doors)
    except (ValueError, OSError) as problem:
        print(f"course: {problem}", file=sys.stderr)
        return 1
    secret = " They hold answers: keep them from students." if options.instructor else ""
    print(f"{len(written)} pages in {out}; open {written[0]} in a browser.{secret}")
    return 0
