"""The files of Pyodide that the course needs, and the lock that names them and the course's own.

Pyodide's own lock gives the hash of every package; what it does not list, and the lock itself, are
pinned here. A file that is not the official one is refused, wherever it came from.
"""

import hashlib
import json
import re
import sys
import urllib.request
import zipfile
from pathlib import Path

VERSION = "0.27.7"
OFFICIAL = f"https://cdn.jsdelivr.net/pyodide/v{VERSION}/full/"
LOCK = "pyodide-lock.json"
CORE = {
    LOCK: "9c45b916001a750f4102fc287494f3eab215909c7535c626a20db80fd6333e2c",
    "pyodide.js": "b4cb23a53aba19c221659b9fb40a2f18281d685691dc06647fb0afd0681baf98",
    "pyodide.asm.js": "6b4c90de5b7172873f04f21884d0e9d2274e305fe32116558fe3e4fbe3618d51",
    "pyodide.asm.wasm": "a50dd1843f805a0b7c45b61037ee0d7b26dfe85efe0e18ef95a34ad24e401f5f",
    "python_stdlib.zip": "16611534726e5d8ac2bd8f926410b2dcb8d6f49aa24913463533b457a2115c16",
}
#: What JupyterLite's kernel installs when it starts, and numpy.
KERNEL = ("micropip", "ssl", "sqlite3", "jedi", "ipython", "numpy")


class NotOfficial(Exception):
    """One sentence."""


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def fetch(base: str, name: str, known: str, kept: Path) -> bytes:
    """Return a file of Pyodide: from the folder `kept` if it is there, else from `base`.

    Raises NotOfficial if its sha256 is not `known`, OSError if it cannot be read.
    """
    here = kept / name
    if here.is_file() and sha256(data := here.read_bytes()) == known:
        return data
    try:
        with urllib.request.urlopen(base + name, timeout=60) as reply:
            data = reply.read()
    except OSError as problem:
        raise OSError(
            f"{base}{name} cannot be read ({problem}); connect to the network, or name a folder "
            "that holds Pyodide's files with --pyodide."
        ) from problem
    if sha256(data) != known:
        raise NotOfficial(
            f"{base}{name} is not the file of Pyodide {VERSION}: its sha256 is {sha256(data)}."
        )
    if not base.startswith("file:"):
        kept.mkdir(parents=True, exist_ok=True)
        here.write_bytes(data)
    return data


def needed(packages: dict[str, dict]) -> dict[str, dict]:
    """The entries of Pyodide's lock that the kernel needs, with all that these need."""
    found, open_names = {}, list(KERNEL)
    while open_names:
        name = open_names.pop()
        if name not in found:
            found[name] = packages[name.replace("_", "-")]
            open_names += found[name]["depends"]
    return {entry["name"].replace("_", "-").lower(): entry for entry in found.values()}


def entry(wheel: Path, depends: list[str]) -> dict[str, object]:
    """What a lock says of a wheel."""
    name, version = re.match(r"([^-]+)-([^-]+)-", wheel.name).groups()
    with zipfile.ZipFile(wheel) as packed:
        tops = {place.split("/")[0].removesuffix(".py") for place in packed.namelist()}
    return {
        "name": name.replace("_", "-").lower(),
        "version": version,
        "file_name": wheel.name,
        "sha256": sha256(wheel.read_bytes()),
        "install_dir": "site",
        "package_type": "package",
        "imports": sorted(top for top in tops if top.isidentifier()),
        "depends": depends,
        "unvendored_tests": False,
    }


def write(folder: Path, base: str, kept: Path, own: dict[Path, list[str]]) -> list[str]:
    """Write Pyodide, the wheels `own` and one lock of them all; return the packages' names.

    base: address of Pyodide's files, ending in a slash. kept: where downloads stay for the next
    time. own: wheels and the packages that each needs.
    """
    core = {name: fetch(base, name, known, kept) for name, known in CORE.items()}
    lock = json.loads(core.pop(LOCK))
    packages = needed(lock["packages"])
    for known in packages.values():
        core[known["file_name"]] = fetch(base, known["file_name"], known["sha256"], kept)
    for wheel, depends in own.items():
        made = entry(wheel, depends)
        packages[made["name"]] = made
        core[wheel.name] = wheel.read_bytes()
    lock["packages"] = dict(sorted(packages.items()))
    folder.mkdir(parents=True)
    for name, data in core.items():
        (folder / name).write_bytes(data)
    (folder / LOCK).write_text(json.dumps(lock, indent=1) + "\n", encoding="utf-8")
    print(f"Pyodide {VERSION}: {len(core)} files from {base}", file=sys.stderr)
    return list(lock["packages"])
