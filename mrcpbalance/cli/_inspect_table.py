"""The table of sessions for the eye, and what was found wrong."""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Final

import click

from mrcpbalance.traces import Finding, Session, Trace, span
from mrcpwire import Wire

_MOST_FINDINGS: Final = 40
_NANOSECONDS: Final = 1_000_000_000
_HEADS: Final = (
    "#",
    "start",
    "protocol",
    "caller",
    "server",
    "resources",
    "set-up",
    "duration",
    "messages",
    "outcome",
    "causes",
    "id",
)
_RIGHT: Final = frozenset(["#", "start", "set-up", "duration", "messages"])
_SPARE: Final = ("id", "start", "messages", "causes")  # what a narrow terminal goes without, in this order
_GAP: Final = "  "
_NAMES: Final = {Wire.SIP: "SIP", Wire.RTSP: "RTSP", Wire.MRCPV2: "MRCPv2"}


def report(trace: Trace, sessions: Sequence[Session], *, width: int | None) -> Iterator[str]:
    """Give the lines behind the number of sessions; a terminal's width leaves columns out, None leaves none."""
    yield from _overview(trace)
    if sessions:
        yield ""
        yield from _table(trace, sessions, width)
    yield from _findings(trace, sessions)


def _overview(trace: Trace) -> Iterator[str]:
    yield f"{_things(trace.packets, 'packet')}{_when(trace)}"
    seen = [f"{trace.messages[wire]} {name}" for wire, name in _NAMES.items() if trace.messages.get(wire)]
    if seen:
        yield f"messages: {', '.join(seen)}"
    if trace.outside:
        yield f"in no session: {', '.join(f'{count} {what}' for what, count in trace.outside.items())}"
    passed = [_things(trace.rtp, "RTP packet")] * bool(trace.rtp)
    passed += [_things(trace.encrypted, "encrypted connection")] * bool(trace.encrypted)
    if passed:
        yield f"passed over: {', '.join(passed)}"


def _when(trace: Trace) -> str:
    if trace.start is None or trace.end is None:
        return ""
    try:
        moment = dt.datetime.fromtimestamp(trace.start // _NANOSECONDS, tz=dt.UTC)
    except (OverflowError, ValueError, OSError):  # a damaged time may lie beyond the calendar
        return f" in {span(trace.end - trace.start)}"
    return f" in {span(trace.end - trace.start)} from {moment:%Y-%m-%d %H:%M:%S} UTC"


def _table(trace: Trace, sessions: Sequence[Session], width: int | None) -> Iterator[str]:
    rows = [_HEADS, *(_row(trace, session) for session in sessions)]
    widths = {head: max(len(row[place]) for row in rows) for place, head in enumerate(_HEADS)}
    shown = list(_HEADS)
    for head in _SPARE:
        if width is not None and sum(widths[one] for one in shown) + len(_GAP) * len(shown) > width:
            shown.remove(head)
    for row, session in zip(rows, (None, *sessions), strict=True):
        cells = dict(zip(_HEADS, row, strict=True))
        aligned = {
            head: cells[head].rjust(widths[head]) if head in _RIGHT else cells[head].ljust(widths[head])
            for head in shown
        }
        if session is not None and session.outcome.end.is_failure:
            aligned["outcome"] = click.style(aligned["outcome"], fg="red")
        yield _GAP.join(aligned.values()).rstrip()


def _row(trace: Trace, session: Session) -> tuple[str, ...]:
    return (
        str(session.number),
        f"{(session.start - (trace.start or 0)) / _NANOSECONDS:.3f}",
        session.protocol.title,
        str(session.caller),
        str(session.server),
        ",".join(session.resources),
        span(session.set_up) if session.set_up is not None else "-",
        span(session.duration),
        str(session.message_count),
        str(session.outcome),
        ", ".join(_causes(session)),
        session.id,
    )


def _causes(session: Session) -> list[str]:
    """Name how requests completed, each way once, those of events first."""
    told = sorted(session.causes, key=lambda one: not one.told_by.endswith("-COMPLETE"))
    events = [one for one in told if one.told_by.endswith("-COMPLETE")]
    names = [one.cause.partition(" ")[2] or one.cause for one in events or told]
    return list(dict.fromkeys(names))


def _findings(trace: Trace, sessions: Sequence[Session]) -> Iterator[str]:
    lines = [_finding("", finding, trace) for finding in trace.findings]
    for session in sessions:
        lines += [_finding(f"session {session.number}", finding, trace) for finding in session.findings]
    if lines:
        yield ""
        yield "findings:"
    yield from lines[:_MOST_FINDINGS]
    if len(lines) > _MOST_FINDINGS:
        yield f"  and {len(lines) - _MOST_FINDINGS} more; --json has them all"


def _finding(where: str, finding: Finding, trace: Trace) -> str:
    places = [where] if where else []
    if finding.time is not None:
        places.append(f"{(finding.time - (trace.start or 0)) / _NANOSECONDS:.3f} s")
    if finding.packet:
        places.append(f"packet {finding.packet}")
    rule = f", {finding.rule}" if finding.rule else ""
    begin = f"{', '.join(places)}: " if places else ""
    return f"  {begin}{finding.text} ({finding.code}{rule})"


def _things(count: int, thing: str) -> str:
    return f"{count} {thing}{'s' if count != 1 else ''}"
