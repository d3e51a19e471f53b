"""A configuration from the command line alone: `--listen PROTOCOL://HOST:PORT --backend HOST:PORT`."""

from collections.abc import Mapping, Sequence
from typing import Final, cast, get_args

import attrs

from ._checks import ADDRESSES
from ._faults import ConfigError, Fault, Note, Path, dotted, nearest, quoted
from ._load import structure
from ._model import Config, Protocol

POOL: Final = "default"
"""The name of the only pool."""

_SOURCE: Final = "command line"
_LISTEN: Final = "expected PROTOCOL://HOST:PORT"
_OWN_KEYS: Final = {*ADDRESSES, "bind"}  # what a flag says itself, so that a fault needn't name it


def from_flags(listens: Sequence[str], backends: Sequence[str]) -> Config:
    """Make a configuration of one pool, or raise ConfigError with every fault.

    A backend, `HOST:PORT` or `NAME=HOST:PORT`, takes its address for each protocol listened on. With an `auto` listener
    nobody knows which protocol the backends speak, so they aren't probed; traffic alone tells how they are.
    """
    flags = _Flags()
    for text in listens or ("",):
        flags.add_listener(text)
    for text in backends or ("",):
        flags.add_backend(text)
    config, notes = structure(flags.tables())
    faults = flags.faults + [flags.fault(note) for note in notes.faults if flags.owner(note.path)]
    if faults:
        raise ConfigError(sorted(dict.fromkeys(faults), key=lambda fault: flags.order[fault.key]))
    return config


@attrs.define
class _Flags:
    """Flags, as the tables they stand for."""

    listeners: dict[str, Mapping[str, object]] = attrs.field(factory=dict)
    backends: dict[str, str] = attrs.field(factory=dict)
    owners: dict[Path, str] = attrs.field(factory=dict)  # the flag that each table comes from
    order: dict[str, int] = attrs.field(factory=dict)
    faults: list[Fault] = attrs.field(factory=list)

    def add_listener(self, text: str) -> None:
        """Make a listener of PROTOCOL://HOST:PORT, named for its protocol."""
        flag = self._flag("--listen", text)
        protocol, scheme_end, bind = text.partition("://")
        if not text:
            self._refuse(flag, "missing", _LISTEN)
        elif not scheme_end:
            self._refuse(flag, "no protocol", _LISTEN)
        elif protocol not in get_args(Protocol):
            self._refuse(flag, f"unknown protocol {quoted(protocol)}", nearest(protocol, get_args(Protocol)))
        else:
            name = self._free_name(protocol)
            self.listeners[name] = {"protocol": protocol, "bind": bind, "pool": POOL}
            self.owners["listeners", name] = flag

    def add_backend(self, text: str) -> None:
        """Make a backend of HOST:PORT, named for its address unless the flag names it."""
        flag = self._flag("--backend", text)
        name, named, address = text.rpartition("=")
        name = name if named else address
        if not text:
            self._refuse(flag, "missing", "expected HOST:PORT")
        elif name in self.backends:
            self._refuse(flag, f"another backend is {quoted(name)}", "expected names that differ")
        else:
            self.backends[name] = address
            self.owners["pools", POOL, "backends", name] = flag

    def tables(self) -> Mapping[str, object]:
        """Give what a file would hold."""
        protocols = {cast("str", listener["protocol"]) for listener in self.listeners.values()}
        auto = "auto" in protocols
        keys = ADDRESSES if auto or not protocols else [key for key in ADDRESSES if key in protocols]
        backends: dict[str, dict[str, str]] = {
            name: dict.fromkeys(keys, address) for name, address in self.backends.items()
        }
        if auto and "sip" not in protocols:  # SIP is then only met on TCP connections
            for backend in backends.values():
                backend["sip_transport"] = "tcp"
        pool = {"backends": backends} | ({"health": {"probe": "none"}} if auto else {})
        return {"pools": {POOL: pool}, "listeners": self.listeners}

    def owner(self, path: Path) -> str:
        """Give the flag that a path comes from, or nothing."""
        return next((flag for start, flag in self.owners.items() if path[: len(start)] == start), "")

    def fault(self, note: Note) -> Fault:
        """Say a fault of the tables as one of its flag."""
        start = next(start for start in self.owners if note.path[: len(start)] == start)
        inner = note.path[len(start) :]
        about = "" if not inner or inner[0] in _OWN_KEYS else f"{dotted(inner)} "
        return Fault(_SOURCE, None, self.owners[start], about + note.problem, note.expected)

    def _flag(self, option: str, text: str) -> str:
        flag = f"{option} {quoted(text)[1:-1]}".rstrip()
        self.order.setdefault(flag, len(self.order))
        return flag

    def _free_name(self, protocol: str) -> str:
        names = (f"{protocol}-{number}" for number in range(2, len(self.listeners) + 2))
        return (
            protocol if protocol not in self.listeners else next(n for n in names if n not in self.listeners)
        )

    def _refuse(self, flag: str, problem: str, expected: str) -> None:
        self.faults.append(Fault(_SOURCE, None, flag, problem, expected))
