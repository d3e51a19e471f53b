"""Every capture plays against its own server and comes out equal at both ends."""

import pytest

from mrcpbalance.replay import Call, Terms
from tests.replay.playing import (
    CAPTURE,
    FAST,
    NO_SESSIONS,
    callers,
    captured_server,
    differences,
    script_of,
)

pytestmark = pytest.mark.real_time


@pytest.mark.parametrize("name", CAPTURE)
async def test_a_capture_equals_itself(name: str) -> None:
    played = script_of(name)
    async with captured_server(played) as (places, at_server):
        at_callers = await callers(played, places)
    assert differences(at_callers) == differences(at_server) == set()
    everything = {*played.sessions, *played.asides}
    expected = sum(not message.to_server for session in everything for message in session.messages)
    assert sum(result.compared for result in at_callers) > 0 or not expected
    assert {result.session for result in at_callers} == {result.session for result in at_server} == everything


def test_captures_are_there() -> None:
    assert len(CAPTURE) >= 30
    asked = script_of(NO_SESSIONS)
    assert (asked.sessions, asked.without_asides) == ((), ())
    assert [one.id for one in asked.asides] == [
        "DESCRIBE speechsynth",
        "DESCRIBE speechrecog",
        "DESCRIBE recorder",
        "DESCRIBE speakverify",
        "OPTIONS",
    ]


async def test_sip_goes_by_another_transport() -> None:
    played = script_of("mrcpv2-unimrcp-synth-plus-recog-one-session")
    async with captured_server(played) as (places, at_server):
        at_callers = await callers(played, places, how=Call(transport="tcp"))
    assert differences(at_callers) == differences(at_server) == set()


@pytest.mark.parametrize("name", ["mixed-unimrcp-concurrent", "mrcpv2-unimrcp-shared-connection"])
async def test_many_times_at_once(name: str) -> None:
    played = script_of(name)
    async with captured_server(played, times=6) as (places, at_server):
        at_callers = await callers(played, places, how=Call(times=6, at_once=3, groups=20))
    assert differences(at_callers) == differences(at_server) == set()
    assert sorted(result.copy for result in at_callers) == sorted(list(range(6)) * len(played.sessions))


async def test_the_pace_is_the_captures() -> None:
    """Of the 2.27 s that the synthesizer spoke, a tenth."""
    played = script_of("mrcpv1-unimrcp-synth")
    async with captured_server(played) as (places, _):
        [result] = await callers(played, places, Terms(pace=0.1, timeout=FAST.timeout))
    assert result.equal
    async with captured_server(played, Terms(pace=0.1, timeout=FAST.timeout)) as (places, _):
        [slow] = await callers(played, places)
    assert slow.equal
    assert slow.seconds > 0.2
