"""`mrcpbalance demo`: simulated speech servers, the proxy and callers on loopback, and what stickiness looks like."""

import math
import signal
import sys
from collections import Counter
from functools import partial
from typing import Final

import attrs
import click
import trio

from mrcpbalance.config import Address, BackendConfig, Config, ListenerConfig, PoolConfig
from mrcpbalance.proxy import serve
from mrcpbalance.sessions import Session

from ._demo_cast import Cast, Outcome, Tale, Tempo
from ._demo_checks import Death, findings
from ._demo_show import Show, choose

WITHIN: Final = 55.0  # seconds; whatever happens, the demo ends by itself within a minute
INTRODUCTION: Final = """\
A caller (an IVR, a PBX) asks a speech server to say something or to listen: that is an MRCP session. What the server
was told in a session (grammars, settings, audio) only that server knows, so every message of the session has to reach
it. But callers open many sessions over one connection, and a balancer of connections would put all of them on one server.

{callers} callers now connect to mrcpbalance, which has a pool of {servers} speech servers behind it. Some speak MRCPv1: sessions
are set up by RTSP, on the one connection that carries their messages too. Some speak MRCPv2: calls are set up by SIP, and
all channels of a caller share one control connection. Each caller keeps {slots} sessions going. All of it is simulated, on
this machine's loopback.

What to watch: the sessions of one connection are spread over the servers, and each stays where it began until its end,
although the servers all give out the same ids for their channels.
"""


@attrs.frozen(kw_only=True)
class Timing:
    """When what happens, in seconds."""

    tempo: Tempo
    picture: float  # from one printed picture to the next
    calm: float  # before a server dies
    after: float  # from there to the end of new sessions


NORMAL: Final = Timing(tempo=Tempo(), picture=2.0, calm=9.0, after=9.0)
FAST: Final = Timing(
    tempo=Tempo(speech=0.04, result=0.06, breath=0.04, patience=0.3), picture=0.6, calm=1.2, after=1.2
)


@click.command()
@click.option("--keep", is_flag=True, help="Go on until Ctrl-C.")
@click.option("--fast", is_flag=True, help="Take 5 seconds rather than 25.")
@click.option("--plain", is_flag=True, help="Print lines even where a live table could be shown.")
def command(*, keep: bool, fast: bool, plain: bool) -> None:
    """See sessions stick to their servers, one server die, and its sessions end cleanly.

    Needs no configuration: three simulated speech servers, the proxy and four callers, on free ports of 127.0.0.1.
    Exits 1 when anything happened that the proxy promises not to let happen.
    """
    timing = FAST if fast else NORMAL
    demo = Demo(choose(plain=plain, every=timing.picture), timing, keep=keep)
    trio.run(demo.run)
    sys.exit(0 if demo.summary() else 1)


class Demo:
    """The story, from the introduction to the summary."""

    def __init__(self, show: Show, timing: Timing, *, keep: bool = False) -> None:
        self._show = show
        self._timing = timing
        self._keep = keep
        self._cast = Cast(timing.tempo, self._told)
        self._death: Death | None = None
        self._ends: Counter[str] = Counter()
        self._faults = 0
        self._in_time = False
        self._stop = trio.Event()

    async def run(self) -> None:
        """Tell the story; ends by itself, or after Ctrl-C."""
        cast = self._cast
        self._show.tell(
            INTRODUCTION.format(callers=len(cast.connections), servers=len(cast.servers), slots=cast.slots)
        )
        with trio.move_on_after(math.inf if self._keep else WITHIN):
            async with trio.open_nursery() as nursery:
                for server in cast.servers.values():
                    await nursery.start(server.run)
                v1, v2 = await nursery.start(self._proxy)
                await nursery.start(self._interrupted)
                self._show.tell(f"mrcpbalance listens on {v1} for RTSP and on {v2} for SIP.\n")
                await self._play(v1, v2)
                self._in_time = True
                nursery.cancel_scope.cancel()

    def stop(self) -> None:
        """End the story early: sessions finish, none begin."""
        self._stop.set()

    def summary(self) -> bool:
        """Tell what happened, and whether every promise was kept."""
        self._show.tell("\nWhat happened:")
        found = findings(self._cast, self._death, self._ends, self._faults)
        for finding in found:
            self._show.tell(f"  {'ok    ' if finding.kept else 'BROKEN'}  {finding.text}")
        if not self._in_time:
            self._show.tell(f"  BROKEN  the demo did not end within {WITHIN:.0f} seconds")
        return self._in_time and all(finding.kept for finding in found)

    async def _play(self, v1: Address, v2: Address) -> None:
        with self._show.running():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._pictures)
                async with trio.open_nursery() as acting:
                    acting.start_soon(self._cast.play, v1, v2)
                    await self._story()
                    self._cast.closing = True
                nursery.cancel_scope.cancel()

    async def _story(self) -> None:
        if await self._interrupted_within(self._timing.calm):
            return
        self._kill()
        if not await self._interrupted_within(self._timing.after) and self._keep:
            self._show.tell("Sessions go on until Ctrl-C.")
            await self._stop.wait()
        self._show.tell("The callers finish what they began and begin nothing new.")

    def _kill(self) -> None:
        """Let the server with the most sessions die."""
        cast = self._cast
        name = max(cast.servers, key=lambda server: len(cast.on(server)))
        victims = tuple(cast.on(name))
        others = tuple(tale for tale in cast.live if tale.server not in (None, name))
        cast.servers[name].kill()
        self._death = Death(server=name, victims=victims, others=others, began=cast.began)
        self._show.tell(
            f"Now {name} dies, with {len(victims)} sessions on it: {' '.join(tale.name for tale in victims)}.\n"
            "These can't go on anywhere: they end, each with an answer to whatever it asked. The others must not notice,\n"
            "and new sessions go to the servers that are left."
        )

    def _told(self, tale: Tale) -> None:
        """Tell of the sessions that ended because of the death."""
        if tale.outcome is Outcome.LOST:
            self._show.tell(f"    {tale.name} on {tale.connection} has ended: {tale.how}")

    async def _pictures(self) -> None:
        while True:
            await trio.sleep(self._show.every)
            self._show.picture(self._cast, [self._death.server] if self._death else [])

    async def _proxy(self, *, task_status: trio.TaskStatus[tuple[Address, Address]]) -> None:
        """Run the proxy the demo is about, with nothing configured but where its servers are."""
        backends = {
            name: BackendConfig(
                name=name, rtsp=server.rtsp.address, sip=server.sip.address, sip_transport="tcp"
            )
            for name, server in self._cast.servers.items()
        }
        anywhere = (Address("127.0.0.1", 0),)
        config = Config(
            pools={"speech": PoolConfig(name="speech", backends=backends)},
            listeners={
                "v1": ListenerConfig(name="v1", protocol="rtsp", bind=anywhere, pool="speech"),
                "v2": ListenerConfig(name="v2", protocol="sip", bind=anywhere, pool="speech"),
            },
        )
        async with trio.open_nursery() as nursery:
            addresses = await nursery.start(partial(serve, config, journal=self, ended=self._session_ended))
            task_status.started((addresses["v1"][0], addresses["v2"][0]))

    def note(self, event: str, /, **fields: object) -> None:
        """Take a line of the proxy's log: a fault of its own is counted, what operators must see is told."""
        if fields.get("level") == "error":
            self._faults += 1
        if fields.get("level") in ("warning", "error"):
            told = " ".join(f"{name}={value}" for name, value in fields.items() if name != "level")
            self._show.tell(f"    mrcpbalance: {event} {told}")

    def _session_ended(self, session: Session, _now: float) -> None:
        self._ends[str(session.end)] += 1

    async def _interrupted(self, *, task_status: trio.TaskStatus[None]) -> None:
        """Turn the first Ctrl-C into an early end of the story; a second one is as harsh as usual."""
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            task_status.started()
            async for _ in signals:
                self.stop()
                return

    async def _interrupted_within(self, seconds: float) -> bool:
        with trio.move_on_after(seconds):
            await self._stop.wait()
        return self._stop.is_set()
