"""Who speaks: an address and a port."""

import ipaddress
from functools import lru_cache

import attrs


@attrs.frozen(order=True)
class Endpoint:
    """A host, IPv6 without brackets, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def of(cls, peer: tuple[bytes, int]) -> "Endpoint":
        """Make one of the octets of an address."""
        return cls(_host(peer[0]), peer[1])


@lru_cache(maxsize=4096)
def _host(octets: bytes) -> str:
    return str(ipaddress.ip_address(octets))
