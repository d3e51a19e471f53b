"""Sessions without personal data: a capture that can be passed on and played."""

from ._file import capture
from ._messages import anonymous
from ._names import Names

__all__ = ["Names", "anonymous", "capture"]
