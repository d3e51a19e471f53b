"""`mrcpbalance reload`: what changed, or why nothing did."""

import json

from tests.cli.test_ask import answering, run

CHANGES = {
    "listeners_added": ["second"],
    "listeners_changed": ["front"],
    "listeners_removed": [],
    "backends_added": ["speech/c", "speech/d"],
    "backends_removed": ["speech/a"],
    "needs_restart": ["log"],
}


def test_what_changed() -> None:
    with answering(json.dumps(CHANGES)) as stub:
        result = run("reload", "--admin", stub.where)
        assert json.loads(run("reload", "--admin", stub.where, "--json").stdout) == CHANGES
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "reloaded",
        "  listener added: second",
        "  listener moved: front",
        "  backend added: speech/c",
        "  backend added: speech/d",
        "  backend taken out: speech/a",
        "  changed, but read at the start only: log",
    ]
    assert stub.asked == ["POST /api/v1/reload"] * 2


def test_faults() -> None:
    answer = {"error": "nothing was changed: 2 faults", "faults": ["a.toml:1: one", "a.toml:2: two"]}
    with answering(json.dumps(answer), 422) as stub:
        result = run("reload", "--admin", stub.where)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [
        "a.toml:1: one",
        "a.toml:2: two",
        "mrcpbalance: nothing was changed: 2 faults",
    ]


def test_not_now() -> None:
    with answering(json.dumps({"error": "it runs without a file"}), 409) as stub:
        result = run("reload", "--admin", stub.where)
    assert (result.exit_code, result.stdout, result.stderr) == (
        1,
        "",
        "mrcpbalance: it runs without a file\n",
    )
