"""Who guesses session ids is cut; who asks for sessions that have ended, knowing no better, is not."""

from mrcpbalance.config import Limits
from tests.mrcpv1.rtsp_stage import B, RtspStage, announce, answer, request, set_up, setup, statuses


def test_who_guesses_ids_is_cut() -> None:  # G-5
    stage = RtspStage()
    for cseq in range(20):
        stage.client.says(announce(cseq, b"guess-%d" % cseq))
    assert len(statuses(stage.client.heard())) == 20
    assert stage.client.state == "closed"


def test_to_ask_for_sessions_that_were_there_is_no_guess() -> None:  # G-5: the others live on
    stage = RtspStage()
    names = [b"id-of-a-%d" % number for number in range(30)]
    a = stage.begin(0, names[0])
    for cseq, name in enumerate(names[1:], 1):
        stage.client.says(setup(cseq))
        a.heard()
        a.says(set_up(cseq, name))
    stage.full("a")
    stage.client.heard()
    b = stage.begin(50, b"id-of-b-1", at=B)
    a.goes()
    for cseq, name in enumerate(names, 100):
        stage.client.says(request(b"TEARDOWN", cseq, name))
    assert [status for status, _ in statuses(stage.client.heard())] == [454] * 30
    stage.client.says(request(b"TEARDOWN", 200, b"id-of-b-1"))
    b.says(answer(200, 200))
    for cseq in range(201, 231):  # once more, in its grace time
        stage.client.says(request(b"TEARDOWN", cseq, b"id-of-b-1"))
    assert stage.client.state == "open"


def test_ids_that_were_there_are_remembered_within_bounds() -> None:
    stage = RtspStage(limits=Limits(sessions_per_connection=2))
    backend = stage.begin()
    for cseq, name in enumerate((b"id-of-a-2", b"id-of-a-3", b"id-of-a-4"), 2):
        stage.client.says(request(b"TEARDOWN", 100, b"s-one-id" if cseq == 2 else b"id-of-a-%d" % (cseq - 1)))
        backend.says(answer(200, 100))
        stage.passes(11)
        stage.client.heard()
        backend.heard()
        stage.begin(cseq, name)
    for cseq in range(20):  # the first of three that ended is forgotten
        stage.client.says(announce(cseq, b"id-of-a-2"))
        stage.client.says(announce(cseq, b"id-of-a-3"))
    assert stage.client.state == "open"
    for cseq in range(20):
        stage.client.says(announce(cseq, b"s-one-id"))
    assert stage.client.state == "closed"
