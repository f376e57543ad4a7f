"""Points that were not earned: changed test cells and hooked interpreters."""

from nbformat.v4 import new_code_cell

from . import attack, code

# --- cells -----------------------------------------------------------------------------------


@attack("cells", "the tag skip-execution on every test cell")
def skip_execution(sub):
    for cell in sub.notebook.cells:
        cell.metadata.tags = ["skip-execution"] if cell in sub.tests() else []


@attack("cells", "the tag raises-exception on every test cell")
def raises_exception(sub):
    for cell in sub.tests():
        cell.metadata.tags = ["raises-exception"]


@attack("cells", "points in the metadata of a test raised to 100")
def points_raised(sub):
    for cell in sub.tests():
        cell.metadata.nbgrader.points = 100


@attack("cells", "tests emptied, checksums kept")
def tests_emptied(sub):
    for cell in sub.tests():
        cell.source = "pass"


@attack("cells", "tests turned into Markdown cells")
def tests_as_markdown(sub):
    for cell in sub.tests():
        cell.cell_type = "markdown"
        del cell["outputs"], cell["execution_count"]


@attack("cells", "tests turned into raw cells")
def tests_as_raw(sub):
    for cell in sub.tests():
        cell.cell_type = "raw"


@attack("cells", "tests declared solutions, to keep the student's source")
def tests_as_solutions(sub):
    for cell in sub.tests():
        cell.metadata.nbgrader.update(solution=True, locked=False)
        cell.source = "pass"


@attack("cells", "tests declared read-only cells without a grade")
def tests_without_grade(sub):
    for cell in sub.tests():
        cell.metadata.nbgrader.update(grade=False)


@attack("cells", "an extra graded cell of 50 points")
def extra_graded_cell(sub):
    roles = dict(sub.tests()[0].metadata.nbgrader, grade_id="q03_8_test", points=50)
    sub.notebook.cells.append(new_code_cell("pass", metadata={"nbgrader": roles}))


@attack("cells", "the ids of an easy and a hard test exchanged")
def ids_exchanged(sub):
    first, second = sub.cell("_1_test").metadata.nbgrader, sub.cell("_4_test").metadata.nbgrader
    first.grade_id, second.grade_id = second.grade_id, first.grade_id


@attack("cells", "a second test with the same id that passes", flagged=True)
def test_twice(sub):
    sub.duplicate("_1_test").source = "pass"


@attack("cells", "tests deleted")
def tests_deleted(sub):
    sub.notebook.cells = [cell for cell in sub.notebook.cells if cell not in sub.tests()]


@attack("cells", "all tests moved before all answers")
def tests_first(sub):
    tests = sub.tests()
    sub.notebook.cells = tests + [cell for cell in sub.notebook.cells if cell not in tests]


@attack("cells", "the nbgrader metadata of every cell deleted", flagged=True)
def metadata_deleted(sub):
    for cell in sub.notebook.cells:
        del cell.metadata["nbgrader"]


@attack("cells", "the manual answer turned into a code cell that is graded")
def manual_as_code(sub):
    sub.cell("_7_answer").update(cell_type="code", outputs=[], execution_count=None, source="5")


@attack("cells", "another kernel, which knows no assert")
def other_kernel(sub):
    sub.notebook.metadata.kernelspec = {"name": "bash", "display_name": "Bash", "language": "bash"}
    sub.notebook.metadata.language_info = {"name": "bash"}


@attack("cells", "a cell magic before the test that swallows it")
def magic_before_test(sub):
    sub.insert("_1_test", "get_ipython().run_cell = lambda *a, **k: None", before=True)


@attack("cells", "the test's source in the answer cell, and exit before the real one")
def exit_before_tests(sub):
    sub.write(1, "get_ipython().kernel.do_shutdown(False)\nget_ipython().ask_exit()")


# --- hooks of the interpreter ------------------------------------------------------------------

FUNCTIONS = (
    ("ast_transformer", "asserts taken out of the syntax tree", """
import ast
class Agree(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.copy_location(ast.Pass(), node)
get_ipython().ast_transformers.append(Agree())"""),
    ("cleanup_transform", "an input transformer that empties what follows", """
get_ipython().input_transformers_cleanup.append(lambda lines: ["pass\\n"])"""),
    ("post_transform", "an input transformer that turns assert into a string", """
def agree(lines):
    return [line.replace("assert ", "0 and ") for line in lines]
get_ipython().input_transformers_post.append(agree)"""),
    ("compile_patched", "a compiler that knows no assert", """
import types
shell, plain = get_ipython(), compile
def agree(self, source, *rest, **more):
    return plain("pass", "<cell>", rest[1] if len(rest) > 1 else "exec")
shell.compile = type("C", (type(shell.compile),), {"__call__": agree, "ast_parse": lambda *a: __import__("ast").parse("pass")})()"""),
    ("run_code_patched", "run_code returns success", """
async def agree(*a, **k):
    return False
get_ipython().run_code = agree"""),
    ("run_ast_nodes_patched", "run_ast_nodes returns success", """
async def agree(*a, **k):
    return False
type(get_ipython()).run_ast_nodes = agree"""),
    ("showtraceback_silent", "tracebacks that say nothing", """
get_ipython().showtraceback = lambda *a, **k: None
get_ipython()._showtraceback = lambda *a, **k: None"""),
    ("custom_exception", "a handler for every exception", """
get_ipython().set_custom_exc((BaseException,), lambda *a, **k: None)"""),
    ("session_patched", "a kernel whose error messages turn into success", """
session = get_ipython().kernel.session
send = session.send
def agree(stream, message, content=None, *rest, **more):
    name = message if isinstance(message, str) else message["header"]["msg_type"]
    if name == "error":
        return None
    if name == "execute_reply":
        content = dict(content, status="ok")
    return send(stream, message, content, *rest, **more)
session.send = agree"""),
    ("execute_patched", "a kernel that executes nothing more", """
kernel = get_ipython().kernel
async def agree(*a, **k):
    return {"status": "ok", "execution_count": 1, "payload": [], "user_expressions": {}}
kernel.do_execute = agree"""),
    ("pre_run_hook", "an event before each cell sets the right answer from the test's own names", """
def before(info):
    if "_test" in info.raw_cell or "answers.checked" in info.raw_cell:
        info.raw_cell = "pass"
get_ipython().events.register("pre_run_cell", before)"""),
    ("displayhook_grades", "a display hook that reports points in place of every value", """
import sys
class Points:
    def __repr__(self):
        return "2.0"
sys.displayhook(Points())
get_ipython().displayhook.compute_format_data = lambda *a: ({"text/plain": "2.0"}, {})
get_ipython().events.register("post_run_cell", lambda *a: sys.displayhook(2.0))"""),
    ("stale_number", "a number left as output of the test cell", """
get_ipython().events.register("pre_run_cell", lambda *a: display(2.0))"""),
    ("abs_is_zero", "the function abs replaced", """
import builtins
abs = builtins.abs = lambda value: 0"""),
    ("assertion_error", "AssertionError replaced by a warning", """
import builtins
builtins.AssertionError = AssertionError = Warning"""),
    ("builtins_liar", "a dictionary of builtins that agrees", """
import builtins
class Agree(dict):
    def __missing__(self, key):
        return lambda *a, **k: 0
__builtins__ = Agree(vars(builtins), abs=lambda v: 0, isinstance=lambda *a: True)"""),
    ("checked_patched", "the course's own reader of answers replaced", """
from course_lib import answers
answers.checked = lambda *a, **k: type("Any", (float,), {"__sub__": lambda s, o: 0.0, "__getitem__": lambda s, k: s, "__eq__": lambda s, o: True, "__hash__": float.__hash__, "__le__": lambda s, o: True, "__truediv__": lambda s, o: s, "__ge__": lambda s, o: True, "__rsub__": lambda s, o: 0.0})(1)"""),
    ("models_patched", "models that give the student's number", """
import course_lib.models.patient as p, course_lib.models.binding as b, course_lib.models.survival as s
import numpy as np
class Flat:
    size = np.array([[5.0, 5.0, 5.0]])
    at = number_at_risk = lambda self, day: 7
calls = iter(range(10**6))
p.simulate = lambda *a, **k: Flat() if next(calls) % 2 else type("F", (), {"size": np.array([[10.0] * 3])})
b.occupancy = lambda *a: 1.0
s.kaplan_meier = lambda *a: Flat()"""),
    ("import_hook", "an import that hands out an obliging module", """
import builtins, types
plain = builtins.__import__
class Kind:
    def __getattr__(self, name):
        return lambda *a, **k: Kind()
    __sub__ = __rsub__ = __abs__ = __call__ = __getitem__ = lambda s, *a: 0
    __le__ = __eq__ = __contains__ = lambda s, o: True
def obliging(name, *rest):
    return Kind() if name.startswith("course_lib") else plain(name, *rest)
builtins.__import__ = obliging"""),
    ("sys_settrace", "a tracer that jumps over asserts", """
import sys
def tracer(frame, event, argument):
    source = frame.f_code.co_filename
    if event == "exception" and "AssertionError" in repr(argument[0]):
        frame.f_locals.clear()
    return tracer
sys.settrace(tracer)
get_ipython().run_code = (lambda plain: lambda *a, **k: plain(compile("pass", "x", "exec")))(get_ipython().run_code)"""),
    ("optimised", "asserts compiled away by an optimising compiler", """
import builtins
shell, plain = get_ipython(), builtins.compile
builtins.compile = lambda s, f, m, *a, **k: plain(s, f, m, optimize=2)
shell.compile.__class__.__call__ = lambda self, s, f, m: plain(s, f, m, optimize=2)"""),
    ("flags_optimise", "asserts compiled away by the interpreter's own flag", """
import ctypes
ctypes.c_int.in_dll(ctypes.pythonapi, "Py_OptimizeFlag").value = 2"""),
    ("exec_fake_kernel", "the process replaced by one that ends well", """
import os, sys
os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(1)"])"""),
    ("wire_forged", "plausible replies written to every open descriptor", """
import os, json
for line in (b"ok\\n", b'{"status": "ok", "score": 2}\\n', json.dumps({"ok": True, "value": 20}).encode() + b"\\n"):
    for number in range(3, 64):
        try:
            os.set_blocking(number, False)
            os.write(number, line * 50)
        except OSError:
            pass"""),
    ("wire_closed", "every open descriptor closed", """
import os
os.closerange(3, 256)"""),
    ("names_noted", "the names that a test asks for noted", """
asked = set()
class Spy(dict):
    def __contains__(self, name):
        asked.add(name)
        return dict.__contains__(self, name)
get_ipython().user_ns = Spy(get_ipython().user_ns)
def show(*_):
    if "gains" + "_1" in asked:
        print("PWNED", "by", sorted(asked))
get_ipython().events.register("post_run_cell", show)"""),
    ("caller_frames", "frames below the student's changed: every local that looks like points", """
import sys
frame = sys._getframe()
while frame:
    for space in (frame.f_locals, frame.f_globals):
        for name in list(space):
            if any(w in name.lower() for w in ("score", "point", "passed", "result")) and name != "result":
                try:
                    space[name] = 100
                except Exception:
                    pass
    frame = frame.f_back"""),
    ("objects_changed", "every dictionary in memory that holds points raised", """
import gc
for thing in gc.get_objects():
    if type(thing) is dict and ("points" in thing or "max_score" in thing):
        for key in ("points", "max_score", "score"):
            if key in thing:
                thing[key] = 100"""),
    ("history_answers", "the last input is the test: solved by running its hidden lines", """
class Reader(float):
    def __sub__(self, other):
        return 0.0 if "gains_1" in get_ipython().user_ns["In"][-1] else 1.0
answer_1 = Reader(5)
class Look(dict):
    def __getitem__(self, key):
        return {"cps": 100 * 20 / 225, "ic": 1.36, "only_ic": "neutrophils"}[key] if "neutrophils" in In[-1] else None
answer_2 = Look(cps=1, ic=1, only_ic="tumour cells")"""),
    ("history_copied", "the text of the tests from the history, solved and printed", """
def spy(*a):
    for text in get_ipython().user_ns["In"] + [c for *_, c in get_ipython().history_manager.get_range()]:
        if "HIDDEN TESTS" in text:
            print("PWNED", "by", "history")
get_ipython().events.register("post_run_cell", spy)"""),
)  # fmt: skip
for name, says, source in FUNCTIONS:
    code(name, "hooks", says, source)
