"""The program inside the sandbox: runs a student's cells and answers what the judge asks.

Nothing here is trusted: the student's code shares this process and may change all of it. It
exists to be honest about honest work. What protects the others is outside: the namespaces and
limits set here before any student's code runs, ``wire``, and the judge in another process.
"""

from __future__ import annotations

import contextlib
import ctypes
import inspect
import io
import os
import tempfile

from course_lib.grading import seccomp, warm, wire
from course_lib.grading.cells import Shell

# From <sched.h>, <sys/mount.h> and <sys/prctl.h>: Python 3.11 has no os.unshare.
NEWNS, NEWUTS, NEWIPC, NEWPID = 0x00020000, 0x04000000, 0x08000000, 0x20000000
NOSUID, NODEV, RDONLY, BIND, REC, PRIVATE = 2, 4, 1, 4096, 16384, 1 << 18
DUMPABLE, SUBREAPER, NO_NEW_PRIVS = 4, 36, 38
LIBC = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Serve the grader until it goes away."""
    warm.serve(ready, work, fork)


def ready(settings: dict) -> None:
    """Import what the quiz imports, and run its own cells once, so that caches are filled."""
    if settings["isolated"]:
        _must("prctl", SUBREAPER, 1, 0, 0, 0)
    Shell.quiet().rehearse(settings["rehearse"])


def fork(run, settings: dict) -> int:
    """Fork a child into namespaces of its own: processes, mounts, shared memory, host name.

    The child is the second process of its namespace. The first waits for it and then ends,
    upon which the kernel ends everything else in there. Returns the id of the first.
    """
    if not settings["isolated"]:
        return warm.plain(run, settings)
    reader, writer = os.pipe()
    opener = os.fork()
    if not opener:
        try:
            os.close(reader)
            _must("unshare", NEWNS | NEWUTS | NEWIPC | NEWPID)
            first = os.fork()
            if first:
                os.write(writer, f"{first} ".encode())
                os._exit(0)
            _furnish(settings)
            _drop(settings["user"])
            os.close(writer)
            student = os.fork()
            if not student:
                os.setsid()  # else a signal to its process group would reach the grader
                seccomp.refuse()
                run()
            _wait_for(student)
        except OSError as error:
            os.write(writer, str(error).encode())
        finally:
            os._exit(1)
    os.close(writer)
    os.waitpid(opener, 0)
    with os.fdopen(reader) as pipe:
        first, _, trouble = pipe.read().partition(" ")
    if trouble or not first:
        raise OSError(trouble or first or "a process could not be isolated")
    return int(first)


def _wait_for(student: int) -> None:
    """Be the first process of the namespace: collect orphans, and end when the student does."""
    _must("prctl", DUMPABLE, 0, 0, 0, 0)  # so that nobody in here can take it over
    os.closerange(0, os.sysconf("SC_OPEN_MAX"))
    while True:
        ended, status = os.wait()
        if ended == student:
            os._exit(abs(os.waitstatus_to_exitcode(status)))


def _furnish(settings: dict) -> None:
    """Give this mount namespace empty folders of its own, and cover /proc."""
    _mount("none", "/", "", REC | PRIVATE)
    for place in settings["private"]:
        below = [path for path in settings["visible"] if path.startswith(place + "/")]
        handles = {path: os.open(path, os.O_PATH) for path in below}
        _mount("tmpfs", place, "tmpfs", NOSUID | NODEV, f"size={settings['files']},mode=1777")
        for path, handle in handles.items():  # the environment may lie below /tmp
            os.makedirs(path)
            _mount(f"/proc/self/fd/{handle}", path, "", BIND | REC)
    _mount("tmpfs", "/proc", "tmpfs", NOSUID | NODEV | RDONLY, "size=4096")
    os.chdir(settings["home"])


def _drop(uid: int) -> None:
    """Give up every privilege for good."""
    _must("prctl", NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    _must("capset", header, (ctypes.c_uint32 * 6)())


def _mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    texts = [text.encode() for text in (source, target, kind)]
    _must("mount", *texts, ctypes.c_ulong(flags), options.encode())


def _must(call: str, *arguments) -> None:
    """Call the C library; raise OSError if it refuses."""
    if getattr(LIBC, call)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")


def work(channel) -> None:
    """Answer requests until the grader closes the channel."""
    desk, me = _Desk(), os.getpid()
    os.environ["HOME"] = tempfile.mkdtemp(dir=os.environ["HOME"])
    os.chdir(os.environ["HOME"])
    while True:
        try:
            request = wire.decode(wire.receive(channel), desk.recall)
            reply = ("value", desk.answer(*request))
        except EOFError:
            return
        except BaseException as error:
            reply = ("raised", type(error).__name__, str(error)[:2000])
        if os.getpid() != me:  # a copy that a cell forked and forgot
            os._exit(0)
        wire.send(channel, wire.encode(reply))


class _Desk:
    """What one student's code has made, and the references under which the judge knows it."""

    def __init__(self):
        self.shell, self.known = Shell.instance(), []

    def answer(self, kind: str, what, *rest):
        """Return the answer to a request: run a cell, look up names, call, read an attribute."""
        names = self.shell.user_ns
        if kind == "run":
            return self.shell.run(what)[0]
        if kind == "names":
            return {name: self.value_of(names[name]) for name in what if name in names}
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            if kind == "call":
                return self.value_of(what(*rest[0], **rest[1]))
            return self.value_of(getattr(what, *rest))

    def value_of(self, thing: object) -> str:
        """Return a value for the judge, each on its own: one that is too large costs no other."""
        try:
            return wire.encode(thing, self.refer).decode()
        except (wire.WireError, RecursionError) as error:
            name = f"{type(thing).__name__} ({error})"
            return wire.encode(wire.Reference(-1, "object", name)).decode()

    def refer(self, thing: object) -> wire.Reference:
        """Keep something that is no plain data, and return what stands for it."""
        self.known.append(thing)
        named = inspect.isroutine(thing) or inspect.isclass(thing)
        name = thing.__name__ if named else type(thing).__name__
        kind = "function" if callable(thing) else "object"
        return wire.Reference(len(self.known) - 1, kind, str(name))

    def recall(self, handle: int, *_) -> object:
        """Return what a reference stands for; it is gone if this process replaced another."""
        if handle < 0:
            raise LookupError("this was too large to be kept")
        return self.known[handle]


if __name__ == "__main__":
    main()
