"""Guards against a log that doesn't tell what was said in a session, or tells what it shouldn't."""

import pytest

from mrcpbalance.simulator import RtspCaller, SipCaller, SipServer, SpeechServer
from tests.scenarios.conftest import Process
from tests.scenarios.mrcpv2 import GRAMMAR, SIP
from tests.scenarios.operating import sip_address
from tests.scenarios.running import V1

pytestmark = pytest.mark.real_time

LOG = '[log]\ntranscript = "bodies"\n'


async def test_an_rtsp_session(process: Process) -> None:
    async with SpeechServer("a") as a, process(V1 + LOG, a) as served, RtspCaller(served.address) as caller:
        session = await caller.setup("speechrecog")
        await session.request("DEFINE-GRAMMAR", GRAMMAR, b"<grammar>secret</grammar>")
        await session.teardown()
        line = await served.until("session-end")
        entries = line["transcript"]
        assert isinstance(entries, list)
        assert session.id in str(line["keys"])
        heads = [entry["line"].partition(" ")[0] for entry in entries if entry["direction"] == "from-client"]
        assert heads[0] == "SETUP"
        assert heads[-1] == "TEARDOWN"
        assert any(entry.get("mrcp", "").startswith("DEFINE-GRAMMAR ") for entry in entries)
        assert "secret" not in str(line)
        assert "RTP/AVP" in str(line)


async def test_a_call(process: Process) -> None:
    async with (
        SipServer("a") as a,
        process(SIP + LOG, a, key="sip") as served,
        SipCaller(sip_address(served)) as phone,
    ):
        call = await phone.invite("speechrecog")
        await call.channels["speechrecog"].request("DEFINE-GRAMMAR", GRAMMAR, b"<grammar>secret</grammar>")
        await call.bye()
        line = await served.until("session-end")
        entries = line["transcript"]
        assert isinstance(entries, list)
        told = {(entry["direction"], entry["line"].partition(" ")[0]) for entry in entries}
        assert {("from-client", "INVITE"), ("from-client", "MRCP/2.0"), ("from-client", "BYE")} <= told
        assert {("from-backend", "SIP/2.0"), ("from-backend", "MRCP/2.0")} <= told
        assert call.id in str(line["keys"])
        assert "secret" not in str(line)
