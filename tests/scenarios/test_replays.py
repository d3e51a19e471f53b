"""Guards against octets of real callers and servers being changed on their way, beyond what the rules say must change.

Every MRCPv1 recording is played through a running proxy: the recorded callers at one end, at the other a backend that
sends what the recorded server sent, each piece after everything that came before it in the recording. Both ends must
receive what was recorded, octet for octet; the exceptions are listed.
"""

import contextlib
import re
from pathlib import Path
from typing import Final

import attrs
import pytest

from mrcpbalance.config import Address
from tests.mrcpv1.rtsp_stage import message
from tests.pcap import CAPTURES, Conversation, Piece, read_conversations
from tests.scenarios.by_hand import HandServer, Line, calling, hand_server
from tests.scenarios.conftest import Proxy
from tests.scenarios.running import V1

pytestmark = pytest.mark.real_time

RECORDINGS: Final = sorted(path.name for path in Path(CAPTURES).glob("*.pcap"))
SCRIPT: Final = "mrcpv1-script-vs-unimrcp-synth-plus-recog-one-session.pcap"

# B.2: OPTIONS outside a session is answered by the proxy; the backend sees nothing of it.
ANSWERED_HERE: Final = {
    SCRIPT: {
        b"OPTIONS": message(
            b"RTSP/1.0 200 OK", b"CSeq: 1", b"Public: OPTIONS, DESCRIBE, SETUP, TEARDOWN, ANNOUNCE"
        )
    }
}
# The recorded server went first.
SERVER_ENDS: Final = ("unimrcp-server-killed-mid-session.pcap", "unimrcp-idle-inactivity-timeout.pcap")
# a caller that ends its connection without a TEARDOWN; its backend is told, once for each resource.
GOODBYES: Final = {SCRIPT: [b"speechsynthesizer", b"speechrecognizer"]}
ENDS: Final = {
    SCRIPT: "client/active",
    "mrcpv1-unimrcp-unmapped-resources.pcap": "backend/setup",  # 404
    "unimrcp-server-offline-503.pcap": "backend/setup",
    **dict.fromkeys(SERVER_ENDS, "backend/active"),
}


@attrs.define
class Playing:
    """One recorded connection, as it is played."""

    recorded: Conversation
    caller: Line
    backend: Line | None = None
    answered_here: bytes | None = None  # the next answer in the recording is not the backend's to give
    due: bytes = b""  # what the backend must have heard before it goes on


class Play:
    """One recording, through one proxy, to one backend."""

    def __init__(
        self, name: str, proxy: Address, server: HandServer, lines: contextlib.AsyncExitStack
    ) -> None:
        self._here = ANSWERED_HERE.get(name, {})
        self._proxy = proxy
        self._server = server
        self._lines = lines

    async def run(self, conversations: list[Conversation]) -> list[Playing]:
        """Play all connections, their pieces in the order they were recorded."""
        playing: dict[int, Playing] = {}
        pieces = [(piece.time, at, piece) for at, one in enumerate(conversations) for piece in one.pieces]
        for _, at, piece in sorted(pieces, key=lambda entry: entry[:2]):
            if at not in playing:
                caller = await self._lines.enter_async_context(calling(self._proxy))
                playing[at] = Playing(conversations[at], caller)
            await (self._to_server if piece.to_server else self._to_client)(playing[at], piece)
        return list(playing.values())

    async def _to_server(self, one: Playing, piece: Piece) -> None:
        await one.caller.says(piece.data)
        one.answered_here = self._here.get(piece.data.partition(b" ")[0])
        if one.answered_here is None:
            one.due += piece.data
            if one.backend is None:
                one.backend = await self._server.accepted()

    async def _to_client(self, one: Playing, piece: Piece) -> None:
        if one.answered_here is not None:
            await one.caller.hears(one.answered_here)
            return
        assert one.backend is not None
        await one.backend.hears(one.due)
        one.due = b""
        await one.backend.says(piece.data)
        await one.caller.hears(piece.data)


async def end(one: Playing, goodbyes: list[bytes], *, server_first: bool) -> None:
    """End both sides; nothing more may come on either, but for the goodbyes."""
    assert one.backend is not None
    await one.backend.hears(one.due)
    first, second = (one.backend, one.caller) if server_first else (one.caller, one.backend)
    await first.finish()
    rest, ending = await second.rest()
    assert (re.findall(rb"TEARDOWN \S+/(\w+) ", rest), ending) == (goodbyes, "end")
    assert bool(rest) == bool(goodbyes)
    await second.finish()
    assert await first.rest() == (b"", "end")


@pytest.mark.parametrize("name", RECORDINGS)
async def test_what_was_recorded_passes_unchanged(proxy: Proxy, name: str) -> None:
    conversations = read_conversations(CAPTURES / name, port=1554)
    sessions = sum(one.to_server.count(b"SETUP rtsp://") > 0 for one in conversations)
    assert conversations
    async with (
        hand_server() as server,
        proxy(V1, server) as running,
        contextlib.AsyncExitStack() as lines,
    ):
        for one in await Play(name, running.address, server, lines).run(conversations):
            await end(one, GOODBYES.get(name, []), server_first=name in SERVER_ENDS)
        await running.ended.count(sessions)
    assert running.ends == [ENDS.get(name, "client/teardown")] * sessions


def test_recordings_are_there() -> None:
    assert len(RECORDINGS) >= 14
    assert {*ANSWERED_HERE, *GOODBYES, *ENDS, *SERVER_ENDS} <= {*RECORDINGS}
