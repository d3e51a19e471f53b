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
            str(backend["state"]),
            str(backend["sessions"]),
            _capacity(backend["max_sessions"]),
            str(backend["weight"]),
            str(backend["failures"]),
            " ".join(f"{name}={one['address']}" for name, one in backend["protocols"].items()),
        )
        for pool in pools
        for backend in pool["backends"]
    ]
    if answer.get("draining"):
        click.echo("The proxy is draining: it takes no new sessions.\n")
    show_table(("BACKEND", "STATE", "SESSIONS", "OF", "WEIGHT", "FAILURES", "ADDRESSES"), rows)


def _capacity(most: object) -> str:
    if isinstance(most, dict):
        return ",".join(f"{resource}:{count}" for resource, count in most.items())
    return "-" if most is None else str(most)
