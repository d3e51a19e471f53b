"""What a shell offers for names of pools and backends: those of the proxy that answers now."""

import contextlib
import io
from collections.abc import Iterator
from typing import Final

import click

from ._ask import NoAnswerError, find

PATIENCE: Final = 1.0  # seconds: somebody waits at the prompt


def backends(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 - click's shape
    """Offer every POOL/BACKEND."""
    names = [f"{pool}/{name}" for pool, name in _known(ctx)]
    return [name for name in names if name.startswith(incomplete)]


def bare_backends(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 - as above
    """Offer every backend's own name."""
    return sorted({name for _, name in _known(ctx) if name.startswith(incomplete)})


def pools(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 - as above
    """Offer every pool."""
    return sorted({pool for pool, _ in _known(ctx) if pool.startswith(incomplete)})


def _known(ctx: click.Context) -> Iterator[tuple[str, str]]:
    """Ask, as the options given so far say; nobody is told when there is no answer."""
    options = (ctx.params.get(name) for name in ("admin", "file", "token_file"))
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            answer = find(*options).ask("GET", "/api/v1/pools", PATIENCE)
    except (NoAnswerError, SystemExit, click.ClickException):
        return
    rows = answer.get("pools")
    for pool in rows if isinstance(rows, list) else []:
        for backend in pool["backends"]:
            yield str(pool["name"]), str(backend["name"])
