"""The OpenAPI description of the admin interface."""

from collections.abc import Mapping
from typing import Final

_PATHS: Final[Mapping[str, tuple[str, str, tuple[str, ...]]]] = {
    "/healthz": ("get", "Whether the process lives.", ()),
    "/readyz": ("get", "Whether new sessions may be sent here; 503 with the reason when not.", ()),
    "/metrics": ("get", "Prometheus metrics.", ()),
    "/api/v1/me": ("get", "Who asks: the role that the token gives, operator or reader.", ()),
    "/api/v1/pools": ("get", "Every pool with its backends.", ()),
    "/api/v1/pools/{pool}/backends/{backend}/drain": (
        "post",
        "No new sessions; live ones finish.",
        ("pool", "backend"),
    ),
    "/api/v1/pools/{pool}/backends/{backend}/enable": ("post", "Take sessions again.", ("pool", "backend")),
    "/api/v1/pools/{pool}/backends/{backend}/disable": (
        "post",
        "End live sessions cleanly now; take none.",
        ("pool", "backend"),
    ),
    "/api/v1/reload": ("post", "Read the configuration file again; 422 with its faults if it has any.", ()),
    "/api/v1/history": (
        "get",
        "The last minutes of each backend in steps; filter: seconds.",
        (),
    ),
    "/api/v1/events": (
        "get",
        "Server-sent events: pools, backend, session-end, lost.",
        (),
    ),
    "/api/v1/sessions": (
        "get",
        "Live sessions; filters: pool, backend, protocol, client, search, limit; sort: oldest or busiest.",
        (),
    ),
    "/api/v1/sessions/{id}": ("get", "One session, by our id or any id its caller knows.", ("id",)),
    "/api/v1/sessions/{id}/messages": (
        "get",
        "The messages of a live session as they pass: server-sent events, until it ends.",
        ("id",),
    ),
    "/api/v1/record": (
        "post",
        "Sessions that begin from now on as a capture (pcapng), until the client leaves or a bound is reached.",
        (),
    ),
    "/api/v1/recordings": ("get", "The recordings that are being taken.", ()),
    "/api/v1/explain": (
        "get",
        "Where the next session would go; filters: pool, or listener, path, user, accept_contact (NAME=VALUE); protocol, resource (several for a session that needs all), source.",
        (),
    ),
    "/api/v1/explain/{id}": ("get", "Why a session sits where it does.", ("id",)),
}


def describe(version: str) -> dict[str, object]:
    """Write the description as a JSON-able object."""
    paths: dict[str, object] = {}
    for path, (method, summary, parameters) in _PATHS.items():
        operation = {
            "summary": summary,
            "parameters": [
                {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                for name in parameters
            ],
            "responses": {
                "200": {"description": "done"},
                "default": {"$ref": "#/components/responses/Error"},
            },
        }
        paths[path] = {method: operation}
    error = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}
    content = {"application/json": {"schema": error}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "mrcpbalance", "version": version},
        "paths": paths,
        "components": {
            "responses": {"Error": {"description": "What went wrong, and what to do.", "content": content}},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }
