"""Where quizzes are fetched from and handed in, and where they lie: as the lessons link to them."""

import os
from pathlib import Path

c = get_config()  # noqa: F821 (nbgrader provides it)

c.CourseDirectory.course_id = "breast_cancer_immunotherapy"
c.Exchange.root = os.environ["COURSE_EXCHANGE"]
c.Exchange.assignment_dir = str(Path.home() / "course" / "quizzes")
