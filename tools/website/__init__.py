"""./course site: the course as files that any web server can give out; Python runs in the browser.

JupyterLite is the page, Pyodide the Python. The lessons and quizzes are those of the student
edition, unchanged.
"""

import html
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from string import Template

import aside
import bundle
import pages
from author import title_and_question
from course_lib.cli import edition
from website import pyodide, wheels

HERE = Path(__file__).parent
NAME = "Immunotherapy for breast cancer"
EXTENSIONS = Path("share/jupyter/labextensions")
#: What the page needs of the site's environment, and of the course's.
BESIDE = ("@jupyterlite/pyodide-kernel-extension", "@jupyter-widgets/jupyterlab-manager")
COURSE = ("anywidget",)
#: Every lab stays in the page: one that is taken out where nobody looks would be drawn anew.
OVERRIDES = {"@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"}}
KERNEL = "@jupyterlite/pyodide-kernel-extension:kernel"


class SiteError(Exception):
    """One sentence."""


def prepare(root: Path, base: str, work: Path) -> Path:
    """Lay out all that JupyterLite builds from, below `work`; return that folder."""
    lite, laid = work / "lite", work / "edition"
    files = bundle.contents(root)
    for place, data in files.items():
        edition.replace(laid / place, data)
    for place in edition.served_files(root):
        edition.replace(lite / "contents" / place, files[place])
    lock = laid / "requirements.lock"
    official = pyodide.fetch(base, pyodide.LOCK, pyodide.CORE[pyodide.LOCK], kept(root))
    given = pyodide.needed(json.loads(official)["packages"])
    needs = wheels.own(lock, set(given))
    downloaded = wheels.download(lock, sorted(needs), work / "downloaded")
    own = {}
    for wheel in downloaded:
        name = wheel.name.split("-")[0].replace("_", "-").lower()
        own[wheels.slimmed(wheel, work / "slim")] = needs[name]
    own[wheels.course(laid, work / "built")] = ["numpy", *wheels.NAMED]
    names = pyodide.write(lite / "static/pyodide", base, kept(root), own)
    extensions = [aside.python("site").parents[1] / EXTENSIONS / name for name in BESIDE]
    extensions += [Path(sys.prefix) / EXTENSIONS / name for name in COURSE]
    settings(lite, names, [*extensions, HERE / "extension"])
    return lite


def kept(root: Path) -> Path:
    """Where downloads of Pyodide stay."""
    return root / ".tools" / f"pyodide-{pyodide.VERSION}"


def settings(lite: Path, packages: list[str], extensions: list[Path]) -> None:
    kernel = {
        "pyodideUrl": "./static/pyodide/pyodide.js",
        "disablePyPIFallback": True,  # no other host is asked
        # All at once, while Python starts.
        "loadPyodideOptions": {"packages": packages},
    }
    page = {"appName": NAME, "litePluginSettings": {KERNEL: kernel}}
    build = {
        "contents": ["contents"],
        "apps": ["lab"],
        "federated_extensions": [str(path) for path in extensions],
        "ignore_sys_prefix": True,
        "no_sourcemaps": True,
        "no_unused_shared_packages": True,
    }
    for name, content in (
        ("jupyter-lite.json", {"jupyter-lite-schema-version": 0, "jupyter-config-data": page}),
        ("overrides.json", OVERRIDES),
        ("jupyter_lite_config.json", {"LiteBuildConfig": build}),
    ):
        (lite / name).write_text(json.dumps(content, indent=1), encoding="utf-8")


def jupyterlite(lite: Path, out: Path) -> None:
    command = [aside.python("site"), "-m", "jupyterlite_core", "build", "--lite-dir", lite]
    env = os.environ | {"JUPYTER_NO_CONFIG": "1"}
    done = subprocess.run(
        [*command, "--output-dir", out],
        cwd=lite,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise SiteError(f"JupyterLite could not build the site:\n{done.stdout}")


def start_page(root: Path) -> str:
    """The first page: what this is, the lessons, and where work lives."""
    rows = []
    for place in edition.lessons(root).values():
        title, question = map(html.escape, title_and_question(root / place))
        read = f"read/{Path(place).stem}.html"
        rows.append(
            f'<li><a href="lab/index.html?path={place}">{title}</a> (<a href="{read}">only '
            f"read<span> {title}</span></a>)<br>{question}</li>"
        )
    quizzes = [
        f'<li><a href="lab/index.html?path={place}">Quiz {name[1:3]}</a></li>'
        for name, place in edition.quizzes(root).items()
    ]
    page = Template((HERE / "start.html").read_text(encoding="utf-8"))
    return page.substitute(name=NAME, lessons="\n".join(rows), quizzes="\n".join(quizzes))


def build(root: Path, out: Path, base: str) -> None:
    """Write the site to `out`, whole or not at all.

    Raises SiteError, BundleError, NotOfficial or OSError, each one sentence.
    """
    if out.exists() and not (out / "jupyter-lite.json").is_file() and any(out.iterdir()):
        raise SiteError(f"{out} holds other files; name a new folder with --out.")
    half = out.with_name(f".{out.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    half.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        jupyterlite(prepare(root, base, Path(work)), half)
    (half / "index.html").write_text(start_page(root), encoding="utf-8")
    for name in ("LICENSE", "LICENSE-content"):
        shutil.copy(root / name, half)
    pages.write(root, half / "read", pages.Doors(site=".."))
    (half / ".nojekyll").touch()  # GitHub Pages would leave out folders that begin with _
    if out.exists():
        shutil.rmtree(out)
    half.rename(out)


def source(folder: Path | None) -> str:
    """The address of Pyodide's files: of a folder, or of the official download."""
    return f"{folder.resolve().as_uri()}/" if folder else pyodide.OFFICIAL


def write(root: Path, out: Path | None, folder: Path | None) -> int:
    out = (out or root / "site").resolve()
    try:
        build(root, out, source(folder))
    except (SiteError, bundle.BundleError, pyodide.NotOfficial, OSError) as problem:
        print(f"course: {problem}", file=sys.stderr)
        return 1
    print(f"{out}: {size(out) / 1e6:.0f} MB. Put this folder on any web server.")
    return 0


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
