"""The sessions with the most messages for their age."""

import pytest

from mrcpbalance.observe import api
from tests.observe.admin_stage import AdminStage

API = "/api/v1"


async def test_the_busiest_sessions() -> None:
    """Those with the most messages for their age, in both directions; none that matches no filter."""
    stage = AdminStage()
    old = stage.session(backend="asr-1")
    stage.now += 100
    young = stage.session(backend="asr-2")
    idle = stage.session(backend="asr-1")
    stage.now += 10
    old.messages_to_backend, young.messages_to_backend, young.messages_to_client = 110, 20, 10
    target = f"{API}/sessions?sort=busiest"

    async def ids(query: str = "") -> list[str]:
        return [row["id"] for row in (await stage.get(target + query)).json["sessions"]]

    assert await ids() == [young.id, old.id, idle.id]
    assert await ids("&limit=1") == [young.id]
    assert await ids("&backend=asr-1") == [old.id, idle.id]
    assert (await stage.get(f"{target}&limit=1")).json["total"] == 3


async def test_the_busiest_of_many_are_found_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "LOOK", 7)
    stage = AdminStage()
    sessions = [stage.session(pool="raw", protocol="tcp", resource="speechsynth") for _ in range(50)]
    for number, session in enumerate(sessions):
        session.messages_to_client = (number * 17) % 50
    rows = (await stage.get(f"{API}/sessions?sort=busiest&limit=3")).json["sessions"]
    assert [row["messages_to_client"] for row in rows] == [49, 48, 47]
