"""The process that this one is to take over from."""

import os
import signal
from typing import Final

import attrs

SIGNAL: Final = signal.SIGTERM


class NoPredecessorError(Exception):
    """There is no such process, or it isn't ours to end; says which."""


@attrs.define(eq=False)
class Predecessor:
    """A running process, held so that no other one can come to be meant by its number."""

    pid: int
    _descriptor: int

    @classmethod
    def of(cls, pid: int) -> "Predecessor":
        """Hold a process that we may send signals to; raises `NoPredecessorError`."""
        try:
            descriptor = os.pidfd_open(pid)
        except OSError as error:
            raise NoPredecessorError(f"no process {pid}: {os.strerror(error.errno or 0)}") from None
        try:
            signal.pidfd_send_signal(descriptor, 0)  # asks only
        except OSError as error:
            os.close(descriptor)
            raise NoPredecessorError(
                f"process {pid} can't be told to end: {os.strerror(error.errno or 0)}"
            ) from None
        return cls(pid, descriptor)

    def end(self) -> bool:
        """Tell it to drain and end, once; False when it has ended by itself."""
        try:
            signal.pidfd_send_signal(self._descriptor, SIGNAL)
        except ProcessLookupError:
            return False
        finally:
            os.close(self._descriptor)
        return True
