"""`mrcpbalance sessions`: the live sessions of a running proxy."""

from urllib.parse import urlencode

import click

from ._ask import asks, find, show_json, show_table
from ._complete import bare_backends


@click.command()
@click.option("--backend", shell_complete=bare_backends, help="Only those on this backend.")
@click.option("--search", help="Only those whose ids or caller address contain this.")
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Show at most so many."
)
@asks
def command(
    *,
    backend: str | None,
    search: str | None,
    limit: int,
    admin: str | None,
    file: str | None,
    token_file: str | None,
    as_json: bool,
) -> None:
    """Show the live sessions of a running proxy, oldest first."""
    asked = {"backend": backend, "search": search, "limit": str(limit)}
    query = urlencode({name: value for name, value in asked.items() if value})
    answer = find(admin, file, token_file).get(f"/api/v1/sessions?{query}")
    if as_json:
        show_json(answer)
        return
    sessions = answer["sessions"]
    assert isinstance(sessions, list)
    rows = [
        (
            str(row["id"]),
            str(row["protocol"]),
            str(row["client"]),
            f"{row['pool']}/{row['backend'] or '-'}",
            ",".join(row["resources"]) or "-",
            f"{row['age_s']:.0f}s",
            ",".join(row["keys"]) or "-",
        )
        for row in sessions
    ]
    show_table(("ID", "PROTOCOL", "CLIENT", "BACKEND", "RESOURCES", "AGE", "KEYS"), rows)
    total = answer["total"]
    if isinstance(total, int) and total > len(rows):
        cut = len(rows) == limit
        hint = "; --limit shows more, --search finds some" if cut else ""
        click.echo(f"\n{len(rows)} of {total} live sessions{hint}.")
