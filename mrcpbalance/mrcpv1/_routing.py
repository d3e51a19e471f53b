"""Which pool a request outside a session goes to, as its path says."""

from urllib.parse import unquote

from mrcpbalance.sessions import Asked, Route, Routes
from mrcpwire import rtsp

from ._session import last_segment


def route_of(routes: Routes, request: rtsp.Request, source: str) -> Route:
    """Choose the route of a request from this address."""
    if not routes.rules:
        return routes.default
    path = path_of(request.uri)
    segment = last_segment(request.uri).decode("latin-1")
    return routes.choose(Asked(source=source, path=path, segment=segment))


def path_of(uri: bytes) -> str:
    """Give the path of a URI without its query, escapes resolved; `*` and what has no host stay as they are."""
    scheme, found, rest = uri.partition(b"://")
    path = b"/" + rest.partition(b"/")[2] if found else scheme
    return unquote(path.partition(b"?")[0].decode("utf-8", "replace"))
