"""./course bench: measure the course beside its peers, in one run on one machine.

Every ``ratio`` above 1 means the course is better: peer divided by course for times,
course divided by peer for rates.
"""

import argparse
import importlib
import inspect
import json
import sys
from pathlib import Path

import _report

HERE = Path(__file__).parent
GRADING = {
    "attacks": "hand in every hostile or faulty submission",
    "mutations": "hand in notebooks with random damage",
    "faults": "kill the grading again and again",
}
NAMES = sorted(path.stem.replace("_", "-") for path in HERE.glob("[!_]*.py"))


def main() -> None:
    parser = argparse.ArgumentParser(prog="./course bench", description=__doc__)
    parser.add_argument("name", nargs="*", help=f"one of: {', '.join(NAMES)}; all if left out")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    parser.add_argument("--html", type=Path, metavar="FILE", help="also write a page with plots")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="dask.distributed cluster (trial)")
    parser.add_argument("--patients", type=int, metavar="N", help="of the long run (trial)")
    parser.add_argument("--lab", metavar="NAME", help="measure one lab only (lab)")
    for name, words in GRADING.items():
        parser.add_argument(f"--{name}", action="store_true", help=f"{words} (grading)")
    options = parser.parse_args()
    options.name = [name.replace("_", "-") for name in options.name]
    unknown = sorted(set(options.name) - set(NAMES))
    if unknown:
        sys.exit(f"course: no benchmark {unknown[0]!r}; there is {', '.join(NAMES)}.")
    if (options.scheduler or options.patients) and "trial" not in (options.name or NAMES):
        sys.exit("course: --scheduler and --patients belong to ./course bench trial.")
    if options.lab and "lab" not in (options.name or NAMES):
        sys.exit("course: --lab belongs to ./course bench lab.")
    if any(vars(options)[name] for name in GRADING) and "grading" not in (options.name or NAMES):
        sys.exit(f"course: --{', --'.join(GRADING)} belong to ./course bench grading.")
    if options.patients is not None and options.patients < 1:
        sys.exit(f"course: --patients must be at least 1, you gave {options.patients}.")
    report = {}
    for name in options.name or NAMES:
        print(f"\n{name}: running …", flush=True)
        measure = importlib.import_module(name.replace("-", "_")).measure
        taken = inspect.signature(measure).parameters
        asked = {key: value for key, value in vars(options).items() if key in taken and value}
        result = measure(**asked)
        report[name] = result
        print(f"{name}: {result['what']}")
        print(f"{'':44}{'course':>12}{'peer':>12}{'ratio':>9}")
        for row in result["rows"]:
            peer, ratio = (
                shown(row[key], form) for key, form in (("peer", ".1f"), ("ratio", ".2f"))
            )
            print(f"{row['name']:44}{row['course']:12.1f}{peer:>12}{ratio:>9}")
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        print(f"\nWritten to {options.json}.")
    if options.html:
        _report.write(report, options.html)
        print(f"\nWritten to {options.html}.")


def shown(number, form: str) -> str:
    """Return a number in this form; a dash where there is nothing to compare."""
    return "–" if number is None else format(number, form)


if __name__ == "__main__":
    main()
