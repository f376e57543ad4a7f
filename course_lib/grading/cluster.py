"""Grading on a dask.distributed cluster: stages 1 to 3 on its workers, stage 4 here.

A worker has this course and its environment, reads the class folder at the same place as this
computer, and makes its own sandboxes. It grades one submission after the other, so give it one
thread.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from course_lib.grading.grade import Graded, grade_one

AGAIN = "Then type the same command again: what is graded stays."


class ClusterError(Exception):
    """One sentence: what the cluster lacks, and what to do."""


def grade_all(
    submissions: Iterable[tuple[Path, Path | None]], source: Path, scheduler: str, **settings
) -> Iterator[tuple[Path, Graded]]:
    """Grade submissions as ``grade.grade_all`` does, on the cluster at ``scheduler``.

    Raises ClusterError if there is no such cluster or one of its workers cannot grade.
    """
    try:
        from distributed import Client, as_completed
    except ImportError:
        raise ClusterError(
            "a cluster needs the package distributed, here and on its workers; "
            "./course test tests/grading/test_scale.py installs it and tries it out."
        ) from None
    try:
        client = Client(scheduler, timeout=10)
    except (OSError, ValueError) as error:
        raise ClusterError(f"no cluster answers at {scheduler}: {error}.") from None
    with client:
        _check(client, source)
        waiting, under_way, done = iter(submissions), {}, as_completed(raise_errors=False)
        while True:
            ahead = 2 * len(client.nthreads())  # few, so that memory does not grow
            for path, root in islice(waiting, max(0, ahead - len(under_way))):
                task = client.submit(grade_one, path, source, root, pure=False, **settings)
                under_way[task] = path
                done.add(task)
            if not under_way:
                return
            task = next(done)
            yield under_way.pop(task), _result(task)


def fingerprint(source: Path) -> str:
    """Return what must be the same on every computer: the grader's code and the quiz."""
    code = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in [*code, source])).hexdigest()


def _check(client, source: Path) -> None:
    """Raise ClusterError unless there are workers and all have what grading takes."""
    if not client.nthreads():
        raise ClusterError("the cluster has no workers; start some, as dask worker does.")
    for worker, found in client.run(fingerprint, source, on_error="return").items():
        if found != fingerprint(source):
            why = f" ({found})" if isinstance(found, Exception) else ""
            raise ClusterError(
                f"the worker at {worker} has another version of the course, or does not see "
                f"{source} as it is here{why}. {AGAIN}"
            )


def _result(task) -> Graded:
    """Return what a worker has graded; ``grade_one`` itself fails for no submission."""
    try:
        return task.result()
    except Exception as error:
        words = str(error).split("\n")[0] or type(error).__name__
        raise ClusterError(f"a worker of the cluster stopped: {words}. {AGAIN}") from error
