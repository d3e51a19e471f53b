"""What of a message must be the same when it is said again: what it is about, status, request-state, completion cause."""

from typing import Literal

import attrs

from mrcpbalance.traces._show import show
from mrcpbalance.traces.sessions import Kind, Mrcp, Parsed, mrcp_in, resource
from mrcpwire import mrcpv2, rtsp, sip

Lane = Literal["rtsp", "sip", "mrcp", "connection"]
Key = tuple[str | int, ...]


@attrs.frozen(kw_only=True)
class Fact:
    """One message as it is compared.

    `key` tells which one it is, the same in a capture and live; in each `lane` messages have an order. `about` is what
    it is or answers, for people; `says` what it says about that.
    """

    lane: Lane
    key: Key
    about: str
    says: str = ""


def fact(parsed: Parsed, asked: Parsed | None = None) -> Fact:
    """Read a message; `asked` is the request it answers, where that is known."""
    if isinstance(parsed, rtsp.Request):
        return _rtsp_request(parsed)
    if isinstance(parsed, rtsp.Response):
        says = " ".join(filter(None, [str(parsed.status), _inner(mrcp_in(parsed))]))
        about = fact(asked).about if asked is not None else "an unknown request"
        return Fact(lane="rtsp", key=("answer", show(parsed.cseq or b"")), about=about, says=says)
    if isinstance(parsed, sip.Request):
        name = show(parsed.method, 40)
        return Fact(lane="sip", key=("request", name), about=name)
    if isinstance(parsed, sip.Response):
        name = show(parsed.cseq[1], 40)
        return Fact(lane="sip", key=("answer", name), about=name, says=str(parsed.status))
    return _mrcpv2(parsed, asked)


def closing(by: str) -> Fact:
    """Make the fact that somebody ended the connection."""
    return Fact(lane="connection", key=("closed",), about="the connection", says=f"closed by the {by}")


def _rtsp_request(parsed: rtsp.Request) -> Fact:
    mrcp = mrcp_in(parsed)
    if mrcp is None:
        about = f"{show(parsed.method, 40)} {resource(parsed.uri)}"
        return Fact(lane="rtsp", key=("request", about), about=about)
    return Fact(lane="rtsp", key=_key(mrcp), about=_name(mrcp), says=_inner(mrcp))


def _mrcpv2(parsed: mrcpv2.Message, asked: Parsed | None) -> Fact:
    mrcp = mrcp_in(parsed)
    assert mrcp is not None
    about = _name(mrcp)
    if mrcp.kind is Kind.RESPONSE and asked is not None:
        about = fact(asked).about
    return Fact(lane="mrcp", key=_key(mrcp), about=about, says=_inner(mrcp))


def _key(mrcp: Mrcp) -> Key:
    # Request-ids count through all channels of a session (RFC 6787, section 5.1), so no channel is needed.
    if mrcp.kind is Kind.RESPONSE:
        return ("answer", mrcp.request_id)
    return (mrcp.kind.value, mrcp.name, mrcp.request_id)


def _name(mrcp: Mrcp) -> str:
    return f"{mrcp.name or 'request'} {mrcp.request_id}"


def _inner(mrcp: Mrcp | None) -> str:
    if mrcp is None:
        return ""
    status = "" if mrcp.status is None else str(mrcp.status)
    return " ".join(filter(None, [status, mrcp.state, mrcp.cause]))
