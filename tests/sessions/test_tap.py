"""Who observes a session, and from when until when."""

import attrs
import pytest

from mrcpbalance.config import Address
from mrcpbalance.sessions import Direction, End, Hop, Observer, Overheard, Phase, Register, Session, Who
from tests.stage import Ear

HUNG_UP = End(Who.CLIENT, Phase.TEARDOWN)
WAY = Hop(Address("192.0.2.1", 5060), Address("192.0.2.9", 5062))


@attrs.define
class House:
    """A register whose sessions may be observed."""

    order: list[str] = attrs.field(factory=list)
    register: Register = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.register = Register(5, "id".strip, lambda session, _: self.order.append("log"))

    def open(self) -> Session:
        session = self.register.open("mrcpv1", "192.0.2.9", "speech", 1.0)
        assert session is not None
        return session


def say(session: Session, data: bytes) -> None:
    if session.tap is not None:
        session.tap.hear(Direction.FROM_CLIENT, "sip", data, WAY, 2.0)


def test_nobody_observes_unless_a_chooser_wants_it() -> None:
    house = House()
    assert (house.open().tap, house.register.tapped) == (None, 0)


def test_choosers_are_asked_of_each_session_that_begins() -> None:
    house, one, other = House(), Ear(), Ear()

    def only_ours(session: Session) -> Observer | None:
        return other if session.client == "192.0.2.8" else None

    house.register.choosers = (lambda _: one, only_ours)
    session = house.open()
    say(session, b"x")
    assert one.heard == [Overheard(Direction.FROM_CLIENT, "sip", b"x", WAY, 2.0)]
    assert other.heard == []
    assert house.register.tapped == 1


def test_observers_share_a_tap_and_leave_one_by_one() -> None:
    house, one, other = House(), Ear(), Ear()
    session = house.open()
    house.register.tap(session, one)
    house.register.tap(session, other)
    say(session, b"both")
    house.register.untap(session, one)
    house.register.untap(session, one)
    say(session, b"other")
    assert house.register.tapped == 1
    house.register.untap(session, other)
    assert (session.tap, house.register.tapped) == (None, 0)
    house.register.untap(session, other)
    assert ([told for _, told in one.told()], [told for _, told in other.told()]) == (
        [b"both"],
        [b"both", b"other"],
    )


def test_observers_are_told_of_the_end_before_the_log_is() -> None:
    house, ear = House(), Ear()
    session = house.open()
    house.register.tap(session, ear)
    house.register.end(session, HUNG_UP, 3.0)
    house.register.end(session, HUNG_UP, 4.0)
    assert (ear.ends, house.order, house.register.tapped) == ([(session, 3.0)], ["log"], 0)
    house.register.untap(session, ear)
    assert (session.tap, house.register.tapped) == (None, 0)


def test_a_session_that_has_ended_gets_no_new_observer() -> None:
    house = House()
    session = house.open()
    house.register.end(session, HUNG_UP, 3.0)
    house.register.tap(session, Ear())
    assert (session.tap, house.register.tapped) == (None, 0)


class Clumsy:
    """An observer that raises."""

    def __init__(self, at: str) -> None:
        self.at = at

    def overheard(self, session: Session, message: Overheard) -> None:
        if self.at == "message":
            raise ValueError(session.id)

    def ended(self, session: Session, now: float) -> None:
        if self.at == "end":
            raise ValueError(session.id)


@pytest.mark.parametrize("at", ["message", "end"])
def test_an_observer_that_raises_is_let_go_and_harms_nobody(at: str) -> None:
    house, ear, faults = House(), Ear(), list[str]()
    house.register.on_fault = lambda fault: faults.append(repr(fault))
    session = house.open()
    house.register.tap(session, Clumsy(at))
    house.register.tap(session, ear)
    say(session, b"one")
    say(session, b"two")
    house.register.end(session, HUNG_UP, 3.0)
    assert (len(ear.told()), len(ear.ends), house.order) == (2, 1, ["log"])
    assert (faults, house.register.tapped) == (["ValueError('id')"], 0)


def test_a_chooser_that_raises_keeps_no_session_from_beginning() -> None:
    house, ear, faults = House(), Ear(), list[str]()

    def clumsy(session: Session) -> Observer | None:
        raise ValueError(session.id)

    house.register.choosers = (clumsy, lambda _: ear)
    with pytest.raises(ValueError, match="id"):  # unless somebody wants to hear of it
        house.open()
    house.register.on_fault = lambda fault: faults.append(repr(fault))
    say(house.open(), b"x")
    assert (len(ear.told()), faults) == (1, ["ValueError('id')"])
