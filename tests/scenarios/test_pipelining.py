"""Guards against answers in the wrong order: requests sent without waiting, to several backends, of unequal haste."""

import pytest
import trio

from mrcpbalance.simulator import Delay, SpeechServer
from tests.mrcpv1.rtsp_stage import announce, message, request, setup, statuses
from tests.scenarios.by_hand import Line, calling
from tests.scenarios.conftest import Proxy
from tests.scenarios.running import FIRST, V1

pytestmark = pytest.mark.real_time

GET_PARAMS = b"GET-PARAMS 1 MRCP/1.0\r\n\r\n"


def header(octets: bytes, name: bytes) -> bytes:
    return octets.partition(b"\r\n" + name + b": ")[2].partition(b"\r\n")[0]


async def sessions_on(caller: Line, count: int) -> list[bytes]:
    """Set sessions up with one burst, and give their ids."""
    await caller.says(*(setup(cseq) for cseq in range(1, count + 1)))
    replies = [await caller.message() for _ in range(count)]
    assert statuses(b"".join(replies)) == [(200, b"%d" % cseq) for cseq in range(1, count + 1)]
    return [header(reply, b"Session") for reply in replies]


async def test_answers_leave_in_the_order_of_requests(proxy: Proxy) -> None:
    slow, quick = (
        SpeechServer("slow", faults=[Delay(at="GET-PARAMS", seconds=0.05, times=4)]),
        SpeechServer("quick"),
    )
    async with slow, quick, proxy(V1, slow, quick) as running, calling(running.address) as caller:
        ids = await sessions_on(caller, 4)
        assert len(slow.sessions) == len(quick.sessions) == 2
        burst = [announce(cseq, ids[cseq % 4], GET_PARAMS) for cseq in range(5, 45)]
        burst[7:7] = [message(b"OPTIONS * RTSP/1.0", b"CSeq: 900")]  # answered here, and yet in its turn
        burst[20:20] = [announce(901, b"nobody-knows-me", GET_PARAMS)]
        await caller.says(*burst)
        replies = [await caller.message() for _ in burst]
        asked = [header(one, b"CSeq") for one in burst]
        assert [header(reply, b"CSeq") for reply in replies] == asked
        assert [status for status, _ in statuses(b"".join(replies))].count(454) == 1
        assert [header(reply, b"Session") for reply in replies] == [header(one, b"Session") for one in burst]


async def test_a_whole_session_in_one_segment_but_for_its_id(proxy: Proxy) -> None:
    async with SpeechServer("a") as a, proxy(V1, a) as running, calling(running.address) as caller:
        (name,) = await sessions_on(caller, 1)
        await caller.says(announce(2, name, GET_PARAMS), request(b"TEARDOWN", 3, name), setup(4))
        replies = [await caller.message() for _ in range(3)]
        assert statuses(b"".join(replies)) == [(200, b"2"), (200, b"3"), (200, b"4")]
        assert header(replies[2], b"Session") != name


async def test_more_requests_than_may_be_open_wait_and_are_answered(proxy: Proxy) -> None:
    limits = "[limits]\nrequests_per_connection = 4\n"
    async with (
        SpeechServer("a") as a,
        proxy(V1 + limits + FIRST, a) as running,
        calling(running.address) as caller,
    ):
        (name,) = await sessions_on(caller, 1)
        burst = [announce(cseq, name, GET_PARAMS) for cseq in range(2, 302)]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(caller.says, *burst)
            replies = [await caller.message() for _ in burst]
        assert statuses(b"".join(replies)) == [(200, b"%d" % cseq) for cseq in range(2, 302)]
