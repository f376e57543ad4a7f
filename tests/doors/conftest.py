"""What tests in several processes share is made before they start."""

import aside


def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        aside.python("pages")
