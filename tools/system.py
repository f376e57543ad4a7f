"""What the tests need from the operating system and pip cannot install."""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path


class Missing(Exception):
    """One sentence with the one command to type."""


def is_debian(relatives=False):
    """Is this Debian (or, asked for, a relative such as Ubuntu) with its apt-get?"""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return False
    family = [release.get("ID"), *(release.get("ID_LIKE", "").split() if relatives else [])]
    return "debian" in family and shutil.which("apt-get") is not None


def is_root():
    return hasattr(os, "geteuid") and os.geteuid() == 0


def apt_get(*packages):
    """Install Debian packages; True if that worked."""
    print(f"Installing {' and '.join(packages)} with apt-get …", flush=True)
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["install", "-y", "-q", "--no-install-recommends", *packages]
    for words in (["update", "-q"], install):
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
        done = subprocess.run(["apt-get", *words], env=env, **quiet)
    return done.returncode == 0


def ensure(works, *packages):
    """See that `works()` holds, with these Debian packages if need be and may be."""
    if works():
        return
    if is_root() and is_debian(relatives=True) and apt_get(*packages) and works():
        return
    raise Missing(
        f"the tests need {' and '.join(packages)} of the operating system; type: "
        f"sudo apt-get install -y {' '.join(packages)}"
    )


def python_library():
    """libroadrunner, an oracle of the model tests, loads Python as a shared library."""

    def loads():
        return subprocess.run([sys.executable, "-c", "import roadrunner"], capture_output=True)

    version = ".".join(map(str, sys.version_info[:2]))
    ensure(lambda: loads().returncode == 0, f"libpython{version}")


def postgres():
    """The folder of PostgreSQL's server programs, or None; Debian keeps it off the path."""
    initdb = shutil.which("initdb") or next(Path("/usr/lib/postgresql").glob("*/bin/initdb"), None)
    return initdb and Path(initdb).resolve().parent


def grading():
    """The grader's sandbox, and the server that its tests start for a large class's gradebook."""
    ensure(lambda: shutil.which("bwrap") and postgres(), "bubblewrap", "postgresql")
