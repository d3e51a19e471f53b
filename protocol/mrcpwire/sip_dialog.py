"""A SIP dialog as one of its two sides sees it (RFC 3261 section 12)."""

from collections.abc import Iterable
from typing import Final, Self

import attrs

from mrcpwire._sip_headers import SipHeaders
from mrcpwire._sip_messages import Request, Response
from mrcpwire._sip_uri import sip_uri
from mrcpwire._sip_values import NameAddr

_REFRESHING: Final = frozenset((b"INVITE", b"UPDATE"))  # requests whose Contact is the new remote target
_OUT_OF_ORDER: Final = 500
_PORT: Final = 5060
_HOPS: Final = (b"Max-Forwards", b"70")


@attrs.define(eq=False)
class Dialog:
    """What a dialog's next request needs to know; S-11."""

    call_id: bytes
    local: NameAddr  # with our tag
    remote: NameAddr  # with the peer's tag, if it has one
    remote_target: bytes  # the URI of the peer's Contact
    route_set: tuple[NameAddr, ...]
    local_contact: bytes  # our Contact, written
    local_cseq: int  # of our last request
    remote_cseq: int | None  # of the peer's last request
    _invite_cseq: int  # of our last INVITE: its ACK has the same

    @classmethod
    def as_uac(cls, invite: Request, response: Response, local_contact: bytes) -> Self:
        """Make the dialog that a 2xx to our INVITE begins."""
        number = invite.cseq[0]
        contact = response.contact
        return cls(
            call_id=invite.call_id,
            local=invite.from_,
            remote=response.to,
            remote_target=invite.uri if contact is None else contact.uri,
            route_set=response.record_route[::-1],
            local_contact=local_contact,
            local_cseq=number,
            remote_cseq=None,
            invite_cseq=number,
        )

    @classmethod
    def as_uas(cls, invite: Request, to_tag: bytes, local_contact: bytes) -> Self:
        """Make the dialog that our 2xx with this To-tag begins."""
        contact = invite.contact
        return cls(
            call_id=invite.call_id,
            local=invite.to.with_tag(to_tag),
            remote=invite.from_,
            remote_target=invite.from_.uri if contact is None else contact.uri,
            route_set=invite.record_route,
            local_contact=local_contact,
            local_cseq=0,
            remote_cseq=invite.cseq[0],
            invite_cseq=0,
        )

    def key(self) -> tuple[bytes, bytes, bytes]:
        """Give Call-ID, our tag and the peer's tag; b"" for a peer without one."""
        return self.call_id, self.local.tag or b"", self.remote.tag or b""

    def request(
        self, method: bytes, headers: Iterable[tuple[bytes, bytes]] = (), body: bytes = b""
    ) -> Request:
        """Make the next request; an ACK is for our last INVITE. `headers` come on top of those of the dialog."""
        if method != b"ACK":
            self.local_cseq += 1
        if method == b"INVITE":
            self._invite_cseq = self.local_cseq
        number = self._invite_cseq if method == b"ACK" else self.local_cseq
        more = list(headers)
        uri, route = self._way()
        fields = [(b"Route", address) for address in route]
        if not any(name.lower() == b"max-forwards" for name, _ in more):
            fields.append(_HOPS)
        fields += [
            (b"From", self.local.to_bytes()),
            (b"To", self.remote.to_bytes()),
            (b"Call-ID", self.call_id),
            (b"CSeq", b"%d %b" % (number, method)),
        ]
        if method in _REFRESHING:
            fields.append((b"Contact", self.local_contact))
        return Request(method=method, uri=uri, headers=SipHeaders.of(fields + more), body=body)

    def accepts(self, request: Request) -> int | None:
        """Take note of a request of the peer; the status to refuse it with if it is out of order (12.2.2)."""
        if request.method in (b"ACK", b"CANCEL"):  # F-23: whatever number they bear
            return None
        number = request.cseq[0]
        if self.remote_cseq is not None and number < self.remote_cseq:
            return _OUT_OF_ORDER
        self.remote_cseq = number
        return None

    def refresh_target(self, message: Request | Response) -> None:
        """Send to the Contact of a re-INVITE, an UPDATE or their 2xx from now on (12.2.1.2, 12.2.2)."""
        if message.contact is not None:
            self.remote_target = message.contact.uri

    def destination(self) -> tuple[str, int, str]:
        """Give host, port and transport ("udp" or "tcp") of the next hop; no host where its URI isn't a SIP URI."""
        uri = sip_uri(self.route_set[0].uri if self.route_set else self.remote_target)
        if uri is None:
            return "", _PORT, "udp"
        transport = (uri.param(b"transport") or b"").lower()
        stream = uri.scheme == b"sips" or transport in (b"tcp", b"tls")
        return uri.host.decode(), uri.port or _PORT, "tcp" if stream else "udp"

    def _way(self) -> tuple[bytes, list[bytes]]:
        """Give the Request-URI and the Route values (12.2.1.1)."""
        route = self.route_set
        if not route:
            return self.remote_target, []
        first = sip_uri(route[0].uri)
        if first is None or first.param(b"lr") is not None:
            return self.remote_target, [one.to_bytes() for one in route]
        target = NameAddr(uri=self.remote_target).to_bytes()
        return route[0].uri, [*(one.to_bytes() for one in route[1:]), target]
