"""Pools that stand in for others, as the admin interface tells of them."""

from typing import Final

from mrcpbalance.pool import link
from tests.observe.admin_stage import TEXT, AdminStage

API: Final = "/api/v1"
SPARE: Final = """
[pools.spare.health]
probe = "none"
[pools.spare.backends.far]
rtsp = "192.0.2.19:1554"
resources = ["speechrecog"]
"""


def with_spare() -> AdminStage:
    """The usual tables, and a pool that stands in for `speech`."""
    text = TEXT.replace("[pools.speech]", '[pools.speech]\nfallback = "spare"') + SPARE
    stage = AdminStage(text=text)
    link(stage.pools)
    return stage


async def test_a_pool_that_stands_in() -> None:
    stage = with_spare()
    pools = (await stage.get(f"{API}/pools")).json["pools"]
    assert [(pool["name"], pool["fallback"]) for pool in pools] == [
        ("speech", ["spare"]),
        ("raw", []),
        ("spare", []),
    ]
    for backend in stage.pools["speech"].backends.values():
        backend.drain()
    (row,) = (await stage.get(f"{API}/explain?pool=speech&protocol=mrcpv1&resource=speechrecog")).json["next"]
    assert row["next"] == "spare/far"
    assert {one["excluded"] for one in row["backends"]} == {"draining"}
    assert [(other["pool"], other["backends"][0]["eligible"]) for other in row["fallback"]] == [
        ("spare", True)
    ]
    session = stage.session()
    answer = (await stage.get(f"{API}/explain/{session.id}")).json
    assert (
        answer["why"]
        == "chosen by least-sessions in place of pool 'speech', in attempt 1; it stays until it ends"
    )
    assert [verdict["backend"] for verdict in answer["now"]] == ["far"]
    assert (answer["session"]["pool"], answer["session"]["first_pool"]) == ("spare", "speech")


async def test_a_pool_is_ready_while_one_that_stands_in_is() -> None:
    stage = with_spare()
    for backend in stage.pools["speech"].backends.values():
        backend.drain()
    assert (await stage.get("/readyz")).body == b"pool 'speech' has no backend up for mrcpv2\n"
    stage.backend("speech", "asr-1").enable()  # the only one that speaks it
    assert (await stage.get("/readyz")).status == 200
    stage.backend("spare", "far").drain()
    assert (await stage.get("/readyz")).status == 503


async def test_why_nobody_can_have_a_session_that_needs_two_resources() -> None:
    stage = with_spare()
    asked = f"{API}/explain?pool=spare&protocol=mrcpv1&resource=speechrecog&resource=speechsynth"
    (row,) = (await stage.get(asked)).json["next"]
    assert (row["resource"], row["next"]) == ("speechrecog+speechsynth", None)
    assert [verdict["excluded"] for verdict in row["backends"]] == ["resource"]
