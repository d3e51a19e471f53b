"""The running proxy: its tables, the gates of its listeners, and how it drains."""

import errno
import os
import socket
from collections.abc import Callable, Sequence
from functools import partial
from random import SystemRandom
from typing import Final

import attrs
import trio

from mrcpbalance.config import Config, ListenerConfig, PoolConfig
from mrcpbalance.mrcpv2 import Agent
from mrcpbalance.pool import Backend, OnChange, Pool, Protocol, State, link
from mrcpbalance.sessions import (
    PROTOCOLS,
    End,
    Meters,
    Phase,
    Register,
    Routes,
    Session,
    StickTable,
    Tally,
    Who,
)
from mrcpbalance.sessions.context import Context
from mrcpbalance.sessions.ports import Journal

from .callers import Callers
from .chance import Chance
from .doors import Door, Placed
from .gates import UNCLAIMED, Gate
from .guests import Guests
from .handover import leave
from .names import Names
from .probes import Probes
from .sharing import Front
from .sip import Telephone
from .sockets import Bound, Use
from .switchboard import Link, Listening, Switchboard

ID_OCTETS: Final = 8  # 16 hex digits: the ids of sessions in the log and the admin interface
OUT_OF_DESCRIPTORS: Final = frozenset((errno.EMFILE, errno.ENFILE))


def _unheard(backend: Backend, protocol: Protocol, state: State) -> None:
    """Tell nobody."""


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
    pools: dict[str, Pool]
    probes: Probes
    tables: dict[str, StickTable]
    make_pool: Callable[[PoolConfig], Pool]
    mint: Callable[[int], str]
    former_pools: dict[str, Pool] = attrs.field(factory=dict)  # taken out by a reload
    former_doors: dict[str, Door] = attrs.field(
        factory=dict
    )  # taken out while calls still need their sockets
    doors: dict[str, Door] = attrs.field(factory=dict)  # by listener
    tally: Tally = attrs.field(factory=Tally)
    meters: Meters | None = None  # measuring requests costs time: only where somebody can ask for it
    fronts: list[Front] = attrs.field(factory=list)  # what else is at a shared address, but not for traffic
    agents: list[Agent] = attrs.field(factory=list)
    starting: bool = True
    changed: OnChange = _unheard  # may be set at any time; hears what the log says of backends
    draining: bool = False
    empty: trio.Event = attrs.field(factory=trio.Event)  # set when draining and no session is left

    @classmethod
    def of(cls, config: Config, journal: Journal, ended: Callable[[Session, float], None]) -> "Proxy":
        """Make a proxy that listens nowhere yet."""
        names = Names(journal, config.timeouts.resolve)
        switchboard = Switchboard(
            unsent=config.limits.unsent,
            stall=config.timeouts.stall,
            linger=config.timeouts.linger,
            keepalive=config.timeouts.keepalive,
            on_fault=partial(_troubled, journal),
            names=names,
        )
        random, chance = SystemRandom().random, Chance()

        def told(session: Session, now: float) -> None:
            proxy._ended(session, now)

        def changed(backend: Backend, protocol: Protocol, state: State) -> None:
            journal.note(
                f"backend-{state.value}",
                level="warning" if state is State.DOWN else "info",
                pool=backend.pool,
                backend=backend.name,
                protocol=PROTOCOLS[protocol],
                reason=backend.reason(protocol) if state is State.DOWN else "",
            )
            proxy.changed(backend, protocol, state)

        proxy = cls(
            config=config,
            journal=journal,
            ended=ended,
            names=names,
            switchboard=switchboard,
            register=Register(config.limits.sessions, partial(chance.mint, ID_OCTETS), told),
            mint=chance.mint,
            callers=Callers(config.limits, report=switchboard.report),
            meters=Meters() if config.admin and config.admin.measure_requests else None,
            make_pool=lambda pool: Pool(pool, random, changed),
            pools={name: Pool(pool, random, changed) for name, pool in config.pools.items()},
            probes=Probes(journal, names, switchboard.fresh, random),
            tables={name: StickTable(table) for name, table in config.stick_tables.items()},
        )
        link(proxy.pools)
        proxy.register.on_fault = lambda fault: journal.note(
            "fault", level="error", where="observer", exc_info=fault
        )
        return proxy

    def listen(self, sockets: Sequence[Bound]) -> None:
        """Take in what comes on the sockets of one listener."""
        context = self._context(sockets[0].listener)
        door = Door(self._gate(context, None), Guests(context.listener.allow))
        self.doors[context.listener.name] = door
        self.place(door, sockets)

    def place(self, door: Door, sockets: Sequence[Bound]) -> list[Placed]:
        """Have a listener take in what comes on these sockets; give those that it had and needs no longer."""
        had: dict[Bound, Placed | None] = {placed.bound: placed for placed in door.placed}
        telephone = door.gate.telephone = self._telephone(door, sockets)
        door.placed = [had.pop(bound, None) or self._place(bound, door, telephone) for bound in sockets]
        return [placed for placed in had.values() if placed is not None]

    def _telephone(self, door: Door, sockets: Sequence[Bound]) -> Telephone | None:
        """Give what a listener needs for SIP, if it does; what it has, or had, moves to these sockets."""
        gate = door.gate
        if not any(bound.use is Use.CONTROL for bound in sockets) and gate.context.listener.protocol != "sip":
            return None
        leaving = next((one for one in door.retiring if one.whole), None)
        telephone = gate.telephone if leaving is None else leaving.give_back_telephone()
        if telephone is None:
            telephone = Telephone.of(gate.context, self.callers, self.switchboard, sockets)
            self.agents.append(telephone.agent)
        else:
            telephone.move(sockets)
        return telephone

    def _place(self, bound: Bound, door: Door, telephone: Telephone | None) -> Placed:
        if bound.use is Use.CALLERS:
            return Placed(bound, self._accept(bound, door, door.gate.enter))
        assert telephone is not None, "other sockets are for SIP"
        if bound.use is Use.CONTROL:
            return Placed(bound, self._accept(bound, door, telephone.control))
        if bound.use is Use.CONTACT:
            return Placed(bound, self._accept(bound, door, telephone.sip))
        return Placed(bound, telephone.hear(bound))

    def _accept(self, bound: Bound, door: Door, enter: Callable[[Link, float], object]) -> Listening:
        def accepted(sock: socket.socket, source: str, now: float) -> None:
            limit = (
                self.callers.room(source)
                if door.guests.allow(source)
                else f"listeners.{bound.listener.name}.allow"
            )
            if limit is not None:
                self._turn_away(sock, source, limit, bound.listener)
            else:
                enter(self.switchboard.adopt(sock, UNCLAIMED), now)

        return self.switchboard.listen(bound.sock, accepted, bound.sharing)

    def _turn_away(self, sock: socket.socket, source: str, limit: str, listener: ListenerConfig) -> None:
        sock.close()
        self.callers.refused += 1
        self.tally.count("connections.limit")
        refused = self.callers.refused
        if refused & (refused - 1) == 0:  # the 1st, 2nd, 4th, 8th …: a flood must not fill the log
            self.journal.note(
                "connection-refused",
                level="warning",
                listener=listener.name,
                client=source,
                limit=limit,
                refused=refused,
            )

    def _context(self, listener: ListenerConfig) -> Context:
        return Context(
            shell=self.switchboard,
            journal=self.journal,
            register=self.register,
            tally=self.tally,
            meters=self.meters,
            routes=Routes.of(listener, self.pools),
            timeouts=self.config.timeouts,
            limits=self.config.limits,
            listener=listener,
            draining=self.is_draining,
            left=self.callers.left,
            mint=self.mint,
        )

    def _gate(self, context: Context, telephone: Telephone | None) -> Gate:
        name = context.listener.stick_table
        return Gate(context, self.callers, None if name is None else self.tables[name], telephone)

    def is_draining(self) -> bool:
        """Tell whether it takes no new sessions."""
        return self.draining

    def leaving(self) -> list[Pool]:
        """Give the pools that a reload took out and that still have sessions."""
        self.former_pools = {name: pool for name, pool in self.former_pools.items() if pool.leaving}
        return list(self.former_pools.values())

    def leave(self, backend: Backend) -> None:
        """End the sessions that live on a backend, cleanly, now."""
        end, now = End(Who.OPERATOR, Phase.ACTIVE), self.switchboard.fresh()
        for agent in self.agents:
            agent.leave(backend, end, now)
        self.callers.leave(backend, end, now)

    def _ended(self, session: Session, now: float) -> None:
        self.ended(session, now)
        if self.draining and not len(self.register):
            self.empty.set()

    async def drain(self, stop_now: trio.Event) -> None:
        """Take no new sessions; wait for the live ones, at most `timeouts.drain` long; end the rest; close everything."""
        await leave(self, stop_now)
        self.draining = True
        sessions, within = len(self.register), self.config.timeouts.drain
        self.journal.note("draining", sessions=sessions, within_s=within)
        if sessions:
            with trio.move_on_after(within):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(_first, self.empty, nursery.cancel_scope)
                    nursery.start_soon(_first, stop_now, nursery.cancel_scope)
        self.journal.note("stopping", sessions_cut=len(self.register), connections=len(self.callers.live))
        now = self.switchboard.fresh()
        for agent in self.agents:
            agent.stop(End(Who.OPERATOR, Phase.ACTIVE), now)
        self.callers.stop(now)
        with trio.move_on_after(self.config.timeouts.linger):
            await self.switchboard.wait_quiet()


def _troubled(journal: Journal, fault: Exception, where: str) -> None:
    """Log what went wrong: the system's shortage in words, a fault of our own with where it was."""
    if where == "accept" and isinstance(fault, OSError):
        todo = "raise the limit of open files (LimitNOFILE)" if fault.errno in OUT_OF_DESCRIPTORS else ""
        reason = os.strerror(fault.errno or 0)
        journal.note("accept-failed", level="error", reason=reason, todo=todo)
    else:
        journal.note("fault", level="error", where=where, exc_info=fault)


async def _first(event: trio.Event, scope: trio.CancelScope) -> None:
    await event.wait()
    scope.cancel()
