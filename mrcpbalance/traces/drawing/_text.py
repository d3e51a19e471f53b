"""A ladder as lines of text, for terminals and mails."""

import textwrap
from typing import Final

import attrs

from mrcpbalance.traces._show import span

from ._ladder import Arrow, Ladder, Pause, Remark, Row, heading

_TIME: Final = 9
_TAG: Final = 5
_LEAST_GAP: Final = 30
_LEAST_NOTE: Final = 24


@attrs.frozen
class Strokes:
    """The characters lines are drawn with."""

    life: str = "│"
    out: str = "├"
    into: str = "┤"
    line: str = "─"
    dash: str = "·"
    right: str = "▶"
    left: str = "◀"
    pause: str = "┊"
    mark: str = "▲"


UNICODE: Final = Strokes()
ASCII: Final = Strokes(
    life="|", out="|", into="|", line="-", dash=".", right=">", left="<", pause=":", mark="!"
)


def text(drawn: Ladder, *, width: int | None = None, strokes: Strokes = UNICODE) -> str:
    """Draw a ladder; notes are wrapped to the width, without one they are not."""
    return "\n".join(_Drawing(drawn, width, strokes).lines()) + "\n"


class _Drawing:
    def __init__(self, drawn: Ladder, width: int | None, strokes: Strokes) -> None:
        self._drawn = drawn
        self._strokes = strokes
        labels = [len(row.label) for row in drawn.rows if isinstance(row, Arrow)]
        self._gap = max([_LEAST_GAP, *(length + 6 for length in labels)])
        self._lives = [place * (self._gap + 1) for place in range(len(drawn.columns))]
        self._margin = _TIME + 2 + _TAG + 2
        left = None if width is None else width - self._margin - self._lives[-1] - 3
        self._note_width = None if left is None else max(left, _LEAST_NOTE)

    def lines(self) -> list[str]:
        """Give every line."""
        out = [*heading(self._drawn.session), "", *self._titles()]
        for row in self._drawn.rows:
            out += self._row(row)
        return [line.rstrip() for line in [*out, self._lifelines(self._strokes.life)]]

    def _titles(self) -> list[str]:
        """Name the lifelines, each name beginning at its line."""
        lines = []
        for words in ([one.role for one in self._drawn.columns], [one.host for one in self._drawn.columns]):
            line = " " * self._margin
            for place, word in zip(self._lives, words, strict=True):
                line = line.ljust(self._margin + place) + word
            lines.append(line)
        return lines

    def _row(self, row: Row) -> list[str]:
        match row:
            case Pause():
                return [self._pause(row.length)]
            case Remark():
                return self._with_note(
                    "", "", self._lifelines(self._strokes.life)[self._margin :], self._mark(row)
                )
            case Arrow():
                return self._with_note(span(row.time), row.tag, self._arrow(row), row.note)

    def _mark(self, row: Remark) -> str:
        return f"{self._strokes.mark} {row.text}"

    def _with_note(self, time: str, tag: str, drawing: str, note: str) -> list[str]:
        parts = textwrap.wrap(note, self._note_width) if self._note_width is not None else [note]
        first = f"{time:>{_TIME}}  {tag:<{_TAG}}  {drawing}"
        if not parts:
            return [first]
        blank = self._lifelines(self._strokes.life)
        return [f"{first}  {parts[0]}", *(f"{blank}  {part}" for part in parts[1:])]

    def _lifelines(self, stroke: str) -> str:
        return " " * self._margin + (" " * self._gap).join(stroke for _ in self._lives)

    def _pause(self, length: int) -> str:
        line = self._lifelines(self._strokes.pause)
        return f"{'':{_TIME + 2 + _TAG + 2}}{line[self._margin :]}  {span(length)} later"

    def _arrow(self, row: Arrow) -> str:
        """Draw an arrow between two lifelines, its label where it starts."""
        strokes, label = self._strokes, row.label
        line = [" "] * (self._lives[-1] + 1)
        for place in self._lives:
            line[place] = strokes.life
        start, end = self._lives[row.source], self._lives[row.target]
        low, high = min(start, end), max(start, end)
        stroke = strokes.dash if row.tag == "TCP" else strokes.line
        line[low + 1 : high] = stroke * (high - low - 1)
        if start < end:
            line[start], line[end - 1] = strokes.out, strokes.right
            line[start + 2 : start + 4 + len(label)] = f" {label} "
        elif end < start:
            line[start], line[end + 1] = strokes.into, strokes.left
            line[start - 3 - len(label) : start - 1] = f" {label} "
        return "".join(line)
