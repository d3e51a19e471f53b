"""How one log entry looks: a JSON object, or columns for the eye; never a raw control character (G-11)."""

import enum
import json
import math
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from itertools import islice
from typing import Final

import attrs
from structlog.dev import ConsoleRenderer, plain_traceback
from structlog.processors import ExceptionRenderer

from mrcpbalance.config import LogConfig

from ._writer import Entry

VALUE_LIMIT: Final = 1024  # characters of one value: a line names things, it carries no bodies (G-11)
ITEM_LIMIT: Final = 64  # values of one list
TRACEBACK_LIMIT: Final = 16_384  # characters; the end of a traceback tells most, so that is kept


@attrs.frozen
class Whole:
    """A list whose own limit is known: all of it is written."""

    items: Sequence[object]


_with_exception = ExceptionRenderer()
_to_json = json.JSONEncoder(
    separators=(",", ":")
).encode  # one encoder: `json.dumps` would make one for each line


def renderer(config: LogConfig, *, colors: bool = False) -> Callable[[Entry], bytes]:
    """Choose how entries are rendered; the function returned gives one line with its end and never raises."""
    if config.format == "json":
        return _safely(_json)
    console = ConsoleRenderer(colors=colors, sort_keys=False, exception_formatter=plain_traceback)
    return _safely(lambda entry: _console(entry, console))


def _safely(render: Callable[[Entry], str]) -> Callable[[Entry], bytes]:
    def line(entry: Entry) -> bytes:
        try:
            return render(entry).encode() + b"\n"
        except Exception as error:  # noqa: BLE001 - a value that can't be shown must not end the log
            instead = Entry(
                entry.at, "log-line-lost", {"level": "error", "of": entry.event, "why": repr(error)}
            )
            return render(instead).encode() + b"\n"

    return line


def _json(entry: Entry) -> str:
    # ASCII only, so every other control character is escaped already; JSON leaves DEL as it is.
    return _to_json(_event_dict(entry)).replace("\x7f", "\\u007f")


def _console(entry: Entry, console: ConsoleRenderer) -> str:
    line = _event_dict(entry)
    fields = {key: visible(value) if isinstance(value, str) else value for key, value in line.items()}
    if "exception" in line:  # the one value of several lines; indented, none of them passes for an entry
        fields["exception"] = "\n".join(
            f"    {visible(text)}" for text in str(line["exception"]).splitlines()
        )
    return console(None, "", fields)


def _event_dict(entry: Entry) -> dict[str, object]:
    """Put what every line has first, then the fields in their order."""
    at = datetime.fromtimestamp(entry.at, UTC)
    fields = dict(entry.fields)
    if "exc_info" in fields:
        fields = dict(_with_exception(None, "", fields))
    traceback = fields.pop("exception", None)
    line: dict[str, object] = {
        "timestamp": at.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z",
        "level": fields.pop("level", "info"),
        "event": entry.event,
    }
    line |= {key: plain(value) for key, value in fields.items() if key not in line}
    if isinstance(traceback, str):
        line["exception"] = traceback[-TRACEBACK_LIMIT:]
    return line


def plain(value: object) -> object:  # noqa: C901, PLR0911 - a table of kinds
    """Turn a value into what JSON knows, with long ones cut."""
    if type(value) is int or (type(value) is str and len(value) <= VALUE_LIMIT):
        return value  # as nearly all are; the table below takes its time
    match value:
        case enum.Enum():
            return plain(value.value)
        case None | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case str():
            return _cut(value)
        case bytes():
            return _cut(value[: 4 * VALUE_LIMIT].decode(errors="backslashreplace"))
        case list() | tuple():
            return [plain(item) for item in value[:ITEM_LIMIT]]
        case Whole():
            return [plain(item) for item in value.items]
        case Mapping():
            return {_cut(str(key)): plain(item) for key, item in islice(value.items(), ITEM_LIMIT)}
        case AbstractSet():
            return [plain(item) for item in sorted(value, key=str)[:ITEM_LIMIT]]
        case _:
            return _cut(str(value))


def visible(text: str) -> str:
    """Escape what a terminal would obey or hide: control characters, line ends, direction marks."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _cut(text: str) -> str:
    return text if len(text) <= VALUE_LIMIT else f"{text[:VALUE_LIMIT]}… ({len(text)} characters)"
