"""Random ids: the system is asked for many octets at once, as each of its answers costs more than an id."""

import os
from typing import Final

STOCK: Final = 4096  # octets


class Chance:
    """Gives random octets in hexadecimal digits, as `secrets.token_hex` does and as hard to guess; each is given once."""

    __slots__ = ("_at", "_stock")

    def __init__(self) -> None:
        self._stock = ""
        self._at = 0

    def mint(self, octets: int) -> str:
        """Give an id of so many octets, at most `STOCK`."""
        digits = 2 * octets
        at = self._at
        if at + digits > len(self._stock):
            self._stock = os.urandom(STOCK).hex()
            at = 0
        self._at = at + digits
        return self._stock[at : at + digits]
