"""Real Chromium, wherever a test asks for a page."""

from __future__ import annotations

from pathlib import Path

import pytest

from browser import installed

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    found = installed()
    quiet = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
    arguments = {**browser_type_launch_args, "args": quiet}
    # Without an installed browser, playwright uses the one it downloaded itself.
    return {**arguments, "executable_path": found} if found else arguments


@pytest.fixture(scope="session")
def screenshots() -> Path:
    folder = ROOT / "screenshots"
    folder.mkdir(exist_ok=True)
    return folder
