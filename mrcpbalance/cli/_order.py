"""Orders about a backend: drain, enable, disable."""

import click

from ._ask import backend_path, find, show_json


def give(
    order: str, backend: str, admin: str | None, file: str | None, token_file: str | None, *, as_json: bool
) -> None:
    """Give an order and show what came of it."""
    path = backend_path(backend)
    answer = find(admin, file, token_file).post(f"{path}/{order}")
    if as_json:
        show_json(answer)
    else:
        click.echo(f"{backend}: {answer['state']}, {answer['sessions']} live sessions")
