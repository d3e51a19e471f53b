"""What `inspect` says of damaged files, each as its description has it."""

import json
from typing import Final

import pytest
from click.testing import CliRunner

from mrcpbalance.cli import main
from tests.pcap import DAMAGED
from tests.traces.damaging import MADE

# The messages it counts, how each session went, and what it found.
FOUND: Final = {
    "cut-in-a-packet.pcap": (
        "messages: 6 RTSP",
        ["unfinished"],
        [
            "packet 13: the file ends within packet 13 (truncated)",
            "packet 13: 1 packets were cut short by the capture's snapshot length (snapped)",
        ],
    ),
    "flipped-length.pcap": (
        "messages: 6 SIP, 5 MRCPv2",
        ["completed"],
        [
            "packet 14: 176 octets behind packet 14 make no sense (damaged)",
            "session 1, 1.356 s, packet 16: 94 octets were not captured (lost-octets)",
        ],
    ),
    "missing-packets.pcap": (
        "messages: 10 RTSP",
        ["completed"],
        [
            "session 1, 0.011 s, packet 8: 543 octets were not captured (lost-octets)",
            "session 1, 0.011 s, packet 9: 165 octets were not captured (lost-octets)",
        ],
    ),
    "doubled-and-swapped.pcap": (
        "messages: 6 SIP, 3 MRCPv2",
        ["completed"],
        ["packet 2: 6 packets were captured twice and count once (duplicates)"],
    ),
    "half-a-file.pcapng": (
        "messages: 16 SIP, 6 RTSP, 1 MRCPv2",
        ["unfinished", "unfinished", "unfinished", "unfinished", "unfinished", "unfinished"],
        [
            "packet 46: the file ends within the block behind packet 46 (truncated)",
            "packet 47: 1 packets were cut short by the capture's snapshot length (snapped)",
        ],
    ),
    "short-snapshots.pcap": (
        "messages: 6 SIP, 12 MRCPv2",
        ["completed"],
        [
            "packet 1: 4 packets were cut short by the capture's snapshot length (snapped)",
            "packet 1: 4 SIP messages were cut short by the capture; what was left was read (salvaged)",
        ],
    ),
}


def inspected(name: str, *options: str) -> str:
    done = CliRunner().invoke(main, ["inspect", str(DAMAGED / name), *options], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


@pytest.mark.parametrize("name", MADE)
def test_it_is_what_its_description_says(name: str) -> None:
    assert (DAMAGED / name).read_bytes() == MADE[name]()
    assert f"| {name} |" in (DAMAGED / "README.md").read_text(encoding="utf-8")


def test_all_are_described() -> None:
    assert {path.name for path in DAMAGED.iterdir()} == {*MADE, "README.md"}
    assert FOUND.keys() == MADE.keys()


@pytest.mark.parametrize("name", MADE)
def test_inspect_tells(name: str) -> None:
    counted, outcomes, findings = FOUND[name]
    told = inspected(name)
    assert told.startswith(f"{len(outcomes)} sessions\n")
    assert f"\n{counted}\n" in told
    assert told.partition("\nfindings:\n")[2].splitlines() == [f"  {finding}" for finding in findings]
    sessions = json.loads(inspected(name, "--json"))["sessions"]
    assert [session["outcome"]["end"] for session in sessions] == outcomes
