"""./course test: all checks, the fastest first; the exit code is 0 only if all pass."""

import os
import subprocess
import sys
import time
from pathlib import Path

import browser
import system

NBVAL = ["--nbval", "--nbval-sanitize-with", "tests/nbval_sanitize.cfg"]
PYTEST = [sys.executable, "-m", "pytest"]
EACH = ["-n", "auto", "--dist", "worksteal"]  # on all cores
#: The same, but the cells of one notebook stay together and in order, and so do the tests that one
#: server, site or image is made for.
FILES = ["-n", "auto", "--dist", "loadfile"]
NO_TESTS = 5  # pytest's exit code when nothing was selected
GRADING = ["grading", "quizzes", "browser", "doors"]  # the formgrader and the hub grade, too


def lint(root):
    ruff = [sys.executable, "-m", "ruff"]
    imports = "from importlinter.cli import lint_imports_command as lint; lint(['--no-logo'])"
    yield [*ruff, "check"]
    yield [*ruff, "format", "--check"]
    yield [sys.executable, "-c", imports]


def named(root, rest):
    """The files and folders among pytest's arguments."""
    words = [word.split("::")[0] for word in rest if not word.startswith("-")]
    return [Path(word) for word in words if (root / word).exists()]


def touches(root, rest, name):
    """Are tests in this folder among those asked for?"""
    place, chosen = root / "tests" / name, [root / path for path in named(root, rest)]
    inside = any(place in [path, *path.parents] or path in place.parents for path in chosen)
    return inside or not chosen


def stages(root, fast, rest):
    """(name, commands) of each stage."""
    paths = named(root, rest)
    if paths:
        nbval = NBVAL if any(path.suffix == ".ipynb" for path in paths) else []
        yield "chosen tests", [[*PYTEST, *nbval, *rest]]
        return
    if not rest:
        yield "style and imports", list(lint(root))
    notebooks = sorted(str(path.relative_to(root)) for path in (root / "notebooks").glob("*.ipynb"))
    slow = [f"--ignore=tests/{name}" for name in ("browser", "notebooks", "grading", "doors")]
    yield "units", [[*PYTEST, *EACH, "tests", *slow, *rest]]
    if (root / "tests" / "notebooks").is_dir():
        notebooks.insert(0, "tests/notebooks")
    yield "notebooks", [[*PYTEST, *FILES, *NBVAL, *notebooks, *rest]]
    # Not beside each other: sandboxes have limits on time and memory.
    slow = ["--ignore=tests/grading/test_faults.py"] if fast else []
    yield "grading", [[*PYTEST, "tests/grading", *slow, *rest]]
    if not fast:
        labs = "tests/browser/test_every_lab.py"
        others = [*PYTEST, "tests/browser", f"--ignore={labs}", *rest]
        yield "browser", [[*PYTEST, *EACH, labs, *rest], others]
        yield "doors", [[*PYTEST, *FILES, "tests/doors", *rest]]


def main(root: Path, fast, rest):
    env = dict(os.environ)
    try:
        system.python_library()
        if any(touches(root, rest, name) for name in GRADING):
            system.grading()
        if not fast and any(touches(root, rest, name) for name in ("browser", "doors")):
            env["COURSE_CHROMIUM"] = browser.ensure()
    except system.Missing as missing:
        print(f"course: {missing}", file=sys.stderr)
        return 1
    results = []
    for name, commands in stages(root, fast, rest):
        print(f"\n===== {name} =====", flush=True)
        start = time.monotonic()
        codes = [subprocess.run(command, cwd=root, env=env).returncode for command in commands]
        results.append((name, codes, time.monotonic() - start))
    empty_is_fine = bool(rest) and any(set(codes) != {NO_TESTS} for _, codes, _ in results)
    allowed = {0, NO_TESTS} if empty_is_fine else {0}
    print("\n===== all stages =====")
    for name, codes, seconds in results:
        if set(codes) <= allowed:
            word = "passed" if set(codes) != {NO_TESTS} else "nothing chosen"
        else:
            word = "selected no tests" if NO_TESTS in codes else "FAILED"
        print(f"{name:<20}{word:<20}{seconds:6.0f} s")
    return 0 if all(set(codes) <= allowed for _, codes, _ in results) else 1
