"""The admin interface's JSON: names that outsiders rely on, orders, errors that say what to do."""

import attrs
import pytest
import trio
import trio.testing

from mrcpbalance.observe import ReloadError, api
from mrcpbalance.pool import State
from mrcpbalance.sessions import End, Phase, Who
from tests.observe.admin_stage import AdminStage

_END = End(Who.CLIENT, Phase.ACTIVE)
API = "/api/v1"
NEVER_ANY: dict[str, object] = {"sessions": 0, "at": None, "resources": {}}
ASR_1 = {
    "name": "asr-1",
    "state": "up",
    "removed": False,
    "sessions": 0,
    "max_sessions": 3,
    "peak": NEVER_ANY,
    "weight": 1,
    "standby": False,
    "resources": None,
    "failures": 0,
    "protocols": {
        "mrcpv1": {"address": "192.0.2.11:1554", "state": "up", "reason": "", "hosts": []},
        "mrcpv2": {"address": "192.0.2.11:5060", "state": "up", "reason": "", "hosts": []},
    },
}


async def test_pools() -> None:
    stage = AdminStage()
    answer = await stage.get(f"{API}/pools")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json["draining"] is False
    speech, raw = answer.json["pools"]
    assert (speech["name"], speech["policy"]) == ("speech", "least-sessions")
    first, second = speech["backends"]
    assert first == ASR_1
    assert (second["weight"], second["max_sessions"]) == (2, {"speechrecog": 2, "speechsynth": 4})
    (echo,) = raw["backends"]
    assert (echo["standby"], echo["resources"], echo["max_sessions"]) == (True, ["speechsynth"], None)
    assert list(echo["protocols"]) == ["tcp"]


async def test_the_addresses_of_a_name() -> None:
    stage = AdminStage()
    stage.hosts["192.0.2.13"] = {"192.0.2.13": False, "2001:db8::13": True}
    (echo,) = (await stage.get(f"{API}/pools")).json["pools"][1]["backends"]
    assert echo["protocols"]["tcp"]["hosts"] == [
        {"address": "192.0.2.13", "avoided": False},
        {"address": "2001:db8::13", "avoided": True},
    ]


async def test_states() -> None:
    stage = AdminStage()
    backend = stage.backend("speech", "asr-1")

    async def seen() -> tuple[str, str]:
        row = (await stage.get(f"{API}/pools")).json["pools"][0]["backends"][0]
        return row["state"], row["protocols"]["mrcpv1"]["state"]

    assert await seen() == ("up", "up")
    for _ in range(2):
        backend.failed("sip", stage.now)
    assert await seen() == ("down", "up")
    stage.now += 60
    assert await seen() == ("probation", "up")
    for order, state in [("drain", "draining"), ("disable", "disabled"), ("drain", "draining")]:
        answer = await stage.post(f"{API}/pools/speech/backends/asr-1/{order}")
        assert (answer.status, answer.json["state"], answer.json["failures"]) == (200, state, 2)
        assert await seen() == (state, state)
    answer = await stage.post(f"{API}/pools/speech/backends/asr-1/enable")
    assert answer.json["state"] == "probation"


async def test_orders() -> None:
    stage = AdminStage()
    sessions = [stage.session(backend="asr-1"), stage.session(backend="asr-2")]
    answer = await stage.post(f"{API}/pools/speech/backends/asr-1/drain")
    assert (answer.json["sessions"], stage.left, len(stage.register)) == (1, [], 2)
    answer = await stage.post(f"{API}/pools/speech/backends/asr-1/disable")
    assert (answer.json["sessions"], stage.left, len(stage.register)) == (0, ["asr-1"], 1)
    assert [str(session.end) for session in sessions] == ["operator/active", "None"]
    await stage.post(f"{API}/pools/speech/backends/asr-1/enable")
    assert stage.backend("speech", "asr-1").state(stage.now) is State.UP


async def test_what_a_reload_took_out_is_seen_until_its_last_session_ends() -> None:
    stage = AdminStage()
    session, other = (
        stage.session("key", backend="asr-1"),
        stage.session(protocol="tcp", pool="raw", resource="speechsynth"),
    )
    speech, raw = stage.pools["speech"], stage.pools.pop("raw")
    backends = {"asr-2": speech.config.backends["asr-2"]}
    speech.become(attrs.evolve(speech.config, backends=backends))
    raw.retire()
    stage.leaving = [raw]

    async def rows() -> list[tuple[str, str, bool]]:
        pools = (await stage.get(f"{API}/pools")).json["pools"]
        return [(row["name"], row["state"], row["removed"]) for pool in pools for row in pool["backends"]]

    assert await rows() == [("asr-2", "up", False), ("asr-1", "draining", True), ("echo", "draining", True)]
    told = (await stage.get(f"{API}/explain/{other.id}")).json
    assert (told["session"]["pool"], told["now"]) == ("raw", [])
    stage.leaving = []
    told = (await stage.get(f"{API}/explain/{other.id}")).json
    assert told["why"].startswith("chosen by a pool that was taken out in attempt 1")
    refused = await stage.post(f"{API}/pools/speech/backends/asr-1/enable")
    assert (refused.status, "was taken out" in refused.error) == (404, True)
    answer = await stage.post(f"{API}/pools/speech/backends/asr-1/disable")
    assert (answer.json["sessions"], answer.json["removed"], str(session.end)) == (0, True, "operator/active")
    assert await rows() == [("asr-2", "up", False)]


async def test_a_reload() -> None:
    stage = AdminStage()
    answer = await stage.post(f"{API}/reload")
    assert (answer.status, answer.json) == (200, {"backends_added": ["speech/asr-3"]})
    stage.refusal = ReloadError(["a.toml:1: one", "a.toml:2: two"])
    answer = await stage.post(f"{API}/reload")
    assert (answer.status, answer.json["faults"]) == (422, ["a.toml:1: one", "a.toml:2: two"])
    assert "nothing was changed" in answer.error
    stage.refusal = ReloadError(["it is about to end"], conflict=True)
    answer = await stage.post(f"{API}/reload")
    assert (answer.status, answer.json) == (409, {"error": "it is about to end"})


async def test_a_session() -> None:
    stage = AdminStage()
    session = stage.session("A1B2@speechrecog", "call/1@host")
    session.messages_to_backend, session.bytes_to_client, session.address = 3, 700, "192.0.2.12"
    stage.now += 90
    expected = {
        "id": "id-0",
        "protocol": "mrcpv1",
        "client": "198.51.100.7",
        "pool": "speech",
        "first_pool": "speech",
        "routed_by": "",
        "backend": "asr-2",
        "address": "192.0.2.12",
        "resources": ["speechrecog"],
        "started": "2023-11-14T22:30:00.000Z",
        "keys": ["A1B2@speechrecog", "call/1@host"],
        "recording": "/kept/id-0",
        "age_s": 90.0,
        "setup_ms": 20.0,
        "attempts": 1,
        "messages_to_backend": 3,
        "messages_to_client": 0,
        "bytes_to_backend": 0,
        "bytes_to_client": 700,
    }
    assert (await stage.get(f"{API}/sessions")).json == {"sessions": [expected], "total": 1}
    for key in ("id-0", "A1B2@speechrecog", "A1B2%40speechrecog", "call/1@host", "call%2F1%40host"):
        assert (await stage.get(f"{API}/sessions/{key}")).json == expected


async def test_a_session_in_set_up() -> None:
    stage = AdminStage()
    stage.session(setup=None)
    (row,) = (await stage.get(f"{API}/sessions")).json["sessions"]
    assert row["setup_ms"] is None


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("", ["id-0", "id-1", "id-2"]),
        ("?limit=2", ["id-0", "id-1"]),
        ("?limit=2&backend=asr-2", ["id-1"]),
        ("?pool=raw", ["id-2"]),
        ("?protocol=mrcpv1", ["id-0", "id-1"]),
        ("?client=203.0.113.5", ["id-2"]),
        ("?search=203.0", ["id-2"]),
        ("?search=beef", ["id-1"]),
        ("?search=id-0", ["id-0"]),
        ("?backend=nobody", []),
    ],
)
async def test_sessions_asked_for(query: str, ids: list[str]) -> None:
    stage = AdminStage()
    stage.session("cafe", backend="asr-1")
    stage.session("beef", backend="asr-2")
    stage.session(pool="raw", backend="echo", protocol="tcp", client="203.0.113.5", resource="speechsynth")
    answer = (await stage.get(f"{API}/sessions{query}")).json
    assert ([row["id"] for row in answer["sessions"]], answer["total"]) == (ids, 3)


@pytest.mark.parametrize("count", [0, 1, api.BREATH - 1, api.BREATH, api.BREATH + 1, 3 * api.BREATH])
async def test_as_many_rows_as_there_are(count: int) -> None:
    stage = AdminStage()
    for _ in range(count):
        stage.register.open("mrcp", "192.0.2.1", "speech", stage.now)
    assert len((await stage.get(f"{API}/sessions")).json["sessions"]) == count
    for limit in (1, api.BREATH, api.BREATH + 1):
        answer = (await stage.get(f"{API}/sessions?limit={limit}")).json
        assert len(answer["sessions"]) == min(limit, count)


async def test_no_more_rows_than_are_good() -> None:
    stage = AdminStage()
    for _ in range(api.ROWS + 1):
        stage.register.open("mrcp", "192.0.2.1", "speech", stage.now)
    answer = (await stage.get(f"{API}/sessions")).json
    assert (len(answer["sessions"]), answer["total"]) == (api.ROWS, api.ROWS + 1)


@pytest.mark.parametrize("target", [f"{API}/sessions?limit=100000", f"{API}/sessions?search=x", "/metrics"])
async def test_others_get_their_turn(target: str) -> None:
    """However many sessions are live, no turn looks at more than a bounded number of them."""
    stage = AdminStage()
    for _ in range(20_000):
        stage.register.open("mrcp", "192.0.2.1", "speech", stage.now)
    turns = 0

    async def count(scope: trio.CancelScope) -> None:
        nonlocal turns
        while not scope.cancel_called:
            turns += 1
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(count, nursery.cancel_scope)
        await stage.get(target)
        nursery.cancel_scope.cancel()
    most = api.BREATH if target.endswith("100000") else 5_000
    assert turns >= 20_000 // most - 1


async def test_sessions_that_end_while_they_are_listed() -> None:
    stage = AdminStage()
    sessions = [stage.register.open("mrcp", "192.0.2.1", "speech", stage.now) for _ in range(500)]

    async def end_all() -> None:
        for session in sessions:
            assert session is not None
            stage.register.end(session, session.end or _END, stage.now)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(end_all)
        answer = await stage.get(f"{API}/sessions")
    assert len(answer.json["sessions"]) % api.BREATH == 0  # those of the turns before they ended


async def test_several_sessions_of_one_name() -> None:
    stage = AdminStage()
    stage.session("chan@speechrecog")
    stage.session("chan@speechrecog")
    for what in ("sessions", "explain"):
        answer = await stage.get(f"{API}/{what}/chan@speechrecog")
        assert answer.status == 409
        assert answer.json == {
            "error": "2 sessions bear this id; ask by ours",
            "sessions": ["id-0", "id-1"],
        }


async def test_why_a_session_sits_where_it_does() -> None:
    stage = AdminStage()
    stage.session("beef", backend="asr-1")
    stage.backend("speech", "asr-2").drain()
    answer = (await stage.get(f"{API}/explain/beef")).json
    assert answer["session"]["id"] == "id-0"
    assert "least-sessions" in answer["why"]
    first, second = answer["now"]
    assert (first["backend"], first["eligible"], first["excluded"]) == ("asr-1", True, None)
    assert (second["backend"], second["state"], second["excluded"]) == ("asr-2", "draining", "draining")


async def test_where_the_next_session_would_go() -> None:
    stage = AdminStage()
    rows = (await stage.get(f"{API}/explain")).json["next"]
    assert [(row["pool"], row["protocol"], row["next"]) for row in rows] == [
        ("speech", "mrcpv1", "asr-2"),
        ("speech", "mrcpv2", "asr-1"),
        ("raw", "tcp", "echo"),
    ]
    rows = (await stage.get(f"{API}/explain?resource=speechrecog")).json["next"]
    assert [row["protocol"] for row in rows] == ["mrcpv1", "mrcpv2"]  # what passes through names no resource
    asked = f"{API}/explain?pool=speech&protocol=mrcpv1&resource=speechsynth&source=192.0.2.9"
    (row,) = (await stage.get(asked)).json["next"]
    assert (row["resource"], [one["eligible"] for one in row["backends"]]) == ("speechsynth", [True, True])
    for backend in stage.pools["speech"].backends.values():
        backend.disable()
    (row,) = (await stage.get(f"{API}/explain?pool=speech&protocol=mrcpv1")).json["next"]
    assert (row["next"], {one["excluded"] for one in row["backends"]}) == (None, {"disabled"})


BAD = {
    "no such page": ("GET", "/nothing", 404, "openapi.json"),
    "no such api": ("GET", f"{API}/session", 404, "openapi.json"),
    "no such session": ("GET", f"{API}/sessions/xyz", 404, "session log"),
    "nobody to explain": ("GET", f"{API}/explain/xyz", 404, "session log"),
    "no such pool": ("POST", f"{API}/pools/speach/backends/asr-1/drain", 404, "did you mean 'speech'?"),
    "no such backend": ("POST", f"{API}/pools/speech/backends/asr-3/drain", 404, "did you mean 'asr-2'?"),
    "nothing near": ("POST", f"{API}/pools/speech/backends/zzz/drain", 404, "there are 'asr-1', 'asr-2'"),
    "no such order": ("POST", f"{API}/pools/speech/backends/asr-1/stop", 404, "drain, enable, disable"),
    "an order as a question": ("GET", f"{API}/pools/speech/backends/asr-1/drain", 405, "GET is not for"),
    "a question as an order": ("POST", f"{API}/pools", 405, "POST is not for"),
    "a reload as a question": ("GET", f"{API}/reload", 405, "GET is not for"),
    "no such method": ("DELETE", f"{API}/sessions/xyz", 405, "DELETE is not for"),
    "no such pool to explain": ("GET", f"{API}/explain?pool=rav", 404, "did you mean 'raw'?"),
    "no such protocol": ("GET", f"{API}/explain?protocol=sip", 400, "mrcpv1, mrcpv2, mrcp, tcp"),
    "no such way to sort": ("GET", f"{API}/sessions?sort=newest", 400, "'newest' is none of oldest, busiest"),
    "no rows": ("GET", f"{API}/sessions?limit=0", 400, "from 1 to 100000"),
    "too many rows": ("GET", f"{API}/sessions?limit=100001", 400, "from 1 to 100000"),
    "half a row": ("GET", f"{API}/sessions?limit=1.5", 400, "'1.5' is not a number"),
    "a strange number": ("GET", f"{API}/sessions?limit=%C2%B2", 400, "is not a number"),
    "a long number": ("GET", f"{API}/sessions?limit={'9' * 9000}", 400, "is not a number"),
}


@pytest.mark.parametrize("row", BAD.values(), ids=BAD.keys())
async def test_errors(row: tuple[str, str, int, str]) -> None:
    method, target, status, text = row
    stage = AdminStage()
    answer = await stage.ask(method, target)
    assert (answer.status, answer.headers["content-type"]) == (status, "application/json")
    assert text in answer.error
    assert len(answer.error) < 200
    assert ("allow" in answer.headers) == (status == 405)
    assert stage.notes == []


async def test_a_fault_of_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = AdminStage()
    monkeypatch.setattr(type(stage.console), "pool_rows", lambda _: 1 // 0)
    answer = await stage.get(f"{API}/pools")
    assert (answer.status, answer.error) == (500, "a fault of the admin interface; the log has it")
    assert stage.notes == ["fault ZeroDivisionError('integer division or modulo by zero')"]


async def test_health_and_readiness() -> None:
    stage = AdminStage()

    async def ready() -> tuple[int, str]:
        answer = await stage.get("/readyz")
        return answer.status, answer.body.decode().strip()

    stage.starting = True
    assert (await stage.get("/healthz")).body == b"ok\n"
    assert await ready() == (503, "starting")
    stage.starting = False
    assert await ready() == (200, "ready")
    stage.backend("speech", "asr-1").drain()
    assert await ready() == (503, "pool 'speech' has no backend up for mrcpv2")
    stage.backend("speech", "asr-2").disable()
    assert await ready() == (503, "pool 'speech' has no backend up for mrcpv1")
    for backend in stage.pools["speech"].backends.values():
        backend.enable()
    assert await ready() == (200, "ready")
    for _ in range(2):
        stage.backend("raw", "echo").failed("tcp", stage.now)
    assert await ready() == (503, "pool 'raw' has no backend up for tcp")
    stage.now += 60  # on probation it takes a session
    assert await ready() == (200, "ready")
    stage.draining = True
    assert await ready() == (503, "draining")
    assert (await stage.get(f"{API}/pools")).json["draining"] is True
    assert (await stage.get("/healthz")).status == 200


async def test_the_page_asks_nobody_else() -> None:
    answer = await AdminStage().get("/")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b"//" not in answer.body.replace(b"http://www.w3.org/2000/svg", b"")
    assert "default-src 'self'" in answer.headers["content-security-policy"]
