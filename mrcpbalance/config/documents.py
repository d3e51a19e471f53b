"""For other rooms that read TOML written by people: the kinds of values, and the reader that names every fault."""

from ._document import read_document, read_text
from ._faults import Notes, Place, one_of
from ._kinds import RESOURCE, SWITCH, Array, Entries, choice, duration, parsed, whole
from ._sections import Rows, read_table, setting

__all__ = [
    "RESOURCE",
    "SWITCH",
    "Array",
    "Entries",
    "Notes",
    "Place",
    "Rows",
    "choice",
    "duration",
    "one_of",
    "parsed",
    "read_document",
    "read_table",
    "read_text",
    "setting",
    "whole",
]
