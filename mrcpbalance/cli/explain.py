"""`mrcpbalance explain`: why a session sits where it does, or where the next one would go."""

from urllib.parse import quote, urlencode

import click

from ._ask import asks, find, show_json, show_table
from ._complete import pools


@click.command()
@click.argument("session", required=False)
@click.option("--pool", shell_complete=pools, help="Where the next session would go: in this pool.")
@click.option(
    "--resource",
    "resources",
    multiple=True,
    help="For this resource, by its MRCPv2 name; several for one session that needs all.",
)
@click.option("--protocol", type=click.Choice(["mrcpv1", "mrcpv2", "mrcp", "tcp"]), help="In this protocol.")
@click.option("--source", help="From this caller address.")
@click.option("--listener", help="That comes to this listener.")
@click.option("--path", help="With this path in its RTSP request.")
@click.option("--user", help="With this user in its INVITE's Request-URI.")
@click.option(
    "--accept-contact",
    multiple=True,
    metavar="NAME=VALUE",
    help="With this parameter in its INVITE's Accept-Contact; may be given several times.",
)
@asks
def command(
    *,
    session: str | None,
    pool: str | None,
    resources: tuple[str, ...],
    protocol: str | None,
    source: str | None,
    listener: str | None,
    path: str | None,
    user: str | None,
    accept_contact: tuple[str, ...],
    admin: str | None,
    file: str | None,
    token_file: str | None,
    as_json: bool,
) -> None:
    """Tell why SESSION (our id, or any id its caller knows) sits where it does; without it, where the next one would go."""
    asked = {
        "pool": pool,
        "resource": resources,
        "protocol": protocol,
        "source": source,
        "listener": listener,
        "path": path,
        "user": user,
        "accept_contact": accept_contact,
    }
    given = {name: value for name, value in asked.items() if value}
    if session is not None and given:
        raise click.UsageError("give either a session, or what the next one is like")
    proxy = find(admin, file, token_file)
    if session is None:
        answer = proxy.get("/api/v1/explain" + (f"?{urlencode(given, doseq=True)}" if given else ""))
    else:
        answer = proxy.get(f"/api/v1/explain/{quote(session, safe='')}")
    if as_json:
        show_json(answer)
    elif session is None:
        _next(answer["next"])
    else:
        _session(answer)


def _session(answer: dict[str, object]) -> None:
    row, now = answer["session"], answer["now"]
    assert isinstance(row, dict)
    click.echo(
        f"{row['id']} ({row['protocol']}, {', '.join(row['resources']) or 'no resource named'}) from {row['client']}"
    )
    at = f" at {row['address']}" if row.get("address") else ""
    click.echo(f"sits on {row['pool']}/{row['backend']}{at}: {answer['why']}.")
    if row.get("recording"):
        click.echo(f"It is recorded; in the end that is {row['recording']}.")
    click.echo("\nThe pool as it stands now:")
    _verdicts(now)


def _next(rows: object) -> None:
    assert isinstance(rows, list)
    if not rows:
        click.echo("No listener takes such a session.")
    for row in rows:
        resource = f" {row['resource']}" if row["resource"] else ""
        session, taker = f"The next {row['protocol']}{resource} session", row["next"] or "nobody"
        if "listener" in row:
            route = f"by {row['routed_by']} to pool {row['pool']}"
            click.echo(f"{session} of listener {row['listener']} goes {route}, and there to {taker}.")
        else:
            click.echo(f"{session} in {row['pool']} would go to {taker}.")
        _verdicts(row["backends"])
        for other in row["fallback"]:
            click.echo(f"What {row['pool']} can't take goes to {other['pool']}:")
            _verdicts(other["backends"])
        click.echo()


def _verdicts(rows: object) -> None:
    assert isinstance(rows, list)
    table = [
        (
            str(row["backend"]),
            str(row["state"]),
            "yes" if row["eligible"] else f"no: {row['excluded']}",
            f"{row['score']:g}",
        )
        for row in rows
    ]
    show_table(("BACKEND", "STATE", "ELIGIBLE", "SCORE"), table)
