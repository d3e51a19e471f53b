"""Other names for hosts, users and calls: the same one gets the same name wherever it stands."""

import ipaddress
import re
from typing import Final

_ADDRESS: Final = re.compile(rb"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\w)")
_ADDRESS6: Final = re.compile(rb"(?<=\[)[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?=\])|(?<=IP6 )[0-9A-Fa-f:.]+")
_USER: Final = re.compile(rb"(?i)((?:sips?|rtsp|https?|ftp|tel):(?://)?)([^@\s<>;/]+)@")
_TELEPHONE: Final = re.compile(rb"(?i)(tel:)([^\s<>;]+)")
_DISPLAY: Final = re.compile(rb'("(?:[^"\\]|\\.)*"|[^\s<>"@:;,=][^<>"@:;,=]*?)([ \t]*<)')
# A host by name, where a URI, a Via or an id has one.
_NAME: Final = re.compile(
    rb"(?i)((?:://|@|sips?:|SIP/2\.0/\w+[ \t]+))([a-z0-9_-]*[a-z_][a-z0-9_.-]*)(?=[:;/>\s,]|$)"
)
_UNSPECIFIED: Final = frozenset([b"0.0.0.0", b"::"])
_MASK: Final = bytes(octet if octet in b"\r\n" else ord("x") for octet in range(256))
_NETWORK: Final = int(ipaddress.IPv4Address("192.0.2.0"))
_NETWORK6: Final = int(ipaddress.IPv6Address("2001:db8::"))
_SMALL: Final = 254
_BENCHMARKS: Final = int(ipaddress.IPv4Address("198.18.0.0"))  # RFC 2544 has room for more


def mask(data: bytes) -> bytes:
    """Put an x for every octet but line ends."""
    return data.translate(_MASK)


class Names:
    """Gives other names, counted as they come."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, bytes], bytes] = {}
        self._counts: dict[str, int] = {}

    def host(self, host: str) -> str:
        """Give the address that stands for another."""
        return self._address(host.encode("ascii")).decode("ascii")

    def place(self, place: bytes) -> bytes:
        """Give another address or host name."""
        other = self._address(place)
        return (
            other
            if other != place or place in _UNSPECIFIED
            else self._other("name", place, b"host%d.example")
        )

    def call(self, call: bytes) -> bytes:
        """Give another Call-ID."""
        return self._other("call", call, b"call-%d")

    def text(self, text: bytes) -> bytes:
        """Put other names in: addresses, host names, users, display names."""
        text = _USER.sub(lambda found: found[1] + self._other("user", found[2], b"user%d") + b"@", text)
        text = _TELEPHONE.sub(lambda found: found[1] + self._other("user", found[2], b"%d"), text)
        return _NAME.sub(
            lambda found: found[1] + self._other("name", found[2], b"host%d.example"), self.addresses(text)
        )

    def addresses(self, text: bytes) -> bytes:
        """Put other addresses in, and nothing else."""
        text = _ADDRESS.sub(lambda found: self._address(found[0]), text)
        return _ADDRESS6.sub(lambda found: self._address(found[0]), text)

    def party(self, text: bytes) -> bytes:
        """Put other names into a From, To, Contact or the like."""
        return self.text(_DISPLAY.sub(lambda found: b'"x"' + found[2], text))

    def _address(self, octets: bytes) -> bytes:
        try:
            address = ipaddress.ip_address(octets.decode("ascii"))
        except ValueError:
            return octets
        if octets in _UNSPECIFIED:
            return octets
        key = ("address", address.packed)
        if key not in self._known:
            self._known[key] = self._new_address(address.version)
        return self._known[key]

    def _new_address(self, version: int) -> bytes:
        number = self._count(f"address{version}")
        if version == 6:  # noqa: PLR2004
            return str(ipaddress.IPv6Address(_NETWORK6 + number)).encode()
        base = _NETWORK if number <= _SMALL else _BENCHMARKS
        return str(ipaddress.IPv4Address(base + number)).encode()

    def _other(self, kind: str, old: bytes, form: bytes) -> bytes:
        key = (kind, old.lower() if kind == "name" else old)
        if key not in self._known:
            self._known[key] = form % self._count(kind)
        return self._known[key]

    def _count(self, kind: str) -> int:
        self._counts[kind] = self._counts.get(kind, 0) + 1
        return self._counts[kind]
