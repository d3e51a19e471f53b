"""Pools that stand in for others, as the admin interface tells of them."""

from typing import Final

import pytest

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


ROUTED: Final = """
[[listeners.v1.match]]
path = "/de/*"
pool = "spare"

[[listeners.v1.match]]
source = "192.0.2.0/24"
pool = "spare"

[listeners.v2]
protocol = "sip"
bind = "127.0.0.1:0"
pool = "speech"

[[listeners.v2.match]]
user = "de-*"
accept_contact = { language = "de", video = "*" }
pool = "sips"

[listeners.any]
protocol = "auto"
bind = "127.0.0.1:0"
pool = "spare"

[pools.sips.backends.one]
sip = "192.0.2.20:5060"
"""


async def routes(asked: str) -> list[tuple[str, ...]]:
    """Ask where a session would go, and tell of each row what matters."""
    stage = AdminStage(text=with_spare().text + ROUTED)
    rows = (await stage.get(f"{API}/explain?{asked}")).json["next"]
    keys = ("listener", "routed_by", "protocol", "resource", "next")
    return [tuple(str(row[key]) for key in keys) for row in rows]


V1_POOL: Final = ("v1", "listeners.v1.pool", "mrcpv1")
GERMAN: Final = "user=de-1&accept_contact=Language=de&accept_contact=video"
NEXT: Final[dict[str, tuple[str, list[tuple[str, ...]]]]] = {
    "nothing": (
        "",
        [
            (*V1_POOL, "None", "asr-2"),
            ("raw", "listeners.raw.pool", "tcp", "None", "echo"),
            ("v2", "listeners.v2.pool", "mrcpv2", "None", "asr-1"),
            ("any", "listeners.any.pool", "mrcpv1", "None", "far"),
            ("any", "listeners.any.pool", "tcp", "None", "far"),
        ],
    ),
    "a listener": ("listener=v1", [(*V1_POOL, "None", "asr-2")]),
    "a path": (
        "path=/de/speechrecognizer",
        [
            ("v1", "listeners.v1.match[0]", "mrcpv1", "speechrecog", "far"),
            ("any", "listeners.any.pool", "mrcpv1", "speechrecog", "far"),
        ],
    ),
    "a path and a resource": (
        "path=/en/x&resource=speechsynth&listener=v1",
        [(*V1_POOL, "speechsynth", "asr-2")],
    ),
    "a path without a resource": ("path=/&listener=v1", [(*V1_POOL, "None", "asr-2")]),
    "a source": ("source=192.0.2.7&listener=v1", [("v1", "listeners.v1.match[1]", "mrcpv1", "None", "far")]),
    "a user": ("user=de-1", [("v2", "listeners.v2.pool", "mrcpv2", "None", "asr-1")]),
    "a user and what it asks for": (GERMAN, [("v2", "listeners.v2.match[0]", "mrcpv2", "None", "one")]),
    "a protocol": ("protocol=mrcpv2", [("v2", "listeners.v2.pool", "mrcpv2", "None", "asr-1")]),
    "what no listener takes": ("listener=raw&path=/x", []),
}


@pytest.mark.parametrize(("asked", "rows"), NEXT.values(), ids=NEXT)
async def test_which_way_the_next_session_would_go(asked: str, rows: list[tuple[str, ...]]) -> None:
    assert await routes(asked) == rows


async def test_a_tcp_listener_has_no_use_for_a_backend_without_such_an_address() -> None:
    stage = AdminStage(text=TEXT + '[pools.raw.backends.other]\nrtsp = "192.0.2.20:1554"\n')
    (row,) = (await stage.get(f"{API}/explain?listener=raw")).json["next"]
    assert {one["backend"]: one["excluded"] for one in row["backends"]} == {"echo": None, "other": "protocol"}


async def test_a_pool_that_is_asked_for_by_name_is_told_of_as_such() -> None:
    stage = AdminStage(text=with_spare().text + ROUTED)
    (row,) = (await stage.get(f"{API}/explain?pool=sips")).json["next"]
    assert (row["pool"], row["next"], "listener" in row) == ("sips", "one", False)


async def test_a_session_tells_what_routed_it() -> None:
    stage = AdminStage()
    session = stage.session()
    session.routed_by = "listeners.v1.match[0]"
    answer = (await stage.get(f"{API}/explain/{session.id}")).json
    assert answer["why"].startswith("routed by listeners.v1.match[0], chosen by least-sessions in attempt 1")
    assert answer["session"]["routed_by"] == "listeners.v1.match[0]"


BAD: Final = {
    "listener=v3": (404, "no listener 'v3'; there are 'v1', 'raw'"),
    "pool=speech&path=/x": (400, "give either a pool, or a listener and what the request says"),
}


@pytest.mark.parametrize(("asked", "answer"), BAD.items())
async def test_what_cannot_be_asked(asked: str, answer: tuple[int, str]) -> None:
    told = await AdminStage().get(f"{API}/explain?{asked}")
    assert (told.status, told.error) == answer
