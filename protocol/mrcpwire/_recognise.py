"""Telling the protocol of a connection by its first octets."""

import enum
import re
from collections.abc import Mapping
from typing import Final

from mrcpwire._lines import TOKEN

FILLER: Final = 64  # CR and LF that may come before the first message (M-01, R-01)
LOOK_AHEAD: Final = 2048  # octets in which a request line must come to its version

_TLS: Final = b"\x16\x03"  # a handshake record of any version (RFC 8446, section 5.1)
# A method, a URI and a version, with runs of SP between them, as far as they are there.
_REQUEST: Final = re.compile(rb"%b(?: +(?:[!-~\x80-\xff]+(?: +([!-~]*))?)?)?" % TOKEN)


class Wire(enum.Enum):
    """What a connection speaks."""

    RTSP = "rtsp"
    MRCPV2 = "mrcpv2"
    SIP = "sip"
    TLS = "tls"
    UNKNOWN = "unknown"
    NEED_MORE = "need-more"  # several are possible yet


# How a response begins, and the last token of a request; in MRCPv2 every message begins so.
_IN_REQUESTS: Final = {Wire.RTSP: b"RTSP/", Wire.SIP: b"SIP/"}
_AT_THE_START: Final = {Wire.MRCPV2: b"MRCP/", **_IN_REQUESTS}


def recognise(prefix: bytes) -> Wire:
    """Tell the protocol from everything received so far; a verdict other than NEED_MORE never changes.

    At most `FILLER` + `LOOK_AHEAD` octets are looked at.
    """
    if prefix.startswith(_TLS):
        return Wire.TLS
    if _TLS.startswith(prefix):
        return Wire.NEED_MORE
    start = prefix[: FILLER + 1].lstrip(b"\r\n")
    filler = len(prefix[: FILLER + 1]) - len(start)
    if filler > FILLER:
        return Wire.UNKNOWN
    line = prefix[filler : filler + LOOK_AHEAD]
    found = _message(line)
    return Wire.UNKNOWN if found is Wire.NEED_MORE and len(line) == LOOK_AHEAD else found


def _message(line: bytes) -> Wire:
    found = _version(line, _AT_THE_START)
    if found is not Wire.UNKNOWN:
        return found
    match = _REQUEST.match(line)
    if match is None:
        return Wire.UNKNOWN
    if match[1] is None:
        return Wire.NEED_MORE if match.end() == len(line) else Wire.UNKNOWN
    return _version(line[match.start(1) :], _IN_REQUESTS)


def _version(text: bytes, versions: Mapping[Wire, bytes]) -> Wire:
    for wire, version in versions.items():
        start = text[: len(version)]
        if wire is Wire.SIP:
            start = start.upper()  # RFC 3261 section 7.1
        if start == version:
            return wire
        if version.startswith(start):
            return Wire.NEED_MORE
    return Wire.UNKNOWN
