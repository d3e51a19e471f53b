"""Connections that wait while no backend is eligible."""

import pytest

from mrcpbalance import passthrough
from mrcpbalance.config import Address, BackendConfig, ListenerConfig, PoolConfig
from mrcpbalance.sessions.ports import CloseReason
from tests.stage import Stage, StagePort

A = "198.51.100.1"


class WaitingStage(Stage):
    """One backend for one session, and one more that may wait."""

    def __init__(self) -> None:
        backends = {"a": BackendConfig(name="a", tcp=Address(A, 9000), max_sessions=1)}
        super().__init__(
            PoolConfig(name="raw", backends=backends, queue_size=1, queue_timeout=2.0),
            ListenerConfig(name="raw", protocol="tcp", bind=(Address("192.0.2.1", 9000),), pool="raw"),
        )

    def connect(self) -> StagePort:
        port = StagePort(self, "192.0.2.9")
        caller = passthrough.Caller.start(self.context, port, self.now)
        assert caller is not None
        port.owner = caller
        caller.dial(self.now)
        return port


def test_a_connection_waits_unread_until_another_ends() -> None:
    stage = WaitingStage()
    first, second = stage.connect(), stage.connect()
    assert second.paused()
    stage.at(A).connects()
    first.goes(CloseReason.RESET)
    stage.passes(0.0)
    assert len(stage.dialled) == 2
    stage.at(A).connects()
    second.says(b"hello")
    assert stage.at(A).heard() == b"hello"


def test_a_connection_that_waited_in_vain_is_closed() -> None:
    stage = WaitingStage()
    stage.connect()
    second = stage.connect()
    stage.passes(2.0)
    assert (second.state, stage.ends) == ("closed", ["proxy/setup"])


def test_a_further_one_is_closed_at_once() -> None:
    stage = WaitingStage()
    states = [stage.connect().state for _ in range(3)]
    assert states == ["open", "open", "closed"]


@pytest.mark.parametrize("how", ["leaves", "draining"])
def test_nobody_waits_for_who_is_gone(how: str) -> None:
    stage = WaitingStage()
    stage.connect()
    stage.draining = how == "draining"
    second = stage.connect()
    if how == "leaves":
        second.goes(CloseReason.RESET)
    assert stage.context.pool.queue.waiting == 0
