"""What the proxy itself answers on RTSP: the table at the end of protocol-notes B.5."""

import enum

from mrcpwire import rtsp

PUBLIC = b"OPTIONS, DESCRIBE, SETUP, TEARDOWN, ANNOUNCE"
_RETRY_AFTER = ((b"Retry-After", b"5"),)


class Fault(enum.Enum):
    """Why a request is answered here: status, and whether waiting may help (Retry-After)."""

    MALFORMED = (400, False)
    MESSAGE_TIMEOUT = (408, False)
    TOO_LARGE = (413, False)  # more than can be kept until it is known which backend takes it
    NO_SESSION = (454, False)
    NO_ROOM = (453, False)  # no seat for a further resource of a session
    TRANSPORT = (461, False)
    OWN_FAULT = (500, False)
    BACKEND_LOST = (502, False)
    NONE_FREE = (503, False)  # every backend is full, or the proxy is: waiting need not help
    UNAVAILABLE = (503, True)  # no backend is up, or the proxy is about to end
    TIMEOUT = (504, False)

    @property
    def status(self) -> int:
        """The RTSP status code."""
        return self.value[0]

    def reply(self, cseq: bytes | None, session: bytes | None = None) -> bytes:
        """Write the answer."""
        headers = _RETRY_AFTER if self.value[1] else ()
        return rtsp.reply(self.status, cseq=cseq, session=session, headers=headers)


def option_not_supported(cseq: bytes, option: bytes) -> bytes:
    """Refuse a request that requires something of proxies (551; RFC 2326 section 12.27)."""
    return rtsp.reply(551, cseq=cseq, headers=((b"Unsupported", option),))


def options(cseq: bytes, session: bytes | None = None) -> bytes:
    """Answer OPTIONS for the whole pool (protocol-notes B.2)."""
    return rtsp.reply(200, cseq=cseq, session=session, headers=((b"Public", PUBLIC),))


def alive(cseq: bytes, session: bytes | None) -> bytes:
    """Answer an in-session keep-alive (R-30)."""
    return rtsp.reply(200, cseq=cseq, session=session)
