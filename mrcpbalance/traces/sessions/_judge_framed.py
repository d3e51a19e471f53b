"""How a session of MRCPv2 messages without SIP went."""

from typing import TYPE_CHECKING

from mrcpbalance.traces._findings import Finding

from ._book import Book
from ._judge import in_progress, lost_answers, not_set_up, refused_requests, session
from ._session import End, Outcome, Session

if TYPE_CHECKING:
    from ._control import Framed


def judge(draft: "Framed", now: int, book: Book) -> Session | None:
    """Make the session of a channel; None for a stray one where sessions are set up by SIP."""
    by_sip = draft.connection.server in book.control
    if by_sip and not draft.confirmed:
        count = len(draft.messages)
        text = (
            f"{draft.caller} to {draft.server}: {count} message{'s' if count != 1 else ''}"
            f" for channel {draft.id}, which no session has"
        )
        book.findings.add(Finding(code="unknown-channel", text=text, rule="M-20", time=draft.start))
        return None
    draft.captured = not by_sip and draft.connection.opened is not None
    outcome = _outcome(draft, now, book)
    lost_answers(draft, now, book, "M-30")
    refused_requests(draft)
    if outcome.end is End.CUT:
        in_progress(draft)
        draft.last = max(draft.last, *(ending.time for ending in draft.connection.endings[:1]))
    return session(draft, outcome)


def _outcome(draft: "Framed", now: int, book: Book) -> Outcome:
    if draft.closed:
        return Outcome(end=End.COMPLETED)
    if draft.status is not None and draft.up is None:
        return not_set_up(draft, None, now, book)
    ending = draft.connection.first_ending
    if ending is None:
        return Outcome(end=End.UNFINISHED)
    if ending.side == "caller" and not ending.reset and not draft.open:
        return Outcome(end=End.COMPLETED)
    return Outcome(end=End.CUT, detail=str(ending), by=ending.side)
