"""What a simulated caller does in a session, step by step: a TOML document, or one of those that come along."""

import math
import os
from collections.abc import Mapping
from importlib import resources
from typing import Final, Literal, get_args

import attrs

from mrcpbalance.config import ConfigError, Fault
from mrcpbalance.config.documents import (
    RESOURCE,
    Array,
    Entries,
    Notes,
    Place,
    Rows,
    choice,
    duration,
    parsed,
    read_document,
    read_table,
    read_text,
    setting,
    whole,
)

from ._audio import AudioError, recorded

Do = Literal["request", "event", "say", "wait", "add", "remove", "refresh", "hang-up"]
How = Literal["release", "drop"]
_FOLDER: Final = "scenarios"
_ANSWERED: Final = 10.0  # seconds
_COMPLETED: Final = 60.0
_SPOKEN: Final = 0.4


def _word(text: str) -> str:
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("not one word of ASCII")
    return text.upper()


def _line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("not one printable line")
    return text


def _audio(path: str) -> tuple[bytes, ...]:
    try:
        return tuple(recorded(path))
    except AudioError as error:
        raise ValueError(str(error)) from None


_AUDIO: Final = parsed("the name of a file of audio", _audio)
_WORD: Final = parsed('a name of MRCP\'s like "RECOGNIZE"', _word)
_LINE: Final = parsed("one line of text", _line)
_TEXT: Final = parsed("text", str)
_FIELDS: Final = Entries(_LINE, _LINE, "a table of headers")


@attrs.frozen(kw_only=True)
class Step:
    """One thing that is done, and what must come of it."""

    do: Do = attrs.field(metadata=setting(choice(*get_args(Do)), "What is done.", stand_in="wait"))
    method: str | None = attrs.field(default=None, metadata=setting(_WORD, "Of a request."))
    resource: str | None = attrs.field(
        default=None, metadata=setting(RESOURCE, "Which of the session's resources; the first without it.")
    )
    headers: Mapping[str, str] = attrs.field(factory=dict, metadata=setting(_FIELDS, "Of a request."))
    body: str = attrs.field(default="", metadata=setting(_TEXT, "Of a request."))
    status: int | None = attrs.field(
        default=None, metadata=setting(whole(100, 999), "Of the answer; any from 200 to 299 without it.")
    )
    state: str | None = attrs.field(
        default=None,
        metadata=setting(choice("COMPLETE", "IN-PROGRESS", "PENDING"), "The request-state of the answer."),
    )
    event: str | None = attrs.field(
        default=None,
        metadata=setting(
            _WORD, "Which event is waited for; that which completes the last request without it."
        ),
    )
    cause: str | None = attrs.field(
        default=None,
        metadata=setting(
            _LINE, 'Completion-Cause of the answer or event: "000", "success" or "000 success".'
        ),
    )
    time: float | None = attrs.field(
        default=None,
        metadata=setting(
            duration(), "How long a wait takes, or within which time an answer or event must come."
        ),
    )
    audio: tuple[bytes, ...] | None = attrs.field(
        default=None,
        metadata=setting(
            _AUDIO,
            "What is said: a WAV file (8 kHz, one channel, 16 bits), or one of PCMU; noise without it.",
        ),
    )
    how: How = attrs.field(
        default="release",
        metadata=setting(
            choice(*get_args(How)),
            "Hang up by TEARDOWN or BYE, or drop the connections as a crashed caller does.",
        ),
    )

    @property
    def length(self) -> float:
        """Seconds of noise."""
        return _SPOKEN if self.time is None else self.time

    @property
    def patience(self) -> float:
        """Seconds within which it must be done."""
        if self.do in ("wait", "say"):
            return math.inf
        if self.time is not None:
            return self.time
        return _COMPLETED if self.do == "event" else _ANSWERED


_KEYS: Final[Mapping[Do, frozenset[str]]] = {
    "request": frozenset(("method", "resource", "headers", "body", "status", "state", "cause", "time")),
    "event": frozenset(("event", "resource", "cause", "time")),
    "say": frozenset(("audio", "time")),
    "wait": frozenset(("time",)),
    "add": frozenset(("resource", "time")),
    "remove": frozenset(("resource", "time")),
    "refresh": frozenset(("time",)),
    "hang-up": frozenset(("how",)),
}
_NEEDED: Final[Mapping[Do, tuple[str, ...]]] = {
    "request": ("method",),
    "wait": ("time",),
    "add": ("resource",),
    "remove": ("resource",),
}


@attrs.frozen(kw_only=True)
class Scenario:
    """A session from its set-up to its end, which is a TEARDOWN or BYE unless a step hangs up."""

    name: str
    description: str = attrs.field(default="", metadata=setting(_LINE, "For people."))
    resources: tuple[str, ...] = attrs.field(
        default=("speechrecog",),
        metadata=setting(Array(RESOURCE, "names of resources"), "What the session begins with."),
    )
    steps: tuple[Step, ...] = attrs.field(
        default=(), metadata=setting(Rows(Step, "steps"), "What is done, one after the other.", stand_in=())
    )

    @property
    def drops(self) -> bool:
        """Whether its connections break: it can't share them with other sessions then."""
        return any(step.how == "drop" for step in self.steps)


def known_scenarios() -> dict[str, Scenario]:
    """Give those that come along, by name."""
    files = resources.files(__package__).joinpath(_FOLDER).iterdir()
    names = sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))
    return {name: _along(name) for name in names}


def find_scenario(name: str) -> Scenario:
    """Give one that comes along, or that of a file; raises ConfigError with every fault."""
    known = known_scenarios()
    if name in known:
        return known[name]
    if os.sep not in name and not name.endswith(".toml"):
        expected = f"expected a file, or one of {', '.join(known)}"
        raise ConfigError([Fault(name, None, "-", "no such scenario", expected)])
    text, file = read_text(name)
    return parse_scenario(text, file)


def _along(name: str) -> Scenario:
    file = resources.files(__package__).joinpath(_FOLDER, f"{name}.toml")
    return parse_scenario(file.read_text(encoding="utf-8"), name)


def parse_scenario(text: str, name: str) -> Scenario:
    """Read a scenario's text; `name` stands for its file. Raises ConfigError with every fault."""

    def make(tables: Mapping[str, object]) -> tuple[Scenario, Notes]:
        root = Place(Notes())
        scenario = read_table(Scenario, tables, root, name=name)
        for index, step in enumerate(scenario.steps):
            _check(step, root.under("steps", index), last=index == len(scenario.steps) - 1)
        return scenario, root.notes

    return read_document(
        text, name, make, if_empty=("the scenario says nothing", "expected at least `resources`")
    )


def _check(step: Step, place: Place, *, last: bool) -> None:
    """Note what doesn't fit together."""
    if place.under("do").noted or not place.under("do").given:
        return
    for name in (field.name for field in attrs.fields(Step)):
        if name != "do" and place.under(name).given and name not in _KEYS[step.do]:
            fitting = ", ".join(sorted(_KEYS[step.do]))
            place.under(name).fault(f'doesn\'t go with do = "{step.do}"', f"expected only {fitting}")
    for name in _NEEDED.get(step.do, ()):
        if not place.under(name).given:
            place.under(name).fault("missing", f'expected one with do = "{step.do}"')
    if step.do == "hang-up" and not last:
        place.fault("steps follow a hang-up", "expected it to be the last")
