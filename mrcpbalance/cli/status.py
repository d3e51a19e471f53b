"""`mrcpbalance status`: the pools of a running proxy, and how each backend stands."""

import click

from ._ask import asks, find, show_json, show_table


@click.command()
@asks
def command(*, admin: str | None, file: str | None, token_file: str | None, as_json: bool) -> None:
    """Show the pools of a running proxy: state, live sessions and capacity of each backend."""
    answer = find(admin, file, token_file).get("/api/v1/pools")
    if as_json:
        show_json(answer)
        return
    pools = answer["pools"]
    assert isinstance(pools, list)
    rows = [
        (
            f"{pool['name']}/{backend['name']}",
            str(backend["state"]) + (" (taken out)" if backend.get("removed") else ""),
            str(backend["sessions"]),
            _capacity(backend["max_sessions"]),
            str(backend["weight"]),
            str(backend["failures"]),
            " ".join(_address(name, one, backend["state"]) for name, one in backend["protocols"].items()),
        )
        for pool in pools
        for backend in pool["backends"]
    ]
    if answer.get("draining"):
        click.echo("The proxy is draining: it takes no new sessions.\n")
    show_table(("BACKEND", "STATE", "SESSIONS", "OF", "WEIGHT", "FAILURES", "ADDRESSES"), rows)
    for pool in pools:
        if pool.get("fallback"):
            click.echo(f"\nWhat {pool['name']} can't take goes to {', then '.join(pool['fallback'])}.")


def _address(protocol: str, one: dict[str, object], state: str) -> str:
    """Give an address, with its state where that differs from its backend's, and those that a name with several has."""
    hosts = one.get("hosts")
    shown = [_host(host) for host in hosts] if isinstance(hosts, list) and len(hosts) > 1 else []
    several = f"[{','.join(shown)}]" if shown else ""
    differs = "" if one["state"] == state else f" ({one['state']})"
    why = f" ({one['reason']})" if one.get("reason") else ""
    return f"{protocol}={one['address']}{several}{differs}{why}"


def _host(host: dict[str, object]) -> str:
    return f"{host['address']}{' avoided' if host['avoided'] else ''}"


def _capacity(most: object) -> str:
    if isinstance(most, dict):
        return ",".join(f"{resource}:{count}" for resource, count in most.items())
    return "-" if most is None else str(most)
