"""Keeps a student's predictions in one small file beside the lessons, sent nowhere.

The last lesson looks back on them. The file is plain JSON: lab name -> what was
predicted, why, and what was then observed.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

#: Relative, so that it lies beside the lesson whose kernel writes it.
FILE = Path("my_predictions.json")


def read(lab: str) -> dict[str, str]:
    """Return the record of one lab; empty if there is none or the file is unreadable."""
    return _all().get(lab, {})


def records() -> dict[str, dict[str, str]]:
    """Return the records of all labs, by the name of the lab."""
    return {lab: record for lab, record in _all().items() if isinstance(record, dict)}


def write(lab: str, **record: str) -> None:
    """Add to the record of one lab. A folder without write permission is no error.

    An unreadable file is kept beside the new one rather than overwritten.
    """
    everything = _all()
    everything[lab] = {**everything.get(lab, {}), **record}
    text = json.dumps(everything, indent=1, ensure_ascii=False)
    scratch = FILE.with_suffix(".tmp")
    try:
        if FILE.exists() and not _parsed():
            FILE.replace(FILE.with_suffix(".unreadable.json"))
        scratch.write_text(text + "\n", encoding="utf-8")
        os.replace(scratch, FILE)
    except OSError:
        return


def _parsed() -> dict | None:
    try:
        content = json.loads(FILE.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _all() -> dict[str, dict[str, str]]:
    return _parsed() or {}
