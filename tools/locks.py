"""Write the locks and environment.yml from pyproject.toml.

    python3 tools/locks.py               keep the pins, adapt to a changed pyproject.toml
    python3 tools/locks.py --upgrade     take the newest versions

The student's lock constrains the grading lock, and that one the developer's, so a
package has one version everywhere. The locks in tools/ are for environments beside the
course's own (tools/aside.py). No address of a package index is written.
"""

import os
import re
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STUDENT, GRADE, DEV = "requirements.lock", "requirements-grade.lock", "requirements-dev.lock"
EXTRA = {
    STUDENT: ["--group", "build"],
    GRADE: ["--group", "build", "--extra", "grade"],
    DEV: ["--group", "build", "--extra", "grade", "--group", "dev"],
}
#: Groups with an environment of their own, and what else each is compiled from.
ASIDE = {
    "site": [],
    "pages": [],
    "binder": [],
    "hub": ["pyproject.toml", "--extra", "grade", "--group", "build"],
}
NAMED_FOR_STUDENTS = ["jupyterlab", "ipywidgets", "plotly", "numpy", "anywidget"]
# Binder ships it, in a version that asks for an older JupyterLab than ours.
ON_BINDER = "notebook"
NAMED = [*NAMED_FOR_STUDENTS, "nbgrader", "psycopg", "nbval", "pytest"]
# Ceilings on packages that we do not name ourselves, and why.
CEILINGS = ["argon2-cffi-bindings<26"]  # later ones have no wheel for Macs with Intel
# A student has no compiler: each pin of the student's lock needs a wheel for all of these.
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
PLATFORMS = [
    "x86_64-manylinux_2_28",
    "aarch64-manylinux_2_28",
    "aarch64-apple-darwin",
    "x86_64-apple-darwin",
    "x86_64-pc-windows-msvc",
]
PYTHON = "3.12"  # of the conda environment; the locks hold for 3.11 and newer
PIN = re.compile(r"^([a-z0-9._-]+)==([^ ;\\]+)((?: ; [^\\]+?)?) \\$")
VIA = re.compile(r"^    #(?: via|  ) +([a-z0-9._-]+)(?: \((.*)\))?$")


def read(lock):
    """{name: (version, marker, hashes, names of the packages that need it)}."""
    pins = {}
    for line in lock.read_text(encoding="utf-8").splitlines():
        if pin := PIN.match(line):
            name, version, marker = pin.groups()
            pins[name] = (version, marker.removeprefix(" ; "), [], [])
        elif line.startswith("    --hash="):
            pins[name][2].append(line.strip().rstrip(" \\").removeprefix("--hash="))
        elif via := VIA.match(line):
            pins[name][3].append(via.group(1))
        elif line.strip() not in ("", "# via"):
            raise ValueError(f"{lock.name}: cannot read {line!r}")
    return pins


def needed_by(pins, wanted):
    """These packages and all that they need, from the lock's own "via" notes."""
    needed, grown = set(), set(wanted)
    while grown != needed:
        needed = set(grown)
        grown |= {name for name, pin in pins.items() if needed & set(pin[3])}
    return needed


def environment(root, student=False):
    """The text of environment.yml: the named packages first, then every pin they need."""
    pins = read(root / (STUDENT if student else DEV))
    named = [*NAMED_FOR_STUDENTS, ON_BINDER] if student else NAMED
    pins[ON_BINDER] = read(root / GRADE)[ON_BINDER]
    pulled = needed_by(pins, [*named, "hatchling"]) - set(named)
    lines = [
        "# Written by tools/locks.py together with the locks; do not edit.",
        "name: breast-cancer-immunotherapy",
        "channels:",
        "  - conda-forge",
        "  - nodefaults",
        "dependencies:",
        f"  - python={PYTHON}",
        "  - pip",
        "  - pip:",
    ]
    for name in [*named, *sorted(pulled)]:
        version, marker, *_ = pins[name]
        pin = f"{name}=={version}" + (f" ; {marker}" if marker else "")
        lines.append(f'      - "{pin}"' if marker else f"      - {pin}")
    return "\n".join(lines) + "\n"


def uv(*words):
    """Run uv with this machine's own index settings left out."""
    command = [runpy.run_path(str(ROOT / "course"))["get_uv"](), "--no-config", "--quiet", *words]
    ours = re.compile(r"(UV|PIP)_(?!CACHE_DIR)")
    env = {name: value for name, value in os.environ.items() if not ours.match(name)}
    subprocess.run(command, cwd=ROOT, env=env, check=True)


def compile_lock(lock, constraints, options):
    words = ["--output-file", lock, "--universal", "--python-version", PYTHONS[0]]
    words += ["--fork-strategy", "fewest", "--generate-hashes", "--no-header"]
    words += ["--no-emit-index-url", *EXTRA[lock], *options]
    for constraint in constraints:
        words += ["--constraint", str(constraint)]
    uv("pip", "compile", "pyproject.toml", *words)
    without_constraints(ROOT / lock)


def without_constraints(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not re.match(r"    # +(via +)?-c ", line)]
    path.write_text("\n".join(kept) + "\n", encoding="utf-8")


def compile_aside(name, sources, options):
    """The lock of an environment beside the course's; with the course in it, its pins hold."""
    words = ["--output-file", f"tools/{name}.lock", "--universal", "--python-version", PYTHONS[0]]
    words += ["--generate-hashes", "--no-header", "--no-emit-index-url", "--group", name, *options]
    words += ["--constraint", GRADE] if sources else []
    uv("pip", "compile", *sources, *words)
    without_constraints(ROOT / "tools" / f"{name}.lock")


def check_wheels(lock):
    with tempfile.TemporaryDirectory() as nowhere:
        for python in PYTHONS:
            for platform in PLATFORMS:
                words = ["--python-version", python, "--python-platform", platform]
                words += ["--dry-run", "--only-binary", ":all:", "--target", nowhere]
                uv("pip", "sync", *words, lock)


def main(options):
    with tempfile.TemporaryDirectory() as folder:
        ceilings = Path(folder) / "ceilings.txt"
        ceilings.write_text("\n".join(CEILINGS) + "\n")
        compile_lock(STUDENT, [ceilings], options)
        compile_lock(GRADE, [ceilings, STUDENT], options)
        compile_lock(DEV, [ceilings, GRADE], options)
    for name, sources in ASIDE.items():
        compile_aside(name, sources, options)
    check_wheels(STUDENT)
    (ROOT / "environment.yml").write_text(environment(ROOT), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
