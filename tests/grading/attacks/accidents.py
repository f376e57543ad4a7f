"""What happens to honest students: every answer is right, or all but one."""

import json

from . import attack, code

#: Each keeps its right answers; a fair grader gives them all.
HARMLESS = (
    ("warning", "a warning on the error stream", "import warnings\nwarnings.warn('deprecated')"),
    ("stderr", "words on the error stream", "import sys\nprint('note to self', file=sys.stderr)"),
    ("logging", "a log message", "import logging\nlogging.warning('read the table twice')"),
    ("warning_later", "a warning whenever the answer is looked at", """
import warnings
warnings.simplefilter("always")
class Careful(float):
    def __float__(self):
        warnings.warn("rounded")
        return float.__add__(self, 0.0)
answer_1 = Careful(answer_1)"""),
    ("thread_stderr", "a thread that writes on the error stream now and then", """
import sys, threading, time
def chatter():
    for _ in range(200):
        print("still here", file=sys.stderr)
        time.sleep(0.05)
threading.Thread(target=chatter, daemon=True).start()"""),
    ("thread_dies", "a thread that dies with an error during the checks", """
import threading, time
def late():
    time.sleep(0.4)
    raise ValueError("in the background")
for _ in range(5):
    threading.Thread(target=late).start()"""),
    ("thread_stays", "a thread that never ends", "import threading, time\nthreading.Thread(target=time.sleep, args=(1000,)).start()"),
    ("unawaited", "a coroutine that was never awaited", "import asyncio\nasyncio.sleep(1)"),
    ("top_level_await", "await outside a function", "import asyncio\nawait asyncio.sleep(0.01)"),
    ("magics", "magics and a shell command", "%matplotlib --list\n%timeit -n1 -r1 1 + 1\n!echo hello\n%pwd"),
    ("question_mark", "a question to the notebook", "print?\nlen??"),
    ("pip", "an installation, which has no network", "%pip install --no-input tabulate"),
    ("shadowed_names", "names of built-ins used for one's own numbers", "abs = 5\nset = {2}\nmax = min = 3\nisinstance = 4\nbool = 1"),
    ("shadowed_course", "names of the course used for one's own numbers", "answers = Patient = None\nsimulate = lambda *a: None"),
    ("names_of_test", "names that the test also uses", "given_1 = millimetres_1 = tumours_1 = sizes_1 = gains_1 = None"),
    ("deleted_numpy", "numpy's name deleted", "saved = np\ndel np\nnp = saved"),
    ("random_seed", "the random numbers seeded", "import random\nrandom.seed(1)\nnp.random.seed(1)"),
    ("own_files", "a file written and read", "open('mine.txt', 'w').write('7')\nassert open('mine.txt').read() == '7'"),
    ("temp_files", "a temporary file", "import tempfile\nwith tempfile.NamedTemporaryFile('w') as f:\n    f.write('x')"),
    ("much_output", "a long table printed", "for n in range(20_000):\n    print(n, n * n)"),
    ("plot", "a plot of one's own", "import plotly.graph_objects as go\ndisplay(go.Figure(go.Scatter(y=[1, 2])))"),
    ("unicode", "letters of many scripts", "größe, 量, π = 1, 2, 3\nprint('Größe 量 π 🧬')"),
    ("slow", "ten seconds of work", "import time\ntime.sleep(10)"),
    ("sub_process", "a process of its own", "import subprocess, sys\nprint(subprocess.run([sys.executable, '-c', 'print(1)'], capture_output=True).stdout)"),
    ("process_pool", "two processes of its own", "from concurrent.futures import ThreadPoolExecutor\nprint(list(ThreadPoolExecutor(2).map(abs, [-1, -2])))"),
    ("numpy_types", "numbers of numpy", "answer_1 = np.float32(answer_1)"),
    ("changed_directory", "another folder entered", "import os\nos.chdir('/tmp')"),
    ("patched_print", "print replaced", "import builtins\nprint = lambda *a, **k: None"),
    ("numpy_errors", "numpy told to raise for every rounding", "np.seterr(all='raise')"),
    ("warnings_raise", "warnings told to raise", "import warnings\nwarnings.simplefilter('error')"),
    ("recursion_limit", "a low limit for recursion", "import sys\nsys.setrecursionlimit(150)"),
    ("last_value", "a value shown at the end", "answer_1"),
    ("memory_300", "300 MB of memory", "table = np.ones(37_500_000)\nprint(table.sum())"),
)  # fmt: skip
for name, says, source in HARMLESS:
    code(f"honest_{name}", "honest", says, source, fair=10, honest=True)

#: Each spoils the first question, which is worth 2 points, and no other.
COSTLY = (
    ("error", "an error in one answer", "1 / 0\n", (8, 10)),
    ("name_error", "a name that does not exist", "answer_1 = undefined_name", (8, 10)),
    ("syntax", "an answer that is no Python", "answer_1 = (", 8),
    ("none", "an answer left out", "answer_1 = None", 8),
    ("deleted", "an answer deleted", "del answer_1", 8),
    ("exit", "exit() at the end of an answer", "exit()", (8, 10)),
    ("sys_exit", "sys.exit() at the end of an answer", "import sys\nsys.exit()", (8, 10)),
    ("os_exit", "the process ended in one answer", "import os\nos._exit(0)", (8, 10)),
    ("segfault", "a crash in one answer", "import ctypes\nctypes.string_at(0)", (8, 10)),
    ("abort", "an abort in one answer", "import os\nos.abort()", (8, 10)),
    ("endless", "an endless loop in one answer", "while True:\n    pass", (8, 10)),
    ("endless_sleep", "a sleep without end", "import time\ntime.sleep(100_000)", (8, 10)),
    ("endless_c", "an endless loop that no signal of Python interrupts", "'a' * 40 + 'b'\nimport re\nre.match(r'(a+)+$', 'a' * 40 + 'b')", (8, 10)),
    ("recursion", "endless recursion", "def f():\n    return f()\nf()", (8, 10)),
    ("stack", "endless recursion below Python", "import sys\nsys.setrecursionlimit(10**9)\ndef f(x):\n    return f([x])\nf(1)", (8, 10)),
    ("memory", "far too large an array", "x = np.ones((200_000, 200_000)) * 1.5", (8, 10)),
    ("input", "a question to a person who is not there", "answer_1 = input('mm?')", (8, 10)),
    ("debugger", "a debugger left in", "import pdb\npdb.set_trace()", (8, 10)),
    ("interrupt", "an interrupt raised", "raise KeyboardInterrupt", (8, 10)),
    ("closed_stdout", "the output stream closed", "import sys\nsys.stdout.close()", (8, 10)),
    ("reset", "all names reset", "%reset -f", (6, 10)),
    ("exit_at_exit", "an exit function that ends badly", "import atexit, os\natexit.register(lambda: os._exit(3))", 10),
)  # fmt: skip
for name, says, source, fair in COSTLY:
    code(
        f"honest_{name}",
        "honest, one question lost",
        says,
        source,
        fair=fair if isinstance(fair, tuple) else (fair, fair),
        honest=True,
    )

# --- cells moved, lost, copied ------------------------------------------------------------------


def honest(says, fair=10, **more):
    return attack("honest, cells", says, fair=fair, honest=True, **more)


@honest("all cells in reverse order")
def cells_reversed(sub):
    sub.notebook.cells.reverse()


@honest("two questions exchanged")
def questions_exchanged(sub):
    cells = sub.notebook.cells
    sub.notebook.cells = cells[:2] + cells[10:13] + cells[2:10] + cells[13:]


@honest("an answer cell moved to the end")
def answer_moved(sub):
    sub.notebook.cells.append(
        sub.notebook.cells.pop(sub.notebook.cells.index(sub.cell("_4_answer")))
    )


@honest("the set-up cell deleted")
def setup_deleted(sub):
    sub.notebook.cells.remove(sub.cell("_setup"))


@honest("a test cell deleted")
def test_deleted(sub):
    sub.notebook.cells.remove(sub.cell("_1_test"))


@honest("an answer cell deleted", fair=8)
def answer_deleted(sub):
    sub.notebook.cells.remove(sub.cell("_1_answer"))


@honest("an answer worked out in an extra cell")
def extra_cell(sub):
    sub.insert("_4_answer", "helper = 'c'", before=True)
    sub.cell("_4_answer").source = "answer_4 = helper"


@honest("an answer given in an extra cell after the answer cell")
def extra_cell_after(sub):
    sub.cell("_4_answer").source = "answer_4 = None"
    sub.insert("_4_answer", "answer_4 = 'c'")


@honest("an answer cell pasted twice, the first one empty", fair=(9, 10))
def answer_pasted(sub):
    sub.duplicate("_4_answer")
    sub.cell("_4_answer").source = "answer_4 = None"


@honest("a test cell pasted twice")
def test_pasted(sub):
    sub.duplicate("_1_test")


@honest("a test cell changed while trying")
def test_changed(sub):
    sub.cell("_1_test").source += "\nassert False"


@honest("the set-up cell changed while trying")
def setup_changed(sub):
    sub.cell("_setup").source = "import nothing_like_this"


@honest("an answer cell split in two, as the notebook menu does")
def answer_split(sub):
    lines = sub.cell("_6_answer").source.splitlines()
    sub.cell("_6_answer").source = lines[0]
    sub.insert("_6_answer", "\n".join(lines[1:]))


@honest("an answer cell turned into Markdown", fair=(9, 10))
def answer_as_markdown(sub):
    cell = sub.cell("_4_answer")
    cell.cell_type = "markdown"
    del cell["outputs"], cell["execution_count"]


@honest("another kernel's name, as editors write")
def kernel_renamed(sub):
    sub.notebook.metadata.kernelspec = {"name": "my-venv", "display_name": "venv (Python 3.13)"}
    sub.notebook.metadata.vscode = {"interpreter": {"hash": "x"}}


@honest("a notebook saved by an older Jupyter, without cell ids")
def older_format(sub):
    sub.notebook.nbformat_minor = 2
    for cell in sub.notebook.cells:
        del cell["id"]


@honest("new cell ids and an editor's own metadata")
def editor_metadata(sub):
    for number, cell in enumerate(sub.notebook.cells):
        cell.id = f"colab{number}"
        cell.metadata.update(
            id=f"c{number}", colab={"base_uri": "https://example.org"}, outputId="x"
        )


@honest("a notebook with a byte order mark and Windows line ends")
def byte_order_mark(sub):
    for cell in sub.notebook.cells:
        cell.source = cell.source.replace("\n", "\r\n")
    sub.text = b"\xef\xbb\xbf" + json.dumps(sub.notebook, indent=1).encode()


@honest("sources as lists of lines, outputs of many runs")
def saved_by_jupyter(sub):
    for cell in sub.notebook.cells:
        cell.source = cell.source.splitlines(keepends=True)
        if cell.cell_type == "code":
            cell.execution_count = 99
            cell.outputs = [{"output_type": "stream", "name": "stderr", "text": ["old\n"]}]


@honest("a picture pasted into the written answer")
def picture_pasted(sub):
    cell = sub.cell("_7_answer")
    cell.source += "\n\n![image.png](attachment:image.png)"
    cell["attachments"] = {
        "image.png": {
            "image/png": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
        }
    }


@honest("the notebook handed in untouched", fair=0)
def untouched(sub):
    for cell in sub.notebook.cells:
        if cell.metadata.nbgrader.solution and cell.cell_type == "code":
            cell.source = "# YOUR CODE HERE"
