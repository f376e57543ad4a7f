"""The words after ./course bench; what is measured is in tools/bench."""

from argparse import ArgumentTypeError
from pathlib import Path

from course_lib.cli import classes

#: Options that only one benchmark takes.
ONLY = {
    "lab": "lab",
    "scheduler": "trial",
    "patients": "trial",
    "attacks": "grading",
    "mutations": "grading",
    "faults": "grading",
}


def arguments(made, root):
    """Add the benchmarks of tools/bench, and their options, to the parser of the verb bench."""
    names = sorted(
        path.stem.replace("_", "-") for path in (root / "tools" / "bench").glob("[!_]*.py")
    )
    made.set_defaults(known=names)

    # Not argparse's choices: Python 3.11 finds no name at all to be a wrong one.
    def known(name):
        if name not in names:
            raise ArgumentTypeError(f"no benchmark {name!r}; there are {', '.join(names)}")
        return name

    words = f"one or more of {', '.join(names)}; all if left out"
    made.add_argument("name", nargs="*", metavar="NAME", type=known, help=words)
    made.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    made.add_argument("--html", type=Path, metavar="FILE", help="also write a page with plots")
    for name, metavar, words in (
        ("lab", "NAME", "measure one lab only"),
        ("scheduler", "ADDRESS", "use this dask.distributed cluster"),
        ("patients", "N", "of the long run"),
        ("attacks", None, "hand in every hostile or faulty submission"),
        ("mutations", None, "hand in notebooks with random damage"),
        ("faults", None, "kill the grading again and again"),
    ):
        kind = {"metavar": metavar} if metavar else {"action": "store_true"}
        kind |= {"type": classes.count} if name == "patients" else {}
        made.add_argument(f"--{name}", help=f"{words} ({ONLY[name]})", **kind)
