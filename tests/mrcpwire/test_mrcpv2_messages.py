"""MRCPv2 messages: their parts, another channel in them, lengths, and what we write ourselves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcpwire import LocalProtocolError
from mrcpwire.mrcpv2 import (
    Kind,
    Policy,
    completion_cause,
    event,
    request,
    response,
    self_length,
    with_channel,
)
from tests.mrcpwire.mrcpv2_feeding import message_of
from tests.strategies import (
    Mrcpv2Example,
    mrcpv2_bodies,
    mrcpv2_channels,
    mrcpv2_messages,
    mrcpv2_methods,
    mrcpv2_names,
    mrcpv2_states,
    mrcpv2_values,
)

ALIAS = b"5e0c9d2b7f134a68b1c4e7d02f9a6b35@speechsynth"
TEXT = [(b"Content-Type", b"text/plain")]
LONG = [(b"Logging-Tag", b"x" * 25)]

# Written by us, with the exact octets (A.5, A.8).
WRITTEN = {
    "request": (
        request(b"SPEAK", 7, b"45@speechsynth", TEXT, b"Good evening"),
        (
            b"MRCP/2.0 118 SPEAK 7\r\nChannel-Identifier: 45@speechsynth\r\nContent-Type: text/plain\r\n"
            b"Content-Length: 12\r\n\r\nGood evening"
        ),
    ),
    "the same to the client": (
        request(b"SPEAK", 7, ALIAS, TEXT, b"Good evening"),
        (
            b"MRCP/2.0 148 SPEAK 7\r\nChannel-Identifier: 5e0c9d2b7f134a68b1c4e7d02f9a6b35@speechsynth\r\n"
            b"Content-Type: text/plain\r\nContent-Length: 12\r\n\r\nGood evening"
        ),
    ),
    "response": (
        response(7, 200, b"IN-PROGRESS", b"45@speechsynth"),
        b"MRCP/2.0 69 7 200 IN-PROGRESS\r\nChannel-Identifier: 45@speechsynth\r\n\r\n",
    ),
    "event": (
        event(b"SPEAK-COMPLETE", 7, b"COMPLETE", b"45@speechsynth", [(b"Completion-Cause", b"000 normal")]),
        (
            b"MRCP/2.0 108 SPEAK-COMPLETE 7 COMPLETE\r\nChannel-Identifier: 45@speechsynth\r\n"
            b"Completion-Cause: 000 normal\r\n\r\n"
        ),
    ),
    "unknown channel": (
        response(31, 405, b"COMPLETE", b"zz9@speechrecog"),
        b"MRCP/2.0 68 31 405 COMPLETE\r\nChannel-Identifier: zz9@speechrecog\r\n\r\n",
    ),
    "response with body": (
        response(1, 200, b"COMPLETE", b"1@x", [], b"a\r\n"),
        b"MRCP/2.0 77 1 200 COMPLETE\r\nChannel-Identifier: 1@x\r\nContent-Length: 3\r\n\r\na\r\n",
    ),
    "event with body": (
        event(b"E", 1, b"PENDING", b"1@x", body=b"\0"),
        b"MRCP/2.0 72 E 1 PENDING\r\nChannel-Identifier: 1@x\r\nContent-Length: 1\r\n\r\n\0",
    ),
    "just before another digit": (
        request(b"STOP", 8, b"45@speechsynth", LONG),
        b"MRCP/2.0 98 STOP 8\r\nChannel-Identifier: 45@speechsynth\r\nLogging-Tag: %b\r\n\r\n" % (b"x" * 25),
    ),
}


@pytest.mark.parametrize("row", WRITTEN)
def test_written(row: str) -> None:
    written, octets = WRITTEN[row]
    assert written == octets
    message = message_of(octets, Policy.STRICT)
    assert message.raw == octets
    assert message.received == len(octets)
    assert message.anomaly is None


@pytest.mark.parametrize(
    ("r", "length"), [(8, 9), (9, 11), (97, 99), (98, 101), (996, 999), (997, 1001), (9996, 10001)]
)
def test_check_values(r: int, length: int) -> None:  # A.5
    assert self_length(r) == length


@given(
    st.integers(0, 10**19)
    | st.integers(0, 20).map(lambda power: 10**power).flatmap(lambda r: st.integers(max(r - 30, 0), r))
)
def test_self_length_is_the_smallest(r: int) -> None:  # A.5
    n = 1
    while len(str(r + n)) != n:
        n += 1
    assert self_length(r) == r + n


def test_parts_of_a_request() -> None:
    message = message_of(request(b"SPEAK", 7, b"a@b@speechsynth", TEXT, b"\r\n\r\nGood"))
    assert (message.kind, message.name, message.request_id) == (Kind.REQUEST, b"SPEAK", 7)
    assert (message.status, message.state) == (0, b"")
    assert (message.channel, message.channel_id, message.resource) == (
        b"a@b@speechsynth",
        b"a@b",
        b"speechsynth",
    )
    assert list(message.headers) == [
        (b"Channel-Identifier", b"a@b@speechsynth"), *TEXT, (b"Content-Length", b"8")
    ]  # fmt: skip
    assert message.body == b"\r\n\r\nGood"


def test_parts_of_a_response() -> None:
    message = message_of(response(4294967295, 407, b"PENDING", b"1@x"))
    assert (message.kind, message.name, message.request_id) == (Kind.RESPONSE, b"", 4294967295)
    assert (message.status, message.state, message.body) == (407, b"PENDING", b"")


def test_parts_of_an_event() -> None:
    message = message_of(event(b"START-OF-INPUT", 1, b"IN-PROGRESS", b"1@x"))
    assert (message.kind, message.name, message.request_id) == (Kind.EVENT, b"START-OF-INPUT", 1)
    assert (message.status, message.state) == (0, b"IN-PROGRESS")


def test_headers_of_a_long_section() -> None:
    fields = [(b"A", b"b")] * 255
    assert len(message_of(request(b"STOP", 1, b"1@x", fields)).headers) == 256


def test_messages_compare_by_octets() -> None:
    one, two = (message_of(request(b"STOP", number, b"1@x")) for number in (1, 2))
    assert one == message_of(one.raw)
    assert one != two
    assert one != one.raw
    assert len({one, two, message_of(one.raw)}) == 2


def test_messages_show_what_matters() -> None:
    assert repr(message_of(request(b"STOP", 1, b"1@x"))) == "<Message request b'STOP' 1 b'' b'1@x'>"
    assert (
        repr(message_of(response(1, 200, b"PENDING", b"1@x"))) == "<Message response 200 1 b'PENDING' b'1@x'>"
    )


STOP = b"MRCP/2.0 %b STOP 8\r\nChannel-Identifier: %b\r\n\r\n"
TAGGED = b"MRCP/2.0 %b STOP 8\r\nLogging-Tag: 45@speechsynth\r\nchannel-identifier:%b\r\nContent-Length: 36\r\n\r\n"
BODY = b"Channel-Identifier: 45@speechsynth\r\n"

# the message with its channel, another channel, the message with that
REPLACED = {
    "another length": (STOP % (b"58", b"45@speechsynth"), ALIAS, STOP % (b"88", ALIAS)),
    "the same length": (STOP % (b"88", ALIAS), ALIAS[::-1], STOP % (b"88", ALIAS[::-1])),
    "the same channel": (STOP % (b"88", ALIAS), ALIAS, STOP % (b"88", ALIAS)),
    "another digit": (STOP % (b"98", b"x" * 52 + b"@x"), b"x" * 53 + b"@x", STOP % (b"99", b"x" * 53 + b"@x")),
    "another two": (STOP % (b"98", b"x" * 52 + b"@x"), b"x" * 54 + b"@x", STOP % (b"101", b"x" * 54 + b"@x")),
    "a digit less": (STOP % (b"101", b"x" * 54 + b"@x"), b"x" * 53 + b"@x", STOP % (b"99", b"x" * 53 + b"@x")),
    "padding stays": (STOP % (b"00000064", b"45@speechsynth"), ALIAS, STOP % (b"00000094", ALIAS)),
    "padding just fits": (STOP % (b"059", b"45@speechsynth"), b"x" * 53 + b"@x", STOP % (b"100", b"x" * 53 + b"@x")),
    "padding doesn't fit": (STOP % (b"059", b"45@speechsynth"), b"x" * 953 + b"@x", STOP % (b"1001", b"x" * 953 + b"@x")),
    "only its own header": (
        TAGGED % (b"143", b"45@speechsynth") + BODY, ALIAS, TAGGED % (b"173", ALIAS) + BODY,
    ),
}  # fmt: skip


@pytest.mark.parametrize("row", REPLACED)
def test_with_channel(row: str) -> None:  # E-03, A.5
    octets, channel, expected = REPLACED[row]
    message = message_of(octets, Policy.STRICT)
    assert with_channel(message, channel) == expected
    if "padding" not in row:
        assert with_channel(message_of(expected, Policy.STRICT), message.channel) == octets


@given(mrcpv2_messages(exact=False) | mrcpv2_messages(canonical=True), mrcpv2_channels)
def test_with_channel_keeps_the_rest(example: Mrcpv2Example, channel: bytes) -> None:  # M-00
    message = message_of(example.raw)
    other = message_of(with_channel(message, channel), Policy.STRICT)
    assert (other.channel, other.anomaly) == (channel, None)
    assert (other.kind, other.request_id, other.name) == (message.kind, message.request_id, message.name)
    assert (other.status, other.state, other.body) == (message.status, message.state, example.body)
    fields = [
        (name, message.channel if name.lower() == b"channel-identifier" else value)
        for name, value in other.headers
    ]
    assert fields == list(message.headers)
    assert with_channel(other, message.channel) == with_channel(message, message.channel)


CAUSES = {
    "as usual": ([(b"Completion-Cause", b"000 success")], b"000 success"),
    "not the first": ([(b"Logging-Tag", b"x"), (b"Completion-Cause", b"001 no-match")], b"001 no-match"),
    "in lower case": ([(b"completion-cause", b"002 no-input-timeout")], b"002 no-input-timeout"),
    "empty": ([(b"Completion-Cause", b"")], b""),
    "none": ([(b"Completion-Causes", b"000 success")], None),
}


@pytest.mark.parametrize(("fields", "cause"), CAUSES.values(), ids=CAUSES)
def test_completion_cause(fields: list[tuple[bytes, bytes]], cause: bytes | None) -> None:
    body = b"\r\nCompletion-Cause: 009 not-this\r\n"
    octets = event(b"RECOGNITION-COMPLETE", 1, b"COMPLETE", b"1@x", fields, body)
    assert completion_cause(message_of(octets)) == cause


@given(
    mrcpv2_methods,
    st.integers(0, 2**32 - 1),
    st.integers(100, 999),
    mrcpv2_states,
    mrcpv2_channels,
    st.lists(st.tuples(mrcpv2_names, mrcpv2_values), max_size=4),
    mrcpv2_bodies,
)
def test_what_is_written_parses_back(
    name: bytes,
    request_id: int,
    status: int,
    state: bytes,
    channel: bytes,
    fields: list[tuple[bytes, bytes]],
    body: bytes,
) -> None:
    written = {
        Kind.REQUEST: (request(name, request_id, channel, fields, body), name, 0, b""),
        Kind.RESPONSE: (response(request_id, status, state, channel, fields, body), b"", status, state),
        Kind.EVENT: (event(name, request_id, state, channel, fields, body), name, 0, state),
    }
    for kind, (octets, *parts) in written.items():
        message = message_of(octets, Policy.STRICT)
        assert message.raw == octets
        assert [message.name, message.status, message.state] == parts
        assert (message.kind, message.request_id, message.channel) == (kind, request_id, channel)
        assert message.body == body
        assert list(message.headers)[1 : 1 + len(fields)] == fields


MESSAGE = message_of(request(b"STOP", 1, b"1@x"))
REFUSED = {
    "name not a token": lambda: request(b"STOP NOW", 1, b"1@x"),
    "name with CR": lambda: event(b"X\r\n", 1, b"COMPLETE", b"1@x"),
    "name of digits (M-07)": lambda: request(b"12", 1, b"1@x"),
    "no name": lambda: request(b"", 1, b"1@x"),
    "request-id too high": lambda: request(b"STOP", 2**32, b"1@x"),
    "request-id negative": lambda: request(b"STOP", -1, b"1@x"),
    "status too low": lambda: response(1, 99, b"COMPLETE", b"1@x"),
    "status too high": lambda: response(1, 1000, b"COMPLETE", b"1@x"),
    "unknown state": lambda: response(1, 200, b"DONE", b"1@x"),
    "unknown state of an event": lambda: event(b"X", 1, b"", b"1@x"),
    "channel without @": lambda: request(b"STOP", 1, b"1"),
    "channel with LF": lambda: request(b"STOP", 1, b"1@x\n"),
    "channel with NUL": lambda: request(b"STOP", 1, b"1\0@x"),
    "other channel with CR": lambda: with_channel(MESSAGE, b"1@x\r\nA: b"),
    "other channel with blank": lambda: with_channel(MESSAGE, b"1 @x"),
    "header name not a token": lambda: request(b"STOP", 1, b"1@x", [(b"A b", b"c")]),
    "header with CR": lambda: request(b"STOP", 1, b"1@x", [(b"A", b"b\rc")]),
    "header with LF": lambda: request(b"STOP", 1, b"1@x", [(b"A", b"b\nc")]),
    "header with NUL": lambda: request(b"STOP", 1, b"1@x", [(b"A", b"b\0c")]),
    "another channel": lambda: request(b"STOP", 1, b"1@x", [(b"channel-Identifier", b"2@x")]),
    "another length": lambda: request(b"STOP", 1, b"1@x", [(b"Content-length", b"0")]),
}  # fmt: skip


@pytest.mark.parametrize("row", REFUSED)
def test_refuses_to_write(row: str) -> None:  # G-4
    with pytest.raises(LocalProtocolError):
        REFUSED[row]()
