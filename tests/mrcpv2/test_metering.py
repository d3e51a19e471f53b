"""How long MRCP requests take, with and without SIP: by response or by event; nothing of it is kept for ever."""

import attrs
import pytest

from mrcpbalance.sessions import MOST_ASKED, Meter, Meters
from mrcpwire import mrcpv2
from tests.mrcpv2.framed_stage import ONE, FramedStage, ask, reply
from tests.mrcpv2.sip_stage import SipStage
from tests.stage import Stage, StagePort

CAUSE = ((b"Completion-Cause", b"000 success"),)


@attrs.define
class Metered:
    """A channel whose requests are measured."""

    stage: Stage
    front: StagePort
    leg: StagePort
    alias: bytes
    real: bytes

    def meter(self, protocol: str) -> Meter:
        assert self.stage.context.meters is not None
        return self.stage.context.meters.of("speech", "a", protocol)

    def asks(self, name: bytes, number: int, state: bytes) -> None:
        """Have a request answered after half a second."""
        self.front.says(ask(name, number, self.alias))
        self.stage.passes(0.5)
        self.leg.says(reply(number, self.real, state=state))

    def event(self, name: bytes, number: int, state: bytes = b"COMPLETE") -> None:
        self.leg.says(mrcpv2.event(name, number, state, self.real, CAUSE if state == b"COMPLETE" else ()))


def framed() -> Metered:
    stage = FramedStage()
    stage.context = attrs.evolve(stage.context, meters=Meters())
    stage.client = stage.connect()
    return Metered(stage, stage.client, stage.begin(), ONE, ONE)


def called() -> Metered:
    stage = SipStage()
    stage.agent.context = stage.context = attrs.evolve(stage.context, meters=Meters())
    call = stage.begin()
    return Metered(stage, stage.connect(), call.leg, call.channels[0], b"45@speechrecog")


PLAYS = {"mrcp": framed, "mrcpv2": called}


def counts(meter: Meter) -> dict[bytes, tuple[int, float]]:
    found = {name: (sum(one.counts), round(one.sum, 6)) for name, one in meter.methods.items()}
    found.pop(b"SETUP", None)  # with which the stage opens a channel
    return found


@pytest.mark.parametrize("protocol", PLAYS)
def test_requests(protocol: str) -> None:
    play = PLAYS[protocol]()
    meter = play.meter(protocol)
    play.asks(b"SET-PARAMS", 2, b"COMPLETE")
    assert (counts(meter), meter.causes) == ({b"SET-PARAMS": (1, 0.5)}, {})
    play.asks(b"RECOGNIZE", 3, b"IN-PROGRESS")
    play.event(b"START-OF-INPUT", 3, b"IN-PROGRESS")
    play.stage.passes(1)
    play.event(b"RECOGNITION-COMPLETE", 3)
    play.event(b"RECOGNITION-COMPLETE", 3)  # once is enough
    play.event(b"RECOGNITION-COMPLETE", 99)
    assert counts(meter) == {b"SET-PARAMS": (1, 0.5), b"RECOGNIZE": (1, 1.5)}
    assert meter.causes == {b"success": 1}


@pytest.mark.parametrize("protocol", PLAYS)
def test_requests_that_never_complete_are_forgotten(protocol: str) -> None:
    play = PLAYS[protocol]()
    for number in range(2, MOST_ASKED + 7):
        play.asks(b"RECOGNIZE", number, b"IN-PROGRESS")
    play.event(b"RECOGNITION-COMPLETE", 2)
    assert counts(play.meter(protocol)) == {}
    play.event(b"RECOGNITION-COMPLETE", MOST_ASKED + 6)
    assert counts(play.meter(protocol)) == {b"RECOGNIZE": (1, 0.5)}


def test_the_message_that_opens_a_channel_is_a_request() -> None:
    play = framed()
    play.stage.passes(0)
    assert sum(play.meter("mrcp").methods[b"SETUP"].counts) == 1
    play.asks(b"TEARDOWN", 2, b"COMPLETE")
    assert counts(play.meter("mrcp")) == {b"TEARDOWN": (1, 0.5)}


def test_where_nobody_reads_them() -> None:
    stage = FramedStage()
    backend = stage.begin()
    stage.client.says(ask(b"RECOGNIZE", 2))
    (channel,) = stage.client.owner.channels.values()  # type: ignore[attr-defined]
    assert channel.begun == {}
    backend.says(reply(2))
