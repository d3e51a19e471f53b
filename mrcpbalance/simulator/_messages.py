"""MRCP messages as simulated peers see them, the same for both versions."""

from collections.abc import Iterable
from typing import Final

import attrs

Fields = tuple[tuple[str, str], ...]

COMPLETE: Final = "COMPLETE"
IN_PROGRESS: Final = "IN-PROGRESS"
PENDING: Final = "PENDING"
_FRAMING: Final = (b"content-length", b"channel-identifier")


@attrs.frozen(kw_only=True)
class _Parts:
    headers: Fields = ()
    body: bytes = b""

    def get(self, name: str) -> str | None:
        """Look up the first value of a header; case doesn't matter."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@attrs.frozen(kw_only=True)
class Request(_Parts):
    """What a caller asks of a resource."""

    method: str
    request_id: int


@attrs.frozen(kw_only=True)
class Response(_Parts):
    """What a resource answers at once."""

    request_id: int
    status: int
    state: str


@attrs.frozen(kw_only=True)
class Event(_Parts):
    """What a resource tells later."""

    name: str
    request_id: int
    state: str


Message = Request | Response | Event


def title(message: Message | None) -> str:
    """Tell a message in a word: its method, its event, or the request-state it answers with."""
    match message:
        case Request(method=method):
            return method
        case Response(state=state):
            return state
        case Event(name=name):
            return name
    return ""


def encode(fields: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Write headers as octets."""
    return [(name.encode("ascii"), value.encode()) for name, value in fields]


def decode(fields: Iterable[tuple[bytes, bytes]]) -> Fields:
    """Read headers from octets, but for those that framing and routing own; what isn't UTF-8 stays recognisable."""
    return tuple(
        (name.decode("ascii"), value.decode(errors="backslashreplace"))
        for name, value in fields
        if name.lower() not in _FRAMING
    )
