"""A capture as one HTML page that needs nothing else: all sessions, their ladders, their messages' heads."""

import datetime as dt
from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from mrcpbalance.traces._findings import Finding
from mrcpbalance.traces._limits import SECOND
from mrcpbalance.traces._show import show, span
from mrcpbalance.traces._trace import Trace
from mrcpbalance.traces.sessions import Message, Session
from mrcpwire import mrcpv2, rtsp

from ._ladder import ladder
from ._svg import STYLE, figure
from ._words import label

_MOST_LADDERS: Final = 200
_MOST_LINES: Final = 60  # of a message's head

_PAGE_STYLE: Final = """\
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:100rem;padding:0 1.5rem;color:#1f2430;background:#fff}
h1{font-size:1.5rem;margin-bottom:.2rem}.faint{color:#5b6472}.bad{color:#c02626}
table{border-collapse:collapse;margin:1.2rem 0;display:block;overflow-x:auto}
th,td{text-align:left;padding:.3rem .9rem .3rem 0;border-bottom:1px solid #dde1e8;white-space:nowrap;vertical-align:top}
td.number,th.number{text-align:right}a{color:#2458c5}
details.session{border-top:1px solid #dde1e8;padding:.6rem 0}summary{cursor:pointer}
.scroll{overflow-x:auto}pre{margin:.3rem 0 .8rem 1.2rem;white-space:pre-wrap;overflow-wrap:anywhere;font-size:12px}
details.message{margin-left:1.2rem}code{font-size:13px}
@media (prefers-color-scheme:dark){
body{color:#e4e8ef;background:#14171d}.faint{color:#9aa4b4}.bad{color:#ff7b7b}
th,td,details.session{border-color:#333a47}a{color:#7fa8ff}
}
"""
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
)
_NUMBERS: Final = frozenset(["#", "start", "set-up", "duration", "messages"])


def page(trace: Trace, sessions: Sequence[Session], name: str) -> str:
    """Write the page of these sessions of a capture called `name`; bodies of messages stay out (G-11)."""
    parts = [
        f"<h1>{len(sessions)} sessions</h1>",
        f'<p class="faint">{escape(name)}{_when(trace)}: {trace.packets} packets</p>',
        _table(trace, sessions),
        _findings(trace.findings, trace.start or 0),
        *(_session(trace, session, alone=len(sessions) == 1) for session in sessions[:_MOST_LADDERS]),
    ]
    if len(sessions) > _MOST_LADDERS:
        parts.append(f"<p>Ladders of the first {_MOST_LADDERS} sessions are shown.</p>")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(name)}: {len(sessions)} MRCP sessions</title>\n"
        f"<style>\n{_PAGE_STYLE}{STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )


def _when(trace: Trace) -> str:
    if trace.start is None:
        return ""
    # What a damaged file says may lie beyond the calendar.
    try:
        moment = dt.datetime.fromtimestamp(trace.start // SECOND, tz=dt.UTC)
    except (OverflowError, ValueError, OSError):
        return ""
    return moment.strftime(", from %Y-%m-%d %H:%M:%S UTC")


def _table(trace: Trace, sessions: Sequence[Session]) -> str:
    heads = "".join(f"<th{_number(head)}>{head}</th>" for head in _HEADS)
    rows = "".join(_table_row(trace, session) for session in sessions)
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _table_row(trace: Trace, session: Session) -> str:
    bad = ' class="bad"' if session.outcome.end.is_failure else ""
    cells = (
        f'<a href="#s{session.number}">{session.number}</a>',
        f"{(session.start - (trace.start or 0)) / SECOND:.3f} s",
        session.protocol.title,
        escape(str(session.caller)),
        escape(str(session.server)),
        escape(", ".join(session.resources)),
        span(session.set_up) if session.set_up is not None else "",
        span(session.duration),
        str(session.message_count),
        f"<span{bad}>{escape(str(session.outcome))}</span>",
    )
    return (
        "<tr>"
        + "".join(f"<td{_number(head)}>{cell}</td>" for head, cell in zip(_HEADS, cells, strict=True))
        + "</tr>"
    )


def _number(head: str) -> str:
    return ' class="number"' if head in _NUMBERS else ""


def _findings(findings: Iterable[Finding], start: int) -> str:
    items = "".join(f"<li>{escape(_finding(finding, start))}</li>" for finding in findings)
    return f"<ul>{items}</ul>" if items else ""


def _finding(finding: Finding, start: int) -> str:
    place = f"+{span(finding.time - start)}: " if finding.time is not None else ""
    rule = f" ({finding.rule})" if finding.rule else ""
    return f"{place}{finding.text}{rule}"


def _session(trace: Trace, session: Session, *, alone: bool) -> str:
    summary = f"{session.number}. {session.protocol.title}, {', '.join(session.resources)}, {session.outcome}"
    body = [
        f"<p>start +{span(session.start - (trace.start or 0))}; ids: <code>{escape(' '.join(session.keys))}</code></p>",
        _findings(session.findings, session.start),
    ]
    if session.messages:
        body.append(f'<div class="scroll">{figure([ladder(session)])}</div>')
        body += [_message(session, message) for message in session.messages]
    opened = " open" if alone else ""
    # The mark stands within, so that following a link to it opens what it is in.
    return (
        f'<details class="session"{opened}><summary>{escape(summary)}</summary>\n<div id="s{session.number}">'
        + "\n".join(body)
        + "</div></details>"
    )


def _message(session: Session, message: Message) -> str:
    title = f"{span(message.time - session.start)}  {message.source} → {message.target}  {label(message)}"
    head = escape("\n".join(show(line) for line in _head(message)[:_MOST_LINES]))
    size = len(message.parsed.body)
    body = f'<span class="faint">and {size} octets of body</span>' if size else ""
    return f'<details class="message"><summary>{escape(title)}</summary><pre>{head}\n{body}</pre></details>'


def _head(message: Message) -> list[bytes]:
    """Give the lines before a message's body; of MRCPv1, the heads of both messages."""
    raw = message.raw
    parsed = message.parsed
    if isinstance(parsed, mrcpv2.Message):
        return raw[: len(raw) - len(parsed.body)].splitlines()
    lines = raw[: len(raw) - len(parsed.body)].splitlines()
    if isinstance(parsed, rtsp.Request | rtsp.Response) and message.mrcp is not None:
        lines += parsed.body.partition(b"\r\n\r\n")[0].splitlines()
    return lines
