"""How SIP peers are reached: our sockets, the TCP connections that are open, and where a dialog's requests go (C.3)."""

import errno
import functools
import ipaddress
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, ClassVar, Final

import attrs

from mrcpbalance.config import Address
from mrcpbalance.pool import Backend
from mrcpbalance.sessions import End
from mrcpbalance.sessions.context import Context
from mrcpbalance.sessions.ports import CloseReason, DatagramPort, Port
from mrcpbalance.sessions.watch import Watch
from mrcpwire import sip
from mrcpwire.sip_transactions import Flow

if TYPE_CHECKING:
    from ._agent import Agent

PONG: Final = b"\r\n"  # the answer to a keep-alive on a stream (RFC 5626 section 4.4.1)
ANY: Final = frozenset(("0.0.0.0", "::"))  # noqa: S104 - addresses that stand for all of a machine's
LONGEST: Final = 64  # characters of an IP address; with its scope it has no more


@attrs.define(eq=False)
class SipConnection:
    """The owner of one TCP connection that carries SIP, whoever opened it."""

    protocol: ClassVar[str] = "mrcpv2"

    agent: "Agent"
    remote: tuple[str, int]
    receiver: sip.StreamReceiver
    port: Port = attrs.field(init=False)
    watch: Watch | None = None  # of one that the peer opened
    dialogs: int = 0  # whose requests go over it
    gone: bool = False

    def connected(self, now: float) -> None:
        """Nothing to do: what was sent before now leaves by itself."""

    def received(self, data: bytes, now: float) -> None:
        """Take octets; what can't be framed costs the connection (C.2)."""
        agent, receiver = self.agent, self.receiver
        if self.watch is not None:
            self.watch.heard = now
        receiver.receive_data(data)
        while not self.gone:
            try:
                message = receiver.next_event()
            except sip.SipError as error:
                self._nonsense(error, now)
                continue
            if message is None:
                break
            if isinstance(message, sip.KeepAlive):
                self.port.send(PONG)
            else:
                agent.message(message, agent.network.flow_on(self), now)
        if self.watch is not None and not self.gone:
            self.watch.partial(pending=receiver.pending, now=now)
        agent.flush(now)

    def _nonsense(self, error: sip.SipError, now: float) -> None:
        """Answer what can't be read; what can't be framed costs the connection (C.2)."""
        self.agent.nonsense(error, self.port.peer)
        if error.answer is not None:
            self.port.send(error.answer.to_bytes())
        if error.fatal:
            self.port.close()
            self.lost(CloseReason.RESET, now)

    def finished(self, now: float) -> None:
        """Close it: a peer that has said its last can't be reached on it."""
        self.port.close()
        self.lost(CloseReason.ENDED, now)

    def lost(self, reason: CloseReason, now: float) -> None:
        """Tell the transactions that went over it; dialogs live on (RFC 3261 section 18.4)."""
        if not self.gone:
            self.gone = True
            if self.watch is not None:
                self.watch.stop()
            self.agent.network.forget(self)
            self.agent.connection_lost(self, now)

    # What the watch tells (G-3).

    def idle(self) -> bool:
        """Tell whether no dialog uses it."""
        return self.dialogs == 0

    def slow(self, now: float) -> None:
        """End a connection whose peer doesn't come to the end of a message."""
        self.agent.context.tally.count("sip.message-timeout")
        self.finished(now)

    def silent(self, now: float) -> None:
        """End a connection that nobody uses."""
        self.finished(now)

    def out_of_time(self, now: float) -> None:
        """End a connection that was given a last moment."""
        self.finished(now)

    def look(self, now: float) -> None:
        """Nothing else is ever due."""

    def dues(self) -> tuple[float, ...]:
        """Nothing else is ever due."""
        return ()

    def crashed(self, now: float) -> None:
        """Close it."""
        self.port.abort()
        self.lost(CloseReason.FAULT, now)

    def dispensable(self) -> bool:
        """Tell whether no answer is still to go over it; calls go on at our Contact."""
        return not self.agent.owes(self)

    def make_way(self, by: float, now: float) -> None:
        """Close it when no answer is still to go over it."""
        if self.watch is not None:
            self.watch.make_way(by, now)

    def stop(self, end: End, now: float) -> None:
        """Close it at the end of the process; its calls were ended before."""
        self.finished(now)

    def leave(self, backend: Backend, end: End, now: float) -> None:
        """Nothing to do: calls are ended by their agent."""


@attrs.define(eq=False)
class Network:
    """The sockets and connections of one SIP listener."""

    context: Context
    agent: "Agent"
    own: Address  # where callers find us inside calls, as they are told
    socket: DatagramPort | None  # where callers send datagrams; None: the listener has no udp
    inside: DatagramPort | None = None  # where they send those inside calls, if that is another socket
    backwards: dict[str, DatagramPort] = attrs.field(
        factory=dict
    )  # sockets towards backends, by our own address
    connections: dict[tuple[str, int], SipConnection] = attrs.field(factory=dict)
    _sockets: dict[Hashable, DatagramPort] = attrs.field(factory=dict)  # by the key of their flows
    _told: dict[DatagramPort, Address] = attrs.field(factory=dict)  # where callers think that a socket is
    _retired: set[Hashable] = attrs.field(factory=set)  # sockets that take no new calls

    # Sending and receiving.

    def send(self, flow: Flow, data: bytes) -> None:
        """Send one message."""
        if isinstance(flow.key, SipConnection):
            flow.key.port.send(data)
        else:
            port = self._sockets.get(flow.key)
            if port is not None:
                port.send(data, Address(*flow.remote))

    def hear(self, port: DatagramPort) -> None:
        """Take the socket that callers send datagrams to."""
        self.socket = port
        self._sockets[port] = port
        self._told[port] = self.own

    def hear_inside(self, port: DatagramPort) -> None:
        """Take the socket for what belongs to calls, where another process may come to have the first one."""
        self.inside = port
        self._sockets[port] = port
        self._told[port] = self.own

    def leave_first(self) -> None:
        """Answer from the other socket what is still to be answered: the first one is another process's from now on."""
        if self.socket is not None and self.inside is not None:
            self._sockets[self.socket] = self.inside

    def home(self, flow: Flow) -> Flow:
        """Give the flow for our requests inside a call: from where its peer knows us."""
        if self.inside is None or flow.key is not self.socket:
            return flow
        return attrs.evolve(flow, key=self.inside)

    def retire(self, port: DatagramPort) -> None:
        """Take no new calls on a socket any more: it is for those that live."""
        self._retired.add(port)
        if self.socket is port:
            self.socket = None
        elif self.inside is port:
            self.inside = None

    def restore(self, port: DatagramPort, *, inside: bool = False) -> None:
        """Take calls there again: callers send theirs, or those inside calls, there from now on."""
        self._retired.discard(port)
        if inside:
            self.hear_inside(port)
        else:
            self.hear(port)

    def takes_calls(self, flow: Flow) -> bool:
        """Tell whether a new call may come on this flow."""
        return flow.key not in self._retired

    def move(self, own: Address) -> None:
        """Tell callers another address from now on; calls that live keep what they were told."""
        self.own = own
        for port in (self.socket, self.inside):
            if port is not None:
                self._told[port] = own

    def drop(self, port: DatagramPort) -> None:
        """Close a socket that no call needs any more."""
        port.close()
        self._retired.discard(port)
        self._sockets.pop(port, None)
        self._told.pop(port, None)

    def close(self) -> None:
        """Close all sockets, and the connections to backends."""
        for port in list(self._sockets.values()):
            self.drop(port)
        self.backwards.clear()
        for connection in list(self.connections.values()):
            if connection.watch is None:
                connection.port.close()
                self.forget(connection)

    def flow_on(self, connection: SipConnection) -> Flow:
        """Give the flow that a connection is."""
        local = (
            self.own if connection.port.local in ("", *ANY) else Address(connection.port.local, self.own.port)
        )
        return Flow(transport="tcp", local=(local.host, local.port), remote=connection.remote, key=connection)

    def flow_of(self, port: DatagramPort, source: Address) -> Flow:
        """Give the flow that a datagram came on."""
        local = self._told.get(port, port.local)
        return Flow(
            transport="udp", local=(local.host, local.port), remote=(source.host, source.port), key=port
        )

    @staticmethod
    def is_gone(flow: Flow) -> bool:
        """Tell whether a flow was a connection that is no more."""
        return isinstance(flow.key, SipConnection) and flow.key.gone

    def is_callers(self, flow: Flow) -> bool:
        """Tell whether a flow is one that callers come by: the listener's socket, or a connection that a peer opened."""
        if isinstance(flow.key, SipConnection):
            return flow.key.watch is not None
        return flow.key in (self.socket, self.inside)

    # Towards backends.

    def places(self, backend: Backend) -> Sequence[Address]:
        """Give the SIP addresses of a backend by number, in the order in which to try them; OSError without any."""
        address = backend.address("sip")
        assert address is not None, "the pool offers only backends that speak the protocol"
        found = self.context.shell.places(address)
        if not found:
            raise OSError(errno.EHOSTUNREACH, f"no address known for {address.host}")
        return found

    def to_backend(self, place: Address, transport: str) -> Flow:
        """Give the flow to an address of a backend, by number; OSError if there is none."""
        return self._tcp(place) if transport == "tcp" else self._udp(place)

    def own_address_towards(self, address: Address) -> str:
        """Tell which of our addresses a peer sees."""
        bound = self.context.listener.bind[0].host
        fits = bound not in ANY and _family(bound) == _family(address.host)
        if fits and (
            _is_loopback(address.host) or not _is_loopback(bound)
        ):  # nothing leads out from loopback
            return bound
        own = self.context.shell.own_address(address)
        if not own:
            raise OSError(errno.EHOSTUNREACH, f"no way to {address.host}")
        return own

    def _udp(self, address: Address) -> Flow:
        host = self.own_address_towards(address)
        port = self.backwards.get(host)
        if port is None:
            port = self.backwards[host] = self.context.shell.datagrams(Address(host, 0), self.agent)
            self._sockets[port] = port
        local = port.local
        return Flow(transport="udp", local=(host, local.port), remote=(address.host, address.port), key=port)

    def _tcp(self, address: Address) -> Flow:
        remote = (address.host, address.port)
        connection = self.connections.get(remote)
        if connection is None:
            connection = SipConnection(self.agent, remote, self.agent.stream_receiver())
            connection.port = self.context.shell.dial(
                address, connection, within=self.context.timeouts.connect
            )
            self.connections[remote] = connection
        local = self.own_address_towards(address)
        return Flow(transport="tcp", local=(local, self.own.port), remote=remote, key=connection)

    # Inside a dialog.

    def onwards(self, like: Flow, host: str, port: int, transport: str) -> Flow:
        """Give the flow for a dialog's next request: where its peer said, from where it knows us.

        Where nothing leads there, or only a name is given (asking for one means waiting), it is where the peer was
        heard from.
        """
        if isinstance(like.key, SipConnection) and not like.key.gone:
            return like
        try:
            if _family(host) is None:
                return self._tcp(Address(*like.remote)) if like.reliable else like
            if like.reliable or transport == "tcp":
                return self._tcp(Address(host, port))
        except OSError:
            return like
        return attrs.evolve(like, remote=(host, port))

    # Connections.

    def hold(self, flow: Flow) -> None:
        """Take note of a dialog on a flow."""
        if isinstance(flow.key, SipConnection):
            flow.key.dialogs += 1

    def release(self, flow: Flow, now: float) -> None:
        """Take note that a dialog on a flow is over; without any, a connection isn't kept for ever (G-3)."""
        if isinstance(flow.key, SipConnection):
            flow.key.dialogs -= 1
            if flow.key.watch is not None and flow.key.idle():
                flow.key.watch.by(now + self.context.timeouts.connection_idle)

    def joined(self, connection: SipConnection) -> None:
        """Note a connection that a peer opened."""
        self.connections[connection.remote] = connection

    def forget(self, connection: SipConnection) -> None:
        """Forget a connection that is gone."""
        if self.connections.get(connection.remote) is connection:
            del self.connections[connection.remote]
        self.context.left(connection)


def _family(host: str) -> int | None:
    return _known_family(host) if len(host) <= LONGEST else None


@functools.lru_cache(1024)  # there are few peers, and a call asks six times
def _known_family(host: str) -> int | None:
    try:
        return ipaddress.ip_address(host).version
    except ValueError:
        return None


@functools.lru_cache(1024)
def _is_loopback(host: str) -> bool:
    return ipaddress.ip_address(host).is_loopback
