"""Octets that were received and not used yet: linear work, nothing searched twice, nothing held while idle."""

from typing import Final

from mrcpwire._errors import LocalProtocolError, RemoteProtocolError

# A rest of at most so many octets is joined with the next read, so that short messages stay `bytes`, which are
# handed on uncopied; a longer one is collected in a bytearray, so that a long message costs linear work.
_SHORT: Final = 4096


class Buffer:
    """What the receivers of byte streams are built on; once broken or ended it stays so.

    `_data[_at:]` is not used yet (`_at` is 0 in a bytearray), the first `_scan` octets of it are known not to hold
    what is looked for.
    """

    __slots__ = ("_at", "_data", "_ended", "_error", "_scan")

    def __init__(self) -> None:
        self._data: bytes | bytearray = b""
        self._at = 0
        self._scan = 0
        self._ended = False
        self._error: RemoteProtocolError | None = None

    def receive_data(self, data: bytes) -> None:
        """Take octets as they came from the peer; after a fault they are dropped."""
        if self._ended:
            raise LocalProtocolError("octets after the end of octets")
        if self._error is not None:
            return
        held = self._data
        if not held:
            self._data = data
        elif isinstance(held, bytearray):
            held += data
        else:
            rest = held[self._at :]
            self._data = rest + data if len(rest) <= _SHORT else bytearray(rest) + data
            self._at = 0

    def receive_eof(self) -> None:
        """Note that the peer sends nothing more."""
        self._ended = True

    @property
    def pending(self) -> bool:
        """Octets of an unfinished message are held, provided that every finished one was taken."""
        return bool(self._data)

    @property
    def _held(self) -> int:
        return len(self._data) - self._at

    def _peek(self, start: int, end: int) -> bytes:
        """Look at octets that are not used yet."""
        return bytes(self._data[self._at + start : self._at + end])

    def _take(self, size: int) -> bytes:
        """Use up so many octets, all of which are there; start searching anew behind them."""
        data, end = self._data, self._at + size
        self._scan = 0
        if isinstance(data, bytes):
            taken = data[self._at : end]
            self._at = end
        else:
            taken = bytes(memoryview(data)[:size])
            if len(data) - size > _SHORT:
                del data[:size]
            else:
                self._data = bytes(memoryview(data)[size:])
        if self._at == len(self._data):
            self._data = b""
            self._at = 0
        return taken

    def _fail(self, error: RemoteProtocolError) -> None:
        """Keep the fault and let go of everything else."""
        self._error = error
        self._data = b""
        self._at = 0
