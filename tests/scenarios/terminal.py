"""A program on a terminal of its own: what stands on it, and keys for it."""

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Iterator, Mapping
from typing import Final

import trio

ESCAPE: Final = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|[()][A-Z0-9])")
PATIENCE: Final = 30.0


class Terminal:
    """One program, and all it ever wrote."""

    def __init__(self, keyboard: int, program: "subprocess.Popen[bytes]") -> None:
        self._keyboard = keyboard
        self.program = program
        self.raw = ""

    @property
    def text(self) -> str:
        """What it wrote, without colours and moves of the cursor."""
        return ESCAPE.sub("", self.raw).replace("\r", "")

    def press(self, keys: str) -> None:
        os.write(self._keyboard, keys.encode())

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._keyboard, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def settings(self) -> list[object]:
        """How the terminal treats what is typed."""
        return list(termios.tcgetattr(self._keyboard))

    async def until(self, wanted: str, *, after: int = 0) -> int:
        """Wait until this was written, beyond the first so many characters; tell how many there are then."""
        with trio.fail_after(PATIENCE):
            while not re.search(wanted, self.text[after:]):
                await self._read()
        return len(self.text)

    async def ends(self) -> int:
        """Wait for its end; its exit status."""
        with trio.fail_after(PATIENCE):
            while self.program.poll() is None:
                with trio.move_on_after(0.1):
                    await self._read()
        return self.program.wait()

    async def _read(self) -> None:
        await trio.lowlevel.wait_readable(self._keyboard)
        try:
            self.raw += os.read(self._keyboard, 65536).decode(errors="replace")
        except OSError:  # nobody has the other end any more
            assert self.program.wait() == 0, self.text


@contextlib.contextmanager
def terminal(
    command: list[str], *, columns: int = 100, rows: int = 30, env: Mapping[str, str] | None = None
) -> Iterator[Terminal]:
    """Run a program on a terminal of this size."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    program = subprocess.Popen(
        command,
        stdin=its,
        stdout=its,
        stderr=its,
        env={**kept, "TERM": "xterm-256color", **(env or {})},
        start_new_session=True,
    )
    try:
        yield Terminal(ours, program)
    finally:
        program.kill()
        program.wait()
        os.close(its)
        os.close(ours)
