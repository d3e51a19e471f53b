"""Guards against an admin interface that starts wrong, lets the wrong ones in, or gets in the way of traffic."""

import signal
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from mrcpbalance.config import Address
from mrcpbalance.simulator import RtspCaller, SpeechServer
from tests.scenarios.conftest import Process
from tests.scenarios.operating import ADMIN, Operator
from tests.scenarios.running import V1
from tests.scenarios.serving import run_serve

pytestmark = pytest.mark.real_time

SPEECH = '[pools.speech.backends.a]\nrtsp = "127.0.0.1:1"\n'


@pytest.fixture
def taken() -> Iterator[Address]:
    """An address where somebody listens already."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield Address(*sock.getsockname()[:2])


def admin(**keys: object) -> str:
    return "[admin]\n" + "".join(f'{key} = "{value}"\n' for key, value in keys.items())


async def refused(tmp_path: Path, text: str) -> str:
    """Try to serve; give what was told instead of readiness."""
    file = trio.Path(tmp_path / "proxy.toml")
    await file.write_text(V1 + SPEECH + text)
    status, out, err = await run_serve(["--config", str(file)])
    assert (status, out) == (1, "")
    lines = [line for line in err.splitlines() if not line.startswith("{")]
    assert len(lines) == 1, err
    return lines[0]


async def test_an_address_in_use(tmp_path: Path, taken: Address) -> None:
    told = await refused(tmp_path, admin(bind=taken))
    assert told == (
        f"mrcpbalance: admin.bind: can't listen on {taken}: Address already in use "
        f"(is another process there? `ss -lntp sport = :{taken.port}` shows it)"
    )


async def test_a_path_that_can_not_be(tmp_path: Path) -> None:
    told = await refused(tmp_path, admin(bind=f"unix:{tmp_path}/none/admin.sock"))
    assert told.startswith(
        f"mrcpbalance: admin.bind: can't listen on unix:{tmp_path}/none/admin.sock: No such "
    )
    plain = tmp_path / "plain"
    plain.write_text("keep me")
    told = await refused(tmp_path, admin(bind=f"unix:{plain}"))
    assert "Address already in use" in told
    assert plain.read_text() == "keep me"


async def test_a_token_file_that_can_not_serve(tmp_path: Path) -> None:
    empty = tmp_path / "token"
    empty.touch()
    told = await refused(tmp_path, admin(bind="127.0.0.1:0", token_file=empty))
    assert told.startswith(f"mrcpbalance: admin.token_file: {empty} is empty")
    told = await refused(tmp_path, admin(bind="127.0.0.1:0", token_file=tmp_path / "none"))
    assert told == f"mrcpbalance: admin.token_file: {tmp_path}/none can't be read: No such file or directory"


async def test_a_token(process: Process, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("one\n")
    async with SpeechServer("a") as a, process(V1 + ADMIN + f'token_file = "{token}"\n', a) as served:
        operator = await Operator.of(served)
        told = await operator.get("/api/v1/pools")
        assert (told.status, told.headers["www-authenticate"]) == (401, "Bearer")
        assert (await operator.get("/api/v1/pools", Authorization="Bearer one")).status == 200
        assert (await operator.get("/readyz")).status == 200
        done = await operator.run("status")
        assert (done.status, done.out) == (1, "")
        assert "asks for its token: give --token-file FILE" in done.err
        for more in (("--token-file", str(token)), ("--config", str(tmp_path / "scenario.toml"))):
            done = await operator.run("status", *more)
            assert (done.status, done.err) == (0, "")
        done = await operator.run("status", env={"MRCPBALANCE_TOKEN": "one"})
        assert (done.status, done.err) == (0, "")
        done = await operator.run("status", env={"MRCPBALANCE_TOKEN": "two"})
        assert (done.status, "and not this one" in done.err) == (1, True)
        token.write_text("other")
        assert (await operator.get("/metrics", Authorization="Bearer one")).status == 401
        assert (await operator.get("/metrics", Authorization="Bearer other")).status == 200


async def test_a_reader_sees_all_and_orders_nothing(process: Process, tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in ("token_file", "read_token_file")}
    for name, file in files.items():
        file.write_text(f"for-{name}")
    tokens = "".join(f'{name} = "{file}"\n' for name, file in files.items())
    async with SpeechServer("a") as a, process(V1 + ADMIN + tokens, a) as served:
        operator = await Operator.of(served)
        reader = ("--token-file", str(files["read_token_file"]))
        assert (await operator.run("status", *reader)).table[1][:3] == ["speech/a", "up", "0"]
        done = await operator.run("drain", "speech/a", *reader)
        assert (done.status, done.out) == (1, "")
        assert done.err == "mrcpbalance: this token may only look; orders need the one of admin.token_file\n"
        done = await operator.run("drain", "speech/a", "--token-file", str(files["token_file"]))
        assert (done.status, done.out) == (0, "speech/a: draining, 0 live sessions\n")


async def test_a_unix_socket(process: Process, tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))  # of a process that was killed
    async with SpeechServer("a") as a, process(V1 + admin(bind=f"unix:{path}"), a) as served:
        operator = await Operator.of(served)
        assert operator.where == f"unix:{path}"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert (await operator.get("/readyz", Host="whatever.example")).status == 200
        assert (await operator.run("status")).table[1][:3] == ["speech/a", "up", "0"]
        done = await operator.run("drain", "speech/a", "--config", str(tmp_path / "scenario.toml"))
        assert (done.status, done.out) == (0, "speech/a: draining, 0 live sessions\n")
        told = await refused(tmp_path, admin(bind=f"unix:{path}"))  # it is not taken from us
        assert "Address already in use" in told
        assert (await operator.get("/healthz")).status == 200
    assert not path.exists()


async def test_while_it_drains(process: Process) -> None:
    async with (
        SpeechServer("a") as a,
        process(V1 + ADMIN, a) as served,
        RtspCaller(served.address) as caller,
    ):
        operator = await Operator.of(served)
        session = await caller.setup("speechrecog")
        served.signal(signal.SIGTERM)
        await served.until("draining")
        told = await operator.get("/readyz")
        assert (told.status, told.body) == (503, b"draining\n")
        assert (await operator.get("/healthz")).status == 200
        assert (await operator.get("/api/v1/pools")).json["draining"] is True
        assert len(await operator.sessions()) == 1
        done = await operator.run("status")
        assert done.out.startswith("The proxy is draining: it takes no new sessions.\n\nBACKEND ")
        await operator.order("disable", "a")  # the operator's way to end it sooner
        await caller.ended.wait()
        assert session.id in {entry.session for entry in a.transcript}
        assert await served.wait() == 0


async def test_a_client_that_reads_nothing_keeps_nobody(process: Process) -> None:
    """Neither the end of the process nor the next client waits for it."""
    async with SpeechServer("a") as a, process(V1 + ADMIN, a) as served:
        operator = await Operator.of(served)
        host, _, port = operator.where.rpartition(":")
        lazy = trio.socket.socket()
        with lazy:
            lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            await lazy.connect((host, int(port)))
            request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
            for _ in range(200):  # more answers than the kernel keeps
                await lazy.send(request)
            assert (await operator.get("/healthz")).status == 200
            served.signal(signal.SIGTERM)
            with trio.fail_after(5):
                assert await served.wait() == 0


BAD_HTTP = {
    "not HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "no such version": b"GET / HTTP/9.9\r\n\r\n",
    "a header too long": b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
    "RTSP": b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "a length that isn't": b"POST /api/v1/pools HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
    "a WebSocket": b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
}


async def test_clients_that_talk_nonsense(process: Process) -> None:
    async with SpeechServer("a") as a, process(V1 + ADMIN, a) as served:
        operator = await Operator.of(served)
        host, _, port = operator.where.rpartition(":")

        async def talk(said: bytes) -> None:
            async with await trio.open_tcp_stream(host, int(port)) as stream:
                told, data = b"", b"nothing yet"
                try:
                    await stream.send_all(said)
                    while data:
                        data = await stream.receive_some()
                        told += data
                except trio.BrokenResourceError:
                    pass
            assert told[:10] in (b"", b"HTTP/1.1 4"), (said[:100], told[:100])

        with trio.fail_after(10):
            async with trio.open_nursery() as nursery:
                for said in BAD_HTTP.values():
                    nursery.start_soon(talk, said)
        assert (await operator.get("/healthz")).status == 200
        assert served.stray == []


async def test_hundreds_of_connections_leave_it_usable(process: Process) -> None:
    async with SpeechServer("a") as a, process(V1 + ADMIN, a, descriptors=256) as served:
        operator = await Operator.of(served)
        host, _, port = operator.where.rpartition(":")
        streams = [await trio.open_tcp_stream(host, int(port)) for _ in range(300)]
        async with RtspCaller(served.address) as caller:  # traffic finds descriptors all the same
            assert await (await caller.setup("speechsynth")).teardown() == 200
        for stream in streams:
            await stream.aclose()
        with trio.fail_after(10):
            while not await answers(operator):
                pass


async def answers(operator: Operator) -> bool:
    """Try once."""
    try:
        return (await operator.get("/healthz")).status == 200
    except OSError:
        return False
