"""Durations on the command line, written as in the configuration."""

from typing import Final

import click

from mrcpbalance.config import parse_duration


class Duration(click.ParamType[float]):
    """A duration like "250ms", in seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read it."""
        if isinstance(value, float):
            return value
        try:
            return parse_duration(str(value))
        except ValueError as error:
            self.fail(f"{error}: {value!r}, expected one like 250ms, 2s or 1h30m", param, ctx)


TIME: Final = Duration()
