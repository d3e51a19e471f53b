"""What the headers of SIP hold: Via values, and addresses with display name and parameters."""

import re
from collections.abc import Mapping
from typing import Final, Self

import attrs

from mrcpwire._lines import TOKEN
from mrcpwire._sip_faults import fault
from mrcpwire._sip_headers import check_text
from mrcpwire._sip_uri import Parameters, hostport

_B: Final = rb"[ \t]*+"
_NAME: Final = TOKEN.replace(b"]+", b"]++")
_QUOTED: Final = rb'"(?:[^"\\]++|\\.)*+"'
# Generous: any visible octets but what separates, or a quoted string.
_VALUE: Final = rb"(?:%b|[!#-+\-./0-:=?-~\x80-\xff]*+)" % _QUOTED
_PARAMETERS: Final = rb"(?:%(b)b;%(b)b%(name)b(?:%(b)b=%(b)b%(value)b)?+)*+" % {
    b"b": _B,
    b"name": _NAME,
    b"value": _VALUE,
}
_PARAMETER: Final = re.compile(rb";[ \t]*+(%b)(?:[ \t]*+(=)[ \t]*+(%b))?" % (_NAME, _VALUE), re.DOTALL)
# RFC 3261 section 20.42; blanks may stand around the slashes and the colon.
_VIA: Final = re.compile(
    rb"(%(name)b%(b)b/%(b)b%(name)b)%(b)b/%(b)b(%(name)b)[ \t]++"
    rb"(?:\[([0-9A-Fa-f:.]++)\]|([0-9A-Za-z_.-]++))(?:%(b)b:%(b)b([0-9]{1,5}))?(%(parameters)b)"
    % {b"b": _B, b"name": _NAME, b"parameters": _PARAMETERS},
    re.DOTALL,
)
_URI: Final = rb"[A-Za-z][A-Za-z0-9+.-]*+:[!#-;=?-~]++"
_BARE_URI: Final = rb"[A-Za-z][A-Za-z0-9+.-]*+:[!#-+\--:=@-~]++"
# RFC 3261 section 25.1: name-addr, or addr-spec without comma, semicolon and question mark (section 20.10).
_ADDRESS: Final = re.compile(
    rb"(?:(%(quoted)b|(?:[!%%'*+\-.0-9A-Z_`a-z~\x80-\xff]++[ \t]*+)*+)%(b)b<(%(uri)b)>|(%(bare)b))(%(parameters)b)"
    % {b"b": _B, b"quoted": _QUOTED, b"uri": _URI, b"bare": _BARE_URI, b"parameters": _PARAMETERS},
    re.DOTALL,
)
_LAST_PORT: Final = 65_535


@attrs.frozen(kw_only=True)
class Via:
    """One hop a request took (RFC 3261 section 20.42); parameter names are in lower case."""

    transport: bytes  # in upper case
    host: bytes  # IPv6 without brackets
    port: int | None = None
    params: Mapping[bytes, bytes | None] = attrs.field(factory=dict, hash=False)
    protocol: bytes = b"SIP/2.0"

    @property
    def branch(self) -> bytes | None:
        """The transaction's id, None where there is none."""
        return self.params.get(b"branch") or None

    def with_param(self, name: bytes, value: bytes | None) -> Self:
        """Set a parameter; None makes it one without value."""
        return attrs.evolve(self, params={**self.params, name.lower(): value})

    def to_bytes(self) -> bytes:
        """Write it."""
        return check_text(
            b"%b/%b %b%b"
            % (
                self.protocol,
                self.transport,
                hostport(self.host, self.port),
                _write(tuple(self.params.items())),
            )
        )

    @classmethod
    def parse(cls, value: bytes) -> Self:
        """Read one value of a Via header; raises `SipError` (sip.bad-via)."""
        match = _VIA.fullmatch(value)
        if match is None:
            raise fault("bad-via", "C.2", value, fatal=False)
        protocol, transport, six, host, port, params = match.groups()
        found = _read(params)
        mapping = {name.lower(): text for name, text in found}
        if len(mapping) != len(found) or (port and int(port) > _LAST_PORT):
            raise fault("bad-via", "C.2", value, fatal=False)
        return cls(
            transport=transport.upper(),
            host=six or host,
            port=int(port) if port else None,
            params=mapping,
            protocol=protocol.replace(b" ", b"").replace(b"\t", b"").upper(),
        )


@attrs.frozen(kw_only=True)
class NameAddr:
    """A URI with a display name and parameters, as in From, To, Contact and Route (RFC 3261 section 20.10).

    `display` is as it came, quotes included; parameters belong to the header, those of the URI stand within `uri`.
    """

    display: bytes = b""
    uri: bytes
    params: Parameters = ()

    @property
    def tag(self) -> bytes | None:
        """The tag of a From or To, None where there is none."""
        return self.param(b"tag")

    def param(self, name: bytes) -> bytes | None:
        """Look up a parameter without regard to case: its value, b"" where it has none, None where it is absent."""
        for found, value in self.params:
            if found.lower() == name:
                return value or b""
        return None

    def with_tag(self, tag: bytes) -> Self:
        """Give it another tag."""
        others = tuple([one for one in self.params if one[0].lower() != b"tag"])
        return attrs.evolve(self, params=(*others, (b"tag", tag)))

    def to_bytes(self) -> bytes:
        """Write it, always with angle brackets."""
        display = self.display + b" " if self.display else b""
        return check_text(b"%b<%b>%b" % (display, self.uri, _write(self.params)))

    @classmethod
    def parse(cls, value: bytes) -> Self:
        """Read one address; raises `SipError` (sip.bad-address)."""
        match = _ADDRESS.fullmatch(value)
        if match is None:
            raise fault("bad-address", "C.2", value, fatal=False)
        display, uri, bare, params = match.groups()
        return cls(
            display=(display or b"").rstrip(b" \t"), uri=uri or bare, params=_read(params) if params else ()
        )


def _read(params: bytes) -> Parameters:
    return tuple([(name, value if equals else None) for name, equals, value in _PARAMETER.findall(params)])


def _write(params: Parameters) -> bytes:
    return b"".join([b";" + name if value is None else b";%b=%b" % (name, value) for name, value in params])
