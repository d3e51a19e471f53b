"""Who may ask the admin interface: whoever has the token, where there is one, and no page from elsewhere."""

import hmac
from pathlib import Path
from typing import Final

import attrs
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .errors import TokenError

SAFE: Final = frozenset(("GET", "HEAD", "OPTIONS"))
OPEN: Final = frozenset(("/", "/healthz", "/readyz"))  # say nothing that needs a token
LOCAL: Final = frozenset(("localhost", "127.0.0.1", "[::1]"))
SEALS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}
type_mark = tuple[int, int, int]


@attrs.define(eq=False)
class Token:
    """The token in a file; a file that changes is read again, and one that no longer serves lets nobody in."""

    path: Path
    mark: type_mark
    text: str

    @classmethod
    def of(cls, path: str) -> "Token":
        """Read it; raises TokenError."""
        file = Path(path)
        return cls(file, _mark(file), _read(file))

    def is_it(self, given: str) -> bool:
        """Compare, in a time that tells nothing; raises TokenError when the file no longer serves."""
        mark = _mark(self.path)
        if mark != self.mark:
            self.text = _read(self.path)
            self.mark = mark
        return hmac.compare_digest(given.encode(), self.text.encode())


def _mark(file: Path) -> type_mark:
    try:
        status = file.stat()
    except OSError as error:
        raise TokenError(f"admin.token_file: {file} can't be read: {error.strerror}") from None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _read(file: Path) -> str:
    try:
        text = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise TokenError(f"admin.token_file: {file} can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise TokenError(f"admin.token_file: {file} can't be read: it is no text in UTF-8") from None
    if not text:
        raise TokenError(f"admin.token_file: {file} is empty; write a token of your choice into it")
    if not (text.isascii() and text.isprintable() and " " not in text):
        raise TokenError(f"admin.token_file: {file} must hold one line of ASCII characters without blanks")
    return text


def refuse(status: int, text: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Answer with an error in the contract's form."""
    return JSONResponse({"error": text}, status_code=status, headers=headers)


@attrs.frozen
class Guard:
    """Looks at each request before the application does. `host` is where the interface listens, "" for a unix socket."""

    app: ASGIApp
    token: Token | None
    host: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have a request handled, or say why not."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(SEALS)
            await send(message)

        refusal = self._refusal(scope["method"], scope["path"], Headers(scope=scope))
        await (refusal or self.app)(scope, receive, sealed)

    def _refusal(self, method: str, path: str, headers: Headers) -> JSONResponse | None:
        if self.token is None and self.host and _name(headers.get("host", "")) not in {self.host, *LOCAL}:
            return refuse(  # DNS rebinding
                403, "this interface is for this machine: ask it as 127.0.0.1 or localhost"
            )
        if method not in SAFE and _foreign(headers):
            return refuse(403, "a page from elsewhere may not give orders")  # CSRF
        if self.token is None or path in OPEN:
            return None
        return self._without_token(self.token, headers)

    @staticmethod
    def _without_token(token: Token, headers: Headers) -> JSONResponse | None:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        try:
            if scheme.lower() == "bearer" and token.is_it(given.strip()):
                return None
        except TokenError:
            return refuse(503, "the file of admin.token_file can't be read, or is empty: nobody is let in")
        return refuse(
            401,
            "send the token of admin.token_file as Authorization: Bearer TOKEN",
            {"WWW-Authenticate": "Bearer"},
        )


def _name(host: str) -> str:
    name, colon, port = host.lower().rpartition(":")
    return name if colon and port.isdigit() else host.lower()


def _foreign(headers: Headers) -> bool:
    if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        return True
    origin = headers.get("origin")
    return origin is not None and origin.partition("://")[2] != headers.get("host", "")
