"""What the admin interface has to do with recordings: it hands on what is asked, and what comes of it."""

from pathlib import Path

from tests.observe.admin_stage import AdminStage

RECORD = "/api/v1/record"


async def test_a_recording_is_handed_on() -> None:
    stage = AdminStage()
    answer = await stage.post(f"{RECORD}?pool=speech&failed=true")
    assert (answer.status, answer.headers["content-type"], answer.body) == (200, "application/x-pcapng", b"x")
    assert (stage.recordings.asked, stage.recordings.left) == ([{"pool": "speech", "failed": "true"}], 1)
    assert (await stage.get("/api/v1/recordings")).json == {"recordings": [{"sessions": 1}]}


async def test_refusals() -> None:
    stage = AdminStage()
    for refuse, status in (("busy", 503), ("wrong", 400)):
        answer = await stage.post(f"{RECORD}?refuse={refuse}")
        assert (answer.status, answer.error) == (status, "no")
    assert (await stage.get(RECORD)).status == 405


async def test_a_console_without_recordings() -> None:
    stage = AdminStage()
    stage.console.recordings = None
    assert (await stage.post(RECORD)).status == 503
    assert (await stage.get("/api/v1/recordings")).json == {"recordings": []}
    stage.session("call-1")
    assert (await stage.get("/api/v1/sessions/call-1")).json["recording"] is None


async def test_a_session_and_its_explanation_name_the_file() -> None:
    stage = AdminStage()
    session = stage.session("call-1")
    stage.session("call-2", client="198.51.100.8")
    assert (await stage.get("/api/v1/sessions/call-1")).json["recording"] == f"/kept/{session.id}"
    assert (await stage.get("/api/v1/explain/call-1")).json["session"]["recording"] == f"/kept/{session.id}"
    assert (await stage.get("/api/v1/sessions/call-2")).json["recording"] is None


async def test_readers_may_not_record(tmp_path: Path) -> None:
    for name in ("token", "read"):
        (tmp_path / name).write_text(name)
    stage = AdminStage(token_file=tmp_path / "token", read_token_file=tmp_path / "read")
    assert (await stage.post(RECORD, authorization="Bearer read")).status == 403
    assert (await stage.get("/api/v1/recordings", authorization="Bearer read")).status == 200
    assert stage.recordings.asked == []
