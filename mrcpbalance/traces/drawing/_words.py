"""Messages in words: a short name for the arrow, and what a reader wants to know beside it."""

from typing import Final

from mrcpbalance.traces._show import show
from mrcpbalance.traces.sessions import Kind, Message, Mrcp, resource
from mrcpwire import mrcpv2, rtsp, sip
from mrcpwire.sdp import Media, Sdp

_CONTROL: Final = frozenset([b"TCP/MRCPV2", b"TCP/TLS/MRCPV2"])
_DIRECTIONS: Final = {
    b"sendonly": "sends",
    b"recvonly": "receives",
    b"sendrecv": "sends and receives",
    b"inactive": "is silent",
}
_FAILURE: Final = 300

# What requests and events mean, for those who don't know them by heart.
_MEANINGS: Final = {
    "SET-PARAMS": "sets parameters",
    "GET-PARAMS": "asks for parameters",
    "SPEAK": "say this",
    "STOP": "stop",
    "PAUSE": "pause",
    "RESUME": "go on",
    "BARGE-IN-OCCURRED": "stop, the caller has begun to speak",
    "CONTROL": "skip, or change the voice",
    "DEFINE-LEXICON": "learn to pronounce",
    "SPEECH-MARKER": "a mark in the text is reached",
    "SPEAK-COMPLETE": "said",
    "DEFINE-GRAMMAR": "know this grammar",
    "RECOGNIZE": "listen",
    "INTERPRET": "make sense of this text",
    "GET-RESULT": "tell the result",
    "START-INPUT-TIMERS": "the prompt is over, count the silence",
    "RECOGNITION-START-TIMERS": "the prompt is over, count the silence",
    "START-OF-INPUT": "the caller has begun to speak",
    "START-OF-SPEECH": "the caller has begun to speak",
    "RECOGNITION-COMPLETE": "the result",
    "INTERPRETATION-COMPLETE": "the meaning",
    "RECORD": "record",
    "RECORD-COMPLETE": "recorded",
    "START-SESSION": "verify this voice",
    "END-SESSION": "no more verifying",
    "VERIFY": "listen and compare",
    "VERIFY-FROM-BUFFER": "compare what was heard",
    "VERIFICATION-COMPLETE": "the verdict",
    "CLEAR-BUFFER": "forget what was heard",
}


def label(message: Message) -> str:
    """Name a message."""
    parsed, mrcp = message.parsed, message.mrcp
    if isinstance(parsed, mrcpv2.Message):
        return _mrcp_label(mrcp) if mrcp is not None else ""
    if isinstance(parsed, sip.Request):
        again = parsed.method == b"INVITE" and parsed.to.tag is not None
        return ("re-" if again else "") + show(parsed.method, 40)
    if isinstance(parsed, sip.Response | rtsp.Response):
        outer = f"{parsed.status} {show(parsed.reason, 40)}".strip()
    else:
        outer = show(parsed.method, 40)
    return outer if mrcp is None else f"{outer}: {_mrcp_label(mrcp)}"


def note(message: Message) -> str:
    """Say what else matters about a message; empty where nothing does."""
    parsed = message.parsed
    parts = ["sent again"] if message.again else []
    if isinstance(parsed, sip.Request):
        parts += _sip_request(message, parsed)
    elif isinstance(parsed, sip.Response):
        parts += _sip_response(message, parsed)
    elif isinstance(parsed, rtsp.Request):
        parts += _rtsp_request(message, parsed)
    elif isinstance(parsed, rtsp.Response):
        parts += _rtsp_response(message, parsed)
    else:
        parts += _mrcp_note(message, parsed.headers.get(b"Content-Type"), len(parsed.body))
    return "; ".join(part for part in parts if part)


def _mrcp_label(mrcp: Mrcp) -> str:
    if mrcp.kind is Kind.RESPONSE:
        return f"{mrcp.status} {mrcp.state}"
    return f"{mrcp.name} {mrcp.request_id} {mrcp.state}".rstrip()


def _mrcp_note(message: Message, content_type: bytes | None, size: int) -> list[str]:
    mrcp = message.mrcp
    if mrcp is None:
        return []
    parts = []
    if mrcp.kind is Kind.RESPONSE:
        parts.append(f"to {_asked(message)}")
    else:
        parts.append(_MEANINGS.get(mrcp.name, ""))
    if mrcp.cause:
        parts.append(mrcp.cause)
    if size:
        parts.append(f"{show((content_type or b'body').partition(b';')[0], 60)}, {size} octets")
    return parts


def _asked(message: Message) -> str:
    """Name the MRCP request that a response answers."""
    asked = message.answers.mrcp if message.answers is not None else None
    mrcp = message.mrcp
    assert mrcp is not None
    return f"{asked.name} {asked.request_id}" if asked is not None else f"request {mrcp.request_id}"


def _sip_request(message: Message, parsed: sip.Request) -> list[str]:
    if parsed.method == b"BYE":
        return ["ends the session"]
    if parsed.method == b"CANCEL":
        return ["gives up"]
    return [_offered(message.sdp)] if message.sdp is not None else []


def _sip_response(message: Message, parsed: sip.Response) -> list[str]:
    method = parsed.cseq[1]
    parts = [] if method == b"INVITE" else [f"to {show(method, 40)}"]
    if message.sdp is not None:
        parts.append(_answered(message.sdp))
    if parsed.status >= _FAILURE:
        if parsed.contact is not None and parsed.status < _FAILURE + 100:
            parts.append(f"try {show(parsed.contact.uri, 80)}")
        wait = parsed.headers.get(b"retry-after")
        parts += [f"try again after {show(wait, 20)} s"] if wait else []
    return parts


def _rtsp_request(message: Message, parsed: rtsp.Request) -> list[str]:
    if parsed.method == b"SETUP":
        return [f"asks for {resource(parsed.uri)}", _audio(message.sdp)]
    if parsed.method == b"TEARDOWN":
        return [f"gives {resource(parsed.uri)} back"]
    return _inner(message, parsed.body)


def _rtsp_response(message: Message, parsed: rtsp.Response) -> list[str]:
    asked = message.answers.parsed if message.answers is not None else None
    if not isinstance(asked, rtsp.Request):
        return []
    if asked.method == b"SETUP":
        session = f"session {show(parsed.session, 60)}" if parsed.session and parsed.status < _FAILURE else ""
        return [session, _audio(message.sdp)]
    if message.mrcp is not None:
        return _inner(message, parsed.body)
    event = message.answers.mrcp if message.answers is not None else None
    return [f"to {event.name if event is not None else show(asked.method, 40)}"]


def _inner(message: Message, body: bytes) -> list[str]:
    """Say what an MRCPv1 message holds."""
    head, _, rest = body.partition(b"\r\n\r\n")
    found = None
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-type":
            found = value.strip()
    return _mrcp_note(message, found, len(rest))


def _offered(sdp: Sdp) -> str:
    """Say what an offer asks for."""
    parts = []
    for index, media in enumerate(sdp.media):
        if media.proto in _CONTROL:
            name = show(media.attribute(b"resource") or b"an unnamed resource", 40)
            parts.append(f"asks for {name}" if media.port else "gives a channel back")
        elif media.kind == b"audio":
            parts.append(_place(sdp, index, media))
    return ", ".join(parts)


def _answered(sdp: Sdp) -> str:
    """Say what an answer grants."""
    parts = []
    for index, media in enumerate(sdp.media):
        if media.proto in _CONTROL:
            channel = media.attribute(b"channel")
            if media.port and channel:
                parts.append(f"channel {show(channel, 80)} at {sdp.address(index)}:{media.port}")
            else:
                parts.append("no channel")
        elif media.kind == b"audio":
            parts.append(_place(sdp, index, media))
    return ", ".join(parts)


def _audio(sdp: Sdp | None) -> str:
    if sdp is None:
        return ""
    return ", ".join(
        _place(sdp, index, media) for index, media in enumerate(sdp.media) if media.kind == b"audio"
    )


def _place(sdp: Sdp, index: int, media: Media) -> str:
    if not media.port:
        return "no audio"
    verb = next((text for name, text in _DIRECTIONS.items() if media.attribute(name) is not None), "has")
    return f"{verb} audio at {sdp.address(index) or '?'}:{media.port}"
