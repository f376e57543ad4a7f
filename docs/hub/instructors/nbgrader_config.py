"""The formgrader works in ~/class, with the settings that ./course class new has put there."""

from pathlib import Path

c = get_config()  # noqa: F821 (nbgrader provides it)

CLASS = Path.home() / "class"
if (CLASS / "nbgrader_config.py").is_file():
    load_subconfig("nbgrader_config.py", path=str(CLASS))  # noqa: F821 (nbgrader provides it)
c.CourseDirectory.root = str(CLASS)
