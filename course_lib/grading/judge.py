"""Stage 3: the judge runs the instructor's test cells; no student's code is ever in its process.

A name that a test uses and that is the student's to define is asked from the student's process:
plain data comes over by value, a function as something that calls it there. A test earns its points
by the rule of nbgrader: all if it ends without an error, none with one, as many as its last value
says if that is a number. Warnings and prints cost nothing.
"""

from __future__ import annotations

import ast
import builtins
import numbers

from course_lib.grading import warm, wire
from course_lib.grading.cells import Shell, stopped

DEFINITIONS = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class StudentError(Exception):
    """An error that the student's code raised when a test called it."""


def main() -> None:
    """Serve the grader until it goes away."""
    warm.serve(ready, work)


def ready(settings: dict) -> None:
    """Run the instructor's own cells once, so that imports are done and caches are filled."""
    Shell.quiet().rehearse(settings["rehearse"])


def work(channel) -> None:
    """Judge test cells of one submission until the grader closes the channel."""
    judge = _Judge(channel)
    while True:
        try:
            source, given, owned = wire.decode(wire.receive(channel))
        except EOFError:
            return
        wire.send(channel, b"." + wire.encode(judge.test(source, given, set(owned))))


class _Judge:
    """The state in which the test cells of one submission run, one after the other."""

    def __init__(self, channel):
        self.channel, self.shell = channel, Shell.instance()
        self.names = self.shell.user_ns
        self.done, self.borrowed = 0, set()

    def test(self, source: str, given: list[str], owned: set[str]) -> list[dict]:
        """Run one test cell; return its outputs. The rest is as in ``plans``."""
        for each in given[self.done :]:
            self.shell.run(each)
        self.done = len(given)
        for name in self.borrowed | owned:
            self.names.pop(name, None)
        plain = self.shell.transform_cell(source)
        here = {*self.names, *dir(builtins), *bound(plain)} - owned
        wanted = used(plain) - here
        try:
            found = self.ask("names", sorted(wanted))
        except (StudentError, wire.WireError) as error:
            return stopped(type(error).__name__, str(error))
        given = {name: self.value_of(found[name]) for name in wanted & set(found)}
        self.names |= given
        self.borrowed = set(given)
        return _outputs(*self.shell.run(source))

    def ask(self, *request):
        """Send one request to the student's process; return the reply."""
        wire.send(self.channel, b"?" + wire.encode(request))
        match wire.decode(wire.receive(self.channel)):
            case ("value", value):
                return value
            case ("raised", str(name), str(message)):
                raise _error(name, message)
        raise wire.WireError("no reply of this form")

    def value_of(self, text: str):
        """Return a value as the student's process wrote it."""

        def refer(handle, kind, name):
            return (Function if kind == "function" else Remote)(self, handle, kind, name)

        return wire.decode(text.encode(), refer)


class Remote(wire.Reference):
    """An object that stays in the student's process; its attributes can be read."""

    def __init__(self, judge: _Judge, *known):
        super().__init__(*known)
        self._judge, self.__name__ = judge, self.name

    def __getattr__(self, name: str):
        if name.startswith("_"):
            raise AttributeError(f"{self!r} has no {name} here")
        return self._judge.value_of(self._judge.ask("attribute", self, name))


class Function(Remote):
    """A function, or anything else that can be called, in the student's process."""

    def __call__(self, *arguments, **named):
        return self._judge.value_of(self._judge.ask("call", self, arguments, named))


def plans(cells) -> dict[str, tuple[list[str], list[str]]]:
    """Return, for each test cell of the instructor's notebook, what the judge is to know.

    That is: what it runs before, and the names that are the student's. Names that an answer defines
    are the student's. Imports, and functions and classes of the quiz's own cells, are the
    judge's; so is the quiz's own data, if a test uses any of it.
    """
    own, owner, found = [], {}, {}
    sources = {kind: [c.source for c in cells if role(c) == kind] for kind in ("given", "test")}
    data = set().union(*(bound(each) - bound(_kept(each)) for each in sources["given"]))
    whole = any((used(each) - bound(each)) & data for each in sources["test"])
    for cell in cells:
        kind, source = role(cell), cell.source
        if kind == "answer":
            imports = _kept(source, ast.Import | ast.ImportFrom)
            own.append(imports)
            owner |= dict.fromkeys(bound(source), "student") | dict.fromkeys(
                bound(imports), "judge"
            )
        elif kind:
            if kind == "test":
                students = sorted(name for name, who in owner.items() if who == "student")
                found[cell.metadata.nbgrader.grade_id] = (list(own), students)
            own.append(source if kind == "given" and whole else _kept(source))
            owner |= dict.fromkeys(bound(source), "judge")
    return found


def role(cell) -> str:
    """Return what a code cell is: an "answer", a "test", "given" by the quiz; else nothing."""
    if cell.cell_type != "code":
        return ""
    roles = cell.metadata.get("nbgrader", {})
    if roles.get("solution"):
        return "answer"
    return "test" if roles.get("grade") else "given"


def used(source: str) -> set[str]:
    """Return the names that a cell reads."""
    names = (n for n in ast.walk(_tree(source)) if isinstance(n, ast.Name))
    return {n.id for n in names if not isinstance(n.ctx, ast.Store)}


def bound(source: str) -> set[str]:
    """Return the names that a cell defines."""
    found = set()
    for node in ast.walk(_tree(source)):
        match node:
            case ast.Name(id=name, ctx=ast.Store()):
                found.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found.add(name)
            case ast.ClassDef(name=name):
                found.add(name)
            case ast.alias(name=name, asname=other):
                found.add(other or name.partition(".")[0])
    return found


def _kept(source: str, kinds=DEFINITIONS) -> str:
    """Return the statements of these kinds at the top level of a cell."""
    return "\n".join(ast.unparse(node) for node in _tree(source).body if isinstance(node, kinds))


def _tree(source: str) -> ast.Module:
    """Return the syntax tree of a cell without its magics; an empty one if it has none."""
    lines = [line for line in source.splitlines() if not line.lstrip().startswith(("%", "!"))]
    try:
        return ast.parse("\n".join(lines))
    except (SyntaxError, ValueError):
        return ast.Module([], [])


def _error(name: str, message: str) -> Exception:
    """Return the student's error as one of the same name that a test can catch."""
    base = getattr(builtins, name, Exception)
    if not (isinstance(base, type) and issubclass(base, Exception)):
        base = Exception
    try:
        return type(name if name.isidentifier() else "Error", (StudentError, base), {})(message)
    except TypeError:  # some errors want more than a message
        return StudentError(f"{name}: {message}")


def _outputs(outputs: list[dict], error, value) -> list[dict]:
    """Return what a test shows, in a form that earns by nbgrader's rule what it should."""
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    for each in outputs:
        if each["output_type"] == "stream":
            each["name"] = "stdout"  # to nbgrader anything on stderr is a failed test
        elif each["output_type"] == "execute_result" and number:
            # nbgrader takes a negative number, nan and numpy's own form for full marks.
            each["data"] = {"text/plain": repr(max(0.0, float(value)))}
        elif each["output_type"] == "error":
            # One line: the others quote the test.
            each["traceback"] = [f"{each['ename']}: {each['evalue']}"]
            if isinstance(error, StudentError):  # it could carry what the test handed over
                each["evalue"] = ""
    return outputs


if __name__ == "__main__":
    main()
