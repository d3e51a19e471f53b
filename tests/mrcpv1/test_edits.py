"""The few octets that change on their way: URIs (R-28), media addresses (R-20), reasons (R-03), CSeq (R-08)."""

import pytest

from tests.mrcpv1.rtsp_stage import (
    CALLER,
    URI,
    A,
    RtspStage,
    announce,
    answer,
    message,
    request,
    set_up,
    setup,
)

PORTS = b"Transport: RTP/AVP;unicast;client_port=4000-4001"
NO_ADDRESS = b"v=0\r\nc=IN IP4 0.0.0.0\r\nm=audio 4000 RTP/AVP 0\r\n"
EVENT = b"START-OF-SPEECH 1 IN-PROGRESS MRCP/1.0\r\n\r\n"


def test_a_uri_can_be_the_backends_own() -> None:
    stage = RtspStage(backend={"request_uri": "rewrite"})
    stage.client.says(setup(1))
    a = stage.at(A)
    theirs = URI.replace(b"192.0.2.1:1554", b"198.51.100.1:1554")
    assert a.heard() == setup(1).replace(URI, theirs)
    a.says(set_up(1, b"s-one-id"))
    stage.client.heard()
    event = announce(2, b"s-one-id", EVENT)
    a.says(event.replace(URI, theirs))
    assert stage.client.heard() == event
    elsewhere = message(b"ANNOUNCE rtsp://198.51.100.1/other RTSP/1.0", b"CSeq: 3", b"Session: s-one-id")
    a.says(elsewhere)
    assert stage.client.heard().startswith(b"ANNOUNCE " + URI + b"speechrecognizer RTSP/1.0\r\n")


@pytest.mark.parametrize("uri", [b"*", b"rtsp://user@[2001:db8::1]:8/media/recognizer"])
def test_any_uri_can_be_rewritten(uri: bytes) -> None:
    stage = RtspStage(backend={"request_uri": "rewrite"})
    stage.begin_any()
    stage.client.says(message(b"PLAY %s RTSP/1.0" % uri, b"CSeq: 2", b"Session: s-one-id"))
    heard = stage.at(A).heard()
    assert heard.startswith(
        b"PLAY * " if uri == b"*" else b"PLAY rtsp://user@198.51.100.1:1554/media/recognizer "
    )


def test_the_audio_goes_to_the_caller_itself() -> None:
    stage = RtspStage()
    stage.client.says(setup(1, b"speechrecognizer", PORTS, body=NO_ADDRESS))
    assert b";destination=" + CALLER.encode() + b"\r\n" in stage.at(A).heard()


@pytest.mark.parametrize(
    "asked", [PORTS + b";destination=203.0.113.5", b"Transport: RTP/AVP/TCP;unicast;interleaved=0-1"]
)
def test_who_says_where_audio_goes_is_left_alone(asked: bytes) -> None:
    stage = RtspStage()
    sent = setup(1, b"speechrecognizer", asked, body=b"")
    stage.client.says(sent)
    assert stage.at(A).heard() == sent


def test_a_setup_without_transport_passes() -> None:
    stage = RtspStage()
    sent = request(b"SETUP", 1, None)
    stage.client.says(sent)
    assert stage.at(A).heard() == sent


def test_the_audio_comes_from_the_backend_itself() -> None:
    stage = RtspStage()
    stage.client.says(setup(1))
    stage.at(A).says(answer(200, 1, b"s-one-id", PORTS))
    assert b";source=" + A.encode() + b"\r\n" in stage.client.heard()


def test_an_address_that_says_nothing_is_replaced() -> None:
    stage = RtspStage()
    stage.client.says(setup(1))
    stage.at(A).says(answer(200, 1, b"s-one-id", PORTS, body=NO_ADDRESS))
    heard = stage.client.heard()
    assert b"c=IN IP4 " + A.encode() in heard
    assert b"source=" not in heard


def test_an_answer_without_transport_passes() -> None:
    stage = RtspStage()
    stage.client.says(setup(1))
    stage.at(A).says(answer(200, 1, b"s-one-id"))
    assert stage.client.heard() == answer(200, 1, b"s-one-id")


def test_there_is_always_a_reason_phrase() -> None:
    stage = RtspStage()
    stage.begin_any()
    stage.client.says(announce(2, b"s-one-id"))
    stage.at(A).says(message(b"RTSP/1.0 200", b"CSeq: 2"))
    assert stage.client.heard() == answer(200, 2)
    stage.at(A).says(announce(2, b"s-one-id", EVENT))
    stage.client.heard()
    stage.client.says(message(b"RTSP/1.0 200", b"CSeq: 2"))
    assert stage.at(A).heard().endswith(answer(200, 2))


@pytest.mark.parametrize("insert", [True, False])
def test_events_without_cseq(insert: bool) -> None:  # R-08, F-18
    stage = RtspStage(backend={"insert_cseq": insert})
    stage.begin_any()
    stage.at(A).says(message(b"ANNOUNCE %sspeechrecognizer RTSP/1.0" % URI, b"Session: s-one-id"))
    assert (b"CSeq: 1\r\n" in stage.client.heard()) == insert
    stage.client.says(answer(200, 1))
    assert stage.at(A).heard() == answer(200, 1)


def test_a_server_that_names_no_sound_timeout() -> None:
    stage = RtspStage()
    stage.client.says(setup(1))
    stage.at(A).says(set_up(1, b"s-one-id;timeout=0"))
    stage.passes(3600)
    assert stage.ends == []
