"""Calls and channels that another pool takes."""

from mrcpbalance.config import Address, BackendConfig, PoolConfig
from tests.mrcpv2.framed_stage import A as FRAMED_A
from tests.mrcpv2.framed_stage import C as FRAMED_C
from tests.mrcpv2.framed_stage import FramedStage, ask, reply
from tests.mrcpv2.sip_stage import A, B, SipStage, request

ONE, TWO, THREE = b"1@speechrecog", b"2@speechrecog", b"3@speechrecog"
FALLBACK: dict[str, object] = {"fallback": ("spare",)}


def spare(protocol: str, host: str, port: int, **more: object) -> PoolConfig:
    backend = BackendConfig(name="c", **{protocol: Address(host, port)}, **more)  # type: ignore[arg-type]
    return PoolConfig(name="spare", policy="first", backends={"c": backend})


def calls(**more: object) -> SipStage:
    """One backend for one call, and one in a pool besides."""
    play = SipStage(backend={"max_sessions": 1}, pool=FALLBACK, hosts=(A,))
    play.also(spare("sip", B, 5060, **more))
    return play


def test_a_call_of_a_full_pool_lives_in_the_other() -> None:
    play = calls()
    play.begin()
    second = play.begin(b"46@speechrecog", call=b"call-2", branch=b"b2", at=B)
    second.asks(b"BYE")
    (session,) = play.ended
    assert (session.pool, session.first_pool, session.backend) == ("spare", "speech", "c")


def test_when_every_try_failed_the_other_pool_is_asked() -> None:
    play = calls()
    play.invite(b"speechrecog")
    play.reply(play.one(A), 503)
    assert play.titles(B) == ["INVITE"]


def test_no_call_fits_anywhere() -> None:
    play = calls(max_sessions=1)
    play.begin()
    play.begin(b"46@speechrecog", call=b"call-2", branch=b"b2", at=B)
    play.invite(b"speechrecog", call=b"call-3", branch=b"b3")
    assert play.titles() == ["503 INVITE"]
    (told,) = [fields for event, fields in play.notes if event == "no-backend"]
    assert told["excluded"] == {"a": "full", "spare/c": "full"}


def test_options_are_answered_for_all_that_may_take_a_call() -> None:
    play = calls()
    play.context.pool.backends["a"].disable()
    play.say(request(b"OPTIONS"))
    assert play.titles() == ["200 OPTIONS"]
    play.pools["spare"].backends["c"].disable()
    play.say(request(b"OPTIONS", call=b"call-2", branch=b"b2"))
    assert play.titles() == ["503 OPTIONS"]


def channels(**pool: object) -> FramedStage:
    """One backend, and one in a pool besides."""
    play = FramedStage(backends=1, pool={**FALLBACK, **pool})
    play.also(spare("mrcp", FRAMED_C, 1544))
    return play


def test_a_channel_of_a_pool_that_is_away_lives_in_the_other() -> None:
    play = channels()
    play.begin(ONE)
    play.context.pool.backends["a"].drain()
    play.begin(TWO, at=FRAMED_C)
    first, second = play.context.register
    assert [(its.pool, its.backend) for its in (first, second)] == [("speech", "a"), ("spare", "c")]


def test_a_channel_that_was_refused_goes_to_the_other_pool() -> None:
    play = channels()
    play.client.says(ask(b"SETUP", 1, ONE))
    a = play.at(FRAMED_A)
    a.connects()
    a.says(reply(1, ONE, 501))
    c = play.at(FRAMED_C)
    c.connects()
    assert c.heard() == ask(b"SETUP", 1, ONE)
    c.says(reply(1, ONE, 502))
    assert play.client.heard() == reply(1, ONE, 502)  # nobody else is left
