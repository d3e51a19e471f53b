"""Who plays in the demo: simulated speech servers, callers, and the tale of each session, as both sides saw it."""

import enum
import itertools
import re
from collections import deque
from collections.abc import Callable
from typing import Final

import attrs
import trio

from mrcpbalance.config import Address
from mrcpbalance.simulator import ConnectionLost, Pace, Refused

from ._demo_speech import LostError, Phone, RtspPhone, SipPhone, Speech, StrayedError, Talk

KEPT: Final = 200  # sessions that ended, for the picture; all of them are counted
_MARK: Final = re.compile(rb"\r\nLogging-Tag: (\w+)/(\d+)\r\n")
_GRAMMAR: Final = {"Content-Type": "application/srgs+xml", "Content-Id": "menu"}
_URIS: Final = {"Content-Type": "text/uri-list"}
_TEXT: Final = {"Content-Type": "text/plain"}


class Outcome(enum.Enum):
    """How a session ended, as its caller saw it."""

    FINISHED = "finished"
    LOST = "lost its server"
    REFUSED = "refused"
    STRAYED = "strayed"  # what only its own server can know was not known
    STUCK = "no answer"


@attrs.frozen(kw_only=True)
class Tempo:
    """How fast the demo plays, in seconds."""

    speech: float = 0.35  # a server waits for its caller to speak
    result: float = 0.45  # and then for a result
    breath: float = 0.3  # a caller rests between two things
    patience: float = 1.6  # a caller that hears nothing for so long asks what is up
    turns: int = 4  # prompts and answers in a session
    limit: float = 10.0  # in which any request must be answered


@attrs.define(eq=False)
class Tale:
    """One session: its caller's side of it."""

    name: str  # also the mark that every request of it bears
    connection: str
    server: str | None = None  # where it was set up
    doing: str = "setting up"
    marked: int = 0  # requests sent with its mark
    events: int = 0
    outcome: Outcome | None = None
    how: str = ""  # its caller learnt that the session was lost


class Cast:
    """Servers and callers on loopback; `play` keeps sessions going until `closing` is set."""

    def __init__(
        self,
        tempo: Tempo,
        on_end: Callable[[Tale], None] = lambda _: None,
        *,
        servers: int = 3,
        callers: int = 4,
        slots: int = 3,
    ) -> None:
        self.tempo = tempo
        self._on_end = on_end
        pace = Pace(speech=tempo.speech, result=tempo.result)
        self.given_out: dict[str, set[str]] = {}  # ids of channels, and the servers that gave them out
        names = [f"asr-{number}" for number in range(1, servers + 1)]
        self.servers = {name: Speech.of(name, pace, self.given_out) for name in names}
        # Every other one speaks MRCPv2, and of these every other one over TCP.
        kinds = itertools.cycle(("MRCPv1, RTSP", "MRCPv2, SIP/UDP", "MRCPv1, RTSP", "MRCPv2, SIP/TCP"))
        self.connections = dict(
            zip((f"caller {number}" for number in range(1, callers + 1)), kinds, strict=False)
        )
        self.slots = slots
        self.closing = False
        self.live: list[Tale] = []
        self.ended: deque[Tale] = deque(maxlen=KEPT)
        self.lost: list[Tale] = []
        self.spread = dict.fromkeys(self.connections, 0)  # over how many servers at once, at best
        self.outcomes: dict[Outcome, int] = dict.fromkeys(Outcome, 0)
        self.requests = 0
        self.events = 0
        self.began = 0
        self.strayed: list[str] = []  # sessions seen by more than one server, or in another order
        self.anomalies: list[str] = []
        self.unanswered: list[str] = []
        self._numbers = itertools.count(1)

    async def play(self, v1: Address, v2: Address) -> None:
        """Have every caller hold its sessions, until all ended after `closing`."""
        async with trio.open_nursery() as nursery:
            for number, name in enumerate(self.connections):
                nursery.start_soon(self._caller, name, v1, v2, number * self.slots)

    def on(self, server: str, connection: str | None = None) -> list[Tale]:
        """List the live sessions on a server."""
        return [tale for tale in self.live if tale.server == server and connection in (None, tale.connection)]

    async def _caller(self, name: str, v1: Address, v2: Address, before: int) -> None:
        while not self.closing:
            async with self._phone(name, v1, v2) as phone:
                async with trio.open_nursery() as nursery:
                    for number in range(self.slots):
                        nursery.start_soon(self._slot, phone, before + number)
                before = 0
                self.anomalies += phone.anomalies
                self.unanswered += phone.unanswered

    def _phone(self, name: str, v1: Address, v2: Address) -> Phone:
        match self.connections[name]:
            case "MRCPv2, SIP/UDP":
                return SipPhone(v2, name=name, transport="udp")
            case "MRCPv2, SIP/TCP":
                return SipPhone(v2, name=name, transport="tcp")
        return RtspPhone(v1, name=name)

    async def _slot(self, phone: Phone, number: int) -> None:
        # One after another, caller by caller: in step they would each find the same server to be the least busy.
        await trio.sleep(self.tempo.breath * number / 2)
        while not self.closing and not phone.gone:
            await self._session(phone)
            await trio.sleep(self.tempo.breath)

    async def _session(self, phone: Phone) -> None:
        number = next(self._numbers)
        tale = Tale(f"s{number:02}", phone.name)
        self.began += 1
        self.live.append(tale)
        try:
            await self._through(phone, tale, turns=self.tempo.turns + number % 3)
            tale.outcome = Outcome.FINISHED
        except Refused:
            tale.outcome = Outcome.REFUSED
        except LostError as lost:
            tale.outcome, tale.how = Outcome.LOST, str(lost)
        except ConnectionLost:
            tale.outcome, tale.how = Outcome.LOST, "the connection was closed"
        except StrayedError:
            tale.outcome = Outcome.STRAYED
        except trio.TooSlowError:
            tale.outcome = Outcome.STUCK
        finally:
            self.live.remove(tale)
        self._over(tale)

    async def _through(self, phone: Phone, tale: Tale, *, turns: int) -> None:
        """Live one session: what it is told first must be known to the end."""
        with trio.fail_after(self.tempo.limit):
            talk = await phone.begin()
        tale.server = next((name for name, server in self.servers.items() if talk.is_on(server)), None)
        now_on = {one.server for one in self.live if one.connection == tale.connection and one.server}
        self.spread[tale.connection] = max(self.spread[tale.connection], len(now_on))
        await self._ask(tale, talk, "DEFINE-GRAMMAR", _GRAMMAR, b"<grammar/>")
        for _ in range(turns):
            if self.closing:
                break
            tale.doing = "speaking"
            await self._turn(tale, talk, "SPEAK", _TEXT, b"What can I do for you?")
            tale.doing = "listening"
            await self._turn(tale, talk, "RECOGNIZE", _URIS, b"session:menu")
            tale.doing = "thinking"
            await trio.sleep(self.tempo.breath)
        tale.doing = "hanging up"
        with trio.fail_after(self.tempo.limit):
            await talk.end()

    async def _turn(self, tale: Tale, talk: Talk, method: str, headers: dict[str, str], body: bytes) -> None:
        """Ask for something that takes a while, and wait for its end; hearing nothing, ask whether anybody is there."""
        number = await self._ask(tale, talk, method, headers, body)
        with trio.fail_after(self.tempo.limit):
            while True:
                with trio.move_on_after(self.tempo.patience):
                    await talk.completion(number)
                    tale.events += 1
                    return
                tale.doing = "wondering"
                await self._ask(tale, talk, "GET-PARAMS", {}, b"")

    async def _ask(self, tale: Tale, talk: Talk, method: str, headers: dict[str, str], body: bytes) -> int:
        tale.marked += 1
        mark = {"Logging-Tag": f"{tale.name}/{tale.marked}"}
        with trio.fail_after(self.tempo.limit):
            return await talk.ask(method, {**headers, **mark}, body)

    def _marks(self, tale: Tale, server: Speech) -> list[int]:
        """Tell which of a session's requests a server saw, in the order it saw them."""
        mark = f"\r\nLogging-Tag: {tale.name}/".encode()
        found = (_MARK.search(entry.raw) for entry in server.containing(mark))
        return [int(match[2]) for match in found if match]

    def _over(self, tale: Tale) -> None:
        """Hold what the caller sent against what the servers saw."""
        assert tale.outcome is not None
        seen = {name: self._marks(tale, server) for name, server in self.servers.items()}
        elsewhere = any(marks for name, marks in seen.items() if name != tale.server)
        mine = seen[tale.server] if tale.server else []
        expected = list(range(1, tale.marked + 1))
        whole = mine == expected if tale.outcome is Outcome.FINISHED else mine == expected[: len(mine)]
        if elsewhere or not whole or tale.outcome is Outcome.STRAYED:
            self.strayed.append(tale.name)
        self.outcomes[tale.outcome] += 1
        self.requests += tale.marked
        self.events += tale.events
        self.ended.append(tale)
        if tale.outcome is Outcome.LOST:
            self.lost.append(tale)
        self._on_end(tale)
