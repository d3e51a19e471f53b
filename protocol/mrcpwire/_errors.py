"""Errors of the wire formats: one tree, so that a caller needs one `except`."""

from typing import Final

EXCERPT: Final = 64  # octets of the offending input kept for logs


class WireError(Exception):
    """Anything the wire formats complain about."""


class LocalProtocolError(WireError):
    """We were about to write something no peer may see: a bug on our side."""


class RemoteProtocolError(WireError):
    """A peer broke the protocol.

    `code` is stable ("rtsp.bad-start-line"), for logs and counters, and `rule` names the broken rule ("R-04").
    `status_hint` is the status an answer should bear, None where no answer helps. `excerpt` holds the first octets
    of what was wrong, at most `EXCERPT`. `cseq` is the CSeq of the faulty RTSP message where it could be read.
    """

    def __init__(
        self,
        code: str,
        rule: str,
        *,
        status_hint: int | None = None,
        excerpt: bytes = b"",
        cseq: bytes | None = None,
    ) -> None:
        super().__init__(f"{code} ({rule})")
        self.code = code
        self.rule = rule
        self.status_hint = status_hint
        self.excerpt = bytes(excerpt[:EXCERPT])
        self.cseq = cseq
