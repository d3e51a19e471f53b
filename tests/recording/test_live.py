"""A recording that is taken while it is made: what gets into it, and when it ends."""

import itertools
from pathlib import Path

import pytest

from mrcpbalance.config import RecordConfig
from mrcpbalance.recording import RefusedError
from mrcpbalance.sessions import End, Phase, Who
from mrcpwire import rtsp
from tests.recording.recording_stage import BAD, HOP, NOON, B, C, RecordingStage, everything, trace_of

ANNOUNCE = (
    b"ANNOUNCE x RTSP/1.0\r\nCSeq: 2\r\nContent-Type: application/mrcp\r\n\r\nRECOGNIZE 1 MRCP/1.0\r\n\r\n"
)


async def test_a_session_is_in_it_on_both_legs(tmp_path: Path) -> None:
    stage, file = RecordingStage(), tmp_path / "live.pcapng"
    live = stage.recorder.take({"sessions": "1"})
    talk = stage.open()
    talk.set_up()
    talk.say(C, ANNOUNCE + b"secret")
    talk.end()
    stage.now += 5
    file.write_bytes(data := await everything(live))
    trace = trace_of(file)
    assert [finding.text for finding in trace.findings] == []
    assert {str(session.caller) for session in trace.sessions} == {"192.0.2.9:40000", "192.0.2.1:50000"}
    assert trace.start == int((NOON + 100) * 1e9)
    assert b"secret" not in data
    assert b"xxxxxx" in data
    assert b"session s-1 (mrcpv1) of 192.0.2.9 on speech/asr-1 ended client/teardown" in data


async def test_an_answer_stands_behind_its_question_whatever_the_clocks_say(tmp_path: Path) -> None:
    """Two clocks that are read one after the other differ by a little each time."""
    stage, file = RecordingStage(), tmp_path / "live.pcapng"
    stage.jitter = itertools.cycle([0.9, 0.0]).__next__
    live = stage.recorder.take({"sessions": "1"})
    talk = stage.open()
    talk.set_up()
    talk.end()
    stage.now += 5
    file.write_bytes(await everything(live))
    for session in trace_of(file).sessions:
        assert [type(message.parsed) for message in session.messages] == [rtsp.Request, rtsp.Response]
        asked, answer = session.messages
        assert answer.answers is asked
        assert answer.time - asked.time in (250_000_000, 750_000_000)  # as the stage has it


async def test_bodies_are_kept_where_that_is_asked() -> None:
    stage = RecordingStage()
    live = stage.recorder.take({"sessions": "1", "bodies": "true"})
    talk = stage.open()
    talk.say(C, ANNOUNCE + b"secret")
    talk.end()
    stage.now += 5
    assert b"secret" in await everything(live)


FILTERS = {
    "all": ({}, True),
    "its pool": ({"pool": "speech"}, True),
    "another pool": ({"pool": "other"}, False),
    "its backend": ({"backend": "asr-1"}, True),
    "another backend": ({"backend": "asr-2"}, False),
    "its client": ({"client": "192.0.2.9"}, True),
    "another client": ({"client": "192.0.2.8"}, False),
    "its protocol": ({"protocol": "mrcpv1"}, True),
    "another protocol": ({"protocol": "mrcpv2"}, False),
    "its resource": ({"resource": "speechrecog"}, True),
    "another resource": ({"resource": "speechsynth"}, False),
    "failed ones": ({"failed": "true"}, False),
}


@pytest.mark.parametrize(("asked", "wanted"), FILTERS.values(), ids=FILTERS)
async def test_filters(asked: dict[str, str], wanted: bool) -> None:
    stage = RecordingStage()
    live = stage.recorder.take({**asked, "duration": "60"})
    talk = stage.open()
    talk.set_up()
    talk.end()
    stage.now += 60
    assert (b"SETUP rtsp" in await everything(live)) is wanted
    assert (live.sessions, stage.budget.used) == (int(wanted), 0)


ENDS = {
    End(Who.BACKEND, Phase.ACTIVE): True,
    End(Who.BACKEND, Phase.SETUP): True,
    End(Who.PROXY, Phase.SETUP): True,
    End(Who.TIMEOUT, Phase.TEARDOWN): True,
    End(Who.BACKEND, Phase.TEARDOWN): False,
    End(Who.CLIENT, Phase.ACTIVE): False,
    End(Who.OPERATOR, Phase.ACTIVE): False,
}


@pytest.mark.parametrize(("end", "wanted"), ENDS.items(), ids=map(str, ENDS))
async def test_what_counts_as_failed(end: End, wanted: bool) -> None:
    stage = RecordingStage()
    live = stage.recorder.take({"failed": "true", "duration": "60"})
    talk = stage.open()
    talk.set_up()
    talk.end(end)
    stage.now += 60
    assert (b"SETUP rtsp" in await everything(live)) is wanted


async def test_only_a_sample_is_taken() -> None:
    stage = RecordingStage()
    stage.recorder.take({"sample": "25"})
    stage.chance = 0.25
    assert stage.open().session.tap is None
    stage.chance = 0.24
    assert stage.open().session.tap is not None


async def test_it_ends_in_time_and_takes_what_comes_late() -> None:
    stage = RecordingStage()
    live = stage.recorder.take({"sessions": "1"})
    talk = stage.open(protocol="mrcpv2")
    talk.session.hear(C, "sip", b"BYE sip:x SIP/2.0\r\n\r\n", HOP, stage.now)
    talk.end()
    assert stage.open().session.tap is None  # that is one too many
    talk.session.hear(C, "sip", b"SIP/2.0 200 OK\r\n\r\n", HOP, stage.now)
    stage.now += 5
    assert b"SIP/2.0 200 OK" in await everything(live)


async def test_its_size_is_bounded() -> None:
    stage = RecordingStage()
    live = stage.recorder.take({"size": "1000"})
    for _ in range(9):
        talk = stage.open()
        talk.set_up()
        talk.end()
    assert 200 < len(await everything(live)) <= 1000
    assert live.over


async def test_what_nobody_takes_is_left_out() -> None:
    stage = RecordingStage(RecordConfig(waiting=65_536))
    live = stage.recorder.take({"duration": "60"})
    talk = stage.open()
    for _ in range(10):
        talk.say(C, b"x" * 10_000, "tcp")
    stage.now += 60
    data = await everything(live)
    assert len(data) < 70_000
    assert (live.lost, stage.recorder.rows()[0]["lost"]) == (4, 4)


async def test_a_connection_that_never_stood_has_made_up_ends(tmp_path: Path) -> None:
    stage, file = RecordingStage(), tmp_path / "live.pcapng"
    live = stage.recorder.take({"sessions": "1"})
    talk = stage.open()
    talk.say(C, b"SETUP rtsp://192.0.2.1/media/speechrecognizer RTSP/1.0\r\nCSeq: 1\r\n\r\n")
    talk.say(B, b"SETUP rtsp://192.0.2.1/media/speechrecognizer RTSP/1.0\r\nCSeq: 1\r\n\r\n")
    talk.end(BAD)
    stage.now += 5
    file.write_bytes(await everything(live))
    assert trace_of(file).connections == 2


async def test_who_leaves_observes_no_longer() -> None:
    stage = RecordingStage()
    live = stage.recorder.take({"failed": "true"})
    talk = stage.open()
    talk.set_up()
    assert stage.budget.used > 0
    stage.recorder.leave(live)
    assert (talk.session.tap, stage.budget.used, stage.register.choosers) == (None, 0, ())
    assert stage.recorder.rows() == []


async def test_memory_is_bounded_for_all_sessions_together() -> None:
    stage = RecordingStage(RecordConfig(memory=65_536))
    live = stage.recorder.take({"failed": "true", "duration": "60"})
    talks = [stage.open() for _ in range(4)]
    for talk in talks:
        for _ in range(4):
            talk.say(C, b"x" * 10_000, "tcp")
    assert stage.budget.used <= 65_536
    for talk in talks:
        talk.end(BAD)
    stage.now += 60
    assert b"messages left out" in await everything(live)
    assert stage.budget.used == 0


REFUSED = {
    "a word nobody knows": ({"colour": "red"}, "'colour' is none of"),
    "no number": ({"sample": "many"}, "sample: 'many' is not a number up to 100"),
    "too much": ({"sample": "101"}, "sample: '101' is not a number above 0, up to 100"),
    "nothing": ({"sessions": "0"}, "sessions: '0'"),
    "not a number": ({"duration": "nan"}, "duration: 'nan'"),
    "neither true nor false": ({"bodies": "yes"}, "bodies: 'yes' is not true or false"),
}


@pytest.mark.parametrize(("asked", "why"), REFUSED.values(), ids=REFUSED)
def test_wishes_that_are_none(asked: dict[str, str], why: str) -> None:
    stage = RecordingStage()
    with pytest.raises(RefusedError) as refusal:
        stage.recorder.take(asked)
    assert str(refusal.value).startswith(why)
    assert (refusal.value.busy, stage.recorder.live) == (False, [])


def test_only_so_many_at_a_time() -> None:
    stage = RecordingStage(RecordConfig(streams=1))
    stage.recorder.take({})
    with pytest.raises(RefusedError, match=r"record\.streams") as refusal:
        stage.recorder.take({})
    assert refusal.value.busy
