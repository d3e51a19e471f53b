"""Sessions drawn: as text, as SVG, as a page."""

from ._ladder import Arrow, Column, Ladder, Pause, Remark, heading, ladder
from ._page import page
from ._svg import figure, svg
from ._text import ASCII, UNICODE, Strokes, text
from ._words import label, note

__all__ = [
    "ASCII",
    "UNICODE",
    "Arrow",
    "Column",
    "Ladder",
    "Pause",
    "Remark",
    "Strokes",
    "figure",
    "heading",
    "label",
    "ladder",
    "note",
    "page",
    "svg",
    "text",
]
