"""Captures played once more, with the living: their callers against a proxy or server, or their server for callers."""

from ._callers import Call, call
from ._link import Lost
from ._play import Result, Terms
from ._server import serve

__all__ = ["Call", "Lost", "Result", "Terms", "call", "serve"]
