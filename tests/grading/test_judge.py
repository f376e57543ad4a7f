"""Points are what the instructor's tests say about the student's values, and nothing else."""
# ruff: noqa: E501 (what students write stands on one line)

import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell
from nbgrader import utils

import small_quiz
from course_lib.grading.grade import Grader
from course_lib.grading.judge import bound, plans, used
from course_lib.grading.sandbox import Limits

LIMITS = Limits(cell=2, call=1, test=2, total=60, memory=300 << 20)


@pytest.fixture(scope="module")
def grader(tmp_path_factory):
    with Grader(small_quiz.source(tmp_path_factory.mktemp("quiz")), limits=LIMITS) as grader:
        yield grader


@pytest.fixture
def grade(grader, tmp_path):
    """Return a function that grades right answers but for those given."""
    return lambda edit=None, **answers: grader.grade(
        small_quiz.submitted(tmp_path / "mine", edit, **answers)
    )


@pytest.fixture
def asked(tmp_path):
    """Return a function that grades a quiz with another test for question two."""

    def asked(test: str, answer: str, setup: str = small_quiz.SETUP):
        tests = {**small_quiz.TESTS, "two": test}
        source = small_quiz.source(tmp_path, tests=tests, setup=setup)
        with Grader(source, limits=LIMITS) as grader:
            return grader.grade(small_quiz.submitted(tmp_path / "mine", two=answer))

    return asked


def test_right_answers_earn_all_points_and_a_person_marks_the_words(grade):
    graded = grade()
    assert small_quiz.points(graded) == [2, 2, 2]
    assert graded.scores["words"] == (None, 3)
    assert graded.flags == []


def test_no_judge_sees_two_submissions(grader, tmp_path):
    grader.grade(small_quiz.submitted(tmp_path))
    assert grader._judge._channel is None


def test_the_untouched_release_earns_nothing(grader, tmp_path):
    graded = grader.grade(tmp_path / "missing.ipynb")
    assert small_quiz.points(graded) == [0, 0, 0]
    assert graded.scores["words"] == (0, 3)
    assert [flag.kind for flag in graded.flags] == ["unreadable"]


def test_points_agree_with_nbgrader_on_the_graded_notebook(grade):
    graded = grade(one="answer = 5", three="part = 0.25")
    assert small_quiz.points(graded) == [0, 2, 0.5]
    cells = [c for c in graded.notebook.cells if utils.is_grade(c)]
    assert {c.metadata.nbgrader.grade_id: utils.determine_grade(c) for c in cells} == graded.scores


def test_a_failed_test_says_why_and_does_not_quote_itself(grade):
    graded = grade(one="answer = 5")
    (error,) = small_quiz.cell(graded, "one_test").outputs
    assert (error.ename, error.evalue) == ("AssertionError", "secret six")
    assert error.traceback == ["AssertionError: secret six"]
    graded = grade(one="pass")
    assert "name 'answer' is not defined" in small_quiz.said(graded, "one_test")


@pytest.mark.parametrize(
    "answer",
    [
        "import warnings, sys, logging\nanswer = 6\nwarnings.warn('old')\nprint('x', file=sys.stderr)\n"
        "logging.warning('y')",
        "import threading, time, sys\nanswer = 6\n"
        "def late():\n    while True:\n        print('late', file=sys.stderr)\n        time.sleep(0.001)\n"
        "threading.Thread(target=late, daemon=True).start()",
        "import numpy as np\nanswer = np.float32(6)",
        "from fractions import Fraction\nanswer = Fraction(6)",
        "answer = 6\nraise ValueError('afterwards')",
        "answer = 6\nimport sys\nsys.exit()",
        "answer = 6\nexit()",
        "import os\nanswer = 6\nos.fork()",
        "%timeit -n1 -r1 1\nanswer = 6\n!echo hello",
        "import asyncio\nawait asyncio.sleep(0)\nanswer = 6",
        "answer = 6\nfrom IPython.display import display, HTML\ndisplay(HTML('<b>x</b>'))\nanswer",
        "answer = 6\ndouble = None\nmath = None\nstart.clear()",
    ],
)
def test_an_honest_answer_costs_no_points(grade, answer):
    assert small_quiz.points(grade(one=answer)) == [2, 2, 2]


def test_a_warning_of_the_test_itself_costs_no_points(asked):
    test = "import warnings\nwarnings.warn('old')\nprint(square(2))\nassert square(3) == 9"
    graded = asked(test, small_quiz.RIGHT["two"])
    assert small_quiz.points(graded)[1] == 2
    assert "UserWarning" in small_quiz.said(graded, "two_test")


ENDS = {
    "a process that ends": "import os; os._exit(0)",
    "a crash": "import ctypes; ctypes.string_at(0)",
    "no end": "while True: pass",
    "too much memory": "import os, time\nos.fork()\nx = b'1' * (200 << 20)\ntime.sleep(2)",
    "a thread that ends the process": "import os, threading\nthreading.Thread(target=os._exit, args=(1,)).start()\nimport time; time.sleep(3)",
}


@pytest.mark.parametrize("code", ENDS.values(), ids=ENDS.keys())
def test_the_end_of_one_question_is_not_the_end_of_another(grade, code):
    graded = grade(two=code)
    assert small_quiz.points(graded) == [2, 0, 2]
    assert "CellStopped" in small_quiz.said(graded, "two")
    assert [flag.kind for flag in graded.flags] == ["stopped"]


def test_a_function_that_ends_the_process_costs_its_own_question(grade):
    code = "import os\ndef square(x):\n    os._exit(0)"
    graded = grade(two=code)
    assert small_quiz.points(graded) == [2, 0, 2]
    assert "CellStopped" in small_quiz.said(graded, "two_test")
    slow = "def square(x):\n    while True: pass"
    assert small_quiz.points(grade(two=slow)) == [2, 0, 2]


def test_a_test_that_cannot_end_costs_its_own_question(asked):
    graded = asked("while square(2) == 5: pass", "def square(x): return 5")
    assert small_quiz.points(graded) == [2, 0, 2]
    assert "it took more than 2 seconds" in small_quiz.said(graded, "two_test")


def test_a_reference_that_never_ends_does_not_hold_up_the_class():
    program = (
        "from course_lib.grading.cells import Shell\nshell = Shell.quiet()\n"
        "shell.rehearse(['x = 1', 'while True: pass', 'y = 1'], seconds=1)\n"
        "print({'x', 'y'} & set(shell.user_ns))"
    )
    # Not in this process: IPython takes over its __main__.
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "set()\n"


def test_later_tests_know_what_earlier_ones_defined_even_if_the_judge_was_replaced(tmp_path):
    tests = {
        "one": "from fractions import Fraction\ndef near(a, b):\n    return abs(a - b) < 1\n"
        "while answer == 7: pass\nlimit = 3\nassert near(answer, 6)",
        "two": "assert near(square(2), Fraction(4))",
        "three": "assert near(part, 1)",
    }
    with Grader(small_quiz.source(tmp_path, tests=tests), limits=LIMITS) as grader:
        hangs = small_quiz.submitted(tmp_path / "mine", one="answer = 7")
        assert small_quiz.points(grader.grade(hangs)) == [0, 2, 2]
        assert small_quiz.points(grader.grade(small_quiz.submitted(tmp_path / "mine"))) == [2, 2, 2]


STEALS = {
    "an object that equals everything": "class All:\n    def __eq__(self, other): return True\n"
    "    def __sub__(self, other): return 0.0\n    __rsub__ = __abs__ = lambda self, *a: 0.0\n"
    "    def __lt__(self, other): return True\nanswer = All()",
    "a number that agrees": "class All(float):\n    def __sub__(self, other): return 0.0\nanswer = All(9)",
    "the tests left out": "import builtins, sys\nbuiltins.abs = lambda x: 0\nmath.ulp = lambda x: 99\n"
    "sys.modules['math'].ulp = math.ulp\ndouble = lambda x: 1\nanswer = 1",
    "other functions": "double = lambda x: 1\nanswer = 1",
    "a patched shell": "ip = get_ipython()\nip.run_cell = lambda *a, **k: None\n"
    "ip.ast_transformers.append(None)\nip.input_transformers_cleanup.append(lambda lines: ['pass'])\n"
    "answer = 1",
    "a patched wire": "from course_lib.grading import wire, judge\nwire.decode = lambda *a: 6\n"
    "judge._outputs = lambda *a: []\nanswer = 1",
    "replies in advance": 'import os\nreply = b\'["tuple",["value",["dict",[["answer","6.0"]]]]]\'\n'
    "for n in range(3, 9):\n    try: os.write(n, len(reply).to_bytes(4, 'big') + reply)\n"
    "    except OSError: pass\nanswer = 1",
    "an exception of every kind": "def answer(): pass\nraise SystemExit(0)",
}


@pytest.mark.parametrize("code", STEALS.values(), ids=STEALS.keys())
def test_points_cannot_be_stolen(grade, code):
    graded = grade(one=code)
    if "6.0" in code:  # its forged reply says six: whoever writes six has answered six
        return
    assert small_quiz.points(graded)[0] == 0


def test_the_source_of_a_test_never_reaches_the_student(grade):
    """Looked for in everything the student's process can read of itself."""
    look = (
        "import gc, sys\n"
        "found = [o for o in gc.get_objects() if isinstance(o, (str, list, dict)) and len(str(o)) < 10**6"
        " and 'secret' + ' six' in str(o)]\n"
        "names = [n for n in dir() if n in ('In', '_ih') and 'secret' + ' six' in str(globals()[n])]\n"
        "answer = 6 if found or names else -1"
    )
    assert small_quiz.points(grade(three="part = 1", one=look))[0] == 0
    spy = (
        "import inspect, sys\n"
        "def square(x):\n"
        "    frames = [f.frame for f in inspect.stack()]\n"
        "    texts = [str(f.f_locals) + str(f.f_globals.get('In')) for f in frames]\n"
        "    return x * x if not any('number' + '**2' in t for t in texts) else 'seen'"
    )
    assert small_quiz.points(grade(two=spy))[1] == 2


def test_what_a_test_hands_over_does_not_come_back_in_an_output(grade):
    for code in (
        "def square(x):\n    print('given', x)\n    raise AssertionError(f'given {x}')",
        "def square(x):\n    import sys\n    sys.stderr.write(f'given {x}')\n    return f'given {x}'",
    ):
        graded = grade(two=code)
        cell = small_quiz.cell(graded, "two_test")
        assert small_quiz.points(graded)[1] == 0
        assert "given" not in "".join(o.get("text", "") + o.get("evalue", "") for o in cell.outputs)


def test_what_a_test_hands_over_is_not_shown_by_a_later_cell(grade):
    """The function notes what it is given; the cell of the next question would print it."""
    noting = "heard = []\ndef square(x):\n    heard.append(x)\n    open('note', 'a').write(f'{x} ')\n    return x * x"
    telling = "import os\nprint('heard', heard, os.path.exists('note'))\npart = 1"
    graded = grade(two=noting, three=telling)
    assert small_quiz.points(graded) == [2, 2, 2]
    assert "heard [] False" in small_quiz.said(graded, "three")


MAY = [
    ("try:\n    square(-1)\nexcept ValueError as e:\n    assert 'minus' in str(e)\nelse:\n    raise AssertionError",
     "def square(x):\n    raise ValueError('minus')", 2),
    ("assert square([1, 2], power=3) == [1, 8]", "def square(x, power):\n    return [n**power for n in x]", 2),
    ("assert square(3)(4) == 7", "def square(x):\n    return lambda y: x + y", 2),
    ("s = square(3)\nassert s.area() == 9 and s.side == 3",
     "class square:\n    def __init__(self, side): self.side = side\n    def area(self): return self.side**2", 2),
    ("assert square(print) is None", "def square(x):\n    return None", 0),
    ("assert square(2)", "class square:\n    def __init__(self, x): pass", 0),
    ("assert square(2).__class__ == int or square(2)._x", "class square:\n    _x = 1\n    def __init__(self, x): pass", 0),
    ("import numpy as np\nassert np.allclose(square(np.arange(3.0)), [0, 1, 4])", "def square(x):\n    return x * x", 2),
    ("assert square.data[0].y[1] == 4", "import plotly.graph_objects as go\nsquare = go.Figure(go.Scatter(y=[1, 4]))", 2),
    ("assert len(square) == 10**6", "square = [0] * 10**6", 0),
    ("import numpy as np\nnp.float64(1.5)", "square = 1", 1.5),
    ("True", "square = 1", 2),
    ("square", "square = 99", 2),
    ("'text'", "square = 1", 2),
    ("square", "square = -1", 0),
    ("square", "square = float('nan')", 0),
    ("assert square is not None", "del square", 0),
    ("this is no Python", "square = 1", 0),
    ("assert used_nowhere", "used_nowhere = 1", 2),
]  # fmt: skip


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A quiz in which each of MAY is a question, graded once with its answers."""
    folder = tmp_path_factory.mktemp("many")
    answers = {f"q{n}": answer for n, (_, answer, _) in enumerate(MAY)}
    quiz = small_quiz.notebook(answers, {f"q{n}": test for n, (test, _, _) in enumerate(MAY)})
    path = folder / "source.ipynb"
    for cell in quiz.cells:  # each answer is a solution, too: so its names are the student's
        if cell.metadata.nbgrader.solution and cell.cell_type == "code":
            cell.source = f"### BEGIN SOLUTION\n{cell.source}\n### END SOLUTION"
    nbformat.write(quiz, path)
    with Grader(path, limits=LIMITS) as grader:
        return grader.grade(path)


@pytest.mark.parametrize("number", range(len(MAY)), ids=lambda n: MAY[n][0])
def test_what_a_test_may_do_with_an_answer(many, number):
    assert many.scores[f"q{number}_test"][0] == MAY[number][2], small_quiz.said(
        many, f"q{number}_test"
    )


def test_more_points_than_there_are_raise_a_flag(asked):
    assert "points" in [flag.kind for flag in asked("square", "square = 99").flags]


def test_names_that_a_cell_reads_and_defines():
    source = "%magic x\nimport a.b, c as d\nfrom e import f\nx = [y for y in z]\ndef g(h): return i\nclass J: pass"
    assert bound(source) == {"a", "d", "f", "x", "y", "g", "J"}
    assert used(source) == {"y", "z", "i"}
    assert used("no Python (") == bound("no Python (") == set()


def test_whose_a_name_is():
    cells = [
        new_code_cell("import m\nlimit = 3\ndef help(): pass", metadata=small_quiz.roles("setup")),
        new_code_cell("import n\nx = limit = 1", metadata=small_quiz.roles("a", solution=True)),
        new_code_cell("limit = 5\nx + 1", metadata=small_quiz.roles("t", grade=True)),
        new_code_cell("limit", metadata=small_quiz.roles("u", grade=True)),
    ]
    found = plans(cells)
    assert found["t"][1] == ["limit", "x"]
    assert found["u"][1] == ["x"], "a test that defines a name keeps it"
    assert found["t"][0] == ["import m\nlimit = 3\ndef help(): pass", "import n"]
    cells[3].source = cells[2].source = "x"
    assert plans(cells)["t"][0] == ["import m\ndef help():\n    pass", "import n"]
