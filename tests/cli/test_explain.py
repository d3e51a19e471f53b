"""`mrcpbalance explain`: in words, and with the pool's verdict on each backend."""

import json

from tests.cli.test_ask import answering, run

VERDICTS = [
    {"backend": "a", "state": "up", "eligible": True, "excluded": None, "score": 0.25},
    {"backend": "b", "state": "draining", "eligible": False, "excluded": "draining", "score": 0.0},
]
TABLE = [
    "BACKEND  STATE     ELIGIBLE      SCORE",
    "a        up        yes           0.25",
    "b        draining  no: draining  0",
]


def test_a_session() -> None:
    session = {
        "id": "4be3",
        "protocol": "mrcpv1",
        "resources": ["speechrecog"],
        "client": "192.0.2.9",
        "pool": "speech",
        "backend": "a",
        "address": "192.0.2.7",
    }
    answer = {"session": session, "why": "chosen by first in attempt 1; it stays", "now": VERDICTS}
    with answering(json.dumps(answer)) as stub:
        result = run("explain", "a/b@c", "--admin", stub.where)
        assert json.loads(run("explain", "a/b@c", "--admin", stub.where, "--json").stdout) == answer
    assert result.stdout.splitlines() == [
        "4be3 (mrcpv1, speechrecog) from 192.0.2.9",
        "sits on speech/a at 192.0.2.7: chosen by first in attempt 1; it stays.",
        "",
        "The pool as it stands now:",
        *TABLE,
    ]
    assert stub.asked == ["GET /api/v1/explain/a%2Fb%40c"] * 2


def test_the_next_session() -> None:
    row = {
        "pool": "speech",
        "protocol": "mrcpv1",
        "resource": "speechrecog",
        "next": "a",
        "backends": VERDICTS,
        "fallback": [],
    }
    spare = row | {"next": "spare/c", "fallback": [{"pool": "spare", "backends": VERDICTS}]}
    nobody = row | {"protocol": "tcp", "resource": None, "next": None}
    given = ["--pool", "speech", "--resource", "speechrecog", "--source", "192.0.2.9", "--protocol", "mrcpv1"]
    with answering(json.dumps({"next": [row, spare, nobody]})) as stub:
        result = run("explain", *given, "--admin", stub.where)
        run("explain", "--admin", stub.where)
    assert result.stdout.splitlines() == [
        "The next mrcpv1 speechrecog session in speech would go to a.",
        *TABLE,
        "",
        "The next mrcpv1 speechrecog session in speech would go to spare/c.",
        *TABLE,
        "What speech can't take goes to spare:",
        *TABLE,
        "",
        "The next tcp session in speech would go to nobody.",
        *TABLE,
        "",
    ]
    asked = "pool=speech&resource=speechrecog&protocol=mrcpv1&source=192.0.2.9"
    assert stub.asked == [f"GET /api/v1/explain?{asked}", "GET /api/v1/explain"]


def test_which_way_the_next_session_would_go() -> None:
    row = {
        "listener": "v2",
        "routed_by": "listeners.v2.match[0]",
        "pool": "german",
        "protocol": "mrcpv2",
        "resource": None,
        "next": "a",
        "backends": VERDICTS,
        "fallback": [],
    }
    given = ["--listener", "v2", "--user", "de-1", "--accept-contact", "language=de", "--path", "/x"]
    with answering(json.dumps({"next": [row]})) as stub:
        result = run("explain", *given, "--admin", stub.where)
    assert result.stdout.splitlines() == [
        "The next mrcpv2 session of listener v2 goes by listeners.v2.match[0] to pool german, and there to a.",
        *TABLE,
        "",
    ]
    assert stub.asked == ["GET /api/v1/explain?listener=v2&path=%2Fx&user=de-1&accept_contact=language%3Dde"]


def test_nobody_takes_such_a_session() -> None:
    with answering('{"next": []}') as stub:
        result = run("explain", "--path", "/x", "--admin", stub.where)
    assert result.stdout == "No listener takes such a session.\n"


def test_a_session_that_needs_two_resources() -> None:
    with answering('{"next": []}') as stub:
        run("explain", "--resource", "speechrecog", "--resource", "speechsynth", "--admin", stub.where)
    assert stub.asked == ["GET /api/v1/explain?resource=speechrecog&resource=speechsynth"]


def test_wrong_usage() -> None:
    assert run("explain", "4be3", "--pool", "speech").exit_code == 2
    assert run("explain", "--protocol", "sip").exit_code == 2
