"""Find a Chromium or Chrome for the browser tests, or get one."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import system

NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"]
PLACES = [
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
]
DEBIAN = ["chromium", "libatomic1"]
ASK_PLAYWRIGHT = [sys.executable, "-m", "playwright", "install", "chromium"]
OWN_BROWSER = (
    "import playwright.sync_api as api\n"
    "with api.sync_playwright() as running: print(running.chromium.executable_path)"
)


def installed():
    """The path of a browser on this machine, or None."""
    chosen = os.environ.get("COURSE_CHROMIUM")
    if chosen:
        if shutil.which(chosen):
            return chosen
        raise system.Missing(f"COURSE_CHROMIUM names {chosen}, which is not a program.")
    found = [shutil.which(name) for name in NAMES] + [p for p in PLACES if Path(p).is_file()]
    return next(filter(None, found), None)


def node_works():
    """Can Playwright's own node start? On a bare Debian it lacks libatomic1."""
    from playwright._impl._driver import compute_driver_executable

    node = compute_driver_executable()[0]
    return subprocess.run([str(node), "--version"], capture_output=True).returncode == 0


def playwrights_own():
    path = subprocess.run([sys.executable, "-c", OWN_BROWSER], capture_output=True, text=True)
    path = path.stdout.strip()
    return path if path and Path(path).is_file() else None


def ensure():
    """The path of a browser that Playwright can drive, installed if need be and may be.

    Ubuntu's chromium package is a stub for a snap, so there Playwright is asked.
    """
    found = installed()
    if not found and system.is_debian() and system.is_root() and system.apt_get(*DEBIAN):
        found = installed()
    system.ensure(node_works, "libatomic1")
    found = found or playwrights_own()
    if not found:
        print("Asking Playwright for Chromium …", flush=True)
        ask = [*ASK_PLAYWRIGHT, "--with-deps"] if system.is_root() else ASK_PLAYWRIGHT
        subprocess.run(ask, stdin=subprocess.DEVNULL, capture_output=True)
        found = playwrights_own()
    if not found:
        install = f"sudo apt-get install -y {' '.join(DEBIAN)}"
        command = install if system.is_debian() else " ".join([*ASK_PLAYWRIGHT, "--with-deps"])
        raise system.Missing(f"no Chromium or Chrome for the browser tests; type: {command}")
    return found


if __name__ == "__main__":
    try:
        print(ensure())
    except system.Missing as missing:
        sys.exit(f"course: {missing}")
