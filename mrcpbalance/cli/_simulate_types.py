"""What the flags of `mrcpbalance simulate` take."""

from typing import Final, Literal, cast, get_args

import attrs
import click

from mrcpbalance.config import Address, parse_address, parse_duration
from mrcpbalance.simulator import Delay, Drop, Fault, Refuse, Silence
from mrcpbalance.simulator.load import Scheme, Target

_HUNDRED: Final = 100
_STATUSES: Final = range(100, 1000)


class Listening(click.ParamType[Address]):
    """Where a server listens; port 0 is any free one."""

    name = "address"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Address:
        """Read it."""
        if isinstance(value, Address):
            return value
        try:
            return parse_address(str(value), least_port=0)
        except ValueError as error:
            self.fail(f"{error}: {value!r}, expected HOST:PORT, IPv6 in brackets", param, ctx)


class To(click.ParamType[Target]):
    """Whom callers call."""

    name = "target"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Target:
        """Read it."""
        if isinstance(value, Target):
            return value
        scheme, _, rest = str(value).partition("://")
        where, _, transport = rest.partition(";transport=")
        if scheme not in get_args(Scheme) or (
            transport and (scheme, transport) not in (("sip", "tcp"), ("sip", "udp"))
        ):
            expected = "rtsp://HOST:PORT, sip://HOST:PORT, sip://HOST:PORT;transport=tcp or mrcp://HOST:PORT"
            self.fail(f"{value!r}, expected {expected}", param, ctx)
        try:
            address = parse_address(where)
        except ValueError as error:
            self.fail(f"{error}: {where!r}, expected HOST:PORT, IPv6 in brackets", param, ctx)
        carried: Literal["udp", "tcp"] = "tcp" if transport == "tcp" else "udp"
        return Target(scheme=cast("Scheme", scheme), address=address, transport=carried)


@attrs.frozen
class Spot:
    """Where a fault strikes: a method or event, what comes with it, and how often."""

    at: str
    value: str
    share: float


class At(click.ParamType[Spot]):
    """`METHOD[=VALUE][:SHARE%]`."""

    name = "spot"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Spot:
        """Read it."""
        if isinstance(value, Spot):
            return value
        text, colon, share = str(value).partition(":")
        name, _, given = text.partition("=")
        try:
            part = float(share.removesuffix("%")) / _HUNDRED if colon else 1.0
        except ValueError:
            part = -1.0
        if not name or not 0 <= part <= 1:
            self.fail(
                f"{value!r}, expected METHOD, or METHOD=VALUE, or either with a share like :20%", param, ctx
            )
        return Spot(name.upper(), given, part)


def faults(
    refuse: tuple[Spot, ...], delay: tuple[Spot, ...], silence: tuple[Spot, ...], drop: tuple[Spot, ...]
) -> list[Fault]:
    """Make the faults that were asked for; raises `click.BadParameter`."""
    return [
        *(Refuse(at=spot.at, status=_status(spot), share=spot.share) for spot in refuse),
        *(Delay(at=spot.at, seconds=_seconds(spot), share=spot.share) for spot in delay),
        *(Silence(at=spot.at, share=spot.share) for spot in silence),
        *(Drop(at=spot.at, share=spot.share) for spot in drop),
    ]


def _status(spot: Spot) -> int:
    status = int(spot.value) if spot.value.isdecimal() else 0
    if status not in _STATUSES:
        raise click.BadParameter(
            f"{spot.value!r} is no status, expected {spot.at}=503", param_hint="--refuse"
        )
    return status


def _seconds(spot: Spot) -> float:
    try:
        return parse_duration(spot.value)
    except ValueError as error:
        raise click.BadParameter(f"{error}: expected {spot.at}=250ms", param_hint="--delay") from None
