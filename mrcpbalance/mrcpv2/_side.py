"""One of the two dialogs of a call, and how its peer is reached."""

import enum
from typing import TYPE_CHECKING, Protocol

import attrs

from mrcpwire import sip
from mrcpwire.sip_dialog import Dialog
from mrcpwire.sip_transactions import ClientTransaction, Flow, ServerTransaction

from ._goodbye import Goodbye

if TYPE_CHECKING:
    from ._call import Call

SDP = b"application/sdp"


class Role(enum.Enum):
    """Which peer of a call a dialog is with."""

    CALLER = "caller"
    BACKEND = "backend"


class Asking(Protocol):
    """Who waits for the answers to a request of ours."""

    @property
    def call(self) -> "Call | None":
        """The call it is about, if any still is."""

    def answered(self, transaction: ClientTransaction, response: sip.Response, now: float) -> None:
        """Take a provisional or final answer."""

    def unanswered(self, transaction: ClientTransaction, now: float) -> None:
        """Take it that no answer will come: the time is over, or the way is gone."""


@attrs.define(eq=False)
class Side:
    """A dialog that stands, as its call uses it."""

    call: "Call"
    role: Role
    dialog: Dialog
    flow: Flow

    def ask(
        self,
        method: bytes,
        asking: Asking,
        now: float,
        *,
        headers: list[tuple[bytes, bytes]] | None = None,
        body: bytes = b"",
        content_type: bytes | None = None,
    ) -> ClientTransaction:
        """Send a request inside the dialog."""
        request = self.dialog.request(method, headers=self._typed(headers, body, content_type), body=body)
        self._count(request)
        return self.call.agent.ask(request, self._onwards(), asking, now)

    def tell(self, server: ServerTransaction, response: sip.Response, now: float) -> None:
        """Answer a request of the peer."""
        self._count(response)
        self.call.agent.respond(server, response, now)

    def bye(self, now: float) -> None:
        """End the dialog, without waiting for an answer."""
        self._count(Goodbye(self.call.agent, self.dialog, self.flow).say(now))

    def _count(self, message: sip.Request | sip.Response) -> None:
        """Count what goes to the peer; repeated datagrams, and the Via of the hop, are left out."""
        octets = len(message.to_bytes())
        if self.role is Role.CALLER:
            self.call.record.bytes_to_client += octets
        else:
            self.call.record.bytes_to_backend += octets

    def acknowledge(
        self, transaction: ClientTransaction, *, body: bytes = b"", content_type: bytes | None = None
    ) -> None:
        """Acknowledge the 2xx to an INVITE of ours."""
        ack = self.dialog.request(b"ACK", headers=self._typed([], body, content_type), body=body)
        self._count(ack)
        self.call.agent.transactions.ack(transaction, ack, self._onwards())

    @staticmethod
    def _typed(
        headers: list[tuple[bytes, bytes]] | None, body: bytes, content_type: bytes | None
    ) -> list[tuple[bytes, bytes]]:
        typed = [] if headers is None else list(headers)
        if body:
            typed.append((b"Content-Type", content_type or SDP))
        return typed

    def _onwards(self) -> Flow:
        host, port, transport = self.dialog.destination()
        return self.call.agent.network.onwards(self.flow, host, port, transport)
