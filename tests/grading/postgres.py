"""A PostgreSQL server of one's own: in a temporary folder, reached only by a socket there."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

import system


@contextlib.contextmanager
def server() -> Iterator[str]:
    """Start a server, yield the address of its databases, and stop it."""
    programs = system.postgres()
    as_whom = {}
    if os.geteuid() == 0:  # PostgreSQL refuses root
        as_whom = {"user": "nobody", "group": "nogroup", "extra_groups": []}
    with tempfile.TemporaryDirectory() as folder:  # short: a socket's path has at most 107 letters
        if as_whom:
            shutil.chown(folder, "nobody", "nogroup")
        where = {"cwd": folder, "stdout": subprocess.DEVNULL, **as_whom}
        make = ["initdb", "--pgdata=data", "--username=grader", "--auth=trust", "--no-sync"]
        subprocess.run([programs / make[0], *make[1:], "--locale=C.UTF-8"], check=True, **where)
        words = ["-D", "data", "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off"]
        with (Path(folder) / "log").open("wb") as log:
            running = subprocess.Popen([programs / "postgres", *words], stderr=log, **where)
        try:
            while not _answers(folder):
                assert running.poll() is None, (Path(folder) / "log").read_text()
                time.sleep(0.05)
            yield f"postgresql+psycopg://grader@/{{name}}?host={folder}"
        finally:
            running.send_signal(signal.SIGINT)  # at once, whoever is still connected
            running.wait()


def _answers(folder: str) -> bool:
    with contextlib.suppress(psycopg.OperationalError):
        psycopg.connect(host=folder, user="grader", dbname="postgres").close()
        return True
    return False


def database(address: str, name: str) -> str:
    """Make an empty database on the server; return its URL."""
    url = address.format(name="postgres").replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"create database {name}")
    return address.format(name=name)
