"""Guards against a capture that comes out otherwise through the proxy than between the peers it was taken from.

The captured callers are played against a proxy process, the captured server behind it. Both must see statuses,
request-states and completion causes as captured; where a rule asks for something else, it is listed here.
"""

from typing import Final

import attrs
import pytest

from mrcpbalance.config import Address
from mrcpbalance.traces import Protocol
from mrcpbalance.traces.replay import Script
from tests.replay.playing import CAPTURE, FAST, Places, callers, captured_server, differences, script_of
from tests.scenarios.conftest import Process

pytestmark = pytest.mark.real_time

EDGES: Final = "mrcpv2-script-vs-unimrcp-server-edge-cases"
REDIRECT: Final = "mrcpv2-unimrcp-sip-302-redirect"
SILENT: Final = "mrcpv2-unimrcp-sip-server-silent"
AT_CALLERS: Final[dict[str, set[str]]] = {
    # The end of a session answers what is open, at once (M-30, M-33); the captured server was silent. Whether a caller
    # that has closed its connection still hears it is chance.
    EDGES: {
        "SET-PARAMS 3: expected nothing, got 501 COMPLETE (M-30)",
        "SET-PARAMS 11: expected nothing, got 405 COMPLETE (M-20)",
        "SET-PARAMS 13: expected nothing, got 501 COMPLETE (M-30)",
        "SET-PARAMS 17: expected 200 COMPLETE, got 501 COMPLETE (M-30)",
    },
    # A redirection counts as a failure, and there is no other backend.
    REDIRECT: {"INVITE: expected 302, got 503 (S-03)", "stopped: INVITE was answered otherwise"},
}
AT_SERVER: Final = {EDGES, REDIRECT}  # which then miss what their callers don't say


def configuration(played: Script, places: Places) -> tuple[str, int]:
    """Write one for a backend that is the captured server, and count its listeners."""
    tables, lines = ['[timeouts]\nsetup = "500ms"\n[pools.speech.health]\nprobe = "none"'], []
    for name, protocol in (("rtsp", Protocol.MRCPV1), ("sip", Protocol.MRCPV2)):
        if protocol in places:
            lines.append(f'{name} = "{places[protocol]}"')
            tables.append(f'[listeners.{name}]\nprotocol = "{name}"\nbind = "127.0.0.1:0"\npool = "speech"')
    if Protocol.MRCPV2 in places:
        calls = [one for one in (*played.sessions, *played.asides) if one.protocol is Protocol.MRCPV2]
        lines.append(f'sip_transport = "{calls[0].messages[0].transport}"')
    backend = "\n".join(["[pools.speech.backends.a]", *lines])
    return "\n".join([*tables, backend]), len(places)


def listening(ready: list[str]) -> dict[Protocol, Address]:
    """Read where its listeners are."""
    found = {}
    for line in ready:
        name, _, rest = line.partition(": ")
        host, _, port = rest.split(" on ")[1].split()[0].rstrip(",").rpartition(":")
        found[Protocol.MRCPV1 if name == "rtsp" else Protocol.MRCPV2] = Address(host, int(port))
    return found


@pytest.mark.parametrize("name", CAPTURE)
async def test_a_capture_comes_out_as_it_went_in(process: Process, name: str) -> None:
    played = script_of(name)
    async with captured_server(played) as (places, at_server):
        text, listeners = configuration(played, places)
        async with process(text, listeners=listeners) as running:
            at_callers = await callers(played, listening(list(running.ready)), FAST)
            if played.sessions:
                await running.log.until(lambda _: len(running.said("session-end")) >= len(played.sessions))
    found, allowed = differences(at_callers), AT_CALLERS.get(name, set())
    assert found <= allowed
    assert bool(found) is bool(allowed)
    assert bool(differences(at_server)) is (name in AT_SERVER)


async def test_what_a_proxy_answers_in_the_place_of_a_silent_server(process: Process) -> None:
    """Both callers sent their INVITE again and again for 32 s: a tenth of it is longer than a set-up may take here."""
    played = script_of(SILENT)
    terms = attrs.evolve(FAST, pace=0.1)
    async with captured_server(played, terms) as (places, _):
        text, listeners = configuration(played, places)
        async with process(text, listeners=listeners) as running:
            at_callers = await callers(played, listening(list(running.ready)), terms)
    assert [sorted(differences([one])) for one in at_callers] == [
        ["INVITE: expected nothing, got 503 (S-03)"],
        ["INVITE: expected nothing, got 503 (S-03)"],
    ]


def test_the_exceptions_are_there() -> None:
    assert AT_CALLERS.keys() == AT_SERVER <= CAPTURE.keys()
