"""MRCPv2's names for the resources that RTSP URIs name."""

from typing import Final

from mrcpbalance.traces._show import show

_NAMES: Final = {
    b"speechrecognizer": "speechrecog",
    b"recognizer": "speechrecog",
    b"speechsynthesizer": "speechsynth",
    b"synthesizer": "speechsynth",
}
_LONGEST: Final = 40


def segment(uri: bytes) -> bytes:
    """Give the last segment of a path, which names the resource; a slash at the end doesn't count (F-24)."""
    return uri.partition(b"?")[0].rstrip(b"/").rpartition(b"/")[2].lower()


def resource(uri: bytes) -> str:
    """Name the resource a URI is about."""
    name = segment(uri)
    return _NAMES.get(name) or show(name, _LONGEST)
