"""Stand-ins that do nothing, so that the hot path need not ask whether somebody is there."""

from typing import Final

from mrcpbalance.sessions.ports import CloseReason


class _Nobody:
    """Owns a link whose owner wants to hear no more."""

    def connected(self, now: float) -> None: ...
    def received(self, data: bytes, now: float) -> None: ...
    def finished(self, now: float) -> None: ...
    def lost(self, reason: CloseReason, now: float) -> None: ...
    def crashed(self, now: float) -> None: ...


class _Gone:
    """Has a descriptor that was given up: what the epoll still tells of it in this round means nothing."""

    def ready(self, event: int, /) -> None: ...


NOBODY: Final = _Nobody()
GONE: Final = _Gone()
