"""Messages on channels that stand are passed on, a read at a time, and what opens or closes one keeps its place."""

from tests.mrcpv2.framed_stage import ONE, TWO, B, FramedStage, ask, event, reply


def padded(message: bytes) -> bytes:
    """Write a message in a way that isn't canonical: its length agrees, a blank ends its start-line."""
    length = len(message)
    return message.replace(b"%d" % length, b"%d" % (length + 1), 1).replace(b"\r\n", b" \r\n", 1)


def test_what_comes_in_one_read_leaves_in_order() -> None:
    stage = FramedStage()
    a = stage.begin()
    stage.full("a")
    b = stage.begin(TWO, at=B)
    stage.client.says(ask(b"GET-PARAMS", 2, ONE) + ask(b"SPEAK", 3, TWO) + ask(b"RECOGNIZE", 4, ONE))
    assert a.heard() == ask(b"GET-PARAMS", 2, ONE) + ask(b"RECOGNIZE", 4, ONE)
    assert b.heard() == ask(b"SPEAK", 3, TWO)
    said = reply(2) + reply(4, state=b"IN-PROGRESS") + event(b"START-OF-INPUT", 4)
    a.says(said)
    assert stage.client.heard() == said
    one, two = stage.context.register
    assert (one.messages_to_backend, one.messages_to_client) == (3, 4)
    assert (one.bytes_to_client, two.messages_to_backend) == (len(said) + len(reply(1)), 2)


def test_a_channel_ends_amid_a_read() -> None:
    stage = FramedStage()
    a = stage.begin()
    stage.client.says(ask(b"RECOGNIZE", 2) + ask(b"TEARDOWN", 3))
    said = event(b"START-OF-INPUT", 2), reply(2), reply(3)
    a.says(b"".join(said) + event(b"RECOGNITION-COMPLETE", 2))
    assert stage.client.heard() == b"".join(said)
    assert stage.ends == ["client/teardown"]
    assert stage.context.tally.anomalies == {"mrcpv2.unknown-channel-from-backend": 1}


def test_the_connection_ends_amid_a_read() -> None:
    stage = FramedStage()
    a = stage.begin()
    stage.client.says(ask(b"TEARDOWN", 2))
    stage.client.finishes()
    a.says(reply(2) + event(b"START-OF-INPUT", 2))
    assert stage.client.heard() == reply(2)
    assert stage.client.state == "closed"
    assert stage.context.tally.anomalies == {}


def test_what_is_not_canonical_is_put_right_and_counted() -> None:  # M-14
    stage = FramedStage()
    stage.client.says(padded(ask(b"SETUP", 1)))
    a = stage.at("198.51.100.1")
    assert a.heard() == ask(b"SETUP", 1)
    a.says(padded(reply(1)))
    assert stage.client.heard() == reply(1)
    stage.client.says(padded(ask(b"STOP", 2)))
    assert a.heard() == ask(b"STOP", 2)
    a.says(padded(reply(2)))
    assert stage.client.heard() == reply(2)
    assert stage.context.tally.anomalies == {"mrcpv2.not-canonical": 4}


def test_a_request_id_used_twice_is_one_open_request() -> None:
    stage = FramedStage()
    a = stage.begin()
    stage.client.says(ask(b"STOP", 2) + ask(b"STOP", 2))
    a.says(reply(2) + reply(2, status=402))  # the backend's business
    assert stage.client.heard() == reply(2) + reply(2, status=402)
    stage.client.finishes()
    assert stage.client.state == "closed"


def test_no_second_response_while_a_channel_closes() -> None:  # A.8
    stage = FramedStage()
    a = stage.begin()
    stage.client.says(ask(b"RECOGNIZE", 2))
    stage.passes(60)
    assert stage.client.heard() == reply(2, status=501)
    stage.client.says(ask(b"TEARDOWN", 3))
    a.says(reply(2) + reply(9) + reply(3))
    assert stage.client.heard() == reply(9) + reply(3)
    assert stage.context.tally.anomalies == {"mrcpv2.request-timeout": 1, "mrcpv2.late-response": 1}


def test_a_channel_that_is_torn_down_before_it_stands() -> None:
    stage = FramedStage()
    stage.client.says(ask(b"SETUP", 1) + ask(b"TEARDOWN", 2))
    stage.at("198.51.100.1").says(reply(1))
    assert stage.client.heard() == reply(1)
    stage.client.goes()
    assert stage.ends == ["client/teardown"]


def test_events_of_a_caller_are_passed_on() -> None:
    stage = FramedStage()
    a = stage.begin()
    a.heard()
    stage.client.says(event(b"START-OF-INPUT", 2))
    assert a.heard() == event(b"START-OF-INPUT", 2)
    stage.client.says(ask(b"TEARDOWN", 3) + event(b"START-OF-INPUT", 2))
    assert a.heard() == ask(b"TEARDOWN", 3) + event(b"START-OF-INPUT", 2)
