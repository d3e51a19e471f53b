"""The `session-end` line: its fields are promised to outsiders, by name."""

import json
import os

import pytest

from mrcpbalance.config import Address, BackendConfig, LogConfig, PoolConfig
from mrcpbalance.observe import Log, session_end
from mrcpbalance.pool import Pool, Want
from mrcpbalance.sessions import End, Phase, Register, Session, Who

FIELDS = [
    "session",
    "protocol",
    "client",
    "pool",
    "backend",
    "resources",
    "keys",
    "setup_ms",
    "duration_s",
    "messages_to_backend",
    "messages_to_client",
    "bytes_to_backend",
    "bytes_to_client",
    "attempts",
    "end",
]


def half() -> float:
    return 0.5


class Ended:
    """Hears of ended sessions."""

    def __init__(self) -> None:
        self.lines: list[dict[str, object]] = []
        self.register = Register(10, lambda: "s-1", self.on_end)

    def on_end(self, session: Session, now: float) -> None:
        self.lines.append(session_end(session, now))

    def open(self) -> Session:
        session = self.register.open("mrcpv1", "192.0.2.7", "speech", 100.0)
        assert session is not None
        return session


def test_a_session_that_lived() -> None:
    ended = Ended()
    backend = BackendConfig(name="asr-1", rtsp=Address("192.0.2.11", 1554))
    pool = Pool(PoolConfig(name="speech", backends={"asr-1": backend}), half)
    session = ended.open()
    session.seat = pool.take(Want("rtsp", "speechrecog", "192.0.2.7"), now=100.0)
    session.resources = ("speechrecog", "speechsynth")
    session.answered_at = 100.0214
    session.messages_to_backend, session.messages_to_client = 3, 7
    session.bytes_to_backend, session.bytes_to_client = 1200, 900
    session.attempts = 2
    ended.register.end(session, End(Who.CLIENT, Phase.TEARDOWN), 142.51234)
    assert ended.lines == [
        {
            "session": "s-1",
            "protocol": "mrcpv1",
            "client": "192.0.2.7",
            "pool": "speech",
            "backend": "asr-1",
            "resources": ("speechrecog", "speechsynth"),
            "keys": (),
            "setup_ms": pytest.approx(21.4),
            "duration_s": pytest.approx(42.512),
            "messages_to_backend": 3,
            "messages_to_client": 7,
            "bytes_to_backend": 1200,
            "bytes_to_client": 900,
            "attempts": 2,
            "end": "client/teardown",
        }
    ]
    assert list(ended.lines[0]) == FIELDS


def test_a_session_that_never_started() -> None:
    ended = Ended()
    ended.register.end(ended.open(), End(Who.PROXY, Phase.SETUP), 100.5)
    [line] = ended.lines
    assert list(line) == FIELDS
    assert line["setup_ms"] is None
    assert line["backend"] is None
    assert line["end"] == "proxy/setup"


def test_a_session_still_live_has_no_end() -> None:
    assert session_end(Ended().open(), 100.0)["end"] is None


def test_as_it_is_written() -> None:
    ended = Ended()
    ended.register.end(ended.open(), End(Who.TIMEOUT, Phase.SETUP), 100.5)
    reader, writer = os.pipe()
    with Log(LogConfig(), writer) as log:
        log.note("session-end", **ended.lines[0])
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        line = json.loads(file.read())
    assert list(line) == ["timestamp", "level", "event", *FIELDS]
    assert line["event"] == "session-end"
