"""Everything that is recorded in a process: what operators take, and what is kept."""

from collections.abc import Callable, Mapping
from typing import Final, NoReturn

import attrs

from mrcpbalance.config import RecordConfig
from mrcpbalance.sessions import Register

from ._held import Budget
from ._live import Bounds, Live
from ._wish import Wish
from ._writing import Scribe

WORDS: Final = ("pool", "backend", "client", "protocol", "resource")
SWITCHES: Final = ("failed", "bodies")
NUMBERS: Final = {"sample": 100.0, "sessions": 1e6, "duration": 31 * 86_400.0, "size": 2.0**40}  # at most
KNOWN: Final = (*WORDS, *SWITCHES, *NUMBERS)


class RefusedError(Exception):
    """A recording that can't be had; says why. `busy`: for now."""

    def __init__(self, text: str, *, busy: bool = False) -> None:
        super().__init__(text)
        self.busy = busy


@attrs.define(eq=False)
class Recorder:
    """The recordings that operators take of one proxy's sessions."""

    config: RecordConfig
    register: Register
    budget: Budget
    chance: Callable[[], float]
    now: Callable[[], float]
    wall: Callable[[float], float]
    live: list[Live] = attrs.field(factory=list)

    def take(self, asked: Mapping[str, str]) -> Live:
        """Begin a recording of sessions that begin from now on; `leave` ends it. Raises `RefusedError`."""
        if len(self.live) >= self.config.streams:
            raise RefusedError(
                f"{len(self.live)} recordings are taken already; record.streams allows more", busy=True
            )
        unknown = [name for name in asked if name not in KNOWN]
        if unknown:
            raise RefusedError(f"{unknown[0][:40]!r} is none of {', '.join(KNOWN)}")
        number = {name: _number(name, asked[name], most) for name, most in NUMBERS.items() if name in asked}
        switched = {name: _switch(name, asked.get(name, "false")) for name in SWITCHES}
        words = {name: asked[name] for name in WORDS if name in asked}
        now = self.now()
        live = Live(
            Wish(**words, failed=switched["failed"], sample=number.get("sample", 100.0)),
            Bounds(
                sessions=int(number["sessions"]) if "sessions" in number else None,
                duration=number.get("duration"),
                size=int(number["size"]) if "size" in number else None,
                waiting=self.config.waiting,
                session_size=self.config.session_size,
            ),
            Scribe(self.wall(now) - now, switched["bodies"]),
            self.budget,
            self.chance,
            self.now,
        )
        self.live.append(live)
        self.register.choosers += (live.choose,)
        return live

    def leave(self, live: Live) -> None:
        """End a recording."""
        self.live.remove(live)
        self.register.choosers = tuple(one for one in self.register.choosers if one != live.choose)
        live.leave(self.register)

    def rows(self) -> list[dict[str, object]]:
        """Tell of the recordings that are being taken."""
        return [
            {
                "started": self.wall(live.started),
                "wish": {name: value for name, value in attrs.asdict(live.wish).items() if value is not None},
                "bodies": live.scribe.bodies,
                "sessions": live.sessions,
                "octets": live.octets,
                "lost": live.lost,
            }
            for live in self.live
        ]


def _number(name: str, text: str, most: float) -> float:
    try:
        value = float(text)
    except ValueError:
        _refuse(name, text, f"a number up to {most:,.0f}")
    if not 0 < value <= most:
        _refuse(name, text, f"a number above 0, up to {most:,.0f}")
    return value


def _switch(name: str, text: str) -> bool:
    if text not in ("true", "false"):
        _refuse(name, text, "true or false")
    return text == "true"


def _refuse(name: str, text: str, wanted: str) -> NoReturn:
    raise RefusedError(f"{name}: {text[:40]!r} is not {wanted}")
