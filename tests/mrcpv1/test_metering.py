"""How long requests inside ANNOUNCE take, as plays: by response or by event, and never a word about nonsense."""

import attrs
import pytest

from mrcpbalance.sessions import MOST_ASKED, Meter, Meters
from tests.mrcpv1.rtsp_stage import RtspStage, announce, answer, request

SESSION = b"s-one-id"


class Metered:
    """A session whose requests are measured."""

    def __init__(self) -> None:
        self.stage = RtspStage()
        self.stage.context = attrs.evolve(self.stage.context, meters=Meters())
        self.stage.client = self.stage.connect()
        self.backend = self.stage.begin()
        self.cseq = 1

    @property
    def meter(self) -> Meter:
        assert self.stage.context.meters is not None
        return self.stage.context.meters.of("speech", "a", "mrcpv1")

    @property
    def counts(self) -> dict[bytes, tuple[int, float]]:
        return {
            name: (sum(histogram.counts), round(histogram.sum, 6))
            for name, histogram in self.meter.methods.items()
        }

    def asks(self, body: bytes, says: bytes = b"") -> None:
        """Have a request answered with this MRCP response after half a second."""
        self.cseq += 1
        self.stage.client.says(announce(self.cseq, SESSION, body))
        self.stage.passes(0.5)
        lines = (b"Content-Type: application/mrcp",) if says else ()
        self.backend.says(answer(200, self.cseq, SESSION, *lines, body=says))

    def event(self, body: bytes) -> None:
        self.cseq += 1
        self.backend.says(request(b"ANNOUNCE", self.cseq, SESSION, body=body))
        self.stage.client.says(answer(200, self.cseq, SESSION))


def test_a_request_that_its_response_completes() -> None:
    play = Metered()
    play.asks(b"SET-PARAMS 1 MRCP/1.0\r\n\r\n", b"MRCP/1.0 1 200 COMPLETE\r\n\r\n")
    assert (play.counts, play.meter.causes) == ({b"SET-PARAMS": (1, 0.5)}, {})


@pytest.mark.parametrize("header", [b"Completion-Cause: 001 no-match", b"completion-cause:001 no-match"])
def test_a_request_that_an_event_completes(header: bytes) -> None:
    play = Metered()
    play.asks(b"RECOGNIZE 7 MRCP/1.0\r\n\r\n", b"MRCP/1.0 7 200 IN-PROGRESS\r\n\r\n")
    play.event(b"START-OF-SPEECH 7 IN-PROGRESS MRCP/1.0\r\n\r\n")
    play.stage.passes(1)
    assert play.counts == {}
    play.event(b"RECOGNITION-COMPLETE 7 COMPLETE MRCP/1.0\r\n%s\r\n\r\n" % header)
    play.event(b"RECOGNITION-COMPLETE 7 COMPLETE MRCP/1.0\r\n%s\r\n\r\n" % header)  # once is enough
    assert (play.counts, play.meter.causes) == ({b"RECOGNIZE": (1, 1.5)}, {b"no-match": 1})


@pytest.mark.parametrize(
    "body", [b"\x00\x01", b"RECOGNIZE", b"v=0\r\no=- 1 1 IN IP4 h\r\n", b"MRCP/1.0 1 200 COMPLETE\r\n", b" "]
)
def test_nonsense_passes_unmeasured(body: bytes) -> None:
    play = Metered()
    play.asks(body, body)
    play.event(body)
    play.asks(b"STOP 3 MRCP/1.0\r\n\r\n", b"MRCP/1.0 3 200 COMPLETE\r\n\r\n")
    counts = play.counts
    assert counts.pop(b"STOP") == (1, 0.5)
    assert not set(counts) - {b"other"}


def test_the_response_to_another_request_completes_nothing() -> None:
    play = Metered()
    play.asks(b"RECOGNIZE 7 MRCP/1.0\r\n\r\n", b"MRCP/1.0 8 200 COMPLETE\r\n\r\n")
    assert play.counts == {}


def test_requests_that_never_complete_are_forgotten() -> None:
    play = Metered()
    for number in range(MOST_ASKED + 5):
        play.asks(b"RECOGNIZE %d MRCP/1.0\r\n\r\n" % number, b"MRCP/1.0 %d 200 IN-PROGRESS\r\n\r\n" % number)
    (session,) = play.stage.client.owner.sessions.values()  # type: ignore[attr-defined]
    assert len(session.begun) == MOST_ASKED
    play.event(b"RECOGNITION-COMPLETE 0 COMPLETE MRCP/1.0\r\n\r\n")
    assert play.counts == {}


def test_where_nobody_reads_them() -> None:
    stage = RtspStage()
    backend = stage.begin()
    stage.client.says(announce(2, SESSION))
    backend.says(answer(200, 2, SESSION, body=b"MRCP/1.0 1 200 COMPLETE\r\n\r\n"))
    (session,) = stage.client.owner.sessions.values()  # type: ignore[attr-defined]
    assert session.begun is None
