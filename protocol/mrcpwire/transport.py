"""The Transport header of RTSP (RFC 2326 section 12.39): a peek into it, and one edit that leaves its octets alone.

Nothing here raises errors about what a peer wrote: what isn't understood isn't found.
"""

import re
from collections.abc import Iterator
from typing import Final

from mrcpwire._errors import LocalProtocolError
from mrcpwire._lines import BLANKS, check_token, check_value

# Text up to a separator; within quotes, where a backslash takes the meaning from what follows, none separates.
_QUOTED: Final = rb'"(?:[^"\\]++|\\.?)*"?'
_SPEC: Final = re.compile(rb'(?:[^",]++|%b)*' % _QUOTED, re.DOTALL)
_PARAMETER: Final = re.compile(rb'(?:[^";]++|%b)*' % _QUOTED, re.DOTALL)
_PAIR: Final = re.compile(rb"([0-9]{1,5})(?:-([0-9]{1,5}))?")
_LAST_CHANNEL: Final = 255  # a channel is one octet
_SPECIAL: Final = re.compile(rb'[\s,;"\\]')


def specs(value: bytes) -> list[bytes]:
    """Split a value at its commas into the alternatives of a request; joined with commas they make it up again."""
    return list(_split(_SPEC, value))


def parameters(spec: bytes) -> list[tuple[bytes, bytes | None]]:
    """List the parameters of one spec, trimmed, behind the transport itself; None for those without "="."""
    found = []
    for part in list(_split(_PARAMETER, spec))[1:]:
        name, equals, value = part.partition(b"=")
        found.append((name.strip(BLANKS), _unquoted(value.strip(BLANKS)) if equals else None))
    return found


def has(spec: bytes, name: bytes) -> bool:
    """Tell whether a spec has this parameter, with a value or without; case doesn't count."""
    return any(found.lower() == name.lower() for found, _ in parameters(spec))


def get(spec: bytes, name: bytes) -> bytes | None:
    """Look up the value of the first such parameter, without its quotes."""
    values = (value for found, value in parameters(spec) if found.lower() == name.lower())
    return next(values, None)


def is_unicast(spec: bytes) -> bool:
    """Tell whether a spec is unicast: it says so, or it names ports as only unicast does.

    The RFC's default is multicast, which MRCP never uses; peers that leave the word out mean unicast.
    """
    if has(spec, b"multicast"):
        return False
    return has(spec, b"unicast") or has(spec, b"client_port") or has(spec, b"server_port")


def interleaved(value: bytes) -> tuple[int, int] | None:
    """Give the channels that the first spec with a sound `interleaved=m-n` or `=m` names, both from 0 to 255."""
    if b"interleaved" not in value.lower():
        return None
    for spec in specs(value):
        match = _PAIR.fullmatch(get(spec, b"interleaved") or b"")
        if match:
            first, last = int(match[1]), int(match[2] or match[1])
            if first <= last <= _LAST_CHANNEL:
                return first, last
    return None


def with_parameter(value: bytes, name: bytes, parameter: bytes) -> bytes:
    """Add a parameter to every unicast spec that lacks it, but not to interleaved ones, which need no address (R-20).

    Every octet of the value stays as it is.
    """
    check_token(name)
    if _SPECIAL.search(check_value(parameter)):
        raise LocalProtocolError(f"not a Transport parameter: {parameter[:64]!r}")  # G-4
    return b",".join(_with_parameter(spec, name, parameter) for spec in specs(value))


def _with_parameter(spec: bytes, name: bytes, parameter: bytes) -> bytes:
    if not is_unicast(spec) or has(spec, name) or has(spec, b"interleaved"):
        return spec
    text = spec.rstrip(b" \t;")
    return b"%b;%b=%b%b" % (text, name, parameter, spec[len(text) :])


def _split(piece: re.Pattern[bytes], text: bytes) -> Iterator[bytes]:
    at = 0
    while at <= len(text):
        match = piece.match(text, at)
        assert match is not None  # it matches nothing at least
        yield match[0]
        at = match.end() + 1


def _unquoted(value: bytes) -> bytes:
    if len(value) > 1 and value.startswith(b'"') and value.endswith(b'"'):
        return re.sub(rb"\\(.)", rb"\1", value[1:-1], flags=re.DOTALL)
    return value
