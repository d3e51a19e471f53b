"""Requests of one caller connection that go to several pools, as their paths and resources say."""

from typing import Final

import pytest

from mrcpbalance.config import Address, BackendConfig, MatchConfig, Pattern, PoolConfig
from mrcpbalance.mrcpv1._routing import path_of
from tests.mrcpv1.rtsp_stage import A, C, RtspStage, announce, message, request, set_up, setup, statuses

DE: Final = MatchConfig(pool="german", path=Pattern("/de/*"))
SYNTH: Final = MatchConfig(pool="german", resource="speechsynth")


def stage(*matches: MatchConfig, **more: object) -> RtspStage:
    play = RtspStage(backends=1, listener={"match": matches})
    backend = BackendConfig(name="c", rtsp=Address(C, 1554))
    play.also(PoolConfig(name="german", policy="first", backends={"c": backend}, **more))  # type: ignore[arg-type]
    return play


def german(method: bytes, cseq: int, *lines: bytes, resource: bytes = b"speechrecognizer") -> bytes:
    uri = b"rtsp://192.0.2.1:1554/de/" + resource
    return message(b"%s %s RTSP/1.0" % (method, uri), b"CSeq: %d" % cseq, *lines)


TRANSPORT: Final = b"Transport: RTP/AVP;unicast;client_port=4000-4001"


def test_sessions_of_one_connection_go_to_several_pools() -> None:
    play = stage(DE)
    a = play.begin(1, b"s1")
    play.client.says(german(b"SETUP", 2, TRANSPORT))
    c = play.at(C)
    c.connects()
    c.says(set_up(2, b"s2"))
    assert statuses(play.client.heard()) == [(200, b"2")]
    for cseq, session, backend in ((3, b"s1", a), (4, b"s2", c)):
        backend.heard()
        play.client.says(announce(cseq, session))
        assert backend.heard() == announce(cseq, session)
    first, second = play.context.register
    assert [(its.pool, its.routed_by) for its in (first, second)] == [
        ("speech", "listeners.v1.pool"),
        ("german", "listeners.v1.match[0]"),
    ]


def test_the_second_setup_of_a_session_stays() -> None:
    play = stage(SYNTH)
    a = play.begin(1, b"s1")
    play.client.says(setup(2, b"speechsynthesizer", b"Session: s1", TRANSPORT))
    assert b"speechsynthesizer" in a.heard()
    assert [port.peer for port in play.dialled] == [A]


def test_a_second_setup_goes_by_the_names_of_the_pool_of_its_session() -> None:
    play = stage(DE, resource_names={"tts": "speechsynth", "asr": "speechrecog"})
    play.client.says(german(b"SETUP", 1, TRANSPORT, resource=b"asr"))
    c = play.at(C)
    c.connects()
    c.says(set_up(1, b"s1"))
    play.client.says(german(b"SETUP", 2, b"Session: s1", TRANSPORT, resource=b"tts"))
    c.says(set_up(2, b"s1"))
    (session,) = play.context.register
    assert session.resources == ("speechrecog", "speechsynth")


def test_a_resource_has_its_pool() -> None:
    play = stage(SYNTH)
    play.begin(1, b"s1", at=C, resource=b"speechsynthesizer")


def test_a_question_outside_a_session_goes_where_a_session_would() -> None:
    play = stage(DE)
    play.client.says(german(b"DESCRIBE", 1))
    c = play.at(C)
    c.connects()
    assert c.heard() == german(b"DESCRIBE", 1)
    play.client.says(request(b"DESCRIBE", 2, None))
    assert play.at(A).peer == A


def test_who_finds_nobody_there_is_told_so() -> None:
    play = stage(DE)
    play.pools["german"].backends["c"].disable()
    play.client.says(german(b"SETUP", 1, TRANSPORT))
    assert statuses(play.client.heard()) == [(503, b"1")]
    (told,) = [fields for event, fields in play.notes if event == "no-backend"]
    assert (told["pool"], told["excluded"]) == ("german", {"c": "disabled"})


PATHS: Final = {
    b"rtsp://192.0.2.1:1554/media/speechrecognizer": "/media/speechrecognizer",
    b"rtsp://[2001:db8::1]/de/x/": "/de/x/",
    b"rtsp://192.0.2.1": "/",
    b"rtsp://192.0.2.1/de?lang=x/y": "/de",
    b"/de/x?y": "/de/x",
    b"*": "*",
    b"rtsp://h/d%65/x%20y": "/de/x y",
    b"rtsp://h/\xff": "/\ufffd",
}


@pytest.mark.parametrize(("uri", "path"), PATHS.items())
def test_paths(uri: bytes, path: str) -> None:
    assert path_of(uri) == path
