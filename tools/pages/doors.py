"""Where a lesson can be run: the ways out of a page that stands still."""

from __future__ import annotations

from typing import NamedTuple


class Door(NamedTuple):
    """A way to a lesson; without an address it only says how."""

    name: str
    address: str
    how: str


class Doors(NamedTuple):
    """What is known of this course's doors; an empty one is described instead of linked.

    ``site`` is the address of the browser-only course, from the page or in full; ``repository``
    is OWNER/NAME on GitHub; ``hub`` is the folder of the course as the JupyterHub shows it.
    """

    site: str = ""
    repository: str = ""
    hub: str = ""

    def to(self, place: str, lesson: str) -> list[Door]:
        """The doors to ``place``, a path in the student edition."""
        binder = f"https://mybinder.org/v2/gh/{self.repository}/HEAD?urlpath=lab/tree/{place}"
        asks = "" if self.repository else ", by the link that your teacher gives"
        hub = f"{self.hub.rstrip('/')}/{place}" if self.hub else ""
        return [
            Door("in your browser alone", self.in_browser(place), ", without installing anything"),
            Door("on Binder", binder if self.repository else "", asks),
            Door("on your university's JupyterHub", hub, "" if hub else ", if it has the course"),
            Door(
                "on your own computer", "", f": type ./course lab {lesson} in the course's folder"
            ),
        ]

    def in_browser(self, place: str) -> str:
        """The address of ``place`` in the browser-only course; empty if that is not known."""
        return f"{self.site.rstrip('/')}/lab/index.html?path={place}" if self.site else ""
