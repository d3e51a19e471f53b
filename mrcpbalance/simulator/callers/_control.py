"""A control connection of a simulated MRCPv2 caller; several calls may share it."""

import contextlib
from typing import TYPE_CHECKING

import trio

from mrcpbalance.config import Address

from ._framed import FramedCaller

if TYPE_CHECKING:
    from ._sip_call import SipCall


class ControlConnection(FramedCaller):
    """Carries channels that SIP set up; is ended when no call uses it any more."""

    def __init__(self, address: Address, *, name: str, source: str | None) -> None:
        super().__init__(address, name=name, source=source)
        self.users: set[SipCall] = set()
        self._leaving = False

    @property
    def usable(self) -> bool:
        """Tell whether channels may be added."""
        return not self._leaving and not self.ended.is_set()

    async def release(self, call: "SipCall") -> None:
        """Take it that a call uses it no longer."""
        self.users.discard(call)
        if not self.users:
            self._leaving = True
            with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                await self.finish()
