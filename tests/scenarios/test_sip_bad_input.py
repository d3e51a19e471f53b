"""Guards against SIP that makes no sense, floods and guesses: each gets its rule's verdict, and who is beside doesn't notice."""

import contextlib
import re
from collections.abc import AsyncIterator
from typing import Final, Literal

import pytest
import trio

from mrcpbalance.config import Address
from mrcpbalance.simulator import SipCaller, SipServer
from mrcpwire import mrcpv2, sip
from tests.mrcpwire.test_sip_torture import INVALID, VALID
from tests.scenarios.by_hand import calling
from tests.scenarios.conftest import Proxy
from tests.scenarios.mrcpv2 import RECOGNISED, SIP, Marks, control, front, recognise
from tests.scenarios.running import FIRST, Running
from tests.scenarios.sip_play import ScriptedBackend, scripted_backend

pytestmark = pytest.mark.real_time

PATIENCE: Final = 10.0  # seconds; fail-safe
READ: Final = 65_536
CUT_SHORT: Final = "3.1.2.2 clerr"
STATUS: Final = re.compile(rb"SIP/2\.0 ([0-9]{3}) ")
RATE: Final = 20
BOUNDED: Final = f"[limits]\ncalls_per_second = {RATE}\n"


@contextlib.asynccontextmanager
async def life_beside(running: Running, server: SipServer) -> AsyncIterator[SipCaller]:
    """Have a call that recognises all the while, and afterwards another; nobody else gets a call meanwhile."""
    async with SipCaller(front(running)) as caller:
        call = await caller.invite("speechrecog")
        channel, marks = call.channels["speechrecog"], Marks("beside")
        over = trio.Event()

        async def live() -> None:
            while not over.is_set():
                assert await recognise(channel, marks) == RECOGNISED

        server.offline = True
        async with trio.open_nursery() as nursery:
            nursery.start_soon(live)
            yield caller
            over.set()
        server.offline = False
        assert await recognise(channel, marks) == RECOGNISED
        assert await call.bye() == 200
        assert caller.anomalies == []


class Stranger:
    """Somebody who sends datagrams."""

    def __init__(self, sock: trio.socket.SocketType, to: Address) -> None:
        self.sock = sock
        self.to = (to.host, to.port)
        self._asked = 0

    async def says(self, data: bytes) -> None:
        await self.sock.sendto(data, self.to)

    async def answers(self) -> list[bytes]:
        """Give every answer up to that to a question that is always answered; 100 is none."""
        self._asked += 1
        marker = b"marker-%d" % self._asked
        await self.says(options(marker))
        found: list[bytes] = []
        with trio.fail_after(PATIENCE):
            while True:
                data = (await self.sock.recvfrom(READ))[0]
                if b"\r\nCall-ID: %b\r\n" % marker in data:
                    return found
                if not data.startswith(b"SIP/2.0 100 "):
                    found.append(data)


def statuses(*answers: bytes) -> list[int]:
    """Read the statuses in octets, whether the rest makes sense or not: an answer repeats what it is about."""
    found = [int(status) for data in answers for status in STATUS.findall(data)]
    return [status for status in found if status > 100]


def options(call: bytes, transport: bytes = b"UDP") -> bytes:
    return (
        b"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/%b stranger.invalid;branch=z9hG4bK%b;rport\r\nFrom: <sip:s@x>;tag=s\r\n"
        b"To: <sip:a>\r\nCall-ID: %b\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        % (transport, call, call)
    )


@contextlib.asynccontextmanager
async def stranger(to: Address, host: str = "127.0.0.9") -> AsyncIterator[Stranger]:
    with trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM) as sock:
        await sock.bind((host, 0))
        yield Stranger(sock, to)


async def test_tortures_by_datagram(proxy: Proxy) -> None:  # C.6
    async with (
        SipServer("a") as server,
        proxy(SIP, server, key="sip") as running,
        life_beside(running, server),
        stranger(front(running)) as someone,
    ):
        for name, (raw, _, status) in INVALID.items():
            await someone.says(raw)
            assert statuses(*await someone.answers()) == ([] if status is None else [status]), name
        for raw, _ in VALID.values():  # answered where their Via says, if at all
            await someone.says(raw)
            await someone.answers()
        for raw in (b"", b"\0", b"\r\n\r\n", b"TEST", bytes(range(256)), b"INVITE " * 9000):
            await someone.says(raw)
            assert await someone.answers() == []


async def test_tortures_by_stream(proxy: Proxy) -> None:  # C.6
    async with (
        SipServer("a") as server,
        proxy(SIP, server, key="sip") as running,
        life_beside(running, server),
    ):
        for name, (raw, _, status) in INVALID.items():
            verdict, then = await on_a_stream(front(running), raw)
            assert verdict in ([], [status]), name
            assert then in (("waits",) if name == CUT_SHORT else ("goes on", "ends")), name
        for name, (raw, _) in VALID.items():
            verdict, then = await on_a_stream(front(running), raw)
            assert len(verdict) <= 1, name
            assert then in ("goes on", "ends"), name


async def on_a_stream(to: Address, raw: bytes) -> tuple[list[int], Literal["goes on", "ends", "waits"]]:
    """Give the statuses of the answers, and what becomes of the connection: whether a question behind it is answered."""
    heard = b""
    with trio.move_on_after(0.5):
        async with calling(to, source="127.0.0.9") as line:
            await line.says(raw, options(b"marker", b"TCP"))
            async for data in line.stream:
                heard += data
                if b"\r\nCall-ID: marker\r\n" in heard:
                    return statuses(heard)[:-1], "goes on"
        return statuses(heard), "ends"
    return statuses(heard), "waits"


async def test_a_flood_of_invites(proxy: Proxy) -> None:  # G-6
    refused: list[bytes] = []
    async with (
        SipServer("a") as server,
        proxy(SIP + BOUNDED, server, key="sip") as running,
        life_beside(running, server),
        stranger(front(running)) as someone,
    ):
        server.offline = False
        for number in range(20 * RATE):
            await someone.says(invite(b"flood-%d" % number))
            if number % RATE == 0:  # so that not even we lose datagrams
                refused += [answer for answer in await someone.answers() if statuses(answer) == [503]]
        asked = [entry for entry in server.transcript if entry.name == "INVITE"]
    assert len(asked) <= 3 * RATE  # in as many seconds
    assert len(refused) >= 16 * RATE
    assert max(map(len, refused)) <= len(invite(b"flood-0"))


def invite(call: bytes) -> bytes:
    body = (
        b"v=0\r\no=f 0 0 IN IP4 127.0.0.9\r\ns=-\r\nc=IN IP4 127.0.0.9\r\nt=0 0\r\nm=application 9 TCP/MRCPv2 1\r\n"
        b"a=setup:active\r\na=connection:new\r\na=resource:speechrecog\r\na=cmid:1\r\nm=audio 4000 RTP/AVP 0\r\na=mid:1\r\n"
    )
    return (
        b"INVITE sip:a SIP/2.0\r\nVia: SIP/2.0/UDP stranger.invalid;branch=z9hG4bK%b;rport\r\nFrom: <sip:s@x>;tag=s\r\n"
        b"To: <sip:a>\r\nCall-ID: %b\r\nCSeq: 1 INVITE\r\nContact: <sip:s@127.0.0.9>\r\nContent-Type: application/sdp\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (call, call, len(body), body)
    )


async def test_guesses_at_channels(proxy: Proxy) -> None:  # G-5, M-24
    async with (
        SipServer("a") as server,
        proxy(SIP, server, key="sip") as running,
        life_beside(running, server) as caller,
    ):
        (call,) = caller.calls.values()
        alias = call.channels["speechrecog"].id.encode()
        guesses = [mrcpv2.request(b"STOP", 1, b"%032x@speechrecog" % number) for number in range(30)]
        async with calling(control(running), source="127.0.0.9") as line:
            await line.says(mrcpv2.request(b"STOP", 1, alias))  # known, and somebody else's
            await line.hears(mrcpv2.response(1, 405, b"COMPLETE", alias))
            await line.says(*guesses)
            heard, ending = await line.rest()
        assert heard.count(b" 405 COMPLETE") == 19
        assert ending == "end"
        assert [entry for entry in server.transcript if entry.name == "STOP"] == []


ANSWER: Final = (
    b"v=0\r\no=s 0 0 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\nm=application 1544 TCP/MRCPv2 1\r\n"
    b"a=setup:passive\r\na=connection:new\r\na=channel:45@speechrecog\r\na=cmid:1\r\nm=audio 5000 RTP/AVP 0\r\na=mid:1\r\n"
)
BROKEN: Final = {
    "no c= line": ANSWER.replace(b"c=IN IP4 127.0.0.2\r\n", b""),
    "no channel": ANSWER.replace(b"a=channel:45@speechrecog\r\n", b""),
    "another resource's channel": ANSWER.replace(b"45@speechrecog", b"45@speechsynth"),
    "too few m= lines": ANSWER.partition(b"m=audio")[0],
    "a port that is none": ANSWER.replace(b"1544", b"70000"),
    "nothing": b"",
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
async def test_a_broken_answer_is_left_for_another_backend(proxy: Proxy, body: bytes) -> None:  # D-06, E-05
    async with (
        scripted_backend("127.0.0.2", "udp") as broken,
        SipServer("b") as server,
        proxy(FIRST + SIP, broken, server, key="sip") as running,
        SipCaller(front(running)) as caller,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(answer_and_be_left, broken, body)
        call = await caller.invite("speechrecog")
        assert await recognise(call.channels["speechrecog"], Marks("call")) == RECOGNISED
        assert await call.bye() == 200
        (session,) = await running.ended.count(1)
        assert (session.backend, session.attempts) == ("b", 2)


async def answer_and_be_left(backend: ScriptedBackend, body: bytes) -> None:
    """Answer a call, and see it acknowledged and ended."""
    invite = await backend.inbox.take(None, "INVITE")
    contact = (b"Contact", b"<sip:%b>" % str(backend.address).encode())
    response = sip.response_to(
        invite.request, 200, to_tag=b"t", headers=(contact,), body=body, content_type=b"application/sdp"
    )
    await invite.say(response.to_bytes())
    await backend.inbox.take(None, "ACK")
    bye = await backend.inbox.take(None, "BYE")
    await bye.say(sip.response_to(bye.request, 200).to_bytes())


@pytest.mark.parametrize("odd", ["no fmt", "no c= line", "another line"])
async def test_odd_offers_that_are_none_of_our_business(proxy: Proxy, odd: str) -> None:  # D-00, D-05, F-17
    body = invite(b"odd").partition(b"\r\n\r\n")[2]
    match odd:
        case "no fmt":
            body = body.replace(b"TCP/MRCPv2 1\r\n", b"TCP/MRCPv2\r\n")
        case "no c= line":
            body = body.replace(b"c=IN IP4 127.0.0.9\r\n", b"")
        case _:
            body += b"what is this\r\n"
    async with (
        SipServer("a") as server,
        proxy(SIP, server, key="sip") as running,
        stranger(front(running)) as someone,
    ):
        whole = invite(b"odd").partition(b"Content-Length: ")[0] + b"Content-Length: %d\r\n\r\n" % len(body)
        await someone.says(whole + body)
        entry = await server.transcript.until(lambda entry: entry.name == "INVITE")
        sent, got = body.splitlines(), entry.raw.partition(b"\r\n\r\n")[2].splitlines()
        assert [line for line in got if line not in sent] == [b"c=IN IP4 127.0.0.1"]
        assert [line for line in sent if line not in got] == []
