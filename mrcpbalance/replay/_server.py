"""Playing the server of a script: whoever calls is answered as the captured callers were."""

import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final

import trio

from mrcpbalance.config import Address
from mrcpbalance.traces import Protocol, Session
from mrcpbalance.traces.replay import Group, Script, asks_aside, asks_for, fact
from mrcpbalance.traces.sessions import Parsed
from mrcpwire import mrcpv2, rtsp, sip
from mrcpwire.sip_transactions import NewRequest

from ._desk import Desk
from ._framed import FramedPlay
from ._link import Dialler, Link
from ._outside import rtsp_answer, sip_answer
from ._play import Play, Result, Terms
from ._plays import Plays
from ._rtsp import RtspPlay
from ._sip_server import SipServerPlay

_ID_OCTETS: Final = 4
_BACKLOG: Final = 128
Handler = Callable[[trio.SocketStream], Awaitable[object]]
Ready = Callable[[Protocol, Address], None]


async def serve(
    script: Script,
    listen: Mapping[Protocol, Address],
    terms: Terms,
    times: int,
    done: Callable[[Result], None],
    ready: Ready,
) -> None:
    """Answer until every group was played so many times, or nobody calls any more; raises OSError where it can't listen.

    `ready` is told of each address once it takes calls. Who never calls is among the results.
    """
    async with trio.open_nursery() as nursery:
        server = _Server(script, listen, terms, times, done, nursery)
        await server.listen(ready)
        await server.plays.wait(terms.timeout)
        await trio.sleep(terms.settle)  # the last answer has to leave
        nursery.cancel_scope.cancel()
    server.plays.absent()


class _Server:
    """Whatever comes finds the group it is like."""

    def __init__(
        self,
        script: Script,
        listen: Mapping[Protocol, Address],
        terms: Terms,
        times: int,
        done: Callable[[Result], None],
        nursery: trio.Nursery,
    ) -> None:
        self.plays = Plays(script, times, done)
        self._protocols = {group.protocol for group in script.groups}
        self._listen = listen
        self._terms = terms
        self._done = done
        self._nursery = nursery
        self._desk = Desk(self._invited)
        self._dialler = Dialler(nursery, terms.timeout)

    async def listen(self, ready: Ready) -> None:
        """Begin to take calls."""
        for protocol in sorted(self._protocols, key=lambda one: one.value):
            bind = self._listen[protocol]
            if protocol is Protocol.MRCPV2:
                address = await self._nursery.start(self._desk.agent.run, bind)
            else:
                (listener,) = await trio.open_tcp_listeners(bind.port, host=bind.host)
                take = self._rtsp if protocol is Protocol.MRCPV1 else self._framed
                self._nursery.start_soon(trio.serve_listeners, take, [listener])
                address = Address(bind.host, listener.socket.getsockname()[1])
            ready(protocol, address)

    async def _rtsp(self, stream: trio.SocketStream) -> None:
        await _Arrival(self._rtsp_play, self._aside).live(stream, rtsp.Receiver(rtsp.Limits()))

    async def _framed(self, stream: trio.SocketStream) -> None:
        await _Arrival(self._framed_play, lambda _link, _parsed: False).live(
            stream, mrcpv2.Receiver(mrcpv2.Policy.REPAIR)
        )

    def _aside(self, link: Link, parsed: Parsed) -> bool:
        """Answer a request outside sessions as captured; tell whether it was one that the capture has."""
        session = self.plays.asked(Protocol.MRCPV1, parsed) if asks_aside(parsed) else None
        if session is None:
            return False
        assert isinstance(parsed, rtsp.Request)
        answer = rtsp_answer(session, parsed, *link.ends())
        if answer is not None:
            link.say_soon(answer)
        return True

    def _rtsp_play(self, parsed: Parsed) -> RtspPlay | None:
        wanted = fact(parsed).key
        group = self.plays.take(Protocol.MRCPV1, lambda one: _begins(one, wanted, parsed.body))
        if group is None:
            return None
        play = RtspPlay(group, "server", self._terms, self.plays.copy(group), ids=self._ids(group))
        self._start(play)
        return play

    def _framed_play(self, parsed: Parsed) -> FramedPlay | None:
        assert isinstance(parsed, mrcpv2.Message)
        channel = parsed.channel.decode("latin-1")
        group = self.plays.take(
            Protocol.MRCP, lambda one: any(channel == session.id for session in one.sessions)
        )
        if group is None:
            return None
        play = FramedPlay(group, "server", self._terms, self.plays.copy(group))
        self._start(play)
        return play

    def _invited(self, event: NewRequest) -> bool:
        """Find the call that an INVITE is like: one of a group that is being played, or the first of another."""
        request = event.request
        if asks_aside(request):
            return self._asked(event)
        if request.method != b"INVITE" or request.to.tag is not None:
            return False
        wanted = asks_for(request.body)
        for play in self.plays.live:
            if isinstance(play, SipServerPlay):
                session = next((one for one in play.waiting() if _offers(one) == wanted), None)
                if session is not None:
                    play.adopt(session, event)
                    return True
        group = self.plays.take(Protocol.MRCPV2, lambda one: int(_offers(one.sessions[0]) == wanted))
        if group is None:
            return False
        self._sip_play(group).adopt(group.sessions[0], event)
        return True

    def _asked(self, event: NewRequest) -> bool:
        """Answer a request outside calls as captured; tell whether it was one that the capture has."""
        session = self.plays.asked(Protocol.MRCPV2, event.request)
        if session is None or event.transaction is None:
            return False
        agent, tag = self._desk.agent, secrets.token_hex(_ID_OCTETS).encode()
        answer = sip_answer(session, event.request, tag, agent.address.host, event.flow.remote[0])
        if answer is not None:
            agent.respond(event.transaction, answer)
        return True

    def _sip_play(self, group: Group) -> SipServerPlay:
        host = self._desk.agent.address.host
        listener = _listener(host)
        play = SipServerPlay(
            group,
            self._terms,
            self.plays.copy(group),
            ids=self._ids(group),
            desk=self._desk,
            dialler=self._dialler,
            control=(host, listener.socket.getsockname()[1]),
        )

        async def controlled(stream: trio.SocketStream) -> None:
            receiver = mrcpv2.Receiver(mrcpv2.Policy.REPAIR)
            link = Link(stream, receiver, play.controls.heard, play.controls.ended)
            play.controls.taken(link)
            await link.run()

        self.plays.began(play)
        self._nursery.start_soon(self._controlled, play, listener, controlled)
        return play

    async def _controlled(self, play: SipServerPlay, listener: trio.SocketListener, handler: Handler) -> None:
        """Play with a control port of its own; connections that came there may outlive it."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(
                partial(trio.serve_listeners, handler_nursery=self._nursery), handler, [listener]
            )
            await self._run(play)
            nursery.cancel_scope.cancel()

    def _start(self, play: Play) -> None:
        self.plays.began(play)
        self._nursery.start_soon(self._run, play)

    async def _run(self, play: Play) -> None:
        await play.run(self._done)
        self.plays.ended(play)

    def _ids(self, group: Group) -> str:
        """Give what makes ids differ from those of the capture, where it is played more than once."""
        return secrets.token_hex(_ID_OCTETS) if self.plays.copy(group) else ""


class _Arrival:
    """A connection that came; its first message tells what it is."""

    def __init__(
        self,
        choose: Callable[[Parsed], RtspPlay | FramedPlay | None],
        answers: Callable[[Link, Parsed], bool],
    ) -> None:
        self._choose = choose
        self._answers = answers  # what is about no session
        self._play: RtspPlay | FramedPlay | None = None

    async def live(self, stream: trio.SocketStream, receiver: rtsp.Receiver | mrcpv2.Receiver) -> None:
        await Link(stream, receiver, self._heard, self._ended).run()

    def _heard(self, link: Link, parsed: Parsed) -> None:
        if self._answers(link, parsed):
            return
        if self._play is None:
            self._play = self._choose(parsed)
            if self._play is not None:
                self._play.joined(link)
        if self._play is not None:
            self._play.heard(link, parsed)
        elif isinstance(parsed, rtsp.Request):
            known = parsed.method in (b"OPTIONS", b"DESCRIBE")
            link.say_soon(rtsp.reply(200 if known else 503, cseq=parsed.cseq))

    def _ended(self, link: Link) -> None:
        if self._play is not None:
            self._play.ended(link)


def _begins(group: Group, wanted: tuple[str | int, ...], body: bytes) -> int:
    """Tell how much the first request of a group is like one that came: 0 not at all, 2 also what it describes."""
    first = group.sessions[0].messages[0].parsed
    if fact(first).key != wanted:
        return 0
    return 2 if asks_for(first.body) == asks_for(body) else 1


def _offers(session: Session) -> tuple[tuple[bytes, int | None, bytes], ...]:
    parsed = session.messages[0].parsed
    assert isinstance(parsed, sip.Request)
    return asks_for(parsed.body)


def _listener(host: str) -> trio.SocketListener:
    """Open a free port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.bind((host, 0))
    sock.listen(_BACKLOG)
    sock.setblocking(False)  # noqa: FBT003
    return trio.SocketListener(trio.socket.from_stdlib_socket(sock))
