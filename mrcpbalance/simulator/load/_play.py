"""One session of a load: its scenario, step by step, and why it failed if it did."""

from collections.abc import Awaitable, Callable, Mapping
from typing import ClassVar, Final, TypeVar

import attrs
import trio

from mrcpbalance.simulator._messages import COMPLETE, Event, Response
from mrcpbalance.simulator.callers import ConnectionLost, Refused

from ._audio import TICK, Voice, hears_at, noise
from ._book import Book
from ._parties import SUCCESS, NotSupportedError, Party, UnexpectedStatusError
from ._scenario import Scenario, Step

T = TypeVar("T")

PARTING: Final = 5.0  # seconds that the end of a session may take
UNHEARD: Final = 100  # events of a session that no step asked for so far; further ones are a failure


class FailedError(Exception):
    """A session did not go as its scenario says."""


@attrs.define
class Play:
    """One session as it is played."""

    scenario: Scenario
    book: Book
    hold: float = 0.0  # seconds between the last step and the end
    released: trio.Event = attrs.field(factory=trio.Event)  # it is held no longer
    _party: Party | None = None
    _last: dict[str, tuple[int, str, float]] = attrs.field(
        factory=dict
    )  # request by resource: id, method, begun
    _unheard: list[Event] = attrs.field(factory=list)
    _voice: Voice | None = None

    async def run(self, open_session: Callable[[], Awaitable[Party]]) -> str | None:
        """Play it from its set-up to its end; gives why it failed, None when it passed."""
        try:
            await self._begin(open_session)
            for step in self.scenario.steps:
                await self._step(step)
            if not (self.scenario.steps and self.scenario.steps[-1].do == "hang-up"):
                with trio.move_on_after(self.hold):
                    await self.released.wait()
                await self._release()
        except FailedError as failure:
            await self._part()
            return str(failure)
        return None

    async def _begin(self, open_session: Callable[[], Awaitable[Party]]) -> None:
        begun = trio.current_time()
        self._party = await _within(PARTING * 2, "set-up", open_session)
        self.book.took("set-up", trio.current_time() - begun)

    async def _part(self) -> None:
        """Leave nothing behind after a failure."""
        if self._party is not None:
            try:
                await _within(PARTING, "end", self._party.release)
            except FailedError:
                self._party.drop()

    async def _release(self) -> None:
        assert self._party is not None, "was set up"
        begun = trio.current_time()
        await _within(PARTING, "end", self._party.release)
        self.book.took("end", trio.current_time() - begun)

    async def _step(self, step: Step) -> None:
        await _within(step.patience, _title(step), lambda: self._DO[step.do](self, step))

    async def _request(self, step: Step) -> None:
        assert self._party is not None, "was set up"
        assert step.method is not None, "the scenario was checked"
        resource, begun = self._resource(step), trio.current_time()
        answer = await self._party.request(resource, step.method, step.headers, step.body.encode())
        self.book.took(step.method, trio.current_time() - begun)
        _expect_answer(step, answer)
        if answer.state != COMPLETE:
            self._last[resource] = answer.request_id, step.method, begun

    async def _event(self, step: Step) -> None:
        resource = self._resource(step)
        event = await self._find(lambda event: self._is_meant(event, step, resource), resource)
        number, method, begun = self._last.get(resource, (0, "", 0.0))
        if event.state == COMPLETE and event.request_id == number:
            self.book.took(f"{method} to its completion", trio.current_time() - begun)
        _expect_cause(step, event)

    def _is_meant(self, event: Event, step: Step, resource: str) -> bool:
        if step.event is not None:
            return event.name == step.event
        return event.state == COMPLETE and event.request_id == self._last.get(resource, (0,))[0]

    async def _find(self, meant: Callable[[Event], bool], resource: str) -> Event:
        assert self._party is not None, "was set up"
        for index, event in enumerate(self._unheard):
            if meant(event):
                return self._unheard.pop(index)
        while not meant(event := await self._party.event(resource)):
            if len(self._unheard) == UNHEARD:
                raise FailedError(f"more than {UNHEARD} events that nobody waits for")
            self._unheard.append(event)
        return event

    async def _say(self, step: Step) -> None:
        """Speak to where the session wants audio; where it wants none only the time passes."""
        assert self._party is not None, "was set up"
        if self._voice is None:
            to = hears_at(self._party.description())
            self._voice = None if to is None else Voice(to)
        frames = noise(step.length) if step.audio is None else step.audio
        if self._voice is None:
            await trio.sleep(len(frames) * TICK)
        else:
            await self._voice.say(frames)

    async def _wait(self, step: Step) -> None:
        await trio.sleep(step.time or 0.0)

    async def _add(self, step: Step) -> None:
        assert self._party is not None, "was set up"
        await self._party.add(self._resource(step))

    async def _remove(self, step: Step) -> None:
        assert self._party is not None, "was set up"
        await self._party.remove(self._resource(step))

    async def _refresh(self, _step: Step) -> None:
        assert self._party is not None, "was set up"
        await self._party.refresh()

    async def _hang_up(self, step: Step) -> None:
        assert self._party is not None, "was set up"
        if step.how == "drop":
            self._party.drop()
        else:
            await self._release()

    def _resource(self, step: Step) -> str:
        return step.resource or self.scenario.resources[0]

    _DO: ClassVar[Mapping[str, Callable[["Play", Step], Awaitable[None]]]] = {
        "request": _request,
        "event": _event,
        "say": _say,
        "wait": _wait,
        "add": _add,
        "remove": _remove,
        "refresh": _refresh,
        "hang-up": _hang_up,
    }


async def _within(seconds: float, what: str, do: Callable[[], Awaitable[T]]) -> T:
    """Do something in time; raises `FailedError` in words."""
    try:
        with trio.fail_after(seconds):
            return await do()
    except trio.TooSlowError:
        why = f"nothing within {seconds:g} s"
    except ConnectionLost:
        why = "the connection was lost"
    except OSError as error:
        why = f"no connection ({error.strerror or error})"
    except Refused as refused:
        why = str(refused)
    except UnexpectedStatusError as unexpected:
        why = f"answered {unexpected.status}"
    except NotSupportedError as unsupported:
        why = str(unsupported)
    except KeyError as missing:
        why = f"the session has no {missing.args[0]}"
    raise FailedError(f"{what}: {why}")


def _title(step: Step) -> str:
    match step.do:
        case "request":
            return step.method or ""
        case "event":
            return step.event or "completion"
        case _:
            return step.do


def _expect_answer(step: Step, answer: Response) -> None:
    fits = answer.status in SUCCESS if step.status is None else answer.status == step.status
    if not fits:
        raise FailedError(f"{step.method}: {answer.status}, expected {step.status or '2xx'}")
    if step.state is not None and answer.state != step.state:
        raise FailedError(f"{step.method}: {answer.state}, expected {step.state}")
    _expect_cause(step, answer)


def _expect_cause(step: Step, message: Response | Event) -> None:
    if step.cause is None:
        return
    number, _, name = (message.get("Completion-Cause") or "").partition(" ")
    if step.cause not in (number, name, f"{number} {name}"):
        found = f"{number} {name}".strip() or "no Completion-Cause"
        raise FailedError(f"{_title(step)}: {found}, expected {step.cause}")
