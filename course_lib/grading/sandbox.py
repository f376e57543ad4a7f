"""Keeps a student's code apart from everything else: bubblewrap outside, namespaces inside.

``Sandbox`` starts one warm process inside bubblewrap: no network, a read-only system with the
Python environment and ``course_lib`` but no quiz, class folder or gradebook, none of the caller's
environment variables. For each student it forks a child with its own processes, mounts, shared
memory and ``/tmp``, without privileges, under limits. When the child is stopped, the kernel ends
all that it started. See ``student`` for what happens inside.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import course_lib
from course_lib.grading import wire

HOME = "/home/student"
LIBRARY = Path(course_lib.__file__).parent
ENVIRONMENT = {
    "HOME": HOME,
    "IPYTHONDIR": HOME + "/.ipython",
    "LANG": "C.UTF-8",
    "NBGRADER_EXECUTION": "autograde",  # as stock nbgrader says to a notebook
    "OPENBLAS_NUM_THREADS": "1",  # submissions run side by side already
    "OMP_NUM_THREADS": "1",
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",  # the same submission earns the same points each time
    "PYTHONPATH": str(LIBRARY.parent),
    "USER": "student",
}
PYTHON = [sys.executable, "-P", "-s", "-m"]
NUMBERS = count()  # of the sandboxes that this process has started


class SandboxError(RuntimeError):
    """A warm process could not be started, or is gone; the message says why."""


class Died(Exception):
    """A student's process ended, hung, or used too much; the message says which."""


@dataclass(frozen=True)
class Limits:
    """What one submission may use."""

    cell: float = 30  # seconds for one cell, as in nbgrader
    call: float = 30  # seconds for one call of a student's function by a test
    test: float = 60  # seconds for one test cell, such calls included
    total: float = 240  # seconds for all of a student's cells and calls
    memory: int = 1 << 30  # bytes, beyond what the course itself needs
    files: int = 64 << 20  # bytes in /tmp and in the home folder, each
    processes: int = 64


class Warm:
    """A program built on ``warm.serve``: started once, forked for each submission."""

    def __init__(self, command: list[str], settings: dict, environment: dict, folder=None):
        self._command, self._where = command, {"env": environment, "cwd": folder}
        self._settings = json.dumps(settings).encode()
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the program)
        self._start()

    def _start(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._ready = False
        with theirs:
            # Not on standard input: bubblewrap, which outlives a program whose child still runs,
            # keeps that open, and nobody would hear that the program has ended.
            handle, quiet = theirs.fileno(), subprocess.DEVNULL
            streams = {"stdin": quiet, "stdout": self._said, "stderr": self._said}
            try:
                self._process = subprocess.Popen(
                    [*self._command, str(handle)], pass_fds=[handle], **streams, **self._where
                )
            except OSError as error:
                raise SandboxError(f"{error.filename}: {error.strerror}") from None
        self._control.settimeout(300)
        with tempfile.TemporaryFile() as file, contextlib.suppress(ConnectionError):
            file.write(self._settings)
            file.seek(0)
            socket.send_fds(self._control, [b"settings"], [file.fileno()])  # ``ready`` hears how

    def ready(self) -> None:
        """Wait until the program can be forked. Raises SandboxError if it cannot."""
        if not self._ready:
            self._ready = self._heard()["ready"]

    def fork(self) -> socket.socket:
        """Return the channel to a new child; a program that is gone is started once more."""
        try:
            self.ready()
            return self._fork()
        except SandboxError:
            if self._said.closed:  # by another thread, because all is to end
                raise
            self._quit()
            self._start()
            self.ready()
            return self._fork()

    def stop(self, ended: bool = False) -> str:
        """End the child and all that it started; return how it ended.

        ``ended``: it seems to have ended by itself.
        """
        return self._heard(b"ended" if ended else b"stop")["why"]

    def close(self) -> None:
        """End the program, its child, and all they started."""
        self._said.close()
        self._quit()

    def _fork(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            self._heard(b"fork", [theirs.fileno()])
        return ours

    def _quit(self) -> None:
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)  # wakes a thread that waits for an answer
        self._control.close()
        self._process.wait()

    def _heard(self, message: bytes = b"", handles: list[int] = ()) -> dict:
        """Send a message, if there is one; return the answer."""
        try:
            if message:
                socket.send_fds(self._control, [message], handles)
            found = json.loads(self._control.recv(10_000) or "{}")
        except ConnectionError:
            found = {}
        except OSError as error:
            found = {"error": str(error)}
        if not found:
            code = self._process.wait()
            if self._said.closed:
                raise SandboxError("the grading processes were closed")
            self._said.seek(0)
            lines = self._said.read().decode(errors="replace").strip().splitlines()
            killed = "a grading process was ended from outside" if code in (-9, 128 + 9) else ""
            found = {"error": killed or (lines[-1] if lines else "it ended at once")}
        if "error" in found:
            raise SandboxError(found["error"])
        return found


class Sandbox(Warm):
    """A warm process that runs students' cells.

    ``kind`` is "bubblewrap" or "none"; ``rehearse`` are the quiz's own cells, run once so that
    what they import is there. ``hide`` are folders no student may see even below a visible one.
    """

    def __init__(
        self, kind: str = "bubblewrap", limits: Limits | None = None, rehearse=(), hide=()
    ):
        if kind not in ("bubblewrap", "none"):
            raise ValueError(f'sandbox should be "bubblewrap" or "none", not {kind!r}')
        self.limits, isolated = limits or Limits(), kind == "bubblewrap"
        self._folder = tempfile.TemporaryDirectory()
        home = HOME if isolated else self._folder.name
        settings = {
            "isolated": isolated,
            "home": home,
            "private": ["/tmp", "/dev/shm", HOME],
            "visible": _visible(),
            "user": 200_000 + (8 * os.getpid() + next(NUMBERS)) % 60_000,  # no two share one
            "memory": self.limits.memory,
            "files": self.limits.files,
            "processes": self.limits.processes,
            "rehearse": list(rehearse),
            "limits": {"RLIMIT_FSIZE": self.limits.files, "RLIMIT_CORE": 0, "RLIMIT_NOFILE": 256},
        }
        environment = {**ENVIRONMENT, "HOME": home, "IPYTHONDIR": home + "/.ipython"}
        command = [*(_bubblewrap(hide) if isolated else []), *PYTHON]
        super().__init__([*command, "course_lib.grading.student"], settings, environment)

    def close(self) -> None:
        super().close()
        self._folder.cleanup()


class Student:
    """One student's cells in the sandbox.

    A process that ends, hangs or answers nonsense is replaced at the next request, and the cells
    that ran well are run again in the new one. So is a process that a test has handed something
    to, before it runs another cell: it could show there what it was told.
    """

    def __init__(self, sandbox: Sandbox):
        self._sandbox, self._channel, self._ran, self._told = sandbox, None, [], False
        self._end = time.monotonic() + sandbox.limits.total
        self.deaths: list[str] = []
        self.ends: list[str] = []  # of those that ended by themselves

    def run(self, source: str) -> object:
        """Run a cell; return what it claims to have shown. Raises Died."""
        if self._told:
            self.close()
        reply = self._request(wire.encode(("run", source)), self._sandbox.limits.cell)
        self._ran.append(source)
        with contextlib.suppress(wire.WireError):
            match wire.decode(reply):
                case ("value", outputs):
                    return outputs
        return []

    def ask(self, request: bytes) -> bytes:
        """Hand on a request of the judge; return the reply as it is. Raises Died."""
        self._told = self._told or wire.decode(request)[0] == "call"
        return self._request(request, self._sandbox.limits.call)

    def close(self, ended: bool = False) -> str:
        """End the process and all that it started; return how it ended."""
        if not self._channel:
            return ""
        self._channel.close()
        self._channel = None
        return self._sandbox.stop(ended)

    def _request(self, message: bytes, seconds: float) -> bytes:
        until = min(time.monotonic() + seconds, self._end)
        if time.monotonic() >= self._end:
            raise Died(f"All {self._sandbox.limits.total:g} seconds for this quiz were used up.")
        if not self._channel:
            self._channel, again, self._ran = self._sandbox.fork(), self._ran, []
            self._told = False
            for source in again:
                with contextlib.suppress(Died):
                    self.run(source)
            return self._request(message, seconds)
        try:
            self._channel.settimeout(seconds)
            wire.send(self._channel, message)
            return wire.receive(self._channel, until)
        except TimeoutError:
            why = f"It took more than {seconds:g} seconds."
        except wire.WireError as error:
            why = f"It gave {error} in return."
        except (EOFError, OSError):
            why = ""
        ended = self.close(ended=not why)
        self.ends += [] if why else [ended]
        limits = self._sandbox.limits
        known = {
            "memory": f"It used more than {limits.memory >> 20:,} MB of memory.",
            "processes": f"It started more than {limits.processes} processes.",
        }
        self.deaths.append(why or known.get(ended, f"It ended its Python process ({ended})."))
        raise Died(self.deaths[-1])


def probe() -> str:
    """Start a sandbox; return nothing, or one sentence on why it failed and what to do."""
    try:
        with contextlib.closing(Sandbox()) as sandbox:
            sandbox.fork().close()
    except SandboxError as error:
        if "bwrap: No such file" in str(error):
            return (
                "bubblewrap is not installed, so students' code cannot be kept apart from yours: "
                "install the package bubblewrap, or grade on a Linux machine that has it."
            )
        return (
            f"No sandbox could be started for students' code ({error}): allow bubblewrap to use "
            "user namespaces, as the page for instructors says, or grade on another machine."
        )
    return ""


def _visible() -> list[str]:
    """Return the folders a student's code may read, besides the system."""
    paths = {sys.prefix, sys.base_prefix, sys.exec_prefix, str(LIBRARY)}
    assets = LIBRARY.parent / "assets"
    paths |= {str(assets)} if assets.is_dir() else set()
    return sorted(path for path in paths if Path(path).parts[:2] != ("/", "usr"))


def _closing() -> list[str]:
    """Return what forbids further user namespaces, where bubblewrap can (0.8 and newer).

    ``seccomp`` refuses them to every student's process as well.
    """
    word = "--disable-userns"
    with contextlib.suppress(OSError):  # whoever starts the sandbox hears of it
        known = subprocess.run(["bwrap", "--help"], capture_output=True, text=True)
        return [word] if word in known.stdout + known.stderr else []
    return []


def _bubblewrap(hide) -> list[str]:
    """Return the command that starts a program in the outer sandbox."""
    command = ["bwrap", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
    command += ["--unshare-cgroup-try", "--new-session", "--hostname", "sandbox"]
    command += ["--cap-drop", "ALL", "--cap-add", "CAP_SYS_ADMIN"]
    if os.geteuid() == 0:  # the children become another user
        command += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add", "CAP_KILL"]
    else:
        command += ["--unshare-user", *_closing()]
    command += ["--ro-bind", "/usr", "/usr", "--proc", "/proc", "--dev", "/dev"]
    for path in ("/bin", "/sbin", "/lib", "/lib32", "/lib64"):
        if os.path.islink(path):
            command += ["--symlink", os.readlink(path), path]
        elif os.path.isdir(path):
            command += ["--ro-bind", path, path]
    for path in ("/etc/ld.so.cache", "/etc/localtime", "/etc/alternatives", "/etc/fonts"):
        command += ["--ro-bind-try", path, path]
    command += ["--tmpfs", "/tmp", "--tmpfs", HOME]
    for path in _visible():
        for folder in reversed(Path(path).parents[:-1]):  # bubblewrap's own would be closed
            command += ["--dir", str(folder)]
        command += ["--ro-bind", os.path.realpath(path), path]
    for path in hide:
        command += ["--tmpfs", os.path.realpath(path)]
    return [*command, "--remount-ro", "/", "--remount-ro", "/dev", "--chdir", HOME]
