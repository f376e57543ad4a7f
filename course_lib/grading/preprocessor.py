"""``nbgrader autograde`` and formgrader's button, on the course's road instead of nbgrader's.

nbgrader reads a submission, mends it, runs it with your rights and judges what it printed. Here the
first step, reading, already gives back the graded notebook (stages 1 to 4), and nothing is left
for nbgrader's own steps. Switched on in ``nbgrader_config.py``::

    c.Autograde.exporter_class = "course_lib.grading.preprocessor.GradedExporter"
    c.Autograde.sanitize_preprocessors = []
    c.Autograde.autograde_preprocessors = []
    c.Autograde.pre_convert_hook = "course_lib.grading.preprocessor.drop_links"

(A preprocessor would come too late: nbgrader has followed links and parsed the file by then.)
"""

from __future__ import annotations

from pathlib import Path

from nbconvert.exporters import NotebookExporter

from course_lib.grading.grade import Grader
from course_lib.grading.record import Record, fingerprint


class GradedExporter(NotebookExporter):
    """Reads a submission by grading it."""

    _grader: tuple[Path, str, Grader] | None = None

    def from_filename(self, filename, resources=None, **kw):
        """Return the graded notebook; what was graded is read again as it is."""
        autograde = self.parent
        if not autograde._sanitizing:
            return super().from_filename(filename, resources, **kw)
        names = resources["nbgrader"]
        assignment, notebook, student = (
            names[key] for key in ("assignment", "notebook", "student")
        )
        coursedir, path = autograde.coursedir, Path(filename)
        source = Path(
            coursedir.format_path(coursedir.source_directory, ".", assignment),
            f"{notebook}.ipynb",
        )
        submitted = fingerprint(path)
        graded = self._warm(source).grade(path, Path(coursedir.root))
        with Record(coursedir, assignment, notebook, fingerprint(source)) as record:
            record.put(student, submitted, graded)
        for flag in graded.flags:
            self.log.warning("%s: %s", student, flag.message)
        return self.from_notebook_node(graded.notebook, resources, **kw)

    def _warm(self, source: Path) -> Grader:
        """Return the grader of a quiz, with its processes; nbgrader grades one after the other."""
        known = (source, fingerprint(source))
        if self._grader is None or self._grader[:2] != known:
            if self._grader:
                self._grader[2].close()
            GradedExporter._grader = (*known, Grader(source, config=self.config))
        return self._grader[2]


def drop_links(assignment, student, notebooks) -> None:
    """Remove links and pipes from a submission: nbgrader would copy what they lead to."""
    for folder in {Path(notebook).parent for notebook in notebooks}:
        for path in folder.rglob("*"):
            plain = not path.is_symlink() and (path.is_file() or path.is_dir())
            if not plain and path.suffix != ".ipynb":
                path.unlink()
