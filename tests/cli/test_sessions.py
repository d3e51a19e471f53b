"""`mrcpbalance sessions`: one row a session, and how many more there are."""

import json

from tests.cli.test_ask import answering, run

ROW = {
    "id": "4be3f9",
    "protocol": "mrcpv1",
    "client": "192.0.2.9",
    "pool": "speech",
    "backend": "a",
    "resources": ["speechrecog", "speechsynth"],
    "started": "2026-01-02T03:04:05.678Z",
    "keys": ["0a0b0c"],
    "age_s": 61.4,
}
BARE = ROW | {"id": "5", "backend": "", "resources": [], "keys": []}


def test_the_table() -> None:
    answer = {"sessions": [ROW, BARE], "total": 2}
    with answering(json.dumps(answer)) as stub:
        result = run("sessions", "--admin", stub.where)
        assert json.loads(run("sessions", "--admin", stub.where, "--json").stdout) == answer
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "ID      PROTOCOL  CLIENT     BACKEND   RESOURCES                AGE  KEYS",
        "4be3f9  mrcpv1    192.0.2.9  speech/a  speechrecog,speechsynth  61s  0a0b0c",
        "5       mrcpv1    192.0.2.9  speech/-  -                        61s  -",
    ]
    assert stub.asked == ["GET /api/v1/sessions?limit=100"] * 2


def test_what_is_asked_for() -> None:
    with answering('{"sessions": [], "total": 0}') as stub:
        run("sessions", "--admin", stub.where, "--backend", "a", "--search", "x y", "--limit", "5")
    assert stub.asked == ["GET /api/v1/sessions?backend=a&search=x+y&limit=5"]


def test_more_than_is_shown() -> None:
    with answering(json.dumps({"sessions": [ROW], "total": 12})) as stub:
        result = run("sessions", "--admin", stub.where, "--limit", "1")
        assert "\n1 of 12 live sessions; --limit shows more, --search finds some.\n" in result.stdout
        narrowed = run("sessions", "--admin", stub.where, "--search", "4be")
        assert narrowed.stdout.endswith("\n1 of 12 live sessions.\n")


def test_wrong_usage() -> None:
    assert run("sessions", "--limit", "0").exit_code == 2
