"""Which pool a call or a channel goes to, as its first request says."""

from urllib.parse import unquote

from mrcpbalance.sessions import Asked, Route, Routes
from mrcpwire import sip

from . import _media


def route_of_call(routes: Routes, request: sip.Request, source: str) -> Route:
    """Choose the route of an INVITE, or of an OPTIONS that asks about such a one."""
    if not routes.rules:
        return routes.default
    asked = Asked(
        source=source,
        user=_user(request.uri),
        features=[sip.feature_parameters(value) for value in request.headers.values(b"Accept-Contact")],
        resources=list(_media.resources(request.body).values()),
    )
    return routes.choose(asked)


def _user(uri: bytes) -> str:
    """Give the user of a URI, without a password, escapes resolved."""
    read = sip.sip_uri(uri)
    user = b"" if read is None or read.user is None else read.user.partition(b":")[0]
    return unquote(user.decode("utf-8", "replace"))


def route_of_channel(routes: Routes, resource: str, source: str) -> Route:
    """Choose the route of a channel that no call has set up."""
    if not routes.rules:
        return routes.default
    return routes.choose(Asked(source=source, resources=(resource,)))
