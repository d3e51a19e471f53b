"""A process that another one takes over from: which connections it closes, and where its calls go on."""

import pytest

from mrcpbalance.config import Address
from mrcpbalance.mrcpv2 import Agent
from mrcpbalance.sessions.watch import QUIET
from tests.mrcpv2.framed_stage import ONE, FramedStage, ask, reply
from tests.mrcpv2.sip_stage import CONTROL, PHONE, A, SipStage, answer, offer, request
from tests.stage import StagePort, StageSocket

WITHIN = 1.0
CONTACT = Address("192.0.2.1", 40_000)


class HomeStage(SipStage):
    """A listener whose calls have a socket of their own, as another process may come to the first."""

    def __init__(self) -> None:
        super().__init__()
        self.agent = Agent.of(self.context, CONTACT, CONTROL, direct=False)
        self.agent.network.hear(self.socket)
        self.inside = StageSocket(CONTACT)
        self.agent.network.hear_inside(self.inside)
        self.sockets.append(self.inside)


def connect(stage: SipStage) -> StagePort:
    """Let a caller open a connection for SIP."""
    port = StagePort(stage, PHONE.host)
    port.owner = stage.agent.accept(port, stage.now)
    return port


def make_way(stage: SipStage, port: StagePort) -> None:
    port.owner.make_way(stage.now + WITHIN, stage.now)  # type: ignore[attr-defined]


def test_a_call_is_told_where_it_goes_on() -> None:
    stage = HomeStage()
    call = stage.begin()
    assert call.ok.headers.get(b"Contact") == b"<sip:192.0.2.1:40000>"
    stage.agent.datagram(stage.inside, request(b"BYE", to_tag=call.tag, cseq=2), PHONE, stage.now)
    bye = stage.one()
    assert (bye.title, bye.source) == ("200 BYE", stage.inside)
    assert stage.ends == ["client/teardown"]


def test_our_own_requests_come_from_there() -> None:
    stage = HomeStage()
    call = stage.begin()
    call.backend_asks(b"BYE")
    bye = stage.one()
    assert (bye.title, bye.source) == ("BYE", stage.inside)
    assert bye.request.headers.get_all(b"Via")[0].startswith(b"SIP/2.0/UDP 192.0.2.1:40000;")


def test_what_is_answered_late_leaves_from_there() -> None:
    stage = HomeStage()
    stage.invite(b"speechrecog")
    stage.agent.network.leave_first()
    stage.reply(stage.one(A), 486)
    refused = stage.one()
    assert (refused.title, refused.source) == ("486 INVITE", stage.inside)


def test_there_is_nothing_to_leave_without_another_socket() -> None:
    stage = SipStage()
    stage.invite(b"speechrecog")
    stage.agent.network.leave_first()
    stage.reply(stage.one(A), 486)
    assert stage.one().source is stage.socket


def test_a_sip_connection_is_closed_though_calls_came_on_it() -> None:
    stage = HomeStage()
    phone = connect(stage)
    phone.says(request(b"INVITE", body=offer()))
    make_way(stage, phone)
    stage.passes(QUIET * 4)  # less than T1, after which an INVITE is sent again
    assert phone.state == "open"  # its INVITE is not answered
    stage.reply(stage.one(A), 200, answer(A, b"45@speechrecog"))
    stage.at(A).connects()
    assert b"\r\nContact: <sip:192.0.2.1:40000;transport=tcp>\r\n" in phone.heard()
    stage.passes(QUIET * 2)
    assert phone.state == "closed"
    assert not stage.ended


def test_a_connection_that_we_opened_stays() -> None:
    stage = SipStage(backend={"sip_transport": "tcp"})
    stage.invite(b"speechrecog")
    backend = stage.at(A)
    make_way(stage, backend)
    stage.passes(QUIET)
    assert backend.state == "open"


@pytest.mark.parametrize("used", [False, True])
def test_a_control_connection_stays(used: bool) -> None:
    stage = SipStage()
    call = stage.begin()
    control = stage.connect()
    if used:
        control.says(ask(b"STOP", 1, call.channels[0]))
    make_way(stage, control)
    stage.passes(2 * WITHIN)
    assert control.state == "open"


def test_a_framed_connection_stays_as_long_as_it_holds_a_channel() -> None:
    stage = FramedStage()
    backend = stage.begin()
    stage.client.owner.make_way(stage.now + WITHIN, stage.now)  # type: ignore[attr-defined]
    stage.passes(WITHIN / 2)
    assert stage.client.state == "open"
    stage.client.says(ask(b"TEARDOWN", 2))
    backend.says(reply(2, ONE))
    stage.passes(WITHIN / 2)
    assert stage.client.state == "closed"


def test_a_reload_may_move_the_socket_for_calls_too() -> None:
    stage = HomeStage()
    call = stage.begin()
    network, other = stage.agent.network, StageSocket(Address("192.0.2.1", 40_001))
    network.move(other.local)
    network.hear_inside(other)
    network.retire(stage.inside)
    assert network.inside is other
    stage.agent.datagram(stage.inside, request(b"OPTIONS", to_tag=call.tag, cseq=2), PHONE, stage.now)
    assert stage.one().source is stage.inside  # the call goes on where it was told
    network.retire(other)
    network.restore(stage.inside, inside=True)
    assert network.inside is stage.inside
