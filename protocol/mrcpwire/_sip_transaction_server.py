"""Server transactions (RFC 3261 section 17.2)."""

import attrs

from mrcpwire._sip_transaction_flow import Flow


@attrs.define(eq=False)
class ServerTransaction:
    """A request of a peer, until our response has arrived; `flow` is where responses go."""

    method: bytes
    flow: Flow
