"""The command `mrcpbalance`, one file a subcommand."""

import click


@click.group()
@click.version_option(package_name="mrcpbalance")
def main() -> None:
    """Balance MRCP sessions over pools of speech servers."""
