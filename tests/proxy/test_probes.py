"""What probes ask of servers, what they take for life, and what becomes of their verdicts."""

import contextlib
import functools
import re
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
import trio

from mrcpbalance.config import Address, BackendConfig, HealthConfig, PoolConfig
from mrcpbalance.pool import Pool
from mrcpbalance.proxy.names import Names
from mrcpbalance.proxy.probes import Probes, probe_of
from mrcpbalance.simulator import EchoServer, FramedServer, Refuse, Silence, SipServer, SpeechServer
from tests.scenarios.by_hand import refusing_address
from tests.scenarios.running import FIRST, V1, Running, running

pytestmark = pytest.mark.real_time
TIMEOUT: Final = 0.3
FAST: Final = (
    '[pools.speech.health]\nprobe = "{}"\ninterval = "30ms"\ninterval_down = "10ms"\ntimeout = "200ms"\n'
)


def pool_of(backend: BackendConfig, **health: Any) -> Pool:
    config = HealthConfig(timeout=TIMEOUT, **health)
    return Pool(PoolConfig(name="speech", health=config, backends={"a": backend}), lambda: 0.5)


async def verdict(backend: BackendConfig, journal: Running | None = None, **health: Any) -> str | None:
    """Probe once and give what is wrong."""
    pool = pool_of(backend, **health)
    ((_, its),) = pool.backends.items()
    (protocol,) = (one for one in its.protocols if probe_of(its, one, pool))
    probe = probe_of(its, protocol, pool)
    assert probe is not None
    return await probes_with(journal or Running())._ask_all(its, protocol, pool.config.health, probe)


def probes_with(journal: Running) -> Probes:
    """Make probes that know one name."""
    names = Names(journal, known={"asr": ("127.0.0.1", "127.0.0.2")})
    return Probes(journal, names, trio.current_time, lambda: 0.5)


def rtsp_at(server: SpeechServer) -> BackendConfig:
    return BackendConfig(name="a", rtsp=server.address)


@contextlib.asynccontextmanager
async def saying(octets: bytes) -> AsyncIterator[Address]:
    """A server that answers whatever comes with the same octets, and ends the connection."""

    async def answer(stream: trio.SocketStream) -> None:
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            async with stream:
                await stream.receive_some()
                await stream.send_all(octets)

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(functools.partial(trio.serve_tcp, answer, 0, host="127.0.0.1"))
        yield Address("127.0.0.1", listeners[0].socket.getsockname()[1])
        nursery.cancel_scope.cancel()


async def test_describe_finds_a_server_well() -> None:
    async with SpeechServer("a") as server:
        assert await verdict(rtsp_at(server)) is None
        assert next(entry.name for entry in server.transcript) == "DESCRIBE"


async def test_describe_finds_a_server_offline() -> None:
    async with SpeechServer("a") as server:
        server.offline = True
        assert await verdict(rtsp_at(server)) == "DESCRIBE answered 503"


# What is answered to DESCRIBE, and what is wrong then.
ANSWERS: dict[str, tuple[bytes, str | None]] = {
    "not found is life": (b"RTSP/1.0 404 Not Found\r\nCSeq: 1\r\n\r\n", None),
    "not authorised is life": (b"RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\n\r\n", None),
    "no CSeq, like old servers": (b"RTSP/1.0 200 OK\r\n\r\n", None),
    "wait a moment, then well": (
        b"RTSP/1.0 100 Continue\r\nCSeq: 1\r\n\r\nRTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n",
        None,
    ),
    "time-out": (b"RTSP/1.0 408 Request Timeout\r\nCSeq: 1\r\n\r\n", "DESCRIBE answered 408"),
    "trouble": (b"RTSP/1.0 500 Internal\r\nCSeq: 1\r\n\r\n", "DESCRIBE answered 500"),
    "an answer to something else": (
        b"RTSP/1.0 200 OK\r\nCSeq: 7\r\n\r\n",
        "connection closed before the answer",
    ),
    "nothing": (b"", "connection closed before the answer"),
}


@pytest.mark.parametrize(("octets", "wrong"), ANSWERS.values(), ids=ANSWERS)
async def test_answers_to_describe(octets: bytes, wrong: str | None) -> None:
    async with saying(octets) as address:
        assert await verdict(BackendConfig(name="a", rtsp=address)) == wrong


async def test_what_is_no_rtsp_is_a_failure() -> None:
    async with saying(b"\x00\xff\r\n\r\n" * 99) as address:
        wrong = await verdict(BackendConfig(name="a", rtsp=address))
    assert wrong is not None
    assert wrong.startswith("what it answered can't be read")


@pytest.mark.parametrize("key", ["rtsp", "tcp", "mrcp", "sip"])
async def test_nobody_there(key: str) -> None:
    backend = BackendConfig(name="a", **{key: await refusing_address()})  # type: ignore[arg-type]
    assert await verdict(backend, probe="session") == "Connection refused"


async def test_a_name_without_an_address() -> None:
    backend = BackendConfig(name="a", rtsp=Address("asr.example", 1554))
    assert await verdict(backend) == "no address known for asr.example"


async def test_a_silent_server_is_given_up() -> None:
    async with SpeechServer("a", faults=[Silence(at="DESCRIBE")]) as server:
        assert await verdict(rtsp_at(server)) == "no answer in time"


async def test_a_session_is_set_up_and_ended() -> None:
    async with SpeechServer("a") as server:
        assert await verdict(rtsp_at(server), probe="session") is None
        asked = [entry.name for entry in server.transcript if entry.sender == "caller"]
        assert asked[:2] == ["SETUP", "TEARDOWN"]


async def test_a_session_for_what_the_backend_serves() -> None:
    async with SpeechServer("a") as server:
        backend = BackendConfig(name="a", rtsp=server.address, resources=frozenset({"speechsynth"}))
        pool = pool_of(backend, probe="session")
        probe = probe_of(pool.backends["a"], "rtsp", pool)
        assert isinstance(probe, functools.partial)
        assert probe.keywords["path"] == "/media/speechsynthesizer"


@pytest.mark.parametrize(
    ("status", "wrong"), [(453, None), (503, "SETUP answered 503"), (404, "SETUP answered 404")]
)
async def test_a_full_server_is_well(status: int, wrong: str | None) -> None:
    async with SpeechServer("a", faults=[Refuse(at="SETUP", status=status)]) as server:
        assert await verdict(rtsp_at(server), probe="session") == wrong


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("probe", ["auto", "session"])
async def test_sip_servers_are_found_well(probe: str, transport: Any) -> None:
    async with SipServer("a") as server:
        backend = BackendConfig(name="a", sip=server.address, sip_transport=transport)
        assert await verdict(backend, probe=probe) is None
        asked = [entry.name for entry in server.transcript if entry.sender == "caller"]
        assert asked == (["OPTIONS"] if probe == "auto" else ["INVITE", "ACK", "BYE"])
        for left in list(server.sessions):
            await left.ended.wait()
        assert server.errors == []


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize(("probe", "method"), [("auto", "OPTIONS"), ("session", "INVITE")])
async def test_sip_servers_are_found_offline(probe: str, method: str, transport: Any) -> None:
    async with SipServer("a") as server:
        server.offline = True
        backend = BackendConfig(name="a", sip=server.address, sip_transport=transport)
        assert await verdict(backend, probe=probe) == f"{method} answered 503"


@pytest.mark.parametrize(
    ("at", "status", "wrong"),
    [("INVITE", 486, None), ("INVITE", 404, "INVITE answered 404")],
)
async def test_calls_that_are_refused(at: str, status: int, wrong: str | None) -> None:
    async with SipServer("a", faults=[Refuse(at=at, status=status)]) as server:
        assert await verdict(BackendConfig(name="a", sip=server.address), probe="session") == wrong


async def test_a_call_that_does_not_end() -> None:
    sock = trio.socket.socket(type=trio.socket.SOCK_DGRAM)
    await sock.bind(("127.0.0.1", 0))

    async def answer() -> None:
        for status in (b"200 OK", None, b"500 No"):
            data, peer = await sock.recvfrom(9999)
            fields = data.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]
            if status is not None:
                kept = [line for line in fields if not line.startswith((b"Content-", b"Contact"))]
                await sock.sendto(b"\r\n".join([b"SIP/2.0 " + status, *kept, b"", b""]), peer)

    with sock:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer)
            address = Address("127.0.0.1", sock.getsockname()[1])
            wrong = await verdict(BackendConfig(name="a", sip=address), probe="session")
            assert wrong == "BYE answered 500"


async def test_a_lost_datagram_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mrcpbalance.proxy.probes_sip.T1", 0.02)
    async with SipServer("a", faults=[Silence(at="OPTIONS", times=2)]) as server:
        assert await verdict(BackendConfig(name="a", sip=server.address)) is None


async def test_a_call_that_nobody_answers_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    sock = trio.socket.socket(type=trio.socket.SOCK_DGRAM)
    await sock.bind(("127.0.0.1", 0))
    with sock:
        address = Address("127.0.0.1", sock.getsockname()[1])
        assert await verdict(BackendConfig(name="a", sip=address), probe="session") == "no answer in time"
        first, last = await sock.recv(9999), await sock.recv(9999)
        assert first.startswith(b"INVITE ")
        assert last.startswith(b"CANCEL ")
        branches = [re.findall(rb"branch=(\w+)", one) for one in (first, last)]
        assert branches[0] == branches[1]


async def test_somebody_elses_datagram_is_passed_over() -> None:
    sock = trio.socket.socket(type=trio.socket.SOCK_DGRAM)
    await sock.bind(("127.0.0.1", 0))

    async def answer() -> None:
        data, peer = await sock.recvfrom(9999)
        fields = b"\r\n".join(data.split(b"\r\n")[1:])
        await sock.sendto(b"\x00 no SIP", peer)
        await sock.sendto(data, peer)
        await sock.sendto(b"SIP/2.0 200 OK\r\n" + fields, peer)

    with sock:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer)
            address = Address("127.0.0.1", sock.getsockname()[1])
            assert await verdict(BackendConfig(name="a", sip=address)) is None


async def test_connections_that_pass_through_are_only_opened() -> None:
    async with EchoServer("a") as server:
        assert await verdict(BackendConfig(name="a", tcp=server.address)) is None


async def test_an_mrcp_address_sees_whole_sessions_or_nothing() -> None:
    async with FramedServer("a") as server:
        backend = BackendConfig(name="a", mrcp=server.address)
        pool = pool_of(backend)
        assert probe_of(pool.backends["a"], "mrcp", pool) is None  # F-25
        assert await verdict(backend, probe="session") is None
        asked = [entry.name for entry in server.transcript if entry.sender == "caller"]
        assert asked[:2] == ["SETUP", "TEARDOWN"]


async def test_an_mrcp_server_that_refuses() -> None:
    async with FramedServer("a", faults=[Refuse(at="SETUP", status=503)]) as server:
        wrong = await verdict(BackendConfig(name="a", mrcp=server.address), probe="session")
        assert wrong == "SETUP answered 503"


async def test_an_rtsp_address_is_not_probed_twice() -> None:
    pool = pool_of(BackendConfig(name="a", rtsp=Address("192.0.2.1", 1554)))
    assert probe_of(pool.backends["a"], "tcp", pool) is None


async def test_a_fault_of_our_own_is_told_and_counts_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("mrcpbalance.proxy.probes_rtsp.describe", broken)
    journal = Running()
    assert await verdict(BackendConfig(name="a", rtsp=Address("192.0.2.1", 1554)), journal) is None
    assert [fault["where"] for fault in journal.said("fault")] == ["probe of a"]


async def test_a_proxy_hears_of_a_server_that_goes_offline_and_returns() -> None:
    async with SpeechServer("a") as a, running(FIRST + FAST.format("auto") + V1, a) as proxy:
        await a.transcript.until(lambda entry: entry.name == "DESCRIBE")
        a.offline = True
        down = await proxy.until("backend-down")
        assert (down["backend"], down["protocol"]) == ("a", "mrcpv1")
        assert down["reason"] == "DESCRIBE answered 503"
        a.offline = False
        await proxy.until("backend-up")


async def test_none_asks_nothing() -> None:
    async with SpeechServer("a") as a, running(FIRST + FAST.format("none") + V1, a) as proxy:
        await trio.sleep(0.1)
        assert len(a.transcript) == 0
        assert len(proxy.notes) == 0


async def test_backends_that_left_are_probed_no_longer() -> None:
    async with SpeechServer("a") as server, trio.open_nursery() as nursery:
        pool = pool_of(rtsp_at(server), interval=0.01)
        probes = probes_with(Running())
        await nursery.start(probes.run, [pool])
        await server.transcript.until(lambda entry: entry.name == "DESCRIBE")
        probes.attend([])
        await trio.testing.wait_all_tasks_blocked(0.05)
        count = len(server.transcript)
        await trio.sleep(0.05)
        assert len(server.transcript) == count
        nursery.cancel_scope.cancel()


async def test_one_address_of_a_name_that_is_well_is_enough_and_the_others_are_avoided() -> None:
    async with SpeechServer("a") as server:
        at = Address("asr", server.address.port)
        backend, journal = BackendConfig(name="a", rtsp=at), Running()
        assert await verdict(backend, journal) is None
        (avoided,) = journal.said("address-avoided")
        assert (avoided["address"], avoided["reason"]) == (f"127.0.0.2:{at.port}", "Connection refused")
        server.offline = True
        assert await verdict(backend) == "127.0.0.1: DESCRIBE answered 503; 127.0.0.2: Connection refused"
    assert (
        await verdict(BackendConfig(name="a", rtsp=Address("no.such", 1))) == "no address known for no.such"
    )


async def test_an_address_that_is_well_again_is_used_again() -> None:
    async with SpeechServer("a") as server:
        journal = Running()
        probes = probes_with(journal)
        pool = pool_of(BackendConfig(name="a", rtsp=Address("asr", server.address.port)))
        probes.names.missed(server.address, "refused")
        probe = probe_of(pool.backends["a"], "rtsp", pool)
        assert probe is not None
        assert await probes._ask_all(pool.backends["a"], "rtsp", pool.config.health, probe) is None
        assert journal.said("address-back") == [{"address": str(server.address)}]
        assert not probes.names.is_avoided(server.address)
