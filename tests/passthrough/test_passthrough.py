"""Unrecognised connections: every octet to one backend, sticky by source where asked."""

import pytest

from mrcpbalance import passthrough
from mrcpbalance.config import (
    Address,
    BackendConfig,
    Limits,
    ListenerConfig,
    PoolConfig,
    Protocol,
    StickTableConfig,
)
from mrcpbalance.sessions import End, Phase, StickTable, Who
from mrcpbalance.sessions.ports import CloseReason
from tests.stage import Stage, StagePort

A, B = "198.51.100.1", "198.51.100.2"


class RawStage(Stage):
    """Two backends, the second without a `tcp` address of its own."""

    def __init__(
        self,
        *,
        sticky: bool = False,
        limits: Limits | None = None,
        policy: str = "first",
        protocol: Protocol = "auto",
    ) -> None:
        backends = {
            "a": BackendConfig(name="a", tcp=Address(A, 9000), rtsp=Address(A, 1554)),
            "b": BackendConfig(name="b", rtsp=Address(B, 1554)),
        }
        super().__init__(
            PoolConfig(name="raw", policy=policy, backends=backends),  # type: ignore[arg-type]
            ListenerConfig(name="raw", protocol=protocol, bind=(Address("192.0.2.1", 9000),), pool="raw"),
            limits=limits,
        )
        self.table = StickTable(StickTableConfig(name="clients")) if sticky else None

    def connect(self, peer: str = "192.0.2.9", early: bytes = b"") -> StagePort:
        port = StagePort(self, peer)
        caller = passthrough.Caller.start(self.context, port, self.now, table=self.table, early=early)
        if caller is not None:
            port.owner = caller
            caller.dial(self.now)
        return port


def test_octets_pass_both_ways_and_the_server_may_speak_first() -> None:
    stage = RawStage()
    client = stage.connect(early=b"what was read ")
    assert client.paused()
    a = stage.at(A)
    assert a.heard() == b""
    a.connects()
    assert not client.paused()
    a.says(b"220 hello")
    client.says(b"before")
    assert (client.heard(), a.heard()) == (b"220 hello", b"what was read before")
    assert (client.guarded, a.guarded) == (False, False)
    client.finishes()
    assert (a.state, client.state) == ("finished", "open")
    a.says(b"the rest")
    a.finishes()
    assert client.heard() == b"the rest"
    assert (a.state, client.state) == ("closed", "closed")
    assert stage.ends == ["client/active"]
    (session,) = stage.ended
    assert (session.protocol, session.bytes_to_backend, session.bytes_to_client) == ("tcp", 20, 17)


def test_a_connection_that_passes_stays_when_others_make_way() -> None:
    stage = RawStage()
    client = stage.connect()
    stage.at(A).connects()
    client.owner.make_way(stage.now, stage.now)  # type: ignore[attr-defined]
    stage.passes(10)
    assert client.state == "open"


def test_half_close_from_the_backend() -> None:
    stage = RawStage()
    client = stage.connect()
    a = stage.at(A)
    a.connects()
    a.finishes()
    assert (client.state, a.state) == ("finished", "open")
    client.says(b"still")
    assert a.heard() == b"still"
    client.finishes()
    assert stage.ends == ["backend/active"]


@pytest.mark.parametrize("reason", [CloseReason.REFUSED, CloseReason.CONNECT_TIMEOUT])
def test_another_backend_is_tried_before_the_client_notices(reason: CloseReason) -> None:
    stage = RawStage()
    client = stage.connect(early=b"early")
    stage.at(A).goes(reason)
    b = stage.at(B)
    b.connects()
    assert b.heard() == b"early"
    assert client.state == "open"
    assert stage.taken == {"a": 0, "b": 1}


@pytest.mark.parametrize(
    ("reason", "end"),
    [(CloseReason.REFUSED, "backend/setup"), (CloseReason.CONNECT_TIMEOUT, "timeout/setup")],
)
def test_without_a_backend_the_connection_is_closed(reason: CloseReason, end: str) -> None:
    stage = RawStage()
    client = stage.connect()
    stage.at(A).goes(reason)
    stage.at(B).goes(reason)
    assert client.state == "closed"
    assert stage.ends == [end]


@pytest.mark.parametrize("draining", [True, False])
def test_nobody_to_ask(draining: bool) -> None:
    stage = RawStage()
    for backend in stage.context.pool.backends.values():
        backend.drain()
    stage.draining = draining
    client = stage.connect()
    assert client.state == "closed"
    assert stage.ends == ["proxy/setup"]
    assert [event for event, _ in stage.notes] == ([] if draining else ["no-backend"])


def test_a_client_sticks_by_its_source() -> None:
    stage = RawStage(sticky=True, policy="round-robin")
    sockets = [stage.connect() for _ in range(3)]  # before any of them stands
    assert {port.peer for port in stage.dialled} == {A}
    other = stage.connect("192.0.2.10")
    assert stage.dialled[-1].peer == B
    for port in stage.dialled:
        port.connects()
    for client in (*sockets, other):
        client.goes()
    stage.passes(15 * 3600)
    stage.connect()
    assert stage.dialled[-1].peer == A


def test_a_client_sticks_while_it_is_connected() -> None:
    stage = RawStage(sticky=True, policy="round-robin")
    first = stage.connect()
    stage.dialled[-1].connects()
    for _ in range(4):  # longer than an entry lives that nobody uses
        stage.passes(14 * 3600)
        first.says(b"still here")
    stage.connect()
    assert [port.peer for port in stage.dialled] == [A, A]


def test_an_rtsp_address_serves_what_was_not_recognised_and_nothing_else() -> None:
    rows: list[tuple[Protocol, list[str]]] = [("auto", [A, B, A]), ("tcp", [A, A, A])]
    for protocol, places in rows:
        stage = RawStage(policy="round-robin", protocol=protocol)
        for _ in range(3):
            stage.connect()
        assert [port.peer for port in stage.dialled] == places


def test_a_client_moves_when_its_backend_is_gone() -> None:
    stage = RawStage(sticky=True)
    stage.connect()
    stage.at(A).goes(CloseReason.REFUSED)
    stage.connect()
    assert [port.peer for port in stage.dialled] == [A, B, B]


def test_a_client_whose_backend_has_left_the_pool_gets_another() -> None:
    stage = RawStage(sticky=True)
    assert stage.table is not None
    stage.table.put("192.0.2.9", "long-gone", stage.now)
    stage.context.pool.backends["a"].drain()
    stage.connect()
    assert stage.dialled[-1].peer == B
    stage.table.put("192.0.2.9", "a", stage.now)
    stage.connect()
    assert stage.dialled[-1].peer == B


def test_an_idle_connection_ends() -> None:
    stage = RawStage()
    client = stage.connect()
    a = stage.at(A)
    a.connects()
    stage.passes(14 * 3600)
    a.says(b"tick")
    stage.passes(14 * 3600)
    assert stage.ends == []
    stage.passes(2 * 3600)
    assert stage.ends == ["timeout/active"]
    assert (client.state, a.state) == ("closed", "closed")


def test_what_came_before_the_backend_stood_is_not_lost() -> None:
    stage = RawStage()
    client = stage.connect(early=b"all ")
    client.says(b"of it")
    client.finishes()
    a = stage.at(A)
    a.connects()
    assert a.heard() == b"all of it"
    assert a.state == "finished"


def test_a_backend_that_is_lost() -> None:
    stage = RawStage()
    client = stage.connect()
    a = stage.at(A)
    a.connects()
    a.says(b"last words")
    a.goes()
    assert client.heard() == b"last words"
    assert client.state == "closed"
    assert stage.ends == ["backend/active"]


@pytest.mark.parametrize(("stands", "end"), [(False, "client/setup"), (True, "client/active")])
def test_a_client_that_is_lost(stands: bool, end: str) -> None:
    stage = RawStage()
    client = stage.connect()
    if stands:
        stage.at(A).connects()
    client.goes()
    client.goes()
    assert stage.ends == [end]
    assert stage.at(A).state == "closed"
    assert len(stage.left) == 1


def test_the_number_of_sessions_is_bounded() -> None:
    stage = RawStage(limits=Limits(sessions=1))
    stage.connect()
    assert stage.connect().state == "aborted"


def test_a_fault_of_our_own_ends_both_sides() -> None:
    stage = RawStage()
    client = stage.connect()
    a = stage.at(A)
    a.connects()
    a.owner.crashed(stage.now)
    assert stage.ends == ["proxy/active"]
    assert client.state == "closed"


def test_an_operator_ends_the_connections_of_one_backend() -> None:
    stage = RawStage()
    client = stage.connect()
    stage.at(A).connects()
    end = End(Who.OPERATOR, Phase.ACTIVE)
    client.owner.leave(stage.context.pool.backends["b"], end, stage.now)  # type: ignore[attr-defined]
    assert client.state == "open"
    client.owner.leave(stage.context.pool.backends["a"], end, stage.now)  # type: ignore[attr-defined]
    assert stage.ends == ["operator/active"]


def test_the_end_of_draining_ends_what_is_left() -> None:
    stage = RawStage()
    client = stage.connect()
    a = stage.at(A)
    a.connects()
    client.owner.stop(End(Who.OPERATOR, Phase.ACTIVE), stage.now)  # type: ignore[attr-defined]
    assert stage.ends == ["operator/active"]
    assert (client.state, a.state) == ("closed", "closed")


def test_stopped_while_its_backend_is_dialled() -> None:
    stage = RawStage()
    client = stage.connect()
    client.owner.stop(End(Who.OPERATOR, Phase.ACTIVE), stage.now)  # type: ignore[attr-defined]
    assert stage.ends == ["operator/setup"]


def test_an_observer_hears_every_read() -> None:
    stage = RawStage()
    ear = stage.listen()
    client = stage.connect(early=b"early")
    a = stage.at(A)
    a.connects()
    a.says(b"220 hello")
    client.says(b"more")
    assert [(one.protocol, one.way) for one in ear.heard[:2]] == [("tcp", client), ("tcp", a)]
    assert ear.told() == [
        ("from-client", b"early"),
        ("to-backend", b"early"),
        ("from-backend", b"220 hello"),
        ("to-client", b"220 hello"),
        ("from-client", b"more"),
        ("to-backend", b"more"),
    ]
