"""MRCPv2's names for the resources that RTSP URIs name (MRCPv1)."""

from collections.abc import Callable, Mapping
from typing import Final

KNOWN: Final[Mapping[str, str]] = {
    "speechrecognizer": "speechrecog",
    "recognizer": "speechrecog",
    "speechsynthesizer": "speechsynth",
    "synthesizer": "speechsynth",
}


def namer(overrides: Mapping[str, str]) -> Callable[[str], str]:
    """Make the function that names the resource behind a last path segment; case doesn't matter, others stay as they are."""
    names = {**KNOWN, **{segment.lower(): name for segment, name in overrides.items()}}

    def resource_name(segment: str) -> str:
        return names.get(segment.lower(), segment)

    return resource_name
