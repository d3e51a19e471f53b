"""What is traced of a session: its set-up, its requests in both versions of MRCP, its end."""

import attrs
import pytest

from mrcpbalance.config import Address
from mrcpbalance.pool import Seat
from mrcpbalance.sessions import MOST_ASKED, Direction, End, Hop, Overheard, Phase, Session, Who
from mrcpbalance.tracing import Span, Tracer
from mrcpbalance.tracing.listener import Listener
from mrcpwire import mrcpv1, mrcpv2
from tests.pool.build import RECOG, pool, server

WAY = Hop(Address("192.0.2.1", 1), Address("192.0.2.2", 2))
WALL = 1_700_000_000.0
ID = "00112233aabbccdd"


@attrs.define
class Stage:
    """One session that began at 100 on the cores' clock, and everything told of it."""

    protocol: str = "mrcpv1"
    requests: bool = True
    told: list[Span] = attrs.field(factory=list)
    session: Session = attrs.field(init=False)
    listener: Listener = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.session = Session(ID, self.protocol, "198.51.100.7", "speech", 100.0)
        self.session.seat = seat()
        tracer = Tracer(self.told.append, 1.0, self.requests, lambda: WALL, lambda: 0.5)
        listener = tracer.choose(self.session)
        assert listener is not None
        self.listener = listener

    def hears(self, direction: Direction, data: bytes, at: float, protocol: str | None = None) -> None:
        wire = protocol or ("rtsp" if self.protocol == "mrcpv1" else "mrcpv2")
        self.listener.overheard(self.session, Overheard(direction, wire, data, WAY, at))

    def asks(self, data: bytes, at: float) -> None:
        self.hears(Direction.FROM_CLIENT, data, at)
        self.hears(Direction.TO_BACKEND, data, at)

    def answers(self, data: bytes, at: float) -> None:
        self.hears(Direction.FROM_BACKEND, data, at)
        self.hears(Direction.TO_CLIENT, data, at)

    def ends(self, who: Who = Who.CLIENT, phase: Phase = Phase.TEARDOWN, at: float = 110.0) -> list[Span]:
        """End the session; give the spans of its requests."""
        self.session.end = End(who, phase)
        self.listener.ended(self.session, at)
        return [span for span in self.told if span.kind == "request"]


def seat() -> Seat:
    taken = pool(server("asr-1")).take(RECOG, now=100.0)
    assert taken is not None
    return taken


def rtsp(body: bytes) -> bytes:
    return (
        b"ANNOUNCE rtsp://h/recognizer RTSP/1.0\r\nCSeq: 1\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    )


CHANNEL = b"32AECB23433802@speechrecog"
CAUSE = [(b"Completion-Cause", b"000 success")]
# Request, response, event of a recognition, as each version writes them.
RECOGNITION = {
    "mrcpv1": (
        rtsp(mrcpv1.request(b"RECOGNIZE", 7)),
        rtsp(mrcpv1.response(7, 200, b"IN-PROGRESS")),
        rtsp(mrcpv1.event(b"RECOGNITION-COMPLETE", 7, b"COMPLETE", CAUSE)),
    ),
    "mrcpv2": (
        mrcpv2.request(b"RECOGNIZE", 7, CHANNEL),
        mrcpv2.response(7, 200, b"IN-PROGRESS", CHANNEL),
        mrcpv2.event(b"RECOGNITION-COMPLETE", 7, b"COMPLETE", CHANNEL, CAUSE),
    ),
}


@pytest.mark.parametrize("protocol", RECOGNITION)
def test_a_request_lasts_until_the_event_that_completes_it(protocol: str) -> None:
    stage = Stage(protocol)
    request, response, event = RECOGNITION[protocol]
    stage.asks(request, 101.0)
    stage.answers(response, 101.5)
    assert stage.told == []
    stage.answers(event, 104.0)
    (span,) = stage.told
    channel = {"mrcp.channel": CHANNEL.decode()} if protocol == "mrcpv2" else {}
    assert span == Span(
        session=ID,
        kind="request",
        name="RECOGNIZE",
        begun=WALL + 1,
        ended=WALL + 4,
        attributes={
            "mrcp.method": "RECOGNIZE",
            "mrcp.request_id": 7,
            "mrcp.status": 200,
            "mrcp.backend": "asr-1",
            "mrcp.completed": True,
            "mrcp.cause": "000 success",
            **channel,
        },
    )
    assert len(stage.ends()) == 1


def test_a_response_may_complete_it_and_tell_of_a_fault() -> None:
    stage = Stage()
    stage.asks(rtsp(mrcpv1.request(b"SET-PARAMS", 8)), 101.0)
    stage.answers(rtsp(mrcpv1.response(8, 404, b"COMPLETE")), 101.25)
    (span,) = stage.told
    assert (span.name, span.fault, span.attributes["mrcp.status"]) == ("SET-PARAMS", "404", 404)
    assert span.ended - span.begun == 0.25
    assert "mrcp.cause" not in span.attributes


def test_two_channels_may_use_the_same_numbers() -> None:
    stage = Stage("mrcpv2")
    other = b"other@speechsynth"
    stage.asks(mrcpv2.request(b"RECOGNIZE", 1, CHANNEL), 101.0)
    stage.asks(mrcpv2.request(b"SPEAK", 1, other), 102.0)
    stage.answers(mrcpv2.response(1, 200, b"COMPLETE", CHANNEL), 103.0)
    stage.answers(mrcpv2.response(1, 200, b"COMPLETE", other), 105.0)
    assert [(span.name, span.ended - span.begun) for span in stage.told] == [
        ("RECOGNIZE", 2.0),
        ("SPEAK", 3.0),
    ]


def test_what_is_stopped_never_completes() -> None:
    stage = Stage()
    stage.asks(RECOGNITION["mrcpv1"][0], 101.0)
    stage.answers(RECOGNITION["mrcpv1"][1], 101.5)
    (span,) = stage.ends(at=110.0)
    assert (span.name, span.ended, span.attributes["mrcp.completed"], span.fault) == (
        "RECOGNIZE",
        WALL + 10,
        False,
        "",
    )


ENDS = {
    (Who.CLIENT, Phase.TEARDOWN): "",
    (Who.CLIENT, Phase.ACTIVE): "",
    (Who.OPERATOR, Phase.ACTIVE): "",
    (Who.BACKEND, Phase.ACTIVE): "backend/active",
    (Who.TIMEOUT, Phase.ACTIVE): "timeout/active",
    (Who.PROXY, Phase.SETUP): "proxy/setup",
}


@pytest.mark.parametrize(("who", "phase"), ENDS)
def test_the_session_itself(who: Who, phase: Phase) -> None:
    stage = Stage()
    session = stage.session
    if phase is not Phase.SETUP:
        session.answered_at = 100.25
    session.attempts, session.resources, session.keys = 2, ("speechrecog",), ("rtsp-id",)
    session.messages_to_backend, session.messages_to_client = 3, 4
    assert stage.ends(who, phase) == []
    setup, whole = stage.told
    assert (setup.kind, setup.begun) == ("set-up", WALL)
    assert setup.ended == WALL + (10 if phase is Phase.SETUP else 0.25)
    assert setup.fault == ("proxy/setup" if phase is Phase.SETUP else "")
    assert setup.attributes == {"mrcp.backend": "asr-1", "mrcp.attempts": 2}
    assert (whole.kind, whole.name, whole.begun, whole.ended) == (
        "session",
        "session mrcpv1",
        WALL,
        WALL + 10,
    )
    assert whole.fault == ENDS[who, phase]
    assert whole.attributes == {
        "mrcp.session": ID,
        "mrcp.protocol": "mrcpv1",
        "mrcp.pool": "speech",
        "mrcp.backend": "asr-1",
        "mrcp.resources": ("speechrecog",),
        "mrcp.keys": ("rtsp-id",),
        "mrcp.attempts": 2,
        "mrcp.end": f"{who.value}/{phase.value}",
        "mrcp.messages_to_backend": 3,
        "mrcp.messages_to_client": 4,
        "client.address": "198.51.100.7",
    }


NONSENSE = (
    b"",
    b"\0\1\2",
    b"MRCP/2.0 x y z\r\n\r\n",
    b"MRCP/2.0 99 FOO 1\r\n\r\n",
    b"RTSP/1.0 200 OK\r\n\r\nRECOGNIZE",
)


@pytest.mark.parametrize("protocol", ["mrcpv1", "mrcpv2"])
@pytest.mark.parametrize("data", NONSENSE)
def test_nonsense_is_no_request(protocol: str, data: bytes) -> None:
    stage = Stage(protocol)
    for direction in Direction:
        stage.hears(direction, data, 101.0)
    stage.hears(Direction.FROM_CLIENT, b"INVITE sip:x SIP/2.0\r\n\r\n", 101.0, "sip")
    stage.answers(RECOGNITION[protocol][1], 102.0)  # of what was never asked
    stage.answers(RECOGNITION[protocol][2], 102.0)
    assert stage.ends() == []


def test_methods_that_peers_make_up_are_no_names() -> None:
    stage = Stage()
    stage.asks(rtsp(mrcpv1.request(b"X" * 500, 8)), 101.0)
    (span,) = stage.ends()
    assert (span.name, span.attributes["mrcp.method"]) == ("other", "X" * 128)


def test_requests_that_never_end_are_bounded() -> None:
    stage = Stage()
    for number in range(3 * MOST_ASKED):
        stage.asks(rtsp(mrcpv1.request(b"RECOGNIZE", number + 1)), 101.0)
    assert len(stage.ends()) == MOST_ASKED


def test_sessions_alone() -> None:
    stage = Stage(requests=False)
    for data in RECOGNITION["mrcpv1"]:
        stage.asks(data, 101.0)
    assert stage.ends() == []
    assert [span.kind for span in stage.told] == ["set-up", "session"]


@pytest.mark.parametrize(
    ("sample", "chance", "chosen"),
    [(0.0, 0.0, False), (1.0, 0.999, True), (0.1, 0.09, True), (0.1, 0.1, False)],
)
def test_the_draw(sample: float, chance: float, chosen: bool) -> None:
    tracer = Tracer(lambda _: None, sample, True, lambda: WALL, lambda: chance)
    session = Session(ID, "tcp", "198.51.100.7", "speech", 100.0)
    assert (tracer.choose(session) is not None) is chosen
