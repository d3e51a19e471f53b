"""What no recording shows: sessions interleaved on one RTSP connection, pipelined, and MRCPv2 messages without SIP."""

import pytest

from mrcpbalance.traces import Protocol
from mrcpbalance.traces.replay import Script, script
from mrcpwire import mrcpv1, mrcpv2
from tests.replay.playing import callers, captured_server, differences
from tests.traces.packets import CALLER, SERVER
from tests.traces.scene import Scene, announce, answer, recognize, setup, teardown

pytestmark = pytest.mark.real_time

A, B = b"aaaa", b"bbbb"
SYNTH = b"speechsynthesizer"


def interleaved() -> Script:
    """Two sessions, each asking before the other is answered; their events cross their requests."""
    scene = Scene()
    talk = scene.tcp(CALLER, SERVER)
    talk.up(setup(1), setup(2))
    talk.down(answer(1, A), answer(2, B))
    talk.up(announce(3, A, recognize(1)), setup(4, SYNTH, session=B), announce(5, B, recognize(1)))
    begun = mrcpv1.response(1, 200, b"IN-PROGRESS")
    talk.down(answer(3, A, body=begun), answer(4, B), answer(5, B, body=begun))
    done = mrcpv1.event(b"RECOGNITION-COMPLETE", 1, b"COMPLETE", [(b"Completion-Cause", b"001 no-match")])
    talk.down(announce(5, B, done))
    talk.up(teardown(6, B), answer(5, B), teardown(7, B, SYNTH))
    talk.down(announce(5, A, done), answer(6, B), answer(7, B))
    talk.up(answer(5, A), teardown(8, A))
    talk.down(answer(8, A))
    talk.close()
    return script(scene.read().sessions)


def framed() -> Script:
    """Two channels on a connection, one of them set up and ended by literal messages."""
    scene = Scene()
    talk = scene.tcp(CALLER, SERVER)
    one, two = b"1@speechrecog", b"2@speechsynth"
    for number, method, channel in ((1, b"SETUP", one), (1, b"SPEAK", two), (2, b"RECOGNIZE", one)):
        talk.up(mrcpv2.request(method, number, channel))
        state = b"COMPLETE" if method == b"SETUP" else b"IN-PROGRESS"
        talk.down(mrcpv2.response(number, 200, state, channel))
    cause = [(b"Completion-Cause", b"000 success")]
    talk.down(
        mrcpv2.event(b"RECOGNITION-COMPLETE", 2, b"COMPLETE", one, cause),
        mrcpv2.event(b"SPEAK-COMPLETE", 1, b"COMPLETE", two, cause),
    )
    talk.up(mrcpv2.request(b"TEARDOWN", 3, one))
    talk.down(mrcpv2.response(3, 200, b"COMPLETE", one))
    talk.close()
    return script(scene.read().sessions)


@pytest.mark.parametrize(
    ("played", "protocol", "compared"),
    [(interleaved(), Protocol.MRCPV1, 10), (framed(), Protocol.MRCP, 6)],
    ids=["interleaved", "framed"],
)
async def test_a_scene_equals_itself(played: Script, protocol: Protocol, compared: int) -> None:
    [group] = played.groups
    assert (group.protocol, len(group.sessions)) == (protocol, 2)
    async with captured_server(played) as (places, at_server):
        at_callers = await callers(played, places)
    assert differences(at_callers) == differences(at_server) == set()
    assert sum(result.compared for result in at_callers) == compared
