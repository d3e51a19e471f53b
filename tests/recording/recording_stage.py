"""A register whose sessions are recorded, and connections that say nothing by themselves."""

import itertools
from pathlib import Path

import attrs

from mrcpbalance.config import Address, BackendConfig, PoolConfig, RecordConfig
from mrcpbalance.pool import Pool, Want
from mrcpbalance.recording import Budget, Live, Recorder
from mrcpbalance.sessions import Direction, End, Hop, Phase, Register, Session, Who
from mrcpbalance.traces import Trace, read

C, B, BB, CC = Direction.FROM_CLIENT, Direction.TO_BACKEND, Direction.FROM_BACKEND, Direction.TO_CLIENT
GOOD = End(Who.CLIENT, Phase.TEARDOWN)
BAD = End(Who.BACKEND, Phase.ACTIVE)
NOON = 1_700_000_000.0
HOP = Hop(Address("192.0.2.1", 5060), Address("192.0.2.9", 5062))


@attrs.define(eq=False)
class Wire:
    """A connection's ends."""

    peer: str
    peer_port: int
    local: str = "192.0.2.1"
    local_port: int = 1554


class RecordingStage:
    """One pool, one backend; sessions begin and end by hand."""

    def __init__(self, config: RecordConfig | None = None) -> None:
        self.now = 100.0
        self.chance = 0.0
        self.jitter = itertools.repeat(0.0).__next__
        self.notes: list[tuple[str, dict[str, object]]] = []
        numbers = itertools.count(1)
        self.ended: list[Session] = []
        self.register = Register(
            100, lambda: f"s-{next(numbers)}", lambda session, _: self.ended.append(session)
        )
        backend = BackendConfig(name="asr-1", rtsp=Address("192.0.2.11", 1554))
        self.pool = Pool(PoolConfig(name="speech", backends={"asr-1": backend}), lambda: 0.5)
        self.config = config or RecordConfig()
        self.budget = Budget(self.config.memory)
        self.recorder = Recorder(
            self.config, self.register, self.budget, lambda: self.chance, lambda: self.now, self.wall
        )

    def wall(self, at: float) -> float:
        return NOON + at + self.jitter()

    def note(self, event: str, /, **fields: object) -> None:
        self.notes.append((event, fields))

    def open(self, client: str = "192.0.2.9", protocol: str = "mrcpv1") -> "Talk":
        session = self.register.open(protocol, client, "speech", self.now)
        assert session is not None
        session.seat = self.pool.take(Want("rtsp", None, client), now=self.now)
        return Talk(
            self, session, Wire(client, 40_000 + len(self.ended)), Wire("192.0.2.11", 1554, local_port=0)
        )


@attrs.define(eq=False)
class Talk:
    """A session and its two connections."""

    stage: RecordingStage
    session: Session
    client: Wire
    backend: Wire

    def say(self, direction: Direction, data: bytes, protocol: str = "rtsp") -> None:
        way = self.client if direction in (C, CC) else self.backend
        self.session.hear(direction, protocol, data, way, self.stage.now)  # type: ignore[arg-type]
        self.stage.now += 0.25

    def set_up(self) -> None:
        """Have it set up; the connection to the backend stands a moment after it was used."""
        setup = b"SETUP rtsp://192.0.2.1:1554/media/speechrecognizer RTSP/1.0\r\nCSeq: 1\r\n\r\n"
        answer = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nSession: 1\r\n\r\n"
        self.say(C, setup)
        self.say(B, setup)
        self.backend.local_port = 50_000
        self.session.resources = ("speechrecog",)
        self.stage.register.answered(self.session, self.stage.now)
        self.say(BB, answer)
        self.say(CC, answer)

    def end(self, end: End = GOOD) -> None:
        self.stage.register.end(self.session, end, self.stage.now)


async def everything(live: Live) -> bytes:
    """Take a recording to its end."""
    parts = []
    while part := await live.next():
        parts.append(part)
    return b"".join(parts)


def trace_of(file: Path) -> Trace:
    """Read a capture as `inspect` does."""
    with file.open("rb") as source:
        return read(source)


def files(directory: Path) -> list[Path]:
    """List a directory."""
    return sorted(directory.iterdir())
