"""How a dialog is left: with a BYE, whatever becomes of it."""

from typing import TYPE_CHECKING

import attrs

from mrcpbalance.config import Address
from mrcpwire import sip
from mrcpwire.sip_dialog import Dialog
from mrcpwire.sip_transactions import ClientTransaction, Flow

if TYPE_CHECKING:
    from ._agent import Agent


@attrs.define(eq=False)
class Goodbye:
    """Says BYE; whatever the answer, nobody waits for it."""

    agent: "Agent"
    dialog: Dialog
    flow: Flow
    call: None = None
    repeated: bool = False

    def say(self, now: float) -> sip.Request:
        """Send it, where the dialog's requests go."""
        bye = self.dialog.request(b"BYE")
        self.agent.ask(bye, self.agent.network.onwards(self.flow, *self.dialog.destination()), self, now)
        return bye

    def answered(self, transaction: ClientTransaction, response: sip.Response, now: float) -> None:
        """Be content."""

    def unanswered(self, transaction: ClientTransaction, now: float) -> None:
        """Say it once more if it was lost with its connection, so that the peer doesn't hold the call for ever."""
        if not self.repeated and self.agent.network.is_gone(transaction.flow):
            self.repeated = True
            self.say(now)


def undo(agent: "Agent", transaction: ClientTransaction, response: sip.Response, now: float) -> None:
    """Acknowledge a 2xx that nobody waits for any more, and end its dialog at once (S-03)."""
    agent.context.tally.count("sip.late-call-ended")
    ours = response.headers.only(b"From", b"Call-ID", b"CSeq")
    target = b"sip:%b" % str(Address(*transaction.flow.remote)).encode()
    invite = sip.Request(method=b"INVITE", uri=target, headers=ours)
    dialog = Dialog.as_uac(invite, response, b"")
    agent.transactions.ack(transaction, dialog.request(b"ACK"))
    Goodbye(agent, dialog, transaction.flow).say(now)
