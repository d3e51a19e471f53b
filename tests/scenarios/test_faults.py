"""A server in trouble beside well ones, under 60 held sessions and steady new ones, in every protocol that has sessions.

No session is lost that did not sit on the victim, no caller sees a failed set-up, the victim is ejected soon and returns
once it is well. Prints its figures: `nox -s faults`.
"""

import contextlib
import math
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Final

import attrs
import pytest
import trio

from mrcpbalance.config import parse_address
from mrcpbalance.simulator import Delay, FramedServer, Refuse, SipServer, SpeechServer
from mrcpbalance.simulator.load import Book, Campaign, Pace, Scheme, Target, find_scenario, parse_scenario
from tests import peers
from tests.scenarios.running import LISTENER, Backend, Told, with_backends
from tests.scenarios.servers import server_process
from tests.scenarios.serving import Serving, serving

pytestmark = pytest.mark.real_time(within=120)

HELD: Final = 60
RATE: Final = 20.0  # new sessions a second
STEADY: Final = 25  # of them before the fault, and again after it
QUIET: Final = "resources = ['speechsynth']\n"
QUICK: Final = 400.0  # milliseconds that a set-up takes at most, where the server is well
PATIENCE: Final = 110.0
KINDS: Final[dict[Scheme, type[SpeechServer] | type[SipServer] | type[FramedServer]]] = {
    "rtsp": SpeechServer,
    "sip": SipServer,
    "mrcp": FramedServer,
}
HEALTH: Final = """
[pools.speech]
policy = "round-robin"
[pools.speech.health]
interval = "250ms"
interval_down = "100ms"
timeout = "250ms"
[timeouts]
setup = "500ms"
"""


@attrs.define
class Watched(Book):
    """An account that tells of each entry."""

    told: Told[str] = attrs.field(factory=Told)

    def took(self, what: str, seconds: float) -> None:
        super().took(what, seconds)
        self.told.add(what)

    def ended(self, cause: str | None) -> None:
        super().ended(cause)
        self.told.add("ended")

    async def until(self, what: str, count: int) -> None:
        """Wait until so many have been told of."""
        await self.told.until(lambda _: list(self.told).count(what) >= count)


class Trial:
    """A proxy before three servers, with the sessions it holds and the ones that come and go."""

    def __init__(self, served: Serving, scheme: Scheme, victim: str) -> None:
        where = next(iter(served.ready)).partition(" on ")[2].split()[0]  # a SIP listener tells two addresses
        target = Target(scheme=scheme, address=parse_address(where))
        self.served = served
        self.victim = victim
        held = Pace(rate=200, count=HELD, hold=math.inf)
        self.held_book, self.book = Watched(), Watched()
        self.held = Campaign(parse_scenario(QUIET, "held"), target, held, self.held_book)
        self.steady = Campaign(find_scenario("speak"), target, Pace(rate=RATE), self.book)

    async def more(self, count: int) -> None:
        """Wait until so many further sessions have come to their end."""
        await self.book.until("ended", self.book.passed + self.book.failed + count)

    async def begin(self, nursery: trio.Nursery) -> None:
        """Set the held sessions up, and let others come."""
        nursery.start_soon(self.held.run)
        await self.held_book.until("set-up", HELD)
        nursery.start_soon(self.steady.run)
        await self.more(STEADY)

    async def ejected(self, fault: Callable[[], object]) -> float:
        """Let it happen; tell how long it took to eject the victim."""
        began, before = trio.current_time(), len(self.served.said("backend-down"))
        fault()
        await self.served.log.until(lambda _: len(self.served.said("backend-down")) > before)
        return trio.current_time() - began

    async def returned(self, cure: Callable[[], object]) -> float:
        """Cure it; tell how long it took until it had served a session again."""
        began, before = trio.current_time(), len(self.served.log)
        cure()

        def served_again(_: object) -> bool:
            lines = list(self.served.log)[before:]
            well = [
                line for line in lines if line["event"] == "session-end" and line["end"] == "client/teardown"
            ]
            return any(
                line["backend"] == self.victim and float(str(line["setup_ms"])) < QUICK for line in well
            )

        await self.served.log.until(served_again)
        return trio.current_time() - began

    async def end(self) -> None:
        """End all sessions in order."""
        self.steady.stop()
        self.held.stop()
        for book in (self.book, self.held_book):
            if book.live:
                await book.told.until(lambda _: not book.live)  # noqa: B023 - used at once

    def verdict(self, what: str, **seconds: float) -> None:
        """Judge what came of the sessions, by their callers and by the proxy's own log."""
        lost = [line for line in self.served.said("session-end") if line["end"] != "client/teardown"]
        elsewhere = [line for line in lost if line["backend"] != self.victim]
        causes = self.steady.book.causes
        failed = {cause: count for cause, count in causes.items() if cause.startswith("set-up")}
        setups = self.steady.book.times["set-up"]
        figures = {name: f"{value:.2f} s" for name, value in seconds.items()}
        print(  # noqa: T201 - what `nox -s faults` is for
            f"\n{what}: {self.steady.book.started} new sessions, failed set-ups {sum(failed.values())}, longest set-up"
            f" {setups.most:.2f} s, sessions lost on the victim {len(lost) - len(elsewhere)}, elsewhere {len(elsewhere)}; {figures}"
        )
        assert (elsewhere, failed) == ([], {})
        assert self.held.book.failed + self.steady.book.failed <= len(lost)


@contextlib.asynccontextmanager
async def trial(scheme: Scheme, tmp_path: Path, victim: Backend, *others: Backend) -> AsyncIterator[Trial]:
    """Run the proxy and its callers."""
    file = tmp_path / "proxy.toml"
    listener = LISTENER.format(protocol=scheme)
    file.write_text(with_backends(HEALTH + listener, victim, *others, key=scheme))
    with trio.fail_after(PATIENCE):
        async with serving("--config", str(file)) as served, trio.open_nursery() as nursery:
            going = Trial(served, scheme, victim.name)
            await going.begin(nursery)
            yield going
            await going.end()


@pytest.mark.parametrize("scheme", KINDS)
async def test_killed(scheme: Scheme, tmp_path: Path) -> None:
    async with server_process("victim", scheme) as victim, KINDS[scheme]("b") as b, KINDS[scheme]("c") as c:
        async with trial(scheme, tmp_path, victim, b, c) as going:
            ejected = await going.ejected(lambda: victim.send(signal.SIGKILL))
            await going.more(STEADY)
        going.verdict(f"{scheme}, killed", ejected=ejected)


@pytest.mark.parametrize("scheme", KINDS)
async def test_stopped_and_woken(scheme: Scheme, tmp_path: Path) -> None:
    async with server_process("victim", scheme) as victim, KINDS[scheme]("b") as b, KINDS[scheme]("c") as c:
        async with trial(scheme, tmp_path, victim, b, c) as going:
            ejected = await going.ejected(lambda: victim.send(signal.SIGSTOP))
            await going.more(STEADY)
            returned = await going.returned(lambda: victim.send(signal.SIGCONT))
            await going.more(STEADY)
        going.verdict(f"{scheme}, stopped", ejected=ejected, returned=returned)


POINTS: Final[dict[Scheme, tuple[str, ...]]] = {
    "rtsp": ("SETUP", "DESCRIBE"),
    "sip": ("INVITE", "OPTIONS"),
    "mrcp": ("SETUP",),
}


@pytest.mark.parametrize("scheme", KINDS)
@pytest.mark.parametrize("wrong", ["refusing", "slow by 2 s"])
async def test_refusing_or_slow(scheme: Scheme, wrong: str, tmp_path: Path) -> None:
    silent = SipServer("victim", provisional=())  # a 100 would be an answer: who rings is waited for
    victim = silent if scheme == "sip" else KINDS[scheme]("victim")
    async with victim, KINDS[scheme]("b") as b, KINDS[scheme]("c") as c:

        def misbehave() -> None:
            for point in POINTS[scheme]:
                status = 501 if scheme == "mrcp" else 503
                victim.faults.add(
                    Refuse(at=point, status=status) if wrong == "refusing" else Delay(at=point, seconds=2)
                )

        async with trial(scheme, tmp_path, victim, b, c) as going:
            ejected = await going.ejected(misbehave)
            await going.more(STEADY)
            returned = await going.returned(victim.faults.clear)
            await going.more(STEADY)
        going.verdict(f"{scheme}, {wrong}", ejected=ejected, returned=returned)


class Namespace:
    """A network namespace with one server's address in it, which can fall into a black hole."""

    def __init__(self, number: int, program: str) -> None:
        self.program = program
        self.name = f"mrcpbalance-{os.getpid()}"
        self.outside, self.inside = f"mb{number}o", f"mb{number}i"
        self.ours, self.theirs = f"198.18.{number}.1", f"198.18.{number}.2"

    def make(self) -> bool:
        """Make it; False where that isn't allowed here."""
        steps = (
            f"netns add {self.name}",
            f"link add {self.outside} type veth peer name {self.inside} netns {self.name}",
            f"addr add {self.ours}/30 dev {self.outside}",
            f"link set {self.outside} up",
            f"-n {self.name} addr add {self.theirs}/30 dev {self.inside}",
            f"-n {self.name} link set {self.inside} up",
            f"-n {self.name} link set lo up",
        )
        return all(self._ip(step) for step in steps)

    def swallow(self) -> None:
        """Let everything towards it, and from it, vanish without a word: its end of the cable is unplugged."""
        self._ip(f"-n {self.name} link set {self.inside} down")

    def give_back(self) -> None:
        """Undo that."""
        self._ip(f"-n {self.name} link set {self.inside} up")

    def remove(self) -> None:
        """Leave nothing behind."""
        self._ip(f"link del {self.outside}")
        self._ip(f"netns del {self.name}")

    def _ip(self, arguments: str) -> bool:
        return (
            subprocess.run([self.program, *arguments.split()], capture_output=True, check=False).returncode
            == 0
        )


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    """A namespace, where the system lets us make one."""
    made = Namespace(os.getpid() % 250, peers.need("ip"))
    if not made.make():
        made.remove()
        pytest.skip("no network namespace can be made here: that takes root, and a kernel that lets it")
    yield made
    made.remove()


@pytest.mark.parametrize("scheme", KINDS)
async def test_in_a_black_hole(scheme: Scheme, tmp_path: Path, namespace: Namespace) -> None:
    within = [namespace.program, "netns", "exec", namespace.name]
    async with (
        server_process("victim", scheme, host=namespace.theirs, within=within) as victim,
        KINDS[scheme]("b") as b,
        KINDS[scheme]("c") as c,
    ):
        async with trial(scheme, tmp_path, victim, b, c) as going:
            ejected = await going.ejected(namespace.swallow)
            await going.more(STEADY)
            returned = await going.returned(namespace.give_back)
            await going.more(STEADY)
        going.verdict(f"{scheme}, in a black hole", ejected=ejected, returned=returned)
