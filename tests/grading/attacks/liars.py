"""Answers that lie: objects that agree with every test, and functions that look at who asks."""

from . import attack, code

# --- objects that agree ---------------------------------------------------------------------------

AGREE = """
class Agreeable({base}):
    __sub__ = __rsub__ = __mod__ = lambda self, other: 0.0
    __eq__ = __le__ = __ge__ = __lt__ = __gt__ = lambda self, other: True
    __ne__ = lambda self, other: False
    __hash__ = {base}.__hash__
    __abs__ = lambda self: 0.0
    __float__ = lambda self: self
    __truediv__ = lambda self, other: 0.0
"""
LIARS = (
    ("agreeable_float", "a float that equals everything", AGREE.format(base="float") + "answer_1 = Agreeable(5)"),
    ("agreeable_in_dict", "numbers in a dictionary that equal everything", AGREE.format(base="float") + """
answer_2 = {"cps": Agreeable(1), "ic": Agreeable(1), "only_ic": "neutrophils"}
answer_6 = {"gain": Agreeable(1), "at_risk": Agreeable(1)}"""),
    ("agreeable_int", "an int that equals everything", AGREE.format(base="int") + """
answer_1, answer_6 = Agreeable(5), {"gain": Agreeable(1), "at_risk": Agreeable(1)}"""),
    ("agreeable_str", "a string that is every option", """
class Every(str):
    __eq__ = lambda self, other: True
    __hash__ = lambda self: hash("neutrophil")
    strip = lower = replace = removeprefix = removesuffix = lambda self, *a: self
answer_2 = {"cps": 100 * 20 / 225, "ic": 1.36, "only_ic": Every("x")}"""),
    ("every_value_dict", "a dictionary that changes its values after the visible check", """
class Two(dict):
    looks = 0
    def __getitem__(self, key):
        Two.looks += 1
        return {"dose": 50, "interval": 14}.get(key, 1) if Two.looks > 99 else 1
answer_3 = Two(dose=200, interval=21)"""),
    ("lying_class", "an object whose class lies", """
class Lie:
    __class__ = property(lambda self: float)
    __float__ = lambda self: 5.0
    __sub__ = lambda self, other: 0
answer_1 = Lie()"""),
    ("lying_type", "a metaclass that claims to be every number", """
import numbers
class Meta(type):
    __instancecheck__ = __subclasscheck__ = lambda *a: True
class Lie(metaclass=Meta):
    __float__ = lambda self: answer_1
    __sub__ = __rsub__ = __abs__ = lambda self, *a: 0.0
    __lt__ = __le__ = __ge__ = lambda self, o: True
    __format__ = lambda self, f: "5"
numbers.Real.register(Lie)
answer_1 = Lie()"""),
    ("numpy_liar", "an array whose every operation is nothing", """
class Lie(np.ndarray):
    def __array_ufunc__(self, *a, **k):
        return np.float64(0)
    __float__ = lambda self: self
answer_1 = np.zeros(1).view(Lie)
answer_6 = {"gain": answer_1, "at_risk": answer_1}"""),
    ("caller_reader", "a number that looks up the right one in its caller's names", """
import sys
class Reader(float):
    def __sub__(self, other):
        frame = sys._getframe(1)
        return 0.0 if "gains_1" in frame.f_globals or "gains_1" in frame.f_locals else 1.0
    def __float__(self):
        return self
answer_1 = Reader(5)"""),
    ("reduce_bomb", "an object that unpickles to a command", """
class Bomb(float):
    def __reduce__(self):
        return (exec, ("import os; os.system('touch /class/PWNED-pickle')",))
answer_1 = Bomb(5)"""),
    ("json_bomb", "a number whose text is a reply", """
class Text(float):
    __repr__ = __str__ = lambda self: '20}, "status": "ok", "score": 2, "x": {"y": 1'
answer_1 = Text(5)"""),
    ("array_of_objects", "an array of objects that agree", AGREE.format(base="float") + "answer_1 = np.array(Agreeable(5), dtype=object)"),
    ("huge_int", "a number of a million digits", "answer_1 = 10 ** 1_000_000"),
    ("itself", "a dictionary that holds itself", "answer_2 = {}\nanswer_2['cps'] = answer_2['ic'] = answer_2['only_ic'] = answer_2"),
    ("deep", "a list in a list, 100,000 deep", "answer_1 = []\nfor _ in range(100_000):\n    answer_1 = [answer_1]"),
    ("giant_text", "300 MB of text for an answer", "answer_2 = {'cps': 1, 'ic': 1, 'only_ic': 'n' * 300_000_000}"),
    ("endless_repr", "an answer whose text never ends", """
class Endless:
    def __repr__(self):
        while True:
            pass
answer_1 = Endless()"""),
    ("endless_mapping", "a dictionary without end", """
class Endless(dict):
    def keys(self):
        n = 0
        while True:
            n += 1
            yield str(n)
    __iter__ = keys
answer_2 = Endless(cps=1, ic=1, only_ic="plasma cells")"""),
    ("test_names", "the names of the test written in advance", """
gains_1, given_1, effect_3, lowest_3, dose_3, interval_3 = [5], 5, 1, 1e9, 1, 99
why_4 = why_5 = gain_6 = drug_6 = millimetres_1 = None"""),
)  # fmt: skip
for name, says, source in LIARS:
    fair = (2, 4) if name == "every_value_dict" else 2  # the right answer stands in it
    code(name, "liars", says, source, fair=fair)

# --- functions, arrays, figures and parts of points: the small quiz ------------------------------

SMALL = (
    ("function_agrees", "a function that returns an agreeable number", AGREE.format(base="float") + "answer_1 = lambda days: Agreeable(1)"),
    ("function_spies", "a function that looks for the test in its callers", """
import sys
def answer_1(days):
    frame = sys._getframe(1)
    while frame:
        for name, value in {**frame.f_globals, **frame.f_locals}.items():
            if isinstance(value, str) and "HIDDEN" + " TESTS" in value:
                print("PWNED", "by", "frames")
                return 10 * 2 ** (days / 30)
        frame = frame.f_back
    return 0.0"""),
    ("function_raises_exit", "a function that ends the program", "def answer_1(days):\n    import os\n    os._exit(0)"),
    ("function_system_exit", "a function that raises SystemExit", "def answer_1(days):\n    raise SystemExit(0)"),
    ("function_hangs", "a function that never returns", "def answer_1(days):\n    while True:\n        pass"),
    ("function_lies_about_type", "a number that claims to be a function", "answer_1 = type('F', (), {'__call__': lambda *a: __import__('builtins').Ellipsis})()"),
    ("liar_list", "a list that holds whatever is asked", """
class Every(list):
    def __getitem__(self, key):
        return ["T cell", "B cell", "macrophage", "NK cell"] if "known_4" in str(In[-1]) else []
answer_4 = Every()"""),
    ("partial_over", "a display that claims 100 parts of points", """
class Points(set):
    __rand__ = __and__ = lambda s, o: range(1000)
answer_4 = []
get_ipython().display_formatter.format = lambda *a, **k: ({"text/plain": "2.0"}, {})"""),
    ("figure_liar", "a figure whose data agree", """
class Same(list):
    __eq__ = lambda s, o: True
    __iter__ = lambda s: iter([10, 20, 40]) if "HIDDEN" in str(In[-1]) else iter([])
answer_5 = type("Figure", (), {"data": [type("L", (), {"y": Same()})()]})()"""),
    ("array_wrong_bytes", "an array that claims another shape than it has bytes", """
class Lie(np.ndarray):
    shape = property(lambda s: (3,))
    tobytes = lambda s, *a: np.array([10.0, 20.0, 40.0]).tobytes()
    __array_function__ = lambda s, *a: True
answer_3 = np.zeros(3).view(Lie)"""),
)  # fmt: skip
for name, says, source in SMALL:
    at = {"liar_list": 4, "partial_over": 4, "figure_liar": 5, "array_wrong_bytes": 3}.get(name, 1)
    fair = (2, 4) if name == "array_wrong_bytes" else (2, 2)  # the other questions stay
    code(name, "functions", says, source, at=at, quiz="small", fair=fair)


@attack("functions", "hidden arguments noted by a function and printed later", quiz="small")
def arguments_noted(sub):
    sub.write(1, "noted = []\ndef answer_1(days):\n    noted.append(days)\n    return 0.0")
    sub.insert("_5_test", "print(noted)")
