"""Mechanism pictures: described, legible, in the colours and arrows of the course."""

import re
from xml.etree import ElementTree

import pytest

from course_lib.evidence import ASSETS
from course_lib.labs.view import ACTORS

SVG = "{http://www.w3.org/2000/svg}"
FIGURES = sorted((ASSETS / "figures").glob("*.svg"))
DARK = {"#222222", "#FFFFFF", "#00664A"}  # text, text on a disc, drug as text
# Tints of the actors and of the page: fills only.
PALE = {"#DCEBF6", "#F8E4D6", "#FBF0E8", "#E9BE9E", "#F3CDB2", "#E4E4E4", "#F3F3F3", "#F7F7F7"}
LINES = {"#C9C9C9", "#B8B8B8"}  # dividers, and a signal that does not arrive
ARROWS = ("activates", "blocks", "moves", "becomes")
READ = pytest.mark.parametrize("path", FIGURES, ids=lambda path: path.stem)


def texts(root, name):
    return [
        " ".join("".join(t.itertext()).split())
        for t in root.iter(f"{SVG}text")
        if t.get("class") == name
    ]


@READ
def test_it_has_a_title_and_a_description(path):
    root = ElementTree.parse(path).getroot()
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == "title desc"
    title, described = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert (title.get("id"), described.get("id")) == ("title", "desc")
    assert len(title.text) > 20
    assert len(described.text) > 200


@READ
def test_it_has_at_most_seven_labels_and_numbered_steps(path):
    root = ElementTree.parse(path).getroot()
    assert 1 <= len(set(texts(root, "label"))) <= 7
    steps = next(g for g in root.iter(f"{SVG}g") if g.get("class") == "steps")
    numbers = [t.text for t in steps.iter(f"{SVG}text")]
    assert numbers == [str(i + 1) for i in range(len(numbers))]
    said = "".join(root.find(f"{SVG}desc").text)
    assert all(f"Step {number}:" in said for number in numbers)


@READ
def test_text_has_at_least_12_pixels_at_800(path):
    source = path.read_text(encoding="utf-8")
    width = float(re.search(r'viewBox="[\d.]+ [\d.]+ ([\d.]+)', source)[1])
    sizes = [float(size) for size in re.findall(r'font-size="([\d.]+)"', source)]
    assert sizes
    assert min(sizes) * 800 / width >= 12


@READ
def test_its_colours_are_the_actors(path):
    source = path.read_text(encoding="utf-8").upper()
    used = set(re.findall(r"#[0-9A-F]{6}", source))
    assert used <= {colour.upper() for colour in ACTORS.values()} | DARK | PALE | LINES
    assert not re.search(r"<(IMAGE|SCRIPT|STYLE)|HTTP(?!://WWW\.W3\.ORG/2000/SVG)", source)


@READ
def test_its_key_names_every_arrow_it_uses_and_no_other(path):
    root = ElementTree.parse(path).getroot()
    key = next(g for g in root.iter(f"{SVG}g") if g.get("class") == "key")
    named = [t.text for t in key.iter(f"{SVG}text")][1:]
    drawn = [e for e in root.iter() if e not in set(key.iter())]
    dashed = [e for e in drawn if e.get("stroke-dasharray")]
    tips = [e for e in drawn if e.get("marker-end") == "url(#tip)" and e not in dashed]
    uses = {
        "activates": tips,
        "blocks": [e for e in drawn if e.get("marker-end") == "url(#bar)"],
        "moves": dashed,
        "becomes": [e for e in drawn if e.get("href") == "#becomes"],
    }
    assert named == [arrow for arrow in ARROWS if uses[arrow]]
