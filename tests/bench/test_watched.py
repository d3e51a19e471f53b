"""What watching costs: the command runs, its watchers are answered, and who finds no proxy says so."""

import pytest

from bench import watched
from bench.process import free_ports
from bench.watchers import ASKED, EVENTS, Watchers


@pytest.mark.usefixtures("programs")
def test_a_short_run(capsys: pytest.CaptureFixture[str]) -> None:
    watched.main(["--sessions", "40", "--rate", "100", "--seconds", "0.5", "--rounds", "1"])
    told = capsys.readouterr()
    assert told.err == ""
    assert "lost: 0" in told.out
    assert "/api/v1/sessions?limit=200&search=: asked " in told.out


def test_a_load_that_fails_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(watched, "CHANNELS", 1 << 20)  # more than the generator can have
    assert watched.main(["--sessions", str(1 << 20), "--rounds", "1"]) == 1
    assert "don't go together" in capsys.readouterr().err


def test_watchers_who_are_not_answered_say_so() -> None:
    (port,) = free_ports(1)
    watchers = Watchers(port)
    watchers._run(EVENTS)
    assert [fault.partition(":")[0] for fault in watchers.faults] == [EVENTS]
    assert EVENTS not in ASKED
