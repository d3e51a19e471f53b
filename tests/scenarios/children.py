"""Processes that a test starts: none outlives it, and what they write is read line by line."""

import contextlib
import subprocess
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from pathlib import Path
from typing import Final

import trio

ROOT: Final = Path(__file__).parents[2]


@contextlib.asynccontextmanager
async def child_process(
    command: Sequence[str],
    *,
    stdout: int | None = subprocess.PIPE,
    stderr: int | None = None,
    pass_fds: Sequence[int] = (),
) -> AsyncIterator[trio.Process]:
    """Run a program; in the end it is killed, if it hasn't come to its own end."""
    child = await trio.lowlevel.open_process(
        command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, pass_fds=pass_fds, cwd=ROOT
    )
    try:
        yield child
    finally:
        with trio.CancelScope(shield=True):
            if child.returncode is None:
                child.kill()
            await child.wait()
            for pipe in (child.stdout, child.stderr):
                if pipe is not None:
                    await pipe.aclose()


async def lines(stream: trio.abc.ReceiveStream | None) -> AsyncGenerator[str, None]:
    """Give every whole line; a last one that was torn, as nobody read it in time, counts for nothing."""
    assert stream is not None, "a pipe"
    held = b""
    async for data in stream:
        *whole, held = (held + data).split(b"\n")
        for line in whole:
            yield line.decode()
