"""Addresses: how the configuration writes them, and which of them meet on one machine."""

import ipaddress
import re
from functools import lru_cache
from typing import Final

import attrs

MOST_PORTS: Final = 1_000
"""Ports in one range: each becomes a socket."""

_LONGEST_HOST: Final = 253  # RFC 1035, section 2.3.4
_LARGEST_PORT: Final = 65_535
# RFC 1123, section 2.1; the underscore is no part of it, but container networks use it in names.
_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST_NAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_ALL_DIGITS: Final = re.compile(r"(?:.*\.)?[0-9]+\.?")
_LIKE_IPV6: Final = re.compile(r"[0-9A-Fa-f:.]+")
_PORT: Final = re.compile(r"[0-9]{1,5}")
_IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


@attrs.frozen
class Address:
    """Where a socket listens or connects: a host (name or literal, IPv6 without brackets) and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        """Write it as the configuration does, IPv6 in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_host(text: str) -> str:
    """Read a name or a literal address, IPv6 with or without brackets; ValueError says what is wrong."""
    if text.startswith("[") and text.endswith("]"):
        return _ipv6(text[1:-1])
    return _ipv6(text) if ":" in text else _name_or_ipv4(text)


def _ipv6(text: str) -> str:
    try:
        ip = ipaddress.IPv6Address(text)
    except ValueError:
        raise ValueError("not an address") from None
    return str(ip.ipv4_mapped or ip)


def _name_or_ipv4(text: str) -> str:
    name = text.lower()
    if not name:
        raise ValueError("no host")
    if _ALL_DIGITS.fullmatch(name):  # a name whose last label is a number can't be told from an address
        try:
            return str(ipaddress.IPv4Address(name))
        except ValueError:
            raise ValueError("not an address") from None
    if len(name) > _LONGEST_HOST or not _HOST_NAME.fullmatch(name):
        raise ValueError("not a host name")
    return name


def parse_address(text: str, *, least_port: int = 1) -> Address:
    """Read `HOST:PORT`, IPv6 in brackets; ValueError says what is wrong."""
    host, port = _split(text)
    return Address(host, _port(port, least_port))


def parse_bind(text: str) -> tuple[Address, ...]:
    """Read `HOST:PORT` (0: any free port) or a range `HOST:FIRST-LAST`; ValueError says what is wrong."""
    host, ports = _split(text)
    first_text, dash, last_text = ports.partition("-")
    if not dash:
        return (Address(host, _port(ports, 0)),)
    first, last = _port(first_text, 1), _port(last_text, 1)
    if last < first:
        raise ValueError("the range runs downward")
    if last - first >= MOST_PORTS:
        raise ValueError(f"more than {MOST_PORTS} ports")
    return tuple(Address(host, port) for port in range(first, last + 1))


def _split(text: str) -> tuple[str, str]:
    host, colon, port = text.rpartition(":")
    if not colon or port.endswith("]"):
        raise ValueError("no port")
    if ":" in host and not host.startswith("["):
        raise ValueError("IPv6 without brackets" if _LIKE_IPV6.fullmatch(text) else "not a host and a port")
    return parse_host(host), port


def _port(text: str, least: int) -> int:
    if not _PORT.fullmatch(text):
        raise ValueError("no port" if not text else "the port is not a number from 1 to 65535")
    port = int(text)
    if not least <= port <= _LARGEST_PORT:
        raise ValueError(f"port {port} is not from {least} to {_LARGEST_PORT}")
    return port


def is_wildcard(host: str) -> bool:
    """Tell whether a socket bound to this host takes connections to every address."""
    return any(ip.is_unspecified for ip in _literals(host))


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach the host."""
    return any(ip.is_loopback for ip in _literals(host))


def binds_meet(one: str, other: str) -> bool:
    """Tell whether two sockets can't be bound to these hosts with one port, as far as can be told without asking.

    A wildcard stands for its own address family, and for every name; names but localhost are not looked up.
    """
    return _shared(one, other) or _covers(one, other) or _covers(other, one)


def calls_itself(bound: str, host: str) -> bool:
    """Tell whether what is sent to `host` on this machine arrives at a socket bound to `bound`."""
    return _shared(bound, host) or (is_loopback(host) and _covers(bound, host))


def _shared(one: str, other: str) -> bool:
    return one == other or not set(_literals(one)).isdisjoint(_literals(other))


def _covers(wildcard: str, host: str) -> bool:
    families = {ip.version for ip in _literals(wildcard) if ip.is_unspecified}
    theirs = {ip.version for ip in _literals(host)} or {4, 6}
    return not families.isdisjoint(theirs)


@lru_cache(maxsize=1_024)
def _literals(host: str) -> tuple[_IPAddress, ...]:
    if host.rstrip(".") == "localhost":
        return ipaddress.IPv4Address("127.0.0.1"), ipaddress.IPv6Address("::1")
    try:
        return (ipaddress.ip_address(host),)
    except ValueError:
        return ()
