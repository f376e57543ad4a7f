"""Killed at random moments, grading goes on. ./course bench grading --faults does it 100 times."""

from arena import COURSE, Arena
from faults import killed


def test_the_same_command_finishes_what_was_killed(tmp_path):
    found = killed(Arena(tmp_path / "course", COURSE, "small"), tmp_path, submissions=8, kills=6)
    seen = {name: found.pop(name) for name in list(found) if name.startswith("kills")}
    assert sum(seen.values()) == 6
    assert found.pop("classes of 8 that were finished") >= 1
    assert set(found.values()) == {0}
