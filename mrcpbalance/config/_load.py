"""From a file, a text or the command line to a configuration, or to all its faults."""

import os
from collections.abc import Mapping

from ._checks import check
from ._document import read_document, read_text
from ._faults import Notes, Place
from ._model import Config
from ._sections import read_table
from ._sockets import check_sockets


def load(path: str | os.PathLike[str]) -> Config:
    """Read a file; raise ConfigError with every fault of it."""
    return parse(*read_text(path))


def parse(text: str, name: str) -> Config:
    """Read a configuration's text; `name` stands for the file in faults. Raise ConfigError with every fault of it."""
    nothing = "nothing is configured", "expected at least one pool and one listener"
    return read_document(text, name, structure, if_empty=nothing)


def structure(tables: Mapping[str, object]) -> tuple[Config, Notes]:
    """Make a configuration of what TOML gives; it is sound only when no faults were noted."""
    root = Place(Notes())
    config = read_table(Config, tables, root)
    check(config, root)
    check_sockets(config, root)
    return config, root.notes
