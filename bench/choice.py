"""Which proxies and rows a run is about, from the words of the command line."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from bench.proxies import Direct, Haproxy, Kamailio, Kind, Mrcpbalance, Nginx
from bench.rows import ROWS, Row

PEERS: Mapping[str, Kind] = {kind.name: kind for kind in (Haproxy(), Nginx(), Kamailio(), Direct())}
FILES_BESIDE_SESSIONS = 1_000
HELD_IN_HASTE = 1_000


@attrs.frozen
class Contenders:
    """The proxies to measure, and why others that were asked for are not among them."""

    kinds: Sequence[Kind]
    left_out: Mapping[Kind, str]


def choose_kinds(peers: str, pythons: Sequence[str], checkouts: Sequence[str]) -> Contenders:
    """Choose the peers named, the mrcpbalance at hand, and further ones; ValueError for an unknown or double name."""
    wanted = _split(peers)
    if unknown := [name for name in wanted if name not in PEERS]:
        raise ValueError(f"no peer {unknown[0]}: there are {', '.join(PEERS)}")
    asked = [*(PEERS[name] for name in wanted), Mrcpbalance(), *_further(pythons, checkouts)]
    names = [kind.name for kind in asked]
    if double := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"two proxies are called {double.pop()}")
    left_out = {kind: reason for kind in asked if (reason := kind.missing())}
    return Contenders([kind for kind in asked if kind not in left_out], left_out)


def _further(pythons: Sequence[str], checkouts: Sequence[str]) -> list[Kind]:
    further: list[Kind] = []
    for text in pythons:
        name, path = _named(text, f"mrcpbalance-{len(further) + 2}")
        further.append(Mrcpbalance(name=name, python=path))
    for text in checkouts:
        name, path = _named(text, f"mrcpbalance-{len(further) + 2}")
        further.append(Mrcpbalance(name=name, checkout=Path(path).resolve()))
    return further


def choose_rows(names: str, files: int, *, quick: bool = False) -> list[Row]:
    """Choose rows by name, all when there are none, with no more sessions than open files and haste allow; ValueError."""
    known = {row.name: row for row in ROWS}
    if unknown := [name for name in _split(names) if name not in known]:
        raise ValueError(f"no row {unknown[0]}: there are {', '.join(known)}")
    rows = [known[name] for name in _split(names)] or list(ROWS)
    return [_eased(row, row.held, files, quick=quick) if row.held else row for row in rows]


def _eased(row: Row, held: int, files: int, *, quick: bool) -> Row:
    room = max(1, int((files - FILES_BESIDE_SESSIONS) / row.files))
    most = HELD_IN_HASTE if quick and row.front == "sip" else held  # calls take long to set up
    return attrs.evolve(row, held=min(held, room, most))


def _split(names: str) -> list[str]:
    return [name for name in names.split(",") if name]


def _named(text: str, usual: str) -> tuple[str, str]:
    name, _, path = text.rpartition("=")
    return name or usual, path
