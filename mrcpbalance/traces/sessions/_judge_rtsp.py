"""How a session of MRCPv1 went."""

from typing import TYPE_CHECKING, Final

from mrcpbalance.traces._findings import Finding
from mrcpbalance.traces._show import show
from mrcpbalance.traces.capture import Ending
from mrcpwire import rtsp

from ._book import Book
from ._judge import (
    in_progress,
    is_due,
    lost_answers,
    not_set_up,
    perhaps,
    refused_requests,
    session,
)
from ._message import Kind
from ._session import End, Outcome, Session

if TYPE_CHECKING:
    from ._rtsp import RtspDraft

_FAILURE: Final = 400


def judge(draft: "RtspDraft", now: int, book: Book) -> Session | None:
    """Make the session of a draft; None for requests about a session the server doesn't know."""
    if not draft.captured and not draft.confirmed:
        text = f"{draft.caller} to {draft.server}: {len(draft.messages)} messages about RTSP session {draft.id}, which was never set up"
        book.findings.add(Finding(code="unknown-session", text=text, rule="R-25", time=draft.start))
        return None
    ending = next((one.first_ending for one in draft.connections if one.first_ending is not None), None)
    outcome = _outcome(draft, ending, now, book)
    _findings(draft, ending, outcome, now, book)
    if outcome.end is End.CUT and ending is not None:
        draft.last = max(draft.last, ending.time)
    return session(draft, outcome)


def _outcome(draft: "RtspDraft", ending: Ending | None, now: int, book: Book) -> Outcome:
    if draft.captured and not draft.live:
        return not_set_up(draft, draft.unanswered[0] if draft.unanswered else None, now, book)
    if draft.all_torn and (not draft.unanswered or ending is None or ending.side == "caller"):
        return Outcome(end=End.COMPLETED)
    if ending is not None:
        return Outcome(end=End.CUT, detail=str(ending), by=ending.side)
    return Outcome(end=End.UNFINISHED)


def _findings(draft: "RtspDraft", ending: Ending | None, outcome: Outcome, now: int, book: Book) -> None:
    for request in draft.unanswered:
        parsed = request.parsed
        assert isinstance(parsed, rtsp.Request)
        mrcp = request.mrcp
        what = f"{mrcp.name} {mrcp.request_id}" if mrcp is not None else show(parsed.method, 40)
        if is_due(request, now, book):
            text = f"{what} has no answer{perhaps(request.connection)}"
            draft.find("lost-answer", text, "R-22" if ending is not None else "R-24", request)
    if ending is not None and draft.live - draft.torn and ending.side == "caller":
        missing = ", ".join(sorted(draft.live - draft.torn))
        draft.find("missing-teardown", f"the caller went without a TEARDOWN of {missing}", "R-25")
    for message in draft.messages:
        fault = getattr(message.parsed, "fault", None)
        if fault is not None and message.to_server:
            draft.find(
                fault, "a request has a fault in its head", "R-07" if "cseq" in fault else "R-09", message
            )
    refused_requests(draft)
    _outer_failures(draft)
    silent = {id(request) for request in draft.unanswered}  # told above
    draft.open = {key: request for key, request in draft.open.items() if id(request) not in silent}
    lost_answers(draft, now, book, "R-12")
    if outcome.end is End.CUT:
        in_progress(draft)


def _outer_failures(draft: "RtspDraft") -> None:
    """Note the MRCP requests that RTSP itself has refused."""
    for message in draft.messages:
        parsed, request = message.parsed, message.answers
        if not isinstance(parsed, rtsp.Response) or parsed.status < _FAILURE or request is None:
            continue
        mrcp = request.mrcp
        if mrcp is not None and mrcp.kind is Kind.REQUEST:
            what = f"{mrcp.name} {mrcp.request_id} is answered {parsed.status} {show(parsed.reason, 80)}"
            draft.find("request-failed", what.rstrip(), "", message)
            draft.open = {key: one for key, one in draft.open.items() if one is not request}
