"""A stage set for the `mrcp` listener: a caller and backends that write MRCPv2 messages by hand."""

from typing import Final

from mrcpbalance.config import Address, BackendConfig, Limits, ListenerConfig, PoolConfig, Timeouts
from mrcpbalance.mrcpv2 import FramedCaller
from mrcpwire import mrcpv2
from tests.stage import Stage, StagePort

A: Final = "198.51.100.1"
B: Final = "198.51.100.2"
C: Final = "198.51.100.3"
CALLER: Final = "192.0.2.9"
ONE: Final = b"one@speechrecog"
TWO: Final = b"two@speechsynth"


def ask(name: bytes, request_id: int, channel: bytes = ONE, body: bytes = b"") -> bytes:
    return mrcpv2.request(name, request_id, channel, body=body)


def reply(request_id: int, channel: bytes = ONE, status: int = 200, state: bytes = b"COMPLETE") -> bytes:
    return mrcpv2.response(request_id, status, state, channel)


def event(name: bytes, request_id: int, channel: bytes = ONE) -> bytes:
    return mrcpv2.event(name, request_id, b"COMPLETE", channel)


class FramedStage(Stage):
    """A pool of backends `a`, `b`, … at the addresses above, and one caller connection."""

    def __init__(
        self,
        *,
        backends: int = 2,
        pool: dict[str, object] | None = None,
        listener: dict[str, object] | None = None,
        limits: Limits | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        configs = {
            name: BackendConfig(name=name, mrcp=Address(host, 1544))
            for name, host in list(zip("abc", (A, B, C), strict=True))[:backends]
        }
        super().__init__(
            PoolConfig(name="speech", policy="first", backends=configs, **(pool or {})),  # type: ignore[arg-type]
            ListenerConfig(
                name="framed",
                protocol="mrcp",
                bind=(Address("192.0.2.1", 1544),),
                pool="speech",
                **(listener or {}),  # type: ignore[arg-type]
            ),
            limits=limits,
            timeouts=timeouts,
        )
        self.client = self.connect()

    def connect(self, peer: str = CALLER) -> StagePort:
        """Let another caller connect."""
        port = StagePort(self, peer)
        port.owner = FramedCaller.of(self.context, port, self.now)
        return port

    def begin(self, channel: bytes = ONE, *, at: str = A) -> StagePort:
        """Open a channel on the backend at `at`, which the policy must choose; give the backend's connection."""
        self.client.says(ask(b"SETUP", 1, channel))
        backend = self.at(at)
        backend.connects()
        assert backend.heard() == ask(b"SETUP", 1, channel)
        backend.says(reply(1, channel))
        assert self.client.heard() == reply(1, channel)
        return backend

    def full(self, name: str) -> None:
        """Let a backend take no further session by draining it."""
        self.context.pool.backends[name].drain()
