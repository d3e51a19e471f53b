"""Scenarios played against simulated servers of every protocol: what passes, what fails and why, and when they begin."""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from mrcpbalance.config import Address
from mrcpbalance.simulator import (
    Delay,
    Drop,
    FramedServer,
    Refuse,
    Server,
    Silence,
    SipServer,
    SpeechServer,
)
from mrcpbalance.simulator import (
    Pace as ServerPace,
)
from mrcpbalance.simulator.load import (
    Campaign,
    Pace,
    Scheme,
    Target,
    find_scenario,
    known_scenarios,
    parse_scenario,
)

pytestmark = pytest.mark.real_time

KINDS: dict[Scheme, type[SpeechServer] | type[SipServer] | type[FramedServer]] = {
    "rtsp": SpeechServer,
    "sip": SipServer,
    "mrcp": FramedServer,
}


@asynccontextmanager
async def loaded(server: Server, scheme: Scheme, scenario: str, pace: Pace) -> AsyncIterator[Campaign]:
    """Have a server bear a load to its end."""
    with trio.fail_after(30):
        async with server:
            found = parse_scenario(scenario, "mine") if "\n" in scenario else find_scenario(scenario)
            campaign = Campaign(found, Target(scheme=scheme, address=server.address), pace)
            await campaign.run()
            yield campaign


@pytest.mark.parametrize("scheme", KINDS)
@pytest.mark.parametrize("name", known_scenarios())
async def test_those_that_come_along_pass(scheme: Scheme, name: str) -> None:
    server = KINDS[scheme]()
    async with loaded(server, scheme, name, Pace(concurrency=3, count=6)) as campaign:
        assert dict(campaign.book.causes) == {}
        assert (campaign.book.passed, campaign.book.live, campaign.anomalies.total) == (6, 0, 0)
        assert campaign.book.most_live == 3
        assert campaign.seconds > 0
        assert server.sessions_total == 6 * (len(campaign.scenario.resources) if scheme == "mrcp" else 1)


async def test_sip_by_tcp() -> None:
    async with SipServer() as server:
        target = Target(scheme="sip", address=server.address, transport="tcp")
        campaign = Campaign(find_scenario("speak"), target, Pace(count=3, concurrency=3))
        with trio.fail_after(30):
            await campaign.run()
    assert (campaign.book.passed, str(target)) == (3, f"sip://{server.address};transport=tcp")


@pytest.mark.parametrize("scheme", KINDS)
async def test_sessions_share_connections(scheme: Scheme) -> None:
    server = KINDS[scheme]()
    pace = Pace(concurrency=8, count=24, each=4, hold=0.05)
    async with loaded(server, scheme, "speak", pace) as campaign:
        assert (campaign.book.passed, campaign.anomalies.total) == (24, 0)
        assert server.connections_total < 24


CHANGES = """
[[steps]]
do = "add"
resource = "speechsynth"
[[steps]]
do = "request"
method = "SPEAK"
resource = "speechsynth"
state = "IN-PROGRESS"
[[steps]]
do = "event"
event = "SPEAK-COMPLETE"
resource = "speechsynth"
[[steps]]
do = "remove"
resource = "speechsynth"
[[steps]]
do = "wait"
time = "1ms"
"""


@pytest.mark.parametrize("scheme", KINDS)
async def test_resources_come_and_go(scheme: Scheme) -> None:
    async with loaded(KINDS[scheme](), scheme, CHANGES, Pace(count=1)) as campaign:
        assert (dict(campaign.book.causes), campaign.book.passed) == ({}, 1)


async def test_a_refresh() -> None:
    async with loaded(SipServer(), "sip", 'steps = [{ do = "refresh" }]\n', Pace(count=1)) as campaign:
        assert campaign.book.passed == 1
    async with loaded(FramedServer(), "mrcp", 'steps = [{ do = "refresh" }]\n', Pace(count=1)) as campaign:
        assert list(campaign.book.causes) == ["refresh: MRCPv2 messages without SIP have no refresh"]


STEPS = {
    "a status": ("RECOGNIZE", "status = 407", "RECOGNIZE: 200, expected 407"),
    "a state": ("RECOGNIZE", 'state = "PENDING"', "RECOGNIZE: IN-PROGRESS, expected PENDING"),
    "a cause": ("DEFINE-GRAMMAR", 'cause = "failure"', "DEFINE-GRAMMAR: 000 success, expected failure"),
    "no cause": ("GET-PARAMS", 'cause = "000"', "GET-PARAMS: no Completion-Cause, expected 000"),
    "a resource": ("SPEAK", 'resource = "speechsynth"', "SPEAK: the session has no speechsynth"),
}


@pytest.mark.parametrize(("method", "line", "why"), STEPS.values(), ids=STEPS)
async def test_what_is_not_as_expected(method: str, line: str, why: str) -> None:
    scenario = f'[[steps]]\ndo = "request"\nmethod = "{method}"\n{line}\n'
    server = SipServer()
    async with loaded(server, "sip", scenario, Pace(count=1)) as campaign:
        assert list(campaign.book.causes) == [why]
        assert server.sessions == []  # it was ended all the same


FAULTS = {
    "refused": (Refuse(at="SETUP", status=453), "set-up: refused with 453"),
    "lost": (Drop(at="SETUP"), "set-up: the connection was lost"),
    "a slow answer": (Delay(at="SPEAK", seconds=5), "SPEAK: nothing within 0.2 s"),
    "no event": (Silence(at="SPEAK-COMPLETE"), "completion: nothing within 0.2 s"),
    "a refused request": (Refuse(at="SPEAK", status=500), "SPEAK: answered 500"),
    "a refused end": (Refuse(at="TEARDOWN", status=500), "end: answered 500"),
}
PROMPT = """
resources = ["speechsynth"]
[[steps]]
do = "request"
method = "SPEAK"
time = "200ms"
[[steps]]
do = "event"
time = "200ms"
"""


@pytest.mark.parametrize(("fault", "why"), FAULTS.values(), ids=FAULTS)
async def test_what_goes_wrong(fault: Refuse | Drop | Delay | Silence, why: str) -> None:
    async with loaded(SpeechServer(faults=[fault]), "rtsp", PROMPT, Pace(count=1)) as campaign:
        assert dict(campaign.book.causes) == {why: 1}


@pytest.mark.parametrize(("scheme", "status"), [("rtsp", 453), ("sip", 486), ("mrcp", 501)])
async def test_a_server_that_is_full(scheme: Scheme, status: int) -> None:
    server = KINDS[scheme]()
    server.max_sessions = 2
    async with loaded(server, scheme, "speak", Pace(rate=1000, count=4, hold=0.3)) as campaign:
        assert (campaign.book.passed, dict(campaign.book.causes)) == (
            2,
            {f"set-up: refused with {status}": 2},
        )


@pytest.mark.parametrize("scheme", ["rtsp", "mrcp"])
async def test_nobody_there(scheme: Scheme) -> None:
    campaign = Campaign(
        find_scenario("speak"), Target(scheme=scheme, address=Address("127.0.0.1", 1)), Pace(count=2)
    )
    with trio.fail_after(30):
        await campaign.run()
    (cause,) = campaign.book.causes
    assert cause.startswith("set-up: no connection (")


async def test_a_share_of_faults() -> None:
    server = SpeechServer(faults=[Refuse(at="SETUP", share=0.5)])
    async with loaded(server, "rtsp", "speak", Pace(concurrency=20, count=100)) as campaign:
        assert 20 < campaign.book.passed < 80  # all else is less likely than one in a hundred million


def test_when_sessions_begin_at_a_rate() -> None:
    steady = Pace(rate=10)
    assert [steady.due(number) for number in (0, 1, 25)] == [0.0, 0.1, 2.5]
    growing = Pace(rate=10, ramp=4)
    assert [growing.due(number) for number in (0, 5, 20, 30)] == [0.0, 2.0, 4.0, 5.0]


async def test_for_a_time() -> None:
    async with loaded(
        SpeechServer(), "rtsp", "speak", Pace(concurrency=2, duration=0.5, ramp=0.1)
    ) as campaign:
        assert campaign.book.passed > 1
        assert campaign.book.failed == 0
    async with loaded(SpeechServer(), "rtsp", "speak", Pace(rate=20, duration=0.5)) as campaign:
        assert 1 < campaign.book.passed <= 10


async def test_the_most_at_a_time() -> None:
    slow = SpeechServer(pace=ServerPace(result=0.5))
    async with loaded(slow, "rtsp", "speak", Pace(rate=1000, count=10, most=3)) as campaign:
        assert (campaign.book.most_live, campaign.book.held_back, campaign.book.passed) == (3, 7, 3)


async def test_stopped_it_lets_sessions_end() -> None:
    async with SpeechServer(pace=ServerPace(result=0.3)) as server:
        target = Target(scheme="rtsp", address=server.address)
        campaign = Campaign(find_scenario("speak"), target, Pace(concurrency=2))
        with trio.fail_after(30):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(campaign.run)
                await server.transcript.until(lambda entry: entry.mrcp == "SPEAK")
                campaign.stop()
    assert campaign.book.failed == campaign.book.live == 0
    assert 1 <= campaign.book.passed <= 2
    assert not math.isinf(campaign.seconds)
