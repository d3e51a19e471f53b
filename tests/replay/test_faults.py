"""A server that refuses, closes, hangs or answers otherwise is told of, and takes no longer than it may."""

import attrs
import pytest
import trio

from mrcpbalance.config import Address
from mrcpbalance.replay import Call, Terms
from mrcpbalance.simulator import Drop, Garbage, Refuse, Silence, SpeechServer
from mrcpbalance.traces import Message, Protocol
from mrcpbalance.traces.replay import Group, Script, Step
from mrcpwire import rtsp
from tests.replay.playing import FAST, NO_SESSIONS, callers, captured_server, differences, script_of

pytestmark = pytest.mark.real_time

SYNTH = "mrcpv1-unimrcp-synth"
SOON = Terms(pace=0, timeout=0.3)


def places(address: Address) -> dict[Protocol, Address]:
    return dict.fromkeys(Protocol, address)


async def test_a_speech_server_of_ours_answers_as_the_captured_one() -> None:
    async with SpeechServer() as server:
        results = await callers(script_of(SYNTH), places(server.address))
    assert differences(results) == set()


async def test_nobody_listens() -> None:
    sock = trio.socket.socket()
    with sock:
        await sock.bind(("127.0.0.1", 0))
        address = Address("127.0.0.1", sock.getsockname()[1])
        [result] = await callers(script_of(SYNTH), places(address), SOON)
    assert result.stopped == f"can't connect to {address}: Connection refused"
    assert not result.equal


async def test_a_set_up_is_refused() -> None:
    async with SpeechServer(faults=[Refuse(at="SETUP", status=503)]) as server:
        [result] = await callers(script_of(SYNTH), places(server.address))
    assert [str(one) for one in result.differences] == ["SETUP speechsynth: expected 200, got 503 (R-27)"]
    assert result.stopped == "SETUP speechsynth was answered otherwise"
    assert result.left_out > 0


async def test_a_request_is_never_answered() -> None:
    async with SpeechServer(faults=[Silence(at="SPEAK")]) as server:
        with trio.fail_after(10):
            [result] = await callers(script_of(SYNTH), places(server.address), SOON)
    assert [str(one) for one in result.differences] == ["SPEAK 1: expected 200 200 IN-PROGRESS, got nothing"]
    assert result.stopped == "SPEAK 1: nothing came in 0.3 s"


async def test_what_comes_is_garbage() -> None:
    async with SpeechServer(faults=[Garbage(at="SPEAK", octets=b"\0\0garbage\r\n\r\n")]) as server:
        [result] = await callers(script_of(SYNTH), places(server.address), SOON)
    assert result.stopped.startswith("SPEAK 1: what came can't be read (rtsp.")


async def test_a_connection_is_closed() -> None:
    async with SpeechServer(faults=[Drop(at="SPEAK")]) as server:
        [result] = await callers(script_of(SYNTH), places(server.address))
    assert result.stopped == "SPEAK 1: the connection was closed"


async def test_a_name_that_nobody_has() -> None:
    address = Address("nobody.invalid", 554)
    [result] = await callers(script_of(SYNTH), places(address))
    assert result.stopped.startswith(f"can't connect to {address}: ")
    with pytest.raises(OSError, match=r"."):
        await callers(script_of("mrcpv2-unimrcp-synth"), places(address))


async def test_sip_is_never_answered() -> None:
    sock = trio.socket.socket(type=trio.socket.SOCK_DGRAM)
    with sock:
        await sock.bind(("127.0.0.1", 0))
        address = Address("127.0.0.1", sock.getsockname()[1])
        [result] = await callers(script_of("mrcpv2-unimrcp-synth"), places(address), SOON)
    assert differences([result]) == {
        "INVITE: expected 200, got nothing",
        "stopped: INVITE: nothing came in 0.3 s",
    }


def otherwise(played: Script, old: bytes, new: bytes) -> Script:
    """Have the server of a script say something else."""

    def changed(step: Step) -> Step:
        message = step.what
        if not isinstance(message, Message) or message.to_server or old not in message.raw:
            return step
        receiver = rtsp.Receiver(rtsp.Limits())
        receiver.receive_data(message.raw.replace(old, new))
        parsed = receiver.next_event()
        assert isinstance(parsed, rtsp.Request | rtsp.Response)
        other = attrs.evolve(message, raw=parsed.raw, parsed=parsed)
        return attrs.evolve(step, what=other)

    groups = [Group(one.protocol, one.sessions, tuple(map(changed, one.steps))) for one in played.groups]
    return Script(tuple(groups), ())


@pytest.mark.parametrize(
    ("old", "new", "difference"),
    [
        (
            b"1 200 IN-PROGRESS",
            b"1 407 IN-PROGRESS",
            "SPEAK 1: expected 200 200 IN-PROGRESS, got 200 407 IN-PROGRESS",
        ),
        (
            b"Completion-Cause: 000 normal",
            b"Completion-Cause: 004 nortto",
            "SPEAK-COMPLETE 1: expected COMPLETE 000 normal, got COMPLETE 004 nortto",
        ),
    ],
)
async def test_a_status_or_cause_that_differs_is_told(old: bytes, new: bytes, difference: str) -> None:
    played = script_of(SYNTH)
    async with captured_server(otherwise(played, old, new)) as (where, _):
        results = await callers(played, where)
    assert differences(results) == {difference}


async def test_events_of_a_request_that_is_over_are_not_waited_for() -> None:
    played = script_of(SYNTH)
    refused = otherwise(played, b"1 200 IN-PROGRESS", b"1 407 COMPLETE\r\nX: 1")
    async with captured_server(refused) as (where, _):
        with trio.fail_after(FAST.timeout - 1):
            [result] = await callers(played, where)
    assert result.stopped == "SPEAK-COMPLETE 1: its request was answered COMPLETE"


async def test_who_never_calls_is_told() -> None:
    played = script_of("mrcpv1-unimrcp-concurrent")
    only = Script(played.groups[:2], ())
    async with captured_server(played, SOON) as (where, at_server):
        results = await callers(only, where)
    assert differences(results) == set()
    assert [result.stopped for result in at_server].count("nobody called") == 4


async def test_a_server_misses_what_nobody_asks_outside_sessions_but_what_a_proxy_answers_itself() -> None:
    played = script_of(NO_SESSIONS)
    options = Script(played.groups[1:], ())
    async with captured_server(played, SOON) as (places, at_server):
        [result] = await callers(options, places)
    assert result.equal
    assert {one.session.id for one in at_server if one.stopped == "nobody asked"} == {
        one.id for one in played.asides if one.id != "OPTIONS"
    }
    describe = Script(played.groups[:1], ())
    async with captured_server(played, SOON) as (places, at_server):
        assert all(result.equal for result in await callers(describe, places))
    assert [(one.session.id, one.equal) for one in at_server if one.is_unasked] == [("OPTIONS", True)]


async def test_more_requests_outside_sessions_than_captured_are_answered_too() -> None:
    played = script_of(NO_SESSIONS)
    async with captured_server(played, attrs.evolve(FAST, settle=3)) as (places, at_server):
        results = await callers(played, places, how=Call(times=3))
        assert all(result.equal for result in results)
        assert len(results) == 15
    assert len(at_server) == 5
