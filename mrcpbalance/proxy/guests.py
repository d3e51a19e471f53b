"""Who may come to a listener: callers from the networks it allows (G-6)."""

import ipaddress
from collections.abc import Sequence
from typing import Final

REMEMBERED: Final = 4_096  # addresses whose verdict is kept


class Guests:
    """The networks of one listener; None allows everyone."""

    __slots__ = ("_known", "_networks")

    def __init__(self, networks: Sequence[str] | None) -> None:
        self._networks = None if networks is None else [ipaddress.ip_network(network) for network in networks]
        self._known: dict[str, bool] = {}

    def allow(self, host: str) -> bool:
        """Tell whether an address may come."""
        if self._networks is None:
            return True
        verdict = self._known.get(host)
        if verdict is None:
            address = ipaddress.ip_address(host.partition("%")[0])
            verdict = any(address in network for network in self._networks)
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[host] = verdict
        return verdict
