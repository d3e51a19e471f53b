"""SIP as MRCPv2 uses it to set sessions up (RFC 3261): octets in, messages out, and back again."""

from mrcpwire._sip_faults import SipError
from mrcpwire._sip_features import feature_parameters
from mrcpwire._sip_head import parse_datagram
from mrcpwire._sip_headers import SipHeaders
from mrcpwire._sip_messages import Limits, Request, Response
from mrcpwire._sip_reasons import REASONS, reason_phrase
from mrcpwire._sip_receiver import KeepAlive, StreamReceiver
from mrcpwire._sip_uri import SipUri, sip_uri
from mrcpwire._sip_values import NameAddr, Via
from mrcpwire._sip_write import response_to

__all__ = [
    "REASONS",
    "KeepAlive",
    "Limits",
    "NameAddr",
    "Request",
    "Response",
    "SipError",
    "SipHeaders",
    "SipUri",
    "StreamReceiver",
    "Via",
    "feature_parameters",
    "parse_datagram",
    "reason_phrase",
    "response_to",
    "sip_uri",
]
