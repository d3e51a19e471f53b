"""Pools for tests, in few words."""

import random
from collections.abc import Mapping
from typing import Literal

from mrcpbalance.config import Address, BackendConfig, HealthConfig, PoolConfig
from mrcpbalance.pool import Backend, OnChange, Pool, Protocol, Want

Policy = Literal["least-sessions", "round-robin", "random-two", "source-hash", "first"]

RECOG = Want("rtsp", "speechrecog", "192.0.2.1")
SYNTH = Want("rtsp", "speechsynth", "192.0.2.1")
UNKNOWN = Want("rtsp", None, "192.0.2.1")
HEALTH = HealthConfig(interval=5.0, fall=2)


def server(
    name: str,
    *,
    protocols: tuple[Protocol, ...] = ("rtsp",),
    weight: int = 1,
    max_sessions: int | Mapping[str, int] | None = None,
    resources: frozenset[str] | None = None,
    standby: bool = False,
) -> BackendConfig:
    """Configure a backend with one address, the same in each of its protocols."""
    address = Address(f"{name}.example", 1554)
    return BackendConfig(
        name=name,
        rtsp=address if "rtsp" in protocols else None,
        sip=address if "sip" in protocols else None,
        mrcp=address if "mrcp" in protocols else None,
        tcp=address if "tcp" in protocols else None,
        weight=weight,
        max_sessions=max_sessions,
        resources=resources,
        standby=standby,
    )


def pool(
    *servers: BackendConfig, policy: Policy = "first", seed: int = 1, on_change: OnChange | None = None
) -> Pool:
    """Make a pool of these."""
    config = PoolConfig(
        name="speech", policy=policy, retries=100, health=HEALTH, backends={its.name: its for its in servers}
    )
    chance = random.Random(seed).random
    return Pool(config, chance) if on_change is None else Pool(config, chance, on_change)


def take_down(backend: Backend, now: float, protocol: Protocol = "rtsp") -> None:
    """Let it fail until it is down."""
    for _ in range(HEALTH.fall):
        backend.failed(protocol, now)


def names(pool: Pool, want: Want, count: int, now: float = 0.0) -> str:
    """Take this many seats and tell whose they are, a letter each."""
    seats = [pool.take(want, now=now) for _ in range(count)]
    return "".join("-" if seat is None else seat.backend.name for seat in seats)
