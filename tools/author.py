"""Write what is committed of the notebooks: outputs, pictures, release quizzes.

    ./course author              every lesson and quiz
    ./course author 03           one lesson

Each lesson is executed in a fresh kernel. A lab's output keeps its sentence, its
numbers and its table, and gets a picture of its plot, drawn by plotly in Chromium.
Widget state is dropped: one figure would store 5 MB, and a reopened notebook would
say "model not found".
"""

from __future__ import annotations

import argparse
import base64
import html
import json
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from browser import installed

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # run by path, so that the checkout is what it imports

from course_lib.labs.view import PICTURE_SLOT  # noqa: E402

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
PICTURE = {"format": "png", "width": 820, "height": 625}
#: A committed notebook larger than this is refused, bytes.
LARGEST = 500_000


def lessons(names: list[str]) -> list[Path]:
    """Return the lesson notebooks whose file name contains one of ``names``; all if none."""
    found = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    if not names:
        return found
    chosen = [path for path in found if any(name in path.stem for name in names)]
    if not chosen:
        known = ", ".join(path.stem for path in found)
        sys.exit(f"There is no lesson called {' or '.join(names)}. The lessons are: {known}.")
    return chosen


def execute(path: Path) -> tuple[nbformat.NotebookNode, dict[str, dict]]:
    """Run a notebook in a fresh kernel and strip it.

    Returns the notebook and, by cell id, the plotly figure of each lab in it.
    """
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    client = NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": path.parent}}
    )
    figures = {}
    with client.setup_kernel():
        for index, cell in enumerate(notebook.cells):
            client.execute_cell(cell, index)
            if cell.cell_type == "code" and PICTURE_SLOT in json.dumps(cell.outputs):
                figures[cell.id] = _figure(client)
    for cell in notebook.cells:
        cell.metadata = {k: v for k, v in cell.metadata.items() if k in ("tags", "evidence")}
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(WIDGET_VIEW, None)
    notebook.metadata = nbformat.from_dict(METADATA)
    return notebook, figures


def _figure(client: NotebookClient) -> dict:
    """Ask the kernel for the figure of the lab that the last cell returned."""
    question = nbformat.v4.new_code_cell("print(_.figure.to_json())")
    client.nb.cells.append(question)
    try:
        client.execute_cell(question, len(client.nb.cells) - 1, store_history=False)
    finally:
        client.nb.cells.pop()
    text = "".join(o.text for o in question.outputs if o.output_type == "stream")
    return json.loads(text)


def photograph(figures: dict[str, dict]) -> dict[str, bytes]:
    """Draw each figure in Chromium and return PNG files, by the same keys."""
    from playwright.sync_api import sync_playwright
    from plotly.offline import get_plotlyjs

    pictures = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=installed(), args=["--no-sandbox"])
        page = browser.new_page()
        page.set_content("<html><body></body></html>")
        page.add_script_tag(content=get_plotlyjs())
        for key, figure in figures.items():
            url = page.evaluate("([f, o]) => Plotly.toImage(f, o)", [figure, PICTURE])
            pictures[key] = base64.b64decode(url.partition(",")[2])
        browser.close()
    return pictures


def put_pictures(notebook: nbformat.NotebookNode, pictures: dict[str, bytes]) -> None:
    """Replace the slot in each lab's HTML by its picture."""
    for cell in notebook.cells:
        if cell.id not in pictures:
            continue
        code = base64.b64encode(pictures[cell.id]).decode()
        for output in cell.outputs:
            data = output.get("data", {})
            if "text/html" in data:
                alt = html.escape(data["text/plain"].partition("\n")[0], quote=True)
                picture = (
                    f'<img class="course-picture" alt="{alt}" src="data:image/png;base64,{code}">'
                )
                data["text/html"] = data["text/html"].replace(PICTURE_SLOT, picture)


def write(path: Path, notebook: nbformat.NotebookNode) -> None:
    """Write atomically; refuse a notebook that is too large to commit."""
    text = nbformat.writes(notebook, version=4) + "\n"
    if len(text.encode()) > LARGEST:
        sys.exit(f"{path.name} would be {len(text) / 1e3:.0f} kB; at most {LARGEST / 1e3:.0f} kB.")
    scratch = path.with_suffix(".tmp")
    scratch.write_text(text, encoding="utf-8")
    scratch.replace(path)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="./course author", description=__doc__.split("\n")[0])
    parser.add_argument("lesson", nargs="*", help="number or name; all lessons if left out")
    for path in lessons(parser.parse_args(arguments).lesson):
        print(f"{path.stem}: running", flush=True)
        try:
            notebook, figures = execute(path)
        except CellExecutionError as error:
            sys.exit(f"{path.name} does not run, nothing was written:\n{error}")
        put_pictures(notebook, photograph(figures) if figures else {})
        write(path, notebook)
        print(f"{path.stem}: {path.stat().st_size / 1e3:.0f} kB, {len(figures)} lab picture(s)")
    from quizzes import release_all

    for path in release_all():
        print(f"{path.relative_to(ROOT)}: released")


if __name__ == "__main__":
    main()
