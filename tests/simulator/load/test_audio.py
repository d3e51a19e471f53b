"""What simulated callers say: files that can be said, RTP as RFC 3550 has it, and where it goes."""

import socket
import struct
import wave
from pathlib import Path

import pytest
import trio

from mrcpbalance.config import Address
from mrcpbalance.simulator import SpeechServer
from mrcpbalance.simulator.load import Campaign, Pace, Target, parse_scenario
from mrcpbalance.simulator.load._audio import (
    FRAME,
    PAUSE,
    SILENCE,
    AudioError,
    Voice,
    hears_at,
    noise,
    packets,
    recorded,
    to_pcmu,
)


def wav(path: Path, samples: list[int], *, rate: int = 8000, channels: int = 1) -> str:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return str(path)


# From the tables of G.711: the ends and middle of segments.
@pytest.mark.parametrize(
    ("sample", "octet"),
    [
        (0, 0xFF),
        (-1, 0x7F),
        (32635, 0x80),
        (32767, 0x80),
        (-32768, 0x00),
        (1000, 0xCE),
        (-1000, 0x4E),
        (3, 0xFF),
        (4, 0xFE),
    ],
)
def test_mu_law(sample: int, octet: int) -> None:
    assert to_pcmu(sample) == octet


def test_a_wav_file(tmp_path: Path) -> None:
    frames = recorded(wav(tmp_path / "a.wav", [1000] * (FRAME + 1)))
    assert frames == [b"\xce" * FRAME, b"\xce" + SILENCE[1:]]


def test_octets_of_pcmu(tmp_path: Path) -> None:
    file = tmp_path / "a.pcmu"
    file.write_bytes(b"\x12" * FRAME)
    assert recorded(file) == [b"\x12" * FRAME]


def test_files_that_can_not_be_said(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "not.wav").write_bytes(b"RIFF")
    wrong = {
        wav(tmp_path / "fast.wav", [0], rate=16000): "16000 Hz, 1 channels, 16 bits; expected 8000 Hz",
        wav(tmp_path / "both.wav", [0, 0], channels=2): "2 channels",
        str(tmp_path / "empty"): "expected at most 300 s, and some",
        str(tmp_path / "not.wav"): "not.wav",
        str(tmp_path / "none"): "No such file",
    }
    for name, why in wrong.items():
        with pytest.raises(AudioError, match=why):
            recorded(name)


def test_packets() -> None:
    first, second = packets([SILENCE, SILENCE], 65_535, 7)
    assert struct.unpack("!BBHII", first[:12]) == (0x80, 0x80, 65_535, 65_535 * FRAME, 7)
    assert struct.unpack("!BBHII", second[:12]) == (0x80, 0x00, 0, 65_536 * FRAME, 7)
    assert len(noise(0.1)) == 5


@pytest.mark.parametrize(
    ("lines", "to"),
    [
        (b"c=IN IP4 192.0.2.1\r\nm=audio 5000 RTP/AVP 0\r\n", Address("192.0.2.1", 5000)),
        (b"c=IN IP4 192.0.2.1\r\nm=audio 0 RTP/AVP 0\r\n", None),
        (b"m=application 1544 TCP/MRCPv2 1\r\n", None),
        (b"", None),
    ],
)
def test_where_audio_is_wanted(lines: bytes, to: Address | None) -> None:
    assert hears_at(b"v=0\r\n" + lines if lines else b"") == to


@pytest.mark.real_time
async def test_a_voice_speaks_in_real_time() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind(("127.0.0.1", 0))
        ear.setblocking(False)
        voice, begun = Voice(Address(*ear.getsockname())), trio.current_time()
        with trio.fail_after(20):
            await voice.say([SILENCE] * 5)
            await voice.say([SILENCE])
        assert trio.current_time() - begun >= (2 * PAUSE + 6) * 0.02 * 0.9
        numbers = [struct.unpack("!H", ear.recv(2048)[2:4])[0] for _ in range(2 * PAUSE + 6)]
    assert numbers == list(range(2 * PAUSE + 6))


@pytest.mark.real_time
async def test_a_file_is_said_where_the_server_listens(tmp_path: Path) -> None:
    file = wav(tmp_path / "a.wav", [1000] * FRAME)
    scenario = parse_scenario(f'[[steps]]\ndo = "say"\naudio = "{file}"\n', "mine")
    async with SpeechServer() as server:
        campaign = Campaign(scenario, Target(scheme="rtsp", address=server.address), Pace(count=1))
        with trio.fail_after(20):
            await campaign.run()
    assert campaign.book.passed == 1
