"""Start a server as a person would, and wait for the line in which it says that it is ready."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess


@contextlib.contextmanager
def served(command, ready, **where):
    """Yield the first group of `ready` in what the server prints; end all that it started.

    `where` goes to Popen: cwd, env. Raises AssertionError with all output if the server stops
    before.
    """
    server = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        **where,
    )
    lines = []
    for line in server.stdout:
        lines.append(line)
        if found := re.search(ready, line.rstrip()):
            break
    else:
        raise AssertionError(f"{command} stopped before it was ready:\n" + "".join(lines))
    # Keep reading, or a full pipe would stop the server.
    drain = subprocess.Popen(["cat"], stdin=server.stdout, stdout=subprocess.DEVNULL)
    try:
        yield found[1]
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()
        drain.wait()
        server.stdout.close()
