"""One backend: addresses, the operator's word, its state, why a session can't come."""

import pytest

from mrcpbalance.config import Address, BackendConfig, Standing
from mrcpbalance.pool import Backend, Obstacle, Protocol, State, Want
from tests.pool.build import HEALTH, RECOG, server, take_down

RTSP, SIP, MRCP, TCP = (Address("192.0.2.11", port) for port in (1554, 5060, 1544, 9000))

ADDRESSES: dict[str, tuple[BackendConfig, Protocol, Address | None]] = {
    "rtsp": (BackendConfig(name="a", rtsp=RTSP), "rtsp", RTSP),
    "sip": (BackendConfig(name="a", sip=SIP), "sip", SIP),
    "mrcp": (BackendConfig(name="a", mrcp=MRCP), "mrcp", MRCP),
    "tcp": (BackendConfig(name="a", tcp=TCP, rtsp=RTSP), "tcp", TCP),
    "tcp falls back to rtsp": (BackendConfig(name="a", rtsp=RTSP), "tcp", RTSP),
    "tcp to nothing else": (BackendConfig(name="a", sip=SIP, mrcp=MRCP), "tcp", None),
    "rtsp not to tcp": (BackendConfig(name="a", tcp=TCP), "rtsp", None),
}


def backend(config: BackendConfig) -> Backend:
    return Backend("speech", config, HEALTH, lambda *_: None)


@pytest.mark.parametrize(("config", "protocol", "address"), ADDRESSES.values(), ids=ADDRESSES)
def test_address(config: BackendConfig, protocol: Protocol, address: Address | None) -> None:
    its = backend(config)
    assert its.address(protocol) == address
    obstacle = its.obstacle(Want(protocol, None, "192.0.2.1"), 0.0)
    assert obstacle is (Obstacle.PROTOCOL if address is None else None)


def test_what_only_stands_in_is_no_address_of_its_own() -> None:
    its = backend(BackendConfig(name="a", rtsp=RTSP))
    assert [its.has_address_for(protocol) for protocol in ("rtsp", "sip", "tcp")] == [True, False, False]
    assert backend(BackendConfig(name="a", rtsp=RTSP, tcp=TCP)).has_address_for("tcp")


# what it serves, what is wanted -> may it come
SERVES = {
    "all, one": (None, "speechrecog", True),
    "all, unknown": (None, None, True),
    "some, one of them": (frozenset({"speechrecog"}), "speechrecog", True),
    "some, another": (frozenset({"speechrecog"}), "speechsynth", False),
    "some, unknown": (frozenset({"speechrecog"}), None, True),
}


@pytest.mark.parametrize(("resources", "wanted", "may"), SERVES.values(), ids=SERVES)
def test_resources(resources: frozenset[str] | None, wanted: str | None, may: bool) -> None:
    its = backend(server("a", resources=resources))
    assert its.serves(wanted) is may
    assert its.obstacle(Want("rtsp", wanted, ""), 0.0) is (None if may else Obstacle.RESOURCE)


def test_the_operators_word_goes_before_health() -> None:
    its = backend(server("a"))
    take_down(its, 0.0)
    seen: list[tuple[State, Obstacle | None]] = []
    for order in (its.drain, its.disable, its.drain, its.enable):
        order()
        seen.append((its.state(0.0), its.obstacle(RECOG, 0.0)))
    assert seen == [
        (State.DRAINING, Obstacle.DRAINING),
        (State.DISABLED, Obstacle.DISABLED),
        (State.DRAINING, Obstacle.DRAINING),
        (State.PROBATION, None),  # enabling cuts the time down short
    ]


def test_the_state_is_the_worst_of_its_protocols() -> None:
    its = backend(server("a", protocols=("rtsp", "sip", "mrcp")))
    take_down(its, 0.0, "sip")
    take_down(its, 4.0, "mrcp")
    assert (its.state(4.0), its.state(4.0, "rtsp"), its.state(4.0, "sip")) == (
        State.DOWN,
        State.UP,
        State.DOWN,
    )
    its.answered("mrcp", 9.0)
    assert (its.state(9.0), its.state(9.0, "mrcp")) == (State.PROBATION, State.UP)
    its.answered("sip", 9.0)
    assert its.state(9.0) is State.UP
    assert its.failures == 4
    assert (its.failed_at("sip"), its.failed_at("rtsp")) == (0.0, float("-inf"))


def test_a_backend_down_in_one_protocol_serves_the_others() -> None:
    its = backend(server("a", protocols=("rtsp", "sip")))
    take_down(its, 0.0, "sip")
    assert its.obstacle(RECOG, 0.0) is None
    assert its.obstacle(Want("sip", None, ""), 0.0) is Obstacle.DOWN


def test_it_shows_its_name() -> None:
    assert repr(backend(server("a"))) == "<Backend speech/a>"


def test_probes_tell_of_one_protocol() -> None:
    its = backend(server("a", protocols=("rtsp", "sip")))
    assert its.protocols == ("rtsp", "sip", "tcp")
    for _ in range(HEALTH.fall):
        its.probed("sip", "OPTIONS answered 503", 0.0)
    assert its.reason("sip") == "OPTIONS answered 503"
    assert (its.reason("rtsp"), its.failures) == ("", HEALTH.fall)
    its.drain()
    assert (its.health("sip", 0.0), its.health("rtsp", 0.0)) == (State.DOWN, State.UP)


def test_further_resources_are_wanted_where_the_first_is() -> None:
    its = backend(server("a", resources=frozenset({"speechrecog"})))
    both = Want("rtsp", "speechrecog", "", also=("speechsynth",))
    assert its.obstacle(both, 0.0) is Obstacle.RESOURCE


def test_failures_are_counted_by_protocol() -> None:
    its = backend(BackendConfig(name="a", rtsp=RTSP, tcp=TCP))
    its.failed("rtsp", 1.0)
    its.failed("rtsp", 2.0)
    its.failed("tcp", 3.0)
    assert (its.failures, its.failures_in("rtsp"), its.failures_in("tcp")) == (3, 2, 1)


def standing(word: Standing, weight: int = 1) -> BackendConfig:
    return BackendConfig(name="a", rtsp=RTSP, state=word, weight=weight)


@pytest.mark.parametrize(
    ("word", "state"), [("enabled", State.UP), ("draining", State.DRAINING), ("disabled", State.DISABLED)]
)
def test_how_it_begins(word: Standing, state: State) -> None:
    assert backend(standing(word)).state(0.0) is state


def test_the_file_orders_only_where_it_changed() -> None:
    its = backend(standing("enabled"))
    its.drain()
    its.become(standing("enabled", 2), HEALTH)
    assert its.state(0.0) is State.DRAINING
    its.become(standing("disabled"), HEALTH)
    assert its.state(0.0) is State.DISABLED
    its.enable()
    its.become(standing("disabled", 3), HEALTH)
    assert its.state(0.0) is State.UP
    its.disable()
    its.become(standing("enabled"), HEALTH)
    assert its.state(0.0) is State.UP
