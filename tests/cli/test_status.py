"""`mrcpbalance status`: one row a backend."""

import json

from tests.cli.test_ask import answering, run


def backend(name: str, **changes: object) -> dict[str, object]:
    row: dict[str, object] = {
        "name": name,
        "state": "up",
        "sessions": 7,
        "max_sessions": None,
        "weight": 1,
        "failures": 0,
        "protocols": {"mrcpv1": {"address": "192.0.2.1:1554", "state": "up"}},
    }
    return row | changes


def test_the_table() -> None:
    both = {
        "mrcpv1": {"address": "192.0.2.2:1554", "state": "up"},
        "mrcpv2": {"address": "[2001:db8::2]:5060", "state": "down"},
    }
    shown = "mrcpv1=192.0.2.2:1554 mrcpv2=[2001:db8::2]:5060 (down)"
    pools = [
        {"name": "speech", "backends": [backend("a"), backend("b", max_sessions=96, state="down")]},
        {
            "name": "other",
            "backends": [backend("c", max_sessions={"speechrecog": 9, "speechsynth": 12}, protocols=both)],
        },
    ]
    answer = {"pools": pools, "draining": False}
    with answering(json.dumps(answer)) as stub:
        result = run("status", "--admin", stub.where)
        assert json.loads(run("status", "--admin", stub.where, "--json").stdout) == answer
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "BACKEND   STATE  SESSIONS  OF                            WEIGHT  FAILURES  ADDRESSES",
        "speech/a  up     7         -                             1       0         mrcpv1=192.0.2.1:1554",
        "speech/b  down   7         96                            1       0         mrcpv1=192.0.2.1:1554 (up)",
        f"other/c   up     7         speechrecog:9,speechsynth:12  1       0         {shown}",
    ]


def test_a_backend_that_was_taken_out() -> None:
    pools = [{"name": "speech", "backends": [backend("a", state="draining", removed=True)]}]
    with answering(json.dumps({"pools": pools, "draining": False})) as stub:
        result = run("status", "--admin", stub.where)
    assert "speech/a  draining (taken out)  7 " in result.stdout


def test_who_stands_in_for_a_pool() -> None:
    pools = [{"name": "speech", "fallback": ["spare", "far"], "backends": []}]
    with answering(json.dumps({"pools": pools})) as stub:
        result = run("status", "--admin", stub.where)
    assert result.stdout.splitlines()[-1] == "What speech can't take goes to spare, then far."


def test_a_host_name_with_several_addresses() -> None:
    hosts = [{"address": "192.0.2.1", "avoided": False}, {"address": "192.0.2.2", "avoided": True}]
    several = {"mrcpv1": {"address": "asr.example:1554", "state": "up", "hosts": hosts}}
    one = {"tcp": {"address": "asr.example:9", "state": "down", "hosts": hosts[:1]}}
    pools = [{"name": "speech", "backends": [backend("a", protocols=several | one)]}]
    with answering(json.dumps({"pools": pools, "draining": False})) as stub:
        result = run("status", "--admin", stub.where)
    shown = "mrcpv1=asr.example:1554[192.0.2.1,192.0.2.2 avoided] tcp=asr.example:9 (down)"
    assert result.stdout.rstrip().endswith(shown)


def test_while_it_drains() -> None:
    with answering('{"pools": [], "draining": true}') as stub:
        result = run("status", "--admin", stub.where)
    assert result.stdout.startswith("The proxy is draining: it takes no new sessions.\n\nBACKEND")
