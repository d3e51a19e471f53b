"""SIP URIs (RFC 3261 section 19.1): read, and pointed elsewhere."""

import re
from typing import Final, Self

import attrs

from mrcpwire._errors import LocalProtocolError
from mrcpwire._sip_headers import check_text

# Any scheme: unknown ones are somebody else's to refuse (416). Visible octets but for quotes and angle brackets.
URI: Final = rb"[A-Za-z][A-Za-z0-9+.-]*+:[!#-;=?-~]++"
# An IPv6 address in brackets, or a name; names are taken as they come (F-23).
HOST: Final = rb"(?:\[([0-9A-Fa-f:.]++)\]|([0-9A-Za-z_.-]++))"
LAST_PORT: Final = 65_535

_URI: Final = re.compile(
    rb"([Ss][Ii][Pp][Ss]?+):(?:([!#-;=?A-Z\[-~]*+)@)?%b(?::([0-9]*+))?((?:;[!#-:=A-~]++)*)(\?[!#-;=?A-~]*+)?"
    % HOST
)
_PARAMETER: Final = re.compile(rb";([^;=]++)(?:=([^;]*+))?")
_HOST: Final = re.compile(rb"[0-9A-Fa-f:.]++|[0-9A-Za-z_.-]++")
_PORT: Final = re.compile(rb"0*+([1-9][0-9]{0,4})")

Parameters = tuple[tuple[bytes, bytes | None], ...]  # None where there is no "="


@attrs.frozen(kw_only=True)
class SipUri:
    """A `sip:` or `sips:` URI; nothing is unescaped.

    `user` is what stands before the "@", a password included, None without one. `host` lacks the brackets of IPv6.
    `headers` is what follows a "?", and the "?".
    """

    scheme: bytes = b"sip"  # in lower case
    user: bytes | None = None
    host: bytes
    port: int | None = None
    params: Parameters = ()
    headers: bytes = b""

    def param(self, name: bytes) -> bytes | None:
        """Look up a parameter: its value, b"" without one, None where it is absent; case doesn't count."""
        return find_parameter(self.params, name)

    def with_hostport(self, host: bytes, port: int | None) -> Self:
        """Point it elsewhere; user and parameters stay."""
        return attrs.evolve(self, host=host, port=port)

    def without_param(self, name: bytes) -> Self:
        """Leave out a parameter; case doesn't count."""
        return attrs.evolve(self, params=without_parameter(self.params, name))

    def to_bytes(self) -> bytes:
        """Write it; raises `LocalProtocolError` for what no line may hold (G-4)."""
        user = b"" if self.user is None else self.user + b"@"
        where = hostport(self.host, self.port)
        return check_text(
            b"%b:%b%b%b%b" % (self.scheme, user, where, write_parameters(self.params), self.headers)
        )


def sip_uri(uri: bytes) -> SipUri | None:
    """Read a URI; None where it has another scheme or isn't sound."""
    match = _URI.fullmatch(uri)
    if match is None:
        return None
    scheme, user, six, name, digits, params, headers = match.groups()
    port = _PORT.fullmatch(digits) if digits else None
    if digits and (port is None or int(port[1]) > LAST_PORT):
        return None
    return SipUri(
        scheme=scheme.lower(),
        user=user,
        host=six or name,
        port=int(port[1]) if port else None,
        params=tuple([(found[1], found[2]) for found in _PARAMETER.finditer(params)]),
        headers=headers or b"",
    )


def is_uri(uri: bytes) -> bool:
    """Tell whether a request may be for this URI: one of another scheme, or a sound SIP one without headers (19.1.1).

    Ports are not looked at: one client's ACK has an odd one (F-23).
    """
    if not uri[:5].lower().startswith((b"sip:", b"sips:")):
        return True
    match = _URI.fullmatch(uri)
    return match is not None and match[7] is None


def find_parameter(params: Parameters, name: bytes) -> bytes | None:
    """Look up a parameter: its value, b"" without one, None where it is absent; case doesn't count."""
    wanted = name.lower()
    for found, value in params:
        if found.lower() == wanted:
            return value or b""
    return None


def without_parameter(params: Parameters, name: bytes) -> Parameters:
    """Leave out a parameter; case doesn't count."""
    unwanted = name.lower()
    return tuple([one for one in params if one[0].lower() != unwanted])


def write_parameters(params: Parameters) -> bytes:
    """Write parameters with the semicolons before them."""
    return b"".join([b";" + name if value is None else b";%b=%b" % (name, value) for name, value in params])


def hostport(host: bytes, port: int | None) -> bytes:
    """Write host and port as URIs and Via have them, IPv6 in brackets; raises `LocalProtocolError`."""
    if not _HOST.fullmatch(host):  # G-4
        raise LocalProtocolError(f"not a host: {host[:64]!r}")
    written = b"[%b]" % host if b":" in host else host
    return written if port is None else b"%b:%d" % (written, port)
