"""How JupyterLab behaves in this course, wherever it runs.

Nothing is asked of the outside world, and an instructor's nbgrader stays off, so that a lesson
looks the same whatever is installed. ``./course lab`` gives these settings on the command line.
On Binder, postBuild writes them into the environment: ``python -m course_lib.cli.settings``.
"""

import json
import sys
from pathlib import Path

PAGE = {
    "disabledExtensions": {
        "@jupyterlab/apputils-extension:announcements": True,
        "@jupyterlab/extensionmanager-extension": True,
        "@jupyter/nbgrader": True,
        "@jupyter-notebook/lab-extension": True,
    }
}
NBGRADER = ("formgrader", "validate_assignment", "assignment_list", "course_list")
SERVER = {
    "ServerApp": {
        "jpserver_extensions": {f"nbgrader.server_extensions.{part}": False for part in NBGRADER},
        "kernel_websocket_connection_class": "course_lib.server.PromptConnection",
    },
    "LabApp": {
        "check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
        "news_url": None,
        "extension_manager": "readonly",
    },
    # Else each kernel warns the student's terminal that it can be eavesdropped.
    "KernelManager": {"transport_encryption": "auto"},
    "FileContentsManager": {"pre_save_hook": "course_lib.server.keep_readable"},
}


def flags():
    """The server's settings as arguments of jupyterlab."""
    for part, values in SERVER.items():
        for name, value in values.items():
            many = value.items() if isinstance(value, dict) else ()
            yield from (f"--{part}.{name}={key}={on}" for key, on in many)
            if not many:
                yield f"--{part}.{name}={value}"


def write_page(config):
    page = Path(config) / "labconfig" / "page_config.json"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(json.dumps(PAGE), encoding="utf-8")


def write(config):
    """Make a folder with all of these settings, for a server that somebody else starts."""
    write_page(config)
    (Path(config) / "jupyter_server_config.json").write_text(json.dumps(SERVER), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.prefix) / "etc" / "jupyter")
