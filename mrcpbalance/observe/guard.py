"""Who may ask the admin interface, and for what: by token, where there is one; and no page from elsewhere.

An operator may do everything, a reader may only look (GET). Without tokens whoever reaches the interface is an operator.
"""

from typing import Final

import attrs
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .errors import TokenError
from .tokens import Role, Tokens

SAFE: Final = frozenset(("GET", "HEAD", "OPTIONS"))
OPEN: Final = frozenset(("/", "/healthz", "/readyz"))  # say nothing that needs a token
PARTS: Final = "/page/"  # what the page is made of; the same in every proxy
LOCAL: Final = frozenset(("localhost", "127.0.0.1", "[::1]"))
SEALS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}


def refuse(status: int, text: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Answer with an error in the contract's form."""
    return JSONResponse({"error": text}, status_code=status, headers=headers)


def role_of(request: Request) -> Role:
    """Tell as whom a request was let in."""
    role: Role = request.scope["role"]
    return role


@attrs.frozen
class Guard:
    """Looks at each request before the application does. `host` is where the interface listens, "" for a unix socket."""

    app: ASGIApp
    tokens: Tokens | None
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

        found = self._let_in(scope["method"], scope["path"], Headers(scope=scope))
        if isinstance(found, JSONResponse):
            await found(scope, receive, sealed)
        else:
            await self.app({**scope, "role": found}, receive, sealed)

    def _let_in(self, method: str, path: str, headers: Headers) -> Role | JSONResponse:
        """Find the role of who asks, or the answer to who may not."""
        if self.tokens is None and self.host and _name(headers.get("host", "")) not in {self.host, *LOCAL}:
            return refuse(  # DNS rebinding
                403, "this interface is for this machine: ask it as 127.0.0.1 or localhost"
            )
        if method not in SAFE and _foreign(headers):
            return refuse(403, "a page from elsewhere may not give orders")  # CSRF
        if self.tokens is None:
            return "operator"
        if path in OPEN or path.startswith(PARTS):
            return "reader"
        role = self._by_token(self.tokens, headers)
        if role == "reader" and method not in SAFE:
            return refuse(403, "this token may only look; orders need the one of admin.token_file")
        return role

    @staticmethod
    def _by_token(tokens: Tokens, headers: Headers) -> Role | JSONResponse:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        try:
            role = tokens.role(given.strip()) if scheme.lower() == "bearer" else None
        except TokenError:
            return refuse(503, "a token file of [admin] can't be read, or is empty: nobody is let in by it")
        return role or refuse(
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
