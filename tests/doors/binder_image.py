"""A Binder image without a container engine: repo2docker's own build context, its steps executed.

The context is what repo2docker hands to an engine, so it holds the Dockerfile and every file that
enters the image. The steps are executed in bubblewrap: an unprivileged user with an empty home,
and nothing of this machine but its system libraries and a Python.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
from pathlib import Path

import yaml

import aside
import house

VERSION = "3.12"  # of Python, as environment.yml asks
HOME, PREFIX = "/home/jovyan", "/srv/conda/envs/notebook"
GIGABYTE = 1 << 30
#: repo2docker with an engine that keeps what it is given, called as BinderHub calls it.
BUILD = """
import sys
from repo2docker.app import Repo2Docker
class Engine:
    string_output = False
    def inspect_image(self, name): return None
    def build(self, *, fileobj, **_):
        open(sys.argv[2], "wb").write(fileobj.read())
        return iter(())
app = Repo2Docker()
app.repo, app.user_id, app.user_name, app.run = sys.argv[1], 1000, "jovyan", False
app.get_engine = Engine
app.build()
"""
#: What conda calls otherwise than pip does.
PIP_NAMES = {
    "brotli-python": "brotli",
    "jupyterhub-base": "jupyterhub",
    "jupyterhub-singleuser": "jupyterhub",
    "nbconvert-core": "nbconvert",
    "python-fastjsonschema": "fastjsonschema",
}
NOT_OF_PIP = {"python", "nodejs", "pip", "cpython"}


def commit(folder: Path) -> Path:
    """Make this folder a repository whose history holds all of its files."""
    git = ["git", "-C", folder, "-c", "user.name=A", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], ["add", "--all", "--force"], ["commit", "-q", "-m", "All"]):
        subprocess.run([*git, *words], check=True)
    return folder


def source_edition(folder: Path) -> Path:
    """This repository as it is now, as a clone without what git ignores."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=house.ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, names.stdout.split("\0")):
        if (house.ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(house.ROOT / name, folder / name)
    return commit(folder)


def base_pins() -> tuple[list[str], list[str]]:
    """What Binder installs before our environment.yml: (names, pins), as far as pip has them."""
    buildpack = "repo2docker/buildpacks/conda"
    (folder,) = aside.python("binder").parents[1].glob(f"lib/python*/site-packages/{buildpack}")
    wanted = yaml.safe_load((folder / f"environment.py-{VERSION}.yml").read_text())["dependencies"]
    names = {re.split(r"[=<>]", text)[0] for text in wanted} - NOT_OF_PIP
    lock = (folder / f"environment.py-{VERSION}-linux-64.lock").read_text()
    python = (
        rf"/([^/]+)-([^-/]+)-(?:py|[^-/]*py{VERSION.replace('.', '')})[^-/]*\.(?:conda|tar\.bz2)#"
    )
    pins = dict(re.findall(python, lock))
    pins = {name: version for name, version in pins.items() if name not in NOT_OF_PIP - {"pip"}}
    return (
        sorted(PIP_NAMES.get(name, name) for name in names),
        sorted(f"{PIP_NAMES.get(name, name)}=={version}" for name, version in pins.items()),
    )


class Image:
    """What Binder makes of the repository in ``source``, below ``folder``."""

    def __init__(self, source: Path, folder: Path):
        self.context, self.home, self.prefix = folder / "context", folder / "home", folder / "env"
        folder.mkdir(parents=True)
        tar = folder / "context.tar"
        subprocess.run(
            [aside.python("binder"), "-c", BUILD, source, tar], check=True, capture_output=True
        )
        self.context.mkdir()
        subprocess.run(["tar", "--no-same-owner", "-xf", tar, "-C", self.context], check=True)
        tar.unlink()
        self.dockerfile = (self.context / "Dockerfile").read_text(encoding="utf-8")
        (self.context / "src").rename(self.home)
        (folder / "passwd").write_text(f"jovyan:x:1000:1000::{HOME}:/bin/bash\n")
        self._folder = folder

    def install(self) -> None:
        """The packages that Binder ships, then those of our environment.yml over them."""
        names, pins = base_pins()
        make = ["venv", "--relocatable", "--seed", "--python", aside.interpreter(VERSION)]
        aside.uv("making the image's environment", *make, self.prefix)
        constraints, asked = self._folder / "base.txt", self._folder / "asked.txt"
        constraints.write_text("\n".join(pins))
        environment = yaml.safe_load((self.home / "environment.yml").read_text(encoding="utf-8"))
        asked.write_text("\n".join(environment["dependencies"][-1]["pip"]))
        install = ["pip", "install", "--python", self.prefix / "bin" / "python"]
        base = [*install, "--constraint", constraints, "pip", *names]
        aside.uv("installing what Binder ships", *base)
        ours = [*install, "--compile-bytecode", "--requirement", asked]
        aside.uv("installing the packages of environment.yml", *ours)

    def last_steps(self) -> list[str]:
        """The commands that the Dockerfile runs in the repository's folder, as Binder's user."""
        return re.findall(r"^RUN (.*postBuild)$", self.dockerfile, re.MULTILINE)

    def command(self, *words, network=False) -> list[str]:
        """A command line that runs ``words`` as Binder's user, in the image."""
        python = (self.prefix / "bin" / "python").resolve().parents[1]
        see = [arg for name in ("usr", "etc") for arg in ("--ro-bind", f"/{name}", f"/{name}")]
        for name in ("bin", "sbin", "lib", "lib64"):
            at = Path("/", name)
            if at.is_symlink():
                see += ["--symlink", os.readlink(at), str(at)]
            elif at.is_dir():
                see += ["--ro-bind", str(at), str(at)]
        see += ["--ro-bind", str(self._folder / "passwd"), "/etc/passwd"]
        see += ["--ro-bind", str(python), str(python), "--proc", "/proc", "--dev", "/dev"]
        see += ["--tmpfs", "/tmp", "--bind", str(self.prefix), PREFIX]
        see += ["--bind", str(self.home), HOME, "--ro-bind", str(self.context), "/srv/context"]
        own = ["--unshare-all", *(["--share-net"] if network else []), "--die-with-parent"]
        own += ["--uid", "1000", "--gid", "1000", "--chdir", HOME, "--clearenv"]
        env = {
            "PATH": f"{PREFIX}/bin:/usr/local/bin:/usr/bin:/bin",
            "HOME": HOME,
            "REPO_DIR": HOME,
            "USER": "jovyan",
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
        }
        for name, value in env.items():
            own += ["--setenv", name, value]
        return ["bwrap", *own, *see, "--", *map(str, words)]

    def run(self, *words, memory=None, **options) -> subprocess.CompletedProcess:
        """Run a command in the image, without network, to its end."""
        return subprocess.run(
            self.command(*words),
            capture_output=True,
            text=True,
            preexec_fn=capped(memory) if memory else None,
            **options,
        )


def capped(size):
    """For preexec_fn: no process from here on gets more memory of its own than this.

    That is what it may write to. Its address space is larger, and costs nothing.
    """
    return lambda: resource.setrlimit(resource.RLIMIT_DATA, (size, size))
