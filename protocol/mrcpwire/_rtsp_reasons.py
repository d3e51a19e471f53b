"""The reason phrases of RTSP (RFC 2326 section 7.1.1)."""

from typing import Final

_PHRASES: Final = {
    100: b"Continue",
    200: b"OK",
    201: b"Created",
    250: b"Low on Storage Space",
    300: b"Multiple Choices",
    301: b"Moved Permanently",
    302: b"Moved Temporarily",
    303: b"See Other",
    304: b"Not Modified",
    305: b"Use Proxy",
    400: b"Bad Request",
    401: b"Unauthorized",
    402: b"Payment Required",
    403: b"Forbidden",
    404: b"Not Found",
    405: b"Method Not Allowed",
    406: b"Not Acceptable",
    407: b"Proxy Authentication Required",
    408: b"Request Timeout",
    410: b"Gone",
    411: b"Length Required",
    412: b"Precondition Failed",
    413: b"Request Entity Too Large",
    414: b"Request-URI Too Long",
    415: b"Unsupported Media Type",
    451: b"Parameter Not Understood",
    452: b"Conference Not Found",
    453: b"Not Enough Bandwidth",
    454: b"Session Not Found",
    455: b"Method Not Valid In This State",
    456: b"Header Field Not Valid",
    457: b"Invalid Range",
    458: b"Parameter Is Read-Only",
    459: b"Aggregate Operation Not Allowed",
    460: b"Only Aggregate Operation Allowed",
    461: b"Unsupported Transport",
    462: b"Destination Unreachable",
    500: b"Internal Server Error",
    501: b"Not Implemented",
    502: b"Bad Gateway",
    503: b"Service Unavailable",
    504: b"Gateway Timeout",
    505: b"RTSP Version Not Supported",
    551: b"Option Not Supported",
}
_CLASSES: Final = {1: b"Continue", 2: b"OK", 3: b"Redirection", 4: b"Client Error", 5: b"Server Error"}


def reason_phrase(status: int) -> bytes:
    """Give the phrase of a status; one that RFC 2326 doesn't know gets a phrase for its class."""
    return _PHRASES.get(status) or _CLASSES.get(status // 100, b"Unknown")
