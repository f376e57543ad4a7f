"""Environments beside the course's own, for tools that want other versions of its packages.

Each is a group of pyproject.toml with a lock in tools/ (written by tools/locks.py), and lies in
.tools/NAME. It is made once, and again when its lock changes.
"""

import hashlib
import os
import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LAUNCHER = runpy.run_path(str(ROOT / "course"))
SetupError = LAUNCHER["SetupError"]  # one sentence: what could not be set up


def uv(doing: str, *words) -> None:
    """Run the course's uv; raises SetupError if it fails."""
    LAUNCHER["step"]([LAUNCHER["get_uv"](), *words], doing)


def interpreter(version: str) -> str:
    """A Python of this version for uv: here, among pyenv's, or by its number, to be fetched."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    kept = sorted(map(str, pyenv.glob(f"versions/{version}.*/bin/python")))
    ours = ".".join(map(str, sys.version_info[:2])) == version
    return sys.executable if ours else (kept or [version])[-1]


def python(name: str, version: str | None = None, place: Path | None = None) -> Path:
    """Return the Python of this environment; make the environment if it is not there.

    `version` names another Python ("3.12", or its path); by default it is the one that runs now.
    `place` is another folder than .tools/NAME. Raises SetupError if a package cannot be fetched.
    """
    lock, place = ROOT / "tools" / f"{name}.lock", place or ROOT / ".tools" / name
    base = interpreter(version) if version else sys.executable
    inside = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    known = f"{place} {Path(base).resolve()} {hashlib.sha256(lock.read_bytes()).hexdigest()}"
    stamp = place / "lock.sha256"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == known:
        return inside
    print(f"Installing the packages of tools/{lock.name} (once) …", file=sys.stderr, flush=True)
    make = ["venv", "--quiet", "--clear", "--python", base]
    uv(f"making {place}", *make, place)
    sync = ["pip", "sync", "--quiet", "--python", inside, "--require-hashes"]
    uv(f"installing the packages of tools/{lock.name}", *sync, lock)
    stamp.write_text(known, encoding="utf-8")
    return inside
