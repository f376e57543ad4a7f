"""The wheels that the browser receives beside Pyodide's: the course, and what Pyodide has not."""

import subprocess
import sys
import zipfile
from pathlib import Path

import aside
import locks

#: What a lesson imports; the student's lock says which version.
NAMED = ("plotly", "ipywidgets", "anywidget")
#: Only for a page that a Jupyter server serves: this page has the first built in, and the second
#: would bring all of Jupyter's server.
PAGE_ONLY = ("jupyterlab-widgets", "widgetsnbextension")
#: Half of plotly's wheel: its plot drawer three times over, of which the labs read none.
LEFT_OUT = ("plotly/labextension/", ".data/data/", "plotly/package_data/plotly.min.js")


def own(lock: Path, given: set[str]) -> dict[str, list[str]]:
    """{package: the packages it needs} of what the lessons import and Pyodide does not give."""
    pins = locks.read(lock)
    found, open_names = {}, list(NAMED)
    while open_names:
        name = open_names.pop()
        if name in found:
            continue
        needs = [other for other, pin in pins.items() if name in pin[3] and other not in PAGE_ONLY]
        found[name] = needs
        open_names += [other for other in needs if other not in given]
    return found


def download(lock: Path, names: list[str], folder: Path) -> list[Path]:
    """Fetch these packages in the lock's versions; pip compares each with the lock's hashes."""
    pins = locks.read(lock)
    lines = [f"{name}=={pins[name][0]} --hash={' --hash='.join(pins[name][2])}" for name in names]
    folder.mkdir(parents=True)
    wanted = folder / "wanted.txt"
    wanted.write_text("\n".join(lines), encoding="utf-8")
    pip = [aside.python("site"), "-m", "pip", "download", "--quiet", "--no-deps"]
    pip += ["--require-hashes", "--only-binary", ":all:", "--python-version", "3.12"]
    # No wheel is made for this platform, so pure ones are chosen.
    pip += ["--platform", "pyodide_2024_0_wasm32", "--dest", folder, "--requirement", wanted]
    subprocess.run(pip, check=True)
    return sorted(folder.glob("*.whl"))


def course(edition: Path, folder: Path) -> Path:
    """Build the course's own wheel from a student edition."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
    subprocess.run(build, cwd=edition, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def slimmed(wheel: Path, folder: Path) -> Path:
    """Copy a wheel without what no lesson reads."""
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(folder / wheel.name, "w") as new:
        for item in old.infolist():
            if not any(part in item.filename for part in LEFT_OUT):
                item.compress_type = zipfile.ZIP_DEFLATED
                new.writestr(item, old.read(item), compresslevel=9)
    return folder / wheel.name
