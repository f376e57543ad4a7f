"""A Linux machine of its own for a server of many accounts: this one's system, other people.

/etc is a copy; /home and /srv are empty. Programs in it see their own processes only, and all end
with the first. Nothing of this machine changes. Only root can make one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMESPACES = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
OWN = ["etc", "home", "srv"]
MOUNTS = "".join(f'mount --bind "$0/{name}" /{name}; ' for name in OWN) + 'exec "$@"'


class Machine:
    """``command(...)`` is what starts a program in it."""

    def __init__(self, place: Path):
        if os.geteuid() != 0:
            pytest.fail("This makes accounts of its own, so it needs root; put sudo before it.")
        self.place = place
        for name in OWN:
            (place / name).mkdir()
        shutil.copytree("/etc", place / "etc", symlinks=True, dirs_exist_ok=True, ignore=unreadable)

    def command(self, *words) -> list[str]:
        return [*NAMESPACES, "sh", "-ec", MOUNTS, str(self.place), *map(str, words)]

    def run(self, *words, **options) -> str:
        """Run a program in it to its end; return what it printed."""
        done = subprocess.run(
            self.command(*words),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **options,
        )
        assert done.returncode == 0, f"{words}\n{done.stdout}"
        return done.stdout

    def account(self, name: str, group: str, password: str) -> None:
        """Make an account, as docs/hub.md says."""
        self.run("useradd", "--create-home", "--shell", "/bin/bash", "--groups", group, name)
        self.run("chpasswd", input=f"{name}:{password}\n")


def unreadable(folder, names):
    return [name for name in names if not os.access(Path(folder, name), os.R_OK)]
