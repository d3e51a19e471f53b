"""A reload moves or takes out a SIP listener: calls go on where they are, new ones come elsewhere or not at all."""

from mrcpbalance.config import Address
from tests.mrcpv2.sip_stage import CONTROL, OWN, PHONE, A, SipStage, answer, request
from tests.stage import StageSocket

ELSEWHERE = Address("192.0.2.1", 5070)


def moved(stage: SipStage) -> StageSocket:
    """Move the listener; give its new socket."""
    old, new = stage.socket, StageSocket(ELSEWHERE)
    stage.agent.move(ELSEWHERE, CONTROL, direct=False)
    stage.agent.network.hear(new)
    stage.agent.network.retire(old)
    return new


def test_the_old_socket_is_for_the_calls_that_live() -> None:
    stage = SipStage()
    call = stage.begin()
    new = moved(stage)
    stage.invite(call=b"call-2", branch=b"b2")
    assert stage.titles() == ["503 INVITE"]
    stage.say(request(b"OPTIONS", call=b"call-3", branch=b"b3", contact=False))
    assert stage.titles() == ["503 OPTIONS"]
    call.asks(b"BYE")
    assert stage.titles() == ["200 BYE"]
    stage.agent.datagram(
        new, request(b"OPTIONS", call=b"call-4", branch=b"b4", contact=False), PHONE, stage.now
    )
    assert [data[:11] for data, _ in new.sent] == [b"SIP/2.0 200"]
    assert stage.ends == ["proxy/setup", "client/teardown"]


def test_it_comes_back() -> None:
    stage = SipStage()
    new = moved(stage)
    stage.agent.network.retire(new)
    stage.agent.network.restore(stage.socket)
    stage.agent.move(OWN, CONTROL, direct=False)
    stage.invite()
    assert stage.one(A).title == "INVITE"
    stage.agent.datagram(
        new, request(b"OPTIONS", call=b"call-4", branch=b"b4", contact=False), PHONE, stage.now
    )
    assert [data[:11] for data, _ in new.sent] == [b"SIP/2.0 503"]


def test_new_calls_are_told_the_new_address() -> None:
    stage = SipStage()
    call = stage.begin()
    stage.agent.move(ELSEWHERE, Address("192.0.2.1", 1555), direct=False)
    stage.heard(A)
    stage.invite(call=b"call-2", branch=b"b2")
    stage.reply(stage.one(A), 200, answer(A, b"46@speechrecog"))
    stage.at(A).connects()
    ok = stage.one().response
    assert b"192.0.2.1:5070" in (ok.headers.get(b"Contact") or b"")
    assert b"m=application 1555 " in ok.body
    call.asks(b"BYE")
    assert stage.titles() == ["200 BYE"]


def test_what_no_call_needs_any_more_is_closed() -> None:
    stage = SipStage(backend={"sip_transport": "tcp"})
    stage.agent.network.to_backend(Address(A, 5060), "udp")
    stage.invite()
    caller = stage.agent.accept(stage.at(A), stage.now)
    stage.agent.leaving = True
    backend = next(one for one in stage.agent.network.connections.values() if one is not caller)
    stage.agent.close()
    assert all(socket.closed for socket in (stage.socket, *stage.sockets))
    assert (backend.port is stage.dialled[0], stage.dialled[0].state) == (True, "closed")
    assert list(stage.agent.network.connections.values()) == [caller]
    stage.invite(call=b"call-2", branch=b"b2")
    assert stage.titles() == [], "there is nowhere to send from"
    assert stage.agent.network.own == OWN


def test_without_a_socket_for_datagrams_it_may_move_too() -> None:
    stage = SipStage()
    stage.agent.network.retire(stage.socket)
    stage.agent.move(ELSEWHERE, CONTROL, direct=True)
    assert (stage.agent.network.own, stage.agent.direct) == (ELSEWHERE, True)
