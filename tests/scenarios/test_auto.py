"""Guards against a connection on an `auto` listener being taken for what it isn't, or losing what told it apart."""

import pytest

from mrcpbalance.simulator import EchoServer, FramedCaller, FramedServer, RtspCaller, SpeechServer
from mrcpwire import mrcpv2
from tests.mrcpv1.rtsp_stage import message
from tests.scenarios.by_hand import calling
from tests.scenarios.conftest import Proxy
from tests.scenarios.running import AUTO

pytestmark = pytest.mark.real_time

RECOGNISE = '[timeouts]\nrecognise = "300ms"\n'
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256))
SIP = b"OPTIONS sip:192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.9\r\n\r\n"
RTSP = message(b"OPTIONS * RTSP/1.0", b"CSeq: 1")


async def test_each_protocol_goes_its_way_on_one_listener(proxy: Proxy) -> None:
    async with SpeechServer("all") as v1, FramedServer() as framed, EchoServer() as echo:
        others = f'mrcp = "{framed.address}"\ntcp = "{echo.address}"'
        async with proxy(AUTO, v1, backend=others) as running:
            async with RtspCaller(running.address) as caller:
                assert await (await caller.setup("speechsynth")).teardown() == 200
            async with FramedCaller(running.address) as channels:
                assert await (await channels.open("speechsynth")).teardown() == 200
            async with calling(running.address) as raw:
                await raw.says(b"\x00\x01\x02 nobody knows this")
                await raw.hears(b"\x00\x01\x02 nobody knows this")
            await running.ended.count(3)
    assert [one.protocol for one in running.ended] == ["mrcpv1", "mrcp", "tcp"]
    assert [server.connections_total for server in (v1, framed, echo)] == [1, 1, 1]


UNKNOWN = {
    "a TLS hello": HELLO,
    "SIP": SIP,
    "HTTP": b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n",
    "line ends": b"\r\n" * 65,
    "zeros": bytes(100),
    "a word too long": b"S" * 5000,
}


@pytest.mark.parametrize("slowly", [False, True], ids=["whole", "octet by octet"])
@pytest.mark.parametrize("said", UNKNOWN.values(), ids=UNKNOWN)
async def test_what_nobody_knows_passes_whole(proxy: Proxy, said: bytes, slowly: bool) -> None:
    async with (
        EchoServer("raw") as server,
        proxy(AUTO, server) as running,
        calling(running.address) as caller,
    ):
        await (caller.dribbles(said) if slowly else caller.says(said))
        await caller.hears(said)
        await caller.finish()
        assert await caller.rest() == (b"", "end")
        (ended,) = await running.ended.count(1)
        assert (ended.protocol, ended.bytes_to_backend, ended.bytes_to_client) == (
            "tcp",
            len(said),
            len(said),
        )


async def test_a_server_that_speaks_first_needs_patience(proxy: Proxy) -> None:
    async with (
        EchoServer("raw", greeting=b"220 hello\r\n") as server,
        proxy(AUTO + RECOGNISE, server) as running,
        calling(running.address) as caller,
    ):
        await caller.hears(b"220 hello\r\n")
        await caller.says(RTSP)  # by now that is nobody's business
        await caller.hears(RTSP)


@pytest.mark.parametrize("said", [b"OPTI", b"MRCP", b"\x16", b"\r\n"], ids=str)
async def test_a_beginning_that_never_tells_passes_in_the_end(proxy: Proxy, said: bytes) -> None:
    async with (
        EchoServer("raw") as server,
        proxy(AUTO + RECOGNISE, server) as running,
        calling(running.address) as caller,
    ):
        await caller.says(said)
        await caller.hears(said)


@pytest.mark.parametrize("said", [b"", b"OPTI"], ids=str)
async def test_who_ends_before_it_is_known_passes_too(proxy: Proxy, said: bytes) -> None:
    async with (
        EchoServer("raw") as server,
        proxy(AUTO, server) as running,
        calling(running.address) as caller,
    ):
        if said:
            await caller.says(said)
        await caller.finish()
        assert await caller.rest() == (said, "end")


@pytest.mark.parametrize(
    "said", [RTSP, mrcpv2.request(b"TEARDOWN", 1, b"1@speechsynth")], ids=["RTSP", "MRCPv2"]
)
async def test_octet_by_octet(proxy: Proxy, said: bytes) -> None:
    async with (
        EchoServer("raw") as server,
        proxy(AUTO, server) as running,
        calling(running.address) as caller,
    ):
        await caller.dribbles(said)
        assert (await caller.message()).startswith((b"RTSP/1.0 200 OK", b"MRCP/2.0 65 1 405 COMPLETE"))
        assert server.connections_total == 0


async def test_who_says_nothing_and_resets_leaves_no_trace(proxy: Proxy) -> None:
    async with EchoServer("raw") as server, proxy(AUTO + RECOGNISE, server) as running:
        async with calling(running.address) as caller:
            caller.reset()
        async with calling(running.address) as caller:
            await caller.says(HELLO)
            await caller.hears(HELLO)
        assert server.connections_total == 1
        assert len(running.ended) == 0
