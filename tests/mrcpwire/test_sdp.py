"""Session descriptions: lossless whatever they hold, edited in one place only, and only once."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcpwire import LocalProtocolError
from mrcpwire.sdp import Media, Sdp, Section, has_media_address, with_media_address
from tests.mrcpwire.sdp_bodies import BODIES

# What real peers send that the recordings don't hold, and what nobody should.
ODD = {
    "empty": b"",
    "no line end at last": b"v=0\r\nm=audio 9 RTP/AVP 0",
    "bare LF": b"v=0\nc=IN IP4 192.0.2.1\nm=audio 9 RTP/AVP 0\na=mid:1\n",
    "mixed line ends": b"v=0\r\nm=audio 9 RTP/AVP 0\nc=IN IP4 192.0.2.1\r\n",
    "no fmt (F-14)": b"m=application 9 TCP/MRCPv2\r\n",
    "audio first, stray fmtp, product in s= (F-16)": (
        b"v=0\r\no=CiscoUCCX 1 1 IN IP4 192.0.2.1\r\ns=SIP Call\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
        b"m=audio 30000 RTP/AVP 0\r\na=mid:1\r\nm=application 9 TCP/MRCPv2\r\na=fmtp:0 x\r\na=setup:active\r\n"
    ),
    "no t=, c= in the parts only (F-17)": (
        b"v=0\r\no=OpenMRCP 0 0 IN IP4 192.0.2.1\r\nm=application 9 TCP/MRCPv2 1\r\nc=IN IP4 192.0.2.1\r\na=cmid:1\r\n"
        b"m=application 9 TCP/MRCPv2 1\r\nc=IN IP4 192.0.2.1\r\na=cmid:1\r\n"
    ),
    "no lines of the form": b"hello\r\n=\r\nm\r\n\r\n\r\r\na\r",
    "8-bit text": b"s=\xff\xc3\xa9\0\r\n",
    "m-lines without sense": b"m=\r\nm=audio\r\nm=audio x RTP/AVP\r\nm=audio 70000 RTP/AVP 0\r\nm= audio 9 RTP/AVP\r\n",
}
ALL = BODIES | ODD


@pytest.mark.parametrize("row", ALL)
def test_lossless(row: str) -> None:  # D-00
    assert Sdp.parse(ALL[row]).to_bytes() == ALL[row]


fragments = st.sampled_from(
    (
        *(b"m=audio 4000/2 RTP/AVP 0", b"m=application 9 TCP/MRCPv2 1", b"m=", b"i=x", b"v=0", b"\r", b" "),
        *(b"c=IN IP4 192.0.2.1", b"c=IN IP4 0.0.0.0", b"c=IN IP6 2001:db8::1", b"c="),
        *(b"a=connection: new", b"a=channel:1@x", b"a=mid"),
    )
)
bodies = (
    st.lists(st.tuples(fragments | st.binary(max_size=9), st.sampled_from([b"\r\n", b"\n", b""])), max_size=9)
    .map(lambda lines: b"".join(map(b"".join, lines)))
)  # fmt: skip


@given(bodies)
def test_lossless_whatever_it_is(body: bytes) -> None:  # D-00
    sdp = Sdp.parse(body)
    assert sdp.to_bytes() == body
    for index, media in enumerate(sdp.media):
        assert media.port is None or 0 <= media.port <= 65_535
        assert sdp.with_media(index, media) == sdp


EDITS: list[Callable[[Media], Media]] = [
    lambda media: media.with_port(1544),
    lambda media: media.with_connection("198.51.100.50"),
    lambda media: media.with_connection("2001:db8::50"),
    lambda media: media.with_attribute(b"connection", b"existing"),
    lambda media: media.with_attribute(b"x", b" padded "),
]


@given(bodies)
def test_edits_are_idempotent(body: bytes) -> None:  # D-02
    sdp = Sdp.parse(body)
    for index in range(len(sdp.media)):
        for edit in EDITS:
            once = sdp.with_media(index, edit(sdp.media[index])).to_bytes()
            again = Sdp.parse(once)
            assert again.with_media(index, edit(again.media[index])).to_bytes() == once
            assert len(again.media) == len(sdp.media)
            assert again.media[:index] == sdp.media[:index]


CONNECTION_LINES = st.sampled_from(
    (
        *(
            b"c=IN %b" % address
            for address in (
                b"IP4 192.0.2.1",
                b"IP4 0.0.0.0",
                b"IP6 2001:db8:0:0:0:0:0:1",
                b"IP6 2001:db8::1",
                b"IP6 ::",
            )
        ),
        *(b"c=IN IP4 192.0.2.1%b" % more for more in (b"/127", b" ", b" x", b"\rx")),
        *(b"m=audio 1 RTP/AVP 0", b"m=", b" m=audio", b"a=c=IN IP4 192.0.2.1", b"v=0", b""),
    )
)


@given(st.lists(CONNECTION_LINES, max_size=6), st.sampled_from((b"\r\n", b"\n")), st.booleans())
def test_an_address_for_each_of_the_media(lines: list[bytes], end: bytes, ended: bool) -> None:
    body = end.join(lines) + end * ended
    parsed = Sdp.parse(body)
    found = [parsed.address(index) for index in range(len(parsed.media))] or [parsed.session.connection]
    assert has_media_address(body) is all(address not in (None, "0.0.0.0", "::") for address in found)
    unspecified = (b"c=IN IP4 0.0.0.0", b"c=IN IP6 ::")
    edited = [b"c=IN IP4 192.0.2.9" if line in unspecified else line for line in lines]
    assert with_media_address(body, "192.0.2.9") == end.join(edited) + end * ended


@given(bodies)
def test_media_addresses_are_idempotent(body: bytes) -> None:
    once = with_media_address(body, "198.51.100.11")
    assert with_media_address(once, "198.51.100.11") == once
    assert not has_media_address(body) or once.count(b"198.51.100.11") == 0 or b"0.0.0.0" in body


OFFER = (
    b"v=0\r\no=app 7 7 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n"
    b"m=application 9 TCP/MRCPv2 1\r\n%b"
    b"a=setup:active\r\na=connection:%b\r\na=resource:speechrecog\r\na=cmid:1\r\n"
    b"m=audio 41000 RTP/AVP 0 101\r\na=sendonly\r\na=mid:1\r\n"
)
ANSWER = (
    b"v=0\r\no=srv 0 0 IN IP4 198.51.100.11\r\ns=-\r\nc=IN IP4 198.51.100.11\r\nt=0 0\r\n"
    b"m=application %b TCP/MRCPv2 1\r\n%b"
    b"a=setup:passive\r\na=connection:new\r\na=channel:%b@speechrecog\r\na=cmid:1\r\n"
    b"m=audio 5004 RTP/AVP 0 101\r\na=recvonly\r\na=mid:1\r\n"
)


def test_offer_to_the_backend() -> None:  # table D
    sdp = Sdp.parse(OFFER % (b"", b"existing"))
    control = sdp.media[0].with_connection("198.51.100.50").with_attribute(b"connection", b"new")
    assert sdp.with_media(0, control).to_bytes() == OFFER % (b"c=IN IP4 198.51.100.50\r\n", b"new")


def test_answer_to_the_client() -> None:  # table D
    sdp = Sdp.parse(ANSWER % (b"20014", b"", b"45"))
    alias = b"5e0c9d2b7f134a68b1c4e7d02f9a6b35"
    control = (
        sdp.media[0]
        .with_port(1544)
        .with_connection("192.0.2.50")
        .with_attribute(b"channel", alias + b"@speechrecog")
    )
    assert sdp.with_media(0, control).to_bytes() == ANSWER % (b"1544", b"c=IN IP4 192.0.2.50\r\n", alias)


def test_parts() -> None:
    sdp = Sdp.parse(OFFER % (b"", b"new"))
    control, audio = sdp.media
    assert (control.kind, control.port, control.proto) == (b"application", 9, b"TCP/MRCPV2")
    assert (audio.kind, audio.port, audio.proto) == (b"audio", 41_000, b"RTP/AVP")
    assert (sdp.session.connection, control.connection, sdp.address(0)) == ("192.0.2.10", None, "192.0.2.10")
    assert control.attribute(b"resource") == b"speechrecog"
    assert audio.attribute(b"sendonly") == b""
    assert audio.attribute(b"resource") is None


CONTROL = {
    "as usual": (b"m=application 9 TCP/MRCPv2 1", True),
    "other case (D-05)": (b"m=application 9 tcp/mrcpV2 1", True),
    "no fmt (D-05, F-14)": (b"m=application 9 TCP/MRCPv2", True),
    "a port nobody can read (D-06)": (b"m=application 99999 TCP/MRCPv2 1", True),
    "refused or removed": (b"m=application 0 TCP/MRCPv2 1", False),
    "over TLS (A.11)": (b"m=application 9 TCP/TLS/MRCPv2 1", False),
    "audio": (b"m=audio 9 RTP/AVP 0", False),
    "no sense": (b"m=application", False),
}


@pytest.mark.parametrize(("line", "control"), CONTROL.values(), ids=CONTROL)
def test_is_control(line: bytes, control: bool) -> None:
    [media] = Sdp.parse(line + b"\r\n").media
    assert media.is_control is control


PORTS = {
    "replaced": (b"m=audio 9 RTP/AVP 0\r\n", 1544, b"m=audio 1544 RTP/AVP 0\r\n"),
    "blanks stay": (b"m=audio  9\tRTP/AVP\t0\n", 1544, b"m=audio  1544\tRTP/AVP\t0\n"),
    "number of ports stays": (b"m=audio 9/2 RTP/AVP 0", 1544, b"m=audio 1544/2 RTP/AVP 0"),
    "the same": (b"m=audio 01544 RTP/AVP 0\r\n", 1544, b"m=audio 01544 RTP/AVP 0\r\n"),
    "to nothing": (b"m=audio 9 RTP/AVP 0\r\n", 0, b"m=audio 0 RTP/AVP 0\r\n"),
    "too large": (b"m=audio 65536 RTP/AVP 0\r\n", 1544, b"m=audio 65536 RTP/AVP 0\r\n"),
    "too many digits": (
        b"m=audio %b RTP/AVP 0\r\n" % (b"9" * 5000),
        1,
        b"m=audio %b RTP/AVP 0\r\n" % (b"9" * 5000),
    ),
    "no number": (b"m=audio x RTP/AVP 0\r\n", 1544, b"m=audio x RTP/AVP 0\r\n"),
    "no port": (b"m=audio\r\n", 1544, b"m=audio\r\n"),
}


@pytest.mark.parametrize(("line", "port", "expected"), PORTS.values(), ids=PORTS)
def test_with_port(line: bytes, port: int, expected: bytes) -> None:
    [media] = Sdp.parse(line).media
    assert b"".join(media.with_port(port).lines) == expected


M = b"m=audio 9 RTP/AVP 0\r\n"
CONNECTIONS = {
    "behind m=": (M + b"a=mid:1\r\n", "192.0.2.50", M + b"c=IN IP4 192.0.2.50\r\na=mid:1\r\n"),
    "behind m= alone": (M, "192.0.2.50", M + b"c=IN IP4 192.0.2.50\r\n"),
    "behind i=": (M + b"i=x\r\nb=AS:9\r\n", "192.0.2.50", M + b"i=x\r\nc=IN IP4 192.0.2.50\r\nb=AS:9\r\n"),
    "IPv6": (M + b"a=mid:1\r\n", "2001:db8::50", M + b"c=IN IP6 2001:db8::50\r\na=mid:1\r\n"),
    "a name": (M, "mrcp.example", M + b"c=IN IP4 mrcp.example\r\n"),
    "bare LF": (b"m=a 9 X 0\na=y\n", "192.0.2.50", b"m=a 9 X 0\nc=IN IP4 192.0.2.50\na=y\n"),
    "no line end": (b"m=a 9 X 0", "192.0.2.50", b"m=a 9 X 0\r\nc=IN IP4 192.0.2.50"),
    "no line end behind i=": (b"m=a 9 X 0\ni=x", "192.0.2.50", b"m=a 9 X 0\ni=x\nc=IN IP4 192.0.2.50"),
    "in place": (M + b"a=x\r\nc=IN IP4 127.0.0.1\na=y\r\n", "192.0.2.50", M + b"a=x\r\nc=IN IP4 192.0.2.50\na=y\r\n"),
    "another family": (M + b"c=IN IP4 127.0.0.1\r\n", "2001:db8::50", M + b"c=IN IP6 2001:db8::50\r\n"),
    "in place of what nobody can read": (M + b"c=x\r\n", "192.0.2.50", M + b"c=IN IP4 192.0.2.50\r\n"),
    "all of them": (M + b"c=IN IP4 127.0.0.1\r\nc=IN IP4 127.0.0.2", "192.0.2.50", M + b"c=IN IP4 192.0.2.50\r\nc=IN IP4 192.0.2.50"),
    "the same": (M + b"c=IN  IP4 192.0.2.50/127 \r\n", "192.0.2.50", M + b"c=IN  IP4 192.0.2.50/127 \r\n"),
}  # fmt: skip


@pytest.mark.parametrize(("lines", "address", "expected"), CONNECTIONS.values(), ids=CONNECTIONS)
def test_with_connection(lines: bytes, address: str, expected: bytes) -> None:  # D-01
    [media] = Sdp.parse(lines).media
    edited = media.with_connection(address)
    assert b"".join(edited.lines) == expected
    assert edited.connection == address


ATTRIBUTES = {
    "in place": (b"a=connection:new\r\na=b\r\n", b"a=connection:existing\r\na=b\r\n"),
    "blanks behind the colon (D-04)": (b"a=connection: \tnew \r\n", b"a=connection:existing\r\n"),
    "the same": (b"a=connection: existing \n", b"a=connection: existing \n"),
    "the first": (b"a=connection:new\na=connection:new\n", b"a=connection:existing\na=connection:new\n"),
    "without a value": (b"a=connection\r\n", b"a=connection:existing\r\n"),
    "last line without end": (b"a=connection:new", b"a=connection:existing"),
    "none, at the end": (b"a=b\r\n", b"a=b\r\na=connection:existing\r\n"),
    "none, line end as before": (b"a=b\n", b"a=b\na=connection:existing\n"),
    "none, no line end": (b"a=b", b"a=b\r\na=connection:existing"),
    "another case (D-04)": (b"a=Connection:new\r\n", b"a=Connection:new\r\na=connection:existing\r\n"),
    "a longer name": (b"a=connections:new\r\n", b"a=connections:new\r\na=connection:existing\r\n"),
    "another type": (b"b=connection:new\r\n", b"b=connection:new\r\na=connection:existing\r\n"),
}


@pytest.mark.parametrize(("lines", "expected"), ATTRIBUTES.values(), ids=ATTRIBUTES)
def test_with_attribute(lines: bytes, expected: bytes) -> None:
    edited = Sdp.parse(M + lines).media[0].with_attribute(b"connection", b"existing")
    assert b"".join(edited.lines) == M + expected
    assert edited.attribute(b"connection") == b"existing"


def test_attributes() -> None:
    [media] = Sdp.parse(
        M + b"a=resource:speechsynth\r\na=resource: speechrecog \r\na=x\r\na=resource\n"
    ).media
    assert media.attributes(b"resource") == [b"speechsynth", b"speechrecog", b""]
    assert media.attributes(b"y") == []


def test_session_attributes() -> None:
    assert Section().with_attribute(b"x", b"1").lines == (b"a=x:1\r\n",)
    assert Sdp.parse(b"v=0\nm=a 9 X\n").session.with_attribute(b"x", b"1").lines == (b"v=0\n", b"a=x:1\n")


MEDIA_ADDRESS = {
    "empty": (b"", False),
    "no SDP": (b"hello", False),
    "session level": (b"v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\n", True),
    "no m-line (F-33)": (b"v=0\r\nc=IN IP4 192.0.2.1\r\n", True),
    "no m-line, no address": (b"v=0\r\nc=IN IP4 0.0.0.0\r\n", False),
    "media level": (b"v=0\r\nm=audio 4000 RTP/AVP 0\r\nc=IN IP6 2001:db8::1\r\n", True),
    "media level wins": (
        b"v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n",
        False,
    ),
    "nothing": (b"v=0\r\nm=audio 4000 RTP/AVP 0\r\n", False),
    "wildcard": (b"v=0\r\nc=IN IP4 0.0.0.0\r\nm=audio 4000 RTP/AVP 0\r\n", False),
    "wildcard of IPv6": (b"v=0\r\nc=IN IP6 ::\r\nm=audio 4000 RTP/AVP 0\r\n", False),
    "wildcard overridden": (
        b"v=0\r\nc=IN IP4 0.0.0.0\r\nm=audio 4000 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\n",
        True,
    ),
    "one of two": (
        b"v=0\r\nm=audio 4000 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4002 RTP/AVP 0\r\n",
        False,
    ),
    "unreadable": (b"v=0\r\nc=IN IP4\r\nm=audio 4000 RTP/AVP 0\r\n", False),
}


@pytest.mark.parametrize(("body", "known"), MEDIA_ADDRESS.values(), ids=MEDIA_ADDRESS)
def test_has_media_address(body: bytes, known: bool) -> None:
    assert has_media_address(body) is known


@pytest.mark.parametrize("row", BODIES)
def test_recorded_peers_say_where_their_media_goes(row: str) -> None:
    assert has_media_address(BODIES[row])
    assert with_media_address(BODIES[row], "198.51.100.11") == BODIES[row]


def test_with_media_address() -> None:
    body = (
        b"v=0\r\nc=IN IP4 %b\r\nm=audio 4000 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\nm=audio 0 RTP/AVP 0\nc=IN %b"
    )
    edited = with_media_address(body % (b"0.0.0.0/0", b"IP6 ::"), "198.51.100.11")
    assert edited == body % (b"198.51.100.11", b"IP4 198.51.100.11")
    assert with_media_address(b"c=IN IP4 0.0.0.0\n", "2001:db8::11") == b"c=IN IP6 2001:db8::11\n"


AUDIO = Media((M,))
REFUSED: dict[str, Callable[[], object]] = {
    "port too high": lambda: AUDIO.with_port(65_536),
    "port negative": lambda: AUDIO.with_port(-1),
    "empty address": lambda: AUDIO.with_connection(""),
    "address with line end": lambda: AUDIO.with_connection("192.0.2.1\r\na=x"),
    "address with blank": lambda: AUDIO.with_connection("192.0.2.1 x"),
    "address not ASCII": lambda: with_media_address(b"", "é"),
    "value with CR": lambda: AUDIO.with_attribute(b"x", b"a\rb"),
    "value with LF": lambda: AUDIO.with_attribute(b"x", b"a\nb"),
    "value with NUL": lambda: AUDIO.with_attribute(b"x", b"a\0b"),
    "name not a token": lambda: AUDIO.with_attribute(b"x:y", b"a"),
}


@pytest.mark.parametrize("row", REFUSED)
def test_refuses_to_write(row: str) -> None:  # G-4
    with pytest.raises(LocalProtocolError):
        REFUSED[row]()


def test_work_grows_linearly() -> None:  # G-9
    blanks = b" " * 200_000
    for body in (
        b"m=" + blanks,
        b"c=IN" + blanks,
        b"a=x:" + blanks,
        b"m=a" + blanks + b"9" + blanks,
        b"\n" * 200_000,
    ):
        sdp = Sdp.parse(body * 2)
        assert sdp.to_bytes() == body * 2
        for media in sdp.media:
            assert not media.is_control
        assert sdp.session.connection is None
