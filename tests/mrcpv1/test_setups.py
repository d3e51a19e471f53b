"""Set-ups that don't go as they should: another backend is asked before the caller notices (R-27)."""

import pytest

from mrcpbalance.config import Limits
from mrcpbalance.sessions.ports import CloseReason
from tests.mrcpv1.rtsp_stage import (
    A,
    B,
    RtspStage,
    announce,
    answer,
    message,
    request,
    set_up,
    setup,
    statuses,
)


@pytest.mark.parametrize(
    "reason", [CloseReason.REFUSED, CloseReason.UNREACHABLE, CloseReason.CONNECT_TIMEOUT, CloseReason.RESET]
)
def test_a_setup_goes_on_when_the_connection_fails(reason: CloseReason) -> None:
    stage = RtspStage()
    stage.client.says(setup(1))
    stage.at(A).goes(reason)
    b = stage.at(B)
    assert b.heard() == setup(1)
    b.says(set_up(1, b"id-of-b-1"))
    assert stage.client.heard() == set_up(1, b"id-of-b-1")
    assert stage.taken == {"a": 0, "b": 1}
    (record,) = stage.context.register
    assert (record.backend, record.attempts) == ("b", 2)
    assert ("attempt-failed", "a") in [(event, fields["backend"]) for event, fields in stage.notes]


@pytest.mark.parametrize("status", [453, 500, 502, 503, 504])
def test_a_setup_goes_on_when_a_backend_refuses_it(status: int) -> None:
    stage = RtspStage()
    stage.client.says(setup(1))
    stage.at(A).says(answer(status, 1))
    assert stage.client.heard() == b""
    assert stage.at(B).heard() == setup(1)


@pytest.mark.parametrize("status", [400, 404, 406, 461])
def test_other_refusals_are_the_callers(status: int) -> None:
    stage = RtspStage()
    stage.client.says(setup(1))
    refused = answer(status, 1, b"with-an-id")  # some error answers carry one: bind on 2xx only
    stage.at(A).says(refused)
    assert stage.client.heard() == refused
    stage.client.says(announce(2, b"with-an-id"))
    assert statuses(stage.client.heard()) == [(454, b"2")]
    assert stage.ends == ["backend/setup"]
    assert stage.taken == {"a": 0, "b": 0}


def test_406_can_be_made_retryable() -> None:
    stage = RtspStage(pool={"retry_statuses": (406,)})
    stage.client.says(setup(1))
    stage.at(A).says(answer(406, 1))
    assert stage.at(B).heard() == setup(1)


def test_a_silent_backend_is_left_and_its_late_session_torn_down() -> None:
    stage = RtspStage()
    stage.client.says(setup(1))
    a = stage.at(A)
    a.connects()
    a.heard()
    stage.passes(2.0)
    stage.at(B).says(set_up(1, b"id-of-b-1"))
    assert stage.client.heard() == set_up(1, b"id-of-b-1")
    a.says(set_up(1, b"too-late-id"))
    assert stage.client.heard() == b""
    assert a.heard() == request(b"TEARDOWN", 1, b"too-late-id")
    a.says(answer(200, 1))
    assert stage.client.heard() == b""
    stage.client.says(announce(2, b"too-late-id"))
    assert statuses(stage.client.heard()) == [(454, b"2")]


def test_the_number_of_tries_is_bounded_and_the_last_refusal_is_the_callers() -> None:
    stage = RtspStage(backends=3, pool={"retries": 1})
    stage.client.says(setup(1))
    stage.at(A).says(answer(503, 1))
    stage.at(B).says(answer(453, 1))
    assert stage.client.heard() == answer(453, 1)
    assert len(stage.dialled) == 2
    assert stage.ends == ["backend/setup"]


@pytest.mark.parametrize(
    ("how", "status", "end"),
    [
        ("refused", 502, "backend/setup"),
        ("silent", 504, "timeout/setup"),
        ("down", 503, "proxy/setup"),
        ("full", 503, "proxy/setup"),
    ],
)
def test_what_the_caller_is_told_when_nobody_takes_it(how: str, status: int, end: str) -> None:
    stage = RtspStage(backends=1, backend={"max_sessions": 1} if how == "full" else None)
    if how == "down":
        stage.full("a")
    if how == "full":
        stage.begin()
    stage.client.says(setup(9))
    if how == "refused":
        stage.at(A).goes(CloseReason.REFUSED)
    if how == "silent":
        stage.passes(2.0)
    heard = stage.client.heard()
    assert statuses(heard) == [(status, b"9")]
    assert (b"Retry-After" in heard) == (how == "down")  # only when waiting may help
    assert stage.ends == [end]


def test_a_success_without_a_session_is_none() -> None:
    stage = RtspStage()
    stage.client.says(setup(1))
    stage.at(A).says(answer(200, 1))
    assert stage.at(B).heard() == setup(1)


def test_a_setup_inside_a_session_never_goes_elsewhere() -> None:
    stage = RtspStage()
    a = stage.begin()
    stage.client.says(
        setup(
            2, b"speechsynthesizer", b"Session: s-one-id", b"Transport: RTP/AVP;unicast;client_port=4000-4001"
        )
    )
    a.says(answer(503, 2))
    assert stage.client.heard() == answer(503, 2)
    assert len(stage.dialled) == 1


@pytest.mark.parametrize("name", [b"SETUP", b"DESCRIBE"])
def test_what_is_kept_for_further_tries_is_bounded(name: bytes) -> None:  # G-1
    stage = RtspStage(limits=Limits(message=3000))
    one, two = (
        message(
            name + b" rtsp://192.0.2.1/media/speechrecognizer RTSP/1.0", b"CSeq: %d" % cseq, body=b"x" * 2000
        )
        for cseq in (1, 2)
    )
    stage.client.says(one + two)
    assert statuses(stage.client.heard()) == []  # the first is to be answered before
    a = stage.at(A)
    a.goes(CloseReason.REFUSED)
    b = stage.at(B)
    assert b.heard().count(b"x" * 2000) == 1
    b.says(answer(404, 1))
    assert statuses(stage.client.heard()) == [(404, b"1"), (413, b"2")]
    assert "proxy/setup" in stage.ends or name == b"DESCRIBE"
