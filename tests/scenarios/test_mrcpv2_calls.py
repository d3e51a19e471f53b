"""Guards against calls that share a control connection being taken for one: each has its own backend, all of it."""

import re
from collections import Counter

import pytest
import trio

from mrcpbalance.simulator import (
    SipCall,
    SipCaller,
    SipServer,
    audio_of,
    call_ids,
    hex_ids,
    one_for_each_call,
    small_numbers,
)
from mrcpbalance.simulator.callers import ControlConnection
from mrcpbalance.simulator.servers._ids import Naming
from tests.scenarios.conftest import Proxy
from tests.scenarios.mrcpv2 import OVER_TCP, RECOGNISED, SIP, Marks, front, marks_on, recognise

pytestmark = pytest.mark.real_time

ODD_AUDIO = (
    b"m=audio %d RTP/AVP 0 8 101\r\nb=AS:64\r\na=rtpmap:101 telephone-event/8000\r\na=x-own:  blanks  kept \t\r\n"
    b"a=ptime:20\r\na=mid:1\r\n"
)
CHANNEL = re.compile(rb"\na=channel:(\S+)")


def namings() -> dict[str, tuple[Naming, Naming]]:
    """Make ids for two servers that are the same, each in the way of a server in the field."""
    return {
        "small numbers": (small_numbers(45), small_numbers(45)),
        "one for each call": (one_for_each_call(hex_ids(7)), one_for_each_call(hex_ids(7))),
        "the Call-ID": (call_ids, call_ids),
    }


@pytest.mark.parametrize("naming", namings())
@pytest.mark.parametrize("towards_backends", ["udp", "tcp"])
async def test_sixteen_calls_on_one_control_connection(
    proxy: Proxy, naming: str, towards_backends: str
) -> None:  # M-20
    a, b = (SipServer(name, naming=ids) for name, ids in zip("ab", namings()[naming], strict=True))
    transport = OVER_TCP if towards_backends == "tcp" else ""
    calls: dict[str, SipCall] = {}

    async def live(caller: SipCaller, number: int, share: ControlConnection) -> None:
        marks = Marks(f"c{number:02}")
        call = await caller.invite(
            "speechsynth", "speechrecog", share=share, audio=ODD_AUDIO % (20_000 + 2 * number)
        )
        calls[marks.name] = call
        assert call.controls == {share}
        assert b"a=connection:existing" in call.answer
        for _ in range(2):
            assert await recognise(call.channels["speechrecog"], marks) == RECOGNISED
            spoken = await call.channels["speechsynth"].request("SPEAK", marks.next(), b"Good evening")
            await call.channels["speechsynth"].events.completion(spoken.request_id)
        assert await call.bye() == 200

    async with a, b, proxy(SIP, a, b, key="sip", backend=transport) as running:
        async with (
            SipCaller(front(running), transport="udp") as by_udp,
            SipCaller(front(running), transport="tcp") as by_tcp,
        ):
            first = await by_udp.invite("speechsynth")
            assert first.control is not None
            async with trio.open_nursery() as nursery:
                for number in range(16):
                    nursery.start_soon(live, (by_udp, by_tcp)[number % 2], number, first.control)
            assert (await first.channels["speechsynth"].request("STOP")).status == 200
            assert await first.bye() == 200
            await running.ended.count(17)
        assert by_udp.anomalies == by_tcp.anomalies == a.errors == b.errors == []
    assert running.ends == ["client/teardown"] * 17
    issued = [set(CHANNEL.findall(b"".join(entry.raw for entry in server.transcript))) for server in (a, b)]
    assert issued[0] & issued[1] or naming == "the Call-ID"
    spread = Counter(session.backend for session in running.ended)
    assert min(spread.values()) >= 8
    for name, call in calls.items():
        offered, answered = call.offer, call.audio
        (mine,) = [server for server in (a, b) if marks_on(server, call)]
        assert marks_on(mine, call) == [(name, number) for number in range(1, 7)]
        described = [
            entry.raw for entry in mine.transcript if entry.session == call.id and b"\r\nv=0\r\n" in entry.raw
        ]
        assert audio_of(offered) in described[0]
        assert audio_of(described[1].partition(b"\r\n\r\n")[2]) == answered
