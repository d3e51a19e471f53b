"""What judging a session of any kind has in common."""

from typing import Final

from mrcpbalance.traces._findings import Finding
from mrcpbalance.traces.capture import Connection

from ._book import Book
from ._draft import Draft
from ._message import Message
from ._session import End, Outcome, Session

_FAILURE: Final = 400


def session(draft: Draft, outcome: Outcome) -> Session:
    """Make the session of a draft."""
    if draft.left_out:
        text = f"{draft.left_out} messages were too much to keep; what they answered is not known"
        draft.find("not-kept", text)
    settled = draft.up or draft.refused_at
    return Session(
        number=0,
        protocol=draft.protocol,
        id=draft.id,
        keys=tuple(draft.keys),
        caller=draft.caller,
        server=draft.server,
        resources=tuple(draft.resources),
        outcome=outcome,
        start=draft.start,
        set_up=settled - draft.start if settled is not None and draft.captured else None,
        duration=max(draft.last - draft.start, 0),
        counts=dict(draft.counts),
        methods=dict(draft.methods),
        causes=tuple(draft.causes),
        findings=tuple(sorted(draft.findings, key=_place)),
        connections=tuple(draft.connections),
        messages=tuple(draft.messages),
    )


def not_set_up(draft: Draft, waiting: Message | None, now: int, book: Book) -> Outcome:
    """Judge a session that was never set up: refused, given up, or too young to tell."""
    if draft.status is not None:
        return Outcome(end=End.REFUSED, detail=f"{draft.status} {draft.reason}".strip(), status=draft.status)
    ending = next((one.first_ending for one in draft.connections if one.first_ending is not None), None)
    if ending is not None:
        return Outcome(end=End.FAILED, detail=f"{ending} before an answer", by=ending.side)
    if waiting is not None and now - waiting.time < book.limits.patience:
        return Outcome(end=End.UNFINISHED)
    return Outcome(end=End.FAILED, detail="no answer")


def lost_answers(draft: Draft, now: int, book: Book, rule: str) -> None:
    """Note every MRCP request that was never answered, unless the capture ends too soon to tell."""
    for request in draft.open.values():
        mrcp = request.mrcp
        assert mrcp is not None
        if is_due(request, now, book):
            what = f"{mrcp.name} {mrcp.request_id}"
            draft.find("lost-answer", f"{what} has no answer{perhaps(request.connection)}", rule, request)


def refused_requests(draft: Draft) -> None:
    """Note every MRCP request that was answered with a failure."""
    for message in draft.messages:
        mrcp, request = message.mrcp, message.answers.mrcp if message.answers is not None else None
        if mrcp is not None and mrcp.status is not None and mrcp.status >= _FAILURE:
            what = f"{request.name} {request.request_id}" if request is not None else str(mrcp.request_id)
            draft.find("request-failed", f"{what} is answered {mrcp.status}", "", message)


def in_progress(draft: Draft) -> None:
    """Note the requests that a cut session takes with it."""
    for request in draft.active.values():
        mrcp = request.mrcp
        assert mrcp is not None
        text = f"{mrcp.name} {mrcp.request_id} was in progress when the session was cut"
        draft.find("cut-request", text, "", request)


def order_of_ids(draft: Draft, rule: str = "") -> None:
    """Note request-ids that don't increase (RFC 6787, section 5.2.1)."""
    last: Message | None = None
    for request in draft.asked.values():
        mrcp = request.mrcp
        assert mrcp is not None
        if last is not None and last.mrcp is not None and mrcp.request_id <= last.mrcp.request_id:
            text = f"request-id {mrcp.request_id} of {mrcp.name} comes after {last.mrcp.request_id}"
            draft.find("request-id-order", text, rule, request)
        last = request


def is_due(request: Message, now: int, book: Book) -> bool:
    """Tell whether an answer should have come by the end of the capture."""
    return now - request.time >= book.limits.patience or _is_over(request.connection)


def perhaps(connection: Connection | None) -> str:
    """Allow for an answer that was there and not captured."""
    return " (or it was not captured)" if connection is not None and connection.lost else ""


def _is_over(connection: Connection | None) -> bool:
    return connection is not None and connection.first_ending is not None


def _place(finding: Finding) -> int:
    return finding.time or 0
