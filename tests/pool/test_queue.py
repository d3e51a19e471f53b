"""Who waits for a seat: the order, the bounds, and what ends the waiting."""

import itertools
import math
from collections.abc import Callable

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcpbalance.config import BackendConfig, HealthConfig, PoolConfig
from mrcpbalance.pool import Backend, Pool, Seat, Waiter, Want
from tests.pool.build import RECOG, SYNTH, server, take_down

BOTH = Want("rtsp", "speechrecog", "192.0.2.1", also=("speechsynth",))


@attrs.define(eq=False)
class Bell:
    """An alarm, rung by hand."""

    ring: Callable[[float], None]
    at: float | None = None

    def set(self, at: float) -> None:
        self.at = at

    def clear(self) -> None:
        self.at = None


class Hall:
    """A pool and everyone who waits for it, by a letter each."""

    def __init__(self, *servers: BackendConfig, size: int = 9, timeout: float = 2.0, fall: int = 2) -> None:
        config = PoolConfig(
            name="speech",
            policy="first",
            queue_size=size,
            queue_timeout=timeout,
            health=HealthConfig(interval=5.0, fall=fall),
            backends={its.name: its for its in servers},
        )
        self.pool = Pool(config, lambda: 0.5)
        self.now = 0.0
        self.told: list[str] = []
        self.seats: dict[str, Seat] = {}
        self.bells: list[Bell] = []
        self._names = itertools.cycle("abcdefghijklmnop")

    def bell(self, ring: Callable[[float], None]) -> Bell:
        bell = Bell(ring)
        self.bells.append(bell)
        return bell

    def come(self, want: Want = RECOG, *, tried: tuple[Backend, ...] = ()) -> Waiter | None:
        """Let a session come: it is seated, waits, or is turned away."""
        name = next(self._names)

        def placed(seat: Seat, now: float) -> None:
            self.seats[name] = seat
            self.told.append(f"{name} on {seat.backend.name}")

        seat = self.pool.take(want, now=self.now, tried=tried)
        if seat is not None:
            placed(seat, self.now)
            return None
        waiter = self.pool.wait(
            want,
            now=self.now,
            tried=tried,
            bell=self.bell,
            placed=placed,
            refused=lambda _: self.told.append(f"{name} refused"),
        )
        if waiter is None:
            self.told.append(f"{name} turned away")
        return waiter

    def passes(self, seconds: float = 0.0) -> None:
        """Let time pass, and ring what is due."""
        until = self.now + seconds
        while due := [bell for bell in self.bells if bell.at is not None and bell.at <= until]:
            bell = min(due, key=lambda bell: bell.at or 0.0)
            self.now = max(self.now, bell.at or 0.0)
            bell.at = None
            bell.ring(self.now)
        self.now = until


def test_first_in_first_out() -> None:
    hall = Hall(server("x", max_sessions=1))
    for _ in "abc":
        hall.come()
    assert hall.pool.queue.waiting == 2
    hall.seats["a"].release()
    hall.come()  # d comes before the alarm rings, and goes behind
    hall.passes()
    hall.seats["b"].release()
    hall.passes()
    hall.seats["c"].release()
    hall.passes()
    assert hall.told == ["a on x", "b on x", "c on x", "d on x"]
    assert hall.pool.queue.waiting == 0
    assert hall.pool.backends["x"].sessions == 1


def test_who_waits_too_long_is_refused() -> None:
    hall = Hall(server("x", max_sessions=1), timeout=2.0)
    hall.come()
    hall.come()
    hall.passes(1.9)
    assert hall.told == ["a on x"]
    hall.passes(0.1)
    assert hall.told == ["a on x", "b refused"]
    assert hall.pool.queue.waiting == 0
    hall.seats["a"].release()
    hall.passes(9.0)
    assert hall.pool.backends["x"].sessions == 0


@pytest.mark.parametrize("size", [0, 1])
def test_a_full_queue_takes_nobody(size: int) -> None:
    hall = Hall(server("x", max_sessions=1), size=size)
    for _ in range(size + 2):
        hall.come()
    assert hall.told == ["a on x", f"{'abc'[size + 1]} turned away"]


def test_a_caller_that_leaves_gives_its_place_to_the_next() -> None:
    hall = Hall(server("x", max_sessions=1), size=2)
    hall.come()
    b = hall.come()
    hall.come()
    assert b is not None
    b.leave()
    b.leave()
    hall.come()
    hall.seats["a"].release()
    hall.passes()
    assert hall.told == ["a on x", "c on x"]


def test_a_caller_that_leaves_just_as_it_is_seated_passes_the_seat_on() -> None:
    hall = Hall(server("x", max_sessions=1))
    hall.come()
    b = hall.come()
    hall.come()
    assert b is not None
    hall.seats["a"].release()
    hall.pool.queue.serve(hall.now)
    assert b.seat is not None
    b.leave()
    hall.passes()
    assert hall.told == ["a on x", "c on x"]
    assert hall.pool.backends["x"].sessions == 1


def test_who_wants_something_else_is_not_held_up() -> None:
    hall = Hall(server("x", max_sessions={"speechrecog": 1, "speechsynth": 1}))
    hall.come()
    hall.come()
    hall.come(SYNTH)
    hall.come(SYNTH)
    hall.seats["c"].release()
    hall.passes()
    assert hall.told == ["a on x", "c on x", "d on x"]
    hall.seats["a"].release()
    hall.passes()
    assert hall.told[3:] == ["b on x"]


def test_one_who_wants_two_resources_waits_for_both() -> None:
    hall = Hall(server("x", max_sessions={"speechrecog": 2, "speechsynth": 1}))
    hall.come(SYNTH)
    hall.come(BOTH)
    hall.passes(1.0)
    hall.seats["a"].drop("speechsynth")
    hall.passes()
    assert hall.told == ["a on x", "b on x"]
    assert hall.seats["b"].resources == ("speechrecog", "speechsynth")
    assert hall.pool.backends["x"].capacity.taken == {"speechrecog": 1, "speechsynth": 1}


def test_there_is_no_waiting_without_hope() -> None:
    hall = Hall(server("x", resources=frozenset({"speechsynth"})), server("y", protocols=("sip",)))
    hall.come()
    assert hall.told == ["a turned away"]
    backend = hall.pool.backends["x"]
    assert hall.pool.take(BOTH, now=0.0) is None
    hall.come(SYNTH, tried=(backend,))
    assert hall.told[1:] == ["b turned away"]


def test_who_waits_for_one_that_is_down_goes_when_it_is_up() -> None:
    hall = Hall(server("x"))
    for _ in range(2):
        hall.pool.backends["x"].probed("rtsp", "no answer", 0.0)
    hall.come()
    hall.passes(1.0)
    assert hall.told == []
    for _ in range(2):
        hall.pool.backends["x"].probed("rtsp", None, 1.0)
    hall.passes()
    assert hall.told == ["a on x"]


def test_a_probation_is_taken_by_the_first_who_waits() -> None:
    hall = Hall(server("x"), timeout=9.0)
    take_down(hall.pool.backends["x"], 0.0)
    hall.come()
    hall.come()
    hall.passes(4.9)
    assert hall.told == []
    hall.passes(0.1)
    assert hall.told == ["a on x"]
    hall.pool.backends["x"].answered("rtsp", hall.now)
    hall.passes()
    assert hall.told == ["a on x", "b on x"]


def test_after_waiting_in_vain_the_last_resort_is_tried() -> None:
    hall = Hall(server("x"), timeout=2.0)
    take_down(hall.pool.backends["x"], 0.0)
    hall.come()
    hall.passes(2.0)
    assert hall.told == ["a on x"]


def test_an_operators_word_lets_them_in() -> None:
    hall = Hall(server("x"))
    hall.pool.backends["x"].drain()
    hall.come()
    hall.pool.backends["x"].enable()
    hall.passes()
    assert hall.told == ["a on x"]


def test_who_sticks_to_a_backend_does_not_pass_by_those_who_wait() -> None:
    hall = Hall(server("x", max_sessions=1))
    hall.come()
    hall.come()
    hall.seats["a"].release()
    assert hall.pool.take_from(hall.pool.backends["x"], RECOG, now=0.0) is None
    hall.passes()
    assert hall.told == ["a on x", "b on x"]


def test_as_a_backend_asked_for_time_they_wait_for_that_long() -> None:
    hall = Hall(server("x"), timeout=9.0)
    hall.come()
    hall.pool.backends["x"].refused(0.0, 3.0)
    hall.seats["a"].release()
    hall.come()
    hall.passes(2.9)
    assert hall.told == ["a on x"]
    hall.passes(0.2)
    assert hall.told == ["a on x", "b on x"]


def test_nothing_rings_for_an_empty_queue() -> None:
    hall = Hall(server("x"))
    hall.pool.queue.room_made()
    assert hall.pool.queue.changes_at(0.0) == math.inf


@given(st.lists(st.sampled_from(["come", "synth", "both", "leave", "release", "pass"]), max_size=40))
def test_seats_and_places_are_never_lost(steps: list[str]) -> None:
    hall = Hall(server("x", max_sessions=2), server("y", max_sessions={"speechrecog": 1}), size=3)
    waiters: list[Waiter] = []
    for step in steps:
        match step:
            case "come" | "synth" | "both":
                waiter = hall.come({"come": RECOG, "synth": SYNTH, "both": BOTH}[step])
                waiters += [waiter] if waiter else []
            case "leave" if waiters:
                waiters.pop(0).leave()
            case "release" if hall.seats:
                hall.seats.pop(next(iter(hall.seats))).release()
            case _:
                hall.passes(0.7)
        assert hall.pool.queue.waiting <= 3
        assert hall.pool.backends["x"].sessions <= 2
    for waiter in waiters:
        waiter.leave()
    assert hall.pool.queue.waiting == 0


def test_what_came_of_the_waiting_is_counted() -> None:
    hall = Hall(server("x", max_sessions=1), size=3, timeout=2.0)
    assert hall.come() is None  # a has a seat
    hall.come()
    leaves, seated = hall.come(), hall.come()
    hall.come()  # nobody else may wait
    assert (leaves is not None, seated is not None) == (True, True)
    assert leaves is not None
    leaves.leave()
    leaves.leave()  # once is enough
    hall.now = 0.3
    hall.seats["a"].release()
    hall.passes()  # b has waited for 0.3 s
    hall.passes(1.7)  # the last one for 2 s
    waits = hall.pool.queue.waits
    assert (waits.placed, waits.timed_out, waits.left, waits.full) == (1, 1, 1, 1)
    assert dict(waits.seconds.buckets()) == {
        "0.05": 0, "0.1": 0, "0.25": 0, "0.5": 1, "1.0": 1, "2.0": 2, "5.0": 2, "10.0": 2, "30.0": 2, "60.0": 2, "+Inf": 2
    }  # fmt: skip
    assert waits.seconds.sum == 2.3


def test_who_leaves_between_seat_and_word_has_left() -> None:
    hall = Hall(server("x", max_sessions=1))
    hall.come()
    waiter = hall.come()
    assert waiter is not None
    hall.seats["a"].release()
    hall.pool.queue.serve(hall.now)
    waiter.leave()
    waiter.leave()
    waits = hall.pool.queue.waits
    assert (waits.placed, waits.left, waits.seconds.sum) == (0, 1, 0.0)
    assert hall.pool.backends["x"].sessions == 0


def test_a_pool_without_a_queue_turns_nobody_away_from_it() -> None:
    hall = Hall(server("x", max_sessions=1), size=0)
    for _ in "ab":
        hall.come()
    assert hall.told[-1] == "b turned away"
    assert hall.pool.queue.waits.full == 0
