"""What a student's code can do to others: nothing; and to itself: no more than is fair."""
# ruff: noqa: E501 (what students write stands on one line)

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

import arena
import small_quiz
from course_lib.grading import sandbox, seccomp, wire
from course_lib.grading.grade import Grader
from course_lib.grading.sandbox import Died, Limits, Sandbox, SandboxError, Student

LIMITS = Limits(cell=3, call=1, test=4, total=60, memory=200 << 20, files=4 << 20, processes=12)
SECRET = "the secret of a classmate"


@pytest.fixture(scope="module")
def grader(tmp_path_factory):
    with Grader(small_quiz.source(tmp_path_factory.mktemp("quiz")), limits=LIMITS) as grader:
        yield grader


@pytest.fixture(scope="module")
def room():
    with closing(Sandbox(limits=LIMITS)) as room:
        yield room


@pytest.fixture
def student(room):
    with closing(Student(room)) as student:
        yield student


def shown(student, source: str) -> str:
    """Run a cell; return its text."""
    return "".join(o.get("text", "") + o.get("evalue", "") for o in student.run(source))


def test_a_sandbox_can_be_started_here():
    assert sandbox.probe() == ""


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("os.getuid() > 1000", "True"),
        ("os.listdir('/tmp')", "[]"),
        ("os.listdir('/proc')", "[]"),
        ("os.listdir(os.environ['HOME'])", "[]"),
        ("sorted(set(os.environ) - ALLOWED)", "[]"),
        ("os.path.exists('/etc/passwd')", "False"),
        ("os.getppid()", "1"),
        ("socket.gethostname()", "'sandbox'"),
    ],
)
def test_a_student_sees_an_empty_room(student, expression, expected):
    allowed = {*sandbox.ENVIRONMENT, "PWD", "COLUMNS", "LINES"}
    shown(student, f"import os, socket\nALLOWED = {allowed}")
    if expression == "os.listdir('/tmp')":  # the environment may lie below /tmp itself
        below = {Path(p).parts[2] for p in sandbox._visible() if p.startswith("/tmp/")}
        expected = repr(sorted(below))
    assert shown(student, f"print(repr({expression}))") == expected + "\n"


@pytest.mark.parametrize(
    "attempt",
    [
        "socket.create_connection(('1.1.1.1', 53), 2)",
        "open('/usr/x', 'w')",
        "open('/x', 'w')",
        "open('/dev/x', 'w')",
        "open(os.path.dirname(sys.executable) + '/x', 'w')",
        "open(os.path.dirname(course_lib.__file__) + '/x', 'w')",
        "os.setuid(0)",
        "os.kill(1, 9) or os.kill(1, 0) or time.sleep(0.2) or open('/x', 'w')",
        "os.mknod('/tmp/x', 0o600 | 0o020000, os.makedev(1, 1))",
        "must('mount', b'none', b'/tmp', b'tmpfs', 0, None)",
        "must('umount2', b'/proc', 2)",
        "must('unshare', 0x10000000)",
        "must('syscall', 56, 0x10000011, 0, 0, 0, 0)",
        "must('syscall', 435, 0, 0)",
        "must('memfd_create', b'x', 0)",
        "must('ptrace', 16, 1, None, None)",
        "must('setns', os.open('/', os.O_RDONLY), 0)",
        "os.chroot('/tmp')",
    ],
)
def test_a_student_cannot(student, attempt):
    shown(
        student,
        "import ctypes, course_lib, os, socket, sys, time\n"
        "def must(call, *arguments):\n"
        "    if getattr(ctypes.CDLL(None, use_errno=True), call)(*arguments) == -1:\n"
        "        raise OSError(ctypes.get_errno())",
    )
    result = student.run(attempt)
    assert [o["ename"] for o in result if o["output_type"] == "error"], result


def test_a_student_can_use_files_processes_and_threads(student):
    assert shown(student, "open('/tmp/x', 'w').write('1')\nopen('x', 'w').write('2')") == ""
    assert shown(student, "print(open('/tmp/x').read() + open('x').read())") == "12\n"
    assert "12" in shown(student, "!cat /tmp/x x")
    assert shown(student, "import threading\nprint(threading.Thread(target=print).start())") != ""
    pool = "from multiprocessing import Pool\nwith Pool(2) as pool: print(pool.map(abs, [-1, -2]))"
    assert shown(student, pool) == "[1, 2]\n"


def test_nothing_that_a_student_leaves_behind_reaches_the_next(room):
    leave = """
import os, subprocess, time
for place in ("/tmp", "/dev/shm", os.getcwd(), "/dev", "/var/tmp", "/run"):
    try:
        open(place + "/left", "w").write("x")
    except OSError:
        pass
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True:
            time.sleep(0.1)
"""
    look = "import os\nprint([p for p in ('/tmp', '/dev/shm', '.', '/dev') if os.path.exists(p + '/left')])"
    before = processes()
    with closing(Student(room)) as first:
        shown(first, leave)
        assert len(processes() - before) >= 2
    assert processes() - before == set()
    with closing(Student(room)) as second:
        assert shown(second, look) == "[]\n"


def processes() -> set[str]:
    """Return the processes of this sandbox: those that run the student's program."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"course_lib.grading.student" in path.read_bytes() and descends(path.parent.name):
                found.add(path.parent.name)
        except OSError:
            continue
    return found


def descends(process: str) -> bool:
    """Return whether a process was started by this one, at however many removes."""
    while process not in ("0", "1"):
        if process == str(os.getpid()):
            return True
        try:
            status = Path(f"/proc/{process}/stat").read_text()
        except OSError:
            return False
        process = status.rpartition(")")[2].split()[1]
    return False


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import os; os._exit(0)", "exit 0"),
        ("import os; os.kill(os.getpid(), 9)", "exit 9"),
        ("import ctypes; ctypes.string_at(0)", "exit 11"),
        ("while True: pass", "more than 3 seconds"),
        ("import os\nwhile True: os.fork()", "processes"),
        (
            "import os; os.write(3, b'\\0\\0\\0\\x02{}' * 9); [os.write(n, b'xxxxxxxx') for n in range(3, 20)]",
            "",
        ),
        ("import os; [os.close(n) for n in range(3, 20)]", ""),
        (
            "import os, time\nfor n in range(40):\n    for f in range(3, 9):\n        try: os.write(f, b'\\0\\0\\1\\0' if n == 0 else b'x')\n        except OSError: pass\n    time.sleep(0.2)",
            "more than 3 seconds",
        ),
    ],
)
def test_a_student_who_stops_the_process_is_told_so_and_can_go_on(student, code, why):
    student.run("kept = 5")
    with pytest.raises(Died, match=why) if why else contextlib.suppress(Died):
        student.run(code)
    for _ in range(2):  # a forged reply may still lie in the channel
        try:
            if shown(student, "print(kept)") == "5\n":
                break
        except Died:
            continue
    assert shown(student, "print(kept)") == "5\n"


def test_memory_is_limited_for_one_process_and_for_many_together(student):
    assert "MemoryError" in str(student.run("x = bytearray(10 << 30)"))
    hog = "import os, time\nfor _ in range(2): os.fork()\nx = b'1' * (90 << 20)\ntime.sleep(2)"
    with pytest.raises(Died, match="more than 200 MB of memory"):
        student.run(hog)


def test_files_are_limited(student):
    full = student.run("open('/tmp/x', 'wb').write(b'1' * (5 << 20))")
    assert "OSError" in str(full)


def test_output_is_limited(student):
    outputs = student.run("for _ in range(50): print('x' * 100_000)")
    assert len(str(outputs)) < 700_000
    assert "shows too much" in outputs[-1]["text"]


def test_a_message_that_never_ends_is_cut_off(student):
    flood = "import os, struct\nwhile True:\n    for n in range(3, 9):\n        try: os.write(n, struct.pack('>I', 1 << 31))\n        except OSError: pass"
    with pytest.raises(Died):
        student.run(flood)


def test_a_killed_grader_leaves_no_process():
    program = (
        "import sys, time\nfrom course_lib.grading.sandbox import Sandbox, Student\n"
        "student = Student(Sandbox())\n"
        "student.run('import os; os.fork()')\nprint('up', flush=True)\nstudent.run('while True: pass')"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as victim:
        victim.stdout.readline()
        mine = [p for p in Path("/proc").glob("[0-9]*") if p.name.isdigit()]
        below = {p.name for p in mine if ancestors(p.name) & {str(victim.pid)}}
        assert len(below) >= 4
        victim.kill()
    for _ in range(100):
        if not any(Path(f"/proc/{pid}").exists() for pid in below):
            break
        time.sleep(0.05)
    assert [pid for pid in below if Path(f"/proc/{pid}").exists()] == []


def ancestors(process: str) -> set[str]:
    found = set()
    while process := above(process):
        found.add(process)
    return found


def above(process: str) -> str:
    """The parent of a process; nothing if it has gone."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1]
    return ""


def test_a_sandbox_that_was_lost_is_started_again(room):
    room._process.kill()
    with closing(Student(room)) as student:
        assert shown(student, "print(1)") == "1\n"


def test_a_program_killed_beside_its_child_is_missed_at_once():
    def child(parent):
        return next(p.name for p in Path("/proc").glob("[0-9]*") if above(p.name) == parent)

    with closing(Sandbox(limits=LIMITS)) as room, room.fork():
        program = child(child(str(room._process.pid)))  # bubblewrap, its first process, ours
        os.kill(int(program), signal.SIGKILL)
        with pytest.raises(SandboxError, match="ended from outside"):  # and not: timed out
            room.stop()


def test_without_bubblewrap_the_path_is_the_same():
    with closing(Sandbox("none", LIMITS)) as room, closing(Student(room)) as student:
        assert shown(student, "print(6 * 7)") == "42\n"
        assert "OSError" in str(student.run("open('x', 'wb').write(b'1' * (5 << 20))"))
        with pytest.raises(Died, match="exit 3"):
            student.run("import os; os._exit(3)")
        assert wire.decode(student.ask(wire.encode(("names", ["nothing"])))) == ("value", {})


def test_a_sandbox_that_cannot_start_says_why(monkeypatch):
    monkeypatch.setattr(sandbox, "_bubblewrap", lambda *_: ["bwrap", "--no-such-option"])
    assert "no-such-option" in sandbox.probe()
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(sandbox, "_bubblewrap", lambda *_: ["bwrap-is-not-here"])
    assert sandbox.probe()


#: bubblewrap before 0.8, as Ubuntu 22.04 has it.
OLD = """#!/bin/sh
case "$*" in *--disable-userns*) echo "bwrap: Unknown option --disable-userns" >&2; exit 1; esac
case "$*" in --help) /usr/bin/bwrap --help | grep -v -- -userns; exit; esac
exec /usr/bin/bwrap "$@"
"""


@pytest.mark.parametrize("old", [True, False])
def test_an_ordinary_user_can_grade_with_an_old_bubblewrap_and_a_new_one(
    tmp_path, monkeypatch, old
):
    for name in ("class", "home"):
        (tmp_path / name).mkdir()
    if old:
        (tmp_path / "class" / "bwrap").write_text(OLD)
        (tmp_path / "class" / "bwrap").chmod(0o755)
        path = "/class:" + arena.ENVIRONMENT["PATH"]
        monkeypatch.setitem(arena.ENVIRONMENT, "PATH", path)
    look = "import os; from course_lib.grading import sandbox as s; print(os.getuid(), s._closing(), s.probe())"
    report = arena.run(tmp_path, [(sys.executable, "-P", "-c", look)])
    uid, _, rest = report.log.strip().partition(" ")
    assert uid != "0"
    assert rest.strip() == ("[]" if old else "['--disable-userns']")


def test_the_numbers_of_the_refused_calls_are_those_of_libseccomp():
    number = ctypes.CDLL("libseccomp.so.2").seccomp_syscall_resolve_name_arch
    number.argtypes = ctypes.c_uint32, ctypes.c_char_p
    for machine, (kind, calls) in seccomp.MACHINES.items():
        known = {name: number(kind, name.encode()) for name in [*seccomp.NAMES, "clone", "clone3"]}
        assert dict(zip(seccomp.NAMES, calls, strict=True)).items() <= known.items()
        assert (known["clone"], known["clone3"]) == (seccomp.CLONE[machine], seccomp.CLONE3)
