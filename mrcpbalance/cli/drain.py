"""`mrcpbalance drain POOL/BACKEND`."""

import click

from ._ask import asks
from ._complete import backends
from ._order import give


@click.command()
@click.argument("backend", metavar="POOL/BACKEND", shell_complete=backends)
@asks
def command(
    *, backend: str, admin: str | None, file: str | None, token_file: str | None, as_json: bool
) -> None:
    """Take no new sessions on POOL/BACKEND; live ones finish."""
    give("drain", backend, admin, file, token_file, as_json=as_json)
