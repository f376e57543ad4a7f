"""Collecting from an exchange folder that a whole class can write to.

nbgrader takes whose submission it is from the folder's name, which anybody can choose, and only
logs it if the folder belongs to another account. It copies what links lead to with the
instructor's rights, so that a link to the solutions would be handed in, graded and shown. And one
folder with a date that is none stops the collection for all. Here the account that owns a folder
decides, and only plain files of that account are read. Switched on in ``nbgrader_config.py``::

    c.ExchangeFactory.collect = "course_lib.grading.exchange.Collect"

``c.ExchangeCollect.check_owner = False`` trusts the names, for a server on which all accounts
are one.
"""

from __future__ import annotations

import contextlib
import os
import stat
from datetime import datetime
from pathlib import Path

from nbgrader.exchange import ExchangeError
from nbgrader.exchange.default import ExchangeCollect

from course_lib.grading.record import LARGEST

NOBODY = {"username": "", "filename": "", "timestamp": datetime.min}
PLAIN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK  # no link, and no waiting for a pipe


def account(number: int) -> str:
    """Return the name of an account of this computer, or its number."""
    import pwd  # Windows has none, and no exchange

    with contextlib.suppress(KeyError):
        return pwd.getpwuid(number).pw_name
    return str(number)


class Collect(ExchangeCollect):
    """``nbgrader collect``, the formgrader's button and ``./course class collect``."""

    def init_src(self):
        """Find what was handed in, and leave out what nobody can have handed in."""
        super().init_src()
        self.src_records = [found for found in self.src_records if found["username"]]

    def _path_to_record(self, path):
        try:
            found = super()._path_to_record(path)
            with self._opened(path, found["username"]):
                return found
        except (ExchangeError, OSError, ValueError, OverflowError) as problem:
            self.log.error("Left out: %s: %s.", Path(path).name, problem)
            return NOBODY

    @contextlib.contextmanager
    def _opened(self, path, student):
        """Give a handle on a submission's folder; raise PermissionError if it is another's."""
        folder = os.open(path, PLAIN | os.O_DIRECTORY)
        try:
            owner = account(os.fstat(folder).st_uid)
            if self.check_owner and owner != student:
                raise PermissionError(f"it says {student}, and belongs to the account {owner}")
            yield folder
        finally:
            os.close(folder)

    def do_copy(self, src, dest, log=None):
        """Copy a submission's plain files, which may change while they are read."""
        os.makedirs(dest)
        with self._opened(src, Path(src).name.rsplit("+", 3)[0]) as folder:
            for name in sorted(os.listdir(folder)):
                try:
                    self._copy(name, folder, Path(dest, name))
                except OSError as problem:
                    self.log.error("Left out: %s of %s: %s.", name, Path(src).name, problem)

    def _copy(self, name, folder, target):
        with open(os.open(name, PLAIN, dir_fd=folder), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode) or found.st_uid != os.fstat(folder).st_uid:
                raise PermissionError("it is not a plain file of their own")
            if found.st_size > LARGEST:
                raise PermissionError(f"it has more than {LARGEST:,} bytes")
            target.write_bytes(file.read(LARGEST))
