"""The log as the rest of the process meets it: cheap, in order, and never in the way."""

import fcntl
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import pytest

from mrcpbalance.config import LogConfig
from mrcpbalance.observe.log import Log

if TYPE_CHECKING:
    from mrcpbalance.sessions.ports import Journal

JSON = LogConfig(format="json")
TAIL = b"x" * 4096


class Pipe:
    """A pipe whose reader reads when told to."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        self.filler = 0

    def fill(self) -> None:
        """Leave no room for a single octet."""
        flags = fcntl.fcntl(self.writer, fcntl.F_GETFL)
        fcntl.fcntl(self.writer, fcntl.F_SETFL, flags | os.O_NONBLOCK)
        for size in (4096, 1):
            try:
                while True:
                    self.filler += os.write(self.writer, b"x" * size)
            except BlockingIOError:
                continue
        fcntl.fcntl(self.writer, fcntl.F_SETFL, flags)

    def rest(self) -> bytes:
        """Close our writing end, then read to the end of the data; what `fill` wrote is left out."""
        self.close_writer()
        with os.fdopen(self.reader, "rb", closefd=False) as file:
            return file.read()[self.filler :]

    def close_writer(self) -> None:
        if self.writer >= 0:
            os.close(self.writer)
            self.writer = -1

    def close_reader(self) -> None:
        if self.reader >= 0:
            os.close(self.reader)
            self.reader = -1


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.close_writer()
    made.close_reader()


def lines(raw: bytes) -> list[dict[str, object]]:
    return [json.loads(line) for line in raw.splitlines()]


@contextmanager
def read_meanwhile(pipe: Pipe) -> Iterator[list[bytes]]:
    """Read the pipe to its end in another thread; what it held is in the list after the block."""
    got: list[bytes] = []
    thread = threading.Thread(target=lambda: got.append(pipe.rest()))
    thread.start()
    yield got
    thread.join(10)
    assert got


def wait_until(condition: Callable[[], object]) -> None:
    """Wait for what another thread does."""
    end = perf_counter() + 10
    while not condition():
        assert perf_counter() < end


def test_is_a_journal(pipe: Pipe) -> None:
    with Log(JSON, pipe.writer) as log:
        journal: Journal = log
        journal.note("backend-down", level="warning", backend="asr-1")
    [line] = lines(pipe.rest())
    assert list(line) == ["timestamp", "level", "event", "backend"]
    assert line["level"] == "warning"
    assert line["event"] == "backend-down"


def test_order_is_kept(pipe: Pipe) -> None:
    log = Log(JSON, pipe.writer, limit=10_000)
    with read_meanwhile(pipe) as got:
        for number in range(5000):
            log.note("line", number=number)
        assert log.close(10)
    assert [line["number"] for line in lines(got[0])] == list(range(5000))
    assert log.dropped == 0


def test_lines_that_come_fast_share_a_write(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    rests, go_on, writes = threading.Event(), threading.Event(), []

    def sleep(_: float) -> None:
        rests.set()
        go_on.wait(10)

    def write(fd: int, data: bytes) -> int:
        writes.append(len(data))
        return os_write(fd, data)

    os_write = os.write
    monkeypatch.setattr("mrcpbalance.observe._writer.sleep", sleep)
    with Log(JSON, pipe.writer) as log, monkeypatch.context() as patch:
        patch.setattr(os, "write", write)
        log.note("line", number=0)
        assert rests.wait(10)
        for number in range(1, 10):
            log.note("line", number=number)
        assert len(writes) == 1
        go_on.set()
        wait_until(lambda: len(writes) == 2)
    assert [line["number"] for line in lines(pipe.rest())] == list(range(10))


def test_a_stalled_reader_stops_nobody_and_is_told_what_it_missed(pipe: Pipe) -> None:
    pipe.fill()
    log = Log(JSON, pipe.writer, limit=100)
    began = perf_counter()
    for number in range(1000):
        log.note("line", number=number)
    assert perf_counter() - began < 0.5  # a single write to the pipe would never have come back
    assert log.dropped >= 1000 - 100 - 2 * 64  # the queue, what the thread holds, what it held before
    with read_meanwhile(pipe) as got:
        assert log.close(10)
    expected = 0
    for line in lines(got[0]):
        if line["event"] == "log-lines-dropped":
            assert line["level"] == "warning"
            assert isinstance(line["lines"], int)
            expected += line["lines"]
        else:
            assert line["number"] == expected
            expected += 1
    assert expected == 1000


def dropped_after_another(log: Log) -> int:
    log.note("early")
    return log.dropped


def test_it_flows_again_after_a_stall(pipe: Pipe) -> None:
    pipe.fill()
    log = Log(JSON, pipe.writer, limit=1)
    wait_until(lambda: dropped_after_another(log))
    with read_meanwhile(pipe) as got:
        wait_until(log._writer._queue.empty)
        log.note("late")
        assert log.close(10)
    events = [line["event"] for line in lines(got[0])]
    assert events[-1] == "late"
    assert "log-lines-dropped" in events


def test_the_end_of_the_process_does_not_wait_for_a_stalled_reader(pipe: Pipe) -> None:
    pipe.fill()
    log = Log(JSON, pipe.writer)
    log.note("line")
    assert log.close(0.01) is False
    with read_meanwhile(pipe) as got:
        pass
    assert [line["event"] for line in lines(got[0])] == ["line"]


def test_a_closed_reader_kills_nothing(pipe: Pipe) -> None:
    pipe.close_reader()
    with Log(JSON, pipe.writer) as log:
        for _ in range(10):
            log.note("line")
    assert log.dropped == 10


def test_a_non_blocking_descriptor_is_waited_for(pipe: Pipe) -> None:
    pipe.fill()
    os.set_blocking(pipe.writer, False)
    log = Log(JSON, pipe.writer, limit=100)
    for number in range(100):
        log.note("line", number=number, filler="x" * 1000)
    with read_meanwhile(pipe) as got:
        assert log.close(10)
    assert [line["number"] for line in lines(got[0])] == list(range(100))


def test_a_line_cut_by_a_failing_descriptor_does_not_spoil_the_next(tmp_path: Path) -> None:
    """A full disk stops a write anywhere."""
    code = """
import os, resource, sys
from mrcpbalance.config import LogConfig
from mrcpbalance.observe.log import Log
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
resource.setrlimit(resource.RLIMIT_FSIZE, (250, resource.RLIM_INFINITY))
log = Log(LogConfig(), fd)
for n in range(4):
    log.note("before", n=n)
while not log.dropped:
    pass
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
log.note("after")
log.close()
"""
    path = tmp_path / "log"
    subprocess.run([sys.executable, "-c", code, path], check=True, timeout=20)
    text = path.read_text().splitlines()
    assert [json.loads(line)["event"] for line in text[:3]] == ["before"] * 3
    assert not text[3].endswith("}")
    assert [json.loads(line)["event"] for line in text[4:]] == ["log-lines-dropped", "after"]


def test_noting_is_cheap(pipe: Pipe) -> None:
    pipe.fill()
    log = Log(JSON, pipe.writer, limit=100_000)
    best = min(_time_of_notes(log, 1000) for _ in range(5))
    pipe.close_reader()
    log.close()
    assert best / 1000 < 10e-6


def _time_of_notes(log: Log, count: int) -> float:
    began = perf_counter()
    for _ in range(count):
        log.note("session-end", session="a1", protocol="mrcpv1", client="192.0.2.7", bytes_to_backend=1)
    return perf_counter() - began


def test_notes_after_the_end_are_harmless(pipe: Pipe) -> None:
    log = Log(JSON, pipe.writer, limit=5)
    log.close()
    for _ in range(10):
        log.note("late")
    assert pipe.rest() == b""


@pytest.mark.parametrize(
    ("redirect", "expected"),
    [("", b'"event":"hello"'), ("2>&-", b"")],
    ids=["stderr", "started without stderr"],
)
def test_stderr(redirect: str, expected: bytes) -> None:
    code = (
        "from mrcpbalance.config import LogConfig\nfrom mrcpbalance.observe.log import Log\n"
        "with Log.to_stderr(LogConfig()) as log: log.note('hello')\nprint('alive')"
    )
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$0" -c "$1" {redirect}', sys.executable, code],
        capture_output=True,
        check=True,
        timeout=20,
    )
    assert done.stdout == b"alive\n"
    assert expected in done.stderr
    assert done.stderr.count(b"\n") == bool(expected)


def test_colours_only_for_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    ours, theirs = os.openpty()
    seen = io.BytesIO()
    with Log(LogConfig(format="console"), theirs) as log:
        log.note("hello")
        seen.write(os.read(ours, 4096))
    os.close(ours)
    os.close(theirs)
    assert b"\x1b[" in seen.getvalue()
