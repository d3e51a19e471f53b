"""Which pool a new session goes to: the listener's, or another that its first request is matched with."""

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Self

import attrs

from mrcpbalance.config import ListenerConfig, MatchConfig, Pattern
from mrcpbalance.pool import Pool


@attrs.frozen(kw_only=True)
class Asked:
    """What the first request of a session says, as far as matches look at it."""

    source: str  # the caller's address without its port
    path: str | None = None  # of an RTSP request; None: it is none
    segment: str = ""  # its last part, which each pool has its own names for
    user: str | None = None  # of an INVITE's Request-URI, "" when there is none; None: it is no INVITE
    features: Sequence[Mapping[str, str]] = ()  # the parameters of each Accept-Contact value
    resources: Sequence[str] = ()  # by their MRCPv2 names


@attrs.frozen
class Route:
    """A pool, and the key of the configuration that chose it."""

    pool: Pool
    by: str


@attrs.frozen
class Rule:
    """One entry of a listener's matches."""

    config: MatchConfig
    route: Route
    _network: ipaddress.IPv4Network | ipaddress.IPv6Network | None = attrs.field(init=False)

    @_network.default
    def _read_network(self) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
        source = self.config.source
        return None if source is None else ipaddress.ip_network(source)

    def fits(self, asked: Asked) -> bool:
        """Tell whether all its conditions hold."""
        its = self.config
        return (
            _fits(its.path, asked.path)
            and _fits(its.user, asked.user)
            and (its.resource is None or self._is_asked_for(its.resource, asked))
            and (self._network is None or _is_in(asked.source, self._network))
            and (its.accept_contact is None or _accepts(its.accept_contact, asked.features))
        )

    def _is_asked_for(self, resource: str, asked: Asked) -> bool:
        if asked.segment and self.route.pool.resource_name(asked.segment) == resource:
            return True
        return resource in asked.resources


@attrs.frozen
class Routes:
    """Where the sessions of one listener may go."""

    listener: ListenerConfig
    default: Route
    rules: tuple[Rule, ...] = ()

    @classmethod
    def of(cls, listener: ListenerConfig, pools: Mapping[str, Pool]) -> Self:
        """Look up the pools that a listener names."""
        key = f"listeners.{listener.name}"
        rules = tuple(
            Rule(match, Route(pools[match.pool], f"{key}.match[{index}]"))
            for index, match in enumerate(listener.match)
        )
        return cls(listener, Route(pools[listener.pool], f"{key}.pool"), rules)

    def choose(self, asked: Asked) -> Route:
        """Choose by the first entry that fits."""
        return next((rule.route for rule in self.rules if rule.fits(asked)), self.default)


def _fits(pattern: Pattern | None, value: str | None) -> bool:
    return pattern is None or (value is not None and pattern.fits(value))


def _is_in(source: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    try:
        return ipaddress.ip_address(source.partition("%")[0]) in network
    except ValueError:  # nobody calls from there; but an operator may ask about anything
        return False


def _accepts(wanted: Mapping[str, Pattern], features: Sequence[Mapping[str, str]]) -> bool:
    """Tell whether one Accept-Contact value has every parameter, with some value that fits."""
    return any(
        all(
            any(pattern.fits(one.strip()) for one in feature.get(name, "").split(",") if one)
            for name, pattern in wanted.items()
        )
        for feature in features
    )
