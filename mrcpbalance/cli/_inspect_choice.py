"""Which sessions of a capture a command is about."""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import attrs
import click

from mrcpbalance.traces import Endpoint, Session

from ._duration import TIME

F = TypeVar("F", bound=Callable[..., object])
_NANOSECONDS: Final = 1_000_000_000


@attrs.frozen(kw_only=True)
class Choice:
    """Everything that was asked for; a session must fit all of it, and one of the names if there are any."""

    names: tuple[str, ...] = ()
    method: str | None = None
    cause: str | None = None
    longer_than: int = 0  # nanoseconds
    failed: bool = False
    server: str | None = None

    def of(self, sessions: Sequence[Session]) -> list[Session]:
        """Give those that fit, in their order."""
        named = [session for session in sessions if self._is_named(session)]
        return [session for session in named if self._fits(session)]

    def keep(self, session: Session) -> bool:
        """Tell whether one that has no number yet may be chosen."""
        maybe = not self.names or any(name.isdigit() or session.is_called(name) for name in self.names)
        return maybe and self._fits(session)

    @property
    def is_all(self) -> bool:
        """Whether no session is left out for what it is like."""
        return self == Choice(server=self.server)

    def is_server(self, server: Endpoint) -> bool:
        """Tell whether this is a server that was asked for."""
        return self.server in (None, server.host, str(server))

    def _is_named(self, session: Session) -> bool:
        return not self.names or any(session.is_called(name) for name in self.names)

    def _fits(self, session: Session) -> bool:
        return (
            (self.method is None or self.method.upper() in session.methods)
            and (self.cause is None or any(is_cause(one.cause, self.cause) for one in session.causes))
            and session.duration > self.longer_than - 1
            and (not self.failed or session.outcome.end.is_failure)
            and self.is_server(session.server)
        )


def is_cause(cause: str, wanted: str) -> bool:
    """Compare a Completion-Cause such as "001 no-match" with what was asked for: its name, its number, or both."""
    number, _, name = cause.partition(" ")
    if wanted.isdigit() and number.isdigit():
        return int(wanted) == int(number)
    return wanted.lower() in (name.strip().lower(), cause.lower())


def _nanoseconds(_context: click.Context, _parameter: click.Parameter, value: float | None) -> int:
    return 0 if value is None else round(value * _NANOSECONDS)


_OPTIONS: Final = (
    click.option("--method", metavar="M", help="Only sessions with this method or event, such as RECOGNIZE."),
    click.option(
        "--cause", metavar="C", help="Only sessions with this completion cause: no-match, or its number."
    ),
    click.option(
        "--longer-than",
        metavar="TIME",
        type=TIME,
        callback=_nanoseconds,
        help="Only sessions that took longer, as in 2s.",
    ),
    click.option(
        "--server",
        metavar="HOST[:PORT]",
        help="Only sessions with this server; a capture at a proxy has each session twice.",
    ),
    click.option("--failed", is_flag=True, help="Only sessions that were refused, failed or cut."),
)


def choosing(command: F) -> F:
    """Give a command the options that choose by what sessions are like."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
