"""`mrcpbalance simulate`: speech servers and callers, for trying things out and for load tests."""

import click

from ._simulate_callers import callers
from ._simulate_server import server


@click.group()
def command() -> None:
    """Simulate speech servers, or callers that play scenarios against real or simulated ones."""


command.add_command(server)
command.add_command(callers)
