"""The process that is to make way: it must be there and ours, and is told once."""

import os
import signal
import subprocess

import pytest

from mrcpbalance.proxy import NoPredecessorError, Predecessor


def test_it_is_told_to_end() -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        assert Predecessor.of(child.pid).end()
        assert child.wait() == -signal.SIGTERM


def test_it_has_ended_by_itself_and_nobody_else_is_meant() -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        predecessor = Predecessor.of(child.pid)
        child.kill()
        child.wait()
        assert not predecessor.end()


def test_it_is_not_there() -> None:
    with subprocess.Popen(["true"]) as child:
        child.wait()
        with pytest.raises(NoPredecessorError, match=f"^no process {child.pid}: "):
            Predecessor.of(child.pid)


def test_it_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError(1, "no")

    monkeypatch.setattr(signal, "pidfd_send_signal", forbidden)
    with pytest.raises(NoPredecessorError, match="can't be told to end: Operation not permitted"):
        Predecessor.of(os.getpid())
