"""Sound documents to spoil, and how their faults are told."""

from typing import Final

import pytest

from mrcpbalance.config import ConfigError, parse

BASE: Final = """\
[pools.p.backends.b]
rtsp = "192.0.2.1:1554"

[listeners.l]
protocol = "rtsp"
bind = "127.0.0.1:1554"
pool = "p"
"""

SIP: Final = """\
[pools.p.backends.b]
sip = "192.0.2.1:5060"

[listeners.l]
protocol = "sip"
bind = "127.0.0.1:5060"
pool = "p"
"""


def faults_of(text: str) -> list[str]:
    """Give the lines that tell the faults of a document, which has some."""
    with pytest.raises(ConfigError) as raised:
        parse(text, "f")
    return str(raised.value).split("\n")
