"""The wire formats of MRCP, free of input and output: bytes in, messages out."""

from mrcpwire._errors import LocalProtocolError, RemoteProtocolError, WireError
from mrcpwire._headers import Headers
from mrcpwire._recognise import Wire, recognise

__all__ = ["Headers", "LocalProtocolError", "RemoteProtocolError", "Wire", "WireError", "recognise"]
