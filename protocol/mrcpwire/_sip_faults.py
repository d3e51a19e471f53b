"""What is wrong with a SIP message, and the answer that can be given to it."""

from typing import TYPE_CHECKING, Final

from mrcpwire._errors import RemoteProtocolError

if TYPE_CHECKING:
    from mrcpwire._sip_messages import Response

_BAD_REQUEST: Final = 400


class SipError(RemoteProtocolError):
    """A message that can't be used.

    `answer` is a response ready to be sent, None where the rules want silence: to responses, to ACK, and to what
    can't be answered because its top Via isn't readable. `fatal` tells of a stream that can't go on, because nobody
    knows where the next message begins; after other faults the receiver goes on with the next message.
    """

    def __init__(
        self,
        code: str,
        rule: str,
        *,
        status_hint: int | None = _BAD_REQUEST,
        excerpt: bytes = b"",
        fatal: bool = True,
    ) -> None:
        super().__init__(code, rule, status_hint=status_hint, excerpt=excerpt)
        self.answer: Response | None = None
        self.fatal = fatal


def fault(
    what: str, rule: str, excerpt: bytes, *, status: int | None = _BAD_REQUEST, fatal: bool = True
) -> SipError:
    """Make the error to raise."""
    return SipError(f"sip.{what}", rule, status_hint=status, excerpt=excerpt, fatal=fatal)
