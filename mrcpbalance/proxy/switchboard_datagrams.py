"""A socket for datagrams on the switchboard."""

import contextlib
import socket
from typing import Final

from mrcpbalance.config import Address
from mrcpbalance.sessions.ports import DatagramOwner

from ._link_desk import Desk
from ._link_dial import host_of, target_of
from ._link_epoll import IN
from ._link_null import GONE
from .sharing import Sharing, queue_up, share, stand_aside

LARGEST: Final = 65_535
BATCH: Final = 64  # datagrams read in one round, at most
MOST_LEFT: Final = 10_000  # datagrams read at the end, at most
RECEIVE_BUFFER: Final = 1024 * 1024  # octets the kernel may keep for us while we do something else


class Datagrams:
    """One bound socket (the core's `DatagramPort`)."""

    __slots__ = ("_deaf", "_desk", "_fd", "_owner", "_sock", "local", "sharing")

    def __init__(self, desk: Desk, sock: socket.socket, owner: DatagramOwner, sharing: Sharing) -> None:
        name = sock.getsockname()
        self.local = Address(host_of(name), name[1])
        self._desk = desk
        self._sock = sock
        self._owner = owner
        self.sharing = sharing
        self._deaf = False
        self._fd = sock.fileno()
        desk.epoll.register(self._fd, IN)
        desk.seat(self._fd, self)

    def send(self, data: bytes, to: Address) -> None:
        """Send one datagram; what can't be sent is lost, as any datagram may be."""
        if self._fd < 0:
            return
        with contextlib.suppress(OSError):
            _, target = target_of(to)
            self._sock.sendto(data, target)

    def ready(self, _event: int, /) -> None:
        """Read what is there."""
        for _ in range(BATCH):
            if not self._read():
                return

    def _read(self) -> bool:
        """Read one; tell whether there was one."""
        desk = self._desk
        try:
            data, name = self._sock.recvfrom(LARGEST)
        except OSError:  # nothing left; or an ICMP error for something we sent, which its timers tell as well
            return False
        desk.source = None
        desk.family = None
        try:
            self._owner.datagram(self, data, Address(host_of(name), name[1]), desk.now)
        except Exception as fault:  # noqa: BLE001 - one datagram's misfortune is not the others'
            desk.report(fault, f"{type(self._owner).__qualname__}.datagram")
        return True

    def stand_aside(self) -> None:
        """Leave what comes from now on to the process that shares the port; sending goes on."""
        if self.sharing is Sharing.PORT:
            stand_aside(self._sock)
        elif self.sharing is Sharing.SOCKET:
            self._turn_deaf()

    def _turn_deaf(self) -> None:
        if not self._deaf and self._fd >= 0:
            self._deaf = True
            self._desk.epoll.unregister(self._fd)

    def finish(self) -> None:
        """Read what the kernel has, then hear and send nothing more."""
        self._desk.fresh()
        for _ in range(MOST_LEFT):
            if self._fd < 0 or not self._read():
                break
        self.close()

    def close(self) -> None:
        """Hear and send nothing more."""
        if self._fd >= 0:
            self._turn_deaf()
            self._desk.handlers[self._fd] = GONE
            self._desk.graves.append(self._sock)
            self._fd = -1
            self._desk.want()


def datagram_socket(bind: Address, *, shared: bool = False) -> socket.socket:
    """Open and bind a socket, beside other processes that share the port, if so wanted; raises OSError."""
    family = socket.AF_INET6 if ":" in bind.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        if shared:
            share(sock)
        sock.bind((bind.host, bind.port))
        if shared:
            queue_up(sock)
    except BaseException:
        sock.close()
        raise
    return sock


def source_address(address: Address) -> str:
    """Ask the kernel which of our addresses a peer would see; "" when it can't be reached."""
    with contextlib.suppress(OSError):
        family, target = target_of(address)
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(target)  # sends nothing
            return host_of(probe.getsockname())
    return ""
