"""A ladder as SVG: readable in light and in dark, alone or within a page."""

import textwrap
from html import escape
from typing import Final

from mrcpbalance.traces._show import span

from ._ladder import Arrow, Ladder, Pause, Remark, Row, heading

STYLE: Final = """\
svg.ladder{font:12px ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;background:#fff}
.ladder text{fill:#1f2430}.ladder .faint{fill:#5b6472}.ladder .time{fill:#5b6472;text-anchor:end}
.ladder .title{font-size:16px;font-weight:600}.ladder .host{font-weight:600;text-anchor:middle}
.ladder .role{fill:#5b6472;text-anchor:middle}
.ladder .life{stroke:#b6bdc9;stroke-width:1.5}.ladder .rest{stroke:#fff;stroke-width:3;stroke-dasharray:3 4}
.ladder path{fill:none;stroke-width:1.6}.ladder polygon{stroke:none}
.ladder .SIP path{stroke:#2458c5}.ladder .SIP polygon,.ladder .SIP text.tag{fill:#2458c5}
.ladder .RTSP path{stroke:#0e7a5f}.ladder .RTSP polygon,.ladder .RTSP text.tag{fill:#0e7a5f}
.ladder .MRCP path{stroke:#9a4a00}.ladder .MRCP polygon,.ladder .MRCP text.tag{fill:#9a4a00}
.ladder .TCP path{stroke:#79818f;stroke-dasharray:2 3}.ladder .TCP polygon,.ladder .TCP text{fill:#6a7280}
.ladder .failed path{stroke:#c02626}.ladder .failed polygon,.ladder .failed text.label{fill:#c02626}
.ladder .again path{stroke-dasharray:7 4}.ladder .remark{fill:#c02626}
@media (prefers-color-scheme:dark){
svg.ladder{background:#14171d}.ladder text{fill:#e4e8ef}
.ladder .faint,.ladder .time,.ladder .role{fill:#9aa4b4}
.ladder .life{stroke:#4a5262}.ladder .rest{stroke:#14171d}
.ladder .SIP path{stroke:#7fa8ff}.ladder .SIP polygon,.ladder .SIP text.tag{fill:#7fa8ff}
.ladder .RTSP path{stroke:#52cfae}.ladder .RTSP polygon,.ladder .RTSP text.tag{fill:#52cfae}
.ladder .MRCP path{stroke:#f0a35e}.ladder .MRCP polygon,.ladder .MRCP text.tag{fill:#f0a35e}
.ladder .TCP path{stroke:#7d8796}.ladder .TCP polygon,.ladder .TCP text{fill:#96a0b0}
.ladder .failed path{stroke:#ff7b7b}.ladder .failed polygon,.ladder .failed text.label,.ladder .remark{fill:#ff7b7b}
}
"""

_CHARACTER: Final = 7.3  # pixels of width at this size
_MARGIN: Final = 16
_TIME: Final = _MARGIN + 72  # where times end
_TAG: Final = _TIME + 12
_FIRST: Final = _TAG + 100
_LEAST_GAP: Final = 260
_NOTE: Final = 60  # characters of a note's line
_LINE: Final = 17
_STEP: Final = 30
_HEAD: Final = 7  # of an arrow


def svg(drawn: Ladder) -> str:
    """Draw a ladder as a document of its own."""
    return figure([drawn], alone=True)


def figure(ladders: list[Ladder], *, alone: bool = False) -> str:
    """Draw ladders below each other; within a page, `STYLE` stands elsewhere in it."""
    drawings = []
    top = width = 0
    for drawn in ladders:
        drawing = _Drawing(drawn, top)
        drawing.draw()
        drawings.append(drawing)
        top, width = drawing.y, max(width, drawing.width)
    title = ", ".join(heading(drawn.session)[0] for drawn in ladders[:3])
    content = "\n".join(line for drawing in drawings for line in drawing.out)
    sheet = f"<style>\n{STYLE}</style>\n" if alone else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="ladder" role="img" width="{width}" height="{top}"'
        f' viewBox="0 0 {width} {top}">\n<title>{escape(title)}</title>\n{sheet}{content}\n</svg>\n'
    )


class _Drawing:
    """Draws downwards from `y`."""

    def __init__(self, drawn: Ladder, top: int) -> None:
        self._drawn = drawn
        self.y = top + _MARGIN
        self.out: list[str] = []
        labels = [len(row.label) for row in drawn.rows if isinstance(row, Arrow)]
        gap = max([_LEAST_GAP, *(int(length * _CHARACTER) + 48 for length in labels)])
        self._lives = [_FIRST + place * gap for place in range(len(drawn.columns))]
        self._notes = self._lives[-1] + 18
        self.width = int(self._notes + _NOTE * _CHARACTER + _MARGIN)

    def draw(self) -> None:
        """Write everything, lifelines first so that arrows lie above them."""
        self._heading()
        place, top = len(self.out), self.y
        for row in self._drawn.rows:
            self._row(row)
        self.y += _MARGIN
        lives = [f'<path class="life" d="M{x} {top}V{self.y}"/>' for x in self._lives]
        self.out[place:place] = lives
        self.y += _MARGIN

    def _heading(self) -> None:
        for number, line in enumerate(heading(self._drawn.session)):
            self.y += 22 if number == 0 else _LINE
            self._text(_MARGIN, self.y, line, "faint" if number else "title")
        self.y += 36
        for x, column in zip(self._lives, self._drawn.columns, strict=True):
            self._text(x, self.y - _LINE, column.role, "role")
            self._text(x, self.y, column.host, "host")
        self.y += 10

    def _row(self, row: Row) -> None:
        match row:
            case Pause():
                self._pause(row)
            case Remark():
                self._notes_at(self.y + 21, f"▲ {row.text}", "remark")
            case Arrow():
                self._arrow(row)

    def _pause(self, row: Pause) -> None:
        top = self.y + 8
        self.y = top + 22
        self.out += [f'<path class="rest" d="M{x} {top}V{self.y}"/>' for x in self._lives]
        self._text(self._notes, top + 15, f"{span(row.length)} later", "faint")
        self.y += 2

    def _arrow(self, row: Arrow) -> None:
        y = self.y + _STEP
        start, end = self._lives[row.source], self._lives[row.target]
        classes = " ".join([row.tag, *["failed"] * row.failed, *["again"] * row.again])
        self.out.append(f'<g class="{classes}">')
        self._text(_TIME, y + 4, span(row.time), "time")
        self._text(_TAG, y + 4, row.tag, "tag")
        back = _HEAD if start < end else -_HEAD
        self.out.append(f'<path d="M{start} {y}H{end - back}"/>')
        self.out.append(f'<polygon points="{end},{y} {end - back},{y - 4} {end - back},{y + 4}"/>')
        if start < end:
            self._text(start + 12, y - 6, row.label, "label")
        else:
            self._text(start - 12, y - 6, row.label, "label", ' text-anchor="end"')
        self.out.append("</g>")
        self.y = y
        if row.note:
            self._notes_at(y + 4, row.note, "faint")

    def _notes_at(self, y: int, note: str, kind: str) -> None:
        """Write a note beside the lifelines, in as many lines as it takes."""
        for number, line in enumerate(textwrap.wrap(note, _NOTE)):
            self._text(self._notes, y + number * _LINE, line, kind)
            if number or kind == "remark":
                self.y = max(self.y, y + number * _LINE)

    def _text(self, x: int, y: int, text: str, kind: str, more: str = "") -> None:
        self.out.append(f'<text x="{x}" y="{y}" class="{kind}"{more}>{escape(text)}</text>')
