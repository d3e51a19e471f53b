"""What simulated callers say: PCMU at 8 kHz, sent as RTP (RFC 3550, RFC 3551) to where a session wants it."""

import contextlib
import secrets
import socket
import struct
import wave
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import trio

from mrcpbalance.config import Address
from mrcpwire.sdp import Sdp

RATE: Final = 8000  # samples in a second, each one octet
FRAME: Final = 160  # samples in a packet
TICK: Final = FRAME / RATE  # seconds
SILENCE: Final = b"\xff" * FRAME
PAUSE: Final = 25  # silent packets behind what is said, so that its end is heard
LONGEST: Final = 300  # seconds of a file
_LOUD: Final = 0x9F  # any sign and the two highest exponents: noise that counts as speech
_HEADER: Final = struct.Struct("!BBHII")
_VERSION: Final = 0x80
_PCMU: Final = 0
_MARKER: Final = 0x80
_BIAS, _CLIP = 0x84, 32_635
_SIXTEEN_BITS: Final = 2


class AudioError(Exception):
    """A file that can't be said; the message says what was expected."""


def noise(seconds: float) -> list[bytes]:
    """Make something that recognisers take for speech, though not for words."""
    count = max(1, round(seconds / TICK))
    return [bytes(octet & _LOUD for octet in secrets.token_bytes(FRAME)) for _ in range(count)]


def recorded(path: str | Path) -> list[bytes]:
    """Read a WAV file (8 kHz, one channel, 16 bits), or octets of PCMU; raises `AudioError`."""
    try:
        octets = _wav(path) if str(path).endswith(".wav") else Path(path).read_bytes()
    except (OSError, EOFError, wave.Error) as error:
        raise AudioError(f"{path}: {error}") from None
    if not 0 < len(octets) <= LONGEST * RATE:
        raise AudioError(
            f"{path}: {len(octets) / RATE:.1f} s of audio, expected at most {LONGEST} s, and some"
        )
    frames = [octets[at : at + FRAME] for at in range(0, len(octets), FRAME)]
    frames[-1] += SILENCE[len(frames[-1]) :]
    return frames


def _wav(path: str | Path) -> bytes:
    with wave.open(str(path), "rb") as file:
        found = file.getframerate(), file.getnchannels(), file.getsampwidth()
        if found != (RATE, 1, _SIXTEEN_BITS):
            raise AudioError(
                f"{path}: {found[0]} Hz, {found[1]} channels, {8 * found[2]} bits; expected 8000 Hz, 1 channel, 16 bits"
            )
        data = file.readframes(LONGEST * RATE + 1)
    return bytes(to_pcmu(sample) for (sample,) in struct.iter_unpack("<h", data))


def to_pcmu(sample: int) -> int:
    """Compress a 16-bit sample (G.711, mu-law)."""
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), _CLIP) + _BIAS
    exponent = magnitude.bit_length() - 8
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    return ~(sign | exponent << 4 | mantissa) & 0xFF


def packets(frames: Sequence[bytes], first: int, ssrc: int) -> Iterator[bytes]:
    """Give the RTP packets of one utterance; `first` is the number of its first packet in the stream."""
    for number, frame in enumerate(frames):
        at = first + number
        kind = _PCMU | (_MARKER if not number else 0)
        head = _HEADER.pack(_VERSION, kind, at & 0xFFFF, at * FRAME & 0xFFFFFFFF, ssrc)
        yield head + frame


def hears_at(description: bytes) -> Address | None:
    """Tell where a server's description wants audio; None where it wants none."""
    sdp = Sdp.parse(description)
    for index, media in enumerate(sdp.media):
        host = sdp.address(index)
        if media.kind == b"audio" and media.port and host:
            return Address(host, media.port)
    return None


class Voice:
    """One stream of audio to a server; silent packets are sent only behind what is said."""

    def __init__(self, to: Address) -> None:
        self._to = to
        self._ssrc = secrets.randbits(32)
        self._sent = 0

    async def say(self, frames: Sequence[bytes]) -> None:
        """Say something, in real time; that nobody listens is not noticed."""
        family = socket.AF_INET6 if ":" in self._to.host else socket.AF_INET
        with trio.socket.socket(family, socket.SOCK_DGRAM) as sock:
            begun = trio.current_time()
            utterance = [*frames, *[SILENCE] * PAUSE]
            for number, packet in enumerate(packets(utterance, self._sent, self._ssrc)):
                with contextlib.suppress(OSError):
                    await sock.sendto(packet, (self._to.host, self._to.port))
                await trio.sleep_until(begun + (number + 1) * TICK)
            self._sent += len(utterance)
