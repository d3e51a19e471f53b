"""Probes of an RTSP address: DESCRIBE (R-29), or a whole session."""

from typing import Final

import trio

from mrcpbalance.config import Address
from mrcpwire import rtsp

from ._link_dial import Target
from .probes_exchange import ProbeFailedError, connection, until

FULL: Final = 453  # Not Enough Bandwidth: it lives, but has no room
_OFFER: Final = (
    b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    b"m=audio 4000 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
)
_SET_UP: Final = (
    (b"Transport", b"RTP/AVP;unicast;client_port=4000-4001"),
    (b"Content-Type", b"application/sdp"),
)


async def describe(target: Target, address: Address, path: str) -> None:
    """Ask at a target what a resource of `address` is; any final answer is life, but 408 and those of a server in trouble (R-29)."""
    async with connection(target) as stream:
        status = (await _Conversation(stream, address, path).ask(b"DESCRIBE")).status
    _judge(b"DESCRIBE", status, alive=status < 500 and status != 408)  # noqa: PLR2004


async def session(target: Target, address: Address, path: str) -> None:
    """Set a session up and end it; a server that is full is well."""
    async with connection(target) as stream:
        conversation = _Conversation(stream, address, path)
        answer = await conversation.ask(b"SETUP", headers=_SET_UP, body=_OFFER)
        began = answer.status < 300 and answer.session is not None  # noqa: PLR2004 - where the class of success ends
        _judge(b"SETUP", answer.status, alive=began or answer.status == FULL)
        if began:
            status = (await conversation.ask(b"TEARDOWN", session=answer.session)).status
            _judge(b"TEARDOWN", status, alive=status < 300)  # noqa: PLR2004


def _judge(method: bytes, status: int, *, alive: bool) -> None:
    if not alive:
        raise ProbeFailedError(f"{method.decode()} answered {status}")


class _Conversation:
    """Requests on one connection, one after the other."""

    def __init__(self, stream: trio.SocketStream, address: Address, path: str) -> None:
        self._stream = stream
        self._uri = f"rtsp://{address}{path}".encode()
        self._receiver = rtsp.Receiver()
        self._cseq = 0

    async def ask(
        self,
        method: bytes,
        *,
        session: bytes | None = None,
        headers: tuple[tuple[bytes, bytes], ...] = (),
        body: bytes = b"",
    ) -> rtsp.Response:
        """Send a request and wait for its final answer."""
        self._cseq += 1
        cseq = b"%d" % self._cseq
        request = rtsp.request(method, self._uri, cseq=cseq, session=session, headers=headers, body=body)
        await self._stream.send_all(request)

        def wanted(message: object) -> bool:
            return (
                isinstance(message, rtsp.Response)
                and message.status >= 200  # noqa: PLR2004 - the provisional ones end
                and message.cseq in (cseq, None)  # one exchange at a time
            )

        answer = await until(self._stream, self._receiver, wanted)
        assert isinstance(answer, rtsp.Response)
        return answer
