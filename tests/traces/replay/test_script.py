"""Who says what in which order."""

from collections import Counter

import attrs
import pytest

from mrcpbalance.traces import Message, Session
from mrcpbalance.traces.replay import Close, Open, Script, script
from mrcpwire import sip
from tests.replay.playing import CAPTURE, NO_SESSIONS, script_of

GROUPS = {
    "mixed-unimrcp-concurrent": [1] * 6,  # no two share a connection
    "mrcpv2-unimrcp-shared-connection": [4],
    "mrcpv2-unimrcp-siptcp-synth-recog": [1, 1],  # SIP's connection doesn't count
    "mrcpv2-script-vs-unimrcp-server-edge-cases": [4, 2],
    NO_SESSIONS: [4, 1],  # requests outside sessions: RTSP's on their connection
}


@pytest.mark.parametrize(("name", "sizes"), GROUPS.items())
def test_sessions_that_share_a_connection_are_one_group(name: str, sizes: list[int]) -> None:
    assert [len(group.sessions) for group in script_of(name).groups] == sizes


@pytest.mark.parametrize("name", CAPTURE)
def test_every_session_is_played_in_its_order(name: str) -> None:
    played = script_of(name)
    assert played.left_out == ()
    for group in played.groups:
        assert group.start <= min(session.start for session in group.sessions)
        assert list(group.steps) == sorted(group.steps, key=lambda step: step.time)
        for session in group.sessions:
            said = [
                step.what
                for step in group.steps
                if session in step.sessions and isinstance(step.what, Message)
            ]
            assert said == [message for message in session.messages if message in said]


def test_somebody_waits_in_vain() -> None:
    """The call over TCP has one message: it waited as long as the other one, and no longer than callers do."""
    played = script_of("mrcpv2-unimrcp-sip-server-silent")
    assert [round((group.until - group.steps[0].time) / 1e9, 1) for group in played.groups] == [31.5, 31.5]
    alone = script(played.sessions[1:])
    assert [group.until - group.start for group in alone.groups] == [0]
    late = script([*played.sessions, *script_of("unimrcp-server-offline-503").sessions])
    assert max(group.until - group.steps[-1].time for group in late.groups) <= 32 * 10**9


def kinds(played: Script) -> Counter[str]:
    found: Counter[str] = Counter()
    for group in played.groups:
        for step in group.steps:
            what = step.what
            if isinstance(what, Open | Close):
                found[f"{step.by} {type(what).__name__.lower()}s"] += 1
            elif isinstance(parsed := what.parsed, sip.Request):
                found[parsed.method.decode()] += 1
            elif isinstance(parsed, sip.Response):
                found[str(parsed.status)] += 1
    return found


def test_what_a_transaction_does_by_itself_is_no_step() -> None:
    assert kinds(script_of("mrcpv2-unimrcp-sip-server-silent")) == {"INVITE": 2}
    redirected = kinds(script_of("mrcpv2-unimrcp-sip-302-redirect"))
    assert redirected == {
        "INVITE": 2,
        "302": 1,
        "200": 2,
        "ACK": 1,  # to the 200 alone
        "BYE": 1,
        "caller opens": 1,
        "caller closes": 1,
    }


def test_who_ended_a_connection() -> None:
    killed = kinds(script_of("unimrcp-server-killed-mid-session"))
    assert (killed["server closes"], killed["caller closes"]) == (2, 0)


def without_first(session: Session) -> Session:
    return attrs.evolve(session, messages=session.messages[1:])


def test_what_cannot_be_played_is_named() -> None:
    sessions = script_of("mixed-unimrcp-concurrent").sessions
    played = script([*sessions[1:], without_first(sessions[0])])
    assert len(played.sessions) == 5
    assert [why for _, why in played.left_out] == ["its set-up was not captured"]
