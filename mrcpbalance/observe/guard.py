"""Who may ask the admin interface: whoever has the token, where there is one, and no page from elsewhere."""

import hmac
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import attrs
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

SAFE: Final = frozenset(("GET", "HEAD", "OPTIONS"))
OPEN: Final = frozenset(("/", "/healthz", "/readyz"))  # say nothing that needs a token
LOCAL: Final = frozenset(("localhost", "127.0.0.1", "[::1]"))


class TokenError(Exception):
    """A token file that can't serve; says which, and what is wrong."""


def read_token(path: str) -> str:
    """Read the token from its file; raises TokenError."""
    try:
        token = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise TokenError(f"admin.token_file: {path} can't be read ({error})") from None
    if not token:
        raise TokenError(f"admin.token_file: {path} is empty; write a token of your choice into it")
    return token


def refuse(status: int, text: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Answer with an error in the contract's form."""
    return JSONResponse({"error": text}, status_code=status, headers=headers)


@attrs.frozen
class Guard:
    """Checks each request before it is handled. `host` is where the interface listens, "" for a unix socket."""

    token: str | None
    host: str

    async def __call__(
        self, request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        """Handle a request, or say why not."""
        refusal = self.refusal(request)
        response = await call_next(request) if refusal is None else refusal
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = "no-store"
        response.headers["Content-Security-Policy"] = (
            "default-src 'self'; style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline'; frame-ancestors 'none'"
        )
        return response

    def refusal(self, request: Request) -> Response | None:
        """Say why a request isn't handled; None when it is."""
        if (
            self.token is None
            and self.host
            and _name(request.headers.get("host", "")) not in {self.host, *LOCAL}
        ):
            return refuse(
                403, "this interface is for this machine: ask it as 127.0.0.1 or localhost"
            )  # DNS rebinding
        if request.method not in SAFE and _foreign(request):
            return refuse(403, "a page from elsewhere may not give orders")  # CSRF
        if self.token is not None and request.url.path not in OPEN and not self._knows(request):
            return refuse(
                401,
                "send the token of admin.token_file as Authorization: Bearer TOKEN",
                {"WWW-Authenticate": "Bearer"},
            )
        return None

    def _knows(self, request: Request) -> bool:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        right = (self.token or "").encode()
        return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), right)


def _name(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


def _foreign(request: Request) -> bool:
    origin = request.headers.get("origin")
    return origin is not None and origin.partition("://")[2] != request.headers.get("host", "")
