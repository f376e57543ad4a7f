"""A process that has everything imported, and forks a child for each submission.

This is the child side of ``sandbox.Warm``; the student's program and the judge's are built on it.
The two sides speak JSON over a socket, whose number is the program's argument. A warm process
never reads what a child writes, so a hostile child cannot talk it into anything.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import resource
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

PAGE = resource.getpagesize()
GLANCE = 0.05  # seconds between two looks at what a child uses


def serve(ready: Callable[[dict], None], work: Callable, fork: Callable | None = None) -> None:
    """Prepare with ``ready(settings)``; then, whenever asked, fork a child that does ``work``.

    ``work(channel)`` speaks with the grader over its own socket. ``fork(run, settings)`` starts
    ``run`` in a child and returns its process id (default: a plain fork). There is one child at
    a time. Ends, and with it the child, when the other side goes away.
    """
    handle = int(sys.argv[1])
    control = socket.socket(fileno=os.dup(handle))  # a copy that no program started here gets
    os.close(handle)
    _, handed, *_ = socket.recv_fds(control, 100, 1)
    with os.fdopen(handed[0]) as file:
        settings = json.load(file)
    ready(settings)
    gc.collect()
    gc.freeze()  # else a child that collects garbage would copy every page
    _say(control, ready=True)
    child, why, usual = 0, "", _used(os.getpid())
    settings["limits"]["RLIMIT_AS"] = _used(os.getpid(), 0) + settings["memory"]
    while True:
        if not select.select([control], [], [], GLANCE if child else None)[0]:
            why = why or _excess(child, settings, usual)
            if why:
                _kill(child)
            continue
        message, handed, *_ = socket.recv_fds(control, 100, 1)
        if child and message != b"fork":
            child, why = 0, why or _end(child, patient=message == b"ended")
        if message in (b"stop", b"ended"):
            _say(control, why=why)
        elif message == b"fork":
            channel, why = socket.socket(fileno=handed[0]), ""
            try:
                child = (fork or plain)(lambda: _child(work, channel, settings), settings)  # noqa: B023
                _say(control, forked=child)
            except OSError as error:
                _say(control, error=str(error))
            channel.close()
        else:
            sys.exit()


def plain(run: Callable[[], None], settings: dict) -> int:
    """Fork a child that shares everything with this process but its memory."""
    child = os.fork()
    if not child:
        os.setsid()
        run()
    return child


def _say(control: socket.socket, **message) -> None:
    control.send(json.dumps(message).encode())


def _child(work: Callable, channel: socket.socket, settings: dict) -> None:
    """Keep nothing but the channel, accept the limits, work, and end."""
    try:
        keep = channel.fileno()
        os.closerange(3, keep)
        os.closerange(keep + 1, os.sysconf("SC_OPEN_MAX"))
        for name, value in settings["limits"].items():
            resource.setrlimit(getattr(resource, name), (value, value))
        with open(os.devnull, "w") as nothing:
            os.dup2(nothing.fileno(), 1)
            os.dup2(nothing.fileno(), 2)
        work(channel)
    except Exception as error:  # for the instructor: it happened before any student's code
        os.write(2, f"{type(error).__name__}: {error}".encode())
    finally:
        os._exit(0)


def _used(process: int | str, which: int = 1) -> int:
    """Return the bytes of memory a process holds (0: has asked for); 0 if it cannot be seen."""
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[which]) * PAGE
    except (OSError, IndexError):
        return 0


def _excess(child: int, settings: dict, usual: int) -> str:
    """Return what a child and all it started use too much of, or nothing."""
    seen = [str(child)]
    if settings.get("isolated"):  # then all that can be seen here belongs to the child
        seen = [p for p in os.listdir("/proc") if p.isdigit() and int(p) not in (1, os.getpid())]
    if len(seen) > settings["processes"]:
        return "processes"
    # What is above the warm process's own memory, which all of them share.
    own = sum(max(_used(process) - usual, 0) for process in seen)
    return "memory" if own > settings["memory"] else ""


def _kill(child: int) -> None:
    """End a child; without a sandbox also what it started, unless that has left its group."""
    with contextlib.suppress(ProcessLookupError):
        if os.getpgid(child) == child:
            os.killpg(child, signal.SIGKILL)
    os.kill(child, signal.SIGKILL)


def _end(child: int, patient: bool) -> str:
    """End a child and all it started, and return how; one that is about to end may do so."""
    for _ in range(20 * patient):
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            break
        time.sleep(0.01)
    _kill(child)
    # In a sandbox this waits for everything that it started: the kernel ends it, too.
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return f"signal {-code}" if code < 0 else f"exit {code}"
