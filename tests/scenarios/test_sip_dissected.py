"""Guards against SIP, SDP or MRCPv2 that only we understand: Wireshark dissects what our proxy sends, and counts it."""

from collections import Counter
from pathlib import Path
from typing import Final

import pytest
import trio

from mrcpbalance.simulator import Refused, SipCaller, SipServer
from mrcpbalance.simulator._transcript import Entry
from mrcpbalance.simulator.callers._sip import Transport
from tests.scenarios.conftest import Proxy
from tests.scenarios.dissecting import ERROR, Protocol, dissect, recording
from tests.scenarios.mrcpv2 import RECOGNISED, SIP, Marks, control, front, recognise
from tests.scenarios.running import Running

pytestmark = pytest.mark.real_time

MRCP_LINES: Final = ("mrcpv2.Request-Line", "mrcpv2.Response-Line", "mrcpv2.Event-Line")


async def use(caller: SipCaller, servers: tuple[SipServer, SipServer]) -> None:
    """Do what makes every kind of message."""
    first = await caller.invite("speechsynth", headers=[("Session-Expires", "300;refresher=uac")])
    second = await caller.invite("speechrecog", share=first.control)
    await first.add("speechrecog")
    for call in (first, second):
        assert await recognise(call.channels["speechrecog"], Marks(call.id)) == RECOGNISED
    assert (
        await first.channels["speechsynth"].request("SPEAK", {"Content-Type": "text/plain"}, b"hello")
    ).status == 200
    assert (await first.refresh("UPDATE")).status == 200
    assert (await first.ask("INFO")).status == 200
    assert (await caller.options()).status == 200
    await first.remove("speechrecog")
    await first.bye()
    for server in servers:
        server.offline = True
    with pytest.raises(Refused, match="503"):
        await caller.invite("speechrecog")
    for session in [session for server in servers for session in server.sessions]:
        assert await session.bye() == 200
    await second.ended.wait()


def ports_of(running: Running, servers: tuple[SipServer, ...]) -> dict[int, Protocol]:
    ports: dict[int, Protocol] = {front(running).port: "sip", control(running).port: "mrcpv2"}
    for server in servers:
        ports |= {server.address.port: "sip", server.control_port: "mrcpv2"}
    return ports


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_nothing_is_malformed_and_all_is_counted(
    proxy: Proxy, tmp_path: Path, transport: Transport
) -> None:
    file = tmp_path / "calls.pcap"
    async with (
        SipServer("a") as a,
        SipServer("b") as b,
        proxy(SIP, a, b, key="sip", backend=f'sip_transport = "{transport}"') as running,
        SipCaller(front(running), transport=transport) as caller,
    ):
        ports = ports_of(running, (a, b))
        async with recording(file, ports):
            await use(caller, (a, b))
            await running.ended.count(3)
            await trio.sleep(0.1)  # the last answers, which nobody waits for
    wrong = await dissect(
        file,
        ports,
        "frame.number",
        "_ws.expert.message",
        only=f"_ws.malformed || _ws.expert.severity >= {ERROR}",
    )
    assert wrong == []
    await compare_sip(file, ports, [entry for party in (caller, a, b) for entry in party.transcript])
    messages = sum(session.messages_to_backend + session.messages_to_client for session in running.ended)
    found = await dissect(file, ports, *MRCP_LINES, only="mrcpv2")
    assert sum(len(packet[line]) for packet in found for line in MRCP_LINES) == 2 * messages  # on both sides
    assert messages >= len(RECOGNISED) * 3


async def compare_sip(file: Path, ports: dict[int, Protocol], entries: list[Entry]) -> None:
    """Compare what the dissectors found with what the parties heard and said; what a hop does by itself they don't tell."""
    found = await dissect(file, ports, "sip.Method", "sip.Status-Code", "sdp.version", only="sip")
    seen = Counter(name for packet in found for name in (*packet["sip.Method"], *packet["sip.Status-Code"]))
    assert seen.pop("ACK") == seen["INVITE"]
    assert seen.pop("100") <= seen["INVITE"]
    told = [entry for entry in entries if b" SIP/2.0\r\n" in entry.raw or entry.raw.startswith(b"SIP/2.0 ")]
    assert seen == Counter(entry.name for entry in told if entry.name not in {"ACK", "100"})
    assert {"INVITE", "UPDATE", "INFO", "OPTIONS", "BYE", "200", "503"} <= seen.keys()
    described = sum(b"\r\n\r\nv=0\r\n" in entry.raw for entry in told)
    assert sum(len(packet["sdp.version"]) for packet in found) == described
