"""What an Accept-Contact value asks of whoever answers a call (RFC 3841 section 9.2)."""

import re
from collections.abc import Mapping
from typing import Final

_PARAMETER: Final = re.compile(rb';[ \t]*([^;=\s"]+)(?:[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^;"\s]*)))?')
_QUOTED_PAIR: Final = re.compile(rb"\\(.)")
TRUE: Final = "TRUE"  # what a parameter without a value says (RFC 3840 section 9)


def feature_parameters(value: bytes) -> Mapping[str, str]:
    """Read the parameters of one value, by their names in lower case; quotes and quoted pairs are resolved.

    What stands before them (`*`) says nothing; some peers leave it out. Of two with one name the first counts.
    """
    found: dict[str, str] = {}
    for name, quoted, plain in _PARAMETER.findall(b";" + value):
        text = _QUOTED_PAIR.sub(rb"\1", quoted) or plain
        found.setdefault(name.decode("utf-8", "replace").lower(), text.decode("utf-8", "replace") or TRUE)
    found.pop("*", None)
    return found
