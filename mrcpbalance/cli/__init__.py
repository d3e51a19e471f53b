"""The command `mrcpbalance`: each public module of this package is a subcommand, its click object named `command`."""

import importlib
import pkgutil

import click


class _Commands(click.Group):
    """Imports a command only when it is asked for, so that none pays for the others."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        return sorted(
            module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")
        )

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command = importlib.import_module(f".{cmd_name}", __name__).command
        return command if isinstance(command, click.Command) else None


@click.group(cls=_Commands)
@click.version_option(package_name="mrcpbalance")
def main() -> None:
    """Balance MRCP sessions over pools of speech servers."""
