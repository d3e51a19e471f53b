"""How a backend connection is closed when its caller goes: at once where its backend has read all, else with patience."""

from collections.abc import Callable

import pytest

from tests.mrcpv1.rtsp_stage import RtspStage, announce, answer, request, setup
from tests.stage import StagePort

EVENT = b"START-OF-SPEECH 1 IN-PROGRESS MRCP/1.0\r\n\r\n"


def _torn_down(stage: RtspStage, a: StagePort) -> None:
    stage.client.says(request(b"TEARDOWN", 2, b"s-one-id"))
    a.says(answer(200, 2, b"s-one-id"))


def _still_active(stage: RtspStage, a: StagePort) -> None:
    """A TEARDOWN of ours is its last message."""


def _an_event_answered_last(stage: RtspStage, a: StagePort) -> None:
    stage.client.says(request(b"TEARDOWN", 2, b"s-one-id"))
    a.says(announce(1, b"s-one-id", body=EVENT))
    stage.client.says(answer(200, 1))
    a.says(answer(200, 2, b"s-one-id"))


def _an_event_answered_before(stage: RtspStage, a: StagePort) -> None:
    a.says(announce(1, b"s-one-id", body=EVENT))
    stage.client.says(answer(200, 1))
    _torn_down(stage, a)


def _an_event_not_answered(stage: RtspStage, a: StagePort) -> None:
    a.says(announce(1, b"s-one-id", body=EVENT))
    _torn_down(stage, a)


@pytest.mark.parametrize(
    ("play", "all_read"),
    [
        (_torn_down, True),
        (_still_active, False),
        (_an_event_answered_last, False),
        (_an_event_answered_before, True),
        (_an_event_not_answered, False),
    ],
)
def test_a_caller_that_goes(play: Callable[[RtspStage, StagePort], None], all_read: bool) -> None:
    stage = RtspStage()
    a = stage.begin()
    play(stage, a)
    stage.client.goes()
    assert (a.state, a.all_read) == ("closed", all_read)


def test_a_caller_that_goes_before_its_backend_answers() -> None:
    stage = RtspStage()
    stage.client.says(setup(1))
    a = stage.at("198.51.100.1")
    a.connects()
    stage.client.goes()
    assert (a.state, a.all_read) == ("closed", False)
