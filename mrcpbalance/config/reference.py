"""The reference page of the configuration, written from the classes that read it.

`python -m mrcpbalance.config.reference > docs/reference/configuration.md` brings the page up to date.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from typing import Final, cast

import attrs

from ._address import MOST_PORTS
from ._duration import format_duration
from ._faults import Notes, Place
from ._kinds import SHARE
from ._model import Config
from ._sections import Rows, Section, Sections, Setting, read_table, settings

_QUOTED: Final = re.compile(r'"[^"]*"')
_WITH_UNDERSCORES: Final = 10_000  # from here on, digits are grouped

_INTRODUCTION: Final = f"""\
# Configuration

<!-- Written by `python -m mrcpbalance.config.reference`; change the classes in mrcpbalance/config/ instead. -->

A configuration is one file in [TOML 1.0](https://toml.io/en/v1.0.0), UTF-8. It needs at least one pool with a backend, and at least one
listener; everything else has a default. `examples/minimal.toml` is the least that works, `examples/full.toml` shows every key.

`mrcpbalance check FILE` tells every fault at once, one a line, and opens no socket:

    proxy.toml:14: pools.speech.backends.asr-1.weight: found "2", expected a whole number from 1 to 256
    proxy.toml:22: listeners.v1.pool: no pool "speach", did you mean "speech"?

The line is that of the key; a missing key is told at its table. `-` instead of a key means the file as a whole. `serve` prints the
same lines on stderr and exits 1; on reload (SIGHUP) a faulty file changes nothing.

## Values

Types are strict: `"1554"` is no number, `1` is not `true`, `1.0` is not a whole number.

* **Durations** are text with units, large before small, each at most once: `d`, `h`, `m`, `s`, `ms`, as in `"250ms"`, `"1.5s"`,
  `"1h30m"`.
* **Octets** are a whole number, or text with `KiB`, `MiB` or `GiB`, as in `8_388_608` or `"8MiB"`.
* **Addresses** are `"HOST:PORT"`. A host is a name, an IPv4 address, or an IPv6 address in brackets, as in `"[2001:db8::11]:1554"`.
  Port 0 is allowed where the proxy listens and means any free one. A listener's `bind` may name up to {MOST_PORTS} ports, as in
  `"127.0.0.1:8001-8003"`.
* **Names** of pools, backends, listeners and stick tables are those of their tables: any TOML key but an empty one, one with `/` or
  one with control characters. Commands name a backend `POOL/BACKEND`.
* **Patterns** are as shells have them: `*` stands for any characters, `?` for one, `[a-z_]` for one of these, `[!a-z]` for one that is none of
  these. They fit the whole of what they are compared with, escapes like `%20` resolved; case doesn't matter.
* **Resources** bear their MRCPv2 names, in lower case: `speechrecog`, `speechsynth`, `dtmfrecog`, `recorder`, `speakverify` and so on.

## What is checked between keys

* A pool falls back only on pools that exist, speak a protocol that it speaks, and don't fall back on it.
* A pool or stick table that a listener names exists; some backend of the pool has the address that the listener's protocol needs.
* A key that makes no sense beside the `protocol` of its listener, or the addresses of its backend, is refused.
* No two sockets listen on the same address, transport and port; a wildcard takes every address of its family.
* No backend is the proxy itself.
* An `admin` interface that others can reach has a token.
"""


def markdown() -> str:
    """Give the whole page."""
    return "\n".join([_INTRODUCTION, *_tables(Config)])


def _tables(cls: type[object]) -> Iterator[str]:
    for _, setting in settings(cls):
        if isinstance(setting.kind, Section | Sections | Rows):
            inner = cast("type[object]", setting.kind.cls)
            title = (
                f"[[{setting.kind.title}]]" if isinstance(setting.kind, Rows) else f"[{setting.kind.title}]"
            )
            yield _heading(title, inner)
            yield from _rows(inner)
            yield ""
            yield from _tables(inner)


def _heading(title: str, cls: type[object]) -> str:
    return f"## `{title}`\n\n{cls.__doc__}\n"


def _rows(cls: type[object]) -> Iterator[str]:
    named = {"name": ""} if "name" in attrs.fields_dict(cast("type[attrs.AttrsInstance]", cls)) else {}
    defaults = read_table(cls, {}, Place(Notes()), **named)
    yield "| key | takes | default | meaning |"
    yield "|---|---|---|---|"
    for field, setting in settings(cls):
        if not isinstance(setting.kind, Section | Sections | Rows):
            default = (
                "required"
                if field.default is attrs.NOTHING
                else _default(getattr(defaults, field.name), setting)
            )
            yield f"| `{field.name}` | {_takes(setting)} | {default} | {_meaning(setting)} |"


def _takes(setting: Setting) -> str:
    expected, _, _ = setting.kind.expected.partition(", like ")  # the page says once how values are written
    return _QUOTED.sub(lambda match: f"`{match[0]}`", expected)


def _meaning(setting: Setting) -> str:
    if not setting.only_for:
        return setting.meaning
    *most, last = (f"`{word}`" for word in setting.only_for)
    return f"{setting.meaning} Only for {', '.join(most)}{' and ' if most else ''}{last}."


def _default(value: object, setting: Setting) -> str:
    if setting.kind is SHARE:  # the other floats are durations
        return f"`{value}`"
    return "" if value is None or value == {} else f"`{_written(value)}`"


def _written(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int():
            return f"{value:_}" if value >= _WITH_UNDERSCORES else str(value)
        case float():
            return f'"{format_duration(value)}"'
        case tuple():
            return f"[{', '.join(map(_written, cast('Sequence[object]', value)))}]"
        case _:
            return f'"{value}"'


if __name__ == "__main__":
    sys.stdout.write(markdown())
