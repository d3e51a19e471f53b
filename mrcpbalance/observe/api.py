"""The admin interface over HTTP: JSON for programs, metrics for Prometheus, a page for people."""

import heapq
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib.resources import files
from typing import Final

import trio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from mrcpbalance.sessions import Session

from . import metrics, openapi
from ._explain import SPOKEN, Question
from .console import Console, UnknownError
from .errors import ReloadError
from .feed import event
from .guard import Guard, refuse, role_of
from .history import KEPT, STEP
from .live_messages import Audience
from .messages import Telling
from .recordings import RecordError
from .streams import Events, Packets, Written
from .tokens import Tokens

ROWS: Final = 10_000  # sessions listed at once, unless more or fewer are asked for
MOST_ROWS: Final = 100_000
BREATH: Final = 100  # rows built before others get a turn
LOOK: Final = 500  # sessions looked at before others get a turn
ORDERS: Final = ("drain", "enable", "disable")
KINDS: Final = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
PAGE: Final = {
    part.name: part.read_bytes()
    for part in files("mrcpbalance.observe").joinpath("page").iterdir()
    if part.name.rpartition(".")[2] in KINDS
}

Handler = Callable[[Console, Request], Awaitable[Response]]


def application(console: Console, tokens: Tokens | None, host: str) -> Starlette:
    """Make the application that serves one console; `host` is where it listens, "" for a unix socket."""
    api = "/api/v1"
    routes = [
        _route("/", console, _page),
        _route("/page/{name}", console, _page_part),
        _route("/metrics", console, _metrics),
        _route("/healthz", console, _healthz),
        _route("/readyz", console, _readyz),
        _route(f"{api}/openapi.json", console, _openapi),
        _route(f"{api}/me", console, _me),
        _route(f"{api}/pools", console, _pools),
        _route(f"{api}/pools/{{pool}}/backends/{{backend}}/{{order}}", console, _order, "POST"),
        _route(f"{api}/reload", console, _reload, "POST"),
        _route(f"{api}/history", console, _history),
        _route(f"{api}/events", console, _events),
        _route(f"{api}/sessions", console, _sessions),
        _route(f"{api}/sessions/{{key:path}}/messages", console, _messages),
        _route(f"{api}/sessions/{{key:path}}", console, _session),
        _route(f"{api}/recordings", console, _recordings),
        _route(f"{api}/record", console, _record, "POST"),
        _route(f"{api}/explain", console, _explain_next),
        _route(f"{api}/explain/{{key:path}}", console, _explain),
    ]
    app = Starlette(
        routes=routes,
        exception_handlers={HTTPException: _http_error, UnknownError: _unknown},
    )
    app.add_middleware(Guard, tokens=tokens, host=host)
    return app


def _route(path: str, console: Console, handler: Handler, method: str = "GET") -> Route:
    async def handle(request: Request) -> Response:
        try:
            return await handler(console, request)
        except UnknownError:
            raise
        except Exception as fault:  # noqa: BLE001 - told here, where the log is at hand
            console.journal.note("fault", level="error", where="admin", exc_info=fault)
            return refuse(500, "a fault of the admin interface; the log has it")

    return Route(path, handle, methods=[method])


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:  # noqa: PLR2004 - method not allowed
        return refuse(405, f"{request.method} is not for {request.url.path}", dict(error.headers or {}))
    return refuse(
        error.status_code, f"nothing at {request.url.path}; /api/v1/openapi.json tells what there is"
    )


async def _unknown(_request: Request, error: Exception) -> Response:
    return refuse(404, str(error))


async def _page(_console: Console, _request: Request) -> Response:
    return Response(PAGE["index.html"], media_type=KINDS["html"])


async def _page_part(_console: Console, request: Request) -> Response:
    name = request.path_params["name"]
    if name not in PAGE:
        return refuse(404, f"the page has no part {name[:80]!r}")
    return Response(PAGE[name], media_type=KINDS[name.rpartition(".")[2]])


async def _metrics(console: Console, _request: Request) -> Response:
    text = b"".join([part async for part in metrics.render(console)])
    return Response(text, headers={"Content-Type": metrics.CONTENT_TYPE})


async def _healthz(_console: Console, _request: Request) -> Response:
    return PlainTextResponse("ok\n")


async def _readyz(console: Console, _request: Request) -> Response:
    reason = console.unready()
    return PlainTextResponse(f"{reason or 'ready'}\n", status_code=503 if reason else 200)


async def _openapi(console: Console, _request: Request) -> Response:
    return JSONResponse(openapi.describe(console.version))


async def _me(console: Console, request: Request) -> Response:
    return JSONResponse({"role": role_of(request), "version": console.version})


async def _pools(console: Console, request: Request) -> Response:
    return JSONResponse({**console.standing(), "role": role_of(request)})


async def _history(console: Console, request: Request) -> Response:
    seconds = _number(request, "seconds", int(KEPT * STEP), int(KEPT * STEP))
    if isinstance(seconds, Response):
        return seconds
    return Written(_past(console, max(int(seconds / STEP), 1)))


async def _past(console: Console, steps: int) -> AsyncIterator[str]:
    """Write the last so many steps of each backend, one backend at a time."""
    yield f'{{"step_s": {STEP:g}, "steps": {min(steps, console.history.steps, KEPT)}, "backends": ['
    for number, row in enumerate(console.history.rows(steps)):
        yield (", " if number else "") + json.dumps(row)
        await trio.lowlevel.checkpoint()
    yield "]}"


async def _events(console: Console, _request: Request) -> Response:
    if len(console.feed.watchers) >= console.admin.event_streams:
        return refuse(503, "too many watch already; admin.event_streams allows more")
    watcher = console.feed.join(console.admin.event_queue)
    watcher.show(event("pools", console.standing()))

    async def news() -> bytes:
        await watcher.wait()
        return watcher.take()

    return Events(news, lambda: console.feed.leave(watcher))


async def _recordings(console: Console, _request: Request) -> Response:
    return JSONResponse({"recordings": [] if console.recordings is None else console.recordings.rows()})


async def _record(console: Console, request: Request) -> Response:
    if console.recordings is None:
        return refuse(503, "this proxy takes no recordings")
    try:
        recording = console.recordings.take(dict(request.query_params))
    except RecordError as refusal:
        return refuse(503 if refusal.busy else 400, str(refusal))
    return Packets(recording.next, recording.leave)


async def _order(console: Console, request: Request) -> Response:
    order = request.path_params["order"]
    if order not in ORDERS:
        return refuse(404, f"no order {order!r}; there are {', '.join(ORDERS)}")
    return JSONResponse(console.order(request.path_params["pool"], request.path_params["backend"], order))


async def _reload(console: Console, _request: Request) -> Response:
    try:
        return JSONResponse(await console.reload())
    except ReloadError as refusal:
        if refusal.conflict:
            return refuse(409, str(refusal))
        error = f"nothing was changed: {len(refusal.faults)} fault(s) in the new configuration"
        return JSONResponse({"error": error, "faults": list(refusal.faults)}, status_code=422)


async def _sessions(console: Console, request: Request) -> Response:
    limit = _number(request, "limit", ROWS, MOST_ROWS)
    if isinstance(limit, Response):
        return limit
    sort = request.query_params.get("sort", "oldest")
    if sort == "oldest":
        return Written(_rows(console, _filter(request), limit))
    if sort == "busiest":
        return Written(_busiest(console, _filter(request), limit))
    return refuse(400, f"sort: {sort[:40]!r} is none of oldest, busiest")


def _number(request: Request, name: str, default: int, most: int) -> int | Response:
    """Read a parameter that is a number, or refuse it."""
    text = request.query_params.get(name, str(default))
    if text.isascii() and text.isdigit() and len(text) <= len(str(most)) and 0 < int(text) <= most:
        return int(text)
    return refuse(400, f"{name}: {text[:40]!r} is not a number from 1 to {most}")


async def _rows(console: Console, accept: Callable[[Session], bool], limit: int) -> AsyncIterator[str]:
    """Write live sessions, oldest first, a few at a time: however many there are, others get their turn."""
    rows: list[str] = []
    written, total = 0, len(console.register)
    yield '{"sessions": ['
    for looked, session in enumerate(console.register, 1):
        if session.end is None and accept(session):
            rows.append(json.dumps(console.session_row(session)))
        full = written + len(rows) == limit
        if len(rows) == BREATH or (full and rows):
            yield (", " if written else "") + ", ".join(rows)
            written += len(rows)
            rows = []
            await trio.lowlevel.checkpoint()
        elif looked % LOOK == 0:
            await trio.lowlevel.checkpoint()
        if full:
            break
    if rows:
        yield (", " if written else "") + ", ".join(rows)
    yield f'], "total": {total}}}'


async def _busiest(console: Console, accept: Callable[[Session], bool], limit: int) -> AsyncIterator[str]:
    """Write those with the most messages for their age first; however many live, others get their turn."""
    now = console.now()
    found: list[tuple[float, str, Session]] = []
    for looked, session in enumerate(console.register, 1):
        if session.end is None and accept(session):
            messages = session.messages_to_backend + session.messages_to_client
            found.append((messages / max(now - session.opened_at, 1.0), session.id, session))
        if looked % LOOK == 0:
            found = heapq.nlargest(limit, found)
            await trio.lowlevel.checkpoint()
    yield '{"sessions": ['
    for number, (_, _, session) in enumerate(heapq.nlargest(limit, found)):
        yield (", " if number else "") + json.dumps(console.session_row(session))
        if number % BREATH == 0:
            await trio.lowlevel.checkpoint()
    yield f'], "total": {len(console.register)}}}'


def _filter(request: Request) -> Callable[[Session], bool]:
    wanted = {name: request.query_params.get(name) for name in ("pool", "backend", "protocol", "client")}
    text = request.query_params.get("search", "")

    def accept(session: Session) -> bool:
        if any(value is not None and getattr(session, name) != value for name, value in wanted.items()):
            return False
        return not text or any(text in part for part in (session.id, session.client, *session.keys))

    return accept


async def _session(console: Console, request: Request) -> Response:
    found = console.find(request.path_params["key"])
    return _ambiguous(found) or JSONResponse(console.session_row(found[0]))


async def _messages(console: Console, request: Request) -> Response:
    found = console.find(request.path_params["key"])
    refusal = _ambiguous(found)
    if refusal is not None:
        return refusal
    if console.listening >= console.admin.message_streams:
        return refuse(503, "too many listen to messages already; admin.message_streams allows more")
    return _listen(console, found[0], bodies=role_of(request) == "operator" and console.admin.message_bodies)


def _listen(console: Console, session: Session, *, bodies: bool) -> Response:
    first = event("session", console.session_row(session))
    audience = Audience(Telling(console.calendar, bodies=bodies), console.admin.message_queue, first)
    console.register.tap(session, audience)
    console.listening += 1

    def left() -> None:
        console.listening -= 1
        console.register.untap(session, audience)

    return Events(audience.next, left)


def _ambiguous(found: tuple[Session, ...]) -> Response | None:
    if len(found) == 1:
        return None
    ids = [session.id for session in found]
    return JSONResponse(
        {"error": f"{len(found)} sessions bear this id; ask by ours", "sessions": ids}, status_code=409
    )


async def _explain(console: Console, request: Request) -> Response:
    found = console.find(request.path_params["key"])
    return _ambiguous(found) or JSONResponse(console.explain_session(found[0]))


async def _explain_next(console: Console, request: Request) -> Response:
    asked = request.query_params
    protocol = asked.get("protocol", "")
    if protocol and protocol not in SPOKEN:
        return refuse(400, f"protocol: {protocol!r} is none of {', '.join(SPOKEN)}")
    given = (feature.lower().partition("=") for feature in asked.getlist("accept_contact"))
    question = Question(
        pool=asked.get("pool"),
        listener=asked.get("listener"),
        protocol=protocol,
        resources=tuple(resource for resource in asked.getlist("resource") if resource),
        source=asked.get("source", ""),
        path=asked.get("path"),
        user=asked.get("user"),
        features={name: value or "TRUE" for name, _, value in given},
    )
    if question.pool is not None and question.is_of_a_request:
        return refuse(400, "give either a pool, or a listener and what the request says")
    return JSONResponse({"next": console.explain_next(question)})
