"""Walking through the steps of a group in one role: ours are done in their time, the other side's are waited for."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

import attrs
import trio

from mrcpbalance.traces import Message, Session
from mrcpbalance.traces.replay import (
    Close,
    Difference,
    Fact,
    Group,
    Key,
    Open,
    Role,
    Step,
    closing,
    compare,
    fact,
    is_cut,
)
from mrcpwire import WireError, rtsp, sip

from ._inbox import Heard, Inbox
from ._link import Lost

_NANOSECONDS: Final = 1e9
_REFUSAL: Final = 300
_LATE_OPENING: Final = 1.0  # seconds; a proxy may have need of fewer connections
_BYE: Final = (("request", "BYE"), ("answer", "BYE"))


@attrs.frozen(kw_only=True)
class Terms:
    """How a script is played.

    `pace` is seconds for each captured second, 0 for no waiting. `timeout` is how long something may come later than
    it did in the capture, `settle` how long to listen after the last step where that was ours; seconds.
    """

    pace: float = 1.0
    timeout: float = 10.0
    settle: float = 0.2


@attrs.frozen(kw_only=True)
class Result:
    """How one session went, once; `stopped` says why it was not played to its end, `left_out` so many steps of it."""

    session: Session
    role: Role
    copy: int
    compared: int
    differences: tuple[Difference, ...]
    stopped: str = ""
    left_out: int = 0
    seconds: float = 0.0
    is_unasked: bool = False  # a request outside sessions that did not come

    @property
    def equal(self) -> bool:
        """Whether all was as captured."""
        return not self.differences and not self.stopped


@attrs.define(eq=False)
class Course:
    """How far one session has come."""

    inbox: Inbox
    began: float
    expected: list[Fact] = attrs.field(factory=list)
    stopped: str = ""
    left_out: int = 0
    ended: float = 0.0
    awaited: Counter[Key] | None = None  # what the other side says, once somebody asks


class Play:
    """One group, once. A protocol's own play knows how to say a message, and puts what it hears into inboxes."""

    def __init__(self, group: Group, role: Role, terms: Terms, copy: int) -> None:
        self.group = group
        self.role: Role = role
        self.terms = terms
        self.copy = copy
        self.is_over = False  # everything was played; what comes now is about ending it
        self.given: dict[Message, Heard] = {}  # what came for what was captured
        now = trio.current_time()
        self.courses = {session: Course(Inbox(session), now) for session in group.sessions}

    async def run(self, done: Callable[[Result], None]) -> None:
        """Play to the end, or until nothing of it can be played any more."""
        before = self.group.start
        for step in self.group.steps:
            gap = max(step.time - before, 0) / _NANOSECONDS
            before = step.time
            if self._reached(step):
                await (self._ours if step.by == self.role else self._theirs)(step, gap)
        await self._listen()
        self.is_over = True
        await self.leave()
        for course in self.courses.values():
            done(self._result(course))

    # What a protocol's play does.

    async def act(self, step: Step) -> None:
        """Do a step of ours; raises `Lost`."""
        raise NotImplementedError

    def taken(self, session: Session, message: Message, heard: Heard) -> None:
        """Learn from what came for a captured message."""

    def is_hopeless(self, session: Session, wanted: Fact) -> bool:
        """Tell whether something can't come any more."""
        raise NotImplementedError

    def obstacle(self, session: Session) -> str:
        """Say why nothing can come any more; "" where it could."""
        raise NotImplementedError

    def is_closed(self, step: Step) -> bool:
        """Tell whether the other side has closed what it closed in the capture."""
        raise NotImplementedError

    async def came(self) -> None:
        """Wait until the other side has opened another connection."""

    async def leave(self) -> None:
        """End what is still there."""

    # What they share.

    def put(self, session: Session, heard: Heard) -> None:
        """Take something that came."""
        self.courses[session].inbox.put(heard)

    def stir(self) -> None:
        """Have everybody who waits look again: a connection is gone."""
        for course in self.courses.values():
            course.inbox.stir()

    def stop(self, session: Session, why: str) -> None:
        """Play a session no further."""
        self.courses[session].stopped = self.courses[session].stopped or why

    def expects(self, session: Session, key: Key) -> bool:
        """Tell whether the capture has such a message of the other side that was not heard yet."""
        course = self.courses[session]
        if course.stopped:
            return False
        if course.awaited is None:
            course.awaited = Counter(self._keys(session))
        return course.inbox.count(key) < course.awaited[key]

    def _keys(self, session: Session) -> Iterator[Key]:
        """Give the keys of everything that the other side says in the capture."""
        for step in self.group.steps:
            if session in step.sessions and step.by != self.role and isinstance(step.what, Message):
                yield _fact(step.what).key

    def _reached(self, step: Step) -> bool:
        """Note the sessions that don't come so far; tell whether one does."""
        going = False
        for session in step.sessions:
            course = self.courses[session]
            course.left_out += bool(course.stopped)
            going |= not course.stopped
        return going

    async def _ours(self, step: Step, gap: float) -> None:
        await trio.sleep(gap * self.terms.pace)
        try:
            await self.act(step)
        except (Lost, WireError) as error:
            why = str(error) if isinstance(error, Lost) else f"a message can't be written anew ({error})"
            for session in step.sessions:
                self.stop(session, why)
        for session in step.sessions:
            self.courses[session].ended = trio.current_time()

    async def _theirs(self, step: Step, gap: float) -> None:
        if isinstance(step.what, Close):
            await self._their_close(step, gap)
        elif isinstance(step.what, Open):
            with trio.move_on_after(min(self.terms.timeout, _LATE_OPENING)):
                await self.came()
        else:
            (session,) = step.sessions
            await self._their_message(session, step.what, gap)

    async def _their_message(self, session: Session, message: Message, gap: float) -> None:
        course, wanted = self.courses[session], _fact(message)
        optional = is_cut(session) and wanted.key in _BYE
        if not optional:
            course.expected.append(wanted)
        heard = None
        with trio.move_on_after(gap + self.terms.timeout):
            heard = await course.inbox.take(wanted, lambda: self.is_hopeless(session, wanted))
        course.ended = trio.current_time()
        if heard is not None:
            self.given[message] = heard
            self.taken(session, message, heard)
            if _refuses(message, heard):
                self.stop(session, f"{wanted.about} was answered otherwise")
        elif not optional:
            self.stop(session, f"{wanted.about}: {self._why_not(course, wanted, gap)}")

    def _why_not(self, course: Course, wanted: Fact, gap: float) -> str:
        """Say why something didn't come."""
        if course.inbox.is_completed(wanted):
            return "its request was answered COMPLETE"
        return self.obstacle(course.inbox.session) or f"nothing came in {gap + self.terms.timeout:.1f} s"

    async def _their_close(self, step: Step, gap: float) -> None:
        """Wait for the end of a connection where that is what ended the session; who closes first otherwise is chance.

        Servers don't: a proxy's connections are not its callers'.
        """
        if self.role == "server":
            return
        fatal = [session for session in step.sessions if is_cut(session) and session.outcome.by == step.by]
        if not fatal:
            return
        inbox = self.courses[fatal[0]].inbox
        with trio.move_on_after(gap + self.terms.timeout):
            await inbox.until(lambda: self.is_closed(step) or inbox.has(_BYE[0]))
        for session in fatal:
            course = self.courses[session]
            course.expected.append(closing(step.by))
            if self.is_closed(step) or course.inbox.has(_BYE[0]):
                course.inbox.tell(closing(step.by))

    async def _listen(self) -> None:
        """Wait for what nobody expects, where the last word was ours: a little, or as long as the capture has silence."""
        last = self.group.steps[-1]
        if last.by == self.role and isinstance(last.what, Message):
            going = any(not course.stopped for course in self.courses.values())
            silence = (self.group.until - last.time) / _NANOSECONDS if going else 0.0
            await trio.sleep(max(self.terms.settle, silence * self.terms.pace))

    def _result(self, course: Course) -> Result:
        session = course.inbox.session
        came = list(course.inbox.came)
        if is_cut(session):
            came = [found for found in came if found.key not in _BYE]
        if course.stopped:  # what was not waited for is no surprise
            wanted = {found.key for found in course.expected}
            came = [found for found in came if found.key in wanted]
        return Result(
            session=session,
            role=self.role,
            copy=self.copy,
            compared=len(course.expected),
            differences=tuple(compare(course.expected, came)),
            stopped=course.stopped,
            left_out=course.left_out,
            seconds=max(course.ended - course.began, 0.0),
        )


def _fact(message: Message) -> Fact:
    return fact(message.parsed, message.answers.parsed if message.answers is not None else None)


def _refuses(message: Message, heard: Heard) -> bool:
    """Tell whether a set-up came out otherwise, so that nothing captured fits any more."""
    asked = message.answers.parsed if message.answers is not None else None
    if not isinstance(asked, rtsp.Request | sip.Request) or asked.method not in (b"SETUP", b"INVITE"):
        return False
    then, now = message.parsed, heard.parsed
    if not isinstance(then, rtsp.Response | sip.Response) or not isinstance(
        now, rtsp.Response | sip.Response
    ):
        return False
    return (then.status < _REFUSAL) is not (now.status < _REFUSAL) or now.status // 100 != then.status // 100
