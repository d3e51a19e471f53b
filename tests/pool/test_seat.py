"""A session's place on a backend."""

import pytest

from mrcpbalance.pool import Backend, Obstacle, Pool, Seat, Want
from tests.pool.build import RECOG, SYNTH, UNKNOWN, pool, server


def one(**limits: int) -> tuple[Pool, Backend]:
    speech = pool(server("a", max_sessions=limits))
    return speech, speech.backends["a"]


def taken(speech: Pool, want: Want = RECOG) -> Seat:
    seat = speech.take(want, now=0.0)
    assert seat is not None
    return seat


def test_a_seat_holds_the_resource_that_was_wanted() -> None:
    speech, backend = one(speechrecog=1)
    seat = taken(speech)
    assert (seat.backend, seat.taken_at) == (backend, 0.0)
    assert seat.resources == ("speechrecog",)
    assert (backend.sessions, backend.capacity.taken) == (1, {"speechrecog": 1})
    assert taken(speech, UNKNOWN).resources == ()


def test_the_same_resource_twice_counts_twice() -> None:
    speech, backend = one(speechrecog=3)
    seat = taken(speech)
    assert [seat.add("speechrecog", 0.0) for _ in range(3)] == [True, True, False]
    assert seat.add("speechsynth", 0.0)
    assert ",".join(seat.resources) == "speechrecog,speechrecog,speechrecog,speechsynth"
    assert (backend.sessions, backend.capacity.taken) == (1, {"speechrecog": 3, "speechsynth": 1})
    seat.drop("speechrecog")
    assert ",".join(seat.resources) == "speechrecog,speechrecog,speechsynth"
    assert backend.capacity.taken == {"speechrecog": 2, "speechsynth": 1}


def test_what_it_does_not_hold_cannot_be_dropped() -> None:
    speech, backend = one(speechrecog=2, speechsynth=2)
    taken(speech, SYNTH)
    taken(speech).drop("speechsynth")
    assert backend.capacity.taken == {"speechrecog": 1, "speechsynth": 1}


def test_a_resource_the_backend_does_not_serve_is_refused() -> None:
    speech = pool(server("a", resources=frozenset({"speechrecog"})))
    assert not taken(speech).add("speechsynth", 0.0)


def test_release_gives_everything_back_once() -> None:
    speech, backend = one(speechrecog=2)
    stays, goes = taken(speech), taken(speech)
    goes.release()
    goes.release()
    goes.drop("speechrecog")
    assert not goes.add("speechrecog", 0.0)
    assert goes.resources == ()
    assert stays.resources == ("speechrecog",)
    assert (backend.sessions, backend.capacity.taken) == (1, {"speechrecog": 1})


@pytest.mark.parametrize("resource", ["speechrecog", None])
def test_total_counts_seats_not_resources(resource: str | None) -> None:
    speech = pool(server("a", max_sessions=2))
    want = Want("rtsp", resource, "192.0.2.1")
    seat = taken(speech, want)
    assert all([seat.add("speechsynth", 0.0), seat.add("speechsynth", 0.0)])
    taken(speech, want)
    assert speech.take(want, now=0.0) is None
    assert speech.backends["a"].obstacle(want, 0.0) is Obstacle.FULL
