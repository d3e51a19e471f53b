"""A listener as it runs: its gate, and the sockets that lead to it."""

from typing import TYPE_CHECKING

import attrs

from .gates import Gate
from .guests import Guests
from .sockets import Bound
from .switchboard import Listening
from .switchboard_datagrams import Datagrams

if TYPE_CHECKING:
    from .retiring import Retirement


@attrs.frozen(eq=False)
class Placed:
    """A socket on the switchboard."""

    bound: Bound
    handle: Listening | Datagrams


@attrs.define(eq=False)
class Door:
    """One listener as it runs; a reload may give it other sockets."""

    gate: Gate
    guests: Guests
    placed: list[Placed] = attrs.field(factory=list)
    retiring: "list[Retirement]" = attrs.field(factory=list)  # what a reload took away and calls still need
