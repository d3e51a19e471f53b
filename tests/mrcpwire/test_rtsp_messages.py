from mrcpwire.rtsp import Interleaved, Limits, Receiver, Request, Response

REQUEST = b"SETUP rtsp://h/a RTSP/1.0\r\nCSeq: 5\r\nSession: ab\r\nContent-Length: 3\r\n\r\nabc"
RESPONSE = b"RTSP/1.0 200 OK\r\nCSeq: 5\r\n\r\n"


def read(raw: bytes) -> Request | Response:
    receiver = Receiver()
    receiver.receive_data(raw)
    message = receiver.next_event()
    assert isinstance(message, Request | Response)
    return message


def test_equal_when_their_octets_are() -> None:
    assert read(REQUEST) == read(REQUEST)
    assert hash(read(REQUEST)) == hash(read(REQUEST))
    assert read(REQUEST) != read(RESPONSE)
    assert read(REQUEST) != REQUEST
    assert Interleaved(1, b"$") == Interleaved(1, b"$")


def test_shown_without_body() -> None:  # G-11
    assert repr(read(REQUEST)) == "<Request b'SETUP' b'rtsp://h/a' cseq=b'5' session=b'ab'>"
    assert repr(read(RESPONSE)) == "<Response 200 b'OK' cseq=b'5' session=None>"


def test_what_is_required_of_proxies() -> None:
    for lines, required in (
        (b"", None),
        (b"Require: gold\r\n", None),
        (b"Proxy-Require: gold\r\n", b"gold"),
        (b"PROXY-REQUIRE: gold\r\nProxy-Require: silver\r\n", b"gold"),
        (b"Proxy-Require:\r\n", b""),
    ):
        request = read(REQUEST.replace(b"Session", lines + b"Session"))
        assert isinstance(request, Request)
        assert request.proxy_require == required


def test_headers_are_read_once() -> None:
    message = read(REQUEST)
    assert message.headers is message.headers
    assert message.headers.get(b"session") == b"ab"


def test_a_message_may_have_no_header() -> None:
    for raw in (b"SETUP rtsp://h/a RTSP/1.0\r\n\r\n", b"SETUP rtsp://h/a RTSP/1.0\n\n"):
        assert read(raw).headers.to_bytes() == b""


def test_messages_and_receivers_have_no_dict() -> None:
    for thing in (read(REQUEST), read(RESPONSE), Interleaved(1, b""), Receiver(), Limits()):
        assert not hasattr(thing, "__dict__")
