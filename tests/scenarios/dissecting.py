"""Wireshark's eyes on loopback: what went over given ports is recorded, and read by its dissectors."""

import contextlib
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import Final, Literal

import attrs
import pytest
import trio

from tests import peers
from tests.scenarios.children import child_process

SENTINEL: Final = b"that was all"
PATIENCE: Final = 15.0  # seconds; fail-safe
ERROR: Final = (
    0x800000  # the severity of what a dissector takes for an error; malformed octets are among them
)

Protocol = Literal["sip", "mrcpv2"]


@contextlib.asynccontextmanager
async def recording(file: Path, ports: Iterable[int]) -> AsyncIterator[None]:
    """Record what goes over these ports of loopback; skips where that isn't permitted."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
        last.bind(("127.0.0.1", 0))
        wanted = [*ports, last.getsockname()[1]]
        what = " or ".join(f"port {port}" for port in wanted)
        command = [peers.need("dumpcap"), "-q", "-P", "-i", "lo", "-f", what, "-w", str(file)]
        async with child_process(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as child:
            await _until_recording(child)
            yield
            await _until_recorded(file, last)
            child.send_signal(signal.SIGINT)
            with trio.fail_after(PATIENCE):
                await child.wait()


async def _until_recording(child: trio.Process) -> None:
    said = b""
    assert child.stderr is not None, "a pipe"
    while b"File: " not in said:
        data = await child.stderr.receive_some()
        if not data:
            pytest.skip(f"loopback can't be recorded here: {said.decode()}")
        said += data


async def _until_recorded(file: Path, last: socket.socket) -> None:
    """Wait until everything that was sent so far is in the file."""
    with trio.fail_after(PATIENCE):
        while SENTINEL not in await trio.Path(file).read_bytes():
            last.sendto(SENTINEL, last.getsockname())
            await trio.sleep(0.05)


@attrs.frozen
class Packet:
    """What the dissectors found in one packet, by the name of the field."""

    fields: Mapping[str, list[str]]

    def __getitem__(self, name: str) -> list[str]:
        return self.fields[name]


async def dissect(file: Path, ports: Mapping[int, Protocol], *fields: str, only: str = "") -> list[Packet]:
    """Have tshark read a recording and give these fields of every packet, or of those `only` that pass a filter."""
    command = [peers.need("tshark"), "-n", "-r", str(file), "-T", "fields", "-E", "aggregator=\x1f"]
    for port, protocol in ports.items():
        transports = ("tcp",) if protocol == "mrcpv2" else ("tcp", "udp")
        command += [part for one in transports for part in ("-d", f"{one}.port=={port},{protocol}")]
    command += [part for field in fields for part in ("-e", field)]
    if only:
        command += ["-Y", only]
    done = await trio.run_process(command, capture_stdout=True, capture_stderr=True)
    rows = [row.split("\t") for row in done.stdout.decode().splitlines()]
    return [
        Packet({name: text.split("\x1f") if text else [] for name, text in zip(fields, row, strict=True)})
        for row in rows
    ]
