"""What a core asks of the shell, and what the shell tells a core: no sockets, no clocks, no tasks.

The shell (`proxy/`) implements `Port`, `Alarm`, `Shell` and `Journal`; a core implements `Owner`, one for each
of its connections, and is called directly when octets arrive. Every call is synchronous and returns soon.
`now` is a monotonic clock in seconds.
"""

import enum
from collections.abc import Callable, Sequence
from typing import Protocol

from mrcpbalance.config import Address


class CloseReason(enum.Enum):
    """Why a connection is no more, as its owner is told."""

    ENDED = "ended"  # the peer closed it (after a reset-free end of its octets)
    RESET = "reset"
    REFUSED = "refused"  # while connecting
    UNREACHABLE = "unreachable"  # while connecting: no route, no such host, no socket to be had
    CONNECT_TIMEOUT = "connect-timeout"
    STALLED = "stalled"  # it took none of the octets waiting for it for `timeouts.stall`
    FAULT = "fault"  # our own fault, logged with its traceback


class Port(Protocol):
    """One connection, as its owner uses it. Every method may be called at any time, also after the end.

    `guarded` (True at first) says whether a peer that takes nothing for `timeouts.stall` is lost.
    """

    guarded: bool

    @property
    def peer(self) -> str:
        """The address at the other end, without its port."""

    @property
    def peer_port(self) -> int:
        """The port at the other end (0 while connecting)."""

    @property
    def local(self) -> str:
        """Our own address on this connection, without the port ("" while connecting)."""

    @property
    def local_port(self) -> int:
        """Our own port on this connection (0 while connecting)."""

    def send(self, data: bytes) -> None:
        """Send these octets, in order; before the connection stands they wait. Never blocks, never raises.

        What the peer doesn't take yet is kept, and whoever's octets led to this call is not read until it is gone.
        """

    def finish(self) -> None:
        """Send the end of our octets after what was sent (half-close); reading goes on."""

    def close(self, *, all_read: bool = False) -> None:
        """Send what was sent (at most `timeouts.linger` long), then close. The owner hears nothing more.

        `all_read`: the peer has answered everything, so nothing is lost when what it may still send is refused; that
        spares waiting for its end.
        """

    def abort(self) -> None:
        """Close at once, dropping what waits; the peer sees a reset. The owner hears nothing more."""

    def pause(self) -> None:
        """Read no more from this peer until `resume`; calls don't nest."""

    def resume(self) -> None:
        """Read again."""


class Owner(Protocol):
    """Who is told what happens on a connection."""

    def connected(self, now: float) -> None:
        """Tell that the connection we dialled stands."""

    def received(self, data: bytes, now: float) -> None:
        """Hand over octets, never none."""

    def finished(self, now: float) -> None:
        """Tell that the peer sent the end of its octets; it may still take ours. `lost` won't follow by itself."""

    def lost(self, reason: CloseReason, now: float) -> None:
        """Tell that the connection is gone, or never came to stand. The last call."""

    def crashed(self, now: float) -> None:
        """Tell that the owner's own code raised: end everything that hangs on it, answer what is open."""


class DatagramPort(Protocol):
    """A socket for datagrams; the same one is equal to itself alone."""

    def __hash__(self) -> int: ...

    @property
    def local(self) -> Address:
        """Where it is bound."""

    def send(self, data: bytes, to: Address) -> None:
        """Send one datagram; what the network doesn't take is lost, as datagrams are."""

    def close(self) -> None:
        """Hear and send nothing more."""


class DatagramOwner(Protocol):
    """Who is told what comes on a `DatagramPort`."""

    def datagram(self, port: DatagramPort, data: bytes, source: Address, now: float) -> None:
        """Hand over one datagram."""


class Alarm(Protocol):
    """One deadline of one owner."""

    def set(self, at: float) -> None:
        """Ring at this time (of the same clock as `now`); moves an earlier setting. Cheap enough for every message."""

    def clear(self) -> None:
        """Don't ring."""


class Shell(Protocol):
    """What a core can have the shell do."""

    def dial(self, address: Address, owner: Owner, *, within: float) -> Port:
        """Open a TCP connection; the outcome is told to the owner, never from inside this call.

        Where a name has several addresses they are tried in turn, within that time together.
        """

    def datagrams(self, bind: Address, owner: DatagramOwner) -> DatagramPort:
        """Open a socket for datagrams, on any port when that is 0; raises OSError."""

    def places(self, address: Address) -> Sequence[Address]:
        """Give a host's addresses by number, in the order in which to try them; none while its name isn't known.

        Whoever asks takes a turn.
        """

    def missed(self, place: Address, why: str) -> None:
        """Take note that nobody answers at one of several of these: for a while the others come first."""

    def own_address(self, address: Address) -> str:
        """Tell which of our own addresses a peer at this address, by number, would see; "" without a way there."""

    def alarm(self, ring: Callable[[float], None]) -> Alarm:
        """Make an alarm, not set; `ring(now)` is called when it is due."""


class Journal(Protocol):
    """Where a core tells people what happened."""

    def note(self, event: str, /, **fields: object) -> None:
        """Write one log line. Never blocks; drops and counts when nobody reads the log."""
