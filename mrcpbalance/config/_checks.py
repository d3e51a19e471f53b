"""Checks between keys: references, what a pool must offer a listener, keys that don't fit beside others."""

from collections.abc import Collection, Mapping
from typing import Final

from ._address import Address, is_loopback, is_wildcard
from ._fallback import loops
from ._faults import Place, nearest, one_of, quoted
from ._match import MatchConfig
from ._model import BackendConfig, Config, ListenerConfig, PoolConfig
from ._observing import AdminConfig
from ._sections import settings
from ._tracing import can_trace

ADDRESSES: Final = ("rtsp", "sip", "mrcp", "tcp")
"""What a backend may have an address for."""

_V1_RESOURCES: Final = {
    "speechrecognizer": "speechrecog",
    "recognizer": "speechrecog",
    "speechsynthesizer": "speechsynth",
    "synthesizer": "speechsynth",
}


def check(config: Config, root: Place) -> None:
    """Note the faults that show only when several keys are seen together."""
    for name, pool in config.pools.items():
        _check_pool(pool, root.under("pools", name))
        _check_fallback(pool, config, root.under("pools"))
    for way in loops(config.pools):
        place = root.under("pools", way[0], "fallback")
        place.fault(
            f"leads back to itself ({' → '.join(way)})", "expected pools that don't fall back on this one"
        )
    for name, listener in config.listeners.items():
        _check_listener(listener, root.under("listeners", name))
        if config.process.reuse_port:
            _check_own_ports(listener, root.under("listeners", name))
        _check_references(listener, config, root.under("listeners", name))
    if config.tracing and config.tracing.sample and not can_trace():
        root.under("tracing").fault(
            "needs OpenTelemetry, which isn't installed", "install it: pip install 'mrcpbalance[otel]'"
        )
    if config.admin:
        _check_admin(config.admin, root.under("admin"))


def _check_pool(pool: PoolConfig, place: Place) -> None:
    backends = place.under("backends")
    if not (pool.backends or place.noted or backends.noted):
        backends.fault("missing", "expected at least one table [pools.POOL.backends.BACKEND]")
    for name, backend in pool.backends.items():
        _check_backend(backend, pool, backends.under(name))


def _check_fallback(pool: PoolConfig, config: Config, pools: Place) -> None:
    here = pools.under(pool.name, "fallback")
    for name in pool.fallback:
        other = config.pools.get(name)
        if other is None:
            others = [known for known in config.pools if known != pool.name]
            here.fault(
                f"no pool {quoted(name)}",
                nearest(name, others) if others else "expected a table [pools.POOL]",
            )
        elif not set(_served(pool, pools)) & set(_served(other, pools)):
            here.fault(
                f"pool {quoted(name)} has no backend with an address for what those of {quoted(pool.name)} have one for",
                "expected a pool that speaks the same",
            )


def _served(pool: PoolConfig, pools: Place) -> list[str]:
    """Give the protocols that some backend of a pool may serve; all of them for a pool without backends, which has a fault."""
    backends = pools.under(pool.name, "backends")
    return [
        protocol
        for protocol in ADDRESSES
        if not pool.backends
        or any(_may_serve(backend, protocol, backends.under(name)) for name, backend in pool.backends.items())
    ]


def _check_backend(backend: BackendConfig, pool: PoolConfig, place: Place) -> None:
    served = [protocol for protocol in ADDRESSES if _may_serve(backend, protocol, place)]
    if not served:
        place.fault("no address", f"expected at least one of {one_of(ADDRESSES)}")
    _check_fit(BackendConfig, served or ADDRESSES, "an address for", place)
    capacity = backend.max_sessions if isinstance(backend.max_sessions, Mapping) else {}
    own_names = pool.resource_names.values()
    _check_resources(backend.resources or (), own_names, place.under("resources"))
    _check_resources(capacity, own_names, place.under("max_sessions"))


def _may_serve(backend: BackendConfig, protocol: str, place: Place) -> bool:
    """Tell whether a backend has this address, or might mean to have it where it has a fault."""
    if getattr(backend, protocol) is not None:
        return True
    other_keys = {field.name for field, _ in settings(BackendConfig)} - {protocol}
    return any(key not in other_keys for key in place.faulty_keys)


def _check_fit(cls: type[object], fitting: Collection[str], what: str, place: Place) -> None:
    for field, setting in settings(cls):
        here = place.under(field.name)
        if here.given and setting.only_for and not set(setting.only_for) & set(fitting):
            here.fault("doesn't fit here", f"expected only beside {what} {one_of(setting.only_for)}")


def _check_resources(names: Collection[str], own_names: Collection[str], place: Place) -> None:
    for name in sorted(names):
        if name in _V1_RESOURCES and name not in own_names:
            place.fault(f"{quoted(name)} is RTSP's name", f"did you mean {quoted(_V1_RESOURCES[name])}?")


def _check_listener(listener: ListenerConfig, place: Place) -> None:
    if not place.under("protocol").noted:
        _check_fit(ListenerConfig, [listener.protocol], "protocol", place)
    if listener.control == "direct" and listener.control_bind:
        place.under("control_bind").fault("doesn't fit here", 'expected only beside control "proxied"')
    _check_advertise(listener, place.under("advertise"))
    for index in range(len(listener.match)):
        _check_match(listener, place.under("match", index))


def _check_match(listener: ListenerConfig, place: Place) -> None:
    if not place.root.under("listeners", listener.name, "protocol").noted:
        _check_fit(MatchConfig, [listener.protocol], "protocol", place)
    conditions = [field.name for field, _ in settings(MatchConfig) if field.name != "pool"]
    if not (place.noted or any(place.under(condition).given for condition in conditions)):
        place.fault("no condition", f"expected at least one of {one_of(conditions)}")
    for condition in ("user", "accept_contact"):
        here = place.under(condition)
        if here.given and place.under("path").given and not here.noted:
            here.fault(
                "never holds beside path", "expected an entry of its own: RTSP has paths, SIP has this"
            )


def _check_own_ports(listener: ListenerConfig, place: Place) -> None:
    """See to it that two processes can have a port each of those that aren't shared."""
    for key, bind in (("control_bind", listener.control_bind), ("contact_bind", listener.contact_bind)):
        if bind is not None and len(bind) == 1 and bind[0].port:
            place.under(key).fault(
                "one port, which two processes can't both have",
                "expected a range or port 0 beside process.reuse_port",
            )


def _check_advertise(listener: ListenerConfig, place: Place) -> None:
    wildcard = any(is_wildcard(address.host) for address in listener.bind)
    needed = listener.protocol == "sip" and listener.control == "proxied" and wildcard
    if needed and not (listener.advertise or place.noted):
        place.fault("missing", "expected the address callers reach the proxy by, as bind is a wildcard")


def _check_references(listener: ListenerConfig, config: Config, place: Place) -> None:
    _check_pool_named(listener.pool, listener.protocol, config, place.under("pool"))
    for index, match in enumerate(listener.match):
        here = place.under("match", index)
        _check_pool_named(match.pool, _protocol_of(match, listener), config, here.under("pool"))
        own_names = config.pools[match.pool].resource_names.values() if match.pool in config.pools else ()
        _check_resources([match.resource] if match.resource else [], own_names, here.under("resource"))
    table = listener.stick_table
    if table and table not in config.stick_tables and not place.root.under("stick_tables").noted:
        fault = f"no stick table {quoted(table)}"
        known = config.stick_tables
        place.under("stick_table").fault(
            fault, nearest(table, known) if known else "expected a table [stick_tables.TABLE]"
        )


def _protocol_of(match: MatchConfig, listener: ListenerConfig) -> str:
    """Tell what the callers speak whose sessions a match may fit, as far as that is known."""
    if listener.protocol != "auto":
        return listener.protocol
    if match.path:
        return "rtsp"
    return "sip" if match.user or match.accept_contact else "auto"


def _check_pool_named(name: str, protocol: str, config: Config, place: Place) -> None:
    pool = config.pools.get(name)
    if pool:
        _check_served(protocol, pool, place)
    elif name and config.pools:
        place.fault(f"no pool {quoted(name)}", nearest(name, config.pools))


def _check_served(protocol: str, pool: PoolConfig, place: Place) -> None:
    if protocol == "auto":
        return  # every backend has some address
    if protocol not in _served(pool, place.root.under("pools")):
        place.fault(
            f"pool {quoted(pool.name)} has no backend with an address for {quoted(protocol)}",
            f'expected at least one with {protocol} = "HOST:PORT"',
        )


def _check_admin(admin: AdminConfig, place: Place) -> None:
    token_file = place.under("token_file")
    local = not isinstance(admin.bind, Address) or is_loopback(admin.bind.host)
    if not (local or admin.token_file or token_file.noted):
        token_file.fault(
            "missing", "expected the path of a file, as bind is neither loopback nor a unix socket"
        )
    if admin.read_token_file and not (admin.token_file or token_file.noted):
        place.under("read_token_file").fault("doesn't fit here", "expected only beside token_file")
