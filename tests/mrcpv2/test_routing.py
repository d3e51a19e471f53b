"""Calls and channels that go to several pools, as their first requests say."""

from typing import Final

import pytest

from mrcpbalance.config import Address, BackendConfig, MatchConfig, Pattern, PoolConfig
from tests.mrcpv2.framed_stage import C as FRAMED_C
from tests.mrcpv2.framed_stage import FramedStage
from tests.mrcpv2.sip_stage import A, B, SipStage, offer, request

LANGUAGE: Final = MatchConfig(pool="german", accept_contact={"language": Pattern("de")})
USER: Final = MatchConfig(pool="german", user=Pattern("de-*"))
SYNTH: Final = MatchConfig(pool="german", resource="speechsynth")
FAR: Final = MatchConfig(pool="german", source="198.51.100.0/24")
type_headers = tuple[tuple[bytes, bytes], ...]


def calls(*matches: MatchConfig, **more: object) -> SipStage:
    play = SipStage(hosts=(A,), listener={"match": matches})
    backend = BackendConfig(name="b", sip=Address(B, 5060), **more)  # type: ignore[arg-type]
    play.also(PoolConfig(name="german", policy="first", backends={"b": backend}))
    return play


ROUTED: Final[dict[str, tuple[MatchConfig, bytes, type_headers, bytes, str]]] = {
    "user": (USER, b"sip:de-1@192.0.2.1:5060", (), b"speechrecog", B),
    "user, escaped, with a password": (USER, b"sip:d%65-1:secret@192.0.2.1", (), b"speechrecog", B),
    "another user": (USER, b"sip:en-1@192.0.2.1:5060", (), b"speechrecog", A),
    "no user": (USER, b"sip:192.0.2.1:5060", (), b"speechrecog", A),
    "no SIP URI": (USER, b"tel:+49123", (), b"speechrecog", A),
    "language": (
        LANGUAGE,
        b"sip:asr@192.0.2.1",
        ((b"Accept-Contact", b'*;language="de,en"'),),
        b"speechrecog",
        B,
    ),
    "language, in the compact form": (
        LANGUAGE,
        b"sip:asr@192.0.2.1",
        ((b"a", b"*;audio, *;language=de"),),
        b"speechrecog",
        B,
    ),
    "another language": (
        LANGUAGE,
        b"sip:asr@192.0.2.1",
        ((b"Accept-Contact", b'*;language="en"'),),
        b"speechrecog",
        A,
    ),
    "resource": (SYNTH, b"sip:asr@192.0.2.1", (), b"speechsynth", B),
    "another resource": (SYNTH, b"sip:asr@192.0.2.1", (), b"speechrecog", A),
    "source": (FAR, b"sip:asr@192.0.2.1", (), b"speechrecog", A),
}


@pytest.mark.parametrize("row", ROUTED.values(), ids=ROUTED)
def test_calls(row: tuple[MatchConfig, bytes, type_headers, bytes, str]) -> None:
    match, uri, headers, resource, host = row
    play = calls(match)
    play.say(request(b"INVITE", uri=uri, headers=headers, body=offer(resource)))
    assert [play.titles(there) for there in (A, B)] == [
        ["INVITE"] if host == there else [] for there in (A, B)
    ]
    (session,) = play.context.register
    assert session.routed_by == ("listeners.v2.match[0]" if host == B else "listeners.v2.pool")


def test_one_of_several_resources_is_enough() -> None:
    play = calls(SYNTH)
    play.invite(b"speechrecog", b"speechsynth")
    assert play.titles(B) == ["INVITE"]


def test_an_invite_without_an_offer_asks_for_no_resource() -> None:
    play = calls(SYNTH)
    play.say(request(b"INVITE"))
    assert play.titles(A) == ["INVITE"]


def test_options_are_answered_for_where_a_call_would_go() -> None:
    play = calls(USER, resources=frozenset({"speechrecog"}))
    play.say(request(b"OPTIONS", uri=b"sip:de-1@192.0.2.1"))
    assert b"a=resource:speechrecog\r\n" in play.one().response.body
    play.pools["german"].backends["b"].disable()
    play.say(request(b"OPTIONS", call=b"call-2", branch=b"b2", uri=b"sip:de-1@192.0.2.1"))
    play.say(request(b"OPTIONS", call=b"call-3", branch=b"b3"))
    assert play.titles() == ["503 OPTIONS", "200 OPTIONS"]


def test_channels_of_one_connection_go_to_several_pools() -> None:
    play = FramedStage(backends=1, listener={"match": (SYNTH,)})
    backend = BackendConfig(name="c", mrcp=Address(FRAMED_C, 1544))
    play.also(PoolConfig(name="german", policy="first", backends={"c": backend}))
    play.begin(b"1@speechrecog")
    play.begin(b"2@speechsynth", at=FRAMED_C)
    first, second = play.context.register
    assert [its.pool for its in (first, second)] == ["speech", "german"]
