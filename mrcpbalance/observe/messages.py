"""What messages of a session say, for people who look on: direction, start-line, time and sizes."""

import re
from collections.abc import Callable
from typing import Final

import attrs

from mrcpbalance.sessions import Direction, Hop, Overheard
from mrcpbalance.sessions.ports import Port

from ._render import visible

LINE: Final = 256  # characters of a start-line
_BLANK: Final = re.compile(rb"\r?\n\r?\n")
_MRCPV1: Final = re.compile(rb"(?im)^content-type[ \t]*:[ \t]*application/mrcp\b")
_ARROWS: Final = {
    Direction.FROM_CLIENT: "client",
    Direction.TO_CLIENT: "client",
    Direction.FROM_BACKEND: "backend",
    Direction.TO_BACKEND: "backend",
}


@attrs.frozen
class Telling:
    """How a message is told; `wall` makes calendar time of the cores' time, `bodies` tells what they carry too."""

    wall: Callable[[float], float]
    bodies: bool = False

    def row(self, message: Overheard) -> dict[str, object]:
        """Tell of one message."""
        data, body = message.data, body_of(message)
        line, mrcp = lines_of(message)
        row: dict[str, object] = {
            "time": round(self.wall(message.at), 6),
            "direction": message.direction.value,
            "peer": _ARROWS[message.direction],
            "protocol": message.protocol,
            "line": line,
            "mrcp": mrcp,
            "octets": len(data),
            "body": len(body),
            "remote": _remote(message.way),
        }
        if self.bodies:
            row["text"] = body.decode(errors="backslashreplace")
        return row


def lines_of(message: Overheard) -> tuple[str | None, str | None]:
    """Give the start-line of a message, and that of the MRCPv1 message it carries; None where there is none."""
    head, body = _split(message)
    carries = message.protocol == "rtsp" and _MRCPV1.search(head) is not None
    return start_line(head), start_line(body) if carries else None


def body_of(message: Overheard) -> bytes:
    """Give what comes after the head; of octets that nobody reads, all."""
    return _split(message)[1]


def start_line(data: bytes) -> str | None:
    """Give the first line, cut and without control characters; None where there is none."""
    text = data[: LINE * 4].partition(b"\n")[0].rstrip(b"\r").decode(errors="backslashreplace")
    if len(text) > LINE:
        text = f"{text[:LINE]}…"
    return visible(text) or None


def _split(message: Overheard) -> tuple[bytes, bytes]:
    """Part head and body; octets that nobody reads are all body."""
    if message.protocol == "tcp":
        return b"", message.data
    end = _BLANK.search(message.data)
    return (message.data, b"") if end is None else (message.data[: end.end()], message.data[end.end() :])


def _remote(way: Port | Hop) -> str:
    if isinstance(way, Hop):
        return str(way.remote)
    host = f"[{way.peer}]" if ":" in way.peer else way.peer
    return f"{host}:{way.peer_port}" if way.peer_port else host
