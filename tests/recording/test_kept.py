"""Recordings that are kept: a file for each session that is wanted, and only the newest."""

import contextlib
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from mrcpbalance.config import RecordConfig
from mrcpbalance.recording import Budget, Keeper, recording_of
from tests.recording.recording_stage import BAD, C, RecordingStage, files, trace_of

pytestmark = pytest.mark.real_time


@contextlib.asynccontextmanager
async def keeping(directory: Path, **given: object) -> AsyncIterator[RecordingStage]:
    """Keep what is wanted; all of it is written in the end."""
    config = RecordConfig(directory=str(directory), **given)  # type: ignore[arg-type]
    stage = RecordingStage(config)
    keeper = Keeper(
        config, directory, stage, Budget(config.memory), lambda: stage.chance, lambda: stage.now, stage.wall
    )
    stage.budget = keeper.budget
    async with trio.open_nursery() as nursery:
        await nursery.start(keeper.run, stage.register)
        yield stage
        nursery.cancel_scope.cancel()


async def test_failed_sessions_are_kept_and_others_not(tmp_path: Path) -> None:
    async with keeping(tmp_path) as stage:
        for end in (None, BAD):
            talk = stage.open()
            talk.set_up()
            talk.say(C, b"ANNOUNCE x RTSP/1.0\r\nCSeq: 3\r\n\r\nsecret")
            assert recording_of(talk.session) is None
            talk.end(*() if end is None else (end,))
        good, bad = stage.ended
        assert recording_of(good) is None
        name = recording_of(bad)
    (file,) = files(tmp_path)
    assert (str(file), stat.S_IMODE(file.stat().st_mode)) == (name, 0o600)
    assert [str(session.caller) for session in trace_of(file).sessions].count("192.0.2.9:40001") == 1
    assert b"secret" not in file.read_bytes()
    assert b"ended backend/active" in file.read_bytes()
    assert (stage.notes, stage.budget.used) == ([], 0)


async def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    other = tmp_path / "other.pcapng"
    other.write_bytes(b"not ours")
    async with keeping(tmp_path, sessions="all", keep=2) as stage:
        names = []
        for _ in range(4):
            talk = stage.open()
            talk.set_up()
            names.append(recording_of(talk.session))
            talk.end()
    kept = {str(file) for file in files(tmp_path)}
    assert kept == {str(other), *names[2:]}


async def test_the_newest_are_those_that_ended_last(tmp_path: Path) -> None:
    """A session that began long before the others and fails now is news."""
    async with keeping(tmp_path, keep=2) as stage:
        talks = [stage.open() for _ in range(4)]
        for talk in talks:
            talk.set_up()
        for talk in (talks[1], talks[2], talks[3], talks[0]):
            talk.end(BAD)
            stage.now += 1
        names = [recording_of(talk.session) for talk in talks]
    assert [str(file) for file in files(tmp_path)] == [names[0], names[3]]


async def test_what_has_no_room_is_left_out_of_the_middle(tmp_path: Path) -> None:
    async with keeping(tmp_path, session_size=8192, bodies=True) as stage:
        talk = stage.open()
        for number in range(40):
            talk.say(C, b"number %02d " % number + b"x" * 1000, "tcp")
        talk.say(C, b"x" * 5000, "tcp")
        talk.end(BAD)
    (file,) = files(tmp_path)
    data = file.read_bytes()
    there = [number for number in range(40) if b"number %02d " % number in data]
    assert there == [0, 1, 2, 37, 38, 39]
    assert b"35 messages left out" in data


async def test_a_sample(tmp_path: Path) -> None:
    async with keeping(tmp_path, sessions="all", sample=50) as stage:
        stage.chance = 0.5
        assert stage.open().session.tap is None


async def test_a_directory_that_is_gone(tmp_path: Path) -> None:
    async with keeping(tmp_path / "gone") as stage:
        talk = stage.open()
        talk.set_up()
        talk.end(BAD)
    ((event, fields),) = stage.notes
    assert (event, fields["reason"], fields["session"]) == (
        "recording-failed",
        "No such file or directory",
        "s-1",
    )


async def test_sessions_that_end_faster_than_they_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mrcpbalance.recording._kept.QUEUE", 1)
    async with keeping(tmp_path) as stage:
        for _ in range(4):
            talk = stage.open()
            talk.set_up()
            talk.end(BAD)
    assert stage.notes
    assert {fields["reason"] for _, fields in stage.notes} == {"busy"}
    assert stage.budget.used == 0


async def test_a_file_is_written_while_others_go_on(tmp_path: Path) -> None:
    async with keeping(tmp_path, sessions="all") as stage:
        talk = stage.open()
        talk.set_up()
        talk.end()
        stage.now += 1.0
        with trio.fail_after(10):
            while not list(files(tmp_path)):  # noqa: ASYNC110 - a thread writes it
                await trio.sleep(0.01)
