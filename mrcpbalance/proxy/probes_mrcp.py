"""Probes of an address for MRCPv2 without SIP: a literal set-up and tear-down, never a bare connection (F-25)."""

import secrets

from mrcpwire import mrcpv2

from ._link_dial import Target
from .probes_exchange import ProbeFailedError, connection, until


async def session(target: Target, resource: str) -> None:
    """Set a channel up and end it."""
    channel = f"{secrets.token_hex(8)}@{resource}".encode()
    receiver = mrcpv2.Receiver(mrcpv2.Policy.REPAIR)

    def wanted(message: object) -> bool:
        assert isinstance(message, mrcpv2.Message)
        return message.kind is mrcpv2.Kind.RESPONSE and message.channel == channel

    async with connection(target) as stream:
        for number, name in enumerate((b"SETUP", b"TEARDOWN"), start=1):
            await stream.send_all(mrcpv2.request(name, number, channel))
            answer = await until(stream, receiver, wanted)
            if answer.status >= 300:  # noqa: PLR2004 - where the class of success ends
                raise ProbeFailedError(f"{name.decode()} answered {answer.status}")
