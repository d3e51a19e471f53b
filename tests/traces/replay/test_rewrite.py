"""Captured messages with other addresses and ids."""

from mrcpbalance.traces.replay import (
    Hosts,
    asks_for,
    channels,
    control_of,
    rtsp_event,
    rtsp_request,
    rtsp_response,
    session_description,
)
from mrcpwire import rtsp

HOSTS = Hosts({"192.0.2.1": "198.51.100.7", "192.0.2.9": "2001:db8::9"})
AUDIO = b"v=0\r\no=- 0 0 IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\n"
ANSWER = (
    b"v=0\r\nc=IN IP4 192.0.2.9\r\nm=application 1544 TCP/MRCPv2 1\r\na=channel:ab12@speechsynth\r\n"
    b"a=connection:existing\r\nm=audio 5000 RTP/AVP 0\r\nm=application 0 TCP/MRCPv2 1\r\n"
)


def parsed(raw: bytes) -> rtsp.Request | rtsp.Response:
    receiver = rtsp.Receiver(rtsp.Limits())
    receiver.receive_data(raw)
    message = receiver.next_event()
    assert isinstance(message, rtsp.Request | rtsp.Response)
    return message


def request(raw: bytes) -> rtsp.Request:
    message = parsed(raw)
    assert isinstance(message, rtsp.Request)
    return message


def response(raw: bytes) -> rtsp.Response:
    message = parsed(raw)
    assert isinstance(message, rtsp.Response)
    return message


def test_a_setup_names_the_server_and_the_caller_of_now() -> None:
    head = (
        b"SETUP rtsp://192.0.2.9:1554/media/speechsynthesizer RTSP/1.0\r\nCSeq: 1\r\n"
        b"Transport: RTP/AVP;unicast;destination=192.0.2.1;client_port=4000-4001\r\n"
    )
    raw = head + b"Content-Length: %d\r\n\r\n" % len(AUDIO) + AUDIO
    written = rtsp_request(request(raw), b"server.example:554", None, HOSTS)
    now = request(written)
    assert now.uri == b"rtsp://server.example:554/media/speechsynthesizer"
    assert now.headers.get(b"Transport") == b"RTP/AVP;unicast;destination=198.51.100.7;client_port=4000-4001"
    assert now.body == AUDIO.replace(b"c=IN IP4 192.0.2.1", b"c=IN IP4 198.51.100.7")
    assert now.headers.get(b"Content-Length") == b"%d" % len(now.body)


def test_ids_are_those_of_now() -> None:
    asked = request(b"TEARDOWN rtsp://h/x RTSP/1.0\r\nCSeq: 3\r\nSession: old;timeout=9\r\n\r\n")
    assert b"Session: new;timeout=9\r\n" in rtsp_request(asked, b"h", b"new", HOSTS)
    assert b"Session: new;timeout=9\r\n" in rtsp_event(asked, b"new")
    assert rtsp_event(asked, None) == asked.raw
    answer = response(b"RTSP/1.0 200 OK\r\nCSeq: 3\r\nSession: old\r\n\r\n")
    assert (
        rtsp_response(answer, b"77", b"new", HOSTS) == b"RTSP/1.0 200 OK\r\nCSeq: 77\r\nSession: new\r\n\r\n"
    )


def test_an_answer_names_our_channels_and_our_port() -> None:
    written = session_description(
        ANSWER, HOSTS, control=("203.0.113.5", 1), names={b"ab12@speechsynth": b"cd34@speechsynth"}
    )
    assert b"c=IN IP6 2001:db8::9\r\nm=application 1 TCP/MRCPv2 1\r\nc=IN IP4 203.0.113.5\r\n" in written
    assert b"a=channel:cd34@speechsynth\r\n" in written
    assert b"m=application 0 TCP/MRCPv2 1\r\n" in written  # given up lines stay so
    assert list(channels(ANSWER, written)) == [(b"ab12@speechsynth", b"cd34@speechsynth")]


def test_hosts_of_others_stay() -> None:
    body = AUDIO.replace(b"c=IN IP4 192.0.2.1", b"c=IN IP4 203.0.113.200")
    assert session_description(body, HOSTS) == body


def test_where_control_goes() -> None:
    control = control_of(ANSWER)
    assert control is not None
    assert (control.host, control.port, control.shared) == ("192.0.2.9", 1544, True)
    assert control_of(AUDIO) is None


def test_offers_are_told_apart_by_what_they_ask_for() -> None:
    other_host = AUDIO.replace(b"192.0.2.1", b"203.0.113.200")
    assert asks_for(AUDIO) == asks_for(other_host)
    assert asks_for(AUDIO) != asks_for(AUDIO.replace(b"4000", b"4002"))
