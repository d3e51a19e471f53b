"""Asking a running proxy: where its admin interface is, and what it answers."""

import http.client
import json
import os
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, NoReturn, TypeVar
from urllib.parse import quote, urlsplit

import attrs
import click

from mrcpbalance.config import AdminConfig, ConfigError, load

DEFAULT: Final = "127.0.0.1:8090"
PIECE: Final = 65_536  # octets taken at once
PATIENCE: Final = 5.0  # seconds for an answer
F = TypeVar("F", bound=Callable[..., object])
type_answer = dict[str, object]


class NoAnswerError(Exception):
    """Nobody answered, or not as hoped; says why and what to do. `faults` are those of a refused configuration."""

    def __init__(self, text: str, faults: tuple[str, ...] = ()) -> None:
        super().__init__(text)
        self.faults = faults


@attrs.frozen
class Admin:
    """Where to ask, and the token to ask with."""

    where: str
    token: str | None = None

    def get(self, path: str) -> type_answer:
        """Ask for something; ends the command with a clear error when there is no good answer."""
        return self._ask("GET", path, PATIENCE)

    def post(self, path: str, *, patience: float = PATIENCE) -> type_answer:
        """Give an order that may take so many seconds."""
        return self._ask("POST", path, patience)

    def _ask(self, method: str, path: str, patience: float) -> type_answer:
        try:
            return self.ask(method, path, patience)
        except NoAnswerError as error:
            for fault in error.faults:
                click.echo(fault, err=True)
            fail(str(error))

    def ask(self, method: str, path: str, patience: float) -> type_answer:
        """Ask for something, for so many seconds at most; raises NoAnswerError when there is no good answer."""
        with self._understood(), closing(self._connect(patience)) as connection:
            response = self._request(connection, method, path)
            body = response.read()
        return self._checked(response.status, body)

    def stream(self, path: str) -> Iterator[bytes]:
        """Order octets that come for as long as it takes; raises NoAnswerError where there are none to be had."""
        with self._understood(), closing(self._connect(PATIENCE)) as connection:
            connection.connect()
            sock = connection.sock  # which it forgets when the answer ends with the connection
            response = self._request(connection, "POST", path)
            if response.status >= http.client.BAD_REQUEST:
                self._checked(response.status, response.read())
            sock.settimeout(None)
            try:
                while data := response.read1(PIECE):
                    yield data
            except (http.client.HTTPException, OSError):
                raise NoAnswerError(
                    f"the proxy at {self.where} ended before it had told everything"
                ) from None

    def _request(
        self, connection: http.client.HTTPConnection, method: str, path: str
    ) -> http.client.HTTPResponse:
        headers = {"Accept": "application/json"}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        connection.request(method, self._prefix() + path, headers=headers)
        return connection.getresponse()

    @contextmanager
    def _understood(self) -> Iterator[None]:
        """Say in words what goes wrong on the way."""
        try:
            yield
        except OSError as error:
            reason = error.strerror or str(error) or "no answer in time"
            raise NoAnswerError(
                f"no proxy answers at {self.where} ({reason}); is it running, does its file have [admin]?"
                " --admin or --config say where"
            ) from None
        except http.client.HTTPException:
            raise NoAnswerError(
                f"what answers at {self.where} speaks no HTTP; --admin or --config say where to ask"
            ) from None

    def _checked(self, status: int, body: bytes) -> type_answer:
        try:
            answer = json.loads(body)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise NoAnswerError(f"what answers at {self.where} is no mrcpbalance (HTTP {status})")
        if status == http.client.UNAUTHORIZED:
            raise NoAnswerError(
                f"the proxy at {self.where} asks for its token"
                f"{'' if self.token is None else ', and not this one'}:"
                " give --token-file FILE, MRCPBALANCE_TOKEN, or --config FILE"
            )
        if status >= http.client.BAD_REQUEST:
            faults = answer.get("faults")
            raise NoAnswerError(
                str(answer.get("error", f"HTTP {status}")),
                tuple(map(str, faults)) if isinstance(faults, list) else (),
            )
        return answer

    def _prefix(self) -> str:
        return urlsplit(self.where).path.rstrip("/") if "://" in self.where else ""

    def _connect(self, patience: float) -> http.client.HTTPConnection:
        if self.where.startswith("unix:"):
            return _UnixConnection(self.where.removeprefix("unix:"), patience)
        url = urlsplit(self.where if "://" in self.where else f"http://{self.where}")
        kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
        return kind(url.hostname or "", url.port, timeout=patience)


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str, patience: float) -> None:
        super().__init__("localhost", timeout=patience)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def fail(text: str) -> NoReturn:
    """End the command with an error."""
    click.echo(f"mrcpbalance: {text}", err=True)
    sys.exit(1)


def asks(function: F) -> F:
    """Give a command the options that say where to ask, and in which form to tell."""
    return asks_live(
        click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")(function)
    )


def asks_live(function: F) -> F:
    """Give a command the options that say where to ask."""
    for option in (
        click.option(
            "--token-file",
            type=click.Path(),
            envvar="MRCPBALANCE_TOKEN_FILE",
            help="The file that holds the token.",
        ),
        click.option("--config", "file", type=click.Path(), help="Find the proxy by its configuration file."),
        click.option(
            "--admin",
            metavar="HOST:PORT|unix:PATH|URL",
            envvar="MRCPBALANCE_ADMIN",
            help=f"Where it listens; {DEFAULT} by default.",
        ),
    ):
        function = option(function)
    return function


def find(admin: str | None, file: str | None, token_file: str | None) -> Admin:
    """Find out where to ask; ends the command when the file doesn't say."""
    where = admin
    if file is not None:
        config = _admin_of(file)
        bind = config.bind
        where = admin or (f"unix:{bind}" if isinstance(bind, str) else str(bind))
        token_file = token_file or config.token_file
    token = os.environ.get("MRCPBALANCE_TOKEN")
    if token_file is not None:
        try:
            token = Path(token_file).read_text(encoding="utf-8").strip()
        except OSError as error:
            fail(f"{token_file} can't be read ({error.strerror})")
        except UnicodeDecodeError:
            fail(f"{token_file} is no text")
    if token is not None and not (token.isascii() and token.isprintable() and token):
        fail("the token is not one line of ASCII characters")
    where = where or DEFAULT
    if not _is_place(where):
        raise click.UsageError(f"--admin: {where!r} is not HOST:PORT, unix:PATH or a URL")
    return Admin(where, token)


def _admin_of(file: str) -> AdminConfig:
    try:
        config = load(file)
    except ConfigError as error:
        for fault in error.faults:
            click.echo(str(fault), err=True)
        sys.exit(1)
    if config.admin is None:
        fail(f"{file} has no [admin] table, so the proxy it configures can't be asked")
    return config.admin


def _is_place(where: str) -> bool:
    if where.startswith("unix:"):
        return where != "unix:"
    try:
        url = urlsplit(where if "://" in where else f"http://{where}")
        return url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        return False


def backend_path(name: str) -> str:
    """Make the path of a backend, named POOL/BACKEND."""
    pool, slash, backend = name.partition("/")
    if not slash or not pool or not backend:
        raise click.UsageError(f"{name!r} is not POOL/BACKEND; `mrcpbalance status` shows them")
    return f"/api/v1/pools/{quote(pool, safe='')}/backends/{quote(backend, safe='')}"


def show_json(answer: object) -> None:
    """Print an answer for programs."""
    click.echo(json.dumps(answer, indent=2, ensure_ascii=False))


def show_table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows for the eye, each column as wide as it must be."""
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]
    for row in (head, *rows):
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
