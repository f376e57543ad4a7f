"""./course bench: measure the course beside its peers, in one run on one machine.

Every ``ratio`` above 1 means the course is better: peer divided by course for times,
course divided by peer for rates.
"""

import importlib
import inspect
import json
import sys

import _report

from course_lib import cli


def main() -> None:
    options = cli.parse(["bench", *sys.argv[1:]])
    report = {}
    for name in options.name or options.known:
        print(f"\n{name}: running …", flush=True)
        measure = importlib.import_module(name.replace("-", "_")).measure
        taken = inspect.signature(measure).parameters
        asked = {key: value for key, value in vars(options).items() if key in taken and value}
        result = measure(**asked)
        report[name] = result
        print(f"{name}: {result['what']}")
        print(f"{'':44}{'course':>12}{'peer':>12}{'ratio':>9}")
        for row in result["rows"]:
            course, peer, ratio = (_report.shown(row[key]) for key in ("course", "peer", "ratio"))
            print(f"{row['name']:44}{course:>12}{peer:>12}{ratio:>9}")
        # after each, so that a fault in the last one loses nothing of the others
        if options.json:
            options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        if options.html:
            _report.write(report, options.html)
    for path in filter(None, (options.json, options.html)):
        print(f"\nWritten to {path}.")


if __name__ == "__main__":
    main()
