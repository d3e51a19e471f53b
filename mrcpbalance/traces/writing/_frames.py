"""Ethernet frames as they would have been on the wire: IPv4 or IPv6, TCP or UDP, checksums right."""

import ipaddress
import struct
from functools import lru_cache
from typing import Final

from mrcpbalance.traces._endpoint import Endpoint

TCP, UDP = 6, 17
FIN, SYN, RESET, PUSH, ACK = 1, 2, 4, 8, 16
LARGEST_DATAGRAM: Final = 65_507  # octets that one UDP datagram carries over IPv4
_MAC: Final = b"\x02\0\0\0\0\x02" + b"\x02\0\0\0\0\x01"  # locally administered
_HOPS: Final = 64
_WINDOW: Final = 65_535
_NOBODY: Final = ipaddress.IPv4Address(0)
type_ip = ipaddress.IPv4Address | ipaddress.IPv6Address


def segment(source: Endpoint, target: Endpoint, numbers: tuple[int, int], flags: int, data: bytes) -> bytes:
    """Write a TCP segment; `numbers` are its sequence number and what it acknowledges."""
    sequence, acknowledged = numbers
    head = struct.pack(
        "!HHIIBBHHH", source.port, target.port, sequence, acknowledged, 5 << 4, flags, _WINDOW, 0, 0
    )
    return _frame(source.host, target.host, TCP, head, data, at=16)


def datagram(source: Endpoint, target: Endpoint, data: bytes) -> bytes:
    """Write a UDP datagram; what is too long for one is cut."""
    data = data[:LARGEST_DATAGRAM]
    head = struct.pack("!HHHH", source.port, target.port, 8 + len(data), 0)
    return _frame(source.host, target.host, UDP, head, data, at=6)


def _frame(source: str, target: str, protocol: int, head: bytes, data: bytes, *, at: int) -> bytes:
    one, other = _pair(source, target)
    size = len(head) + len(data)
    if isinstance(one, ipaddress.IPv4Address):
        pseudo = one.packed + other.packed + struct.pack("!BBH", 0, protocol, size)
    else:
        pseudo = one.packed + other.packed + struct.pack("!IHBB", size, 0, 0, protocol)
    checksum = _checksum(pseudo + head + data)
    if protocol == UDP:
        checksum = checksum or 0xFFFF  # 0 would mean that there is none
    head = head[:at] + struct.pack("!H", checksum) + head[at + 2 :]
    return _network(one, other, protocol, size) + head + data


def _network(one: type_ip, other: type_ip, protocol: int, size: int) -> bytes:
    if isinstance(one, ipaddress.IPv6Address):
        return (
            _MAC
            + b"\x86\xdd"
            + struct.pack("!IHBB", 6 << 28, size, protocol, _HOPS)
            + one.packed
            + other.packed
        )
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + size, 0, 0x4000, _HOPS, protocol, 0)
    head += one.packed + other.packed
    return _MAC + b"\x08\0" + head[:10] + struct.pack("!H", _checksum(head)) + head[12:]


def _checksum(data: bytes) -> int:
    """Give the Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@lru_cache(maxsize=1024)
def _pair(source: str, target: str) -> tuple[type_ip, type_ip]:
    """Read two addresses; one that isn't known is the unspecified address of the other's family."""
    one, other = _address(source), _address(target)
    if one is None and other is None:
        return _NOBODY, _NOBODY
    if one is None or other is None or one.version != other.version:
        known = one or other
        assert known is not None
        six = known.version == 6 or (other is not None and other.version == 6)  # noqa: PLR2004 - of IP
        return _as(one, six=six), _as(other, six=six)
    return one, other


def _as(address: type_ip | None, *, six: bool) -> type_ip:
    if not six:
        return address or _NOBODY
    if isinstance(address, ipaddress.IPv4Address):
        return ipaddress.IPv6Address(b"\0" * 10 + b"\xff\xff" + address.packed)
    return address or ipaddress.IPv6Address(0)


def _address(host: str) -> type_ip | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
