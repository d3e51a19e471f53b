"""A caller connection that nobody needs makes way for another process, at a moment when nothing should be on its way."""

from mrcpbalance.sessions.watch import QUIET
from tests.mrcpv1.rtsp_stage import RtspStage, answer, request, statuses
from tests.stage import StagePort

WITHIN = 1.0


def make_way(stage: RtspStage, port: StagePort) -> None:
    port.owner.make_way(stage.now + WITHIN, stage.now)  # type: ignore[attr-defined]


def says_something(port: StagePort) -> None:
    port.says(request(b"OPTIONS", 1, None))
    assert statuses(port.heard()) == [(200, b"1")]


def test_an_unused_connection_is_closed_when_its_caller_is_quiet() -> None:
    stage = RtspStage()
    says_something(stage.client)
    make_way(stage, stage.client)
    stage.passes(QUIET * 0.9)
    assert stage.client.state == "open"
    stage.passes(QUIET * 0.2)
    assert stage.client.state == "closed"


def test_a_caller_that_is_never_quiet_loses_it_when_time_is_up() -> None:
    stage = RtspStage()
    says_something(stage.client)
    make_way(stage, stage.client)
    for _ in range(19):
        stage.passes(QUIET / 2)
        says_something(stage.client)
    assert stage.client.state == "open"
    stage.passes(QUIET)
    assert stage.client.state == "closed"


def test_one_that_holds_a_session_is_closed_when_that_ends_in_time() -> None:
    stage = RtspStage()
    backend = stage.begin()
    make_way(stage, stage.client)
    stage.passes(WITHIN / 2)
    assert stage.client.state == "open"
    stage.client.says(request(b"TEARDOWN", 2, b"s-one-id"))
    backend.says(answer(200, 2, b"s-one-id"))
    stage.passes(WITHIN / 2)
    assert stage.client.state == "closed"


def test_one_that_holds_a_session_for_longer_stays() -> None:
    stage = RtspStage()
    stage.begin()
    make_way(stage, stage.client)
    stage.passes(2 * WITHIN)
    assert stage.client.state == "open"
    assert not stage.ended


def test_one_that_has_said_nothing_yet_stays() -> None:
    stage = RtspStage()
    make_way(stage, stage.client)
    stage.passes(2 * WITHIN)
    assert stage.client.state == "open"
