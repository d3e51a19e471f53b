"""Sockets that were opened for us by whoever started us (sd_listen_fds(3))."""

import os
import socket
from collections.abc import MutableMapping
from typing import Final

import attrs

from mrcpbalance.config import Address

FIRST: Final = 3  # descriptors before it are the standard streams
_VARIABLES: Final = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")
_KINDS: Final = {socket.SOCK_STREAM: "tcp", socket.SOCK_DGRAM: "udp"}


@attrs.frozen(eq=False)
class Passed:
    """One such socket."""

    name: str  # what the unit file calls it (FileDescriptorName=)
    sock: socket.socket

    @property
    def where(self) -> Address | str:
        """Where it is bound; the path, if it is a unix socket."""
        name = self.sock.getsockname()
        return name if isinstance(name, str) else Address(str(name[0]), int(name[1]))

    def __str__(self) -> str:
        """Name it for people."""
        kind = _KINDS.get(self.sock.type, "raw") if isinstance(self.where, Address) else "unix"
        return f'"{self.name}" ({kind} {self.where})'

    def fits(self, kind: socket.SocketKind, bind: Address | str) -> bool:
        """Tell whether it is what an address in the configuration asks for."""
        where = self.where
        if self.sock.type != kind or (kind == socket.SOCK_STREAM and not self._listens()):
            return False
        if isinstance(where, str) or isinstance(bind, str):
            return where == bind
        return bind.port in (0, where.port) and where.host in _literals(bind.host, where.host)

    def takes_both_families(self) -> bool:
        """Tell whether it is an IPv6 socket that IPv4 peers reach too."""
        six = self.sock.family == socket.AF_INET6
        return six and not self.sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)

    def _listens(self) -> bool:
        return bool(self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


@attrs.define(eq=False)
class Inherited:
    """The sockets that nobody has taken yet."""

    left: list[Passed] = attrs.field(factory=list)

    @classmethod
    def of(cls, environment: MutableMapping[str, str], first: int = FIRST) -> "Inherited":
        """Take the sockets that the environment tells of, and what it says of them: no child of ours shall."""
        pid, count, names = (environment.pop(variable, "") for variable in _VARIABLES)
        if pid != str(os.getpid()) or not count.isdecimal():
            return cls()
        known = names.split(":")
        inherited = cls()
        for number in range(int(count)):
            os.set_inheritable(first + number, False)  # noqa: FBT003 - that is how the standard library spells it
            name = known[number] if number < len(known) else ""
            inherited.left.append(Passed(name or "unknown", socket.socket(fileno=first + number)))
        return inherited

    def take(self, name: str, kind: socket.SocketKind, bind: Address | str) -> Passed | None:
        """Give the socket that is bound so: one of this name, else any whose address is exactly this."""
        exact = not isinstance(bind, Address) or bind.port != 0
        named = [passed for passed in self.left if passed.name == name and passed.fits(kind, bind)]
        others = [passed for passed in self.left if exact and passed.fits(kind, bind)]
        for passed in (*named, *others):
            self.left.remove(passed)
            return passed
        return None

    def close(self) -> None:
        """Close what nobody took."""
        for passed in self.left:
            passed.sock.close()
        self.left.clear()


def _literals(host: str, bound: str) -> set[str]:
    """Give the addresses that a host in the configuration stands for."""
    if host == bound:
        return {host}
    try:
        return {str(info[4][0]) for info in socket.getaddrinfo(host, None, flags=socket.AI_PASSIVE)}
    except OSError:
        return set()
