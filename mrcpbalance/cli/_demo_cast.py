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
from mrcpbalance.simulator import Answer, ConnectionLost, Pace, Refused, RtspCaller, RtspSession, SpeechServer
from mrcpwire import rtsp

KEPT: Final = 200  # sessions that ended, for the picture; all of them are counted
LIMIT: Final = 10.0  # seconds in which any request must be answered
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


class _LostError(Exception):
    """The session is no more: whoever was asked doesn't know it, or says that its server is gone."""


class _StrayedError(Exception):
    """A server doesn't know what this session told its server before."""


class Cast:
    """Servers and callers on loopback; `play` keeps sessions going until `closing` is set."""

    def __init__(
        self,
        tempo: Tempo,
        on_end: Callable[[Tale], None] = lambda _: None,
        *,
        servers: int = 3,
        callers: int = 3,
        slots: int = 4,
    ) -> None:
        self.tempo = tempo
        self._on_end = on_end
        pace = Pace(speech=tempo.speech, result=tempo.result)
        names = [f"asr-{number}" for number in range(1, servers + 1)]
        self.servers = {name: SpeechServer(name, pace=pace) for name in names}
        self.connections = [f"caller {number}" for number in range(1, callers + 1)]
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

    async def play(self, proxy: Address) -> None:
        """Have every caller hold its sessions, until all ended after `closing`."""
        async with trio.open_nursery() as nursery:
            for number, name in enumerate(self.connections):
                nursery.start_soon(self._caller, name, proxy, number * self.slots)

    def on(self, server: str, connection: str | None = None) -> list[Tale]:
        """List the live sessions on a server."""
        return [tale for tale in self.live if tale.server == server and connection in (None, tale.connection)]

    async def _caller(self, name: str, proxy: Address, before: int) -> None:
        while not self.closing:
            async with RtspCaller(proxy, name=name) as caller:
                async with trio.open_nursery() as nursery:
                    for number in range(self.slots):
                        nursery.start_soon(self._slot, caller, before + number)
                before = 0
                self.anomalies += caller.anomalies
                self.unanswered += caller.unanswered

    async def _slot(self, caller: RtspCaller, number: int) -> None:
        # One after another, caller by caller: in step they would each find the same server to be the least busy.
        await trio.sleep(self.tempo.breath * number / 2)
        while not self.closing and not caller.ended.is_set():
            await self._session(caller)
            await trio.sleep(self.tempo.breath)

    async def _session(self, caller: RtspCaller) -> None:
        number = next(self._numbers)
        tale = Tale(f"s{number:02}", caller.name)
        self.began += 1
        self.live.append(tale)
        try:
            await self._through(caller, tale, turns=self.tempo.turns + number % 3)
            tale.outcome = Outcome.FINISHED
        except Refused:
            tale.outcome = Outcome.REFUSED
        except _LostError as lost:
            tale.outcome, tale.how = Outcome.LOST, str(lost)
        except ConnectionLost:
            tale.outcome, tale.how = Outcome.LOST, "the connection was closed"
        except _StrayedError:
            tale.outcome = Outcome.STRAYED
        except trio.TooSlowError:
            tale.outcome = Outcome.STUCK
        finally:
            self.live.remove(tale)
        self._over(tale)

    async def _through(self, caller: RtspCaller, tale: Tale, *, turns: int) -> None:
        """Live one session: what it is told first must be known to the end."""
        with trio.fail_after(LIMIT):
            session = await caller.setup("speechsynth")
            tale.server = self._where(session)
            now_on = {one.server for one in self.live if one.connection == caller.name and one.server}
            self.spread[caller.name] = max(self.spread[caller.name], len(now_on))
            try:
                await session.add("speechrecog")
            except Refused as refused:
                raise _lost("SETUP", refused.status) from None
        await self._ask(tale, session, "DEFINE-GRAMMAR", _GRAMMAR, b"<grammar/>")
        for _ in range(turns):
            if self.closing:
                break
            tale.doing = "speaking"
            await self._turn(tale, session, "SPEAK", _TEXT, b"What can I do for you?")
            tale.doing = "listening"
            await self._turn(tale, session, "RECOGNIZE", _URIS, b"session:menu")
            tale.doing = "thinking"
            await trio.sleep(self.tempo.breath)
        tale.doing = "hanging up"
        with trio.fail_after(LIMIT):
            if (status := await session.teardown()) != 200:  # noqa: PLR2004 - RTSP's OK
                raise _lost("TEARDOWN", status)

    async def _turn(
        self, tale: Tale, session: RtspSession, method: str, headers: dict[str, str], body: bytes
    ) -> None:
        """Ask for something that takes a while, and wait for its end; hearing nothing, ask whether anybody is there."""
        answer = await self._ask(tale, session, method, headers, body)
        with trio.fail_after(LIMIT):
            while True:
                with trio.move_on_after(self.tempo.patience):
                    assert answer.mrcp is not None, "a request that got an MRCP answer"
                    await session.events.completion(answer.mrcp.request_id)
                    tale.events += 1
                    return
                tale.doing = "wondering"
                await self._ask(tale, session, "GET-PARAMS", {}, b"")

    async def _ask(
        self, tale: Tale, session: RtspSession, method: str, headers: dict[str, str], body: bytes
    ) -> Answer:
        tale.marked += 1
        mark = {"Logging-Tag": f"{tale.name}/{tale.marked}"}
        resource = "speechsynth" if method == "SPEAK" else "speechrecog"
        with trio.fail_after(LIMIT):
            answer = await session.request(method, {**headers, **mark}, body, resource=resource)
        if answer.mrcp is None:
            raise _lost(method, answer.rtsp_status)
        if answer.status != 200:  # noqa: PLR2004 - MRCP's success
            raise _StrayedError
        return answer

    def _marks(self, tale: Tale, server: SpeechServer) -> list[int]:
        """Tell which of a session's requests a server saw, in the order it saw them."""
        mark = f"\r\nLogging-Tag: {tale.name}/".encode()
        found = (_MARK.search(entry.raw) for entry in server.transcript.containing(mark))
        return [int(match[2]) for match in found if match]

    def _where(self, session: RtspSession) -> str | None:
        """Find the server that gave a session its id; the proxy keeps ids as they are while they don't collide."""
        return next(
            (
                name
                for name, server in self.servers.items()
                if any(one.id == session.id for one in server.sessions)
            ),
            None,
        )

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


def _lost(method: str, status: int) -> _LostError:
    return _LostError(f"{method} was answered with {status} {rtsp.reason_phrase(status).decode()}")
