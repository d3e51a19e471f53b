"""The framing rules M-01 to M-18: what is accepted as it is, what in canonical form, what is refused and why."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcpwire.mrcpv2 import Limits, Policy
from tests.mrcpwire.mrcpv2_feeding import Outcome, one_by_one, outcome_of
from tests.strategies import Mrcpv2Example, mrcpv2_messages, mutated, pieces_of

CHANNEL = b"Channel-Identifier: 45@speechsynth\r\n"
STOP = b"MRCP/2.0 58 STOP 8\r\n" + CHANNEL + b"\r\n"
BY_RULE = Limits(message=65_535)  # too narrow for the quick way


def sized(form: bytes, body: bytes = b"") -> bytes:
    """Put the length of the whole in the place of the one `#`."""
    for size in range(len(form), len(form) + 9):
        raw = form.replace(b"#", b"%d" % (size + len(body)), 1)
        if len(raw) == size:
            return raw + body
    raise AssertionError(form)


# Forwarded as they came.
GOOD = {
    "request": STOP,
    "request with body": sized(
        b"MRCP/2.0 # SPEAK 7\r\n" + CHANNEL + b"Content-Length: 12\r\n\r\n", b"Good evening"
    ),
    "body with line ends and a message in it (G-1)": sized(
        b"MRCP/2.0 # SPEAK 7\r\n" + CHANNEL + b"Content-Length: 62\r\n\r\n", b"\r\n\r\n" + STOP
    ),
    "body of NUL and bare CR": sized(
        b"MRCP/2.0 # SPEAK 7\r\n" + CHANNEL + b"Content-Length: 3\r\n\r\n", b"\0\r\xff"
    ),
    "minor version (M-03)": sized(b"MRCP/2.10 # STOP 8\r\n" + CHANNEL + b"\r\n"),
    "version with leading zero (M-03)": sized(b"MRCP/02.0 # STOP 8\r\n" + CHANNEL + b"\r\n"),
    "padded length (M-05)": b"MRCP/2.0 00000064 STOP 8\r\n" + CHANNEL + b"\r\n",
    "length of 19 digits (M-05)": b"MRCP/2.0 0000000000000000075 STOP 8\r\n" + CHANNEL + b"\r\n",
    "longer length that is consistent (A.5)": b"MRCP/2.0 100 STOP 8\r\n"
    + CHANNEL
    + b"Logging-Tag: %b\r\n\r\n" % (b"x" * 26),
    "lowest request-id (M-06)": sized(b"MRCP/2.0 # STOP 0\r\n" + CHANNEL + b"\r\n"),
    "highest request-id (M-06)": sized(b"MRCP/2.0 # STOP 4294967295\r\n" + CHANNEL + b"\r\n"),
    "request-id with zeros (M-06)": sized(b"MRCP/2.0 # STOP 0000000008\r\n" + CHANNEL + b"\r\n"),
    "status nobody knows (M-06)": sized(b"MRCP/2.0 # 8 000 PENDING\r\n" + CHANNEL + b"\r\n"),
    "unknown method (M-07)": sized(b"MRCP/2.0 # x-New.Method_2 8\r\n" + CHANNEL + b"\r\n"),
    "event that begins with digits (M-07)": sized(b"MRCP/2.0 # 2X 8 PENDING\r\n" + CHANNEL + b"\r\n"),
    "names in any case (F-08)": sized(
        b"MRCP/2.0 # STOP 8\r\nchannel-identifier: 1@x\r\nContent-length: 2\r\ncache-control: no\r\n\r\n",
        b"ab",
    ),
    "no blank behind the colon (F-08)": sized(b"MRCP/2.0 # STOP 8\r\nChannel-Identifier:1@x\r\nA:b\r\n\r\n"),
    "channel and length not in front": sized(
        b"MRCP/2.0 # STOP 8\r\nContent-Length: 2\r\nA: b\r\nCHANNEL-IDENTIFIER: 1@x\r\n\r\n", b"ab"
    ),
    "duplicates in order (F-09)": sized(
        b"MRCP/2.0 # STOP 8\r\n" + CHANNEL + b"Vendor-Specific-Parameters: a=1\r\n" * 9 + b"\r\n"
    ),
    "names alone (M-11, F-10)": sized(
        b"MRCP/2.0 # GET-PARAMS 8\r\n"
        + CHANNEL
        + b"Content-Type:\r\nLogging-Tag: \r\nContent-Length:\r\n\r\n"
    ),
    "empty length with blank (M-11)": sized(
        b"MRCP/2.0 # GET-PARAMS 8\r\n" + CHANNEL + b"Content-Length: \r\n\r\n"
    ),
    "control characters in a value": sized(
        b"MRCP/2.0 # STOP 8\r\n" + CHANNEL + b"Logging-Tag: a\tb\x01\x7f\xff\r\n\r\n"
    ),
    "blanks behind other values": sized(
        b"MRCP/2.0 # STOP 8\r\n" + CHANNEL + b"Logging-Tag: a \t \r\nA: b  \r\n\r\n"
    ),
    "id with @ - and . (F-12)": sized(
        b"MRCP/2.0 # STOP 8\r\nChannel-Identifier: 7-a.b@192.0.2.1@speechrecog\r\n\r\n"
    ),
    "names that begin alike": sized(
        b"MRCP/2.0 # STOP 8\r\nChannel: a\r\n"
        + CHANNEL
        + b"Content-Le: 7\r\nContent-Lengths: 9\r\nContent-L: 1\r\n\r\n"
    ),
    "long section": sized(
        b"MRCP/2.0 # STOP 8\r\n" + CHANNEL + b"Logging-Tag: 12345678901234567890\r\n" * 99 + b"\r\n"
    ),
    "long start-line": sized(b"MRCP/2.0 # %b 8\r\n" % (b"X" * 490) + CHANNEL + b"\r\n"),
    "long body": sized(b"MRCP/2.0 # STOP 8\r\n" + CHANNEL + b"Content-Length: 70000\r\n\r\n", b"x" * 70_000),
}

# Accepted, forwarded otherwise: the octets, the canonical form, the anomaly.
MENDED = {
    "padding SP (M-04, F-02)": (
        b"MRCP/2.0 65       STOP  8\r\n" + CHANNEL + b"\r\n",
        STOP,
        "mrcpv2.not-canonical",
    ),
    "SP before the line end (M-04)": (
        b"MRCP/2.0 59 STOP 8 \r\n" + CHANNEL + b"\r\n",
        STOP,
        "mrcpv2.not-canonical",
    ),
    "padded length keeps its width (A.5)": (
        b"MRCP/2.0 00064 STOP  8  \r\n" + CHANNEL + b"\r\n",
        b"MRCP/2.0 00061 STOP 8\r\n" + CHANNEL + b"\r\n",
        "mrcpv2.not-canonical",
    ),
    "bare LF (M-08)": (STOP.replace(b"\r\n", b"\n").replace(b"58", b"55"), STOP, "mrcpv2.not-canonical"),
    "bare LF ends the headers (M-08)": (
        STOP[:-2].replace(b"58", b"57") + b"\n",
        STOP,
        "mrcpv2.not-canonical",
    ),
    "bare LF ends the start-line (M-08)": (
        STOP.replace(b"8\r\n", b"8\n").replace(b"58", b"57"),
        STOP,
        "mrcpv2.not-canonical",
    ),
    "fold (M-10, F-27)": (
        sized(b"MRCP/2.0 # STOP 8\r\n" + CHANNEL + b"A: b\r\n \tc\r\n d\r\n\r\n"),
        sized(b"MRCP/2.0 # STOP 8\r\n" + CHANNEL + b"A: b c d\r\n\r\n"),
        "mrcpv2.folded",
    ),
    "fold at once (M-10)": (
        sized(b"MRCP/2.0 # STOP 8\r\nChannel-Identifier:\r\n 1@x\r\nContent-Length:\n\t2\r\n\r\n", b"ab"),
        sized(b"MRCP/2.0 # STOP 8\r\nChannel-Identifier: 1@x\r\nContent-Length: 2\r\n\r\n", b"ab"),
        "mrcpv2.folded",
    ),
    "fold of blanks alone (M-10)": (
        sized(STOP.replace(b"58", b"#")[:-2] + b" \t\r\n \r\n\r\n"),
        STOP,
        "mrcpv2.folded",
    ),
    "fold that would make a long line stays": (
        sized(b"MRCP/2.0 # STOP 8\r\n" + CHANNEL + b"A:%b\r\n\t\r\n\t%b\r\n\r\n" % (b"b" * 500, b"c" * 500)),
        sized(b"MRCP/2.0 # STOP 8\r\n" + CHANNEL + b"A: %b\r\n %b\r\n\r\n" % (b"b" * 500, b"c" * 500)),
        "mrcpv2.folded",
    ),
    "blanks around values (M-14, F-34)": (
        sized(
            b"MRCP/2.0 # STOP 8\r\nChannel-Identifier:  1@x \r\nA:\tb\r\nContent-Length: 2  \r\n\r\n", b"ab"
        ),
        sized(b"MRCP/2.0 # STOP 8\r\nChannel-Identifier: 1@x\r\nA: b\r\nContent-Length: 2\r\n\r\n", b"ab"),
        "mrcpv2.not-canonical",
    ),
    "two blanks for nothing": (
        sized(b"MRCP/2.0 # STOP 8\r\n" + CHANNEL + b"A:  \r\n\r\n"),
        sized(b"MRCP/2.0 # STOP 8\r\n" + CHANNEL + b"A: \r\n\r\n"),
        "mrcpv2.not-canonical",
    ),
    "equal lengths collapse (M-12)": (
        sized(
            b"MRCP/2.0 # STOP 8\r\n" + CHANNEL + b"Content-Length: 2\r\nA: b\r\ncontent-length: 02\r\n\r\n",
            b"ab",
        ),
        sized(b"MRCP/2.0 # STOP 8\r\n" + CHANNEL + b"Content-Length: 2\r\nA: b\r\n\r\n", b"ab"),
        "mrcpv2.not-canonical",
    ),
}

# The lengths disagree: refused when strict, else framed by Content-Length and mended.
DISAGREEING = {
    "too large (F-01)": (
        b"MRCP/2.0 117 3 200 COMPLETE\r\n" + CHANNEL + b"Active-Request-Id-List: 2\r\n\r\n",
        sized(b"MRCP/2.0 # 3 200 COMPLETE\r\n" + CHANNEL + b"Active-Request-Id-List: 2\r\n\r\n"),
    ),
    "one too small at a power of ten (F-04)": (
        b"MRCP/2.0 100 STOP 8\r\n" + CHANNEL + b"Logging-Tag: %b\r\n\r\n" % (b"x" * 27),
        b"MRCP/2.0 101 STOP 8\r\n" + CHANNEL + b"Logging-Tag: %b\r\n\r\n" % (b"x" * 27),
    ),
    "digits miscounted (F-05)": (
        sized(b"MRCP/2.0 # STOP 8\r\n" + CHANNEL + b"Content-Length: 999\r\n\r\n", b"x" * 999).replace(
            b"1080", b"1079"
        ),
        sized(b"MRCP/2.0 # STOP 8\r\n" + CHANNEL + b"Content-Length: 999\r\n\r\n", b"x" * 999),
    ),
    "length of the body (F-06)": (
        b"MRCP/2.0 2 STOP 8\r\n" + CHANNEL + b"Content-Length: 2\r\n\r\nab",
        sized(b"MRCP/2.0 # STOP 8\r\n" + CHANNEL + b"Content-Length: 2\r\n\r\n", b"ab"),
    ),
    "padded and wrong": (
        b"MRCP/2.0 000117 STOP 8\r\n" + CHANNEL + b"\r\n",
        b"MRCP/2.0 000062 STOP 8\r\n" + CHANNEL + b"\r\n",
    ),
    "wrong and folded": (
        b"MRCP/2.0 9 STOP 8\n" + CHANNEL + b"A: b\n c\n\n",
        sized(b"MRCP/2.0 # STOP 8\r\n" + CHANNEL + b"A: b c\r\n\r\n"),
    ),
}


def start(line: bytes) -> bytes:
    return line + b"\r\n" + CHANNEL + b"\r\n"


def section(lines: bytes) -> bytes:
    return sized(b"MRCP/2.0 # STOP 8\r\n" + lines + b"\r\n")


BAD = {
    "M-01 filler": (b"\r\n" * 32 + b"\n" + STOP, "filler", "M-01", None),
    "M-02 other protocol": (b"RTSP/1.0 200 OK\r\n", "bad-start-line", "M-02", None),
    "M-02 one octet": (b"X", "bad-start-line", "M-02", None),
    "M-02 lower case": (b"mrcp/2.0 59 STOP 8\r\n", "bad-start-line", "M-02", None),
    "M-03 no number": (start(b"MRCP/2 59 STOP 8"), "bad-start-line", "M-03", None),
    "M-03 three digits": (start(b"MRCP/2.000 59 STOP 8"), "bad-start-line", "M-03", None),
    "M-03 letters": (start(b"MRCP/x.0 59 STOP 8"), "bad-start-line", "M-03", None),
    "M-03 MRCP/1.0": (start(b"MRCP/1.0 59 STOP 8"), "version", "M-03", 502),
    "M-03 MRCP/20.0": (start(b"MRCP/20.0 59 STOP 8"), "version", "M-03", 502),
    "M-04 HTAB": (start(b"MRCP/2.0\t59 STOP 8"), "bad-start-line", "M-04", None),
    "M-04 NUL": (start(b"MRCP/2.0 59 STOP 8\0"), "bad-start-line", "M-04", None),
    "M-05 zero": (start(b"MRCP/2.0 000 STOP 8"), "bad-length", "M-05", None),
    "M-05 sign": (start(b"MRCP/2.0 +118 STOP 8"), "bad-length", "M-05", None),
    "M-05 hex": (start(b"MRCP/2.0 0x76 STOP 8"), "bad-length", "M-05", None),
    "M-05 parted": (start(b"MRCP/2.0 1 18 STOP 8"), "bad-start-line", "M-06", None),
    "M-05 not ASCII": (start("MRCP/2.0 ٣٣ STOP 8".encode()), "bad-length", "M-05", None),
    "M-05 20 digits": (start(b"MRCP/2.0 00000000000000000059 STOP 8"), "bad-length", "M-05", None),
    "M-05 above the limit": (start(b"MRCP/2.0 8388609 STOP 8"), "too-large", "M-05", 504),
    "M-05 above 63 bits (G-2)": (start(b"MRCP/2.0 9999999999999999999 STOP 8"), "too-large", "M-05", 504),
    "M-06 nothing more": (start(b"MRCP/2.0"), "bad-start-line", "M-06", None),
    "M-06 length alone": (start(b"MRCP/2.0 59"), "bad-start-line", "M-06", None),
    "M-06 no request-id": (start(b"MRCP/2.0 59 STOP"), "bad-start-line", "M-06", None),
    "M-06 request-id of 11 digits": (start(b"MRCP/2.0 59 STOP 00000000008"), "bad-start-line", "M-06", None),
    "M-06 request-id too high": (start(b"MRCP/2.0 59 STOP 4294967296"), "bad-start-line", "M-06", None),
    "M-06 response without state": (start(b"MRCP/2.0 59 8 200"), "bad-start-line", "M-06", None),
    "M-06 status of two digits": (start(b"MRCP/2.0 59 8 20 COMPLETE"), "bad-start-line", "M-06", None),
    "M-06 state in lower case": (start(b"MRCP/2.0 59 8 200 complete"), "bad-start-line", "M-06", None),
    "M-06 unknown state": (start(b"MRCP/2.0 59 STOP 8 DONE"), "bad-start-line", "M-06", None),
    "M-06 six parts": (start(b"MRCP/2.0 59 STOP 8 COMPLETE X"), "bad-start-line", "M-06", None),
    "M-07 not a token": (start(b"MRCP/2.0 59 ST(OP 8"), "bad-start-line", "M-07", None),
    "M-07 not ASCII": (start(b"MRCP/2.0 59 ST\xd6P 8"), "bad-start-line", "M-07", None),
    "M-08 bare CR in the start-line": (b"MRCP/2.0 59 STOP 8\rChannel", "bad-start-line", "M-08", None),
    "M-08 bare CR in a value": (section(CHANNEL + b"A: b\rc\r\n"), "bare-cr", "M-08", None),
    "M-08 bare CR in a name": (section(CHANNEL + b"A\r: b\r\n"), "bare-cr", "M-08", None),
    "M-08 bare CR before the end": (section(CHANNEL + b"A: b\r\r\n"), "bare-cr", "M-08", None),
    "M-08 NUL": (section(CHANNEL + b"A: b\0c\r\n"), "nul", "M-08", None),
    "M-09 blank before the colon": (section(CHANNEL + b"Content-Length : 5\r\n"), "blank-before-colon", "M-09", None),
    "M-09 HTAB before the colon": (section(CHANNEL + b"A\t: b\r\n"), "blank-before-colon", "M-09", None),
    "M-09 blank in a name": (section(CHANNEL + b"A b: c\r\n"), "bad-header-name", "M-09", None),
    "M-09 name not a token": (section(CHANNEL + b"A(b): c\r\n"), "bad-header-name", "M-09", None),
    "M-09 empty name": (section(CHANNEL + b": b\r\n"), "bad-header-name", "M-09", None),
    "M-09 no colon": (section(CHANNEL + b"Hello\r\n"), "no-colon", "M-09", None),
    "M-09 no colon at first": (section(b"Hello\r\n" + CHANNEL), "no-colon", "M-09", None),
    "M-09 fold first": (section(b" A: b\r\n" + CHANNEL), "leading-fold", "M-09", None),
    "M-12 sign": (section(CHANNEL + b"Content-Length: +5\r\n"), "bad-content-length", "M-12", None),
    "M-12 minus": (section(CHANNEL + b"Content-Length: -5\r\n"), "bad-content-length", "M-12", None),
    "M-12 hex": (section(CHANNEL + b"Content-Length: 0x5\r\n"), "bad-content-length", "M-12", None),
    "M-12 list": (section(CHANNEL + b"Content-Length: 5,5\r\n"), "bad-content-length", "M-12", None),
    "M-12 parted": (section(CHANNEL + b"Content-Length: 5 5\r\n"), "bad-content-length", "M-12", None),
    "M-12 20 digits": (section(CHANNEL + b"Content-Length: %020d\r\n" % 5), "bad-content-length", "M-12", None),
    "M-12 two values": (section(CHANNEL + b"Content-Length: 5\r\ncontent-length: 6\r\n"), "bad-content-length", "M-12", None),
    "M-12 empty and not": (section(CHANNEL + b"Content-Length:\r\nContent-Length: 6\r\n"), "bad-content-length", "M-12", None),
    "M-13 missing": (section(b"A: b\r\n"), "bad-channel", "M-13", None),
    "M-13 no header at all": (section(b""), "bad-channel", "M-13", None),
    "M-13 empty": (section(b"Channel-Identifier:\r\n"), "bad-channel", "M-13", None),
    "M-13 no @": (section(b"Channel-Identifier: 45\r\n"), "bad-channel", "M-13", None),
    "M-13 no id": (section(b"Channel-Identifier: @speechsynth\r\n"), "bad-channel", "M-13", None),
    "M-13 no resource": (section(b"Channel-Identifier: 45@\r\n"), "bad-channel", "M-13", None),
    "M-13 inner blank": (section(b"Channel-Identifier: 4 5@speechsynth\r\n"), "bad-channel", "M-13", None),
    "M-13 folded": (section(b"Channel-Identifier: 45@speech\r\n synth\r\n"), "bad-channel", "M-13", None),
    "M-13 control character": (section(b"Channel-Identifier: 4\x015@x\r\n"), "bad-channel", "M-13", None),
    "M-13 not ASCII": (section(b"Channel-Identifier: \xe9@x\r\n"), "bad-channel", "M-13", None),
    "M-13 twice": (section(CHANNEL * 2), "bad-channel", "M-13", None),
    "M-13 twice in another case": (section(CHANNEL + CHANNEL.upper()), "bad-channel", "M-13", None),
    "M-13 longer name (F-29)": (section(CHANNEL + b"Channel-IdentifierX: 1@x\r\n"), "bad-channel", "M-13", None),
    "M-13 longer name alone": (section(b"Channel-Identifiers: 1@x\r\n"), "bad-channel", "M-13", None),
    "Content-Length above the limit (G-2)": (
        section(CHANNEL + b"Content-Length: 9999999999999999999\r\n"), "too-large", "G-2", 504,
    ),
    "start-line without end (G-9)": (b"MRCP/2.0 " + b"1" * 600, "start-line-too-long", "G-9", None),
    "start-line just too long (G-9)": (
        b"MRCP/2.0 59 %b 8\r\n" % (b"X" * 499) + CHANNEL + b"\r\n", "start-line-too-long", "G-9", None,
    ),
    "start-line just too long, bare LF (G-9)": (
        b"MRCP/2.0 59 %b 8\n" % (b"X" * 499) + CHANNEL + b"\r\n", "start-line-too-long", "G-9", None,
    ),
    "headers without end (G-9)": (b"MRCP/2.0 59 STOP 8\r\n" + b"A: b\r\n" * 11_000, "headers-too-long", "G-9", None),
    "too many headers (G-9)": (section(CHANNEL + b"A:\r\n" * 256), "too-many-headers", "G-9", None),
    "header too long (G-9)": (section(CHANNEL + b"A: %b\r\n" % (b"b" * 16_384)), "header-too-long", "G-9", None),
    "lengths counted in characters (F-03)": (
        section(CHANNEL + b"Content-Length: 0\r\n") + "é".encode() + STOP, "bad-start-line", "M-02", None,
    ),
}  # fmt: skip


def limits(row: str) -> list[Limits]:
    """Let a row go both ways; the long ones go by rule anyway."""
    return [Limits()] if "long" in row else [Limits(), BY_RULE]


@pytest.mark.parametrize("row", GOOD)
def test_good(row: str) -> None:
    raw = GOOD[row]
    for policy in Policy:
        for bounds in limits(row):
            whole = outcome_of(raw, policy=policy, limits=bounds)
            assert whole.fault is None
            assert [(message[0], message[1], message[-1]) for message in whole.messages] == [
                (raw, len(raw), None)
            ]
            assert outcome_of(*one_by_one(raw), policy=policy, limits=bounds) == whole
            twice = Outcome(whole.messages * 2, None)
            assert outcome_of(raw + raw, policy=policy, limits=bounds) == twice
            assert (
                outcome_of(b"\r\n" + raw + b"\n" * 64 + raw + b"\r\n", policy=policy, limits=bounds) == twice
            )  # M-01


@pytest.mark.parametrize("row", MENDED)
def test_mended(row: str) -> None:  # M-14
    raw, written, anomaly = MENDED[row]
    for policy in Policy:
        whole = outcome_of(raw, policy=policy)
        assert whole.fault is None
        assert [(message[0], message[1], message[-1]) for message in whole.messages] == [
            (written, len(raw), anomaly)
        ]
        assert outcome_of(*one_by_one(raw), policy=policy) == whole
        assert outcome_of(raw + raw, policy=policy) == Outcome(whole.messages * 2, None)
        again = outcome_of(written, policy=policy).messages[0]
        assert again[2:-1] == whole.messages[0][2:-1]
        assert again[-1] == ("mrcpv2.folded" if b"\r\n " in written else None)


@pytest.mark.parametrize("row", DISAGREEING)
def test_lengths_disagree(row: str) -> None:
    raw, written = DISAGREEING[row]
    whole = outcome_of(raw, policy=Policy.REPAIR)  # M-17
    anomaly = "mrcpv2.length-mismatch"
    assert whole.fault is None
    assert [(message[0], message[1], message[-1]) for message in whole.messages] == [
        (written, len(raw), anomaly)
    ]
    assert outcome_of(*one_by_one(raw), policy=Policy.REPAIR) == whole
    assert outcome_of(raw + b"\r\n" + raw, policy=Policy.REPAIR) == Outcome(whole.messages * 2, None)
    [good] = outcome_of(STOP).messages
    assert outcome_of(raw + STOP + STOP, policy=Policy.REPAIR).messages == [*whole.messages, good, good]
    # what follows must be a message (M-17)
    lost = outcome_of(raw + b"..." + STOP, policy=Policy.REPAIR)
    assert lost == Outcome(whole.messages, ("mrcpv2.desync", "M-17", None))
    plain = outcome_of(raw + STOP + b"...", policy=Policy.REPAIR)
    assert plain == Outcome([*whole.messages, good], ("mrcpv2.bad-start-line", "M-02", None))
    # refused as soon as the headers are complete (M-16)
    refused = Outcome([], ("mrcpv2.length-mismatch", "M-16", None))
    blank = raw.find(b"\n\n") + 2 if b"\r\n\r\n" not in raw else raw.find(b"\r\n\r\n") + 4
    for octets in (raw, raw[:blank]):
        assert outcome_of(octets) == refused
        assert outcome_of(*one_by_one(octets)) == refused
    assert outcome_of(raw[: blank - 1]).fault == ("mrcpv2.truncated", "M-18", None)


@pytest.mark.parametrize("row", BAD)
def test_bad(row: str) -> None:
    raw, code, rule, status = BAD[row]
    fault = (f"mrcpv2.{code}", rule, status)
    for policy in Policy:
        for bounds in limits(row):
            whole = outcome_of(raw, policy=policy, limits=bounds)
            assert whole.fault == fault
            assert outcome_of(*one_by_one(raw), policy=policy, limits=bounds) == whole
            after = outcome_of(STOP + raw, policy=policy, limits=bounds)
            assert after == Outcome(outcome_of(STOP).messages + whole.messages, whole.fault)


@given(st.data(), mrcpv2_messages(exact=False))
def test_whatever_is_accepted_leaves_canonical(data: st.DataObject, example: Mrcpv2Example) -> None:  # M-00
    raw = data.draw(mutated(example.raw) | st.just(example.raw))
    for message in outcome_of(raw, policy=Policy.REPAIR).messages:
        written = message[0]
        assert isinstance(written, bytes)
        [again] = outcome_of(written).messages
        assert again[:2] == (written, len(written))
        assert again[2:-1] == message[2:-1]


@given(st.data(), mrcpv2_messages())
def test_canonical_form(data: st.DataObject, example: Mrcpv2Example) -> None:
    pieces = data.draw(pieces_of(example.raw))
    [message] = outcome_of(*pieces).messages
    assert message[1] == len(example.raw)
    if message[-1] is not None:
        assert message[0] == example.written
    else:
        assert message[0] == example.raw
