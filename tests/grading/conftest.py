import shutil

import pytest

import tiny
from course_lib.grading import classes

# SQLAlchemy 2.1 remarks on how nbgrader 0.9.6 builds its objects; the results are right.
QUIET = "ignore:Object of type:sqlalchemy.exc.SAWarning"


def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.filterwarnings(QUIET))


@pytest.fixture(scope="session")
def released(tmp_path_factory):
    """A class whose quiz is released, to be copied."""
    folder = tmp_path_factory.mktemp("tiny") / "class"
    tiny.make(folder)
    return folder


@pytest.fixture
def room(released, tmp_path):
    """A class of one's own."""
    shutil.copytree(released, tmp_path / "class")
    return classes.Classroom(tmp_path / "class")
