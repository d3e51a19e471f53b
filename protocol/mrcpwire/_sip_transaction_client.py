"""Client transactions (RFC 3261 section 17.1)."""

import attrs

from mrcpwire._sip_transaction_flow import Flow


@attrs.define(eq=False)
class ClientTransaction:
    """A request of ours, until its responses have come."""

    method: bytes
    flow: Flow
