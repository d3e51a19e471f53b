"""Who is live: every session by our id and by the ids its caller knows."""

from collections.abc import Callable, Iterator
from typing import Final

from mrcpbalance.pool import Backend

from ._session import End, Session
from ._tap import Observer, Tap

Chooser = Callable[[Session], Observer | None]  # says who observes a session that begins, if anybody


def _unheard(session: Session, now: float) -> None:
    """Tell nobody."""


def _raise(fault: Exception) -> None:
    raise fault


class Register:
    """The live sessions, at most `limit`. `on_end(session, now)` is called once for each that ended.

    `on_answer(session, now)`, which may be set at any time, is called once for each whose set-up succeeds. `choosers` are
    asked of each session that begins; `tapped` counts the live ones that are observed; `on_fault`, which may be
    set at any time, is given what an observer raised.
    """

    __slots__ = (
        "_by_id",
        "_by_key",
        "_new_id",
        "_on_end",
        "choosers",
        "limit",
        "on_answer",
        "on_fault",
        "tapped",
    )

    def __init__(
        self, limit: int, new_id: Callable[[], str], on_end: Callable[[Session, float], None]
    ) -> None:
        self.limit = limit
        self.choosers: tuple[Chooser, ...] = ()
        self.tapped = 0
        self._new_id: Final = new_id
        self._on_end: Final = on_end
        self.on_fault: Callable[[Exception], None] = _raise
        self.on_answer: Callable[[Session, float], None] = _unheard
        self._by_id: Final[dict[str, Session]] = {}
        # One session nearly always; a dict of them (for its order) when several bear the same key.
        self._by_key: Final[dict[str, Session | dict[Session, None]]] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Session]:
        """Go through those live at the start; they may end meanwhile."""
        return iter(tuple(self._by_id.values()))

    def open(
        self, protocol: str, client: str, pool: str, now: float, *, routed_by: str = ""
    ) -> Session | None:
        """Begin a session; None when the limit is reached."""
        if len(self._by_id) >= self.limit:
            return None
        session = Session(self._new_id(), protocol, client, pool, now, routed_by)
        self._by_id[session.id] = session
        for choose in self.choosers:
            try:
                observer = choose(session)
            except Exception as fault:  # noqa: BLE001 - handed out; what looks on must not keep a session from beginning
                self.on_fault(fault)
            else:
                if observer is not None:
                    self.tap(session, observer)
        return session

    def answered(self, session: Session, now: float) -> None:
        """Note that a session's set-up succeeded: from here its backend stays the same."""
        session.answered_at = now
        self.on_answer(session, now)

    def tap(self, session: Session, observer: Observer) -> None:
        """Let a live session be observed, from now on."""
        if session.end is not None:
            return
        if session.tap is None:
            session.tap = Tap(session, (observer,), self._failed)
            self.tapped += 1
        else:
            session.tap.observers += (observer,)

    def _failed(self, session: Session, observer: Observer, fault: Exception) -> None:
        self.untap(session, observer)
        self.on_fault(fault)

    def untap(self, session: Session, observer: Observer) -> None:
        """Let an observer go; nothing happens when it is none."""
        tap = session.tap
        if tap is None or observer not in tap.observers:
            return
        tap.observers = tuple(other for other in tap.observers if other is not observer)
        if not tap.observers:
            session.tap = None
            self.tapped -= session.end is None

    def key(self, session: Session, key: str) -> None:
        """Let a live session be found by an id its caller knows; others may bear the same."""
        if session.end is not None or key in session.keys:
            return
        session.keys += (key,)
        bearer = self._by_key.setdefault(key, session)
        if isinstance(bearer, dict):
            bearer[session] = None
        elif bearer is not session:
            self._by_key[key] = {bearer: None, session: None}

    def unkey(self, session: Session, key: str) -> None:
        """Take a key off a session; nothing happens when it doesn't bear it."""
        if key in session.keys:
            session.keys = tuple(other for other in session.keys if other != key)
            self._forget(session, key)

    def find(self, key: str) -> tuple[Session, ...]:
        """Find live sessions by our id or by a key."""
        if (session := self._by_id.get(key)) is not None:
            return (session,)
        match self._by_key.get(key):
            case None:
                return ()
            case Session() as only:
                return (only,)
            case several:
                return tuple(several)

    def of_backend(self, backend: Backend) -> tuple[Session, ...]:
        """Find the live sessions that have a seat on a backend; looks at all."""
        return tuple(
            session for session in self if session.seat is not None and session.seat.backend is backend
        )

    def end(self, session: Session, end: End, now: float) -> None:
        """End a session: seat and keys are given back, then observers and `on_end` are told. Only the first cause counts."""
        if session.end is not None:
            return
        session.end = end
        self._by_id.pop(session.id, None)
        for key in session.keys:
            self._forget(session, key)
        if session.seat is not None:
            session.seat.release()
        if session.tap is not None:
            self.tapped -= 1
            session.tap.end(now)
        self._on_end(session, now)

    def _forget(self, session: Session, key: str) -> None:
        bearers = self._by_key.get(key)
        if bearers is session:
            del self._by_key[key]
        elif isinstance(bearers, dict):
            bearers.pop(session, None)
            if not bearers:
                del self._by_key[key]
