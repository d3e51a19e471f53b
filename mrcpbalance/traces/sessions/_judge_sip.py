"""How a session of MRCPv2 went."""

from bisect import bisect_left
from collections import Counter
from typing import TYPE_CHECKING, Final

from mrcpbalance.traces._limits import SECOND
from mrcpbalance.traces._show import show, span
from mrcpbalance.traces.capture import Connection, Ending
from mrcpwire import Wire, sip

from ._book import Book
from ._judge import (
    in_progress,
    is_due,
    lost_answers,
    not_set_up,
    order_of_ids,
    perhaps,
    refused_requests,
    session,
)
from ._session import End, Outcome, Session

if TYPE_CHECKING:
    from ._sip import Call

_SOON: Final = 5 * SECOND  # from the answer to the control connection
_NOWHERE: Final = frozenset(["0.0.0.0", "::", "127.0.0.1", "::1"])  # noqa: S104  what some servers announce


def judge(call: "Call", now: int, book: Book) -> Session | None:
    """Make the session of a call; None for a call that isn't about MRCP."""
    if not call.is_mrcp and not call.cut:
        book.passed_over("SIP calls without MRCP")
        return None
    connections = _control(call, book)
    for connection in connections:
        call.use(connection)
    ending = _loss(call, connections)
    outcome = _outcome(call, ending, now, book)
    _signalling(call, now, book)
    _answers(call)
    _connection(call, connections, now, book)
    _bye(call, ending, connections, now, book)
    lost_answers(call, now, book, "M-30")
    refused_requests(call)
    order_of_ids(call)
    if outcome.end is End.CUT:
        in_progress(call)
    return session(call, outcome)


def _control(call: "Call", book: Book) -> list[Connection]:
    """Give the control connections: those with its messages, else one that was opened for it and stayed silent."""
    where = {channel.where for channel in call.channels.values()}
    used = [one for one in call.connections if one.server in where or _carried(call, one)]
    if used or call.up is None:
        return used
    for endpoint in where:
        opened = book.idle.get(endpoint, []) if endpoint is not None else []
        for connection in opened[bisect_left(opened, call.up, key=_opened) :]:
            if _opened(connection) > call.up + _SOON:
                break
            if not connection.used:
                connection.used = True
                return [connection]
    return []


def _opened(connection: Connection) -> int:
    return connection.opened or 0


def _carried(call: "Call", connection: Connection) -> bool:
    return any(message.connection is connection and message.wire is Wire.MRCPV2 for message in call.messages)


def _loss(call: "Call", connections: list[Connection]) -> Ending | None:
    """Give the end of a control connection that came before anybody had given the channels up."""
    endings = [one.first_ending for one in connections if one.first_ending is not None]
    if not endings:
        return None
    first = min(endings, key=lambda ending: ending.time)
    over = [time for time in (call.removed, call.bye.time if call.bye else None) if time is not None]
    return None if over and min(over) <= first.time else first


def _outcome(call: "Call", ending: Ending | None, now: int, book: Book) -> Outcome:
    if call.up is None and call.captured:
        if call.status is None and call.cancelled:
            return Outcome(end=End.FAILED, detail="given up by the caller", by="caller")
        waiting = next(iter(call.pending.values()), None)
        return not_set_up(call, waiting, now, book)
    by_caller = call.bye is not None and call.bye.to_server
    if by_caller and (ending is None or ending.side == "caller"):
        return Outcome(end=End.COMPLETED)
    over = call.bye is not None or (ending is not None and now - ending.time > book.limits.patience)
    if ending is not None and (over or ending.side == "server"):
        return Outcome(end=End.CUT, detail=str(ending), by=ending.side)
    if over:
        return Outcome(end=End.CUT, detail="the server hung up", by="server")
    return Outcome(end=End.UNFINISHED)


def _signalling(call: "Call", now: int, book: Book) -> None:
    if call.cut:
        call.find("cut-description", "a session description was not captured whole")
    for request in call.pending.values():
        parsed = request.parsed
        assert isinstance(parsed, sip.Request)
        if not request.answered and is_due(request, now, book):
            text = f"{show(parsed.method, 40)} has no final answer{perhaps(request.connection)}"
            call.find("lost-answer", text, "S-03" if parsed.method == b"INVITE" else "S-09", request)
    again = [message for message in call.messages if message.again]
    for name, count in Counter(_name(message.parsed) for message in again).items():
        times = "once more" if count == 1 else f"{count} times more"
        first = next(message for message in again if _name(message.parsed) == name)
        call.find("retransmissions", f"{name} was sent {times}", "", first)
    if call.accepted is not None and not call.acknowledged and is_due(call.accepted, now, book):
        call.find("no-ack", "the 200 to the INVITE was never acknowledged", "S-05", call.accepted)


def _name(parsed: object) -> str:
    if isinstance(parsed, sip.Request):
        return show(parsed.method, 40)
    assert isinstance(parsed, sip.Response)
    return f"the {parsed.status} to {show(parsed.cseq[1], 40)}"


def _answers(call: "Call") -> None:
    """Look at the addresses of the answer (D-06)."""
    for channel in call.channels.values():
        name = show(channel.name, 80)
        if channel.where is None:
            call.find("no-address", f"the answer says not where to connect for {name}", "D-06", call.accepted)
        elif channel.where.host in _NOWHERE and channel.where.host != call.server.host:
            text = f"the answer sends {name} to {channel.where}, which is not the server"
            call.find("bad-address", text, "F-15", call.accepted)


def _connection(call: "Call", connections: list[Connection], now: int, book: Book) -> None:
    """Look for the control connection that should have followed the answer (M-21)."""
    if call.up is None or not call.channels or now - call.up < book.limits.patience:
        return
    refused = [one for one in connections if not one.accepted]
    for connection in refused:
        how = "was refused" if connection.first_ending is not None else "was never accepted"
        call.find("control-refused", f"the control connection to {connection.server} {how}", "M-21")
    if not connections and book.saw_control:
        call.find("no-control", "no control connection was seen after the answer", "M-21", call.accepted)


def _bye(call: "Call", ending: Ending | None, connections: list[Connection], now: int, book: Book) -> None:
    """Compare the end of the control connection with the BYE (M-31)."""
    late = book.limits.late_bye
    if ending is not None:
        if call.bye is None:
            if now - ending.time > late:
                call.find("missing-bye", f"{ending} and no BYE followed", "M-31")
        elif call.bye.time - ending.time > late:
            who = "caller" if call.bye.to_server else "server"
            text = f"{ending} and the {who}'s BYE came {span(call.bye.time - ending.time)} later"
            call.find("late-bye", text, "M-31", call.bye)
    used = [one for one in connections if _carried(call, one)]
    if len(used) > 1:
        call.find("channel-moved", f"its channels were used on {len(used)} connections", "M-24")
    for message in call.messages:
        if (
            call.bye is not None
            and message.time > call.bye.time
            and message.mrcp is not None
            and message.to_server
        ):
            call.find("after-bye", "a request came after the BYE", "M-33", message)
