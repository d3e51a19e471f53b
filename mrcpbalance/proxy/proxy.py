"""The running proxy: its tables, the gates of its listeners, and how it drains."""

import secrets
import socket
from collections.abc import Callable, Mapping
from random import SystemRandom

import attrs
import trio

from mrcpbalance.config import Config, ListenerConfig
from mrcpbalance.pool import Pool
from mrcpbalance.sessions import Register, Session, StickTable, Tally
from mrcpbalance.sessions.context import Context
from mrcpbalance.sessions.ports import Journal

from .callers import Callers
from .gates import NOBODY, Gate
from .names import Names
from .sockets import Bound
from .switchboard import Listening, Switchboard



@attrs.define(eq=False)
class Proxy:
    """One process's pools, sessions and connections."""

    config: Config
    journal: Journal
    ended: Callable[[Session, float], None]
    names: Names
    switchboard: Switchboard
    register: Register
    callers: Callers
    pools: Mapping[str, Pool]
    tables: Mapping[str, StickTable]
    tally: Tally = attrs.field(factory=Tally)
    listening: list[Listening] = attrs.field(factory=list)
    draining: bool = False
    empty: trio.Event = attrs.field(factory=trio.Event)  # set when draining and no session is left

    @classmethod
    def of(cls, config: Config, journal: Journal, ended: Callable[[Session, float], None]) -> "Proxy":
        """Make a proxy that listens nowhere yet."""
        names = Names(journal)
        switchboard = Switchboard(
            unsent=config.limits.unsent,
            stall=config.timeouts.stall,
            linger=config.timeouts.linger,
            on_fault=lambda fault, where: journal.note("fault", level="error", where=where, exc_info=fault),
            resolve=names.get,
        )
        random = SystemRandom().random
        proxy = cls(
            config=config,
            journal=journal,
            ended=ended,
            names=names,
            switchboard=switchboard,
            register=Register(
                config.limits.sessions, lambda: secrets.token_hex(8), lambda session, now: proxy._ended(session, now)
            ),
            callers=Callers(config.limits),
            pools={name: Pool(pool, random) for name, pool in config.pools.items()},
            tables={name: StickTable(table) for name, table in config.stick_tables.items()},
        )
        return proxy

    def listen(self, bound: Bound) -> None:
        """Accept callers on a socket."""
        gate = self._gate(bound.listener)

        def accepted(sock: socket.socket, source: str, now: float) -> None:
            limit = self.callers.room(source)
            if limit is not None:
                self._turn_away(sock, source, limit, bound.listener)
                return
            gate.enter(self.switchboard.adopt(sock, NOBODY), now)

        self.listening.append(self.switchboard.listen(bound.sock, accepted))

    def _turn_away(self, sock: socket.socket, source: str, limit: str, listener: ListenerConfig) -> None:
        sock.close()
        self.callers.refused += 1
        self.tally.count("connections.limit")
        if (
            self.callers.refused & (self.callers.refused - 1) == 0
        ):  # the 1st, 2nd, 4th, 8th …: a flood isn't logged as one
            self.journal.note(
                "connection-refused",
                level="warning",
                listener=listener.name,
                client=source,
                limit=limit,
                refused=self.callers.refused,
            )

    def _gate(self, listener: ListenerConfig) -> Gate:
        context = Context(
            shell=self.switchboard,
            journal=self.journal,
            register=self.register,
            tally=self.tally,
            pool=self.pools[listener.pool],
            timeouts=self.config.timeouts,
            limits=self.config.limits,
            listener=listener,
            draining=lambda: self.draining,
            left=self.callers.left,
            mint=secrets.token_hex,
        )
        return Gate(
            context, self.callers, None if listener.stick_table is None else self.tables[listener.stick_table]
        )

    def _ended(self, session: Session, now: float) -> None:
        self.ended(session, now)
        if self.draining and not len(self.register):
            self.empty.set()

    async def drain(self, stop_now: trio.Event) -> None:
        """Take no new sessions; wait for the live ones, at most `timeouts.drain` long; end the rest; close everything."""
        for listening in self.listening:
            listening.close()
        self.draining = True
        sessions, within = len(self.register), self.config.timeouts.drain
        self.journal.note("draining", sessions=sessions, within_s=within)
        if sessions:
            with trio.move_on_after(within):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(_first, self.empty, nursery.cancel_scope)
                    nursery.start_soon(_first, stop_now, nursery.cancel_scope)
        self.journal.note("stopping", sessions_cut=len(self.register), connections=len(self.callers.live))
        self.callers.stop(self.switchboard.fresh())
        with trio.move_on_after(self.config.timeouts.linger):
            await self.switchboard.wait_quiet()


async def _first(event: trio.Event, scope: trio.CancelScope) -> None:
    await event.wait()
    scope.cancel()
