"""Generator and backend: every load runs, and a proxy that garbles, drops or doubles is caught."""

import contextlib
import re
import select
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

import attrs
import pytest

from bench.compile import Programs, compile_programs
from bench.measure import Manner, Stack, Timing, stack
from bench.process import BenchError
from bench.proxies import Direct
from bench.rows import ROWS, Row

SHORT = Timing(warm=0.02, seconds=0.1)

Change = Callable[[bytes], bytes]


@pytest.fixture(scope="module")
def direct(programs: Programs) -> Iterator[Stack]:
    with stack(Direct(), programs, Manner(), tuned=False) as running:
        yield running


def eased(row: Row) -> Row:
    """Ask for a rate any machine holds, and weigh few sessions."""
    if row.name == "setup":
        return attrs.evolve(row, rate=1)
    if row.rate:
        return attrs.evolve(row, load=("--links", "8", "--rate", "500"), rate=1)
    return attrs.evolve(row, held=300) if row.held else row


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_load_runs(row: Row, direct: Stack) -> None:
    # The backend stands for the proxy where a process must be weighed.
    weighed = attrs.evolve(
        direct, proxy=attrs.evolve(direct.proxy, pids=(direct.backend,) if row.held else ())
    )
    sample = weighed.measure(eased(row), SHORT)
    if row.held:
        assert sample.pss is not None
        assert sample.total
    else:
        assert sample.rate is not None
        assert sample.rate > 0
        assert sample.cpu is None
    assert (sample.p50 is not None) == (row.rate is not None)


@pytest.mark.parametrize("manner", [Manner(apart=True), Manner(silent=True)], ids=["apart", "silent"])
@pytest.mark.parametrize("name", ["v1-64", "mrcp-64", "channels", "sessions"])
def test_every_manner_runs(name: str, manner: Manner, programs: Programs) -> None:
    (row,) = (row for row in ROWS if row.name == name)
    with stack(Direct(), programs, manner, tuned=False) as running:
        assert running.measure(row, SHORT).rate


def test_sources_are_compiled_once(programs: Programs) -> None:
    before = programs.load.stat().st_mtime_ns
    assert compile_programs(programs.load.parent) == programs
    assert programs.load.stat().st_mtime_ns == before


def untouched(data: bytes) -> bytes:
    return data


def replaced(old: bytes, new: bytes) -> Change:
    return lambda data: re.sub(old, new, data, count=1)


def doubled(mark: bytes) -> Change:
    return lambda data: data * 2 if mark in data else data


V1, V2 = ("--rtsp", "--churn"), ("--depth", "4", "--channels", "4")
ANSWER = rb"RTSP/1.0 200 OK\r\nCSeq: \d+\r\nSession: \w+\r\n\r\n"

# The load, what a bad proxy does to requests, what it does to answers, and what is said about it.
BAD: dict[str, tuple[tuple[str, ...], Change, Change, str]] = {
    "v1 request": (V1, replaced(b"Threshold: 0.5", b"Threshold: 0.6"), untouched, "closed a connection"),
    "v1 response": (V1, untouched, replaced(b"IN-PROGRESS", b"IN-PROGRESZ"), "a changed message"),
    "v1 event": (V1, untouched, replaced(b"000 success", b"001 success"), "a changed message"),
    "v1 answer dropped": (V1, replaced(ANSWER, b""), untouched, "TEARDOWN was answered with"),
    "v1 response doubled": (V1, untouched, doubled(b"IN-PROGRESS"), "a changed message"),
    "v1 set-up refused": (V1, untouched, replaced(b"1.0 200", b"1.0 503"), "SETUP was answered with"),
    "v1 set-up of another": (V1, untouched, replaced(rb"CSeq: \d", b"CSeq: 9"), "SETUP was answered with"),
    "v1 answer to the end doubled": (
        V1,
        untouched,
        replaced(ANSWER, rb"\g<0>\g<0>"),
        "TEARDOWN was answered with",
    ),
    "v2 request": (V2, replaced(b"Sensitivity", b"sensitivity"), untouched, "closed a connection"),
    "v2 response": (V2, untouched, replaced(b" 200 ", b" 201 "), "a changed message"),
    "v2 response dropped": (
        V2,
        untouched,
        replaced(rb"MRCP/2.0 \d+ \d+ [^/]*\r\n\r\n", b""),
        "a changed message",
    ),
    "v2 last event dropped": (V2, untouched, replaced(rb"MRCP/2.0 \d+ RECOGNITION[^/]*$", b""), "stalled"),
    "v2 of another channel": (V2, untouched, replaced(b"00001@", b"00002@"), "a changed message"),
    "v2 of no channel": (V2, untouched, replaced(b"00001@", b"00009@"), "on no channel of ours"),
    "v2 of another backend": (V2, untouched, replaced(b"Tag: a", b"Tag: b"), "a changed message"),
    "stream": (("--stream",), untouched, replaced(b"a", b"b"), "the stream is changed"),
}


@pytest.mark.parametrize(("load", "up", "down", "said"), BAD.values(), ids=BAD)
def test_a_bad_proxy_is_caught(
    load: tuple[str, ...], up: Change, down: Change, said: str, programs: Programs
) -> None:
    with stack(Direct(), programs, Manner(), tuned=False) as running:
        port = running.proxy.ports["stream" if "--stream" in load else "tcp"]
        with relay(port, up, down) as front:
            command = [str(programs.load), "--to", str(front), "--deadline", "1", "--warm", "0", *load]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert said in done.stderr


@contextlib.contextmanager
def relay(port: int, up: Change, down: Change) -> Iterator[int]:
    """Carry one connection to a port and back, changing what passes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        worker = threading.Thread(target=carry_one, args=(listener, port, up, down))
        worker.start()
        yield listener.getsockname()[1]
        worker.join()


def carry_one(listener: socket.socket, port: int, up: Change, down: Change) -> None:
    client, _ = listener.accept()
    with client, socket.create_connection(("127.0.0.1", port)) as backend:
        ways = {client: (backend, up), backend: (client, down)}
        with contextlib.suppress(OSError):
            while True:
                for source in select.select(list(ways), [], [])[0]:
                    to, change = ways[source]
                    if not (data := source.recv(65536)):
                        return
                    to.sendall(change(data))


def test_a_proxy_must_balance(direct: Stack) -> None:
    # Everything reaches backend a only, as no proxy that balances would have it.
    blind = attrs.evolve(direct, proxy=attrs.evolve(direct.proxy, pids=(direct.backend,)))
    with pytest.raises(BenchError, match="not balanced: 64 sessions on backend a, 0 on b"):
        blind.measure(next(row for row in ROWS if row.name == "v1-64"), SHORT)


def test_a_closed_front_is_explained(programs: Programs) -> None:
    with stack(Direct(), programs, Manner(), tuned=False) as running:
        gone = attrs.evolve(running.proxy, ports={**running.proxy.ports, "tcp": 1})
        broken = attrs.evolve(running, proxy=gone)
        with pytest.raises(BenchError, match="closed a connection: Connection refused"):
            broken.measure(next(row for row in ROWS if row.name == "passthrough"), SHORT)


CHURN, SHARED = ("--churn", "--links", "2"), ("--links", "2", "--calls", "2", "--depth", "2")

# The load, what a bad proxy does to SIP requests, what it does to responses, and what is said about it.
BAD_SIP: dict[str, tuple[tuple[str, ...], Change, Change, str]] = {
    "offer": (CHURN, replaced(b"PCMU", b"PCMA"), untouched, "a changed offer"),
    "answer's audio": (CHURN, untouched, replaced(b"ptime:20", b"ptime:30"), "a changed answer"),
    "answer's channel": (CHURN, untouched, replaced(b"@speechrecog", b"@speechsynth"), "a changed answer"),
    "another's channel": (SHARED, untouched, replaced(b"s0+2@", b"s000000000000001@"), "nobody waits for"),
    "refused": (CHURN, untouched, replaced(rb"2\.0 200 ", b"2.0 503 "), "an INVITE was answered with"),
    "another From": (CHURN, untouched, replaced(rb"\r\nFrom: .*", b"\r\nFrom: <sip:x>"), "another From"),
    "another branch": (CHURN, untouched, replaced(b"branch=z9hG4bKI", b"branch=z9hG4bKJ"), "another Via"),
    "no Contact": (CHURN, untouched, replaced(b"Contact", b"Kontakt"), "without Contact"),
    "cut": (CHURN, untouched, lambda data: data[:-1], "another length than it says"),
    "nobody's call": (CHURN, untouched, replaced(rb"Call-ID: 0", b"Call-ID: 9"), "nobody's call"),
    "BYE dropped": (CHURN, lambda data: b"" if data.startswith(b"BYE") else data, untouched, "stalled"),
    "ACK dropped": (
        CHURN,
        lambda data: b"" if data.startswith(b"ACK") else data,
        untouched,
        "a BYE before the ACK",
    ),
    "To of the BYE": (
        CHURN,
        replaced(rb"(?<=\r\nTo: ).*;tag=.", b"<sip:x>;tag=b"),
        untouched,
        "no tag of ours",
    ),
}


@pytest.mark.parametrize(("load", "up", "down", "said"), BAD_SIP.values(), ids=BAD_SIP)
def test_a_bad_sip_proxy_is_caught(
    load: tuple[str, ...], up: Change, down: Change, said: str, programs: Programs
) -> None:
    with stack(Direct(), programs, Manner(), tuned=False) as running, sip_relay(running, up, down) as front:
        command = [str(programs.calls), "--to", str(front), "--deadline", "1", "--warm", "0", *load]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        backend = (running.home / "backend" / "stderr").read_text()
    assert done.returncode == 1
    assert said in done.stderr + backend


@contextlib.contextmanager
def sip_relay(running: Stack, up: Change, down: Change, copies: int = 1) -> Iterator[int]:
    """Carry datagrams to the backend and back, changing what passes."""
    ended = threading.Event()
    with udp() as front, udp() as back:
        back.connect(("127.0.0.1", running.proxy.ports["sip"]))
        worker = threading.Thread(target=carry_datagrams, args=(front, back, up, down, copies, ended))
        worker.start()
        try:
            yield front.getsockname()[1]
        finally:
            ended.set()
            worker.join()


def udp() -> socket.socket:
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind(("127.0.0.1", 0))
    return one


def carry_datagrams(
    front: socket.socket, back: socket.socket, up: Change, down: Change, copies: int, ended: threading.Event
) -> None:
    caller = None
    while not ended.is_set():
        for source in select.select([front, back], [], [], 0.02)[0]:
            with contextlib.suppress(OSError):  # one side may be gone
                data, peer = source.recvfrom(65536)
                if source is front:
                    caller = peer
                    if sent := up(data):
                        back.send(sent)
                elif caller and (sent := down(data)):
                    for _ in range(copies):
                        front.sendto(sent, caller)


@pytest.mark.parametrize(("copies", "said"), [(1, ""), (2, "somebody missed a deadline")])
def test_calls_are_held_in_time(copies: int, said: str, programs: Programs) -> None:
    with (
        stack(Direct(), programs, Manner(), tuned=False) as running,
        sip_relay(running, untouched, untouched, copies) as front,
    ):
        command = [str(programs.calls), "--to", str(front), "--deadline", "2", "--hold", "--links", "2"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, input="\n\n")
    assert said in done.stderr
    assert done.returncode == bool(said)
    assert [line.split()[0] for line in done.stdout.splitlines()] == ([] if said else ["2", "2"])


def slow(data: bytes) -> bytes:
    time.sleep(0.6)
    return data


def test_held_calls_that_are_served_late(programs: Programs) -> None:
    with (
        stack(Direct(), programs, Manner(), tuned=False) as running,
        relay(running.proxy.ports["mrcp"], slow, untouched) as control,
        sip_relay(running, untouched, replaced(rb"application \d{5}", b"application %d" % control)) as front,
    ):
        command = [str(programs.calls), "--to", str(front), "--deadline", "4", "--hold", "--links", "1"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, input="\n\n")
    assert done.returncode == 0
    assert float(done.stdout.split()[-1]) > 600
