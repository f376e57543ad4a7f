"""Environments beside the course's own, for tools that want other versions of its packages.

Each is a group of pyproject.toml with a lock in tools/ (written by tools/locks.py), and lies in
.tools/NAME. It is made once, and again when its lock changes.
"""

import hashlib
import os
import runpy
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def python(name: str, version: str | None = None) -> Path:
    """Return the Python of this environment; make the environment if it is not there.

    `version` names another Python ("3.12") where that is on this machine; otherwise, and by
    default, it is the one that runs now. Raises the launcher's SetupError, one sentence, if a
    package cannot be fetched.
    """
    launcher = runpy.run_path(str(ROOT / "course"))
    lock, place = ROOT / "tools" / f"{name}.lock", ROOT / ".tools" / name
    base = (version and shutil.which(f"python{version}")) or sys.executable
    inside = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    known = f"{place} {Path(base).resolve()} {hashlib.sha256(lock.read_bytes()).hexdigest()}"
    stamp = place / "lock.sha256"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == known:
        return inside
    print(f"Installing the packages of tools/{lock.name} (once) …", file=sys.stderr, flush=True)
    uv, step = launcher["get_uv"](), launcher["step"]
    make = [uv, "venv", "--quiet", "--clear", "--python", base]
    step([*make, place], f"making .tools/{name}", False)
    sync = [uv, "pip", "sync", "--quiet", "--python", inside, "--require-hashes"]
    step([*sync, lock], f"installing the packages of tools/{lock.name}")
    stamp.write_text(known, encoding="utf-8")
    return inside
