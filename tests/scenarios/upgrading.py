"""What upgrades need: addresses that several processes take in turn, processes one after the other, and steady load."""

import contextlib
import os
import signal
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

import attrs
import trio

from mrcpbalance.config import Address
from mrcpbalance.simulator import ConnectionLost, Refused, RtspCaller, SipCaller, SipServer, SpeechServer
from mrcpbalance.simulator.callers._sip import Transport
from tests.scenarios.serving import Serving, serving

HOST: Final = (
    f"127.81.{os.getpid() // 250 % 250}.{os.getpid() % 250 + 1}"  # nobody else's, so its ports are free
)
V1: Final = Address(HOST, 1554)
V2: Final = Address(HOST, 5060)
ADMIN: Final = Address(HOST, 8090)
TEXT: Final = f"""
[pools.speech.health]
probe = "none"
[pools.speech.backends.a]
rtsp = "{{rtsp}}"
sip = "{{sip}}"
[listeners.v1]
protocol = "rtsp"
bind = "{V1}"
pool = "speech"
[listeners.v2]
protocol = "sip"
bind = "{V2}"
pool = "speech"
[admin]
bind = "{ADMIN}"
[timeouts]
drain = "1m"
handover = "1s"
"""
SHARED: Final = TEXT + "[process]\nreuse_port = true\n"
WAYS: Final[tuple[Transport, ...]] = ("udp", "tcp")


def configured(file: Path, text: str, rtsp: SpeechServer, sip: SipServer, more: str = "") -> Path:
    """Write the configuration of every process."""
    file.write_text(text.format(rtsp=rtsp.address, sip=sip.address) + more)
    return file


class Generations:
    """Processes one after the other, each of which must come to its own end, in order; all inherit these sockets."""

    def __init__(self, nursery: trio.Nursery, sockets: Sequence[socket.socket] = ()) -> None:
        self._nursery = nursery
        self._fds = tuple(sock.fileno() for sock in sockets)

    async def start(self, *arguments: str) -> Serving:
        """Start one and wait until it is ready."""
        served: Serving = await self._nursery.start(self._run, arguments)
        return served

    async def _run(self, arguments: tuple[str, ...], *, task_status: trio.TaskStatus[Serving]) -> None:
        moved = " ".join(f"{number}<&{fd}" for number, fd in enumerate(self._fds, 3))
        passing = f'exec {moved}; LISTEN_PID=$$ LISTEN_FDS={len(self._fds)} exec "$@"'
        wrapped = ("bash", "-c", passing, "bash") if self._fds else ()
        async with serving(*arguments, listeners=2, wrapped=wrapped, pass_fds=self._fds) as served:
            task_status.started(served)
            await served.wait()

    async def end(self, served: Serving) -> None:
        """Have one drain, and wait for its end: no session may be cut."""
        if not served.said("signal"):
            served.signal(signal.SIGTERM)
            await served.until("draining")
        assert await served.wait() == 0
        assert (await served.until("stopping"))["sessions_cut"] == 0


@attrs.define
class Load:
    """Callers that begin one session after the other, each with a request; what came of them, and how long it took at worst."""

    done: Counter[str] = attrs.field(factory=Counter)
    failed: list[str] = attrs.field(factory=list)
    slowest: float = 0.0
    _progress: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot)

    @contextlib.asynccontextmanager
    async def running(self, each: int = 6) -> AsyncIterator["Load"]:
        """Keep so many callers of each kind busy; those at work come to their end before it returns."""
        stop = trio.Event()
        async with trio.open_nursery() as nursery:
            for _ in range(each):
                nursery.start_soon(self._by_rtsp, stop)
                for transport in WAYS:
                    nursery.start_soon(self._by_sip, transport, stop)
            yield self
            stop.set()

    async def more(self, sessions: int) -> None:
        """Wait until so many more are done."""
        wanted = self.done.total() + sessions
        while self.done.total() < wanted and not self.failed:
            await self._progress.park()

    async def _by_rtsp(self, stop: trio.Event) -> None:
        async def one() -> None:
            async with RtspCaller(V1) as caller:
                session = await caller.setup("speechsynth")
                await session.request("SPEAK", {"Content-Type": "text/plain"}, b"hello")
                await session.event()
                assert await session.teardown() == 200

        await self._again("rtsp", stop, one)

    async def _by_sip(self, transport: Transport, stop: trio.Event) -> None:
        """Call, each time as another caller: an INVITE may cross the end of a connection that is used again and again."""

        async def one() -> None:
            async with SipCaller(V2, transport=transport) as caller:
                call = await caller.invite("speechsynth")
                await call.channels["speechsynth"].request("SPEAK", {"Content-Type": "text/plain"}, b"hello")
                await call.channels["speechsynth"].event()
                assert await call.bye() == 200
                assert caller.anomalies == []

        await self._again(f"sip/{transport}", stop, one)

    async def _again(self, kind: str, stop: trio.Event, one: Callable[[], Awaitable[None]]) -> None:
        while not stop.is_set():
            begun = time.monotonic()
            try:
                with trio.fail_after(10):
                    await one()
            except (OSError, Refused, ConnectionLost, AssertionError, trio.TooSlowError) as error:
                self.failed.append(f"{kind}: {error!r}")
            else:
                self.done[kind] += 1
            self._progress.unpark_all()
            self.slowest = max(self.slowest, time.monotonic() - begun)
