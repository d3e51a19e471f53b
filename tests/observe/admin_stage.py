"""A console without a proxy behind it, and a client that asks its application without a socket."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import attrs
import trio

from mrcpbalance.config import Config, parse
from mrcpbalance.observe import Console, ReloadError, Statistics
from mrcpbalance.observe.api import application
from mrcpbalance.observe.recordings import RecordError
from mrcpbalance.observe.tokens import Token, Tokens
from mrcpbalance.pool import Backend, Pool, Want
from mrcpbalance.pool import Protocol as Spoken
from mrcpbalance.sessions import End, Meters, Phase, Register, Routes, Session, StickTable, Tally, Who

TEXT: Final = """
[pools.speech]
policy = "least-sessions"

[pools.speech.health]
probe = "none"

[pools.speech.backends.asr-1]
rtsp = "192.0.2.11:1554"
sip = "192.0.2.11:5060"
max_sessions = 3

[pools.speech.backends.asr-2]
rtsp = "192.0.2.12:1554"
weight = 2
max_sessions = { speechrecog = 2, speechsynth = 4 }

[pools.raw.health]
probe = "none"

[pools.raw.backends.echo]
tcp = "192.0.2.13:9000"
standby = true
resources = ["speechsynth"]

[listeners.v1]
protocol = "rtsp"
bind = "127.0.0.1:0"
pool = "speech"

[listeners.raw]
protocol = "tcp"
bind = "127.0.0.1:0"
pool = "raw"
stick_table = "clients"

[stick_tables.clients]
size = 10
"""
STAYS: Final = 1.0  # seconds after which a client has heard enough of what doesn't end
SPOKEN: Final[Mapping[str, Spoken]] = {"mrcpv1": "rtsp", "mrcpv2": "sip", "mrcp": "mrcp", "tcp": "tcp"}


@attrs.frozen
class Answer:
    """What the application answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        text = self.json["error"]
        assert isinstance(text, str)
        return text


class StageRecordings:
    """Recordings that are one octet long."""

    def __init__(self) -> None:
        self.asked: list[Mapping[str, str]] = []
        self.left = 0
        self._parts = [b"x"]

    def take(self, asked: Mapping[str, str]) -> "StageRecordings":
        if "refuse" in asked:
            raise RecordError("no", busy=asked["refuse"] == "busy")
        self.asked.append(asked)
        return self

    async def next(self) -> bytes:
        return self._parts.pop() if self._parts else b""

    def leave(self) -> None:
        self.left += 1

    def rows(self) -> list[dict[str, object]]:
        return [{"sessions": len(self.asked)}]

    def file_of(self, session: Session) -> str | None:
        return f"/kept/{session.id}" if session.client == "198.51.100.7" else None


class AdminStage:
    """The tables of a proxy, its clock, and its admin interface. Time stands still unless it is moved."""

    def __init__(
        self,
        *,
        token_file: Path | None = None,
        read_token_file: Path | None = None,
        host: str = "127.0.0.1",
        text: str = TEXT,
    ) -> None:
        self.now = 1000.0
        self.starting = False
        self.draining = False
        self.leaving: list[Pool] = []  # pools that were taken out
        self.hosts: dict[str, dict[str, bool]] = {}  # of names, and which are avoided
        self.refusal: ReloadError | None = None  # of the next reload
        self.left: list[str] = []  # backends whose sessions were ended
        self.notes: list[str] = []
        self.connections: dict[str, int] = {}
        self.refused = 0
        self.text = text
        self.config: Config = parse(text, "stage.toml")
        self.statistics = Statistics()
        ids = iter(range(1_000_000))
        self.register = Register(1_000_000, lambda: f"id-{next(ids)}", self.statistics.ended)
        self.register.on_answer = self.statistics.answered
        self.tally = Tally()
        self.recordings = StageRecordings()
        self.meters = Meters()
        self.pools = {name: Pool(pool, lambda: 0.5) for name, pool in self.config.pools.items()}
        self.tables = {name: StickTable(table) for name, table in self.config.stick_tables.items()}
        self.console = Console(
            pools=self.pools,
            leaving=lambda: self.leaving,
            hosts=lambda address: self.hosts.get(address.host, {}),
            register=self.register,
            tables=self.tables,
            routes=lambda: {
                name: Routes.of(listener, self.pools) for name, listener in self.config.listeners.items()
            },
            tally=self.tally,
            statistics=self.statistics,
            journal=self,
            meters=self.meters,
            connections=lambda: self.connections,
            connections_refused=lambda: self.refused,
            starting=lambda: self.starting,
            draining=lambda: self.draining,
            end_sessions=self._end_sessions,
            reload=self._reload,
            now=lambda: self.now,
            wall=lambda: self.now + 1_700_000_000.0,
            version="1.2.3",
            recordings=self.recordings,
        )
        reader = None if read_token_file is None else Token.of(str(read_token_file), "read_token_file")
        tokens = None if token_file is None else Tokens(Token.of(str(token_file)), reader)
        self._application = application(self.console, tokens, host)

    def note(self, event: str, /, **fields: object) -> None:
        self.notes.append(f"{event} {fields.get('exc_info')!r}")

    def _end_sessions(self, backend: Backend) -> None:
        self.left.append(backend.name)
        for session in self.register.of_backend(backend):
            self.register.end(session, End(Who.OPERATOR, Phase.ACTIVE), self.now)

    async def _reload(self) -> dict[str, object]:
        if self.refusal is not None:
            raise self.refusal
        return {"backends_added": ("speech/asr-3",)}

    def backend(self, pool: str, name: str) -> Backend:
        return self.pools[pool].backends[name]

    def session(
        self,
        *keys: str,
        protocol: str = "mrcpv1",
        client: str = "198.51.100.7",
        pool: str = "speech",
        backend: str | None = None,
        resource: str = "speechrecog",
        setup: float | None = 0.02,
        attempts: int = 1,
    ) -> Session:
        """Begin a session, answered after `setup` seconds; None: not yet."""
        session = self.register.open(protocol, client, pool, self.now)
        assert session is not None
        want = Want(SPOKEN[protocol], resource, client)
        one = self.pools[pool]
        if backend is None:
            session.seat = one.take(want, now=self.now)
        else:
            session.seat = one.take_from(one.backends[backend], want, now=self.now)
        assert session.seat is not None
        session.attempts = attempts
        session.resources = (resource,)
        for key in keys:
            self.register.key(session, key)
        if setup is not None:
            self.register.answered(session, self.now + setup)
        return session

    def end(self, session: Session, who: Who, phase: Phase) -> None:
        self.register.end(session, End(who, phase), self.now)

    async def get(self, target: str, **headers: str) -> Answer:
        return await self.ask("GET", target, headers)

    async def post(self, target: str, **headers: str) -> Answer:
        return await self.ask("POST", target, headers)

    async def ask(self, method: str, target: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Ask as a client does; `_` in a header's name stands for `-`."""
        path, _, query = target.partition("?")
        given = {"host": "127.0.0.1:8090", **(headers or {})}
        raw: Sequence[tuple[bytes, bytes]] = [
            (name.replace("_", "-").lower().encode(), value.encode("latin-1"))
            for name, value in given.items()
        ]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": raw,
            "client": ("127.0.0.1", 40000),
            "server": ("127.0.0.1", 8090),
        }
        said: list[Any] = []

        asked = iter([{"type": "http.request", "body": b"", "more_body": False}])

        async def receive() -> Any:
            for request in asked:
                return request
            await trio.sleep(STAYS)
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            said.append(message)

        await self._application(scope, receive, send)
        start, *parts = said
        found = {name.decode(): value.decode() for name, value in start["headers"]}
        return Answer(start["status"], found, b"".join(part.get("body", b"") for part in parts))
