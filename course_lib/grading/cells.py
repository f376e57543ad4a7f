"""Runs notebook cells as a kernel would, and keeps what they show; used on both sides of the wire.

IPython does the work: magics, ``!commands``, ``display``, ``await`` at top level and the value of a
last line act as students know them. There is no history file, no terminal and no kernel process.
"""

from __future__ import annotations

import contextlib
import io
import signal
import traceback
from base64 import b64encode

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Type
from traitlets.config import Config

LONGEST = 500_000  # characters that one cell may show
#: What may be shown. No JavaScript, and no widget state: a saved page cannot wake it.
SHOWN = (
    "text/plain",
    "text/html",
    "text/markdown",
    "text/latex",
    "image/png",
    "image/jpeg",
    "image/svg+xml",
)


class _Publisher(DisplayPublisher):
    def publish(self, data, metadata=None, **_):
        self.shell.show("display_data", data=plain(data))

    def clear_output(self, wait=False):
        self.shell.shown.clear()


class _Hook(DisplayHook):
    def write_output_prompt(self):
        pass

    def write_format_data(self, format_dict, md_dict=None):
        self.shell.show("execute_result", data=plain(format_dict))

    def log_output(self, format_dict):
        pass

    def finish_displayhook(self):
        pass


class Shell(InteractiveShell):
    """IPython that collects what a cell shows, as nbformat outputs in plain dictionaries."""

    display_pub_class = Type(_Publisher)
    displayhook_class = Type(_Hook)

    @classmethod
    def quiet(cls) -> Shell:
        """Return the one shell of this process, without colours, history or start-up files."""
        settings = Config()
        settings.HistoryManager.enabled = False
        settings.HistoryManager.hist_file = ":memory:"
        settings.InteractiveShell.colors = "nocolor"
        shell = cls.instance(config=settings)
        shell.shown, shell.room = [], LONGEST
        return shell

    def run(self, source: str) -> tuple[list[dict], BaseException | None, object]:
        """Run one cell; return its outputs, the error that ended it, and its last value."""
        self.shown, self.room = [], LONGEST
        out, err = _Stream(self, "stdout"), _Stream(self, "stderr")
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            result = self.run_cell(source, store_history=False)
        error = result.error_before_exec or result.error_in_exec
        if error is not None:
            self.room = LONGEST
            said = {"ename": type(error).__name__, "evalue": _said(error)[:10_000]}
            self.show("error", **said, traceback=_traceback(error))
        return self.shown, error, result.result

    def rehearse(self, sources: list[str], seconds: int = 20) -> None:
        """Run the instructor's cells once and forget what they define: imports are done then."""

        def too_long(*_):
            raise TimeoutError("this cell takes too long to be rehearsed")

        before = signal.signal(signal.SIGALRM, too_long)
        for source in sources:
            signal.alarm(seconds)
            self.run(source)
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        self.reset(new_session=False)

    def show(self, kind: str, **content) -> None:
        """Keep one output, as long as there is room."""
        size = len(str(content))
        if size <= self.room:
            self.shown.append({"output_type": kind, **content})
        elif self.room > 0:
            self.room = 0
            said = "[The rest is not shown: this cell shows too much.]\n"
            self.shown.append({"output_type": "stream", "name": "stdout", "text": said})
        self.room -= size

    def showtraceback(self, *_, **__):
        """Do nothing: ``run`` says what happened, in fewer words and much less time."""

    showsyntaxerror = showtraceback


class _Stream(io.TextIOBase):
    """Standard output or error of a cell."""

    def __init__(self, shell: Shell, name: str):
        self.shell, self.name = shell, name

    def writable(self):
        return True

    def write(self, text):
        last = self.shell.shown[-1] if self.shell.shown else {}
        if last.get("name") == self.name and 0 < len(text) <= self.shell.room:
            last["text"] += str(text)
            self.shell.room -= len(text)
        elif text:
            self.shell.show("stream", name=self.name, text=str(text)[: LONGEST + 1])
        return len(text)


def plain(data: dict) -> dict[str, str]:
    """Return the parts of an output that a saved notebook can show."""
    texts = {k: b64encode(v).decode() if isinstance(v, bytes) else v for k, v in data.items()}
    return {kind: texts[kind] for kind in SHOWN if isinstance(texts.get(kind), str)}


def _said(error: BaseException) -> str:
    """Return the message of an error, even of one whose message fails."""
    try:
        return str(error)
    except Exception:
        return ""


def _traceback(error: BaseException) -> list[str]:
    """Return where a cell stopped: the last steps in the notebook and its libraries."""
    steps = traceback.TracebackException.from_exception(error, limit=-6, compact=True)
    steps.stack[:] = [s for s in steps.stack if "/IPython/core/" not in s.filename]
    return "".join(steps.format(chain=False)).rstrip()[:20_000].splitlines()


def stopped(name: str, message: str) -> list[dict]:
    """Return the output of a cell that could not end by itself."""
    said = [f"{name}: {message}"]
    return [{"output_type": "error", "ename": name, "evalue": message, "traceback": said}]
