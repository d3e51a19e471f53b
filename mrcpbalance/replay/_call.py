"""One SIP call of a play: its ids and ways of now, and the dialog."""

import attrs

from mrcpbalance.simulator import Asked
from mrcpbalance.traces import Session
from mrcpbalance.traces.replay import Control
from mrcpwire import Wire, mrcpv2, sip
from mrcpwire.sip_dialog import Dialog
from mrcpwire.sip_transactions import Flow, ServerTransaction

# What a peer writes itself.
OWN = (
    b"Via",
    b"Route",
    b"Record-Route",
    b"Max-Forwards",
    b"From",
    b"To",
    b"Call-ID",
    b"CSeq",
    b"Contact",
    b"Content-Length",
)


@attrs.define(eq=False)
class Call:
    """Its state; `names` are its channels by those of the capture."""

    session: Session
    id: bytes
    tag: bytes  # ours
    flow: Flow | None = None
    dialog: Dialog | None = None
    invite: Asked | None = None  # the last one we sent
    invited: ServerTransaction | None = None  # the last one we got
    names: dict[bytes, bytes] = attrs.field(factory=dict)
    control: Control | None = None
    acknowledged: bool = False  # the 2xx to it was
    over: bool = False  # a BYE went or came
    _requests: dict[int, mrcpv2.Message] = attrs.field(factory=dict)

    def request(self, request_id: int) -> mrcpv2.Message | None:
        """Give the captured control request with this id, so that an answer of now can be named."""
        if not self._requests:
            for message in self.session.messages:
                parsed = message.parsed if message.wire is Wire.MRCPV2 else None
                if isinstance(parsed, mrcpv2.Message) and parsed.kind is mrcpv2.Kind.REQUEST:
                    self._requests[parsed.request_id] = parsed
        return self._requests.get(request_id)


def others(recorded: sip.Request | sip.Response) -> list[tuple[bytes, bytes]]:
    """Give the headers that go out as captured; the type of the body is among them."""
    kept = recorded.headers.without(*OWN)
    return list(kept) if recorded.body else list(kept.without(b"Content-Type"))


def first_request(
    recorded: sip.Request, *, call: Call, to: bytes, contact: bytes, body: bytes
) -> sip.Request:
    """Write an INVITE that begins a call; its URI and To name the server of now, their user part stays."""
    target = _at(recorded.uri, to)
    party = sip.NameAddr(display=recorded.to.display, uri=_at(recorded.to.uri, to))
    fields = [
        (b"Max-Forwards", b"70"),
        (b"From", recorded.from_.with_tag(call.tag).to_bytes()),
        (b"To", party.to_bytes()),
        (b"Call-ID", call.id),
        (b"CSeq", b"%d %b" % recorded.cseq),
        (b"Contact", contact),
        *others(recorded),
    ]
    return sip.Request(method=recorded.method, uri=target, headers=sip.SipHeaders.of(fields), body=body)


def _at(uri: bytes, to: bytes) -> bytes:
    found = sip.sip_uri(uri)
    user = b"" if found is None or found.user is None else found.user + b"@"
    return b"sip:%b%b" % (user, to)
