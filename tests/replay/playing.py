"""Captures played on loopback: their callers at one end, at the other their server or whatever a test puts there."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

import trio

from mrcpbalance import traces
from mrcpbalance.config import Address
from mrcpbalance.replay import Call, Result, Terms, call, serve
from mrcpbalance.traces import Protocol
from mrcpbalance.traces.replay import Script, asides, script
from tests.pcap import whole_captures

CAPTURE: Final = {path.stem: path for path in whole_captures()}
NO_SESSIONS: Final = "unimrcp-resource-discovery"  # DESCRIBE and OPTIONS alone
FAST: Final = Terms(pace=0, timeout=5)
ONCE: Final = Call()
PATIENCE: Final = 25.0  # seconds; fail-safe

Places = Mapping[Protocol, Address]


def script_of(name: str, keep: Callable[[traces.Session], bool] = traces.keep_all) -> Script:
    """Read a capture, and make the script of all its sessions."""
    with CAPTURE[name].open("rb") as file:
        trace = traces.read(file, asides=True)
    return script(filter(keep, trace.sessions), asides(trace.asides, trace.sessions))


@asynccontextmanager
async def captured_server(
    played: Script, terms: Terms = FAST, *, times: int = 1
) -> AsyncIterator[tuple[Places, list[Result]]]:
    """Play the server of a script; in the end it must have played everything."""
    results: list[Result] = []
    places: dict[Protocol, Address] = {}
    used = {group.protocol for group in played.groups}
    anywhere = dict.fromkeys(Protocol, Address("127.0.0.1", 0))

    async def run(*, task_status: trio.TaskStatus[None]) -> None:
        def ready(protocol: Protocol, address: Address) -> None:
            places[protocol] = address
            if places.keys() == used:
                task_status.started()

        await serve(played, anywhere, terms, times, results.append, ready)

    async with trio.open_nursery() as nursery:
        with trio.fail_after(PATIENCE):
            await nursery.start(run)
        yield places, results
        nursery.cancel_scope.deadline = trio.current_time() + PATIENCE
    assert len(results) == (len(played.sessions) + len(played.asides)) * times


async def callers(played: Script, places: Places, terms: Terms = FAST, how: Call = ONCE) -> list[Result]:
    """Play the callers of a script."""
    results: list[Result] = []
    with trio.fail_after(PATIENCE):
        await call(played, places, terms, how, results.append)
    return results


def differences(results: list[Result]) -> set[str]:
    """Give what differs, as it is told."""
    told = {str(difference) for result in results for difference in result.differences}
    return told | {f"stopped: {result.stopped}" for result in results if result.stopped}
