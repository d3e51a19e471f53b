"""Writing captures: packets for messages that were seen whole, what people said masked."""

from ._capture import Writer
from ._mask import masked

__all__ = ["Writer", "masked"]
