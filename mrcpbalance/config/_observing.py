"""What of a running proxy can be seen, and by whom: the admin interface, the log, recordings."""

from typing import Literal

import attrs

from ._address import Address
from ._kinds import ADMIN_BIND, FILE, SWITCH, choice, size, whole
from ._sections import setting


@attrs.frozen(kw_only=True)
class AdminConfig:
    """Where the admin interface listens; without this table there is none."""

    bind: Address | str = attrs.field(  # a str is the path of a unix socket
        factory=lambda: Address("127.0.0.1", 8090),
        metadata=setting(ADMIN_BIND, 'An address, or a unix socket as in `"unix:/run/mrcpbalance.sock"`.'),
    )
    token_file: str | None = attrs.field(
        default=None,
        metadata=setting(
            FILE,
            "A file with the token that requests must carry (`Authorization: Bearer`). Required where `bind` is neither"
            " loopback nor a unix socket.",
        ),
    )
    read_token_file: str | None = attrs.field(
        default=None,
        metadata=setting(
            FILE,
            "A file with another token, for those who may look but give no orders. Only beside `token_file`.",
        ),
    )
    measure_requests: bool = attrs.field(
        default=True,
        metadata=setting(
            SWITCH,
            "Whether MRCP requests are measured for the metrics `request_seconds` and `completion_total`; costs up to a tenth"
            " of the time that a message takes.",
        ),
    )
    event_streams: int = attrs.field(
        default=32,
        metadata=setting(
            whole(0, 1_000),
            "Clients that may be told at a time what happens, open pages among them; 0: none.",
        ),
    )
    event_queue: int = attrs.field(
        default=256,
        metadata=setting(
            whole(1, 65_536),
            "Events that may wait for such a client; what is more it is told to have missed.",
        ),
    )
    message_streams: int = attrs.field(
        default=16,
        metadata=setting(
            whole(0, 1_000), "Clients that may listen to the messages of live sessions at a time; 0: none."
        ),
    )
    message_queue: int = attrs.field(
        default=256,
        metadata=setting(
            whole(1, 65_536),
            "Messages that may wait for such a client; what is more it is told to have missed.",
        ),
    )
    message_bodies: bool = attrs.field(
        default=False,
        metadata=setting(
            SWITCH,
            "Whether operators who listen get the bodies of messages too, and so what people said. Without it: start-lines,"
            " directions, times and sizes.",
        ),
    )


@attrs.frozen(kw_only=True)
class LogConfig:
    """How log lines are written to stderr."""

    format: Literal["json", "console"] = attrs.field(
        default="json",
        metadata=setting(choice("json", "console"), "`json` for machines, `console` for people."),
    )
    transcript: Literal["none", "start-lines", "bodies"] = attrs.field(
        default="none",
        metadata=setting(
            choice("none", "start-lines", "bodies"),
            "What each `session-end` line tells of the session's messages: nothing, their start-lines, or bodies too.",
        ),
    )
    transcript_redact: bool = attrs.field(
        default=True,
        metadata=setting(
            SWITCH,
            "Whether a transcript leaves out what may be personal: what bodies say (SDP stays), and users in SIP and RTSP URIs.",
        ),
    )
    transcript_entries: int = attrs.field(
        default=100,
        metadata=setting(
            whole(1, 10_000), "Messages in the transcript of one session; further ones are counted."
        ),
    )


@attrs.frozen(kw_only=True)
class RecordConfig:
    """What of the sessions' messages is written to capture files, for Wireshark and `mrcpbalance inspect`."""

    directory: str | None = attrs.field(
        default=None,
        metadata=setting(
            FILE,
            "Where a file is kept for each session that is wanted; it must exist. Without it none are kept: `mrcpbalance record`"
            " takes what passes.",
        ),
    )
    sessions: Literal["failed", "all"] = attrs.field(
        default="failed",
        metadata=setting(
            choice("failed", "all"),
            "Which sessions are kept: those that ended otherwise than by their caller, an operator or their backend's goodbye, or"
            " all.",
        ),
    )
    sample: int = attrs.field(
        default=100,
        metadata=setting(
            whole(1, 100), "How many of each hundred sessions are looked at for that, by chance."
        ),
    )
    keep: int = attrs.field(
        default=100,
        metadata=setting(whole(1, 100_000), "Files that are kept; the oldest makes room for a new one."),
    )
    bodies: bool = attrs.field(
        default=False,
        metadata=setting(
            SWITCH,
            "Whether kept files have what people said. Without it bodies are masked, octet for octet; heads and SDP stay.",
        ),
    )
    session_size: int = attrs.field(
        default=1024**2,
        metadata=setting(
            size(4096, 1024**3),
            "Octets of messages held of one session until it is clear whether it is wanted; then the oldest but the first ones"
            " are left out.",
        ),
    )
    memory: int = attrs.field(
        default=64 * 1024**2,
        metadata=setting(
            size(65_536, 64 * 1024**3),
            "Octets of messages held of all sessions together; further ones are left out.",
        ),
    )
    streams: int = attrs.field(
        default=4,
        metadata=setting(whole(0, 100), "Recordings that `mrcpbalance record` may take at a time; 0: none."),
    )
    waiting: int = attrs.field(
        default=4 * 1024**2,
        metadata=setting(
            size(65_536, 1024**3),
            "Octets that wait for who takes such a recording; what is more is left out.",
        ),
    )
