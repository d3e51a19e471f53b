"""Sessions by id and key, and their end."""

import itertools

import pytest

from mrcpbalance.sessions import End, Phase, Register, Session, Who
from tests.pool.build import RECOG, pool, server

HUNG_UP = End(Who.CLIENT, Phase.TEARDOWN)
LOST = End(Who.BACKEND, Phase.ACTIVE)


class Ended(list[tuple[str, str, float]]):
    """What the register told of ends."""

    def __call__(self, session: Session, now: float) -> None:
        self.append((session.id, str(session.end), now))


def numbered(limit: int = 10) -> tuple[Register, Ended]:
    ended = Ended()
    return Register(limit, map(str, itertools.count(1)).__next__, ended), ended


def opened(register: Register, *keys: str) -> Session:
    session = register.open("mrcpv1", "192.0.2.1", "speech", 0.0)
    assert session is not None
    for key in keys:
        register.key(session, key)
    return session


def test_open_counts_up_to_the_limit() -> None:
    register, _ = numbered(limit=2)
    first, second = opened(register), opened(register)
    assert (first.id, first.protocol, first.client, first.pool, first.opened_at) == (
        "1",
        "mrcpv1",
        "192.0.2.1",
        "speech",
        0.0,
    )
    assert register.open("mrcpv1", "192.0.2.1", "speech", 0.0) is None
    assert (len(register), list(register)) == (2, [first, second])
    register.end(first, HUNG_UP, 1.0)
    assert list(register) == [second]
    assert opened(register).id == "3"


def test_found_by_id_and_by_any_key() -> None:
    register, _ = numbered()
    session = opened(register, "45@speechrecog", "call-1")
    assert session.keys == ("45@speechrecog", "call-1")
    for key in ("1", *session.keys):
        assert register.find(key) == (session,)
    assert register.find("46@speechrecog") == ()


def test_several_may_bear_the_same_key() -> None:
    register, _ = numbered()  # E-01
    first, second, third = (opened(register, "45", "45") for _ in range(3))
    assert register.find("45") == (first, second, third)
    register.end(second, HUNG_UP, 1.0)
    assert register.find("45") == (first, third)
    register.unkey(first, "45")
    assert register.find("45") == (third,)
    register.end(third, HUNG_UP, 1.0)
    assert register.find("45") == ()
    register.key(first, "45")
    assert register.find("45") == (first,)
    register.end(first, HUNG_UP, 1.0)
    assert register._by_key == {}  # nothing stays behind


def test_our_id_goes_before_a_key_that_looks_the_same() -> None:
    register, _ = numbered()
    first, second = opened(register), opened(register, "1")
    assert register.find("1") == (first,)
    register.end(first, HUNG_UP, 1.0)
    assert register.find("1") == (second,)


def test_unkey_takes_off_what_it_bears_only() -> None:
    register, _ = numbered()
    first, second = opened(register, "a", "b"), opened(register, "c")
    register.unkey(first, "c")
    register.unkey(first, "a")
    register.unkey(first, "a")
    assert (first.keys, second.keys) == (("b",), ("c",))
    assert (register.find("a"), register.find("b"), register.find("c")) == ((), (first,), (second,))


def test_only_the_first_end_counts() -> None:
    register, ended = numbered()
    speech = pool(server("a", max_sessions={"speechrecog": 1}))
    session = opened(register, "45")
    session.seat = speech.take(RECOG, now=0.0)
    register.end(session, LOST, 2.0)
    register.end(session, HUNG_UP, 3.0)
    assert ended == [("1", "backend/active", 2.0)]
    assert session.end is LOST
    assert session.backend == "a"  # for the log
    assert session.keys == ("45",)
    assert speech.backends["a"].sessions == 0
    assert speech.take(RECOG, now=3.0) is not None


def test_an_ended_session_is_found_no_more_whatever_is_done_to_it() -> None:
    register, _ = numbered()
    session = opened(register, "45")
    register.end(session, HUNG_UP, 1.0)
    register.key(session, "46")
    register.unkey(session, "45")
    assert [register.find(key) for key in ("1", "45", "46")] == [(), (), ()]


def test_nothing_is_left_half_done_when_the_listener_raises() -> None:
    speech = pool(server("a"))
    told: list[str] = []

    def raising(session: Session, now: float) -> None:
        told.append(f"{session.end} at {now}")
        raise OSError("disk full")

    register = Register(1, "1".strip, raising)
    session = opened(register, "45")
    session.seat = speech.take(RECOG, now=0.0)
    with pytest.raises(OSError, match="disk full"):
        register.end(session, HUNG_UP, 1.0)
    register.end(session, HUNG_UP, 2.0)
    assert told == ["client/teardown at 1.0"]
    assert (len(register), register.find("45"), speech.backends["a"].sessions) == (0, (), 0)


def test_who_wants_to_hear_of_answers_does() -> None:
    register, _ = numbered()
    before, after = opened(register), opened(register)
    register.answered(before, 1.0)  # nobody listens yet
    heard: list[tuple[Session, float]] = []
    register.on_answer = lambda session, now: heard.append((session, now))
    register.answered(after, 2.0)
    assert (before.answered_at, after.answered_at, heard) == (1.0, 2.0, [(after, 2.0)])


def test_of_backend_finds_those_that_sit_there_and_lets_them_be_ended() -> None:
    register, ended = numbered()
    speech = pool(server("a", max_sessions=2), server("b"))
    sessions = [opened(register) for _ in range(4)]
    for session in sessions[:3]:
        session.seat = speech.take(RECOG, now=0.0)
    assert register.of_backend(speech.backends["a"]) == tuple(sessions[:2])
    assert register.of_backend(speech.backends["b"]) == (sessions[2],)
    for session in register:
        register.end(session, End(Who.OPERATOR, Phase.ACTIVE), 1.0)
    assert (len(register), len(ended)) == (0, 4)
    assert register.of_backend(speech.backends["a"]) == ()
