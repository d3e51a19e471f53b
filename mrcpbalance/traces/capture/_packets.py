"""Frames taken apart: link layer, IP with its fragments and extension headers, then UDP or TCP."""

import struct
from typing import Final, Protocol

from mrcpbalance.traces._findings import Finding, Findings
from mrcpbalance.traces._limits import Limits

from ._fragments import Fragments, Part
from ._link import IPV4, IPV6, LINKS
from ._pcap import Frame

_TCP: Final = 6
_UDP: Final = 17
_V4: Final = struct.Struct("!HHH")  # total length, identification, flags with offset
_PORTS: Final = struct.Struct("!HHH")
_TCP_HEAD: Final = struct.Struct("!HHIIBB")
_V4_LEAST, _V6_HEAD, _TCP_LEAST, _UDP_HEAD, _FRAGMENT_HEAD = 20, 40, 20, 8, 8
_MORE, _OFFSET = 0x2000, 0x1FFF
_FRAGMENT: Final = 44
# Extension headers to step over (RFC 8200, section 4): the unit of their length and what to add to it.
_EXTENSIONS: Final = {0: (8, 1), 43: (8, 1), 60: (8, 1), 135: (8, 1), 139: (8, 1), 140: (8, 1), 51: (4, 2)}
_MOST_EXTENSIONS: Final = 16
# The first two bits of RTP and RTCP are their version, 2; no text begins so.
_RTP_MASK, _RTP, _RTP_LEAST = 0xC0, 0x80, 12


class Segments(Protocol):
    """Who takes TCP segments and datagrams; hosts are the octets of their addresses."""

    def tcp(
        self,
        source: tuple[bytes, int],
        target: tuple[bytes, int],
        sequence: int,
        acknowledged: int,
        flags: int,
        payload: bytes,
        missing: int,
        frame: Frame,
    ) -> None:
        """Take a segment; `missing` octets of it were not captured."""

    def udp(
        self,
        source: tuple[bytes, int],
        target: tuple[bytes, int],
        payload: bytes,
        missing: int,
        frame: Frame,
    ) -> None:
        """Take a datagram; `missing` octets of it were not captured."""


class Packets:
    """Takes frames in order; what is neither TCP nor UDP over IP is counted and passed over."""

    def __init__(self, segments: Segments, findings: Findings, limits: Limits) -> None:
        self._segments = segments
        self._findings = findings
        self._fragments = Fragments(findings, limits)
        self._unknown_links: set[int] = set()
        self.rtp = 0  # packets of RTP and RTCP
        self.other = 0  # packets that are of no interest here

    def take(self, frame: Frame) -> None:
        """Take the next frame."""
        data = frame.data
        place = LINKS.get(frame.link)
        if place is None:
            self._unknown_link(frame)
            return
        at, kind = place(data)
        if kind == IPV4:
            self._ipv4(data, at, frame)
        elif kind == IPV6:
            self._ipv6(data, at, frame)
        else:
            self.other += 1

    def end(self) -> None:
        """Give up what waits for more."""
        self._fragments.end()

    def _unknown_link(self, frame: Frame) -> None:
        self.other += 1
        if frame.link not in self._unknown_links:
            self._unknown_links.add(frame.link)
            text = f"packets of link type {frame.link} can't be read"
            self._findings.add(Finding(code="unknown-link", text=text, packet=frame.number))

    def _ipv4(self, data: bytes, at: int, frame: Frame) -> None:
        if len(data) < at + _V4_LEAST:
            self._bad(frame)
            return
        head = (data[at] & 0x0F) * 4
        total, ident, fragment = _V4.unpack_from(data, at + 2)
        end = at + total if total else len(data)  # the sending card would have filled it in
        if not frame.missing:
            end = min(end, len(data))
        start = at + head
        if data[at] >> 4 != 4 or head < _V4_LEAST or end < start:  # noqa: PLR2004
            self._bad(frame)
            return
        hosts, protocol = data[at + 12 : at + 20], data[at + 9]
        if fragment & (_MORE | _OFFSET):
            key = hosts + bytes([protocol]) + ident.to_bytes(2, "big")
            part = Part(key, (fragment & _OFFSET) * 8, bool(fragment & _MORE), data[start:end])
            self._fragment(part, protocol, hosts, frame)
        else:
            self._transport(protocol, hosts, data, start, end, frame)

    def _ipv6(self, data: bytes, at: int, frame: Frame) -> None:
        start = at + _V6_HEAD
        if len(data) < start or data[at] >> 4 != 6:  # noqa: PLR2004
            self._bad(frame)
            return
        length = int.from_bytes(data[at + 4 : at + 6], "big")
        end = start + length if length else len(data)  # a jumbogram, or a card that would have filled it in
        if not frame.missing:
            end = min(end, len(data))
        hosts, following = data[at + 8 : at + 40], data[at + 6]
        for _ in range(_MOST_EXTENSIONS):
            if following == _FRAGMENT and start + _FRAGMENT_HEAD <= len(data):
                self._ipv6_fragment(data, start, end, hosts, frame)
                return
            if following not in _EXTENSIONS or start + 2 > len(data):
                break
            unit, extra = _EXTENSIONS[following]
            following, start = data[start], start + (data[start + 1] + extra) * unit
        self._transport(following, hosts, data, start, max(end, start), frame)

    def _ipv6_fragment(self, data: bytes, at: int, end: int, hosts: bytes, frame: Frame) -> None:
        protocol = data[at]
        field = int.from_bytes(data[at + 2 : at + 4], "big")
        key = hosts + data[at + 4 : at + 8]
        part = Part(key, field & 0xFFF8, bool(field & 1), data[at + _FRAGMENT_HEAD : end])
        self._fragment(part, protocol, hosts, frame)

    def _fragment(self, part: Part, protocol: int, hosts: bytes, frame: Frame) -> None:
        if protocol not in (_TCP, _UDP):
            self.other += 1
            return
        whole = self._fragments.take(part, frame.time, frame.number)
        if whole is not None:
            self._transport(protocol, hosts, whole, 0, len(whole), frame._replace(missing=0))

    def _transport(
        self, protocol: int, hosts: bytes, data: bytes, start: int, end: int, frame: Frame
    ) -> None:
        if protocol == _UDP:
            self._udp(hosts, data, start, end, frame)
        elif protocol == _TCP:
            self._tcp(hosts, data, start, end, frame)
        else:
            self.other += 1

    def _udp(self, hosts: bytes, data: bytes, start: int, end: int, frame: Frame) -> None:
        body = start + _UDP_HEAD
        if min(len(data), end) < body:
            self._bad(frame)
            return
        if end - body >= _RTP_LEAST and len(data) > body and data[body] & _RTP_MASK == _RTP:
            self.rtp += 1
            return
        source, target, length = _PORTS.unpack_from(data, start)
        if _UDP_HEAD <= length < end - start:
            end = start + length
        missing = max(end - len(data), 0)
        if missing:
            self._findings.count("snapped", frame.number)
        half = len(hosts) // 2
        self._segments.udp((hosts[:half], source), (hosts[half:], target), data[body:end], missing, frame)

    def _tcp(self, hosts: bytes, data: bytes, start: int, end: int, frame: Frame) -> None:
        if min(len(data), end) < start + _TCP_LEAST:
            self._bad(frame)
            return
        source, target, sequence, acknowledged, offset, flags = _TCP_HEAD.unpack_from(data, start)
        body = start + (offset >> 4) * 4
        if body < start + _TCP_LEAST or body > end:
            self._bad(frame)
            return
        missing = max(end - max(len(data), body), 0)
        if missing:
            self._findings.count("snapped", frame.number)
        half = len(hosts) // 2
        payload = data[body:end]
        self._segments.tcp(
            (hosts[:half], source),
            (hosts[half:], target),
            sequence,
            acknowledged,
            flags,
            payload,
            missing,
            frame,
        )

    def _bad(self, frame: Frame) -> None:
        self.other += 1
        self._findings.count("snapped" if frame.missing else "bad-packet", frame.number)
