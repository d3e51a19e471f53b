"""`mrcpbalance drain`, `enable`, `disable`: what they ask for and show."""

import json

import pytest

from tests.cli.test_ask import answering, run

ROW = json.dumps({"name": "a", "state": "draining", "sessions": 3})


@pytest.mark.parametrize("order", ["drain", "enable", "disable"])
def test_orders(order: str) -> None:
    with answering(ROW) as stub:
        result = run(order, "speech/a", "--admin", stub.where)
        assert (result.exit_code, result.stdout) == (0, "speech/a: draining, 3 live sessions\n")
        result = run(order, "speech/a", "--admin", stub.where, "--json")
        assert (result.exit_code, json.loads(result.stdout)) == (0, json.loads(ROW))
    assert stub.asked == [f"POST /api/v1/pools/speech/backends/a/{order}"] * 2


def test_names_are_quoted() -> None:
    with answering(ROW) as stub:
        run("drain", "my pool/[2001:db8::1]:1554", "--admin", stub.where)
    assert stub.asked == ["POST /api/v1/pools/my%20pool/backends/%5B2001%3Adb8%3A%3A1%5D%3A1554/drain"]


@pytest.mark.parametrize("name", ["asr-1", "/asr-1", "speech/", ""])
def test_names_that_are_none(name: str) -> None:
    result = run("drain", name)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "is not POOL/BACKEND; `mrcpbalance status` shows them" in result.stderr
