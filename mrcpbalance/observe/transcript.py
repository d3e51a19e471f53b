"""What was said in a session, for its line in the log: start-lines, and bodies where that is wanted."""

import re
from collections.abc import Callable
from typing import Final

import attrs

from mrcpbalance.config import LogConfig
from mrcpbalance.sessions import Direction, Overheard, Session

from ._render import VALUE_LIMIT, Whole
from .messages import body_of, lines_of

SENT: Final = {
    Direction.TO_BACKEND: Direction.FROM_CLIENT,
    Direction.TO_CLIENT: Direction.FROM_BACKEND,
}
_USER: Final = re.compile(r"(?i)\b(sips?:|rtspu?://)[^@\s>]*@")
_NUMBER: Final = re.compile(r"(?i)\b(tel:)[^\s>;]*")
type_entry = dict[str, object]
Mask = Callable[[str, bytes], bytes]  # protocol and message to the message without what people said


@attrs.define(eq=False)
class Transcript:
    """The observer that writes one session's transcript; at most `log.transcript_entries` entries."""

    config: LogConfig
    mask: Mask
    began: float
    entries: list[type_entry] = attrs.field(factory=list)
    left_out: int = 0
    _heard: tuple[Direction, str, str | None, str | None] | None = None  # what came in last

    def overheard(self, _session: Session, message: Overheard) -> None:
        """Write an entry; what was passed on with the same start-line is no second one."""
        line, mrcp = lines_of(message)
        if (SENT.get(message.direction), message.protocol, line, mrcp) == self._heard:
            return
        self._heard = (message.direction, message.protocol, line, mrcp)
        if len(self.entries) >= self.config.transcript_entries:
            self.left_out += 1
            return
        entry: type_entry = {
            "at_s": round(message.at - self.began, 3),
            "direction": message.direction.value,
            "line": self._shown(line),
        }
        if mrcp is not None:
            entry["mrcp"] = mrcp
        if self.config.transcript == "bodies" and (body := self._body(message)):
            entry["body"] = body
        self.entries.append(entry)

    def ended(self, _session: Session, _now: float) -> None:
        """Nothing to do: whoever writes the log asks for it."""

    def _shown(self, line: str | None) -> str | None:
        if line is None or not self.config.transcript_redact:
            return line
        return _NUMBER.sub(r"\1***", _USER.sub(r"\1***@", line))

    def _body(self, message: Overheard) -> str:
        if self.config.transcript_redact:
            message = attrs.evolve(message, data=self.mask(message.protocol, message.data))
        return body_of(message)[: VALUE_LIMIT + 1].decode(errors="backslashreplace")


def writer(config: LogConfig, mask: Mask) -> Callable[[Session], Transcript | None]:
    """Make the chooser that has a transcript written of every session but those that pass through."""

    def choose(session: Session) -> Transcript | None:
        return None if session.protocol == "tcp" else Transcript(config, mask, session.opened_at)

    return choose


def transcript_of(session: Session) -> dict[str, object]:
    """Give the transcript's fields for the line of a session that ended; none where none was written."""
    for observer in () if session.tap is None else session.tap.observers:
        if isinstance(observer, Transcript):
            return {"transcript": Whole(observer.entries), "transcript_left_out": observer.left_out}
    return {}
