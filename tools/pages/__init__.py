"""./course pages: each lesson as one self-contained page, to read and to print."""

from __future__ import annotations

from pathlib import Path

from course_lib.cli import edition
from pages import instructor, layout, lesson, maths
from pages.doors import Doors

__all__ = ["Doors", "write", "write_for_instructors"]
INDEX = "index.html"


def write(root: Path, out: Path, doors: Doors = Doors()) -> list[Path]:  # noqa: B008
    """Write a page for each lesson below ``root``, and a list of them; return their paths.

    Raises ValueError for a formula that cannot be drawn, and the launcher's SetupError if the
    package that draws them cannot be fetched.
    """
    made = [lesson.read(root / place, doors) for place in edition.lessons(root).values()]
    drawn = iter(maths.drawn([formula for page in made for formula in page.formulas()]))
    texts = {INDEX: layout.page("Lessons", layout.fill("lessons", pages=made))}
    for number, page in enumerate(made):
        page.draw([next(drawn) for _ in page.formulas()])
        links = [("All lessons", INDEX)]
        links += [(f"← {before.title}", f"{before.name}.html") for before in made[:number][-1:]]
        links += [(f"{after.title} →", f"{after.name}.html") for after in made[number + 1 :][:1]]
        texts[f"{page.name}.html"] = layout.page(page.title, str(page.body), links)
    return _written(out, texts)


def write_for_instructors(root: Path, out: Path) -> list[Path]:
    """Write what a teacher wants at hand, a page for each lesson; return their paths.

    They hold the answers of the quizzes.
    """
    made = {name: instructor.page(root, name) for name in edition.lessons(root)}
    listed = [(name, title) for name, (title, _) in made.items()]
    texts = {INDEX: layout.page("For instructors", layout.fill("instructors", pages=listed))}
    for name, (title, body) in made.items():
        texts[f"{name}.html"] = layout.page(f"{title}: instructor", body, [("All lessons", INDEX)])
    return _written(out, texts)


def _written(out: Path, texts: dict[str, str]) -> list[Path]:
    for name, text in texts.items():
        edition.replace(out / name, text.encode())
    return [out / name for name in texts]
