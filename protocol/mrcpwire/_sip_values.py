"""What headers of SIP hold: the hops of Via, and addresses with a display name and parameters."""

import functools
import re
from collections.abc import Mapping
from typing import Final, Self

import attrs

from mrcpwire._errors import LocalProtocolError
from mrcpwire._lines import BLANKS, TOKEN, check_token
from mrcpwire._sip_faults import fault
from mrcpwire._sip_headers import check_text
from mrcpwire._sip_uri import (
    HOST,
    LAST_PORT,
    URI,
    Parameters,
    find_parameter,
    hostport,
    without_parameter,
    write_parameters,
)

_QUOTED: Final = rb'"(?:[^"\\]++|\\.)*"'
# More than RFC 3261 section 25.1 has: any visible octets that don't separate, none included.
_VALUE: Final = rb"(?:%b|[!#-+\--:=?-~\x80-\xff]*+)" % _QUOTED
_B: Final = rb"[ \t]*+"
_PARTS: Final = {
    b"b": _B,
    b"token": TOKEN + b"+",
    b"quoted": _QUOTED,
    b"host": HOST,
    b"uri": URI,
    # Display names without quotes: tokens with blanks between, and what UTF-8 is made of, which isn't allowed.
    b"words": rb"(?:[!%'*+\-.0-9A-Z_`a-z~\x80-\xff]++[ \t]*+)*",
    # Without angle brackets a URI has no comma, semicolon or question mark: these belong to the header (20.10).
    b"bare": rb"[A-Za-z][A-Za-z0-9+.-]*+:[!#-+\--:=@-~]++",
    b"parameters": rb"(?:%(b)b;%(b)b%(name)b(?:%(b)b=%(b)b%(value)b)?)*"
    % {b"b": _B, b"name": TOKEN + b"+", b"value": _VALUE},
}
_PARAMETER: Final = re.compile(rb";[ \t]*+(%b+)(?:[ \t]*+(=)[ \t]*+(%b))?" % (TOKEN, _VALUE), re.DOTALL)
_SHORT: Final = 256  # octets of an address that is remembered; nearly all are shorter
_TEXT: Final = re.compile(_VALUE, re.DOTALL)
_VIA: Final = re.compile(
    rb"(%(token)b%(b)b/%(b)b%(token)b)%(b)b/%(b)b(%(token)b)[ \t]++%(host)b(?:%(b)b:%(b)b([0-9]{1,5}))?(%(parameters)b)"
    % _PARTS,
    re.DOTALL,
)
_ADDRESS: Final = re.compile(
    rb"(?:(%(quoted)b|%(words)b)%(b)b<(%(uri)b)>|(%(bare)b))(%(parameters)b)" % _PARTS, re.DOTALL
)


@attrs.frozen(kw_only=True)
class Via:
    """One hop of a request (RFC 3261 section 20.42); parameters keep their order, names are in lower case."""

    transport: bytes  # in upper case
    host: bytes  # IPv6 without brackets
    port: int | None = None
    params: Mapping[bytes, bytes | None] = attrs.field(factory=dict, hash=False)
    protocol: bytes = b"SIP/2.0"

    @property
    def branch(self) -> bytes | None:
        """The id of the transaction; None where there is none, or an empty one."""
        return self.params.get(b"branch") or None

    def with_param(self, name: bytes, value: bytes | None) -> Self:
        """Set a parameter; None makes it one without value."""
        if value is not None and not _TEXT.fullmatch(value):  # G-4
            raise LocalProtocolError(f"not a parameter's value: {value[:64]!r}")
        return attrs.evolve(self, params={**self.params, check_token(name).lower(): value})

    def to_bytes(self) -> bytes:
        """Write it; raises `LocalProtocolError` for what no line may hold (G-4)."""
        where = hostport(self.host, self.port)
        params = write_parameters(tuple(self.params.items()))
        return check_text(b"%b/%b %b%b" % (self.protocol, self.transport, where, params))

    @classmethod
    def parse(cls, value: bytes) -> Self:
        """Read one value of the header; raises `SipError` (sip.bad-via)."""
        match = _VIA.fullmatch(value)
        if match is None:
            raise fault("bad-via", "C.2", value, fatal=False)
        protocol, transport, six, host, port, text = match.groups()
        params = _parameters(text)
        named = {name.lower(): found for name, found in params}
        if len(named) != len(params) or (port and not 0 < int(port) <= LAST_PORT):
            raise fault("bad-via", "C.2", value, fatal=False)
        return cls(
            transport=transport.upper(),
            host=six or host,
            port=int(port) if port else None,
            params=named,
            protocol=protocol.translate(None, BLANKS).upper(),
        )


@attrs.frozen(kw_only=True)
class NameAddr:
    """An address, as in From, To, Contact and Route (RFC 3261 section 20.10).

    `display` is as it came, with its quotes. `params` belong to the header; those of the URI are in `uri`.
    """

    display: bytes = b""
    uri: bytes
    params: Parameters = ()

    @property
    def tag(self) -> bytes | None:
        """The tag of a From or To; None where there is none."""
        return find_parameter(self.params, b"tag") or None

    def param(self, name: bytes) -> bytes | None:
        """Look up a parameter: its value, b"" without one, None where it is absent; case doesn't count."""
        return find_parameter(self.params, name)

    def with_tag(self, tag: bytes) -> Self:
        """Give it this tag."""
        others = without_parameter(self.params, b"tag")
        return attrs.evolve(self, params=(*others, (b"tag", check_tag(tag))))

    def without_tag(self) -> Self:
        """Take its tag away."""
        return attrs.evolve(self, params=without_parameter(self.params, b"tag"))

    def to_bytes(self) -> bytes:
        """Write it, with angle brackets; raises `LocalProtocolError` for what no line may hold (G-4)."""
        display = self.display + b" " if self.display else b""
        return check_text(b"%b<%b>%b" % (display, self.uri, write_parameters(self.params)))

    @staticmethod
    def parse(value: bytes) -> "NameAddr":
        """Read one address; raises `SipError` (sip.bad-address)."""
        return _known_address(value) if len(value) <= _SHORT else _read_address(value)


def _read_address(value: bytes) -> NameAddr:
    match = _ADDRESS.fullmatch(value)
    if match is None:
        raise fault("bad-address", "C.2", value, fatal=False)
    display, uri, bare, params = match.groups()
    return NameAddr(
        display=display.rstrip(BLANKS) if display else b"",
        uri=uri or bare,
        params=_parameters(params) if params else (),
    )


_known_address: Final = functools.lru_cache(1024)(
    _read_address
)  # each of a call's messages has the same ones


def check_tag(tag: bytes) -> bytes:
    """Hand back a tag that is to be written, or raise `LocalProtocolError`."""
    if not tag or not _TEXT.fullmatch(tag):  # G-4
        raise LocalProtocolError(f"not a tag: {tag[:64]!r}")
    return tag


def _parameters(text: bytes) -> Parameters:
    return tuple([(name, value if equals else None) for name, equals, value in _PARAMETER.findall(text)])
