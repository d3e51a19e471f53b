"""From an accepted connection to its owner: by the listener's protocol, or once its first octets have told."""

from typing import TYPE_CHECKING, cast

import pytest

from mrcpbalance import mrcpv1, mrcpv2, passthrough
from mrcpbalance.config import Address, BackendConfig, Limits, ListenerConfig, PoolConfig, Protocol
from mrcpbalance.proxy.callers import Callers
from mrcpbalance.proxy.gates import UNCLAIMED, Gate, Newcomer
from mrcpbalance.sessions import End, Phase, Who
from mrcpbalance.sessions.ports import CloseReason
from mrcpwire import mrcpv2 as framing
from tests.mrcpv1.rtsp_stage import message, statuses
from tests.stage import Stage, StagePort

if TYPE_CHECKING:
    from mrcpbalance.proxy.switchboard import Link

BACKEND = "198.51.100.1"
RTSP = message(b"OPTIONS * RTSP/1.0", b"CSeq: 1")
FRAMED = framing.request(b"TEARDOWN", 1, b"1@speechsynth")
NOBODYS = b"\x16\x03\x01 a TLS hello"


class GateStage(Stage):
    """One backend that speaks everything, and a listener whose connections come through a gate."""

    def __init__(self, protocol: Protocol, *, limits: Limits | None = None) -> None:
        address = Address(BACKEND, 9000)
        backend = BackendConfig(name="a", rtsp=address, mrcp=address, tcp=address)
        super().__init__(
            PoolConfig(name="speech", backends={"a": backend}),
            ListenerConfig(
                name="front", protocol=protocol, bind=(Address("192.0.2.1", 1554),), pool="speech"
            ),
            limits=limits,
        )
        self.callers = Callers(self.context.limits)
        self.gate = Gate(self.context, self.callers, None, None)

    @property
    def live(self) -> list[object]:
        return list(self.callers.live)

    def connect(self) -> StagePort:
        port = StagePort(self, "192.0.2.9", UNCLAIMED)
        self.gate.enter(cast("Link", port), self.now)
        return port


@pytest.mark.parametrize(
    ("protocol", "kind"),
    [
        ("rtsp", mrcpv1.Caller),
        ("mrcp", mrcpv2.FramedCaller),
        ("tcp", passthrough.Caller),
        ("auto", Newcomer),
    ],
)
def test_by_the_listeners_protocol(protocol: Protocol, kind: type) -> None:
    stage = GateStage(protocol)
    port = stage.connect()
    assert type(port.owner) is kind
    assert stage.live == [port.owner]


@pytest.mark.parametrize(
    ("said", "kind"),
    [(RTSP, mrcpv1.Caller), (FRAMED, mrcpv2.FramedCaller), (NOBODYS, passthrough.Caller)],
    ids=["RTSP", "MRCPv2", "unknown"],
)
@pytest.mark.parametrize("slowly", [False, True], ids=["whole", "octet by octet"])
def test_by_the_first_octets(said: bytes, kind: type, slowly: bool) -> None:
    stage = GateStage("auto")
    port = stage.connect()
    for at in range(len(said)) if slowly else (slice(None),):
        port.says(said[at : at + 1] if isinstance(at, int) else said[at])
    assert type(port.owner) is kind
    assert stage.live == [port.owner]  # counted once
    if kind is passthrough.Caller:
        stage.at(BACKEND).connects()
        assert stage.at(BACKEND).heard() == said
    else:
        assert port.heard() != b""
        assert stage.dialled == []
    stage.passes(100)
    assert type(port.owner) is kind  # nothing rings any more


def test_what_told_the_protocol_is_not_lost() -> None:
    stage = GateStage("auto")
    port = stage.connect()
    port.says(RTSP[:3])
    port.says(RTSP[3:] + RTSP.replace(b"1\r\n", b"2\r\n"))
    assert statuses(port.heard()) == [(200, b"1"), (200, b"2")]


@pytest.mark.parametrize("said", [b"", b"OPTI"], ids=["silence", "too little"])
def test_who_doesnt_tell_in_time_passes(said: bytes) -> None:
    stage = GateStage("auto")
    port = stage.connect()
    if said:
        port.says(said)
    stage.passes(2.9)
    assert stage.dialled == []
    stage.passes(0.2)
    assert type(port.owner) is passthrough.Caller
    stage.at(BACKEND).connects()
    assert stage.at(BACKEND).heard() == said
    assert stage.live == [port.owner]


def test_who_ends_before_telling_passes_with_its_end() -> None:
    stage = GateStage("auto")
    port = stage.connect()
    port.says(b"OPTI")
    port.finishes()
    backend = stage.at(BACKEND)
    backend.connects()
    assert (backend.heard(), backend.state) == (b"OPTI", "finished")


@pytest.mark.parametrize("how", ["lost", "crashed", "stopped"])
def test_who_leaves_before_telling_leaves_nothing(how: str) -> None:
    stage = GateStage("auto")
    port = stage.connect()
    newcomer = port.owner
    assert isinstance(newcomer, Newcomer)
    if how == "lost":
        port.goes(CloseReason.RESET)
    elif how == "crashed":
        newcomer.crashed(stage.now)
    else:
        newcomer.stop(End(Who.OPERATOR, Phase.ACTIVE), stage.now)
    assert port.state == {"lost": "open", "crashed": "aborted", "stopped": "closed"}[how]
    assert stage.callers.live == {}
    stage.passes(100)
    assert (stage.dialled, stage.ended) == ([], [])


@pytest.mark.parametrize("protocol", ["tcp", "auto"])
def test_no_more_sessions_than_may_be(protocol: Protocol) -> None:
    stage = GateStage(protocol, limits=Limits(sessions=1))
    ports = [stage.connect() for _ in range(2)]
    for port in ports if protocol == "auto" else ():
        port.says(NOBODYS)
    assert [port.state for port in ports] == ["open", "aborted"]
    assert stage.live == [ports[0].owner]


@pytest.mark.parametrize("said", [RTSP, FRAMED, NOBODYS], ids=["RTSP", "MRCPv2", "unknown"])
def test_everyone_who_came_in_is_counted_out(said: bytes) -> None:
    stage = GateStage("auto")
    port = stage.connect()
    port.says(said)
    owner: object = port.owner
    port.goes()
    assert [core is owner for core in stage.left] == [True]


def test_nobody_yet_hears_nothing() -> None:
    UNCLAIMED.connected(0.0)
    UNCLAIMED.received(b"x", 0.0)
    UNCLAIMED.finished(0.0)
    UNCLAIMED.lost(CloseReason.RESET, 0.0)
    UNCLAIMED.crashed(0.0)
