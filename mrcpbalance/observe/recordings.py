"""What the admin interface is handed of recordings: to begin one, to tell of those there are."""

from collections.abc import Mapping
from typing import Protocol

from mrcpbalance.sessions import Session


class RecordError(Exception):
    """A recording that can't be had; says why. `busy`: for now."""

    def __init__(self, text: str, *, busy: bool) -> None:
        super().__init__(text)
        self.busy = busy


class Recording(Protocol):
    """A capture that is being taken."""

    async def next(self) -> bytes:
        """Wait for the next octets of its file; none at its end."""

    def leave(self) -> None:
        """End it."""


class Recordings(Protocol):
    """The recordings of a proxy."""

    def take(self, asked: Mapping[str, str]) -> Recording:
        """Begin one of sessions that begin from now on; raises `RecordError`."""

    def rows(self) -> list[dict[str, object]]:
        """Tell of those that are being taken."""

    def file_of(self, session: Session) -> str | None:
        """Give the file in which a live session will be kept, if that is certain."""
