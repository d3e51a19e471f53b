"""What people said, taken out of a message: bodies become x of the same length; heads, SDP and line ends stay."""

import re
from typing import Final

_BLANK: Final = re.compile(rb"\r?\n\r?\n")
_SDP: Final = re.compile(rb"(?im)^(?:content-type|c)[ \t]*:[ \t]*application/sdp\b")
_MRCPV1: Final = re.compile(rb"(?im)^content-type[ \t]*:[ \t]*application/mrcp\b")
_X: Final = bytes(octet if octet in b"\r\n" else ord("x") for octet in range(256))


def masked(protocol: str, data: bytes) -> bytes:
    """Mask a whole message of `rtsp`, `sip` or `mrcpv2`; of octets in another protocol nothing can be told, so all of them."""
    if protocol not in ("rtsp", "sip", "mrcpv2"):
        return data.translate(_X)
    end = _BLANK.search(data)
    if end is None:
        return data
    head, body = data[: end.end()], data[end.end() :]
    if protocol != "mrcpv2" and _SDP.search(head):
        return data
    if protocol == "rtsp" and _MRCPV1.search(head):
        return head + masked("mrcpv2", body)
    return head + body.translate(_X)
