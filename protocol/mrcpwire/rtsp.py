"""RTSP as MRCPv1 uses it (RFC 2326): octets in, messages out, and back again without a lost octet."""

from mrcpwire._rtsp_edit import with_body, with_header, with_reason, with_session, with_uri
from mrcpwire._rtsp_messages import Interleaved, Limits, Request, Response
from mrcpwire._rtsp_reasons import reason_phrase
from mrcpwire._rtsp_receiver import Receiver
from mrcpwire._rtsp_write import reply, request

__all__ = [
    "Interleaved",
    "Limits",
    "Receiver",
    "Request",
    "Response",
    "reason_phrase",
    "reply",
    "request",
    "with_body",
    "with_header",
    "with_reason",
    "with_session",
    "with_uri",
]
