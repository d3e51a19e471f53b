"""Where `mrcpbalance replay` plays: addresses for all protocols, or for one."""

from collections.abc import Sequence
from typing import Final

import click

from mrcpbalance.config import Address, parse_bind
from mrcpbalance.traces import Protocol

_SCHEMES: Final = {"rtsp": Protocol.MRCPV1, "sip": Protocol.MRCPV2, "mrcp": Protocol.MRCP}
_EXPECTED: Final = "expected HOST:PORT, or rtsp://HOST:PORT, sip://HOST:PORT or mrcp://HOST:PORT"
_ANY: Final = ("0.0.0.0", "::")  # noqa: S104 - what is refused


def places(
    option: str, given: Sequence[str], used: Sequence[Protocol], *, bound: bool
) -> dict[Protocol, Address]:
    """Give the address of each protocol that is used; raises `click.UsageError`.

    With `bound` these are addresses to listen on: port 0 is any free one, and several protocols can't share a port.
    """
    found: dict[Protocol, Address] = {}
    plain: Address | None = None
    for text in given:
        scheme, mark, rest = text.partition("://")
        address = _address(option, rest if mark else text, bound=bound)
        if not mark:
            plain = address
        elif scheme in _SCHEMES:
            found[_SCHEMES[scheme]] = address
        else:
            raise click.UsageError(f"{option} {text}: unknown protocol {scheme}, {_EXPECTED}")
    missing = [protocol for protocol in used if protocol not in found]
    if missing and plain is None:
        names = " and ".join(_name(protocol) for protocol in missing)
        raise click.UsageError(
            f"the capture has {names} sessions: say {option} {_scheme(missing[0])}://HOST:PORT too"
        )
    if plain is not None:
        if bound and plain.port and len(missing) > 1:
            raise click.UsageError(
                f"{option} {plain}: the capture has sessions of several protocols, and each needs a port of its own;"
                f" say {' '.join(f'{option} {_scheme(one)}://HOST:PORT' for one in missing)}"
            )
        found.update(dict.fromkeys(missing, plain))
    return found


def _address(option: str, text: str, *, bound: bool) -> Address:
    try:
        (address,) = parse_bind(text)
    except ValueError as error:
        raise click.UsageError(f"{option} {text}: {error}, {_EXPECTED}") from None
    if bound and address.host in _ANY:
        raise click.UsageError(
            f"{option} {text}: answers must name an address that callers reach, not a wildcard"
        )
    if not bound and not address.port:
        raise click.UsageError(f"{option} {text}: no port, {_EXPECTED}")
    return address


def _scheme(protocol: Protocol) -> str:
    return next(scheme for scheme, one in _SCHEMES.items() if one is protocol)


def _name(protocol: Protocol) -> str:
    return _scheme(protocol).upper()
