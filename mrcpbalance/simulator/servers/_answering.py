"""How a simulated MRCPv2 server answers an offer: which lines it takes, under which channel ids, on which ports."""

from collections.abc import Callable, Iterator

import attrs

from mrcpbalance.simulator import _description
from mrcpwire.sdp import Media, Sdp

from . import _media

ORIGIN = "UniMRCPServer"
_REMOVED = b"m=application 0 TCP/MRCPv2 19"
_NO_AUDIO = b"m=audio 0 RTP/AVP 19"


@attrs.define
class Answering:
    """The lines of one session, in the order they were offered; what was answered once stays so (RFC 3264)."""

    host: str
    ids: Iterator[str]
    ports: Iterator[int]  # for audio
    serves: Callable[[str], bool]  # tells whether there is such a resource
    channels: dict[int, str] = attrs.field(factory=dict)  # channel ids, by the place of their line
    _connections: dict[int, bytes] = attrs.field(factory=dict)  # new or existing, likewise
    _audio: dict[int, int] = attrs.field(factory=dict)  # ports, likewise
    _version: int = 0

    def answer(self, offer: Sdp, control_port: int, choose: Callable[[bytes, str | None], bytes]) -> bytes:
        """Write the answer; `choose` says what becomes of "new" or "existing" from an address."""
        lines: list[bytes] = []
        for index, media in enumerate(offer.media):
            if media.kind == b"audio":
                lines += self._answer_audio(index, media)
            elif media.is_control and self.serves(resource := resource_of(media)):
                if index not in self.channels:
                    self.channels[index] = f"{next(self.ids)}@{resource}"
                    asked = (media.attribute(b"connection") or b"new").lower()
                    self._connections[index] = choose(asked, offer.address(index))
                lines += self._answer_control(index, media, control_port)
            else:
                self.channels.pop(index, None)
                lines.append(_REMOVED)
        self._version += 1
        return _description.write(ORIGIN, self._version, self.host, lines)

    def _answer_control(self, index: int, media: Media, port: int) -> list[bytes]:
        cmids = [b"a=cmid:" + value for value in media.attributes(b"cmid")]
        return [
            b"m=application %d TCP/MRCPv2 1" % port,
            b"a=setup:passive",
            b"a=connection:" + self._connections[index],
            b"a=channel:" + self.channels[index].encode("latin-1"),
            *cmids,
        ]

    def _answer_audio(self, index: int, media: Media) -> list[bytes]:
        if media.port == 0:
            return [_NO_AUDIO]
        if index not in self._audio:
            self._audio[index] = next(self.ports)
        attributes = [line.rstrip(b"\r\n") for line in media.lines if line.startswith(b"a=")]
        return _media.audio(attributes, self._audio[index])


def resource_of(media: Media) -> str:
    """Tell which resource a control line asks for."""
    return (media.attribute(b"resource") or b"").decode("latin-1").lower()
