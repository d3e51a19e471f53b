"""Pool and register together, walked at random: no seat leaks, nothing is over capacity, a session stays where it is."""

import itertools
import random
from collections import Counter
from collections.abc import Callable
from typing import get_args

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)

from mrcpbalance.config import PoolConfig
from mrcpbalance.pool import Backend, Obstacle, Pool, Protocol, Seat, Want
from mrcpbalance.sessions import End, Phase, Register, Session, Who
from tests.strategies import pool_configs, resources, wants

KEYS = st.sampled_from(("45", "46", "47"))
DOWN = {Obstacle.DOWN, Obstacle.PROBATION}


class Together(RuleBasedStateMachine):
    """Sessions come, hold resources, fail over, bear keys and go, while operators drain and time passes."""

    sessions = Bundle("sessions")

    @initialize(
        target=sessions,
        config=pool_configs(),
        seed=st.integers(0, 9),
        limit=st.integers(1, 12),
        first=st.lists(wants, min_size=1, max_size=5),
    )
    def start(self, config: PoolConfig, seed: int, limit: int, first: list[Want]) -> MultipleResults[Session]:
        self.now = 0.0
        self.ended: list[Session] = []
        self.home: dict[Session, Backend] = {}  # of those whose set-up was answered
        self.wanted: dict[Session, Want] = {}
        self.held: dict[Session, Counter[str]] = {}
        self.pool = Pool(config, random.Random(seed).random)
        self.register = Register(limit, map(str, itertools.count()).__next__, self.on_end)
        return multiple(*itertools.chain.from_iterable(map(self.come, first)))

    def on_end(self, session: Session, now: float) -> None:
        assert now == self.now
        self.ended.append(session)

    @property
    def backends(self) -> list[Backend]:
        return list(self.pool.backends.values())

    @rule(target=sessions, want=wants)
    def arrives(self, want: Want) -> MultipleResults[Session]:
        return multiple(*self.come(want))

    def come(self, want: Want) -> list[Session]:
        full = len(self.register) >= self.register.limit
        session = self.register.open("mrcp", want.source, self.pool.name, self.now)
        assert (session is None) == full
        if session is None:
            return []
        self.wanted[session] = want
        self.sit(session, [])
        return [session]

    @rule(session=sessions)
    def fails_over(self, session: Session) -> None:
        if session.seat is None or session.answered_at is not None or session.end:
            return
        failed = session.seat.backend
        failed.failed(self.wanted[session].protocol, self.now)
        session.seat.release()
        self.sit(session, [failed])

    def sit(self, session: Session, tried: list[Backend]) -> None:
        want = self.wanted[session]
        verdicts = {verdict.backend: verdict.excluded for verdict in self.pool.explain(want, self.now, tried)}
        room = {its.name for its in self.backends if its.capacity.obstacle(want.resource) is None}
        seat = self.pool.take(want, now=self.now, tried=tried)
        if seat is None:
            assert all(why and (why not in DOWN or name not in room) for name, why in verdicts.items())
            self.register.end(session, End(Who.PROXY, Phase.SETUP), self.now)
            return
        self.check_choice(seat, verdicts)
        assert seat.backend not in tried
        session.seat = seat
        session.attempts += 1
        self.held[session] = Counter(seat.resources)
        assert seat.resources == (() if want.resource is None else (want.resource,))

    def check_choice(self, seat: Seat, verdicts: dict[str, Obstacle | None]) -> None:
        if None in verdicts.values():
            assert verdicts[seat.backend.name] is None
        else:
            assert verdicts[seat.backend.name] in DOWN

    @rule(session=sessions)
    def answered(self, session: Session) -> None:
        if session.seat is None or session.end is not None:
            return
        session.seat.backend.answered(self.wanted[session].protocol, self.now)
        session.answered_at = self.now
        self.home[session] = session.seat.backend

    @rule(session=sessions, place=st.integers(0, 3))
    def is_moved(self, session: Session, place: int) -> None:
        """One session, one backend."""
        elsewhere = self.backends[place % len(self.backends)]
        if session not in self.home or elsewhere is self.home[session]:
            return
        seat = self.pool.take_from(elsewhere, self.wanted[session], now=self.now)
        if seat is not None:
            with pytest.raises(RuntimeError, match="stays"):
                session.seat = seat
            seat.release()

    @rule(session=sessions, resource=resources)
    def wants_more(self, session: Session, resource: str) -> None:
        if session.seat is not None and session.seat.add(resource, self.now):
            assert session.end is None
            self.held[session][resource] += 1

    @rule(session=sessions, resource=resources)
    def wants_less(self, session: Session, resource: str) -> None:
        if session.seat is not None:
            session.seat.drop(resource)
            self.held[session] -= Counter([resource])

    @rule(session=sessions, key=KEYS)
    def is_keyed(self, session: Session, key: str) -> None:
        self.register.key(session, key)
        assert (session in self.register.find(key)) == (session.end is None)

    @rule(session=sessions, key=KEYS)
    def is_unkeyed(self, session: Session, key: str) -> None:
        self.register.unkey(session, key)
        assert session not in self.register.find(key)

    @rule(session=consumes(sessions), who=st.sampled_from(Who), again=st.booleans())
    def ends(self, session: Session, who: Who, again: bool) -> None:
        cause = session.end or End(who, Phase.ACTIVE)
        for end in (End(who, Phase.ACTIVE), End(Who.PROXY, Phase.TEARDOWN))[: 1 + again]:
            self.register.end(session, end, self.now)
        assert session.end == cause

    @rule(place=st.integers(0, 3), protocol=st.sampled_from(get_args(Protocol)))
    def goes_down(self, place: int, protocol: Protocol) -> None:
        backend = self.backends[place % len(self.backends)]
        if backend.address(protocol) is not None:
            for _ in range(self.pool.config.health.fall):
                backend.failed(protocol, self.now)
            assert backend.obstacle(Want(protocol, None, ""), self.now) is not None

    @rule(place=st.integers(0, 3), order=st.sampled_from((Backend.drain, Backend.disable, Backend.enable)))
    def is_ordered(self, place: int, order: Callable[[Backend], None]) -> None:
        order(self.backends[place % len(self.backends)])

    @rule(wait=st.floats(0.0, 40.0))
    def time_passes(self, wait: float) -> None:
        self.now += wait

    @rule(want=wants)
    def is_peeked(self, want: Want) -> None:
        before = [its.sessions for its in self.backends]
        backend = self.pool.peek(want, self.now)
        assert backend is None or backend.address(want.protocol) is not None
        assert before == [its.sessions for its in self.backends]

    @invariant()
    def no_seat_leaks(self) -> None:
        for backend in self.backends:
            live = self.register.of_backend(backend)
            assert backend.sessions == len(live)
            held = sum((self.held[session] for session in live), Counter[str]())
            assert backend.capacity.taken == held

    @invariant()
    def nothing_is_over_capacity(self) -> None:
        for backend in self.backends:
            limits = backend.config.max_sessions
            if isinstance(limits, int):
                assert backend.sessions <= limits
            elif limits is not None:
                assert all(backend.capacity.taken.get(its, 0) <= limit for its, limit in limits.items())

    @invariant()
    def a_trial_is_a_live_sessions(self) -> None:
        for backend, protocol in itertools.product(self.backends, get_args(Protocol)):
            if backend.obstacle(Want(protocol, None, ""), self.now) is Obstacle.PROBATION:
                assert protocol in {
                    self.wanted[session].protocol for session in self.register.of_backend(backend)
                }

    @invariant()
    def sessions_stay(self) -> None:
        for session, backend in self.home.items():
            assert session.seat is not None
            assert session.seat.backend is backend

    @invariant()
    def only_live_sessions_are_found(self) -> None:
        live = set(self.register)
        assert all(session.end is None for session in live)
        assert len(self.ended) == len(set(self.ended)) == len(self.wanted) - len(live)
        for key in ("45", "46", "47", *(session.id for session in self.ended)):
            assert set(self.register.find(key)) == {
                session for session in live if key in session.keys or key == session.id
            }


TestTogether = Together.TestCase
