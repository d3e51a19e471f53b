"""A SIP listener's sockets and its agent: datagrams, connections that carry SIP, connections that carry control."""

from collections.abc import Sequence

import attrs

from mrcpbalance.config import Address, ListenerConfig
from mrcpbalance.mrcpv2 import Agent, ControlCaller, SipConnection
from mrcpbalance.sessions.context import Context
from mrcpbalance.sessions.ports import DatagramPort

from .callers import Callers
from .guests import Guests
from .sockets import CONTACT, Bound, Use
from .switchboard import Link, Switchboard
from .switchboard_datagrams import Datagrams

ANY = frozenset(("0.0.0.0", "::"))  # noqa: S104 - what a listener is bound to that takes every address


@attrs.define(eq=False)
class Telephone:
    """What a SIP listener makes of what comes in on its sockets."""

    context: Context
    callers: Callers
    switchboard: Switchboard
    agent: Agent
    guests: Guests

    @classmethod
    def of(
        cls, context: Context, callers: Callers, switchboard: Switchboard, sockets: Sequence[Bound]
    ) -> "Telephone":
        """Make the agent that a listener's sockets belong to."""
        listener = context.listener
        own, control = _addresses(listener, sockets)
        agent = Agent.of(context, own, control, direct=listener.control == "direct")
        return cls(context, callers, switchboard, agent, Guests(listener.allow))

    def move(self, sockets: Sequence[Bound]) -> None:
        """Go by another configuration of the listener, whose sockets these are now; live calls stay where they are."""
        listener = self.context.listener
        own, control = _addresses(listener, sockets)
        self.agent.move(own, control, direct=listener.control == "direct")

    def hear(self, bound: Bound) -> Datagrams:
        """Take the datagrams that come on a socket."""
        port = self.switchboard.hear(bound.sock, self, bound.sharing)
        if bound.use is Use.CONTACT_DATAGRAMS:
            self.agent.network.hear_inside(port)
        else:
            self.agent.network.hear(port)
        return port

    def datagram(self, port: DatagramPort, data: bytes, source: Address, now: float) -> None:
        """Pass a datagram on, if its sender may come; others aren't answered (G-6)."""
        if self.guests.allow(source.host):
            self.agent.datagram(port, data, source, now)
        else:
            self.context.tally.count("sip.not-allowed")

    def sip(self, link: Link, now: float) -> SipConnection:
        """Take over a connection that carries SIP."""
        connection = self.agent.accept(link, now)
        self.callers.joined(connection, link)
        link.owner = connection
        return connection

    def control(self, link: Link, now: float) -> None:
        """Take over a caller's control connection."""
        caller = ControlCaller.of(self.context, self.agent.table, link, now)
        self.callers.joined(caller, link)
        link.owner = caller


def _addresses(listener: ListenerConfig, sockets: Sequence[Bound]) -> tuple[Address, Address]:
    """Give the addresses that callers are told: for SIP, and for control connections."""
    first = next(bound.address for bound in sockets if bound.use is not Use.CONTROL)
    own = next((bound.address for bound in sockets if bound.use in CONTACT), first)
    control = next((bound.address for bound in sockets if bound.use is Use.CONTROL), own)
    return (
        Address(listener.advertise or own.host, own.port),
        Address(_told(listener.advertise, own, control), control.port),
    )


def _told(advertise: str | None, own: Address, control: Address) -> str:
    """Give the address that callers are told for control connections."""
    if control.host not in ANY:
        return control.host
    return advertise or own.host
