"""Reading a lesson's markdown: sentences, words and sections, without tables, code and maths."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
# Sections that list rather than teach.
LISTS = ("Words of this lesson", "References", "Where these numbers come from")


def cells(path):
    """The cells of a lesson, each with its source as one string."""
    found = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [{**cell, "source": "".join(cell["source"])} for cell in found]


def plain(markdown):
    """Prose only: no table, formula, picture, code, heading, comment or address."""
    text = re.sub(r"\$\$.*?\$\$", "", markdown, flags=re.S)
    text = re.sub(r"!\[.*?\]\(.*?\)", "", text)
    text = re.sub(r"\[(.*?)\]\(.*?\)", r"\1", text)
    lines = [line for line in text.split("\n") if not line.startswith(("|", "#", "<!--"))]
    text = re.sub(r"`([^`]*)`", r"\1", "\n".join(lines))
    return re.sub(r"\$([^$]*)\$", "X", text)


def paragraphs(markdown):
    """Blocks of prose; each item of a list is one."""
    text = re.sub(r"\n(- |\d+\. )", r"\n\n", "\n" + plain(markdown))
    return [re.sub(r"\s+", " ", block).strip() for block in text.split("\n\n") if block.strip()]


def sentences(markdown):
    """Sentences end with a full stop, question or exclamation mark before a space."""
    found = []
    for block in paragraphs(markdown):
        bare = block.replace("*", "")
        found += re.split(r'(?<=[.?!])["”)]*\s+(?=["“(]?[A-Z0-9$])', bare)
    return [sentence for sentence in found if words(sentence)]


def words(text):
    return re.findall(r"[\w.,:/×%°−-]*\w[\w.,:/×%°−-]*", text)


def sections(path):
    """(heading, prose) of each section, code cells left out."""
    text = "\n\n".join(c["source"] for c in cells(path) if c["cell_type"] == "markdown")
    parts = re.split(r"^#+ (.+)$", text, flags=re.M)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def taught(path):
    """Markdown cells that teach: without the title, the objectives and the closing lists."""
    return [
        cell
        for cell in cells(path)
        if cell["cell_type"] == "markdown"
        and not re.match(r"# |## What you will be able", cell["source"])
        and not any(cell["source"].startswith(f"## {name}") for name in LISTS)
    ]
