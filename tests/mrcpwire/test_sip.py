"""SIP messages as they come."""

from mrcpwire.sip import Request, parse_datagram

OPTIONS = (
    b"OPTIONS sip:speech@192.0.2.50 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.10:8062;rport;branch=z9hG4bK1\r\n"
    b"From: <sip:umc@192.0.2.10>;tag=a\r\n"
    b"To: <sip:speech@192.0.2.50>\r\n"
    b"Call-ID: c@192.0.2.10\r\n"
    b"CSeq: 1 OPTIONS\r\n"
    b"Content-Length: 0\r\n\r\n"
)


def test_a_request_comes_back_octet_for_octet() -> None:
    message = parse_datagram(OPTIONS)
    assert isinstance(message, Request)
    assert message.to_bytes() == OPTIONS
