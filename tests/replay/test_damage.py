"""Captures with damage play without a fault of ours, whatever comes of it: every session has a result at both ends."""

import io
import random
from collections.abc import Callable

import pytest

from mrcpbalance import traces
from mrcpbalance.replay import Terms
from mrcpbalance.traces.replay import script
from tests.replay.playing import callers, captured_server
from tests.traces.damaging import octets, packets
from tests.traces.packets import pcap

pytestmark = pytest.mark.real_time

NAMES = ["mixed-unimrcp-concurrent.pcap", "mrcpv2/mrcpv2-unimrcp-siptcp-synth-recog.pcap"]
SOON = Terms(pace=0, timeout=0.2, settle=0)


def flipped(name: str, chance: random.Random) -> bytes:
    damaged = bytearray(octets(name))
    for _ in range(60):
        damaged[chance.randrange(24, len(damaged))] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def lossy(name: str, chance: random.Random) -> bytes:
    return pcap([packet for packet in packets(name) if chance.random() >= 0.1])


def shuffled(name: str, chance: random.Random) -> bytes:
    """Neighbours in any order, some of them twice."""
    found = [packet for packet in packets(name) for _ in range(chance.choice([1, 1, 2]))]
    return pcap(sorted(found, key=lambda packet: packet.time + chance.randrange(20_000)))


@pytest.mark.parametrize("damage", [flipped, lossy, shuffled])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(4))
async def test_it_comes_to_an_end(
    damage: Callable[[str, random.Random], bytes], name: str, seed: int
) -> None:
    played = script(traces.read(io.BytesIO(damage(name, random.Random(seed)))).sessions)
    if not played.groups:  # too much was lost
        assert played.left_out
        return
    async with captured_server(played, SOON) as (places, at_server):
        at_callers = await callers(played, places, SOON)
    for results in (at_callers, at_server):
        assert sorted(one.session.number for one in results) == [one.number for one in played.sessions]
