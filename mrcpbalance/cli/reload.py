"""`mrcpbalance reload`: have a running proxy read its configuration file again."""

import click

from ._ask import asks, find, show_json

SLOW = 30.0  # seconds: the names of new hosts are looked up before it answers
_CHANGES = (
    ("listeners_added", "listener added"),
    ("listeners_changed", "listener moved"),
    ("listeners_removed", "listener taken out"),
    ("backends_added", "backend added"),
    ("backends_removed", "backend taken out"),
    ("needs_restart", "changed, but read at the start only"),
)


@click.command()
@asks
def command(*, admin: str | None, file: str | None, token_file: str | None, as_json: bool) -> None:
    """Have a running proxy read its configuration file again; tell what changed, or the faults that kept it from changing.

    Live sessions are not touched. With a fault nothing is changed.
    """
    answer = find(admin, file, token_file).post("/api/v1/reload", patience=SLOW)
    if as_json:
        show_json(answer)
        return
    click.echo("reloaded")
    for key, words in _CHANGES:
        names = answer.get(key)
        for name in names if isinstance(names, list) else []:
            click.echo(f"  {words}: {name}")
