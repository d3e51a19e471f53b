"""SIP URIs (RFC 3261 section 19.1): read, and pointed elsewhere."""

import re
from typing import Final, Self

import attrs

from mrcpwire._errors import LocalProtocolError

_HOST: Final = rb"(?:\[([0-9A-Fa-f:.]++)\]|([0-9A-Za-z_.-]++))"
_URI: Final = re.compile(
    rb"([Ss][Ii][Pp][Ss]?):(?:([!#-;=?A-Z\[-~]++)@)?"
    + _HOST
    + rb"(?::([0-9]{0,5}))?((?:;[^;?@]++)*+)(\?[^@]*+)?"
)
_PARAMETER: Final = re.compile(rb";([^;=]++)(?:=([^;]*+))?")
_SAFE_HOST: Final = re.compile(rb"[0-9A-Fa-f:.]++|[0-9A-Za-z_.-]++")
_LAST_PORT: Final = 65_535

Parameters = tuple[tuple[bytes, bytes | None], ...]


@attrs.frozen(kw_only=True)
class SipUri:
    """A `sip:` or `sips:` URI.

    `user` is everything before the "@", a password included, None where there is no "@"; `host` is without the
    brackets of IPv6; `rest` is the header part behind a "?".
    """

    scheme: bytes = b"sip"
    user: bytes | None = None
    host: bytes
    port: int | None = None
    params: Parameters = ()
    rest: bytes = b""

    def param(self, name: bytes) -> bytes | None:
        """Look up a parameter without regard to case: its value, b"" where it has none, None where it is absent."""
        wanted = name.lower()
        return next((value or b"" for found, value in self.params if found.lower() == wanted), None)

    def with_hostport(self, host: bytes, port: int | None) -> Self:
        """Point it elsewhere; user and parameters stay."""
        if not _SAFE_HOST.fullmatch(host):
            raise LocalProtocolError(f"not a host: {host[:64]!r}")
        return attrs.evolve(self, host=host, port=port)

    def without_param(self, name: bytes) -> Self:
        """Leave out a parameter."""
        wanted = name.lower()
        return attrs.evolve(self, params=tuple(one for one in self.params if one[0].lower() != wanted))

    def to_bytes(self) -> bytes:
        """Write it."""
        user = b"" if self.user is None else self.user + b"@"
        params = b"".join(
            b";%b" % name if value is None else b";%b=%b" % (name, value) for name, value in self.params
        )
        return b"%b:%b%b%b%b" % (self.scheme, user, hostport(self.host, self.port), params, self.rest)


def hostport(host: bytes, port: int | None) -> bytes:
    """Write a host and its port as URIs and Via do, IPv6 in brackets."""
    written = b"[%b]" % host if b":" in host else host
    return written if port is None else b"%b:%d" % (written, port)


def sip_uri(uri: bytes) -> SipUri | None:
    """Read a URI; None where it has another scheme, or isn't sound."""
    match = _URI.fullmatch(uri)
    if match is None or (match[5] and int(match[5]) > _LAST_PORT):
        return None
    return SipUri(
        scheme=match[1].lower(),
        user=match[2],
        host=match[3] or match[4],
        port=int(match[5]) if match[5] else None,
        params=tuple([(name[1], name[2]) for name in _PARAMETER.finditer(match[6])]),
        rest=match[7] or b"",
    )
