"""The OpenAPI description of the admin interface."""

from collections.abc import Mapping
from typing import Final

from mrcpbalance.sessions import PROTOCOLS

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
        "The last minutes of each backend in steps.",
        (),
    ),
    "/api/v1/events": (
        "get",
        "Server-sent events: pools, backend, session-end, lost.",
        (),
    ),
    "/api/v1/sessions": (
        "get",
        "Live sessions.",
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
        "Where the next session would go: in a pool, or by listener and what its first request says.",
        (),
    ),
    "/api/v1/explain/{id}": ("get", "Why a session sits where it does.", ("id",)),
}

_Schema = Mapping[str, object]
_TEXT: Final[_Schema] = {"type": "string"}
_SEVERAL: Final[_Schema] = {"type": "array", "items": _TEXT}
_COUNT: Final[_Schema] = {"type": "integer", "minimum": 1}
_FLAG: Final[_Schema] = {"type": "boolean"}
_PROTOCOL: Final[_Schema] = {"type": "string", "enum": list(PROTOCOLS.values())}

# What may be asked beside the address, as its query; all of it optional.
_QUERIES: Final[Mapping[str, Mapping[str, _Schema]]] = {
    "/api/v1/history": {"seconds": _COUNT},
    "/api/v1/sessions": {
        "pool": _TEXT,
        "backend": _TEXT,
        "protocol": _PROTOCOL,
        "client": _TEXT,
        "search": _TEXT,
        "limit": _COUNT,
        "sort": {"type": "string", "enum": ["oldest", "busiest"]},
    },
    "/api/v1/record": {
        "pool": _TEXT,
        "backend": _TEXT,
        "client": _TEXT,
        "protocol": _PROTOCOL,
        "resource": _TEXT,
        "failed": _FLAG,
        "sample": {"type": "number", "exclusiveMinimum": 0, "maximum": 100},
        "sessions": _COUNT,
        "duration": {"type": "number", "exclusiveMinimum": 0},
        "size": _COUNT,
        "bodies": _FLAG,
    },
    "/api/v1/explain": {
        "pool": _TEXT,
        "listener": _TEXT,
        "protocol": _PROTOCOL,
        "resource": _SEVERAL,
        "source": _TEXT,
        "path": _TEXT,
        "user": _TEXT,
        "accept_contact": _SEVERAL,
    },
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
            ]
            + [
                {"name": name, "in": "query", "required": False, "schema": schema}
                for name, schema in _QUERIES.get(path, {}).items()
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
