"""MRCPv2's names for the resources that RTSP URIs name (MRCPv1)."""

from collections.abc import Mapping
from typing import Final

KNOWN: Final[Mapping[str, str]] = {
    "speechrecognizer": "speechrecog",
    "recognizer": "speechrecog",
    "speechsynthesizer": "speechsynth",
    "synthesizer": "speechsynth",
}


class ResourceNames:
    """Path segment to resource; the case of the segment doesn't matter."""

    __slots__ = ("_names",)

    def __init__(self, overrides: Mapping[str, str]) -> None:
        self._names: Final = {**KNOWN, **{segment.lower(): name for segment, name in overrides.items()}}

    def of(self, segment: str) -> str:
        """Name the resource behind a last path segment; one that isn't known stays as it is."""
        return self._names.get(segment.lower(), segment)
