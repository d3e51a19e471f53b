"""Dialogs: what makes one, what its requests look like, where they go, and what is out of order (S-11)."""

import pytest

from mrcpwire import LocalProtocolError, sip
from mrcpwire.sip_dialog import Dialog

OURS = b"<sip:us@192.0.2.1:5060>"


def invite(
    *more: tuple[bytes, bytes], contact: bytes | None = b"<sip:caller@192.0.2.10:5070>"
) -> sip.Request:
    fields = [
        (b"Via", b"SIP/2.0/UDP 192.0.2.10:5070;branch=z9hG4bK1"),
        (b"From", b'"A \\"caller\\", tag=1" <sip:caller@192.0.2.10>;tag=caller'),
        (b"To", b"sip:pool@192.0.2.1"),
        (b"Call-ID", b"call@192.0.2.10"),
        (b"CSeq", b"7 INVITE"),
        *more,
    ]
    if contact is not None:
        fields.append((b"Contact", contact))
    return sip.Request(method=b"INVITE", uri=b"sip:pool@192.0.2.1", headers=sip.SipHeaders.of(fields))


def routes(*values: bytes) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((b"Record-Route", value) for value in values)


def accepted(
    request: sip.Request, *more: tuple[bytes, bytes], contact: bytes | None = b"sip:mrcp@192.0.2.50:8060"
) -> sip.Response:
    headers = more if contact is None else (*more, (b"Contact", contact))
    return sip.response_to(request, 200, to_tag=b"server", headers=headers)


def as_uac(*more: tuple[bytes, bytes], contact: bytes | None = b"sip:mrcp@192.0.2.50:8060") -> Dialog:
    request = invite()
    return Dialog.as_uac(request, accepted(request, *more, contact=contact), OURS)


def as_uas(*more: tuple[bytes, bytes], contact: bytes | None = b"<sip:caller@192.0.2.10:5070>") -> Dialog:
    return Dialog.as_uas(invite(*more, contact=contact), b"ours", OURS)


def in_dialog(method: bytes, number: int, contact: bytes | None = None) -> sip.Request:
    fields = [
        (b"From", b"<sip:caller@192.0.2.10>;tag=caller"),
        (b"To", b"<sip:pool@192.0.2.1>;tag=ours"),
        (b"Call-ID", b"call@192.0.2.10"),
        (b"CSeq", b"%d %b" % (number, method)),
    ]
    if contact is not None:
        fields.append((b"Contact", contact))
    return sip.Request(method=method, uri=b"sip:us@192.0.2.1", headers=sip.SipHeaders.of(fields))


# Whose dialog it is.


def test_the_key_is_call_id_our_tag_their_tag() -> None:
    """S-11."""
    assert as_uac().key() == (b"call@192.0.2.10", b"caller", b"server")
    assert as_uas().key() == (b"call@192.0.2.10", b"ours", b"caller")


def test_an_old_peer_has_no_tag() -> None:
    request = invite()
    response = sip.response_to(request, 200)
    assert Dialog.as_uac(request, response, OURS).key() == (b"call@192.0.2.10", b"caller", b"")


# Requests.


def test_a_request_of_the_side_that_called() -> None:
    request = as_uac().request(b"BYE")
    assert (request.method, request.uri, request.body) == (b"BYE", b"sip:mrcp@192.0.2.50:8060", b"")
    assert list(request.headers) == [
        (b"Max-Forwards", b"70"),
        (b"From", b'"A \\"caller\\", tag=1" <sip:caller@192.0.2.10>;tag=caller'),
        (b"To", b"<sip:pool@192.0.2.1>;tag=server"),
        (b"Call-ID", b"call@192.0.2.10"),
        (b"CSeq", b"8 BYE"),
        (b"Content-Length", b"0"),
    ]


def test_a_request_of_the_side_that_was_called() -> None:
    request = as_uas().request(b"BYE")
    assert request.uri == b"sip:caller@192.0.2.10:5070"
    assert request.from_.to_bytes() == b"<sip:pool@192.0.2.1>;tag=ours"
    assert request.to.to_bytes() == b'"A \\"caller\\", tag=1" <sip:caller@192.0.2.10>;tag=caller'
    assert request.cseq == (1, b"BYE")


def test_headers_and_body_are_added() -> None:
    more = [(b"max-forwards", b"3"), (b"Content-Type", b"application/sdp")]
    request = as_uac().request(b"INFO", headers=more, body=b"v=0\r\n")
    assert request.headers.get_all(b"Max-Forwards") == [b"3"]
    assert (request.content_type, request.body) == (b"application/sdp", b"v=0\r\n")
    with pytest.raises(LocalProtocolError):  # G-4
        as_uac().request(b"INFO", headers=[(b"X", b"a\r\nb: c")])


@pytest.mark.parametrize(
    ("method", "has"), [(b"INVITE", True), (b"UPDATE", True), (b"BYE", False), (b"ACK", False)]
)
def test_requests_that_refresh_the_target_bear_our_contact(method: bytes, has: bool) -> None:
    contact = as_uac().request(method).headers.get(b"Contact")
    assert contact == (OURS if has else None)


def test_numbers_count_up_and_an_ack_has_that_of_its_invite() -> None:
    dialog = as_uac()
    numbers = [
        dialog.request(method).cseq
        for method in (b"ACK", b"INFO", b"ACK", b"INVITE", b"INFO", b"ACK", b"BYE")
    ]
    assert [number for number, _ in numbers] == [7, 8, 7, 9, 10, 9, 11]
    assert numbers[-2] == (9, b"ACK")


def test_the_side_that_was_called_acknowledges_its_own_invites() -> None:
    dialog = as_uas()
    assert dialog.request(b"INVITE").cseq == (1, b"INVITE")
    assert dialog.request(b"ACK").cseq == (1, b"ACK")


# Where they go (RFC 3261 section 12.2.1.1).


def test_the_way_is_recorded_backwards_for_the_side_that_called() -> None:
    dialog = as_uac(*routes(b"<sip:near.invalid;lr>, <sip:far.invalid;lr>", b"<sip:last.invalid:5080;lr>"))
    request = dialog.request(b"BYE")
    assert request.uri == b"sip:mrcp@192.0.2.50:8060"
    assert [name for name, _ in request.headers][:3] == [b"Route", b"Route", b"Route"]
    assert [route.uri for route in request.route] == [
        b"sip:last.invalid:5080;lr",
        b"sip:far.invalid;lr",
        b"sip:near.invalid;lr",
    ]
    assert dialog.destination() == ("last.invalid", 5080, "udp")


def test_the_way_is_taken_as_it_came_by_the_side_that_was_called() -> None:
    dialog = as_uas(*routes(b"<sip:192.0.2.8;LR;transport=tcp>", b"<sip:far.invalid;lr>"))
    assert [route.uri for route in dialog.request(b"BYE").route] == [
        b"sip:192.0.2.8;LR;transport=tcp",
        b"sip:far.invalid;lr",
    ]
    assert dialog.destination() == ("192.0.2.8", 5060, "tcp")


def test_a_strict_router_gets_what_it_wants() -> None:
    dialog = as_uas(*routes(b"<sip:old.invalid>", b"<sip:far.invalid;lr>"))
    request = dialog.request(b"BYE")
    assert request.uri == b"sip:old.invalid"
    assert request.headers.get_all(b"Route") == [b"<sip:far.invalid;lr>", b"<sip:caller@192.0.2.10:5070>"]
    assert dialog.destination() == ("old.invalid", 5060, "udp")


def test_a_route_that_is_no_sip_uri() -> None:
    dialog = as_uas(*routes(b"<tel:5>"))
    assert dialog.request(b"BYE").uri == b"sip:caller@192.0.2.10:5070"
    assert dialog.destination() == ("", 5060, "udp")


# A Contact, and the next hop.
CONTACTS: dict[bytes, tuple[str, int, str]] = {
    b"sip:192.0.2.10": ("192.0.2.10", 5060, "udp"),
    b"<sip:a@192.0.2.10:5070;transport=UDP>": ("192.0.2.10", 5070, "udp"),
    b"<Sip:a@192.0.2.10:5070;transport=TCP>;expires=5": ("192.0.2.10", 5070, "tcp"),  # F-23
    b"<sip:a@192.0.2.10;transport=tls>": ("192.0.2.10", 5060, "tcp"),
    b"<sips:a@192.0.2.10>": ("192.0.2.10", 5060, "tcp"),
    b"<sip:a@[2001:db8::1]:5062>": ("2001:db8::1", 5062, "udp"),
    b"<sip:name.invalid>": ("name.invalid", 5060, "udp"),
    b"<tel:5>": ("", 5060, "udp"),
}


@pytest.mark.parametrize(("contact", "hop"), CONTACTS.items())
def test_the_next_hop(contact: bytes, hop: tuple[str, int, str]) -> None:
    assert as_uas(contact=contact).destination() == hop
    assert as_uac(contact=contact).destination() == hop


def test_without_a_contact() -> None:
    assert as_uas(contact=None).remote_target == b"sip:caller@192.0.2.10"
    assert as_uac(contact=None).remote_target == b"sip:pool@192.0.2.1"


def test_a_new_contact_is_the_new_target() -> None:
    """S-11."""
    dialog = as_uas(*routes(b"<sip:near.invalid;lr>"))
    dialog.refresh_target(in_dialog(b"UPDATE", 8, b"<sip:caller@192.0.2.11>"))
    request = dialog.request(b"UPDATE")
    assert request.uri == b"sip:caller@192.0.2.11"
    assert [route.uri for route in request.route] == [b"sip:near.invalid;lr"]  # for life
    dialog.refresh_target(sip.response_to(request, 200, headers=[(b"Contact", b"<sip:caller@192.0.2.12>")]))
    assert dialog.remote_target == b"sip:caller@192.0.2.12"
    for nothing in (in_dialog(b"INVITE", 9), in_dialog(b"INVITE", 10, b"*")):
        dialog.refresh_target(nothing)
        assert dialog.remote_target == b"sip:caller@192.0.2.12"


# Order (RFC 3261 section 12.2.2).


def test_a_lower_number_is_refused() -> None:
    """S-11."""
    dialog = as_uas()
    steps = [
        (b"INFO", 6, 500),
        (b"INFO", 7, None),
        (b"INFO", 9, None),
        (b"BYE", 8, 500),
        (b"BYE", 2**31 - 1, None),
    ]
    assert [dialog.accepts(in_dialog(method, number)) for method, number, _ in steps] == [
        status for _, _, status in steps
    ]
    assert dialog.remote_cseq == 2**31 - 1


@pytest.mark.parametrize("method", [b"ACK", b"CANCEL"])
@pytest.mark.parametrize("number", [0, 7, 8, 1000])
def test_an_ack_bears_any_number(method: bytes, number: int) -> None:
    """F-23: one client raises it."""
    dialog = as_uas()
    assert dialog.accepts(in_dialog(method, number)) is None
    assert dialog.accepts(in_dialog(b"BYE", 7)) is None


def test_the_first_request_of_the_called_side_bears_any_number() -> None:
    dialog = as_uac()
    assert dialog.remote_cseq is None
    assert dialog.accepts(in_dialog(b"BYE", 3)) is None
    assert dialog.accepts(in_dialog(b"BYE", 2)) == 500


# Both sides.


def test_two_sides_of_one_dialog_understand_each_other() -> None:
    request = invite()
    called = Dialog.as_uas(request, b"server", OURS)
    caller = Dialog.as_uac(request, accepted(request, contact=OURS), b"<sip:caller@192.0.2.10:5070>")
    for one, other in ((caller, called), (called, caller), (caller, called)):
        message = one.request(b"INFO")
        assert message.uri == one.remote_target
        assert (message.call_id, message.to.tag, message.from_.tag) == other.key()
        assert other.accepts(message) is None
        other.refresh_target(message)
