"""Start one person's server: the lessons in ~/course, and JupyterLab.

JupyterHub runs this as that person. Lessons that they changed stay as they are.
"""

import os
import sys
from pathlib import Path

from course_lib.cli import edition

HERE, HOME = Path(__file__).resolve().parent, Path.home()

HOME.chmod(0o700)  # Debian opens new homes to everybody
try:
    for sentence in edition.lay_out(HERE / "edition", HOME / "course"):
        print(sentence)
    (HOME / "course" / "quizzes").mkdir(exist_ok=True)  # the exchange brings them
except OSError as problem:  # such as a full disk: then JupyterLab is where to make room
    print(f"The lessons could not be laid out: {problem}.")
os.chdir(HOME)
os.execv(sys.executable, [sys.executable, "-P", "-m", "jupyterhub.singleuser", *sys.argv[1:]])
