"""The sockets of listeners: inherited or opened, all or none."""

import enum
import errno
import os
import socket
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import attrs

from mrcpbalance.config import Address, Config, ListenerConfig, PoolConfig, fallback_chain

from .inherited import Inherited, Passed
from .sharing import Sharing, queue_up, share
from .switchboard_datagrams import datagram_socket

BACKLOG: Final = 1024
TRIES: Final = 50  # ports that are free for one transport and taken for another before that is an error
_HINTS: Final = {
    errno.EADDRINUSE: "another process listens there; `ss -lntup` shows which. To take over from it, see process.reuse_port",
    errno.EADDRNOTAVAIL: "this machine has no such address; `ip addr` lists those it has",
    errno.EACCES: "ports below 1024 need root or CAP_NET_BIND_SERVICE",
}


class CannotListenError(Exception):
    """An address that can't be listened on; says why and what to do."""


class Use(enum.Enum):
    """What a listener's socket is for."""

    CALLERS = "callers"  # connections, of the listener's protocol
    DATAGRAMS = "datagrams"  # SIP over UDP
    CONTACT = "contact"  # connections with SIP inside calls, where that has a port of its own
    CONTACT_DATAGRAMS = "contact-datagrams"  # the same over UDP
    CONTROL = "control"  # MRCPv2 control connections of proxied calls


DATAGRAMS: Final = frozenset((Use.DATAGRAMS, Use.CONTACT_DATAGRAMS))
CONTACT: Final = frozenset((Use.CONTACT, Use.CONTACT_DATAGRAMS))
_OF_CALLERS: Final = frozenset((Use.CALLERS, Use.DATAGRAMS))


@attrs.frozen(eq=False)
class Bound:
    """A listening socket and the listener it belongs to."""

    listener: ListenerConfig
    use: Use
    address: Address  # with the port it really has
    sock: socket.socket
    asked: Address  # as configured, where any port may do
    sharing: Sharing = Sharing.NOBODY


class Kept:
    """The sockets that are open already: none at the start."""

    def own(self, name: str, use: Use, asked: Address) -> Bound | None:
        """Find the one that a listener has, to be kept."""

    def spare(self, asked: Address) -> Bound | None:
        """Find one for callers that another listener gives up; those who wait in its backlog come with it."""


def open_all(config: Config, inherited: Inherited | None = None) -> list[Bound]:
    """Open the sockets of all listeners that weren't inherited; when one can't be had, or is too many, none is."""
    inherited = Inherited() if inherited is None else inherited
    opened = open_some(config, config.listeners.values(), inherited=inherited)
    if inherited.left:
        for bound in opened:
            bound.sock.close()
        told = _too_many(inherited.left, config)
        inherited.close()
        raise CannotListenError(told)
    return opened


def open_some(
    config: Config,
    listeners: Iterable[ListenerConfig],
    kept: Kept | None = None,
    inherited: Inherited | None = None,
) -> list[Bound]:
    """Open the sockets of some listeners, but for those that are kept; when one can't be opened, none is."""
    opening = _Opening(
        kept or Kept(), Inherited() if inherited is None else inherited, config.process.reuse_port
    )
    try:
        for listener in listeners:
            opening.listener(listener, _pools(listener, config))
    except CannotListenError:
        opening.undo(0)
        raise
    return opening.bound


def _pools(listener: ListenerConfig, config: Config) -> Iterator[PoolConfig]:
    """Give the pools that may serve sessions of a listener."""
    for first in (listener.pool, *(match.pool for match in listener.match)):
        yield from (config.pools[name] for name in fallback_chain(config.pools, first))


def _too_many(left: Sequence[Passed], config: Config) -> str:
    names = ", ".join([*config.listeners, *(["admin"] if config.admin else [])])
    told = ", ".join(map(str, left))
    return (
        f"passed by systemd, but fits nothing in the configuration: {told} (its address must be a listener's `bind`, and its"
        f" FileDescriptorName= best that listener's name; there are: {names})"
    )


@attrs.define
class _Opening:
    """Sockets on their way to being open, all of them."""

    kept: Kept
    inherited: Inherited
    reuse_port: bool
    bound: list[Bound] = attrs.field(factory=list)
    new: list[Bound] = attrs.field(factory=list)  # those of them that were not open before

    def undo(self, since: int) -> None:
        """Close what was opened after the first so many."""
        for bound in self.bound[since:]:
            if bound in self.new:
                self.new.remove(bound)
                bound.sock.close()
        del self.bound[since:]

    def listener(self, listener: ListenerConfig, pools: Iterable[PoolConfig]) -> None:
        """Open what one listener needs."""
        before = len(self.bound)
        if listener.protocol == "sip":
            self._one_port(listener, listener.bind[:1], _of_transports(listener, Use.CALLERS, Use.DATAGRAMS))
        else:
            for address in listener.bind:
                self._bind(listener, Use.CALLERS, address)
        speaks_sip = listener.protocol == "sip" or (  # SIP may be recognised, and its calls need as much
            listener.protocol == "auto"
            and any(backend.sip for pool in pools for backend in pool.backends.values())
        )
        if not speaks_sip:
            return
        anywhere = (Address(listener.bind[0].host, 0),)
        shared = any(bound.sharing is not Sharing.NOBODY for bound in self.bound[before:])
        if shared or listener.contact_bind:  # another process must not get what is about our calls
            uses = _of_transports(listener, Use.CONTACT, Use.CONTACT_DATAGRAMS)
            self._one_port(listener, listener.contact_bind or anywhere, uses)
        if listener.control == "proxied":
            self._one_port(listener, listener.control_bind or anywhere, (Use.CONTROL,))

    def _one_port(self, listener: ListenerConfig, addresses: Sequence[Address], uses: Sequence[Use]) -> None:
        """Open one port for all of these, the first that is free for all; where any will do, one is looked for."""
        before = len(self.bound)
        had = [one for one in addresses if self.kept.own(listener.name, uses[0], one) is not None]
        tries = (*had, *addresses) if addresses[0].port else tuple(addresses) * TRIES
        for left in range(len(tries) - 1, -1, -1):
            address = tries[-1 - left]
            try:
                for use in uses:  # TCP first: its free port is hardly ever taken
                    self._bind(listener, use, address)
                    address = self.bound[-1].address
            except CannotListenError:
                self.undo(before)
                if not left:
                    raise
            else:
                return

    def _bind(self, listener: ListenerConfig, use: Use, address: Address) -> None:
        bound = self.kept.own(listener.name, use, address)
        if bound is None:
            bound = self._spare(listener, use, address) or self._passed(listener, use, address)
            bound = bound or self._open(listener, use, address)
            self.new.append(bound)
        self.bound.append(bound)

    def _spare(self, listener: ListenerConfig, use: Use, address: Address) -> Bound | None:
        """Share a socket that another listener gives up."""
        spare = self.kept.spare(address) if use is Use.CALLERS else None
        if spare is None:
            return None
        return Bound(listener, use, address, spare.sock.dup(), address, spare.sharing)

    def _open(self, listener: ListenerConfig, use: Use, address: Address) -> Bound:
        shared = self.reuse_port and use in _OF_CALLERS
        try:
            sock = (
                datagram_socket(address, shared=shared)
                if use in DATAGRAMS
                else listening_socket(address, shared=shared)
            )
        except OSError as error:
            raise CannotListenError(_refusal(listener, use, address, error)) from None
        real = Address(address.host, sock.getsockname()[1])
        return Bound(listener, use, real, sock, address, Sharing.PORT if shared else Sharing.NOBODY)

    def _passed(self, listener: ListenerConfig, use: Use, address: Address) -> Bound | None:
        """Give the socket that was opened for this by whoever started us, if one was."""
        if use in CONTACT:
            return None
        kind = socket.SOCK_DGRAM if use in DATAGRAMS else socket.SOCK_STREAM
        name = f"{listener.name}-control" if use is Use.CONTROL else listener.name
        passed = self.inherited.take(name, kind, address)
        if passed is None:
            return None
        if passed.takes_both_families():
            told = str(passed)
            passed.sock.close()
            raise CannotListenError(
                f"listeners.{listener.name}: the socket {told} takes IPv4 too (set BindIPv6Only=ipv6-only)"
            )
        passed.sock.setblocking(False)  # noqa: FBT003 - that is how the standard library spells it
        real = Address(address.host, passed.sock.getsockname()[1])
        return Bound(listener, use, real, passed.sock, address, Sharing.SOCKET)


def _of_transports(listener: ListenerConfig, streams: Use, datagrams: Use) -> list[Use]:
    if listener.protocol != "sip":
        return [streams]
    return [datagrams if transport == "udp" else streams for transport in sorted(listener.transports)]


def _refusal(listener: ListenerConfig, use: Use, address: Address, error: OSError) -> str:
    key = "control_bind" if use is Use.CONTROL else "contact_bind" if use in CONTACT else "bind"
    reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
    told = f"listeners.{listener.name}.{key}: can't listen on {address}: {reason}"
    hint = _HINTS.get(error.errno or 0)
    return f"{told} ({hint})" if hint else told


def listening_socket(address: Address, *, shared: bool) -> socket.socket:
    """Listen on an address, beside other processes that share it, if so wanted; raises OSError."""
    info = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, name = info[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            share(sock)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(name)
        sock.listen(BACKLOG)
        if shared:
            queue_up(sock)
    except BaseException:
        sock.close()
        raise
    sock.setblocking(False)  # noqa: FBT003 - that is how the standard library spells it
    return sock
