"""Messages without personal data: what routes and what is compared stays, what people said or are called does not.

Headers whose values are known to be harmless stay; all others are masked octet for octet. So are bodies, but for
session descriptions.
"""

import re
from typing import Final

from mrcpwire import Wire

from ._names import Names, mask

_BLANK: Final = re.compile(rb"\r?\n\r?\n")
_FIELD: Final = re.compile(rb"([^\r\n:]*:[ \t]*)((?:[^\r\n]|\r?\n[ \t])*)(\r?\n|\Z)")
_ROUTING: Final = frozenset(
    b"via from to contact route record-route call-id cseq session transport max-forwards content-length content-type"
    b" content-encoding channel-identifier rtp-info v f t m i l c".split()
)
_PARTIES: Final = frozenset([b"from", b"to", b"contact", b"route", b"record-route", b"f", b"t", b"m"])
_HARMLESS: Final = _ROUTING | frozenset(
    b"allow supported require unsupported proxy-require session-expires min-se retry-after expires user-agent server"
    b" accept accept-encoding accept-language accept-charset allow-events timestamp rack rseq public range date k x"
    b" completion-cause active-request-id-list request-id-list proxy-sync-id cache-control fetch-timeout"
    b" confidence-threshold sensitivity-level speed-vs-accuracy n-best-list-length no-input-timeout"
    b" recognition-timeout recognizer-start-timers start-input-timers input-type recognition-mode cancel-if-queue"
    b" speech-complete-timeout speech-incomplete-timeout dtmf-interdigit-timeout dtmf-term-timeout dtmf-term-char"
    b" hotword-max-duration hotword-min-duration clear-dtmf-buffer early-no-match dtmf-buffer-time speech-language"
    b" save-waveform new-audio-channel media-type kill-on-barge-in speech-marker speak-restart jump-size"
    b" voice-gender voice-age voice-variant prosody-rate prosody-volume prosody-pitch prosody-range"
    b" max-time trim-length final-silence capture-on-speech ver-buffer-utterance num-min-verification-phrases"
    b" num-max-verification-phrases min-verification-score verification-mode adapt-model abort-model"
    b" abort-verification voiceprint-exists failed-uri-cause".split()
)
_SDP_PRIVATE: Final = re.compile(rb"^([siuep]=)([^\r\n]*)", re.MULTILINE)
_SDP_ORIGIN: Final = re.compile(rb"^o=\S+", re.MULTILINE)
_SDP_ATTRIBUTE: Final = re.compile(rb"^a=(?!channel:)[^\r\n]*", re.MULTILINE)
_SDP_PLACE: Final = re.compile(rb"^([oc]=[^\r\n]*?\bIN IP[46] )([^\s/]+)", re.MULTILINE)


def anonymous(wire: Wire, raw: bytes, names: Names) -> bytes:
    """Write a whole message with other names and without what was said."""
    if wire is Wire.MRCPV2:
        return _mrcp(raw, names)
    end = _BLANK.search(raw)
    at = end.end() if end else len(raw)
    start, newline, section = raw[:at].partition(b"\n")
    body = _body(raw[at:], names, mrcp=wire is Wire.RTSP)
    return names.text(start) + newline + _with_length(_headers(section, names), len(body)) + body


def _body(body: bytes, names: Names, *, mrcp: bool) -> bytes:
    if body.startswith(b"v="):
        return _description(body, names)
    return _mrcp(body, names) if mrcp else mask(body)


def _mrcp(raw: bytes, names: Names) -> bytes:
    """Mask an MRCP message of either version: all lengths stay."""
    end = _BLANK.search(raw)
    at = end.end() if end else len(raw)
    start, newline, section = raw[:at].partition(b"\n")
    return start + newline + _headers(section, names, keep_length=True) + mask(raw[at:])


def _headers(section: bytes, names: Names, *, keep_length: bool = False) -> bytes:
    def other(found: re.Match[bytes]) -> bytes:
        name = found[1].partition(b":")[0].strip(b" \t").lower()
        value = found[2]
        if name in (b"call-id", b"i"):
            value = names.call(value)
        elif name not in _HARMLESS:
            value = mask(value)
        elif name in _PARTIES:
            value = names.party(value)
        elif not keep_length:
            value = names.text(value)
        return found[1] + value + found[3]

    return _FIELD.sub(other, section)


def _with_length(section: bytes, length: int) -> bytes:
    return re.sub(rb"(?im)^(content-length|l)([ \t]*:[ \t]*)\d+", rb"\g<1>\g<2>%d" % length, section)


def _description(body: bytes, names: Names) -> bytes:
    body = _SDP_PRIVATE.sub(lambda found: found[1] + (b"-" if found[1] == b"s=" else mask(found[2])), body)
    body = _SDP_ORIGIN.sub(b"o=-", body)
    placed = _SDP_PLACE.sub(lambda found: found[1] + names.place(found[2]), body)
    return _SDP_ATTRIBUTE.sub(lambda found: names.addresses(found[0]), placed)
