"""Connections that another pool takes or is meant to take, and what a stick table remembers of it."""

import attrs

from mrcpbalance.config import Address, BackendConfig, MatchConfig, PoolConfig
from mrcpbalance.sessions.ports import CloseReason
from tests.passthrough.test_passthrough import A, B, RawStage
from tests.stage import StagePort

C = "198.51.100.3"


def stage(*, sticky: bool = False) -> RawStage:
    """A pool of `a` and `b`, and one with another `a` that stands in for it."""
    play = RawStage(sticky=sticky)
    other = BackendConfig(name="a", tcp=Address(C, 9000))
    play.context.pool.become(
        PoolConfig(
            name="raw", policy="first", fallback=("spare",), backends=play.context.pool.config.backends
        )
    )
    play.also(PoolConfig(name="spare", policy="first", backends={"a": other}))
    return play


def newest(play: RawStage) -> StagePort:
    return play.dialled[-1]


def test_when_every_try_failed_the_other_pool_is_asked() -> None:
    play = stage()
    play.connect()
    for host in (A, B):
        assert newest(play).peer == host
        newest(play).goes(CloseReason.REFUSED)
    assert newest(play).peer == C
    newest(play).connects()
    (session,) = play.context.register
    assert (session.pool, session.first_pool, session.attempts) == ("spare", "raw", 3)


def test_it_sticks_to_the_other_pool() -> None:
    play = stage(sticky=True)
    own = play.context.pool.backends
    for backend in own.values():
        backend.drain()
    play.connect()
    for backend in own.values():
        backend.enable()
    play.connect()
    assert [port.peer for port in play.dialled] == [C, C]
    play.connect(peer="192.0.2.10")
    assert newest(play).peer == A


def test_it_sticks_to_its_own_pool_before_any_other() -> None:
    play = stage(sticky=True)
    play.context.pool.backends["a"].drain()
    play.connect()
    play.context.pool.backends["a"].enable()
    play.connect()
    assert [port.peer for port in play.dialled] == [B, B]
    play.context.pool.backends["b"].drain()
    play.connect()
    assert newest(play).peer == A


def test_what_sticks_to_a_pool_that_is_gone_is_placed_anew() -> None:
    play = stage(sticky=True)
    for backend in play.context.pool.backends.values():
        backend.drain()
    play.connect()
    for backend in play.context.pool.backends.values():
        backend.enable()
    play.also()
    play.connect()
    assert [port.peer for port in play.dialled] == [C, A]


def test_callers_of_a_network_have_their_own_pool() -> None:
    play = stage()
    play.context.listener = attrs.evolve(
        play.context.listener, match=(MatchConfig(pool="spare", source="192.0.2.128/25"),)
    )
    play.also(play.pools["spare"].config)
    for peer in ("192.0.2.9", "192.0.2.129"):
        play.connect(peer=peer)
    assert [port.peer for port in play.dialled] == [A, C]
    first, second = play.context.register
    assert [(its.pool, its.first_pool) for its in (first, second)] == [("raw", "raw"), ("spare", "spare")]
