"""What a captured server answers to requests outside sessions: as it did, each kind of request in its order."""

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from typing import Final

from mrcpbalance.traces import Protocol, Session
from mrcpbalance.traces.replay import Key, fact, rtsp_response, session_description
from mrcpbalance.traces.sessions import Parsed
from mrcpwire import rtsp, sip

from ._call import others
from ._play import Result
from ._rtsp import hosts_of

_OWN_ANSWER: Final = b"OPTIONS"  # what a proxy in between answers by itself (B.2, S-12)


class Outside:
    """Every request is expected so many times; the last answer serves for more of its kind."""

    def __init__(self, asides: Sequence[Session], times: int) -> None:
        self.left = len(asides) * times
        self._last: dict[tuple[Protocol, Key], Session] = {}
        self._kinds: defaultdict[tuple[Protocol, Key], deque[tuple[Session, int]]] = defaultdict(deque)
        for copy in range(times):
            for one in asides:
                self._kinds[one.protocol, fact(one.messages[0].parsed).key].append((one, copy))

    def asked(self, protocol: Protocol, parsed: Parsed, done: Callable[[Result], None]) -> Session | None:
        """Find the captured request that this one is; None where the capture has none like it."""
        key = protocol, fact(parsed).key
        if self._kinds.get(key):
            found, copy = self._kinds[key].popleft()
            self.left -= 1
            self._last[key] = found
            done(Result(session=found, role="server", copy=copy, compared=1, differences=()))
        return self._last.get(key)

    def absent(self, done: Callable[[Result], None]) -> None:
        """Report what nobody asked."""
        for one, copy in (entry for kind in self._kinds.values() for entry in kind):
            parsed = one.messages[0].parsed
            assert isinstance(parsed, rtsp.Request | sip.Request)
            why = "" if parsed.method == _OWN_ANSWER else "nobody asked"
            done(
                Result(
                    session=one,
                    role="server",
                    copy=copy,
                    compared=0,
                    differences=(),
                    stopped=why,
                    is_unasked=True,
                )
            )


def rtsp_answer(session: Session, request: rtsp.Request, here: str, there: str) -> bytes | None:
    """Write the captured answer for a request of now; None where there was none."""
    recorded = session.messages[-1].parsed
    if not isinstance(recorded, rtsp.Response):
        return None
    return rtsp_response(recorded, request.cseq, None, hosts_of(session, "server", here, there))


def sip_answer(
    session: Session, request: sip.Request, tag: bytes, here: str, there: str
) -> sip.Response | None:
    """Write the captured answer for a request of now; None where there was none."""
    recorded = session.messages[-1].parsed
    if not isinstance(recorded, sip.Response):
        return None
    hosts = hosts_of(session, "server", here, there)
    body = session_description(recorded.body, hosts) if recorded.body.startswith(b"v=") else recorded.body
    return sip.response_to(
        request, recorded.status, recorded.reason, to_tag=tag, headers=others(recorded), body=body
    )
