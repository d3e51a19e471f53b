"""How a SIP peer is reached."""

from collections.abc import Hashable

import attrs


@attrs.frozen(kw_only=True)
class Flow:
    """The way between a peer and us: a UDP socket and the peer's address, or a TCP connection.

    `local` is what our Via says: where responses find us. `key` is the socket or the connection, and its owner's
    business.
    """

    transport: str  # "udp" or "tcp"
    local: tuple[str, int]
    remote: tuple[str, int]
    key: Hashable

    @property
    def reliable(self) -> bool:
        """Nothing needs to be sent twice."""
        return self.transport != "udp"
