"""Guards against calls of real callers and servers coming out otherwise than they went in.

Every recorded call is played through a running proxy. Each side must get what the other said: the same statuses in the
same order, descriptions that differ in nothing but what control lines must get changed, and control messages octet for
octet but for the channel's alias. The exceptions are listed.
"""

import contextlib
from typing import Final

import attrs
import pytest
import trio

from mrcpbalance import traces
from mrcpbalance.config import Address
from mrcpwire import mrcpv2, sip
from mrcpwire.sdp import Sdp
from tests.scenarios.conftest import Proxy
from tests.scenarios.mrcpv2 import SIP
from tests.scenarios.running import Running
from tests.scenarios.sip_play import (
    CALLER,
    PATIENCE,
    Control,
    Heard,
    Inbox,
    ScriptedBackend,
    Way,
    hear_datagrams,
    hear_stream,
    scripted_backend,
)
from tests.scenarios.sip_recordings import Recording, Step, channels, meaning, recordings

pytestmark = pytest.mark.real_time

RECORDINGS: Final = recordings()
EDGES: Final = "mrcpv2-script-vs-unimrcp-server-edge-cases"
REDIRECT: Final = "mrcpv2-unimrcp-sip-302-redirect"
SILENT: Final = "mrcpv2-unimrcp-sip-server-silent"
SOON: Final = '[timeouts]\nsetup = "500ms"\n'
# S-03: a redirection counts as failure, and there is no other backend.
STATUSES: Final = {(REDIRECT, 302): 503}
ENDS: Final = {
    EDGES: ["client/teardown"] * 3 + ["backend/teardown"] * 3,
    REDIRECT: ["backend/setup", "client/teardown"],
    SILENT: ["timeout/setup"],
    f"{SILENT} (tcp)": ["timeout/setup"],
    "unimrcp-server-offline-503": ["backend/setup"],
    "unimrcp-server-killed-mid-session": ["backend/active"],
    "unimrcp-idle-inactivity-timeout": ["backend/active"],
}
# What a side got that is in no recording: A.8 (requests whose channel ends unanswered), and the answer to a BYE that the
# recorded server didn't get.
LEFT_AT_BACKEND: Final = {EDGES: ["200 BYE"]}
LEFT_ON_CONTROL: Final = {EDGES: [b"501"]}
# Written by whoever sends a message, and compared by their meaning or not at all.
OWN: Final = (b"Via", b"From", b"To", b"Call-ID", b"CSeq", b"Contact", b"Content-Type", b"Content-Length")
PASSED: Final = (b"Session-Expires", b"Min-SE", b"Require", b"User-Agent")


@attrs.define(eq=False)
class Live:
    """A recorded call, as it is played."""

    call: bytes
    way: Way
    server_tag: bytes | None = None  # the recorded server's
    told: sip.Response | None = None  # the caller's last 2xx
    invite: Heard | None = None  # as the backend heard it
    at_backend: dict[bytes, Heard] = attrs.field(factory=dict)  # requests, by method
    at_caller: dict[bytes, Heard] = attrs.field(factory=dict)
    aliases: dict[bytes, bytes] = attrs.field(factory=dict)
    legs: list[Control] = attrs.field(factory=list)
    over: bool = False


class Play:
    """One recording, through one proxy, to one backend."""

    def __init__(
        self,
        recording: Recording,
        running: Running,
        backend: ScriptedBackend,
        nursery: trio.Nursery,
        open_until_the_end: contextlib.AsyncExitStack,
    ) -> None:
        self.recording = recording
        self.backend = backend
        self.inbox = Inbox()  # of all callers
        self.fronts: dict[traces.Connection, Control] = {}
        self._front = running.addresses["front"][0]
        self._nursery = nursery
        self._open_until_the_end = open_until_the_end
        self._calls: dict[str, Live] = {}
        self._ways: dict[object, Way] = {}
        self._control: Address | None = None

    async def run(self) -> None:
        """Play everything in its order."""
        for step in self.recording.steps():
            message = step.what
            if not isinstance(message, traces.Message):
                await self._connection(step)
            elif isinstance(message.parsed, mrcpv2.Message):
                await self._mrcp(step, message, message.parsed)
            elif isinstance(message.parsed, sip.Request):
                await (self._caller_asks if message.to_server else self._backend_asks)(step, message.parsed)
            elif isinstance(message.parsed, sip.Response):
                await (self._caller_answers if message.to_server else self._backend_answers)(
                    step, message.parsed
                )
        for session in self.recording.sessions:
            if session.outcome.end is traces.End.FAILED:  # S-03
                await self.inbox.take(self._calls[session.id].call, "503 INVITE")

    # SIP.

    async def _live(self, step: Step) -> Live:
        message = step.what
        assert isinstance(message, traces.Message)
        live = self._calls.get(step.session.id)
        if live is None:
            key = message.connection or message.source
            if key not in self._ways:
                self._ways[key] = await self._open()
            live = self._calls[step.session.id] = Live(step.session.id.encode(), self._ways[key])
        return live

    async def _open(self) -> Way:
        if self.recording.transport == "udp":
            sock = trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM)
            self._open_until_the_end.callback(sock.close)
            await sock.bind((CALLER, 0))
            self._nursery.start_soon(hear_datagrams, sock, self.inbox)
            front = (self._front.host, self._front.port)
            return Way("udp", Address(*sock.getsockname()[:2]), lambda data: sock.sendto(data, front))
        stream = await self._connect_to(self._front)
        self._nursery.start_soon(hear_stream, stream, self.inbox)
        return Way("tcp", Address(*stream.socket.getsockname()[:2]), stream.send_all)

    async def _connect_to(self, address: Address) -> trio.SocketStream:
        stream = await trio.open_tcp_stream(address.host, address.port, local_address=CALLER)
        return await self._open_until_the_end.enter_async_context(stream)

    async def _caller_asks(self, step: Step, recorded: sip.Request) -> None:
        live = await self._live(step)
        await live.way.say(self._as_caller(recorded, live))
        if live.over:  # the proxy has ended it, and answers by itself (M-30)
            await self.inbox.take(live.call, "200 BYE")
            return
        heard = await self.backend.inbox.take(live.call, recorded.method.decode())
        live.at_backend[recorded.method] = heard
        live.over = recorded.method == b"BYE"
        if recorded.method == b"INVITE" and recorded.to.tag is None:
            live.invite = heard
        assert meaning(heard.message.body) == meaning(recorded.body)
        for name in PASSED if recorded.method == b"INVITE" else ():
            assert heard.message.headers.get(name) == recorded.headers.get(name)

    @staticmethod
    def _as_caller(recorded: sip.Request, live: Live) -> bytes:
        """Write a recorded request as its caller would now."""
        uri, own = recorded.uri, str(live.way.local).encode()
        branch = recorded.vias[0].branch or b""
        headers = recorded.headers.replaced(
            b"Via",
            b"SIP/2.0/%b %b;rport;branch=%b" % (live.way.transport.upper().encode(), own, branch),
        )
        if recorded.contact is not None:
            headers = headers.replaced(
                b"Contact", b"<sip:%b;transport=%b>" % (own, live.way.transport.encode())
            )
        if recorded.to.tag is not None and live.told is not None:
            headers = headers.replaced(b"To", live.told.to.to_bytes())
            if live.told.contact is not None:
                uri = live.told.contact.uri
        return sip.Request(method=recorded.method, uri=uri, headers=headers, body=recorded.body).to_bytes()

    async def _backend_answers(self, step: Step, recorded: sip.Response) -> None:
        live = await self._live(step)
        method = recorded.cseq[1]
        heard = live.at_backend.pop(method, None)
        if heard is None:  # M-30: the caller was answered before
            return
        if live.server_tag is None:
            live.server_tag = recorded.to.tag
        contact = [(b"Contact", self._contact())] if recorded.contact is not None else []
        others = recorded.headers.without(*OWN)
        await heard.answer(recorded, recorded.to.tag, [*contact, *others], self._as_backend(recorded.body))
        status = STATUSES.get((self.recording.name, recorded.status), recorded.status)
        accepts = method == b"INVITE" and recorded.status == 200
        if accepts:
            await self._join(live, recorded.body)
        got = await self.inbox.take(live.call, f"{status} {method.decode()}")
        assert isinstance(got.message, sip.Response)
        if status == recorded.status:
            assert meaning(got.message.body) == meaning(recorded.body)
            for name in PASSED if method == b"INVITE" else ():
                assert got.message.headers.get(name) == recorded.headers.get(name)
        if got.message.to.tag is not None:
            live.told = got.message
        if accepts:
            live.aliases |= dict(zip(channels(recorded.body), channels(got.message.body), strict=True))
            media = Sdp.parse(got.message.body)
            self._control = Address(media.address(0) or "", media.media[0].port or 0)

    async def _join(self, live: Live, answer: bytes) -> None:
        """Wait for the connection that an answer with a new channel brings."""
        known = set(live.aliases)
        fresh = [
            media
            for media in Sdp.parse(answer).media
            if media.is_control and media.attribute(b"channel") not in known
        ]
        if any(media.attribute(b"connection") != b"existing" for media in fresh):
            count = sum(len(one.legs) for one in self._calls.values()) + 1
            with trio.fail_after(PATIENCE):
                live.legs.append((await self.backend.legs.count(count))[-1])

    def _contact(self) -> bytes:
        parameter = b";transport=tcp" if self.backend.transport == "tcp" else b""
        return b"<sip:%b%b>" % (str(self.backend.address).encode(), parameter)

    def _as_backend(self, body: bytes) -> bytes:
        """Give control lines the port that the backend has now."""
        sdp = Sdp.parse(body)
        for index, media in enumerate(sdp.media):
            if media.is_control:
                sdp = sdp.with_media(index, media.with_port(self.backend.control.port))
        return sdp.to_bytes()

    async def _backend_asks(self, step: Step, recorded: sip.Request) -> None:
        live = await self._live(step)
        assert live.invite is not None
        invite = live.invite.request
        assert invite.contact is not None
        assert live.server_tag is not None
        via = b"SIP/2.0/%b %b;branch=%b" % (
            self.backend.transport.upper().encode(),
            str(self.backend.address).encode(),
            recorded.vias[0].branch or b"",
        )
        headers = recorded.headers.replaced(b"Via", via)
        headers = headers.replaced(b"From", invite.to.with_tag(live.server_tag).to_bytes())
        headers = headers.replaced(b"To", invite.from_.to_bytes())
        request = sip.Request(method=recorded.method, uri=invite.contact.uri, headers=headers)
        await live.invite.say(request.to_bytes())
        live.at_caller[recorded.method] = await self.inbox.take(live.call, recorded.method.decode())
        live.over = recorded.method == b"BYE"

    async def _caller_answers(self, step: Step, recorded: sip.Response) -> None:
        live = await self._live(step)
        method = recorded.cseq[1]
        await live.at_caller.pop(method).answer(recorded, None, [], b"")
        await self.backend.inbox.take(live.call, f"{recorded.status} {method.decode()}")

    # Control.

    async def _connection(self, step: Step) -> None:
        assert step.connection is not None
        live = self._calls.get(step.session.id)  # it may be older than the call
        match step.what:
            case "opened" if step.connection not in self.fronts:
                await self._connect(step.connection)
            case "caller closed":
                await self.fronts[step.connection].stream.aclose()
            case "server closed" if live is not None and not live.over:
                for leg in live.legs:
                    await leg.stream.aclose()
                await self._both_get_a_bye(live)  # M-30
            case _:
                pass

    async def _both_get_a_bye(self, live: Live) -> None:
        live.over = True
        live.at_backend.clear()
        for inbox in (self.inbox, self.backend.inbox):
            bye = await inbox.take(live.call, "BYE")
            await bye.say(sip.response_to(bye.request, 200).to_bytes())

    async def _connect(self, connection: traces.Connection) -> Control:
        assert self._control is not None
        control = Control(await self._connect_to(self._control))
        self._nursery.start_soon(control.read)
        self.fronts[connection] = control
        return control

    async def _mrcp(self, step: Step, message: traces.Message, recorded: mrcpv2.Message) -> None:
        live = await self._live(step)
        assert step.connection is not None
        alias = live.aliases[recorded.channel]
        front = self.fronts.get(step.connection) or await self._connect(step.connection)
        told = mrcpv2.with_channel(recorded, alias)
        if message.to_server:
            await front.stream.send_all(told)
        elif not live.over:
            await self.backend.says(recorded.channel, recorded.raw)
        if live.over:  # M-33: what comes behind the BYE, and what was open when it came
            status = 405 if message.to_server else 501
            told = mrcpv2.response(recorded.request_id, status, b"COMPLETE", alias)
        elif message.to_server:
            assert await self.backend.take(recorded.channel) == recorded.raw
            return
        assert await front.take(alias) == told


@pytest.mark.parametrize("name", RECORDINGS)
async def test_what_was_recorded_comes_out_as_it_went_in(proxy: Proxy, name: str) -> None:
    recording = RECORDINGS[name]
    transport = recording.transport
    async with (
        scripted_backend(recording.server_host, transport) as backend,
        proxy(SIP + SOON, backend, backend=f'sip_transport = "{transport}"', key="sip") as running,
        contextlib.AsyncExitStack() as open_until_the_end,
        trio.open_nursery() as nursery,
    ):
        play = Play(recording, running, backend, nursery, open_until_the_end)
        await play.run()
        ends = ENDS.get(name, ["client/teardown"] * len(recording.sessions))
        with trio.fail_after(PATIENCE):
            await running.ended.count(len(ends))
        nursery.cancel_scope.cancel()
    assert sorted(running.ends) == sorted(ends)
    assert play.inbox.left == []
    assert backend.inbox.left == LEFT_AT_BACKEND.get(name, [])
    assert [raw for waiting in backend.asked.values() for raw in waiting] == []
    left = [message.raw.split(b" ")[3] for front in play.fronts.values() for message in front.heard]
    assert left == LEFT_ON_CONTROL.get(name, [])


def test_recordings_are_there() -> None:
    assert len(RECORDINGS) >= 20
    assert {*ENDS, *LEFT_AT_BACKEND, *LEFT_ON_CONTROL} <= {*RECORDINGS}
